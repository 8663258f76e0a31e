/*
 * image_png.c - PNG through libpng: 1 to 16 bits, grey, palette, transparency, interlacing; all
 * become 8-bit RGB or RGBA. Rows go straight into the resizer; only an interlaced image has to be
 * in memory as a whole.
 *
 * libpng reports failures by jumping back to setjmp; what must be freed lives in a struct of the
 * calling function.
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "frontend/image.h"

#include <png.h>
#include <stdio.h>
#include <string.h>

/* Profiles and other side chunks, decompressed. */
#define MAX_CHUNK_BYTES ((png_alloc_size_t)8 << 20)

typedef struct failure {
    bool out_of_memory;
    char text[128];
} failure;

static PNG_NORETURN void on_error(png_structp png, png_const_charp text)
{
    failure *f = png_get_error_ptr(png);
    if (f->text[0] == '\0')
        snprintf(f->text, sizeof(f->text), "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* libpng's memory goes through the library's allocator, and a refusal is told from damage. */
static png_voidp on_malloc(png_structp png, png_alloc_size_t size)
{
    void *ptr = perfopt__malloc(size);
    if (!ptr)
        ((failure *)png_get_mem_ptr(png))->out_of_memory = true;
    return ptr;
}

static void on_free(png_structp png, png_voidp ptr)
{
    (void)png;
    perfopt__free(ptr);
}

/* ---- decoding ----------------------------------------------------------------------------- */

typedef struct decoder {
    png_structp png;
    png_infop info;
    failure failure;
    const uint8_t *data;
    size_t length, at;
    uint32_t channels;
    perfopt__resizer *resizer;
    uint8_t *pixels; /* one row, or all of them if interlaced */
    png_bytepp rows; /* interlaced only */
    bool interlaced;
    perfopt__image image;
} decoder;

static void on_read(png_structp png, png_bytep out, size_t size)
{
    decoder *d = png_get_io_ptr(png);
    if (d->length - d->at < size)
        png_error(png, "data ends early");
    memcpy(out, d->data + d->at, size);
    d->at += size;
}

static void ask_for_8_bits(decoder *d)
{
    png_byte colour = png_get_color_type(d->png, d->info);
    bool transparent = png_get_valid(d->png, d->info, PNG_INFO_tRNS) != 0;
    png_set_expand(d->png); /* palette, 1-4 bits, tRNS */
    png_set_scale_16(d->png);
    if ((colour & PNG_COLOR_MASK_COLOR) == 0)
        png_set_gray_to_rgb(d->png);
    d->interlaced = png_set_interlace_handling(d->png) > 1;
    d->channels = (colour & PNG_COLOR_MASK_ALPHA) || transparent ? 4 : 3;
    png_read_update_info(d->png, d->info);
    if (png_get_channels(d->png, d->info) != d->channels || png_get_bit_depth(d->png, d->info) != 8)
        png_error(d->png, "unexpected pixel layout");
}

static void read_icc(decoder *d)
{
    png_charp name;
    int method;
    png_bytep icc;
    png_uint_32 length;
    if (!png_get_iCCP(d->png, d->info, &name, &method, &icc, &length))
        return;
    if (perfopt__image_keep_icc(&d->image, icc, length) != PERFOPT_OK) {
        d->failure.out_of_memory = true;
        png_error(d->png, "out of memory");
    }
}

static void allocate(decoder *d, const perfopt__image_header *header)
{
    size_t row = (size_t)header->width * d->channels;
    size_t rows = d->interlaced ? header->height : 1;
    d->image.channels = d->channels;
    d->pixels = perfopt__calloc(rows, row);
    d->rows = perfopt__calloc(rows, sizeof(*d->rows));
    d->resizer = perfopt__resizer_create(header->width, header->height, d->channels, d->image.width,
                                         d->image.height);
    if (!d->pixels || !d->rows || !d->resizer) {
        d->failure.out_of_memory = true;
        png_error(d->png, "out of memory");
    }
    for (size_t y = 0; y < rows; y++)
        d->rows[y] = d->pixels + y * row;
}

static void decode_rows(decoder *d, const perfopt__image_header *header)
{
    if (d->interlaced)
        png_read_image(d->png, d->rows);
    for (uint32_t y = 0; y < header->height; y++) {
        if (!d->interlaced)
            png_read_row(d->png, d->pixels, NULL);
        perfopt__resizer_row(d->resizer, d->rows[d->interlaced ? y : 0]);
    }
    png_read_end(d->png, NULL);
}

static bool decode(decoder *d, const perfopt__image_header *header)
{
    d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &d->failure, on_error, on_warning,
                                      &d->failure, on_malloc, on_free);
    if (!d->png)
        return false;
    if (setjmp(png_jmpbuf(d->png)))
        return false;
    d->info = png_create_info_struct(d->png);
    if (!d->info)
        png_error(d->png, "out of memory");
    png_set_user_limits(d->png, header->width, header->height);
    png_set_chunk_malloc_max(d->png, MAX_CHUNK_BYTES);
    png_set_chunk_cache_max(d->png, 64);
    png_set_read_fn(d->png, d, on_read);
    png_read_info(d->png, d->info);
    if (png_get_image_width(d->png, d->info) != header->width ||
        png_get_image_height(d->png, d->info) != header->height)
        png_error(d->png, "two different sizes");
    read_icc(d);
    ask_for_8_bits(d);
    allocate(d, header);
    decode_rows(d, header);
    return true;
}

perfopt_status perfopt__png_decode(const uint8_t *data, size_t length,
                                   const perfopt__image_header *header, uint32_t width,
                                   uint32_t height, perfopt__image *out, perfopt_error *err)
{
    decoder *d = perfopt__calloc(1, sizeof(*d));
    if (!d)
        return perfopt__error_nomem(err);
    d->data = data;
    d->length = length;
    d->image.width = width;
    d->image.height = height;
    perfopt_status status = PERFOPT_OK;
    /* libpng goes on without a side chunk that found no memory; a profile must not get lost so. */
    if (decode(d, header) && !d->failure.out_of_memory) {
        perfopt__resizer_take(d->resizer, &d->image.pixels);
        d->resizer = NULL;
        *out = d->image;
    } else {
        status = d->failure.out_of_memory || !d->png
                     ? perfopt__error_nomem(err)
                     : perfopt__error_set(err, PERFOPT_EPROTO, "damaged PNG: %s", d->failure.text);
        perfopt__image_finish(&d->image);
    }
    png_destroy_read_struct(&d->png, &d->info, NULL);
    perfopt__resizer_destroy(d->resizer);
    perfopt__free(d->pixels);
    perfopt__free(d->rows);
    perfopt__free(d);
    return status;
}

/* ---- encoding ----------------------------------------------------------------------------- */

typedef struct encoder {
    png_structp png;
    png_infop info;
    failure failure;
    perfopt__strbuf out;
} encoder;

static void on_write(png_structp png, png_bytep data, size_t size)
{
    encoder *e = png_get_io_ptr(png);
    perfopt__strbuf_append(&e->out, data, size);
    if (e->out.failed) {
        e->failure.out_of_memory = true;
        png_error(png, "out of memory");
    }
}

static void on_flush(png_structp png)
{
    (void)png;
}

static bool encode(encoder *e, const perfopt__image *image)
{
    e->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &e->failure, on_error, on_warning,
                                       &e->failure, on_malloc, on_free);
    if (!e->png)
        return false;
    if (setjmp(png_jmpbuf(e->png)))
        return false;
    e->info = png_create_info_struct(e->png);
    if (!e->info)
        png_error(e->png, "out of memory");
    png_set_write_fn(e->png, e, on_write, on_flush);
    png_set_IHDR(e->png, e->info, image->width, image->height, 8,
                 image->channels == 4 ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (image->icc)
        png_set_iCCP(e->png, e->info, "icc", PNG_COMPRESSION_TYPE_BASE, image->icc,
                     (png_uint_32)image->icc_length);
    png_set_compression_level(e->png, 9);
    png_write_info(e->png, e->info);
    for (uint32_t y = 0; y < image->height; y++)
        png_write_row(e->png, image->pixels + (size_t)y * image->width * image->channels);
    png_write_end(e->png, NULL);
    return true;
}

perfopt_status perfopt__png_encode(const perfopt__image *image, uint32_t quality, bool lossless,
                                   perfopt_bytes **out, perfopt_error *err)
{
    (void)quality, (void)lossless;
    encoder *e = perfopt__calloc(1, sizeof(*e));
    if (!e)
        return perfopt__error_nomem(err);
    perfopt_status status;
    if (encode(e, image)) {
        status = perfopt_bytes_create(e->out.data, e->out.length, out);
        if (status != PERFOPT_OK)
            perfopt__error_nomem(err);
    } else if (e->failure.out_of_memory || !e->png) {
        status = perfopt__error_nomem(err);
    } else {
        status = perfopt__error_set(err, PERFOPT_EFAILED, "cannot encode PNG: %s", e->failure.text);
    }
    png_destroy_write_struct(&e->png, &e->info);
    perfopt__strbuf_finish(&e->out);
    perfopt__free(e);
    return status;
}
