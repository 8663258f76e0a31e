/*
 * strbuf.c - the growing byte string and the escapers that append to it.
 */
#include "base/strbuf.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>

bool perfopt__strbuf_reserve(perfopt__strbuf *sb, size_t extra)
{
    if (sb->failed)
        return false;
    size_t need;
    if (__builtin_add_overflow(sb->length, extra, &need) ||
        __builtin_add_overflow(need, (size_t)1, &need)) {
        sb->failed = true;
        return false;
    }
    if (need <= sb->capacity)
        return true;
    size_t capacity = sb->capacity ? sb->capacity : 64;
    while (capacity < need) {
        if (__builtin_mul_overflow(capacity, (size_t)2, &capacity))
            capacity = need;
    }
    char *data = perfopt__realloc(sb->data, capacity);
    if (!data) {
        sb->failed = true;
        return false;
    }
    sb->data = data;
    sb->capacity = capacity;
    return true;
}

void perfopt__strbuf_append(perfopt__strbuf *sb, const void *bytes, size_t length)
{
    if (!perfopt__strbuf_reserve(sb, length))
        return;
    if (length)
        memcpy(sb->data + sb->length, bytes, length);
    sb->length += length;
    sb->data[sb->length] = '\0';
}

void perfopt__strbuf_puts(perfopt__strbuf *sb, const char *text)
{
    perfopt__strbuf_append(sb, text, strlen(text));
}

void perfopt__strbuf_putc(perfopt__strbuf *sb, char c)
{
    perfopt__strbuf_append(sb, &c, 1);
}

void perfopt__strbuf_vprintf(perfopt__strbuf *sb, const char *format, va_list args)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(small, sizeof(small), format, args);
    if (length < 0) {
        sb->failed = true;
    } else if ((size_t)length < sizeof(small)) {
        perfopt__strbuf_append(sb, small, (size_t)length);
    } else if (perfopt__strbuf_reserve(sb, (size_t)length)) {
        vsnprintf(sb->data + sb->length, (size_t)length + 1, format, again);
        sb->length += (size_t)length;
    }
    va_end(again);
}

void perfopt__strbuf_printf(perfopt__strbuf *sb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    perfopt__strbuf_vprintf(sb, format, args);
    va_end(args);
}

/* Indexed by byte; NULL = the byte stays as it is. */
static const char *const html_entities[256] = {
    ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&#34;", ['\''] = "&#39;"};

void perfopt__strbuf_put_html(perfopt__strbuf *sb, const char *text, size_t length)
{
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
        const char *entity = html_entities[(unsigned char)text[i]];
        if (!entity)
            continue;
        perfopt__strbuf_append(sb, text + start, i - start);
        perfopt__strbuf_puts(sb, entity);
        start = i + 1;
    }
    perfopt__strbuf_append(sb, text + start, length - start);
}

static void put_json_char(perfopt__strbuf *sb, uint32_t c, const char *bytes, size_t length,
                          char previous)
{
    switch (c) {
    case '"':
        perfopt__strbuf_puts(sb, "\\\"");
        return;
    case '\\':
        perfopt__strbuf_puts(sb, "\\\\");
        return;
    case '\n':
        perfopt__strbuf_puts(sb, "\\n");
        return;
    case '\r':
        perfopt__strbuf_puts(sb, "\\r");
        return;
    case '\t':
        perfopt__strbuf_puts(sb, "\\t");
        return;
    case '/':
        perfopt__strbuf_puts(sb, previous == '<' ? "\\/" : "/");
        return;
    default:
        if (c < 0x20 || c == 0x7f)
            perfopt__strbuf_printf(sb, "\\u%04x", (unsigned)c);
        else
            perfopt__strbuf_append(sb, bytes, length);
    }
}

void perfopt__strbuf_put_json(perfopt__strbuf *sb, const char *text, size_t length)
{
    perfopt__strbuf_putc(sb, '"');
    size_t i = 0;
    while (i < length) {
        uint32_t c;
        size_t n = perfopt__utf8_decode(text + i, length - i, &c);
        if (n == 0) {
            perfopt__strbuf_puts(sb, "\xEF\xBF\xBD");
            i++;
            continue;
        }
        put_json_char(sb, c, text + i, n, i ? text[i - 1] : '\0');
        i += n;
    }
    perfopt__strbuf_putc(sb, '"');
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void perfopt__strbuf_put_url(perfopt__strbuf *sb, const char *text, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_unreserved(c))
            continue;
        const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        perfopt__strbuf_append(sb, text + start, i - start);
        perfopt__strbuf_append(sb, escape, sizeof(escape));
        start = i + 1;
    }
    perfopt__strbuf_append(sb, text + start, length - start);
}

void perfopt__strbuf_put_uint(perfopt__strbuf *sb, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    perfopt__strbuf_append(sb, digits + at, sizeof(digits) - at);
}

void perfopt__strbuf_clear(perfopt__strbuf *sb)
{
    sb->length = 0;
    sb->failed = false;
    if (sb->data)
        sb->data[0] = '\0';
}

char *perfopt__strbuf_take(perfopt__strbuf *sb, size_t *length)
{
    if (!sb->data)
        perfopt__strbuf_reserve(sb, 0);
    char *data = sb->data;
    if (sb->failed || !data) {
        perfopt__strbuf_finish(sb);
        return NULL;
    }
    data[sb->length] = '\0';
    if (length)
        *length = sb->length;
    *sb = (perfopt__strbuf)PERFOPT__STRBUF_INIT;
    return data;
}

void perfopt__strbuf_finish(perfopt__strbuf *sb)
{
    perfopt__free(sb->data);
    *sb = (perfopt__strbuf)PERFOPT__STRBUF_INIT;
}
