/*
 * site.h - a folder of static files that a test makes, changes and takes away again.
 */
#ifndef PERFOPT_TESTS_ASSETS_SITE_H
#define PERFOPT_TESTS_ASSETS_SITE_H

#include <perfopt/assets.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct site {
    char root[64]; /* a new folder under /tmp */
    perfopt_assets *assets;
} site;

void site_make(site *s);
void site_remove(site *s);
/* Opens s->assets with these options (root is filled in); NULL = defaults. */
void site_open(site *s, const perfopt_assets_options *options);
void site_close(site *s);
/* Writes a file below the root, with its folders. */
void site_write(const site *s, const char *name, const char *text);
void site_write_bytes(const site *s, const char *name, const void *data, size_t length);
/* Reads a file below the root into a malloc'ed string; NULL if there is none. */
char *site_read(const site *s, const char *name, size_t *length);
bool site_has(const site *s, const char *name);
/* Precompiles everything and checks that it went well. */
perfopt_precompile_result site_precompile(site *s);
/* The built file of a name, read: ".perfopt/" + what the URL says; malloc'ed. */
char *site_read_built(site *s, const char *name, size_t *length);
/* "/static/..." of a name; malloc'ed. */
char *site_url(site *s, const char *name);
/* Counts log messages that contain this text from now on. */
void site_watch_log(const char *text);
int site_logged(void);

#endif
