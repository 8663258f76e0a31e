/*
 * test_compute.c - get_or_compute in one process: one loader per key, what waiters get, and what is
 * not stored.
 */
#include "base/error.h"
#include "helpers.h"
#include "support/fake_clock.h"

#include <pthread.h>
#include <stdatomic.h>

#define WAITERS 6

/* A loader that tells when it runs and goes on when it is let. */
typedef struct job {
    perfopt_cache *cache;
    const char *value; /* NULL = absent */
    perfopt_status status;
    const char *tags; /* set by the loader */
    int64_t ttl_ms;
    atomic_int runs;
    atomic_bool hold;
    void (*meanwhile)(perfopt_cache *cache);
} job;

static perfopt_status load(void *user, perfopt_bytes **out, perfopt_store_options *store,
                           perfopt_error *err)
{
    job *j = user;
    atomic_fetch_add(&j->runs, 1);
    while (atomic_load(&j->hold))
        pause_ms(1);
    if (j->meanwhile)
        j->meanwhile(j->cache);
    if (j->tags)
        store->tags = j->tags;
    if (j->ttl_ms)
        store->ttl_ms = j->ttl_ms;
    if (j->status != PERFOPT_OK)
        return perfopt__error_set(err, j->status, "the database said no");
    return j->value ? perfopt_bytes_create(j->value, strlen(j->value), out) : PERFOPT_OK;
}

static perfopt_status compute(job *j, const char *key, char text[32], perfopt_error *err)
{
    perfopt_bytes *value = NULL;
    perfopt_status status =
        perfopt_cache_get_or_compute(j->cache, key, strlen(key), NULL, load, j, &value, err);
    snprintf(text, 32, "%s", value ? perfopt_bytes_data(value) : "");
    perfopt_bytes_release(value);
    return status;
}

static int set_up(void **state)
{
    job *j = calloc(1, sizeof(*j));
    j->cache =
        make_cache(PERFOPT_CACHE_OPTIONS(.jitter_percent = UINT32_MAX, .loader_wait_ms = 20000));
    j->value = "loaded";
    *state = j;
    return 0;
}

static int tear_down(void **state)
{
    job *j = *state;
    perfopt_cache_destroy(j->cache);
    free(j);
    return 0;
}

static void test_loads_once(void **state)
{
    job *j = *state;
    char text[32];
    assert_int_equal(compute(j, "k", text, NULL), PERFOPT_OK);
    assert_string_equal(text, "loaded");
    assert_int_equal(compute(j, "k", text, NULL), PERFOPT_OK);
    assert_int_equal(j->runs, 1);
    perfopt_cache_stats stats = stats_of(j->cache);
    assert_true(stats.loads == 1 && stats.hits_l1 == 1 && stats.misses == 1);
}

static void test_absent(void **state)
{
    job *j = *state;
    char text[32];
    j->value = NULL;
    assert_int_equal(compute(j, "k", text, NULL), PERFOPT_EABSENT);
    assert_int_equal(compute(j, "k", text, NULL), PERFOPT_EABSENT);
    assert_int_equal(j->runs, 1);
}

static void test_failure_passes_through(void **state)
{
    job *j = *state;
    char text[32];
    perfopt_error err = PERFOPT_ERROR_INIT;
    j->status = PERFOPT_EDB;
    assert_int_equal(compute(j, "k", text, &err), PERFOPT_EDB);
    assert_string_equal(err.message, "the database said no");
    assert_int_equal(compute(j, "k", text, NULL), PERFOPT_EDB);
    assert_int_equal(j->runs, 2);
    assert_int_equal(stats_of(j->cache).load_errors, 2);
    assert_value(j->cache, "k", "(none)");
}

