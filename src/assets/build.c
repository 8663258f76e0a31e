/*
 * build.c - one run of the build over all sources that match:
 *
 *     scan -> prepare (threads) -> link (in order of need) -> write (threads) -> manifest ->
 * publish
 *
 * Files that name no others are finished in the first step; at most the texts of style sheets wait
 * in memory. The result does not depend on the order in which the threads finish.
 */
#include "assets/assets_internal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

/* Built files of one name that stay reachable after newer ones came. */
enum { MAX_PREVIOUS = 2 };

typedef struct build {
    perfopt_assets *assets;
    const perfopt__build_options *options;
    perfopt__manifest *current;
    perfopt__source_list sources;
    perfopt__job *jobs;
    size_t count;
    size_t *waiting; /* jobs that are written in the last step */
    size_t waiting_count;
    perfopt__map by_name; /* -> job */
    size_t progressed;
    perfopt_precompile_result *result;
} build;

/* ---- jobs --------------------------------------------------------------------------------- */

static perfopt_status add_job(build *b, const perfopt__source *source)
{
    b->result->files++;
    if (source->bytes > b->assets->max_file_bytes) {
        perfopt__log(PERFOPT_LOG_INFO, "assets", "%s is larger than max_file_bytes: not built",
                     source->name);
        return PERFOPT_OK;
    }
    perfopt__job *job = &b->jobs[b->count++];
    size_t n = strlen(source->name);
    job->source = source;
    job->old = perfopt__manifest_by_name(b->current, source->name);
    job->forced = b->options->force && perfopt__map_get(b->options->force, source->name, n);
    return perfopt__map_put(&b->by_name, source->name, n, job, NULL);
}

static perfopt_status add_jobs(build *b, perfopt_error *err)
{
    perfopt_status status = perfopt__scan(b->assets, &b->sources, err);
    if (status != PERFOPT_OK)
        return status;
    b->jobs = perfopt__calloc(b->sources.count, sizeof(*b->jobs));
    b->waiting = perfopt__calloc(b->sources.count, sizeof(*b->waiting));
    if (!b->jobs || !b->waiting)
        return perfopt__error_nomem(err);
    for (size_t i = 0; i < b->sources.count && status == PERFOPT_OK; i++) {
        const perfopt__source *source = &b->sources.items[i];
        bool known = perfopt__manifest_by_name(b->current, source->name) != NULL;
        if (perfopt__matches(b->options->patterns, source->name) &&
            (known || !b->options->only_known))
            status = add_job(b, source);
    }
    return status == PERFOPT_OK ? status : perfopt__error_nomem(err);
}

/* The first job's error; which is first does not depend on the threads. */
static perfopt_status jobs_status(const build *b, perfopt_error *err)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->jobs[i].status == PERFOPT_OK)
            continue;
        if (err)
            *err = b->jobs[i].error;
        return b->jobs[i].status;
    }
    return PERFOPT_OK;
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool progress(build *b, const perfopt__job *job)
{
    b->progressed++;
    return !b->options->progress ||
           b->options->progress(b->progressed, b->count, job->source->name, b->options->user);
}

static void prepare(size_t i, void *user)
{
    build *b = user;
    perfopt__job_prepare(b->assets, &b->jobs[i]);
}

static bool prepared(size_t i, void *user)
{
    build *b = user;
    return b->jobs[i].waits || progress(b, &b->jobs[i]);
}

static void write_waiting(size_t i, void *user)
{
    build *b = user;
    perfopt__job *job = &b->jobs[b->waiting[i]];
    if (job->text)
        perfopt__job_write(b->assets, job);
}

static bool waiting_written(size_t i, void *user)
{
    build *b = user;
    return progress(b, &b->jobs[b->waiting[i]]);
}

static perfopt_status run_steps(build *b, perfopt_error *err)
{
    perfopt_status status = perfopt__parallel(b->count, prepare, prepared, b, err);
    if (status == PERFOPT_OK)
        status = jobs_status(b, err);
    if (status != PERFOPT_OK)
        return status;
    for (size_t i = 0; i < b->count; i++) {
        if (b->jobs[i].waits)
            b->waiting[b->waiting_count++] = i;
    }
    perfopt__link link = {b->assets, b->jobs, b->count, &b->by_name, b->current};
    status = perfopt__link_jobs(&link, err);
    if (status == PERFOPT_OK)
        status = jobs_status(b, err);
    if (status == PERFOPT_OK)
        status = perfopt__parallel(b->waiting_count, write_waiting, waiting_written, b, err);
    return status == PERFOPT_OK ? jobs_status(b, err) : status;
}

static void add_up(build *b)
{
    perfopt_precompile_result *r = b->result;
    for (size_t i = 0; i < b->count; i++) {
        const perfopt__job *job = &b->jobs[i];
        r->built += job->written;
        r->failed += job->failed;
        if (!job->entry || !job->entry->built)
            continue;
        r->raw_bytes += job->entry->source_bytes;
        r->minified_bytes += job->entry->bytes[ENCODING_IDENTITY];
        r->gzip_bytes += job->entry->bytes[ENCODING_GZIP];
        r->compressed += job->entry->bytes[ENCODING_GZIP] > 0;
    }
}

