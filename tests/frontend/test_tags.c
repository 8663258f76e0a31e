/*
 * test_tags.c - markup, headers, template helpers, browser timing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frontend/site.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void assert_has(const char *text, const char *part)
{
    assert_non_null(text);
    if (!strstr(text, part))
        fail_msg("no %s in %s", part, text);
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;
    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

/* ---- images ------------------------------------------------------------------------------- */

static void test_lazy_image(void **state)
{
    site *s = *state;
    const char *tag = perfopt_lazy_image(
        s->frontend, "photo.jpg",
        PERFOPT_IMAGE_OPTIONS(.alt = "a \"b\" <c>", .css_class = "x&y", .width = 300), s->arena);
    assert_int_equal(strncmp(tag, "<picture><source type=\"image/webp\" srcset=\"/images/", 51), 0);
    assert_has(tag, " sizes=\"100vw\"><img src=\"/images/photo.jpg-1000w-");
    assert_has(tag,
               " width=\"300\" height=\"150\" alt=\"a &#34;b&#34; &lt;c&gt;\" class=\"x&amp;y\" "
               "loading=\"lazy\" decoding=\"async\"></picture>");
    assert_int_equal(count_of(tag, ".webp "), 5);
    assert_int_equal(count_of(tag, ".jpg "), 5);
    assert_int_equal(count_of(tag, "style="), 0);
}

static void test_sizes_of_images(void **state)
{
    site *s = *state;
    const char *tag = perfopt_lazy_image(s->frontend, "/photo.jpg",
                                         PERFOPT_IMAGE_OPTIONS(.height = 100), s->arena);
    assert_has(tag, " width=\"200\" height=\"100\" alt=\"\" ");
    tag = perfopt_lazy_image(s->frontend, "photo.jpg",
                             PERFOPT_IMAGE_OPTIONS(.width = 10, .height = 10, .sizes = "50vw"),
                             s->arena);
    assert_has(tag, " width=\"10\" height=\"10\"");
    assert_int_equal(count_of(tag, " sizes=\"50vw\""), 2);
    tag = perfopt_lazy_image(s->frontend, "photo.jpg", PERFOPT_IMAGE_OPTIONS(.eager = PERFOPT_ON),
                             s->arena);
    assert_has(tag, " loading=\"eager\" fetchpriority=\"high\" decoding=\"async\">");
    /* An image as small as an icon still has its own size in both formats. */
    assert_has(perfopt_lazy_image(s->frontend, "small.jpg", NULL, s->arena), "small.jpg-100w-");
}

static void test_images_that_cannot_be_resized(void **state)
{
    site *s = *state;
    site_write(s, "drawing.svg", "<svg/>", 6);
    site_write_fixture(s, "moving.webp", fixture_animated_webp());
    static const char *const names[] = {"drawing.svg", "none.jpg", "../x.jpg"};
    for (size_t i = 0; i < 3; i++) {
        const char *tag =
            perfopt_lazy_image(s->frontend, names[i], PERFOPT_IMAGE_OPTIONS(.width = 7), s->arena);
        assert_int_equal(strncmp(tag, "<img src=\"", 10), 0);
        assert_has(tag, " width=\"7\" alt=\"\" loading=\"lazy\"");
        assert_string_equal(perfopt_progressive_image(s->frontend, names[i],
                                                      PERFOPT_IMAGE_OPTIONS(.width = 7), s->arena),
                            tag);
    }
    const char *tag = perfopt_progressive_image(s->frontend, "moving.webp", NULL, s->arena);
    assert_int_equal(strncmp(tag, "<img src=\"/static/moving.webp", 29), 0);
    assert_has(tag, " width=\"100\" height=\"50\"");
}

static void test_progressive_image(void **state)
{
    site *s = *state;
    const char *tag = perfopt_progressive_image(s->frontend, "photo.jpg", NULL, s->arena);
    assert_int_equal(strncmp(tag,
                             "<span class=\"perfopt-progressive\"><img class=\"perfopt-preview\" "
                             "src=\"data:image/webp;base64,UklGR",
                             96),
                     0);
    assert_has(tag, "\" alt=\"\" aria-hidden=\"true\"><picture>");
    assert_has(tag, "</picture></span>");
    assert_int_equal(count_of(tag, "style="), 0);
    size_t lazy = strlen(perfopt_lazy_image(s->frontend, "photo.jpg", NULL, s->arena));
    assert_true(strlen(tag) - lazy < 500);
    /* From memory, and from its file in another process, it is the same. */
    assert_string_equal(perfopt_progressive_image(s->frontend, "photo.jpg", NULL, s->arena), tag);
    site_reopen(s, NULL);
    assert_string_equal(perfopt_progressive_image(s->frontend, "photo.jpg", NULL, s->arena), tag);
    assert_has(perfopt_progressive_css(), ".perfopt-preview{");
    assert_has(perfopt_progressive_css(), ".perfopt-progressive{");
}

