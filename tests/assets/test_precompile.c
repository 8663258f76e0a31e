/*
 * test_precompile.c - building: names, hashes, references, the manifest, and building again.
 */
#include "assets/site.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    site *s = malloc(sizeof(*s));
    site_make(s);
    site_watch_log("");
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    site_remove(*state);
    free(*state);
    return 0;
}

static void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text ? text : "(nothing)");
}

/* Rules that compress well. */
static char *many_rules(size_t count)
{
    char *text = malloc(count * 40 + 1);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += (size_t)sprintf(text + n, ".c%zu { color : red ; }\n", i);
    return text;
}

static void it_builds_minified_hashed_compressed(void **state)
{
    site *s = *state;
    char *css = many_rules(100);
    site_write(s, "css/site.css", css);
    site_write(s, "js/app.js", "var  a  =  1 ;");
    site_write_bytes(s, "img/a.png", "\x89PNG\0\r\n", 7);
    site_open(s, NULL);
    perfopt_precompile_result r = site_precompile(s);
    assert_int_equal(r.files, 3);
    assert_int_equal(r.built, 3);
    assert_int_equal(r.failed, 0);
    assert_int_equal(r.compressed, 1);
    assert_int_equal(r.raw_bytes, strlen(css) + 14 + 7);
    assert_true(r.minified_bytes < r.raw_bytes);
    char *url = site_url(s, "css/site.css");
    assert_int_equal(strlen(url), strlen("/static/css/site-123456789abc.css"));
    assert_int_equal(strncmp(url, "/static/css/site-", 17), 0);
    size_t n;
    char *built = site_read_built(s, "css/site.css", &n);
    assert_contains(built, ".c0{color:red}.c1{color:red}");
    char gz[256];
    snprintf(gz, sizeof(gz), ".perfopt/%s.gz", url + 8);
    assert_true(site_has(s, gz));
    char *png = site_read_built(s, "img/a.png", &n);
    assert_memory_equal(png, "\x89PNG\0\r\n", 7);
    char *source = site_read(s, "css/site.css", NULL);
    assert_string_equal(source, css);
    free(source);
    free(png);
    free(built);
    free(url);
    free(css);
}

static void references_become_built_names(void **state)
{
    site *s = *state;
    site_write(s, "css/a.css",
               "@import \"b.css\";@import url( 'sub/c.css' ) screen;\n"
               "a{b:url(../img/x.png?v=1#f);c:url(\"../img/x y.png\");d:url(../img/x%20y.png)}"
               "e{f:url(data:image/png;base64,AA);g:url(/img/x.png);h:url(//h/x.png);"
               "i:url(https://h/x.png);j:url(#k);l:url(../img/none.png);m:url(../../x.png);"
               "n:url(../img/f.eot?#iefix);o:\"../img/x.png\"}");
    site_write(s, "css/b.css", "a{b:url( ../img/x.png )}");
    site_write(s, "css/sub/c.css", "a{b:url('../../img/x.png')}");
    site_write(s, "img/x.png", "x");
    site_write(s, "img/x y.png", "xy");
    site_write(s, "img/f.eot", "f");
    site_open(s, NULL);
    site_watch_log("which does not exist");
    perfopt_precompile_result r = site_precompile(s);
    assert_int_equal(r.built, 6);
    assert_int_equal(site_logged(), 1);
    char *a = site_read_built(s, "css/a.css", NULL);
    const char *names[] = {"css/b.css", "css/sub/c.css", "img/x.png", "img/x y.png", "img/f.eot"};
    char *urls[5];
    for (int i = 0; i < 5; i++)
        urls[i] = site_url(s, names[i]);
    char expected[1024];
    snprintf(expected, sizeof(expected), "@import \"%s\"", urls[0] + strlen("/static/css/"));
    assert_contains(a, expected);
    snprintf(expected, sizeof(expected), "url('%s')", urls[1] + strlen("/static/css/"));
    assert_contains(a, expected);
    snprintf(expected, sizeof(expected), "b:url(../%s?v=1#f)", urls[2] + strlen("/static/"));
    assert_contains(a, expected);
    snprintf(expected, sizeof(expected), "c:url(\"../%s\");d:url(../%s)",
             urls[3] + strlen("/static/"), urls[3] + strlen("/static/"));
    assert_contains(a, expected);
    assert_contains(urls[3], "img/x%20y-");
    snprintf(expected, sizeof(expected), "n:url(../%s?#iefix)", urls[4] + strlen("/static/"));
    assert_contains(a, expected);
    assert_contains(a, "f:url(data:image/png;base64,AA);g:url(/img/x.png);h:url(//h/x.png);"
                       "i:url(https://h/x.png);j:url(#k);l:url(../img/none.png);"
                       "m:url(../../x.png)");
    assert_contains(a, "o:\"../img/x.png\"");
    for (int i = 0; i < 5; i++)
        free(urls[i]);
    free(a);
}

