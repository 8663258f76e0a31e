/*
 * test_limits.c - a template cannot hang the process, exhaust its memory or its stack.
 */
#include "ssr_helpers.h"

static perfopt_ssr *ssr;

static int setup(void **state)
{
    (void)state;
    make_root();
    perfopt_ssr_options options = PERFOPT_SSR_OPTIONS_INIT;
    options.root = test_root;
    options.max_steps = 10000;
    options.max_output_bytes = 100000;
    options.max_depth = 50;
    return perfopt_ssr_create(&options, &ssr, NULL) == PERFOPT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    perfopt_ssr_destroy(ssr);
    remove_root();
    return 0;
}

static void ends_with(const char *source, perfopt_status wanted)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status st = render_source(ssr, source, NULL, &err);
    if (st != wanted)
        print_error("%.60s: %s\n", source, err.message);
    assert_int_equal(st, wanted);
}

static void steps_are_counted(void **state)
{
    (void)state;
    const char *const endless[] = {
        "{% for i in range(1000000000) %}{% endfor %}",
        "{% for i in range(200) %}{% for j in range(200) %}{% endfor %}{% endfor %}",
        "{{ range(1000000000)|list }}",
        "{{ range(1000000000)|sum }}",
        "{{ range(1000000000)|max }}",
        "{{ 'x' in range(1000000000)|map('string') }}",
        "{{ range(1000000000)|join }}",
        "{{ [1]|batch(1, 0)|list }}{{ range(99999999)|select('odd')|list }}",
        "{% set l = [1] %}{% for i in l %}{{ l.append(1) or '' }}{% endfor %}",
        "{{ range(9000)|sort(reverse=true)|first }}",
        "{{ range(1, 1000000000)|unique|list }}",
        "{{ dict(range(100000000)|map('string')) }}",
        "{{ [1]|slice(1000000000)|list }}",
    };
    for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++)
        ends_with(endless[i], PERFOPT_ELIMIT);
    ends_with("{% for i in range(9000) %}{% endfor %}", PERFOPT_OK);
    ends_with(
        "{{ range(1000000000)|length }}{{ range(1000000000)[999] }}{{ 5 in range(1000000000) }}",
        PERFOPT_OK);
}

static void output_and_memory_are_bounded(void **state)
{
    (void)state;
    const char *const large[] = {
        "{% for i in range(5000) %}{{ 'abcdefghijklmnopqrstuvwxyz' }}{% endfor %}",
        "{{ 'x' * 1000000 }}",
        "{{ 'x' * 1000000000000 }}",
        "{% set x = 'x' * 1000000000 %}",
        "{{ [1] * 100000000 }}",
        "{{ '%100000000d' % 1 }}",
        "{{ '{:100000000}'.format(1) }}",
        "{{ 'x'|center(100000000) }}",
        "{{ 'x'.ljust(100000000) }}",
        "{{ 'x'.zfill(9999999) }}",
        "{% set ns = namespace(x='xxxxxxxx') %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}"
        "{% endfor %}",
        "{{ ('a' * 20000)|replace('a', 'b' * 20000) }}",
        "{% set x = 'a' * 20000 %}{{ x|replace('', x) }}",
        "{{ 'a\n' * 20000 }}{{ ('a\n' * 20000)|indent(100) }}",
        "{{ '<' * 99999 }}{{ '<' * 99999 }}",
        "{{ ('<' * 99999)|e|e|e|e }}",
    };
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
        ends_with(large[i], PERFOPT_ELIMIT);
    ends_with("{{ 'x' * 90000 }}", PERFOPT_OK);
}

