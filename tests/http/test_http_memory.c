/*
 * test_http_memory.c - whichever allocation fails while a site is made and a request is answered,
 * nothing leaks, nothing crashes, and the answer is an answer.
 */
#include "http/fixture.h"
#include "http/http_internal.h"
#include "support/failing_alloc.h"

#include <perfopt/wrap.h>

PERFOPT_HANDLER(page, PERFOPT_TRACK_DATABASE_QUERIES(.max = 1),
                PERFOPT_CACHE_WITH_ARGS(.tags = "a b", .vary = "X-A", .cookies = "c"))
{
    char text[3000];
    memset(text, 'a', sizeof(text));
    perfopt_status status = perfopt_response_set_header(res, "Content-Type", "text/html");
    if (status == PERFOPT_OK)
        status = perfopt_response_add_tags(res, "more");
    if (status == PERFOPT_OK)
        status = perfopt_response_set_body(res, text, sizeof(text));
    return status;
}

PERFOPT_HANDLER(form, PERFOPT_PLAIN())
{
    const char *name = perfopt_request_form(req, "name");
    return perfopt_response_text(res, 200, name ? name : "");
}

typedef struct sweep {
    perfopt_cache *cache;
    perfopt_http *http;
    perfopt_router *router;
} sweep;

static int count_ready;

static void free_ready(void *user)
{
    (void)user;
    count_ready--;
}

/* As an adapter does it. */
static int answer(sweep *s, const char *method, const char *target, const char *headers,
                  const char *body)
{
    test_exchange ex;
    test_exchange_init(&ex, s->http, method, target, headers);
    int status = 0;
    if (ex.req &&
        (!body || perfopt_request_append_body(ex.req, body, strlen(body)) == PERFOPT_OK)) {
        perfopt_router_dispatch(s->router, ex.req, ex.res);
        size_t length;
        assert_non_null(perfopt_response_body(ex.res, &length));
        status = perfopt_response_get_status(ex.res);
        if (!perfopt_response_ready(ex.res)) {
            count_ready++;
            perfopt_response_keep_ready(ex.res, &count_ready, free_ready);
        }
    }
    test_exchange_finish(&ex);
    return status;
}

static bool create(sweep *s)
{
    return perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = s->cache), &s->http, NULL) ==
               PERFOPT_OK &&
           perfopt_router_create(s->http, &s->router, NULL) == PERFOPT_OK &&
           perfopt_router_add(s->router, "GET", "/page/{id}", &page, NULL, NULL) == PERFOPT_OK &&
           perfopt_router_add(s->router, "GET", "/page/{id}/x/{y...}", &page, NULL, NULL) ==
               PERFOPT_OK &&
           perfopt_router_add(s->router, "POST", "/form", &form, NULL, NULL) == PERFOPT_OK;
}

static void destroy(sweep *s)
{
    perfopt_router_destroy(s->router);
    perfopt_http_destroy(s->http);
    s->router = NULL;
    s->http = NULL;
}

static void creation(void **state)
{
    (void)state;
    sweep s = {0};
    for (unsigned n = 1;; n++) {
        size_t before = test_alloc_live();
        test_alloc_fail(n);
        bool created = create(&s);
        bool failed = test_alloc_stop();
        assert_true(created || failed);
        destroy(&s);
        assert_int_equal(test_alloc_live(), before);
        if (!failed)
            break;
    }
}

static const struct {
    const char *method;
    const char *target;
    const char *headers;
    const char *body;
    int status;
} requests[] = {
    {"GET", "/page/1?b=2&a=1", "X-A: 1\nCookie: c=1; d=2\nAccept-Encoding: gzip", NULL, 200},
    {"HEAD", "/page/2", NULL, NULL, 200},
    {"GET", "/page/1/x/y/z", "Authorization: x\nAccept-Encoding: gzip", NULL, 200},
    {"GET", "/page/1", "Authorization: x\nIf-None-Match: *", NULL, 304},
    {"POST", "/form", "Content-Type: application/x-www-form-urlencoded", "name=a", 200},
    {"GET", "/none", NULL, NULL, 404},
    {"PUT", "/page/1", NULL, NULL, 405},
};

/* The n-th allocation fails, or (persistent) it and all after it: the machine is out of memory. */
static void sweep_request(size_t i, bool persistent)
{
    sweep s = {0};
    for (unsigned n = 1;; n++) {
        assert_int_equal(perfopt_cache_create(NULL, &s.cache, NULL), PERFOPT_OK);
        assert_true(create(&s));
        count_ready = 0;
        if (persistent)
            test_alloc_fail_from(n);
        else
            test_alloc_fail(n);
        int status = answer(&s, requests[i].method, requests[i].target, requests[i].headers,
                            requests[i].body);
        bool failed = test_alloc_stop();
        if (!failed)
            assert_int_equal(status, requests[i].status);
        else
            assert_true(status == 0 || status == requests[i].status || status == 200 ||
                        status == 500);
        /* Afterwards everything works. */
        assert_int_equal(answer(&s, requests[i].method, requests[i].target, requests[i].headers,
                                requests[i].body),
                         requests[i].status);
        destroy(&s);
        perfopt_cache_destroy(s.cache);
        assert_int_equal(count_ready, 0);
        if (!failed)
            break;
    }
}

static void answering(void **state)
{
    (void)state;
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    /* What the library keeps per thread and process is allocated by the first request. */
    sweep warm = {0};
    assert_int_equal(perfopt_cache_create(NULL, &warm.cache, NULL), PERFOPT_OK);
    assert_true(create(&warm));
    answer(&warm, "GET", "/page/1", NULL, NULL);
    destroy(&warm);
    perfopt_cache_destroy(warm.cache);
    size_t before = test_alloc_live();
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        sweep_request(i, false);
        sweep_request(i, true);
    }
    assert_int_equal(test_alloc_live(), before);
}

int main(void)
{
    test_alloc_install();
    const struct CMUnitTest tests[] = {cmocka_unit_test(creation), cmocka_unit_test(answering)};
    return cmocka_run_group_tests_name("http_memory", tests, NULL, NULL);
}
