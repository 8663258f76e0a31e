/*
 * lexer.c - template source to tokens.
 *
 * Outside of tags the text up to the next "{{", "{%" or "{#" is one DATA token; "-", "+",
 * trim_blocks and lstrip_blocks decide how much white space next to a tag belongs to it. Inside a
 * tag the closing mark counts only where all brackets are closed, so that {{ {'a': {}} }} works.
 * Comments and {% raw %} never reach the parser.
 */
#include "ssr/compile.h"

#include "base/memory.h"
#include "ssr/unicode.h"
#include "value/number.h"

#include <string.h>

typedef struct lexer {
    ssr_compilation *c;
    const char *pos;
    const char *end;
    const char *counted; /* newlines up to here are in `line` */
    const char *line_start;
    const char *column_at; /* `column` is known here, so that long lines cost no more */
    uint32_t column;
    uint32_t line;
    bool line_starting; /* what was matched last ended with a newline */
    size_t capacity;    /* of c->tokens */
    char closers[SSR_MAX_NESTING];
    unsigned open; /* brackets open in this tag */
} lexer;

static const struct {
    const char *text;
    uint8_t type;
} operators[] = {
    {"**", TOKEN_POW},     {"//", TOKEN_FLOORDIV}, {"==", TOKEN_EQ},    {"!=", TOKEN_NE},
    {">=", TOKEN_GTEQ},    {"<=", TOKEN_LTEQ},     {"+", TOKEN_ADD},    {"-", TOKEN_SUB},
    {"*", TOKEN_MUL},      {"/", TOKEN_DIV},       {"%", TOKEN_MOD},    {"~", TOKEN_TILDE},
    {"[", TOKEN_LBRACKET}, {"]", TOKEN_RBRACKET},  {"(", TOKEN_LPAREN}, {")", TOKEN_RPAREN},
    {"{", TOKEN_LBRACE},   {"}", TOKEN_RBRACE},    {">", TOKEN_GT},     {"<", TOKEN_LT},
    {"=", TOKEN_ASSIGN},   {".", TOKEN_DOT},       {":", TOKEN_COLON},  {"|", TOKEN_PIPE},
    {",", TOKEN_COMMA},    {";", TOKEN_SEMICOLON},
};

const char *perfopt__ssr_token_name(uint8_t type)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (operators[i].type == type)
            return operators[i].text;
    }
    switch (type) {
    case TOKEN_EOF:
        return "end of template";
    case TOKEN_DATA:
        return "text";
    case TOKEN_VARIABLE_BEGIN:
        return "{{";
    case TOKEN_VARIABLE_END:
        return "}}";
    case TOKEN_BLOCK_BEGIN:
        return "{%";
    case TOKEN_BLOCK_END:
        return "%}";
    case TOKEN_NAME:
        return "name";
    case TOKEN_STRING:
        return "string";
    case TOKEN_INTEGER:
        return "integer";
    default:
        return "float";
    }
}

/* Counts the lines up to p, which never goes back. */
static void count_to(lexer *lx, const char *p)
{
    while (lx->counted < p) {
        const char *newline = memchr(lx->counted, '\n', (size_t)(p - lx->counted));
        if (!newline) {
            lx->counted = p;
            return;
        }
        lx->line++;
        lx->counted = lx->line_start = newline + 1;
    }
}

static uint32_t column_of(lexer *lx, const char *p)
{
    if (lx->column_at < lx->line_start || lx->column_at > p) {
        lx->column_at = lx->line_start;
        lx->column = 1;
    }
    lx->column += (uint32_t)perfopt__utf8_count(lx->column_at, (size_t)(p - lx->column_at));
    lx->column_at = p;
    return lx->column;
}

