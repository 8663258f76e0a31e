/*
 * query_cache.h - results of SELECTs kept in the hybrid cache, with TTLs, tags and events.
 *
 * The key is a cryptographic hash of SQL text, parameters with their types, role and search_path;
 * two roles never share a result. Invalidation is by tag: every spec's results carry its own tag,
 * the tags it names, and one tag per event of invalidate_on.
 */
#ifndef PERFOPT_QUERY_CACHE_H
#define PERFOPT_QUERY_CACHE_H

#include <perfopt/cache.h>
#include <perfopt/db.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_query_cache perfopt_query_cache;

/* Lifetimes by use, in seconds, as the macros below take them. Change one at run time with
 * perfopt_timeout_set(). */
#define PERFOPT_TIMEOUT_NEWS_LIST      300
#define PERFOPT_TIMEOUT_NEWS_DETAIL    600
#define PERFOPT_TIMEOUT_CATEGORIES     1800
#define PERFOPT_TIMEOUT_IMAGES         3600
#define PERFOPT_TIMEOUT_ANALYTICS      60
#define PERFOPT_TIMEOUT_USER_DATA      300
#define PERFOPT_TIMEOUT_STATIC_CONTENT 7200

typedef struct perfopt_query_cache_options {
    size_t struct_size;
    perfopt_switch enabled;     /* default on (QUERY_CACHE_ENABLED); off = every call asks the
                                   database */
    uint32_t default_timeout_s; /* 0 = 300 */
    uint32_t max_result_bytes;  /* larger results are returned, not stored; 0 = 1 MiB */
} perfopt_query_cache_options;

#define PERFOPT_QUERY_CACHE_OPTIONS(...) PERFOPT_OPTIONS(perfopt_query_cache_options, __VA_ARGS__)
#define PERFOPT_QUERY_CACHE_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_query_cache_options)

/* A cached statement: what the macros define once per query. All pointers must stay valid (they are
 * usually literals). */
typedef struct perfopt_query_spec {
    size_t struct_size;
    const char *name;            /* set by the macro: the function's name */
    const char *sql;             /* set by the macro; a SELECT */
    uint32_t default_timeout_s_; /* set by the macro: used if timeout_s is 0; 0 = the cache's */
    const char *group_;          /* set by the macro: "news", "user", ...; NULL = none */
    uint32_t timeout_s;          /* 0 = as above */
    const char *timeout_name;    /* lifetime by name ("news_list"), overrides timeout_s */
    const char *key_prefix;      /* first part of the key, groups statistics; NULL = name */
    const char *tags;            /* separated by ',' or ' '; NULL = none */
    const char *invalidate_on;   /* events, separated by ',' or ' '; NULL = none */
    /* Decides whether a result is stored; NULL = always. */
    bool (*condition)(const perfopt_rows *rows);
    /* Decides whether the cache is used at all for this call; NULL = always. */
    bool (*unless)(const perfopt_param *params, size_t param_count);
    uint32_t query_timeout_ms; /* deadline of the statement; 0 = the pool's */
} perfopt_query_spec;

/**
 * Create a query cache over a pool and a cache; both are borrowed and must outlive it.
 *
 * @param[out] out Destroy with perfopt_query_cache_destroy(); untouched on failure.
 * @return PERFOPT_OK, PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_query_cache_create(const perfopt_query_cache_options *options,
                                                      perfopt_db *db, perfopt_cache *cache,
                                                      perfopt_query_cache **out,
                                                      perfopt_error *err);

/** Release; NULL is allowed.  Thread-safety: owner only.   Since: 0.1 */
PERFOPT_API void perfopt_query_cache_destroy(perfopt_query_cache *queries);

