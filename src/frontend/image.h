/*
 * image.h - decoding, resizing and encoding, without files or caches: bytes in, bytes out. Every
 * function treats its input as hostile; memory is bounded by max_pixels, which is checked on the
 * header before anything is decoded.
 *
 *     bytes -> header (size, orientation) -> rows from a codec -> resizer -> image -> bytes
 */
#ifndef PERFOPT_SRC_FRONTEND_IMAGE_H
#define PERFOPT_SRC_FRONTEND_IMAGE_H

#include <perfopt/base.h>

typedef enum perfopt__image_format {
    PERFOPT__IMAGE_JPEG = 0,
    PERFOPT__IMAGE_PNG = 1,
    PERFOPT__IMAGE_WEBP = 2
} perfopt__image_format;

/* What the first bytes of a file say. Sizes are as stored, before the orientation is applied. */
typedef struct perfopt__image_header {
    perfopt__image_format format;
    uint32_t width, height;
    uint8_t orientation; /* EXIF 1 to 8; 1 if absent or nonsense */
    bool animated;       /* APNG or animated WebP: never resized */
    bool has_alpha;      /* may have transparent pixels */
    bool palette;        /* PNG with a palette: drawn, not photographed */
} perfopt__image_header;

/* 8 bits a sample, RGB or RGBA (not premultiplied), rows without padding. */
typedef struct perfopt__image {
    uint32_t width, height;
    uint32_t channels; /* 3 or 4 */
    uint8_t *pixels;
    uint8_t *icc; /* colour profile that viewers need, NULL = sRGB */
    size_t icc_length;
} perfopt__image;

/* ---- image_header.c ----------------------------------------------------------------------- */

/* PERFOPT_OK; PERFOPT_EPROTO (no image, or damaged). */
perfopt_status perfopt__image_header_read(const uint8_t *data, size_t length,
                                          perfopt__image_header *out, perfopt_error *err);
/* Orientation from a TIFF structure (the payload of EXIF), 1 if there is none. */
uint8_t perfopt__exif_orientation(const uint8_t *tiff, size_t length);
const char *perfopt__image_media_type(perfopt__image_format format);
const char *perfopt__image_extension(perfopt__image_format format);
/* True if the codec was built in. */
bool perfopt__image_can(perfopt__image_format format);

/* ---- image.c ------------------------------------------------------------------------------ */

/*
 * Decode at `width` pixels (upright), the height in proportion; a width above the source's gives
 * the source's size. PERFOPT_EPROTO (damaged), PERFOPT_EUNSUPPORTED (codec not built in, animated),
 * PERFOPT_ENOMEM.
 */
perfopt_status perfopt__image_decode(const uint8_t *data, size_t length,
                                     const perfopt__image_header *header, uint32_t width,
                                     perfopt__image *out, perfopt_error *err);
/* quality 1 to 100 (PNG: ignored); lossless concerns WebP only. */
perfopt_status perfopt__image_encode(const perfopt__image *image, perfopt__image_format format,
                                     uint32_t quality, bool lossless, perfopt_bytes **out,
                                     perfopt_error *err);
/* A zeroed image is allowed. */
void perfopt__image_finish(perfopt__image *image);
/* Size after the orientation. */
void perfopt__image_upright_size(const perfopt__image_header *header, uint32_t *width,
                                 uint32_t *height);
/* Height in proportion, at least 1. */
uint32_t perfopt__image_scale_height(uint32_t width, uint32_t height, uint32_t new_width);
/* Turns and mirrors the pixels as EXIF orientation 2 to 8 asks. */
perfopt_status perfopt__image_orient(perfopt__image *image, uint8_t orientation,
                                     perfopt_error *err);

/* ---- image_icc.c -------------------------------------------------------------------------- */

/* True for an RGB profile that a browser must know to show the right colours: not sRGB or so near
 * to it that nobody sees a difference. */
bool perfopt__icc_is_needed(const uint8_t *icc, size_t length);
/* Copies a profile into the image if it is needed; an unneeded or damaged one is dropped. */
perfopt_status perfopt__image_keep_icc(perfopt__image *image, const uint8_t *icc, size_t length);

/* ---- image_resize.c ----------------------------------------------------------------------- */

/* Takes rows from top to bottom and averages them into a smaller image; memory is one output image
 * and two rows. */
typedef struct perfopt__resizer perfopt__resizer;

/* out_* must not exceed in_*. NULL when out of memory. */
perfopt__resizer *perfopt__resizer_create(uint32_t in_width, uint32_t in_height, uint32_t channels,
                                          uint32_t out_width, uint32_t out_height);
/* One row of in_width pixels; rows beyond in_height are ignored. */
void perfopt__resizer_row(perfopt__resizer *resizer, const uint8_t *row);
/* Moves the pixels to *out (free with perfopt__free) and destroys. */
void perfopt__resizer_take(perfopt__resizer *resizer, uint8_t **out);
void perfopt__resizer_destroy(perfopt__resizer *resizer);

/* ---- image_jpeg.c, image_png.c, image_webp.c ------------------------------------------------ */

/* Decode at width x height, both at most the stored size; pixels are not yet turned upright. */
typedef perfopt_status (*perfopt__image_decode_fn)(const uint8_t *data, size_t length,
                                                   const perfopt__image_header *header,
                                                   uint32_t width, uint32_t height,
                                                   perfopt__image *out, perfopt_error *err);
typedef perfopt_status (*perfopt__image_encode_fn)(const perfopt__image *image, uint32_t quality,
                                                   bool lossless, perfopt_bytes **out,
                                                   perfopt_error *err);

perfopt_status perfopt__jpeg_decode(const uint8_t *data, size_t length,
                                    const perfopt__image_header *header, uint32_t width,
                                    uint32_t height, perfopt__image *out, perfopt_error *err);
perfopt_status perfopt__jpeg_encode(const perfopt__image *image, uint32_t quality, bool lossless,
                                    perfopt_bytes **out, perfopt_error *err);
perfopt_status perfopt__png_decode(const uint8_t *data, size_t length,
                                   const perfopt__image_header *header, uint32_t width,
                                   uint32_t height, perfopt__image *out, perfopt_error *err);
perfopt_status perfopt__png_encode(const perfopt__image *image, uint32_t quality, bool lossless,
                                   perfopt_bytes **out, perfopt_error *err);
perfopt_status perfopt__webp_decode(const uint8_t *data, size_t length,
                                    const perfopt__image_header *header, uint32_t width,
                                    uint32_t height, perfopt__image *out, perfopt_error *err);
perfopt_status perfopt__webp_encode(const perfopt__image *image, uint32_t quality, bool lossless,
                                    perfopt_bytes **out, perfopt_error *err);

#endif
