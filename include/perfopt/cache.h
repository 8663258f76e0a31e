/*
 * cache.h - the hybrid cache: a byte-bounded in-process level (L1) before Redis (L2).
 *
 * A value is bytes with a length. "Nothing stored" (PERFOPT_ENOTFOUND), "stored: known to be
 * absent" (PERFOPT_EABSENT) and an empty value (PERFOPT_OK, length 0) are three different answers.
 * A Redis that is down is never the caller's error: reads and writes go on in-process, and the
 * cache heals by itself. After an invalidation (delete, tag, pattern, clear) has returned, no
 * reader of this process sees the old value, and no value computed from before it is stored.
 */
#ifndef PERFOPT_CACHE_H
#define PERFOPT_CACHE_H

#include <perfopt/base.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_cache perfopt_cache;

/* ---- options ------------------------------------------------------------------------------ */

/* Where Redis is and how long to wait for it. `url` wins over host, port and password. */
typedef struct perfopt_redis_options {
    size_t struct_size;
    const char *url;             /* redis://[user:password@]host[:port][/db], unix:///path[?db=N],
                                    rediss:// (EUNSUPPORTED until hiredis is built with TLS),
                                    redis+sentinel://, redis+cluster:// (EUNSUPPORTED); NULL = use
                                    host; copied */
    const char *host;            /* NULL (with url NULL) = no second level; copied */
    const char *password;        /* NULL = none; copied, never logged */
    uint16_t port;               /* 0 = 6379 */
    uint16_t connections;        /* 0 = 4 */
    uint32_t connect_timeout_ms; /* 0 = 1000 */
    uint32_t command_timeout_ms; /* 0 = 200 */
    uint32_t breaker_errors;     /* consecutive errors that open the breaker; 0 = 5 */
    uint32_t breaker_open_ms;    /* until a trial call is let through; 0 = 2000 */
} perfopt_redis_options;

#define PERFOPT_REDIS_OPTIONS(...) PERFOPT_OPTIONS(perfopt_redis_options, __VA_ARGS__)
#define PERFOPT_REDIS_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_redis_options)

typedef struct perfopt_cache_options {
    size_t struct_size;
    uint64_t max_bytes;       /* L1 budget: keys, values, tables; 0 = 64 MiB, at least 16 KiB.
                                 The stamps of invalidations take up to 1 MiB besides. */
    uint32_t max_entry_bytes; /* larger values bypass L1; 0 = 1 MiB, at most 1/8 of a shard */
    uint32_t shards;        /* rounded up to a power of two; 0 = 16 (fewer if max_bytes is small) */
    int64_t default_ttl_ms; /* 0 = 300,000 */
    int64_t negative_ttl_ms; /* of "known to be absent"; 0 = 30,000 */
    uint32_t jitter_percent; /* TTLs are shortened by a random share up to this; 0 = 10,
                                UINT32_MAX = none */
    int64_t loader_wait_ms;  /* how long a second caller waits for a running loader; 0 = 5000 */
    const char *prefix;      /* of all keys in Redis; NULL = "perfopt:"; copied */
    const perfopt_redis_options *redis; /* NULL = in-process only; copied */
} perfopt_cache_options;

#define PERFOPT_CACHE_OPTIONS(...) PERFOPT_OPTIONS(perfopt_cache_options, __VA_ARGS__)
#define PERFOPT_CACHE_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_cache_options)

/**
 * Create a cache.
 *
 * Tries to reach Redis once, at most connect_timeout_ms and one command; if that fails the cache
 * works in-process, says so in the log once and goes on trying in the background.
 *
 * @param[out] out Destroy with perfopt_cache_destroy(); untouched on failure.
 * @return PERFOPT_OK (also without Redis); PERFOPT_ECONFIG (malformed URL, nonsense numbers),
 *         PERFOPT_EUNSUPPORTED (scheme not built in), PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: up to connect_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_create(const perfopt_cache_options *options,
                                                perfopt_cache **out, perfopt_error *err);

/**
 * Release a cache. Values that callers still hold stay valid.
 *
 * @param cache NULL is allowed. No other call may be running.
 *
 * Thread-safety: owner only.   Blocks: up to command_timeout_ms.   Since: 0.1
 */
PERFOPT_API void perfopt_cache_destroy(perfopt_cache *cache);

/* ---- reading and writing ------------------------------------------------------------------ */

/* How to store. All fields may be zero; NULL options = all defaults. */
typedef struct perfopt_store_options {
    size_t struct_size;
    int64_t ttl_ms;    /* 0 = the cache's default_ttl_ms; negative = do not store */
    const char *tags;  /* at most 64 names of at most 200 bytes, separated by ',' or ' '; NULL =
                          none; copied */
    perfopt_switch l2; /* default on: also store in Redis; off leaves alone what is there */
    perfopt_switch l1; /* default on */
} perfopt_store_options;

#define PERFOPT_STORE_OPTIONS(...) PERFOPT_OPTIONS(perfopt_store_options, __VA_ARGS__)
#define PERFOPT_STORE_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_store_options)

