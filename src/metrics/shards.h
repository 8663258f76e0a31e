/*
 * shards.h - a block of numbers per thread: each thread writes its own block without a lock,
 * readers add all blocks up.
 *
 *     shards --first--> [block of A] -> [block of B] -> [block of a thread that ended: free]
 *     thread A: slots { {id of shards, block of A}, ... }                       thread-local
 *
 * The first use of a thread takes a free block or allocates one (under a lock); later uses compare
 * one number. When a thread ends its block, numbers and all, is handed to the next new thread, so
 * that thread churn neither loses counts nor grows memory. A set of shards may be destroyed while
 * threads that used it live on: ids are never used twice, so their slots no longer match.
 */
#ifndef PERFOPT_SRC_METRICS_SHARDS_H
#define PERFOPT_SRC_METRICS_SHARDS_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERFOPT__CACHE_LINE 64

typedef struct perfopt__shard {
    struct perfopt__shard *next; /* never changes once the shard is listed */
    void *storage;
    bool owned; /* by a living thread; under the lock of shards.c */
    alignas(PERFOPT__CACHE_LINE) unsigned char block[];
} perfopt__shard;

typedef struct perfopt__shards {
    uint64_t id;
    size_t block_bytes;
    _Atomic(perfopt__shard *) first;
    struct perfopt__shards *next; /* list of living ones, under the lock of shards.c */
} perfopt__shards;

/* What a thread knows; a thread that uses more sets than this hands blocks back and forth. */
#define PERFOPT__SHARD_SLOTS 4
typedef struct perfopt__shard_slot {
    uint64_t id; /* 0 = empty */
    perfopt__shard *shard;
} perfopt__shard_slot;
extern _Thread_local perfopt__shard_slot perfopt__shard_slots[PERFOPT__SHARD_SLOTS];

/* Blocks start zeroed. */
void perfopt__shards_init(perfopt__shards *shards, size_t block_bytes);
/* Frees all blocks; what they point to is the caller's to free first. No thread may be using its
 * block. */
void perfopt__shards_finish(perfopt__shards *shards);
/* Gives the calling thread a block: the slow half of perfopt__shards_mine(). */
void *perfopt__shards_attach(perfopt__shards *shards);

/* The calling thread's block, NULL when out of memory. */
static inline void *perfopt__shards_mine(perfopt__shards *shards)
{
    perfopt__shard_slot *slot = &perfopt__shard_slots[0];
    if (__builtin_expect(slot->id == shards->id, 1))
        return slot->shard->block;
    return perfopt__shards_attach(shards);
}

/* All blocks, for readers: start with NULL, ends with NULL. */
static inline perfopt__shard *perfopt__shards_next(perfopt__shards *shards, perfopt__shard *shard)
{
    return shard ? shard->next : atomic_load_explicit(&shards->first, memory_order_acquire);
}

/* Zeroed memory that shares no cache line with anything else; NULL when out of memory. *storage is
 * what to free with perfopt__free(). */
void *perfopt__alloc_lines(size_t bytes, void **storage);

#endif
