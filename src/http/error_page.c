/*
 * error_page.c - what a client sees when a handler fails: the status in words and an id, nothing
 * else. The log has the same id and the reason.
 */
#include "http/http_internal.h"

#include "base/log.h"
#include "base/random.h"

#include <stdio.h>

/* RFC 9110 15; what is not listed is named by its class. */
static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } known[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].status == status)
            return known[i].text;
    }
    return status >= 500 ? "Server Error" : "Error";
}

static int http_status_of(perfopt_status status)
{
    switch (status) {
    case PERFOPT_ENOTFOUND:
        return 404;
    case PERFOPT_EFORBIDDEN:
        return 403;
    case PERFOPT_EUNAVAILABLE:
    case PERFOPT_EEXHAUSTED:
    case PERFOPT_ETIMEOUT:
        return 503;
    default:
        return 500;
    }
}

/* Without memory the status alone is sent. */
static void write_page(perfopt_response *res, int http_status, const char *id)
{
    perfopt__response_clear(res);
    perfopt_response_set_status(res, http_status);
    res->failed = true;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_printf(&sb,
                           "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                           "<title>%d %s</title></head><body><h1>%s</h1>",
                           http_status, reason(http_status), reason(http_status));
    if (id)
        perfopt__strbuf_printf(&sb, "<p>Reference: <code>%s</code></p>", id);
    perfopt__strbuf_puts(&sb, "</body></html>\n");
    if (!sb.failed && perfopt_response_set_body(res, sb.data, sb.length) == PERFOPT_OK)
        perfopt_response_set_header(res, "Content-Type", "text/html; charset=utf-8");
    perfopt_response_set_header(res, "Cache-Control", "no-store");
    perfopt__strbuf_finish(&sb);
}

void perfopt__status_page(perfopt_response *res, int http_status)
{
    write_page(res, http_status, NULL);
}

void perfopt__error_page(const perfopt_handler *handler, perfopt_request *req,
                         perfopt_response *res, perfopt_status status)
{
    int http_status = http_status_of(status);
    char id[17];
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)perfopt__random_u64());
    /* "Not found" is an ordinary answer. */
    perfopt_log_level level = http_status == 404   ? PERFOPT_LOG_DEBUG
                              : http_status == 500 ? PERFOPT_LOG_ERROR
                                                   : PERFOPT_LOG_WARN;
    perfopt__log(level, "http", "%s: %s answered %d: %s%s%s", id, handler->name, http_status,
                 perfopt_status_text(status), req->failure ? ": " : "",
                 req->failure ? req->failure : "");
    write_page(res, http_status, id);
    if (http_status == 503)
        perfopt_response_set_header(res, "Retry-After", "1");
}
