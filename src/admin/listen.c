/*
 * listen.c - a libmicrohttpd daemon for the dashboards alone: on loopback unless told otherwise,
 * with limits that keep a slow or greedy client from the others.
 */
#include "admin/admin_internal.h"

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

#include <perfopt/adapters/microhttpd.h>

#define THREADS         2u /* an action that takes long does not stop the pages */
#define MAX_CONNECTIONS 64u
#define MAX_PER_ADDRESS 32u
#define TIMEOUT_S       15u
#define MEMORY_BYTES    ((size_t)32 * 1024)

typedef struct perfopt__listener {
    perfopt_router *router;
    struct MHD_Daemon *daemon;
    uint16_t port;
    char complaint[160]; /* the daemon's first message */
} perfopt__listener;

void perfopt__listener_stop(struct perfopt__listener *listener)
{
    if (!listener)
        return;
    if (listener->daemon)
        MHD_stop_daemon(listener->daemon);
    perfopt_router_destroy(listener->router);
    perfopt__free(listener);
}

static void PERFOPT_PRINTF(2, 0) take_message(void *user, const char *format, va_list args)
{
    perfopt__listener *listener = user;
    char text[sizeof(listener->complaint)];
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\r\n")] = '\0';
    if (!listener->daemon && !listener->complaint[0])
        memcpy(listener->complaint, text, sizeof(text));
    else
        perfopt__log(PERFOPT_LOG_DEBUG, "admin", "daemon: %s", text);
}

typedef union any_address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} any_address;

static any_address address_of(const char *bind, uint16_t port)
{
    any_address address;
    memset(&address, 0, sizeof(address));
    if (inet_pton(AF_INET, bind, &address.four.sin_addr) == 1) {
        address.four.sin_family = AF_INET;
        address.four.sin_port = htons(port);
    } else {
        inet_pton(AF_INET6, bind, &address.six.sin6_addr);
        address.six.sin6_family = AF_INET6;
        address.six.sin6_port = htons(port);
    }
    return address;
}

static perfopt_status start(perfopt__listener *listener, const char *bind, uint16_t port,
                            perfopt_error *err)
{
    any_address address = address_of(bind, port);
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
                     (address.any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, port, NULL, NULL, perfopt_mhd_router_handler, listener->router,
        MHD_OPTION_EXTERNAL_LOGGER, take_message, (void *)listener, PERFOPT_MHD_OPTIONS,
        MHD_OPTION_SOCK_ADDR, &address.any, MHD_OPTION_THREAD_POOL_SIZE, THREADS,
        MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        MAX_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_BYTES, MHD_OPTION_END);
    if (!daemon)
        return perfopt__error_set(err, PERFOPT_EIO, "cannot listen on %s port %u: %s", bind,
                                  (unsigned)port,
                                  *listener->complaint ? listener->complaint : "unknown reason");
    listener->daemon = daemon;
    listener->port = port;
    return PERFOPT_OK;
}

perfopt_status perfopt_admin_listen(perfopt_admin *admin, perfopt_error *err)
{
    if (admin->port == 0)
        return perfopt__error_set(err, PERFOPT_EDISABLED, "the dashboards have no port");
    if (!perfopt__admin_is_open(admin))
        return perfopt__error_set(err, PERFOPT_EDISABLED, "the dashboards have no password");
    if (admin->listener)
        return perfopt__error_set(err, PERFOPT_EBUSY, "the dashboards' daemon is running already");
    perfopt__listener *listener = perfopt__calloc(1, sizeof(*listener));
    if (!listener)
        return perfopt__error_nomem(err);
    perfopt_status status = perfopt_router_create(admin->sources.http, &listener->router, err);
    if (status == PERFOPT_OK)
        status = perfopt_admin_mount(admin, listener->router, err);
    if (status == PERFOPT_OK)
        status = start(listener, admin->bind, admin->port, err);
    if (status != PERFOPT_OK) {
        perfopt__listener_stop(listener);
        return status;
    }
    admin->listener = listener;
    perfopt__log(PERFOPT_LOG_INFO, "admin", "dashboards on %s port %u", admin->bind,
                 (unsigned)admin->port);
    return PERFOPT_OK;
}

uint16_t perfopt_admin_port(const perfopt_admin *admin)
{
    return admin->listener ? admin->listener->port : 0;
}
