/*
 * parse_expression.c - Jinja's expressions by recursive descent, loosest first:
 *
 *     a if b else c | or | and | not | comparison | + - | ~ | * / // % | ** | - + | primary
 *
 * A primary is followed by .name, [index], (call), |filter and "is test". "-" binds tighter than
 * "**" and "|" tighter than "-": that is how Jinja reads them.
 */
#include "ssr/parser.h"

#include <stdio.h>
#include <string.h>

static ssr_ast *parse_unary(ssr_parser *p, bool with_filters);

/* Makes `node` higher than `child`; chains of operators grow the tree without nesting the parser,
 * and the compiler walks trees recursively. */
static bool grow(ssr_parser *p, ssr_ast *node, const ssr_ast *child)
{
    if (child && child->depth >= node->depth)
        node->depth = (uint16_t)(child->depth + 1);
    if (node->depth <= SSR_MAX_TREE_DEPTH)
        return true;
    return perfopt__ssr_syntax_error(p->c, node->line, node->column,
                                     "this expression has more than %d levels", SSR_MAX_TREE_DEPTH);
}

static bool add_item(ssr_parser *p, ssr_ast *node, ssr_ast *item)
{
    perfopt__ssr_list_add(&node->list, item);
    return grow(p, node, item);
}

static ssr_ast *make(ssr_parser *p, uint8_t kind, const ssr_token *at, ssr_ast *a, ssr_ast *b)
{
    ssr_ast *node = perfopt__ssr_node(p, kind, at);
    if (!node)
        return NULL;
    node->a = a;
    node->b = b;
    return grow(p, node, a) && grow(p, node, b) ? node : NULL;
}

/* ---- primaries ------------------------------------------------------------------------------ */

static ssr_ast *constant(ssr_parser *p, const ssr_token *at, perfopt_value value)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_CONST, at);
    if (node)
        node->value = value;
    return node;
}

static ssr_ast *parse_name(ssr_parser *p)
{
    const ssr_token *t = p->current;
    bool is_true = perfopt__ssr_token_is(t, "true") || perfopt__ssr_token_is(t, "True");
    if (is_true || perfopt__ssr_token_is(t, "false") || perfopt__ssr_token_is(t, "False")) {
        perfopt__ssr_advance(p);
        return constant(p, t, perfopt_bool(is_true));
    }
    if (perfopt__ssr_token_is(t, "none") || perfopt__ssr_token_is(t, "None")) {
        perfopt__ssr_advance(p);
        return constant(p, t, perfopt_none());
    }
    ssr_ast *node = perfopt__ssr_node(p, AST_NAME, t);
    if (!node)
        return NULL;
    node->name = perfopt__ssr_take_name(p);
    return node->name ? node : NULL;
}

/* Strings next to each other are one. */
static ssr_ast *parse_string(ssr_parser *p)
{
    const ssr_token *first = p->current;
    size_t length = 0;
    const ssr_token *end = first;
    for (; end->type == TOKEN_STRING; end++)
        length += end->length;
    p->current = end;
    if (end == first + 1)
        return constant(p, first, perfopt_string_n(first->as.text, first->length));
    char *text = perfopt__ssr_permanent(p->c, length + 1);
    if (!text)
        return NULL;
    size_t used = 0;
    for (const ssr_token *t = first; t < end; t++) {
        memcpy(text + used, t->as.text, t->length);
        used += t->length;
    }
    return constant(p, first, perfopt_string_n(text, length));
}

static ssr_ast *parse_list(ssr_parser *p)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_LIST, p->current);
    perfopt__ssr_advance(p);
    while (node && !perfopt__ssr_at(p, TOKEN_RBRACKET)) {
        if (node->list.count && !perfopt__ssr_expect(p, TOKEN_COMMA))
            return NULL;
        if (perfopt__ssr_at(p, TOKEN_RBRACKET))
            break;
        ssr_ast *item = perfopt__ssr_parse_expression(p, true);
        if (!item || !add_item(p, node, item))
            return NULL;
    }
    perfopt__ssr_advance(p);
    return node;
}

