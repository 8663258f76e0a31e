/*
 * perfopt.c - init and shutdown: creates the parts from the bottom up, hands each what it may use,
 * and takes them down in the opposite order. Nothing but wiring lives here.
 */
#include <perfopt/perfopt.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "wiring.h"

#include <string.h>

struct perfopt {
    perfopt_workers *workers;
    perfopt_cache *cache;
    perfopt_db *db;
    perfopt_query_cache *queries;
    perfopt_assets *assets;
    perfopt_frontend *frontend;
    perfopt_ssr *ssr;
    perfopt_http *http;
    perfopt_monitor *monitor;
    perfopt_admin *admin;
};

void perfopt_shutdown(perfopt *po)
{
    if (!po)
        return;
    perfopt_admin_destroy(po->admin);
    perfopt_monitor_destroy(po->monitor);
    perfopt_workers_destroy(po->workers);
    perfopt_http_destroy(po->http);
    perfopt_ssr_destroy(po->ssr);
    perfopt_frontend_destroy(po->frontend);
    perfopt_assets_destroy(po->assets);
    perfopt_query_cache_destroy(po->queries);
    perfopt_db_destroy(po->db);
    perfopt_cache_destroy(po->cache);
    perfopt__free(po);
}

static perfopt_status create_cache(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    perfopt_cache_options options = cfg->cache;
    options.redis = cfg->redis.url || cfg->redis.host ? &cfg->redis : NULL;
    return perfopt_cache_create(&options, &po->cache, err);
}

static perfopt_status create_database(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    if (!cfg->db.url)
        return PERFOPT_OK;
    perfopt_status status = perfopt_db_create(&cfg->db, &po->db, err);
    if (status == PERFOPT_OK)
        status = perfopt_query_cache_create(&cfg->queries, po->db, po->cache, &po->queries, err);
    return status;
}

static perfopt_status create_assets(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    if (!cfg->assets.root)
        return PERFOPT_OK;
    perfopt_assets_options options = cfg->assets;
    if (cfg->development && options.watch == PERFOPT_DEFAULT)
        options.watch = PERFOPT_ON;
    perfopt_status status = perfopt_assets_create(&options, &po->assets, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt_frontend_options frontend = cfg->frontend;
    if (!frontend.image_root)
        frontend.image_root = cfg->assets.root;
    return perfopt_frontend_create(&frontend, po->assets, &po->frontend, err);
}

static perfopt_status create_ssr(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    perfopt_ssr_options options = cfg->ssr;
    options.cache = po->cache;
    if (cfg->development && options.auto_reload == PERFOPT_DEFAULT)
        options.auto_reload = PERFOPT_ON;
    perfopt_status status = perfopt_ssr_create(&options, &po->ssr, err);
    if (status == PERFOPT_OK && po->frontend)
        status = perfopt__wire_helpers(po->ssr, po->frontend, err);
    return status;
}

static perfopt_status create_http(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    perfopt_http_options options = cfg->http;
    options.cache = po->cache;
    options.db = po->db;
    options.queries = po->queries;
    options.assets = po->assets;
    options.ssr = po->ssr;
    options.owner = po;
    if (options.max_routes == 0)
        options.max_routes = cfg->monitor.max_routes;
    return perfopt_http_create(&options, &po->http, err);
}

static perfopt_status create_monitor(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    const perfopt_monitor_sources sources = {.cache = po->cache,
                                             .db = po->db,
                                             .queries = po->queries,
                                             .assets = po->assets,
                                             .ssr = po->ssr,
                                             .http = po->http};
    return perfopt_monitor_create(&cfg->monitor, &sources, &po->monitor, err);
}

static perfopt_status create_admin(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    const perfopt_admin_sources sources = {.monitor = po->monitor,
                                           .http = po->http,
                                           .cache = po->cache,
                                           .db = po->db,
                                           .queries = po->queries,
                                           .assets = po->assets,
                                           .frontend = po->frontend,
                                           .ssr = po->ssr,
                                           .workers = po->workers};
    perfopt_status status = perfopt_admin_create(&cfg->admin, &sources, &po->admin, err);
    if (status != PERFOPT_OK || cfg->admin.port == 0)
        return status;
    if (!cfg->admin.password && !cfg->admin.viewer_password && !cfg->admin.auth)
        return perfopt__error_set(
            err, PERFOPT_ECONFIG,
            "PERFOPT_ADMIN_PORT is set, but no PERFOPT_ADMIN_PASSWORD: set one, "
            "the dashboards stay closed without it");
    return perfopt_admin_listen(po->admin, err);
}

static perfopt_status create_workers(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    if (cfg->worker_threads > 1024)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "cfg.worker_threads: %u is more than 1024",
                                  cfg->worker_threads);
    return perfopt_workers_create(cfg->worker_threads, 0, &po->workers, err);
}