static void a_change_moves_up_the_references(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "@import url(b.css);");
    site_write(s, "b.css", "x{y:url(c.png)}");
    site_write(s, "c.png", "1");
    site_write(s, "d.css", "z{}");
    site_open(s, NULL);
    site_precompile(s);
    char *before = site_url(s, "a.css");
    char *other = site_url(s, "d.css");
    assert_int_equal(site_precompile(s).built, 0);
    site_write(s, "c.png", "22");
    perfopt_precompile_result r = site_precompile(s);
    assert_int_equal(r.files, 4);
    assert_int_equal(r.built, 3);
    char *after = site_url(s, "a.css");
    assert_string_not_equal(before, after);
    char *other_after = site_url(s, "d.css");
    assert_string_equal(other, other_after);
    char *a = site_read_built(s, "a.css", NULL);
    char *b = site_url(s, "b.css");
    assert_contains(a, b + 8);
    free(a);
    free(b);
    free(other);
    free(other_after);
    free(before);
    free(after);
}

static void a_missing_target_that_appears_is_used(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "x{y:url(c.png)}");
    site_open(s, NULL);
    site_precompile(s);
    site_write(s, "c.png", "1");
    assert_int_equal(site_precompile(s).built, 2);
    char *a = site_read_built(s, "a.css", NULL);
    assert_contains(a, "url(c-");
    free(a);
    char path[128];
    snprintf(path, sizeof(path), "%s/c.png", s->root);
    unlink(path);
    assert_int_equal(site_precompile(s).built, 1);
    a = site_read_built(s, "a.css", NULL);
    assert_string_equal(a, "x{y:url(c.png)}");
    free(a);
}

static void circles_keep_plain_names(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "@import \"b.css\";");
    site_write(s, "b.css", "@import \"c.css\";x{y:url(d.png)}");
    site_write(s, "c.css", "@import \"a.css\";");
    site_write(s, "self.css", "@import \"self.css\";");
    site_write(s, "d.png", "d");
    site_write(s, "top.css", "@import \"a.css\";");
    site_open(s, NULL);
    site_watch_log("in a circle");
    site_precompile(s);
    assert_int_equal(site_logged(), 4);
    char *a = site_read_built(s, "a.css", NULL);
    char *b = site_read_built(s, "b.css", NULL);
    char *c = site_read_built(s, "c.css", NULL);
    char *self = site_read_built(s, "self.css", NULL);
    char *top = site_read_built(s, "top.css", NULL);
    assert_string_equal(a, "@import \"b.css\";");
    assert_contains(b, "@import \"c.css\";x{y:url(d-");
    assert_string_equal(c, "@import \"a.css\";");
    assert_string_equal(self, "@import \"self.css\";");
    assert_contains(top, "@import \"a-");
    free(a), free(b), free(c), free(self), free(top);
    assert_int_equal(site_precompile(s).built, 0);
}

static void a_long_chain_is_no_recursion(void **state)
{
    site *s = *state;
    enum { LINKS = 300 };
    for (int i = 0; i < LINKS; i++) {
        char name[32];
        char text[64];
        snprintf(name, sizeof(name), "c%d.css", i);
        snprintf(text, sizeof(text), "@import \"c%d.css\";", (i + 1));
        site_write(s, name, i == LINKS - 1 ? "a{}" : text);
    }
    site_open(s, PERFOPT_ASSETS_OPTIONS(.compress = PERFOPT_OFF));
    assert_int_equal(site_precompile(s).built, LINKS);
    char *first = site_read_built(s, "c0.css", NULL);
    assert_contains(first, "@import \"c1-");
    free(first);
}

