/*
 * test_pages.c - what the pages and the JSON hold: hostile names, shapes, limits, ETags, sharing.
 */
#include "admin/build.h"
#include "admin/site.h"
#include "base/clock.h"
#include "support/fake_clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HOSTILE      "</script><img src=x onerror=alert(1)>\"'&{{7*7}}"

static const char *const pages[] = {"/admin/performance", "/admin/performance/asset-optimization",
                                    "/admin/performance/ssr-optimization"};
static const char *const apis[] = {"/admin/performance/api/v1/overview",
                                   "/admin/performance/api/v1/assets",
                                   "/admin/performance/api/v1/ssr"};

static int set_up(void **state)
{
    static site s;
    site_start(&s, &(site_setup){.password = SITE_PASSWORD, .viewer_password = SITE_VIEWING});
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    site_stop(*state);
    return 0;
}

/* ---- hostile names ------------------------------------------------------------------------- */

static void spread_hostile_names(site *s)
{
    perfopt_bytes *value;
    static const char key[] = HOSTILE ":1";
    perfopt_cache_set(s->cache, key, sizeof(key) - 1, "x", 1, NULL);
    perfopt_cache_get(s->cache, key, sizeof(key) - 1, &value);
    perfopt_bytes_release(value);
    perfopt_ssr_record_render(s->ssr, HOSTILE, 1000000, 100, false);
    perfopt_span span = perfopt_span_begin(s->monitor, HOSTILE);
    perfopt_span_end(&span);
    perfopt_monitor_sample(s->monitor);
}

static void test_hostile_names_stay_text(void **state)
{
    site *s = *state;
    spread_hostile_names(s);
    unsigned seen = 0;
    for (size_t i = 0; i < COUNT(pages); i++) {
        reply r = site_get(s, pages[i], SITE_ADMIN);
        assert_int_equal(r.status, 200);
        assert_null(strstr(r.body, "<img"));
        assert_null(strstr(r.body, "onerror=alert(1)>"));
        seen += strstr(r.body, "&lt;img src=x onerror=alert(1)&gt;") != NULL;
        reply_finish(&r);
        r = site_get(s, apis[i], SITE_ADMIN);
        assert_int_equal(r.status, 200);
        assert_null(strstr(r.body, "</script"));
        reply_finish(&r);
    }
    assert_int_equal(seen, 2);
}

static void test_hostile_arguments_stay_text(void **state)
{
    site *s = *state;
    static const char *const queries[] = {
        "?q=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "?sort=%22%3E%3Cimg%3E&dir=asc",
        "?detail=%3Cimg%3E",
        "?window=5m&p=99999999999999999999",
        "?p=-1",
        "?result=%3Cimg%3E",
        "?q=%ff%fe",
        "?q=",
        "?q=%7B%7B7*7%7D%7D",
    };
    for (size_t i = 0; i < COUNT(queries); i++) {
        for (size_t p = 0; p < COUNT(pages); p++) {
            char target[300];
            snprintf(target, sizeof(target), "%s%s", pages[p], queries[i]);
            reply r = site_get(s, target, SITE_ADMIN);
            assert_int_equal(r.status, 200);
            assert_null(strstr(r.body, "<img"));
            reply_finish(&r);
        }
    }
}

/* Nothing inline: the policy would block it. */
static void test_no_inline_code_or_style(void **state)
{
    site *s = *state;
    spread_hostile_names(s);
    for (size_t i = 0; i < COUNT(pages); i++) {
        reply r = site_get(s, pages[i], SITE_ADMIN);
        assert_null(strstr(r.body, " style="));
        assert_null(strstr(r.body, "<style"));
        assert_null(strstr(r.body, "javascript:"));
        assert_null(strstr(r.body, " onclick"));
        for (const char *at = r.body; (at = strstr(at, "<script")); at += 7)
            assert_int_equal(strncmp(at, "<script src=\"/admin/performance/static/", 39), 0);
        /* Nothing is loaded from elsewhere. */
        assert_null(strstr(r.body, "http://"));
        assert_null(strstr(r.body, "https://"));
        reply_finish(&r);
    }
}

/* ---- roles --------------------------------------------------------------------------------- */

