/*
 * test_view.c - numbers as text, graphics, and the main table's filter, order and pages.
 */
#include "admin/format.h"
#include "admin/graph.h"
#include "admin/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N PERFOPT__NBSP

static void test_formats(void **state)
{
    (void)state;
    const struct {
        const char *unit;
        double x;
        const char *text;
    } cases[] = {
        {"ms", 0, "0" N "ms"},
        {"ms", 0.424, "0.42" N "ms"},
        {"ms", 8.31, "8.3" N "ms"},
        {"ms", 84.4, "84" N "ms"},
        {"ms", 1240, "1.24" N "s"},
        {"ms", 90000, "1.5" N "min"},
        {"ms", NAN, PERFOPT__DASH},
        {"duration", 37400, "37" N "s"},
        {"duration", 8123000, "2.3" N "h"},
        {"duration", 1e9, "11.6" N "days"},
        {"percent", 0, "0" N "%"},
        {"percent", 0.00194, "0.19" N "%"},
        {"percent", 0.042, "4.2" N "%"},
        {"percent", 0.912, "91" N "%"},
        {"percent", 0.9989, "99.9" N "%"},
        {"percent", 0.99995, "100" N "%"},
        {"percent", 1, "100" N "%"},
        {"percent", INFINITY, PERFOPT__DASH},
        {"count", 0, "0"},
        {"count", 999, "999"},
        {"count", 1204, "1,204"},
        {"count", 1234567, "1,234,567"},
        {"count", 12345678, "12.3" N "M"},
        {"count", 5e10, "50" N "G"},
        {"count", -1204, "-1,204"},
        {"rate", 0.0312, "0.03/s"},
        {"rate", 41.24, "41.2/s"},
        {"rate", 1234, "1,234/s"},
        {"bytes", 0, "0" N "B"},
        {"bytes", 1023, "1023" N "B"},
        {"bytes", 1536, "1.5" N "KiB"},
        {"bytes", 310 * 1048576.0, "310" N "MiB"},
        {"bytes", 1e16, "9095" N "TiB"},
        {"decimal", 1.3, "1.3"},
        {"decimal", 2, "2"},
        {"nanos", 58.2, "58" N "ns"},
        {"points", 4.25, "4.2" N "%"},
        {"change", 0.12, "+12" N "% vs before"},
        {"change", -0.08,
         "\xe2\x88\x92"
         "8" N "% vs before"},
        {"change", 0.001, "as before"},
        {"change", 50, "over 10 times as before"},
        {"count", 1e300, "very many" N "G"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[PERFOPT__FORMAT];
        perfopt__format_fn fn = perfopt__format_named(cases[i].unit, strlen(cases[i].unit));
        assert_non_null(fn);
        assert_string_equal(fn(cases[i].x, text), cases[i].text);
    }
    assert_null(perfopt__format_named("furlongs", 8));
}

static void test_clock(void **state)
{
    (void)state;
    char text[PERFOPT__FORMAT];
    const int64_t noon = 1767268800; /* 2026-01-01T12:00:00Z */
    assert_string_equal(perfopt__format_clock(noon + 5, noon + 10, text), "12:00:05");
    assert_string_equal(perfopt__format_clock(noon, noon + 86400, text), "1" N "Jan 12:00");
    assert_string_equal(perfopt__format_clock(noon - 86400, noon, text), "31" N "Dec 12:00");
}

/* ---- graphics ------------------------------------------------------------------------------ */

static void test_spark(void **state)
{
    (void)state;
    const double points[] = {10, 20, NAN, NAN, 40, NAN, 30};
    perfopt__graph graph = {points, NULL, 7, "p95 <x>", perfopt__format_ms, 50};
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__graph_spark(&graph, &sb);
    assert_non_null(strstr(sb.data, "<title>p95 &lt;x&gt; 30" N "ms now, min 10" N "ms, max 40" N
                                    "ms</title>"));
    assert_non_null(strstr(sb.data, "class=\"mark\""));
    assert_null(strstr(sb.data, "style="));
    assert_null(strstr(sb.data, "nan"));
    /* Three runs of points: three strokes begin. */
    const char *d = strstr(sb.data, "class=\"curve\" d=\"");
    int begins = 0;
    for (const char *p = d + 17; *p && *p != '"'; p++)
        begins += *p == 'M';
    assert_int_equal(begins, 3);
    perfopt__strbuf_finish(&sb);
}

static void test_graph_without_data(void **state)
{
    (void)state;
    const double points[] = {NAN, NAN};
    perfopt__graph graph = {points, NULL, 2, "p95", perfopt__format_ms, NAN};
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__graph_spark(&graph, &sb);
    perfopt__graph_bar(NAN, &sb);
    assert_int_equal(sb.length, 0);
    perfopt__graph_plot(&graph, &sb);
    assert_non_null(strstr(sb.data, "No data"));
    perfopt__strbuf_finish(&sb);
    graph.count = 0;
    graph.points = NULL;
    perfopt__graph_spark(&graph, &sb);
    assert_int_equal(sb.length, 0);
}

static void test_graph_of_zeros_and_one_point(void **state)
{
    (void)state;
    const double points[] = {0};
    perfopt__graph graph = {points, NULL, 1, "errors", perfopt__format_percent, 0.01};
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__graph_spark(&graph, &sb);
    perfopt__graph_plot(&graph, &sb);
    assert_non_null(strstr(sb.data, "M0.0 35.0h.8"));
    assert_null(strstr(sb.data, "nan"));
    assert_null(strstr(sb.data, "inf"));
    perfopt__strbuf_finish(&sb);
}

/* ---- table --------------------------------------------------------------------------------- */

static const perfopt__column columns[] = {
    {"Name", "name", false}, {"Time", "ms", true}, {"Hash", NULL, false}};
static const char *const search[] = {"name", NULL};

static perfopt_value make_rows(perfopt__build *b, size_t count)
{
    perfopt_value rows = perfopt__build_list(b);
    for (size_t i = 0; i < count; i++) {
        perfopt_value row = perfopt__build_map(b);
        perfopt__put_printf(b, row, "name", "row-%03zu", i);
        perfopt__put_number(b, row, "ms", i % 10 == 3 ? NAN : (double)((i * 37) % count));
        perfopt__add(b, rows, row);
    }
    return rows;
}

static perfopt__table make_table(void)
{
    return (perfopt__table){.columns = columns,
                            .column_count = 3,
                            .search = search,
                            .panel = "routes",
                            .window = "5m",
                            .by_default = "ms"};
}

static const char *name_at(perfopt__build *b, perfopt_value view, size_t i)
{
    return perfopt__text_of(b->arena,
                            perfopt__at(perfopt_value_at(perfopt__at(view, "rows"), i), "name"));
}

static int64_t int_at(perfopt_value view, const char *name)
{
    perfopt_value value = perfopt__at(view, name);
    assert_int_equal(value.kind, PERFOPT_INT);
    return value.as.integer;
}

static void test_table_pages(void **state)
{
    (void)state;
    perfopt__build b = {0};
    assert_int_equal(perfopt_arena_create(0, &b.arena), PERFOPT_OK);
    perfopt_value rows = make_rows(&b, 60);
    const struct {
        int64_t page, first, last;
        bool previous, next;
    } cases[] = {{1, 1, 25, false, true},  {2, 26, 50, true, true},
                 {3, 51, 60, true, false}, {99, 51, 60, true, false},
                 {-5, 1, 25, false, true}, {INT64_MAX, 51, 60, true, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        perfopt__table table = make_table();
        table.page = cases[i].page;
        perfopt_value view = perfopt__table_view(&b, &table, rows);
        assert_int_equal(int_at(view, "first"), cases[i].first);
        assert_int_equal(int_at(view, "last"), cases[i].last);
        assert_int_equal(perfopt__at(view, "previous").kind != PERFOPT_UNDEFINED,
                         cases[i].previous);
        assert_int_equal(perfopt__at(view, "next").kind != PERFOPT_UNDEFINED, cases[i].next);
        assert_int_equal(perfopt_value_count(perfopt__at(view, "rows")),
                         cases[i].last - cases[i].first + 1);
    }
    assert_int_equal(b.status, PERFOPT_OK);
    perfopt_arena_destroy(b.arena);
}

static void test_table_order(void **state)
{
    (void)state;
    perfopt__build b = {0};
    assert_int_equal(perfopt_arena_create(0, &b.arena), PERFOPT_OK);
    perfopt_value rows = make_rows(&b, 20);
    perfopt__table table = make_table();
    perfopt_value view = perfopt__table_view(&b, &table, rows);
    double last = INFINITY;
    bool ended = false;
    for (size_t i = 0; i < 20; i++) {
        double ms =
            perfopt__number_of(perfopt__at(perfopt_value_at(perfopt__at(view, "rows"), i), "ms"));
        assert_false(ended && !isnan(ms)); /* rows without a value come last */
        ended = isnan(ms);
        assert_true(ended || ms <= last);
        last = ended ? last : ms;
    }
    table.sort = "name";
    table.ascending = true;
    view = perfopt__table_view(&b, &table, rows);
    assert_string_equal(name_at(&b, view, 0), "row-000");
    assert_string_equal(
        perfopt__text_of(b.arena,
                         perfopt__at(perfopt_value_at(perfopt__at(view, "columns"), 0), "sorted")),
        "ascending");
    table.ascending = false;
    view = perfopt__table_view(&b, &table, rows);
    assert_string_equal(name_at(&b, view, 0), "row-019");
    table.sort = "no such column";
    view = perfopt__table_view(&b, &table, rows);
    assert_string_equal(
        perfopt__text_of(b.arena,
                         perfopt__at(perfopt_value_at(perfopt__at(view, "columns"), 1), "sorted")),
        "descending");
    perfopt_arena_destroy(b.arena);
}

static void test_table_filter_and_addresses(void **state)
{
    (void)state;
    perfopt__build b = {0};
    assert_int_equal(perfopt_arena_create(0, &b.arena), PERFOPT_OK);
    perfopt_value rows = make_rows(&b, 60);
    perfopt__table table = make_table();
    table.q = "ROW-01";
    perfopt_value view = perfopt__table_view(&b, &table, rows);
    assert_int_equal(int_at(view, "matched"), 10);
    assert_int_equal(int_at(view, "total"), 60);
    table.q = "\"><script>&x=1";
    table.sort = "name";
    view = perfopt__table_view(&b, &table, rows);
    assert_int_equal(int_at(view, "matched"), 0);
    assert_int_equal(int_at(view, "first"), 0);
    const char *href = perfopt__text_of(
        b.arena, perfopt__at(perfopt_value_at(perfopt__at(view, "columns"), 1), "href"));
    assert_string_equal(href, "?window=5m&q=%22%3E%3Cscript%3E%26x%3D1&sort=ms#routes");
    assert_string_equal(perfopt__text_of(b.arena, perfopt__at(view, "here")),
                        "?window=5m&q=%22%3E%3Cscript%3E%26x%3D1&sort=name");
    perfopt_arena_destroy(b.arena);
}

static void test_table_of_nothing(void **state)
{
    (void)state;
    perfopt__build b = {0};
    assert_int_equal(perfopt_arena_create(0, &b.arena), PERFOPT_OK);
    perfopt__table table = make_table();
    perfopt_value view = perfopt__table_view(&b, &table, perfopt_none());
    assert_int_equal(int_at(view, "total"), 0);
    assert_int_equal(int_at(view, "pages"), 0);
    assert_int_equal(b.status, PERFOPT_OK);
    perfopt_arena_destroy(b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_spark),
        cmocka_unit_test(test_graph_without_data),
        cmocka_unit_test(test_graph_of_zeros_and_one_point),
        cmocka_unit_test(test_table_pages),
        cmocka_unit_test(test_table_order),
        cmocka_unit_test(test_table_filter_and_addresses),
        cmocka_unit_test(test_table_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
