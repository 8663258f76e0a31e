/*
 * fuzz_shapes.c - any bytes as SQL: tokens cover the text in order, and a shape is a fixed point
 * (its own shape is itself), so nothing that looks like a literal is left in it.
 */
#include "base/strbuf.h"
#include "db/db_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tokens(const char *sql, size_t size, bool backslash)
{
    perfopt__lexer lexer = {sql, sql + size, backslash};
    const char *at = sql;
    for (;;) {
        perfopt__token token = perfopt__lexer_next(&lexer);
        if (token.text < at || token.text + token.length > sql + size)
            abort();
        if (token.kind == PERFOPT__TOKEN_END)
            return;
        if (token.length == 0 || lexer.at != token.text + token.length)
            abort();
        at = lexer.at;
    }
}

/* No token of a shape may be a literal. */
static void check_shape(const char *sql, size_t size, bool backslash)
{
    perfopt__strbuf text = PERFOPT__STRBUF_INIT;
    if (perfopt__shape_of(sql, size, backslash, &text) == 0)
        abort();
    perfopt__lexer lexer = {text.data ? text.data : "", NULL, backslash};
    lexer.end = lexer.at + text.length;
    for (perfopt__token token; (token = perfopt__lexer_next(&lexer)).kind != PERFOPT__TOKEN_END;)
        if (token.kind == PERFOPT__TOKEN_LITERAL)
            abort();
    perfopt__strbuf_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of exactly this size, so that a read beyond it is seen. */
    char *sql = malloc(size ? size : 1);
    for (size_t i = 0; i < size; i++)
        sql[i] = (char)data[i];
    for (int backslash = 0; backslash < 2; backslash++) {
        check_tokens(sql, size, backslash);
        check_shape(sql, size, backslash);
    }
    free(sql);
    return 0;
}
