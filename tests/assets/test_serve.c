/*
 * test_serve.c - answering requests: encodings, validators, ranges, paths, lifetimes, memory.
 */
#include "assets/assets_internal.h"
#include "assets/site.h"
#include "support/fake_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- pure functions ----------------------------------------------------------------------- */

static void accept_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        perfopt__encoding expected;
    } cases[] = {
        {NULL, ENCODING_IDENTITY},
        {"", ENCODING_IDENTITY},
        {"gzip", ENCODING_GZIP},
        {"GZip", ENCODING_GZIP},
        {"x-gzip", ENCODING_GZIP},
        {"br", ENCODING_BROTLI},
        {"gzip, br", ENCODING_BROTLI},
        {"gzip, deflate, br, zstd", ENCODING_BROTLI},
        {"deflate", ENCODING_IDENTITY},
        {"*", ENCODING_BROTLI},
        {"*;q=0", ENCODING_IDENTITY},
        {"gzip;q=0", ENCODING_IDENTITY},
        {"gzip;q=0.0", ENCODING_IDENTITY},
        {"gzip;q=0, *", ENCODING_BROTLI},
        {"br;q=0, *", ENCODING_GZIP},
        {"gzip;q=0, br;q=0, *", ENCODING_IDENTITY},
        {"gzip;q=0.001", ENCODING_GZIP},
        {"gzip;q=1.0, br;q=0.9", ENCODING_GZIP},
        {"gzip;q=0.5, br;q=0.5", ENCODING_BROTLI},
        {"identity, gzip;q=0.5", ENCODING_IDENTITY},
        {"identity;q=0.5, gzip", ENCODING_GZIP},
        {"identity;q=0, gzip;q=0.1", ENCODING_GZIP},
        {"identity;q=0", ENCODING_IDENTITY},
        {"identity;q=1, *;q=0", ENCODING_IDENTITY},
        {"  gzip  ;  q=0.8  ,br;q=0.2", ENCODING_GZIP},
        {"gzip;q=2", ENCODING_IDENTITY},
        {"gzip;q=", ENCODING_IDENTITY},
        {"gzip;q=0.1234", ENCODING_IDENTITY},
        {"gzip;q=-1", ENCODING_IDENTITY},
        {"gzip;level=9", ENCODING_IDENTITY},
        {"gzip;q=1.001", ENCODING_IDENTITY},
        {",,,gzip,,", ENCODING_GZIP},
        {"gzipped", ENCODING_IDENTITY},
        {";q=1", ENCODING_IDENTITY},
    };
    const uint64_t sizes[ENCODING_COUNT] = {1000, 300, 200};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        perfopt__encoding got = perfopt__negotiate(cases[i].header, sizes);
        if (got != cases[i].expected)
            fail_msg("\"%s\" gave %d", cases[i].header ? cases[i].header : "(none)", (int)got);
    }
    const uint64_t no_brotli[ENCODING_COUNT] = {1000, 300, 0};
    assert_int_equal(perfopt__negotiate("br, gzip;q=0.1", no_brotli), ENCODING_GZIP);
    const uint64_t plain[ENCODING_COUNT] = {0, 0, 0};
    assert_int_equal(perfopt__negotiate("br, gzip", plain), ENCODING_IDENTITY);
}

static void if_none_match(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool expected;
    } cases[] = {
        {"\"abc\"", true},
        {"W/\"abc\"", true},
        {"*", true},
        {" * ", true},
        {"\"x\", \"abc\"", true},
        {"\"x\",W/\"y\" , W/\"abc\"", true},
        {"\"x\",,\"abc\"", true},
        {"\"a,b\", \"abc\"", true},
        {"", false},
        {"\"ab\"", false},
        {"\"abcd\"", false},
        {"abc", false},
        {"\"abc", false},
        {"w/\"abc\"", false},
        {"\"x\" abc", false},
        {"\"\"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (perfopt__etag_matches(cases[i].header, "\"abc\"") != cases[i].expected)
            fail_msg("%s", cases[i].header);
    }
}

