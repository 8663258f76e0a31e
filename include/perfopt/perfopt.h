/*
 * perfopt.h - the umbrella header and the one init that wires all parts.
 *
 *     perfopt_config cfg = PERFOPT_CONFIG_INIT;
 *     perfopt_error err = PERFOPT_ERROR_INIT;
 *     perfopt_config_from_env(&cfg, &err);
 *     cfg.assets.root = "static";
 *     cfg.ssr.root = "templates";
 *     perfopt *po;
 *     if (perfopt_init(&cfg, &po, &err) != PERFOPT_OK) { fprintf(stderr, "%s\n", err.message); ...
 * }
 */
#ifndef PERFOPT_PERFOPT_H
#define PERFOPT_PERFOPT_H

#include <perfopt/admin.h>
#include <perfopt/assets.h>
#include <perfopt/base.h>
#include <perfopt/cache.h>
#include <perfopt/db.h>
#include <perfopt/frontend.h>
#include <perfopt/http.h>
#include <perfopt/metrics.h>
#include <perfopt/monitor.h>
#include <perfopt/query_cache.h>
#include <perfopt/ssr.h>
#include <perfopt/value.h>
#include <perfopt/version.h>
#include <perfopt/wrap.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt perfopt;

/*
 * Settings of all parts; zero is each field's documented default. A part without its mandatory
 * field is off: no cfg.db.url = no database, no cfg.assets.root = no assets, no cfg.ssr.root =
 * templates from strings only, no cfg.redis.url and host = in-process cache only.
 */
typedef struct perfopt_config {
    size_t struct_size;
    bool development;        /* APP_ENV or FLASK_ENV = development: templates and assets reload */
    unsigned worker_threads; /* 0 = 4 */
    perfopt_redis_options redis;
    perfopt_cache_options cache; /* .redis is set by perfopt_init() */
    perfopt_db_options db;
    perfopt_query_cache_options queries;
    perfopt_assets_options assets;
    perfopt_frontend_options frontend;
    perfopt_ssr_options ssr;   /* .cache is set by perfopt_init() */
    perfopt_http_options http; /* the parts are set by perfopt_init() */
    perfopt_monitor_options monitor;
    perfopt_admin_options admin;
} perfopt_config;

#ifdef __cplusplus
PERFOPT_END_DECLS
inline perfopt_config perfopt_config_init_()
{
    perfopt_config cfg = perfopt_options_init_<perfopt_config>();
    cfg.redis = PERFOPT_REDIS_OPTIONS_INIT;
    cfg.cache = PERFOPT_CACHE_OPTIONS_INIT;
    cfg.db = PERFOPT_DB_OPTIONS_INIT;
    cfg.queries = PERFOPT_QUERY_CACHE_OPTIONS_INIT;
    cfg.assets = PERFOPT_ASSETS_OPTIONS_INIT;
    cfg.frontend = PERFOPT_FRONTEND_OPTIONS_INIT;
    cfg.ssr = PERFOPT_SSR_OPTIONS_INIT;
    cfg.http = PERFOPT_HTTP_OPTIONS_INIT;
    cfg.monitor = PERFOPT_MONITOR_OPTIONS_INIT;
    cfg.admin = PERFOPT_ADMIN_OPTIONS_INIT;
    return cfg;
}
PERFOPT_BEGIN_DECLS
#define PERFOPT_CONFIG_INIT perfopt_config_init_()
#else
#define PERFOPT_CONFIG_INIT                                                                 \
    {                                                                                       \
        .struct_size = sizeof(perfopt_config), .redis = PERFOPT_REDIS_OPTIONS_INIT,         \
        .cache = PERFOPT_CACHE_OPTIONS_INIT, .db = PERFOPT_DB_OPTIONS_INIT,                 \
        .queries = PERFOPT_QUERY_CACHE_OPTIONS_INIT, .assets = PERFOPT_ASSETS_OPTIONS_INIT, \
        .frontend = PERFOPT_FRONTEND_OPTIONS_INIT, .ssr = PERFOPT_SSR_OPTIONS_INIT,         \
        .http = PERFOPT_HTTP_OPTIONS_INIT, .monitor = PERFOPT_MONITOR_OPTIONS_INIT,         \
        .admin = PERFOPT_ADMIN_OPTIONS_INIT                                                 \
    }
