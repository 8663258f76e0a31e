/*
 * image.c - the codecs that were built in behind one pair of functions, and turning images upright.
 */
#include "frontend/image.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

typedef struct codec {
    perfopt__image_decode_fn decode; /* NULL = not built in */
    perfopt__image_encode_fn encode;
} codec;

static const codec codecs[3] = {
#ifdef PERFOPT_HAVE_JPEG
    [PERFOPT__IMAGE_JPEG] = {perfopt__jpeg_decode, perfopt__jpeg_encode},
#endif
#ifdef PERFOPT_HAVE_PNG
    [PERFOPT__IMAGE_PNG] = {perfopt__png_decode, perfopt__png_encode},
#endif
#ifdef PERFOPT_HAVE_WEBP
    [PERFOPT__IMAGE_WEBP] = {perfopt__webp_decode, perfopt__webp_encode},
#endif
};

bool perfopt__image_can(perfopt__image_format format)
{
    return codecs[format].decode != NULL;
}

static perfopt_status not_built_in(perfopt__image_format format, perfopt_error *err)
{
    return perfopt__error_set(err, PERFOPT_EUNSUPPORTED, "%s is not built in",
                              perfopt__image_media_type(format));
}

uint32_t perfopt__image_scale_height(uint32_t width, uint32_t height, uint32_t new_width)
{
    uint64_t scaled = ((uint64_t)height * new_width + width / 2) / width;
    return scaled == 0 ? 1 : scaled > height ? height : (uint32_t)scaled;
}

void perfopt__image_upright_size(const perfopt__image_header *header, uint32_t *width,
                                 uint32_t *height)
{
    bool turned = header->orientation >= 5;
    *width = turned ? header->height : header->width;
    *height = turned ? header->width : header->height;
}

perfopt_status perfopt__image_decode(const uint8_t *data, size_t length,
                                     const perfopt__image_header *header, uint32_t width,
                                     perfopt__image *out, perfopt_error *err)
{
    if (header->animated)
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED, "animated images are not resized");
    if (!perfopt__image_can(header->format))
        return not_built_in(header->format, err);
    uint32_t full_width, full_height;
    perfopt__image_upright_size(header, &full_width, &full_height);
    width = width < full_width ? width : full_width;
    uint32_t height = perfopt__image_scale_height(full_width, full_height, width);
    bool turned = header->orientation >= 5;
    perfopt__image image = {0};
    perfopt_status status = codecs[header->format].decode(
        data, length, header, turned ? height : width, turned ? width : height, &image, err);
    if (status == PERFOPT_OK)
        status = perfopt__image_orient(&image, header->orientation, err);
    if (status == PERFOPT_OK)
        *out = image;
    else
        perfopt__image_finish(&image);
    return status;
}

perfopt_status perfopt__image_encode(const perfopt__image *image, perfopt__image_format format,
                                     uint32_t quality, bool lossless, perfopt_bytes **out,
                                     perfopt_error *err)
{
    if (!perfopt__image_can(format))
        return not_built_in(format, err);
    return codecs[format].encode(image, quality, lossless, out, err);
}

void perfopt__image_finish(perfopt__image *image)
{
    perfopt__free(image->pixels);
    perfopt__free(image->icc);
    *image = (perfopt__image){0};
}

/*
 * The eight orientations as "which stored pixel is shown at (x, y)". Those from 5 on exchange the
 * axes; bit by bit: swap, mirror across, mirror down.
 *
 *     1 as stored     2 mirrored across     3 turned by 180     4 mirrored down
 *     5 transposed    6 turn right by 90    7 both diagonals    8 turn left by 90
 */
static size_t source_pixel(const perfopt__image *in, uint8_t orientation, uint32_t x, uint32_t y)
{
    bool swap = orientation >= 5;
    uint32_t sx = swap ? y : x;
    uint32_t sy = swap ? x : y;
    if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        sx = in->width - 1 - sx;
    if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        sy = in->height - 1 - sy;
    return (size_t)sy * in->width + sx;
}

perfopt_status perfopt__image_orient(perfopt__image *image, uint8_t orientation, perfopt_error *err)
{
    if (orientation < 2 || orientation > 8)
        return PERFOPT_OK;
    bool swap = orientation >= 5;
    uint32_t width = swap ? image->height : image->width;
    uint32_t height = swap ? image->width : image->height;
    uint8_t *pixels = perfopt__malloc((size_t)width * height * image->channels);
    if (!pixels)
        return perfopt__error_nomem(err);
    uint8_t *out = pixels;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++, out += image->channels)
            memcpy(out, image->pixels + source_pixel(image, orientation, x, y) * image->channels,
                   image->channels);
    }
    perfopt__free(image->pixels);
    image->pixels = pixels;
    image->width = width;
    image->height = height;
    return PERFOPT_OK;
}
