/*
 * fuzz_minify_js.c - any bytes as a program. The tokens of the result must be those of the source,
 * but for semicolons before a "}" and comments: no two run together, none is torn apart.
 */
#include "assets/js.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct reader {
    perfopt__js_lexer lexer;
    perfopt__js_syntax syntax;
    bool ended;
} reader;

static void reader_init(reader *r, const char *text, size_t length)
{
    *r = (reader){.lexer = {.text = text, .length = length, .line_start = true}};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        r->lexer.at = 3;
    size_t at = r->lexer.at;
    if (length - at >= 2 && text[at] == '#' && text[at + 1] == '!') {
        const char *end = memchr(text + at, '\n', length - at);
        r->lexer.at = end ? (size_t)(end - text) + 1 : length;
    }
    if (perfopt__js_syntax_init(&r->syntax) != PERFOPT_OK)
        abort();
}

/* The next token that is neither a comment nor a semicolon. */
static perfopt__js_token next(reader *r)
{
    perfopt__js_token t;
    do {
        if (!perfopt__js_next(&r->lexer, &r->syntax, &t))
            abort();
        if (t.kind != JS_COMMENT && perfopt__js_accept(&r->syntax, &t) != PERFOPT_OK)
            abort();
    } while (t.kind == JS_COMMENT || t.punctuator == JS_P1(';'));
    return t;
}

static void compare(const char *source, size_t source_length, const char *result,
                    size_t result_length)
{
    reader a;
    reader b;
    reader_init(&a, source, source_length);
    reader_init(&b, result, result_length);
    perfopt__js_token left;
    do {
        left = next(&a);
        perfopt__js_token right = next(&b);
        size_t n = left.end - left.start;
        if (left.kind != right.kind || n != right.end - right.start ||
            memcmp(source + left.start, result + right.start, n) != 0)
            abort();
    } while (left.kind != JS_END);
    perfopt__js_syntax_finish(&a.syntax);
    perfopt__js_syntax_finish(&b.syntax);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    perfopt_bytes *out = NULL;
    if (perfopt_minify(PERFOPT_ASSET_JS, (const char *)data, size, &out, NULL) != PERFOPT_OK)
        return 0;
    compare((const char *)data, size, perfopt_bytes_data(out), perfopt_bytes_length(out));
    perfopt_bytes_release(out);
    return 0;
}
