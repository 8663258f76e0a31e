/*
 * test_redis.c - one cache over a real Redis: what goes there, what comes back, and what does not.
 */
#include "base/bytes.h"
#include "cache/cache_internal.h"
#include "helpers.h"
#include "support/fake_clock.h"
#include "support/redis_server.h"

#include <perfopt/metrics.h>

static test_redis *redis;

static int start_redis(void **state)
{
    (void)state;
    redis = test_redis_start(&(test_redis_options){.tcp = true});
    return 0;
}

static int stop_redis(void **state)
{
    (void)state;
    test_redis_destroy(redis);
    return 0;
}

/* Two caches over one Redis: `a` writes, `b` sees what is in Redis. */
typedef struct pair {
    perfopt_cache *a;
    perfopt_cache *b;
} pair;

static int set_up(void **state)
{
    pair *p = calloc(1, sizeof(*p));
    test_redis_command(redis, "FLUSHALL");
    p->a = redis_cache(test_redis_url(redis));
    p->b = redis_cache(test_redis_url(redis));
    *state = p;
    return stats_of(p->a).redis == PERFOPT_LINK_UP ? 0 : -1;
}

static int tear_down(void **state)
{
    pair *p = *state;
    perfopt_cache_destroy(p->a);
    perfopt_cache_destroy(p->b);
    free(p);
    return 0;
}

static void assert_round_trip(pair *p, const void *key, size_t key_length, const void *data,
                              size_t length)
{
    perfopt_bytes *value = NULL;
    assert_int_equal(perfopt_cache_set(p->a, key, key_length, data, length, NULL), PERFOPT_OK);
    uint64_t before = stats_of(p->b).hits_l2;
    assert_int_equal(perfopt_cache_get(p->b, key, key_length, &value), PERFOPT_OK);
    assert_int_equal(stats_of(p->b).hits_l2, before + 1);
    assert_int_equal(perfopt_bytes_length(value), length);
    assert_memory_equal(perfopt_bytes_data(value), data, length);
    perfopt_bytes_release(value);
    assert_int_equal(perfopt_cache_get(p->b, key, key_length, &value), PERFOPT_OK);
    assert_int_equal(stats_of(p->b).hits_l2, before + 1); /* now in L1 */
    perfopt_bytes_release(value);
}

static void test_round_trips(void **state)
{
    pair *p = *state;
    char long_key[3000];
    memset(long_key, 'k', sizeof(long_key));
    char *large = malloc(3000000);
    for (size_t i = 0; i < 3000000; i++)
        large[i] = (char)(i * i >> 7);
    assert_round_trip(p, "k", 1, "value", 5);
    assert_round_trip(p, "empty", 5, "", 0);
    assert_round_trip(p, "a\0\r\n*b", 6, "x\0\r\n$-1\r\n", 9);
    assert_round_trip(p, long_key, sizeof(long_key), "long", 4);
    assert_round_trip(p, "middle", 6, large, 100000);
    perfopt_bytes *value = NULL;
    assert_int_equal(perfopt_cache_set(p->a, "large", 5, large, 3000000, NULL), PERFOPT_OK);
    assert_int_equal(get(p->b, "large", &value), PERFOPT_OK); /* larger than L1 takes */
    assert_memory_equal(perfopt_bytes_data(value), large, 3000000);
    perfopt_bytes_release(value);
    free(large);
}

static void test_absent_in_redis(void **state)
{
    pair *p = *state;
    perfopt_cache_set_bytes(p->a, "k", 1, NULL, NULL);
    assert_value(p->b, "k", "(absent)");
    assert_value(p->b, "none", "(none)");
    assert_int_equal(stats_of(p->b).absent_hits, 1);
}

