/*
 * json_minify.c - JSON (RFC 8259) without white space. The document is checked on the way: what is
 * not JSON is an error. Nesting is one byte per level on a small stack.
 */
#include "assets/minify.h"

#include "base/error.h"

typedef struct json_scan {
    const char *text;
    size_t length;
    size_t at;
    perfopt__strbuf *out;
    perfopt__strbuf open; /* '{' or '[' for each open level */
    const char *error;
} json_scan;

static bool fail(json_scan *s, const char *what)
{
    s->error = what;
    return false;
}

static char peek(const json_scan *s)
{
    return s->at < s->length ? s->text[s->at] : '\0';
}

static void skip_space(json_scan *s)
{
    while (s->at < s->length && s->text[s->at] != '\f' && perfopt__is_space(s->text[s->at]))
        s->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_digits(json_scan *s)
{
    if (!is_digit(peek(s)))
        return fail(s, "digit expected");
    while (is_digit(peek(s)))
        s->at++;
    return true;
}

static bool take_number(json_scan *s)
{
    if (peek(s) == '-')
        s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!take_digits(s))
        return false;
    if (peek(s) == '.') {
        s->at++;
        if (!take_digits(s))
            return false;
    }
    if ((peek(s) | 0x20) == 'e') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        return take_digits(s);
    }
    return true;
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool take_escape(json_scan *s)
{
    char c = peek(s);
    if (!c || !strchr("\"\\/bfnrtu", c))
        return fail(s, "unknown escape");
    s->at++;
    for (int i = 0; c == 'u' && i < 4; i++, s->at++) {
        if (!is_hex(peek(s)))
            return fail(s, "hexadecimal digit expected");
    }
    return true;
}

static bool take_string(json_scan *s)
{
    if (peek(s) != '"')
        return fail(s, "string expected");
    s->at++;
    while (s->at < s->length && (unsigned char)s->text[s->at] >= 0x20) {
        char c = s->text[s->at++];
        if (c == '"')
            return true;
        if (c == '\\' && !take_escape(s))
            return false;
    }
    return fail(s, "string without end");
}

static bool take_literal(json_scan *s)
{
    static const char *const literals[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(literals[i]);
        if (s->length - s->at >= n && memcmp(s->text + s->at, literals[i], n) == 0) {
            s->at += n;
            return true;
        }
    }
    return fail(s, "value expected");
}

static bool take_scalar(json_scan *s)
{
    size_t start = s->at;
    char c = peek(s);
    bool ok = c == '"'                  ? take_string(s)
              : c == '-' || is_digit(c) ? take_number(s)
                                        : take_literal(s);
    if (ok)
        perfopt__strbuf_append(s->out, s->text + start, s->at - start);
    return ok;
}

static void take_byte(json_scan *s)
{
    perfopt__strbuf_putc(s->out, s->text[s->at++]);
    skip_space(s);
}

/* `"name":` of an object's member. */
static bool take_member_name(json_scan *s)
{
    size_t start = s->at;
    if (!take_string(s))
        return false;
    perfopt__strbuf_append(s->out, s->text + start, s->at - start);
    skip_space(s);
    if (peek(s) != ':')
        return fail(s, "\":\" expected");
    take_byte(s);
    return true;
}

/* Opens as many levels as begin here; leaves the scan before a scalar (true in *scalar) or behind
 * an empty object or array. */
static bool take_opening(json_scan *s, bool *scalar)
{
    for (;;) {
        char c = peek(s);
        *scalar = c != '{' && c != '[';
        if (*scalar)
            return true;
        if (s->open.length == PERFOPT__MINIFY_MAX_DEPTH)
            return fail(s, "nested too deeply");
        take_byte(s);
        if (peek(s) == (c == '{' ? '}' : ']')) {
            perfopt__strbuf_putc(s->out, s->text[s->at++]);
            return true;
        }
        perfopt__strbuf_putc(&s->open, c);
        if (s->open.failed)
            return false;
        if (c == '{' && !take_member_name(s))
            return false;
    }
}

/* After a value: closes levels, up to the next "," or the end of the document (true in *done). */
static bool take_closing(json_scan *s, bool *done)
{
    for (;;) {
        skip_space(s);
        *done = s->open.length == 0;
        if (*done)
            return s->at == s->length || fail(s, "end expected");
        char open = s->open.data[s->open.length - 1];
        char c = peek(s);
        if (c == ',') {
            take_byte(s);
            return open == '[' || take_member_name(s);
        }
        if (c != (open == '{' ? '}' : ']'))
            return fail(s, open == '{' ? "\",\" or \"}\" expected" : "\",\" or \"]\" expected");
        perfopt__strbuf_putc(s->out, c);
        s->at++;
        s->open.length--;
    }
}

static bool take_document(json_scan *s)
{
    bool done = false;
    skip_space(s);
    while (!done) {
        bool scalar;
        if (!take_opening(s, &scalar) || (scalar && !take_scalar(s)) || !take_closing(s, &done))
            return false;
    }
    return true;
}

perfopt_status perfopt__minify_json(const char *text, size_t length, perfopt__strbuf *out,
                                    perfopt_error *err)
{
    json_scan s = {.text = text, .length = length, .out = out, .open = PERFOPT__STRBUF_INIT};
    bool ok = take_document(&s);
    bool failed = s.open.failed;
    perfopt__strbuf_finish(&s.open);
    if (failed)
        return perfopt__error_nomem(err);
    return ok ? PERFOPT_OK : perfopt__minify_fail(text, length, s.at, s.error, err);
}
