/*
 * fold.c - constant expressions are computed when a template is compiled, by the run time itself
 * with small limits. What fails is left for the render, which then reports it (but not lack of
 * memory, which fails the compilation).
 */
#include "ssr/generator.h"
#include "ssr/ssr_internal.h"

enum { FOLD_MEMORY = 64 * 1024, FOLD_STEPS = 1000 };

bool perfopt__ssr_is_constant(const ssr_expr *e)
{
    return e->eval == perfopt__ssr_eval_constant;
}

/* A constant, or a list or dict made of constants, which each evaluation makes anew. */
static bool is_fixed(const ssr_expr *e)
{
    if (!e || perfopt__ssr_is_constant(e))
        return true;
    if (e->eval != perfopt__ssr_eval_list && e->eval != perfopt__ssr_eval_dict)
        return false;
    for (uint32_t i = 0; i < e->count; i++) {
        if (!is_fixed(e->items[i]))
            return false;
    }
    return true;
}

static bool args_are_fixed(const ssr_args *args)
{
    if (!args)
        return true;
    for (uint32_t i = 0; i < args->count; i++) {
        if (!is_fixed(args->positional[i]))
            return false;
    }
    for (uint32_t i = 0; i < args->keyword_count; i++) {
        if (!is_fixed(args->keywords[i]))
            return false;
    }
    return !args->star && !args->star_star;
}

static bool parts_are_fixed(const ssr_expr *e)
{
    if (!is_fixed(e->a) || !is_fixed(e->b) || !is_fixed(e->c))
        return false;
    for (uint32_t i = 0; i < e->count; i++) {
        if (!is_fixed(e->items[i]))
            return false;
    }
    return args_are_fixed(e->args);
}

/* Lists and maps can be changed, so each evaluation makes its own. */
static bool is_immutable(perfopt_value v)
{
    if (v.kind == PERFOPT_LIST) {
        for (size_t i = 0; i < v.as.list->count; i++) {
            if (!is_immutable(v.as.list->items[i]))
                return false;
        }
        return v.flags & PERFOPT_VALUE_TUPLE && !v.reserved;
    }
    return v.kind >= PERFOPT_NONE && v.kind <= PERFOPT_STRING;
}

/* Copies strings and tuples to where the template lives. */
static bool keep(ssr_generator *g, perfopt_value *v)
{
    if (v->kind == PERFOPT_STRING) {
        const char *copy = perfopt_arena_copy(g->c->permanent, v->as.string, v->length);
        v->as.string = copy;
        return copy != NULL;
    }
    if (v->kind != PERFOPT_LIST)
        return true;
    perfopt_value list = perfopt_none();
    if (perfopt_list_create(g->c->permanent, &list) != PERFOPT_OK)
        return false;
    for (size_t i = 0; i < v->as.list->count; i++) {
        perfopt_value item = v->as.list->items[i];
        if (!keep(g, &item) || perfopt_list_append(list, item) != PERFOPT_OK)
            return false;
    }
    list.flags = v->flags;
    *v = list;
    return true;
}

static bool evaluate(ssr_generator *g, const ssr_expr *e, perfopt_value *out, bool as_text)
{
    ssr_runtime rt;
    ssr_context context;
    perfopt_arena *arena;
    if (perfopt_arena_create(0, &arena) != PERFOPT_OK)
        return perfopt__ssr_compile_nomem(g->c);
    perfopt__ssr_runtime_init(&rt, g->c->ssr, arena);
    perfopt__ssr_context_bare(g->c->template, &context);
    context.autoescape = g->autoescape;
    rt.context = &context;
    rt.stateless = true;
    rt.max_memory = FOLD_MEMORY;
    rt.max_steps = FOLD_STEPS;
    bool ok = e->eval(&rt, e, out) && rt.status == PERFOPT_OK;
    if (ok && as_text)
        ok = g->autoescape ? perfopt__ssr_to_markup(&rt, *out, out)
                           : perfopt__ssr_to_string(&rt, *out, out);
    /* Out of memory is no reason to leave it for later: folding can change the meaning. */
    if (rt.status == PERFOPT_ENOMEM || (ok && is_immutable(*out) && !keep(g, out)))
        ok = perfopt__ssr_compile_nomem(g->c);
    ok = ok && is_immutable(*out);
    perfopt__ssr_runtime_finish(&rt);
    perfopt_arena_destroy(arena);
    return ok;
}

void perfopt__ssr_fold_constant(ssr_generator *g, ssr_expr *e)
{
    perfopt_value value = perfopt_none();
    if (e->builtin && (e->builtin->uses_context || !e->builtin->fn || g->is_volatile))
        return;
    if (e->eval == perfopt__ssr_eval_filter && !e->builtin)
        return;
    if (e->eval == perfopt__ssr_eval_test && !e->builtin)
        return;
    if (e->eval == perfopt__ssr_eval_condition && !e->c)
        return;
    if (!parts_are_fixed(e))
        return;
    if (e->eval == perfopt__ssr_eval_concat)
        e->op = ESCAPE_OFF; /* Jinja joins constants as plain text, even safe ones */
    if (!evaluate(g, e, &value, false))
        return;
    e->eval = perfopt__ssr_eval_constant;
    e->value = value;
    e->builtin = NULL;
    e->count = 0;
}

bool perfopt__ssr_constant_text(ssr_generator *g, const ssr_expr *e, const char **text,
                                size_t *length)
{
    perfopt_value value = perfopt_string_n("", 0);
    if (!perfopt__ssr_is_constant(e) || g->is_volatile || !evaluate(g, e, &value, true))
        return false;
    *text = value.as.string;
    *length = value.length;
    return true;
}
