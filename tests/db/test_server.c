/*
 * test_server.c - queries, transactions and prepared statements against a real PostgreSQL.
 */
#include "db/db_internal.h"
#include "support/postgres_server.h"

#include <perfopt/metrics.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static test_postgres *pg;

static perfopt_db *db_of(uint32_t size, uint32_t overflow, uint32_t statements)
{
    perfopt_db *db;
    assert_int_equal(
        perfopt_db_create(PERFOPT_DB_OPTIONS(.url = test_postgres_url(pg), .pool_size = size,
                                             .max_overflow = overflow,
                                             .statement_cache = statements),
                          &db, NULL),
        PERFOPT_OK);
    return db;
}

static perfopt_db_stats stats_of(perfopt_db *db)
{
    perfopt_db_stats stats;
    perfopt_db_get_stats(db, &stats);
    return stats;
}

static int64_t query_int(perfopt_db *db, const char *sql)
{
    perfopt_rows *rows;
    int64_t number = -1;
    assert_int_equal(perfopt_db_query(db, sql, PERFOPT_NO_PARAMS, NULL, &rows, NULL), PERFOPT_OK);
    assert_true(perfopt_rows_int(rows, 0, 0, &number));
    perfopt_rows_release(rows);
    return number;
}

static void execute(perfopt_db *db, const char *sql)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt_db_execute(db, sql, PERFOPT_NO_PARAMS, NULL, NULL, &err);
    if (status != PERFOPT_OK)
        fail_msg("%s: %s", sql, err.message);
}

/* ---- parameters and results --------------------------------------------------------------- */

static void typed_parameters_arrive(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    perfopt_rows *rows;
    int64_t integers[] = {3, -4};
    const char *texts[] = {"a'b", NULL, "\xc3\xa4"};
    assert_int_equal(
        perfopt_db_query(
            db,
            "SELECT $1 + 1, $2, $3 || '!', $4, $5[2], $6[1] || $6[3], $7::date - 1, $8::text IS "
            "NULL, "
            "length($9), cardinality($10)",
            PERFOPT_PARAMS(PERFOPT_PARAM(41), PERFOPT_PARAM((bool)true), PERFOPT_PARAM("it's"),
                           PERFOPT_PARAM(0.1), perfopt_param_int_array(integers, 2),
                           perfopt_param_text_array(texts, 3), perfopt_param_untyped("2026-01-01"),
                           perfopt_param_text(NULL), perfopt_param_bytes("a\0b", 3),
                           perfopt_param_int_array(NULL, 0)),
            NULL, &rows, NULL),
        PERFOPT_OK);
    static const char *const expected[] = {"42",          "t",          "it's!", "0.1", "-4",
                                           "a'b\xc3\xa4", "2025-12-31", "t",     "3",   "0"};
    for (size_t c = 0; c < 10; c++)
        assert_string_equal(perfopt_rows_text(rows, 0, c, NULL), expected[c]);
    perfopt_rows_release(rows);
    perfopt_db_destroy(db);
}

