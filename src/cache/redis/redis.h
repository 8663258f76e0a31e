/*
 * redis.h - Redis as the cache needs it: a handful of commands over a small set of connections.
 * Knows nothing of envelopes, L1 or options of calls. Only this folder includes hiredis.
 *
 * The state key is a sorted set (tags.c tells why):
 *     e:<16 hex digits>   score inf    the epoch
 *     s                   score n      the sequence: number of stamps given in this epoch
 *     <slot>              score n      the slot's last stamp
 */
#ifndef PERFOPT_SRC_CACHE_REDIS_REDIS_H
#define PERFOPT_SRC_CACHE_REDIS_REDIS_H

#include <perfopt/cache.h>

typedef struct perfopt__redis perfopt__redis;

/* ---- client.c ------------------------------------------------------------------------------- */

/* `wake` is called from any thread when perfopt__redis_maintain() has something to do; it must not
 * call back. PERFOPT_ECONFIG, PERFOPT_EUNSUPPORTED, PERFOPT_ENOMEM. Connects nowhere. */
perfopt_status perfopt__redis_create(const perfopt_redis_options *options, void (*wake)(void *user),
                                     void *wake_user, perfopt__redis **out, perfopt_error *err);
void perfopt__redis_destroy(perfopt__redis *redis);
/* Opens connections as needed: the only place that connects. Called by one thread. Returns in how
 * many milliseconds it wants to be called again. */
int64_t perfopt__redis_maintain(perfopt__redis *redis);
/* Waits until the first attempt to connect has ended, at most connect_timeout_ms. */
void perfopt__redis_wait_first(perfopt__redis *redis);
/* Is the link up? One relaxed load. */
bool perfopt__redis_up(const perfopt__redis *redis);
/* Fills the redis_* fields and breaker_open. */
void perfopt__redis_stats(perfopt__redis *redis, perfopt_cache_stats *out);
void perfopt__redis_reset_stats(perfopt__redis *redis);
/* Around fork(): the child closes the sockets it inherited and uses none of them. */
void perfopt__redis_before_fork(perfopt__redis *redis);
void perfopt__redis_after_fork(perfopt__redis *redis, bool child);

/* ---- commands.c ----------------------------------------------------------------------------- */

typedef struct perfopt__redis_span {
    const char *data; /* NULL = nil */
    size_t length;
} perfopt__redis_span;

typedef struct perfopt__redis_change {
    uint64_t stamp;
    uint16_t slot;
} perfopt__redis_change;

/* What the state key said. */
typedef struct perfopt__redis_state {
    bool missing;
    uint64_t epoch;
    uint64_t sequence;
    perfopt__redis_change *changes; /* since the asked-for sequence; perfopt__free */
    size_t count;
} perfopt__redis_state;

/* Spans stay valid until the reply is released. */
typedef struct perfopt__redis_reply perfopt__redis_reply;
void perfopt__redis_reply_release(perfopt__redis_reply *reply);

/* What a command stored for one key. */
typedef struct perfopt__redis_set {
    perfopt__redis_span name;
    perfopt__redis_span value;
    int64_t ttl_ms;
    bool done; /* out */
} perfopt__redis_set;

/* The answer to a stamp. */
typedef struct perfopt__redis_stamped {
    uint64_t epoch;
    uint64_t stamp;
    uint64_t removed;     /* keys that existed */
    uint64_t before[500]; /* each slot's last stamp until then */
} perfopt__redis_stamped;

#define PERFOPT__REDIS_BATCH 500u /* slots or keys of one stamp */

/* All return PERFOPT_OK, PERFOPT_EUNAVAILABLE (link down, timeout, refused, malformed answer) or
 * PERFOPT_ENOMEM, and block for at most command_timeout_ms. */

/* Reads the state since a sequence and the values of the names, in one round trip. */
perfopt_status perfopt__redis_read(perfopt__redis *redis, const char *state_key, uint64_t since,
                                   const perfopt__redis_span *names, size_t count,
                                   perfopt__redis_state *state, perfopt__redis_span *values,
                                   perfopt__redis_reply **reply);
/* Stores values and then reads the state, in one round trip. */
perfopt_status perfopt__redis_write(perfopt__redis *redis, const char *state_key, uint64_t since,
                                    perfopt__redis_set *sets, size_t count,
                                    perfopt__redis_state *state);
/* Gives all slots the next stamp and removes the names, atomically; creates the state with
 * `new_epoch` if it is missing. At most PERFOPT__REDIS_BATCH of each. */
perfopt_status perfopt__redis_stamp(perfopt__redis *redis, const char *state_key,
                                    uint64_t new_epoch, const uint16_t *slots, size_t count,
                                    const perfopt__redis_span *names, size_t name_count,
                                    perfopt__redis_stamped *out, perfopt_error *err);
/* Replaces the state: everything written in other epochs is void. */
perfopt_status perfopt__redis_reset(perfopt__redis *redis, const char *state_key,
                                    uint64_t new_epoch, perfopt_error *err);
/* One step of SCAN; *cursor is 0 at the start and again at the end. */
perfopt_status perfopt__redis_scan(perfopt__redis *redis, uint64_t *cursor,
                                   perfopt__redis_span pattern, perfopt__redis_span **names,
                                   size_t *count, perfopt__redis_reply **reply, perfopt_error *err);
/* On a connection of its own: PING, then SET, GET and DEL of `name`. Also PERFOPT_EAUTH. */
perfopt_status perfopt__redis_probe(perfopt__redis *redis, perfopt__redis_span name,
                                    int64_t *rtt_us, perfopt_error *err);

#endif
