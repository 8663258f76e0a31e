/*
 * vitals.h - browser timing: beacons in, one histogram per vital out. Milliseconds are kept as
 * nanoseconds; CLS, which has no unit, as billionths.
 */
#ifndef PERFOPT_SRC_MONITOR_VITALS_H
#define PERFOPT_SRC_MONITOR_VITALS_H

#include "metrics/routes.h"

#include <perfopt/monitor.h>
#include <pthread.h>

#define PERFOPT__VITALS      5
#define PERFOPT__BEACON_MAX  4096
#define PERFOPT__BEACON_DEEP 4

typedef struct perfopt__vitals {
    pthread_mutex_t lock;
    perfopt__histogram total[PERFOPT__VITALS];       /* since creation, for the export */
    perfopt__histogram since_reset[PERFOPT__VITALS]; /* for the views */
    /* [route * PERFOPT__VITALS + vital], allocated at the first beacon; at most 256 of them */
    perfopt__histogram **by_route;
    uint32_t max_routes, allocated;
} perfopt__vitals;

perfopt_status perfopt__vitals_init(perfopt__vitals *vitals, uint32_t max_routes);
void perfopt__vitals_finish(perfopt__vitals *vitals);
/* Takes in a beacon, all of it or nothing. */
perfopt_status perfopt__vitals_beacon(perfopt__vitals *vitals, perfopt__routes *routes,
                                      const char *body, size_t length);
size_t perfopt__vitals_read(perfopt__vitals *vitals, perfopt_vital_stats *out, size_t capacity);
/* The route whose 75th percentile of a vital is the worst, from 20 values up; 0 = none. */
uint32_t perfopt__vitals_worst_route(perfopt__vitals *vitals, int vital, double *p75);
/* Totals for the export: sum, count and 75th percentile in seconds (CLS: as it is). */
void perfopt__vitals_total(perfopt__vitals *vitals, int vital, uint64_t *count, double *sum,
                           double *p75);
const char *perfopt__vital_name(int vital);
void perfopt__vitals_reset(perfopt__vitals *vitals);
uint64_t perfopt__vitals_bytes(const perfopt__vitals *vitals);

#endif