static void source_map_comments(void **state)
{
    site *s = *state;
    site_write(s, "lib.min.js", "var  a;\n//# sourceMappingURL=lib.min.js.map\n");
    site_write(s, "lib.min.js.map", "{ \"version\" : 3 }");
    site_write(s, "lib.min.css", "a{}\n/*# sourceMappingURL=none.map */");
    site_write(s, "own.js", "var  a;\n//# sourceMappingURL=own.js.map\n");
    site_write(s, "own.js.map", "{}");
    site_open(s, NULL);
    site_watch_log("which does not exist");
    site_precompile(s);
    assert_int_equal(site_logged(), 1);
    char *js = site_read_built(s, "lib.min.js", NULL);
    char *map = site_url(s, "lib.min.js.map");
    char expected[256];
    snprintf(expected, sizeof(expected), "var  a;\n//# sourceMappingURL=%s\n", map + 8);
    assert_string_equal(js, expected);
    char *css = site_read_built(s, "lib.min.css", NULL);
    assert_string_equal(css, "a{}\n/*# sourceMappingURL=none.map */");
    /* The map of a script that was changed describes another text. */
    char *own = site_read_built(s, "own.js", NULL);
    assert_string_equal(own, "var a;");
    free(js), free(map), free(css), free(own);
}

static void the_same_sources_give_the_same_build(void **state)
{
    site *s = *state;
    char *css = many_rules(200);
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d%d/a%d.css", i % 3, i);
        site_write(s, name, css);
        snprintf(name, sizeof(name), "d%d/b%d.css", i % 3, i);
        char text[64];
        snprintf(text, sizeof(text), "@import \"a%d.css\";", i);
        site_write(s, name, text);
    }
    site_open(s, NULL);
    site_precompile(s);
    char *first = site_read(s, ".perfopt/manifest.json", NULL);
    char version[13];
    perfopt_asset_version(s->assets, NULL, version);
    site_close(s);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s/.perfopt", s->root);
    assert_int_equal(system(command), 0);
    site_open(s, NULL);
    site_precompile(s);
    char *second = site_read(s, ".perfopt/manifest.json", NULL);
    char version_again[13];
    perfopt_asset_version(s->assets, NULL, version_again);
    assert_string_equal(first, second);
    assert_string_equal(version, version_again);
    assert_int_equal(strlen(version), 12);
    free(first), free(second), free(css);
}

static void patterns_choose(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a{}");
    site_write(s, "x/b.css", "b{}");
    site_write(s, "x/y/c.css", "c{}");
    site_write(s, "x/d.js", "d");
    site_open(s, NULL);
    perfopt_precompile_result r;
    const char *css[] = {"*.css", NULL};
    assert_int_equal(perfopt_assets_precompile(s->assets, css, NULL, NULL, &r, NULL), PERFOPT_OK);
    assert_int_equal(r.files, 3);
    const char *folder[] = {"x/*", NULL};
    perfopt_assets_precompile(s->assets, folder, NULL, NULL, &r, NULL);
    assert_int_equal(r.files, 2);
    assert_int_equal(r.built, 1);
    const char *deep[] = {"x/**", NULL};
    perfopt_assets_precompile(s->assets, deep, NULL, NULL, &r, NULL);
    assert_int_equal(r.files, 3);
    const char *none[] = {NULL};
    perfopt_assets_precompile(s->assets, none, NULL, NULL, &r, NULL);
    assert_int_equal(r.files, 0);
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.assets, 4);
}

