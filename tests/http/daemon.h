/*
 * daemon.h - a libmicrohttpd daemon on 127.0.0.1 for the tests of the adapter.
 */
#ifndef PERFOPT_TESTS_HTTP_DAEMON_H
#define PERFOPT_TESTS_HTTP_DAEMON_H

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>

/* In its epoll modes libmicrohttpd may overlook that a client has gone; then the timeout finds out.
 */
#define TEST_TIMEOUT MHD_OPTION_CONNECTION_TIMEOUT, 2u

/* Binds to a free port of the loopback interface. Use it as MHD_OPTION_SOCK_ADDR's argument. */
static inline struct sockaddr *test_any_port(void)
{
    static struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return (struct sockaddr *)&address;
}

static inline uint16_t test_port_of(struct MHD_Daemon *daemon)
{
    return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

#endif
