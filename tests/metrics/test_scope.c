/*
 * test_scope.c - the per-request scope: nesting, repetition, forgotten inner scopes.
 */
#include <perfopt/metrics.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void work_is_added_to_the_innermost_scope(void **state)
{
    (void)state;
    perfopt_scope scope;
    perfopt_scope_begin(&scope);
    assert_ptr_equal(perfopt_scope_current(), &scope);
    perfopt_scope_add_query(7, 1000, 3);
    perfopt_scope_add_query(7, 500, 0);
    perfopt_scope_add_query(0, 1, 1);
    perfopt_scope_add_cache(true, 0);
    perfopt_scope_add_cache(false, 40);
    perfopt_scope_add_saved_query();
    perfopt_scope_add_render(9);
    perfopt_scope_end(&scope);
    assert_null(perfopt_scope_current());
    assert_int_equal(scope.stats.queries, 3);
    assert_int_equal(scope.stats.db_ns, 1501);
    assert_int_equal(scope.stats.rows, 4);
    assert_int_equal(scope.stats.most_repeated, 2);
    assert_int_equal(scope.stats.repeated_query, 7);
    assert_int_equal(scope.stats.cache_hits, 1);
    assert_int_equal(scope.stats.cache_misses, 1);
    assert_int_equal(scope.stats.cache_ns, 40);
    assert_int_equal(scope.stats.queries_saved, 1);
    assert_int_equal(scope.stats.renders, 1);
    assert_int_equal(scope.stats.render_ns, 9);
}

static void repetition_adds_up_across_nested_scopes(void **state)
{
    (void)state;
    perfopt_scope outer, inner;
    perfopt_scope_begin(&outer);
    perfopt_scope_add_query(5, 1, 0);
    for (int i = 0; i < 2; i++) {
        perfopt_scope_begin(&inner);
        perfopt_scope_add_query(5, 1, 0);
        perfopt_scope_add_query(5, 1, 0);
        perfopt_scope_end(&inner);
    }
    perfopt_scope_end(&outer);
    assert_int_equal(inner.stats.queries, 2);
    assert_int_equal(outer.stats.queries, 5);
    assert_int_equal(outer.stats.most_repeated, PERFOPT_N_PLUS_ONE_MIN);
    assert_int_equal(outer.stats.repeated_query, 5);
}

static void a_forgotten_inner_scope_is_ended_with_the_outer(void **state)
{
    (void)state;
    perfopt_scope outer, inner;
    perfopt_scope_begin(&outer);
    perfopt_scope_begin(&inner);
    perfopt_scope_add_render(3);
    perfopt_scope_end(&outer);
    assert_null(perfopt_scope_current());
    assert_int_equal(outer.stats.renders, 1);
    perfopt_scope_end(&inner); /* is open no more: nothing happens */
    assert_null(perfopt_scope_current());
    assert_int_equal(outer.stats.renders, 1);
}

static void the_thirty_third_statement_is_only_counted(void **state)
{
    (void)state;
    perfopt_scope scope;
    perfopt_scope_begin(&scope);
    for (uint64_t f = 1; f <= 40; f++)
        perfopt_scope_add_query(f, 1, 0);
    for (int i = 0; i < 9; i++)
        perfopt_scope_add_query(40, 1, 0);
    perfopt_scope_end(&scope);
    assert_int_equal(scope.stats.queries, 49);
    assert_int_equal(scope.seen_count, 32);
    assert_int_equal(scope.stats.most_repeated, 1);
}

static void without_a_scope_nothing_happens(void **state)
{
    (void)state;
    perfopt_scope_add_query(1, 1, 1);
    perfopt_scope_add_cache(true, 0);
    perfopt_scope_add_saved_query();
    perfopt_scope_add_render(1);
    assert_null(perfopt_scope_current());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_added_to_the_innermost_scope),
        cmocka_unit_test(repetition_adds_up_across_nested_scopes),
        cmocka_unit_test(a_forgotten_inner_scope_is_ended_with_the_outer),
        cmocka_unit_test(the_thirty_third_statement_is_only_counted),
        cmocka_unit_test(without_a_scope_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
