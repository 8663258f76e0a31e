/*
 * stats.c - adds the shards' counters up for whoever asks; nothing here is on a hot path.
 */
#include "cache/cache_internal.h"

#include <stdlib.h>
#include <string.h>

void perfopt_cache_get_stats(perfopt_cache *cache, perfopt_cache_stats *out)
{
    uint64_t sums[PERFOPT__COUNTERS] = {0};
    memset(out, 0, sizeof(*out));
    for (size_t s = 0; s < cache->store.shard_count; s++) {
        perfopt__shard *shard = &cache->store.shards[s];
        pthread_mutex_lock(&shard->lock);
        for (size_t i = 0; i < PERFOPT__COUNTERS; i++)
            sums[i] += shard->counters[i];
        out->entries += shard->count;
        out->bytes += shard->bytes;
        pthread_mutex_unlock(&shard->lock);
    }
    out->hits_l1 = sums[PERFOPT__HITS_L1];
    out->hits_l2 = sums[PERFOPT__HITS_L2];
    out->misses = sums[PERFOPT__MISSES];
    out->absent_hits = sums[PERFOPT__ABSENT_HITS];
    out->writes = sums[PERFOPT__WRITES];
    out->deletes = sums[PERFOPT__DELETES];
    out->evictions = sums[PERFOPT__EVICTIONS];
    out->expirations = sums[PERFOPT__EXPIRATIONS];
    out->loads = sums[PERFOPT__LOADS];
    out->load_errors = sums[PERFOPT__LOAD_ERRORS];
    out->load_waits = sums[PERFOPT__LOAD_WAITS];
    out->discarded = sums[PERFOPT__DISCARDED];
    out->invalidations = atomic_load(&cache->invalidations);
    out->damaged = atomic_load(&cache->damaged);
    out->max_bytes = cache->options.max_bytes;
    if (cache->redis)
        perfopt__redis_stats(cache->redis, out);
}

static void add_group(perfopt_cache_group *sum, const perfopt__group_counters *part)
{
    sum->hits += part->hits;
    sum->misses += part->misses;
    sum->writes += part->writes;
    sum->evictions += part->evictions;
    sum->entries += part->entries;
    sum->bytes += part->bytes;
}

static int most_lookups_first(const void *a, const void *b)
{
    const perfopt_cache_group *x = a;
    const perfopt_cache_group *y = b;
    uint64_t in_x = x->hits + x->misses;
    uint64_t in_y = y->hits + y->misses;
    if (in_x != in_y)
        return in_x < in_y ? 1 : -1;
    return strcmp(x->name, y->name);
}

static bool is_empty(const perfopt_cache_group *group)
{
    return group->hits + group->misses + group->writes + group->evictions + group->entries == 0;
}

size_t perfopt_cache_get_groups(perfopt_cache *cache, perfopt_cache_group *out, size_t capacity)
{
    perfopt_cache_group all[PERFOPT__GROUPS + 1];
    uint32_t named = atomic_load(&cache->store.groups.count);
    memset(all, 0, sizeof(all));
    for (uint32_t i = 0; i < named; i++)
        memcpy(all[i].name, cache->store.groups.names[i], PERFOPT__GROUP_NAME);
    strcpy(all[PERFOPT__GROUP_OTHER].name, "(other)");
    for (size_t s = 0; s < cache->store.shard_count; s++) {
        perfopt__shard *shard = &cache->store.shards[s];
        pthread_mutex_lock(&shard->lock);
        for (uint32_t i = 0; i < named; i++)
            add_group(&all[i], &shard->groups[i]);
        add_group(&all[PERFOPT__GROUP_OTHER], &shard->groups[PERFOPT__GROUP_OTHER]);
        pthread_mutex_unlock(&shard->lock);
    }
    qsort(all, PERFOPT__GROUPS + 1, sizeof(all[0]), most_lookups_first);
    size_t count = 0;
    for (size_t i = 0; i <= PERFOPT__GROUPS && count < capacity; i++) {
        if (!is_empty(&all[i]))
            out[count++] = all[i];
    }
    return count;
}

void perfopt_cache_reset_stats(perfopt_cache *cache)
{
    for (size_t s = 0; s < cache->store.shard_count; s++) {
        perfopt__shard *shard = &cache->store.shards[s];
        pthread_mutex_lock(&shard->lock);
        memset(shard->counters, 0, sizeof(shard->counters));
        for (size_t i = 0; i <= PERFOPT__GROUPS; i++) {
            perfopt__group_counters *group = &shard->groups[i];
            *group = (perfopt__group_counters){.entries = group->entries, .bytes = group->bytes};
        }
        pthread_mutex_unlock(&shard->lock);
    }
    atomic_store(&cache->invalidations, 0);
    atomic_store(&cache->damaged, 0);
    if (cache->redis)
        perfopt__redis_reset_stats(cache->redis);
}
