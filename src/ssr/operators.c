/*
 * operators.c - Python's operators on values: numbers (64-bit integers, doubles), strings, lists.
 */
#include "ssr/runtime.h"

#include <math.h>

static bool is_number(perfopt_value v)
{
    return v.kind == PERFOPT_INT || v.kind == PERFOPT_DOUBLE || v.kind == PERFOPT_BOOL;
}

static double to_double(perfopt_value v)
{
    return v.kind == PERFOPT_DOUBLE ? v.as.real : (double)perfopt__ssr_int(v);
}

static const char *operator_name(uint8_t op)
{
    switch (op) {
    case TOKEN_ADD:
        return "+";
    case TOKEN_SUB:
        return "-";
    case TOKEN_MUL:
        return "*";
    case TOKEN_DIV:
        return "/";
    case TOKEN_FLOORDIV:
        return "//";
    case TOKEN_MOD:
        return "%";
    case TOKEN_POW:
        return "**";
    case TOKEN_LT:
        return "<";
    case TOKEN_LTEQ:
        return "<=";
    case TOKEN_GT:
        return ">";
    default:
        return ">=";
    }
}

static bool bad_operands(ssr_runtime *rt, uint8_t op, perfopt_value a, perfopt_value b)
{
    if (a.kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(rt, a);
    if (b.kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(rt, b);
    return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "'%s' does not work between %s and %s",
                             operator_name(op), perfopt_value_type_name(a),
                             perfopt_value_type_name(b));
}

static bool too_large(ssr_runtime *rt)
{
    return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the result is no 64-bit integer");
}

static bool by_zero(ssr_runtime *rt)
{
    return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "division by zero");
}

/* ---- integers ------------------------------------------------------------------------------- */

static int64_t floor_divide(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

static int64_t floor_modulo(int64_t a, int64_t b)
{
    if (b == -1)
        return 0;
    int64_t r = a % b;
    return (r != 0 && (r < 0) != (b < 0)) ? r + b : r;
}

static bool int_power(ssr_runtime *rt, int64_t base, int64_t exponent, perfopt_value *out)
{
    if (exponent < 0) {
        if (base == 0)
            return by_zero(rt);
        *out = perfopt_double(pow((double)base, (double)exponent));
        return true;
    }
    int64_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1 && __builtin_mul_overflow(result, base, &result))
            return too_large(rt);
        if (exponent > 1 && __builtin_mul_overflow(base, base, &base))
            return too_large(rt);
    }
    *out = perfopt_int(result);
    return true;
}

static bool int_binary(ssr_runtime *rt, uint8_t op, int64_t a, int64_t b, perfopt_value *out)
{
    int64_t result = 0;
    bool overflow = false;
    switch (op) {
    case TOKEN_ADD:
        overflow = __builtin_add_overflow(a, b, &result);
        break;
    case TOKEN_SUB:
        overflow = __builtin_sub_overflow(a, b, &result);
        break;
    case TOKEN_MUL:
        overflow = __builtin_mul_overflow(a, b, &result);
        break;
    case TOKEN_POW:
        return int_power(rt, a, b, out);
    default:
        if (b == 0)
            return by_zero(rt);
        if (op == TOKEN_DIV) {
            *out = perfopt_double((double)a / (double)b);
            return true;
        }
        if (op == TOKEN_MOD)
            result = floor_modulo(a, b);
        else if (b == -1)
            overflow = __builtin_sub_overflow((int64_t)0, a, &result);
        else
            result = floor_divide(a, b);
    }
    *out = perfopt_int(result);
    return overflow ? too_large(rt) : true;
}

/* ---- doubles -------------------------------------------------------------------------------- */

static double float_modulo(double a, double b)
{
    double r = fmod(a, b);
    if (r != 0 && (r < 0) != (b < 0))
        return r + b;
    return r == 0 ? copysign(0.0, b) : r;
}

static double float_floor_divide(double a, double b)
{
    double r = fmod(a, b);
    double q = (a - r) / b;
    if (r != 0 && (r < 0) != (b < 0))
        q -= 1;
    if (q == 0)
        return copysign(0.0, a / b);
    double whole = floor(q);
    return q - whole > 0.5 ? whole + 1 : whole;
}

static bool float_power(ssr_runtime *rt, double a, double b, perfopt_value *out)
{
    if (a == 0 && b < 0)
        return by_zero(rt);
    if (a < 0 && isfinite(a) && isfinite(b) && b != floor(b))
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED,
                                 "a negative number has no real power of a fraction");
    double result = pow(a, b);
    if (isinf(result) && isfinite(a) && isfinite(b))
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the result is too large");
    *out = perfopt_double(result);
    return true;
}

