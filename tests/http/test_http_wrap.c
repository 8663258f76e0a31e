/*
 * test_http_wrap.c - wrapping, error pages, recording, budgets, Server-Timing.
 */
#include "http/fixture.h"
#include "http/http_internal.h"
#include "http/monitor_hooks.h"
#include "support/fake_clock.h"

#include <stdio.h>

static perfopt_http *http;

static int set_up(void **state)
{
    (void)state;
    test_clock_install();
    return perfopt_http_create(NULL, &http, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    perfopt_http_destroy(http);
    test_clock_remove();
    return 0;
}

static perfopt_status return_user(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)req;
    perfopt_response_text(res, 200, "half a page <b>");
    return *(perfopt_status *)user;
}

static int frees;

static void count_free(void *user)
{
    (void)user;
    frees++;
}

/* ---- making ------------------------------------------------------------------------------- */

static void refused_wrappers(void **state)
{
    (void)state;
    static const perfopt_wrapper twice[] = {
        {.kind = PERFOPT_WRAP_MONITOR}, {.kind = PERFOPT_WRAP_MONITOR}, {.kind = PERFOPT_WRAP_END}};
    static const perfopt_wrapper both[] = {
        {.kind = PERFOPT_WRAP_CACHE}, {.kind = PERFOPT_WRAP_RENDERING}, {.kind = PERFOPT_WRAP_END}};
    static const perfopt_wrapper unknown[] = {{.kind = (perfopt_wrapper_kind)77},
                                              {.kind = PERFOPT_WRAP_END}};
    static const perfopt_wrapper status[] = {
        {.kind = PERFOPT_WRAP_CACHE, .as.cache = {.statuses = {304}}}, {.kind = PERFOPT_WRAP_END}};
    static const perfopt_wrapper *const table[] = {twice, both, unknown, status};
    perfopt_handler *handler = NULL;
    frees = 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        perfopt_error err = PERFOPT_ERROR_INIT;
        assert_int_equal(
            perfopt_wrap(http, "h", return_user, &frees, count_free, table[i], &handler, &err),
            PERFOPT_EINVAL);
        assert_non_null(strstr(err.message, "h"));
        assert_int_equal(frees, (int)i + 1);
    }
    static const char *const names[] = {
        "",    "a b", "a,b",
        "a:b", "a\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(
            perfopt_wrap(http, names[i], return_user, NULL, NULL, NULL, &handler, NULL),
            PERFOPT_EINVAL);
    assert_null(handler);
    perfopt_handler_destroy(NULL);
}

static void user_is_freed_once(void **state)
{
    (void)state;
    frees = 0;
    perfopt_handler *handler;
    assert_int_equal(perfopt_wrap(http, "h", return_user, &frees, count_free, NULL, &handler, NULL),
                     PERFOPT_OK);
    perfopt_handler_destroy(handler);
    assert_int_equal(frees, 1);
}

/* ---- error pages -------------------------------------------------------------------------- */

static void failures(void **state)
{
    (void)state;
    static const struct {
        perfopt_status status;
        int http;
    } table[] = {
        {PERFOPT_ENOTFOUND, 404},  {PERFOPT_EFORBIDDEN, 403}, {PERFOPT_EUNAVAILABLE, 503},
        {PERFOPT_EEXHAUSTED, 503}, {PERFOPT_ETIMEOUT, 503},   {PERFOPT_EFAILED, 500},
        {PERFOPT_ENOMEM, 500},     {PERFOPT_EINVAL, 500},     {(perfopt_status)12345, 500},
    };
    test_log_catch(PERFOPT_LOG_DEBUG);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        perfopt_status status = table[i].status;
        perfopt_handler *handler;
        assert_int_equal(perfopt_wrap(http, "h", return_user, &status, NULL, NULL, &handler, NULL),
                         PERFOPT_OK);
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", "/<script>", NULL);
        perfopt_handler_call(handler, ex.req, ex.res);
        assert_int_equal(perfopt_response_get_status(ex.res), table[i].http);
        size_t length;
        const char *page = perfopt_response_body(ex.res, &length);
        assert_null(strstr(page, "half a page"));
        assert_null(strstr(page, "script"));
        test_assert_header(ex.res, "Cache-Control", "no-store");
        test_assert_header(ex.res, "Content-Type", "text/html; charset=utf-8");
        /* The page and the log line carry the same id. */
        const char *id = strstr(page, "<code>");
        assert_non_null(id);
        assert_int_equal(test_log_count(), i + 1);
        assert_memory_equal(id + 6, test_log_last(), 16);
        test_exchange_finish(&ex);
        perfopt_handler_destroy(handler);
    }
    test_log_catch(PERFOPT_LOG_SILENT);
}