static void broken_and_odd_sources(void **state)
{
    site *s = *state;
    site_write(s, "broken.css", "a{b:'c\n'}");
    site_write(s, "good.css", "a { }");
    site_write(s, "empty.js", "");
    site_write(s, ".hidden.css", "a{}");
    site_write(s, ".git/config", "x");
    site_write(s, "noext", "x");
    char path[128];
    snprintf(path, sizeof(path), "%s/fifo", s->root);
    mkfifo(path, 0600);
    snprintf(path, sizeof(path), "%s/out.css", s->root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/in.css", s->root);
    assert_int_equal(symlink("good.css", path), 0);
    snprintf(path, sizeof(path), "%s/loop", s->root);
    assert_int_equal(symlink(".", path), 0);
    snprintf(path, sizeof(path), "%s/bad\xFFname.css", s->root);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    site_write(s, "back\\slash.css", "a{}");
    site_open(s, PERFOPT_ASSETS_OPTIONS(.max_file_bytes = 1000));
    char *large = many_rules(100);
    site_write(s, "large.css", large);
    free(large);
    site_watch_log("1:5");
    perfopt_precompile_result r = site_precompile(s);
    assert_int_equal(site_logged(), 1);
    assert_int_equal(r.files, 6); /* broken good empty noext in large */
    assert_int_equal(r.built, 5);
    assert_int_equal(r.failed, 1);
    char *broken = site_read_built(s, "broken.css", NULL);
    assert_string_equal(broken, "a{b:'c\n'}");
    char *in = site_read_built(s, "in.css", NULL);
    assert_string_equal(in, "a{}");
    char *out = site_url(s, "out.css");
    assert_string_equal(out, "/static/out.css");
    char *noext = site_url(s, "noext");
    assert_int_equal(strlen(noext), strlen("/static/noext-123456789abc"));
    /* It still fails when it is not built again. */
    r = site_precompile(s);
    assert_int_equal(r.built, 0);
    assert_int_equal(r.failed, 1);
    free(broken), free(in), free(out), free(noext);
}

static void unreadable_sources_keep_their_last_build(void **state)
{
    site *s = *state;
    /* Root may read everything, so be nobody for a while. */
    bool root = geteuid() == 0;
    if (root) {
        assert_int_equal(chown(s->root, 65534, 65534), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    site_write(s, "a.css", "a { }");
    site_open(s, NULL);
    site_precompile(s);
    char *before = site_url(s, "a.css");
    site_write(s, "a.css", "b { }");
    char path[128];
    snprintf(path, sizeof(path), "%s/a.css", s->root);
    chmod(path, 0);
    perfopt_precompile_result r = site_precompile(s);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(r.failed, 1);
    assert_int_equal(r.built, 0);
    char *after = site_url(s, "a.css");
    assert_string_equal(before, after);
    free(before), free(after);
}

static void removed_sources_leave_the_manifest(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a{}");
    site_write(s, "b.js", "b");
    site_open(s, NULL);
    site_precompile(s);
    char path[128];
    snprintf(path, sizeof(path), "%s/a.css", s->root);
    unlink(path);
    const char *js[] = {"*.js", NULL};
    perfopt_assets_precompile(s->assets, js, NULL, NULL, NULL, NULL);
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.assets, 2);
    assert_int_equal(stats.stale, 1);
    site_precompile(s);
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.assets, 1);
    assert_int_equal(stats.stale, 0);
}

static void settings_and_damage_mean_building_again(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a { }");
    site_open(s, PERFOPT_ASSETS_OPTIONS(.minify = PERFOPT_OFF));
    site_precompile(s);
    char *a = site_read_built(s, "a.css", NULL);
    assert_string_equal(a, "a { }");
    free(a);
    site_close(s);
    site_open(s, NULL);
    assert_int_equal(site_precompile(s).built, 1);
    a = site_read_built(s, "a.css", NULL);
    assert_string_equal(a, "a{}");
    free(a);
    char *url = site_url(s, "a.css");
    char name[128];
    snprintf(name, sizeof(name), ".perfopt/%s", url + 8);
    site_write(s, name, "cut");
    site_write(s, name, "a{");
    assert_int_equal(site_precompile(s).built, 1);
    a = site_read_built(s, "a.css", NULL);
    assert_string_equal(a, "a{}");
    /* The same content with another time is no reason. */
    site_write(s, "a.css", "a { }");
    assert_int_equal(site_precompile(s).built, 0);
    free(a), free(url);
}

static void variants_must_be_worth_it(void **state)
{
    site *s = *state;
    unsigned char noise[2000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof(noise); i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (unsigned char)(x >> 24);
    }
    memset(noise, 0, 80);
    char text[300];
    memset(text, 'a', sizeof(text));
    site_write_bytes(s, "noise.bin", noise, sizeof(noise)); /* gzip saves 3 % */
    site_write_bytes(s, "small.txt", text, 255);
    site_write_bytes(s, "enough.txt", text, 256);
    site_write_bytes(s, "packed.png", text, sizeof(text));
    site_open(s, NULL);
    assert_int_equal(site_precompile(s).compressed, 1);
    char *url = site_url(s, "enough.txt");
    char name[128];
    snprintf(name, sizeof(name), ".perfopt/%s.gz", url + 8);
    assert_true(site_has(s, name));
    free(url);
}

static void the_output_may_be_visible(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a { }");
    char output[96];
    snprintf(output, sizeof(output), "%s/build", s->root);
    site_open(s, PERFOPT_ASSETS_OPTIONS(.output = output));
    assert_int_equal(site_precompile(s).files, 1);
    assert_int_equal(site_precompile(s).files, 1);
    char *url = site_url(s, "a.css");
    char path[128];
    snprintf(path, sizeof(path), "build/%s", url + 8);
    assert_true(site_has(s, path));
    const char *const paths[] = {path, "build/manifest.json", url + 8};
    for (int i = 0; i < 3; i++) {
        perfopt_asset_request request = {.path = paths[i], .path_length = strlen(paths[i])};
        perfopt_asset_response r;
        assert_int_equal(perfopt_assets_serve(s->assets, &request, &r), PERFOPT_OK);
        assert_int_equal(r.status, i == 2 ? 200 : 404);
        perfopt_asset_response_finish(&r);
    }
    free(url);
}

static bool cancel_at_two(size_t done, size_t total, const char *name, void *user)
{
    assert_non_null(name);
    assert_int_equal(total, 10);
    assert_int_equal(done, ++*(size_t *)user);
    return done < 2;
}

static bool count_steps(size_t done, size_t total, const char *name, void *user)
{
    assert_non_null(name);
    assert_true(done <= total);
    assert_int_equal(done, ++*(size_t *)user);
    return true;
}

static void cancelling_leaves_the_old_build(void **state)
{
    site *s = *state;
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d.css", i);
        site_write(s, name, i % 2 ? "a{b:url(0.css)}" : "a{}");
    }
    site_open(s, NULL);
    size_t steps = 0;
    perfopt_precompile_result r = {0};
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_assets_precompile(s->assets, NULL, cancel_at_two, &steps, &r, &err),
                     PERFOPT_ECANCELED);
    assert_int_equal(r.files, 10);
    assert_int_equal(steps, 2);
    assert_false(site_has(s, ".perfopt/manifest.json"));
    steps = 0;
    assert_int_equal(perfopt_assets_precompile(s->assets, NULL, count_steps, &steps, &r, &err),
                     PERFOPT_OK);
    assert_int_equal(steps, 10);
    assert_int_equal(r.built, 10);
}

