/*
 * lexer.c - PostgreSQL's tokens, as far as telling literals from everything else needs (the rules
 * are those of the manual, "Lexical Structure"). It accepts any bytes and always moves on.
 */
#include "db/db_internal.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word_part(char c)
{
    return is_word_start(c) || is_digit(c) || c == '$';
}

static bool is_operator(char c)
{
    return c && strchr("+-*/<>=~!@#%^&|`?", c) != NULL;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool starts(const perfopt__lexer *lexer, const char *at, const char *what)
{
    size_t length = strlen(what);
    return (size_t)(lexer->end - at) >= length && memcmp(at, what, length) == 0;
}

/* ---- white space and comments ------------------------------------------------------------- */

/* Block comments nest. */
static const char *skip_block(const perfopt__lexer *lexer, const char *at)
{
    size_t depth = 0;
    while (at < lexer->end) {
        if (starts(lexer, at, "/*")) {
            depth++;
            at += 2;
        } else if (starts(lexer, at, "*/")) {
            at += 2;
            if (--depth == 0)
                break;
        } else {
            at++;
        }
    }
    return at;
}

static const char *skip_blank(const perfopt__lexer *lexer, const char *at)
{
    while (at < lexer->end) {
        if (is_space(*at)) {
            at++;
        } else if (starts(lexer, at, "--")) {
            while (at < lexer->end && *at != '\n' && *at != '\r')
                at++;
        } else if (starts(lexer, at, "/*")) {
            at = skip_block(lexer, at);
        } else {
            break;
        }
    }
    return at;
}

/* ---- tokens ------------------------------------------------------------------------------- */

/* Behind the closing quote; a doubled one does not close. */
static const char *skip_quoted(const perfopt__lexer *lexer, const char *at, bool backslash)
{
    char quote = *at++;
    while (at < lexer->end) {
        if (backslash && *at == '\\' && at + 1 < lexer->end) {
            at += 2;
        } else if (*at++ == quote) {
            if (at >= lexer->end || *at != quote)
                return at;
            at++;
        }
    }
    return at;
}

/* Behind $tag$...$tag$, or NULL if no dollar quote begins here. */
static const char *skip_dollar(const perfopt__lexer *lexer, const char *at)
{
    const char *tag_end = at + 1;
    while (tag_end < lexer->end && is_word_part(*tag_end) && *tag_end != '$')
        tag_end++;
    if (tag_end >= lexer->end || *tag_end != '$' || is_digit(at[1]))
        return NULL;
    size_t length = (size_t)(++tag_end - at);
    const char *close = memmem(tag_end, (size_t)(lexer->end - tag_end), at, length);
    return close ? close + length : lexer->end;
}

/* Integers in any base, decimals and exponents; what trails directly belongs to it, so that no
 * part of a malformed number is taken for a word. */
static const char *skip_number(const perfopt__lexer *lexer, const char *at)
{
    for (; at < lexer->end; at++) {
        bool sign = (*at == '+' || *at == '-') && (at[-1] == 'e' || at[-1] == 'E');
        bool range = *at == '.' && at + 1 < lexer->end && at[1] == '.';
        if (range || !(is_word_part(*at) || *at == '.' || sign))
            break;
    }
    return at;
}

static const char *skip_operator(const perfopt__lexer *lexer, const char *at)
{
    do
        at++;
    while (at < lexer->end && is_operator(*at) && !starts(lexer, at, "--") &&
           !starts(lexer, at, "/*"));
    return at;
}

/* Bytes before the quote of E'', B'', X'', N'', U&'' and U&"" at `at`; 0 if there is no prefix. */
static size_t prefix_length(const perfopt__lexer *lexer, const char *at)
{
    size_t left = (size_t)(lexer->end - at);
    if (left >= 2 && at[1] == '\'' && strchr("EeBbXxNn", *at))
        return 1;
    if (left >= 3 && (*at == 'U' || *at == 'u') && at[1] == '&' && (at[2] == '\'' || at[2] == '"'))
        return 2;
    return 0;
}

static const char *skip_word(const perfopt__lexer *lexer, const char *at, perfopt__token_kind *kind)
{
    size_t prefix = prefix_length(lexer, at);
    if (prefix) {
        bool backslash = lexer->backslash || *at == 'E' || *at == 'e';
        *kind = at[prefix] == '"' ? PERFOPT__TOKEN_QUOTED : PERFOPT__TOKEN_LITERAL;
        return skip_quoted(lexer, at + prefix, backslash && at[prefix] == '\'');
    }
    *kind = PERFOPT__TOKEN_WORD;
    while (at < lexer->end && is_word_part(*at))
        at++;
    return at;
}

static const char *skip_param(const perfopt__lexer *lexer, const char *at,
                              perfopt__token_kind *kind)
{
    const char *close = skip_dollar(lexer, at);
    if (close) {
        *kind = PERFOPT__TOKEN_LITERAL;
        return close;
    }
    const char *end = at + 1;
    while (end < lexer->end && is_digit(*end))
        end++;
    *kind = end > at + 1 ? PERFOPT__TOKEN_PARAM : PERFOPT__TOKEN_OTHER;
    return end;
}

static const char *skip_token(const perfopt__lexer *lexer, const char *at,
                              perfopt__token_kind *kind)
{
    bool decimal = *at == '.' && at + 1 < lexer->end && is_digit(at[1]);
    if (is_word_start(*at))
        return skip_word(lexer, at, kind);
    if (*at == '$')
        return skip_param(lexer, at, kind);
    *kind = PERFOPT__TOKEN_LITERAL;
    if (*at == '\'')
        return skip_quoted(lexer, at, lexer->backslash);
    if (is_digit(*at) || decimal)
        return skip_number(lexer, at + 1);
    *kind = PERFOPT__TOKEN_QUOTED;
    if (*at == '"')
        return skip_quoted(lexer, at, false);
    *kind = PERFOPT__TOKEN_OPERATOR;
    if (is_operator(*at))
        return skip_operator(lexer, at);
    *kind = PERFOPT__TOKEN_OTHER;
    return at + 1;
}

perfopt__token perfopt__lexer_next(perfopt__lexer *lexer)
{
    const char *start = skip_blank(lexer, lexer->at);
    perfopt__token token = {PERFOPT__TOKEN_END, start, 0, start > lexer->at};
    if (start < lexer->end) {
        lexer->at = skip_token(lexer, start, &token.kind);
        token.length = (size_t)(lexer->at - start);
    } else {
        lexer->at = start;
    }
    return token;
}
