/*
 * minify.h - what the minifiers share. Each reads one whole document in a single pass, never
 * recurses, and appends to `out`; its memory beside the output is bounded by the nesting depth.
 */
#ifndef PERFOPT_SRC_ASSETS_MINIFY_H
#define PERFOPT_SRC_ASSETS_MINIFY_H

#include "base/strbuf.h"

#include <perfopt/assets.h>

/* ---- minify.c ---- */

/* Nesting that no honest document has; deeper ones are a syntax error. */
#define PERFOPT__MINIFY_MAX_DEPTH 100000

/* PERFOPT_ESYNTAX at a byte offset: detail "line:column", message "<what> at line:column". */
perfopt_status perfopt__minify_fail(const char *text, size_t length, size_t offset,
                                    const char *what, perfopt_error *err);
/* True for the body of a comment (what follows its opening marker) that must stay: a leading "!",
 * or "@license" or "@preserve" anywhere. */
bool perfopt__comment_is_kept(const char *body, size_t length);
/* As memmem for a NUL-terminated needle, without regard to ASCII case. */
const char *perfopt__find_nocase(const char *text, size_t length, const char *needle);
bool perfopt__equals_nocase(const char *text, size_t length, const char *other);

/* ---- one per language: <language>_minify.c ---- */

perfopt_status perfopt__minify_css(const char *text, size_t length, perfopt__strbuf *out,
                                   perfopt_error *err);
perfopt_status perfopt__minify_js(const char *text, size_t length, perfopt__strbuf *out,
                                  perfopt_error *err);
perfopt_status perfopt__minify_html(const char *text, size_t length, perfopt__strbuf *out,
                                    perfopt_error *err);
perfopt_status perfopt__minify_svg(const char *text, size_t length, perfopt__strbuf *out,
                                   perfopt_error *err);
perfopt_status perfopt__minify_json(const char *text, size_t length, perfopt__strbuf *out,
                                    perfopt_error *err);

static inline bool perfopt__is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

#endif