static void range_header(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        perfopt__range_result result;
        uint64_t first;
        uint64_t last;
    } cases[] = {
        {"bytes=0-0", RANGE_ONE, 0, 0},
        {"bytes=0-99", RANGE_ONE, 0, 99},
        {"bytes=0-1000", RANGE_ONE, 0, 99},
        {"bytes=50-", RANGE_ONE, 50, 99},
        {"bytes=99-", RANGE_ONE, 99, 99},
        {"bytes=-1", RANGE_ONE, 99, 99},
        {"bytes=-100", RANGE_ONE, 0, 99},
        {"bytes=-1000", RANGE_ONE, 0, 99},
        {"Bytes=1-2", RANGE_ONE, 1, 2},
        {"bytes= 1-2 ", RANGE_ONE, 1, 2},
        {"bytes=100-", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=100-200", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=99999999999999999999999-", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-99999999999999999999999", RANGE_ONE, 0, 99},
        {"bytes=-99999999999999999999999", RANGE_ONE, 0, 99},
        {"bytes=0-1,5-6", RANGE_NONE, 0, 0},
        {"bytes=2-1", RANGE_NONE, 0, 0},
        {"bytes=-", RANGE_NONE, 0, 0},
        {"bytes=a-b", RANGE_NONE, 0, 0},
        {"bytes=0", RANGE_NONE, 0, 0},
        {"bytes=+1-2", RANGE_NONE, 0, 0},
        {"bytes", RANGE_NONE, 0, 0},
        {"lines=0-1", RANGE_NONE, 0, 0},
        {"", RANGE_NONE, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t first = 0;
        uint64_t last = 0;
        perfopt__range_result r = perfopt__parse_range(cases[i].header, 100, &first, &last);
        if (r != cases[i].result ||
            (r == RANGE_ONE && (first != cases[i].first || last != cases[i].last)))
            fail_msg("%s", cases[i].header);
    }
    uint64_t first;
    uint64_t last;
    assert_int_equal(perfopt__parse_range("bytes=0-", 0, &first, &last), RANGE_UNSATISFIABLE);
    assert_int_equal(perfopt__parse_range("bytes=-5", 0, &first, &last), RANGE_UNSATISFIABLE);
}

static void if_range(void **state)
{
    (void)state;
    assert_true(perfopt__if_range_holds("\"abc\"", "\"abc\"", 0));
    assert_false(perfopt__if_range_holds("W/\"abc\"", "\"abc\"", 0));
    assert_false(perfopt__if_range_holds("\"abd\"", "\"abc\"", 0));
    assert_false(perfopt__if_range_holds("\"abc\", \"x\"", "\"abc\"", 0));
    assert_true(perfopt__if_range_holds("Sun, 06 Nov 1994 08:49:37 GMT", "\"a\"", 784111777));
    assert_false(perfopt__if_range_holds("Sun, 06 Nov 1994 08:49:38 GMT", "\"a\"", 784111777));
    assert_false(perfopt__if_range_holds("yesterday", "\"a\"", 0));
}

/* ---- serving ------------------------------------------------------------------------------ */

static int setup(void **state)
{
    site *s = malloc(sizeof(*s));
    site_make(s);
    site_watch_log("");
    test_clock_install();
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    site_remove(*state);
    test_clock_remove();
    free(*state);
    return 0;
}

/* Serves one path with the other fields of `request`. */
static perfopt_asset_response get(site *s, const char *path, perfopt_asset_request request)
{
    perfopt_asset_response out;
    request.path = path;
    request.path_length = strlen(path);
    assert_int_equal(perfopt_assets_serve(s->assets, &request, &out), PERFOPT_OK);
    return out;
}

#define GET(s, path, ...) get(s, path, (perfopt_asset_request){__VA_ARGS__})

static void assert_status(site *s, const char *path, int expected)
{
    perfopt_asset_response r = get(s, path, (perfopt_asset_request){0});
    if (r.status != expected)
        fail_msg("%s gave %d", path, r.status);
    if (expected == 404)
        assert_null(r.body);
    perfopt_asset_response_finish(&r);
}

static char *numbers(size_t count)
{
    char *text = malloc(count * 12 + 1);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += (size_t)sprintf(text + n, ".n%zu{top:0}", i);
    return text;
}

static void hashed_names_last_for_ever(void **state)
{
    site *s = *state;
    char *css = numbers(100);
    site_write(s, "css/a.css", css);
    site_open(s, NULL);
    site_precompile(s);
    char *url = site_url(s, "css/a.css");
    perfopt_asset_response r = GET(s, url + 8, .accept_encoding = NULL);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.content_type, "text/css; charset=utf-8");
    assert_null(r.content_encoding);
    assert_string_equal(r.cache_control, "public, max-age=31536000, immutable");
    assert_true(r.vary_accept_encoding);
    assert_true(r.accept_ranges);
    assert_int_equal(r.body_length, strlen(css));
    assert_memory_equal(r.body, css, r.body_length);
    assert_int_equal(r.etag[0], '"');
    assert_int_equal(strlen(r.last_modified), 29);
    perfopt_asset_response gz = GET(s, url + 8, .accept_encoding = "gzip");
    assert_string_equal(gz.content_encoding, "gzip");
    assert_true(gz.body_length < r.body_length);
    assert_memory_equal(gz.body, "\x1f\x8b", 2);
    assert_string_not_equal(gz.etag, r.etag);
    perfopt_asset_response plain = GET(s, "css/a.css", .accept_encoding = "gzip");
    assert_string_equal(plain.cache_control, "public, max-age=60");
    assert_string_equal(plain.etag, gz.etag);
    perfopt_asset_response_finish(&r);
    perfopt_asset_response_finish(&r);
    perfopt_asset_response_finish(&gz);
    perfopt_asset_response_finish(&plain);
    free(url);
    free(css);
}

