/*
 * test_memory.c - every allocation of the main operations fails once: the result is
 * PERFOPT_ENOMEM or still right, and nothing leaks. (The codecs' own memory, but for libpng's, is
 * not ours to fail.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frontend/image.h"
#include "frontend/site.h"
#include "support/failing_alloc.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs `operation` with the n-th allocation failing, for every n; it checks its own result. Each
 * round begins and ends with helpers that know nothing yet. */
static void sweep(site *s, void (*operation)(site *s, bool *out_of_memory))
{
    unsigned failures = 0;
    for (unsigned n = 1;; n++) {
        site_reopen(s, NULL);
        bool out_of_memory = false;
        test_alloc_fail(n);
        operation(s, &out_of_memory);
        bool failed = test_alloc_stop();
        if (!failed) {
            assert_false(out_of_memory);
            break;
        }
        failures++;
    }
    assert_true(failures > 2);
}

static void take_info(site *s, bool *out_of_memory)
{
    perfopt_image_info info = {0};
    perfopt_status status = perfopt_image_get_info(s->frontend, "photo.jpg", &info, NULL);
    *out_of_memory = status == PERFOPT_ENOMEM;
    assert_true(*out_of_memory || (status == PERFOPT_OK && info.width == 1000));
}

static void take_tags(site *s, bool *out_of_memory)
{
    static const char *const names[] = {"photo.jpg", "none.jpg"};
    perfopt_arena *arena;
    *out_of_memory = true;
    if (perfopt_arena_create(0, &arena) != PERFOPT_OK)
        return;
    *out_of_memory = false;
    for (int i = 0; i < 2; i++) {
        const char *tag = perfopt_progressive_image(s->frontend, names[i], NULL, arena);
        *out_of_memory |= !tag;
        assert_true(!tag || tag[strlen(tag) - 1] == '>');
    }
    const char *link = perfopt_preload_header(s->frontend, "a.css", arena);
    const char *script = perfopt_script_tag(s->frontend, "a.js", arena);
    const char *rum = perfopt_rum_tag(s->frontend, "/", arena);
    *out_of_memory |= !link || !script || !rum;
    perfopt_arena_destroy(arena);
}

static void serve_new(site *s, bool *out_of_memory)
{
    char path[256];
    perfopt_arena *arena;
    *out_of_memory = true;
    if (perfopt_arena_create(0, &arena) != PERFOPT_OK)
        return;
    const char *srcset = perfopt_image_srcset(s->frontend, "img/a b.png", NULL, arena);
    if (srcset && *srcset) {
        site_url(srcset, 0, path, sizeof(path));
        memmove(path + 6, path + 8, strlen(path + 8) + 1);
        path[5] = ' ';
        perfopt_asset_response r;
        perfopt_status status = site_get(s, path, &r);
        *out_of_memory = status == PERFOPT_ENOMEM || r.status == 404;
        assert_true(*out_of_memory || (status == PERFOPT_OK && r.status == 200));
        perfopt_asset_response_finish(&r);
    }
    perfopt_arena_destroy(arena);
    /* The next round makes it again. */
    char command[160];
    snprintf(command, sizeof(command), "rm -rf %s/static/.perfopt-images/img", s->folder);
    assert_int_equal(system(command), 0);
}

static void precompile(site *s, bool *out_of_memory)
{
    static const char *const patterns[] = {"small.jpg", NULL};
    perfopt_error error = PERFOPT_ERROR_INIT;
    perfopt_images_result result = {0};
    perfopt_status status =
        perfopt_images_precompile(s->frontend, patterns, NULL, NULL, &result, &error);
    *out_of_memory = status == PERFOPT_ENOMEM;
    assert_true(*out_of_memory || status == PERFOPT_OK || status == PERFOPT_EFAILED);
    if (status == PERFOPT_OK)
        assert_int_equal(result.variants, 2);
    char command[160];
    snprintf(command, sizeof(command), "rm -rf %s/static/.perfopt-images/*", s->folder);
    assert_int_equal(system(command), 0);
}

