/*
 * utf8.c - decoding and encoding UTF-8.
 */
#include "base/utf8.h"

size_t perfopt__utf8_decode(const char *text, size_t length, uint32_t *out)
{
    if (length == 0)
        return 0;
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) {
        *out = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || length < n)
        return 0;
    uint32_t c = s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3Fu);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10FFFF)) ||
        (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *out = c;
    return n;
}

size_t perfopt__utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        if (c >= 0xD800 && c <= 0xDFFF)
            return 0;
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    if (c > 0x10FFFF)
        return 0;
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

bool perfopt__utf8_valid(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        uint32_t c;
        size_t n = perfopt__utf8_decode(text + i, length - i, &c);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t perfopt__utf8_count(const char *text, size_t length)
{
    size_t count = 0;
    size_t i = 0;
    while (i < length) {
        uint32_t c;
        size_t n = perfopt__utf8_decode(text + i, length - i, &c);
        i += n ? n : 1;
        count++;
    }
    return count;
}
