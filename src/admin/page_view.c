/*
 * page_view.c - what a page shows besides the snapshot: who looks, where the links lead, the main
 * table in its order, one route in detail, and what an action did.
 */
#include "admin/admin_internal.h"

#include "admin/table.h"

#include <stdio.h>
#include <string.h>

const char *const perfopt__dashboard_names[PERFOPT__DASHBOARDS] = {"overview", "assets", "ssr"};

const char *perfopt__dashboard_path(perfopt__dashboard which)
{
    static const char *const paths[] = {PERFOPT__ADMIN_ROOT,
                                        PERFOPT__ADMIN_ROOT "/asset-optimization",
                                        PERFOPT__ADMIN_ROOT "/ssr-optimization"};
    return paths[which];
}

static const char *const titles[] = {"Performance", "Asset optimisation", "Templates"};
static const char *const labels[] = {"Overview", "Assets", "Templates"};

/* ---- the main table of each page ----------------------------------------------------------- */

static const perfopt__column route_columns[] = {
    {"Route", "route", false},
    {"Rate", "rps", true},
    {"Count", "count", true},
    {"Errors", "error_ratio", true},
    {"p50", "p50_ms", true},
    {"p95", "p95_ms", true},
    {"p99", "p99_ms", true},
    {"Max", "max_ms", true},
    {"Share of time", "time_share", true},
    {"Queries", "queries_per_request", true},
    {"Page cache", "page_cache_ratio", true},
};
static const perfopt__column file_columns[] = {
    {"Path", "name", false},
    {"Hash", NULL, false},
    {"Type", "type", false},
    {"Raw", "raw_bytes", true},
    {"Minified", "minified_bytes", true},
    {"gzip", "gzip_bytes", true},
    {"br", "brotli_bytes", true},
    {"Saved", "saved_ratio", true},
    {"Requests", "requests", true},
    {"304", "not_modified_ratio", true},
    {"Status", "state", false},
};
static const perfopt__column template_columns[] = {
    {"Template", "name", false},
    {"Renders", "renders", true},
    {"p50", "p50_ms", true},
    {"p95", "p95_ms", true},
    {"Max", "max_ms", true},
    {"From cache", "cached_ratio", true},
    {"Compiled", "compiles", true},
    {"Avg output", "avg_output_bytes", true},
    {"Share of time", "time_share", true},
    {"Included by", "included_by", false},
};
static const char *const route_search[] = {"route", "method", NULL};
static const char *const name_search[] = {"name", NULL};

#define COLUMNS(array) .columns = (array), .column_count = sizeof(array) / sizeof((array)[0])

static perfopt_value table_value(perfopt__build *b, const perfopt__page_query *query,
                                 const perfopt__snapshot *snapshot)
{
    static const perfopt__table tables[] = {
        [PERFOPT__OVERVIEW] = {COLUMNS(route_columns), .search = route_search, .panel = "routes",
                               .by_default = "time_share"},
        [PERFOPT__ASSETS] = {COLUMNS(file_columns), .search = name_search, .panel = "table",
                             .by_default = "weight"},
        [PERFOPT__SSR] = {COLUMNS(template_columns), .search = name_search, .panel = "templates",
                          .by_default = "time_share"},
    };
    static const char *const rows[] = {"routes.rows", "assets.rows", "templates.rows"};
    perfopt__table table = tables[query->which];
    table.window = query->window->id;
    table.q = query->q;
    table.sort = query->sort;
    table.ascending = query->ascending;
    table.page = query->page;
    return perfopt__table_view(b, &table, perfopt__at(snapshot->value, rows[query->which]));
}

/* The route named by "GET /path", as its row with the address that closes it. */
static perfopt_value detail_value(perfopt__build *b, const perfopt__page_query *query,
                                  const perfopt__snapshot *snapshot, const char *close)
{
    perfopt_value rows = perfopt__at(snapshot->value, "routes.rows");
    size_t count = query->detail && rows.kind == PERFOPT_LIST ? perfopt_value_count(rows) : 0;
    for (size_t i = 0; i < count; i++) {
        perfopt_value row = perfopt_value_at(rows, i);
        const char *method = perfopt__text_of(b->arena, perfopt__at(row, "method"));
        const char *route = perfopt__text_of(b->arena, perfopt__at(row, "route"));
        size_t n = strlen(method);
        if (strncmp(query->detail, method, n) != 0 || query->detail[n] != ' ' ||
            strcmp(query->detail + n + 1, route) != 0)
            continue;
        perfopt_value detail = perfopt__build_map(b);
        perfopt__put(b, detail, "row", row);
        perfopt__put_copy(b, detail, "close", close);
        return detail;
    }
    return perfopt_none();
}

/* ---- the frame ----------------------------------------------------------------------------- */

static perfopt_value nav_value(perfopt__build *b, const perfopt__page_query *query)
{
    perfopt_value list = perfopt__build_list(b);
    for (int d = 0; d < PERFOPT__DASHBOARDS; d++) {
        perfopt_value item = perfopt__build_map(b);
        perfopt__put_text(b, item, "label", labels[d]);
        perfopt__put_printf(b, item, "href", "%s?window=%s", perfopt__dashboard_path(d),
                            query->window->id);
        perfopt__put_bool(b, item, "current", d == (int)query->which);
        perfopt__add(b, list, item);
    }
    return list;
}

