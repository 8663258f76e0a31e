/*
 * cache.c - perfopt cache: reads, writes and invalidates the site's cache through Redis. Running
 * processes honour an invalidation within a second.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: perfopt cache get KEY\n"
    "       perfopt cache set KEY VALUE [--ttl SECONDS] [--tags A,B]\n"
    "       perfopt cache delete KEY\n"
    "       perfopt cache invalidate --tag TAG | --pattern GLOB [--dry-run]\n"
    "       perfopt cache clear\n"
    "       perfopt cache stats [--json]\n"
    "\n"
    "Works on the Redis that REDIS_URL (or REDIS_HOST) names. Running sites keep what they have "
    "in\n"
    "process for up to a second after an invalidation. Exit status 1: not found, or Redis is "
    "down.\n";

enum { OPTION_TTL, OPTION_TAGS, OPTION_TAG, OPTION_PATTERN, OPTION_DRY_RUN, OPTION_JSON };

static int get(perfopt_cache *cache, const char *key)
{
    perfopt_bytes *value;
    perfopt_status status = perfopt_cache_get(cache, key, strlen(key), &value);
    if (status == PERFOPT_EABSENT)
        return perfopt__cli_fail("cache", 1, "stored as known to be absent");
    if (status != PERFOPT_OK)
        return perfopt__cli_fail("cache", 1, "%s", perfopt_status_text(status));
    fwrite(perfopt_bytes_data(value), 1, perfopt_bytes_length(value), stdout);
    perfopt_bytes_release(value);
    return 0;
}

static int set(perfopt_cache *cache, const char *key, const char *value, const cli_arguments *given)
{
    perfopt_store_options store = PERFOPT_STORE_OPTIONS_INIT;
    store.tags = given->values[OPTION_TAGS];
    if (given->values[OPTION_TTL]) {
        long long seconds;
        char end;
        if (sscanf(given->values[OPTION_TTL], "%lld%c", &seconds, &end) != 1 || seconds < 1 ||
            seconds > 31536000)
            return perfopt__cli_fail("cache", 2, "--ttl takes seconds from 1 to 31536000");
        store.ttl_ms = seconds * 1000;
    }
    perfopt_status status =
        perfopt_cache_set(cache, key, strlen(key), value, strlen(value), &store);
    if (status != PERFOPT_OK)
        return perfopt__cli_fail("cache", 1, "%s", perfopt_status_text(status));
    return 0;
}

static int invalidate(perfopt_cache *cache, const cli_arguments *given)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status;
    if (given->values[OPTION_TAG]) {
        status = perfopt_cache_invalidate_tag(cache, given->values[OPTION_TAG], &err);
    } else if (given->values[OPTION_PATTERN]) {
        uint64_t count = 0;
        status =
            perfopt_cache_invalidate_pattern(cache, given->values[OPTION_PATTERN],
                                             given->values[OPTION_DRY_RUN] != NULL, &count, &err);
        if (status == PERFOPT_OK)
            printf("%llu keys%s\n", (unsigned long long)count,
                   given->values[OPTION_DRY_RUN] ? " would be removed" : " removed");
    } else {
        return perfopt__cli_fail("cache", 2, "invalidate needs --tag or --pattern");
    }
    return status == PERFOPT_OK ? 0 : perfopt__cli_fail("cache", 1, "%s", err.message);
}

static int stats(perfopt_cache *cache, bool json)
{
    perfopt_cache_stats s;
    perfopt_cache_get_stats(cache, &s);
    int64_t rtt_us = 0;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt_cache_check_redis(cache, &rtt_us, &err);
    uint64_t keys = 0;
    if (status == PERFOPT_OK)
        status = perfopt_cache_invalidate_pattern(cache, "*", true, &keys, &err);
    if (status != PERFOPT_OK)
        return perfopt__cli_fail("cache", 1, "%s", err.message);
    printf(json ? "{\"redis\": \"%s\", \"rtt_us\": %lld, \"keys\": %llu}\n"
                : "Redis %s answers in %lld us and holds %llu keys of this site.\n",
           s.redis_where, (long long)rtt_us, (unsigned long long)keys);
    return 0;
}

static int clear(perfopt_cache *cache)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (perfopt_cache_clear(cache, &err) != PERFOPT_OK)
        return perfopt__cli_fail("cache", 1, "%s", err.message);
    return 0;
}

static int delete (perfopt_cache *cache, const char *key)
{
    perfopt_status status = perfopt_cache_delete(cache, key, strlen(key));
    return status == PERFOPT_OK ? 0
                                : perfopt__cli_fail("cache", 1, "%s", perfopt_status_text(status));
}

static int run(perfopt_cache *cache, const cli_arguments *given)
{
    const char *what = given->rest[0];
    int count = given->rest_count - 1;
    char **rest = given->rest + 1;
    if (strcmp(what, "get") == 0 && count == 1)
        return get(cache, rest[0]);
    if (strcmp(what, "set") == 0 && count == 2)
        return set(cache, rest[0], rest[1], given);
    if (strcmp(what, "delete") == 0 && count == 1)
        return delete (cache, rest[0]);
    if (strcmp(what, "invalidate") == 0 && count == 0)
        return invalidate(cache, given);
    if (strcmp(what, "clear") == 0 && count == 0)
        return clear(cache);
    if (strcmp(what, "stats") == 0 && count == 0)
        return stats(cache, given->values[OPTION_JSON] != NULL);
    return perfopt__cli_fail("cache", 2, "cannot read \"%.40s\" with %d arguments; try --help",
                             what, count);
}

int perfopt__cli_cache(int argc, char **argv)
{
    static const cli_option options[] = {{"ttl", true},     {"tags", true},     {"tag", true},
                                         {"pattern", true}, {"dry-run", false}, {"json", false},
                                         {NULL, false}};
    cli_arguments given;
    int status = perfopt__cli_read(argc, argv, options, help, &given);
    if (status >= 0)
        return status;
    if (given.rest_count < 1)
        return perfopt__cli_fail("cache", 2, "what to do? try --help");
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_config cfg = PERFOPT_CONFIG_INIT;
    if (perfopt_config_from_env(&cfg, &err) != PERFOPT_OK)
        return perfopt__cli_fail("cache", 1, "%s", err.message);
    if (!cfg.redis.url && !cfg.redis.host)
        return perfopt__cli_fail("cache", 1, "no Redis: set REDIS_URL as the site has it");
    cfg.cache.redis = &cfg.redis;
    perfopt_cache *cache;
    if (perfopt_cache_create(&cfg.cache, &cache, &err) != PERFOPT_OK)
        return perfopt__cli_fail("cache", 1, "%s", err.message);
    status = run(cache, &given);
    perfopt_cache_destroy(cache);
    return status;
}
