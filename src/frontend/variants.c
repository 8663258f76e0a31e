/*
 * variants.c - the resized files of a source image: which ones there are, their names, and making
 * them. One thread makes a variant while the others that want it wait; and at most two images are
 * decoded or encoded at a time in the whole process, so that requests for pages keep their cores.
 *
 * A name binds everything that decides the content, so a file that exists is never stale:
 *
 *     img/a.jpg-480w-0123456789ab.webp       ab.. = SHA-256(content's SHA-256, width, format, ...)
 */
#include "frontend/frontend_internal.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CODERS       2
#define ENCODING_VERSION 1 /* to be raised when the same settings give other bytes */

static const uint32_t listed_widths[PERFOPT__IMAGE_WIDTHS] = {320, 480, 640, 960, 1280, 1600, 1920};

/* ---- the gate ----------------------------------------------------------------------------- */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_free = PTHREAD_COND_INITIALIZER;
static unsigned coders;

static void gate_enter(void)
{
    pthread_mutex_lock(&gate_lock);
    while (coders >= MAX_CODERS)
        pthread_cond_wait(&gate_free, &gate_lock);
    coders++;
    pthread_mutex_unlock(&gate_lock);
}

static void gate_leave(void)
{
    pthread_mutex_lock(&gate_lock);
    coders--;
    pthread_cond_signal(&gate_free);
    pthread_mutex_unlock(&gate_lock);
}

/* ---- names -------------------------------------------------------------------------------- */

static uint32_t quality_of(const perfopt_frontend *frontend, perfopt__image_format format)
{
    switch (format) {
    case PERFOPT__IMAGE_JPEG:
        return frontend->jpeg_quality;
    case PERFOPT__IMAGE_WEBP:
        return frontend->webp_quality;
    default:
        return 0;
    }
}

static void hash_variant(const perfopt__image_source *source, uint32_t width,
                         perfopt__image_format format, uint32_t quality, char out[13])
{
    char setting[96];
    int length = snprintf(setting, sizeof(setting), "|%u|%s|%u|%u", width,
                          perfopt__image_extension(format), quality, ENCODING_VERSION);
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, source->digest, sizeof(source->digest));
    crypto_hash_sha256_update(&state, (const unsigned char *)setting, (unsigned)length);
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(out, 13, digest, 6);
}

void perfopt__variant_put_name(perfopt__strbuf *out, const char *name,
                               const perfopt__variant *variant)
{
    perfopt__strbuf_puts(out, name);
    perfopt__variant_put_suffix(out, variant);
}

void perfopt__variant_put_suffix(perfopt__strbuf *out, const perfopt__variant *variant)
{
    perfopt__strbuf_putc(out, '-');
    perfopt__strbuf_put_uint(out, variant->width);
    perfopt__strbuf_append(out, "w-", 2);
    perfopt__strbuf_puts(out, variant->hash);
    perfopt__strbuf_putc(out, '.');
    perfopt__strbuf_puts(out, perfopt__image_extension(variant->format));
}

/* "<output>/<name of the variant>"; NULL when out of memory. */
static char *variant_path(const perfopt_frontend *frontend, const char *name,
                          const perfopt__variant *variant)
{
    perfopt__strbuf path = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_puts(&path, frontend->output);
    perfopt__strbuf_putc(&path, '/');
    perfopt__variant_put_name(&path, name, variant);
    return perfopt__strbuf_take(&path, NULL);
}

/* Bytes of a variant that exists, -1 otherwise. */
static int64_t variant_size(const perfopt_frontend *frontend, const char *name,
                            const perfopt__variant *variant)
{
    char *path = variant_path(frontend, name, variant);
    struct stat st;
    bool exists = path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
    perfopt__free(path);
    return exists ? (int64_t)st.st_size : -1;
}