static void binary_results_are_decoded(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    perfopt_rows *rows;
    assert_int_equal(
        perfopt_db_query(db,
                         "SELECT -5::int2, 70000::int4, -9e15::int8, 1.5::float4, -2.25::float8, "
                         "true, 'text', NULL::int4, 12::oid, '{\"a\": 1}'::jsonb",
                         PERFOPT_NO_PARAMS, PERFOPT_QUERY_OPTIONS(.binary = PERFOPT_ON), &rows,
                         NULL),
        PERFOPT_OK);
    assert_int_equal(perfopt_rows_cell(rows, 0, 0).as.integer, -5);
    assert_int_equal(perfopt_rows_cell(rows, 0, 1).as.integer, 70000);
    assert_true(perfopt_rows_cell(rows, 0, 2).as.integer == -9000000000000000);
    assert_true(perfopt_rows_cell(rows, 0, 3).as.real == 1.5);
    assert_true(perfopt_rows_cell(rows, 0, 4).as.real == -2.25);
    assert_true(perfopt_rows_cell(rows, 0, 5).as.boolean);
    assert_memory_equal(perfopt_rows_cell(rows, 0, 6).as.string, "text", 4);
    assert_int_equal(perfopt_rows_cell(rows, 0, 7).kind, PERFOPT_NONE);
    assert_int_equal(perfopt_rows_cell(rows, 0, 8).as.integer, 12);
    assert_memory_equal(perfopt_rows_cell(rows, 0, 9).as.string, "{\"a\": 1}", 8);
    assert_null(perfopt_rows_text(rows, 0, 6, NULL));
    int64_t integer;
    assert_true(perfopt_rows_int(rows, 0, 1, &integer));
    perfopt_bytes *bytes;
    assert_int_equal(perfopt_rows_to_bytes(rows, &bytes), PERFOPT_EUNSUPPORTED);
    perfopt_rows_release(rows);
    perfopt_db_destroy(db);
}

static void rows_outlive_the_pool(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    perfopt_rows *rows;
    assert_int_equal(
        perfopt_db_query(db, "SELECT 'kept' AS word", PERFOPT_NO_PARAMS, NULL, &rows, NULL),
        PERFOPT_OK);
    perfopt_db_destroy(db);
    assert_string_equal(perfopt_rows_text(rows, 0, perfopt_rows_column(rows, "word"), NULL),
                        "kept");
    perfopt_rows_release(rows);
}

static void execute_counts_rows(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    uint64_t affected = 99;
    execute(db, "CREATE TABLE IF NOT EXISTS counted (id int PRIMARY KEY, name text)");
    assert_int_equal(perfopt_db_execute(db,
                                        "INSERT INTO counted SELECT g, $1 FROM "
                                        "generate_series(1, 7) g",
                                        PERFOPT_PARAMS(PERFOPT_PARAM("n")), NULL, &affected, NULL),
                     PERFOPT_OK);
    assert_int_equal(affected, 7);
    assert_int_equal(query_int(db, "SELECT count(*) FROM counted"), 7);
    execute(db, "DROP TABLE counted");
    perfopt_db_destroy(db);
}

/* ---- errors ------------------------------------------------------------------------------- */

static void errors_carry_the_state_and_no_values(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_rows *rows = NULL;
    assert_int_equal(
        perfopt_db_query(db, "SELECT nope FROM nowhere", PERFOPT_NO_PARAMS, NULL, &rows, &err),
        PERFOPT_EDB);
    assert_string_equal(err.detail, "42P01");
    assert_int_equal(err.origin, PERFOPT_ORIGIN_POSTGRES);
    assert_null(rows);
    assert_int_equal(perfopt_db_query(db, "SELECT $1::text::int",
                                      PERFOPT_PARAMS(PERFOPT_PARAM("secret")), NULL, &rows, &err),
                     PERFOPT_EDB);
    assert_string_equal(err.detail, "22P02");
    assert_null(strstr(err.message, "secret"));
    execute(db, "CREATE TABLE unique_names (name text UNIQUE)");
    for (int i = 0; i < 2; i++)
        perfopt_db_execute(db, "INSERT INTO unique_names VALUES ($1)",
                           PERFOPT_PARAMS(PERFOPT_PARAM("secret")), NULL, NULL, &err);
    assert_string_equal(err.detail, "23505");
    assert_null(strstr(err.message, "secret"));
    execute(db, "DROP TABLE unique_names");
    assert_int_equal(
        perfopt_db_query(db, "SELECT 1; SELECT 2", PERFOPT_NO_PARAMS, NULL, &rows, &err),
        PERFOPT_EDB);
    assert_string_equal(err.detail, "42601");
    assert_int_equal(perfopt_db_query(db, "", PERFOPT_NO_PARAMS, NULL, &rows, &err),
                     PERFOPT_EINVAL);
    assert_int_equal(
        perfopt_db_query(db, "COPY (SELECT 1) TO STDOUT", PERFOPT_NO_PARAMS, NULL, &rows, &err),
        PERFOPT_EINVAL);
    assert_int_equal(perfopt_db_query(db, NULL, PERFOPT_NO_PARAMS, NULL, &rows, &err),
                     PERFOPT_EINVAL);
    assert_int_equal(query_int(db, "SELECT 5"), 5);
    assert_true(perfopt__pool_check(db->pool));
    perfopt_db_destroy(db);
}

