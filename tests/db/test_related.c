/*
 * test_related.c - rows attached to rows, without a server: one and many, missing and doubled keys,
 * replacing, and every failed allocation.
 */
#include "db/db_internal.h"
#include "support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A result of the columns id and name. */
static perfopt_rows *table(const char *first, const char *second, const char *const *cells,
                           int rows)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc columns[2] = {{.name = (char *)(uintptr_t)first, .typid = 20},
                               {.name = (char *)(uintptr_t)second, .typid = 25}};
    PQsetResultAttrs(result, 2, columns);
    for (int i = 0; i < rows * 2; i++) {
        char *cell = (char *)(uintptr_t)cells[i];
        PQsetvalue(result, i / 2, i % 2, cell, cell ? (int)strlen(cell) : -1);
    }
    perfopt_rows *out = NULL;
    perfopt__rows_from_result(result, &out);
    return out;
}

static perfopt_value attribute(perfopt_value object, const char *name)
{
    perfopt_value out = perfopt_undefined();
    object.as.object->cls->attribute(object.as.object, object.length, name, strlen(name), &out);
    return out;
}

static size_t count(perfopt_value object)
{
    return object.as.object->cls->count(object.as.object, object.length);
}

static const char *text_of(perfopt_value sequence, size_t i, const char *name)
{
    perfopt_value row = perfopt_undefined();
    assert_true(sequence.as.object->cls->item(sequence.as.object, sequence.length, i, &row));
    return attribute(row, name).as.string;
}

static const char *const news_cells[] = {"1", "a", "2", "b", NULL, "c", "1", "d", "9", "e"};
static const char *const comment_cells[] = {"2", "x", "1", "y", "1", "z", NULL, "orphan"};

static void many_gives_a_sequence_in_order(void **state)
{
    (void)state;
    perfopt_rows *news = table("id", "title", news_cells, 5);
    perfopt_rows *comments = table("news_id", "body", comment_cells, 4);
    assert_int_equal(perfopt_rows_attach(news, "id", comments, "news_id", "comments", true, NULL),
                     PERFOPT_OK);
    perfopt_rows_release(comments); /* the news hold it */
    perfopt_value first = attribute(perfopt_rows_row(news, 0), "comments");
    assert_int_equal(count(first), 2);
    assert_string_equal(text_of(first, 0, "body"), "y");
    assert_string_equal(text_of(first, 1, "body"), "z");
    assert_int_equal(count(attribute(perfopt_rows_row(news, 1), "comments")), 1);
    assert_int_equal(count(attribute(perfopt_rows_row(news, 2), "comments")), 0); /* NULL key */
    assert_int_equal(count(attribute(perfopt_rows_row(news, 3), "comments")), 2); /* same key */
    assert_int_equal(count(attribute(perfopt_rows_row(news, 4), "comments")), 0);
    assert_int_equal(attribute(perfopt_rows_row(news, 0), "comment").kind, PERFOPT_UNDEFINED);
    assert_int_equal(attribute(perfopt_rows_row(news, 0), "title").kind, PERFOPT_STRING);
    perfopt_value none;
    assert_false(first.as.object->cls->item(first.as.object, first.length, 2, &none));
    perfopt_rows_release(news);
}

static void one_gives_the_first_or_none(void **state)
{
    (void)state;
    static const char *const authors_cells[] = {"1", "ann", "1", "not me", "2", "bob"};
    perfopt_rows *news = table("author_id", "title", news_cells, 5);
    perfopt_rows *authors = table("id", "name", authors_cells, 3);
    assert_int_equal(perfopt_rows_attach(news, "author_id", authors, "id", "author", false, NULL),
                     PERFOPT_OK);
    perfopt_value author = attribute(perfopt_rows_row(news, 3), "author");
    assert_string_equal(attribute(author, "name").as.string, "ann");
    assert_int_equal(attribute(perfopt_rows_row(news, 2), "author").kind, PERFOPT_NONE);
    assert_int_equal(attribute(perfopt_rows_row(news, 4), "author").kind, PERFOPT_NONE);
    perfopt_rows_release(authors);
    perfopt_rows_release(news);
}

