/*
 * frontend_internal.h - what the files of this module share, grouped by owning file.
 */
#ifndef PERFOPT_SRC_FRONTEND_INTERNAL_H
#define PERFOPT_SRC_FRONTEND_INTERNAL_H

#include "base/map.h"
#include "base/strbuf.h"
#include "frontend/image.h"

#include <perfopt/frontend.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- sources.c: what is known about source images ------------------------------------------ */

#define PERFOPT__IMAGE_WIDTHS    7 /* the list of perfopt_images_precompile() */
#define PERFOPT__MAX_WIDTHS      (PERFOPT__IMAGE_WIDTHS + 1) /* and the source's own */
#define PERFOPT__IMAGE_SHARDS    16
#define PERFOPT__PREVIEW_WIDTH   16
#define PERFOPT__MAX_IMAGE_BYTES (64 << 20)

/* One source image, copied out of the cache. */
typedef struct perfopt__image_source {
    int64_t mtime_ns;
    uint64_t bytes;
    perfopt__image_header header;
    uint32_t width, height; /* upright */
    uint8_t digest[32];     /* SHA-256 of the file */
    uint32_t widths[PERFOPT__MAX_WIDTHS];
    uint32_t width_count; /* 0 = no variants: animated, too small a set of codecs, read-only */
    char hashes[2][PERFOPT__MAX_WIDTHS][13]; /* of the variants: [0] own format, [1] WebP */
} perfopt__image_source;

typedef struct perfopt__image_source_shard {
    pthread_mutex_t lock;
    perfopt__map entries; /* name -> entry of sources.c */
} perfopt__image_source_shard;

typedef struct perfopt__image_sources {
    perfopt__image_source_shard shards[PERFOPT__IMAGE_SHARDS];
} perfopt__image_sources;

void perfopt__image_sources_init(perfopt__image_sources *sources);
void perfopt__image_sources_finish(perfopt__image_sources *sources);

/* Status as perfopt_image_get_info(). A change of the file is seen within a second. */
perfopt_status perfopt__image_source_get(perfopt_frontend *frontend, const char *name,
                                         perfopt__image_source *out, perfopt_error *err);
/* Reads the file behind a name. PERFOPT_ENOTFOUND also for names and links that leave the root and
 * for hidden files. */
perfopt_status perfopt__image_source_read(const perfopt_frontend *frontend, const char *name,
                                          perfopt_bytes **out, perfopt_error *err);
/* The preview as "data:..." text, made on first use; NULL if there is none (transparent, damaged,
 * out of memory). Release it. */
perfopt_bytes *perfopt__image_source_preview(perfopt_frontend *frontend, const char *name,
                                             const perfopt__image_source *source);

/* ---- variants.c: names of variants, making them --------------------------------------------- */

/* A variant somebody asks for. */
typedef struct perfopt__variant {
    uint32_t width;
    perfopt__image_format format;
    const char *hash; /* 12 hexadecimal digits */
} perfopt__variant;

typedef struct perfopt__flights {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    perfopt__map flights; /* variant's file name -> flight of variants.c */
} perfopt__flights;

/* Fills widths, width_count and hashes from the rest of the source. */
void perfopt__variants_list(const perfopt_frontend *frontend, const char *name,
                            perfopt__image_source *source);
/* The variant at an index of widths; webp chooses WebP for a source of another format. */
perfopt__variant perfopt__variant_at(const perfopt__image_source *source, uint32_t index,
                                     bool webp);
/* True if the format of the source and WebP are two things, and WebP was built in. */
bool perfopt__image_source_has_webp(const perfopt__image_source *source);
/* "<name>-<width>w-<hash>.<ext>" */
void perfopt__variant_put_name(perfopt__strbuf *out, const char *name,
                               const perfopt__variant *variant);
/* What follows the image's name: "-480w-0123456789ab.webp". */
void perfopt__variant_put_suffix(perfopt__strbuf *out, const perfopt__variant *variant);
/* Makes a variant that is not there; others who want the same one wait. */
perfopt_status perfopt__variant_make(perfopt_frontend *frontend, const char *name,
                                     const perfopt__image_source *source,
                                     const perfopt__variant *variant, perfopt_error *err);
/* Makes all variants of one image that are not there; adds to the result's counters. */
perfopt_status perfopt__variants_make_all(perfopt_frontend *frontend, const char *name,
                                          const perfopt__image_source *source,
                                          perfopt_images_result *result, perfopt_error *err);
/* The tiny preview image, from its file or made and written now. */
perfopt_status perfopt__variant_preview(perfopt_frontend *frontend, const char *name,
                                        const perfopt__image_source *source, perfopt_bytes **out,
                                        perfopt__image_format *format, perfopt_error *err);

/* ---- frontend.c ---------------------------------------------------------------------------- */

struct perfopt_frontend {
    perfopt_assets *assets;     /* borrowed */
    perfopt_assets *images;     /* the source images: assets, or own_images */
    perfopt_assets *own_images; /* NULL if image_root is the assets' root */
    perfopt_assets *variants;   /* serves image_output; NULL if there is no such folder */
    char *output;
    char *prefix; /* ends in '/' */
    char *beacon;
    char script_path[48];
    uint32_t max_pixels;
    uint32_t jpeg_quality;
    uint32_t webp_quality;
    bool rum;
    bool writable; /* variants can be written */
    atomic_bool precompiling;
    perfopt__image_sources sources;
    perfopt__flights flights;
    pthread_mutex_t warned_lock;
    perfopt__map warned; /* names whose fault was logged */
};

/* Logs a fault of an image once per name. */
void perfopt__frontend_warn_once(perfopt_frontend *frontend, const char *name,
                                 const perfopt_error *error);
/* Ends a buffer as text in the arena; NULL when out of memory. */
const char *perfopt__strbuf_to_arena(perfopt__strbuf *sb, perfopt_arena *arena);

#endif
