/*
 * compile_template.c - statements about other templates: extends, include, import, block.
 */
#include "ssr/generator.h"
#include "ssr/ssr_internal.h"

#include <string.h>

static bool add_dependency(ssr_generator *g, const ssr_expr *name)
{
    ssr_template *t = g->c->template;
    if (!perfopt__ssr_is_constant(name) || name->value.kind != PERFOPT_STRING)
        return true;
    if (t->dependency_count == g->dependency_capacity) {
        uint32_t capacity = g->dependency_capacity ? g->dependency_capacity * 2 : 4;
        const char **grown = perfopt__ssr_permanent(g->c, capacity * sizeof(*grown));
        if (!grown)
            return false;
        if (t->dependency_count)
            memcpy(grown, t->dependencies, t->dependency_count * sizeof(*grown));
        t->dependencies = grown;
        g->dependency_capacity = capacity;
    }
    t->dependencies[t->dependency_count++] = name->value.as.string;
    return true;
}

static bool add_dependencies(ssr_generator *g, const ssr_expr *name)
{
    for (uint32_t i = 0; i < name->count; i++) {
        if (!add_dependency(g, name->items[i]))
            return false;
    }
    return add_dependency(g, name);
}

bool perfopt__ssr_gen_extends(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                              const ssr_ast *node)
{
    if (!place->toplevel)
        return perfopt__ssr_syntax_error(g->c, node->line, node->column,
                                         "'extends' belongs to the top level of a template");
    const ssr_expr *name = perfopt__ssr_gen_expression(g, place, node->a);
    if (!name || !add_dependencies(g, name))
        return false;
    ssr_stmt *s = perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_extends);
    if (!s)
        return false;
    s->a = name;
    if (place->rootlevel)
        g->known_extends = true;
    g->extends_count++;
    return true;
}

bool perfopt__ssr_gen_include(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                              const ssr_ast *node)
{
    const ssr_expr *name = perfopt__ssr_gen_expression(g, place, node->a);
    const ssr_locals *locals = name ? perfopt__ssr_collect_locals(place->symbols) : NULL;
    if (!locals || !add_dependencies(g, name))
        return false;
    ssr_stmt *s = perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_include);
    if (!s)
        return false;
    s->a = name;
    s->flag = node->flag;
    s->flag2 = node->flag2;
    s->locals = locals;
    return true;
}

bool perfopt__ssr_gen_import(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                             const ssr_ast *node)
{
    const ssr_expr *name = perfopt__ssr_gen_expression(g, place, node->a);
    const ssr_locals *locals = name ? perfopt__ssr_collect_locals(place->symbols) : NULL;
    bool is_import = node->kind == AST_IMPORT;
    uint32_t count = is_import ? 1 : node->list.count;
    ssr_target *targets = perfopt__ssr_permanent(g->c, (count + 1) * sizeof(*targets));
    const ssr_name **names = perfopt__ssr_permanent(g->c, (count + 1) * sizeof(*names));
    if (!locals || !targets || !names || !add_dependencies(g, name))
        return false;
    ssr_ast single = {.kind = AST_NAME, .name = node->name};
    uint32_t i = 0;
    for (const ssr_ast *n = is_import ? &single : node->list.first; n; n = n->next, i++) {
        ssr_ast target = {.kind = AST_NAME, .name = is_import ? n->name : n->alias};
        names[i] = n->name;
        if (!perfopt__ssr_fill_target(g, place, &target, &targets[i]))
            return false;
    }
    ssr_stmt *s = perfopt__ssr_add_statement(
        g, b, node, is_import ? perfopt__ssr_exec_import : perfopt__ssr_exec_from);
    if (!s)
        return false;
    s->a = name;
    s->flag2 = node->flag2;
    s->locals = locals;
    s->targets = targets;
    s->names = names;
    s->count = count;
    s->exported = place->toplevel;
    return true;
}

bool perfopt__ssr_gen_block(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                            const ssr_ast *node)
{
    if (place->toplevel && g->known_extends)
        return true;
    const ssr_locals *locals = node->flag ? perfopt__ssr_collect_locals(place->symbols) : NULL;
    ssr_stmt *s = perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_block);
    if (!s || (node->flag && !locals))
        return false;
    s->name = node->name;
    s->flag = node->flag;
    s->flag2 = node->flag2;
    s->locals = locals;
    s->unless_child = place->toplevel && g->extends_count > 0;
    return true;
}
