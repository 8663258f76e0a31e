/*
 * actions.c - how an action is asked for and answered: as JSON by the script, or as a plain form
 * that is answered with a redirect back to the page. Both need the operator's role, a request from
 * our own pages, and the page's token. Each action leaves a line in the log.
 */
#include "admin/actions.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_VALUE 1000

/* ---- the request --------------------------------------------------------------------------- */

typedef struct action_request {
    const char *name;
    bool is_json;
    perfopt__order order;
    const char *token;
    const char *back; /* form only: where to go afterwards */
} action_request;

static bool has_type(const perfopt_request *req, const char *type)
{
    const char *header = perfopt_request_header(req, "Content-Type");
    size_t length = strlen(type);
    return header && strncasecmp(header, type, length) == 0 &&
           strchr("; \t", header[length]) != NULL;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* A string with a NUL byte inside is not taken for a shorter one. */
static const char *json_text(perfopt_arena *arena, perfopt_value map, const char *name)
{
    perfopt_value value = perfopt__at(map, name);
    if (value.kind == PERFOPT_STRING && memchr(value.as.string, '\0', value.length))
        return NULL;
    return perfopt__text_of(arena, value);
}

static bool read_json(perfopt__visitor *v, action_request *in)
{
    size_t length;
    const char *body = perfopt_request_body(v->req, &length);
    perfopt_arena *arena = perfopt_request_arena(v->req);
    perfopt_value map;
    if (perfopt_value_from_json(arena, body, length, &map, NULL) != PERFOPT_OK ||
        map.kind != PERFOPT_MAP)
        return false;
    perfopt_value dry_run = perfopt__at(map, "dry_run");
    in->order = (perfopt__order){.by = json_text(arena, map, "by"),
                                 .value = json_text(arena, map, "value"),
                                 .confirm = json_text(arena, map, "confirm"),
                                 .dry_run = dry_run.kind == PERFOPT_BOOL && dry_run.as.boolean};
    in->token = perfopt_request_header(v->req, "X-Perfopt-CSRF");
    return in->order.by && in->order.value && in->order.confirm &&
           (dry_run.kind == PERFOPT_BOOL || dry_run.kind == PERFOPT_UNDEFINED);
}

static void read_form(perfopt__visitor *v, action_request *in)
{
    const char *dry_run = perfopt_request_form(v->req, "dry_run");
    in->order = (perfopt__order){.by = or_empty(perfopt_request_form(v->req, "by")),
                                 .value = or_empty(perfopt_request_form(v->req, "value")),
                                 .confirm = or_empty(perfopt_request_form(v->req, "confirm")),
                                 .dry_run = dry_run && strcmp(dry_run, "true") == 0};
    in->token = perfopt_request_form(v->req, "csrf");
    in->back = or_empty(perfopt_request_form(v->req, "back"));
}

/* ---- refusing ------------------------------------------------------------------------------ */

static perfopt_status refuse(perfopt__visitor *v, const action_request *in, int status,
                             const char *code, const char *text)
{
    if (in->is_json)
        return perfopt__respond_error(v->res, status, code, text);
    return perfopt__respond_message(v->admin, v->res, status, "Not done", text, NULL);
}

/* Reads the body. False if it was refused; *done is what that gave. */
static bool read_request(perfopt__visitor *v, action_request *in, perfopt_status *done)
{
    size_t length;
    perfopt_request_body(v->req, &length);
    in->is_json = has_type(v->req, "application/json");
    if (length > PERFOPT__ADMIN_MAX_BODY)
        *done = refuse(v, in, 413, "too_large", "The request is larger than 4 KiB.");
    else if (!in->is_json && !has_type(v->req, "application/x-www-form-urlencoded"))
        *done = refuse(v, in, 415, "media_type", "Send a form or JSON.");
    else if (in->is_json && !read_json(v, in))
        *done = refuse(v, in, 400, "json", "The request is no JSON object of the right shape.");
    else {
        if (!in->is_json)
            read_form(v, in);
        if (strlen(in->order.value) <= MAX_VALUE)
            return true;
        *done = refuse(v, in, 422, "value", "The value is too long.");
    }
    return false;
}

static bool is_allowed(perfopt__visitor *v, const action_request *in, perfopt_status *done)
{
    perfopt_request *req = v->req;
    if (v->who.role != PERFOPT_ADMIN_OPERATOR) {
        *done = refuse(v, in, 403, "viewer", "Only an operator may do this.");
        return false;
    }
    bool same = perfopt__is_same_origin(perfopt_request_header(req, "Sec-Fetch-Site"),
                                        perfopt_request_header(req, "Origin"),
                                        perfopt_request_header(req, "Host"));
    if (same && perfopt__csrf_check(&v->admin->auth, &v->who, v->wall_ms / 1000, in->token))
        return true;
    perfopt__log(PERFOPT_LOG_WARN, "admin", "%s by \"%s\" from %s refused: %s", in->name,
                 v->who.name, perfopt_request_remote(req),
                 same ? "its token is wrong or old" : "it was not sent by a dashboard");
    *done = refuse(v, in, 403, "csrf",
                   "The request did not come from a current dashboard page. Load the page again.");
    return false;
}

/* ---- answering ----------------------------------------------------------------------------- */

static void audit(const perfopt__visitor *v, const action_request *in,
                  const perfopt__outcome *outcome)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_put_json(&sb, in->order.value, strlen(in->order.value));
    perfopt__log(PERFOPT_LOG_INFO, "admin", "%s%s%s%s %.200s by \"%s\" from %s: %s, affected %lld",
                 in->order.dry_run ? "counting " : "", in->name, *in->order.by ? " by " : "",
                 strlen(in->order.by) < 16 ? in->order.by : "?", sb.data ? sb.data : "",
                 v->who.name, perfopt_request_remote(v->req),
                 outcome->error ? outcome->error : "done", (long long)outcome->affected);
    perfopt__strbuf_finish(&sb);
}

