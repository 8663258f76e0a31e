/*
 * build_file.c - one source becomes one built file: read, minify, hash, compress, write. Jobs run
 * on several threads; each touches only itself, and each carries its own error.
 */
#include "assets/assets_internal.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <unistd.h>

const char *perfopt__recipe(const perfopt_assets *assets)
{
    /* The number changes when the minifiers' output does. */
    static const char *const recipes[2][2] = {{"1", "1c"}, {"1m", "1mc"}};
    return recipes[assets->minify][assets->compress];
}

/* ---- is there anything to do? ------------------------------------------------------------- */

static bool built_file_exists(const perfopt_assets *assets, const perfopt__entry *e)
{
    for (size_t i = 0; i < ENCODING_COUNT; i++) {
        char path[PERFOPT__ASSET_PATH_MAX];
        struct stat st;
        if (i > 0 && e->bytes[i] == 0)
            continue;
        if (!perfopt__join(path, assets->output, e->built, perfopt__encoding_suffix(i)) ||
            stat(path, &st) != 0 || (uint64_t)st.st_size != e->bytes[i])
            return false;
    }
    return true;
}

static bool may_be_unchanged(const perfopt_assets *assets, const perfopt__job *job)
{
    return job->old && !job->forced && strcmp(job->old->recipe, perfopt__recipe(assets)) == 0 &&
           built_file_exists(assets, job->old);
}

static bool has_same_times(const perfopt__job *job)
{
    return job->old->source_bytes == job->source->bytes &&
           job->old->source_mtime_ns == job->source->mtime_ns;
}

static void keep_old(perfopt__job *job)
{
    job->entry = perfopt__entry_copy(job->old);
    if (!job->entry) {
        job->status = perfopt__error_nomem(&job->error);
        return;
    }
    job->unchanged = true;
    job->entry->source_mtime_ns = job->source->mtime_ns;
    job->failed = job->entry->unminified;
    job->waits = job->entry->reference_count > 0;
}

/* ---- reading and minifying ---------------------------------------------------------------- */

/* Reads the source through the same gate that serves it. */
static perfopt_status read_source(const perfopt_assets *assets, perfopt__job *job,
                                  perfopt_bytes **out)
{
    int fd;
    struct stat st;
    perfopt_status status = perfopt__open_source(assets, job->source->name, &fd, &st);
    if (status != PERFOPT_OK)
        return status;
    if ((uint64_t)st.st_size > assets->max_file_bytes)
        status = PERFOPT_ELIMIT;
    else
        status = perfopt__read_range(fd, 0, (size_t)st.st_size, out);
    close(fd);
    return status;
}

/* The source cannot be read: what was built before stays. */
static void give_up(perfopt__job *job)
{
    perfopt__log(PERFOPT_LOG_WARN, "assets", "cannot read %s: not built", job->source->name);
    if (job->old)
        keep_old(job);
    job->waits = false;
    job->failed = true;
}

/* Files named so were minified by somebody else, and their source maps fit them as they are. */
static bool is_minified_already(const char *name)
{
    return strstr(name, ".min.") != NULL;
}

static bool to_minify(const perfopt_assets *assets, const char *name)
{
    return assets->minify && perfopt_asset_type_of(name) != PERFOPT_ASSET_OTHER &&
           !is_minified_already(name);
}

static void take_text(perfopt__job *job, const perfopt_bytes *bytes)
{
    job->length = perfopt_bytes_length(bytes);
    job->text = perfopt__memdup(perfopt_bytes_data(bytes), job->length);
    if (!job->text)
        job->status = perfopt__error_nomem(&job->error);
}

static void minify_source(const perfopt_assets *assets, perfopt__job *job,
                          const perfopt_bytes *source)
{
    const char *name = job->source->name;
    perfopt_bytes *minified = NULL;
    perfopt_status status = PERFOPT_ESYNTAX;
    if (to_minify(assets, name)) {
        perfopt_error err = PERFOPT_ERROR_INIT;
        status = perfopt_minify(perfopt_asset_type_of(name), perfopt_bytes_data(source),
                                perfopt_bytes_length(source), &minified, &err);
        if (status == PERFOPT_ENOMEM) {
            job->status = perfopt__error_nomem(&job->error);
            return;
        }
        job->failed = job->entry->unminified = status != PERFOPT_OK;
        if (job->failed)
            perfopt__log(PERFOPT_LOG_WARN, "assets", "%s: %s: copied as it is", name, err.message);
    }
    take_text(job, status == PERFOPT_OK ? minified : source);
    perfopt_bytes_release(minified);
}

static void load(const perfopt_assets *assets, perfopt__job *job, const perfopt_bytes *source)
{
    job->unchanged = job->waits = job->failed = false;
    perfopt__entry_free(job->entry);
    job->entry = perfopt__entry_new(job->source->name);
    if (job->entry)
        job->entry->recipe = perfopt__strdup(perfopt__recipe(assets));
    if (!job->entry || !job->entry->recipe) {
        job->status = perfopt__error_nomem(&job->error);
        return;
    }
    job->entry->source_bytes = perfopt_bytes_length(source);
    job->entry->source_mtime_ns = job->source->mtime_ns;
    perfopt__sha256_hex(perfopt_bytes_data(source), perfopt_bytes_length(source),
                        job->entry->source_sha256);
    minify_source(assets, job, source);
    if (job->status != PERFOPT_OK)
        return;
    job->status = perfopt__find_mentions(job->source->name, job->text, job->length, &job->mentions);
    if (job->status != PERFOPT_OK)
        perfopt__error_nomem(&job->error);
    job->waits = job->mentions.count > 0;
}

