/*
 * symbols.h - which variable a name means where: Jinja's static scopes.
 *
 * Each scope (template, block, macro, loop, with, filter block...) is analysed before code is made
 * for it. Within a scope a name has one slot; how the slot starts depends on what is seen first: a
 * read takes the value from outside, a write hides it. Branches of an "if" are analysed apart and
 * then merged.
 */
#ifndef PERFOPT_SRC_SSR_SYMBOLS_H
#define PERFOPT_SRC_SSR_SYMBOLS_H

#include "ssr/code.h"
#include "ssr/compile.h"

typedef struct ssr_unit ssr_unit; /* a function while it is compiled */
typedef struct ssr_symbols ssr_symbols;

typedef struct ssr_symbol {
    ssr_name *name;
    ssr_symbols *scope;
    uint32_t slot;
    bool is_ref;
    bool is_store;
    bool is_parameter;
    bool is_loop; /* the loop variable of a for */
    bool used;    /* read by something */
    bool escapes;
    uint8_t load; /* ssr_load_action */
    struct ssr_symbol *alias;
} ssr_symbol;

struct ssr_symbols {
    ssr_compilation *c;
    ssr_unit *unit;
    ssr_symbols *parent; /* the scope around */
    ssr_symbols *base;   /* a branch's scope before the branch */
    ssr_symbol **table;  /* open addressing by name id */
    ssr_symbol **order;
    size_t size;
    size_t count;
    const ssr_locals *locals; /* once asked for */
};

/* The names of a function are numbered into slots; `outer` is the function around. */
struct ssr_unit {
    ssr_unit *outer;
    ssr_function *function;
    uint32_t slots;
    ssr_load *entry; /* names resolved once when the function starts */
    size_t entry_count;
    size_t entry_capacity;
};

ssr_symbols *perfopt__ssr_symbols_new(ssr_compilation *c, ssr_unit *unit, ssr_symbols *parent);
ssr_symbol *perfopt__ssr_declare(ssr_symbols *s, ssr_name *name);
/* Analyses statements or an expression as the inside of a scope. */
bool perfopt__ssr_analyse_body(ssr_symbols *s, const ssr_ast_list *body);
bool perfopt__ssr_analyse(ssr_symbols *s, const ssr_ast *node);
/* Declares the names of a for or with target as set from outside. */
bool perfopt__ssr_declare_target(ssr_symbols *s, const ssr_ast *target);
/* Gives every symbol its slot and lists what has to happen on entry. */
bool perfopt__ssr_symbols_finish(ssr_symbols *s, ssr_scope *entry);
/* The symbol a name means here. */
ssr_symbol *perfopt__ssr_find_symbol(const ssr_symbols *s, const ssr_name *name);
ssr_ref perfopt__ssr_ref_of(const ssr_symbols *from, const ssr_symbol *symbol);
/* All variables set in this and the scopes around: what an include sees. */
const ssr_locals *perfopt__ssr_collect_locals(ssr_symbols *s);

/* Which of the names are read in these statements before they are set there (blocks excepted)?
 * Returns a bit for each. */
unsigned perfopt__ssr_undeclared(const ssr_ast_list *body, const char *const *names,
                                 unsigned count);
/* Any block with "scoped" inside? */
bool perfopt__ssr_has_scoped_block(const ssr_ast_list *body);

/* Calls fn for the direct parts of a node, in Jinja's order; stops on false. */
bool perfopt__ssr_walk(const ssr_ast *node, bool (*fn)(void *user, const ssr_ast *part),
                       void *user);

#endif
