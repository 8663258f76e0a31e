/*
 * serve.c - answers requests for files. A path below the prefix is one of
 *
 *     the name of a built file      its bytes never change: cacheable for ever
 *     the logical name of an asset  the built file, with a short lifetime
 *     a source that is not built    the source, compressed in memory, with a short lifetime
 *
 * What is in memory costs a lock of this thread's own, a hash lookup or two, and a reference;
 * nothing is copied. A source in memory is compared with its file once a second.
 */
#include "assets/assets_internal.h"

#include "base/clock.h"
#include "base/compress.h"
#include "base/log.h"
#include "base/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FOREVER    "public, max-age=31536000, immutable"
#define SHORT      "public, max-age=60"
#define REVALIDATE "no-cache"

enum { SOURCE_CHECK_MS = 1000, SOURCE_GZIP_LEVEL = 6 };

/* One file that may be sent, in its encodings. */
typedef struct representation {
    char kind; /* as in the store: 'b'uilt or 's'ource */
    char name[PERFOPT__ASSET_PATH_MAX];
    uint64_t sizes[ENCODING_COUNT];       /* 0 = no such variant (identity always exists) */
    perfopt_bytes *bytes[ENCODING_COUNT]; /* in memory; may be NULL */
    char tag[33];
    int64_t mtime_s;
    const char *cache_control;
    perfopt__asset_usage *usage; /* NULL for sources without an entry */
    int fd;                      /* open source, -1 = none */
    bool loaded;                 /* read from the file now */
} representation;

static void representation_finish(representation *r)
{
    for (size_t i = 0; i < ENCODING_COUNT; i++)
        perfopt_bytes_release(r->bytes[i]);
    perfopt__usage_release(r->usage);
    if (r->fd >= 0)
        close(r->fd);
}

static void retain_kept(representation *r, const perfopt__kept *kept)
{
    for (size_t i = 0; kept && i < ENCODING_COUNT; i++) {
        if (kept->bytes[i])
            r->bytes[i] = perfopt_bytes_retain(kept->bytes[i]);
    }
}

/* ---- built files -------------------------------------------------------------------------- */

static bool has_room(const representation *r, const char *name)
{
    return strlen(name) < sizeof(r->name);
}

/* Under the read lock. */
static void take_entry(perfopt_assets *assets, const perfopt__entry *e, representation *r)
{
    r->kind = 'b';
    memcpy(r->name, e->built, strlen(e->built) + 1);
    memcpy(r->sizes, e->bytes, sizeof(r->sizes));
    memcpy(r->tag, e->sha256, 32);
    r->mtime_s = e->source_mtime_ns / 1000000000;
    retain_kept(r, perfopt__store_find(&assets->store, 'b', e->built));
    if (e->usage) {
        atomic_fetch_add_explicit(&e->usage->refs, 1, memory_order_relaxed);
        r->usage = e->usage;
        perfopt__count(&e->usage->requests, 1);
    }
}

/* The built file that the path names; false if there is none. */
static bool find_built(perfopt_assets *assets, const char *path, representation *r)
{
    perfopt__reader_slot *slot = perfopt__read_lock(&assets->readers);
    const perfopt__entry *e = perfopt__manifest_by_built(assets->manifest, path);
    r->cache_control = FOREVER;
    if (!e && !assets->watch) {
        e = perfopt__manifest_by_name(assets->manifest, path);
        r->cache_control = SHORT;
    }
    bool found = e && has_room(r, e->built);
    if (found)
        take_entry(assets, e, r);
    perfopt__read_unlock(slot);
    return found;
}

/* Reads one encoding of a built file. A file that is not what the manifest says is not there. */
static perfopt_status load_built(perfopt_assets *assets, representation *r,
                                 perfopt__encoding encoding)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (!perfopt__join(path, assets->output, r->name, perfopt__encoding_suffix(encoding)))
        return PERFOPT_ENOTFOUND;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    bool right = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                 (uint64_t)st.st_size == r->sizes[encoding];
    perfopt_status status = PERFOPT_ENOTFOUND;
    if (right)
        status = perfopt__read_range(fd, 0, (size_t)st.st_size, &r->bytes[encoding]);
    else
        perfopt__log(PERFOPT_LOG_WARN, "assets",
                     "built file %s%s is missing or damaged: precompile again", r->name,
                     perfopt__encoding_suffix(encoding));
    if (fd >= 0)
        close(fd);
    if (status != PERFOPT_OK || !perfopt__store_takes(&assets->store, r->sizes[encoding]))
        return status;
    perfopt__kept *kept;
    perfopt__write_lock(&assets->readers);
    if (perfopt__manifest_by_built(assets->manifest, r->name))
        perfopt__store_put(&assets->store, 'b', r->name, encoding, r->bytes[encoding], &kept);
    perfopt__write_unlock(&assets->readers);
    return PERFOPT_OK;
}

