/*
 * store.c - L1: shards, each a hash table of entries under its own lock, bounded in bytes.
 *
 *     shard ── slots ──> [hash|entry] [    ] [hash|entry] ...      open addressing
 *        │                   │
 *        │                   └──> entry: slots to be invalidated by, key, value (retained)
 *        └── policy: queues through the entries, in eviction order
 *
 * A hit costs the hash of the key, the shard's lock, a probe, a compare, one load per invalidation
 * slot and a retain; it allocates nothing and frees nothing. A lock is held for a probe or the
 * change of a few entries; memory is allocated before and freed after.
 */
#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"
#include "cache/cache_internal.h"

#include <string.h>

#define MIN_CAPACITY      16u
#define MIN_SHARD_BYTES   (64u * 1024)
#define MALLOC_OVERHEAD   16u /* per block, about what the C library adds */
#define CLEANED_PER_WRITE 4u
#define SWEEP_BATCH       128u /* places looked at under one hold of the lock */

/* ---- life ----------------------------------------------------------------------------------- */

static perfopt_status shard_init(perfopt__shard *shard, uint64_t budget)
{
    shard->slots = perfopt__calloc(MIN_CAPACITY, sizeof(*shard->slots));
    if (!shard->slots)
        return PERFOPT_ENOMEM;
    if (perfopt__policy_init(&shard->policy, budget) != PERFOPT_OK) {
        perfopt__free(shard->slots);
        return PERFOPT_ENOMEM;
    }
    shard->capacity = MIN_CAPACITY;
    shard->bytes =
        perfopt__policy_bytes(&shard->policy) + MIN_CAPACITY * sizeof(perfopt__store_slot);
    pthread_mutex_init(&shard->lock, NULL);
    return PERFOPT_OK;
}

static void entry_free(perfopt__entry *entry)
{
    perfopt_bytes_release(entry->value);
    perfopt__free(entry);
}

static void shard_finish(perfopt__shard *shard)
{
    for (size_t i = 0; i < shard->capacity; i++) {
        if (shard->slots[i].entry)
            entry_free(shard->slots[i].entry);
    }
    perfopt__policy_finish(&shard->policy);
    perfopt__free(shard->slots);
    pthread_mutex_destroy(&shard->lock);
}

/* Shards are over-aligned, so that two never share a cache line; the block is a little larger. */
static perfopt__shard *shards_create(perfopt__store *store, size_t count)
{
    size_t alignment = _Alignof(perfopt__shard);
    store->memory = perfopt__calloc(1, count * sizeof(perfopt__shard) + alignment);
    if (!store->memory)
        return NULL;
    uintptr_t at = ((uintptr_t)store->memory + alignment - 1) & ~(uintptr_t)(alignment - 1);
    return (perfopt__shard *)at;
}

perfopt_status perfopt__store_init(perfopt__store *store, perfopt__tags *tags, uint64_t max_bytes,
                                   uint32_t shards, uint64_t max_entry_bytes)
{
    memset(store, 0, sizeof(*store));
    size_t count = 1;
    while (count < shards && max_bytes / (count * 2) >= MIN_SHARD_BYTES)
        count *= 2;
    store->tags = tags;
    store->shard_bytes = max_bytes / count;
    store->max_entry_bytes = store->shard_bytes / 8;
    if (store->max_entry_bytes > max_entry_bytes)
        store->max_entry_bytes = max_entry_bytes;
    store->shards = shards_create(store, count);
    if (!store->shards)
        return PERFOPT_ENOMEM;
    perfopt__groups_init(&store->groups);
    for (; store->shard_count < count; store->shard_count++) {
        if (shard_init(&store->shards[store->shard_count], store->shard_bytes) != PERFOPT_OK) {
            perfopt__store_finish(store);
            return PERFOPT_ENOMEM;
        }
    }
    return PERFOPT_OK;
}

void perfopt__store_finish(perfopt__store *store)
{
    for (size_t i = 0; i < store->shard_count; i++)
        shard_finish(&store->shards[i]);
    perfopt__groups_finish(&store->groups);
    perfopt__free(store->memory);
    memset(store, 0, sizeof(*store));
}

/* ---- the table; the shard's lock is held ---------------------------------------------------- */

