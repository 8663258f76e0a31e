/*
 * test_actions.c - actions: who may, from where, in which shape, what they do, and what the log
 * says.
 */
#include "admin/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLEAR_URL    "/admin/performance/api/v1/actions/cache.clear"

static const site_setup full = {.password = SITE_PASSWORD, .viewer_password = SITE_VIEWING};

static char logged[16384];

static void take_log(perfopt_log_level level, const char *module, const char *message, void *user)
{
    (void)level;
    (void)user;
    size_t used = strlen(logged);
    if (strcmp(module, "admin") == 0)
        snprintf(logged + used, sizeof(logged) - used, "%s\n", message);
}

static int set_up(void **state)
{
    static site s;
    logged[0] = '\0';
    perfopt_log_set(PERFOPT_LOG_INFO, take_log, NULL);
    site_start(&s, &full);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    site_stop(*state);
    perfopt_log_set(PERFOPT_LOG_INFO, NULL, NULL);
    return 0;
}

static void fill(site *s, const char *prefix, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[64];
        int length = snprintf(key, sizeof(key), "%s:%u", prefix, i);
        assert_int_equal(perfopt_cache_set(s->cache, key, (size_t)length, "x", 1,
                                           PERFOPT_STORE_OPTIONS(.tags = prefix)),
                         PERFOPT_OK);
    }
}

static bool is_stored(site *s, const char *key)
{
    return perfopt_cache_exists(s->cache, key, strlen(key));
}

/* Sends an action as the operator; checks the status, and that the answer holds `part`. */
static void act(site *s, const char *action, const char *json, int status, const char *part)
{
    char token[128];
    site_token(s, SITE_ADMIN, token);
    reply r = site_act(s, action, json, SITE_ADMIN, token);
    if (r.status != status || (part && !strstr(r.body, part)))
        print_error("%s %s: %d %s\n", action, json, r.status, r.body);
    assert_int_equal(r.status, status);
    if (part)
        assert_non_null(strstr(r.body, part));
    reply_finish(&r);
}

/* ---- who may, from where ------------------------------------------------------------------- */

static void test_cross_site_requests_change_nothing(void **state)
{
    site *s = *state;
    char good[128], viewers[128];
    site_token(s, SITE_ADMIN, good);
    snprintf(viewers, sizeof(viewers), "%s", good);
    viewers[3] = viewers[3] == '0' ? '1' : '0';
    fill(s, "page", 1);
    const struct {
        const char *site, *origin, *token, *authorization;
        int status;
    } cases[] = {
        {"cross-site", NULL, good, SITE_ADMIN, 403},
        {"same-site", NULL, good, SITE_ADMIN, 403},
        {"none", NULL, good, SITE_ADMIN, 403},
        {"cross-site", "http://" SITE_HOST, good, SITE_ADMIN, 403},
        {NULL, "http://evil.example", good, SITE_ADMIN, 403},
        {NULL, "null", good, SITE_ADMIN, 403},
        {NULL, NULL, good, SITE_ADMIN, 403},
        {"same-origin", NULL, NULL, SITE_ADMIN, 403},
        {"same-origin", NULL, "", SITE_ADMIN, 403},
        {"same-origin", NULL, viewers, SITE_ADMIN, 403},
        {"same-origin", NULL, good, SITE_VIEWER, 403},
        {"same-origin", NULL, good, NULL, 401},
        {NULL, "http://" SITE_HOST, good, SITE_ADMIN, 200},
        {"same-origin", NULL, good, SITE_ADMIN, 200},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        site_header headers[5] = {{"Content-Type", "application/json"}};
        size_t n = 1;
        if (cases[i].site)
            headers[n++] = (site_header){"Sec-Fetch-Site", cases[i].site};
        if (cases[i].origin)
            headers[n++] = (site_header){"Origin", cases[i].origin};
        if (cases[i].token)
            headers[n++] = (site_header){"X-Perfopt-CSRF", cases[i].token};
        reply r = site_send(s, &(site_ask){.method = "POST",
                                           .target = CLEAR_URL,
                                           .authorization = cases[i].authorization,
                                           .headers = headers,
                                           .body = "{\"by\":\"key\",\"value\":\"page:0\"}"});
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(is_stored(s, "page:0"), cases[i].status != 200);
        if (cases[i].status == 200)
            fill(s, "page", 1);
        reply_finish(&r);
    }
}

static void test_reading_methods_change_nothing(void **state)
{
    site *s = *state;
    fill(s, "page", 1);
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"};
    for (size_t i = 0; i < COUNT(methods); i++) {
        reply r = site_send(s, &(site_ask){.method = methods[i],
                                           .target = CLEAR_URL "?by=key&value=page:0",
                                           .authorization = SITE_ADMIN});
        assert_int_equal(r.status, 405);
        assert_string_equal(reply_header(&r, "Allow"), "POST");
        reply_finish(&r);
    }
    assert_true(is_stored(s, "page:0"));
}

