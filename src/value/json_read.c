/*
 * json_read.c - JSON text to values: jansson checks and parses, its tree is copied into the arena.
 */
#include "base/error.h"
#include "value/value.h"

#include <jansson.h>
#include <stdio.h>

static perfopt_status convert(perfopt_arena *arena, const json_t *json, unsigned depth,
                              perfopt_value *out);

static perfopt_status convert_string(perfopt_arena *arena, const char *text, size_t length,
                                     perfopt_value *out)
{
    char *copy = perfopt_arena_copy(arena, text, length);
    if (!copy)
        return PERFOPT_ENOMEM;
    *out = perfopt_string_n(copy, length);
    return PERFOPT_OK;
}

static perfopt_status convert_array(perfopt_arena *arena, const json_t *json, unsigned depth,
                                    perfopt_value *out)
{
    perfopt_status st = perfopt_list_create(arena, out);
    if (st == PERFOPT_OK)
        st = perfopt__value_list_reserve(out->as.list, json_array_size(json));
    for (size_t i = 0; st == PERFOPT_OK && i < json_array_size(json); i++) {
        perfopt_value item;
        st = convert(arena, json_array_get(json, i), depth + 1, &item);
        if (st == PERFOPT_OK)
            st = perfopt_list_append(*out, item);
    }
    return st;
}

static perfopt_status convert_object(perfopt_arena *arena, json_t *json, unsigned depth,
                                     perfopt_value *out)
{
    perfopt_status st = perfopt_map_create(arena, out);
    void *it = json_object_iter(json);
    for (; st == PERFOPT_OK && it; it = json_object_iter_next(json, it)) {
        perfopt_value key;
        perfopt_value item;
        st = convert_string(arena, json_object_iter_key(it), json_object_iter_key_len(it), &key);
        if (st == PERFOPT_OK)
            st = convert(arena, json_object_iter_value(it), depth + 1, &item);
        if (st == PERFOPT_OK)
            st = perfopt_map_set_key(*out, key, item);
    }
    return st;
}

static perfopt_status convert(perfopt_arena *arena, const json_t *json, unsigned depth,
                              perfopt_value *out)
{
    if (depth > PERFOPT__VALUE_JSON_DEPTH)
        return PERFOPT_ESYNTAX;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return convert_object(arena, (json_t *)json, depth, out);
    case JSON_ARRAY:
        return convert_array(arena, json, depth, out);
    case JSON_STRING:
        return convert_string(arena, json_string_value(json), json_string_length(json), out);
    case JSON_INTEGER:
        *out = perfopt_int(json_integer_value(json));
        return PERFOPT_OK;
    case JSON_REAL:
        *out = perfopt_double(json_real_value(json));
        return PERFOPT_OK;
    case JSON_NULL:
        *out = perfopt_none();
        return PERFOPT_OK;
    default:
        *out = perfopt_bool(json_is_true(json));
        return PERFOPT_OK;
    }
}

static perfopt_status report(const json_error_t *fault, perfopt_error *err)
{
    char where[64];
    if (json_error_code((json_error_t *)fault) == json_error_out_of_memory)
        return perfopt__error_nomem(err);
    snprintf(where, sizeof(where), "%d:%d", fault->line, fault->column);
    return perfopt__error_from(err, PERFOPT_ESYNTAX, PERFOPT_ORIGIN_PERFOPT, 0, where,
                               "JSON, line %d, column %d: %s", fault->line, fault->column,
                               fault->text);
}

perfopt_status perfopt_value_from_json(perfopt_arena *arena, const char *text, size_t length,
                                       perfopt_value *out, perfopt_error *err)
{
    json_error_t fault;
    json_t *json =
        json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    if (!json)
        return report(&fault, err);
    perfopt_value value;
    perfopt_status st = convert(arena, json, 1, &value);
    json_decref(json);
    if (st == PERFOPT_ESYNTAX)
        return perfopt__error_from(err, st, PERFOPT_ORIGIN_PERFOPT, 0, "1:1",
                                   "JSON nested deeper than %d", PERFOPT__VALUE_JSON_DEPTH);
    if (st != PERFOPT_OK)
        return perfopt__error_nomem(err);
    *out = value;
    return PERFOPT_OK;
}
