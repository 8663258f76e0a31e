/*
 * views.c - the public reading functions: windows, series, alerts, the machine, vitals.
 */
#include "base/memory.h"
#include "monitor/monitor_internal.h"
#include "monitor/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool perfopt__monitor_is_span(void *monitor, uint32_t route)
{
    const char *method, *template;
    perfopt__routes_name(((perfopt_monitor *)monitor)->routes, route, &method, &template);
    return strcmp(method, "SPAN") == 0;
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static double quantile_ms(const perfopt__histogram *h, double q)
{
    return h->count ? (double)perfopt__histogram_quantile(h, q) / 1e6 : NAN;
}

static double max_ms(const perfopt__histogram *h)
{
    return h->count ? (double)perfopt__histogram_max(h) / 1e6 : NAN;
}

static double per_second(uint64_t count, int64_t covered_ms)
{
    return covered_ms > 0 ? (double)count * 1e3 / (double)covered_ms : NAN;
}

/* ---- summary ------------------------------------------------------------------------------ */

static void fill_summary(perfopt_monitor *monitor, uint32_t window_s, perfopt_summary *out)
{
    const perfopt__tally *tally = perfopt__windows_read(&monitor->windows, window_s);
    perfopt__route_sums total = {0};
    perfopt__windows_total(&monitor->windows, tally, &total);
    const uint64_t *c = total.counters;
    out->requests = total.took.count;
    out->errors = c[PERFOPT__ROUTE_5XX] + c[PERFOPT__ROUTE_ABORTED];
    out->requests_per_s = per_second(total.took.count, tally->covered_ms);
    out->error_ratio = ratio(out->errors, total.took.count);
    out->p50_ms = quantile_ms(&total.took, 0.5);
    out->p95_ms = quantile_ms(&total.took, 0.95);
    out->p99_ms = quantile_ms(&total.took, 0.99);
    out->max_ms = max_ms(&total.took);
    out->queries_per_request = ratio(c[PERFOPT__ROUTE_QUERIES], total.took.count);
    out->page_cache_ratio = ratio(c[PERFOPT__ROUTE_PAGE_CACHE], total.took.count);
    out->cache_hit_ratio = ratio(tally->cache_hits, tally->cache_hits + tally->cache_misses);
}

void perfopt_monitor_get_summary(perfopt_monitor *monitor, uint32_t window_s, perfopt_summary *out)
{
    memset(out, 0, sizeof(*out));
    out->window_s = perfopt__window_round(window_s);
    pthread_mutex_lock(&monitor->lock);
    fill_summary(monitor, out->window_s, out);
    const perfopt_system *system = &monitor->system;
    out->memory_ratio = ratio(system->memory_used_bytes, system->memory_limit_bytes);
    if (out->memory_ratio > 1)
        out->memory_ratio = 1;
    out->cpu_ratio = monitor->enabled ? system->process_cpu_ratio : NAN;
    pthread_mutex_unlock(&monitor->lock);
    if (monitor->source.active_requests)
        out->active_requests = monitor->source.active_requests(monitor->source.user);
}

/* ---- routes ------------------------------------------------------------------------------- */

typedef struct ranked {
    uint32_t route;
    uint64_t sum_ns;
} ranked;

static int by_time(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->sum_ns != y->sum_ns)
        return x->sum_ns < y->sum_ns ? 1 : -1;
    return (x->route > y->route) - (x->route < y->route);
}

static void fill_route(perfopt_monitor *monitor, const perfopt__tally *tally, uint32_t route,
                       uint64_t all_ns, perfopt_route_stats *out)
{
    const perfopt__route_sums *sums = tally->routes[route];
    const uint64_t *c = sums->counters;
    uint64_t n = sums->took.count;
    const char *method, *template;
    perfopt__routes_name(monitor->routes, route, &method, &template);
    memset(out, 0, sizeof(*out));
    perfopt__format(out->method, sizeof(out->method), "%s", method);
    perfopt__format(out->route, sizeof(out->route), "%s", template);
    out->count = n;
    out->status_2xx = c[PERFOPT__ROUTE_2XX];
    out->status_3xx = c[PERFOPT__ROUTE_3XX];
    out->status_4xx = c[PERFOPT__ROUTE_4XX];
    out->status_5xx = c[PERFOPT__ROUTE_5XX];
    out->aborted = c[PERFOPT__ROUTE_ABORTED];
    out->slow = c[PERFOPT__ROUTE_SLOW];
    out->requests_per_s = per_second(n, tally->covered_ms);
    out->p50_ms = quantile_ms(&sums->took, 0.5);
    out->p95_ms = quantile_ms(&sums->took, 0.95);
    out->p99_ms = quantile_ms(&sums->took, 0.99);
    out->max_ms = max_ms(&sums->took);
    out->mean_ms = ratio(sums->took.sum_ns, n) / 1e6;
    out->time_share = strcmp(method, "SPAN") == 0 ? NAN : ratio(sums->took.sum_ns, all_ns);
    out->queries_per_request = ratio(c[PERFOPT__ROUTE_QUERIES], n);
    out->render_ms_per_request = ratio(c[PERFOPT__ROUTE_RENDER_NS], n) / 1e6;
    out->db_ms_per_request = ratio(c[PERFOPT__ROUTE_DB_NS], n) / 1e6;
    out->page_cache_ratio = ratio(c[PERFOPT__ROUTE_PAGE_CACHE], n);
    out->cache_hit_ratio = ratio(c[PERFOPT__ROUTE_CACHE_HITS],
                                 c[PERFOPT__ROUTE_CACHE_HITS] + c[PERFOPT__ROUTE_CACHE_MISSES]);
    out->most_queries = sums->most_queries > UINT32_MAX ? UINT32_MAX : (uint32_t)sums->most_queries;
    out->over_query_budget = c[PERFOPT__ROUTE_OVER_BUDGET];
    out->n_plus_one = c[PERFOPT__ROUTE_N_PLUS_ONE];
}

