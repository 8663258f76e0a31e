/*
 * test_cache.c - the query cache against a real PostgreSQL and a real Redis.
 */
#include "support/fake_clock.h"
#include "support/postgres_server.h"
#include "support/redis_server.h"

#include <perfopt/metrics.h>
#include <perfopt/query_cache.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static test_postgres *pg;
static test_redis *redis;

/* One "process": a pool, a cache and a query cache. */
typedef struct site {
    perfopt_db *db;
    perfopt_cache *cache;
    perfopt_query_cache *queries;
} site;

static site site_with(const char *url, bool with_redis, const perfopt_query_cache_options *options)
{
    site s;
    perfopt_redis_options redis_options = PERFOPT_REDIS_OPTIONS_INIT;
    redis_options.url = test_redis_url(redis);
    perfopt_cache_options cache_options = PERFOPT_CACHE_OPTIONS_INIT;
    cache_options.redis = with_redis ? &redis_options : NULL;
    cache_options.jitter_percent = UINT32_MAX;
    assert_int_equal(perfopt_db_create(PERFOPT_DB_OPTIONS(.url = url), &s.db, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_cache_create(&cache_options, &s.cache, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_query_cache_create(options, s.db, s.cache, &s.queries, NULL),
                     PERFOPT_OK);
    return s;
}

static site site_of(bool with_redis)
{
    return site_with(test_postgres_url(pg), with_redis, NULL);
}

static void site_end(site *s)
{
    perfopt_query_cache_destroy(s->queries);
    perfopt_cache_destroy(s->cache);
    perfopt_db_destroy(s->db);
}

static uint64_t asked(const site *s)
{
    perfopt_db_stats stats;
    perfopt_db_get_stats(s->db, &stats);
    return stats.queries;
}

static int64_t fetch_int(const site *s, const perfopt_query_spec *spec, int64_t param)
{
    perfopt_rows *rows;
    int64_t number = -1;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_param params[] = {perfopt_param_int(param)};
    if (perfopt_query_cache_fetch(s->queries, spec, params, 1, &rows, &err) != PERFOPT_OK)
        fail_msg("%s", err.message);
    assert_true(perfopt_rows_int(rows, 0, 0, &number));
    perfopt_rows_release(rows);
    return number;
}

static const perfopt_query_spec counter_spec = {
    .struct_size = sizeof(perfopt_query_spec),
    .name = "counter",
    .sql = "SELECT n, 'text' AS t, NULL AS nothing FROM counter WHERE id = $1",
    .tags = "numbers",
    .group_ = "content",
    .invalidate_on = "counted, recounted",
};

static void set_counter(int value)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "UPDATE counter SET n = %d", value);
    test_postgres_sql(pg, sql);
}

/* ---- hits and misses ---------------------------------------------------------------------- */

static void a_hit_asks_nobody(void **state)
{
    (void)state;
    site s = site_of(true);
    set_counter(1);
    perfopt_scope scope;
    perfopt_scope_begin(&scope);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fetch_int(&s, &counter_spec, 1), 1);
    perfopt_scope_end(&scope);
    assert_int_equal(asked(&s), 1);
    assert_int_equal(scope.stats.queries, 1);
    assert_int_equal(scope.stats.queries_saved, 4);
    set_counter(2);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 1); /* nobody told it */
    assert_int_equal(fetch_int(&s, &counter_spec, 2), 2); /* another parameter */
    perfopt_query_cache_stats total, one;
    assert_int_equal(perfopt_query_cache_get_stats(s.queries, &total, &one, 1), 1);
    assert_string_equal(one.name, "counter");
    assert_int_equal(one.hits, 5);
    assert_int_equal(one.misses, 2);
    assert_int_equal(total.hits, 5);
    assert_true(one.saved_ns > 0);
    perfopt_query_cache_reset_stats(s.queries);
    perfopt_query_cache_get_stats(s.queries, &total, NULL, 0);
    assert_int_equal(total.hits, 0);
    site_end(&s);
}