void perfopt__job_load(const perfopt_assets *assets, perfopt__job *job)
{
    perfopt_bytes *source;
    perfopt_status status = read_source(assets, job, &source);
    if (status == PERFOPT_ENOMEM) {
        job->status = perfopt__error_nomem(&job->error);
    } else if (status != PERFOPT_OK) {
        perfopt__entry_free(job->entry);
        job->entry = NULL;
        give_up(job);
    } else {
        load(assets, job, source);
        perfopt_bytes_release(source);
    }
}

/* True if the source, in spite of its times, has the content that was built. */
static bool has_same_content(const perfopt_assets *assets, perfopt__job *job)
{
    perfopt_bytes *source;
    if (job->old->source_bytes != job->source->bytes ||
        read_source(assets, job, &source) != PERFOPT_OK)
        return false;
    char sha256[65];
    perfopt__sha256_hex(perfopt_bytes_data(source), perfopt_bytes_length(source), sha256);
    perfopt_bytes_release(source);
    return strcmp(sha256, job->old->source_sha256) == 0;
}

void perfopt__job_prepare(const perfopt_assets *assets, perfopt__job *job)
{
    if (may_be_unchanged(assets, job) && (has_same_times(job) || has_same_content(assets, job))) {
        keep_old(job);
        return;
    }
    perfopt__job_load(assets, job);
    if (job->status != PERFOPT_OK || job->waits || !job->entry || !job->text)
        return;
    perfopt__job_name(job);
    perfopt__job_write(assets, job);
}

/* ---- writing ------------------------------------------------------------------------------ */

void perfopt__job_name(perfopt__job *job)
{
    perfopt__sha256_hex(job->text, job->length, job->entry->sha256);
    job->entry->bytes[ENCODING_IDENTITY] = job->length;
    perfopt__free(job->entry->built);
    job->entry->built = perfopt__built_name(job->entry->name, job->entry->sha256);
    if (!job->entry->built)
        job->status = perfopt__error_nomem(&job->error);
}

static perfopt_status write_file(const perfopt_assets *assets, const char *built,
                                 perfopt__encoding encoding, const char *data, size_t length,
                                 perfopt_error *err)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (!perfopt__join(path, assets->output, built, perfopt__encoding_suffix(encoding)))
        return perfopt__error_set(err, PERFOPT_EIO, "path of %s too long", built);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    perfopt_status status = perfopt__make_folders(path, err);
    *slash = '/';
    return status == PERFOPT_OK ? perfopt__file_replace(path, data, length, err) : status;
}

static void remove_variant(const perfopt_assets *assets, const char *built,
                           perfopt__encoding encoding)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (perfopt__join(path, assets->output, built, perfopt__encoding_suffix(encoding)))
        unlink(path);
}

perfopt_status perfopt__write_variant(const perfopt_assets *assets, const char *built,
                                      perfopt__encoding encoding, const char *data, size_t length,
                                      uint64_t *bytes, perfopt_error *err)
{
    *bytes = 0;
    char *packed = NULL;
    size_t packed_length = 0;
    if (length >= assets->compress_min_bytes && perfopt__is_compressible(built)) {
        perfopt_status status = perfopt__compress(encoding, data, length, &packed, &packed_length);
        if (status != PERFOPT_OK)
            return status == PERFOPT_ENOMEM
                       ? perfopt__error_nomem(err)
                       : perfopt__error_set(err, status, "cannot compress %s", built);
    }
    if (!packed) {
        /* One from an earlier build with other settings would not be served, but would confuse. */
        remove_variant(assets, built, encoding);
        return PERFOPT_OK;
    }
    perfopt_status status = write_file(assets, built, encoding, packed, packed_length, err);
    perfopt__free(packed);
    if (status == PERFOPT_OK)
        *bytes = packed_length;
    return status;
}

void perfopt__job_write(const perfopt_assets *assets, perfopt__job *job)
{
    if (job->status != PERFOPT_OK)
        return;
    perfopt__entry *e = job->entry;
    job->status =
        write_file(assets, e->built, ENCODING_IDENTITY, job->text, job->length, &job->error);
    for (perfopt__encoding i = ENCODING_GZIP; i < ENCODING_COUNT; i++) {
        if (job->status == PERFOPT_OK && assets->compress && perfopt__encoding_is_built_in(i))
            job->status = perfopt__write_variant(assets, e->built, i, job->text, job->length,
                                                 &e->bytes[i], &job->error);
    }
    job->written = job->status == PERFOPT_OK;
    perfopt__free(job->text);
    job->text = NULL;
}

void perfopt__job_finish(perfopt__job *job)
{
    perfopt__entry_free(job->entry);
    perfopt__mention_list_finish(&job->mentions);
    perfopt__free(job->text);
}