static ssr_ast *parse_dict(ssr_parser *p)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_DICT, p->current);
    perfopt__ssr_advance(p);
    while (node && !perfopt__ssr_at(p, TOKEN_RBRACE)) {
        if (node->list.count && !perfopt__ssr_expect(p, TOKEN_COMMA))
            return NULL;
        if (perfopt__ssr_at(p, TOKEN_RBRACE))
            break;
        ssr_ast *key = perfopt__ssr_parse_expression(p, true);
        if (!key || !add_item(p, node, key) || !perfopt__ssr_expect(p, TOKEN_COLON))
            return NULL;
        ssr_ast *value = perfopt__ssr_parse_expression(p, true);
        if (!value || !add_item(p, node, value))
            return NULL;
    }
    perfopt__ssr_advance(p);
    return node;
}

static ssr_ast *parse_parenthesis(ssr_parser *p)
{
    const ssr_token *open = p->current;
    perfopt__ssr_advance(p);
    ssr_ast *node = perfopt__ssr_at(p, TOKEN_RPAREN) ? perfopt__ssr_node(p, AST_TUPLE, open)
                                                     : perfopt__ssr_parse_tuple(p, true);
    return node && perfopt__ssr_expect(p, TOKEN_RPAREN) ? node : NULL;
}

static ssr_ast *parse_primary(ssr_parser *p)
{
    const ssr_token *t = p->current;
    switch (t->type) {
    case TOKEN_NAME:
        return parse_name(p);
    case TOKEN_STRING:
        return parse_string(p);
    case TOKEN_INTEGER:
        perfopt__ssr_advance(p);
        return constant(p, t, perfopt_int(t->as.integer));
    case TOKEN_FLOAT:
        perfopt__ssr_advance(p);
        return constant(p, t, perfopt_double(t->as.real));
    case TOKEN_LPAREN:
        return parse_parenthesis(p);
    case TOKEN_LBRACKET:
        return parse_list(p);
    case TOKEN_LBRACE:
        return parse_dict(p);
    default:
        perfopt__ssr_unexpected(p, "an expression");
        return NULL;
    }
}

/* ---- what follows a primary ----------------------------------------------------------------- */

static bool parse_slice_part(ssr_parser *p, ssr_ast *slice, ssr_ast **part)
{
    if (perfopt__ssr_at(p, TOKEN_COLON) || perfopt__ssr_at(p, TOKEN_RBRACKET) ||
        perfopt__ssr_at(p, TOKEN_COMMA))
        return true;
    *part = perfopt__ssr_parse_expression(p, true);
    return *part && grow(p, slice, *part);
}

/* Behind the first colon of a slice. */
static ssr_ast *parse_slice(ssr_parser *p, ssr_ast *start)
{
    ssr_ast *slice = make(p, AST_SLICE, p->current, start, NULL);
    if (!slice || !perfopt__ssr_expect(p, TOKEN_COLON) || !parse_slice_part(p, slice, &slice->b))
        return NULL;
    if (perfopt__ssr_skip(p, TOKEN_COLON) && !parse_slice_part(p, slice, &slice->c))
        return NULL;
    return slice;
}

static ssr_ast *parse_index(ssr_parser *p)
{
    if (perfopt__ssr_at(p, TOKEN_COLON))
        return parse_slice(p, NULL);
    ssr_ast *node = perfopt__ssr_parse_expression(p, true);
    if (node && perfopt__ssr_at(p, TOKEN_COLON))
        return parse_slice(p, node);
    return node;
}

static ssr_ast *parse_subscript(ssr_parser *p, ssr_ast *node, const ssr_token *at)
{
    ssr_ast *tuple = perfopt__ssr_node(p, AST_TUPLE, at);
    while (tuple && !perfopt__ssr_at(p, TOKEN_RBRACKET)) {
        if (tuple->list.count && !perfopt__ssr_expect(p, TOKEN_COMMA))
            return NULL;
        ssr_ast *index = parse_index(p);
        if (!index || !add_item(p, tuple, index))
            return NULL;
    }
    perfopt__ssr_advance(p);
    if (!tuple)
        return NULL;
    ssr_ast *index = tuple->list.count == 1 ? tuple->list.first : tuple;
    for (ssr_ast *item = tuple->list.first; item && index == tuple; item = item->next) {
        if (item->kind == AST_SLICE) {
            perfopt__ssr_syntax_error(p->c, at->line, at->column,
                                      "several slices in one index are not supported");
            return NULL;
        }
    }
    return make(p, AST_GETITEM, at, node, index);
}