static void test_loader_may_refuse_storing(void **state)
{
    job *j = *state;
    char text[32];
    j->ttl_ms = -1;
    assert_int_equal(compute(j, "k", text, NULL), PERFOPT_OK);
    assert_value(j->cache, "k", "(none)");
    j->ttl_ms = 0;
    j->tags = "late";
    compute(j, "k", text, NULL);
    assert_value(j->cache, "k", "loaded");
    perfopt_cache_invalidate_tag(j->cache, "late", NULL);
    assert_value(j->cache, "k", "(none)");
}

static perfopt_status ask_again(void *user, perfopt_bytes **out, perfopt_store_options *store,
                                perfopt_error *err)
{
    (void)store;
    perfopt_cache *cache = user;
    return perfopt_cache_get_or_compute(cache, "k", 1, NULL, ask_again, cache, out, err);
}

static perfopt_status ask_other(void *user, perfopt_bytes **out, perfopt_store_options *store,
                                perfopt_error *err)
{
    (void)store;
    job *j = user;
    return perfopt_cache_get_or_compute(j->cache, "other", 5, NULL, load, j, out, err);
}

static void test_recursion(void **state)
{
    job *j = *state;
    perfopt_bytes *value = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(
        perfopt_cache_get_or_compute(j->cache, "k", 1, NULL, ask_again, j->cache, &value, &err),
        PERFOPT_EDEADLOCK);
    assert_null(value);
    assert_int_equal(err.status, PERFOPT_EDEADLOCK);
    assert_int_equal(
        perfopt_cache_get_or_compute(j->cache, "k", 1, NULL, ask_other, j, &value, &err),
        PERFOPT_OK);
    assert_string_equal(perfopt_bytes_data(value), "loaded");
    perfopt_bytes_release(value);
}

/* ---- invalidation while the loader runs ----------------------------------------------------- */

static void delete_it(perfopt_cache *cache)
{
    del(cache, "k");
}
static void clear_it(perfopt_cache *cache)
{
    perfopt_cache_clear(cache, NULL);
}
static void match_it(perfopt_cache *cache)
{
    perfopt_cache_invalidate_pattern(cache, "k*", false, NULL, NULL);
}
static void tag_it(perfopt_cache *cache)
{
    perfopt_cache_invalidate_tag(cache, "late", NULL);
}
static void overwrite_it(perfopt_cache *cache)
{
    set(cache, "k", "newer", NULL);
}

static void test_invalidated_while_loading(void **state)
{
    job *j = *state;
    void (*const ways[])(perfopt_cache *) = {delete_it, clear_it, match_it, tag_it};
    j->tags = "late"; /* also a tag that only the loader knows */
    for (size_t i = 0; i < 4; i++) {
        char text[32];
        j->meanwhile = ways[i];
        assert_int_equal(compute(j, "k", text, NULL), PERFOPT_OK);
        assert_string_equal(text, "loaded");
        assert_value(j->cache, "k", "(none)");
        assert_int_equal(stats_of(j->cache).discarded, i + 1);
    }
    char text[32];
    j->meanwhile = overwrite_it;
    compute(j, "k", text, NULL);
    assert_value(j->cache, "k", "newer");
}

static void invalidate_others(perfopt_cache *cache)
{
    del(cache, "other");
    perfopt_cache_invalidate_tag(cache, "unrelated", NULL);
    perfopt_cache_invalidate_pattern(cache, "x*", false, NULL, NULL);
}

static void test_unrelated_invalidation_does_not_discard(void **state)
{
    job *j = *state;
    char text[32];
    j->tags = "late";
    j->meanwhile = invalidate_others;
    compute(j, "k", text, NULL);
    assert_value(j->cache, "k", "loaded");
}

/* ---- waiting -------------------------------------------------------------------------------- */

typedef struct caller {
    job *job;
    pthread_t thread;
    perfopt_status status;
    char text[32];
    perfopt_error err;
} caller;

static void *call(void *user)
{
    caller *c = user;
    c->status = compute(c->job, "k", c->text, &c->err);
    return NULL;
}

static void start(caller *c, job *j)
{
    *c = (caller){.job = j};
    assert_int_equal(pthread_create(&c->thread, NULL, call, c), 0);
}

