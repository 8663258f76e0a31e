/*
 * readers.c - the lock with one slot per reading thread.
 */
#include "assets/assets_internal.h"

#include "base/memory.h"

static _Atomic unsigned next_slot;
static _Thread_local unsigned own_slot; /* slot number + 1, 0 = none yet */

perfopt_status perfopt__readers_init(perfopt__readers *readers)
{
    enum { ALIGN = alignof(perfopt__reader_slot) };
    readers->memory =
        perfopt__calloc(1, PERFOPT__READER_SLOTS * sizeof(perfopt__reader_slot) + ALIGN);
    if (!readers->memory)
        return PERFOPT_ENOMEM;
    uintptr_t address = (uintptr_t)readers->memory;
    size_t skip = (ALIGN - address % ALIGN) % ALIGN;
    readers->slots = (perfopt__reader_slot *)(void *)((char *)readers->memory + skip);
    for (size_t i = 0; i < PERFOPT__READER_SLOTS; i++)
        pthread_mutex_init(&readers->slots[i].lock, NULL);
    return PERFOPT_OK;
}

void perfopt__readers_finish(perfopt__readers *readers)
{
    for (size_t i = 0; readers->slots && i < PERFOPT__READER_SLOTS; i++)
        pthread_mutex_destroy(&readers->slots[i].lock);
    perfopt__free(readers->memory);
}

perfopt__reader_slot *perfopt__reader_slot_of_thread(perfopt__readers *readers)
{
    if (own_slot == 0)
        own_slot = atomic_fetch_add(&next_slot, 1) % PERFOPT__READER_SLOTS + 1;
    return &readers->slots[own_slot - 1];
}

perfopt__reader_slot *perfopt__read_lock(perfopt__readers *readers)
{
    perfopt__reader_slot *slot = perfopt__reader_slot_of_thread(readers);
    pthread_mutex_lock(&slot->lock);
    return slot;
}

void perfopt__read_unlock(perfopt__reader_slot *slot)
{
    pthread_mutex_unlock(&slot->lock);
}

void perfopt__write_lock(perfopt__readers *readers)
{
    for (size_t i = 0; i < PERFOPT__READER_SLOTS; i++)
        pthread_mutex_lock(&readers->slots[i].lock);
}

void perfopt__write_unlock(perfopt__readers *readers)
{
    for (size_t i = PERFOPT__READER_SLOTS; i-- > 0;)
        pthread_mutex_unlock(&readers->slots[i].lock);
}
