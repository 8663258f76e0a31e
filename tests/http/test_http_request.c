/*
 * test_http_request.c - targets, arguments, cookies, forms and bodies.
 */
#include "http/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static perfopt_http *http;

static int set_up(void **state)
{
    (void)state;
    return perfopt_http_create(PERFOPT_HTTP_OPTIONS(.max_body_bytes = 64), &http, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    perfopt_http_destroy(http);
    return 0;
}

static void targets(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *path; /* NULL = refused */
    } table[] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a//b/", "/a//b/"},
        {"/a%20b", "/a b"},
        {"/a+b", "/a+b"},
        {"/a%2Fb", "/a/b"},
        {"/%C3%A9", "/\xC3\xA9"},
        {"/a?x=1", "/a"},
        {"/?", "/"},
        {"/...", "/..."},
        {"/a..b", "/a..b"},
        {"http://host/a?b", "/a"},
        {"HTTPS://host:1/a", "/a"},
        {"", NULL},
        {"a", NULL},
        {"*", NULL},
        {"?x", NULL},
        {"http://host", NULL},
        {"http://host?x=/", NULL},
        {"/%", NULL},
        {"/%2", NULL},
        {"/%zz", NULL},
        {"/a%00b", NULL},
        {"/..", NULL},
        {"/../a", NULL},
        {"/a/..", NULL},
        {"/a/../b", NULL},
        {"/%2e%2E/a", NULL},
        {"/a%2F..%2Fb", NULL},
        {"/a?x=%", NULL},
        {"/a?x=%00", NULL},
        {"/a?%zz=1", NULL},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", table[i].target, NULL);
        if (table[i].path) {
            assert_int_equal(ex.status, PERFOPT_OK);
            assert_string_equal(perfopt_request_path(ex.req), table[i].path);
        } else {
            if (ex.status != PERFOPT_EINVAL)
                fail_msg("%s was accepted", table[i].target);
        }
        test_exchange_finish(&ex);
    }
}

static void long_targets(void **state)
{
    (void)state;
    char *text = malloc(8194);
    for (size_t length = 8192; length <= 8193; length++) {
        memset(text, 'a', length);
        text[0] = '/';
        text[length] = '\0';
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", text, NULL);
        assert_int_equal(ex.status, length <= 8192 ? PERFOPT_OK : PERFOPT_EINVAL);
        test_exchange_finish(&ex);
    }
    free(text);
}

static void too_many_arguments(void **state)
{
    (void)state;
    for (int count = 256; count <= 257; count++) {
        char text[2048] = "/?";
        for (int i = 0; i < count; i++)
            strcat(text, "a&");
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", text, NULL);
        assert_int_equal(ex.status, count <= 256 ? PERFOPT_OK : PERFOPT_EINVAL);
        test_exchange_finish(&ex);
    }
}

static void bad_sources(void **state)
{
    (void)state;
    perfopt_request *req = NULL;
    perfopt_request_source source = {.method = "GET", .target = "/"};
    assert_int_equal(perfopt_request_create(http, &source, &req), PERFOPT_EINVAL);
    source.struct_size = sizeof(source);
    source.method = "G T";
    assert_int_equal(perfopt_request_create(http, &source, &req), PERFOPT_EINVAL);
    source.method = NULL;
    assert_int_equal(perfopt_request_create(http, &source, &req), PERFOPT_EINVAL);
    source.method = "GET";
    assert_int_equal(perfopt_request_create(http, &source, &req), PERFOPT_OK);
    assert_null(perfopt_request_header(req, "Host"));
    assert_string_equal(perfopt_request_remote(req), "");
    assert_string_equal(perfopt_request_route(req), "");
    assert_ptr_equal(perfopt_request_http(req), http);
    perfopt_request_destroy(req);
}

