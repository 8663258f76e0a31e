/*
 * iterate.c - going through lists, keys of maps, characters of strings and objects.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"

bool perfopt__ssr_iterate(ssr_runtime *rt, perfopt_value value, ssr_iterator *out)
{
    *out = (ssr_iterator){.source = value};
    switch (value.kind) {
    case PERFOPT_LIST:
    case PERFOPT_MAP:
    case PERFOPT_STRING:
        return true;
    case PERFOPT_UNDEFINED:
        return perfopt__ssr_check_lenient(rt, value);
    case PERFOPT_OBJECT: {
        const ssr_class *cls = perfopt__ssr_class_of(value);
        if (cls && cls->one_shot) {
            ssr_sequence *sequence = (ssr_sequence *)value.as.object;
            out->source = sequence->list;
            out->shared = &sequence->position;
            return true;
        }
        if (value.as.object->cls->count && value.as.object->cls->item)
            return true;
        break;
    }
    default:
        break;
    }
    return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s cannot be iterated over",
                             perfopt_value_type_name(value));
}

static bool item_at(const ssr_iterator *it, size_t i, perfopt_value *out)
{
    perfopt_value source = it->source;
    switch (source.kind) {
    case PERFOPT_LIST:
        if (i >= source.as.list->count)
            return false;
        *out = source.as.list->items[i];
        return true;
    case PERFOPT_MAP:
        if (i >= source.as.map->count)
            return false;
        *out = source.as.map->entries[i].key;
        return true;
    case PERFOPT_OBJECT: {
        const perfopt_object_class *cls = source.as.object->cls;
        return i < cls->count(source.as.object, source.length) &&
               cls->item(source.as.object, source.length, i, out);
    }
    default:
        return false;
    }
}

static size_t char_at(const ssr_iterator *it, perfopt_value *out)
{
    perfopt_value s = it->source;
    if (it->offset >= s.length)
        return 0;
    uint32_t c;
    const char *p = s.as.string + it->offset;
    size_t n = perfopt__ssr_next_char(p, s.as.string + s.length, &c);
    *out = perfopt_string_n(p, n);
    return n;
}

bool perfopt__ssr_next(ssr_runtime *rt, ssr_iterator *it, perfopt_value *out)
{
    (void)rt;
    if (it->source.kind == PERFOPT_STRING) {
        size_t n = char_at(it, out);
        it->offset += n;
        it->index += n != 0;
        return n != 0;
    }
    size_t i = it->shared ? *it->shared : it->index;
    if (!item_at(it, i, out))
        return false;
    it->index++;
    if (it->shared)
        ++*it->shared;
    return true;
}

bool perfopt__ssr_next_step(ssr_runtime *rt, ssr_iterator *it, perfopt_value *out, bool *more)
{
    *more = perfopt__ssr_next(rt, it, out);
    if (!*more)
        return rt->status == PERFOPT_OK;
    return perfopt__ssr_step(rt);
}

bool perfopt__ssr_peek(ssr_runtime *rt, const ssr_iterator *it, perfopt_value *out)
{
    (void)rt;
    if (it->source.kind == PERFOPT_STRING)
        return char_at(it, out) != 0;
    return item_at(it, it->shared ? *it->shared : it->index, out);
}

size_t perfopt__ssr_iterator_length(const ssr_iterator *it)
{
    if (it->source.kind == PERFOPT_UNDEFINED)
        return 0;
    size_t count = perfopt_value_count(it->source);
    return it->shared ? it->index + count - *it->shared : count;
}

bool perfopt__ssr_to_list(ssr_runtime *rt, perfopt_value value, perfopt_value *out)
{
    ssr_iterator it;
    perfopt_value item;
    bool more;
    if (!perfopt__ssr_iterate(rt, value, &it))
        return false;
    size_t expected = value.kind == PERFOPT_LIST ? value.as.list->count : 0;
    if (!perfopt__ssr_list(rt, expected, out))
        return false;
    for (;;) {
        if (!perfopt__ssr_next_step(rt, &it, &item, &more))
            return false;
        if (!more)
            return true;
        if (!perfopt__ssr_append(rt, *out, item))
            return false;
    }
}

bool perfopt__ssr_length(perfopt_value value, size_t *out)
{
    if (value.kind == PERFOPT_UNDEFINED) {
        *out = 0;
        return true;
    }
    const ssr_class *cls = value.kind == PERFOPT_OBJECT ? perfopt__ssr_class_of(value) : NULL;
    if (cls && (!cls->is_sequence || !cls->base.count))
        return false;
    *out = perfopt_value_count(value);
    return *out != SIZE_MAX;
}
