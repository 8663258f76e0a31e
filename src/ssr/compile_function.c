/*
 * compile_function.c - what runs in a frame of its own: templates, blocks, macros, call blocks.
 */
#include "ssr/generator.h"
#include "ssr/ssr_internal.h"

#include <string.h>

/* ---- units --------------------------------------------------------------------------------- */

ssr_unit *perfopt__ssr_unit_new(ssr_generator *g, ssr_unit *outer, const ssr_name *name,
                                uint32_t line)
{
    ssr_unit *unit = perfopt__ssr_temporary(g->c, sizeof(*unit));
    ssr_function *fn = perfopt__ssr_permanent(g->c, sizeof(*fn));
    if (!unit || !fn)
        return NULL;
    unit->outer = outer;
    unit->function = fn;
    if (outer)
        outer->function->captured = true;
    fn->template = g->c->template;
    fn->name = name;
    fn->line = line;
    fn->caller_slot = fn->kwargs_slot = fn->varargs_slot = SSR_NO_SLOT;
    fn->self_slot = fn->super_slot = fn->iterable_slot = SSR_NO_SLOT;
    return unit;
}

const ssr_function *perfopt__ssr_unit_finish(ssr_unit *unit)
{
    unit->function->slot_count = unit->slots;
    unit->function->entry = (ssr_scope){unit->entry, (uint32_t)unit->entry_count};
    return unit->function;
}

/* The scope of a function is entered with the function. */
static bool merge_entry(ssr_generator *g, ssr_function *fn, const ssr_scope *scope)
{
    uint32_t count = fn->entry.count + scope->count;
    ssr_load *loads = perfopt__ssr_permanent(g->c, (count + 1) * sizeof(*loads));
    if (!loads)
        return false;
    if (fn->entry.count)
        memcpy(loads, fn->entry.loads, fn->entry.count * sizeof(*loads));
    if (scope->count)
        memcpy(loads + fn->entry.count, scope->loads, scope->count * sizeof(*loads));
    fn->entry = (ssr_scope){loads, count};
    return true;
}

/* ---- macros --------------------------------------------------------------------------------- */

static bool declare_special(ssr_generator *g, ssr_symbols *symbols, const char *name,
                            ssr_symbol **out)
{
    ssr_name *interned = perfopt__ssr_intern(g->c, name, strlen(name));
    *out = interned ? perfopt__ssr_declare(symbols, interned) : NULL;
    return *out != NULL;
}

static const ssr_ast *parameter_named(const ssr_ast_args *args, const char *name, bool *has_default)
{
    uint32_t i = 0;
    for (const ssr_ast *p = args->positional.first; p; p = p->next, i++) {
        if (strcmp(p->name->text, name) == 0) {
            *has_default = i >= args->positional.count - args->defaults.count;
            return p;
        }
    }
    return NULL;
}

typedef struct special_symbols {
    ssr_symbol *caller;
    ssr_symbol *kwargs;
    ssr_symbol *varargs;
} special_symbols;

static bool declare_specials(ssr_generator *g, ssr_symbols *symbols, const ssr_ast *node,
                             special_symbols *out)
{
    static const char *const names[] = {"caller", "kwargs", "varargs"};
    unsigned used = perfopt__ssr_undeclared(&node->body, names, 3);
    bool has_default = false;
    const ssr_ast *caller = parameter_named(node->args, "caller", &has_default);
    if (used & 1 && caller && !has_default)
        return perfopt__ssr_syntax_error(g->c, caller->line, caller->column,
                                         "a parameter named 'caller' needs a default");
    if (used & 1 && !caller && !declare_special(g, symbols, "caller", &out->caller))
        return false;
    if (used & 2 && !parameter_named(node->args, "kwargs", &has_default) &&
        !declare_special(g, symbols, "kwargs", &out->kwargs))
        return false;
    return !(used & 4) || parameter_named(node->args, "varargs", &has_default) ||
           declare_special(g, symbols, "varargs", &out->varargs);
}

