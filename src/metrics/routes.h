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

#endif
