/*
 * visit.c - one answered request: its scope, the query budget, Server-Timing, and the record of the
 * route. The cost per request: two readings of the clock, no lock, no allocation.
 */
#include "http/http_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

#define BUDGET_LOG_EVERY_MS 60000

void perfopt__visit_begin(perfopt__visit *visit, perfopt_request *req)
{
    perfopt_scope_begin(&visit->scope);
    visit->outer = perfopt__request_enter(req);
    visit->from_page_cache = false;
    req->depth++;
    if (req->started_ns == 0)
        req->started_ns = visit->scope.stats.started_ns;
}

static void leave(perfopt__visit *visit, perfopt_request *req)
{
    req->depth--;
    perfopt__request_enter(visit->outer);
    perfopt_scope_end(&visit->scope);
}

void perfopt__visit_cancel(perfopt__visit *visit, perfopt_request *req)
{
    leave(visit, req);
}

/* ---- query budget ------------------------------------------------------------------------- */

/* True for one caller a minute. */
static bool may_log(perfopt_handler *handler, int64_t now_ms)
{
    int64_t last = atomic_load_explicit(&handler->budget_logged_ms, memory_order_relaxed);
    if (last != INT64_MIN && now_ms - last < BUDGET_LOG_EVERY_MS)
        return false;
    return atomic_compare_exchange_strong(&handler->budget_logged_ms, &last, now_ms);
}

static bool over_budget(perfopt_handler *handler, const perfopt_request *req,
                        const perfopt_scope_stats *stats, int64_t now_ms)
{
    if (!handler || handler->max_queries == 0 || stats->queries <= handler->max_queries)
        return false;
    if (may_log(handler, now_ms))
        perfopt__log(PERFOPT_LOG_WARN, "http",
                     "%s %s: %u statements in one request, the budget is %u (%.1f ms in the "
                     "database; one statement ran %u times)",
                     req->method, *req->route ? req->route : handler->name, stats->queries,
                     handler->max_queries, (double)stats->db_ns / 1e6, stats->most_repeated);
    return true;
}

/* ---- Server-Timing (W3C) ------------------------------------------------------------------ */

static void add_server_timing(perfopt_response *res, const perfopt__visit *visit, int64_t took_ns)
{
    const perfopt_scope_stats *stats = &visit->scope.stats;
    char value[256];
    snprintf(value, sizeof(value),
             "total;dur=%.2f, db;dur=%.2f;desc=\"%u queries, %u saved\", cache;dur=%.2f;desc=%s, "
             "render;dur=%.2f",
             (double)took_ns / 1e6, (double)stats->db_ns / 1e6, stats->queries,
             stats->queries_saved, (double)stats->cache_ns / 1e6,
             visit->from_page_cache ? "page-hit" : "page-miss", (double)stats->render_ns / 1e6);
    perfopt_response_set_header(res, "Server-Timing", value);
}

/* ---- record ------------------------------------------------------------------------------- */

static void record(const perfopt_request *req, const perfopt_response *res,
                   perfopt__route_sample *sample)
{
    perfopt_http *http = req->http;
    if (!http->routes || perfopt__http_is_excluded(http, req->target.path))
        return;
    size_t length;
    perfopt_response_body(res, &length);
    sample->response_bytes = perfopt__request_is(req, "HEAD") ? 0 : length;
    sample->status = perfopt_response_get_status(res);
    perfopt__routes_record(http->routes, req->routed ? req->route_id : http->route_other, sample);
}

void perfopt__visit_end(perfopt__visit *visit, perfopt_handler *handler, perfopt_request *req,
                        perfopt_response *res)
{
    perfopt__response_negotiate(req, res);
    int64_t now_ns = perfopt__now_ns();
    int64_t took_ns = now_ns - req->started_ns;
    if (req->http->options.server_timing == PERFOPT_ON)
        add_server_timing(res, visit, took_ns);
    perfopt__route_sample sample = {.now_ns = now_ns,
                                    .took_ns = took_ns,
                                    .from_page_cache = visit->from_page_cache,
                                    .scope = &visit->scope.stats};
    sample.over_query_budget = over_budget(handler, req, &visit->scope.stats, now_ns / 1000000);
    record(req, res, &sample);
    leave(visit, req);
}