static void a_second_process_reads_the_first_ones_result(void **state)
{
    (void)state;
    set_counter(10);
    site a = site_of(true), b = site_of(true);
    assert_int_equal(fetch_int(&a, &counter_spec, 1), 10);
    set_counter(11);
    assert_int_equal(fetch_int(&b, &counter_spec, 1), 10);
    assert_int_equal(asked(&b), 0);
    /* NULL, text and types survive the way through Redis. */
    perfopt_rows *rows;
    perfopt_param params[] = {perfopt_param_int(1)};
    assert_int_equal(perfopt_query_cache_fetch(b.queries, &counter_spec, params, 1, &rows, NULL),
                     PERFOPT_OK);
    assert_int_equal(perfopt_rows_cell(rows, 0, 0).kind, PERFOPT_INT);
    assert_string_equal(perfopt_rows_text(rows, 0, 1, NULL), "text");
    assert_int_equal(perfopt_rows_cell(rows, 0, 2).kind, PERFOPT_NONE);
    perfopt_rows_release(rows);
    assert_int_equal(perfopt_query_cache_event(a.queries, "recounted", NULL), PERFOPT_OK);
    assert_int_equal(fetch_int(&a, &counter_spec, 1), 11);
    while (fetch_int(&b, &counter_spec, 1) != 11) /* within a second */
        sched_yield();
    site_end(&a);
    site_end(&b);
}

static void two_roles_never_share_a_result(void **state)
{
    (void)state;
    test_postgres_sql(pg, "CREATE ROLE one LOGIN PASSWORD 'x'; CREATE ROLE two LOGIN PASSWORD 'x'");
    static const perfopt_query_spec who = {.struct_size = sizeof(perfopt_query_spec),
                                           .name = "who",
                                           .sql = "SELECT (current_user = 'one')::int + $1"};
    char url[256];
    snprintf(url, sizeof(url), "postgresql://one:x@/postgres?host=%s", test_postgres_host(pg));
    site one = site_with(url, true, NULL);
    snprintf(url, sizeof(url), "postgresql://two:x@/postgres?host=%s", test_postgres_host(pg));
    site two = site_with(url, true, NULL);
    assert_int_equal(fetch_int(&one, &who, 0), 1);
    assert_int_equal(fetch_int(&two, &who, 0), 0);
    assert_int_equal(fetch_int(&one, &who, 0), 1);
    site_end(&one);
    site_end(&two);
    test_postgres_sql(pg, "DROP ROLE one; DROP ROLE two");
}

static void lifetimes_are_obeyed(void **state)
{
    (void)state;
    test_clock_install();
    site s = site_of(false);
    perfopt_query_spec spec = counter_spec;
    spec.name = "short_lived";
    spec.default_timeout_s_ = 10;
    set_counter(20);
    assert_int_equal(fetch_int(&s, &spec, 1), 20);
    set_counter(21);
    test_clock_advance_ms(9900);
    assert_int_equal(fetch_int(&s, &spec, 1), 20);
    test_clock_advance_ms(200);
    assert_int_equal(fetch_int(&s, &spec, 1), 21);
    spec.name = "named";
    spec.timeout_name = "test_named";
    perfopt_rows *rows = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_param params[] = {perfopt_param_int(1)};
    assert_int_equal(perfopt_query_cache_fetch(s.queries, &spec, params, 1, &rows, &err),
                     PERFOPT_EINVAL);
    assert_non_null(strstr(err.message, "test_named"));
    assert_int_equal(perfopt_timeout_set("test_named", 100), PERFOPT_OK);
    assert_int_equal(fetch_int(&s, &spec, 1), 21);
    set_counter(22);
    test_clock_advance_ms(99000);
    assert_int_equal(fetch_int(&s, &spec, 1), 21);
    test_clock_advance_ms(1100);
    assert_int_equal(fetch_int(&s, &spec, 1), 22);
    site_end(&s);
    test_clock_remove();
}

/* ---- invalidation ------------------------------------------------------------------------- */

