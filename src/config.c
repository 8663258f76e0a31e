/*
 * config.c - settings from the environment: one table names every variable, where it goes and how
 * it is read. docs/configuration.md is checked against the same table.
 */
#include <perfopt/perfopt.h>

#include "base/env.h"
#include "base/error.h"

#include <pthread.h>
#include <string.h>

typedef enum setting_kind {
    SETTING_STRING,
    SETTING_SWITCH,      /* perfopt_switch */
    SETTING_U16,         /* a port */
    SETTING_U32,         /* whole number from `min` */
    SETTING_BYTES,       /* uint64_t, with a unit */
    SETTING_MS,          /* uint32_t, a duration */
    SETTING_ENVIRONMENT, /* bool: production or development */
} setting_kind;

typedef struct setting {
    perfopt_setting shown;
    setting_kind kind;
    size_t offset;
    int64_t min;
} setting;

#define FIELD(path) "cfg." #path
#define AT(path)    offsetof(perfopt_config, path)
/* variable, field, kind, min, default in words, description, secret */
#define SETTING(variable, path, kind, min, fallback, description, secret)           \
    {                                                                               \
        {variable, FIELD(path), fallback, description, secret}, kind, AT(path), min \
    }

/* FLASK_ENV stands before APP_ENV so that APP_ENV wins when both are set. */
static const setting settings[] = {
    SETTING("FLASK_ENV", development, SETTING_ENVIRONMENT, 0, "production",
            "The predecessor's name of APP_ENV; APP_ENV wins.", false),
    SETTING("APP_ENV", development, SETTING_ENVIRONMENT, 0, "production",
            "production, or development: templates and assets are reloaded when they change.",
            false),
    SETTING("REDIS_URL", redis.url, SETTING_STRING, 0, "none",
            "Second cache level: redis://[user:password@]host[:port][/db] or unix:///path?db=N.",
            true),
    SETTING("REDIS_HOST", redis.host, SETTING_STRING, 0, "none: in-process cache only",
            "Host of Redis when REDIS_URL is not set.", false),
    SETTING("REDIS_PORT", redis.port, SETTING_U16, 1, "6379", "Port that goes with REDIS_HOST.",
            false),
    SETTING("REDIS_PASSWORD", redis.password, SETTING_STRING, 0, "none",
            "Password that goes with REDIS_HOST.", true),
    SETTING(
        "DATABASE_URL", db.url, SETTING_STRING, 0, "none: no database",
        "Any libpq connection string, for example postgresql://user@/news?host=/run/postgresql.",
        true),
    SETTING("ASSET_COMPRESSION_ENABLED", assets.compress, SETTING_SWITCH, 0, "true",
            "Write gzip and brotli variants of built assets.", false),
    SETTING("QUERY_CACHE_ENABLED", queries.enabled, SETTING_SWITCH, 0, "true",
            "Keep query results in the cache.", false),
    SETTING("TEMPLATE_CACHE_ENABLED", ssr.cache_templates, SETTING_SWITCH, 0, "true",
            "Keep compiled templates.", false),
    SETTING("SSR_SEO_OPTIMIZATION", ssr.seo, SETTING_SWITCH, 0, "true",
            "Write Open Graph, Twitter and JSON-LD markup in seo().", false),
    SETTING("PERFOPT_CACHE_MAX_BYTES", cache.max_bytes, SETTING_BYTES, 65536, "64m",
            "Memory of the in-process cache level.", false),
    SETTING("PERFOPT_DB_POOL_SIZE", db.pool_size, SETTING_U32, 1, "10",
            "Connections that the pool keeps.", false),
    SETTING("PERFOPT_DB_MAX_OVERFLOW", db.max_overflow, SETTING_U32, 1, "20",
            "Connections that may exist beyond the pool size for a while.", false),
    SETTING("PERFOPT_DB_TIMEOUT_MS", db.timeout_ms, SETTING_MS, 1, "30000",
            "How long a request waits for a connection.", false),
    SETTING("PERFOPT_SLOW_QUERY_MS", db.slow_query_ms, SETTING_MS, 1, "100",
            "From when on a statement counts as slow.", false),
    SETTING("PERFOPT_SLOW_REQUEST_MS", monitor.slow_request_ms, SETTING_MS, 1, "1000",
            "From when on a request counts as slow.", false),
    SETTING("PERFOPT_ADMIN_USER", admin.user, SETTING_STRING, 0, "admin",
            "Who signs in at the dashboards.", false),
    SETTING("PERFOPT_ADMIN_PASSWORD", admin.password, SETTING_STRING, 0,
            "none: the dashboards are closed", "At least 12 characters; may look and act.", true),
    SETTING("PERFOPT_ADMIN_VIEWER_PASSWORD", admin.viewer_password, SETTING_STRING, 0, "none",
            "At least 12 characters; the same user, who may look but not act.", true),
    SETTING("PERFOPT_ADMIN_BIND", admin.bind, SETTING_STRING, 0, "127.0.0.1",
            "Address of the dashboards' own daemon.", false),
    SETTING("PERFOPT_ADMIN_PORT", admin.port, SETTING_U32, 1, "none: on the site's own router",
            "Port of the dashboards' own daemon.", false),
    SETTING("PERFOPT_ADMIN_METRICS", admin.metrics, SETTING_SWITCH, 0, "false",
            "Serve Prometheus text under /metrics.", false),
    SETTING("PERFOPT_ADMIN_METRICS_TOKEN", admin.metrics_token, SETTING_STRING, 0,
            "none: the dashboards' login", "Bearer token for /metrics.", true),
};

