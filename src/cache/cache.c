/*
 * cache.c - creating a cache, and its single-key functions.
 *
 * The order of things is what makes an invalidation final. A removal tells Redis first and then
 * takes the key out of L1: whoever reads the old value from Redis before has a ticket open by then,
 * or an entry that is removed. An overwrite opens its ticket, writes Redis, then L1.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "cache/cache_internal.h"

#include <perfopt/metrics.h>
#include <string.h>

#define MIN_BYTES (16u * 1024)

/* ---- options -------------------------------------------------------------------------------- */

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value ? value : fallback;
}

static perfopt_status check_options(const perfopt_cache_options *o, perfopt_error *err)
{
    if (o->max_bytes && o->max_bytes < MIN_BYTES)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "cache.max_bytes: at least %u", MIN_BYTES);
    if (o->shards > 4096)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "cache.shards: at most 4096");
    if (o->default_ttl_ms < 0 || o->default_ttl_ms > PERFOPT__MAX_TTL_MS)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "cache.default_ttl_ms: out of range");
    if (o->negative_ttl_ms < 0 || o->negative_ttl_ms > PERFOPT__MAX_TTL_MS)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "cache.negative_ttl_ms: out of range");
    if (o->jitter_percent > 90 && o->jitter_percent != UINT32_MAX)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "cache.jitter_percent: at most 90");
    if (o->loader_wait_ms < 0 || o->loader_wait_ms > 86400000)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "cache.loader_wait_ms: out of range");
    if (o->prefix && (strlen(o->prefix) > 64 || strpbrk(o->prefix, "\r\n \t")))
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "cache.prefix: at most 64 characters without white space");
    return PERFOPT_OK;
}

static void apply_defaults(perfopt_cache_options *o)
{
    o->max_bytes = o->max_bytes ? o->max_bytes : (uint64_t)64 << 20;
    o->max_entry_bytes = o->max_entry_bytes ? o->max_entry_bytes : 1u << 20;
    o->shards = o->shards ? o->shards : 16;
    o->default_ttl_ms = or_default(o->default_ttl_ms, 300000);
    o->negative_ttl_ms = or_default(o->negative_ttl_ms, 30000);
    o->loader_wait_ms = or_default(o->loader_wait_ms, 5000);
    o->jitter_percent = o->jitter_percent == UINT32_MAX ? 0
                        : o->jitter_percent             ? o->jitter_percent
                                                        : 10;
}

/* ---- life ----------------------------------------------------------------------------------- */

static perfopt_status init_names(perfopt_cache *cache, const char *prefix)
{
    perfopt__strbuf state = PERFOPT__STRBUF_INIT;
    cache->prefix = perfopt__strdup(prefix ? prefix : "perfopt:");
    if (!cache->prefix)
        return PERFOPT_ENOMEM;
    perfopt__strbuf_puts(&state, cache->prefix);
    perfopt__strbuf_puts(&state, "state");
    cache->state_key = perfopt__strbuf_take(&state, NULL);
    return cache->state_key ? PERFOPT_OK : PERFOPT_ENOMEM;
}

/* Frees what was made; `made` counts the steps of init_parts() that succeeded. */
static void finish_parts(perfopt_cache *cache, int made)
{
    if (made > 2)
        perfopt__redis_destroy(cache->redis);
    if (made > 1)
        perfopt__store_finish(&cache->store);
    if (made > 0)
        perfopt__tags_finish(&cache->tags);
    perfopt__free(cache->prefix);
    perfopt__free(cache->state_key);
}

static perfopt_status init_parts(perfopt_cache *cache, perfopt_error *err)
{
    const perfopt_cache_options *o = &cache->options;
    int made = 0;
    perfopt_status status = init_names(cache, o->prefix);
    if (status == PERFOPT_OK) {
        status = perfopt__tags_init(&cache->tags);
        made += status == PERFOPT_OK;
    }
    if (status == PERFOPT_OK) {
        status = perfopt__store_init(&cache->store, &cache->tags, o->max_bytes, o->shards,
                                     o->max_entry_bytes);
        made += status == PERFOPT_OK;
    }
    if (status == PERFOPT_ENOMEM)
        perfopt__error_nomem(err);
    if (status == PERFOPT_OK && o->redis) {
        status =
            perfopt__redis_create(o->redis, perfopt__background_wake, cache, &cache->redis, err);
        made += status == PERFOPT_OK;
    }
    if (status != PERFOPT_OK)
        finish_parts(cache, made);
    return status;
}

static perfopt_status start(perfopt_cache *cache, perfopt_error *err)
{
    perfopt__flights_init(&cache->flights);
    perfopt__recovery_init(&cache->recovery);
    perfopt__background_init(cache);
    perfopt__fork_register(cache);
    if (perfopt__background_ensure(cache) != PERFOPT_OK) {
        perfopt_cache_destroy(cache);
        return perfopt__error_set(err, PERFOPT_ENOMEM, "no thread could be started");
    }
    if (cache->redis)
        perfopt__redis_wait_first(cache->redis);
    /* The epoch is known before anything is stored: learning it later would void L1. */
    if (perfopt__level2_ready(cache))
        perfopt__level2_sync(cache);
    /* What pointed into the caller's options has been copied or used. */
    cache->options.redis = NULL;
    cache->options.prefix = NULL;
    return PERFOPT_OK;
}

