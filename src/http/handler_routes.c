/*
 * handler_routes.c - numbers of routes for handlers that are called without a router. Registering a
 * route takes a lock, so each handler keeps a short list of those it has; the list only grows.
 */
#include "http/http_internal.h"

#include "base/memory.h"

struct perfopt__handler_route {
    struct perfopt__handler_route *next;
    uint32_t id;
    char *method;
    char *template;
};

static struct perfopt__handler_route *find(struct perfopt__handler_route *route, const char *method,
                                           const char *template)
{
    while (route && (strcmp(route->method, method) != 0 || strcmp(route->template, template) != 0))
        route = route->next;
    return route;
}

static void route_free(struct perfopt__handler_route *route)
{
    if (!route)
        return;
    perfopt__free(route->method);
    perfopt__free(route->template);
    perfopt__free(route);
}

static struct perfopt__handler_route *route_new(perfopt_handler *handler, const char *method,
                                                const char *template)
{
    struct perfopt__handler_route *route = perfopt__calloc(1, sizeof(*route));
    if (!route)
        return NULL;
    route->method = perfopt__strdup(method);
    route->template = perfopt__strdup(template);
    if (!route->method || !route->template) {
        route_free(route);
        return NULL;
    }
    route->id = perfopt__routes_intern(handler->http->routes, method, template, handler->slow_ms);
    return route;
}

/* Called with the lock held. */
static uint32_t add(perfopt_handler *handler, const char *method, const char *template)
{
    struct perfopt__handler_route *first = atomic_load(&handler->routes);
    struct perfopt__handler_route *route = find(first, method, template);
    if (route)
        return route->id;
    uint32_t count = 0;
    for (route = first; route; route = route->next)
        count++;
    /* Methods come from clients: the list must not grow with them. */
    route = count < PERFOPT__MAX_PAGE_ROUTES ? route_new(handler, method, template) : NULL;
    if (!route)
        return 0;
    route->next = first;
    atomic_store_explicit(&handler->routes, route, memory_order_release);
    return route->id;
}

/* The methods of RFC 9110 and PATCH; anything else is one. */
static const char *known_method(const char *method)
{
    static const char *const methods[] = {"GET",   "POST",    "PUT",   "DELETE",
                                          "PATCH", "OPTIONS", "TRACE", "CONNECT"};
    if (strcmp(method, "HEAD") == 0)
        return "GET";
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(method, methods[i]) == 0)
            return methods[i];
    }
    return "_OTHER";
}

uint32_t perfopt__handler_route(perfopt_handler *handler, const char *method, const char *template)
{
    if (!handler->http->routes)
        return 0;
    method = known_method(method);
    struct perfopt__handler_route *route =
        find(atomic_load_explicit(&handler->routes, memory_order_acquire), method, template);
    if (route)
        return route->id;
    pthread_mutex_lock(&handler->routes_lock);
    uint32_t id = add(handler, method, template);
    pthread_mutex_unlock(&handler->routes_lock);
    return id;
}

void perfopt__handler_routes_finish(perfopt_handler *handler)
{
    struct perfopt__handler_route *route = atomic_load(&handler->routes);
    while (route) {
        struct perfopt__handler_route *next = route->next;
        route_free(route);
        route = next;
    }
    pthread_mutex_destroy(&handler->routes_lock);
}
