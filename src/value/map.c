/*
 * map.c - insertion-ordered maps. Up to SCAN_MAX entries are searched by comparing hashes in a row;
 * above that an open-addressing index finds the position.
 */
#include "value/value.h"

enum { SCAN_MAX = 8 };

perfopt_status perfopt_map_create(perfopt_arena *arena, perfopt_value *out)
{
    perfopt_map *map = perfopt_arena_alloc(arena, sizeof(*map));
    if (!map)
        return PERFOPT_ENOMEM;
    map->arena = arena;
    *out = perfopt_undefined();
    out->kind = PERFOPT_MAP;
    out->as.map = map;
    return PERFOPT_OK;
}

static bool is_name(const perfopt__value_entry *entry, const char *name, size_t length)
{
    return entry->key.kind == PERFOPT_STRING && entry->key.length == length &&
           (entry->key.as.string == name || memcmp(entry->key.as.string, name, length) == 0);
}

perfopt__value_entry *perfopt__value_find_name(const perfopt_map *map, const char *name,
                                               size_t length, uint64_t hash)
{
    if (!map->index) {
        for (size_t i = 0; i < map->count; i++) {
            perfopt__value_entry *entry = &map->entries[i];
            if (entry->hash == hash && is_name(entry, name, length))
                return entry;
        }
        return NULL;
    }
    size_t mask = map->index_size - 1;
    for (size_t i = hash & mask; map->index[i]; i = (i + 1) & mask) {
        perfopt__value_entry *entry = &map->entries[map->index[i] - 1];
        if (entry->hash == hash && is_name(entry, name, length))
            return entry;
    }
    return NULL;
}

perfopt__value_entry *perfopt__value_find(const perfopt_map *map, perfopt_value key, uint64_t hash)
{
    if (key.kind == PERFOPT_STRING)
        return perfopt__value_find_name(map, key.as.string, key.length, hash);
    if (!map->index) {
        for (size_t i = 0; i < map->count; i++) {
            perfopt__value_entry *entry = &map->entries[i];
            if (entry->hash == hash && perfopt_value_equal(entry->key, key))
                return entry;
        }
        return NULL;
    }
    size_t mask = map->index_size - 1;
    for (size_t i = hash & mask; map->index[i]; i = (i + 1) & mask) {
        perfopt__value_entry *entry = &map->entries[map->index[i] - 1];
        if (entry->hash == hash && perfopt_value_equal(entry->key, key))
            return entry;
    }
    return NULL;
}

static void index_put(perfopt_map *map, size_t position)
{
    size_t mask = map->index_size - 1;
    size_t i = map->entries[position].hash & mask;
    while (map->index[i])
        i = (i + 1) & mask;
    map->index[i] = (uint32_t)position + 1;
}

static perfopt_status index_build(perfopt_map *map, size_t size)
{
    uint32_t *index = perfopt_arena_alloc(map->arena, size * sizeof(*index));
    if (!index)
        return PERFOPT_ENOMEM;
    map->index = index;
    map->index_size = size;
    for (size_t i = 0; i < map->count; i++)
        index_put(map, i);
    return PERFOPT_OK;
}

static perfopt_status grow(perfopt_map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 4;
    if (capacity > UINT32_MAX / 4)
        return PERFOPT_ENOMEM;
    perfopt__value_entry *entries = perfopt_arena_alloc(map->arena, capacity * sizeof(*entries));
    if (!entries)
        return PERFOPT_ENOMEM;
    if (map->count)
        memcpy(entries, map->entries, map->count * sizeof(*entries));
    map->entries = entries;
    if (capacity > SCAN_MAX) {
        perfopt_status st = index_build(map, capacity * 2);
        if (st != PERFOPT_OK)
            return st;
    }
    map->capacity = capacity;
    return PERFOPT_OK;
}

perfopt_status perfopt__value_set(perfopt_map *map, perfopt_value key, uint64_t hash,
                                  perfopt_value value)
{
    perfopt__value_entry *entry = perfopt__value_find(map, key, hash);
    if (entry) {
        entry->value = value;
        return PERFOPT_OK;
    }
    if (map->count == map->capacity) {
        perfopt_status st = grow(map);
        if (st != PERFOPT_OK)
            return st;
    }
    map->entries[map->count] = (perfopt__value_entry){key, value, hash};
    if (map->index)
        index_put(map, map->count);
    map->count++;
    return PERFOPT_OK;
}

void perfopt__value_remove(perfopt_map *map, perfopt__value_entry *entry)
{
    size_t position = (size_t)(entry - map->entries);
    memmove(entry, entry + 1, (map->count - position - 1) * sizeof(*entry));
    map->count--;
    if (!map->index)
        return;
    memset(map->index, 0, map->index_size * sizeof(*map->index));
    for (size_t i = 0; i < map->count; i++)
        index_put(map, i);
}

perfopt_status perfopt_map_set(perfopt_value map, const char *name, perfopt_value value)
{
    if (map.kind != PERFOPT_MAP)
        return PERFOPT_ETYPE;
    size_t length = strlen(name);
    uint64_t hash = perfopt__value_hash_name(name, length);
    perfopt__value_entry *entry = perfopt__value_find_name(map.as.map, name, length, hash);
    if (entry) {
        entry->value = value;
        return PERFOPT_OK;
    }
    char *copy = perfopt_arena_copy(map.as.map->arena, name, length);
    if (!copy)
        return PERFOPT_ENOMEM;
    return perfopt__value_set(map.as.map, perfopt_string_n(copy, length), hash, value);
}

perfopt_status perfopt_map_set_key(perfopt_value map, perfopt_value key, perfopt_value value)
{
    uint64_t hash;
    if (map.kind != PERFOPT_MAP || !perfopt__value_hash(key, &hash))
        return PERFOPT_ETYPE;
    return perfopt__value_set(map.as.map, key, hash, value);
}
