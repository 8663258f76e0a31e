/*
 * collect_traffic.c - what the monitor knows about requests: alerts, tiles, series, routes,
 * recommendations, and what the measuring itself costs.
 */
#include "admin/collect.h"

#include <math.h>
#include <stdlib.h>

#define MAX_ALERTS          16
#define MAX_ROUTES          200
#define MAX_RECOMMENDATIONS 20
#define MAX_POINTS          512 /* of the monitor's longest window */

/* ---- alerts ------------------------------------------------------------------------------- */

static const char *alert_state_name(perfopt_alert_state state)
{
    static const char *const names[] = {"no-data", "ok", "pending", "firing"};
    return (unsigned)state < 4 ? names[state] : "no-data";
}

static perfopt_value alert_value(perfopt__build *b, const perfopt_alert *alert)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_text(b, map, "id", alert->id);
    perfopt__put_text(b, map, "state", alert_state_name(alert->state));
    perfopt__put_number(b, map, "value", alert->value);
    perfopt__put(b, map, "unit", perfopt_string(alert->unit));
    perfopt__put_number(b, map, "threshold", alert->threshold);
    perfopt__put_number(b, map, "clear", alert->clear_threshold);
    perfopt__put_time(b, map, "since", alert->since_ms);
    perfopt__put(b, map, "message", perfopt_string(alert->message));
    return map;
}

/* The limits that tiles draw are those of the alert rules. */
static void put_thresholds(perfopt__build *b, perfopt_value map, const perfopt_alert *alerts,
                           size_t count)
{
    double p95_ms = 2000, hit_percent = 70, memory_percent = 80;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(alerts[i].id, "response-time") == 0)
            p95_ms = alerts[i].threshold;
        else if (strcmp(alerts[i].id, "cache-hit-rate") == 0)
            hit_percent = alerts[i].threshold;
        else if (strcmp(alerts[i].id, "memory") == 0)
            memory_percent = alerts[i].threshold;
    }
    perfopt_value limits = perfopt__build_map(b);
    perfopt__put_number(b, limits, "p95_ms", p95_ms);
    perfopt__put_number(b, limits, "cache_hit_ratio", hit_percent / 100);
    perfopt__put_number(b, limits, "memory_ratio", memory_percent / 100);
    perfopt__put(b, map, "thresholds", limits);
}

void perfopt__collect_alerts(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    perfopt_value list = perfopt__build_list(b);
    perfopt_alert *alerts = perfopt__collect_array(b, MAX_ALERTS, sizeof(*alerts));
    size_t count =
        alerts ? perfopt_monitor_get_alerts(in->sources->monitor, alerts, MAX_ALERTS) : 0;
    for (size_t i = 0; i < count; i++)
        perfopt__add(b, list, alert_value(b, &alerts[i]));
    perfopt__put(b, map, "alerts", list);
    put_thresholds(b, map, alerts, count);
}

/* ---- series ------------------------------------------------------------------------------- */

/* One point for each run of `factor` points: the mean of rates and ratios, the worst of times. */
static double thin(const double *points, size_t count, bool worst)
{
    double sum = 0, most = NAN;
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(points[i]))
            continue;
        sum += points[i];
        most = fmax(most, points[i]);
        known++;
    }
    return known == 0 ? NAN : worst ? most : sum / (double)known;
}

static bool shows_worst(perfopt_series series)
{
    return series == PERFOPT_SERIES_P95_MS || series == PERFOPT_SERIES_RENDER_P95_MS ||
           series == PERFOPT_SERIES_MEMORY_RATIO || series == PERFOPT_SERIES_POOL_IN_USE;
}

static perfopt_value points_list(perfopt__build *b, const double *points, size_t count,
                                 size_t factor, bool worst)
{
    perfopt_value list = perfopt__build_list(b);
    for (size_t i = 0; i < count; i += factor) {
        size_t run = count - i < factor ? count - i : factor;
        double x = thin(points + i, run, worst);
        perfopt__add(b, list, isfinite(x) ? perfopt_double(round(x * 1e4) / 1e4) : perfopt_none());
    }
    return list;
}

perfopt_value perfopt__collect_series(perfopt__build *b, const perfopt__collect_in *in,
                                      const perfopt__series_name *names, size_t count)
{
    perfopt_value map = perfopt__build_map(b);
    double points[MAX_POINTS];
    for (size_t i = 0; i < count; i++) {
        int64_t t0_s = 0;
        uint32_t step_s = 10;
        size_t n =
            perfopt_monitor_get_series(in->sources->monitor, names[i].series, in->window->seconds,
                                       points, MAX_POINTS, &t0_s, &step_s);
        size_t factor = (n + PERFOPT__SERIES_POINTS - 1) / PERFOPT__SERIES_POINTS;
        if (factor == 0)
            factor = 1;
        if (i == 0) {
            perfopt__put_int(b, map, "step_s", step_s * factor);
            perfopt__put(b, map, "t0", perfopt_int(t0_s));
        }
        perfopt__put(b, map, names[i].name,
                     points_list(b, points, n, factor, shows_worst(names[i].series)));
    }
    return map;
}

