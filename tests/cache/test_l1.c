/*
 * test_l1.c - the public functions of a cache without Redis.
 */
#include "cache/cache_internal.h"
#include "helpers.h"
#include "support/failing_alloc.h"
#include "support/fake_clock.h"

#include <perfopt/metrics.h>

static int set_up(void **state)
{
    test_clock_install();
    *state = make_cache(PERFOPT_CACHE_OPTIONS(.jitter_percent = UINT32_MAX));
    return 0;
}

static int tear_down(void **state)
{
    perfopt_cache_destroy(*state);
    test_clock_remove();
    return 0;
}

static void test_three_kinds_of_nothing(void **state)
{
    perfopt_cache *cache = *state;
    perfopt_bytes *value = NULL;
    assert_int_equal(get(cache, "k", &value), PERFOPT_ENOTFOUND);
    assert_null(value);
    assert_int_equal(perfopt_cache_set_bytes(cache, "k", 1, NULL, NULL), PERFOPT_OK);
    assert_int_equal(get(cache, "k", &value), PERFOPT_EABSENT);
    assert_null(value);
    assert_true(perfopt_cache_exists(cache, "k", 1));
    assert_int_equal(perfopt_cache_set(cache, "k", 1, NULL, 0, NULL), PERFOPT_OK);
    assert_int_equal(get(cache, "k", &value), PERFOPT_OK);
    assert_int_equal(perfopt_bytes_length(value), 0);
    perfopt_bytes_release(value);
    perfopt_cache_stats stats = stats_of(cache);
    assert_int_equal(stats.hits_l1, 2);
    assert_int_equal(stats.absent_hits, 1);
    assert_int_equal(stats.misses, 1);
    assert_int_equal(stats.redis, PERFOPT_LINK_OFF);
}

static void test_binary_keys_and_values(void **state)
{
    perfopt_cache *cache = *state;
    perfopt_bytes *value = NULL;
    perfopt_cache_set(cache, "a\0b", 3, "x\0y", 3, NULL);
    perfopt_cache_set(cache, "a\0c", 3, "z", 1, NULL);
    perfopt_cache_set(cache, "", 0, "empty key", 9, NULL);
    assert_int_equal(perfopt_cache_get(cache, "a\0b", 3, &value), PERFOPT_OK);
    assert_int_equal(perfopt_bytes_length(value), 3);
    assert_memory_equal(perfopt_bytes_data(value), "x\0y", 3);
    perfopt_bytes_release(value);
    assert_value(cache, "a", "(none)");
    assert_value(cache, "", "empty key");
}

static void test_hit_copies_nothing(void **state)
{
    perfopt_cache *cache = *state;
    perfopt_bytes *value;
    perfopt_bytes *read = NULL;
    perfopt_bytes_create("page", 4, &value);
    assert_int_equal(perfopt_cache_set_bytes(cache, "k", 1, value, NULL), PERFOPT_OK);
    perfopt_bytes_release(value);
    assert_int_equal(get(cache, "k", &read), PERFOPT_OK);
    assert_ptr_equal(read, value);
    del(cache, "k"); /* what the caller holds stays valid */
    assert_string_equal(perfopt_bytes_data(read), "page");
    perfopt_bytes_release(read);
}

static void test_limits(void **state)
{
    perfopt_cache *cache = *state;
    char *key = calloc(1, 65537);
    assert_int_equal(perfopt_cache_set(cache, key, 65536, "v", 1, NULL), PERFOPT_OK);
    assert_true(perfopt_cache_exists(cache, key, 65536));
    assert_int_equal(perfopt_cache_set(cache, key, 65537, "v", 1, NULL), PERFOPT_EINVAL);
    perfopt_bytes *value = NULL;
    assert_int_equal(perfopt_cache_get(cache, key, 65537, &value), PERFOPT_EINVAL);
    assert_int_equal(perfopt_cache_delete(cache, key, 65537), PERFOPT_EINVAL);
    assert_int_equal(perfopt_cache_set(cache, "k", 1, "v", ((size_t)512 << 20) + 1, NULL),
                     PERFOPT_ELIMIT);
    assert_int_equal(set(cache, "k", "v", &(perfopt_store_options){0}), PERFOPT_EINVAL);
    free(key);
}

