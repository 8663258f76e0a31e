/*
 * request.c - one request: created by an adapter, read by handlers. Cookies and form fields are
 * parsed when they are first asked for.
 */
#include "http/http_internal.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"

#include <strings.h>

static _Thread_local perfopt_request *current;

perfopt_request *perfopt__request_enter(perfopt_request *req)
{
    perfopt_request *outer = current;
    current = req;
    return outer;
}

perfopt_request *perfopt_request_current(void)
{
    return current;
}

static const char *no_header(void *transport, const char *name)
{
    (void)transport;
    (void)name;
    return NULL;
}

static perfopt_status read_source(const perfopt_request_source *source, perfopt_request *req)
{
    perfopt_status status = perfopt__options_read(&req->source, sizeof(req->source), source,
                                                  "perfopt_request_source", NULL);
    if (status != PERFOPT_OK || !req->source.method || !req->source.target)
        return PERFOPT_EINVAL;
    if (!perfopt__header_is_valid(req->source.method, ""))
        return PERFOPT_EINVAL;
    if (!req->source.header)
        req->source.header = no_header;
    req->method = req->source.method;
    status = perfopt_arena_create(4096, &req->arena);
    if (status != PERFOPT_OK)
        return status;
    return perfopt__target_parse(req->arena, req->source.target, &req->target);
}

perfopt_status perfopt_request_create(perfopt_http *http, const perfopt_request_source *source,
                                      perfopt_request **out)
{
    perfopt_request *req = perfopt__calloc(1, sizeof(*req));
    if (!req)
        return PERFOPT_ENOMEM;
    req->object.cls = &perfopt__request_class;
    req->http = http;
    req->route = "";
    req->response.req = req;
    req->response.status = 200;
    perfopt_status status = read_source(source, req);
    if (status != PERFOPT_OK) {
        perfopt_arena_destroy(req->arena);
        perfopt__free(req);
        return status;
    }
    req->shard = perfopt__http_shard();
    atomic_fetch_add_explicit(&http->active[req->shard].count, 1, memory_order_relaxed);
    *out = req;
    return PERFOPT_OK;
}

void perfopt_request_destroy(perfopt_request *req)
{
    if (!req)
        return;
    atomic_fetch_sub_explicit(&req->http->active[req->shard].count, 1, memory_order_relaxed);
    perfopt__response_finish(&req->response);
    perfopt__strbuf_finish(&req->body);
    perfopt_arena_destroy(req->arena);
    perfopt__free(req);
}

perfopt_status perfopt_request_append_body(perfopt_request *req, const void *data, size_t length)
{
    if (length > req->http->options.max_body_bytes ||
        req->body.length > req->http->options.max_body_bytes - length)
        return PERFOPT_ELIMIT;
    perfopt__strbuf_append(&req->body, data, length);
    return req->body.failed ? PERFOPT_ENOMEM : PERFOPT_OK;
}

perfopt_response *perfopt_request_response(perfopt_request *req)
{
    return &req->response;
}

struct perfopt *perfopt_request_owner(const perfopt_request *req)
{
    return req->http->options.owner;
}

perfopt_http *perfopt_request_http(const perfopt_request *req)
{
    return req->http;
}

void *perfopt_request_transport(const perfopt_request *req)
{
    return req->source.transport;
}

perfopt_arena *perfopt_request_arena(perfopt_request *req)
{
    return req->arena;
}

const char *perfopt_request_method(const perfopt_request *req)
{
    return req->method;
}

const char *perfopt_request_path(const perfopt_request *req)
{
    return req->target.path;
}

const char *perfopt_request_route(const perfopt_request *req)
{
    return req->route;
}

const char *perfopt_request_remote(const perfopt_request *req)
{
    return req->source.remote ? req->source.remote : "";
}

const char *perfopt_request_param(const perfopt_request *req, const char *name)
{
    return perfopt__pairs_get(&req->params, name);
}

bool perfopt_request_param_int(const perfopt_request *req, const char *name, int64_t *out)
{
    const char *text = perfopt_request_param(req, name);
    return text && perfopt__whole_number(text, out);
}

const char *perfopt_request_arg(const perfopt_request *req, const char *name)
{
    return perfopt__pairs_get(&req->target.args, name);
}

int64_t perfopt_request_arg_int(const perfopt_request *req, const char *name, int64_t fallback)
{
    const char *text = perfopt_request_arg(req, name);
    int64_t number;
    return text && perfopt__whole_number(text, &number) ? number : fallback;
}

const char *perfopt_request_header(const perfopt_request *req, const char *name)
{
    return req->source.header(req->source.transport, name);
}

const char *perfopt_request_body(const perfopt_request *req, size_t *length)
{
    if (length)
        *length = req->body.length;
    return req->body.data ? req->body.data : "";
}

bool perfopt__request_is(const perfopt_request *req, const char *method)
{
    return strcmp(req->method, method) == 0;
}

bool perfopt__request_is_read(const perfopt_request *req)
{
    return perfopt__request_is(req, "GET") || perfopt__request_is(req, "HEAD");
}

/* ---- cookies and forms -------------------------------------------------------------------- */

const perfopt__pairs *perfopt__request_cookies(perfopt_request *req)
{
    if (req->cookies_parsed)
        return &req->cookies;
    const char *header = perfopt_request_header(req, "Cookie");
    char *copy = header ? perfopt_arena_copy(req->arena, header, strlen(header)) : NULL;
    if (copy)
        perfopt__pairs_parse_cookies(&req->cookies, req->arena, copy);
    req->cookies_parsed = true;
    return &req->cookies;
}

const char *perfopt_request_cookie(const perfopt_request *req, const char *name)
{
    /* Parsing on demand does not change what callers see, so the reader is const for them. */
    perfopt_request *own = (perfopt_request *)(uintptr_t)req;
    return perfopt__pairs_get(perfopt__request_cookies(own), name);
}

static bool has_form(const perfopt_request *req)
{
    static const char type[] = "application/x-www-form-urlencoded";
    const char *header = perfopt_request_header(req, "Content-Type");
    size_t length = sizeof(type) - 1;
    return header && strncasecmp(header, type, length) == 0 && strchr("; \t", header[length]);
}

const perfopt__pairs *perfopt__request_form_fields(perfopt_request *req)
{
    if (req->form_parsed)
        return &req->form;
    req->form_parsed = true;
    if (!has_form(req) || (req->body.length && memchr(req->body.data, '\0', req->body.length)))
        return &req->form;
    char *copy = perfopt_arena_copy(req->arena, req->body.data, req->body.length);
    /* Half a form is worse than none. */
    if (!copy || perfopt__pairs_parse_query(&req->form, req->arena, copy) != PERFOPT_OK)
        req->form.count = 0;
    return &req->form;
}

const char *perfopt_request_form(const perfopt_request *req, const char *name)
{
    perfopt_request *own = (perfopt_request *)(uintptr_t)req;
    return perfopt__pairs_get(perfopt__request_form_fields(own), name);
}

perfopt_status perfopt__request_failed(perfopt_request *req, const perfopt_error *own,
                                       perfopt_status status, perfopt_error *err)
{
    if (own->message[0])
        req->failure = perfopt_arena_copy(req->arena, own->message, strlen(own->message));
    if (err)
        *err = *own;
    return status;
}
