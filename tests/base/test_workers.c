/*
 * test_workers.c - the worker pool: order, limits, and that every task's argument is freed once.
 */
#include <perfopt/base.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static atomic_int ran;
static atomic_int freed;

static void count(void *user)
{
    (void)user;
    atomic_fetch_add(&ran, 1);
}

static void count_free(void *user)
{
    (void)user;
    atomic_fetch_add(&freed, 1);
}

/* A gate that tasks wait at until the test opens it. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int waiting;
    bool open;
} gate;

static void wait_at(void *user)
{
    gate *g = user;
    pthread_mutex_lock(&g->lock);
    g->waiting++;
    pthread_cond_broadcast(&g->changed);
    while (!g->open)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void until_waiting(gate *g, int n)
{
    pthread_mutex_lock(&g->lock);
    while (g->waiting < n)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void open_gate(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static int reset(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    atomic_store(&freed, 0);
    return 0;
}

static void open_it(void *user)
{
    open_gate(user);
}

static void every_task_runs_and_is_freed_once(void **state)
{
    (void)state;
    gate done = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    perfopt_workers *workers;
    assert_int_equal(perfopt_workers_create(1, 200, &workers, NULL), PERFOPT_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(perfopt_workers_submit(workers, count, NULL, count_free), PERFOPT_OK);
    assert_int_equal(perfopt_workers_submit(workers, open_it, &done, NULL), PERFOPT_OK);
    wait_at(&done); /* one thread, so the last task runs after the others */
    assert_int_equal(atomic_load(&ran), 100);
    perfopt_workers_destroy(workers);
    assert_int_equal(atomic_load(&freed), 100);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    perfopt_workers *workers;
    assert_int_equal(perfopt_workers_create(2, 3, &workers, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_workers_submit(workers, wait_at, &g, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_workers_submit(workers, wait_at, &g, NULL), PERFOPT_OK);
    until_waiting(&g, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(perfopt_workers_submit(workers, count, NULL, count_free), PERFOPT_OK);
    assert_int_equal(perfopt_workers_submit(workers, count, NULL, count_free), PERFOPT_ELIMIT);
    assert_int_equal(atomic_load(&freed), 1); /* the refused one, before the call returned */
    open_gate(&g);
    perfopt_workers_destroy(workers);
    assert_int_equal(atomic_load(&freed), 4); /* run or dropped, each once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_task_runs_and_is_freed_once, reset),
        cmocka_unit_test_setup(a_full_queue_refuses, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
