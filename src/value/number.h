/*
 * number.h - numbers as text, exact and independent of the locale.
 */
#ifndef PERFOPT_SRC_VALUE_NUMBER_H
#define PERFOPT_SRC_VALUE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest digit string perfopt__number_digits() gives; further digits of a double are zero. */
#define PERFOPT__NUMBER_MAX_DIGITS 1100

/* Writes at most 20 bytes without a NUL and returns how many. */
size_t perfopt__number_from_int(int64_t value, char out[20]);
/* Writes a double as Python's repr does (shortest text that reads back equal; 1e16 and above and
 * below 1e-4 with an exponent), at most 32 bytes without a NUL. */
size_t perfopt__number_from_double(double value, char out[32]);

typedef enum perfopt__number_mode {
    PERFOPT__NUMBER_SHORTEST,    /* `count` is ignored */
    PERFOPT__NUMBER_SIGNIFICANT, /* count significant digits */
    PERFOPT__NUMBER_DECIMALS     /* digits up to count places behind the point; count may be < 0 */
} perfopt__number_mode;

/*
 * Decimal digits of a finite double's magnitude, correctly rounded (half to even on exact ties):
 * value = 0.d1d2d3... * 10^*exponent. Trailing zeros are not written; zero has no digits and
 * exponent 1. Returns the number of digits; `out` holds PERFOPT__NUMBER_MAX_DIGITS.
 */
size_t perfopt__number_digits(double value, perfopt__number_mode mode, int count, char *out,
                              int *exponent);
/* Reads a whole text as a decimal floating-point number in C's form, without inf, nan and hex. */
bool perfopt__number_parse_double(const char *text, size_t length, double *out);

#endif
