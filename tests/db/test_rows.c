/*
 * test_rows.c - results without a server: cells by type, rows as values, and the serialised form
 * with every possible damage.
 */
#include "base/bytes.h"
#include "db/db_internal.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct test_column {
    const char *name;
    Oid type;
} test_column;

/* A text result as the server would send it; cells row by row, NULL = SQL NULL. */
static perfopt_rows *rows_of(const test_column *columns, int count, const char *const *cells,
                             int rows)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc descriptions[32];
    memset(descriptions, 0, sizeof(descriptions));
    for (int c = 0; c < count; c++) {
        descriptions[c].name = (char *)(uintptr_t)columns[c].name;
        descriptions[c].typid = columns[c].type;
    }
    assert_true(PQsetResultAttrs(result, count, descriptions));
    for (int i = 0; i < rows * count; i++) {
        char *cell = (char *)(uintptr_t)cells[i];
        assert_true(PQsetvalue(result, i / count, i % count, cell, cell ? (int)strlen(cell) : -1));
    }
    perfopt_rows *out;
    assert_int_equal(perfopt__rows_from_result(result, &out), PERFOPT_OK);
    return out;
}

static const test_column sample_columns[] = {
    {"id", 20}, {"title", 25}, {"score", 701}, {"open", 16}, {"price", 1700}};
static const char *const sample_cells[] = {"1", "first", "1.5", "t",  "10.50",     "2",  "",   NULL,
                                           "f", "-3",    NULL,  NULL, "-Infinity", NULL, "NaN"};

static perfopt_rows *sample(void)
{
    return rows_of(sample_columns, 5, sample_cells, 3);
}

static perfopt_rows *through_bytes(perfopt_rows *rows)
{
    perfopt_bytes *bytes;
    perfopt_rows *back;
    assert_int_equal(perfopt_rows_to_bytes(rows, &bytes), PERFOPT_OK);
    assert_int_equal(perfopt_rows_from_bytes(bytes, &back), PERFOPT_OK);
    perfopt_bytes_release(bytes);
    return back;
}

static void check_sample(perfopt_rows *rows)
{
    assert_int_equal(perfopt_rows_count(rows), 3);
    assert_int_equal(perfopt_rows_columns(rows), 5);
    assert_string_equal(perfopt_rows_column_name(rows, 1), "title");
    assert_null(perfopt_rows_column_name(rows, 5));
    assert_int_equal(perfopt_rows_column(rows, "price"), 4);
    assert_int_equal(perfopt_rows_column(rows, "Price"), SIZE_MAX);
    size_t length = 99;
    assert_string_equal(perfopt_rows_text(rows, 1, 1, &length), "");
    assert_int_equal(length, 0);
    assert_null(perfopt_rows_text(rows, 2, 1, NULL));
    assert_null(perfopt_rows_text(rows, 3, 0, NULL));
    int64_t integer = 7;
    assert_true(perfopt_rows_int(rows, 1, 0, &integer));
    assert_int_equal(integer, 2);
    assert_true(perfopt_rows_int(rows, 1, 4, &integer)); /* numeric that is whole */
    assert_int_equal(integer, -3);
    assert_false(perfopt_rows_int(rows, 0, 4, &integer));
    assert_false(perfopt_rows_int(rows, 2, 0, &integer));
    assert_int_equal(integer, -3);
    perfopt_value v = perfopt_rows_cell(rows, 0, 2);
    assert_int_equal(v.kind, PERFOPT_DOUBLE);
    assert_true(v.as.real == 1.5);
    assert_true(isinf(perfopt_rows_cell(rows, 2, 2).as.real));
    assert_int_equal(perfopt_rows_cell(rows, 1, 2).kind, PERFOPT_NONE);
    assert_true(perfopt_rows_cell(rows, 0, 3).as.boolean);
    v = perfopt_rows_cell(rows, 0, 4);
    assert_int_equal(v.kind, PERFOPT_STRING);
    assert_memory_equal(v.as.string, "10.50", 5);
    assert_int_equal(perfopt_rows_cell(rows, 9, 0).kind, PERFOPT_UNDEFINED);
}

