/*
 * test_glob.c - the glob function: a table, and the same answers as a real Redis' SCAN MATCH.
 */
#include "cache/cache_internal.h"
#include "helpers.h"
#include "support/redis_server.h"

static bool match(const char *pattern, const char *text)
{
    return perfopt__glob_match(pattern, strlen(pattern), text, strlen(text));
}

static const char *const patterns[] = {
    "*",      "**",     "",       "a*",      "*a",      "a*b*c",  "?",      "??",    "a?c",
    "[abc]",  "[a-c]x", "[c-a]x", "[^a]",    "[^a-c]",  "[]]",    "[]a]",   "\\*",   "a\\?c",
    "\\",     "a\\",    "[\\]]",  "[a",      "[a-",     "[^",     "[",      "[]",    "[^]",
    "news:*", "*:*:*",  "a[b-]c", "[a-c-e]", "*[0-9]",  "[\\^a]", "x*y?z*", "*\\**", "[[]",
    "a**c",   "*?",     "?*",     "[z-a0]",  "user:?:*"};

static const char *const texts[] = {"",     "a",   "b",    "c",      "abc",      "ac",   "axc",
                                    "ax",   "cx",  "]",    "*",      "a?c",      "\\",   "a\\",
                                    "-",    "^",   "[",    "news:1", "a:b:c",    "abc9", "xyyzz",
                                    "aXb*", "a-c", "abbc", "d",      "user:7:n", "0",    "xy1z"};

static void test_table(void **state)
{
    (void)state;
    assert_true(match("*", ""));
    assert_false(match("", "a"));
    assert_true(match("a*b*c", "a12b34c"));
    assert_false(match("a*b*c", "a12b34"));
    assert_true(match("h[ae]llo", "hallo"));
    assert_false(match("h[^e]llo", "hello"));
    assert_true(match("h[a-b]llo", "hbllo"));
    assert_true(match("\\*", "*"));
    assert_false(match("\\*", "a"));
    assert_true(perfopt__glob_match("a?c", 3, "a\0c", 3));
}

/* Each pattern is asked of Redis over all texts as keys, and of ours. */
static void test_same_as_redis(void **state)
{
    (void)state;
    test_redis *redis = test_redis_start(NULL);
    size_t text_count = sizeof(texts) / sizeof(texts[0]);
    unsigned compared = 0;
    for (size_t t = 0; t < text_count; t++)
        test_redis_command(redis, "SET %s 1", texts[t]);
    for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
        const char *reply = test_redis_command(redis, "SCAN 0 MATCH %s COUNT 10000", patterns[p]);
        size_t length = strlen(reply);
        char *found = malloc(length + 3);
        /* The cursor's line goes; each key stands between newlines. */
        snprintf(found, length + 3, "%s\n", strchr(reply, '\n') ? strchr(reply, '\n') : "");
        for (size_t t = 0; t < text_count; t++) {
            char line[64];
            snprintf(line, sizeof(line), "\n%s\n", texts[t]);
            bool theirs = strstr(found, line) != NULL;
            /* The empty key is an empty line, which an empty list has too: it is in the table. */
            if (texts[t][0] == '\0')
                continue;
            if (match(patterns[p], texts[t]) != theirs)
                fail_msg("'%s' on '%s': Redis says %d", patterns[p], texts[t], theirs);
            compared++;
        }
        free(found);
    }
    assert_true(compared > 1000);
    test_redis_destroy(redis);
}

/* A recursive matcher needs exponential time for this. */
static void test_hostile_pattern(void **state)
{
    (void)state;
    char text[2001];
    memset(text, 'a', 2000);
    text[2000] = '\0';
    assert_false(match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_same_as_redis),
        cmocka_unit_test(test_hostile_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