/**
 * Result of a cached statement.
 *
 * One caller per key asks the database; the others wait for its result. An error is never stored.
 * A result computed from before an invalidation is returned, but not stored.
 *
 * @param[out] out Release with perfopt_rows_release(). Untouched on failure.
 * @return As perfopt_db_query().
 *
 * Thread-safety: any thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_query_cache_fetch(perfopt_query_cache *queries,
                                                     const perfopt_query_spec *spec,
                                                     const perfopt_param *params,
                                                     size_t param_count, perfopt_rows **out,
                                                     perfopt_error *err);

/** As fetch, but asks the database and replaces what is stored.  Since: 0.1 */
PERFOPT_API perfopt_status perfopt_query_cache_refresh(perfopt_query_cache *queries,
                                                       const perfopt_query_spec *spec,
                                                       const perfopt_param *params,
                                                       size_t param_count, perfopt_rows **out,
                                                       perfopt_error *err);

/** As fetch, but neither reads nor writes the cache.  Since: 0.1 */
PERFOPT_API perfopt_status perfopt_query_cache_bypass(perfopt_query_cache *queries,
                                                      const perfopt_query_spec *spec,
                                                      const perfopt_param *params,
                                                      size_t param_count, perfopt_rows **out,
                                                      perfopt_error *err);

/**
 * First cell of the first row of a cached aggregate as a value.
 *
 * @param arena    Strings are copied into it.
 * @param[out] out None if there is no row or the cell is NULL.
 * @return As perfopt_db_query().
 *
 * Thread-safety: any thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_query_cache_aggregate(perfopt_query_cache *queries,
                                                         const perfopt_query_spec *spec,
                                                         const perfopt_param *params,
                                                         size_t param_count, perfopt_arena *arena,
                                                         perfopt_value *out, perfopt_error *err);

/**
 * The cache key of a call, NUL-terminated.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void perfopt_query_cache_key(perfopt_query_cache *queries,
                                         const perfopt_query_spec *spec,
                                         const perfopt_param *params, size_t param_count,
                                         char out[128]);

/** Drop one call's result.  @return As perfopt_cache_delete().   Since: 0.1 */
PERFOPT_API perfopt_status perfopt_query_cache_invalidate(perfopt_query_cache *queries,
                                                          const perfopt_query_spec *spec,
                                                          const perfopt_param *params,
                                                          size_t param_count);

/** Drop all results of a spec.  @return As perfopt_cache_invalidate_tag().   Since: 0.1 */
PERFOPT_API perfopt_status perfopt_query_cache_invalidate_all(perfopt_query_cache *queries,
                                                              const perfopt_query_spec *spec,
                                                              perfopt_error *err);

/**
 * Tell that something happened: drops the results of every spec that names the event in
 * invalidate_on, in every process.
 *
 * @return As perfopt_cache_invalidate_tag().
 *
 * Thread-safety: any thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_query_cache_event(perfopt_query_cache *queries,
                                                     const char *event, perfopt_error *err);

/**
 * Set a lifetime by name at run time, or define a new name.
 *
 * @param name   "news_list", "news_detail", "categories", "images", "analytics", "user_data",
 *               "static_content", or your own (at most 31 characters, 64 names).
 * @return PERFOPT_OK, PERFOPT_EINVAL, PERFOPT_ELIMIT.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_timeout_set(const char *name, uint32_t timeout_s);

/** Lifetime by name in seconds, 0 if the name is unknown.  Thread-safety: any thread.  Since: 0.1
 */
PERFOPT_API uint32_t perfopt_timeout_get(const char *name);

/* Statistics of one spec since start or reset. */
typedef struct perfopt_query_cache_stats {
    char name[64];
    char key_prefix[48];
    uint64_t hits, misses, bypassed, errors, not_stored, invalidations;
    int64_t saved_ns; /* hits times the mean time of a miss */
} perfopt_query_cache_stats;

/**
 * Read the sum over all specs (name "") and the busiest specs.
 *
 * @param[out] total May be NULL.
 * @param[out] out   Array of `capacity`, most hits first; at most 200 specs are told apart.
 * @return Number written to `out`.
 *
 * Thread-safety: any thread.   Blocks: briefly.   Since: 0.1
 */
PERFOPT_API size_t perfopt_query_cache_get_stats(perfopt_query_cache *queries,
                                                 perfopt_query_cache_stats *total,
                                                 perfopt_query_cache_stats *out, size_t capacity);

/** Set the statistics to zero.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API void perfopt_query_cache_reset_stats(perfopt_query_cache *queries);

PERFOPT_END_DECLS

#endif