static void test_names_and_ttl_in_redis(void **state)
{
    pair *p = *state;
    char long_key[251];
    memset(long_key, 'k', sizeof(long_key));
    set(p->a, "news:1", "v", PERFOPT_STORE_OPTIONS(.ttl_ms = 60000));
    long ttl = atol(test_redis_command(redis, "PTTL perfopt:kv:news:1"));
    assert_true(ttl > 50000 && ttl <= 60000);
    perfopt_cache_set(p->a, long_key, 251, "v", 1, NULL);
    assert_string_equal(test_redis_command(redis, "EXISTS perfopt:kv:%b", long_key, (size_t)251),
                        "0");
    assert_int_equal(strlen(test_redis_command(redis, "KEYS perfopt:h:*")), 10 + 32);
}

static void test_switches(void **state)
{
    pair *p = *state;
    set(p->a, "only1", "v", PERFOPT_STORE_OPTIONS(.l2 = PERFOPT_OFF));
    set(p->a, "only2", "v", PERFOPT_STORE_OPTIONS(.l1 = PERFOPT_OFF));
    assert_value(p->b, "only1", "(none)");
    assert_value(p->b, "only2", "v");
    assert_int_equal(stats_of(p->a).entries, 1);
}

static void test_delete_and_exists(void **state)
{
    pair *p = *state;
    set(p->a, "k", "v", NULL);
    assert_true(perfopt_cache_exists(p->b, "k", 1));
    assert_int_equal(stats_of(p->b).hits_l2 + stats_of(p->b).misses, 0);
    assert_int_equal(del(p->b, "k"), PERFOPT_OK); /* it is only in Redis for b */
    assert_int_equal(del(p->b, "k"), PERFOPT_ENOTFOUND);
    assert_string_equal(test_redis_command(redis, "EXISTS perfopt:kv:k"), "0");
    assert_false(perfopt_cache_exists(p->b, "k", 1));
}

static long calls_of(const char *command)
{
    char pattern[64];
    snprintf(pattern, sizeof(pattern), "cmdstat_%s:calls=", command);
    const char *at = strstr(test_redis_command(redis, "INFO commandstats"), pattern);
    return at ? atol(at + strlen(pattern)) : 0;
}

static void test_many_is_one_round_trip(void **state)
{
    pair *p = *state;
    enum { N = 100 };
    perfopt_cache_item items[N];
    char keys[N][8];
    for (size_t i = 0; i < N; i++) {
        snprintf(keys[i], sizeof(keys[i]), "m:%zu", i);
        items[i] = (perfopt_cache_item){keys[i], strlen(keys[i]), NULL, 0};
        if (i % 10 != 9)
            perfopt_bytes_create(keys[i], strlen(keys[i]), &items[i].value);
    }
    uint64_t calls = stats_of(p->a).redis_calls;
    assert_int_equal(perfopt_cache_set_many(p->a, items, N, NULL), PERFOPT_OK);
    assert_true(stats_of(p->a).redis_calls <= calls + 2); /* the background thread may add one */
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(items[i].status, PERFOPT_OK);
        perfopt_bytes_release(items[i].value);
    }
    value_of(p->b, "m:5"); /* one of them is in L1 already */
    test_redis_command(redis, "CONFIG RESETSTAT");
    assert_int_equal(perfopt_cache_get_many(p->b, items, N), PERFOPT_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(items[i].status, i % 10 != 9 ? PERFOPT_OK : PERFOPT_EABSENT);
        if (items[i].status == PERFOPT_OK)
            assert_string_equal(perfopt_bytes_data(items[i].value), keys[i]);
        perfopt_bytes_release(items[i].value);
    }
    assert_int_equal(calls_of("mget"), 1);
    assert_int_equal(calls_of("get"), 0);
}