/* Keys are any bytes, compared in full. Longest key: 64 KiB (PERFOPT_EINVAL beyond). In Redis, keys
 * longer than 250 bytes are stored under their hash; the envelope carries the key and it is
 * compared on the way back. */

/**
 * Look a key up in L1, then in Redis.
 *
 * @param key      Bytes; not kept.
 * @param[out] out One reference; release with perfopt_bytes_release(). Untouched unless PERFOPT_OK.
 * @return PERFOPT_OK; PERFOPT_EABSENT (stored as known to be absent); PERFOPT_ENOTFOUND (also when
 *         Redis is down or its value is damaged); PERFOPT_EINVAL (key too long).
 *
 * Thread-safety: any thread.   Blocks: L1 hit never; else up to command_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_get(perfopt_cache *cache, const void *key,
                                             size_t key_length, perfopt_bytes **out);

/**
 * Store a copy of the bytes under a key in both levels.
 *
 * Values above 64 MiB are not sent to Redis.
 *
 * @return PERFOPT_OK (also when Redis is down); PERFOPT_EINVAL (key, tags, options without their
 *         macro), PERFOPT_ELIMIT (value above 512 MiB), PERFOPT_ENOMEM (the old value is gone
 *         then).
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms.   Complexity: O(length).
 * Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_set(perfopt_cache *cache, const void *key,
                                             size_t key_length, const void *data, size_t length,
                                             const perfopt_store_options *options);

/**
 * Store a reference-counted value without copying it into L1.
 *
 * @param value The cache takes its own reference; NULL stores "known to be absent" (for ttl_ms 0
 *              with negative_ttl_ms).
 * @return As perfopt_cache_set().
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_set_bytes(perfopt_cache *cache, const void *key,
                                                   size_t key_length, perfopt_bytes *value,
                                                   const perfopt_store_options *options);

/**
 * Remove a key from both levels.
 *
 * A loader that runs for the key meanwhile, in any process, will not leave its result readable. In
 * other processes L1 may serve the old value for up to one second more.
 *
 * @return PERFOPT_OK (there was something in L1 or Redis), PERFOPT_ENOTFOUND, PERFOPT_EINVAL;
 *         PERFOPT_EUNAVAILABLE: gone here, but Redis could not be told; it is told when it is back,
 *         and until then the key is not read from Redis.
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_delete(perfopt_cache *cache, const void *key,
                                                size_t key_length);

/**
 * Is a key there (also as "known to be absent")? Does not count as a hit or miss.
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms.   Since: 0.1
 */
PERFOPT_API bool perfopt_cache_exists(perfopt_cache *cache, const void *key, size_t key_length);

/* One key of a multi-key call. */
typedef struct perfopt_cache_item {
    const void *key;
    size_t key_length;
    perfopt_bytes *value;  /* get_many: a reference to release, or NULL; set_many: what to store */
    perfopt_status status; /* out: as the single-key call returns */
} perfopt_cache_item;

/**
 * Look many keys up: one pass over L1, one MGET for the rest.
 *
 * @return PERFOPT_OK; each item's status tells its own outcome. PERFOPT_ENOMEM, also as the status
 *         of every item.
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_get_many(perfopt_cache *cache, perfopt_cache_item *items,
                                                  size_t count);

/**
 * Store many values with the same options: one pipelined round trip.
 *
 * @return PERFOPT_OK; each item's status tells its own outcome. PERFOPT_ENOMEM or PERFOPT_EINVAL
 *         (options), also as the status of every item.
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_set_many(perfopt_cache *cache, perfopt_cache_item *items,
                                                  size_t count,
                                                  const perfopt_store_options *options);

/*
 * Computes a missing value. Sets *out (one reference, handed to the cache) or leaves it NULL for
 * "known to be absent". It may change `store` (TTL, tags; a negative ttl_ms = do not store). Any
 * status but PERFOPT_OK fails the call and stores nothing. It runs without any lock held and may
 * use the cache for other keys.
 */
typedef perfopt_status (*perfopt_loader_fn)(void *user, perfopt_bytes **out,
                                            perfopt_store_options *store, perfopt_error *err);

/**
 * Look a key up, and compute and store it if it is missing: one loader per key per process.
 *
 * Callers that find a loader running wait for it up to loader_wait_ms, then run their own without
 * storing its result. A value whose key, tag or cache was invalidated while the loader ran is
 * returned, but not stored.
 *
 * @param options  Copied; the loader sees the copy.
 * @param[out] out One reference. Untouched unless PERFOPT_OK.
 * @return PERFOPT_OK; PERFOPT_EABSENT; PERFOPT_EDEADLOCK (the loader of this key asked for this
 *         key in the same thread); PERFOPT_EINVAL, PERFOPT_ENOMEM; or what the loader returned.
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms and the loader.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_get_or_compute(perfopt_cache *cache, const void *key,
                                                        size_t key_length,
                                                        const perfopt_store_options *options,
                                                        perfopt_loader_fn loader, void *user,
                                                        perfopt_bytes **out, perfopt_error *err);

/* ---- invalidation ------------------------------------------------------------------------- */

