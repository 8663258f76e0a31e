/*
 * fault_proxy.c - one thread, one poll loop over pairs of sockets.
 */
#include "support/fault_proxy.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_PAIRS 64

struct pair {
    int client;
    int server;
};

struct test_proxy {
    char folder[64];
    char socket[96];
    char server_socket[108];
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* fault, amount, garbage */
    test_fault fault;
    size_t amount;
    char garbage[4096];
    size_t garbage_length;
    atomic_bool stop;
    _Atomic uint32_t connections;
    struct pair pairs[MAX_PAIRS];
    size_t pair_count;
};

static void die(const char *what)
{
    fprintf(stderr, "fault proxy: %s: %s\n", what, strerror(errno));
    exit(99);
}

static void pause_ms(size_t ms)
{
    struct timespec ts = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

static int unix_socket(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void close_pair(test_proxy *proxy, size_t i)
{
    close(proxy->pairs[i].client);
    close(proxy->pairs[i].server);
    proxy->pairs[i] = proxy->pairs[--proxy->pair_count];
}

static void accept_one(test_proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    struct sockaddr_un address;
    int server = unix_socket(proxy->server_socket, &address);
    if (server < 0 || proxy->pair_count == MAX_PAIRS ||
        connect(server, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(client);
        if (server >= 0)
            close(server);
        return;
    }
    atomic_fetch_add(&proxy->connections, 1);
    proxy->pairs[proxy->pair_count++] = (struct pair){client, server};
}

static bool send_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        length -= (size_t)n;
    }
    return true;
}

/* Both directions return false when the pair is to be closed. */
static bool forward_request(test_proxy *proxy, const struct pair *pair)
{
    char buffer[65536];
    ssize_t n = recv(pair->client, buffer, sizeof(buffer), 0);
    if (n <= 0)
        return false;
    pthread_mutex_lock(&proxy->lock);
    test_fault fault = proxy->fault;
    char garbage[sizeof(proxy->garbage)];
    size_t garbage_length = proxy->garbage_length;
    memcpy(garbage, proxy->garbage, garbage_length);
    pthread_mutex_unlock(&proxy->lock);
    if (fault == TEST_FAULT_SWALLOW)
        return true;
    if (fault == TEST_FAULT_CLOSE)
        return false;
    if (fault == TEST_FAULT_GARBAGE)
        return send_all(pair->client, garbage, garbage_length);
    return send_all(pair->server, buffer, (size_t)n);
}

static bool drip(const test_proxy *proxy, int fd, const char *data, size_t length, size_t gap_ms)
{
    for (size_t i = 0; i < length && !atomic_load(&proxy->stop); i++) {
        pause_ms(gap_ms);
        if (!send_all(fd, data + i, 1))
            return false;
    }
    return true;
}

static bool forward_reply(test_proxy *proxy, const struct pair *pair)
{
    char buffer[65536];
    ssize_t n = recv(pair->server, buffer, sizeof(buffer), 0);
    if (n <= 0)
        return false;
    size_t length = (size_t)n;
    pthread_mutex_lock(&proxy->lock);
    test_fault fault = proxy->fault;
    size_t amount = proxy->amount;
    if (fault == TEST_FAULT_CUT)
        proxy->amount = amount > length ? amount - length : 0;
    pthread_mutex_unlock(&proxy->lock);
    if (fault == TEST_FAULT_DELAY)
        pause_ms(amount);
    if (fault == TEST_FAULT_DRIP)
        return drip(proxy, pair->client, buffer, length, amount);
    if (fault == TEST_FAULT_CUT && amount < length) {
        send_all(pair->client, buffer, amount);
        return false;
    }
    return send_all(pair->client, buffer, length);
}

static void *run(void *user)
{
    test_proxy *proxy = user;
    while (!atomic_load(&proxy->stop)) {
        struct pollfd fds[1 + 2 * MAX_PAIRS];
        size_t count = proxy->pair_count;
        fds[0] = (struct pollfd){proxy->listener, POLLIN, 0};
        for (size_t i = 0; i < count; i++) {
            fds[1 + 2 * i] = (struct pollfd){proxy->pairs[i].client, POLLIN, 0};
            fds[2 + 2 * i] = (struct pollfd){proxy->pairs[i].server, POLLIN, 0};
        }
        if (poll(fds, 1 + 2 * count, 20) <= 0)
            continue;
        for (size_t i = count; i-- > 0;) {
            bool open = true;
            if (fds[1 + 2 * i].revents)
                open = forward_request(proxy, &proxy->pairs[i]);
            if (open && fds[2 + 2 * i].revents)
                open = forward_reply(proxy, &proxy->pairs[i]);
            if (!open)
                close_pair(proxy, i);
        }
        if (fds[0].revents)
            accept_one(proxy);
    }
    return NULL;
}

test_proxy *test_proxy_start(const char *server_socket)
{
    test_proxy *proxy = calloc(1, sizeof(*proxy));
    if (!proxy)
        die("out of memory");
    snprintf(proxy->folder, sizeof(proxy->folder), "/tmp/perfopt-proxy-XXXXXX");
    if (!mkdtemp(proxy->folder))
        die("mkdtemp");
    snprintf(proxy->socket, sizeof(proxy->socket), "%s/proxy.sock", proxy->folder);
    snprintf(proxy->server_socket, sizeof(proxy->server_socket), "%s", server_socket);
    struct sockaddr_un address;
    proxy->listener = unix_socket(proxy->socket, &address);
    if (proxy->listener < 0 ||
        bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(proxy->listener, 16) != 0)
        die(proxy->socket);
    pthread_mutex_init(&proxy->lock, NULL);
    if (pthread_create(&proxy->thread, NULL, run, proxy) != 0)
        die("pthread_create");
    return proxy;
}

void test_proxy_destroy(test_proxy *proxy)
{
    if (!proxy)
        return;
    atomic_store(&proxy->stop, true);
    pthread_join(proxy->thread, NULL);
    while (proxy->pair_count > 0)
        close_pair(proxy, 0);
    close(proxy->listener);
    unlink(proxy->socket);
    rmdir(proxy->folder);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

const char *test_proxy_socket(const test_proxy *proxy)
{
    return proxy->socket;
}

void test_proxy_set(test_proxy *proxy, test_fault fault, size_t amount)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->fault = fault;
    proxy->amount = amount;
    pthread_mutex_unlock(&proxy->lock);
}

void test_proxy_set_garbage(test_proxy *proxy, const void *bytes, size_t length)
{
    pthread_mutex_lock(&proxy->lock);
    if (length > sizeof(proxy->garbage))
        length = sizeof(proxy->garbage);
    memcpy(proxy->garbage, bytes, length);
    proxy->garbage_length = length;
    pthread_mutex_unlock(&proxy->lock);
}

uint32_t test_proxy_connections(const test_proxy *proxy)
{
    return atomic_load(&proxy->connections);
}
