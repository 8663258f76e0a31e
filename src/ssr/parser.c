/*
 * parser.c - Jinja's statements, one function each, and text between them.
 */
#include "ssr/parser.h"

#include "ssr/unicode.h"

#include <stdio.h>
#include <string.h>

static bool parse_body(ssr_parser *p, const ssr_token *tag, const char *ends, ssr_ast_list *body);

/* Is the current name one of the space-separated words? */
static bool at_one_of(const ssr_parser *p, const char *words)
{
    const ssr_token *t = p->current;
    for (const char *w = words; t->type == TOKEN_NAME && w && *w;) {
        size_t n = strcspn(w, " ");
        if (n == t->length && memcmp(w, t->as.text, n) == 0)
            return true;
        w += n + (w[n] == ' ');
    }
    return false;
}

/* ---- control -------------------------------------------------------------------------------- */

static ssr_ast *parse_if(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *result = perfopt__ssr_node(p, AST_IF, tag);
    ssr_ast *node = result;
    while (node) {
        node->a = perfopt__ssr_parse_tuple(p, false);
        if (!node->a || !parse_body(p, tag, "elif else endif", &node->body))
            return NULL;
        if (perfopt__ssr_at_name(p, "elif")) {
            node = perfopt__ssr_node(p, AST_IF, p->current);
            perfopt__ssr_advance(p);
            if (node)
                perfopt__ssr_list_add(&result->list, node);
            continue;
        }
        bool has_else = perfopt__ssr_at_name(p, "else");
        perfopt__ssr_advance(p);
        if (has_else) {
            if (!parse_body(p, tag, "endif", &result->other))
                return NULL;
            perfopt__ssr_advance(p);
        }
        return result;
    }
    return NULL;
}

static ssr_ast *parse_for(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_FOR, tag);
    if (!node || !(node->a = perfopt__ssr_parse_target(p, false)) ||
        !perfopt__ssr_expect_name(p, "in"))
        return NULL;
    node->b = perfopt__ssr_parse_tuple(p, false);
    if (!node->b)
        return NULL;
    if (perfopt__ssr_skip_name(p, "if") && !(node->c = perfopt__ssr_parse_expression(p, true)))
        return NULL;
    node->flag = perfopt__ssr_skip_name(p, "recursive");
    if (!parse_body(p, tag, "endfor else", &node->body))
        return NULL;
    bool has_else = perfopt__ssr_at_name(p, "else");
    perfopt__ssr_advance(p);
    if (has_else) {
        if (!parse_body(p, tag, "endfor", &node->other))
            return NULL;
        perfopt__ssr_advance(p);
    }
    return node;
}

static ssr_ast *parse_with(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_WITH, tag);
    while (node && !perfopt__ssr_at(p, TOKEN_BLOCK_END) && !perfopt__ssr_at(p, TOKEN_EOF)) {
        if (node->list.count && !perfopt__ssr_expect(p, TOKEN_COMMA))
            return NULL;
        ssr_ast *target = perfopt__ssr_parse_target(p, false);
        if (!target || !perfopt__ssr_expect(p, TOKEN_ASSIGN))
            return NULL;
        ssr_ast *value = perfopt__ssr_parse_expression(p, true);
        if (!value)
            return NULL;
        perfopt__ssr_list_add(&node->list, target);
        perfopt__ssr_list_add(&node->list, value);
    }
    if (!node || !parse_body(p, tag, "endwith", &node->body))
        return NULL;
    perfopt__ssr_advance(p);
    return node;
}

static ssr_ast *parse_autoescape(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_AUTOESCAPE, tag);
    if (!node || !(node->a = perfopt__ssr_parse_expression(p, true)) ||
        !parse_body(p, tag, "endautoescape", &node->body))
        return NULL;
    perfopt__ssr_advance(p);
    return node;
}

static ssr_ast *parse_print(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_OUTPUT, tag);
    while (node && !perfopt__ssr_at(p, TOKEN_BLOCK_END) && !perfopt__ssr_at(p, TOKEN_EOF)) {
        if (node->list.count && !perfopt__ssr_expect(p, TOKEN_COMMA))
            return NULL;
        ssr_ast *item = perfopt__ssr_parse_expression(p, true);
        if (!item)
            return NULL;
        perfopt__ssr_list_add(&node->list, item);
    }
    return node;
}

/* ---- variables ------------------------------------------------------------------------------ */

