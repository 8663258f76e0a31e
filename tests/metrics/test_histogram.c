/*
 * test_histogram.c - quantiles against sorted data over twelve distributions, edges, clamping,
 * merging.
 */
#include "metrics/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES 200000

static uint64_t random_state = 88172645463325252ull;

static double uniform(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return ((double)(random_state >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* Twelve shapes of durations in nanoseconds. */
static double draw(int distribution, int i)
{
    switch (distribution) {
    case 0:
        return 5e6; /* all equal */
    case 1:
        return 1e3 + uniform() * 1e6;
    case 2:
        return 1e3 + uniform() * 3.6e12;
    case 3:
        return 1e3 - log(uniform()) * 2e7; /* exponential */
    case 4:
        return 1e3 + exp(15 + 2 * normal()); /* log-normal */
    case 5:
        return 1e5 / pow(uniform(), 1 / 1.2); /* Pareto */
    case 6:
        return uniform() < 0.9 ? 2e6 + uniform() * 1e5 : 2e9 + uniform() * 1e8; /* two modes */
    case 7:
        return fabs(5e7 + 1e7 * normal()) + 1e3;
    case 8:
        return 1e3 + i * 1e4; /* rising */
    case 9:
        return 1e3 + (SAMPLES - i) * 1e4; /* falling */
    case 10:
        return ldexp(1e3, (int)(uniform() * 31)); /* powers of two: bucket edges */
    default:
        return i % 1000 == 0 ? 3e12 : 1.1e3; /* rare outliers */
    }
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void check_quantiles(const perfopt__histogram *h, const int64_t *sorted)
{
    static const double qs[] = {0.0001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1};
    for (size_t i = 0; i < sizeof(qs) / sizeof(qs[0]); i++) {
        int64_t rank = (int64_t)ceil(qs[i] * SAMPLES);
        int64_t exact = sorted[rank < 1 ? 0 : rank - 1];
        int64_t found = perfopt__histogram_quantile(h, qs[i]);
        assert_true(found >= exact); /* the upper edge */
        assert_int_equal(perfopt__histogram_index(found), perfopt__histogram_index(exact));
        assert_true((double)(found - exact) <= 0.0625 * (double)exact);
    }
}

static void quantiles_of_twelve_distributions(void **state)
{
    (void)state;
    int64_t *values = malloc(SAMPLES * sizeof(*values));
    perfopt__histogram *h = malloc(4 * sizeof(*h));
    assert_non_null(values);
    assert_non_null(h);
    for (int d = 0; d < 12; d++) {
        memset(h, 0, 4 * sizeof(*h));
        uint64_t sum = 0;
        for (int i = 0; i < SAMPLES; i++) {
            int64_t v = (int64_t)fmin(draw(d, i), 4.3e12);
            values[i] = v;
            sum += (uint64_t)v;
            perfopt__histogram_record(&h[0], v);
            perfopt__histogram_record(&h[1 + i % 2], v); /* two parts, merged below */
        }
        qsort(values, SAMPLES, sizeof(*values), ascending);
        assert_int_equal(h->count, SAMPLES);
        assert_int_equal(h->max_ns, values[SAMPLES - 1]);
        assert_int_equal(h->sum_ns, sum);
        assert_int_equal(h->out_of_range, 0);
        check_quantiles(h, values);
        perfopt__histogram_merge(&h[3], &h[1]);
        perfopt__histogram_merge(&h[3], &h[2]);
        assert_memory_equal(&h[3], &h[0], sizeof(*h));
    }
    free(values);
    free(h);
}

static void buckets_cover_the_range_without_holes(void **state)
{
    (void)state;
    assert_int_equal(perfopt__histogram_lower(0), 0);
    for (uint32_t i = 0; i < PERFOPT__HISTOGRAM_BUCKETS; i++) {
        int64_t low = perfopt__histogram_lower(i), high = perfopt__histogram_upper(i);
        assert_int_equal(perfopt__histogram_index(low), i);
        assert_int_equal(perfopt__histogram_index(high), i);
        if (low >= 1024)
            assert_true((double)(high + 1 - low) <= 0.0625 * (double)low);
    }
    assert_int_equal(perfopt__histogram_upper(PERFOPT__HISTOGRAM_BUCKETS - 1),
                     PERFOPT__HISTOGRAM_MAX_NS);
    assert_true(PERFOPT__HISTOGRAM_MAX_NS > INT64_C(3600) * 1000000000);
}

static void out_of_range_is_clamped_and_counted(void **state)
{
    (void)state;
    static perfopt__histogram h;
    perfopt__histogram_record(&h, -1);
    perfopt__histogram_record(&h, INT64_MIN);
    perfopt__histogram_record(&h, INT64_MAX);
    perfopt__histogram_record(&h, 0);
    assert_int_equal(h.count, 4);
    assert_int_equal(h.out_of_range, 3);
    assert_int_equal(h.buckets[0], 3);
    assert_int_equal(h.buckets[PERFOPT__HISTOGRAM_BUCKETS - 1], 1);
    assert_int_equal(h.max_ns, INT64_MAX);
    assert_int_equal(perfopt__histogram_quantile(&h, 1), PERFOPT__HISTOGRAM_MAX_NS);
    assert_int_equal(h.sum_ns, PERFOPT__HISTOGRAM_MAX_NS);
}

static void nothing_recorded_has_no_quantile(void **state)
{
    (void)state;
    static perfopt__histogram h;
    assert_int_equal(perfopt__histogram_quantile(&h, 0.5), -1);
}

static void a_maximum_taken_too_early_does_not_lower_quantiles(void **state)
{
    (void)state;
    static perfopt__histogram h;
    assert_int_equal(perfopt__histogram_max(&h), -1);
    perfopt__histogram_record(&h, 1000000);
    assert_int_equal(perfopt__histogram_max(&h), 1000000);
    perfopt__histogram_record(&h, 900000000);
    assert_int_equal(perfopt__histogram_max(&h), 900000000);
    h.max_ns = 1000000; /* the other one was taken with an earlier part */
    uint32_t bucket = perfopt__histogram_index(900000000);
    assert_int_equal(perfopt__histogram_quantile(&h, 1), perfopt__histogram_upper(bucket));
    assert_int_equal(perfopt__histogram_max(&h), perfopt__histogram_upper(bucket));
}

static void a_cell_gives_the_same_numbers(void **state)
{
    (void)state;
    static perfopt__histogram direct, read;
    static perfopt__histogram_cell cell;
    for (int i = 0; i < 10000; i++) {
        int64_t v = (int64_t)(uniform() * 1e9) - 1000;
        perfopt__histogram_record(&direct, v);
        perfopt__histogram_cell_record(&cell, v);
    }
    perfopt__histogram_add_cell(&read, &cell);
    read.max_ns = perfopt__histogram_take_max(&cell);
    assert_memory_equal(&read, &direct, sizeof(read));
    assert_int_equal(perfopt__histogram_take_max(&cell), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_twelve_distributions),
        cmocka_unit_test(buckets_cover_the_range_without_holes),
        cmocka_unit_test(out_of_range_is_clamped_and_counted),
        cmocka_unit_test(nothing_recorded_has_no_quantile),
        cmocka_unit_test(a_maximum_taken_too_early_does_not_lower_quantiles),
        cmocka_unit_test(a_cell_gives_the_same_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
