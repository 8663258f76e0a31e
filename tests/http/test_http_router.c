/*
 * test_http_router.c - which handler answers, and what is answered when none does.
 */
#include "http/fixture.h"
#include "http/http_internal.h"

#include <stdio.h>

static perfopt_http *http;
static perfopt_router *router;

/* Answers with the template and the parameters it was given. */
static perfopt_status tell(perfopt_request *req, perfopt_response *res, void *user)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_printf(&sb, "%s", perfopt_request_route(req));
    for (uint32_t i = 0; i < req->params.count; i++)
        perfopt__strbuf_printf(&sb, " %s=%s", req->params.items[i].name,
                               req->params.items[i].value);
    perfopt_status status = perfopt_response_set_body(res, sb.data, sb.length);
    perfopt__strbuf_finish(&sb);
    (void)user;
    return status;
}

static const perfopt_handler_def def = {"tell", tell, NULL};

static perfopt_status add(const char *method, const char *path)
{
    return perfopt_router_add(router, method, path, &def, NULL, NULL);
}

static int set_up(void **state)
{
    (void)state;
    if (perfopt_http_create(NULL, &http, NULL) != PERFOPT_OK)
        return 1;
    return perfopt_router_create(http, &router, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    perfopt_router_destroy(router);
    perfopt_http_destroy(http);
    return 0;
}

static void expect(const char *method, const char *target, int status, const char *body,
                   const char *allow)
{
    test_exchange ex;
    test_exchange_init(&ex, http, method, target, NULL);
    assert_int_equal(ex.status, PERFOPT_OK);
    perfopt_router_dispatch(router, ex.req, ex.res);
    if (perfopt_response_get_status(ex.res) != status)
        fail_msg("%s %s: %d", method, target, perfopt_response_get_status(ex.res));
    if (body)
        test_assert_body(ex.res, body);
    test_assert_header(ex.res, "Allow", allow);
    test_exchange_finish(&ex);
}

static void matching(void **state)
{
    (void)state;
    assert_int_equal(add("GET", "/"), PERFOPT_OK);
    assert_int_equal(add("GET", "/article/{id}"), PERFOPT_OK);
    assert_int_equal(add("GET", "/article/new"), PERFOPT_OK);
    assert_int_equal(add("GET", "/article/{id}/edit"), PERFOPT_OK);
    assert_int_equal(add("GET", "/article/{slug}/{part}"), PERFOPT_OK);
    assert_int_equal(add("GET", "/files/{path...}"), PERFOPT_OK);
    assert_int_equal(add("GET", "/files/{name}/info"), PERFOPT_OK);
    assert_int_equal(add("GET", "/dir/"), PERFOPT_OK);
    expect("GET", "/", 200, "/", NULL);
    expect("HEAD", "/", 200, "/", NULL);
    expect("GET", "/article/new", 200, "/article/new", NULL);
    expect("GET", "/article/7?x=1", 200, "/article/{id} id=7", NULL);
    expect("GET", "/article/a%2Fb%20c", 200, "/article/{id} id=a/b c", NULL);
    expect("GET", "/article/7/edit", 200, "/article/{id}/edit id=7", NULL);
    expect("GET", "/article/new/edit", 200, "/article/{id}/edit id=new", NULL);
    expect("GET", "/article/7/x", 200, "/article/{slug}/{part} slug=7 part=x", NULL);
    expect("GET", "/files/a/b/c", 200, "/files/{path...} path=a/b/c", NULL);
    expect("GET", "/files/", 200, "/files/{path...} path=", NULL);
    expect("GET", "/files/a/info", 200, "/files/{name}/info name=a", NULL);
    expect("GET", "/files/a/infos", 200, "/files/{path...} path=a/infos", NULL);
    expect("GET", "/dir/", 200, "/dir/", NULL);
    expect("GET", "/dir", 404, NULL, NULL);
    expect("GET", "/files", 404, NULL, NULL);
    expect("GET", "/article/", 404, NULL, NULL);
    expect("GET", "/article/7/", 404, NULL, NULL);
    expect("GET", "/article", 404, NULL, NULL);
    expect("GET", "//", 404, NULL, NULL);
    expect("GET", "/Article/7", 404, NULL, NULL);
}

static void methods(void **state)
{
    (void)state;
    assert_int_equal(add("GET", "/a"), PERFOPT_OK);
    assert_int_equal(add("POST", "/a"), PERFOPT_OK);
    assert_int_equal(add("DELETE", "/{any}"), PERFOPT_OK);
    assert_int_equal(add("*", "/all"), PERFOPT_OK);
    assert_int_equal(add("HEAD", "/h"), PERFOPT_OK);
    expect("POST", "/a", 200, "/a", NULL);
    expect("DELETE", "/a", 200, "/{any} any=a", NULL);
    expect("PUT", "/a", 405, NULL, "GET, HEAD, POST, DELETE, OPTIONS");
    expect("OPTIONS", "/a", 204, "", "GET, HEAD, POST, DELETE, OPTIONS");
    expect("OPTIONS", "/none/there", 404, NULL, NULL);
    expect("PUT", "/all", 200, "/all", NULL);
    expect("OPTIONS", "/all", 200, "/all", NULL);
    expect("GET", "/h", 405, NULL, "HEAD, DELETE, OPTIONS");
    expect("HEAD", "/h", 200, "/h", NULL);
    expect("get", "/a", 405, NULL, "GET, HEAD, POST, DELETE, OPTIONS");
}

static void refused_templates(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "a",        "/{",    "/{}",    "/{a",
                                      "/a}",    "/x{a}",    "/{a}x", "/{a b}", "/{a...}/b",
                                      "/{...}", "/{a}/{a}", "/a?b",  "/a%20",  "/a#b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        perfopt_error err = PERFOPT_ERROR_INIT;
        if (perfopt_router_add(router, "GET", bad[i], &def, NULL, &err) != PERFOPT_EINVAL)
            fail_msg("%s was accepted", bad[i]);
        assert_int_equal(err.status, PERFOPT_EINVAL);
        assert_non_null(strstr(err.message, "route"));
    }
    assert_int_equal(add("GET", "/a/{b}"), PERFOPT_OK);
    assert_int_equal(add("GET", "/a/{c}"), PERFOPT_EINVAL);
    assert_int_equal(add("POST", "/a/{c}"), PERFOPT_OK);
    assert_int_equal(add("G T", "/b"), PERFOPT_EINVAL);
    expect("GET", "/a/1", 200, "/a/{b} b=1", NULL);
    expect("POST", "/a/1", 200, "/a/{c} c=1", NULL);
}

