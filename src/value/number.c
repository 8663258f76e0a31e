/*
 * number.c - integers and doubles as text.
 *
 * The digits of a double come from exact integer arithmetic (Steele and White 1990, Dybvig and
 * Burger 1996): the value is r/s with big integers, and each digit is the quotient of 10r/s. For
 * the shortest form low and high are the half gaps to the neighbouring doubles.
 */
#include "value/number.h"

#include "base/memory.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIMBS = 40 }; /* 1280 bits; the largest number met has about 1,190 */

typedef struct big {
    uint32_t limb[LIMBS];
    int used;
} big;

static void big_set(big *b, uint64_t value)
{
    b->limb[0] = (uint32_t)value;
    b->limb[1] = (uint32_t)(value >> 32);
    b->used = b->limb[1] ? 2 : b->limb[0] ? 1 : 0;
}

static void big_multiply(big *b, uint32_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < b->used; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry && b->used < LIMBS)
        b->limb[b->used++] = (uint32_t)carry;
}

static void big_power10(big *b, int exponent)
{
    for (; exponent >= 9; exponent -= 9)
        big_multiply(b, 1000000000u);
    for (; exponent > 0; exponent--)
        big_multiply(b, 10);
}

static void big_shift(big *b, int bits)
{
    int words = bits / 32;
    if (b->used == 0 || b->used + words >= LIMBS)
        return;
    if (words) {
        memmove(b->limb + words, b->limb, (size_t)b->used * sizeof(b->limb[0]));
        memset(b->limb, 0, (size_t)words * sizeof(b->limb[0]));
        b->used += words;
    }
    if (bits % 32)
        big_multiply(b, 1u << (bits % 32));
}

static int big_compare(const big *a, const big *b)
{
    if (a->used != b->used)
        return a->used < b->used ? -1 : 1;
    for (int i = a->used - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    }
    return 0;
}

