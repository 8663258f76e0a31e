/*
 * css_minify.c - CSS without comments and without the white space nothing depends on.
 *
 * Since nesting, only what ends a statement tells what it was: "a:hover" before "{" is a selector,
 * before ";" a declaration. So the tokens of one statement are collected and printed when its end
 * has come (css_print.c knows how). No rule is added, merged, moved or taken away.
 */
#include "assets/css.h"

#include "base/error.h"
#include "base/memory.h"

typedef struct css_minifier {
    perfopt__css_lexer lexer;
    perfopt__css_printer printer;
    perfopt__css_token *tokens; /* of the statement that is being collected */
    size_t count;
    size_t capacity;
    perfopt__strbuf brackets; /* the closing ones the statement still needs */
    size_t blocks;            /* open "{" of rules */
    bool space;               /* since the last token */
    bool comment;
    bool semicolon; /* a ";" that is written unless a "}" follows */
} css_minifier;

static perfopt_status fail(css_minifier *m, size_t at, const char *what)
{
    m->lexer.error = what;
    m->lexer.error_at = at;
    return PERFOPT_ESYNTAX;
}

static void put_semicolon(css_minifier *m)
{
    if (m->semicolon)
        perfopt__strbuf_putc(m->printer.out, ';');
    m->semicolon = false;
}

static perfopt_status collect(css_minifier *m, const perfopt__css_token *token)
{
    if (m->count == m->capacity) {
        size_t capacity = m->capacity ? m->capacity * 2 : 128;
        perfopt__css_token *tokens = perfopt__reallocarray(m->tokens, capacity, sizeof(*m->tokens));
        if (!tokens)
            return PERFOPT_ENOMEM;
        m->tokens = tokens;
        m->capacity = capacity;
    }
    m->tokens[m->count] = *token;
    m->tokens[m->count].space_before = m->space;
    m->tokens[m->count].comment_before = m->comment;
    m->count++;
    m->space = m->comment = false;
    return PERFOPT_OK;
}

/* A comment that stays is written before the statement that it stands in. */
static void take_comment(css_minifier *m, const perfopt__css_token *token)
{
    const char *body = m->lexer.text + token->start + 2;
    m->comment = true;
    if (!perfopt__comment_is_kept(body, token->end - token->start - 4))
        return;
    put_semicolon(m);
    perfopt__strbuf_append(m->printer.out, m->lexer.text + token->start, token->end - token->start);
}

/* "--name:" in a block: its value may hold braces. */
static bool is_custom_property(const css_minifier *m)
{
    if (m->blocks == 0 || m->count < 2 || m->tokens[0].kind != CSS_IDENT)
        return false;
    const char *name = m->lexer.text + m->tokens[0].start;
    return m->tokens[0].end - m->tokens[0].start >= 2 && name[0] == '-' && name[1] == '-' &&
           m->tokens[1].delim == ':';
}

/* Prints what was collected; `end` is ';', '{', '}' or 0 for the end of the document. */
static void end_statement(css_minifier *m, char end)
{
    perfopt__css_statement st = {m->lexer.text, m->tokens, m->count};
    if (m->count > 0 || end == '{') {
        put_semicolon(m);
        if (m->count > 0 && m->tokens[0].kind == CSS_AT)
            perfopt__css_print_at_rule(&m->printer, &st);
        else if (end == '{')
            perfopt__css_print_selector(&m->printer, &st);
        else
            perfopt__css_print_declaration(&m->printer, &st);
        m->semicolon = end == ';';
    }
    m->count = 0;
    m->space = m->comment = false;
}

static perfopt_status open_bracket(css_minifier *m, const perfopt__css_token *token, char closing)
{
    if (m->brackets.length + m->blocks >= PERFOPT__MINIFY_MAX_DEPTH)
        return fail(m, token->start, "nested too deeply");
    if (closing == '}' && m->brackets.length == 0 && !is_custom_property(m)) {
        end_statement(m, '{');
        perfopt__strbuf_putc(m->printer.out, '{');
        m->blocks++;
        return PERFOPT_OK;
    }
    perfopt__strbuf_putc(&m->brackets, closing);
    return m->brackets.failed ? PERFOPT_ENOMEM : collect(m, token);
}