static void everything_that_invalidates_does(void **state)
{
    (void)state;
    site s = site_of(true);
    perfopt_param params[] = {perfopt_param_int(1)};
    perfopt_rows *rows;
    for (int way = 0; way < 7; way++) {
        set_counter(100 + way * 2);
        perfopt_query_cache_invalidate_all(s.queries, &counter_spec, NULL);
        assert_int_equal(fetch_int(&s, &counter_spec, 1), 100 + way * 2);
        set_counter(101 + way * 2);
        perfopt_status status = PERFOPT_OK;
        if (way == 0)
            status = perfopt_query_cache_invalidate(s.queries, &counter_spec, params, 1);
        else if (way == 1)
            status = perfopt_query_cache_invalidate_all(s.queries, &counter_spec, NULL);
        else if (way == 2)
            status = perfopt_query_cache_event(s.queries, "counted", NULL);
        else if (way == 3)
            status = perfopt_cache_invalidate_tag(s.cache, "numbers", NULL);
        else if (way == 4)
            status = perfopt_cache_invalidate_tag(s.cache, "content", NULL);
        else if (way == 5)
            status = perfopt_cache_invalidate_pattern(s.cache, "counter:*", false, NULL, NULL);
        else
            status = perfopt_query_cache_refresh(s.queries, &counter_spec, params, 1, &rows, NULL);
        assert_int_equal(status, PERFOPT_OK);
        if (way == 6)
            perfopt_rows_release(rows);
        assert_int_equal(fetch_int(&s, &counter_spec, 1), 101 + way * 2);
    }
    assert_int_equal(perfopt_query_cache_event(s.queries, "unrelated", NULL), PERFOPT_OK);
    set_counter(1);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 113);
    assert_int_equal(perfopt_query_cache_event(s.queries, "a b", NULL), PERFOPT_EINVAL);
    site_end(&s);
}

typedef struct slow_fetch {
    const site *site;
    const perfopt_query_spec *spec;
    atomic_int done;
    int64_t result[16];
} slow_fetch;

static void *slow_fetch_thread(void *user)
{
    slow_fetch *f = user;
    int64_t result = fetch_int(f->site, f->spec, 1);
    f->result[atomic_fetch_add(&f->done, 1)] = result;
    return NULL;
}

static const perfopt_query_spec slow_spec = {
    .struct_size = sizeof(perfopt_query_spec),
    .name = "slow_counter",
    .sql = "SELECT n FROM counter, pg_sleep(0.3) WHERE id = $1",
    .invalidate_on = "counted",
};

static void wait_until_running(void)
{
    while (strcmp(test_postgres_sql(pg, "SELECT count(*) FROM pg_stat_activity WHERE state = "
                                        "'active' AND query LIKE '%pg_sleep(0.3)%' AND pid <> "
                                        "pg_backend_pid()"),
                  "0") == 0)
        sched_yield();
}

/* The old value is read, then it changes and is invalidated, then the reader would store it. */
static void a_result_from_before_an_invalidation_is_not_stored(void **state)
{
    (void)state;
    site s = site_of(true);
    set_counter(200);
    perfopt_query_cache_invalidate_all(s.queries, &slow_spec, NULL);
    slow_fetch f = {.site = &s, .spec = &slow_spec};
    pthread_t thread;
    pthread_create(&thread, NULL, slow_fetch_thread, &f);
    wait_until_running();
    set_counter(201);
    assert_int_equal(perfopt_query_cache_event(s.queries, "counted", NULL), PERFOPT_OK);
    pthread_join(thread, NULL);
    assert_int_equal(f.result[0], 200);
    assert_int_equal(fetch_int(&s, &slow_spec, 1), 201);
    site_end(&s);
}

static void one_asks_for_all(void **state)
{
    (void)state;
    site s = site_of(true);
    set_counter(300);
    perfopt_query_cache_invalidate_all(s.queries, &slow_spec, NULL);
    uint64_t before = asked(&s);
    slow_fetch f = {.site = &s, .spec = &slow_spec};
    pthread_t threads[16];
    for (int i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, slow_fetch_thread, &f);
    for (int i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 16; i++)
        assert_int_equal(f.result[i], 300);
    assert_int_equal(asked(&s) - before, 1);
    site_end(&s);
}

/* ---- what is not stored ------------------------------------------------------------------- */

static bool is_positive(const perfopt_rows *rows)
{
    int64_t n = 0;
    return perfopt_rows_int(rows, 0, 0, &n) && n > 0;
}

static bool is_id_7(const perfopt_param *params, size_t count)
{
    return count == 1 && params[0].as.integer == 7;
}

