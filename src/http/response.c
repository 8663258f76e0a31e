/*
 * response.c - what a handler fills in, and what an adapter sends: the handler's own response, or a
 * stored page with the additions made after it was found.
 */
#include "http/http_internal.h"

#include "base/memory.h"

#include <strings.h>

/* ---- headers ------------------------------------------------------------------------------ */

/* RFC 9110 5.6.2. */
static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           (c != '\0' && strchr("!#$%&'*+.^_`|~", c));
}

static bool is_token(const char *text)
{
    const char *p = text;
    while (is_token_char(*p))
        p++;
    return p > text && *p == '\0';
}

bool perfopt__header_is_valid(const char *name, const char *value)
{
    return is_token(name) && !strpbrk(value, "\r\n");
}

/* Framing is the server's business. */
static bool is_framing(const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
}

void perfopt__response_remove_header(perfopt_response *res, const char *name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < res->headers.count; i++) {
        if (strcasecmp(res->headers.items[i].name, name) != 0)
            res->headers.items[kept++] = res->headers.items[i];
    }
    res->headers.count = kept;
}

static perfopt__pair *find_header(perfopt_response *res, const char *name)
{
    for (uint32_t i = 0; i < res->headers.count; i++) {
        if (strcasecmp(res->headers.items[i].name, name) == 0)
            return &res->headers.items[i];
    }
    return NULL;
}

perfopt_status perfopt_response_set_header(perfopt_response *res, const char *name,
                                           const char *value)
{
    if (!perfopt__header_is_valid(name, value) || is_framing(name))
        return PERFOPT_EINVAL;
    perfopt_arena *arena = res->req->arena;
    char *own_value = perfopt_arena_copy(arena, value, strlen(value));
    if (!own_value)
        return PERFOPT_ENOMEM;
    perfopt__pair *known = strcasecmp(name, "Set-Cookie") == 0 ? NULL : find_header(res, name);
    if (known) {
        known->value = own_value;
        return PERFOPT_OK;
    }
    char *own_name = perfopt_arena_copy(arena, name, strlen(name));
    if (!own_name)
        return PERFOPT_ENOMEM;
    perfopt_status status = perfopt__pairs_add(&res->headers, arena, own_name, own_value);
    return status == PERFOPT_ELIMIT ? PERFOPT_EINVAL : status;
}

const char *perfopt_response_get_header(const perfopt_response *res, const char *name)
{
    const char *own = perfopt__pairs_get_nocase(&res->headers, name);
    if (own || !res->page)
        return own;
    for (uint32_t i = 0; i < res->page->header_count; i++) {
        if (strcasecmp(res->page->headers[i].name, name) == 0)
            return res->page->headers[i].value;
    }
    bool gzip = res->variant == PERFOPT__GZIP || res->variant == PERFOPT__UNCHANGED_GZIP;
    const char *etag = gzip ? res->page->etag_gzip : res->page->etag;
    if (strcasecmp(name, "ETag") == 0)
        return *etag ? etag : NULL;
    if (strcasecmp(name, "Content-Encoding") == 0 && res->variant == PERFOPT__GZIP)
        return "gzip";
    return NULL;
}

perfopt_status perfopt__response_vary(perfopt_response *res, const char *name)
{
    const char *vary = perfopt_response_get_header(res, "Vary");
    if (!vary || !*vary)
        return perfopt_response_set_header(res, "Vary", name);
    if (perfopt__list_has(vary, name) || perfopt__list_has(vary, "*"))
        return PERFOPT_OK;
    const char *both = perfopt_arena_printf(res->req->arena, "%s, %s", vary, name);
    return both ? perfopt_response_set_header(res, "Vary", both) : PERFOPT_ENOMEM;
}

/* ---- status and body ---------------------------------------------------------------------- */

void perfopt_response_set_status(perfopt_response *res, int status)
{
    res->status = status < 100 || status > 999 ? 500 : status;
    res->touched = true;
}

int perfopt_response_get_status(const perfopt_response *res)
{
    if (!res->page)
        return res->status;
    return res->variant >= PERFOPT__UNCHANGED ? 304 : res->page->status;
}

void perfopt_response_set_bytes(perfopt_response *res, perfopt_bytes *bytes)
{
    perfopt_bytes *old = res->bytes;
    res->bytes = bytes ? perfopt_bytes_retain(bytes) : NULL;
    res->touched = true;
    perfopt_bytes_release(old);
}

perfopt_status perfopt_response_set_body(perfopt_response *res, const void *data, size_t length)
{
    perfopt_bytes *bytes;
    if (perfopt_bytes_create(data, length, &bytes) != PERFOPT_OK)
        return PERFOPT_ENOMEM;
    perfopt_response_set_bytes(res, bytes);
    perfopt_bytes_release(bytes);
    return PERFOPT_OK;
}

perfopt_bytes *perfopt_response_bytes(const perfopt_response *res)
{
    return res->page ? NULL : res->bytes;
}

perfopt_status perfopt_response_text(perfopt_response *res, int status, const char *text)
{
    perfopt_response_set_status(res, status);
    perfopt_status done =
        perfopt_response_set_header(res, "Content-Type", "text/plain; charset=utf-8");
    return done == PERFOPT_OK ? perfopt_response_set_body(res, text, strlen(text)) : done;
}

