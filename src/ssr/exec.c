/*
 * exec.c - statements that stay within one template: text, output, if, set, with, autoescape,
 * filter blocks.
 */
#include "ssr/runtime.h"

bool perfopt__ssr_exec_body(ssr_runtime *rt, const ssr_body *body)
{
    const ssr_stmt *s = body->statements;
    for (const ssr_stmt *end = s + body->count; s < end; s++) {
        if (!s->exec(rt, s))
            return false;
    }
    return true;
}

void perfopt__ssr_enter_scope(ssr_runtime *rt, const ssr_scope *scope)
{
    perfopt_value *slots = rt->frame->slots;
    for (uint32_t i = 0; i < scope->count; i++) {
        const ssr_load *load = &scope->loads[i];
        if (load->action == LOAD_ALIAS)
            slots[load->slot] = *perfopt__ssr_slot(rt, load->from);
        else if (load->action != LOAD_RESOLVE ||
                 !perfopt__ssr_resolve(rt, rt->context, load->name, &slots[load->slot]))
            slots[load->slot].kind = SSR_MISSING;
    }
}

bool perfopt__ssr_exec_unless_child(ssr_runtime *rt, const ssr_stmt *s)
{
    return rt->context->parent || perfopt__ssr_exec_body(rt, &s->body);
}

bool perfopt__ssr_exec_text(ssr_runtime *rt, const ssr_stmt *s)
{
    size_t length = s->length;
    if (length <= SSR_TEXT_PADDING && (size_t)(rt->out.end - rt->out.next) >= SSR_TEXT_PADDING) {
        memcpy(rt->out.next, s->text, SSR_TEXT_PADDING); /* of a fixed size: no call */
        rt->out.next += length;
        return true;
    }
    return perfopt__ssr_write(rt, s->text, length) || perfopt__ssr_locate(rt, s->line, s->column);
}

static inline bool escapes(const ssr_runtime *rt, const ssr_stmt *s)
{
    return s->escape == ESCAPE_ON || (s->escape == ESCAPE_VOLATILE && rt->context->autoescape);
}

bool perfopt__ssr_exec_output(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value value;
    if (!s->a->eval(rt, s->a, &value))
        return false;
    bool ok = value.kind == PERFOPT_STRING
                  ? perfopt__ssr_print_text(rt, value.as.string, value.length,
                                            escapes(rt, s) && !(value.flags & PERFOPT_VALUE_SAFE))
                  : perfopt__ssr_print(rt, value, escapes(rt, s));
    return ok || perfopt__ssr_locate(rt, s->line, s->column);
}

bool perfopt__ssr_exec_output_call(ssr_runtime *rt, const ssr_stmt *s)
{
    return perfopt__ssr_call_to_output(rt, s->a, escapes(rt, s));
}

bool perfopt__ssr_exec_if(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value value;
    bool yes;
    for (;;) {
        if (!s->a->eval(rt, s->a, &value))
            return false;
        if (!perfopt__ssr_truth(rt, value, &yes))
            return perfopt__ssr_locate(rt, s->line, s->column);
        if (yes)
            return perfopt__ssr_exec_body(rt, &s->body);
        if (s->other.count != 1 || s->other.statements[0].exec != perfopt__ssr_exec_if)
            return perfopt__ssr_exec_body(rt, &s->other);
        s = s->other.statements; /* elif */
    }
}

/* ---- assignment ----------------------------------------------------------------------------- */

static bool unpack(ssr_runtime *rt, const ssr_target *target, perfopt_value value)
{
    ssr_iterator it;
    perfopt_value item;
    uint32_t n = 0;
    if (!perfopt__ssr_iterate(rt, value, &it))
        return false;
    while (perfopt__ssr_next(rt, &it, &item)) {
        if (n == target->count)
            return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "too many values for %u names",
                                     target->count);
        if (!perfopt__ssr_assign(rt, &target->items[n++], item))
            return false;
    }
    if (rt->status != PERFOPT_OK)
        return false;
    if (n < target->count)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%u values for %u names", n, target->count);
    return true;
}

