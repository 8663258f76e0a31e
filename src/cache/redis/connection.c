/*
 * connection.c - one connection: socket, deadline, login. hiredis parses the replies; the socket is
 * driven here, because hiredis' blocking calls bound each read() but not the whole command (a peer
 * that drips bytes would hold the caller for ever) and its write() raises SIGPIPE in the host.
 */
#include "base/error.h"
#include "base/memory.h"
#include "cache/redis/redis_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A single string may be a little longer than the largest value that is stored. */
#define MAX_BULK     ((size_t)65 * 1024 * 1024)
#define MAX_REPLY    ((size_t)256 * 1024 * 1024)
#define MAX_ELEMENTS 262144

int64_t perfopt__redis_clock_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t perfopt__redis_clock_ms(void)
{
    return perfopt__redis_clock_us() / 1000;
}

/* ---- bounded replies ------------------------------------------------------------------------ */

/* hiredis would allocate whatever number the peer names. */
static void *bounded_array(const redisReadTask *task, perfopt__redis_elements elements)
{
    perfopt__connection *c = task->privdata;
    if (elements > MAX_ELEMENTS)
        return NULL;
    c->reply_bytes += (size_t)elements * sizeof(redisReply);
    return c->reply_bytes > MAX_REPLY ? NULL : c->default_array(task, elements);
}

static void *bounded_string(const redisReadTask *task, char *text, size_t length)
{
    perfopt__connection *c = task->privdata;
    c->reply_bytes += length + sizeof(redisReply);
    return c->reply_bytes > MAX_REPLY ? NULL : c->default_string(task, text, length);
}

static perfopt_status make_reader(perfopt__connection *c)
{
    c->reader = redisReaderCreate();
    if (!c->reader)
        return PERFOPT_ENOMEM;
    c->functions = *c->reader->fn;
    c->default_array = c->functions.createArray;
    c->default_string = c->functions.createString;
    c->functions.createArray = bounded_array;
    c->functions.createString = bounded_string;
    c->reader->fn = &c->functions;
    c->reader->privdata = c;
    return PERFOPT_OK;
}

/* Is the string that is being received announced as, or already, longer than any we stored? The
 * reader has taken its type byte and waits at the length. */
static bool is_oversized(const redisReader *reader)
{
    size_t unread = reader->len - reader->pos;
    if (unread > MAX_BULK + 64)
        return true;
    if (reader->ridx < 0 || reader->rstack[reader->ridx].type != REDIS_REPLY_STRING)
        return unread > 65536; /* a line or a number has no business being long */
    char digits[24] = "";
    memcpy(digits, reader->buf + reader->pos, unread < 23 ? unread : 23);
    return strtoull(digits, NULL, 10) > MAX_BULK && digits[0] != '-';
}

/* ---- waiting -------------------------------------------------------------------------------- */

static perfopt_status fail(perfopt_error *err, const perfopt__redis_settings *s, int errnum,
                           const char *what)
{
    char reason[128];
    return perfopt__error_from(err, PERFOPT_EUNAVAILABLE, PERFOPT_ORIGIN_REDIS, REDIS_ERR_IO,
                               s->where, "Redis at %s: %s: %s", s->where, what,
                               strerror_r(errnum, reason, sizeof(reason)));
}

static perfopt_status fail_text(perfopt_error *err, const perfopt__redis_settings *s, int native,
                                const char *what)
{
    return perfopt__error_from(err, PERFOPT_EUNAVAILABLE, PERFOPT_ORIGIN_REDIS, native, s->where,
                               "Redis at %s: %s", s->where, what);
}

/* False when the deadline has passed. */
static bool wait_for(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - perfopt__redis_clock_ms();
        if (left <= 0)
            return false;
        struct pollfd p = {fd, events, 0};
        int n = poll(&p, 1, (int)left);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

/* ---- sending and receiving ------------------------------------------------------------------ */

static perfopt_status send_all(perfopt__connection *c, const perfopt__redis_settings *s,
                               const perfopt__strbuf *commands, int64_t deadline_ms,
                               perfopt_error *err)
{
    size_t sent = 0;
    while (sent < commands->length) {
        ssize_t n = send(c->fd, commands->data + sent, commands->length - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!wait_for(c->fd, POLLOUT, deadline_ms))
                return fail_text(err, s, REDIS_ERR_IO, "timed out while sending");
        } else if (errno != EINTR) {
            return fail(err, s, errno, "sending failed");
        }
    }
    return PERFOPT_OK;
}