static ssr_ast *parse_set(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_SET, tag);
    if (!node || !(node->a = perfopt__ssr_parse_target(p, true)))
        return NULL;
    if (perfopt__ssr_skip(p, TOKEN_ASSIGN)) {
        node->b = perfopt__ssr_parse_tuple(p, true);
        return node->b ? node : NULL;
    }
    node->kind = AST_SET_BLOCK;
    if (!perfopt__ssr_parse_filters(p, &node->b, false) ||
        !parse_body(p, tag, "endset", &node->body))
        return NULL;
    perfopt__ssr_advance(p);
    return node;
}

static ssr_ast *parse_filter_block(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_FILTER_BLOCK, tag);
    if (!node || !perfopt__ssr_parse_filters(p, &node->b, true) ||
        !parse_body(p, tag, "endfilter", &node->body))
        return NULL;
    perfopt__ssr_advance(p);
    return node;
}

/* ---- templates and blocks ------------------------------------------------------------------- */

static bool is_blank(const ssr_ast_list *body)
{
    for (const ssr_ast *s = body->first; s; s = s->next) {
        if (s->kind != AST_OUTPUT)
            return false;
        for (const ssr_ast *item = s->list.first; item; item = item->next) {
            const char *p = item->value.as.string;
            const char *end = p + item->value.length;
            if (item->kind != AST_DATA)
                return false;
            for (size_t n; p < end; p += n) {
                if (!(n = perfopt__ssr_space_at(p, end)))
                    return false;
            }
        }
    }
    return true;
}

static ssr_ast *parse_block(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_BLOCK, tag);
    if (!node || !(node->name = perfopt__ssr_take_name(p)))
        return NULL;
    node->flag = perfopt__ssr_skip_name(p, "scoped");
    node->flag2 = perfopt__ssr_skip_name(p, "required");
    if (perfopt__ssr_at(p, TOKEN_SUB)) {
        perfopt__ssr_syntax_error(p->c, p->current->line, p->current->column,
                                  "names of blocks have no hyphens; use an underscore");
        return NULL;
    }
    if (!parse_body(p, tag, "endblock", &node->body))
        return NULL;
    if (node->flag2 && !is_blank(&node->body)) {
        perfopt__ssr_syntax_error(p->c, tag->line, tag->column,
                                  "a required block holds only white space and comments");
        return NULL;
    }
    perfopt__ssr_advance(p);
    perfopt__ssr_skip_name(p, node->name->text);
    return node;
}

static ssr_ast *parse_extends(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_EXTENDS, tag);
    if (!node || !(node->a = perfopt__ssr_parse_expression(p, true)))
        return NULL;
    return node;
}

/* "with context" or "without context" at the end of a tag; true if it was there. */
static bool skip_context(ssr_parser *p, bool *with)
{
    bool is_with = perfopt__ssr_at_name(p, "with");
    if (!(is_with || perfopt__ssr_at_name(p, "without")) ||
        !perfopt__ssr_token_is(p->current + 1, "context"))
        return false;
    *with = is_with;
    p->current += 2;
    return true;
}

static ssr_ast *parse_include(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_INCLUDE, tag);
    if (!node || !(node->a = perfopt__ssr_parse_expression(p, true)))
        return NULL;
    if (perfopt__ssr_at_name(p, "ignore") && perfopt__ssr_token_is(p->current + 1, "missing")) {
        node->flag = true;
        p->current += 2;
    }
    node->flag2 = true;
    skip_context(p, &node->flag2);
    return node;
}

static ssr_ast *parse_import(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_IMPORT, tag);
    if (!node || !(node->a = perfopt__ssr_parse_expression(p, true)) ||
        !perfopt__ssr_expect_name(p, "as") || !(node->name = perfopt__ssr_take_name(p)))
        return NULL;
    skip_context(p, &node->flag2);
    return node;
}

static bool parse_imported_name(ssr_parser *p, ssr_ast *from)
{
    ssr_ast *item = perfopt__ssr_node(p, AST_NAME, p->current);
    if (!item || !(item->name = item->alias = perfopt__ssr_take_name(p)))
        return false;
    if (item->name->text[0] == '_')
        return perfopt__ssr_syntax_error(p->c, item->line, item->column,
                                         "names that start with an underscore cannot be imported");
    if (perfopt__ssr_skip_name(p, "as") && !(item->alias = perfopt__ssr_take_name(p)))
        return false;
    perfopt__ssr_list_add(&from->list, item);
    return true;
}

