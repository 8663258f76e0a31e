/*
 * filters_wrap.c - indent and wordwrap.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"

static bool flag(ssr_runtime *rt, perfopt_value v, bool fallback, bool *out)
{
    *out = fallback;
    return !perfopt__ssr_given(v) || perfopt__ssr_truth(rt, v, out);
}

/* ---- indent --------------------------------------------------------------------------------- */

static bool indentation(perfopt_call *call, perfopt_value width, perfopt_value *out)
{
    int64_t count = 4;
    if (width.kind == PERFOPT_STRING) {
        *out = width;
        return true;
    }
    return (!perfopt__ssr_given(width) || perfopt__ssr_to_index(call->rt, width, &count)) &&
           perfopt__ssr_repeat(call->rt, perfopt_string_n(" ", 1), count, out);
}

static bool filter_indent(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value indent;
    bool first;
    bool blank;
    if (!indentation(call, args[1], &indent) || !flag(rt, args[2], false, &first) ||
        !flag(rt, args[3], false, &blank))
        return false;
    if (args[0].kind != PERFOPT_STRING)
        return args[0].kind == PERFOPT_UNDEFINED
                   ? perfopt__ssr_fail_undefined(rt, args[0])
                   : perfopt__ssr_fail(rt, PERFOPT_EFAILED, "indent() needs a string");
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    ssr_chars s = perfopt__ssr_chars(args[0]);
    ssr_chars line;
    size_t pos = 0;
    size_t length;
    bool ended = s.length == 0; /* the last line had an end: an empty one follows it */
    for (size_t i = 0;; i++) {
        bool more = perfopt__ssr_next_line(s, &pos, &line, &length);
        if (!more && !ended)
            break;
        if (!more)
            line = (ssr_chars){"", 0};
        if (i)
            perfopt__strbuf_putc(&sb, '\n');
        if (i ? (blank || line.length) : first)
            perfopt__strbuf_append(&sb, indent.as.string, indent.length);
        perfopt__strbuf_append(&sb, line.text, line.length);
        if (!more)
            break;
        ended = length > line.length;
    }
    if (!perfopt__ssr_take_text(rt, &sb, out))
        return false;
    out->flags = args[0].flags;
    return true;
}

/* ---- wordwrap ------------------------------------------------------------------------------- */

/*
 * Lines are filled with chunks as Python's textwrap does: words, the white space between them, and
 * the parts of words behind a hyphen.
 */
typedef struct wrapper {
    ssr_runtime *rt;
    perfopt__strbuf out;
    ssr_chars break_text; /* between lines */
    int64_t width;
    bool break_long;
    bool break_hyphens;
    ssr_chars line; /* what the current line takes, a view of the source */
    int64_t used;   /* its characters */
    bool any;       /* a line was written */
} wrapper;

static bool is_wrap_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter_at(const char *p, const char *end)
{
    uint32_t c;
    if (p >= end)
        return false;
    perfopt__ssr_next_char(p, end, &c);
    return perfopt__ssr_is_alpha(c) || c == '_';
}

static bool is_word_at(const char *p, const char *end)
{
    uint32_t c;
    if (p >= end)
        return false;
    perfopt__ssr_next_char(p, end, &c);
    return perfopt__ssr_is_alnum(c) || c == '_' || c == '!' || c == '"' || c == '\'' || c == '&' ||
           c == '.' || c == ',' || c == '?';
}

/* A hyphen ends a chunk between two letters and two letters or more: "well-known" but not "a-b". */
static bool is_break_hyphen(const char *start, const char *p, const char *end)
{
    if (*p != '-' || p - start < 2)
        return false;
    const char *b1 = perfopt__ssr_previous_char(start, p);
    if (b1 <= start)
        return false;
    const char *b2 = perfopt__ssr_previous_char(start, b1);
    if (!is_letter_at(b1, end) || !is_letter_at(b2, end))
        return false;
    if (!is_letter_at(p + 1, end))
        return false;
    uint32_t c;
    const char *next = p + 1 + perfopt__ssr_next_char(p + 1, end, &c);
    return is_letter_at(next, end) || (next < end && *next == '-');
}

/* An em-dash between words stands alone. */
static size_t dash_at(const char *start, const char *p, const char *end)
{
    size_t n = 0;
    while (p + n < end && p[n] == '-')
        n++;
    bool between = p > start && is_word_at(perfopt__ssr_previous_char(start, p), end) &&
                   is_word_at(p + n, end);
    return n >= 2 && between ? n : 0;
}

static size_t chunk_length(const wrapper *w, const char *p, const char *end)
{
    const char *q = p;
    if (is_wrap_space(*p)) {
        while (q < end && is_wrap_space(*q))
            q++;
        return (size_t)(q - p);
    }
    size_t dash = w->break_hyphens && *p == '-' ? dash_at(p - 1, p, end) : 0;
    if (dash)
        return dash;
    while (q < end && !is_wrap_space(*q)) {
        if (w->break_hyphens && q > p && dash_at(p, q, end))
            break;
        if (w->break_hyphens && is_break_hyphen(p, q, end))
            return (size_t)(q + 1 - p);
        q++;
    }
    return (size_t)(q - p);
}

