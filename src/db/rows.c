/*
 * rows.c - results: columns, cells and reference counts. Cells stay in libpq's result or in the
 * serialised bytes; a small hash table finds columns by name.
 */
#include "base/memory.h"
#include "db/db_internal.h"

#include <endian.h>
#include <string.h>

/* ---- making and releasing ----------------------------------------------------------------- */

perfopt_rows *perfopt__rows_new(uint32_t rows, uint32_t columns)
{
    uint32_t slots = 4;
    while (slots < columns * 2)
        slots *= 2;
    size_t size = sizeof(perfopt_rows) + (size_t)columns * sizeof(perfopt__column);
    perfopt_rows *new = perfopt__calloc(1, size + (size_t)slots * sizeof(uint16_t));
    if (!new)
        return NULL;
    new->list.cls = &perfopt__rows_class;
    new->row.cls = &perfopt__row_class;
    atomic_init(&new->refs, 1);
    new->row_count = rows;
    new->column_count = columns;
    new->name_mask = slots - 1;
    new->name_slots = (uint16_t *)(void *)((char *)new + size);
    return new;
}

perfopt_rows *perfopt_rows_retain(perfopt_rows *rows)
{
    atomic_fetch_add_explicit(&rows->refs, 1, memory_order_relaxed);
    return rows;
}

void perfopt_rows_release(perfopt_rows *rows)
{
    if (!rows || atomic_fetch_sub_explicit(&rows->refs, 1, memory_order_acq_rel) != 1)
        return;
    perfopt__related_free(rows->relations);
    PQclear(rows->result);
    perfopt_bytes_release(rows->bytes);
    perfopt__free(rows);
}

/* ---- columns by name ---------------------------------------------------------------------- */

/* Names are short and few: first and last byte with the length tell most of them apart. */
static uint32_t name_hash(const char *name, size_t length)
{
    if (length == 0)
        return 0;
    uint32_t first = (unsigned char)name[0], last = (unsigned char)name[length - 1];
    uint32_t middle = (unsigned char)name[length / 2];
    return first * 31 + last * 131 + middle * 17 + (uint32_t)length * 7;
}

size_t perfopt__rows_find(const perfopt_rows *rows, const char *name, size_t length)
{
    for (uint32_t i = name_hash(name, length);; i++) {
        uint16_t slot = rows->name_slots[i & rows->name_mask];
        if (slot == 0)
            return SIZE_MAX;
        const perfopt__column *column = &rows->columns[slot - 1];
        if (column->name_length == length && memcmp(column->name, name, length) == 0)
            return slot - 1u;
    }
}

/* Of columns with the same name the first is found, as PQfnumber does. */
void perfopt__rows_index(perfopt_rows *rows)
{
    for (uint32_t c = 0; c < rows->column_count; c++) {
        const perfopt__column *column = &rows->columns[c];
        if (perfopt__rows_find(rows, column->name, column->name_length) != SIZE_MAX)
            continue;
        uint32_t i = name_hash(column->name, column->name_length);
        while (rows->name_slots[i & rows->name_mask])
            i++;
        rows->name_slots[i & rows->name_mask] = (uint16_t)(c + 1);
    }
}

perfopt_status perfopt__rows_from_result(PGresult *result, perfopt_rows **out)
{
    int columns = PQnfields(result);
    perfopt_rows *rows = perfopt__rows_new((uint32_t)PQntuples(result), (uint32_t)columns);
    if (!rows) {
        PQclear(result);
        return PERFOPT_ENOMEM;
    }
    rows->result = result;
    for (int c = 0; c < columns; c++) {
        const char *name = PQfname(result, c);
        rows->columns[c] = (perfopt__column){name, (uint32_t)strlen(name), PQftype(result, c),
                                             PQfformat(result, c) == 1};
    }
    perfopt__rows_index(rows);
    *out = rows;
    return PERFOPT_OK;
}

/* ---- cells -------------------------------------------------------------------------------- */

uint32_t perfopt__rows_offset(const perfopt_rows *rows, size_t i)
{
    uint32_t offset;
    memcpy(&offset, rows->offsets + i * sizeof(offset), sizeof(offset));
    return le32toh(offset);
}

const char *perfopt__rows_raw(const perfopt_rows *rows, size_t row, size_t column, size_t *length)
{
    if (rows->result) {
        int r = (int)row, c = (int)column;
        *length = (size_t)PQgetlength(rows->result, r, c);
        return PQgetisnull(rows->result, r, c) ? NULL : PQgetvalue(rows->result, r, c);
    }
    size_t i = rows->column_count + row * rows->column_count + column;
    uint32_t start = perfopt__rows_offset(rows, i), end = perfopt__rows_offset(rows, i + 1);
    if (start == end)
        return NULL;
    *length = end - start - 1; /* the NUL */
    return rows->data + start;
}

/* ---- the public readers ------------------------------------------------------------------- */

size_t perfopt_rows_count(const perfopt_rows *rows)
{
    return rows ? rows->row_count : 0;
}

size_t perfopt_rows_columns(const perfopt_rows *rows)
{
    return rows ? rows->column_count : 0;
}

const char *perfopt_rows_column_name(const perfopt_rows *rows, size_t column)
{
    return column < perfopt_rows_columns(rows) ? rows->columns[column].name : NULL;
}

size_t perfopt_rows_column(const perfopt_rows *rows, const char *name)
{
    return rows && name ? perfopt__rows_find(rows, name, strlen(name)) : SIZE_MAX;
}

const char *perfopt_rows_text(const perfopt_rows *rows, size_t row, size_t column, size_t *length)
{
    size_t ignored;
    if (row >= perfopt_rows_count(rows) || column >= rows->column_count ||
        rows->columns[column].binary)
        return NULL;
    return perfopt__rows_raw(rows, row, column, length ? length : &ignored);
}
