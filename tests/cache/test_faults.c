/*
 * test_faults.c - a Redis that stops, hangs, lies, refuses, and comes back; and fork(). The caller
 * must see misses and never an error, a crash, a long wait or a wrong value.
 */
#include "cache/cache_internal.h"
#include "helpers.h"
#include "support/failing_alloc.h"
#include "support/fault_proxy.h"
#include "support/redis_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

static test_redis *redis;

static int start_redis(void **state)
{
    (void)state;
    redis = test_redis_start(NULL);
    return 0;
}

static int stop_redis(void **state)
{
    (void)state;
    test_redis_destroy(redis);
    return 0;
}

static bool is_up(perfopt_cache *cache)
{
    return stats_of(cache).redis == PERFOPT_LINK_UP;
}

/* ---- the log -------------------------------------------------------------------------------- */

static atomic_uint warnings;
static atomic_uint notices;
static atomic_bool secret_seen;

static void count_log(perfopt_log_level level, const char *module, const char *message, void *user)
{
    (void)user;
    if (strcmp(module, "cache") != 0)
        return;
    if (level == PERFOPT_LOG_WARN)
        atomic_fetch_add(&warnings, 1);
    else if (level == PERFOPT_LOG_INFO)
        atomic_fetch_add(&notices, 1);
    if (strstr(message, "s3cret"))
        atomic_store(&secret_seen, true);
}

static int reset_log(void **state)
{
    (void)state;
    atomic_store(&warnings, 0);
    atomic_store(&notices, 0);
    return 0;
}

/* ---- load ----------------------------------------------------------------------------------- */

typedef struct arena {
    perfopt_cache *cache;
    atomic_bool stop;
    _Atomic uint64_t calls;
    _Atomic uint64_t wrong;
    _Atomic int64_t slowest_ms;
} arena;

static void *work(void *user)
{
    arena *a = user;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    while (!atomic_load(&a->stop)) {
        char key[16];
        perfopt_bytes *value = NULL;
        snprintf(key, sizeof(key), "k%d", rand_r(&seed) % 50);
        int64_t started = real_ms();
        if (rand_r(&seed) % 3 == 0 && set(a->cache, key, key, NULL) != PERFOPT_OK)
            atomic_fetch_add(&a->wrong, 1);
        perfopt_status status = get(a->cache, key, &value);
        if (status == PERFOPT_OK && strcmp(perfopt_bytes_data(value), key) != 0)
            atomic_fetch_add(&a->wrong, 1);
        if (status != PERFOPT_OK && status != PERFOPT_ENOTFOUND)
            atomic_fetch_add(&a->wrong, 1);
        perfopt_bytes_release(value);
        if (rand_r(&seed) % 4 == 0)
            del(a->cache, key);
        int64_t took = real_ms() - started;
        if (took > atomic_load(&a->slowest_ms))
            atomic_store(&a->slowest_ms, took);
        atomic_fetch_add(&a->calls, 1);
    }
    return NULL;
}

static void under_load(perfopt_cache *cache, void (*trouble)(perfopt_cache *cache))
{
    arena a = {.cache = cache};
    pthread_t threads[6];
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &a), 0);
    wait_until(atomic_load(&a.calls) > 200);
    trouble(cache);
    uint64_t calls = atomic_load(&a.calls);
    wait_until(atomic_load(&a.calls) > calls + 200);
    atomic_store(&a.stop, true);
    for (size_t i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(a.wrong, 0);
    /* Three commands of 200 ms each, and a loaded machine. */
    assert_true(a.slowest_ms < 2500);
    assert_true(is_up(cache));
}

static void restart(perfopt_cache *cache)
{
    test_redis_stop(redis);
    wait_until(!is_up(cache));
    pause_ms(50);
    test_redis_restart(redis);
    wait_until(is_up(cache));
}

static void test_restart_under_load(void **state)
{
    (void)state;
    perfopt_cache *cache = redis_cache(test_redis_url(redis));
    under_load(cache, restart);
    assert_int_equal(atomic_load(&warnings), 1);
    assert_int_equal(atomic_load(&notices), 1);
    assert_true(stats_of(cache).redis_reconnects >= 1);
    perfopt_cache_destroy(cache);
}

static void hang(perfopt_cache *cache)
{
    test_redis_pause(redis);
    wait_until(!is_up(cache));
    assert_true(stats_of(cache).breaker_open);
    pause_ms(300);
    test_redis_resume(redis);
    wait_until(is_up(cache));
}

