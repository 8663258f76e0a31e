/*
 * css_lexer.c - CSS tokens as CSS Syntax Module Level 3, section 4 has them. Where the standard
 * goes on after a parse error (a string or comment without end, a bad url) this one stops.
 */
#include "assets/css.h"

enum { NAME_START = 1, NAME = 2, DIGIT = 4, HEX = 8, SPACE = 16 };

static const uint8_t byte_class[256] = {
    ['0' ... '9'] = NAME | DIGIT | HEX,
    ['a' ... 'f'] = NAME_START | NAME | HEX,
    ['g' ... 'z'] = NAME_START | NAME,
    ['A' ... 'F'] = NAME_START | NAME | HEX,
    ['G' ... 'Z'] = NAME_START | NAME,
    ['_'] = NAME_START | NAME,
    ['-'] = NAME,
    [0x80 ... 0xFF] = NAME_START | NAME,
    [' '] = SPACE,
    ['\n'] = SPACE,
    ['\r'] = SPACE,
    ['\t'] = SPACE,
    ['\f'] = SPACE,
};

static bool fail(perfopt__css_lexer *lexer, size_t at, const char *what)
{
    lexer->error = what;
    lexer->error_at = at;
    return false;
}

static char peek(const perfopt__css_lexer *lexer, size_t at)
{
    return at < lexer->length ? lexer->text[at] : '\0';
}

static unsigned class_at(const perfopt__css_lexer *lexer, size_t at)
{
    return at < lexer->length ? byte_class[(unsigned char)lexer->text[at]] : 0;
}

static bool is_newline(char c)
{
    return c == '\n' || c == '\r' || c == '\f';
}

static bool is_escape(const perfopt__css_lexer *lexer, size_t at)
{
    return peek(lexer, at) == '\\' && at + 1 < lexer->length && !is_newline(lexer->text[at + 1]);
}

/* End of an escape: up to six hexadecimal digits and one white space, or any one character. */
static size_t escape_end(const perfopt__css_lexer *lexer, size_t at)
{
    at++;
    if (!(class_at(lexer, at) & HEX))
        return at + 1;
    for (int i = 0; i < 6 && class_at(lexer, at) & HEX; i++)
        at++;
    if (peek(lexer, at) == '\r' && peek(lexer, at + 1) == '\n')
        return at + 2;
    return class_at(lexer, at) & SPACE ? at + 1 : at;
}

static size_t name_end(const perfopt__css_lexer *lexer, size_t at)
{
    for (;;) {
        if (class_at(lexer, at) & NAME)
            at++;
        else if (is_escape(lexer, at))
            at = escape_end(lexer, at);
        else
            return at;
    }
}

static bool starts_name(const perfopt__css_lexer *lexer, size_t at)
{
    if (peek(lexer, at) == '-')
        return class_at(lexer, at + 1) & NAME_START || peek(lexer, at + 1) == '-' ||
               is_escape(lexer, at + 1);
    return class_at(lexer, at) & NAME_START || is_escape(lexer, at);
}

static bool starts_number(const perfopt__css_lexer *lexer, size_t at)
{
    if (peek(lexer, at) == '+' || peek(lexer, at) == '-')
        at++;
    if (peek(lexer, at) == '.')
        at++;
    return class_at(lexer, at) & DIGIT;
}

static size_t digits_end(const perfopt__css_lexer *lexer, size_t at)
{
    while (class_at(lexer, at) & DIGIT)
        at++;
    return at;
}

static void scan_number(perfopt__css_lexer *lexer, perfopt__css_token *token)
{
    size_t at = lexer->at;
    if (peek(lexer, at) == '+' || peek(lexer, at) == '-')
        at++;
    at = digits_end(lexer, at);
    if (peek(lexer, at) == '.' && class_at(lexer, at + 1) & DIGIT)
        at = digits_end(lexer, at + 1);
    if ((peek(lexer, at) | 0x20) == 'e') {
        size_t sign = peek(lexer, at + 1) == '+' || peek(lexer, at + 1) == '-';
        if (class_at(lexer, at + 1 + sign) & DIGIT)
            at = digits_end(lexer, at + 1 + sign);
    }
    token->number_end = token->end = at;
    token->kind = CSS_NUMBER;
    if (peek(lexer, at) == '%') {
        token->kind = CSS_PERCENTAGE;
        token->end = at + 1;
    } else if (starts_name(lexer, at)) {
        token->kind = CSS_DIMENSION;
        token->end = name_end(lexer, at);
    }
}

static bool scan_string(perfopt__css_lexer *lexer, perfopt__css_token *token)
{
    char quote = lexer->text[lexer->at];
    token->kind = CSS_STRING;
    for (size_t at = lexer->at + 1; at < lexer->length && !is_newline(lexer->text[at]); at++) {
        if (lexer->text[at] == quote) {
            token->end = at + 1;
            return true;
        }
        if (lexer->text[at] == '\\')
            at += peek(lexer, at + 1) == '\r' && peek(lexer, at + 2) == '\n' ? 2 : 1;
    }
    return fail(lexer, lexer->at, "string without end");
}

