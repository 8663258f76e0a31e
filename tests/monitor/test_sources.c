/*
 * test_sources.c - the public constructor reads each part it is given, and only those. The parts
 * are replaced by functions of this file.
 */
#include "http/monitor_hooks.h"
#include "monitor/fixture.h"
#include "support/fake_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int object; /* any address will do: nothing looks inside */
#define PART(type) ((struct type *)&object)

static struct {
    int cache, db, queries, ssr, assets;
} reads;
static perfopt__routes *site_routes;

void perfopt_cache_get_stats(perfopt_cache *cache, perfopt_cache_stats *out)
{
    assert_ptr_equal(cache, &object);
    memset(out, 0, sizeof(*out));
    out->hits_l1 = 75;
    out->misses = 25;
    reads.cache++;
}

size_t perfopt_cache_get_groups(perfopt_cache *cache, perfopt_cache_group *out, size_t capacity)
{
    assert_ptr_equal(cache, &object);
    assert_true(capacity > 0);
    out[0] = (perfopt_cache_group){.name = "news", .hits = 1, .misses = 199};
    return 1;
}

void perfopt_db_get_stats(perfopt_db *db, perfopt_db_stats *out)
{
    assert_ptr_equal(db, &object);
    memset(out, 0, sizeof(*out));
    out->up = true;
    out->in_use = 4;
    reads.db++;
}

size_t perfopt_db_get_queries(perfopt_db *db, bool slow_only, perfopt_query_shape *out,
                              size_t capacity)
{
    assert_ptr_equal(db, &object);
    assert_true(slow_only && capacity > 0);
    out[0] = (perfopt_query_shape){.sql = "SELECT ?", .calls = 5, .slow = 5};
    return 1;
}

size_t perfopt_query_cache_get_stats(perfopt_query_cache *queries, perfopt_query_cache_stats *total,
                                     perfopt_query_cache_stats *out, size_t capacity)
{
    assert_ptr_equal(queries, &object);
    assert_true(out == NULL && capacity == 0);
    *total = (perfopt_query_cache_stats){.hits = 11};
    reads.queries++;
    return 0;
}

void perfopt_ssr_get_render_stats(perfopt_ssr *ssr, perfopt_render_stats *out)
{
    assert_ptr_equal(ssr, &object);
    *out = (perfopt_render_stats){.template_hits = 13};
    reads.ssr++;
}

size_t perfopt_ssr_get_templates(perfopt_ssr *ssr, perfopt_template_stats *out, size_t capacity)
{
    assert_ptr_equal(ssr, &object);
    assert_true(capacity > 0);
    out[0] = (perfopt_template_stats){.name = "home.html", .renders = 17};
    return 1;
}

void perfopt_assets_get_optimization_stats(perfopt_assets *assets, perfopt_assets_stats *out)
{
    assert_ptr_equal(assets, &object);
    *out = (perfopt_assets_stats){.assets = 19, .missing = 2, .last_precompile_s = 1};
    reads.assets++;
}

perfopt__routes *perfopt__http_routes(struct perfopt_http *http)
{
    assert_ptr_equal(http, &object);
    return site_routes;
}

uint32_t perfopt__http_active_requests(struct perfopt_http *http)
{
    assert_ptr_equal(http, &object);
    return 23;
}

static void assert_exported(perfopt_monitor *monitor, const char *line)
{
    perfopt_bytes *text = NULL;
    assert_int_equal(perfopt_monitor_prometheus(monitor, &text), PERFOPT_OK);
    if (!strstr(perfopt_bytes_data(text), line))
        fail_msg("not exported: %s", line);
    perfopt_bytes_release(text);
}

static void every_part_is_read(void **state)
{
    (void)state;
    perfopt_monitor *monitor = NULL;
    perfopt_monitor_sources sources = {PART(perfopt_cache),       PART(perfopt_db),
                                       PART(perfopt_query_cache), PART(perfopt_assets),
                                       PART(perfopt_ssr),         PART(perfopt_http)};
    assert_int_equal(perfopt__routes_create(0, &site_routes), PERFOPT_OK);
    uint32_t home = perfopt__routes_intern(site_routes, "GET", "/", 0);
    assert_int_equal(perfopt_monitor_create(PERFOPT_MONITOR_OPTIONS(.interval_ms = 3600000),
                                            &sources, &monitor, NULL),
                     PERFOPT_OK);
    perfopt__routes_record(site_routes, home, &(perfopt__route_sample){.status = 200});
    perfopt_monitor_sample(monitor);
    assert_exported(monitor, "\nhttp_server_active_requests 23\n");
    assert_exported(monitor, "http_response_status_code=\"200\",le=\"+Inf\"} 1\n");
    assert_exported(monitor, "{cache=\"data\",result=\"hit\"} 75\n");
    assert_exported(monitor, "{cache=\"query\",result=\"hit\"} 11\n");
    assert_exported(monitor, "perfopt_template_cache_requests_total{result=\"hit\"} 13\n");
    assert_exported(monitor, "_count{template=\"home.html\"} 17\n");
    assert_exported(monitor, "perfopt_assets{encoding=\"identity\"} 19\n");
    assert_exported(monitor, "{db_client_connection_state=\"used\","
                             "db_client_connection_pool_name=\"perfopt\"} 4\n");
    perfopt_recommendation advice[8];
    size_t count = perfopt_monitor_get_recommendations(monitor, advice, 8);
    assert_true(count >= 3);
    assert_string_equal(advice[0].id, "assets-missing");
    assert_true(reads.cache > 1 && reads.db > 1 && reads.queries > 1 && reads.ssr > 1);
    perfopt_monitor_destroy(monitor);
    perfopt__routes_destroy(site_routes);
}

static void no_part_is_needed(void **state)
{
    (void)state;
    perfopt_monitor *monitor = NULL;
    memset(&reads, 0, sizeof(reads));
    assert_int_equal(perfopt_monitor_create(NULL, NULL, &monitor, NULL), PERFOPT_OK);
    {
        PERFOPT_SPAN(monitor, "work");
    }
    perfopt_monitor_sample(monitor);
    assert_exported(monitor,
                    "perfopt_span_duration_seconds_count{span=\"work\",result=\"ok\"} 1\n");
    assert_exported(monitor, "\nhttp_server_active_requests 0\n");
    assert_int_equal(reads.cache + reads.db + reads.queries + reads.ssr + reads.assets, 0);
    perfopt_monitor_destroy(monitor);
}

static void a_site_that_is_not_monitored(void **state)
{
    (void)state;
    perfopt_monitor *monitor = NULL;
    site_routes = NULL; /* switched off there: spans are still measured */
    perfopt_monitor_sources sources = {.http = PART(perfopt_http)};
    assert_int_equal(perfopt_monitor_create(NULL, &sources, &monitor, NULL), PERFOPT_OK);
    assert_exported(monitor, "\nhttp_server_active_requests 23\n");
    perfopt_monitor_destroy(monitor);
}

int main(void)
{
    test_clock_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_read),
        cmocka_unit_test(no_part_is_needed),
        cmocka_unit_test(a_site_that_is_not_monitored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
