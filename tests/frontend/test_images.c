/*
 * test_images.c - sources, variants, serving and precompiling over real files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frontend/image.h"
#include "frontend/site.h"
#include "support/fake_clock.h"

#include <png.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
    site *s = malloc(sizeof(*s));
    site_open(s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    site_close(*state);
    free(*state);
    return 0;
}

static perfopt_image_info info_of(const site *s, const char *name)
{
    perfopt_image_info info = {0};
    perfopt_error error = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_image_get_info(s->frontend, name, &info, &error), PERFOPT_OK);
    return info;
}

static perfopt_status info_status(const site *s, const char *name)
{
    perfopt_image_info info;
    return perfopt_image_get_info(s->frontend, name, &info, NULL);
}

/* ---- sources ------------------------------------------------------------------------------ */

static void test_info(void **state)
{
    site *s = *state;
    perfopt_image_info info = info_of(s, "photo.jpg");
    assert_int_equal(info.width, 1000);
    assert_int_equal(info.height, 500);
    assert_string_equal(info.media_type, "image/jpeg");
    assert_string_equal(info_of(s, "/img/a b.png").media_type, "image/png");
    site_write_fixture(
        s, "turned.jpg",
        fixture_jpeg(&(fixture_jpeg_options){.width = 60, .height = 40, .orientation = 6}));
    assert_int_equal(info_of(s, "turned.jpg").width, 40);
    assert_int_equal(info_of(s, "turned.jpg").height, 60);
}

static void test_info_follows_the_file(void **state)
{
    site *s = *state;
    assert_int_equal(info_of(s, "photo.jpg").width, 1000);
    site_write_fixture(s, "photo.jpg",
                       fixture_jpeg(&(fixture_jpeg_options){.width = 700, .height = 500}));
    assert_int_equal(info_of(s, "photo.jpg").width, 1000); /* looked at once a second */
    test_clock_advance_ms(1000);
    assert_int_equal(info_of(s, "photo.jpg").width, 700);
}

static void test_names_outside(void **state)
{
    site *s = *state;
    char path[128], link[128];
    site_write(s, "../secret.jpg", "\xFF\xD8\xFF", 3);
    snprintf(path, sizeof(path), "%s/secret.jpg", s->folder);
    snprintf(link, sizeof(link), "%s/static/link.jpg", s->folder);
    assert_int_equal(symlink(path, link), 0);
    snprintf(link, sizeof(link), "%s/static/inside.jpg", s->folder);
    assert_int_equal(symlink("photo.jpg", link), 0);
    static const char *const names[] = {
        "../secret.jpg", "link.jpg", "img/../../secret.jpg", "", ".", "img",
        "none.jpg",      "img//x",   ".perfopt-images/x.jpg"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(info_status(s, names[i]), PERFOPT_ENOTFOUND);
    assert_int_equal(info_of(s, "inside.jpg").width, 1000);
}

static void test_bad_sources(void **state)
{
    site *s = *state;
    site_write(s, "empty.jpg", "", 0);
    site_write(s, "text.jpg", "no image", 8);
    assert_int_equal(info_status(s, "empty.jpg"), PERFOPT_EPROTO);
    assert_int_equal(info_status(s, "text.jpg"), PERFOPT_EPROTO);
    /* A header of 60,000 x 60,000 pixels with nothing behind it is refused unread. */
    fixture f = fixture_png(
        &(fixture_png_options){.width = 8, .height = 8, .bits = 8, .colour = PNG_COLOR_TYPE_RGB});
    memcpy(f.data + 16, "\0\0\xEA\x60\0\0\xEA\x60", 8);
    site_write_fixture(s, "bomb.png", f);
    perfopt_error error = PERFOPT_ERROR_INIT;
    perfopt_image_info info;
    assert_int_equal(perfopt_image_get_info(s->frontend, "bomb.png", &info, &error),
                     PERFOPT_ELIMIT);
    assert_non_null(strstr(error.message, "60000 x 60000"));
    /* The answer is remembered with its message. */
    memset(&error, 0, sizeof(error));
    assert_int_equal(perfopt_image_get_info(s->frontend, "bomb.png", &info, &error),
                     PERFOPT_ELIMIT);
    assert_non_null(strstr(error.message, "60000 x 60000"));
    site_reopen(s, PERFOPT_FRONTEND_OPTIONS(.max_pixels = 499999));
    assert_int_equal(info_status(s, "photo.jpg"), PERFOPT_ELIMIT);
}

/* ---- variants ----------------------------------------------------------------------------- */

static void check_variant(const site *s, const char *path, const char *type, uint32_t width,
                          uint32_t height)
{
    perfopt_asset_response r;
    assert_int_equal(site_get(s, path, &r), PERFOPT_OK);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.content_type, type);
    assert_string_equal(r.cache_control, "public, max-age=31536000, immutable");
    perfopt__image_header header;
    assert_int_equal(
        perfopt__image_header_read((const uint8_t *)r.body, r.body_length, &header, NULL),
        PERFOPT_OK);
    assert_int_equal(header.width, width);
    assert_int_equal(header.height, height);
    perfopt_asset_response_finish(&r);
}

