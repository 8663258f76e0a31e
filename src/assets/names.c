/*
 * names.c - from a logical name to a URL, a version, an integrity value. One lock of this thread's
 * own and one hash lookup; no file is touched, except in development.
 */
#include "assets/assets_internal.h"

#include "base/memory.h"

#include <sodium.h>
#include <stdio.h>

static const char *without_slash(const char *name)
{
    while (*name == '/')
        name++;
    return name;
}

/* Percent-encodes a path, but not its slashes. */
static void put_path(perfopt__strbuf *sb, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");
        perfopt__strbuf_put_url(sb, path, n);
        path += n;
        if (*path == '/')
            perfopt__strbuf_putc(sb, *path++);
    }
}

/* The source's version, 0 if it does not exist. */
static uint64_t version_on_disk(const perfopt_assets *assets, const char *name)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    struct stat st;
    if (!perfopt__is_servable(name, strlen(name)) || !perfopt__join(path, assets->root, name, "") ||
        stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    return perfopt__source_version((uint64_t)st.st_size, perfopt__mtime_ns(&st));
}

/* Under the read lock. 0 = unknown. */
static uint64_t version_of_unbuilt(const perfopt_assets *assets, const char *name)
{
    return (uintptr_t)perfopt__map_get(&assets->manifest->unbuilt, name, strlen(name));
}

static void put_plain(perfopt__strbuf *sb, const char *name, uint64_t version)
{
    put_path(sb, name);
    if (version)
        perfopt__strbuf_printf(sb, "?v=%012llx", (unsigned long long)version);
}

static void put_url(perfopt_assets *assets, const char *name, perfopt__strbuf *sb)
{
    perfopt__strbuf_puts(sb, assets->url_prefix);
    uint64_t on_disk = assets->watch ? version_on_disk(assets, name) : 0;
    perfopt__reader_slot *slot = perfopt__read_lock(&assets->readers);
    const perfopt__entry *e =
        assets->watch ? NULL : perfopt__manifest_by_name(assets->manifest, name);
    if (e) {
        put_path(sb, e->built);
    } else {
        uint64_t version = assets->watch ? on_disk : version_of_unbuilt(assets, name);
        if (version == 0)
            perfopt__count(&slot->counts.unknown_names, 1);
        put_plain(sb, name, version);
    }
    perfopt__read_unlock(slot);
}

const char *perfopt_asset_url(perfopt_assets *assets, const char *name, perfopt_arena *arena)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    put_url(assets, without_slash(name ? name : ""), &sb);
    const char *url = sb.failed ? NULL : perfopt_arena_copy(arena, sb.data, sb.length);
    perfopt__strbuf_finish(&sb);
    return url;
}

void perfopt_asset_version(perfopt_assets *assets, const char *name, char out[13])
{
    uint64_t unbuilt = 0;
    if (name && assets->watch)
        unbuilt = version_on_disk(assets, without_slash(name));
    memcpy(out, "0", 2);
    perfopt__reader_slot *slot = perfopt__read_lock(&assets->readers);
    if (!name) {
        memcpy(out, assets->manifest->version, 13);
    } else if (!assets->watch) {
        const perfopt__entry *e = perfopt__manifest_by_name(assets->manifest, without_slash(name));
        if (e)
            snprintf(out, 13, "%.12s", e->sha256);
        else
            unbuilt = version_of_unbuilt(assets, without_slash(name));
    }
    perfopt__read_unlock(slot);
    if (unbuilt)
        snprintf(out, 13, "%012llx", (unsigned long long)unbuilt & 0xFFFFFFFFFFFF);
}

perfopt_status perfopt_asset_integrity(perfopt_assets *assets, const char *name, char out[64])
{
    unsigned char digest[32];
    /* In development the source is served, which is something else. */
    if (!name || assets->watch)
        return PERFOPT_ENOTFOUND;
    perfopt__reader_slot *slot = perfopt__read_lock(&assets->readers);
    const perfopt__entry *e = perfopt__manifest_by_name(assets->manifest, without_slash(name));
    if (e)
        sodium_hex2bin(digest, sizeof(digest), e->sha256, 64, NULL, NULL, NULL);
    perfopt__read_unlock(slot);
    if (!e)
        return PERFOPT_ENOTFOUND;
    memcpy(out, "sha256-", 7);
    sodium_bin2base64(out + 7, 64 - 7, digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL);
    return PERFOPT_OK;
}
