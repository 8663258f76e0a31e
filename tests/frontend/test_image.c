/*
 * test_image.c - decoding, turning, resizing and encoding: right pixels for good files, errors for
 * bad ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "frontend/fixtures.h"
#include "frontend/image.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ------------------------------------------------------------------------------ */

static perfopt_status decode(const uint8_t *data, size_t length, uint32_t width,
                             perfopt__image *out, perfopt_error *err)
{
    perfopt__image_header header;
    perfopt_status status = perfopt__image_header_read(data, length, &header, err);
    if (status != PERFOPT_OK)
        return status;
    return perfopt__image_decode(data, length, &header, width, out, err);
}

static const uint8_t *pixel(const perfopt__image *image, uint32_t x, uint32_t y)
{
    return image->pixels + ((size_t)y * image->width + x) * image->channels;
}

static void assert_near(const uint8_t *rgb, uint8_t r, uint8_t g, uint8_t b)
{
    const uint8_t want[3] = {r, g, b};
    for (int i = 0; i < 3; i++)
        assert_in_range(rgb[i], want[i] < 12 ? 0 : want[i] - 12,
                        want[i] > 243 ? 255 : want[i] + 12);
}

/* Checks the middle of each quarter, in reading order. */
static void assert_quarters(const perfopt__image *image, const char *colours)
{
    for (int i = 0; i < 4; i++) {
        const uint8_t *p =
            pixel(image, image->width * (i & 1 ? 3 : 1) / 4, image->height * (i & 2 ? 3 : 1) / 4);
        char c = colours[i];
        assert_near(p, c == 'r' || c == 'w' ? 255 : 0, c == 'g' || c == 'w' ? 255 : 0,
                    c == 'b' || c == 'w' ? 255 : 0);
    }
}

/* ---- formats ------------------------------------------------------------------------------ */

static void test_jpeg_kinds(void **state)
{
    (void)state;
    for (int progressive = 0; progressive <= 1; progressive++) {
        for (int colour = FIXTURE_RGB; colour <= FIXTURE_CMYK; colour++) {
            fixture f = fixture_jpeg(&(fixture_jpeg_options){
                .width = 200, .height = 100, .colour = colour, .progressive = progressive});
            perfopt__image image = {0};
            assert_int_equal(decode(f.data, f.length, 80, &image, NULL), PERFOPT_OK);
            assert_int_equal(image.width, 80);
            assert_int_equal(image.height, 40);
            assert_int_equal(image.channels, 3);
            if (colour == FIXTURE_GREY)
                assert_near(pixel(&image, 60, 30), 255, 255, 255);
            else
                assert_quarters(&image, "rgbw");
            perfopt__image_finish(&image);
            fixture_free(&f);
        }
    }
}

static void test_png_kinds(void **state)
{
    (void)state;
    static const fixture_png_options kinds[] = {
        {64, 32, 8, PNG_COLOR_TYPE_RGB, false, false},
        {64, 32, 16, PNG_COLOR_TYPE_RGB, false, false},
        {64, 32, 8, PNG_COLOR_TYPE_RGB, true, false},
        {64, 32, 2, PNG_COLOR_TYPE_PALETTE, false, false},
        {64, 32, 2, PNG_COLOR_TYPE_PALETTE, true, false},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        fixture f = fixture_png(&kinds[i]);
        perfopt__image image = {0};
        assert_int_equal(decode(f.data, f.length, 20, &image, NULL), PERFOPT_OK);
        assert_int_equal(image.width, 20);
        assert_int_equal(image.height, 10);
        assert_int_equal(image.channels, 3);
        assert_quarters(&image, "rgbw");
        perfopt__image_finish(&image);
        fixture_free(&f);
    }
}

