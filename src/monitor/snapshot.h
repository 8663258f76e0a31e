/*
 * snapshot.h - what the other parts of the library say about themselves at one moment. Alerts,
 * recommendations and exporters work on this alone; sources.c fills it from the real parts, tests
 * fill it by hand.
 */
#ifndef PERFOPT_SRC_MONITOR_SNAPSHOT_H
#define PERFOPT_SRC_MONITOR_SNAPSHOT_H

#include <perfopt/assets.h>
#include <perfopt/cache.h>
#include <perfopt/db.h>
#include <perfopt/query_cache.h>
#include <perfopt/ssr.h>

/* Read with every sample; nothing in it waits for a disk or a network. */
typedef struct perfopt__monitor_snapshot {
    bool has_cache, has_db, has_queries, has_ssr;
    perfopt_cache_stats cache;
    perfopt_db_stats db;
    perfopt_query_cache_stats queries; /* sum over all specs */
    perfopt_render_stats ssr;
} perfopt__monitor_snapshot;

#define PERFOPT__MAX_GROUPS    101
#define PERFOPT__MAX_SHAPES    20
#define PERFOPT__MAX_TEMPLATES 401

/* Read when somebody asks for recommendations or for the export. */
typedef struct perfopt__monitor_details {
    perfopt__monitor_snapshot now;
    bool has_assets;
    perfopt_assets_stats assets;
    size_t group_count, shape_count, template_count;
    perfopt_cache_group groups[PERFOPT__MAX_GROUPS];
    perfopt_query_shape shapes[PERFOPT__MAX_SHAPES]; /* slow ones, by total time */
    perfopt_template_stats templates[PERFOPT__MAX_TEMPLATES];
} perfopt__monitor_details;

/* Where the numbers come from. Outputs are zeroed before a call; every function may be NULL. */
typedef struct perfopt__monitor_source {
    void (*read)(void *user, perfopt__monitor_snapshot *out);
    void (*read_details)(void *user, perfopt__monitor_details *out); /* `now` included */
    bool (*read_pool)(void *user, perfopt_db_stats *out);
    uint32_t (*active_requests)(void *user);
    void *user;
} perfopt__monitor_source;

/* A counter for the export: goes on where it was when its source is set to zero. */
typedef struct perfopt__rising {
    uint64_t last, total;
} perfopt__rising;

static inline void perfopt__rising_update(perfopt__rising *counter, uint64_t now)
{
    counter->total += now >= counter->last ? now - counter->last : now;
    counter->last = now;
}

#endif
