/*
 * test_engine.c - files, the cache of compiled templates, reloading, errors with their place, and
 * numbers.
 */
#include "ssr_helpers.h"

#include <perfopt/metrics.h>

static perfopt_ssr *ssr;

static void create(const perfopt_ssr_options *options)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_ssr_options own = *options;
    own.root = test_root;
    assert_int_equal(perfopt_ssr_create(&own, &ssr, &err), PERFOPT_OK);
}

static int setup(void **state)
{
    (void)state;
    make_root();
    create(PERFOPT_SSR_OPTIONS(.root = test_root));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    perfopt_ssr_destroy(ssr);
    remove_root();
    return 0;
}

static void escapes_by_name(void **state)
{
    (void)state;
    const perfopt_context *context = PERFOPT_CONTEXT({"x", perfopt_string("<b>")});
    const char *const escaped[] = {"a.html", "a.HTM", "a.xml", "a.xhtml"};
    for (size_t i = 0; i < 4; i++) {
        write_template(escaped[i], "{{ x }}");
        renders(ssr, escaped[i], context, "&lt;b&gt;");
    }
    write_template("a.txt", "{{ x }}");
    renders(ssr, "a.txt", context, "<b>");
    write_template("mixed.html", "{{ x }}{% include 'a.txt' %}");
    renders(ssr, "mixed.html", context, "&lt;b&gt;<b>");
}

static void looks_in_entries_before_values(void **state)
{
    (void)state;
    perfopt_arena *arena;
    perfopt_value map;
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    assert_int_equal(perfopt_map_create(arena, &map), PERFOPT_OK);
    perfopt_map_set(map, "a", perfopt_int(1));
    perfopt_map_set(map, "b", perfopt_int(2));
    perfopt_context_entry entries[] = {{"a", perfopt_int(10)}};
    perfopt_context context = {entries, 1, map};
    source_gives(ssr, "{{ a }} {{ b }} {{ c }}", &context, "10 2 ");
    source_gives(ssr, "{{ a }}", NULL, "");
    perfopt_ssr_set_global(ssr, "c", perfopt_int(3));
    perfopt_ssr_set_global(ssr, "b", perfopt_int(30));
    source_gives(ssr, "{{ a }} {{ b }} {{ c }}", &context, "10 2 3");
    perfopt_arena_destroy(arena);
}

static void names_the_place_of_errors(void **state)
{
    (void)state;
    perfopt_bytes *out = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    write_template("syntax.html",
                   "line one\n  {% if x %}\n{{ y | nofilter }}{% endif %}\n{% for %}");
    assert_int_equal(perfopt_ssr_render(ssr, "syntax.html", NULL, &out, &err), PERFOPT_ESYNTAX);
    assert_string_equal(err.detail, "syntax.html:4:8");
    assert_non_null(strstr(err.message, "{% for %}"));
    write_template("run.html", "{% include 'inner.html' %}");
    write_template("inner.html", "ok\n\n   {{ a.b.c }}");
    assert_int_equal(perfopt_ssr_render(ssr, "run.html", NULL, &out, &err), PERFOPT_EFAILED);
    assert_string_equal(err.detail, "inner.html:3:9");
    assert_non_null(strstr(err.message, "'a' is undefined"));
    assert_int_equal(
        render_source(ssr, "\n{% macro m(q) %}\n{{ 1 / q }}{% endmacro %}{{ m(0) }}", NULL, &err),
        PERFOPT_EFAILED);
    assert_string_equal(err.detail, "<string>:3:6");
    assert_null(out);
    assert_null(strchr(err.message, '\n'));
}

static void suggests_near_names(void **state)
{
    (void)state;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(render_source(ssr, "{{ x | uper }}", NULL, &err), PERFOPT_ESYNTAX);
    assert_non_null(strstr(err.message, "did you mean 'upper'"));
    assert_int_equal(render_source(ssr, "{% if 1 %}{{ x is defnied }}{% endif %}", NULL, &err),
                     PERFOPT_EFAILED);
    assert_int_equal(render_source(ssr, "{% for x in y %}", NULL, &err), PERFOPT_ESYNTAX);
    assert_non_null(strstr(err.message, "endfor"));
}

