/*
 * manifest.c - the manifest in memory: what was built of which source. Once sealed it never
 * changes; a new build makes a new one (assets.c swaps them).
 */
#include "assets/assets_internal.h"

#include "base/memory.h"

#include <sodium.h>
#include <stdlib.h>

perfopt__manifest *perfopt__manifest_new(void)
{
    perfopt__manifest *m = perfopt__calloc(1, sizeof(*m));
    if (m) {
        atomic_init(&m->refs, 1);
        memcpy(m->version, "0", 2);
    }
    return m;
}

perfopt__manifest *perfopt__manifest_retain(perfopt__manifest *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void perfopt__usage_release(perfopt__asset_usage *usage)
{
    if (usage && atomic_fetch_sub_explicit(&usage->refs, 1, memory_order_acq_rel) == 1)
        perfopt__free(usage);
}

perfopt__entry *perfopt__entry_new(const char *name)
{
    perfopt__entry *e = perfopt__calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->name = perfopt__strdup(name);
    if (!e->name) {
        perfopt__free(e);
        return NULL;
    }
    return e;
}

void perfopt__entry_free(perfopt__entry *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->reference_count; i++) {
        perfopt__free(e->references[i].name);
        perfopt__free(e->references[i].built);
    }
    perfopt__free(e->references);
    perfopt__usage_release(e->usage);
    perfopt__free(e->name);
    perfopt__free(e->built);
    perfopt__free(e->recipe);
    perfopt__free(e);
}

static bool copy_references(perfopt__entry *to, const perfopt__entry *from)
{
    if (from->reference_count == 0)
        return true;
    to->references = perfopt__calloc(from->reference_count, sizeof(*to->references));
    if (!to->references)
        return false;
    for (size_t i = 0; i < from->reference_count; i++) {
        perfopt__reference *r = &to->references[to->reference_count++];
        r->name = perfopt__strdup(from->references[i].name);
        r->built = perfopt__strdup(from->references[i].built);
        if (!r->name || (from->references[i].built && !r->built))
            return false;
    }
    return true;
}

perfopt__entry *perfopt__entry_copy(const perfopt__entry *from)
{
    perfopt__entry *e = perfopt__calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    *e = *from;
    e->references = NULL;
    e->reference_count = 0;
    e->usage = NULL;
    e->name = perfopt__strdup(from->name);
    e->built = perfopt__strdup(from->built);
    e->recipe = perfopt__strdup(from->recipe);
    if (e->name && e->built && e->recipe && copy_references(e, from))
        return e;
    perfopt__entry_free(e);
    return NULL;
}

void perfopt__manifest_release(perfopt__manifest *m)
{
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < m->count; i++)
        perfopt__entry_free(m->entries[i]);
    for (size_t i = 0; i < m->previous_count; i++)
        perfopt__entry_free(m->previous[i]);
    perfopt__free(m->entries);
    perfopt__free(m->previous);
    perfopt__map_finish(&m->by_name, NULL);
    perfopt__map_finish(&m->by_built, NULL);
    perfopt__map_finish(&m->unbuilt, NULL);
    perfopt__free(m);
}

static perfopt_status append(perfopt__entry ***items, size_t *count, size_t *capacity,
                             perfopt__entry *e)
{
    if (*count == *capacity) {
        size_t larger = *capacity ? *capacity * 2 : 16;
        perfopt__entry **grown = perfopt__reallocarray(*items, larger, sizeof(**items));
        if (!grown) {
            perfopt__entry_free(e);
            return PERFOPT_ENOMEM;
        }
        *items = grown;
        *capacity = larger;
    }
    (*items)[(*count)++] = e;
    return PERFOPT_OK;
}

perfopt_status perfopt__manifest_add(perfopt__manifest *m, perfopt__entry *e, bool previous)
{
    return previous ? append(&m->previous, &m->previous_count, &m->previous_capacity, e)
                    : append(&m->entries, &m->count, &m->capacity, e);
}

static int by_name(const void *a, const void *b)
{
    const perfopt__entry *left = *(perfopt__entry *const *)a;
    const perfopt__entry *right = *(perfopt__entry *const *)b;
    return strcmp(left->name, right->name);
}

static void make_version(perfopt__manifest *m)
{
    if (m->count == 0)
        return;
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < m->count; i++) {
        const perfopt__entry *e = m->entries[i];
        crypto_hash_sha256_update(&state, (const unsigned char *)e->name, strlen(e->name) + 1);
        crypto_hash_sha256_update(&state, (const unsigned char *)e->sha256, 64);
    }
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(m->version, sizeof(m->version), digest, 6);
}

static perfopt_status index_entries(perfopt__manifest *m)
{
    perfopt_status status = PERFOPT_OK;
    for (size_t i = 0; i < m->previous_count && status == PERFOPT_OK; i++) {
        perfopt__entry *e = m->previous[i];
        status = perfopt__map_put(&m->by_built, e->built, strlen(e->built), e, NULL);
    }
    for (size_t i = 0; i < m->count && status == PERFOPT_OK; i++) {
        perfopt__entry *e = m->entries[i];
        status = perfopt__map_put(&m->by_name, e->name, strlen(e->name), e, NULL);
        if (status == PERFOPT_OK)
            status = perfopt__map_put(&m->by_built, e->built, strlen(e->built), e, NULL);
    }
    return status;
}

static perfopt_status make_usage(perfopt__manifest *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->entries[i]->usage)
            continue;
        m->entries[i]->usage = perfopt__calloc(1, sizeof(*m->entries[i]->usage));
        if (!m->entries[i]->usage)
            return PERFOPT_ENOMEM;
        atomic_init(&m->entries[i]->usage->refs, 1);
    }
    return PERFOPT_OK;
}

perfopt_status perfopt__manifest_seal(perfopt__manifest *m)
{
    if (m->count > 0)
        qsort(m->entries, m->count, sizeof(*m->entries), by_name);
    make_version(m);
    perfopt_status status = make_usage(m);
    return status == PERFOPT_OK ? index_entries(m) : status;
}

perfopt__entry *perfopt__manifest_by_name(const perfopt__manifest *m, const char *name)
{
    return perfopt__map_get(&m->by_name, name, strlen(name));
}

perfopt__entry *perfopt__manifest_by_built(const perfopt__manifest *m, const char *built)
{
    return perfopt__map_get(&m->by_built, built, strlen(built));
}
