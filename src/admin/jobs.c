/*
 * jobs.c - one job at a time, and the last few to look at.
 *
 *     jobs->ring[next - 1]   the newest, running or ended
 *
 * Everything in the ring is guarded by `lock`; the task itself runs without it.
 */
#include "admin/jobs.h"

#include "admin/format.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

#include <perfopt/frontend.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define KEPT         6
#define MAX_PATTERNS 32

typedef enum job_state { JOB_NONE = 0, JOB_RUNNING, JOB_DONE, JOB_CANCELLED, JOB_FAILED } job_state;

typedef struct job_record {
    char id[17];
    perfopt__job_kind kind;
    job_state state;
    uint64_t done, total;
    char item[96];
    char message[200];
    int64_t started_ms; /* wall */
    int64_t begun_ms;   /* monotonic */
    int64_t took_ms;
} job_record;

struct perfopt__jobs {
    perfopt_admin_sources sources;
    void (*changed)(void *user);
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    job_record ring[KEPT];
    unsigned next;
    bool running;
    bool closed;
    _Atomic bool cancel;
};

/* What a worker gets: the job's number and its patterns, cut at their ends. */
typedef struct job_task {
    perfopt__jobs *jobs;
    job_record *job;
    bool ran;
    const char *patterns[MAX_PATTERNS + 1];
    char text[512];
} job_task;

static const struct {
    const char *action, *title;
    bool can_cancel;
} kinds[] = {
    [PERFOPT__JOB_PRECOMPILE] = {"assets.precompile", "Precompile", true},
    [PERFOPT__JOB_VERIFY] = {"assets.verify", "Verify hashes", false},
    [PERFOPT__JOB_REBUILD] = {"assets.verify", "Verify and rebuild", false},
    [PERFOPT__JOB_COMPRESS] = {"assets.compress", "Compress", false},
    [PERFOPT__JOB_PURGE] = {"assets.purge", "Purge old files", false},
    [PERFOPT__JOB_IMAGES] = {"images.precompile", "Make image variants", true},
};

perfopt_status perfopt__jobs_create(const perfopt_admin_sources *sources,
                                    void (*changed)(void *user), void *user, perfopt__jobs **out)
{
    perfopt__jobs *jobs = perfopt__calloc(1, sizeof(*jobs));
    if (!jobs)
        return PERFOPT_ENOMEM;
    jobs->sources = *sources;
    jobs->changed = changed;
    jobs->user = user;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->ended, NULL);
    *out = jobs;
    return PERFOPT_OK;
}

void perfopt__jobs_destroy(perfopt__jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->closed = true;
    atomic_store(&jobs->cancel, true);
    while (jobs->running)
        pthread_cond_wait(&jobs->ended, &jobs->lock);
    pthread_mutex_unlock(&jobs->lock);
    pthread_cond_destroy(&jobs->ended);
    pthread_mutex_destroy(&jobs->lock);
    perfopt__free(jobs);
}

/* ---- the work ------------------------------------------------------------------------------ */

static bool progress(size_t done, size_t total, const char *name, void *user)
{
    job_task *task = user;
    perfopt__jobs *jobs = task->jobs;
    pthread_mutex_lock(&jobs->lock);
    task->job->done = done;
    task->job->total = total;
    snprintf(task->job->item, sizeof(task->job->item), "%s", name);
    pthread_mutex_unlock(&jobs->lock);
    return !atomic_load(&jobs->cancel);
}

static perfopt_status do_precompile(job_task *task, char *message, size_t size, perfopt_error *err)
{
    perfopt_precompile_result r = {0};
    perfopt_status status = perfopt_assets_precompile(task->jobs->sources.assets,
                                                      task->patterns[0] ? task->patterns : NULL,
                                                      progress, task, &r, err);
    char raw[PERFOPT__FORMAT], small[PERFOPT__FORMAT];
    snprintf(message, size, "%u of %u files built, %u with a problem; %s became %s", r.built,
             r.files, r.failed, perfopt__format_size((double)r.raw_bytes, raw),
             perfopt__format_size((double)r.minified_bytes, small));
    return status;
}

