/*
 * assets.c - creating and destroying, and the two things that every other file uses: the current
 * manifest and the builder's place.
 */
#include "assets/assets_internal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

bool perfopt__join(char out[PERFOPT__ASSET_PATH_MAX], const char *folder, const char *name,
                   const char *suffix)
{
    size_t f = strlen(folder);
    size_t n = strlen(name);
    size_t s = strlen(suffix);
    if (f + n + s + 2 > PERFOPT__ASSET_PATH_MAX)
        return false;
    memcpy(out, folder, f);
    if (n > 0)
        out[f++] = '/';
    memcpy(out + f, name, n);
    memcpy(out + f + n, suffix, s + 1);
    return true;
}

uint64_t perfopt__source_version(uint64_t bytes, int64_t mtime_ns)
{
    uint64_t seen[2] = {bytes, (uint64_t)mtime_ns};
    /* 12 hexadecimal digits. */
    return (perfopt__hash_stable(seen, sizeof(seen)) >> 16) | 1;
}

/* ---- the current manifest ----------------------------------------------------------------- */

perfopt__manifest *perfopt__current_manifest(perfopt_assets *assets)
{
    perfopt__reader_slot *slot = perfopt__read_lock(&assets->readers);
    perfopt__manifest *manifest = perfopt__manifest_retain(assets->manifest);
    perfopt__read_unlock(slot);
    return manifest;
}

static perfopt_status index_unbuilt(const perfopt_assets *assets, perfopt__manifest *m,
                                    perfopt_error *err)
{
    perfopt__source_list sources;
    perfopt_status status = perfopt__scan(assets, &sources, err);
    if (status != PERFOPT_OK)
        return status;
    for (size_t i = 0; i < sources.count && status == PERFOPT_OK; i++) {
        const perfopt__source *s = &sources.items[i];
        if (perfopt__manifest_by_name(m, s->name))
            continue;
        uintptr_t version = (uintptr_t)perfopt__source_version(s->bytes, s->mtime_ns);
        status = perfopt__map_put(&m->unbuilt, s->name, strlen(s->name), (void *)version, NULL);
    }
    perfopt__source_list_finish(&sources);
    return status == PERFOPT_OK ? status : perfopt__error_nomem(err);
}

/* The counters of a name go on in the new manifest. */
static void hand_over_usage(const perfopt__manifest *from, perfopt__manifest *to)
{
    for (size_t i = 0; i < to->count; i++) {
        const perfopt__entry *old = perfopt__manifest_by_name(from, to->entries[i]->name);
        if (!old)
            continue;
        perfopt__usage_release(to->entries[i]->usage);
        atomic_fetch_add_explicit(&old->usage->refs, 1, memory_order_relaxed);
        to->entries[i]->usage = old->usage;
    }
}

perfopt_status perfopt__publish(perfopt_assets *assets, perfopt__manifest *m, perfopt_error *err)
{
    perfopt_status status = index_unbuilt(assets, m, err);
    if (status != PERFOPT_OK) {
        perfopt__manifest_release(m);
        return status;
    }
    perfopt__write_lock(&assets->readers);
    perfopt__manifest *old = assets->manifest;
    if (old)
        hand_over_usage(old, m);
    assets->manifest = m;
    perfopt__store_keep_built(&assets->store, m);
    perfopt__write_unlock(&assets->readers);
    perfopt__manifest_release(old);
    return PERFOPT_OK;
}

static perfopt_status load_manifest(perfopt_assets *assets, perfopt_error *err)
{
    perfopt__manifest *m;
    perfopt_status status = perfopt__manifest_load(assets->output, &m, err);
    return status == PERFOPT_OK ? perfopt__publish(assets, m, err) : status;
}

static perfopt_status reload_if_outdated(perfopt_assets *assets, perfopt_error *err)
{
    perfopt__manifest *current = perfopt__current_manifest(assets);
    bool outdated = perfopt__manifest_is_outdated(current, assets->output);
    perfopt__manifest_release(current);
    return outdated ? load_manifest(assets, err) : PERFOPT_OK;
}

void perfopt__refresh_manifest(perfopt_assets *assets, int64_t now_ms)
{
    int64_t due_ms = atomic_load_explicit(&assets->next_check_ms, memory_order_relaxed);
    if (now_ms < due_ms ||
        !atomic_compare_exchange_strong(&assets->next_check_ms, &due_ms, now_ms + 1000))
        return;
    if (pthread_mutex_trylock(&assets->builder) != 0)
        return; /* a build is running and will publish its own */
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (reload_if_outdated(assets, &err) != PERFOPT_OK) {
        perfopt__log(PERFOPT_LOG_ERROR, "assets", "%s; the old build stays in use", err.message);
        atomic_store(&assets->next_check_ms, now_ms + 60000);
    }
    pthread_mutex_unlock(&assets->builder);
}

/* ---- the builder's place ------------------------------------------------------------------ */

/* Between processes: a lock on the output folder. A file system without locks has none. */
static perfopt_status lock_output(perfopt_assets *assets, perfopt_error *err)
{
    perfopt_status status = perfopt__make_folders(assets->output, err);
    if (status != PERFOPT_OK)
        return status;
    int fd = open(assets->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return perfopt__error_os(err, PERFOPT_EIO, errno, "cannot open folder %s", assets->output);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return perfopt__error_set(err, PERFOPT_EBUSY, "another process is building in %s",
                                  assets->output);
    }
    assets->build_lock_fd = fd;
    return PERFOPT_OK;
}

