/*
 * sample.c - one sample: the sources and the machine are read, the routes' new numbers go into the
 * windows, the alerts are evaluated and told.
 */
#include "base/clock.h"
#include "monitor/monitor_internal.h"
#include "monitor/text.h"

#include <math.h>
#include <string.h>

#define MIN_REQUESTS 20
#define MIN_LOOKUPS  100

/* ---- routes ------------------------------------------------------------------------------- */

static void subtract(perfopt__route_sums *from, const perfopt__route_sums *base)
{
    from->took.count -= base->took.count;
    from->took.sum_ns -= base->took.sum_ns;
    from->took.out_of_range -= base->took.out_of_range;
    for (int i = 0; i < PERFOPT__HISTOGRAM_BUCKETS; i++)
        from->took.buckets[i] -= base->took.buckets[i];
    for (int i = 0; i < PERFOPT__ROUTE_COUNTERS; i++)
        from->counters[i] -= base->counters[i];
}

/* Adds what is new of a route to `into` (NULL = nowhere) and moves the base on. */
static void take_route(perfopt_monitor *monitor, uint32_t route, perfopt__tally *into)
{
    perfopt__route_sums now = {0};
    perfopt__routes_read(monitor->routes, route, &now);
    if (now.took.count == 0)
        return;
    perfopt__route_sums *base = perfopt__tally_route(&monitor->base, route);
    if (!base) {
        monitor->base_lost++; /* comes in with a later sample */
        return;
    }
    perfopt__route_sums fresh = now;
    subtract(&fresh, base);
    perfopt__route_sums *target =
        into && fresh.took.count ? perfopt__tally_route(into, route) : NULL;
    if (into && fresh.took.count && !target) {
        monitor->base_lost++;
        return;
    }
    *base = now;
    perfopt__routes_take_max(monitor->routes, route, &fresh);
    if (target)
        perfopt__route_sums_add(target, &fresh);
}

static void take_routes(perfopt_monitor *monitor, perfopt__tally *into)
{
    uint32_t count = perfopt__routes_count(monitor->routes);
    for (uint32_t i = 0; i < count; i++)
        take_route(monitor, i, into);
    take_route(monitor, perfopt__routes_render(monitor->routes), into);
}

static uint64_t cache_hits(const perfopt_cache_stats *c)
{
    return c->hits_l1 + c->hits_l2 + c->absent_hits;
}

/* The cache's own counters; without a cache, what the requests' scopes saw. */
static void take_cache(perfopt_monitor *monitor, const perfopt__monitor_snapshot *snapshot,
                       perfopt__tally *into)
{
    uint64_t hits = 0, misses = 0;
    if (snapshot->has_cache) {
        hits = cache_hits(&snapshot->cache);
        misses = snapshot->cache.misses;
    } else {
        for (uint32_t i = 0; i < monitor->base.capacity; i++) {
            const perfopt__route_sums *sums = monitor->base.routes[i];
            hits += sums ? sums->counters[PERFOPT__ROUTE_CACHE_HITS] : 0;
            misses += sums ? sums->counters[PERFOPT__ROUTE_CACHE_MISSES] : 0;
        }
    }
    /* Below the base: the counters were set to zero. */
    uint64_t *base_hits = &monitor->cache_base_hits, *base_misses = &monitor->cache_base_misses;
    if (into) {
        into->cache_hits += hits >= *base_hits ? hits - *base_hits : hits;
        into->cache_misses += misses >= *base_misses ? misses - *base_misses : misses;
    }
    *base_hits = hits;
    *base_misses = misses;
}

void perfopt__monitor_rebase(perfopt_monitor *monitor, int64_t now_ms)
{
    perfopt__monitor_snapshot snapshot = {0};
    if (monitor->source.read)
        monitor->source.read(monitor->source.user, &snapshot);
    take_routes(monitor, NULL);
    take_cache(monitor, &snapshot, NULL);
    monitor->sampled_ms = now_ms;
}

/* ---- alerts ------------------------------------------------------------------------------- */

/* What is to be told once the locks are released. */
typedef struct transitions {
    perfopt_alert alerts[PERFOPT__ALERTS];
    size_t count;
} transitions;

static void step(perfopt_monitor *monitor, perfopt__alert_number number, double value, bool at_once,
                 int64_t now_ms, transitions *out)
{
    perfopt__alert_rule *rule = &monitor->rules[number];
    if (isnan(value))
        perfopt__format(rule->now.message, sizeof(rule->now.message), "no data");
    if (perfopt__alert_step(rule, value, at_once, now_ms, now_ms + monitor->wall_offset_ms))
        out->alerts[out->count++] = rule->now;
}

