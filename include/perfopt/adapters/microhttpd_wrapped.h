/*
 * adapters/microhttpd_wrapped.h - part (b) of microhttpd.h, which includes it: an
 * MHD_AccessHandlerCallback that exists already gets monitored and cached.
 */
#ifndef PERFOPT_ADAPTERS_MICROHTTPD_WRAPPED_H
#define PERFOPT_ADAPTERS_MICROHTTPD_WRAPPED_H

#include <perfopt/adapters/microhttpd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- wrapping a handler ---------------------------------------------------- */

/*
 * A wrapped MHD_AccessHandlerCallback. In the files that queue its responses, define
 * PERFOPT_MHD_REPLACE before this header is included: MHD_queue_response() and the functions that
 * make a response from a buffer are then replaced by ones that show the page cache what is sent.
 *
 * A response is captured if its object was made from a buffer while the request was being answered.
 * Every other one - from a file descriptor, a callback, an iovec, or made ahead of time - is sent
 * as it is and recorded, but not cached. So is the request of a handler that suspends its
 * connection.
 *
 * GET and HEAD requests reach the handler when they are complete: both of libmicrohttpd's calls
 * then come one after the other, or none if the page is stored.
 */
typedef struct perfopt_mhd_wrapped {
    perfopt_http *http;
    perfopt_handler *page; /* carries the wrappers */
    MHD_AccessHandlerCallback handler;
    void *cls;
    /* The completion callback that the handler had; may be set after perfopt_mhd_wrap(). */
    MHD_RequestCompletedCallback completed;
    void *completed_cls;
} perfopt_mhd_wrapped;

PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_call_wrapped(perfopt_mhd_wrapped *wrapped,
                                                               perfopt_mhd_state *state,
                                                               const char *data, size_t *size)
{
    state->called = 1;
    return wrapped->handler(wrapped->cls, state->connection, state->url,
                            perfopt_request_method(state->request), state->version, data, size,
                            &state->con_cls);
}

/* A perfopt_handler_fn: the handler's two calls for a request without a body. */
PERFOPT_UNUSED static perfopt_status perfopt_mhd_run_wrapped(perfopt_request *req,
                                                             perfopt_response *res, void *user)
{
    perfopt_mhd_wrapped *wrapped = (perfopt_mhd_wrapped *)user;
    perfopt_mhd_state *state = (perfopt_mhd_state *)perfopt_request_transport(req);
    size_t size = 0;
    int first = !state->called;
    state->result = perfopt_mhd_call_wrapped(wrapped, state, NULL, &size);
    if (first && state->result == MHD_YES && !state->captured && !state->queued) {
        size = 0;
        state->result = perfopt_mhd_call_wrapped(wrapped, state, NULL, &size);
    }
    if (!state->captured)
        perfopt_response_no_store(res);
    if (!state->captured && !state->queued) {
        state->direct = 1;
        perfopt_response_set_status(res, state->result == MHD_YES ? 200 : 500);
    }
    return PERFOPT_OK;
}

/* A step of a request with a body: recorded when the handler has answered. */
PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_step_wrapped(perfopt_mhd_wrapped *wrapped,
                                                               perfopt_mhd_state *state,
                                                               const char *data, size_t *size)
{
    enum MHD_Result result;
    perfopt_page_begin(wrapped->page, NULL, state->request);
    result = perfopt_mhd_call_wrapped(wrapped, state, data, size);
    perfopt_page_end(state->request);
    return result;
}

/* Sends what was captured, as soon as libmicrohttpd takes it: not between two pieces of a body. */
PERFOPT_UNUSED static enum MHD_Result
perfopt_mhd_end_step(perfopt_mhd_state *state, bool between_pieces, enum MHD_Result result)
{
    if (state->captured && !between_pieces)
        return perfopt_mhd_send(state);
    return state->captured ? MHD_YES : result;
}

