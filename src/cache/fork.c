/*
 * fork.c - caches across fork(). All locks are taken before, so that the child does not inherit one
 * that a thread held which does not exist there; the child closes the inherited sockets, forgets
 * the other threads' loads and starts its own background thread at first use. What L1 holds stays.
 *
 * Elsewhere at most two of these locks are held together, in the order below: a flight's and a
 * shard's, or the connections' and the background thread's.
 */
#include "cache/cache_internal.h"

static pthread_mutex_t caches_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;
static perfopt_cache *caches;

static void lock_all(perfopt_cache *cache)
{
    for (size_t i = 0; i < PERFOPT__FLIGHT_STRIPES; i++)
        pthread_mutex_lock(&cache->flights.stripes[i].lock);
    for (size_t i = 0; i < cache->store.shard_count; i++)
        pthread_mutex_lock(&cache->store.shards[i].lock);
    pthread_mutex_lock(&cache->store.groups.lock);
    pthread_mutex_lock(&cache->tags.lock);
    if (cache->redis)
        perfopt__redis_before_fork(cache->redis);
    pthread_mutex_lock(&cache->background.lock);
}

static void unlock_all(perfopt_cache *cache, bool child)
{
    pthread_mutex_unlock(&cache->background.lock);
    if (cache->redis)
        perfopt__redis_after_fork(cache->redis, child);
    pthread_mutex_unlock(&cache->tags.lock);
    pthread_mutex_unlock(&cache->store.groups.lock);
    for (size_t i = 0; i < cache->store.shard_count; i++)
        pthread_mutex_unlock(&cache->store.shards[i].lock);
    for (size_t i = 0; i < PERFOPT__FLIGHT_STRIPES; i++)
        pthread_mutex_unlock(&cache->flights.stripes[i].lock);
}

static void before_fork(void)
{
    pthread_mutex_lock(&caches_lock);
    for (perfopt_cache *cache = caches; cache; cache = cache->next)
        lock_all(cache);
}

static void in_parent(void)
{
    for (perfopt_cache *cache = caches; cache; cache = cache->next)
        unlock_all(cache, false);
    pthread_mutex_unlock(&caches_lock);
}

static void in_child(void)
{
    for (perfopt_cache *cache = caches; cache; cache = cache->next) {
        perfopt__flights_after_fork(&cache->flights);
        perfopt__store_forget_tickets(&cache->store);
        perfopt__background_after_fork(cache);
        unlock_all(cache, true);
    }
    pthread_mutex_unlock(&caches_lock);
}

static void install_handlers(void)
{
    pthread_atfork(before_fork, in_parent, in_child);
}

void perfopt__fork_register(perfopt_cache *cache)
{
    pthread_once(&handlers_once, install_handlers);
    pthread_mutex_lock(&caches_lock);
    cache->next = caches;
    caches = cache;
    pthread_mutex_unlock(&caches_lock);
}

void perfopt__fork_unregister(perfopt_cache *cache)
{
    pthread_mutex_lock(&caches_lock);
    perfopt_cache **link = &caches;
    while (*link && *link != cache)
        link = &(*link)->next;
    if (*link)
        *link = cache->next;
    pthread_mutex_unlock(&caches_lock);
}