/* The table uses the low bits of the hash, the choice of the shard the high ones. */
static perfopt__shard *shard_of(const perfopt__store *store, const perfopt__key *key)
{
    return &store->shards[(key->hash >> 48) & (store->shard_count - 1)];
}

const char *perfopt__entry_key(const perfopt__entry *entry)
{
    return (const char *)(entry->slots + entry->slot_count);
}

static bool has_key(const perfopt__entry *entry, const perfopt__key *key)
{
    return entry->key_length == key->length &&
           memcmp(perfopt__entry_key(entry), key->bytes, key->length) == 0;
}

/* Place of the key, or the free place where it would go. */
static size_t find(const perfopt__shard *shard, const perfopt__key *key)
{
    size_t mask = shard->capacity - 1;
    size_t i = key->hash & mask;
    while (shard->slots[i].entry &&
           !(shard->slots[i].hash == key->hash && has_key(shard->slots[i].entry, key)))
        i = (i + 1) & mask;
    return i;
}

/* Closes the hole by moving later entries of the same probe run back. */
static void close_hole(perfopt__shard *shard, size_t hole)
{
    size_t mask = shard->capacity - 1;
    for (size_t i = (hole + 1) & mask; shard->slots[i].entry; i = (i + 1) & mask) {
        size_t home = shard->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            shard->slots[hole] = shard->slots[i];
            hole = i;
        }
    }
    shard->slots[hole].entry = NULL;
}

static void account(perfopt__shard *shard, const perfopt__entry *entry, int sign)
{
    perfopt__group_counters *group = &shard->groups[entry->group];
    shard->count += (size_t)sign;
    shard->bytes += (uint64_t)((int64_t)entry->cost * sign);
    group->entries += (uint64_t)sign;
    group->bytes += (uint64_t)((int64_t)entry->cost * sign);
}

/* Takes the entry at a place out of the table; it waits in *dead to be freed without the lock. */
static void take_out(perfopt__shard *shard, size_t place, perfopt__entry **dead)
{
    perfopt__entry *entry = shard->slots[place].entry;
    perfopt__policy_remove(&shard->policy, entry);
    account(shard, entry, -1);
    close_hole(shard, place);
    entry->newer = *dead;
    *dead = entry;
}

static void free_dead(perfopt__entry *dead)
{
    while (dead) {
        perfopt__entry *next = dead->newer;
        entry_free(dead);
        dead = next;
    }
}

static bool is_readable(const perfopt__store *store, const perfopt__entry *entry, int64_t now_ms)
{
    return now_ms < entry->expires_ms &&
           perfopt__tags_valid(store->tags, entry->as_of, entry->slots, entry->slot_count);
}

static void count_expiry(perfopt__shard *shard, const perfopt__entry *entry, int64_t now_ms)
{
    if (now_ms >= entry->expires_ms)
        shard->counters[PERFOPT__EXPIRATIONS]++;
}

/* Looks at the next places of the table and removes what is not readable any more. */
static void clean(perfopt__store *store, perfopt__shard *shard, size_t places, int64_t now_ms,
                  perfopt__entry **dead)
{
    while (places > 0) {
        size_t at = shard->hand & (shard->capacity - 1);
        perfopt__entry *entry = shard->slots[at].entry;
        if (entry && !is_readable(store, entry, now_ms)) {
            count_expiry(shard, entry, now_ms);
            take_out(shard, at, dead); /* another entry may have moved here: look again */
        } else {
            shard->hand = at + 1;
            places--;
        }
    }
}

/* ---- tickets; the shard's lock is held ------------------------------------------------------ */

static void link_ticket(perfopt__shard *shard, const perfopt__key *key, perfopt__ticket *ticket)
{
    ticket->shard = shard;
    ticket->key = key;
    ticket->prev = NULL;
    ticket->next = shard->tickets;
    atomic_store(&ticket->stale, false);
    if (shard->tickets)
        shard->tickets->prev = ticket;
    shard->tickets = ticket;
}

static void unlink_ticket(perfopt__ticket *ticket)
{
    if (ticket->prev)
        ticket->prev->next = ticket->next;
    else if (ticket->shard->tickets == ticket)
        ticket->shard->tickets = ticket->next;
    if (ticket->next)
        ticket->next->prev = ticket->prev;
    ticket->shard = NULL;
}

