/*
 * base.h - what every other header builds on: status codes, the error structure, options structs,
 * and the three process-wide hooks (log, allocator, clock).
 */
#ifndef PERFOPT_BASE_H
#define PERFOPT_BASE_H

#include <perfopt/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

PERFOPT_BEGIN_DECLS

/* ---- status ------------------------------------------------------------------------------- */

/*
 * X(name, value, text): the one table behind the enum, the names and the texts.
 * Zero is success; everything else is negative. PERFOPT_ENOTFOUND and PERFOPT_EABSENT are ordinary
 * answers ("nothing stored", "stored: there is nothing"), never logged as failures.
 */
#define PERFOPT_STATUS_MAP(X)                                      \
    X(PERFOPT_OK, 0, "success")                                    \
    X(PERFOPT_ENOMEM, -1, "out of memory")                         \
    X(PERFOPT_EINVAL, -2, "invalid argument")                      \
    X(PERFOPT_ECONFIG, -3, "invalid configuration")                \
    X(PERFOPT_ENOTFOUND, -4, "not found")                          \
    X(PERFOPT_EABSENT, -5, "known to be absent")                   \
    X(PERFOPT_ETIMEOUT, -6, "timed out")                           \
    X(PERFOPT_EUNAVAILABLE, -7, "service unavailable")             \
    X(PERFOPT_EDISABLED, -8, "feature is switched off")            \
    X(PERFOPT_EIO, -9, "input/output error")                       \
    X(PERFOPT_EPROTO, -10, "malformed data from a peer or a file") \
    X(PERFOPT_ESYNTAX, -11, "syntax error")                        \
    X(PERFOPT_ETYPE, -12, "wrong type")                            \
    X(PERFOPT_ERANGE, -13, "out of range")                         \
    X(PERFOPT_ELIMIT, -14, "limit reached")                        \
    X(PERFOPT_EEXHAUSTED, -15, "pool exhausted")                   \
    X(PERFOPT_EDB, -16, "database error")                          \
    X(PERFOPT_EAUTH, -17, "authentication failed")                 \
    X(PERFOPT_EFORBIDDEN, -18, "forbidden")                        \
    X(PERFOPT_EDEADLOCK, -19, "would deadlock")                    \
    X(PERFOPT_ECANCELED, -20, "cancelled")                         \
    X(PERFOPT_ECLOSED, -21, "already shut down")                   \
    X(PERFOPT_EBUSY, -22, "already running")                       \
    X(PERFOPT_EUNSUPPORTED, -23, "not built in or not supported")  \
    X(PERFOPT_EFAILED, -24, "failed")

typedef enum perfopt_status {
#define PERFOPT_STATUS_ENUM(name, value, text) name = (value),
    PERFOPT_STATUS_MAP(PERFOPT_STATUS_ENUM)
#undef PERFOPT_STATUS_ENUM
} perfopt_status;

/**
 * Name of a status, for example "PERFOPT_ETIMEOUT".
 *
 * @return A constant string; "PERFOPT_E?" for a number that is no status.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API const char *perfopt_status_name(perfopt_status status);

/**
 * Text of a status in lower case, for example "timed out".
 *
 * @return A constant string; "unknown status" for a number that is no status.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API const char *perfopt_status_text(perfopt_status status);

/* ---- error -------------------------------------------------------------------------------- */

/* Where an error was born; tells how to read perfopt_error.native. */
typedef enum perfopt_origin {
    PERFOPT_ORIGIN_PERFOPT = 0, /* native = 0 */
    PERFOPT_ORIGIN_OS = 1,      /* native = errno */
    PERFOPT_ORIGIN_REDIS = 2,   /* native = hiredis error number; detail = host:port or path */
    PERFOPT_ORIGIN_POSTGRES = 3 /* native = 0; detail = SQLSTATE */
} perfopt_origin;

/*
 * A caller-owned error of fixed size: no allocation, no thread-local state. Functions that can fail
 * for more than one cause take one as their last argument; NULL means "the status is enough".
 * It is written where the failure is discovered and left alone on success.
 */
typedef struct perfopt_error {
    int32_t status;    /* a perfopt_status */
    int32_t origin;    /* a perfopt_origin */
    int64_t native;    /* the origin's own number, 0 if it has none */
    char detail[64];   /* short machine-readable place: SQLSTATE, host:port, "file:line:column" */
    char message[432]; /* one line for people, NUL-terminated, no newline at the end, no secret */
} perfopt_error;

#define PERFOPT_ERROR_INIT \
    {                      \
        0, 0, 0, "", ""    \
    }

/* ---- options ------------------------------------------------------------------------------ */