static void test_transparent_colours_do_not_bleed(void **state)
{
    (void)state;
    /* The right half is transparent green and white; the result is one column over the border. */
    fixture f = fixture_png(&(fixture_png_options){
        .width = 30, .height = 30, .bits = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA});
    perfopt__image image = {0};
    assert_int_equal(decode(f.data, f.length, 1, &image, NULL), PERFOPT_OK);
    assert_int_equal(image.channels, 4);
    assert_int_equal(image.height, 1);
    const uint8_t *p = pixel(&image, 0, 0);
    assert_near(p, 128, 0, 128); /* red over blue, nothing of the hidden green */
    assert_in_range(p[3], 126, 129);
    perfopt__image_finish(&image);
    fixture_free(&f);
}

static void test_webp_round_trip(void **state)
{
    (void)state;
    for (int lossless = 0; lossless <= 1; lossless++) {
        fixture f = fixture_png(&(fixture_png_options){
            .width = 64, .height = 64, .bits = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA});
        perfopt__image image = {0}, again = {0};
        perfopt_bytes *webp = NULL;
        assert_int_equal(decode(f.data, f.length, 64, &image, NULL), PERFOPT_OK);
        assert_int_equal(
            perfopt__image_encode(&image, PERFOPT__IMAGE_WEBP, 90, lossless, &webp, NULL),
            PERFOPT_OK);
        const uint8_t *data = (const uint8_t *)perfopt_bytes_data(webp);
        perfopt__image_header header;
        assert_int_equal(
            perfopt__image_header_read(data, perfopt_bytes_length(webp), &header, NULL),
            PERFOPT_OK);
        assert_int_equal(header.format, PERFOPT__IMAGE_WEBP);
        assert_true(header.has_alpha);
        assert_int_equal(decode(data, perfopt_bytes_length(webp), 32, &again, NULL), PERFOPT_OK);
        assert_int_equal(again.channels, 4);
        assert_int_equal(pixel(&again, 24, 8)[3], 0);
        assert_int_equal(pixel(&again, 8, 8)[3], 255);
        assert_in_range(pixel(&again, 8, 8)[0], 235, 255);
        assert_in_range(pixel(&again, 8, 24)[2], 235, 255);
        perfopt__image_finish(&image);
        perfopt__image_finish(&again);
        perfopt_bytes_release(webp);
        fixture_free(&f);
    }
}

/* ---- orientation -------------------------------------------------------------------------- */

static void test_orientation(void **state)
{
    (void)state;
    /* What a viewer shows for stored r g / b w, row by row, by EXIF orientation. */
    static const char *const shown[9] = {"",     "rgbw", "grwb", "wbgr", "bwrg",
                                         "rbgw", "brwg", "wgbr", "gwrb"};
    for (uint8_t o = 1; o <= 8; o++) {
        fixture f = fixture_jpeg(&(fixture_jpeg_options){
            .width = 160, .height = 80, .orientation = o, .big_endian = o & 1});
        perfopt__image_header header;
        perfopt__image image = {0};
        assert_int_equal(perfopt__image_header_read(f.data, f.length, &header, NULL), PERFOPT_OK);
        assert_int_equal(header.orientation, o);
        uint32_t width, height;
        perfopt__image_upright_size(&header, &width, &height);
        assert_int_equal(width, o >= 5 ? 80 : 160);
        assert_int_equal(height, o >= 5 ? 160 : 80);
        assert_int_equal(perfopt__image_decode(f.data, f.length, &header, width / 2, &image, NULL),
                         PERFOPT_OK);
        assert_int_equal(image.width, width / 2);
        assert_int_equal(image.height, height / 2);
        assert_quarters(&image, shown[o]);
        perfopt__image_finish(&image);
        fixture_free(&f);
    }
}

static void test_damaged_exif_is_ignored(void **state)
{
    (void)state;
    static const uint8_t beyond[] = {'I', 'I', '*', 0, 0xFF, 0xFF, 0xFF, 0x7F};
    static const uint8_t many[] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0xFF, 0xFF, 1, 2};
    static const uint8_t nine[] = {'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12,
                                   1,   3,   0,   1, 0, 0, 0, 9, 0, 0, 0};
    assert_int_equal(perfopt__exif_orientation(beyond, sizeof(beyond)), 1);
    assert_int_equal(perfopt__exif_orientation(many, sizeof(many)), 1);
    assert_int_equal(perfopt__exif_orientation(nine, sizeof(nine)), 1);
    assert_int_equal(perfopt__exif_orientation(nine, 3), 1);
}