enum { SETTING_COUNT = sizeof(settings) / sizeof(settings[0]) };

static perfopt_setting shown[SETTING_COUNT];
static pthread_once_t shown_once = PTHREAD_ONCE_INIT;

static void fill_shown(void)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        shown[i] = settings[i].shown;
}

const perfopt_setting *perfopt_settings(size_t *count)
{
    pthread_once(&shown_once, fill_shown);
    *count = SETTING_COUNT;
    return shown;
}

static perfopt_status read_environment(const char *variable, const char *text, bool *development,
                                       perfopt_error *err)
{
    if (strcmp(text, "development") == 0)
        *development = true;
    else if (strcmp(text, "production") == 0)
        *development = false;
    else
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "%s: \"%.40s\" is neither production nor development", variable,
                                  text);
    return PERFOPT_OK;
}

static perfopt_status read_number(const setting *s, const char *text, void *field,
                                  perfopt_error *err)
{
    int64_t value = 0;
    uint64_t bytes = 0;
    perfopt_status status;
    switch (s->kind) {
    case SETTING_U16:
        status = perfopt__parse_int(s->shown.variable, text, s->min, 65535, &value, err);
        if (status == PERFOPT_OK)
            *(uint16_t *)field = (uint16_t)value;
        return status;
    case SETTING_BYTES:
        status = perfopt__parse_bytes(s->shown.variable, text, &bytes, err);
        if (status == PERFOPT_OK && bytes < (uint64_t)s->min)
            return perfopt__error_set(err, PERFOPT_ECONFIG, "%s: at least %lld bytes are needed",
                                      s->shown.variable, (long long)s->min);
        if (status == PERFOPT_OK)
            *(uint64_t *)field = bytes;
        return status;
    case SETTING_MS:
        status = perfopt__parse_duration_ms(s->shown.variable, text, 1, &value, err);
        if (status == PERFOPT_OK && (value < s->min || value > INT32_MAX))
            return perfopt__error_set(err, PERFOPT_ECONFIG, "%s: %lld ms is out of range",
                                      s->shown.variable, (long long)value);
        break;
    default:
        status = perfopt__parse_int(s->shown.variable, text, s->min, INT32_MAX, &value, err);
        break;
    }
    if (status == PERFOPT_OK)
        *(uint32_t *)field = (uint32_t)value;
    return status;
}

static perfopt_status read_setting(const setting *s, const char *text, perfopt_config *cfg,
                                   perfopt_error *err)
{
    void *field = (char *)cfg + s->offset;
    bool on = false;
    perfopt_status status;
    switch (s->kind) {
    case SETTING_STRING:
        *(const char **)field = text;
        return PERFOPT_OK;
    case SETTING_SWITCH:
        status = perfopt__parse_bool(s->shown.variable, text, &on, err);
        if (status == PERFOPT_OK)
            *(perfopt_switch *)field = on ? PERFOPT_ON : PERFOPT_OFF;
        return status;
    case SETTING_ENVIRONMENT:
        return read_environment(s->shown.variable, text, field, err);
    default:
        return read_number(s, text, field, err);
    }
}

perfopt_status perfopt_config_from_env(perfopt_config *cfg, perfopt_error *err)
{
    if (cfg->struct_size != sizeof(*cfg))
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "perfopt_config: initialise it with PERFOPT_CONFIG_INIT");
    perfopt_config read = *cfg;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *text = perfopt__env(settings[i].shown.variable);
        if (!text)
            continue;
        perfopt_status status = read_setting(&settings[i], text, &read, err);
        if (status != PERFOPT_OK)
            return status;
    }
    *cfg = read;
    return PERFOPT_OK;
}
