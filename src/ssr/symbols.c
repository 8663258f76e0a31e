/*
 * symbols.c - scopes and their symbols.
 */
#include "ssr/symbols.h"

#include "base/memory.h"

#include <string.h>

ssr_symbols *perfopt__ssr_symbols_new(ssr_compilation *c, ssr_unit *unit, ssr_symbols *parent)
{
    ssr_symbols *s = perfopt__ssr_temporary(c, sizeof(*s));
    if (!s)
        return NULL;
    s->c = c;
    s->unit = unit;
    s->parent = parent;
    return s;
}

/* ---- table ---------------------------------------------------------------------------------- */

static ssr_symbol *table_get(const ssr_symbols *s, const ssr_name *name)
{
    if (!s->size)
        return NULL;
    size_t mask = s->size - 1;
    for (size_t i = name->id * 2654435761u & mask; s->table[i]; i = (i + 1) & mask) {
        if (s->table[i]->name == name)
            return s->table[i];
    }
    return NULL;
}

static void table_put(ssr_symbols *s, ssr_symbol *symbol)
{
    size_t mask = s->size - 1;
    size_t i = symbol->name->id * 2654435761u & mask;
    while (s->table[i])
        i = (i + 1) & mask;
    s->table[i] = symbol;
}

static bool table_grow(ssr_symbols *s)
{
    size_t size = s->size ? s->size * 2 : 8;
    ssr_symbol **order = perfopt__ssr_temporary(s->c, size / 2 * sizeof(*order));
    ssr_symbol **table = perfopt__ssr_temporary(s->c, size * sizeof(*table));
    if (!order || !table)
        return false;
    if (s->count)
        memcpy(order, s->order, s->count * sizeof(*order));
    s->order = order;
    s->table = table;
    s->size = size;
    for (size_t i = 0; i < s->count; i++)
        table_put(s, order[i]);
    return true;
}

/* The scope's own symbol for a name, made if it is not there; NULL when out of memory. */
static ssr_symbol *own_symbol(ssr_symbols *s, ssr_name *name)
{
    ssr_symbol *symbol = table_get(s, name);
    if (symbol)
        return symbol;
    if (s->count * 2 >= s->size && !table_grow(s))
        return NULL;
    symbol = perfopt__ssr_temporary(s->c, sizeof(*symbol));
    if (!symbol)
        return NULL;
    symbol->name = name;
    symbol->scope = s;
    symbol->slot = SSR_NO_SLOT;
    s->order[s->count++] = symbol;
    table_put(s, symbol);
    return symbol;
}

/* A symbol of this scope, branches included. */
static ssr_symbol *find_here(const ssr_symbols *s, const ssr_name *name)
{
    for (; s; s = s->base) {
        ssr_symbol *symbol = table_get(s, name);
        if (symbol && symbol->is_ref)
            return symbol;
    }
    return NULL;
}

ssr_symbol *perfopt__ssr_find_symbol(const ssr_symbols *s, const ssr_name *name)
{
    for (; s; s = s->parent) {
        ssr_symbol *symbol = find_here(s, name);
        if (symbol)
            return symbol;
    }
    return NULL;
}

static bool is_stored_here(const ssr_symbols *s, const ssr_name *name)
{
    for (; s; s = s->base) {
        const ssr_symbol *symbol = table_get(s, name);
        if (symbol && symbol->is_store)
            return true;
    }
    return false;
}

/* ---- reads and writes ----------------------------------------------------------------------- */

static ssr_symbol *find_outside(const ssr_symbols *s, const ssr_name *name)
{
    return s->parent ? perfopt__ssr_find_symbol(s->parent, name) : NULL;
}

static bool note_read(ssr_symbols *s, ssr_name *name)
{
    if (perfopt__ssr_find_symbol(s, name))
        return true;
    ssr_symbol *symbol = own_symbol(s, name);
    if (!symbol)
        return false;
    symbol->is_ref = true;
    symbol->load = LOAD_RESOLVE;
    return true;
}

static bool note_write(ssr_symbols *s, ssr_name *name)
{
    ssr_symbol *seen = find_here(s, name);
    ssr_symbol *symbol = own_symbol(s, name);
    if (!symbol)
        return false;
    symbol->is_store = true;
    if (seen)
        return true;
    symbol->is_ref = true;
    symbol->alias = find_outside(s, name);
    symbol->load = symbol->alias ? LOAD_ALIAS : LOAD_MISSING;
    return true;
}

