/*
 * sources.c - what is known about each source image: size, kind, content hash, names of its
 * variants, preview. Remembered by name until the file's time or size changes; a file is looked at
 * at most once a second.
 *
 * The cache is split into shards with a lock each, held only to copy an entry, never while a file
 * is read: two threads that miss at the same time both read, and the later result stays.
 */
#include "assets/assets_internal.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "frontend/frontend_internal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECHECK_MS            1000
#define MAX_ENTRIES_PER_SHARD 1024 /* then the shard starts anew */

typedef struct entry {
    perfopt_status status; /* not PERFOPT_OK: error says why */
    int64_t checked_ms;
    perfopt__image_source source;
    perfopt_bytes *preview;
    bool preview_failed;
    perfopt_error error;
} entry;

void perfopt__image_sources_init(perfopt__image_sources *sources)
{
    for (size_t i = 0; i < PERFOPT__IMAGE_SHARDS; i++) {
        pthread_mutex_init(&sources->shards[i].lock, NULL);
        sources->shards[i].entries = (perfopt__map)PERFOPT__MAP_INIT;
    }
}

static void entry_free(void *value)
{
    entry *e = value;
    if (!e)
        return;
    perfopt_bytes_release(e->preview);
    perfopt__free(e);
}

void perfopt__image_sources_finish(perfopt__image_sources *sources)
{
    for (size_t i = 0; i < PERFOPT__IMAGE_SHARDS; i++) {
        perfopt__map_finish(&sources->shards[i].entries, entry_free);
        pthread_mutex_destroy(&sources->shards[i].lock);
    }
}

static perfopt__image_source_shard *shard_of(perfopt_frontend *frontend, const char *name)
{
    uint64_t hash = perfopt__hash(name, strlen(name));
    return &frontend->sources.shards[hash % PERFOPT__IMAGE_SHARDS];
}

/* ---- files -------------------------------------------------------------------------------- */

static perfopt_status open_file(const perfopt_frontend *frontend, const char *name, int *fd,
                                struct stat *st, perfopt_error *err)
{
    perfopt_status status = PERFOPT_ENOTFOUND;
    if (perfopt__is_servable(name, strlen(name)))
        status = perfopt__open_source(frontend->images, name, fd, st);
    if (status != PERFOPT_OK)
        perfopt__error_set(err, status, "no readable image below the root: %.200s", name);
    return status;
}

static perfopt_status stat_source(const perfopt_frontend *frontend, const char *name,
                                  struct stat *st, perfopt_error *err)
{
    int fd;
    perfopt_status status = open_file(frontend, name, &fd, st, err);
    if (status == PERFOPT_OK)
        close(fd);
    return status;
}

static perfopt_status read_file(const perfopt_frontend *frontend, const char *name,
                                perfopt_bytes **out, struct stat *st, perfopt_error *err)
{
    int fd;
    perfopt_status status = open_file(frontend, name, &fd, st, err);
    if (status != PERFOPT_OK)
        return status;
    if (st->st_size > PERFOPT__MAX_IMAGE_BYTES)
        status = perfopt__error_set(err, PERFOPT_ELIMIT, "%.200s has more than %d bytes", name,
                                    PERFOPT__MAX_IMAGE_BYTES);
    else
        status = perfopt__read_range(fd, 0, (size_t)st->st_size, out);
    close(fd);
    if (status == PERFOPT_ENOMEM)
        perfopt__error_nomem(err);
    else if (status == PERFOPT_EIO)
        perfopt__error_set(err, status, "cannot read %.200s", name);
    return status;
}

perfopt_status perfopt__image_source_read(const perfopt_frontend *frontend, const char *name,
                                          perfopt_bytes **out, perfopt_error *err)
{
    struct stat st;
    return read_file(frontend, name, out, &st, err);
}

/* ---- loading ------------------------------------------------------------------------------ */

