/*
 * windows.c - rings of packed steps and of points, fed from one open tally. The caller locks.
 */
#include "monitor/windows.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

static const struct {
    uint32_t step_ms, capacity;
} ring_sizes[PERFOPT__RINGS] = {{10000, 30}, {60000, 60}, {600000, 48}, {3600000, 72}},
  series_sizes[PERFOPT__SERIES_RINGS] = {{10000, 360}, {60000, 480}, {600000, 432}};

/* ---- lifecycle ---------------------------------------------------------------------------- */

static perfopt_status init_rings(perfopt__windows *w)
{
    for (int i = 0; i < PERFOPT__RINGS; i++) {
        perfopt__ring *ring = &w->rings[i];
        ring->step_ms = ring_sizes[i].step_ms;
        ring->capacity = ring_sizes[i].capacity;
        ring->steps = perfopt__calloc(ring->capacity, sizeof(*ring->steps));
        if (!ring->steps)
            return PERFOPT_ENOMEM;
    }
    for (int i = 0; i < PERFOPT__SERIES_RINGS; i++) {
        perfopt__series_ring *ring = &w->series[i];
        ring->step_ms = series_sizes[i].step_ms;
        ring->capacity = series_sizes[i].capacity;
        ring->points = perfopt__calloc(ring->capacity, sizeof(*ring->points));
        if (!ring->points)
            return PERFOPT_ENOMEM;
    }
    return PERFOPT_OK;
}

perfopt_status perfopt__windows_init(perfopt__windows *windows, uint32_t render_route,
                                     uint64_t max_bytes, bool (*is_span)(void *, uint32_t),
                                     void *user)
{
    *windows = (perfopt__windows){
        .render_route = render_route, .max_bytes = max_bytes, .is_span = is_span, .user = user};
    if (perfopt__tally_init(&windows->open, render_route + 1) != PERFOPT_OK ||
        perfopt__tally_init(&windows->scratch, render_route + 1) != PERFOPT_OK ||
        init_rings(windows) != PERFOPT_OK) {
        perfopt__windows_finish(windows);
        return PERFOPT_ENOMEM;
    }
    perfopt__windows_clear(windows);
    return PERFOPT_OK;
}

static void drop_steps(perfopt__ring *ring)
{
    for (uint32_t i = 0; ring->steps && i < ring->capacity; i++) {
        perfopt__free(ring->steps[i]);
        ring->steps[i] = NULL;
    }
    ring->bytes = 0;
}

void perfopt__windows_finish(perfopt__windows *windows)
{
    perfopt__tally_finish(&windows->open);
    perfopt__tally_finish(&windows->scratch);
    for (int i = 0; i < PERFOPT__RINGS; i++) {
        drop_steps(&windows->rings[i]);
        perfopt__free(windows->rings[i].steps);
    }
    for (int i = 0; i < PERFOPT__SERIES_RINGS; i++)
        perfopt__free(windows->series[i].points);
    *windows = (perfopt__windows){0};
}

static void clear_gauges(perfopt__windows *w)
{
    w->gauge_sums = (perfopt__gauges){0};
    memset(w->gauge_counts, 0, sizeof(w->gauge_counts));
}

void perfopt__windows_clear(perfopt__windows *windows)
{
    perfopt__tally_clear(&windows->open);
    windows->open_slot = -1;
    clear_gauges(windows);
    for (int i = 0; i < PERFOPT__RINGS; i++)
        drop_steps(&windows->rings[i]);
    for (int i = 0; i < PERFOPT__SERIES_RINGS; i++) {
        for (uint32_t p = 0; p < windows->series[i].capacity; p++)
            windows->series[i].points[p].slot = -1;
    }
}

static uint64_t step_bytes(const perfopt__windows *w)
{
    uint64_t bytes = 0;
    for (int i = 0; i < PERFOPT__RINGS; i++)
        bytes += w->rings[i].bytes;
    return bytes;
}

