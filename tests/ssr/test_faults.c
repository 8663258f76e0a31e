/*
 * test_faults.c - every allocation of compiling and rendering fails once: an error, no crash,
 * nothing lost.
 */
#include "ssr_helpers.h"
#include "support/failing_alloc.h"

static const char base[] =
    "<title>{% block title %}base{% endblock %}</title>{% block body %}{% endblock %}";
static const char part[] = "{% for t in item.tags %}<i>{{ t|upper }}</i>{% endfor %}";
static const char macros[] = "{% macro link(href, text='go', *%}";
static const char macro_file[] =
    "{% macro link(href, text='go') %}<a href=\"{{ href }}\">{{ text }}"
    "{{ varargs|length }}{{ kwargs }}{% if caller %}{{ caller() }}{% endif %}</a>{% endmacro %}";
static const char page[] =
    "{% extends 'base.html' %}{% from 'macros.html' import link %}{% import 'macros.html' as m "
    "with context %}"
    "{% set total = items|length %}{% set ns = namespace(sum=0) %}"
    "{% block title %}{{ super() }} {{ total }}{% endblock %}"
    "{% block body %}{% for item in items %}{% set ns = namespace(a=1) %}{{ loop.index }}"
    "{% include 'part.html' %}{{ item.name|replace('a', '<b>')|truncate(5) }}{{ link('/x', "
    "item.name, 1, z=2) }}"
    "{% call link('/y') %}{{ item.name }}{% endcall %}{% endfor %}"
    "{% set block %}{{ items|map(attribute='name')|join(', ') }}{% endset %}{{ block }}"
    "{% filter indent %}a\nb{% endfilter %}{{ {'a': [1, 2.5, none], (1, 2): 'x'} }}"
    "{{ '%s-%05.1f' % ('a', 2.25) }}{{ '{:>5}'.format('x') }}{{ items|groupby('name')|length }}"
    "{{ items|sort(attribute='name')|first|tojson }}{{ 'see www.example.com'|urlize }}{{ 'a b "
    "c'|wordwrap(2) }}"
    "{{ seo(title='t') }}{% with a = 1 %}{{ a }}{% endwith %}{{ missing.x|default('d') if false }}"
    "{{ range(20)|batch(3)|list|length }}{{ 'x' ~ 1 ~ '<'|safe }}{{ self.title() }}{% endblock %}";

static perfopt_arena *arena;
static perfopt_value items;

static void make_items(void)
{
    static const char json[] = "[{\"name\": \"abacus\", \"tags\": [\"x\", \"y<\"]},"
                               "{\"name\": \"beta\", \"tags\": []}]";
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    assert_int_equal(perfopt_value_from_json(arena, json, strlen(json), &items, NULL), PERFOPT_OK);
}

static perfopt_status render_once(char **text)
{
    perfopt_ssr *ssr = NULL;
    perfopt_bytes *out = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status st = perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.root = test_root), &ssr, &err);
    if (st == PERFOPT_OK)
        st = perfopt_ssr_render(ssr, "page.html", PERFOPT_CONTEXT({"items", items}), &out, &err);
    if (st == PERFOPT_OK && text)
        *text = strdup(perfopt_bytes_data(out));
    if (st != PERFOPT_OK && st != PERFOPT_ENOMEM)
        print_error("%s\n", err.message);
    perfopt_bytes_release(out);
    perfopt_ssr_destroy(ssr);
    return st;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char *wanted = NULL;
    unsigned failures = 0;
    make_root();
    write_template("base.html", base);
    write_template("part.html", part);
    write_template("macros.html", macro_file);
    write_template("page.html", page);
    make_items();
    assert_int_equal(render_once(&wanted), PERFOPT_OK);
    size_t live = test_alloc_live();
    for (unsigned n = 1;; n++) {
        test_alloc_fail(n);
        char *text = NULL;
        perfopt_status st = render_once(&text);
        bool failed = test_alloc_stop();
        /* Numbers of a template may be given up without harm; everything else is an error. */
        if (st == PERFOPT_OK)
            assert_string_equal(text, wanted);
        else
            assert_int_equal(st, PERFOPT_ENOMEM);
        free(text);
        assert_int_equal(test_alloc_live(), live);
        if (!failed)
            break;
        failures += st == PERFOPT_ENOMEM;
    }
    assert_true(failures > 50);
    free(wanted);
    perfopt_arena_destroy(arena);
    remove_root();
}

/* The same for errors: what was allocated before a syntax or run-time error is freed. */
static void errors_leak_nothing(void **state)
{
    (void)state;
    perfopt_ssr *ssr;
    static const char *const bad[] = {
        macros,
        "{{ 'a'|upper|nofilter }}",
        "{% if 1 %}{{ 'x' ~ 1/0 }}{% endif %}",
        "{% macro m() %}{% set x %}{{ 'abc'.foo.bar }}{% endset %}{% endmacro %}{{ m() }}",
        "{% for i in [1, 2] %}{{ 'a' * i }}{{ {}[1].x }}{% endfor %}",
        "{{ \"abc",
        "{% raw %}",
    };
    assert_int_equal(perfopt_ssr_create(NULL, &ssr, NULL), PERFOPT_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t live = test_alloc_live();
        for (unsigned n = 1;; n++) {
            test_alloc_fail(n);
            perfopt_status st = render_source(ssr, bad[i], NULL, NULL);
            bool failed = test_alloc_stop();
            assert_true(st != PERFOPT_OK);
            assert_int_equal(test_alloc_live(), live);
            if (!failed)
                break;
        }
    }
    perfopt_ssr_destroy(ssr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(errors_leak_nothing),
    };
    test_alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