static bool gen_parameters(ssr_generator *g, const ssr_place *inner, const ssr_ast *node,
                           ssr_function *fn)
{
    uint32_t count = node->args->positional.count;
    uint32_t first_default = count - node->args->defaults.count;
    uint32_t *slots = perfopt__ssr_permanent(g->c, (count + 1) * sizeof(*slots));
    fn->parameters = perfopt__ssr_permanent(g->c, (count + 1) * sizeof(*fn->parameters));
    fn->defaults = perfopt__ssr_permanent(g->c, (count + 1) * sizeof(*fn->defaults));
    if (!slots || !fn->parameters || !fn->defaults)
        return false;
    const ssr_ast *value = node->args->defaults.first;
    for (const ssr_ast *p = node->args->positional.first; p; p = p->next) {
        uint32_t i = fn->parameter_count++;
        fn->parameters[i] = p->name;
        slots[i] = perfopt__ssr_find_symbol(inner->symbols, p->name)->slot;
        fn->explicit_caller |= strcmp(p->name->text, "caller") == 0;
        if (i < first_default)
            continue;
        fn->defaults[i] = perfopt__ssr_gen_expression(g, inner, value);
        if (!fn->defaults[i])
            return false;
        value = value->next;
    }
    fn->parameter_slots = slots;
    return true;
}

static const ssr_function *gen_macro_function(ssr_generator *g, const ssr_place *place,
                                              const ssr_ast *node)
{
    ssr_unit *unit = perfopt__ssr_unit_new(g, place->symbols->unit, node->name, node->line);
    ssr_symbols *symbols = unit ? perfopt__ssr_symbols_new(g->c, unit, place->symbols) : NULL;
    special_symbols special = {0};
    ssr_scope scope;
    if (!symbols)
        return NULL;
    for (const ssr_ast *p = node->args->positional.first; p; p = p->next) {
        if (!perfopt__ssr_declare(symbols, p->name))
            return NULL;
    }
    if (!perfopt__ssr_analyse_body(symbols, &node->args->defaults) ||
        !perfopt__ssr_analyse_body(symbols, &node->body) ||
        !declare_specials(g, symbols, node, &special) ||
        !perfopt__ssr_symbols_finish(symbols, &scope))
        return NULL;
    ssr_place inner = {.symbols = symbols};
    ssr_function *fn = unit->function;
    if (!gen_parameters(g, &inner, node, fn) ||
        !perfopt__ssr_gen_body(g, &inner, &node->body, &fn->body))
        return NULL;
    if (special.caller)
        fn->caller_slot = special.caller->slot;
    if (special.kwargs)
        fn->kwargs_slot = special.kwargs->slot;
    if (special.varargs)
        fn->varargs_slot = special.varargs->slot;
    perfopt__ssr_unit_finish(unit);
    return merge_entry(g, fn, &scope) ? fn : NULL;
}

bool perfopt__ssr_gen_macro(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                            const ssr_ast *node)
{
    const ssr_function *fn = gen_macro_function(g, place, node);
    ssr_stmt *s = fn ? perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_macro) : NULL;
    if (!s)
        return false;
    g->c->template->keeps_context = true;
    s->function = fn;
    s->name = node->name;
    s->loop =
        perfopt__ssr_ref_of(place->symbols, perfopt__ssr_find_symbol(place->symbols, node->name));
    s->exported = place->toplevel;
    return true;
}

bool perfopt__ssr_gen_call_block(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                                 const ssr_ast *node)
{
    const ssr_function *fn = gen_macro_function(g, place, node);
    const ssr_expr *call = fn ? perfopt__ssr_gen_expression(g, place, node->a) : NULL;
    ssr_stmt *s =
        call ? perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_call_block) : NULL;
    if (!s)
        return false;
    g->c->template->keeps_context = true;
    s->function = fn;
    s->a = call;
    s->escape = perfopt__ssr_escape_mode(g);
    return true;
}

