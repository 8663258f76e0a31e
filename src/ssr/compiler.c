/*
 * compiler.c - statements of the tree to nodes that can run. Text and constants next to each other
 * become one piece of text, escaped now.
 */
#include "ssr/generator.h"
#include "ssr/ssr_internal.h"

#include <string.h>

/* ---- builder -------------------------------------------------------------------------------- */

static ssr_stmt *add_raw(ssr_generator *g, ssr_builder *b, const ssr_ast *at, ssr_exec_fn exec)
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

static bool flush_text(ssr_generator *g, ssr_builder *b)
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

ssr_stmt *perfopt__ssr_add_statement(ssr_generator *g, ssr_builder *b, const ssr_ast *at,
                                     ssr_exec_fn exec)
{
    return flush_text(g, b) ? add_raw(g, b, at, exec) : NULL;
}

static bool finish(ssr_generator *g, ssr_builder *b, bool ok, ssr_body *out)
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

static bool fill_targets(ssr_generator *g, const ssr_place *place, const ssr_ast *tuple,
                         ssr_target *out)
{
    ssr_target *items = perfopt__ssr_permanent(g->c, (tuple->list.count + 1) * sizeof(*items));
    if (!items)
        return false;
    for (const ssr_ast *item = tuple->list.first; item; item = item->next) {
        if (!perfopt__ssr_fill_target(g, place, item, &items[out->count++]))
            return false;
    }
    out->items = items;
    return true;
}

bool perfopt__ssr_fill_target(ssr_generator *g, const ssr_place *place, const ssr_ast *node,
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

const ssr_target *perfopt__ssr_gen_target(ssr_generator *g, const ssr_place *place,
                                          const ssr_ast *node)
{
    ssr_target *target = perfopt__ssr_permanent(g->c, sizeof(*target));
    return target && perfopt__ssr_fill_target(g, place, node, target) ? target : NULL;
}

/* ---- output --------------------------------------------------------------------------------- */

uint8_t perfopt__ssr_escape_mode(const ssr_generator *g)
{
    return g->is_volatile ? ESCAPE_VOLATILE : g->autoescape ? ESCAPE_ON : ESCAPE_OFF;
}

static ssr_exec_fn output_function(const ssr_expr *e)
{
    if (e->eval == perfopt__ssr_eval_call)
        return perfopt__ssr_exec_output_call;
    if (e->eval == perfopt__ssr_eval_getattr && e->a->eval == perfopt__ssr_eval_local)
        return perfopt__ssr_exec_output_attribute;
    return perfopt__ssr_exec_output;
}

static bool gen_output_item(ssr_generator *g, const ssr_place *place, ssr_builder *b,
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
    ssr_stmt *s = perfopt__ssr_add_statement(g, b, item, output_function(e));
    if (!s)
        return false;
    s->a = e;
    s->escape = perfopt__ssr_escape_mode(g);
    return true;
}

static bool gen_output(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                       const ssr_ast *node)
{
    ssr_builder inner = {.text = PERFOPT__STRBUF_INIT};
    ssr_builder *to = place->output_check ? &inner : b;
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
    ssr_stmt *s = perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_unless_child);
    if (s)
        s->body = body;
    return s != NULL;
}

/* ---- scopes --------------------------------------------------------------------------------- */

/* Code for statements that have a scope of their own. */
bool perfopt__ssr_gen_scoped(ssr_generator *g, const ssr_place *place, ssr_symbols *symbols,
                             const ssr_ast_list *list, ssr_body *body)
{
    ssr_place inner = *place;
    inner.symbols = symbols;
    inner.toplevel = inner.rootlevel = false;
    return perfopt__ssr_gen_body(g, &inner, list, body);
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
    return out->a && perfopt__ssr_gen_body(g, &soft, &node->body, &out->body);
}

/* if / elif / elif / else is a chain: each is the only statement of the `other` before. */
static bool gen_else(ssr_generator *g, const ssr_place *place, const ssr_ast *branch,
                     const ssr_ast *whole, ssr_body *out)
{
    ssr_place soft = *place;
    soft.soft = true;
    soft.rootlevel = false;
    if (!branch)
        return perfopt__ssr_gen_body(g, &soft, &whole->other, out);
    ssr_builder b = {.text = PERFOPT__STRBUF_INIT};
    ssr_stmt *s = perfopt__ssr_add_statement(g, &b, branch, perfopt__ssr_exec_if);
    bool ok = s && gen_if_branch(g, place, branch, s);
    return finish(g, &b, ok, out);
}

