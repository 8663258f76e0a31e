/*
 * test_failures.c - a server that is stopped, restarted, frozen, full or wrong about the password:
 * clear errors in time, everything works again afterwards, and no slot is ever lost.
 */
#include "base/clock.h"
#include "db/db_internal.h"
#include "support/postgres_server.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define THREADS 16

static test_postgres *pg;

static perfopt_db_stats stats_of(perfopt_db *db)
{
    perfopt_db_stats stats;
    perfopt_db_get_stats(db, &stats);
    return stats;
}

static perfopt_db *db_at(const char *url, uint32_t size, uint32_t overflow, uint32_t timeout_ms)
{
    perfopt_db *db;
    assert_int_equal(perfopt_db_create(
                         PERFOPT_DB_OPTIONS(.url = url, .pool_size = size, .max_overflow = overflow,
                                            .timeout_ms = timeout_ms, .connect_timeout_ms = 2000),
                         &db, NULL),
                     PERFOPT_OK);
    return db;
}

static perfopt_status ask(perfopt_db *db, const char *sql, uint32_t timeout_ms, perfopt_error *err)
{
    return perfopt_db_query(db, sql, PERFOPT_NO_PARAMS,
                            PERFOPT_QUERY_OPTIONS(.timeout_ms = timeout_ms), NULL, err);
}

static void wait_until_healthy(perfopt_db *db)
{
    int64_t give_up_ns = perfopt__now_ns() + 60 * (int64_t)1000000000;
    while (ask(db, "SELECT 1", 5000, NULL) != PERFOPT_OK) {
        assert_true(perfopt__now_ns() < give_up_ns);
        sched_yield();
    }
}

/* All slots are free or idle, and as many connections as the pool has slots can be lent. */
static void assert_nothing_lost(perfopt_db *db)
{
    assert_true(perfopt__pool_check(db->pool));
    perfopt_db_stats stats = stats_of(db);
    assert_int_equal(stats.in_use, 0);
    assert_int_equal(stats.waiting, 0);
    perfopt_tx *txs[32];
    uint32_t total = stats.pool_size + stats.max_overflow;
    for (uint32_t i = 0; i < total; i++)
        assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, true, &txs[i], NULL),
                         PERFOPT_OK);
    for (uint32_t i = 0; i < total; i++)
        perfopt_tx_rollback(txs[i]);
    assert_int_equal(stats_of(db).in_use, 0);
    assert_true(perfopt__pool_check(db->pool));
}

/* ---- load --------------------------------------------------------------------------------- */

typedef struct load {
    perfopt_db *db;
    atomic_bool stop;
    atomic_int ok, unavailable, database, timeout, other;
} load;

static perfopt_status one_request(perfopt_db *db, int i, perfopt_error *err)
{
    if (i % 3)
        return ask(db, "SELECT count(*) FROM generate_series(1, 50)", 0, err);
    perfopt_tx *tx;
    perfopt_status status = perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, false, &tx, err);
    if (status != PERFOPT_OK)
        return status;
    status = perfopt_tx_query(tx, "SELECT 1", PERFOPT_NO_PARAMS, NULL, NULL, err);
    if (status == PERFOPT_OK && i % 2)
        return perfopt_tx_commit(tx, err);
    perfopt_tx_rollback(tx);
    return status;
}

static void *load_thread(void *user)
{
    load *l = user;
    for (int i = 0; !atomic_load(&l->stop); i++) {
        perfopt_error err = PERFOPT_ERROR_INIT;
        perfopt_status status = one_request(l->db, i, &err);
        atomic_int *counter = status == PERFOPT_OK             ? &l->ok
                              : status == PERFOPT_EUNAVAILABLE ? &l->unavailable
                              : status == PERFOPT_EDB          ? &l->database
                              : status == PERFOPT_ETIMEOUT     ? &l->timeout
                                                               : &l->other;
        atomic_fetch_add(counter, 1);
        if (status != PERFOPT_OK) {
            assert_true(err.message[0] != '\0');
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    }
    return NULL;
}

static void start_load(load *l, pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, load_thread, l);
}

