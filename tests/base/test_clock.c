/*
 * test_clock.c - the clock hook and the two date formats.
 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int64_t fixed(void *user)
{
    return *(int64_t *)user;
}

static void the_clock_can_be_replaced(void **state)
{
    (void)state;
    int64_t now = 5000000000;
    const perfopt_clock clock = {fixed, fixed, &now};
    assert_int_equal(perfopt_clock_set(&clock), PERFOPT_OK);
    assert_int_equal(perfopt__now_ns(), 5000000000);
    assert_int_equal(perfopt__now_ms(), 5000);
    assert_int_equal(perfopt__wall_s(), 5);
    assert_int_equal(perfopt_clock_set(&(perfopt_clock){fixed, NULL, NULL}), PERFOPT_EINVAL);
    perfopt_clock_set(NULL);
    int64_t difference = perfopt__wall_s() - (int64_t)time(NULL);
    assert_in_range(difference + 2, 0, 4);
}

static void http_dates_round_trip(void **state)
{
    (void)state;
    char text[30];
    perfopt__http_date(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110, 5.6.7 */
    for (int64_t s = 0; s < 4102444800; s += 86399 * 7) {
        perfopt__http_date(s, text);
        assert_int_equal(perfopt__http_date_parse(text), s);
    }
    perfopt__http_date(-1, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    perfopt__http_date(INT64_MAX, text);
    assert_int_equal(strlen(text), 29);
}

static void the_obsolete_forms_are_read(void **state)
{
    (void)state;
    assert_int_equal(perfopt__http_date_parse("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
    assert_int_equal(perfopt__http_date_parse("Sun Nov  6 08:49:37 1994"), 784111777);
}

static void nonsense_is_no_date(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "yesterday",
                               "Sun, 06 Nov 1994 08:49:37",
                               "Sun, 06 Nov 1994 08:49:37 GMT ",
                               "Sun, 06 Foo 1994 08:49:37 GMT",
                               "Sun, 40 Nov 1994 08:49:37 GMT",
                               "Sun, 06 Nov 1994 24:49:37 GMT",
                               "Sun, 06 Nov 1994 08:60:37 GMT",
                               "784111777"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(perfopt__http_date_parse(bad[i]), -1);
}

static void iso_dates(void **state)
{
    (void)state;
    char text[25];
    perfopt__iso_date(1767268800123, text);
    assert_string_equal(text, "2026-01-01T12:00:00.123Z");
    perfopt__iso_date(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_can_be_replaced),
        cmocka_unit_test(http_dates_round_trip),
        cmocka_unit_test(the_obsolete_forms_are_read),
        cmocka_unit_test(nonsense_is_no_date),
        cmocka_unit_test(iso_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
