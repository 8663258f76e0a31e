/*
 * collect_ssr.c - the template dashboard: totals, indicators with their rules, templates, browser
 * timing.
 */
#include "admin/collect.h"

#include "admin/format.h"

#include <math.h>
#include <stdio.h>

#define MAX_TEMPLATES 400
#define MAX_ROUTES    200

/* ---- tiles --------------------------------------------------------------------------------- */

/* Rendering's share of the time of all requests in the window; NAN without requests. */
static double render_share(perfopt__build *b, const perfopt__collect_in *in)
{
    perfopt_route_stats *routes = perfopt__collect_array(b, MAX_ROUTES, sizeof(*routes));
    size_t count = routes ? perfopt_monitor_get_routes(in->sources->monitor, in->window->seconds,
                                                       false, routes, MAX_ROUTES)
                          : 0;
    double render_ms = 0, all_ms = 0;
    for (size_t i = 0; i < count; i++) {
        double n = (double)routes[i].count;
        if (isfinite(routes[i].mean_ms) && isfinite(routes[i].render_ms_per_request)) {
            render_ms += n * routes[i].render_ms_per_request;
            all_ms += n * routes[i].mean_ms;
        }
    }
    return all_ms > 0 ? fmin(render_ms / all_ms, 1) : NAN;
}

static double ns_or_none(const perfopt_render_stats *s, int64_t ns)
{
    return s->renders ? (double)ns / 1e6 : NAN;
}

static perfopt_value tiles_value(perfopt__build *b, const perfopt__collect_in *in,
                                 const perfopt_render_stats *s)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_int(b, map, "renders", s->renders);
    perfopt__put_int(b, map, "render_errors", s->render_errors);
    perfopt__put_number(b, map, "p50_ms", ns_or_none(s, s->p50_ns));
    perfopt__put_number(b, map, "p95_ms", ns_or_none(s, s->p95_ns));
    perfopt__put_number(b, map, "p99_ms", ns_or_none(s, s->p99_ns));
    perfopt__put_number(b, map, "max_ms", ns_or_none(s, s->max_ns));
    perfopt__put_ratio(b, map, "template_hit_ratio", s->template_hits,
                       s->template_hits + s->template_misses);
    perfopt__put_ratio(b, map, "fragment_hit_ratio", s->fragment_hits,
                       s->fragment_hits + s->fragment_misses);
    perfopt__put_int(b, map, "compiles", s->compiles);
    perfopt__put_int(b, map, "compile_errors", s->compile_errors);
    perfopt__put_int(b, map, "reloads", s->reloads);
    perfopt__put_int(b, map, "templates", s->templates);
    perfopt__put_int(b, map, "output_bytes", s->output_bytes);
    perfopt__put_ratio(b, map, "avg_output_bytes", s->output_bytes, s->renders);
    perfopt__put_number(b, map, "render_share", render_share(b, in));
    return map;
}

/* ---- indicators ---------------------------------------------------------------------------- */

typedef struct indicator {
    const char *id, *label, *rule, *advice;
    double value;
    perfopt__format_fn format;
    bool bad;           /* the rule is broken */
    const char *broken; /* state then: "warn" or "bad" */
} indicator;

static void add_indicator(perfopt__build *b, perfopt_value list, const indicator *i)
{
    char text[PERFOPT__FORMAT] = "";
    perfopt_value map = perfopt__build_map(b);
    bool known = isfinite(i->value);
    if (known)
        i->format(i->value, text);
    perfopt__put_text(b, map, "id", i->id);
    perfopt__put_text(b, map, "label", i->label);
    perfopt__put_text(b, map, "state", !known ? "none" : i->bad ? i->broken : "good");
    perfopt__put_number(b, map, "value", i->value);
    perfopt__put_copy(b, map, "text", text);
    perfopt__put_text(b, map, "rule", i->rule);
    perfopt__put_text(b, map, "advice", known && i->bad ? i->advice : NULL);
    perfopt__add(b, list, map);
}

static char *format_switch(double x, char out[PERFOPT__FORMAT])
{
    snprintf(out, PERFOPT__FORMAT, "%s", x > 0 ? "on" : "off");
    return out;
}

static double ratio_of(uint64_t part, uint64_t rest)
{
    return part + rest ? (double)part / (double)(part + rest) : NAN;
}

