/*
 * test_http_negotiate.c - content codings, entity tags, lists, media types, as tables.
 */
#include "http/fixture.h"
#include "http/http_internal.h"

#include <stdio.h>

static void accept_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool gzip;
    } table[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"GZIP", true},
        {"x-gzip", true},
        {"deflate, gzip, br", true},
        {"deflate", false},
        {"identity", false},
        {"*", true},
        {"gzip;q=0", false},
        {"gzip; q=0", false},
        {"gzip;q=0.0", false},
        {"gzip;q=0.000", false},
        {"gzip;q=0.001", true},
        {"gzip;q=1", true},
        {"gzip;q=1.000", true},
        {"gzip;q=1.001", false},
        {"gzip;q=2", false},
        {"gzip;q=", false},
        {"gzip;q=x", false},
        {"gzip;q=0.5x", false},
        {"gzip;x=1", false},
        {"*;q=0", false},
        {"gzip;q=0, *", false},
        {"gzip, *;q=0", true},
        {"identity;q=0", false},
        {"identity;q=0, gzip", true},
        {"identity;q=1, gzip;q=0.5", false},
        {"identity;q=0.5, gzip;q=1", true},
        {"gzipx", false},
        {",,gzip,,", true},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (perfopt__accepts_gzip(table[i].header) != table[i].gzip)
            fail_msg("Accept-Encoding: %s", table[i].header);
    }
}

static void entity_tags(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *etag;
        bool matches;
    } table[] = {
        {"\"a\"", "\"a\"", true},
        {"\"b\"", "\"a\"", false},
        {"W/\"a\"", "\"a\"", true},
        {"\"a\"", "W/\"a\"", true},
        {"W/\"a\"", "W/\"a\"", true},
        {"\"x\", \"a\" , \"y\"", "\"a\"", true},
        {"\"x\",\"y\"", "\"a\"", false},
        {"*", "\"a\"", true},
        {"\"x\", *", "\"a\"", true},
        {"\"x,y\"", "\"x,y\"", true},
        {"\"x,y\"", "\"y\"", false},
        {"a", "\"a\"", false},
        {"\"a", "\"a\"", false},
        {"\"a-gz\"", "\"a\"", false},
        {"", "\"a\"", false},
        {",,,", "\"a\"", false},
        {"W/", "\"\"", false},
    };
    perfopt_http *http;
    assert_int_equal(perfopt_http_create(NULL, &http, NULL), PERFOPT_OK);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char header[64];
        snprintf(header, sizeof(header), "If-None-Match: %s", table[i].header);
        test_exchange ex;
        test_exchange_init(&ex, http, "GET", "/", header);
        if (perfopt__is_unchanged(ex.req, table[i].etag, NULL) != table[i].matches)
            fail_msg("%s against %s", header, table[i].etag);
        assert_false(perfopt__is_unchanged(ex.req, NULL, NULL));
        test_exchange_finish(&ex);
    }
    perfopt_http_destroy(http);
}

static void made_tags(void **state)
{
    (void)state;
    char plain[32];
    char gzip[32];
    char other[32];
    perfopt__make_etag("hello", 5, false, plain);
    perfopt__make_etag("hello", 5, true, gzip);
    perfopt__make_etag("hellp", 5, false, other);
    assert_int_equal(strlen(plain), 18);
    assert_int_equal(plain[0], '"');
    assert_int_equal(plain[17], '"');
    assert_string_not_equal(plain, other);
    assert_memory_equal(plain, gzip, 17);
    assert_string_equal(gzip + 17, "-gz\"");
}

static void lists(void **state)
{
    (void)state;
    assert_true(perfopt__list_has("max-age=5, No-Store", "no-store"));
    assert_true(perfopt__list_has("private=\"x, no-store\"", "private"));
    assert_false(perfopt__list_has("private=\"x, no-store\"", "no-store"));
    assert_false(perfopt__list_has("no-storex", "no-store"));
    assert_false(perfopt__list_has("", "no-store"));
    assert_false(perfopt__list_has(NULL, "no-store"));
    const char *cursor = " a,b  c,";
    const char *name;
    size_t length;
    for (const char *expected = "abc"; *expected; expected++) {
        assert_true(perfopt__next_name(&cursor, &name, &length));
        assert_int_equal(length, 1);
        assert_int_equal(*name, *expected);
    }
    assert_false(perfopt__next_name(&cursor, &name, &length));
    cursor = NULL;
    assert_false(perfopt__next_name(&cursor, &name, &length));
}

