/*
 * strings.c - operations on UTF-8 text that filters and methods share.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"

ssr_chars perfopt__ssr_chars(perfopt_value string)
{
    return (ssr_chars){string.as.string, string.length};
}

perfopt_value perfopt__ssr_piece(perfopt_value of, const char *text, size_t length)
{
    perfopt_value piece = perfopt_string_n(text, length);
    piece.flags = of.flags;
    return piece;
}

size_t perfopt__ssr_char_offset(ssr_chars s, size_t i)
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    uint32_t c;
    for (; i > 0 && p < end; i--)
        p += perfopt__ssr_next_char(p, end, &c);
    return (size_t)(p - s.text);
}

size_t perfopt__ssr_char_count(ssr_chars s)
{
    return perfopt__utf8_count(s.text, s.length);
}

static void put_char(perfopt__strbuf *out, uint32_t c)
{
    char bytes[4];
    size_t n = perfopt__utf8_encode(c, bytes);
    perfopt__strbuf_append(out, bytes, n);
}

static bool is_cased_letter(uint32_t c)
{
    return perfopt__ssr_is_lower(c) || perfopt__ssr_is_upper(c);
}

/* A capital sigma at the end of a word has a small form of its own. */
static bool is_final_sigma(ssr_chars s, const char *at, size_t n)
{
    uint32_t before = 0;
    uint32_t after = 0;
    const char *end = s.text + s.length;
    if (at > s.text) {
        const char *previous = perfopt__ssr_previous_char(s.text, at);
        perfopt__ssr_next_char(previous, at, &before);
    }
    if (at + n < end)
        perfopt__ssr_next_char(at + n, end, &after);
    return is_cased_letter(before) && !is_cased_letter(after);
}

void perfopt__ssr_put_lower(perfopt__strbuf *out, ssr_chars s)
{
    const char *end = s.text + s.length;
    size_t n;
    for (const char *p = s.text; p < end; p += n) {
        uint32_t c;
        n = perfopt__ssr_next_char(p, end, &c);
        if (c == 0x130) /* I with a dot above keeps the dot */
            perfopt__strbuf_puts(out, "i\xCC\x87");
        else if (c == 0x3A3 && is_final_sigma(s, p, n))
            put_char(out, 0x3C2);
        else
            put_char(out, perfopt__ssr_to_lower(c));
    }
}

void perfopt__ssr_put_upper(perfopt__strbuf *out, ssr_chars s)
{
    const char *end = s.text + s.length;
    size_t n;
    for (const char *p = s.text; p < end; p += n) {
        uint32_t c;
        uint32_t upper[3];
        n = perfopt__ssr_next_char(p, end, &c);
        size_t count = perfopt__ssr_to_upper(c, upper);
        for (size_t i = 0; i < count; i++)
            put_char(out, upper[i]);
    }
}

bool perfopt__ssr_lower(ssr_runtime *rt, perfopt_value string, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__ssr_put_lower(&sb, perfopt__ssr_chars(string));
    if (!perfopt__ssr_take_text(rt, &sb, out))
        return false;
    out->flags = string.flags;
    return true;
}

static bool is_stripped(const perfopt_value *chars, const char *at, size_t n, uint32_t c)
{
    if (!chars)
        return perfopt__ssr_is_space(c);
    return memmem(chars->as.string, chars->length, at, n) != NULL;
}

ssr_chars perfopt__ssr_strip(ssr_chars s, const perfopt_value *chars, bool left, bool right)
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    uint32_t c;
    while (left && p < end) {
        size_t n = perfopt__ssr_next_char(p, end, &c);
        if (!is_stripped(chars, p, n, c))
            break;
        p += n;
    }
    while (right && p < end) {
        const char *last = perfopt__ssr_previous_char(p, end);
        perfopt__ssr_next_char(last, end, &c);
        if (!is_stripped(chars, last, (size_t)(end - last), c))
            break;
        end = last;
    }
    return (ssr_chars){p, (size_t)(end - p)};
}

const char *perfopt__ssr_find(ssr_chars haystack, ssr_chars needle)
{
    return memmem(haystack.text, haystack.length, needle.text, needle.length);
}

/* Replacing nothing puts `to` before every character and at the end. */
static void replace_nothing(perfopt__strbuf *out, ssr_chars s, ssr_chars to, int64_t count)
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    uint32_t c;
    while (!out->failed) {
        if (count != 0) {
            perfopt__strbuf_append(out, to.text, to.length);
            count--;
        }
        if (p >= end)
            return;
        size_t n = perfopt__ssr_next_char(p, end, &c);
        perfopt__strbuf_append(out, p, n);
        p += n;
    }
}

bool perfopt__ssr_replace(ssr_runtime *rt, ssr_chars s, ssr_chars from, ssr_chars to, int64_t count,
                          perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (count < 0)
        count = INT64_MAX;
    if (!from.length) {
        replace_nothing(&sb, s, to, count);
        return perfopt__ssr_take_text(rt, &sb, out);
    }
    const char *hit;
    while (count-- > 0 && (hit = perfopt__ssr_find(s, from)) != NULL) {
        perfopt__strbuf_append(&sb, s.text, (size_t)(hit - s.text));
        perfopt__strbuf_append(&sb, to.text, to.length);
        size_t used = (size_t)(hit - s.text) + from.length;
        s = (ssr_chars){s.text + used, s.length - used};
        if (sb.length > rt->max_memory) {
            perfopt__strbuf_finish(&sb);
            return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the string is too long");
        }
    }
    perfopt__strbuf_append(&sb, s.text, s.length);
    return perfopt__ssr_take_text(rt, &sb, out);
}

static size_t line_end_at(const char *p, const char *end)
{
    uint32_t c;
    size_t n = perfopt__ssr_next_char(p, end, &c);
    if (c == '\r' && p + 1 < end && p[1] == '\n')
        return 2;
    bool is_end = (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 ||
                  c == 0x2028 || c == 0x2029;
    return is_end ? n : 0;
}

bool perfopt__ssr_next_line(ssr_chars s, size_t *pos, ssr_chars *line, size_t *with_end)
{
    const char *start = s.text + *pos;
    const char *end = s.text + s.length;
    if (start >= end)
        return false;
    const char *p = start;
    uint32_t c;
    size_t mark = 0;
    while (p < end && !(mark = line_end_at(p, end)))
        p += perfopt__ssr_next_char(p, end, &c);
    *line = (ssr_chars){start, (size_t)(p - start)};
    *with_end = line->length + mark;
    *pos += *with_end;
    return true;
}

bool perfopt__ssr_is_all(ssr_chars s, bool (*test)(uint32_t c))
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    uint32_t c;
    while (p < end) {
        p += perfopt__ssr_next_char(p, end, &c);
        if (!test(c))
            return false;
    }
    return s.length > 0;
}

bool perfopt__ssr_is_cased(ssr_chars s, bool upper)
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    bool any = false;
    uint32_t c;
    while (p < end) {
        p += perfopt__ssr_next_char(p, end, &c);
        if (upper ? perfopt__ssr_is_lower(c) : perfopt__ssr_is_upper(c))
            return false;
        any |= upper ? perfopt__ssr_is_upper(c) : perfopt__ssr_is_lower(c);
    }
    return any;
}
