/*
 * filters.c - numbers, times and graphics in templates: {{ t.p95_ms | ms }},
 * {{ s.series.rps | spark('requests per second', 'rate', limit) }}.
 */
#include "admin/filters.h"

#include "admin/build.h"
#include "admin/graph.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <math.h>
#include <time.h>

static perfopt_status give(perfopt_call *call, const char *text, size_t length, bool safe,
                           perfopt_value *out, perfopt_error *err)
{
    char *copy = perfopt_arena_copy(perfopt_call_arena(call), text, length);
    if (!copy)
        return perfopt__error_nomem(err);
    *out = perfopt_string_n(copy, length);
    if (safe)
        out->flags = PERFOPT_VALUE_SAFE;
    return PERFOPT_OK;
}

static perfopt_status give_markup(perfopt_call *call, perfopt__strbuf *sb, perfopt_value *out,
                                  perfopt_error *err)
{
    perfopt_status status = sb->failed
                                ? perfopt__error_nomem(err)
                                : give(call, sb->data ? sb->data : "", sb->length, true, out, err);
    perfopt__strbuf_finish(sb);
    return status;
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* `user` is the name of the unit. */
static perfopt_status filter_number(perfopt_call *call, perfopt_value *out, void *user,
                                    perfopt_error *err)
{
    char text[PERFOPT__FORMAT];
    perfopt__format_fn format = perfopt__format_named(user, strlen(user));
    format(perfopt__number_of(perfopt_call_arg(call, 0)), text);
    return give(call, text, strlen(text), false, out, err);
}

/* An alert's number in the unit it came with: "ms", "%", or none. */
static perfopt_status filter_plain(perfopt_call *call, perfopt_value *out, void *user,
                                   perfopt_error *err)
{
    (void)user;
    char text[PERFOPT__FORMAT];
    double x = perfopt__number_of(perfopt_call_arg(call, 0));
    perfopt_value unit = perfopt_call_arg(call, 1);
    bool has_unit = unit.kind == PERFOPT_STRING && unit.length > 0;
    if (has_unit && unit.as.string[0] == '%')
        perfopt__format_points(x, text);
    else if (has_unit && unit.as.string[0] == 'm')
        perfopt__format_ms(x, text);
    else
        perfopt__format_decimal(x, text);
    return give(call, text, strlen(text), false, out, err);
}

static int64_t iso_seconds(const char *text)
{
    struct tm tm = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : -1;
}

/* Time of day of an ISO date or of seconds since the epoch. */
static perfopt_status filter_clock(perfopt_call *call, perfopt_value *out, void *user,
                                   perfopt_error *err)
{
    (void)user;
    perfopt_value value = perfopt_call_arg(call, 0);
    double number = perfopt__number_of(value);
    int64_t wall_s = value.kind == PERFOPT_STRING
                         ? iso_seconds(perfopt__text_of(perfopt_call_arena(call), value))
                     : isfinite(number) ? (int64_t)number
                                        : -1;
    char text[PERFOPT__FORMAT] = PERFOPT__DASH;
    if (wall_s >= 0)
        perfopt__format_clock(wall_s, perfopt__wall_s(), text);
    return give(call, text, strlen(text), false, out, err);
}

/* ---- text --------------------------------------------------------------------------------- */

/* The first n bytes at most, cut at a character. */
static perfopt_status filter_cut(perfopt_call *call, perfopt_value *out, void *user,
                                 perfopt_error *err)
{
    (void)user;
    size_t length;
    const char *text = perfopt_call_text(call, perfopt_call_arg(call, 0), &length);
    if (!text)
        return perfopt__error_nomem(err);
    double most = perfopt__number_of(perfopt_call_arg(call, 1));
    if (most >= 0 && (double)length > most) {
        length = (size_t)most;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    return give(call, text, length, false, out, err);
}

/* Percent-encoded for a query argument. */
static perfopt_status filter_quote(perfopt_call *call, perfopt_value *out, void *user,
                                   perfopt_error *err)
{
    (void)user;
    size_t length;
    const char *text = perfopt_call_text(call, perfopt_call_arg(call, 0), &length);
    if (!text)
        return perfopt__error_nomem(err);
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_put_url(&sb, text, length);
    return give_markup(call, &sb, out, err); /* unreserved characters and escapes only */
}

/* ---- graphics ----------------------------------------------------------------------------- */

/* The list's numbers in the call's arena; NULL if it is no list or empty. */
static double *points_of(perfopt_call *call, perfopt_value list, size_t *count)
{
    *count = list.kind == PERFOPT_LIST ? perfopt_value_count(list) : 0;
    double *points =
        *count ? perfopt_arena_alloc(perfopt_call_arena(call), *count * sizeof(double)) : NULL;
    for (size_t i = 0; points && i < *count; i++)
        points[i] = perfopt__number_of(perfopt_value_at(list, i));
    return points;
}

static perfopt__format_fn unit_of(perfopt_value unit)
{
    perfopt__format_fn format =
        unit.kind == PERFOPT_STRING ? perfopt__format_named(unit.as.string, unit.length) : NULL;
    return format ? format : perfopt__format_decimal;
}

/* points | spark(label, unit, mark) */
static perfopt_status filter_spark(perfopt_call *call, perfopt_value *out, void *user,
                                   perfopt_error *err)
{
    (void)user;
    perfopt_arena *arena = perfopt_call_arena(call);
    perfopt__graph graph = {.label = perfopt__text_of(arena, perfopt_call_arg(call, 1)),
                            .format = unit_of(perfopt_call_arg(call, 2)),
                            .mark = perfopt__number_of(perfopt_call_arg(call, 3))};
    graph.points = points_of(call, perfopt_call_arg(call, 0), &graph.count);
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__graph_spark(&graph, &sb);
    return give_markup(call, &sb, out, err);
}

/* points | plot(second points or none, label, unit) */
static perfopt_status filter_plot(perfopt_call *call, perfopt_value *out, void *user,
                                  perfopt_error *err)
{
    (void)user;
    perfopt_arena *arena = perfopt_call_arena(call);
    perfopt__graph graph = {.label = perfopt__text_of(arena, perfopt_call_arg(call, 2)),
                            .format = unit_of(perfopt_call_arg(call, 3)),
                            .mark = NAN};
    size_t second = 0;
    graph.points = points_of(call, perfopt_call_arg(call, 0), &graph.count);
    graph.second = points_of(call, perfopt_call_arg(call, 1), &second);
    if (second != graph.count)
        graph.second = NULL;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__graph_plot(&graph, &sb);
    return give_markup(call, &sb, out, err);
}

static perfopt_status filter_bar(perfopt_call *call, perfopt_value *out, void *user,
                                 perfopt_error *err)
{
    (void)user;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__graph_bar(perfopt__number_of(perfopt_call_arg(call, 0)), &sb);
    return give_markup(call, &sb, out, err);
}

perfopt_status perfopt__filters_register(perfopt_ssr *ssr)
{
    static const struct {
        const char *name;
        perfopt_template_fn fn;
    } filters[] = {
        {"ms", filter_number},      {"duration", filter_number}, {"nanos", filter_number},
        {"percent", filter_number}, {"points", filter_number},   {"count", filter_number},
        {"rate", filter_number},    {"bytes", filter_number},    {"decimal", filter_number},
        {"change", filter_number},  {"plain", filter_plain},     {"clock", filter_clock},
        {"cut", filter_cut},        {"quote", filter_quote},     {"spark", filter_spark},
        {"plot", filter_plot},      {"bar", filter_bar},
    };
    perfopt_status status = PERFOPT_OK;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]) && status == PERFOPT_OK; i++)
        status = perfopt_ssr_register(ssr, PERFOPT_TEMPLATE_FILTER, filters[i].name, filters[i].fn,
                                      (void *)(uintptr_t)filters[i].name, NULL);
    return status;
}
