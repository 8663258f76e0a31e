/*
 * negotiate.c - what a request's header fields ask for (RFC 9110): content coding, entity tags,
 * ranges. Pure functions over text from outside: what cannot be understood is as if it were absent.
 */
#include "assets/assets_internal.h"

#include "base/clock.h"

#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blank(const char *p)
{
    while (is_blank(*p))
        p++;
    return p;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- Accept-Encoding ---------------------------------------------------------------------- */

/* A weight in thousandths (12.4.2); one that is malformed counts as 0. */
static int parse_weight(const char *p, const char *end)
{
    if (p == end || (*p != '0' && *p != '1'))
        return 0;
    int weight = (*p++ - '0') * 1000;
    if (p < end && *p == '.') {
        p++;
        for (int unit = 100; unit > 0 && p < end && is_digit(*p); unit /= 10)
            weight += (*p++ - '0') * unit;
    }
    while (p < end && is_blank(*p))
        p++;
    return p == end && weight <= 1000 ? weight : 0;
}

/* The weight of one list member "name;q=0.5", whose name ends at `name_end`. */
static int member_weight(const char *name_end, const char *end)
{
    const char *p = skip_blank(name_end);
    if (p >= end)
        return 1000;
    if (*p != ';')
        return 0;
    p = skip_blank(p + 1);
    if (end - p < 2 || (p[0] | 0x20) != 'q' || p[1] != '=')
        return 0;
    return parse_weight(p + 2, end);
}

enum { UNLISTED = -1, CODINGS = 4, STAR = 3 };

static int coding_of(const char *name, size_t n)
{
    static const char *const names[CODINGS] = {"identity", "gzip", "br", "*"};
    for (int i = 0; i < CODINGS; i++) {
        if (strlen(names[i]) == n && strncasecmp(names[i], name, n) == 0)
            return i;
    }
    return n == 6 && strncasecmp(name, "x-gzip", n) == 0 ? ENCODING_GZIP : UNLISTED;
}

static void read_weights(const char *p, int weights[CODINGS])
{
    while (*p) {
        const char *end = p + strcspn(p, ",");
        const char *name = skip_blank(p);
        const char *name_end = name;
        while (name_end < end && !is_blank(*name_end) && *name_end != ';')
            name_end++;
        int coding = coding_of(name, (size_t)(name_end - name));
        if (coding >= 0)
            weights[coding] = member_weight(name_end, end);
        p = *end ? end + 1 : end;
    }
}

perfopt__encoding perfopt__negotiate(const char *accept_encoding,
                                     const uint64_t sizes[ENCODING_COUNT])
{
    if (!accept_encoding)
        return ENCODING_IDENTITY;
    int weights[CODINGS] = {UNLISTED, UNLISTED, UNLISTED, UNLISTED};
    read_weights(accept_encoding, weights);
    int star = weights[STAR];
    perfopt__encoding best = ENCODING_IDENTITY;
    /* Not listed, identity is acceptable, but anything that is asked for is better (12.5.3). */
    int best_weight = weights[ENCODING_IDENTITY];
    if (best_weight == UNLISTED)
        best_weight = star == 0 ? 0 : 1;
    for (perfopt__encoding i = ENCODING_GZIP; i < ENCODING_COUNT; i++) {
        int weight = weights[i] == UNLISTED ? star : weights[i];
        if (sizes[i] == 0 || weight <= 0)
            continue;
        if (weight > best_weight || (weight == best_weight && sizes[i] < sizes[best])) {
            best = i;
            best_weight = weight;
        }
    }
    return best;
}

/* ---- If-None-Match ------------------------------------------------------------------------ */

bool perfopt__etag_matches(const char *p, const char *etag)
{
    size_t n = strlen(etag);
    for (;;) {
        while (is_blank(*p) || *p == ',')
            p++;
        if (*p == '*')
            return true;
        /* Weak comparison (8.8.3.2): "W/" does not count. */
        if (p[0] == 'W' && p[1] == '/')
            p += 2;
        if (*p != '"')
            return false;
        const char *end = strchr(p + 1, '"');
        if (!end)
            return false;
        if ((size_t)(end + 1 - p) == n && memcmp(p, etag, n) == 0)
            return true;
        p = end + 1;
    }
}

/* ---- Range -------------------------------------------------------------------------------- */

/* Digits at *p, which moves behind them; numbers that are too large become UINT64_MAX. */
static bool parse_number(const char **p, uint64_t *out)
{
    if (!is_digit(**p))
        return false;
    uint64_t number = 0;
    for (; is_digit(**p); (*p)++) {
        if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(**p - '0'), &number))
            number = UINT64_MAX / 10 + 1; /* stays too large from here on */
    }
    *out = number;
    return true;
}

static perfopt__range_result suffix_range(uint64_t suffix, uint64_t length, uint64_t *first,
                                          uint64_t *last)
{
    if (suffix == 0 || length == 0)
        return RANGE_UNSATISFIABLE;
    *first = suffix < length ? length - suffix : 0;
    *last = length - 1;
    return RANGE_ONE;
}

perfopt__range_result perfopt__parse_range(const char *range, uint64_t length, uint64_t *first,
                                           uint64_t *last)
{
    if (strncasecmp(range, "bytes=", 6) != 0)
        return RANGE_NONE;
    const char *p = skip_blank(range + 6);
    uint64_t from = 0;
    uint64_t to = UINT64_MAX;
    bool has_from = parse_number(&p, &from);
    if (*p++ != '-')
        return RANGE_NONE;
    bool has_to = parse_number(&p, &to);
    p = skip_blank(p);
    if (*p || (!has_from && !has_to) || (has_from && has_to && from > to))
        return RANGE_NONE;
    if (!has_from)
        return suffix_range(to, length, first, last);
    if (from >= length)
        return RANGE_UNSATISFIABLE;
    *first = from;
    *last = to < length ? to : length - 1;
    return RANGE_ONE;
}

bool perfopt__if_range_holds(const char *if_range, const char *etag, int64_t last_modified_s)
{
    const char *p = skip_blank(if_range);
    if (*p == '"') {
        /* Strong comparison: the same tag, and ours are strong. */
        size_t n = strlen(etag);
        return strncmp(p, etag, n) == 0 && *skip_blank(p + n) == '\0';
    }
    int64_t date_s = perfopt__http_date_parse(p);
    return date_s >= 0 && date_s == last_modified_s;
}
