/*
 * random.h - random numbers: the kernel's for secrets and seeds, a fast per-thread generator for
 * jitter and sampling.
 */
#ifndef PERFOPT_SRC_BASE_RANDOM_H
#define PERFOPT_SRC_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Cryptographically secure (getrandom); blocks only before the kernel's pool is ready at boot. */
void perfopt__random_bytes(void *out, size_t length);
uint64_t perfopt__random_u64(void);
/* Not for secrets: uniform in [0, bound), 0 for bound 0. No lock, no system call after the first.
 */
uint64_t perfopt__random_below(uint64_t bound);

#endif
