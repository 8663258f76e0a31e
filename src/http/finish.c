/*
 * finish.c - the last step of a response that is no stored page: entity tag, 304, gzip on the fly.
 * Only successful answers to GET and HEAD are negotiated; everything else goes out as it is.
 */
#include "http/http_internal.h"

#include "base/compress.h"
#include "base/memory.h"

/* A page that is not stored is compressed once per request: speed counts more than size. */
#define ON_THE_FLY_LEVEL 2

static bool is_negotiable(const perfopt_request *req, const perfopt_response *res)
{
    return !res->page && !res->failed && res->status == 200 && res->bytes &&
           perfopt__request_is_read(req) && !perfopt_response_get_header(res, "Content-Encoding") &&
           !perfopt_response_get_header(res, "Content-Range");
}

/* The handler's own tag stays, but the gzip form is another sequence of bytes: its tag is weak. */
static perfopt_status set_etag(perfopt_response *res, bool gzip)
{
    const char *own = perfopt_response_get_header(res, "ETag");
    if (!own) {
        char etag[32];
        perfopt__make_etag(perfopt_bytes_data(res->bytes), perfopt_bytes_length(res->bytes), gzip,
                           etag);
        return perfopt_response_set_header(res, "ETag", etag);
    }
    if (!gzip || strncmp(own, "W/", 2) == 0)
        return PERFOPT_OK;
    const char *weak = perfopt_arena_printf(res->req->arena, "W/%s", own);
    return weak ? perfopt_response_set_header(res, "ETag", weak) : PERFOPT_ENOMEM;
}

static void become_unchanged(perfopt_response *res)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < res->headers.count; i++) {
        if (perfopt__sent_with_304(res->headers.items[i].name))
            res->headers.items[kept++] = res->headers.items[i];
    }
    res->headers.count = kept;
    perfopt_response_set_status(res, 304);
    perfopt_response_set_bytes(res, NULL);
}

/* Replaces the body; without memory or gain it stays as it is. True if it was compressed. */
static bool compress_body(perfopt_response *res)
{
    char *data;
    size_t length;
    size_t raw = perfopt_bytes_length(res->bytes);
    if (perfopt__gzip(perfopt_bytes_data(res->bytes), raw, ON_THE_FLY_LEVEL, &data, &length) !=
        PERFOPT_OK)
        return false;
    bool smaller = length < raw;
    perfopt_bytes *bytes = NULL;
    if (smaller && perfopt_bytes_create(data, length, &bytes) == PERFOPT_OK)
        perfopt_response_set_bytes(res, bytes);
    perfopt_bytes_release(bytes);
    perfopt__free(data);
    return bytes != NULL;
}

void perfopt__response_negotiate(perfopt_request *req, perfopt_response *res)
{
    if (!is_negotiable(req, res))
        return;
    bool may_gzip = perfopt_bytes_length(res->bytes) >= req->http->options.gzip_min_bytes &&
                    perfopt__is_text_like(perfopt_response_get_header(res, "Content-Type"));
    if (may_gzip && perfopt__response_vary(res, "Accept-Encoding") != PERFOPT_OK)
        return; /* without Vary nothing may depend on Accept-Encoding */
    bool gzip = may_gzip && perfopt__accepts_gzip(perfopt_request_header(req, "Accept-Encoding"));
    /* The tag is that of the form to be sent, and it is made from the identity form: the client's
     * tag decides before anything is compressed. */
    if (set_etag(res, gzip) != PERFOPT_OK)
        return;
    if (perfopt__is_unchanged(req, perfopt_response_get_header(res, "ETag"),
                              perfopt_response_get_header(res, "Last-Modified"))) {
        become_unchanged(res);
        return;
    }
    if (gzip && perfopt_response_set_header(res, "Content-Encoding", "gzip") == PERFOPT_OK &&
        !compress_body(res))
        perfopt__response_remove_header(res, "Content-Encoding");
}
