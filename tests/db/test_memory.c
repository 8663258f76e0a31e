/*
 * test_memory.c - every allocation of the main operations fails once: an error each time, nothing
 * leaked, and the pool as good as before.
 */
#include "db/db_internal.h"
#include "support/failing_alloc.h"
#include "support/postgres_server.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static test_postgres *pg;

static perfopt_db *make(void)
{
    perfopt_db *db = NULL;
    perfopt_db_create(PERFOPT_DB_OPTIONS(.url = test_postgres_url(pg), .pool_size = 2,
                                         .application_name = "memory"),
                      &db, NULL);
    return db;
}

static perfopt_status run_query(perfopt_db *db)
{
    perfopt_rows *rows = NULL;
    const char *texts[] = {"a", "b"};
    perfopt_status status =
        perfopt_db_query(db, "SELECT x AS k, x FROM unnest($1) x",
                         PERFOPT_PARAMS(perfopt_param_text_array(texts, 2)), NULL, &rows, NULL);
    if (status == PERFOPT_OK)
        status = perfopt_db_eager_load(db, rows, "k", "SELECT x AS k FROM unnest($1) x", "k", "rel",
                                       true, NULL);
    perfopt_rows_release(rows);
    return status;
}

static perfopt_status run_transaction(perfopt_db *db)
{
    perfopt_tx *tx;
    perfopt_rows *rows = NULL;
    perfopt_status status = perfopt_tx_begin(db, PERFOPT_SERIALIZABLE, false, &tx, NULL);
    if (status != PERFOPT_OK)
        return status;
    status = perfopt_tx_query(tx, "SELECT 2", PERFOPT_NO_PARAMS, NULL, &rows, NULL);
    perfopt_rows_release(rows);
    if (status == PERFOPT_OK)
        return perfopt_tx_commit(tx, NULL);
    perfopt_tx_rollback(tx);
    return status;
}

static perfopt_status run_advice(perfopt_db *db)
{
    perfopt_index_advice advice[4];
    size_t count;
    return perfopt_db_suggest_indexes(db, advice, 4, &count, NULL);
}

static perfopt_status run_late(perfopt_db *db)
{
    perfopt_status status = perfopt_db_query(db, "SELECT pg_sleep(10)", PERFOPT_NO_PARAMS,
                                             PERFOPT_QUERY_OPTIONS(.timeout_ms = 5), NULL, NULL);
    return status == PERFOPT_ETIMEOUT ? PERFOPT_OK : status;
}

/* Some allocations are not needed for the answer (statistics, the statement cache). */
static void sweep(perfopt_status (*operation)(perfopt_db *db))
{
    for (unsigned n = 1;; n++) {
        perfopt_db *db = make();
        assert_non_null(db);
        test_alloc_fail(n);
        perfopt_status status = operation(db);
        bool failed = test_alloc_stop();
        if (status != PERFOPT_OK)
            assert_int_equal(status, PERFOPT_ENOMEM);
        if (!failed)
            assert_int_equal(status, PERFOPT_OK);
        assert_true(perfopt__pool_check(db->pool));
        assert_int_equal(operation(db), PERFOPT_OK);
        perfopt_db_destroy(db);
        assert_int_equal(test_alloc_live(), 0);
        if (!failed)
            break;
    }
}

static void queries(void **state)
{
    (void)state;
    sweep(run_query);
}

static void transactions(void **state)
{
    (void)state;
    sweep(run_transaction);
}

static void advice(void **state)
{
    (void)state;
    sweep(run_advice);
}

static void deadlines(void **state)
{
    (void)state;
    sweep(run_late);
}

static void creation(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        test_alloc_fail(n);
        perfopt_db *db = make();
        bool failed = test_alloc_stop();
        /* A connect that ran out of memory is a server that is not there yet: it heals. */
        while (db && perfopt_db_health_check(db, NULL, NULL) != PERFOPT_OK)
            sched_yield();
        perfopt_db_destroy(db);
        assert_int_equal(test_alloc_live(), 0);
        if (!failed)
            break;
    }
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries),   cmocka_unit_test(transactions), cmocka_unit_test(advice),
        cmocka_unit_test(deadlines), cmocka_unit_test(creation),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
