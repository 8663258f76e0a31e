/*
 * map.h - a hash table from byte strings to pointers: open addressing, linear probing, backward
 * shift on removal. Keys are copied. Not thread-safe.
 */
#ifndef PERFOPT_SRC_BASE_MAP_H
#define PERFOPT_SRC_BASE_MAP_H

#include <perfopt/base.h>

typedef struct perfopt__map_entry {
    uint64_t hash;
    char *key; /* NULL = free slot; NUL-terminated copy */
    size_t key_length;
    void *value;
} perfopt__map_entry;

typedef struct perfopt__map {
    perfopt__map_entry *entries;
    size_t capacity; /* power of two or 0 */
    size_t count;
} perfopt__map;

#define PERFOPT__MAP_INIT \
    {                     \
        NULL, 0, 0        \
    }

/* NULL if the key is absent (or its value is NULL). */
void *perfopt__map_get(const perfopt__map *map, const char *key, size_t key_length);
/* Stores; *old gets the replaced value or NULL (old may be NULL). PERFOPT_OK or PERFOPT_ENOMEM. */
perfopt_status perfopt__map_put(perfopt__map *map, const char *key, size_t key_length, void *value,
                                void **old);
/* Removes and returns the value, NULL if absent. */
void *perfopt__map_remove(perfopt__map *map, const char *key, size_t key_length);
/* Iterates in no particular order: start with *cursor = 0, ends with NULL. Do not change the map
 * meanwhile. */
perfopt__map_entry *perfopt__map_next(const perfopt__map *map, size_t *cursor);
/* Calls free_value (may be NULL) for every value and empties the map. */
void perfopt__map_finish(perfopt__map *map, void (*free_value)(void *value));

#endif
