/*
 * minify.c - perfopt minify: one document to standard output.
 */
#include "cli/cli.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: perfopt minify [--type css|js|html|svg|json] [FILE]\n"
    "\n"
    "Writes the minified document to standard output. Without FILE it reads standard input and\n"
    "--type is needed. A syntax error is reported with line and column; nothing is written then.\n"
    "\n"
    "  --type TYPE   what it is; default: by the file's extension\n"
    "  --json        print {\"bytes_before\": N, \"bytes_after\": N} instead of the document\n";

static perfopt_asset_type type_by_name(const char *name)
{
    static const struct {
        const char *name;
        perfopt_asset_type type;
    } types[] = {{"css", PERFOPT_ASSET_CSS},
                 {"js", PERFOPT_ASSET_JS},
                 {"html", PERFOPT_ASSET_HTML},
                 {"svg", PERFOPT_ASSET_SVG},
                 {"json", PERFOPT_ASSET_JSON}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(name, types[i].name) == 0)
            return types[i].type;
    }
    return PERFOPT_ASSET_OTHER;
}

static int minify(perfopt_asset_type type, const char *name, const char *source, size_t length,
                  bool json)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_bytes *out;
    if (perfopt_minify(type, source, length, &out, &err) != PERFOPT_OK)
        return perfopt__cli_fail("minify", 1, "%s:%s: %s", name, err.detail, err.message);
    if (json)
        printf("{\"bytes_before\": %zu, \"bytes_after\": %zu}\n", length,
               perfopt_bytes_length(out));
    else
        fwrite(perfopt_bytes_data(out), 1, perfopt_bytes_length(out), stdout);
    perfopt_bytes_release(out);
    return 0;
}

int perfopt__cli_minify(int argc, char **argv)
{
    static const cli_option options[] = {{"type", true}, {"json", false}, {NULL, false}};
    cli_arguments given;
    int status = perfopt__cli_read(argc, argv, options, help, &given);
    if (status >= 0)
        return status;
    if (given.rest_count > 1)
        return perfopt__cli_fail("minify", 2, "one file at a time; perfopt precompile takes many");
    const char *file = given.rest_count ? given.rest[0] : NULL;
    perfopt_asset_type type = PERFOPT_ASSET_OTHER;
    if (given.values[0])
        type = type_by_name(given.values[0]);
    else if (file)
        type = perfopt_asset_type_of(file);
    if (type == PERFOPT_ASSET_OTHER)
        return perfopt__cli_fail("minify", 2, "say what it is: --type css, js, html, svg or json");
    size_t length;
    char *source = perfopt__cli_read_input("minify", file, &length);
    if (!source)
        return 1;
    status = minify(type, file ? file : "<stdin>", source, length, given.values[1] != NULL);
    perfopt__free(source);
    return status;
}