static void test_viewers_see_no_actions(void **state)
{
    site *s = *state;
    for (size_t i = 0; i < COUNT(pages); i++) {
        reply r = site_get(s, pages[i], SITE_VIEWER);
        assert_int_equal(r.status, 200);
        assert_null(strstr(r.body, "csrf"));
        assert_null(strstr(r.body, "method=\"post\""));
        assert_null(strstr(r.body, "<dialog"));
        assert_non_null(strstr(r.body, "viewer"));
        reply_finish(&r);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static perfopt_value parse(perfopt_arena *arena, const reply *r)
{
    perfopt_value value;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_value_from_json(arena, r->body, r->length, &value, &err), PERFOPT_OK);
    return value;
}

#define NUMBER_OR_NULL (1u << PERFOPT_NONE | 1u << PERFOPT_INT | 1u << PERFOPT_DOUBLE)
#define NUMBER         (1u << PERFOPT_INT | 1u << PERFOPT_DOUBLE)
#define INTEGER        (1u << PERFOPT_INT)
#define TEXT           (1u << PERFOPT_STRING)
#define TEXT_OR_NULL   (TEXT | 1u << PERFOPT_NONE)
#define LIST           (1u << PERFOPT_LIST)
#define MAP            (1u << PERFOPT_MAP)
#define MAP_OR_NULL    (MAP | 1u << PERFOPT_NONE)

static const struct field {
    const char *path;
    unsigned kinds;
} frame[] =
    {
        {"schema", INTEGER},
        {"generated_at", TEXT},
        {"window_s", INTEGER},
        {"epoch", INTEGER},
        {"interval_ms", INTEGER},
        {"instances.expected", INTEGER},
        {"instances.answered", INTEGER},
        {"instances.list", LIST},
        {"sources.redis.state", TEXT},
        {"sources.redis.since", TEXT_OR_NULL},
        {"sources.redis.error", TEXT_OR_NULL},
        {"sources.postgres.state", TEXT},
        {"sources.memory.state", TEXT},
        {"alerts", LIST},
},
  overview[] =
      {
          {"tiles.rps", NUMBER_OR_NULL},
          {"tiles.error_ratio", NUMBER_OR_NULL},
          {"tiles.p50_ms", NUMBER_OR_NULL},
          {"tiles.p95_ms", NUMBER_OR_NULL},
          {"tiles.p99_ms", NUMBER_OR_NULL},
          {"tiles.max_ms", NUMBER_OR_NULL},
          {"tiles.cache_hit_ratio", NUMBER_OR_NULL},
          {"tiles.memory_ratio", NUMBER_OR_NULL},
          {"tiles.cpu_ratio", NUMBER_OR_NULL},
          {"tiles.pool", MAP_OR_NULL},
          {"series.step_s", INTEGER},
          {"series.t0", INTEGER},
          {"series.rps", LIST},
          {"series.p95_ms", LIST},
          {"series.error_ratio", LIST},
          {"routes.total", INTEGER},
          {"routes.overflowed", INTEGER},
          {"routes.rows", LIST},
          {"queries.rows", LIST},
          {"self.record_ns", NUMBER_OR_NULL},
          {"self.bytes", INTEGER},
          {"self.dropped", INTEGER},
          {"self.overflowed", INTEGER},
          {"cache", MAP_OR_NULL},
          {"connections.pool", MAP_OR_NULL},
          {"connections.redis", MAP_OR_NULL},
          {"query_cache", MAP_OR_NULL},
          {"system", MAP_OR_NULL},
          {"recommendations", LIST},
          {"thresholds.p95_ms", NUMBER},
          {"change.rps", NUMBER_OR_NULL},
},
  assets[] =
      {
          {"tiles", MAP_OR_NULL}, {"findings", LIST},        {"assets.total", INTEGER},
          {"assets.rows", LIST},  {"delivery", MAP_OR_NULL}, {"jobs.available", 1u << PERFOPT_BOOL},
          {"jobs.list", LIST},
},
  ssr[] =
      {
          {"tiles", MAP_OR_NULL},       {"indicators", LIST},     {"vitals", LIST},
          {"templates.total", INTEGER}, {"templates.rows", LIST}, {"series.render_p95_ms", LIST},
},
  route[] = {
      {"method", TEXT},
      {"route", TEXT},
      {"count", INTEGER},
      {"rps", NUMBER},
      {"error_ratio", NUMBER_OR_NULL},
      {"p50_ms", NUMBER_OR_NULL},
      {"p95_ms", NUMBER_OR_NULL},
      {"p99_ms", NUMBER_OR_NULL},
      {"max_ms", NUMBER_OR_NULL},
      {"time_share", NUMBER_OR_NULL},
      {"queries_per_request", NUMBER_OR_NULL},
      {"n_plus_one", 1u << PERFOPT_BOOL},
      {"status.2xx", INTEGER},
      {"status.5xx", INTEGER},
};

static void check_fields(perfopt_value value, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        perfopt_value found = perfopt__at(value, fields[i].path);
        if (!(fields[i].kinds >> found.kind & 1))
            print_error("%s is %s\n", fields[i].path, perfopt_value_type_name(found));
        assert_true(fields[i].kinds >> found.kind & 1);
    }
}