/* ---- profiles and metadata ---------------------------------------------------------------- */

static bool contains(const perfopt_bytes *bytes, const char *text)
{
    return memmem(perfopt_bytes_data(bytes), perfopt_bytes_length(bytes), text, strlen(text));
}

static void check_profile(double red_x, perfopt__image_format format, bool stays)
{
    fixture icc = fixture_icc(red_x);
    fixture f = fixture_jpeg(&(fixture_jpeg_options){
        .width = 64, .height = 64, .orientation = 6, .icc = icc.data, .icc_length = icc.length});
    perfopt__image image = {0}, again = {0};
    perfopt_bytes *out = NULL;
    assert_int_equal(decode(f.data, f.length, 32, &image, NULL), PERFOPT_OK);
    assert_int_equal(image.icc != NULL, stays);
    assert_int_equal(perfopt__image_encode(&image, format, 75, false, &out, NULL), PERFOPT_OK);
    assert_false(contains(out, "Exif"));
    assert_false(contains(out, "EXIF"));
    assert_int_equal(decode((const uint8_t *)perfopt_bytes_data(out), perfopt_bytes_length(out), 32,
                            &again, NULL),
                     PERFOPT_OK);
    assert_int_equal(again.icc_length, stays ? icc.length : 0);
    if (stays)
        assert_memory_equal(again.icc, icc.data, icc.length);
    perfopt__image_finish(&image);
    perfopt__image_finish(&again);
    perfopt_bytes_release(out);
    fixture_free(&f);
    fixture_free(&icc);
}

static void test_only_needed_profiles_stay(void **state)
{
    (void)state;
    for (int format = PERFOPT__IMAGE_JPEG; format <= PERFOPT__IMAGE_WEBP; format++) {
        check_profile(0.4361, format, false); /* sRGB under another name */
        check_profile(0.6097, format, true);  /* Adobe RGB's red */
    }
}

static void test_damaged_profiles_are_dropped(void **state)
{
    (void)state;
    fixture icc = fixture_icc(0.6);
    assert_true(perfopt__icc_is_needed(icc.data, icc.length));
    assert_false(perfopt__icc_is_needed(icc.data, 100));
    assert_false(perfopt__icc_is_needed(icc.data, icc.length - 1));
    icc.data[128] = 0xFF; /* very many tags */
    assert_true(perfopt__icc_is_needed(icc.data, icc.length));
    memcpy(icc.data + 16, "CMYK", 4);
    assert_false(perfopt__icc_is_needed(icc.data, icc.length));
    fixture_free(&icc);
}

/* ---- resizing ----------------------------------------------------------------------------- */

static void test_resizer_keeps_a_plane(void **state)
{
    (void)state;
    for (uint32_t in = 1; in <= 40; in += 3) {
        for (uint32_t out = 1; out <= in; out++) {
            perfopt__resizer *r = perfopt__resizer_create(in, in, 3, out, out);
            uint8_t row[40 * 3];
            memset(row, 77, sizeof(row));
            for (uint32_t y = 0; y < in; y++)
                perfopt__resizer_row(r, row);
            uint8_t *pixels;
            perfopt__resizer_take(r, &pixels);
            for (size_t i = 0; i < (size_t)out * out * 3; i++)
                assert_int_equal(pixels[i], 77);
            perfopt__free(pixels);
        }
    }
}

