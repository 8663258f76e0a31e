/*
 * cache_internal.h - what the parts of the cache share, grouped by the file that owns each part.
 *
 *     get_or_compute ──> flight.c        one loader per key
 *          │
 *     cache.c, many.c, invalidate.c      the public functions
 *          │
 *     store.c ── policy.c ── groups.c    L1: shards, eviction order, statistics
 *     tags.c                             what has been invalidated since when
 *     level2.c ── envelope.c             L2: reading and writing through ...
 *     recovery.c                         what Redis could not be told yet
 *     redis/                             ... the only user of hiredis
 */
#ifndef PERFOPT_SRC_CACHE_CACHE_INTERNAL_H
#define PERFOPT_SRC_CACHE_CACHE_INTERNAL_H

#include "base/strbuf.h"
#include "cache/redis/redis.h"

#include <perfopt/cache.h>
#include <pthread.h>
#include <stdatomic.h>

#define PERFOPT__MAX_KEY       (64u * 1024)
#define PERFOPT__MAX_VALUE     ((size_t)512 * 1024 * 1024)
#define PERFOPT__MAX_L2_VALUE  ((size_t)64 * 1024 * 1024)
#define PERFOPT__MAX_TAGS      64u
#define PERFOPT__MAX_TAG       200u
#define PERFOPT__MAX_REDIS_KEY 250u /* longer keys are stored under their hash */
/* Beyond a hundred years a TTL is "for ever"; the bound keeps sums from overflowing. */
#define PERFOPT__MAX_TTL_MS ((int64_t)100 * 365 * 86400000)

typedef struct perfopt__key {
    const char *bytes;
    size_t length;
    uint64_t hash; /* perfopt__hash() */
} perfopt__key;

/* PERFOPT_EINVAL if the key is too long (or NULL with a length). */
perfopt_status perfopt__key_init(perfopt__key *key, const void *bytes, size_t length);

/* ---- tags.c: what has been invalidated ------------------------------------------------------ */

#define PERFOPT__SLOTS 65536u

/* The slots whose invalidation invalidates an entry: its key's and its tags'. */
typedef struct perfopt__slots {
    uint16_t count;
    uint16_t slot[1 + PERFOPT__MAX_TAGS];
} perfopt__slots;

typedef struct perfopt__tags {
    _Atomic uint64_t sequence; /* local time: counts invalidations */
    _Atomic uint64_t cleared;  /* local time of the last clear */
    _Atomic uint64_t *stamps;  /* [SLOTS] local time of each slot's last invalidation */
    pthread_mutex_t lock;      /* all below */
    uint64_t *told;            /* [SLOTS] Redis time of each slot's last invalidation */
    uint64_t epoch;            /* of Redis; 0 = not read yet */
    uint64_t synced;           /* every invalidation up to this Redis time is in `told` */
    uint64_t latest;           /* newest Redis time seen; >= synced */
    uint64_t resets;           /* changes of epoch seen */
} perfopt__tags;

/* What was known when a command was sent. */
typedef struct perfopt__view {
    uint64_t epoch;
    uint64_t synced;
    uint64_t latest;
    uint64_t resets;
} perfopt__view;

typedef enum perfopt__learned {
    PERFOPT__LEARNED, /* the table is complete up to the reply's sequence */
    PERFOPT__AGAIN,   /* a new epoch: read again with the new view */
    PERFOPT__OUTDATED /* the reply is older than what is known: do not use it */
} perfopt__learned;

perfopt_status perfopt__tags_init(perfopt__tags *tags);
void perfopt__tags_finish(perfopt__tags *tags);
uint16_t perfopt__slot_of_key(const char *key, size_t length);
uint16_t perfopt__slot_of_tag(const char *tag, size_t length);
/* Slots of a key and a list of tags ("a,b c"; NULL = none). PERFOPT_EINVAL if a tag is too long or
 * there are too many. */
perfopt_status perfopt__slots_read(perfopt__slots *slots, const perfopt__key *key, const char *tags,
                                   size_t tags_length);
