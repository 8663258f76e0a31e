/*
 * glob.c - pattern matching with the semantics of Redis' SCAN MATCH, so that L1 and Redis agree on
 * what a pattern means: * ? [abc] [a-c] [^a] and backslash, over bytes.
 *
 * A '*' is matched without recursion: after a mismatch matching goes on one byte further behind the
 * last '*' (earlier ones never need to be reconsidered), so hostile patterns cost at most
 * pattern * text steps.
 */
#include "cache/cache_internal.h"

typedef unsigned char byte;

/* Matches one byte against the set at pattern[*at] == '['; moves *at behind it. Like Redis an
 * unclosed set ends with the pattern, and a range may be given in either order. */
static bool match_set(const byte *pattern, size_t length, size_t *at, byte c)
{
    size_t i = *at + 1;
    bool negated = i < length && pattern[i] == '^';
    bool match = false;
    if (negated)
        i++;
    for (; i < length && pattern[i] != ']'; i++) {
        if (pattern[i] == '\\' && i + 1 < length) {
            i++;
            match |= pattern[i] == c;
        } else if (i + 2 < length && pattern[i + 1] == '-') {
            byte low = pattern[i];
            byte high = pattern[i + 2];
            if (low > high) {
                byte swap = low;
                low = high;
                high = swap;
            }
            match |= c >= low && c <= high;
            i += 2;
        } else {
            match |= pattern[i] == c;
        }
    }
    *at = i < length ? i + 1 : length;
    return match != negated;
}

/* Matches one byte against the element at pattern[*at], which is not '*'; moves *at behind it. */
static bool match_one(const byte *pattern, size_t length, size_t *at, byte c)
{
    switch (pattern[*at]) {
    case '?':
        (*at)++;
        return true;
    case '[':
        return match_set(pattern, length, at, c);
    case '\\':
        if (*at + 1 < length)
            (*at)++;
        break;
    default:
        break;
    }
    return pattern[(*at)++] == c;
}

bool perfopt__glob_match(const char *pattern, size_t pattern_length, const char *text,
                         size_t length)
{
    const byte *p = (const byte *)pattern;
    const byte *t = (const byte *)text;
    size_t p_at = 0;
    size_t t_at = 0;
    size_t star = SIZE_MAX; /* behind the last '*' */
    size_t retry = 0;       /* where the text after it is tried next */
    while (t_at < length) {
        if (p_at < pattern_length && p[p_at] == '*') {
            star = ++p_at;
            retry = t_at;
            continue;
        }
        if (p_at < pattern_length && match_one(p, pattern_length, &p_at, t[t_at])) {
            t_at++;
            continue;
        }
        if (star == SIZE_MAX)
            return false;
        p_at = star;
        t_at = ++retry;
    }
    while (p_at < pattern_length && p[p_at] == '*')
        p_at++;
    return p_at == pattern_length;
}