static void test_hang_under_load(void **state)
{
    (void)state;
    perfopt_cache *cache = make_cache(
        PERFOPT_CACHE_OPTIONS(.redis = PERFOPT_REDIS_OPTIONS(.url = test_redis_url(redis),
                                                             .breaker_errors = 2,
                                                             .breaker_open_ms = 200)));
    under_load(cache, hang);
    assert_false(stats_of(cache).breaker_open);
    assert_int_equal(atomic_load(&warnings), 1);
    assert_int_equal(atomic_load(&notices), 1);
    perfopt_cache_destroy(cache);
}

/* While the link is known to be down, nobody waits for it. */
static void test_down_is_fast(void **state)
{
    (void)state;
    perfopt_cache *cache = redis_cache(test_redis_url(redis));
    test_redis_stop(redis);
    wait_until(!is_up(cache));
    int64_t started = real_ms();
    for (int i = 0; i < 1000; i++) {
        set(cache, "k", "v", NULL);
        assert_value(cache, "k", "v");
        value_of(cache, "none");
    }
    assert_true(real_ms() - started < 1000);
    assert_true(stats_of(cache).redis_error[0] != '\0');
    test_redis_restart(redis);
    wait_until(is_up(cache));
    assert_string_equal(stats_of(cache).redis_error, "");
    perfopt_cache_destroy(cache);
}

static void test_not_there_at_creation(void **state)
{
    (void)state;
    test_redis_stop(redis);
    int64_t started = real_ms();
    perfopt_cache *cache = redis_cache(test_redis_url(redis));
    assert_true(real_ms() - started < 1500);
    assert_int_equal(stats_of(cache).redis, PERFOPT_LINK_DOWN);
    assert_int_equal(set(cache, "k", "v", NULL), PERFOPT_OK);
    assert_value(cache, "k", "v");
    assert_int_equal(perfopt_cache_check_redis(cache, NULL, NULL), PERFOPT_EUNAVAILABLE);
    test_redis_restart(redis);
    wait_until(is_up(cache));
    assert_int_equal(atomic_load(&warnings), 1);
    assert_int_equal(perfopt_cache_check_redis(cache, NULL, NULL), PERFOPT_OK);
    perfopt_cache_destroy(cache);
}

static void test_wrong_password_heals(void **state)
{
    (void)state;
    test_redis *locked = test_redis_start(&(test_redis_options){.password = "other"});
    char url[256];
    snprintf(url, sizeof(url), "unix://:s3cret@%s", test_redis_socket(locked));
    perfopt_cache *cache = redis_cache(url);
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_cache_stats stats = stats_of(cache);
    assert_int_equal(stats.redis, PERFOPT_LINK_DOWN);
    assert_non_null(strstr(stats.redis_error, "AUTH"));
    assert_null(strstr(stats.redis_error, "s3cret"));
    assert_string_equal(stats.redis_where, test_redis_socket(locked));
    assert_int_equal(perfopt_cache_check_redis(cache, NULL, &err), PERFOPT_EAUTH);
    assert_null(strstr(err.message, "s3cret"));
    test_redis_set_password(locked, "s3cret");
    wait_until(is_up(cache));
    set(cache, "k", "v", NULL);
    /* After a restart every setting is applied to the new connections. */
    test_redis_restart(locked);
    wait_until(stats_of(cache).redis_reconnects > 0 || is_up(cache));
    wait_until(set(cache, "k", "v", NULL) == PERFOPT_OK && is_up(cache) &&
               strcmp(test_redis_command(locked, "EXISTS perfopt:kv:k"), "1") == 0);
    assert_false(atomic_load(&secret_seen));
    perfopt_cache_destroy(cache);
    test_redis_destroy(locked);
}

static void test_acl_user(void **state)
{
    (void)state;
    test_redis *acl = test_redis_start(&(test_redis_options){.user = "site", .password = "s3cret"});
    perfopt_cache *cache = redis_cache(test_redis_url(acl));
    assert_true(is_up(cache));
    set(cache, "k", "v", NULL);
    assert_string_equal(test_redis_command(acl, "EXISTS perfopt:kv:k"), "1");
    perfopt_cache_destroy(cache);
    test_redis_destroy(acl);
}

/* ---- the proxy ------------------------------------------------------------------------------ */

typedef struct bench {
    test_proxy *proxy;
    perfopt_cache *cache;
    perfopt_cache *direct; /* another process that has no trouble */
} bench;

static bench make_bench(void)
{
    bench b;
    char url[160];
    b.proxy = test_proxy_start(test_redis_socket(redis));
    snprintf(url, sizeof(url), "unix://%s", test_proxy_socket(b.proxy));
    b.cache = redis_cache(url);
    b.direct = redis_cache(test_redis_url(redis));
    assert_true(is_up(b.cache));
    return b;
}

