/*
 * options.c - the command line of the news site.
 */
#include "news.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "Usage: news [OPTION...]\n"
    "\n"
    "Serves the example news site on 127.0.0.1.\n"
    "\n"
    "  --port N          port to listen on; 0 = any free one (default 8080)\n"
    "  --threads N       threads that answer requests (default 4)\n"
    "  --static DIR      folder with the assets and images (default static)\n"
    "  --templates DIR   folder with the templates (default templates)\n"
    "  --baseline        the same site without pool, caches, built assets and resized images\n"
    "  --prepare         build the assets and images, then exit\n"
    "  --help            this text\n"
    "\n"
    "Environment: DATABASE_URL (needed), and everything that perfopt_config_from_env() reads, "
    "such\n"
    "as REDIS_URL and PERFOPT_ADMIN_PASSWORD.\n";

static unsigned number(const char *name, const char *text, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value > max) {
        fprintf(stderr, "news: --%s: \"%s\" is no number up to %u\n", name, text, max);
        exit(2);
    }
    return (unsigned)value;
}

void news_options_read(int argc, char **argv, news_options *options)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},   {"threads", required_argument, NULL, 't'},
        {"static", required_argument, NULL, 's'}, {"templates", required_argument, NULL, 'm'},
        {"baseline", no_argument, NULL, 'b'},     {"prepare", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    *options = (news_options){.database_url = getenv("DATABASE_URL"),
                              .static_root = "static",
                              .template_root = "templates",
                              .editor = getenv("PERFOPT_ADMIN_USER"),
                              .password = getenv("PERFOPT_ADMIN_PASSWORD"),
                              .port = 8080,
                              .threads = 4};
    if (!options->editor)
        options->editor = "admin";
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'p':
            options->port = number("port", optarg, 65535);
            break;
        case 't':
            options->threads = number("threads", optarg, 256);
            break;
        case 's':
            options->static_root = optarg;
            break;
        case 'm':
            options->template_root = optarg;
            break;
        case 'b':
            options->baseline = true;
            break;
        case 'r':
            options->prepare_only = true;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            fputs("Try news --help.\n", stderr);
            exit(2);
        }
    }
    if (!options->database_url && !options->prepare_only) {
        fputs("news: DATABASE_URL is not set; examples/news/run.sh starts a database and sets it\n",
              stderr);
        exit(2);
    }
    if (options->threads == 0)
        options->threads = 1;
}
