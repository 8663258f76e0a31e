/*
 * methods_container.c - methods of lists, tuples, dicts and numbers.
 */
#include "ssr/runtime.h"

#include <math.h>

static bool none(perfopt_value *out)
{
    *out = perfopt_none();
    return true;
}

/* What the host passed is shared by threads and must not change; what a render made has its arena.
 */
static bool may_change(perfopt_call *call, const perfopt_arena *arena)
{
    return arena == call->rt->arena ||
           perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "a value of the caller cannot be changed");
}

/* ---- lists ---------------------------------------------------------------------------------- */

static bool list_append(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return may_change(call, args[0].as.list->arena) &&
           perfopt__ssr_append(call->rt, args[0], args[1]) && none(out);
}

static bool list_extend(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value more;
    if (!may_change(call, args[0].as.list->arena) ||
        !perfopt__ssr_to_list(call->rt, args[1], &more))
        return false;
    for (size_t i = 0; i < more.as.list->count; i++) {
        if (!perfopt__ssr_append(call->rt, args[0], more.as.list->items[i]))
            return false;
    }
    return none(out);
}

static bool list_insert(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t at;
    perfopt_list *l = args[0].as.list;
    if (!may_change(call, l->arena) || !perfopt__ssr_to_index(call->rt, args[1], &at))
        return false;
    int64_t count = (int64_t)l->count;
    at = at < 0 ? (at < -count ? 0 : at + count) : at > count ? count : at;
    if (!perfopt__ssr_append(call->rt, args[0], args[2]))
        return false;
    memmove(l->items + at + 1, l->items + at, (size_t)(count - at) * sizeof(*l->items));
    l->items[at] = args[2];
    return none(out);
}

static void remove_at(perfopt_list *l, size_t at)
{
    memmove(l->items + at, l->items + at + 1, (l->count - at - 1) * sizeof(*l->items));
    l->count--;
}

static bool list_pop(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t at = -1;
    perfopt_list *l = args[0].as.list;
    if (!may_change(call, l->arena) ||
        (perfopt__ssr_given(args[1]) && !perfopt__ssr_to_index(call->rt, args[1], &at)))
        return false;
    if (at < 0)
        at += (int64_t)l->count;
    if (at < 0 || (uint64_t)at >= l->count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "pop(): there is no such item");
    *out = l->items[at];
    remove_at(l, (size_t)at);
    return true;
}

static bool find(perfopt_call *call, perfopt_value *args, size_t *at)
{
    const perfopt_list *l = args[0].as.list;
    for (size_t i = 0; i < l->count; i++) {
        if (!perfopt__ssr_step(call->rt))
            return false;
        if (perfopt__ssr_equal(l->items[i], args[1])) {
            *at = i;
            return true;
        }
    }
    return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "the value is not in the list");
}

static bool list_remove(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    size_t at;
    if (!may_change(call, args[0].as.list->arena) || !find(call, args, &at))
        return false;
    remove_at(args[0].as.list, at);
    return none(out);
}

static bool list_index(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    size_t at;
    if (!find(call, args, &at))
        return false;
    *out = perfopt_int((int64_t)at);
    return true;
}

static bool list_count(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    const perfopt_list *l = args[0].as.list;
    int64_t count = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (!perfopt__ssr_step(call->rt))
            return false;
        count += perfopt__ssr_equal(l->items[i], args[1]);
    }
    *out = perfopt_int(count);
    return true;
}

static bool list_reverse(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_list *l = args[0].as.list;
    if (!may_change(call, l->arena))
        return false;
    for (size_t i = 0; i < l->count / 2; i++) {
        perfopt_value swap = l->items[i];
        l->items[i] = l->items[l->count - 1 - i];
        l->items[l->count - 1 - i] = swap;
    }
    return none(out);
}

static bool list_sort(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_list *l = args[0].as.list;
    perfopt_value sorted;
    perfopt_value sort_args[4] = {args[0], perfopt_bool(false), perfopt_bool(true)};
    sort_args[3].kind = SSR_MISSING;
    if (perfopt__ssr_given(args[1]))
        sort_args[1] = args[1];
    if (!may_change(call, l->arena) ||
        !perfopt__ssr_find_filter("sort", 4)->fn(call, sort_args, &sorted))
        return false;
    if (l->count)
        memcpy(l->items, sorted.as.list->items, l->count * sizeof(*l->items));
    return none(out);
}

static bool list_clear(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    if (!may_change(call, args[0].as.list->arena))
        return false;
    args[0].as.list->count = 0;
    return none(out);
}

static bool list_copy(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_to_list(call->rt, args[0], out);
}

