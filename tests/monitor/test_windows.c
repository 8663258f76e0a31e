/*
 * test_windows.c - packed steps give back what was put in; windows hold what belongs to them;
 * quantiles of a window are those of all its values; gaps stay gaps; memory stays bounded.
 */
#include "monitor/windows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS     INT64_C(1000000)
#define RENDER 6 /* routes 0 to 5 */

static perfopt__windows w;
static uint64_t random_state;

static uint64_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static bool is_span(void *user, uint32_t route)
{
    (void)user;
    return route == 5;
}

static int start(void **state)
{
    (void)state;
    random_state = 88172645463325252ull;
    return perfopt__windows_init(&w, RENDER, 16 << 20, is_span, NULL);
}

static int stop(void **state)
{
    (void)state;
    perfopt__windows_finish(&w);
    return 0;
}

static void record(uint32_t route, int64_t took_ns)
{
    perfopt__route_sums *sums = perfopt__tally_route(&w.open, route);
    assert_non_null(sums);
    perfopt__histogram_record(&sums->took, took_ns);
    sums->counters[PERFOPT__ROUTE_2XX]++;
}

static perfopt__route_sums window(uint32_t window_s)
{
    perfopt__route_sums total = {0};
    perfopt__windows_total(&w, perfopt__windows_read(&w, window_s), &total);
    return total;
}

static perfopt__route_sums *into_one(void *user, uint32_t route)
{
    return route == 3 ? user : NULL;
}

static void a_step_gives_back_what_was_packed(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++)
        record(3, (int64_t)(draw() % (1ull << (10 + i % 33))));
    record(4, 1);
    perfopt__route_sums *in = perfopt__tally_route(&w.open, 3);
    for (int i = 0; i < PERFOPT__ROUTE_COUNTERS; i++)
        in->counters[i] = i % 3 ? draw() >> (i * 3) : 0;
    in->took.max_ns = INT64_MAX;
    in->took.out_of_range = 5;
    in->most_queries = 77;
    perfopt__step *step = perfopt__step_pack(&w.open, 12);
    assert_non_null(step);
    assert_int_equal(step->slot, 12);
    static perfopt__route_sums out;
    memset(&out, 0, sizeof(out));
    perfopt__step_unpack(step, into_one, &out);
    assert_memory_equal(&out, in, sizeof(out));
    free(step);
}

static void a_cut_step_does_not_read_past_its_end(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        record((uint32_t)i % 5, (int64_t)(draw() % (1ull << 30)));
    perfopt__step *step = perfopt__step_pack(&w.open, 0);
    assert_non_null(step);
    for (size_t length = 0; length < step->length; length++) {
        perfopt__step *cut = malloc(sizeof(*cut) + length);
        assert_non_null(cut);
        memcpy(cut, step, sizeof(*cut) + length);
        cut->length = length;
        perfopt__tally_clear(&w.scratch);
        perfopt__route_sums sums = {0};
        perfopt__step_unpack(cut, into_one, &sums);
        assert_true(sums.took.count <= 20);
        free(cut);
    }
    free(step);
}

/* One request per second for 80 h, value = its number; each window must hold exactly its own. */
static void windows_hold_what_belongs_to_them(void **state)
{
    (void)state;
    const int hours = 80;
    int64_t start_ms = 7230000; /* not at the beginning of an hour */
    int64_t now = start_ms;
    for (int i = 0; i < hours * 720; i++) {
        perfopt__windows_advance(&w, now, now + 5000);
        now += 5000;
        for (int n = 0; n < 5; n++)
            record(1 + (uint32_t)n % 4, (int64_t)i * 1000000 + n);
    }
    static const struct {
        uint32_t window_s, step_s;
    } cases[] = {{60, 10}, {300, 10}, {3600, 60}, {28800, 600}, {259200, 3600}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const perfopt__tally *tally = perfopt__windows_read(&w, cases[i].window_s);
        double covered_s = (double)tally->covered_ms / 1e3;
        perfopt__route_sums total = window(cases[i].window_s);
        assert_true(covered_s <= cases[i].window_s);
        assert_true(covered_s > cases[i].window_s - cases[i].step_s - 10);
        assert_int_equal(total.took.count, (uint64_t)covered_s);
        assert_int_equal(total.counters[PERFOPT__ROUTE_2XX], total.took.count);
        /* Its values are the newest ones: a uniform run up to the last. */
        double last = hours * 720.0 - 1, first = last - covered_s / 5 + 1;
        double p50 = (double)perfopt__histogram_quantile(&total.took, 0.5) / 1e6;
        double exact = first + (last - first) / 2;
        assert_true(p50 >= exact - 2 && p50 <= exact * 1.0625 + 2);
        assert_true((double)total.took.max_ns / 1e6 >= last);
    }
}