static ssr_token *add_token(lexer *lx, uint8_t type, const char *at)
{
    ssr_compilation *c = lx->c;
    if (c->token_count == lx->capacity) {
        size_t capacity = lx->capacity ? lx->capacity * 2 : 64;
        ssr_token *tokens = perfopt__reallocarray(c->tokens, capacity, sizeof(*tokens));
        if (!tokens) {
            perfopt__ssr_compile_nomem(c);
            return NULL;
        }
        c->tokens = tokens;
        lx->capacity = capacity;
    }
    count_to(lx, at);
    ssr_token *token = &c->tokens[c->token_count++];
    memset(token, 0, sizeof(*token));
    token->type = type;
    token->line = lx->line;
    token->column = column_of(lx, at);
    return token;
}

static bool fail_at(lexer *lx, const char *p, const char *message)
{
    count_to(lx, p);
    return perfopt__ssr_syntax_error(lx->c, lx->line, column_of(lx, p), "%s", message);
}

static const char *skip_space(const lexer *lx, const char *p)
{
    size_t n;
    while ((n = perfopt__ssr_space_at(p, lx->end)) != 0)
        p += n;
    return p;
}

static bool starts(const lexer *lx, const char *p, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(lx->end - p) >= n && memcmp(p, text, n) == 0;
}

/* ---- text ----------------------------------------------------------------------------------- */

/* End of the text before a tag: what "-" or lstrip_blocks leave of start..tag. */
static const char *strip_before(const lexer *lx, const char *start, const char *tag, char sign,
                                bool is_variable)
{
    if (sign == '-') {
        const char *p = tag;
        while (p > start) {
            const char *previous = perfopt__ssr_previous_char(start, p);
            if (!perfopt__ssr_space_at(previous, p))
                break;
            p = previous;
        }
        return p;
    }
    if (sign == '+' || !lx->c->syntax.lstrip_blocks || is_variable)
        return tag;
    const char *line = tag;
    while (line > start && line[-1] != '\n')
        line--;
    if (line == start && !lx->line_starting)
        return tag;
    return skip_space(lx, line) >= tag ? line : tag;
}

static bool add_data(lexer *lx, const char *start, const char *end)
{
    if (start == end)
        return true;
    ssr_token *token = add_token(lx, TOKEN_DATA, start);
    if (!token)
        return false;
    token->as.text = start;
    token->length = (uint32_t)(end - start);
    return true;
}

/* After a tag's end mark at p: the position behind it and behind the white space it takes, or NULL
 * if there is no end mark. `plus` tells whether "+" may stand before it. */
static const char *match_end(const lexer *lx, const char *p, const char *mark, bool plus, bool trim)
{
    if (p < lx->end && *p == '-' && starts(lx, p + 1, mark))
        return skip_space(lx, p + 1 + strlen(mark));
    if (plus && p < lx->end && *p == '+' && starts(lx, p + 1, mark))
        return p + 1 + strlen(mark);
    if (!starts(lx, p, mark))
        return NULL;
    p += strlen(mark);
    if (trim && lx->c->syntax.trim_blocks && p < lx->end && *p == '\n')
        p++;
    return p;
}

static void move_to(lexer *lx, const char *p)
{
    lx->line_starting = p > lx->pos && p[-1] == '\n';
    lx->pos = p;
}

static bool lex_comment(lexer *lx, const char *tag)
{
    const char *body = tag + 2;
    if (body < lx->end && (*body == '-' || *body == '+'))
        body++;
    for (const char *p = body; p < lx->end; p++) {
        const char *after = match_end(lx, p, "#}", true, true);
        if (after) {
            move_to(lx, after);
            return true;
        }
    }
    return fail_at(lx, tag, "this comment never ends: \"#}\" is missing");
}

/* Behind "{%": a raw tag's end, or NULL if it is another tag. */
static const char *match_raw(const lexer *lx, const char *p)
{
    if (p < lx->end && (*p == '-' || *p == '+'))
        p++;
    p = skip_space(lx, p);
    if (!starts(lx, p, "raw"))
        return NULL;
    return match_end(lx, skip_space(lx, p + 3), "%}", false, false);
}