static void relations_nest_and_are_replaced(void **state)
{
    (void)state;
    perfopt_rows *news = table("id", "title", news_cells, 5);
    perfopt_rows *comments = table("news_id", "body", comment_cells, 4);
    perfopt_rows *empty = table("news_id", "body", NULL, 0);
    assert_int_equal(perfopt_rows_attach(comments, "news_id", news, "id", "article", false, NULL),
                     PERFOPT_OK);
    perfopt_value article = attribute(perfopt_rows_row(comments, 0), "article");
    assert_string_equal(attribute(article, "title").as.string, "b");
    assert_int_equal(perfopt_rows_attach(news, "id", empty, "news_id", "one", true, NULL),
                     PERFOPT_OK);
    assert_int_equal(perfopt_rows_attach(news, "id", empty, "news_id", "two", true, NULL),
                     PERFOPT_OK);
    perfopt_rows *other = table("news_id", "body", comment_cells, 4);
    assert_int_equal(perfopt_rows_attach(news, "id", other, "news_id", "one", true, NULL),
                     PERFOPT_OK);
    assert_int_equal(count(attribute(perfopt_rows_row(news, 0), "one")), 2);
    assert_int_equal(count(attribute(perfopt_rows_row(news, 0), "two")), 0);
    perfopt_rows_release(other);
    perfopt_rows_release(empty);
    perfopt_rows_release(comments);
    perfopt_rows_release(news);
}

static void unknown_columns_are_refused(void **state)
{
    (void)state;
    perfopt_rows *news = table("id", "title", news_cells, 5);
    perfopt_rows *comments = table("news_id", "body", comment_cells, 4);
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_rows_attach(news, "nid", comments, "news_id", "c", true, &err),
                     PERFOPT_EINVAL);
    assert_non_null(strstr(err.message, "\"nid\""));
    assert_int_equal(perfopt_rows_attach(news, "id", comments, "nid", "c", true, &err),
                     PERFOPT_EINVAL);
    assert_int_equal(perfopt_rows_attach(news, "id", comments, "news_id", "title", true, &err),
                     PERFOPT_EINVAL); /* would hide a column */
    assert_int_equal(perfopt_rows_attach(news, "id", comments, "news_id", "", true, NULL),
                     PERFOPT_EINVAL);
    assert_int_equal(perfopt_rows_attach(news, "id", NULL, "news_id", "c", true, NULL),
                     PERFOPT_EINVAL);
    assert_int_equal(attribute(perfopt_rows_row(news, 0), "c").kind, PERFOPT_UNDEFINED);
    perfopt_rows_release(comments);
    perfopt_rows_release(news);
}

/* 3000 rows of one key and 3000 related ones share their members: this must not need 9 million. */
static void equal_keys_share_their_members(void **state)
{
    (void)state;
    static const char *cells[6000];
    for (size_t i = 0; i < 6000; i += 2) {
        cells[i] = "7";
        cells[i + 1] = "x";
    }
    perfopt_rows *a = table("id", "x", cells, 3000), *b = table("id", "x", cells, 3000);
    assert_int_equal(perfopt_rows_attach(a, "id", b, "id", "all", true, NULL), PERFOPT_OK);
    assert_int_equal(count(attribute(perfopt_rows_row(a, 2999), "all")), 3000);
    perfopt_rows_release(a);
    perfopt_rows_release(b);
}

static void every_failed_allocation_is_an_error(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        perfopt_rows *news = table("id", "title", news_cells, 5);
        perfopt_rows *comments = table("news_id", "body", comment_cells, 4);
        test_alloc_fail(n);
        perfopt_status status =
            perfopt_rows_attach(news, "id", comments, "news_id", "c", true, NULL);
        bool failed = test_alloc_stop();
        assert_int_equal(status, failed ? PERFOPT_ENOMEM : PERFOPT_OK);
        perfopt_rows_release(comments);
        perfopt_rows_release(news);
        assert_int_equal(test_alloc_live(), 0);
        if (!failed)
            break;
    }
}

static void every_failed_allocation_of_serialising_is_an_error(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        perfopt_rows *rows = NULL, *news = table("id", "title", news_cells, 5);
        perfopt_bytes *bytes = NULL;
        test_alloc_fail(n);
        perfopt_status status = perfopt_rows_to_bytes(news, &bytes);
        if (status == PERFOPT_OK)
            status = perfopt_rows_from_bytes(bytes, &rows);
        bool failed = test_alloc_stop();
        assert_int_equal(status, failed ? PERFOPT_ENOMEM : PERFOPT_OK);
        perfopt_rows_release(rows);
        perfopt_bytes_release(bytes);
        perfopt_rows_release(news);
        assert_int_equal(test_alloc_live(), 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    test_alloc_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_gives_a_sequence_in_order),
        cmocka_unit_test(one_gives_the_first_or_none),
        cmocka_unit_test(relations_nest_and_are_replaced),
        cmocka_unit_test(unknown_columns_are_refused),
        cmocka_unit_test(equal_keys_share_their_members),
        cmocka_unit_test(every_failed_allocation_is_an_error),
        cmocka_unit_test(every_failed_allocation_of_serialising_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
