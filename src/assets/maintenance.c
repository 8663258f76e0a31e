/*
 * maintenance.c - the public operations that change the output folder: precompile, compress, clear
 * and check. Each takes the builder's place for its time.
 */
#include "assets/assets_internal.h"

#include "base/compress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

#include <dirent.h>
#include <unistd.h>

perfopt_status perfopt_assets_precompile(perfopt_assets *assets, const char *const *patterns,
                                         perfopt_assets_progress_fn progress, void *user,
                                         perfopt_precompile_result *result, perfopt_error *err)
{
    perfopt_precompile_result own;
    perfopt_status status = perfopt__builder_enter(assets, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt__build_options options = {.patterns = patterns, .progress = progress, .user = user};
    status = perfopt__build(assets, &options, result ? result : &own, err);
    perfopt__builder_leave(assets);
    return status;
}

/* ---- new manifests from the current one --------------------------------------------------- */

/* A copy to be changed, not sealed yet; NULL when out of memory. */
static perfopt__manifest *copy_manifest(const perfopt__manifest *from, bool with_previous)
{
    perfopt__manifest *m = perfopt__manifest_new();
    perfopt_status status = m ? PERFOPT_OK : PERFOPT_ENOMEM;
    for (size_t i = 0; i < from->count && status == PERFOPT_OK; i++) {
        perfopt__entry *e = perfopt__entry_copy(from->entries[i]);
        status = e ? perfopt__manifest_add(m, e, false) : PERFOPT_ENOMEM;
    }
    for (size_t i = 0; i < from->previous_count && with_previous && status == PERFOPT_OK; i++) {
        perfopt__entry *e = perfopt__entry_copy(from->previous[i]);
        status = e ? perfopt__manifest_add(m, e, true) : PERFOPT_ENOMEM;
    }
    if (status == PERFOPT_OK)
        return m;
    perfopt__manifest_release(m);
    return NULL;
}

/* Seals, writes and publishes; takes the reference. */
static perfopt_status replace_manifest(perfopt_assets *assets, perfopt__manifest *m,
                                       perfopt_error *err)
{
    perfopt_status status = perfopt__manifest_seal(m);
    if (status != PERFOPT_OK)
        perfopt__error_nomem(err);
    else
        status = perfopt__manifest_save(m, assets->output, err);
    if (status == PERFOPT_OK)
        return perfopt__publish(assets, m, err);
    perfopt__manifest_release(m);
    return status;
}

/* ---- compress ----------------------------------------------------------------------------- */

/* Reads a file of the output folder that must have `bytes` bytes; *out is freed by the caller. */
static perfopt_status read_built(const perfopt_assets *assets, const perfopt__entry *e,
                                 perfopt__encoding encoding, char **out, size_t *length)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (!perfopt__join(path, assets->output, e->built, perfopt__encoding_suffix(encoding)))
        return PERFOPT_EIO;
    perfopt_status status = perfopt__file_read(path, (size_t)e->bytes[encoding], out, length, NULL);
    if (status == PERFOPT_OK && *length != e->bytes[encoding]) {
        perfopt__free(*out);
        status = PERFOPT_EIO;
    }
    return status;
}

static bool has_variant(const perfopt_assets *assets, const perfopt__entry *e,
                        perfopt__encoding encoding)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    struct stat st;
    return e->bytes[encoding] > 0 &&
           perfopt__join(path, assets->output, e->built, perfopt__encoding_suffix(encoding)) &&
           stat(path, &st) == 0 && (uint64_t)st.st_size == e->bytes[encoding];
}

static perfopt_status compress_entry(const perfopt_assets *assets, perfopt__entry *e,
                                     uint32_t *count, perfopt_error *err)
{
    char *text = NULL;
    size_t length = 0;
    perfopt_status status = PERFOPT_OK;
    for (perfopt__encoding i = ENCODING_GZIP; i < ENCODING_COUNT && status == PERFOPT_OK; i++) {
        if (!perfopt__encoding_is_built_in(i) || has_variant(assets, e, i))
            continue;
        if (!text) {
            status = read_built(assets, e, ENCODING_IDENTITY, &text, &length);
            if (status == PERFOPT_ENOMEM)
                return perfopt__error_nomem(err);
            if (status != PERFOPT_OK) /* regenerate_hashes and the statistics tell */
                return PERFOPT_OK;
        }
        status = perfopt__write_variant(assets, e->built, i, text, length, &e->bytes[i], err);
        *count += status == PERFOPT_OK && e->bytes[i] > 0;
    }
    perfopt__free(text);
    return status;
}

static perfopt_status compress_all(perfopt_assets *assets, uint32_t *count, perfopt_error *err)
{
    perfopt__manifest *current = perfopt__current_manifest(assets);
    perfopt__manifest *m = copy_manifest(current, true);
    perfopt__manifest_release(current);
    if (!m)
        return perfopt__error_nomem(err);
    perfopt_status status = PERFOPT_OK;
    for (size_t i = 0; i < m->count && status == PERFOPT_OK; i++)
        status = compress_entry(assets, m->entries[i], count, err);
    if (status == PERFOPT_OK && *count > 0)
        return replace_manifest(assets, m, err);
    perfopt__manifest_release(m);
    return status;
}