static void test_expiry(void **state)
{
    perfopt_cache *cache = *state;
    set(cache, "short", "1", PERFOPT_STORE_OPTIONS(.ttl_ms = 1000));
    set(cache, "default", "2", NULL);
    set(cache, "never", "3", PERFOPT_STORE_OPTIONS(.ttl_ms = -1));
    set(cache, "ever", "4", PERFOPT_STORE_OPTIONS(.ttl_ms = INT64_MAX));
    perfopt_cache_set_bytes(cache, "absent", 6, NULL, NULL);
    assert_value(cache, "never", "(none)");
    test_clock_advance_ms(999);
    assert_value(cache, "short", "1");
    test_clock_advance_ms(1);
    assert_value(cache, "short", "(none)");
    test_clock_advance_ms(28999);
    assert_value(cache, "absent", "(absent)");
    test_clock_advance_ms(1);
    assert_value(cache, "absent", "(none)");
    test_clock_advance_ms(269999);
    assert_value(cache, "default", "2");
    test_clock_advance_ms(1);
    assert_value(cache, "default", "(none)");
    assert_value(cache, "ever", "4");
    assert_int_equal(stats_of(cache).expirations, 3);
}

static void test_jitter_shortens(void **state)
{
    (void)state;
    perfopt_cache *cache = make_cache(PERFOPT_CACHE_OPTIONS(.jitter_percent = 20));
    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        set(cache, key, "v", PERFOPT_STORE_OPTIONS(.ttl_ms = 10000));
    }
    unsigned alive[2];
    for (int round = 0; round < 2; round++) {
        alive[round] = 0;
        test_clock_advance_ms(round == 0 ? 7999 : 1001); /* 7999, 9000 */
        for (int i = 0; i < 200; i++) {
            char key[16];
            snprintf(key, sizeof(key), "k%d", i);
            alive[round] += perfopt_cache_exists(cache, key, strlen(key));
        }
    }
    assert_int_equal(alive[0], 200);
    assert_true(alive[1] > 50 && alive[1] < 150);
    perfopt_cache_destroy(cache);
}

static void test_expired_memory_returns(void **state)
{
    perfopt_cache *cache = *state;
    uint64_t empty = stats_of(cache).bytes;
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        set(cache, key, "some value", PERFOPT_STORE_OPTIONS(.ttl_ms = 1000));
    }
    assert_int_equal(stats_of(cache).entries, 1000);
    test_clock_advance_ms(1000);
    perfopt__cache_tick(cache, 1000000 + 1000); /* what the background thread does when idle */
    assert_int_equal(stats_of(cache).entries, 0);
    assert_true(stats_of(cache).bytes < empty + 64 * 1024); /* only the tables have grown */
}

static void test_writes_clean_a_little(void **state)
{
    perfopt_cache *cache = *state;
    for (int i = 0; i < 500; i++) {
        char key[16];
        snprintf(key, sizeof(key), "old%d", i);
        set(cache, key, "v", PERFOPT_STORE_OPTIONS(.ttl_ms = 1));
    }
    test_clock_advance_ms(1);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "new%d", i % 10);
        set(cache, key, "v", NULL);
    }
    assert_true(stats_of(cache).entries < 500);
}

static void test_budget(void **state)
{
    (void)state;
    perfopt_cache *cache = make_cache(PERFOPT_CACHE_OPTIONS(.max_bytes = 1 << 20, .shards = 4));
    char value[1000];
    memset(value, 'x', sizeof(value));
    for (int i = 0; i < 20000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "page:%d", i);
        perfopt_cache_set(cache, key, strlen(key), value, (size_t)(i % 1000), NULL);
        if (i % 1000 == 0)
            assert_true(stats_of(cache).bytes <= 1 << 20);
    }
    perfopt_cache_stats stats = stats_of(cache);
    assert_true(stats.bytes <= 1 << 20 && stats.bytes > 900000);
    assert_true(stats.evictions > 10000);
    assert_int_equal(stats.entries + stats.evictions, 20000);
    /* Too large for L1: the old value must not stay. */
    set(cache, "big", "small", NULL);
    char *large = calloc(1, 40000);
    assert_int_equal(perfopt_cache_set(cache, "big", 3, large, 40000, NULL), PERFOPT_OK);
    assert_value(cache, "big", "(none)");
    free(large);
    perfopt_cache_destroy(cache);
}

