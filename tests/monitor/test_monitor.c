/*
 * test_monitor.c - summaries, routes, series, spans, reset, switched off, clock jumps, the sampler
 * thread.
 */
#include "base/clock.h"
#include "monitor/fixture.h"
#include "support/fake_clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int start(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof(f));
    fixture_start(&f, NULL);
    *state = &f;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    return 0;
}

static perfopt_summary summary(fixture *f, uint32_t window_s)
{
    perfopt_summary s;
    perfopt_monitor_get_summary(f->monitor, window_s, &s);
    return s;
}

static void without_requests_there_are_no_numbers(void **state)
{
    fixture *f = *state;
    fixture_run(f, 30);
    perfopt_summary s = summary(f, 1);
    assert_int_equal(s.window_s, 300);
    assert_int_equal(s.requests, 0);
    assert_true(s.requests_per_s == 0);
    assert_true(isnan(s.error_ratio) && isnan(s.p50_ms) && isnan(s.p99_ms) && isnan(s.max_ms));
    assert_true(isnan(s.queries_per_request) && isnan(s.cache_hit_ratio));
    assert_true(s.memory_ratio == 0.4);
    perfopt_route_stats routes[4];
    assert_int_equal(perfopt_monitor_get_routes(f->monitor, 300, false, routes, 4), 0);
}

static void a_summary_adds_all_routes_up(void **state)
{
    fixture *f = *state;
    fixture_record(f, 1, 90, 10 * MS, 200);
    fixture_record(f, 2, 6, 100 * MS, 404);
    fixture_record(f, 2, 3, 200 * MS, 500);
    fixture_record(f, 2, 1, 777 * MS, 0);
    f->source.active = 5;
    fixture_run(f, 10);
    perfopt_summary s = summary(f, 300);
    assert_int_equal(s.requests, 100);
    assert_int_equal(s.errors, 4);
    assert_true(s.error_ratio == 0.04);
    assert_true(s.requests_per_s == 10);
    assert_true(s.p50_ms >= 10 && s.p50_ms <= 10.625);
    assert_true(s.p95_ms >= 100 && s.p95_ms <= 106.25);
    assert_true(s.max_ms == 777);
    assert_int_equal(s.active_requests, 5);
}

static void routes_are_sorted_by_total_time(void **state)
{
    fixture *f = *state;
    perfopt_scope_stats scope = {.db_ns = 4 * MS,
                                 .render_ns = 2 * MS,
                                 .queries = 8,
                                 .cache_hits = 3,
                                 .cache_misses = 1,
                                 .renders = 1,
                                 .most_repeated = 6};
    perfopt__route_sample sample = {.took_ns = 2000 * MS,
                                    .status = 200,
                                    .scope = &scope,
                                    .over_query_budget = true,
                                    .from_page_cache = true};
    perfopt__routes_record(f->routes, 2, &sample);
    fixture_record(f, 2, 1, 1000 * MS, 302);
    fixture_record(f, 1, 100, 10 * MS, 200);
    fixture_run(f, 5);
    perfopt_route_stats r[4];
    assert_int_equal(perfopt_monitor_get_routes(f->monitor, 300, false, r, 4), 2);
    assert_string_equal(r[0].method, "GET");
    assert_string_equal(r[0].route, "/news/{id}");
    assert_int_equal(r[0].count, 2);
    assert_int_equal(r[0].status_2xx, 1);
    assert_int_equal(r[0].status_3xx, 1);
    assert_int_equal(r[0].slow, 1);
    assert_true(fabs(r[0].time_share - 0.75) < 1e-9);
    assert_true(r[0].mean_ms == 1500 && r[0].max_ms == 2000);
    assert_true(r[0].queries_per_request == 4 && r[0].most_queries == 8);
    assert_true(r[0].db_ms_per_request == 2 && r[0].render_ms_per_request == 1);
    assert_true(r[0].page_cache_ratio == 0.5 && r[0].cache_hit_ratio == 0.75);
    assert_int_equal(r[0].over_query_budget, 1);
    assert_int_equal(r[0].n_plus_one, 1);
    assert_true(isnan(r[1].cache_hit_ratio));
    assert_int_equal(perfopt_monitor_get_routes(f->monitor, 300, true, r, 4), 1);
    assert_string_equal(r[0].route, "/news/{id}");
    assert_int_equal(perfopt_monitor_get_routes(f->monitor, 300, false, r, 1), 1);
    assert_true(summary(f, 300).cache_hit_ratio == 0.75); /* from the scopes: there is no cache */
}