static void test_srcset_and_serving(void **state)
{
    site *s = *state;
    char path[256];
    const char *own = perfopt_image_srcset(s->frontend, "photo.jpg", NULL, s->arena);
    const char *webp = perfopt_image_srcset(s->frontend, "photo.jpg", "image/webp", s->arena);
    static const uint32_t widths[] = {320, 480, 640, 960, 1000};
    for (int i = 0; i < 5; i++) {
        site_url(own, i, path, sizeof(path));
        char start[32];
        snprintf(start, sizeof(start), "photo.jpg-%uw-", widths[i]);
        assert_int_equal(strncmp(path, start, strlen(start)), 0);
        check_variant(s, path, "image/jpeg", widths[i], widths[i] / 2);
        site_url(webp, i, path, sizeof(path));
        check_variant(s, path, "image/webp", widths[i], widths[i] / 2);
    }
    assert_string_equal(perfopt_image_srcset(s->frontend, "photo.jpg", "image/jpeg", s->arena),
                        own);
    assert_string_equal(perfopt_image_srcset(s->frontend, "photo.jpg", "image/avif", s->arena), "");
    assert_string_equal(perfopt_image_srcset(s->frontend, "none.jpg", NULL, s->arena), "");
}

static void test_names_are_encoded(void **state)
{
    site *s = *state;
    const char *srcset = perfopt_image_srcset(s->frontend, "img/a b.png", NULL, s->arena);
    assert_int_equal(strncmp(srcset, "/images/img/a%20b.png-320w-", 27), 0);
    /* A server decodes the path before it asks. */
    char path[256];
    site_url(srcset, 0, path, sizeof(path));
    memmove(path + 6, path + 8, strlen(path + 8) + 1);
    path[5] = ' ';
    check_variant(s, path, "image/png", 320, 160);
}

static void test_conditional_and_range(void **state)
{
    site *s = *state;
    char path[256];
    site_url(perfopt_image_srcset(s->frontend, "photo.jpg", NULL, s->arena), 0, path, sizeof(path));
    perfopt_asset_response first, second;
    assert_int_equal(site_get(s, path, &first), PERFOPT_OK);
    perfopt_asset_request request = {
        .path = path, .path_length = strlen(path), .if_none_match = first.etag};
    assert_int_equal(perfopt_images_serve(s->frontend, &request, &second), PERFOPT_OK);
    assert_int_equal(second.status, 304);
    assert_string_equal(second.cache_control, "public, max-age=31536000, immutable");
    perfopt_asset_response_finish(&second);
    request.if_none_match = NULL;
    request.range = "bytes=2-5";
    assert_int_equal(perfopt_images_serve(s->frontend, &request, &second), PERFOPT_OK);
    assert_int_equal(second.status, 206);
    assert_int_equal(second.body_length, 4);
    assert_memory_equal(second.body, first.body + 2, 4);
    perfopt_asset_response_finish(&second);
    perfopt_asset_response_finish(&first);
}

static unsigned count_files(const char *folder)
{
    char command[160];
    snprintf(command, sizeof(command), "find '%s' -type f | wc -l", folder);
    FILE *out = popen(command, "r");
    unsigned count = 0;
    assert_int_equal(fscanf(out, "%u", &count), 1);
    pclose(out);
    return count;
}

