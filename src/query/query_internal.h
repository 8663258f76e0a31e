/*
 * query_internal.h - what the files of the query module share, grouped by the file that owns it.
 */
#ifndef PERFOPT_SRC_QUERY_QUERY_INTERNAL_H
#define PERFOPT_SRC_QUERY_QUERY_INTERNAL_H

#include <perfopt/query_cache.h>
#include <stdatomic.h>

/* ---- key.c: what makes two calls the same ---------------------------------------------------- */

#define PERFOPT__QUERY_KEY 128

/* One call: a spec with its parameters. */
typedef struct perfopt__query_call {
    const perfopt_query_spec *spec;
    const perfopt_param *params;
    size_t param_count;
} perfopt__query_call;

/* Writes "prefix:hash" and returns its length. `identity` is who asks: role and search_path. */
size_t perfopt__query_key(const perfopt__query_call *call, const char *identity,
                          char out[PERFOPT__QUERY_KEY]);

/* ---- dependencies.c: what makes a result invalid ----------------------------------------------
 */

#define PERFOPT__QUERY_TAGS 1024

/* Writes the tags of a spec's results: its own, its group, those it names, one for each event.
 * False if they do not fit. */
bool perfopt__query_tags(const perfopt_query_spec *spec, char out[PERFOPT__QUERY_TAGS]);
/* The tag that drops all results of a spec, and the one that an event invalidates; false if the
 * name is empty or too long for a tag. */
bool perfopt__query_own_tag(const perfopt_query_spec *spec, char out[256]);
bool perfopt__query_event_tag(const char *event, char out[256]);

/* ---- specs.c: statistics by spec ---------------------------------------------------------------
 */

#define PERFOPT__MAX_SPECS  200
#define PERFOPT__SPEC_SLOTS 512 /* power of two */

typedef struct perfopt__spec {
    char name[64];
    char key_prefix[48];
    _Atomic uint64_t hits, misses, bypassed, errors, not_stored, invalidations;
    _Atomic int64_t miss_ns; /* sum */
} perfopt__spec;

/* Open addressing; entries are added and never removed, so finding one takes no lock. */
typedef struct perfopt__specs {
    _Atomic(perfopt__spec *) slots[PERFOPT__SPEC_SLOTS];
    _Atomic uint32_t count;
    perfopt__spec other; /* those that do not fit */
} perfopt__specs;

/* Finds a spec by name or registers it; never NULL. */
perfopt__spec *perfopt__specs_find(perfopt__specs *specs, const perfopt_query_spec *spec);
size_t perfopt__specs_read(perfopt__specs *specs, perfopt_query_cache_stats *total,
                           perfopt_query_cache_stats *out, size_t capacity);
void perfopt__specs_reset(perfopt__specs *specs);
void perfopt__specs_finish(perfopt__specs *specs);

static inline void perfopt__count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
