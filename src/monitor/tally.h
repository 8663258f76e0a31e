/*
 * tally.h - numbers of all routes over a stretch of time: dense while it is being added to, packed
 * into a few hundred bytes once it is closed.
 *
 *     tally:  routes[0] -> sums   routes[1] = NULL   routes[2] -> sums ...    4.4 KB per route seen
 *     step:   [0 counters buckets][2 counters buckets] ...                    about 60-200 B each
 */
#ifndef PERFOPT_SRC_MONITOR_TALLY_H
#define PERFOPT_SRC_MONITOR_TALLY_H

#include "metrics/routes.h"

typedef struct perfopt__tally {
    perfopt__route_sums **routes; /* `capacity` pointers; NULL = no numbers */
    uint32_t capacity;
    int64_t covered_ms; /* time that was sampled; 0 = nothing is known */
    uint64_t cache_hits, cache_misses;
} perfopt__tally;

/* One closed stretch; never changes. */
typedef struct perfopt__step {
    int64_t slot; /* its time divided by the length of its ring's steps */
    int64_t covered_ms;
    uint64_t cache_hits, cache_misses;
    size_t length;
    unsigned char packed[];
} perfopt__step;

perfopt_status perfopt__tally_init(perfopt__tally *tally, uint32_t capacity);
void perfopt__tally_finish(perfopt__tally *tally);
/* Sets all numbers to zero and keeps the memory. */
void perfopt__tally_clear(perfopt__tally *tally);
/* The numbers of a route, zero at first; NULL when out of memory or past the capacity. */
perfopt__route_sums *perfopt__tally_route(perfopt__tally *tally, uint32_t route);
uint64_t perfopt__tally_bytes(const perfopt__tally *tally);
void perfopt__route_sums_add(perfopt__route_sums *into, const perfopt__route_sums *from);

/* NULL when out of memory. */
perfopt__step *perfopt__step_pack(const perfopt__tally *tally, int64_t slot);

/* Where a route's numbers go; NULL = leave them out. */
typedef perfopt__route_sums *(*perfopt__target_fn)(void *user, uint32_t route);
/* Adds the routes of a step. */
void perfopt__step_unpack(const perfopt__step *step, perfopt__target_fn target, void *user);

#endif