bool perfopt__image_source_has_webp(const perfopt__image_source *source)
{
    return source->header.format != PERFOPT__IMAGE_WEBP && perfopt__image_can(PERFOPT__IMAGE_WEBP);
}

perfopt__variant perfopt__variant_at(const perfopt__image_source *source, uint32_t index, bool webp)
{
    perfopt__image_format format = webp ? PERFOPT__IMAGE_WEBP : source->header.format;
    return (perfopt__variant){source->widths[index], format, source->hashes[webp][index]};
}

static bool all_exist(const perfopt_frontend *frontend, const char *name,
                      const perfopt__image_source *source)
{
    for (uint32_t i = 0; i < source->width_count; i++) {
        for (int webp = 0; webp <= (int)perfopt__image_source_has_webp(source); webp++) {
            perfopt__variant variant = perfopt__variant_at(source, i, webp);
            if (variant_size(frontend, name, &variant) < 0)
                return false;
        }
    }
    return true;
}

void perfopt__variants_list(const perfopt_frontend *frontend, const char *name,
                            perfopt__image_source *source)
{
    perfopt__image_format own = source->header.format;
    source->width_count = 0;
    if (source->header.animated || !perfopt__image_can(own))
        return;
    uint32_t count = 0;
    while (count < PERFOPT__IMAGE_WIDTHS && listed_widths[count] < source->width) {
        source->widths[count] = listed_widths[count];
        count++;
    }
    if (source->width <= listed_widths[PERFOPT__IMAGE_WIDTHS - 1])
        source->widths[count++] = source->width;
    for (uint32_t i = 0; i < count; i++) {
        hash_variant(source, source->widths[i], own, quality_of(frontend, own),
                     source->hashes[0][i]);
        hash_variant(source, source->widths[i], PERFOPT__IMAGE_WEBP, frontend->webp_quality,
                     source->hashes[1][i]);
    }
    source->width_count = count;
    /* In a folder that cannot be written only what was made before the deployment counts. */
    if (!frontend->writable && !all_exist(frontend, name, source))
        source->width_count = 0;
}

/* ---- coding ------------------------------------------------------------------------------- */

/* A source file in memory, and the last size it was decoded at. */
typedef struct studio {
    perfopt_frontend *frontend;
    const char *name;
    const perfopt__image_source *source;
    perfopt_bytes *file;
    perfopt__image image;
} studio;

static perfopt_status studio_open(studio *s, perfopt_error *err)
{
    perfopt_status status = perfopt__image_source_read(s->frontend, s->name, &s->file, err);
    if (status != PERFOPT_OK)
        return status;
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)perfopt_bytes_data(s->file),
                       perfopt_bytes_length(s->file));
    if (memcmp(digest, s->source->digest, sizeof(digest)) != 0)
        return perfopt__error_set(err, PERFOPT_ENOTFOUND, "%.200s has changed meanwhile", s->name);
    return PERFOPT_OK;
}

static void studio_close(studio *s)
{
    perfopt__image_finish(&s->image);
    perfopt_bytes_release(s->file);
}

static perfopt_status encode(studio *s, uint32_t width, perfopt__image_format format,
                             uint32_t quality, perfopt_bytes **out, perfopt_error *err)
{
    perfopt_status status = PERFOPT_OK;
    gate_enter();
    if (!s->image.pixels || s->image.width != width) {
        perfopt__image_finish(&s->image);
        status = perfopt__image_decode((const uint8_t *)perfopt_bytes_data(s->file),
                                       perfopt_bytes_length(s->file), &s->source->header, width,
                                       &s->image, err);
    }
    if (status == PERFOPT_OK)
        status =
            perfopt__image_encode(&s->image, format, quality, s->source->header.palette, out, err);
    gate_leave();
    return status;
}

