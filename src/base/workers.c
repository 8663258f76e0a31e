/*
 * workers.c - the worker pool: one bounded queue, a fixed set of threads.
 */
#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <string.h>

typedef struct task {
    struct task *next;
    perfopt_task_fn fn;
    void *user;
    perfopt_free_fn user_free;
} task;

struct perfopt_workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    task *first;
    task **last;
    size_t queued;
    size_t max_queue;
    bool closing;
    unsigned count;
    pthread_t threads[];
};

static void task_end(task *t)
{
    if (t->user_free)
        t->user_free(t->user);
    perfopt__free(t);
}

/* Waits for a task; NULL when the pool is closing. Called with the lock held. */
static task *take(perfopt_workers *workers)
{
    while (!workers->first && !workers->closing)
        pthread_cond_wait(&workers->wake, &workers->lock);
    if (workers->closing)
        return NULL;
    task *t = workers->first;
    workers->first = t->next;
    if (!workers->first)
        workers->last = &workers->first;
    workers->queued--;
    return t;
}

static void *run(void *user)
{
    perfopt_workers *workers = user;
    pthread_mutex_lock(&workers->lock);
    for (task *t; (t = take(workers)) != NULL;) {
        pthread_mutex_unlock(&workers->lock);
        t->fn(t->user);
        task_end(t);
        pthread_mutex_lock(&workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

perfopt_status perfopt_workers_create(unsigned threads, size_t max_queue, perfopt_workers **out,
                                      perfopt_error *err)
{
    threads = threads ? threads : 4;
    perfopt_workers *workers =
        perfopt__calloc(1, sizeof(*workers) + threads * sizeof(workers->threads[0]));
    if (!workers)
        return perfopt__error_nomem(err);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    workers->last = &workers->first;
    workers->max_queue = max_queue ? max_queue : 1024;
    int failure = 0;
    for (; workers->count < threads; workers->count++) {
        failure = pthread_create(&workers->threads[workers->count], NULL, run, workers);
        if (failure)
            break;
    }
    if (workers->count == 0) {
        perfopt_workers_destroy(workers);
        return perfopt__error_os(err, PERFOPT_EFAILED, failure, "cannot start a worker thread");
    }
    *out = workers;
    return PERFOPT_OK;
}

static perfopt_status enqueue(perfopt_workers *workers, task *t)
{
    perfopt_status status = PERFOPT_OK;
    pthread_mutex_lock(&workers->lock);
    if (workers->closing) {
        status = PERFOPT_ECLOSED;
    } else if (workers->queued >= workers->max_queue) {
        status = PERFOPT_ELIMIT;
    } else {
        *workers->last = t;
        workers->last = &t->next;
        workers->queued++;
        pthread_cond_signal(&workers->wake);
    }
    pthread_mutex_unlock(&workers->lock);
    return status;
}

perfopt_status perfopt_workers_submit(perfopt_workers *workers, perfopt_task_fn fn, void *user,
                                      perfopt_free_fn user_free)
{
    task *t = perfopt__malloc(sizeof(*t));
    if (!t) {
        if (user_free)
            user_free(user);
        return PERFOPT_ENOMEM;
    }
    *t = (task){NULL, fn, user, user_free};
    perfopt_status status = enqueue(workers, t);
    if (status != PERFOPT_OK)
        task_end(t);
    return status;
}

void perfopt_workers_destroy(perfopt_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->closing = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    for (task *t = workers->first; t;) {
        task *next = t->next;
        task_end(t);
        t = next;
    }
    pthread_cond_destroy(&workers->wake);
    pthread_mutex_destroy(&workers->lock);
    perfopt__free(workers);
}