static void old_requests_leave_the_window(void **state)
{
    fixture *f = *state;
    fixture_record(f, 1, 50, 10 * MS, 200);
    fixture_run(f, 400);
    assert_int_equal(summary(f, 300).requests, 0);
    assert_int_equal(summary(f, 3600).requests, 50);
    fixture_run(f, 3600);
    assert_int_equal(summary(f, 3600).requests, 0);
    assert_int_equal(summary(f, 28800).requests, 50);
    fixture_run(f, 28800);
    assert_int_equal(summary(f, 28800).requests, 0);
    assert_int_equal(summary(f, 259200).requests, 50);
}

static void the_cache_ratio_comes_from_the_cache(void **state)
{
    fixture *f = *state;
    f->source.details.now.has_cache = true;
    fixture_run(f, 5);
    f->source.details.now.cache.hits_l1 = 30;
    f->source.details.now.cache.hits_l2 = 20;
    f->source.details.now.cache.absent_hits = 10;
    f->source.details.now.cache.misses = 20;
    fixture_run(f, 5);
    assert_true(summary(f, 300).cache_hit_ratio == 0.75);
}

static void spans_are_listed_with_the_method_span(void **state)
{
    fixture *f = *state;
    static const char name[] = "rebuild index";
    char copy[sizeof(name)];
    memcpy(copy, name, sizeof(name));
    {
        PERFOPT_SPAN(f->monitor, name);
        test_clock_advance_ms(40);
    }
    perfopt_span span = perfopt_span_begin(f->monitor, copy); /* equal text, another address */
    span.failed = true;
    test_clock_advance_ms(60);
    perfopt_span_end(&span);
    perfopt_span_end(&span); /* counts once */
    span = perfopt_span_begin(NULL, "nothing");
    perfopt_span_end(&span);
    fixture_record(f, 1, 1, 10 * MS, 200);
    fixture_run(f, 5);
    perfopt_route_stats r[4];
    assert_int_equal(perfopt_monitor_get_routes(f->monitor, 300, false, r, 4), 2);
    assert_string_equal(r[0].method, "SPAN");
    assert_string_equal(r[0].route, name);
    assert_int_equal(r[0].count, 2);
    assert_int_equal(r[0].status_5xx, 1);
    assert_true(r[0].max_ms == 60);
    assert_true(isnan(r[0].time_share));
    assert_true(r[1].time_share == 1);
    assert_int_equal(summary(f, 300).requests, 1);
}

static void too_many_span_names_share_one(void **state)
{
    fixture *f = *state;
    static char names[700][24];
    for (int i = 0; i < 700; i++) {
        snprintf(names[i], sizeof(names[i]), "span %d", i);
        for (int n = 0; n < 2; n++) {
            perfopt_span span = perfopt_span_begin(f->monitor, names[i]);
            perfopt_span_end(&span);
        }
    }
    fixture_run(f, 5);
    static perfopt_route_stats r[300];
    size_t count = perfopt_monitor_get_routes(f->monitor, 300, false, r, 300);
    uint64_t total = 0, other = 0;
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(r[i].method, "SPAN");
        total += r[i].count;
        other += strcmp(r[i].route, "(other)") == 0 ? r[i].count : 0;
    }
    assert_int_equal(total, 1400);
    assert_true(other > 0);
    assert_int_equal(summary(f, 300).requests, 0);
}

