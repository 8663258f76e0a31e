/*
 * metrics.h - what one request cost: the scope that queries, cache reads and renders add to while a
 * handler runs. Histograms and exporters are monitor.h's business.
 */
#ifndef PERFOPT_METRICS_H
#define PERFOPT_METRICS_H

#include <perfopt/base.h>

PERFOPT_BEGIN_DECLS

/* Equal statements in one request from which on it counts as an N+1 pattern. */
#define PERFOPT_N_PLUS_ONE_MIN 5

/* Everything one request did so far; plain numbers, all zero at the start. */
typedef struct perfopt_scope_stats {
    int64_t started_ns;     /* monotonic */
    int64_t db_ns;          /* waiting for the database, connections included */
    int64_t cache_ns;       /* waiting for the second level */
    int64_t render_ns;      /* templates */
    uint64_t rows;          /* rows that queries returned */
    uint32_t queries;       /* statements sent to the database */
    uint32_t queries_saved; /* answered by the query cache instead */
    uint32_t cache_hits;
    uint32_t cache_misses;
    uint32_t renders;
    uint32_t most_repeated;  /* how often the most repeated statement ran */
    uint64_t repeated_query; /* its fingerprint, 0 if none ran */
} perfopt_scope_stats;

/*
 * One open scope. It lives in the caller's storage (usually the stack) and belongs to the thread
 * that began it. Scopes nest: ending an inner one adds its numbers to the outer one.
 */
typedef struct perfopt_scope {
    perfopt_scope_stats stats;
    struct perfopt_scope *outer;
    struct {
        uint64_t fingerprint;
        uint32_t count;
    } seen[32]; /* statements of this request; the 33rd and later are only counted */
    uint32_t seen_count;
} perfopt_scope;

/**
 * Begin a scope: from now on the calling thread's work is added to it.
 *
 * @param scope Caller's storage, initialised by this call; must stay valid until it is ended.
 *
 * Thread-safety: the scope belongs to the calling thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void perfopt_scope_begin(perfopt_scope *scope);

/**
 * End a scope that the calling thread began; its numbers stay readable in `scope->stats`.
 *
 * Scopes inside it that were never ended are ended too.
 *
 * Thread-safety: the thread that began it.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void perfopt_scope_end(perfopt_scope *scope);

/**
 * The innermost open scope of the calling thread.
 *
 * @return Borrowed; NULL if there is none.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_scope *perfopt_scope_current(void);

/**
 * Record one statement in the current scope; without one nothing happens.
 *
 * @param fingerprint Equal for statements of equal shape; 0 = do not look for repetition.
 *
 * Thread-safety: any thread.   Blocks: never.   Complexity: O(1).   Since: 0.1
 */
PERFOPT_API void perfopt_scope_add_query(uint64_t fingerprint, int64_t took_ns, uint64_t rows);

/** Record one cache lookup.  Thread-safety: any thread.   Blocks: never.   Since: 0.1 */
PERFOPT_API void perfopt_scope_add_cache(bool hit, int64_t took_ns);

/** Record one query answered by the query cache.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API void perfopt_scope_add_saved_query(void);

/** Record one render.  Thread-safety: any thread.   Blocks: never.   Since: 0.1 */
PERFOPT_API void perfopt_scope_add_render(int64_t took_ns);

PERFOPT_END_DECLS

#endif
