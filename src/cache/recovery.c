/*
 * recovery.c - what Redis could not be told yet. An invalidation, or an overwrite that did not
 * reach Redis, is a slot to be stamped (tags.c), so all that can wait is one bit per slot and one
 * "clear": it needs no memory, cannot overflow, and telling twice does no harm.
 *
 * Until Redis was told, nothing is read from it for these slots. A bit is in `untold`, then in
 * both, then in `telling` alone, and is removed only together with entering the stamp into the
 * table of tags.c: at no moment is a slot neither blocked nor stamped.
 */
#include "base/error.h"
#include "cache/cache_internal.h"

#include <string.h>

#define WORDS (PERFOPT__SLOTS / 64)

void perfopt__recovery_init(perfopt__recovery *recovery)
{
    memset(recovery, 0, sizeof(*recovery));
}

static uint64_t bit_of(uint16_t slot)
{
    return (uint64_t)1 << slot % 64;
}

void perfopt__recovery_add(perfopt__recovery *recovery, uint16_t slot)
{
    /* First the count, so that a reader who sees none cannot have missed the bit. */
    atomic_fetch_add(&recovery->waiting, 1);
    if (atomic_fetch_or(&recovery->untold[slot / 64], bit_of(slot)) & bit_of(slot))
        atomic_fetch_sub(&recovery->waiting, 1);
}

void perfopt__recovery_add_clear(perfopt__recovery *recovery)
{
    atomic_fetch_add(&recovery->clears, 1);
}

bool perfopt__recovery_pending(const perfopt__recovery *recovery)
{
    return atomic_load(&recovery->waiting) > 0 || atomic_load(&recovery->clears) > 0;
}

bool perfopt__recovery_blocks(const perfopt__recovery *recovery, uint16_t slot)
{
    if (!perfopt__recovery_pending(recovery))
        return false;
    return atomic_load(&recovery->clears) > 0 || ((atomic_load(&recovery->untold[slot / 64]) |
                                                   atomic_load(&recovery->telling[slot / 64])) &
                                                  bit_of(slot));
}

/* ---- telling: the background thread only ---------------------------------------------------- */

static perfopt_status tell_clear(perfopt_cache *cache)
{
    perfopt__recovery *recovery = &cache->recovery;
    uint32_t wanted = atomic_load(&recovery->clears);
    if (wanted == 0)
        return PERFOPT_OK;
    uint64_t epoch = perfopt__new_epoch();
    perfopt_status status = perfopt__redis_reset(cache->redis, cache->state_key, epoch, NULL);
    if (status != PERFOPT_OK)
        return status;
    pthread_mutex_lock(&cache->tags.lock);
    perfopt__tags_reset_locked(&cache->tags, epoch);
    /* One that was wanted meanwhile stays: it may be later than the reset. */
    atomic_compare_exchange_strong(&recovery->clears, &wanted, 0);
    pthread_mutex_unlock(&cache->tags.lock);
    return PERFOPT_OK;
}

/* Moves up to PERFOPT__REDIS_BATCH slots to `telling`; *word goes on where it stopped. */
static size_t take_batch(perfopt__recovery *recovery, size_t *word, uint16_t *slots)
{
    size_t count = 0;
    for (; *word < WORDS && count + 64 <= PERFOPT__REDIS_BATCH; (*word)++) {
        uint64_t bits = atomic_load(&recovery->untold[*word]);
        if (bits == 0)
            continue;
        atomic_fetch_or(&recovery->telling[*word], bits);
        atomic_fetch_and(&recovery->untold[*word], ~bits);
        for (unsigned bit = 0; bit < 64; bit++) {
            if (bits >> bit & 1)
                slots[count++] = (uint16_t)(*word * 64 + bit);
        }
    }
    return count;
}

static void put_back(perfopt__recovery *recovery, const uint16_t *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        perfopt__recovery_add(recovery, slots[i]);
        atomic_fetch_and(&recovery->telling[slots[i] / 64], ~bit_of(slots[i]));
        atomic_fetch_sub(&recovery->waiting, 1);
    }
}

static void told(perfopt_cache *cache, const uint16_t *slots, size_t count,
                 const perfopt__redis_stamped *stamped)
{
    pthread_mutex_lock(&cache->tags.lock);
    perfopt__tags_told_locked(&cache->tags, slots, count, stamped);
    for (size_t i = 0; i < count; i++) {
        atomic_fetch_and(&cache->recovery.telling[slots[i] / 64], ~bit_of(slots[i]));
        atomic_fetch_sub(&cache->recovery.waiting, 1);
    }
    pthread_mutex_unlock(&cache->tags.lock);
}

perfopt_status perfopt__recovery_tell(perfopt_cache *cache)
{
    perfopt_status status = tell_clear(cache);
    size_t word = 0;
    while (status == PERFOPT_OK && atomic_load(&cache->recovery.waiting) > 0 && word < WORDS) {
        uint16_t slots[PERFOPT__REDIS_BATCH];
        perfopt__redis_stamped stamped;
        size_t count = take_batch(&cache->recovery, &word, slots);
        if (count == 0)
            break;
        status = perfopt__redis_stamp(cache->redis, cache->state_key, perfopt__new_epoch(), slots,
                                      count, NULL, 0, &stamped, NULL);
        if (status == PERFOPT_OK)
            told(cache, slots, count, &stamped);
        else
            put_back(&cache->recovery, slots, count);
    }
    return status;
}