static ssr_ast *parse_dot(ssr_parser *p, ssr_ast *node, const ssr_token *at)
{
    const ssr_token *t = p->current;
    if (t->type == TOKEN_INTEGER) {
        perfopt__ssr_advance(p);
        ssr_ast *index = constant(p, t, perfopt_int(t->as.integer));
        return index ? make(p, AST_GETITEM, at, node, index) : NULL;
    }
    if (t->type != TOKEN_NAME) {
        perfopt__ssr_unexpected(p, "a name or number behind '.'");
        return NULL;
    }
    ssr_ast *attribute = make(p, AST_GETATTR, t, node, NULL);
    if (attribute)
        attribute->name = perfopt__ssr_take_name(p);
    return attribute && attribute->name ? attribute : NULL;
}

static bool bad_arguments(ssr_parser *p, const ssr_token *at)
{
    return perfopt__ssr_syntax_error(p->c, at->line, at->column,
                                     "arguments by position come first, then name=value, then "
                                     "*list and **dict");
}

static bool parse_keyword(ssr_parser *p, ssr_ast_args *args)
{
    ssr_ast *node = perfopt__ssr_node(p, AST_CONST, p->current);
    if (!node || !(node->name = perfopt__ssr_take_name(p)))
        return false;
    for (const ssr_ast *k = args->keywords.first; k; k = k->next) {
        if (k->name == node->name)
            return perfopt__ssr_syntax_error(p->c, node->line, node->column,
                                             "argument '%s' is given twice", node->name->text);
    }
    perfopt__ssr_advance(p); /* = */
    node->a = perfopt__ssr_parse_expression(p, true);
    if (!node->a)
        return false;
    perfopt__ssr_list_add(&args->keywords, node);
    return true;
}

static bool parse_argument(ssr_parser *p, ssr_ast_args *args)
{
    const ssr_token *at = p->current;
    if (perfopt__ssr_skip(p, TOKEN_MUL)) {
        if (args->star || args->star_star)
            return bad_arguments(p, at);
        args->star = perfopt__ssr_parse_expression(p, true);
        return args->star != NULL;
    }
    if (perfopt__ssr_skip(p, TOKEN_POW)) {
        if (args->star_star)
            return bad_arguments(p, at);
        args->star_star = perfopt__ssr_parse_expression(p, true);
        return args->star_star != NULL;
    }
    if (at->type == TOKEN_NAME && at[1].type == TOKEN_ASSIGN)
        return args->star_star ? bad_arguments(p, at) : parse_keyword(p, args);
    if (args->star || args->star_star || args->keywords.count)
        return bad_arguments(p, at);
    ssr_ast *value = perfopt__ssr_parse_expression(p, true);
    if (!value)
        return false;
    perfopt__ssr_list_add(&args->positional, value);
    return true;
}

static ssr_ast_args *parse_arguments(ssr_parser *p)
{
    ssr_ast_args *args = perfopt__ssr_temporary(p->c, sizeof(*args));
    perfopt__ssr_advance(p); /* ( */
    bool first = true;
    while (args && !perfopt__ssr_at(p, TOKEN_RPAREN)) {
        if (!first && !perfopt__ssr_expect(p, TOKEN_COMMA))
            return NULL;
        if (!first && perfopt__ssr_at(p, TOKEN_RPAREN))
            break;
        if (!parse_argument(p, args))
            return NULL;
        first = false;
    }
    perfopt__ssr_advance(p);
    return args;
}

static bool grow_args(ssr_parser *p, ssr_ast *node)
{
    const ssr_ast_args *args = node->args;
    if (!args)
        return true;
    for (const ssr_ast *a = args->positional.first; a; a = a->next) {
        if (!grow(p, node, a))
            return false;
    }
    for (const ssr_ast *k = args->keywords.first; k; k = k->next) {
        if (!grow(p, node, k->a))
            return false;
    }
    return grow(p, node, args->star) && grow(p, node, args->star_star);
}

static ssr_ast *parse_call(ssr_parser *p, ssr_ast *callee)
{
    ssr_ast *node = make(p, AST_CALL, p->current, callee, NULL);
    if (!node || !(node->args = parse_arguments(p)))
        return NULL;
    return grow_args(p, node) ? node : NULL;
}

static ssr_ast *parse_postfix(ssr_parser *p, ssr_ast *node)
{
    while (node) {
        const ssr_token *at = p->current;
        if (perfopt__ssr_skip(p, TOKEN_DOT))
            node = parse_dot(p, node, at);
        else if (perfopt__ssr_skip(p, TOKEN_LBRACKET))
            node = parse_subscript(p, node, at);
        else if (at->type == TOKEN_LPAREN)
            node = parse_call(p, node);
        else
            break;
    }
    return node;
}