static size_t rank_routes(const perfopt_monitor *monitor, const perfopt__tally *tally,
                          bool slow_only, ranked *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < tally->capacity; i++) {
        const perfopt__route_sums *sums = tally->routes[i];
        if (!sums || !sums->took.count || i == monitor->windows.render_route ||
            (slow_only && !sums->counters[PERFOPT__ROUTE_SLOW]))
            continue;
        out[count++] = (ranked){i, sums->took.sum_ns};
    }
    qsort(out, count, sizeof(*out), by_time);
    return count;
}

size_t perfopt_monitor_get_routes(perfopt_monitor *monitor, uint32_t window_s, bool slow_only,
                                  perfopt_route_stats *out, size_t capacity)
{
    ranked *order = perfopt__calloc(monitor->windows.render_route + 1, sizeof(*order));
    if (!order)
        return 0;
    pthread_mutex_lock(&monitor->lock);
    const perfopt__tally *tally =
        perfopt__windows_read(&monitor->windows, perfopt__window_round(window_s));
    perfopt__route_sums total = {0};
    perfopt__windows_total(&monitor->windows, tally, &total);
    size_t count = rank_routes(monitor, tally, slow_only, order);
    if (count > capacity)
        count = capacity;
    for (size_t i = 0; i < count; i++)
        fill_route(monitor, tally, order[i].route, total.took.sum_ns, &out[i]);
    pthread_mutex_unlock(&monitor->lock);
    perfopt__free(order);
    return count;
}

/* ---- the rest ----------------------------------------------------------------------------- */

size_t perfopt_monitor_get_series(perfopt_monitor *monitor, perfopt_series series,
                                  uint32_t window_s, double *out, size_t capacity, int64_t *t0_s,
                                  uint32_t *step_s)
{
    int64_t first_ms = 0;
    *t0_s = 0;
    *step_s = 0;
    if ((unsigned)series >= PERFOPT__SERIES)
        return 0;
    pthread_mutex_lock(&monitor->lock);
    size_t count = perfopt__windows_series(&monitor->windows, series, window_s, out, capacity,
                                           &first_ms, step_s);
    *t0_s = (first_ms + monitor->wall_offset_ms) / 1000;
    pthread_mutex_unlock(&monitor->lock);
    return count;
}

size_t perfopt_monitor_get_alerts(perfopt_monitor *monitor, perfopt_alert *out, size_t capacity)
{
    size_t count = capacity < PERFOPT__ALERTS ? capacity : PERFOPT__ALERTS;
    pthread_mutex_lock(&monitor->lock);
    for (size_t i = 0; i < count; i++)
        out[i] = monitor->rules[i].now;
    pthread_mutex_unlock(&monitor->lock);
    return count;
}

void perfopt_monitor_get_system(perfopt_monitor *monitor, perfopt_system *out)
{
    pthread_mutex_lock(&monitor->lock);
    *out = monitor->system;
    pthread_mutex_unlock(&monitor->lock);
}

perfopt_status perfopt_monitor_beacon(perfopt_monitor *monitor, const char *body, size_t length)
{
    return perfopt__vitals_beacon(&monitor->vitals, monitor->routes, body, length);
}

size_t perfopt_monitor_get_vitals(perfopt_monitor *monitor, perfopt_vital_stats *out,
                                  size_t capacity)
{
    return perfopt__vitals_read(&monitor->vitals, out, capacity);
}

void perfopt_monitor_get_self(perfopt_monitor *monitor, perfopt_monitor_self *out)
{
    perfopt__route_sums overflow = {0};
    perfopt__routes_read(monitor->routes, 0, &overflow);
    memset(out, 0, sizeof(*out));
    out->overflowed = overflow.took.count;
    out->record_ns = monitor->record_ns;
    out->dropped = perfopt__routes_dropped(monitor->routes);
    out->bytes = sizeof(*monitor) + perfopt__routes_bytes(monitor->routes) +
                 perfopt__vitals_bytes(&monitor->vitals) - sizeof(monitor->vitals);
    pthread_mutex_lock(&monitor->lock);
    out->bytes += perfopt__windows_bytes(&monitor->windows) + perfopt__tally_bytes(&monitor->base);
    out->dropped += monitor->windows.lost;
    out->epoch = monitor->epoch;
    pthread_mutex_unlock(&monitor->lock);
}

perfopt__monitor_details *perfopt__monitor_details_read(perfopt_monitor *monitor)
{
    perfopt__monitor_details *details = perfopt__calloc(1, sizeof(*details));
    if (details && monitor->source.read_details)
        monitor->source.read_details(monitor->source.user, details);
    return details;
}