static perfopt_value windows_value(perfopt__build *b, const perfopt__page_query *query)
{
    perfopt_value list = perfopt__build_list(b);
    for (size_t w = 0; w < PERFOPT__WINDOWS; w++) {
        perfopt_value item = perfopt__build_map(b);
        perfopt__put_text(b, item, "label", perfopt__windows[w].label);
        perfopt__put_text(b, item, "long", perfopt__windows[w].words);
        perfopt__put_printf(b, item, "href", "%s?window=%s", perfopt__dashboard_path(query->which),
                            perfopt__windows[w].id);
        perfopt__put_bool(b, item, "current", query->window == &perfopt__windows[w]);
        perfopt__add(b, list, item);
    }
    return list;
}

static bool has_firing(perfopt__build *b, perfopt_value alerts)
{
    size_t count = alerts.kind == PERFOPT_LIST ? perfopt_value_count(alerts) : 0;
    for (size_t i = 0; i < count; i++) {
        perfopt_value state = perfopt__at(perfopt_value_at(alerts, i), "state");
        if (strcmp(perfopt__text_of(b->arena, state), "firing") == 0)
            return true;
    }
    return false;
}

static bool is_down(perfopt__build *b, perfopt_value sources, const char *path)
{
    return strcmp(perfopt__text_of(b->arena, perfopt__at(sources, path)), "down") == 0;
}

static perfopt_value page_value(perfopt__build *b, const perfopt__page_query *query,
                                const perfopt__snapshot *snapshot, perfopt_value table)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt_value sources = perfopt__at(snapshot->value, "sources");
    perfopt__put_text(b, map, "name", perfopt__dashboard_names[query->which]);
    perfopt__put_text(b, map, "title", titles[query->which]);
    perfopt__put_text(b, map, "root", PERFOPT__ADMIN_ROOT);
    perfopt__put_printf(b, map, "back", "%s?window=%s", perfopt__dashboard_names[query->which],
                        query->window->id);
    perfopt__put_printf(b, map, "overview", "%s?window=%s",
                        perfopt__dashboard_path(PERFOPT__OVERVIEW), query->window->id);
    perfopt__put_text(b, map, "window_long", query->window->label);
    perfopt__put_bool(b, map, "firing", has_firing(b, perfopt__at(snapshot->value, "alerts")));
    perfopt__put_bool(b, map, "down",
                      is_down(b, sources, "redis.state") || is_down(b, sources, "postgres.state"));
    perfopt__put(b, map, "nav", nav_value(b, query));
    perfopt__put(b, map, "windows", windows_value(b, query));
    /* A row's link to its details keeps the table as it is. */
    const char *here = perfopt__text_of(b->arena, perfopt__at(table, "here"));
    perfopt__put_copy(b, map, "detail_base", perfopt_arena_printf(b->arena, "%s&detail=", here));
    return map;
}

static perfopt_value user_value(perfopt__build *b, const perfopt__visitor *v)
{
    char token[PERFOPT__CSRF_LENGTH + 1] = "";
    perfopt_value map = perfopt__build_map(b);
    bool may_act = v->who.role == PERFOPT_ADMIN_OPERATOR;
    if (may_act)
        perfopt__csrf_make(&v->admin->auth, &v->who, v->wall_ms / 1000, token);
    perfopt__put_copy(b, map, "name", v->who.name);
    perfopt__put_bool(b, map, "operator", may_act);
    perfopt__put_copy(b, map, "csrf", token);
    return map;
}

static perfopt_value static_value(perfopt__build *b, const perfopt_admin *admin)
{
    static const char *const files[][2] = {{"css", "dashboard.css"},
                                           {"js", "dashboard.js"},
                                           {"icon", "icon.svg"},
                                           {"uplot_js", "uplot.js"},
                                           {"uplot_css", "uplot.css"}};
    perfopt_value map = perfopt__build_map(b);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        perfopt__put_text(b, map, files[i][0], perfopt__static_url(admin, files[i][1]));
    return map;
}

static perfopt_value result_value(perfopt__build *b, perfopt__visitor *v, const char *id)
{
    perfopt__result result;
    if (!id || !perfopt__results_find(&v->admin->results, id, v->who.name, v->now_ms, &result))
        return perfopt_none();
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_bool(b, map, "ok", result.ok);
    perfopt__put_text(b, map, "title", result.ok ? "Done" : "Not done");
    perfopt__put_copy(b, map, "text", result.text);
    perfopt__put_copy(b, map, "action", result.action);
    perfopt__put_copy(b, map, "by", result.by);
    perfopt__put_copy(b, map, "value", result.value);
    perfopt__put_copy(b, map, "confirm", result.confirm);
    return map;
}

perfopt_value perfopt__page_context(perfopt__build *b, perfopt__visitor *v,
                                    const perfopt__page_query *query,
                                    const perfopt__snapshot *snapshot)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt_value table = table_value(b, query, snapshot);
    perfopt_value page = page_value(b, query, snapshot, table);
    perfopt__put(b, map, "s", snapshot->value);
    perfopt__put(b, map, "site", perfopt__at(snapshot->value, "site"));
    perfopt__put(b, map, "page", page);
    perfopt__put(b, map, "table", table);
    perfopt__put(
        b, map, "detail",
        detail_value(b, query, snapshot,
                     perfopt_arena_printf(b->arena, "%s#routes",
                                          perfopt__text_of(b->arena, perfopt__at(table, "here")))));
    perfopt__put(b, map, "user", user_value(b, v));
    perfopt__put(b, map, "static", static_value(b, v->admin));
    perfopt__put(b, map, "result", result_value(b, v, query->result));
    return map;
}