static bool float_binary(ssr_runtime *rt, uint8_t op, double a, double b, perfopt_value *out)
{
    switch (op) {
    case TOKEN_ADD:
        *out = perfopt_double(a + b);
        return true;
    case TOKEN_SUB:
        *out = perfopt_double(a - b);
        return true;
    case TOKEN_MUL:
        *out = perfopt_double(a * b);
        return true;
    case TOKEN_POW:
        return float_power(rt, a, b, out);
    default:
        if (b == 0)
            return by_zero(rt);
        *out = perfopt_double(op == TOKEN_DIV   ? a / b
                              : op == TOKEN_MOD ? float_modulo(a, b)
                                                : float_floor_divide(a, b));
        return true;
    }
}

/* ---- sequences ------------------------------------------------------------------------------ */

static bool join_strings(ssr_runtime *rt, perfopt_value a, perfopt_value b, perfopt_value *out)
{
    bool safe = (a.flags | b.flags) & PERFOPT_VALUE_SAFE;
    if (safe && (!perfopt__ssr_to_markup(rt, a, &a) || !perfopt__ssr_to_markup(rt, b, &b)))
        return false;
    size_t length = (size_t)a.length + b.length;
    char *text = perfopt__ssr_text_room(rt, length);
    if (!text)
        return false;
    memcpy(text, a.as.string, a.length);
    memcpy(text + a.length, b.as.string, b.length);
    *out = perfopt_string_n(text, length);
    out->flags = safe ? PERFOPT_VALUE_SAFE : 0;
    return true;
}

static bool join_lists(ssr_runtime *rt, perfopt_value a, perfopt_value b, perfopt_value *out)
{
    const perfopt_list *x = a.as.list;
    const perfopt_list *y = b.as.list;
    if (!perfopt__ssr_list(rt, x->count + y->count, out))
        return false;
    perfopt_list *list = out->as.list;
    if (x->count)
        memcpy(list->items, x->items, x->count * sizeof(*list->items));
    if (y->count)
        memcpy(list->items + x->count, y->items, y->count * sizeof(*list->items));
    list->count = x->count + y->count;
    out->flags = a.flags;
    return true;
}

bool perfopt__ssr_repeat(ssr_runtime *rt, perfopt_value sequence, int64_t times, perfopt_value *out)
{
    size_t count = times > 0 ? (size_t)times : 0;
    size_t total;
    if (sequence.kind == PERFOPT_STRING) {
        char *text = NULL;
        if (!__builtin_mul_overflow(count, (size_t)sequence.length, &total))
            text = perfopt__ssr_text_room(rt, total);
        else
            perfopt__ssr_record_failure(rt, PERFOPT_ELIMIT, "the string is too long");
        if (!text)
            return false;
        for (size_t i = 0; sequence.length && i < count; i++)
            memcpy(text + i * sequence.length, sequence.as.string, sequence.length);
        *out = perfopt_string_n(text, total);
        out->flags = sequence.flags;
        return true;
    }
    const perfopt_list *from = sequence.as.list;
    if (__builtin_mul_overflow(count, from->count, &total))
        return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the list is too long");
    if (!perfopt__ssr_list(rt, total, out))
        return false;
    perfopt_list *list = out->as.list;
    for (size_t i = 0; from->count && i < count; i++)
        memcpy(list->items + i * from->count, from->items, from->count * sizeof(*list->items));
    list->count = total;
    out->flags = sequence.flags;
    return true;
}

static bool is_sequence(perfopt_value v)
{
    return v.kind == PERFOPT_STRING || v.kind == PERFOPT_LIST;
}

