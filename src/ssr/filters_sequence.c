/*
 * filters_sequence.c - filters on sequences that keep the order: first, last, list, batch, slice...
 */
#include "base/random.h"
#include "ssr/runtime.h"
#include "ssr/unicode.h"

static bool filter_length(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    size_t n;
    if (!perfopt__ssr_check_lenient(call->rt, args[0]))
        return false;
    if (!perfopt__ssr_length(args[0], &n))
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "%s has no length",
                                 perfopt_value_type_name(args[0]));
    *out = perfopt_int((int64_t)n);
    return true;
}

static bool filter_first(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_iterator it;
    bool more;
    if (!perfopt__ssr_iterate(call->rt, args[0], &it) ||
        !perfopt__ssr_next_step(call->rt, &it, out, &more))
        return false;
    return more || perfopt__ssr_undefined_hint(call->rt, out, "No first item, sequence was empty.");
}

static bool is_reversible(perfopt_value v)
{
    const ssr_class *cls = perfopt__ssr_class_of(v);
    return v.kind == PERFOPT_STRING || v.kind == PERFOPT_LIST || v.kind == PERFOPT_MAP ||
           (v.kind == PERFOPT_OBJECT && v.as.object->cls->item && (!cls || cls->is_sequence));
}

static bool filter_last(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value v = args[0];
    if (v.kind == PERFOPT_STRING && v.length) {
        const char *end = v.as.string + v.length;
        const char *p = perfopt__ssr_previous_char(v.as.string, end);
        *out = perfopt__ssr_piece(v, p, (size_t)(end - p));
        return true;
    }
    if (!is_reversible(v))
        return v.kind == PERFOPT_UNDEFINED
                   ? perfopt__ssr_fail_undefined(call->rt, v)
                   : perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "%s cannot be reversed",
                                       perfopt_value_type_name(v));
    size_t n = perfopt_value_count(v);
    if (n) {
        *out = perfopt_value_at(v, n - 1);
        return call->rt->status == PERFOPT_OK;
    }
    return perfopt__ssr_undefined_hint(call->rt, out, "No last item, sequence was empty.");
}

static bool filter_random(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    size_t n;
    if (!perfopt__ssr_length(args[0], &n))
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "%s has no length",
                                 perfopt_value_type_name(args[0]));
    if (!n)
        return perfopt__ssr_undefined_hint(call->rt, out, "No random item, sequence was empty.");
    return perfopt__ssr_getitem(call->rt, args[0], perfopt_int((int64_t)perfopt__random_below(n)),
                                out);
}

static bool filter_list(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_to_list(call->rt, args[0], out);
}

static bool reverse_string(perfopt_call *call, perfopt_value s, perfopt_value *out)
{
    char *text = perfopt__ssr_text_room(call->rt, s.length);
    if (!text)
        return false;
    const char *end = s.as.string + s.length;
    size_t used = 0;
    while (end > s.as.string) {
        const char *p = perfopt__ssr_previous_char(s.as.string, end);
        memcpy(text + used, p, (size_t)(end - p));
        used += (size_t)(end - p);
        end = p;
    }
    *out = perfopt_string_n(text, used);
    out->flags = s.flags;
    return true;
}

static bool filter_reverse(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value list;
    if (args[0].kind == PERFOPT_STRING)
        return reverse_string(call, args[0], out);
    if (!perfopt__ssr_to_list(call->rt, args[0], &list))
        return false;
    perfopt_list *l = list.as.list;
    for (size_t i = 0; i < l->count / 2; i++) {
        perfopt_value swap = l->items[i];
        l->items[i] = l->items[l->count - 1 - i];
        l->items[l->count - 1 - i] = swap;
    }
    if (!is_reversible(args[0])) {
        *out = list;
        return true;
    }
    return perfopt__ssr_one_shot(call->rt, list, out);
}

static bool filter_items(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value map = args[0];
    perfopt_value list;
    ssr_runtime *rt = call->rt;
    bool host = map.kind == PERFOPT_OBJECT && map.as.object->cls->is_mapping;
    if (map.kind != PERFOPT_MAP && map.kind != PERFOPT_UNDEFINED && !host)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "items() needs a mapping, not %s",
                                 perfopt_value_type_name(map));
    if (map.kind == PERFOPT_MAP)
        return perfopt__ssr_view(rt, map, VIEW_ITEMS, out);
    if (!perfopt__ssr_list(rt, 0, &list))
        return false;
    size_t count = host ? perfopt_value_count(map) : 0;
    for (size_t i = 0; i < count; i++) {
        perfopt_value key = perfopt_value_at(map, i);
        perfopt_value pair;
        if (!perfopt__ssr_pair(rt, key, perfopt_value_get_key(map, key), &pair) ||
            !perfopt__ssr_append(rt, list, pair))
            return false;
    }
    return perfopt__ssr_one_shot(rt, list, out);
}

/* ---- columns and rows ----------------------------------------------------------------------- */

static bool fill(perfopt_call *call, perfopt_value list, perfopt_value with, int64_t count)
{
    while (perfopt__ssr_given(with) && with.kind != PERFOPT_NONE &&
           (int64_t)list.as.list->count < count) {
        if (!perfopt__ssr_step(call->rt) || !perfopt__ssr_append(call->rt, list, with))
            return false;
    }
    return true;
}

