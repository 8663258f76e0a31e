/*
 * test_auth.c - passwords, the metrics token, CSRF tokens, same-origin rules, throttling.
 */
#include "admin/auth.h"
#include "admin/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PASSWORD "correct horse battery"
#define VIEWING  "just looking around"

static perfopt__auth make_auth(void)
{
    perfopt__auth auth;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(
        perfopt__auth_init(&auth,
                           PERFOPT_ADMIN_OPTIONS(.password = PASSWORD, .viewer_password = VIEWING,
                                                 .metrics_token = "token-of-scraper"),
                           &err),
        PERFOPT_OK);
    return auth;
}

/* "Basic <base64 of text>" in a static buffer. */
static const char *basic(const char *text)
{
    static char header[1200];
    strcpy(header, "Basic ");
    sodium_bin2base64(header + 6, sizeof(header) - 6, (const unsigned char *)text, strlen(text),
                      sodium_base64_VARIANT_ORIGINAL);
    return header;
}

static perfopt_admin_role role_of(const perfopt__auth *auth, const char *header)
{
    return perfopt__auth_basic(auth, header).role;
}

static void test_passwords(void **state)
{
    (void)state;
    perfopt__auth auth = make_auth();
    assert_int_equal(role_of(&auth, basic("admin:" PASSWORD)), PERFOPT_ADMIN_OPERATOR);
    assert_int_equal(role_of(&auth, basic("viewer:" VIEWING)), PERFOPT_ADMIN_VIEWER);
    assert_string_equal(perfopt__auth_basic(&auth, basic("admin:" PASSWORD)).name, "admin");
    static const char *const wrong[] = {"admin:" PASSWORD "x",
                                        "admin:",
                                        "admin",
                                        "",
                                        ":" PASSWORD,
                                        "root:" PASSWORD,
                                        "viewer:" PASSWORD,
                                        "admin:" VIEWING,
                                        "Admin:" PASSWORD,
                                        "admin:correct horse batter"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(role_of(&auth, basic(wrong[i])), PERFOPT_ADMIN_NONE);
    perfopt__auth_finish(&auth);
}

static void test_malformed_headers(void **state)
{
    (void)state;
    perfopt__auth auth = make_auth();
    char longest[1100];
    memset(longest, 'A', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memcpy(longest, "Basic ", 6);
    const char *const headers[] = {NULL,
                                   "",
                                   "Basic",
                                   "Basic ",
                                   "Basic !!!!",
                                   "Bearer abc",
                                   "Basic YWRtaW4",
                                   "Digest x",
                                   longest,
                                   "Basic AA==\r\nX: y"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_int_equal(role_of(&auth, headers[i]), PERFOPT_ADMIN_NONE);
    /* The scheme's name is read in any case. */
    char header[200];
    snprintf(header, sizeof(header), "bAsIc   %s", basic("admin:" PASSWORD) + 6);
    assert_int_equal(role_of(&auth, header), PERFOPT_ADMIN_OPERATOR);
    perfopt__auth_finish(&auth);
}

static void test_name_is_printable(void **state)
{
    (void)state;
    perfopt__auth auth = make_auth();
    perfopt__identity who = perfopt__auth_basic(&auth, basic("a\nb\x1b[31m\"c:x"));
    assert_string_equal(who.name, "a?b?[31m?c");
    perfopt__auth_finish(&auth);
}

static void test_absent_passwords_do_not_match(void **state)
{
    (void)state;
    perfopt__auth auth;
    assert_int_equal(perfopt__auth_init(&auth, PERFOPT_ADMIN_OPTIONS(.user = "root"), NULL),
                     PERFOPT_OK);
    assert_false(perfopt__auth_is_open(&auth));
    assert_int_equal(role_of(&auth, basic("root:")), PERFOPT_ADMIN_NONE);
    assert_int_equal(role_of(&auth, "Basic "), PERFOPT_ADMIN_NONE);
    assert_false(perfopt__auth_bearer(&auth, "Bearer "));
    perfopt__auth_finish(&auth);
}

static void test_configuration_errors_name_the_setting(void **state)
{
    (void)state;
    const struct {
        perfopt_admin_options options;
        const char *setting;
    } cases[] = {
        {{.password = "short"}, "PERFOPT_ADMIN_PASSWORD"},
        {{.password = "elevenchars"}, "PERFOPT_ADMIN_PASSWORD"},
        {{.password = PASSWORD, .viewer_password = "short"}, "PERFOPT_ADMIN_VIEWER_PASSWORD"},
        {{.password = PASSWORD, .user = "a:b"}, "PERFOPT_ADMIN_USER"},
        {{.password = PASSWORD, .user = "viewer", .viewer_password = VIEWING},
         "PERFOPT_ADMIN_USER"},
        {{.metrics_token = "short"}, "PERFOPT_ADMIN_METRICS_TOKEN"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        perfopt__auth auth;
        perfopt_error err = PERFOPT_ERROR_INIT;
        assert_int_equal(perfopt__auth_init(&auth, &cases[i].options, &err), PERFOPT_ECONFIG);
        assert_non_null(strstr(err.message, cases[i].setting));
        assert_null(strstr(err.message, PASSWORD));
        perfopt__auth_finish(&auth);
    }
}

static void test_bearer(void **state)
{
    (void)state;
    perfopt__auth auth = make_auth();
    assert_true(perfopt__auth_bearer(&auth, "Bearer token-of-scraper"));
    assert_true(perfopt__auth_bearer(&auth, "bearer  token-of-scraper"));
    assert_false(perfopt__auth_bearer(&auth, "Bearer token-of-scrape"));
    assert_false(perfopt__auth_bearer(&auth, "Bearer token-of-scraperx"));
    assert_false(perfopt__auth_bearer(&auth, "Basic token-of-scraper"));
    assert_false(perfopt__auth_bearer(&auth, NULL));
    perfopt__auth_finish(&auth);
}

/* ---- CSRF ---------------------------------------------------------------------------------- */

static void test_csrf_tokens(void **state)
{
    (void)state;
    perfopt__auth auth = make_auth(), other = make_auth();
    perfopt__identity admin = {PERFOPT_ADMIN_OPERATOR, "admin"};
    perfopt__identity viewer = {PERFOPT_ADMIN_VIEWER, "admin"};
    perfopt__identity root = {PERFOPT_ADMIN_OPERATOR, "root"};
    const int64_t day = 86400, noon = 20000 * day + day / 2;
    char token[PERFOPT__CSRF_LENGTH + 1], second[PERFOPT__CSRF_LENGTH + 1];
    perfopt__csrf_make(&auth, &admin, noon, token);
    perfopt__csrf_make(&auth, &admin, noon, second);
    assert_string_not_equal(token, second);
    assert_true(perfopt__csrf_check(&auth, &admin, noon, token));
    assert_true(perfopt__csrf_check(&auth, &admin, noon, second));
    assert_true(perfopt__csrf_check(&auth, &admin, noon + day, token));
    assert_false(perfopt__csrf_check(&auth, &admin, noon + 2 * day, token));
    assert_false(perfopt__csrf_check(&auth, &admin, noon - day, token));
    assert_false(perfopt__csrf_check(&auth, &viewer, noon, token));
    assert_false(perfopt__csrf_check(&auth, &root, noon, token));
    assert_false(perfopt__csrf_check(&other, &admin, noon, token));
    assert_false(perfopt__csrf_check(&auth, &admin, noon, NULL));
    assert_false(perfopt__csrf_check(&auth, &admin, noon, ""));
    for (size_t i = 0; i < PERFOPT__CSRF_LENGTH; i += 5) {
        char changed[PERFOPT__CSRF_LENGTH + 1];
        memcpy(changed, token, sizeof(changed));
        changed[i] = changed[i] == '0' ? '1' : '0';
        assert_false(perfopt__csrf_check(&auth, &admin, noon, changed));
    }
    token[PERFOPT__CSRF_LENGTH - 1] = 'z';
    assert_false(perfopt__csrf_check(&auth, &admin, noon, token));
    perfopt__auth_finish(&auth);
    perfopt__auth_finish(&other);
}

static void test_same_origin(void **state)
{
    (void)state;
    const struct {
        const char *site, *origin, *host;
        bool same;
    } cases[] = {
        {"same-origin", NULL, "a:1", true},
        {"same-origin", "http://evil", "a:1", true}, /* the browser's own word wins */
        {"cross-site", "http://a:1", "a:1", false},
        {"same-site", "http://a:1", "a:1", false},
        {"none", NULL, "a:1", false},
        {"", NULL, "a:1", false},
        {NULL, "http://a:1", "a:1", true},
        {NULL, "https://A.example", "a.example", true},
        {NULL, "http://a:2", "a:1", false},
        {NULL, "http://a", "a:1", false},
        {NULL, "null", "a:1", false},
        {NULL, NULL, "a:1", false},
        {NULL, "http://", "", false},
        {NULL, "http://a:1", NULL, false},
        {NULL, "http://a:1.evil", "a:1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(perfopt__is_same_origin(cases[i].site, cases[i].origin, cases[i].host),
                         cases[i].same);
}

/* ---- throttle ------------------------------------------------------------------------------ */

static void test_five_failures_a_minute(void **state)
{
    (void)state;
    perfopt__throttle t;
    perfopt__throttle_init(&t);
    int64_t now = 1000000;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(perfopt__throttle_wait_s(&t, "10.0.0.1", now), 0);
        perfopt__throttle_failed(&t, "10.0.0.1", now);
        now += 2000;
    }
    assert_int_equal(perfopt__throttle_wait_s(&t, "10.0.0.1", now), 50);
    /* Nobody else is locked out. */
    assert_int_equal(perfopt__throttle_wait_s(&t, "10.0.0.2", now), 0);
    assert_int_equal(perfopt__throttle_wait_s(&t, "10.0.0.1", now + 49000), 1);
    assert_int_equal(perfopt__throttle_wait_s(&t, "10.0.0.1", now + 50000), 0);
    /* One more failure, and the next slot opens when the second failure is a minute old. */
    perfopt__throttle_failed(&t, "10.0.0.1", now + 50000);
    assert_int_equal(perfopt__throttle_wait_s(&t, "10.0.0.1", now + 50000), 2);
    perfopt__throttle_finish(&t);
}

static void test_global_limit_hits_failing_clients_only(void **state)
{
    (void)state;
    perfopt__throttle t;
    perfopt__throttle_init(&t);
    int64_t now = 5000000;
    char remote[32];
    for (int i = 0; i < 60; i++) {
        snprintf(remote, sizeof(remote), "10.1.0.%d", i);
        assert_int_equal(perfopt__throttle_wait_s(&t, remote, now), 0);
        perfopt__throttle_failed(&t, remote, now);
    }
    assert_true(perfopt__throttle_wait_s(&t, "10.1.0.7", now) > 30);
    assert_int_equal(perfopt__throttle_wait_s(&t, "10.2.0.1", now), 0);
    assert_int_equal(perfopt__throttle_wait_s(&t, "10.1.0.7", now + 60000), 0);
    perfopt__throttle_finish(&t);
}

static void test_ipv6_counts_by_network(void **state)
{
    (void)state;
    perfopt__throttle t;
    perfopt__throttle_init(&t);
    char remote[64];
    for (int i = 0; i < 5; i++) {
        snprintf(remote, sizeof(remote), "2001:db8:1:2::%x", i + 1);
        perfopt__throttle_failed(&t, remote, 1000 + i);
    }
    assert_true(perfopt__throttle_wait_s(&t, "2001:db8:1:2:ffff::9", 2000) > 0);
    assert_int_equal(perfopt__throttle_wait_s(&t, "2001:db8:1:3::1", 2000), 0);
    perfopt__throttle_finish(&t);
}

static void test_table_stays_small(void **state)
{
    (void)state;
    static perfopt__throttle t;
    perfopt__throttle_init(&t);
    char remote[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(remote, sizeof(remote), "10.%d.%d.1", i / 250, i % 250);
        perfopt__throttle_failed(&t, remote, 1000 + i);
    }
    /* Who failed just now is still known. */
    for (int i = 0; i < 4; i++)
        perfopt__throttle_failed(&t, remote, 21000 + i);
    assert_true(perfopt__throttle_wait_s(&t, remote, 21010) > 0);
    perfopt__throttle_finish(&t);
}

static void test_sign_in_is_logged_once_an_hour(void **state)
{
    (void)state;
    perfopt__throttle t;
    perfopt__throttle_init(&t);
    assert_true(perfopt__throttle_signed_in(&t, "10.0.0.1", "admin", 1000));
    assert_false(perfopt__throttle_signed_in(&t, "10.0.0.1", "admin", 2000));
    assert_true(perfopt__throttle_signed_in(&t, "10.0.0.1", "viewer", 2000));
    assert_true(perfopt__throttle_signed_in(&t, "10.0.0.2", "admin", 2000));
    assert_true(perfopt__throttle_signed_in(&t, "10.0.0.1", "admin", 3601000));
    perfopt__throttle_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_malformed_headers),
        cmocka_unit_test(test_name_is_printable),
        cmocka_unit_test(test_absent_passwords_do_not_match),
        cmocka_unit_test(test_configuration_errors_name_the_setting),
        cmocka_unit_test(test_bearer),
        cmocka_unit_test(test_csrf_tokens),
        cmocka_unit_test(test_same_origin),
        cmocka_unit_test(test_five_failures_a_minute),
        cmocka_unit_test(test_global_limit_hits_failing_clients_only),
        cmocka_unit_test(test_ipv6_counts_by_network),
        cmocka_unit_test(test_table_stays_small),
        cmocka_unit_test(test_sign_in_is_logged_once_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