bool perfopt__ssr_assign(ssr_runtime *rt, const ssr_target *target, perfopt_value value)
{
    if (target->items)
        return unpack(rt, target, value);
    perfopt_value *slot = perfopt__ssr_slot(rt, target->ref);
    if (!target->attribute) {
        *slot = value;
        return true;
    }
    if (slot->kind == SSR_MISSING)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "'%s' is undefined", target->name->text);
    return perfopt__ssr_namespace_set(rt, *slot, target->attribute, value);
}

/* Variables set at the top level belong to the context too: blocks and includes see them. */
static bool export_target(ssr_runtime *rt, const ssr_target *target)
{
    if (!target->items)
        return target->attribute ||
               perfopt__ssr_context_set(rt, target->name, *perfopt__ssr_slot(rt, target->ref),
                                        false);
    for (uint32_t i = 0; i < target->count; i++) {
        if (!export_target(rt, &target->items[i]))
            return false;
    }
    return true;
}

bool perfopt__ssr_exec_set(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value value;
    if (!s->a->eval(rt, s->a, &value))
        return false;
    return (perfopt__ssr_assign(rt, s->target, value) &&
            (!s->exported || export_target(rt, s->target))) ||
           perfopt__ssr_locate(rt, s->line, s->column);
}

/* Runs a body, takes its text away from the output and puts it through the filters, if any. */
static bool captured_body(ssr_runtime *rt, const ssr_stmt *s, perfopt_value *out)
{
    size_t from = perfopt__ssr_output_length(rt);
    perfopt__ssr_enter_scope(rt, &s->scope);
    if (!perfopt__ssr_exec_body(rt, &s->body) || !perfopt__ssr_capture(rt, from, out))
        return false;
    if (!s->b)
        return true;
    if (escapes(rt, s))
        out->flags = PERFOPT_VALUE_SAFE;
    perfopt_value outer = rt->captured;
    rt->captured = *out;
    bool ok = s->b->eval(rt, s->b, out);
    rt->captured = outer;
    return ok;
}

bool perfopt__ssr_exec_set_block(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value value;
    if (!captured_body(rt, s, &value))
        return perfopt__ssr_locate(rt, s->line, s->column);
    if (rt->context->autoescape) {
        if (!perfopt__ssr_to_string(rt, value, &value))
            return perfopt__ssr_locate(rt, s->line, s->column);
        value.flags = PERFOPT_VALUE_SAFE;
    }
    return (perfopt__ssr_assign(rt, s->target, value) &&
            (!s->exported || export_target(rt, s->target))) ||
           perfopt__ssr_locate(rt, s->line, s->column);
}

bool perfopt__ssr_exec_filter_block(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value value;
    return (captured_body(rt, s, &value) && perfopt__ssr_print(rt, value, false)) ||
           perfopt__ssr_locate(rt, s->line, s->column);
}

/* ---- scopes --------------------------------------------------------------------------------- */

bool perfopt__ssr_exec_with(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt__ssr_enter_scope(rt, &s->scope);
    for (uint32_t i = 0; i < s->count; i++) {
        perfopt_value value;
        if (!s->exprs[i]->eval(rt, s->exprs[i], &value))
            return false;
        if (!perfopt__ssr_assign(rt, &s->targets[i], value))
            return perfopt__ssr_locate(rt, s->line, s->column);
    }
    return perfopt__ssr_exec_body(rt, &s->body);
}

bool perfopt__ssr_exec_autoescape(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value value;
    bool on;
    perfopt__ssr_enter_scope(rt, &s->scope);
    if (!s->a->eval(rt, s->a, &value))
        return false;
    if (!perfopt__ssr_truth(rt, value, &on))
        return perfopt__ssr_locate(rt, s->line, s->column);
    bool before = rt->context->autoescape;
    rt->context->autoescape = on;
    bool ok = perfopt__ssr_exec_body(rt, &s->body);
    rt->context->autoescape = before;
    return ok;
}
