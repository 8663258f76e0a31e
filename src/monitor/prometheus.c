/*
 * prometheus.c - the export. Names are OpenTelemetry's (semantic conventions 1.44) as Prometheus
 * writes them; what OpenTelemetry has no name for begins with perfopt_. No raw path, host or key is
 * ever a label. A series that is known is there from the start, at 0.
 */
#include "base/bytes.h"
#include "base/memory.h"
#include "metrics/operations.h"
#include "monitor/exposition.h"
#include "monitor/monitor_internal.h"

#include <math.h>
#include <perfopt/version.h>
#include <stdio.h>
#include <string.h>

#define LABELS(...)       ((const perfopt__label[]){__VA_ARGS__, {NULL, NULL}})
#define MAX_TEMPLATE_SUMS 401

static const char *const duration_bounds[PERFOPT__DURATION_BOUNDS] = {
    "0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5",
    "0.75",  "1",    "2",     "2.5",  "5",     "7.5", "10"};
static const char *const operation_bounds[PERFOPT__OPERATION_BOUNDS] = {
    "0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "10"};
static const char *const size_bounds[PERFOPT__SIZE_BOUNDS] = {"1000",   "10000",   "50000",
                                                              "100000", "1000000", "10000000"};

/* ---- requests and spans ------------------------------------------------------------------- */

/* Overflowed requests have no route; OpenTelemetry marks them with this attribute. */
static void route_labels(const perfopt__routes *routes, uint32_t route, perfopt__label out[2])
{
    const char *method, *template;
    perfopt__routes_name(routes, route, &method, &template);
    out[0] = (perfopt__label){"http_request_method", route ? method : "_OTHER"};
    out[1] = route ? (perfopt__label){"http_route", template}
                   : (perfopt__label){"otel_metric_overflow", "true"};
}

static void put_status(perfopt__strbuf *out, const perfopt__label route[2],
                       const perfopt__status_sums *sums)
{
    char code[16] = "_OTHER";
    if (sums->status > 0)
        snprintf(code, sizeof(code), "%d", sums->status);
    perfopt__label labels[5] = {route[0], route[1]};
    size_t n = 2;
    if (sums->status != 0)
        labels[n++] = (perfopt__label){"http_response_status_code", code};
    /* error.type: the code of a failed answer, or why there was none. */
    if (sums->status == 0)
        labels[n++] = (perfopt__label){"error_type", "client_disconnected"};
    else if (sums->status < 100 || sums->status >= 500)
        labels[n++] = (perfopt__label){"error_type", code};
    labels[n] = (perfopt__label){NULL, NULL};
    perfopt__expo_histogram(out, "http_server_request_duration_seconds", labels, duration_bounds,
                            PERFOPT__DURATION_BOUNDS, sums->buckets, (double)sums->sum_ns / 1e9);
}

static void put_requests(perfopt__strbuf *out, perfopt_monitor *monitor, uint32_t count)
{
    perfopt__expo_family(out, "http_server_request_duration_seconds", "histogram",
                         "Duration of HTTP server requests.");
    for (uint32_t r = 0; r < count; r++) {
        if (perfopt__monitor_is_span(monitor, r))
            continue;
        perfopt__status_sums statuses[PERFOPT__ROUTE_STATUSES];
        size_t n = perfopt__routes_statuses(monitor->routes, r, statuses);
        if (n == 0 && r != 0) {
            statuses[0] = (perfopt__status_sums){.status = 200};
            n = 1;
        }
        perfopt__label route[2];
        route_labels(monitor->routes, r, route);
        for (size_t i = 0; i < n; i++)
            put_status(out, route, &statuses[i]);
    }
}

static void put_sizes(perfopt__strbuf *out, perfopt_monitor *monitor, uint32_t count)
{
    perfopt__expo_family(out, "http_server_response_body_size_bytes", "histogram",
                         "Size of HTTP server response bodies.");
    for (uint32_t r = 1; r < count; r++) {
        if (perfopt__monitor_is_span(monitor, r))
            continue;
        uint64_t buckets[PERFOPT__SIZE_BOUNDS + 1], sum;
        perfopt__label labels[3] = {{NULL, NULL}};
        route_labels(monitor->routes, r, labels);
        perfopt__routes_sizes(monitor->routes, r, buckets, &sum);
        perfopt__expo_histogram(out, "http_server_response_body_size_bytes", labels, size_bounds,
                                PERFOPT__SIZE_BOUNDS, buckets, (double)sum);
    }
}

static void put_spans(perfopt__strbuf *out, perfopt_monitor *monitor, uint32_t count)
{
    perfopt__expo_family(out, "perfopt_span_duration_seconds", "histogram",
                         "Duration of measured pieces of work that are no requests.");
    for (uint32_t r = 1; r < count; r++) {
        if (!perfopt__monitor_is_span(monitor, r))
            continue;
        const char *method, *name;
        perfopt__routes_name(monitor->routes, r, &method, &name);
        perfopt__status_sums statuses[PERFOPT__ROUTE_STATUSES];
        size_t n = perfopt__routes_statuses(monitor->routes, r, statuses);
        for (size_t i = 0; i < n; i++)
            perfopt__expo_histogram(
                out, "perfopt_span_duration_seconds",
                LABELS({"span", name}, {"result", statuses[i].status == 200 ? "ok" : "error"}),
                duration_bounds, PERFOPT__DURATION_BOUNDS, statuses[i].buckets,
                (double)statuses[i].sum_ns / 1e9);
    }
}

/* Counters of each route, next to OpenTelemetry's histograms. */
static void put_route_counters(perfopt__strbuf *out, perfopt_monitor *monitor, uint32_t count)
{
    static const struct {
        perfopt__route_counter counter;
        const char *name, *help;
    } families[] = {
        {PERFOPT__ROUTE_SLOW, "perfopt_slow_requests_total", "Requests above their threshold."},
        {PERFOPT__ROUTE_PAGE_CACHE, "perfopt_page_cache_hits_total",
         "Requests answered by the page cache."},
        {PERFOPT__ROUTE_QUERIES, "perfopt_request_queries_total",
         "Database queries sent by requests."},
        {PERFOPT__ROUTE_OVER_BUDGET, "perfopt_over_query_budget_total",
         "Requests with more queries than allowed."},
        {PERFOPT__ROUTE_N_PLUS_ONE, "perfopt_n_plus_one_total",
         "Requests that repeated one statement at least 5 times."},
    };
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        perfopt__expo_family(out, families[f].name, "counter", families[f].help);
        for (uint32_t r = 1; r < count; r++) {
            if (perfopt__monitor_is_span(monitor, r))
                continue;
            perfopt__label labels[3] = {{NULL, NULL}};
            route_labels(monitor->routes, r, labels);
            perfopt__expo_count(out, families[f].name, "", labels,
                                perfopt__routes_counter(monitor->routes, r, families[f].counter));
        }
    }
}