static void missing_templates_are_not_found(void **state)
{
    (void)state;
    perfopt_bytes *out = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    const char *const bad[] = {"no.html", "../etc/passwd", "/etc/passwd", "a/../../b", "", "."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(perfopt_ssr_render(ssr, bad[i], NULL, &out, &err), PERFOPT_ENOTFOUND);
    write_template("inc.html", "{% include '../secret' %}");
    assert_int_equal(perfopt_ssr_render(ssr, "inc.html", NULL, &out, &err), PERFOPT_ENOTFOUND);
    assert_string_equal(err.detail, "inc.html:1:4");
    write_template("bad.html", "a\xFF");
    assert_int_equal(perfopt_ssr_render(ssr, "bad.html", NULL, &out, &err), PERFOPT_ESYNTAX);
    perfopt_ssr *other;
    assert_int_equal(perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.root = "/nonexistent"), &other, &err),
                     PERFOPT_ECONFIG);
}

static void compiles_once(void **state)
{
    (void)state;
    perfopt_render_stats stats;
    write_template("a.html", "{% include 'b.html' %}{% include 'b.html' %}");
    write_template("b.html", "b");
    for (int i = 0; i < 5; i++)
        renders(ssr, "a.html", NULL, "bb");
    perfopt_ssr_get_render_stats(ssr, &stats);
    assert_int_equal(stats.renders, 5);
    assert_int_equal(stats.compiles, 2);
    assert_int_equal(stats.templates, 2);
    assert_int_equal(stats.template_misses, 2);
    assert_int_equal(stats.template_hits, 8); /* an include is looked up once a render */
    assert_int_equal(stats.output_bytes, 10);
    assert_true(stats.cache_enabled && stats.seo_enabled && !stats.auto_reload);
    write_template("b.html", "changed");
    renders(ssr, "a.html", NULL, "bb"); /* not in development */
    assert_int_equal(perfopt_ssr_clear(ssr, "b.html"), 1);
    assert_int_equal(perfopt_ssr_clear(ssr, "b.html"), 0);
    renders(ssr, "a.html", NULL, "changedchanged");
    assert_int_equal(perfopt_ssr_clear(ssr, NULL), 2);
    perfopt_ssr_reset_stats(ssr);
    perfopt_ssr_get_render_stats(ssr, &stats);
    assert_int_equal(stats.renders + stats.compiles + stats.template_hits, 0);
}

static void reloads_changed_files(void **state)
{
    (void)state;
    perfopt_render_stats stats;
    perfopt_ssr_destroy(ssr);
    create(PERFOPT_SSR_OPTIONS(.auto_reload = PERFOPT_ON));
    write_template("base.html", "<{% block a %}{% endblock %}>");
    write_template("a.html", "{% extends 'base.html' %}{% block a %}1{% endblock %}");
    renders(ssr, "a.html", NULL, "<1>");
    renders(ssr, "a.html", NULL, "<1>");
    write_template("base.html", "[{% block a %}{% endblock %}]");
    renders(ssr, "a.html", NULL, "[1]");
    write_template("a.html", "{% extends 'base.html' %}{% block a %}2{% endblock %}");
    renders(ssr, "a.html", NULL, "[2]");
    remove_template("a.html");
    perfopt_bytes *out;
    assert_int_equal(perfopt_ssr_render(ssr, "a.html", NULL, &out, NULL), PERFOPT_ENOTFOUND);
    perfopt_ssr_get_render_stats(ssr, &stats);
    assert_int_equal(stats.reloads, 3);
    assert_int_equal(stats.compiles, 4);
}

static void works_without_the_cache(void **state)
{
    (void)state;
    perfopt_render_stats stats;
    perfopt_ssr_destroy(ssr);
    create(PERFOPT_SSR_OPTIONS(.cache_templates = PERFOPT_OFF));
    write_template("a.html", "1");
    renders(ssr, "a.html", NULL, "1");
    write_template("a.html", "2");
    renders(ssr, "a.html", NULL, "2");
    perfopt_ssr_get_render_stats(ssr, &stats);
    assert_int_equal(stats.compiles, 2);
    assert_int_equal(stats.templates, 0);
}

static void keeps_at_most_max_templates(void **state)
{
    (void)state;
    perfopt_render_stats stats;
    perfopt_ssr_destroy(ssr);
    create(PERFOPT_SSR_OPTIONS(.max_templates = 3));
    for (int i = 0; i < 6; i++) {
        char name[24];
        snprintf(name, sizeof(name), "%d.html", i);
        write_template(name, name);
        renders(ssr, name, NULL, name);
        renders(ssr, "0.html", NULL, "0.html");
    }
    perfopt_ssr_get_render_stats(ssr, &stats);
    assert_int_equal(stats.templates, 3);
    assert_int_equal(stats.compiles, 6); /* 0.html was used all the time and stayed */
}