/*
 * Every options struct begins with struct_size, set only by its macro, so that the library can
 * append fields without breaking callers. In all other fields zero means the documented default,
 * and a NULL options pointer means all defaults:
 *
 *     perfopt_cache_create(PERFOPT_CACHE_OPTIONS(.max_bytes = 64 << 20), &cache, &err);
 *
 * PERFOPT_OPTIONS(type, ...) is what such macros expand to (a compound literal; C only).
 * PERFOPT_OPTIONS_INIT(type) initialises a variable in C and C++.
 */
#ifdef __cplusplus
PERFOPT_END_DECLS
template <typename T> inline T perfopt_options_init_()
{
    T options = T();
    options.struct_size = sizeof(T);
    return options;
}
PERFOPT_BEGIN_DECLS
#define PERFOPT_OPTIONS_INIT(type) perfopt_options_init_<type>()
#else
#define PERFOPT_OPTIONS(type, ...) (&(type){.struct_size = sizeof(type), __VA_ARGS__})
#define PERFOPT_OPTIONS_INIT(type)  \
    {                               \
        .struct_size = sizeof(type) \
    }
#endif

/* A switch whose default is not "off": zero leaves it at its documented default. */
typedef enum perfopt_switch { PERFOPT_DEFAULT = 0, PERFOPT_ON = 1, PERFOPT_OFF = 2 } perfopt_switch;

/* Releases what a callback was registered with; runs exactly once, also if registering failed. */
typedef void (*perfopt_free_fn)(void *user);

/* ---- log ---------------------------------------------------------------------------------- */

typedef enum perfopt_log_level {
    PERFOPT_LOG_DEBUG = 0,
    PERFOPT_LOG_INFO = 1,
    PERFOPT_LOG_WARN = 2,
    PERFOPT_LOG_ERROR = 3,
    PERFOPT_LOG_SILENT = 4
} perfopt_log_level;

/*
 * Receives one message without a newline. It may be called from any thread, also at the same time,
 * and must not call back into the library. `module` is a short name such as "cache" or "db".
 */
typedef void (*perfopt_log_fn)(perfopt_log_level level, const char *module, const char *message,
                               void *user);

/**
 * Replace the log sink of the process.
 *
 * Without a sink messages go to standard error as "perfopt[module] level: message". Messages never
 * contain passwords, SQL literals or cached values.
 *
 * @param min_level Messages below it are dropped before they are formatted; default
 *                  PERFOPT_LOG_INFO.
 * @param fn        Sink; NULL = standard error.
 * @param user      Passed to `fn`; must stay valid until the sink is replaced.
 *
 * Thread-safety: call before perfopt_init(), not concurrently with logging.   Since: 0.1
 */
PERFOPT_API void perfopt_log_set(perfopt_log_level min_level, perfopt_log_fn fn, void *user);

/* ---- allocator ---------------------------------------------------------------------------- */

/* All three functions are mandatory and follow malloc's, realloc's and free's contracts. */
typedef struct perfopt_allocator {
    void *(*malloc_fn)(size_t size, void *user);
    void *(*realloc_fn)(void *ptr, size_t size, void *user);
    void (*free_fn)(void *ptr, void *user);
    void *user;
} perfopt_allocator;

/**
 * Replace the allocator of the process.
 *
 * Memory of the linked libraries (hiredis, libpq, ...) does not go through it.
 *
 * @param allocator Copied; NULL = the C library's.
 * @return PERFOPT_OK; PERFOPT_EINVAL if one of the functions is missing.
 *
 * Thread-safety: call before anything else of the library.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_allocator_set(const perfopt_allocator *allocator);

/* ---- clock -------------------------------------------------------------------------------- */

/* A source of time; both results in nanoseconds. */
typedef struct perfopt_clock {
    int64_t (*monotonic_ns)(void *user); /* never goes back; the zero point has no meaning */
    int64_t (*wall_ns)(void *user);      /* since 1970-01-01T00:00:00Z */
    void *user;
} perfopt_clock;

/**
 * Replace the clock of the process, so that expiry can be tested without sleeping.
 *
 * @param clock Copied; NULL = CLOCK_MONOTONIC and CLOCK_REALTIME.
 * @return PERFOPT_OK; PERFOPT_EINVAL if one of the functions is missing.
 *
 * Thread-safety: not while other threads use the library.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_clock_set(const perfopt_clock *clock);

/* ---- arena -------------------------------------------------------------------------------- */

/*
 * Memory that is released all at once: a bump allocator for what lives as long as one request or
 * one template. Not thread-safe; one thread at a time.
 */
typedef struct perfopt_arena perfopt_arena;