static void finding(void **state)
{
    (void)state;
    perfopt_handler *handler;
    assert_int_equal(perfopt_wrap(http, "h", tell, NULL, NULL, NULL, &handler, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_router_add_handler(router, "GET", "/h/{x}", handler, NULL),
                     PERFOPT_OK);
    assert_ptr_equal(perfopt_router_find(router, "GET", "/h/{x}"), handler);
    assert_null(perfopt_router_find(router, "HEAD", "/h/{x}"));
    assert_null(perfopt_router_find(router, "GET", "/h/1"));
    assert_ptr_equal(perfopt_router_http(router), http);
    expect("GET", "/h/1", 200, "/h/{x} x=1", NULL);
    perfopt_router_destroy(router);
    router = NULL;
    perfopt_handler_destroy(handler); /* borrowed: still there */
}

static void deep_path(void **state)
{
    (void)state;
    assert_int_equal(add("GET", "/{rest...}"), PERFOPT_OK);
    char target[4000];
    for (size_t i = 0; i < sizeof(target) - 1; i += 2) {
        target[i] = '/';
        target[i + 1] = 'a';
    }
    target[sizeof(target) - 1] = '\0';
    expect("GET", target, 200, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(matching, set_up, tear_down),
        cmocka_unit_test_setup_teardown(methods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_templates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deep_path, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("http_router", tests, NULL, NULL);
}
