/*
 * site.c - the folder of static files of a test.
 */
#include "assets/site.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void site_make(site *s)
{
    *s = (site){.root = "/tmp/perfopt-assets-XXXXXX"};
    assert_non_null(mkdtemp(s->root));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void site_remove(site *s)
{
    site_close(s);
    nftw(s->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void site_open(site *s, const perfopt_assets_options *options)
{
    perfopt_assets_options own = PERFOPT_ASSETS_OPTIONS_INIT;
    if (options)
        own = *options;
    own.struct_size = sizeof(own);
    own.root = s->root;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (perfopt_assets_create(&own, &s->assets, &err) != PERFOPT_OK)
        fail_msg("perfopt_assets_create: %s", err.message);
}

void site_close(site *s)
{
    perfopt_assets_destroy(s->assets);
    s->assets = NULL;
}

static void path_of(const site *s, const char *name, char out[512])
{
    snprintf(out, 512, "%s/%s", s->root, name);
}

void site_write_bytes(const site *s, const char *name, const void *data, size_t length)
{
    char path[512];
    path_of(s, name, path);
    for (char *slash = path + strlen(s->root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    fclose(file);
}

void site_write(const site *s, const char *name, const char *text)
{
    site_write_bytes(s, name, text, strlen(text));
}

char *site_read(const site *s, const char *name, size_t *length)
{
    char path[512];
    path_of(s, name, path);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    text[size] = '\0';
    fclose(file);
    if (length)
        *length = (size_t)size;
    return text;
}

bool site_has(const site *s, const char *name)
{
    char path[512];
    path_of(s, name, path);
    return access(path, F_OK) == 0;
}

perfopt_precompile_result site_precompile(site *s)
{
    perfopt_precompile_result result;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (perfopt_assets_precompile(s->assets, NULL, NULL, NULL, &result, &err) != PERFOPT_OK)
        fail_msg("precompile: %s", err.message);
    return result;
}

char *site_url(site *s, const char *name)
{
    perfopt_arena *arena;
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    const char *url = perfopt_asset_url(s->assets, name, arena);
    assert_non_null(url);
    char *copy = strdup(url);
    perfopt_arena_destroy(arena);
    return copy;
}

char *site_read_built(site *s, const char *name, size_t *length)
{
    char *url = site_url(s, name);
    char built[512];
    assert_int_equal(strncmp(url, "/static/", 8), 0);
    snprintf(built, sizeof(built), ".perfopt/%s", url + 8);
    free(url);
    return site_read(s, built, length);
}

static char watched[64];
static _Atomic int logged;

static void count_log(perfopt_log_level level, const char *module, const char *message, void *user)
{
    (void)level, (void)module, (void)user;
    if (watched[0] && strstr(message, watched))
        atomic_fetch_add(&logged, 1);
}

void site_watch_log(const char *text)
{
    snprintf(watched, sizeof(watched), "%s", text);
    atomic_store(&logged, 0);
    perfopt_log_set(PERFOPT_LOG_DEBUG, count_log, NULL);
}

int site_logged(void)
{
    return atomic_load(&logged);
}
