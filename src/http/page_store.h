/*
 * page_store.h - what the page cache needs of the cache beyond its public functions.
 */
#ifndef PERFOPT_SRC_HTTP_PAGE_STORE_H
#define PERFOPT_SRC_HTTP_PAGE_STORE_H

#include <perfopt/cache.h>

/* Looks a key up in this process only: never waits for Redis, and counts no miss. */
perfopt_status perfopt__page_store_peek(perfopt_cache *cache, const char *key, size_t key_length,
                                        perfopt_bytes **out);

/* A moment: what was invalidated up to then. */
uint64_t perfopt__page_store_moment(perfopt_cache *cache);
/* Stores a page that was computed since `moment`, unless one is there already, or its key or one of
 * its tags was invalidated meanwhile. */
perfopt_status perfopt__page_store_put(perfopt_cache *cache, const char *key, size_t key_length,
                                       perfopt_bytes *page, int64_t ttl_ms, const char *tags,
                                       uint64_t moment);

#endif
