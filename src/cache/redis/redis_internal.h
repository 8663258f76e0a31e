/*
 * redis_internal.h - what settings.c, connection.c, client.c and commands.c share.
 */
#ifndef PERFOPT_SRC_CACHE_REDIS_REDIS_INTERNAL_H
#define PERFOPT_SRC_CACHE_REDIS_REDIS_INTERNAL_H

#include "base/strbuf.h"
#include "cache/redis/redis.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- settings.c ----------------------------------------------------------------------------- */

typedef struct perfopt__redis_settings {
    char *host; /* NULL = unix socket */
    char *path; /* NULL = TCP */
    char *user;
    char *password;
    int port;
    int database;
    unsigned connections;
    int64_t connect_timeout_ms;
    int64_t command_timeout_ms;
    unsigned breaker_errors;
    int64_t breaker_open_ms;
    char where[128]; /* for people; no credentials */
} perfopt__redis_settings;

perfopt_status perfopt__redis_settings_read(const perfopt_redis_options *options,
                                            perfopt__redis_settings *out, perfopt_error *err);
void perfopt__redis_settings_finish(perfopt__redis_settings *settings);

/* ---- connection.c --------------------------------------------------------------------------- */

#if HIREDIS_MAJOR >= 1
typedef size_t perfopt__redis_elements;
#else
typedef int perfopt__redis_elements;
#endif

typedef struct perfopt__connection {
    int fd; /* -1 = closed */
    redisReader *reader;
    redisReplyObjectFunctions functions; /* hiredis' own, with bounds around these two */
    void *(*default_array)(const redisReadTask *task, perfopt__redis_elements elements);
    void *(*default_string)(const redisReadTask *task, char *text, size_t length);
    size_t reply_bytes; /* of the reply that is being read */
    bool dirty;         /* replies may be outstanding: close instead of reuse */
} perfopt__connection;

/* Milliseconds of the kernel's monotonic clock: network deadlines are real time, whatever clock the
 * process has set. */
int64_t perfopt__redis_clock_ms(void);
int64_t perfopt__redis_clock_us(void);
/* Connects, logs in, selects the database and sees a PONG. PERFOPT_EUNAVAILABLE, PERFOPT_EAUTH,
 * PERFOPT_ENOMEM. */
perfopt_status perfopt__connection_open(perfopt__connection *c, const perfopt__redis_settings *s,
                                        perfopt_error *err);
void perfopt__connection_close(perfopt__connection *c);
/* Sends `commands` and reads `count` replies into `replies`, all before the deadline; on failure
 * the connection must be closed and no reply is handed out. */
perfopt_status perfopt__connection_call(perfopt__connection *c, const perfopt__redis_settings *s,
                                        const perfopt__strbuf *commands, redisReply **replies,
                                        size_t count, int64_t deadline_ms, perfopt_error *err);
/* Has the server closed it, or sent what nobody asked for? No blocking. */
bool perfopt__connection_is_clean(const perfopt__connection *c);

/* Append commands in the wire format: an array of bulk strings. */
void perfopt__command_begin(perfopt__strbuf *out, size_t arguments);
void perfopt__command_add(perfopt__strbuf *out, const void *bytes, size_t length);
void perfopt__command_add_text(perfopt__strbuf *out, const char *text);
void perfopt__command_add_int(perfopt__strbuf *out, int64_t number);

/* ---- client.c ------------------------------------------------------------------------------- */

const perfopt__redis_settings *perfopt__redis_settings_of(const perfopt__redis *redis);
/* Runs a pipeline on a connection of the pool. An error reply is a reply: PERFOPT_OK. */
perfopt_status perfopt__redis_call(perfopt__redis *redis, const perfopt__strbuf *commands,
                                   redisReply **replies, size_t count, perfopt_error *err);
/* Counts a refused or malformed reply. */
perfopt_status perfopt__redis_refused(perfopt__redis *redis, const char *command,
                                      const redisReply *reply, perfopt_error *err);

#endif