static perfopt_status render_without_engine(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)user;
    return perfopt_render(req, res, "x.html", NULL, NULL);
}

static void reason_is_logged(void **state)
{
    (void)state;
    perfopt_handler *handler;
    assert_int_equal(
        perfopt_wrap(http, "h", render_without_engine, NULL, NULL, NULL, &handler, NULL),
        PERFOPT_OK);
    test_log_catch(PERFOPT_LOG_ERROR);
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/", NULL);
    perfopt_handler_call(handler, ex.req, ex.res);
    assert_int_equal(perfopt_response_get_status(ex.res), 500);
    assert_non_null(strstr(test_log_last(), "no template engine"));
    size_t length;
    assert_null(strstr(perfopt_response_body(ex.res, &length), "template"));
    test_exchange_finish(&ex);
    perfopt_handler_destroy(handler);
    test_log_catch(PERFOPT_LOG_SILENT);
}

/* ---- recording ---------------------------------------------------------------------------- */

static perfopt_status busy(perfopt_request *req, perfopt_response *res, void *user)
{
    assert_ptr_equal(perfopt_request_current(), req);
    assert_int_equal(perfopt__http_active_requests(http), 1);
    for (int i = 0; i < *(int *)user; i++)
        perfopt_scope_add_query(42, 1000000, 1);
    test_clock_advance_ms(20);
    return perfopt_response_text(res, 200, "12345");
}

static uint64_t counter(const char *template, perfopt__route_counter which)
{
    static perfopt__route_sums sums;
    perfopt__routes *routes = perfopt__http_routes(http);
    uint32_t route = perfopt__routes_find(routes, template, strlen(template));
    assert_int_not_equal(route, 0);
    memset(&sums, 0, sizeof(sums));
    perfopt__routes_read(routes, route, &sums);
    return sums.counters[which];
}

static void call_once(perfopt_handler *handler, const char *method, const char *target)
{
    test_exchange ex;
    test_exchange_init(&ex, http, method, target, NULL);
    perfopt_handler_call(handler, ex.req, ex.res);
    test_exchange_finish(&ex);
    assert_null(perfopt_request_current());
    assert_null(perfopt_scope_current());
    assert_int_equal(perfopt__http_active_requests(http), 0);
}

static void recording(void **state)
{
    (void)state;
    int queries = 3;
    perfopt_handler *handler;
    static const perfopt_wrapper wrappers[] = {
        {.kind = PERFOPT_WRAP_TRACK_QUERIES, .as.track = {.max = 3}},
        {.kind = PERFOPT_WRAP_MONITOR, .as.monitor = {.slow_ms = 10}},
        {.kind = PERFOPT_WRAP_END}};
    assert_int_equal(perfopt_wrap(http, "busy", busy, &queries, NULL, wrappers, &handler, NULL),
                     PERFOPT_OK);
    call_once(handler, "GET", "/x");
    call_once(handler, "HEAD", "/y");
    assert_int_equal(counter("busy", PERFOPT__ROUTE_2XX), 2);
    assert_int_equal(counter("busy", PERFOPT__ROUTE_SLOW), 2);
    assert_int_equal(counter("busy", PERFOPT__ROUTE_QUERIES), 6);
    assert_int_equal(counter("busy", PERFOPT__ROUTE_BYTES), 5); /* HEAD sends none */
    assert_int_equal(counter("busy", PERFOPT__ROUTE_OVER_BUDGET), 0);
    perfopt_handler_destroy(handler);
}

