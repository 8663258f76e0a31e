/*
 * client.c - the set of connections, the state of the link, and the circuit breaker.
 *
 *            connection refused, or breaker_errors failures in a row
 *     UP  ───────────────────────────────────────────────────────────>  DOWN
 *      ^                                                                  │
 *      └── one connection opened and PING answered in time <── backoff or breaker_open_ms
 *
 * Callers use open connections only; the background thread (perfopt__redis_maintain) is the one who
 * connects, so a Redis that is known to be down costs callers one relaxed load. While the link is
 * down that thread's attempt is the half-open trial of the breaker. A connection with a failure is
 * closed and never reused.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "cache/redis/redis_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LATENCIES      256u
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define IDLE_MS        1000

typedef enum place_state { CLOSED = 0, OPENING, FREE, BUSY } place_state;

typedef struct place {
    perfopt__connection connection;
    place_state state;
    uint64_t link; /* the link's number when it was opened: other links' connections are closed */
} place;

struct perfopt__redis {
    perfopt__redis_settings settings;
    void (*wake)(void *user);
    void *wake_user;
    pthread_mutex_t lock;   /* all below */
    pthread_cond_t changed; /* a connection became free, or the link changed */
    place *places;
    unsigned open; /* FREE and BUSY */
    uint64_t link; /* counts the times the link went up */
    bool attempted;
    bool reported_down; /* the log has been told */
    bool breaker_open;
    unsigned failures_in_row; /* of calls */
    unsigned attempts;        /* to connect, since the link went down */
    int64_t next_attempt_ms;
    int64_t since_ms; /* wall */
    char error[128];
    uint32_t latency_us[LATENCIES];
    uint32_t latency_count;
    atomic_bool up;
    _Atomic uint64_t calls;
    _Atomic uint64_t errors;
    _Atomic uint64_t reconnects;
};

/* ---- life ----------------------------------------------------------------------------------- */

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

perfopt_status perfopt__redis_create(const perfopt_redis_options *options, void (*wake)(void *user),
                                     void *wake_user, perfopt__redis **out, perfopt_error *err)
{
    perfopt__redis *redis = perfopt__calloc(1, sizeof(*redis));
    if (!redis)
        return perfopt__error_nomem(err);
    perfopt_status status = perfopt__redis_settings_read(options, &redis->settings, err);
    if (status == PERFOPT_OK) {
        redis->places = perfopt__calloc(redis->settings.connections, sizeof(*redis->places));
        if (!redis->places)
            status = perfopt__error_nomem(err);
    }
    if (status != PERFOPT_OK || !redis->places) {
        perfopt__redis_settings_finish(&redis->settings);
        perfopt__free(redis);
        return status;
    }
    for (unsigned i = 0; i < redis->settings.connections; i++)
        redis->places[i].connection.fd = -1;
    redis->wake = wake;
    redis->wake_user = wake_user;
    redis->since_ms = perfopt__wall_ms();
    pthread_mutex_init(&redis->lock, NULL);
    init_condition(&redis->changed);
    *out = redis;
    return PERFOPT_OK;
}

void perfopt__redis_destroy(perfopt__redis *redis)
{
    if (!redis)
        return;
    for (unsigned i = 0; i < redis->settings.connections; i++)
        perfopt__connection_close(&redis->places[i].connection);
    pthread_cond_destroy(&redis->changed);
    pthread_mutex_destroy(&redis->lock);
    perfopt__redis_settings_finish(&redis->settings);
    perfopt__free(redis->places);
    perfopt__free(redis);
}

const perfopt__redis_settings *perfopt__redis_settings_of(const perfopt__redis *redis)
{
    return &redis->settings;
}

bool perfopt__redis_up(const perfopt__redis *redis)
{
    return atomic_load_explicit(&redis->up, memory_order_relaxed);
}

/* ---- the link's state; the lock is held ----------------------------------------------------- */

static void close_place(perfopt__redis *redis, place *p)
{
    if (p->state == FREE || p->state == BUSY)
        redis->open--;
    perfopt__connection_close(&p->connection);
    p->state = CLOSED;
}