/* ---- change against the window before ------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of the points that have data; NAN if fewer than a quarter have. */
static double median(double *points, size_t count)
{
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(points[i]))
            points[known++] = points[i];
    }
    if (known == 0 || known * 4 < count)
        return NAN;
    qsort(points, known, sizeof(*points), by_size);
    return points[known / 2];
}

/*
 * The middle value of this window's points against that of the window before it, from the next
 * longer ring: (now - before) / before. Medians of points, because percentiles cannot be averaged.
 */
static double change_of(const perfopt__collect_in *in, perfopt_series series)
{
    size_t next = (size_t)(in->window - perfopt__windows) + 1;
    if (next >= PERFOPT__WINDOWS)
        return NAN;
    double points[MAX_POINTS];
    int64_t t0_s;
    uint32_t step_s = 0;
    size_t n =
        perfopt_monitor_get_series(in->sources->monitor, series, perfopt__windows[next].seconds,
                                   points, MAX_POINTS, &t0_s, &step_s);
    size_t span = step_s ? in->window->seconds / step_s : 0;
    if (span == 0 || n < 2 * span)
        return NAN;
    double now = median(points + n - span, span);
    double before = median(points + n - 2 * span, span);
    return before > 0 ? (now - before) / before : NAN;
}

static void put_changes(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    perfopt_value change = perfopt__build_map(b);
    perfopt__put_number(b, change, "rps", change_of(in, PERFOPT_SERIES_RPS));
    perfopt__put_number(b, change, "p95_ms", change_of(in, PERFOPT_SERIES_P95_MS));
    perfopt__put_number(b, change, "cache_hit_ratio",
                        change_of(in, PERFOPT_SERIES_CACHE_HIT_RATIO));
    perfopt__put_number(b, change, "memory_ratio", change_of(in, PERFOPT_SERIES_MEMORY_RATIO));
    perfopt__put(b, map, "change", change);
}

/* ---- tiles and routes --------------------------------------------------------------------- */

static perfopt_value pool_tile(perfopt__build *b, const perfopt__collect_in *in)
{
    if (!in->sources->db)
        return perfopt_none();
    perfopt_db_stats stats;
    perfopt_db_get_stats(in->sources->db, &stats);
    perfopt_value pool = perfopt__build_map(b);
    perfopt__put_int(b, pool, "used", stats.in_use);
    perfopt__put_int(b, pool, "idle", stats.idle);
    perfopt__put_int(b, pool, "size", stats.pool_size);
    perfopt__put_int(b, pool, "max", (uint64_t)stats.pool_size + stats.max_overflow);
    perfopt__put_int(b, pool, "waiting", stats.waiting);
    perfopt__put_int(b, pool, "timeouts", stats.acquire_timeouts);
    return pool;
}

static void put_tiles(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    perfopt_summary now;
    perfopt_monitor_get_summary(in->sources->monitor, in->window->seconds, &now);
    perfopt_value tiles = perfopt__build_map(b);
    perfopt__put_int(b, tiles, "requests", now.requests);
    perfopt__put_int(b, tiles, "errors", now.errors);
    perfopt__put_number(b, tiles, "rps", now.requests_per_s);
    perfopt__put_number(b, tiles, "error_ratio", now.error_ratio);
    perfopt__put_number(b, tiles, "p50_ms", now.p50_ms);
    perfopt__put_number(b, tiles, "p95_ms", now.p95_ms);
    perfopt__put_number(b, tiles, "p99_ms", now.p99_ms);
    perfopt__put_number(b, tiles, "max_ms", now.max_ms);
    perfopt__put_number(b, tiles, "cache_hit_ratio", now.cache_hit_ratio);
    perfopt__put_number(b, tiles, "page_cache_ratio", now.page_cache_ratio);
    perfopt__put_number(b, tiles, "queries_per_request", now.queries_per_request);
    perfopt__put_number(b, tiles, "memory_ratio", now.memory_ratio);
    perfopt__put_number(b, tiles, "cpu_ratio", now.cpu_ratio);
    perfopt__put_int(b, tiles, "active_requests", now.active_requests);
    perfopt__put(b, tiles, "pool", pool_tile(b, in));
    perfopt__put(b, map, "tiles", tiles);
}

static perfopt_value route_status(perfopt__build *b, const perfopt_route_stats *r)
{
    perfopt_value status = perfopt__build_map(b);
    perfopt__put_int(b, status, "2xx", r->status_2xx);
    perfopt__put_int(b, status, "3xx", r->status_3xx);
    perfopt__put_int(b, status, "4xx", r->status_4xx);
    perfopt__put_int(b, status, "5xx", r->status_5xx);
    perfopt__put_int(b, status, "aborted", r->aborted);
    return status;
}