uint64_t perfopt__windows_bytes(const perfopt__windows *windows)
{
    uint64_t bytes = step_bytes(windows);
    for (int i = 0; i < PERFOPT__RINGS; i++)
        bytes += windows->rings[i].capacity * sizeof(perfopt__step *);
    for (int i = 0; i < PERFOPT__SERIES_RINGS; i++)
        bytes += windows->series[i].capacity * sizeof(perfopt__point);
    return bytes + perfopt__tally_bytes(&windows->open) + perfopt__tally_bytes(&windows->scratch);
}

/* ---- points ------------------------------------------------------------------------------- */

void perfopt__windows_total(const perfopt__windows *windows, const perfopt__tally *tally,
                            perfopt__route_sums *total)
{
    for (uint32_t i = 0; i < tally->capacity; i++) {
        if (tally->routes[i] && i != windows->render_route && !windows->is_span(windows->user, i))
            perfopt__route_sums_add(total, tally->routes[i]);
    }
}

static float ratio(uint64_t part, uint64_t whole)
{
    return whole ? (float)((double)part / (double)whole) : NAN;
}

static float quantile_ms(const perfopt__histogram *h, double q)
{
    return h->count ? (float)((double)perfopt__histogram_quantile(h, q) / 1e6) : NAN;
}

/* The numbers of a stretch that come from requests. */
static void fill_point(const perfopt__windows *w, const perfopt__tally *tally, float *values)
{
    perfopt__route_sums total = {0};
    perfopt__windows_total(w, tally, &total);
    const uint64_t *c = total.counters;
    double seconds = (double)tally->covered_ms / 1e3;
    values[PERFOPT_SERIES_RPS] = seconds > 0 ? (float)((double)total.took.count / seconds) : NAN;
    values[PERFOPT_SERIES_P50_MS] = quantile_ms(&total.took, 0.5);
    values[PERFOPT_SERIES_P95_MS] = quantile_ms(&total.took, 0.95);
    values[PERFOPT_SERIES_ERROR_RATIO] =
        ratio(c[PERFOPT__ROUTE_5XX] + c[PERFOPT__ROUTE_ABORTED], total.took.count);
    values[PERFOPT_SERIES_CACHE_HIT_RATIO] =
        ratio(tally->cache_hits, tally->cache_hits + tally->cache_misses);
    const perfopt__route_sums *render = tally->routes[w->render_route];
    values[PERFOPT_SERIES_RENDER_P95_MS] = render ? quantile_ms(&render->took, 0.95) : NAN;
}

static const perfopt_series gauge_series[3] = {
    PERFOPT_SERIES_MEMORY_RATIO, PERFOPT_SERIES_CPU_RATIO, PERFOPT_SERIES_POOL_IN_USE};

static const perfopt__point *point_at(const perfopt__series_ring *ring, int64_t slot)
{
    const perfopt__point *point = slot < 0 ? NULL : &ring->points[slot % ring->capacity];
    return point && point->slot == slot ? point : NULL;
}

/* Gauges of a coarser point: the mean of the finer points that know them. */
static void mean_gauges(const perfopt__windows *w, int level, int64_t slot, float *values)
{
    const perfopt__series_ring *finer = &w->series[level - 1];
    uint32_t per_step = w->series[level].step_ms / finer->step_ms;
    for (int g = 0; g < 3; g++) {
        double sum = 0;
        uint32_t known = 0;
        for (uint32_t i = 0; i < per_step; i++) {
            const perfopt__point *p = point_at(finer, slot * per_step + i);
            if (p && !isnan(p->values[gauge_series[g]])) {
                sum += (double)p->values[gauge_series[g]];
                known++;
            }
        }
        values[gauge_series[g]] = known ? (float)(sum / known) : NAN;
    }
}

static void open_gauges(const perfopt__windows *w, float *values)
{
    const double sums[3] = {w->gauge_sums.memory_ratio, w->gauge_sums.cpu_ratio,
                            w->gauge_sums.pool_in_use};
    for (int g = 0; g < 3; g++)
        values[gauge_series[g]] = w->gauge_counts[g] ? (float)(sums[g] / w->gauge_counts[g]) : NAN;
}

