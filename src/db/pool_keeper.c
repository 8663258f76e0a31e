/*
 * pool_keeper.c - the pool's own thread: it opens connections when somebody waits (and keeps one
 * even when nobody does, so that "up" is true), notices dead ones, retires old ones, and after a
 * failure tries again with growing pauses.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "db/pool_internal.h"
#include "db/wait.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define FIRST_PAUSE_NS (10 * (int64_t)1000000)
#define LAST_PAUSE_NS  (5000 * (int64_t)1000000)
#define TICK_NS        (1000 * (int64_t)1000000)

/* ---- up and down -------------------------------------------------------------------------- */

bool perfopt__pool_unreachable(const perfopt__pool *pool)
{
    return pool->failures > 0 && pool->idle + pool->in_use == 0;
}

static void set_up(perfopt__pool *pool, bool up)
{
    if (pool->up == up)
        return;
    pool->up = up;
    pool->since_ms = perfopt__wall_ms();
}

void perfopt__pool_report(perfopt__pool *pool)
{
    if (pool->up == pool->reported_up)
        return;
    bool up = pool->reported_up = pool->up;
    char error[sizeof(pool->error)];
    memcpy(error, pool->error, sizeof(error));
    pthread_mutex_unlock(&pool->lock);
    if (up)
        perfopt__log(PERFOPT_LOG_INFO, "db", "the database is reachable");
    else
        perfopt__log(PERFOPT_LOG_WARN, "db", "the database is unavailable: %s", error);
    pthread_mutex_lock(&pool->lock);
}

/* Lock held: nobody can help the waiters any more, so they learn it now and not at their deadline.
 */
static void give_up(perfopt__pool *pool)
{
    if (!perfopt__pool_unreachable(pool))
        return;
    set_up(pool, false);
    perfopt__pool_fail_waiters(pool, PERFOPT_EUNAVAILABLE);
}

