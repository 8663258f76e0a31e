/*
 * test_prometheus.c - the export is read back by a strict parser: names, escapes, bounds, zeros,
 * and counters that never go back.
 */
#include "monitor/exposition.h"
#include "monitor/exposition_parser.h"
#include "monitor/fixture.h"
#include "support/fake_clock.h"

#include <locale.h>
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

static expo *scrape(fixture *f)
{
    perfopt_bytes *bytes = NULL;
    assert_int_equal(perfopt_monitor_prometheus(f->monitor, &bytes), PERFOPT_OK);
    expo *e = expo_parse(perfopt_bytes_data(bytes), perfopt_bytes_length(bytes));
    perfopt_bytes_release(bytes);
    assert_string_equal(e->error, "");
    return e;
}

static void assert_value(const expo *e, const char *name, const char *labels, double expected)
{
    double value = expo_value(e, name, labels);
    if (value != expected)
        print_error("%s{%s} is %g, not %g\n", name, labels, value, expected);
    assert_true(value == expected);
}

#define DURATION "http_server_request_duration_seconds"
#define HOME     "http_request_method=GET,http_route=/,http_response_status_code="

static void everything_known_is_there_at_zero(void **state)
{
    expo *e = scrape(*state);
    assert_value(e, DURATION "_count", HOME "200", 0);
    assert_value(e, "http_server_response_body_size_bytes_count",
                 "http_request_method=GET,http_route=/news/{id}", 0);
    assert_value(e, "perfopt_cache_requests_total", "cache=data,result=hit", 0);
    assert_value(e, "perfopt_cache_requests_total", "cache=data,result=error", 0);
    assert_value(e, "perfopt_cache_evictions_total", "", 0);
    assert_value(e, "perfopt_template_cache_requests_total", "result=miss", 0);
    assert_value(e, "perfopt_alert_firing", "alert=response-time", 0);
    assert_value(e, "perfopt_alert_firing", "alert=memory", 0);
    assert_value(e, "perfopt_overflow_total", "", 0);
    assert_value(e, "perfopt_dropped_total", "", 0);
    assert_value(e, "perfopt_build_info", "version=0.1.0", 1);
    assert_value(e, "db_client_connection_timeouts_total", "db_client_connection_pool_name=perfopt",
                 0);
    assert_value(e, "db_client_operation_duration_seconds_count", "db_system_name=redis", 0);
    assert_value(e, "process_open_fds", "", 2);
    assert_value(e, "process_max_fds", "", 1024);
    assert_value(e, "process_threads", "", 7);
    assert_value(e, "process_resident_memory_bytes", "", 20480 * 1024);
    assert_value(e, "process_start_time_seconds", "", 1700000050);
    assert_value(e, "process_cpu_seconds_total", "", 3);
    assert_value(e, "system_memory_limit_bytes", "", 1024000000);
    assert_value(e, "perfopt_web_vital_seconds_count", "vital=LCP", 0);
    assert_value(e, "perfopt_web_vital_score_count", "vital=CLS", 0);
    expo_free(e);
}

static void two_seconds_is_a_bound_of_its_own(void **state)
{
    fixture *f = *state;
    fixture_record(f, 1, 3, 2000 * MS, 200);
    fixture_record(f, 1, 1, 2000 * MS + 1, 200);
    fixture_record(f, 1, 2, 1 * MS, 503);
    fixture_record(f, 1, 1, 1 * MS, 0);
    expo *e = scrape(f);
    assert_value(e, DURATION "_bucket", HOME "200,le=1", 0);
    assert_value(e, DURATION "_bucket", HOME "200,le=2", 3);
    assert_value(e, DURATION "_bucket", HOME "200,le=2.5", 4);
    assert_value(e, DURATION "_bucket", HOME "200,le=+Inf", 4);
    assert_true(fabs(expo_value(e, DURATION "_sum", HOME "200") - 8.000000001) < 1e-9);
    assert_value(e, DURATION "_count", HOME "503,error_type=503", 2);
    assert_value(e, DURATION "_count",
                 "http_request_method=GET,http_route=/,error_type=client_disconnected", 1);
    expo_free(e);
}