perfopt_status perfopt__builder_enter(perfopt_assets *assets, perfopt_error *err)
{
    if (pthread_mutex_trylock(&assets->builder) != 0)
        return perfopt__error_set(err, PERFOPT_EBUSY, "assets are being built already");
    perfopt_status status = lock_output(assets, err);
    if (status == PERFOPT_OK) {
        status = reload_if_outdated(assets, err);
        if (status == PERFOPT_OK)
            return status;
        close(assets->build_lock_fd);
    }
    assets->build_lock_fd = -1;
    pthread_mutex_unlock(&assets->builder);
    return status;
}

void perfopt__builder_leave(perfopt_assets *assets)
{
    close(assets->build_lock_fd);
    assets->build_lock_fd = -1;
    pthread_mutex_unlock(&assets->builder);
}

/* ---- creating ----------------------------------------------------------------------------- */

static perfopt_status set_root(perfopt_assets *assets, const char *root, perfopt_error *err)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    struct stat st;
    if (!root || !*root)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "assets.root is not set");
    if (!realpath(root, path) || stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return perfopt__error_set(err, PERFOPT_ECONFIG, "assets.root \"%s\" is no folder", root);
    assets->root = perfopt__strdup(path);
    return assets->root ? PERFOPT_OK : perfopt__error_nomem(err);
}

/* The absolute path of a folder that need not exist yet. */
static bool absolute_path(const char *path, char out[PERFOPT__ASSET_PATH_MAX])
{
    if (realpath(path, out))
        return true;
    char folder[PERFOPT__ASSET_PATH_MAX];
    if (path[0] == '/')
        return perfopt__join(out, path, "", "");
    return getcwd(folder, sizeof(folder)) && perfopt__join(out, folder, path, "");
}

static perfopt_status set_output(perfopt_assets *assets, const char *output, perfopt_error *err)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    bool fits = output && *output ? absolute_path(output, path)
                                  : perfopt__join(path, assets->root, ".perfopt", "");
    if (!fits)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "assets.output is too long a path");
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        path[--n] = '\0';
    /* Sources inside the output would be taken for results. */
    if (strncmp(assets->root, path, n) == 0 && (assets->root[n] == '/' || assets->root[n] == '\0'))
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "assets.output \"%s\" must not contain assets.root", path);
    assets->output = perfopt__strdup(path);
    return assets->output ? PERFOPT_OK : perfopt__error_nomem(err);
}

static perfopt_status set_url_prefix(perfopt_assets *assets, const char *prefix, perfopt_error *err)
{
    prefix = prefix && *prefix ? prefix : "/static/";
    for (const char *p = prefix; *p; p++) {
        if ((unsigned char)*p <= ' ' || strchr("\"'<>\\`", *p))
            return perfopt__error_set(err, PERFOPT_ECONFIG,
                                      "assets.url_prefix has a character that no URL has");
    }
    size_t n = strlen(prefix);
    assets->url_prefix = perfopt__malloc(n + 2);
    if (!assets->url_prefix)
        return perfopt__error_nomem(err);
    memcpy(assets->url_prefix, prefix, n + 1);
    if (prefix[n - 1] != '/')
        memcpy(assets->url_prefix + n, "/", 2);
    return PERFOPT_OK;
}

static perfopt_status configure(perfopt_assets *assets, const perfopt_assets_options *o,
                                perfopt_error *err)
{
    assets->minify = o->minify != PERFOPT_OFF;
    assets->compress = o->compress != PERFOPT_OFF;
    assets->watch = o->watch == PERFOPT_ON;
    assets->compress_min_bytes = o->compress_min_bytes ? o->compress_min_bytes : 256;
    assets->max_file_bytes = o->max_file_bytes ? o->max_file_bytes : 64u << 20;
    assets->store.max_bytes = o->memory_bytes ? o->memory_bytes : 64u << 20;
    perfopt_status status = set_root(assets, o->root, err);
    if (status == PERFOPT_OK)
        status = set_output(assets, o->output, err);
    return status == PERFOPT_OK ? set_url_prefix(assets, o->url_prefix, err) : status;
}

perfopt_status perfopt_assets_create(const perfopt_assets_options *options, perfopt_assets **out,
                                     perfopt_error *err)
{
    perfopt_assets_options own;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_ASSETS_OPTIONS", err);
    if (status != PERFOPT_OK)
        return status;
    if (sodium_init() < 0)
        return perfopt__error_set(err, PERFOPT_EFAILED, "libsodium does not start");
    perfopt_assets *assets = perfopt__calloc(1, sizeof(*assets));
    if (!assets)
        return perfopt__error_nomem(err);
    pthread_mutex_init(&assets->builder, NULL);
    assets->build_lock_fd = -1;
    status = perfopt__readers_init(&assets->readers);
    if (status != PERFOPT_OK)
        perfopt__error_nomem(err);
    if (status == PERFOPT_OK)
        status = configure(assets, &own, err);
    if (status == PERFOPT_OK)
        status = load_manifest(assets, err);
    if (status != PERFOPT_OK) {
        perfopt_assets_destroy(assets);
        return status;
    }
    *out = assets;
    return PERFOPT_OK;
}

void perfopt_assets_destroy(perfopt_assets *assets)
{
    if (!assets)
        return;
    perfopt__store_clear(&assets->store);
    perfopt__manifest_release(assets->manifest);
    pthread_mutex_destroy(&assets->builder);
    perfopt__readers_finish(&assets->readers);
    perfopt__free(assets->url_prefix);
    perfopt__free(assets->output);
    perfopt__free(assets->root);
    perfopt__free(assets);
}