static bool scan_comment(perfopt__css_lexer *lexer, perfopt__css_token *token)
{
    size_t body = lexer->at + 2;
    const char *end = memmem(lexer->text + body, lexer->length - body, "*/", 2);
    if (!end)
        return fail(lexer, lexer->at, "comment without end");
    token->kind = CSS_COMMENT;
    token->end = (size_t)(end - lexer->text) + 2;
    return true;
}

static size_t skip_space(const perfopt__css_lexer *lexer, size_t at)
{
    while (class_at(lexer, at) & SPACE)
        at++;
    return at;
}

/* The rest of url( without quotes; `at` is behind the "(". */
static bool scan_url(perfopt__css_lexer *lexer, size_t at, perfopt__css_token *token)
{
    token->kind = CSS_URL;
    at = skip_space(lexer, at);
    while (at < lexer->length) {
        char c = lexer->text[at];
        if (class_at(lexer, at) & SPACE) {
            at = skip_space(lexer, at);
            if (peek(lexer, at) != ')')
                break;
            c = ')';
        }
        if (c == ')') {
            token->end = at + 1;
            return true;
        }
        if (c == '\\') {
            if (!is_escape(lexer, at))
                break;
            at = escape_end(lexer, at);
            continue;
        }
        if (c == '"' || c == '\'' || c == '(' || (unsigned char)c < 0x20 || c == 0x7F)
            break;
        at++;
    }
    return fail(lexer, at < lexer->length ? at : lexer->at, "malformed url()");
}

static bool scan_name(perfopt__css_lexer *lexer, perfopt__css_token *token)
{
    token->kind = CSS_IDENT;
    token->end = name_end(lexer, lexer->at);
    if (peek(lexer, token->end) != '(')
        return true;
    bool is_url = perfopt__equals_nocase(lexer->text + lexer->at, token->end - lexer->at, "url");
    token->end++;
    token->kind = CSS_FUNCTION;
    if (!is_url)
        return true;
    char quote = peek(lexer, skip_space(lexer, token->end));
    return quote == '"' || quote == '\'' || scan_url(lexer, token->end, token);
}

static void scan_delim(const perfopt__css_lexer *lexer, perfopt__css_token *token)
{
    const char *p = lexer->text + lexer->at;
    size_t left = lexer->length - lexer->at;
    token->kind = CSS_DELIM;
    token->delim = *p;
    token->end = lexer->at + 1;
    if (left >= 4 && memcmp(p, "<!--", 4) == 0) {
        token->kind = CSS_MARKER;
        token->end = lexer->at + 4;
    } else if (left >= 3 && memcmp(p, "-->", 3) == 0) {
        token->kind = CSS_MARKER;
        token->end = lexer->at + 3;
    } else if (*p == '@' && starts_name(lexer, lexer->at + 1)) {
        token->kind = CSS_AT;
        token->end = name_end(lexer, lexer->at + 1);
    } else if (*p == '#' &&
               (class_at(lexer, lexer->at + 1) & NAME || is_escape(lexer, lexer->at + 1))) {
        token->kind = CSS_HASH;
        token->end = name_end(lexer, lexer->at + 1);
    }
}

static bool scan_token(perfopt__css_lexer *lexer, perfopt__css_token *token)
{
    char c = lexer->text[lexer->at];
    if (class_at(lexer, lexer->at) & SPACE) {
        token->kind = CSS_SPACE;
        token->end = skip_space(lexer, lexer->at);
        return true;
    }
    if (c == '/' && peek(lexer, lexer->at + 1) == '*')
        return scan_comment(lexer, token);
    if (c == '"' || c == '\'')
        return scan_string(lexer, token);
    if (starts_number(lexer, lexer->at)) {
        scan_number(lexer, token);
        return true;
    }
    /* "-->" before names: "--" alone would begin one. */
    bool marker = c == '-' && lexer->length - lexer->at >= 3 &&
                  memcmp(lexer->text + lexer->at, "-->", 3) == 0;
    if (!marker && starts_name(lexer, lexer->at))
        return scan_name(lexer, token);
    /* A "\" before a line break is no escape, and would become one without the line break. */
    if (c == '\0' || c == '\\')
        return fail(lexer, lexer->at, "unexpected character");
    scan_delim(lexer, token);
    return true;
}

bool perfopt__css_next(perfopt__css_lexer *lexer, perfopt__css_token *token)
{
    *token = (perfopt__css_token){.kind = CSS_END, .start = lexer->at, .end = lexer->at};
    if (lexer->at >= lexer->length)
        return true;
    if (!scan_token(lexer, token))
        return false;
    lexer->at = token->end;
    return true;
}