static void validators(void **state)
{
    site *s = *state;
    char *css = numbers(100);
    site_write(s, "a.css", css);
    site_open(s, NULL);
    site_precompile(s);
    perfopt_asset_response r = GET(s, "a.css", .accept_encoding = "gzip");
    char list[128];
    snprintf(list, sizeof(list), "\"other\", W/%s", r.etag);
    perfopt_asset_response same = GET(s, "a.css", .accept_encoding = "gzip", .if_none_match = list);
    assert_int_equal(same.status, 304);
    assert_null(same.body);
    assert_string_equal(same.etag, r.etag);
    assert_non_null(same.cache_control);
    assert_true(same.vary_accept_encoding);
    /* The identity form has another tag. */
    same = GET(s, "a.css", .if_none_match = r.etag);
    assert_int_equal(same.status, 200);
    perfopt_asset_response_finish(&same);
    same = GET(s, "a.css", .if_none_match = "*");
    assert_int_equal(same.status, 304);
    same = GET(s, "a.css", .if_modified_since = r.last_modified);
    assert_int_equal(same.status, 304);
    same = GET(s, "a.css", .if_modified_since = "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_int_equal(same.status, 200);
    perfopt_asset_response_finish(&same);
    /* If-None-Match goes before If-Modified-Since. */
    same = GET(s, "a.css", .if_modified_since = r.last_modified, .if_none_match = "\"x\"");
    assert_int_equal(same.status, 200);
    perfopt_asset_response_finish(&same);
    same = GET(s, "a.css", .if_modified_since = "nonsense");
    assert_int_equal(same.status, 200);
    perfopt_asset_response_finish(&same);
    perfopt_asset_response_finish(&r);
    free(css);
}

static void ranges(void **state)
{
    site *s = *state;
    site_write(s, "a.txt", "0123456789");
    site_write(s, "empty.txt", "");
    site_open(s, NULL);
    for (int built = 0; built < 2; built++) {
        perfopt_asset_response r = GET(s, "a.txt", .range = "bytes=0-0");
        assert_int_equal(r.status, 206);
        assert_int_equal(r.body_length, 1);
        assert_memory_equal(r.body, "0", 1);
        assert_string_equal(r.content_range, "bytes 0-0/10");
        char etag[48];
        memcpy(etag, r.etag, sizeof(etag));
        perfopt_asset_response_finish(&r);
        r = GET(s, "a.txt", .range = "bytes=-3");
        assert_memory_equal(r.body, "789", 3);
        assert_string_equal(r.content_range, "bytes 7-9/10");
        perfopt_asset_response_finish(&r);
        r = GET(s, "a.txt", .range = "bytes=10-");
        assert_int_equal(r.status, 416);
        assert_string_equal(r.content_range, "bytes */10");
        assert_null(r.body);
        r = GET(s, "a.txt", .range = "bytes=0-1,3-4");
        assert_int_equal(r.status, 200);
        assert_int_equal(r.body_length, 10);
        perfopt_asset_response_finish(&r);
        r = GET(s, "a.txt", .range = "bytes=1-2", .if_range = etag);
        assert_int_equal(r.status, 206);
        perfopt_asset_response_finish(&r);
        r = GET(s, "a.txt", .range = "bytes=1-2", .if_range = "\"wrong\"");
        assert_int_equal(r.status, 200);
        perfopt_asset_response_finish(&r);
        r = GET(s, "a.txt", .range = "bytes=1-2", .if_none_match = etag);
        assert_int_equal(r.status, 304);
        r = GET(s, "empty.txt", .range = "bytes=0-");
        assert_int_equal(r.status, 416);
        assert_string_equal(r.content_range, "bytes */0");
        r = GET(s, "empty.txt", .range = NULL);
        assert_int_equal(r.status, 200);
        assert_int_equal(r.body_length, 0);
        assert_non_null(r.body);
        perfopt_asset_response_finish(&r);
        site_precompile(s);
    }
}

// clang-format off
static const char *const missing[] = {
    "", "/", ".", "..", "a.css/", "/a.css", "//a.css", "sub", "sub/", "sub//b.css", "./a.css",
    "sub/./b.css", "sub/../a.css", "../a.css", "..\\a.css", "sub\\b.css",
    "../../../../etc/passwd", "/etc/passwd", ".hidden", ".git/config", "sub/.htaccess",
    ".perfopt/manifest.json", "manifest.json", "built/manifest.json", "out/passwd", "out.css",
    "secret/config", "none.css", "a.css.gz", "%2e%2e/a.css", "a.css\n",
};
// clang-format on

static void paths_that_are_not_there(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a{}");
    site_write(s, "sub/b.css", "b{}");
    site_write(s, ".hidden", "x");
    site_write(s, ".git/config", "x");
    site_write(s, "sub/.htaccess", "x");
    char path[256];
    snprintf(path, sizeof(path), "%s/out", s->root);
    assert_int_equal(symlink("/etc", path), 0);
    snprintf(path, sizeof(path), "%s/out.css", s->root);
    assert_int_equal(symlink("../../../../../../etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/secret", s->root);
    assert_int_equal(symlink(".git", path), 0);
    snprintf(path, sizeof(path), "%s/built", s->root);
    assert_int_equal(symlink(".perfopt", path), 0);
    snprintf(path, sizeof(path), "%s/in.css", s->root);
    assert_int_equal(symlink("sub/b.css", path), 0);
    site_open(s, NULL);
    site_precompile(s);
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        assert_status(s, missing[i], 404);
    perfopt_asset_response r;
    perfopt_asset_request request = {.path = "a.css\0.png", .path_length = 10};
    assert_int_equal(perfopt_assets_serve(s->assets, &request, &r), PERFOPT_OK);
    assert_int_equal(r.status, 404);
    request = (perfopt_asset_request){0};
    assert_int_equal(perfopt_assets_serve(s->assets, &request, &r), PERFOPT_OK);
    assert_int_equal(r.status, 404);
    char *longest = malloc(100001);
    memset(longest, 'a', 100000);
    longest[100000] = '\0';
    assert_status(s, longest, 404);
    free(longest);
    assert_status(s, "a.css", 200);
    assert_status(s, "sub/b.css", 200);
    assert_status(s, "in.css", 200);
    char *url = site_url(s, "a.css");
    assert_status(s, url + 8, 200);
    snprintf(path, sizeof(path), ".perfopt/%s", url + 8);
    assert_status(s, path, 404);
    free(url);
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.not_found, sizeof(missing) / sizeof(missing[0]) + 4);
    assert_int_equal(stats.requests, stats.not_found + 4);
}

static void sources_are_compared_once_a_second(void **state)
{
    site *s = *state;
    site_write(s, "a.txt", "one");
    site_open(s, NULL);
    perfopt_asset_response r = GET(s, "a.txt", .range = NULL);
    assert_memory_equal(r.body, "one", 3);
    assert_string_equal(r.cache_control, "public, max-age=60");
    perfopt_asset_response_finish(&r);
    site_write(s, "a.txt", "changed");
    r = GET(s, "a.txt", .range = NULL);
    assert_int_equal(r.body_length, 3);
    perfopt_asset_response_finish(&r);
    test_clock_advance_ms(1001);
    r = GET(s, "a.txt", .range = NULL);
    assert_int_equal(r.body_length, 7);
    perfopt_asset_response_finish(&r);
    char path[128];
    snprintf(path, sizeof(path), "%s/a.txt", s->root);
    unlink(path);
    test_clock_advance_ms(1001);
    assert_status(s, "a.txt", 404);
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.memory_hits, 1);
    assert_int_equal(stats.memory_misses, 2);
    assert_int_equal(stats.bytes_identity, 3 + 3 + 7);
}

