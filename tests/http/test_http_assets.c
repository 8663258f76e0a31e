/*
 * test_http_assets.c - the asset prefix of a router.
 */
#include "http/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64] = "/tmp/perfopt-http-assets-XXXXXX";
static char file[128];
static perfopt_assets *assets;
static perfopt_http *http;
static perfopt_router *router;

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(file, sizeof(file), "%s/a.txt", folder);
    FILE *out = fopen(file, "w");
    if (!out || fputs("hello, asset", out) < 0 || fclose(out) != 0)
        return 1;
    return perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = folder, .url_prefix = "/s/"),
                                 &assets, NULL) != PERFOPT_OK ||
           perfopt_http_create(PERFOPT_HTTP_OPTIONS(.assets = assets), &http, NULL) != PERFOPT_OK ||
           perfopt_router_create(http, &router, NULL) != PERFOPT_OK;
}

static int tear_down(void **state)
{
    (void)state;
    perfopt_router_destroy(router);
    perfopt_http_destroy(http);
    perfopt_assets_destroy(assets);
    unlink(file);
    rmdir(folder);
    return 0;
}

static void expect(const char *method, const char *target, const char *headers, int status,
                   const char *body)
{
    test_exchange ex;
    test_exchange_init(&ex, http, method, target, headers);
    assert_int_equal(ex.status, PERFOPT_OK);
    perfopt_router_dispatch(router, ex.req, ex.res);
    if (perfopt_response_get_status(ex.res) != status)
        fail_msg("%s %s: %d", method, target, perfopt_response_get_status(ex.res));
    if (body)
        test_assert_body(ex.res, body);
    if (status == 405)
        test_assert_header(ex.res, "Allow", "GET, HEAD, OPTIONS");
    test_exchange_finish(&ex);
}

static void served(void **state)
{
    (void)state;
    expect("GET", "/s/a.txt", NULL, 200, "hello, asset");
    expect("HEAD", "/s/a.txt", NULL, 200, NULL);
    expect("GET", "/s/%61.txt?v=1", NULL, 200, "hello, asset");
    expect("GET", "/s/a.txt", "Range: bytes=7-8", 206, "as");
    expect("GET", "/s/a.txt", "Range: bytes=99-", 416, NULL);
    expect("GET", "/s/none.txt", NULL, 404, NULL);
    expect("GET", "/s/", NULL, 404, NULL);
    expect("GET", "/sa.txt", NULL, 404, NULL);
    expect("POST", "/s/a.txt", NULL, 405, NULL);
    expect("OPTIONS", "/s/a.txt", NULL, 204, NULL);
}

static void revalidated(void **state)
{
    (void)state;
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/s/a.txt", NULL);
    perfopt_router_dispatch(router, ex.req, ex.res);
    char same[128];
    snprintf(same, sizeof(same), "If-None-Match: %s", perfopt_response_get_header(ex.res, "ETag"));
    test_assert_header(ex.res, "X-Content-Type-Options", "nosniff");
    assert_memory_equal(perfopt_response_get_header(ex.res, "Content-Type"), "text/plain", 10);
    test_exchange_finish(&ex);
    expect("GET", "/s/a.txt", same, 304, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(served), cmocka_unit_test(revalidated)};
    return cmocka_run_group_tests_name("http_assets", tests, set_up, tear_down);
}