/* ---- databases and caches ----------------------------------------------------------------- */

static void put_operations(perfopt__strbuf *out)
{
    static const char *const systems[PERFOPT__OPERATIONS] = {"postgresql", "redis"};
    perfopt__expo_family(out, "db_client_operation_duration_seconds", "histogram",
                         "Duration of database client operations.");
    for (int i = 0; i < PERFOPT__OPERATIONS; i++) {
        perfopt__operation_sums sums;
        perfopt__operation_read((perfopt__operation)i, &sums);
        perfopt__expo_histogram(out, "db_client_operation_duration_seconds",
                                LABELS({"db_system_name", systems[i]}), operation_bounds,
                                PERFOPT__OPERATION_BOUNDS, sums.buckets, (double)sums.sum_ns / 1e9);
    }
}

static void put_one(perfopt__strbuf *out, const char *name, const char *type, const char *help,
                    const perfopt__label *labels, double value)
{
    perfopt__expo_family(out, name, type, help);
    perfopt__expo_value(out, name, "", labels, value);
}

#define POOL                                        \
    {                                               \
        "db_client_connection_pool_name", "perfopt" \
    }

static void put_pool(perfopt__strbuf *out, const perfopt_db_stats *db, uint64_t timeouts)
{
    const char *name = "db_client_connection_count";
    perfopt__expo_family(out, name, "gauge", "Connections by state.");
    perfopt__expo_count(out, name, "", LABELS({"db_client_connection_state", "idle"}, POOL),
                        db->idle);
    perfopt__expo_count(out, name, "", LABELS({"db_client_connection_state", "used"}, POOL),
                        db->in_use);
    put_one(out, "db_client_connection_max", "gauge", "Connections allowed.", LABELS(POOL),
            (double)db->pool_size + db->max_overflow);
    put_one(out, "db_client_connection_idle_max", "gauge", "Idle connections kept.", LABELS(POOL),
            db->pool_size);
    put_one(out, "db_client_connection_pending_requests", "gauge",
            "Callers that wait for a connection.", LABELS(POOL), db->waiting);
    put_one(out, "db_client_connection_timeouts_total", "counter", "Callers that waited in vain.",
            LABELS(POOL), (double)timeouts);
    put_one(out, "perfopt_db_up", "gauge", "1 while the database is reachable.", NULL, db->up);
}

