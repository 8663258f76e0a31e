/*
 * advice.h - the rules behind the recommendations. Each rule looks at numbers only and may add one
 * or a few recommendations.
 */
#ifndef PERFOPT_SRC_MONITOR_ADVICE_H
#define PERFOPT_SRC_MONITOR_ADVICE_H

#include "monitor/snapshot.h"

#include <perfopt/monitor.h>

#define PERFOPT__ADVICE_MAX    48
#define PERFOPT__ADVICE_ROUTES 64

typedef struct perfopt__advice_vital {
    perfopt_vital_stats stats;
    char worst_route[160]; /* "" = unknown */
    double worst_p75;
} perfopt__advice_vital;

/* Everything the rules look at; unknown numbers are NAN, 0 or not `has_`. */
typedef struct perfopt__advice_input {
    perfopt__monitor_details details;
    perfopt_summary summary; /* last hour */
    size_t route_count;
    perfopt_route_stats routes[PERFOPT__ADVICE_ROUTES]; /* last hour, by total time */
    perfopt_system system;
    perfopt_monitor_self self;
    double pool_peak; /* connections in use, highest 10 s mean of the last hour; NAN = unknown */
    uint32_t pool_points; /* number of those means */
    perfopt__advice_vital vitals[5];
    size_t vital_count;
} perfopt__advice_input;

typedef struct perfopt__advice {
    perfopt_recommendation items[PERFOPT__ADVICE_MAX];
    size_t count;
} perfopt__advice;

/* Adds a recommendation; `reason` and `action` are formatted by the caller with perfopt__format
 * into the returned item. Returns NULL when there is no room. */
perfopt_recommendation *perfopt__advice_add(perfopt__advice *advice, const char *id,
                                            const char *severity, const char *title);

/* advice_data.c: caches and database */
void perfopt__advice_data(const perfopt__advice_input *in, perfopt__advice *out);
/* advice_site.c: routes, templates, assets, browsers, machine */
void perfopt__advice_site(const perfopt__advice_input *in, perfopt__advice *out);
/* Runs all rules, most severe first. */
void perfopt__advice_run(const perfopt__advice_input *in, perfopt__advice *out);

#endif
