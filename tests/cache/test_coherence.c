/*
 * test_coherence.c - two caches over one Redis stand for two processes: when one invalidates, what
 * does the other see, at once through Redis and within a second in L1?
 */
#include "base/error.h"
#include "cache/cache_internal.h"
#include "helpers.h"
#include "support/redis_server.h"

static test_redis *redis;

typedef struct pair {
    perfopt_cache *a;
    perfopt_cache *b;
} pair;

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

static int set_up(void **state)
{
    pair *p = calloc(1, sizeof(*p));
    p->a = redis_cache(test_redis_url(redis));
    p->b = redis_cache(test_redis_url(redis));
    perfopt_cache_clear(p->a, NULL);
    perfopt__level2_sync(p->b);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    pair *p = *state;
    perfopt_cache_destroy(p->a);
    perfopt_cache_destroy(p->b);
    free(p);
    return 0;
}

#define TAGGED PERFOPT_STORE_OPTIONS(.tags = "news")

static void test_tag_at_once_through_redis(void **state)
{
    pair *p = *state;
    set(p->a, "k", "old", TAGGED);
    assert_int_equal(perfopt_cache_invalidate_tag(p->b, "news", NULL), PERFOPT_OK);
    assert_value(p->b, "k", "(none)");
    set(p->b, "k", "new", TAGGED);
    assert_value(p->b, "k", "new");
    perfopt_cache *third = redis_cache(test_redis_url(redis));
    assert_value(third, "k", "new");
    perfopt_cache_destroy(third);
}

/* The background thread alone must bring it: `a` is only read, and only from L1. */
static void test_tag_within_a_second_in_l1(void **state)
{
    pair *p = *state;
    set(p->a, "k", "old", TAGGED);
    set(p->a, "other", "stays", PERFOPT_STORE_OPTIONS(.tags = "sport"));
    int64_t started = real_ms();
    perfopt_cache_invalidate_tag(p->b, "news", NULL);
    wait_until(strcmp(value_of(p->a, "k"), "(none)") == 0);
    assert_true(real_ms() - started < 1500); /* a second, and a slow machine */
    assert_value(p->a, "other", "stays");
}

/* Any other read of Redis brings it at once. */
static void test_tag_with_the_next_read(void **state)
{
    pair *p = *state;
    set(p->a, "k", "old", TAGGED);
    perfopt_cache_invalidate_tag(p->b, "news", NULL);
    value_of(p->a, "whatever is not in L1");
    assert_value(p->a, "k", "(none)");
}

static void test_delete_and_clear_reach_the_other(void **state)
{
    pair *p = *state;
    set(p->a, "k", "old", NULL);
    set(p->a, "l", "old", NULL);
    del(p->b, "k");
    value_of(p->a, "whatever");
    assert_value(p->a, "k", "(none)");
    assert_value(p->a, "l", "old");
    perfopt_cache_clear(p->b, NULL);
    value_of(p->a, "whatever");
    assert_value(p->a, "l", "(none)");
    set(p->a, "l", "new", NULL);
    assert_value(p->b, "l", "new");
    perfopt_cache_invalidate_pattern(p->b, "l*", false, NULL, NULL);
    value_of(p->a, "whatever");
    assert_value(p->a, "l", "(none)");
}

/* `a` has not heard of b's invalidation when it writes: its value is new all the same. */
static void test_set_after_foreign_invalidation_is_readable(void **state)
{
    pair *p = *state;
    for (int i = 0; i < 20; i++) {
        perfopt_cache_invalidate_tag(p->b, "news", NULL);
        set(p->a, "k", "new", TAGGED);
        assert_value(p->b, "k", "new");
        perfopt_cache_clear(p->b, NULL);
        set(p->a, "k", "newer", TAGGED);
        assert_value(p->b, "k", "newer");
        assert_value(p->a, "k", "newer");
    }
}

/* ---- a loader in one process, an invalidation in the other ----------------------------------- */

typedef struct job {
    pair *p;
    void (*meanwhile)(perfopt_cache *other);
    const char *tags;
} job;

static perfopt_status load(void *user, perfopt_bytes **out, perfopt_store_options *store,
                           perfopt_error *err)
{
    job *j = user;
    (void)err;
    j->meanwhile(j->p->b);
    store->tags = j->tags;
    return perfopt_bytes_create("old", 3, out);
}

static void delete_it(perfopt_cache *other)
{
    del(other, "k");
}
static void tag_it(perfopt_cache *other)
{
    perfopt_cache_invalidate_tag(other, "news", NULL);
}
static void clear_it(perfopt_cache *other)
{
    perfopt_cache_clear(other, NULL);
}

