/*
 * page_cache.c - answering with stored pages. One request renders a missing page while the others
 * wait for it; a page that turns out not to be storable is remembered for a while, so that the next
 * requests for it run side by side instead of waiting for each other.
 *
 * The store belongs to the origin server, it is no HTTP cache on the way: its pages are as good as
 * computed now, so there is no Age header, and a client's Cache-Control does not matter.
 */
#include "http/http_internal.h"

#include "base/hash.h"
#include "http/page_store.h"

#define UNCACHEABLE_MS 10000

/* ---- pages that cannot be stored ---------------------------------------------------------- */

/* Two threads may write one slot at the same time: then one of the two pages is forgotten, or
 * remembered for the other's time. Both only cost a wait. */
static bool is_uncacheable(const perfopt_handler *handler, uint64_t hash, int64_t now_ms)
{
    const perfopt__uncacheable *slot = &handler->uncacheable[hash % PERFOPT__UNCACHEABLE];
    return atomic_load_explicit(&slot->key_hash, memory_order_relaxed) == hash &&
           atomic_load_explicit(&slot->until_ms, memory_order_relaxed) > now_ms;
}

static void remember_uncacheable(perfopt_handler *handler, uint64_t hash, int64_t until_ms)
{
    perfopt__uncacheable *slot = &handler->uncacheable[hash % PERFOPT__UNCACHEABLE];
    atomic_store_explicit(&slot->key_hash, hash, memory_order_relaxed);
    atomic_store_explicit(&slot->until_ms, until_ms, memory_order_relaxed);
}

/* ---- rendering ---------------------------------------------------------------------------- */

typedef struct page_load {
    perfopt_handler *handler;
    perfopt_request *req;
    perfopt_response *res;
    bool ran;
    bool unstorable; /* the handler succeeded, but its answer is for this request only */
} page_load;

/* HEAD and GET share a page, so the handler is shown a GET. */
static void run_as_get(const page_load *load)
{
    const char *method = load->req->method;
    load->req->method = "GET";
    perfopt__handler_run(load->handler, load->req, load->res);
    load->req->method = method;
}

static perfopt_status load_page(void *user, perfopt_bytes **out, perfopt_store_options *store,
                                perfopt_error *err)
{
    (void)err;
    page_load *load = user;
    load->ran = true;
    run_as_get(load);
    if (!perfopt__page_storable(load->handler, load->res)) {
        load->unstorable = !load->res->failed;
        return PERFOPT_ECANCELED;
    }
    perfopt_status status = perfopt__page_prepare(load->handler, load->res);
    store->tags = status == PERFOPT_OK ? perfopt__page_tags(load->handler, load->res) : NULL;
    if (!store->tags)
        return PERFOPT_ENOMEM;
    return perfopt__page_encode(load->res, out);
}

/* A handler inside another one gives the outer one a plain answer to work with. */
static bool use_page(perfopt_request *req, perfopt_response *res, perfopt_bytes *bytes)
{
    return req->depth > 1 ? perfopt__page_copy(res, bytes) : perfopt__page_apply(req, res, bytes);
}

static bool answer(perfopt_handler *handler, perfopt_request *req, perfopt_response *res,
                   const perfopt__strbuf *key)
{
    perfopt_cache *cache = handler->http->options.cache;
    uint64_t hash = perfopt__hash(key->data, key->length);
    int64_t now_ms = req->started_ns / 1000000; /* one reading of the clock less per request */
    if (is_uncacheable(handler, hash, now_ms)) {
        perfopt__handler_run(handler, req, res);
        if (perfopt__page_storable(handler, res))
            remember_uncacheable(handler, hash, 0);
        return false;
    }
    page_load load = {.handler = handler, .req = req, .res = res};
    perfopt_bytes *bytes = NULL;
    perfopt_status status =
        perfopt_cache_get_or_compute(cache, key->data, key->length,
                                     PERFOPT_STORE_OPTIONS(.ttl_ms = perfopt__page_ttl_ms(handler)),
                                     load_page, &load, &bytes, NULL);
    bool used = status == PERFOPT_OK && use_page(req, res, bytes);
    if (status == PERFOPT_OK && !used && !load.ran)
        perfopt_cache_delete(cache, key->data, key->length); /* damaged, or not ours */
    perfopt_bytes_release(bytes);
    if (load.unstorable)
        remember_uncacheable(handler, hash, now_ms + UNCACHEABLE_MS);
    if (!used && !load.ran) {
        perfopt__response_clear(res);
        perfopt__handler_run(handler, req, res);
    }
    return used && !load.ran;
}

bool perfopt__page_answer(perfopt_handler *handler, perfopt_request *req, perfopt_response *res)
{
    perfopt__strbuf key = PERFOPT__STRBUF_INIT;
    perfopt__page_key(handler, req, &key);
    bool found = false;
    if (key.failed)
        perfopt__handler_run(handler, req, res);
    else
        found = answer(handler, req, res, &key);
    perfopt__strbuf_finish(&key);
    return found;
}

bool perfopt__page_answer_now(perfopt_handler *handler, perfopt_request *req, perfopt_response *res)
{
    if (perfopt__page_bypassed(handler, req))
        return false;
    perfopt__strbuf key = PERFOPT__STRBUF_INIT;
    perfopt__page_key(handler, req, &key);
    perfopt_bytes *bytes = NULL;
    bool found = !key.failed &&
                 perfopt__page_store_peek(handler->http->options.cache, key.data, key.length,
                                          &bytes) == PERFOPT_OK &&
                 perfopt__page_apply(req, res, bytes);
    perfopt_bytes_release(bytes);
    perfopt__strbuf_finish(&key);
    return found;
}

/* ---- from outside ------------------------------------------------------------------------- */

perfopt_status perfopt_handler_invalidate(perfopt_handler *handler, perfopt_error *err)
{
    if (!handler->caches || !handler->http->options.cache)
        return PERFOPT_EDISABLED;
    return perfopt_cache_invalidate_tag(handler->http->options.cache, handler->tag, err);
}
