/*
 * page_store.c - the one file of this module that looks inside the cache.
 */
#include "http/page_store.h"

#include "base/clock.h"
#include "cache/cache_internal.h"

#include <string.h>

perfopt_status perfopt__page_store_peek(perfopt_cache *cache, const char *key, size_t key_length,
                                        perfopt_bytes **out)
{
    perfopt__key own;
    perfopt_status status = perfopt__key_init(&own, key, key_length);
    if (status != PERFOPT_OK)
        return status;
    return perfopt__store_get(&cache->store, &own, perfopt__now_ms(), NULL, out);
}

uint64_t perfopt__page_store_moment(perfopt_cache *cache)
{
    return perfopt__tags_now(&cache->tags);
}

/* What the loader below hands over. */
typedef struct finished_page {
    perfopt_cache *cache;
    perfopt_bytes *page;
    const perfopt__slots *slots;
    uint64_t moment;
} finished_page;

/* The cache stores what a loader gives unless it is invalidated while the loader runs. What was
 * invalidated before, since `moment`, is checked here: between the two there is no gap. */
static perfopt_status hand_over(void *user, perfopt_bytes **out, perfopt_store_options *store,
                                perfopt_error *err)
{
    (void)store;
    (void)err;
    finished_page *finished = user;
    if (!perfopt__tags_valid(&finished->cache->tags, finished->moment, finished->slots->slot,
                             finished->slots->count))
        return PERFOPT_ECANCELED;
    *out = perfopt_bytes_retain(finished->page);
    return PERFOPT_OK;
}

perfopt_status perfopt__page_store_put(perfopt_cache *cache, const char *key, size_t key_length,
                                       perfopt_bytes *page, int64_t ttl_ms, const char *tags,
                                       uint64_t moment)
{
    perfopt__key own;
    perfopt__slots slots;
    perfopt_status status = perfopt__key_init(&own, key, key_length);
    if (status == PERFOPT_OK)
        status = perfopt__slots_read(&slots, &own, tags, strlen(tags));
    if (status != PERFOPT_OK)
        return status;
    finished_page finished = {cache, page, &slots, moment};
    perfopt_bytes *stored = NULL;
    status = perfopt_cache_get_or_compute(cache, key, key_length,
                                          PERFOPT_STORE_OPTIONS(.ttl_ms = ttl_ms, .tags = tags),
                                          hand_over, &finished, &stored, NULL);
    perfopt_bytes_release(stored);
    return status;
}
