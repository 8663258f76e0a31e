/*
 * redis_server.c - starts and steers a private redis-server. Its own commands go through a
 * connection of hiredis that is opened per command, so that a restart needs no care.
 */
#include "support/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test_redis {
    test_redis *next; /* all servers of this process, for the exit handler */
    char folder[64];
    char socket[96];
    char url[512];
    char tcp_url[512];
    char password[64];
    char user[64];
    char max_memory[32];
    char policy[32];
    uint16_t port; /* 0 = unix socket only */
    pid_t pid;     /* 0 = stopped */
    char *reply;
};

static test_redis *servers;
static pid_t owner; /* a forked child must not end its parent's servers */

static void die(const test_redis *redis, const char *what)
{
    fprintf(stderr, "test redis (%s): %s: %s\n", redis ? redis->folder : "-", what,
            strerror(errno));
    exit(99);
}

static void pause_ms(long ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

static void end_process(test_redis *redis)
{
    int status;
    if (redis->pid <= 0)
        return;
    if (waitpid(redis->pid, &status, WNOHANG) == redis->pid) {
        /* Explains what a test saw: somebody else ended it. */
        fprintf(stderr, "test redis (%s): had ended before, wait status 0x%x\n", redis->folder,
                (unsigned)status);
        redis->pid = 0;
        return;
    }
    kill(redis->pid, SIGKILL);
    while (waitpid(redis->pid, NULL, 0) < 0 && errno == EINTR) {}
    redis->pid = 0;
}

static void remove_folder(const test_redis *redis)
{
    static const char *const files[] = {"redis.sock", "redis.conf", "log"};
    char path[128];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", redis->folder, files[i]);
        unlink(path);
    }
    rmdir(redis->folder);
}

static void end_all(void)
{
    if (getpid() != owner)
        return;
    for (test_redis *redis = servers; redis; redis = redis->next) {
        end_process(redis);
        remove_folder(redis);
    }
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        die(NULL, "no free port");
    close(fd);
    return ntohs(address.sin_port);
}

static void write_configuration(const test_redis *redis)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/redis.conf", redis->folder);
    FILE *file = fopen(path, "w");
    if (!file)
        die(redis, "redis.conf");
    fprintf(file, "port %u\nbind 127.0.0.1\nunixsocket %s\nunixsocketperm 777\n", redis->port,
            redis->socket);
    fprintf(file, "dir %s\nlogfile %s/log\nsave \"\"\nappendonly no\ndaemonize no\n", redis->folder,
            redis->folder);
    if (redis->user[0])
        fprintf(file, "user default off\nuser %s on >%s ~* &* +@all\n", redis->user,
                redis->password);
    else if (redis->password[0])
        fprintf(file, "requirepass %s\n", redis->password);
    if (redis->max_memory[0])
        fprintf(file, "maxmemory %s\n", redis->max_memory);
    if (redis->policy[0])
        fprintf(file, "maxmemory-policy %s\n", redis->policy);
    fclose(file);
}

/* A connection that is logged in; NULL while the server does not answer. */
static redisContext *open_connection(const test_redis *redis)
{
    struct timeval timeout = {5, 0};
    redisContext *c = redisConnectUnixWithTimeout(redis->socket, timeout);
    if (!c || c->err) {
        if (c)
            redisFree(c);
        return NULL;
    }
    redisReply *reply = NULL;
    if (redis->user[0])
        reply = redisCommand(c, "AUTH %s %s", redis->user, redis->password);
    else if (redis->password[0])
        reply = redisCommand(c, "AUTH %s", redis->password);
    if (reply)
        freeReplyObject(reply);
    return c;
}

static bool answers(const test_redis *redis)
{
    redisContext *c = open_connection(redis);
    if (!c)
        return false;
    redisReply *reply = redisCommand(c, "PING");
    bool ok = reply && reply->type == REDIS_REPLY_STATUS;
    if (reply)
        freeReplyObject(reply);
    redisFree(c);
    return ok;
}