static bool build_inside(size_t done, size_t total, const char *name, void *user)
{
    (void)done, (void)total, (void)name;
    site *s = user;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_assets_precompile(s->assets, NULL, NULL, NULL, NULL, &err),
                     PERFOPT_EBUSY);
    assert_int_equal(perfopt_assets_compress(s->assets, NULL, NULL), PERFOPT_EBUSY);
    assert_int_equal(perfopt_assets_clear_cache(s->assets, NULL, NULL), PERFOPT_EBUSY);
    assert_int_equal(perfopt_assets_regenerate_hashes(s->assets, true, NULL, NULL), PERFOPT_EBUSY);
    /* Another object over the same folder, as another process would have. */
    site other = *s;
    site_open(&other, NULL);
    assert_int_equal(perfopt_assets_precompile(other.assets, NULL, NULL, NULL, NULL, &err),
                     PERFOPT_EBUSY);
    site_close(&other);
    return true;
}

static void one_build_at_a_time(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a{}");
    site_open(s, NULL);
    assert_int_equal(perfopt_assets_precompile(s->assets, NULL, build_inside, s, NULL, NULL),
                     PERFOPT_OK);
    assert_int_equal(perfopt_assets_precompile(s->assets, NULL, NULL, NULL, NULL, NULL),
                     PERFOPT_OK);
}