static bool gen_if(ssr_generator *g, const ssr_place *place, ssr_builder *b, const ssr_ast *node)
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
    ssr_stmt *place_in = perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_if);
    if (!place_in)
        return false;
    *place_in = s;
    return true;
}

static bool gen_with(ssr_generator *g, const ssr_place *place, ssr_builder *b, const ssr_ast *node)
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
        if (!s.exprs[s.count] || !perfopt__ssr_fill_target(g, &inner, t, &targets[s.count]))
            return false;
        s.count++;
    }
    s.targets = targets;
    if (!perfopt__ssr_gen_scoped(g, place, symbols, &node->body, &s.body))
        return false;
    ssr_stmt *to = perfopt__ssr_add_statement(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}

static bool gen_autoescape(ssr_generator *g, const ssr_place *place, ssr_builder *b,
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
    bool ok = perfopt__ssr_gen_body(g, &inner, &node->body, &s.body);
    g->autoescape = autoescape;
    g->is_volatile = is_volatile;
    ssr_stmt *to = ok ? perfopt__ssr_add_statement(g, b, node, s.exec) : NULL;
    if (to)
        *to = s;
    return to != NULL;
}

static bool gen_filter_block(ssr_generator *g, const ssr_place *place, ssr_builder *b,
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
    s.escape = perfopt__ssr_escape_mode(g);
    s.b = perfopt__ssr_gen_expression(g, &inner, node->b);
    if (!s.b || !perfopt__ssr_gen_body(g, &inner, &node->body, &s.body))
        return false;
    ssr_stmt *to = perfopt__ssr_add_statement(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}

static bool gen_cache(ssr_generator *g, const ssr_place *place, ssr_builder *b, const ssr_ast *node)
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
        !perfopt__ssr_gen_scoped(g, place, symbols, &node->body, &s.body))
        return false;
    ssr_stmt *to = perfopt__ssr_add_statement(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}

/* ---- assignment ----------------------------------------------------------------------------- */

static bool gen_set(ssr_generator *g, const ssr_place *place, ssr_builder *b, const ssr_ast *node)
{
    const ssr_expr *value = perfopt__ssr_gen_expression(g, place, node->b);
    const ssr_target *target = value ? perfopt__ssr_gen_target(g, place, node->a) : NULL;
    ssr_stmt *s = target ? perfopt__ssr_add_statement(g, b, node, perfopt__ssr_exec_set) : NULL;
    if (!s)
        return false;
    s->a = value;
    s->target = target;
    s->exported = place->toplevel;
    return true;
}

static bool gen_set_block(ssr_generator *g, const ssr_place *place, ssr_builder *b,
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
    s.escape = perfopt__ssr_escape_mode(g);
    s.exported = place->toplevel;
    s.target = perfopt__ssr_gen_target(g, place, node->a);
    if (!s.target || !perfopt__ssr_gen_body(g, &inner, &node->body, &s.body))
        return false;
    ssr_stmt *to = perfopt__ssr_add_statement(g, b, node, s.exec);
    if (to)
        *to = s;
    return to != NULL;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool gen_statement(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                          const ssr_ast *node)
{
    switch (node->kind) {
    case AST_OUTPUT:
        return gen_output(g, place, b, node);
    case AST_IF:
        return gen_if(g, place, b, node);
    case AST_FOR:
        return perfopt__ssr_gen_for(g, place, b, node);
    case AST_SET:
        return gen_set(g, place, b, node);
    case AST_SET_BLOCK:
        return gen_set_block(g, place, b, node);
    case AST_BLOCK:
        return perfopt__ssr_gen_block(g, place, b, node);
    case AST_EXTENDS:
        return perfopt__ssr_gen_extends(g, place, b, node);
    case AST_INCLUDE:
        return perfopt__ssr_gen_include(g, place, b, node);
    case AST_IMPORT:
    case AST_FROM:
        return perfopt__ssr_gen_import(g, place, b, node);
    case AST_MACRO:
        return perfopt__ssr_gen_macro(g, place, b, node);
    case AST_CALL_BLOCK:
        return perfopt__ssr_gen_call_block(g, place, b, node);
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

bool perfopt__ssr_gen_body(ssr_generator *g, const ssr_place *place, const ssr_ast_list *list,
                           ssr_body *out)
{
    ssr_builder b = {.text = PERFOPT__STRBUF_INIT};
    bool ok = true;
    for (const ssr_ast *node = list->first; ok && node; node = node->next)
        ok = gen_statement(g, place, &b, node);
    return finish(g, &b, ok, out);
}