static ssr_ast *parse_from(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_FROM, tag);
    if (!node || !(node->a = perfopt__ssr_parse_expression(p, true)) ||
        !perfopt__ssr_expect_name(p, "import"))
        return NULL;
    do {
        if (skip_context(p, &node->flag2))
            return node;
        if (!parse_imported_name(p, node))
            return NULL;
        if (skip_context(p, &node->flag2))
            return node;
    } while (perfopt__ssr_skip(p, TOKEN_COMMA));
    return node;
}

/* ---- macros --------------------------------------------------------------------------------- */

static bool parse_parameter(ssr_parser *p, ssr_ast_args *args)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_NAME, p->current);
    if (!node || !(node->name = perfopt__ssr_take_name(p)))
        return false;
    for (const ssr_ast *other = args->positional.first; other; other = other->next) {
        if (other->name == node->name)
            return perfopt__ssr_syntax_error(p->c, node->line, node->column,
                                             "parameter '%s' is named twice", node->name->text);
    }
    perfopt__ssr_list_add(&args->positional, node);
    if (!perfopt__ssr_skip(p, TOKEN_ASSIGN)) {
        if (args->defaults.count)
            return perfopt__ssr_syntax_error(p->c, node->line, node->column,
                                             "parameter '%s' needs a default, because one before "
                                             "it has one",
                                             node->name->text);
        return true;
    }
    ssr_ast *value = perfopt__ssr_parse_expression(p, true);
    if (!value)
        return false;
    perfopt__ssr_list_add(&args->defaults, value);
    return true;
}

static bool parse_signature(ssr_parser *p, ssr_ast *node)
{
    node->args = perfopt__ssr_temporary(p->c, sizeof(*node->args));
    if (!node->args || !perfopt__ssr_expect(p, TOKEN_LPAREN))
        return false;
    while (!perfopt__ssr_at(p, TOKEN_RPAREN)) {
        if (node->args->positional.count && !perfopt__ssr_expect(p, TOKEN_COMMA))
            return false;
        if (!parse_parameter(p, node->args))
            return false;
    }
    perfopt__ssr_advance(p);
    return true;
}

static ssr_ast *parse_macro(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_MACRO, tag);
    if (!node || !(node->name = perfopt__ssr_take_name(p)) || !parse_signature(p, node) ||
        !parse_body(p, tag, "endmacro", &node->body))
        return NULL;
    perfopt__ssr_advance(p);
    return node;
}

static ssr_ast *parse_call_block(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_CALL_BLOCK, tag);
    if (!node)
        return NULL;
    if (perfopt__ssr_at(p, TOKEN_LPAREN)) {
        if (!parse_signature(p, node))
            return NULL;
    } else if (!(node->args = perfopt__ssr_temporary(p->c, sizeof(*node->args)))) {
        return NULL;
    }
    node->a = perfopt__ssr_parse_expression(p, true);
    if (node->a && node->a->kind != AST_CALL) {
        perfopt__ssr_syntax_error(p->c, tag->line, tag->column,
                                  "{%% call %%} needs a call, such as {%% call dialog() %%}");
        return NULL;
    }
    if (!node->a || !parse_body(p, tag, "endcall", &node->body))
        return NULL;
    perfopt__ssr_advance(p);
    return node;
}

/* ---- fragments ------------------------------------------------------------------------------ */

static ssr_ast *parse_cache(ssr_parser *p, const ssr_token *tag)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_CACHE, tag);
    if (!node || !(node->a = perfopt__ssr_parse_expression(p, true)))
        return NULL;
    while (perfopt__ssr_skip(p, TOKEN_COMMA)) {
        bool tags = perfopt__ssr_at_name(p, "tags") && p->current[1].type == TOKEN_ASSIGN;
        bool ttl = perfopt__ssr_at_name(p, "ttl") && p->current[1].type == TOKEN_ASSIGN;
        ssr_ast **slot = tags ? &node->c : &node->b;
        if (*slot) {
            perfopt__ssr_unexpected(p, "at most a lifetime and tags");
            return NULL;
        }
        if (tags || ttl)
            p->current += 2;
        if (!(*slot = perfopt__ssr_parse_expression(p, true)))
            return NULL;
    }
    if (!parse_body(p, tag, "endcache", &node->body))
        return NULL;
    perfopt__ssr_advance(p);
    return node;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static const struct {
    const char *tag;
    ssr_ast *(*parse)(ssr_parser *p, const ssr_token *tag);
} statements[] = {
    {"if", parse_if},
    {"for", parse_for},
    {"set", parse_set},
    {"include", parse_include},
    {"block", parse_block},
    {"extends", parse_extends},
    {"macro", parse_macro},
    {"import", parse_import},
    {"from", parse_from},
    {"call", parse_call_block},
    {"filter", parse_filter_block},
    {"with", parse_with},
    {"autoescape", parse_autoescape},
    {"print", parse_print},
    {"cache", parse_cache},
};