static void stop_load(load *l, pthread_t threads[THREADS])
{
    atomic_store(&l->stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void wait_for_more(atomic_int *counter, int more)
{
    int target = atomic_load(counter) + more;
    while (atomic_load(counter) < target)
        sched_yield();
}

static void restarts_under_load_lose_nothing(void **state)
{
    (void)state;
    load l = {.db = db_at(test_postgres_url(pg), 5, 3, 5000)};
    pthread_t threads[THREADS];
    start_load(&l, threads);
    for (int round = 0; round < 4; round++) {
        wait_for_more(&l.ok, 500);
        test_postgres_stop(pg);
        wait_for_more(&l.unavailable, 20); /* clear errors, at once */
        test_postgres_restart(pg);
        wait_for_more(&l.ok, 500); /* heals by itself */
        assert_true(perfopt__pool_check(l.db->pool));
    }
    stop_load(&l, threads);
    assert_int_equal(l.other, 0);
    assert_int_equal(l.database, 0);
    assert_true(stats_of(l.db).up);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask(l.db, "SELECT 1", 0, NULL), PERFOPT_OK);
    assert_nothing_lost(l.db);
    perfopt_db_destroy(l.db);
}

/* Returns when the backends are gone. */
static void terminate_all(void)
{
    test_postgres_sql(pg, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                          "WHERE application_name = 'libperfopt'");
}

static void terminated_backends_are_replaced(void **state)
{
    (void)state;
    load l = {.db = db_at(test_postgres_url(pg), 5, 3, 5000)};
    pthread_t threads[THREADS];
    start_load(&l, threads);
    for (int round = 0; round < 10; round++) {
        wait_for_more(&l.ok, 200);
        test_postgres_sql(pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                              "WHERE application_name = 'libperfopt'");
    }
    stop_load(&l, threads);
    assert_int_equal(l.other, 0);
    /* The last round's backends may still be dying, and one that dies in use is an error; one that
     * was killed while it connected makes the pool wait before the next trial. */
    terminate_all();
    wait_until_healthy(l.db);
    assert_nothing_lost(l.db);
    perfopt_db_destroy(l.db);
}

/* A connection that died at rest must not cost the caller an error, however short the rest was. */
static void a_connection_lost_between_requests_is_not_noticed(void **state)
{
    (void)state;
    perfopt_db *db = db_at(test_postgres_url(pg), 5, 3, 5000);
    for (int round = 0; round < 10; round++) {
        perfopt_tx *txs[3];
        for (int i = 0; i < 3; i++)
            assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, true, &txs[i], NULL),
                             PERFOPT_OK);
        for (int i = 0; i < 3; i++)
            perfopt_tx_rollback(txs[i]);
        terminate_all();
        assert_int_equal(ask(db, "SELECT 1", 0, NULL), PERFOPT_OK);
    }
    assert_int_equal(stats_of(db).errors, 0);
    assert_nothing_lost(db);
    perfopt_db_destroy(db);
}

/* Nobody asks meanwhile; the keeper may have met the server while it was starting up. */
static void a_restart_between_requests_heals(void **state)
{
    (void)state;
    perfopt_db *db = db_at(test_postgres_url(pg), 5, 3, 5000);
    for (int round = 0; round < 3; round++) {
        test_postgres_restart(pg);
        wait_until_healthy(db);
    }
    assert_nothing_lost(db);
    perfopt_db_destroy(db);
}

/* ---- deadlines ---------------------------------------------------------------------------- */

static void a_late_statement_is_cancelled_on_the_server(void **state)
{
    (void)state;
    perfopt_db *db = db_at(test_postgres_url(pg), 1, UINT32_MAX, 5000);
    perfopt_error err = PERFOPT_ERROR_INIT;
    int64_t start_ns = perfopt__now_ns();
    assert_int_equal(ask(db, "SELECT pg_sleep(60)", 100, &err), PERFOPT_ETIMEOUT);
    assert_true(perfopt__now_ns() - start_ns < 5 * (int64_t)1000000000);
    assert_string_equal(err.detail, "57014");
    assert_string_equal(test_postgres_sql(pg, "SELECT count(*) FROM pg_stat_activity WHERE "
                                              "query LIKE '%pg_sleep(60)%' AND state = 'active' "
                                              "AND pid <> pg_backend_pid()"),
                        "0");
    assert_int_equal(ask(db, "SELECT 1", 0, NULL), PERFOPT_OK);
    perfopt_db_stats stats = stats_of(db);
    assert_int_equal(stats.deadlines, 1);
    assert_int_equal(stats.connects, 1); /* it obeyed: the connection is kept */
    assert_nothing_lost(db);
    perfopt_db_destroy(db);
}

