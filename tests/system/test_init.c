/*
 * test_init.c - the one init: settings from the environment, nonsense that is named, parts that are
 * down, and that shutdown leaves nothing.
 */
#include <perfopt/perfopt.h>

#include "support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int logged_redis;
static int logged_db;

static void count_warnings(perfopt_log_level level, const char *module, const char *message,
                           void *user)
{
    (void)user;
    assert_null(strstr(message, "sesame"));
    if (level < PERFOPT_LOG_WARN)
        return;
    __atomic_add_fetch(strcmp(module, "cache") == 0 || strcmp(module, "redis") == 0 ? &logged_redis
                                                                                    : &logged_db,
                       1, __ATOMIC_RELAXED);
}

static int clean_environment(void **state)
{
    (void)state;
    size_t count;
    const perfopt_setting *settings = perfopt_settings(&count);
    for (size_t i = 0; i < count; i++)
        unsetenv(settings[i].variable);
    logged_redis = 0;
    logged_db = 0;
    perfopt_log_set(PERFOPT_LOG_INFO, count_warnings, NULL);
    return 0;
}

static void every_variable_arrives_in_its_field(void **state)
{
    (void)state;
    const char *const values[][2] = {{"FLASK_ENV", "production"},
                                     {"APP_ENV", "development"},
                                     {"REDIS_URL", "redis://h:1/2"},
                                     {"REDIS_HOST", "h"},
                                     {"REDIS_PORT", "7000"},
                                     {"REDIS_PASSWORD", "sesame"},
                                     {"DATABASE_URL", "postgresql:///x"},
                                     {"ASSET_COMPRESSION_ENABLED", "false"},
                                     {"QUERY_CACHE_ENABLED", "no"},
                                     {"TEMPLATE_CACHE_ENABLED", "0"},
                                     {"SSR_SEO_OPTIMIZATION", "on"},
                                     {"PERFOPT_CACHE_MAX_BYTES", "32m"},
                                     {"PERFOPT_DB_POOL_SIZE", "7"},
                                     {"PERFOPT_DB_MAX_OVERFLOW", "3"},
                                     {"PERFOPT_DB_TIMEOUT_MS", "5s"},
                                     {"PERFOPT_SLOW_QUERY_MS", "50"},
                                     {"PERFOPT_SLOW_REQUEST_MS", "250ms"},
                                     {"PERFOPT_ADMIN_USER", "root"},
                                     {"PERFOPT_ADMIN_PASSWORD", "open sesame now"},
                                     {"PERFOPT_ADMIN_VIEWER_PASSWORD", "only look sesame"},
                                     {"PERFOPT_ADMIN_BIND", "127.0.0.2"},
                                     {"PERFOPT_ADMIN_PORT", "9000"},
                                     {"PERFOPT_ADMIN_METRICS", "yes"},
                                     {"PERFOPT_ADMIN_METRICS_TOKEN", "t"}};
    size_t count;
    perfopt_settings(&count);
    assert_int_equal(count, sizeof(values) / sizeof(values[0]));
    for (size_t i = 0; i < count; i++)
        setenv(values[i][0], values[i][1], 1);
    perfopt_config cfg = PERFOPT_CONFIG_INIT;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_config_from_env(&cfg, &err), PERFOPT_OK);
    assert_true(cfg.development);
    assert_string_equal(cfg.redis.url, "redis://h:1/2");
    assert_int_equal(cfg.redis.port, 7000);
    assert_string_equal(cfg.redis.password, "sesame");
    assert_string_equal(cfg.db.url, "postgresql:///x");
    assert_int_equal(cfg.assets.compress, PERFOPT_OFF);
    assert_int_equal(cfg.queries.enabled, PERFOPT_OFF);
    assert_int_equal(cfg.ssr.cache_templates, PERFOPT_OFF);
    assert_int_equal(cfg.ssr.seo, PERFOPT_ON);
    assert_int_equal(cfg.cache.max_bytes, 32 << 20);
    assert_int_equal(cfg.db.pool_size, 7);
    assert_int_equal(cfg.db.max_overflow, 3);
    assert_int_equal(cfg.db.timeout_ms, 5000);
    assert_int_equal(cfg.db.slow_query_ms, 50);
    assert_int_equal(cfg.monitor.slow_request_ms, 250);
    assert_string_equal(cfg.admin.user, "root");
    assert_string_equal(cfg.admin.bind, "127.0.0.2");
    assert_int_equal(cfg.admin.port, 9000);
    assert_int_equal(cfg.admin.metrics, PERFOPT_ON);
    assert_string_equal(cfg.admin.metrics_token, "t");
}

