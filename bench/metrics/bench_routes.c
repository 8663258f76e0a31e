/*
 * bench_routes.c - what recording a request costs with 1 and 2 threads, as JSON lines:
 *
 *     record  perfopt__routes_record() alone
 *     probe   two clock readings and a record: the whole addition to a request
 *     scope   probe inside a scope with three queries and a cache read
 *
 * Windows are short and the smallest is reported, so that other work on the machine does not count.
 */
#include "base/clock.h"
#include "metrics/routes.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CALLS   2000
#define WINDOWS 2000
#define ROUTES  16

typedef void (*operation)(perfopt__routes *routes, const uint32_t *numbers, int i);

static void record(perfopt__routes *routes, const uint32_t *numbers, int i)
{
    perfopt__route_sample sample = {
        .took_ns = 1000000 + i * 1024, .response_bytes = 4096, .status = 200};
    perfopt__routes_record(routes, numbers[i % ROUTES], &sample);
}

static void probe(perfopt__routes *routes, const uint32_t *numbers, int i)
{
    int64_t started = perfopt__now_ns();
    int64_t now = perfopt__now_ns();
    perfopt__route_sample sample = {
        .now_ns = now, .took_ns = now - started, .response_bytes = 4096, .status = 200};
    perfopt__routes_record(routes, numbers[i % ROUTES], &sample);
}

static void scope(perfopt__routes *routes, const uint32_t *numbers, int i)
{
    perfopt_scope s;
    perfopt_scope_begin(&s);
    for (uint64_t q = 1; q <= 3; q++)
        perfopt_scope_add_query(q, 1000, 1);
    perfopt_scope_add_cache(true, 0);
    perfopt_scope_end(&s);
    perfopt__route_sample sample = {.took_ns = perfopt__now_ns() - s.stats.started_ns,
                                    .response_bytes = 4096,
                                    .status = 200,
                                    .scope = &s.stats};
    perfopt__routes_record(routes, numbers[i % ROUTES], &sample);
}

struct job {
    operation op;
    perfopt__routes *routes;
    uint32_t numbers[ROUTES];
    pthread_barrier_t *start;
    double best_ns;
};

static void *run(void *user)
{
    struct job *job = user;
    job->best_ns = 1e9;
    pthread_barrier_wait(job->start);
    for (int w = 0; w < WINDOWS; w++) {
        int64_t started = perfopt__now_ns();
        for (int i = 0; i < CALLS; i++)
            job->op(job->routes, job->numbers, i);
        double ns = (double)(perfopt__now_ns() - started) / CALLS;
        if (ns < job->best_ns)
            job->best_ns = ns;
    }
    return NULL;
}

static int measure(const char *name, operation op, unsigned threads)
{
    pthread_barrier_t start;
    struct job jobs[2] = {{.op = op, .start = &start}};
    if (perfopt__routes_create(0, &jobs[0].routes) != PERFOPT_OK ||
        pthread_barrier_init(&start, NULL, threads) != 0)
        return 1;
    for (int i = 0; i < ROUTES; i++) {
        char path[16];
        snprintf(path, sizeof(path), "/%d", i);
        jobs[0].numbers[i] = perfopt__routes_intern(jobs[0].routes, "GET", path, 0);
    }
    jobs[1] = jobs[0];
    pthread_t other;
    if (threads == 2 && pthread_create(&other, NULL, run, &jobs[1]) != 0)
        return 1;
    run(&jobs[0]);
    if (threads == 2)
        pthread_join(other, NULL);
    double worst =
        threads == 2 && jobs[1].best_ns > jobs[0].best_ns ? jobs[1].best_ns : jobs[0].best_ns;
    printf("{\"bench\":\"metrics/%s\",\"threads\":%u,\"ns\":%.1f}\n", name, threads, worst);
    perfopt__routes_destroy(jobs[0].routes);
    pthread_barrier_destroy(&start);
    return 0;
}

int main(void)
{
    int failed = 0;
    for (unsigned threads = 1; threads <= 2; threads++) {
        failed |= measure("record", record, threads);
        failed |= measure("probe", probe, threads);
        failed |= measure("scope", scope, threads);
    }
    return failed;
}
