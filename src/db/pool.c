/*
 * pool.c - lending connections: the idle stack, the queue of waiters and the hand-over.
 *
 * A lend and a return cost one lock each (two or three dozen instructions under it) and one read of
 * the clock; beside a round trip to a server that is nothing, and it buys strict fairness: while
 * somebody waits the idle stack is empty, so nobody can overtake.
 */
#include "db/pool.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "db/pool_internal.h"
#include "db/wait.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A connection that rested longer is asked before it is lent (HikariCP's aliveBypassWindow). */
#define PING_AFTER_NS (500 * (int64_t)1000000)
/* While the server is down a caller may have it tried again this long after the last attempt. */
#define TRIAL_AFTER_NS (250 * (int64_t)1000000)
/* How often destroy looks whether the last caller has left. */
#define LEAVE_POLL_NS 1000000

/* ---- waiting ------------------------------------------------------------------------------ */

static void enqueue(perfopt__pool *pool, perfopt__waiter *waiter, bool first)
{
    waiter->prev = first ? NULL : pool->last_waiter;
    waiter->next = first ? pool->first_waiter : NULL;
    *(waiter->prev ? &waiter->prev->next : &pool->first_waiter) = waiter;
    *(waiter->next ? &waiter->next->prev : &pool->last_waiter) = waiter;
    pool->waiting++;
}

static void dequeue(perfopt__pool *pool, perfopt__waiter *waiter)
{
    *(waiter->prev ? &waiter->prev->next : &pool->first_waiter) = waiter->next;
    *(waiter->next ? &waiter->next->prev : &pool->last_waiter) = waiter->prev;
    pool->waiting--;
}

void perfopt__pool_fail_waiters(perfopt__pool *pool, perfopt_status failure)
{
    while (pool->first_waiter) {
        perfopt__waiter *waiter = pool->first_waiter;
        dequeue(pool, waiter);
        waiter->failure = failure;
        pthread_cond_signal(&waiter->decided);
    }
}

static void record_wait(perfopt__pool *pool, int64_t waited_ns)
{
    int64_t us = waited_ns / 1000;
    pool->waits_us[pool->waits_next] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    pool->waits_next = (pool->waits_next + 1) % PERFOPT__POOL_WAITS;
    if (pool->waits_count < PERFOPT__POOL_WAITS)
        pool->waits_count++;
}

/* ---- slots -------------------------------------------------------------------------------- */

void perfopt__pool_push_free(perfopt__pool *pool, perfopt__slot *slot)
{
    *slot = (perfopt__slot){.next = pool->free_slots};
    pool->free_slots = slot;
}

void perfopt__pool_unlink_idle(perfopt__pool *pool, perfopt__slot *slot)
{
    *(slot->prev ? &slot->prev->next : &pool->idle_top) = slot->next;
    *(slot->next ? &slot->next->prev : &pool->idle_bottom) = slot->prev;
    slot->next = slot->prev = NULL;
    pool->idle--;
}

static void push_idle(perfopt__pool *pool, perfopt__slot *slot, int64_t now_ns)
{
    slot->state = PERFOPT__SLOT_IDLE;
    slot->idle_ns = now_ns;
    slot->prev = NULL;
    slot->next = pool->idle_top;
    *(slot->next ? &slot->next->prev : &pool->idle_bottom) = slot;
    pool->idle_top = slot;
    pool->idle++;
}

void perfopt__pool_lend(perfopt__pool *pool, perfopt__slot *slot, int64_t now_ns)
{
    slot->state = PERFOPT__SLOT_LENT;
    slot->lent_ns = now_ns;
    pool->in_use++;
}

void perfopt__pool_put(perfopt__pool *pool, perfopt__slot *slot, int64_t now_ns)
{
    perfopt__waiter *waiter = pool->first_waiter;
    if (!waiter) {
        push_idle(pool, slot, now_ns);
        return;
    }
    dequeue(pool, waiter);
    slot->idle_ns = 0;
    perfopt__pool_lend(pool, slot, now_ns);
    waiter->slot = slot;
    pthread_cond_signal(&waiter->decided);
}