static perfopt_status close_bracket(css_minifier *m, const perfopt__css_token *token)
{
    size_t open = m->brackets.length;
    if (open > 0) {
        if (m->brackets.data[open - 1] != token->delim)
            return fail(m, token->start, "bracket without partner");
        m->brackets.length--;
        return collect(m, token);
    }
    if (token->delim != '}' || m->blocks == 0)
        return fail(m, token->start, "bracket without partner");
    end_statement(m, '}');
    m->semicolon = false;
    perfopt__strbuf_putc(m->printer.out, '}');
    m->blocks--;
    return PERFOPT_OK;
}

/* Outside of all blocks only an at-rule ends at a ";". Anything else goes on to its "{", and is a
 * selector that nobody understands: it must stay one. */
static bool is_in_top_prelude(const css_minifier *m)
{
    return m->blocks == 0 && (m->count == 0 || m->tokens[0].kind != CSS_AT);
}

static perfopt_status take_delim(css_minifier *m, const perfopt__css_token *token)
{
    switch (token->delim) {
    case '(':
        return open_bracket(m, token, ')');
    case '[':
        return open_bracket(m, token, ']');
    case '{':
        return open_bracket(m, token, '}');
    case ')':
    case ']':
    case '}':
        return close_bracket(m, token);
    case ';':
        if (m->brackets.length > 0 || is_in_top_prelude(m))
            return collect(m, token);
        end_statement(m, ';');
        return PERFOPT_OK;
    default:
        return collect(m, token);
    }
}

static perfopt_status take_end(css_minifier *m)
{
    if (m->blocks > 0 || m->brackets.length > 0)
        return fail(m, m->lexer.length, "bracket without end");
    end_statement(m, '\0');
    put_semicolon(m);
    return PERFOPT_OK;
}

static perfopt_status take(css_minifier *m, const perfopt__css_token *token)
{
    switch (token->kind) {
    case CSS_SPACE:
        m->space = true;
        return PERFOPT_OK;
    case CSS_COMMENT:
        take_comment(m, token);
        return PERFOPT_OK;
    case CSS_MARKER:
        /* Means nothing between the rules of a style sheet. */
        return m->count == 0 && m->blocks == 0 ? PERFOPT_OK : collect(m, token);
    case CSS_FUNCTION:
        return open_bracket(m, token, ')');
    case CSS_DELIM:
        return take_delim(m, token);
    case CSS_END:
        return take_end(m);
    default:
        return collect(m, token);
    }
}

static perfopt_status take_all(css_minifier *m)
{
    perfopt__css_token token;
    do {
        if (!perfopt__css_next(&m->lexer, &token))
            return PERFOPT_ESYNTAX;
        perfopt_status status = take(m, &token);
        if (status != PERFOPT_OK)
            return status;
    } while (token.kind != CSS_END);
    return m->printer.context.failed ? PERFOPT_ENOMEM : PERFOPT_OK;
}

perfopt_status perfopt__minify_css(const char *text, size_t length, perfopt__strbuf *out,
                                   perfopt_error *err)
{
    css_minifier m = {.lexer = {.text = text, .length = length},
                      .printer = {out, PERFOPT__STRBUF_INIT},
                      .brackets = PERFOPT__STRBUF_INIT};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        perfopt__strbuf_append(out, text, 3);
        m.lexer.at = 3;
    }
    perfopt_status status = take_all(&m);
    perfopt__free(m.tokens);
    perfopt__strbuf_finish(&m.brackets);
    perfopt__strbuf_finish(&m.printer.context);
    if (status == PERFOPT_ESYNTAX)
        return perfopt__minify_fail(text, length, m.lexer.error_at, m.lexer.error, err);
    return status == PERFOPT_OK ? status : perfopt__error_nomem(err);
}
