/*
 * test_http_page.c - the stored form of a page: what goes in comes out, and damaged bytes never do.
 */
#include "base/compress.h"
#include "base/memory.h"
#include "http/fixture.h"
#include "http/http_internal.h"

#include <stdio.h>
#include <stdlib.h>

static perfopt_http *http;
static test_exchange ex;
static char body[2000];

static int set_up(void **state)
{
    (void)state;
    memset(body, 'a', sizeof(body));
    perfopt_status status = perfopt_http_create(NULL, &http, NULL);
    test_exchange_init(&ex, http, "GET", "/", NULL);
    perfopt_response_set_header(ex.res, "Content-Type", "text/html");
    perfopt_response_set_header(ex.res, "X-Empty", "");
    perfopt_response_set_body(ex.res, body, sizeof(body));
    return status;
}

static int tear_down(void **state)
{
    (void)state;
    test_exchange_finish(&ex);
    perfopt_http_destroy(http);
    return 0;
}

static perfopt_bytes *encode(void)
{
    perfopt_bytes *bytes = NULL;
    assert_int_equal(perfopt__page_encode(ex.res, &bytes), PERFOPT_OK);
    return bytes;
}

static void round_trip(void **state)
{
    (void)state;
    perfopt_bytes *bytes = encode();
    perfopt__page *page = perfopt__page_of(bytes);
    assert_non_null(page);
    assert_ptr_equal(perfopt__page_of(bytes), page);
    assert_int_equal(page->status, 200);
    assert_int_equal(page->header_count, 2);
    assert_string_equal(page->headers[0].name, "Content-Type");
    assert_string_equal(page->headers[1].value, "");
    assert_int_equal(page->body_length, sizeof(body));
    assert_memory_equal(page->body, body, sizeof(body));
    assert_string_not_equal(page->etag, page->etag_gzip);
    char *raw;
    size_t length;
    assert_int_equal(perfopt__gunzip(page->gzip, page->gzip_length, 1 << 20, &raw, &length),
                     PERFOPT_OK);
    assert_int_equal(length, sizeof(body));
    assert_memory_equal(raw, body, length);
    perfopt__free(raw);
    perfopt_bytes_release(bytes);
}

static void small_or_packed_pages_have_no_gzip(void **state)
{
    (void)state;
    perfopt_response_set_body(ex.res, body, 511);
    perfopt_bytes *bytes = encode();
    assert_null(perfopt__page_of(bytes)->gzip);
    assert_string_equal(perfopt__page_of(bytes)->etag_gzip, "");
    perfopt_bytes_release(bytes);
    perfopt_response_set_body(ex.res, body, sizeof(body));
    perfopt_response_set_header(ex.res, "Content-Type", "image/png");
    bytes = encode();
    assert_null(perfopt__page_of(bytes)->gzip);
    perfopt_bytes_release(bytes);
}

static void etags(void **state)
{
    (void)state;
    perfopt_response_set_header(ex.res, "ETag", "\"own\"");
    perfopt_bytes *bytes = encode();
    assert_string_equal(perfopt__page_of(bytes)->etag, "\"own\"");
    assert_string_equal(perfopt__page_of(bytes)->etag_gzip, "W/\"own\"");
    perfopt_bytes_release(bytes);
    perfopt__response_remove_header(ex.res, "ETag");
    perfopt_response_set_status(ex.res, 404);
    bytes = encode();
    assert_string_equal(perfopt__page_of(bytes)->etag, "");
    test_exchange gzip; /* no tag is no header, not an empty one */
    test_exchange_init(&gzip, http, "GET", "/", "Accept-Encoding: gzip");
    assert_true(perfopt__page_apply(gzip.req, gzip.res, bytes));
    assert_int_equal(gzip.res->variant, PERFOPT__GZIP);
    test_assert_header(gzip.res, "ETag", NULL);
    test_exchange_finish(&gzip);
    perfopt_bytes_release(bytes);
}

static void foreign_free(perfopt__attachment *attachment)
{
    (void)attachment;
}

static void foreign_attachment(void **state)
{
    (void)state;
    static perfopt__attachment foreign = {foreign_free};
    perfopt_bytes *bytes = encode();
    perfopt__bytes_attach(bytes, &foreign);
    assert_null(perfopt__page_of(bytes));
    perfopt_bytes_release(bytes);
}

/* Which form of the page a request gets. */
static void variants(void **state)
{
    (void)state;
    perfopt_bytes *bytes = encode();
    perfopt__page *page = perfopt__page_of(bytes);
    char same[64];
    char same_gzip[96];
    snprintf(same, sizeof(same), "If-None-Match: %s", page->etag);
    snprintf(same_gzip, sizeof(same_gzip), "Accept-Encoding: gzip\nIf-None-Match: %s",
             page->etag_gzip);
    const struct {
        const char *headers;
        perfopt__variant variant;
        int status;
        const char *encoding;
        const char *etag;
    } table[] = {
        {NULL, PERFOPT__IDENTITY, 200, NULL, page->etag},
        {"Accept-Encoding: gzip", PERFOPT__GZIP, 200, "gzip", page->etag_gzip},
        {same, PERFOPT__UNCHANGED, 304, NULL, page->etag},
        {same_gzip, PERFOPT__UNCHANGED_GZIP, 304, NULL, page->etag_gzip},
        {"If-None-Match: \"other\"", PERFOPT__IDENTITY, 200, NULL, page->etag},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        test_exchange one;
        test_exchange_init(&one, http, "GET", "/", table[i].headers);
        assert_true(perfopt__page_apply(one.req, one.res, bytes));
        assert_int_equal(one.res->variant, table[i].variant);
        assert_int_equal(perfopt_response_get_status(one.res), table[i].status);
        test_assert_header(one.res, "Content-Encoding", table[i].encoding);
        test_assert_header(one.res, "ETag", table[i].etag);
        test_assert_header(one.res, "Content-Type", table[i].status == 200 ? "text/html" : NULL);
        size_t length;
        perfopt_response_body(one.res, &length);
        assert_int_equal(length, table[i].status == 304 ? 0
                                 : table[i].encoding    ? page->gzip_length
                                                        : sizeof(body));
        test_exchange_finish(&one);
    }
    perfopt_bytes_release(bytes);
}