static bool filter_batch(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value items;
    perfopt_value rows;
    perfopt_value row = perfopt_none();
    int64_t size;
    if (!perfopt__ssr_to_index(rt, args[1], &size) || !perfopt__ssr_to_list(rt, args[0], &items) ||
        !perfopt__ssr_list(rt, 0, &rows))
        return false;
    for (size_t i = 0; i < items.as.list->count; i++) {
        bool full = row.kind == PERFOPT_LIST && (int64_t)row.as.list->count == size;
        if (row.kind != PERFOPT_LIST || full) {
            if (size == 0 && row.kind != PERFOPT_LIST) {
                /* Jinja gives an empty row first: an empty row is already full. */
                if (!perfopt__ssr_list(rt, 0, &row) || !perfopt__ssr_append(rt, rows, row))
                    return false;
            }
            if (!perfopt__ssr_list(rt, 0, &row) || !perfopt__ssr_append(rt, rows, row))
                return false;
        }
        if (!perfopt__ssr_append(rt, row, items.as.list->items[i]))
            return false;
    }
    return (row.kind != PERFOPT_LIST || fill(call, row, args[2], size)) &&
           perfopt__ssr_one_shot(rt, rows, out);
}

static bool filter_slice(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value items;
    perfopt_value columns;
    int64_t count;
    if (!perfopt__ssr_to_index(rt, args[1], &count) || !perfopt__ssr_to_list(rt, args[0], &items) ||
        !perfopt__ssr_list(rt, 0, &columns))
        return false;
    if (count == 0)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "slice() needs at least one slice");
    int64_t length = (int64_t)items.as.list->count;
    int64_t each = count > 0 ? length / count : 0;
    int64_t longer = count > 0 ? length % count : 0;
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        perfopt_value column;
        int64_t size = each + (i < longer);
        if (!perfopt__ssr_step(rt) || !perfopt__ssr_list(rt, (size_t)size, &column))
            return false;
        for (int64_t k = 0; k < size; k++)
            column.as.list->items[column.as.list->count++] = items.as.list->items[at++];
        if ((i >= longer && !fill(call, column, args[2], size + 1)) ||
            !perfopt__ssr_append(rt, columns, column))
            return false;
    }
    return perfopt__ssr_one_shot(rt, columns, out);
}

static bool filter_sum(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    ssr_iterator it;
    ssr_path path;
    perfopt_value item;
    bool more;
    *out = perfopt__ssr_given(args[2]) ? args[2] : perfopt_int(0);
    if (out->kind == PERFOPT_STRING)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "sum() does not join strings; use join()");
    if (!perfopt__ssr_path_parse(rt, args[1], &path) || !perfopt__ssr_iterate(rt, args[0], &it))
        return false;
    for (;;) {
        if (!perfopt__ssr_next_step(rt, &it, &item, &more))
            return false;
        if (!more)
            return true;
        if (!perfopt__ssr_path_get(rt, &path, item, NULL, &item) ||
            !perfopt__ssr_binary(rt, TOKEN_ADD, *out, item, out))
            return false;
    }
}

static bool filter_attr(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value v = args[0];
    if (args[1].kind != PERFOPT_STRING)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "attr() needs the name as a string");
    if (v.kind == PERFOPT_UNDEFINED) {
        *out = v;
        return perfopt__ssr_undefined_mode(rt, v) == PERFOPT_UNDEFINED_CHAINABLE ||
               perfopt__ssr_fail_undefined(rt, v);
    }
    if (v.kind == PERFOPT_OBJECT)
        return perfopt__ssr_getattr(rt, v, args[1].as.string, args[1].length, out);
    const ssr_method *method = perfopt__ssr_method_of(v, args[1].as.string, args[1].length);
    if (method)
        return perfopt__ssr_bind_method(rt, v, method, out);
    if (v.kind == PERFOPT_LIST && v.reserved)
        return perfopt__ssr_getattr(rt, v, args[1].as.string, args[1].length, out);
    return perfopt__ssr_undefined_attribute(rt, v, args[1], out);
}

const ssr_builtin perfopt__ssr_sequence_filters[] = {
    {"length", filter_length, {"obj"}, 1, false},
    {"count", filter_length, {"obj"}, 1, false},
    {"first", filter_first, {"seq"}, 1, false},
    {"last", filter_last, {"seq"}, 1, false},
    {"random", filter_random, {"seq"}, 1, true},
    {"list", filter_list, {"value"}, 1, false},
    {"reverse", filter_reverse, {"value"}, 1, false},
    {"items", filter_items, {"value"}, 1, false},
    {"batch", filter_batch, {"value", "linecount", "fill_with"}, 2, false},
    {"slice", filter_slice, {"value", "slices", "fill_with"}, 2, false},
    {"sum", filter_sum, {"iterable", "attribute", "start"}, 1, false},
    {"attr", filter_attr, {"obj", "name"}, 2, false},
    {NULL, NULL, {NULL}, 0, false},
};
