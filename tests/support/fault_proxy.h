/*
 * fault_proxy.h - a proxy in a thread between a client and a server, both on unix sockets, that
 * misbehaves on demand.
 */
#ifndef PERFOPT_TESTS_FAULT_PROXY_H
#define PERFOPT_TESTS_FAULT_PROXY_H

#include <stddef.h>
#include <stdint.h>

typedef struct test_proxy test_proxy;

typedef enum test_fault {
    TEST_FAULT_NONE = 0, /* forward everything */
    TEST_FAULT_SWALLOW,  /* requests vanish: the client waits for ever */
    TEST_FAULT_DELAY,    /* replies come `amount` milliseconds late */
    TEST_FAULT_DRIP,     /* replies come one byte each `amount` milliseconds */
    TEST_FAULT_CUT,      /* close after `amount` more bytes of replies */
    TEST_FAULT_GARBAGE,  /* each request is answered with the given bytes instead of forwarded */
    TEST_FAULT_CLOSE     /* close at the next request without an answer */
} test_fault;

/* Listens on a socket of its own and forwards to the server's. Ends the program on failure. */
test_proxy *test_proxy_start(const char *server_socket);
/* Closes everything and joins the thread. */
void test_proxy_destroy(test_proxy *proxy);
const char *test_proxy_socket(const test_proxy *proxy);
/* Applies to all connections from now on. */
void test_proxy_set(test_proxy *proxy, test_fault fault, size_t amount);
/* What TEST_FAULT_GARBAGE answers; at most 4096 bytes, copied. */
void test_proxy_set_garbage(test_proxy *proxy, const void *bytes, size_t length);
/* Connections accepted so far. */
uint32_t test_proxy_connections(const test_proxy *proxy);

#endif