static void test_outsiders_cannot_make_variants(void **state)
{
    site *s = *state;
    char good[256], path[512], folder[128];
    site_url(perfopt_image_srcset(s->frontend, "photo.jpg", NULL, s->arena), 1, good, sizeof(good));
    const char *hash = strstr(good, "w-") + 2; /* "0123456789ab.jpg" */
    static const char *const formats[] = {"photo.jpg-481w-%s",
                                          "photo.jpg-320w-%s",
                                          "photo.jpg-0480w-%s",
                                          "photo.jpg-480w%s",
                                          "small.jpg-480w-%s",
                                          "photo.jpg-4294967776w-%s",
                                          "../photo.jpg-480w-%s",
                                          "img/../photo.jpg-480w-%s",
                                          "-480w-%s",
                                          "w-%s",
                                          "%s",
                                          "photo.jpg-480w-%s.webp",
                                          "photo.jpg-480w-0%s",
                                          "photo.jpg--480w-%s",
                                          "x/photo.jpg-480w-%s"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(path, sizeof(path), formats[i], hash);
#pragma GCC diagnostic pop
        perfopt_asset_response r;
        assert_int_equal(site_get(s, path, &r), PERFOPT_OK);
        assert_int_equal(r.status, 404);
        perfopt_asset_response_finish(&r);
    }
    snprintf(folder, sizeof(folder), "%s/static/.perfopt-images", s->folder);
    assert_int_equal(count_files(folder), 0);
    /* Right in all but one digit of the hash. */
    good[strlen(good) - 5] ^= 1;
    perfopt_asset_response r;
    assert_int_equal(site_get(s, good, &r), PERFOPT_OK);
    assert_int_equal(r.status, 404);
    assert_int_equal(count_files(folder), 0);
    good[strlen(good) - 5] ^= 1;
    check_variant(s, good, "image/jpeg", 480, 240);
    assert_int_equal(count_files(folder), 1);
}

static void test_own_width_is_never_larger(void **state)
{
    site *s = *state;
    /* Noise at a low quality: encoding it again at 75 would make it larger. */
    perfopt__image image = {.width = 300, .height = 300, .channels = 3};
    image.pixels = malloc(300 * 300 * 3);
    unsigned seed = 1;
    for (size_t i = 0; i < 300 * 300 * 3; i++)
        image.pixels[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
    perfopt_bytes *jpeg = NULL;
    assert_int_equal(perfopt__image_encode(&image, PERFOPT__IMAGE_JPEG, 5, false, &jpeg, NULL),
                     PERFOPT_OK);
    free(image.pixels);
    site_write(s, "noise.jpg", perfopt_bytes_data(jpeg), perfopt_bytes_length(jpeg));
    for (int webp = 0; webp <= 1; webp++) {
        char path[256];
        const char *srcset =
            perfopt_image_srcset(s->frontend, "noise.jpg", webp ? "image/webp" : NULL, s->arena);
        site_url(srcset, 0, path, sizeof(path));
        perfopt_asset_response r;
        assert_int_equal(site_get(s, path, &r), PERFOPT_OK);
        assert_int_equal(r.status, 200);
        assert_int_equal(r.body_length, perfopt_bytes_length(jpeg));
        assert_string_equal(r.content_type, "image/jpeg"); /* what it is, not what it is called */
        perfopt_asset_response_finish(&r);
    }
    perfopt_bytes_release(jpeg);
}

static void test_changed_source_has_new_urls(void **state)
{
    site *s = *state;
    char before[256], after[256];
    site_url(perfopt_image_srcset(s->frontend, "photo.jpg", NULL, s->arena), 0, before,
             sizeof(before));
    site_write_fixture(
        s, "photo.jpg",
        fixture_jpeg(&(fixture_jpeg_options){.width = 1000, .height = 500, .progressive = true}));
    test_clock_advance_ms(1000);
    site_url(perfopt_image_srcset(s->frontend, "photo.jpg", NULL, s->arena), 0, after,
             sizeof(after));
    assert_string_not_equal(before, after);
    perfopt_asset_response r;
    assert_int_equal(site_get(s, before, &r), PERFOPT_OK);
    assert_int_equal(r.status, 404);
    check_variant(s, after, "image/jpeg", 320, 160);
    /* Another quality means other bytes, so another name. */
    site_reopen(s, PERFOPT_FRONTEND_OPTIONS(.jpeg_quality = 60));
    site_url(perfopt_image_srcset(s->frontend, "photo.jpg", NULL, s->arena), 0, before,
             sizeof(before));
    assert_string_not_equal(before, after);
}

static void test_damaged_pixels_are_404(void **state)
{
    site *s = *state;
    fixture f = fixture_jpeg(&(fixture_jpeg_options){.width = 400, .height = 400});
    site_write(s, "half.jpg", f.data, f.length / 2);
    fixture_free(&f);
    char path[256];
    site_url(perfopt_image_srcset(s->frontend, "half.jpg", NULL, s->arena), 0, path, sizeof(path));
    perfopt_asset_response r;
    assert_int_equal(site_get(s, path, &r), PERFOPT_OK);
    assert_int_equal(r.status, 404);
}

/* ---- many at once ------------------------------------------------------------------------- */

/* The file behind a variant stays the one that was seen first: nobody made it again. */
static void check_same_file(const site *s, const char *path)
{
    static _Atomic ino_t seen[10];
    char file[512];
    struct stat st;
    snprintf(file, sizeof(file), "%s/static/.perfopt-images/%s", s->folder, path);
    if (stat(file, &st) != 0)
        abort();
    for (unsigned i = 0; i < 10; i++) {
        ino_t none = 0;
        if (seen[i] == st.st_ino)
            return;
        if (seen[i] == 0 && atomic_compare_exchange_strong(&seen[i], &none, st.st_ino))
            return;
        if (seen[i] == st.st_ino)
            return;
    }
    abort(); /* an eleventh file */
}

static void *request_all(void *user)
{
    const site *s = user;
    perfopt_arena *arena;
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    for (int i = 0; i < 10; i++) {
        char path[256];
        const char *type = i & 1 ? "image/webp" : NULL;
        const char *srcset = perfopt_image_srcset(s->frontend, "photo.jpg", type, arena);
        site_url(srcset, i / 2, path, sizeof(path));
        perfopt_asset_response r;
        if (site_get(s, path, &r) != PERFOPT_OK || r.status != 200 || r.body_length < 100)
            abort();
        perfopt_asset_response_finish(&r);
        check_same_file(s, path);
    }
    if (!perfopt_progressive_image(s->frontend, "photo.jpg", NULL, arena))
        abort();
    perfopt_arena_destroy(arena);
    return NULL;
}

static void test_concurrent_first_requests(void **state)
{
    site *s = *state;
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, request_all, s), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    char folder[128];
    snprintf(folder, sizeof(folder), "%s/static/.perfopt-images", s->folder);
    assert_int_equal(count_files(folder), 11); /* 5 widths in 2 formats, and the preview */
}

