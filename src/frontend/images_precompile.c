/*
 * images_precompile.c - all variants of many images, on several threads (of which variants.c lets
 * two at a time decode or encode).
 */
#include "assets/assets_internal.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "frontend/frontend_internal.h"

/* One image of the list: input and result. */
typedef struct item {
    const char *name;
    perfopt_status status;
    perfopt_images_result result;
    perfopt_error error;
} item;

typedef struct job {
    perfopt_frontend *frontend;
    item *items;
    size_t count;
    perfopt_assets_progress_fn progress;
    void *user;
    perfopt_images_result sum;
    size_t done;
    const item *fatal; /* the first failure that concerns more than one image */
    atomic_bool stop;
} job;

static const char *const default_patterns[] = {"*.jpg",  "*.jpeg", "*.png",  "*.webp", "*.JPG",
                                               "*.JPEG", "*.PNG",  "*.WEBP", NULL};

/* ---- one image ---------------------------------------------------------------------------- */

static void make_image(size_t i, void *user)
{
    job *j = user;
    item *it = &j->items[i];
    if (atomic_load(&j->stop))
        return;
    perfopt__image_source source;
    it->result.images = 1;
    it->status = perfopt__image_source_get(j->frontend, it->name, &source, &it->error);
    if (it->status != PERFOPT_OK)
        return;
    it->result.source_bytes = source.bytes;
    it->status =
        perfopt__variants_make_all(j->frontend, it->name, &source, &it->result, &it->error);
    if (it->status == PERFOPT_OK)
        perfopt_bytes_release(perfopt__image_source_preview(j->frontend, it->name, &source));
}

static void add_result(perfopt_images_result *sum, const perfopt_images_result *one)
{
    sum->images += one->images;
    sum->variants += one->variants;
    sum->built += one->built;
    sum->source_bytes += one->source_bytes;
    sum->variant_bytes += one->variant_bytes;
}

/* On the calling thread, after each image. */
static bool take_image(size_t i, void *user)
{
    job *j = user;
    const item *it = &j->items[i];
    add_result(&j->sum, &it->result);
    j->done++;
    bool go_on = true;
    if (it->status == PERFOPT_ENOMEM || it->status == PERFOPT_EIO) {
        j->fatal = it;
        go_on = false;
    } else if (it->status != PERFOPT_OK) {
        j->sum.failed++;
        perfopt__frontend_warn_once(j->frontend, it->name, &it->error);
    }
    if (go_on && j->progress)
        go_on = j->progress(j->done, j->count, it->name, j->user);
    if (!go_on)
        atomic_store(&j->stop, true);
    return go_on;
}

/* ---- all of them -------------------------------------------------------------------------- */

/* Variants in a visible folder below the root are no sources. */
static bool is_output(const perfopt_frontend *frontend, const char *name)
{
    size_t root = strlen(frontend->images->root);
    const char *output = frontend->output;
    if (strncmp(output, frontend->images->root, root) != 0 || output[root] != '/')
        return false;
    output += root + 1;
    size_t length = strlen(output);
    return strncmp(name, output, length) == 0 && name[length] == '/';
}

static perfopt_status select_images(job *j, const perfopt__source_list *list,
                                    const char *const *patterns, perfopt_error *err)
{
    j->items = perfopt__calloc(list->count, sizeof(*j->items));
    if (!j->items)
        return perfopt__error_nomem(err);
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i].name;
        if (perfopt__matches(patterns ? patterns : default_patterns, name) &&
            !is_output(j->frontend, name))
            j->items[j->count++].name = name;
    }
    return PERFOPT_OK;
}

static perfopt_status run(job *j, const char *const *patterns, perfopt_error *err)
{
    perfopt__source_list list = {0};
    perfopt_status status = perfopt__scan(j->frontend->images, &list, err);
    if (status == PERFOPT_OK)
        status = select_images(j, &list, patterns, err);
    if (status == PERFOPT_OK && j->count > 0)
        status = perfopt__parallel(j->count, make_image, take_image, j, err);
    if (j->fatal) {
        status = j->fatal->status;
        if (err)
            *err = j->fatal->error;
    }
    perfopt__free(j->items);
    perfopt__source_list_finish(&list);
    return status;
}

perfopt_status perfopt_images_precompile(perfopt_frontend *frontend, const char *const *patterns,
                                         perfopt_assets_progress_fn progress, void *user,
                                         perfopt_images_result *result, perfopt_error *err)
{
    if (!perfopt__image_can(PERFOPT__IMAGE_JPEG) && !perfopt__image_can(PERFOPT__IMAGE_PNG) &&
        !perfopt__image_can(PERFOPT__IMAGE_WEBP))
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED, "no image codec is built in");
    if (!frontend->writable)
        return perfopt__error_set(err, PERFOPT_EIO, "cannot write below %s", frontend->output);
    if (atomic_exchange(&frontend->precompiling, true))
        return perfopt__error_set(err, PERFOPT_EBUSY, "images are being made already");
    int64_t start_ms = perfopt__now_ms();
    job j = {.frontend = frontend, .progress = progress, .user = user};
    perfopt_status status = run(&j, patterns, err);
    j.sum.took_ms = perfopt__now_ms() - start_ms;
    if (result && (status == PERFOPT_OK || status == PERFOPT_ECANCELED))
        *result = j.sum;
    atomic_store(&frontend->precompiling, false);
    return status;
}