static void put_point(perfopt__windows *w, int level, int64_t slot, const perfopt__tally *tally)
{
    if (level >= PERFOPT__SERIES_RINGS)
        return;
    perfopt__series_ring *ring = &w->series[level];
    perfopt__point *point = &ring->points[slot % ring->capacity];
    point->slot = slot;
    fill_point(w, tally, point->values);
    if (level == 0)
        open_gauges(w, point->values);
    else
        mean_gauges(w, level, slot, point->values);
}

/* ---- steps -------------------------------------------------------------------------------- */

static perfopt__step *step_at(const perfopt__ring *ring, int64_t slot)
{
    perfopt__step *step = slot < 0 ? NULL : ring->steps[slot % ring->capacity];
    return step && step->slot == slot ? step : NULL;
}

static uint64_t size_of(const perfopt__step *step)
{
    return sizeof(*step) + step->length;
}

static void remove_step(perfopt__ring *ring, uint32_t place)
{
    if (!ring->steps[place])
        return;
    ring->bytes -= size_of(ring->steps[place]);
    perfopt__free(ring->steps[place]);
    ring->steps[place] = NULL;
}

static void evict_oldest(perfopt__windows *w)
{
    perfopt__ring *largest = &w->rings[0];
    for (int i = 1; i < PERFOPT__RINGS; i++) {
        if (w->rings[i].bytes > largest->bytes)
            largest = &w->rings[i];
    }
    uint32_t oldest = UINT32_MAX;
    for (uint32_t i = 0; i < largest->capacity; i++) {
        if (largest->steps[i] &&
            (oldest == UINT32_MAX || largest->steps[i]->slot < largest->steps[oldest]->slot))
            oldest = i;
    }
    if (oldest != UINT32_MAX)
        remove_step(largest, oldest);
    w->lost++;
}

static void put_step(perfopt__windows *w, int level, int64_t slot, const perfopt__tally *tally)
{
    perfopt__ring *ring = &w->rings[level];
    uint32_t place = (uint32_t)(slot % ring->capacity);
    remove_step(ring, place);
    perfopt__step *step = perfopt__step_pack(tally, slot);
    if (!step) {
        w->lost++;
        return;
    }
    ring->steps[place] = step;
    ring->bytes += size_of(step);
    while (step_bytes(w) > w->max_bytes)
        evict_oldest(w);
}

static perfopt__route_sums *into_tally(void *tally, uint32_t route)
{
    return perfopt__tally_route(tally, route);
}

static void add_step(perfopt__tally *tally, const perfopt__step *step)
{
    perfopt__step_unpack(step, into_tally, tally);
    tally->covered_ms += step->covered_ms;
    tally->cache_hits += step->cache_hits;
    tally->cache_misses += step->cache_misses;
}

/* Builds a step of `level` from the steps below it. */
static void close_coarse(perfopt__windows *w, int level, int64_t slot)
{
    const perfopt__ring *finer = &w->rings[level - 1];
    uint32_t per_step = w->rings[level].step_ms / finer->step_ms;
    perfopt__tally_clear(&w->scratch);
    for (uint32_t i = 0; i < per_step; i++) {
        const perfopt__step *step = step_at(finer, slot * per_step + i);
        if (step)
            add_step(&w->scratch, step);
    }
    put_step(w, level, slot, &w->scratch);
    put_point(w, level, slot, &w->scratch);
}

/* Steps that were passed over without a sample stay gaps, also steps of coarser rings. */
static void close_open(perfopt__windows *w, int64_t next_slot)
{
    int64_t slot = w->open_slot;
    put_step(w, 0, slot, &w->open);
    put_point(w, 0, slot, &w->open);
    perfopt__tally_clear(&w->open);
    clear_gauges(w);
    for (int level = 1; level < PERFOPT__RINGS; level++) {
        uint32_t per_step = w->rings[level].step_ms / w->rings[level - 1].step_ms;
        slot /= per_step;
        next_slot /= per_step;
        if (slot == next_slot)
            return;
        close_coarse(w, level, slot);
    }
}

void perfopt__windows_advance(perfopt__windows *windows, int64_t from_ms, int64_t to_ms)
{
    /* A sample belongs where the middle of its time lies. */
    int64_t slot = (from_ms + (to_ms - from_ms) / 2) / PERFOPT__STEP_MS;
    if (slot < 0)
        slot = 0;
    if (windows->open_slot >= 0 && slot > windows->open_slot)
        close_open(windows, slot);
    if (slot > windows->open_slot)
        windows->open_slot = slot;
    windows->open.covered_ms += to_ms > from_ms ? to_ms - from_ms : 0;
}

