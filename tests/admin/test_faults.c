/*
 * test_faults.c - every allocation of the dashboards fails once: no crash, no leak, an answer.
 */
#include "admin/site.h"
#include "support/failing_alloc.h"
#include "support/fake_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

/* A request that may fail to be made at all; the status, or 0 if there was no request. */
static int ask(site *s, const char *method, const char *target, const site_header *headers,
               const char *body);

typedef struct transport {
    const site_header *headers;
} transport;

static const char *header_of(void *user, const char *name)
{
    for (const site_header *h = ((transport *)user)->headers; h && h->name; h++) {
        if (strcasecmp(h->name, name) == 0)
            return h->value;
    }
    return NULL;
}

static int ask(site *s, const char *method, const char *target, const site_header *headers,
               const char *body)
{
    transport t = {headers};
    const perfopt_request_source source = {.struct_size = sizeof(source),
                                           .method = method,
                                           .target = target,
                                           .remote = "10.0.0.1",
                                           .header = header_of,
                                           .transport = &t};
    perfopt_request *req;
    if (perfopt_request_create(s->http, &source, &req) != PERFOPT_OK)
        return 0;
    int status = 0;
    if (perfopt_request_append_body(req, body, strlen(body)) == PERFOPT_OK) {
        perfopt_router_dispatch(s->router, req, perfopt_request_response(req));
        status = perfopt_response_get_status(perfopt_request_response(req));
    }
    perfopt_request_destroy(req);
    return status;
}

/* Fails each allocation of one request in turn until one run goes through untouched. */
static void walk(site *s, const char *method, const char *target, const site_header *headers,
                 const char *body, int wanted)
{
    assert_int_equal(ask(s, method, target, headers, body), wanted);
    unsigned n = 1;
    for (; n < 100000; n++) {
        test_clock_advance_ms(2000); /* the snapshot of before is too old */
        test_alloc_fail(n);
        int status = ask(s, method, target, headers, body);
        bool failed = test_alloc_stop();
        assert_true(status == wanted || (failed && (status == 0 || status >= 500)));
        if (!failed)
            break;
    }
    assert_true(n > 2);
    assert_int_equal(ask(s, method, target, headers, body), wanted);
}

static void test_requests(void **state)
{
    (void)state;
    site s;
    char token[128];
    site_start(&s, &(site_setup){.password = SITE_PASSWORD, .metrics = true});
    site_token(&s, SITE_ADMIN, token);
    const site_header login[] = {{"Authorization", SITE_ADMIN}, {NULL, NULL}};
    const site_header act[] = {{"Authorization", SITE_ADMIN},
                               {"Content-Type", "application/json"},
                               {"Sec-Fetch-Site", "same-origin"},
                               {"X-Perfopt-CSRF", token},
                               {NULL, NULL}};
    walk(&s, "GET", "/admin/performance/api/v1/overview", login, "", 200);
    walk(&s, "GET", "/admin/performance/api/v1/ssr", login, "", 200);
    walk(&s, "GET", "/admin/performance/api/v1/assets", login, "", 200);
    walk(&s, "GET", "/admin/performance/static/none.css", NULL, "", 404);
    walk(&s, "GET", "/admin/performance", NULL, "", 401);
    walk(&s, "GET", "/metrics", login, "", 200);
    walk(&s, "POST", "/admin/performance/api/v1/actions/stats.reset", act, "{\"by\":\"cache\"}",
         200);
    site_stop(&s);
}

static void test_page(void **state)
{
    (void)state;
    site s;
    site_start(&s, &(site_setup){.password = SITE_PASSWORD, .bare = true});
    const site_header login[] = {{"Authorization", SITE_ADMIN}, {NULL, NULL}};
    walk(&s, "GET", "/admin/performance/ssr-optimization?window=1h", login, "", 200);
    site_stop(&s);
}

static void test_create(void **state)
{
    (void)state;
    site s;
    site_start(&s, &(site_setup){.bare = true});
    const perfopt_admin_sources sources = {.monitor = s.monitor, .http = s.http};
    for (unsigned n = 1;; n++) {
        size_t live = test_alloc_live();
        perfopt_admin *admin = NULL;
        perfopt_error err = PERFOPT_ERROR_INIT;
        test_alloc_fail(n);
        perfopt_status status = perfopt_admin_create(
            PERFOPT_ADMIN_OPTIONS(.password = SITE_PASSWORD), &sources, &admin, &err);
        bool failed = test_alloc_stop();
        assert_int_equal(status, failed ? PERFOPT_ENOMEM : PERFOPT_OK);
        assert_int_equal(admin != NULL, !failed);
        perfopt_admin_destroy(admin);
        assert_int_equal(test_alloc_live(), live);
        if (!failed)
            break;
    }
    site_stop(&s);
}

static void test_wrong_settings(void **state)
{
    (void)state;
    site s;
    site_start(&s, &(site_setup){.bare = true});
    const perfopt_admin_sources sources = {.monitor = s.monitor, .http = s.http};
    const struct {
        perfopt_admin_options options;
        const char *setting;
    } cases[] = {
        {{.struct_size = sizeof(perfopt_admin_options), .password = "short"},
         "PERFOPT_ADMIN_PASSWORD"},
        {{.struct_size = sizeof(perfopt_admin_options), .bind = "localhost;rm"},
         "PERFOPT_ADMIN_BIND"},
        {{.struct_size = sizeof(perfopt_admin_options), .bind = "1.2.3"}, "PERFOPT_ADMIN_BIND"},
        {{.struct_size = sizeof(perfopt_admin_options), .port = 70000}, "PERFOPT_ADMIN_PORT"},
    };
    perfopt_admin *admin = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        perfopt_error err = PERFOPT_ERROR_INIT;
        assert_int_equal(perfopt_admin_create(&cases[i].options, &sources, &admin, &err),
                         PERFOPT_ECONFIG);
        assert_non_null(strstr(err.message, cases[i].setting));
        assert_null(admin);
    }
    const perfopt_admin_sources nothing = {0};
    assert_int_equal(perfopt_admin_create(NULL, &nothing, &admin, NULL), PERFOPT_EINVAL);
    assert_int_equal(perfopt_admin_create(NULL, NULL, &admin, NULL), PERFOPT_EINVAL);
    site_stop(&s);
}

int main(void)
{
    test_alloc_install();
    test_clock_install();
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_settings),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
