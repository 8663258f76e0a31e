/*
 * js_minify.c - JavaScript without its comments and without the white space nothing depends on.
 *
 * Every token stays as it is written. Between two tokens that had white space between them goes: a
 * line break, if it may end a statement; a space, if the tokens would run together; else nothing. A
 * semicolon that only ends the last statement of a block goes too.
 */
#include "assets/js.h"

#include "base/error.h"

typedef struct js_printer {
    const char *text;
    perfopt__strbuf *out;
    perfopt__js_token last;
    bool after_comment;  /* a comment that stays stands behind `last` */
    bool line_end_due;   /* and it runs to the end of its line */
    bool held_semicolon; /* one that is written unless a "}" follows */
} js_printer;

static bool is_word_like(const perfopt__js_token *t)
{
    return t->kind == JS_WORD || t->kind == JS_PRIVATE || t->kind == JS_NUMBER ||
           t->kind == JS_REGEX;
}

/* Would the two tokens, written without a space, be read as something else? */
static bool runs_together(const char *text, const perfopt__js_token *left,
                          const perfopt__js_token *right)
{
    if (left->end == 0) /* there is none */
        return false;
    char a = text[left->end - 1];
    char b = text[right->start];
    if ((is_word_like(left) && perfopt__js_is_word_byte(b)) ||
        (right->kind == JS_NUMBER && a == '.'))
        return true;
    if (!strchr("+-*/%&|^<>=?.!", a) || (left->kind != JS_PUNCTUATOR && b != '/' && b != '*'))
        return left->kind == JS_NUMBER && b == '.';
    switch (b) {
    case '-': /* also never "<!--" */
        return a == '-' || a == '!';
    case '/': /* also never "</script" */
        return a == '/' || a == '<';
    case '*':
        return a == '/' || a == '*';
    case '>': /* never "-->" */
        return a == '-' || a == '=' || a == '>';
    case '!':
        return a == '<';
    case '.': /* but "? .5" is no "?." */
        return (a == '?' && right->kind == JS_PUNCTUATOR) || a == '.';
    case '=':
        return true;
    default:
        return a == b;
    }
}

static void put_due_line_end(js_printer *p)
{
    if (p->line_end_due)
        perfopt__strbuf_putc(p->out, '\n');
    p->line_end_due = false;
}

static void put_comment(js_printer *p, const perfopt__js_token *t)
{
    if (p->held_semicolon)
        perfopt__strbuf_putc(p->out, ';');
    p->held_semicolon = false;
    put_due_line_end(p);
    size_t n = p->out->length;
    if (n > 0 && (p->out->data[n - 1] == '/' || p->out->data[n - 1] == '<'))
        perfopt__strbuf_putc(p->out, ' ');
    perfopt__strbuf_append(p->out, p->text + t->start, t->end - t->start);
    p->line_end_due = t->needs_line_end;
    p->after_comment = true;
}

static void put_token(js_printer *p, const perfopt__js_token *t, bool newline_counts)
{
    if (p->held_semicolon && t->punctuator != JS_P1('}'))
        perfopt__strbuf_putc(p->out, ';');
    p->held_semicolon = false;
    put_due_line_end(p);
    char last = p->out->length ? p->out->data[p->out->length - 1] : '\n';
    if (newline_counts) {
        if (last != '\n')
            perfopt__strbuf_putc(p->out, '\n');
    } else if (t->space_before && !p->after_comment && last != '\n' && last != ';' &&
               runs_together(p->text, &p->last, t)) {
        perfopt__strbuf_putc(p->out, ' ');
    }
    perfopt__strbuf_append(p->out, p->text + t->start, t->end - t->start);
    p->after_comment = false;
    p->last = *t;
}

static perfopt_status put_all(perfopt__js_lexer *lexer, perfopt__js_syntax *syntax, js_printer *p)
{
    for (;;) {
        perfopt__js_token t;
        if (!perfopt__js_next(lexer, syntax, &t))
            return PERFOPT_ESYNTAX;
        if (t.kind == JS_COMMENT) {
            put_comment(p, &t);
            continue;
        }
        bool newline_counts = perfopt__js_newline_counts(syntax, &t);
        bool hold = t.punctuator == JS_P1(';') && perfopt__js_semicolon_is_end(syntax);
        perfopt_status status = perfopt__js_accept(syntax, &t);
        if (status != PERFOPT_OK) {
            lexer->error = syntax->error;
            lexer->error_at = t.start;
            return status;
        }
        if (t.kind == JS_END) {
            if (p->held_semicolon)
                perfopt__strbuf_putc(p->out, ';');
            return PERFOPT_OK;
        }
        if (hold) {
            put_due_line_end(p);
            p->held_semicolon = true;
            p->last = t;
            p->after_comment = false;
        } else {
            put_token(p, &t, newline_counts);
        }
    }
}

/* "#!" is a comment only in the very first place, and belongs to the shell. */
static size_t put_hashbang(const char *text, size_t length, perfopt__strbuf *out)
{
    if (length < 2 || text[0] != '#' || text[1] != '!')
        return 0;
    const char *end = memchr(text, '\n', length);
    size_t n = end ? (size_t)(end - text) + 1 : length;
    perfopt__strbuf_append(out, text, n);
    return n;
}

/* A byte order mark may be what tells the browser the encoding. */
static size_t put_byte_order_mark(const char *text, size_t length, perfopt__strbuf *out)
{
    if (length < 3 || memcmp(text, "\xEF\xBB\xBF", 3) != 0)
        return 0;
    perfopt__strbuf_append(out, text, 3);
    return 3;
}

perfopt_status perfopt__minify_js(const char *text, size_t length, perfopt__strbuf *out,
                                  perfopt_error *err)
{
    perfopt__js_syntax syntax;
    perfopt__js_lexer lexer = {.text = text, .length = length, .line_start = true};
    js_printer printer = {.text = text, .out = out};
    perfopt_status status = perfopt__js_syntax_init(&syntax);
    lexer.at = put_byte_order_mark(text, length, out);
    lexer.at += put_hashbang(text + lexer.at, length - lexer.at, out);
    if (status == PERFOPT_OK)
        status = put_all(&lexer, &syntax, &printer);
    perfopt__js_syntax_finish(&syntax);
    if (status == PERFOPT_ESYNTAX)
        return perfopt__minify_fail(text, length, lexer.error_at, lexer.error, err);
    return status == PERFOPT_OK ? status : perfopt__error_nomem(err);
}
