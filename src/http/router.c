/*
 * router.c - the route table as hosts see it: adding handlers and answering requests, also those
 * that no handler answers (assets, OPTIONS, 404, 405).
 */
#include "http/http_internal.h"

#include "base/error.h"
#include "base/memory.h"

/* ---- making ------------------------------------------------------------------------------- */

static perfopt_status set_up_assets(perfopt_router *router)
{
    if (!router->http->options.assets)
        return PERFOPT_OK;
    const char *prefix = perfopt__asset_prefix(router->http->options.assets);
    size_t length = strlen(prefix);
    while (length > 0 && prefix[length - 1] == '/')
        length--;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_append(&sb, prefix, length);
    perfopt__strbuf_puts(&sb, "/{file...}");
    if (sb.failed)
        return PERFOPT_ENOMEM;
    if (router->http->routes)
        router->asset_route = perfopt__routes_intern(router->http->routes, "GET", sb.data, 0);
    sb.data[length + 1] = '\0';
    router->asset_prefix = perfopt__strbuf_take(&sb, NULL);
    return PERFOPT_OK;
}

perfopt_status perfopt_router_create(perfopt_http *http, perfopt_router **out, perfopt_error *err)
{
    perfopt_router *router = perfopt__calloc(1, sizeof(*router));
    if (!router)
        return perfopt__error_nomem(err);
    router->http = http;
    if (set_up_assets(router) != PERFOPT_OK) {
        perfopt_router_destroy(router);
        return perfopt__error_nomem(err);
    }
    *out = router;
    return PERFOPT_OK;
}

static void route_free(perfopt__route *route)
{
    if (!route)
        return;
    if (route->owned)
        perfopt_handler_destroy(route->handler);
    perfopt__free(route->method);
    perfopt__free(route->template);
    perfopt__free(route->names);
    perfopt__free(route->storage);
    perfopt__free(route);
}

void perfopt_router_destroy(perfopt_router *router)
{
    if (!router)
        return;
    for (uint32_t i = 0; i < router->route_count; i++)
        route_free(router->routes[i]);
    perfopt__table_finish(router);
    perfopt__free(router->asset_prefix);
    perfopt__free(router);
}

static perfopt__route *route_new(const char *method, const char *path)
{
    perfopt__route *route = perfopt__calloc(1, sizeof(*route));
    if (!route)
        return NULL;
    route->method = perfopt__strdup(method);
    route->template = perfopt__strdup(path);
    route->storage = perfopt__strdup(path);
    if (!route->method || !route->template || !route->storage) {
        route_free(route);
        return NULL;
    }
    return route;
}

perfopt_status perfopt_router_add_handler(perfopt_router *router, const char *method,
                                          const char *path, perfopt_handler *handler,
                                          perfopt_error *err)
{
    if (!handler || !method || !path || !perfopt__header_is_valid(method, ""))
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "a route needs a method, a path and a "
                                  "handler");
    perfopt__route *route = route_new(method, path);
    if (!route)
        return perfopt__error_nomem(err);
    route->handler = handler;
    perfopt_status status = perfopt__table_add(router, route, err);
    if (status != PERFOPT_OK) {
        route_free(route);
        return status;
    }
    if (router->http->routes)
        route->route_id =
            perfopt__routes_intern(router->http->routes, method, path, handler->slow_ms);
    return PERFOPT_OK;
}

perfopt_status perfopt_router_add(perfopt_router *router, const char *method, const char *path,
                                  const perfopt_handler_def *def, void *user, perfopt_error *err)
{
    if (!def)
        return perfopt__error_set(err, PERFOPT_EINVAL, "a route needs a handler");
    perfopt_handler *handler;
    perfopt_status status =
        perfopt_wrap(router->http, def->name, def->fn, user, NULL, def->wrappers, &handler, err);
    if (status != PERFOPT_OK)
        return status;
    status = perfopt_router_add_handler(router, method, path, handler, err);
    if (status != PERFOPT_OK) {
        perfopt_handler_destroy(handler);
        return status;
    }
    router->routes[router->route_count - 1]->owned = true;
    return PERFOPT_OK;
}

perfopt_http *perfopt_router_http(const perfopt_router *router)
{
    return router->http;
}