ssr_symbol *perfopt__ssr_declare(ssr_symbols *s, ssr_name *name)
{
    ssr_symbol *symbol = own_symbol(s, name);
    if (!symbol)
        return NULL;
    symbol->is_ref = symbol->is_store = symbol->is_parameter = true;
    symbol->load = LOAD_NONE;
    return symbol;
}

bool perfopt__ssr_declare_target(ssr_symbols *s, const ssr_ast *target)
{
    if (target->kind == AST_NAME)
        return perfopt__ssr_declare(s, target->name) != NULL;
    for (const ssr_ast *item = target->list.first; item; item = item->next) {
        if (!perfopt__ssr_declare_target(s, item))
            return false;
    }
    return true;
}

static bool write_target(ssr_symbols *s, const ssr_ast *target)
{
    if (target->kind == AST_NAME)
        return note_write(s, target->name);
    if (target->kind == AST_NSREF)
        return note_read(s, target->name);
    for (const ssr_ast *item = target->list.first; item; item = item->next) {
        if (!write_target(s, item))
            return false;
    }
    return true;
}

/* ---- branches ------------------------------------------------------------------------------- */

static ssr_symbols *branch_of(ssr_symbols *s)
{
    ssr_symbols *branch = perfopt__ssr_symbols_new(s->c, s->unit, s->parent);
    if (branch)
        branch->base = s;
    return branch;
}

static unsigned count_stores(ssr_symbols *const branches[3], const ssr_name *name)
{
    unsigned n = 0;
    for (int i = 0; i < 3; i++) {
        const ssr_symbol *symbol = table_get(branches[i], name);
        n += symbol && symbol->is_store;
    }
    return n;
}

static bool merge_symbol(ssr_symbols *s, const ssr_symbol *from)
{
    ssr_symbol *to = own_symbol(s, from->name);
    if (!to)
        return false;
    if (from->is_ref) {
        to->is_ref = true;
        to->load = from->load;
        to->alias = from->alias;
        to->is_parameter = from->is_parameter;
    }
    to->is_store |= from->is_store;
    return true;
}

/* A variable that is set in some branches only starts with the value from outside. */
static void start_outside(ssr_symbols *s, ssr_name *name)
{
    ssr_symbol *to = table_get(s, name);
    to->alias = find_outside(s, name);
    to->load = to->alias ? LOAD_ALIAS : LOAD_RESOLVE;
    to->is_ref = true;
}

static bool merge(ssr_symbols *s, ssr_symbols *const branches[3])
{
    /* Whether a name was set before decides, so look before any branch is merged. */
    for (int i = 0; i < 3; i++) {
        for (size_t k = 0; k < branches[i]->count; k++) {
            ssr_symbol *symbol = branches[i]->order[k];
            symbol->used = symbol->is_store && !is_stored_here(s, symbol->name) &&
                           count_stores(branches, symbol->name) < 3;
        }
    }
    for (int i = 0; i < 3; i++) {
        for (size_t k = 0; k < branches[i]->count; k++) {
            if (!merge_symbol(s, branches[i]->order[k]))
                return false;
        }
    }
    for (int i = 0; i < 3; i++) {
        for (size_t k = 0; k < branches[i]->count; k++) {
            if (branches[i]->order[k]->used)
                start_outside(s, branches[i]->order[k]->name);
        }
    }
    return true;
}

static bool analyse_if(ssr_symbols *s, const ssr_ast *node)
{
    if (!perfopt__ssr_analyse(s, node->a))
        return false;
    ssr_symbols *branches[3];
    for (int i = 0; i < 3; i++) {
        branches[i] = branch_of(s);
        if (!branches[i])
            return false;
    }
    return perfopt__ssr_analyse_body(branches[0], &node->body) &&
           perfopt__ssr_analyse_body(branches[1], &node->list) &&
           perfopt__ssr_analyse_body(branches[2], &node->other) && merge(s, branches);
}

/* ---- analysis ------------------------------------------------------------------------------- */

static bool walk_list(const ssr_ast_list *list, bool (*fn)(void *user, const ssr_ast *part),
                      void *user)
{
    for (const ssr_ast *node = list->first; node; node = node->next) {
        if (!fn(user, node))
            return false;
    }
    return true;
}

static bool walk_args(const ssr_ast_args *args, bool (*fn)(void *user, const ssr_ast *part),
                      void *user)
{
    if (!walk_list(&args->positional, fn, user))
        return false;
    for (const ssr_ast *k = args->keywords.first; k; k = k->next) {
        if (!fn(user, k->a))
            return false;
    }
    return walk_list(&args->defaults, fn, user) && (!args->star || fn(user, args->star)) &&
           (!args->star_star || fn(user, args->star_star));
}