static void put_caches(perfopt__strbuf *out, const perfopt__monitor_details *details,
                       const uint64_t *total)
{
    const char *name = "perfopt_cache_requests_total";
    const struct {
        const char *cache, *result;
        perfopt__export_counter counter;
    } series[] = {{"data", "hit", PERFOPT__EXPORT_CACHE_HITS},
                  {"data", "miss", PERFOPT__EXPORT_CACHE_MISSES},
                  {"data", "error", PERFOPT__EXPORT_CACHE_ERRORS},
                  {"query", "hit", PERFOPT__EXPORT_QUERY_HITS},
                  {"query", "miss", PERFOPT__EXPORT_QUERY_MISSES},
                  {"query", "error", PERFOPT__EXPORT_QUERY_ERRORS},
                  {"fragment", "hit", PERFOPT__EXPORT_FRAGMENT_HITS},
                  {"fragment", "miss", PERFOPT__EXPORT_FRAGMENT_MISSES}};
    perfopt__expo_family(out, name, "counter", "Cache lookups by result.");
    for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++)
        perfopt__expo_count(out, name, "",
                            LABELS({"cache", series[i].cache}, {"result", series[i].result}),
                            total[series[i].counter]);
    put_one(out, "perfopt_cache_evictions_total", "counter",
            "Entries removed to make room in the process's cache.", NULL,
            (double)total[PERFOPT__EXPORT_CACHE_EVICTIONS]);
    const perfopt_cache_stats *cache = &details->now.cache;
    put_one(out, "perfopt_cache_entries", "gauge", "Entries in the process's cache.", NULL,
            (double)cache->entries);
    put_one(out, "perfopt_cache_bytes", "gauge", "Bytes in the process's cache.", NULL,
            (double)cache->bytes);
    put_one(out, "perfopt_cache_max_bytes", "gauge", "Bytes the process's cache may use.", NULL,
            (double)cache->max_bytes);
    put_one(out, "perfopt_redis_up", "gauge", "1 while Redis is reachable.", NULL,
            cache->redis == PERFOPT_LINK_UP);
}

/* ---- assets and templates ----------------------------------------------------------------- */

static void put_assets(perfopt__strbuf *out, const perfopt_assets_stats *assets)
{
    perfopt__expo_family(out, "perfopt_assets", "gauge", "Assets by available encoding.");
    perfopt__expo_count(out, "perfopt_assets", "", LABELS({"encoding", "identity"}),
                        assets->assets);
    perfopt__expo_count(out, "perfopt_assets", "", LABELS({"encoding", "gzip"}), assets->with_gzip);
    perfopt__expo_count(out, "perfopt_assets", "", LABELS({"encoding", "br"}), assets->with_brotli);
    perfopt__expo_family(out, "perfopt_asset_bytes", "gauge", "Bytes of all assets by form.");
    perfopt__expo_count(out, "perfopt_asset_bytes", "", LABELS({"form", "raw"}), assets->raw_bytes);
    perfopt__expo_count(out, "perfopt_asset_bytes", "", LABELS({"form", "minified"}),
                        assets->minified_bytes);
    perfopt__expo_count(out, "perfopt_asset_bytes", "", LABELS({"form", "gzip"}),
                        assets->gzip_bytes);
}

/* Sums that go on rising when the templates' statistics are reset; NULL when memory is short. Under
 * the sampling lock. */
static const perfopt__template_export *rising_template(perfopt_monitor *monitor,
                                                       const perfopt_template_stats *stats)
{
    size_t length = strlen(stats->name);
    perfopt__template_export *sums = perfopt__map_get(&monitor->templates, stats->name, length);
    if (!sums) {
        if (monitor->templates.count >= MAX_TEMPLATE_SUMS)
            return NULL;
        sums = perfopt__calloc(1, sizeof(*sums));
        if (!sums ||
            perfopt__map_put(&monitor->templates, stats->name, length, sums, NULL) != PERFOPT_OK) {
            perfopt__free(sums);
            return NULL;
        }
    }
    perfopt__rising_update(&sums->renders, stats->renders);
    perfopt__rising_update(&sums->total_ns, (uint64_t)stats->total_ns);
    return sums;
}