#endif

/**
 * Read settings from the environment into a configuration; variables that are unset change nothing.
 *
 * docs/configuration.md lists them. Strings stay in the environment: do not change these variables
 * until perfopt_init() has returned.
 *
 * @param cfg Initialised with PERFOPT_CONFIG_INIT; unchanged on failure.
 * @return PERFOPT_OK; PERFOPT_ECONFIG with a message that names the variable.
 *
 * Thread-safety: nobody changes the environment meanwhile.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_config_from_env(perfopt_config *cfg, perfopt_error *err);

/* One setting for documentation and `perfopt doctor`. */
typedef struct perfopt_setting {
    const char *variable;    /* environment variable */
    const char *field;       /* "cfg.redis.url" */
    const char *fallback;    /* default, in words */
    const char *description; /* one sentence */
    bool secret;             /* never print its value */
} perfopt_setting;

/** All environment variables that perfopt_config_from_env() reads.
 *  @param[out] count Number of entries.   Since: 0.1 */
PERFOPT_API const perfopt_setting *perfopt_settings(size_t *count);

/**
 * Start everything that is configured.
 *
 * Never fails because Redis or PostgreSQL is down or refuses: the part is degraded, says so in the
 * log once and on the dashboards, and heals without a restart.
 *
 * @param cfg      NULL = all defaults: in-process cache, templates from strings.
 * @param[out] out Ends with perfopt_shutdown(); untouched on failure.
 * @return PERFOPT_OK; PERFOPT_ECONFIG with a message that names the setting; PERFOPT_ENOMEM,
 *         PERFOPT_EFAILED (threads), PERFOPT_EIO (the dashboards' own port).
 *
 * Thread-safety: once per instance; several instances may exist.   Blocks: up to the connect
 * timeouts of Redis and PostgreSQL.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_init(const perfopt_config *cfg, perfopt **out,
                                        perfopt_error *err);

/**
 * Stop all threads, close all connections, free everything. Stop the web server before.
 *
 * @param po NULL is allowed.
 *
 * Thread-safety: owner only.   Blocks: until running background work has ended.   Since: 0.1
 */
PERFOPT_API void perfopt_shutdown(perfopt *po);

/* The parts; borrowed, valid until perfopt_shutdown(); NULL for a part that is off. */

/** The cache; never NULL.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_cache *perfopt_cache_of(perfopt *po);

/** The db; NULL without a URL.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_db *perfopt_db_of(perfopt *po);

/** The query cache; NULL without a db.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_query_cache *perfopt_query_cache_of(perfopt *po);

/** The assets; NULL without a root.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_assets *perfopt_assets_of(perfopt *po);

/** The frontend; NULL without assets.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_frontend *perfopt_frontend_of(perfopt *po);

/** The ssr; never NULL.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_ssr *perfopt_ssr_of(perfopt *po);

/** The http; never NULL.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_http *perfopt_http_of(perfopt *po);

/** The monitor; never NULL.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_monitor *perfopt_monitor_of(perfopt *po);

/** The admin; never NULL.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_admin *perfopt_admin_of(perfopt *po);

/** The workers; never NULL.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_workers *perfopt_workers_of(perfopt *po);

/**
 * Create a router with everything the parts serve themselves: assets, images, browser-timing script
 * and beacon, the dashboards, /metrics.
 *
 * @param[out] out Destroy with perfopt_router_destroy() before perfopt_shutdown().
 * @return PERFOPT_OK, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_router_of(perfopt *po, perfopt_router **out, perfopt_error *err);

PERFOPT_END_DECLS

#endif
