/*
 * test_alerts.c - the alert state machine under time that is passed in, and the four rules of a
 * monitor.
 */
#include "monitor/alerts.h"

#include "monitor/fixture.h"
#include "support/fake_clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static perfopt__alert_rule rules[PERFOPT__ALERTS];

static perfopt__alert_rule *fresh(perfopt__alert_number number)
{
    perfopt_monitor_options options = PERFOPT_MONITOR_OPTIONS_INIT;
    assert_int_equal(perfopt__alerts_init(rules, &options, NULL), PERFOPT_OK);
    return &rules[number];
}

/* Feeds a value every 5 s and counts transitions that are told. */
static int feed(perfopt__alert_rule *rule, double value, int64_t *now_ms, int64_t seconds)
{
    int told = 0;
    for (int64_t s = 0; s < seconds; s += 5) {
        *now_ms += 5000;
        told += perfopt__alert_step(rule, value, false, *now_ms, *now_ms);
    }
    return told;
}

static void pending_then_firing_then_clear(void **state)
{
    (void)state;
    perfopt__alert_rule *rule = fresh(PERFOPT__ALERT_RESPONSE_TIME);
    int64_t now = 0;
    assert_int_equal(feed(rule, 100, &now, 5), 0);
    assert_int_equal(rule->now.state, PERFOPT_ALERT_OK);
    assert_int_equal(feed(rule, 2500, &now, 30), 0);
    assert_int_equal(rule->now.state, PERFOPT_ALERT_PENDING);
    assert_int_equal(feed(rule, 2500, &now, 5), 1); /* 30 s after it became bad */
    assert_int_equal(rule->now.state, PERFOPT_ALERT_FIRING);
    assert_int_equal(rule->now.since_ms, now);
    assert_int_equal(feed(rule, 2500, &now, 600), 0); /* told once */
    assert_int_equal(feed(rule, 1700, &now, 600), 0); /* below 2000, not below 1600 */
    assert_int_equal(rule->now.state, PERFOPT_ALERT_FIRING);
    assert_int_equal(feed(rule, 1500, &now, 55), 0);
    assert_int_equal(feed(rule, 1700, &now, 5), 0); /* not clear for 60 s in a row */
    assert_int_equal(feed(rule, 1500, &now, 55), 0);
    assert_int_equal(feed(rule, 1500, &now, 5), 1);
    assert_int_equal(rule->now.state, PERFOPT_ALERT_OK);
}

static void a_short_peak_is_not_told(void **state)
{
    (void)state;
    perfopt__alert_rule *rule = fresh(PERFOPT__ALERT_MEMORY);
    int64_t now = 0;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(feed(rule, 90, &now, 25), 0);
        assert_int_equal(feed(rule, 79, &now, 5), 0);
    }
}

/* R21: 70 % +- 0.1, alternating each second for an hour: one fire and one resolve at most. */
static void a_value_that_swings_around_the_threshold(void **state)
{
    (void)state;
    for (int phase = 0; phase < 12; phase++) {
        perfopt__alert_rule *rule = fresh(PERFOPT__ALERT_CACHE);
        int64_t now = 0;
        int told = 0;
        for (int s = phase; s < 3600; s++) {
            double value = s % 2 ? 70.1 : 69.9;
            now += 1000;
            if (s % (1 + phase % 5) == 0) /* evaluated every 1 to 5 s */
                told += perfopt__alert_step(rule, value, false, now, now);
        }
        assert_true(told <= 1);
        told += feed(rule, 80, &now, 120);
        assert_true(told <= 2);
        assert_int_equal(rule->now.state, PERFOPT_ALERT_OK);
    }
}