/* ---- acquire ------------------------------------------------------------------------------ */

static perfopt_status exhausted(perfopt__pool *pool, int64_t waited_ns, perfopt_error *err)
{
    pool->acquire_timeouts++;
    return perfopt__error_set(
        err, PERFOPT_EEXHAUSTED,
        "no database connection within %lld ms: total %u, idle %u, waiting %u%s%s",
        (long long)(waited_ns / 1000000), pool->idle + pool->in_use + pool->connecting, pool->idle,
        pool->waiting, pool->error[0] ? "; last connect error: " : "", pool->error);
}

static perfopt_status refused(const perfopt__pool *pool, perfopt_status failure, perfopt_error *err)
{
    if (failure == PERFOPT_ECLOSED)
        return perfopt__error_set(err, failure, "the database pool is closed");
    return perfopt__error_set(err, failure, "database unavailable: %s", pool->error);
}

/* Lock held; `again`: it had its turn already, but the connection it got was dead. */
static perfopt_status wait_turn(perfopt__pool *pool, int64_t now_ns, int64_t deadline_ns,
                                bool again, perfopt__slot **out, perfopt_error *err)
{
    perfopt__waiter waiter = {.slot = NULL};
    perfopt__cond_init(&waiter.decided);
    enqueue(pool, &waiter, again);
    pool->acquire_waits += !again;
    pthread_cond_signal(&pool->keeper_wake);
    bool in_time = true;
    while (in_time && !waiter.slot && waiter.failure == PERFOPT_OK)
        in_time = perfopt__cond_wait(&waiter.decided, &pool->lock, deadline_ns);
    pthread_cond_destroy(&waiter.decided);
    int64_t waited_ns = perfopt__now_ns() - now_ns;
    record_wait(pool, waited_ns);
    if (waiter.slot) {
        *out = waiter.slot;
        return PERFOPT_OK;
    }
    if (waiter.failure != PERFOPT_OK)
        return refused(pool, waiter.failure, err);
    dequeue(pool, &waiter);
    return exhausted(pool, waited_ns, err);
}

/* While the server is down callers fail at once, but for the one that has it tried again. */
static bool may_try(perfopt__pool *pool, int64_t now_ns)
{
    if (pool->connecting || pool->waiting)
        return false;
    if (now_ns - pool->last_try_ns >= TRIAL_AFTER_NS)
        pool->next_try_ns = now_ns;
    return now_ns >= pool->next_try_ns;
}

/* Lock held. */
static perfopt_status claim(perfopt__pool *pool, int64_t now_ns, int64_t deadline_ns, bool again,
                            perfopt__slot **out, perfopt_error *err)
{
    if (pool->closing)
        return refused(pool, PERFOPT_ECLOSED, err);
    perfopt__slot *slot = pool->idle_top;
    if (slot) {
        perfopt__pool_unlink_idle(pool, slot);
        perfopt__pool_lend(pool, slot, now_ns);
        *out = slot;
        return PERFOPT_OK;
    }
    if (perfopt__pool_unreachable(pool) && !may_try(pool, now_ns))
        return refused(pool, PERFOPT_EUNAVAILABLE, err);
    return wait_turn(pool, now_ns, deadline_ns, again, out, err);
}

/* No lock held: the slot is the caller's. */
static perfopt__verdict examine(perfopt__pool *pool, perfopt__slot *slot, int64_t now_ns,
                                int64_t deadline_ns)
{
    if (!slot->idle_ns)
        return PERFOPT__CLEAN;
    if (now_ns >= slot->expires_ns)
        return PERFOPT__EXPIRED;
    if (!pool->driver.peek(pool->driver.user, slot->connection))
        return PERFOPT__BROKEN;
    bool suspect = slot->idle_ns <= atomic_load_explicit(&pool->suspect_ns, memory_order_relaxed);
    if (!pool->settings.pre_ping || (!suspect && now_ns - slot->idle_ns <= PING_AFTER_NS))
        return PERFOPT__CLEAN;
    int64_t ping_ns = perfopt__now_ns() + pool->settings.ping_timeout_ns;
    if (ping_ns > deadline_ns)
        ping_ns = deadline_ns;
    bool alive = pool->driver.ping(pool->driver.user, slot->connection, ping_ns);
    return alive ? PERFOPT__CLEAN : PERFOPT__BROKEN;
}

