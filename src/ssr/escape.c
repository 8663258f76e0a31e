/*
 * escape.c - HTML escaping. With SSE2 (every x86-64) sixteen bytes are compared with the five
 * characters at once and copied; without it byte by byte through a table.
 */
#include "ssr/runtime.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Entities by character: index 0 = none. */
static const struct {
    char text[6];
    uint8_t length;
} entities[] = {{"", 0}, {"&amp;", 5}, {"&lt;", 4}, {"&gt;", 4}, {"&#34;", 5}, {"&#39;", 5}};

static const uint8_t entity_of[256] = {['&'] = 1, ['<'] = 2, ['>'] = 3, ['"'] = 4, ['\''] = 5};

static inline char *put_entity(char *out, uint8_t entity)
{
    memcpy(out, entities[entity].text, 5);
    return out + entities[entity].length;
}

char *perfopt__ssr_escape_scalar(char *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t entity = entity_of[(unsigned char)text[i]];
        if (entity)
            out = put_entity(out, entity);
        else
            *out++ = text[i];
    }
    return out;
}

#ifdef __SSE2__

/* A bit for each byte that has to be escaped. & and ' differ in one bit, as do < and >. */
static inline unsigned special_mask(__m128i chunk)
{
    __m128i amp = _mm_cmpeq_epi8(_mm_or_si128(chunk, _mm_set1_epi8(1)), _mm_set1_epi8('\''));
    __m128i tags = _mm_cmpeq_epi8(_mm_or_si128(chunk, _mm_set1_epi8(2)), _mm_set1_epi8('>'));
    __m128i quote = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('"'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(amp, tags), quote));
}

/* Up to fifteen bytes, gathered into one register by overlapping reads. */
static inline __m128i load_short(const char *text, size_t length)
{
    uint64_t low;
    uint64_t high;
    if (length >= 8) {
        memcpy(&low, text, 8);
        memcpy(&high, text + length - 8, 8);
    } else if (length >= 4) {
        uint32_t a;
        uint32_t b;
        memcpy(&a, text, 4);
        memcpy(&b, text + length - 4, 4);
        low = a;
        high = b;
    } else {
        low = length ? (unsigned char)text[0] : 0;
        high = length ? (uint64_t)(unsigned char)text[length / 2] << 8 |
                            (unsigned char)text[length - 1]
                      : 0;
    }
    return _mm_set_epi64x((long long)high, (long long)low);
}

/* The same pieces written; they overlap as they did when they were read. */
static inline char *copy_short(char *out, const char *text, size_t length)
{
    if (length >= 8) {
        memcpy(out, text, 8);
        memcpy(out + length - 8, text + length - 8, 8);
    } else if (length >= 4) {
        memcpy(out, text, 4);
        memcpy(out + length - 4, text + length - 4, 4);
    } else if (length) {
        out[0] = text[0];
        out[length / 2] = text[length / 2];
        out[length - 1] = text[length - 1];
    }
    return out + length;
}

static inline char *escape_short(char *out, const char *text, size_t length)
{
    if (special_mask(load_short(text, length)) == 0)
        return copy_short(out, text, length);
    return perfopt__ssr_escape_scalar(out, text, length);
}

char *perfopt__ssr_escape(char *out, const char *text, size_t length)
{
    size_t i = 0;
    while (length - i >= 16) {
        __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        unsigned mask = special_mask(chunk);
        _mm_storeu_si128((__m128i *)(void *)out, chunk);
        if (!mask) {
            out += 16;
            i += 16;
            continue;
        }
        unsigned n = (unsigned)__builtin_ctz(mask);
        out = put_entity(out + n, entity_of[(unsigned char)text[i + n]]);
        i += n + 1;
    }
    return escape_short(out, text + i, length - i);
}

bool perfopt__ssr_is_plain(const char *text, size_t length)
{
    if (length < 16)
        return special_mask(load_short(text, length)) == 0;
    size_t i = 0;
    for (; length - i >= 16; i += 16) {
        if (special_mask(_mm_loadu_si128((const __m128i *)(const void *)(text + i))))
            return false;
    }
    /* The last sixteen bytes again, so that no rest remains. */
    return special_mask(_mm_loadu_si128((const __m128i *)(const void *)(text + length - 16))) == 0;
}

#else

char *perfopt__ssr_escape(char *out, const char *text, size_t length)
{
    return perfopt__ssr_escape_scalar(out, text, length);
}

bool perfopt__ssr_is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (entity_of[(unsigned char)text[i]])
            return false;
    }
    return true;
}

#endif
