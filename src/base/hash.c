/*
 * hash.c - hashing through libxxhash.
 */
#include "base/hash.h"

#include "base/random.h"

#include <pthread.h>
#include <stdio.h>
#include <xxhash.h>

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed;

static void draw_seed(void)
{
    seed = perfopt__random_u64();
}

uint64_t perfopt__hash(const void *bytes, size_t length)
{
    pthread_once(&seed_once, draw_seed);
    return XXH3_64bits_withSeed(bytes, length, seed);
}

uint64_t perfopt__hash_stable(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}

perfopt__hash128 perfopt__hash128_stable(const void *bytes, size_t length)
{
    XXH128_hash_t h = XXH3_128bits(bytes, length);
    return (perfopt__hash128){h.low64, h.high64};
}

void perfopt__hash128_hex(perfopt__hash128 hash, char out[33])
{
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}