/* ---- manifest ----------------------------------------------------------------------------- */

static perfopt_status add_copy(perfopt__manifest *m, const perfopt__entry *e, bool previous)
{
    perfopt__entry *copy = perfopt__entry_copy(e);
    return copy ? perfopt__manifest_add(m, copy, previous) : PERFOPT_ENOMEM;
}

/* Entries of the jobs, and those outside the patterns. A source that matched and is gone has no
 * job, so its entry goes. */
static perfopt_status add_entries(build *b, perfopt__manifest *m)
{
    perfopt_status status = PERFOPT_OK;
    for (size_t i = 0; i < b->count && status == PERFOPT_OK; i++) {
        perfopt__entry *e = b->jobs[i].entry;
        b->jobs[i].entry = NULL;
        if (e)
            status = perfopt__manifest_add(m, e, false);
    }
    for (size_t i = 0; i < b->current->count && status == PERFOPT_OK; i++) {
        const perfopt__entry *e = b->current->entries[i];
        if (!perfopt__matches(b->options->patterns, e->name))
            status = add_copy(m, e, false);
    }
    return status;
}

static perfopt_status add_one_previous(perfopt__manifest *m, const perfopt__entry *e,
                                       perfopt__map *built, perfopt__map *counts)
{
    size_t n = strlen(e->name);
    uintptr_t count = (uintptr_t)perfopt__map_get(counts, e->name, n);
    if (count == MAX_PREVIOUS || perfopt__map_get(built, e->built, strlen(e->built)))
        return PERFOPT_OK;
    perfopt_status status = perfopt__map_put(counts, e->name, n, (void *)(count + 1), NULL);
    if (status == PERFOPT_OK)
        status = perfopt__map_put(built, e->built, strlen(e->built), m, NULL);
    return status == PERFOPT_OK ? add_copy(m, e, true) : status;
}

/* What is no longer named stays reachable for pages that were sent before. */
static perfopt_status add_previous(build *b, perfopt__manifest *m)
{
    perfopt__map built = PERFOPT__MAP_INIT;
    perfopt__map counts = PERFOPT__MAP_INIT;
    perfopt_status status = PERFOPT_OK;
    for (size_t i = 0; i < m->count && status == PERFOPT_OK; i++)
        status =
            perfopt__map_put(&built, m->entries[i]->built, strlen(m->entries[i]->built), m, NULL);
    for (size_t i = 0; i < b->current->count && status == PERFOPT_OK; i++)
        status = add_one_previous(m, b->current->entries[i], &built, &counts);
    for (size_t i = 0; i < b->current->previous_count && status == PERFOPT_OK; i++)
        status = add_one_previous(m, b->current->previous[i], &built, &counts);
    perfopt__map_finish(&built, NULL);
    perfopt__map_finish(&counts, NULL);
    return status;
}

static perfopt_status publish(build *b, perfopt_error *err)
{
    perfopt__manifest *m = perfopt__manifest_new();
    if (!m)
        return perfopt__error_nomem(err);
    perfopt_status status = add_entries(b, m);
    if (status == PERFOPT_OK)
        status = add_previous(b, m);
    if (status == PERFOPT_OK)
        status = perfopt__manifest_seal(m);
    if (status == PERFOPT_OK)
        status = perfopt__manifest_save(m, b->assets->output, err);
    else
        perfopt__error_nomem(err);
    if (status == PERFOPT_OK)
        return perfopt__publish(b->assets, m, err);
    perfopt__manifest_release(m);
    return status;
}

static void build_finish(build *b)
{
    for (size_t i = 0; i < b->count; i++)
        perfopt__job_finish(&b->jobs[i]);
    perfopt__free(b->jobs);
    perfopt__free(b->waiting);
    perfopt__map_finish(&b->by_name, NULL);
    perfopt__source_list_finish(&b->sources);
    perfopt__manifest_release(b->current);
}

perfopt_status perfopt__build(perfopt_assets *assets, const perfopt__build_options *options,
                              perfopt_precompile_result *result, perfopt_error *err)
{
    int64_t start_ms = perfopt__now_ms();
    *result = (perfopt_precompile_result){0};
    build b = {.assets = assets,
               .options = options,
               .current = perfopt__current_manifest(assets),
               .result = result};
    perfopt_status status = perfopt__make_folders(assets->output, err);
    if (status == PERFOPT_OK)
        status = add_jobs(&b, err);
    if (status == PERFOPT_OK)
        status = run_steps(&b, err);
    add_up(&b);
    if (status == PERFOPT_OK)
        status = publish(&b, err);
    if (status == PERFOPT_ECANCELED)
        perfopt__error_set(err, status, "cancelled after %zu of %zu files", b.progressed, b.count);
    build_finish(&b);
    result->took_ms = perfopt__now_ms() - start_ms;
    atomic_store(&assets->took_ms, result->took_ms > 0 ? result->took_ms : 1);
    return status;
}