static bool unknown_tag(ssr_parser *p, const ssr_token *t)
{
    int length = (int)(t->length > 40 ? 40 : t->length);
    if (!p->open)
        return perfopt__ssr_syntax_error(p->c, t->line, t->column, "unknown tag '%.*s'", length,
                                         t->as.text);
    return perfopt__ssr_syntax_error(p->c, t->line, t->column,
                                     "unknown tag '%.*s'; '%.*s' of line %u waits for: %s", length,
                                     t->as.text, (int)p->open->token->length,
                                     p->open->token->as.text, p->open->token->line, p->open->ends);
}

static ssr_ast *parse_statement(ssr_parser *p)
{
    const ssr_token *tag = p->current;
    if (tag->type != TOKEN_NAME) {
        perfopt__ssr_unexpected(p, "the name of a tag");
        return NULL;
    }
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        if (!perfopt__ssr_at_name(p, statements[i].tag))
            continue;
        perfopt__ssr_advance(p);
        ssr_ast *node = perfopt__ssr_enter(p) ? statements[i].parse(p, tag) : NULL;
        perfopt__ssr_leave(p);
        return node;
    }
    unknown_tag(p, tag);
    return NULL;
}

/* Text and {{ }} next to each other become one OUTPUT. */
static ssr_ast *output_of(ssr_parser *p, ssr_ast_list *body)
{
    if (body->last && body->last->kind == AST_OUTPUT)
        return body->last;
    ssr_ast *node = perfopt__ssr_node(p, AST_OUTPUT, p->current);
    if (node)
        perfopt__ssr_list_add(body, node);
    return node;
}

static bool parse_data(ssr_parser *p, ssr_ast_list *body)
{
    ssr_ast *output = output_of(p, body);
    ssr_ast *data = output ? perfopt__ssr_node(p, AST_DATA, p->current) : NULL;
    if (!data)
        return false;
    data->value = perfopt_string_n(p->current->as.text, p->current->length);
    perfopt__ssr_list_add(&output->list, data);
    perfopt__ssr_advance(p);
    return true;
}

static bool parse_variable(ssr_parser *p, ssr_ast_list *body)
{
    ssr_ast *output = output_of(p, body);
    perfopt__ssr_advance(p); /* {{ */
    ssr_ast *value = output ? perfopt__ssr_parse_tuple(p, true) : NULL;
    if (!value || !perfopt__ssr_expect(p, TOKEN_VARIABLE_END))
        return false;
    perfopt__ssr_list_add(&output->list, value);
    return true;
}

static bool missing_end(ssr_parser *p)
{
    const ssr_token *t = p->open->token;
    return perfopt__ssr_syntax_error(p->c, t->line, t->column,
                                     "'%.*s' is never closed; it waits for: %s", (int)t->length,
                                     t->as.text, p->open->ends);
}

/* Parses until a tag in p->open->ends, which becomes the current token, or the end. */
static bool parse_until(ssr_parser *p, ssr_ast_list *body)
{
    for (;;) {
        switch (p->current->type) {
        case TOKEN_EOF:
            return p->open ? missing_end(p) : true;
        case TOKEN_DATA:
            if (!parse_data(p, body))
                return false;
            break;
        case TOKEN_VARIABLE_BEGIN:
            if (!parse_variable(p, body))
                return false;
            break;
        default: {
            perfopt__ssr_advance(p); /* {% */
            if (p->open && at_one_of(p, p->open->ends))
                return true;
            ssr_ast *statement = parse_statement(p);
            if (!statement || !perfopt__ssr_expect(p, TOKEN_BLOCK_END))
                return false;
            perfopt__ssr_list_add(body, statement);
        }
        }
    }
}

static bool parse_body(ssr_parser *p, const ssr_token *tag, const char *ends, ssr_ast_list *body)
{
    perfopt__ssr_skip(p, TOKEN_COLON); /* {% if x: %} */
    if (!perfopt__ssr_expect(p, TOKEN_BLOCK_END))
        return false;
    ssr_open_tag open = {tag, ends, p->open};
    p->open = &open;
    bool ok = parse_until(p, body);
    p->open = open.outer;
    return ok;
}

bool perfopt__ssr_parse(ssr_compilation *c, ssr_ast_list *body)
{
    ssr_parser p = {.c = c, .current = c->tokens};
    return parse_until(&p, body);
}
