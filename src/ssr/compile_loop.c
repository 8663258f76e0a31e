/*
 * compile_loop.c - for loops to nodes that can run.
 */
#include "ssr/generator.h"
#include "ssr/ssr_internal.h"

#include <string.h>

static bool no_loop_target(ssr_generator *g, const ssr_ast *target)
{
    if (target->kind == AST_NAME && strcmp(target->name->text, "loop") == 0)
        return perfopt__ssr_syntax_error(g->c, target->line, target->column,
                                         "'loop' cannot be assigned to in a for");
    for (const ssr_ast *item = target->list.first; item; item = item->next) {
        if (!no_loop_target(g, item))
            return false;
    }
    return true;
}

/* A set of "loop" anywhere inside is refused, as Jinja does. */
static bool no_loop_set(void *user, const ssr_ast *node)
{
    ssr_generator *g = user;
    if (node->kind == AST_SET || node->kind == AST_SET_BLOCK || node->kind == AST_FOR) {
        if (node->a->kind != AST_NSREF && !no_loop_target(g, node->a))
            return false;
    }
    return perfopt__ssr_walk(node, no_loop_set, g);
}

static bool gen_for_test(ssr_generator *g, const ssr_place *place, ssr_unit *unit,
                         const ssr_ast *node, ssr_stmt *s)
{
    if (!node->c)
        return true;
    ssr_symbols *symbols = perfopt__ssr_symbols_new(g->c, unit, place->symbols);
    if (!symbols || !perfopt__ssr_declare_target(symbols, node->a) ||
        !perfopt__ssr_analyse(symbols, node->c) ||
        !perfopt__ssr_symbols_finish(symbols, &s->test_scope))
        return false;
    ssr_place inner = *place;
    inner.symbols = symbols;
    inner.toplevel = inner.rootlevel = inner.soft = false;
    s->c = perfopt__ssr_gen_expression(g, &inner, node->c);
    s->test_target = perfopt__ssr_gen_target(g, &inner, node->a);
    return s->c && s->test_target;
}

static bool gen_for_else(ssr_generator *g, const ssr_place *place, ssr_unit *unit,
                         const ssr_ast *node, ssr_stmt *s)
{
    if (!node->other.count)
        return true;
    ssr_symbols *symbols = perfopt__ssr_symbols_new(g->c, unit, place->symbols);
    return symbols && perfopt__ssr_analyse_body(symbols, &node->other) &&
           perfopt__ssr_symbols_finish(symbols, &s->other_scope) &&
           perfopt__ssr_gen_scoped(g, place, symbols, &node->other, &s->other);
}

static bool gen_for_body(ssr_generator *g, const ssr_place *place, ssr_unit *unit,
                         const ssr_ast *node, ssr_stmt *s)
{
    static const char *const loop_name[] = {"loop"};
    ssr_symbols *symbols = perfopt__ssr_symbols_new(g->c, unit, place->symbols);
    ssr_symbol *loop = NULL;
    if (!symbols)
        return false;
    if (node->flag || perfopt__ssr_undeclared(&node->body, loop_name, 1) ||
        perfopt__ssr_has_scoped_block(&node->body)) {
        ssr_name *name = perfopt__ssr_intern(g->c, "loop", 4);
        loop = name ? perfopt__ssr_declare(symbols, name) : NULL;
        if (!loop)
            return false;
        loop->is_loop = true;
    }
    if (!perfopt__ssr_declare_target(symbols, node->a) ||
        !perfopt__ssr_analyse_body(symbols, &node->body) ||
        !perfopt__ssr_symbols_finish(symbols, &s->scope))
        return false;
    ssr_place inner = *place;
    inner.symbols = symbols;
    inner.toplevel = inner.rootlevel = inner.soft = false;
    s->target = perfopt__ssr_gen_target(g, &inner, node->a);
    if (!s->target || !perfopt__ssr_gen_body(g, &inner, &node->body, &s->body))
        return false;
    if (loop) {
        s->loop = (ssr_ref){0, loop->slot};
        s->flag = loop->used || node->flag;
        s->flag2 = loop->escapes || node->flag;
    }
    return true;
}

static bool gen_loop(ssr_generator *g, const ssr_place *place, ssr_unit *unit, const ssr_ast *node,
                     ssr_stmt *s)
{
    s->exec = perfopt__ssr_exec_for;
    s->line = node->line;
    s->column = node->column;
    s->loop.slot = SSR_NO_SLOT;
    return gen_for_body(g, place, unit, node, s) && gen_for_test(g, place, unit, node, s) &&
           gen_for_else(g, place, unit, node, s);
}

/* A recursive loop is a function of one parameter, the iterable, that its body can call. */
static bool gen_recursive_for(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                              const ssr_ast *node, const ssr_expr *iterable)
{
    ssr_unit *unit = perfopt__ssr_unit_new(g, place->symbols->unit, NULL, node->line);
    if (!unit)
        return false;
    unit->function->iterable_slot = unit->slots++;
    ssr_stmt *loop = perfopt__ssr_permanent(g->c, sizeof(*loop));
    if (!loop || !gen_loop(g, place, unit, node, loop))
        return false;
    loop->function = unit->function;
    unit->function->body = (ssr_body){loop, 1};
    ssr_stmt *s = perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_recursive_for);
    if (!s)
        return false;
    s->a = iterable;
    s->function = perfopt__ssr_unit_finish(unit);
    return true;
}

bool perfopt__ssr_gen_for(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                          const ssr_ast *node)
{
    if (!no_loop_set(g, node))
        return false;
    const ssr_expr *iterable = perfopt__ssr_gen_expression(g, place, node->b);
    if (!iterable)
        return false;
    if (node->flag)
        return gen_recursive_for(g, place, b, node, iterable);
    ssr_stmt s = {0};
    if (!gen_loop(g, place, place->symbols->unit, node, &s))
        return false;
    s.a = iterable;
    ssr_stmt *to = perfopt__ssr_add_statement(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}