/* The text of each bound is the number that is compared with. */
static void bounds_are_those_of_the_counters(void **state)
{
    fixture *f = *state;
    expo *e = scrape(f);
    int duration = 0, operation = 0, size = 0;
    for (size_t i = 0; i < e->sample_count; i++) {
        const expo_sample *s = &e->samples[i];
        const char *le = expo_label(s, "le");
        if (!le || strcmp(le, "+Inf") == 0)
            continue;
        double bound = strtod(le, NULL);
        if (strcmp(s->name, DURATION "_bucket") == 0) {
            int64_t ns = perfopt__duration_bounds_ns[duration++ % PERFOPT__DURATION_BOUNDS];
            assert_true(fabs(bound * 1e9 - (double)ns) < 1);
        } else if (strcmp(s->name, "db_client_operation_duration_seconds_bucket") == 0) {
            static const double expected[] = {.001, .005, .01, .05, .1, .5, 1, 5, 10};
            assert_true(bound == expected[operation++ % 9]);
        } else if (strcmp(s->name, "http_server_response_body_size_bytes_bucket") == 0) {
            assert_true(bound == (double)perfopt__size_bounds[size++ % PERFOPT__SIZE_BOUNDS]);
        }
    }
    assert_int_equal(duration, 2 * PERFOPT__DURATION_BOUNDS);
    assert_int_equal(operation, 18);
    assert_int_equal(size, 2 * PERFOPT__SIZE_BOUNDS);
    expo_free(e);
}

/* R7: any label value comes back as it was; bytes that are no UTF-8 become U+FFFD. */
static void labels_are_escaped(void **state)
{
    fixture *f = *state;
    static const char *const hostile[] = {
        "/a\"} 1\nforged_total 5\n# TYPE x counter",
        "/back\\slash\\",
        "/\\n",
        "/{id}",
        "/\xC3\xA4\xE2\x82\xAC",
        "/\xF0\x9F\x98\x80 # HELP",
        "/,=\"",
        "/\r\t\x01",
    };
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        uint32_t route = perfopt__routes_intern(f->routes, "GET", hostile[i], 0);
        assert_int_not_equal(route, 0);
        fixture_record(f, route, (int)i + 1, MS, 200);
    }
    uint32_t bad = perfopt__routes_intern(f->routes, "GET", "/x\xff\xfey", 0);
    fixture_record(f, bad, 99, MS, 200);
    expo *e = scrape(f);
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        char labels[200];
        snprintf(labels, sizeof(labels),
                 "http_request_method=GET,http_route=%s,http_response_status_code=200", hostile[i]);
        assert_value(e, DURATION "_count", labels, (double)i + 1);
    }
    assert_value(e, DURATION "_count",
                 "http_request_method=GET,http_route=/x\xEF\xBF\xBD\xEF\xBF\xBDy,"
                 "http_response_status_code=200",
                 99);
    assert_true(isnan(expo_value(e, "forged_total", "")));
    expo_free(e);
}

static void random_label_values_come_back(void **state)
{
    (void)state;
    unsigned random = 99;
    for (int round = 0; round < 3000; round++) {
        char value[24];
        size_t length = 0;
        for (size_t i = 0; i < sizeof(value) - 1; i++) {
            random = random * 1103515245 + 12345;
            char c = "\\\"\nabn{}=, #"[(random >> 16) % 12];
            value[length++] = c;
            if ((random >> 24) % 16 == 0)
                break;
        }
        value[length] = '\0';
        perfopt__strbuf out = PERFOPT__STRBUF_INIT;
        perfopt__expo_family(&out, "x_total", "counter", "a\\b\nc");
        perfopt__expo_count(&out, "x_total", "",
                            (const perfopt__label[]){{"l", value}, {NULL, NULL}}, UINT64_MAX);
        expo *e = expo_parse(out.data, out.length);
        assert_string_equal(e->error, "");
        assert_int_equal(e->sample_count, 1);
        assert_string_equal(e->samples[0].label_values[0], value);
        assert_true(e->samples[0].value == 18446744073709551615.0);
        expo_free(e);
        perfopt__strbuf_finish(&out);
    }
}

static void the_parser_refuses_what_is_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "x 1\n",
        "# TYPE x gauge\nx 1\n",
        "# HELP x h\n# TYPE x gauge\nx 1",
        "# HELP x h\n# TYPE x gauge\nx 1,5\n",
        "# HELP x h\n# TYPE x gauge\nx{a=\"b} 1\n",
        "# HELP x h\n# TYPE x gauge\nx{a=\"\\q\"} 1\n",
        "# HELP x h\n# TYPE x gauge\nx 1\nx 2\n",
        "# HELP x h\n# TYPE x gauge\ny 1\n",
        "# HELP x h\n# TYPE x counter\nx 1\n",
        "# HELP x h\n# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_sum 1\nx_count 1\n",
        "# HELP x h\n# TYPE x histogram\nx_bucket{le=\"1\"} 2\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\n"
        "x_count 1\n",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        expo *e = expo_parse(wrong[i], strlen(wrong[i]));
        assert_string_not_equal(e->error, "");
        expo_free(e);
    }
}

