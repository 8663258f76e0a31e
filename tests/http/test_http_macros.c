/*
 * test_http_macros.c - the macros of wrap.h define what they say, in every form. The build of this
 * file is half of the test: it is compiled with the strictest warnings, as a user's file may be.
 */
#pragma GCC diagnostic error "-Wpedantic"
#pragma GCC diagnostic error "-Wextra"
#pragma GCC diagnostic error "-Wall"

#include <perfopt/wrap.h>

PERFOPT_HANDLER(plain, PERFOPT_PLAIN())
{
    return perfopt_response_text(res, 200, user ? "user" : "none");
}

PERFOPT_HANDLER(full, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
                PERFOPT_TRACK_DATABASE_QUERIES(.max = 4),
                PERFOPT_CACHE_WITH_ARGS(.timeout_s = PERFOPT_TIMEOUT_NEWS_LIST, .key_prefix = "f",
                                        .tags = "news", .statuses = {200, 404}))
{
    return PERFOPT_OK;
}

PERFOPT_HANDLER(rendering, PERFOPT_OPTIMIZE_RENDERING(.cache_timeout_s = 60, .tags = "r"))
{
    return PERFOPT_OK;
}

PERFOPT_CACHE_QUERY_RESULT(latest, PERFOPT_ARGS((int, limit)), "SELECT $1::int", .timeout_s = 30,
                           .key_prefix = "news", .tags = "a b")
PERFOPT_CACHE_QUERY_RESULT(no_arguments, PERFOPT_NO_ARGS, "SELECT 1", .tags = "x")
PERFOPT_CACHE_NEWS_QUERIES(news, PERFOPT_ARGS((int, limit), (const char *, section)), "SELECT 2",
                           .tags = "x")
PERFOPT_CACHE_USER_QUERIES(user_data, PERFOPT_ARGS((int64_t, id)), "SELECT 3", .tags = "x")
PERFOPT_CACHE_ANALYTICS_QUERIES(analytics, PERFOPT_ARGS((double, since)), "SELECT 4",
                                .timeout_s = 5)
PERFOPT_CACHE_AGGREGATION_RESULT(total, PERFOPT_ARGS((bool, visible)), "SELECT 5", .tags = "x")
PERFOPT_CACHE_QUERY_RESULT(eight,
                           PERFOPT_ARGS((int, a), (int, b), (int, c), (int, d), (int, e), (int, f),
                                        (int, g), (int, h)),
                           "SELECT 6", .tags = "x")

#include "http/fixture.h"

#include <string.h>

static perfopt_http *http;

static void handlers(void **state)
{
    (void)state;
    assert_string_equal(plain.name, "plain");
    assert_int_equal(plain.wrappers[0].kind, PERFOPT_WRAP_MONITOR);
    assert_int_equal(plain.wrappers[1].kind, PERFOPT_WRAP_END);
    assert_int_equal(full.wrappers[0].as.monitor.slow_ms, 500);
    assert_int_equal(full.wrappers[1].as.track.max, 4);
    assert_int_equal(full.wrappers[2].as.cache.timeout_s, 300);
    assert_string_equal(full.wrappers[2].as.cache.key_prefix, "f");
    assert_int_equal(full.wrappers[2].as.cache.statuses[1], 404);
    assert_int_equal(full.wrappers[3].kind, PERFOPT_WRAP_END);
    assert_int_equal(rendering.wrappers[0].kind, PERFOPT_WRAP_RENDERING);
    assert_int_equal(rendering.wrappers[0].as.rendering.cache_timeout_s, 60);
}

static void bound_handlers(void **state)
{
    (void)state;
    perfopt_router *router;
    int user = 1;
    assert_int_equal(perfopt_router_create(http, &router, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_router_add(router, "GET", "/u", &plain, &user, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_router_add(router, "GET", "/n", &plain, NULL, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_router_add(router, "GET", "/f", &full, NULL, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_router_add(router, "GET", "/r", &rendering, NULL, NULL), PERFOPT_OK);
    static const char *const table[][2] = {{"/u", "user"}, {"/n", "none"}, {"/f", ""}, {"/r", ""}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", table[i][0], NULL);
        perfopt_router_dispatch(router, ex.req, ex.res);
        test_assert_body(ex.res, table[i][1]);
        test_exchange_finish(&ex);
    }
    perfopt_router_destroy(router);
}

static void specs(void **state)
{
    (void)state;
    assert_int_equal(latest_query.struct_size, sizeof(perfopt_query_spec));
    assert_string_equal(latest_query.name, "latest");
    assert_string_equal(latest_query.sql, "SELECT $1::int");
    assert_int_equal(latest_query.timeout_s, 30);
    assert_int_equal(latest_query.default_timeout_s_, 0);
    assert_null(latest_query.group_);
    assert_int_equal(news_query.default_timeout_s_, PERFOPT_TIMEOUT_NEWS_LIST);
    assert_string_equal(news_query.group_, "news");
    assert_string_equal(user_data_query.group_, "user");
    assert_int_equal(analytics_query.timeout_s, 5);
    assert_int_equal(total_query.default_timeout_s_, 600);
}

/* A site without a database says so; the functions have the signatures that the macros promise. */
static void functions(void **state)
{
    (void)state;
    test_exchange ex;
    perfopt_error err = PERFOPT_ERROR_INIT;
    test_exchange_init(&ex, http, "GET", "/", NULL);
    assert_null(latest(ex.req, 10, &err));
    assert_int_equal(err.status, PERFOPT_EDISABLED);
    assert_null(no_arguments(ex.req, &err));
    assert_null(news(ex.req, 10, "x", &err));
    assert_null(user_data(ex.req, 7, NULL));
    assert_null(analytics(ex.req, 0.5, NULL));
    assert_null(eight(ex.req, 1, 2, 3, 4, 5, 6, 7, 8, &err));
    memset(&err, 0, sizeof(err));
    assert_int_equal(total(ex.req, true, &err).kind, PERFOPT_UNDEFINED);
    assert_int_equal(err.status, PERFOPT_EDISABLED);
    assert_null(perfopt_request_query(ex.req, "SELECT 1", NULL, 0, &err));
    assert_int_equal(err.status, PERFOPT_EDISABLED);
    test_exchange_finish(&ex);
}

static int set_up(void **state)
{
    (void)state;
    return perfopt_http_create(NULL, &http, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    perfopt_http_destroy(http);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handlers),
        cmocka_unit_test(bound_handlers),
        cmocka_unit_test(specs),
        cmocka_unit_test(functions),
    };
    return cmocka_run_group_tests_name("http_macros", tests, set_up, tear_down);
}
