/*
 * background.c - the cache's thread: connects and reconnects, tells Redis what it was not told,
 * reads what other processes have invalidated, and returns the memory of expired entries. It works
 * once a second, and at once when woken.
 */
#include "base/clock.h"
#include "cache/cache_internal.h"

#include <signal.h>
#include <time.h>

#define PERIOD_MS 1000
/* Each second; a shard of a million places is cleaned in four minutes of idleness. */
#define SWEEP_PER_TICK 4096u

int64_t perfopt__monotonic_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void perfopt__cache_tick(perfopt_cache *cache, int64_t now_ms)
{
    perfopt__store_sweep(&cache->store, SWEEP_PER_TICK, now_ms);
}

/* Returns in how many milliseconds Redis wants attention again. */
static int64_t attend_redis(perfopt_cache *cache, bool sync)
{
    if (!cache->redis)
        return PERIOD_MS;
    int64_t wait_ms = perfopt__redis_maintain(cache->redis);
    if (!perfopt__redis_up(cache->redis))
        return wait_ms;
    if (perfopt__recovery_pending(&cache->recovery))
        perfopt__recovery_tell(cache);
    if (sync)
        perfopt__level2_sync(cache);
    return wait_ms < PERIOD_MS ? wait_ms : PERIOD_MS;
}

static void wait_for_work(perfopt__background *background, int64_t wait_ms)
{
    int64_t until_ms = perfopt__monotonic_ms() + (wait_ms < PERIOD_MS ? wait_ms : PERIOD_MS);
    struct timespec limit = {until_ms / 1000, (until_ms % 1000) * 1000000};
    pthread_mutex_lock(&background->lock);
    while (!background->stop && !background->woken) {
        if (pthread_cond_timedwait(&background->wake, &background->lock, &limit) != 0)
            break;
    }
    background->woken = false;
    pthread_mutex_unlock(&background->lock);
}

static bool must_stop(perfopt__background *background)
{
    pthread_mutex_lock(&background->lock);
    bool stop = background->stop;
    pthread_mutex_unlock(&background->lock);
    return stop;
}

static void *run(void *user)
{
    perfopt_cache *cache = user;
    int64_t next_ms = 0;
    while (!must_stop(&cache->background)) {
        int64_t clock_ms = perfopt__monotonic_ms();
        bool due = clock_ms >= next_ms;
        if (due)
            next_ms = clock_ms + PERIOD_MS;
        int64_t wait_ms = attend_redis(cache, due);
        if (due)
            perfopt__cache_tick(cache, perfopt__now_ms());
        int64_t left_ms = next_ms - perfopt__monotonic_ms();
        if (left_ms < wait_ms)
            wait_ms = left_ms;
        wait_for_work(&cache->background, wait_ms < 1 ? 1 : wait_ms);
    }
    return NULL;
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void perfopt__background_init(perfopt_cache *cache)
{
    init_condition(&cache->background.wake);
    pthread_mutex_init(&cache->background.lock, NULL);
}

void perfopt__background_after_fork(perfopt_cache *cache)
{
    init_condition(&cache->background.wake);
    cache->background.woken = false;
    atomic_store(&cache->background.running, false);
}

/* Signals are the host's: none is delivered to the thread. */
static int start_thread(perfopt_cache *cache)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&cache->background.thread, NULL, run, cache);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

perfopt_status perfopt__background_ensure(perfopt_cache *cache)
{
    perfopt__background *background = &cache->background;
    if (atomic_load_explicit(&background->running, memory_order_acquire))
        return PERFOPT_OK;
    pthread_mutex_lock(&background->lock);
    bool running = atomic_load(&background->running);
    if (!running && start_thread(cache) == 0) {
        atomic_store_explicit(&background->running, true, memory_order_release);
        running = true;
    }
    pthread_mutex_unlock(&background->lock);
    return running ? PERFOPT_OK : PERFOPT_EFAILED;
}

void perfopt__background_wake(void *cache)
{
    perfopt__background *background = &((perfopt_cache *)cache)->background;
    pthread_mutex_lock(&background->lock);
    background->woken = true;
    pthread_cond_signal(&background->wake);
    pthread_mutex_unlock(&background->lock);
}

void perfopt__background_finish(perfopt_cache *cache)
{
    perfopt__background *background = &cache->background;
    pthread_mutex_lock(&background->lock);
    background->stop = true;
    pthread_cond_signal(&background->wake);
    pthread_mutex_unlock(&background->lock);
    if (atomic_load(&background->running))
        pthread_join(background->thread, NULL);
    pthread_cond_destroy(&background->wake);
    pthread_mutex_destroy(&background->lock);
}