perfopt_handler *perfopt_router_find(perfopt_router *router, const char *method, const char *path)
{
    for (uint32_t i = 0; i < router->route_count; i++) {
        const perfopt__route *route = router->routes[i];
        if (strcmp(route->method, method) == 0 && strcmp(route->template, path) == 0)
            return route->handler;
    }
    return NULL;
}

/* ---- answering ---------------------------------------------------------------------------- */

/* What is sent when no handler answers. */
typedef struct plain_answer {
    int status; /* 0 = an asset, 204 = OPTIONS */
    const char *allow;
} plain_answer;

/* The path below the asset prefix, NULL if it is not below it. */
static const char *asset_path(const perfopt_router *router, const perfopt_request *req)
{
    size_t length = router->asset_prefix ? strlen(router->asset_prefix) : 0;
    if (length == 0 || strncmp(req->target.path, router->asset_prefix, length) != 0)
        return NULL;
    return req->target.path + length;
}

static plain_answer choose_plain(const perfopt_router *router, const perfopt_request *req,
                                 const perfopt__match *match)
{
    bool options = perfopt__request_is(req, "OPTIONS");
    if (asset_path(router, req)) {
        if (perfopt__request_is_read(req))
            return (plain_answer){0, NULL};
        return (plain_answer){options ? 204 : 405, "GET, HEAD"};
    }
    if (match->allow.length == 0)
        return (plain_answer){404, NULL};
    return (plain_answer){options ? 204 : 405, match->allow.data};
}

static void answer_plain(const perfopt_router *router, perfopt_request *req, perfopt_response *res,
                         const plain_answer *plain)
{
    perfopt__visit visit;
    if (plain->status == 0 && !req->routed) {
        req->route_id = router->asset_route;
        req->routed = true;
    }
    perfopt__visit_begin(&visit, req);
    if (plain->status == 0) {
        perfopt__serve_asset(req, res, asset_path(router, req));
    } else if (plain->status == 204) {
        perfopt__response_clear(res);
        perfopt_response_set_status(res, 204);
    } else {
        perfopt__status_page(res, plain->status);
    }
    if (plain->allow) {
        const char *list = perfopt_arena_printf(req->arena, "%s, OPTIONS", plain->allow);
        perfopt_response_set_header(res, "Allow", list ? list : plain->allow);
    }
    perfopt__visit_end(&visit, NULL, req, res);
}

static perfopt_status bind(perfopt_request *req, const perfopt__match *match)
{
    const perfopt__route *route = match->route;
    req->params.count = 0;
    for (uint32_t i = 0; i < route->name_count; i++) {
        perfopt_status status =
            perfopt__pairs_add(&req->params, req->arena, route->names[i], match->values[i]);
        if (status != PERFOPT_OK)
            return status;
    }
    req->route = route->template;
    req->route_id = route->route_id;
    req->routed = true;
    return PERFOPT_OK;
}

/* Finds the route and binds its parameters; false when out of memory. */
static bool resolve(const perfopt_router *router, perfopt_request *req, perfopt__match *match)
{
    if (!perfopt__table_match(router, req, match))
        return false;
    return !match->route || bind(req, match) == PERFOPT_OK;
}

void perfopt_router_dispatch(perfopt_router *router, perfopt_request *req, perfopt_response *res)
{
    perfopt__match match = {0};
    if (!resolve(router, req, &match)) {
        answer_plain(router, req, res, &(plain_answer){500, NULL});
    } else if (match.route) {
        perfopt_handler_call(match.route->handler, req, res);
    } else {
        plain_answer plain = choose_plain(router, req, &match);
        answer_plain(router, req, res, &plain);
    }
    perfopt__strbuf_finish(&match.allow);
}

/* An asset may have to be read from disk, so it counts as waiting. */
bool perfopt_router_try_stored(perfopt_router *router, perfopt_request *req, perfopt_response *res)
{
    perfopt__match match = {0};
    bool answered = false;
    if (resolve(router, req, &match) && match.route && match.route->handler->caches) {
        perfopt_handler *handler = match.route->handler;
        perfopt__visit visit;
        perfopt__visit_begin(&visit, req);
        answered = perfopt__page_answer_now(handler, req, res);
        visit.from_page_cache = answered;
        if (answered)
            perfopt__visit_end(&visit, handler, req, res);
        else
            perfopt__visit_cancel(&visit, req);
    }
    perfopt__strbuf_finish(&match.allow);
    return answered;
}
