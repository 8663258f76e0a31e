/*
 * compute.c - get_or_compute: one caller per key reads Redis and, if need be, runs the loader; the
 * others wait for its outcome. The stamps of tags.c are read before the loader runs and compared
 * after it, so nothing that was invalidated meanwhile is stored anywhere or given to a waiter.
 */
#include "base/clock.h"
#include "base/error.h"
#include "cache/cache_internal.h"

#include <perfopt/metrics.h>
#include <string.h>

typedef struct request {
    perfopt_cache *cache;
    perfopt__key key;
    perfopt_store_options options;
    perfopt_loader_fn loader;
    void *user;
    int64_t redis_ns; /* waited for Redis */
    bool hit;
} request;

/* Runs the loader. PERFOPT_OK, PERFOPT_EABSENT, or its failure with err filled in. */
static perfopt_status run_loader(request *r, perfopt_store_options *options, perfopt_bytes **value,
                                 perfopt_error *err)
{
    perfopt__store_count(&r->cache->store, &r->key, PERFOPT__LOADS);
    *value = NULL;
    perfopt_status status = r->loader(r->user, value, options, err);
    if (status == PERFOPT_OK)
        return *value ? PERFOPT_OK : PERFOPT_EABSENT;
    perfopt_bytes_release(*value);
    *value = NULL;
    perfopt__store_count(&r->cache->store, &r->key, PERFOPT__LOAD_ERRORS);
    if (err->status == PERFOPT_OK)
        perfopt__error_set(err, status, "loading failed: %s", perfopt_status_text(status));
    return status;
}

/* Writes to Redis what the loader brought, then to L1. False if it was invalidated meanwhile. */
static bool store_loaded(request *r, perfopt__flight *flight, const perfopt__plan *plan,
                         perfopt_bytes *value, const perfopt__fence *fence)
{
    perfopt_cache *cache = r->cache;
    int64_t now_ms = perfopt__now_ms();
    perfopt__record record = {value, perfopt__expiry(now_ms, plan->ttl_ms), flight->as_of,
                              &plan->slots};
    perfopt__write write = {&r->key, value, plan, false};
    bool valid =
        !atomic_load(&flight->ticket.stale) &&
        perfopt__tags_valid(&cache->tags, flight->as_of, plan->slots.slot, plan->slots.count);
    if (valid && plan->l2)
        perfopt__level2_write(cache, &write, fence);
    bool stored = perfopt__store_commit(&cache->store, &flight->ticket, plan->l1 ? &record : NULL,
                                        now_ms) != PERFOPT_ECANCELED;
    /* If a set() came between, Redis may have this older value instead of that one. */
    uint64_t removed;
    if (write.done && !stored)
        perfopt__level2_stamp(cache, plan->slots.slot, 1, &r->key, &removed, NULL);
    perfopt__store_count(&cache->store, &r->key,
                         valid && stored ? PERFOPT__WRITES : PERFOPT__DISCARDED);
    return valid && stored;
}

/* The leader found nothing in either level. */
static perfopt_status load(request *r, perfopt__flight *flight, const perfopt__fence *fence,
                           perfopt_bytes **value, perfopt_error *err)
{
    perfopt_cache *cache = r->cache;
    perfopt_store_options options = r->options;
    perfopt__plan plan;
    flight->as_of = perfopt__tags_now(&cache->tags);
    perfopt__store_count(&cache->store, &r->key, PERFOPT__MISSES);
    perfopt_status status = run_loader(r, &options, value, err);
    bool usable = true;
    bool loaded = status == PERFOPT_OK || status == PERFOPT_EABSENT;
    if (loaded && perfopt__plan_read(cache, &r->key, &options, !*value, &plan) != PERFOPT_OK) {
        perfopt_bytes_release(*value);
        *value = NULL;
        status = perfopt__error_set(err, PERFOPT_EINVAL, "the loader's tags are malformed");
    } else if (loaded) {
        flight->slots = plan.slots;
        usable = !plan.store || store_loaded(r, flight, &plan, *value, fence);
    }
    perfopt__flight_land(&cache->flights, flight, usable, status, *value, err);
    return status;
}