static int64_t backoff_ms(unsigned attempts)
{
    int64_t ms = BACKOFF_MIN_MS << (attempts < 6 ? attempts : 6);
    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    return ms - ms / 4 + (int64_t)perfopt__random_below((uint64_t)ms / 2);
}

/* True if the log is to be told. */
static bool go_down(perfopt__redis *redis, const char *error, int64_t pause_ms)
{
    if (atomic_load(&redis->up) || redis->since_ms == 0)
        redis->since_ms = perfopt__wall_ms();
    atomic_store(&redis->up, false);
    redis->next_attempt_ms = perfopt__redis_clock_ms() + pause_ms;
    snprintf(redis->error, sizeof(redis->error), "%s", error);
    for (unsigned i = 0; i < redis->settings.connections; i++) {
        if (redis->places[i].state == FREE)
            close_place(redis, &redis->places[i]);
    }
    pthread_cond_broadcast(&redis->changed);
    bool report = !redis->reported_down;
    redis->reported_down = true;
    return report;
}

static void go_up(perfopt__redis *redis)
{
    if (redis->link > 0)
        atomic_fetch_add(&redis->reconnects, 1);
    redis->link++;
    redis->attempts = 0;
    redis->failures_in_row = 0;
    redis->breaker_open = false;
    redis->reported_down = false;
    redis->error[0] = '\0';
    redis->since_ms = perfopt__wall_ms();
    atomic_store(&redis->up, true);
}

static void log_down(const perfopt__redis *redis, const char *error)
{
    perfopt__log(PERFOPT_LOG_WARN, "cache", "%s; working in-process until it is back", error);
    (void)redis;
}

/* ---- connecting: the background thread ------------------------------------------------------ */

static place *take_closed(perfopt__redis *redis)
{
    for (unsigned i = 0; i < redis->settings.connections; i++) {
        if (redis->places[i].state == CLOSED) {
            redis->places[i].state = OPENING;
            return &redis->places[i];
        }
    }
    return NULL;
}

/* One more connection could not be had; the link is down if none is left. True if the log is to be
 * told. */
static bool connect_failed(perfopt__redis *redis, const char *error)
{
    int64_t pause_ms = backoff_ms(redis->attempts++);
    for (unsigned i = 0; i < redis->settings.connections; i++) {
        place *p = &redis->places[i];
        if (p->state == FREE && !perfopt__connection_is_clean(&p->connection))
            close_place(redis, p);
    }
    if (redis->open == 0)
        return go_down(redis, error, pause_ms);
    redis->next_attempt_ms = perfopt__redis_clock_ms() + pause_ms;
    return false;
}

/* Opens one connection; false if there was none to open or it failed. */
static bool open_one(perfopt__redis *redis)
{
    pthread_mutex_lock(&redis->lock);
    bool early = perfopt__redis_clock_ms() < redis->next_attempt_ms;
    place *p = early ? NULL : take_closed(redis);
    pthread_mutex_unlock(&redis->lock);
    if (!p)
        return false;

    perfopt_error error = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt__connection_open(&p->connection, &redis->settings, &error);

    bool report_up = false;
    bool report_down = false;
    pthread_mutex_lock(&redis->lock);
    p->state = status == PERFOPT_OK ? FREE : CLOSED;
    if (status == PERFOPT_OK) {
        redis->open++;
        report_up = !atomic_load(&redis->up);
        if (report_up)
            go_up(redis);
        p->link = redis->link;
        redis->next_attempt_ms = 0;
    } else {
        report_down = connect_failed(redis, error.message);
    }
    bool first = report_up && redis->link == 1;
    redis->attempted = true;
    pthread_cond_broadcast(&redis->changed);
    pthread_mutex_unlock(&redis->lock);

    if (report_down)
        log_down(redis, error.message);
    if (report_up)
        perfopt__log(first ? PERFOPT_LOG_DEBUG : PERFOPT_LOG_INFO, "cache", "Redis at %s: %s",
                     redis->settings.where, first ? "connected" : "back again");
    return status == PERFOPT_OK;
}