static perfopt_status examine(const perfopt_frontend *frontend, const char *name, const char *data,
                              size_t length, perfopt__image_source *source, perfopt_error *err)
{
    perfopt_status status =
        perfopt__image_header_read((const uint8_t *)data, length, &source->header, err);
    if (status != PERFOPT_OK)
        return status;
    const perfopt__image_header *header = &source->header;
    if (!perfopt__image_can(header->format))
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED, "%s is not built in",
                                  perfopt__image_media_type(header->format));
    if ((uint64_t)header->width * header->height > frontend->max_pixels)
        return perfopt__error_set(err, PERFOPT_ELIMIT, "%u x %u pixels are more than %u",
                                  header->width, header->height, frontend->max_pixels);
    perfopt__image_upright_size(header, &source->width, &source->height);
    crypto_hash_sha256(source->digest, (const unsigned char *)data, length);
    perfopt__variants_list(frontend, name, source);
    return PERFOPT_OK;
}

static void note_identity(perfopt__image_source *source, const struct stat *st)
{
    source->mtime_ns = perfopt__mtime_ns(st);
    source->bytes = (uint64_t)st->st_size;
}

static perfopt_status load(perfopt_frontend *frontend, const char *name,
                           perfopt__image_source *source, perfopt_error *err)
{
    perfopt_bytes *bytes = NULL;
    struct stat st;
    perfopt_status status = read_file(frontend, name, &bytes, &st, err);
    if (status == PERFOPT_ELIMIT)
        note_identity(source, &st);
    if (status != PERFOPT_OK)
        return status;
    note_identity(source, &st);
    status = examine(frontend, name, perfopt_bytes_data(bytes), perfopt_bytes_length(bytes), source,
                     err);
    perfopt_bytes_release(bytes);
    return status;
}

static bool is_unchanged(const perfopt__image_source *source, const struct stat *st)
{
    return source->mtime_ns == perfopt__mtime_ns(st) && source->bytes == (uint64_t)st->st_size;
}

/* ---- the cache ---------------------------------------------------------------------------- */

static perfopt_status give(const entry *e, perfopt__image_source *out, perfopt_error *err)
{
    if (e->status == PERFOPT_OK)
        *out = e->source;
    else if (err)
        *err = e->error;
    return e->status;
}

/* True if the entry answers: it was checked just now, or `st` (may be NULL) shows no change. */
static bool lookup(perfopt_frontend *frontend, const char *name, const struct stat *st,
                   int64_t now_ms, perfopt__image_source *out, perfopt_status *status,
                   perfopt_error *err)
{
    perfopt__image_source_shard *shard = shard_of(frontend, name);
    pthread_mutex_lock(&shard->lock);
    entry *e = perfopt__map_get(&shard->entries, name, strlen(name));
    bool fresh = e && (st ? is_unchanged(&e->source, st) : now_ms - e->checked_ms < RECHECK_MS);
    if (fresh) {
        if (st)
            e->checked_ms = now_ms;
        *status = give(e, out, err);
    }
    pthread_mutex_unlock(&shard->lock);
    return fresh;
}

static void store(perfopt_frontend *frontend, const char *name, entry *e)
{
    perfopt__image_source_shard *shard = shard_of(frontend, name);
    void *old = NULL;
    pthread_mutex_lock(&shard->lock);
    if (shard->entries.count >= MAX_ENTRIES_PER_SHARD)
        perfopt__map_finish(&shard->entries, entry_free);
    if (perfopt__map_put(&shard->entries, name, strlen(name), e, &old) != PERFOPT_OK)
        old = e; /* not remembered, which costs only time */
    pthread_mutex_unlock(&shard->lock);
    entry_free(old);
}

/* Damage is remembered like a result; lack of memory or a failed read is not. */
static bool is_worth_remembering(perfopt_status status)
{
    return status == PERFOPT_OK || status == PERFOPT_EPROTO || status == PERFOPT_ELIMIT ||
           status == PERFOPT_EUNSUPPORTED;
}

perfopt_status perfopt__image_source_get(perfopt_frontend *frontend, const char *name,
                                         perfopt__image_source *out, perfopt_error *err)
{
    int64_t now_ms = perfopt__now_ms();
    perfopt_status status = PERFOPT_OK;
    if (*name == '/')
        name++;
    if (lookup(frontend, name, NULL, now_ms, out, &status, err))
        return status;
    struct stat st;
    status = stat_source(frontend, name, &st, err);
    if (status != PERFOPT_OK)
        return status;
    if (lookup(frontend, name, &st, now_ms, out, &status, err))
        return status;
    entry *e = perfopt__calloc(1, sizeof(*e));
    if (!e)
        return perfopt__error_nomem(err);
    e->checked_ms = now_ms;
    e->status = load(frontend, name, &e->source, &e->error);
    status = give(e, out, err);
    if (is_worth_remembering(status))
        store(frontend, name, e);
    else
        entry_free(e);
    return status;
}