static void development_compares_every_time(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a { }");
    site_open(s, NULL);
    site_precompile(s);
    site_close(s);
    site_open(s, PERFOPT_ASSETS_OPTIONS(.watch = PERFOPT_ON));
    perfopt_asset_response r = GET(s, "a.css", .range = NULL);
    assert_memory_equal(r.body, "a { }", 5);
    assert_string_equal(r.cache_control, "no-cache");
    perfopt_asset_response_finish(&r);
    site_write(s, "a.css", "a { b }");
    r = GET(s, "a.css", .range = NULL);
    assert_memory_equal(r.body, "a { b }", 7);
    perfopt_asset_response_finish(&r);
}

static void unbuilt_sources_are_compressed_in_memory(void **state)
{
    site *s = *state;
    char *css = numbers(100);
    site_write(s, "a.css", css);
    site_write(s, "a.png", css);
    site_open(s, NULL);
    perfopt_asset_response r = GET(s, "a.css", .accept_encoding = "gzip, br");
    assert_string_equal(r.content_encoding, "gzip");
    perfopt_asset_response_finish(&r);
    r = GET(s, "a.png", .accept_encoding = "gzip, br");
    assert_null(r.content_encoding);
    assert_false(r.vary_accept_encoding);
    perfopt_asset_response_finish(&r);
    free(css);
}