perfopt_status perfopt_cache_create(const perfopt_cache_options *options, perfopt_cache **out,
                                    perfopt_error *err)
{
    perfopt_cache_options own;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_CACHE_OPTIONS", err);
    if (status == PERFOPT_OK)
        status = check_options(&own, err);
    if (status != PERFOPT_OK)
        return status;
    apply_defaults(&own);
    perfopt_cache *cache = perfopt__calloc(1, sizeof(*cache));
    if (!cache)
        return perfopt__error_nomem(err);
    cache->options = own;
    status = init_parts(cache, err);
    if (status != PERFOPT_OK) {
        perfopt__free(cache);
        return status;
    }
    status = start(cache, err);
    if (status == PERFOPT_OK)
        *out = cache;
    return status;
}

void perfopt_cache_destroy(perfopt_cache *cache)
{
    if (!cache)
        return;
    perfopt__fork_unregister(cache);
    perfopt__background_finish(cache);
    perfopt__flights_finish(&cache->flights);
    finish_parts(cache, 3);
    perfopt__free(cache);
}

/* ---- keys and plans ------------------------------------------------------------------------- */

perfopt_status perfopt__key_init(perfopt__key *key, const void *bytes, size_t length)
{
    if (length > PERFOPT__MAX_KEY || (!bytes && length > 0))
        return PERFOPT_EINVAL;
    *key = (perfopt__key){bytes ? bytes : "", length, 0};
    key->hash = perfopt__hash(key->bytes, length);
    return PERFOPT_OK;
}

int64_t perfopt__expiry(int64_t now_ms, int64_t ttl_ms)
{
    return now_ms + (ttl_ms < PERFOPT__MAX_TTL_MS ? ttl_ms : PERFOPT__MAX_TTL_MS);
}

perfopt_status perfopt__store_options_read(const perfopt_store_options *options,
                                           perfopt_store_options *own)
{
    return perfopt__options_read(own, sizeof(*own), options, "PERFOPT_STORE_OPTIONS", NULL);
}

/* Shortens by a random share, so that what was stored together does not expire together. */
static int64_t with_jitter(const perfopt_cache *cache, int64_t ttl_ms)
{
    int64_t most = ttl_ms / 100 * cache->options.jitter_percent +
                   ttl_ms % 100 * cache->options.jitter_percent / 100;
    return ttl_ms - (int64_t)perfopt__random_below((uint64_t)most + 1);
}

perfopt_status perfopt__plan_read(const perfopt_cache *cache, const perfopt__key *key,
                                  const perfopt_store_options *options, bool absent,
                                  perfopt__plan *plan)
{
    int64_t ttl_ms = options->ttl_ms;
    if (ttl_ms == 0)
        ttl_ms = absent ? cache->options.negative_ttl_ms : cache->options.default_ttl_ms;
    if (ttl_ms > PERFOPT__MAX_TTL_MS)
        ttl_ms = PERFOPT__MAX_TTL_MS;
    plan->store = ttl_ms > 0;
    plan->ttl_ms = plan->store ? with_jitter(cache, ttl_ms) : 0;
    plan->tags = options->tags ? options->tags : "";
    plan->tags_length = strlen(plan->tags);
    plan->l1 = options->l1 != PERFOPT_OFF;
    plan->l2 = options->l2 != PERFOPT_OFF && cache->redis;
    return perfopt__slots_read(&plan->slots, key, plan->tags, plan->tags_length);
}

/* ---- get ------------------------------------------------------------------------------------ */

/* The lookup in Redis after a miss in L1, with the ticket that the miss opened. */
static perfopt_status get_from_redis(perfopt_cache *cache, const perfopt__key *key, int64_t now_ms,
                                     perfopt__ticket *ticket, perfopt_bytes **out)
{
    perfopt__fence fence;
    perfopt__lookup lookup = {.key = key};
    perfopt__level2_read(cache, &lookup, 1, now_ms, &fence);
    if (lookup.status == PERFOPT_ENOTFOUND) {
        perfopt__ticket_close(ticket);
        perfopt__store_count(&cache->store, key, PERFOPT__MISSES);
        return PERFOPT_ENOTFOUND;
    }
    perfopt__record record = {lookup.value, lookup.expires_ms, lookup.as_of, &lookup.slots};
    perfopt__store_commit(&cache->store, ticket, &record, now_ms);
    perfopt__ticket_close(ticket);
    perfopt__store_count(&cache->store, key, PERFOPT__HITS_L2);
    if (lookup.status == PERFOPT_OK)
        *out = lookup.value;
    else
        perfopt__store_count(&cache->store, key, PERFOPT__ABSENT_HITS);
    return lookup.status;
}

