/*
 * rows_value.c - cells as typed values, and rows as objects that templates read in place. Text is
 * converted when it is read, each time: most cells are read once or never.
 */
#include "db/db_internal.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- text to numbers ---------------------------------------------------------------------- */

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* The host may have set a locale whose decimal point is a comma. */
static bool parse_double(const char *text, double *out)
{
    pthread_once(&c_locale_once, make_c_locale);
    char *end;
    *out = c_locale ? strtod_l(text, &end, c_locale) : strtod(text, &end);
    return end != text && *end == '\0';
}

static bool parse_int(const char *text, size_t length, int64_t *out)
{
    bool negative = length > 0 && text[0] == '-';
    size_t i = negative;
    uint64_t number = 0, most = (uint64_t)INT64_MAX + negative;
    if (i == length)
        return false;
    for (; i < length; i++) {
        unsigned digit = (unsigned)text[i] - '0';
        if (digit > 9 || number > (most - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

/* ---- binary cells ------------------------------------------------------------------------- */

static uint64_t read_be(const char *bytes, size_t length)
{
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++)
        number = number << 8 | (unsigned char)bytes[i];
    return number;
}

static double read_float(const char *bytes, size_t length)
{
    uint64_t bits = read_be(bytes, length);
    if (length == 4) {
        uint32_t half = (uint32_t)bits;
        float narrow;
        memcpy(&narrow, &half, sizeof(narrow));
        return (double)narrow;
    }
    double wide;
    memcpy(&wide, &bits, sizeof(wide));
    return wide;
}

/* Types without a case keep their wire format as a string. */
static perfopt_value binary_cell(Oid type, const char *bytes, size_t length)
{
    switch (type) {
    case PERFOPT__OID_BOOL:
        return perfopt_bool(length == 1 && bytes[0]);
    case PERFOPT__OID_INT2:
        return length == 2 ? perfopt_int((int16_t)read_be(bytes, 2)) : perfopt_undefined();
    case PERFOPT__OID_INT4:
        return length == 4 ? perfopt_int((int32_t)read_be(bytes, 4)) : perfopt_undefined();
    case PERFOPT__OID_INT8:
        return length == 8 ? perfopt_int((int64_t)read_be(bytes, 8)) : perfopt_undefined();
    case PERFOPT__OID_OID:
        return length == 4 ? perfopt_int((int64_t)read_be(bytes, 4)) : perfopt_undefined();
    case PERFOPT__OID_FLOAT4:
        return length == 4 ? perfopt_double(read_float(bytes, 4)) : perfopt_undefined();
    case PERFOPT__OID_FLOAT8:
        return length == 8 ? perfopt_double(read_float(bytes, 8)) : perfopt_undefined();
    case PERFOPT__OID_JSONB: /* a version byte, then text */
        return length && bytes[0] == 1 ? perfopt_string_n(bytes + 1, length - 1)
                                       : perfopt_undefined();
    default:
        return perfopt_string_n(bytes, length);
    }
}

/* ---- cells -------------------------------------------------------------------------------- */

static perfopt_value text_cell(Oid type, const char *text, size_t length)
{
    int64_t integer;
    double real;
    switch (type) {
    case PERFOPT__OID_BOOL:
        return perfopt_bool(text[0] == 't');
    case PERFOPT__OID_INT2:
    case PERFOPT__OID_INT4:
    case PERFOPT__OID_INT8:
    case PERFOPT__OID_OID:
        if (parse_int(text, length, &integer))
            return perfopt_int(integer);
        break;
    case PERFOPT__OID_FLOAT4:
    case PERFOPT__OID_FLOAT8:
        if (parse_double(text, &real))
            return perfopt_double(real);
        break;
    default:
        break;
    }
    return perfopt_string_n(text, length);
}

perfopt_value perfopt_rows_cell(const perfopt_rows *rows, size_t row, size_t column)
{
    if (row >= perfopt_rows_count(rows) || column >= rows->column_count)
        return perfopt_undefined();
    size_t length;
    const char *raw = perfopt__rows_raw(rows, row, column, &length);
    if (!raw)
        return perfopt_none();
    const perfopt__column *c = &rows->columns[column];
    return c->binary ? binary_cell(c->type, raw, length) : text_cell(c->type, raw, length);
}

bool perfopt_rows_int(const perfopt_rows *rows, size_t row, size_t column, int64_t *out)
{
    perfopt_value value = perfopt_rows_cell(rows, row, column);
    if (value.kind == PERFOPT_INT)
        *out = value.as.integer;
    else if (value.kind == PERFOPT_BOOL)
        *out = value.as.boolean;
    else if (value.kind == PERFOPT_STRING && !rows->columns[column].binary)
        return parse_int(value.as.string, value.length, out);
    else
        return false;
    return true;
}

/* ---- objects ------------------------------------------------------------------------------ */

static const perfopt_rows *rows_of_list(const perfopt_object *self)
{
    return (const perfopt_rows *)(const void *)((const char *)self - offsetof(perfopt_rows, list));
}

static const perfopt_rows *rows_of_row(const perfopt_object *self)
{
    return (const perfopt_rows *)(const void *)((const char *)self - offsetof(perfopt_rows, row));
}

static size_t list_count(const perfopt_object *self, uint32_t index)
{
    (void)index;
    return rows_of_list(self)->row_count;
}

static bool list_item(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    (void)index;
    const perfopt_rows *rows = rows_of_list(self);
    if (i >= rows->row_count)
        return false;
    *out = perfopt_object_value(&rows->row, (uint32_t)i);
    return true;
}

static bool row_attribute(const perfopt_object *self, uint32_t index, const char *name,
                          size_t length, perfopt_value *out)
{
    const perfopt_rows *rows = rows_of_row(self);
    size_t column = perfopt__rows_find(rows, name, length);
    if (column == SIZE_MAX)
        return perfopt__related_attribute(rows, index, name, length, out);
    *out = perfopt_rows_cell(rows, index, column);
    return true;
}

static size_t row_count(const perfopt_object *self, uint32_t index)
{
    (void)index;
    return rows_of_row(self)->column_count;
}

static bool row_item(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    (void)index;
    const perfopt_rows *rows = rows_of_row(self);
    if (i >= rows->column_count)
        return false;
    *out = perfopt_string_n(rows->columns[i].name, rows->columns[i].name_length);
    return true;
}

const perfopt_object_class perfopt__rows_class = {
    .struct_size = sizeof(perfopt_object_class),
    .name = "rows",
    .count = list_count,
    .item = list_item,
};

const perfopt_object_class perfopt__row_class = {
    .struct_size = sizeof(perfopt_object_class),
    .name = "row",
    .attribute = row_attribute,
    .count = row_count,
    .item = row_item,
    .is_mapping = true,
};

perfopt_value perfopt_rows_value(const perfopt_rows *rows)
{
    return rows ? perfopt_object_value(&rows->list, 0) : perfopt_none();
}

perfopt_value perfopt_rows_row(const perfopt_rows *rows, size_t row)
{
    if (row >= perfopt_rows_count(rows))
        return perfopt_undefined();
    return perfopt_object_value(&rows->row, (uint32_t)row);
}
