/*
 * test_threads.c - recorders, readers, samplers, resets and short-lived threads all at once; every
 * request is counted. Meant for ThreadSanitizer.
 */
#include "monitor/exposition_parser.h"
#include "monitor/fixture.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RECORDERS 8
#define EACH      30000
#define SHORT     200

static fixture f;
static _Atomic bool done;

static void *recorder(void *user)
{
    perfopt_scope scope;
    uint32_t route = 1 + (uint32_t)((uintptr_t)user % 2);
    for (int i = 0; i < EACH; i++) {
        perfopt_scope_begin(&scope);
        perfopt_scope_add_query(5, 1000, 1);
        perfopt_scope_add_render(2000);
        perfopt_scope_end(&scope);
        perfopt__route_sample sample = {
            .took_ns = i * 1000, .status = i % 50 ? 200 : 500, .scope = &scope.stats};
        perfopt__routes_record(f.routes, route, &sample);
        PERFOPT_SPAN(f.monitor, "step");
    }
    return NULL;
}

static void *one_request(void *user)
{
    fixture_record(&f, 1, 1, MS, 200);
    return user;
}

static void *churn(void *user)
{
    for (int i = 0; i < SHORT; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, one_request, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return user;
}

static void *reader(void *user)
{
    static const char beacon[] = "{\"name\":\"LCP\",\"value\":9000,\"route\":\"/\"}";
    perfopt_route_stats routes[8];
    perfopt_alert alerts[4];
    perfopt_recommendation advice[8];
    perfopt_summary summary;
    perfopt_system system;
    perfopt_monitor_self self;
    double points[30];
    int64_t t0;
    uint32_t step;
    while (!done) {
        perfopt_monitor_get_routes(f.monitor, 300, false, routes, 8);
        perfopt_monitor_get_summary(f.monitor, 3600, &summary);
        perfopt_monitor_get_series(f.monitor, PERFOPT_SERIES_RPS, 300, points, 30, &t0, &step);
        perfopt_monitor_get_alerts(f.monitor, alerts, 4);
        perfopt_monitor_get_system(f.monitor, &system);
        perfopt_monitor_get_self(f.monitor, &self);
        perfopt_monitor_get_recommendations(f.monitor, advice, 8);
        perfopt_monitor_beacon(f.monitor, beacon, sizeof(beacon) - 1);
        perfopt_bytes *text = NULL;
        if (perfopt_monitor_prometheus(f.monitor, &text) == PERFOPT_OK)
            perfopt_bytes_release(text);
    }
    return user;
}

static void *resetter(void *user)
{
    while (!done) {
        perfopt_monitor_sample(f.monitor);
        perfopt_monitor_reset(f.monitor);
    }
    return user;
}

static void nothing_is_lost_and_nothing_races(void **state)
{
    (void)state;
    fixture_make_root(&f);
    assert_int_equal(perfopt__routes_create(0, &f.routes), PERFOPT_OK);
    perfopt__routes_intern(f.routes, "GET", "/", 0);
    perfopt__routes_intern(f.routes, "POST", "/", 0);
    perfopt__monitor_setup setup = fixture_setup(&f);
    setup.no_thread = false;
    assert_int_equal(perfopt__monitor_create_with(PERFOPT_MONITOR_OPTIONS(.interval_ms = 100),
                                                  &setup, &f.monitor, NULL),
                     PERFOPT_OK);
    pthread_t recorders[RECORDERS], others[4];
    void *(*const work[4])(void *) = {reader, reader, resetter, churn};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&others[i], NULL, work[i], NULL), 0);
    for (uintptr_t i = 0; i < RECORDERS; i++)
        assert_int_equal(pthread_create(&recorders[i], NULL, recorder, (void *)i), 0);
    for (int i = 0; i < RECORDERS; i++)
        pthread_join(recorders[i], NULL);
    pthread_join(others[3], NULL);
    done = true;
    for (int i = 0; i < 3; i++)
        pthread_join(others[i], NULL);
    perfopt_bytes *text = NULL;
    assert_int_equal(perfopt_monitor_prometheus(f.monitor, &text), PERFOPT_OK);
    expo *e = expo_parse(perfopt_bytes_data(text), perfopt_bytes_length(text));
    assert_string_equal(e->error, "");
    double requests = 0;
    for (size_t i = 0; i < e->sample_count; i++) {
        if (strcmp(e->samples[i].name, "http_server_request_duration_seconds_count") == 0)
            requests += e->samples[i].value;
    }
    assert_true(requests == RECORDERS * EACH + SHORT);
    assert_true(expo_value(e, "perfopt_span_duration_seconds_count", "span=step,result=ok") ==
                RECORDERS * EACH);
    assert_true(expo_value(e, "perfopt_dropped_total", "") == 0);
    expo_free(e);
    perfopt_bytes_release(text);
    perfopt_monitor_destroy(f.monitor);
    perfopt__routes_destroy(f.routes);
    fixture_remove_root(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_and_nothing_races),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
