/*
 * wrap.c - putting wrappers around a handler, and calling it through them.
 */
#include "http/http_internal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

#include <ctype.h>

#define DEFAULT_MAX_QUERIES 8
#define MAX_NAME            64

/* ---- making ------------------------------------------------------------------------------- */

/* The name is a part of keys and tags. */
static bool is_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > MAX_NAME)
        return false;
    for (const char *p = name; *p; p++) {
        if (!isgraph((unsigned char)*p) || strchr(",:#?", *p))
            return false;
    }
    return true;
}

/* Names of headers and cookies in a list must fit where keys are made. */
static bool is_list(const char *list)
{
    const char *item;
    size_t length;
    while (perfopt__next_name(&list, &item, &length)) {
        if (length > 127)
            return false;
    }
    return true;
}

static perfopt_status take_cache(perfopt_handler *handler, const perfopt_cache_wrapper *cache,
                                 perfopt_error *err)
{
    if (!is_list(cache->vary) || !is_list(cache->cookies))
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "handler %s: a name in vary or cookies is longer than 127 bytes",
                                  handler->name);
    for (size_t i = 0; i < sizeof(cache->statuses) / sizeof(cache->statuses[0]); i++) {
        uint16_t status = cache->statuses[i];
        if (status && (status < 200 || status > 599 || status == 206 || status == 304))
            return perfopt__error_set(err, PERFOPT_EINVAL, "handler %s: status %u cannot be stored",
                                      handler->name, (unsigned)status);
    }
    handler->caches = true;
    handler->policy = *cache;
    return PERFOPT_OK;
}

static void take_rendering(perfopt_handler *handler, const perfopt_rendering_wrapper *rendering)
{
    handler->caches = true;
    handler->minifies = rendering->minify != PERFOPT_OFF;
    handler->policy = (perfopt_cache_wrapper){.timeout_s = rendering->cache_timeout_s,
                                              .key_prefix = rendering->key_prefix,
                                              .tags = rendering->tags};
}

static perfopt_status take_wrapper(perfopt_handler *handler, const perfopt_wrapper *wrapper,
                                   perfopt_error *err)
{
    switch (wrapper->kind) {
    case PERFOPT_WRAP_MONITOR:
        handler->slow_ms = wrapper->as.monitor.slow_ms;
        return PERFOPT_OK;
    case PERFOPT_WRAP_TRACK_QUERIES:
        handler->max_queries = wrapper->as.track.max ? wrapper->as.track.max : DEFAULT_MAX_QUERIES;
        return PERFOPT_OK;
    case PERFOPT_WRAP_CACHE:
        return take_cache(handler, &wrapper->as.cache, err);
    case PERFOPT_WRAP_RENDERING:
        take_rendering(handler, &wrapper->as.rendering);
        return PERFOPT_OK;
    case PERFOPT_WRAP_END:
        break;
    }
    return perfopt__error_set(err, PERFOPT_EINVAL, "handler %s: unknown wrapper kind %d",
                              handler->name, (int)wrapper->kind);
}

static perfopt_status take_wrappers(perfopt_handler *handler, const perfopt_wrapper *wrappers,
                                    perfopt_error *err)
{
    unsigned seen = 0;
    for (; wrappers && wrappers->kind != PERFOPT_WRAP_END; wrappers++) {
        /* Both caching kinds answer for the page; only one can. */
        unsigned kind = wrappers->kind == PERFOPT_WRAP_RENDERING ? PERFOPT_WRAP_CACHE
                                                                 : (unsigned)wrappers->kind;
        if (kind <= PERFOPT_WRAP_RENDERING && seen & 1u << kind)
            return perfopt__error_set(err, PERFOPT_EINVAL,
                                      "handler %s: two wrappers of one kind, or two that cache",
                                      handler->name);
        seen |= kind <= PERFOPT_WRAP_RENDERING ? 1u << kind : 0;
        perfopt_status status = take_wrapper(handler, wrappers, err);
        if (status != PERFOPT_OK)
            return status;
    }
    return PERFOPT_OK;
}

static perfopt_status fill(perfopt_handler *handler, const char *name,
                           const perfopt_wrapper *wrappers, perfopt_error *err)
{
    size_t size = strlen(name) + sizeof("page:");
    handler->name = perfopt__strdup(name);
    handler->tag = perfopt__malloc(size);
    if (!handler->name || !handler->tag)
        return perfopt__error_nomem(err);
    memcpy(handler->tag, "page:", 5);
    memcpy(handler->tag + 5, name, size - 5);
    return take_wrappers(handler, wrappers, err);
}

