/*
 * test_settings.c - parsing of settings and URLs: what is accepted, and that errors name the
 * setting and keep secrets.
 */
#include "base/env.h"
#include "base/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void switches(void **state)
{
    (void)state;
    const char *const yes[] = {"1", "true", "TRUE", "yes", "On"};
    const char *const no[] = {"0", "false", "No", "OFF"};
    const char *const bad[] = {"", "2", "truee", "ja", " true"};
    bool on;
    for (size_t i = 0; i < 5; i++) {
        on = false;
        assert_int_equal(perfopt__parse_bool("X", yes[i], &on, NULL), PERFOPT_OK);
        assert_true(on);
    }
    for (size_t i = 0; i < 4; i++) {
        on = true;
        assert_int_equal(perfopt__parse_bool("X", no[i], &on, NULL), PERFOPT_OK);
        assert_false(on);
    }
    for (size_t i = 0; i < 5; i++) {
        perfopt_error err;
        assert_int_equal(perfopt__parse_bool("QUERY_CACHE_ENABLED", bad[i], &on, &err),
                         PERFOPT_ECONFIG);
        assert_non_null(strstr(err.message, "QUERY_CACHE_ENABLED"));
    }
}

static void numbers_sizes_and_durations(void **state)
{
    (void)state;
    int64_t n;
    assert_int_equal(perfopt__parse_int("P", "6379", 1, 65535, &n, NULL), PERFOPT_OK);
    assert_int_equal(n, 6379);
    assert_int_equal(perfopt__parse_int("P", "-5", -10, 0, &n, NULL), PERFOPT_OK);
    assert_int_equal(n, -5);
    const char *const bad[] = {"", "x", "12x", "0", "65536", "99999999999999999999", " 1", "1.5"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(perfopt__parse_int("P", bad[i], 1, 65535, &n, NULL), PERFOPT_ECONFIG);

    uint64_t bytes;
    assert_int_equal(perfopt__parse_bytes("S", "64m", &bytes, NULL), PERFOPT_OK);
    assert_int_equal(bytes, 64 << 20);
    assert_int_equal(perfopt__parse_bytes("S", "1 GiB", &bytes, NULL), PERFOPT_OK);
    assert_int_equal(bytes, 1 << 30);
    assert_int_equal(perfopt__parse_bytes("S", "123", &bytes, NULL), PERFOPT_OK);
    assert_int_equal(bytes, 123);
    assert_int_equal(perfopt__parse_bytes("S", "9223372036854775807g", &bytes, NULL),
                     PERFOPT_ECONFIG);
    assert_int_equal(perfopt__parse_bytes("S", "-1", &bytes, NULL), PERFOPT_ECONFIG);

    assert_int_equal(perfopt__parse_duration_ms("D", "200ms", 1, &n, NULL), PERFOPT_OK);
    assert_int_equal(n, 200);
    assert_int_equal(perfopt__parse_duration_ms("D", "5", 1000, &n, NULL), PERFOPT_OK);
    assert_int_equal(n, 5000);
    assert_int_equal(perfopt__parse_duration_ms("D", "2h", 1, &n, NULL), PERFOPT_OK);
    assert_int_equal(n, 7200000);
    assert_int_equal(perfopt__parse_duration_ms("D", "2 weeks", 1, &n, NULL), PERFOPT_ECONFIG);
}

static void an_empty_variable_is_unset(void **state)
{
    (void)state;
    setenv("PERFOPT_TEST_VARIABLE", "", 1);
    assert_null(perfopt__env("PERFOPT_TEST_VARIABLE"));
    setenv("PERFOPT_TEST_VARIABLE", "x", 1);
    assert_string_equal(perfopt__env("PERFOPT_TEST_VARIABLE"), "x");
    unsetenv("PERFOPT_TEST_VARIABLE");
    assert_null(perfopt__env("PERFOPT_TEST_VARIABLE"));
}

typedef struct url_case {
    const char *text;
    const char *scheme, *user, *password, *host, *path, *query;
    int port;
} url_case;

static void same(const char *got, const char *expected)
{
    if (!expected)
        assert_null(got);
    else
        assert_string_equal(got, expected);
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    const url_case cases[] = {
        {"redis://localhost:6379/0", "redis", NULL, NULL, "localhost", "/0", NULL, 6379},
        {"redis://localhost", "redis", NULL, NULL, "localhost", NULL, NULL, 0},
        {"REDIS://:p%40ss@h/1?x=1&y=%20", "redis", NULL, "p@ss", "h", "/1", "x=1&y=%20", 0},
        {"redis://user:se:cret@[::1]:7000/2", "redis", "user", "se:cret", "::1", "/2", NULL, 7000},
        {"unix:///run/redis%20x.sock?db=3", "unix", NULL, NULL, NULL, "/run/redis x.sock", "db=3",
         0},
        {"redis+sentinel://h1:1,h2:2/main/0", "redis+sentinel", NULL, NULL, "h1:1,h2:2", "/main/0",
         NULL, 0},
        {"rediss://user@h", "rediss", "user", NULL, "h", NULL, NULL, 0},
        {"redis://a@b:p@h", "redis", "a@b", "p", "h", NULL, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        perfopt__url url;
        assert_int_equal(perfopt__url_parse(cases[i].text, &url, NULL), PERFOPT_OK);
        same(url.scheme, cases[i].scheme);
        same(url.user, cases[i].user);
        same(url.password, cases[i].password);
        same(url.host, cases[i].host);
        same(url.path, cases[i].path);
        same(url.query, cases[i].query);
        assert_int_equal(url.port, cases[i].port);
        perfopt__url_finish(&url);
    }
}

static void a_bad_url_is_refused_without_repeating_it(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "secret-host",
                               "://secret-host",
                               "re dis://secret-host",
                               "redis://secret-host:0",
                               "redis://secret-host:65536",
                               "redis://secret-host:x",
                               "redis://[::1",
                               "redis://[::1]x",
                               "redis://u:secret%zz@h",
                               "redis://u:secret%00@h",
                               "redis://h/secret%"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        perfopt__url url = {0};
        perfopt_error err = PERFOPT_ERROR_INIT;
        assert_int_equal(perfopt__url_parse(bad[i], &url, &err), PERFOPT_EINVAL);
        assert_null(strstr(err.message, "secret"));
        assert_string_not_equal(err.message, "");
        perfopt__url_finish(&url);
    }
}

static void percent_escapes(void **state)
{
    (void)state;
    char text[] = "a%20b+c%2F%c3%A9";
    size_t n = perfopt__percent_decode(text, strlen(text), true);
    assert_int_equal(n, 8);
    assert_memory_equal(text, "a b c/\xC3\xA9", 8);
    char cut[] = "%4";
    assert_int_equal(perfopt__percent_decode(cut, 2, false), SIZE_MAX);
    char plus[] = "a+b";
    assert_int_equal(perfopt__percent_decode(plus, 3, false), 3);
    assert_string_equal(plus, "a+b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switches),
        cmocka_unit_test(numbers_sizes_and_durations),
        cmocka_unit_test(an_empty_variable_is_unset),
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(a_bad_url_is_refused_without_repeating_it),
        cmocka_unit_test(percent_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