uint64_t perfopt__tags_now(const perfopt__tags *tags);
/* Wait-free. Is what was computed at local time `as_of` still good? */
bool perfopt__tags_valid(const perfopt__tags *tags, uint64_t as_of, const uint16_t *slots,
                         size_t count);
/* Invalidation in this process. */
void perfopt__tags_invalidate(perfopt__tags *tags, uint16_t slot);
void perfopt__tags_clear(perfopt__tags *tags);
/* Knowledge from Redis. */
perfopt__view perfopt__tags_view(perfopt__tags *tags);
perfopt__learned perfopt__tags_learn(perfopt__tags *tags, const perfopt__view *sent,
                                     const perfopt__redis_state *state);
/* Redis has stamped slots at our request. */
void perfopt__tags_told(perfopt__tags *tags, const uint16_t *slots, size_t count,
                        const perfopt__redis_stamped *stamped);
void perfopt__tags_told_locked(perfopt__tags *tags, const uint16_t *slots, size_t count,
                               const perfopt__redis_stamped *stamped);
/* Redis has taken a new epoch at our request. The lock is held. */
void perfopt__tags_reset_locked(perfopt__tags *tags, uint64_t epoch);
/* A random epoch; never 0. */
uint64_t perfopt__new_epoch(void);
/* Is what was written to Redis at (epoch, as_of) still good? Gives the local time as of which. */
typedef struct perfopt__recovery perfopt__recovery;
bool perfopt__tags_admit(perfopt__tags *tags, const perfopt__recovery *recovery, uint64_t epoch,
                         uint64_t as_of, const perfopt__slots *slots, uint64_t *local_as_of);

/* ---- groups.c: statistics by prefix --------------------------------------------------------- */

#define PERFOPT__GROUPS      100u
#define PERFOPT__GROUP_OTHER PERFOPT__GROUPS
#define PERFOPT__GROUP_NAME  48u

typedef struct perfopt__groups {
    _Atomic uint16_t index[256]; /* hash table: number of the group + 1 */
    char names[PERFOPT__GROUPS][PERFOPT__GROUP_NAME];
    _Atomic uint32_t count;
    pthread_mutex_t lock; /* adding only */
} perfopt__groups;

void perfopt__groups_init(perfopt__groups *groups);
void perfopt__groups_finish(perfopt__groups *groups);
/* Number of the key's group, added if there is room. Wait-free once the group exists. */
uint16_t perfopt__groups_of(perfopt__groups *groups, const perfopt__key *key);

/* ---- policy.c: the eviction order of one shard ---------------------------------------------- */

typedef struct perfopt__entry {
    struct perfopt__entry *newer; /* in its queue; also links entries that wait to be freed */
    struct perfopt__entry *older;
    perfopt_bytes *value; /* NULL = known to be absent */
    uint64_t hash;
    int64_t expires_ms; /* monotonic */
    uint64_t as_of;     /* local time, see tags.c */
    uint32_t cost;      /* bytes of everything */
    uint32_t key_length;
    uint16_t group;
    uint8_t hits;  /* saturates at 3 */
    uint8_t queue; /* perfopt__queue_name */
    uint16_t slot_count;
    uint16_t slots[]; /* then the key */
} perfopt__entry;

const char *perfopt__entry_key(const perfopt__entry *entry);

typedef struct perfopt__queue {
    perfopt__entry *newest;
    perfopt__entry *oldest;
    uint64_t bytes;
    uint64_t count;
} perfopt__queue;

typedef struct perfopt__policy {
    perfopt__queue queues[2]; /* small, main */
    uint64_t small_bytes;     /* target of the small queue */
    uint64_t *ghosts;         /* fingerprints of what was evicted lately */
    size_t ghost_mask;
    uint32_t evicted; /* counts evictions into ghosts */
} perfopt__policy;

