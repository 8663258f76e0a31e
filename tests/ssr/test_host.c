/*
 * test_host.c - functions, filters, tests and objects of the host.
 */
#include "ssr_helpers.h"

#include "base/error.h"

static perfopt_ssr *ssr;
static int freed;

static int setup(void **state)
{
    (void)state;
    freed = 0;
    return perfopt_ssr_create(NULL, &ssr, NULL) == PERFOPT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    perfopt_ssr_destroy(ssr);
    return 0;
}

static void count_free(void *user)
{
    (void)user;
    freed++;
}

/* link(text, href="/"): arguments by position and name, markup if auto-escaping is on. */
static perfopt_status link_to(perfopt_call *call, perfopt_value *out, void *user,
                              perfopt_error *err)
{
    size_t length;
    const char *text = perfopt_call_text(call, perfopt_call_arg(call, 0), &length);
    perfopt_value href = perfopt_call_named(call, "href", 1);
    if (!text)
        return PERFOPT_ENOMEM;
    if (href.kind != PERFOPT_STRING)
        return perfopt__error_set(err, PERFOPT_EINVAL, "href is missing for '%s'", text);
    char *markup =
        perfopt_arena_printf(perfopt_call_arena(call), "<a href=\"%s\">%s</a>%s",
                             perfopt_call_text(call, href, NULL), text, (const char *)user);
    if (!markup)
        return PERFOPT_ENOMEM;
    *out = perfopt_call_autoescape(call) ? perfopt_safe(markup) : perfopt_string(markup);
    return PERFOPT_OK;
}

static perfopt_status is_long(perfopt_call *call, perfopt_value *out, void *user,
                              perfopt_error *err)
{
    (void)user;
    (void)err;
    assert_int_equal(perfopt_call_count(call), 2);
    *out = perfopt_bool((int64_t)perfopt_value_count(perfopt_call_arg(call, 0)) >
                        perfopt_call_arg(call, 1).as.integer);
    return PERFOPT_OK;
}

static void registers_all_kinds(void **state)
{
    (void)state;
    const perfopt_context *context = PERFOPT_CONTEXT({"x", perfopt_string("text")});
    assert_int_equal(perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_FUNCTION, "link", link_to,
                                          (void *)"!", count_free),
                     PERFOPT_OK);
    assert_int_equal(perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_FILTER, "linked", link_to,
                                          (void *)"", count_free),
                     PERFOPT_OK);
    assert_int_equal(
        perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_TEST, "longer", is_long, NULL, NULL),
        PERFOPT_OK);
    source_gives(ssr, "{{ link(x, '/a') }}{{ link(5, href='/b') }}", context,
                 "<a href=\"/a\">text</a>!<a href=\"/b\">5</a>!");
    source_gives(ssr, "{{ x | linked('/c') }}", context, "<a href=\"/c\">text</a>");
    source_gives(ssr, "{{ x is longer(3) }}{{ x is longer 4 }}", context, "TrueFalse");
    source_gives(ssr, "{{ ['a', 'abc'] | select('longer', 2) | list }}", context,
                 "[&#39;abc&#39;]");
    source_gives(ssr, "{{ x[1:3] | linked('/c') }}", context, "<a href=\"/c\">ex</a>");
}

static void errors_get_a_place(void **state)
{
    (void)state;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_FUNCTION, "link", link_to, (void *)"", NULL);
    assert_int_equal(render_source(ssr, "\n{{ link('x') }}", NULL, &err), PERFOPT_EFAILED);
    assert_string_equal(err.detail, "<string>:2:8");
    assert_non_null(strstr(err.message, "link(): href is missing for 'x'"));
}

static void replaces_and_frees(void **state)
{
    (void)state;
    perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_FILTER, "upper", link_to, (void *)"1", count_free);
    perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_FILTER, "upper", link_to, (void *)"2", count_free);
    assert_int_equal(freed, 1);
    source_gives(ssr, "{{ 'x' | upper('/') }}", NULL, "<a href=\"/\">x</a>2");
    assert_int_equal(perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_FILTER, "no name", link_to,
                                          (void *)"", count_free),
                     PERFOPT_EINVAL);
    assert_int_equal(freed, 2);
    perfopt_ssr_destroy(ssr);
    assert_int_equal(freed, 3);
    assert_int_equal(setup(NULL), 0);
}

