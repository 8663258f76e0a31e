/*
 * test_policy.c - the eviction order: what is used stays, what is seen once goes first, and what
 * comes back soon is kept.
 */
#include "cache/cache_internal.h"
#include "helpers.h"

#define COUNT 64

static perfopt__entry entries[COUNT];

static void reset(perfopt__policy *policy)
{
    assert_int_equal(perfopt__policy_init(policy, 2000), PERFOPT_OK);
    memset(entries, 0, sizeof(entries));
    for (size_t i = 0; i < COUNT; i++) {
        entries[i].hash = (i + 1) * 0x9E3779B97F4A7C15u;
        entries[i].cost = 100;
    }
}

static void test_scan_does_not_evict_what_is_used(void **state)
{
    (void)state;
    perfopt__policy policy;
    reset(&policy);
    for (size_t i = 0; i < 20; i++)
        perfopt__policy_insert(&policy, &entries[i]);
    for (size_t i = 0; i < 5; i++) {
        perfopt__policy_touch(&entries[i]);
        perfopt__policy_touch(&entries[i]);
    }
    for (size_t i = 20; i < COUNT; i++) {
        const perfopt__entry *victim = perfopt__policy_evict(&policy);
        assert_non_null(victim);
        assert_true(victim - entries >= 5);
        perfopt__policy_insert(&policy, &entries[i]);
    }
    perfopt__policy_finish(&policy);
}

static void test_ghost_comes_back_to_main(void **state)
{
    (void)state;
    perfopt__policy policy;
    reset(&policy);
    for (size_t i = 0; i < 20; i++)
        perfopt__policy_insert(&policy, &entries[i]);
    perfopt__entry *victim = perfopt__policy_evict(&policy);
    assert_ptr_equal(victim, &entries[0]);
    perfopt__policy_insert(&policy, victim);
    assert_int_equal(victim->queue, 1);
    perfopt__policy_remove(&policy, victim);
    perfopt__policy_insert(&policy, victim); /* the ghost is used up */
    assert_int_equal(victim->queue, 0);
    perfopt__policy_finish(&policy);
}

static void test_empties_completely(void **state)
{
    (void)state;
    perfopt__policy policy;
    reset(&policy);
    for (size_t i = 0; i < COUNT; i++) {
        perfopt__policy_insert(&policy, &entries[i]);
        for (size_t hits = 0; hits < i % 5; hits++)
            perfopt__policy_touch(&entries[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        assert_non_null(perfopt__policy_evict(&policy));
    assert_null(perfopt__policy_evict(&policy));
    assert_true(policy.queues[0].bytes == 0 && policy.queues[1].bytes == 0);
    assert_true(policy.queues[0].count == 0 && policy.queues[1].count == 0);
    perfopt__policy_finish(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_does_not_evict_what_is_used),
        cmocka_unit_test(test_ghost_comes_back_to_main),
        cmocka_unit_test(test_empties_completely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