/* ---- precompiling ------------------------------------------------------------------------- */

typedef struct progress {
    size_t calls, total;
    size_t stop_after;
} progress;

static bool on_progress(size_t done, size_t total, const char *name, void *user)
{
    progress *p = user;
    assert_non_null(name);
    p->calls++;
    p->total = total;
    assert_int_equal(done, p->calls);
    return p->calls != p->stop_after;
}

static void test_precompile(void **state)
{
    site *s = *state;
    site_write(s, "broken.png", "\x89PNG\r\n\x1A\n", 8);
    site_write(s, "text.txt", "x", 1);
    perfopt_images_result result = {0};
    progress p = {0};
    assert_int_equal(perfopt_images_precompile(s->frontend, NULL, on_progress, &p, &result, NULL),
                     PERFOPT_OK);
    assert_int_equal(p.calls, 4);
    assert_int_equal(p.total, 4);
    assert_int_equal(result.images, 4);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.variants, 10 + 4 + 2); /* photo, a b.png, small */
    assert_int_equal(result.built, result.variants);
    assert_true(result.variant_bytes > 1000);
    uint64_t bytes = result.variant_bytes;
    assert_int_equal(perfopt_images_precompile(s->frontend, NULL, NULL, NULL, &result, NULL),
                     PERFOPT_OK);
    assert_int_equal(result.built, 0);
    assert_int_equal(result.variants, 16);
    assert_int_equal(result.variant_bytes, bytes);
    site_reopen(s, NULL);
    static const char *const patterns[] = {"img/*", NULL};
    assert_int_equal(perfopt_images_precompile(s->frontend, patterns, NULL, NULL, &result, NULL),
                     PERFOPT_OK);
    assert_int_equal(result.images, 1);
    assert_int_equal(result.built, 0);
}

static void test_precompile_can_be_cancelled(void **state)
{
    site *s = *state;
    perfopt_images_result result = {0};
    progress p = {.stop_after = 1};
    assert_int_equal(perfopt_images_precompile(s->frontend, NULL, on_progress, &p, &result, NULL),
                     PERFOPT_ECANCELED);
    assert_int_equal(p.calls, 1);
    assert_int_equal(result.images, 1);
    assert_int_equal(perfopt_images_precompile(s->frontend, NULL, NULL, NULL, &result, NULL),
                     PERFOPT_OK);
    assert_int_equal(result.images, 3);
}