/**
 * Create an arena.
 *
 * @param chunk_bytes Size of the chunks it takes from the allocator; 0 = 8 KiB. Larger requests get
 *                    a chunk of their own.
 * @param[out] out    Destroy with perfopt_arena_destroy(); untouched on failure.
 * @return PERFOPT_OK or PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_arena_create(size_t chunk_bytes, perfopt_arena **out);

/**
 * Release an arena and everything allocated from it.
 *
 * @param arena NULL is allowed.
 *
 * Thread-safety: owner only.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void perfopt_arena_destroy(perfopt_arena *arena);

/**
 * Allocate zeroed memory, aligned for any type.
 *
 * @return Memory that lives as long as the arena, or NULL when out of memory (also for size 0 a
 *         valid pointer is returned).
 *
 * Thread-safety: owner only.   Blocks: never.   Complexity: O(size).   Since: 0.1
 */
PERFOPT_API void *perfopt_arena_alloc(perfopt_arena *arena, size_t size);

/**
 * Copy bytes into the arena and put a NUL byte behind them.
 *
 * @param bytes May be NULL when `length` is 0.
 * @return The copy, or NULL when out of memory.
 *
 * Thread-safety: owner only.   Blocks: never.   Complexity: O(length).   Since: 0.1
 */
PERFOPT_API char *perfopt_arena_copy(perfopt_arena *arena, const void *bytes, size_t length);

/**
 * Format a string into the arena as snprintf does.
 *
 * @return The NUL-terminated string, or NULL when out of memory.
 *
 * Thread-safety: owner only.   Blocks: never.   Since: 0.1
 */
PERFOPT_API char *perfopt_arena_printf(perfopt_arena *arena, const char *format, ...)
    PERFOPT_PRINTF(2, 3);

/**
 * Have a function called when the arena is destroyed: last registered, first called.
 *
 * @param fn   Receives `user`; must not use the arena.
 * @return PERFOPT_OK; PERFOPT_ENOMEM: `fn` was called at once, so nothing leaks either way.
 *
 * Thread-safety: owner only.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_arena_defer(perfopt_arena *arena, perfopt_free_fn fn,
                                               void *user);

/* ---- bytes -------------------------------------------------------------------------------- */

/*
 * An immutable, reference-counted run of bytes: what the cache stores and returns without copying.
 * `data[length]` is always a NUL byte that does not count.
 */
typedef struct perfopt_bytes perfopt_bytes;

/**
 * Copy bytes into a new reference-counted value.
 *
 * @param data     May be NULL when `length` is 0.
 * @param[out] out Holds one reference; release with perfopt_bytes_release(). Untouched on failure.
 * @return PERFOPT_OK or PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Complexity: O(length).   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_bytes_create(const void *data, size_t length,
                                                perfopt_bytes **out);

/**
 * Take one more reference.
 *
 * @return `bytes`.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_bytes *perfopt_bytes_retain(perfopt_bytes *bytes);

/**
 * Give one reference back; the last one frees.
 *
 * @param bytes NULL is allowed.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void perfopt_bytes_release(perfopt_bytes *bytes);

/**
 * The bytes themselves; valid until the caller's reference is released.
 *
 * @return Never NULL; NUL-terminated at perfopt_bytes_length().
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API const char *perfopt_bytes_data(const perfopt_bytes *bytes);

/**
 * Number of bytes, without the closing NUL.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API size_t perfopt_bytes_length(const perfopt_bytes *bytes);

/* ---- worker pool -------------------------------------------------------------------------- */

/* A fixed set of threads that run tasks: precompile jobs, event-loop misses, a host's own. */
typedef struct perfopt_workers perfopt_workers;

typedef void (*perfopt_task_fn)(void *user);

/**
 * Start worker threads.
 *
 * @param threads   Number of threads; 0 = 4.
 * @param max_queue Tasks that may wait; 0 = 1024.
 * @param[out] out  Destroy with perfopt_workers_destroy(); untouched on failure.
 * @return PERFOPT_OK, PERFOPT_ENOMEM, PERFOPT_EFAILED (no thread could be started).
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_workers_create(unsigned threads, size_t max_queue,
                                                  perfopt_workers **out, perfopt_error *err);

/**
 * Queue a task; tasks start in the order of submission.
 *
 * @param user      Passed to `fn`.
 * @param user_free Called once with `user`: after `fn` has run, when the task is dropped at
 *                  shutdown, or before this function returns if it fails. May be NULL.
 * @return PERFOPT_OK; PERFOPT_ELIMIT (queue full), PERFOPT_ECLOSED, PERFOPT_ENOMEM: `fn` will not
 *         run.
 *
 * Thread-safety: any thread, also from inside a task.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_workers_submit(perfopt_workers *workers, perfopt_task_fn fn,
                                                  void *user, perfopt_free_fn user_free);

/**
 * Finish running tasks, drop the waiting ones and join the threads.
 *
 * @param workers NULL is allowed. Must not be called from a task.
 *
 * Thread-safety: owner only.   Blocks: until running tasks have ended.   Since: 0.1
 */
PERFOPT_API void perfopt_workers_destroy(perfopt_workers *workers);

PERFOPT_END_DECLS

#endif