static void no_data_is_neither_good_nor_bad(void **state)
{
    (void)state;
    perfopt__alert_rule *rule = fresh(PERFOPT__ALERT_CACHE);
    int64_t now = 0;
    assert_int_equal(feed(rule, NAN, &now, 3600), 0);
    assert_int_equal(rule->now.state, PERFOPT_ALERT_NO_DATA);
    assert_int_equal(feed(rule, 10, &now, 20), 0);
    assert_int_equal(feed(rule, NAN, &now, 5), 0); /* pending is forgotten */
    assert_int_equal(rule->now.state, PERFOPT_ALERT_NO_DATA);
    assert_int_equal(feed(rule, 10, &now, 35), 1);
    assert_int_equal(feed(rule, NAN, &now, 55), 0);
    assert_int_equal(rule->now.state, PERFOPT_ALERT_FIRING);
    assert_int_equal(feed(rule, NAN, &now, 5), 1); /* told that it is over */
    assert_int_equal(rule->now.state, PERFOPT_ALERT_NO_DATA);
}

static void clock_jumps_do_not_fire(void **state)
{
    (void)state;
    perfopt__alert_rule *rule = fresh(PERFOPT__ALERT_MEMORY);
    int64_t now = 1000000;
    perfopt__alert_step(rule, 90, false, now, 0);
    /* A day passes between two evaluations: 15 s of it count. */
    now += 86400000;
    assert_false(perfopt__alert_step(rule, 90, false, now, 0));
    /* The clock goes back: no time passes. */
    now -= 3600000;
    assert_false(perfopt__alert_step(rule, 90, false, now, 0));
    assert_int_equal(rule->now.state, PERFOPT_ALERT_PENDING);
    assert_int_equal(feed(rule, 90, &now, 10), 0);
    assert_int_equal(feed(rule, 90, &now, 5), 1);
    for (int i = 0; i < 100; i++) /* the same moment again and again clears nothing */
        assert_false(perfopt__alert_step(rule, 10, false, now, 0));
}

static void hit_rate_over_five_minutes(void **state)
{
    (void)state;
    static perfopt__rate rate;
    uint64_t lookups;
    memset(&rate, 0, sizeof(rate));
    int64_t now = 0;
    uint64_t hits = 1000000, misses = 0; /* from before the monitor */
    perfopt__rate_add(&rate, now, hits, misses);
    assert_true(isnan(perfopt__rate_percent(&rate, now, hits, misses, 100, &lookups)));
    for (int i = 0; i < 200; i++) {
        now += 5000;
        hits += 3;
        misses += 1;
        perfopt__rate_add(&rate, now, hits, misses);
    }
    double percent = perfopt__rate_percent(&rate, now, hits, misses, 100, &lookups);
    assert_true(percent == 75);
    assert_int_equal(lookups, 240); /* 60 steps of 4 */
    /* Idle: after five minutes there is nothing to say. */
    now += 300001;
    assert_true(isnan(perfopt__rate_percent(&rate, now, hits, misses, 100, &lookups)));
    /* A reset forgets, and does not divide by zero or wrap. */
    perfopt__rate_add(&rate, now, 5, 5);
    assert_true(isnan(perfopt__rate_percent(&rate, now, 5, 5, 1, &lookups)));
    assert_true(perfopt__rate_percent(&rate, now + 5000, 5, 10, 1, &lookups) == 0);
}

static void thresholds_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const struct {
        perfopt_monitor_options options;
        const char *names;
    } cases[] = {
        {{.struct_size = sizeof(perfopt_monitor_options), .memory_alert_percent = 101}, "memory"},
        {{.struct_size = sizeof(perfopt_monitor_options), .memory_alert_percent = NAN}, "memory"},
        {{.struct_size = sizeof(perfopt_monitor_options), .cache_hit_alert_percent = -1}, "cache"},
        {{.struct_size = sizeof(perfopt_monitor_options), .response_time_alert_ms = -5},
         "response"},
        {{.struct_size = sizeof(perfopt_monitor_options), .interval_ms = 5}, "interval"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        perfopt__monitor_setup setup = {.no_thread = true};
        perfopt_monitor *monitor = NULL;
        perfopt_error err = PERFOPT_ERROR_INIT;
        assert_int_equal(perfopt__monitor_create_with(&cases[i].options, &setup, &monitor, &err),
                         PERFOPT_ECONFIG);
        assert_non_null(strstr(err.message, cases[i].names));
        assert_null(monitor);
    }
    /* A threshold near the end of its scale can still clear. */
    perfopt_monitor_options options = PERFOPT_MONITOR_OPTIONS_INIT;
    options.cache_hit_alert_percent = 98;
    assert_int_equal(perfopt__alerts_init(rules, &options, NULL), PERFOPT_OK);
    assert_true(rules[PERFOPT__ALERT_CACHE].now.clear_threshold == 99);
}

