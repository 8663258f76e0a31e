/*
 * list.c - lists that grow in an arena; an outgrown array stays in the arena until that ends.
 */
#include "value/value.h"

perfopt_status perfopt_list_create(perfopt_arena *arena, perfopt_value *out)
{
    perfopt_list *list = perfopt_arena_alloc(arena, sizeof(*list));
    if (!list)
        return PERFOPT_ENOMEM;
    list->arena = arena;
    *out = perfopt_undefined();
    out->kind = PERFOPT_LIST;
    out->as.list = list;
    return PERFOPT_OK;
}

perfopt_status perfopt__value_list_reserve(perfopt_list *list, size_t extra)
{
    size_t need;
    if (__builtin_add_overflow(list->count, extra, &need))
        return PERFOPT_ENOMEM;
    if (need <= list->capacity)
        return PERFOPT_OK;
    size_t capacity = list->capacity ? list->capacity : 4;
    while (capacity < need) {
        if (__builtin_mul_overflow(capacity, (size_t)2, &capacity))
            return PERFOPT_ENOMEM;
    }
    size_t bytes;
    if (__builtin_mul_overflow(capacity, sizeof(perfopt_value), &bytes))
        return PERFOPT_ENOMEM;
    perfopt_value *items = perfopt_arena_alloc(list->arena, bytes);
    if (!items)
        return PERFOPT_ENOMEM;
    if (list->count)
        memcpy(items, list->items, list->count * sizeof(*items));
    list->items = items;
    list->capacity = capacity;
    return PERFOPT_OK;
}

perfopt_status perfopt_list_append(perfopt_value list, perfopt_value item)
{
    if (list.kind != PERFOPT_LIST)
        return PERFOPT_ETYPE;
    perfopt_status st = perfopt__value_list_reserve(list.as.list, 1);
    if (st != PERFOPT_OK)
        return st;
    list.as.list->items[list.as.list->count++] = item;
    return PERFOPT_OK;
}