static void test_late_write_is_void(void **state)
{
    pair *p = *state;
    void (*const ways[])(perfopt_cache *) = {delete_it, tag_it, clear_it};
    for (size_t i = 0; i < 3; i++) {
        job j = {p, ways[i], "news"};
        perfopt_bytes *value = NULL;
        assert_int_equal(perfopt_cache_get_or_compute(p->a, "k", 1, NULL, load, &j, &value, NULL),
                         PERFOPT_OK);
        perfopt_bytes_release(value);
        assert_value(p->b, "k", "(none)"); /* computed from before b's invalidation */
        value_of(p->a, "whatever");
        assert_value(p->a, "k", "(none)");
    }
}

/* ---- Redis loses its data -------------------------------------------------------------------- */

static void test_lost_state_voids_everything(void **state)
{
    pair *p = *state;
    set(p->a, "k", "old", TAGGED);
    perfopt_cache_invalidate_tag(p->b, "x", NULL);
    /* As an eviction would: the values stay, the stamps are gone. */
    test_redis_command(redis, "DEL perfopt:state");
    assert_value(p->b, "k", "(none)");
    value_of(p->a, "whatever");
    assert_value(p->a, "k", "(none)");
    set(p->a, "k", "new", TAGGED);
    assert_value(p->b, "k", "new");
    perfopt_cache_invalidate_tag(p->b, "news", NULL);
    value_of(p->a, "whatever");
    assert_value(p->a, "k", "(none)");
}

/* ---- Redis is down --------------------------------------------------------------------------- */

static bool is_link(perfopt_cache *cache, perfopt_link_state link)
{
    return stats_of(cache).redis == link;
}

static void test_told_when_it_is_back(void **state)
{
    pair *p = *state;
    perfopt_error err = PERFOPT_ERROR_INIT;
    const char *const keys[] = {"deleted", "tagged", "overwritten"};
    for (size_t i = 0; i < 3; i++)
        set(p->b, keys[i], "old", i == 1 ? TAGGED : NULL);
    test_redis_pause(redis); /* keeps its data */
    assert_int_equal(del(p->a, "deleted"), PERFOPT_EUNAVAILABLE);
    assert_int_equal(perfopt_cache_invalidate_tag(p->a, "news", &err), PERFOPT_EUNAVAILABLE);
    assert_true(err.message[0] != '\0');
    assert_int_equal(set(p->a, "overwritten", "new", NULL), PERFOPT_OK);
    assert_value(p->a, "overwritten", "new");
    test_redis_resume(redis);
    wait_until(is_link(p->a, PERFOPT_LINK_UP));
    assert_value(p->a, "deleted", "(none)"); /* told or not: never the old value */
    assert_value(p->a, "tagged", "(none)");
    assert_value(p->a, "overwritten", "new");
    wait_until(!perfopt__recovery_pending(&p->a->recovery));
    assert_value(p->a, "overwritten", "new");
    for (size_t i = 0; i < 3; i++) {
        wait_until(strcmp(value_of(p->b, keys[i]), "(none)") == 0);
    }
}

static void test_clear_is_told_when_it_is_back(void **state)
{
    pair *p = *state;
    set(p->b, "k", "old", NULL);
    test_redis_pause(redis);
    assert_int_equal(perfopt_cache_clear(p->a, NULL), PERFOPT_EUNAVAILABLE);
    assert_value(p->a, "k", "(none)");
    test_redis_resume(redis);
    wait_until(is_link(p->a, PERFOPT_LINK_UP));
    assert_value(p->a, "k", "(none)");
    wait_until(strcmp(value_of(p->b, "k"), "(none)") == 0);
    set(p->a, "k", "new", NULL);
    wait_until(strcmp(value_of(p->b, "k"), "new") == 0);
}

static void test_pattern_while_down_voids_redis(void **state)
{
    pair *p = *state;
    uint64_t count = 0;
    set(p->b, "news:1", "old", NULL);
    value_of(p->a, "news:1");
    test_redis_pause(redis);
    assert_int_equal(perfopt_cache_invalidate_pattern(p->a, "news:*", false, &count, NULL),
                     PERFOPT_EUNAVAILABLE);
    assert_int_equal(count, 1);
    test_redis_resume(redis);
    wait_until(is_link(p->a, PERFOPT_LINK_UP));
    assert_value(p->a, "news:1", "(none)");
    wait_until(strcmp(value_of(p->b, "news:1"), "(none)") == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_tag_at_once_through_redis),
        TEST(test_tag_within_a_second_in_l1),
        TEST(test_tag_with_the_next_read),
        TEST(test_delete_and_clear_reach_the_other),
        TEST(test_set_after_foreign_invalidation_is_readable),
        TEST(test_late_write_is_void),
        TEST(test_lost_state_voids_everything),
        TEST(test_told_when_it_is_back),
        TEST(test_clear_is_told_when_it_is_back),
        TEST(test_pattern_while_down_voids_redis),
    };
    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