static void create(site *s, bool *out_of_memory)
{
    perfopt_frontend *f = NULL;
    perfopt_status status = perfopt_frontend_create(
        PERFOPT_FRONTEND_OPTIONS(.image_root = s->folder), s->assets, &f, NULL);
    *out_of_memory = status == PERFOPT_ENOMEM;
    assert_true(*out_of_memory ? f == NULL : status == PERFOPT_OK);
    perfopt_frontend_destroy(f);
}

static void test_operations(void **state)
{
    (void)state;
    size_t live = test_alloc_live();
    static void (*const operations[])(site *, bool *) = {take_info, take_tags, serve_new,
                                                         precompile, create};
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        site s;
        site_open(&s);
        sweep(&s, operations[i]);
        site_close(&s);
        assert_int_equal(test_alloc_live(), live);
    }
}

/* A PNG with a colour profile, which libpng would rather lose than fail for. */
static fixture png_with_profile(const fixture *jpeg)
{
    perfopt__image_header header;
    perfopt__image image = {0};
    perfopt_bytes *bytes = NULL;
    assert_int_equal(perfopt__image_header_read(jpeg->data, jpeg->length, &header, NULL),
                     PERFOPT_OK);
    assert_int_equal(perfopt__image_decode(jpeg->data, jpeg->length, &header, 64, &image, NULL),
                     PERFOPT_OK);
    assert_non_null(image.icc);
    assert_int_equal(perfopt__image_encode(&image, PERFOPT__IMAGE_PNG, 0, false, &bytes, NULL),
                     PERFOPT_OK);
    fixture f = {malloc(perfopt_bytes_length(bytes)), perfopt_bytes_length(bytes)};
    memcpy(f.data, perfopt_bytes_data(bytes), f.length);
    perfopt_bytes_release(bytes);
    perfopt__image_finish(&image);
    return f;
}

/* Decoding and encoding of every format. */
static void test_codecs(void **state)
{
    (void)state;
    fixture icc = fixture_icc(0.6);
    fixture files[5] = {
        fixture_jpeg(&(fixture_jpeg_options){.width = 64,
                                             .height = 64,
                                             .orientation = 6,
                                             .icc = icc.data,
                                             .icc_length = icc.length}),
        fixture_png(&(fixture_png_options){.width = 64,
                                           .height = 64,
                                           .bits = 16,
                                           .colour = PNG_COLOR_TYPE_RGB_ALPHA,
                                           .interlace = true}),
        fixture_jpeg(&(fixture_jpeg_options){.width = 64, .height = 64, .colour = FIXTURE_CMYK}),
        fixture_png(&(fixture_png_options){
            .width = 64, .height = 64, .bits = 2, .colour = PNG_COLOR_TYPE_PALETTE})};
    files[4] = png_with_profile(&files[0]);
    for (int i = 0; i < 5; i++) {
        for (int format = PERFOPT__IMAGE_JPEG; format <= PERFOPT__IMAGE_WEBP; format++) {
            if (i == 1 && format == PERFOPT__IMAGE_JPEG)
                continue; /* JPEG has no transparency */
            for (unsigned n = 1;; n++) {
                size_t live = test_alloc_live();
                perfopt__image_header header;
                perfopt__image image = {0};
                perfopt_bytes *out = NULL;
                test_alloc_fail(n);
                perfopt_status status =
                    perfopt__image_header_read(files[i].data, files[i].length, &header, NULL);
                if (status == PERFOPT_OK)
                    status = perfopt__image_decode(files[i].data, files[i].length, &header, 20,
                                                   &image, NULL);
                if (status == PERFOPT_OK)
                    status = perfopt__image_encode(&image, format, 75, false, &out, NULL);
                bool failed = test_alloc_stop();
                assert_int_equal(status, failed ? PERFOPT_ENOMEM : PERFOPT_OK);
                assert_int_equal(out != NULL, !failed);
                perfopt_bytes_release(out);
                perfopt__image_finish(&image);
                assert_int_equal(test_alloc_live(), live);
                if (!failed)
                    break;
            }
        }
        fixture_free(&files[i]);
    }
    fixture_free(&icc);
}

int main(void)
{
    test_alloc_install();
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codecs),
        cmocka_unit_test(test_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
