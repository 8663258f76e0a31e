/*
 * value.h - the layout of lists and maps, for modules that read them in place.
 *
 *     perfopt_map:  entries  [key value hash][key value hash]...    in insertion order
 *                   index    [2][-][0][-][1]...    positions in entries, only above 8 entries
 */
#ifndef PERFOPT_SRC_VALUE_VALUE_H
#define PERFOPT_SRC_VALUE_VALUE_H

#include <perfopt/value.h>

struct perfopt_list {
    perfopt_arena *arena;
    perfopt_value *items;
    size_t count;
    size_t capacity;
};

typedef struct perfopt__value_entry {
    perfopt_value key;
    perfopt_value value;
    uint64_t hash;
} perfopt__value_entry;

struct perfopt_map {
    perfopt_arena *arena;
    perfopt__value_entry *entries;
    uint32_t *index; /* position + 1, 0 = free; NULL while a scan is as fast */
    size_t count;
    size_t capacity;
    size_t index_size; /* power of two */
};

/* Nesting that equality, hashes and JSON follow. */
#define PERFOPT__VALUE_EQUAL_DEPTH 100
#define PERFOPT__VALUE_JSON_DEPTH  512

/* compare.c ---------------------------------------------------------------------------------- */

/* Equal values have equal hashes; false if the value is not hashable (a list, a map). */
bool perfopt__value_hash(perfopt_value value, uint64_t *out);
/* The hash of a string key, as perfopt__value_hash() gives it. */
uint64_t perfopt__value_hash_name(const char *name, size_t length);
/* -1, 0, 1, or 2 if one of the numbers is not a number. Exact also beyond 2^53. */
int perfopt__value_compare_int_double(int64_t a, double b);

/* list.c ------------------------------------------------------------------------------------- */

/* Room for `extra` more items. */
perfopt_status perfopt__value_list_reserve(perfopt_list *list, size_t extra);

/* map.c -------------------------------------------------------------------------------------- */

/* The entry under a key, or NULL. */
perfopt__value_entry *perfopt__value_find(const perfopt_map *map, perfopt_value key, uint64_t hash);
perfopt__value_entry *perfopt__value_find_name(const perfopt_map *map, const char *name,
                                               size_t length, uint64_t hash);
/* Sets a key whose hash is known; strings are borrowed. */
perfopt_status perfopt__value_set(perfopt_map *map, perfopt_value key, uint64_t hash,
                                  perfopt_value value);
/* Removes an entry that perfopt__value_find() returned: O(n), the order stays. */
void perfopt__value_remove(perfopt_map *map, perfopt__value_entry *entry);

#endif
