/*
 * filters_order.c - filters that compare items: sort, dictsort, min, max, unique, groupby.
 *
 * Keys are computed once for each item, then a stable merge sort orders positions; a comparison
 * that fails (a string with a number) ends it.
 */
#include "ssr/runtime.h"

typedef struct sorting {
    ssr_runtime *rt;
    const perfopt_value *keys;
    bool reverse;
    bool as_lists; /* keys compare as if they were lists of one: undefined equals undefined */
} sorting;

static bool comes_before(const sorting *s, uint32_t a, uint32_t b, bool *out)
{
    int order;
    /* With reverse equal items keep their order too, as in Python. */
    const perfopt_value *x = &s->keys[s->reverse ? a : b];
    const perfopt_value *y = &s->keys[s->reverse ? b : a];
    *out = true;
    if (s->as_lists && x->kind == PERFOPT_UNDEFINED && y->kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_check_lenient(s->rt, *x);
    if (!perfopt__ssr_step(s->rt) || !perfopt__ssr_order(s->rt, *x, *y, "<", &order))
        return false;
    *out = order != -1; /* a stays first unless b is smaller */
    return true;
}

static bool merge(const sorting *s, const uint32_t *from, uint32_t *to, size_t low, size_t middle,
                  size_t high)
{
    size_t i = low;
    size_t k = middle;
    for (size_t n = low; n < high; n++) {
        bool left = i < middle;
        if (left && k < high && !comes_before(s, from[i], from[k], &left))
            return false;
        to[n] = left ? from[i++] : from[k++];
    }
    return true;
}

/* Sorts positions 0..count by their keys; `order` and `spare` hold count each. */
static bool sort_positions(const sorting *s, uint32_t *order, uint32_t *spare, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    uint32_t *from = order;
    uint32_t *to = spare;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            size_t middle = low + width < count ? low + width : count;
            size_t high = low + 2 * width < count ? low + 2 * width : count;
            if (!merge(s, from, to, low, middle, high))
                return false;
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order)
        memcpy(order, from, count * sizeof(*order));
    return true;
}

static bool sort_list(const sorting *s, perfopt_value list, perfopt_value *out)
{
    ssr_runtime *rt = s->rt;
    size_t count = list.as.list->count;
    uint32_t *order = perfopt__ssr_alloc(rt, (count + 1) * 2 * sizeof(*order));
    if (!order || !sort_positions(s, order, order + count, count) ||
        !perfopt__ssr_list(rt, count, out))
        return false;
    for (size_t i = 0; i < count; i++)
        out->as.list->items[i] = list.as.list->items[order[i]];
    out->as.list->count = count;
    return true;
}

static bool fold_case(ssr_runtime *rt, bool case_sensitive, perfopt_value *key)
{
    return case_sensitive || key->kind != PERFOPT_STRING || perfopt__ssr_lower(rt, *key, key);
}

static bool flag(ssr_runtime *rt, perfopt_value v, bool *out)
{
    *out = false;
    return !perfopt__ssr_given(v) || perfopt__ssr_truth(rt, v, out);
}

/* ---- sort ----------------------------------------------------------------------------------- */

/* "a,b.c" gives several paths; anything else one. */
static bool parse_paths(ssr_runtime *rt, perfopt_value attribute, ssr_path **paths, size_t *count)
{
    size_t n = 1;
    if (attribute.kind == PERFOPT_STRING) {
        for (uint32_t i = 0; i < attribute.length; i++)
            n += attribute.as.string[i] == ',';
    }
    *paths = perfopt__ssr_alloc(rt, n * sizeof(**paths));
    *count = n;
    if (!*paths)
        return false;
    if (n == 1)
        return perfopt__ssr_path_parse(rt, attribute, *paths);
    const char *p = attribute.as.string;
    const char *end = p + attribute.length;
    for (size_t i = 0; i < n; i++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        if (!perfopt__ssr_path_parse(rt, perfopt_string_n(p, (size_t)(stop - p)), &(*paths)[i]))
            return false;
        p = stop + 1;
    }
    return true;
}

