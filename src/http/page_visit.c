/*
 * page_visit.c - the page cache for a server's own handlers: begin looks a page up, end stores what
 * was answered. Unlike a wrapped handler such a one cannot be held back while another request
 * computes the same page.
 */
#include "http/http_internal.h"

#include "http/page_store.h"

struct perfopt__page_visit {
    bool open; /* between begin and end */
    perfopt__visit visit;
    perfopt_handler *handler;
    const char *key; /* NULL = nothing is stored */
    uint64_t moment;
};

static bool find_page(struct perfopt__page_visit *page, perfopt_request *req)
{
    perfopt_cache *cache = page->handler->http->options.cache;
    page->key = perfopt_handler_key(page->handler, req);
    if (!page->key)
        return false;
    page->moment = perfopt__page_store_moment(cache);
    perfopt_bytes *bytes = NULL;
    bool found = perfopt_cache_get(cache, page->key, strlen(page->key), &bytes) == PERFOPT_OK &&
                 perfopt__page_apply(req, &req->response, bytes);
    perfopt_bytes_release(bytes);
    return found;
}

bool perfopt_page_begin(perfopt_handler *handler, const char *route, perfopt_request *req)
{
    /* A request that is begun again and again, once for each piece of its body, has one visit. */
    struct perfopt__page_visit *page = req->page_visit;
    if (!page)
        page = perfopt_arena_alloc(req->arena, sizeof(*page));
    if (!page)
        return false; /* the request is answered all the same, but neither recorded nor stored */
    page->handler = handler;
    page->open = true;
    if (!req->routed) {
        req->route = route ? route : handler->name;
        req->route_id = perfopt__handler_route(handler, req->method, req->route);
        req->routed = true;
    }
    req->page_visit = page;
    perfopt__visit_begin(&page->visit, req);
    page->visit.from_page_cache = find_page(page, req);
    return page->visit.from_page_cache;
}

/* HEAD shares GET's page, but what was computed for a HEAD may lack the body. */
static void store_page(struct perfopt__page_visit *page, perfopt_request *req)
{
    perfopt_response *res = &req->response;
    perfopt_handler *handler = page->handler;
    if (!page->key || !perfopt__request_is(req, "GET") || !perfopt__page_storable(handler, res))
        return;
    if (perfopt__page_prepare(handler, res) != PERFOPT_OK)
        return;
    const char *tags = perfopt__page_tags(handler, res);
    perfopt_bytes *bytes = NULL;
    if (!tags || perfopt__page_encode(res, &bytes) != PERFOPT_OK)
        return;
    perfopt__page_store_put(handler->http->options.cache, page->key, strlen(page->key), bytes,
                            perfopt__page_ttl_ms(handler), tags, page->moment);
    perfopt__page_apply(req, res, bytes);
    perfopt_bytes_release(bytes);
}

void perfopt_page_end(perfopt_request *req)
{
    struct perfopt__page_visit *page = req->page_visit;
    if (!page || !page->open)
        return;
    page->open = false;
    if (!req->response.touched) {
        perfopt__visit_cancel(&page->visit, req);
        return;
    }
    if (!page->visit.from_page_cache)
        store_page(page, req);
    perfopt__visit_end(&page->visit, page->handler, req, &req->response);
}
