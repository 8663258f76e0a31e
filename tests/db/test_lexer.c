/*
 * test_lexer.c - PostgreSQL's tokens, statement shapes, and the statistics by shape. What counts
 * most: no literal, in whatever notation, may survive in a shape.
 */
#include "base/memory.h"
#include "db/db_internal.h"
#include "support/failing_alloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t shape_text(const char *sql, bool backslash, char out[512])
{
    perfopt__strbuf text = PERFOPT__STRBUF_INIT;
    uint64_t fingerprint = perfopt__shape_of(sql, strlen(sql), backslash, &text);
    snprintf(out, 512, "%s", text.data ? text.data : "");
    perfopt__strbuf_finish(&text);
    return fingerprint;
}

static void assert_shape(const char *sql, const char *expected)
{
    char text[512];
    shape_text(sql, false, text);
    assert_string_equal(text, expected);
}

static void assert_same(const char *a, const char *b)
{
    char text[512];
    assert_int_equal(shape_text(a, false, text), shape_text(b, false, text));
}

static void assert_different(const char *a, const char *b)
{
    char text[512];
    assert_int_not_equal(shape_text(a, false, text), shape_text(b, false, text));
}

static void literals_become_question_marks(void **state)
{
    (void)state;
    assert_shape("SELECT 'it''s', 1 FROM t", "SELECT ?, ... FROM t");
    assert_shape("SELECT a FROM t WHERE b = 'x;--' AND c = 5",
                 "SELECT a FROM t WHERE b = ? AND c = ?");
    assert_shape("SELECT E'a\\'b' || x", "SELECT ? || x");
    assert_shape("SELECT x || U&'d\\0061t' || B'101' || X'1F' || n'nat'",
                 "SELECT x || ? || ? || ? || ?");
    assert_shape("SELECT $$secret$$ || $tag$ $$ ' $tag$ || x", "SELECT ? || ? || x");
    assert_shape("SELECT x + 1.5e-10 + .5 + 0xFF + 1_000 + 7.", "SELECT x + ? + ? + ? + ? + ?");
    assert_shape("SELECT arr[1:2]", "SELECT arr[?:?]");
    assert_shape("SELECT f(-1, +2)", "SELECT f(?, ...)");
    assert_shape("SELECT 'open", "SELECT ?");
    assert_shape("SELECT $x$open", "SELECT ?");
    assert_shape("SELECT E'open\\", "SELECT ?");
}

static void the_rest_stays(void **state)
{
    (void)state;
    assert_shape("SELECT \"odd \"\"name\", a1 FROM s.t2 WHERE x$y = $12;",
                 "SELECT \"odd \"\"name\", a1 FROM s.t2 WHERE x$y = $12");
    assert_shape("select\n\t a -- secret\n , b /* 1 /* nested */ 2 */ from t",
                 "select a , b from t");
    assert_shape("SELECT a->>'k', b::int, c <> 3", "SELECT a->>?, b::int, c <> ?");
    assert_shape("", "");
    assert_shape("-- nothing", "");
    assert_shape("\xc3\xa4 = 'x'", "\xc3\xa4 = ?");
    assert_shape("a --b", "a");
    assert_shape("$", "$");
}

static void lists_of_any_length_are_one_shape(void **state)
{
    (void)state;
    assert_shape("SELECT * FROM t WHERE id IN (1, 2, 3)", "SELECT * FROM t WHERE id IN (?, ...)");
    assert_same("SELECT * FROM t WHERE id IN (1,2,3)", "SELECT * FROM t WHERE id IN (7)");
    assert_same("SELECT * FROM t WHERE id IN ($1,$2)", "SELECT * FROM t WHERE id IN ($1)");
    assert_shape("INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'), (3, 'z')",
                 "INSERT INTO t (a, b) VALUES (?, ...)");
    assert_same("INSERT INTO t VALUES ($1,$2),($3,$4)", "INSERT INTO t VALUES ($1,$2)");
    assert_shape("SELECT f(1), g(2)", "SELECT f(?), g(?)");
    assert_shape("SELECT (1), (2)", "SELECT (?)");
}

static void fingerprints_ignore_what_does_not_matter(void **state)
{
    (void)state;
    assert_same("select A from T where x=1", "SELECT a\nFROM t WHERE x = 'other'");
    assert_same("SELECT 1 /* c */;", "select  2");
    assert_same("SELECT a FROM t WHERE x = $1", "SELECT a FROM t WHERE x = 5");
    assert_different("SELECT \"A\" FROM t", "SELECT \"a\" FROM t");
    assert_different("SELECT a FROM t", "SELECT b FROM t");
    assert_different("SELECT ab FROM t", "SELECT a b FROM t");
}

static void backslashes_count_when_the_server_says_so(void **state)
{
    (void)state;
    char text[512];
    shape_text("SELECT 'a\\'secret' || x", true, text);
    assert_string_equal(text, "SELECT ? || x");
}

/* Every cut of a statement full of literals keeps them out. */
static void no_prefix_shows_a_literal(void **state)
{
    (void)state;
    static const char sql[] = "SELECT E'SECRET\\'SECRET', $q$SECRET$q$, U&'SECRET' FROM t "
                              "WHERE a = 'SECRET''SECRET' AND b = 123456 /* SECRET */ -- SECRET";
    for (size_t length = 0; length < sizeof(sql); length++) {
        perfopt__strbuf text = PERFOPT__STRBUF_INIT;
        char *copy = malloc(length + 1); /* exact, so that ASan sees a read past the end */
        memcpy(copy, sql, length);
        assert_true(perfopt__shape_of(copy, length, false, &text) != 0);
        assert_null(text.data ? strstr(text.data, "SECRET") : NULL);
        assert_null(text.data ? strpbrk(text.data, "123456") : NULL);
        perfopt__strbuf_finish(&text);
        free(copy);
    }
}

