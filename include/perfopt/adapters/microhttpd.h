/*
 * adapters/microhttpd.h - libmicrohttpd 0.9.73 or later as the server. Header only: include it
 * where the daemon is started, and link libmicrohttpd. Three ways:
 *
 * (a) Handlers behind a perfopt_router, in any threading mode of the daemon:
 *
 *     MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, port, NULL, NULL,
 *                      perfopt_mhd_router_handler, router, PERFOPT_MHD_OPTIONS,
 *                      MHD_OPTION_THREAD_POOL_SIZE, 4u, MHD_OPTION_END);
 *
 * (b) An MHD_AccessHandlerCallback that exists already gets monitored and cached:
 *
 *     #define PERFOPT_MHD_REPLACE 1                      (in the files that queue responses)
 *     #include <perfopt/adapters/microhttpd.h>
 *
 *     perfopt_mhd_wrap(&wrapped, http, "site", handler, cls, wrappers, &err);
 *     MHD_start_daemon(flags, port, NULL, NULL, PERFOPT_MHD_WRAPPED(&wrapped), MHD_OPTION_END);
 *
 * (c) As (a) on an event loop that must never wait: stored pages are answered on the loop, all
 * other requests on a worker pool while their connection is suspended (perfopt_mhd_async).
 *
 * PERFOPT_MHD_OPTIONS and PERFOPT_MHD_WRAPPED() take the daemon's URI log and completion callbacks;
 * do not set MHD_OPTION_URI_LOG_CALLBACK or MHD_OPTION_NOTIFY_COMPLETED yourself.
 *
 * Set MHD_OPTION_CONNECTION_TIMEOUT: in its epoll modes libmicrohttpd may not notice that a client
 * went away in the middle of a request. Repeated request headers: the first line of a name is seen.
 */
#ifndef PERFOPT_ADAPTERS_MICROHTTPD_H
#define PERFOPT_ADAPTERS_MICROHTTPD_H

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <perfopt/http.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A target longer than what perfopt_request_create() accepts is answered with 414. */
#define PERFOPT_MHD_MAX_TARGET 8192
/* What is read and thrown away of a body that is too large before the connection is closed. */
#define PERFOPT_MHD_MAX_DISCARD ((uint64_t)64 * 1024 * 1024)

/*
 * A daemon whose loop never waits: started with MHD_USE_EPOLL_INTERNAL_THREAD (or another internal
 * mode except thread-per-connection) | MHD_ALLOW_SUSPEND_RESUME, perfopt_mhd_router_async with this
 * as its closure, and PERFOPT_MHD_OPTIONS.
 */
typedef struct perfopt_mhd_async {
    perfopt_router *router;
    perfopt_workers *workers;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    unsigned suspended; /* connections that wait for a worker */
    unsigned open;      /* those, and the ones whose answer is being sent */
    int closing;
} perfopt_mhd_async;

/* Body of a response object that was made while a wrapped handler ran. */
typedef struct perfopt_mhd_body {
    struct perfopt_mhd_body *next;
    struct MHD_Response *response;
    const void *data; /* valid until the response is destroyed, unless `copy` is set */
    size_t size;
    perfopt_bytes *copy;
} perfopt_mhd_body;

/* One HTTP request: made when its first line was read, freed when libmicrohttpd is done with it. */
typedef struct perfopt_mhd_state {
    struct MHD_Connection *connection;
    char *target;
    char remote[INET6_ADDRSTRLEN];
    perfopt_request *request; /* NULL until the headers were read */
    int failure;              /* HTTP status to answer with instead of asking a handler; 0 = none */
    uint64_t discarded;       /* bytes of a body that is too large */
    perfopt_mhd_async *async; /* once a worker was asked */
    int answered;             /* a worker has filled the response */
    /* (b) only */
    int wrapped;
    int called;   /* the wrapped handler has seen the request */
    int captured; /* it queued a response, which is in `request` now */
    int queued;   /* it queued a response that could not be captured and was sent as it is */
    int direct;   /* it answers later by itself: all further calls go straight to it */
    enum MHD_Result result;
    void *con_cls;
    const char *url;
    const char *version;
    perfopt_mhd_body *bodies;
} perfopt_mhd_state;

/* ---- requests ----------------------------------------------------------------------------- */

/* MHD_OPTION_URI_LOG_CALLBACK: the only place where the target is seen as the client sent it. */
PERFOPT_UNUSED static void *perfopt_mhd_uri(void *cls, const char *uri,
                                            struct MHD_Connection *connection)
{
    size_t length = strlen(uri);
    perfopt_mhd_state *state = (perfopt_mhd_state *)calloc(1, sizeof(*state) + length + 1);
    (void)cls;
    if (!state)
        return NULL;
    state->connection = connection;
    state->target = (char *)(state + 1);
    memcpy(state->target, uri, length + 1);
    return state;
}

