/*
 * store.c - files in memory, bounded in bytes. Finding happens under the read lock of readers.c and
 * costs a hash lookup; every change happens under its write lock. What has to go is chosen by
 * CLOCK: the hand passes over files that were used since it came by last, and takes the first one
 * that was not.
 */
#include "assets/assets_internal.h"

#include "base/memory.h"

/* Memory of a record beside its bytes, about. */
enum { RECORD_COST = 256 };

bool perfopt__store_takes(const perfopt__store *store, uint64_t bytes)
{
    return bytes <= store->max_bytes / 4;
}

static void kept_free(void *value)
{
    perfopt__kept *kept = value;
    for (size_t i = 0; kept && i < ENCODING_COUNT; i++)
        perfopt_bytes_release(kept->bytes[i]);
    perfopt__free(kept);
}

/* "<kind><name>"; 0 if it does not fit. */
static size_t make_key(char out[PERFOPT__ASSET_PATH_MAX + 1], char kind, const char *name)
{
    size_t n = strlen(name);
    if (n >= PERFOPT__ASSET_PATH_MAX)
        return 0;
    out[0] = kind;
    memcpy(out + 1, name, n);
    return n + 1;
}

perfopt__kept *perfopt__store_find(perfopt__store *store, char kind, const char *name)
{
    char key[PERFOPT__ASSET_PATH_MAX + 1];
    size_t n = make_key(key, kind, name);
    perfopt__kept *kept = n ? perfopt__map_get(&store->files, key, n) : NULL;
    if (kept && !atomic_load_explicit(&kept->used, memory_order_relaxed))
        atomic_store_explicit(&kept->used, true, memory_order_relaxed);
    return kept;
}

static void remove_key(perfopt__store *store, const char *key, size_t n)
{
    perfopt__kept *kept = perfopt__map_remove(&store->files, key, n);
    if (!kept)
        return;
    store->used_bytes -= kept->cost;
    kept_free(kept);
}

/* Takes away the file at the hand, or clears its mark and moves on. */
static void advance_hand(perfopt__store *store, const perfopt__kept *spare)
{
    if (store->hand >= store->files.capacity)
        store->hand = 0;
    perfopt__map_entry *e = perfopt__map_next(&store->files, &store->hand);
    if (!e || e->value == spare)
        return;
    perfopt__kept *kept = e->value;
    if (atomic_exchange_explicit(&kept->used, false, memory_order_relaxed))
        return;
    /* Removing moves later entries back into this slot. */
    store->hand--;
    remove_key(store, e->key, e->key_length);
}

/* Makes room for `cost` more bytes, but never by taking `spare`. */
static bool make_room(perfopt__store *store, size_t cost, const perfopt__kept *spare)
{
    /* Two rounds: the first may only clear marks. */
    size_t steps = 2 * store->files.capacity + 2;
    while (store->used_bytes + cost > store->max_bytes && steps-- > 0)
        advance_hand(store, spare);
    return store->used_bytes + cost <= store->max_bytes;
}

/* The record of a file; a new one if there is none. NULL when there is no room or memory. */
static perfopt__kept *record_of(perfopt__store *store, const char *key, size_t n)
{
    perfopt__kept *kept = perfopt__map_get(&store->files, key, n);
    if (kept)
        return kept;
    size_t cost = RECORD_COST + n;
    if (!make_room(store, cost, NULL))
        return NULL;
    kept = perfopt__calloc(1, sizeof(*kept));
    if (!kept || perfopt__map_put(&store->files, key, n, kept, NULL) != PERFOPT_OK) {
        perfopt__free(kept);
        return NULL;
    }
    kept->cost = cost;
    store->used_bytes += cost;
    return kept;
}

void perfopt__store_put(perfopt__store *store, char kind, const char *name,
                        perfopt__encoding encoding, perfopt_bytes *bytes, perfopt__kept **out)
{
    char key[PERFOPT__ASSET_PATH_MAX + 1];
    size_t n = make_key(key, kind, name);
    perfopt__kept *kept = n ? record_of(store, key, n) : NULL;
    *out = kept;
    size_t length = perfopt_bytes_length(bytes);
    if (!kept || kept->bytes[encoding] || !perfopt__store_takes(store, length) ||
        !make_room(store, length, kept))
        return;
    kept->bytes[encoding] = perfopt_bytes_retain(bytes);
    kept->cost += length;
    store->used_bytes += length;
    atomic_store_explicit(&kept->used, true, memory_order_relaxed);
}

void perfopt__store_remove(perfopt__store *store, char kind, const char *name)
{
    char key[PERFOPT__ASSET_PATH_MAX + 1];
    size_t n = make_key(key, kind, name);
    if (n)
        remove_key(store, key, n);
}

void perfopt__store_keep_built(perfopt__store *store, const perfopt__manifest *manifest)
{
    size_t at = 0;
    perfopt__map_entry *e;
    while ((e = perfopt__map_next(&store->files, &at)) != NULL) {
        if (e->key[0] != 'b' || perfopt__manifest_by_built(manifest, e->key + 1))
            continue;
        remove_key(store, e->key, e->key_length);
        at--; /* a later entry has moved back into this slot */
    }
}

void perfopt__store_clear(perfopt__store *store)
{
    perfopt__map_finish(&store->files, kept_free);
    store->used_bytes = 0;
    store->hand = 0;
}
