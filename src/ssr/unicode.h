/*
 * unicode.h - the parts of Python's str that need the Unicode database.
 */
#ifndef PERFOPT_SRC_SSR_UNICODE_H
#define PERFOPT_SRC_SSR_UNICODE_H

#include "base/utf8.h"

bool perfopt__ssr_is_space(uint32_t c);
bool perfopt__ssr_is_alpha(uint32_t c);
bool perfopt__ssr_is_decimal(uint32_t c);
bool perfopt__ssr_is_numeric(uint32_t c); /* decimal or other numbers */
bool perfopt__ssr_is_alnum(uint32_t c);
bool perfopt__ssr_is_lower(uint32_t c);
bool perfopt__ssr_is_upper(uint32_t c);
bool perfopt__ssr_is_printable(uint32_t c);
/* Writes up to three characters and returns how many. */
size_t perfopt__ssr_to_upper(uint32_t c, uint32_t out[3]);
uint32_t perfopt__ssr_to_lower(uint32_t c);

/* Decodes one character; an ill-formed byte counts as U+FFFD. Always at least one byte. */
static inline size_t perfopt__ssr_next_char(const char *text, const char *end, uint32_t *out)
{
    unsigned char c = (unsigned char)*text;
    if (c < 0x80) {
        *out = c;
        return 1;
    }
    size_t n = perfopt__utf8_decode(text, (size_t)(end - text), out);
    if (n)
        return n;
    *out = 0xFFFD;
    return 1;
}

/* Bytes of the white space character at text, 0 if there is none. */
static inline size_t perfopt__ssr_space_at(const char *text, const char *end)
{
    uint32_t c;
    if (text >= end)
        return 0;
    size_t n = perfopt__ssr_next_char(text, end, &c);
    return perfopt__ssr_is_space(c) ? n : 0;
}

/* Start of the character that ends at `end`, not before `start`. */
const char *perfopt__ssr_previous_char(const char *start, const char *end);

#endif
