/*
 * monitor_internal.h - the monitor and what its files share.
 *
 *     sampling lock   one sample at a time: sampler, base, the sources         (held for a sample)
 *     lock            what readers see: windows, alerts, the last sample      (held briefly)
 *     vitals.lock     beacons
 *
 * They are taken in this order, and none while an alert callback runs.
 */
#ifndef PERFOPT_SRC_MONITOR_MONITOR_INTERNAL_H
#define PERFOPT_SRC_MONITOR_MONITOR_INTERNAL_H

#include "base/map.h"
#include "monitor/alerts.h"
#include "monitor/snapshot.h"
#include "monitor/spans.h"
#include "monitor/system.h"
#include "monitor/vitals.h"
#include "monitor/windows.h"

#include <pthread.h>

/* Counters of the sources as they are exported. */
typedef enum perfopt__export_counter {
    PERFOPT__EXPORT_CACHE_HITS,
    PERFOPT__EXPORT_CACHE_MISSES,
    PERFOPT__EXPORT_CACHE_ERRORS,
    PERFOPT__EXPORT_CACHE_EVICTIONS,
    PERFOPT__EXPORT_QUERY_HITS,
    PERFOPT__EXPORT_QUERY_MISSES,
    PERFOPT__EXPORT_QUERY_ERRORS,
    PERFOPT__EXPORT_FRAGMENT_HITS,
    PERFOPT__EXPORT_FRAGMENT_MISSES,
    PERFOPT__EXPORT_TEMPLATE_HITS,
    PERFOPT__EXPORT_TEMPLATE_MISSES,
    PERFOPT__EXPORT_POOL_TIMEOUTS,
    PERFOPT__EXPORT_COUNTERS
} perfopt__export_counter;

/* Render numbers of one template as they are exported. */
typedef struct perfopt__template_export {
    perfopt__rising renders, total_ns;
} perfopt__template_export;

struct perfopt_monitor {
    bool enabled;
    bool owns_routes;
    perfopt__routes *routes;
    perfopt__spans spans;
    perfopt__vitals vitals;
    perfopt__monitor_source source;
    void *source_storage; /* freed with the monitor */
    uint32_t interval_ms, pool_tick_ms;
    perfopt_alert_fn on_alert;
    void *on_alert_user;
    int64_t started_ms;
    double record_ns;

    pthread_mutex_t sampling;
    perfopt__system_sampler sampler;
    perfopt__tally base; /* the routes' sums at the last sample */
    uint64_t cache_base_hits, cache_base_misses;
    int64_t sampled_ms;     /* monotonic */
    uint64_t base_lost;     /* routes that could not be sampled for want of memory */
    perfopt__map templates; /* name -> perfopt__template_export */

    pthread_mutex_t lock;
    perfopt__windows windows;
    perfopt__alert_rule rules[PERFOPT__ALERTS];
    perfopt__rate cache_rate;
    uint64_t pool_timeouts; /* at the last evaluation; UINT64_MAX = never */
    perfopt_system system;
    perfopt__process process;
    perfopt__rising exported[PERFOPT__EXPORT_COUNTERS];
    int64_t wall_offset_ms; /* wall minus monotonic time */
    uint32_t epoch;

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t thread_lock;
    pthread_cond_t wake;
    bool stop, destroy_at_exit; /* under thread_lock */
};

/* ---- monitor.c ---------------------------------------------------------------------------- */

typedef struct perfopt__monitor_setup {
    perfopt__routes *routes; /* borrowed; NULL = one of its own */
    perfopt__monitor_source source;
    void *source_storage; /* owned, also when creation fails */
    const char *root;     /* of /proc and /sys; NULL = the machine's; borrowed */
    bool no_thread;       /* only perfopt_monitor_sample() samples */
} perfopt__monitor_setup;

perfopt_status perfopt__monitor_create_with(const perfopt_monitor_options *options,
                                            const perfopt__monitor_setup *setup,
                                            perfopt_monitor **out, perfopt_error *err);

/* ---- sample.c ----------------------------------------------------------------------------- */

/* Takes over the present sums, so that the windows begin now. Under `sampling`. */
void perfopt__monitor_rebase(perfopt_monitor *monitor, int64_t now_ms);
/* Looks at the pool alone, which needs a finer tick than the rest. */
void perfopt__monitor_check_pool(perfopt_monitor *monitor);
/* Brings the exported counters up to date. Under both locks. */
void perfopt__monitor_update_exports(perfopt_monitor *monitor,
                                     const perfopt__monitor_snapshot *snapshot);

/* ---- views.c ------------------------------------------------------------------------------ */

/* Details from the source, on the heap; NULL when out of memory. Under `sampling`. */
perfopt__monitor_details *perfopt__monitor_details_read(perfopt_monitor *monitor);
bool perfopt__monitor_is_span(void *monitor, uint32_t route);

#endif
