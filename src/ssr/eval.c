/*
 * eval.c - expression nodes that are no calls: constants, names, literals, operators.
 */
#include "ssr/eval.h"

bool perfopt__ssr_eval_constant(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    (void)rt;
    *out = e->value;
    return true;
}

bool perfopt__ssr_eval_local(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    *out = rt->frame->slots[e->ref.slot];
    if (__builtin_expect(out->kind == SSR_MISSING, 0))
        *out = perfopt__ssr_undefined_name(e->name->text, e->name->length);
    return true;
}

bool perfopt__ssr_eval_outer(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    *out = *perfopt__ssr_slot(rt, e->ref);
    if (out->kind == SSR_MISSING)
        *out = perfopt__ssr_undefined_name(e->name->text, e->name->length);
    return true;
}

bool perfopt__ssr_eval_captured(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    (void)e;
    *out = rt->captured;
    return true;
}

/* ---- literals ------------------------------------------------------------------------------- */

static bool eval_items(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    if (!perfopt__ssr_list(rt, e->count, out))
        return false;
    for (uint32_t i = 0; i < e->count; i++) {
        perfopt_value item;
        if (!e->items[i]->eval(rt, e->items[i], &item) || !perfopt__ssr_append(rt, *out, item))
            return false;
    }
    return true;
}

bool perfopt__ssr_eval_tuple(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    if (!eval_items(rt, e, out))
        return perfopt__ssr_locate(rt, e->line, e->column);
    out->flags = PERFOPT_VALUE_TUPLE;
    return true;
}

bool perfopt__ssr_eval_list(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    return eval_items(rt, e, out) || perfopt__ssr_locate(rt, e->line, e->column);
}

bool perfopt__ssr_eval_dict(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    if (!perfopt__ssr_map(rt, out))
        return false;
    for (uint32_t i = 0; i + 1 < e->count; i += 2) {
        perfopt_value key;
        perfopt_value value;
        if (!e->items[i]->eval(rt, e->items[i], &key) ||
            !e->items[i + 1]->eval(rt, e->items[i + 1], &value))
            return false;
        if (!perfopt__ssr_map_put(rt, *out, key, value))
            return perfopt__ssr_locate(rt, e->line, e->column);
    }
    return true;
}

/* a ~ b: with auto-escaping on, one safe part makes the whole safe and escapes the others. */
static bool join_parts(ssr_runtime *rt, const perfopt_value *parts, uint32_t count, bool markup,
                       perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    for (uint32_t i = 0; i < count; i++) {
        perfopt_value part = parts[i];
        bool ok = markup ? perfopt__ssr_to_markup(rt, part, &part)
                         : perfopt__ssr_to_string(rt, part, &part);
        if (!ok) {
            perfopt__strbuf_finish(&sb);
            return false;
        }
        perfopt__strbuf_append(&sb, part.as.string, part.length);
    }
    if (!perfopt__ssr_take_text(rt, &sb, out))
        return false;
    out->flags = markup ? PERFOPT_VALUE_SAFE : 0;
    return true;
}

static bool is_safe(perfopt_value v)
{
    return v.kind == PERFOPT_STRING && v.flags & PERFOPT_VALUE_SAFE;
}

bool perfopt__ssr_eval_concat(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    perfopt_value *parts = perfopt__ssr_push(rt, e->count);
    if (!parts)
        return false;
    bool any_safe = false;
    bool ok = true;
    for (uint32_t i = 0; ok && i < e->count; i++) {
        ok = e->items[i]->eval(rt, e->items[i], &parts[i]);
        any_safe |= ok && is_safe(parts[i]);
    }
    bool markup = any_safe && e->op == ESCAPE_ON; /* where only rendering decides: plain */
    ok = ok && (join_parts(rt, parts, e->count, markup, out) ||
                perfopt__ssr_locate(rt, e->line, e->column));
    perfopt__ssr_pop(rt, e->count);
    return ok;
}

/* ---- logic ---------------------------------------------------------------------------------- */

bool perfopt__ssr_truth(ssr_runtime *rt, perfopt_value value, bool *out)
{
    if (value.kind == PERFOPT_BOOL) {
        *out = value.as.boolean;
        return true;
    }
    if (value.kind == PERFOPT_OBJECT) {
        const ssr_class *cls = perfopt__ssr_class_of(value);
        *out =
            (cls ? cls->always_true : !value.as.object->cls->count) || perfopt_value_truth(value);
        return true;
    }
    *out = perfopt_value_truth(value);
    return perfopt__ssr_check_lenient(rt, value);
}

