/*
 * target.c - the request target (RFC 9112 3.2): "/path%20x?a=1" or "http://host/path". The path is
 * cut into segments before it is decoded, so that "%2F" inside a segment does not separate.
 *
 *     "/a%2Fb/c"  ->  path "/a/b/c", segments [1..4) "a/b" and [5..6) "c"
 */
#include "http/http_internal.h"

#include "base/url.h"

#include <strings.h>

/* Skips "http://host" of the absolute form; what follows must be a path. */
static const char *origin_form(const char *text)
{
    size_t scheme = 0;
    if (strncasecmp(text, "http://", 7) == 0)
        scheme = 7;
    else if (strncasecmp(text, "https://", 8) == 0)
        scheme = 8;
    if (scheme == 0)
        return text;
    const char *rest = text + scheme + strcspn(text + scheme, "/?");
    return *rest == '/' ? rest : "";
}

static bool is_parent(const char *text, size_t length)
{
    return length == 2 && text[0] == '.' && text[1] == '.';
}

/* After decoding, because "%2e%2e" and "a%2F..%2Fb" mean the same to whoever opens files. */
static bool has_parent_segment(const char *path)
{
    while (*path) {
        path++;
        size_t length = strcspn(path, "/");
        if (is_parent(path, length))
            return true;
        path += length;
    }
    return false;
}

/* Decodes the segments of `path` in place, one after the other. */
static perfopt_status decode_path(char *path, perfopt__segment *segments, uint32_t count)
{
    size_t out = 1;
    char *in = path + 1;
    for (uint32_t i = 0; i < count; i++) {
        size_t length = strcspn(in, "/");
        bool last = in[length] == '\0';
        size_t decoded = perfopt__percent_decode(in, length, false);
        if (decoded == SIZE_MAX || memchr(in, '\0', decoded))
            return PERFOPT_EINVAL;
        memmove(path + out, in, decoded);
        segments[i] = (perfopt__segment){(uint32_t)out, (uint32_t)decoded};
        out += decoded;
        if (!last)
            path[out++] = '/';
        in += length + 1;
    }
    path[out] = '\0';
    return has_parent_segment(path) ? PERFOPT_EINVAL : PERFOPT_OK;
}

static perfopt_status parse_path(perfopt_arena *arena, char *path, perfopt__target *out)
{
    uint32_t count = 0;
    for (const char *p = path; *p; p++)
        count += *p == '/';
    perfopt__segment *segments = perfopt_arena_alloc(arena, count * sizeof(*segments));
    if (!segments)
        return PERFOPT_ENOMEM;
    perfopt_status status = decode_path(path, segments, count);
    out->path = path;
    out->segments = segments;
    out->segment_count = count;
    return status;
}

perfopt_status perfopt__target_parse(perfopt_arena *arena, const char *text, perfopt__target *out)
{
    size_t length = strnlen(text, PERFOPT__MAX_TARGET + 1);
    if (length > PERFOPT__MAX_TARGET)
        return PERFOPT_EINVAL;
    text = origin_form(text);
    if (*text != '/')
        return PERFOPT_EINVAL;
    char *copy = perfopt_arena_copy(arena, text, strlen(text));
    if (!copy)
        return PERFOPT_ENOMEM;
    char *query = strchr(copy, '?');
    if (query)
        *query++ = '\0';
    perfopt_status status = parse_path(arena, copy, out);
    if (status == PERFOPT_OK && query)
        status = perfopt__pairs_parse_query(&out->args, arena, query);
    return status;
}
