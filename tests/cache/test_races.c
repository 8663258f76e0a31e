/*
 * test_races.c - threads against the one rule: what was computed or read before an invalidation is
 * never read after it has returned.
 *
 * A "database" holds one number per key. A writer raises the number and then invalidates; as soon
 * as that has returned, it publishes the number as the least that may be read. Readers note that
 * least number, read through the cache, and must not get a smaller one.
 */
#include "base/error.h"
#include "helpers.h"
#include "support/redis_server.h"

#include <pthread.h>
#include <stdatomic.h>

#define KEYS    8
#define READERS 6
#define WRITERS 2
#define RUN_MS  1500

typedef struct arena {
    perfopt_cache *cache;
    _Atomic uint64_t database[KEYS];
    _Atomic uint64_t least[KEYS];
    atomic_bool stop;
    _Atomic uint64_t reads;
    _Atomic uint64_t stale;
    _Atomic uint64_t errors;
    unsigned key_index;
} arena;

typedef struct source {
    arena *arena;
    int key;
} source;

static perfopt_status load(void *user, perfopt_bytes **out, perfopt_store_options *store,
                           perfopt_error *err)
{
    const source *s = user;
    (void)err;
    char text[32];
    uint64_t number = atomic_load(&s->arena->database[s->key]);
    /* A loader that takes a while meets more invalidations. */
    if (number % 3 == 0)
        pause_ms(1);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    store->tags = s->key % 2 ? "odd" : "even";
    return perfopt_bytes_create(text, strlen(text), out);
}

static perfopt_status read_one(arena *a, int key, bool compute, perfopt_bytes **value)
{
    char name[16];
    int length = snprintf(name, sizeof(name), "key:%d", key);
    source s = {a, key};
    if (!compute)
        return perfopt_cache_get(a->cache, name, (size_t)length, value);
    return perfopt_cache_get_or_compute(a->cache, name, (size_t)length, NULL, load, &s, value,
                                        NULL);
}

static void *read_all(void *user)
{
    arena *a = user;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    while (!atomic_load(&a->stop)) {
        int key = rand_r(&seed) % KEYS;
        perfopt_bytes *value = NULL;
        uint64_t least = atomic_load(&a->least[key]);
        perfopt_status status = read_one(a, key, rand_r(&seed) % 3 > 0, &value);
        if (status == PERFOPT_OK) {
            if (strtoull(perfopt_bytes_data(value), NULL, 10) < least)
                atomic_fetch_add(&a->stale, 1);
            atomic_fetch_add(&a->reads, 1);
            perfopt_bytes_release(value);
        } else if (status != PERFOPT_ENOTFOUND) {
            atomic_fetch_add(&a->errors, 1);
        }
    }
    return NULL;
}

/* Raises the database and invalidates the key in one of the ways there are. */
static void invalidate(arena *a, int key, int way)
{
    char name[16];
    snprintf(name, sizeof(name), "key:%d", key);
    switch (way) {
    case 0:
        perfopt_cache_invalidate_tag(a->cache, key % 2 ? "odd" : "even", NULL);
        break;
    case 1:
        perfopt_cache_clear(a->cache, NULL);
        break;
    case 2:
        snprintf(name, sizeof(name), "k?y:%d*", key);
        perfopt_cache_invalidate_pattern(a->cache, name, false, NULL, NULL);
        break;
    default:
        del(a->cache, name);
        break;
    }
}

/* Each writer has its own keys, so that `least` rises in order. */
static void *write_all(void *user)
{
    arena *a = user;
    static atomic_uint next;
    unsigned writer = atomic_fetch_add(&next, 1) % WRITERS;
    unsigned seed = writer + 1;
    while (!atomic_load(&a->stop)) {
        int key = (int)(writer + (unsigned)rand_r(&seed) % (KEYS / WRITERS) * WRITERS);
        uint64_t number = atomic_fetch_add(&a->database[key], 1) + 1;
        int roll = rand_r(&seed) % 20;
        invalidate(a, key, roll < 4 ? 0 : roll == 4 ? 1 : roll < 8 ? 2 : 3);
        atomic_store(&a->least[key], number);
        if (roll == 19)
            pause_ms(1);
    }
    return NULL;
}

static void run(arena *a)
{
    pthread_t threads[READERS + WRITERS];
    for (size_t i = 0; i < READERS + WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < READERS ? read_all : write_all, a),
                         0);
    pause_ms(RUN_MS);
    atomic_store(&a->stop, true);
    for (size_t i = 0; i < READERS + WRITERS; i++)
        pthread_join(threads[i], NULL);
    perfopt_cache_stats stats = stats_of(a->cache);
    print_message("reads %llu, L1 %llu, L2 %llu, loads %llu, waits %llu, discarded %llu\n",
                  (unsigned long long)a->reads, (unsigned long long)stats.hits_l1,
                  (unsigned long long)stats.hits_l2, (unsigned long long)stats.loads,
                  (unsigned long long)stats.load_waits, (unsigned long long)stats.discarded);
    assert_true(a->reads > 500);
    assert_int_equal(a->errors, 0);
    assert_int_equal(a->stale, 0);
}