static const char *match_endraw(const lexer *lx, const char *tag, char *sign)
{
    const char *p = tag + 2;
    *sign = p < lx->end && (*p == '-' || *p == '+') ? *p++ : '\0';
    p = skip_space(lx, p);
    if (!starts(lx, p, "endraw"))
        return NULL;
    return match_end(lx, skip_space(lx, p + 6), "%}", true, true);
}

static bool lex_raw(lexer *lx, const char *tag, const char *body)
{
    move_to(lx, body);
    for (const char *p = body; (p = memmem(p, (size_t)(lx->end - p), "{%", 2)) != NULL; p += 2) {
        char sign;
        const char *after = match_endraw(lx, p, &sign);
        if (after) {
            if (!add_data(lx, body, strip_before(lx, body, p, sign, false)))
                return false;
            move_to(lx, after);
            return true;
        }
    }
    return fail_at(lx, tag, "this raw block never ends: {% endraw %} is missing");
}

/* ---- inside tags ---------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with single underscores between them; returns the end. */
static const char *skip_digits(const lexer *lx, const char *p)
{
    while (p < lx->end && (is_digit(*p) || (*p == '_' && p + 1 < lx->end && is_digit(p[1]))))
        p++;
    return p;
}

static size_t copy_digits(const char *start, const char *end, char *out, size_t capacity)
{
    size_t n = 0;
    for (const char *p = start; p < end && n < capacity; p++) {
        if (*p != '_')
            out[n++] = *p;
    }
    return n;
}

/* End of a float at p, or NULL if what stands there is an integer. */
static const char *match_float(const lexer *lx, const char *p)
{
    const char *q = skip_digits(lx, p);
    bool fraction = false;
    if (q + 1 < lx->end && *q == '.' && is_digit(q[1])) {
        q = skip_digits(lx, q + 1);
        fraction = true;
    }
    if (q < lx->end && (*q | 0x20) == 'e') {
        const char *e = q + 1;
        if (e < lx->end && (*e == '+' || *e == '-'))
            e++;
        if (e < lx->end && is_digit(*e))
            return skip_digits(lx, e);
    }
    return fraction ? q : NULL;
}

static bool lex_float(lexer *lx, const char *end)
{
    char text[512];
    size_t n = copy_digits(lx->pos, end, text, sizeof(text));
    double value;
    if (n == sizeof(text) || !perfopt__number_parse_double(text, n, &value))
        return fail_at(lx, lx->pos, "this number cannot be read");
    ssr_token *token = add_token(lx, TOKEN_FLOAT, lx->pos);
    if (!token)
        return false;
    token->as.real = value;
    lx->pos = end;
    return true;
}

static unsigned digit_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? (unsigned)(low - 'a' + 10) : 99;
}

static unsigned number_base(const lexer *lx, const char *p)
{
    if (*p != '0' || p + 1 >= lx->end)
        return 10;
    char kind = (char)(p[1] | 0x20);
    unsigned base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
    const char *first = p + 2;
    if (base != 10 && first < lx->end && *first == '_')
        first++;
    return base != 10 && first < lx->end && digit_value(*first) < base ? base : 10;
}