static void flush_line(wrapper *w)
{
    ssr_chars line = w->line;
    while (line.length && is_wrap_space(line.text[line.length - 1]))
        line.length--;
    w->line = (ssr_chars){NULL, 0};
    w->used = 0;
    if (!line.length)
        return;
    if (w->any)
        perfopt__strbuf_append(&w->out, w->break_text.text, w->break_text.length);
    perfopt__strbuf_append(&w->out, line.text, line.length);
    w->any = true;
}

static void take(wrapper *w, ssr_chars chunk, int64_t count)
{
    if (!w->line.length)
        w->line.text = chunk.text;
    w->line.length += chunk.length;
    w->used += count;
}

/* A word longer than a line: as much of it as fits. */
static ssr_chars take_part(wrapper *w, ssr_chars chunk)
{
    int64_t room = w->width - w->used;
    ssr_chars part = {chunk.text, perfopt__ssr_char_offset(chunk, room < 1 ? 1 : (size_t)room)};
    if (w->break_hyphens && part.length < chunk.length) {
        const char *hyphen = memrchr(part.text, '-', part.length);
        bool other = false;
        for (const char *p = part.text; hyphen && p < hyphen; p++)
            other |= *p != '-';
        if (hyphen && hyphen > part.text && other)
            part.length = (size_t)(hyphen + 1 - part.text);
    }
    take(w, part, (int64_t)perfopt__ssr_char_count(part));
    flush_line(w);
    return (ssr_chars){chunk.text + part.length, chunk.length - part.length};
}

static bool wrap_line(wrapper *w, ssr_chars s)
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    while (p < end) {
        if (!perfopt__ssr_step(w->rt))
            return false;
        ssr_chars chunk = {p, chunk_length(w, p, end)};
        int64_t count = (int64_t)perfopt__ssr_char_count(chunk);
        if (is_wrap_space(*p) && !w->line.length && w->any) {
            p += chunk.length; /* white space at the start of a later line goes */
            continue;
        }
        if (w->used + count <= w->width) {
            take(w, chunk, count);
            p += chunk.length;
        } else if (count > w->width && (w->break_long || !w->line.length)) {
            ssr_chars rest = {chunk.text + chunk.length, 0};
            if (w->break_long && w->width - w->used >= 1)
                rest = take_part(w, chunk);
            else if (w->break_long)
                rest = (flush_line(w), chunk);
            else
                take(w, chunk, count);
            if (!w->break_long)
                flush_line(w);
            p = rest.length ? rest.text : chunk.text + chunk.length;
        } else {
            flush_line(w);
        }
    }
    flush_line(w);
    return true;
}

static bool wrap_all(wrapper *w, ssr_chars s)
{
    ssr_chars line;
    size_t pos = 0;
    size_t length;
    for (size_t i = 0; perfopt__ssr_next_line(s, &pos, &line, &length); i++) {
        if (i)
            perfopt__strbuf_append(&w->out, w->break_text.text, w->break_text.length);
        w->any = false;
        if (!wrap_line(w, line))
            return false;
    }
    return true;
}

static bool filter_wordwrap(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    wrapper w = {.rt = rt, .out = PERFOPT__STRBUF_INIT, .width = 79, .break_text = {"\n", 1}};
    bool given = perfopt__ssr_given(args[3]) && args[3].kind != PERFOPT_NONE;
    if ((perfopt__ssr_given(args[1]) && !perfopt__ssr_to_index(rt, args[1], &w.width)) ||
        !flag(rt, args[2], true, &w.break_long) || !flag(rt, args[4], true, &w.break_hyphens))
        return false;
    if (args[0].kind != PERFOPT_STRING || (given && args[3].kind != PERFOPT_STRING))
        return args[0].kind == PERFOPT_UNDEFINED
                   ? perfopt__ssr_fail_undefined(rt, args[0])
                   : perfopt__ssr_fail(rt, PERFOPT_EFAILED, "wordwrap() needs strings");
    if (given)
        w.break_text = perfopt__ssr_chars(args[3]);
    if (w.width <= 0 && args[0].length)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "wordwrap(): the width is positive");
    if (!wrap_all(&w, perfopt__ssr_chars(args[0]))) {
        perfopt__strbuf_finish(&w.out);
        return false;
    }
    return perfopt__ssr_take_text(rt, &w.out, out);
}

const ssr_builtin perfopt__ssr_wrap_filters[] = {
    {"indent", filter_indent, {"s", "width", "first", "blank"}, 1, false},
    {"wordwrap",
     filter_wordwrap,
     {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"},
     1,
     false},
    {NULL, NULL, {NULL}, 0, false},
};