static void unclean_connections_are_closed(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    execute(db, "BEGIN");
    assert_int_equal(stats_of(db).closed_dirty, 1);
    assert_int_equal(query_int(db, "SELECT 1"), 1);
    assert_int_equal(stats_of(db).closed_dirty, 1);
    assert_true(perfopt__pool_check(db->pool));
    perfopt_db_destroy(db);
}

/* ---- transactions ------------------------------------------------------------------------- */

static perfopt_status insert_one(perfopt_tx *tx, void *user, perfopt_error *err)
{
    perfopt_status status =
        perfopt_tx_query(tx, "INSERT INTO tx_test VALUES (1)", PERFOPT_NO_PARAMS, NULL, NULL, err);
    return status == PERFOPT_OK ? *(perfopt_status *)user : status;
}

static void transactions_commit_and_roll_back(void **state)
{
    (void)state;
    perfopt_db *db = db_of(2, UINT32_MAX, 0);
    execute(db, "CREATE TABLE tx_test (id int)");
    perfopt_status wish = PERFOPT_OK;
    assert_int_equal(perfopt_db_transaction(db, PERFOPT_SERIALIZABLE, insert_one, &wish, NULL),
                     PERFOPT_OK);
    assert_int_equal(query_int(db, "SELECT count(*) FROM tx_test"), 1);
    wish = PERFOPT_EFAILED;
    assert_int_equal(perfopt_db_transaction(db, PERFOPT_READ_COMMITTED, insert_one, &wish, NULL),
                     PERFOPT_EFAILED);
    assert_int_equal(query_int(db, "SELECT count(*) FROM tx_test"), 1);

    perfopt_tx *tx;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_tx_begin(db, PERFOPT_REPEATABLE_READ, true, &tx, NULL), PERFOPT_OK);
    assert_int_equal(
        perfopt_tx_query(tx, "INSERT INTO tx_test VALUES (2)", PERFOPT_NO_PARAMS, NULL, NULL, &err),
        PERFOPT_EDB);
    assert_string_equal(err.detail, "25006");
    assert_int_equal(perfopt_tx_query(tx, "SELECT 1", PERFOPT_NO_PARAMS, NULL, NULL, &err),
                     PERFOPT_EDB);
    assert_string_equal(err.detail, "25P02");
    assert_int_equal(perfopt_tx_commit(tx, &err), PERFOPT_EDB);
    perfopt_db_stats stats = stats_of(db);
    assert_int_equal(stats.transactions, 3);
    assert_int_equal(stats.rollbacks, 2);
    assert_int_equal(stats.in_use, 0);
    assert_int_equal(stats.closed_dirty, 0); /* all were ended properly */
    execute(db, "DROP TABLE tx_test");
    perfopt_tx_rollback(NULL);
    perfopt_db_destroy(db);
}

