/*
 * windows.h - the numbers of the routes over the last five minutes to three days, and the time
 * series of the whole site.
 *
 * The open tally collects what the samples bring. When its 10 s are over it is packed into a step
 * of the first ring; six of those become a step of the second, and so on. Closed steps never
 * change; time without samples leaves a gap.
 *
 *     open ->  10 s x 30  ->  1 min x 60  ->  10 min x 48  ->  1 h x 72      routes, packed
 *              10 s x 360     1 min x 480     10 min x 432                   series, 9 numbers each
 *
 * A window of W is the steps of the ring that is W long, plus the steps of the finer rings that are
 * not yet part of one of them, plus the open tally: quantiles are those of the merged histograms.
 *
 * Memory: tallies 3 x 4.4 KB per route in use (2.7 MB for 200), series 51 KB, steps typically
 * below 1 MB and never above max_bytes: the oldest step of the largest ring goes first.
 */
#ifndef PERFOPT_SRC_MONITOR_WINDOWS_H
#define PERFOPT_SRC_MONITOR_WINDOWS_H

#include "monitor/tally.h"

#include <perfopt/monitor.h>

#define PERFOPT__RINGS        4
#define PERFOPT__SERIES_RINGS 3
#define PERFOPT__SERIES       9
#define PERFOPT__STEP_MS      10000

typedef struct perfopt__ring {
    uint32_t step_ms;
    uint32_t capacity;
    perfopt__step **steps; /* [slot % capacity]; NULL = gap */
    uint64_t bytes;
} perfopt__ring;

typedef struct perfopt__point {
    int64_t slot; /* -1 = never written */
    float values[PERFOPT__SERIES];
} perfopt__point;

typedef struct perfopt__series_ring {
    uint32_t step_ms;
    uint32_t capacity;
    perfopt__point *points;
} perfopt__series_ring;

/* Gauges of one sample; NAN = unknown. */
typedef struct perfopt__gauges {
    double memory_ratio, cpu_ratio, pool_in_use;
} perfopt__gauges;

typedef struct perfopt__windows {
    perfopt__tally open;
    int64_t open_slot; /* of 10 s; -1 = nothing sampled yet */
    perfopt__gauges gauge_sums;
    uint32_t gauge_counts[3];
    perfopt__ring rings[PERFOPT__RINGS];
    perfopt__series_ring series[PERFOPT__SERIES_RINGS];
    perfopt__tally scratch;
    uint64_t max_bytes;
    uint64_t lost; /* steps lost because of memory */
    uint32_t render_route;
    bool (*is_span)(void *user, uint32_t route); /* spans are no requests */
    void *user;
} perfopt__windows;

perfopt_status perfopt__windows_init(perfopt__windows *windows, uint32_t render_route,
                                     uint64_t max_bytes, bool (*is_span)(void *, uint32_t),
                                     void *user);
void perfopt__windows_finish(perfopt__windows *windows);
/* Forgets everything. */
void perfopt__windows_clear(perfopt__windows *windows);
uint64_t perfopt__windows_bytes(const perfopt__windows *windows);

/* Call it for a sample that covers (from_ms, to_ms] before adding to `open`: closes what is over.
 */
void perfopt__windows_advance(perfopt__windows *windows, int64_t from_ms, int64_t to_ms);
void perfopt__windows_gauges(perfopt__windows *windows, const perfopt__gauges *gauges);

/* One of 300, 3600, 28800, 259200. */
uint32_t perfopt__window_round(uint32_t window_s);
/* Merges a window (also one shorter than 300 s, from 10 s steps) into the scratch tally, which
 * stays valid until the next call. */
const perfopt__tally *perfopt__windows_read(perfopt__windows *windows, uint32_t window_s);
/* Adds up all requests of a tally, spans and the render times left out. */
void perfopt__windows_total(const perfopt__windows *windows, const perfopt__tally *tally,
                            perfopt__route_sums *total);

/* Returns the number of points written; *first_ms is the monotonic time of the first. */
size_t perfopt__windows_series(const perfopt__windows *windows, perfopt_series series,
                               uint32_t window_s, double *out, size_t capacity, int64_t *first_ms,
                               uint32_t *step_s);

#endif