static void budget(void **state)
{
    (void)state;
    int queries = 9;
    perfopt_handler *handler;
    static const perfopt_wrapper wrappers[] = {{.kind = PERFOPT_WRAP_TRACK_QUERIES},
                                               {.kind = PERFOPT_WRAP_END}};
    assert_int_equal(perfopt_wrap(http, "busy", busy, &queries, NULL, wrappers, &handler, NULL),
                     PERFOPT_OK);
    test_log_catch(PERFOPT_LOG_WARN);
    call_once(handler, "GET", "/x");
    assert_int_equal(test_log_count(), 1);
    assert_non_null(strstr(test_log_last(), "9 statements"));
    assert_non_null(strstr(test_log_last(), "budget is 8"));
    call_once(handler, "GET", "/x");
    assert_int_equal(test_log_count(), 1);
    test_clock_advance_ms(60 * 1000);
    call_once(handler, "GET", "/x");
    assert_int_equal(test_log_count(), 2);
    assert_int_equal(counter("busy", PERFOPT__ROUTE_OVER_BUDGET), 3);
    perfopt_handler_destroy(handler);
    test_log_catch(PERFOPT_LOG_SILENT);
}

static void excluded_paths(void **state)
{
    (void)state;
    int queries = 0;
    perfopt_handler *handler;
    assert_int_equal(perfopt_wrap(http, "busy", busy, &queries, NULL, NULL, &handler, NULL),
                     PERFOPT_OK);
    assert_int_equal(perfopt__http_exclude(http, "/admin/performance/"), PERFOPT_OK);
    assert_int_equal(perfopt__http_exclude(http, "x"), PERFOPT_EINVAL);
    call_once(handler, "GET", "/admin/performance");
    call_once(handler, "GET", "/admin/performance/api?x=1");
    assert_int_equal(counter("busy", PERFOPT__ROUTE_2XX), 0);
    call_once(handler, "GET", "/admin/performances");
    call_once(handler, "GET", "/admin");
    assert_int_equal(counter("busy", PERFOPT__ROUTE_2XX), 2);
    perfopt_handler_destroy(handler);
}

static void unmonitored(void **state)
{
    (void)state;
    perfopt_http *quiet;
    assert_int_equal(
        perfopt_http_create(PERFOPT_HTTP_OPTIONS(.monitor = PERFOPT_OFF), &quiet, NULL),
        PERFOPT_OK);
    assert_null(perfopt__http_routes(quiet));
    perfopt_router *router;
    assert_int_equal(perfopt_router_create(quiet, &router, NULL), PERFOPT_OK);
    test_exchange ex;
    test_exchange_init(&ex, quiet, "GET", "/", NULL);
    perfopt_router_dispatch(router, ex.req, ex.res);
    assert_int_equal(perfopt_response_get_status(ex.res), 404);
    test_exchange_finish(&ex);
    perfopt_router_destroy(router);
    perfopt_http_destroy(quiet);
    assert_int_equal(perfopt_http_create(PERFOPT_HTTP_OPTIONS(.gzip_level = 10), &quiet, NULL),
                     PERFOPT_EINVAL);
}

/* Methods come from clients: made-up ones must not fill the table of routes. */
static void unknown_methods(void **state)
{
    (void)state;
    int queries = 0;
    perfopt_handler *handler;
    assert_int_equal(perfopt_wrap(http, "busy", busy, &queries, NULL, NULL, &handler, NULL),
                     PERFOPT_OK);
    uint32_t before = perfopt__routes_count(perfopt__http_routes(http));
    for (int i = 0; i < 100; i++) {
        char method[16];
        snprintf(method, sizeof(method), "M%d", i);
        call_once(handler, method, "/");
    }
    assert_int_equal(perfopt__routes_count(perfopt__http_routes(http)), before + 1);
    perfopt_handler_destroy(handler);
}