bool perfopt__ssr_binary(ssr_runtime *rt, uint8_t op, perfopt_value a, perfopt_value b,
                         perfopt_value *out)
{
    if (is_number(a) && is_number(b)) {
        if (a.kind == PERFOPT_DOUBLE || b.kind == PERFOPT_DOUBLE)
            return float_binary(rt, op, to_double(a), to_double(b), out);
        return int_binary(rt, op, perfopt__ssr_int(a), perfopt__ssr_int(b), out);
    }
    if (a.kind == PERFOPT_STRING && op == TOKEN_MOD)
        return perfopt__ssr_percent(rt, a, b, out);
    if (op == TOKEN_ADD && a.kind == PERFOPT_STRING && b.kind == PERFOPT_STRING)
        return join_strings(rt, a, b, out);
    if (op == TOKEN_ADD && a.kind == PERFOPT_LIST && b.kind == PERFOPT_LIST &&
        !((a.flags ^ b.flags) & PERFOPT_VALUE_TUPLE))
        return join_lists(rt, a, b, out);
    if (op == TOKEN_MUL && is_sequence(a) && perfopt__ssr_is_int(b))
        return perfopt__ssr_repeat(rt, a, perfopt__ssr_int(b), out);
    if (op == TOKEN_MUL && is_sequence(b) && perfopt__ssr_is_int(a))
        return perfopt__ssr_repeat(rt, b, perfopt__ssr_int(a), out);
    return bad_operands(rt, op, a, b);
}

bool perfopt__ssr_negate(ssr_runtime *rt, perfopt_value a, bool minus, perfopt_value *out)
{
    if (a.kind == PERFOPT_DOUBLE) {
        *out = perfopt_double(minus ? -a.as.real : a.as.real);
        return true;
    }
    if (!perfopt__ssr_is_int(a)) {
        if (a.kind == PERFOPT_UNDEFINED)
            return perfopt__ssr_fail_undefined(rt, a);
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s has no sign", perfopt_value_type_name(a));
    }
    int64_t value = perfopt__ssr_int(a);
    if (minus && __builtin_sub_overflow((int64_t)0, value, &value))
        return too_large(rt);
    *out = perfopt_int(value);
    return true;
}

bool perfopt__ssr_to_index(ssr_runtime *rt, perfopt_value value, int64_t *out)
{
    if (perfopt__ssr_is_int(value)) {
        *out = perfopt__ssr_int(value);
        return true;
    }
    if (value.kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(rt, value);
    return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "an integer is needed, not %s",
                             perfopt_value_type_name(value));
}

/* ---- comparison ----------------------------------------------------------------------------- */

bool perfopt__ssr_equal(perfopt_value a, perfopt_value b)
{
    int64_t x[3];
    int64_t y[3];
    if (perfopt__ssr_range_parts(a, x) && perfopt__ssr_range_parts(b, y))
        return memcmp(x, y, sizeof(x)) == 0;
    return perfopt_value_equal(a, b);
}

static int order_numbers(perfopt_value a, perfopt_value b)
{
    if (a.kind == PERFOPT_DOUBLE && b.kind == PERFOPT_DOUBLE) {
        if (isnan(a.as.real) || isnan(b.as.real))
            return 2;
        return a.as.real < b.as.real ? -1 : a.as.real > b.as.real;
    }
    if (b.kind == PERFOPT_DOUBLE)
        return perfopt__value_compare_int_double(perfopt__ssr_int(a), b.as.real);
    if (a.kind == PERFOPT_DOUBLE) {
        int order = perfopt__value_compare_int_double(perfopt__ssr_int(b), a.as.real);
        return order == 2 ? 2 : -order;
    }
    int64_t x = perfopt__ssr_int(a);
    int64_t y = perfopt__ssr_int(b);
    return x < y ? -1 : x > y;
}

static bool order_at(ssr_runtime *rt, perfopt_value a, perfopt_value b, uint8_t op, unsigned depth,
                     int *out)
{
    if (is_number(a) && is_number(b)) {
        *out = order_numbers(a, b);
        return true;
    }
    if (a.kind == PERFOPT_STRING && b.kind == PERFOPT_STRING) {
        /* UTF-8 keeps the order of code points. */
        uint32_t n = a.length < b.length ? a.length : b.length;
        int order = memcmp(a.as.string, b.as.string, n);
        *out = order < 0 ? -1 : order > 0 ? 1 : a.length < b.length ? -1 : a.length > b.length;
        return true;
    }
    if (a.kind != PERFOPT_LIST || b.kind != PERFOPT_LIST ||
        ((a.flags ^ b.flags) & PERFOPT_VALUE_TUPLE) || depth > PERFOPT__VALUE_EQUAL_DEPTH)
        return bad_operands(rt, op, a, b);
    const perfopt_list *x = a.as.list;
    const perfopt_list *y = b.as.list;
    for (size_t i = 0; i < x->count && i < y->count; i++) {
        if (!perfopt__ssr_equal(x->items[i], y->items[i]))
            return order_at(rt, x->items[i], y->items[i], op, depth + 1, out);
    }
    *out = x->count < y->count ? -1 : x->count > y->count;
    return true;
}