static void large_files_are_read_in_parts(void **state)
{
    site *s = *state;
    enum { SIZE = 100000 };
    char *large = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        large[i] = (char)(i * 7 + i / 256);
    site_write_bytes(s, "video.mp4", large, SIZE);
    site_open(s, PERFOPT_ASSETS_OPTIONS(.memory_bytes = 40000, .max_file_bytes = 50000));
    site_precompile(s);
    perfopt_asset_response r = GET(s, "video.mp4", .range = "bytes=5000-5099");
    assert_int_equal(r.status, 206);
    assert_int_equal(r.body_length, 100);
    assert_memory_equal(r.body, large + 5000, 100);
    assert_string_equal(r.content_range, "bytes 5000-5099/100000");
    perfopt_asset_response same = GET(s, "video.mp4", .if_none_match = r.etag);
    assert_int_equal(same.status, 304);
    perfopt_asset_response_finish(&r);
    r = GET(s, "video.mp4", .range = NULL);
    assert_int_equal(r.body_length, SIZE);
    assert_memory_equal(r.body, large, SIZE);
    perfopt_asset_response_finish(&r);
    assert_int_equal(s->assets->store.used_bytes, 0);
    free(large);
}

static void memory_is_bounded(void **state)
{
    site *s = *state;
    char text[2000];
    memset(text, 'x', sizeof(text));
    char name[32];
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "f%d.png", i);
        site_write_bytes(s, name, text, sizeof(text));
    }
    site_open(s, PERFOPT_ASSETS_OPTIONS(.memory_bytes = 30000));
    for (int built = 0; built < 2; built++) {
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 60; i++) {
                snprintf(name, sizeof(name), "f%d.png", i);
                assert_status(s, name, 200);
                assert_status(s, "f0.png", 200);
                assert_true(s->assets->store.used_bytes <= 30000);
            }
        }
        site_precompile(s);
    }
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    /* f0 is asked for every second time and stays. */
    assert_true(stats.memory_hits >= 2 * 3 * 60 - 4);
    assert_true(stats.memory_misses >= 2 * 3 * 40);
    perfopt_assets_clear_cache(s->assets, NULL, NULL);
    assert_int_equal(s->assets->store.used_bytes, 0);
}

static void old_names_stay_until_they_are_cleared(void **state)
{
    site *s = *state;
    char *urls[5];
    for (int i = 0; i < 5; i++) {
        char text[32];
        snprintf(text, sizeof(text), "a{b:%d}", i);
        site_write(s, "a.css", text);
        if (i == 0)
            site_open(s, NULL);
        site_precompile(s);
        urls[i] = site_url(s, "a.css");
    }
    assert_status(s, urls[4] + 8, 200);
    assert_status(s, urls[3] + 8, 200);
    assert_status(s, urls[2] + 8, 200);
    assert_status(s, urls[1] + 8, 404);
    perfopt_asset_response r = GET(s, urls[3] + 8, .range = NULL);
    assert_memory_equal(r.body, "a{b:3}", 6);
    assert_string_equal(r.cache_control, "public, max-age=31536000, immutable");
    /* A response outlives the file it was read from. */
    perfopt_assets_clear_cache(s->assets, NULL, NULL);
    assert_memory_equal(r.body, "a{b:3}", 6);
    perfopt_asset_response_finish(&r);
    assert_status(s, urls[3] + 8, 404);
    assert_status(s, urls[4] + 8, 200);
    /* Back to an earlier text: the name comes back. */
    site_write(s, "a.css", "a{b:0}");
    site_precompile(s);
    assert_status(s, urls[0] + 8, 200);
    for (int i = 0; i < 5; i++)
        free(urls[i]);
}