static perfopt_value indicators_value(perfopt__build *b, const perfopt_render_stats *s)
{
    perfopt_value list = perfopt__build_list(b);
    double fragments = ratio_of(s->fragment_hits, s->fragment_misses);
    double templates = ratio_of(s->template_hits, s->template_misses);
    double p95_ms = ns_or_none(s, s->p95_ns);
    double output = s->renders ? (double)s->output_bytes / (double)s->renders : NAN;
    const indicator rules[] = {
        {"render-p95", "Render time p95", "at most 50 ms",
         "The templates table shows which one takes it; cache its parts.", p95_ms,
         perfopt__format_ms, p95_ms > 50, "warn"},
        {"fragment-hit-rate", "Fragment cache hit rate", "at least 70 %",
         "Lifetimes may be too short, or keys too fine.", fragments, perfopt__format_percent,
         fragments < 0.7, "warn"},
        {"template-reuse", "Renders from a compiled template", "at least 95 % after the start",
         "The template cache is too small, or switched off.", templates, perfopt__format_percent,
         templates < 0.95, "warn"},
        {"reloads", "Compiled again because a file changed", "none in production",
         "Reloading is meant for development.", (double)s->reloads, perfopt__format_count,
         s->reloads > 0, "warn"},
        {"compile-errors", "Templates that do not compile", "none",
         "The log names file, line and column.", (double)s->compile_errors, perfopt__format_count,
         s->compile_errors > 0, "bad"},
        {"render-errors", "Renders that failed", "none", "The log names file and line.",
         (double)s->render_errors, perfopt__format_count, s->render_errors > 0, "bad"},
        {"output-size", "Average output", "at most 512 KiB", "Split the page, or list less.",
         output, perfopt__format_size, output > 512 * 1024, "warn"},
        {"template-cache", "Template cache", "on in production",
         "Every render compiles. Set TEMPLATE_CACHE_ENABLED=1.", s->cache_enabled, format_switch,
         !s->cache_enabled, "warn"},
        {"auto-reload", "Reload of changed files", "off in production",
         "Every render looks at the file. Set APP_ENV=production.", s->auto_reload, format_switch,
         s->auto_reload, "warn"},
        {"seo", "Search-engine markup", "on", "Set SSR_SEO_OPTIMIZATION=1.", s->seo_enabled,
         format_switch, !s->seo_enabled, "warn"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        add_indicator(b, list, &rules[i]);
    return list;
}

/* ---- browser timing ------------------------------------------------------------------------ */

static const char *vital_name(const char *name)
{
    static const char *const names[][2] = {
        {"LCP", "Largest Contentful Paint"}, {"INP", "Interaction to Next Paint"},
        {"CLS", "Cumulative Layout Shift"},  {"TTFB", "Time to First Byte"},
        {"FCP", "First Contentful Paint"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    }
    return name;
}

static perfopt_value vitals_value(perfopt__build *b, perfopt_monitor *monitor)
{
    perfopt_value list = perfopt__build_list(b);
    perfopt_vital_stats vitals[8];
    size_t count = perfopt_monitor_get_vitals(monitor, vitals, 8);
    for (size_t i = 0; i < count; i++) {
        const perfopt_vital_stats *v = &vitals[i];
        if (v->count == 0)
            continue;
        perfopt_value map = perfopt__build_map(b);
        perfopt__put_copy(b, map, "name", v->name);
        perfopt__put_copy(b, map, "long", vital_name(v->name));
        perfopt__put_int(b, map, "count", v->count);
        perfopt__put_number(b, map, "p75", v->p75);
        perfopt__put_number(b, map, "good", v->good);
        perfopt__put_number(b, map, "poor", v->poor);
        perfopt__put_text(b, map, "state",
                          v->p75 > v->poor   ? "bad"
                          : v->p75 > v->good ? "warn"
                                             : "good");
        perfopt__add(b, list, map);
    }
    return list;
}

/* ---- templates ----------------------------------------------------------------------------- */

static perfopt_value template_value(perfopt__build *b, const perfopt_template_stats *t,
                                    int64_t all_ns)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt__put(b, map, "name", perfopt_string(t->name));
    perfopt__put_int(b, map, "renders", t->renders);
    perfopt__put_int(b, map, "cached", t->cached);
    perfopt__put_ratio(b, map, "cached_ratio", t->cached, t->renders + t->cached);
    perfopt__put_number(b, map, "p50_ms", t->renders ? (double)t->p50_ns / 1e6 : NAN);
    perfopt__put_number(b, map, "p95_ms", t->renders ? (double)t->p95_ns / 1e6 : NAN);
    perfopt__put_number(b, map, "max_ms", t->renders ? (double)t->max_ns / 1e6 : NAN);
    perfopt__put_ms(b, map, "total_ms", t->total_ns);
    perfopt__put_number(b, map, "time_share",
                        all_ns > 0 ? fmin((double)t->total_ns / (double)all_ns, 1) : NAN);
    perfopt__put_int(b, map, "compiles", t->compiles);
    perfopt__put_ms(b, map, "compile_ms", t->compile_ns);
    perfopt__put_ratio(b, map, "avg_output_bytes", t->output_bytes, t->renders);
    perfopt__put_text(b, map, "included_by", t->included_by);
    return map;
}

static perfopt_value templates_value(perfopt__build *b, perfopt_ssr *ssr, int64_t all_ns)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt_value rows = perfopt__build_list(b);
    perfopt_template_stats *stats = perfopt__collect_array(b, MAX_TEMPLATES, sizeof(*stats));
    size_t count = stats ? perfopt_ssr_get_templates(ssr, stats, MAX_TEMPLATES) : 0;
    for (size_t i = 0; i < count; i++)
        perfopt__add(b, rows, template_value(b, &stats[i], all_ns));
    perfopt__put_int(b, map, "total", count);
    perfopt__put(b, map, "rows", rows);
    return map;
}

void perfopt__collect_ssr(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    static const perfopt__series_name names[] = {{PERFOPT_SERIES_RENDER_P95_MS, "render_p95_ms"}};
    perfopt_ssr *ssr = in->sources->ssr;
    if (!ssr) {
        perfopt_value templates = perfopt__build_map(b);
        perfopt__put_int(b, templates, "total", 0);
        perfopt__put(b, templates, "rows", perfopt__build_list(b));
        perfopt__put(b, map, "tiles", perfopt_none());
        perfopt__put(b, map, "indicators", perfopt__build_list(b));
        perfopt__put(b, map, "templates", templates);
    } else {
        perfopt_render_stats stats;
        perfopt_ssr_get_render_stats(ssr, &stats);
        perfopt__put(b, map, "tiles", tiles_value(b, in, &stats));
        perfopt__put(b, map, "indicators", indicators_value(b, &stats));
        perfopt__put(b, map, "templates", templates_value(b, ssr, stats.render_ns));
    }
    perfopt__put(b, map, "vitals", vitals_value(b, in->sources->monitor));
    perfopt__put(b, map, "series", perfopt__collect_series(b, in, names, 1));
}
