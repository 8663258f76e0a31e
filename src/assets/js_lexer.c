/*
 * js_lexer.c - JavaScript tokens (ECMA-262, clause 12). Names and numbers are not validated beyond
 * what is needed to find their ends: the minifier copies them as they are.
 */
#include "assets/js.h"

enum { OTHER, WORD = 1, DIGIT = 2 };

static const uint8_t byte_class[256] = {
    ['0' ... '9'] = DIGIT, ['A' ... 'Z'] = WORD, ['a' ... 'z'] = WORD,   ['_'] = WORD,
    ['$'] = WORD,          ['\\'] = WORD,        [0x80 ... 0xFF] = WORD,
};

static const struct {
    char text[11];
    uint8_t length;
} words[JS_WORD_COUNT] = {{"", 0},
#define WORD_ENTRY(name, text) {text, sizeof(text) - 1},
                          PERFOPT__JS_WORDS(WORD_ENTRY)
#undef WORD_ENTRY
};

bool perfopt__js_is_word_byte(char c)
{
    return byte_class[(unsigned char)c] != OTHER;
}

static bool fail(perfopt__js_lexer *lexer, size_t at, const char *what)
{
    lexer->error = what;
    lexer->error_at = at;
    return false;
}

static char peek(const perfopt__js_lexer *lexer, size_t at)
{
    return at < lexer->length ? lexer->text[at] : '\0';
}

static bool starts_with(const perfopt__js_lexer *lexer, size_t at, const char *text)
{
    size_t n = strlen(text);
    return lexer->length - at >= n && memcmp(lexer->text + at, text, n) == 0;
}

/* Length of a line terminator: LF, CR, CRLF, U+2028, U+2029; 0 = none. */
static size_t line_terminator(const perfopt__js_lexer *lexer, size_t at)
{
    char c = peek(lexer, at);
    if (c == '\n' && at < lexer->length)
        return 1;
    if (c == '\r')
        return peek(lexer, at + 1) == '\n' ? 2 : 1;
    if ((unsigned char)c == 0xE2 &&
        (starts_with(lexer, at, "\xE2\x80\xA8") || starts_with(lexer, at, "\xE2\x80\xA9")))
        return 3;
    return 0;
}

/* Length of white space outside ASCII: U+FEFF and the category Zs; 0 = none. */
static size_t wide_space(const perfopt__js_lexer *lexer, size_t at)
{
    const char *p = lexer->text + at;
    size_t left = lexer->length - at;
    unsigned char c = (unsigned char)p[0];
    if (c == 0xC2 && left >= 2 && (unsigned char)p[1] == 0xA0)
        return 2;
    if (left < 3)
        return 0;
    unsigned second = (unsigned char)p[1];
    unsigned third = (unsigned char)p[2];
    if (c == 0xE2 && second == 0x80)
        return (third >= 0x80 && third <= 0x8A) || third == 0xAF ? 3 : 0;
    bool space = (c == 0xEF && second == 0xBB && third == 0xBF) ||
                 (c == 0xE1 && second == 0x9A && third == 0x80) ||
                 (c == 0xE2 && second == 0x81 && third == 0x9F) ||
                 (c == 0xE3 && second == 0x80 && third == 0x80);
    return space ? 3 : 0;
}

/* Length of white space or a line terminator at the current place, 0 = none. */
static size_t skip_blank(perfopt__js_lexer *lexer)
{
    unsigned char c = (unsigned char)lexer->text[lexer->at];
    if (c == ' ' || c == '\t' || c == '\v' || c == '\f') {
        lexer->space = true;
        return 1;
    }
    if (c != '\n' && c != '\r' && c < 0x80)
        return 0;
    size_t n = line_terminator(lexer, lexer->at);
    if (n)
        lexer->newline = lexer->line_start = true;
    else
        n = wide_space(lexer, lexer->at);
    lexer->space = lexer->space || n > 0;
    return n;
}

/* Where the next line terminator is, at most `end`. */
static size_t end_of_line(const perfopt__js_lexer *lexer, size_t at, size_t end)
{
    for (; at < end; at++) {
        unsigned char c = (unsigned char)lexer->text[at];
        if (c == '\n' || c == '\r' || (c == 0xE2 && line_terminator(lexer, at)))
            break;
    }
    return at;
}