perfopt_status perfopt__pool_acquire(perfopt__pool *pool, int64_t now_ns, int64_t deadline_ns,
                                     perfopt__slot **out, perfopt_error *err)
{
    for (bool again = false;; again = true) {
        perfopt__slot *slot = NULL;
        pthread_mutex_lock(&pool->lock);
        pool->acquires += !again;
        perfopt_status status = claim(pool, now_ns, deadline_ns, again, &slot, err);
        pthread_mutex_unlock(&pool->lock);
        if (status != PERFOPT_OK)
            return status;
        perfopt__verdict verdict = examine(pool, slot, now_ns, deadline_ns);
        if (verdict == PERFOPT__CLEAN) {
            *out = slot;
            return PERFOPT_OK;
        }
        perfopt__pool_drop(pool, slot, verdict);
        now_ns = perfopt__now_ns(); /* the deadline stays: checking has cost time */
    }
}

void perfopt__pool_release(perfopt__pool *pool, perfopt__slot *slot, perfopt__verdict verdict)
{
    int64_t now_ns = perfopt__now_ns();
    if (verdict == PERFOPT__CLEAN && now_ns >= slot->expires_ns)
        verdict = PERFOPT__EXPIRED;
    if (verdict != PERFOPT__CLEAN) {
        perfopt__pool_drop(pool, slot, verdict);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->in_use--;
    perfopt__pool_put(pool, slot, now_ns);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- create, destroy ---------------------------------------------------------------------- */

/* Held for a few dozen instructions, so spinning shortly beats sleeping. */
static void init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP /* glibc */
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static void pool_free(perfopt__pool *pool)
{
    pthread_cond_destroy(&pool->keeper_wake);
    pthread_mutex_destroy(&pool->lock);
    perfopt__free(pool);
}

perfopt_status perfopt__pool_create(const perfopt__pool_settings *settings,
                                    const perfopt__pool_driver *driver, perfopt__pool **out,
                                    perfopt_error *err)
{
    uint32_t max_total = settings->size + settings->max_overflow;
    perfopt__pool *pool =
        perfopt__calloc(1, sizeof(*pool) + (size_t)max_total * sizeof(pool->slots[0]));
    if (!pool)
        return perfopt__error_nomem(err);
    pool->settings = *settings;
    pool->driver = *driver;
    pool->max_total = max_total;
    pool->reported_up = true; /* a first failure is news, a first success is not */
    pool->since_ms = perfopt__wall_ms();
    init_lock(&pool->lock);
    perfopt__cond_init(&pool->keeper_wake);
    for (uint32_t i = max_total; i-- > 0;)
        perfopt__pool_push_free(pool, &pool->slots[i]);
    pthread_mutex_lock(&pool->lock);
    perfopt__pool_connect(pool);
    perfopt__pool_report(pool);
    pthread_mutex_unlock(&pool->lock);
    perfopt_status status = perfopt__pool_keeper_start(pool, err);
    if (status != PERFOPT_OK) {
        perfopt__pool_destroy(pool);
        return status;
    }
    *out = pool;
    return PERFOPT_OK;
}

void perfopt__pool_enter(perfopt__pool *pool)
{
    atomic_fetch_add_explicit(&pool->users, 1, memory_order_relaxed);
}

void perfopt__pool_leave(perfopt__pool *pool)
{
    atomic_fetch_sub_explicit(&pool->users, 1, memory_order_release);
}

void perfopt__pool_destroy(perfopt__pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    perfopt__pool_fail_waiters(pool, PERFOPT_ECLOSED);
    pthread_cond_signal(&pool->keeper_wake);
    pthread_mutex_unlock(&pool->lock);
    perfopt__pool_keeper_join(pool);
    /* Polled, not signalled: a caller that has left must not touch the pool any more. */
    while (atomic_load_explicit(&pool->users, memory_order_acquire) > 0)
        nanosleep(&(struct timespec){0, LEAVE_POLL_NS}, NULL);
    for (perfopt__slot *slot = pool->idle_top; slot; slot = slot->next)
        pool->driver.close(pool->driver.user, slot->connection);
    pool_free(pool);
}

/* ---- numbers ------------------------------------------------------------------------------ */

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int64_t p95_us(uint32_t *waits, uint32_t count)
{
    if (count == 0)
        return 0;
    qsort(waits, count, sizeof(*waits), compare_u32);
    return waits[((size_t)count * 95 + 99) / 100 - 1];
}

static int64_t oldest_lent_ms(const perfopt__pool *pool, int64_t now_ns)
{
    int64_t oldest_ns = now_ns;
    for (uint32_t i = 0; i < pool->max_total; i++) {
        const perfopt__slot *slot = &pool->slots[i];
        if (slot->state == PERFOPT__SLOT_LENT && slot->lent_ns < oldest_ns)
            oldest_ns = slot->lent_ns;
    }
    return (now_ns - oldest_ns) / 1000000;
}

void perfopt__pool_get_stats(perfopt__pool *pool, perfopt__pool_stats *out)
{
    uint32_t waits[PERFOPT__POOL_WAITS];
    int64_t now_ns = perfopt__now_ns();
    pthread_mutex_lock(&pool->lock);
    *out = (perfopt__pool_stats){
        .up = pool->up,
        .since_ms = pool->since_ms,
        .total = pool->idle + pool->in_use + pool->connecting,
        .in_use = pool->in_use,
        .idle = pool->idle,
        .waiting = pool->waiting,
        .acquires = pool->acquires,
        .acquire_timeouts = pool->acquire_timeouts,
        .acquire_waits = pool->acquire_waits,
        .oldest_holder_ms = oldest_lent_ms(pool, now_ns),
        .connects = pool->connects,
        .connect_errors = pool->connect_errors,
        .closed_broken = pool->closed_broken,
        .closed_dirty = pool->closed_dirty,
        .recycled = pool->recycled,
    };
    if (!pool->up)
        memcpy(out->error, pool->error, sizeof(out->error));
    uint32_t count = pool->waits_count;
    memcpy(waits, pool->waits_us, count * sizeof(waits[0]));
    pthread_mutex_unlock(&pool->lock);
    out->acquire_wait_p95_us = p95_us(waits, count);
}

void perfopt__pool_reset_stats(perfopt__pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->acquires = pool->acquire_timeouts = pool->acquire_waits = 0;
    pool->connects = pool->connect_errors = 0;
    pool->closed_broken = pool->closed_dirty = pool->recycled = 0;
    pool->waits_next = pool->waits_count = 0;
    pthread_mutex_unlock(&pool->lock);
}

static bool counts_hold(const perfopt__pool *pool)
{
    uint32_t states[4] = {0};
    for (uint32_t i = 0; i < pool->max_total; i++)
        states[pool->slots[i].state]++;
    uint32_t listed_free = 0, listed_idle = 0, listed_waiting = 0;
    for (const perfopt__slot *s = pool->free_slots; s; s = s->next)
        listed_free += s->state == PERFOPT__SLOT_FREE && !s->connection;
    for (const perfopt__slot *s = pool->idle_top; s; s = s->next)
        listed_idle += s->state == PERFOPT__SLOT_IDLE && s->connection;
    for (const perfopt__waiter *w = pool->first_waiter; w; w = w->next)
        listed_waiting++;
    return listed_free == states[PERFOPT__SLOT_FREE] && listed_idle == pool->idle &&
           listed_waiting == pool->waiting && states[PERFOPT__SLOT_IDLE] == pool->idle &&
           states[PERFOPT__SLOT_LENT] == pool->in_use &&
           states[PERFOPT__SLOT_CONNECTING] == pool->connecting;
}

bool perfopt__pool_check(perfopt__pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool good = counts_hold(pool) && !(pool->idle && pool->waiting);
    pthread_mutex_unlock(&pool->lock);
    return good;
}
