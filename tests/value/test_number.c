/*
 * test_number.c - doubles as Python prints them: known hard cases, and a million random ones read
 * back and compared with the C library's correctly rounded conversions.
 */
#include "value/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *repr(double value)
{
    static char text[33];
    text[perfopt__number_from_double(value, text)] = '\0';
    return text;
}

static void prints_hard_cases(void **state)
{
    (void)state;
    assert_string_equal(repr(0.1), "0.1");
    assert_string_equal(repr(0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(repr(1e16), "1e+16");
    assert_string_equal(repr(1e15), "1000000000000000.0");
    assert_string_equal(repr(9999999999999998.0), "9999999999999998.0");
    assert_string_equal(repr(0.0001), "0.0001");
    assert_string_equal(repr(0.00001), "1e-05");
    assert_string_equal(repr(5e-324), "5e-324");
    assert_string_equal(repr(DBL_MIN), "2.2250738585072014e-308");
    assert_string_equal(repr(DBL_MAX), "1.7976931348623157e+308");
    assert_string_equal(repr(618970019642690137449562112.0), "6.189700196426902e+26");
    assert_string_equal(repr(9007199254740992.0), "9007199254740992.0");
    assert_string_equal(repr(2e-44), "2e-44");
    assert_string_equal(repr(9.5367431640625e-07), "9.5367431640625e-07");
    assert_string_equal(repr(-0.0), "-0.0");
    assert_string_equal(repr(INFINITY), "inf");
    assert_string_equal(repr(-INFINITY), "-inf");
    assert_string_equal(repr(NAN), "nan");
    assert_string_equal(repr(100), "100.0");
    assert_string_equal(repr(1e22), "1e+22");
    assert_string_equal(repr(1e23), "1e+23");
    assert_string_equal(repr(1.7e-10), "1.7e-10");
}

static double random_double(void)
{
    static uint64_t x = 88172645463325252u;
    double d;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    memcpy(&d, &x, sizeof(d));
    return d;
}

/* Reads back equal, and no shorter %g form does. */
static void shortest_form_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        double d = random_double();
        char digits[32];
        char text[64];
        int exponent;
        if (!isfinite(d) || d == 0)
            continue;
        assert_true(strtod(repr(d), NULL) == d);
        size_t n = perfopt__number_digits(d, PERFOPT__NUMBER_SHORTEST, 0, digits, &exponent);
        if (n > 1) {
            snprintf(text, sizeof(text), "%.*e", (int)n - 2, d);
            assert_false(strtod(text, NULL) == d);
        }
    }
}

static void counted_digits_are_rounded_correctly(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        double d = fabs(random_double());
        char digits[PERFOPT__NUMBER_MAX_DIGITS];
        char text[64];
        char wanted[64];
        int exponent;
        if (!isfinite(d) || d == 0)
            continue;
        size_t n = perfopt__number_digits(d, PERFOPT__NUMBER_SIGNIFICANT, 12, digits, &exponent);
        snprintf(text, sizeof(text), "0.%.*se%d", (int)n, digits, exponent);
        snprintf(wanted, sizeof(wanted), "%.11e", d);
        assert_true(strtod(text, NULL) == strtod(wanted, NULL));
    }
}

static void ties_go_to_even(void **state)
{
    (void)state;
    char digits[PERFOPT__NUMBER_MAX_DIGITS];
    int exponent;
    assert_int_equal(perfopt__number_digits(0.5, PERFOPT__NUMBER_DECIMALS, 0, digits, &exponent),
                     0);
    assert_int_equal(perfopt__number_digits(1.5, PERFOPT__NUMBER_DECIMALS, 0, digits, &exponent),
                     1);
    assert_int_equal(digits[0], '2');
    assert_int_equal(perfopt__number_digits(2.5, PERFOPT__NUMBER_DECIMALS, 0, digits, &exponent),
                     1);
    assert_int_equal(digits[0], '2');
    assert_int_equal(perfopt__number_digits(9.96, PERFOPT__NUMBER_DECIMALS, 1, digits, &exponent),
                     1);
    assert_int_equal(digits[0], '1');
    assert_int_equal(exponent, 2);
    assert_int_equal(perfopt__number_digits(0.04, PERFOPT__NUMBER_DECIMALS, 1, digits, &exponent),
                     0);
    assert_int_equal(perfopt__number_digits(0.06, PERFOPT__NUMBER_DECIMALS, 1, digits, &exponent),
                     1);
}

static void prints_integers(void **state)
{
    (void)state;
    char text[20];
    assert_int_equal(perfopt__number_from_int(INT64_MIN, text), 20);
    assert_memory_equal(text, "-9223372036854775808", 20);
    assert_int_equal(perfopt__number_from_int(0, text), 1);
    assert_int_equal(perfopt__number_from_int(INT64_MAX, text), 19);
    assert_memory_equal(text, "9223372036854775807", 19);
}

static void parses_whole_texts_only(void **state)
{
    (void)state;
    double d = 7;
    assert_true(perfopt__number_parse_double("1.5e3", 5, &d));
    assert_true(d == 1500);
    const char *const bad[] = {"", "x", "1x", "0x10", "inf", "nan", "1 ", "--1", "1e", "."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(perfopt__number_parse_double(bad[i], strlen(bad[i]), &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_hard_cases),
        cmocka_unit_test(shortest_form_reads_back),
        cmocka_unit_test(counted_digits_are_rounded_correctly),
        cmocka_unit_test(ties_go_to_even),
        cmocka_unit_test(prints_integers),
        cmocka_unit_test(parses_whole_texts_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