/* ---- sources ------------------------------------------------------------------------------ */

/* Fills in what is known of a source in memory; false if it must be looked at again. */
static bool find_source(perfopt_assets *assets, const char *name, int64_t now_ms,
                        const struct stat *st, representation *r)
{
    perfopt__reader_slot *slot = perfopt__read_lock(&assets->readers);
    perfopt__kept *kept = perfopt__store_find(&assets->store, 's', name);
    bool fresh = kept && kept->bytes[ENCODING_IDENTITY];
    if (fresh && st) {
        fresh = kept->source_bytes == (uint64_t)st->st_size &&
                kept->source_mtime_ns == perfopt__mtime_ns(st);
        if (fresh)
            atomic_store_explicit(&kept->checked_ms, now_ms, memory_order_relaxed);
    } else if (fresh) {
        int64_t checked_ms = atomic_load_explicit(&kept->checked_ms, memory_order_relaxed);
        fresh = !assets->watch && now_ms - checked_ms < SOURCE_CHECK_MS;
    }
    if (fresh) {
        retain_kept(r, kept);
        memcpy(r->tag, kept->tag, sizeof(r->tag));
        r->mtime_s = kept->source_mtime_ns / 1000000000;
        for (size_t i = 0; i < ENCODING_COUNT; i++)
            r->sizes[i] = r->bytes[i] ? perfopt_bytes_length(r->bytes[i]) : 0;
    }
    perfopt__read_unlock(slot);
    return fresh;
}

/* A gzip variant of a source, if it is worth having. */
static perfopt_status gzip_source(const perfopt_assets *assets, representation *r)
{
    const perfopt_bytes *plain = r->bytes[ENCODING_IDENTITY];
    size_t length = perfopt_bytes_length(plain);
    if (!assets->compress || assets->watch || length < assets->compress_min_bytes ||
        !perfopt__is_compressible(r->name))
        return PERFOPT_OK;
    char *packed;
    size_t packed_length;
    perfopt_status status = perfopt__gzip(perfopt_bytes_data(plain), length, SOURCE_GZIP_LEVEL,
                                          &packed, &packed_length);
    if (status != PERFOPT_OK)
        return status;
    if (packed_length <= length - length / 20) {
        status = perfopt_bytes_create(packed, packed_length, &r->bytes[ENCODING_GZIP]);
        r->sizes[ENCODING_GZIP] = packed_length;
    }
    perfopt__free(packed);
    return status;
}

static void keep_source(perfopt_assets *assets, const representation *r, const struct stat *st,
                        int64_t now_ms)
{
    perfopt__kept *kept;
    perfopt__write_lock(&assets->readers);
    perfopt__store_remove(&assets->store, 's', r->name);
    perfopt__store_put(&assets->store, 's', r->name, ENCODING_IDENTITY, r->bytes[ENCODING_IDENTITY],
                       &kept);
    if (kept) {
        memcpy(kept->tag, r->tag, sizeof(kept->tag));
        kept->source_bytes = (uint64_t)st->st_size;
        kept->source_mtime_ns = perfopt__mtime_ns(st);
        atomic_store_explicit(&kept->checked_ms, now_ms, memory_order_relaxed);
        if (r->bytes[ENCODING_GZIP])
            perfopt__store_put(&assets->store, 's', r->name, ENCODING_GZIP, r->bytes[ENCODING_GZIP],
                               &kept);
    }
    perfopt__write_unlock(&assets->readers);
}

