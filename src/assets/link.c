/*
 * link.c - replaces the names of assets in other assets. A file's hash covers the names it uses, so
 * they have to be known first; files that name each other in a circle keep the plain names among
 * themselves, which are served with a short lifetime.
 */
#include "assets/assets_internal.h"

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>

typedef struct linker {
    const perfopt__link *link;
    perfopt__job **nodes; /* jobs that wait */
    size_t count;
    size_t *offsets;
    size_t *edges;
    size_t *order;
    size_t *group;
} linker;

static perfopt__job *job_of(const linker *l, const char *name)
{
    return perfopt__map_get(l->link->by_name, name, strlen(name));
}

static size_t use_count(const perfopt__job *job)
{
    return job->unchanged ? job->entry->reference_count : job->mentions.count;
}

static const char *use_at(const perfopt__job *job, size_t i)
{
    return job->unchanged ? job->entry->references[i].name : job->mentions.items[i].name;
}

/* ---- the graph ---------------------------------------------------------------------------- */

static size_t collect_nodes(linker *l)
{
    size_t uses = 0;
    for (size_t i = 0; i < l->link->count; i++) {
        perfopt__job *job = &l->link->jobs[i];
        if (!job->waits)
            continue;
        job->node = l->count;
        l->nodes[l->count++] = job;
        uses += use_count(job);
    }
    return uses;
}

static void collect_edges(linker *l)
{
    size_t used = 0;
    for (size_t i = 0; i < l->count; i++) {
        l->offsets[i] = used;
        for (size_t j = 0; j < use_count(l->nodes[i]); j++) {
            const perfopt__job *target = job_of(l, use_at(l->nodes[i], j));
            if (target && target->waits)
                l->edges[used++] = target->node;
        }
    }
    l->offsets[l->count] = used;
}

static perfopt_status make_graph(linker *l)
{
    size_t n = l->link->count;
    l->nodes = perfopt__calloc(n, sizeof(*l->nodes));
    if (!l->nodes)
        return PERFOPT_ENOMEM;
    size_t uses = collect_nodes(l);
    l->offsets = perfopt__calloc(l->count + 1, sizeof(*l->offsets));
    l->edges = perfopt__calloc(uses, sizeof(*l->edges));
    l->order = perfopt__calloc(l->count, sizeof(*l->order));
    l->group = perfopt__calloc(l->count, sizeof(*l->group));
    if (!l->offsets || !l->edges || !l->order || !l->group)
        return PERFOPT_ENOMEM;
    collect_edges(l);
    perfopt__graph graph = {l->count, l->offsets, l->edges};
    return perfopt__order(&graph, l->order, l->group);
}

/* ---- names -------------------------------------------------------------------------------- */

static bool source_exists(const linker *l, const char *name)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    struct stat st;
    return perfopt__join(path, l->link->assets->root, name, "") && stat(path, &st) == 0;
}

/* The built name to write for `name` in `job`; NULL = leave it as it is. */
static const char *resolve(const linker *l, const perfopt__job *job, const char *name)
{
    const perfopt__job *target = job_of(l, name);
    if (target) {
        bool circle = target->waits && l->group[target->node] == l->group[job->node];
        return circle || !target->entry ? NULL : target->entry->built;
    }
    const perfopt__entry *e = perfopt__manifest_by_name(l->link->current, name);
    return e && source_exists(l, name) ? e->built : NULL;
}

static bool references_hold(const linker *l, const perfopt__job *job)
{
    for (size_t i = 0; i < job->entry->reference_count; i++) {
        const perfopt__reference *r = &job->entry->references[i];
        const char *built = resolve(l, job, r->name);
        if (!r->built != !built || (built && strcmp(built, r->built) != 0))
            return false;
    }
    return true;
}

