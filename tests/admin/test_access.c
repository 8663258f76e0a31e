/*
 * test_access.c - who gets in, what every answer carries, and what is closed.
 */
#include "admin/site.h"
#include "support/fake_clock.h"

#include <perfopt/base.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const paths[] = {
    "/admin/performance",
    "/admin/performance/",
    "/admin/performance/asset-optimization",
    "/admin/performance/ssr-optimization",
    "/admin/performance/api/v1/overview",
    "/admin/performance/api/v1/assets",
    "/admin/performance/api/v1/ssr",
    "/admin/performance/api/v1/jobs/0123456789abcdef",
    "/admin/performance/api/v1/actions/cache.clear",
    "/admin/performance/static/dashboard.css",
    "/admin/performance/nothing",
    "/metrics",
};
static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const site_setup full = {.password = SITE_PASSWORD, .viewer_password = SITE_VIEWING};

/* ---- closed -------------------------------------------------------------------------------- */

static void test_closed_is_404_everywhere(void **state)
{
    (void)state;
    site s;
    site_start(&s, &(site_setup){.metrics = true});
    for (size_t p = 0; p < COUNT(paths); p++) {
        for (size_t m = 0; m < COUNT(methods); m++) {
            const site_ask here = {
                .method = methods[m], .target = paths[p], .authorization = SITE_ADMIN};
            const site_ask nowhere = {.method = methods[m], .target = "/no/such/path"};
            reply a = site_send(&s, &here), b = site_send(&s, &nowhere);
            /* Whatever an unknown path answers to this method, so does a closed dashboard. */
            assert_int_equal(a.status, b.status);
            assert_true(a.status == 404 || strcmp(methods[m], "OPTIONS") == 0);
            assert_int_equal(a.length, b.length);
            assert_null(reply_header(&a, "WWW-Authenticate"));
            reply_finish(&a);
            reply_finish(&b);
        }
    }
    site_stop(&s);
}

static void test_listen_needs_port_and_password(void **state)
{
    (void)state;
    perfopt_error err = PERFOPT_ERROR_INIT;
    site s;
    site_start(&s, &(site_setup){.port = 18999});
    assert_int_equal(perfopt_admin_listen(s.admin, &err), PERFOPT_EDISABLED);
    site_stop(&s);
    site_start(&s, &full);
    assert_int_equal(perfopt_admin_listen(s.admin, &err), PERFOPT_EDISABLED);
    assert_int_equal(perfopt_admin_port(s.admin), 0);
    site_stop(&s);
}

/* ---- sign-in ------------------------------------------------------------------------------- */

static void test_without_password_401(void **state)
{
    (void)state;
    site s;
    site_start(&s, &full);
    for (size_t p = 0; p < COUNT(paths); p++) {
        if (strstr(paths[p], "/static/") || strcmp(paths[p], "/metrics") == 0)
            continue;
        for (size_t m = 0; m < COUNT(methods); m++) {
            reply r = site_send(&s, &(site_ask){.method = methods[m], .target = paths[p]});
            assert_int_equal(r.status, 401);
            assert_string_equal(reply_header(&r, "WWW-Authenticate"),
                                "Basic realm=\"libperfopt\", charset=\"UTF-8\"");
            reply_finish(&r);
        }
    }
    site_stop(&s);
}

static void test_wrong_password_and_unknown_user_look_the_same(void **state)
{
    (void)state;
    site s;
    site_start(&s, &full);
    reply none = site_get(&s, "/admin/performance", NULL);
    reply wrong = site_get(&s, "/admin/performance", "Basic YWRtaW46d3Jvbmc=");   /* admin:wrong */
    reply unknown = site_get(&s, "/admin/performance", "Basic bm9ib2R5Ondyb25n"); /* nobody:wrong */
    assert_int_equal(wrong.status, 401);
    assert_int_equal(unknown.status, 401);
    assert_string_equal(wrong.body, unknown.body);
    assert_string_equal(wrong.body, none.body);
    assert_null(strstr(wrong.body, "admin:"));
    reply_finish(&none);
    reply_finish(&wrong);
    reply_finish(&unknown);
    site_stop(&s);
}

