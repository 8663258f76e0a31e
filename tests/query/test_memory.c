/*
 * test_memory.c - every allocation of a cached query fails once: an error or the right rows each
 * time, nothing leaked.
 */
#include "support/failing_alloc.h"
#include "support/postgres_server.h"

#include <perfopt/query_cache.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static test_postgres *pg;

static const perfopt_query_spec spec = {
    .struct_size = sizeof(perfopt_query_spec),
    .name = "words",
    .sql = "SELECT x FROM unnest($1) x",
    .tags = "t",
};

typedef struct site {
    perfopt_db *db;
    perfopt_cache *cache;
    perfopt_query_cache *queries;
} site;

static site site_make(void)
{
    site s = {NULL, NULL, NULL};
    assert_int_equal(
        perfopt_db_create(PERFOPT_DB_OPTIONS(.url = test_postgres_url(pg)), &s.db, NULL),
        PERFOPT_OK);
    assert_int_equal(perfopt_cache_create(NULL, &s.cache, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_query_cache_create(NULL, s.db, s.cache, &s.queries, NULL), PERFOPT_OK);
    return s;
}

static void site_end(site *s)
{
    perfopt_query_cache_destroy(s->queries);
    perfopt_cache_destroy(s->cache);
    perfopt_db_destroy(s->db);
}

static perfopt_status fetch(const site *s)
{
    const char *words[] = {"a", "b", "c"};
    perfopt_param params[] = {perfopt_param_text_array(words, 3)};
    perfopt_rows *rows = NULL;
    perfopt_status status = perfopt_query_cache_fetch(s->queries, &spec, params, 1, &rows, NULL);
    if (status == PERFOPT_OK) {
        assert_int_equal(perfopt_rows_count(rows), 3);
        assert_string_equal(perfopt_rows_text(rows, 2, 0, NULL), "c");
    } else {
        assert_null(rows);
    }
    perfopt_rows_release(rows);
    return status;
}

/* `warm`: the failing call is a hit. */
static void sweep(bool warm)
{
    for (unsigned n = 1;; n++) {
        site s = site_make();
        if (warm)
            assert_int_equal(fetch(&s), PERFOPT_OK);
        test_alloc_fail(n);
        perfopt_status status = fetch(&s);
        bool failed = test_alloc_stop();
        if (status != PERFOPT_OK)
            assert_int_equal(status, PERFOPT_ENOMEM);
        if (!failed)
            assert_int_equal(status, PERFOPT_OK);
        assert_int_equal(fetch(&s), PERFOPT_OK);
        assert_int_equal(fetch(&s), PERFOPT_OK);
        site_end(&s);
        assert_int_equal(test_alloc_live(), 0);
        if (!failed)
            break;
    }
}

static void misses(void **state)
{
    (void)state;
    sweep(false);
}

static void hits(void **state)
{
    (void)state;
    sweep(true);
}

static int start(void **state)
{
    (void)state;
    test_alloc_install();
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    pg = test_postgres_start(NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_postgres_destroy(pg);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(misses), cmocka_unit_test(hits)};
    return cmocka_run_group_tests(tests, start, stop);
}
