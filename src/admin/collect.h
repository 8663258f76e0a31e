/*
 * collect.h - reads all sources into one perfopt_value per dashboard: what the JSON API answers,
 * and what the templates show. Missing data are none, never 0; strings live in the arena.
 */
#ifndef PERFOPT_SRC_ADMIN_COLLECT_H
#define PERFOPT_SRC_ADMIN_COLLECT_H

#include "admin/build.h"

#include <perfopt/admin.h>

#define PERFOPT__SERIES_POINTS 120 /* a longer series is thinned */

typedef enum perfopt__dashboard {
    PERFOPT__OVERVIEW = 0,
    PERFOPT__ASSETS = 1,
    PERFOPT__SSR = 2,
    PERFOPT__DASHBOARDS = 3
} perfopt__dashboard;

/* A time window as the address names it. */
typedef struct perfopt__window {
    const char *id;    /* "5m" */
    const char *label; /* "5 min" */
    const char *words; /* "5 minutes" */
    uint32_t seconds;
} perfopt__window;

#define PERFOPT__WINDOWS 4
extern const perfopt__window perfopt__windows[PERFOPT__WINDOWS];
/* Index of a window by id; 0 for NULL, SIZE_MAX for an unknown one. */
size_t perfopt__window_find(const char *id);

struct perfopt__jobs;

typedef struct perfopt__collect_in {
    const perfopt_admin_sources *sources;
    const char *site_name;
    const char *instance; /* "host:pid" */
    struct perfopt__jobs *jobs;
    const perfopt__window *window;
    int64_t wall_ms;
} perfopt__collect_in;

/* Reads the sources of one dashboard. PERFOPT_OK or PERFOPT_ENOMEM. */
perfopt_status perfopt__collect(const perfopt__collect_in *in, perfopt__dashboard which,
                                perfopt_arena *arena, perfopt_value *out);

/* ---- parts, by file ----------------------------------------------------------------------- */

/* Zeroed memory for `count` items that lives as long as the snapshot; NULL notes the failure. */
void *perfopt__collect_array(perfopt__build *b, size_t count, size_t size);

/* collect_traffic.c: alerts, thresholds, tiles, changes, series, routes, recommendations, self */
void perfopt__collect_alerts(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map);
void perfopt__collect_traffic(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map);
/* Adds t0, step_s and the named series to a new map. */
typedef struct perfopt__series_name {
    perfopt_series series;
    const char *name;
} perfopt__series_name;
perfopt_value perfopt__collect_series(perfopt__build *b, const perfopt__collect_in *in,
                                      const perfopt__series_name *names, size_t count);

/* collect_stores.c: cache, pool, Redis, statements, query cache, system; and the sources' states */
void perfopt__collect_sources(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map);
void perfopt__collect_stores(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map);
void perfopt__collect_system(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map);

/* collect_assets.c */
void perfopt__collect_assets(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map);
/* collect_ssr.c */
void perfopt__collect_ssr(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map);

#endif
