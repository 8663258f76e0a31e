/*
 * hash.h - seeded XXH3 (libxxhash). The seed is drawn once per process, so that outsiders cannot
 * construct colliding keys; perfopt__hash_stable() is the unseeded form for what leaves the
 * process.
 */
#ifndef PERFOPT_SRC_BASE_HASH_H
#define PERFOPT_SRC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct perfopt__hash128 {
    uint64_t low;
    uint64_t high;
} perfopt__hash128;

uint64_t perfopt__hash(const void *bytes, size_t length);
uint64_t perfopt__hash_stable(const void *bytes, size_t length);
perfopt__hash128 perfopt__hash128_stable(const void *bytes, size_t length);
/* Writes 32 lower-case hexadecimal digits and a NUL. */
void perfopt__hash128_hex(perfopt__hash128 hash, char out[33]);

#endif