static void quantiles_of_a_window_are_those_of_all_values(void **state)
{
    (void)state;
    static perfopt__histogram all;
    memset(&all, 0, sizeof(all));
    for (int64_t now = 0; now < 240000; now += 5000) {
        perfopt__windows_advance(&w, now, now + 5000);
        for (int n = 0; n < 200; n++) {
            int64_t v = (int64_t)(draw() % (1ull << (12 + draw() % 28)));
            record(1 + (uint32_t)n % 4, v);
            perfopt__histogram_record(&all, v);
        }
    }
    record(5, 1); /* a span and a render are no requests */
    record(RENDER, 1);
    perfopt__route_sums total = window(300);
    assert_memory_equal(&total.took, &all, sizeof(all));
}

static void series_have_gaps_where_nothing_was_sampled(void **state)
{
    (void)state;
    int64_t now = 1000000;
    perfopt__gauges gauges = {.memory_ratio = 0.5, .cpu_ratio = NAN, .pool_in_use = 3};
    for (int i = 0; i < 20; i++) { /* 100 s */
        perfopt__windows_advance(&w, now, now + 5000);
        now += 5000;
        record(1, 20 * MS);
        perfopt__windows_gauges(&w, &gauges);
    }
    now += 60000; /* nobody sampled: suspended */
    for (int i = 0; i < 20; i++) {
        perfopt__windows_advance(&w, now, now + 5000);
        now += 5000;
        perfopt__windows_gauges(&w, &gauges);
    }
    double rps[30], p95[30], memory[30], cpu[30];
    int64_t t0;
    uint32_t step;
    assert_int_equal(perfopt__windows_series(&w, PERFOPT_SERIES_RPS, 300, rps, 30, &t0, &step), 30);
    assert_int_equal(step, 10);
    assert_int_equal(t0 + 30 * 10000, 1250000); /* up to the open step */
    perfopt__windows_series(&w, PERFOPT_SERIES_P95_MS, 300, p95, 30, &t0, &step);
    perfopt__windows_series(&w, PERFOPT_SERIES_MEMORY_RATIO, 300, memory, 30, &t0, &step);
    perfopt__windows_series(&w, PERFOPT_SERIES_CPU_RATIO, 300, cpu, 30, &t0, &step);
    int gaps = 0, busy = 0, idle = 0;
    for (int i = 0; i < 30; i++) {
        bool known = !isnan(rps[i]);
        gaps += !known;
        busy += known && rps[i] > 0;
        idle += known && rps[i] == 0;
        assert_true(isnan(cpu[i]));
        assert_int_equal(isnan(memory[i]), !known);
        assert_int_equal(isnan(p95[i]), !(known && rps[i] > 0)); /* no request: no quantile */
        if (known && rps[i] > 0)
            assert_true(fabs(rps[i] - 0.2) < 1e-6);
    }
    assert_int_equal(busy, 10);
    assert_int_equal(idle, 9); /* the tenth is open */
    assert_int_equal(gaps, 11);
    assert_int_equal(perfopt__windows_series(&w, PERFOPT_SERIES_RPS, 300, rps, 4, &t0, &step), 4);
    assert_int_equal(t0, 1250000 - 40000);
}

