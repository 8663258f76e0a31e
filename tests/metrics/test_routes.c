/*
 * test_routes.c - registering, recording and reading routes: exact sums from many threads,
 * overflow, no allocation and no system call after the first request.
 */
#include "metrics/routes.h"
#include "support/failing_alloc.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

static perfopt__routes *create(uint32_t max)
{
    perfopt__routes *routes = NULL;
    assert_int_equal(perfopt__routes_create(max, &routes), PERFOPT_OK);
    return routes;
}

static perfopt__route_sums read_route(perfopt__routes *routes, uint32_t route)
{
    perfopt__route_sums sums = {0};
    perfopt__routes_read(routes, route, &sums);
    perfopt__routes_take_max(routes, route, &sums);
    return sums;
}

static void the_same_pair_has_the_same_number(void **state)
{
    (void)state;
    perfopt__routes *routes = create(10);
    uint32_t home = perfopt__routes_intern(routes, "GET", "/", 0);
    assert_int_not_equal(home, 0);
    assert_int_equal(perfopt__routes_intern(routes, "GET", "/", 50), home);
    uint32_t post = perfopt__routes_intern(routes, "POST", "/", 0);
    assert_int_not_equal(post, home);
    uint32_t odd = perfopt__routes_intern(routes, "BREW\"\n", "/", 0);
    assert_int_equal(perfopt__routes_intern(routes, "WHEN", "/", 0), odd);
    const char *method, *template;
    perfopt__routes_name(routes, odd, &method, &template);
    assert_string_equal(method, "_OTHER");
    assert_string_equal(template, "/");
    assert_int_equal(perfopt__routes_count(routes), 4);
    assert_int_equal(perfopt__routes_find(routes, "/", 1), home);
    assert_int_equal(perfopt__routes_find(routes, "/x", 2), 0);
    perfopt__routes_destroy(routes);
}

static void routes_past_the_limit_overflow_and_totals_stay_right(void **state)
{
    (void)state;
    perfopt__routes *routes = create(5);
    perfopt__route_sample sample = {.took_ns = MS, .status = 200};
    for (int i = 0; i < 100; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/%d", i);
        uint32_t route = perfopt__routes_intern(routes, "GET", path, 0);
        assert_int_equal(route == 0, i >= 5);
        perfopt__routes_record(routes, route, &sample);
    }
    perfopt__routes_record(routes, 4711, &sample); /* no such number */
    assert_int_equal(read_route(routes, 0).took.count, 96);
    for (uint32_t r = 1; r <= 5; r++)
        assert_int_equal(read_route(routes, r).took.count, 1);
    assert_int_equal(perfopt__routes_dropped(routes), 0);
    perfopt__routes_destroy(routes);
}

