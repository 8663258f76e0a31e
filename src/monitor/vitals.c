/*
 * vitals.c - reading beacons and adding them up.
 */
#include "monitor/vitals.h"

#include "base/memory.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_ROUTE_HISTOGRAMS 256
#define MIN_ROUTE_VALUES     20

/* Thresholds as web.dev/articles/vitals gives them; `scale` turns a value into histogram units. */
static const struct {
    const char *name;
    double good, poor, max, scale;
} kinds[PERFOPT__VITALS] = {
    {"LCP", 2500, 4000, 600000, 1e6}, {"INP", 200, 500, 600000, 1e6},
    {"CLS", 0.1, 0.25, 100, 1e9},     {"TTFB", 800, 1800, 600000, 1e6},
    {"FCP", 1800, 3000, 600000, 1e6},
};

const char *perfopt__vital_name(int vital)
{
    return kinds[vital].name;
}

perfopt_status perfopt__vitals_init(perfopt__vitals *vitals, uint32_t max_routes)
{
    memset(vitals, 0, sizeof(*vitals));
    vitals->max_routes = max_routes;
    vitals->by_route =
        perfopt__calloc(((size_t)max_routes + 1) * PERFOPT__VITALS, sizeof(*vitals->by_route));
    if (!vitals->by_route)
        return PERFOPT_ENOMEM;
    pthread_mutex_init(&vitals->lock, NULL);
    return PERFOPT_OK;
}

void perfopt__vitals_finish(perfopt__vitals *vitals)
{
    if (!vitals->by_route)
        return;
    for (size_t i = 0; i < ((size_t)vitals->max_routes + 1) * PERFOPT__VITALS; i++)
        perfopt__free(vitals->by_route[i]);
    perfopt__free(vitals->by_route);
    pthread_mutex_destroy(&vitals->lock);
    memset(vitals, 0, sizeof(*vitals));
}

/* ---- a beacon ----------------------------------------------------------------------------- */

typedef struct reading {
    int vital;
    double value;
    uint32_t route; /* 0 = "(other)" */
} reading;

/* Nesting is checked before the parser recurses. */
static bool is_shallow(const char *body, size_t length)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char c = body[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > PERFOPT__BEACON_DEEP)
                return false;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return true;
}

static perfopt_status read_one(perfopt__routes *routes, const json_t *item, reading *out)
{
    const json_t *name = json_object_get(item, "name");
    const json_t *value = json_object_get(item, "value");
    const json_t *id = json_object_get(item, "id");
    const json_t *route = json_object_get(item, "route");
    if (!json_is_string(name) || !json_is_number(value) || (id && !json_is_string(id)) ||
        (route && !json_is_string(route)))
        return PERFOPT_ESYNTAX;
    int vital = 0;
    while (vital < PERFOPT__VITALS && strcmp(json_string_value(name), kinds[vital].name) != 0)
        vital++;
    double number = json_number_value(value);
    if (vital == PERFOPT__VITALS || !(number >= 0 && number <= kinds[vital].max))
        return PERFOPT_ERANGE;
    *out = (reading){.vital = vital, .value = number};
    if (route)
        out->route =
            perfopt__routes_find(routes, json_string_value(route), json_string_length(route));
    return PERFOPT_OK;
}

static perfopt__histogram *of_route(perfopt__vitals *vitals, uint32_t route, int vital)
{
    if (route > vitals->max_routes)
        return NULL;
    perfopt__histogram **place = &vitals->by_route[(size_t)route * PERFOPT__VITALS + (size_t)vital];
    if (!*place && vitals->allocated < MAX_ROUTE_HISTOGRAMS) {
        *place = perfopt__calloc(1, sizeof(**place));
        vitals->allocated += *place != NULL;
    }
    return *place;
}

static void record(perfopt__vitals *vitals, const reading *r)
{
    int64_t units = llround(r->value * kinds[r->vital].scale);
    perfopt__histogram_record(&vitals->total[r->vital], units);
    perfopt__histogram_record(&vitals->since_reset[r->vital], units);
    perfopt__histogram *route = of_route(vitals, r->route, r->vital);
    if (route)
        perfopt__histogram_record(route, units);
}

