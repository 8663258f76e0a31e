/*
 * advice_site.c - rules about routes, templates, assets, browsers and the machine.
 */
#include "monitor/advice.h"
#include "monitor/text.h"

#include <math.h>
#include <perfopt/metrics.h>
#include <stdio.h>
#include <string.h>

#define U(x)      ((unsigned long long)(x))
#define EACH_RULE 3 /* routes told by one rule */

#define REASON(item, ...) perfopt__format((item)->reason, sizeof((item)->reason), __VA_ARGS__)
#define ACTION(item, ...) perfopt__format((item)->action, sizeof((item)->action), __VA_ARGS__)

/* ---- routes ------------------------------------------------------------------------------- */

static perfopt_recommendation *add_for_route(perfopt__advice *out, const char *id,
                                             const char *severity, const perfopt_route_stats *route,
                                             const char *what)
{
    char title[120];
    perfopt__format(title, sizeof(title), "%s %s %s", route->method, route->route, what);
    return perfopt__advice_add(out, id, severity, title);
}

static bool is_span(const perfopt_route_stats *route)
{
    return strcmp(route->method, "SPAN") == 0;
}

static bool n_plus_one(const perfopt_route_stats *s, perfopt__advice *out)
{
    if (s->n_plus_one == 0)
        return false;
    perfopt_recommendation *r =
        add_for_route(out, "n-plus-one", "warn", s, "runs one query again and again");
    if (r) {
        REASON(r,
               "%llu of %llu requests in the last hour ran one statement at least %d times; "
               "%.1f queries a request, at most %u, %.1f ms of database time.",
               U(s->n_plus_one), U(s->count), PERFOPT_N_PLUS_ONE_MIN, s->queries_per_request,
               s->most_queries, s->db_ms_per_request);
        ACTION(r, "Load the related rows with one query for all of them: perfopt_db_eager_load() "
                  "with = ANY($1), or a join.");
    }
    return true;
}

static bool over_budget(const perfopt_route_stats *s, perfopt__advice *out)
{
    if (s->over_query_budget == 0)
        return false;
    perfopt_recommendation *r =
        add_for_route(out, "query-budget", "warn", s, "sends more queries than allowed");
    if (r) {
        REASON(r,
               "%llu of %llu requests in the last hour were over their budget; %.1f queries a "
               "request, at most %u.",
               U(s->over_query_budget), U(s->count), s->queries_per_request, s->most_queries);
        ACTION(r, "Cache query results with PERFOPT_CACHE_QUERY_RESULT, or the whole page with "
                  "PERFOPT_CACHE_WITH_ARGS.");
    }
    return true;
}

static bool failing(const perfopt_route_stats *s, perfopt__advice *out)
{
    if (s->count < 20 || s->status_5xx * 100 < s->count)
        return false;
    bool bad = s->status_5xx * 20 >= s->count;
    perfopt_recommendation *r =
        add_for_route(out, "error-ratio", bad ? "high" : "warn", s, "fails");
    if (r) {
        REASON(r, "%llu of %llu requests in the last hour (%.1f %%) ended with a 5xx status.",
               U(s->status_5xx), U(s->count), 100 * (double)s->status_5xx / (double)s->count);
        ACTION(r, "Look for the errors in the server's log at these times.");
    }
    return true;
}

static bool abandoned(const perfopt_route_stats *s, perfopt__advice *out)
{
    if (s->count < 50 || s->aborted * 20 < s->count)
        return false;
    perfopt_recommendation *r =
        add_for_route(out, "clients-leave", "info", s, "is given up by its clients");
    if (r) {
        REASON(r,
               "%llu of %llu clients left before the answer was complete; 95 %% of the answers "
               "took up to %.0f ms.",
               U(s->aborted), U(s->count), s->p95_ms);
        ACTION(r, "Make the route faster, or send its first part earlier.");
    }
    return true;
}

