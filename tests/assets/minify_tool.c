/*
 * minify_tool.c - minifies many files in one process, for the tests that compare the results with
 * what other parsers make of them:
 *
 *     assets_minify_tool OUTPUT_FOLDER FIRST FILE...
 *
 * The n-th FILE is written to OUTPUT_FOLDER/(FIRST + n), or its error to that name with ".error".
 */
#include "base/file.h"
#include "base/memory.h"

#include <perfopt/assets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int minify_one(const char *path, const char *output)
{
    char error_path[4096];
    snprintf(error_path, sizeof(error_path), "%s.error", output);
    char *text;
    size_t length;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (perfopt__file_read(path, 64 << 20, &text, &length, &err) != PERFOPT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    perfopt_bytes *out = NULL;
    perfopt_status status = perfopt_minify(perfopt_asset_type_of(path), text, length, &out, &err);
    if (status == PERFOPT_OK)
        status =
            perfopt__file_replace(output, perfopt_bytes_data(out), perfopt_bytes_length(out), &err);
    else
        status = perfopt__file_replace(error_path, err.message, strlen(err.message), &err);
    perfopt_bytes_release(out);
    perfopt__free(text);
    if (status != PERFOPT_OK)
        fprintf(stderr, "%s\n", err.message);
    return status == PERFOPT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: assets_minify_tool OUTPUT_FOLDER FIRST FILE...\n");
        return 2;
    }
    long first = strtol(argv[2], NULL, 10);
    for (int i = 3; i < argc; i++) {
        char output[4096];
        snprintf(output, sizeof(output), "%s/%ld", argv[1], first + i - 3);
        if (minify_one(argv[i], output) != 0)
            return 1;
    }
    return 0;
}
