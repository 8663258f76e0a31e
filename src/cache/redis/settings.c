/*
 * settings.c - reads where Redis is from a URL or from host, port and password.
 */
#include "base/env.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/url.h"
#include "cache/redis/redis_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define MAX_TIMEOUT_MS     600000u
#define MAX_CONNECTIONS    256u
#define MAX_BREAKER_ERRORS 1000000u

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static perfopt_status check_numbers(const perfopt_redis_options *o, perfopt_error *err)
{
    if (o->connections > MAX_CONNECTIONS)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "redis.connections: at most %u",
                                  MAX_CONNECTIONS);
    if (o->connect_timeout_ms > MAX_TIMEOUT_MS)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "redis.connect_timeout_ms: at most %u",
                                  MAX_TIMEOUT_MS);
    if (o->command_timeout_ms > MAX_TIMEOUT_MS)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "redis.command_timeout_ms: at most %u",
                                  MAX_TIMEOUT_MS);
    if (o->breaker_errors > MAX_BREAKER_ERRORS)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "redis.breaker_errors: at most %u",
                                  MAX_BREAKER_ERRORS);
    if (o->breaker_open_ms > MAX_TIMEOUT_MS)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "redis.breaker_open_ms: at most %u",
                                  MAX_TIMEOUT_MS);
    return PERFOPT_OK;
}

static perfopt_status read_database(const char *text, int *out, perfopt_error *err)
{
    int64_t number;
    perfopt_status status =
        perfopt__parse_int("database of the Redis URL", text, 0, 1000000, &number, err);
    if (status != PERFOPT_OK) {
        if (err)
            err->status = PERFOPT_ECONFIG;
        return PERFOPT_ECONFIG;
    }
    *out = (int)number;
    return PERFOPT_OK;
}

static perfopt_status read_query(const char *query, int *database, perfopt_error *err)
{
    if (!query || !*query)
        return PERFOPT_OK;
    if (strncmp(query, "db=", 3) != 0 || strchr(query, '&'))
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "Redis URL: the only option after '?' is db=N");
    return read_database(query + 3, database, err);
}

static perfopt_status check_scheme(const char *scheme, perfopt_error *err)
{
    if (strcmp(scheme, "redis") == 0 || strcmp(scheme, "unix") == 0)
        return PERFOPT_OK;
    if (strcmp(scheme, "rediss") == 0)
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED,
                                  "Redis URL: rediss:// (TLS) is not built in; use redis:// or "
                                  "unix://, or a local TLS proxy");
    if (strcmp(scheme, "redis+sentinel") == 0 || strcmp(scheme, "redis+cluster") == 0)
        return perfopt__error_set(err, PERFOPT_EUNSUPPORTED,
                                  "Redis URL: %s:// is not supported; use redis:// or unix://",
                                  scheme);
    return perfopt__error_set(err, PERFOPT_ECONFIG,
                              "Redis URL: unknown scheme; use redis:// or unix://");
}

/* Copies an optional string; false when out of memory. */
static bool copy(char **out, const char *text)
{
    if (!text || !*text)
        return true;
    *out = perfopt__strdup(text);
    return *out != NULL;
}

static perfopt_status read_unix(const perfopt__url *url, perfopt__redis_settings *out,
                                perfopt_error *err)
{
    if (url->host || url->port || !url->path || !url->path[1])
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "Redis URL: unix:// needs an absolute path: unix:///path");
    if (strlen(url->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return perfopt__error_set(err, PERFOPT_ECONFIG, "Redis URL: the socket path is too long");
    return copy(&out->path, url->path) ? PERFOPT_OK : perfopt__error_nomem(err);
}

static perfopt_status read_tcp(const perfopt__url *url, perfopt__redis_settings *out,
                               perfopt_error *err)
{
    if (!url->host || strchr(url->host, ','))
        return perfopt__error_set(err, PERFOPT_ECONFIG, "Redis URL: exactly one host is needed");
    out->port = url->port ? url->port : 6379;
    if (!copy(&out->host, url->host))
        return perfopt__error_nomem(err);
    if (url->path && url->path[1])
        return read_database(url->path + 1, &out->database, err);
    return PERFOPT_OK;
}

static perfopt_status read_url(const char *text, perfopt__redis_settings *out, perfopt_error *err)
{
    perfopt__url url = {0};
    perfopt_status status = perfopt__url_parse(text, &url, err);
    if (status == PERFOPT_EINVAL) {
        if (err)
            err->status = PERFOPT_ECONFIG;
        status = PERFOPT_ECONFIG;
    }
    if (status == PERFOPT_OK)
        status = check_scheme(url.scheme, err);
    if (status == PERFOPT_OK)
        status =
            strcmp(url.scheme, "unix") == 0 ? read_unix(&url, out, err) : read_tcp(&url, out, err);
    if (status == PERFOPT_OK)
        status = read_query(url.query, &out->database, err);
    if (status == PERFOPT_OK &&
        (!copy(&out->user, url.user) || !copy(&out->password, url.password)))
        status = perfopt__error_nomem(err);
    if (status == PERFOPT_OK && out->user && !out->password)
        status = perfopt__error_set(err, PERFOPT_ECONFIG, "Redis URL: a user without a password");
    perfopt__url_finish(&url);
    return status;
}

static void describe(perfopt__redis_settings *s)
{
    if (s->path && s->database)
        snprintf(s->where, sizeof(s->where), "%s?db=%d", s->path, s->database);
    else if (s->path)
        snprintf(s->where, sizeof(s->where), "%s", s->path);
    else
        snprintf(s->where, sizeof(s->where), strchr(s->host, ':') ? "[%s]:%d/%d" : "%s:%d/%d",
                 s->host, s->port, s->database);
}

perfopt_status perfopt__redis_settings_read(const perfopt_redis_options *options,
                                            perfopt__redis_settings *out, perfopt_error *err)
{
    perfopt_redis_options o;
    memset(out, 0, sizeof(*out));
    perfopt_status status =
        perfopt__options_read(&o, sizeof(o), options, "PERFOPT_REDIS_OPTIONS", err);
    if (status == PERFOPT_OK)
        status = check_numbers(&o, err);
    if (status != PERFOPT_OK)
        return status;
    out->connections = or_default(o.connections, 4);
    out->connect_timeout_ms = or_default(o.connect_timeout_ms, 1000);
    out->command_timeout_ms = or_default(o.command_timeout_ms, 200);
    out->breaker_errors = or_default(o.breaker_errors, 5);
    out->breaker_open_ms = or_default(o.breaker_open_ms, 2000);
    if (o.url) {
        status = read_url(o.url, out, err);
    } else {
        out->port = o.port ? o.port : 6379;
        if (!o.host || !*o.host)
            status = perfopt__error_set(err, PERFOPT_ECONFIG, "redis.host: empty");
        else if (!copy(&out->host, o.host) || !copy(&out->password, o.password))
            status = perfopt__error_nomem(err);
    }
    if (status == PERFOPT_OK)
        describe(out);
    else
        perfopt__redis_settings_finish(out);
    return status;
}

void perfopt__redis_settings_finish(perfopt__redis_settings *settings)
{
    if (settings->password)
        perfopt__wipe(settings->password, strlen(settings->password));
    perfopt__free(settings->host);
    perfopt__free(settings->path);
    perfopt__free(settings->user);
    perfopt__free(settings->password);
    memset(settings, 0, sizeof(*settings));
}