static void media_types(void **state)
{
    (void)state;
    static const char *const yes[] = {"text/html",
                                      "text/html; charset=utf-8",
                                      "TEXT/plain",
                                      "application/json",
                                      "application/json;charset=utf-8",
                                      "application/ld+json",
                                      "application/rss+xml",
                                      "image/svg+xml",
                                      "application/javascript"};
    static const char *const no[] = {"image/png",
                                     "application/octet-stream",
                                     "video/mp4",
                                     "application/jsonx",
                                     "application/zip",
                                     "json",
                                     "+xml"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_true(perfopt__is_text_like(yes[i]));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(perfopt__is_text_like(no[i]));
    assert_false(perfopt__is_text_like(NULL));
}

/* One answer of a handler, negotiated for a request. */
static void answer(test_exchange *ex, perfopt_http *http, const char *method, const char *headers,
                   const char *body, size_t length)
{
    test_exchange_init(ex, http, method, "/", headers);
    assert_int_equal(perfopt_response_set_header(ex->res, "Content-Type", "text/plain"),
                     PERFOPT_OK);
    assert_int_equal(perfopt_response_set_body(ex->res, body, length), PERFOPT_OK);
}

static void dynamic_responses(void **state)
{
    (void)state;
    perfopt_http *http;
    assert_int_equal(perfopt_http_create(NULL, &http, NULL), PERFOPT_OK);
    char body[1000];
    memset(body, 'a', sizeof(body));
    char etag[32];
    char header[64];
    test_exchange ex;

    perfopt__make_etag(body, sizeof(body), false, etag);
    answer(&ex, http, "GET", NULL, body, sizeof(body));
    perfopt__response_negotiate(ex.req, ex.res);
    test_assert_header(ex.res, "ETag", etag);
    test_assert_header(ex.res, "Vary", "Accept-Encoding");
    test_assert_header(ex.res, "Content-Encoding", NULL);
    test_exchange_finish(&ex);

    /* 304 keeps what RFC 9110 15.4.5 names, and cookies; it loses the body. */
    snprintf(header, sizeof(header), "If-None-Match: %s", etag);
    answer(&ex, http, "GET", header, body, sizeof(body));
    perfopt_response_set_header(ex.res, "Cache-Control", "max-age=1");
    perfopt_response_set_header(ex.res, "Set-Cookie", "a=1");
    perfopt_response_set_header(ex.res, "X-Other", "1");
    perfopt__response_negotiate(ex.req, ex.res);
    assert_int_equal(perfopt_response_get_status(ex.res), 304);
    test_assert_body(ex.res, "");
    test_assert_header(ex.res, "ETag", etag);
    test_assert_header(ex.res, "Cache-Control", "max-age=1");
    test_assert_header(ex.res, "Vary", "Accept-Encoding");
    test_assert_header(ex.res, "Set-Cookie", "a=1");
    test_assert_header(ex.res, "Content-Type", NULL);
    test_assert_header(ex.res, "X-Other", NULL);
    test_exchange_finish(&ex);

    /* gzip has a tag of its own. */
    answer(&ex, http, "HEAD", "Accept-Encoding: gzip", body, sizeof(body));
    perfopt__response_negotiate(ex.req, ex.res);
    test_assert_header(ex.res, "Content-Encoding", "gzip");
    assert_non_null(strstr(perfopt_response_get_header(ex.res, "ETag"), "-gz\""));
    size_t length;
    perfopt_response_body(ex.res, &length);
    assert_in_range(length, 10, 100);
    test_exchange_finish(&ex);

    /* The handler's own tag is kept, and is weak for gzip. */
    answer(&ex, http, "GET", "Accept-Encoding: gzip", body, sizeof(body));
    perfopt_response_set_header(ex.res, "ETag", "\"own\"");
    perfopt__response_negotiate(ex.req, ex.res);
    test_assert_header(ex.res, "ETag", "W/\"own\"");
    test_exchange_finish(&ex);

    answer(&ex, http, "GET", "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT", "x", 1);
    perfopt_response_set_header(ex.res, "Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT");
    perfopt__response_negotiate(ex.req, ex.res);
    assert_int_equal(perfopt_response_get_status(ex.res), 304);
    test_exchange_finish(&ex);

    /* If-None-Match comes before If-Modified-Since. */
    answer(&ex, http, "GET",
           "If-None-Match: \"other\"\nIf-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT", "x", 1);
    perfopt_response_set_header(ex.res, "Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT");
    perfopt__response_negotiate(ex.req, ex.res);
    assert_int_equal(perfopt_response_get_status(ex.res), 200);
    test_exchange_finish(&ex);
    perfopt_http_destroy(http);
}

static void left_alone(void **state)
{
    (void)state;
    perfopt_http *http;
    assert_int_equal(perfopt_http_create(NULL, &http, NULL), PERFOPT_OK);
    char body[1000];
    memset(body, 'a', sizeof(body));
    const char *accept = "Accept-Encoding: gzip\nIf-None-Match: *";
    test_exchange ex;

    answer(&ex, http, "POST", accept, body, sizeof(body));
    perfopt__response_negotiate(ex.req, ex.res);
    test_assert_header(ex.res, "ETag", NULL);
    test_assert_header(ex.res, "Content-Encoding", NULL);
    test_exchange_finish(&ex);

    answer(&ex, http, "GET", accept, body, sizeof(body));
    perfopt_response_set_status(ex.res, 404);
    perfopt__response_negotiate(ex.req, ex.res);
    assert_int_equal(perfopt_response_get_status(ex.res), 404);
    test_assert_header(ex.res, "ETag", NULL);
    test_exchange_finish(&ex);

    answer(&ex, http, "GET", "Accept-Encoding: gzip", body, sizeof(body));
    perfopt_response_set_header(ex.res, "Content-Encoding", "br");
    perfopt__response_negotiate(ex.req, ex.res);
    test_assert_header(ex.res, "Content-Encoding", "br");
    test_exchange_finish(&ex);

    answer(&ex, http, "GET", "Accept-Encoding: gzip", body, 511); /* below gzip_min_bytes */
    perfopt__response_negotiate(ex.req, ex.res);
    test_assert_header(ex.res, "Content-Encoding", NULL);
    test_assert_header(ex.res, "Vary", NULL);
    test_exchange_finish(&ex);

    answer(&ex, http, "GET", "Accept-Encoding: gzip", body, sizeof(body));
    perfopt_response_set_header(ex.res, "Content-Type", "image/png");
    perfopt__response_negotiate(ex.req, ex.res);
    test_assert_header(ex.res, "Content-Encoding", NULL);
    test_exchange_finish(&ex);
    perfopt_http_destroy(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_encoding), cmocka_unit_test(entity_tags),
        cmocka_unit_test(made_tags),       cmocka_unit_test(lists),
        cmocka_unit_test(media_types),     cmocka_unit_test(dynamic_responses),
        cmocka_unit_test(left_alone),
    };
    return cmocka_run_group_tests_name("http_negotiate", tests, NULL, NULL);
}
