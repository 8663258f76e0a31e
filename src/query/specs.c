/*
 * specs.c - statistics by spec. A spec is registered when it is first used; finding it again costs
 * a hash of its name and one comparison, no lock.
 */
#include "base/hash.h"
#include "base/memory.h"
#include "query/query_internal.h"

#include <stdio.h>
#include <string.h>

static void set_names(perfopt__spec *s, const char *name, const char *prefix)
{
    snprintf(s->name, sizeof(s->name), "%s", name);
    snprintf(s->key_prefix, sizeof(s->key_prefix), "%s", prefix);
}

/* NULL if there are enough, or no memory. */
static perfopt__spec *spec_new(perfopt__specs *specs, const perfopt_query_spec *spec)
{
    perfopt__spec *new = NULL;
    if (atomic_fetch_add(&specs->count, 1) < PERFOPT__MAX_SPECS)
        new = perfopt__calloc(1, sizeof(*new));
    if (!new) {
        atomic_fetch_sub(&specs->count, 1);
        return NULL;
    }
    set_names(new, spec->name, spec->key_prefix ? spec->key_prefix : spec->name);
    return new;
}

/* The slot that holds the name, or the free one where it belongs. At most 200 of 512 slots are
 * taken, so there always is one. */
static _Atomic(perfopt__spec *) *slot_of(perfopt__specs *specs, const char *name)
{
    for (uint64_t i = perfopt__hash(name, strlen(name));; i++) {
        _Atomic(perfopt__spec *) *slot = &specs->slots[i % PERFOPT__SPEC_SLOTS];
        const perfopt__spec *s = atomic_load_explicit(slot, memory_order_acquire);
        if (!s || strncmp(s->name, name, sizeof(s->name) - 1) == 0)
            return slot;
    }
}

perfopt__spec *perfopt__specs_find(perfopt__specs *specs, const perfopt_query_spec *spec)
{
    perfopt__spec *mine = NULL;
    for (;;) {
        _Atomic(perfopt__spec *) *slot = slot_of(specs, spec->name);
        perfopt__spec *found = atomic_load_explicit(slot, memory_order_acquire);
        if (!found && !mine && !(mine = spec_new(specs, spec)))
            return &specs->other;
        if (!found && atomic_compare_exchange_strong(slot, &found, mine))
            return mine;
        if (!found || strncmp(found->name, spec->name, sizeof(found->name) - 1) != 0)
            continue; /* another spec took the slot: look on */
        if (mine) {
            perfopt__free(mine);
            atomic_fetch_sub(&specs->count, 1);
        }
        return found;
    }
}

/* ---- reading ------------------------------------------------------------------------------ */

static uint64_t get(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void copy_out(perfopt__spec *s, perfopt_query_cache_stats *out)
{
    *out = (perfopt_query_cache_stats){
        .hits = get(&s->hits),
        .misses = get(&s->misses),
        .bypassed = get(&s->bypassed),
        .errors = get(&s->errors),
        .not_stored = get(&s->not_stored),
        .invalidations = get(&s->invalidations),
    };
    memcpy(out->name, s->name, sizeof(out->name));
    memcpy(out->key_prefix, s->key_prefix, sizeof(out->key_prefix));
    int64_t miss_ns = atomic_load_explicit(&s->miss_ns, memory_order_relaxed);
    if (out->misses)
        out->saved_ns = (int64_t)((double)miss_ns / (double)out->misses * (double)out->hits);
}

static void add_up(perfopt_query_cache_stats *total, const perfopt_query_cache_stats *part)
{
    total->hits += part->hits;
    total->misses += part->misses;
    total->bypassed += part->bypassed;
    total->errors += part->errors;
    total->not_stored += part->not_stored;
    total->invalidations += part->invalidations;
    total->saved_ns += part->saved_ns;
}

static bool was_used(const perfopt_query_cache_stats *s)
{
    return s->hits || s->misses || s->bypassed || s->errors || s->invalidations;
}

/* Keeps `out` sorted by hits, the least of them dropped when it is full. */
static size_t insert(perfopt_query_cache_stats *out, size_t count, size_t capacity,
                     const perfopt_query_cache_stats *new)
{
    size_t at = 0;
    while (at < count && out[at].hits >= new->hits)
        at++;
    if (at >= capacity)
        return count;
    size_t moved = (count < capacity ? count : capacity - 1) - at;
    memmove(&out[at + 1], &out[at], moved * sizeof(out[0]));
    out[at] = *new;
    return count < capacity ? count + 1 : count;
}

size_t perfopt__specs_read(perfopt__specs *specs, perfopt_query_cache_stats *total,
                           perfopt_query_cache_stats *out, size_t capacity)
{
    perfopt_query_cache_stats sum = {.hits = 0}, one;
    size_t count = 0;
    for (size_t i = 0; i <= PERFOPT__SPEC_SLOTS; i++) {
        bool other = i == PERFOPT__SPEC_SLOTS;
        perfopt__spec *s =
            other ? &specs->other : atomic_load_explicit(&specs->slots[i], memory_order_acquire);
        if (!s)
            continue;
        copy_out(s, &one);
        if (other)
            memcpy(one.name, "(other)", 8);
        add_up(&sum, &one);
        if (!other || was_used(&one))
            count = insert(out, count, capacity, &one);
    }
    if (total)
        *total = sum;
    return count;
}

static void reset(perfopt__spec *s)
{
    _Atomic uint64_t *counters[] = {&s->hits,   &s->misses,     &s->bypassed,
                                    &s->errors, &s->not_stored, &s->invalidations};
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        atomic_store_explicit(counters[i], 0, memory_order_relaxed);
    atomic_store_explicit(&s->miss_ns, 0, memory_order_relaxed);
}

void perfopt__specs_reset(perfopt__specs *specs)
{
    reset(&specs->other);
    for (size_t i = 0; i < PERFOPT__SPEC_SLOTS; i++) {
        perfopt__spec *s = atomic_load_explicit(&specs->slots[i], memory_order_acquire);
        if (s)
            reset(s);
    }
}

void perfopt__specs_finish(perfopt__specs *specs)
{
    for (size_t i = 0; i < PERFOPT__SPEC_SLOTS; i++)
        perfopt__free(atomic_load(&specs->slots[i]));
}
