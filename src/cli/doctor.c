/*
 * doctor.c - perfopt doctor: checks every part that is configured and says what to do next.
 */
#include "cli/cli.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: perfopt doctor [--assets DIR] [--templates DIR] [--json]\n"
    "\n"
    "Checks the settings in the environment, Redis (ping, set, get, delete), PostgreSQL (connect,\n"
    "query, indexes), assets (built, fresh) and templates (compile). Exit status 1 if something "
    "is\n"
    "broken.\n";

typedef enum verdict { GOOD, HINT, BAD, OFF } verdict;

/* Collects the findings; prints them as text at once, or as one JSON array at the end. */
typedef struct report {
    bool json;
    bool bad;
    perfopt__strbuf out;
} report;

static void say(report *r, verdict v, const char *check, const char *format, ...)
    PERFOPT_PRINTF(4, 5);

static void say(report *r, verdict v, const char *check, const char *format, ...)
{
    static const char *const words[] = {"ok", "hint", "problem", "off"};
    char text[700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    r->bad |= v == BAD;
    if (!r->json) {
        printf("%-8s %-12s %s\n", words[v], check, text);
        return;
    }
    perfopt__strbuf_printf(&r->out, "%s{\"check\": \"%s\", \"result\": \"%s\", \"text\": ",
                           r->out.length ? ",\n " : "[", check, words[v]);
    perfopt__strbuf_put_json(&r->out, text, strlen(text));
    perfopt__strbuf_putc(&r->out, '}');
}

static void check_redis(report *r, const perfopt_config *cfg)
{
    if (!cfg->redis.url && !cfg->redis.host) {
        say(r, OFF, "redis", "not configured (REDIS_URL): the cache is in-process only");
        return;
    }
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_cache_options options = cfg->cache;
    options.redis = &cfg->redis;
    perfopt_cache *cache;
    if (perfopt_cache_create(&options, &cache, &err) != PERFOPT_OK) {
        say(r, BAD, "redis", "%s", err.message);
        return;
    }
    int64_t rtt_us = 0;
    perfopt_cache_stats s;
    if (perfopt_cache_check_redis(cache, &rtt_us, &err) != PERFOPT_OK) {
        say(r, BAD, "redis", "%s", err.message);
    } else {
        perfopt_cache_get_stats(cache, &s);
        say(r, rtt_us > 5000 ? HINT : GOOD, "redis",
            "%s: ping, set, get and delete work; a round trip takes %lld us%s", s.redis_where,
            (long long)rtt_us, rtt_us > 5000 ? ": is it far away, or busy?" : "");
    }
    perfopt_cache_destroy(cache);
}

static void check_indexes(report *r, perfopt_db *db)
{
    perfopt_index_advice advice[20];
    size_t count = 0;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (perfopt_db_suggest_indexes(db, advice, 20, &count, &err) != PERFOPT_OK) {
        say(r, HINT, "indexes", "%s", err.message);
        return;
    }
    for (size_t i = 0; i < count; i++)
        say(r, HINT, "indexes", "%s: %s", advice[i].reason, advice[i].statement);
    if (count == 0)
        say(r, GOOD, "indexes", "nothing to suggest from the server's statistics");
}

static void check_database(report *r, const perfopt_config *cfg)
{
    if (!cfg->db.url) {
        say(r, OFF, "postgresql", "not configured (DATABASE_URL)");
        return;
    }
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_db *db;
    if (perfopt_db_create(&cfg->db, &db, &err) != PERFOPT_OK) {
        say(r, BAD, "postgresql", "%s", err.message);
        return;
    }
    int64_t took_us = 0;
    perfopt_db_info info;
    if (perfopt_db_health_check(db, &took_us, &err) != PERFOPT_OK) {
        say(r, BAD, "postgresql", "%s", err.message);
    } else {
        perfopt_db_get_info(db, &info, &err);
        say(r, GOOD, "postgresql", "%s on %s, database %s: a query takes %lld us",
            info.server_version, info.host, info.database, (long long)took_us);
        uint32_t wanted = (cfg->db.pool_size ? cfg->db.pool_size : 10) +
                          (cfg->db.max_overflow == UINT32_MAX ? 0
                           : cfg->db.max_overflow             ? cfg->db.max_overflow
                                                              : 20);
        bool enough = info.server_max_connections == 0 || wanted <= info.server_max_connections;
        say(r, enough ? GOOD : HINT, "pool", "up to %u connections of the server's %u%s", wanted,
            info.server_max_connections,
            enough ? "" : ": lower PERFOPT_DB_POOL_SIZE and PERFOPT_DB_MAX_OVERFLOW");
        check_indexes(r, db);
    }
    perfopt_db_destroy(db);
}

static void check_assets(report *r, const char *root)
{
    if (!root) {
        say(r, OFF, "assets", "not checked (--assets DIR)");
        return;
    }
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_assets *assets;
    if (perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = root), &assets, &err) != PERFOPT_OK) {
        say(r, BAD, "assets", "%s", err.message);
        return;
    }
    perfopt_assets_stats s;
    perfopt_assets_get_optimization_stats(assets, &s);
    if (s.assets == 0)
        say(r, HINT, "assets", "nothing is built: run perfopt precompile %s", root);
    else if (s.stale || s.missing)
        say(r, HINT, "assets", "%u stale, %u missing of %u: run perfopt precompile %s", s.stale,
            s.missing, s.assets, root);
    else
        say(r, GOOD, "assets", "%u built, %u with gzip: %llu -> %llu bytes", s.assets, s.with_gzip,
            (unsigned long long)s.raw_bytes, (unsigned long long)s.minified_bytes);
    perfopt_assets_destroy(assets);
}

