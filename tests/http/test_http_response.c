/*
 * test_http_response.c - what handlers set, and what is refused.
 */
#include "http/fixture.h"

#include <stdio.h>
#include <string.h>

static perfopt_http *http;
static test_exchange ex;

static int set_up(void **state)
{
    (void)state;
    perfopt_status status = perfopt_http_create(NULL, &http, NULL);
    test_exchange_init(&ex, http, "GET", "/", NULL);
    return status;
}

static int tear_down(void **state)
{
    (void)state;
    test_exchange_finish(&ex);
    perfopt_http_destroy(http);
    return 0;
}

static void statuses(void **state)
{
    (void)state;
    assert_int_equal(perfopt_response_get_status(ex.res), 200);
    static const int table[][2] = {{100, 100},  {999, 999}, {99, 500},
                                   {1000, 500}, {0, 500},   {-1, 500}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        perfopt_response_set_status(ex.res, table[i][0]);
        assert_int_equal(perfopt_response_get_status(ex.res), table[i][1]);
    }
}

static bool count_cookies(const char *name, const char *value, void *user)
{
    (void)value;
    *(int *)user += strcmp(name, "Set-Cookie") == 0;
    return true;
}

static bool stop_at_once(const char *name, const char *value, void *user)
{
    (void)name;
    (void)value;
    ++*(int *)user;
    return false;
}

static void headers(void **state)
{
    (void)state;
    assert_int_equal(perfopt_response_set_header(ex.res, "X-A", "1"), PERFOPT_OK);
    assert_int_equal(perfopt_response_set_header(ex.res, "x-a", "2"), PERFOPT_OK);
    test_assert_header(ex.res, "X-A", "2");
    assert_int_equal(perfopt_response_set_header(ex.res, "Set-Cookie", "a=1"), PERFOPT_OK);
    assert_int_equal(perfopt_response_set_header(ex.res, "Set-Cookie", "b=2"), PERFOPT_OK);
    int cookies = 0;
    perfopt_response_each_header(ex.res, count_cookies, &cookies);
    assert_int_equal(cookies, 2);
    int visited = 0;
    perfopt_response_each_header(ex.res, stop_at_once, &visited);
    assert_int_equal(visited, 1);
    static const char *const bad[][2] = {{"", "1"},
                                         {"X A", "1"},
                                         {"X:", "1"},
                                         {"X\r\n", "1"},
                                         {"X-A", "1\r\n"},
                                         {"X-A", "1\nB: 2"},
                                         {"Content-Length", "5"},
                                         {"transfer-encoding", "chunked"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(perfopt_response_set_header(ex.res, bad[i][0], bad[i][1]), PERFOPT_EINVAL);
    test_assert_header(ex.res, "X-A", "2");
}

static void many_headers(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i < 256; i++) {
        snprintf(name, sizeof(name), "X-%d", i);
        assert_int_equal(perfopt_response_set_header(ex.res, name, "1"), PERFOPT_OK);
    }
    assert_int_equal(perfopt_response_set_header(ex.res, "X-256", "1"), PERFOPT_EINVAL);
}

static void bodies(void **state)
{
    (void)state;
    test_assert_body(ex.res, "");
    assert_null(perfopt_response_bytes(ex.res));
    assert_int_equal(perfopt_response_set_body(ex.res, "one", 3), PERFOPT_OK);
    test_assert_body(ex.res, "one");
    perfopt_bytes *bytes;
    assert_int_equal(perfopt_bytes_create("two", 3, &bytes), PERFOPT_OK);
    perfopt_response_set_bytes(ex.res, bytes);
    perfopt_bytes_release(bytes);
    assert_ptr_equal(perfopt_response_bytes(ex.res), bytes);
    assert_ptr_equal(perfopt_response_body_owner(ex.res), bytes);
    test_assert_body(ex.res, "two");
    perfopt_response_set_bytes(ex.res, bytes); /* its own value again */
    test_assert_body(ex.res, "two");
    perfopt_response_set_bytes(ex.res, NULL);
    test_assert_body(ex.res, "");
}

static void whole_responses(void **state)
{
    (void)state;
    assert_int_equal(perfopt_response_text(ex.res, 201, "hi"), PERFOPT_OK);
    assert_int_equal(perfopt_response_get_status(ex.res), 201);
    test_assert_header(ex.res, "Content-Type", "text/plain; charset=utf-8");
    test_assert_body(ex.res, "hi");
    assert_int_equal(perfopt_response_json(ex.res, 200, perfopt_int(7), NULL), PERFOPT_OK);
    test_assert_header(ex.res, "Content-Type", "application/json");
    test_assert_body(ex.res, "7");
    assert_int_equal(perfopt_response_redirect(ex.res, 303, "/there?x=1"), PERFOPT_OK);
    assert_int_equal(perfopt_response_get_status(ex.res), 303);
    test_assert_header(ex.res, "Location", "/there?x=1");
    test_assert_body(ex.res, "");
    assert_int_equal(perfopt_response_redirect(ex.res, 200, "/"), PERFOPT_EINVAL);
    assert_int_equal(perfopt_response_redirect(ex.res, 302, "/\r\nSet-Cookie: x=1"),
                     PERFOPT_EINVAL);
}

/* A response that is no stored page keeps nothing for the adapter. */
static int freed;

static void count_free(void *user)
{
    (void)user;
    freed++;
}

static void nothing_is_ready(void **state)
{
    (void)state;
    assert_null(perfopt_response_ready(ex.res));
    assert_null(perfopt_response_keep_ready(ex.res, &freed, count_free));
    assert_int_equal(freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(statuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_responses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_ready, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("http_response", tests, NULL, NULL);
}
