/*
 * precompile.c - perfopt precompile: builds assets and image variants of a folder.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: perfopt precompile [OPTION...] DIR [PATTERN...]\n"
    "\n"
    "Minifies, hashes and compresses the files below DIR that match a PATTERN (quoted globs such "
    "as\n"
    "'*.css'; default: all), and writes DIR/.perfopt with its manifest. Only what changed is "
    "built.\n"
    "\n"
    "  --output DIR      folder of the build; default DIR/.perfopt\n"
    "  --url-prefix P    path the files are served under; default /static/\n"
    "  --no-minify       only hash and compress\n"
    "  --no-compress     no gzip and brotli variants\n"
    "  --images          also make the resized variants of images\n"
    "  --verify          compare the build with its hashes instead; exit status 1 if it differs\n"
    "  --json            print the result as JSON\n";

enum {
    OPTION_OUTPUT,
    OPTION_PREFIX,
    OPTION_NO_MINIFY,
    OPTION_NO_COMPRESS,
    OPTION_IMAGES,
    OPTION_VERIFY,
    OPTION_JSON
};

static int verify(perfopt_assets *assets, bool json)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    uint32_t mismatches;
    if (perfopt_assets_regenerate_hashes(assets, false, &mismatches, &err) != PERFOPT_OK)
        return perfopt__cli_fail("precompile", 1, "%s", err.message);
    if (json)
        printf("{\"mismatches\": %u}\n", mismatches);
    else if (mismatches)
        printf("%u assets are stale, missing or damaged: run perfopt precompile again\n",
               mismatches);
    else
        printf("all assets match their hashes\n");
    return mismatches ? 1 : 0;
}

static void print_assets(const perfopt_precompile_result *r, bool json)
{
    if (json)
        printf("{\"files\": %u, \"built\": %u, \"failed\": %u, \"compressed\": %u, \"raw_bytes\": "
               "%llu, \"minified_bytes\": %llu, \"gzip_bytes\": %llu, \"took_ms\": %lld}\n",
               r->files, r->built, r->failed, r->compressed, (unsigned long long)r->raw_bytes,
               (unsigned long long)r->minified_bytes, (unsigned long long)r->gzip_bytes,
               (long long)r->took_ms);
    else
        printf("%u files, %u built, %u failed, %u compressed: %llu -> %llu bytes, gzip %llu, in "
               "%lld ms\n",
               r->files, r->built, r->failed, r->compressed, (unsigned long long)r->raw_bytes,
               (unsigned long long)r->minified_bytes, (unsigned long long)r->gzip_bytes,
               (long long)r->took_ms);
}

static int build_images(perfopt_assets *assets, const char *root, bool json)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_frontend *frontend;
    perfopt_images_result r;
    if (perfopt_frontend_create(PERFOPT_FRONTEND_OPTIONS(.image_root = root), assets, &frontend,
                                &err) != PERFOPT_OK)
        return perfopt__cli_fail("precompile", 1, "%s", err.message);
    char label[] = "images";
    perfopt_status status =
        perfopt_images_precompile(frontend, NULL, perfopt__cli_progress, label, &r, &err);
    perfopt_frontend_destroy(frontend);
    if (status != PERFOPT_OK)
        return perfopt__cli_fail("precompile", 1, "%s", err.message);
    printf(json ? "{\"images\": %u, \"variants\": %u, \"built\": %u, \"failed\": %u, "
                  "\"took_ms\": %lld}\n"
                : "%u images, %u variants, %u built, %u failed in %lld ms\n",
           r.images, r.variants, r.built, r.failed, (long long)r.took_ms);
    return r.failed ? 1 : 0;
}

static int build(perfopt_assets *assets, const cli_arguments *given)
{
    bool json = given->values[OPTION_JSON] != NULL;
    if (given->values[OPTION_VERIFY])
        return verify(assets, json);
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_precompile_result result;
    const char *const *patterns =
        given->rest_count > 1 ? (const char *const *)(given->rest + 1) : NULL;
    char label[] = "assets";
    if (perfopt_assets_precompile(assets, patterns, perfopt__cli_progress, label, &result, &err) !=
        PERFOPT_OK)
        return perfopt__cli_fail("precompile", 1, "%s", err.message);
    print_assets(&result, json);
    int status = result.failed ? 1 : 0;
    if (given->values[OPTION_IMAGES] && build_images(assets, given->rest[0], json) != 0)
        status = 1;
    return status;
}

int perfopt__cli_precompile(int argc, char **argv)
{
    static const cli_option options[] = {
        {"output", true},  {"url-prefix", true}, {"no-minify", false}, {"no-compress", false},
        {"images", false}, {"verify", false},    {"json", false},      {NULL, false}};
    cli_arguments given;
    int status = perfopt__cli_read(argc, argv, options, help, &given);
    if (status >= 0)
        return status;
    if (given.rest_count < 1)
        return perfopt__cli_fail("precompile", 2, "a DIR is needed; try --help");
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_assets *assets;
    if (perfopt_assets_create(
            PERFOPT_ASSETS_OPTIONS(.root = given.rest[0], .output = given.values[OPTION_OUTPUT],
                                   .url_prefix = given.values[OPTION_PREFIX],
                                   .minify = given.values[OPTION_NO_MINIFY] ? PERFOPT_OFF
                                                                            : PERFOPT_DEFAULT,
                                   .compress = given.values[OPTION_NO_COMPRESS] ? PERFOPT_OFF
                                                                                : PERFOPT_DEFAULT),
            &assets, &err) != PERFOPT_OK)
        return perfopt__cli_fail("precompile", 1, "%s", err.message);
    status = build(assets, &given);
    perfopt_assets_destroy(assets);
    return status;
}