perfopt_status perfopt__policy_init(perfopt__policy *policy, uint64_t budget);
void perfopt__policy_finish(perfopt__policy *policy);
/* Bytes the policy itself needs. */
uint64_t perfopt__policy_bytes(const perfopt__policy *policy);
void perfopt__policy_insert(perfopt__policy *policy, perfopt__entry *entry);
/* A hit: one store at most. */
void perfopt__policy_touch(perfopt__entry *entry);
void perfopt__policy_remove(perfopt__policy *policy, perfopt__entry *entry);
/* Chooses what to evict and removes it from the queues; NULL if there is nothing. */
perfopt__entry *perfopt__policy_evict(perfopt__policy *policy);

/* ---- store.c: L1 ---------------------------------------------------------------------------- */

typedef enum perfopt__counter {
    PERFOPT__HITS_L1,
    PERFOPT__HITS_L2,
    PERFOPT__MISSES,
    PERFOPT__ABSENT_HITS,
    PERFOPT__WRITES,
    PERFOPT__DELETES,
    PERFOPT__EVICTIONS,
    PERFOPT__EXPIRATIONS,
    PERFOPT__LOADS,
    PERFOPT__LOAD_ERRORS,
    PERFOPT__LOAD_WAITS,
    PERFOPT__DISCARDED,
    PERFOPT__COUNTERS
} perfopt__counter;

typedef struct perfopt__group_counters {
    uint64_t hits, misses, writes, evictions, entries, bytes;
} perfopt__group_counters;

typedef struct perfopt__store_slot {
    uint64_t hash;
    perfopt__entry *entry; /* NULL = free */
} perfopt__store_slot;

typedef struct perfopt__ticket perfopt__ticket;

typedef struct perfopt__shard {
    _Alignas(128) pthread_mutex_t lock;
    perfopt__store_slot *slots; /* open addressing, linear probing, load <= 3/4 */
    size_t capacity;
    size_t count;
    size_t hand;    /* where the cleaning goes on */
    uint64_t bytes; /* entries, table and policy */
    perfopt__ticket *tickets;
    perfopt__policy policy;
    uint64_t counters[PERFOPT__COUNTERS];
    perfopt__group_counters groups[PERFOPT__GROUPS + 1];
} perfopt__shard;

typedef struct perfopt__store {
    void *memory; /* of the shards, before alignment */
    perfopt__shard *shards;
    size_t shard_count; /* power of two */
    uint64_t shard_bytes;
    uint64_t max_entry_bytes;
    perfopt__tags *tags;
    perfopt__groups groups;
} perfopt__store;

/*
 * Announces that a value for a key is on its way into L1. While a ticket is open, whatever
 * overwrites or removes the key makes it stale (under the shard's lock), and a stale ticket stores
 * nothing. It lives in the caller's storage.
 */
struct perfopt__ticket {
    perfopt__ticket *next;
    perfopt__ticket *prev;
    perfopt__shard *shard; /* NULL = not open */
    const perfopt__key *key;
    atomic_bool stale;
};

/* What to store. */
typedef struct perfopt__record {
    perfopt_bytes *value; /* borrowed; NULL = known to be absent */
    int64_t expires_ms;
    uint64_t as_of;
    const perfopt__slots *slots;
} perfopt__record;

perfopt_status perfopt__store_init(perfopt__store *store, perfopt__tags *tags, uint64_t max_bytes,
                                   uint32_t shards, uint64_t max_entry_bytes);
void perfopt__store_finish(perfopt__store *store);
/* PERFOPT_OK (*out has a reference), PERFOPT_EABSENT (both count as a hit) or PERFOPT_ENOTFOUND,
 * which opens `ticket` in the same step. `ticket` NULL: only look. Counts no miss. */
perfopt_status perfopt__store_get(perfopt__store *store, const perfopt__key *key, int64_t now_ms,
                                  perfopt__ticket *ticket, perfopt_bytes **out);