/* Fills the token if the comment stays; otherwise it is skipped. */
static bool line_comment(perfopt__js_lexer *lexer, bool stays, perfopt__js_token *token)
{
    size_t start = lexer->at;
    lexer->at = end_of_line(lexer, start, lexer->length);
    lexer->space = true;
    if (!stays)
        return false;
    *token = (perfopt__js_token){.kind = JS_COMMENT,
                                 .start = start,
                                 .end = lexer->at,
                                 .newline_before = lexer->newline,
                                 .needs_line_end = true};
    return true;
}

/* As line_comment; sets lexer->error when the comment has no end. */
static bool block_comment(perfopt__js_lexer *lexer, perfopt__js_token *token)
{
    size_t start = lexer->at;
    size_t body = start + 2;
    const char *end = memmem(lexer->text + body, lexer->length - body, "*/", 2);
    if (!end)
        return fail(lexer, start, "comment without end");
    lexer->at = (size_t)(end - lexer->text) + 2;
    bool newline_before = lexer->newline;
    lexer->space = true;
    if (end_of_line(lexer, body, lexer->at) < lexer->at)
        lexer->newline = lexer->line_start = true;
    if (!perfopt__comment_is_kept(lexer->text + body, lexer->at - 2 - body))
        return false;
    *token = (perfopt__js_token){
        .kind = JS_COMMENT, .start = start, .end = lexer->at, .newline_before = newline_before};
    return true;
}

