/*
 * filters_json.c - tojson, written as Python's json writes it, and pprint.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"
#include "value/number.h"

#include <math.h>

typedef struct writer {
    ssr_runtime *rt;
    perfopt__strbuf out;
    int64_t indent; /* -1 = one line */
    unsigned depth;
} writer;

static bool put_json(writer *w, perfopt_value value);

/* ASCII only; what HTML could misread is escaped too. */
static void put_string(writer *w, ssr_chars s)
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    uint32_t c;
    perfopt__strbuf_putc(&w->out, '"');
    while (p < end) {
        p += perfopt__ssr_next_char(p, end, &c);
        const char *simple = c && c < 0x80 ? strchr("\"\\\b\f\n\r\t", (int)c) : NULL;
        static const char letters[] = "\"\\bfnrt";
        if (simple) {
            perfopt__strbuf_putc(&w->out, '\\');
            perfopt__strbuf_putc(&w->out, letters[simple - "\"\\\b\f\n\r\t"]);
        } else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == '\'' ||
                   (c > 0x7e && c < 0x10000)) {
            perfopt__strbuf_printf(&w->out, "\\u%04x", (unsigned)c);
        } else if (c >= 0x10000) {
            perfopt__strbuf_printf(&w->out, "\\u%04x\\u%04x",
                                   (unsigned)(0xD800 + ((c - 0x10000) >> 10)),
                                   (unsigned)(0xDC00 + ((c - 0x10000) & 0x3FF)));
        } else {
            perfopt__strbuf_putc(&w->out, (char)c);
        }
    }
    perfopt__strbuf_putc(&w->out, '"');
}

static void put_break(writer *w)
{
    if (w->indent < 0)
        return;
    perfopt__strbuf_putc(&w->out, '\n');
    for (int64_t i = 0; i < w->indent * w->depth && !w->out.failed; i++)
        perfopt__strbuf_putc(&w->out, ' ');
}

static void put_comma(writer *w, size_t i)
{
    if (i)
        perfopt__strbuf_puts(&w->out, w->indent < 0 ? ", " : ",");
    put_break(w);
}

static bool enter(writer *w)
{
    if (++w->depth <= 200 && w->out.length <= w->rt->max_output)
        return true;
    return perfopt__ssr_fail(w->rt, PERFOPT_ELIMIT, "the value is too large or nested too deeply");
}

static bool put_list(writer *w, perfopt_value list)
{
    size_t count = perfopt_value_count(list);
    if (!count) {
        perfopt__strbuf_puts(&w->out, "[]");
        return true;
    }
    if (!enter(w))
        return false;
    perfopt__strbuf_putc(&w->out, '[');
    for (size_t i = 0; i < count; i++) {
        put_comma(w, i);
        if (!put_json(w, perfopt_value_at(list, i)))
            return false;
    }
    w->depth--;
    put_break(w);
    perfopt__strbuf_putc(&w->out, ']');
    return true;
}

static bool put_key(writer *w, perfopt_value key)
{
    if (key.kind == PERFOPT_STRING) {
        put_string(w, perfopt__ssr_chars(key));
        return true;
    }
    if (key.kind < PERFOPT_NONE || key.kind > PERFOPT_DOUBLE)
        return perfopt__ssr_fail(w->rt, PERFOPT_EFAILED, "%s cannot be a key in JSON",
                                 perfopt_value_type_name(key));
    perfopt__strbuf_putc(&w->out, '"');
    bool ok = put_json(w, key);
    perfopt__strbuf_putc(&w->out, '"');
    return ok;
}

/* The keys of a map in order; only keys of one kind have one. */
static bool sorted_keys(writer *w, perfopt_value map, perfopt_value *out)
{
    perfopt_value keys;
    perfopt_value args[4];
    static const ssr_builtin *sort;
    if (!perfopt__ssr_to_list(w->rt, map, &keys))
        return false;
    if (!sort)
        sort = perfopt__ssr_find_filter("sort", 4);
    args[0] = keys;
    args[1] = perfopt_bool(false);
    args[2] = perfopt_bool(true);
    args[3].kind = SSR_MISSING;
    perfopt_call call = {.rt = w->rt, .args = args, .count = 1};
    return sort->fn(&call, args, out);
}