static void test_hot_keys_survive_a_scan(void **state)
{
    (void)state;
    perfopt_cache *cache = make_cache(PERFOPT_CACHE_OPTIONS(.max_bytes = 1 << 18, .shards = 1));
    for (int i = 0; i < 100; i++) {
        char key[32];
        snprintf(key, sizeof(key), "hot:%d", i);
        set(cache, key, "value", NULL);
    }
    for (int i = 0; i < 20000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "hot:%d", i % 100);
        value_of(cache, key);
        snprintf(key, sizeof(key), "scan:%d", i);
        set(cache, key, "value", NULL);
    }
    unsigned alive = 0;
    for (int i = 0; i < 100; i++) {
        char key[32];
        snprintf(key, sizeof(key), "hot:%d", i);
        alive += perfopt_cache_exists(cache, key, strlen(key));
    }
    assert_int_equal(alive, 100);
    perfopt_cache_destroy(cache);
}

static void test_delete(void **state)
{
    perfopt_cache *cache = *state;
    set(cache, "k", "v", NULL);
    assert_int_equal(del(cache, "k"), PERFOPT_OK);
    assert_int_equal(del(cache, "k"), PERFOPT_ENOTFOUND);
    assert_value(cache, "k", "(none)");
    assert_int_equal(stats_of(cache).entries, 0);
}

static void test_tags(void **state)
{
    perfopt_cache *cache = *state;
    perfopt_error err = PERFOPT_ERROR_INIT;
    set(cache, "a", "1", PERFOPT_STORE_OPTIONS(.tags = "news,home"));
    set(cache, "b", "2", PERFOPT_STORE_OPTIONS(.tags = "news"));
    set(cache, "c", "3", PERFOPT_STORE_OPTIONS(.tags = "sport home"));
    set(cache, "d", "4", NULL);
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "news", &err), PERFOPT_OK);
    assert_value(cache, "a", "(none)");
    assert_value(cache, "b", "(none)");
    assert_value(cache, "c", "3");
    assert_value(cache, "d", "4");
    set(cache, "a", "5", PERFOPT_STORE_OPTIONS(.tags = "news,home"));
    assert_value(cache, "a", "5");
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "a b", &err), PERFOPT_EINVAL);
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "a,b", &err), PERFOPT_EINVAL);
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "", &err), PERFOPT_EINVAL);
    assert_int_equal(perfopt_cache_invalidate_tag(cache, NULL, &err), PERFOPT_EINVAL);
}

static void test_clear(void **state)
{
    perfopt_cache *cache = *state;
    set(cache, "a", "1", NULL);
    set(cache, "b", "2", PERFOPT_STORE_OPTIONS(.tags = "t"));
    assert_int_equal(perfopt_cache_clear(cache, NULL), PERFOPT_OK);
    assert_value(cache, "a", "(none)");
    assert_value(cache, "b", "(none)");
    assert_int_equal(stats_of(cache).entries, 0);
    set(cache, "a", "3", NULL);
    assert_value(cache, "a", "3");
}

static void test_pattern(void **state)
{
    perfopt_cache *cache = *state;
    uint64_t count = 0;
    for (int i = 0; i < 300; i++) {
        char key[32];
        snprintf(key, sizeof(key), "%s:%d", i % 3 == 0 ? "news" : "user", i);
        set(cache, key, "v", NULL);
    }
    assert_int_equal(perfopt_cache_invalidate_pattern(cache, "news:*", true, &count, NULL),
                     PERFOPT_OK);
    assert_int_equal(count, 100);
    assert_int_equal(stats_of(cache).entries, 300);
    assert_int_equal(perfopt_cache_invalidate_pattern(cache, "news:*", false, &count, NULL),
                     PERFOPT_OK);
    assert_int_equal(count, 100);
    assert_int_equal(stats_of(cache).entries, 200);
    assert_value(cache, "news:3", "(none)");
    assert_value(cache, "user:4", "v");
    perfopt_cache_invalidate_pattern(cache, "*", false, &count, NULL);
    assert_int_equal(count, 200);
    assert_int_equal(stats_of(cache).entries, 0);
    assert_int_equal(perfopt_cache_invalidate_pattern(cache, "", false, &count, NULL),
                     PERFOPT_EINVAL);
}