/* As get, without counting, touching and reading. */
bool perfopt__store_has(perfopt__store *store, const perfopt__key *key, int64_t now_ms);
/* For an overwrite: opens a ticket and makes all others of the key stale. */
void perfopt__ticket_open(perfopt__store *store, const perfopt__key *key, perfopt__ticket *ticket);
void perfopt__ticket_close(perfopt__ticket *ticket);
/* Stores what a read or a loader brought (NULL: only tells whether it might); the ticket stays
 * open. PERFOPT_OK; PERFOPT_ECANCELED (invalidated meanwhile); PERFOPT_ELIMIT (too large for L1),
 * PERFOPT_ENOMEM. */
perfopt_status perfopt__store_commit(perfopt__store *store, perfopt__ticket *ticket,
                                     const perfopt__record *record, int64_t now_ms);
/* Stores an overwrite, and closes the ticket. If another overwrite or removal came between, the key
 * is removed, so that the order in Redis decides. */
perfopt_status perfopt__store_overwrite(perfopt__store *store, perfopt__ticket *ticket,
                                        const perfopt__record *record, int64_t now_ms);
/* Removes a key and makes its tickets stale; true if a readable value was there. */
bool perfopt__store_delete(perfopt__store *store, const perfopt__key *key, int64_t now_ms);
/* Makes the matching tickets stale and sets the bit of each one's key slot in `pending` (SLOTS
 * bits).
 */
void perfopt__store_match_tickets(perfopt__store *store, const char *pattern, size_t length,
                                  uint64_t *pending);
/* Counts the keys that match; unless dry_run removes them and does as match_tickets. */
uint64_t perfopt__store_match(perfopt__store *store, const char *pattern, size_t length,
                              bool dry_run, int64_t now_ms, uint64_t *pending);
/* Removes expired and invalidated entries: looks at `max_slots` places of each shard. */
void perfopt__store_sweep(perfopt__store *store, size_t max_slots, int64_t now_ms);
void perfopt__store_count(perfopt__store *store, const perfopt__key *key, perfopt__counter counter);
/* After a fork the other threads' tickets are gone. */
void perfopt__store_forget_tickets(perfopt__store *store);

/* ---- glob.c --------------------------------------------------------------------------------- */

/* Redis' glob: * ? [a-z] [^a] and backslash. Linear in memory, at most quadratic in time. */
bool perfopt__glob_match(const char *pattern, size_t pattern_length, const char *text,
                         size_t length);

/* ---- envelope.c: the wire format ------------------------------------------------------------ */

typedef struct perfopt__envelope {
    bool absent;
    uint64_t epoch; /* of Redis, and the time in it as of which the value is good */
    uint64_t as_of;
    int64_t created_ms; /* wall */
    int64_t expires_ms; /* wall */
    const char *key;
    size_t key_length;
    const char *tags; /* as in perfopt_store_options */
    size_t tags_length;
    const char *data;
    size_t length;
} perfopt__envelope;

/* Appends the envelope. Without memory to compress it is written as it is. */
perfopt_status perfopt__envelope_write(const perfopt__envelope *envelope, perfopt__strbuf *out);
/* Gives a written envelope another epoch and as_of. */
void perfopt__envelope_restamp(char *bytes, size_t length, uint64_t epoch, uint64_t as_of);
/* `out` borrows from `bytes`, without data. PERFOPT_OK, or PERFOPT_EPROTO for anything that this
 * version did not write. */
perfopt_status perfopt__envelope_read(const char *bytes, size_t length, perfopt__envelope *out);
/* The value of an envelope that was read; PERFOPT_EPROTO, PERFOPT_ENOMEM. */
perfopt_status perfopt__envelope_value(const char *bytes, size_t length, perfopt_bytes **out);

/* ---- flight.c: one loader per key ----------------------------------------------------------- */

#define PERFOPT__FLIGHT_STRIPES 8u