bool perfopt__ssr_walk(const ssr_ast *node, bool (*fn)(void *user, const ssr_ast *part), void *user)
{
    return (!node->a || fn(user, node->a)) && (!node->b || fn(user, node->b)) &&
           (!node->c || fn(user, node->c)) && (!node->args || walk_args(node->args, fn, user)) &&
           walk_list(&node->list, fn, user) && walk_list(&node->body, fn, user) &&
           walk_list(&node->other, fn, user);
}

static bool analyse_part(void *user, const ssr_ast *part)
{
    return perfopt__ssr_analyse(user, part);
}

static bool analyse_import(ssr_symbols *s, const ssr_ast *node)
{
    if (!perfopt__ssr_analyse(s, node->a))
        return false;
    if (node->kind == AST_IMPORT)
        return note_write(s, node->name);
    for (const ssr_ast *item = node->list.first; item; item = item->next) {
        if (!note_write(s, item->alias))
            return false;
    }
    return true;
}

static bool analyse_with(ssr_symbols *s, const ssr_ast *node)
{
    for (const ssr_ast *target = node->list.first; target; target = target->next->next) {
        if (!perfopt__ssr_analyse(s, target->next))
            return false;
    }
    return true;
}

bool perfopt__ssr_analyse(ssr_symbols *s, const ssr_ast *node)
{
    if (!node)
        return true;
    switch (node->kind) {
    case AST_NAME:
        return note_read(s, node->name);
    case AST_NSREF:
        return note_read(s, node->name);
    case AST_IF:
        return analyse_if(s, node);
    case AST_MACRO:
        return note_write(s, node->name);
    case AST_IMPORT:
    case AST_FROM:
        return analyse_import(s, node);
    case AST_SET:
        return perfopt__ssr_analyse(s, node->b) && write_target(s, node->a);
    case AST_SET_BLOCK:
        return write_target(s, node->a);
    case AST_FOR:
        return perfopt__ssr_analyse(s, node->b);
    case AST_CALL_BLOCK:
        return perfopt__ssr_analyse(s, node->a);
    case AST_FILTER_BLOCK:
        return perfopt__ssr_analyse(s, node->b);
    case AST_WITH:
        return analyse_with(s, node);
    case AST_AUTOESCAPE:
        return true; /* a scope of its own, the condition included */
    case AST_CACHE:
        return perfopt__ssr_analyse(s, node->a) && perfopt__ssr_analyse(s, node->b) &&
               perfopt__ssr_analyse(s, node->c);
    case AST_BLOCK:
        return true;
    default:
        return perfopt__ssr_walk(node, analyse_part, s);
    }
}

bool perfopt__ssr_analyse_body(ssr_symbols *s, const ssr_ast_list *body)
{
    return walk_list(body, analyse_part, s);
}

/* ---- slots ---------------------------------------------------------------------------------- */

static bool add_entry(ssr_unit *unit, ssr_compilation *c, const ssr_symbol *symbol)
{
    if (unit->entry_count == unit->entry_capacity) {
        size_t capacity = unit->entry_capacity ? unit->entry_capacity * 2 : 8;
        ssr_load *entry = perfopt__ssr_permanent(c, capacity * sizeof(*entry));
        if (!entry)
            return false;
        if (unit->entry_count)
            memcpy(entry, unit->entry, unit->entry_count * sizeof(*entry));
        unit->entry = entry;
        unit->entry_capacity = capacity;
    }
    unit->entry[unit->entry_count++] =
        (ssr_load){.action = LOAD_RESOLVE, .slot = symbol->slot, .name = symbol->name};
    return true;
}

ssr_ref perfopt__ssr_ref_of(const ssr_symbols *from, const ssr_symbol *symbol)
{
    ssr_ref ref = {0, symbol->slot};
    for (const ssr_unit *unit = from->unit; unit != symbol->scope->unit; unit = unit->outer)
        ref.hops++;
    return ref;
}

/*
 * A name that is only read in its scope has the same value from the start of the function on (the
 * context changes only by statements at the top level, whose names belong to that scope): it is
 * resolved once there and not again in each turn of a loop.
 */
