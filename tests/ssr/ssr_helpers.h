/*
 * ssr_helpers.h - a folder of templates under /tmp and short forms of rendering, for the tests.
 */
#ifndef PERFOPT_TESTS_SSR_HELPERS_H
#define PERFOPT_TESTS_SSR_HELPERS_H

#include "base/file.h"

#include <perfopt/ssr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char test_root[64];

static inline void make_root(void)
{
    strcpy(test_root, "/tmp/perfopt-ssr-XXXXXX");
    assert_non_null(mkdtemp(test_root));
}

static inline void remove_root(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", test_root);
    assert_int_equal(system(command), 0);
}

static inline void write_template(const char *name, const char *source)
{
    char path[256];
    perfopt_error err = PERFOPT_ERROR_INIT;
    snprintf(path, sizeof(path), "%s/%s", test_root, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(perfopt__make_folders(path, &err), PERFOPT_OK);
    *slash = '/';
    assert_int_equal(perfopt__file_replace(path, source, strlen(source), &err), PERFOPT_OK);
}

static inline void remove_template(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", test_root, name);
    assert_int_equal(unlink(path), 0);
}

/* The page, to be freed. */
static inline char *render(perfopt_ssr *ssr, const char *name, const perfopt_context *context)
{
    perfopt_bytes *out = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status st = perfopt_ssr_render(ssr, name, context, &out, &err);
    if (st != PERFOPT_OK)
        print_error("%s\n", err.message);
    assert_int_equal(st, PERFOPT_OK);
    char *text = strndup(perfopt_bytes_data(out), perfopt_bytes_length(out));
    perfopt_bytes_release(out);
    return text;
}

static inline void renders(perfopt_ssr *ssr, const char *name, const perfopt_context *context,
                           const char *wanted)
{
    char *text = render(ssr, name, context);
    assert_string_equal(text, wanted);
    free(text);
}

static inline perfopt_status render_source(perfopt_ssr *ssr, const char *source,
                                           const perfopt_context *context, perfopt_error *err)
{
    perfopt_bytes *out = NULL;
    perfopt_status st =
        perfopt_ssr_render_string(ssr, NULL, source, strlen(source), context, &out, err);
    assert_true((st == PERFOPT_OK) == (out != NULL));
    perfopt_bytes_release(out);
    return st;
}

static inline void source_gives(perfopt_ssr *ssr, const char *source,
                                const perfopt_context *context, const char *wanted)
{
    perfopt_bytes *out = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status st =
        perfopt_ssr_render_string(ssr, NULL, source, strlen(source), context, &out, &err);
    if (st != PERFOPT_OK)
        print_error("%s\n", err.message);
    assert_int_equal(st, PERFOPT_OK);
    assert_string_equal(perfopt_bytes_data(out), wanted);
    perfopt_bytes_release(out);
}

#endif