static void clearing_deletes_what_nothing_names(void **state)
{
    site *s = *state;
    char *css = many_rules(50);
    site_write(s, "x/a.css", css);
    free(css);
    site_open(s, NULL);
    site_precompile(s);
    char *old = site_url(s, "x/a.css");
    css = many_rules(60);
    site_write(s, "x/a.css", css);
    free(css);
    site_precompile(s);
    char *new = site_url(s, "x/a.css");
    site_write(s, ".perfopt/notes.txt", "mine");
    site_write(s, ".perfopt/x/my-file.css", "mine");
    uint32_t removed = 0;
    assert_int_equal(perfopt_assets_clear_cache(s->assets, &removed, NULL), PERFOPT_OK);
    assert_true(removed == 2 || removed == 3); /* the file, .gz, .br */
    char name[128];
    snprintf(name, sizeof(name), ".perfopt/%s", old + 8);
    assert_false(site_has(s, name));
    snprintf(name, sizeof(name), ".perfopt/%s", new + 8);
    assert_true(site_has(s, name));
    assert_true(site_has(s, ".perfopt/notes.txt"));
    assert_true(site_has(s, ".perfopt/x/my-file.css"));
    perfopt_assets_clear_cache(s->assets, &removed, NULL);
    assert_int_equal(removed, 0);
    free(old), free(new);
}

static void compressing_later(void **state)
{
    site *s = *state;
    char *css = many_rules(50);
    site_write(s, "a.css", css);
    site_write(s, "small.css", "a{}");
    free(css);
    site_open(s, PERFOPT_ASSETS_OPTIONS(.compress = PERFOPT_OFF));
    assert_int_equal(site_precompile(s).compressed, 0);
    uint32_t count = 0;
    assert_int_equal(perfopt_assets_compress(s->assets, &count, NULL), PERFOPT_OK);
    assert_true(count == 1 || count == 2);
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.with_gzip, 1);
    assert_true(stats.gzip_bytes > 0);
    perfopt_assets_compress(s->assets, &count, NULL);
    assert_int_equal(count, 0);
    char *url = site_url(s, "a.css");
    char path[256];
    snprintf(path, sizeof(path), "%s/.perfopt/%s.gz", s->root, url + 8);
    assert_int_equal(unlink(path), 0);
    perfopt_assets_compress(s->assets, &count, NULL);
    assert_int_equal(count, 1);
    free(url);
}

static void checking_finds_damage_and_repairs(void **state)
{
    site *s = *state;
    char *css = many_rules(50);
    site_write(s, "a.css", css);
    site_write(s, "b.css", "b { c : url(c.png) }");
    site_write(s, "c.png", "c");
    free(css);
    site_open(s, NULL);
    site_precompile(s);
    uint32_t wrong = 99;
    assert_int_equal(perfopt_assets_regenerate_hashes(s->assets, false, &wrong, NULL), PERFOPT_OK);
    assert_int_equal(wrong, 0);
    /* Damage without a change of size or time that a stat would see. */
    char *url = site_url(s, "a.css");
    char name[128];
    size_t n;
    snprintf(name, sizeof(name), ".perfopt/%s.gz", url + 8);
    char *gz = site_read(s, name, &n);
    gz[n / 2] ^= 1;
    site_write_bytes(s, name, gz, n);
    free(gz);
    snprintf(name, sizeof(name), ".perfopt/%s", (free(url), url = site_url(s, "b.css")) + 8);
    char *b = site_read(s, name, &n);
    b[0] ^= 1;
    site_write_bytes(s, name, b, n);
    free(b);
    perfopt_assets_regenerate_hashes(s->assets, false, &wrong, NULL);
    assert_int_equal(wrong, 2);
    assert_int_equal(site_precompile(s).built, 0);
    perfopt_assets_regenerate_hashes(s->assets, true, &wrong, NULL);
    assert_int_equal(wrong, 2);
    perfopt_assets_regenerate_hashes(s->assets, false, &wrong, NULL);
    assert_int_equal(wrong, 0);
    site_write(s, "c.png", "changed");
    site_write(s, "new.css", "not asked for");
    perfopt_assets_regenerate_hashes(s->assets, true, &wrong, NULL);
    assert_int_equal(wrong, 1);
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.assets, 3);
    b = site_read_built(s, "b.css", NULL);
    free(url);
    url = site_url(s, "c.png");
    assert_contains(b, url + 8);
    free(b), free(url);
}

