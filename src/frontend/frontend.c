/*
 * frontend.c - creating and destroying the helpers.
 */
#include "frontend/frontend_internal.h"

#include "assets/assets_internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_WARNED 1024

/* ---- options ------------------------------------------------------------------------------ */

static char *join(const char *first, const char *second)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_puts(&sb, first);
    perfopt__strbuf_puts(&sb, second);
    return perfopt__strbuf_take(&sb, NULL);
}

static char *with_slash(const char *prefix)
{
    size_t length = strlen(prefix);
    return join(prefix, length > 0 && prefix[length - 1] == '/' ? "" : "/");
}

static perfopt_status check_options(const perfopt_frontend_options *options, perfopt_error *err)
{
    if (options->jpeg_quality > 100 || options->webp_quality > 100)
        return perfopt__error_set(err, PERFOPT_EINVAL, "jpeg_quality and webp_quality end at 100");
    if (options->beacon_path && options->beacon_path[0] != '/')
        return perfopt__error_set(err, PERFOPT_EINVAL, "beacon_path must begin with '/'");
#ifndef PERFOPT_HAVE_BROWSER_FILES
    if (options->rum == PERFOPT_ON)
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED,
                                  "rum: web-vitals is not built in (PERFOPT_WITH_BROWSER_FILES)");
#endif
    return PERFOPT_OK;
}

/* The source images are read as those of an asset folder: nothing hidden, nothing outside. */
static perfopt_status open_images(perfopt_frontend *f, const char *root, perfopt_error *err)
{
    if (!root) {
        f->images = f->assets;
        return PERFOPT_OK;
    }
    perfopt_error error = PERFOPT_ERROR_INIT;
    perfopt_status status =
        perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = root), &f->own_images, &error);
    f->images = f->own_images;
    if (status != PERFOPT_OK)
        return perfopt__error_set(err, status, "image_root: %s", error.message);
    return PERFOPT_OK;
}

static perfopt_status copy_options(perfopt_frontend *f, const perfopt_frontend_options *options,
                                   perfopt_error *err)
{
    f->output = options->image_output ? perfopt__strdup(options->image_output)
                                      : join(f->images->root, "/.perfopt-images");
    f->prefix = with_slash(options->image_prefix ? options->image_prefix : "/images/");
    f->beacon = perfopt__strdup(options->beacon_path ? options->beacon_path : "/perfopt/beacon");
    if (!f->output || !f->prefix || !f->beacon)
        return perfopt__error_nomem(err);
    f->max_pixels = options->max_pixels ? options->max_pixels : 50000000;
    f->jpeg_quality = options->jpeg_quality ? options->jpeg_quality : 75;
    f->webp_quality = options->webp_quality ? options->webp_quality : 75;
#ifdef PERFOPT_HAVE_BROWSER_FILES
    f->rum = options->rum != PERFOPT_OFF;
#endif
    return PERFOPT_OK;
}

static void name_script(perfopt_frontend *f)
{
    size_t length;
    const char *script = perfopt_rum_script(&length);
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hash[13];
    crypto_hash_sha256(digest, (const unsigned char *)script, length);
    sodium_bin2hex(hash, sizeof(hash), digest, 6);
    snprintf(f->script_path, sizeof(f->script_path), "/perfopt/vitals-%s.js", hash);
}

/* Without a folder to write to, pages show variants that were made before, or plain images. */
static perfopt_status open_output(perfopt_frontend *f, perfopt_error *err)
{
    perfopt_error error = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt__make_folders(f->output, &error);
    f->writable = status == PERFOPT_OK && access(f->output, W_OK) == 0;
    if (!f->writable)
        perfopt__log(PERFOPT_LOG_WARN, "frontend",
                     "image variants cannot be written to %s: only existing ones are used",
                     f->output);
    if (status != PERFOPT_OK)
        return PERFOPT_OK; /* not even a folder: there is nothing to serve */
    return perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = f->output, .url_prefix = f->prefix,
                                                        .minify = PERFOPT_OFF,
                                                        .compress = PERFOPT_OFF),
                                 &f->variants, err);
}

/* ---- lifecycle ---------------------------------------------------------------------------- */

perfopt_status perfopt_frontend_create(const perfopt_frontend_options *options,
                                       perfopt_assets *assets, perfopt_frontend **out,
                                       perfopt_error *err)
{
    perfopt_frontend_options own;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_FRONTEND_OPTIONS", err);
    if (status != PERFOPT_OK)
        return status;
    if (!assets)
        return perfopt__error_set(err, PERFOPT_EINVAL, "perfopt_frontend_create: no assets");
    status = check_options(&own, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt_frontend *f = perfopt__calloc(1, sizeof(*f));
    if (!f)
        return perfopt__error_nomem(err);
    f->assets = assets;
    perfopt__image_sources_init(&f->sources);
    pthread_mutex_init(&f->flights.lock, NULL);
    pthread_cond_init(&f->flights.landed, NULL);
    pthread_mutex_init(&f->warned_lock, NULL);
    name_script(f);
    status = open_images(f, own.image_root, err);
    if (status == PERFOPT_OK)
        status = copy_options(f, &own, err);
    if (status == PERFOPT_OK)
        status = open_output(f, err);
    if (status != PERFOPT_OK) {
        perfopt_frontend_destroy(f);
        return status;
    }
    *out = f;
    return PERFOPT_OK;
}

void perfopt_frontend_destroy(perfopt_frontend *f)
{
    if (!f)
        return;
    perfopt_assets_destroy(f->variants);
    perfopt_assets_destroy(f->own_images);
    perfopt__image_sources_finish(&f->sources);
    perfopt__map_finish(&f->flights.flights, NULL);
    pthread_cond_destroy(&f->flights.landed);
    pthread_mutex_destroy(&f->flights.lock);
    perfopt__map_finish(&f->warned, NULL);
    pthread_mutex_destroy(&f->warned_lock);
    perfopt__free(f->output);
    perfopt__free(f->prefix);
    perfopt__free(f->beacon);
    perfopt__free(f);
}

const char *perfopt_images_prefix(const perfopt_frontend *frontend)
{
    return frontend->prefix;
}

/* ---- shared ------------------------------------------------------------------------------- */

void perfopt__frontend_warn_once(perfopt_frontend *f, const char *name, const perfopt_error *error)
{
    size_t length = strlen(name);
    pthread_mutex_lock(&f->warned_lock);
    bool first = f->warned.count < MAX_WARNED && !perfopt__map_get(&f->warned, name, length) &&
                 perfopt__map_put(&f->warned, name, length, f, NULL) == PERFOPT_OK;
    pthread_mutex_unlock(&f->warned_lock);
    if (first)
        perfopt__log(PERFOPT_LOG_WARN, "frontend", "image %s: %s", name, error->message);
}

const char *perfopt__strbuf_to_arena(perfopt__strbuf *sb, perfopt_arena *arena)
{
    const char *text = sb->failed ? NULL : perfopt_arena_copy(arena, sb->data, sb->length);
    perfopt__strbuf_finish(sb);
    return text;
}
