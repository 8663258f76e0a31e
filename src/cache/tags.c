/*
 * tags.c - what has been invalidated: how a value that is older than an invalidation is recognised,
 * in this process and in every other, without comparing the clocks of two machines.
 *
 * Slots. A tag or key is hashed to one of 65,536 slots; to invalidate it is to stamp its slot. Two
 * names in one slot are invalidated together: a recomputation too many, never one too few. In
 * return everything here has a fixed size (1 MiB per cache, pages untouched until used), and no
 * lookup locks, allocates or waits.
 *
 * Local time. `sequence` counts the invalidations this process knows of. A value carries `as_of`:
 * the sequence that was read before it was computed. Invalidating a slot first counts the sequence
 * up to n and then stamps the slot with n, so
 *     computed from before the invalidation   =>  as_of < n   =>  never readable again,
 *     loader begun after it returned          =>  as_of >= n  =>  valid.
 * The comparison happens at every L1 hit, so it does not matter when a value arrives in L1.
 *
 * Redis time. The same construction shared by all processes: one sorted set holds a sequence, the
 * stamps, and a random epoch. A value in Redis carries (epoch, as_of) read from Redis before it was
 * computed. Stamping is one script, that is one step. All parts live in one key and so share one
 * fate: if Redis restarts empty or evicts the key, a new random epoch voids every value of the old
 * one, in Redis and in every L1, since invalidations may have been lost with it. A clear is just a
 * new epoch. A write that arrives late (a slow loader, a retransmission after a timeout) carries
 * its old as_of and is void if the slot was stamped meanwhile.
 *
 * Between the two. Every command that reads values also reads the stamps given since `synced`, and
 * the background thread does so each second. A stamp that is news is an invalidation in local time.
 * Thus other processes honour it in L1 within a second, and at once whenever they ask Redis.
 *
 * A value from Redis gets its local as_of under `lock`, after its Redis stamps were compared: an
 * invalidation of this process that finished before is then in the table, and one that comes later
 * gets a greater stamp.
 */
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "cache/cache_internal.h"

#include <string.h>

perfopt_status perfopt__tags_init(perfopt__tags *tags)
{
    memset(tags, 0, sizeof(*tags));
    tags->stamps = perfopt__calloc(PERFOPT__SLOTS, sizeof(*tags->stamps));
    tags->told = perfopt__calloc(PERFOPT__SLOTS, sizeof(*tags->told));
    if (!tags->stamps || !tags->told) {
        perfopt__free(tags->stamps);
        perfopt__free(tags->told);
        return PERFOPT_ENOMEM;
    }
    atomic_store(&tags->sequence, 1);
    pthread_mutex_init(&tags->lock, NULL);
    return PERFOPT_OK;
}

void perfopt__tags_finish(perfopt__tags *tags)
{
    pthread_mutex_destroy(&tags->lock);
    perfopt__free(tags->stamps);
    perfopt__free(tags->told);
}

/* ---- slots ---------------------------------------------------------------------------------- */

uint16_t perfopt__slot_of_key(const char *key, size_t length)
{
    return (uint16_t)perfopt__hash_stable(key, length);
}

/* Other bits than a key's, so that a tag that is called like a key is not tied to it. */
uint16_t perfopt__slot_of_tag(const char *tag, size_t length)
{
    return (uint16_t)(perfopt__hash_stable(tag, length) >> 32);
}

static bool is_separator(char c)
{
    return c == ',' || c == ' ';
}

perfopt_status perfopt__slots_read(perfopt__slots *slots, const perfopt__key *key, const char *tags,
                                   size_t tags_length)
{
    slots->slot[0] = perfopt__slot_of_key(key->bytes, key->length);
    slots->count = 1;
    size_t at = 0;
    while (at < tags_length) {
        size_t start = at;
        while (at < tags_length && !is_separator(tags[at]))
            at++;
        size_t length = at - start;
        at++;
        if (length == 0)
            continue;
        if (length > PERFOPT__MAX_TAG || slots->count > PERFOPT__MAX_TAGS)
            return PERFOPT_EINVAL;
        slots->slot[slots->count++] = perfopt__slot_of_tag(tags + start, length);
    }
    return PERFOPT_OK;
}

/* ---- local time ----------------------------------------------------------------------------- */

uint64_t perfopt__tags_now(const perfopt__tags *tags)
{
    return atomic_load(&tags->sequence);
}

bool perfopt__tags_valid(const perfopt__tags *tags, uint64_t as_of, const uint16_t *slots,
                         size_t count)
{
    if (as_of < atomic_load_explicit(&tags->cleared, memory_order_acquire))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (as_of < atomic_load_explicit(&tags->stamps[slots[i]], memory_order_acquire))
            return false;
    }
    return true;
}