static bool sort_key(ssr_runtime *rt, const ssr_path *paths, size_t count, perfopt_value item,
                     bool case_sensitive, perfopt_value *out)
{
    if (count == 1)
        return perfopt__ssr_path_get(rt, paths, item, NULL, out) &&
               fold_case(rt, case_sensitive, out);
    if (!perfopt__ssr_list(rt, count, out))
        return false;
    for (size_t i = 0; i < count; i++) {
        perfopt_value part;
        if (!perfopt__ssr_path_get(rt, &paths[i], item, NULL, &part) ||
            !fold_case(rt, case_sensitive, &part))
            return false;
        out->as.list->items[out->as.list->count++] = part;
    }
    return true;
}

static bool filter_sort(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value list;
    ssr_path *paths;
    size_t path_count;
    bool reverse;
    bool case_sensitive;
    if (!flag(rt, args[1], &reverse) || !flag(rt, args[2], &case_sensitive) ||
        !parse_paths(rt, args[3], &paths, &path_count) || !perfopt__ssr_to_list(rt, args[0], &list))
        return false;
    size_t count = list.as.list->count;
    perfopt_value *keys = perfopt__ssr_alloc(rt, (count + 1) * sizeof(*keys));
    if (!keys)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!sort_key(rt, paths, path_count, list.as.list->items[i], case_sensitive, &keys[i]))
            return false;
    }
    return sort_list(&(sorting){rt, keys, reverse, true}, list, out);
}

static bool is_word(perfopt_value v, const char *word)
{
    return v.kind == PERFOPT_STRING && v.length == strlen(word) &&
           memcmp(v.as.string, word, v.length) == 0;
}

static bool filter_dictsort(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value view;
    perfopt_value list;
    bool case_sensitive;
    bool reverse;
    bool by_key = !perfopt__ssr_given(args[2]) || is_word(args[2], "key");
    if (!by_key && !is_word(args[2], "value"))
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "dictsort() is by 'key' or 'value'");
    if (args[0].kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(rt, args[0]);
    if (args[0].kind != PERFOPT_MAP)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "dictsort() needs a dict, not %s",
                                 perfopt_value_type_name(args[0]));
    if (!flag(rt, args[1], &case_sensitive) || !flag(rt, args[3], &reverse) ||
        !perfopt__ssr_view(rt, args[0], VIEW_ITEMS, &view) ||
        !perfopt__ssr_to_list(rt, view, &list))
        return false;
    size_t count = list.as.list->count;
    perfopt_value *keys = perfopt__ssr_alloc(rt, (count + 1) * sizeof(*keys));
    if (!keys)
        return false;
    for (size_t i = 0; i < count; i++) {
        keys[i] = list.as.list->items[i].as.list->items[by_key ? 0 : 1];
        if (!fold_case(rt, case_sensitive, &keys[i]))
            return false;
    }
    return sort_list(&(sorting){rt, keys, reverse, false}, list, out);
}

/* ---- min, max, unique ----------------------------------------------------------------------- */

static bool extreme(perfopt_call *call, perfopt_value *args, bool max, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    ssr_iterator it;
    ssr_path path;
    perfopt_value item;
    perfopt_value best = perfopt_none();
    bool case_sensitive;
    bool more;
    bool any = false;
    if (!flag(rt, args[1], &case_sensitive) || !perfopt__ssr_path_parse(rt, args[2], &path) ||
        !perfopt__ssr_iterate(rt, args[0], &it))
        return false;
    for (;;) {
        perfopt_value key;
        int order = -1;
        if (!perfopt__ssr_next_step(rt, &it, &item, &more))
            return false;
        if (!more)
            break;
        if (!perfopt__ssr_path_get(rt, &path, item, NULL, &key) ||
            !fold_case(rt, case_sensitive, &key))
            return false;
        if (any && !(max ? perfopt__ssr_order(rt, best, key, "<", &order)
                         : perfopt__ssr_order(rt, key, best, "<", &order)))
            return false;
        if (order != -1)
            continue;
        best = key;
        *out = item;
        any = true;
    }
    return any || perfopt__ssr_undefined_hint(rt, out, "No aggregated item, sequence was empty.");
}

static bool filter_min(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return extreme(call, args, false, out);
}

