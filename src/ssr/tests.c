/*
 * tests.c - "is odd", "is defined" and the others.
 */
#include "ssr/ssr_internal.h"

#include <math.h>

static bool answer(perfopt_value *out, bool yes)
{
    *out = perfopt_bool(yes);
    return true;
}

static bool modulo_is(perfopt_call *call, perfopt_value value, perfopt_value divisor, double wanted,
                      perfopt_value *out)
{
    perfopt_value rest;
    if (!perfopt__ssr_binary(call->rt, TOKEN_MOD, value, divisor, &rest))
        return false;
    return answer(out, perfopt_value_equal(rest, perfopt_double(wanted)));
}

static bool test_odd(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return modulo_is(call, args[0], perfopt_int(2), 1, out);
}

static bool test_even(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return modulo_is(call, args[0], perfopt_int(2), 0, out);
}

static bool test_divisibleby(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return modulo_is(call, args[0], args[1], 0, out);
}

static bool test_defined(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind != PERFOPT_UNDEFINED);
}

static bool test_undefined(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_UNDEFINED);
}

static bool test_none(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_NONE);
}

static bool test_boolean(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_BOOL);
}

static bool test_true(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_BOOL && args[0].as.boolean);
}

static bool test_false(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_BOOL && !args[0].as.boolean);
}

static bool test_integer(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_INT);
}

static bool test_float(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_DOUBLE);
}

static bool test_number(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, perfopt__ssr_is_int(args[0]) || args[0].kind == PERFOPT_DOUBLE);
}

static bool test_string(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_STRING);
}

static bool test_mapping(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return answer(out, args[0].kind == PERFOPT_MAP ||
                           (args[0].kind == PERFOPT_OBJECT && args[0].as.object->cls->is_mapping));
}

static bool test_sequence(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    size_t ignored;
    bool strict = args[0].kind == PERFOPT_UNDEFINED &&
                  perfopt__ssr_undefined_mode(call->rt, args[0]) == PERFOPT_UNDEFINED_STRICT;
    return answer(out, !strict && perfopt__ssr_length(args[0], &ignored));
}

static bool test_iterable(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    const ssr_class *cls = perfopt__ssr_class_of(args[0]);
    switch (args[0].kind) {
    case PERFOPT_STRING:
    case PERFOPT_LIST:
    case PERFOPT_MAP:
        return answer(out, true);
    case PERFOPT_UNDEFINED:
        return perfopt__ssr_check_lenient(call->rt, args[0]) && answer(out, true);
    case PERFOPT_OBJECT:
        return answer(out, (cls && cls->one_shot) ||
                               (args[0].as.object->cls->count && args[0].as.object->cls->item));
    default:
        return answer(out, false);
    }
}

static bool test_callable(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    /* Jinja's undefined has a __call__ that fails. */
    return answer(out, args[0].kind == PERFOPT_UNDEFINED || perfopt__ssr_is_callable(args[0]));
}

static bool test_lower(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_to_string(call->rt, args[0], &args[0]) &&
           answer(out, perfopt__ssr_is_cased(perfopt__ssr_chars(args[0]), false));
}

static bool test_upper(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_to_string(call->rt, args[0], &args[0]) &&
           answer(out, perfopt__ssr_is_cased(perfopt__ssr_chars(args[0]), true));
}

static bool test_escaped(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    bool chainable = args[0].kind == PERFOPT_UNDEFINED &&
                     perfopt__ssr_undefined_mode(call->rt, args[0]) == PERFOPT_UNDEFINED_CHAINABLE;
    return answer(out, chainable ||
                           (args[0].kind == PERFOPT_STRING && args[0].flags & PERFOPT_VALUE_SAFE));
}

/* Identity: numbers and strings have none here, so equality of one kind stands for it. */
static bool test_sameas(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value a = args[0];
    perfopt_value b = args[1];
    (void)call;
    if (a.kind != b.kind || a.kind == PERFOPT_UNDEFINED)
        return answer(out, false);
    if (a.kind == PERFOPT_LIST || a.kind == PERFOPT_MAP || a.kind == PERFOPT_OBJECT)
        return answer(out, a.as.object == b.as.object && a.length == b.length);
    return answer(out, perfopt_value_equal(a, b));
}

