/*
 * page_rules.c - which responses are stored for everybody, and what is done to them before.
 */
#include "http/http_internal.h"

#include "base/log.h"

#include <stdio.h>
#include <strings.h>

/* ---- what may be stored ------------------------------------------------------------------- */

static bool status_is_listed(const perfopt_cache_wrapper *policy, int status)
{
    bool any = false;
    for (size_t i = 0; i < sizeof(policy->statuses) / sizeof(policy->statuses[0]); i++) {
        if (policy->statuses[i] && policy->statuses[i] == status)
            return true;
        any |= policy->statuses[i] != 0;
    }
    return !any && (status == 200 || status == 301 || status == 404);
}

static bool in_key(const char *list, const char *name, size_t name_length)
{
    const char *item;
    size_t length;
    while (perfopt__next_name(&list, &item, &length)) {
        if (length == name_length && strncasecmp(item, name, length) == 0)
            return true;
    }
    return false;
}

/* A handler that says its page depends on a header which is no part of the key must be believed. */
static bool vary_is_covered(const perfopt_cache_wrapper *policy, const char *vary)
{
    const char *name;
    size_t length;
    while (perfopt__next_name(&vary, &name, &length)) {
        bool encoding = length == 15 && strncasecmp(name, "Accept-Encoding", length) == 0;
        /* The wrapper has said which cookies matter, or no request with a cookie comes here. */
        bool cookie = length == 6 && strncasecmp(name, "Cookie", length) == 0;
        if (!encoding && !cookie && !in_key(policy->vary, name, length))
            return false;
    }
    return true;
}

bool perfopt__page_storable(const perfopt_handler *handler, const perfopt_response *res)
{
    const perfopt_cache_wrapper *policy = &handler->policy;
    if (res->failed || res->no_store || res->page || !status_is_listed(policy, res->status))
        return false;
    if (perfopt_response_get_header(res, "Set-Cookie") ||
        perfopt_response_get_header(res, "Content-Encoding") ||
        perfopt_response_get_header(res, "Content-Range"))
        return false;
    const char *control = perfopt_response_get_header(res, "Cache-Control");
    if (perfopt__list_has(control, "no-store") || perfopt__list_has(control, "private"))
        return false;
    return vary_is_covered(policy, perfopt_response_get_header(res, "Vary"));
}

/* ---- what is done to it ------------------------------------------------------------------- */

static bool is_html(const perfopt_response *res)
{
    const char *type = perfopt_response_get_header(res, "Content-Type");
    return type && strncasecmp(type, "text/html", 9) == 0;
}

static perfopt_status minify(const perfopt_handler *handler, perfopt_response *res)
{
    if (!handler->minifies || !res->bytes || !is_html(res))
        return PERFOPT_OK;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_bytes *small;
    perfopt_status status = perfopt_minify(PERFOPT_ASSET_HTML, perfopt_bytes_data(res->bytes),
                                           perfopt_bytes_length(res->bytes), &small, &err);
    if (status == PERFOPT_ENOMEM)
        return status;
    if (status != PERFOPT_OK) {
        perfopt__log(PERFOPT_LOG_WARN, "http", "%s: the page is stored unminified: %s at %s",
                     handler->name, perfopt_status_text(status), err.detail);
        return PERFOPT_OK;
    }
    perfopt_response_set_bytes(res, small);
    perfopt_bytes_release(small);
    return PERFOPT_OK;
}

static perfopt_status set_cache_control(const perfopt_cache_wrapper *policy, perfopt_response *res)
{
    if (perfopt_response_get_header(res, "Cache-Control"))
        return PERFOPT_OK;
    /* A page that depends on a cookie is one person's; a shared cache must not keep it. */
    const char *scope = policy->cookies && *policy->cookies ? "private, " : "";
    char value[64];
    if (policy->browser_max_age_s)
        snprintf(value, sizeof(value), "%smax-age=%u", scope, policy->browser_max_age_s);
    else
        snprintf(value, sizeof(value), "%sno-cache", scope);
    return perfopt_response_set_header(res, "Cache-Control", value);
}

static perfopt_status set_vary(const perfopt_handler *handler, perfopt_response *res)
{
    const perfopt_cache_wrapper *policy = &handler->policy;
    const char *list = policy->vary;
    const char *item;
    size_t length;
    perfopt_status status = PERFOPT_OK;
    while (status == PERFOPT_OK && perfopt__next_name(&list, &item, &length)) {
        const char *name = perfopt_arena_copy(res->req->arena, item, length);
        status = name ? perfopt__response_vary(res, name) : PERFOPT_ENOMEM;
    }
    /* Where a browser keeps the page without asking, it must ask again when cookies change. */
    bool by_cookie = policy->cookies ? *policy->cookies != '\0' : policy->browser_max_age_s > 0;
    if (status == PERFOPT_OK && by_cookie)
        status = perfopt__response_vary(res, "Cookie");
    size_t body = res->bytes ? perfopt_bytes_length(res->bytes) : 0;
    if (status == PERFOPT_OK && body >= handler->http->options.gzip_min_bytes &&
        perfopt__is_text_like(perfopt_response_get_header(res, "Content-Type")))
        status = perfopt__response_vary(res, "Accept-Encoding");
    return status;
}

perfopt_status perfopt__page_prepare(const perfopt_handler *handler, perfopt_response *res)
{
    perfopt_status status = minify(handler, res);
    if (status == PERFOPT_OK)
        status = set_cache_control(&handler->policy, res);
    if (status == PERFOPT_OK)
        status = set_vary(handler, res);
    /* When a page was made says nothing about when it is sent. */
    perfopt__response_remove_header(res, "Date");
    perfopt__response_remove_header(res, "Connection");
    return status;
}

const char *perfopt__page_tags(const perfopt_handler *handler, const perfopt_response *res)
{
    const char *wrapper = handler->policy.tags ? handler->policy.tags : "";
    return perfopt_arena_printf(res->req->arena, "%s,%s,%s", handler->tag, wrapper,
                                res->tags ? res->tags : "");
}

int64_t perfopt__page_ttl_ms(const perfopt_handler *handler)
{
    const perfopt_cache_wrapper *policy = &handler->policy;
    uint32_t timeout_s = policy->timeout_name ? perfopt_timeout_get(policy->timeout_name) : 0;
    if (timeout_s == 0)
        timeout_s = policy->timeout_s ? policy->timeout_s : 300;
    return (int64_t)timeout_s * 1000;
}
