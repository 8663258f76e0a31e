/*
 * image_icc.c - which colour profiles may be dropped. Pixels are never converted between profiles:
 * a profile that says "sRGB" in other words goes, because browsers assume sRGB anyway; any other
 * RGB profile stays in every variant, so that colours are right. Profiles of other colour spaces
 * (CMYK, grey) do not fit the RGB pixels of a variant and go too.
 *
 * Layout: ICC.1:2022, 7.2 header, 7.3 tag table, 10.6 curv, 10.18 para, 10.31 XYZ. The colorants of
 * sRGB adapted to D50 and its curve: IEC 61966-2-1.
 */
#include "base/memory.h"
#include "frontend/image.h"

#include <math.h>
#include <string.h>

#define MAX_ICC_BYTES ((size_t)1 << 20)

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static double fixed(const uint8_t *p)
{
    return (double)(int32_t)be32(p) / 65536.0;
}

/* The data of a tag, NULL if it is absent or does not lie inside the profile. */
static const uint8_t *find_tag(const uint8_t *icc, size_t length, const char *name, size_t *size)
{
    uint32_t count = be32(icc + 128);
    for (size_t i = 0, at = 132; i < count && at + 12 <= length; i++, at += 12) {
        if (memcmp(icc + at, name, 4) != 0)
            continue;
        size_t offset = be32(icc + at + 4);
        *size = be32(icc + at + 8);
        return offset <= length && *size <= length - offset ? icc + offset : NULL;
    }
    return NULL;
}

static bool colorant_is(const uint8_t *icc, size_t length, const char *name, const double xyz[3])
{
    size_t size;
    const uint8_t *tag = find_tag(icc, length, name, &size);
    if (!tag || size < 20 || memcmp(tag, "XYZ ", 4) != 0)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (fabs(fixed(tag + 8 + 4 * i) - xyz[i]) > 0.004)
            return false;
    }
    return true;
}

/* A power between 2.1 and 2.3 is near enough to sRGB's curve; 1.8 or linear light is not. */
static bool gamma_is_near(double gamma)
{
    return gamma > 2.1 && gamma < 2.3;
}

static bool curve_is_srgb(const uint8_t *tag, size_t size)
{
    if (size >= 14 && memcmp(tag, "curv", 4) == 0) {
        uint32_t count = be32(tag + 8);
        if (count == 1)
            return gamma_is_near((double)(tag[12] << 8 | tag[13]) / 256.0);
        size_t middle = 12 + 2 * (size_t)(count / 2);
        if (count < 2 || middle + 2 > size)
            return false;
        double value = (double)(tag[middle] << 8 | tag[middle + 1]) / 65535.0;
        return fabs(value - 0.2140) < 0.02;
    }
    if (size >= 16 && memcmp(tag, "para", 4) == 0) {
        uint32_t type = (uint32_t)tag[8] << 8 | tag[9];
        double gamma = fixed(tag + 12);
        return type == 0 ? gamma_is_near(gamma) : type == 3 && fabs(gamma - 2.4) < 0.05;
    }
    return false;
}

static bool is_srgb(const uint8_t *icc, size_t length)
{
    static const double red[3] = {0.4361, 0.2225, 0.0139};
    static const double green[3] = {0.3851, 0.7169, 0.0971};
    static const double blue[3] = {0.1431, 0.0606, 0.7141};
    size_t size;
    const uint8_t *curve = find_tag(icc, length, "rTRC", &size);
    return curve && curve_is_srgb(curve, size) && colorant_is(icc, length, "rXYZ", red) &&
           colorant_is(icc, length, "gXYZ", green) && colorant_is(icc, length, "bXYZ", blue);
}

bool perfopt__icc_is_needed(const uint8_t *icc, size_t length)
{
    if (length < 132 || length > MAX_ICC_BYTES || be32(icc) != length ||
        memcmp(icc + 36, "acsp", 4) != 0 || memcmp(icc + 16, "RGB ", 4) != 0)
        return false;
    return !is_srgb(icc, length);
}

perfopt_status perfopt__image_keep_icc(perfopt__image *image, const uint8_t *icc, size_t length)
{
    if (!icc || !perfopt__icc_is_needed(icc, length))
        return PERFOPT_OK;
    image->icc = (uint8_t *)perfopt__memdup(icc, length);
    image->icc_length = image->icc ? length : 0;
    return image->icc ? PERFOPT_OK : PERFOPT_ENOMEM;
}