static bool test_in(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    bool yes;
    return perfopt__ssr_contains(call->rt, args[0], args[1], &yes) && answer(out, yes);
}

static bool compare(perfopt_call *call, perfopt_value *args, uint8_t op, perfopt_value *out)
{
    bool yes;
    return perfopt__ssr_compare(call->rt, op, args[0], args[1], &yes) && answer(out, yes);
}

static bool test_eq(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return compare(call, args, TOKEN_EQ, out);
}

static bool test_ne(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return compare(call, args, TOKEN_NE, out);
}

static bool test_gt(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return compare(call, args, TOKEN_GT, out);
}

static bool test_ge(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return compare(call, args, TOKEN_GTEQ, out);
}

static bool test_lt(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return compare(call, args, TOKEN_LT, out);
}

static bool test_le(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return compare(call, args, TOKEN_LTEQ, out);
}

static bool exists(perfopt_call *call, perfopt_callable_kind kind, perfopt_value *args,
                   perfopt_value *out)
{
    return answer(out, args[0].kind == PERFOPT_STRING &&
                           perfopt__ssr_find_callable(call->rt->ssr, kind, args[0].as.string,
                                                      args[0].length));
}

static bool test_filter(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return exists(call, PERFOPT_TEMPLATE_FILTER, args, out);
}

static bool test_test(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return exists(call, PERFOPT_TEMPLATE_TEST, args, out);
}

const ssr_builtin perfopt__ssr_tests[] = {
    {"odd", test_odd, {"value"}, 1, false},
    {"even", test_even, {"value"}, 1, false},
    {"divisibleby", test_divisibleby, {"value", "num"}, 2, false},
    {"defined", test_defined, {"value"}, 1, false},
    {"undefined", test_undefined, {"value"}, 1, false},
    {"filter", test_filter, {"value"}, 1, true},
    {"test", test_test, {"value"}, 1, true},
    {"none", test_none, {"value"}, 1, false},
    {"boolean", test_boolean, {"value"}, 1, false},
    {"false", test_false, {"value"}, 1, false},
    {"true", test_true, {"value"}, 1, false},
    {"integer", test_integer, {"value"}, 1, false},
    {"float", test_float, {"value"}, 1, false},
    {"lower", test_lower, {"value"}, 1, false},
    {"upper", test_upper, {"value"}, 1, false},
    {"string", test_string, {"value"}, 1, false},
    {"mapping", test_mapping, {"value"}, 1, false},
    {"number", test_number, {"value"}, 1, false},
    {"sequence", test_sequence, {"value"}, 1, false},
    {"iterable", test_iterable, {"value"}, 1, false},
    {"callable", test_callable, {"value"}, 1, false},
    {"sameas", test_sameas, {"value", "other"}, 2, false},
    {"escaped", test_escaped, {"value"}, 1, false},
    {"in", test_in, {"value", "seq"}, 2, false},
    {"==", test_eq, {"a", "b"}, 2, false},
    {"eq", test_eq, {"a", "b"}, 2, false},
    {"equalto", test_eq, {"a", "b"}, 2, false},
    {"!=", test_ne, {"a", "b"}, 2, false},
    {"ne", test_ne, {"a", "b"}, 2, false},
    {">", test_gt, {"a", "b"}, 2, false},
    {"gt", test_gt, {"a", "b"}, 2, false},
    {"greaterthan", test_gt, {"a", "b"}, 2, false},
    {">=", test_ge, {"a", "b"}, 2, false},
    {"ge", test_ge, {"a", "b"}, 2, false},
    {"<", test_lt, {"a", "b"}, 2, false},
    {"lt", test_lt, {"a", "b"}, 2, false},
    {"lessthan", test_lt, {"a", "b"}, 2, false},
    {"<=", test_le, {"a", "b"}, 2, false},
    {"le", test_le, {"a", "b"}, 2, false},
    {NULL, NULL, {NULL}, 0, false},
};
