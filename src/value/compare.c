/*
 * compare.c - Python's equality and hashes: 1 == 1.0 == True and they are one dictionary key.
 */
#include "value/value.h"

#include "base/hash.h"

#include <math.h>

int perfopt__value_compare_int_double(int64_t a, double b)
{
    if (isnan(b))
        return 2;
    if (b >= 9223372036854775808.0)
        return -1;
    if (b < -9223372036854775808.0)
        return 1;
    /* Here the integer part of b fits exactly; what it lost decides between equals. */
    int64_t whole = (int64_t)b;
    if (a != whole)
        return a < whole ? -1 : 1;
    double rest = b - (double)whole;
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

static bool is_number(perfopt_value v)
{
    return v.kind == PERFOPT_BOOL || v.kind == PERFOPT_INT || v.kind == PERFOPT_DOUBLE;
}

static int64_t to_int(perfopt_value v)
{
    return v.kind == PERFOPT_BOOL ? v.as.boolean : v.as.integer;
}

static bool numbers_equal(perfopt_value a, perfopt_value b)
{
    if (a.kind == PERFOPT_DOUBLE && b.kind == PERFOPT_DOUBLE)
        return a.as.real == b.as.real;
    if (a.kind == PERFOPT_DOUBLE)
        return perfopt__value_compare_int_double(to_int(b), a.as.real) == 0;
    if (b.kind == PERFOPT_DOUBLE)
        return perfopt__value_compare_int_double(to_int(a), b.as.real) == 0;
    return to_int(a) == to_int(b);
}

static bool equal_at(perfopt_value a, perfopt_value b, unsigned depth);

static bool lists_equal(perfopt_value a, perfopt_value b, unsigned depth)
{
    if (a.as.list == b.as.list)
        return true;
    if ((a.flags ^ b.flags) & PERFOPT_VALUE_TUPLE || a.as.list->count != b.as.list->count)
        return false;
    for (size_t i = 0; i < a.as.list->count; i++) {
        if (!equal_at(a.as.list->items[i], b.as.list->items[i], depth + 1))
            return false;
    }
    return true;
}

static bool maps_equal(const perfopt_map *a, const perfopt_map *b, unsigned depth)
{
    if (a == b)
        return true;
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const perfopt__value_entry *mine = &a->entries[i];
        const perfopt__value_entry *other = perfopt__value_find(b, mine->key, mine->hash);
        if (!other || !equal_at(mine->value, other->value, depth + 1))
            return false;
    }
    return true;
}

static bool equal_at(perfopt_value a, perfopt_value b, unsigned depth)
{
    if (depth > PERFOPT__VALUE_EQUAL_DEPTH)
        return false;
    if (is_number(a) && is_number(b))
        return numbers_equal(a, b);
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case PERFOPT_STRING:
        return a.length == b.length && memcmp(a.as.string, b.as.string, a.length) == 0;
    case PERFOPT_LIST:
        return lists_equal(a, b, depth);
    case PERFOPT_MAP:
        return maps_equal(a.as.map, b.as.map, depth);
    case PERFOPT_OBJECT:
        return a.as.object == b.as.object && a.length == b.length;
    default:
        return true; /* undefined and none have one value each */
    }
}

bool perfopt_value_equal(perfopt_value a, perfopt_value b)
{
    return equal_at(a, b, 0);
}

uint64_t perfopt__value_hash_name(const char *name, size_t length)
{
    return perfopt__hash(name, length);
}

static uint64_t hash_double(double d)
{
    if (d >= -9223372036854775808.0 && d < 9223372036854775808.0 && d == floor(d)) {
        int64_t whole = (int64_t)d;
        return perfopt__hash(&whole, sizeof(whole));
    }
    return perfopt__hash(&d, sizeof(d)) ^ 0x5bd1e995u;
}

static bool hash_at(perfopt_value v, unsigned depth, uint64_t *out)
{
    int64_t number = 0;
    switch (v.kind) {
    case PERFOPT_BOOL:
    case PERFOPT_INT:
        number = to_int(v);
        *out = perfopt__hash(&number, sizeof(number));
        return true;
    case PERFOPT_DOUBLE:
        *out = hash_double(v.as.real);
        return true;
    case PERFOPT_STRING:
        *out = perfopt__value_hash_name(v.as.string, v.length);
        return true;
    case PERFOPT_OBJECT:
        *out = perfopt__hash(&v.as.object, sizeof(v.as.object)) + v.length;
        return true;
    case PERFOPT_UNDEFINED:
    case PERFOPT_NONE:
        *out = 0x9e3779b97f4a7c15u + v.kind;
        return true;
    case PERFOPT_LIST:
        break;
    default:
        return false;
    }
    if (!(v.flags & PERFOPT_VALUE_TUPLE) || depth > PERFOPT__VALUE_EQUAL_DEPTH)
        return false;
    uint64_t sum = 0x345678u;
    for (size_t i = 0; i < v.as.list->count; i++) {
        uint64_t part;
        if (!hash_at(v.as.list->items[i], depth + 1, &part))
            return false;
        sum = (sum ^ part) * 0x100000001b3u + 0x9e37u;
    }
    *out = sum;
    return true;
}

bool perfopt__value_hash(perfopt_value value, uint64_t *out)
{
    return hash_at(value, 0, out);
}
