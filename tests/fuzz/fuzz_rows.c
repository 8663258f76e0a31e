/*
 * fuzz_rows.c - any bytes as a serialised result. What is accepted must be readable without a step
 * outside, and must be written back to the same bytes.
 */
#include <perfopt/db.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const perfopt_rows *rows)
{
    for (size_t r = 0; r < perfopt_rows_count(rows); r++) {
        for (size_t c = 0; c < perfopt_rows_columns(rows); c++) {
            size_t length = 0;
            int64_t number;
            const char *text = perfopt_rows_text(rows, r, c, &length);
            if (text && text[length] != '\0')
                abort();
            perfopt_value value = perfopt_rows_cell(rows, r, c);
            if ((value.kind == PERFOPT_NONE) != !text)
                abort();
            perfopt_rows_int(rows, r, c, &number);
        }
    }
    for (size_t c = 0; c < perfopt_rows_columns(rows); c++)
        perfopt_rows_column(rows, perfopt_rows_column_name(rows, c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    perfopt_bytes *bytes, *again = NULL;
    perfopt_rows *rows = NULL;
    if (perfopt_bytes_create(data, size, &bytes) != PERFOPT_OK)
        return 0;
    if (perfopt_rows_from_bytes(bytes, &rows) == PERFOPT_OK) {
        read_all(rows);
        if (perfopt_rows_to_bytes(rows, &again) != PERFOPT_OK ||
            perfopt_bytes_length(again) != size)
            abort();
        /* All but the reserved word. */
        const char *copy = perfopt_bytes_data(again);
        if (memcmp(copy, data, 12) != 0 || memcmp(copy + 16, data + 16, size - 16) != 0)
            abort();
    }
    perfopt_bytes_release(again);
    perfopt_rows_release(rows);
    perfopt_bytes_release(bytes);
    return 0;
}