static perfopt_status write_variant(const char *path, const perfopt_bytes *bytes,
                                    perfopt_error *err)
{
    char *folder = perfopt__strdup(path);
    if (!folder)
        return perfopt__error_nomem(err);
    *strrchr(folder, '/') = '\0';
    perfopt_status status = perfopt__make_folders(folder, err);
    perfopt__free(folder);
    if (status == PERFOPT_OK)
        status = perfopt__file_replace(path, perfopt_bytes_data(bytes), perfopt_bytes_length(bytes),
                                       err);
    return status;
}

/* At the source's own width a result that is not smaller would be a loss: then the variant holds
 * the source's bytes. */
static perfopt_status make_file(studio *s, const perfopt__variant *variant, uint64_t *bytes,
                                perfopt_error *err)
{
    perfopt_bytes *encoded = NULL;
    perfopt_status status = encode(s, variant->width, variant->format,
                                   quality_of(s->frontend, variant->format), &encoded, err);
    if (status != PERFOPT_OK)
        return status;
    bool is_loss = variant->width == s->source->width &&
                   perfopt_bytes_length(encoded) >= perfopt_bytes_length(s->file);
    const perfopt_bytes *kept = is_loss ? s->file : encoded;
    *bytes = perfopt_bytes_length(kept);
    char *path = variant_path(s->frontend, s->name, variant);
    status = path ? write_variant(path, kept, err) : perfopt__error_nomem(err);
    perfopt__free(path);
    perfopt_bytes_release(encoded);
    return status;
}

static perfopt_status make_one(perfopt_frontend *frontend, const char *name,
                               const perfopt__image_source *source, const perfopt__variant *variant,
                               perfopt_error *err)
{
    if (variant_size(frontend, name, variant) >= 0)
        return PERFOPT_OK; /* somebody was faster */
    studio s = {.frontend = frontend, .name = name, .source = source};
    uint64_t bytes;
    perfopt_status status = studio_open(&s, err);
    if (status == PERFOPT_OK)
        status = make_file(&s, variant, &bytes, err);
    studio_close(&s);
    return status;
}

/* ---- one maker per variant ---------------------------------------------------------------- */

typedef struct flight {
    unsigned waiting;
    bool landed;
    perfopt_status status;
} flight;

static void flight_leave(flight *f)
{
    if (f->waiting == 0)
        perfopt__free(f);
}

/* Waits for the maker. Called with the lock held. */
static perfopt_status flight_wait(perfopt__flights *flights, flight *f, perfopt_error *err)
{
    f->waiting++;
    while (!f->landed)
        pthread_cond_wait(&flights->landed, &flights->lock);
    f->waiting--;
    perfopt_status status = f->status;
    flight_leave(f);
    if (status != PERFOPT_OK)
        perfopt__error_set(err, status, "the image could not be made");
    return status;
}

static flight *flight_begin(perfopt__flights *flights, const char *key)
{
    flight *f = perfopt__calloc(1, sizeof(*f));
    if (f && perfopt__map_put(&flights->flights, key, strlen(key), f, NULL) != PERFOPT_OK) {
        perfopt__free(f);
        f = NULL;
    }
    return f;
}

static void flight_end(perfopt__flights *flights, const char *key, flight *f, perfopt_status status)
{
    pthread_mutex_lock(&flights->lock);
    perfopt__map_remove(&flights->flights, key, strlen(key));
    f->landed = true;
    f->status = status;
    pthread_cond_broadcast(&flights->landed);
    flight_leave(f);
    pthread_mutex_unlock(&flights->lock);
}

perfopt_status perfopt__variant_make(perfopt_frontend *frontend, const char *name,
                                     const perfopt__image_source *source,
                                     const perfopt__variant *variant, perfopt_error *err)
{
    char *key = variant_path(frontend, name, variant);
    if (!key)
        return perfopt__error_nomem(err);
    perfopt__flights *flights = &frontend->flights;
    perfopt_status status = PERFOPT_OK;
    pthread_mutex_lock(&flights->lock);
    flight *f = perfopt__map_get(&flights->flights, key, strlen(key));
    if (f) {
        status = flight_wait(flights, f, err);
        pthread_mutex_unlock(&flights->lock);
    } else {
        f = flight_begin(flights, key);
        pthread_mutex_unlock(&flights->lock);
        status = f ? make_one(frontend, name, source, variant, err) : perfopt__error_nomem(err);
        if (f)
            flight_end(flights, key, f, status);
    }
    perfopt__free(key);
    return status;
}