static void reset_begins_a_new_epoch(void **state)
{
    fixture *f = *state;
    fixture_record(f, 1, 50, 10 * MS, 200);
    fixture_run(f, 60);
    fixture_record(f, 1, 7, 10 * MS, 200); /* not sampled yet: belongs to the old epoch */
    perfopt_monitor_reset(f->monitor);
    fixture_record(f, 1, 3, 10 * MS, 200);
    fixture_run(f, 5);
    assert_int_equal(summary(f, 300).requests, 3);
    perfopt_monitor_self self;
    perfopt_monitor_get_self(f->monitor, &self);
    assert_int_equal(self.epoch, 1);
    assert_true(summary(f, 300).requests_per_s == 0.6);
}

static void wall_clock_jumps_do_not_move_windows(void **state)
{
    fixture *f = *state;
    double points[30];
    int64_t t0, moved;
    uint32_t step;
    for (int i = 0; i < 30; i++) {
        fixture_record(f, 1, 10, 10 * MS, 200);
        fixture_run(f, 5);
    }
    size_t n =
        perfopt_monitor_get_series(f->monitor, PERFOPT_SERIES_RPS, 300, points, 30, &t0, &step);
    assert_int_equal(n, 30);
    assert_true(points[29] == 2);
    /* The last point ends at most two steps before now. */
    assert_true(t0 + 300 >= perfopt__wall_s() - 20 && t0 + 300 <= perfopt__wall_s());
    test_clock_set_wall_ms(perfopt__wall_ms() + 86400000);
    for (int i = 0; i < 4; i++) {
        fixture_record(f, 1, 10, 10 * MS, 200);
        fixture_run(f, 5);
    }
    assert_int_equal(summary(f, 300).requests, 340);
    assert_true(summary(f, 300).requests_per_s == 2);
    perfopt_monitor_get_series(f->monitor, PERFOPT_SERIES_RPS, 300, points, 30, &moved, &step);
    assert_true(points[29] == 2);
    assert_true(moved - t0 > 86000);
    assert_int_equal(
        perfopt_monitor_get_series(f->monitor, (perfopt_series)99, 300, points, 30, &t0, &step), 0);
}

static void the_machine_can_be_read(void **state)
{
    fixture *f = *state;
    fixture_run(f, 60);
    perfopt_system s;
    perfopt_monitor_get_system(f->monitor, &s);
    assert_int_equal(s.uptime_s, 60);
    assert_true(s.process_cpu_ratio == 0);
    assert_string_equal(s.memory_source, "host");
    assert_true(s.sampled_ms > 1767225600000);
}

static void it_knows_what_it_costs(void **state)
{
    fixture *f = *state;
    perfopt_monitor_self self;
    fixture_record(f, 0, 9, MS, 200);
    perfopt_monitor_get_self(f->monitor, &self);
    assert_true(self.record_ns > 1 && self.record_ns < 100000);
    assert_int_equal(self.overflowed, 9);
    assert_int_equal(self.dropped, 0);
    assert_true(self.bytes > 100000 && self.bytes < 4 << 20);
}

static void switched_off_it_records_nothing(void **state)
{
    fixture *f = *state;
    perfopt_monitor *off = NULL;
    perfopt__monitor_setup setup = fixture_setup(f);
    assert_int_equal(perfopt__monitor_create_with(PERFOPT_MONITOR_OPTIONS(.enabled = PERFOPT_OFF),
                                                  &setup, &off, NULL),
                     PERFOPT_OK);
    perfopt_span span = perfopt_span_begin(off, "x");
    perfopt_span_end(&span);
    fixture_record(f, 1, 5, MS, 200);
    perfopt_monitor_sample(off);
    perfopt_monitor_reset(off);
    perfopt_summary s;
    perfopt_monitor_get_summary(off, 300, &s);
    assert_int_equal(s.requests, 0);
    perfopt_bytes *text = NULL;
    assert_int_equal(perfopt_monitor_prometheus(off, &text), PERFOPT_OK);
    perfopt_bytes_release(text);
    perfopt_recommendation advice[4];
    (void)perfopt_monitor_get_recommendations(off, advice, 4);
    perfopt__route_sums sums = {0};
    perfopt__routes_read(f->routes, 1, &sums);
    assert_int_equal(sums.took.count, 0);
    perfopt_monitor_destroy(off);
}