static perfopt_status receive_more(perfopt__connection *c, const perfopt__redis_settings *s,
                                   int64_t deadline_ms, perfopt_error *err)
{
    char buffer[16384];
    for (;;) {
        ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);
        if (n > 0)
            return redisReaderFeed(c->reader, buffer, (size_t)n) == REDIS_OK
                       ? PERFOPT_OK
                       : fail_text(err, s, REDIS_ERR_OOM, "out of memory while receiving");
        if (n == 0)
            return fail_text(err, s, REDIS_ERR_EOF, "the server closed the connection");
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_for(c->fd, POLLIN, deadline_ms))
                return fail_text(err, s, REDIS_ERR_IO, "timed out");
        } else if (errno != EINTR) {
            return fail(err, s, errno, "receiving failed");
        }
    }
}

static perfopt_status receive(perfopt__connection *c, const perfopt__redis_settings *s,
                              redisReply **out, int64_t deadline_ms, perfopt_error *err)
{
    c->reply_bytes = 0;
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(c->reader, &reply) != REDIS_OK)
            return fail_text(err, s, REDIS_ERR_PROTOCOL, "malformed or too large reply");
        if (reply) {
            *out = reply;
            return PERFOPT_OK;
        }
        if (is_oversized(c->reader))
            return fail_text(err, s, REDIS_ERR_PROTOCOL, "too large reply");
        if (perfopt__redis_clock_ms() >= deadline_ms)
            return fail_text(err, s, REDIS_ERR_IO, "timed out");
        perfopt_status status = receive_more(c, s, deadline_ms, err);
        if (status != PERFOPT_OK)
            return status;
    }
}

perfopt_status perfopt__connection_call(perfopt__connection *c, const perfopt__redis_settings *s,
                                        const perfopt__strbuf *commands, redisReply **replies,
                                        size_t count, int64_t deadline_ms, perfopt_error *err)
{
    if (commands->failed)
        return perfopt__error_nomem(err);
    c->dirty = true;
    perfopt_status status = send_all(c, s, commands, deadline_ms, err);
    size_t received = 0;
    while (status == PERFOPT_OK && received < count) {
        status = receive(c, s, &replies[received], deadline_ms, err);
        received += status == PERFOPT_OK;
    }
    if (status == PERFOPT_OK) {
        c->dirty = false;
        return PERFOPT_OK;
    }
    while (received > 0)
        freeReplyObject(replies[--received]);
    return status;
}

bool perfopt__connection_is_clean(const perfopt__connection *c)
{
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && c->reader->pos == c->reader->len;
}

/* ---- commands ------------------------------------------------------------------------------- */

void perfopt__command_begin(perfopt__strbuf *out, size_t arguments)
{
    perfopt__strbuf_printf(out, "*%zu\r\n", arguments);
}

void perfopt__command_add(perfopt__strbuf *out, const void *bytes, size_t length)
{
    perfopt__strbuf_printf(out, "$%zu\r\n", length);
    perfopt__strbuf_append(out, bytes, length);
    perfopt__strbuf_append(out, "\r\n", 2);
}

void perfopt__command_add_text(perfopt__strbuf *out, const char *text)
{
    perfopt__command_add(out, text, strlen(text));
}

void perfopt__command_add_int(perfopt__strbuf *out, int64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof(text), "%lld", (long long)number);
    perfopt__command_add(out, text, (size_t)length);
}

/* ---- opening -------------------------------------------------------------------------------- */

/* A non-blocking socket that is connected before the deadline; -1 with errno. */
static int connect_to(int family, const struct sockaddr *address, socklen_t length,
                      int64_t deadline_ms)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int failure = 0;
    if (connect(fd, address, length) != 0) {
        socklen_t size = sizeof(failure);
        if (errno != EINPROGRESS)
            failure = errno;
        else if (!wait_for(fd, POLLOUT, deadline_ms))
            failure = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
            failure = errno;
    }
    if (failure) {
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

static perfopt_status open_unix(perfopt__connection *c, const perfopt__redis_settings *s,
                                int64_t deadline_ms, perfopt_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);
    c->fd = connect_to(AF_UNIX, (struct sockaddr *)&address, sizeof(address), deadline_ms);
    return c->fd >= 0 ? PERFOPT_OK : fail(err, s, errno, "connecting failed");
}

static perfopt_status open_tcp(perfopt__connection *c, const perfopt__redis_settings *s,
                               int64_t deadline_ms, perfopt_error *err)
{
    char port[16];
    snprintf(port, sizeof(port), "%d", s->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int result = getaddrinfo(s->host, port, &hints, &list);
    if (result != 0)
        return fail_text(err, s, REDIS_ERR_OTHER, gai_strerror(result));
    int failure = ECONNREFUSED;
    for (struct addrinfo *a = list; a && c->fd < 0; a = a->ai_next) {
        c->fd = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, deadline_ms);
        failure = errno;
    }
    freeaddrinfo(list);
    if (c->fd < 0)
        return fail(err, s, failure, "connecting failed");
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return PERFOPT_OK;
}