static void cells_have_their_types(void **state)
{
    (void)state;
    perfopt_rows *rows = sample();
    check_sample(rows);
    perfopt_rows *back = through_bytes(rows);
    perfopt_rows_release(rows);
    check_sample(back);
    perfopt_rows *again = through_bytes(back);
    perfopt_rows_release(back);
    check_sample(again);
    perfopt_rows_release(again);
}

static void whole_numbers_only(void **state)
{
    (void)state;
    static const test_column column = {"x", 25};
    static const struct {
        const char *text;
        bool good;
        int64_t number;
    } cases[] = {
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"1.0", false, 0},
        {" 1", false, 0},
        {"0012", true, 12},
        {"+1", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        perfopt_rows *rows = rows_of(&column, 1, &cases[i].text, 1);
        int64_t out = 0;
        assert_int_equal(perfopt_rows_int(rows, 0, 0, &out), cases[i].good);
        assert_int_equal(out, cases[i].number);
        perfopt_rows_release(rows);
    }
}

static void floats_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    static const test_column column = {"x", 701};
    const char *cell = "2.25";
    const char *locale = setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* NULL where it is not installed */
    perfopt_rows *rows = rows_of(&column, 1, &cell, 1);
    assert_true(perfopt_rows_cell(rows, 0, 0).as.real == 2.25);
    perfopt_rows_release(rows);
    if (locale)
        setlocale(LC_NUMERIC, "C");
}

static perfopt_value attribute(perfopt_value object, const char *name)
{
    perfopt_value out = perfopt_undefined();
    const perfopt_object_class *cls = object.as.object->cls;
    cls->attribute(object.as.object, object.length, name, strlen(name), &out);
    return out;
}

static void rows_are_values(void **state)
{
    (void)state;
    perfopt_rows *rows = sample();
    perfopt_value list = perfopt_rows_value(rows);
    assert_int_equal(list.kind, PERFOPT_OBJECT);
    const perfopt_object_class *cls = list.as.object->cls;
    assert_int_equal(cls->count(list.as.object, list.length), 3);
    perfopt_value row, name;
    assert_true(cls->item(list.as.object, list.length, 1, &row));
    assert_false(cls->item(list.as.object, list.length, 3, &name));
    assert_int_equal(attribute(row, "id").as.integer, 2);
    assert_int_equal(attribute(row, "nothing").kind, PERFOPT_UNDEFINED);
    const perfopt_object_class *row_cls = row.as.object->cls;
    assert_true(row_cls->is_mapping);
    assert_int_equal(row_cls->count(row.as.object, row.length), 5);
    assert_true(row_cls->item(row.as.object, row.length, 4, &name));
    assert_memory_equal(name.as.string, "price", 5);
    assert_int_equal(perfopt_rows_row(rows, 3).kind, PERFOPT_UNDEFINED);
    assert_int_equal(perfopt_rows_value(NULL).kind, PERFOPT_NONE);
    assert_int_equal(perfopt_rows_count(NULL), 0);
    perfopt_rows_release(rows);
}

/* Names that collide in the hash (same length, first, middle and last byte) are told apart. */
static void many_columns_are_found(void **state)
{
    (void)state;
    test_column columns[32];
    const char *cells[32];
    char names[32][8];
    for (int i = 0; i < 32; i++) {
        snprintf(names[i], sizeof(names[i]), "a%cmx%cz", 'a' + i % 8, 'a' + i / 8);
        columns[i] = (test_column){names[i], 25};
        cells[i] = names[i];
    }
    columns[31].name = names[3]; /* a duplicate: the first one counts */
    perfopt_rows *rows = rows_of(columns, 32, cells, 1);
    for (size_t i = 0; i < 31; i++)
        assert_int_equal(perfopt_rows_column(rows, names[i]), i);
    assert_int_equal(perfopt_rows_column(rows, "aamxq"), SIZE_MAX);
    assert_int_equal(perfopt_rows_column(rows, ""), SIZE_MAX);
    perfopt_rows_release(rows);
}

/* ---- damage ------------------------------------------------------------------------------- */