static void check_shapes(site *s)
{
    static const struct {
        const struct field *fields;
        size_t count;
    } own[] = {{overview, COUNT(overview)}, {assets, COUNT(assets)}, {ssr, COUNT(ssr)}};
    static const char *const windows[] = {"5m", "1h", "8h", "72h"};
    for (size_t i = 0; i < COUNT(apis); i++) {
        for (size_t w = 0; w < COUNT(windows); w++) {
            char target[100];
            perfopt_arena *arena;
            assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
            snprintf(target, sizeof(target), "%s?window=%s", apis[i], windows[w]);
            reply r = site_get(s, target, SITE_VIEWER);
            assert_int_equal(r.status, 200);
            assert_true(r.length <= 64 * 1024);
            perfopt_value value = parse(arena, &r);
            check_fields(value, frame, COUNT(frame));
            check_fields(value, own[i].fields, own[i].count);
            perfopt_value rows = perfopt__at(value, "routes.rows");
            for (size_t n = 0; rows.kind == PERFOPT_LIST && n < perfopt_value_count(rows); n++)
                check_fields(perfopt_value_at(rows, n), route, COUNT(route));
            reply_finish(&r);
            perfopt_arena_destroy(arena);
        }
    }
}

/* The same shape with and without traffic, and for a site that has nothing but itself. */
static void test_json_shape_is_constant(void **state)
{
    site *s = *state;
    check_shapes(s);
    for (int i = 0; i < 30; i++) {
        reply r = site_get(s, "/hello", NULL);
        reply_finish(&r);
    }
    spread_hostile_names(s);
    site bare;
    site_start(
        &bare,
        &(site_setup){.password = SITE_PASSWORD, .viewer_password = SITE_VIEWING, .bare = true});
    check_shapes(&bare);
    for (size_t i = 0; i < COUNT(pages); i++) {
        reply r = site_get(&bare, pages[i], SITE_ADMIN);
        assert_int_equal(r.status, 200);
        reply_finish(&r);
    }
    site_stop(&bare);
    check_shapes(s);
}

static void test_nothing_measured_is_null_not_zero(void **state)
{
    site *s = *state;
    perfopt_arena *arena;
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    reply r = site_get(s, apis[0], SITE_ADMIN);
    perfopt_value value = parse(arena, &r);
    assert_int_equal(perfopt__at(value, "tiles.p95_ms").kind, PERFOPT_NONE);
    assert_int_equal(perfopt__at(value, "tiles.error_ratio").kind, PERFOPT_NONE);
    assert_int_equal(perfopt__at(value, "tiles.cache_hit_ratio").kind, PERFOPT_NONE);
    reply_finish(&r);
    r = site_get(s, pages[0], SITE_ADMIN);
    assert_non_null(strstr(r.body, "No data"));
    assert_non_null(strstr(r.body, "No requests in"));
    reply_finish(&r);
    perfopt_arena_destroy(arena);
}

/* Two hundred routes: the JSON is cut, the page is paged. */
static void test_limits(void **state)
{
    site *s = *state;
    static char names[190][120];
    for (int i = 0; i < 190; i++) {
        snprintf(names[i], sizeof(names[i]), "a-rather-long-name-of-a-piece-of-work-%d-%050d", i,
                 i);
        perfopt_span span = perfopt_span_begin(s->monitor, names[i]);
        perfopt_span_end(&span);
    }
    perfopt_monitor_sample(s->monitor);
    perfopt_arena *arena;
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    reply r = site_get(s, apis[0], SITE_ADMIN);
    assert_true(r.length <= 64 * 1024);
    perfopt_value value = parse(arena, &r);
    size_t rows = perfopt_value_count(perfopt__at(value, "routes.rows"));
    assert_true(rows >= 15 && rows <= 60);
    assert_true(perfopt__at(value, "routes.total").as.integer >= 190);
    reply_finish(&r);
    r = site_get(s, "/admin/performance?p=2&sort=route&dir=asc&q=piece", SITE_ADMIN);
    assert_non_null(strstr(r.body, "of 190"));
    unsigned shown = 0;
    for (const char *at = r.body; (at = strstr(at, "<tr data-key=\"SPAN ")); at++)
        shown++;
    assert_int_equal(shown, 25);
    reply_finish(&r);
    perfopt_arena_destroy(arena);
}