static int64_t pause_ns(uint32_t failures)
{
    int64_t pause = FIRST_PAUSE_NS << (failures < 10 ? failures - 1 : 9);
    return pause < LAST_PAUSE_NS ? pause : LAST_PAUSE_NS;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* Up to a quarter shorter (as HikariCP does), so that connections that were opened together do not
 * end together. */
static int64_t lifetime_ns(const perfopt__pool *pool)
{
    int64_t whole = pool->settings.recycle_ns;
    return whole - (int64_t)perfopt__random_below((uint64_t)whole / 4 + 1);
}

static void opened(perfopt__pool *pool, perfopt__slot *slot, void *connection)
{
    int64_t now_ns = perfopt__now_ns();
    slot->connection = connection;
    slot->expires_ns = now_ns + lifetime_ns(pool);
    pool->connects++;
    pool->failures = 0;
    pool->next_try_ns = 0;
    pool->error[0] = '\0';
    set_up(pool, true);
    perfopt__pool_put(pool, slot, now_ns);
}

static void not_opened(perfopt__pool *pool, perfopt__slot *slot, int64_t began_ns,
                       const perfopt_error *why)
{
    perfopt__pool_push_free(pool, slot);
    if (pool->closing)
        return;
    pool->connect_errors++;
    pool->failures += pool->failures < UINT32_MAX;
    pool->last_try_ns = began_ns;
    pool->next_try_ns = perfopt__now_ns() + pause_ns(pool->failures);
    snprintf(pool->error, sizeof(pool->error), "%.*s", (int)sizeof(pool->error) - 1, why->message);
    give_up(pool);
}

void perfopt__pool_connect(perfopt__pool *pool)
{
    perfopt__slot *slot = pool->free_slots;
    pool->free_slots = slot->next;
    *slot = (perfopt__slot){.state = PERFOPT__SLOT_CONNECTING};
    pool->connecting++;
    pthread_mutex_unlock(&pool->lock);

    perfopt_error why = PERFOPT_ERROR_INIT;
    void *connection = NULL;
    int64_t began_ns = perfopt__now_ns();
    perfopt_status status = pool->driver.open(pool->driver.user, &pool->closing, &connection, &why);

    pthread_mutex_lock(&pool->lock);
    pool->connecting--;
    if (status == PERFOPT_OK)
        opened(pool, slot, connection);
    else
        not_opened(pool, slot, began_ns, &why);
}

/* Lock held. Asked anew before each connect: a demand that has vanished opens nothing. */
static bool wants_connection(const perfopt__pool *pool, int64_t now_ns)
{
    uint32_t total = pool->idle + pool->in_use + pool->connecting;
    if (total >= pool->max_total || now_ns < pool->next_try_ns)
        return false;
    return pool->waiting > pool->connecting || total == 0;
}

/* ---- closing ------------------------------------------------------------------------------ */

static void count_closed(perfopt__pool *pool, perfopt__verdict verdict)
{
    pool->closed_broken += verdict == PERFOPT__BROKEN;
    pool->closed_dirty += verdict == PERFOPT__DIRTY;
    pool->recycled += verdict == PERFOPT__EXPIRED;
}

void perfopt__pool_drop(perfopt__pool *pool, perfopt__slot *slot, perfopt__verdict verdict)
{
    pool->driver.close(pool->driver.user, slot->connection);
    pthread_mutex_lock(&pool->lock);
    pool->in_use--;
    perfopt__pool_push_free(pool, slot);
    count_closed(pool, verdict);
    if (verdict == PERFOPT__BROKEN)
        pool->suspect_ns = perfopt__now_ns(); /* the others may be dead too */
    give_up(pool);
    pthread_cond_signal(&pool->keeper_wake);
    pthread_mutex_unlock(&pool->lock);
}

/* Lock held. One connection stays however long it rests. */
static perfopt__verdict judge_idle(perfopt__pool *pool, const perfopt__slot *slot, int64_t now_ns)
{
    if (now_ns >= slot->expires_ns)
        return PERFOPT__EXPIRED;
    if (now_ns - slot->idle_ns >= pool->settings.idle_ns && pool->idle + pool->in_use > 1)
        return PERFOPT__RETIRED;
    if (!pool->driver.peek(pool->driver.user, slot->connection))
        return PERFOPT__BROKEN;
    return PERFOPT__CLEAN;
}

/* Takes one idle connection that has to go off the stack; NULL if there is none. Peeking at them
 * under the lock costs a system call each, once a second. */
static perfopt__slot *take_unwanted(perfopt__pool *pool, int64_t now_ns, perfopt__verdict *verdict)
{
    for (perfopt__slot *slot = pool->idle_bottom; slot; slot = slot->prev) {
        *verdict = judge_idle(pool, slot, now_ns);
        if (*verdict == PERFOPT__CLEAN)
            continue;
        perfopt__pool_unlink_idle(pool, slot);
        perfopt__pool_lend(pool, slot, now_ns);
        return slot;
    }
    return NULL;
}

void perfopt__pool_tick(perfopt__pool *pool, int64_t now_ns)
{
    for (;;) {
        perfopt__verdict verdict;
        pthread_mutex_lock(&pool->lock);
        perfopt__slot *slot = take_unwanted(pool, now_ns, &verdict);
        pthread_mutex_unlock(&pool->lock);
        if (!slot)
            return;
        perfopt__pool_drop(pool, slot, verdict);
    }
}

/* ---- the thread --------------------------------------------------------------------------- */

static void *run(void *user)
{
    perfopt__pool *pool = user;
    int64_t next_tick_ns = perfopt__now_ns() + TICK_NS;
    pthread_mutex_lock(&pool->lock);
    while (!pool->closing) {
        perfopt__pool_report(pool);
        int64_t now_ns = perfopt__now_ns();
        if (wants_connection(pool, now_ns)) {
            perfopt__pool_connect(pool);
        } else if (now_ns >= next_tick_ns) {
            pthread_mutex_unlock(&pool->lock);
            perfopt__pool_tick(pool, now_ns);
            next_tick_ns = now_ns + TICK_NS;
            pthread_mutex_lock(&pool->lock);
        } else {
            bool soon = pool->next_try_ns > now_ns && pool->next_try_ns < next_tick_ns;
            perfopt__cond_wait(&pool->keeper_wake, &pool->lock,
                               soon ? pool->next_try_ns : next_tick_ns);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

perfopt_status perfopt__pool_keeper_start(perfopt__pool *pool, perfopt_error *err)
{
    /* The host's signals are the host's: its handlers must not run on this thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&pool->keeper, NULL, run, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return perfopt__error_os(err, PERFOPT_EFAILED, failure, "cannot start the pool's thread");
    pool->keeper_runs = true;
    return PERFOPT_OK;
}

void perfopt__pool_keeper_join(perfopt__pool *pool)
{
    if (pool->keeper_runs)
        pthread_join(pool->keeper, NULL);
}
