/*
 * test_key.c - keys, tags, named lifetimes and statistics of specs: the parts that need no server.
 */
#include "query/query_internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const perfopt_query_spec base_spec = {
    .struct_size = sizeof(perfopt_query_spec),
    .name = "get_news",
    .sql = "SELECT * FROM news WHERE id = $1",
    .tags = "news, front",
    .invalidate_on = "news_saved",
};

static void key_of(const perfopt_query_spec *spec, const char *identity,
                   const perfopt_param *params, size_t count, char out[128])
{
    perfopt__query_call call = {spec, params, count};
    size_t length = perfopt__query_key(&call, identity, out);
    assert_int_equal(length, strlen(out));
}

/* All calls of this list must have different keys. */
static void keys_tell_everything_apart(void **state)
{
    (void)state;
    int64_t one[] = {1, 2}, two[] = {1, 2, 3};
    const char *texts[] = {"ab", "c"}, *moved[] = {"a", "bc"}, *with_null[] = {"ab", NULL};
    const struct {
        const char *identity;
        size_t count;
        perfopt_param params[2];
    } calls[] = {
        {"app|public", 0, {{0}}},
        {"app|public", 1, {perfopt_param_int(1)}},
        {"app|public", 1, {perfopt_param_int(2)}},
        {"app|public", 1, {perfopt_param_text("1")}},
        {"app|public", 1, {perfopt_param_untyped("1")}},
        {"app|public", 1, {perfopt_param_bytes("1", 1)}},
        {"app|public", 1, {perfopt_param_double(1)}},
        {"app|public", 1, {perfopt_param_bool(true)}},
        {"app|public", 1, {perfopt_param_null()}},
        {"app|public", 1, {perfopt_param_text("")}},
        {"app|public", 2, {perfopt_param_null(), perfopt_param_null()}},
        {"app|public", 2, {perfopt_param_text("ab"), perfopt_param_text("c")}},
        {"app|public", 2, {perfopt_param_text("a"), perfopt_param_text("bc")}},
        {"app|public", 1, {perfopt_param_text("abc")}},
        {"app|public", 1, {perfopt_param_int_array(one, 2)}},
        {"app|public", 1, {perfopt_param_int_array(two, 3)}},
        {"app|public", 1, {perfopt_param_int_array(NULL, 0)}},
        {"app|public", 1, {perfopt_param_text_array(texts, 2)}},
        {"app|public", 1, {perfopt_param_text_array(moved, 2)}},
        {"app|public", 1, {perfopt_param_text_array(with_null, 2)}},
        {"app|public", 1, {perfopt_param_text_array(texts, 1)}},
        {"admin|public", 1, {perfopt_param_int(1)}},
        {"app|admin, public", 1, {perfopt_param_int(1)}},
    };
    size_t count = sizeof(calls) / sizeof(calls[0]);
    char keys[32][128], again[128];
    for (size_t i = 0; i < count; i++) {
        key_of(&base_spec, calls[i].identity, calls[i].params, calls[i].count, keys[i]);
        key_of(&base_spec, calls[i].identity, calls[i].params, calls[i].count, again);
        assert_string_equal(keys[i], again);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(keys[i], keys[j]);
    }
}

static void keys_depend_on_the_spec(void **state)
{
    (void)state;
    perfopt_query_spec other = base_spec;
    char key[128], changed[128];
    key_of(&base_spec, "a|b", NULL, 0, key);
    assert_int_equal(strncmp(key, "get_news:", 9), 0);
    assert_int_equal(strlen(key), 9 + 32);
    other.sql = "SELECT 1";
    key_of(&other, "a|b", NULL, 0, changed);
    assert_string_not_equal(key, changed);
    other = base_spec;
    other.invalidate_on = NULL;
    key_of(&other, "a|b", NULL, 0, changed);
    assert_string_not_equal(key, changed);
    other = base_spec;
    char longest[301];
    memset(longest, 'p', 300);
    longest[300] = '\0';
    other.key_prefix = longest;
    key_of(&other, "a|b", NULL, 0, changed);
    assert_int_equal(strlen(changed), 90 + 1 + 32);
}