static bool put_map(writer *w, perfopt_value map)
{
    perfopt_value keys;
    if (!perfopt_value_count(map)) {
        perfopt__strbuf_puts(&w->out, "{}");
        return true;
    }
    if (!enter(w) || !sorted_keys(w, map, &keys))
        return false;
    perfopt__strbuf_putc(&w->out, '{');
    for (size_t i = 0; i < keys.as.list->count; i++) {
        perfopt_value key = keys.as.list->items[i];
        put_comma(w, i);
        if (!put_key(w, key))
            return false;
        perfopt__strbuf_puts(&w->out, ": ");
        if (!put_json(w, perfopt_value_get_key(map, key)))
            return false;
    }
    w->depth--;
    put_break(w);
    perfopt__strbuf_putc(&w->out, '}');
    return true;
}

static void put_double(writer *w, double value)
{
    char text[32];
    if (isnan(value))
        perfopt__strbuf_puts(&w->out, "NaN");
    else if (isinf(value))
        perfopt__strbuf_puts(&w->out, value < 0 ? "-Infinity" : "Infinity");
    else
        perfopt__strbuf_append(&w->out, text, perfopt__number_from_double(value, text));
}

static bool put_json(writer *w, perfopt_value value)
{
    char text[20];
    switch (value.kind) {
    case PERFOPT_NONE:
        perfopt__strbuf_puts(&w->out, "null");
        return true;
    case PERFOPT_BOOL:
        perfopt__strbuf_puts(&w->out, value.as.boolean ? "true" : "false");
        return true;
    case PERFOPT_INT:
        perfopt__strbuf_append(&w->out, text, perfopt__number_from_int(value.as.integer, text));
        return true;
    case PERFOPT_DOUBLE:
        put_double(w, value.as.real);
        return true;
    case PERFOPT_STRING:
        put_string(w, perfopt__ssr_chars(value));
        return true;
    case PERFOPT_LIST:
        return put_list(w, value);
    case PERFOPT_MAP:
        return put_map(w, value);
    case PERFOPT_OBJECT:
        if (!perfopt__ssr_class_of(value) && value.as.object->cls->count)
            return value.as.object->cls->is_mapping ? put_map(w, value) : put_list(w, value);
        break;
    default:
        break;
    }
    return perfopt__ssr_fail(w->rt, PERFOPT_EFAILED, "%s cannot be written as JSON",
                             perfopt_value_type_name(value));
}

static bool filter_tojson(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    writer w = {.rt = call->rt, .out = PERFOPT__STRBUF_INIT, .indent = -1};
    bool given = perfopt__ssr_given(args[1]) && args[1].kind != PERFOPT_NONE;
    if (given && !perfopt__ssr_to_index(call->rt, args[1], &w.indent))
        return false;
    if (given && (w.indent < 0 || w.indent > 64))
        w.indent = w.indent < 0 ? 0 : 64;
    if (!put_json(&w, args[0])) {
        perfopt__strbuf_finish(&w.out);
        return false;
    }
    if (!perfopt__ssr_take_text(call->rt, &w.out, out))
        return false;
    out->flags = PERFOPT_VALUE_SAFE;
    return true;
}

/* On one line, whatever the length. */
static bool filter_pprint(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_put_repr(call->rt, args[0], &sb)) {
        perfopt__strbuf_finish(&sb);
        return false;
    }
    return perfopt__ssr_take_text(call->rt, &sb, out);
}

const ssr_builtin perfopt__ssr_json_filters[] = {
    {"tojson", filter_tojson, {"value", "indent"}, 1, false},
    {"pprint", filter_pprint, {"value"}, 1, false},
    {NULL, NULL, {NULL}, 0, false},
};
