/*
 * wait.c - waiting with deadlines. The time left is taken from the process's clock each time, so a
 * clock that a test moves is obeyed at the next wake-up.
 */
#include "db/wait.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#define LONGEST_NS (3600 * (int64_t)1000000000)

/* At least 0: a deadline of 0 or before the clock's zero point has passed. */
static int64_t time_left_ns(int64_t deadline_ns)
{
    int64_t now_ns = perfopt__now_ns();
    if (deadline_ns <= now_ns)
        return 0;
    int64_t left_ns = deadline_ns - now_ns;
    return left_ns < LONGEST_NS ? left_ns : LONGEST_NS;
}

void perfopt__cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool perfopt__cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns)
{
    int64_t left_ns = time_left_ns(deadline_ns);
    if (left_ns <= 0)
        return false;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    left_ns += until.tv_nsec;
    until.tv_sec += left_ns / 1000000000;
    until.tv_nsec = left_ns % 1000000000;
    pthread_cond_timedwait(cond, lock, &until);
    return true;
}

int perfopt__socket_wait(int fd, short events, int64_t deadline_ns)
{
    if (fd < 0)
        return -1;
    for (;;) {
        int64_t left_ns = time_left_ns(deadline_ns);
        struct pollfd poller = {.fd = fd, .events = events};
        int timeout_ms = left_ns <= 0 ? 0 : (int)((left_ns + 999999) / 1000000);
        int ready = poll(&poller, 1, timeout_ms);
        if (ready > 0)
            return poller.revents & POLLNVAL ? -1 : 1;
        if (ready < 0 && errno != EINTR)
            return -1;
        if (left_ns <= 0)
            return 0;
    }
}
