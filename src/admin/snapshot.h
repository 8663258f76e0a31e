/*
 * snapshot.h - one reading of the sources, shared by everybody who looks within the same second.
 */
#ifndef PERFOPT_SRC_ADMIN_SNAPSHOT_H
#define PERFOPT_SRC_ADMIN_SNAPSHOT_H

#include "admin/collect.h"

#include <pthread.h>
#include <stdatomic.h>

#define PERFOPT__SNAPSHOT_MS 1000
#define PERFOPT__JSON_MAX    (64 * 1024)

/* Immutable once it is shared. */
typedef struct perfopt__snapshot {
    _Atomic uint32_t references;
    perfopt_arena *arena;
    perfopt_value value;
    uint64_t serial; /* tells snapshots apart for ever */
    int64_t made_ms; /* monotonic */
    int64_t wall_ms;
    _Atomic(perfopt_bytes *) json; /* made by the first who asks */
} perfopt__snapshot;

typedef struct perfopt__snapshots {
    pthread_mutex_t lock[PERFOPT__DASHBOARDS][PERFOPT__WINDOWS]; /* one reader at a time collects */
    perfopt__snapshot *now[PERFOPT__DASHBOARDS][PERFOPT__WINDOWS];
    _Atomic uint64_t epoch; /* raised when something was changed: what is older is read again */
    uint64_t epochs[PERFOPT__DASHBOARDS][PERFOPT__WINDOWS];
    _Atomic uint64_t serial;
} perfopt__snapshots;

void perfopt__snapshots_init(perfopt__snapshots *snapshots);
void perfopt__snapshots_finish(perfopt__snapshots *snapshots);
/* Next time everything is read again. */
void perfopt__snapshots_expire(perfopt__snapshots *snapshots);
/* The snapshot of now; release it. in->window must point into perfopt__windows. PERFOPT_OK or
 * PERFOPT_ENOMEM. */
perfopt_status perfopt__snapshot_get(perfopt__snapshots *snapshots, const perfopt__collect_in *in,
                                     perfopt__dashboard which, int64_t now_ms,
                                     perfopt__snapshot **out);
void perfopt__snapshot_release(perfopt__snapshot *snapshot);

/* The snapshot as JSON of at most PERFOPT__JSON_MAX bytes: long lists are cut. Borrowed. */
perfopt_status perfopt__snapshot_json(perfopt__snapshot *snapshot, perfopt_bytes **out,
                                      perfopt_error *err);

#endif