/* a.b.c as the name of a filter or test. */
static ssr_name *parse_dotted(ssr_parser *p)
{
    char text[128];
    ssr_name *name = perfopt__ssr_take_name(p);
    while (name && perfopt__ssr_skip(p, TOKEN_DOT)) {
        ssr_name *part = perfopt__ssr_take_name(p);
        if (!part)
            return NULL;
        int n = snprintf(text, sizeof(text), "%s.%s", name->text, part->text);
        name = perfopt__ssr_intern(p->c, text, n < 127 ? (size_t)n : 127);
    }
    return name;
}

bool perfopt__ssr_parse_filters(ssr_parser *p, ssr_ast **node, bool inline_start)
{
    while (inline_start || perfopt__ssr_at(p, TOKEN_PIPE)) {
        if (!inline_start)
            perfopt__ssr_advance(p);
        inline_start = false;
        ssr_ast *filter = make(p, AST_FILTER, p->current, *node, NULL);
        if (!filter || !(filter->name = parse_dotted(p)))
            return false;
        if (perfopt__ssr_at(p, TOKEN_LPAREN)) {
            filter->args = parse_arguments(p);
            if (!filter->args || !grow_args(p, filter))
                return false;
        }
        *node = filter;
    }
    return true;
}

static bool starts_argument(const ssr_parser *p)
{
    switch (p->current->type) {
    case TOKEN_NAME:
        return !perfopt__ssr_at_name(p, "else") && !perfopt__ssr_at_name(p, "or") &&
               !perfopt__ssr_at_name(p, "and");
    case TOKEN_STRING:
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
    case TOKEN_LBRACKET:
    case TOKEN_LBRACE:
        return true;
    default:
        return false;
    }
}

/* "is divisibleby 3": one argument needs no parentheses. */
static bool parse_bare_argument(ssr_parser *p, ssr_ast *test)
{
    if (perfopt__ssr_at_name(p, "is"))
        return perfopt__ssr_syntax_error(p->c, p->current->line, p->current->column,
                                         "tests cannot be chained with 'is'");
    test->args = perfopt__ssr_temporary(p->c, sizeof(*test->args));
    ssr_ast *value = test->args ? parse_primary(p) : NULL;
    value = value ? parse_postfix(p, value) : NULL;
    if (!value)
        return false;
    perfopt__ssr_list_add(&test->args->positional, value);
    return true;
}

static ssr_ast *parse_test(ssr_parser *p, ssr_ast *node)
{
    const ssr_token *at = p->current;
    perfopt__ssr_advance(p); /* is */
    bool negated = perfopt__ssr_skip_name(p, "not");
    ssr_ast *test = make(p, AST_TEST, p->current, node, NULL);
    if (!test || !(test->name = parse_dotted(p)))
        return NULL;
    if (perfopt__ssr_at(p, TOKEN_LPAREN)) {
        if (!(test->args = parse_arguments(p)))
            return NULL;
    } else if (starts_argument(p) && !parse_bare_argument(p, test)) {
        return NULL;
    }
    if (!grow_args(p, test))
        return NULL;
    return negated ? make(p, AST_NOT, at, test, NULL) : test;
}

static ssr_ast *parse_filters_and_tests(ssr_parser *p, ssr_ast *node)
{
    while (node) {
        if (perfopt__ssr_at(p, TOKEN_PIPE)) {
            if (!perfopt__ssr_parse_filters(p, &node, false))
                return NULL;
        } else if (perfopt__ssr_at_name(p, "is")) {
            node = parse_test(p, node);
        } else if (perfopt__ssr_at(p, TOKEN_LPAREN)) {
            node = parse_call(p, node);
        } else {
            break;
        }
    }
    return node;
}

/* ---- operators ------------------------------------------------------------------------------ */

static ssr_ast *parse_unary_inner(ssr_parser *p, bool with_filters)
{
    const ssr_token *at = p->current;
    ssr_ast *node;
    if (perfopt__ssr_skip(p, TOKEN_SUB) || perfopt__ssr_skip(p, TOKEN_ADD)) {
        node = parse_unary(p, false);
        if (node)
            node = make(p, at->type == TOKEN_SUB ? AST_NEG : AST_POS, at, node, NULL);
    } else {
        node = parse_primary(p);
    }
    node = node ? parse_postfix(p, node) : NULL;
    return node && with_filters ? parse_filters_and_tests(p, node) : node;
}

