/*
 * test_fragment.c - {% cache %} blocks and partials over a real in-process cache.
 */
#include "ssr_helpers.h"

static perfopt_ssr *ssr;
static perfopt_cache *cache;
static int calls;

static perfopt_status tick(perfopt_call *call, perfopt_value *out, void *user, perfopt_error *err)
{
    (void)call;
    (void)user;
    (void)err;
    *out = perfopt_int(++calls);
    return PERFOPT_OK;
}

static int setup(void **state)
{
    (void)state;
    make_root();
    calls = 0;
    if (perfopt_cache_create(NULL, &cache, NULL) != PERFOPT_OK)
        return -1;
    if (perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.root = test_root, .cache = cache), &ssr, NULL) !=
        PERFOPT_OK)
        return -1;
    return perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_FUNCTION, "tick", tick, NULL, NULL) ==
                   PERFOPT_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    perfopt_ssr_destroy(ssr);
    perfopt_cache_destroy(cache);
    remove_root();
    return 0;
}

static void blocks_run_once_for_a_key(void **state)
{
    (void)state;
    perfopt_render_stats stats;
    write_template("a.html", "<{% cache key, 60 %}{{ tick() }}{{ x }}{% endcache %}>");
    const perfopt_context *one =
        PERFOPT_CONTEXT({"key", perfopt_int(1)}, {"x", perfopt_string("&")});
    const perfopt_context *two =
        PERFOPT_CONTEXT({"key", perfopt_string("1")}, {"x", perfopt_string("b")});
    renders(ssr, "a.html", one, "<1&amp;>");
    renders(ssr, "a.html", one, "<1&amp;>");
    renders(ssr, "a.html", two, "<2b>"); /* the string '1' is another key than the number 1 */
    renders(ssr, "a.html", one, "<1&amp;>");
    perfopt_ssr_get_render_stats(ssr, &stats);
    assert_int_equal(stats.fragment_hits, 2);
    assert_int_equal(stats.fragment_misses, 2);
    perfopt_template_stats list[2];
    assert_int_equal(perfopt_ssr_get_templates(ssr, list, 2), 1);
    assert_int_equal(list[0].cached, 2);
}

static void tags_invalidate(void **state)
{
    (void)state;
    write_template("a.html",
                   "{% cache 'k', ttl=60, tags=['news', 'n' ~ 5] %}{{ tick() }}{% endcache %}");
    renders(ssr, "a.html", NULL, "1");
    renders(ssr, "a.html", NULL, "1");
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "n5", NULL), PERFOPT_OK);
    renders(ssr, "a.html", NULL, "2");
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "news", NULL), PERFOPT_OK);
    renders(ssr, "a.html", NULL, "3");
}

static void a_changed_include_changes_the_key(void **state)
{
    (void)state;
    write_template("a.html", "{% cache 'k' %}{% include 'b.html' %}{% endcache %}");
    write_template("b.html", "{% include 'c.html' %}");
    write_template("c.html", "{{ tick() }}");
    renders(ssr, "a.html", NULL, "1");
    renders(ssr, "a.html", NULL, "1");
    write_template("c.html", "new {{ tick() }}");
    perfopt_ssr_clear(ssr, NULL);
    renders(ssr, "a.html", NULL, "new 2");
    renders(ssr, "a.html", NULL, "new 2");
}

static void blocks_of_one_template_are_apart(void **state)
{
    (void)state;
    source_gives(
        ssr, "{% cache 'k' %}{{ tick() }}{% endcache %}{% cache 'k' %}{{ tick() }}{% endcache %}",
        NULL, "12");
    write_template("loop.html",
                   "{% for i in [1, 2, 1] %}{% cache i %}{{ tick() }}{% endcache %}{% endfor %}");
    renders(ssr, "loop.html", NULL, "343");
    write_template(
        "nested.html",
        "{% cache 'o' %}[{% cache 'i' %}{{ tick() }}{% endcache %}{{ tick() }}]{% endcache %}");
    renders(ssr, "nested.html", NULL, "[56]");
    renders(ssr, "nested.html", NULL, "[56]");
}

static void failures_are_not_stored(void **state)
{
    (void)state;
    perfopt_bytes *out;
    perfopt_error err = PERFOPT_ERROR_INIT;
    write_template("a.html", "{% cache 'k' %}{{ tick() }}{{ 1 / x }}{% endcache %}");
    const perfopt_context *zero = PERFOPT_CONTEXT({"x", perfopt_int(0)});
    assert_int_equal(perfopt_ssr_render(ssr, "a.html", zero, &out, &err), PERFOPT_EFAILED);
    assert_string_equal(err.detail, "a.html:1:33");
    renders(ssr, "a.html", PERFOPT_CONTEXT({"x", perfopt_int(1)}), "21.0");
    assert_int_equal(render_source(ssr, "{% cache missing.x %}{% endcache %}", NULL, &err),
                     PERFOPT_EFAILED);
    assert_int_equal(render_source(ssr, "{% cache 'k', 'x' %}{% endcache %}", NULL, &err),
                     PERFOPT_EFAILED);
    assert_int_equal(render_source(ssr, "{% cache 'k', 1, 2 %}{% endcache %}", NULL, &err),
                     PERFOPT_ESYNTAX);
}

static void without_a_cache_blocks_just_run(void **state)
{
    (void)state;
    perfopt_ssr *plain;
    assert_int_equal(perfopt_ssr_create(NULL, &plain, NULL), PERFOPT_OK);
    source_gives(plain, "a{% cache 'k', 5, tags='x' %}b{% set z = 1 %}{{ z }}{% endcache %}{{ z }}",
                 NULL, "ab1");
    perfopt_ssr_destroy(plain);
}

static void partial(const char *key, const char *wanted)
{
    perfopt_bytes *out = NULL;
    perfopt_render_options options = PERFOPT_RENDER_OPTIONS_INIT;
    options.key = key;
    options.tags = "t";
    assert_int_equal(perfopt_ssr_render_partial(ssr, "p.html", NULL, &options, &out, NULL),
                     PERFOPT_OK);
    assert_string_equal(perfopt_bytes_data(out), wanted);
    perfopt_bytes_release(out);
}

static void partials_are_cached_by_key(void **state)
{
    (void)state;
    perfopt_bytes *out = NULL;
    write_template("p.html", "{{ tick() }}");
    partial("a", "1");
    partial("a", "1");
    partial("b", "2");
    partial(NULL, "3");
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "t", NULL), PERFOPT_OK);
    partial("a", "4");
    assert_int_equal(perfopt_ssr_render_partial(ssr, "p.html", NULL, NULL, &out, NULL), PERFOPT_OK);
    assert_string_equal(perfopt_bytes_data(out), "5");
    perfopt_bytes_release(out);
    assert_int_equal(perfopt_ssr_render_partial(ssr, "no.html", NULL,
                                                PERFOPT_RENDER_OPTIONS(.key = "a"), &out, NULL),
                     PERFOPT_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_run_once_for_a_key, setup, teardown),
        cmocka_unit_test_setup_teardown(tags_invalidate, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_include_changes_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_of_one_template_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_are_not_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_cache_blocks_just_run, setup, teardown),
        cmocka_unit_test_setup_teardown(partials_are_cached_by_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
