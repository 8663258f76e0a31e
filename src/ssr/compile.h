/*
 * compile.h - the state of one compilation, shared by lexer, parser and compiler. Its arena dies
 * when the compilation ends; what the template keeps is copied to the template's arena.
 */
#ifndef PERFOPT_SRC_SSR_COMPILE_H
#define PERFOPT_SRC_SSR_COMPILE_H

#include "ssr/ast.h"

struct ssr_template;
struct perfopt_ssr;

typedef struct ssr_syntax {
    bool trim_blocks;
    bool lstrip_blocks;
    bool keep_trailing_newline;
} ssr_syntax;

typedef struct ssr_names {
    ssr_name **buckets;
    size_t bucket_count; /* power of two */
    uint32_t count;
} ssr_names;

typedef struct ssr_compilation {
    struct perfopt_ssr *ssr;
    struct ssr_template *template; /* what is being built */
    perfopt_arena *temporary;      /* dies with the compilation */
    perfopt_arena *permanent;      /* the template's */
    const char *template_name;
    const char *source; /* line ends are \n; lives in `permanent` */
    size_t length;
    ssr_syntax syntax;
    ssr_token *tokens;
    size_t token_count;
    ssr_names names;
    perfopt_status status;
    perfopt_error *err;
} ssr_compilation;

/* compile.c: always returns false, so that `return perfopt__ssr_syntax_error(...)` ends a function.
 * The message gets the place in front and the source line behind; only the first error counts. */
bool perfopt__ssr_syntax_error(ssr_compilation *c, uint32_t line, uint32_t column,
                               const char *format, ...) PERFOPT_PRINTF(4, 5);
bool perfopt__ssr_compile_nomem(ssr_compilation *c);
/* Zeroed memory that lives as long as the template or the compilation; NULL and the status set. */
void *perfopt__ssr_permanent(ssr_compilation *c, size_t size);
void *perfopt__ssr_temporary(ssr_compilation *c, size_t size);
/* The one ssr_name of a spelling. */
ssr_name *perfopt__ssr_intern(ssr_compilation *c, const char *text, size_t length);

/* lexer.c: source -> tokens; the last one is TOKEN_EOF. */
bool perfopt__ssr_lex(ssr_compilation *c);
/* What a token is called in messages. */
const char *perfopt__ssr_token_name(uint8_t type);

/* parser.c: tokens -> tree. */
bool perfopt__ssr_parse(ssr_compilation *c, ssr_ast_list *body);

/* compiler.c: tree -> c->template. */
bool perfopt__ssr_generate(ssr_compilation *c, const ssr_ast_list *body);

#endif
