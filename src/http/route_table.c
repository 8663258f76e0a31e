/*
 * route_table.c - the tree of routes: adding and matching. It does not change once requests arrive,
 * so matching takes no lock. Each node is visited at most once per request.
 */
#include "http/http_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <ctype.h>

#define MAX_PARAMS 64

/* ---- templates ---------------------------------------------------------------------------- */

typedef enum part_kind { PART_BAD, PART_LITERAL, PART_PARAM, PART_REST } part_kind;

/* What a segment of a template is; a parameter's name is cut out in place. */
static part_kind classify(char *part, char **name)
{
    size_t length = strlen(part);
    if (part[0] != '{')
        return strpbrk(part, "{}?#%") ? PART_BAD : PART_LITERAL;
    if (length < 3 || part[length - 1] != '}')
        return PART_BAD;
    part[--length] = '\0';
    part_kind kind = PART_PARAM;
    if (length > 4 && strcmp(part + length - 3, "...") == 0) {
        part[length - 3] = '\0';
        kind = PART_REST;
    }
    *name = part + 1;
    for (const char *p = *name; *p; p++) {
        if (!isalnum((unsigned char)*p) && *p != '_')
            return PART_BAD;
    }
    return **name ? kind : PART_BAD;
}

/* ---- adding ------------------------------------------------------------------------------- */

static perfopt__node *literal_child(const perfopt__node *node, const char *literal, size_t length)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        const char *own = node->children[i]->literal;
        if (strncmp(own, literal, length) == 0 && own[length] == '\0')
            return node->children[i];
    }
    return NULL;
}

static perfopt__node *add_child(perfopt__node *node, const char *literal)
{
    perfopt__node *child = literal_child(node, literal, strlen(literal));
    if (child)
        return child;
    perfopt__node **children =
        perfopt__reallocarray(node->children, node->child_count + 1u, sizeof(*children));
    if (!children)
        return NULL;
    node->children = children;
    child = perfopt__calloc(1, sizeof(*child));
    char *copy = perfopt__strdup(literal);
    if (!child || !copy) {
        perfopt__free(child);
        perfopt__free(copy);
        return NULL;
    }
    child->literal = copy;
    children[node->child_count++] = child;
    return child;
}

static perfopt__node *add_only_child(perfopt__node **slot)
{
    if (!*slot)
        *slot = perfopt__calloc(1, sizeof(**slot));
    return *slot;
}

static perfopt_status add_name(perfopt__route *route, const char *name)
{
    for (uint32_t i = 0; i < route->name_count; i++) {
        if (strcmp(route->names[i], name) == 0)
            return PERFOPT_EINVAL;
    }
    if (route->name_count == MAX_PARAMS)
        return PERFOPT_EINVAL;
    const char **names =
        perfopt__reallocarray(route->names, route->name_count + 1u, sizeof(*names));
    if (!names)
        return PERFOPT_ENOMEM;
    route->names = names;
    names[route->name_count++] = name;
    return PERFOPT_OK;
}

/* Walks from `node` over one segment, making the step if it is new. */
static perfopt_status add_part(perfopt__route *route, char *part, bool last, perfopt__node **node)
{
    char *name = NULL;
    part_kind kind = classify(part, &name);
    if (kind == PART_BAD || (kind == PART_REST && !last))
        return PERFOPT_EINVAL;
    perfopt__node *next;
    if (kind == PART_LITERAL)
        next = add_child(*node, part);
    else
        next = add_only_child(kind == PART_PARAM ? &(*node)->param : &(*node)->rest);
    if (!next)
        return PERFOPT_ENOMEM;
    *node = next;
    return name ? add_name(route, name) : PERFOPT_OK;
}

static perfopt_status walk(perfopt_router *router, perfopt__route *route, perfopt__node **out)
{
    if (route->template[0] != '/')
        return PERFOPT_EINVAL;
    perfopt__node *node = &router->root;
    char *rest = route->storage + 1;
    while (rest) {
        char *part = strsep(&rest, "/");
        perfopt_status status = add_part(route, part, rest == NULL, &node);
        if (status != PERFOPT_OK)
            return status;
    }
    *out = node;
    return PERFOPT_OK;
}

static perfopt__route *route_at(const perfopt__node *node, const char *method)
{
    for (uint32_t i = 0; i < node->route_count; i++) {
        if (strcmp(node->routes[i]->method, method) == 0)
            return node->routes[i];
    }
    return NULL;
}