static bool lex_integer(lexer *lx)
{
    const char *start = lx->pos;
    unsigned base = number_base(lx, start);
    const char *p = base == 10 ? start : start + 2;
    bool zeros = base == 10 && *start == '0'; /* "007" is 00 and 7, as in Jinja */
    uint64_t value = 0;
    bool too_large = false;
    for (; p < lx->end; p++) {
        if (*p == '_' && p + 1 < lx->end && digit_value(p[1]) < base && (!zeros || p[1] == '0'))
            continue;
        unsigned digit = digit_value(*p);
        if (digit >= base || (zeros && digit))
            break;
        too_large |= __builtin_mul_overflow(value, (uint64_t)base, &value) ||
                     __builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    if (too_large || value > INT64_MAX)
        return fail_at(lx, start, "integers have at most 64 bits");
    ssr_token *token = add_token(lx, TOKEN_INTEGER, start);
    if (!token)
        return false;
    token->as.integer = (int64_t)value;
    lx->pos = p;
    return true;
}

static bool lex_number(lexer *lx)
{
    bool after_dot = lx->pos > lx->c->source && lx->pos[-1] == '.';
    const char *end = after_dot ? NULL : match_float(lx, lx->pos);
    return end ? lex_float(lx, end) : lex_integer(lx);
}

static size_t put_char(char *out, uint32_t c)
{
    char bytes[4];
    size_t n = perfopt__utf8_encode(c, bytes);
    memcpy(out, bytes, n);
    return n;
}

/* Reads `digits` hexadecimal digits at p; false if there are fewer. */
static bool read_hex(const char *p, const char *end, int digits, uint32_t *out)
{
    uint32_t value = 0;
    for (int i = 0; i < digits; i++) {
        if (p + i >= end || digit_value(p[i]) > 15)
            return false;
        value = value << 4 | digit_value(p[i]);
    }
    *out = value;
    return true;
}

static size_t octal_escape(const char *p, const char *end, uint32_t *out)
{
    size_t n = 0;
    *out = 0;
    while (n < 3 && p + n < end && p[n] >= '0' && p[n] <= '7')
        *out = *out * 8 + (uint32_t)(p[n++] - '0');
    return n;
}

/* Decodes the escape behind a backslash at *p into out; false if it is malformed. */
static bool unescape_one(const char **p, const char *end, char **out)
{
    static const char from[] = "abfnrtv\\'\"";
    static const char to[] = "\a\b\f\n\r\t\v\\'\"";
    char c = **p;
    const char *simple = c ? strchr(from, c) : NULL;
    uint32_t code;
    if (simple) {
        *(*out)++ = to[simple - from];
        ++*p;
        return true;
    }
    if (c == '\n') { /* a continued line */
        ++*p;
        return true;
    }
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits) {
        if (!read_hex(*p + 1, end, digits, &code) || code > 0x10FFFF ||
            (code >= 0xD800 && code <= 0xDFFF))
            return false;
        *out += put_char(*out, code);
        *p += digits + 1;
        return true;
    }
    size_t n = octal_escape(*p, end, &code);
    if (n) {
        *out += put_char(*out, code);
        *p += n;
        return true;
    }
    *(*out)++ = '\\';
    return c != 'N';
}

static bool lex_string(lexer *lx)
{
    const char *start = lx->pos + 1;
    const char *close = start;
    while (close < lx->end && *close != *lx->pos)
        close += *close == '\\' ? 2 : 1;
    if (close >= lx->end)
        return fail_at(lx, lx->pos, "this string never ends");
    char *text = perfopt__ssr_permanent(lx->c, (size_t)(close - start) + 1);
    ssr_token *token = text ? add_token(lx, TOKEN_STRING, lx->pos) : NULL;
    if (!token)
        return false;
    char *out = text;
    for (const char *p = start; p < close;) {
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        p++;
        if (!unescape_one(&p, close, &out))
            return fail_at(lx, lx->pos, "malformed escape in a string");
    }
    token->as.text = text;
    token->length = (uint32_t)(out - text);
    lx->pos = close + 1;
    return true;
}

static bool lex_name(lexer *lx, bool *found)
{
    const char *p = lx->pos;
    while (p < lx->end) {
        uint32_t c;
        size_t n = perfopt__ssr_next_char(p, lx->end, &c);
        if (c != '_' && !perfopt__ssr_is_alnum(c))
            break;
        p += n;
    }
    *found = p > lx->pos;
    if (!*found)
        return true;
    ssr_token *token = add_token(lx, TOKEN_NAME, lx->pos);
    if (!token)
        return false;
    token->as.text = lx->pos;
    token->length = (uint32_t)(p - lx->pos);
    lx->pos = p;
    return true;
}

