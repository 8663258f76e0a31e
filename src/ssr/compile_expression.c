/*
 * compile_expression.c - expressions of the tree to nodes that can run.
 */
#include "ssr/eval.h"
#include "ssr/generator.h"
#include "ssr/ssr_internal.h"

ssr_expr *perfopt__ssr_new_expr(ssr_generator *g, const ssr_ast *node, ssr_eval_fn eval)
{
    ssr_expr *e = perfopt__ssr_permanent(g->c, sizeof(*e));
    if (!e)
        return NULL;
    e->eval = eval;
    e->line = node->line;
    e->column = node->column;
    e->value.kind = SSR_MISSING;
    return e;
}

static const ssr_expr *gen_constant(ssr_generator *g, const ssr_ast *node)
{
    ssr_expr *e = perfopt__ssr_new_expr(g, node, perfopt__ssr_eval_constant);
    if (!e)
        return NULL;
    e->value = node->value;
    if (node->value.kind == PERFOPT_STRING) {
        char *copy = perfopt_arena_copy(g->c->permanent, node->value.as.string, node->value.length);
        if (!copy) {
            perfopt__ssr_compile_nomem(g->c);
            return NULL;
        }
        e->value.as.string = copy;
    }
    return e;
}

static const ssr_expr *gen_name(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    ssr_symbol *symbol = perfopt__ssr_find_symbol(place->symbols, node->name);
    if (!symbol) {
        perfopt__ssr_syntax_error(g->c, node->line, node->column, "'%s' cannot be used here",
                                  node->name->text);
        return NULL;
    }
    symbol->used = symbol->escapes = true;
    ssr_ref ref = perfopt__ssr_ref_of(place->symbols, symbol);
    ssr_expr *e = perfopt__ssr_new_expr(
        g, node, ref.hops ? perfopt__ssr_eval_outer : perfopt__ssr_eval_local);
    if (!e)
        return NULL;
    e->ref = ref;
    e->name = node->name;
    return e;
}

static bool gen_items(ssr_generator *g, const ssr_place *place, const ssr_ast_list *list,
                      ssr_expr *e)
{
    e->items = perfopt__ssr_permanent(g->c, (list->count + 1) * sizeof(*e->items));
    if (!e->items)
        return false;
    for (const ssr_ast *item = list->first; item; item = item->next) {
        const ssr_expr *part = perfopt__ssr_gen_expression(g, place, item);
        if (!part)
            return false;
        e->items[e->count++] = part;
    }
    return true;
}

static const ssr_expr *gen_list(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    static const ssr_eval_fn evals[] = {[AST_TUPLE] = perfopt__ssr_eval_tuple,
                                        [AST_LIST] = perfopt__ssr_eval_list,
                                        [AST_DICT] = perfopt__ssr_eval_dict,
                                        [AST_CONCAT] = perfopt__ssr_eval_concat};
    ssr_expr *e = perfopt__ssr_new_expr(g, node, evals[node->kind]);
    if (!e || !gen_items(g, place, &node->list, e))
        return NULL;
    if (node->kind == AST_CONCAT) {
        e->op = g->is_volatile ? ESCAPE_VOLATILE : g->autoescape ? ESCAPE_ON : ESCAPE_OFF;
        perfopt__ssr_fold_constant(g, e);
    } else if (node->kind == AST_TUPLE) {
        perfopt__ssr_fold_constant(g, e);
    }
    return e;
}

static const ssr_expr *gen_compare(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    ssr_expr *e = perfopt__ssr_new_expr(g, node, perfopt__ssr_eval_compare);
    if (!e || !(e->a = perfopt__ssr_gen_expression(g, place, node->a)))
        return NULL;
    e->items = perfopt__ssr_permanent(g->c, node->list.count * sizeof(*e->items));
    e->ops = perfopt__ssr_permanent(g->c, node->list.count);
    if (!e->items || !e->ops)
        return NULL;
    for (const ssr_ast *link = node->list.first; link; link = link->next) {
        e->ops[e->count] = link->op;
        e->items[e->count] = perfopt__ssr_gen_expression(g, place, link->a);
        if (!e->items[e->count++])
            return NULL;
    }
    perfopt__ssr_fold_constant(g, e);
    return e;
}

