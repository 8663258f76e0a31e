/*
 * groups.c - names the groups of keys that statistics are kept for: the part before the first ':'.
 * At most a hundred groups exist; keys without one, with a name that is too long or not printable,
 * and whatever comes after the hundredth are counted together. The counters are in the shards.
 */
#include "base/hash.h"
#include "cache/cache_internal.h"

#include <string.h>

#define INDEX_MASK 255u

void perfopt__groups_init(perfopt__groups *groups)
{
    memset(groups, 0, sizeof(*groups));
    pthread_mutex_init(&groups->lock, NULL);
}

void perfopt__groups_finish(perfopt__groups *groups)
{
    pthread_mutex_destroy(&groups->lock);
}

/* Length of the group's name, 0 if the key has none. */
static size_t name_length(const perfopt__key *key)
{
    size_t limit = key->length < PERFOPT__GROUP_NAME ? key->length : PERFOPT__GROUP_NAME;
    for (size_t i = 0; i < limit; i++) {
        unsigned char c = (unsigned char)key->bytes[i];
        if (c == ':')
            return i;
        if (c <= 0x20 || c >= 0x7f)
            return 0;
    }
    return 0;
}

/* The group's number, or PERFOPT__GROUP_OTHER; *free_at is where it would be added. */
static uint16_t find(const perfopt__groups *groups, const char *name, size_t length,
                     size_t *free_at)
{
    size_t at = perfopt__hash(name, length) & INDEX_MASK;
    for (;; at = (at + 1) & INDEX_MASK) {
        uint16_t number = atomic_load_explicit(&groups->index[at], memory_order_acquire);
        if (number == 0)
            break;
        const char *other = groups->names[number - 1];
        if (memcmp(other, name, length) == 0 && other[length] == '\0')
            return (uint16_t)(number - 1);
    }
    *free_at = at;
    return PERFOPT__GROUP_OTHER;
}

static uint16_t add(perfopt__groups *groups, const char *name, size_t length)
{
    size_t at = 0;
    pthread_mutex_lock(&groups->lock);
    uint16_t number = find(groups, name, length, &at);
    uint32_t count = atomic_load(&groups->count);
    if (number == PERFOPT__GROUP_OTHER && count < PERFOPT__GROUPS) {
        number = (uint16_t)count;
        memcpy(groups->names[number], name, length);
        atomic_store_explicit(&groups->index[at], (uint16_t)(number + 1), memory_order_release);
        atomic_store(&groups->count, count + 1);
    }
    pthread_mutex_unlock(&groups->lock);
    return number;
}

uint16_t perfopt__groups_of(perfopt__groups *groups, const perfopt__key *key)
{
    size_t at = 0;
    size_t length = name_length(key);
    if (length == 0)
        return PERFOPT__GROUP_OTHER;
    uint16_t number = find(groups, key->bytes, length, &at);
    if (number != PERFOPT__GROUP_OTHER ||
        atomic_load_explicit(&groups->count, memory_order_relaxed) == PERFOPT__GROUPS)
        return number;
    return add(groups, key->bytes, length);
}