bool perfopt__ssr_symbols_finish(ssr_symbols *s, ssr_scope *entry)
{
    ssr_load *loads = perfopt__ssr_permanent(s->c, (s->count + 1) * sizeof(*loads));
    if (!loads)
        return false;
    uint32_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        ssr_symbol *symbol = s->order[i];
        if (!symbol->is_ref)
            continue;
        symbol->slot = s->unit->slots++;
        if (symbol->load == LOAD_RESOLVE && !symbol->is_store) {
            if (!add_entry(s->unit, s->c, symbol))
                return false;
        } else if (symbol->load == LOAD_ALIAS) {
            loads[n++] = (ssr_load){.action = LOAD_ALIAS,
                                    .slot = symbol->slot,
                                    .from = perfopt__ssr_ref_of(s, symbol->alias)};
        } else if (symbol->load != LOAD_NONE) {
            loads[n++] =
                (ssr_load){.action = symbol->load, .slot = symbol->slot, .name = symbol->name};
        }
    }
    *entry = (ssr_scope){loads, n};
    return true;
}

const ssr_locals *perfopt__ssr_collect_locals(ssr_symbols *s)
{
    if (s->locals)
        return s->locals;
    ssr_locals *locals = perfopt__ssr_permanent(s->c, sizeof(*locals));
    ssr_local *items = perfopt__ssr_permanent(s->c, (s->count + 1) * sizeof(*items));
    if (!locals || !items)
        return NULL;
    for (size_t i = 0; i < s->count; i++) {
        ssr_symbol *symbol = s->order[i];
        if (!symbol->is_store || !symbol->is_ref)
            continue;
        symbol->used = symbol->escapes = true;
        items[locals->count++] = (ssr_local){symbol->name, symbol->slot};
    }
    locals->items = items;
    if (s->parent) {
        locals->outer = perfopt__ssr_collect_locals(s->parent);
        if (!locals->outer)
            return NULL;
        for (const ssr_unit *unit = s->unit; unit != s->parent->unit; unit = unit->outer)
            locals->hops++;
    }
    s->locals = locals;
    return locals;
}

/* ---- searches ------------------------------------------------------------------------------- */

typedef struct undeclared_search {
    const char *const *names;
    unsigned count;
    unsigned open; /* still looked for */
    unsigned found;
} undeclared_search;

static unsigned name_bit(const undeclared_search *search, const ssr_name *name)
{
    for (unsigned i = 0; i < search->count; i++) {
        if (strcmp(search->names[i], name->text) == 0)
            return 1u << i;
    }
    return 0;
}

static void hide_target(undeclared_search *search, const ssr_ast *target)
{
    if (target->kind == AST_NAME)
        search->open &= ~name_bit(search, target->name);
    for (const ssr_ast *item = target->list.first; item; item = item->next)
        hide_target(search, item);
}

static bool search_part(void *user, const ssr_ast *node)
{
    undeclared_search *search = user;
    switch (node->kind) {
    case AST_NAME:
        search->found |= name_bit(search, node->name) & search->open;
        return true;
    case AST_BLOCK:
        return true;
    case AST_SET:
    case AST_SET_BLOCK:
        hide_target(search, node->a);
        if (node->b && !search_part(user, node->b))
            return false;
        return walk_list(&node->body, search_part, user);
    case AST_FOR:
        hide_target(search, node->a);
        return search_part(user, node->b) && walk_list(&node->body, search_part, user) &&
               walk_list(&node->other, search_part, user) &&
               (!node->c || search_part(user, node->c));
    case AST_FROM:
        return search_part(user, node->a);
    case AST_MACRO:
    case AST_CALL_BLOCK:
        if (node->a && !search_part(user, node->a))
            return false;
        for (const ssr_ast *p = node->args->positional.first; p; p = p->next)
            hide_target(search, p);
        return walk_list(&node->args->defaults, search_part, user) &&
               walk_list(&node->body, search_part, user);
    case AST_WITH:
        for (const ssr_ast *t = node->list.first; t; t = t->next->next)
            hide_target(search, t);
        for (const ssr_ast *t = node->list.first; t; t = t->next->next) {
            if (!search_part(user, t->next))
                return false;
        }
        return walk_list(&node->body, search_part, user);
    default:
        return perfopt__ssr_walk(node, search_part, user);
    }
}

unsigned perfopt__ssr_undeclared(const ssr_ast_list *body, const char *const *names, unsigned count)
{
    undeclared_search search = {names, count, (1u << count) - 1, 0};
    walk_list(body, search_part, &search);
    return search.found;
}

static bool no_scoped_block(void *user, const ssr_ast *node)
{
    if (node->kind == AST_BLOCK && node->flag)
        return false;
    return perfopt__ssr_walk(node, no_scoped_block, user);
}

bool perfopt__ssr_has_scoped_block(const ssr_ast_list *body)
{
    return !walk_list(body, no_scoped_block, NULL);
}
