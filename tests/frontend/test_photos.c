/*
 * test_photos.c - the twelve real photographs of Debian's mate-backgrounds (1280 to 2560 pixels
 * wide, 80 KB to 1.2 MB): variants look like their source and are as small as they should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "frontend/image.h"

#include <math.h>
#include <perfopt/frontend.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHOTOS "/usr/share/backgrounds/mate/nature"

static const char *const photos[] = {"Aqua",   "Blinds",      "Dune",     "FreshFlower",
                                     "Garden", "GreenMeadow", "LadyBird", "RainDrops",
                                     "Storm",  "TwoWings",    "Wood",     "YellowFlower"};

typedef struct photo {
    char *data;
    size_t length;
    perfopt__image_header header;
} photo;

static void photo_open(photo *p, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s.jpg", PHOTOS, name);
    perfopt_error error = PERFOPT_ERROR_INIT;
    if (perfopt__file_read(path, 64 << 20, &p->data, &p->length, &error) != PERFOPT_OK)
        fail_msg("%s: install the Debian package mate-backgrounds", error.message);
    assert_int_equal(
        perfopt__image_header_read((const uint8_t *)p->data, p->length, &p->header, NULL),
        PERFOPT_OK);
}

static perfopt__image photo_decode(const photo *p, uint32_t width)
{
    perfopt__image image = {0};
    assert_int_equal(
        perfopt__image_decode((const uint8_t *)p->data, p->length, &p->header, width, &image, NULL),
        PERFOPT_OK);
    assert_int_equal(image.width, width);
    return image;
}

/* Peak signal-to-noise ratio in dB of two images of one size. */
static double psnr(const perfopt__image *a, const perfopt__image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    double sum = 0;
    size_t samples = (size_t)a->width * a->height * 3;
    for (size_t i = 0; i < samples; i++) {
        double difference = (double)a->pixels[i] - b->pixels[i];
        sum += difference * difference;
    }
    return 10 * log10(255.0 * 255.0 * (double)samples / (sum + 1e-9));
}

/* The photograph at a width the slow way: every pixel decoded, then averaged. */
static perfopt__image reference(const photo *p, uint32_t width)
{
    perfopt__image full = photo_decode(p, p->header.width);
    perfopt__image image = {.width = width, .channels = 3};
    image.height = perfopt__image_scale_height(full.width, full.height, width);
    perfopt__resizer *r =
        perfopt__resizer_create(full.width, full.height, 3, image.width, image.height);
    for (uint32_t y = 0; y < full.height; y++)
        perfopt__resizer_row(r, full.pixels + (size_t)y * full.width * 3);
    perfopt__resizer_take(r, &image.pixels);
    perfopt__image_finish(&full);
    return image;
}

static size_t check_encoded(const perfopt__image *image, perfopt__image_format format,
                            double least_psnr)
{
    perfopt_bytes *out = NULL;
    assert_int_equal(perfopt__image_encode(image, format, 75, false, &out, NULL), PERFOPT_OK);
    size_t bytes = perfopt_bytes_length(out);
    const uint8_t *data = (const uint8_t *)perfopt_bytes_data(out);
    perfopt__image_header header;
    perfopt__image again = {0};
    assert_int_equal(perfopt__image_header_read(data, bytes, &header, NULL), PERFOPT_OK);
    assert_int_equal(perfopt__image_decode(data, bytes, &header, image->width, &again, NULL),
                     PERFOPT_OK);
    assert_true(psnr(image, &again) > least_psnr);
    perfopt__image_finish(&again);
    perfopt_bytes_release(out);
    return bytes;
}

static void test_variants_look_like_their_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(photos) / sizeof(photos[0]); i++) {
        photo p;
        photo_open(&p, photos[i]);
        perfopt__image image = photo_decode(&p, 480);
        perfopt__image slow = reference(&p, 480);
        assert_true(psnr(&image, &slow) > 35);
        size_t jpeg = check_encoded(&image, PERFOPT__IMAGE_JPEG, 28);
        size_t webp = check_encoded(&image, PERFOPT__IMAGE_WEBP, 28);
        assert_true(jpeg < 30000 && webp < jpeg);
        perfopt__image_finish(&image);
        perfopt__image_finish(&slow);
        perfopt__free(p.data);
    }
}

/* Bytes at 480 and 960 pixels as measured with libvips 8.14 and libjpeg-turbo 2.1 at quality 75;
 * more than a tenth above would be a regression. */
static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t jpeg[2], webp[2];
    } known[] = {{"Blinds", {16332, 45475}, {8038, 20412}},
                 {"Dune", {25168, 80557}, {20168, 57660}},
                 {"LadyBird", {14964, 39162}, {8280, 18786}},
                 {"Storm", {8803, 22266}, {3350, 7762}},
                 {"YellowFlower", {17357, 44201}, {10192, 23182}}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        photo p;
        photo_open(&p, known[i].name);
        for (size_t w = 0; w < 2; w++) {
            perfopt__image image = photo_decode(&p, w ? 960 : 480);
            size_t jpeg = check_encoded(&image, PERFOPT__IMAGE_JPEG, 28);
            size_t webp = check_encoded(&image, PERFOPT__IMAGE_WEBP, 28);
            assert_true(jpeg <= known[i].jpeg[w] * 11 / 10);
            assert_true(webp <= known[i].webp[w] * 11 / 10);
            perfopt__image_finish(&image);
        }
        perfopt__free(p.data);
    }
}

static void test_precompile(void **state)
{
    (void)state;
    char output[] = "/tmp/perfopt-photos-XXXXXX";
    assert_non_null(mkdtemp(output));
    perfopt_assets *assets;
    perfopt_frontend *frontend;
    assert_int_equal(perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = PHOTOS), &assets, NULL),
                     PERFOPT_OK);
    assert_int_equal(perfopt_frontend_create(PERFOPT_FRONTEND_OPTIONS(.image_output = output),
                                             assets, &frontend, NULL),
                     PERFOPT_OK);
    static const char *const patterns[] = {"FreshFlower.jpg", "Storm.jpg", NULL};
    perfopt_images_result result = {0};
    assert_int_equal(perfopt_images_precompile(frontend, patterns, NULL, NULL, &result, NULL),
                     PERFOPT_OK);
    assert_int_equal(result.images, 2);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.variants, result.built);
    assert_true(result.variants >= 20);
    perfopt_image_info info;
    assert_int_equal(perfopt_image_get_info(frontend, "Storm.jpg", &info, NULL), PERFOPT_OK);
    assert_true(info.width >= 1280 && info.height >= 800);
    perfopt_frontend_destroy(frontend);
    perfopt_assets_destroy(assets);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", output);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants_look_like_their_source),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_precompile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
