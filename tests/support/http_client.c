/*
 * http_client.c - the raw-socket HTTP client of the tests.
 */
#include "support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "http_client: %s: %s\n", what, strerror(errno));
    abort();
}

int test_http_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    struct timeval limit = {.tv_sec = 10};
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void test_http_close(int connection)
{
    close(connection);
}

bool test_http_send(int connection, const void *bytes, size_t length)
{
    const char *p = bytes;
    while (length > 0) {
        ssize_t n = send(connection, p, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        p += n;
        length -= (size_t)n;
    }
    return true;
}

/* ---- reading ------------------------------------------------------------------------------ */

typedef struct buffer {
    char *data;
    size_t length;
    size_t capacity;
} buffer;

/* Adds at most `limit` bytes from the socket; 0 = closed. */
static size_t read_some(int fd, buffer *b, size_t limit)
{
    if (b->length + limit + 1 > b->capacity) {
        b->capacity = (b->length + limit + 1) * 2;
        b->data = realloc(b->data, b->capacity);
        if (!b->data)
            die("realloc");
    }
    ssize_t n;
    do
        n = recv(fd, b->data + b->length, limit, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != ECONNRESET && errno != EPIPE)
        die("no answer within 10 seconds, or");
    b->length += n > 0 ? (size_t)n : 0;
    b->data[b->length] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* Reads up to the end of a line byte by byte, so that nothing of a next reply is taken. */
static bool read_line(int fd, buffer *b)
{
    do {
        if (read_some(fd, b, 1) == 0)
            return false;
    } while (b->data[b->length - 1] != '\n');
    return true;
}

static bool read_head(int fd, buffer *head)
{
    size_t start;
    do {
        start = head->length;
        if (!read_line(fd, head))
            return false;
    } while (head->length - start > 2);
    return true;
}

static bool read_bytes(int fd, buffer *body, size_t length)
{
    while (length > 0) {
        size_t n = read_some(fd, body, length);
        if (n == 0)
            return false;
        length -= n;
    }
    return true;
}

static bool read_chunks(int fd, buffer *body)
{
    for (;;) {
        buffer line = {0};
        bool ok = read_line(fd, &line);
        size_t length = ok ? strtoul(line.data, NULL, 16) : 0;
        free(line.data);
        if (!ok)
            return false;
        ok = read_bytes(fd, body, length);
        buffer end = {0};
        ok = ok && read_line(fd, &end);
        free(end.data);
        if (!ok || length == 0)
            return ok;
    }
}

const char *test_http_header(test_http_reply *reply, const char *name)
{
    size_t length = strlen(name);
    const char *line = reply->head ? strchr(reply->head, '\n') : NULL;
    for (; line; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, length) != 0 || line[length] != ':')
            continue;
        line += length + 1;
        line += strspn(line, " \t");
        size_t end = strcspn(line, "\r\n");
        snprintf(reply->value, sizeof(reply->value), "%.*s", (int)end, line);
        return reply->value;
    }
    return NULL;
}

static void read_body(int fd, test_http_reply *reply, buffer *body)
{
    const char *encoding = test_http_header(reply, "Transfer-Encoding");
    if (encoding && strcasecmp(encoding, "chunked") == 0) {
        reply->closed = !read_chunks(fd, body);
        return;
    }
    const char *length = test_http_header(reply, "Content-Length");
    if (length) {
        reply->closed = !read_bytes(fd, body, strtoul(length, NULL, 10));
        return;
    }
    while (read_some(fd, body, 4096) > 0)
        ;
    reply->closed = true;
}

void test_http_read(int connection, bool head, test_http_reply *reply)
{
    buffer lines = {0};
    buffer body = {0};
    memset(reply, 0, sizeof(*reply));
    do { /* skip interim answers (100 Continue) */
        lines.length = 0;
        reply->closed = !read_head(connection, &lines);
        reply->head = lines.data;
        reply->status = reply->closed ? 0 : atoi(lines.data + strcspn(lines.data, " "));
    } while (reply->status >= 100 && reply->status < 200);
    bool bodyless = head || reply->status == 304 || reply->status == 204;
    if (!reply->closed) {
        reply->has_length = test_http_header(reply, "Content-Length") != NULL;
        if (!bodyless)
            read_body(connection, reply, &body);
    }
    reply->body = body.data ? body.data : calloc(1, 1);
    reply->body_length = body.length;
}

void test_http_exchange(int connection, const char *method, const char *target, const char *headers,
                        const char *body, test_http_reply *reply)
{
    size_t size = strlen(method) + strlen(target) + (headers ? strlen(headers) : 0) + 128;
    char *text = malloc(size);
    if (!text)
        die("malloc");
    int length = snprintf(text, size, "%s %s HTTP/1.1\r\nHost: test\r\n%s", method, target,
                          headers ? headers : "");
    if (body)
        length +=
            snprintf(text + length, size - (size_t)length, "Content-Length: %zu\r\n", strlen(body));
    length += snprintf(text + length, size - (size_t)length, "\r\n");
    bool sent = test_http_send(connection, text, (size_t)length);
    if (sent && body)
        test_http_send(connection, body, strlen(body));
    free(text);
    test_http_read(connection, strcmp(method, "HEAD") == 0, reply);
}

void test_http_request(uint16_t port, const char *method, const char *target, const char *headers,
                       const char *body, test_http_reply *reply)
{
    int connection = test_http_connect(port);
    if (connection < 0)
        die("connect");
    test_http_exchange(connection, method, target, headers, body, reply);
    test_http_close(connection);
}

void test_http_get(uint16_t port, const char *target, const char *headers, test_http_reply *reply)
{
    test_http_request(port, "GET", target, headers, NULL, reply);
}

void test_http_reply_finish(test_http_reply *reply)
{
    free(reply->head);
    free(reply->body);
    memset(reply, 0, sizeof(*reply));
}