/* Nodes with up to three parts and nothing else. */
static const ssr_expr *gen_parts(ssr_generator *g, const ssr_place *place, const ssr_ast *node,
                                 ssr_eval_fn eval)
{
    ssr_expr *e = perfopt__ssr_new_expr(g, node, eval);
    if (!e)
        return NULL;
    e->op = node->op;
    if ((node->a && !(e->a = perfopt__ssr_gen_expression(g, place, node->a))) ||
        (node->b && !(e->b = perfopt__ssr_gen_expression(g, place, node->b))) ||
        (node->c && !(e->c = perfopt__ssr_gen_expression(g, place, node->c))))
        return NULL;
    perfopt__ssr_fold_constant(g, e);
    return e;
}

/* loop.index and the like, where the loop is of this function: no object is needed for them. */
static const ssr_expr *gen_loop_attribute(ssr_generator *g, const ssr_place *place,
                                          const ssr_ast *node, bool *matched)
{
    *matched = false;
    if (node->a->kind != AST_NAME)
        return NULL;
    ssr_symbol *symbol = perfopt__ssr_find_symbol(place->symbols, node->a->name);
    int number = perfopt__ssr_loop_attribute(node->name->text, node->name->length);
    if (!symbol || !symbol->is_loop || number < 0)
        return NULL;
    ssr_ref ref = perfopt__ssr_ref_of(place->symbols, symbol);
    if (ref.hops)
        return NULL;
    *matched = true;
    symbol->used = true;
    ssr_expr *e = perfopt__ssr_new_expr(g, node, perfopt__ssr_eval_loop_attribute);
    if (!e)
        return NULL;
    e->ref = ref;
    e->op = (uint8_t)number;
    return e;
}

static const ssr_expr *gen_getattr(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    bool matched;
    const ssr_expr *loop = gen_loop_attribute(g, place, node, &matched);
    if (matched)
        return loop;
    ssr_expr *e = perfopt__ssr_new_expr(g, node, perfopt__ssr_eval_getattr);
    if (!e || !(e->a = perfopt__ssr_gen_expression(g, place, node->a)))
        return NULL;
    e->name = node->name;
    e->on_string = perfopt__ssr_find_method(PERFOPT_STRING, node->name->text, node->name->length);
    e->on_list = perfopt__ssr_find_method(PERFOPT_LIST, node->name->text, node->name->length);
    e->on_map = perfopt__ssr_find_method(PERFOPT_MAP, node->name->text, node->name->length);
    return e;
}

static const ssr_expr *gen_getitem(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    if (node->b->kind != AST_SLICE)
        return gen_parts(g, place, node, perfopt__ssr_eval_getitem);
    ssr_expr *e = perfopt__ssr_new_expr(g, node, perfopt__ssr_eval_slice);
    const ssr_ast *slice = node->b;
    if (!e || !(e->a = perfopt__ssr_gen_expression(g, place, node->a)))
        return NULL;
    e->items = perfopt__ssr_permanent(g->c, 3 * sizeof(*e->items));
    if (!e->items)
        return NULL;
    e->count = 3;
    const ssr_ast *const parts[3] = {slice->a, slice->b, slice->c};
    for (int i = 0; i < 3; i++) {
        if (parts[i] && !(e->items[i] = perfopt__ssr_gen_expression(g, place, parts[i])))
            return NULL;
    }
    perfopt__ssr_fold_constant(g, e);
    return e;
}

static bool gen_keywords(ssr_generator *g, const ssr_place *place, const ssr_ast_args *args,
                         ssr_args *out)
{
    out->keywords =
        perfopt__ssr_permanent(g->c, (args->keywords.count + 1) * sizeof(*out->keywords));
    out->names = perfopt__ssr_permanent(g->c, (args->keywords.count + 1) * sizeof(*out->names));
    if (!out->keywords || !out->names)
        return false;
    for (const ssr_ast *k = args->keywords.first; k; k = k->next) {
        const ssr_expr *value = perfopt__ssr_gen_expression(g, place, k->a);
        if (!value)
            return false;
        out->names[out->keyword_count] = k->name;
        out->keywords[out->keyword_count++] = value;
    }
    return true;
}