static void statements_see_their_own_transaction(void **state)
{
    (void)state;
    perfopt_db *db = db_of(2, UINT32_MAX, 0);
    execute(db, "CREATE TABLE tx_test (id int)");
    perfopt_tx *tx;
    perfopt_rows *rows;
    assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, false, &tx, NULL), PERFOPT_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(perfopt_tx_query(tx, "INSERT INTO tx_test VALUES ($1)",
                                          PERFOPT_PARAMS(PERFOPT_PARAM(i)), NULL, NULL, NULL),
                         PERFOPT_OK);
    assert_int_equal(
        perfopt_tx_query(tx, "SELECT count(*) FROM tx_test", PERFOPT_NO_PARAMS, NULL, &rows, NULL),
        PERFOPT_OK);
    assert_string_equal(perfopt_rows_text(rows, 0, 0, NULL), "3");
    perfopt_rows_release(rows);
    assert_int_equal(query_int(db, "SELECT count(*) FROM tx_test"), 0);
    perfopt_tx_rollback(tx);
    assert_int_equal(query_int(db, "SELECT count(*) FROM tx_test"), 0);
    execute(db, "DROP TABLE tx_test");
    perfopt_db_destroy(db);
}

/* ---- prepared statements ------------------------------------------------------------------ */

static void statements_are_prepared_once(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(query_int(db, "SELECT 12"), 12);
    perfopt_db_stats stats = stats_of(db);
    assert_int_equal(stats.statements_prepared, 1);
    assert_int_equal(stats.statements_reused, 9);
    perfopt_rows *rows; /* other parameter types are another statement */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            perfopt_db_query(db, "SELECT $1", PERFOPT_PARAMS(PERFOPT_PARAM(1)), NULL, &rows, NULL),
            PERFOPT_OK);
        perfopt_rows_release(rows);
        assert_int_equal(perfopt_db_query(db, "SELECT $1", PERFOPT_PARAMS(PERFOPT_PARAM("x")), NULL,
                                          &rows, NULL),
                         PERFOPT_OK);
        perfopt_rows_release(rows);
    }
    assert_int_equal(stats_of(db).statements_prepared, 3);
    assert_int_equal(query_int(db, "SELECT count(*) FROM pg_prepared_statements"), 4);
    perfopt_db_destroy(db);
}

static void the_statement_cache_is_bounded_on_both_sides(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 8);
    for (int i = 0; i < 200; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT %d", i % 40);
        assert_int_equal(query_int(db, sql), i % 40);
    }
    int64_t server = query_int(db, "SELECT count(*) FROM pg_prepared_statements");
    assert_in_range(server, 8, 8 + 17); /* the cache and one batch */
    perfopt_db_destroy(db);
    db = db_of(1, UINT32_MAX, UINT32_MAX);
    assert_int_equal(query_int(db, "SELECT count(*) FROM pg_prepared_statements"), 0);
    assert_int_equal(stats_of(db).statements_prepared, 0);
    perfopt_db_destroy(db);
}

/* Evicting in a transaction must not send anything; after it the server is told. */
static void a_transaction_with_many_statements_works(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 4);
    perfopt_tx *tx;
    assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, false, &tx, NULL), PERFOPT_OK);
    for (int i = 0; i < 100; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT %d + $1", i % 50);
        assert_int_equal(
            perfopt_tx_query(tx, sql, PERFOPT_PARAMS(PERFOPT_PARAM(1)), NULL, NULL, NULL),
            PERFOPT_OK);
    }
    assert_int_equal(perfopt_tx_commit(tx, NULL), PERFOPT_OK);
    assert_int_equal(query_int(db, "SELECT 77"), 77);
    assert_in_range(query_int(db, "SELECT count(*) FROM pg_prepared_statements"), 1, 8);
    assert_int_equal(stats_of(db).closed_broken + stats_of(db).closed_dirty, 0);
    perfopt_db_destroy(db);
}

