/*
 * minify.c - perfopt_minify(): picks the minifier, bounds the input, and what all of them share.
 */
#include "assets/minify.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"

#include <stdio.h>
#include <strings.h>

#define MAX_BYTES (64u << 20)

typedef perfopt_status (*minify_fn)(const char *text, size_t length, perfopt__strbuf *out,
                                    perfopt_error *err);

static minify_fn minifier_of(perfopt_asset_type type)
{
    switch (type) {
    case PERFOPT_ASSET_CSS:
        return perfopt__minify_css;
    case PERFOPT_ASSET_JS:
        return perfopt__minify_js;
    case PERFOPT_ASSET_HTML:
        return perfopt__minify_html;
    case PERFOPT_ASSET_SVG:
        return perfopt__minify_svg;
    case PERFOPT_ASSET_JSON:
        return perfopt__minify_json;
    case PERFOPT_ASSET_OTHER:
        break;
    }
    return NULL;
}

perfopt_status perfopt_minify(perfopt_asset_type type, const char *source, size_t length,
                              perfopt_bytes **out, perfopt_error *err)
{
    minify_fn minify = minifier_of(type);
    if (!minify)
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED, "no minifier for asset type %d",
                                  (int)type);
    if (length > MAX_BYTES)
        return perfopt__error_set(err, PERFOPT_ELIMIT, "document of %zu bytes, more than %u",
                                  length, MAX_BYTES);
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    /* The result is hardly ever larger than the source, so this is the only growth. */
    perfopt__strbuf_reserve(&sb, length);
    perfopt_status status = minify(source, length, &sb, err);
    if (status == PERFOPT_OK && sb.failed)
        status = perfopt__error_nomem(err);
    if (status == PERFOPT_OK && perfopt_bytes_create(sb.data, sb.length, out) != PERFOPT_OK)
        status = perfopt__error_nomem(err);
    perfopt__strbuf_finish(&sb);
    return status;
}

perfopt_status perfopt__minify_fail(const char *text, size_t length, size_t offset,
                                    const char *what, perfopt_error *err)
{
    if (offset > length)
        offset = length;
    size_t line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    char place[48];
    snprintf(place, sizeof(place), "%zu:%zu", line,
             perfopt__utf8_count(text + line_start, offset - line_start) + 1);
    return perfopt__error_from(err, PERFOPT_ESYNTAX, PERFOPT_ORIGIN_PERFOPT, 0, place, "%s at %s",
                               what, place);
}

const char *perfopt__find_nocase(const char *text, size_t length, const char *needle)
{
    size_t n = strlen(needle);
    for (size_t i = 0; i + n <= length; i++) {
        if (strncasecmp(text + i, needle, n) == 0)
            return text + i;
    }
    return NULL;
}

bool perfopt__equals_nocase(const char *text, size_t length, const char *other)
{
    return strlen(other) == length && strncasecmp(text, other, length) == 0;
}

bool perfopt__comment_is_kept(const char *body, size_t length)
{
    return (length > 0 && body[0] == '!') || memmem(body, length, "@license", 8) ||
           memmem(body, length, "@preserve", 9);
}
