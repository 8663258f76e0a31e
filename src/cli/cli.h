/*
 * cli.h - what the verbs of the perfopt command share. Each verb is one file with one function
 * `perfopt__cli_<verb>(argc, argv)`, argv[0] being the verb, that returns the exit status:
 * 0 done, 1 failed (or doctor found a problem), 2 wrong arguments.
 */
#ifndef PERFOPT_SRC_CLI_CLI_H
#define PERFOPT_SRC_CLI_CLI_H

#include <perfopt/perfopt.h>

int perfopt__cli_bench(int argc, char **argv);
int perfopt__cli_cache(int argc, char **argv);
int perfopt__cli_doctor(int argc, char **argv);
int perfopt__cli_minify(int argc, char **argv);
int perfopt__cli_precompile(int argc, char **argv);
int perfopt__cli_render(int argc, char **argv);

/* One option of a verb, for getopt_long and the loop around it. */
typedef struct cli_option {
    const char *name;
    bool has_value;
} cli_option;

/* What was read: values[i] belongs to options[i] (NULL = not given, "" = given without a value). */
typedef struct cli_arguments {
    const char *values[16];
    char **rest; /* the other arguments */
    int rest_count;
} cli_arguments;

/* Reads a verb's options; prints `help` for --help. Returns -1 to go on, else the exit status. */
int perfopt__cli_read(int argc, char **argv, const cli_option *options, const char *help,
                      cli_arguments *out);
/* "perfopt <verb>: <text>" on standard error; returns `status`. */
int perfopt__cli_fail(const char *verb, int status, const char *format, ...) PERFOPT_PRINTF(3, 4);
/* Reads a file, or standard input for NULL and "-"; at most 64 MiB; NULL after a message. */
char *perfopt__cli_read_input(const char *verb, const char *path, size_t *length);
/* A progress line on a terminal; nothing otherwise. `user` is the label. */
bool perfopt__cli_progress(size_t done, size_t total, const char *name, void *user);

#endif