static void test_bodies(void **state)
{
    site *s = *state;
    char token[128];
    site_token(s, SITE_ADMIN, token);
    static char large[5000];
    memset(large, ' ', sizeof(large) - 1);
    memcpy(large, "{\"by\":\"all\"}", 12);
    static char long_value[2000];
    snprintf(long_value, sizeof(long_value), "{\"by\":\"key\",\"value\":\"%01100d\"}", 7);
    const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        {"application/json", large, 413},
        {"application/json", long_value, 422},
        {"application/json", "", 400},
        {"application/json", "[]", 400},
        {"application/json", "{\"by\":\"key\"", 400},
        {"application/json", "{\"by\":\"key\",\"by\":\"all\"}", 400},
        {"application/json", "{\"by\":\"key\",\"value\":\"a\\u0000b\"}", 400},
        {"application/json", "{\"by\":\"key\",\"value\":\"a\",\"dry_run\":\"yes\"}", 400},
        {"application/json", "{\"by\":\"key\",\"value\":7}", 422},
        {"application/json", "{}", 422},
        {"application/json", "{\"by\":\"everything\",\"value\":\"a\"}", 422},
        {"application/json", "{\"by\":\"tag\",\"value\":\"a b\"}", 422},
        {"text/plain", "{\"by\":\"all\"}", 415},
        {"application/jsonp", "{\"by\":\"all\"}", 415},
        {"multipart/form-data; boundary=x", "--x--", 415},
        {NULL, "{\"by\":\"all\"}", 415},
        {"application/json; charset=utf-8", "{\"by\":\"key\",\"value\":\"a\"}", 200},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const site_header headers[] = {{"Sec-Fetch-Site", "same-origin"},
                                       {"X-Perfopt-CSRF", token},
                                       {cases[i].type ? "Content-Type" : NULL, cases[i].type},
                                       {NULL, NULL}};
        reply r = site_send(s, &(site_ask){.method = "POST",
                                           .target = CLEAR_URL,
                                           .authorization = SITE_ADMIN,
                                           .headers = headers,
                                           .body = cases[i].body});
        if (r.status != cases[i].status)
            print_error("case %zu: %s\n", i, r.body);
        assert_int_equal(r.status, cases[i].status);
        reply_finish(&r);
    }
}

/* ---- cache --------------------------------------------------------------------------------- */

static void test_clear_key_and_tag(void **state)
{
    site *s = *state;
    fill(s, "page", 3);
    act(s, "cache.clear", "{\"by\":\"key\",\"value\":\"page:0\",\"dry_run\":true}", 200,
        "\"affected\":1");
    assert_true(is_stored(s, "page:0"));
    act(s, "cache.clear", "{\"by\":\"key\",\"value\":\"page:0\"}", 200, "\"affected\":1");
    assert_false(is_stored(s, "page:0"));
    act(s, "cache.clear", "{\"by\":\"key\",\"value\":\"page:0\"}", 200, "\"affected\":0");
    act(s, "cache.clear", "{\"by\":\"tag\",\"value\":\"page\",\"dry_run\":true}", 200,
        "\"affected\":null");
    assert_true(is_stored(s, "page:1"));
    act(s, "cache.clear", "{\"by\":\"tag\",\"value\":\"page\"}", 200, "\"ok\":true");
    assert_false(is_stored(s, "page:1"));
    assert_false(is_stored(s, "page:2"));
}

static void test_clear_by_pattern(void **state)
{
    site *s = *state;
    fill(s, "page", 30);
    fill(s, "other", 5);
    act(s, "cache.clear", "{\"by\":\"pattern\",\"value\":\"page:*\",\"dry_run\":true}", 200,
        "\"message\":\"Would remove 30 keys.\"");
    assert_true(is_stored(s, "page:7"));
    act(s, "cache.clear", "{\"by\":\"pattern\",\"value\":\"page:*\"}", 200, "\"affected\":30");
    assert_false(is_stored(s, "page:7"));
    assert_true(is_stored(s, "other:4"));
}

static void test_many_keys_need_a_typed_word(void **state)
{
    site *s = *state;
    fill(s, "page", 1001);
    act(s, "cache.clear", "{\"by\":\"pattern\",\"value\":\"page:*\",\"dry_run\":true}", 200,
        "\"confirm\":\"remove\"");
    act(s, "cache.clear", "{\"by\":\"pattern\",\"value\":\"page:*\"}", 422,
        "\"error\":\"confirm\"");
    act(s, "cache.clear", "{\"by\":\"pattern\",\"value\":\"page:*\",\"confirm\":\"yes\"}", 422,
        "This would remove 1,001 keys");
    assert_true(is_stored(s, "page:1000"));
    act(s, "cache.clear", "{\"by\":\"pattern\",\"value\":\"page:*\",\"confirm\":\"remove\"}", 200,
        "\"affected\":1001");
    assert_false(is_stored(s, "page:1000"));
}