static void numbers_do_not_follow_the_locale(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *line;
    } cases[] = {{0.25, "x 0.25\n"},
                 {1e300, "x 1e+300\n"},
                 {-1.5, "x -1.5\n"},
                 {(double)NAN, "x NaN\n"},
                 {(double)INFINITY, "x +Inf\n"},
                 {-(double)INFINITY, "x -Inf\n"},
                 {3, "x 3\n"},
                 {1e-9, "x 1e-09\n"}};
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF"};
    for (size_t l = 0; l < 4; l++) {
        setlocale(LC_NUMERIC, locales[l]); /* those that are not installed change nothing */
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            perfopt__strbuf out = PERFOPT__STRBUF_INIT;
            perfopt__expo_value(&out, "x", "", NULL, cases[i].value);
            assert_string_equal(out.data, cases[i].line);
            perfopt__strbuf_finish(&out);
        }
    }
    setlocale(LC_NUMERIC, "C");
}

static void counters_never_go_back(void **state)
{
    fixture *f = *state;
    perfopt__monitor_details *d = &f->source.details;
    d->now.has_cache = d->now.has_ssr = d->now.has_db = true;
    d->template_count = 1;
    snprintf(d->templates[0].name, sizeof(d->templates[0].name), "news/\"home\".html");
    expo *before = scrape(f);
    for (int round = 0; round < 5; round++) {
        fixture_record(f, 1, 10, MS, 200);
        d->now.cache.hits_l1 += 7;
        d->now.cache.evictions += 2;
        d->now.ssr.template_hits += 3;
        d->now.db.acquire_timeouts += 1;
        d->templates[0].renders += 4;
        d->templates[0].total_ns += 1000000000;
        fixture_run(f, 5);
        if (round == 2)
            perfopt_monitor_reset(f->monitor);
        expo *after = scrape(f);
        for (size_t i = 0; i < before->sample_count; i++) {
            const expo_sample *s = &before->samples[i];
            if (strcmp(before->families[s->family].type, "gauge") == 0 || expo_label(s, "quantile"))
                continue;
            for (size_t k = 0; k < after->sample_count; k++) {
                const expo_sample *t = &after->samples[k];
                bool same = strcmp(s->name, t->name) == 0 && s->label_count == t->label_count;
                for (int l = 0; same && l < s->label_count; l++)
                    same = strcmp(s->label_values[l], t->label_values[l]) == 0;
                if (same)
                    assert_true(t->value >= s->value);
            }
        }
        expo_free(before);
        before = after;
        if (round == 3) { /* the sources' own statistics are set to zero */
            memset(&d->now.cache, 0, sizeof(d->now.cache));
            memset(&d->now.ssr, 0, sizeof(d->now.ssr));
            d->now.db.acquire_timeouts = 0;
            d->templates[0].renders = 0;
            d->templates[0].total_ns = 0;
        }
    }
    assert_value(before, DURATION "_count", HOME "200", 50);
    assert_value(before, "perfopt_cache_requests_total", "cache=data,result=hit", 35);
    assert_value(before, "perfopt_cache_evictions_total", "", 10);
    assert_value(before, "perfopt_template_cache_requests_total", "result=hit", 15);
    assert_value(before, "db_client_connection_timeouts_total",
                 "db_client_connection_pool_name=perfopt", 5);
    assert_value(before, "perfopt_template_render_duration_seconds_count",
                 "template=news/\"home\".html", 20);
    assert_value(before, "perfopt_template_render_duration_seconds_sum",
                 "template=news/\"home\".html", 5);
    expo_free(before);
}

static void spans_and_overflow_have_series_of_their_own(void **state)
{
    fixture *f = *state;
    perfopt_span span = perfopt_span_begin(f->monitor, "import");
    perfopt_span_end(&span);
    span = perfopt_span_begin(f->monitor, "import");
    span.failed = true;
    perfopt_span_end(&span);
    fixture_record(f, 0, 4, MS, 200);
    expo *e = scrape(f);
    assert_value(e, "perfopt_span_duration_seconds_count", "span=import,result=ok", 1);
    assert_value(e, "perfopt_span_duration_seconds_count", "span=import,result=error", 1);
    assert_value(e, DURATION "_count",
                 "http_request_method=_OTHER,otel_metric_overflow=true,"
                 "http_response_status_code=200",
                 4);
    assert_value(e, "perfopt_overflow_total", "", 4);
    for (size_t i = 0; i < e->sample_count; i++) {
        const char *method = expo_label(&e->samples[i], "http_request_method");
        assert_true(!method || strcmp(method, "SPAN") != 0);
    }
    expo_free(e);
}

int main(void)
{
    test_clock_install();
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(everything_known_is_there_at_zero),
        CASE(two_seconds_is_a_bound_of_its_own),
        CASE(bounds_are_those_of_the_counters),
        CASE(labels_are_escaped),
        CASE(random_label_values_come_back),
        CASE(the_parser_refuses_what_is_wrong),
        CASE(numbers_do_not_follow_the_locale),
        CASE(counters_never_go_back),
        CASE(spans_and_overflow_have_series_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
