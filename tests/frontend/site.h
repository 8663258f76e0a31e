/*
 * site.h - a temporary folder with images, and the helpers over it.
 */
#ifndef PERFOPT_TESTS_FRONTEND_SITE_H
#define PERFOPT_TESTS_FRONTEND_SITE_H

#include "frontend/fixtures.h"

#include <perfopt/frontend.h>

typedef struct site {
    char folder[64]; /* temporary; files lie in its "static" */
    perfopt_assets *assets;
    perfopt_frontend *frontend;
    perfopt_arena *arena;
} site;

/* Makes the folder with photo.jpg (1000 x 500), "img/a b.png" (400 x 200), small.jpg (100 x 50). */
void site_open(site *s);
/* Destroys and creates the helpers again over the same files, as a new process would. */
void site_reopen(site *s, const perfopt_frontend_options *options);
/* Writes a file below "static"; the folder is made. */
void site_write(const site *s, const char *name, const void *data, size_t length);
/* Writes and frees. */
void site_write_fixture(const site *s, const char *name, fixture f);
void site_close(site *s);
/* Copies the n-th URL of a srcset (0 = first) without the prefix "/images/". */
void site_url(const char *srcset, int n, char *out, size_t size);
/* Requests a path below the images' prefix. */
perfopt_status site_get(const site *s, const char *path, perfopt_asset_response *out);

#endif