static void test_clear_all(void **state)
{
    site *s = *state;
    fill(s, "page", 4);
    act(s, "cache.clear", "{\"by\":\"all\",\"dry_run\":true}", 200, "\"affected\":4");
    act(s, "cache.clear", "{\"by\":\"all\"}", 422, "\"confirm\":\"all\"");
    assert_true(is_stored(s, "page:3"));
    act(s, "cache.clear", "{\"by\":\"all\",\"confirm\":\"all\"}", 200, "\"affected\":4");
    assert_false(is_stored(s, "page:3"));
}

/* ---- the other parts ----------------------------------------------------------------------- */

static void test_reset_statistics(void **state)
{
    site *s = *state;
    perfopt_bytes *value;
    perfopt_cache_get(s->cache, "nothing", 7, &value);
    perfopt_cache_stats stats;
    perfopt_cache_get_stats(s->cache, &stats);
    assert_true(stats.misses > 0);
    act(s, "stats.reset", "{\"by\":\"cache\"}", 200, "\"affected\":1");
    perfopt_cache_get_stats(s->cache, &stats);
    assert_int_equal(stats.misses, 0);
    perfopt_monitor_self before, after;
    perfopt_monitor_get_self(s->monitor, &before);
    act(s, "stats.reset", "{\"by\":\"all\"}", 200, "\"affected\":3");
    perfopt_monitor_get_self(s->monitor, &after);
    assert_int_equal(after.epoch, before.epoch + 1);
    act(s, "stats.reset", "{\"by\":\"db\"}", 422, "no such part");
    act(s, "stats.reset", "{\"by\":\"nonsense\"}", 422, NULL);
}

static void test_templates(void **state)
{
    site *s = *state;
    act(s, "templates.clear", "{\"by\":\"all\"}", 200, "\"affected\":0");
    act(s, "templates.clear", "{\"by\":\"name\",\"value\":\"none.html\"}", 200, "\"affected\":0");
    act(s, "templates.clear", "{\"by\":\"name\"}", 422, NULL);
    act(s, "templates.clear", "{}", 422, NULL);
    act(s, "templates.optimize", "{}", 200, "\"ok\":true");
}

static void test_parts_that_are_absent(void **state)
{
    site *s = *state;
    act(s, "queries.event", "{\"value\":\"news\"}", 503, "no query cache");
    act(s, "queries.invalidate", "{\"value\":\"news\"}", 503, "no query cache");
    act(s, "assets.precompile", "{}", 503, "\"error\":\"off\"");
    act(s, "images.precompile", "{}", 503, "\"error\":\"off\"");
    act(s, "job.cancel", "{\"value\":\"0123456789abcdef\"}", 409, "\"error\":\"job_ended\"");
}

/* ---- plain forms --------------------------------------------------------------------------- */

/* Posts the form and follows the redirect; finish the reply. */
static reply post_form(site *s, const char *action, const char *fields, int status)
{
    static const site_header headers[] = {{"Content-Type", "application/x-www-form-urlencoded"},
                                          {"Sec-Fetch-Site", "same-origin"},
                                          {NULL, NULL}};
    char token[128], body[1024], target[160], location[200];
    site_token(s, SITE_ADMIN, token);
    snprintf(body, sizeof(body), "csrf=%s&%s", token, fields);
    snprintf(target, sizeof(target), "/admin/performance/api/v1/actions/%s", action);
    reply r = site_send(s, &(site_ask){.method = "POST",
                                       .target = target,
                                       .authorization = SITE_ADMIN,
                                       .headers = headers,
                                       .body = body});
    assert_int_equal(r.status, status);
    if (status != 303)
        return r;
    snprintf(location, sizeof(location), "%s", reply_header(&r, "Location"));
    reply_finish(&r);
    assert_int_equal(strncmp(location, "/admin/performance", 18), 0);
    location[strcspn(location, "#")] = '\0';
    return site_get(s, location, SITE_ADMIN);
}

static void test_forms_work_without_script(void **state)
{
    site *s = *state;
    fill(s, "page", 1001);
    reply r = post_form(s, "cache.clear",
                        "by=pattern&value=page%3A*&dry_run=true&back=overview%3Fwindow%3D1h", 303);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "Would remove 1,001 keys."));
    assert_non_null(strstr(r.body, "<kbd>remove</kbd>"));
    assert_non_null(strstr(r.body, "value=\"page:*\""));
    reply_finish(&r);
    r = post_form(s, "cache.clear", "by=pattern&value=page%3A*&confirm=remove", 303);
    assert_non_null(strstr(r.body, "Removed 1,001 keys."));
    reply_finish(&r);
    assert_false(is_stored(s, "page:3"));
    r = post_form(s, "stats.reset", "by=templates&back=ssr%3Fwindow%3D5m", 303);
    assert_non_null(strstr(r.body, "<title>Templates"));
    reply_finish(&r);
}