static void recursion_is_bounded(void **state)
{
    (void)state;
    write_template("a.html", "{% include 'b.html' %}");
    write_template("b.html", "{% include 'a.html' %}");
    write_template("self.html", "{% extends 'self.html' %}");
    write_template("import.html", "{% import 'import.html' as x %}");
    perfopt_bytes *out;
    assert_int_equal(perfopt_ssr_render(ssr, "a.html", NULL, &out, NULL), PERFOPT_ELIMIT);
    assert_int_equal(perfopt_ssr_render(ssr, "self.html", NULL, &out, NULL), PERFOPT_ELIMIT);
    assert_int_equal(perfopt_ssr_render(ssr, "import.html", NULL, &out, NULL), PERFOPT_ELIMIT);
    ends_with("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", PERFOPT_ELIMIT);
    ends_with("{% macro m() %}{{ caller() }}{% endmacro %}"
              "{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}",
              PERFOPT_ELIMIT);
    ends_with("{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}", PERFOPT_ELIMIT);
    ends_with("{% block a %}{{ self.a() }}{% endblock %}", PERFOPT_ELIMIT);
    ends_with("{% set l = [] %}{{ l.append(l) }}{{ l }}", PERFOPT_OK);
    ends_with("{% set n = namespace() %}{% set n.n = n %}{{ n }}", PERFOPT_OK);
    ends_with("{% set l = [] %}{{ l.append(l) }}{{ l|tojson }}", PERFOPT_ELIMIT);
    ends_with(
        "{% set n = namespace(l=[]) %}{% for i in range(900) %}{% set n.l = [n.l] %}{% endfor %}"
        "{{ n.l }}",
        PERFOPT_ELIMIT);
}

static char *repeated(const char *part, size_t count, const char *before, const char *after)
{
    size_t n = strlen(part);
    char *text = malloc(strlen(before) + n * count + strlen(after) + 1);
    char *p = stpcpy(text, before);
    for (size_t i = 0; i < count; i++)
        p = stpcpy(p, part);
    strcpy(p, after);
    return text;
}

static void nested_source_is_bounded(void **state)
{
    (void)state;
    const struct {
        const char *part, *before, *after;
    } cases[] = {
        {"(", "{{ ", "1"},
        {"[", "{{ ", ""},
        {"-", "{{ ", "1 }}"},
        {"not ", "{{ ", "1 }}"},
        {"{1:", "{{ ", "1"},
        {"{% if 1 %}", "", ""},
        {"{% for a in b %}", "", ""},
        {"1 + ", "{{ ", "1 }}"},
        {".a", "{{ x", " }}"},
        {"|upper", "{{ x", " }}"},
        {"[0]", "{{ x", " }}"},
        {"()", "{{ x", " }}"},
        {" if 1 else 2", "{{ 1", " }}"},
        {" is odd", "{{ 1", " }}"},
        {"1 if ", "{{ ", " }}"},
        {"1 if 1 else ", "{{ ", "1 }}"},
        {"a,(", "{% set ", "b"},
        {"f(", "{{ ", ""},
        {" and 1", "{{ 1", " }}"},
        {"2 ** ", "{{ ", "2 }}"},
        {"{% if 1 %}{% else %}", "", ""},
        {"(a,", "{% for ", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *source = repeated(cases[i].part, 20000, cases[i].before, cases[i].after);
        assert_int_equal(render_source(ssr, source, NULL, NULL), PERFOPT_ESYNTAX);
        free(source);
    }
    char *concat = repeated(" ~ 1", 400, "{{ 1", " }}");
    assert_int_equal(render_source(ssr, concat, NULL, NULL), PERFOPT_OK);
    free(concat);
    char *elif = repeated("{% elif 0 %}x", 20000, "{% if 0 %}", "{% else %}y{% endif %}");
    assert_int_equal(render_source(ssr, elif, NULL, NULL), PERFOPT_OK);
    free(elif);
}

/* Sources that are only large compile in a time that grows with their size. */
static void large_source_compiles(void **state)
{
    (void)state;
    char *sets = repeated("{% set a = 1 %}{% if a %}{{ a }}{% endif %}", 4000, "", "");
    assert_int_equal(render_source(ssr, sets, NULL, NULL), PERFOPT_OK);
    free(sets);
    char *text = repeated("lorem ipsum {{ x }} ", 8000, "", "");
    assert_int_equal(render_source(ssr, text, NULL, NULL), PERFOPT_ELIMIT); /* of output */
    free(text);
    char *long_line = repeated("{{x}}", 9000, "", "");
    assert_int_equal(render_source(ssr, long_line, NULL, NULL), PERFOPT_OK);
    free(long_line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(output_and_memory_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(recursion_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(nested_source_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(large_source_compiles, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