static int get_status(site *s, const char *remote, const char *authorization)
{
    reply r = site_send(s, &(site_ask){.method = "GET",
                                       .target = "/admin/performance/api/v1/ssr",
                                       .remote = remote,
                                       .authorization = authorization});
    int status = r.status;
    if (status == 429)
        assert_true(atoi(reply_header(&r, "Retry-After")) > 0);
    reply_finish(&r);
    return status;
}

static void test_guessing_is_throttled_per_client(void **state)
{
    (void)state;
    test_clock_install();
    site s;
    site_start(&s, &full);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get_status(&s, "10.0.0.9", "Basic YWRtaW46d3Jvbmc="), 401);
        test_clock_advance_ms(1100);
    }
    assert_int_equal(get_status(&s, "10.0.0.9", "Basic YWRtaW46d3Jvbmc="), 429);
    assert_int_equal(get_status(&s, "10.0.0.9", SITE_ADMIN), 429);
    assert_int_equal(get_status(&s, "10.0.0.8", SITE_ADMIN), 200);
    test_clock_advance_ms(60000);
    assert_int_equal(get_status(&s, "10.0.0.9", SITE_ADMIN), 200);
    site_stop(&s);
    test_clock_remove();
}

static perfopt_admin_role role_by_header(perfopt_request *req, void *user)
{
    (void)user;
    const char *role = perfopt_request_header(req, "X-Role");
    return !role                           ? PERFOPT_ADMIN_NONE
           : strcmp(role, "operator") == 0 ? PERFOPT_ADMIN_OPERATOR
                                           : PERFOPT_ADMIN_VIEWER;
}