/* Reads a source that fits into memory, or notes what a large one is from the outside. */
static perfopt_status load_source(perfopt_assets *assets, representation *r, const struct stat *st,
                                  int64_t now_ms)
{
    r->loaded = true;
    r->sizes[ENCODING_IDENTITY] = (uint64_t)st->st_size;
    r->mtime_s = st->st_mtim.tv_sec;
    if (!perfopt__store_takes(&assets->store, (uint64_t)st->st_size)) {
        snprintf(r->tag, sizeof(r->tag), "%016" PRIx64 "%016" PRIx64,
                 (uint64_t)perfopt__mtime_ns(st), (uint64_t)st->st_size);
        return PERFOPT_OK;
    }
    perfopt_status status =
        perfopt__read_range(r->fd, 0, (size_t)st->st_size, &r->bytes[ENCODING_IDENTITY]);
    if (status != PERFOPT_OK)
        return status;
    char sha256[65];
    perfopt__sha256_hex(perfopt_bytes_data(r->bytes[ENCODING_IDENTITY]), (size_t)st->st_size,
                        sha256);
    memcpy(r->tag, sha256, 32);
    status = gzip_source(assets, r);
    if (status == PERFOPT_OK)
        keep_source(assets, r, st, now_ms);
    return status;
}

static perfopt_status get_source(perfopt_assets *assets, const char *name, int64_t now_ms,
                                 representation *r)
{
    r->kind = 's';
    r->cache_control = assets->watch ? REVALIDATE : SHORT;
    memcpy(r->name, name, strlen(name) + 1);
    if (find_source(assets, name, now_ms, NULL, r))
        return PERFOPT_OK;
    struct stat st;
    perfopt_status status = perfopt__open_source(assets, name, &r->fd, &st);
    if (status != PERFOPT_OK || find_source(assets, name, now_ms, &st, r))
        return status;
    return load_source(assets, r, &st, now_ms);
}

/* ---- the answer --------------------------------------------------------------------------- */

static void put_headers(const representation *r, perfopt__encoding encoding,
                        perfopt_asset_response *out)
{
    static const char *const names[ENCODING_COUNT] = {NULL, "gzip", "br"};
    static const char *const marks[ENCODING_COUNT] = {"", "-gzip", "-br"};
    out->content_encoding = names[encoding];
    out->cache_control = r->cache_control;
    out->content_type = perfopt__media_type(r->name);
    out->vary_accept_encoding = r->sizes[ENCODING_GZIP] > 0 || r->sizes[ENCODING_BROTLI] > 0;
    out->accept_ranges = true;
    char *end = stpcpy(stpcpy(stpcpy(out->etag, "\""), r->tag), marks[encoding]);
    memcpy(end, "\"", 2);
    perfopt__http_date(r->mtime_s, out->last_modified);
}

/* RFC 9110, 13.2.2: If-Modified-Since counts only without If-None-Match. */
static bool is_not_modified(const perfopt_asset_request *request, const representation *r,
                            const perfopt_asset_response *out)
{
    if (request->if_none_match)
        return perfopt__etag_matches(request->if_none_match, out->etag);
    if (!request->if_modified_since)
        return false;
    int64_t since_s = perfopt__http_date_parse(request->if_modified_since);
    return since_s >= 0 && r->mtime_s <= since_s;
}

