/*
 * test_vitals.c - beacons: what counts, what is refused, and that a beacon counts in full or not at
 * all.
 */
#include "monitor/fixture.h"
#include "support/fake_clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static perfopt_status beacon(fixture *f, const char *body)
{
    return perfopt_monitor_beacon(f->monitor, body, strlen(body));
}

static perfopt_vital_stats vital(fixture *f, const char *name)
{
    perfopt_vital_stats all[5];
    assert_int_equal(perfopt_monitor_get_vitals(f->monitor, all, 5), 5);
    for (int i = 0; i < 5; i++) {
        if (strcmp(all[i].name, name) == 0)
            return all[i];
    }
    fail_msg("no vital %s", name);
    return all[0];
}

static uint64_t count_all(fixture *f)
{
    perfopt_vital_stats all[5];
    uint64_t count = 0;
    for (size_t i = 0, n = perfopt_monitor_get_vitals(f->monitor, all, 5); i < n; i++)
        count += all[i].count;
    return count;
}

static void objects_and_arrays_count(void **state)
{
    fixture *f = *state;
    assert_true(isnan(vital(f, "LCP").p75));
    assert_int_equal(
        beacon(f, "{\"name\":\"LCP\",\"value\":1234.5,\"id\":\"v4-1\",\"route\":\"/\"}"),
        PERFOPT_OK);
    assert_int_equal(beacon(f, " [ {\"name\":\"CLS\",\"value\":0.05},{\"name\":\"TTFB\",\"value\":"
                               "80,\"route\":\"/no/such\",\"extra\":[1]} ] "),
                     PERFOPT_OK);
    assert_int_equal(beacon(f, "[]"), PERFOPT_OK);
    assert_int_equal(count_all(f), 3);
    perfopt_vital_stats lcp = vital(f, "LCP"), cls = vital(f, "CLS");
    assert_true(lcp.p75 >= 1234.4 && lcp.p75 <= 1234.5 * 1.0625);
    assert_true(lcp.good == 2500 && lcp.poor == 4000);
    assert_true(cls.p75 >= 0.0499 && cls.p75 <= 0.0532);
    assert_true(cls.good == 0.1 && cls.poor == 0.25);
}

static void the_75th_percentile(void **state)
{
    fixture *f = *state;
    for (int i = 1; i <= 100; i++) {
        char body[80];
        snprintf(body, sizeof(body), "{\"name\":\"INP\",\"value\":%d,\"route\":\"%s\"}", i * 10,
                 i > 60 ? "/news/{id}" : "/");
        assert_int_equal(beacon(f, body), PERFOPT_OK);
    }
    double p75 = vital(f, "INP").p75, worst;
    assert_true(p75 >= 750 && p75 <= 750 * 1.0625);
    assert_int_equal(perfopt__vitals_worst_route(&f->monitor->vitals, 1, &worst), 2);
    assert_true(worst >= 900 && worst <= 900 * 1.0625);
    perfopt_monitor_reset(f->monitor);
    assert_int_equal(count_all(f), 0);
    assert_int_equal(perfopt__vitals_worst_route(&f->monitor->vitals, 1, &worst), 0);
}

