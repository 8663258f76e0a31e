/*
 * negotiate.c - the header rules of RFC 9110 for pages: lists, media types, entity tags. Content
 * codings and the comparison of tags are the same as for assets, and are shared with them.
 */
#include "http/http_internal.h"

#include "assets/assets_internal.h"
#include "base/clock.h"
#include "base/hash.h"

#include <stdio.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Next element of a comma-separated header, blanks around it removed; false at the end. */
static bool next_element(const char **cursor, const char **element, size_t *length)
{
    const char *p = *cursor;
    while (*p == ',' || is_blank(*p))
        p++;
    if (!*p)
        return false;
    const char *end = p;
    bool quoted = false;
    for (; *end && (quoted || *end != ','); end++) {
        if (*end == '"')
            quoted = !quoted;
    }
    *cursor = end;
    while (end > p && is_blank(end[-1]))
        end--;
    *element = p;
    *length = (size_t)(end - p);
    return true;
}

static bool names(const char *element, size_t length, const char *token)
{
    size_t n = strlen(token);
    return length >= n && strncasecmp(element, token, n) == 0 &&
           (length == n || element[n] == ';' || element[n] == '=' || is_blank(element[n]));
}

bool perfopt__accepts_gzip(const char *accept_encoding)
{
    const uint64_t sizes[ENCODING_COUNT] = {[ENCODING_IDENTITY] = 2, [ENCODING_GZIP] = 1};
    return perfopt__negotiate(accept_encoding, sizes) == ENCODING_GZIP;
}

bool perfopt__list_has(const char *list, const char *token)
{
    const char *element;
    size_t length;
    while (list && next_element(&list, &element, &length)) {
        if (names(element, length, token))
            return true;
    }
    return false;
}

bool perfopt__next_name(const char **cursor, const char **name, size_t *length)
{
    if (!*cursor)
        return false;
    *name = *cursor + strspn(*cursor, ", ");
    *length = strcspn(*name, ", ");
    *cursor = *name + *length;
    return *length > 0;
}

bool perfopt__is_text_like(const char *content_type)
{
    static const char *const types[] = {"application/json",          "application/javascript",
                                        "application/xml",           "application/xhtml+xml",
                                        "application/manifest+json", "image/svg+xml"};
    if (!content_type)
        return false;
    if (strncasecmp(content_type, "text/", 5) == 0)
        return true;
    size_t length = strcspn(content_type, "; \t");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strlen(types[i]) == length && strncasecmp(content_type, types[i], length) == 0)
            return true;
    }
    return (length > 4 && strncasecmp(content_type + length - 4, "+xml", 4) == 0) ||
           (length > 5 && strncasecmp(content_type + length - 5, "+json", 5) == 0);
}

void perfopt__make_etag(const void *body, size_t length, bool gzip, char out[32])
{
    snprintf(out, 32, "\"%016llx%s\"", (unsigned long long)perfopt__hash_stable(body, length),
             gzip ? "-gz" : "");
}

bool perfopt__sent_with_304(const char *name)
{
    static const char *const kept[] = {
        "Cache-Control", "Content-Location", "Date", "ETag", "Expires", "Vary", "Set-Cookie"};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (strcasecmp(name, kept[i]) == 0)
            return true;
    }
    return false;
}

bool perfopt__is_unchanged(const perfopt_request *req, const char *etag, const char *last_modified)
{
    const char *if_none_match = perfopt_request_header(req, "If-None-Match");
    if (if_none_match) {
        /* Weak comparison: a tag's "W/" does not count (RFC 9110 8.8.3.2). */
        bool weak = etag && strncmp(etag, "W/", 2) == 0;
        return etag && perfopt__etag_matches(if_none_match, weak ? etag + 2 : etag);
    }
    const char *since = last_modified ? perfopt_request_header(req, "If-Modified-Since") : NULL;
    if (!since)
        return false;
    int64_t have = perfopt__http_date_parse(since);
    int64_t own = perfopt__http_date_parse(last_modified);
    return have >= 0 && own >= 0 && own <= have;
}