static void requests_before_the_monitor_are_not_in_its_windows(void **state)
{
    fixture *f = *state;
    fixture_record(f, 1, 1000, MS, 200);
    perfopt_monitor *late = NULL;
    perfopt__monitor_setup setup = fixture_setup(f);
    assert_int_equal(perfopt__monitor_create_with(NULL, &setup, &late, NULL), PERFOPT_OK);
    fixture_record(f, 1, 5, MS, 200);
    test_clock_advance_ms(5000);
    perfopt_monitor_sample(late);
    perfopt_summary s;
    perfopt_monitor_get_summary(late, 300, &s);
    assert_int_equal(s.requests, 5);
    perfopt_monitor_destroy(late);
}

/* ---- the thread --------------------------------------------------------------------------- */

static struct {
    _Atomic(perfopt_monitor *) monitor;
    _Atomic int calls;
} doomed;

static void destroy_from_inside(const perfopt_alert *alert, void *user)
{
    (void)alert;
    (void)user;
    perfopt_monitor_destroy(doomed.monitor);
    doomed.calls++;
}

static void wait_for(const _Atomic int *value)
{
    for (int i = 0; i < 2000 && *value == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_not_equal(*value, 0);
}

/* The thread samples by itself; an alert callback may destroy the monitor it came from. */
static void the_thread_samples_and_may_be_ended_from_a_callback(void **state)
{
    fixture *f = *state;
    perfopt_monitor *monitor = NULL;
    perfopt__monitor_setup setup = fixture_setup(f);
    setup.no_thread = false;
    test_clock_remove();
    f->source.details.now.has_db = true;
    f->source.details.now.db.idle = 0;
    f->source.details.now.db.waiting = 1;
    assert_int_equal(
        perfopt__monitor_create_with(PERFOPT_MONITOR_OPTIONS(.interval_ms = 100, .pool_alert_ms = 1,
                                                             .on_alert = destroy_from_inside),
                                     &setup, &monitor, NULL),
        PERFOPT_OK);
    doomed.monitor = monitor;
    wait_for(&doomed.calls);
    test_clock_install();
}

static void destroying_does_not_wait_for_the_interval(void **state)
{
    fixture *f = *state;
    perfopt_monitor *monitor = NULL;
    perfopt__monitor_setup setup = fixture_setup(f);
    setup.no_thread = false;
    assert_int_equal(perfopt__monitor_create_with(PERFOPT_MONITOR_OPTIONS(.interval_ms = 3600000),
                                                  &setup, &monitor, NULL),
                     PERFOPT_OK);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    perfopt_monitor_destroy(monitor);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 60);
    perfopt_monitor_destroy(NULL);
}

int main(void)
{
    test_clock_install();
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(without_requests_there_are_no_numbers),
        CASE(a_summary_adds_all_routes_up),
        CASE(routes_are_sorted_by_total_time),
        CASE(old_requests_leave_the_window),
        CASE(the_cache_ratio_comes_from_the_cache),
        CASE(spans_are_listed_with_the_method_span),
        CASE(too_many_span_names_share_one),
        CASE(reset_begins_a_new_epoch),
        CASE(wall_clock_jumps_do_not_move_windows),
        CASE(the_machine_can_be_read),
        CASE(it_knows_what_it_costs),
        CASE(switched_off_it_records_nothing),
        CASE(requests_before_the_monitor_are_not_in_its_windows),
        CASE(the_thread_samples_and_may_be_ended_from_a_callback),
        CASE(destroying_does_not_wait_for_the_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