static void test_many(void **state)
{
    perfopt_cache *cache = *state;
    perfopt_bytes *one;
    perfopt_bytes_create("1", 1, &one);
    perfopt_cache_item items[4] = {
        {"a", 1, one, 0}, {"b", 1, NULL, 0}, {NULL, 5, one, 0}, {"c", 1, one, 0}};
    assert_int_equal(perfopt_cache_set_many(cache, items, 4, NULL), PERFOPT_OK);
    assert_int_equal(items[0].status, PERFOPT_OK);
    assert_int_equal(items[1].status, PERFOPT_OK);
    assert_int_equal(items[2].status, PERFOPT_EINVAL);
    perfopt_cache_item read[4] = {
        {"c", 1, NULL, 0}, {"x", 1, NULL, 0}, {"b", 1, NULL, 0}, {NULL, 5, NULL, 0}};
    assert_int_equal(perfopt_cache_get_many(cache, read, 4), PERFOPT_OK);
    assert_int_equal(read[0].status, PERFOPT_OK);
    assert_ptr_equal(read[0].value, one);
    assert_int_equal(read[1].status, PERFOPT_ENOTFOUND);
    assert_null(read[1].value);
    assert_int_equal(read[2].status, PERFOPT_EABSENT);
    assert_int_equal(read[3].status, PERFOPT_EINVAL);
    perfopt_bytes_release(read[0].value);
    perfopt_bytes_release(one);
    assert_int_equal(perfopt_cache_get_many(cache, NULL, 0), PERFOPT_OK);
}

static const perfopt_cache_group *group(const perfopt_cache_group *groups, size_t count,
                                        const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(groups[i].name, name) == 0)
            return &groups[i];
    }
    fail_msg("no group %s", name);
    return NULL;
}

static void test_groups(void **state)
{
    perfopt_cache *cache = *state;
    perfopt_cache_group groups[200];
    set(cache, "news:1", "v", NULL);
    set(cache, "news:2", "v", NULL);
    set(cache, "plain", "v", NULL);
    value_of(cache, "news:1");
    value_of(cache, "news:9");
    size_t count = perfopt_cache_get_groups(cache, groups, 200);
    assert_int_equal(count, 2);
    const perfopt_cache_group *news = group(groups, count, "news");
    assert_int_equal(news->hits, 1);
    assert_int_equal(news->misses, 1);
    assert_int_equal(news->writes, 2);
    assert_int_equal(news->entries, 2);
    assert_true(news->bytes > 100);
    assert_int_equal(group(groups, count, "(other)")->entries, 1);
    for (int i = 0; i < 150; i++) {
        char key[32];
        snprintf(key, sizeof(key), "group%d:x", i);
        set(cache, key, "v", NULL);
    }
    count = perfopt_cache_get_groups(cache, groups, 200);
    assert_int_equal(count, 101);
    assert_int_equal(group(groups, count, "(other)")->entries, 1 + 51);
    assert_int_equal(perfopt_cache_get_groups(cache, groups, 3), 3);
    assert_string_equal(groups[0].name, "news"); /* most lookups first */
    perfopt_cache_reset_stats(cache);
    count = perfopt_cache_get_groups(cache, groups, 200);
    news = group(groups, count, "news");
    assert_int_equal(news->hits, 0);
    assert_int_equal(news->entries, 2);
    assert_int_equal(stats_of(cache).writes, 0);
    assert_int_equal(stats_of(cache).entries, 153);
}

static void test_scope(void **state)
{
    perfopt_cache *cache = *state;
    perfopt_scope scope;
    perfopt_scope_begin(&scope);
    set(cache, "k", "v", NULL);
    value_of(cache, "k");
    value_of(cache, "none");
    perfopt_scope_end(&scope);
    assert_int_equal(scope.stats.cache_hits, 1);
    assert_int_equal(scope.stats.cache_misses, 1);
}

static void assert_refused(const perfopt_cache_options *options, perfopt_status expected)
{
    perfopt_cache *cache = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_cache_create(options, &cache, &err), expected);
    assert_null(cache);
    assert_true(err.message[0] != '\0');
    assert_int_equal(err.status, expected);
    assert_null(strstr(err.message, "secret"));
}

#define WITH_URL(text) PERFOPT_CACHE_OPTIONS(.redis = PERFOPT_REDIS_OPTIONS(.url = (text)))

