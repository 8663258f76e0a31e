/*
 * image_webp.c - WebP through libwebp. A colour profile needs libwebpmux only for two chunks, so
 * they are read and written here (RFC 9649, sections 2.3 to 2.7).
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "frontend/image.h"

#include <string.h>
#include <webp/decode.h>
#include <webp/encode.h>

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_le(uint8_t *p, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

/* ---- decoding ----------------------------------------------------------------------------- */

/* The profile comes first behind the VP8X header. */
static const uint8_t *find_icc(const uint8_t *data, size_t length, size_t *icc_length)
{
    if (length < 38 || memcmp(data + 12, "VP8X", 4) != 0 || memcmp(data + 30, "ICCP", 4) != 0)
        return NULL;
    *icc_length = le32(data + 34);
    return *icc_length <= length - 38 ? data + 38 : NULL;
}

static perfopt_status decode_all(const uint8_t *data, size_t length,
                                 const perfopt__image_header *header, uint32_t channels,
                                 uint8_t *pixels, perfopt_error *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return perfopt__error_set(err, PERFOPT_EFAILED, "libwebp has another version");
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = (int)(header->width * channels);
    config.output.u.RGBA.size = (size_t)header->width * header->height * channels;
    VP8StatusCode code = WebPDecode(data, length, &config);
    WebPFreeDecBuffer(&config.output);
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return perfopt__error_nomem(err);
    if (code != VP8_STATUS_OK)
        return perfopt__error_set(err, PERFOPT_EPROTO, "damaged WebP: %s",
                                  code == VP8_STATUS_NOT_ENOUGH_DATA ? "data ends early"
                                                                     : "cannot be decoded");
    return PERFOPT_OK;
}

static perfopt_status shrink(const uint8_t *pixels, const perfopt__image_header *header,
                             perfopt__image *image)
{
    perfopt__resizer *resizer = perfopt__resizer_create(
        header->width, header->height, image->channels, image->width, image->height);
    if (!resizer)
        return PERFOPT_ENOMEM;
    for (uint32_t y = 0; y < header->height; y++)
        perfopt__resizer_row(resizer, pixels + (size_t)y * header->width * image->channels);
    perfopt__resizer_take(resizer, &image->pixels);
    return PERFOPT_OK;
}

perfopt_status perfopt__webp_decode(const uint8_t *data, size_t length,
                                    const perfopt__image_header *header, uint32_t width,
                                    uint32_t height, perfopt__image *out, perfopt_error *err)
{
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(data, length, &features) != VP8_STATUS_OK ||
        (uint32_t)features.width != header->width || (uint32_t)features.height != header->height)
        return perfopt__error_set(err, PERFOPT_EPROTO, "damaged WebP: wrong header");
    perfopt__image image = {.width = width, .height = height};
    image.channels = features.has_alpha ? 4 : 3;
    uint8_t *pixels = perfopt__malloc((size_t)header->width * header->height * image.channels);
    if (!pixels)
        return perfopt__error_nomem(err);
    perfopt_status status = decode_all(data, length, header, image.channels, pixels, err);
    if (status == PERFOPT_OK) {
        size_t icc_length = 0;
        const uint8_t *icc = find_icc(data, length, &icc_length);
        status = perfopt__image_keep_icc(&image, icc, icc_length);
        if (status == PERFOPT_OK)
            status = shrink(pixels, header, &image);
        if (status != PERFOPT_OK)
            perfopt__error_nomem(err);
    }
    perfopt__free(pixels);
    if (status == PERFOPT_OK)
        *out = image;
    else
        perfopt__image_finish(&image);
    return status;
}

/* ---- encoding ----------------------------------------------------------------------------- */

/*
 * Puts the profile into the container:
 *
 *     RIFF size WEBP | VP8X 10 flags.. | ICCP n profile | the chunks libwebp wrote
 *
 * libwebp writes a VP8X chunk itself only for lossy images with alpha.
 */
static perfopt_status with_icc(const uint8_t *data, size_t length, const perfopt__image *image,
                               perfopt_bytes **out)
{
    bool extended = memcmp(data + 12, "VP8X", 4) == 0;
    size_t skip = extended ? 30 : 12;
    size_t padded = image->icc_length + (image->icc_length & 1);
    size_t total = 30 + 8 + padded + (length - skip);
    perfopt_bytes *bytes = perfopt__bytes_new(total);
    if (!bytes)
        return PERFOPT_ENOMEM;
    uint8_t *p = (uint8_t *)bytes->data;
    memset(p, 0, 38 + padded);
    memcpy(p, "RIFF", 4);
    put_le(p + 4, (uint32_t)(total - 8), 4);
    memcpy(p + 8, "WEBPVP8X", 8);
    put_le(p + 16, 10, 4);
    p[20] = (uint8_t)(0x20 | (image->channels == 4 ? 0x10 : 0));
    put_le(p + 24, image->width - 1, 3);
    put_le(p + 27, image->height - 1, 3);
    memcpy(p + 30, "ICCP", 4);
    put_le(p + 34, (uint32_t)image->icc_length, 4);
    memcpy(p + 38, image->icc, image->icc_length);
    memcpy(p + 38 + padded, data + skip, length - skip);
    *out = bytes;
    return PERFOPT_OK;
}

static bool import(WebPPicture *picture, const perfopt__image *image)
{
    picture->width = (int)image->width;
    picture->height = (int)image->height;
    int stride = (int)(image->width * image->channels);
    return image->channels == 4 ? WebPPictureImportRGBA(picture, image->pixels, stride)
                                : WebPPictureImportRGB(picture, image->pixels, stride);
}

static perfopt_status encode(const WebPConfig *config, WebPPicture *picture,
                             WebPMemoryWriter *writer, const perfopt__image *image,
                             perfopt_bytes **out, perfopt_error *err)
{
    picture->writer = WebPMemoryWrite;
    picture->custom_ptr = writer;
    picture->use_argb = config->lossless;
    if (!import(picture, image))
        return perfopt__error_nomem(err);
    if (!WebPEncode(config, picture)) {
        if (picture->error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
            picture->error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY)
            return perfopt__error_nomem(err);
        return perfopt__error_set(err, PERFOPT_EFAILED, "cannot encode WebP: error %d",
                                  (int)picture->error_code);
    }
    perfopt_status status = image->icc ? with_icc(writer->mem, writer->size, image, out)
                                       : perfopt_bytes_create(writer->mem, writer->size, out);
    return status == PERFOPT_OK ? status : perfopt__error_nomem(err);
}

perfopt_status perfopt__webp_encode(const perfopt__image *image, uint32_t quality, bool lossless,
                                    perfopt_bytes **out, perfopt_error *err)
{
    if (image->width > WEBP_MAX_DIMENSION || image->height > WEBP_MAX_DIMENSION)
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED, "WebP ends at %d pixels a side",
                                  WEBP_MAX_DIMENSION);
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, (float)quality) ||
        !WebPPictureInit(&picture))
        return perfopt__error_set(err, PERFOPT_EFAILED, "libwebp has another version");
    config.lossless = lossless;
    WebPMemoryWriter writer;
    WebPMemoryWriterInit(&writer);
    perfopt_status status = encode(&config, &picture, &writer, image, out, err);
    WebPPictureFree(&picture);
    WebPMemoryWriterClear(&writer);
    return status;
}