perfopt_status perfopt_image_get_info(perfopt_frontend *frontend, const char *name,
                                      perfopt_image_info *out, perfopt_error *err)
{
    perfopt__image_source source = {0};
    perfopt_status status = perfopt__image_source_get(frontend, name, &source, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt_image_info info = {.width = source.width, .height = source.height};
    snprintf(info.media_type, sizeof(info.media_type), "%s",
             perfopt__image_media_type(source.header.format));
    *out = info;
    return PERFOPT_OK;
}

/* ---- previews ----------------------------------------------------------------------------- */

static perfopt_bytes *to_data_uri(const perfopt_bytes *image, perfopt__image_format format)
{
    size_t length = perfopt_bytes_length(image);
    size_t size = sodium_base64_encoded_len(length, sodium_base64_VARIANT_ORIGINAL);
    char *base64 = perfopt__malloc(size);
    perfopt__strbuf uri = PERFOPT__STRBUF_INIT;
    perfopt_bytes *bytes = NULL;
    if (base64) {
        sodium_bin2base64(base64, size, (const unsigned char *)perfopt_bytes_data(image), length,
                          sodium_base64_VARIANT_ORIGINAL);
        perfopt__strbuf_printf(&uri, "data:%s;base64,", perfopt__image_media_type(format));
        perfopt__strbuf_puts(&uri, base64);
        if (!uri.failed)
            perfopt_bytes_create(uri.data, uri.length, &bytes);
    }
    perfopt__strbuf_finish(&uri);
    perfopt__free(base64);
    return bytes;
}

static perfopt_bytes *make_preview(perfopt_frontend *frontend, const char *name,
                                   const perfopt__image_source *source, bool *failed)
{
    perfopt_bytes *image = NULL;
    perfopt__image_format format;
    perfopt_error error = PERFOPT_ERROR_INIT;
    perfopt_status status =
        perfopt__variant_preview(frontend, name, source, &image, &format, &error);
    *failed = status != PERFOPT_OK && status != PERFOPT_ENOMEM;
    if (status != PERFOPT_OK) {
        if (*failed)
            perfopt__frontend_warn_once(frontend, name, &error);
        return NULL;
    }
    perfopt_bytes *uri = to_data_uri(image, format);
    perfopt_bytes_release(image);
    return uri;
}

/* The entry, if it is still about the same content. Called with the shard's lock held. */
static entry *entry_of(perfopt__image_source_shard *shard, const char *name,
                       const perfopt__image_source *source)
{
    entry *e = perfopt__map_get(&shard->entries, name, strlen(name));
    return e && e->status == PERFOPT_OK && memcmp(e->source.digest, source->digest, 32) == 0 ? e
                                                                                             : NULL;
}

perfopt_bytes *perfopt__image_source_preview(perfopt_frontend *frontend, const char *name,
                                             const perfopt__image_source *source)
{
    if (source->header.has_alpha || source->width_count == 0)
        return NULL; /* it would shine through; it cannot be made */
    if (*name == '/')
        name++;
    perfopt__image_source_shard *shard = shard_of(frontend, name);
    pthread_mutex_lock(&shard->lock);
    entry *e = entry_of(shard, name, source);
    perfopt_bytes *preview = e && e->preview ? perfopt_bytes_retain(e->preview) : NULL;
    bool failed = e && e->preview_failed;
    pthread_mutex_unlock(&shard->lock);
    if (preview || failed)
        return preview;
    preview = make_preview(frontend, name, source, &failed);
    pthread_mutex_lock(&shard->lock);
    e = entry_of(shard, name, source);
    if (e) {
        e->preview_failed = failed;
        if (preview && !e->preview)
            e->preview = perfopt_bytes_retain(preview);
    }
    pthread_mutex_unlock(&shard->lock);
    return preview;
}