/* Looks into Redis for the leader. True if something was there: the flight has landed. */
static bool lead_from_redis(request *r, perfopt__flight *flight, int64_t now_ms,
                            perfopt__fence *fence, perfopt_status *status, perfopt_bytes **value)
{
    perfopt_cache *cache = r->cache;
    perfopt__lookup lookup = {.key = &r->key};
    int64_t started_ns = perfopt__now_ns();
    perfopt__level2_read(cache, &lookup, 1, now_ms, fence);
    r->redis_ns += perfopt__now_ns() - started_ns;
    if (lookup.status == PERFOPT_ENOTFOUND)
        return false;
    perfopt__record record = {lookup.value, lookup.expires_ms, lookup.as_of, &lookup.slots};
    bool usable =
        perfopt__store_commit(&cache->store, &flight->ticket, &record, now_ms) != PERFOPT_ECANCELED;
    flight->as_of = lookup.as_of;
    flight->slots = lookup.slots;
    perfopt__store_count(&cache->store, &r->key, PERFOPT__HITS_L2);
    if (lookup.status == PERFOPT_EABSENT)
        perfopt__store_count(&cache->store, &r->key, PERFOPT__ABSENT_HITS);
    *status = lookup.status;
    *value = lookup.value;
    r->hit = true;
    perfopt__flight_land(&cache->flights, flight, usable, *status, *value, NULL);
    return true;
}

static perfopt_status lead(request *r, perfopt__flight *flight, perfopt_bytes **value,
                           perfopt_error *err)
{
    perfopt_cache *cache = r->cache;
    int64_t now_ms = perfopt__now_ms();
    perfopt__fence fence = {0, 0};
    /* Again, since the leader before may have stored it between our miss and our flight. */
    perfopt_status status =
        perfopt__store_get(&cache->store, &r->key, now_ms, &flight->ticket, value);
    if (status != PERFOPT_ENOTFOUND) {
        r->hit = true;
        /* No ticket watches over this value: waiters take it from L1 themselves. */
        perfopt__flight_land(&cache->flights, flight, false, status, NULL, NULL);
        return status;
    }
    if (cache->redis && r->options.l2 != PERFOPT_OFF &&
        lead_from_redis(r, flight, now_ms, &fence, &status, value))
        return status;
    return load(r, flight, &fence, value, err);
}

/* Another caller's loader takes too long: run an own one, for this caller alone. */
static perfopt_status load_alone(request *r, perfopt_bytes **value, perfopt_error *err)
{
    perfopt_store_options options = r->options;
    return run_loader(r, &options, value, err);
}

static perfopt_status compute(request *r, perfopt_bytes **value, perfopt_error *err)
{
    perfopt_cache *cache = r->cache;
    int64_t deadline_ms = perfopt__monotonic_ms() + cache->options.loader_wait_ms;
    for (bool first = true;; first = false) {
        perfopt_status status =
            perfopt__store_get(&cache->store, &r->key, perfopt__now_ms(), NULL, value);
        r->hit = status != PERFOPT_ENOTFOUND;
        if (r->hit)
            return status;
        perfopt__flight *flight;
        status = perfopt__flight_join(&cache->flights, &r->key, &flight);
        if (status == PERFOPT_OK)
            return lead(r, flight, value, err);
        if (status == PERFOPT_EDEADLOCK)
            return perfopt__error_set(err, status, "the loader of a key asked for the same key");
        if (status == PERFOPT_ENOMEM)
            return perfopt__error_nomem(err);
        if (first) {
            perfopt__store_count(&cache->store, &r->key, PERFOPT__MISSES);
            perfopt__store_count(&cache->store, &r->key, PERFOPT__LOAD_WAITS);
        }
        bool timed_out;
        int64_t left_ms = deadline_ms - perfopt__monotonic_ms();
        if (perfopt__flight_wait(&cache->flights, &cache->tags, flight, r->key.hash,
                                 left_ms > 0 ? left_ms : 0, &timed_out, &status, value, err))
            return status;
        if (timed_out)
            return load_alone(r, value, err);
    }
}

perfopt_status perfopt_cache_get_or_compute(perfopt_cache *cache, const void *key,
                                            size_t key_length, const perfopt_store_options *options,
                                            perfopt_loader_fn loader, void *user,
                                            perfopt_bytes **out, perfopt_error *err)
{
    request r = {.cache = cache, .loader = loader, .user = user};
    perfopt__slots slots;
    if (perfopt__key_init(&r.key, key, key_length) != PERFOPT_OK || !loader)
        return perfopt__error_set(err, PERFOPT_EINVAL, "key longer than 64 KiB, or no loader");
    if (perfopt__store_options_read(options, &r.options) != PERFOPT_OK)
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "options without struct_size: use PERFOPT_STORE_OPTIONS");
    const char *tags = r.options.tags;
    if (tags && perfopt__slots_read(&slots, &r.key, tags, strlen(tags)) != PERFOPT_OK)
        return perfopt__error_set(err, PERFOPT_EINVAL, "a tag is too long, or there are too many");
    perfopt_bytes *value = NULL;
    perfopt_error own = PERFOPT_ERROR_INIT;
    perfopt_status status = compute(&r, &value, &own);
    perfopt_scope_add_cache(r.hit, r.redis_ns);
    if (status == PERFOPT_OK)
        *out = value;
    else if (status != PERFOPT_EABSENT && err)
        *err = own;
    return status;
}