static void a_missing_built_file_falls_back(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a { }");
    site_open(s, NULL);
    site_precompile(s);
    char *url = site_url(s, "a.css");
    char path[256];
    snprintf(path, sizeof(path), "%s/.perfopt/%s", s->root, url + 8);
    assert_int_equal(unlink(path), 0);
    assert_status(s, url + 8, 404);
    perfopt_asset_response r = GET(s, "a.css", .range = NULL);
    assert_int_equal(r.status, 200);
    assert_memory_equal(r.body, "a { }", 5);
    perfopt_asset_response_finish(&r);
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.missing, 1);
    /* The next build repairs it. */
    assert_int_equal(site_precompile(s).built, 1);
    assert_status(s, url + 8, 200);
    free(url);
}

static void a_build_of_another_process_is_noticed(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a{}");
    site_open(s, NULL);
    site other = *s;
    site_open(&other, NULL);
    site_precompile(&other);
    char *url = site_url(&other, "a.css");
    site_close(&other);
    assert_status(s, "a.css", 200);
    test_clock_advance_ms(1001);
    assert_status(s, url + 8, 200);
    char *own = site_url(s, "a.css");
    assert_string_equal(own, url);
    /* A damaged manifest leaves the old build in use. */
    site_write(s, ".perfopt/manifest.json", "{");
    site_watch_log("damaged manifest");
    test_clock_advance_ms(1001);
    assert_status(s, url + 8, 200);
    test_clock_advance_ms(1001);
    assert_status(s, url + 8, 200);
    assert_int_equal(site_logged(), 1);
    free(own), free(url);
}

static bool collect(const perfopt_asset_info *info, void *user)
{
    char *text = user;
    size_t n = strlen(text);
    snprintf(text + n, 256 - n, "%s:%s:%llu:%llu ", info->name, info->state,
             (unsigned long long)info->requests, (unsigned long long)info->not_modified);
    assert_non_null(info->built_name);
    assert_non_null(info->type);
    return strcmp(info->name, "d.css") != 0;
}

static void every_asset_tells_its_state(void **state)
{
    site *s = *state;
    site_write(s, "b.css", "b{}");
    site_write(s, "a.css", "a{}");
    site_write(s, "c.css", "c{");
    site_write(s, "d.css", "d{}");
    site_write(s, "e.css", "e{}");
    site_open(s, NULL);
    site_precompile(s);
    assert_status(s, "a.css", 200);
    perfopt_asset_response r = GET(s, "a.css", .if_none_match = "*");
    assert_int_equal(r.status, 304);
    site_write(s, "b.css", "b{c:d}");
    /* Counters go on over a new build. */
    const char *patterns[] = {"a.css", NULL};
    perfopt_assets_precompile(s->assets, patterns, NULL, NULL, NULL, NULL);
    char *url = site_url(s, "d.css");
    char path[256];
    snprintf(path, sizeof(path), "%s/.perfopt/%s", s->root, url + 8);
    unlink(path);
    char text[256] = "";
    perfopt_assets_each(s->assets, collect, text);
    assert_string_equal(text,
                        "a.css:ok:2:1 b.css:stale:0:0 c.css:unminified:0:0 d.css:missing:0:0 ");
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.assets, 5);
    assert_int_equal(stats.stale, 1);
    assert_int_equal(stats.missing, 1);
    assert_int_equal(stats.requests, 2);
    assert_int_equal(stats.not_modified, 1);
    assert_true(stats.last_precompile_s > 0);
    assert_true(stats.last_took_ms > 0);
    assert_int_equal(strlen(stats.version), 12);
    free(url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        cmocka_unit_test(accept_encoding),
        cmocka_unit_test(if_none_match),
        cmocka_unit_test(range_header),
        cmocka_unit_test(if_range),
        TEST(hashed_names_last_for_ever),
        TEST(validators),
        TEST(ranges),
        TEST(paths_that_are_not_there),
        TEST(sources_are_compared_once_a_second),
        TEST(development_compares_every_time),
        TEST(unbuilt_sources_are_compressed_in_memory),
        TEST(large_files_are_read_in_parts),
        TEST(memory_is_bounded),
        TEST(old_names_stay_until_they_are_cleared),
        TEST(a_missing_built_file_falls_back),
        TEST(a_build_of_another_process_is_noticed),
        TEST(every_asset_tells_its_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