static bool precompile_again(size_t done, size_t total, const char *name, void *user)
{
    (void)done, (void)total, (void)name;
    site *s = user;
    assert_int_equal(perfopt_images_precompile(s->frontend, NULL, NULL, NULL, NULL, NULL),
                     PERFOPT_EBUSY);
    return true;
}

static void test_precompile_is_not_reentrant(void **state)
{
    site *s = *state;
    assert_int_equal(perfopt_images_precompile(s->frontend, NULL, precompile_again, s, NULL, NULL),
                     PERFOPT_OK);
}

static void test_visible_output_is_no_source(void **state)
{
    site *s = *state;
    char output[128];
    snprintf(output, sizeof(output), "%s/static/variants", s->folder);
    site_reopen(s, PERFOPT_FRONTEND_OPTIONS(.image_output = output));
    perfopt_images_result result = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(perfopt_images_precompile(s->frontend, NULL, NULL, NULL, &result, NULL),
                         PERFOPT_OK);
        assert_int_equal(result.images, 3);
    }
}

/* ---- options ------------------------------------------------------------------------------ */

static void test_options(void **state)
{
    site *s = *state;
    perfopt_frontend *f = NULL;
    perfopt_error error = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_frontend_create(PERFOPT_FRONTEND_OPTIONS(.image_root = "/nowhere"),
                                             s->assets, &f, &error),
                     PERFOPT_ECONFIG);
    assert_non_null(strstr(error.message, "image_root"));
    assert_int_equal(perfopt_frontend_create(PERFOPT_FRONTEND_OPTIONS(.jpeg_quality = 101),
                                             s->assets, &f, &error),
                     PERFOPT_EINVAL);
    assert_int_equal(perfopt_frontend_create(PERFOPT_FRONTEND_OPTIONS(.beacon_path = "x"),
                                             s->assets, &f, &error),
                     PERFOPT_EINVAL);
    assert_int_equal(perfopt_frontend_create(NULL, NULL, &f, &error), PERFOPT_EINVAL);
    perfopt_frontend_options unset = {0};
    assert_int_equal(perfopt_frontend_create(&unset, s->assets, &f, &error), PERFOPT_EINVAL);
    assert_null(f);
}

static void test_own_image_root(void **state)
{
    site *s = *state;
    char root[128];
    snprintf(root, sizeof(root), "%s/static/img", s->folder);
    site_reopen(s, PERFOPT_FRONTEND_OPTIONS(.image_root = root, .image_prefix = "/media"));
    assert_int_equal(info_of(s, "a b.png").width, 400);
    assert_int_equal(info_status(s, "photo.jpg"), PERFOPT_ENOTFOUND);
    const char *srcset = perfopt_image_srcset(s->frontend, "a b.png", NULL, s->arena);
    assert_int_equal(strncmp(srcset, "/media/a%20b.png-320w-", 22), 0);
}

/* Where nothing can be written, pages use what is there and plain images otherwise. */
static void test_unwritable_output(void **state)
{
    site *s = *state;
    site_write(s, "file", "x", 1);
    char output[128];
    snprintf(output, sizeof(output), "%s/static/file/below", s->folder);
    site_reopen(s, PERFOPT_FRONTEND_OPTIONS(.image_output = output));
    assert_string_equal(perfopt_image_srcset(s->frontend, "photo.jpg", NULL, s->arena), "");
    const char *tag = perfopt_lazy_image(s->frontend, "photo.jpg", NULL, s->arena);
    assert_non_null(strstr(tag, "<img src=\"/static/photo.jpg"));
    assert_non_null(strstr(tag, "width=\"1000\" height=\"500\""));
    assert_int_equal(perfopt_images_precompile(s->frontend, NULL, NULL, NULL, NULL, NULL),
                     PERFOPT_EIO);
    perfopt_asset_response r;
    assert_int_equal(site_get(s, "photo.jpg", &r), PERFOPT_OK);
    assert_int_equal(r.status, 404);
}

int main(void)
{
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    test_clock_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_info_follows_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_sources, setup, teardown),
        cmocka_unit_test_setup_teardown(test_srcset_and_serving, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_are_encoded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conditional_and_range, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outsiders_cannot_make_variants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_width_is_never_larger, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_source_has_new_urls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_pixels_are_404, setup, teardown),
        cmocka_unit_test_setup_teardown(test_concurrent_first_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_precompile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_precompile_can_be_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_precompile_is_not_reentrant, setup, teardown),
        cmocka_unit_test_setup_teardown(test_visible_output_is_no_source, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_image_root, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwritable_output, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
