/*
 * test_advice.c - index advice from a real server: foreign keys in every shape, and a table that is
 * read from end to end by a statement of this process.
 */
#include "db/db_internal.h"
#include "support/postgres_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static test_postgres *pg;
static perfopt_db *db;

static size_t advise(perfopt_index_advice *out, size_t capacity)
{
    size_t count = 99;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (perfopt_db_suggest_indexes(db, out, capacity, &count, &err) != PERFOPT_OK)
        fail_msg("%s", err.message);
    return count;
}

static const perfopt_index_advice *find(const perfopt_index_advice *all, size_t count,
                                        const char *table)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].table, table) == 0)
            return &all[i];
    return NULL;
}

static void foreign_keys_without_an_index_are_found(void **state)
{
    (void)state;
    test_postgres_sql(
        pg, "CREATE TABLE author (id int PRIMARY KEY);"
            "CREATE TABLE pair (a int, b int, PRIMARY KEY (a, b));"
            "CREATE TABLE bare (id int PRIMARY KEY, author_id int REFERENCES author);"
            "CREATE TABLE indexed (id int PRIMARY KEY, author_id int REFERENCES author);"
            "CREATE INDEX ON indexed (author_id, id);"
            "CREATE TABLE second (id int PRIMARY KEY, author_id int REFERENCES author);"
            "CREATE INDEX ON second (id, author_id);"
            "CREATE TABLE partial (id int PRIMARY KEY, author_id int REFERENCES author);"
            "CREATE INDEX ON partial (author_id) WHERE id > 5;"
            "CREATE TABLE \"Odd\" (x int, y int, FOREIGN KEY (x, y) REFERENCES pair);"
            "CREATE TABLE swapped (x int, y int, FOREIGN KEY (x, y) REFERENCES pair);"
            "CREATE INDEX ON swapped (y, x);"
            "CREATE TABLE parted (id int, author_id int REFERENCES author) PARTITION BY LIST (id);"
            "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);");
    perfopt_index_advice all[16];
    size_t count = advise(all, 16);
    assert_int_equal(count, 5);
    const perfopt_index_advice *bare = find(all, count, "public.bare");
    assert_non_null(bare);
    assert_string_equal(bare->columns, "author_id");
    assert_string_equal(bare->statement, "CREATE INDEX CONCURRENTLY ON public.bare (author_id)");
    assert_non_null(strstr(bare->reason, "bare_author_id_fkey"));
    assert_non_null(find(all, count, "public.second"));
    assert_non_null(find(all, count, "public.partial"));
    const perfopt_index_advice *odd = find(all, count, "public.\"Odd\"");
    assert_non_null(odd);
    assert_string_equal(odd->statement, "CREATE INDEX CONCURRENTLY ON public.\"Odd\" (x, y)");
    const perfopt_index_advice *parted = find(all, count, "public.parted");
    assert_non_null(parted); /* once, for the parent; CONCURRENTLY is not possible there */
    assert_string_equal(parted->statement, "CREATE INDEX ON public.parted (author_id)");
    assert_int_equal(advise(all, 2), 2);
    /* Ready to run: with them in place there is nothing to advise. */
    count = advise(all, 16);
    for (size_t i = 0; i < count; i++)
        test_postgres_sql(pg, all[i].statement);
    assert_int_equal(advise(all, 16), 0);
}

static void a_filter_without_an_index_is_found(void **state)
{
    (void)state;
    test_postgres_sql(pg, "CREATE TABLE big (id int PRIMARY KEY, slug text, other int);"
                          "INSERT INTO big SELECT g, 'slug' || g, g FROM generate_series(1, 20000) "
                          "g; ANALYZE big");
    for (int i = 0; i < 20; i++)
        assert_int_equal(perfopt_db_query(db, "SELECT b.id FROM big b WHERE b.slug = $1",
                                          PERFOPT_PARAMS(PERFOPT_PARAM("slug77")), NULL, NULL,
                                          NULL),
                         PERFOPT_OK);
    /* The server's counters are written when a connection ends or is idle for a while. */
    test_postgres_sql(pg, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                          "WHERE application_name = 'libperfopt'");
    perfopt_index_advice all[4];
    assert_int_equal(advise(all, 4), 1);
    assert_string_equal(all[0].table, "public.big");
    assert_string_equal(all[0].columns, "slug");
    assert_string_equal(all[0].statement, "CREATE INDEX CONCURRENTLY ON public.big (slug)");
    assert_int_equal(all[0].table_rows, 20000);
    assert_true(all[0].seq_scans >= 20);
    perfopt_db_reset_stats(db);
    assert_int_equal(advise(all, 4), 1);
    assert_string_equal(all[0].columns, ""); /* forgotten: it does not guess */
    assert_string_equal(all[0].statement, "");
}

static int start(void **state)
{
    (void)state;
    pg = test_postgres_start(NULL);
    return perfopt_db_create(PERFOPT_DB_OPTIONS(.url = test_postgres_url(pg)), &db, NULL);
}

static int stop(void **state)
{
    (void)state;
    perfopt_db_destroy(db);
    test_postgres_destroy(pg);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_keys_without_an_index_are_found),
        cmocka_unit_test(a_filter_without_an_index_is_found),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
