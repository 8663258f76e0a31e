/*
 * main.c - the perfopt command: finds the verb and runs it.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} verbs[] = {
    {"doctor", perfopt__cli_doctor, "is Redis there? PostgreSQL? are assets fresh? what is slow?"},
    {"precompile", perfopt__cli_precompile, "minify, hash and compress assets, resize images"},
    {"minify", perfopt__cli_minify, "minify one file to standard output"},
    {"render", perfopt__cli_render, "render one template to standard output"},
    {"cache", perfopt__cli_cache, "read and invalidate the site's cache in Redis"},
    {"bench", perfopt__cli_bench, "the library's micro-benchmarks as JSON lines"},
};

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]) };

static void print_help(FILE *out)
{
    fputs("Usage: perfopt VERB [OPTION...]\n\nVerbs:\n", out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].summary);
    fputs("\nperfopt VERB --help tells more. --version prints the version.\n"
          "Settings come from the environment, as in perfopt_config_from_env(): REDIS_URL,\n"
          "DATABASE_URL and others (docs/configuration.md).\n",
          out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("perfopt %s\n", perfopt_version());
        return 0;
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            int status = verbs[i].run(argc - 1, argv + 1);
            if (fflush(stdout) != 0) {
                perror("perfopt: standard output");
                return 1;
            }
            return status;
        }
    }
    fprintf(stderr, "perfopt: there is no verb \"%.40s\"; perfopt --help lists them\n", argv[1]);
    return 2;
}
