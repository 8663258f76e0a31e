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

/* Statements being collected; `text` waits to become one of them. */
typedef struct ssr_builder {
    ssr_stmt *statements;
    uint32_t count;
    uint32_t capacity;
    perfopt__strbuf text;
    const ssr_ast *text_at;
} ssr_builder;

/* compiler.c --------------------------------------------------------------------------------- */

/* A new statement at the end; NULL after an error. It moves when another one is added. */
ssr_stmt *perfopt__ssr_add_statement(ssr_generator *g, ssr_builder *b, const ssr_ast *at,
                                     ssr_exec_fn exec);
bool perfopt__ssr_gen_body(ssr_generator *g, const ssr_place *place, const ssr_ast_list *list,
                           ssr_body *out);
/* Statements that have a scope of their own. */
bool perfopt__ssr_gen_scoped(ssr_generator *g, const ssr_place *place, ssr_symbols *symbols,
                             const ssr_ast_list *list, ssr_body *body);
bool perfopt__ssr_fill_target(ssr_generator *g, const ssr_place *place, const ssr_ast *node,
                              ssr_target *out);
const ssr_target *perfopt__ssr_gen_target(ssr_generator *g, const ssr_place *place,
                                          const ssr_ast *node);
uint8_t perfopt__ssr_escape_mode(const ssr_generator *g);

/* compile_loop.c, compile_function.c, compile_template.c: one statement each. ---------------- */

bool perfopt__ssr_gen_for(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                          const ssr_ast *node);
bool perfopt__ssr_gen_macro(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                            const ssr_ast *node);
bool perfopt__ssr_gen_call_block(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                                 const ssr_ast *node);
bool perfopt__ssr_gen_extends(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                              const ssr_ast *node);
bool perfopt__ssr_gen_include(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                              const ssr_ast *node);
bool perfopt__ssr_gen_import(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                             const ssr_ast *node);
bool perfopt__ssr_gen_block(ssr_generator *g, const ssr_place *place, ssr_builder *b,
                            const ssr_ast *node);
/* A function under construction, and its end. */
ssr_unit *perfopt__ssr_unit_new(ssr_generator *g, ssr_unit *outer, const ssr_name *name,
                                uint32_t line);
const ssr_function *perfopt__ssr_unit_finish(ssr_unit *unit);

/* compile_expression.c ----------------------------------------------------------------------- */

/* NULL after an error. */
const ssr_expr *perfopt__ssr_gen_expression(ssr_generator *g, const ssr_place *place,
                                            const ssr_ast *node);
bool perfopt__ssr_gen_arguments(ssr_generator *g, const ssr_place *place, const ssr_ast_args *args,
                                const ssr_args **out);
ssr_expr *perfopt__ssr_new_expr(ssr_generator *g, const ssr_ast *node, ssr_eval_fn eval);

/* fold.c ------------------------------------------------------------------------------------- */

/* If the expression's parts are constant, computes it now. Never fails. */
void perfopt__ssr_fold_constant(ssr_generator *g, ssr_expr *e);
bool perfopt__ssr_is_constant(const ssr_expr *e);
/* The text {{ constant }} prints, in the template's memory; false if only rendering can tell. */
bool perfopt__ssr_constant_text(ssr_generator *g, const ssr_expr *e, const char **text,
                                size_t *length);

#endif