static void check_response_time(perfopt_monitor *monitor, int64_t now_ms, transitions *out)
{
    perfopt__route_sums total = {0};
    perfopt__windows_total(&monitor->windows, perfopt__windows_read(&monitor->windows, 60), &total);
    double p95_ms = NAN;
    if (total.took.count >= MIN_REQUESTS) {
        perfopt__alert_rule *rule = &monitor->rules[PERFOPT__ALERT_RESPONSE_TIME];
        p95_ms = (double)perfopt__histogram_quantile(&total.took, 0.95) / 1e6;
        perfopt__format(rule->now.message, sizeof(rule->now.message),
                        "95 %% of the last minute's %llu requests took up to %.0f ms "
                        "(threshold %.0f ms)",
                        (unsigned long long)total.took.count, p95_ms, rule->now.threshold);
    }
    step(monitor, PERFOPT__ALERT_RESPONSE_TIME, p95_ms, false, now_ms, out);
}

static void check_cache(perfopt_monitor *monitor, const perfopt__monitor_snapshot *snapshot,
                        int64_t now_ms, transitions *out)
{
    double percent = NAN;
    if (snapshot->has_cache) {
        perfopt__alert_rule *rule = &monitor->rules[PERFOPT__ALERT_CACHE];
        uint64_t hits = cache_hits(&snapshot->cache), lookups;
        perfopt__rate_add(&monitor->cache_rate, now_ms, hits, snapshot->cache.misses);
        percent = perfopt__rate_percent(&monitor->cache_rate, now_ms, hits, snapshot->cache.misses,
                                        MIN_LOOKUPS, &lookups);
        perfopt__format(rule->now.message, sizeof(rule->now.message),
                        "%.1f %% of %llu cache lookups in 5 min were hits (threshold %.0f %%)",
                        percent, (unsigned long long)lookups, rule->now.threshold);
    }
    step(monitor, PERFOPT__ALERT_CACHE, percent, false, now_ms, out);
}

static void check_pool(perfopt_monitor *monitor, bool has_db, const perfopt_db_stats *db,
                       int64_t now_ms, transitions *out)
{
    double waiting = NAN;
    bool at_once = false;
    if (has_db) {
        perfopt__alert_rule *rule = &monitor->rules[PERFOPT__ALERT_POOL];
        waiting = db->idle == 0 ? db->waiting : 0;
        at_once =
            monitor->pool_timeouts != UINT64_MAX && db->acquire_timeouts > monitor->pool_timeouts;
        monitor->pool_timeouts = db->acquire_timeouts;
        perfopt__format(rule->now.message, sizeof(rule->now.message),
                        "%u wait for a connection, %u of %u in use, the longest for %.1f s, "
                        "%llu timeouts",
                        db->waiting, db->in_use, db->pool_size + db->max_overflow,
                        (double)db->oldest_holder_ms / 1e3,
                        (unsigned long long)db->acquire_timeouts);
    }
    step(monitor, PERFOPT__ALERT_POOL, waiting, at_once, now_ms, out);
}

static double memory_ratio(const perfopt_system *system)
{
    if (system->memory_limit_bytes == 0)
        return NAN;
    return fmin(1, (double)system->memory_used_bytes / (double)system->memory_limit_bytes);
}

static void check_memory(perfopt_monitor *monitor, int64_t now_ms, transitions *out)
{
    const perfopt_system *system = &monitor->system;
    perfopt__alert_rule *rule = &monitor->rules[PERFOPT__ALERT_MEMORY];
    double percent = 100 * memory_ratio(system);
    char used[24], limit[24];
    perfopt__format(rule->now.message, sizeof(rule->now.message),
                    "memory %.0f %%: %s of %s (%s), threshold %.0f %%", percent,
                    perfopt__format_bytes(system->memory_used_bytes, used),
                    perfopt__format_bytes(system->memory_limit_bytes, limit), system->memory_source,
                    rule->now.threshold);
    step(monitor, PERFOPT__ALERT_MEMORY, percent, false, now_ms, out);
}

/* No lock is held: the callback may read the monitor. */
static void tell(perfopt_monitor *monitor, const transitions *list)
{
    perfopt_alert_fn fn = monitor->on_alert;
    void *user = monitor->on_alert_user;
    for (size_t i = 0; fn && i < list->count; i++)
        fn(&list->alerts[i], user);
}

void perfopt__monitor_check_pool(perfopt_monitor *monitor)
{
    perfopt_db_stats db = {0};
    transitions told = {.count = 0};
    pthread_mutex_lock(&monitor->sampling);
    bool has_db = monitor->source.read_pool && monitor->source.read_pool(monitor->source.user, &db);
    pthread_mutex_lock(&monitor->lock);
    check_pool(monitor, has_db, &db, perfopt__now_ms(), &told);
    pthread_mutex_unlock(&monitor->lock);
    pthread_mutex_unlock(&monitor->sampling);
    tell(monitor, &told);
}

/* ---- exports ------------------------------------------------------------------------------ */

