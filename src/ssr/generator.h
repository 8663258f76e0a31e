/*
 * generator.h - what the two halves of the compiler share: statements and expressions.
 */
#ifndef PERFOPT_SRC_SSR_GENERATOR_H
#define PERFOPT_SRC_SSR_GENERATOR_H

#include "ssr/runtime.h"
#include "ssr/symbols.h"

typedef struct ssr_generator {
    ssr_compilation *c;
    bool autoescape;  /* what is known at this point of the template */
    bool is_volatile; /* {% autoescape variable %}: decided while rendering */
    bool known_extends;
    bool has_extends;
    unsigned extends_count;
    uint32_t fragments;
    ssr_ast **blocks;
    uint32_t block_count, block_capacity;
    uint32_t dependency_capacity;
} ssr_generator;

/* Where code is being made: the scope and what is allowed there. */
typedef struct ssr_place {
    ssr_symbols *symbols;
    bool toplevel;     /* not inside a loop, macro, block...; an "if" does not count */
    bool rootlevel;    /* nor inside an "if" */
    bool soft;         /* inside an "if": unknown filters matter only when they run */
    bool output_check; /* text is dropped if the template extends another one */
} ssr_place;

/* compile_expression.c: NULL after an error. */
const ssr_expr *perfopt__ssr_gen_expression(ssr_generator *g, const ssr_place *place,
                                            const ssr_ast *node);
bool perfopt__ssr_gen_arguments(ssr_generator *g, const ssr_place *place, const ssr_ast_args *args,
                                const ssr_args **out);
ssr_expr *perfopt__ssr_new_expr(ssr_generator *g, const ssr_ast *node, ssr_eval_fn eval);

/* compiler.c: appends a scope's loads to what happens when the function starts. */
bool perfopt__ssr_merge_entry(ssr_generator *g, ssr_function *fn, const ssr_scope *scope);

/* fold.c: if the expression's parts are constant, computes it now. Never fails. */
void perfopt__ssr_fold_constant(ssr_generator *g, ssr_expr *e);
bool perfopt__ssr_is_constant(const ssr_expr *e);
/* The text {{ constant }} prints, in the template's memory; false if only rendering can tell. */
bool perfopt__ssr_constant_text(ssr_generator *g, const ssr_expr *e, const char **text,
                                size_t *length);

#endif