int64_t perfopt__redis_maintain(perfopt__redis *redis)
{
    while (open_one(redis)) {}
    pthread_mutex_lock(&redis->lock);
    int64_t wait = IDLE_MS;
    if (redis->next_attempt_ms > 0)
        wait = redis->next_attempt_ms - perfopt__redis_clock_ms();
    pthread_mutex_unlock(&redis->lock);
    return wait < 1 ? 1 : wait;
}

static struct timespec until(int64_t clock_ms)
{
    return (struct timespec){clock_ms / 1000, (clock_ms % 1000) * 1000000};
}

void perfopt__redis_wait_first(perfopt__redis *redis)
{
    /* Name resolution and the trial PING come on top of connecting: the bound holds for all. */
    struct timespec limit = until(perfopt__redis_clock_ms() + redis->settings.connect_timeout_ms);
    pthread_mutex_lock(&redis->lock);
    while (!redis->attempted) {
        if (pthread_cond_timedwait(&redis->changed, &redis->lock, &limit) != 0)
            break;
    }
    pthread_mutex_unlock(&redis->lock);
}

/* ---- calling -------------------------------------------------------------------------------- */

/* The connection used last, so that spare ones stay spare. */
static place *take_free(perfopt__redis *redis)
{
    for (unsigned i = 0; i < redis->settings.connections; i++) {
        place *p = &redis->places[i];
        if (p->state != FREE)
            continue;
        if (p->link == redis->link && perfopt__connection_is_clean(&p->connection)) {
            p->state = BUSY;
            return p;
        }
        close_place(redis, p);
        redis->wake(redis->wake_user);
    }
    return NULL;
}

static place *acquire(perfopt__redis *redis, int64_t deadline_ms)
{
    struct timespec limit = until(deadline_ms);
    place *p = NULL;
    pthread_mutex_lock(&redis->lock);
    while (atomic_load(&redis->up)) {
        p = take_free(redis);
        /* With none in use either, one comes back only when the background thread opens it. */
        if (p || redis->open == 0)
            break;
        if (pthread_cond_timedwait(&redis->changed, &redis->lock, &limit) != 0)
            break;
    }
    pthread_mutex_unlock(&redis->lock);
    return p;
}

static void record_latency(perfopt__redis *redis, int64_t took_us)
{
    redis->latency_us[redis->latency_count++ % LATENCIES] =
        took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us;
}

static void give_back(perfopt__redis *redis, place *p)
{
    if (p->link == redis->link && atomic_load(&redis->up))
        p->state = FREE;
    else
        close_place(redis, p);
    pthread_cond_signal(&redis->changed);
}

static void succeeded(perfopt__redis *redis, place *p, int64_t took_us)
{
    pthread_mutex_lock(&redis->lock);
    redis->failures_in_row = 0;
    record_latency(redis, took_us);
    give_back(redis, p);
    pthread_mutex_unlock(&redis->lock);
}

static void failed(perfopt__redis *redis, place *p, const perfopt_error *error)
{
    bool report = false;
    atomic_fetch_add(&redis->errors, 1);
    pthread_mutex_lock(&redis->lock);
    bool current = p->link == redis->link && atomic_load(&redis->up);
    close_place(redis, p);
    if (current && ++redis->failures_in_row >= redis->settings.breaker_errors) {
        redis->breaker_open = true;
        report = go_down(redis, error->message, redis->settings.breaker_open_ms);
    }
    pthread_cond_signal(&redis->changed);
    pthread_mutex_unlock(&redis->lock);
    if (report)
        log_down(redis, error->message);
    redis->wake(redis->wake_user);
}