static bool slow_route(const perfopt_route_stats *s, perfopt__advice *out)
{
    if (s->count < 20 || s->slow * 20 < s->count)
        return false;
    perfopt_recommendation *r = add_for_route(out, "slow-route", "warn", s, "is slow");
    if (r) {
        const char *most = s->db_ms_per_request * 2 > s->mean_ms       ? "the database"
                           : s->render_ms_per_request * 2 > s->mean_ms ? "rendering"
                                                                       : "its own work";
        REASON(r,
               "%llu of %llu requests in the last hour were above the threshold; 95 %% took up "
               "to %.0f ms. Of %.1f ms on average, %.1f ms are database and %.1f ms rendering.",
               U(s->slow), U(s->count), s->p95_ms, s->mean_ms, s->db_ms_per_request,
               s->render_ms_per_request);
        ACTION(r, "Most of the time goes to %s: begin there.", most);
    }
    return true;
}

static bool uncached_page(const perfopt_route_stats *s, perfopt__advice *out)
{
    if (strcmp(s->method, "GET") != 0 || s->count < 100 || s->page_cache_ratio > 0 ||
        !(s->time_share >= 0.1) || s->mean_ms < 1)
        return false;
    perfopt_recommendation *r =
        add_for_route(out, "page-cache-unused", "info", s, "is busy and not cached");
    if (r) {
        REASON(r,
               "%llu requests in the last hour took %.1f ms on average, %.0f %% of all request "
               "time, none answered by the page cache.",
               U(s->count), s->mean_ms, 100 * s->time_share);
        ACTION(r, "If its answer is the same for many visitors, wrap it in "
                  "PERFOPT_CACHE_WITH_ARGS, even with a lifetime of seconds.");
    }
    return true;
}

static void route_rules(const perfopt__advice_input *in, perfopt__advice *out)
{
    static bool (*const rules[])(const perfopt_route_stats *, perfopt__advice *) = {
        failing, n_plus_one, over_budget, slow_route, abandoned, uncached_page};
    for (size_t rule = 0; rule < sizeof(rules) / sizeof(rules[0]); rule++) {
        int told = 0;
        for (size_t i = 0; i < in->route_count && told < EACH_RULE; i++) {
            if (!is_span(&in->routes[i]))
                told += rules[rule](&in->routes[i], out);
        }
    }
    if (in->self.overflowed == 0)
        return;
    perfopt_recommendation *r = perfopt__advice_add(out, "routes-overflow", "info",
                                                    "There are more routes than can be told apart");
    if (r) {
        REASON(r, "%llu requests were counted under \"(other)\".", U(in->self.overflowed));
        ACTION(r, "Raise max_routes, or use templates such as /news/{id} for paths with ids.");
    }
}

/* ---- templates ---------------------------------------------------------------------------- */

static void template_rules(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_render_stats *s = &in->details.now.ssr;
    perfopt_recommendation *r = NULL;
    if (!in->details.now.has_ssr || s->renders < 100)
        return;
    if (!s->cache_enabled) {
        r = perfopt__advice_add(out, "template-cache-off", "high",
                                "Templates are compiled for every render");
        if (r) {
            REASON(r, "The template cache is off: %llu compilations for %llu renders took %.0f ms.",
                   U(s->compiles), U(s->renders), (double)s->compile_ns / 1e6);
            ACTION(r, "Remove TEMPLATE_CACHE_ENABLED=0.");
        }
    } else if (s->templates > 0 && s->compiles > 3 * (uint64_t)s->templates) {
        r = perfopt__advice_add(out, "template-recompiles", "warn",
                                "Templates are compiled again and again");
        if (r) {
            REASON(r, "%llu compilations for %u templates, %llu of them because a file changed.",
                   U(s->compiles), s->templates, U(s->reloads));
            ACTION(r, s->auto_reload ? "Switch auto_reload off in production (APP_ENV=production)."
                                     : "Raise max_templates above the number of templates in use.");
        }
    }
    if (s->p95_ns > 50000000 && s->fragment_hits + s->fragment_misses == 0) {
        r = perfopt__advice_add(out, "fragments-unused", "info",
                                "Renders are slow and no fragment is cached");
        if (r) {
            REASON(r,
                   "95 %% of %llu renders took up to %.0f ms; the fragment cache was never "
                   "asked.",
                   U(s->renders), (double)s->p95_ns / 1e6);
            ACTION(r, "Cache the parts that change rarely (menus, lists) with render_partial and a "
                      "key.");
        }
    }
    if (s->render_errors * 100 > s->renders) {
        r = perfopt__advice_add(out, "render-errors", "high", "Templates fail");
        if (r) {
            REASON(r, "%llu of %llu renders ended with an error.", U(s->render_errors),
                   U(s->renders));
            ACTION(r, "The log names template, line and column.");
        }
    }
}