/* ---- statistics --------------------------------------------------------------------------- */

static void statistics_add_up(void **state)
{
    (void)state;
    perfopt__shapes *shapes = perfopt__shapes_create();
    uint64_t fingerprint = 0;
    for (int i = 1; i <= 100; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT %d", i);
        perfopt__shape_sample sample = {i * 1000000LL, 2, i == 50, i > 98};
        fingerprint = perfopt__shapes_record(shapes, sql, false, &sample);
    }
    perfopt__shape_sample quick = {1000, 0, false, false};
    perfopt__shapes_record(shapes, "DELETE FROM t", false, &quick);
    perfopt_query_shape out[4];
    assert_int_equal(perfopt__shapes_read(shapes, false, out, 4), 2);
    assert_string_equal(out[0].sql, "SELECT ?");
    assert_string_equal(out[1].sql, "DELETE FROM t");
    assert_int_equal(out[0].fingerprint, fingerprint);
    assert_int_equal(out[0].calls, 100);
    assert_int_equal(out[0].errors, 1);
    assert_int_equal(out[0].rows, 200);
    assert_int_equal(out[0].slow, 2);
    assert_int_equal(out[0].total_ns, 5050 * 1000000LL);
    assert_int_equal(out[0].max_ns, 100 * 1000000LL);
    assert_int_equal(out[0].mean_ns, 50500000);
    assert_in_range(out[0].p95_ns, 88 * 1000000LL, 102 * 1000000LL); /* 95 ms within a bucket */
    assert_true(out[0].last_seen_ms > 0);
    assert_int_equal(perfopt__shapes_read(shapes, true, out, 4), 1);
    assert_int_equal(perfopt__shapes_read(shapes, false, out, 1), 1);
    perfopt__shapes_reset(shapes);
    assert_int_equal(perfopt__shapes_read(shapes, false, out, 4), 0);
    perfopt__shapes_record(shapes, "SELECT 1", false, &quick);
    assert_int_equal(perfopt__shapes_read(shapes, false, out, 4), 1);
    assert_int_equal(out[0].calls, 1);
    perfopt__shapes_destroy(shapes);
}

static void shapes_are_bounded(void **state)
{
    (void)state;
    perfopt__shapes *shapes = perfopt__shapes_create();
    perfopt__shape_sample sample = {1000, 0, false, false};
    for (int i = 0; i < 2000; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT c%d FROM t", i);
        perfopt__shapes_record(shapes, sql, false, &sample);
    }
    perfopt_query_shape *out = calloc(600, sizeof(*out));
    assert_int_equal(perfopt__shapes_read(shapes, false, out, 600), 501);
    assert_string_equal(out[0].sql, "(other)");
    assert_int_equal(out[0].calls, 1500);
    free(out);
    perfopt__shapes_destroy(shapes);
}

static void long_texts_are_cut_at_a_character(void **state)
{
    (void)state;
    perfopt__shapes *shapes = perfopt__shapes_create();
    perfopt__shape_sample sample = {1000, 0, false, false};
    char sql[4096] = "x";
    for (size_t i = 1; i + 1 < 4001; i += 2)
        memcpy(sql + i, "\xc3\xa4", 2);
    perfopt__shapes_record(shapes, sql, false, &sample);
    perfopt_query_shape out;
    assert_int_equal(perfopt__shapes_read(shapes, false, &out, 1), 1);
    assert_int_equal(strlen(out.sql), 1023);
    assert_int_equal((unsigned char)out.sql[1022], 0xa4);
    perfopt__shapes_destroy(shapes);
}

static void *record_many(void *user)
{
    perfopt__shape_sample sample = {1000, 1, false, false};
    for (int i = 0; i < 2000; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT c%d FROM t WHERE a = %d", i % 20, i);
        perfopt__shapes_record(user, sql, false, &sample);
    }
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    (void)state;
    perfopt__shapes *shapes = perfopt__shapes_create();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, record_many, shapes);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    perfopt_query_shape out[32];
    assert_int_equal(perfopt__shapes_read(shapes, false, out, 32), 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(out[i].calls, 400);
    perfopt__shapes_destroy(shapes);
}

static void out_of_memory_counts_under_other(void **state)
{
    (void)state;
    perfopt__shape_sample sample = {1000, 0, false, false};
    for (unsigned n = 1;; n++) {
        perfopt__shapes *shapes = perfopt__shapes_create();
        test_alloc_fail(n);
        assert_true(perfopt__shapes_record(shapes, "SELECT a FROM t WHERE b = 1", false, &sample));
        bool failed = test_alloc_stop();
        perfopt_query_shape out[2];
        assert_int_equal(perfopt__shapes_read(shapes, false, out, 2), 1);
        assert_int_equal(out[0].calls, 1);
        perfopt__shapes_destroy(shapes);
        if (!failed)
            break;
    }
    assert_int_equal(test_alloc_live(), 0);
}

int main(void)
{
    test_alloc_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_become_question_marks),
        cmocka_unit_test(the_rest_stays),
        cmocka_unit_test(lists_of_any_length_are_one_shape),
        cmocka_unit_test(fingerprints_ignore_what_does_not_matter),
        cmocka_unit_test(backslashes_count_when_the_server_says_so),
        cmocka_unit_test(no_prefix_shows_a_literal),
        cmocka_unit_test(statistics_add_up),
        cmocka_unit_test(shapes_are_bounded),
        cmocka_unit_test(long_texts_are_cut_at_a_character),
        cmocka_unit_test(threads_lose_no_count),
        cmocka_unit_test(out_of_memory_counts_under_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
