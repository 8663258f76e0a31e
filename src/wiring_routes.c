/*
 * wiring_routes.c - paths that the frontend serves: image variants, the browser-timing script, and
 * the beacon it reports to.
 */
#include "wiring.h"

#include "http/serve_file.h"

#include <stdio.h>

static perfopt_status from_images(void *user, const perfopt_asset_request *request,
                                  perfopt_asset_response *out)
{
    return perfopt_images_serve(user, request, out);
}

static perfopt_status serve_image(perfopt_request *req, perfopt_response *res, void *user)
{
    const char *name = perfopt_request_param(req, "name");
    return perfopt__serve_file(req, res, name ? name : "", from_images, user);
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