static void coarse_points_are_built_from_fine_ones(void **state)
{
    (void)state;
    int64_t now = 0;
    for (int i = 0; i < 1440; i++) { /* 2 h */
        perfopt__windows_advance(&w, now, now + 5000);
        now += 5000;
        record(1, (1 + i % 12) * 100 * MS);
        perfopt__gauges gauges = {.memory_ratio = i % 2 ? 0.2 : 0.4, .cpu_ratio = 0.1};
        gauges.pool_in_use = NAN;
        perfopt__windows_gauges(&w, &gauges);
    }
    perfopt__windows_advance(&w, now, now + 5000);
    for (int i = 0; i < 2; i++) {
        double rps[480], memory[480], p95[480];
        int64_t t0;
        uint32_t step, window_s = i ? 259200 : 28800;
        size_t n = perfopt__windows_series(&w, PERFOPT_SERIES_RPS, window_s, rps, 480, &t0, &step);
        perfopt__windows_series(&w, PERFOPT_SERIES_MEMORY_RATIO, window_s, memory, 480, &t0, &step);
        perfopt__windows_series(&w, PERFOPT_SERIES_P95_MS, window_s, p95, 480, &t0, &step);
        assert_int_equal(step, i ? 600 : 60);
        assert_int_equal(n, i ? 432 : 480);
        size_t known = 0;
        for (size_t k = 0; k < n; k++) {
            if (isnan(rps[k]))
                continue;
            known++;
            assert_true(fabs(rps[k] - 0.2) < 1e-6);
            assert_true(fabs(memory[k] - 0.3) < 1e-6);
            assert_true(p95[k] >= 1200 && p95[k] < 1200 * 1.0625);
        }
        assert_int_equal(known, i ? 12 : 120);
        assert_false(isnan(rps[n - 1]));
    }
}

static void windows_are_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(perfopt__window_round(0), 300);
    assert_int_equal(perfopt__window_round(300), 300);
    assert_int_equal(perfopt__window_round(301), 3600);
    assert_int_equal(perfopt__window_round(3601), 28800);
    assert_int_equal(perfopt__window_round(28801), 259200);
    assert_int_equal(perfopt__window_round(UINT32_MAX), 259200);
}

static void clocks_may_stand_still_or_go_back(void **state)
{
    (void)state;
    perfopt__windows_advance(&w, 100000, 105000);
    record(1, MS);
    perfopt__windows_advance(&w, 105000, 105000);
    perfopt__windows_advance(&w, 50000, 50000);
    perfopt__windows_advance(&w, -5000, -4000);
    record(1, MS);
    assert_int_equal(window(300).took.count, 2);
    assert_int_equal(perfopt__windows_read(&w, 300)->covered_ms, 6000);
}

static void steps_stay_below_the_limit(void **state)
{
    (void)state;
    w.max_bytes = 20000;
    int64_t now = 0;
    uint64_t peak = 0;
    for (int i = 0; i < 3000; i++) {
        perfopt__windows_advance(&w, now, now + 10000);
        now += 10000;
        for (int n = 0; n < 100; n++)
            record((uint32_t)n % 5, (int64_t)(draw() % (1ull << 36)));
        uint64_t bytes = 0;
        for (int r = 0; r < PERFOPT__RINGS; r++)
            bytes += w.rings[r].bytes;
        peak = bytes > peak ? bytes : peak;
    }
    assert_true(peak <= 20000);
    assert_true(peak > 10000);
    assert_true(w.lost > 0);
    assert_true(window(300).took.count > 0); /* the newest are there */
}

static void cleared_windows_are_empty(void **state)
{
    (void)state;
    for (int64_t now = 0; now < 4000000; now += 5000) {
        perfopt__windows_advance(&w, now, now + 5000);
        record(1, MS);
    }
    perfopt__windows_clear(&w);
    assert_int_equal(window(259200).took.count, 0);
    double points[10];
    int64_t t0;
    uint32_t step;
    perfopt__windows_series(&w, PERFOPT_SERIES_RPS, 3600, points, 10, &t0, &step);
    for (int i = 0; i < 10; i++)
        assert_true(isnan(points[i]));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(a_step_gives_back_what_was_packed),
        CASE(a_cut_step_does_not_read_past_its_end),
        CASE(windows_hold_what_belongs_to_them),
        CASE(quantiles_of_a_window_are_those_of_all_values),
        CASE(series_have_gaps_where_nothing_was_sampled),
        CASE(coarse_points_are_built_from_fine_ones),
        CASE(windows_are_rounded_up),
        CASE(clocks_may_stand_still_or_go_back),
        CASE(steps_stay_below_the_limit),
        CASE(cleared_windows_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