perfopt_status perfopt__redis_call(perfopt__redis *redis, const perfopt__strbuf *commands,
                                   redisReply **replies, size_t count, perfopt_error *err)
{
    if (commands->failed)
        return perfopt__error_nomem(err);
    int64_t started_us = perfopt__redis_clock_us();
    int64_t deadline_ms = started_us / 1000 + redis->settings.command_timeout_ms;
    place *p = acquire(redis, deadline_ms);
    if (!p)
        return perfopt__error_from(err, PERFOPT_EUNAVAILABLE, PERFOPT_ORIGIN_REDIS, 0,
                                   redis->settings.where, "Redis at %s: no connection",
                                   redis->settings.where);
    atomic_fetch_add_explicit(&redis->calls, 1, memory_order_relaxed);
    perfopt_error own = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt__connection_call(&p->connection, &redis->settings, commands,
                                                     replies, count, deadline_ms, &own);
    if (status == PERFOPT_OK) {
        succeeded(redis, p, perfopt__redis_clock_us() - started_us);
        return PERFOPT_OK;
    }
    failed(redis, p, &own);
    if (err)
        *err = own;
    return status;
}

perfopt_status perfopt__redis_refused(perfopt__redis *redis, const char *command,
                                      const redisReply *reply, perfopt_error *err)
{
    /* Only the first word: the rest of Redis' text may repeat keys and values. */
    char word[32] = "unexpected reply";
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        size_t n = 0;
        for (; n < 31 && n < reply->len && reply->str[n] >= 'A' && reply->str[n] <= 'Z'; n++)
            word[n] = reply->str[n];
        word[n] = '\0';
    }
    atomic_fetch_add(&redis->errors, 1);
    pthread_mutex_lock(&redis->lock);
    snprintf(redis->error, sizeof(redis->error), "%.60s refused: %s", command, word);
    pthread_mutex_unlock(&redis->lock);
    return perfopt__error_from(err, PERFOPT_EUNAVAILABLE, PERFOPT_ORIGIN_REDIS, REDIS_ERR_OTHER,
                               redis->settings.where, "Redis at %s refused %s: %s",
                               redis->settings.where, command, word);
}

/* ---- statistics ----------------------------------------------------------------------------- */

static int compare_latency(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void perfopt__redis_stats(perfopt__redis *redis, perfopt_cache_stats *out)
{
    uint32_t latency_us[LATENCIES];
    pthread_mutex_lock(&redis->lock);
    out->redis = atomic_load(&redis->up) ? PERFOPT_LINK_UP : PERFOPT_LINK_DOWN;
    out->breaker_open = redis->breaker_open;
    out->redis_since_ms = redis->since_ms;
    snprintf(out->redis_error, sizeof(out->redis_error), "%s", redis->error);
    uint32_t count = redis->latency_count < LATENCIES ? redis->latency_count : LATENCIES;
    memcpy(latency_us, redis->latency_us, count * sizeof(latency_us[0]));
    pthread_mutex_unlock(&redis->lock);
    qsort(latency_us, count, sizeof(latency_us[0]), compare_latency);
    out->redis_rtt_p95_us = count ? latency_us[(count - 1) * 95 / 100] : 0;
    snprintf(out->redis_where, sizeof(out->redis_where), "%s", redis->settings.where);
    out->redis_calls = atomic_load(&redis->calls);
    out->redis_errors = atomic_load(&redis->errors);
    out->redis_reconnects = atomic_load(&redis->reconnects);
}

void perfopt__redis_reset_stats(perfopt__redis *redis)
{
    atomic_store(&redis->calls, 0);
    atomic_store(&redis->errors, 0);
    atomic_store(&redis->reconnects, 0);
    pthread_mutex_lock(&redis->lock);
    redis->latency_count = 0;
    pthread_mutex_unlock(&redis->lock);
}

/* ---- fork ----------------------------------------------------------------------------------- */

void perfopt__redis_before_fork(perfopt__redis *redis)
{
    pthread_mutex_lock(&redis->lock);
}

void perfopt__redis_after_fork(perfopt__redis *redis, bool child)
{
    if (child) {
        /* close() in the child leaves the parent's connection open; nothing is sent. Threads that
         * were using a connection do not exist here. */
        for (unsigned i = 0; i < redis->settings.connections; i++)
            close_place(redis, &redis->places[i]);
        redis->open = 0;
        redis->link = 0;
        redis->attempts = 0;
        redis->next_attempt_ms = 0;
        atomic_store(&redis->up, false);
        init_condition(&redis->changed);
    }
    pthread_mutex_unlock(&redis->lock);
}