static void an_unreadable_variable_is_named_and_changes_nothing(void **state)
{
    (void)state;
    const char *const bad[][2] = {{"APP_ENV", "staging"},
                                  {"REDIS_PORT", "70000"},
                                  {"ASSET_COMPRESSION_ENABLED", "maybe"},
                                  {"PERFOPT_CACHE_MAX_BYTES", "lots"},
                                  {"PERFOPT_CACHE_MAX_BYTES", "10"},
                                  {"PERFOPT_DB_POOL_SIZE", "0"},
                                  {"PERFOPT_DB_TIMEOUT_MS", "-1"},
                                  {"PERFOPT_ADMIN_PORT", "http"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        clean_environment(state);
        setenv("REDIS_HOST", "somewhere", 1);
        setenv(bad[i][0], bad[i][1], 1);
        perfopt_config cfg = PERFOPT_CONFIG_INIT;
        perfopt_error err = PERFOPT_ERROR_INIT;
        assert_int_equal(perfopt_config_from_env(&cfg, &err), PERFOPT_ECONFIG);
        assert_non_null(strstr(err.message, bad[i][0]));
        assert_null(cfg.redis.host);
    }
}

static void nonsense_is_refused_with_the_settings_name(void **state)
{
    (void)state;
    perfopt *po = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_config cfg = PERFOPT_CONFIG_INIT;
    cfg.redis.url = "gopher://sesame@x";
    assert_int_not_equal(perfopt_init(&cfg, &po, &err), PERFOPT_OK);
    assert_null(strstr(err.message, "sesame"));

    cfg = (perfopt_config)PERFOPT_CONFIG_INIT;
    cfg.db.url = "postgresql://sesame:x@[";
    assert_int_equal(perfopt_init(&cfg, &po, &err), PERFOPT_ECONFIG);

    cfg = (perfopt_config)PERFOPT_CONFIG_INIT;
    cfg.assets.root = "/nowhere/at/all";
    assert_int_equal(perfopt_init(&cfg, &po, &err), PERFOPT_ECONFIG);
    assert_non_null(strstr(err.message, "/nowhere/at/all"));

    cfg = (perfopt_config)PERFOPT_CONFIG_INIT;
    cfg.ssr.root = "/nowhere/at/all";
    assert_int_equal(perfopt_init(&cfg, &po, &err), PERFOPT_ECONFIG);

    cfg = (perfopt_config)PERFOPT_CONFIG_INIT;
    cfg.admin.password = "short";
    assert_int_equal(perfopt_init(&cfg, &po, &err), PERFOPT_ECONFIG);
    assert_null(strstr(err.message, "short\""));

    cfg = (perfopt_config)PERFOPT_CONFIG_INIT;
    cfg.admin.port = 1;
    assert_int_equal(perfopt_init(&cfg, &po, &err), PERFOPT_ECONFIG);
    assert_non_null(strstr(err.message, "PERFOPT_ADMIN_PASSWORD"));

    cfg = (perfopt_config)PERFOPT_CONFIG_INIT;
    cfg.struct_size = 8;
    assert_int_equal(perfopt_init(&cfg, &po, &err), PERFOPT_EINVAL);
    assert_null(po);
}

static void without_servers_everything_else_works(void **state)
{
    (void)state;
    perfopt *po;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_config cfg = PERFOPT_CONFIG_INIT;
    cfg.redis.url = "unix:///nowhere/redis.sock";
    cfg.db.url = "postgresql://u:sesame@/x?host=/nowhere";
    assert_int_equal(perfopt_init(&cfg, &po, &err), PERFOPT_OK);

    assert_int_equal(perfopt_cache_set(perfopt_cache_of(po), "k", 1, "v", 1, NULL), PERFOPT_OK);
    perfopt_bytes *value;
    assert_int_equal(perfopt_cache_get(perfopt_cache_of(po), "k", 1, &value), PERFOPT_OK);
    perfopt_bytes_release(value);

    perfopt_cache_stats cache;
    perfopt_cache_get_stats(perfopt_cache_of(po), &cache);
    assert_int_equal(cache.redis, PERFOPT_LINK_DOWN);
    perfopt_db_stats db;
    perfopt_db_get_stats(perfopt_db_of(po), &db);
    assert_false(db.up);
    perfopt_rows *rows = NULL;
    assert_int_equal(perfopt_db_query(perfopt_db_of(po), "SELECT 1", PERFOPT_NO_PARAMS,
                                      PERFOPT_QUERY_OPTIONS(.timeout_ms = 2000), &rows, &err),
                     PERFOPT_EUNAVAILABLE);
    assert_null(strstr(err.message, "sesame"));
    perfopt_shutdown(po);
    assert_int_equal(logged_redis, 1);
    assert_int_equal(logged_db, 1);
}

static void the_parts_are_there_and_can_be_started_twice(void **state)
{
    (void)state;
    perfopt *first;
    perfopt *second;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_init(NULL, &first, &err), PERFOPT_OK);
    assert_int_equal(perfopt_init(NULL, &second, &err), PERFOPT_OK);
    assert_non_null(perfopt_cache_of(first));
    assert_non_null(perfopt_ssr_of(first));
    assert_non_null(perfopt_http_of(first));
    assert_non_null(perfopt_monitor_of(first));
    assert_non_null(perfopt_admin_of(first));
    assert_non_null(perfopt_workers_of(first));
    assert_null(perfopt_db_of(first));
    assert_null(perfopt_query_cache_of(first));
    assert_null(perfopt_assets_of(first));
    assert_null(perfopt_frontend_of(first));
    perfopt_router *router;
    assert_int_equal(perfopt_router_of(first, &router, &err), PERFOPT_OK);
    perfopt_router_destroy(router);
    perfopt_shutdown(second);
    perfopt_shutdown(first);
    perfopt_shutdown(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_variable_arrives_in_its_field, clean_environment),
        cmocka_unit_test_setup(an_unreadable_variable_is_named_and_changes_nothing,
                               clean_environment),
        cmocka_unit_test_setup(nonsense_is_refused_with_the_settings_name, clean_environment),
        cmocka_unit_test_setup(without_servers_everything_else_works, clean_environment),
        cmocka_unit_test_setup(the_parts_are_there_and_can_be_started_twice, clean_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