static void test_transparent_images_have_no_preview(void **state)
{
    site *s = *state;
    site_write_fixture(
        s, "glass.png",
        fixture_png(&(fixture_png_options){
            .width = 40, .height = 40, .bits = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA}));
    assert_string_equal(perfopt_progressive_image(s->frontend, "glass.png", NULL, s->arena),
                        perfopt_lazy_image(s->frontend, "glass.png", NULL, s->arena));
}

/* ---- logging ------------------------------------------------------------------------------ */

static unsigned logged;

static void on_log(perfopt_log_level level, const char *module, const char *message, void *user)
{
    (void)level, (void)user;
    if (strcmp(module, "frontend") == 0 && strstr(message, "none.jpg"))
        logged++;
}

static void test_faults_are_logged_once(void **state)
{
    site *s = *state;
    logged = 0;
    perfopt_log_set(PERFOPT_LOG_INFO, on_log, NULL);
    for (int i = 0; i < 3; i++)
        perfopt_lazy_image(s->frontend, "none.jpg", NULL, s->arena);
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    assert_int_equal(logged, 1);
}

/* ---- assets ------------------------------------------------------------------------------- */

static void test_asset_tags(void **state)
{
    site *s = *state;
    site_write(s, "css/site.css", "a { b: c }", 10);
    site_write(s, "js/app.js", "let a = 1", 9);
    assert_int_equal(perfopt_assets_precompile(s->assets, (const char *[]){"*.css", NULL}, NULL,
                                               NULL, NULL, NULL),
                     PERFOPT_OK);
    const char *tag = perfopt_stylesheet_tag(s->frontend, "css/site.css", s->arena);
    assert_int_equal(strncmp(tag, "<link rel=\"stylesheet\" href=\"/static/css/site-", 46), 0);
    assert_has(tag, ".css\" integrity=\"sha256-");
    assert_int_equal(tag[strlen(tag) - 1], '>');
    tag = perfopt_script_tag(s->frontend, "js/app.js", s->arena);
    assert_int_equal(strncmp(tag, "<script defer src=\"/static/js/app.js", 36), 0);
    assert_has(tag, "\"></script>");
    assert_null(strstr(tag, "integrity"));
    assert_has(perfopt_script_tag(s->frontend, "js/m.mjs", s->arena),
               "<script type=\"module\" src=");
    tag = perfopt_stylesheet_tag(s->frontend, "\"><script>.css", s->arena);
    assert_int_equal(count_of(tag, "<"), 1);
    assert_int_equal(count_of(tag, ">"), 1);
}