static void conditions_and_exceptions(void **state)
{
    (void)state;
    site s = site_of(true);
    perfopt_query_spec spec = counter_spec;
    spec.name = "conditional";
    spec.condition = is_positive;
    spec.unless = is_id_7;
    set_counter(-1);
    assert_int_equal(fetch_int(&s, &spec, 1), -1);
    set_counter(5);
    assert_int_equal(fetch_int(&s, &spec, 1), 5);
    set_counter(6);
    assert_int_equal(fetch_int(&s, &spec, 1), 5);
    assert_int_equal(fetch_int(&s, &spec, 7), 6);
    set_counter(7);
    assert_int_equal(fetch_int(&s, &spec, 7), 7);
    perfopt_rows *rows;
    perfopt_param params[] = {perfopt_param_int(1)};
    assert_int_equal(perfopt_query_cache_bypass(s.queries, &spec, params, 1, &rows, NULL),
                     PERFOPT_OK);
    assert_string_equal(perfopt_rows_text(rows, 0, 0, NULL), "7");
    perfopt_rows_release(rows);
    assert_int_equal(fetch_int(&s, &spec, 1), 5); /* bypass did not write */
    perfopt_query_cache_stats one;
    perfopt_query_cache_get_stats(s.queries, NULL, &one, 1);
    assert_int_equal(one.not_stored, 1);
    assert_int_equal(one.bypassed, 3);
    site_end(&s);
}

static void large_results_are_returned_but_not_stored(void **state)
{
    (void)state;
    site s = site_with(test_postgres_url(pg), true,
                       PERFOPT_QUERY_CACHE_OPTIONS(.max_result_bytes = 1000));
    static const perfopt_query_spec large = {.struct_size = sizeof(perfopt_query_spec),
                                             .name = "large",
                                             .sql = "SELECT g FROM generate_series($1, 500) g"};
    for (int i = 0; i < 2; i++)
        assert_int_equal(fetch_int(&s, &large, 1), 1);
    assert_int_equal(asked(&s), 2);
    assert_int_equal(fetch_int(&s, &large, 499), 499);
    assert_int_equal(fetch_int(&s, &large, 499), 499);
    assert_int_equal(asked(&s), 3);
    site_end(&s);
}

static void switched_off_it_asks_each_time(void **state)
{
    (void)state;
    site s =
        site_with(test_postgres_url(pg), true, PERFOPT_QUERY_CACHE_OPTIONS(.enabled = PERFOPT_OFF));
    set_counter(1);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 1);
    set_counter(2);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 2);
    site_end(&s);
}

static void errors_pass_untouched_and_are_not_stored(void **state)
{
    (void)state;
    site s = site_of(true);
    static const perfopt_query_spec broken = {.struct_size = sizeof(perfopt_query_spec),
                                              .name = "broken",
                                              .sql = "SELECT n FROM missing_table WHERE id = $1"};
    perfopt_rows *rows = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_param params[] = {perfopt_param_int(1)};
    assert_int_equal(perfopt_query_cache_fetch(s.queries, &broken, params, 1, &rows, &err),
                     PERFOPT_EDB);
    assert_string_equal(err.detail, "42P01");
    assert_int_equal(err.origin, PERFOPT_ORIGIN_POSTGRES);
    assert_null(rows);
    test_postgres_sql(pg, "CREATE TABLE missing_table AS SELECT 1 AS id, 9 AS n");
    assert_int_equal(fetch_int(&s, &broken, 1), 9);
    test_postgres_sql(pg, "DROP TABLE missing_table");
    assert_int_equal(perfopt_query_cache_fetch(s.queries, NULL, NULL, 0, &rows, &err),
                     PERFOPT_EINVAL);
    perfopt_query_spec nameless = {.struct_size = sizeof(nameless), .sql = "SELECT 1"};
    assert_int_equal(perfopt_query_cache_fetch(s.queries, &nameless, NULL, 0, &rows, &err),
                     PERFOPT_EINVAL);
    perfopt_query_cache_stats total;
    perfopt_query_cache_get_stats(s.queries, &total, NULL, 0);
    assert_int_equal(total.errors, 1);
    site_end(&s);
}

static void a_damaged_value_is_a_miss(void **state)
{
    (void)state;
    site s = site_of(true);
    set_counter(400);
    char key[128];
    perfopt_param params[] = {perfopt_param_int(1)};
    perfopt_query_cache_key(s.queries, &counter_spec, params, 1, key);
    assert_int_equal(strncmp(key, "counter:", 8), 0);
    assert_int_equal(perfopt_cache_set(s.cache, key, strlen(key), "garbage", 7, NULL), PERFOPT_OK);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 400);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 400); /* the garbage is gone: stored */
    set_counter(401);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 400);
    site_end(&s);
}

/* ---- a database that is down --------------------------------------------------------------- */

