/*
 * test_memory.c - every allocation of a monitor's life fails once: an error or a lost sample, never
 * a crash, a leak or a wrong total afterwards.
 */
#include "monitor/fixture.h"
#include "support/failing_alloc.h"
#include "support/fake_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static fixture f;

static void use(perfopt_monitor *monitor)
{
    static perfopt_route_stats routes[8];
    static perfopt_recommendation advice[8];
    perfopt_summary summary;
    perfopt_bytes *text = NULL;
    static const char beacon[] = "{\"name\":\"LCP\",\"value\":9000,\"route\":\"/\"}";
    for (int i = 0; i < 16; i++) { /* past a minute: two rings close */
        fixture_record(&f, 1, 10, 10 * MS, 200);
        test_clock_advance_ms(5000);
        perfopt_monitor_sample(monitor);
    }
    perfopt_span span = perfopt_span_begin(monitor, "job");
    perfopt_span_end(&span);
    (void)perfopt_monitor_beacon(monitor, beacon, sizeof(beacon) - 1);
    (void)perfopt_monitor_get_routes(monitor, 300, false, routes, 8);
    perfopt_monitor_get_summary(monitor, 3600, &summary);
    assert_true(summary.requests <= 160);
    (void)perfopt_monitor_get_recommendations(monitor, advice, 8);
    if (perfopt_monitor_prometheus(monitor, &text) == PERFOPT_OK)
        perfopt_bytes_release(text);
    else
        assert_null(text);
    perfopt_monitor_reset(monitor);
}

/* One life with the n-th allocation failing; false when there was none to fail. */
static bool live(unsigned n, bool for_ever)
{
    perfopt_monitor *monitor = NULL;
    perfopt__monitor_setup setup = {.root = f.root, .no_thread = true};
    perfopt__routes *routes = NULL;
    assert_int_equal(perfopt__routes_create(0, &routes), PERFOPT_OK);
    (void)perfopt__routes_intern(routes, "GET", "/", 0);
    f.routes = setup.routes = routes;
    setup.source = fixture_setup(&f).source;
    if (for_ever)
        test_alloc_fail_from(n);
    else
        test_alloc_fail(n);
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt__monitor_create_with(NULL, &setup, &monitor, &err);
    if (status == PERFOPT_OK) {
        use(monitor);
    } else {
        assert_int_equal(status, PERFOPT_ENOMEM);
        assert_null(monitor);
    }
    bool failed = test_alloc_stop();
    if (monitor) { /* memory is back: so are the numbers */
        fixture_record(&f, 1, 5, MS, 200);
        test_clock_advance_ms(5000);
        perfopt_monitor_sample(monitor);
        perfopt_summary summary;
        perfopt_monitor_get_summary(monitor, 300, &summary);
        assert_true(summary.requests >= 5);
    }
    perfopt_monitor_destroy(monitor);
    perfopt__routes_destroy(routes);
    return failed;
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    size_t before = test_alloc_live();
    unsigned n = 1;
    while (live(n, false)) {
        assert_int_equal(test_alloc_live(), before);
        n++;
    }
    assert_true(n > 40);
    assert_int_equal(test_alloc_live(), before);
}

static void memory_stays_away_from_some_point_on(void **state)
{
    (void)state;
    size_t before = test_alloc_live();
    unsigned n = 1;
    while (live(n, true)) {
        assert_int_equal(test_alloc_live(), before);
        n++;
    }
    assert_true(n > 40);
}

/* A steady site does not grow: after the rings are full, memory stays where it is. */
static void memory_is_flat_after_the_rings_are_full(void **state)
{
    (void)state;
    perfopt_monitor *monitor = NULL;
    assert_int_equal(perfopt__routes_create(0, &f.routes), PERFOPT_OK);
    for (int i = 0; i < 8; i++) {
        char path[16];
        snprintf(path, sizeof(path), "/%d", i);
        perfopt__routes_intern(f.routes, "GET", path, 0);
    }
    perfopt__monitor_setup setup = fixture_setup(&f);
    assert_int_equal(perfopt__monitor_create_with(NULL, &setup, &monitor, NULL), PERFOPT_OK);
    perfopt_monitor_self self = {0};
    uint64_t full = 0;
    for (int hour = 0; hour < 80; hour++) {
        for (int i = 0; i < 60; i++) {
            for (uint32_t r = 1; r <= 8; r++)
                fixture_record(&f, r, 1, (int64_t)(1 + (i * 37 + (int)r * 11) % 500) * MS, 200);
            test_clock_advance_ms(60000);
            perfopt_monitor_sample(monitor);
        }
        perfopt_monitor_get_self(monitor, &self);
        if (hour == 74)
            full = self.bytes;
    }
    print_message("8 routes, 3 days: %llu KiB\n", (unsigned long long)self.bytes / 1024);
    assert_true(self.bytes <= full + full / 20);
    assert_true(self.bytes < 4 << 20);
    perfopt_summary summary;
    perfopt_monitor_get_summary(monitor, 259200, &summary);
    assert_true(summary.requests >= 71 * 60 * 8 && summary.requests <= 72 * 60 * 8);
    perfopt_monitor_destroy(monitor);
    perfopt__routes_destroy(f.routes);
}

static int make(void **state)
{
    (void)state;
    fixture_make_root(&f);
    f.source.details.now.has_cache = true;
    f.source.details.template_count = 1;
    snprintf(f.source.details.templates[0].name, 16, "home.html");
    return 0;
}

static int clean(void **state)
{
    (void)state;
    fixture_remove_root(&f);
    return 0;
}

int main(void)
{
    test_alloc_install();
    test_clock_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(memory_stays_away_from_some_point_on),
        cmocka_unit_test(memory_is_flat_after_the_rings_are_full),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
