/*
 * shape_text.c - the shape of a statement: its text without literals, and a fingerprint that does
 * not depend on white space, comments, letter case, values, or how many values a list has.
 *
 *     SELECT * FROM t WHERE id IN (1, 2, 3) AND name = 'x'  -- who
 *     SELECT * FROM t WHERE id IN (?, ...) AND name = ?
 */
#include "base/hash.h"
#include "db/db_internal.h"

/* What was written last, to recognise lists; the text of a mark begins at its offsets. */
typedef struct mark {
    char symbol; /* v: a value, l: a list of values, ( ) and comma, x: anything else */
    size_t text, canon;
} mark;

#define MARKS 8

typedef struct writer {
    perfopt__strbuf *text; /* for people */
    perfopt__strbuf canon; /* for the fingerprint */
    mark last[MARKS];      /* last[0] is the newest */
} writer;

static void push_mark(writer *w, char symbol)
{
    memmove(&w->last[1], &w->last[0], (MARKS - 1) * sizeof(w->last[0]));
    w->last[0] = (mark){symbol, w->text->length, w->canon.length};
}

/* Takes the newest `count` marks back, with their text. */
static void pop_marks(writer *w, size_t count)
{
    const mark *first = &w->last[count - 1];
    if (!w->text->failed && w->text->data)
        w->text->data[w->text->length = first->text] = '\0';
    if (!w->canon.failed && w->canon.data)
        w->canon.data[w->canon.length = first->canon] = '\0';
    memmove(&w->last[0], &w->last[count], (MARKS - count) * sizeof(w->last[0]));
    memset(&w->last[MARKS - count], 0, count * sizeof(w->last[0]));
}

static bool is_value(const mark *m)
{
    return m->symbol == 'v' || m->symbol == 'l';
}

static void put(writer *w, const perfopt__token *token, const char *text, size_t length)
{
    if (token->spaced && w->text->length)
        perfopt__strbuf_putc(w->text, ' ');
    perfopt__strbuf_append(w->text, text, length);
}

static void put_value(writer *w, const perfopt__token *token)
{
    bool sign = w->last[0].symbol == '-';
    if (sign && token->kind == PERFOPT__TOKEN_LITERAL)
        pop_marks(w, 1); /* a signed number is one value */
    if (w->last[0].symbol == ',' && is_value(&w->last[1])) {
        pop_marks(w, 1);
        if (w->last[0].symbol == 'v')
            perfopt__strbuf_puts(w->text, ", ...");
        w->last[0].symbol = 'l';
        return;
    }
    push_mark(w, 'v');
    bool param = token->kind == PERFOPT__TOKEN_PARAM;
    put(w, token, param ? token->text : "?", param ? token->length : 1);
    perfopt__strbuf_puts(&w->canon, "?\x1f");
}

/* "(values), (values)" is one row more of the same: keep the first. */
static void fold_rows(writer *w)
{
    const mark *m = w->last;
    bool two = m[0].symbol == ')' && is_value(&m[1]) && m[2].symbol == '(' && m[3].symbol == ',' &&
               m[4].symbol == ')' && is_value(&m[5]) && m[6].symbol == '(';
    if (two)
        pop_marks(w, 4);
}

static char symbol_of(const writer *w, const perfopt__token *token)
{
    char c = token->text[0];
    if (token->kind == PERFOPT__TOKEN_OTHER && (c == '(' || c == ')' || c == ','))
        return c;
    bool sign =
        token->kind == PERFOPT__TOKEN_OPERATOR && token->length == 1 && (c == '-' || c == '+');
    char before = w->last[0].symbol;
    return sign && (before == '(' || before == ',') ? '-' : 'x';
}

static void put_other(writer *w, const perfopt__token *token)
{
    char symbol = symbol_of(w, token);
    push_mark(w, symbol);
    put(w, token, token->text, token->length);
    bool fold_case = token->kind == PERFOPT__TOKEN_WORD;
    for (size_t i = 0; i < token->length; i++) {
        char c = token->text[i];
        perfopt__strbuf_putc(&w->canon, fold_case && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    perfopt__strbuf_putc(&w->canon, '\x1f');
    if (symbol == ')')
        fold_rows(w);
}

static bool is_end(const perfopt__token *token, const perfopt__lexer *lexer)
{
    if (token->kind == PERFOPT__TOKEN_END)
        return true;
    return token->length == 1 && *token->text == ';' && lexer->at == lexer->end;
}

uint64_t perfopt__shape_of(const char *sql, size_t length, bool backslash, perfopt__strbuf *text)
{
    perfopt__lexer lexer = {sql, sql + length, backslash};
    writer w = {.text = text, .canon = PERFOPT__STRBUF_INIT};
    for (;;) {
        perfopt__token token = perfopt__lexer_next(&lexer);
        if (is_end(&token, &lexer))
            break;
        if (token.kind == PERFOPT__TOKEN_LITERAL || token.kind == PERFOPT__TOKEN_PARAM)
            put_value(&w, &token);
        else
            put_other(&w, &token);
    }
    uint64_t fingerprint =
        w.canon.failed ? perfopt__hash_stable(sql, length)
                       : perfopt__hash_stable(w.canon.data ? w.canon.data : "", w.canon.length);
    perfopt__strbuf_finish(&w.canon);
    return fingerprint ? fingerprint : 1;
}