perfopt_status perfopt_cache_get(perfopt_cache *cache, const void *key, size_t key_length,
                                 perfopt_bytes **out)
{
    perfopt__key k;
    if (perfopt__key_init(&k, key, key_length) != PERFOPT_OK)
        return PERFOPT_EINVAL;
    int64_t now_ms = perfopt__now_ms();
    if (!cache->redis) {
        perfopt_status status = perfopt__store_get(&cache->store, &k, now_ms, NULL, out);
        if (status == PERFOPT_ENOTFOUND)
            perfopt__store_count(&cache->store, &k, PERFOPT__MISSES);
        perfopt_scope_add_cache(status != PERFOPT_ENOTFOUND, 0);
        return status;
    }
    perfopt__ticket ticket;
    int64_t waited_ns = 0;
    perfopt_status status = perfopt__store_get(&cache->store, &k, now_ms, &ticket, out);
    if (status == PERFOPT_ENOTFOUND) {
        int64_t started_ns = perfopt__now_ns();
        status = get_from_redis(cache, &k, now_ms, &ticket, out);
        waited_ns = perfopt__now_ns() - started_ns;
    }
    perfopt_scope_add_cache(status != PERFOPT_ENOTFOUND, waited_ns);
    return status;
}

bool perfopt_cache_exists(perfopt_cache *cache, const void *key, size_t key_length)
{
    perfopt__key k;
    if (perfopt__key_init(&k, key, key_length) != PERFOPT_OK)
        return false;
    int64_t now_ms = perfopt__now_ms();
    if (perfopt__store_has(&cache->store, &k, now_ms))
        return true;
    perfopt__fence fence;
    perfopt__lookup lookup = {.key = &k};
    perfopt__level2_read(cache, &lookup, 1, now_ms, &fence);
    perfopt_bytes_release(lookup.value);
    return lookup.status != PERFOPT_ENOTFOUND;
}

/* ---- set ------------------------------------------------------------------------------------ */

static perfopt_status overwrite(perfopt_cache *cache, const perfopt__key *key, perfopt_bytes *value,
                                const perfopt__plan *plan)
{
    int64_t now_ms = perfopt__now_ms();
    perfopt__ticket ticket;
    perfopt__ticket_open(&cache->store, key, &ticket);
    perfopt__write write = {key, value, plan, false};
    if (plan->l2)
        perfopt__level2_overwrite(cache, &write, 1);
    perfopt__record record = {value, perfopt__expiry(now_ms, plan->ttl_ms),
                              perfopt__tags_now(&cache->tags), &plan->slots};
    perfopt_status status =
        perfopt__store_overwrite(&cache->store, &ticket, plan->l1 ? &record : NULL, now_ms);
    perfopt__store_count(&cache->store, key, PERFOPT__WRITES);
    return status == PERFOPT_ENOMEM ? PERFOPT_ENOMEM : PERFOPT_OK;
}

perfopt_status perfopt_cache_set_bytes(perfopt_cache *cache, const void *key, size_t key_length,
                                       perfopt_bytes *value, const perfopt_store_options *options)
{
    perfopt__key k;
    perfopt__plan plan;
    perfopt_store_options own;
    if (perfopt__key_init(&k, key, key_length) != PERFOPT_OK ||
        perfopt__store_options_read(options, &own) != PERFOPT_OK ||
        perfopt__plan_read(cache, &k, &own, value == NULL, &plan) != PERFOPT_OK)
        return PERFOPT_EINVAL;
    if (value && perfopt_bytes_length(value) > PERFOPT__MAX_VALUE)
        return PERFOPT_ELIMIT;
    return plan.store ? overwrite(cache, &k, value, &plan) : PERFOPT_OK;
}

perfopt_status perfopt_cache_set(perfopt_cache *cache, const void *key, size_t key_length,
                                 const void *data, size_t length,
                                 const perfopt_store_options *options)
{
    perfopt_bytes *value;
    if (key_length > PERFOPT__MAX_KEY || (!data && length > 0))
        return PERFOPT_EINVAL;
    if (length > PERFOPT__MAX_VALUE)
        return PERFOPT_ELIMIT;
    if (perfopt_bytes_create(data, length, &value) != PERFOPT_OK) {
        perfopt_cache_delete(cache, key, key_length);
        return PERFOPT_ENOMEM;
    }
    perfopt_status status = perfopt_cache_set_bytes(cache, key, key_length, value, options);
    perfopt_bytes_release(value);
    return status;
}

/* ---- delete --------------------------------------------------------------------------------- */

perfopt_status perfopt_cache_delete(perfopt_cache *cache, const void *key, size_t key_length)
{
    perfopt__key k;
    if (perfopt__key_init(&k, key, key_length) != PERFOPT_OK)
        return PERFOPT_EINVAL;
    perfopt_status status = PERFOPT_OK;
    uint64_t removed = 0;
    if (cache->redis) {
        uint16_t slot = perfopt__slot_of_key(k.bytes, k.length);
        status = perfopt__level2_stamp(cache, &slot, 1, &k, &removed, NULL);
    }
    bool found = perfopt__store_delete(&cache->store, &k, perfopt__now_ms());
    if (status != PERFOPT_OK)
        return status;
    return found || removed > 0 ? PERFOPT_OK : PERFOPT_ENOTFOUND;
}