static bool eval_truth(ssr_runtime *rt, const ssr_expr *e, bool *out)
{
    perfopt_value value;
    return e->eval(rt, e, &value) &&
           (perfopt__ssr_truth(rt, value, out) || perfopt__ssr_locate(rt, e->line, e->column));
}

bool perfopt__ssr_eval_condition(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    bool yes;
    if (!eval_truth(rt, e->b, &yes))
        return false;
    if (yes)
        return e->a->eval(rt, e->a, out);
    if (e->c)
        return e->c->eval(rt, e->c, out);
    if (!perfopt__ssr_undefined_hint(rt, out, "the inline if-expression was false and has no else"))
        return perfopt__ssr_locate(rt, e->line, e->column);
    out->flags = SSR_LENIENT_UNDEFINED;
    return true;
}

bool perfopt__ssr_eval_and(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    bool yes;
    if (!e->a->eval(rt, e->a, out))
        return false;
    if (!perfopt__ssr_truth(rt, *out, &yes))
        return perfopt__ssr_locate(rt, e->line, e->column);
    return !yes || e->b->eval(rt, e->b, out);
}

bool perfopt__ssr_eval_or(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    bool yes;
    if (!e->a->eval(rt, e->a, out))
        return false;
    if (!perfopt__ssr_truth(rt, *out, &yes))
        return perfopt__ssr_locate(rt, e->line, e->column);
    return yes || e->b->eval(rt, e->b, out);
}

bool perfopt__ssr_eval_not(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    bool yes;
    if (!eval_truth(rt, e->a, &yes))
        return false;
    *out = perfopt_bool(!yes);
    return true;
}

/* ---- arithmetic and comparison -------------------------------------------------------------- */

bool perfopt__ssr_eval_negative(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    perfopt_value value;
    return e->a->eval(rt, e->a, &value) && (perfopt__ssr_negate(rt, value, true, out) ||
                                            perfopt__ssr_locate(rt, e->line, e->column));
}

bool perfopt__ssr_eval_positive(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    perfopt_value value;
    return e->a->eval(rt, e->a, &value) && (perfopt__ssr_negate(rt, value, false, out) ||
                                            perfopt__ssr_locate(rt, e->line, e->column));
}

bool perfopt__ssr_eval_binary(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    perfopt_value a;
    perfopt_value b;
    return e->a->eval(rt, e->a, &a) && e->b->eval(rt, e->b, &b) &&
           (perfopt__ssr_binary(rt, e->op, a, b, out) ||
            perfopt__ssr_locate(rt, e->line, e->column));
}

bool perfopt__ssr_eval_compare(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    perfopt_value left;
    bool yes = true;
    if (!e->a->eval(rt, e->a, &left))
        return false;
    for (uint32_t i = 0; yes && i < e->count; i++) {
        perfopt_value right;
        if (!e->items[i]->eval(rt, e->items[i], &right))
            return false;
        if (!perfopt__ssr_compare(rt, e->ops[i], left, right, &yes))
            return perfopt__ssr_locate(rt, e->line, e->column);
        left = right;
    }
    *out = perfopt_bool(yes);
    return true;
}

/* ---- elements ------------------------------------------------------------------------------- */

bool perfopt__ssr_eval_getitem(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    perfopt_value a;
    perfopt_value key;
    return e->a->eval(rt, e->a, &a) && e->b->eval(rt, e->b, &key) &&
           (perfopt__ssr_getitem(rt, a, key, out) || perfopt__ssr_locate(rt, e->line, e->column));
}

bool perfopt__ssr_eval_slice(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    perfopt_value a;
    perfopt_value parts[3] = {perfopt_none(), perfopt_none(), perfopt_none()};
    if (!e->a->eval(rt, e->a, &a))
        return false;
    for (int i = 0; i < 3; i++) {
        if (e->items[i] && !e->items[i]->eval(rt, e->items[i], &parts[i]))
            return false;
    }
    return perfopt__ssr_slice(rt, a, parts, out) || perfopt__ssr_locate(rt, e->line, e->column);
}
