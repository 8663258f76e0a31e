/*
 * serve_assets.c - files: hands the request to whoever has the file (the assets, the image
 * variants) and the answer to the response.
 */
#include "http/http_internal.h"

#include "assets/assets_internal.h"
#include "http/serve_file.h"

const char *perfopt__asset_prefix(const perfopt_assets *assets)
{
    return assets->url_prefix;
}

static void release_asset(void *user)
{
    perfopt_asset_response_finish(user);
}

static perfopt_status set_headers(perfopt_response *res, const perfopt_asset_response *asset)
{
    const char *const headers[][2] = {
        {"Content-Type", asset->content_type},
        {"Content-Encoding", asset->content_encoding},
        {"Cache-Control", asset->cache_control},
        {"ETag", asset->etag},
        {"Last-Modified", asset->last_modified},
        {"Content-Range", asset->content_range},
        {"Vary", asset->vary_accept_encoding ? "Accept-Encoding" : NULL},
        {"Accept-Ranges", asset->accept_ranges ? "bytes" : NULL},
        {"X-Content-Type-Options", "nosniff"},
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (!headers[i][1] || !*headers[i][1])
            continue;
        perfopt_status status = perfopt_response_set_header(res, headers[i][0], headers[i][1]);
        if (status != PERFOPT_OK)
            return status;
    }
    return PERFOPT_OK;
}

/* The body is the asset's own bytes if it is all of them, else (a range) a copy. */
static perfopt_status set_body(perfopt_response *res, const perfopt_asset_response *asset)
{
    if (!asset->body)
        return PERFOPT_OK;
    perfopt_bytes *bytes = asset->bytes_;
    if (!bytes || asset->body != perfopt_bytes_data(bytes) ||
        asset->body_length != perfopt_bytes_length(bytes))
        return perfopt_response_set_body(res, asset->body, asset->body_length);
    perfopt_response_set_bytes(res, bytes);
    return PERFOPT_OK;
}

perfopt_status perfopt__serve_file(perfopt_request *req, perfopt_response *res, const char *path,
                                   perfopt__file_source_fn source, void *user)
{
    perfopt_asset_response *asset = perfopt_arena_alloc(req->arena, sizeof(*asset));
    if (!asset)
        return PERFOPT_ENOMEM;
    const perfopt_asset_request request = {
        .path = path,
        .path_length = strlen(path),
        .accept_encoding = perfopt_request_header(req, "Accept-Encoding"),
        .if_none_match = perfopt_request_header(req, "If-None-Match"),
        .if_modified_since = perfopt_request_header(req, "If-Modified-Since"),
        .range = perfopt_request_header(req, "Range"),
        .if_range = perfopt_request_header(req, "If-Range"),
    };
    perfopt_status status = source(user, &request, asset);
    if (perfopt_arena_defer(req->arena, release_asset, asset) != PERFOPT_OK)
        return PERFOPT_ENOMEM;
    if (status != PERFOPT_OK)
        return status;
    if (asset->status == 404) {
        perfopt__status_page(res, 404);
        return PERFOPT_OK;
    }
    perfopt_response_set_status(res, asset->status);
    status = set_headers(res, asset);
    return status == PERFOPT_OK ? set_body(res, asset) : status;
}

static perfopt_status from_assets(void *user, const perfopt_asset_request *request,
                                  perfopt_asset_response *out)
{
    return perfopt_assets_serve(user, request, out);
}

void perfopt__serve_asset(perfopt_request *req, perfopt_response *res, const char *path)
{
    if (perfopt__serve_file(req, res, path, from_assets, req->http->options.assets) != PERFOPT_OK)
        perfopt__status_page(res, 500);
}
