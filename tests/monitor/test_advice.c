/*
 * test_advice.c - each rule speaks on numbers that call for it, with the numbers in its text, and
 * is silent on a healthy site and on an idle one.
 */
#include "monitor/advice.h"

#include "monitor/fixture.h"
#include "support/fake_clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static perfopt__advice_input in;
static perfopt__advice out;

/* A busy site with nothing wrong. */
static int healthy(void **state)
{
    (void)state;
    memset(&in, 0, sizeof(in));
    perfopt__monitor_details *d = &in.details;
    d->now.has_cache = d->now.has_db = d->now.has_queries = d->now.has_ssr = d->has_assets = true;
    d->now.cache = (perfopt_cache_stats){.hits_l1 = 9500,
                                         .misses = 500,
                                         .writes = 600,
                                         .evictions = 5,
                                         .bytes = 10 << 20,
                                         .max_bytes = 64 << 20,
                                         .redis = PERFOPT_LINK_UP,
                                         .redis_rtt_p95_us = 300};
    d->now.db = (perfopt_db_stats){.up = true,
                                   .pool_size = 10,
                                   .max_overflow = 20,
                                   .acquires = 10000,
                                   .acquire_waits = 3,
                                   .queries = 10000,
                                   .connects = 10,
                                   .statements_prepared = 40,
                                   .statements_reused = 9960};
    d->now.queries = (perfopt_query_cache_stats){.hits = 500, .misses = 100};
    d->now.ssr = (perfopt_render_stats){.renders = 1000,
                                        .p95_ns = 5 * MS,
                                        .compiles = 12,
                                        .templates = 12,
                                        .fragment_hits = 50,
                                        .cache_enabled = true};
    d->group_count = 1;
    d->groups[0] = (perfopt_cache_group){.name = "news", .hits = 9500, .misses = 500};
    d->assets = (perfopt_assets_stats){.assets = 20,
                                       .with_gzip = 12,
                                       .minified_bytes = 400000,
                                       .requests = 5000,
                                       .last_precompile_s = 1767225600};
    in.route_count = 1;
    in.routes[0] = (perfopt_route_stats){.method = "GET",
                                         .route = "/news/{id}",
                                         .count = 5000,
                                         .status_2xx = 4999,
                                         .status_5xx = 1,
                                         .p95_ms = 20,
                                         .mean_ms = 5,
                                         .time_share = 0.9,
                                         .queries_per_request = 1.5,
                                         .most_queries = 4,
                                         .page_cache_ratio = 0.8};
    in.system = (perfopt_system){.process_cpu_ratio = 0.2,
                                 .host_cpu_ratio = 0.3,
                                 .cpu_limit = 4,
                                 .memory_used_bytes = 400 << 20,
                                 .memory_limit_bytes = 1 << 30,
                                 .memory_source = "cgroup2",
                                 .open_fds = 100,
                                 .max_fds = 1024,
                                 .disk_count = 1};
    in.system.disks[0] = (perfopt_system_disk){"/", 100ull << 30, 50ull << 30};
    in.pool_peak = 6;
    in.pool_points = 360;
    return 0;
}

static const perfopt_recommendation *find(const char *id)
{
    perfopt__advice_run(&in, &out);
    for (size_t i = 0; i < out.count; i++) {
        if (strcmp(out.items[i].id, id) == 0)
            return &out.items[i];
    }
    return NULL;
}

static void expect(const char *id, const char *severity, const char *number)
{
    const perfopt_recommendation *r = find(id);
    if (!r)
        fail_msg("no recommendation %s", id);
    assert_string_equal(r->severity, severity);
    if (!strstr(r->reason, number))
        fail_msg("%s: no \"%s\" in: %s", id, number, r->reason);
    assert_true(strlen(r->title) > 5 && strlen(r->action) > 10);
    assert_int_equal(out.count, 1); /* and nothing else speaks */
}