static void put_templates(perfopt__strbuf *out, perfopt_monitor *monitor,
                          const perfopt__monitor_details *details, const uint64_t *total)
{
    const char *name = "perfopt_template_render_duration_seconds";
    perfopt__expo_family(out, name, "summary", "Duration of template renders.");
    for (size_t i = 0; i < details->template_count; i++) {
        const perfopt_template_stats *t = &details->templates[i];
        const perfopt__template_export *sums = rising_template(monitor, t);
        if (!sums)
            continue;
        double p50 = t->renders ? (double)t->p50_ns / 1e9 : (double)NAN;
        double p95 = t->renders ? (double)t->p95_ns / 1e9 : (double)NAN;
        perfopt__expo_value(out, name, "", LABELS({"template", t->name}, {"quantile", "0.5"}), p50);
        perfopt__expo_value(out, name, "", LABELS({"template", t->name}, {"quantile", "0.95"}),
                            p95);
        perfopt__expo_value(out, name, "_sum", LABELS({"template", t->name}),
                            (double)sums->total_ns.total / 1e9);
        perfopt__expo_count(out, name, "_count", LABELS({"template", t->name}),
                            sums->renders.total);
    }
    name = "perfopt_template_cache_requests_total";
    perfopt__expo_family(out, name, "counter", "Lookups of compiled templates by result.");
    perfopt__expo_count(out, name, "", LABELS({"result", "hit"}),
                        total[PERFOPT__EXPORT_TEMPLATE_HITS]);
    perfopt__expo_count(out, name, "", LABELS({"result", "miss"}),
                        total[PERFOPT__EXPORT_TEMPLATE_MISSES]);
}

/* ---- process and machine ------------------------------------------------------------------ */

static void put_process(perfopt__strbuf *out, const perfopt_system *system,
                        const perfopt__process *process)
{
    put_one(out, "process_cpu_seconds_total", "counter", "CPU time of the process.", NULL,
            process->cpu_seconds);
    put_one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", NULL,
            (double)system->rss_bytes);
    put_one(out, "process_open_fds", "gauge", "Open file descriptors.", NULL, system->open_fds);
    put_one(out, "process_max_fds", "gauge", "File descriptors allowed.", NULL, system->max_fds);
    put_one(out, "process_start_time_seconds", "gauge", "Start of the process, wall time.", NULL,
            process->start_s);
    put_one(out, "process_threads", "gauge", "Threads.", NULL, system->threads);
}

static void put_system(perfopt__strbuf *out, const perfopt_system *system)
{
    put_one(out, "system_cpu_utilization_ratio", "gauge", "Share of the machine's CPUs in use.",
            NULL, system->host_cpu_ratio);
    put_one(out, "perfopt_cpu_limit", "gauge", "CPUs the process may use.", NULL,
            system->cpu_limit);
    put_one(out, "system_memory_usage_bytes", "gauge",
            "Memory in use of what bounds the process (cgroup or host).",
            LABELS({"system_memory_state", "used"}), (double)system->memory_used_bytes);
    put_one(out, "system_memory_limit_bytes", "gauge", "What bounds the process.", NULL,
            (double)system->memory_limit_bytes);
    const char *name = "system_filesystem_usage_bytes";
    perfopt__expo_family(out, name, "gauge", "File system space.");
    for (uint32_t i = 0; i < system->disk_count; i++) {
        const perfopt_system_disk *disk = &system->disks[i];
        uint64_t used =
            disk->total_bytes > disk->free_bytes ? disk->total_bytes - disk->free_bytes : 0;
        perfopt__expo_count(out, name, "",
                            LABELS({"system_filesystem_mountpoint", disk->path},
                                   {"system_filesystem_state", "used"}),
                            used);
        perfopt__expo_count(out, name, "",
                            LABELS({"system_filesystem_mountpoint", disk->path},
                                   {"system_filesystem_state", "free"}),
                            disk->free_bytes);
    }
    name = "perfopt_pressure_ratio";
    perfopt__expo_family(out, name, "gauge", "Pressure stall, some, over 10 s.");
    perfopt__expo_value(out, name, "", LABELS({"resource", "cpu"}), system->psi_cpu / 100);
    perfopt__expo_value(out, name, "", LABELS({"resource", "memory"}), system->psi_memory / 100);
    perfopt__expo_value(out, name, "", LABELS({"resource", "io"}), system->psi_io / 100);
}

/* ---- the monitor itself ------------------------------------------------------------------- */