static void manifests_of_others_are_checked(void **state)
{
    site *s = *state;
    static const char *const damaged[] = {
        "",
        "{",
        "[]",
        "{\"format\":2,\"assets\":{}}",
        "{\"format\":1}",
        "{\"format\":1,\"assets\":[]}",
        "{\"format\":1,\"assets\":{\"a.css\":{}}}",
        "{\"format\":1,\"assets\":{\"../a.css\":{\"file\":\"a.css\"}}}",
        "{\"format\":1,\"assets\":{\"a.css\":{\"file\":\"../../etc/passwd\",\"sha256\":\"%s\","
        "\"source_sha256\":\"%s\"}}}",
        "{\"format\":1,\"assets\":{\"a.css\":{\"file\":\"/etc/passwd\",\"sha256\":\"%s\","
        "\"source_sha256\":\"%s\"}}}",
        "{\"format\":1,\"assets\":{\"a.css\":{\"file\":\"a\\u0000b\",\"sha256\":\"%s\","
        "\"source_sha256\":\"%s\"}}}",
        "{\"format\":1,\"assets\":{\"a.css\":{\"file\":\"a-1.css\",\"sha256\":\"12\","
        "\"source_sha256\":\"%s\"}}}",
        "{\"format\":1,\"assets\":{\"a.css\":{\"file\":\"a-1.css\",\"sha256\":\"%s\","
        "\"source_sha256\":\"%s\",\"bytes\":-1}}}",
        "{\"format\":1,\"assets\":{\"a.css\":{\"file\":\"a-1.css\",\"sha256\":\"%s\","
        "\"source_sha256\":\"%s\",\"references\":[]}}}",
        "{\"format\":1,\"assets\":{\"a.css\":{\"file\":\"a-1.css\",\"sha256\":\"%s\","
        "\"source_sha256\":\"%s\",\"references\":{\"b\":1}}}}",
        "{\"format\":1,\"assets\":{},\"previous\":[1]}",
        "{\"format\":1,\"assets\":{},\"assets\":{}}",
    };
    char hash[65];
    memset(hash, 'a', 64);
    hash[64] = '\0';
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        char text[1024];
        const char *from = damaged[i];
        size_t n = 0;
        while (*from && n < sizeof(text) - 80) {
            if (from[0] == '%') {
                n += (size_t)sprintf(text + n, "%s", hash);
                from += 2;
            } else {
                text[n++] = *from++;
            }
        }
        text[n] = '\0';
        site_write(s, ".perfopt/manifest.json", text);
        perfopt_assets *assets = NULL;
        perfopt_error err = PERFOPT_ERROR_INIT;
        perfopt_status status =
            perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = s->root), &assets, &err);
        if (status != PERFOPT_EPROTO)
            fail_msg("manifest %zu was taken", i);
        assert_null(assets);
        assert_contains(err.message, "precompile again");
    }
}

static void configuration_is_checked(void **state)
{
    site *s = *state;
    perfopt_assets *assets = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_assets_create(NULL, &assets, &err), PERFOPT_ECONFIG);
    assert_contains(err.message, "root");
    assert_int_equal(perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = "/none"), &assets, &err),
                     PERFOPT_ECONFIG);
    site_write(s, "file", "x");
    char path[128];
    snprintf(path, sizeof(path), "%s/file", s->root);
    assert_int_equal(perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = path), &assets, &err),
                     PERFOPT_ECONFIG);
    assert_int_equal(perfopt_assets_create(
                         PERFOPT_ASSETS_OPTIONS(.root = s->root, .output = s->root), &assets, &err),
                     PERFOPT_ECONFIG);
    assert_int_equal(perfopt_assets_create(
                         PERFOPT_ASSETS_OPTIONS(.root = s->root, .output = "/tmp"), &assets, &err),
                     PERFOPT_ECONFIG);
    assert_int_equal(
        perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = s->root, .url_prefix = "/a b/"),
                              &assets, &err),
        PERFOPT_ECONFIG);
    perfopt_assets_options bare = {0};
    assert_int_equal(perfopt_assets_create(&bare, &assets, &err), PERFOPT_EINVAL);
    assert_null(assets);
    perfopt_assets_destroy(NULL);
}