perfopt_status perfopt_assets_compress(perfopt_assets *assets, uint32_t *count, perfopt_error *err)
{
    uint32_t own = 0;
    perfopt_status status = perfopt__builder_enter(assets, err);
    if (status != PERFOPT_OK)
        return status;
    status = compress_all(assets, &own, err);
    perfopt__builder_leave(assets);
    if (status == PERFOPT_OK && count)
        *count = own;
    return status;
}

/* ---- clear -------------------------------------------------------------------------------- */

/* Is this a name that only a build writes, <name>-<12 digits> and then nothing or a "."? Nothing
 * else is ever deleted, whatever folder somebody made the output. Temporary names of a build that
 * was killed look the same: <built name>.<8 digits>.tmp. */
static bool is_ours(const char *base)
{
    for (const char *p = strchr(base, '-'); p; p = strchr(p + 1, '-')) {
        if (p > base && strspn(p + 1, "0123456789abcdef") == 12 && (p[13] == '.' || p[13] == '\0'))
            return true;
    }
    return false;
}

static bool is_named(const perfopt__manifest *m, const char *name)
{
    if (perfopt__manifest_by_built(m, name))
        return true;
    size_t n = strlen(name);
    if (n < 3 || (strcmp(name + n - 3, ".gz") != 0 && strcmp(name + n - 3, ".br") != 0))
        return false;
    const perfopt__entry *e = perfopt__map_get(&m->by_built, name, n - 3);
    return e && e->bytes[name[n - 2] == 'g' ? ENCODING_GZIP : ENCODING_BROTLI] > 0;
}

/* One folder of the output; its folders are appended to `folders` ("css\0css/themes\0"). */
static perfopt_status clear_folder(const perfopt_assets *assets, const perfopt__manifest *m,
                                   const char *folder, perfopt__strbuf *folders, uint32_t *removed)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    DIR *dir = perfopt__join(path, assets->output, folder, "") ? opendir(path) : NULL;
    if (!dir)
        return PERFOPT_EIO;
    struct dirent *child;
    while ((child = readdir(dir)) != NULL) {
        char name[PERFOPT__ASSET_PATH_MAX];
        struct stat st;
        if (strcmp(child->d_name, ".") == 0 || strcmp(child->d_name, "..") == 0)
            continue;
        if (!perfopt__join(name, folder, child->d_name, ""))
            continue;
        /* In the top folder the name begins with the joining "/". */
        const char *below = name[0] == '/' ? name + 1 : name;
        if (!perfopt__join(path, assets->output, below, "") || lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            perfopt__strbuf_append(folders, below, strlen(below) + 1);
        else if (S_ISREG(st.st_mode) && is_ours(child->d_name) && !is_named(m, below) &&
                 unlink(path) == 0)
            (*removed)++;
    }
    closedir(dir);
    return folders->failed ? PERFOPT_ENOMEM : PERFOPT_OK;
}

static perfopt_status clear_output(const perfopt_assets *assets, const perfopt__manifest *m,
                                   uint32_t *removed, perfopt_error *err)
{
    perfopt__strbuf folders = PERFOPT__STRBUF_INIT;
    perfopt_status status = clear_folder(assets, m, "", &folders, removed);
    size_t at = 0;
    while (status == PERFOPT_OK && at < folders.length) {
        char folder[PERFOPT__ASSET_PATH_MAX];
        size_t n = strlen(folders.data + at) + 1;
        memcpy(folder, folders.data + at, n);
        at += n;
        status = clear_folder(assets, m, folder, &folders, removed);
    }
    perfopt__strbuf_finish(&folders);
    if (status == PERFOPT_ENOMEM)
        return perfopt__error_nomem(err);
    return status == PERFOPT_OK
               ? status
               : perfopt__error_set(err, status, "cannot read a folder of %s", assets->output);
}

/* The previous builds go first from the manifest, then from the disk. */
static perfopt_status clear(perfopt_assets *assets, uint32_t *removed, perfopt_error *err)
{
    perfopt__write_lock(&assets->readers);
    perfopt__store_clear(&assets->store);
    perfopt__write_unlock(&assets->readers);
    perfopt__manifest *current = perfopt__current_manifest(assets);
    perfopt_status status = PERFOPT_OK;
    if (current->previous_count > 0) {
        perfopt__manifest *m = copy_manifest(current, false);
        status = m ? replace_manifest(assets, m, err) : perfopt__error_nomem(err);
        perfopt__manifest_release(current);
        current = perfopt__current_manifest(assets);
    }
    if (status == PERFOPT_OK)
        status = clear_output(assets, current, removed, err);
    perfopt__manifest_release(current);
    return status;
}