static void put_alerts(perfopt__strbuf *out, perfopt_monitor *monitor)
{
    perfopt_alert alerts[PERFOPT__ALERTS];
    size_t count = perfopt_monitor_get_alerts(monitor, alerts, PERFOPT__ALERTS);
    perfopt__expo_family(out, "perfopt_alert_firing", "gauge", "1 while the alert fires.");
    for (size_t i = 0; i < count; i++)
        perfopt__expo_count(out, "perfopt_alert_firing", "", LABELS({"alert", alerts[i].id}),
                            alerts[i].state == PERFOPT_ALERT_FIRING);
}

static void put_vitals(perfopt__strbuf *out, perfopt_monitor *monitor)
{
    for (int scores = 0; scores <= 1; scores++) {
        const char *name = scores ? "perfopt_web_vital_score" : "perfopt_web_vital_seconds";
        perfopt__expo_family(out, name, "summary",
                             scores ? "Layout shift seen by browsers."
                                    : "Timing seen by browsers.");
        for (int v = 0; v < PERFOPT__VITALS; v++) {
            const char *vital = perfopt__vital_name(v);
            if ((strcmp(vital, "CLS") == 0) != (scores == 1))
                continue;
            uint64_t count;
            double sum, p75;
            perfopt__vitals_total(&monitor->vitals, v, &count, &sum, &p75);
            perfopt__expo_value(out, name, "", LABELS({"vital", vital}, {"quantile", "0.75"}), p75);
            perfopt__expo_value(out, name, "_sum", LABELS({"vital", vital}), sum);
            perfopt__expo_count(out, name, "_count", LABELS({"vital", vital}), count);
        }
    }
}

static void put_self(perfopt__strbuf *out, perfopt_monitor *monitor)
{
    perfopt_monitor_self self;
    perfopt_monitor_get_self(monitor, &self);
    put_one(out, "perfopt_overflow_total", "counter", "Requests counted under the overflow route.",
            NULL, (double)self.overflowed);
    put_one(out, "perfopt_dropped_total", "counter", "Samples lost because of memory.", NULL,
            (double)self.dropped);
    put_one(out, "perfopt_monitor_bytes", "gauge", "Memory of the monitor.", NULL,
            (double)self.bytes);
    put_one(out, "perfopt_build_info", "gauge", "Version of libperfopt.",
            LABELS({"version", PERFOPT_VERSION_STRING}), 1);
}

static void put_all(perfopt__strbuf *out, perfopt_monitor *monitor,
                    const perfopt__monitor_details *details)
{
    uint64_t total[PERFOPT__EXPORT_COUNTERS];
    pthread_mutex_lock(&monitor->lock);
    perfopt__monitor_update_exports(monitor, &details->now);
    for (int i = 0; i < PERFOPT__EXPORT_COUNTERS; i++)
        total[i] = monitor->exported[i].total;
    perfopt_system system = monitor->system;
    perfopt__process process = monitor->process;
    pthread_mutex_unlock(&monitor->lock);
    uint32_t count = perfopt__routes_count(monitor->routes);
    uint32_t active =
        monitor->source.active_requests ? monitor->source.active_requests(monitor->source.user) : 0;
    put_requests(out, monitor, count);
    put_one(out, "http_server_active_requests", "gauge", "Requests being handled.", NULL, active);
    put_sizes(out, monitor, count);
    put_route_counters(out, monitor, count);
    put_spans(out, monitor, count);
    put_operations(out);
    put_pool(out, &details->now.db, total[PERFOPT__EXPORT_POOL_TIMEOUTS]);
    put_caches(out, details, total);
    put_assets(out, &details->assets);
    put_templates(out, monitor, details, total);
    put_process(out, &system, &process);
    put_system(out, &system);
    put_alerts(out, monitor);
    put_vitals(out, monitor);
    put_self(out, monitor);
}

/* Under the sampling lock: two readings of a source must be taken in in the order they were made,
 * or the later one looks as if its counters had been reset. */
perfopt_status perfopt_monitor_prometheus(perfopt_monitor *monitor, perfopt_bytes **out)
{
    perfopt__strbuf text = PERFOPT__STRBUF_INIT;
    pthread_mutex_lock(&monitor->sampling);
    perfopt__monitor_details *details = perfopt__monitor_details_read(monitor);
    if (details)
        put_all(&text, monitor, details);
    pthread_mutex_unlock(&monitor->sampling);
    perfopt_status status = details && !text.failed
                                ? perfopt_bytes_create(text.data, text.length, out)
                                : PERFOPT_ENOMEM;
    perfopt__free(details);
    perfopt__strbuf_finish(&text);
    return status;
}