typedef struct perfopt__flight {
    struct perfopt__flight *next;
    struct perfopt__flight *prev;
    const perfopt__key *key; /* the leader's; only valid while it is in the list */
    pthread_t owner;
    perfopt__ticket ticket;
    pthread_cond_t done;
    unsigned refs;
    bool finished;
    bool usable; /* waiters may take the outcome, if it is valid still: */
    uint64_t as_of;
    perfopt__slots slots;
    perfopt_status status; /* of the outcome */
    perfopt_bytes *value;
    perfopt_error error;
} perfopt__flight;

typedef struct perfopt__flight_stripe {
    _Alignas(128) pthread_mutex_t lock;
    perfopt__flight *flights;
} perfopt__flight_stripe;

typedef struct perfopt__flights {
    perfopt__flight_stripe stripes[PERFOPT__FLIGHT_STRIPES];
} perfopt__flights;

void perfopt__flights_init(perfopt__flights *flights);
void perfopt__flights_finish(perfopt__flights *flights);
/* PERFOPT_OK: the caller leads *out and must land it. PERFOPT_EBUSY: *out is another thread's, wait
 * for it. PERFOPT_EDEADLOCK: this thread is loading the key already. PERFOPT_ENOMEM. */
perfopt_status perfopt__flight_join(perfopt__flights *flights, const perfopt__key *key,
                                    perfopt__flight **out);
/* Waits for another thread's flight and gives it back. True: *status, *value (a reference) and err
 * are its outcome. False: it took longer than wait_ms (*timed_out) or its outcome was invalidated.
 */
bool perfopt__flight_wait(perfopt__flights *flights, const perfopt__tags *tags,
                          perfopt__flight *flight, uint64_t hash, int64_t wait_ms, bool *timed_out,
                          perfopt_status *status, perfopt_bytes **value, perfopt_error *err);
/* Ends a flight that the caller leads, closes its ticket and wakes the waiters. The leader has set
 * as_of and slots, if what it brings can be invalidated. */
void perfopt__flight_land(perfopt__flights *flights, perfopt__flight *flight, bool usable,
                          perfopt_status status, perfopt_bytes *value, const perfopt_error *err);
void perfopt__flights_after_fork(perfopt__flights *flights);

/* ---- recovery.c: what Redis could not be told ----------------------------------------------- */

struct perfopt__recovery {
    _Atomic uint64_t untold[PERFOPT__SLOTS / 64]; /* slots to stamp */
    _Atomic uint64_t telling[PERFOPT__SLOTS / 64];
    _Atomic uint32_t waiting; /* slots added and not told yet, at least; 0 = none */
    _Atomic uint32_t clears;  /* > 0: a new epoch is to be set */
};

void perfopt__recovery_init(perfopt__recovery *recovery);
void perfopt__recovery_add(perfopt__recovery *recovery, uint16_t slot);
void perfopt__recovery_add_clear(perfopt__recovery *recovery);
bool perfopt__recovery_pending(const perfopt__recovery *recovery);
/* Must this slot not be read from Redis? */
bool perfopt__recovery_blocks(const perfopt__recovery *recovery, uint16_t slot);
/* Tells Redis everything that waits; stops at the first failure. */
perfopt_status perfopt__recovery_tell(perfopt_cache *cache);

/* ---- background.c, fork.c ------------------------------------------------------------------- */

typedef struct perfopt__background {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool running;
    bool stop;
    bool woken;
} perfopt__background;

void perfopt__background_init(perfopt_cache *cache);
void perfopt__background_finish(perfopt_cache *cache);
/* Starts the thread if it does not run: at creation, and in a forked child at first use. */
perfopt_status perfopt__background_ensure(perfopt_cache *cache);
void perfopt__background_wake(void *cache);
/* What the thread does once a second: cleaning. */
void perfopt__cache_tick(perfopt_cache *cache, int64_t now_ms);

/* In the child: the thread is gone. The lock is held. */
void perfopt__background_after_fork(perfopt_cache *cache);
/* The kernel's clock: waiting for threads takes real time, whatever clock the process has set. */
int64_t perfopt__monotonic_ms(void);

void perfopt__fork_register(perfopt_cache *cache);
void perfopt__fork_unregister(perfopt_cache *cache);

