/*
 * site.c - see site.h.
 */
#include "frontend/site.h"

#include "base/file.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "site: %s\n", what);
        abort();
    }
}

void site_write(const site *s, const char *name, const void *data, size_t length)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/static/%s", s->folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    must(perfopt__make_folders(path, NULL) == PERFOPT_OK, "folder");
    *slash = '/';
    must(perfopt__file_replace(path, data, length, NULL) == PERFOPT_OK, name);
}

void site_write_fixture(const site *s, const char *name, fixture f)
{
    site_write(s, name, f.data, f.length);
    fixture_free(&f);
}

void site_reopen(site *s, const perfopt_frontend_options *options)
{
    char root[96];
    snprintf(root, sizeof(root), "%s/static", s->folder);
    perfopt_frontend_destroy(s->frontend);
    perfopt_assets_destroy(s->assets);
    s->frontend = NULL;
    s->assets = NULL;
    must(perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = root), &s->assets, NULL) ==
             PERFOPT_OK,
         "assets");
    must(perfopt_frontend_create(options, s->assets, &s->frontend, NULL) == PERFOPT_OK, "frontend");
}

void site_open(site *s)
{
    *s = (site){.folder = "/tmp/perfopt-frontend-XXXXXX"};
    must(mkdtemp(s->folder) != NULL, "mkdtemp");
    site_write_fixture(s, "photo.jpg",
                       fixture_jpeg(&(fixture_jpeg_options){.width = 1000, .height = 500}));
    site_write_fixture(s, "small.jpg",
                       fixture_jpeg(&(fixture_jpeg_options){.width = 100, .height = 50}));
    site_write_fixture(s, "img/a b.png",
                       fixture_png(&(fixture_png_options){
                           .width = 400, .height = 200, .bits = 8, .colour = PNG_COLOR_TYPE_RGB}));
    must(perfopt_arena_create(0, &s->arena) == PERFOPT_OK, "arena");
    site_reopen(s, NULL);
}

void site_close(site *s)
{
    char command[128];
    perfopt_frontend_destroy(s->frontend);
    perfopt_assets_destroy(s->assets);
    perfopt_arena_destroy(s->arena);
    snprintf(command, sizeof(command), "rm -rf '%s'", s->folder);
    must(system(command) == 0, "rm");
}

void site_url(const char *srcset, int n, char *out, size_t size)
{
    for (; n > 0; n--) {
        srcset = strstr(srcset, ", ");
        must(srcset != NULL, "too few URLs");
        srcset += 2;
    }
    must(strncmp(srcset, "/images/", 8) == 0, "prefix");
    srcset += 8;
    size_t length = strcspn(srcset, " ");
    must(length < size, "long URL");
    memcpy(out, srcset, length);
    out[length] = '\0';
}

perfopt_status site_get(const site *s, const char *path, perfopt_asset_response *out)
{
    perfopt_asset_request request = {.path = path, .path_length = strlen(path)};
    return perfopt_images_serve(s->frontend, &request, out);
}
