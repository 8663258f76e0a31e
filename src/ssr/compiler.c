/*
 * compiler.c - statements of the tree to nodes that can run. Text and constants next to each other
 * become one piece of text, escaped now.
 */
#include "ssr/generator.h"
#include "ssr/ssr_internal.h"

#include <string.h>

/* Statements being collected; `pieces` is text that waits to be joined. */
typedef struct builder {
    ssr_stmt *statements;
    uint32_t count;
    uint32_t capacity;
    perfopt__strbuf text;
    const ssr_ast *text_at;
} builder;

static bool gen_body(ssr_generator *g, const ssr_place *place, const ssr_ast_list *list,
                     ssr_body *out);

/* ---- builder -------------------------------------------------------------------------------- */

static ssr_stmt *add_raw(ssr_generator *g, builder *b, const ssr_ast *at, ssr_exec_fn exec)
{
    if (b->count == b->capacity) {
        uint32_t capacity = b->capacity ? b->capacity * 2 : 4;
        ssr_stmt *grown = perfopt__ssr_temporary(g->c, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        if (b->count)
            memcpy(grown, b->statements, b->count * sizeof(*grown));
        b->statements = grown;
        b->capacity = capacity;
    }
    ssr_stmt *s = &b->statements[b->count++];
    memset(s, 0, sizeof(*s));
    s->exec = exec;
    s->line = at->line;
    s->column = at->column;
    s->loop.slot = SSR_NO_SLOT;
    return s;
}

static bool flush_text(ssr_generator *g, builder *b)
{
    if (b->text.failed)
        return perfopt__ssr_compile_nomem(g->c);
    if (!b->text.length)
        return true;
    char *text = perfopt__ssr_permanent(g->c, b->text.length + SSR_TEXT_PADDING);
    if (!text)
        return false;
    memcpy(text, b->text.data, b->text.length);
    ssr_stmt *s = add_raw(g, b, b->text_at, perfopt__ssr_exec_text);
    if (!s)
        return false;
    s->text = text;
    s->length = b->text.length;
    perfopt__strbuf_clear(&b->text);
    return true;
}

static ssr_stmt *add(ssr_generator *g, builder *b, const ssr_ast *at, ssr_exec_fn exec)
{
    return flush_text(g, b) ? add_raw(g, b, at, exec) : NULL;
}

static bool finish(ssr_generator *g, builder *b, bool ok, ssr_body *out)
{
    ok = ok && flush_text(g, b);
    perfopt__strbuf_finish(&b->text);
    if (!ok)
        return false;
    ssr_stmt *statements = perfopt__ssr_permanent(g->c, (b->count + 1) * sizeof(*statements));
    if (!statements)
        return false;
    if (b->count)
        memcpy(statements, b->statements, b->count * sizeof(*statements));
    *out = (ssr_body){statements, b->count};
    return true;
}

/* ---- targets -------------------------------------------------------------------------------- */

static bool fill_target(ssr_generator *g, const ssr_place *place, const ssr_ast *node,
                        ssr_target *out);

static bool fill_targets(ssr_generator *g, const ssr_place *place, const ssr_ast *tuple,
                         ssr_target *out)
{
    ssr_target *items = perfopt__ssr_permanent(g->c, (tuple->list.count + 1) * sizeof(*items));
    if (!items)
        return false;
    for (const ssr_ast *item = tuple->list.first; item; item = item->next) {
        if (!fill_target(g, place, item, &items[out->count++]))
            return false;
    }
    out->items = items;
    return true;
}

static bool fill_target(ssr_generator *g, const ssr_place *place, const ssr_ast *node,
                        ssr_target *out)
{
    if (node->kind == AST_TUPLE)
        return fill_targets(g, place, node, out);
    const ssr_symbol *symbol = perfopt__ssr_find_symbol(place->symbols, node->name);
    if (!symbol)
        return perfopt__ssr_syntax_error(g->c, node->line, node->column,
                                         "'%s' cannot be assigned here", node->name->text);
    out->ref = perfopt__ssr_ref_of(place->symbols, symbol);
    out->name = node->name;
    out->attribute = node->kind == AST_NSREF ? node->alias : NULL;
    return true;
}

static const ssr_target *gen_target(ssr_generator *g, const ssr_place *place, const ssr_ast *node)
{
    ssr_target *target = perfopt__ssr_permanent(g->c, sizeof(*target));
    return target && fill_target(g, place, node, target) ? target : NULL;
}

/* ---- output --------------------------------------------------------------------------------- */

static uint8_t escape_mode(const ssr_generator *g)
{
    return g->is_volatile ? ESCAPE_VOLATILE : g->autoescape ? ESCAPE_ON : ESCAPE_OFF;
}

static bool gen_output_item(ssr_generator *g, const ssr_place *place, builder *b,
                            const ssr_ast *item)
{
    if (!b->text.length)
        b->text_at = item;
    if (item->kind == AST_DATA) {
        perfopt__strbuf_append(&b->text, item->value.as.string, item->value.length);
        return true;
    }
    const ssr_expr *e = perfopt__ssr_gen_expression(g, place, item);
    const char *text;
    size_t length;
    if (!e)
        return false;
    if (perfopt__ssr_constant_text(g, e, &text, &length)) {
        perfopt__strbuf_append(&b->text, text, length);
        return true;
    }
    bool is_call = e->eval == perfopt__ssr_eval_call;
    ssr_stmt *s = add(g, b, item,
                      is_call ? perfopt__ssr_exec_output_call : perfopt__ssr_exec_output);
    if (!s)
        return false;
    s->a = e;
    s->escape = escape_mode(g);
    return true;
}

static bool gen_output(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    builder inner = {.text = PERFOPT__STRBUF_INIT};
    builder *to = place->output_check ? &inner : b;
    bool ok = true;
    if (place->output_check && g->known_extends)
        return true;
    for (const ssr_ast *item = node->list.first; ok && item; item = item->next)
        ok = gen_output_item(g, place, to, item);
    if (to == b)
        return ok;
    ssr_body body;
    if (!finish(g, &inner, ok, &body))
        return false;
    ssr_stmt *s = add(g, b, node, perfopt__ssr_exec_unless_child);
    if (s)
        s->body = body;
    return s != NULL;
}

/* ---- scopes --------------------------------------------------------------------------------- */

/* Code for statements that have a scope of their own. */
static bool gen_scoped(ssr_generator *g, const ssr_place *place, ssr_symbols *symbols,
                       const ssr_ast_list *list, ssr_body *body)
{
    ssr_place inner = *place;
    inner.symbols = symbols;
    inner.toplevel = inner.rootlevel = false;
    return gen_body(g, &inner, list, body);
}

static ssr_symbols *inner_symbols(ssr_generator *g, const ssr_place *place)
{
    return perfopt__ssr_symbols_new(g->c, place->symbols->unit, place->symbols);
}

static bool gen_if_branch(ssr_generator *g, const ssr_place *place, const ssr_ast *node,
                          ssr_stmt *out)
{
    ssr_place soft = *place;
    soft.soft = true;
    soft.rootlevel = false;
    out->a = perfopt__ssr_gen_expression(g, &soft, node->a);
    return out->a && gen_body(g, &soft, &node->body, &out->body);
}

/* if / elif / elif / else is a chain: each is the only statement of the `other` before. */
static bool gen_else(ssr_generator *g, const ssr_place *place, const ssr_ast *branch,
                     const ssr_ast *whole, ssr_body *out)
{
    ssr_place soft = *place;
    soft.soft = true;
    soft.rootlevel = false;
    if (!branch)
        return gen_body(g, &soft, &whole->other, out);
    builder b = {.text = PERFOPT__STRBUF_INIT};
    ssr_stmt *s = add(g, &b, branch, perfopt__ssr_exec_if);
    bool ok = s && gen_if_branch(g, place, branch, s);
    return finish(g, &b, ok, out);
}

static bool gen_if(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    ssr_stmt s = {.exec = perfopt__ssr_exec_if, .line = node->line, .column = node->column};
    if (!gen_if_branch(g, place, node, &s))
        return false;
    ssr_body *other = &s.other;
    for (const ssr_ast *branch = node->list.first;; branch = branch->next) {
        if (!gen_else(g, place, branch, node, other))
            return false;
        if (!branch)
            break;
        other = &((ssr_stmt *)other->statements)[0].other;
    }
    ssr_stmt *place_in = add(g, b, node, perfopt__ssr_exec_if);
    if (!place_in)
        return false;
    *place_in = s;
    return true;
}

static bool gen_with(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    ssr_symbols *symbols = inner_symbols(g, place);
    ssr_stmt s = {.exec = perfopt__ssr_exec_with, .line = node->line, .column = node->column};
    uint32_t count = node->list.count / 2;
    ssr_target *targets = perfopt__ssr_permanent(g->c, (count + 1) * sizeof(*targets));
    s.exprs = perfopt__ssr_permanent(g->c, (count + 1) * sizeof(*s.exprs));
    if (!symbols || !targets || !s.exprs)
        return false;
    for (const ssr_ast *t = node->list.first; t; t = t->next->next) {
        if (!perfopt__ssr_declare_target(symbols, t))
            return false;
    }
    if (!perfopt__ssr_analyse_body(symbols, &node->body) ||
        !perfopt__ssr_symbols_finish(symbols, &s.scope))
        return false;
    ssr_place inner = *place;
    inner.symbols = symbols;
    for (const ssr_ast *t = node->list.first; t; t = t->next->next) {
        s.exprs[s.count] = perfopt__ssr_gen_expression(g, place, t->next);
        if (!s.exprs[s.count] || !fill_target(g, &inner, t, &targets[s.count]))
            return false;
        s.count++;
    }
    s.targets = targets;
    if (!gen_scoped(g, place, symbols, &node->body, &s.body))
        return false;
    ssr_stmt *to = add(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}

static bool gen_autoescape(ssr_generator *g, const ssr_place *place, builder *b,
                           const ssr_ast *node)
{
    ssr_symbols *symbols = inner_symbols(g, place);
    ssr_stmt s = {.exec = perfopt__ssr_exec_autoescape, .line = node->line, .column = node->column};
    if (!symbols || !perfopt__ssr_analyse(symbols, node->a) ||
        !perfopt__ssr_analyse_body(symbols, &node->body) ||
        !perfopt__ssr_symbols_finish(symbols, &s.scope))
        return false;
    ssr_place inner = *place;
    inner.symbols = symbols;
    inner.toplevel = inner.rootlevel = false;
    s.a = perfopt__ssr_gen_expression(g, &inner, node->a);
    if (!s.a)
        return false;
    bool autoescape = g->autoescape;
    bool is_volatile = g->is_volatile;
    if (perfopt__ssr_is_constant(s.a))
        g->autoescape = perfopt_value_truth(s.a->value);
    else
        g->is_volatile = true;
    bool ok = gen_body(g, &inner, &node->body, &s.body);
    g->autoescape = autoescape;
    g->is_volatile = is_volatile;
    ssr_stmt *to = ok ? add(g, b, node, s.exec) : NULL;
    if (to)
        *to = s;
    return to != NULL;
}

static bool gen_filter_block(ssr_generator *g, const ssr_place *place, builder *b,
                             const ssr_ast *node)
{
    ssr_symbols *symbols = inner_symbols(g, place);
    ssr_stmt s = {
        .exec = perfopt__ssr_exec_filter_block, .line = node->line, .column = node->column};
    if (!symbols || !perfopt__ssr_analyse_body(symbols, &node->body) ||
        !perfopt__ssr_analyse(symbols, node->b) || !perfopt__ssr_symbols_finish(symbols, &s.scope))
        return false;
    ssr_place inner = *place;
    inner.symbols = symbols;
    inner.toplevel = inner.rootlevel = false;
    s.escape = escape_mode(g);
    s.b = perfopt__ssr_gen_expression(g, &inner, node->b);
    if (!s.b || !gen_body(g, &inner, &node->body, &s.body))
        return false;
    ssr_stmt *to = add(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}

static bool gen_cache(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    ssr_symbols *symbols = inner_symbols(g, place);
    ssr_stmt s = {.exec = perfopt__ssr_exec_cache, .line = node->line, .column = node->column};
    if (!symbols || !perfopt__ssr_analyse_body(symbols, &node->body) ||
        !perfopt__ssr_symbols_finish(symbols, &s.scope))
        return false;
    s.id = g->fragments++;
    s.a = perfopt__ssr_gen_expression(g, place, node->a);
    if (!s.a || (node->b && !(s.b = perfopt__ssr_gen_expression(g, place, node->b))) ||
        (node->c && !(s.c = perfopt__ssr_gen_expression(g, place, node->c))) ||
        !gen_scoped(g, place, symbols, &node->body, &s.body))
        return false;
    ssr_stmt *to = add(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}

/* ---- assignment ----------------------------------------------------------------------------- */

static bool gen_set(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    const ssr_expr *value = perfopt__ssr_gen_expression(g, place, node->b);
    const ssr_target *target = value ? gen_target(g, place, node->a) : NULL;
    ssr_stmt *s = target ? add(g, b, node, perfopt__ssr_exec_set) : NULL;
    if (!s)
        return false;
    s->a = value;
    s->target = target;
    s->exported = place->toplevel;
    return true;
}

static bool gen_set_block(ssr_generator *g, const ssr_place *place, builder *b,
                          const ssr_ast *node)
{
    ssr_symbols *symbols = inner_symbols(g, place);
    ssr_stmt s = {.exec = perfopt__ssr_exec_set_block, .line = node->line, .column = node->column};
    if (!symbols || !perfopt__ssr_analyse_body(symbols, &node->body) ||
        !perfopt__ssr_analyse(symbols, node->b) || !perfopt__ssr_symbols_finish(symbols, &s.scope))
        return false;
    ssr_place inner = *place;
    inner.symbols = symbols;
    inner.output_check = false;
    inner.toplevel = inner.rootlevel = false;
    if (node->b && !(s.b = perfopt__ssr_gen_expression(g, &inner, node->b)))
        return false;
    s.escape = escape_mode(g);
    s.exported = place->toplevel;
    s.target = gen_target(g, place, node->a);
    if (!s.target || !gen_body(g, &inner, &node->body, &s.body))
        return false;
    ssr_stmt *to = add(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}

/* ---- loops ---------------------------------------------------------------------------------- */

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
    s->test_target = gen_target(g, &inner, node->a);
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
           gen_scoped(g, place, symbols, &node->other, &s->other);
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
    s->target = gen_target(g, &inner, node->a);
    if (!s->target || !gen_body(g, &inner, &node->body, &s->body))
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

static ssr_unit *unit_new(ssr_generator *g, ssr_unit *outer, const ssr_name *name, uint32_t line)
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

static const ssr_function *unit_finish(ssr_unit *unit)
{
    unit->function->slot_count = unit->slots;
    unit->function->entry = (ssr_scope){unit->entry, (uint32_t)unit->entry_count};
    return unit->function;
}

/* A recursive loop is a function of one parameter, the iterable, that its body can call. */
static bool gen_recursive_for(ssr_generator *g, const ssr_place *place, builder *b,
                              const ssr_ast *node, const ssr_expr *iterable)
{
    ssr_unit *unit = unit_new(g, place->symbols->unit, NULL, node->line);
    if (!unit)
        return false;
    unit->function->iterable_slot = unit->slots++;
    ssr_stmt *loop = perfopt__ssr_permanent(g->c, sizeof(*loop));
    if (!loop || !gen_loop(g, place, unit, node, loop))
        return false;
    loop->function = unit->function;
    unit->function->body = (ssr_body){loop, 1};
    ssr_stmt *s = add(g, b, node, perfopt__ssr_exec_recursive_for);
    if (!s)
        return false;
    s->a = iterable;
    s->function = unit_finish(unit);
    return true;
}

static bool gen_for(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
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
    ssr_stmt *to = add(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
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
    ssr_unit *unit = unit_new(g, place->symbols->unit, node->name, node->line);
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
    if (!gen_parameters(g, &inner, node, fn) || !gen_body(g, &inner, &node->body, &fn->body))
        return NULL;
    if (special.caller)
        fn->caller_slot = special.caller->slot;
    if (special.kwargs)
        fn->kwargs_slot = special.kwargs->slot;
    if (special.varargs)
        fn->varargs_slot = special.varargs->slot;
    unit_finish(unit);
    return perfopt__ssr_merge_entry(g, fn, &scope) ? fn : NULL;
}

static bool gen_macro(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    const ssr_function *fn = gen_macro_function(g, place, node);
    ssr_stmt *s = fn ? add(g, b, node, perfopt__ssr_exec_macro) : NULL;
    if (!s)
        return false;
    g->c->template->keeps_context = true;
    s->function = fn;
    s->name = node->name;
    s->loop = perfopt__ssr_ref_of(place->symbols,
                                  perfopt__ssr_find_symbol(place->symbols, node->name));
    s->exported = place->toplevel;
    return true;
}

static bool gen_call_block(ssr_generator *g, const ssr_place *place, builder *b,
                           const ssr_ast *node)
{
    const ssr_function *fn = gen_macro_function(g, place, node);
    const ssr_expr *call = fn ? perfopt__ssr_gen_expression(g, place, node->a) : NULL;
    ssr_stmt *s = call ? add(g, b, node, perfopt__ssr_exec_call_block) : NULL;
    if (!s)
        return false;
    g->c->template->keeps_context = true;
    s->function = fn;
    s->a = call;
    s->escape = escape_mode(g);
    return true;
}

/* ---- other templates ------------------------------------------------------------------------ */

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

static bool gen_extends(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    if (!place->toplevel)
        return perfopt__ssr_syntax_error(g->c, node->line, node->column,
                                         "'extends' belongs to the top level of a template");
    const ssr_expr *name = perfopt__ssr_gen_expression(g, place, node->a);
    if (!name || !add_dependencies(g, name))
        return false;
    ssr_stmt *s = add(g, b, node, perfopt__ssr_exec_extends);
    if (!s)
        return false;
    s->a = name;
    if (place->rootlevel)
        g->known_extends = true;
    g->extends_count++;
    return true;
}

static bool gen_include(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    const ssr_expr *name = perfopt__ssr_gen_expression(g, place, node->a);
    const ssr_locals *locals = name ? perfopt__ssr_collect_locals(place->symbols) : NULL;
    if (!locals || !add_dependencies(g, name))
        return false;
    ssr_stmt *s = add(g, b, node, perfopt__ssr_exec_include);
    if (!s)
        return false;
    s->a = name;
    s->flag = node->flag;
    s->flag2 = node->flag2;
    s->locals = locals;
    return true;
}

static bool gen_import(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
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
        if (!fill_target(g, place, &target, &targets[i]))
            return false;
    }
    ssr_stmt *s =
        add(g, b, node, is_import ? perfopt__ssr_exec_import : perfopt__ssr_exec_from);
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

static bool gen_block(ssr_generator *g, const ssr_place *place, builder *b, const ssr_ast *node)
{
    if (place->toplevel && g->known_extends)
        return true;
    const ssr_locals *locals = node->flag ? perfopt__ssr_collect_locals(place->symbols) : NULL;
    ssr_stmt *s = add(g, b, node, perfopt__ssr_exec_block);
    if (!s || (node->flag && !locals))
        return false;
    s->name = node->name;
    s->flag = node->flag;
    s->flag2 = node->flag2;
    s->locals = locals;
    s->unless_child = place->toplevel && g->extends_count > 0;
    return true;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool gen_statement(ssr_generator *g, const ssr_place *place, builder *b,
                          const ssr_ast *node)
{
    switch (node->kind) {
    case AST_OUTPUT:
        return gen_output(g, place, b, node);
    case AST_IF:
        return gen_if(g, place, b, node);
    case AST_FOR:
        return gen_for(g, place, b, node);
    case AST_SET:
        return gen_set(g, place, b, node);
    case AST_SET_BLOCK:
        return gen_set_block(g, place, b, node);
    case AST_BLOCK:
        return gen_block(g, place, b, node);
    case AST_EXTENDS:
        return gen_extends(g, place, b, node);
    case AST_INCLUDE:
        return gen_include(g, place, b, node);
    case AST_IMPORT:
    case AST_FROM:
        return gen_import(g, place, b, node);
    case AST_MACRO:
        return gen_macro(g, place, b, node);
    case AST_CALL_BLOCK:
        return gen_call_block(g, place, b, node);
    case AST_FILTER_BLOCK:
        return gen_filter_block(g, place, b, node);
    case AST_WITH:
        return gen_with(g, place, b, node);
    case AST_AUTOESCAPE:
        return gen_autoescape(g, place, b, node);
    default:
        return gen_cache(g, place, b, node);
    }
}

static bool gen_body(ssr_generator *g, const ssr_place *place, const ssr_ast_list *list,
                     ssr_body *out)
{
    builder b = {.text = PERFOPT__STRBUF_INIT};
    bool ok = true;
    for (const ssr_ast *node = list->first; ok && node; node = node->next)
        ok = gen_statement(g, place, &b, node);
    return finish(g, &b, ok, out);
}

/* The scope of a function is entered with the function. */
bool perfopt__ssr_merge_entry(ssr_generator *g, ssr_function *fn, const ssr_scope *scope)
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

/* The template's own function, or a block's (`block` is not NULL). */
static const ssr_function *gen_function(ssr_generator *g, const ssr_ast_list *body,
                                        const ssr_ast *block)
{
    static const char *const names[] = {"self", "super"};
    ssr_unit *unit = unit_new(g, NULL, block ? block->name : NULL, block ? block->line : 1);
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
    if (!gen_body(g, &place, body, &unit->function->body))
        return NULL;
    unit_finish(unit);
    return perfopt__ssr_merge_entry(g, unit->function, &scope) ? unit->function : NULL;
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
                                             "more than %d blocks in one template",
                                             SSR_MAX_BLOCKS);
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