static void arguments(void **state)
{
    (void)state;
    test_exchange ex;
    test_exchange_init(&ex, http, "GET",
                       "/?a=1&b=x+y%26z&a=2&&empty=&bare&n=-7&big=99999999999999999999&sp=+1",
                       NULL);
    assert_string_equal(perfopt_request_arg(ex.req, "a"), "1");
    assert_string_equal(perfopt_request_arg(ex.req, "b"), "x y&z");
    assert_string_equal(perfopt_request_arg(ex.req, "empty"), "");
    assert_string_equal(perfopt_request_arg(ex.req, "bare"), "");
    assert_null(perfopt_request_arg(ex.req, "A"));
    assert_int_equal(perfopt_request_arg_int(ex.req, "a", 5), 1);
    assert_int_equal(perfopt_request_arg_int(ex.req, "n", 5), -7);
    assert_int_equal(perfopt_request_arg_int(ex.req, "b", 5), 5);
    assert_int_equal(perfopt_request_arg_int(ex.req, "empty", 5), 5);
    assert_int_equal(perfopt_request_arg_int(ex.req, "big", 5), 5);
    assert_int_equal(perfopt_request_arg_int(ex.req, "sp", 5), 5);
    assert_int_equal(perfopt_request_arg_int(ex.req, "none", 5), 5);
    test_exchange_finish(&ex);
}

static void cookies(void **state)
{
    (void)state;
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/", "cookie: a=1; b = \"x y\" ;;=3; noequals; a=2; c=");
    assert_string_equal(perfopt_request_cookie(ex.req, "a"), "1");
    assert_string_equal(perfopt_request_cookie(ex.req, "b"), "\"x y\"");
    assert_string_equal(perfopt_request_cookie(ex.req, "c"), "");
    assert_null(perfopt_request_cookie(ex.req, "noequals"));
    assert_null(perfopt_request_cookie(ex.req, ""));
    test_exchange_finish(&ex);
}

static const char *form_field(const char *type, const char *body, const char *name, char out[64])
{
    test_exchange ex;
    char header[128];
    snprintf(header, sizeof(header), "Content-Type: %s", type);
    test_exchange_init(&ex, http, "POST", "/", header);
    assert_int_equal(perfopt_request_append_body(ex.req, body, strlen(body)), PERFOPT_OK);
    const char *value = perfopt_request_form(ex.req, name);
    if (value)
        snprintf(out, 64, "%s", value);
    test_exchange_finish(&ex);
    return value ? out : NULL;
}

static void forms(void **state)
{
    (void)state;
    const char *type = "application/x-www-form-urlencoded";
    char out[64];
    assert_string_equal(form_field(type, "a=1&b=x+y%21", "b", out), "x y!");
    assert_string_equal(
        form_field("Application/X-WWW-Form-Urlencoded; charset=utf-8", "a=1", "a", out), "1");
    assert_null(form_field(type, "a=1", "b", out));
    assert_null(form_field("text/plain", "a=1", "a", out));
    assert_null(form_field("application/x-www-form-urlencodedx", "a=1", "a", out));
    /* A malformed form has no fields at all. */
    assert_null(form_field(type, "a=1&b=%", "a", out));
    test_exchange ex;
    test_exchange_init(&ex, http, "POST", "/", "Content-Type: application/x-www-form-urlencoded");
    assert_int_equal(perfopt_request_append_body(ex.req, "a=1\0b", 5), PERFOPT_OK);
    assert_null(perfopt_request_form(ex.req, "a"));
    test_exchange_finish(&ex);
}

static void bodies(void **state)
{
    (void)state;
    test_exchange ex;
    char block[64];
    size_t length;
    memset(block, 'x', sizeof(block));
    test_exchange_init(&ex, http, "POST", "/", NULL);
    assert_string_equal(perfopt_request_body(ex.req, &length), "");
    assert_int_equal(length, 0);
    assert_int_equal(perfopt_request_append_body(ex.req, block, 60), PERFOPT_OK);
    assert_int_equal(perfopt_request_append_body(ex.req, block, 5), PERFOPT_ELIMIT);
    assert_int_equal(perfopt_request_append_body(ex.req, block, SIZE_MAX), PERFOPT_ELIMIT);
    assert_int_equal(perfopt_request_append_body(ex.req, block, 4), PERFOPT_OK);
    perfopt_request_body(ex.req, &length);
    assert_int_equal(length, 64);
    test_exchange_finish(&ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),
        cmocka_unit_test(long_targets),
        cmocka_unit_test(too_many_arguments),
        cmocka_unit_test(bad_sources),
        cmocka_unit_test(arguments),
        cmocka_unit_test(cookies),
        cmocka_unit_test(forms),
        cmocka_unit_test(bodies),
    };
    return cmocka_run_group_tests_name("http_request", tests, set_up, tear_down);
}
