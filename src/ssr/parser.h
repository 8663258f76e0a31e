/*
 * parser.h - what the parser of statements and the parser of expressions share.
 */
#ifndef PERFOPT_SRC_SSR_PARSER_H
#define PERFOPT_SRC_SSR_PARSER_H

#include "ssr/compile.h"

/* The names that may end the statements being parsed, for messages. */
typedef struct ssr_open_tag {
    const ssr_token *token; /* "for" of {% for %} */
    const char *ends;       /* "else endfor" */
    const struct ssr_open_tag *outer;
} ssr_open_tag;

typedef struct ssr_parser {
    ssr_compilation *c;
    const ssr_token *current;
    unsigned nesting;
    const ssr_open_tag *open;
} ssr_parser;

static inline bool perfopt__ssr_at(const ssr_parser *p, uint8_t type)
{
    return p->current->type == type;
}

/* parse_support.c ---------------------------------------------------------------------------- */

bool perfopt__ssr_token_is(const ssr_token *token, const char *name);
bool perfopt__ssr_at_name(const ssr_parser *p, const char *name);
void perfopt__ssr_advance(ssr_parser *p);
bool perfopt__ssr_skip_name(ssr_parser *p, const char *name);
bool perfopt__ssr_skip(ssr_parser *p, uint8_t type);
/* Skips a token of this type; an error says what was expected instead. */
bool perfopt__ssr_expect(ssr_parser *p, uint8_t type);
bool perfopt__ssr_expect_name(ssr_parser *p, const char *name);
bool perfopt__ssr_unexpected(ssr_parser *p, const char *expected);
/* A node at a token's place, or NULL (status set). */
ssr_ast *perfopt__ssr_node(ssr_parser *p, uint8_t kind, const ssr_token *at);
void perfopt__ssr_list_add(ssr_ast_list *list, ssr_ast *node);
/* Interns the text of a NAME token and skips it; NULL if it is none. */
ssr_name *perfopt__ssr_take_name(ssr_parser *p);
/* Guards recursion: enter fails with an error above SSR_MAX_NESTING. */
bool perfopt__ssr_enter(ssr_parser *p);
void perfopt__ssr_leave(ssr_parser *p);

/* parse_expression.c ------------------------------------------------------------------------- */

/* All return NULL after an error. */
ssr_ast *perfopt__ssr_parse_expression(ssr_parser *p, bool with_condition);
/* Expressions separated by commas are a tuple. */
ssr_ast *perfopt__ssr_parse_tuple(ssr_parser *p, bool with_condition);
/* A target of for, set, with: names, tuples of names, ns.attribute. */
ssr_ast *perfopt__ssr_parse_target(ssr_parser *p, bool with_namespace);
/* "|name(args)|name" applied to `node` (may be NULL); `inline_start`: the first has no "|". */
bool perfopt__ssr_parse_filters(ssr_parser *p, ssr_ast **node, bool inline_start);

#endif