static void hits_are_served_while_the_database_is_down(void **state)
{
    (void)state;
    site s = site_of(true);
    set_counter(500);
    perfopt_query_cache_invalidate_all(s.queries, &counter_spec, NULL);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 500);
    test_postgres_stop(pg);
    assert_int_equal(fetch_int(&s, &counter_spec, 1), 500);
    perfopt_rows *rows = NULL;
    perfopt_param params[] = {perfopt_param_int(77)};
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_query_cache_fetch(s.queries, &counter_spec, params, 1, &rows, &err),
                     PERFOPT_EUNAVAILABLE);
    assert_true(err.message[0] != '\0');
    test_postgres_restart(pg);
    while (perfopt_query_cache_fetch(s.queries, &counter_spec, params, 1, &rows, &err) !=
           PERFOPT_OK)
        sched_yield();
    perfopt_rows_release(rows);
    site_end(&s);
}

/* Before the role is known no result is read or stored: it could be somebody else's. */
static void nothing_is_cached_for_nobody(void **state)
{
    (void)state;
    site s = site_with("postgresql:///x?host=/tmp/perfopt-no-such-folder", true, NULL);
    perfopt_rows *rows = NULL;
    assert_int_equal(perfopt_query_cache_fetch(s.queries, &counter_spec, NULL, 0, &rows, NULL),
                     PERFOPT_EUNAVAILABLE);
    perfopt_cache_stats stats;
    perfopt_cache_get_stats(s.cache, &stats);
    assert_int_equal(stats.misses + stats.hits_l1 + stats.hits_l2, 0);
    site_end(&s);
}

/* ---- aggregates --------------------------------------------------------------------------- */

static void aggregates_are_values(void **state)
{
    (void)state;
    site s = site_of(true);
    perfopt_arena *arena;
    perfopt_value value;
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    static const struct {
        const char *name, *sql;
        perfopt_kind kind;
    } cases[] = {{"agg_count", "SELECT count(*) FROM generate_series(1, 5)", PERFOPT_INT},
                 {"agg_text", "SELECT max(x) FROM unnest(ARRAY['a', 'b']) x", PERFOPT_STRING},
                 {"agg_null", "SELECT max(x) FROM generate_series(1, 0) x", PERFOPT_NONE},
                 {"agg_none", "SELECT 1 WHERE false", PERFOPT_NONE}};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 4; i++) {
            perfopt_query_spec spec = {
                .struct_size = sizeof(spec), .name = cases[i].name, .sql = cases[i].sql};
            assert_int_equal(
                perfopt_query_cache_aggregate(s.queries, &spec, NULL, 0, arena, &value, NULL),
                PERFOPT_OK);
            assert_int_equal(value.kind, cases[i].kind);
            if (value.kind == PERFOPT_STRING)
                assert_memory_equal(value.as.string, "b", 1);
        }
    }
    assert_int_equal(asked(&s), 4);
    perfopt_arena_destroy(arena);
    site_end(&s);
}

static int start(void **state)
{
    (void)state;
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    pg = test_postgres_start(NULL);
    redis = test_redis_start(NULL);
    test_postgres_sql(pg, "CREATE TABLE counter AS SELECT g AS id, 0 AS n FROM "
                          "generate_series(1, 100) g");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_redis_destroy(redis);
    test_postgres_destroy(pg);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    test_redis_command(redis, "FLUSHALL");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_hit_asks_nobody, forget),
        cmocka_unit_test_setup(a_second_process_reads_the_first_ones_result, forget),
        cmocka_unit_test_setup(two_roles_never_share_a_result, forget),
        cmocka_unit_test_setup(lifetimes_are_obeyed, forget),
        cmocka_unit_test_setup(everything_that_invalidates_does, forget),
        cmocka_unit_test_setup(a_result_from_before_an_invalidation_is_not_stored, forget),
        cmocka_unit_test_setup(one_asks_for_all, forget),
        cmocka_unit_test_setup(conditions_and_exceptions, forget),
        cmocka_unit_test_setup(large_results_are_returned_but_not_stored, forget),
        cmocka_unit_test_setup(switched_off_it_asks_each_time, forget),
        cmocka_unit_test_setup(errors_pass_untouched_and_are_not_stored, forget),
        cmocka_unit_test_setup(a_damaged_value_is_a_miss, forget),
        cmocka_unit_test_setup(hits_are_served_while_the_database_is_down, forget),
        cmocka_unit_test_setup(nothing_is_cached_for_nobody, forget),
        cmocka_unit_test_setup(aggregates_are_values, forget),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
