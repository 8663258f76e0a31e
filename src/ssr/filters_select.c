/*
 * filters_select.c - filters that apply other filters and tests: map, select, reject and their
 * attribute forms.
 */
#include "ssr/runtime.h"

/* A call of a named filter or test on each item: the item, then the arguments of the outer call. */
typedef struct each {
    perfopt_call call;
    perfopt_value name;
    perfopt_value *args;
} each;

static bool each_init(perfopt_call *outer, size_t skip, each *out)
{
    memset(out, 0, sizeof(*out));
    out->name = outer->args[skip - 1];
    out->call.rt = outer->rt;
    out->call.count = outer->count - skip + 1;
    out->call.keywords = outer->keywords;
    out->call.keyword_count = outer->keyword_count;
    out->args = perfopt__ssr_alloc(outer->rt, out->call.count * sizeof(perfopt_value));
    if (!out->args)
        return false;
    for (size_t i = skip; i < outer->count; i++)
        out->args[i - skip + 1] = outer->args[i];
    out->call.args = out->args;
    return true;
}

static const perfopt_value *keyword(const perfopt_call *call, const char *name)
{
    for (size_t i = 0; i < call->keyword_count; i++) {
        if (strlen(name) == call->keywords[i].length &&
            memcmp(name, call->keywords[i].name, call->keywords[i].length) == 0)
            return &call->keywords[i].value;
    }
    return NULL;
}

static bool map_attribute(perfopt_call *call, perfopt_value list)
{
    const perfopt_value *attribute = keyword(call, "attribute");
    const perfopt_value *fallback = keyword(call, "default");
    ssr_path path;
    if (call->keyword_count > (size_t)1 + (fallback != NULL))
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED,
                                 "map() takes 'attribute' and 'default' only");
    if (fallback && fallback->kind == PERFOPT_NONE)
        fallback = NULL;
    if (!perfopt__ssr_path_parse(call->rt, *attribute, &path))
        return false;
    for (size_t i = 0; i < list.as.list->count; i++) {
        perfopt_value *item = &list.as.list->items[i];
        if (!perfopt__ssr_path_get(call->rt, &path, *item, fallback, item))
            return false;
    }
    return true;
}

static bool map_filter(perfopt_call *call, perfopt_value list)
{
    each e;
    if (call->count < 2)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "map() needs the name of a filter");
    if (!each_init(call, 2, &e))
        return false;
    for (size_t i = 0; i < list.as.list->count; i++) {
        e.args[0] = list.as.list->items[i];
        if (!perfopt__ssr_call_filter(call->rt, e.name, &e.call, &list.as.list->items[i]))
            return false;
    }
    return true;
}

/* The subject as a fresh list; empty for what is false. */
static bool subject_list(perfopt_call *call, perfopt_value *out)
{
    bool truth;
    if (!call->count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "the filter needs a value");
    if (!perfopt__ssr_truth(call->rt, call->args[0], &truth))
        return false;
    return truth ? perfopt__ssr_to_list(call->rt, call->args[0], out)
                 : perfopt__ssr_list(call->rt, 0, out);
}

static bool filter_map(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value list;
    (void)args;
    if (!subject_list(call, &list))
        return false;
    if (list.as.list->count) {
        bool by_attribute = call->count == 1 && keyword(call, "attribute");
        if (!(by_attribute ? map_attribute(call, list) : map_filter(call, list)))
            return false;
    }
    return perfopt__ssr_one_shot(call->rt, list, out);
}

static bool keeps(perfopt_call *call, each *e, bool tested, perfopt_value value, bool *out)
{
    if (!tested)
        return perfopt__ssr_truth(call->rt, value, out);
    e->args[0] = value;
    return perfopt__ssr_call_test(call->rt, e->name, &e->call, out);
}

static bool select_items(perfopt_call *call, bool by_attribute, bool wanted, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value list;
    perfopt_value kept;
    ssr_path path = {NULL, 0};
    each e = {.args = NULL};
    size_t first = by_attribute ? 2 : 1;
    if (!subject_list(call, &list) || !perfopt__ssr_list(rt, 0, &kept))
        return false;
    if (!list.as.list->count)
        return perfopt__ssr_one_shot(rt, kept, out);
    if (by_attribute && call->count < 2)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the name of the attribute is missing");
    if (by_attribute && !perfopt__ssr_path_parse(rt, call->args[1], &path))
        return false;
    bool tested = call->count > first;
    if (tested && !each_init(call, first + 1, &e))
        return false;
    for (size_t i = 0; i < list.as.list->count; i++) {
        perfopt_value item = list.as.list->items[i];
        perfopt_value value;
        bool keep;
        if (!perfopt__ssr_path_get(rt, &path, item, NULL, &value) ||
            !keeps(call, &e, tested, value, &keep) ||
            (keep == wanted && !perfopt__ssr_append(rt, kept, item)))
            return false;
    }
    return perfopt__ssr_one_shot(rt, kept, out);
}

static bool filter_select(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)args;
    return select_items(call, false, true, out);
}

static bool filter_reject(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)args;
    return select_items(call, false, false, out);
}

static bool filter_selectattr(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)args;
    return select_items(call, true, true, out);
}

static bool filter_rejectattr(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)args;
    return select_items(call, true, false, out);
}

const ssr_builtin perfopt__ssr_select_filters[] = {
    {"map", filter_map, {NULL}, 0, true},
    {"select", filter_select, {NULL}, 0, true},
    {"reject", filter_reject, {NULL}, 0, true},
    {"selectattr", filter_selectattr, {NULL}, 0, true},
    {"rejectattr", filter_rejectattr, {NULL}, 0, true},
    {NULL, NULL, {NULL}, 0, false},
};