static void test_preload_header(void **state)
{
    site *s = *state;
    static const char *const cases[][2] = {
        {"a.css", ">; rel=preload; as=style"},
        {"a.js", ">; rel=preload; as=script"},
        {"a.mjs", ">; rel=modulepreload"},
        {"a.woff2", ">; rel=preload; as=font; type=\"font/woff2\"; crossorigin"},
        {"a.webp", ">; rel=preload; as=image"},
        {"a.bin", ">; rel=preload; as=fetch; crossorigin"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *value = perfopt_preload_header(s->frontend, cases[i][0], s->arena);
        assert_int_equal(strncmp(value, "</static/a.", 11), 0);
        assert_has(value, cases[i][1]);
    }
    const char *value = perfopt_preload_header(s->frontend, "x>\r\nEvil: 1.css", s->arena);
    assert_null(strpbrk(value, "\r\n"));
    assert_int_equal(count_of(value, ">"), 1);
}

/* ---- browser timing ----------------------------------------------------------------------- */

static void test_rum(void **state)
{
    site *s = *state;
    size_t length;
    const char *script = perfopt_rum_script(&length);
    assert_int_equal(strlen(script), length);
    assert_has(script, "webVitals");
    assert_has(script, "sendBeacon");
    assert_null(strstr(script, "sourceMappingURL"));
    const char *path = perfopt_rum_script_path(s->frontend);
    assert_int_equal(strncmp(path, "/perfopt/vitals-", 16), 0);
    assert_int_equal(strlen(path), 16 + 12 + 3);
    char expected[256];
    snprintf(expected, sizeof(expected),
             "<script defer src=\"%s\" data-beacon=\"/perfopt/beacon\" "
             "data-route=\"/news/&lt;id&gt;\"></script>",
             path);
    assert_string_equal(perfopt_rum_tag(s->frontend, "/news/<id>", s->arena), expected);
    assert_string_equal(perfopt_rum_beacon_path(s->frontend), "/perfopt/beacon");
    site_reopen(s, PERFOPT_FRONTEND_OPTIONS(.rum = PERFOPT_OFF, .beacon_path = "/b"));
    assert_string_equal(perfopt_rum_tag(s->frontend, "/", s->arena), "");
    assert_string_equal(perfopt_rum_beacon_path(s->frontend), "/b");
}

/* ---- helpers ------------------------------------------------------------------------------ */

static const char *helper_text(void *call, const char *name, size_t position)
{
    (void)position;
    const char *const *values = call;
    for (; values[0]; values += 2) {
        if (strcmp(values[0], name) == 0)
            return values[1];
    }
    return NULL;
}

static int64_t helper_integer(void *call, const char *name, size_t position)
{
    const char *text = helper_text(call, name, position);
    return text ? strtoll(text, NULL, 10) : 0;
}

static bool helper_flag(void *call, const char *name, size_t position)
{
    return helper_text(call, name, position) != NULL;
}

static const char *call_helper(const site *s, const char *name, const char **values)
{
    perfopt_frontend_args args = {helper_text, helper_integer, helper_flag, s->arena, values};
    for (const perfopt_frontend_helper *h = perfopt_frontend_helpers(); h->name; h++) {
        if (strcmp(h->name, name) == 0)
            return h->fn(s->frontend, &args);
    }
    fail_msg("no helper %s", name);
    return NULL;
}

static void test_helpers(void **state)
{
    site *s = *state;
    const char *image[] = {"name", "photo.jpg",  "alt",       "x", "width", "200", "eager", "1",
                           "type", "image/webp", "css_class", "c", "route", "/r",  NULL};
    perfopt_image_options options = {.struct_size = sizeof(options),
                                     .alt = "x",
                                     .css_class = "c",
                                     .width = 200,
                                     .eager = PERFOPT_ON};
    assert_string_equal(call_helper(s, "lazy_image", image),
                        perfopt_lazy_image(s->frontend, "photo.jpg", &options, s->arena));
    assert_string_equal(call_helper(s, "progressive_image", image),
                        perfopt_progressive_image(s->frontend, "photo.jpg", &options, s->arena));
    assert_string_equal(call_helper(s, "image_srcset", image),
                        perfopt_image_srcset(s->frontend, "photo.jpg", "image/webp", s->arena));
    assert_string_equal(call_helper(s, "rum_tag", image),
                        perfopt_rum_tag(s->frontend, "/r", s->arena));
    assert_string_equal(call_helper(s, "asset_url", image),
                        perfopt_asset_url(s->assets, "photo.jpg", s->arena));
    assert_string_equal(call_helper(s, "stylesheet", image),
                        perfopt_stylesheet_tag(s->frontend, "photo.jpg", s->arena));
    assert_string_equal(call_helper(s, "script", image),
                        perfopt_script_tag(s->frontend, "photo.jpg", s->arena));
    char version[13];
    perfopt_asset_version(s->assets, "photo.jpg", version);
    assert_string_equal(call_helper(s, "asset_version", image), version);
    assert_string_equal(call_helper(s, "asset_integrity", image), ""); /* not built */
    /* Without arguments, and with senseless numbers, nothing breaks. */
    const char *none[] = {NULL};
    const char *senseless[] = {"name", "photo.jpg", "width", "-5", "height", "99999999999", NULL};
    for (const perfopt_frontend_helper *h = perfopt_frontend_helpers(); h->name; h++) {
        assert_non_null(call_helper(s, h->name, none));
        assert_non_null(call_helper(s, h->name, senseless));
    }
    assert_has(call_helper(s, "lazy_image", senseless), " width=\"1000\" height=\"500\"");
}

int main(void)
{
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lazy_image, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes_of_images, setup, teardown),
        cmocka_unit_test_setup_teardown(test_images_that_cannot_be_resized, setup, teardown),
        cmocka_unit_test_setup_teardown(test_progressive_image, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transparent_images_have_no_preview, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults_are_logged_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asset_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preload_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rum, setup, teardown),
        cmocka_unit_test_setup_teardown(test_helpers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
