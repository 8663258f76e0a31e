/*
 * throttle.h - how often one may guess: five failures a minute per client, and one a second over
 * all clients that failed lately. A client without recent failures is always heard, so nobody locks
 * the right password out for somebody else.
 */
#ifndef PERFOPT_SRC_ADMIN_THROTTLE_H
#define PERFOPT_SRC_ADMIN_THROTTLE_H

#include <perfopt/base.h>
#include <pthread.h>

#define PERFOPT__THROTTLE_FAILURES 5
#define PERFOPT__THROTTLE_SETS     64
#define PERFOPT__THROTTLE_WAYS     8

typedef struct perfopt__client {
    uint64_t address; /* hash; 0 = free */
    int64_t failed_ms[PERFOPT__THROTTLE_FAILURES];
    uint32_t failures; /* valid entries of failed_ms, oldest first */
    int64_t logged_ms; /* last time a sign-in was logged; 0 = never */
    int64_t last_seen_ms;
} perfopt__client;

typedef struct perfopt__throttle {
    pthread_mutex_t lock;
    perfopt__client clients[PERFOPT__THROTTLE_SETS][PERFOPT__THROTTLE_WAYS];
    int64_t global_free_ms; /* when the next failure of anybody is within the limit (GCRA) */
} perfopt__throttle;

void perfopt__throttle_init(perfopt__throttle *throttle);
void perfopt__throttle_finish(perfopt__throttle *throttle);
/* Seconds to wait before the client's next attempt is looked at; 0 = now. IPv6 addresses count by
 * their /64. */
uint32_t perfopt__throttle_wait_s(perfopt__throttle *throttle, const char *remote, int64_t now_ms);
void perfopt__throttle_failed(perfopt__throttle *throttle, const char *remote, int64_t now_ms);
/* True if this sign-in should be logged: the client's first one in an hour. */
bool perfopt__throttle_signed_in(perfopt__throttle *throttle, const char *remote, const char *name,
                                 int64_t now_ms);

#endif
