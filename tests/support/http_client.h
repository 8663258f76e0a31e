/*
 * http_client.h - a small HTTP/1.1 client over a raw socket on 127.0.0.1, for tests of servers: it
 * sends exactly the bytes it is given and takes the answer apart. What cannot be done ends the test
 * program with a message.
 *
 *     test_http_reply reply;
 *     test_http_get(port, "/path", "Accept-Encoding: gzip\r\n", &reply);
 *     ... reply.status, test_http_header(&reply, "ETag"), reply.body ...
 *     test_http_reply_finish(&reply);
 */
#ifndef PERFOPT_TESTS_HTTP_CLIENT_H
#define PERFOPT_TESTS_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test_http_reply {
    int status; /* 0 = the server closed the connection without an answer */
    char *head; /* status line and header lines, NUL-terminated */
    char *body; /* NUL-terminated; chunks already put together */
    size_t body_length;
    bool has_length; /* a Content-Length was sent */
    bool closed;     /* the server closed the connection behind it */
    char value[512]; /* of the last test_http_header() */
} test_http_reply;

/* A connection; -1 if it is refused. Reads give up after 10 s. */
int test_http_connect(uint16_t port);
void test_http_close(int connection);
/* Sends all bytes; false if the server has closed the connection. */
bool test_http_send(int connection, const void *bytes, size_t length);
/* Reads one reply. `head` tells that the request was a HEAD: no body follows. */
void test_http_read(int connection, bool head, test_http_reply *reply);
/* Sends one request on an open connection and reads the reply. headers: lines that end in \r\n;
 * NULL = none. body NULL = none. */
void test_http_exchange(int connection, const char *method, const char *target, const char *headers,
                        const char *body, test_http_reply *reply);
/* The same on a connection of its own. */
void test_http_request(uint16_t port, const char *method, const char *target, const char *headers,
                       const char *body, test_http_reply *reply);
void test_http_get(uint16_t port, const char *target, const char *headers, test_http_reply *reply);
/* Value of a header by name in any case, the first of several; NULL if absent. Valid until the next
 * call. */
const char *test_http_header(test_http_reply *reply, const char *name);
void test_http_reply_finish(test_http_reply *reply);

#endif