static bool filter_max(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return extreme(call, args, true, out);
}

static bool filter_unique(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    ssr_iterator it;
    ssr_path path;
    perfopt_value item;
    perfopt_value seen;
    perfopt_value list;
    bool case_sensitive;
    bool more;
    if (!flag(rt, args[1], &case_sensitive) || !perfopt__ssr_path_parse(rt, args[2], &path) ||
        !perfopt__ssr_iterate(rt, args[0], &it) || !perfopt__ssr_map(rt, &seen) ||
        !perfopt__ssr_list(rt, 0, &list))
        return false;
    for (;;) {
        perfopt_value key;
        if (!perfopt__ssr_next_step(rt, &it, &item, &more))
            return false;
        if (!more)
            return perfopt__ssr_one_shot(rt, list, out);
        if (!perfopt__ssr_path_get(rt, &path, item, NULL, &key) ||
            !fold_case(rt, case_sensitive, &key))
            return false;
        size_t before = seen.as.map->count;
        if (!perfopt__ssr_map_put(rt, seen, key, perfopt_none()) ||
            (seen.as.map->count > before && !perfopt__ssr_append(rt, list, item)))
            return false;
    }
}

/* ---- groupby -------------------------------------------------------------------------------- */

static bool group_sorted(ssr_runtime *rt, perfopt_value sorted, const ssr_path *path,
                         const perfopt_value *fallback, bool case_sensitive, perfopt_value *out)
{
    perfopt_value key = perfopt_undefined();
    perfopt_value items = perfopt_undefined();
    for (size_t i = 0; i < sorted.as.list->count; i++) {
        perfopt_value item = sorted.as.list->items[i];
        perfopt_value own;
        perfopt_value group;
        if (!perfopt__ssr_path_get(rt, path, item, fallback, &own))
            return false;
        perfopt_value shown = own;
        if (!fold_case(rt, case_sensitive, &own))
            return false;
        if (items.kind != PERFOPT_LIST || !perfopt__ssr_equal(own, key)) {
            if (!perfopt__ssr_list(rt, 0, &items) ||
                !perfopt__ssr_group(rt, shown, items, &group) ||
                !perfopt__ssr_append(rt, *out, group))
                return false;
            key = own;
        }
        if (!perfopt__ssr_append(rt, items, item))
            return false;
    }
    return true;
}

static bool filter_groupby(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value list;
    perfopt_value sorted;
    ssr_path path;
    bool case_sensitive;
    bool given = perfopt__ssr_given(args[2]) && args[2].kind != PERFOPT_NONE;
    const perfopt_value *fallback = given ? &args[2] : NULL;
    if (!flag(rt, args[3], &case_sensitive) || !perfopt__ssr_path_parse(rt, args[1], &path) ||
        !perfopt__ssr_to_list(rt, args[0], &list))
        return false;
    size_t count = list.as.list->count;
    perfopt_value *keys = perfopt__ssr_alloc(rt, (count + 1) * sizeof(*keys));
    if (!keys)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!perfopt__ssr_path_get(rt, &path, list.as.list->items[i], fallback, &keys[i]) ||
            !fold_case(rt, case_sensitive, &keys[i]))
            return false;
    }
    return sort_list(&(sorting){rt, keys, false, false}, list, &sorted) &&
           perfopt__ssr_list(rt, 0, out) &&
           group_sorted(rt, sorted, &path, fallback, case_sensitive, out);
}

const ssr_builtin perfopt__ssr_order_filters[] = {
    {"sort", filter_sort, {"value", "reverse", "case_sensitive", "attribute"}, 1, false},
    {"dictsort", filter_dictsort, {"value", "case_sensitive", "by", "reverse"}, 1, false},
    {"min", filter_min, {"value", "case_sensitive", "attribute"}, 1, false},
    {"max", filter_max, {"value", "case_sensitive", "attribute"}, 1, false},
    {"unique", filter_unique, {"value", "case_sensitive", "attribute"}, 1, false},
    {"groupby", filter_groupby, {"value", "attribute", "default", "case_sensitive"}, 2, false},
    {NULL, NULL, {NULL}, 0, false},
};
