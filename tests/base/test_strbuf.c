/*
 * test_strbuf.c - the string buffer, its escapers, and UTF-8.
 */
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void it_grows_and_hands_over_its_memory(void **state)
{
    (void)state;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    for (int i = 0; i < 1000; i++)
        perfopt__strbuf_printf(&sb, "%d,", i);
    assert_int_equal(sb.length, 3890);
    size_t length;
    char *text = perfopt__strbuf_take(&sb, &length);
    assert_int_equal(length, 3890);
    assert_int_equal(text[length], '\0');
    perfopt__free(text);
    assert_null(sb.data);

    text = perfopt__strbuf_take(&sb, &length);
    assert_string_equal(text, "");
    perfopt__free(text);

    perfopt__strbuf_printf(&sb, "%0300d", 1);
    assert_int_equal(sb.length, 300);
    perfopt__strbuf_clear(&sb);
    assert_int_equal(sb.length, 0);
    perfopt__strbuf_finish(&sb);
}

static bool fail_next;

static void *failing_realloc(void *ptr, size_t size, void *user)
{
    (void)user;
    return fail_next ? NULL : realloc(ptr, size);
}

static void *plain_malloc(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void plain_free(void *ptr, void *user)
{
    (void)user;
    free(ptr);
}

static void a_failed_append_is_remembered(void **state)
{
    (void)state;
    const perfopt_allocator failing = {plain_malloc, failing_realloc, plain_free, NULL};
    assert_int_equal(perfopt_allocator_set(&failing), PERFOPT_OK);
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_puts(&sb, "kept");
    fail_next = true;
    perfopt__strbuf_append(&sb, "0123456789012345678901234567890123456789012345678901234567890123",
                           64);
    fail_next = false;
    perfopt__strbuf_puts(&sb, "ignored");
    assert_true(sb.failed);
    assert_string_equal(sb.data, "kept");
    assert_null(perfopt__strbuf_take(&sb, NULL));
    assert_false(perfopt__strbuf_reserve(&(perfopt__strbuf){NULL, 5, 5, false}, SIZE_MAX));
    perfopt_allocator_set(NULL);
}

typedef struct escape_case {
    const char *in;
    size_t length;
    const char *html;
    const char *json;
    const char *url;
} escape_case;

static void text_is_escaped_for_its_place(void **state)
{
    (void)state;
    const escape_case cases[] = {
        {"plain", 5, "plain", "\"plain\"", "plain"},
        {"<a href=\"x\">'&", 14, "&lt;a href=&#34;x&#34;&gt;&#39;&amp;", "\"<a href=\\\"x\\\">'&\"",
         "%3Ca%20href%3D%22x%22%3E%27%26"},
        {"</script>", 9, "&lt;/script&gt;", "\"<\\/script>\"", "%3C%2Fscript%3E"},
        {"\xC3\xA9\xFF\n", 4, "\xC3\xA9\xFF\n", "\"\xC3\xA9\xEF\xBF\xBD\\n\"", "%C3%A9%FF%0A"},
        {"a\0b\x7f", 4, NULL, "\"a\\u0000b\\u007f\"", "a%00b%7F"},
        {"", 0, "", "\"\"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const escape_case *c = &cases[i];
        perfopt__strbuf html = PERFOPT__STRBUF_INIT;
        perfopt__strbuf json = PERFOPT__STRBUF_INIT;
        perfopt__strbuf url = PERFOPT__STRBUF_INIT;
        perfopt__strbuf_put_html(&html, c->in, c->length);
        perfopt__strbuf_put_json(&json, c->in, c->length);
        perfopt__strbuf_put_url(&url, c->in, c->length);
        if (c->html)
            assert_string_equal(html.data ? html.data : "", c->html);
        assert_string_equal(json.data, c->json);
        assert_string_equal(url.data ? url.data : "", c->url);
        perfopt__strbuf_finish(&html);
        perfopt__strbuf_finish(&json);
        perfopt__strbuf_finish(&url);
    }
}

static void utf8_round_trips_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char bytes[4];
        size_t n = perfopt__utf8_encode(c, bytes);
        bool is_character = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        assert_int_equal(n > 0, is_character);
        uint32_t back;
        if (n)
            assert_int_equal(perfopt__utf8_decode(bytes, n, &back), n);
        if (n)
            assert_int_equal(back, c);
        if (n > 1)
            assert_int_equal(perfopt__utf8_decode(bytes, n - 1, &back), 0);
    }
}

static void ill_formed_utf8_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"\x80",
                               "\xC0\xAF",
                               "\xC1\xBF",
                               "\xE0\x80\xAF",
                               "\xED\xA0\x80",
                               "\xF5\x80\x80\x80",
                               "\xF0\x80\x80\x80",
                               "\xF4\x90\x80\x80",
                               "\xC3(",
                               "\xFF"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(perfopt__utf8_valid(bad[i], strlen(bad[i])));
    assert_true(perfopt__utf8_valid("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80", 11));
    assert_int_equal(perfopt__utf8_count("\xC3\xBC\xFFx", 4), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_and_hands_over_its_memory),
        cmocka_unit_test(a_failed_append_is_remembered),
        cmocka_unit_test(text_is_escaped_for_its_place),
        cmocka_unit_test(utf8_round_trips_every_character),
        cmocka_unit_test(ill_formed_utf8_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