static perfopt_status create_parts(perfopt *po, const perfopt_config *cfg, perfopt_error *err)
{
    perfopt_status (*const steps[])(perfopt *, const perfopt_config *, perfopt_error *) = {
        create_workers, create_cache, create_database, create_assets,
        create_ssr,     create_http,  create_monitor,  create_admin};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        perfopt_status status = steps[i](po, cfg, err);
        if (status != PERFOPT_OK)
            return status;
    }
    return PERFOPT_OK;
}

perfopt_status perfopt_init(const perfopt_config *cfg, perfopt **out, perfopt_error *err)
{
    static const perfopt_config defaults = PERFOPT_CONFIG_INIT;
    if (cfg && cfg->struct_size != sizeof(*cfg))
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "perfopt_config: initialise it with PERFOPT_CONFIG_INIT");
    perfopt *po = perfopt__calloc(1, sizeof(*po));
    if (!po)
        return perfopt__error_nomem(err);
    perfopt_status status = create_parts(po, cfg ? cfg : &defaults, err);
    if (status != PERFOPT_OK) {
        perfopt_shutdown(po);
        return status;
    }
    perfopt__log(PERFOPT_LOG_INFO, "perfopt", "libperfopt %s started", perfopt_version());
    *out = po;
    return PERFOPT_OK;
}

perfopt_status perfopt_router_of(perfopt *po, perfopt_router **out, perfopt_error *err)
{
    perfopt_router *router;
    perfopt_status status = perfopt_router_create(po->http, &router, err);
    if (status != PERFOPT_OK)
        return status;
    if (po->frontend)
        status = perfopt__wire_frontend_routes(router, po->frontend, po->monitor, err);
    if (status == PERFOPT_OK)
        status = perfopt_admin_mount(po->admin, router, err);
    if (status != PERFOPT_OK) {
        perfopt_router_destroy(router);
        return status;
    }
    *out = router;
    return PERFOPT_OK;
}

perfopt_cache *perfopt_cache_of(perfopt *po)
{
    return po->cache;
}

perfopt_db *perfopt_db_of(perfopt *po)
{
    return po->db;
}

perfopt_query_cache *perfopt_query_cache_of(perfopt *po)
{
    return po->queries;
}

perfopt_assets *perfopt_assets_of(perfopt *po)
{
    return po->assets;
}

perfopt_frontend *perfopt_frontend_of(perfopt *po)
{
    return po->frontend;
}

perfopt_ssr *perfopt_ssr_of(perfopt *po)
{
    return po->ssr;
}

perfopt_http *perfopt_http_of(perfopt *po)
{
    return po->http;
}

perfopt_monitor *perfopt_monitor_of(perfopt *po)
{
    return po->monitor;
}

perfopt_admin *perfopt_admin_of(perfopt *po)
{
    return po->admin;
}

perfopt_workers *perfopt_workers_of(perfopt *po)
{
    return po->workers;
}
