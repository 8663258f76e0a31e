/*
 * template_cache.c - compiled templates by name; see ssr_internal.h for the locking.
 *
 * A hit costs an uncontended read lock of the thread's stripe (two atomic operations on a cache
 * line few threads share), a hash lookup and one atomic increment of the template's count.
 */
#include "base/hash.h"
#include "base/memory.h"
#include "ssr/ssr_internal.h"

#include <string.h>

typedef struct ssr_cached {
    ssr_template *template;
    struct ssr_cached *next;
    uint64_t hash;
} cached;

enum { BUCKETS = 256 };

ssr_template *perfopt__ssr_template_retain(ssr_template *template)
{
    atomic_fetch_add_explicit(&template->refs, 1, memory_order_relaxed);
    return template;
}

void perfopt__ssr_template_release(ssr_template *template)
{
    if (!template || atomic_fetch_sub_explicit(&template->refs, 1, memory_order_acq_rel) != 1)
        return;
    perfopt_arena_destroy(template->arena);
    perfopt__free(template->name);
    perfopt__free(template);
}

perfopt_status perfopt__ssr_cache_init(ssr_template_cache *cache, uint32_t max_templates)
{
    cache->buckets = perfopt__calloc(BUCKETS, sizeof(*cache->buckets));
    if (!cache->buckets)
        return PERFOPT_ENOMEM;
    cache->bucket_count = BUCKETS;
    cache->max_templates = max_templates;
    cache->tick = 1;
    cache->generation = 1;
    for (unsigned i = 0; i < SSR_STRIPES; i++)
        pthread_rwlock_init(&cache->stripes[i].lock, NULL);
    return PERFOPT_OK;
}

static void lock_all(ssr_template_cache *cache)
{
    for (unsigned i = 0; i < SSR_STRIPES; i++)
        pthread_rwlock_wrlock(&cache->stripes[i].lock);
}

static void unlock_all(ssr_template_cache *cache)
{
    for (unsigned i = SSR_STRIPES; i-- > 0;)
        pthread_rwlock_unlock(&cache->stripes[i].lock);
}

static cached **find(const ssr_template_cache *cache, const char *name, size_t length,
                     uint64_t hash)
{
    cached **place = &cache->buckets[hash % cache->bucket_count];
    for (; *place; place = &(*place)->next) {
        const ssr_template *other = (*place)->template;
        if ((*place)->hash == hash && other->name_length == length &&
            memcmp(other->name, name, length) == 0)
            break;
    }
    return place;
}

static void drop(ssr_template_cache *cache, cached **place)
{
    cached *entry = *place;
    *place = entry->next;
    cache->count--;
    perfopt__ssr_template_release(entry->template);
    perfopt__free(entry);
}

void perfopt__ssr_cache_finish(ssr_template_cache *cache)
{
    if (!cache->buckets)
        return;
    for (size_t i = 0; i < cache->bucket_count; i++) {
        while (cache->buckets[i])
            drop(cache, &cache->buckets[i]);
    }
    perfopt__free(cache->buckets);
    for (unsigned i = 0; i < SSR_STRIPES; i++)
        pthread_rwlock_destroy(&cache->stripes[i].lock);
}

ssr_template *perfopt__ssr_cache_get(ssr_template_cache *cache, const char *name, size_t length)
{
    uint64_t hash = perfopt__hash(name, length);
    pthread_rwlock_t *lock = &cache->stripes[perfopt__ssr_stripe()].lock;
    pthread_rwlock_rdlock(lock);
    cached *entry = *find(cache, name, length, hash);
    ssr_template *template = entry ? perfopt__ssr_template_retain(entry->template) : NULL;
    pthread_rwlock_unlock(lock);
    if (template) {
        uint64_t tick = atomic_load_explicit(&cache->tick, memory_order_relaxed);
        /* Written only when it changes, so that readers do not take the line from each other. */
        if (atomic_load_explicit(&template->last_used, memory_order_relaxed) != tick)
            atomic_store_explicit(&template->last_used, tick, memory_order_relaxed);
    }
    return template;
}

static cached **oldest(ssr_template_cache *cache)
{
    cached **found = NULL;
    for (size_t i = 0; i < cache->bucket_count; i++) {
        for (cached **p = &cache->buckets[i]; *p; p = &(*p)->next) {
            if (!found || (*p)->template->last_used < (*found)->template->last_used)
                found = p;
        }
    }
    return found;
}

perfopt_status perfopt__ssr_cache_put(ssr_template_cache *cache, ssr_template *template)
{
    size_t length = strlen(template->name);
    cached *entry = perfopt__malloc(sizeof(*entry));
    if (!entry)
        return PERFOPT_ENOMEM;
    *entry = (cached){perfopt__ssr_template_retain(template), NULL,
                      perfopt__hash(template->name, length)};
    lock_all(cache);
    cache->generation++;
    template->last_used = ++cache->tick;
    cached **place = find(cache, template->name, length, entry->hash);
    if (*place)
        drop(cache, place);
    while (cache->count >= cache->max_templates)
        drop(cache, oldest(cache));
    place = &cache->buckets[entry->hash % cache->bucket_count];
    entry->next = *place;
    *place = entry;
    cache->count++;
    unlock_all(cache);
    return PERFOPT_OK;
}

size_t perfopt__ssr_cache_clear(ssr_template_cache *cache, const char *name)
{
    size_t dropped = 0;
    lock_all(cache);
    cache->generation++;
    for (size_t i = 0; i < cache->bucket_count; i++) {
        for (cached **p = &cache->buckets[i]; *p;) {
            if (name && strcmp((*p)->template->name, name) != 0) {
                p = &(*p)->next;
                continue;
            }
            drop(cache, p);
            dropped++;
        }
    }
    unlock_all(cache);
    return dropped;
}

size_t perfopt__ssr_cache_optimize(ssr_template_cache *cache,
                                   bool (*gone)(void *user, const ssr_template *template),
                                   void *user)
{
    size_t dropped = 0;
    lock_all(cache);
    for (size_t i = 0; i < cache->bucket_count; i++) {
        for (cached **p = &cache->buckets[i]; *p;) {
            if ((*p)->template->last_used > cache->optimized_tick && !gone(user, (*p)->template)) {
                p = &(*p)->next;
                continue;
            }
            drop(cache, p);
            dropped++;
        }
    }
    cache->optimized_tick = cache->tick++;
    cache->generation += dropped != 0;
    unlock_all(cache);
    return dropped;
}

uint32_t perfopt__ssr_cache_count(ssr_template_cache *cache)
{
    pthread_rwlock_t *lock = &cache->stripes[perfopt__ssr_stripe()].lock;
    pthread_rwlock_rdlock(lock);
    uint32_t count = cache->count;
    pthread_rwlock_unlock(lock);
    return count;
}