static void add_gauge(double *sum, uint32_t *count, double value)
{
    if (isnan(value))
        return;
    *sum += value;
    (*count)++;
}

void perfopt__windows_gauges(perfopt__windows *windows, const perfopt__gauges *gauges)
{
    perfopt__gauges *sums = &windows->gauge_sums;
    add_gauge(&sums->memory_ratio, &windows->gauge_counts[0], gauges->memory_ratio);
    add_gauge(&sums->cpu_ratio, &windows->gauge_counts[1], gauges->cpu_ratio);
    add_gauge(&sums->pool_in_use, &windows->gauge_counts[2], gauges->pool_in_use);
}

/* ---- reading ------------------------------------------------------------------------------ */

uint32_t perfopt__window_round(uint32_t window_s)
{
    for (int i = 0; i < PERFOPT__RINGS - 1; i++) {
        uint32_t length_s = ring_sizes[i].step_ms / 1000 * ring_sizes[i].capacity;
        if (window_s <= length_s)
            return length_s;
    }
    return 259200;
}

static int level_of(uint32_t window_s)
{
    int level = 0;
    while (level < PERFOPT__RINGS - 1 &&
           window_s > ring_sizes[level].step_ms / 1000 * ring_sizes[level].capacity)
        level++;
    return level;
}

const perfopt__tally *perfopt__windows_read(perfopt__windows *windows, uint32_t window_s)
{
    perfopt__tally *sum = &windows->scratch;
    perfopt__tally_clear(sum);
    int64_t open_start_ms = windows->open_slot * PERFOPT__STEP_MS;
    int64_t end_ms = open_start_ms;
    int top = level_of(window_s);
    for (int level = 0; windows->open_slot >= 0 && level <= top; level++) {
        const perfopt__ring *ring = &windows->rings[level];
        /* Down to the coarser step that is still being filled, or to the window's start. */
        int64_t start_ms = open_start_ms + PERFOPT__STEP_MS - (int64_t)window_s * 1000;
        if (level < top)
            start_ms = open_start_ms - open_start_ms % windows->rings[level + 1].step_ms;
        for (int64_t slot = end_ms / ring->step_ms - 1;
             slot >= 0 && slot * ring->step_ms >= start_ms; slot--) {
            const perfopt__step *step = step_at(ring, slot);
            if (step)
                add_step(sum, step);
        }
        end_ms = start_ms;
    }
    sum->covered_ms += windows->open.covered_ms;
    sum->cache_hits += windows->open.cache_hits;
    sum->cache_misses += windows->open.cache_misses;
    for (uint32_t i = 0; i < windows->open.capacity; i++) {
        const perfopt__route_sums *open = windows->open.routes[i];
        perfopt__route_sums *into = open && open->took.count ? perfopt__tally_route(sum, i) : NULL;
        if (into)
            perfopt__route_sums_add(into, open);
    }
    return sum;
}

size_t perfopt__windows_series(const perfopt__windows *windows, perfopt_series series,
                               uint32_t window_s, double *out, size_t capacity, int64_t *first_ms,
                               uint32_t *step_s)
{
    uint32_t rounded = perfopt__window_round(window_s);
    const perfopt__series_ring *ring = &windows->series[rounded <= 3600    ? 0
                                                        : rounded == 28800 ? 1
                                                                           : 2];
    size_t count = rounded / (ring->step_ms / 1000);
    if (count > capacity)
        count = capacity;
    int64_t open_ms = (windows->open_slot < 0 ? 0 : windows->open_slot) * PERFOPT__STEP_MS;
    int64_t first = open_ms / ring->step_ms - (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        const perfopt__point *point = point_at(ring, first + (int64_t)i);
        out[i] = point ? (double)point->values[series] : (double)NAN;
    }
    *first_ms = first * ring->step_ms;
    *step_s = ring->step_ms / 1000;
    return count;
}