static void optimising_drops_the_unused(void **state)
{
    (void)state;
    write_template("a.html", "a");
    write_template("b.html", "b");
    write_template("gone.html", "gone");
    renders(ssr, "a.html", NULL, "a");
    renders(ssr, "b.html", NULL, "b");
    renders(ssr, "gone.html", NULL, "gone");
    remove_template("gone.html");
    assert_int_equal(perfopt_ssr_optimize_cache(ssr), 1);
    renders(ssr, "a.html", NULL, "a");
    assert_int_equal(perfopt_ssr_optimize_cache(ssr), 1);
    assert_int_equal(perfopt_ssr_optimize_cache(ssr), 1);
    assert_int_equal(perfopt_ssr_optimize_cache(ssr), 0);
}

static void warms_by_patterns(void **state)
{
    (void)state;
    size_t count = 99;
    perfopt_error err = PERFOPT_ERROR_INIT;
    write_template("a.html", "a");
    write_template("sub/deep/b.html", "b");
    write_template("feed.xml", "x");
    write_template("c.txt", "c");
    assert_int_equal(perfopt_ssr_warm(ssr, NULL, &count, &err), PERFOPT_OK);
    assert_int_equal(count, 3);
    const char *const patterns[] = {"*.txt", NULL};
    assert_int_equal(perfopt_ssr_warm(ssr, patterns, &count, &err), PERFOPT_OK);
    assert_int_equal(count, 1);
    write_template("bad.html", "{% if");
    write_template("worse.html", "{{");
    assert_int_equal(perfopt_ssr_warm(ssr, NULL, &count, &err), PERFOPT_ESYNTAX);
    assert_int_equal(count, 3);
    renders(ssr, "sub/deep/b.html", NULL, "b");
}

/* ---- numbers -------------------------------------------------------------------------------- */

static void tells_templates_apart(void **state)
{
    (void)state;
    perfopt_template_stats list[8];
    write_template("page.html", "{% include 'part.html' %}");
    write_template("part.html", "part");
    renders(ssr, "page.html", NULL, "part");
    perfopt_ssr_record_render(ssr, "streamed", 5000000, 100, false);
    perfopt_ssr_record_render(ssr, "streamed", 1000000, 100, false);
    perfopt_ssr_record_render(ssr, "streamed", 0, 100, true);
    assert_int_equal(perfopt_ssr_get_templates(ssr, list, 8), 3);
    assert_string_equal(list[0].name, "streamed");
    assert_int_equal(list[0].renders, 2);
    assert_int_equal(list[0].cached, 1);
    assert_int_equal(list[0].output_bytes, 200);
    assert_int_equal(list[0].total_ns, 6000000);
    assert_int_equal(list[0].max_ns, 5000000);
    assert_in_range(list[0].p50_ns, 850000, 1150000);
    assert_in_range(list[0].p95_ns, 4200000, 5000000);
    const perfopt_template_stats *part =
        strcmp(list[1].name, "part.html") == 0 ? &list[1] : &list[2];
    assert_string_equal(part->included_by, "page.html");
    assert_int_equal(part->compiles, 1);
    assert_true(part->compile_ns > 0);
    assert_int_equal(perfopt_ssr_get_templates(ssr, list, 1), 1);
}

static void more_names_than_places_are_others(void **state)
{
    (void)state;
    static perfopt_template_stats list[500];
    for (int i = 0; i < 450; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", i);
        perfopt_ssr_record_render(ssr, name, 1000, 1, false);
    }
    size_t n = perfopt_ssr_get_templates(ssr, list, 500);
    assert_int_equal(n, 400);
    assert_string_equal(list[0].name, "(other)");
    assert_int_equal(list[0].renders, 51);
}

static void adds_one_render_to_the_scope(void **state)
{
    (void)state;
    perfopt_scope scope;
    write_template("a.html", "{% include 'b.html' %}");
    write_template("b.html", "b");
    perfopt_scope_begin(&scope);
    renders(ssr, "a.html", NULL, "b");
    perfopt_scope_end(&scope);
    assert_int_equal(scope.stats.renders, 1);
    assert_true(scope.stats.render_ns > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(escapes_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(looks_in_entries_before_values, setup, teardown),
        cmocka_unit_test_setup_teardown(names_the_place_of_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(suggests_near_names, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_templates_are_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(compiles_once, setup, teardown),
        cmocka_unit_test_setup_teardown(reloads_changed_files, setup, teardown),
        cmocka_unit_test_setup_teardown(works_without_the_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_at_most_max_templates, setup, teardown),
        cmocka_unit_test_setup_teardown(optimising_drops_the_unused, setup, teardown),
        cmocka_unit_test_setup_teardown(warms_by_patterns, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_templates_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(more_names_than_places_are_others, setup, teardown),
        cmocka_unit_test_setup_teardown(adds_one_render_to_the_scope, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