/* One leads, the others wait. */
static void start_all(caller *callers, job *j)
{
    atomic_store(&j->hold, true);
    start(&callers[0], j);
    wait_until(atomic_load(&j->runs) == 1);
    for (size_t i = 1; i < WAITERS; i++)
        start(&callers[i], j);
    wait_until(stats_of(j->cache).load_waits == WAITERS - 1);
}

static void join_all(caller *callers, job *j)
{
    atomic_store(&j->hold, false);
    for (size_t i = 0; i < WAITERS; i++)
        pthread_join(callers[i].thread, NULL);
}

static void test_waiters_share_the_value(void **state)
{
    job *j = *state;
    caller callers[WAITERS];
    start_all(callers, j);
    join_all(callers, j);
    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(callers[i].status, PERFOPT_OK);
        assert_string_equal(callers[i].text, "loaded");
    }
    assert_int_equal(j->runs, 1);
}

static void test_waiters_share_the_failure(void **state)
{
    job *j = *state;
    caller callers[WAITERS];
    j->status = PERFOPT_EDB;
    start_all(callers, j);
    join_all(callers, j);
    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(callers[i].status, PERFOPT_EDB);
        assert_string_equal(callers[i].err.message, "the database said no");
    }
    assert_int_equal(j->runs, 1);
}

/* Who asks after an invalidation neither waits for nor gets what was being computed before it. */
static void test_no_join_after_invalidation(void **state)
{
    job *j = *state;
    char text[32];
    caller old;
    atomic_store(&j->hold, true);
    start(&old, j);
    wait_until(atomic_load(&j->runs) == 1);
    del(j->cache, "k");
    job fresh = {.cache = j->cache, .value = "fresh"};
    assert_int_equal(compute(&fresh, "k", text, NULL), PERFOPT_OK);
    assert_string_equal(text, "fresh");
    atomic_store(&j->hold, false);
    pthread_join(old.thread, NULL);
    assert_string_equal(old.text, "loaded"); /* it asked before */
    assert_value(j->cache, "k", "fresh");
}

/* Tags and clear are seen when the loader has ended: its waiters then load again. */
static void test_waiters_of_a_discarded_load_retry(void **state)
{
    job *j = *state;
    caller callers[WAITERS];
    start_all(callers, j);
    perfopt_cache_clear(j->cache, NULL);
    join_all(callers, j);
    for (size_t i = 0; i < WAITERS; i++)
        assert_int_equal(callers[i].status, PERFOPT_OK);
    assert_int_equal(j->runs, 2); /* one more for all waiters */
    assert_value(j->cache, "k", "loaded");
}

static void test_waiter_loses_patience(void **state)
{
    (void)state;
    job j = {.value = "slow"};
    job own = {.value = "own"};
    char text[32];
    caller slow;
    j.cache = own.cache = make_cache(PERFOPT_CACHE_OPTIONS(.loader_wait_ms = 20));
    atomic_store(&j.hold, true);
    start(&slow, &j);
    wait_until(atomic_load(&j.runs) == 1);
    assert_int_equal(compute(&own, "k", text, NULL), PERFOPT_OK);
    assert_string_equal(text, "own");
    assert_value(j.cache, "k", "(none)"); /* not stored */
    atomic_store(&j.hold, false);
    pthread_join(slow.thread, NULL);
    assert_value(j.cache, "k", "slow");
    perfopt_cache_destroy(j.cache);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_loads_once),
        TEST(test_absent),
        TEST(test_failure_passes_through),
        TEST(test_loader_may_refuse_storing),
        TEST(test_recursion),
        TEST(test_invalidated_while_loading),
        TEST(test_unrelated_invalidation_does_not_discard),
        TEST(test_waiters_share_the_value),
        TEST(test_waiters_share_the_failure),
        TEST(test_no_join_after_invalidation),
        TEST(test_waiters_of_a_discarded_load_retry),
        TEST(test_waiter_loses_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
