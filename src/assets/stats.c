/*
 * stats.c - adding up the counters, and comparing what was built with what is on disk.
 */
#include "assets/assets_internal.h"

#include "base/clock.h"

static bool stat_in(const char *folder, const char *name, struct stat *st)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    return perfopt__join(path, folder, name, "") && stat(path, st) == 0 && S_ISREG(st->st_mode);
}

static const char *state_of(const perfopt_assets *assets, const perfopt__entry *e)
{
    struct stat st;
    if (!stat_in(assets->output, e->built, &st) ||
        (uint64_t)st.st_size != e->bytes[ENCODING_IDENTITY])
        return "missing";
    if (!stat_in(assets->root, e->name, &st) || (uint64_t)st.st_size != e->source_bytes ||
        perfopt__mtime_ns(&st) != e->source_mtime_ns)
        return "stale";
    return e->unminified ? "unminified" : "ok";
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_counts(perfopt_assets *assets, perfopt_assets_stats *out)
{
    for (size_t i = 0; i < PERFOPT__READER_SLOTS; i++) {
        const perfopt__asset_counts *c = &assets->readers.slots[i].counts;
        out->requests += load(&c->requests);
        out->not_modified += load(&c->not_modified);
        out->not_found += load(&c->not_found);
        out->memory_hits += load(&c->memory_hits);
        out->memory_misses += load(&c->memory_misses);
        out->bytes_identity += load(&c->bytes[ENCODING_IDENTITY]);
        out->bytes_gzip += load(&c->bytes[ENCODING_GZIP]);
        out->bytes_brotli += load(&c->bytes[ENCODING_BROTLI]);
        out->unknown_names += load(&c->unknown_names);
    }
}

static void add_entry(const perfopt_assets *assets, const perfopt__entry *e,
                      perfopt_assets_stats *out)
{
    const char *state = state_of(assets, e);
    out->assets++;
    out->with_gzip += e->bytes[ENCODING_GZIP] > 0;
    out->with_brotli += e->bytes[ENCODING_BROTLI] > 0;
    out->stale += strcmp(state, "stale") == 0;
    out->missing += strcmp(state, "missing") == 0;
    out->raw_bytes += e->source_bytes;
    out->minified_bytes += e->bytes[ENCODING_IDENTITY];
    out->gzip_bytes += e->bytes[ENCODING_GZIP];
}

void perfopt_assets_get_optimization_stats(perfopt_assets *assets, perfopt_assets_stats *out)
{
    *out = (perfopt_assets_stats){0};
    perfopt__refresh_manifest(assets, perfopt__now_ms());
    perfopt__manifest *m = perfopt__current_manifest(assets);
    for (size_t i = 0; i < m->count; i++)
        add_entry(assets, m->entries[i], out);
    out->last_precompile_s = m->written_s;
    out->last_took_ms = atomic_load(&assets->took_ms);
    memcpy(out->version, m->version, sizeof(out->version));
    perfopt__manifest_release(m);
    add_counts(assets, out);
}

void perfopt_assets_each(perfopt_assets *assets,
                         bool (*fn)(const perfopt_asset_info *info, void *user), void *user)
{
    perfopt__manifest *m = perfopt__current_manifest(assets);
    bool more = true;
    for (size_t i = 0; i < m->count && more; i++) {
        const perfopt__entry *e = m->entries[i];
        perfopt_asset_info info = {
            .name = e->name,
            .built_name = e->built,
            .type = perfopt__media_type(e->name),
            .raw_bytes = e->source_bytes,
            .minified_bytes = e->bytes[ENCODING_IDENTITY],
            .gzip_bytes = e->bytes[ENCODING_GZIP],
            .brotli_bytes = e->bytes[ENCODING_BROTLI],
            .requests = load(&e->usage->requests),
            .not_modified = load(&e->usage->not_modified),
            .state = state_of(assets, e),
        };
        more = fn(&info, user);
    }
    perfopt__manifest_release(m);
}