static void names_urls_versions_integrity(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a{}");
    site_write(s, "it's \"b\".css", "b{}");
    site_open(s, PERFOPT_ASSETS_OPTIONS(.url_prefix = "https://cdn.example/s"));
    char *url = site_url(s, "a.css");
    char version[13];
    perfopt_asset_version(s->assets, "a.css", version);
    char expected[128];
    snprintf(expected, sizeof(expected), "https://cdn.example/s/a.css?v=%s", version);
    assert_string_equal(url, expected);
    assert_int_equal(strlen(version), 12);
    free(url);
    perfopt_asset_version(s->assets, NULL, version);
    assert_string_equal(version, "0");
    const char *unknown[] = {"none.css", "../a.css", "", "/etc/passwd", ".hidden", "a.css/"};
    for (size_t i = 0; i < 6; i++) {
        url = site_url(s, unknown[i]);
        assert_null(strchr(url, '?'));
        free(url);
        perfopt_asset_version(s->assets, unknown[i], version);
        assert_string_equal(version, "0");
    }
    perfopt_assets_stats stats;
    perfopt_assets_get_optimization_stats(s->assets, &stats);
    assert_int_equal(stats.unknown_names, 6);
    char integrity[64];
    assert_int_equal(perfopt_asset_integrity(s->assets, "a.css", integrity), PERFOPT_ENOTFOUND);
    site_precompile(s);
    /* printf 'a{}' | openssl dgst -sha256 -binary | base64 */
    assert_int_equal(perfopt_asset_integrity(s->assets, "/a.css", integrity), PERFOPT_OK);
    assert_string_equal(integrity, "sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk=");
    perfopt_asset_version(s->assets, "a.css", version);
    url = site_url(s, "//a.css");
    snprintf(expected, sizeof(expected), "https://cdn.example/s/a-%s.css", version);
    assert_string_equal(url, expected);
    free(url);
    url = site_url(s, "it's \"b\".css");
    assert_contains(url, "/it%27s%20%22b%22-");
    free(url);
}

static void development_serves_sources(void **state)
{
    site *s = *state;
    site_write(s, "a.css", "a { }");
    site_open(s, NULL);
    site_precompile(s);
    site_close(s);
    site_open(s, PERFOPT_ASSETS_OPTIONS(.watch = PERFOPT_ON));
    char *before = site_url(s, "a.css");
    assert_contains(before, "/static/a.css?v=");
    site_write(s, "a.css", "a { b : c }");
    char *after = site_url(s, "a.css");
    assert_string_not_equal(before, after);
    char integrity[64];
    assert_int_equal(perfopt_asset_integrity(s->assets, "a.css", integrity), PERFOPT_ENOTFOUND);
    free(before), free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(it_builds_minified_hashed_compressed),
        TEST(references_become_built_names),
        TEST(a_change_moves_up_the_references),
        TEST(a_missing_target_that_appears_is_used),
        TEST(circles_keep_plain_names),
        TEST(a_long_chain_is_no_recursion),
        TEST(source_map_comments),
        TEST(the_same_sources_give_the_same_build),
        TEST(patterns_choose),
        TEST(broken_and_odd_sources),
        TEST(unreadable_sources_keep_their_last_build),
        TEST(removed_sources_leave_the_manifest),
        TEST(settings_and_damage_mean_building_again),
        TEST(variants_must_be_worth_it),
        TEST(the_output_may_be_visible),
        TEST(cancelling_leaves_the_old_build),
        TEST(one_build_at_a_time),
        TEST(clearing_deletes_what_nothing_names),
        TEST(compressing_later),
        TEST(checking_finds_damage_and_repairs),
        TEST(manifests_of_others_are_checked),
        TEST(configuration_is_checked),
        TEST(names_urls_versions_integrity),
        TEST(development_serves_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