/* ---- assets ------------------------------------------------------------------------------- */

static void asset_state(const perfopt_assets_stats *a, perfopt__advice *out)
{
    perfopt_recommendation *r;
    if (a->missing &&
        (r = perfopt__advice_add(out, "assets-missing", "high", "Built assets are gone")) != NULL) {
        REASON(r, "%u of %u assets are in the manifest, but not on disk.", a->missing, a->assets);
        ACTION(r, "Run `perfopt precompile`.");
    }
    if (a->stale && (r = perfopt__advice_add(out, "assets-stale", "warn",
                                             "Assets changed since they were built")) != NULL) {
        REASON(r, "%u of %u assets are older than their source.", a->stale, a->assets);
        ACTION(r, "Run `perfopt precompile`, and make it a step of the deployment.");
    }
    if (a->not_found * 20 > a->requests && a->not_found >= 20 &&
        (r = perfopt__advice_add(out, "assets-not-found", "warn",
                                 "Pages ask for assets that do not exist")) != NULL) {
        REASON(r,
               "%llu of %llu asset requests ended with 404; %llu times a template named an "
               "unknown asset.",
               U(a->not_found), U(a->requests), U(a->unknown_names));
        ACTION(r, "Write asset URLs with asset_url() so that names are checked.");
    }
}

static void asset_rules(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_assets_stats *a = &in->details.assets;
    perfopt_recommendation *r;
    if (!in->details.has_assets)
        return;
    if (a->last_precompile_s == 0) {
        r = perfopt__advice_add(out, "assets-not-precompiled", "warn",
                                "Assets were never precompiled");
        if (r) {
            REASON(r, "There is no manifest: files are sent as they are, %llu requests so far.",
                   U(a->requests));
            ACTION(r, "Run `perfopt precompile`: minified, compressed and cached for a year.");
        }
        return;
    }
    asset_state(a, out);
    if (a->assets >= 3 && a->with_gzip == 0 && a->minified_bytes > 50 * 1024 &&
        (r = perfopt__advice_add(out, "assets-no-gzip", "warn",
                                 "No asset has a compressed variant")) != NULL) {
        char bytes[24];
        REASON(r, "%u assets, %s, are always sent uncompressed.", a->assets,
               perfopt__format_bytes(a->minified_bytes, bytes));
        ACTION(r, "Switch compression on (ASSET_COMPRESSION_ENABLED) and precompile again.");
    }
}

/* ---- browsers ----------------------------------------------------------------------------- */

static const char *vital_action(const char *name)
{
    if (strcmp(name, "LCP") == 0)
        return "Preload the largest image, send it in the right size, and do not load it lazily.";
    if (strcmp(name, "INP") == 0)
        return "Split long scripts and load what is not needed at once later.";
    if (strcmp(name, "CLS") == 0)
        return "Give images, frames and late content a fixed size.";
    if (strcmp(name, "TTFB") == 0)
        return "Cache the page, and look at the slow routes and queries.";
    return "Move blocking scripts and styles out of the head; inline the critical CSS.";
}

static void vital_rules(const perfopt__advice_input *in, perfopt__advice *out)
{
    for (size_t i = 0; i < in->vital_count; i++) {
        const perfopt__advice_vital *v = &in->vitals[i];
        if (v->stats.count < 20 || !(v->stats.p75 > v->stats.good))
            continue;
        bool poor = v->stats.p75 > v->stats.poor;
        char title[120];
        snprintf(title, sizeof(title), "%s %s in browsers", v->stats.name,
                 poor ? "is poor" : "could be better");
        perfopt_recommendation *r =
            perfopt__advice_add(out, "web-vital", poor ? "warn" : "info", title);
        if (!r)
            return;
        bool score = strcmp(v->stats.name, "CLS") == 0;
        int digits = score ? 2 : 0;
        const char *unit = score ? "" : " ms";
        REASON(r, "75 %% of %llu visits saw up to %.*f%s; good is up to %.*f%s%s%s.",
               U(v->stats.count), digits, v->stats.p75, unit, score ? 1 : 0, v->stats.good, unit,
               v->worst_route[0] ? ". Worst: " : "", v->worst_route);
        ACTION(r, "%s", vital_action(v->stats.name));
    }
}