/* A stamp never goes back, whatever the order in which two threads arrive. */
static void raise_to(_Atomic uint64_t *stamp, uint64_t value)
{
    uint64_t old = atomic_load(stamp);
    while (old < value && !atomic_compare_exchange_weak(stamp, &old, value)) {}
}

void perfopt__tags_invalidate(perfopt__tags *tags, uint16_t slot)
{
    raise_to(&tags->stamps[slot], atomic_fetch_add(&tags->sequence, 1) + 1);
}

void perfopt__tags_clear(perfopt__tags *tags)
{
    raise_to(&tags->cleared, atomic_fetch_add(&tags->sequence, 1) + 1);
}

/* ---- Redis time ----------------------------------------------------------------------------- */

perfopt__view perfopt__tags_view(perfopt__tags *tags)
{
    pthread_mutex_lock(&tags->lock);
    perfopt__view view = {tags->epoch, tags->synced, tags->latest, tags->resets};
    pthread_mutex_unlock(&tags->lock);
    return view;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t perfopt__new_epoch(void)
{
    return perfopt__random_u64() | 1;
}

/* The lock is held. */
static void begin_epoch(perfopt__tags *tags, uint64_t epoch)
{
    tags->epoch = epoch;
    tags->synced = 0;
    tags->latest = 0;
    tags->resets++;
    memset(tags->told, 0, PERFOPT__SLOTS * sizeof(*tags->told));
    perfopt__tags_clear(tags);
}

/* The lock is held. */
static void apply(perfopt__tags *tags, const perfopt__redis_state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        const perfopt__redis_change *change = &state->changes[i];
        if (change->stamp <= tags->told[change->slot])
            continue;
        tags->told[change->slot] = change->stamp;
        perfopt__tags_invalidate(tags, change->slot);
    }
    tags->latest = larger(tags->latest, state->sequence);
}

perfopt__learned perfopt__tags_learn(perfopt__tags *tags, const perfopt__view *sent,
                                     const perfopt__redis_state *state)
{
    perfopt__learned result = PERFOPT__LEARNED;
    pthread_mutex_lock(&tags->lock);
    if (state->epoch != tags->epoch) {
        /* If the epoch changed here since the command was sent, the reply may be from before. */
        if (sent->resets == tags->resets)
            begin_epoch(tags, state->epoch);
        else
            result = PERFOPT__OUTDATED;
    }
    if (result == PERFOPT__LEARNED) {
        apply(tags, state);
        /* A reply since a sequence of another epoch has left the beginning of this one out. */
        if (sent->synced == 0 || sent->epoch == state->epoch)
            tags->synced = larger(tags->synced, state->sequence);
        else
            result = PERFOPT__AGAIN;
    }
    pthread_mutex_unlock(&tags->lock);
    return result;
}

void perfopt__tags_told(perfopt__tags *tags, const uint16_t *slots, size_t count,
                        const perfopt__redis_stamped *stamped)
{
    pthread_mutex_lock(&tags->lock);
    perfopt__tags_told_locked(tags, slots, count, stamped);
    pthread_mutex_unlock(&tags->lock);
}

void perfopt__tags_told_locked(perfopt__tags *tags, const uint16_t *slots, size_t count,
                               const perfopt__redis_stamped *stamped)
{
    /* Stamps of an epoch that this process has not read yet are read with it. */
    for (size_t i = 0; stamped->epoch == tags->epoch && i < count; i++) {
        /* Our stamp hides another process's that was not read yet: that one is news. */
        if (stamped->before[i] > tags->told[slots[i]])
            perfopt__tags_invalidate(tags, slots[i]);
        tags->told[slots[i]] = larger(tags->told[slots[i]], stamped->stamp);
        tags->latest = larger(tags->latest, stamped->stamp);
    }
}

void perfopt__tags_reset_locked(perfopt__tags *tags, uint64_t epoch)
{
    if (tags->epoch != epoch)
        begin_epoch(tags, epoch);
}

bool perfopt__tags_admit(perfopt__tags *tags, const perfopt__recovery *recovery, uint64_t epoch,
                         uint64_t as_of, const perfopt__slots *slots, uint64_t *local_as_of)
{
    pthread_mutex_lock(&tags->lock);
    /* The time first, then what Redis was not told: an invalidation that is not in `told` yet adds
     * itself to the recovery before it counts the sequence up. */
    *local_as_of = atomic_load(&tags->sequence);
    bool valid = epoch != 0 && epoch == tags->epoch;
    for (size_t i = 0; valid && i < slots->count; i++)
        valid = as_of >= tags->told[slots->slot[i]] &&
                !perfopt__recovery_blocks(recovery, slots->slot[i]);
    pthread_mutex_unlock(&tags->lock);
    return valid;
}
