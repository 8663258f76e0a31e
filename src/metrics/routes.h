/*
 * routes.h - per-route numbers, written by http and read by monitor: log-linear histograms and
 * counters in per-thread shards, so that recording takes no lock and shares no cache line.
 *
 *     routes: [0 overflow][1 GET /][2 GET /article/{id}] ...          names, append only
 *     shard of thread A:  [0 ........][1 ........] ...                written by A only
 *     shard of thread B:  [0 ........][1 ........] ...                written by B only
 *
 * A reader adds the shards up. The shard of a thread that ended is handed to the next new thread.
 */
#ifndef PERFOPT_SRC_METRICS_ROUTES_H
#define PERFOPT_SRC_METRICS_ROUTES_H

#include <perfopt/metrics.h>

#include "metrics/histogram.h"

typedef struct perfopt__routes perfopt__routes;

/* max_routes 0 = 200; the ones after it are counted under the overflow route 0. */
perfopt_status perfopt__routes_create(uint32_t max_routes, perfopt__routes **out);
void perfopt__routes_destroy(perfopt__routes *routes);

/* Number of a method and route template ("/article/{id}", never a raw path); the same pair always
 * gives the same number. Takes a lock: call it when a route is registered, not per request.
 * slow_ms: threshold from which a request counts as slow, 0 = 1000. */
uint32_t perfopt__routes_intern(perfopt__routes *routes, const char *method, const char *template,
                                uint32_t slow_ms);

/* One finished request. */
typedef struct perfopt__route_sample {
    int64_t now_ns; /* monotonic, at the end */
    int64_t took_ns;
    uint64_t response_bytes;
    int status; /* HTTP; 0 = the client went away */
    bool from_page_cache;
    bool over_query_budget;
    const perfopt_scope_stats *scope; /* NULL = nothing was tracked */
} perfopt__route_sample;

/* Adds to the calling thread's shard. The first call of a thread allocates the shard; if that fails
 * the sample is counted as dropped. */
void perfopt__routes_record(perfopt__routes *routes, uint32_t route,
                            const perfopt__route_sample *sample);

/* ---- settings, from monitor -------------------------------------------------------------- */

/* Off: recording is one branch. On at the start. */
void perfopt__routes_set_enabled(perfopt__routes *routes, bool enabled);
/* Threshold of the routes that were registered with 0; 0 = 1000. */
void perfopt__routes_set_slow_ms(perfopt__routes *routes, uint32_t slow_ms);

/* ---- reading: any thread, never blocks a recording one ------------------------------------ */

/* Counters of a route; each only rises. */
typedef enum perfopt__route_counter {
    PERFOPT__ROUTE_2XX, /* and 1xx */
    PERFOPT__ROUTE_3XX,
    PERFOPT__ROUTE_4XX,
    PERFOPT__ROUTE_5XX,     /* and what is no status at all */
    PERFOPT__ROUTE_ABORTED, /* the client went away */
    PERFOPT__ROUTE_SLOW,
    PERFOPT__ROUTE_BYTES,
    PERFOPT__ROUTE_PAGE_CACHE,
    PERFOPT__ROUTE_OVER_BUDGET,
    PERFOPT__ROUTE_N_PLUS_ONE,
    PERFOPT__ROUTE_QUERIES,
    PERFOPT__ROUTE_QUERIES_SAVED,
    PERFOPT__ROUTE_DB_NS,
    PERFOPT__ROUTE_RENDERS,
    PERFOPT__ROUTE_RENDER_NS,
    PERFOPT__ROUTE_CACHE_HITS,
    PERFOPT__ROUTE_CACHE_MISSES,
    PERFOPT__ROUTE_COUNTERS
} perfopt__route_counter;

/* A route since the start. In `took` the maximum, and most_queries, are those since they were last
 * taken. */
typedef struct perfopt__route_sums {
    perfopt__histogram took;
    uint64_t counters[PERFOPT__ROUTE_COUNTERS];
    uint64_t most_queries;
} perfopt__route_sums;

/* Routes are numbered 0 (overflow) to count - 1. */
uint32_t perfopt__routes_count(const perfopt__routes *routes);
/* One number past the last route there can be: its `took` holds the render time of each request
 * that rendered something. */
uint32_t perfopt__routes_render(const perfopt__routes *routes);
/* Borrowed until the registry is destroyed. */
void perfopt__routes_name(const perfopt__routes *routes, uint32_t route, const char **method,
                          const char **template);
/* A route with this template and any method, 0 if there is none. O(routes). */
uint32_t perfopt__routes_find(perfopt__routes *routes, const char *template, size_t length);
/* Adds a route's numbers to `sums`, the maxima left out. */
void perfopt__routes_read(perfopt__routes *routes, uint32_t route, perfopt__route_sums *sums);
/* Raises the maxima in `sums` to those since the last call; only one thread may call it at a time.
 */
void perfopt__routes_take_max(perfopt__routes *routes, uint32_t route, perfopt__route_sums *sums);
/* One counter of a route since the start. */
uint64_t perfopt__routes_counter(perfopt__routes *routes, uint32_t route,
                                 perfopt__route_counter counter);
/* Samples lost because of memory. */
uint64_t perfopt__routes_dropped(const perfopt__routes *routes);
/* Bytes of all shards and names. */
uint64_t perfopt__routes_bytes(perfopt__routes *routes);

/* ---- exact counts below fixed bounds, for exporters --------------------------------------- */

/* OpenTelemetry's bounds of http.server.request.duration and 2 s, so that the share of requests
 * above the 2 s of the response time alert can be read exactly. The last bucket is +Inf. */
#define PERFOPT__DURATION_BOUNDS 15
extern const int64_t perfopt__duration_bounds_ns[PERFOPT__DURATION_BOUNDS];
#define PERFOPT__SIZE_BOUNDS 6
extern const uint64_t perfopt__size_bounds[PERFOPT__SIZE_BOUNDS];

/* One status code of one route; at most 16 codes of a route are told apart, the rest is -1. */
#define PERFOPT__ROUTE_STATUSES 17
typedef struct perfopt__status_sums {
    int status;
    uint64_t sum_ns;
    uint64_t buckets[PERFOPT__DURATION_BOUNDS + 1]; /* not cumulative */
} perfopt__status_sums;

/* Returns the number of codes written, in ascending order. */
size_t perfopt__routes_statuses(perfopt__routes *routes, uint32_t route,
                                perfopt__status_sums out[PERFOPT__ROUTE_STATUSES]);
/* Response sizes of a route; not cumulative; *sum gets the bytes. */
void perfopt__routes_sizes(perfopt__routes *routes, uint32_t route,
                           uint64_t buckets[PERFOPT__SIZE_BOUNDS + 1], uint64_t *sum);

#endif
