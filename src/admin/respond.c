/*
 * respond.c - answers that several files give: security headers, messages, errors.
 */
#include "admin/admin_internal.h"

#include "base/log.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

bool perfopt__is_read(const perfopt_request *req)
{
    const char *method = perfopt_request_method(req);
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

perfopt_status perfopt__respond_headers(perfopt_response *res)
{
    /* object-src is covered by default-src and repeated for scanners. */
    static const char *const headers[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
         "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
         "object-src 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
    };
    perfopt_response_no_store(res);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        perfopt_status status = perfopt_response_set_header(res, headers[i][0], headers[i][1]);
        if (status != PERFOPT_OK)
            return status;
    }
    return PERFOPT_OK;
}

perfopt_status perfopt__respond_bytes(perfopt_response *res, const char *media_type,
                                      perfopt_bytes *bytes)
{
    perfopt_response_set_status(res, 200);
    perfopt_response_set_bytes(res, bytes);
    return perfopt_response_set_header(res, "Content-Type", media_type);
}

perfopt_status perfopt__respond_message(perfopt_admin *admin, perfopt_response *res, int status,
                                        const char *title, const char *text, const char *id)
{
    perfopt__build b = {0};
    perfopt_bytes *html = NULL;
    size_t length;
    const char *source = perfopt__template_source("message.html", &length);
    perfopt_status done = perfopt_arena_create(0, &b.arena);
    if (done != PERFOPT_OK)
        return done;
    perfopt_value statics = perfopt__build_map(&b);
    perfopt__put_text(&b, statics, "css", perfopt__static_url(admin, "dashboard.css"));
    const perfopt_context_entry entries[] = {{"static", statics},
                                             {"title", perfopt_string(title)},
                                             {"text", perfopt_string(text)},
                                             {"id", id ? perfopt_string(id) : perfopt_none()},
                                             {"back", perfopt_string(PERFOPT__ADMIN_ROOT)}};
    const perfopt_context context = {.entries = entries,
                                     .count = sizeof(entries) / sizeof(entries[0])};
    done = b.status == PERFOPT_OK ? perfopt_ssr_render_string(admin->ssr, "message.html", source,
                                                              length, &context, &html, NULL)
                                  : b.status;
    if (done == PERFOPT_OK) {
        done = perfopt__respond_bytes(res, "text/html; charset=utf-8", html);
        perfopt_response_set_status(res, status);
        perfopt_bytes_release(html);
    }
    perfopt_arena_destroy(b.arena);
    return done;
}

perfopt_status perfopt__respond_error(perfopt_response *res, int status, const char *code,
                                      const char *message)
{
    perfopt__build b = {0};
    perfopt_status done = perfopt_arena_create(1024, &b.arena);
    if (done != PERFOPT_OK)
        return done;
    perfopt_value map = perfopt__build_map(&b);
    perfopt__put_bool(&b, map, "ok", false);
    perfopt__put_text(&b, map, "error", code);
    perfopt__put_text(&b, map, "message", message);
    done = b.status == PERFOPT_OK ? perfopt_response_json(res, status, map, NULL) : b.status;
    perfopt_arena_destroy(b.arena);
    return done;
}

perfopt_status perfopt__respond_failure(perfopt_admin *admin, perfopt_response *res,
                                        const char *what, const char *reason)
{
    char id[17];
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)perfopt__random_u64());
    perfopt__log(PERFOPT_LOG_ERROR, "admin", "%s: %s: %s", id, what, reason);
    return perfopt__respond_message(admin, res, 500, "Something went wrong",
                                    "The dashboards could not answer. The log has the reason.", id);
}