static void server_timing(void **state)
{
    (void)state;
    perfopt_http_destroy(http);
    perfopt_cache *cache;
    assert_int_equal(perfopt_cache_create(NULL, &cache, NULL), PERFOPT_OK);
    assert_int_equal(
        perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = cache, .server_timing = PERFOPT_ON),
                            &http, NULL),
        PERFOPT_OK);
    int queries = 2;
    perfopt_handler *handler;
    static const perfopt_wrapper wrappers[] = {{.kind = PERFOPT_WRAP_CACHE},
                                               {.kind = PERFOPT_WRAP_END}};
    assert_int_equal(perfopt_wrap(http, "busy", busy, &queries, NULL, wrappers, &handler, NULL),
                     PERFOPT_OK);
    for (int i = 0; i < 2; i++) {
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", "/x", NULL);
        perfopt_handler_call(handler, ex.req, ex.res);
        const char *timing = perfopt_response_get_header(ex.res, "Server-Timing");
        assert_non_null(timing);
        assert_non_null(strstr(timing, i ? "page-hit" : "page-miss"));
        assert_non_null(strstr(timing, i ? "total;dur=0.00" : "total;dur=20.00"));
        assert_non_null(strstr(timing, i ? "0 queries" : "db;dur=2.00;desc=\"2 queries"));
        assert_null(perfopt_response_ready(ex.res));
        test_exchange_finish(&ex);
    }
    assert_int_equal(counter("busy", PERFOPT__ROUTE_PAGE_CACHE), 1);
    perfopt_handler_destroy(handler);
    perfopt_http_destroy(http);
    perfopt_cache_destroy(cache);
    http = NULL;
}

/* ---- handlers inside handlers ------------------------------------------------------------- */

static perfopt_handler *self;

static perfopt_status call_self(perfopt_request *req, perfopt_response *res, void *user)
{
    ++*(int *)user;
    perfopt_handler_call(self, req, res);
    return PERFOPT_OK;
}

static void endless_nesting(void **state)
{
    (void)state;
    int calls = 0;
    test_log_catch(PERFOPT_LOG_ERROR);
    assert_int_equal(perfopt_wrap(http, "self", call_self, &calls, NULL, NULL, &self, NULL),
                     PERFOPT_OK);
    call_once(self, "GET", "/");
    assert_int_equal(calls, PERFOPT__MAX_CALL_DEPTH);
    assert_int_equal(counter("self", PERFOPT__ROUTE_5XX), 1);
    perfopt_handler_destroy(self);
    test_log_catch(PERFOPT_LOG_SILENT);
}

static perfopt_status outer_fn(perfopt_request *req, perfopt_response *res, void *user)
{
    perfopt_handler_call(user, req, res);
    size_t length;
    const char *inner = perfopt_response_body(res, &length);
    char text[64];
    snprintf(text, sizeof(text), "[%s]", inner);
    return perfopt_response_set_body(res, text, strlen(text));
}

/* A stored page inside another handler is material for its answer. */
static void stored_page_inside(void **state)
{
    (void)state;
    perfopt_http_destroy(http);
    perfopt_cache *cache;
    assert_int_equal(perfopt_cache_create(NULL, &cache, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = cache), &http, NULL),
                     PERFOPT_OK);
    int queries = 0;
    perfopt_handler *inner;
    perfopt_handler *outer;
    static const perfopt_wrapper wrappers[] = {{.kind = PERFOPT_WRAP_CACHE},
                                               {.kind = PERFOPT_WRAP_END}};
    assert_int_equal(perfopt_wrap(http, "inner", busy, &queries, NULL, wrappers, &inner, NULL),
                     PERFOPT_OK);
    assert_int_equal(perfopt_wrap(http, "outer", outer_fn, inner, NULL, wrappers, &outer, NULL),
                     PERFOPT_OK);
    for (int i = 0; i < 2; i++) {
        perfopt_handler_invalidate(outer, NULL);
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", "/", NULL);
        perfopt_handler_call(outer, ex.req, ex.res);
        test_assert_body(ex.res, "[12345]");
        test_exchange_finish(&ex);
    }
    perfopt_handler_destroy(inner);
    perfopt_handler_destroy(outer);
    perfopt_http_destroy(http);
    perfopt_cache_destroy(cache);
    http = NULL;
}

#define BOTH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(refused_wrappers), BOTH(user_is_freed_once), BOTH(failures),
        BOTH(reason_is_logged), BOTH(recording),          BOTH(budget),
        BOTH(excluded_paths),   BOTH(unmonitored),        BOTH(unknown_methods),
        BOTH(server_timing),    BOTH(endless_nesting),    BOTH(stored_page_inside),
    };
    return cmocka_run_group_tests_name("http_wrap", tests, NULL, NULL);
}