/**
 * Make everything stored with a tag unreadable, in this process and in every other that uses the
 * same Redis and prefix.
 *
 * Entries are not searched: the tag gets a stamp of a logical clock that is newer than theirs. In
 * other processes L1 entries may be read for up to one second more.
 *
 * @return PERFOPT_OK; PERFOPT_EINVAL (empty, longer than 200 bytes, or with ',' or ' ');
 *         PERFOPT_EUNAVAILABLE (done here; Redis is told when it is back); PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms.   Complexity: O(1).   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_invalidate_tag(perfopt_cache *cache, const char *tag,
                                                        perfopt_error *err);

/**
 * Count or remove the keys that match a glob pattern (* ? [abc] and backslash, as in Redis).
 *
 * Redis is searched with SCAN in steps of 1000, never with KEYS. Hashed long keys are not matched
 * in Redis. If Redis cannot be searched, everything in it is made unreadable when it is back, as by
 * perfopt_cache_clear(). A dry run may count a key twice while Redis resizes its table.
 *
 * @param dry_run    Only count.
 * @param[out] count Keys matched (L1 and Redis, each key once per level at most); may be NULL.
 * @return PERFOPT_OK, PERFOPT_EINVAL (empty pattern), PERFOPT_EUNAVAILABLE (done here; Redis
 *         follows when it is back), PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: network, O(keys in Redis / 1000) round trips.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_invalidate_pattern(perfopt_cache *cache,
                                                            const char *pattern, bool dry_run,
                                                            uint64_t *count, perfopt_error *err);

/**
 * Make everything unreadable: O(1) in every process that shares the Redis and prefix, in L1 of the
 * others within one second. The memory of this process's L1 is returned before the call ends.
 *
 * @return PERFOPT_OK; PERFOPT_EUNAVAILABLE (done here; Redis is told when it is back).
 *
 * Thread-safety: any thread.   Blocks: up to command_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_clear(perfopt_cache *cache, perfopt_error *err);

/* ---- statistics --------------------------------------------------------------------------- */

typedef enum perfopt_link_state {
    PERFOPT_LINK_OFF = 0, /* not configured */
    PERFOPT_LINK_UP = 1,
    PERFOPT_LINK_DOWN = 2
} perfopt_link_state;

typedef struct perfopt_cache_stats {
    uint64_t hits_l1, hits_l2, misses, absent_hits; /* absent_hits are among the hits */
    uint64_t writes, deletes, invalidations;
    uint64_t evictions, expirations;
    uint64_t loads, load_errors, load_waits; /* loader runs, failures, callers that waited */
    uint64_t discarded;                      /* computed, but invalidated meanwhile */
    uint64_t entries, bytes, max_bytes;      /* L1 now */
    uint64_t redis_calls, redis_errors, redis_reconnects, damaged; /* damaged envelopes read */
    perfopt_link_state redis;
    bool breaker_open;
    int64_t redis_since_ms;   /* wall time of the last change of `redis` */
    int64_t redis_rtt_p95_us; /* over the last 256 calls; 0 = none */
    char redis_error[128];    /* why it is down; "" = none; never contains a password */
    char redis_where[128];    /* host:port/db or path, without credentials */
} perfopt_cache_stats;

/** Read the counters.  Thread-safety: any thread.   Blocks: never.   Since: 0.1 */
PERFOPT_API void perfopt_cache_get_stats(perfopt_cache *cache, perfopt_cache_stats *out);

/* Statistics of the keys that share the part before the first ':' (at most 100 groups; the rest,
 * and keys without a ':', are counted as "(other)"). */
typedef struct perfopt_cache_group {
    char name[48];
    uint64_t hits, misses, writes, evictions;
    uint64_t entries, bytes; /* L1 now */
} perfopt_cache_group;

/**
 * Read statistics by key group, most lookups first.
 *
 * @param[out] out Array of `capacity`.
 * @return Number of groups written.
 *
 * Thread-safety: any thread.   Blocks: briefly, per shard.   Since: 0.1
 */
PERFOPT_API size_t perfopt_cache_get_groups(perfopt_cache *cache, perfopt_cache_group *out,
                                            size_t capacity);

/** Set all counters to zero; entries stay.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API void perfopt_cache_reset_stats(perfopt_cache *cache);

/**
 * Ask Redis for a PING and a set/get/delete of a probe key, for `perfopt doctor`.
 *
 * @return PERFOPT_OK, PERFOPT_EDISABLED (no Redis configured), PERFOPT_EUNAVAILABLE, PERFOPT_EAUTH.
 *
 * Thread-safety: any thread.   Blocks: connect_timeout_ms + command_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_cache_check_redis(perfopt_cache *cache, int64_t *rtt_us,
                                                     perfopt_error *err);

PERFOPT_END_DECLS

#endif
