/*
 * test_operations.c - the histograms of database operations are exact, also from many threads.
 */
#include "metrics/operations.h"

#include <perfopt/metrics.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define THREADS 80 /* more than there are stripes */
#define EACH    500

static void a_value_on_a_bound_belongs_below_it(void **state)
{
    (void)state;
    perfopt__operation_sums before, after;
    perfopt__operation_read(PERFOPT__OPERATION_POSTGRES, &before);
    perfopt__operation_record(PERFOPT__OPERATION_POSTGRES, 1000000);
    perfopt__operation_record(PERFOPT__OPERATION_POSTGRES, 1000001);
    perfopt__operation_record(PERFOPT__OPERATION_POSTGRES, INT64_C(11000000000));
    perfopt__operation_record(PERFOPT__OPERATION_POSTGRES, -5);
    perfopt__operation_read(PERFOPT__OPERATION_POSTGRES, &after);
    assert_int_equal(after.buckets[0] - before.buckets[0], 2);
    assert_int_equal(after.buckets[1] - before.buckets[1], 1);
    assert_int_equal(
        after.buckets[PERFOPT__OPERATION_BOUNDS] - before.buckets[PERFOPT__OPERATION_BOUNDS], 1);
    assert_int_equal(after.sum_ns - before.sum_ns, INT64_C(11002000001));
}

static void the_scope_functions_record(void **state)
{
    (void)state;
    perfopt__operation_sums pg, redis, after;
    perfopt__operation_read(PERFOPT__OPERATION_POSTGRES, &pg);
    perfopt__operation_read(PERFOPT__OPERATION_REDIS, &redis);
    perfopt_scope_add_query(1, 3000000, 1);
    perfopt_scope_add_cache(true, 0); /* answered in process: no operation */
    perfopt_scope_add_cache(true, 200000);
    perfopt__operation_read(PERFOPT__OPERATION_POSTGRES, &after);
    assert_int_equal(after.buckets[1] - pg.buckets[1], 1);
    perfopt__operation_read(PERFOPT__OPERATION_REDIS, &after);
    assert_int_equal(after.buckets[0] - redis.buckets[0], 1);
    assert_int_equal(after.sum_ns - redis.sum_ns, 200000);
}

static void *record_many(void *unused)
{
    for (int i = 0; i < EACH; i++)
        perfopt__operation_record(PERFOPT__OPERATION_REDIS, 2000000);
    return unused;
}

static void no_count_is_lost_between_threads(void **state)
{
    (void)state;
    perfopt__operation_sums before, after;
    perfopt__operation_read(PERFOPT__OPERATION_REDIS, &before);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_many, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    perfopt__operation_read(PERFOPT__OPERATION_REDIS, &after);
    assert_int_equal(after.buckets[1] - before.buckets[1], THREADS * EACH);
    assert_int_equal(after.sum_ns - before.sum_ns, THREADS * EACH * UINT64_C(2000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_on_a_bound_belongs_below_it),
        cmocka_unit_test(the_scope_functions_record),
        cmocka_unit_test(no_count_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