perfopt_status perfopt_response_json(perfopt_response *res, int status, perfopt_value value,
                                     perfopt_error *err)
{
    perfopt_bytes *bytes;
    perfopt_status done = perfopt_value_to_json(value, 0, &bytes, err);
    if (done != PERFOPT_OK)
        return done;
    perfopt_response_set_status(res, status);
    perfopt_response_set_bytes(res, bytes);
    perfopt_bytes_release(bytes);
    return perfopt_response_set_header(res, "Content-Type", "application/json");
}

perfopt_status perfopt_response_redirect(perfopt_response *res, int status, const char *location)
{
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
        return PERFOPT_EINVAL;
    perfopt_status done = perfopt_response_set_header(res, "Location", location);
    if (done != PERFOPT_OK)
        return done;
    perfopt_response_set_status(res, status);
    perfopt_response_set_bytes(res, NULL);
    return PERFOPT_OK;
}

/* ---- the page cache ----------------------------------------------------------------------- */

void perfopt_response_no_store(perfopt_response *res)
{
    res->no_store = true;
}

perfopt_status perfopt_response_add_tags(perfopt_response *res, const char *tags)
{
    const char *all = res->tags ? perfopt_arena_printf(res->req->arena, "%s,%s", res->tags, tags)
                                : perfopt_arena_copy(res->req->arena, tags, strlen(tags));
    if (!all)
        return PERFOPT_ENOMEM;
    res->tags = all;
    return PERFOPT_OK;
}

void perfopt__response_clear(perfopt_response *res)
{
    perfopt_request *req = res->req;
    perfopt__response_finish(res);
    *res = (perfopt_response){.req = req, .status = 200};
}

void perfopt__response_finish(perfopt_response *res)
{
    perfopt_bytes_release(res->bytes);
    perfopt_bytes_release(res->page_bytes);
    res->bytes = NULL;
    res->page_bytes = NULL;
    res->page = NULL;
}

/* ---- for adapters ------------------------------------------------------------------------- */

/* Sends the stored page's headers; false if the visitor wants to stop. */
static bool each_page_header(const perfopt_response *res,
                             bool (*fn)(const char *name, const char *value, void *user),
                             void *user)
{
    const perfopt__page *page = res->page;
    bool unchanged = res->variant >= PERFOPT__UNCHANGED;
    for (uint32_t i = 0; i < page->header_count; i++) {
        const perfopt__pair *header = &page->headers[i];
        if (unchanged && !perfopt__sent_with_304(header->name))
            continue;
        if (!fn(header->name, header->value, user))
            return false;
    }
    const char *etag = perfopt_response_get_header(res, "ETag");
    if (etag && !fn("ETag", etag, user))
        return false;
    return res->variant != PERFOPT__GZIP || fn("Content-Encoding", "gzip", user);
}

void perfopt_response_each_header(const perfopt_response *res,
                                  bool (*fn)(const char *name, const char *value, void *user),
                                  void *user)
{
    if (res->page && !each_page_header(res, fn, user))
        return;
    for (uint32_t i = 0; i < res->headers.count; i++) {
        if (!fn(res->headers.items[i].name, res->headers.items[i].value, user))
            return;
    }
}

const char *perfopt_response_body(const perfopt_response *res, size_t *length)
{
    if (!res->page) {
        *length = res->bytes ? perfopt_bytes_length(res->bytes) : 0;
        return res->bytes ? perfopt_bytes_data(res->bytes) : "";
    }
    if (res->variant >= PERFOPT__UNCHANGED) {
        *length = 0;
        return "";
    }
    bool gzip = res->variant == PERFOPT__GZIP;
    *length = gzip ? res->page->gzip_length : res->page->body_length;
    return gzip ? res->page->gzip : res->page->body;
}

perfopt_bytes *perfopt_response_body_owner(const perfopt_response *res)
{
    return res->page ? res->page_bytes : res->bytes;
}

/* A kept response object has the page's headers only. */
static bool may_be_ready(const perfopt_response *res)
{
    return res->page && res->headers.count == 0;
}

void *perfopt_response_ready(const perfopt_response *res)
{
    if (!may_be_ready(res))
        return NULL;
    perfopt__ready *ready =
        atomic_load_explicit(&res->page->ready[res->variant], memory_order_acquire);
    return ready ? ready->object : NULL;
}

void *perfopt_response_keep_ready(perfopt_response *res, void *ready, perfopt_free_fn free_fn)
{
    perfopt__ready *own = may_be_ready(res) ? perfopt__malloc(sizeof(*own)) : NULL;
    if (!own) {
        free_fn(ready);
        return NULL;
    }
    *own = (perfopt__ready){ready, free_fn};
    perfopt__ready *expected = NULL;
    if (atomic_compare_exchange_strong_explicit(&res->page->ready[res->variant], &expected, own,
                                                memory_order_acq_rel, memory_order_acquire))
        return ready;
    perfopt__free(own);
    free_fn(ready);
    return expected->object;
}