perfopt_status perfopt_assets_clear_cache(perfopt_assets *assets, uint32_t *removed,
                                          perfopt_error *err)
{
    uint32_t own = 0;
    perfopt_status status = perfopt__builder_enter(assets, err);
    if (status != PERFOPT_OK)
        return status;
    status = clear(assets, &own, err);
    perfopt__builder_leave(assets);
    if (status == PERFOPT_OK && removed)
        *removed = own;
    return status;
}

/* ---- check -------------------------------------------------------------------------------- */

static perfopt_status check_built(const perfopt_assets *assets, const perfopt__entry *e)
{
    char *text;
    size_t length;
    perfopt_status status = read_built(assets, e, ENCODING_IDENTITY, &text, &length);
    if (status != PERFOPT_OK)
        return status;
    char sha256[65];
    perfopt__sha256_hex(text, length, sha256);
    if (strcmp(sha256, e->sha256) != 0)
        status = PERFOPT_EPROTO;
    char *packed = NULL;
    char *unpacked = NULL;
    size_t n = 0;
    if (status == PERFOPT_OK && e->bytes[ENCODING_GZIP] > 0) {
        status = read_built(assets, e, ENCODING_GZIP, &packed, &n);
        if (status == PERFOPT_OK)
            status = perfopt__gunzip(packed, n, length, &unpacked, &n);
        if (status == PERFOPT_OK && (n != length || memcmp(unpacked, text, n) != 0))
            status = PERFOPT_EPROTO;
    }
    if (status == PERFOPT_OK && e->bytes[ENCODING_BROTLI] > 0 &&
        !has_variant(assets, e, ENCODING_BROTLI))
        status = PERFOPT_EPROTO;
    perfopt__free(unpacked);
    perfopt__free(packed);
    perfopt__free(text);
    return status;
}

static perfopt_status check_source(const perfopt_assets *assets, const perfopt__entry *e)
{
    int fd;
    struct stat st;
    perfopt_status status = perfopt__open_source(assets, e->name, &fd, &st);
    if (status != PERFOPT_OK)
        return status;
    perfopt_bytes *bytes = NULL;
    status = (uint64_t)st.st_size == e->source_bytes
                 ? perfopt__read_range(fd, 0, (size_t)st.st_size, &bytes)
                 : PERFOPT_EPROTO;
    close(fd);
    if (status != PERFOPT_OK)
        return status;
    char sha256[65];
    perfopt__sha256_hex(perfopt_bytes_data(bytes), perfopt_bytes_length(bytes), sha256);
    perfopt_bytes_release(bytes);
    return strcmp(sha256, e->source_sha256) == 0 ? PERFOPT_OK : PERFOPT_EPROTO;
}

/* Names of the entries that are not right go into `wrong`. */
static perfopt_status check_all(const perfopt_assets *assets, perfopt__manifest *m,
                                perfopt__map *wrong)
{
    for (size_t i = 0; i < m->count; i++) {
        const perfopt__entry *e = m->entries[i];
        perfopt_status status = check_built(assets, e);
        if (status == PERFOPT_OK)
            status = check_source(assets, e);
        if (status == PERFOPT_ENOMEM)
            return status;
        if (status == PERFOPT_OK)
            continue;
        perfopt__log(PERFOPT_LOG_INFO, "assets", "%s: the built file or its source has changed",
                     e->name);
        status = perfopt__map_put(wrong, e->name, strlen(e->name), m, NULL);
        if (status != PERFOPT_OK)
            return status;
    }
    return PERFOPT_OK;
}

static perfopt_status check_and_rebuild(perfopt_assets *assets, bool rebuild, uint32_t *mismatches,
                                        perfopt_error *err)
{
    perfopt__map wrong = PERFOPT__MAP_INIT;
    perfopt__manifest *m = perfopt__current_manifest(assets);
    perfopt_status status = check_all(assets, m, &wrong);
    perfopt__manifest_release(m);
    *mismatches = (uint32_t)wrong.count;
    if (status != PERFOPT_OK) {
        perfopt__error_nomem(err);
    } else if (rebuild && wrong.count > 0) {
        perfopt_precompile_result result;
        perfopt__build_options options = {.only_known = true, .force = &wrong};
        status = perfopt__build(assets, &options, &result, err);
    }
    perfopt__map_finish(&wrong, NULL);
    if (status == PERFOPT_OK && rebuild && *mismatches > 0) {
        /* What was read from a damaged file must not be served on. */
        perfopt__write_lock(&assets->readers);
        perfopt__store_clear(&assets->store);
        perfopt__write_unlock(&assets->readers);
    }
    return status;
}

perfopt_status perfopt_assets_regenerate_hashes(perfopt_assets *assets, bool rebuild,
                                                uint32_t *mismatches, perfopt_error *err)
{
    uint32_t own = 0;
    perfopt_status status = perfopt__builder_enter(assets, err);
    if (status != PERFOPT_OK)
        return status;
    status = check_and_rebuild(assets, rebuild, &own, err);
    perfopt__builder_leave(assets);
    if (status == PERFOPT_OK && mismatches)
        *mismatches = own;
    return status;
}