static perfopt_status end_at(perfopt_router *router, perfopt__node *node, perfopt__route *route)
{
    perfopt__route **here =
        perfopt__reallocarray(node->routes, node->route_count + 1u, sizeof(*here));
    if (!here)
        return PERFOPT_ENOMEM;
    node->routes = here;
    perfopt__route **all =
        perfopt__reallocarray(router->routes, router->route_count + 1u, sizeof(*all));
    if (!all)
        return PERFOPT_ENOMEM;
    router->routes = all;
    here[node->route_count++] = route;
    all[router->route_count++] = route;
    return PERFOPT_OK;
}

perfopt_status perfopt__table_add(perfopt_router *router, perfopt__route *route, perfopt_error *err)
{
    perfopt__node *node;
    perfopt_status status = walk(router, route, &node);
    if (status == PERFOPT_EINVAL)
        return perfopt__error_set(err, status,
                                  "route %s: not a path of literals, {name} and a last {name...}",
                                  route->template);
    if (status == PERFOPT_OK && route_at(node, route->method))
        return perfopt__error_set(err, PERFOPT_EINVAL, "route %s %s: there is one already",
                                  route->method, route->template);
    if (status == PERFOPT_OK)
        status = end_at(router, node, route);
    return status == PERFOPT_ENOMEM ? perfopt__error_nomem(err) : status;
}

static void node_finish(perfopt__node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        node_finish(node->children[i]);
        perfopt__free(node->children[i]);
    }
    perfopt__node *const others[] = {node->param, node->rest};
    for (size_t i = 0; i < 2; i++) {
        if (others[i])
            node_finish(others[i]);
        perfopt__free(others[i]);
    }
    perfopt__free(node->literal);
    perfopt__free(node->children);
    perfopt__free(node->routes);
}

void perfopt__table_finish(perfopt_router *router)
{
    node_finish(&router->root);
    perfopt__free(router->routes);
}

/* ---- matching ----------------------------------------------------------------------------- */

typedef struct search {
    const perfopt_request *req;
    const char *method;
    perfopt__match *match;
} search;

static void allow(perfopt__match *match, const char *method)
{
    /* The list is short: a method that several routes of a path have must appear once. */
    if (perfopt__list_has(match->allow.data, method))
        return;
    if (match->allow.length)
        perfopt__strbuf_puts(&match->allow, ", ");
    perfopt__strbuf_puts(&match->allow, method);
}

/* Is there a route for the method? If not, the methods that there are, are noted. */
static bool ends_here(search *s, const perfopt__node *node)
{
    perfopt__route *route = route_at(node, s->method);
    if (!route && strcmp(s->method, "HEAD") == 0)
        route = route_at(node, "GET");
    if (!route)
        route = route_at(node, "*");
    s->match->route = route;
    for (uint32_t i = 0; !route && i < node->route_count; i++) {
        allow(s->match, node->routes[i]->method);
        if (strcmp(node->routes[i]->method, "GET") == 0)
            allow(s->match, "HEAD");
    }
    return route != NULL;
}

/* Every parameter was copied for its closing NUL. */
static bool push(search *s, uint32_t offset, uint32_t length)
{
    perfopt__match *match = s->match;
    if (match->value_count == MAX_PARAMS)
        return false;
    const char *copy = perfopt_arena_copy(s->req->arena, s->req->target.path + offset, length);
    if (!copy) {
        match->allow.failed = true;
        return false;
    }
    match->values[match->value_count++] = copy;
    return true;
}

static bool find(search *s, const perfopt__node *node, uint32_t i)
{
    const perfopt__target *target = &s->req->target;
    if (i == target->segment_count)
        return ends_here(s, node);
    const perfopt__segment *segment = &target->segments[i];
    const perfopt__node *literal =
        literal_child(node, target->path + segment->offset, segment->length);
    if (literal && find(s, literal, i + 1))
        return true;
    uint32_t depth = s->match->value_count;
    if (node->param && segment->length > 0 && push(s, segment->offset, segment->length) &&
        find(s, node->param, i + 1))
        return true;
    s->match->value_count = depth;
    uint32_t rest = (uint32_t)strlen(target->path + segment->offset);
    if (node->rest && push(s, segment->offset, rest) && ends_here(s, node->rest))
        return true;
    s->match->value_count = depth;
    return false;
}

bool perfopt__table_match(const perfopt_router *router, const perfopt_request *req,
                          perfopt__match *match)
{
    search s = {.req = req, .method = req->method, .match = match};
    find(&s, &router->root, 0);
    return !match->allow.failed;
}