static ssr_ast *parse_unary(ssr_parser *p, bool with_filters)
{
    ssr_ast *node = perfopt__ssr_enter(p) ? parse_unary_inner(p, with_filters) : NULL;
    perfopt__ssr_leave(p);
    return node;
}

/* The binary levels below comparison; CONCAT collects its operands in one node. */
enum { LEVEL_ADD, LEVEL_CONCAT, LEVEL_MULTIPLY, LEVEL_POWER, LEVEL_UNARY };

static bool is_operator(unsigned level, uint8_t type)
{
    switch (level) {
    case LEVEL_ADD:
        return type == TOKEN_ADD || type == TOKEN_SUB;
    case LEVEL_CONCAT:
        return type == TOKEN_TILDE;
    case LEVEL_MULTIPLY:
        return type == TOKEN_MUL || type == TOKEN_DIV || type == TOKEN_FLOORDIV ||
               type == TOKEN_MOD;
    default:
        return type == TOKEN_POW;
    }
}

static ssr_ast *parse_binary(ssr_parser *p, unsigned level)
{
    if (level == LEVEL_UNARY)
        return parse_unary(p, true);
    ssr_ast *left = parse_binary(p, level + 1);
    ssr_ast *concat = NULL;
    while (left && is_operator(level, p->current->type)) {
        const ssr_token *at = p->current;
        perfopt__ssr_advance(p);
        ssr_ast *right = parse_binary(p, level + 1);
        if (!right)
            return NULL;
        if (level != LEVEL_CONCAT) {
            left = make(p, AST_BINARY, at, left, right);
            if (left)
                left->op = at->type;
            continue;
        }
        if (!concat) {
            concat = perfopt__ssr_node(p, AST_CONCAT, at);
            if (!concat || !add_item(p, concat, left))
                return NULL;
            left = concat;
        }
        if (!add_item(p, concat, right))
            return NULL;
    }
    return left;
}

static uint8_t comparison_at(ssr_parser *p)
{
    uint8_t type = p->current->type;
    if (type == TOKEN_EQ || type == TOKEN_NE || (type >= TOKEN_GT && type <= TOKEN_LTEQ)) {
        perfopt__ssr_advance(p);
        return type;
    }
    if (perfopt__ssr_skip_name(p, "in"))
        return SSR_OP_IN;
    if (perfopt__ssr_at_name(p, "not") && perfopt__ssr_token_is(p->current + 1, "in")) {
        p->current += 2;
        return SSR_OP_NOT_IN;
    }
    return 0;
}

static ssr_ast *parse_comparison(ssr_parser *p)
{
    const ssr_token *at = p->current;
    ssr_ast *left = parse_binary(p, LEVEL_ADD);
    ssr_ast *node = NULL;
    uint8_t op;
    while (left && (op = comparison_at(p)) != 0) {
        if (!node && !(node = make(p, AST_COMPARE, at, left, NULL)))
            return NULL;
        ssr_ast *operand = parse_binary(p, LEVEL_ADD);
        /* The operand may already carry its own op: wrap it. */
        ssr_ast *link = operand ? make(p, AST_COMPARE, at, operand, NULL) : NULL;
        if (!link)
            return NULL;
        link->op = op;
        if (!add_item(p, node, link))
            return NULL;
    }
    return left && node ? node : left;
}

static ssr_ast *parse_not(ssr_parser *p)
{
    const ssr_token *at = p->current;
    if (!perfopt__ssr_at_name(p, "not"))
        return parse_comparison(p);
    perfopt__ssr_advance(p);
    ssr_ast *node = perfopt__ssr_enter(p) ? parse_not(p) : NULL;
    perfopt__ssr_leave(p);
    return node ? make(p, AST_NOT, at, node, NULL) : NULL;
}

static ssr_ast *parse_and(ssr_parser *p)
{
    const ssr_token *at = p->current;
    ssr_ast *left = parse_not(p);
    while (left && perfopt__ssr_skip_name(p, "and")) {
        ssr_ast *right = parse_not(p);
        left = right ? make(p, AST_AND, at, left, right) : NULL;
    }
    return left;
}