static void test_in_process(void **state)
{
    (void)state;
    arena a = {.cache = make_cache(NULL)};
    run(&a);
    perfopt_cache_destroy(a.cache);
}

/* L1 is nearly always empty here, so reads race through Redis. */
static void test_through_redis(void **state)
{
    (void)state;
    test_redis *redis = test_redis_start(NULL);
    arena a = {
        .cache = make_cache(
            PERFOPT_CACHE_OPTIONS(.redis = PERFOPT_REDIS_OPTIONS(.url = test_redis_url(redis),
                                                                 .command_timeout_ms = 5000)))};
    run(&a);
    assert_true(stats_of(a.cache).hits_l2 > 0);
    perfopt_cache_destroy(a.cache);
    test_redis_destroy(redis);
}

/* Overwrites instead of invalidations: a load that began before a set() must not hide it. */
static void *overwrite_all(void *user)
{
    arena *a = user;
    for (uint64_t number = 1; !atomic_load(&a->stop); number++) {
        char text[32];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
        atomic_store(&a->database[0], number);
        set(a->cache, "key:0", text, PERFOPT_STORE_OPTIONS(.tags = "even"));
        atomic_store(&a->least[0], number);
    }
    return NULL;
}

static void *read_first(void *user)
{
    arena *a = user;
    for (unsigned i = 0; !atomic_load(&a->stop); i++) {
        perfopt_bytes *value = NULL;
        uint64_t least = atomic_load(&a->least[0]);
        if (i % 5 == 0)
            perfopt_cache_invalidate_tag(a->cache, "even", NULL);
        if (read_one(a, 0, i % 2, &value) == PERFOPT_OK) {
            if (strtoull(perfopt_bytes_data(value), NULL, 10) < least)
                atomic_fetch_add(&a->stale, 1);
            atomic_fetch_add(&a->reads, 1);
            perfopt_bytes_release(value);
        }
    }
    return NULL;
}

/* `strict`: no read may be older than the last set() that returned. */
static void run_overwrites(perfopt_cache *cache, bool strict)
{
    arena a = {.cache = cache};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i == 0 ? overwrite_all : read_first, &a),
                         0);
    pause_ms(RUN_MS);
    atomic_store(&a.stop, true);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(a.reads > 100);
    if (strict)
        assert_int_equal(a.stale, 0);
    print_message("overwrites: reads %llu, stale %llu\n", (unsigned long long)a.reads,
                  (unsigned long long)a.stale);
    /* In the end there is the last value, or none. */
    const char *text = value_of(cache, "key:0");
    if (strcmp(text, "(none)") != 0)
        assert_true(strtoull(text, NULL, 10) == a.least[0]);
    perfopt_cache_destroy(cache);
}

static void test_overwrites(void **state)
{
    (void)state;
    run_overwrites(make_cache(NULL), true);
    test_redis *redis = test_redis_start(NULL);
    run_overwrites(
        make_cache(
            PERFOPT_CACHE_OPTIONS(.redis = PERFOPT_REDIS_OPTIONS(.url = test_redis_url(redis),
                                                                 .command_timeout_ms = 5000))),
        false);
    test_redis_destroy(redis);
}

/* Many threads, few keys, a small budget: eviction, expiry and statistics under the sanitizers. */
static void *churn(void *user)
{
    arena *a = user;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    while (!atomic_load(&a->stop)) {
        char key[32];
        perfopt_bytes *value = NULL;
        perfopt_cache_group groups[20];
        snprintf(key, sizeof(key), "g%d:%d", rand_r(&seed) % 30, rand_r(&seed) % 400);
        switch (rand_r(&seed) % 40) {
        case 0:
            perfopt_cache_get_groups(a->cache, groups, 20);
            break;
        case 1:
            stats_of(a->cache);
            break;
        case 2:
            del(a->cache, key);
            break;
        case 3:
            perfopt_cache_invalidate_pattern(a->cache, "g1:*", false, NULL, NULL);
            break;
        default:
            if (get(a->cache, key, &value) == PERFOPT_OK)
                perfopt_bytes_release(value);
            else
                set(a->cache, key, "some text that takes room",
                    PERFOPT_STORE_OPTIONS(.ttl_ms = 1 + rand_r(&seed) % 50));
            break;
        }
        atomic_fetch_add_explicit(&a->reads, 1, memory_order_relaxed);
    }
    return NULL;
}

static void test_churn(void **state)
{
    (void)state;
    arena a = {.cache = make_cache(PERFOPT_CACHE_OPTIONS(.max_bytes = 256 << 10, .shards = 2))};
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &a), 0);
    pause_ms(RUN_MS);
    atomic_store(&a.stop, true);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    perfopt_cache_stats stats = stats_of(a.cache);
    assert_true(stats.bytes <= 256 << 10);
    assert_true(a.reads > 1000 && stats.expirations > 0);
    perfopt_cache_invalidate_pattern(a.cache, "*", false, NULL, NULL);
    pause_ms(60);
    perfopt_cache_clear(a.cache, NULL);
    assert_int_equal(stats_of(a.cache).entries, 0);
    perfopt_cache_destroy(a.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_process),
        cmocka_unit_test(test_through_redis),
        cmocka_unit_test(test_overwrites),
        cmocka_unit_test(test_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