static void a_healthy_site_needs_nothing(void **state)
{
    (void)state;
    perfopt__advice_run(&in, &out);
    for (size_t i = 0; i < out.count; i++)
        print_error("%s: %s\n", out.items[i].id, out.items[i].reason);
    assert_int_equal(out.count, 0);
}

static void an_idle_site_needs_nothing(void **state)
{
    (void)state;
    memset(&in, 0, sizeof(in));
    in.summary.p95_ms = in.pool_peak = NAN;
    in.system.process_cpu_ratio = in.system.psi_cpu = NAN;
    perfopt__advice_run(&in, &out);
    assert_int_equal(out.count, 0);
}

static void cache_rules(void **state)
{
    perfopt_cache_stats *c = &in.details.now.cache;
    c->hits_l1 = 300;
    c->misses = 700;
    expect("cache-hit-rate", "warn", "30.0 % of 1000");
    healthy(state);
    in.details.groups[0].hits = 10;
    in.details.groups[0].misses = 190;
    expect("cache-group-hit-rate", "warn", "5.0 % of 200");
    healthy(state);
    c->evictions = 300;
    c->bytes = 63 << 20;
    expect("cache-too-small", "info", "300 of 600");
    healthy(state);
    c->damaged = 4;
    expect("cache-damaged", "warn", "4 values");
}

static void redis_rules(void **state)
{
    perfopt_cache_stats *c = &in.details.now.cache;
    c->redis = PERFOPT_LINK_DOWN;
    c->redis_calls = 50;
    c->redis_errors = 7;
    snprintf(c->redis_where, sizeof(c->redis_where), "127.0.0.1:6379/0");
    snprintf(c->redis_error, sizeof(c->redis_error), "Connection refused");
    expect("redis-down", "high", "127.0.0.1:6379/0: Connection refused; 7 of 50");
    healthy(state);
    c->redis_rtt_p95_us = 12500;
    expect("redis-slow", "warn", "12.5 ms");
}

static void database_rules(void **state)
{
    perfopt_db_stats *db = &in.details.now.db;
    db->up = false;
    snprintf(db->error, sizeof(db->error), "connection refused");
    expect("database-down", "high", "connection refused");
    healthy(state);
    db->acquire_waits = 900;
    expect("pool-too-small", "warn", "900 of 10000");
    db->acquire_timeouts = 2;
    expect("pool-too-small", "high", "2 timed out");
    healthy(state);
    db->acquire_waits = 0;
    in.pool_peak = 1.5;
    expect("pool-too-large", "info", "at most 1.5 of 10");
    healthy(state);
    db->closed_dirty = 8;
    expect("connections-dirty", "warn", "8 connections");
    healthy(state);
    db->statements_prepared = 5000;
    db->statements_reused = 20;
    expect("statements-not-reused", "warn", "5000 statements");
    healthy(state);
    in.details.now.queries = (perfopt_query_cache_stats){0};
    expect("query-cache-unused", "info", "10000 queries");
    healthy(state);
    in.details.shape_count = 1;
    in.details.shapes[0] = (perfopt_query_shape){.sql = "SELECT * FROM news WHERE id = ?",
                                                 .calls = 40,
                                                 .slow = 12,
                                                 .mean_ns = 90 * MS,
                                                 .p95_ns = 150 * MS,
                                                 .max_ns = 900 * MS};
    expect("slow-query", "warn", "12 of 40 calls were slow: mean 90 ms, 95 % up to 150 ms");
}

