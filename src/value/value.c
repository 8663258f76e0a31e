/*
 * value.c - reading values of any kind.
 */
#include "value/value.h"

#include "base/utf8.h"

perfopt_value perfopt_value_get(perfopt_value container, const char *name, size_t length)
{
    perfopt_value out = perfopt_undefined();
    if (container.kind == PERFOPT_MAP) {
        uint64_t hash = perfopt__value_hash_name(name, length);
        const perfopt__value_entry *entry =
            perfopt__value_find_name(container.as.map, name, length, hash);
        if (entry)
            out = entry->value;
    } else if (container.kind == PERFOPT_OBJECT && container.as.object->cls->attribute) {
        const perfopt_object_class *cls = container.as.object->cls;
        if (!cls->attribute(container.as.object, container.length, name, length, &out))
            out = perfopt_undefined();
    }
    return out;
}

perfopt_value perfopt_value_get_key(perfopt_value container, perfopt_value key)
{
    if (key.kind == PERFOPT_STRING)
        return perfopt_value_get(container, key.as.string, key.length);
    uint64_t hash;
    if (container.kind != PERFOPT_MAP || !perfopt__value_hash(key, &hash))
        return perfopt_undefined();
    const perfopt__value_entry *entry = perfopt__value_find(container.as.map, key, hash);
    return entry ? entry->value : perfopt_undefined();
}

size_t perfopt_value_count(perfopt_value value)
{
    switch (value.kind) {
    case PERFOPT_STRING:
        return perfopt__utf8_count(value.as.string, value.length);
    case PERFOPT_LIST:
        return value.as.list->count;
    case PERFOPT_MAP:
        return value.as.map->count;
    case PERFOPT_OBJECT:
        if (value.as.object->cls->count)
            return value.as.object->cls->count(value.as.object, value.length);
        return SIZE_MAX;
    default:
        return SIZE_MAX;
    }
}

perfopt_value perfopt_value_at(perfopt_value value, size_t i)
{
    perfopt_value out = perfopt_undefined();
    if (value.kind == PERFOPT_LIST && i < value.as.list->count)
        return value.as.list->items[i];
    if (value.kind == PERFOPT_MAP && i < value.as.map->count)
        return value.as.map->entries[i].key;
    if (value.kind != PERFOPT_OBJECT)
        return out;
    const perfopt_object_class *cls = value.as.object->cls;
    if (!cls->count || !cls->item || i >= cls->count(value.as.object, value.length) ||
        !cls->item(value.as.object, value.length, i, &out))
        return perfopt_undefined();
    return out;
}

bool perfopt_value_truth(perfopt_value value)
{
    switch (value.kind) {
    case PERFOPT_BOOL:
        return value.as.boolean;
    case PERFOPT_INT:
        return value.as.integer != 0;
    case PERFOPT_DOUBLE:
        return value.as.real != 0;
    case PERFOPT_STRING:
        return value.length != 0;
    case PERFOPT_LIST:
        return value.as.list->count != 0;
    case PERFOPT_MAP:
        return value.as.map->count != 0;
    case PERFOPT_OBJECT:
        return perfopt_value_count(value) != 0;
    default:
        return false;
    }
}

const char *perfopt_value_type_name(perfopt_value value)
{
    switch (value.kind) {
    case PERFOPT_UNDEFINED:
        return "Undefined";
    case PERFOPT_NONE:
        return "NoneType";
    case PERFOPT_BOOL:
        return "bool";
    case PERFOPT_INT:
        return "int";
    case PERFOPT_DOUBLE:
        return "float";
    case PERFOPT_STRING:
        return value.flags & PERFOPT_VALUE_SAFE ? "Markup" : "str";
    case PERFOPT_LIST:
        return value.flags & PERFOPT_VALUE_TUPLE ? "tuple" : "list";
    case PERFOPT_MAP:
        return "dict";
    case PERFOPT_OBJECT:
        return value.as.object->cls->name ? value.as.object->cls->name : "object";
    default:
        return "unknown";
    }
}