static void nonsense_is_refused(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *body;
        perfopt_status status;
    } cases[] = {
        {"", PERFOPT_ESYNTAX},
        {"x", PERFOPT_ESYNTAX},
        {"5", PERFOPT_ESYNTAX},
        {"null", PERFOPT_ESYNTAX},
        {"{}", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\"}", PERFOPT_ESYNTAX},
        {"{\"name\":5,\"value\":1}", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\",\"value\":\"1\"}", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\",\"value\":1,\"route\":5}", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\",\"value\":1,\"id\":{}}", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\",\"value\":1,\"value\":2}", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\",\"value\":NaN}", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\",\"value\":1e999}", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\",\"value\":1} x", PERFOPT_ESYNTAX},
        {"{\"name\":\"LCP\",\"value\":-1}", PERFOPT_ERANGE},
        {"{\"name\":\"LCP\",\"value\":600001}", PERFOPT_ERANGE},
        {"{\"name\":\"CLS\",\"value\":101}", PERFOPT_ERANGE},
        {"{\"name\":\"lcp\",\"value\":1}", PERFOPT_ERANGE},
        {"{\"name\":\"FID\",\"value\":1}", PERFOPT_ERANGE},
        {"[{\"name\":\"LCP\",\"value\":1},{\"name\":\"LCP\",\"value\":-1}]", PERFOPT_ERANGE},
        {"[[{\"name\":\"LCP\",\"value\":1}]]", PERFOPT_ESYNTAX},
        {"[[[[[[]]]]]]", PERFOPT_ESYNTAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(beacon(f, cases[i].body), cases[i].status);
    assert_int_equal(count_all(f), 0); /* all of a beacon or nothing */
}

static void size_and_depth_are_bounded(void **state)
{
    fixture *f = *state;
    static char body[5000];
    memset(body, ' ', sizeof(body));
    memcpy(body, "[]", 2);
    assert_int_equal(perfopt_monitor_beacon(f->monitor, body, 4096), PERFOPT_OK);
    assert_int_equal(perfopt_monitor_beacon(f->monitor, body, 4097), PERFOPT_ELIMIT);
    memset(body, '[', 4096);
    assert_int_equal(perfopt_monitor_beacon(f->monitor, body, 4096), PERFOPT_ESYNTAX);
    assert_int_equal(beacon(f, "[{\"name\":\"LCP\",\"value\":1,\"extra\":[[5]]}]"), PERFOPT_OK);
    assert_int_equal(beacon(f, "[{\"name\":\"LCP\",\"value\":1,\"extra\":[[[5]]]}]"),
                     PERFOPT_ESYNTAX);
    /* As many elements as fit, all too short to be ours. */
    for (int i = 0; i < 2047; i++)
        memcpy(body + 1 + i * 2, "1,", 2);
    body[4094] = '1';
    body[4095] = ']';
    assert_int_equal(perfopt_monitor_beacon(f->monitor, body, 4096), PERFOPT_ESYNTAX);
    /* A bracket inside a string is no depth; an escaped quote does not end it. */
    assert_int_equal(beacon(f, "{\"name\":\"LCP\",\"value\":1,\"id\":\"[[[[[[\\\"[[[\"}"),
                     PERFOPT_OK);
    /* The shortest beacons, as many as fit. */
    size_t length = 1;
    body[0] = '[';
    int count = 0;
    while (length + 25 <= 4096) {
        length += (size_t)snprintf(body + length, sizeof(body) - length,
                                   "%s{\"name\":\"CLS\",\"value\":0}", count ? "," : "");
        count++;
    }
    body[length++] = ']';
    assert_true(length <= 4096);
    assert_int_equal(perfopt_monitor_beacon(f->monitor, body, length), PERFOPT_OK);
    assert_int_equal(count_all(f), count + 2);
}

static void damaged_beacons_do_no_harm(void **state)
{
    fixture *f = *state;
    static const char seed[] =
        "[{\"name\":\"LCP\",\"value\":12.5e1,\"id\":\"v\\u0041\",\"route\":\"/news/{id}\"}]";
    unsigned random = 7;
    int refused = 0;
    for (int round = 0; round < 30000; round++) {
        char *body = malloc(sizeof(seed));
        assert_non_null(body);
        memcpy(body, seed, sizeof(seed));
        random = random * 1103515245 + 12345;
        size_t length = sizeof(seed) - 1 - (random >> 8) % 8;
        for (int change = 0; change < 2; change++) {
            random = random * 1103515245 + 12345;
            body[(random >> 8) % length] = (char)(random >> 20);
        }
        char *exact = malloc(length); /* not NUL-terminated */
        assert_non_null(exact);
        memcpy(exact, body, length);
        perfopt_status status = perfopt_monitor_beacon(f->monitor, exact, length);
        assert_true(status == PERFOPT_OK || status == PERFOPT_ESYNTAX || status == PERFOPT_ERANGE);
        refused += status != PERFOPT_OK;
        free(exact);
        free(body);
    }
    assert_true(refused > 20000);
    assert_int_equal(count_all(f), 30000 - refused);
}

static void memory_of_routes_is_bounded(void **state)
{
    fixture *f = *state;
    for (int r = 0; r < 190; r++) {
        char path[16], body[128];
        snprintf(path, sizeof(path), "/r%d", r);
        assert_int_not_equal(perfopt__routes_intern(f->routes, "GET", path, 0), 0);
        snprintf(body, sizeof(body),
                 "[{\"name\":\"LCP\",\"value\":1,\"route\":\"%s\"},{\"name\":\"INP\",\"value\":1,"
                 "\"route\":\"%s\"}]",
                 path, path);
        assert_int_equal(beacon(f, body), PERFOPT_OK);
    }
    assert_int_equal(f->monitor->vitals.allocated, 256);
    assert_int_equal(count_all(f), 380);
}

int main(void)
{
    test_clock_install();
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(objects_and_arrays_count),   CASE(the_75th_percentile),
        CASE(nonsense_is_refused),        CASE(size_and_depth_are_bounded),
        CASE(damaged_beacons_do_no_harm), CASE(memory_of_routes_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