static void complain(const linker *l, const perfopt__job *job, const char *name)
{
    const perfopt__job *target = job_of(l, name);
    if (target && target->entry)
        perfopt__log(PERFOPT_LOG_WARN, "assets",
                     "%s and %s name each other in a circle: that name stays unhashed",
                     job->source->name, name);
    else if (!source_exists(l, name))
        perfopt__log(PERFOPT_LOG_WARN, "assets", "%s names %s, which does not exist",
                     job->source->name, name);
}

/* ---- references of an entry --------------------------------------------------------------- */

static int by_reference_name(const void *a, const void *b)
{
    return strcmp(((const perfopt__reference *)a)->name, ((const perfopt__reference *)b)->name);
}

static void drop_doubles(perfopt__entry *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->reference_count; i++) {
        perfopt__reference *r = &e->references[i];
        if (kept > 0 && strcmp(e->references[kept - 1].name, r->name) == 0) {
            perfopt__free(r->name);
            perfopt__free(r->built);
            continue;
        }
        e->references[kept++] = *r;
    }
    e->reference_count = kept;
}

/* Notes what each mention was replaced by, so that a later build can tell whether it still holds.
 */
static perfopt_status note_references(const linker *l, perfopt__job *job)
{
    perfopt__entry *e = job->entry;
    e->references = perfopt__calloc(job->mentions.count, sizeof(*e->references));
    if (!e->references)
        return PERFOPT_ENOMEM;
    for (size_t i = 0; i < job->mentions.count; i++) {
        const char *built = resolve(l, job, job->mentions.items[i].name);
        perfopt__reference *r = &e->references[e->reference_count++];
        r->name = perfopt__strdup(job->mentions.items[i].name);
        r->built = perfopt__strdup(built);
        if (!r->name || (built && !r->built))
            return PERFOPT_ENOMEM;
    }
    qsort(e->references, e->reference_count, sizeof(*e->references), by_reference_name);
    drop_doubles(e);
    for (size_t i = 0; i < e->reference_count; i++) {
        if (!e->references[i].built)
            complain(l, job, e->references[i].name);
    }
    return PERFOPT_OK;
}

static perfopt_status rewrite(const linker *l, perfopt__job *job)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    size_t from = 0;
    for (size_t i = 0; i < job->mentions.count; i++) {
        const perfopt__mention *m = &job->mentions.items[i];
        const char *built = resolve(l, job, m->name);
        if (!built)
            continue;
        perfopt__strbuf_append(&sb, job->text + from, m->start - from);
        perfopt__put_renamed(&sb, job->text + m->start, m->end - m->start, built);
        from = m->end;
    }
    perfopt__strbuf_append(&sb, job->text + from, job->length - from);
    perfopt__free(job->text);
    job->text = perfopt__strbuf_take(&sb, &job->length);
    return job->text ? PERFOPT_OK : PERFOPT_ENOMEM;
}

static void link_job(const linker *l, perfopt__job *job)
{
    if (job->unchanged && references_hold(l, job))
        return;
    if (job->unchanged) {
        perfopt__job_load(l->link->assets, job);
        /* Others may have found their group through it. */
        job->waits = true;
    }
    if (job->status != PERFOPT_OK || !job->text)
        return;
    job->status = note_references(l, job);
    if (job->status == PERFOPT_OK)
        job->status = rewrite(l, job);
    if (job->status == PERFOPT_OK)
        perfopt__job_name(job);
    else
        perfopt__error_nomem(&job->error);
}

perfopt_status perfopt__link_jobs(const perfopt__link *link, perfopt_error *err)
{
    linker l = {.link = link};
    perfopt_status status = make_graph(&l);
    if (status != PERFOPT_OK)
        perfopt__error_nomem(err);
    for (size_t i = 0; i < l.count && status == PERFOPT_OK; i++)
        link_job(&l, l.nodes[l.order[i]]);
    perfopt__free(l.nodes);
    perfopt__free(l.offsets);
    perfopt__free(l.edges);
    perfopt__free(l.order);
    perfopt__free(l.group);
    return status;
}