void perfopt__monitor_update_exports(perfopt_monitor *monitor,
                                     const perfopt__monitor_snapshot *snapshot)
{
    const uint64_t now[PERFOPT__EXPORT_COUNTERS] = {
        [PERFOPT__EXPORT_CACHE_HITS] = cache_hits(&snapshot->cache),
        [PERFOPT__EXPORT_CACHE_MISSES] = snapshot->cache.misses,
        [PERFOPT__EXPORT_CACHE_ERRORS] = snapshot->cache.redis_errors,
        [PERFOPT__EXPORT_CACHE_EVICTIONS] = snapshot->cache.evictions,
        [PERFOPT__EXPORT_QUERY_HITS] = snapshot->queries.hits,
        [PERFOPT__EXPORT_QUERY_MISSES] = snapshot->queries.misses,
        [PERFOPT__EXPORT_QUERY_ERRORS] = snapshot->queries.errors,
        [PERFOPT__EXPORT_FRAGMENT_HITS] = snapshot->ssr.fragment_hits,
        [PERFOPT__EXPORT_FRAGMENT_MISSES] = snapshot->ssr.fragment_misses,
        [PERFOPT__EXPORT_TEMPLATE_HITS] = snapshot->ssr.template_hits,
        [PERFOPT__EXPORT_TEMPLATE_MISSES] = snapshot->ssr.template_misses,
        [PERFOPT__EXPORT_POOL_TIMEOUTS] = snapshot->db.acquire_timeouts,
    };
    for (int i = 0; i < PERFOPT__EXPORT_COUNTERS; i++)
        perfopt__rising_update(&monitor->exported[i], now[i]);
}

/* ---- one sample --------------------------------------------------------------------------- */

static void move_on(perfopt_monitor *monitor, const perfopt__monitor_snapshot *snapshot,
                    int64_t now_ms)
{
    int64_t from_ms = monitor->sampled_ms;
    if (now_ms < from_ms)
        now_ms = from_ms; /* a clock that went back covers no time */
    perfopt__windows_advance(&monitor->windows, from_ms, now_ms);
    monitor->sampled_ms = now_ms;
    take_routes(monitor, &monitor->windows.open);
    take_cache(monitor, snapshot, &monitor->windows.open);
    perfopt__gauges gauges = {.memory_ratio = memory_ratio(&monitor->system),
                              .cpu_ratio = monitor->system.process_cpu_ratio,
                              .pool_in_use = snapshot->has_db ? snapshot->db.in_use : NAN};
    perfopt__windows_gauges(&monitor->windows, &gauges);
}

/* Times of points must not waver with the clocks' rounding. */
static void follow_wall(perfopt_monitor *monitor, int64_t now_ms, int64_t wall_ms)
{
    int64_t offset = wall_ms - now_ms;
    int64_t moved = offset - monitor->wall_offset_ms;
    if (moved > 1000 || moved < -1000)
        monitor->wall_offset_ms = offset;
}

void perfopt_monitor_sample(perfopt_monitor *monitor)
{
    if (!monitor->enabled)
        return;
    transitions told = {.count = 0};
    perfopt__monitor_snapshot snapshot = {0};
    perfopt_system system;
    perfopt__process process;
    pthread_mutex_lock(&monitor->sampling);
    int64_t now_ns = perfopt__now_ns(), now_ms = now_ns / 1000000;
    int64_t wall_ms = perfopt__wall_ms();
    if (monitor->source.read)
        monitor->source.read(monitor->source.user, &snapshot);
    perfopt__system_sample(&monitor->sampler, now_ns, &system, &process);
    system.sampled_ms = wall_ms;
    int64_t up_ms = now_ms - monitor->started_ms;
    system.uptime_s = up_ms > 0 ? (uint64_t)up_ms / 1000 : 0;
    pthread_mutex_lock(&monitor->lock);
    follow_wall(monitor, now_ms, wall_ms);
    monitor->system = system;
    monitor->process = process;
    move_on(monitor, &snapshot, now_ms);
    perfopt__monitor_update_exports(monitor, &snapshot);
    check_response_time(monitor, now_ms, &told);
    check_cache(monitor, &snapshot, now_ms, &told);
    check_pool(monitor, snapshot.has_db, &snapshot.db, now_ms, &told);
    check_memory(monitor, now_ms, &told);
    pthread_mutex_unlock(&monitor->lock);
    pthread_mutex_unlock(&monitor->sampling);
    tell(monitor, &told);
}

void perfopt_monitor_reset(perfopt_monitor *monitor)
{
    pthread_mutex_lock(&monitor->sampling);
    pthread_mutex_lock(&monitor->lock);
    perfopt__windows_clear(&monitor->windows);
    if (monitor->enabled)
        perfopt__monitor_rebase(monitor, perfopt__now_ms());
    perfopt__vitals_reset(&monitor->vitals);
    monitor->epoch++;
    pthread_mutex_unlock(&monitor->lock);
    pthread_mutex_unlock(&monitor->sampling);
}