bool perfopt__ssr_order(ssr_runtime *rt, perfopt_value a, perfopt_value b, const char *op, int *out)
{
    (void)op;
    return order_at(rt, a, b, TOKEN_LT, 0, out);
}

static bool check_comparable(ssr_runtime *rt, perfopt_value a, perfopt_value b)
{
    return perfopt__ssr_check_lenient(rt, a) && perfopt__ssr_check_lenient(rt, b);
}

static bool map_contains(ssr_runtime *rt, perfopt_value item, perfopt_value map, bool *out)
{
    uint64_t hash;
    if (!perfopt__value_hash(item, &hash))
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s cannot be a key",
                                 perfopt_value_type_name(item));
    *out = perfopt__value_find(map.as.map, item, hash) != NULL;
    return true;
}

static bool iterated_contains(ssr_runtime *rt, perfopt_value item, perfopt_value container,
                              bool *out)
{
    ssr_iterator it;
    perfopt_value element;
    bool more;
    *out = false;
    if (!perfopt__ssr_iterate(rt, container, &it))
        return false;
    for (;;) {
        if (!perfopt__ssr_next_step(rt, &it, &element, &more))
            return false;
        if (!more)
            return true;
        if (!check_comparable(rt, element, item))
            return false;
        if (perfopt__ssr_equal(element, item)) {
            *out = true;
            return true;
        }
    }
}

static bool range_contains(const int64_t range[3], perfopt_value item)
{
    if (item.kind == PERFOPT_DOUBLE) {
        if (item.as.real != floor(item.as.real) || fabs(item.as.real) > 9e18)
            return false;
        item = perfopt_int((int64_t)item.as.real);
    }
    if (!perfopt__ssr_is_int(item))
        return false;
    int64_t x = perfopt__ssr_int(item);
    if (range[2] > 0 ? (x < range[0] || x >= range[1]) : (x > range[0] || x <= range[1]))
        return false;
    return (__int128)x % range[2] == (__int128)range[0] % range[2] ||
           ((__int128)x - range[0]) % range[2] == 0;
}

bool perfopt__ssr_contains(ssr_runtime *rt, perfopt_value item, perfopt_value container, bool *out)
{
    int64_t range[3];
    switch (container.kind) {
    case PERFOPT_STRING:
        if (item.kind != PERFOPT_STRING)
            return item.kind == PERFOPT_UNDEFINED
                       ? perfopt__ssr_fail_undefined(rt, item)
                       : perfopt__ssr_fail(rt, PERFOPT_EFAILED,
                                           "'in' a string needs a string, not %s",
                                           perfopt_value_type_name(item));
        *out = memmem(container.as.string, container.length, item.as.string, item.length) != NULL;
        return true;
    case PERFOPT_MAP:
        return map_contains(rt, item, container, out);
    case PERFOPT_OBJECT:
        if (perfopt__ssr_range_parts(container, range)) {
            *out = range_contains(range, item);
            return true;
        }
        if (container.as.object->cls->is_mapping && item.kind == PERFOPT_STRING) {
            perfopt_value ignored;
            const perfopt_object_class *cls = container.as.object->cls;
            *out = cls->attribute && cls->attribute(container.as.object, container.length,
                                                    item.as.string, item.length, &ignored);
            return true;
        }
        return iterated_contains(rt, item, container, out);
    case PERFOPT_LIST:
    case PERFOPT_UNDEFINED:
        return iterated_contains(rt, item, container, out);
    default:
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "nothing can be 'in' %s",
                                 perfopt_value_type_name(container));
    }
}

bool perfopt__ssr_compare(ssr_runtime *rt, uint8_t op, perfopt_value a, perfopt_value b, bool *out)
{
    int order = 2;
    switch (op) {
    case TOKEN_EQ:
    case TOKEN_NE:
        *out = perfopt__ssr_equal(a, b) == (op == TOKEN_EQ);
        return check_comparable(rt, a, b);
    case SSR_OP_IN:
        return perfopt__ssr_contains(rt, a, b, out);
    case SSR_OP_NOT_IN:
        if (!perfopt__ssr_contains(rt, a, b, out))
            return false;
        *out = !*out;
        return true;
    default:
        if (!order_at(rt, a, b, op, 0, &order))
            return false;
        *out = order != 2 && (op == TOKEN_LT     ? order < 0
                              : op == TOKEN_LTEQ ? order <= 0
                              : op == TOKEN_GT   ? order > 0
                                                 : order >= 0);
        return true;
    }
}
