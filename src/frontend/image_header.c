/*
 * image_header.c - size, orientation and kind of an image from its first bytes, without a codec:
 * JPEG (ISO 10918-1 annex B), PNG (third edition, section 5), WebP (RFC 9649), EXIF orientation
 * (TIFF 6.0 tag 0x0112). Every read is checked against the length.
 */
#include "base/error.h"
#include "frontend/image.h"

#include <string.h>

/* Bytes with a position; reads past the end give 0 and set `ended`. */
typedef struct reader {
    const uint8_t *data;
    size_t length;
    size_t at;
    bool ended;
} reader;

static uint32_t get_be(reader *r, size_t bytes)
{
    if (r->length - r->at < bytes) {
        r->at = r->length;
        r->ended = true;
        return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | r->data[r->at++];
    return value;
}

static uint32_t get_le(reader *r, size_t bytes)
{
    if (r->length - r->at < bytes) {
        r->at = r->length;
        r->ended = true;
        return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint32_t)r->data[r->at++] << (8 * i);
    return value;
}

static void skip(reader *r, size_t bytes)
{
    if (r->length - r->at < bytes) {
        r->at = r->length;
        r->ended = true;
    } else {
        r->at += bytes;
    }
}

/* ---- EXIF --------------------------------------------------------------------------------- */

uint8_t perfopt__exif_orientation(const uint8_t *tiff, size_t length)
{
    if (length < 8 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return 1;
    uint32_t (*get)(reader *, size_t) = tiff[0] == 'I' ? get_le : get_be;
    reader r = {tiff, length, 4, false};
    size_t first = get(&r, 4);
    if (first > length)
        return 1;
    r.at = first;
    uint32_t entries = get(&r, 2);
    for (uint32_t i = 0; i < entries && !r.ended; i++) {
        uint32_t tag = get(&r, 2);
        uint32_t type = get(&r, 2);
        uint32_t count = get(&r, 4);
        uint32_t value = get(&r, 2);
        skip(&r, 2);
        if (tag == 0x0112 && !r.ended)
            return type == 3 && count == 1 && value >= 1 && value <= 8 ? (uint8_t)value : 1;
    }
    return 1;
}

static uint8_t orientation_of_app1(const uint8_t *payload, size_t length)
{
    if (length < 6 || memcmp(payload, "Exif\0\0", 6) != 0)
        return 0;
    return perfopt__exif_orientation(payload + 6, length - 6);
}

/* ---- JPEG --------------------------------------------------------------------------------- */

static bool is_start_of_frame(uint32_t marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/* Skips fill bytes and returns the next marker; 0 if there is none here. */
static uint32_t next_marker(reader *r)
{
    if (get_be(r, 1) != 0xFF)
        return 0;
    uint32_t marker = 0xFF;
    while (marker == 0xFF && !r->ended)
        marker = get_be(r, 1);
    return marker;
}

static bool read_jpeg(reader *r, perfopt__image_header *out)
{
    out->format = PERFOPT__IMAGE_JPEG;
    bool have_exif = false;
    r->at = 2;
    for (;;) {
        uint32_t marker = next_marker(r);
        if (marker == 0 || marker == 0xD9 || marker == 0xDA)
            return false;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7))
            continue;
        uint32_t size = get_be(r, 2);
        if (r->ended || size < 2 || size - 2 > r->length - r->at)
            return false;
        if (is_start_of_frame(marker)) {
            skip(r, 1);
            out->height = get_be(r, 2);
            out->width = get_be(r, 2);
            return !r->ended;
        }
        if (marker == 0xE1 && !have_exif) {
            uint8_t orientation = orientation_of_app1(r->data + r->at, size - 2);
            have_exif = orientation != 0;
            out->orientation = have_exif ? orientation : 1;
        }
        skip(r, size - 2);
    }
}

/* ---- PNG ---------------------------------------------------------------------------------- */

static bool read_png(reader *r, perfopt__image_header *out)
{
    out->format = PERFOPT__IMAGE_PNG;
    r->at = 8;
    uint32_t first_size = get_be(r, 4);
    uint32_t first_type = get_be(r, 4);
    if (first_size != 13 || first_type != 0x49484452 /* IHDR */)
        return false;
    out->width = get_be(r, 4);
    out->height = get_be(r, 4);
    skip(r, 1);
    uint32_t colour = get_be(r, 1);
    skip(r, 3 + 4);
    out->palette = colour == 3;
    out->has_alpha = colour == 4 || colour == 6;
    while (!r->ended) {
        uint32_t size = get_be(r, 4);
        uint32_t type = get_be(r, 4);
        if (type == 0x49444154 /* IDAT */)
            return out->width <= INT32_MAX && out->height <= INT32_MAX;
        if (r->ended || size > r->length - r->at)
            return false;
        if (type == 0x6163544C /* acTL */)
            out->animated = true;
        if (type == 0x74524E53 /* tRNS */)
            out->has_alpha = true;
        if (type == 0x65584966 /* eXIf */)
            out->orientation = perfopt__exif_orientation(r->data + r->at, size);
        skip(r, (size_t)size + 4);
    }
    return false;
}

/* ---- WebP --------------------------------------------------------------------------------- */

static bool read_vp8(reader *r, perfopt__image_header *out)
{
    skip(r, 3);
    if (get_be(r, 3) != 0x9D012A)
        return false;
    out->width = get_le(r, 2) & 0x3FFF;
    out->height = get_le(r, 2) & 0x3FFF;
    return !r->ended;
}

static bool read_vp8l(reader *r, perfopt__image_header *out)
{
    if (get_be(r, 1) != 0x2F)
        return false;
    uint32_t bits = get_le(r, 4);
    out->width = (bits & 0x3FFF) + 1;
    out->height = (bits >> 14 & 0x3FFF) + 1;
    out->has_alpha = bits >> 28 & 1;
    return !r->ended;
}

/* The EXIF chunk comes after the pixels. */
static void find_webp_exif(reader *r, perfopt__image_header *out)
{
    while (!r->ended && r->at < r->length) {
        uint32_t type = get_be(r, 4);
        uint32_t size = get_le(r, 4);
        if (r->ended || size > r->length - r->at)
            return;
        if (type == 0x45584946 /* EXIF */) {
            const uint8_t *data = r->data + r->at;
            /* Some writers keep the JPEG prefix in front of the TIFF structure. */
            size_t prefix = size >= 6 && memcmp(data, "Exif\0\0", 6) == 0 ? 6 : 0;
            out->orientation = perfopt__exif_orientation(data + prefix, size - prefix);
            return;
        }
        skip(r, (size_t)size + (size & 1));
    }
}

static bool read_vp8x(reader *r, size_t size, perfopt__image_header *out)
{
    size_t start = r->at;
    uint32_t flags = get_le(r, 4);
    out->width = get_le(r, 3) + 1;
    out->height = get_le(r, 3) + 1;
    out->has_alpha = flags & 0x10;
    out->animated = flags & 0x02;
    if (r->ended || size < 10)
        return false;
    if (flags & 0x08) {
        r->at = start;
        skip(r, size + (size & 1));
        find_webp_exif(r, out);
    }
    return true;
}

static bool read_webp(reader *r, perfopt__image_header *out)
{
    out->format = PERFOPT__IMAGE_WEBP;
    r->at = 12;
    uint32_t type = get_be(r, 4);
    uint32_t size = get_le(r, 4);
    if (r->ended)
        return false;
    if (type == 0x56503820 /* "VP8 " */)
        return read_vp8(r, out);
    if (type == 0x5650384C /* VP8L */)
        return read_vp8l(r, out);
    return type == 0x56503858 /* VP8X */ && read_vp8x(r, size, out);
}

/* ---- all ---------------------------------------------------------------------------------- */

perfopt_status perfopt__image_header_read(const uint8_t *data, size_t length,
                                          perfopt__image_header *out, perfopt_error *err)
{
    perfopt__image_header header = {.orientation = 1};
    reader r = {data, length, 0, false};
    bool good;
    if (length >= 3 && memcmp(data, "\xFF\xD8\xFF", 3) == 0)
        good = read_jpeg(&r, &header);
    else if (length >= 8 && memcmp(data, "\x89PNG\r\n\x1A\n", 8) == 0)
        good = read_png(&r, &header);
    else if (length >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
        good = read_webp(&r, &header);
    else
        return perfopt__error_set(err, PERFOPT_EPROTO, "not a JPEG, PNG or WebP image");
    if (!good || header.width == 0 || header.height == 0)
        return perfopt__error_set(err, PERFOPT_EPROTO, "damaged %s header",
                                  perfopt__image_media_type(header.format));
    *out = header;
    return PERFOPT_OK;
}

const char *perfopt__image_media_type(perfopt__image_format format)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp"};
    return types[format];
}

const char *perfopt__image_extension(perfopt__image_format format)
{
    static const char *const extensions[] = {"jpg", "png", "webp"};
    return extensions[format];
}
