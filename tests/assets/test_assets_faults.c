/*
 * test_assets_faults.c - memory that runs out at every single allocation, and many threads that
 * read while others build.
 */
#include "assets/site.h"
#include "support/failing_alloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void minifying_runs_out_of_memory(void **state)
{
    (void)state;
    static const struct {
        perfopt_asset_type type;
        const char *text;
    } documents[] = {
        {PERFOPT_ASSET_CSS, "/*! x */ @media ( a : b ) { c > d { e : f( g ) ; --h : { i } } }"},
        {PERFOPT_ASSET_JS, "a = { b ( ) { return ` ${ [ c ] } ` } } ; // x\n"},
        {PERFOPT_ASSET_HTML, "<p> a <script> b ( ) </script> <style> c { d : e } </style> </p>"},
        {PERFOPT_ASSET_SVG, "<svg> <g> <path d='x' /> </g> </svg>"},
        {PERFOPT_ASSET_JSON, "{ \"a\" : [ [ 1 ] , { } ] }"},
    };
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        size_t live = test_alloc_live();
        for (unsigned n = 1;; n++) {
            perfopt_bytes *out = NULL;
            test_alloc_fail(n);
            perfopt_status status = perfopt_minify(documents[i].type, documents[i].text,
                                                   strlen(documents[i].text), &out, NULL);
            bool failed = test_alloc_stop();
            assert_int_equal(status, failed ? PERFOPT_ENOMEM : PERFOPT_OK);
            perfopt_bytes_release(out);
            assert_int_equal(test_alloc_live(), live);
            if (!failed)
                break;
        }
    }
}

static void write_site(const site *s, int version)
{
    char text[600];
    size_t n =
        (size_t)snprintf(text, sizeof(text), "@import 'b.css';a{b:url(c.png);d:%d}", version);
    while (n + 20 < sizeof(text))
        n += (size_t)snprintf(text + n, sizeof(text) - n, ".x { color : red }");
    site_write(s, "a.css", text);
    site_write(s, "b.css", "b { c : url(c.png) }");
    snprintf(text, sizeof(text), "png %d", version);
    site_write(s, "c.png", text);
    site_write(s, "sub/d.js", "d ( )");
}

/* Everything that a page and an administrator do; each step may fail, none may crash or leak. */
static void use_everything(site *s, const char *const *patterns)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_assets *assets = NULL;
    perfopt_status status = perfopt_assets_create(
        PERFOPT_ASSETS_OPTIONS(.root = s->root, .compress_min_bytes = 100), &assets, &err);
    if (status != PERFOPT_OK) {
        assert_int_equal(status, PERFOPT_ENOMEM);
        assert_null(assets);
        return;
    }
    perfopt_precompile_result r;
    perfopt_assets_precompile(assets, patterns, NULL, NULL, &r, &err);
    perfopt_assets_compress(assets, NULL, &err);
    perfopt_assets_regenerate_hashes(assets, true, NULL, &err);
    perfopt_arena *arena = NULL;
    if (perfopt_arena_create(0, &arena) == PERFOPT_OK)
        perfopt_asset_url(assets, "a.css", arena);
    perfopt_arena_destroy(arena);
    const char *paths[] = {"a.css", "sub/d.js", "none"};
    for (size_t i = 0; i < 3; i++) {
        perfopt_asset_request request = {
            .path = paths[i], .path_length = strlen(paths[i]), .accept_encoding = "gzip"};
        perfopt_asset_response response;
        perfopt_assets_serve(assets, &request, &response);
        perfopt_asset_response_finish(&response);
    }
    perfopt_assets_clear_cache(assets, NULL, &err);
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(assets, &stats);
    perfopt_assets_destroy(assets);
}

static void using_everything_runs_out_of_memory(void **state)
{
    (void)state;
    site s;
    site_make(&s);
    site_watch_log("");
    const char *const patterns[] = {"*.css", "*.png", NULL};
    size_t live = test_alloc_live();
    unsigned n = 1;
    for (bool failed = true; failed; n++) {
        write_site(&s, (int)n);
        test_alloc_fail(n);
        use_everything(&s, n % 2 ? NULL : patterns);
        failed = test_alloc_stop();
        assert_int_equal(test_alloc_live(), live);
    }
    assert_true(n > 100);
    /* Whatever failed before, the next build is whole. */
    site_open(&s, NULL);
    site_precompile(&s);
    uint32_t wrong = 1;
    assert_int_equal(perfopt_assets_regenerate_hashes(s.assets, false, &wrong, NULL), PERFOPT_OK);
    assert_int_equal(wrong, 0);
    site_remove(&s);
}

/* ---- threads ------------------------------------------------------------------------------ */

typedef struct crowd {
    site s;
    _Atomic bool stop;
} crowd;

/* A URL that was given out must be served, whatever is built meanwhile. */
static void *read_on(void *user)
{
    crowd *c = user;
    while (!atomic_load(&c->stop)) {
        perfopt_arena *arena;
        perfopt_arena_create(0, &arena);
        const char *url = perfopt_asset_url(c->s.assets, "a.css", arena);
        perfopt_asset_request request = {.path = url + 8,
                                         .path_length = strlen(url + 8),
                                         .accept_encoding = "gzip;q=0.5, br;q=0.4"};
        perfopt_asset_response r;
        if (perfopt_assets_serve(c->s.assets, &request, &r) != PERFOPT_OK || r.status != 200 ||
            r.body_length == 0)
            abort();
        perfopt_asset_response_finish(&r);
        request = (perfopt_asset_request){.path = "plain.txt", .path_length = 9};
        perfopt_assets_serve(c->s.assets, &request, &r);
        perfopt_asset_response_finish(&r);
        char version[13];
        perfopt_asset_version(c->s.assets, NULL, version);
        perfopt_arena_destroy(arena);
    }
    return NULL;
}

static void readers_go_on_while_others_build(void **state)
{
    (void)state;
    crowd c = {.stop = false};
    site_make(&c.s);
    site_watch_log("");
    write_site(&c.s, 0);
    site_open(&c.s, PERFOPT_ASSETS_OPTIONS(.memory_bytes = 4096, .compress_min_bytes = 100));
    site_precompile(&c.s);
    site_write(&c.s, "plain.txt", "plain");
    enum { READERS = 6 };
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &c), 0);
    for (int i = 1; i <= 15; i++) {
        write_site(&c.s, i);
        const char *const patterns[] = {"*.css", "*.png", "*.js", NULL};
        assert_int_equal(perfopt_assets_precompile(c.s.assets, patterns, NULL, NULL, NULL, NULL),
                         PERFOPT_OK);
        perfopt_assets_stats stats;
        perfopt_assets_get_optimization_stats(c.s.assets, &stats);
        assert_int_equal(stats.assets, 4);
    }
    atomic_store(&c.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    site_remove(&c.s);
}

int main(void)
{
    test_alloc_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minifying_runs_out_of_memory),
        cmocka_unit_test(using_everything_runs_out_of_memory),
        cmocka_unit_test(readers_go_on_while_others_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