static void end_bench(bench *b)
{
    perfopt_cache_destroy(b->cache);
    perfopt_cache_destroy(b->direct);
    test_proxy_destroy(b->proxy);
}

/* With the fault on, reads are misses within their time; with it off, all is well again. */
static void assert_fault_is_a_miss(bench *b, test_fault fault, size_t amount)
{
    wait_until(set(b->direct, "k", "v", NULL) == PERFOPT_OK &&
               strcmp(test_redis_command(redis, "EXISTS perfopt:kv:k"), "1") == 0);
    test_proxy_set(b->proxy, fault, amount);
    for (int i = 0; i < 3; i++) {
        int64_t started = real_ms();
        assert_value(b->cache, "k", "(none)");
        assert_true(real_ms() - started < 400);
    }
    test_proxy_set(b->proxy, TEST_FAULT_NONE, 0);
    wait_until(is_up(b->cache) && strcmp(value_of(b->cache, "k"), "v") == 0);
    del(b->cache, "k");
    wait_until(!perfopt__recovery_pending(&b->cache->recovery));
}

static void test_proxy_faults(void **state)
{
    (void)state;
    bench b = make_bench();
    assert_fault_is_a_miss(&b, TEST_FAULT_SWALLOW, 0);
    assert_fault_is_a_miss(&b, TEST_FAULT_DELAY, 400);
    assert_fault_is_a_miss(&b, TEST_FAULT_DRIP, 10); /* each read is quick, the whole is not */
    assert_fault_is_a_miss(&b, TEST_FAULT_CLOSE, 0);
    for (size_t cut = 0; cut < 90; cut += 7)
        assert_fault_is_a_miss(&b, TEST_FAULT_CUT, cut);
    end_bench(&b);
}

static void test_proxy_garbage(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "garbage\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "$536870912\r\nxxxx", /* 512 MiB announced */
        "$9223372036854775807\r\nx",
        "*2147483647\r\n",
        "*-2\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        "*0\r\n*1\r\n:5\r\n",
        ":99999999999999999999999\r\n",
        "-ERR no\r\n-ERR no\r\n",
        "+OK\r\n+OK\r\n",
        "$-1\r\n$-1\r\n",
        "*2\r\n$18\r\ne:0123456789abcdef\r\n$3\r\ninf\r\n*2\r\n$1\r\nx\r\n$1\r\ny\r\n",
        "*2\r\n$1\r\ns\r\n$20\r\n99999999999999999999\r\n*1\r\n$-1\r\n",
        "",
    };
    bench b = make_bench();
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        test_proxy_set_garbage(b.proxy, answers[i], strlen(answers[i]));
        assert_fault_is_a_miss(&b, TEST_FAULT_GARBAGE, 0);
    }
    /* A line that never ends is not collected for ever. */
    char endless[4096];
    memset(endless, '+', sizeof(endless));
    test_proxy_set_garbage(b.proxy, endless, sizeof(endless));
    assert_fault_is_a_miss(&b, TEST_FAULT_GARBAGE, 0);
    end_bench(&b);
}

/* A reply that came too late must not be taken for the answer to the next command. */
static void test_late_reply_is_not_reused(void **state)
{
    (void)state;
    bench b = make_bench();
    char key[16];
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        set(b.direct, key, key, NULL);
    }
    test_proxy_set(b.proxy, TEST_FAULT_DELAY, 150);
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        const char *value = value_of(b.cache, key);
        assert_true(strcmp(value, key) == 0 || strcmp(value, "(none)") == 0);
        if (i == 10)
            test_proxy_set(b.proxy, TEST_FAULT_DELAY, 220);
    }
    end_bench(&b);
}

/* ---- fork ----------------------------------------------------------------------------------- */

/* Redis is reached over connections of its own. */
static UNUSED int use_redis(perfopt_cache *cache)
{
    value_of(cache, "starts the thread");
    for (int i = 0; i < 1000 && !is_up(cache); i++)
        pause_ms(5);
    if (!is_up(cache))
        return 3;
    set(cache, "from child", "c", NULL);
    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof(key), "c%d", i);
        set(cache, key, key, PERFOPT_STORE_OPTIONS(.l1 = PERFOPT_OFF));
        if (strcmp(value_of(cache, key), key) != 0)
            return 4;
    }
    return 0;
}