static void test_pattern(void **state)
{
    pair *p = *state;
    uint64_t count = 0;
    for (int i = 0; i < 3000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "%s[x]:%d", i % 3 ? "user" : "news", i);
        set(p->a, key, "v", PERFOPT_STORE_OPTIONS(.l1 = i < 30 ? PERFOPT_ON : PERFOPT_OFF));
    }
    test_redis_command(redis, "SET perfopt:kx:news v");
    test_redis_command(redis, "SET other:news[x]:1 v");
    test_redis_command(redis, "CONFIG RESETSTAT");
    assert_int_equal(perfopt_cache_invalidate_pattern(p->a, "news\\[x]:*", true, &count, NULL),
                     PERFOPT_OK);
    assert_int_equal(count, 1000 + 10);
    assert_int_equal(perfopt_cache_invalidate_pattern(p->a, "news\\[x]:*", false, &count, NULL),
                     PERFOPT_OK);
    assert_int_equal(count, 1000 + 10);
    assert_int_equal(calls_of("keys"), 0);
    assert_true(calls_of("scan") >= 6 && calls_of("scan") < 20);
    assert_value(p->a, "news[x]:3", "(none)");
    assert_value(p->b, "news[x]:33", "(none)");
    assert_value(p->b, "user[x]:31", "v");
    assert_string_equal(test_redis_command(redis, "EXISTS perfopt:kx:news other:news[x]:1"), "2");
}

static void test_clear(void **state)
{
    pair *p = *state;
    set(p->a, "k", "v", NULL);
    assert_int_equal(perfopt_cache_clear(p->a, NULL), PERFOPT_OK);
    assert_value(p->a, "k", "(none)");
    assert_value(p->b, "k", "(none)");
    set(p->a, "k", "w", NULL);
    assert_value(p->b, "k", "w");
}

static void test_damaged_value_is_a_miss(void **state)
{
    pair *p = *state;
    set(p->a, "k", "value", NULL);
    test_redis_command(redis, "SETRANGE perfopt:kv:k 55 X");
    assert_value(p->b, "k", "(none)");
    test_redis_command(redis, "SET perfopt:kv:k garbage");
    assert_value(p->b, "k", "(none)");
    test_redis_command(redis, "DEL perfopt:kv:k");
    test_redis_command(redis, "LPUSH perfopt:kv:k a list");
    assert_value(p->b, "k", "(none)");
    assert_int_equal(stats_of(p->b).damaged, 2);
    set(p->b, "k", "new", NULL); /* and it heals */
    del(p->a, "k");
    set(p->b, "k", "new", NULL);
    assert_value(p->a, "k", "new");
    /* The value of another key under this name, as a hash collision would give. */
    test_redis_command(redis, "COPY perfopt:kv:k perfopt:kv:other");
    assert_value(p->a, "other", "(none)");
}

static void test_strange_state_is_no_crash(void **state)
{
    pair *p = *state;
    set(p->a, "k", "v", NULL);
    test_redis_command(redis, "DEL perfopt:state");
    test_redis_command(redis, "SET perfopt:state text");
    assert_value(p->b, "k", "(none)");
    assert_int_equal(del(p->b, "k"), PERFOPT_EUNAVAILABLE);
    test_redis_command(redis, "DEL perfopt:state");
    test_redis_command(redis, "ZADD perfopt:state 5 nonsense inf e:xyz");
    assert_value(p->b, "k", "(none)");
    test_redis_command(redis, "ZADD perfopt:state 99999999999999999999 70000");
    assert_value(p->b, "k", "(none)");
    test_redis_command(redis, "DEL perfopt:state");
    wait_until(set(p->b, "k", "w", NULL) == PERFOPT_OK && strcmp(value_of(p->a, "k"), "w") == 0);
}

static void test_expiry_in_redis(void **state)
{
    (void)state;
    test_clock_install();
    perfopt_cache *a = redis_cache(test_redis_url(redis));
    perfopt_cache *b = redis_cache(test_redis_url(redis));
    set(a, "k", "v", PERFOPT_STORE_OPTIONS(.ttl_ms = 10000));
    test_clock_advance_ms(6000);
    assert_value(b, "k", "v"); /* enters L1 for the four seconds that are left */
    test_clock_advance_ms(3999);
    assert_value(b, "k", "v");
    test_clock_advance_ms(1);
    assert_value(b, "k", "(none)");
    perfopt_cache_destroy(a);
    perfopt_cache_destroy(b);
    test_clock_remove();
}

