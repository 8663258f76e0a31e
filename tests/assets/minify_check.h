/*
 * minify_check.h - tables of (source, expected) for the minifier tests.
 */
#ifndef PERFOPT_TESTS_ASSETS_MINIFY_CHECK_H
#define PERFOPT_TESTS_ASSETS_MINIFY_CHECK_H

#include <perfopt/assets.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct minify_case {
    const char *source;
    const char *expected; /* NULL = unchanged */
} minify_case;

/* Minifies into a malloc'ed string, NULL if the document was refused. The source is copied to the
 * end of an exact allocation, so that reading one byte too far is seen. */
static inline char *minify_text(perfopt_asset_type type, const char *source, size_t length,
                                perfopt_error *err)
{
    char *exact = malloc(length ? length : 1);
    memcpy(exact, source, length);
    perfopt_bytes *out = NULL;
    perfopt_status status = perfopt_minify(type, exact, length, &out, err);
    free(exact);
    if (status != PERFOPT_OK) {
        assert_null(out);
        return NULL;
    }
    char *text = malloc(perfopt_bytes_length(out) + 1);
    memcpy(text, perfopt_bytes_data(out), perfopt_bytes_length(out) + 1);
    perfopt_bytes_release(out);
    return text;
}

/* Each result must be as expected, and must not change when it is minified again. */
static inline void check_minify(perfopt_asset_type type, const minify_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *expected = cases[i].expected ? cases[i].expected : cases[i].source;
        perfopt_error err = PERFOPT_ERROR_INIT;
        char *once = minify_text(type, cases[i].source, strlen(cases[i].source), &err);
        if (!once || strcmp(once, expected) != 0)
            fail_msg("case %zu\n  source   %s\n  expected %s\n  got      %s %s", i, cases[i].source,
                     expected, once ? once : "(refused)", err.message);
        char *twice = minify_text(type, once, strlen(once), &err);
        if (!twice || strcmp(twice, expected) != 0)
            fail_msg("case %zu, second time\n  source   %s\n  expected %s\n  got      %s %s", i,
                     cases[i].source, expected, twice ? twice : "(refused)", err.message);
        free(once);
        free(twice);
    }
}

/* Refused with PERFOPT_ESYNTAX at "line:column". */
static inline void check_refused(perfopt_asset_type type, const char *source, const char *place)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    char *text = minify_text(type, source, strlen(source), &err);
    if (text)
        fail_msg("%s\n  was taken, as %s", source, text);
    assert_int_equal(err.status, PERFOPT_ESYNTAX);
    if (strcmp(err.detail, place) != 0)
        fail_msg("%s\n  expected at %s, got %s (%s)", source, place, err.detail, err.message);
}

#define CHECK_MINIFY(type, cases) check_minify(type, cases, sizeof(cases) / sizeof((cases)[0]))

#endif