static ssr_ast *parse_or(ssr_parser *p)
{
    const ssr_token *at = p->current;
    ssr_ast *left = parse_and(p);
    while (left && perfopt__ssr_skip_name(p, "or")) {
        ssr_ast *right = parse_and(p);
        left = right ? make(p, AST_OR, at, left, right) : NULL;
    }
    return left;
}

static ssr_ast *parse_condition(ssr_parser *p)
{
    const ssr_token *at = p->current;
    ssr_ast *value = parse_or(p);
    while (value && perfopt__ssr_skip_name(p, "if")) {
        ssr_ast *test = parse_or(p);
        ssr_ast *node = test ? make(p, AST_COND, at, value, test) : NULL;
        if (!node)
            return NULL;
        if (perfopt__ssr_skip_name(p, "else")) {
            node->c = perfopt__ssr_parse_expression(p, true);
            if (!node->c || !grow(p, node, node->c))
                return NULL;
        }
        value = node;
    }
    return value;
}

ssr_ast *perfopt__ssr_parse_expression(ssr_parser *p, bool with_condition)
{
    ssr_ast *node = NULL;
    if (perfopt__ssr_enter(p))
        node = with_condition ? parse_condition(p) : parse_or(p);
    perfopt__ssr_leave(p);
    return node;
}

/* ---- tuples and targets --------------------------------------------------------------------- */

static bool at_tuple_end(const ssr_parser *p)
{
    return perfopt__ssr_at(p, TOKEN_VARIABLE_END) || perfopt__ssr_at(p, TOKEN_BLOCK_END) ||
           perfopt__ssr_at(p, TOKEN_RPAREN);
}

typedef enum tuple_item { ITEM_EXPRESSION, ITEM_NO_CONDITION, ITEM_PRIMARY } tuple_item;

static ssr_ast *parse_item(ssr_parser *p, tuple_item item)
{
    if (item != ITEM_PRIMARY)
        return perfopt__ssr_parse_expression(p, item == ITEM_EXPRESSION);
    ssr_ast *node = perfopt__ssr_enter(p) ? parse_primary(p) : NULL;
    perfopt__ssr_leave(p);
    return node;
}

static ssr_ast *parse_tuple_of(ssr_parser *p, tuple_item item)
{
    const ssr_token *at = p->current;
    if (at_tuple_end(p)) {
        perfopt__ssr_unexpected(p, "an expression");
        return NULL;
    }
    ssr_ast *first = parse_item(p, item);
    if (!first || !perfopt__ssr_at(p, TOKEN_COMMA))
        return first;
    ssr_ast *tuple = perfopt__ssr_node(p, AST_TUPLE, at);
    if (!tuple || !add_item(p, tuple, first))
        return NULL;
    while (perfopt__ssr_skip(p, TOKEN_COMMA) && !at_tuple_end(p)) {
        ssr_ast *next = parse_item(p, item);
        if (!next || !add_item(p, tuple, next))
            return NULL;
    }
    return tuple;
}

ssr_ast *perfopt__ssr_parse_tuple(ssr_parser *p, bool with_condition)
{
    return parse_tuple_of(p, with_condition ? ITEM_EXPRESSION : ITEM_NO_CONDITION);
}

static bool check_target(ssr_parser *p, const ssr_ast *target)
{
    if (target->kind == AST_NAME || target->kind == AST_NSREF)
        return true;
    if (target->kind != AST_TUPLE)
        return perfopt__ssr_syntax_error(p->c, target->line, target->column,
                                         "only names can be assigned to");
    for (const ssr_ast *item = target->list.first; item; item = item->next) {
        if (!check_target(p, item))
            return false;
    }
    return true;
}

ssr_ast *perfopt__ssr_parse_target(ssr_parser *p, bool with_namespace)
{
    if (with_namespace && p->current->type == TOKEN_NAME && p->current[1].type == TOKEN_DOT) {
        ssr_ast *node = perfopt__ssr_node(p, AST_NSREF, p->current);
        if (!node || !(node->name = perfopt__ssr_take_name(p)))
            return NULL;
        perfopt__ssr_advance(p); /* . */
        node->alias = perfopt__ssr_take_name(p);
        return node->alias ? node : NULL;
    }
    ssr_ast *target = parse_tuple_of(p, ITEM_PRIMARY);
    return target && check_target(p, target) ? target : NULL;
}