static perfopt_status answer_json(perfopt__visitor *v, const perfopt__outcome *outcome,
                                  int64_t took_ms)
{
    perfopt__build b = {.arena = perfopt_request_arena(v->req)};
    perfopt_value map = perfopt__build_map(&b);
    perfopt__put_bool(&b, map, "ok", !outcome->error);
    if (outcome->error)
        perfopt__put_text(&b, map, "error", outcome->error);
    perfopt__put(&b, map, "affected",
                 outcome->affected >= 0 ? perfopt_int(outcome->affected) : perfopt_none());
    perfopt__put_int(&b, map, "took_ms", took_ms > 0 ? (uint64_t)took_ms : 0);
    perfopt__put_copy(&b, map, "message", outcome->text);
    if (*outcome->confirm)
        perfopt__put_copy(&b, map, "confirm", outcome->confirm);
    if (*outcome->job)
        perfopt__put_copy(&b, map, "job", outcome->job);
    return b.status == PERFOPT_OK ? perfopt_response_json(v->res, outcome->status, map, NULL)
                                  : b.status;
}

/* "assets?window=1h" of our own pages becomes the address of the page; anything else the overview.
 */
static const char *return_path(perfopt_arena *arena, const char *back, const char *result)
{
    size_t name = strcspn(back, "?");
    size_t window =
        strncmp(back + name, "?window=", 8) == 0 ? perfopt__window_find(back + name + 8) : SIZE_MAX;
    int which = PERFOPT__OVERVIEW;
    for (int d = 0; d < PERFOPT__DASHBOARDS; d++) {
        if (strlen(perfopt__dashboard_names[d]) == name &&
            memcmp(perfopt__dashboard_names[d], back, name) == 0)
            which = d;
    }
    return perfopt_arena_printf(arena, "%s?window=%s&result=%s#result",
                                perfopt__dashboard_path(which),
                                perfopt__windows[window == SIZE_MAX ? 0 : window].id, result);
}

static perfopt_status answer_form(perfopt__visitor *v, const action_request *in,
                                  const perfopt__outcome *outcome)
{
    perfopt__result result = {.ok = !outcome->error};
    char id[17];
    snprintf(result.user, sizeof(result.user), "%s", v->who.name);
    snprintf(result.action, sizeof(result.action), "%s", in->name);
    snprintf(result.by, sizeof(result.by), "%s", in->order.by);
    snprintf(result.value, sizeof(result.value), "%s", in->order.value);
    snprintf(result.text, sizeof(result.text), "%s", outcome->text);
    snprintf(result.confirm, sizeof(result.confirm), "%s", outcome->confirm);
    perfopt__results_keep(&v->admin->results, &result, v->now_ms, id);
    const char *path = return_path(perfopt_request_arena(v->req), in->back, id);
    return path ? perfopt_response_redirect(v->res, 303, path) : PERFOPT_ENOMEM;
}

perfopt_status perfopt__action_answer(perfopt__visitor *v, const char *name)
{
    perfopt__action_fn act = perfopt__action_find(name);
    if (!act)
        return perfopt__respond_error(v->res, 404, "action", "There is no such action.");
    if (strcmp(perfopt_request_method(v->req), "POST") != 0) {
        perfopt_response_set_header(v->res, "Allow", "POST");
        return perfopt__respond_error(v->res, 405, "method", "Actions are sent with POST.");
    }
    perfopt_status done;
    action_request in = {.name = name, .back = ""};
    if (!read_request(v, &in, &done) || !is_allowed(v, &in, &done))
        return done;
    perfopt__outcome outcome = {.status = 200, .affected = -1};
    int64_t begun_ms = perfopt__now_ms();
    act(v->admin, &in.order, &outcome);
    if (!in.order.dry_run)
        perfopt__snapshots_expire(&v->admin->snapshots);
    audit(v, &in, &outcome);
    return in.is_json ? answer_json(v, &outcome, perfopt__now_ms() - begun_ms)
                      : answer_form(v, &in, &outcome);
}