static void a_frozen_server_cannot_hold_a_caller(void **state)
{
    (void)state;
    perfopt_db *db = db_at(test_postgres_url(pg), 2, UINT32_MAX, 1000);
    assert_int_equal(ask(db, "SELECT 1", 0, NULL), PERFOPT_OK);
    test_postgres_pause(pg);
    for (int i = 0; i < 3; i++) {
        int64_t start_ns = perfopt__now_ns();
        perfopt_error err = PERFOPT_ERROR_INIT;
        perfopt_status status = ask(db, "SELECT 1", 300, &err);
        int64_t took_ms = (perfopt__now_ns() - start_ns) / 1000000;
        assert_true(status == PERFOPT_ETIMEOUT || status == PERFOPT_EUNAVAILABLE);
        assert_true(err.message[0] != '\0');
        assert_in_range(took_ms, 0, 4000);
    }
    test_postgres_resume(pg);
    wait_until_healthy(db);
    assert_nothing_lost(db);
    perfopt_db_destroy(db);
}

static void the_pool_says_when_it_is_exhausted(void **state)
{
    (void)state;
    perfopt_db *db = db_at(test_postgres_url(pg), 1, 1, 100);
    perfopt_tx *a, *b;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, true, &a, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, true, &b, NULL), PERFOPT_OK);
    assert_int_equal(ask(db, "SELECT 1", 0, &err), PERFOPT_EEXHAUSTED);
    assert_non_null(strstr(err.message, "total 2, idle 0"));
    assert_int_equal(ask(db, "SELECT 1", 20, &err), PERFOPT_ETIMEOUT); /* its own deadline first */
    assert_int_equal(err.status, PERFOPT_ETIMEOUT);
    perfopt_tx_rollback(a);
    assert_int_equal(ask(db, "SELECT 1", 0, NULL), PERFOPT_OK);
    perfopt_tx_rollback(b);
    assert_int_equal(stats_of(db).acquire_timeouts, 2);
    perfopt_db_destroy(db);
}

/* ---- transactions ------------------------------------------------------------------------- */

static void a_transaction_learns_that_its_connection_is_gone(void **state)
{
    (void)state;
    perfopt_db *db = db_at(test_postgres_url(pg), 2, UINT32_MAX, 5000);
    perfopt_tx *tx;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, false, &tx, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_tx_query(tx, "SELECT 1", PERFOPT_NO_PARAMS, NULL, NULL, NULL),
                     PERFOPT_OK);
    terminate_all();
    assert_int_equal(perfopt_tx_query(tx, "SELECT 1", PERFOPT_NO_PARAMS, NULL, NULL, &err),
                     PERFOPT_EUNAVAILABLE);
    assert_int_equal(perfopt_tx_query(tx, "SELECT 1", PERFOPT_NO_PARAMS, NULL, NULL, &err),
                     PERFOPT_EUNAVAILABLE);
    assert_int_equal(perfopt_tx_commit(tx, &err), PERFOPT_EUNAVAILABLE);
    assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, false, &tx, NULL), PERFOPT_OK);
    terminate_all();
    assert_int_equal(perfopt_tx_commit(tx, &err), PERFOPT_EUNAVAILABLE);
    assert_string_equal(err.detail, "08007");
    assert_int_equal(ask(db, "SELECT 1", 0, NULL), PERFOPT_OK);
    assert_nothing_lost(db);
    perfopt_db_destroy(db);
}

/* ---- connecting --------------------------------------------------------------------------- */

