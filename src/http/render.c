/*
 * render.c - rendering a template as the response, and `request` as templates see it:
 * request.method, .path, .route, .args.<name>, .params.<name>.
 */
#include "http/http_internal.h"

#include "assets/media_type.h"
#include "base/error.h"

/* ---- the request as a value --------------------------------------------------------------- */

/* What the index of the object value selects. */
enum { WHOLE = 0, ARGS = 1, PARAMS = 2 };

static const char *const members[] = {"method", "path", "route", "args", "params"};

static bool member(const perfopt_request *req, const char *name, perfopt_value *out)
{
    if (strcmp(name, "method") == 0)
        *out = perfopt_string(req->method);
    else if (strcmp(name, "path") == 0)
        *out = perfopt_string(req->target.path);
    else if (strcmp(name, "route") == 0)
        *out = perfopt_string(req->route);
    else if (strcmp(name, "args") == 0)
        *out = perfopt_object_value(&req->object, ARGS);
    else if (strcmp(name, "params") == 0)
        *out = perfopt_object_value(&req->object, PARAMS);
    else
        return false;
    return true;
}

static const perfopt__pairs *pairs_of(const perfopt_request *req, uint32_t index)
{
    return index == ARGS ? &req->target.args : &req->params;
}

static bool get_attribute(const perfopt_object *self, uint32_t index, const char *name,
                          size_t length, perfopt_value *out)
{
    const perfopt_request *req = (const perfopt_request *)self;
    char key[256];
    if (length >= sizeof(key))
        return false;
    memcpy(key, name, length);
    key[length] = '\0';
    if (strlen(key) != length)
        return false;
    if (index == WHOLE)
        return member(req, key, out);
    const char *value = perfopt__pairs_get(pairs_of(req, index), key);
    if (value)
        *out = perfopt_string(value);
    return value != NULL;
}

/* A name that is there several times is one key, at its first place. */
static bool is_first(const perfopt__pairs *pairs, uint32_t i)
{
    for (uint32_t earlier = 0; earlier < i; earlier++) {
        if (strcmp(pairs->items[earlier].name, pairs->items[i].name) == 0)
            return false;
    }
    return true;
}

static size_t get_count(const perfopt_object *self, uint32_t index)
{
    if (index == WHOLE)
        return sizeof(members) / sizeof(members[0]);
    const perfopt__pairs *pairs = pairs_of((const perfopt_request *)self, index);
    size_t count = 0;
    for (uint32_t i = 0; i < pairs->count; i++)
        count += is_first(pairs, i);
    return count;
}

static bool get_item(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    if (index == WHOLE) {
        if (i < sizeof(members) / sizeof(members[0]))
            *out = perfopt_string(members[i]);
        return i < sizeof(members) / sizeof(members[0]);
    }
    const perfopt__pairs *pairs = pairs_of((const perfopt_request *)self, index);
    for (uint32_t at = 0; at < pairs->count; at++) {
        if (!is_first(pairs, at) || i-- > 0)
            continue;
        *out = perfopt_string(pairs->items[at].name);
        return true;
    }
    return false;
}

const perfopt_object_class perfopt__request_class = {
    .struct_size = sizeof(perfopt_object_class),
    .name = "request",
    .attribute = get_attribute,
    .count = get_count,
    .item = get_item,
    .is_mapping = true,
};

/* ---- rendering ---------------------------------------------------------------------------- */

/* Templates without a telling extension make pages. */
static const char *content_type_of(const char *name)
{
    const char *type = perfopt__media_type(name);
    return strcmp(type, "application/octet-stream") == 0 ? "text/html; charset=utf-8" : type;
}

/* The caller's context with `request` behind its own names, so that a caller may replace it. */
static bool with_request(perfopt_request *req, const perfopt_context *context, perfopt_context *out)
{
    size_t count = context ? context->count : 0;
    perfopt_context_entry *entries =
        perfopt_arena_alloc(req->arena, (count + 1) * sizeof(*entries));
    if (!entries)
        return false;
    if (count)
        memcpy(entries, context->entries, count * sizeof(*entries));
    entries[count] = (perfopt_context_entry){"request", perfopt_object_value(&req->object, WHOLE)};
    *out = (perfopt_context){
        .entries = entries,
        .count = count + 1,
        .values = context ? context->values : perfopt_undefined(),
    };
    return true;
}

static bool names_request(const perfopt_context *context)
{
    for (size_t i = 0; context && i < context->count; i++) {
        if (strcmp(context->entries[i].name, "request") == 0)
            return true;
    }
    return false;
}

static perfopt_status set_output(perfopt_response *res, const char *name, perfopt_bytes *bytes)
{
    perfopt_response_set_bytes(res, bytes);
    perfopt_bytes_release(bytes);
    if (perfopt_response_get_header(res, "Content-Type"))
        return PERFOPT_OK;
    return perfopt_response_set_header(res, "Content-Type", content_type_of(name));
}

perfopt_status perfopt_render_cached(perfopt_request *req, perfopt_response *res, const char *name,
                                     const perfopt_context *context,
                                     const perfopt_render_options *options, perfopt_error *err)
{
    perfopt_error own = PERFOPT_ERROR_INIT;
    perfopt_ssr *ssr = req->http->options.ssr;
    if (!ssr) {
        perfopt_status off =
            perfopt__error_set(&own, PERFOPT_EDISABLED, "the site has no template engine");
        return perfopt__request_failed(req, &own, off, err);
    }
    perfopt_context full;
    if (!names_request(context)) {
        if (!with_request(req, context, &full))
            return perfopt__error_nomem(err);
        context = &full;
    }
    perfopt_bytes *bytes;
    perfopt_status status =
        options ? perfopt_ssr_render_partial(ssr, name, context, options, &bytes, &own)
                : perfopt_ssr_render(ssr, name, context, &bytes, &own);
    if (status != PERFOPT_OK)
        return perfopt__request_failed(req, &own, status, err);
    return set_output(res, name, bytes);
}

perfopt_status perfopt_render(perfopt_request *req, perfopt_response *res, const char *name,
                              const perfopt_context *context, perfopt_error *err)
{
    return perfopt_render_cached(req, res, name, context, NULL, err);
}