static void tags_name_everything_a_result_depends_on(void **state)
{
    (void)state;
    char tags[PERFOPT__QUERY_TAGS], tag[256];
    perfopt_query_spec spec = base_spec;
    spec.group_ = "content";
    assert_true(perfopt__query_tags(&spec, tags));
    assert_string_equal(tags, "q:get_news,content,news,front,event:news_saved");
    spec = (perfopt_query_spec){.name = "bare"};
    assert_true(perfopt__query_tags(&spec, tags));
    assert_string_equal(tags, "q:bare");
    assert_true(perfopt__query_own_tag(&spec, tag));
    assert_string_equal(tag, "q:bare");
    assert_true(perfopt__query_event_tag("saved", tag));
    assert_string_equal(tag, "event:saved");
    assert_false(perfopt__query_event_tag("", tag));
    assert_false(perfopt__query_event_tag("two words", tag));
    assert_false(perfopt__query_event_tag(NULL, tag));
    char many[4096] = "";
    for (int i = 0; i < 200; i++)
        strcat(many, "some_tag,");
    spec.tags = many;
    assert_false(perfopt__query_tags(&spec, tags));
}

static void lifetimes_have_names(void **state)
{
    (void)state;
    assert_int_equal(perfopt_timeout_get("news_list"), 300);
    assert_int_equal(perfopt_timeout_get("static_content"), 7200);
    assert_int_equal(perfopt_timeout_get("nope"), 0);
    assert_int_equal(perfopt_timeout_get(NULL), 0);
    assert_int_equal(perfopt_timeout_set("news_list", 60), PERFOPT_OK);
    assert_int_equal(perfopt_timeout_get("news_list"), 60);
    assert_int_equal(perfopt_timeout_set("news_list", 300), PERFOPT_OK);
    assert_int_equal(perfopt_timeout_set("", 1), PERFOPT_EINVAL);
    assert_int_equal(perfopt_timeout_set("x", 0), PERFOPT_EINVAL);
    assert_int_equal(perfopt_timeout_set("thirty-two characters are too many", 1), PERFOPT_EINVAL);
    char name[32];
    for (int i = 0; i < 57; i++) {
        snprintf(name, sizeof(name), "own_%d", i);
        assert_int_equal(perfopt_timeout_set(name, 5), PERFOPT_OK);
    }
    assert_int_equal(perfopt_timeout_set("one_more", 5), PERFOPT_ELIMIT);
    assert_int_equal(perfopt_timeout_set("own_7", 6), PERFOPT_OK);
    assert_int_equal(perfopt_timeout_get("own_7"), 6);
}

static void *register_all(void *user)
{
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof(name), "spec_%d", i);
        perfopt_query_spec spec = {.name = name, .sql = "SELECT 1"};
        perfopt__count(&perfopt__specs_find(user, &spec)->hits);
    }
    return NULL;
}

/* Four threads register the same 300 specs: 200 are told apart, no count is lost. */
static void specs_are_bounded(void **state)
{
    (void)state;
    perfopt__specs *specs = calloc(1, sizeof(*specs));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, register_all, specs);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    static perfopt_query_cache_stats out[210];
    perfopt_query_cache_stats total;
    size_t count = perfopt__specs_read(specs, &total, out, 210);
    assert_in_range(count, 190, 201); /* a race for the last places may leave a few unused */
    assert_int_equal(total.hits, 1200);
    assert_string_equal(out[0].name, "(other)");
    for (size_t i = 1; i < count; i++)
        assert_true(out[i].hits <= out[i - 1].hits);
    assert_int_equal(perfopt__specs_read(specs, NULL, out, 3), 3);
    assert_int_equal(perfopt__specs_read(specs, NULL, NULL, 0), 0);
    perfopt__specs_reset(specs);
    perfopt__specs_read(specs, &total, out, 210);
    assert_int_equal(total.hits, 0);
    perfopt__specs_finish(specs);
    free(specs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_tell_everything_apart),
        cmocka_unit_test(keys_depend_on_the_spec),
        cmocka_unit_test(tags_name_everything_a_result_depends_on),
        cmocka_unit_test(lifetimes_have_names),
        cmocka_unit_test(specs_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