/* ---- templates and blocks ------------------------------------------------------------------ */

/* The template's own function, or a block's (`block` is not NULL). */
static const ssr_function *gen_function(ssr_generator *g, const ssr_ast_list *body,
                                        const ssr_ast *block)
{
    static const char *const names[] = {"self", "super"};
    ssr_unit *unit =
        perfopt__ssr_unit_new(g, NULL, block ? block->name : NULL, block ? block->line : 1);
    ssr_symbols *symbols = unit ? perfopt__ssr_symbols_new(g->c, unit, NULL) : NULL;
    if (!symbols)
        return NULL;
    unsigned used = perfopt__ssr_undeclared(body, names, block ? 2 : 1);
    ssr_symbol *self = NULL;
    ssr_symbol *super = NULL;
    ssr_scope scope;
    if ((used & 1 && !declare_special(g, symbols, "self", &self)) ||
        (used & 2 && !declare_special(g, symbols, "super", &super)) ||
        !perfopt__ssr_analyse_body(symbols, body) || !perfopt__ssr_symbols_finish(symbols, &scope))
        return NULL;
    if (self)
        unit->function->self_slot = self->slot;
    if (super)
        unit->function->super_slot = super->slot;
    ssr_place place = {.symbols = symbols, .toplevel = !block, .rootlevel = !block};
    place.output_check = !block && g->has_extends;
    if (used)
        g->c->template->keeps_context = true;
    if (!perfopt__ssr_gen_body(g, &place, body, &unit->function->body))
        return NULL;
    perfopt__ssr_unit_finish(unit);
    return merge_entry(g, unit->function, &scope) ? unit->function : NULL;
}

static bool find_blocks(void *user, const ssr_ast *node)
{
    ssr_generator *g = user;
    if (node->kind == AST_EXTENDS)
        g->has_extends = true;
    if (node->kind == AST_BLOCK) {
        for (uint32_t i = 0; i < g->block_count; i++) {
            if (g->blocks[i]->name == node->name)
                return perfopt__ssr_syntax_error(g->c, node->line, node->column,
                                                 "block '%s' is defined twice", node->name->text);
        }
        if (g->block_count == SSR_MAX_BLOCKS)
            return perfopt__ssr_syntax_error(g->c, node->line, node->column,
                                             "more than %d blocks in one template", SSR_MAX_BLOCKS);
        if (g->block_count == g->block_capacity) {
            uint32_t capacity = g->block_capacity ? g->block_capacity * 2 : 8;
            ssr_ast **grown = perfopt__ssr_temporary(g->c, capacity * sizeof(*grown));
            if (!grown)
                return false;
            if (g->block_count)
                memcpy(grown, g->blocks, g->block_count * sizeof(*grown));
            g->blocks = grown;
            g->block_capacity = capacity;
        }
        g->blocks[g->block_count++] = (ssr_ast *)node;
    }
    return perfopt__ssr_walk(node, find_blocks, g);
}

static bool gen_blocks(ssr_generator *g)
{
    ssr_block *blocks = perfopt__ssr_permanent(g->c, (g->block_count + 1) * sizeof(*blocks));
    if (!blocks)
        return false;
    for (uint32_t i = 0; i < g->block_count; i++) {
        blocks[i].name = g->blocks[i]->name;
        blocks[i].function = gen_function(g, &g->blocks[i]->body, g->blocks[i]);
        if (!blocks[i].function)
            return false;
    }
    g->c->template->blocks = blocks;
    g->c->template->block_count = g->block_count;
    return true;
}

bool perfopt__ssr_generate(ssr_compilation *c, const ssr_ast_list *body)
{
    ssr_generator g = {.c = c, .autoescape = c->template->autoescape};
    ssr_ast root = {.kind = AST_OUTPUT, .list = *body};
    if (!perfopt__ssr_walk(&root, find_blocks, &g))
        return false;
    c->template->root = gen_function(&g, body, NULL);
    return c->template->root && gen_blocks(&g);
}