static void test_resizer_averages_areas(void **state)
{
    (void)state;
    perfopt__resizer *r = perfopt__resizer_create(3, 3, 3, 2, 2);
    static const uint8_t rows[3][9] = {{0, 0, 0, 90, 90, 90, 180, 180, 180},
                                       {0, 0, 0, 90, 90, 90, 180, 180, 180},
                                       {240, 240, 240, 240, 240, 240, 240, 240, 240}};
    for (int y = 0; y < 3; y++)
        perfopt__resizer_row(r, rows[y]);
    uint8_t *p;
    perfopt__resizer_take(r, &p);
    assert_int_equal(p[0], 30);                      /* (0 + 0.5 * 90) / 1.5 */
    assert_int_equal(p[3], 150);                     /* (0.5 * 90 + 180) / 1.5 */
    assert_int_equal(p[6], (30 * 0.5 + 240) / 1.5);  /* 170 */
    assert_int_equal(p[9], (150 * 0.5 + 240) / 1.5); /* 210 */
    perfopt__free(p);
}

/* ---- hostile ------------------------------------------------------------------------------ */

static void test_no_images(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "GIF89a\1\0\1\0",
                                        "<svg/>",
                                        "\xFF\xD8",
                                        "\xFF\xD8\xFF",
                                        "RIFF____WEBP",
                                        "\x89PNG\r\n\x1A\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        perfopt__image_header header;
        perfopt_error error = PERFOPT_ERROR_INIT;
        assert_int_equal(perfopt__image_header_read((const uint8_t *)texts[i], strlen(texts[i]),
                                                    &header, &error),
                         PERFOPT_EPROTO);
        assert_int_not_equal(error.message[0], 0);
    }
}

/* Every prefix of a file: an error or, for the last bytes, the image; never a crash. */
static void check_prefixes(const fixture *f)
{
    size_t step = f->length / 150 + 1;
    for (size_t n = 0; n + 16 < f->length; n += step) {
        uint8_t *copy = malloc(n + 1); /* its own block, so that a sanitizer sees its end */
        memcpy(copy, f->data, n);
        perfopt__image image = {0};
        perfopt_status status = decode(copy, n, 24, &image, NULL);
        assert_int_equal(status, PERFOPT_EPROTO);
        assert_null(image.pixels);
        free(copy);
    }
}

static fixture webp_fixture(void)
{
    fixture f = fixture_png(
        &(fixture_png_options){.width = 64, .height = 64, .bits = 8, .colour = PNG_COLOR_TYPE_RGB});
    perfopt__image image = {0};
    perfopt_bytes *bytes = NULL;
    assert_int_equal(decode(f.data, f.length, 64, &image, NULL), PERFOPT_OK);
    assert_int_equal(perfopt__image_encode(&image, PERFOPT__IMAGE_WEBP, 75, false, &bytes, NULL),
                     PERFOPT_OK);
    perfopt__image_finish(&image);
    fixture_free(&f);
    f.length = perfopt_bytes_length(bytes);
    f.data = malloc(f.length);
    memcpy(f.data, perfopt_bytes_data(bytes), f.length);
    perfopt_bytes_release(bytes);
    return f;
}

static void test_truncated_files(void **state)
{
    (void)state;
    fixture jpeg = fixture_jpeg(&(fixture_jpeg_options){.width = 200, .height = 200});
    fixture progressive =
        fixture_jpeg(&(fixture_jpeg_options){.width = 200, .height = 200, .progressive = true});
    fixture png = fixture_png(
        &(fixture_png_options){.width = 64, .height = 64, .bits = 8, .colour = PNG_COLOR_TYPE_RGB});
    fixture webp = webp_fixture();
    check_prefixes(&jpeg);
    check_prefixes(&png);
    check_prefixes(&webp);
    /* A progressive file may be complete for libjpeg from some scan on. */
    uint8_t *half = malloc(progressive.length / 2);
    memcpy(half, progressive.data, progressive.length / 2);
    perfopt__image image = {0};
    assert_int_equal(decode(half, progressive.length / 2, 24, &image, NULL), PERFOPT_EPROTO);
    free(half);
    fixture_free(&jpeg);
    fixture_free(&progressive);
    fixture_free(&png);
    fixture_free(&webp);
}