static void route_rules(void **state)
{
    perfopt_route_stats *r = &in.routes[0];
    r->n_plus_one = 77;
    expect("n-plus-one", "warn", "77 of 5000");
    healthy(state);
    r->over_query_budget = 31;
    expect("query-budget", "warn", "31 of 5000");
    healthy(state);
    r->status_5xx = 100;
    expect("error-ratio", "warn", "2.0 %");
    r->status_5xx = 1000;
    expect("error-ratio", "high", "20.0 %");
    healthy(state);
    r->slow = 600;
    r->db_ms_per_request = 4;
    expect("slow-route", "warn", "600 of 5000");
    assert_non_null(strstr(find("slow-route")->action, "the database"));
    healthy(state);
    r->aborted = 400;
    expect("clients-leave", "info", "400 of 5000");
    healthy(state);
    r->page_cache_ratio = 0;
    expect("page-cache-unused", "info", "90 % of all request time");
    snprintf(r->method, sizeof(r->method), "POST");
    assert_null(find("page-cache-unused"));
    healthy(state);
    in.self.overflowed = 5;
    expect("routes-overflow", "info", "5 requests");
    healthy(state);
    snprintf(r->method, sizeof(r->method), "SPAN"); /* jobs may be slow */
    r->slow = r->status_5xx = 5000;
    perfopt__advice_run(&in, &out);
    assert_int_equal(out.count, 0);
}

static void template_and_asset_rules(void **state)
{
    perfopt_render_stats *ssr = &in.details.now.ssr;
    ssr->compiles = 400;
    ssr->reloads = 388;
    ssr->auto_reload = true;
    expect("template-recompiles", "warn", "400 compilations for 12 templates, 388");
    assert_non_null(strstr(find("template-recompiles")->action, "auto_reload"));
    healthy(state);
    ssr->cache_enabled = false;
    ssr->compiles = 1000;
    expect("template-cache-off", "high", "1000 compilations");
    healthy(state);
    ssr->p95_ns = 80 * MS;
    ssr->fragment_hits = 0;
    expect("fragments-unused", "info", "80 ms");
    healthy(state);
    ssr->render_errors = 50;
    expect("render-errors", "high", "50 of 1000");
    healthy(state);
    perfopt_assets_stats *a = &in.details.assets;
    a->missing = 2;
    expect("assets-missing", "high", "2 of 20");
    healthy(state);
    a->stale = 3;
    expect("assets-stale", "warn", "3 of 20");
    healthy(state);
    a->with_gzip = 0;
    expect("assets-no-gzip", "warn", "391 KiB");
    healthy(state);
    a->last_precompile_s = 0;
    expect("assets-not-precompiled", "warn", "5000 requests");
    healthy(state);
    a->not_found = 1000;
    expect("assets-not-found", "warn", "1000 of 5000");
}

static void browser_and_machine_rules(void **state)
{
    in.vital_count = 1;
    in.vitals[0] = (perfopt__advice_vital){
        .stats = {.name = "LCP", .count = 100, .p75 = 5200, .good = 2500, .poor = 4000},
        .worst_route = "/news/{id}"};
    expect("web-vital", "warn",
           "75 % of 100 visits saw up to 5200 ms; good is up to 2500 ms. "
           "Worst: /news/{id}");
    in.vitals[0].stats.p75 = 3000;
    expect("web-vital", "info", "3000 ms");
    in.vitals[0].stats.count = 19;
    assert_null(find("web-vital"));
    in.vitals[0].stats = (perfopt_vital_stats){"CLS", 50, 0.31, 0.1, 0.25};
    expect("web-vital", "warn", "0.31; good is up to 0.1.");
    healthy(state);
    in.system.memory_used_bytes = 800 << 20;
    expect("memory-near-limit", "warn", "78 % in use: 800 MiB of 1.0 GiB (cgroup2)");
    in.system.memory_used_bytes = 900 << 20;
    expect("memory-near-limit", "high", "88 %");
    healthy(state);
    in.system.open_fds = 900;
    expect("files-near-limit", "high", "900 of 1024");
    healthy(state);
    in.system.disks[0].free_bytes = 2ull << 30;
    expect("disk-full", "high", "2.0 GiB of 100 GiB");
    healthy(state);
    in.system.process_cpu_ratio = 0.95;
    expect("cpu-saturated", "warn", "95 % of its 4.0 CPUs");
}