PERFOPT_UNUSED static void perfopt_mhd_free(void **con_cls)
{
    perfopt_mhd_state *state = (perfopt_mhd_state *)*con_cls;
    if (!state)
        return;
    perfopt_request_destroy(state->request);
    if (state->async) {
        pthread_mutex_lock(&state->async->lock);
        state->async->open--;
        pthread_cond_broadcast(&state->async->idle);
        pthread_mutex_unlock(&state->async->lock);
    }
    free(state);
    *con_cls = NULL;
}

/* MHD_OPTION_NOTIFY_COMPLETED: called for every request, also for one that was broken off. */
PERFOPT_UNUSED static void perfopt_mhd_completed(void *cls, struct MHD_Connection *connection,
                                                 void **con_cls,
                                                 enum MHD_RequestTerminationCode toe)
{
    (void)cls;
    (void)connection;
    (void)toe;
    perfopt_mhd_free(con_cls);
}

/* The options that (a) and (c) need, for the end of MHD_start_daemon()'s arguments. */
#define PERFOPT_MHD_OPTIONS                                                                  \
    MHD_OPTION_URI_LOG_CALLBACK, perfopt_mhd_uri, (void *)NULL, MHD_OPTION_NOTIFY_COMPLETED, \
        perfopt_mhd_completed, (void *)NULL

PERFOPT_UNUSED static const char *perfopt_mhd_header(void *transport, const char *name)
{
    perfopt_mhd_state *state = (perfopt_mhd_state *)transport;
    return MHD_lookup_connection_value(state->connection, MHD_HEADER_KIND, name);
}

/* Every request needs this, and inet_ntop() takes longer than the look into the page cache. */
PERFOPT_UNUSED static void perfopt_mhd_format_ipv4(const unsigned char ip[4], char *out)
{
    int i;
    for (i = 0; i < 4; i++) {
        if (ip[i] >= 100)
            *out++ = (char)('0' + ip[i] / 100);
        if (ip[i] >= 10)
            *out++ = (char)('0' + ip[i] / 10 % 10);
        *out++ = (char)('0' + ip[i] % 10);
        *out++ = i < 3 ? '.' : '\0';
    }
}

PERFOPT_UNUSED static void perfopt_mhd_set_remote(perfopt_mhd_state *state)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(state->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    state->remote[0] = '\0';
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)address;
        perfopt_mhd_format_ipv4((const unsigned char *)&ipv4->sin_addr, state->remote);
    } else if (address && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)address;
        if (!inet_ntop(AF_INET6, &ipv6->sin6_addr, state->remote, sizeof(state->remote)))
            state->remote[0] = '\0';
    }
}

/* Creates the request when its headers were read. Returns the HTTP status of a failure or 0. */
PERFOPT_UNUSED static int perfopt_mhd_begin(perfopt_http *http, perfopt_mhd_state *state,
                                            const char *method)
{
    perfopt_request_source source;
    perfopt_status status;
    memset(&source, 0, sizeof(source));
    perfopt_mhd_set_remote(state);
    source.struct_size = sizeof(source);
    source.method = method;
    source.target = state->target;
    source.remote = state->remote;
    source.header = perfopt_mhd_header;
    source.transport = state;
    if (strlen(state->target) > PERFOPT_MHD_MAX_TARGET)
        return MHD_HTTP_URI_TOO_LONG;
    status = perfopt_request_create(http, &source, &state->request);
    if (status == PERFOPT_OK)
        return 0;
    return status == PERFOPT_EINVAL ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_SERVICE_UNAVAILABLE;
}

/* Takes a piece of the body. A body that is too large is read to its end, so that the client sees
 * the answer, but not without end: then the connection is closed. */
PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_take_body(perfopt_mhd_state *state,
                                                            const char *data, size_t *size)
{
    if (!state->failure) {
        perfopt_status status = perfopt_request_append_body(state->request, data, *size);
        if (status != PERFOPT_OK)
            state->failure = status == PERFOPT_ELIMIT ? 413 : MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    if (state->failure)
        state->discarded += *size;
    *size = 0;
    return state->discarded > PERFOPT_MHD_MAX_DISCARD ? MHD_NO : MHD_YES;
}

/* ---- responses ---------------------------------------------------------------------------- */

/* An answer without a handler: the request could not even be created. */
PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_send_failure(struct MHD_Connection *connection,
                                                               int status)
{
    char text[64];
    struct MHD_Response *response;
    enum MHD_Result result;
    int length = snprintf(text, sizeof(text), "%d %s\n", status,
                          status == 413   ? "Content Too Large"
                          : status == 414 ? "URI Too Long"
                          : status == 400 ? "Bad Request"
                          : status == 500 ? "Internal Server Error"
                                          : "Service Unavailable");
    response = MHD_create_response_from_buffer((size_t)length, text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    result = MHD_queue_response(connection, (unsigned int)status, response);
    MHD_destroy_response(response);
    return result;
}

typedef struct perfopt_mhd_adding {
    struct MHD_Response *response;
    int failed;
} perfopt_mhd_adding;

PERFOPT_UNUSED static bool perfopt_mhd_add_header(const char *name, const char *value, void *user)
{
    perfopt_mhd_adding *adding = (perfopt_mhd_adding *)user;
    if (MHD_add_response_header(adding->response, name, value) != MHD_YES)
        adding->failed = 1;
    return !adding->failed;
}

PERFOPT_UNUSED static void perfopt_mhd_destroy_response(void *response)
{
    MHD_destroy_response((struct MHD_Response *)response);
}

/* The body is not copied: it lives as long as the request (or, for a stored page, as the page), and
 * the request is destroyed by the completion callback, after the last byte was sent. */
PERFOPT_UNUSED static struct MHD_Response *perfopt_mhd_make_response(const perfopt_response *res)
{
    perfopt_mhd_adding adding;
    size_t length;
    const char *body = perfopt_response_body(res, &length);
    adding.failed = 0;
    adding.response =
        MHD_create_response_from_buffer(length, (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);
    if (!adding.response)
        return NULL;
    perfopt_response_each_header(res, perfopt_mhd_add_header, &adding);
    if (adding.failed) {
        MHD_destroy_response(adding.response);
        return NULL;
    }
    return adding.response;
}

/* Queues the response of a request that was answered; a stored page keeps the response object, and
 * the next request for it only queues it. */
PERFOPT_UNUSED static enum MHD_Result perfopt_mhd_send(perfopt_mhd_state *state)
{
    perfopt_response *res = perfopt_request_response(state->request);
    unsigned int status = (unsigned int)perfopt_response_get_status(res);
    struct MHD_Response *ready = (struct MHD_Response *)perfopt_response_ready(res);
    enum MHD_Result result;
    if (status < 200) /* no final answer: the client would go on waiting */
        return perfopt_mhd_send_failure(state->connection, MHD_HTTP_INTERNAL_SERVER_ERROR);
    if (ready)
        return MHD_queue_response(state->connection, status, ready);
    ready = perfopt_mhd_make_response(res);
    if (!ready)
        return perfopt_mhd_send_failure(state->connection, MHD_HTTP_SERVICE_UNAVAILABLE);
    result = MHD_queue_response(state->connection, status, ready);
    /* The queue has its own reference; ours goes to the page, or is given back. */
    perfopt_response_keep_ready(res, ready, perfopt_mhd_destroy_response);
    return result;
}

/* ---- (a) a router ------------------------------------------------------------------------- */

/* Steps of a request before it is complete. Returns true if *result is the callback's result. */
PERFOPT_UNUSED static bool perfopt_mhd_receive(perfopt_http *http, perfopt_mhd_state *state,
                                               struct MHD_Connection *connection,
                                               const char *method, const char *data, size_t *size,
                                               enum MHD_Result *result)
{
    if (!state) /* out of memory, or the daemon was started without PERFOPT_MHD_OPTIONS */
        *result = perfopt_mhd_send_failure(connection, MHD_HTTP_SERVICE_UNAVAILABLE);
    else if (!state->request && !state->failure) {
        state->failure = perfopt_mhd_begin(http, state, method);
        *result = state->failure ? perfopt_mhd_send_failure(connection, state->failure) : MHD_YES;
    } else if (*size > 0)
        *result = perfopt_mhd_take_body(state, data, size);
    else if (state->failure)
        *result = perfopt_mhd_send_failure(connection, state->failure);
    else
        return false;
    return true;
}

/**
 * MHD_AccessHandlerCallback over a route table.
 *
 * @param cls The perfopt_router. Start the daemon with PERFOPT_MHD_OPTIONS.
 *
 * Thread-safety: any mode of the daemon.   Blocks: as the handlers do.   Since: 0.1
 */
PERFOPT_UNUSED static enum MHD_Result
perfopt_mhd_router_handler(void *cls, struct MHD_Connection *connection, const char *url,
                           const char *method, const char *version, const char *upload_data,
                           size_t *upload_data_size, void **con_cls)
{
    perfopt_router *router = (perfopt_router *)cls;
    perfopt_mhd_state *state = (perfopt_mhd_state *)*con_cls;
    enum MHD_Result result;
    (void)url;
    (void)version;
    if (perfopt_mhd_receive(perfopt_router_http(router), state, connection, method, upload_data,
                            upload_data_size, &result))
        return result;
    perfopt_router_dispatch(router, state->request, perfopt_request_response(state->request));
    return perfopt_mhd_send(state);
}

/* ---- (c) a router behind an event loop ---------------------------------------------------- */

/** Initialise; end with perfopt_mhd_async_stop().   Since: 0.1 */
PERFOPT_UNUSED static void perfopt_mhd_async_init(perfopt_mhd_async *async, perfopt_router *router,
                                                  perfopt_workers *workers)
{
    memset(async, 0, sizeof(*async));
    async->router = router;
    async->workers = workers;
    pthread_mutex_init(&async->lock, NULL);
    pthread_cond_init(&async->idle, NULL);
}

/**
 * Stop the daemon: requests that wait for a worker are answered first, new ones that would have to
 * wait get 503 (libmicrohttpd must not be stopped while a connection is suspended).
 *
 * @param daemon May be NULL (it was never started).
 *
 * Thread-safety: owner only.   Blocks: until running handlers have ended, and up to two seconds
 * more for clients to take their answers.   Since: 0.1
 */
PERFOPT_UNUSED static void perfopt_mhd_async_stop(perfopt_mhd_async *async,
                                                  struct MHD_Daemon *daemon)
{
    struct timespec until;
    int late = 0;
    pthread_mutex_lock(&async->lock);
    async->closing = 1;
    while (async->suspended > 0)
        pthread_cond_wait(&async->idle, &async->lock);
    timespec_get(&until, TIME_UTC);
    until.tv_sec += 2;
    while (async->open > 0 && !late)
        late = pthread_cond_timedwait(&async->idle, &async->lock, &until);
    pthread_mutex_unlock(&async->lock);
    if (daemon)
        MHD_stop_daemon(daemon);
    pthread_cond_destroy(&async->idle);
    pthread_mutex_destroy(&async->lock);
}

PERFOPT_UNUSED static void perfopt_mhd_async_run(void *user)
{
    perfopt_mhd_state *state = (perfopt_mhd_state *)user;
    perfopt_router_dispatch(state->async->router, state->request,
                            perfopt_request_response(state->request));
    state->answered = 1;
}

/* Runs after the task, and also if it never ran: then the request is refused. */
PERFOPT_UNUSED static void perfopt_mhd_async_resume(void *user)
{
    perfopt_mhd_state *state = (perfopt_mhd_state *)user;
    perfopt_mhd_async *async = state->async;
    if (!state->answered)
        state->failure = MHD_HTTP_SERVICE_UNAVAILABLE;
    MHD_resume_connection(state->connection); /* `state` may be gone from here on */
    pthread_mutex_lock(&async->lock);
    async->suspended--;
    pthread_cond_broadcast(&async->idle);
    pthread_mutex_unlock(&async->lock);
}

/* Counts the connection as suspended, unless the daemon is being stopped. */
PERFOPT_UNUSED static bool perfopt_mhd_async_enter(perfopt_mhd_async *async)
{
    bool entered;
    pthread_mutex_lock(&async->lock);
    entered = !async->closing;
    async->suspended += entered ? 1 : 0;
    async->open += entered ? 1 : 0;
    pthread_mutex_unlock(&async->lock);
    return entered;
}

/**
 * MHD_AccessHandlerCallback over a route table that never waits on the daemon's thread.
 *
 * A full worker queue is answered with 503.
 *
 * @param cls The perfopt_mhd_async. Start the daemon with PERFOPT_MHD_OPTIONS.
 *
 * Thread-safety: the daemon's threads.   Blocks: never.   Since: 0.1
 */
PERFOPT_UNUSED static enum MHD_Result
perfopt_mhd_router_async(void *cls, struct MHD_Connection *connection, const char *url,
                         const char *method, const char *version, const char *upload_data,
                         size_t *upload_data_size, void **con_cls)
{
    perfopt_mhd_async *async = (perfopt_mhd_async *)cls;
    perfopt_mhd_state *state = (perfopt_mhd_state *)*con_cls;
    enum MHD_Result result;
    (void)url;
    (void)version;
    if (perfopt_mhd_receive(perfopt_router_http(async->router), state, connection, method,
                            upload_data, upload_data_size, &result))
        return result;
    if (state->answered || perfopt_router_try_stored(async->router, state->request,
                                                     perfopt_request_response(state->request)))
        return perfopt_mhd_send(state);
    if (!perfopt_mhd_async_enter(async))
        return perfopt_mhd_send_failure(connection, MHD_HTTP_SERVICE_UNAVAILABLE);
    state->async = async;
    MHD_suspend_connection(connection);
    perfopt_workers_submit(async->workers, perfopt_mhd_async_run, state, perfopt_mhd_async_resume);
    return MHD_YES;
}

#ifdef __cplusplus
}
#endif

#include <perfopt/adapters/microhttpd_wrapped.h> /* (b) */

#endif