/* ---- cache.c -------------------------------------------------------------------------------- */

struct perfopt_cache {
    perfopt_cache *next; /* fork.c */
    perfopt_cache_options options;
    perfopt__store store;
    perfopt__tags tags;
    perfopt__flights flights;
    perfopt__recovery recovery;
    perfopt__background background;
    perfopt__redis *redis; /* NULL = in-process only */
    char *prefix;
    char *state_key;
    _Atomic uint64_t invalidations;
    _Atomic uint64_t damaged;
};

/* Store options of a call, with the cache's defaults and the jitter applied. */
typedef struct perfopt__plan {
    int64_t ttl_ms;
    const char *tags;
    size_t tags_length;
    bool l1;
    bool l2;
    bool store; /* false = negative TTL */
    perfopt__slots slots;
} perfopt__plan;

/* PERFOPT_EINVAL if the tags are malformed. */
perfopt_status perfopt__plan_read(const perfopt_cache *cache, const perfopt__key *key,
                                  const perfopt_store_options *options, bool absent,
                                  perfopt__plan *plan);
/* A copy of the caller's options of any version. */
perfopt_status perfopt__store_options_read(const perfopt_store_options *options,
                                           perfopt_store_options *own);
int64_t perfopt__expiry(int64_t now_ms, int64_t ttl_ms);

/* ---- level2.c: Redis as seen by the cache --------------------------------------------------- */

/* The moment in Redis before which a loader has read nothing. */
typedef struct perfopt__fence {
    uint64_t epoch; /* 0 = Redis was not asked: do not write there */
    uint64_t as_of;
} perfopt__fence;

/* One key to look up in Redis and its outcome. */
typedef struct perfopt__lookup {
    const perfopt__key *key;
    perfopt_status status; /* PERFOPT_OK, PERFOPT_EABSENT, PERFOPT_ENOTFOUND */
    perfopt_bytes *value;  /* a reference, with PERFOPT_OK */
    int64_t expires_ms;    /* monotonic */
    uint64_t as_of;        /* local time */
    perfopt__slots slots;
} perfopt__lookup;

/* One value to write to Redis. */
typedef struct perfopt__write {
    const perfopt__key *key;
    perfopt_bytes *value; /* borrowed; NULL = known to be absent */
    const perfopt__plan *plan;
    bool done; /* out: Redis has it */
} perfopt__write;

bool perfopt__level2_ready(perfopt_cache *cache);
/* Fills the lookups, all PERFOPT_ENOTFOUND if Redis cannot answer; adds the time waited. */
void perfopt__level2_read(perfopt_cache *cache, perfopt__lookup *lookups, size_t count,
                          int64_t now_ms, perfopt__fence *fence);
/* Writes overwrites: what cannot be written is made unreadable in Redis. */
void perfopt__level2_overwrite(perfopt_cache *cache, perfopt__write *writes, size_t count);
/* Writes what a loader computed, as of its fence. */
void perfopt__level2_write(perfopt_cache *cache, perfopt__write *write,
                           const perfopt__fence *fence);
/* Stamps slots (at most PERFOPT__REDIS_BATCH) and removes a key (may be NULL) in Redis. On failure
 * the slots wait in the recovery: PERFOPT_EUNAVAILABLE. */
perfopt_status perfopt__level2_stamp(perfopt_cache *cache, const uint16_t *slots, size_t count,
                                     const perfopt__key *key, uint64_t *removed,
                                     perfopt_error *err);
/* Sets a new epoch; on failure it waits in the recovery: PERFOPT_EUNAVAILABLE. */
perfopt_status perfopt__level2_reset(perfopt_cache *cache, perfopt_error *err);
/* Reads what other processes have invalidated. */
void perfopt__level2_sync(perfopt_cache *cache);
/* Appends the name of a key in Redis. */
void perfopt__level2_name(const perfopt_cache *cache, const perfopt__key *key,
                          perfopt__strbuf *out);

#endif