/* ---- objects -------------------------------------------------------------------------------- */

typedef struct rows {
    perfopt_object object;
    const char *const *names;
    size_t count;
} rows;

static bool row_attribute(const perfopt_object *self, uint32_t index, const char *name,
                          size_t length, perfopt_value *out)
{
    const rows *r = (const rows *)self;
    if (length != 4 || memcmp(name, "name", 4) != 0)
        return false;
    *out = perfopt_string(r->names[index]);
    return true;
}

static const perfopt_object_class row_class = {
    .struct_size = sizeof(row_class), .name = "row", .attribute = row_attribute};

typedef struct table {
    perfopt_object object;
    rows rows;
} table;

static size_t table_count(const perfopt_object *self, uint32_t index)
{
    (void)index;
    return ((const table *)self)->rows.count;
}

static bool table_item(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    (void)index;
    *out = perfopt_object_value(&((const table *)self)->rows.object, (uint32_t)i);
    return true;
}

static const perfopt_object_class table_class = {
    .struct_size = sizeof(table_class), .name = "rows", .count = table_count, .item = table_item};

static void objects_are_read_in_place(void **state)
{
    (void)state;
    static const char *const names[] = {"a<b", "c", "d"};
    table t = {{&table_class}, {{&row_class}, names, 3}};
    const perfopt_context *context = PERFOPT_CONTEXT({"rows", perfopt_object_value(&t.object, 0)});
    source_gives(ssr,
                 "{% for r in rows %}{{ loop.index }}/{{ loop.length }} {{ r.name }}{{ r['name'] }}"
                 "{{ r.other }}{{ ', ' if not loop.last }}{% endfor %}",
                 context, "1/3 a&lt;ba&lt;b, 2/3 cc, 3/3 dd");
    source_gives(
        ssr, "{{ rows[1].name }}{{ rows[-1].name }}{{ rows|length }}{{ rows|first is mapping }}",
        context, "cd3False");
    source_gives(ssr, "{{ rows|map(attribute='name')|join(',') }} {{ rows[1:]|length }}", context,
                 "a&lt;b,c,d 2");
    source_gives(ssr, "{{ rows|sort(attribute='name', reverse=true)|map(attribute='name')|first }}",
                 context, "d");
    source_gives(ssr, "{% if rows %}yes{% endif %}{{ rows is sequence }}{{ rows is iterable }}",
                 context, "yesTrueTrue");
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(render_source(ssr, "{% for x in rows[0] %}{% endfor %}", context, &err),
                     PERFOPT_EFAILED);
}

/* Values of the host are shared by threads: templates read them only. */
static void host_values_cannot_be_changed(void **state)
{
    (void)state;
    perfopt_arena *arena;
    perfopt_value list;
    perfopt_value map;
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    assert_int_equal(perfopt_list_create(arena, &list), PERFOPT_OK);
    assert_int_equal(perfopt_map_create(arena, &map), PERFOPT_OK);
    perfopt_list_append(list, perfopt_int(1));
    perfopt_map_set(map, "a", perfopt_int(1));
    const perfopt_context *context = PERFOPT_CONTEXT({"l", list}, {"m", map});
    const char *const bad[] = {
        "{{ l.append(2) }}",   "{{ l.pop() }}",    "{{ l.sort() }}",  "{{ l.clear() }}",
        "{{ m.update(b=1) }}", "{{ m.pop('a') }}", "{{ m.clear() }}", "{{ m.setdefault('b', 1) }}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(render_source(ssr, bad[i], context, NULL), PERFOPT_EFAILED);
    source_gives(ssr, "{% set c = l.copy() %}{{ c.append(2) }}{{ c }}{{ l }}{{ m }}", context,
                 "None[1, 2][1]{&#39;a&#39;: 1}");
    perfopt_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registers_all_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_get_a_place, setup, teardown),
        cmocka_unit_test_setup_teardown(replaces_and_frees, setup, teardown),
        cmocka_unit_test_setup_teardown(objects_are_read_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(host_values_cannot_be_changed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
