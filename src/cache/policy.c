/*
 * policy.c - in which order a shard evicts: S3-FIFO (Yang et al., SOSP 2023), in bytes.
 *
 *     new ──> small (10 %) ──hit twice──> main (90 %) ──> evicted
 *                  │                        ^    └─ hit since: goes round once more
 *                  └── else evicted ──> ghosts ──asked for again──┘
 *
 * A hit only counts up; entries move when space is needed. The small queue keeps at least eight
 * entries, or a cache of a few entries would throw out each one before its second use. Ghosts are
 * fingerprints in a direct-mapped table: a lost one costs a miss.
 *
 * Everything here runs under the shard's lock.
 */
#include "base/memory.h"
#include "cache/cache_internal.h"

#include <string.h>

#define SMALL          0
#define MAIN           1
#define SMALL_MIN      8u
#define HITS_MAX       3u
#define HITS_TO_MAIN   2u
#define BYTES_PER_ITEM 512u /* expected, for the number of ghosts */
#define GHOSTS_MIN     64u
#define GHOSTS_MAX     65536u

perfopt_status perfopt__policy_init(perfopt__policy *policy, uint64_t budget)
{
    memset(policy, 0, sizeof(*policy));
    size_t ghosts = GHOSTS_MIN;
    while (ghosts < GHOSTS_MAX && ghosts < budget / BYTES_PER_ITEM)
        ghosts *= 2;
    policy->ghosts = perfopt__calloc(ghosts, sizeof(*policy->ghosts));
    policy->ghost_mask = ghosts - 1;
    policy->small_bytes = budget / 10;
    return policy->ghosts ? PERFOPT_OK : PERFOPT_ENOMEM;
}

void perfopt__policy_finish(perfopt__policy *policy)
{
    perfopt__free(policy->ghosts);
    policy->ghosts = NULL;
}

uint64_t perfopt__policy_bytes(const perfopt__policy *policy)
{
    return (policy->ghost_mask + 1) * sizeof(*policy->ghosts);
}

/* ---- ghosts: 32 bits of the hash and the number of the eviction ------------------------------ */

static uint64_t *ghost_of(const perfopt__policy *policy, uint64_t hash)
{
    return &policy->ghosts[hash >> 32 & policy->ghost_mask];
}

static void remember(perfopt__policy *policy, uint64_t hash)
{
    *ghost_of(policy, hash) = hash << 32 | policy->evicted++;
}

/* Was it evicted from the small queue during about the last cacheful of evictions? */
static bool forget(perfopt__policy *policy, uint64_t hash)
{
    uint64_t *ghost = ghost_of(policy, hash);
    bool known = *ghost != 0 && *ghost >> 32 == (hash & UINT32_MAX) &&
                 policy->evicted - (uint32_t)*ghost <= policy->ghost_mask;
    if (known)
        *ghost = 0;
    return known;
}

/* ---- queues --------------------------------------------------------------------------------- */

static void push(perfopt__policy *policy, perfopt__entry *entry, uint8_t name)
{
    perfopt__queue *queue = &policy->queues[name];
    entry->queue = name;
    entry->newer = NULL;
    entry->older = queue->newest;
    if (queue->newest)
        queue->newest->newer = entry;
    else
        queue->oldest = entry;
    queue->newest = entry;
    queue->bytes += entry->cost;
    queue->count++;
}

void perfopt__policy_remove(perfopt__policy *policy, perfopt__entry *entry)
{
    perfopt__queue *queue = &policy->queues[entry->queue];
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        queue->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        queue->oldest = entry->newer;
    queue->bytes -= entry->cost;
    queue->count--;
}

void perfopt__policy_insert(perfopt__policy *policy, perfopt__entry *entry)
{
    entry->hits = 0;
    push(policy, entry, forget(policy, entry->hash) ? MAIN : SMALL);
}

void perfopt__policy_touch(perfopt__entry *entry)
{
    if (entry->hits < HITS_MAX)
        entry->hits++;
}

static perfopt__entry *evict_small(perfopt__policy *policy)
{
    perfopt__entry *entry = policy->queues[SMALL].oldest;
    perfopt__policy_remove(policy, entry);
    if (entry->hits >= HITS_TO_MAIN) {
        entry->hits = 0;
        push(policy, entry, MAIN);
        return NULL;
    }
    remember(policy, entry->hash);
    return entry;
}

static perfopt__entry *evict_main(perfopt__policy *policy)
{
    perfopt__entry *entry = policy->queues[MAIN].oldest;
    perfopt__policy_remove(policy, entry);
    if (entry->hits > 0) {
        entry->hits--;
        push(policy, entry, MAIN);
        return NULL;
    }
    return entry;
}

perfopt__entry *perfopt__policy_evict(perfopt__policy *policy)
{
    perfopt__queue *small = &policy->queues[SMALL];
    perfopt__queue *main = &policy->queues[MAIN];
    /* Each round lowers a hit count or moves an entry out of small, so it ends. */
    for (;;) {
        bool from_small =
            small->bytes > policy->small_bytes && (small->count > SMALL_MIN || main->count == 0);
        perfopt__entry *entry;
        if (small->count > 0 && (from_small || main->count == 0))
            entry = evict_small(policy);
        else if (main->count > 0)
            entry = evict_main(policy);
        else
            return NULL;
        if (entry)
            return entry;
    }
}