static void everything_of_a_sample_is_counted(void **state)
{
    (void)state;
    perfopt__routes *routes = create(0);
    uint32_t r = perfopt__routes_intern(routes, "GET", "/a", 100);
    perfopt_scope_stats scope = {.db_ns = 5,
                                 .render_ns = 7 * MS,
                                 .queries = 9,
                                 .queries_saved = 2,
                                 .cache_hits = 3,
                                 .cache_misses = 1,
                                 .renders = 1,
                                 .most_repeated = 5};
    const int statuses[] = {200, 204, 302, 404, 500, 0, 101, 999, -3};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        perfopt__route_sample sample = {.took_ns = (int64_t)(i + 1) * 20 * MS,
                                        .response_bytes = 1000 + i,
                                        .status = statuses[i],
                                        .from_page_cache = i < 2,
                                        .over_query_budget = i == 3,
                                        .scope = i == 0 ? &scope : NULL};
        perfopt__routes_record(routes, r, &sample);
    }
    perfopt__route_sums sums = read_route(routes, r);
    assert_int_equal(sums.took.count, 9);
    assert_int_equal(sums.took.max_ns, 180 * MS);
    assert_int_equal(sums.took.sum_ns, 900 * MS);
    const uint64_t expected[PERFOPT__ROUTE_COUNTERS] = {
        [PERFOPT__ROUTE_2XX] = 3,
        [PERFOPT__ROUTE_3XX] = 1,
        [PERFOPT__ROUTE_4XX] = 1,
        [PERFOPT__ROUTE_5XX] = 3,
        [PERFOPT__ROUTE_ABORTED] = 1,
        [PERFOPT__ROUTE_SLOW] = 4, /* above 100 ms */
        [PERFOPT__ROUTE_BYTES] = 9036,
        [PERFOPT__ROUTE_PAGE_CACHE] = 2,
        [PERFOPT__ROUTE_OVER_BUDGET] = 1,
        [PERFOPT__ROUTE_N_PLUS_ONE] = 1,
        [PERFOPT__ROUTE_QUERIES] = 9,
        [PERFOPT__ROUTE_QUERIES_SAVED] = 2,
        [PERFOPT__ROUTE_DB_NS] = 5,
        [PERFOPT__ROUTE_RENDERS] = 1,
        [PERFOPT__ROUTE_RENDER_NS] = 7 * MS,
        [PERFOPT__ROUTE_CACHE_HITS] = 3,
        [PERFOPT__ROUTE_CACHE_MISSES] = 1,
    };
    for (int i = 0; i < PERFOPT__ROUTE_COUNTERS; i++)
        assert_int_equal(sums.counters[i], expected[i]);
    assert_int_equal(sums.most_queries, 9);
    perfopt__route_sums render = read_route(routes, perfopt__routes_render(routes));
    assert_int_equal(render.took.count, 1);
    assert_int_equal(render.took.max_ns, 7 * MS);
    assert_int_equal(read_route(routes, r).took.max_ns, 0); /* was taken */
    uint64_t sizes[PERFOPT__SIZE_BOUNDS + 1], bytes;
    perfopt__routes_sizes(routes, r, sizes, &bytes);
    assert_int_equal(sizes[0], 1); /* 1000 is in le="1000" */
    assert_int_equal(sizes[1], 8);
    assert_int_equal(bytes, 9036);
    perfopt__routes_destroy(routes);
}

static void thresholds_follow_route_and_default(void **state)
{
    (void)state;
    perfopt__routes *routes = create(0);
    uint32_t plain = perfopt__routes_intern(routes, "GET", "/plain", 0);
    uint32_t own = perfopt__routes_intern(routes, "GET", "/own", 300);
    perfopt__route_sample sample = {.took_ns = 400 * MS, .status = 200};
    perfopt__routes_record(routes, plain, &sample);
    perfopt__routes_record(routes, own, &sample);
    assert_int_equal(read_route(routes, plain).counters[PERFOPT__ROUTE_SLOW], 0);
    assert_int_equal(read_route(routes, own).counters[PERFOPT__ROUTE_SLOW], 1);
    perfopt__routes_set_slow_ms(routes, 350);
    perfopt__routes_record(routes, plain, &sample);
    assert_int_equal(read_route(routes, plain).counters[PERFOPT__ROUTE_SLOW], 1);
    perfopt__routes_destroy(routes);
}

static void switched_off_nothing_is_recorded(void **state)
{
    (void)state;
    perfopt__routes *routes = create(0);
    perfopt__routes_set_enabled(routes, false);
    perfopt__routes_record(routes, 0, &(perfopt__route_sample){.status = 200});
    assert_int_equal(read_route(routes, 0).took.count, 0);
    perfopt__routes_destroy(routes);
}

static void durations_below_the_bounds_are_exact(void **state)
{
    (void)state;
    perfopt__routes *routes = create(0);
    const int64_t took[] = {5 * MS, 5 * MS + 1, 2000 * MS, 2000 * MS + 1, 11000 * MS};
    for (size_t i = 0; i < 5; i++)
        perfopt__routes_record(
            routes, 0, &(perfopt__route_sample){.took_ns = took[i], .status = i < 4 ? 200 : 503});
    perfopt__status_sums statuses[PERFOPT__ROUTE_STATUSES];
    assert_int_equal(perfopt__routes_statuses(routes, 0, statuses), 2);
    assert_int_equal(statuses[0].status, 200);
    assert_int_equal(statuses[1].status, 503);
    uint64_t until_2s = 0;
    for (int i = 0; perfopt__duration_bounds_ns[i] <= 2000 * MS; i++)
        until_2s += statuses[0].buckets[i];
    assert_int_equal(until_2s, 3);
    assert_int_equal(statuses[0].buckets[0], 1);
    assert_int_equal(statuses[1].buckets[PERFOPT__DURATION_BOUNDS], 1);
    perfopt__routes_destroy(routes);
}