static void test_login_of_the_host(void **state)
{
    (void)state;
    site s;
    site_start(&s, &(site_setup){.auth = role_by_header, .password = SITE_PASSWORD});
    const struct {
        const char *role;
        int status;
        bool has_token;
    } cases[] = {{NULL, 403, false}, {"viewer", 200, false}, {"operator", 200, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const site_header headers[] = {{cases[i].role ? "X-Role" : NULL, cases[i].role},
                                       {NULL, NULL}};
        /* The password does not count beside the host's own login. */
        reply r = site_send(&s, &(site_ask){.method = "GET",
                                            .target = "/admin/performance",
                                            .authorization = SITE_ADMIN,
                                            .headers = headers});
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(strstr(r.body, "data-csrf=") != NULL, cases[i].has_token);
        reply_finish(&r);
    }
    site_stop(&s);
}

/* ---- every answer -------------------------------------------------------------------------- */

static void check_headers(const reply *r)
{
    static const char *const wanted[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
         "'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
    };
    for (size_t i = 0; i < COUNT(wanted); i++) {
        assert_non_null(reply_header(r, wanted[i][0]));
        assert_string_equal(reply_header(r, wanted[i][0]), wanted[i][1]);
    }
}

static void test_headers_on_every_answer(void **state)
{
    (void)state;
    site s;
    site_start(&s, &full);
    const struct {
        const char *method, *target, *authorization;
        int status;
        const char *type;
    } cases[] = {
        {"GET", "/admin/performance", SITE_ADMIN, 200, "text/html"},
        {"HEAD", "/admin/performance", SITE_ADMIN, 200, "text/html"},
        {"GET", "/admin/performance/", SITE_ADMIN, 200, "text/html"},
        {"GET", "/admin/performance/asset-optimization", SITE_VIEWER, 200, "text/html"},
        {"GET", "/admin/performance/ssr-optimization", SITE_ADMIN, 200, "text/html"},
        {"GET", "/admin/performance?window=7y", SITE_ADMIN, 400, "text/html"},
        {"GET", "/admin/performance/nothing", SITE_ADMIN, 404, "text/html"},
        {"POST", "/admin/performance", SITE_ADMIN, 405, "text/html"},
        {"GET", "/admin/performance", NULL, 401, "text/html"},
        {"GET", "/admin/performance/static/nothing.js", NULL, 404, "text/html"},
        {"GET", "/admin/performance/api/v1/overview", SITE_ADMIN, 200, "application/json"},
        {"GET", "/admin/performance/api/v1/overview?window=x", SITE_ADMIN, 400, "application/json"},
        {"GET", "/admin/performance/api/v1/nothing", SITE_ADMIN, 404, "application/json"},
        {"DELETE", "/admin/performance/api/v1/overview", SITE_ADMIN, 405, "application/json"},
        {"GET", "/admin/performance/api/v1/jobs/zz", SITE_ADMIN, 404, "application/json"},
        {"GET", "/admin/performance/api/v1/actions/cache.clear", SITE_ADMIN, 405,
         "application/json"},
        {"POST", "/admin/performance/api/v1/actions/nothing", SITE_ADMIN, 404, "application/json"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        reply r = site_send(&s, &(site_ask){.method = cases[i].method,
                                            .target = cases[i].target,
                                            .authorization = cases[i].authorization});
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(
            strncmp(reply_header(&r, "Content-Type"), cases[i].type, strlen(cases[i].type)), 0);
        check_headers(&r);
        reply_finish(&r);
    }
    site_stop(&s);
}

/* Every static file that a page names is there, without a login, and may be kept for ever. */
static void test_static_files(void **state)
{
    (void)state;
    site s;
    site_start(&s, &full);
    reply page = site_get(&s, "/admin/performance", SITE_ADMIN);
    unsigned found = 0;
    for (const char *at = page.body; (at = strstr(at, "\"/admin/performance/static/")); found++) {
        char target[200];
        snprintf(target, sizeof(target), "%.*s", (int)strcspn(at + 1, "\""), at + 1);
        at += strlen(target);
        reply r = site_get(&s, target, NULL);
        assert_int_equal(r.status, 200);
        assert_string_equal(reply_header(&r, "Cache-Control"),
                            "public, max-age=31536000, immutable");
        assert_string_equal(reply_header(&r, "X-Content-Type-Options"), "nosniff");
        const char *type = reply_header(&r, "Content-Type");
        assert_true(strncmp(type,
                            strstr(target, ".css")  ? "text/css"
                            : strstr(target, ".js") ? "text/javascript"
                                                    : "image/svg+xml",
                            8) == 0);
        assert_true(r.length > 100);
        reply_finish(&r);
        reply post = site_send(&s, &(site_ask){.method = "POST", .target = target});
        assert_int_equal(post.status, 405);
        reply_finish(&post);
    }
    assert_true(found >= 3);
    reply_finish(&page);
    site_stop(&s);
}

static void test_own_requests_are_not_counted(void **state)
{
    (void)state;
    site s;
    site_start(&s, &(site_setup){.password = SITE_PASSWORD, .metrics = true});
    for (int i = 0; i < 3; i++) {
        reply r = site_get(&s, "/admin/performance", SITE_ADMIN);
        reply_finish(&r);
        r = site_get(&s, "/metrics", SITE_ADMIN);
        assert_int_equal(r.status, 200);
        reply_finish(&r);
        r = site_get(&s, "/hello", NULL);
        reply_finish(&r);
    }
    perfopt_summary summary;
    perfopt_monitor_sample(s.monitor);
    perfopt_monitor_get_summary(s.monitor, 300, &summary);
    assert_int_equal(summary.requests, 3);
    site_stop(&s);
}

/* ---- /metrics ------------------------------------------------------------------------------ */

static int metrics_status(const site_setup *setup, const char *authorization)
{
    site s;
    site_start(&s, setup);
    reply r = site_get(&s, "/metrics", authorization);
    int status = r.status;
    if (status == 200) {
        assert_string_equal(reply_header(&r, "Content-Type"),
                            "text/plain; version=0.0.4; charset=utf-8");
        assert_non_null(strstr(r.body, "# TYPE "));
    }
    reply_finish(&r);
    site_stop(&s);
    return status;
}

static void test_metrics_access(void **state)
{
    (void)state;
    const site_setup off = {.password = SITE_PASSWORD, .metrics_token = SITE_TOKEN};
    const site_setup login = {
        .password = SITE_PASSWORD, .viewer_password = SITE_VIEWING, .metrics = true};
    const site_setup token = {
        .password = SITE_PASSWORD, .metrics = true, .metrics_token = SITE_TOKEN};
    const site_setup token_only = {.metrics = true, .metrics_token = SITE_TOKEN};
    const site_setup nothing = {.metrics = true};
    assert_int_equal(metrics_status(&off, "Bearer " SITE_TOKEN), 404);
    assert_int_equal(metrics_status(&nothing, "Bearer " SITE_TOKEN), 404);
    assert_int_equal(metrics_status(&login, NULL), 401);
    assert_int_equal(metrics_status(&login, SITE_VIEWER), 200);
    assert_int_equal(metrics_status(&login, "Bearer " SITE_TOKEN), 401);
    assert_int_equal(metrics_status(&token, "Bearer " SITE_TOKEN), 200);
    assert_int_equal(metrics_status(&token, "Bearer wrong"), 401);
    assert_int_equal(metrics_status(&token, SITE_ADMIN), 401);
    assert_int_equal(metrics_status(&token_only, "Bearer " SITE_TOKEN), 200);
    assert_int_equal(metrics_status(&token_only, NULL), 401);
}

/* ---- the log ------------------------------------------------------------------------------- */

static char logged[8192];

static void take_log(perfopt_log_level level, const char *module, const char *message, void *user)
{
    (void)user;
    size_t used = strlen(logged);
    if (strcmp(module, "admin") == 0)
        snprintf(logged + used, sizeof(logged) - used, "%d %s\n", (int)level, message);
}

static void test_sign_ins_are_logged_without_passwords(void **state)
{
    (void)state;
    logged[0] = '\0';
    perfopt_log_set(PERFOPT_LOG_INFO, take_log, NULL);
    site s;
    site_start(&s, &full);
    get_status(&s, "10.0.0.5", "Basic YWRtaW46czNjcjN0LWd1ZXNz"); /* admin:s3cr3t-guess */
    get_status(&s, "10.0.0.6", "Basic YQpiOng=");                 /* a\nb:x */
    get_status(&s, "10.0.0.7", SITE_ADMIN);
    get_status(&s, "10.0.0.7", SITE_ADMIN);
    site_stop(&s);
    perfopt_log_set(PERFOPT_LOG_INFO, NULL, NULL);
    assert_non_null(strstr(logged, "2 sign-in refused: user \"admin\" from 10.0.0.5\n"));
    assert_non_null(strstr(logged, "2 sign-in refused: user \"a?b\" from 10.0.0.6\n"));
    char *in = strstr(logged, "1 signed in: user \"admin\" from 10.0.0.7\n");
    assert_non_null(in);
    assert_null(strstr(in + 10, "signed in"));
    assert_null(strstr(logged, "s3cr3t"));
    assert_null(strstr(logged, SITE_PASSWORD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_is_404_everywhere),
        cmocka_unit_test(test_listen_needs_port_and_password),
        cmocka_unit_test(test_without_password_401),
        cmocka_unit_test(test_wrong_password_and_unknown_user_look_the_same),
        cmocka_unit_test(test_guessing_is_throttled_per_client),
        cmocka_unit_test(test_login_of_the_host),
        cmocka_unit_test(test_headers_on_every_answer),
        cmocka_unit_test(test_static_files),
        cmocka_unit_test(test_own_requests_are_not_counted),
        cmocka_unit_test(test_metrics_access),
        cmocka_unit_test(test_sign_ins_are_logged_without_passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