static void read_everything(perfopt_rows *rows)
{
    for (size_t r = 0; r < perfopt_rows_count(rows); r++) {
        for (size_t c = 0; c < perfopt_rows_columns(rows); c++) {
            size_t length = 0;
            const char *text = perfopt_rows_text(rows, r, c, &length);
            assert_true(!text || text[length] == '\0');
            perfopt_rows_cell(rows, r, c);
            perfopt_rows_column(rows, perfopt_rows_column_name(rows, c));
        }
    }
}

/* An exact copy on the heap, so that ASan sees the smallest step outside. */
static perfopt_status read_bytes(const char *data, size_t length)
{
    perfopt_bytes *bytes;
    perfopt_rows *rows = NULL;
    assert_int_equal(perfopt_bytes_create(data, length, &bytes), PERFOPT_OK);
    perfopt_status status = perfopt_rows_from_bytes(bytes, &rows);
    perfopt_bytes_release(bytes);
    if (status == PERFOPT_OK)
        read_everything(rows);
    else
        assert_null(rows);
    perfopt_rows_release(rows);
    return status;
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    perfopt_rows *rows = sample();
    perfopt_bytes *bytes;
    assert_int_equal(perfopt_rows_to_bytes(rows, &bytes), PERFOPT_OK);
    for (size_t length = 0; length < bytes->length; length++)
        assert_int_equal(read_bytes(bytes->data, length), PERFOPT_EPROTO);
    assert_int_equal(read_bytes(bytes->data, bytes->length), PERFOPT_OK);
    perfopt_bytes_release(bytes);
    perfopt_rows_release(rows);
}

static void every_flipped_bit_is_survived(void **state)
{
    (void)state;
    perfopt_rows *rows = sample();
    perfopt_bytes *bytes;
    assert_int_equal(perfopt_rows_to_bytes(rows, &bytes), PERFOPT_OK);
    size_t refused = 0;
    for (size_t i = 0; i < bytes->length * 8; i++) {
        bytes->data[i / 8] ^= (char)(1 << i % 8);
        refused += read_bytes(bytes->data, bytes->length) != PERFOPT_OK;
        bytes->data[i / 8] ^= (char)(1 << i % 8);
    }
    assert_true(refused > 200);
    perfopt_bytes_release(bytes);
    perfopt_rows_release(rows);
}

static void huge_counts_are_refused(void **state)
{
    (void)state;
    uint32_t head[8] = {0x31575250u, 0, 0xFFFFFFFFu, 0, 0, 0, 0, 0};
    assert_int_equal(read_bytes((char *)head, sizeof(head)), PERFOPT_EPROTO);
    head[1] = 0xFFFFFFFFu;
    assert_int_equal(read_bytes((char *)head, sizeof(head)), PERFOPT_EPROTO);
    head[1] = 16384;
    head[2] = 0x7FFFFFFF;
    assert_int_equal(read_bytes((char *)head, sizeof(head)), PERFOPT_EPROTO);
    head[1] = 0;
    head[2] = 1000000; /* rows without columns would be free to claim */
    assert_int_equal(read_bytes((char *)head, 20), PERFOPT_EPROTO);
    head[2] = 0;
    assert_int_equal(read_bytes((char *)head, 20), PERFOPT_OK);
}

static void an_empty_result_survives(void **state)
{
    (void)state;
    perfopt_rows *rows = rows_of(sample_columns, 5, NULL, 0);
    perfopt_rows *back = through_bytes(rows);
    assert_int_equal(perfopt_rows_count(back), 0);
    assert_int_equal(perfopt_rows_columns(back), 5);
    assert_int_equal(perfopt_rows_column(back, "open"), 3);
    perfopt_rows_release(back);
    perfopt_rows_release(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_have_their_types),
        cmocka_unit_test(whole_numbers_only),
        cmocka_unit_test(floats_do_not_depend_on_the_locale),
        cmocka_unit_test(rows_are_values),
        cmocka_unit_test(many_columns_are_found),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_flipped_bit_is_survived),
        cmocka_unit_test(huge_counts_are_refused),
        cmocka_unit_test(an_empty_result_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