static void a_changed_result_type_is_prepared_again(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    execute(db, "CREATE TABLE changing (a int)");
    execute(db, "INSERT INTO changing VALUES (1)");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(query_int(db, "SELECT * FROM changing"), 1);
        char sql[64];
        snprintf(sql, sizeof(sql), "ALTER TABLE changing ADD COLUMN b%d int", i);
        execute(db, sql);
        assert_int_equal(query_int(db, "SELECT * FROM changing"), 1);
    }
    assert_int_equal(stats_of(db).errors, 0);
    /* Inside a transaction it cannot be repeated: a clear error, and next time it works. */
    perfopt_tx *tx;
    perfopt_error err = PERFOPT_ERROR_INIT;
    execute(db, "ALTER TABLE changing ADD COLUMN c int");
    assert_int_equal(perfopt_tx_begin(db, PERFOPT_READ_COMMITTED, false, &tx, NULL), PERFOPT_OK);
    assert_int_equal(
        perfopt_tx_query(tx, "SELECT * FROM changing", PERFOPT_NO_PARAMS, NULL, NULL, &err),
        PERFOPT_EDB);
    assert_string_equal(err.detail, "0A000");
    perfopt_tx_rollback(tx);
    assert_int_equal(query_int(db, "SELECT * FROM changing"), 1);
    execute(db, "DROP TABLE changing");
    perfopt_db_destroy(db);
}

static void forgotten_statements_are_prepared_again(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    assert_int_equal(query_int(db, "SELECT 31"), 31);
    execute(db, "DEALLOCATE ALL"); /* what a pooler in front looks like */
    assert_int_equal(query_int(db, "SELECT 31"), 31);
    assert_int_equal(stats_of(db).errors, 0);
    perfopt_db_destroy(db);
}

/* ---- numbers ------------------------------------------------------------------------------ */

static void the_scope_sees_every_statement(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    perfopt_scope scope;
    perfopt_scope_begin(&scope);
    for (int i = 0; i < 6; i++) {
        char sql[96];
        snprintf(sql, sizeof(sql), "SELECT g FROM generate_series(1, 3) g WHERE g <> %d + 10", i);
        query_int(db, sql);
    }
    perfopt_scope_end(&scope);
    assert_int_equal(scope.stats.queries, 6);
    assert_int_equal(scope.stats.rows, 18);
    assert_int_equal(scope.stats.most_repeated, 6);
    assert_true(scope.stats.db_ns > 0);
    perfopt_query_shape shape;
    assert_int_equal(perfopt_db_get_queries(db, false, &shape, 1), 1);
    assert_int_equal(shape.fingerprint, scope.stats.repeated_query);
    assert_string_equal(shape.sql, "SELECT g FROM generate_series(?, ...) g WHERE g <> ? + ?");
    assert_int_equal(shape.calls, 6);
    perfopt_db_stats stats = stats_of(db);
    assert_int_equal(stats.queries, 6);
    assert_int_equal(stats.rows, 18);
    assert_true(stats.query_ns > 0);
    perfopt_db_reset_stats(db);
    assert_int_equal(stats_of(db).queries, 0);
    assert_int_equal(perfopt_db_get_queries(db, false, &shape, 1), 0);
    perfopt_db_destroy(db);
}

static void slow_statements_are_listed(void **state)
{
    (void)state;
    perfopt_db *db;
    assert_int_equal(
        perfopt_db_create(PERFOPT_DB_OPTIONS(.url = test_postgres_url(pg), .slow_query_ms = 20),
                          &db, NULL),
        PERFOPT_OK);
    execute(db, "SELECT 1");
    execute(db, "SELECT pg_sleep(0.03), 'secret'");
    perfopt_query_shape shapes[4];
    assert_int_equal(perfopt_db_get_queries(db, true, shapes, 4), 1);
    assert_string_equal(shapes[0].sql, "SELECT pg_sleep(?), ?");
    assert_true(shapes[0].max_ns >= 30000000);
    assert_int_equal(stats_of(db).slow_queries, 1);
    perfopt_db_destroy(db);
}

