/*
 * unicode.c - character classes and case mapping; ASCII first, the rest by binary search.
 */
#include "ssr/unicode.h"

typedef struct char_range {
    uint32_t first;
    uint32_t last;
} char_range;

/* Every `step`-th character of first..last maps to itself plus delta. */
typedef struct case_run {
    uint32_t first;
    uint32_t last;
    int32_t step;
    int32_t delta;
} case_run;

typedef struct special_case {
    uint32_t from;
    uint32_t to[3];
} special_case;

#include "ssr/unicode_data.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool in_ranges(const char_range *ranges, size_t count, uint32_t c)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && c >= ranges[low].first;
}

static uint32_t mapped(const case_run *runs, size_t count, uint32_t c)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > runs[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || c < runs[low].first || (c - runs[low].first) % (uint32_t)runs[low].step)
        return c;
    return (uint32_t)((int32_t)c + runs[low].delta);
}

bool perfopt__ssr_is_space(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool perfopt__ssr_is_alpha(uint32_t c)
{
    if (c < 0x80)
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    return in_ranges(alpha_ranges, COUNT(alpha_ranges), c);
}

bool perfopt__ssr_is_decimal(uint32_t c)
{
    if (c < 0x80)
        return c >= '0' && c <= '9';
    return in_ranges(decimal_ranges, COUNT(decimal_ranges), c);
}

bool perfopt__ssr_is_numeric(uint32_t c)
{
    return perfopt__ssr_is_decimal(c) ||
           (c >= 0x80 && in_ranges(numeric_ranges, COUNT(numeric_ranges), c));
}

bool perfopt__ssr_is_alnum(uint32_t c)
{
    return perfopt__ssr_is_alpha(c) || perfopt__ssr_is_numeric(c);
}

bool perfopt__ssr_is_lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z';
    return in_ranges(lower_ranges, COUNT(lower_ranges), c);
}

bool perfopt__ssr_is_upper(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z';
    return in_ranges(upper_ranges, COUNT(upper_ranges), c);
}

bool perfopt__ssr_is_printable(uint32_t c)
{
    if (c < 0x80)
        return c >= 0x20 && c != 0x7f;
    return !in_ranges(unprintable_ranges, COUNT(unprintable_ranges), c);
}

static const special_case *find_special(uint32_t c)
{
    size_t low = 0;
    size_t high = COUNT(upper_specials);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > upper_specials[middle].from)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < COUNT(upper_specials) && upper_specials[low].from == c)
        return &upper_specials[low];
    return NULL;
}

size_t perfopt__ssr_to_upper(uint32_t c, uint32_t out[3])
{
    out[0] = c;
    if (c < 0x80) {
        if (c >= 'a' && c <= 'z')
            out[0] = c - 32;
        return 1;
    }
    const special_case *special = find_special(c);
    if (!special) {
        out[0] = mapped(upper_runs, COUNT(upper_runs), c);
        return 1;
    }
    size_t n = 0;
    while (n < 3 && special->to[n]) {
        out[n] = special->to[n];
        n++;
    }
    return n;
}

uint32_t perfopt__ssr_to_lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return mapped(lower_runs, COUNT(lower_runs), c);
}

const char *perfopt__ssr_previous_char(const char *start, const char *end)
{
    const char *p = end - 1;
    for (int i = 0; i < 3 && p > start && ((unsigned char)*p & 0xC0) == 0x80; i++)
        p--;
    uint32_t c;
    return perfopt__utf8_decode(p, (size_t)(end - p), &c) == (size_t)(end - p) ? p : end - 1;
}