const ssr_method perfopt__ssr_list_methods[] = {
    {"append", list_append, {"object"}, 1, false},
    {"extend", list_extend, {"iterable"}, 1, false},
    {"insert", list_insert, {"index", "object"}, 2, false},
    {"pop", list_pop, {"index"}, 0, false},
    {"remove", list_remove, {"value"}, 1, false},
    {"index", list_index, {"value"}, 1, false},
    {"count", list_count, {"value"}, 1, false},
    {"reverse", list_reverse, {NULL}, 0, false},
    {"sort", list_sort, {"reverse"}, 0, false},
    {"clear", list_clear, {NULL}, 0, false},
    {"copy", list_copy, {NULL}, 0, false},
    {NULL, NULL, {NULL}, 0, false},
};

const ssr_method perfopt__ssr_tuple_methods[] = {
    {"index", list_index, {"value"}, 1, false},
    {"count", list_count, {"value"}, 1, false},
    {NULL, NULL, {NULL}, 0, false},
};

/* ---- dicts ---------------------------------------------------------------------------------- */

static bool map_items(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_view(call->rt, args[0], VIEW_ITEMS, out);
}

static bool map_keys(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_view(call->rt, args[0], VIEW_KEYS, out);
}

static bool map_values(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_view(call->rt, args[0], VIEW_VALUES, out);
}

static bool find_entry(perfopt_call *call, perfopt_value *args, perfopt__value_entry **out)
{
    uint64_t hash;
    if (!perfopt__value_hash(args[1], &hash))
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "%s cannot be a key",
                                 perfopt_value_type_name(args[1]));
    *out = perfopt__value_find(args[0].as.map, args[1], hash);
    return true;
}

static bool map_get(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__value_entry *entry;
    if (!find_entry(call, args, &entry))
        return false;
    *out = entry ? entry->value : perfopt__ssr_given(args[2]) ? args[2] : perfopt_none();
    return true;
}

static bool map_pop(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__value_entry *entry;
    if (!may_change(call, args[0].as.map->arena) || !find_entry(call, args, &entry))
        return false;
    if (!entry && !perfopt__ssr_given(args[2]))
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "pop(): there is no such key");
    *out = entry ? entry->value : args[2];
    if (entry)
        perfopt__value_remove(args[0].as.map, entry);
    return true;
}

static bool map_popitem(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_map *map = args[0].as.map;
    if (!may_change(call, map->arena))
        return false;
    if (!map->count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "popitem(): the dict is empty");
    perfopt__value_entry *last = &map->entries[map->count - 1];
    if (!perfopt__ssr_pair(call->rt, last->key, last->value, out))
        return false;
    perfopt__value_remove(map, last);
    return true;
}

static bool map_setdefault(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__value_entry *entry;
    if (!may_change(call, args[0].as.map->arena) || !find_entry(call, args, &entry))
        return false;
    *out = entry ? entry->value : perfopt__ssr_given(args[2]) ? args[2] : perfopt_none();
    return entry || perfopt__ssr_map_put(call->rt, args[0], args[1], *out);
}

/* dict(more, **names) put into the dict. */
static bool map_update(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value more;
    if (!may_change(call, args[0].as.map->arena) ||
        !perfopt__ssr_find_function("dict", 4)->fn(call, NULL, &more))
        return false;
    for (size_t i = 0; i < more.as.map->count; i++) {
        const perfopt__value_entry *entry = &more.as.map->entries[i];
        if (!perfopt__ssr_map_put(call->rt, args[0], entry->key, entry->value))
            return false;
    }
    return none(out);
}

static bool map_copy(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_call copy = {.rt = call->rt, .args = args, .count = 1};
    return perfopt__ssr_find_function("dict", 4)->fn(&copy, NULL, out);
}

static bool map_clear(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_map *map = args[0].as.map;
    if (!may_change(call, map->arena))
        return false;
    map->count = 0;
    if (map->index)
        memset(map->index, 0, map->index_size * sizeof(*map->index));
    return none(out);
}

const ssr_method perfopt__ssr_map_methods[] = {
    {"items", map_items, {NULL}, 0, false},
    {"keys", map_keys, {NULL}, 0, false},
    {"values", map_values, {NULL}, 0, false},
    {"get", map_get, {"key", "default"}, 1, false},
    {"pop", map_pop, {"key", "default"}, 1, false},
    {"popitem", map_popitem, {NULL}, 0, false},
    {"setdefault", map_setdefault, {"key", "default"}, 1, false},
    {"update", map_update, {NULL}, 0, true},
    {"copy", map_copy, {NULL}, 0, false},
    {"clear", map_clear, {NULL}, 0, false},
    {NULL, NULL, {NULL}, 0, false},
};

/* ---- numbers -------------------------------------------------------------------------------- */

static bool is_integer(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    *out = perfopt_bool(isfinite(args[0].as.real) && args[0].as.real == floor(args[0].as.real));
    return true;
}

static bool bit_length(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t value = perfopt__ssr_int(args[0]);
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    (void)call;
    *out = perfopt_int(size ? 64 - __builtin_clzll(size) : 0);
    return true;
}

const ssr_method perfopt__ssr_number_methods[] = {
    {"is_integer", is_integer, {NULL}, 0, false},
    {"bit_length", bit_length, {NULL}, 0, false},
    {NULL, NULL, {NULL}, 0, false},
};
