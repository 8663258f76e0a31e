/*
 * helpers.h - shorthand for the cache's tests: keys and values as C strings.
 */
#ifndef PERFOPT_TESTS_CACHE_HELPERS_H
#define PERFOPT_TESTS_CACHE_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above. */
#include <cmocka.h>
#include <perfopt/cache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

static UNUSED perfopt_status set(perfopt_cache *cache, const char *key, const char *value,
                                 const perfopt_store_options *options)
{
    return perfopt_cache_set(cache, key, strlen(key), value, strlen(value), options);
}

static UNUSED perfopt_status del(perfopt_cache *cache, const char *key)
{
    return perfopt_cache_delete(cache, key, strlen(key));
}

static UNUSED perfopt_status get(perfopt_cache *cache, const char *key, perfopt_bytes **out)
{
    return perfopt_cache_get(cache, key, strlen(key), out);
}

/* The value, or "(none)", "(absent)", "(error)"; lives until the next call in this thread. */
static UNUSED const char *value_of(perfopt_cache *cache, const char *key)
{
    static _Thread_local char text[256];
    perfopt_bytes *value = NULL;
    perfopt_status status = get(cache, key, &value);
    if (status == PERFOPT_OK)
        snprintf(text, sizeof(text), "%s", perfopt_bytes_data(value));
    else
        snprintf(text, sizeof(text), "%s",
                 status == PERFOPT_ENOTFOUND ? "(none)"
                 : status == PERFOPT_EABSENT ? "(absent)"
                                             : "(error)");
    perfopt_bytes_release(value);
    return text;
}

#define assert_value(cache, key, expected) assert_string_equal(value_of(cache, key), expected)

static UNUSED perfopt_cache_stats stats_of(perfopt_cache *cache)
{
    perfopt_cache_stats stats;
    perfopt_cache_get_stats(cache, &stats);
    return stats;
}

static UNUSED perfopt_cache *make_cache(const perfopt_cache_options *options)
{
    perfopt_cache *cache = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt_cache_create(options, &cache, &err);
    if (status != PERFOPT_OK)
        fail_msg("perfopt_cache_create: %s", err.message);
    return cache;
}

/* A cache over a Redis at a URL, with small timeouts and no jitter. */
static UNUSED perfopt_cache *redis_cache(const char *url)
{
    return make_cache(
        PERFOPT_CACHE_OPTIONS(.jitter_percent = UINT32_MAX,
                              .redis = PERFOPT_REDIS_OPTIONS(.url = url, .breaker_open_ms = 200)));
}

static UNUSED int64_t real_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static UNUSED void pause_ms(long ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

/* Waits until a condition holds, at most ten seconds: for other threads and processes, not for
 * expiry. */
#define wait_until(condition)                          \
    do {                                               \
        int64_t wait_limit = real_ms() + 10000;        \
        while (!(condition) && real_ms() < wait_limit) \
            pause_ms(5);                               \
        assert_true(condition);                        \
    } while (0)

#endif