perfopt_status perfopt_wrap(perfopt_http *http, const char *name, perfopt_handler_fn fn, void *user,
                            perfopt_free_fn user_free, const perfopt_wrapper *wrappers,
                            perfopt_handler **out, perfopt_error *err)
{
    perfopt_status status = PERFOPT_OK;
    perfopt_handler *handler = NULL;
    if (!http || !fn || !name || !is_name(name))
        status = perfopt__error_set(
            err, PERFOPT_EINVAL,
            "a handler needs a site, a function and a name of 1 to 64 characters without , : # ?");
    else if (!(handler = perfopt__calloc(1, sizeof(*handler))))
        status = perfopt__error_nomem(err);
    if (!handler) {
        if (user_free)
            user_free(user);
        return status;
    }
    handler->http = http;
    handler->fn = fn;
    handler->user = user;
    handler->user_free = user_free;
    atomic_init(&handler->budget_logged_ms, INT64_MIN);
    pthread_mutex_init(&handler->routes_lock, NULL);
    status = fill(handler, name, wrappers, err);
    if (status != PERFOPT_OK) {
        perfopt_handler_destroy(handler);
        return status;
    }
    *out = handler;
    return PERFOPT_OK;
}

void perfopt_handler_destroy(perfopt_handler *handler)
{
    if (!handler)
        return;
    if (handler->user_free)
        handler->user_free(handler->user);
    perfopt__handler_routes_finish(handler);
    perfopt__free(handler->name);
    perfopt__free(handler->tag);
    perfopt__free(handler);
}

/* ---- calling ------------------------------------------------------------------------------ */

void perfopt__handler_run(perfopt_handler *handler, perfopt_request *req, perfopt_response *res)
{
    perfopt_status status = handler->fn(req, res, handler->user);
    if (status != PERFOPT_OK)
        perfopt__error_page(handler, req, res, status);
}

/* What one person gets must not be kept for others on the way, if the same URL is cached. */
static void mark_private(const perfopt_handler *handler, const perfopt_request *req,
                         perfopt_response *res)
{
    if (handler->caches && !res->failed && !res->page && perfopt__request_is_read(req) &&
        !perfopt_response_get_header(res, "Cache-Control"))
        perfopt_response_set_header(res, "Cache-Control", "private, no-cache");
}

static bool answer(perfopt_handler *handler, perfopt_request *req, perfopt_response *res)
{
    if (!perfopt__page_bypassed(handler, req))
        return perfopt__page_answer(handler, req, res);
    perfopt__handler_run(handler, req, res);
    mark_private(handler, req, res);
    return false;
}

static bool refresh(perfopt_handler *handler, perfopt_request *req, perfopt_response *res)
{
    const char *key = perfopt_handler_key(handler, req);
    /* What other requests are computing for the key now is older than this call: deleting makes
     * sure that it is not stored. */
    if (key)
        perfopt_cache_delete(handler->http->options.cache, key, strlen(key));
    return answer(handler, req, res);
}

typedef bool (*answer_fn)(perfopt_handler *handler, perfopt_request *req, perfopt_response *res);

static void call(perfopt_handler *handler, perfopt_request *req, perfopt_response *res,
                 answer_fn fn)
{
    if (req->depth >= PERFOPT__MAX_CALL_DEPTH) {
        perfopt__error_page(handler, req, res, PERFOPT_ELIMIT);
        return;
    }
    if (req->depth > 0) { /* inside another handler, which is the one that is recorded */
        req->depth++;
        fn(handler, req, res);
        req->depth--;
        return;
    }
    if (!req->routed) {
        req->route_id = perfopt__handler_route(handler, req->method, handler->name);
        req->routed = true;
    }
    perfopt__visit visit;
    perfopt__visit_begin(&visit, req);
    visit.from_page_cache = fn(handler, req, res);
    perfopt__visit_end(&visit, handler, req, res);
}

void perfopt_handler_call(perfopt_handler *handler, perfopt_request *req, perfopt_response *res)
{
    call(handler, req, res, answer);
}

void perfopt_handler_refresh(perfopt_handler *handler, perfopt_request *req, perfopt_response *res)
{
    call(handler, req, res, refresh);
}

void perfopt_handler_bypass(perfopt_handler *handler, perfopt_request *req, perfopt_response *res)
{
    if (req->depth >= PERFOPT__MAX_CALL_DEPTH) {
        perfopt__error_page(handler, req, res, PERFOPT_ELIMIT);
        return;
    }
    perfopt_request *outer = perfopt__request_enter(req);
    if (req->started_ns == 0)
        req->started_ns = perfopt__now_ns();
    req->depth++;
    perfopt__handler_run(handler, req, res);
    req->depth--;
    if (req->depth == 0)
        perfopt__response_negotiate(req, res);
    perfopt__request_enter(outer);
}