static void status_codes_are_bounded_and_totals_stay_right(void **state)
{
    (void)state;
    perfopt__routes *routes = create(0);
    size_t live = test_alloc_live();
    for (int status = 200; status < 300; status++)
        perfopt__routes_record(routes, 0, &(perfopt__route_sample){.status = status});
    perfopt__status_sums statuses[PERFOPT__ROUTE_STATUSES];
    assert_int_equal(perfopt__routes_statuses(routes, 0, statuses), PERFOPT__ROUTE_STATUSES);
    assert_true(test_alloc_live() - live <= PERFOPT__ROUTE_STATUSES + 2);
    assert_int_equal(statuses[0].status, -1);
    assert_int_equal(statuses[0].buckets[0], 84);
    uint64_t all = 0;
    for (int i = 0; i < PERFOPT__ROUTE_STATUSES; i++)
        all += statuses[i].buckets[0];
    assert_int_equal(all, 100);
    perfopt__routes_destroy(routes);
}

/* ---- threads ------------------------------------------------------------------------------ */

#define RECORDERS 8
#define EACH      20000

struct run {
    perfopt__routes *routes;
    _Atomic bool stop;
    _Atomic uint64_t readings;
};

static void *recorder(void *user)
{
    struct run *run = user;
    perfopt_scope_stats scope = {.queries = 2, .renders = 1, .render_ns = MS};
    for (int i = 0; i < EACH; i++) {
        char path[16];
        snprintf(path, sizeof(path), "/%d", i % 7);
        uint32_t route = perfopt__routes_intern(run->routes, "GET", path, 0);
        perfopt__route_sample sample = {.took_ns = (i % 100) * MS,
                                        .response_bytes = 10,
                                        .status = i % 10 ? 200 : 500,
                                        .scope = &scope};
        perfopt__routes_record(run->routes, route, &sample);
    }
    return NULL;
}

static void *reader(void *user)
{
    struct run *run = user;
    perfopt__route_sums *sums = malloc(sizeof(*sums));
    uint64_t last = 0;
    while (sums && !run->stop) {
        memset(sums, 0, sizeof(*sums));
        for (uint32_t r = 0; r < perfopt__routes_count(run->routes); r++)
            perfopt__routes_read(run->routes, r, sums);
        assert_true(sums->took.count >= last);
        last = sums->took.count;
        perfopt__status_sums statuses[PERFOPT__ROUTE_STATUSES];
        perfopt__routes_statuses(run->routes, 1, statuses);
        run->readings++;
    }
    free(sums);
    return NULL;
}

static void recorders_and_readers_at_once_lose_nothing(void **state)
{
    (void)state;
    struct run run = {.routes = create(0)};
    pthread_t recorders[RECORDERS], readers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, reader, &run), 0);
    for (int i = 0; i < RECORDERS; i++)
        assert_int_equal(pthread_create(&recorders[i], NULL, recorder, &run), 0);
    for (int i = 0; i < RECORDERS; i++)
        pthread_join(recorders[i], NULL);
    run.stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    perfopt__route_sums sums = {0};
    for (uint32_t r = 0; r < perfopt__routes_count(run.routes); r++)
        perfopt__routes_read(run.routes, r, &sums);
    assert_int_equal(sums.took.count, RECORDERS * EACH);
    assert_int_equal(sums.counters[PERFOPT__ROUTE_5XX], RECORDERS * EACH / 10);
    assert_int_equal(sums.counters[PERFOPT__ROUTE_QUERIES], RECORDERS * EACH * 2);
    assert_int_equal(read_route(run.routes, perfopt__routes_render(run.routes)).took.count,
                     RECORDERS * EACH);
    assert_int_equal(perfopt__routes_dropped(run.routes), 0);
    perfopt__routes_destroy(run.routes);
}

static void *one_request(void *user)
{
    perfopt__routes_record(user, 1, &(perfopt__route_sample){.took_ns = MS, .status = 200});
    return NULL;
}