/* ---- the rules of a monitor --------------------------------------------------------------- */

static struct {
    int calls;
    perfopt_alert last;
} heard;

static void hear(const perfopt_alert *alert, void *user)
{
    perfopt_alert all[PERFOPT__ALERTS];
    assert_int_equal(perfopt_monitor_get_alerts(((fixture *)user)->monitor, all, 9), 4);
    heard.calls++;
    heard.last = *alert;
}

static int start(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof(f));
    memset(&heard, 0, sizeof(heard));
    fixture_start(&f, PERFOPT_MONITOR_OPTIONS(.on_alert = hear, .on_alert_user = &f));
    *state = &f;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    return 0;
}

static perfopt_alert alert(fixture *f, perfopt__alert_number number)
{
    perfopt_alert all[PERFOPT__ALERTS];
    assert_int_equal(perfopt_monitor_get_alerts(f->monitor, all, PERFOPT__ALERTS), 4);
    return all[number];
}

static void slow_responses_fire_and_clear(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 7; i++) {
        fixture_record(f, 1, 10, 3000 * MS, 200);
        fixture_run(f, 5);
    }
    assert_int_equal(heard.calls, 0); /* since 20 requests were there: 25 s */
    fixture_record(f, 1, 10, 3000 * MS, 200);
    fixture_run(f, 5);
    assert_int_equal(heard.calls, 1);
    assert_string_equal(heard.last.id, "response-time");
    assert_int_equal(heard.last.state, PERFOPT_ALERT_FIRING);
    assert_true(heard.last.value >= 3000 && heard.last.value < 3000 * 1.0625);
    assert_non_null(strstr(heard.last.message, "80 requests"));
    for (int i = 0; i < 30; i++) {
        fixture_record(f, 1, 50, 10 * MS, 200);
        fixture_run(f, 5);
    }
    assert_int_equal(heard.calls, 2);
    assert_int_equal(heard.last.state, PERFOPT_ALERT_OK);
}

static void few_slow_responses_are_no_data(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 60; i++) { /* 12 a minute */
        fixture_record(f, 1, 1, 9000 * MS, 200);
        fixture_run(f, 5);
    }
    assert_int_equal(heard.calls, 0);
    assert_int_equal(alert(f, PERFOPT__ALERT_RESPONSE_TIME).state, PERFOPT_ALERT_NO_DATA);
}

static void spans_do_not_count_as_responses(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        for (int n = 0; n < 20; n++) {
            perfopt_span span = perfopt_span_begin(f->monitor, "import");
            span.started_ns -= 9000 * MS;
            perfopt_span_end(&span);
        }
        fixture_run(f, 5);
    }
    assert_int_equal(heard.calls, 0);
    assert_int_equal(alert(f, PERFOPT__ALERT_RESPONSE_TIME).state, PERFOPT_ALERT_NO_DATA);
}

static void a_low_hit_rate_fires(void **state)
{
    fixture *f = *state;
    perfopt_cache_stats *cache = &f->source.details.now.cache;
    f->source.details.now.has_cache = true;
    fixture_run(f, 60);
    assert_int_equal(alert(f, PERFOPT__ALERT_CACHE).state, PERFOPT_ALERT_NO_DATA);
    for (int i = 0; i < 20; i++) {
        cache->hits_l1 += 10;
        cache->misses += 20;
        fixture_run(f, 5);
    }
    assert_int_equal(heard.calls, 1);
    assert_string_equal(heard.last.id, "cache-hit-rate");
    cache->hits_l1 = cache->misses = 0; /* statistics were reset: no data, not 0 % */
    fixture_run(f, 5);
    assert_true(isnan(alert(f, PERFOPT__ALERT_CACHE).value));
    fixture_run(f, 60);
    assert_int_equal(heard.calls, 2);
    assert_int_equal(heard.last.state, PERFOPT_ALERT_NO_DATA);
}