static void test_form_without_token(void **state)
{
    site *s = *state;
    static const site_header headers[] = {{"Content-Type", "application/x-www-form-urlencoded"},
                                          {"Sec-Fetch-Site", "same-origin"},
                                          {NULL, NULL}};
    fill(s, "page", 1);
    reply r = site_send(s, &(site_ask){.method = "POST",
                                       .target = CLEAR_URL,
                                       .authorization = SITE_ADMIN,
                                       .headers = headers,
                                       .body = "by=key&value=page%3A0"});
    assert_int_equal(r.status, 403);
    assert_non_null(strstr(r.body, "<h1>Not done</h1>"));
    assert_true(is_stored(s, "page:0"));
    reply_finish(&r);
}

static void test_redirect_stays_at_home(void **state)
{
    site *s = *state;
    static const char *const backs[] = {"//evil.example",     "https://evil.example", "%2F%2Fevil",
                                        "overview%0d%0aX: y", "nothing?window=9y",    ""};
    for (size_t i = 0; i < COUNT(backs); i++) {
        char fields[200];
        snprintf(fields, sizeof(fields), "by=cache&back=%s", backs[i]);
        reply r = post_form(s, "stats.reset", fields, 303);
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.body, "<title>Performance"));
        reply_finish(&r);
    }
}

/* A result is shown to who asked, under an id that cannot be made up. */
static void test_results_are_private(void **state)
{
    site *s = *state;
    static const site_header headers[] = {{"Content-Type", "application/x-www-form-urlencoded"},
                                          {"Sec-Fetch-Site", "same-origin"},
                                          {NULL, NULL}};
    char token[128], body[300];
    site_token(s, SITE_ADMIN, token);
    snprintf(body, sizeof(body), "csrf=%s&by=cache", token);
    reply r = site_send(s, &(site_ask){.method = "POST",
                                       .target = "/admin/performance/api/v1/actions/stats.reset",
                                       .authorization = SITE_ADMIN,
                                       .headers = headers,
                                       .body = body});
    char location[200];
    snprintf(location, sizeof(location), "%s", reply_header(&r, "Location"));
    reply_finish(&r);
    location[strcspn(location, "#")] = '\0';
    r = site_get(s, location, SITE_VIEWER);
    assert_null(strstr(r.body, "id=\"result\""));
    reply_finish(&r);
    r = site_get(s, location, SITE_ADMIN);
    assert_non_null(strstr(r.body, "id=\"result\""));
    reply_finish(&r);
    r = site_get(s, "/admin/performance?result=0000000000000000", SITE_ADMIN);
    assert_null(strstr(r.body, "id=\"result\""));
    reply_finish(&r);
}

/* ---- the log ------------------------------------------------------------------------------- */

static void test_every_action_leaves_a_line(void **state)
{
    site *s = *state;
    fill(s, "page", 2);
    act(s, "cache.clear", "{\"by\":\"pattern\",\"value\":\"page:*\\n2026 forged\"}", 200, NULL);
    assert_non_null(strstr(logged, "cache.clear by pattern \"page:*\\n2026 forged\" by \"admin\" "
                                   "from 10.0.0.1: done, affected 0\n"));
    act(s, "cache.clear", "{\"by\":\"pattern\",\"value\":\"page:*\",\"dry_run\":true}", 200, NULL);
    assert_non_null(strstr(logged, "counting cache.clear by pattern \"page:*\" by \"admin\" from "
                                   "10.0.0.1: done, affected 2\n"));
    reply r = site_act(s, "cache.clear", "{\"by\":\"all\",\"confirm\":\"all\"}", SITE_ADMIN, "no");
    assert_int_equal(r.status, 403);
    reply_finish(&r);
    assert_non_null(strstr(logged, "cache.clear by \"admin\" from 10.0.0.1 refused: its token"));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_cross_site_requests_change_nothing),
        TEST(test_reading_methods_change_nothing),
        TEST(test_bodies),
        TEST(test_clear_key_and_tag),
        TEST(test_clear_by_pattern),
        TEST(test_many_keys_need_a_typed_word),
        TEST(test_clear_all),
        TEST(test_reset_statistics),
        TEST(test_templates),
        TEST(test_parts_that_are_absent),
        TEST(test_forms_work_without_script),
        TEST(test_form_without_token),
        TEST(test_redirect_stays_at_home),
        TEST(test_results_are_private),
        TEST(test_every_action_leaves_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
