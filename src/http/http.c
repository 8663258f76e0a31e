/*
 * http.c - the site: the parts that requests use, the routes' numbers and the count of requests
 * that run.
 */
#include "http/http_internal.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "http/monitor_hooks.h"

static void fill_defaults(perfopt_http_options *options)
{
    if (options->max_body_bytes == 0)
        options->max_body_bytes = 1024 * 1024;
    if (options->gzip_min_bytes == 0)
        options->gzip_min_bytes = 512;
    if (options->gzip_level == 0)
        options->gzip_level = 6;
}

perfopt_status perfopt_http_create(const perfopt_http_options *options, perfopt_http **out,
                                   perfopt_error *err)
{
    perfopt_http_options own;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_HTTP_OPTIONS", err);
    if (status != PERFOPT_OK)
        return status;
    fill_defaults(&own);
    if (own.gzip_level > 9)
        return perfopt__error_set(err, PERFOPT_EINVAL, "gzip_level is not from 1 to 9");
    perfopt_http *http = perfopt__calloc(1, sizeof(*http));
    if (!http)
        return perfopt__error_nomem(err);
    http->options = own;
    if (own.monitor != PERFOPT_OFF) {
        if (perfopt__routes_create(own.max_routes, &http->routes) != PERFOPT_OK) {
            perfopt__free(http);
            return perfopt__error_nomem(err);
        }
        http->route_other = perfopt__routes_intern(http->routes, "*", "(no route)", 0);
    }
    *out = http;
    return PERFOPT_OK;
}

void perfopt_http_destroy(perfopt_http *http)
{
    if (!http)
        return;
    perfopt__routes_destroy(http->routes);
    for (uint32_t i = 0; i < http->excluded_count; i++)
        perfopt__free(http->excluded[i]);
    perfopt__free(http);
}

uint32_t perfopt__http_shard(void)
{
    static _Atomic uint32_t threads;
    static _Thread_local uint32_t own; /* shard + 1 */
    if (own == 0)
        own = atomic_fetch_add(&threads, 1) % PERFOPT__ACTIVE_SHARDS + 1;
    return own - 1;
}

perfopt__routes *perfopt__http_routes(struct perfopt_http *http)
{
    return http->routes;
}

uint32_t perfopt__http_active_requests(struct perfopt_http *http)
{
    /* Another thread may end a request than began it, so single shards may be negative. */
    int64_t sum = 0;
    for (size_t i = 0; i < PERFOPT__ACTIVE_SHARDS; i++)
        sum += atomic_load_explicit(&http->active[i].count, memory_order_relaxed);
    return sum > 0 ? (uint32_t)sum : 0;
}

perfopt_status perfopt__http_exclude(struct perfopt_http *http, const char *prefix)
{
    size_t length = strlen(prefix);
    if (prefix[0] != '/')
        return PERFOPT_EINVAL;
    if (http->excluded_count == PERFOPT__MAX_EXCLUDED)
        return PERFOPT_ELIMIT;
    while (length > 1 && prefix[length - 1] == '/')
        length--;
    char *copy = perfopt__memdup(prefix, length);
    if (!copy)
        return PERFOPT_ENOMEM;
    http->excluded[http->excluded_count++] = copy;
    return PERFOPT_OK;
}

bool perfopt__http_is_excluded(const perfopt_http *http, const char *path)
{
    for (uint32_t i = 0; i < http->excluded_count; i++) {
        size_t length = strlen(http->excluded[i]);
        if (strncmp(path, http->excluded[i], length) != 0)
            continue;
        if (path[length] == '\0' || path[length] == '/' || length == 1)
            return true;
    }
    return false;
}
