/*
 * advice.c - gathering what the rules look at, running them, sorting what they say.
 */
#include "monitor/advice.h"

#include "base/memory.h"
#include "monitor/monitor_internal.h"
#include "monitor/text.h"

#include <math.h>
#include <string.h>

#define LAST_HOUR 3600

perfopt_recommendation *perfopt__advice_add(perfopt__advice *advice, const char *id,
                                            const char *severity, const char *title)
{
    if (advice->count == PERFOPT__ADVICE_MAX)
        return NULL;
    perfopt_recommendation *item = &advice->items[advice->count++];
    memset(item, 0, sizeof(*item));
    perfopt__format(item->id, sizeof(item->id), "%s", id);
    perfopt__format(item->severity, sizeof(item->severity), "%s", severity);
    perfopt__format(item->title, sizeof(item->title), "%s", title);
    return item;
}

static void move_severity(const perfopt__advice *from, const char *severity, perfopt__advice *to)
{
    for (size_t i = 0; i < from->count; i++) {
        if (strcmp(from->items[i].severity, severity) == 0)
            to->items[to->count++] = from->items[i];
    }
}

void perfopt__advice_run(const perfopt__advice_input *in, perfopt__advice *out)
{
    perfopt__advice found;
    found.count = 0;
    perfopt__advice_data(in, &found);
    perfopt__advice_site(in, &found);
    out->count = 0;
    move_severity(&found, "high", out);
    move_severity(&found, "warn", out);
    move_severity(&found, "info", out);
}

static void gather_pool(perfopt_monitor *monitor, perfopt__advice_input *in)
{
    enum { POINTS = 360 };
    double in_use[POINTS];
    int64_t t0;
    uint32_t step;
    size_t count = perfopt_monitor_get_series(monitor, PERFOPT_SERIES_POOL_IN_USE, LAST_HOUR,
                                              in_use, POINTS, &t0, &step);
    in->pool_peak = NAN;
    for (size_t i = 0; i < count; i++) {
        if (isnan(in_use[i]))
            continue;
        in->pool_points++;
        if (!(in->pool_peak >= in_use[i]))
            in->pool_peak = in_use[i];
    }
}

static void gather_vitals(perfopt_monitor *monitor, perfopt__advice_input *in)
{
    perfopt_vital_stats stats[PERFOPT__VITALS];
    in->vital_count = perfopt_monitor_get_vitals(monitor, stats, PERFOPT__VITALS);
    for (size_t v = 0; v < in->vital_count; v++) {
        perfopt__advice_vital *vital = &in->vitals[v];
        vital->stats = stats[v];
        uint32_t route = perfopt__vitals_worst_route(&monitor->vitals, (int)v, &vital->worst_p75);
        if (route) {
            const char *method, *template;
            perfopt__routes_name(monitor->routes, route, &method, &template);
            perfopt__format(vital->worst_route, sizeof(vital->worst_route), "%s", template);
        }
    }
}

static void gather(perfopt_monitor *monitor, perfopt__advice_input *in)
{
    pthread_mutex_lock(&monitor->sampling);
    if (monitor->source.read_details)
        monitor->source.read_details(monitor->source.user, &in->details);
    pthread_mutex_unlock(&monitor->sampling);
    perfopt_monitor_get_summary(monitor, LAST_HOUR, &in->summary);
    in->route_count =
        perfopt_monitor_get_routes(monitor, LAST_HOUR, false, in->routes, PERFOPT__ADVICE_ROUTES);
    perfopt_monitor_get_system(monitor, &in->system);
    perfopt_monitor_get_self(monitor, &in->self);
    gather_pool(monitor, in);
    gather_vitals(monitor, in);
}

size_t perfopt_monitor_get_recommendations(perfopt_monitor *monitor, perfopt_recommendation *out,
                                           size_t capacity)
{
    perfopt__advice_input *in = perfopt__calloc(1, sizeof(*in));
    perfopt__advice *advice = perfopt__malloc(sizeof(*advice));
    size_t count = 0;
    if (in && advice) {
        gather(monitor, in);
        perfopt__advice_run(in, advice);
        count = advice->count < capacity ? advice->count : capacity;
        memcpy(out, advice->items, count * sizeof(*out));
    }
    perfopt__free(in);
    perfopt__free(advice);
    return count;
}
