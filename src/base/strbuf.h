/*
 * strbuf.h - a growing byte string. A failed append marks the buffer and every later append is
 * ignored, so a caller may write a whole document and check once at the end:
 *
 *     perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
 *     perfopt__strbuf_puts(&sb, "a");
 *     if (sb.failed) ...
 *     perfopt__strbuf_finish(&sb);
 *
 * `data` is NUL-terminated at `length` once anything was appended, and NULL before.
 */
#ifndef PERFOPT_SRC_BASE_STRBUF_H
#define PERFOPT_SRC_BASE_STRBUF_H

#include <perfopt/base.h>
#include <stdarg.h>
#include <string.h>

typedef struct perfopt__strbuf {
    char *data;
    size_t length;
    size_t capacity;
    bool failed; /* out of memory happened; contents are incomplete */
} perfopt__strbuf;

#define PERFOPT__STRBUF_INIT \
    {                        \
        NULL, 0, 0, false    \
    }

/* Makes room for `extra` bytes and a NUL; false and `failed` when out of memory. */
bool perfopt__strbuf_reserve(perfopt__strbuf *sb, size_t extra);
void perfopt__strbuf_append(perfopt__strbuf *sb, const void *bytes, size_t length);
void perfopt__strbuf_puts(perfopt__strbuf *sb, const char *text);
void perfopt__strbuf_putc(perfopt__strbuf *sb, char c);
void perfopt__strbuf_printf(perfopt__strbuf *sb, const char *format, ...) PERFOPT_PRINTF(2, 3);
void perfopt__strbuf_vprintf(perfopt__strbuf *sb, const char *format, va_list args)
    PERFOPT_PRINTF(2, 0);
/* Appends text with & < > " ' as entities. */
void perfopt__strbuf_put_html(perfopt__strbuf *sb, const char *text, size_t length);
/* Appends a JSON string with its quotes; invalid UTF-8 becomes U+FFFD, "</" becomes "<\/". */
void perfopt__strbuf_put_json(perfopt__strbuf *sb, const char *text, size_t length);
/* Appends percent-encoded text; only RFC 3986 unreserved characters stay. */
void perfopt__strbuf_put_url(perfopt__strbuf *sb, const char *text, size_t length);
/* Appends a number in decimal; much cheaper than printf. */
void perfopt__strbuf_put_uint(perfopt__strbuf *sb, uint64_t number);
/* Forgets the contents, keeps the memory. */
void perfopt__strbuf_clear(perfopt__strbuf *sb);
/* Hands the memory to the caller (free with perfopt__free) and leaves an empty buffer; NULL if an
 * append failed. An empty buffer gives "". */
char *perfopt__strbuf_take(perfopt__strbuf *sb, size_t *length);
void perfopt__strbuf_finish(perfopt__strbuf *sb);

#endif