/* One changed byte at a time: any result is fine as long as it is one. */
static void test_flipped_bytes(void **state)
{
    (void)state;
    fixture files[3] = {
        fixture_jpeg(&(fixture_jpeg_options){.width = 64, .height = 64}),
        fixture_png(&(fixture_png_options){
            .width = 32, .height = 32, .bits = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA}),
        webp_fixture()};
    for (int i = 0; i < 3; i++) {
        size_t refused = 0;
        for (size_t at = 0; at < files[i].length; at++) {
            files[i].data[at] ^= 0x55;
            perfopt__image_header header;
            if (perfopt__image_header_read(files[i].data, files[i].length, &header, NULL) ==
                    PERFOPT_OK &&
                (uint64_t)header.width * header.height < 10000000) {
                perfopt__image image = {0};
                perfopt_status status = perfopt__image_decode(files[i].data, files[i].length,
                                                              &header, 16, &image, NULL);
                refused += status != PERFOPT_OK;
                assert_int_equal(status == PERFOPT_OK, image.pixels != NULL);
                perfopt__image_finish(&image);
            }
            files[i].data[at] ^= 0x55;
        }
        assert_true(refused > 0);
        fixture_free(&files[i]);
    }
}

static void test_animations(void **state)
{
    (void)state;
    fixture apng = fixture_png(&(fixture_png_options){
        .width = 40, .height = 20, .bits = 8, .colour = PNG_COLOR_TYPE_RGB, .animated = true});
    fixture webp = fixture_animated_webp();
    const fixture *files[] = {&apng, &webp};
    for (int i = 0; i < 2; i++) {
        perfopt__image_header header;
        perfopt__image image = {0};
        assert_int_equal(
            perfopt__image_header_read(files[i]->data, files[i]->length, &header, NULL),
            PERFOPT_OK);
        assert_true(header.animated);
        assert_int_equal(header.height, i ? 50 : 20);
        assert_int_equal(
            perfopt__image_decode(files[i]->data, files[i]->length, &header, 16, &image, NULL),
            PERFOPT_EUNSUPPORTED);
    }
    fixture_free(&apng);
    fixture_free(&webp);
}

/* A progressive file with the same scan again and again. */
static void test_scan_bomb(void **state)
{
    (void)state;
    fixture f =
        fixture_jpeg(&(fixture_jpeg_options){.width = 64, .height = 64, .progressive = true});
    /* Find the last start of scan; its bytes up to the end marker are repeated. */
    size_t scan = f.length - 2;
    while (f.data[scan] != 0xFF || f.data[scan + 1] != 0xDA)
        scan--;
    size_t size = f.length - 2 - scan;
    size_t copies = 2000;
    uint8_t *bomb = malloc(f.length + size * copies);
    memcpy(bomb, f.data, f.length - 2);
    for (size_t i = 0; i < copies; i++)
        memcpy(bomb + f.length - 2 + i * size, f.data + scan, size);
    memcpy(bomb + f.length - 2 + copies * size, "\xFF\xD9", 2);
    perfopt__image image = {0};
    perfopt_error error = PERFOPT_ERROR_INIT;
    assert_int_equal(decode(bomb, f.length + size * copies, 32, &image, &error), PERFOPT_EPROTO);
    assert_non_null(strstr(error.message, "scans"));
    free(bomb);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpeg_kinds),
        cmocka_unit_test(test_png_kinds),
        cmocka_unit_test(test_transparent_colours_do_not_bleed),
        cmocka_unit_test(test_webp_round_trip),
        cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_damaged_exif_is_ignored),
        cmocka_unit_test(test_only_needed_profiles_stay),
        cmocka_unit_test(test_damaged_profiles_are_dropped),
        cmocka_unit_test(test_resizer_keeps_a_plane),
        cmocka_unit_test(test_resizer_averages_areas),
        cmocka_unit_test(test_no_images),
        cmocka_unit_test(test_truncated_files),
        cmocka_unit_test(test_flipped_bytes),
        cmocka_unit_test(test_animations),
        cmocka_unit_test(test_scan_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