static void launch(test_redis *redis)
{
    unlink(redis->socket);
    pid_t parent = getpid();
    redis->pid = fork();
    if (redis->pid < 0)
        die(redis, "fork");
    if (redis->pid == 0) {
        /* It must not outlive a test program that crashed. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(98);
        char path[128];
        snprintf(path, sizeof(path), "%s/redis.conf", redis->folder);
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execlp("redis-server", "redis-server", path, (char *)NULL);
        _exit(97);
    }
    for (int tries = 0; tries < 1000; tries++) {
        if (answers(redis))
            return;
        if (waitpid(redis->pid, NULL, WNOHANG) == redis->pid) {
            redis->pid = 0;
            die(redis, "redis-server ended at once (is the package redis-server installed?)");
        }
        pause_ms(10);
    }
    die(redis, "redis-server does not answer PING");
}

static void copy(char *out, size_t capacity, const char *text)
{
    snprintf(out, capacity, "%s", text ? text : "");
}

static void write_urls(test_redis *redis)
{
    char login[160] = "";
    if (redis->password[0])
        snprintf(login, sizeof(login), "%s:%s@", redis->user, redis->password);
    snprintf(redis->url, sizeof(redis->url), "unix://%s%s", login, redis->socket);
    snprintf(redis->tcp_url, sizeof(redis->tcp_url), "redis://%s127.0.0.1:%u/0", login,
             redis->port);
}

test_redis *test_redis_start(const test_redis_options *options)
{
    static const test_redis_options defaults;
    if (!options)
        options = &defaults;
    if (!servers) {
        owner = getpid();
        atexit(end_all);
    }
    test_redis *redis = calloc(1, sizeof(*redis));
    if (!redis)
        die(NULL, "out of memory");
    copy(redis->folder, sizeof(redis->folder), "/tmp/perfopt-redis-XXXXXX");
    if (!mkdtemp(redis->folder))
        die(redis, "mkdtemp");
    snprintf(redis->socket, sizeof(redis->socket), "%s/redis.sock", redis->folder);
    copy(redis->password, sizeof(redis->password), options->password);
    copy(redis->user, sizeof(redis->user), options->user);
    copy(redis->max_memory, sizeof(redis->max_memory), options->max_memory);
    copy(redis->policy, sizeof(redis->policy), options->policy);
    redis->port = options->tcp ? free_port() : 0;
    write_urls(redis);
    write_configuration(redis);
    redis->next = servers;
    servers = redis;
    launch(redis);
    return redis;
}

void test_redis_destroy(test_redis *redis)
{
    if (!redis)
        return;
    test_redis **link = &servers;
    while (*link && *link != redis)
        link = &(*link)->next;
    if (*link)
        *link = redis->next;
    end_process(redis);
    remove_folder(redis);
    free(redis->reply);
    free(redis);
}

const char *test_redis_socket(const test_redis *redis)
{
    return redis->socket;
}

const char *test_redis_url(const test_redis *redis)
{
    return redis->url;
}

const char *test_redis_tcp_url(const test_redis *redis)
{
    return redis->tcp_url;
}

uint16_t test_redis_port(const test_redis *redis)
{
    return redis->port;
}

void test_redis_stop(test_redis *redis)
{
    end_process(redis);
    unlink(redis->socket);
}

void test_redis_restart(test_redis *redis)
{
    end_process(redis);
    write_configuration(redis);
    launch(redis);
}

void test_redis_pause(test_redis *redis)
{
    if (kill(redis->pid, SIGSTOP) != 0)
        die(redis, "SIGSTOP");
}

void test_redis_resume(test_redis *redis)
{
    if (kill(redis->pid, SIGCONT) != 0)
        die(redis, "SIGCONT");
}

void test_redis_set_password(test_redis *redis, const char *password)
{
    test_redis_command(redis, "CONFIG SET requirepass %s", password ? password : "");
    copy(redis->password, sizeof(redis->password), password);
    write_urls(redis);
    write_configuration(redis);
}

static void print_reply(FILE *out, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        fprintf(out, "%lld", reply->integer);
        break;
    case REDIS_REPLY_NIL:
        fputs("(nil)", out);
        break;
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i < reply->elements; i++) {
            if (i > 0)
                fputc('\n', out);
            print_reply(out, reply->element[i]);
        }
        break;
    case REDIS_REPLY_ERROR:
        fputc('-', out);
        fwrite(reply->str, 1, reply->len, out);
        break;
    default:
        fwrite(reply->str, 1, reply->len, out);
        break;
    }
}

const char *test_redis_command(test_redis *redis, const char *format, ...)
{
    redisContext *c = open_connection(redis);
    if (!c)
        die(redis, "no connection for a command");
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(c, format, args);
    va_end(args);
    if (!reply)
        die(redis, "no reply to a command");
    free(redis->reply);
    size_t length;
    FILE *out = open_memstream(&redis->reply, &length);
    if (!out)
        die(redis, "out of memory");
    print_reply(out, reply);
    fclose(out);
    freeReplyObject(reply);
    redisFree(c);
    return redis->reply;
}
