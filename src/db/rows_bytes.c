/*
 * rows_bytes.c - results as bytes for the cache, made to be read in place. All numbers are 32-bit
 * little-endian:
 *
 *     magic | columns | rows | reserved
 *     type of each column
 *     offset of each column name, of each cell row by row, and of the end     (into the data)
 *     data: names and cells, each with a NUL behind it
 *
 * A cell ends where the next one begins, and its NUL counts: an empty string takes one byte, SQL
 * NULL none.
 */
#include "base/bytes.h"
#include "base/memory.h"
#include "db/db_internal.h"

#include <endian.h>
#include <string.h>

#define MAGIC       0x31575250u /* "PRW1" */
#define HEAD        ((size_t)16)
#define MAX_COLUMNS 16384 /* more than the server can return (1664) */

static void put(char *at, uint32_t number)
{
    number = htole32(number);
    memcpy(at, &number, sizeof(number));
}

static uint32_t get(const char *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof(number));
    return le32toh(number);
}

/* ---- writing ------------------------------------------------------------------------------ */

static uint64_t data_size(const perfopt_rows *rows)
{
    uint64_t size = 0;
    for (size_t c = 0; c < rows->column_count; c++)
        size += rows->columns[c].name_length + 1;
    for (size_t r = 0; r < rows->row_count; r++) {
        for (size_t c = 0; c < rows->column_count; c++) {
            size_t length;
            if (perfopt__rows_raw(rows, r, c, &length))
                size += length + 1;
        }
    }
    return size;
}

typedef struct writer {
    char *offset; /* of the next offset */
    char *data;
    uint32_t used;
} writer;

static void put_text(writer *w, const char *text, size_t length)
{
    put(w->offset, w->used);
    w->offset += 4;
    if (!text)
        return;
    memcpy(w->data + w->used, text, length);
    w->data[w->used + length] = '\0';
    w->used += (uint32_t)length + 1;
}

static void write_all(const perfopt_rows *rows, char *out, size_t offsets)
{
    put(out, MAGIC);
    put(out + 4, rows->column_count);
    put(out + 8, rows->row_count);
    put(out + 12, 0);
    char *types = out + HEAD;
    writer w = {types + 4 * (size_t)rows->column_count, NULL, 0};
    w.data = w.offset + 4 * offsets;
    for (size_t c = 0; c < rows->column_count; c++) {
        put(types + 4 * c, rows->columns[c].type);
        put_text(&w, rows->columns[c].name, rows->columns[c].name_length);
    }
    for (size_t r = 0; r < rows->row_count; r++) {
        for (size_t c = 0; c < rows->column_count; c++) {
            size_t length = 0;
            const char *cell = perfopt__rows_raw(rows, r, c, &length);
            put_text(&w, cell, length);
        }
    }
    put_text(&w, NULL, 0);
}

static bool is_text(const perfopt_rows *rows)
{
    for (size_t c = 0; c < rows->column_count; c++)
        if (rows->columns[c].binary)
            return false;
    return rows->column_count > 0 || rows->row_count == 0;
}

perfopt_status perfopt_rows_to_bytes(const perfopt_rows *rows, perfopt_bytes **out)
{
    if (!rows || !is_text(rows))
        return PERFOPT_EUNSUPPORTED;
    uint64_t offsets = rows->column_count + (uint64_t)rows->row_count * rows->column_count + 1;
    uint64_t data = data_size(rows);
    uint64_t total = HEAD + 4 * (uint64_t)rows->column_count + 4 * offsets + data;
    if (total > UINT32_MAX)
        return PERFOPT_ELIMIT;
    perfopt_bytes *bytes = perfopt__bytes_new(total);
    if (!bytes)
        return PERFOPT_ENOMEM;
    write_all(rows, bytes->data, offsets);
    *out = bytes;
    return PERFOPT_OK;
}

/* ---- reading ------------------------------------------------------------------------------ */

typedef struct shape {
    uint32_t columns, rows;
    size_t offsets; /* how many */
    const char *types, *offset_table, *data;
    size_t data_length;
} shape;

static bool read_shape(const char *bytes, size_t length, shape *out)
{
    if (length < HEAD || get(bytes) != MAGIC)
        return false;
    out->columns = get(bytes + 4);
    out->rows = get(bytes + 8);
    if (out->columns > MAX_COLUMNS || out->rows > INT32_MAX || (!out->columns && out->rows))
        return false;
    uint64_t offsets = out->columns + (uint64_t)out->rows * out->columns + 1;
    uint64_t head = HEAD + 4 * (uint64_t)out->columns + 4 * offsets;
    if (head > length)
        return false;
    out->offsets = offsets;
    out->types = bytes + HEAD;
    out->offset_table = out->types + 4 * (size_t)out->columns;
    out->data = bytes + head;
    out->data_length = length - head;
    return true;
}

/* Offsets never go back, begin with 0, end with the data, and a NUL ends everything that is there;
 * after this no reader has to look again. */
static bool offsets_hold(const shape *s)
{
    uint32_t at = get(s->offset_table);
    if (at != 0 || get(s->offset_table + 4 * (s->offsets - 1)) != s->data_length)
        return false;
    for (size_t i = 1; i < s->offsets; i++) {
        uint32_t next = get(s->offset_table + 4 * i);
        if (next < at || next > s->data_length)
            return false;
        if (next > at && s->data[next - 1] != '\0')
            return false;
        if (next == at && i <= s->columns)
            return false; /* a column without a name */
        at = next;
    }
    return true;
}

perfopt_status perfopt_rows_from_bytes(perfopt_bytes *bytes, perfopt_rows **out)
{
    shape s;
    if (!bytes || !read_shape(bytes->data, bytes->length, &s) || !offsets_hold(&s))
        return PERFOPT_EPROTO;
    perfopt_rows *rows = perfopt__rows_new(s.rows, s.columns);
    if (!rows)
        return PERFOPT_ENOMEM;
    rows->bytes = perfopt_bytes_retain(bytes);
    rows->offsets = s.offset_table;
    rows->data = s.data;
    for (uint32_t c = 0; c < s.columns; c++) {
        uint32_t start = get(s.offset_table + 4 * (size_t)c);
        uint32_t end = get(s.offset_table + 4 * ((size_t)c + 1));
        rows->columns[c] =
            (perfopt__column){s.data + start, end - start - 1, get(s.types + 4 * (size_t)c), false};
    }
    perfopt__rows_index(rows);
    *out = rows;
    return PERFOPT_OK;
}
