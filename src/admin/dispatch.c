/*
 * dispatch.c - lets a request in or not, and hands it to what answers its path.
 */
#include "admin/admin_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define MAX_SCRAPES 2

/* ---- sign-in ------------------------------------------------------------------------------- */

static perfopt_status ask_for_password(perfopt_admin *admin, perfopt_response *res)
{
    perfopt_status status = perfopt_response_set_header(
        res, "WWW-Authenticate", "Basic realm=\"libperfopt\", charset=\"UTF-8\"");
    if (status != PERFOPT_OK)
        return status;
    return perfopt__respond_message(admin, res, 401, "Sign in",
                                    "The dashboards need a user name and a password.", NULL);
}

static perfopt_status ask_to_wait(perfopt_admin *admin, perfopt_response *res, uint32_t seconds)
{
    char text[12];
    snprintf(text, sizeof(text), "%u", seconds);
    perfopt_status status = perfopt_response_set_header(res, "Retry-After", text);
    if (status != PERFOPT_OK)
        return status;
    return perfopt__respond_message(admin, res, 429, "Too many attempts",
                                    "Wait a minute before you try to sign in again.", NULL);
}

/* The host's own login. Its answer depends on the request alone, so nothing is throttled here. */
static perfopt_status admit_by_host(perfopt__visitor *v)
{
    const perfopt__auth *auth = &v->admin->auth;
    perfopt_admin_role role = auth->fn(v->req, auth->fn_user);
    if (role == PERFOPT_ADMIN_VIEWER || role == PERFOPT_ADMIN_OPERATOR) {
        v->who.role = role;
        snprintf(v->who.name, sizeof(v->who.name), "signed in");
        return PERFOPT_OK;
    }
    return perfopt__respond_message(v->admin, v->res, 403, "Not allowed",
                                    "Sign in to the site as somebody who may see this.", NULL);
}

/* Fills v->who, or answers 401 or 429. */
static perfopt_status admit(perfopt__visitor *v)
{
    perfopt_admin *admin = v->admin;
    if (admin->auth.fn)
        return admit_by_host(v);
    const char *header = perfopt_request_header(v->req, "Authorization");
    if (!header)
        return ask_for_password(admin, v->res);
    const char *remote = perfopt_request_remote(v->req);
    uint32_t wait_s = perfopt__throttle_wait_s(&admin->throttle, remote, v->now_ms);
    if (wait_s > 0)
        return ask_to_wait(admin, v->res, wait_s);
    v->who = perfopt__auth_basic(&admin->auth, header);
    if (v->who.role == PERFOPT_ADMIN_NONE) {
        perfopt__throttle_failed(&admin->throttle, remote, v->now_ms);
        perfopt__log(PERFOPT_LOG_WARN, "admin", "sign-in refused: user \"%s\" from %s", v->who.name,
                     *remote ? remote : "unknown");
        return ask_for_password(admin, v->res);
    }
    if (perfopt__throttle_signed_in(&admin->throttle, remote, v->who.name, v->now_ms))
        perfopt__log(PERFOPT_LOG_INFO, "admin", "signed in: user \"%s\" from %s", v->who.name,
                     *remote ? remote : "unknown");
    return PERFOPT_OK;
}

/* ---- paths --------------------------------------------------------------------------------- */

static perfopt_status not_found(perfopt__visitor *v)
{
    return perfopt__respond_message(v->admin, v->res, 404, "Not found",
                                    "The dashboards have no such page.", NULL);
}

static perfopt_status route(perfopt__visitor *v, const char *path)
{
    if (strncmp(path, "/api/v1/", 8) == 0)
        return perfopt__api_answer(v, path + 8);
    for (int d = 0; d < PERFOPT__DASHBOARDS; d++) {
        if (strcmp(path, perfopt__dashboard_path(d) + strlen(PERFOPT__ADMIN_ROOT)) == 0) {
            if (perfopt__is_read(v->req))
                return perfopt__page_show(v, d);
            perfopt_response_set_header(v->res, "Allow", "GET, HEAD");
            return perfopt__respond_message(v->admin, v->res, 405, "Not here",
                                            "This page can only be looked at.", NULL);
        }
    }
    return not_found(v);
}

perfopt_status perfopt__admin_handle(perfopt_request *req, perfopt_response *res, void *user)
{
    perfopt_admin *admin = user;
    const char *path = perfopt_request_path(req);
    if (!perfopt__admin_is_open(admin) ||
        strncmp(path, PERFOPT__ADMIN_ROOT, strlen(PERFOPT__ADMIN_ROOT)) != 0)
        return PERFOPT_ENOTFOUND;
    path += strlen(PERFOPT__ADMIN_ROOT);
    if (strcmp(path, "/") == 0)
        path = "";
    perfopt_status status = perfopt__respond_headers(res);
    if (status != PERFOPT_OK)
        return status;
    if (strncmp(path, "/static/", 8) == 0)
        return perfopt__static_answer(admin, req, res, path + 8);
    perfopt__visitor v = {.admin = admin,
                          .req = req,
                          .res = res,
                          .now_ms = perfopt__now_ms(),
                          .wall_ms = perfopt__wall_ms()};
    status = admit(&v);
    return status == PERFOPT_OK && v.who.role != PERFOPT_ADMIN_NONE ? route(&v, path) : status;
}

/* ---- /metrics ------------------------------------------------------------------------------ */

static perfopt_status scrape(perfopt_admin *admin, perfopt_response *res)
{
    perfopt_bytes *text;
    perfopt_status status = perfopt_monitor_prometheus(admin->sources.monitor, &text);
    if (status != PERFOPT_OK)
        return status;
    status = perfopt__respond_bytes(res, "text/plain; version=0.0.4; charset=utf-8", text);
    perfopt_bytes_release(text);
    return status;
}

perfopt_status perfopt__admin_scrape(perfopt_request *req, perfopt_response *res, void *user)
{
    perfopt_admin *admin = user;
    bool has_token = admin->auth.has_token;
    if (!admin->metrics || (!has_token && !perfopt__admin_is_open(admin)))
        return PERFOPT_ENOTFOUND;
    perfopt_status status = perfopt__respond_headers(res);
    if (status != PERFOPT_OK)
        return status;
    if (!perfopt__is_read(req)) {
        perfopt_response_set_header(res, "Allow", "GET, HEAD");
        return perfopt_response_text(res, 405, "Only GET.\n");
    }
    if (has_token &&
        !perfopt__auth_bearer(&admin->auth, perfopt_request_header(req, "Authorization"))) {
        perfopt_response_set_header(res, "WWW-Authenticate", "Bearer realm=\"libperfopt\"");
        return perfopt_response_text(res, 401, "A token is needed.\n");
    }
    if (!has_token) {
        perfopt__visitor v = {.admin = admin, .req = req, .res = res, .now_ms = perfopt__now_ms()};
        status = admit(&v);
        if (status != PERFOPT_OK || v.who.role == PERFOPT_ADMIN_NONE)
            return status;
    }
    if (atomic_fetch_add(&admin->scrapes, 1) >= MAX_SCRAPES) {
        perfopt_response_set_header(res, "Retry-After", "1");
        status = perfopt_response_text(res, 503, "Two scrapes are running already.\n");
    } else {
        status = scrape(admin, res);
    }
    atomic_fetch_sub(&admin->scrapes, 1);
    return status;
}