static void big_add(big *a, const big *b)
{
    uint64_t carry = 0;
    int n = a->used > b->used ? a->used : b->used;
    for (int i = 0; i < n; i++) {
        carry += (i < a->used ? a->limb[i] : 0);
        carry += (i < b->used ? b->limb[i] : 0);
        a->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    a->used = n;
    if (carry && n < LIMBS)
        a->limb[a->used++] = (uint32_t)carry;
}

/* a -= b, for a >= b. */
static void big_subtract(big *a, const big *b)
{
    int64_t borrow = 0;
    for (int i = 0; i < a->used; i++) {
        borrow += (int64_t)a->limb[i] - (i < b->used ? b->limb[i] : 0);
        a->limb[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    while (a->used > 0 && a->limb[a->used - 1] == 0)
        a->used--;
}

/* Divides a < 10b by b: returns the digit, leaves the rest in a. */
static int big_digit(big *a, const big *b)
{
    int digit = 0;
    while (big_compare(a, b) >= 0) {
        big_subtract(a, b);
        digit++;
    }
    return digit;
}

/* value = r/s * 10^exponent with 1/10 <= r/s < 1; low and high scaled like r. */
typedef struct ratio {
    big r, s, low, high;
    bool even;
    int exponent;
} ratio;

static void ratio_scale(ratio *q, double value)
{
    int k = (int)ceil(log10(value) - 1e-10);
    if (k >= 0) {
        big_power10(&q->s, k);
    } else {
        big_power10(&q->r, -k);
        big_power10(&q->low, -k);
        big_power10(&q->high, -k);
    }
    q->exponent = k;
}

static void ratio_init(ratio *q, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    int biased = (int)(bits >> 52 & 0x7ff);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    uint64_t mantissa = biased ? fraction | UINT64_C(1) << 52 : fraction;
    int exponent = (biased ? biased : 1) - 1075;
    bool narrow = fraction == 0 && biased > 1; /* the gap below is half the gap above */
    big_set(&q->r, mantissa);
    big_set(&q->s, 1);
    big_set(&q->low, 1);
    big_set(&q->high, narrow ? 2 : 1);
    int shift = narrow ? 2 : 1; /* so that the half gaps are whole numbers */
    if (exponent >= 0) {
        big_shift(&q->r, exponent + shift);
        big_shift(&q->low, exponent);
        big_shift(&q->high, exponent);
        big_shift(&q->s, shift);
    } else {
        big_shift(&q->r, shift);
        big_shift(&q->s, shift - exponent);
    }
    q->even = mantissa % 2 == 0;
    ratio_scale(q, value);
}

/* The estimate of the exponent may be one off; makes 1/10 <= r/s < 1. */
static void ratio_fix(ratio *q)
{
    if (big_compare(&q->r, &q->s) >= 0) {
        big_multiply(&q->s, 10);
        q->exponent++;
        return;
    }
    big ten = q->r;
    big_multiply(&ten, 10);
    if (big_compare(&ten, &q->s) < 0) {
        q->r = ten;
        big_multiply(&q->low, 10);
        big_multiply(&q->high, 10);
        q->exponent--;
    }
}

/* The same for the shortest form, where the upper bound r + high decides: 9.5 +- 0.6 is "10". */
static void ratio_fix_high(ratio *q)
{
    ratio_fix(q);
    big top = q->r;
    big_add(&top, &q->high);
    int order = big_compare(&top, &q->s);
    if (order > 0 || (order == 0 && q->even)) {
        big_multiply(&q->s, 10);
        q->exponent++;
    }
}

static int compare_half(const ratio *q)
{
    big twice = q->r;
    big_multiply(&twice, 2);
    return big_compare(&twice, &q->s);
}

static size_t shortest_digits(ratio *q, char *out)
{
    size_t n = 0;
    for (;;) {
        big_multiply(&q->r, 10);
        big_multiply(&q->low, 10);
        big_multiply(&q->high, 10);
        int digit = big_digit(&q->r, &q->s);
        big top = q->r;
        big_add(&top, &q->high);
        int below = big_compare(&q->r, &q->low);
        int above = big_compare(&top, &q->s);
        bool may_stop_low = below < 0 || (below == 0 && q->even);
        bool may_stop_high = above > 0 || (above == 0 && q->even);
        if (!may_stop_low && !may_stop_high) {
            out[n++] = (char)('0' + digit);
            continue;
        }
        bool up = may_stop_high;
        if (may_stop_low && may_stop_high) {
            int half = compare_half(q);
            up = half > 0 || (half == 0 && digit % 2 == 1);
        }
        out[n++] = (char)('0' + digit + up);
        return n;
    }
}

/* Adds one to the last digit; an overflow gives "1" and a larger exponent. */
static size_t round_up(char *digits, size_t n, int *exponent)
{
    while (n > 0 && digits[n - 1] == '9')
        n--;
    if (n == 0) {
        digits[0] = '1';
        ++*exponent;
        return 1;
    }
    digits[n - 1]++;
    return n;
}

static size_t counted_digits(ratio *q, int count, char *out)
{
    size_t n = 0;
    while ((int)n < count && n < PERFOPT__NUMBER_MAX_DIGITS && q->r.used) {
        big_multiply(&q->r, 10);
        out[n++] = (char)('0' + big_digit(&q->r, &q->s));
    }
    if (q->r.used && (int)n == count) {
        int half = compare_half(q);
        bool odd = n > 0 && (out[n - 1] - '0') % 2 == 1;
        if (half > 0 || (half == 0 && odd))
            n = round_up(out, n, &q->exponent);
    }
    while (n > 0 && out[n - 1] == '0')
        n--;
    return n;
}

size_t perfopt__number_digits(double value, perfopt__number_mode mode, int count, char *out,
                              int *exponent)
{
    value = fabs(value);
    *exponent = 1;
    if (value == 0)
        return 0;
    ratio q;
    ratio_init(&q, value);
    size_t n = 0;
    if (mode == PERFOPT__NUMBER_SHORTEST) {
        ratio_fix_high(&q);
        n = shortest_digits(&q, out);
    } else {
        ratio_fix(&q);
        int wanted = mode == PERFOPT__NUMBER_DECIMALS ? q.exponent + count : count;
        n = wanted < 0 ? 0 : counted_digits(&q, wanted, out);
    }
    *exponent = n ? q.exponent : 1;
    return n;
}

size_t perfopt__number_from_int(int64_t value, char out[20])
{
    char digits[20];
    char *p = digits + sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--p = '-';
    size_t n = (size_t)(digits + sizeof(digits) - p);
    memcpy(out, p, n);
    return n;
}

static size_t put_exponent(char *out, const char *digits, size_t n, int exponent)
{
    char *p = out;
    *p++ = digits[0];
    if (n > 1) {
        *p++ = '.';
        memcpy(p, digits + 1, n - 1);
        p += n - 1;
    }
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    int magnitude = exponent < 0 ? -exponent : exponent;
    if (magnitude < 10)
        *p++ = '0';
    p += perfopt__number_from_int(magnitude, p);
    return (size_t)(p - out);
}

/* 0.d1d2.. * 10^exponent with -3 <= exponent <= 16, always with a point. */
static size_t put_plain(char *out, const char *digits, size_t n, int exponent)
{
    char *p = out;
    if (exponent <= 0) {
        memcpy(p, "0.", 2);
        memset(p + 2, '0', (size_t)-exponent);
        p += 2 - exponent;
        memcpy(p, digits, n);
        return (size_t)(p + n - out);
    }
    size_t whole = (size_t)exponent;
    size_t copied = n < whole ? n : whole;
    memcpy(p, digits, copied);
    memset(p + copied, '0', whole - copied);
    p += whole;
    *p++ = '.';
    if (n > whole) {
        memcpy(p, digits + whole, n - whole);
        return (size_t)(p + (n - whole) - out);
    }
    *p++ = '0';
    return (size_t)(p - out);
}

size_t perfopt__number_from_double(double value, char out[32])
{
    char digits[32];
    char *p = out;
    if (isnan(value)) {
        memcpy(out, "nan", 3);
        return 3;
    }
    if (signbit(value))
        *p++ = '-';
    if (isinf(value)) {
        memcpy(p, "inf", 3);
        return (size_t)(p + 3 - out);
    }
    int exponent;
    size_t n = perfopt__number_digits(value, PERFOPT__NUMBER_SHORTEST, 0, digits, &exponent);
    if (n == 0)
        digits[n++] = '0';
    if (exponent > 16 || exponent < -3)
        p += put_exponent(p, digits, n, exponent - 1);
    else
        p += put_plain(p, digits, n, exponent);
    return (size_t)(p - out);
}

static bool is_number_text(const char *text, size_t length)
{
    bool digits = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9')
            digits = true;
        else if (!strchr("+-.eE", c) || c == '\0')
            return false;
    }
    return digits;
}

/* strtod reads the decimal point of the process's locale; this one is always C's. */
static locale_t c_locale(void)
{
    static _Atomic(locale_t) shared;
    locale_t loc = shared;
    if (loc)
        return loc;
    locale_t fresh = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (fresh && !__atomic_compare_exchange_n((locale_t *)&shared, &loc, fresh, false,
                                              __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        freelocale(fresh);
        return loc;
    }
    return fresh;
}

bool perfopt__number_parse_double(const char *text, size_t length, double *out)
{
    char small[64];
    locale_t loc = c_locale();
    if (!loc || length == 0 || !is_number_text(text, length))
        return false;
    char *copy = length < sizeof(small) ? small : perfopt__malloc(length + 1);
    if (!copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    char *end;
    double value = strtod_l(copy, &end, loc);
    bool whole = end == copy + length;
    if (copy != small)
        perfopt__free(copy);
    if (whole)
        *out = value;
    return whole;
}
