/*
 * test_escape.c - the fast escaper against the plain one, for every length, position and character.
 */
#include "ssr/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Exactly as much memory as is promised, so that a sanitizer sees one byte too many. */
static void compare(const char *text, size_t length)
{
    char *copy = malloc(length + !length);
    char *fast = malloc(length * 6 + 1);
    char *plain = malloc(length * 6 + 1);
    memcpy(copy, text, length);
    size_t n = (size_t)(perfopt__ssr_escape(fast, copy, length) - fast);
    size_t m = (size_t)(perfopt__ssr_escape_scalar(plain, copy, length) - plain);
    assert_int_equal(n, m);
    assert_memory_equal(fast, plain, n);
    assert_int_equal(perfopt__ssr_is_plain(copy, length), n == length);
    free(copy);
    free(fast);
    free(plain);
}

static void every_character_everywhere(void **state)
{
    (void)state;
    char text[80];
    for (size_t length = 0; length <= 70; length++) {
        memset(text, 'x', sizeof(text));
        compare(text, length);
        for (size_t at = 0; at < length; at++) {
            for (int c = 0; c < 256; c += c < 64 ? 1 : 37) {
                text[at] = (char)c;
                compare(text, length);
            }
            text[at] = 'x';
        }
    }
}

static void random_texts(void **state)
{
    (void)state;
    static const char some[] = "abc&<>\"'def ";
    unsigned seed = 12345;
    for (int i = 0; i < 20000; i++) {
        char text[200];
        size_t length = (size_t)(rand_r(&seed) % 200);
        for (size_t k = 0; k < length; k++)
            text[k] = some[rand_r(&seed) % (sizeof(some) - 1)];
        compare(text, length);
    }
}

static void entities_are_jinjas(void **state)
{
    (void)state;
    char out[64];
    size_t n = (size_t)(perfopt__ssr_escape(out, "&<>\"'", 5) - out);
    assert_int_equal(n, 23);
    assert_memory_equal(out, "&amp;&lt;&gt;&#34;&#39;", 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_everywhere),
        cmocka_unit_test(random_texts),
        cmocka_unit_test(entities_are_jinjas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