perfopt_status perfopt__vitals_beacon(perfopt__vitals *vitals, perfopt__routes *routes,
                                      const char *body, size_t length)
{
    enum { MOST = PERFOPT__BEACON_MAX / 24 }; /* {"name":"CLS","value":0} is 24 bytes long */
    reading readings[MOST];
    if (length > PERFOPT__BEACON_MAX)
        return PERFOPT_ELIMIT;
    if (!is_shallow(body, length))
        return PERFOPT_ESYNTAX;
    json_t *json = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
    size_t count = json_is_array(json) ? json_array_size(json) : 1;
    perfopt_status status =
        json_is_array(json) || json_is_object(json) ? PERFOPT_OK : PERFOPT_ESYNTAX;
    if (count > MOST)
        status = PERFOPT_ESYNTAX; /* elements that are too short to be one of ours */
    for (size_t i = 0; i < count && status == PERFOPT_OK; i++)
        status =
            read_one(routes, json_is_array(json) ? json_array_get(json, i) : json, &readings[i]);
    json_decref(json);
    if (status != PERFOPT_OK)
        return status;
    pthread_mutex_lock(&vitals->lock);
    for (size_t i = 0; i < count; i++)
        record(vitals, &readings[i]);
    pthread_mutex_unlock(&vitals->lock);
    return PERFOPT_OK;
}

/* ---- reading ------------------------------------------------------------------------------ */

static double p75_of(const perfopt__histogram *h, int vital)
{
    return h->count ? (double)perfopt__histogram_quantile(h, 0.75) / kinds[vital].scale : NAN;
}

size_t perfopt__vitals_read(perfopt__vitals *vitals, perfopt_vital_stats *out, size_t capacity)
{
    size_t count = 0;
    pthread_mutex_lock(&vitals->lock);
    for (int v = 0; v < PERFOPT__VITALS && count < capacity; v++) {
        perfopt_vital_stats *stats = &out[count++];
        memset(stats, 0, sizeof(*stats));
        snprintf(stats->name, sizeof(stats->name), "%s", kinds[v].name);
        stats->count = vitals->since_reset[v].count;
        stats->p75 = p75_of(&vitals->since_reset[v], v);
        stats->good = kinds[v].good;
        stats->poor = kinds[v].poor;
    }
    pthread_mutex_unlock(&vitals->lock);
    return count;
}

uint32_t perfopt__vitals_worst_route(perfopt__vitals *vitals, int vital, double *p75)
{
    uint32_t worst = 0;
    *p75 = 0;
    pthread_mutex_lock(&vitals->lock);
    for (uint32_t r = 1; r <= vitals->max_routes; r++) {
        const perfopt__histogram *h = vitals->by_route[(size_t)r * PERFOPT__VITALS + (size_t)vital];
        if (!h || h->count < MIN_ROUTE_VALUES || p75_of(h, vital) <= *p75)
            continue;
        worst = r;
        *p75 = p75_of(h, vital);
    }
    pthread_mutex_unlock(&vitals->lock);
    return worst;
}

void perfopt__vitals_total(perfopt__vitals *vitals, int vital, uint64_t *count, double *sum,
                           double *p75)
{
    pthread_mutex_lock(&vitals->lock);
    const perfopt__histogram *h = &vitals->total[vital];
    double unit = kinds[vital].scale == 1e6 ? 1e-3 : 1; /* ms to s */
    *count = h->count;
    *sum = (double)h->sum_ns / kinds[vital].scale * unit;
    *p75 = p75_of(h, vital) * unit;
    pthread_mutex_unlock(&vitals->lock);
}

void perfopt__vitals_reset(perfopt__vitals *vitals)
{
    pthread_mutex_lock(&vitals->lock);
    memset(vitals->since_reset, 0, sizeof(vitals->since_reset));
    for (size_t i = 0; i < ((size_t)vitals->max_routes + 1) * PERFOPT__VITALS; i++) {
        if (vitals->by_route[i])
            memset(vitals->by_route[i], 0, sizeof(*vitals->by_route[i]));
    }
    pthread_mutex_unlock(&vitals->lock);
}

uint64_t perfopt__vitals_bytes(const perfopt__vitals *vitals)
{
    return sizeof(*vitals) + vitals->allocated * sizeof(perfopt__histogram) +
           ((uint64_t)vitals->max_routes + 1) * PERFOPT__VITALS * sizeof(*vitals->by_route);
}
