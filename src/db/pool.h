/*
 * pool.h - a pool of things that are expensive to open. It knows nothing of PostgreSQL: a driver
 * opens, checks and closes, so that its rules can be tested without a server.
 *
 * Each slot is in one of four states, and total = idle + in use + connecting always holds:
 *
 *     free ----> connecting ----> in use <----> idle
 *      ^             |               |           |
 *      +-------------+---------------+-----------+
 *
 * Only the keeper thread opens connections: callers wait for a connection, whether it comes back
 * or is new, whichever is first, so a burst of requests does not become a burst of connects.
 */
#ifndef PERFOPT_SRC_DB_POOL_H
#define PERFOPT_SRC_DB_POOL_H

#include <perfopt/base.h>
#include <stdatomic.h>

typedef struct perfopt__pool perfopt__pool;

/* All functions are mandatory. None is called with a lock held except `peek`. */
typedef struct perfopt__pool_driver {
    /* Gives up soon after *cancelled becomes true. */
    perfopt_status (*open)(void *user, const atomic_bool *cancelled, void **out,
                           perfopt_error *err);
    void (*close)(void *user, void *connection);
    /* False if the peer has hung up; asks nobody, waits for nothing. */
    bool (*peek)(void *user, void *connection);
    /* False unless the peer answers before the deadline. */
    bool (*ping)(void *user, void *connection, int64_t deadline_ns);
    void *user;
} perfopt__pool_driver;

typedef struct perfopt__pool_settings {
    uint32_t size;         /* connections beyond it are overflow */
    uint32_t max_overflow; /* size + max_overflow >= 1 */
    int64_t recycle_ns;
    int64_t idle_ns;
    int64_t ping_timeout_ns;
    bool pre_ping;
} perfopt__pool_settings;

typedef enum perfopt__slot_state {
    PERFOPT__SLOT_FREE = 0,
    PERFOPT__SLOT_CONNECTING = 1,
    PERFOPT__SLOT_IDLE = 2,
    PERFOPT__SLOT_LENT = 3
} perfopt__slot_state;

typedef struct perfopt__slot {
    struct perfopt__slot *next, *prev; /* in the free list (next only) or the idle stack */
    void *connection;
    int64_t expires_ns;
    int64_t idle_ns; /* since when it rests; 0 = handed over without a rest */
    int64_t lent_ns;
    perfopt__slot_state state;
} perfopt__slot;

/* What a caller found out about the connection it gives back. */
typedef enum perfopt__verdict {
    PERFOPT__CLEAN = 0,
    PERFOPT__BROKEN = 1,
    PERFOPT__DIRTY = 2,   /* in a transaction, busy, or with unread results */
    PERFOPT__EXPIRED = 3, /* too old */
    PERFOPT__RETIRED = 4  /* idle for too long */
} perfopt__verdict;

typedef struct perfopt__pool_stats {
    bool up;
    int64_t since_ms;
    char error[200];
    uint32_t total, in_use, idle, waiting;
    uint64_t acquires, acquire_timeouts, acquire_waits;
    int64_t acquire_wait_p95_us;
    int64_t oldest_holder_ms;
    uint64_t connects, connect_errors, closed_broken, closed_dirty, recycled;
} perfopt__pool_stats;

/* Tries to open one connection in the calling thread; a failure is logged, not returned. */
perfopt_status perfopt__pool_create(const perfopt__pool_settings *settings,
                                    const perfopt__pool_driver *driver, perfopt__pool **out,
                                    perfopt_error *err);
/* Wakes the waiters with PERFOPT_ECLOSED and returns when every caller that entered has left. */
void perfopt__pool_destroy(perfopt__pool *pool);

/* Brackets around everything a caller does with the pool or with what lives as long as it. */
void perfopt__pool_enter(perfopt__pool *pool);
void perfopt__pool_leave(perfopt__pool *pool);

/*
 * Lends a connection: the most recently used idle one, else the first to come back or to be opened,
 * in the order of asking. PERFOPT_EEXHAUSTED at the deadline, PERFOPT_EUNAVAILABLE when there is no
 * connection and opening one just failed, PERFOPT_ECLOSED.
 */
perfopt_status perfopt__pool_acquire(perfopt__pool *pool, int64_t now_ns, int64_t deadline_ns,
                                     perfopt__slot **out, perfopt_error *err);
/* Takes a connection back: to the oldest waiter, else onto the idle stack; closed unless CLEAN. */
void perfopt__pool_release(perfopt__pool *pool, perfopt__slot *slot, perfopt__verdict verdict);

void perfopt__pool_get_stats(perfopt__pool *pool, perfopt__pool_stats *out);
void perfopt__pool_reset_stats(perfopt__pool *pool);
/* One round of housekeeping; the keeper calls it once a second. */
void perfopt__pool_tick(perfopt__pool *pool, int64_t now_ns);
/* True if every slot is accounted for; for tests. */
bool perfopt__pool_check(perfopt__pool *pool);

#endif
