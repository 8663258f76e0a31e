/*
 * pool_internal.h - what pool.c (lending) and pool_keeper.c (opening, closing, healing) share.
 */
#ifndef PERFOPT_SRC_DB_POOL_INTERNAL_H
#define PERFOPT_SRC_DB_POOL_INTERNAL_H

#include "db/pool.h"

#include <pthread.h>

#define PERFOPT__POOL_WAITS 1024

/* A thread that waits; lives on its stack. Woken by its own condition, so that a hand-over wakes
 * exactly the thread it is meant for. */
typedef struct perfopt__waiter {
    struct perfopt__waiter *next, *prev;
    pthread_cond_t decided;
    perfopt__slot *slot;    /* what it got, or */
    perfopt_status failure; /* why it gets nothing */
} perfopt__waiter;

struct perfopt__pool {
    perfopt__pool_settings settings;
    perfopt__pool_driver driver;
    atomic_bool closing; /* written under the lock; read by the driver without */
    atomic_uint users;
    _Atomic int64_t suspect_ns; /* connections that rest since before this are asked before use */

    pthread_mutex_t lock; /* everything below; held for a few instructions, never across I/O */
    perfopt__slot *free_slots;
    perfopt__slot *idle_top, *idle_bottom; /* LIFO: the bottom has rested longest */
    perfopt__waiter *first_waiter, *last_waiter;
    uint32_t max_total;
    uint32_t idle, in_use, connecting, waiting;

    bool up, reported_up; /* as the log knows it */
    int64_t since_ms;
    char error[200];     /* of the last failed connect; "" after a success */
    uint32_t failures;   /* connects that failed in a row */
    int64_t last_try_ns; /* start of the last failed connect */
    int64_t next_try_ns; /* not before this */
    pthread_t keeper;
    bool keeper_runs;
    pthread_cond_t keeper_wake;

    uint64_t acquires, acquire_timeouts, acquire_waits;
    uint64_t connects, connect_errors, closed_broken, closed_dirty, recycled;
    uint32_t waits_us[PERFOPT__POOL_WAITS]; /* ring of the last waits */
    uint32_t waits_next, waits_count;

    perfopt__slot slots[]; /* max_total */
};

/* pool.c; all with the lock held */
void perfopt__pool_push_free(perfopt__pool *pool, perfopt__slot *slot);
void perfopt__pool_unlink_idle(perfopt__pool *pool, perfopt__slot *slot);
void perfopt__pool_lend(perfopt__pool *pool, perfopt__slot *slot, int64_t now_ns);
/* A slot that is lent to nobody in particular goes to the oldest waiter or onto the idle stack. */
void perfopt__pool_put(perfopt__pool *pool, perfopt__slot *slot, int64_t now_ns);
void perfopt__pool_fail_waiters(perfopt__pool *pool, perfopt_status failure);

/* pool_keeper.c */
perfopt_status perfopt__pool_keeper_start(perfopt__pool *pool, perfopt_error *err);
void perfopt__pool_keeper_join(perfopt__pool *pool);
/* Opens one connection; called with the lock held, which is let go meanwhile. */
void perfopt__pool_connect(perfopt__pool *pool);
/* Logs a change of `up` once; called with the lock held, which is let go meanwhile. */
void perfopt__pool_report(perfopt__pool *pool);
/* With the lock held: no connection is left and opening one failed. */
bool perfopt__pool_unreachable(const perfopt__pool *pool);
/* Closes a lent slot's connection and frees the slot; called without the lock. */
void perfopt__pool_drop(perfopt__pool *pool, perfopt__slot *slot, perfopt__verdict verdict);

#endif