static void identity_and_information(void **state)
{
    (void)state;
    test_postgres_sql(pg, "CREATE ROLE app LOGIN PASSWORD 's3cret'; "
                          "ALTER ROLE app SET search_path = app, public");
    char url[256], identity[256];
    snprintf(url, sizeof(url), "postgresql://app:s3cret@/postgres?host=%s", test_postgres_host(pg));
    perfopt_db *db;
    assert_int_equal(perfopt_db_create(PERFOPT_DB_OPTIONS(.url = url), &db, NULL), PERFOPT_OK);
    perfopt_db_identity(db, identity);
    assert_string_equal(identity, "app|app, public");
    perfopt_db_info info;
    assert_int_equal(perfopt_db_get_info(db, &info, NULL), PERFOPT_OK);
    assert_string_equal(info.host, test_postgres_host(pg));
    assert_string_equal(info.database, "postgres");
    assert_string_equal(info.user, "app");
    assert_int_equal(strncmp(info.server_version, "15", 2), 0);
    assert_true(info.size_bytes > 1000000);
    assert_int_equal(info.server_max_connections, 100);
    assert_true(info.server_connections >= 1);
    int64_t took_us = 0;
    assert_int_equal(perfopt_db_health_check(db, &took_us, NULL), PERFOPT_OK);
    assert_true(took_us > 0);
    perfopt_rows *rows;
    assert_int_equal(
        perfopt_db_query(db, "SHOW application_name", PERFOPT_NO_PARAMS, NULL, &rows, NULL),
        PERFOPT_OK);
    assert_string_equal(perfopt_rows_text(rows, 0, 0, NULL), "libperfopt");
    perfopt_rows_release(rows);
    perfopt_db_destroy(db);
    test_postgres_sql(pg, "DROP ROLE app");
}

/* ---- eager loading ------------------------------------------------------------------------ */

static perfopt_value attribute(perfopt_value object, const char *name)
{
    perfopt_value out = perfopt_undefined();
    object.as.object->cls->attribute(object.as.object, object.length, name, strlen(name), &out);
    return out;
}

static void related_rows_come_with_one_statement_per_500_keys(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    execute(db, "CREATE TABLE author (id int PRIMARY KEY, name text)");
    execute(db, "INSERT INTO author SELECT g, 'author ' || g FROM generate_series(1, 1200) g");
    perfopt_rows *news;
    assert_int_equal(perfopt_db_query(db,
                                      "SELECT g AS id, g % 1201 AS author_id, 't' || g AS title "
                                      "FROM generate_series(1, 1300) g",
                                      PERFOPT_NO_PARAMS, NULL, &news, NULL),
                     PERFOPT_OK);
    uint64_t before = stats_of(db).queries;
    assert_int_equal(perfopt_db_eager_load(db, news, "author_id",
                                           "SELECT id, name FROM author WHERE id = ANY($1)", "id",
                                           "author", false, NULL),
                     PERFOPT_OK);
    assert_int_equal(stats_of(db).queries - before, 3);
    for (size_t i = 0; i < 1300; i++) {
        perfopt_value row = perfopt_rows_row(news, i), author = attribute(row, "author");
        int64_t id = attribute(row, "author_id").as.integer;
        if (id == 0)
            assert_int_equal(author.kind, PERFOPT_NONE);
        else
            assert_int_equal(attribute(author, "id").as.integer, id);
    }
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_db_eager_load(db, news, "nope", "SELECT 1", "id", "x", false, &err),
                     PERFOPT_EINVAL);
    assert_int_equal(perfopt_db_eager_load(db, news, "author_id", "SELECT nope = ANY($1)", "id",
                                           "x", false, &err),
                     PERFOPT_EDB);
    perfopt_rows_release(news);
    execute(db, "DROP TABLE author");
    perfopt_db_destroy(db);
}

