/*
 * fuzz_request.c - what a client controls of a request: target, headers, cookies, body. The first
 * line is the target, the second the value of every header, the rest the body.
 */
#include <perfopt/http.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *any_header(void *transport, const char *name)
{
    (void)name;
    return transport;
}

static perfopt_status answer(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)user;
    const char *words = perfopt_request_arg(req, "q");
    perfopt_request_cookie(req, "session");
    perfopt_request_form(req, "title");
    perfopt_request_arg_int(req, "page", 1);
    return perfopt_response_text(res, 200, words ? words : "none");
}

static perfopt_http *http;
static perfopt_router *router;

static void start(void)
{
    static const perfopt_wrapper wrappers[] = {
        {.kind = PERFOPT_WRAP_CACHE, .as.cache = {.cookies = "session", .vary = "Accept-Language"}},
        {.kind = PERFOPT_WRAP_END}};
    static const perfopt_handler_def def = {"fuzz", answer, wrappers};
    perfopt_cache *cache;
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    if (perfopt_cache_create(NULL, &cache, NULL) != PERFOPT_OK ||
        perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = cache), &http, NULL) != PERFOPT_OK ||
        perfopt_router_create(http, &router, NULL) != PERFOPT_OK ||
        perfopt_router_add(router, "*", "/a/{name}", &def, NULL, NULL) != PERFOPT_OK ||
        perfopt_router_add(router, "*", "/{rest...}", &def, NULL, NULL) != PERFOPT_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!http)
        start();
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *header = strchr(text, '\n');
    char *body = header ? strchr(header + 1, '\n') : NULL;
    if (header)
        *header++ = '\0';
    if (body)
        *body++ = '\0';
    const perfopt_request_source source = {.struct_size = sizeof(source),
                                           .method = body ? "POST" : "GET",
                                           .target = text,
                                           .header = any_header,
                                           .transport = header};
    perfopt_request *req;
    if (perfopt_request_create(http, &source, &req) == PERFOPT_OK) {
        if (body)
            perfopt_request_append_body(req, body, size - (size_t)(body - text));
        perfopt_router_dispatch(router, req, perfopt_request_response(req));
        perfopt_request_destroy(req);
    }
    free(text);
    return 0;
}