bool perfopt__ssr_gen_arguments(ssr_generator *g, const ssr_place *place, const ssr_ast_args *args,
                                const ssr_args **result)
{
    static const ssr_args none;
    *result = &none;
    if (!args)
        return true;
    ssr_args *out = perfopt__ssr_permanent(g->c, sizeof(*out));
    if (!out)
        return false;
    out->positional =
        perfopt__ssr_permanent(g->c, (args->positional.count + 1) * sizeof(*out->positional));
    if (!out->positional)
        return false;
    for (const ssr_ast *a = args->positional.first; a; a = a->next) {
        const ssr_expr *value = perfopt__ssr_gen_expression(g, place, a);
        if (!value)
            return false;
        out->positional[out->count++] = value;
    }
    if (!gen_keywords(g, place, args, out) ||
        (args->star && !(out->star = perfopt__ssr_gen_expression(g, place, args->star))) ||
        (args->star_star &&
         !(out->star_star = perfopt__ssr_gen_expression(g, place, args->star_star))))
        return false;
    *result = out;
    return true;
}

static const ssr_expr *gen_call(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    ssr_expr *e = perfopt__ssr_new_expr(g, node, perfopt__ssr_eval_call);
    if (!e || !(e->a = perfopt__ssr_gen_expression(g, place, node->a)) ||
        !perfopt__ssr_gen_arguments(g, place, node->args, &e->args))
        return NULL;
    return e;
}

static const ssr_expr *gen_filter(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    bool is_filter = node->kind == AST_FILTER;
    ssr_expr *e = perfopt__ssr_new_expr(
        g, node, is_filter ? perfopt__ssr_eval_filter : perfopt__ssr_eval_test);
    if (!e)
        return NULL;
    e->name = node->name;
    e->builtin = perfopt__ssr_find_callable(
        g->c->ssr, is_filter ? PERFOPT_TEMPLATE_FILTER : PERFOPT_TEMPLATE_TEST, node->name->text,
        node->name->length);
    if (!e->builtin && !place->soft) {
        const char *nearest = perfopt__ssr_nearest_callable(g->c->ssr, is_filter, node->name->text);
        perfopt__ssr_syntax_error(g->c, node->line, node->column, "no %s is named '%s'%s%s%s",
                                  is_filter ? "filter" : "test", node->name->text,
                                  nearest ? "; did you mean '" : "", nearest ? nearest : "",
                                  nearest ? "'?" : "");
        return NULL;
    }
    if (node->a)
        e->a = perfopt__ssr_gen_expression(g, place, node->a);
    else
        e->a = perfopt__ssr_new_expr(g, node, perfopt__ssr_eval_captured);
    if (!e->a || !perfopt__ssr_gen_arguments(g, place, node->args, &e->args))
        return NULL;
    perfopt__ssr_fold_constant(g, e);
    return e;
}

static const ssr_expr *gen_condition(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    ssr_place soft = *place;
    soft.soft = true;
    return gen_parts(g, &soft, node, perfopt__ssr_eval_condition);
}

const ssr_expr *perfopt__ssr_gen_expression(ssr_generator *g, const ssr_place *place,
                                            const ssr_ast *node)
{
    switch (node->kind) {
    case AST_CONST:
        return gen_constant(g, node);
    case AST_NAME:
        return gen_name(g, place, node);
    case AST_TUPLE:
    case AST_LIST:
    case AST_DICT:
    case AST_CONCAT:
        return gen_list(g, place, node);
    case AST_COND:
        return gen_condition(g, place, node);
    case AST_AND:
        return gen_parts(g, place, node, perfopt__ssr_eval_and);
    case AST_OR:
        return gen_parts(g, place, node, perfopt__ssr_eval_or);
    case AST_NOT:
        return gen_parts(g, place, node, perfopt__ssr_eval_not);
    case AST_NEG:
        return gen_parts(g, place, node, perfopt__ssr_eval_negative);
    case AST_POS:
        return gen_parts(g, place, node, perfopt__ssr_eval_positive);
    case AST_BINARY:
        return gen_parts(g, place, node, perfopt__ssr_eval_binary);
    case AST_COMPARE:
        return gen_compare(g, place, node);
    case AST_GETATTR:
        return gen_getattr(g, place, node);
    case AST_GETITEM:
        return gen_getitem(g, place, node);
    case AST_CALL:
        return gen_call(g, place, node);
    case AST_FILTER:
    case AST_TEST:
        return gen_filter(g, place, node);
    default:
        perfopt__ssr_syntax_error(g->c, node->line, node->column, "this is no expression");
        return NULL;
    }
}