/* Decides 200, 206 or 416 and the part [*first, *first + *length) of the file to send. */
static void choose_range(const perfopt_asset_request *request, const representation *r,
                         uint64_t *first, uint64_t *length, perfopt_asset_response *out)
{
    uint64_t total = *length;
    uint64_t last;
    out->status = 200;
    *first = 0;
    if (!request->range ||
        (request->if_range && !perfopt__if_range_holds(request->if_range, out->etag, r->mtime_s)))
        return;
    switch (perfopt__parse_range(request->range, total, first, &last)) {
    case RANGE_ONE:
        out->status = 206;
        *length = last - *first + 1;
        snprintf(out->content_range, sizeof(out->content_range),
                 "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, *first, last, total);
        break;
    case RANGE_UNSATISFIABLE:
        out->status = 416;
        snprintf(out->content_range, sizeof(out->content_range), "bytes */%" PRIu64, total);
        break;
    case RANGE_NONE:
        break;
    }
}

/* Puts the body into the answer: from memory, or only the part of a large file that is wanted. */
static perfopt_status put_body(perfopt_assets *assets, representation *r,
                               perfopt__encoding encoding, uint64_t first, uint64_t length,
                               perfopt_asset_response *out)
{
    perfopt_status status = PERFOPT_OK;
    perfopt__reader_slot *slot = perfopt__reader_slot_of_thread(&assets->readers);
    bool hit = r->bytes[encoding] && !r->loaded;
    perfopt__count(hit ? &slot->counts.memory_hits : &slot->counts.memory_misses, 1);
    if (!r->bytes[encoding] && r->kind == 'b')
        status = load_built(assets, r, encoding);
    if (status != PERFOPT_OK)
        return status;
    if (r->bytes[encoding]) {
        out->bytes_ = perfopt_bytes_retain(r->bytes[encoding]);
        out->body = perfopt_bytes_data(out->bytes_) + first;
    } else {
        status = perfopt__read_range(r->fd, first, (size_t)length, &out->bytes_);
        if (status != PERFOPT_OK)
            return status;
        out->body = perfopt_bytes_data(out->bytes_);
    }
    out->body_length = (size_t)length;
    perfopt__count(&slot->counts.bytes[encoding], length);
    return PERFOPT_OK;
}

static perfopt_status answer(perfopt_assets *assets, const perfopt_asset_request *request,
                             representation *r, perfopt_asset_response *out)
{
    perfopt__encoding encoding = perfopt__negotiate(request->accept_encoding, r->sizes);
    put_headers(r, encoding, out);
    if (is_not_modified(request, r, out)) {
        out->status = 304;
        perfopt__reader_slot *slot = perfopt__reader_slot_of_thread(&assets->readers);
        perfopt__count(&slot->counts.not_modified, 1);
        if (r->usage)
            perfopt__count(&r->usage->not_modified, 1);
        return PERFOPT_OK;
    }
    uint64_t first;
    uint64_t length = r->sizes[encoding];
    choose_range(request, r, &first, &length, out);
    return out->status == 416 ? PERFOPT_OK : put_body(assets, r, encoding, first, length, out);
}

static void answer_not_found(perfopt_assets *assets, perfopt_asset_response *out)
{
    perfopt_asset_response_finish(out);
    *out = (perfopt_asset_response){.status = 404};
    perfopt__reader_slot *slot = perfopt__reader_slot_of_thread(&assets->readers);
    perfopt__count(&slot->counts.not_found, 1);
}

/* Serves a built file; one that is gone is served from its source, if that is what was asked for.
 */
static perfopt_status serve_path(perfopt_assets *assets, const perfopt_asset_request *request,
                                 const char *path, perfopt_asset_response *out)
{
    int64_t now_ms = perfopt__now_ms();
    perfopt_status status = PERFOPT_ENOTFOUND;
    representation built = {.fd = -1};
    perfopt__refresh_manifest(assets, now_ms);
    if (find_built(assets, path, &built))
        status = answer(assets, request, &built, out);
    representation_finish(&built);
    if (status != PERFOPT_ENOTFOUND)
        return status;
    *out = (perfopt_asset_response){0};
    representation source = {.fd = -1};
    status = get_source(assets, path, now_ms, &source);
    if (status == PERFOPT_OK)
        status = answer(assets, request, &source, out);
    representation_finish(&source);
    return status;
}

perfopt_status perfopt_assets_serve(perfopt_assets *assets, const perfopt_asset_request *request,
                                    perfopt_asset_response *out)
{
    *out = (perfopt_asset_response){0};
    perfopt__reader_slot *slot = perfopt__reader_slot_of_thread(&assets->readers);
    perfopt__count(&slot->counts.requests, 1);
    char path[PERFOPT__ASSET_PATH_MAX];
    perfopt_status status = PERFOPT_ENOTFOUND;
    if (request->path && request->path_length < sizeof(path) &&
        perfopt__is_servable(request->path, request->path_length)) {
        memcpy(path, request->path, request->path_length);
        path[request->path_length] = '\0';
        status = serve_path(assets, request, path, out);
    }
    if (status == PERFOPT_ENOTFOUND) {
        answer_not_found(assets, out);
        return PERFOPT_OK;
    }
    if (status != PERFOPT_OK) {
        perfopt_asset_response_finish(out);
        *out = (perfopt_asset_response){0};
    }
    return status;
}

void perfopt_asset_response_finish(perfopt_asset_response *response)
{
    if (!response)
        return;
    perfopt_bytes_release(response->bytes_);
    response->bytes_ = NULL;
    response->body = NULL;
    response->body_length = 0;
}