static void check_templates(report *r, const char *root)
{
    if (!root) {
        say(r, OFF, "templates", "not checked (--templates DIR)");
        return;
    }
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_ssr *ssr;
    if (perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.root = root), &ssr, &err) != PERFOPT_OK) {
        say(r, BAD, "templates", "%s", err.message);
        return;
    }
    size_t count = 0;
    if (perfopt_ssr_warm(ssr, NULL, &count, &err) != PERFOPT_OK)
        say(r, BAD, "templates", "%s", err.message);
    else
        say(r, GOOD, "templates", "%zu compile", count);
    perfopt_ssr_destroy(ssr);
}

static void check_dashboards(report *r, const perfopt_config *cfg)
{
    if (!cfg->admin.password)
        say(r, OFF, "dashboards", "closed: set PERFOPT_ADMIN_PASSWORD to open them");
    else if (strlen(cfg->admin.password) < 12)
        say(r, BAD, "dashboards", "PERFOPT_ADMIN_PASSWORD has fewer than 12 characters");
    else
        say(r, GOOD, "dashboards", "/admin/performance, as %s",
            cfg->admin.user ? cfg->admin.user : "admin");
}

static void finish(report *r)
{
    if (!r->json)
        return;
    char *text = perfopt__strbuf_take(&r->out, NULL);
    printf("%s]\n", text ? text : "[");
    perfopt__free(text);
}

int perfopt__cli_doctor(int argc, char **argv)
{
    static const cli_option options[] = {
        {"assets", true}, {"templates", true}, {"json", false}, {NULL, false}};
    cli_arguments given;
    int status = perfopt__cli_read(argc, argv, options, help, &given);
    if (status >= 0)
        return status;
    if (given.rest_count)
        return perfopt__cli_fail("doctor", 2, "takes no arguments; try --help");
    report r = {.json = given.values[2] != NULL};
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_config cfg = PERFOPT_CONFIG_INIT;
    /* What a check finds it says itself; the library's own log would say it twice. */
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    if (perfopt_config_from_env(&cfg, &err) != PERFOPT_OK) {
        say(&r, BAD, "settings", "%s", err.message);
    } else {
        say(&r, GOOD, "settings", "every variable can be read");
        check_redis(&r, &cfg);
        check_database(&r, &cfg);
        check_assets(&r, given.values[0]);
        check_templates(&r, given.values[1]);
        check_dashboards(&r, &cfg);
    }
    finish(&r);
    return r.bad ? 1 : 0;
}
