/*
 * cancel.c - PQcancel() opens a connection of its own and waits for the server to close it, without
 * a timeout. A server that is stopped would hold the caller for ever, so a thread does it; the
 * caller waits for it as long as it likes. At most MAX_STUCK such threads exist.
 */
#include "base/memory.h"
#include "db/db_internal.h"
#include "db/wait.h"

#include <pthread.h>
#include <signal.h>

#define MAX_STUCK 16

struct perfopt__cancel {
    pthread_mutex_t lock;
    pthread_cond_t done_changed;
    PGcancel *handle;
    unsigned refs; /* the thread's and the caller's */
    bool done;
    bool delivered;
};

static atomic_int running;

static void unref(perfopt__cancel *cancel)
{
    pthread_mutex_lock(&cancel->lock);
    bool last = --cancel->refs == 0;
    pthread_mutex_unlock(&cancel->lock);
    if (!last)
        return;
    PQfreeCancel(cancel->handle);
    pthread_cond_destroy(&cancel->done_changed);
    pthread_mutex_destroy(&cancel->lock);
    perfopt__free(cancel);
}

static void *run(void *user)
{
    perfopt__cancel *cancel = user;
    char ignored[256];
    bool delivered = PQcancel(cancel->handle, ignored, sizeof(ignored)) == 1;
    pthread_mutex_lock(&cancel->lock);
    cancel->done = true;
    cancel->delivered = delivered;
    pthread_cond_signal(&cancel->done_changed);
    pthread_mutex_unlock(&cancel->lock);
    unref(cancel);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static bool start_thread(perfopt__cancel *cancel)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&thread, &attributes, run, cancel);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failure == 0;
}

perfopt__cancel *perfopt__cancel_start(PGconn *pg)
{
    if (atomic_fetch_add(&running, 1) >= MAX_STUCK) {
        atomic_fetch_sub(&running, 1);
        return NULL;
    }
    perfopt__cancel *cancel = perfopt__calloc(1, sizeof(*cancel));
    PGcancel *handle = cancel ? PQgetCancel(pg) : NULL;
    if (handle) {
        pthread_mutex_init(&cancel->lock, NULL);
        perfopt__cond_init(&cancel->done_changed);
        cancel->handle = handle;
        cancel->refs = 2;
        if (start_thread(cancel))
            return cancel;
        pthread_cond_destroy(&cancel->done_changed);
        pthread_mutex_destroy(&cancel->lock);
        PQfreeCancel(handle);
    }
    perfopt__free(cancel);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

bool perfopt__cancel_join(perfopt__cancel *cancel, int64_t deadline_ns)
{
    pthread_mutex_lock(&cancel->lock);
    while (!cancel->done && perfopt__cond_wait(&cancel->done_changed, &cancel->lock, deadline_ns))
        ;
    bool delivered = cancel->done && cancel->delivered;
    pthread_mutex_unlock(&cancel->lock);
    unref(cancel);
    return delivered;
}
