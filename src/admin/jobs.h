/*
 * jobs.h - work on the files that takes longer than a request: one at a time, on the worker pool,
 * with progress and cancel.
 */
#ifndef PERFOPT_SRC_ADMIN_JOBS_H
#define PERFOPT_SRC_ADMIN_JOBS_H

#include "admin/build.h"

#include <perfopt/admin.h>

typedef struct perfopt__jobs perfopt__jobs;

typedef enum perfopt__job_kind {
    PERFOPT__JOB_PRECOMPILE = 0,
    PERFOPT__JOB_VERIFY = 1,
    PERFOPT__JOB_REBUILD = 2,
    PERFOPT__JOB_COMPRESS = 3,
    PERFOPT__JOB_PURGE = 4,
    PERFOPT__JOB_IMAGES = 5
} perfopt__job_kind;

/* `changed` is called whenever a job has begun or ended, from any thread. */
perfopt_status perfopt__jobs_create(const perfopt_admin_sources *sources,
                                    void (*changed)(void *user), void *user, perfopt__jobs **out);
/* Cancels what runs and waits for it. */
void perfopt__jobs_destroy(perfopt__jobs *jobs);

/*
 * Starts a job.
 *
 * patterns: separated by ',' or ' '; NULL or "" = all. id gets 17 bytes. PERFOPT_OK; PERFOPT_EBUSY
 * (one is running), PERFOPT_EDISABLED (no workers, or no assets), PERFOPT_ELIMIT, PERFOPT_ECLOSED,
 * PERFOPT_ENOMEM.
 */
perfopt_status perfopt__jobs_start(perfopt__jobs *jobs, perfopt__job_kind kind,
                                   const char *patterns, char id[17]);
/* PERFOPT_OK, PERFOPT_ENOTFOUND (no such job runs), PERFOPT_EUNSUPPORTED (cannot be cancelled). */
perfopt_status perfopt__jobs_cancel(perfopt__jobs *jobs, const char *id);
/* Appends the newest jobs to a list, newest first; returns the id of the running one in the arena,
 * NULL if none runs. */
const char *perfopt__jobs_list(perfopt__jobs *jobs, perfopt__build *b, perfopt_value list);
/* One job as a map; undefined if there is no such job. */
perfopt_value perfopt__jobs_get(perfopt__jobs *jobs, perfopt__build *b, const char *id);

#endif
