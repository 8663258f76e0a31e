/*
 * wiring_routes.c - paths that the frontend serves: image variants, the browser-timing script, and
 * the beacon it reports to.
 */
#include "wiring.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static perfopt_status send_asset(perfopt_response *res, const perfopt_asset_response *asset)
{
    perfopt_response_set_status(res, asset->status);
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
    return asset->body ? perfopt_response_set_body(res, asset->body, asset->body_length)
                       : PERFOPT_OK;
}

static perfopt_status serve_image(perfopt_request *req, perfopt_response *res, void *user)
{
    const char *path = perfopt_request_param(req, "name");
    const perfopt_asset_request request = {
        .path = path ? path : "",
        .path_length = path ? strlen(path) : 0,
        .accept_encoding = perfopt_request_header(req, "Accept-Encoding"),
        .if_none_match = perfopt_request_header(req, "If-None-Match"),
        .if_modified_since = perfopt_request_header(req, "If-Modified-Since"),
        .range = perfopt_request_header(req, "Range"),
        .if_range = perfopt_request_header(req, "If-Range"),
    };
    perfopt_asset_response asset = {0};
    perfopt_status status = perfopt_images_serve(user, &request, &asset);
    if (status == PERFOPT_OK)
        status = asset.status == 404 ? PERFOPT_ENOTFOUND : send_asset(res, &asset);
    perfopt_asset_response_finish(&asset);
    return status;
}

static perfopt_status serve_rum_script(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)req;
    (void)user;
    size_t length;
    const char *script = perfopt_rum_script(&length);
    perfopt_status status =
        perfopt_response_set_header(res, "Content-Type", "text/javascript; charset=utf-8");
    if (status == PERFOPT_OK)
        status = perfopt_response_set_header(res, "Cache-Control",
                                             "public, max-age=31536000, immutable");
    if (status == PERFOPT_OK)
        status = perfopt_response_set_body(res, script, length);
    return status;
}

static perfopt_status take_beacon(perfopt_request *req, perfopt_response *res, void *user)
{
    size_t length;
    const char *body = perfopt_request_body(req, &length);
    perfopt_status status = perfopt_monitor_beacon(user, body, length);
    /* A beacon has no reader: the status only helps whoever debugs it. */
    perfopt_response_set_status(res, status == PERFOPT_OK       ? 204
                                     : status == PERFOPT_ELIMIT ? 413
                                                                : 400);
    return PERFOPT_OK;
}

static const perfopt_wrapper plain[] = {{.kind = PERFOPT_WRAP_END}};
static const perfopt_handler_def image_def = {"perfopt-image", serve_image, plain};
static const perfopt_handler_def rum_def = {"perfopt-rum", serve_rum_script, plain};
static const perfopt_handler_def beacon_def = {"perfopt-beacon", take_beacon, plain};

perfopt_status perfopt__wire_frontend_routes(perfopt_router *router, perfopt_frontend *frontend,
                                             perfopt_monitor *monitor, perfopt_error *err)
{
    char images[256];
    snprintf(images, sizeof(images), "%s{name...}", perfopt_images_prefix(frontend));
    perfopt_status status = perfopt_router_add(router, "GET", images, &image_def, frontend, err);
    const char *script = perfopt_rum_script_path(frontend);
    if (status == PERFOPT_OK && *script)
        status = perfopt_router_add(router, "GET", script, &rum_def, frontend, err);
    const char *beacon = perfopt_rum_beacon_path(frontend);
    if (status == PERFOPT_OK && *beacon)
        status = perfopt_router_add(router, "POST", beacon, &beacon_def, monitor, err);
    return status;
}