PERFOPT_UNUSED static bool perfopt_mhd_is_read(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* The first call for a request: a GET waits until it is complete. */
PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_first_wrapped(perfopt_mhd_wrapped *wrapped,
                                                                perfopt_mhd_state *state,
                                                                const char *method, size_t *size)
{
    state->wrapped = 1;
    state->failure = perfopt_mhd_begin(wrapped->http, state, method);
    if (state->failure)
        return perfopt_mhd_send_failure(state->connection, state->failure);
    if (perfopt_mhd_is_read(method))
        return MHD_YES;
    return perfopt_mhd_end_step(state, false, perfopt_mhd_step_wrapped(wrapped, state, NULL, size));
}

/* A piece of a body. */
PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_piece_wrapped(perfopt_mhd_wrapped *wrapped,
                                                                perfopt_mhd_state *state,
                                                                const char *data, size_t *size)
{
    size_t none = 0;
    if (state->captured) { /* answered already: the rest is of no interest */
        *size = 0;
        return MHD_YES;
    }
    if (!state->called) { /* a GET with a body: its first call is still due */
        enum MHD_Result result = perfopt_mhd_step_wrapped(wrapped, state, NULL, &none);
        if (result != MHD_YES || state->captured || state->queued) {
            *size = 0;
            return perfopt_mhd_end_step(state, true, result);
        }
    }
    return perfopt_mhd_end_step(state, true, perfopt_mhd_step_wrapped(wrapped, state, data, size));
}

/** MHD_AccessHandlerCallback around a wrapped handler; see PERFOPT_MHD_WRAPPED().   Since: 0.1 */
PERFOPT_UNUSED static enum MHD_Result
perfopt_mhd_wrapped_handler(void *cls, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload_data,
                            size_t *upload_data_size, void **con_cls)
{
    perfopt_mhd_wrapped *wrapped = (perfopt_mhd_wrapped *)cls;
    perfopt_mhd_state *state = (perfopt_mhd_state *)*con_cls;
    if (!state)
        return perfopt_mhd_send_failure(connection, MHD_HTTP_SERVICE_UNAVAILABLE);
    state->url = url;
    state->version = version;
    if (!state->request)
        return perfopt_mhd_first_wrapped(wrapped, state, method, upload_data_size);
    if (state->direct)
        return perfopt_mhd_call_wrapped(wrapped, state, upload_data, upload_data_size);
    if (*upload_data_size > 0)
        return perfopt_mhd_piece_wrapped(wrapped, state, upload_data, upload_data_size);
    if (state->captured)
        return perfopt_mhd_send(state);
    if (!perfopt_mhd_is_read(method))
        return perfopt_mhd_end_step(
            state, false, perfopt_mhd_step_wrapped(wrapped, state, upload_data, upload_data_size));
    perfopt_handler_call(wrapped->page, state->request, perfopt_request_response(state->request));
    return state->queued || state->direct ? state->result : perfopt_mhd_send(state);
}

/** MHD_RequestCompletedCallback of a wrapped handler; see PERFOPT_MHD_WRAPPED().   Since: 0.1 */
PERFOPT_UNUSED static void perfopt_mhd_wrapped_completed(void *cls,
                                                         struct MHD_Connection *connection,
                                                         void **con_cls,
                                                         enum MHD_RequestTerminationCode toe)
{
    perfopt_mhd_wrapped *wrapped = (perfopt_mhd_wrapped *)cls;
    perfopt_mhd_state *state = (perfopt_mhd_state *)*con_cls;
    if (state && state->called && wrapped->completed)
        wrapped->completed(wrapped->completed_cls, connection, &state->con_cls, toe);
    perfopt_mhd_free(con_cls);
}

/**
 * Wrap an existing handler.
 *
 * @param wrapped  Caller's storage, filled by this call; end with perfopt_mhd_unwrap().
 * @param name     As in perfopt_wrap(); also the route's name in the numbers.
 * @param wrappers As in perfopt_wrap().
 * @return As perfopt_wrap().
 *
 * Thread-safety: before the daemon is started.   Since: 0.1
 */
PERFOPT_UNUSED static perfopt_status perfopt_mhd_wrap(perfopt_mhd_wrapped *wrapped,
                                                      perfopt_http *http, const char *name,
                                                      MHD_AccessHandlerCallback handler, void *cls,
                                                      const perfopt_wrapper *wrappers,
                                                      perfopt_error *err)
{
    memset(wrapped, 0, sizeof(*wrapped));
    wrapped->http = http;
    wrapped->handler = handler;
    wrapped->cls = cls;
    return perfopt_wrap(http, name, perfopt_mhd_run_wrapped, wrapped, NULL, wrappers,
                        &wrapped->page, err);
}

/** Release; after the daemon was stopped.   Since: 0.1 */
PERFOPT_UNUSED static void perfopt_mhd_unwrap(perfopt_mhd_wrapped *wrapped)
{
    perfopt_handler_destroy(wrapped->page);
    wrapped->page = NULL;
}

/* In the place of `handler, cls` among MHD_start_daemon()'s arguments. */
#define PERFOPT_MHD_WRAPPED(wrapped)                                                      \
    perfopt_mhd_wrapped_handler, (wrapped), MHD_OPTION_URI_LOG_CALLBACK, perfopt_mhd_uri, \
        (void *)NULL, MHD_OPTION_NOTIFY_COMPLETED, perfopt_mhd_wrapped_completed, (wrapped)

/* ---- what the handler calls ----------------------------------------------------------- */

/* The wrapped request that the calling thread is answering, NULL if there is none. */
PERFOPT_UNUSED static perfopt_mhd_state *perfopt_mhd_current(void)
{
    perfopt_request *req = perfopt_request_current();
    perfopt_mhd_state *state = req ? (perfopt_mhd_state *)perfopt_request_transport(req) : NULL;
    return state && state->wrapped ? state : NULL;
}

PERFOPT_UNUSED static void perfopt_mhd_release_bytes(void *bytes)
{
    perfopt_bytes_release((perfopt_bytes *)bytes);
}

/* Notes what a response object was made from. Without memory it is simply not captured. */
PERFOPT_UNUSED static struct MHD_Response *
perfopt_mhd_note(struct MHD_Response *response, const void *data, size_t size, perfopt_bytes *copy)
{
    perfopt_mhd_state *state = response ? perfopt_mhd_current() : NULL;
    perfopt_mhd_body *body = NULL;
    if (state)
        body = (perfopt_mhd_body *)perfopt_arena_alloc(perfopt_request_arena(state->request),
                                                       sizeof(*body));
    if (body && copy &&
        perfopt_arena_defer(perfopt_request_arena(state->request), perfopt_mhd_release_bytes,
                            perfopt_bytes_retain(copy)) != PERFOPT_OK)
        body = NULL;
    if (body) {
        body->next = state->bodies;
        body->response = response;
        body->data = data;
        body->size = size;
        body->copy = copy;
        state->bodies = body;
    }
    perfopt_bytes_release(copy);
    return response;
}

/** As MHD_create_response_from_buffer(), noting the body for the page cache.   Since: 0.1 */
PERFOPT_UNUSED static struct MHD_Response *
perfopt_mhd_create_response_from_buffer(size_t size, void *buffer, enum MHD_ResponseMemoryMode mode)
{
    perfopt_bytes *copy = NULL;
    /* The caller may reuse the buffer before the response is queued. */
    if (mode == MHD_RESPMEM_MUST_COPY &&
        (!perfopt_mhd_current() || perfopt_bytes_create(buffer, size, &copy) != PERFOPT_OK))
        return MHD_create_response_from_buffer(size, buffer, mode);
    return perfopt_mhd_note(MHD_create_response_from_buffer(size, buffer, mode), buffer, size,
                            copy);
}

/** As MHD_create_response_from_data(), noting the body for the page cache.   Since: 0.1 */
PERFOPT_UNUSED static struct MHD_Response *
perfopt_mhd_create_response_from_data(size_t size, void *data, int must_free, int must_copy)
{
    return perfopt_mhd_create_response_from_buffer(size, data,
                                                   must_copy   ? MHD_RESPMEM_MUST_COPY
                                                   : must_free ? MHD_RESPMEM_MUST_FREE
                                                               : MHD_RESPMEM_PERSISTENT);
}

/** As the function of libmicrohttpd, noting the body for the page cache.   Since: 0.1 */
PERFOPT_UNUSED static struct MHD_Response *
perfopt_mhd_create_response_from_buffer_with_free_callback(size_t size, void *buffer,
                                                           MHD_ContentReaderFreeCallback crfc)
{
    return perfopt_mhd_note(MHD_create_response_from_buffer_with_free_callback(size, buffer, crfc),
                            buffer, size, NULL);
}

/** As the function of libmicrohttpd, noting the body for the page cache.   Since: 0.1 */
PERFOPT_UNUSED static struct MHD_Response *
perfopt_mhd_create_response_from_buffer_with_free_callback_cls(size_t size, void *buffer,
                                                               MHD_ContentReaderFreeCallback crfc,
                                                               void *crfc_cls)
{
    return perfopt_mhd_note(
        MHD_create_response_from_buffer_with_free_callback_cls(size, buffer, crfc, crfc_cls),
        buffer, size, NULL);
}

PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_copy_header(void *cls, enum MHD_ValueKind kind,
                                                              const char *name, const char *value)
{
    perfopt_mhd_adding *adding = (perfopt_mhd_adding *)cls;
    perfopt_request *req = perfopt_request_current();
    if (kind != MHD_HEADER_KIND || strcmp(name, "Connection") == 0)
        return MHD_YES;
    /* Framing headers are refused; libmicrohttpd adds its own. */
    if (perfopt_response_set_header(perfopt_request_response(req), name, value) == PERFOPT_ENOMEM)
        adding->failed = 1;
    return adding->failed ? MHD_NO : MHD_YES;
}

/* Puts the queued response into the request's; false if that is not possible. */
PERFOPT_UNUSED static bool perfopt_mhd_capture(perfopt_mhd_state *state,
                                               struct MHD_Response *response)
{
    perfopt_response *res = perfopt_request_response(state->request);
    perfopt_mhd_adding adding;
    const perfopt_mhd_body *body = state->bodies;
    adding.response = response;
    adding.failed = 0;
    while (body && body->response != response)
        body = body->next;
    if (!body)
        return false;
    MHD_get_response_headers(response, perfopt_mhd_copy_header, &adding);
    if (adding.failed)
        return false;
    if (!body->copy)
        return perfopt_response_set_body(res, body->data, body->size) == PERFOPT_OK;
    perfopt_response_set_bytes(res, body->copy);
    return true;
}

/** As MHD_queue_response(), for a wrapped handler: the response goes through the page cache.
 *  Since: 0.1 */
PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_queue_response(struct MHD_Connection *connection,
                                                                 unsigned int status_code,
                                                                 struct MHD_Response *response)
{
    perfopt_mhd_state *state = perfopt_mhd_current();
    perfopt_response *res;
    if (!state || state->connection != connection)
        return MHD_queue_response(connection, status_code, response);
    if (state->captured || state->queued)
        return MHD_NO; /* as libmicrohttpd answers a second one */
    res = perfopt_request_response(state->request);
    perfopt_response_set_status(res, (int)status_code);
    if (perfopt_mhd_capture(state, response)) {
        state->captured = 1;
        return MHD_YES;
    }
    perfopt_response_no_store(res);
    state->queued = MHD_queue_response(connection, status_code, response) == MHD_YES;
    return state->queued ? MHD_YES : MHD_NO;
}

#ifdef __cplusplus
}
#endif

#ifdef PERFOPT_MHD_REPLACE
#define MHD_queue_response              perfopt_mhd_queue_response
#define MHD_create_response_from_buffer perfopt_mhd_create_response_from_buffer
#define MHD_create_response_from_data   perfopt_mhd_create_response_from_data
#define MHD_create_response_from_buffer_with_free_callback \
    perfopt_mhd_create_response_from_buffer_with_free_callback
#define MHD_create_response_from_buffer_with_free_callback_cls \
    perfopt_mhd_create_response_from_buffer_with_free_callback_cls
#endif

#endif
