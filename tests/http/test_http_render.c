/*
 * test_http_render.c - templates as responses, and what they see of the request.
 */
#include "http/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64] = "/tmp/perfopt-http-render-XXXXXX";
static const char *const files[][2] = {
    {"page.html", "<p>{{ request.method }} {{ request.path }} {{ request.route }} "
                  "{{ request.args.q }} {{ request.params.id }} {{ title }}</p>"},
    {"feed.xml", "<feed>{{ request.path }}</feed>"},
    {"loop.txt", "{% for name in request.args %}{{ name }}={{ request.args[name] }};{% endfor %}"},
    {"own.html", "{{ request }}"},
    {"minify.html", "<div>\n\n   <p>a</p>\n\n   <!-- gone -->\n</div>"},
    {"wrong.html", "{% if %}"},
};
static perfopt_cache *cache;
static perfopt_ssr *ssr;
static perfopt_http *http;
static perfopt_router *router;

static perfopt_status render_named(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)user;
    return perfopt_render(req, res, perfopt_request_arg(req, "t"),
                          PERFOPT_CONTEXT({"title", perfopt_string("<T>")}), NULL);
}

static perfopt_status render_own(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)user;
    return perfopt_render_cached(req, res, "own.html",
                                 PERFOPT_CONTEXT({"request", perfopt_string("mine")}),
                                 PERFOPT_RENDER_OPTIONS(.key = "k"), NULL);
}

static const perfopt_wrapper minified[] = {{.kind = PERFOPT_WRAP_RENDERING},
                                           {.kind = PERFOPT_WRAP_END}};
static const perfopt_handler_def named_def = {"named", render_named, NULL};
static const perfopt_handler_def own_def = {"own", render_own, NULL};
static const perfopt_handler_def minified_def = {"minified", render_named, minified};

static int write_files(void)
{
    if (!mkdtemp(folder))
        return 1;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, files[i][0]);
        FILE *out = fopen(path, "w");
        if (!out || fputs(files[i][1], out) < 0 || fclose(out) != 0)
            return 1;
    }
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return write_files() != 0 || perfopt_cache_create(NULL, &cache, NULL) != PERFOPT_OK ||
           perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.root = folder, .cache = cache), &ssr, NULL) !=
               PERFOPT_OK ||
           perfopt_http_create(PERFOPT_HTTP_OPTIONS(.ssr = ssr, .cache = cache), &http, NULL) !=
               PERFOPT_OK ||
           perfopt_router_create(http, &router, NULL) != PERFOPT_OK ||
           perfopt_router_add(router, "GET", "/a/{id}", &named_def, NULL, NULL) != PERFOPT_OK ||
           perfopt_router_add(router, "GET", "/own", &own_def, NULL, NULL) != PERFOPT_OK ||
           perfopt_router_add(router, "GET", "/small", &minified_def, NULL, NULL) != PERFOPT_OK;
}

static int tear_down(void **state)
{
    (void)state;
    perfopt_router_destroy(router);
    perfopt_http_destroy(http);
    perfopt_ssr_destroy(ssr);
    perfopt_cache_destroy(cache);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, files[i][0]);
        unlink(path);
    }
    rmdir(folder);
    return 0;
}

static void expect(const char *target, int status, const char *type, const char *body)
{
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", target, NULL);
    perfopt_router_dispatch(router, ex.req, ex.res);
    assert_int_equal(perfopt_response_get_status(ex.res), status);
    test_assert_header(ex.res, "Content-Type", type);
    if (body)
        test_assert_body(ex.res, body);
    test_exchange_finish(&ex);
}

static void request_in_templates(void **state)
{
    (void)state;
    expect("/a/7?t=page.html&q=%3Cb%3E", 200, "text/html; charset=utf-8",
           "<p>GET /a/7 /a/{id} &lt;b&gt; 7 &lt;T&gt;</p>");
    expect("/a/7?t=loop.txt&q=1&q=2", 200, "text/plain; charset=utf-8", "t=loop.txt;q=1;");
    expect("/own", 200, "text/html; charset=utf-8", "mine");
}

static void types(void **state)
{
    (void)state;
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/a/1?t=feed.xml", NULL);
    perfopt_router_dispatch(router, ex.req, ex.res);
    test_assert_body(ex.res, "<feed>/a/1</feed>");
    assert_non_null(strstr(perfopt_response_get_header(ex.res, "Content-Type"), "xml"));
    test_exchange_finish(&ex);
}

static void failures(void **state)
{
    (void)state;
    test_log_catch(PERFOPT_LOG_DEBUG);
    expect("/a/1?t=none.html", 404, "text/html; charset=utf-8", NULL);
    expect("/a/1?t=wrong.html", 500, "text/html; charset=utf-8", NULL);
    assert_non_null(strstr(test_log_last(), "wrong.html"));
    test_log_catch(PERFOPT_LOG_SILENT);
}

static void minified_before_it_is_stored(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", "/small?t=minify.html", NULL);
        perfopt_router_dispatch(router, ex.req, ex.res);
        size_t length;
        const char *body = perfopt_response_body(ex.res, &length);
        assert_null(strstr(body, "gone"));
        assert_in_range(length, 10, strlen(files[4][1]) - 10);
        test_exchange_finish(&ex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_in_templates),
        cmocka_unit_test(types),
        cmocka_unit_test(failures),
        cmocka_unit_test(minified_before_it_is_stored),
    };
    return cmocka_run_group_tests_name("http_render", tests, set_up, tear_down);
}