/* The error's first word ("WRONGPASS"). The rest may repeat our arguments, the password too. */
static void error_word(const redisReply *reply, char out[32])
{
    size_t n = 0;
    while (n < 31 && n < reply->len && reply->str[n] >= 'A' && reply->str[n] <= 'Z') {
        out[n] = reply->str[n];
        n++;
    }
    out[n] = '\0';
}

static perfopt_status refused(perfopt_error *err, const perfopt__redis_settings *s,
                              const char *command, const redisReply *reply)
{
    char word[32] = "unexpected reply";
    if (reply->type == REDIS_REPLY_ERROR)
        error_word(reply, word);
    bool auth = strcmp(command, "AUTH") == 0 || strcmp(word, "NOAUTH") == 0 ||
                strcmp(word, "WRONGPASS") == 0 || strcmp(word, "NOPERM") == 0;
    return perfopt__error_from(err, auth ? PERFOPT_EAUTH : PERFOPT_EUNAVAILABLE,
                               PERFOPT_ORIGIN_REDIS, REDIS_ERR_OTHER, s->where,
                               "Redis at %s refused %s: %s", s->where, command, word);
}

/* One command whose answer must be a status such as OK or PONG. */
static perfopt_status step(perfopt__connection *c, const perfopt__redis_settings *s,
                           perfopt__strbuf *command, const char *name, int64_t deadline_ms,
                           perfopt_error *err)
{
    redisReply *reply = NULL;
    perfopt_status status = perfopt__connection_call(c, s, command, &reply, 1, deadline_ms, err);
    if (command->data)
        perfopt__wipe(command->data, command->length);
    perfopt__strbuf_clear(command);
    if (status != PERFOPT_OK || !reply)
        return status;
    if (reply->type != REDIS_REPLY_STATUS)
        status = refused(err, s, name, reply);
    freeReplyObject(reply);
    return status;
}

static perfopt_status log_in(perfopt__connection *c, const perfopt__redis_settings *s,
                             perfopt__strbuf *command, int64_t deadline_ms, perfopt_error *err)
{
    perfopt_status status = PERFOPT_OK;
    if (s->password) {
        perfopt__command_begin(command, s->user ? 3 : 2);
        perfopt__command_add_text(command, "AUTH");
        if (s->user)
            perfopt__command_add_text(command, s->user);
        perfopt__command_add_text(command, s->password);
        status = step(c, s, command, "AUTH", deadline_ms, err);
    }
    if (status == PERFOPT_OK && s->database) {
        perfopt__command_begin(command, 2);
        perfopt__command_add_text(command, "SELECT");
        perfopt__command_add_int(command, s->database);
        status = step(c, s, command, "SELECT", deadline_ms, err);
    }
    if (status == PERFOPT_OK) {
        /* Only a name in CLIENT LIST: a user without that permission is fine. */
        char name[40];
        snprintf(name, sizeof(name), "perfopt-%ld", (long)getpid());
        perfopt__command_begin(command, 3);
        perfopt__command_add_text(command, "CLIENT");
        perfopt__command_add_text(command, "SETNAME");
        perfopt__command_add_text(command, name);
        status = step(c, s, command, "CLIENT", deadline_ms, err);
        if (status != PERFOPT_OK && !c->dirty && (!err || err->native == REDIS_ERR_OTHER))
            status = PERFOPT_OK;
    }
    if (status != PERFOPT_OK)
        return status;
    /* The trial: a server that cannot answer this in time is of no use to callers. */
    perfopt__command_begin(command, 1);
    perfopt__command_add_text(command, "PING");
    return step(c, s, command, "PING", perfopt__redis_clock_ms() + s->command_timeout_ms, err);
}

perfopt_status perfopt__connection_open(perfopt__connection *c, const perfopt__redis_settings *s,
                                        perfopt_error *err)
{
    int64_t deadline_ms = perfopt__redis_clock_ms() + s->connect_timeout_ms;
    perfopt__strbuf command = PERFOPT__STRBUF_INIT;
    *c = (perfopt__connection){.fd = -1};
    perfopt_error own = PERFOPT_ERROR_INIT;
    perfopt_status status = make_reader(c) == PERFOPT_OK ? PERFOPT_OK : perfopt__error_nomem(&own);
    if (status == PERFOPT_OK)
        status = s->path ? open_unix(c, s, deadline_ms, &own) : open_tcp(c, s, deadline_ms, &own);
    if (status == PERFOPT_OK)
        status = log_in(c, s, &command, deadline_ms, &own);
    perfopt__strbuf_finish(&command);
    if (status != PERFOPT_OK) {
        perfopt__connection_close(c);
        if (err)
            *err = own;
    }
    return status;
}

void perfopt__connection_close(perfopt__connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    if (c->reader)
        redisReaderFree(c->reader);
    *c = (perfopt__connection){.fd = -1};
}