static bool balance(lexer *lx, char c)
{
    if (c == '(' || c == '[' || c == '{') {
        if (lx->open == SSR_MAX_NESTING)
            return fail_at(lx, lx->pos, "brackets are nested too deeply");
        lx->closers[lx->open++] = (char)(c == '(' ? ')' : c == '[' ? ']' : '}');
        return true;
    }
    if (c != ')' && c != ']' && c != '}')
        return true;
    if (lx->open == 0 || lx->closers[lx->open - 1] != c)
        return fail_at(lx, lx->pos, "this bracket closes nothing that is open here");
    lx->open--;
    return true;
}

static bool lex_operator(lexer *lx)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (!starts(lx, lx->pos, operators[i].text))
            continue;
        if (!balance(lx, *lx->pos) || !add_token(lx, operators[i].type, lx->pos))
            return false;
        lx->pos += strlen(operators[i].text);
        return true;
    }
    return fail_at(lx, lx->pos, "unexpected character in a tag");
}

static bool lex_one(lexer *lx)
{
    bool found;
    if (is_digit(*lx->pos))
        return lex_number(lx);
    if (!lex_name(lx, &found) || found)
        return found;
    if (*lx->pos == '"' || *lx->pos == '\'')
        return lex_string(lx);
    return lex_operator(lx);
}

static bool lex_tag(lexer *lx, bool is_variable)
{
    uint8_t type = is_variable ? TOKEN_VARIABLE_END : TOKEN_BLOCK_END;
    const char *mark = is_variable ? "}}" : "%}";
    lx->open = 0;
    for (;;) {
        const char *after =
            lx->open ? NULL : match_end(lx, lx->pos, mark, !is_variable, !is_variable);
        if (after) {
            if (!add_token(lx, type, lx->pos))
                return false;
            move_to(lx, after);
            return true;
        }
        if (lx->pos >= lx->end)
            return true; /* the parser names what is missing */
        const char *next = skip_space(lx, lx->pos);
        if (next > lx->pos) {
            lx->pos = next;
            continue;
        }
        if (!lex_one(lx))
            return false;
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static const char *find_tag(const lexer *lx)
{
    const char *p = lx->pos;
    while ((p = memchr(p, '{', (size_t)(lx->end - p))) != NULL) {
        if (p + 1 < lx->end && (p[1] == '{' || p[1] == '%' || p[1] == '#'))
            return p;
        p++;
    }
    return NULL;
}

static bool lex_step(lexer *lx)
{
    const char *tag = find_tag(lx);
    if (!tag) {
        bool ok = add_data(lx, lx->pos, lx->end);
        lx->pos = lx->end;
        return ok;
    }
    char kind = tag[1];
    const char *body = tag + 2;
    char sign = body < lx->end && (*body == '-' || *body == '+') ? *body : '\0';
    const char *raw = kind == '%' ? match_raw(lx, body) : NULL;
    if (!add_data(lx, lx->pos, strip_before(lx, lx->pos, tag, sign, kind == '{')))
        return false;
    if (kind == '#')
        return lex_comment(lx, tag);
    if (raw)
        return lex_raw(lx, tag, raw);
    if (!add_token(lx, kind == '{' ? TOKEN_VARIABLE_BEGIN : TOKEN_BLOCK_BEGIN, tag))
        return false;
    lx->pos = body + (sign != '\0');
    return lex_tag(lx, kind == '{');
}

bool perfopt__ssr_lex(ssr_compilation *c)
{
    lexer lx = {.c = c,
                .pos = c->source,
                .end = c->source + c->length,
                .counted = c->source,
                .line_start = c->source,
                .column_at = c->source,
                .column = 1,
                .line = 1,
                .line_starting = true};
    while (lx.pos < lx.end) {
        if (!lex_step(&lx))
            return false;
    }
    return add_token(&lx, TOKEN_EOF, lx.end) != NULL;
}