/* ---- ready-made responses ----------------------------------------------------------------- */

static int freed;

static void count_free(void *user)
{
    (void)user;
    freed++;
}

static void kept_with_the_page(void **state)
{
    (void)state;
    int one;
    int two;
    freed = 0;
    perfopt_bytes *bytes = encode();
    assert_true(perfopt__page_apply(ex.req, ex.res, bytes));
    assert_null(perfopt_response_ready(ex.res));
    assert_ptr_equal(perfopt_response_keep_ready(ex.res, &one, count_free), &one);
    assert_ptr_equal(perfopt_response_ready(ex.res), &one);
    /* The second one loses, and is freed at once. */
    assert_ptr_equal(perfopt_response_keep_ready(ex.res, &two, count_free), &one);
    assert_int_equal(freed, 1);
    /* Another form of the page has a place of its own. */
    test_exchange gzip;
    test_exchange_init(&gzip, http, "GET", "/", "Accept-Encoding: gzip");
    assert_true(perfopt__page_apply(gzip.req, gzip.res, bytes));
    assert_null(perfopt_response_ready(gzip.res));
    /* An added header belongs to one request only. */
    assert_int_equal(perfopt_response_set_header(gzip.res, "X-Own", "1"), PERFOPT_OK);
    assert_null(perfopt_response_keep_ready(gzip.res, &two, count_free));
    assert_int_equal(freed, 2);
    test_exchange_finish(&gzip);
    perfopt_bytes_release(bytes);
    assert_int_equal(freed, 2);
    perfopt__response_clear(ex.res);
    assert_int_equal(freed, 3);
}

/* ---- damage ------------------------------------------------------------------------------- */

static bool decodes(const char *data, size_t length)
{
    perfopt_bytes *bytes;
    assert_int_equal(perfopt_bytes_create(data, length, &bytes), PERFOPT_OK);
    perfopt__page *page = perfopt__page_of(bytes);
    if (page) { /* then everything in it can be read */
        perfopt__response_clear(ex.res);
        assert_true(perfopt__page_apply(ex.req, ex.res, bytes));
        size_t body_length;
        const char *text = perfopt_response_body(ex.res, &body_length);
        static volatile size_t sum;
        for (size_t i = 0; i < body_length; i++)
            sum = sum + (unsigned char)text[i];
        for (uint32_t i = 0; i < page->header_count; i++)
            sum = sum + strlen(page->headers[i].name) + strlen(page->headers[i].value);
        perfopt__response_clear(ex.res);
    }
    perfopt_bytes_release(bytes);
    return page != NULL;
}

static void damaged_pages(void **state)
{
    (void)state;
    perfopt_bytes *good = encode();
    size_t length = perfopt_bytes_length(good);
    char *copy = malloc(length + 64);
    assert_non_null(copy);
    for (size_t cut = 0; cut < length; cut++) { /* every truncation is noticed */
        memcpy(copy, perfopt_bytes_data(good), length);
        assert_false(decodes(copy, cut));
    }
    memset(copy + length, 0, 64);
    assert_false(decodes(copy, length + 1));
    assert_true(decodes(copy, length));
    /* Every single byte of header and strings in several wrong values: noticed, or harmless. */
    for (size_t at = 0; at < 100; at++) {
        for (int flip = 1; flip < 256; flip += 3) {
            memcpy(copy, perfopt_bytes_data(good), length);
            copy[at] = (char)(copy[at] ^ flip);
            decodes(copy, length);
        }
    }
    free(copy);
    perfopt_bytes_release(good);
}

/* Lengths whose sum is right only because it wraps around. */
static void wrapped_lengths(void **state)
{
    (void)state;
    perfopt_bytes *good = encode();
    size_t length = perfopt_bytes_length(good);
    char *copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, perfopt_bytes_data(good), length);
    uint32_t strings_length = (uint32_t)length + 100; /* at 12; the two others follow at 16 */
    uint64_t lengths[2] = {0, (uint64_t)(length - 32) - strings_length - 2};
    memcpy(copy + 12, &strings_length, sizeof(strings_length));
    memcpy(copy + 16, lengths, sizeof(lengths));
    assert_false(decodes(copy, length));
    lengths[0] = UINT64_MAX - 10;
    lengths[1] = (uint64_t)(length - 32) - 2 - lengths[0];
    strings_length = 0;
    memcpy(copy + 12, &strings_length, sizeof(strings_length));
    memcpy(copy + 16, lengths, sizeof(lengths));
    assert_false(decodes(copy, length));
    free(copy);
    perfopt_bytes_release(good);
}

static void injected_headers(void **state)
{
    (void)state;
    perfopt_bytes *good = encode();
    size_t length = perfopt_bytes_length(good);
    char *copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, perfopt_bytes_data(good), length);
    char *type = memmem(copy, length, "text/html", 9);
    assert_non_null(type);
    type[4] = '\n';
    assert_false(decodes(copy, length));
    free(copy);
    perfopt_bytes_release(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(small_or_packed_pages_have_no_gzip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(etags, set_up, tear_down),
        cmocka_unit_test_setup_teardown(foreign_attachment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(variants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kept_with_the_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrapped_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(injected_headers, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("http_page", tests, NULL, NULL);
}
