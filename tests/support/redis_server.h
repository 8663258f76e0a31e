/*
 * redis_server.h - a private redis-server for tests: on a unix socket in a folder of its own,
 * never on a system service. What cannot be done ends the test program with a message.
 *
 *     test_redis *redis = test_redis_start(NULL);
 *     ... test_redis_url(redis) ...
 *     test_redis_destroy(redis);
 */
#ifndef PERFOPT_TESTS_REDIS_SERVER_H
#define PERFOPT_TESTS_REDIS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct test_redis test_redis;

typedef struct test_redis_options {
    const char *password;   /* NULL = none (requirepass) */
    const char *user;       /* ACL user allowed everything; needs `password`; the default user is
                               switched off then */
    bool tcp;               /* also listen on a free port of 127.0.0.1 */
    const char *max_memory; /* such as "10mb"; NULL = no limit */
    const char *policy;     /* maxmemory-policy; NULL = noeviction */
} test_redis_options;

/* Starts the server and waits until it answers PING. NULL options = all defaults. */
test_redis *test_redis_start(const test_redis_options *options);
/* Ends the server (SIGKILL, by pid) and removes its folder. NULL is allowed. */
void test_redis_destroy(test_redis *redis);

/* Path of its unix socket. */
const char *test_redis_socket(const test_redis *redis);
/* unix://user:password@/path?db=0 as its options need. */
const char *test_redis_url(const test_redis *redis);
/* redis://...@127.0.0.1:port/0; only with options.tcp. */
const char *test_redis_tcp_url(const test_redis *redis);
uint16_t test_redis_port(const test_redis *redis);

/* Ends the server; the socket stays unreachable until test_redis_restart(). Data are lost. */
void test_redis_stop(test_redis *redis);
/* Starts it again under the same socket and port, and waits for PING. Stops it first if it runs. */
void test_redis_restart(test_redis *redis);
/* SIGSTOP and SIGCONT: the server hangs, connections stay open. */
void test_redis_pause(test_redis *redis);
void test_redis_resume(test_redis *redis);
/* Changes the password of the running server (CONFIG SET requirepass). */
void test_redis_set_password(test_redis *redis, const char *password);

/* Runs a command given as printf-like text with hiredis' placeholders (%s, %b, %d). The reply as
 * text: integers in decimal, nil as "(nil)", arrays one element per line, errors as "-...". The
 * string belongs to `redis` and lives until the next command. */
const char *test_redis_command(test_redis *redis, const char *format, ...);

#endif
