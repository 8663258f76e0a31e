/*
 * shards.c - handing per-thread blocks out and on. One lock for all sets; it is taken on a thread's
 * first use of a set, when a thread ends, when a set is made or destroyed, and around fork().
 */
#include "metrics/shards.h"

#include "base/memory.h"

#include <pthread.h>
#include <string.h>

_Thread_local perfopt__shard_slot perfopt__shard_slots[PERFOPT__SHARD_SLOTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static perfopt__shards *living;
static uint64_t last_id;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool have_exit_key;

static perfopt__shards *find_living(uint64_t id)
{
    perfopt__shards *s = living;
    while (s && s->id != id)
        s = s->next;
    return s;
}

/* Under the lock. The block of a destroyed set is gone already. */
static void hand_back(perfopt__shard_slot *slot)
{
    if (slot->id && find_living(slot->id))
        slot->shard->owned = false;
    *slot = (perfopt__shard_slot){0};
}

static void on_thread_exit(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < PERFOPT__SHARD_SLOTS; i++)
        hand_back(&perfopt__shard_slots[i]);
    pthread_mutex_unlock(&lock);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

/* Only the forking thread lives on; the blocks of the others are free to take. */
static void after_fork_in_child(void)
{
    for (perfopt__shards *s = living; s; s = s->next) {
        for (perfopt__shard *shard = NULL; (shard = perfopt__shards_next(s, shard)) != NULL;) {
            shard->owned = false;
            for (int i = 0; i < PERFOPT__SHARD_SLOTS; i++)
                shard->owned |= perfopt__shard_slots[i].shard == shard;
        }
    }
    pthread_mutex_unlock(&lock);
}

static void prepare(void)
{
    have_exit_key = pthread_key_create(&exit_key, on_thread_exit) == 0;
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void *perfopt__alloc_lines(size_t bytes, void **storage)
{
    void *raw = perfopt__calloc(1, bytes + 2 * PERFOPT__CACHE_LINE);
    if (!raw)
        return NULL;
    *storage = raw;
    uintptr_t address = (uintptr_t)raw + PERFOPT__CACHE_LINE - 1;
    return (void *)(address & ~(uintptr_t)(PERFOPT__CACHE_LINE - 1));
}

void perfopt__shards_init(perfopt__shards *shards, size_t block_bytes)
{
    pthread_once(&once, prepare);
    *shards = (perfopt__shards){.block_bytes = block_bytes};
    pthread_mutex_lock(&lock);
    shards->id = ++last_id;
    shards->next = living;
    living = shards;
    pthread_mutex_unlock(&lock);
}

void perfopt__shards_finish(perfopt__shards *shards)
{
    if (!shards->id)
        return;
    pthread_mutex_lock(&lock);
    for (perfopt__shards **at = &living; *at; at = &(*at)->next) {
        if (*at == shards) {
            *at = shards->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    perfopt__shard *shard = atomic_load(&shards->first);
    while (shard) {
        perfopt__shard *next = shard->next;
        perfopt__free(shard->storage);
        shard = next;
    }
    *shards = (perfopt__shards){0};
}

/* Under the lock: a block no thread owns, or a new one. */
static perfopt__shard *take_shard(perfopt__shards *shards)
{
    for (perfopt__shard *s = NULL; (s = perfopt__shards_next(shards, s)) != NULL;) {
        if (!s->owned) {
            s->owned = true;
            return s;
        }
    }
    void *storage;
    perfopt__shard *shard =
        perfopt__alloc_lines(sizeof(perfopt__shard) + shards->block_bytes, &storage);
    if (!shard)
        return NULL;
    shard->storage = storage;
    shard->owned = true;
    shard->next = atomic_load_explicit(&shards->first, memory_order_relaxed);
    atomic_store_explicit(&shards->first, shard, memory_order_release);
    return shard;
}

static void move_to_front(int from)
{
    perfopt__shard_slot slot = perfopt__shard_slots[from];
    memmove(&perfopt__shard_slots[1], &perfopt__shard_slots[0], sizeof(slot) * (size_t)from);
    perfopt__shard_slots[0] = slot;
}

void *perfopt__shards_attach(perfopt__shards *shards)
{
    for (int i = 1; i < PERFOPT__SHARD_SLOTS; i++) {
        if (perfopt__shard_slots[i].id == shards->id) {
            move_to_front(i);
            return perfopt__shard_slots[0].shard->block;
        }
    }
    /* Without the exit hook a thread's block would be lost with it. */
    if (!have_exit_key || pthread_setspecific(exit_key, shards) != 0)
        return NULL;
    pthread_mutex_lock(&lock);
    perfopt__shard *shard = take_shard(shards);
    if (shard) {
        perfopt__shard_slot *last = &perfopt__shard_slots[PERFOPT__SHARD_SLOTS - 1];
        hand_back(last);
        *last = (perfopt__shard_slot){shards->id, shard};
        move_to_front(PERFOPT__SHARD_SLOTS - 1);
    }
    pthread_mutex_unlock(&lock);
    return shard ? shard->block : NULL;
}