static void a_full_server_refuses_some_and_serves_on(void **state)
{
    (void)state;
    test_postgres *small = test_postgres_start(&(test_postgres_options){.max_connections = 6});
    test_postgres_sql(small, "CREATE ROLE app LOGIN PASSWORD 'x'");
    char url[256];
    snprintf(url, sizeof(url), "postgresql://app:x@/postgres?host=%s", test_postgres_host(small));
    /* Two of six are reserved for the superuser: the pool may have eight, the server gives four. */
    load l = {.db = db_at(url, 8, UINT32_MAX, 5000)};
    pthread_t threads[THREADS];
    start_load(&l, threads);
    wait_for_more(&l.ok, 1000);
    stop_load(&l, threads);
    assert_int_equal(l.other + l.unavailable + l.database, 0);
    perfopt_tx *txs[4], *none = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    for (int i = 0; i < 4; i++)
        assert_int_equal(perfopt_tx_begin(l.db, PERFOPT_READ_COMMITTED, true, &txs[i], NULL),
                         PERFOPT_OK);
    assert_int_equal(perfopt_tx_begin(l.db, PERFOPT_READ_COMMITTED, true, &none, &err),
                     PERFOPT_EEXHAUSTED);
    assert_non_null(strstr(err.message, "total 4"));
    assert_non_null(strstr(err.message, "last connect error"));
    assert_true(stats_of(l.db).up);
    for (int i = 0; i < 4; i++)
        perfopt_tx_rollback(txs[i]);
    assert_true(perfopt__pool_check(l.db->pool));
    perfopt_db_destroy(l.db);
    test_postgres_destroy(small);
}

static void a_wrong_password_heals_without_a_restart(void **state)
{
    (void)state;
    test_postgres_sql(pg, "CREATE ROLE healed LOGIN PASSWORD 'other'");
    char url[256], identity[256];
    snprintf(url, sizeof(url), "postgresql://healed:s3cret@/postgres?host=%s",
             test_postgres_host(pg));
    perfopt_db *db = db_at(url, 2, 1, 5000);
    perfopt_db_stats stats = stats_of(db);
    assert_false(stats.up);
    assert_non_null(strstr(stats.error, "password authentication failed"));
    assert_null(strstr(stats.error, "s3cret"));
    perfopt_db_identity(db, identity);
    assert_string_equal(identity, "");
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(ask(db, "SELECT 1", 0, &err), PERFOPT_EUNAVAILABLE);
    assert_null(strstr(err.message, "s3cret"));
    perfopt_db_info info;
    assert_int_equal(perfopt_db_get_info(db, &info, NULL), PERFOPT_EUNAVAILABLE);
    assert_string_equal(info.user, "healed");
    assert_string_equal(info.host, test_postgres_host(pg));
    test_postgres_sql(pg, "ALTER ROLE healed PASSWORD 's3cret'");
    wait_until_healthy(db);
    assert_true(stats_of(db).up);
    perfopt_db_identity(db, identity);
    assert_string_equal(identity, "healed|\"$user\", public");
    assert_nothing_lost(db);
    perfopt_db_destroy(db);
    test_postgres_sql(pg, "DROP ROLE healed");
}

static void a_missing_server_is_no_error_of_create(void **state)
{
    (void)state;
    perfopt_db *db = db_at("postgresql:///x?host=/tmp/perfopt-no-such-folder", 2, 1, 5000);
    perfopt_error err = PERFOPT_ERROR_INIT;
    int64_t start_ns = perfopt__now_ns();
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask(db, "SELECT 1", 0, &err), PERFOPT_EUNAVAILABLE);
    assert_true(perfopt__now_ns() - start_ns < 5 * (int64_t)1000000000);
    assert_true(stats_of(db).connect_errors < 40); /* not one attempt for each caller */
    assert_int_equal(perfopt_db_health_check(db, NULL, &err), PERFOPT_EUNAVAILABLE);
    perfopt_db_destroy(db);
}

static int start(void **state)
{
    (void)state;
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
        cmocka_unit_test(restarts_under_load_lose_nothing),
        cmocka_unit_test(terminated_backends_are_replaced),
        cmocka_unit_test(a_connection_lost_between_requests_is_not_noticed),
        cmocka_unit_test(a_restart_between_requests_heals),
        cmocka_unit_test(a_late_statement_is_cancelled_on_the_server),
        cmocka_unit_test(a_frozen_server_cannot_hold_a_caller),
        cmocka_unit_test(the_pool_says_when_it_is_exhausted),
        cmocka_unit_test(a_transaction_learns_that_its_connection_is_gone),
        cmocka_unit_test(a_full_server_refuses_some_and_serves_on),
        cmocka_unit_test(a_wrong_password_heals_without_a_restart),
        cmocka_unit_test(a_missing_server_is_no_error_of_create),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
