/*
 * image_jpeg.c - JPEG through libjpeg-turbo. The decoder makes the image smaller already in its
 * DCT (scale_num/8), which costs a fraction of decoding everything.
 *
 * libjpeg reports failures by a callback that must not return: it jumps back to the function that
 * called setjmp. All state that must be freed then lives in a struct of the caller's caller, so no
 * local variable can be clobbered.
 */
#include "base/error.h"
#include "base/memory.h"
#include "frontend/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* A progressive file may repeat scans without end; each costs a pass over all pixels. */
#define MAX_SCANS 100

typedef struct failure {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back this address */
    jmp_buf jump;
    bool out_of_memory;
    char text[JMSG_LENGTH_MAX];
} failure;

static void on_error(j_common_ptr info)
{
    failure *f = (failure *)info->err;
    f->out_of_memory = info->err->msg_code == JERR_OUT_OF_MEMORY;
    info->err->format_message(info, f->text);
    longjmp(f->jump, 1);
}

/* Where data ended or was garbage libjpeg would only warn, and go on with grey. */
static void on_message(j_common_ptr info, int level)
{
    if (level >= 0)
        return;
    int code = info->err->msg_code;
    if (code == JWRN_HIT_MARKER || code == JWRN_JPEG_EOF || code == JWRN_HUFF_BAD_CODE)
        on_error(info);
}

static void no_output(j_common_ptr info)
{
    (void)info;
}

static void failure_init(failure *f)
{
    jpeg_std_error(&f->manager);
    f->manager.error_exit = on_error;
    f->manager.emit_message = on_message;
    f->manager.output_message = no_output;
}

static perfopt_status failure_status(const failure *f, perfopt_error *err)
{
    if (f->out_of_memory)
        return perfopt__error_nomem(err);
    return perfopt__error_set(err, PERFOPT_EPROTO, "damaged JPEG: %s", f->text);
}

/* ---- decoding ----------------------------------------------------------------------------- */

typedef struct decoder {
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress;
    failure failure;
    perfopt__resizer *resizer;
    uint8_t *row;
    uint8_t *rgb; /* for CMYK: the row after conversion */
    JOCTET *icc;
    unsigned icc_length;
    perfopt_status status;
} decoder;

static void on_progress(j_common_ptr info)
{
    j_decompress_ptr decompress = (j_decompress_ptr)info;
    if (decompress->input_scan_number <= MAX_SCANS)
        return;
    failure *f = (failure *)info->err;
    snprintf(f->text, sizeof(f->text), "more than %d scans", MAX_SCANS);
    longjmp(f->jump, 1);
}

/* The power of two that leaves at least the wanted size: libjpeg-turbo has vector code for 1/2,
 * 1/4 and 1/8 only, the steps between are slower than a larger step and the resizer. */
static unsigned scale_for(const decoder *d, uint32_t width, uint32_t height)
{
    unsigned scale = 8;
    while (scale > 1 && (d->info.image_width * (scale / 2) + 7) / 8 >= width &&
           (d->info.image_height * (scale / 2) + 7) / 8 >= height)
        scale /= 2;
    return scale;
}

/* CMYK without a colour conversion: good enough for a screen. Adobe writes the inks inverted. */
static void cmyk_to_rgb(const decoder *d, const uint8_t *in, uint8_t *out)
{
    uint8_t flip = d->info.saw_Adobe_marker ? 0 : 0xFF;
    for (uint32_t x = 0; x < d->info.output_width; x++, in += 4, out += 3) {
        unsigned k = in[3] ^ flip;
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)(((unsigned)(in[c] ^ flip) * k + 127) / 255);
    }
}

static void start(decoder *d, const perfopt__image_header *header, uint32_t width, uint32_t height)
{
    jpeg_read_header(&d->info, TRUE);
    if (d->info.image_width != header->width || d->info.image_height != header->height) {
        snprintf(d->failure.text, sizeof(d->failure.text), "two different sizes");
        longjmp(d->failure.jump, 1);
    }
    bool cmyk = d->info.jpeg_color_space == JCS_CMYK || d->info.jpeg_color_space == JCS_YCCK;
    d->info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    d->info.scale_num = scale_for(d, width, height);
    d->info.scale_denom = 8;
    d->info.do_fancy_upsampling = header->width == width;
    d->progress.progress_monitor = on_progress;
    d->info.progress = &d->progress;
    jpeg_read_icc_profile(&d->info, &d->icc, &d->icc_length);
    jpeg_start_decompress(&d->info);
}

static bool allocate(decoder *d, uint32_t width, uint32_t height)
{
    size_t in_width = d->info.output_width;
    d->row = perfopt__malloc(in_width * 4);
    d->rgb = perfopt__malloc(in_width * 3);
    d->resizer =
        perfopt__resizer_create((uint32_t)in_width, d->info.output_height, 3, width, height);
    return d->row && d->rgb && d->resizer;
}