static perfopt_status do_images(job_task *task, char *message, size_t size, perfopt_error *err)
{
    perfopt_images_result r = {0};
    perfopt_status status =
        perfopt_images_precompile(task->jobs->sources.frontend, NULL, progress, task, &r, err);
    snprintf(message, size, "%u variants of %u images made, %u images with a problem", r.built,
             r.images, r.failed);
    return status;
}

static perfopt_status do_counted(job_task *task, char *message, size_t size, perfopt_error *err)
{
    perfopt_assets *assets = task->jobs->sources.assets;
    uint32_t n = 0;
    perfopt_status status;
    switch (task->job->kind) {
    case PERFOPT__JOB_VERIFY:
        status = perfopt_assets_regenerate_hashes(assets, false, &n, err);
        snprintf(message, size,
                 n ? "%u files do not match their hash or source" : "Every file matches", n);
        return status;
    case PERFOPT__JOB_REBUILD:
        status = perfopt_assets_regenerate_hashes(assets, true, &n, err);
        snprintf(message, size,
                 n ? "%u files did not match and were built again" : "Every file matches", n);
        return status;
    case PERFOPT__JOB_COMPRESS:
        status = perfopt_assets_compress(assets, &n, err);
        snprintf(message, size, "%u compressed variants written", n);
        return status;
    default:
        status = perfopt_assets_clear_cache(assets, &n, err);
        snprintf(message, size, "%u old files deleted, files in memory forgotten", n);
        return status;
    }
}

static void end_job(perfopt__jobs *jobs, job_record *job, job_state state, const char *message)
{
    pthread_mutex_lock(&jobs->lock);
    job->state = state;
    job->took_ms = perfopt__now_ms() - job->begun_ms;
    snprintf(job->message, sizeof(job->message), "%s", message);
    pthread_mutex_unlock(&jobs->lock);
    jobs->changed(jobs->user);
    /* Only now may a destroyer go on: nothing of `jobs` is used behind this. */
    pthread_mutex_lock(&jobs->lock);
    jobs->running = false;
    pthread_cond_broadcast(&jobs->ended);
    pthread_mutex_unlock(&jobs->lock);
}

static void run_task(void *user)
{
    job_task *task = user;
    char message[200] = "";
    perfopt_error err = PERFOPT_ERROR_INIT;
    task->ran = true;
    perfopt_status status = task->job->kind == PERFOPT__JOB_PRECOMPILE
                                ? do_precompile(task, message, sizeof(message), &err)
                            : task->job->kind == PERFOPT__JOB_IMAGES
                                ? do_images(task, message, sizeof(message), &err)
                                : do_counted(task, message, sizeof(message), &err);
    if (status == PERFOPT_OK)
        end_job(task->jobs, task->job, JOB_DONE, message);
    else if (status == PERFOPT_ECANCELED)
        end_job(task->jobs, task->job, JOB_CANCELLED, message);
    else
        end_job(task->jobs, task->job, JOB_FAILED, perfopt_status_text(status));
}

static void free_task(void *user)
{
    job_task *task = user;
    if (!task->ran)
        end_job(task->jobs, task->job, JOB_CANCELLED, "The process was shutting down");
    perfopt__free(task);
}

/* ---- starting and asking ------------------------------------------------------------------- */

static void split_patterns(job_task *task, const char *patterns)
{
    size_t count = 0;
    snprintf(task->text, sizeof(task->text), "%s", patterns ? patterns : "");
    char *rest = task->text;
    for (char *p = strtok_r(task->text, ", ", &rest); p && count < MAX_PATTERNS;
         p = strtok_r(NULL, ", ", &rest))
        task->patterns[count++] = p;
}

/* Takes the slot of the oldest job. PERFOPT_EBUSY or PERFOPT_ECLOSED. */
static perfopt_status take_slot(perfopt__jobs *jobs, perfopt__job_kind kind, job_record **out)
{
    perfopt_status status = PERFOPT_OK;
    pthread_mutex_lock(&jobs->lock);
    if (jobs->closed || jobs->running) {
        status = jobs->closed ? PERFOPT_ECLOSED : PERFOPT_EBUSY;
    } else {
        job_record *slot = &jobs->ring[jobs->next++ % KEPT];
        *slot = (job_record){.kind = kind, .state = JOB_RUNNING};
        snprintf(slot->id, sizeof(slot->id), "%016llx", (unsigned long long)perfopt__random_u64());
        slot->started_ms = perfopt__wall_ms();
        slot->begun_ms = perfopt__now_ms();
        jobs->running = true;
        atomic_store(&jobs->cancel, false);
        *out = slot;
    }
    pthread_mutex_unlock(&jobs->lock);
    return status;
}

