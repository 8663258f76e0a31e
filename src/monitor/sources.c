/*
 * sources.c - the public constructor and the real sources behind it. It is the only file that calls
 * the other parts of the library.
 */
#include "base/error.h"
#include "base/memory.h"
#include "http/monitor_hooks.h"
#include "monitor/monitor_internal.h"

static void read_light(void *user, perfopt__monitor_snapshot *out)
{
    const perfopt_monitor_sources *s = user;
    out->has_cache = s->cache != NULL;
    if (s->cache)
        perfopt_cache_get_stats(s->cache, &out->cache);
    out->has_db = s->db != NULL;
    if (s->db)
        perfopt_db_get_stats(s->db, &out->db);
    out->has_queries = s->queries != NULL;
    if (s->queries)
        (void)perfopt_query_cache_get_stats(s->queries, &out->queries, NULL, 0);
    out->has_ssr = s->ssr != NULL;
    if (s->ssr)
        perfopt_ssr_get_render_stats(s->ssr, &out->ssr);
}

static void read_details(void *user, perfopt__monitor_details *out)
{
    const perfopt_monitor_sources *s = user;
    read_light(user, &out->now);
    if (s->cache)
        out->group_count = perfopt_cache_get_groups(s->cache, out->groups, PERFOPT__MAX_GROUPS);
    if (s->db)
        out->shape_count = perfopt_db_get_queries(s->db, true, out->shapes, PERFOPT__MAX_SHAPES);
    if (s->ssr)
        out->template_count =
            perfopt_ssr_get_templates(s->ssr, out->templates, PERFOPT__MAX_TEMPLATES);
    out->has_assets = s->assets != NULL;
    if (s->assets)
        perfopt_assets_get_optimization_stats(s->assets, &out->assets);
}

static bool read_pool(void *user, perfopt_db_stats *out)
{
    const perfopt_monitor_sources *s = user;
    perfopt_db_get_stats(s->db, out);
    return true;
}

static uint32_t active_requests(void *user)
{
    const perfopt_monitor_sources *s = user;
    return perfopt__http_active_requests(s->http);
}

perfopt_status perfopt_monitor_create(const perfopt_monitor_options *options,
                                      const perfopt_monitor_sources *sources, perfopt_monitor **out,
                                      perfopt_error *err)
{
    perfopt_monitor_sources *own = perfopt__calloc(1, sizeof(*own));
    if (!own)
        return perfopt__error_nomem(err);
    if (sources)
        *own = *sources;
    perfopt__monitor_setup setup = {
        .routes = own->http ? perfopt__http_routes(own->http) : NULL,
        .source = {.read = read_light,
                   .read_details = read_details,
                   .read_pool = own->db ? read_pool : NULL,
                   .active_requests = own->http ? active_requests : NULL,
                   .user = own},
        .source_storage = own,
    };
    return perfopt__monitor_create_with(options, &setup, out, err);
}
