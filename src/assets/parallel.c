/*
 * parallel.c - a loop whose steps run on several threads and report to the calling one.
 */
#include "assets/assets_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <unistd.h>

typedef struct parallel {
    pthread_mutex_t lock;
    pthread_cond_t finished_some;
    size_t *finished; /* in the order in which they ended */
    size_t finished_count;
    size_t count;
    _Atomic size_t next;
    _Atomic bool stop;
    void (*work)(size_t i, void *user);
    bool (*done)(size_t i, void *user);
    void *user;
} parallel;

static void run(void *user)
{
    parallel *p = user;
    for (;;) {
        size_t i = atomic_fetch_add(&p->next, 1);
        if (i >= p->count || atomic_load(&p->stop))
            return;
        p->work(i, p->user);
        pthread_mutex_lock(&p->lock);
        p->finished[p->finished_count++] = i;
        pthread_cond_signal(&p->finished_some);
        pthread_mutex_unlock(&p->lock);
    }
}

/* Calls done() for each step that has ended; false once it has returned false. */
static bool report(parallel *p)
{
    for (size_t reported = 0; reported < p->count; reported++) {
        pthread_mutex_lock(&p->lock);
        while (p->finished_count == reported)
            pthread_cond_wait(&p->finished_some, &p->lock);
        size_t i = p->finished[reported];
        pthread_mutex_unlock(&p->lock);
        if (!p->done(i, p->user)) {
            atomic_store(&p->stop, true);
            return false;
        }
    }
    return true;
}

static unsigned thread_count(size_t count)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = cores < 1 ? 1 : cores > 8 ? 8 : (size_t)cores;
    return (unsigned)(threads < count ? threads : count);
}

static perfopt_status run_threads(parallel *p, unsigned threads, perfopt_error *err)
{
    perfopt_workers *workers;
    perfopt_status status = perfopt_workers_create(threads, threads, &workers, err);
    if (status != PERFOPT_OK)
        return status;
    unsigned started = 0;
    for (unsigned i = 0; i < threads; i++)
        started += perfopt_workers_submit(workers, run, p, NULL) == PERFOPT_OK;
    bool completed = started > 0 && report(p);
    perfopt_workers_destroy(workers);
    if (started == 0)
        return perfopt__error_nomem(err);
    return completed ? PERFOPT_OK : PERFOPT_ECANCELED;
}

perfopt_status perfopt__parallel(size_t count, void (*work)(size_t i, void *user),
                                 bool (*done)(size_t i, void *user), void *user, perfopt_error *err)
{
    if (count == 0)
        return PERFOPT_OK;
    parallel p = {.count = count, .work = work, .done = done, .user = user};
    p.finished = perfopt__calloc(count, sizeof(*p.finished));
    if (!p.finished)
        return perfopt__error_nomem(err);
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.finished_some, NULL);
    perfopt_status status = run_threads(&p, thread_count(count), err);
    pthread_cond_destroy(&p.finished_some);
    pthread_mutex_destroy(&p.lock);
    perfopt__free(p.finished);
    return status;
}
