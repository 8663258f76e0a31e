/*
 * text.c - formatting into fixed fields.
 */
#include "monitor/text.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void perfopt__format(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(out, size, format, args);
    va_end(args);
    if (length < 0)
        out[0] = '\0';
    if (length < 0 || (size_t)length < size)
        return;
    /* Cut: step back over at most one unfinished character. */
    size_t end = size - 1;
    size_t start = end;
    while (start > 0 && end - start < 4 && ((unsigned char)out[start - 1] & 0xC0) == 0x80)
        start--;
    uint32_t character;
    if (start > 0 && perfopt__utf8_decode(out + start - 1, end - start + 1, &character) == 0)
        out[start - 1] = '\0';
}

const char *perfopt__format_bytes(uint64_t bytes, char out[24])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    snprintf(out, 24, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}
