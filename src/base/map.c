/*
 * map.c - the string-keyed hash table; load factor at most 3/4.
 */
#include "base/map.h"

#include "base/hash.h"
#include "base/memory.h"

#include <string.h>

/* Slot of the key, or the free slot where it would go. The table has at least one free slot. */
static size_t find_slot(const perfopt__map *map, uint64_t hash, const char *key, size_t key_length)
{
    size_t mask = map->capacity - 1;
    size_t i = hash & mask;
    while (map->entries[i].key) {
        const perfopt__map_entry *e = &map->entries[i];
        if (e->hash == hash && e->key_length == key_length && memcmp(e->key, key, key_length) == 0)
            break;
        i = (i + 1) & mask;
    }
    return i;
}

void *perfopt__map_get(const perfopt__map *map, const char *key, size_t key_length)
{
    if (map->count == 0)
        return NULL;
    return map->entries[find_slot(map, perfopt__hash(key, key_length), key, key_length)].value;
}

static bool grow(perfopt__map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 8;
    perfopt__map_entry *entries = perfopt__calloc(capacity, sizeof(*entries));
    if (!entries)
        return false;
    for (size_t i = 0; i < map->capacity; i++) {
        if (!map->entries[i].key)
            continue;
        size_t slot = map->entries[i].hash & (capacity - 1);
        while (entries[slot].key)
            slot = (slot + 1) & (capacity - 1);
        entries[slot] = map->entries[i];
    }
    perfopt__free(map->entries);
    map->entries = entries;
    map->capacity = capacity;
    return true;
}

perfopt_status perfopt__map_put(perfopt__map *map, const char *key, size_t key_length, void *value,
                                void **old)
{
    if (old)
        *old = NULL;
    if ((map->count + 1) * 4 > map->capacity * 3 && !grow(map))
        return PERFOPT_ENOMEM;
    uint64_t hash = perfopt__hash(key, key_length);
    perfopt__map_entry *e = &map->entries[find_slot(map, hash, key, key_length)];
    if (e->key) {
        if (old)
            *old = e->value;
        e->value = value;
        return PERFOPT_OK;
    }
    char *copy = perfopt__memdup(key, key_length);
    if (!copy)
        return PERFOPT_ENOMEM;
    *e = (perfopt__map_entry){hash, copy, key_length, value};
    map->count++;
    return PERFOPT_OK;
}

/* Closes the hole at `hole` by moving later entries of the same probe run back. */
static void shift_back(perfopt__map *map, size_t hole)
{
    size_t mask = map->capacity - 1;
    for (size_t i = (hole + 1) & mask; map->entries[i].key; i = (i + 1) & mask) {
        size_t home = map->entries[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->entries[hole] = map->entries[i];
            hole = i;
        }
    }
    map->entries[hole] = (perfopt__map_entry){0, NULL, 0, NULL};
}

void *perfopt__map_remove(perfopt__map *map, const char *key, size_t key_length)
{
    if (map->count == 0)
        return NULL;
    size_t slot = find_slot(map, perfopt__hash(key, key_length), key, key_length);
    if (!map->entries[slot].key)
        return NULL;
    void *value = map->entries[slot].value;
    perfopt__free(map->entries[slot].key);
    shift_back(map, slot);
    map->count--;
    return value;
}

perfopt__map_entry *perfopt__map_next(const perfopt__map *map, size_t *cursor)
{
    while (*cursor < map->capacity) {
        perfopt__map_entry *e = &map->entries[(*cursor)++];
        if (e->key)
            return e;
    }
    return NULL;
}

void perfopt__map_finish(perfopt__map *map, void (*free_value)(void *value))
{
    for (size_t i = 0; i < map->capacity; i++) {
        if (!map->entries[i].key)
            continue;
        if (free_value)
            free_value(map->entries[i].value);
        perfopt__free(map->entries[i].key);
    }
    perfopt__free(map->entries);
    *map = (perfopt__map)PERFOPT__MAP_INIT;
}
