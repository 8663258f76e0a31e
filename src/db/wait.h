/*
 * wait.h - waiting until a deadline of the process's clock, for a condition or for a socket.
 */
#ifndef PERFOPT_SRC_DB_WAIT_H
#define PERFOPT_SRC_DB_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A condition that is waited for with perfopt__cond_wait(). */
void perfopt__cond_init(pthread_cond_t *cond);
/* False if the deadline had passed already; true may be a spurious wake-up. */
bool perfopt__cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns);
/* Waits for poll events; 1 = ready, 0 = deadline, -1 = the socket is invalid. */
int perfopt__socket_wait(int fd, short events, int64_t deadline_ns);

#endif
