/*
 * snapshot.c - readings of the sources, one per dashboard and window, kept for a second.
 */
#include "admin/snapshot.h"

#include "base/memory.h"

#define FIRST_LIST_CAP 60 /* rows of a list in the JSON; halved until it is short enough */

void perfopt__snapshots_init(perfopt__snapshots *snapshots)
{
    memset(snapshots, 0, sizeof(*snapshots));
    for (int d = 0; d < PERFOPT__DASHBOARDS; d++) {
        for (int w = 0; w < PERFOPT__WINDOWS; w++)
            pthread_mutex_init(&snapshots->lock[d][w], NULL);
    }
}

void perfopt__snapshots_finish(perfopt__snapshots *snapshots)
{
    for (int d = 0; d < PERFOPT__DASHBOARDS; d++) {
        for (int w = 0; w < PERFOPT__WINDOWS; w++) {
            perfopt__snapshot_release(snapshots->now[d][w]);
            pthread_mutex_destroy(&snapshots->lock[d][w]);
        }
    }
}

void perfopt__snapshots_expire(perfopt__snapshots *snapshots)
{
    atomic_fetch_add(&snapshots->epoch, 1);
}

void perfopt__snapshot_release(perfopt__snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub(&snapshot->references, 1) > 1)
        return;
    perfopt_bytes_release(atomic_load(&snapshot->json));
    perfopt_arena_destroy(snapshot->arena);
    perfopt__free(snapshot);
}

static perfopt_status make(const perfopt__collect_in *in, perfopt__dashboard which, uint64_t serial,
                           int64_t now_ms, perfopt__snapshot **out)
{
    perfopt__snapshot *fresh = perfopt__calloc(1, sizeof(*fresh));
    if (!fresh)
        return PERFOPT_ENOMEM;
    fresh->references = 1;
    fresh->serial = serial;
    fresh->made_ms = now_ms;
    fresh->wall_ms = in->wall_ms;
    perfopt_status status = perfopt_arena_create(64 * 1024, &fresh->arena);
    if (status == PERFOPT_OK)
        status = perfopt__collect(in, which, fresh->arena, &fresh->value);
    if (status != PERFOPT_OK) {
        perfopt__snapshot_release(fresh);
        return status;
    }
    *out = fresh;
    return PERFOPT_OK;
}

perfopt_status perfopt__snapshot_get(perfopt__snapshots *snapshots, const perfopt__collect_in *in,
                                     perfopt__dashboard which, int64_t now_ms,
                                     perfopt__snapshot **out)
{
    size_t w = (size_t)(in->window - perfopt__windows);
    perfopt_status status = PERFOPT_OK;
    pthread_mutex_lock(&snapshots->lock[which][w]);
    perfopt__snapshot **slot = &snapshots->now[which][w];
    uint64_t epoch = atomic_load(&snapshots->epoch);
    bool good = *slot && snapshots->epochs[which][w] == epoch && now_ms >= (*slot)->made_ms &&
                now_ms - (*slot)->made_ms < PERFOPT__SNAPSHOT_MS;
    if (!good) {
        perfopt__snapshot *fresh;
        status = make(in, which, atomic_fetch_add(&snapshots->serial, 1) + 1, now_ms, &fresh);
        if (status == PERFOPT_OK) {
            perfopt__snapshot_release(*slot);
            *slot = fresh;
            snapshots->epochs[which][w] = epoch;
        }
    }
    if (status == PERFOPT_OK) {
        atomic_fetch_add(&(*slot)->references, 1);
        *out = *slot;
    }
    pthread_mutex_unlock(&snapshots->lock[which][w]);
    return status;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* A copy of the tree's upper levels whose lists of maps end after `cap` rows. Lists of numbers
 * (series) stay whole. */
static perfopt_value cut_lists(perfopt__build *b, perfopt_value value, size_t cap, int depth)
{
    if (depth == 0)
        return value;
    size_t count = perfopt_value_count(value);
    if (value.kind == PERFOPT_MAP) {
        perfopt_value copy = perfopt__build_map(b);
        for (size_t i = 0; i < count; i++) {
            perfopt_value key = perfopt_value_at(value, i);
            perfopt__put(b, copy, perfopt__text_of(b->arena, key),
                         cut_lists(b, perfopt_value_get_key(value, key), cap, depth - 1));
        }
        return copy;
    }
    if (value.kind != PERFOPT_LIST || count <= cap ||
        perfopt_value_at(value, 0).kind != PERFOPT_MAP)
        return value;
    perfopt_value copy = perfopt__build_list(b);
    for (size_t i = 0; i < cap; i++)
        perfopt__add(b, copy, perfopt_value_at(value, i));
    return copy;
}

static perfopt_status json_with_cap(const perfopt__snapshot *snapshot, size_t cap,
                                    perfopt_bytes **out, perfopt_error *err)
{
    perfopt__build b = {0};
    perfopt_status status = perfopt_arena_create(0, &b.arena);
    if (status != PERFOPT_OK)
        return status;
    perfopt_value value = cut_lists(&b, snapshot->value, cap, 4);
    status = b.status == PERFOPT_OK ? perfopt_value_to_json(value, 0, out, err) : b.status;
    perfopt_arena_destroy(b.arena);
    return status;
}

static perfopt_status json_of(const perfopt__snapshot *snapshot, perfopt_bytes **out,
                              perfopt_error *err)
{
    for (size_t cap = FIRST_LIST_CAP;; cap /= 2) {
        perfopt_status status = json_with_cap(snapshot, cap, out, err);
        if (status != PERFOPT_OK || perfopt_bytes_length(*out) <= PERFOPT__JSON_MAX || cap == 1)
            return status;
        perfopt_bytes_release(*out);
    }
}

perfopt_status perfopt__snapshot_json(perfopt__snapshot *snapshot, perfopt_bytes **out,
                                      perfopt_error *err)
{
    perfopt_bytes *known = atomic_load(&snapshot->json);
    if (!known) {
        perfopt_bytes *fresh;
        perfopt_status status = json_of(snapshot, &fresh, err);
        if (status != PERFOPT_OK)
            return status;
        /* Of two who made it at once, the first one's stays. */
        if (atomic_compare_exchange_strong(&snapshot->json, &known, fresh))
            known = fresh;
        else
            perfopt_bytes_release(fresh);
    }
    *out = known;
    return PERFOPT_OK;
}
