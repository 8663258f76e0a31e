/*
 * site.h - a small site with dashboards, asked without a socket.
 *
 *     site s;
 *     site_start(&s, &(site_setup){.password = SITE_PASSWORD});
 *     reply r = site_get(&s, "/admin/performance", SITE_ADMIN);
 *     ... r.status, r.body, reply_header(&r, "ETag") ...
 *     reply_finish(&r);
 *     site_stop(&s);
 */
#ifndef PERFOPT_TESTS_ADMIN_SITE_H
#define PERFOPT_TESTS_ADMIN_SITE_H

#include <perfopt/admin.h>
#include <perfopt/frontend.h>

#define SITE_PASSWORD "correct horse battery"
#define SITE_VIEWING  "just looking around"
#define SITE_TOKEN    "token-of-the-scraper"
/* "Basic " and base64 of admin:SITE_PASSWORD, viewer:SITE_VIEWING */
#define SITE_ADMIN  "Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"
#define SITE_VIEWER "Basic dmlld2VyOmp1c3QgbG9va2luZyBhcm91bmQ="
#define SITE_HOST   "127.0.0.1:8080"

typedef struct site_setup {
    const char *password, *viewer_password, *metrics_token;
    bool metrics;
    perfopt_admin_auth_fn auth;
    bool bare;          /* neither cache, templates, assets nor workers */
    const char *assets; /* folder of static files; NULL = none */
    uint32_t port;
} site_setup;

typedef struct site {
    perfopt_cache *cache;
    perfopt_ssr *ssr;
    perfopt_assets *assets;
    perfopt_workers *workers;
    perfopt_http *http;
    perfopt_monitor *monitor;
    perfopt_admin *admin;
    perfopt_router *router;
} site;

void site_start(site *s, const site_setup *setup);
void site_stop(site *s);

typedef struct site_header {
    const char *name, *value;
} site_header;

typedef struct site_ask {
    const char *method, *target;
    const char *remote; /* NULL = 10.0.0.1 */
    const char *authorization;
    const site_header *headers; /* ended by a NULL name; may be NULL */
    const char *body;
    size_t body_length; /* 0 = strlen(body) */
} site_ask;

typedef struct reply {
    perfopt_request *req;
    int status;
    const char *body;
    size_t length;
} reply;

reply site_send(site *s, const site_ask *ask);
reply site_get(site *s, const char *target, const char *authorization);
/* POST of JSON from our own page; `token` may be NULL. */
reply site_act(site *s, const char *action, const char *json, const char *authorization,
               const char *token);
void reply_finish(reply *r);
const char *reply_header(const reply *r, const char *name);
/* The CSRF token of the overview as it is shown to `authorization`. */
void site_token(site *s, const char *authorization, char out[128]);

#endif