/* A comment at the current place: 0 = none, 1 = skipped, 2 = it stays, -1 = error. */
static int skip_comment(perfopt__js_lexer *lexer, perfopt__js_token *token)
{
    char c = lexer->text[lexer->at];
    char next = peek(lexer, lexer->at + 1);
    if (c == '/' && next == '/') {
        size_t body = lexer->at + 2;
        bool stays = perfopt__comment_is_kept(lexer->text + body,
                                              end_of_line(lexer, body, lexer->length) - body);
        return line_comment(lexer, stays, token) ? 2 : 1;
    }
    if (c == '/' && next == '*') {
        bool stays = block_comment(lexer, token);
        return lexer->error ? -1 : stays ? 2 : 1;
    }
    /* "<!--" is a comment in a script and three operators in a module. Kept with its line it means
     * the same in both. "-->" at the start of a line cannot be code in either. */
    if (c == '<' && starts_with(lexer, lexer->at, "<!--"))
        return line_comment(lexer, true, token) ? 2 : 1;
    if (c == '-' && lexer->line_start && starts_with(lexer, lexer->at, "-->"))
        return line_comment(lexer, false, token) ? 2 : 1;
    return 0;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Length of \uXXXX or \u{X...}, 0 if it is neither. */
static size_t escape_length(const perfopt__js_lexer *lexer, size_t at)
{
    if (peek(lexer, at + 1) != 'u')
        return 0;
    bool braces = peek(lexer, at + 2) == '{';
    size_t start = at + (braces ? 3 : 2);
    size_t end = start;
    while (is_hex(peek(lexer, end)) && (braces || end < start + 4))
        end++;
    if (braces)
        return end > start && peek(lexer, end) == '}' ? end + 1 - at : 0;
    return end == start + 4 ? 6 : 0;
}

static size_t word_end(const perfopt__js_lexer *lexer, size_t at)
{
    while (at < lexer->length) {
        unsigned char c = (unsigned char)lexer->text[at];
        if (byte_class[c] == OTHER)
            break;
        if (c >= 0x80 && (line_terminator(lexer, at) || wide_space(lexer, at)))
            break;
        if (c == '\\') {
            size_t escape = escape_length(lexer, at);
            if (escape == 0)
                break;
            at += escape - 1;
        }
        at++;
    }
    return at;
}

static perfopt__js_word word_of(const char *text, size_t length)
{
    static const uint8_t first[12] = {
        [2] = JS_DO,          [3] = JS_FOR,        [4] = JS_CASE,     [5] = JS_ASYNC,
        [6] = JS_DELETE,      [7] = JS_DEFAULT,    [8] = JS_CONTINUE, [9] = JS_INSTANCEOF,
        [10] = JS_INSTANCEOF, [11] = JS_WORD_COUNT};
    if (length < 2 || length > 10)
        return JS_NAME;
    for (unsigned i = first[length]; i < first[length + 1]; i++) {
        if (words[i].text[0] == text[0] && memcmp(words[i].text, text, length) == 0)
            return (perfopt__js_word)i;
    }
    return JS_NAME;
}

static size_t digits_end(const perfopt__js_lexer *lexer, size_t at)
{
    while (byte_class[(unsigned char)peek(lexer, at)] == DIGIT || peek(lexer, at) == '_')
        at++;
    return at;
}

/* "010" is octal and cannot have a fraction, so that 010.toString() is a property access. */
static bool is_legacy_octal(const perfopt__js_lexer *lexer, size_t start, size_t end)
{
    if (end - start < 2 || lexer->text[start] != '0')
        return false;
    for (size_t i = start; i < end; i++) {
        if (lexer->text[i] < '0' || lexer->text[i] > '7')
            return false;
    }
    return true;
}

static size_t number_end(const perfopt__js_lexer *lexer, size_t start)
{
    char second = (char)(peek(lexer, start + 1) | 0x20);
    if (lexer->text[start] == '0' && (second == 'x' || second == 'b' || second == 'o'))
        return word_end(lexer, start);
    size_t at = digits_end(lexer, start);
    if (is_legacy_octal(lexer, start, at))
        return at;
    if (peek(lexer, at) == '.')
        at = digits_end(lexer, at + 1);
    if ((peek(lexer, at) | 0x20) == 'e') {
        size_t sign = peek(lexer, at + 1) == '+' || peek(lexer, at + 1) == '-';
        if (byte_class[(unsigned char)peek(lexer, at + 1 + sign)] == DIGIT)
            at = digits_end(lexer, at + 1 + sign);
    }
    return peek(lexer, at) == 'n' ? at + 1 : at;
}

static bool scan_string(perfopt__js_lexer *lexer, size_t *end)
{
    char quote = lexer->text[lexer->at];
    size_t at = lexer->at + 1;
    for (; at < lexer->length; at++) {
        char c = lexer->text[at];
        if (c == quote) {
            *end = at + 1;
            return true;
        }
        if (c == '\n' || c == '\r')
            break;
        if (c == '\\')
            at += peek(lexer, at + 1) == '\r' && peek(lexer, at + 2) == '\n' ? 2 : 1;
    }
    return fail(lexer, lexer->at, "string without end");
}

static bool scan_regex(perfopt__js_lexer *lexer, size_t *end)
{
    bool in_class = false;
    for (size_t at = lexer->at + 1; at < lexer->length && !line_terminator(lexer, at); at++) {
        char c = lexer->text[at];
        if (c == '/' && !in_class) {
            *end = word_end(lexer, at + 1);
            return true;
        }
        if (c == '[')
            in_class = true;
        else if (c == ']')
            in_class = false;
        else if (c == '\\' && line_terminator(lexer, ++at))
            break;
    }
    return fail(lexer, lexer->at, "regular expression without end");
}

/* A piece of a template literal, from "`" or "}" on. */
static bool scan_template(perfopt__js_lexer *lexer, perfopt__js_token *token)
{
    token->kind = JS_TEMPLATE;
    token->closes = lexer->text[lexer->at] == '}';
    for (size_t at = lexer->at + 1; at < lexer->length; at++) {
        char c = lexer->text[at];
        if (c == '\\') {
            at++;
        } else if (c == '`') {
            token->end = at + 1;
            return true;
        } else if (c == '$' && peek(lexer, at + 1) == '{') {
            token->opens = true;
            token->end = at + 2;
            return true;
        }
    }
    return fail(lexer, lexer->at, "template literal without end");
}

/* Length of the punctuator at `at`. Assignment forms such as ">>>=" may come as two tokens: nothing
 * depends on them, and what stood together stays together. */
static size_t punctuator_length(const perfopt__js_lexer *lexer, size_t at)
{
    char c = lexer->text[at];
    char next = peek(lexer, at + 1);
    switch (c) {
    case '+':
    case '-':
    case '&':
    case '|':
    case '*':
        return next == c || next == '=' ? 2 : 1;
    case '=':
        return next == '>' || next == '=' ? 2 : 1;
    case '!':
    case '<':
    case '>':
    case '/':
    case '%':
    case '^':
        return next == '=' ? 2 : 1;
    case '?':
        if (next == '?')
            return 2;
        return next == '.' && byte_class[(unsigned char)peek(lexer, at + 2)] != DIGIT ? 2 : 1;
    case '.':
        return next == '.' && peek(lexer, at + 2) == '.' ? 3 : 1;
    default:
        return 1;
    }
}

static bool scan_punctuator(perfopt__js_lexer *lexer, perfopt__js_token *token)
{
    const char *p = lexer->text + lexer->at;
    if (!*p || !strchr("{}()[];,<>+-*/%&|^!~?:=.@", *p))
        return fail(lexer, lexer->at, "unexpected character");
    size_t length = punctuator_length(lexer, lexer->at);
    token->kind = JS_PUNCTUATOR;
    token->end = lexer->at + length;
    token->punctuator = JS_P1((unsigned char)p[0]);
    if (length > 1)
        token->punctuator |= (uint32_t)(unsigned char)p[1] << 8;
    if (length > 2)
        token->punctuator |= (uint32_t)(unsigned char)p[2] << 16;
    return true;
}

static bool scan_token(perfopt__js_lexer *lexer, const perfopt__js_syntax *syntax,
                       perfopt__js_token *token)
{
    char c = lexer->text[lexer->at];
    uint8_t class = byte_class[(unsigned char)c];
    if (class == WORD) {
        token->kind = JS_WORD;
        token->end = word_end(lexer, lexer->at);
        if (token->end == lexer->at)
            return fail(lexer, lexer->at, "unexpected character");
        token->word = word_of(lexer->text + lexer->at, token->end - lexer->at);
        return true;
    }
    if (class == DIGIT ||
        (c == '.' && byte_class[(unsigned char)peek(lexer, lexer->at + 1)] == DIGIT)) {
        token->kind = JS_NUMBER;
        token->end = number_end(lexer, lexer->at);
        return word_end(lexer, token->end) == token->end ||
               fail(lexer, token->end, "number runs into a name");
    }
    if (c == '"' || c == '\'') {
        token->kind = JS_STRING;
        return scan_string(lexer, &token->end);
    }
    if (c == '`' || (c == '}' && perfopt__js_in_template(syntax)))
        return scan_template(lexer, token);
    if (c == '/' && perfopt__js_regex_allowed(syntax, lexer->newline)) {
        token->kind = JS_REGEX;
        return scan_regex(lexer, &token->end);
    }
    if (c == '#') {
        token->kind = JS_PRIVATE;
        token->end = word_end(lexer, lexer->at + 1);
        return token->end > lexer->at + 1 || fail(lexer, lexer->at, "unexpected character");
    }
    return scan_punctuator(lexer, token);
}

bool perfopt__js_next(perfopt__js_lexer *lexer, const perfopt__js_syntax *syntax,
                      perfopt__js_token *token)
{
    while (lexer->at < lexer->length) {
        size_t blank = skip_blank(lexer);
        lexer->at += blank;
        if (blank)
            continue;
        int comment = skip_comment(lexer, token);
        if (comment < 0)
            return false;
        if (comment == 2)
            return true;
        if (comment == 0)
            break;
    }
    *token = (perfopt__js_token){.kind = JS_END,
                                 .start = lexer->at,
                                 .end = lexer->at,
                                 .space_before = lexer->space,
                                 .newline_before = lexer->newline};
    if (lexer->at < lexer->length && !scan_token(lexer, syntax, token))
        return false;
    lexer->at = token->end;
    lexer->space = lexer->newline = lexer->line_start = false;
    return true;
}