perfopt_status perfopt__jobs_start(perfopt__jobs *jobs, perfopt__job_kind kind,
                                   const char *patterns, char id[17])
{
    const perfopt_admin_sources *from = &jobs->sources;
    if (!from->workers || (kind == PERFOPT__JOB_IMAGES ? !from->frontend : !from->assets))
        return PERFOPT_EDISABLED;
    job_task *task = perfopt__calloc(1, sizeof(*task));
    if (!task)
        return PERFOPT_ENOMEM;
    perfopt_status status = take_slot(jobs, kind, &task->job);
    if (status != PERFOPT_OK) {
        perfopt__free(task);
        return status;
    }
    task->jobs = jobs;
    split_patterns(task, patterns);
    memcpy(id, task->job->id, 17);
    jobs->changed(jobs->user);
    /* A task that cannot be queued ends its job through free_task(). */
    return perfopt_workers_submit(from->workers, run_task, task, free_task);
}

/* With the lock held; NULL if there is none. */
static job_record *find(perfopt__jobs *jobs, const char *id)
{
    for (unsigned i = 0; i < KEPT; i++) {
        if (jobs->ring[i].state != JOB_NONE && strcmp(jobs->ring[i].id, id) == 0)
            return &jobs->ring[i];
    }
    return NULL;
}

perfopt_status perfopt__jobs_cancel(perfopt__jobs *jobs, const char *id)
{
    pthread_mutex_lock(&jobs->lock);
    const job_record *job = find(jobs, id);
    perfopt_status status = !job || job->state != JOB_RUNNING ? PERFOPT_ENOTFOUND
                            : kinds[job->kind].can_cancel     ? PERFOPT_OK
                                                              : PERFOPT_EUNSUPPORTED;
    if (status == PERFOPT_OK)
        atomic_store(&jobs->cancel, true);
    pthread_mutex_unlock(&jobs->lock);
    return status;
}

static perfopt_value job_value(perfopt__build *b, const job_record *job)
{
    static const char *const states[] = {"", "running", "done", "cancelled", "failed"};
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_copy(b, map, "id", job->id);
    perfopt__put_text(b, map, "action", kinds[job->kind].action);
    perfopt__put_text(b, map, "title", kinds[job->kind].title);
    perfopt__put_text(b, map, "state", states[job->state]);
    perfopt__put_int(b, map, "done", job->done);
    perfopt__put_int(b, map, "total", job->total);
    perfopt__put_copy(b, map, "item", job->item);
    perfopt__put_copy(b, map, "message", job->message);
    perfopt__put_bool(b, map, "can_cancel", kinds[job->kind].can_cancel);
    perfopt__put_time(b, map, "started_at", job->started_ms);
    perfopt__put(b, map, "took_ms",
                 job->state == JOB_RUNNING ? perfopt_none() : perfopt_int(job->took_ms));
    return map;
}

const char *perfopt__jobs_list(perfopt__jobs *jobs, perfopt__build *b, perfopt_value list)
{
    const char *current = NULL;
    pthread_mutex_lock(&jobs->lock);
    for (unsigned i = 0; i < KEPT && i < jobs->next; i++) {
        const job_record *job = &jobs->ring[(jobs->next - 1 - i) % KEPT];
        perfopt__add(b, list, job_value(b, job));
        if (job->state == JOB_RUNNING)
            current = perfopt_arena_copy(b->arena, job->id, strlen(job->id));
    }
    pthread_mutex_unlock(&jobs->lock);
    return current;
}

perfopt_value perfopt__jobs_get(perfopt__jobs *jobs, perfopt__build *b, const char *id)
{
    pthread_mutex_lock(&jobs->lock);
    const job_record *job = find(jobs, id);
    perfopt_value value = job ? job_value(b, job) : perfopt_undefined();
    pthread_mutex_unlock(&jobs->lock);
    return value;
}