static int child(perfopt_cache *cache)
{
    int result = 0;
    /* L1 came along, the parent's connections did not. */
    if (strcmp(value_of(cache, "k"), "v") != 0)
        return 1;
    if (is_up(cache))
        return 2;
#ifndef __SANITIZE_THREAD__
    /* ThreadSanitizer cannot start a thread after a fork ("dup thread with used id"). */
    result = use_redis(cache);
#endif
    perfopt_cache_destroy(cache);
    return result;
}

static void test_fork(void **state)
{
    (void)state;
    perfopt_cache *cache = redis_cache(test_redis_url(redis));
    set(cache, "k", "v", NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(child(cache));
    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof(key), "p%d", i);
        set(cache, key, key, PERFOPT_STORE_OPTIONS(.l1 = PERFOPT_OFF));
        assert_value(cache, key, key);
    }
    int result;
    assert_int_equal(waitpid(pid, &result, 0), pid);
    assert_int_equal(result, 0);
#ifndef __SANITIZE_THREAD__
    assert_value(cache, "from child", "c");
#endif
    assert_true(is_up(cache));
    assert_int_equal(stats_of(cache).redis_errors, 0);
    perfopt_cache_destroy(cache);
}

/* ---- out of memory -------------------------------------------------------------------------- */

static perfopt_status load(void *user, perfopt_bytes **out, perfopt_store_options *store,
                           perfopt_error *err)
{
    (void)user;
    (void)err;
    store->tags = "t";
    return perfopt_bytes_create("loaded", 6, out);
}

/* The functions once over Redis: whatever fails, no value may be wrong. */
static void run_through(perfopt_cache *cache)
{
    char large[3000];
    perfopt_bytes *value = NULL;
    memset(large, 'x', sizeof(large));
    perfopt_status status = perfopt_cache_set(cache, "big", 3, large, sizeof(large),
                                              PERFOPT_STORE_OPTIONS(.tags = "t"));
    assert_true(status == PERFOPT_OK || status == PERFOPT_ENOMEM);
    perfopt_cache_item items[2] = {{"big", 3, NULL, 0}, {"none", 4, NULL, 0}};
    perfopt_cache_get_many(cache, items, 2);
    perfopt_bytes_release(items[0].value);
    if (perfopt_cache_get_or_compute(cache, "c", 1, NULL, load, NULL, &value, NULL) == PERFOPT_OK)
        assert_string_equal(perfopt_bytes_data(value), "loaded");
    perfopt_bytes_release(value);
    perfopt_cache_invalidate_tag(cache, "t", NULL);
    const char *text = value_of(cache, "c");
    assert_true(strcmp(text, "(none)") == 0);
    perfopt_cache_invalidate_pattern(cache, "b*", false, NULL, NULL);
    assert_value(cache, "big", "(none)");
    perfopt_cache_check_redis(cache, NULL, NULL);
    del(cache, "c");
    perfopt_cache_clear(cache, NULL);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    perfopt_cache *cache = redis_cache(test_redis_url(redis));
    unsigned n = 1;
    for (bool failed = true; failed; n++) {
        wait_until(is_up(cache));
        test_alloc_fail(n);
        run_through(cache);
        failed = test_alloc_stop();
        assert_true(n < 1000);
    }
    assert_true(n > 40);
    wait_until(is_up(cache) && !perfopt__recovery_pending(&cache->recovery));
    set(cache, "k", "v", NULL);
    assert_value(cache, "k", "v");
    perfopt_cache_destroy(cache);
    size_t before = test_alloc_live();
    for (n = 1; n < 60; n++) { /* creation over Redis */
        perfopt_cache *created = NULL;
        test_alloc_fail(n);
        perfopt_cache_create(
            PERFOPT_CACHE_OPTIONS(.redis = PERFOPT_REDIS_OPTIONS(.url = test_redis_url(redis))),
            &created, NULL);
        test_alloc_stop();
        perfopt_cache_destroy(created);
        assert_int_equal(test_alloc_live(), before);
    }
}

int main(void)
{
    test_alloc_install();
    perfopt_log_set(PERFOPT_LOG_INFO, count_log, NULL);
#define TEST(name) cmocka_unit_test_setup(name, reset_log)
    const struct CMUnitTest tests[] = {
        TEST(test_restart_under_load),
        TEST(test_hang_under_load),
        TEST(test_down_is_fast),
        TEST(test_not_there_at_creation),
        TEST(test_wrong_password_heals),
        TEST(test_acl_user),
        TEST(test_proxy_faults),
        TEST(test_proxy_garbage),
        TEST(test_late_reply_is_not_reused),
        TEST(test_fork),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