static void test_route_in_detail(void **state)
{
    site *s = *state;
    for (int i = 0; i < 5; i++) {
        reply r = site_get(s, "/hello", NULL);
        reply_finish(&r);
    }
    perfopt_monitor_sample(s->monitor);
    reply r = site_get(s, "/admin/performance?detail=GET%20%2Fhello", SITE_ADMIN);
    assert_non_null(strstr(r.body, "id=\"route-detail\""));
    assert_non_null(strstr(r.body, "Answers by status"));
    reply_finish(&r);
    r = site_get(s, "/admin/performance?detail=GET%20%2Fnothing", SITE_ADMIN);
    assert_null(strstr(r.body, "id=\"route-detail\""));
    reply_finish(&r);
}

/* ---- sharing ------------------------------------------------------------------------------- */

static reply get_with_etag(site *s, const char *target, const char *etag)
{
    const site_header headers[] = {{"If-None-Match", etag}, {NULL, NULL}};
    return site_send(
        s, &(site_ask){
               .method = "GET", .target = target, .authorization = SITE_ADMIN, .headers = headers});
}

static void test_one_snapshot_a_second(void **state)
{
    (void)state;
    test_clock_install();
    site s;
    site_start(&s, &(site_setup){.password = SITE_PASSWORD});
    const char *const targets[] = {pages[0], pages[2], apis[0], apis[1]};
    for (size_t i = 0; i < COUNT(targets); i++) {
        char etag[64];
        reply r = site_get(&s, targets[i], SITE_ADMIN);
        snprintf(etag, sizeof(etag), "%s", reply_header(&r, "ETag"));
        reply_finish(&r);
        test_clock_advance_ms(900);
        r = get_with_etag(&s, targets[i], etag);
        assert_int_equal(r.status, 304);
        assert_int_equal(r.length, 0);
        reply_finish(&r);
        test_clock_advance_ms(200);
        r = get_with_etag(&s, targets[i], etag);
        assert_int_equal(r.status, 200);
        assert_string_not_equal(reply_header(&r, "ETag"), etag);
        reply_finish(&r);
    }
    site_stop(&s);
    test_clock_remove();
}

static void test_an_action_is_seen_at_once(void **state)
{
    (void)state;
    test_clock_install();
    site s;
    char token[128];
    site_start(&s, &(site_setup){.password = SITE_PASSWORD});
    site_token(&s, SITE_ADMIN, token);
    reply r = site_get(&s, apis[0], SITE_ADMIN);
    assert_non_null(strstr(r.body, "\"epoch\":0"));
    reply_finish(&r);
    r = site_act(&s, "stats.reset", "{\"by\":\"monitor\"}", SITE_ADMIN, token);
    assert_int_equal(r.status, 200);
    reply_finish(&r);
    r = site_get(&s, apis[0], SITE_ADMIN);
    assert_non_null(strstr(r.body, "\"epoch\":1"));
    reply_finish(&r);
    site_stop(&s);
    test_clock_remove();
}

typedef struct crowd {
    site *s;
    atomic_uint wrong;
} crowd;

static void *look_around(void *user)
{
    crowd *c = user;
    for (int i = 0; i < 40; i++) {
        const char *target = i % 2 ? pages[i % 3] : apis[i % 3];
        reply r = site_get(c->s, target, i % 3 ? SITE_ADMIN : SITE_VIEWER);
        if (r.status != 200 || r.length < 500)
            atomic_fetch_add(&c->wrong, 1);
        reply_finish(&r);
    }
    return NULL;
}

/* Viewers and an operator who changes things at the same time. */
static void test_many_at_once(void **state)
{
    site *s = *state;
    crowd c = {.s = s};
    pthread_t threads[4];
    char token[128];
    site_token(s, SITE_ADMIN, token);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_around, &c), 0);
    for (int i = 0; i < 30; i++) {
        reply r = site_act(s, "stats.reset", "{\"by\":\"all\"}", SITE_ADMIN, token);
        assert_int_equal(r.status, 200);
        reply_finish(&r);
    }
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(c.wrong, 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_hostile_names_stay_text),
        TEST(test_hostile_arguments_stay_text),
        TEST(test_no_inline_code_or_style),
        TEST(test_viewers_see_no_actions),
        TEST(test_json_shape_is_constant),
        TEST(test_nothing_measured_is_null_not_zero),
        TEST(test_limits),
        TEST(test_route_in_detail),
        cmocka_unit_test(test_one_snapshot_a_second),
        cmocka_unit_test(test_an_action_is_seen_at_once),
        TEST(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
