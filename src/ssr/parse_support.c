/*
 * parse_support.c - tokens, nodes and messages for both halves of the parser.
 */
#include "ssr/parser.h"

#include <stdio.h>
#include <string.h>

bool perfopt__ssr_token_is(const ssr_token *token, const char *name)
{
    size_t length = strlen(name);
    return token->type == TOKEN_NAME && token->length == length &&
           memcmp(token->as.text, name, length) == 0;
}

bool perfopt__ssr_at_name(const ssr_parser *p, const char *name)
{
    return perfopt__ssr_token_is(p->current, name);
}

void perfopt__ssr_advance(ssr_parser *p)
{
    if (p->current->type != TOKEN_EOF)
        p->current++;
}

bool perfopt__ssr_skip(ssr_parser *p, uint8_t type)
{
    if (!perfopt__ssr_at(p, type))
        return false;
    perfopt__ssr_advance(p);
    return true;
}

bool perfopt__ssr_skip_name(ssr_parser *p, const char *name)
{
    if (!perfopt__ssr_at_name(p, name))
        return false;
    perfopt__ssr_advance(p);
    return true;
}

bool perfopt__ssr_unexpected(ssr_parser *p, const char *expected)
{
    const ssr_token *t = p->current;
    if (t->type == TOKEN_NAME || t->type == TOKEN_STRING)
        return perfopt__ssr_syntax_error(p->c, t->line, t->column, "expected %s, found %s '%.*s'",
                                         expected, perfopt__ssr_token_name(t->type),
                                         (int)(t->length > 40 ? 40 : t->length), t->as.text);
    return perfopt__ssr_syntax_error(p->c, t->line, t->column, "expected %s, found '%s'", expected,
                                     perfopt__ssr_token_name(t->type));
}

bool perfopt__ssr_expect(ssr_parser *p, uint8_t type)
{
    char wanted[40];
    if (perfopt__ssr_skip(p, type))
        return true;
    snprintf(wanted, sizeof(wanted), "'%s'", perfopt__ssr_token_name(type));
    return perfopt__ssr_unexpected(p, wanted);
}

bool perfopt__ssr_expect_name(ssr_parser *p, const char *name)
{
    char wanted[40];
    if (perfopt__ssr_skip_name(p, name))
        return true;
    snprintf(wanted, sizeof(wanted), "'%s'", name);
    return perfopt__ssr_unexpected(p, wanted);
}

ssr_ast *perfopt__ssr_node(ssr_parser *p, uint8_t kind, const ssr_token *at)
{
    ssr_ast *node = perfopt__ssr_temporary(p->c, sizeof(*node));
    if (!node)
        return NULL;
    node->kind = kind;
    node->line = at->line;
    node->column = at->column;
    node->depth = 1;
    return node;
}

void perfopt__ssr_list_add(ssr_ast_list *list, ssr_ast *node)
{
    node->next = NULL;
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
    list->count++;
}

ssr_name *perfopt__ssr_take_name(ssr_parser *p)
{
    if (!perfopt__ssr_at(p, TOKEN_NAME)) {
        perfopt__ssr_unexpected(p, "a name");
        return NULL;
    }
    ssr_name *name = perfopt__ssr_intern(p->c, p->current->as.text, p->current->length);
    perfopt__ssr_advance(p);
    return name;
}

bool perfopt__ssr_enter(ssr_parser *p)
{
    if (++p->nesting <= SSR_MAX_NESTING)
        return true;
    return perfopt__ssr_syntax_error(p->c, p->current->line, p->current->column,
                                     "nested more than %d levels deep", SSR_MAX_NESTING);
}

void perfopt__ssr_leave(ssr_parser *p)
{
    p->nesting--;
}