static void decode_rows(decoder *d)
{
    bool cmyk = d->info.out_color_space == JCS_CMYK;
    while (d->info.output_scanline < d->info.output_height) {
        JSAMPROW row = d->row;
        jpeg_read_scanlines(&d->info, &row, 1);
        if (cmyk)
            cmyk_to_rgb(d, d->row, d->rgb);
        perfopt__resizer_row(d->resizer, cmyk ? d->rgb : d->row);
    }
    jpeg_finish_decompress(&d->info);
}

static perfopt_status decode(decoder *d, const uint8_t *data, size_t length,
                             const perfopt__image_header *header, uint32_t width, uint32_t height)
{
    failure_init(&d->failure);
    d->info.err = &d->failure.manager;
    if (setjmp(d->failure.jump))
        return d->failure.out_of_memory ? PERFOPT_ENOMEM : PERFOPT_EPROTO;
    jpeg_create_decompress(&d->info);
    jpeg_mem_src(&d->info, data, (unsigned long)length);
    jpeg_save_markers(&d->info, JPEG_APP0 + 2, 0xFFFF);
    start(d, header, width, height);
    if (!allocate(d, width, height))
        return PERFOPT_ENOMEM;
    decode_rows(d);
    return PERFOPT_OK;
}

perfopt_status perfopt__jpeg_decode(const uint8_t *data, size_t length,
                                    const perfopt__image_header *header, uint32_t width,
                                    uint32_t height, perfopt__image *out, perfopt_error *err)
{
    decoder *d = perfopt__calloc(1, sizeof(*d));
    if (!d)
        return perfopt__error_nomem(err);
    perfopt_status status = decode(d, data, length, header, width, height);
    perfopt__image image = {.width = width, .height = height, .channels = 3};
    if (status == PERFOPT_OK)
        status = perfopt__image_keep_icc(&image, d->icc, d->icc_length);
    if (status == PERFOPT_OK) {
        perfopt__resizer_take(d->resizer, &image.pixels);
        d->resizer = NULL;
        *out = image;
    } else if (status == PERFOPT_ENOMEM) {
        perfopt__error_nomem(err);
    } else {
        failure_status(&d->failure, err);
    }
    jpeg_destroy_decompress(&d->info);
    perfopt__resizer_destroy(d->resizer);
    perfopt__free(d->row);
    perfopt__free(d->rgb);
    free(d->icc); /* libjpeg's malloc */
    perfopt__free(d);
    return status;
}

/* ---- encoding ----------------------------------------------------------------------------- */

typedef struct encoder {
    struct jpeg_compress_struct info;
    failure failure;
    unsigned char *data; /* libjpeg's malloc */
    unsigned long length;
} encoder;

static perfopt_status encode(encoder *e, const perfopt__image *image, uint32_t quality)
{
    failure_init(&e->failure);
    e->info.err = &e->failure.manager;
    if (setjmp(e->failure.jump))
        return PERFOPT_EPROTO;
    jpeg_create_compress(&e->info);
    jpeg_mem_dest(&e->info, &e->data, &e->length);
    e->info.image_width = image->width;
    e->info.image_height = image->height;
    e->info.input_components = 3;
    e->info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&e->info);
    jpeg_set_quality(&e->info, (int)quality, TRUE);
    jpeg_simple_progression(&e->info);
    e->info.optimize_coding = TRUE;
    jpeg_start_compress(&e->info, TRUE);
    if (image->icc)
        jpeg_write_icc_profile(&e->info, image->icc, (unsigned)image->icc_length);
    while (e->info.next_scanline < image->height) {
        JSAMPROW row = image->pixels + (size_t)e->info.next_scanline * image->width * 3;
        jpeg_write_scanlines(&e->info, &row, 1);
    }
    jpeg_finish_compress(&e->info);
    return PERFOPT_OK;
}

perfopt_status perfopt__jpeg_encode(const perfopt__image *image, uint32_t quality, bool lossless,
                                    perfopt_bytes **out, perfopt_error *err)
{
    (void)lossless;
    if (image->channels != 3)
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED, "JPEG has no transparency");
    encoder *e = perfopt__calloc(1, sizeof(*e));
    if (!e)
        return perfopt__error_nomem(err);
    perfopt_status status = encode(e, image, quality);
    if (status == PERFOPT_OK) {
        status = perfopt_bytes_create(e->data, e->length, out);
        if (status != PERFOPT_OK)
            perfopt__error_nomem(err);
    } else if (e->failure.out_of_memory) {
        status = perfopt__error_nomem(err);
    } else {
        status =
            perfopt__error_set(err, PERFOPT_EFAILED, "cannot encode JPEG: %s", e->failure.text);
    }
    jpeg_destroy_compress(&e->info);
    free(e->data);
    perfopt__free(e);
    return status;
}