static void an_exhausted_pool_fires_after_one_second(void **state)
{
    fixture *f = *state;
    perfopt_db_stats *db = &f->source.details.now.db;
    f->source.details.now.has_db = true;
    *db = (perfopt_db_stats){.up = true, .pool_size = 10, .in_use = 10, .waiting = 3};
    db->idle = 2; /* waiting with idle connections is a matter of microseconds */
    fixture_run(f, 20);
    assert_int_equal(alert(f, PERFOPT__ALERT_POOL).state, PERFOPT_ALERT_OK);
    db->idle = 0;
    perfopt__monitor_check_pool(f->monitor);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(heard.calls, 0);
        test_clock_advance_ms(500); /* the sampler's tick */
        perfopt__monitor_check_pool(f->monitor);
    }
    assert_int_equal(heard.calls, 1);
    assert_string_equal(heard.last.id, "pool-exhausted");
    assert_non_null(strstr(heard.last.message, "3 wait"));
    db->waiting = 0;
    fixture_run(f, 60);
    assert_int_equal(heard.calls, 2);
    assert_int_equal(heard.last.state, PERFOPT_ALERT_OK);
}

static void a_timeout_fires_at_once(void **state)
{
    fixture *f = *state;
    perfopt_db_stats *db = &f->source.details.now.db;
    f->source.details.now.has_db = true;
    *db = (perfopt_db_stats){.up = true, .pool_size = 10, .idle = 5, .acquire_timeouts = 7};
    fixture_run(f, 5); /* old timeouts are not news */
    assert_int_equal(heard.calls, 0);
    db->acquire_timeouts = 8;
    perfopt__monitor_check_pool(f->monitor);
    assert_int_equal(heard.calls, 1);
    db->acquire_timeouts = 0; /* reset */
    fixture_run(f, 55);
    assert_int_equal(heard.calls, 1);
    fixture_run(f, 5);
    assert_int_equal(heard.calls, 2);
}

static void memory_over_the_limit_fires(void **state)
{
    fixture *f = *state;
    fixture_put(f, "/proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 150000 kB\n");
    fixture_run(f, 35);
    assert_int_equal(heard.calls, 1);
    assert_string_equal(heard.last.id, "memory");
    assert_true(heard.last.value == 85);
    assert_non_null(strstr(heard.last.message, "(host)"));
    fixture_put(f, "/proc/meminfo", NULL);
    fixture_run(f, 60);
    assert_int_equal(heard.calls, 2);
    assert_int_equal(heard.last.state, PERFOPT_ALERT_NO_DATA);
}

/* R22 */
static void without_traffic_nothing_fires(void **state)
{
    fixture *f = *state;
    fixture_run(f, 3600);
    assert_int_equal(heard.calls, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(alert(f, (perfopt__alert_number)i).state, PERFOPT_ALERT_NO_DATA);
    assert_int_equal(alert(f, PERFOPT__ALERT_MEMORY).state, PERFOPT_ALERT_OK);
}

int main(void)
{
    test_clock_install();
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pending_then_firing_then_clear),
        cmocka_unit_test(a_short_peak_is_not_told),
        cmocka_unit_test(a_value_that_swings_around_the_threshold),
        cmocka_unit_test(no_data_is_neither_good_nor_bad),
        cmocka_unit_test(clock_jumps_do_not_fire),
        cmocka_unit_test(hit_rate_over_five_minutes),
        cmocka_unit_test(thresholds_that_cannot_be_are_refused),
        CASE(slow_responses_fire_and_clear),
        CASE(few_slow_responses_are_no_data),
        CASE(spans_do_not_count_as_responses),
        CASE(a_low_hit_rate_fires),
        CASE(an_exhausted_pool_fires_after_one_second),
        CASE(a_timeout_fires_at_once),
        CASE(memory_over_the_limit_fires),
        CASE(without_traffic_nothing_fires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
