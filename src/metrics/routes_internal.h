/*
 * routes_internal.h - the layout of the registry, shared by routes.c (recording) and
 * routes_read.c (adding up).
 */
#ifndef PERFOPT_SRC_METRICS_ROUTES_INTERNAL_H
#define PERFOPT_SRC_METRICS_ROUTES_INTERNAL_H

#include "base/map.h"
#include "metrics/routes.h"
#include "metrics/shards.h"

#include <pthread.h>

/* One status code of one route in one thread; listed newest first, never removed. */
typedef struct perfopt__status_cell {
    struct perfopt__status_cell *next;
    void *storage;
    int status;
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t buckets[PERFOPT__DURATION_BOUNDS + 1];
} perfopt__status_cell;

/* One route in one thread. */
typedef struct perfopt__route_cell {
    void *storage;
    _Atomic(perfopt__status_cell *) statuses;
    _Atomic int64_t most_queries; /* since it was last taken */
    _Atomic uint64_t counters[PERFOPT__ROUTE_COUNTERS];
    _Atomic uint64_t sizes[PERFOPT__SIZE_BOUNDS + 1];
    perfopt__histogram_cell took;
} perfopt__route_cell;

typedef struct perfopt__route_name {
    char *method;
    char *template;
    _Atomic int64_t slow_ns; /* 0 = the registry's */
} perfopt__route_name;

struct perfopt__routes {
    /* read by every record, written almost never */
    perfopt__shards shards; /* block: max_routes + 2 pointers to cells, the last one for renders */
    _Atomic bool enabled;
    _Atomic int64_t slow_ns;
    uint32_t max_routes;
    perfopt__route_name *names; /* max_routes + 1; [0, count) never change */

    /* the registering side */
    alignas(PERFOPT__CACHE_LINE) _Atomic uint32_t count;
    void *storage;
    _Atomic uint64_t dropped;
    pthread_mutex_t lock;
    perfopt__map by_name; /* "METHOD\0/template" -> number */
};

#endif