static void the_worst_come_first_and_texts_fit(void **state)
{
    (void)state;
    in.route_count = PERFOPT__ADVICE_ROUTES;
    for (size_t i = 0; i < in.route_count; i++) {
        perfopt_route_stats *r = &in.routes[i];
        *r = in.routes[0];
        memset(r->route, 'x', sizeof(r->route) - 1);
        r->status_5xx = r->n_plus_one = r->over_query_budget = r->slow = r->aborted = r->count;
        r->page_cache_ratio = 0;
    }
    in.details.now.cache.redis = PERFOPT_LINK_DOWN;
    memset(in.details.now.cache.redis_where, 'w', 127);
    memset(in.details.now.cache.redis_error, 'e', 127);
    in.details.shape_count = PERFOPT__MAX_SHAPES;
    for (size_t i = 0; i < in.details.shape_count; i++) {
        in.details.shapes[i].slow = 1;
        for (size_t k = 0; k + 3 < sizeof(in.details.shapes[i].sql); k += 3)
            memcpy(in.details.shapes[i].sql + k, "\xE2\x82\xAC", 3);
    }
    perfopt__advice_run(&in, &out);
    assert_true(out.count > 15 && out.count <= PERFOPT__ADVICE_MAX);
    int rank = 0;
    for (size_t i = 0; i < out.count; i++) {
        const perfopt_recommendation *r = &out.items[i];
        int here = strcmp(r->severity, "high") == 0 ? 0 : strcmp(r->severity, "warn") == 0 ? 1 : 2;
        assert_true(here >= rank);
        rank = here;
        assert_true(strlen(r->reason) < sizeof(r->reason) && strlen(r->title) < sizeof(r->title));
        if (strcmp(r->id, "slow-query") == 0)
            assert_string_equal(r->reason + strlen(r->reason) - 3, "\xE2\x82\xAC");
    }
}

static void a_monitor_gathers_what_the_rules_need(void **state)
{
    (void)state;
    static fixture f;
    fixture_start(&f, NULL);
    perfopt_scope_stats scope = {.queries = 30, .most_repeated = 25};
    perfopt__route_sample sample = {.took_ns = 5 * MS, .status = 200, .scope = &scope};
    for (int i = 0; i < 10; i++)
        perfopt__routes_record(f.routes, 2, &sample);
    for (int i = 0; i < 30; i++) {
        static const char beacon[] = "{\"name\":\"CLS\",\"value\":0.4,\"route\":\"/\"}";
        assert_int_equal(perfopt_monitor_beacon(f.monitor, beacon, sizeof(beacon) - 1), PERFOPT_OK);
    }
    fixture_run(&f, 5);
    perfopt_recommendation found[8];
    assert_int_equal(perfopt_monitor_get_recommendations(f.monitor, found, 8), 2);
    assert_string_equal(found[0].id, "n-plus-one");
    assert_non_null(strstr(found[0].title, "GET /news/{id}"));
    assert_non_null(strstr(found[0].reason, "10 of 10 requests"));
    assert_string_equal(found[1].id, "web-vital");
    assert_non_null(strstr(found[1].reason, "Worst: /"));
    assert_int_equal(perfopt_monitor_get_recommendations(f.monitor, found, 1), 1);
    fixture_stop(&f);
}

int main(void)
{
    test_clock_install();
#define CASE(name) cmocka_unit_test_setup(name, healthy)
    const struct CMUnitTest tests[] = {
        CASE(a_healthy_site_needs_nothing),
        CASE(an_idle_site_needs_nothing),
        CASE(cache_rules),
        CASE(redis_rules),
        CASE(database_rules),
        CASE(route_rules),
        CASE(template_and_asset_rules),
        CASE(browser_and_machine_rules),
        CASE(the_worst_come_first_and_texts_fit),
        CASE(a_monitor_gathers_what_the_rules_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
