/*
 * site.c - a small site with dashboards, asked without a socket.
 */
#include "admin/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

static perfopt_status hello(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)req;
    (void)user;
    return perfopt_response_text(res, 200, "hello");
}

static const perfopt_handler_def hello_def = {.name = "hello", .fn = hello};

static void start_parts(site *s, const site_setup *setup)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_workers_create(2, 0, &s->workers, &err), PERFOPT_OK);
    assert_int_equal(perfopt_cache_create(NULL, &s->cache, &err), PERFOPT_OK);
    assert_int_equal(perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.cache = s->cache), &s->ssr, &err),
                     PERFOPT_OK);
    if (setup->assets)
        assert_int_equal(
            perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = setup->assets), &s->assets, &err),
            PERFOPT_OK);
}

void site_start(site *s, const site_setup *setup)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    *s = (site){0};
    if (!setup->bare)
        start_parts(s, setup);
    assert_int_equal(perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = s->cache, .ssr = s->ssr,
                                                              .assets = s->assets),
                                         &s->http, &err),
                     PERFOPT_OK);
    const perfopt_monitor_sources watched = {
        .cache = s->cache, .ssr = s->ssr, .http = s->http, .assets = s->assets};
    assert_int_equal(perfopt_monitor_create(PERFOPT_MONITOR_OPTIONS(.interval_ms = 3600000),
                                            &watched, &s->monitor, &err),
                     PERFOPT_OK);
    const perfopt_admin_sources sources = {.monitor = s->monitor,
                                           .http = s->http,
                                           .cache = s->cache,
                                           .ssr = s->ssr,
                                           .assets = s->assets,
                                           .workers = s->workers};
    perfopt_status status = perfopt_admin_create(
        PERFOPT_ADMIN_OPTIONS(.password = setup->password,
                              .viewer_password = setup->viewer_password,
                              .metrics_token = setup->metrics_token,
                              .metrics = setup->metrics ? PERFOPT_ON : PERFOPT_DEFAULT,
                              .auth = setup->auth, .port = setup->port),
        &sources, &s->admin, &err);
    assert_int_equal(status, PERFOPT_OK);
    assert_int_equal(perfopt_router_create(s->http, &s->router, &err), PERFOPT_OK);
    assert_int_equal(perfopt_router_add(s->router, "GET", "/hello", &hello_def, NULL, &err),
                     PERFOPT_OK);
    assert_int_equal(perfopt_admin_mount(s->admin, s->router, &err), PERFOPT_OK);
}

void site_stop(site *s)
{
    perfopt_router_destroy(s->router);
    perfopt_admin_destroy(s->admin);
    perfopt_monitor_destroy(s->monitor);
    perfopt_http_destroy(s->http);
    perfopt_assets_destroy(s->assets);
    perfopt_ssr_destroy(s->ssr);
    perfopt_cache_destroy(s->cache);
    perfopt_workers_destroy(s->workers);
    *s = (site){0};
}

static const char *header_of(void *transport, const char *name)
{
    const site_ask *ask = transport;
    for (const site_header *h = ask->headers; h && h->name; h++) {
        if (strcasecmp(h->name, name) == 0)
            return h->value;
    }
    if (strcasecmp(name, "Authorization") == 0)
        return ask->authorization;
    return strcasecmp(name, "Host") == 0 ? SITE_HOST : NULL;
}

reply site_send(site *s, const site_ask *ask)
{
    reply r = {0};
    const perfopt_request_source source = {.struct_size = sizeof(source),
                                           .method = ask->method,
                                           .target = ask->target,
                                           .remote = ask->remote ? ask->remote : "10.0.0.1",
                                           .header = header_of,
                                           .transport = (void *)(uintptr_t)ask};
    assert_int_equal(perfopt_request_create(s->http, &source, &r.req), PERFOPT_OK);
    if (ask->body) {
        size_t length = ask->body_length ? ask->body_length : strlen(ask->body);
        assert_int_equal(perfopt_request_append_body(r.req, ask->body, length), PERFOPT_OK);
    }
    perfopt_response *res = perfopt_request_response(r.req);
    perfopt_router_dispatch(s->router, r.req, res);
    r.status = perfopt_response_get_status(res);
    r.body = perfopt_response_body(res, &r.length);
    return r;
}

reply site_get(site *s, const char *target, const char *authorization)
{
    return site_send(
        s, &(site_ask){.method = "GET", .target = target, .authorization = authorization});
}

reply site_act(site *s, const char *action, const char *json, const char *authorization,
               const char *token)
{
    char target[160];
    snprintf(target, sizeof(target), "/admin/performance/api/v1/actions/%s", action);
    const site_header headers[] = {{"Content-Type", "application/json"},
                                   {"Sec-Fetch-Site", "same-origin"},
                                   {token ? "X-Perfopt-CSRF" : NULL, token},
                                   {NULL, NULL}};
    return site_send(s, &(site_ask){.method = "POST",
                                    .target = target,
                                    .authorization = authorization,
                                    .headers = headers,
                                    .body = json});
}

void reply_finish(reply *r)
{
    perfopt_request_destroy(r->req);
    *r = (reply){0};
}

const char *reply_header(const reply *r, const char *name)
{
    return perfopt_response_get_header(perfopt_request_response(r->req), name);
}

void site_token(site *s, const char *authorization, char out[128])
{
    static const char mark[] = "data-csrf=\"";
    reply r = site_get(s, "/admin/performance", authorization);
    assert_int_equal(r.status, 200);
    const char *at = strstr(r.body, mark);
    assert_non_null(at);
    at += sizeof(mark) - 1;
    snprintf(out, 128, "%.*s", (int)strcspn(at, "\""), at);
    reply_finish(&r);
}