static void text_keys_and_no_keys(void **state)
{
    (void)state;
    perfopt_db *db = db_of(1, UINT32_MAX, 0);
    perfopt_rows *rows;
    static const char load[] = "SELECT k, k || '!' AS v FROM unnest(ARRAY['a', 'b', 'a']) k "
                               "WHERE k = ANY($1)";
    assert_int_equal(perfopt_db_query(db, "SELECT k FROM unnest(ARRAY['a', NULL, 'c']) k",
                                      PERFOPT_NO_PARAMS, NULL, &rows, NULL),
                     PERFOPT_OK);
    assert_int_equal(perfopt_db_eager_load(db, rows, "k", load, "k", "all", true, NULL),
                     PERFOPT_OK);
    perfopt_value all = attribute(perfopt_rows_row(rows, 0), "all");
    assert_int_equal(all.as.object->cls->count(all.as.object, all.length), 2);
    perfopt_rows_release(rows);
    uint64_t before = stats_of(db).queries;
    assert_int_equal(
        perfopt_db_query(db, "SELECT NULL::text AS k", PERFOPT_NO_PARAMS, NULL, &rows, NULL),
        PERFOPT_OK);
    assert_int_equal(perfopt_db_eager_load(db, rows, "k", load, "k", "all", true, NULL),
                     PERFOPT_OK);
    assert_int_equal(stats_of(db).queries - before, 1); /* nothing to load: nothing asked */
    all = attribute(perfopt_rows_row(rows, 0), "all");
    assert_int_equal(all.as.object->cls->count(all.as.object, all.length), 0);
    perfopt_rows_release(rows);
    perfopt_db_destroy(db);
}

/* ---- configuration ------------------------------------------------------------------------ */

static void nonsense_is_refused_without_the_password(void **state)
{
    (void)state;
    static const char *const urls[] = {"postgresql://u:s3cret@[::1/db",
                                       "host='s3cret",
                                       "s3cret",
                                       "postgresql://u:s3@s3cret@host/db",
                                       "",
                                       NULL};
    perfopt_error err = PERFOPT_ERROR_INIT;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        perfopt_db *db = NULL;
        assert_int_equal(perfopt_db_create(PERFOPT_DB_OPTIONS(.url = urls[i]), &db, &err),
                         PERFOPT_ECONFIG);
        assert_null(db);
        assert_null(strstr(err.message, "s3cret"));
    }
    perfopt_db *db = NULL;
    assert_int_equal(
        perfopt_db_create(PERFOPT_DB_OPTIONS(.url = "host=x", .pool_size = 99999), &db, &err),
        PERFOPT_EINVAL);
    perfopt_db_options unset = {0};
    assert_int_equal(perfopt_db_create(&unset, &db, &err), PERFOPT_EINVAL);
    perfopt_db_destroy(NULL);
}

static int start(void **state)
{
    (void)state;
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
        cmocka_unit_test(typed_parameters_arrive),
        cmocka_unit_test(binary_results_are_decoded),
        cmocka_unit_test(rows_outlive_the_pool),
        cmocka_unit_test(execute_counts_rows),
        cmocka_unit_test(errors_carry_the_state_and_no_values),
        cmocka_unit_test(unclean_connections_are_closed),
        cmocka_unit_test(transactions_commit_and_roll_back),
        cmocka_unit_test(statements_see_their_own_transaction),
        cmocka_unit_test(statements_are_prepared_once),
        cmocka_unit_test(the_statement_cache_is_bounded_on_both_sides),
        cmocka_unit_test(a_transaction_with_many_statements_works),
        cmocka_unit_test(a_changed_result_type_is_prepared_again),
        cmocka_unit_test(forgotten_statements_are_prepared_again),
        cmocka_unit_test(the_scope_sees_every_statement),
        cmocka_unit_test(slow_statements_are_listed),
        cmocka_unit_test(identity_and_information),
        cmocka_unit_test(related_rows_come_with_one_statement_per_500_keys),
        cmocka_unit_test(text_keys_and_no_keys),
        cmocka_unit_test(nonsense_is_refused_without_the_password),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