static void test_configuration(void **state)
{
    (void)state;
    assert_refused(PERFOPT_CACHE_OPTIONS(.max_bytes = 100), PERFOPT_ECONFIG);
    assert_refused(PERFOPT_CACHE_OPTIONS(.default_ttl_ms = -1), PERFOPT_ECONFIG);
    assert_refused(PERFOPT_CACHE_OPTIONS(.jitter_percent = 91), PERFOPT_ECONFIG);
    assert_refused(PERFOPT_CACHE_OPTIONS(.prefix = "a b"), PERFOPT_ECONFIG);
    assert_refused(&(perfopt_cache_options){0}, PERFOPT_EINVAL);
    assert_refused(WITH_URL("nonsense"), PERFOPT_ECONFIG);
    assert_refused(WITH_URL("http://localhost"), PERFOPT_ECONFIG);
    assert_refused(WITH_URL("redis://u:secret@host/notanumber"), PERFOPT_ECONFIG);
    assert_refused(WITH_URL("redis://u:secret@host:99999"), PERFOPT_ECONFIG);
    assert_refused(WITH_URL("redis://u:secret@a:1,b:2"), PERFOPT_ECONFIG);
    assert_refused(WITH_URL("unix://"), PERFOPT_ECONFIG);
    assert_refused(WITH_URL("unix:///x?database=1"), PERFOPT_ECONFIG);
    assert_refused(WITH_URL("rediss://u:secret@host"), PERFOPT_EUNSUPPORTED);
    assert_refused(WITH_URL("redis+sentinel://u:secret@a:1,b:2/name"), PERFOPT_EUNSUPPORTED);
    assert_refused(WITH_URL("redis+cluster://u:secret@a:1,b:2"), PERFOPT_EUNSUPPORTED);
    assert_refused(
        PERFOPT_CACHE_OPTIONS(.redis = PERFOPT_REDIS_OPTIONS(.host = "h", .connections = 10000)),
        PERFOPT_ECONFIG);
}

/* Every allocation of a run through the functions fails once: no crash, no leak, no lost value. */
static perfopt_status run_through(void)
{
    perfopt_cache *cache = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status =
        perfopt_cache_create(PERFOPT_CACHE_OPTIONS(.max_bytes = 64 << 10), &cache, &err);
    if (status != PERFOPT_OK)
        return status;
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k:%d", i);
        perfopt_status one = set(cache, key, "value", PERFOPT_STORE_OPTIONS(.tags = "a,b"));
        assert_true(one == PERFOPT_OK || one == PERFOPT_ENOMEM);
        if (one == PERFOPT_OK)
            assert_value(cache, key, "value");
        else
            assert_value(cache, key, "(none)");
    }
    perfopt_cache_item items[2] = {{"k:1", 3, NULL, 0}, {"k:2", 3, NULL, 0}};
    perfopt_cache_get_many(cache, items, 2);
    perfopt_bytes_release(items[0].value);
    perfopt_bytes_release(items[1].value);
    perfopt_cache_set_many(cache, items, 0, NULL);
    perfopt_cache_invalidate_tag(cache, "a", NULL);
    perfopt_cache_invalidate_pattern(cache, "k*", false, NULL, NULL);
    del(cache, "k:1");
    perfopt_cache_destroy(cache);
    return PERFOPT_OK;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    size_t before = test_alloc_live();
    unsigned n = 1;
    for (bool failed = true; failed; n++) {
        test_alloc_fail(n);
        run_through();
        failed = test_alloc_stop();
        assert_int_equal(test_alloc_live(), before);
        assert_true(n < 10000);
    }
    assert_true(n > 60);
}

int main(void)
{
    test_alloc_install();
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_three_kinds_of_nothing),
        TEST(test_binary_keys_and_values),
        TEST(test_hit_copies_nothing),
        TEST(test_limits),
        TEST(test_expiry),
        TEST(test_jitter_shortens),
        TEST(test_expired_memory_returns),
        TEST(test_writes_clean_a_little),
        TEST(test_budget),
        TEST(test_hot_keys_survive_a_scan),
        TEST(test_delete),
        TEST(test_tags),
        TEST(test_clear),
        TEST(test_pattern),
        TEST(test_many),
        TEST(test_groups),
        TEST(test_scope),
        TEST(test_configuration),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
