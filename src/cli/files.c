/*
 * files.c - options, input and progress, the same for every verb.
 */
#include "cli/cli.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_INPUT_BYTES = 64 << 20, MAX_OPTIONS = 16 };

int perfopt__cli_fail(const char *verb, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "perfopt %s: ", verb);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

int perfopt__cli_read(int argc, char **argv, const cli_option *options, const char *help,
                      cli_arguments *out)
{
    struct option known[MAX_OPTIONS + 2] = {0};
    int count = 0;
    for (; options[count].name; count++)
        known[count] = (struct option){options[count].name,
                                       options[count].has_value ? required_argument : no_argument,
                                       NULL, 256 + count};
    known[count] = (struct option){"help", no_argument, NULL, 'h'};
    *out = (cli_arguments){0};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (c == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (c < 256) {
            fprintf(stderr, "Try perfopt %s --help.\n", argv[0]);
            return 2;
        }
        out->values[c - 256] = optarg ? optarg : "";
    }
    out->rest = argv + optind;
    out->rest_count = argc - optind;
    return -1;
}

static char *read_stdin(const char *verb, size_t *length)
{
    perfopt__strbuf text = PERFOPT__STRBUF_INIT;
    char chunk[65536];
    ssize_t n;
    while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || text.length + (size_t)n > MAX_INPUT_BYTES) {
            perfopt__strbuf_finish(&text);
            perfopt__cli_fail(verb, 1, "standard input: %s",
                              n < 0 ? strerror(errno) : "more than 64 MiB");
            return NULL;
        }
        perfopt__strbuf_append(&text, chunk, (size_t)n);
    }
    char *data = perfopt__strbuf_take(&text, length);
    if (!data)
        perfopt__cli_fail(verb, 1, "out of memory");
    return data;
}

char *perfopt__cli_read_input(const char *verb, const char *path, size_t *length)
{
    if (!path || strcmp(path, "-") == 0)
        return read_stdin(verb, length);
    char *data;
    perfopt_error err;
    if (perfopt__file_read(path, MAX_INPUT_BYTES, &data, length, &err) == PERFOPT_OK)
        return data;
    perfopt__cli_fail(verb, 1, "%s", err.message);
    return NULL;
}

bool perfopt__cli_progress(size_t done, size_t total, const char *name, void *user)
{
    if (!isatty(STDERR_FILENO))
        return true;
    enum { WIDTH = 24 };
    int filled = total ? (int)(done * WIDTH / total) : WIDTH;
    fprintf(stderr, "\r\033[K%s [%.*s%.*s] %zu/%zu %.60s", (const char *)user, filled,
            "########################", WIDTH - filled, "........................", done, total,
            name);
    if (done == total)
        fputs("\r\033[K", stderr);
    return true;
}