/* Makes all tickets of the key but one stale. The list holds the misses being filled right now. */
static void mark_stale(const perfopt__shard *shard, const perfopt__key *key,
                       const perfopt__ticket *except)
{
    for (perfopt__ticket *t = shard->tickets; t; t = t->next) {
        if (t != except && t->key->hash == key->hash && t->key->length == key->length &&
            memcmp(t->key->bytes, key->bytes, key->length) == 0)
            atomic_store(&t->stale, true);
    }
}

void perfopt__ticket_open(perfopt__store *store, const perfopt__key *key, perfopt__ticket *ticket)
{
    perfopt__shard *shard = shard_of(store, key);
    pthread_mutex_lock(&shard->lock);
    mark_stale(shard, key, NULL);
    link_ticket(shard, key, ticket);
    pthread_mutex_unlock(&shard->lock);
}

void perfopt__ticket_close(perfopt__ticket *ticket)
{
    perfopt__shard *shard = ticket->shard;
    if (!shard)
        return;
    pthread_mutex_lock(&shard->lock);
    unlink_ticket(ticket);
    pthread_mutex_unlock(&shard->lock);
}

void perfopt__store_forget_tickets(perfopt__store *store)
{
    for (size_t i = 0; i < store->shard_count; i++)
        store->shards[i].tickets = NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static perfopt_status take_hit(perfopt__shard *shard, perfopt__entry *entry, perfopt_bytes **out)
{
    perfopt__policy_touch(entry);
    shard->counters[PERFOPT__HITS_L1]++;
    shard->groups[entry->group].hits++;
    if (!entry->value) {
        shard->counters[PERFOPT__ABSENT_HITS]++;
        return PERFOPT_EABSENT;
    }
    *out = perfopt_bytes_retain(entry->value);
    return PERFOPT_OK;
}

perfopt_status perfopt__store_get(perfopt__store *store, const perfopt__key *key, int64_t now_ms,
                                  perfopt__ticket *ticket, perfopt_bytes **out)
{
    perfopt__shard *shard = shard_of(store, key);
    perfopt__entry *dead = NULL;
    perfopt_status status = PERFOPT_ENOTFOUND;
    pthread_mutex_lock(&shard->lock);
    size_t place = find(shard, key);
    perfopt__entry *entry = shard->slots[place].entry;
    if (entry && is_readable(store, entry, now_ms)) {
        status = take_hit(shard, entry, out);
    } else {
        if (entry) {
            count_expiry(shard, entry, now_ms);
            take_out(shard, place, &dead);
        }
        if (ticket)
            link_ticket(shard, key, ticket);
    }
    pthread_mutex_unlock(&shard->lock);
    free_dead(dead);
    return status;
}

bool perfopt__store_has(perfopt__store *store, const perfopt__key *key, int64_t now_ms)
{
    perfopt__shard *shard = shard_of(store, key);
    pthread_mutex_lock(&shard->lock);
    const perfopt__entry *entry = shard->slots[find(shard, key)].entry;
    bool found = entry && is_readable(store, entry, now_ms);
    pthread_mutex_unlock(&shard->lock);
    return found;
}

/* ---- writing -------------------------------------------------------------------------------- */

static perfopt__entry *entry_new(perfopt__store *store, const perfopt__key *key,
                                 const perfopt__record *record, uint64_t cost)
{
    size_t slot_bytes = record->slots->count * sizeof(uint16_t);
    perfopt__entry *entry = perfopt__malloc(sizeof(*entry) + slot_bytes + key->length);
    if (!entry)
        return NULL;
    *entry = (perfopt__entry){.value = record->value ? perfopt_bytes_retain(record->value) : NULL,
                              .hash = key->hash,
                              .expires_ms = record->expires_ms,
                              .as_of = record->as_of,
                              .cost = (uint32_t)cost,
                              .key_length = (uint32_t)key->length,
                              .group = perfopt__groups_of(&store->groups, key),
                              .slot_count = record->slots->count};
    memcpy(entry->slots, record->slots->slot, slot_bytes);
    memcpy(entry->slots + entry->slot_count, key->bytes, key->length);
    return entry;
}

static uint64_t cost_of(const perfopt__key *key, const perfopt__record *record)
{
    uint64_t cost = sizeof(perfopt__entry) + record->slots->count * sizeof(uint16_t) + key->length +
                    MALLOC_OVERHEAD;
    if (record->value)
        cost += sizeof(perfopt_bytes) + perfopt_bytes_length(record->value) + 1 + MALLOC_OVERHEAD;
    return cost;
}

/* The only allocation under the lock; it happens once per doubling. */
static bool make_room_in_table(perfopt__shard *shard)
{
    if ((shard->count + 1) * 4 <= shard->capacity * 3)
        return true;
    size_t capacity = shard->capacity * 2;
    perfopt__store_slot *slots = perfopt__calloc(capacity, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < shard->capacity; i++) {
        if (!shard->slots[i].entry)
            continue;
        size_t at = shard->slots[i].hash & (capacity - 1);
        while (slots[at].entry)
            at = (at + 1) & (capacity - 1);
        slots[at] = shard->slots[i];
    }
    perfopt__free(shard->slots);
    shard->slots = slots;
    shard->bytes += (capacity - shard->capacity) * sizeof(*slots);
    shard->capacity = capacity;
    return true;
}

/* Place of an entry that is in the table. */
static size_t place_of(const perfopt__shard *shard, const perfopt__entry *entry)
{
    size_t mask = shard->capacity - 1;
    size_t i = entry->hash & mask;
    while (shard->slots[i].entry != entry)
        i = (i + 1) & mask;
    return i;
}

static void make_room_in_budget(perfopt__store *store, perfopt__shard *shard, uint64_t cost,
                                perfopt__entry **dead)
{
    while (shard->bytes + cost > store->shard_bytes) {
        perfopt__entry *victim = perfopt__policy_evict(&shard->policy);
        if (!victim)
            return;
        account(shard, victim, -1);
        close_hole(shard, place_of(shard, victim));
        shard->counters[PERFOPT__EVICTIONS]++;
        shard->groups[victim->group].evictions++;
        victim->newer = *dead;
        *dead = victim;
    }
}

static void remove_key(perfopt__shard *shard, const perfopt__key *key, perfopt__entry **dead)
{
    size_t place = find(shard, key);
    if (shard->slots[place].entry)
        take_out(shard, place, dead);
}

/* Puts an entry in (NULL: out of memory, only removes). The lock is held. */
static perfopt_status put(perfopt__store *store, perfopt__shard *shard, const perfopt__key *key,
                          perfopt__entry *entry, int64_t now_ms, perfopt__entry **dead)
{
    remove_key(shard, key, dead);
    clean(store, shard, CLEANED_PER_WRITE, now_ms, dead);
    if (!entry || !make_room_in_table(shard))
        return PERFOPT_ENOMEM;
    make_room_in_budget(store, shard, entry->cost, dead);
    shard->slots[find(shard, key)] = (perfopt__store_slot){key->hash, entry};
    perfopt__policy_insert(&shard->policy, entry);
    account(shard, entry, 1);
    return PERFOPT_OK;
}

static perfopt_status store_record(perfopt__store *store, perfopt__ticket *ticket,
                                   const perfopt__record *record, int64_t now_ms, bool overwrite)
{
    perfopt__shard *shard = ticket->shard;
    const perfopt__key *key = ticket->key;
    uint64_t cost = record ? cost_of(key, record) : 0;
    bool fits = record && cost <= store->max_entry_bytes;
    perfopt__entry *entry = fits ? entry_new(store, key, record, cost) : NULL;
    perfopt__entry *dead = NULL;
    perfopt_status status;

    pthread_mutex_lock(&shard->lock);
    bool stale = atomic_load(&ticket->stale);
    if (overwrite) {
        unlink_ticket(ticket);
        mark_stale(shard, key, NULL);
    } else if (record) {
        stale |= !perfopt__tags_valid(store->tags, record->as_of, record->slots->slot,
                                      record->slots->count);
    }
    if (stale || !fits) {
        status = stale ? PERFOPT_ECANCELED : PERFOPT_ELIMIT;
        if (overwrite)
            remove_key(shard, key, &dead);
    } else {
        status = put(store, shard, key, entry, now_ms, &dead);
    }
    pthread_mutex_unlock(&shard->lock);

    if (entry && status != PERFOPT_OK)
        entry_free(entry);
    free_dead(dead);
    return status;
}

perfopt_status perfopt__store_commit(perfopt__store *store, perfopt__ticket *ticket,
                                     const perfopt__record *record, int64_t now_ms)
{
    return store_record(store, ticket, record, now_ms, false);
}

perfopt_status perfopt__store_overwrite(perfopt__store *store, perfopt__ticket *ticket,
                                        const perfopt__record *record, int64_t now_ms)
{
    return store_record(store, ticket, record, now_ms, true);
}

/* ---- removing ------------------------------------------------------------------------------- */

bool perfopt__store_delete(perfopt__store *store, const perfopt__key *key, int64_t now_ms)
{
    perfopt__shard *shard = shard_of(store, key);
    perfopt__entry *dead = NULL;
    pthread_mutex_lock(&shard->lock);
    mark_stale(shard, key, NULL);
    size_t place = find(shard, key);
    bool found = shard->slots[place].entry != NULL;
    if (found) {
        found = is_readable(store, shard->slots[place].entry, now_ms);
        take_out(shard, place, &dead);
    }
    shard->counters[PERFOPT__DELETES]++;
    pthread_mutex_unlock(&shard->lock);
    free_dead(dead);
    return found;
}

static void match_tickets(const perfopt__shard *shard, const char *pattern, size_t length,
                          uint64_t *pending)
{
    for (perfopt__ticket *t = shard->tickets; t; t = t->next) {
        if (!perfopt__glob_match(pattern, length, t->key->bytes, t->key->length))
            continue;
        uint16_t slot = perfopt__slot_of_key(t->key->bytes, t->key->length);
        pending[slot / 64] |= (uint64_t)1 << slot % 64;
        atomic_store(&t->stale, true);
    }
}

void perfopt__store_match_tickets(perfopt__store *store, const char *pattern, size_t length,
                                  uint64_t *pending)
{
    for (size_t s = 0; s < store->shard_count; s++) {
        pthread_mutex_lock(&store->shards[s].lock);
        match_tickets(&store->shards[s], pattern, length, pending);
        pthread_mutex_unlock(&store->shards[s].lock);
    }
}

uint64_t perfopt__store_match(perfopt__store *store, const char *pattern, size_t length,
                              bool dry_run, int64_t now_ms, uint64_t *pending)
{
    uint64_t count = 0;
    for (size_t s = 0; s < store->shard_count; s++) {
        perfopt__shard *shard = &store->shards[s];
        perfopt__entry *dead = NULL;
        pthread_mutex_lock(&shard->lock);
        if (!dry_run)
            match_tickets(shard, pattern, length, pending);
        /* Downwards from a free place: removing then moves only entries that were looked at. */
        size_t mask = shard->capacity - 1;
        size_t gap = 0;
        while (shard->slots[gap].entry)
            gap++;
        for (size_t n = 1; n < shard->capacity; n++) {
            size_t i = (gap - n) & mask;
            const perfopt__entry *entry = shard->slots[i].entry;
            if (!entry || !is_readable(store, entry, now_ms) ||
                !perfopt__glob_match(pattern, length, perfopt__entry_key(entry), entry->key_length))
                continue;
            count++;
            if (!dry_run)
                take_out(shard, i, &dead);
        }
        pthread_mutex_unlock(&shard->lock);
        free_dead(dead);
    }
    return count;
}

void perfopt__store_sweep(perfopt__store *store, size_t max_slots, int64_t now_ms)
{
    for (size_t s = 0; s < store->shard_count; s++) {
        perfopt__shard *shard = &store->shards[s];
        size_t left = max_slots;
        do {
            perfopt__entry *dead = NULL;
            pthread_mutex_lock(&shard->lock);
            if (left > shard->capacity)
                left = shard->capacity;
            size_t batch = left < SWEEP_BATCH ? left : SWEEP_BATCH;
            clean(store, shard, batch, now_ms, &dead);
            pthread_mutex_unlock(&shard->lock);
            free_dead(dead);
            left -= batch;
        } while (left > 0);
    }
}

void perfopt__store_count(perfopt__store *store, const perfopt__key *key, perfopt__counter counter)
{
    perfopt__shard *shard = shard_of(store, key);
    uint16_t group = perfopt__groups_of(&store->groups, key);
    pthread_mutex_lock(&shard->lock);
    shard->counters[counter]++;
    if (counter == PERFOPT__HITS_L2)
        shard->groups[group].hits++;
    else if (counter == PERFOPT__MISSES)
        shard->groups[group].misses++;
    else if (counter == PERFOPT__WRITES)
        shard->groups[group].writes++;
    pthread_mutex_unlock(&shard->lock);
}