/* ---- all variants of an image ------------------------------------------------------------- */

static perfopt_status make_missing(studio *s, const perfopt__variant *variant,
                                   perfopt_images_result *result, perfopt_error *err)
{
    int64_t size = variant_size(s->frontend, s->name, variant);
    uint64_t bytes = size < 0 ? 0 : (uint64_t)size;
    perfopt_status status = PERFOPT_OK;
    if (size < 0) {
        if (!s->file)
            status = studio_open(s, err);
        if (status == PERFOPT_OK)
            status = make_file(s, variant, &bytes, err);
        if (status == PERFOPT_OK)
            result->built++;
    }
    if (status == PERFOPT_OK) {
        result->variants++;
        result->variant_bytes += bytes;
    }
    return status;
}

perfopt_status perfopt__variants_make_all(perfopt_frontend *frontend, const char *name,
                                          const perfopt__image_source *source,
                                          perfopt_images_result *result, perfopt_error *err)
{
    studio s = {.frontend = frontend, .name = name, .source = source};
    perfopt_status status = PERFOPT_OK;
    for (uint32_t i = 0; i < source->width_count && status == PERFOPT_OK; i++) {
        perfopt__variant own = perfopt__variant_at(source, i, false);
        perfopt__variant webp = perfopt__variant_at(source, i, true);
        status = make_missing(&s, &own, result, err);
        if (status == PERFOPT_OK && perfopt__image_source_has_webp(source))
            status = make_missing(&s, &webp, result, err);
    }
    studio_close(&s);
    return status;
}

/* ---- previews ----------------------------------------------------------------------------- */

static perfopt_status make_preview(perfopt_frontend *frontend, const char *name,
                                   const perfopt__image_source *source,
                                   const perfopt__variant *variant, perfopt_bytes **out,
                                   perfopt_error *err)
{
    studio s = {.frontend = frontend, .name = name, .source = source};
    perfopt_status status = studio_open(&s, err);
    if (status == PERFOPT_OK)
        status = encode(&s, variant->width, variant->format, 30, out, err);
    studio_close(&s);
    return status;
}

perfopt_status perfopt__variant_preview(perfopt_frontend *frontend, const char *name,
                                        const perfopt__image_source *source, perfopt_bytes **out,
                                        perfopt__image_format *format, perfopt_error *err)
{
    bool webp = perfopt__image_can(PERFOPT__IMAGE_WEBP);
    *format = webp ? PERFOPT__IMAGE_WEBP : source->header.format;
    char hash[13];
    hash_variant(source, PERFOPT__PREVIEW_WIDTH, *format, 30, hash);
    perfopt__variant variant = {PERFOPT__PREVIEW_WIDTH, *format, hash};
    char *path = variant_path(frontend, name, &variant);
    if (!path)
        return perfopt__error_nomem(err);
    char *data;
    size_t length;
    perfopt_status status = perfopt__file_read(path, 64 << 10, &data, &length, NULL);
    if (status == PERFOPT_OK) {
        status = perfopt_bytes_create(data, length, out);
        perfopt__free(data);
    } else if (status != PERFOPT_ENOMEM) {
        status = make_preview(frontend, name, source, &variant, out, err);
        /* Next time it need not be made; if it cannot be written, it is made again. */
        if (status == PERFOPT_OK && frontend->writable)
            write_variant(path, *out, NULL);
    }
    perfopt__free(path);
    return status == PERFOPT_ENOMEM ? perfopt__error_nomem(err) : status;
}
