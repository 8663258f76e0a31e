/*
 * fixtures.h - images made for a test, in forms the library itself never writes. Every function
 * returns malloc'd bytes.
 *
 * The picture is four quarters: red, green / blue, white.
 */
#ifndef PERFOPT_TESTS_FRONTEND_FIXTURES_H
#define PERFOPT_TESTS_FRONTEND_FIXTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fixture {
    uint8_t *data;
    size_t length;
} fixture;

typedef enum fixture_colour { FIXTURE_RGB, FIXTURE_GREY, FIXTURE_CMYK } fixture_colour;

typedef struct fixture_jpeg_options {
    uint32_t width, height;
    fixture_colour colour;
    uint8_t orientation; /* 0 = no EXIF */
    bool big_endian;     /* the EXIF */
    bool progressive;
    const uint8_t *icc;
    size_t icc_length;
} fixture_jpeg_options;

fixture fixture_jpeg(const fixture_jpeg_options *options);

typedef struct fixture_png_options {
    uint32_t width, height;
    int bits;       /* 8 or 16; of a palette 2 */
    int colour;     /* PNG_COLOR_TYPE_* */
    bool interlace; /* Adam7 */
    bool animated;  /* with an acTL chunk */
} fixture_png_options;

fixture fixture_png(const fixture_png_options *options);

/* A VP8X header that says: animated. */
fixture fixture_animated_webp(void);
/* An RGB profile with the given colorants' red X; the rest and the curve are sRGB's. */
fixture fixture_icc(double red_x);
void fixture_free(fixture *f);
/* The colour of the quarter that (x, y) lies in. */
void fixture_pixel(uint32_t width, uint32_t height, uint32_t x, uint32_t y, uint8_t rgb[3]);

#endif