static perfopt_value route_value(perfopt__build *b, const perfopt_route_stats *r)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt__put(b, map, "method", perfopt_string(r->method));
    perfopt__put(b, map, "route", perfopt_string(r->route));
    perfopt__put_int(b, map, "count", r->count);
    perfopt__put_number(b, map, "rps", r->requests_per_s);
    perfopt__put_ratio(b, map, "error_ratio", r->status_5xx + r->aborted, r->count);
    perfopt__put(b, map, "status", route_status(b, r));
    perfopt__put_int(b, map, "slow", r->slow);
    perfopt__put_number(b, map, "mean_ms", r->mean_ms);
    perfopt__put_number(b, map, "p50_ms", r->p50_ms);
    perfopt__put_number(b, map, "p95_ms", r->p95_ms);
    perfopt__put_number(b, map, "p99_ms", r->p99_ms);
    perfopt__put_number(b, map, "max_ms", r->max_ms);
    perfopt__put_number(b, map, "time_share", r->time_share);
    perfopt__put_number(b, map, "queries_per_request", r->queries_per_request);
    perfopt__put_int(b, map, "most_queries", r->most_queries);
    perfopt__put_int(b, map, "over_query_budget", r->over_query_budget);
    perfopt__put_bool(b, map, "n_plus_one", r->n_plus_one > 0);
    perfopt__put_int(b, map, "n_plus_one_requests", r->n_plus_one);
    perfopt__put_number(b, map, "render_ms_per_request", r->render_ms_per_request);
    perfopt__put_number(b, map, "db_ms_per_request", r->db_ms_per_request);
    perfopt__put_number(b, map, "page_cache_ratio", r->page_cache_ratio);
    perfopt__put_number(b, map, "cache_hit_ratio", r->cache_hit_ratio);
    return map;
}

static void put_routes(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map,
                       uint64_t overflowed)
{
    perfopt_value routes = perfopt__build_map(b);
    perfopt_value rows = perfopt__build_list(b);
    perfopt_route_stats *stats = perfopt__collect_array(b, MAX_ROUTES, sizeof(*stats));
    size_t count = stats ? perfopt_monitor_get_routes(in->sources->monitor, in->window->seconds,
                                                      false, stats, MAX_ROUTES)
                         : 0;
    for (size_t i = 0; i < count; i++)
        perfopt__add(b, rows, route_value(b, &stats[i]));
    perfopt__put_int(b, routes, "total", count);
    perfopt__put_int(b, routes, "overflowed", overflowed);
    perfopt__put(b, routes, "rows", rows);
    perfopt__put(b, map, "routes", routes);
}

/* ---- advice and self ----------------------------------------------------------------------- */

static void put_recommendations(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    perfopt_value list = perfopt__build_list(b);
    perfopt_recommendation *r = perfopt__collect_array(b, MAX_RECOMMENDATIONS, sizeof(*r));
    size_t count =
        r ? perfopt_monitor_get_recommendations(in->sources->monitor, r, MAX_RECOMMENDATIONS) : 0;
    for (size_t i = 0; i < count; i++) {
        perfopt_value item = perfopt__build_map(b);
        perfopt__put_text(b, item, "id", r[i].id);
        perfopt__put_text(b, item, "severity", r[i].severity);
        perfopt__put(b, item, "title", perfopt_string(r[i].title));
        perfopt__put(b, item, "reason", perfopt_string(r[i].reason));
        perfopt__put(b, item, "action", perfopt_string(r[i].action));
        perfopt__add(b, list, item);
    }
    perfopt__put(b, map, "recommendations", list);
}

void perfopt__collect_traffic(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    static const perfopt__series_name names[] = {
        {PERFOPT_SERIES_RPS, "rps"},
        {PERFOPT_SERIES_P50_MS, "p50_ms"},
        {PERFOPT_SERIES_P95_MS, "p95_ms"},
        {PERFOPT_SERIES_ERROR_RATIO, "error_ratio"},
        {PERFOPT_SERIES_CACHE_HIT_RATIO, "cache_hit_ratio"},
        {PERFOPT_SERIES_MEMORY_RATIO, "memory_ratio"},
        {PERFOPT_SERIES_CPU_RATIO, "cpu_ratio"},
        {PERFOPT_SERIES_POOL_IN_USE, "pool_in_use"},
    };
    perfopt_monitor_self self;
    perfopt_monitor_get_self(in->sources->monitor, &self);
    put_tiles(b, in, map);
    put_changes(b, in, map);
    perfopt__put(b, map, "series",
                 perfopt__collect_series(b, in, names, sizeof(names) / sizeof(names[0])));
    put_routes(b, in, map, self.overflowed);
    put_recommendations(b, in, map);
    perfopt_value own = perfopt__build_map(b);
    perfopt__put_number(b, own, "record_ns", self.record_ns);
    perfopt__put_int(b, own, "bytes", self.bytes);
    perfopt__put_int(b, own, "dropped", self.dropped);
    perfopt__put_int(b, own, "overflowed", self.overflowed);
    perfopt__put(b, map, "self", own);
}