static void test_scope_and_statistics(void **state)
{
    pair *p = *state;
    perfopt_scope scope;
    set(p->a, "k", "v", NULL);
    perfopt_scope_begin(&scope);
    value_of(p->b, "k");
    value_of(p->b, "none");
    perfopt_scope_end(&scope);
    assert_int_equal(scope.stats.cache_hits, 1);
    assert_int_equal(scope.stats.cache_misses, 1);
    assert_true(scope.stats.cache_ns > 0);
    perfopt_cache_stats stats = stats_of(p->b);
    assert_int_equal(stats.redis, PERFOPT_LINK_UP);
    assert_string_equal(stats.redis_where, test_redis_socket(redis));
    assert_true(stats.redis_calls > 0 && stats.redis_rtt_p95_us > 0);
    assert_string_equal(stats.redis_error, "");
}

static void test_tcp_and_database(void **state)
{
    (void)state;
    char url[128];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u/3", test_redis_port(redis));
    perfopt_cache *cache = redis_cache(url);
    assert_int_equal(set(cache, "k", "v", NULL), PERFOPT_OK);
    assert_true(strncmp(stats_of(cache).redis_where, "127.0.0.1:", 10) == 0);
    assert_non_null(strstr(test_redis_command(redis, "INFO keyspace"), "db3:keys=2"));
    assert_non_null(strstr(test_redis_command(redis, "CLIENT LIST"), "name=perfopt-"));
    perfopt_cache_destroy(cache);
    cache = make_cache(
        PERFOPT_CACHE_OPTIONS(.redis = PERFOPT_REDIS_OPTIONS(.host = "127.0.0.1",
                                                             .port = test_redis_port(redis))));
    assert_int_equal(stats_of(cache).redis, PERFOPT_LINK_UP);
    perfopt_cache_destroy(cache);
}

static void test_check(void **state)
{
    pair *p = *state;
    int64_t rtt_us = 0;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_cache_check_redis(p->a, &rtt_us, &err), PERFOPT_OK);
    assert_true(rtt_us > 0);
    assert_string_equal(test_redis_command(redis, "KEYS perfopt:probe*"), "");
    perfopt_cache *local = make_cache(NULL);
    assert_int_equal(perfopt_cache_check_redis(local, &rtt_us, &err), PERFOPT_EDISABLED);
    perfopt_cache_destroy(local);
}

static perfopt_status load(void *user, perfopt_bytes **out, perfopt_store_options *store,
                           perfopt_error *err)
{
    (void)store;
    (void)err;
    (*(int *)user)++;
    return perfopt_bytes_create("loaded", 6, out);
}

static void test_computed_once_for_both(void **state)
{
    pair *p = *state;
    int runs = 0;
    for (int i = 0; i < 2; i++) {
        perfopt_bytes *value = NULL;
        assert_int_equal(perfopt_cache_get_or_compute(i == 0 ? p->a : p->b, "k", 1, NULL, load,
                                                      &runs, &value, NULL),
                         PERFOPT_OK);
        assert_string_equal(perfopt_bytes_data(value), "loaded");
        perfopt_bytes_release(value);
    }
    assert_int_equal(runs, 1);
    assert_int_equal(stats_of(p->b).hits_l2, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trips),
        TEST(test_absent_in_redis),
        TEST(test_names_and_ttl_in_redis),
        TEST(test_switches),
        TEST(test_delete_and_exists),
        TEST(test_many_is_one_round_trip),
        TEST(test_pattern),
        TEST(test_clear),
        TEST(test_damaged_value_is_a_miss),
        TEST(test_strange_state_is_no_crash),
        cmocka_unit_test(test_expiry_in_redis), /* no other thread may run when it sets the clock */
        TEST(test_scope_and_statistics),
        TEST(test_tcp_and_database),
        TEST(test_check),
        TEST(test_computed_once_for_both),
    };
    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