/* ---- machine ------------------------------------------------------------------------------ */

static void memory_rule(const perfopt_system *s, perfopt__advice *out)
{
    if (s->memory_limit_bytes == 0 ||
        (double)s->memory_used_bytes < 0.7 * (double)s->memory_limit_bytes)
        return;
    double share = (double)s->memory_used_bytes / (double)s->memory_limit_bytes;
    perfopt_recommendation *r = perfopt__advice_add(
        out, "memory-near-limit", share >= 0.8 ? "high" : "warn", "Memory is near its limit");
    if (!r)
        return;
    char used[24], limit[24], rss[24];
    REASON(r, "%.0f %% in use: %s of %s (%s), %s of it resident in this process.", 100 * share,
           perfopt__format_bytes(s->memory_used_bytes, used),
           perfopt__format_bytes(s->memory_limit_bytes, limit), s->memory_source,
           perfopt__format_bytes(s->rss_bytes, rss));
    ACTION(r, "Lower cache max_bytes, or raise the limit.");
}

static void files_rule(const perfopt_system *s, perfopt__advice *out)
{
    if (s->max_fds == 0 || s->open_fds < 0.8 * s->max_fds)
        return;
    perfopt_recommendation *r =
        perfopt__advice_add(out, "files-near-limit", "high", "File descriptors are running out");
    if (!r)
        return;
    REASON(r, "%u of %u are open.", s->open_fds, s->max_fds);
    ACTION(r, "Raise the limit (ulimit -n, LimitNOFILE=), and look for connections that are never "
              "closed.");
}

static void disk_rules(const perfopt_system *s, perfopt__advice *out)
{
    for (uint32_t i = 0; i < s->disk_count; i++) {
        const perfopt_system_disk *d = &s->disks[i];
        if (d->total_bytes == 0 || d->free_bytes * 10 >= d->total_bytes)
            continue;
        perfopt_recommendation *r = perfopt__advice_add(
            out, "disk-full", d->free_bytes * 20 < d->total_bytes ? "high" : "warn",
            "A disk is nearly full");
        if (!r)
            return;
        char free_bytes[24], total[24];
        REASON(r, "%s: %s of %s are free.", d->path,
               perfopt__format_bytes(d->free_bytes, free_bytes),
               perfopt__format_bytes(d->total_bytes, total));
        ACTION(r, "Make room: old logs and old builds first.");
    }
}

static void cpu_rule(const perfopt_system *s, perfopt__advice *out)
{
    bool busy = s->process_cpu_ratio >= 0.85, waiting = s->psi_cpu >= 20;
    if (!busy && !waiting)
        return;
    perfopt_recommendation *r =
        perfopt__advice_add(out, "cpu-saturated", "warn", "There is not enough CPU");
    if (!r)
        return;
    REASON(r,
           "The process uses %.0f %% of its %.1f CPUs, the machine %.0f %%; tasks wait for a "
           "CPU %.0f %% of the time; load %.1f.",
           100 * s->process_cpu_ratio, s->cpu_limit, 100 * s->host_cpu_ratio, s->psi_cpu, s->load1);
    ACTION(r, "Cache what the first routes of the table compute, or add CPUs.");
}

void perfopt__advice_site(const perfopt__advice_input *in, perfopt__advice *out)
{
    memory_rule(&in->system, out);
    files_rule(&in->system, out);
    disk_rules(&in->system, out);
    cpu_rule(&in->system, out);
    route_rules(in, out);
    template_rules(in, out);
    asset_rules(in, out);
    vital_rules(in, out);
}
