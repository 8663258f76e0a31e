/*
 * test_seo.c - the markup for search engines, everything escaped for its place.
 */
#include "ssr_helpers.h"

static perfopt_ssr *ssr;
static perfopt_arena *arena;

static int setup(void **state)
{
    (void)state;
    return perfopt_ssr_create(NULL, &ssr, NULL) == PERFOPT_OK &&
                   perfopt_arena_create(0, &arena) == PERFOPT_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    perfopt_ssr_destroy(ssr);
    perfopt_arena_destroy(arena);
    return 0;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        print_error("missing: %s\nin: %s\n", part, text);
    assert_non_null(strstr(text, part));
}

static void writes_an_article(void **state)
{
    (void)state;
    const char *text = perfopt_ssr_seo(
        ssr,
        PERFOPT_SEO(.title = "A & B", .description = "About <it>",
                    .canonical = "https://x.org/a?b=1&c=2", .robots = "noindex, follow",
                    .image = "https://x.org/i.png", .site_name = "Site", .type = "article",
                    .author = "Ada", .published = "2026-01-01T00:00:00Z", .locale = "en_GB"),
        arena);
    assert_non_null(text);
    has(text, "<title>A &amp; B</title>");
    has(text, "<meta name=\"description\" content=\"About &lt;it&gt;\">");
    has(text, "<link rel=\"canonical\" href=\"https://x.org/a?b=1&amp;c=2\">");
    has(text, "<meta name=\"robots\" content=\"noindex, follow\">");
    has(text, "<meta property=\"og:type\" content=\"article\">");
    has(text, "<meta property=\"article:author\" content=\"Ada\">");
    has(text, "<meta name=\"twitter:card\" content=\"summary_large_image\">");
    has(text, "\"@type\":\"Article\",\"headline\":\"A \\u0026 B\"");
    has(text, "\"author\":{\"@type\":\"Person\",\"name\":\"Ada\"}");
}

static void leaves_out_what_is_missing(void **state)
{
    (void)state;
    const char *text = perfopt_ssr_seo(ssr, PERFOPT_SEO(.title = "T"), arena);
    has(text, "\"@type\":\"WebSite\",\"name\":\"T\"}");
    has(text, "content=\"summary\"");
    assert_null(strstr(text, "description"));
    assert_null(strstr(text, "canonical"));
    assert_null(strstr(text, "image"));
}

static void scripts_cannot_be_closed(void **state)
{
    (void)state;
    const char *text = perfopt_ssr_seo(
        ssr, PERFOPT_SEO(.title = "</script><script>alert(1)</script>", .type = "article"), arena);
    const char *json = strstr(text, "application/ld+json");
    assert_non_null(json);
    const char *end = strstr(json, "</script>");
    assert_non_null(end);
    assert_string_equal(end, "</script>\n");
    assert_null(strstr(text, "alert(1)</script>"));
}

static void cuts_descriptions_at_words(void **state)
{
    (void)state;
    char description[400] = "";
    for (int i = 0; i < 40; i++)
        strcat(description, "w\xC3\xB6rd ");
    const char *text = perfopt_ssr_seo(ssr, PERFOPT_SEO(.description = description), arena);
    has(text, "w\xC3\xB6rd\xE2\x80\xA6\">");
    const char *start = strstr(text, "content=\"") + 9;
    size_t characters = 0;
    for (const char *p = start; *p != '"'; p++)
        characters += ((unsigned char)*p & 0xC0) != 0x80;
    assert_in_range(characters, 150, 160);
}

static void can_be_switched_off(void **state)
{
    (void)state;
    perfopt_ssr *off;
    assert_int_equal(perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.seo = PERFOPT_OFF), &off, NULL),
                     PERFOPT_OK);
    assert_string_equal(
        perfopt_ssr_seo(off, PERFOPT_SEO(.title = "T", .canonical = "https://x/"), arena),
        "<title>T</title>\n");
    perfopt_ssr_destroy(off);
}

static void is_a_template_function(void **state)
{
    (void)state;
    perfopt_bytes *out;
    static const char source[] = "{{ seo(title=t, image=none, author=missing) }}";
    const perfopt_context *context = PERFOPT_CONTEXT({"t", perfopt_string("a<b")});
    assert_int_equal(
        perfopt_ssr_render_string(ssr, "x.html", source, sizeof(source) - 1, context, &out, NULL),
        PERFOPT_OK);
    has(perfopt_bytes_data(out), "<title>a&lt;b</title>");
    perfopt_bytes_release(out);
    assert_int_equal(render_source(ssr, "{{ seo(titel='x') }}", NULL, NULL), PERFOPT_EFAILED);
    assert_int_equal(render_source(ssr, "{{ seo('x') }}", NULL, NULL), PERFOPT_EFAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_an_article, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_out_what_is_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(scripts_cannot_be_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(cuts_descriptions_at_words, setup, teardown),
        cmocka_unit_test_setup_teardown(can_be_switched_off, setup, teardown),
        cmocka_unit_test_setup_teardown(is_a_template_function, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
