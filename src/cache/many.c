/*
 * many.c - the multi-key functions: one pass over L1, one round trip for the rest.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "cache/cache_internal.h"

#include <perfopt/metrics.h>

/* What a multi-key read keeps per key that L1 does not have. */
typedef struct missing {
    perfopt_cache_item *item;
    perfopt__key key;
    perfopt__ticket ticket;
} missing;

static perfopt_status fail_all(perfopt_cache_item *items, size_t count, perfopt_status status)
{
    for (size_t i = 0; i < count; i++)
        items[i].status = status;
    return status;
}

/* ---- get_many ------------------------------------------------------------------------------- */

/* One pass over L1; returns how many are left to ask Redis for. */
static size_t get_from_l1(perfopt_cache *cache, perfopt_cache_item *items, size_t count,
                          int64_t now_ms, missing *rest)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        missing *m = &rest[left];
        items[i].value = NULL;
        items[i].status = perfopt__key_init(&m->key, items[i].key, items[i].key_length);
        if (items[i].status != PERFOPT_OK)
            continue;
        items[i].status =
            perfopt__store_get(&cache->store, &m->key, now_ms, &m->ticket, &items[i].value);
        if (items[i].status == PERFOPT_ENOTFOUND) {
            m->item = &items[i];
            left++;
        } else {
            perfopt_scope_add_cache(true, 0);
        }
    }
    return left;
}

static void settle(perfopt_cache *cache, missing *m, const perfopt__lookup *lookup, int64_t now_ms)
{
    m->item->status = lookup->status;
    if (lookup->status == PERFOPT_ENOTFOUND) {
        perfopt__ticket_close(&m->ticket);
        perfopt__store_count(&cache->store, &m->key, PERFOPT__MISSES);
        return;
    }
    perfopt__record record = {lookup->value, lookup->expires_ms, lookup->as_of, &lookup->slots};
    perfopt__store_commit(&cache->store, &m->ticket, &record, now_ms);
    perfopt__ticket_close(&m->ticket);
    perfopt__store_count(&cache->store, &m->key, PERFOPT__HITS_L2);
    m->item->value = lookup->value;
    if (lookup->status == PERFOPT_EABSENT)
        perfopt__store_count(&cache->store, &m->key, PERFOPT__ABSENT_HITS);
}

static void get_rest(perfopt_cache *cache, missing *rest, perfopt__lookup *lookups, size_t count,
                     int64_t now_ms)
{
    perfopt__fence fence;
    int64_t started_ns = perfopt__now_ns();
    for (size_t i = 0; i < count; i++)
        lookups[i].key = &rest[i].key;
    perfopt__level2_read(cache, lookups, count, now_ms, &fence);
    int64_t waited_ns = perfopt__now_ns() - started_ns;
    for (size_t i = 0; i < count; i++) {
        settle(cache, &rest[i], &lookups[i], now_ms);
        /* One wait for all: it is added once. */
        perfopt_scope_add_cache(lookups[i].status != PERFOPT_ENOTFOUND, i == 0 ? waited_ns : 0);
    }
}

perfopt_status perfopt_cache_get_many(perfopt_cache *cache, perfopt_cache_item *items, size_t count)
{
    if (count == 0)
        return PERFOPT_OK;
    int64_t now_ms = perfopt__now_ms();
    missing *rest = perfopt__calloc(count, sizeof(*rest));
    perfopt__lookup *lookups = perfopt__calloc(count, sizeof(*lookups));
    perfopt_status status = PERFOPT_OK;
    if (rest && lookups) {
        size_t left = get_from_l1(cache, items, count, now_ms, rest);
        if (left > 0)
            get_rest(cache, rest, lookups, left, now_ms);
    } else {
        for (size_t i = 0; i < count; i++)
            items[i].value = NULL;
        status = fail_all(items, count, PERFOPT_ENOMEM);
    }
    perfopt__free(rest);
    perfopt__free(lookups);
    return status;
}

/* ---- set_many ------------------------------------------------------------------------------- */

/* What a multi-key write keeps per key. */
typedef struct writing {
    perfopt_cache_item *item;
    perfopt__key key;
    perfopt__plan plan;
    perfopt__ticket ticket;
} writing;

/* Checks the items and opens a ticket for each that is to be stored; returns their number. */
static size_t prepare(perfopt_cache *cache, perfopt_cache_item *items, size_t count,
                      const perfopt_store_options *options, writing *list)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        writing *w = &list[used];
        perfopt_cache_item *item = &items[i];
        item->status = perfopt__key_init(&w->key, item->key, item->key_length);
        if (item->status == PERFOPT_OK)
            item->status =
                perfopt__plan_read(cache, &w->key, options, item->value == NULL, &w->plan);
        if (item->status == PERFOPT_OK && item->value &&
            perfopt_bytes_length(item->value) > PERFOPT__MAX_VALUE)
            item->status = PERFOPT_ELIMIT;
        if (item->status != PERFOPT_OK || !w->plan.store)
            continue;
        w->item = item;
        perfopt__ticket_open(&cache->store, &w->key, &w->ticket);
        used++;
    }
    return used;
}

static void write_all(perfopt_cache *cache, writing *list, perfopt__write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        writes[i] = (perfopt__write){&list[i].key, list[i].item->value, &list[i].plan, false};
    if (count > 0 && list[0].plan.l2)
        perfopt__level2_overwrite(cache, writes, count);
    int64_t now_ms = perfopt__now_ms();
    for (size_t i = 0; i < count; i++) {
        writing *w = &list[i];
        perfopt__record record = {w->item->value, perfopt__expiry(now_ms, w->plan.ttl_ms),
                                  perfopt__tags_now(&cache->tags), &w->plan.slots};
        if (perfopt__store_overwrite(&cache->store, &w->ticket, w->plan.l1 ? &record : NULL,
                                     now_ms) == PERFOPT_ENOMEM)
            w->item->status = PERFOPT_ENOMEM;
        perfopt__store_count(&cache->store, &w->key, PERFOPT__WRITES);
    }
}

perfopt_status perfopt_cache_set_many(perfopt_cache *cache, perfopt_cache_item *items, size_t count,
                                      const perfopt_store_options *options)
{
    perfopt_store_options own;
    if (perfopt__store_options_read(options, &own) != PERFOPT_OK)
        return fail_all(items, count, PERFOPT_EINVAL);
    if (count == 0)
        return PERFOPT_OK;
    writing *list = perfopt__calloc(count, sizeof(*list));
    perfopt__write *writes = perfopt__calloc(count, sizeof(*writes));
    perfopt_status status = PERFOPT_OK;
    if (list && writes)
        write_all(cache, list, writes, prepare(cache, items, count, &own, list));
    else
        status = fail_all(items, count, PERFOPT_ENOMEM);
    perfopt__free(list);
    perfopt__free(writes);
    return status;
}
