/*
 * random.c - getrandom, and splitmix64 (Steele, Lea, Flood 2014) seeded from it per thread.
 */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void perfopt__random_bytes(void *out, size_t length)
{
    char *p = out;
    while (length > 0) {
        ssize_t n = getrandom(p, length, 0);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            /* Without the system call there is no safe fallback: a guessable secret is worse. */
            abort();
        }
        p += n;
        length -= (size_t)n;
    }
}

uint64_t perfopt__random_u64(void)
{
    uint64_t value;
    perfopt__random_bytes(&value, sizeof(value));
    return value;
}

static uint64_t next_fast(void)
{
    static _Thread_local uint64_t state;
    if (state == 0)
        state = perfopt__random_u64() | 1;
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

uint64_t perfopt__random_below(uint64_t bound)
{
    /* Multiply-shift (Lemire 2019); the bias below 2^-32 does not matter for jitter. */
    return bound ? (uint64_t)((unsigned __int128)next_fast() * bound >> 64) : 0;
}