static void thread_churn_neither_loses_counts_nor_grows(void **state)
{
    (void)state;
    perfopt__routes *routes = create(0);
    perfopt__routes_intern(routes, "GET", "/", 0);
    size_t live = 0;
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, one_request, routes), 0);
        pthread_join(thread, NULL);
        if (i == 0)
            live = test_alloc_live();
    }
    assert_int_equal(test_alloc_live(), live);
    assert_int_equal(read_route(routes, 1).took.count, 1000);
    perfopt__routes_destroy(routes);
}

/* ---- memory ------------------------------------------------------------------------------- */

static void after_first_sight_nothing_is_allocated(void **state)
{
    (void)state;
    perfopt__routes *routes = create(0);
    uint32_t route = perfopt__routes_intern(routes, "GET", "/", 0);
    perfopt_scope_stats scope = {.queries = 1, .renders = 1};
    perfopt__route_sample sample = {.took_ns = MS, .status = 200, .scope = &scope};
    perfopt__routes_record(routes, route, &sample);
    test_alloc_fail_from(1);
    for (int i = 0; i < 10000; i++) {
        sample.took_ns = i * 12345;
        perfopt__routes_record(routes, route, &sample);
    }
    assert_false(test_alloc_stop()); /* no allocation was tried */
    assert_int_equal(perfopt__routes_dropped(routes), 0);
    assert_int_equal(read_route(routes, route).took.count, 10001);
    perfopt__routes_destroy(routes);
}

/* From here on every system call of this thread but exit_group kills the process. */
static int forbid_system_calls(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void after_first_sight_no_system_call_is_made(void **state)
{
    (void)state;
    perfopt__routes *routes = create(0);
    uint32_t route = perfopt__routes_intern(routes, "GET", "/", 0);
    perfopt_scope_stats scope = {.queries = 1, .renders = 1};
    perfopt__route_sample sample = {.took_ns = MS, .status = 200, .scope = &scope};
    perfopt__routes_record(routes, route, &sample);
    pid_t child = fork();
    if (child == 0) {
        if (forbid_system_calls() != 0)
            _exit(2);
        for (int i = 0; i < 100000; i++) {
            sample.took_ns = i * 12345;
            perfopt__routes_record(routes, route, &sample);
        }
        syscall(SYS_exit_group, 0);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    perfopt__routes_destroy(routes);
}

static bool work_without_memory(unsigned n)
{
    test_alloc_fail(n);
    perfopt__routes *routes = NULL;
    if (perfopt__routes_create(3, &routes) == PERFOPT_OK) {
        uint32_t route = perfopt__routes_intern(routes, "GET", "/", 0);
        perfopt_scope_stats scope = {.renders = 1};
        for (int i = 0; i < 5; i++)
            perfopt__routes_record(routes, route,
                                   &(perfopt__route_sample){.status = 200, .scope = &scope});
        perfopt__route_sums all = {0};
        for (uint32_t r = 0; r < perfopt__routes_count(routes); r++)
            perfopt__routes_read(routes, r, &all);
        assert_int_equal(all.took.count + perfopt__routes_dropped(routes), 5);
        assert_true(all.took.count >= 4); /* one failure costs one sample at most */
    } else {
        assert_null(routes);
    }
    bool failed = test_alloc_stop();
    perfopt__routes_destroy(routes);
    return failed;
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    size_t live = test_alloc_live();
    unsigned n = 1;
    while (work_without_memory(n))
        n++;
    assert_true(n > 6);
    assert_int_equal(test_alloc_live(), live);
}

int main(void)
{
    test_alloc_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_pair_has_the_same_number),
        cmocka_unit_test(routes_past_the_limit_overflow_and_totals_stay_right),
        cmocka_unit_test(everything_of_a_sample_is_counted),
        cmocka_unit_test(thresholds_follow_route_and_default),
        cmocka_unit_test(switched_off_nothing_is_recorded),
        cmocka_unit_test(durations_below_the_bounds_are_exact),
        cmocka_unit_test(status_codes_are_bounded_and_totals_stay_right),
        cmocka_unit_test(recorders_and_readers_at_once_lose_nothing),
        cmocka_unit_test(thread_churn_neither_loses_counts_nor_grows),
        cmocka_unit_test(after_first_sight_nothing_is_allocated),
        cmocka_unit_test(after_first_sight_no_system_call_is_made),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
