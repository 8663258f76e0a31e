/*
 * routes.c - the registry of routes and the recording side. A thread's block is a table of pointers
 * to cells, one per route, allocated at the thread's first request of that route; from then on a
 * record is a handful of additions in memory no other thread writes.
 */
#include "metrics/routes.h"

#include "base/map.h"
#include "base/memory.h"
#include "metrics/routes_internal.h"

#include <string.h>

const int64_t perfopt__duration_bounds_ns[PERFOPT__DURATION_BOUNDS] = {
    5000000,   10000000,   25000000,   50000000,   75000000,   100000000,  250000000,  500000000,
    750000000, 1000000000, 2000000000, 2500000000, 5000000000, 7500000000, 10000000000};
const uint64_t perfopt__size_bounds[PERFOPT__SIZE_BOUNDS] = {1000,   10000,   50000,
                                                             100000, 1000000, 10000000};

/* ---- the registry ------------------------------------------------------------------------- */

/* Under the lock. `key` NULL: the overflow route, which nobody looks up. */
static uint32_t add_name(perfopt__routes *routes, const char *method, const char *template,
                         const char *key, size_t key_length)
{
    uint32_t count = atomic_load_explicit(&routes->count, memory_order_relaxed);
    char *own_method = perfopt__strdup(method);
    char *own_template = perfopt__strdup(template);
    if (!own_method || !own_template ||
        (key && perfopt__map_put(&routes->by_name, key, key_length, (void *)(uintptr_t)count,
                                 NULL) != PERFOPT_OK)) {
        perfopt__free(own_method);
        perfopt__free(own_template);
        return UINT32_MAX;
    }
    routes->names[count].method = own_method;
    routes->names[count].template = own_template;
    atomic_store_explicit(&routes->count, count + 1, memory_order_release);
    return count;
}

perfopt_status perfopt__routes_create(uint32_t max_routes, perfopt__routes **out)
{
    uint32_t max = max_routes ? max_routes : 200;
    void *storage;
    perfopt__routes *routes = perfopt__alloc_lines(sizeof(*routes), &storage);
    if (!routes)
        return PERFOPT_ENOMEM;
    routes->storage = storage;
    routes->max_routes = max;
    routes->names = perfopt__calloc((size_t)max + 1, sizeof(*routes->names));
    if (!routes->names || add_name(routes, "", "(other)", NULL, 0) == UINT32_MAX) {
        perfopt__free(routes->names);
        perfopt__free(storage);
        return PERFOPT_ENOMEM;
    }
    atomic_init(&routes->enabled, true);
    perfopt__routes_set_slow_ms(routes, 0);
    pthread_mutex_init(&routes->lock, NULL);
    perfopt__shards_init(&routes->shards,
                         ((size_t)max + 2) * sizeof(_Atomic(perfopt__route_cell *)));
    *out = routes;
    return PERFOPT_OK;
}

static void free_cell(perfopt__route_cell *cell)
{
    if (!cell)
        return;
    perfopt__status_cell *status = atomic_load(&cell->statuses);
    while (status) {
        perfopt__status_cell *next = status->next;
        perfopt__free(status->storage);
        status = next;
    }
    perfopt__free(cell->storage);
}

void perfopt__routes_destroy(perfopt__routes *routes)
{
    if (!routes)
        return;
    for (perfopt__shard *s = NULL; (s = perfopt__shards_next(&routes->shards, s)) != NULL;) {
        _Atomic(perfopt__route_cell *) *cells = (void *)s->block;
        for (size_t i = 0; i < (size_t)routes->max_routes + 2; i++)
            free_cell(atomic_load(&cells[i]));
    }
    perfopt__shards_finish(&routes->shards);
    for (uint32_t i = 0; i < atomic_load(&routes->count); i++) {
        perfopt__free(routes->names[i].method);
        perfopt__free(routes->names[i].template);
    }
    perfopt__free(routes->names);
    perfopt__map_finish(&routes->by_name, NULL);
    pthread_mutex_destroy(&routes->lock);
    perfopt__free(routes->storage);
}

/* Methods from outside must not become labels (OpenTelemetry, http.request.method). */
static const char *known_method(const char *method)
{
    static const char *const known[] = {"GET",     "HEAD",  "POST",  "PUT",  "DELETE", "CONNECT",
                                        "OPTIONS", "TRACE", "PATCH", "SPAN", "*"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(method, known[i]) == 0)
            return known[i];
    }
    return "_OTHER";
}

/* Under the lock. The map holds the number itself, which is never 0: that is the overflow. */
static uint32_t intern_locked(perfopt__routes *routes, const char *method, const char *template,
                              const char *key, size_t key_length)
{
    uint32_t number = (uint32_t)(uintptr_t)perfopt__map_get(&routes->by_name, key, key_length);
    if (number || atomic_load(&routes->count) > routes->max_routes)
        return number;
    number = add_name(routes, method, template, key, key_length);
    return number == UINT32_MAX ? 0 : number;
}

uint32_t perfopt__routes_intern(perfopt__routes *routes, const char *method, const char *template,
                                uint32_t slow_ms)
{
    method = known_method(method);
    size_t method_length = strlen(method);
    size_t length = method_length + 1 + strlen(template);
    char *key = perfopt__malloc(length + 1);
    if (!key)
        return 0;
    memcpy(key, method, method_length + 1);
    memcpy(key + method_length + 1, template, length - method_length);
    pthread_mutex_lock(&routes->lock);
    uint32_t number = intern_locked(routes, method, template, key, length);
    pthread_mutex_unlock(&routes->lock);
    perfopt__free(key);
    if (number && slow_ms)
        atomic_store_explicit(&routes->names[number].slow_ns, (int64_t)slow_ms * 1000000,
                              memory_order_relaxed);
    return number;
}

void perfopt__routes_set_enabled(perfopt__routes *routes, bool enabled)
{
    atomic_store_explicit(&routes->enabled, enabled, memory_order_relaxed);
}

void perfopt__routes_set_slow_ms(perfopt__routes *routes, uint32_t slow_ms)
{
    int64_t ms = slow_ms ? slow_ms : 1000;
    atomic_store_explicit(&routes->slow_ns, ms * 1000000, memory_order_relaxed);
}

/* ---- recording ---------------------------------------------------------------------------- */

static perfopt__route_cell *new_cell(_Atomic(perfopt__route_cell *) *place)
{
    void *storage;
    perfopt__route_cell *cell = perfopt__alloc_lines(sizeof(*cell), &storage);
    if (!cell)
        return NULL;
    cell->storage = storage;
    atomic_store_explicit(place, cell, memory_order_release);
    return cell;
}

static inline perfopt__route_cell *cell_of(_Atomic(perfopt__route_cell *) *cells, uint32_t route)
{
    perfopt__route_cell *cell = atomic_load_explicit(&cells[route], memory_order_relaxed);
    return cell ? cell : new_cell(&cells[route]);
}

static perfopt__status_cell *new_status(perfopt__route_cell *cell, int status)
{
    void *storage;
    perfopt__status_cell *s = perfopt__alloc_lines(sizeof(*s), &storage);
    if (!s)
        return NULL;
    s->storage = storage;
    s->status = status;
    s->next = atomic_load_explicit(&cell->statuses, memory_order_relaxed);
    atomic_store_explicit(&cell->statuses, s, memory_order_release);
    return s;
}

static perfopt__status_cell *status_of(perfopt__route_cell *cell, int status)
{
    int count = 0;
    perfopt__status_cell *s = atomic_load_explicit(&cell->statuses, memory_order_relaxed);
    for (; s && s->status != status; s = s->next)
        count++;
    if (s)
        return s;
    if (count < PERFOPT__ROUTE_STATUSES - 1)
        return new_status(cell, status);
    return status == -1 ? new_status(cell, -1) : status_of(cell, -1);
}

static perfopt__route_counter class_of(int status)
{
    if (status == 0)
        return PERFOPT__ROUTE_ABORTED;
    if (status < 100 || status > 499)
        return PERFOPT__ROUTE_5XX;
    if (status < 300)
        return PERFOPT__ROUTE_2XX;
    return status < 400 ? PERFOPT__ROUTE_3XX : PERFOPT__ROUTE_4XX;
}

/* Durations are differences of clock readings; a hooked clock may have gone back. */
static uint64_t positive(int64_t ns)
{
    return ns > 0 ? (uint64_t)ns : 0;
}

static void add_scope(perfopt__route_cell *cell, const perfopt_scope_stats *scope)
{
    _Atomic uint64_t *c = cell->counters;
    perfopt__raise_max(&cell->most_queries, scope->queries);
    if (scope->most_repeated >= PERFOPT_N_PLUS_ONE_MIN)
        perfopt__count_up(&c[PERFOPT__ROUTE_N_PLUS_ONE], 1);
    if (scope->queries) {
        perfopt__count_up(&c[PERFOPT__ROUTE_QUERIES], scope->queries);
        perfopt__count_up(&c[PERFOPT__ROUTE_DB_NS], positive(scope->db_ns));
    }
    if (scope->queries_saved)
        perfopt__count_up(&c[PERFOPT__ROUTE_QUERIES_SAVED], scope->queries_saved);
    if (scope->renders) {
        perfopt__count_up(&c[PERFOPT__ROUTE_RENDERS], scope->renders);
        perfopt__count_up(&c[PERFOPT__ROUTE_RENDER_NS], positive(scope->render_ns));
    }
    if (scope->cache_hits)
        perfopt__count_up(&c[PERFOPT__ROUTE_CACHE_HITS], scope->cache_hits);
    if (scope->cache_misses)
        perfopt__count_up(&c[PERFOPT__ROUTE_CACHE_MISSES], scope->cache_misses);
}

static void add_status(perfopt__status_cell *status, int64_t took_ns)
{
    int64_t ns = perfopt__histogram_clamp(took_ns);
    uint32_t i = 0;
    while (i < PERFOPT__DURATION_BOUNDS && ns > perfopt__duration_bounds_ns[i])
        i++;
    perfopt__count_up(&status->buckets[i], 1);
    perfopt__count_up(&status->sum_ns, (uint64_t)ns);
}

static void add_size(perfopt__route_cell *cell, uint64_t bytes)
{
    uint32_t i = 0;
    while (i < PERFOPT__SIZE_BOUNDS && bytes > perfopt__size_bounds[i])
        i++;
    perfopt__count_up(&cell->sizes[i], 1);
    perfopt__count_up(&cell->counters[PERFOPT__ROUTE_BYTES], bytes);
}

static bool is_slow(perfopt__routes *routes, uint32_t route, int64_t took_ns)
{
    int64_t slow_ns = atomic_load_explicit(&routes->names[route].slow_ns, memory_order_relaxed);
    if (!slow_ns)
        slow_ns = atomic_load_explicit(&routes->slow_ns, memory_order_relaxed);
    return took_ns > slow_ns;
}

/* All memory is there before the first number is written: a sample counts in full or not at all. */
static bool add_sample(perfopt__routes *routes, uint32_t route, const perfopt__route_sample *sample)
{
    _Atomic(perfopt__route_cell *) *cells = perfopt__shards_mine(&routes->shards);
    perfopt__route_cell *cell = cells ? cell_of(cells, route) : NULL;
    perfopt__status_cell *status = cell ? status_of(cell, sample->status) : NULL;
    if (!status)
        return false;
    perfopt__route_cell *render = NULL;
    if (sample->scope && sample->scope->renders) {
        render = cell_of(cells, perfopt__routes_render(routes));
        if (!render)
            return false;
        perfopt__histogram_cell_record(&render->took, sample->scope->render_ns);
    }
    perfopt__histogram_cell_record(&cell->took, sample->took_ns);
    add_status(status, sample->took_ns);
    add_size(cell, sample->response_bytes);
    _Atomic uint64_t *c = cell->counters;
    perfopt__count_up(&c[class_of(sample->status)], 1);
    if (is_slow(routes, route, sample->took_ns))
        perfopt__count_up(&c[PERFOPT__ROUTE_SLOW], 1);
    if (sample->from_page_cache)
        perfopt__count_up(&c[PERFOPT__ROUTE_PAGE_CACHE], 1);
    if (sample->over_query_budget)
        perfopt__count_up(&c[PERFOPT__ROUTE_OVER_BUDGET], 1);
    if (sample->scope)
        add_scope(cell, sample->scope);
    return true;
}

void perfopt__routes_record(perfopt__routes *routes, uint32_t route,
                            const perfopt__route_sample *sample)
{
    if (!atomic_load_explicit(&routes->enabled, memory_order_relaxed))
        return;
    if (route > routes->max_routes)
        route = 0;
    if (!add_sample(routes, route, sample))
        atomic_fetch_add_explicit(&routes->dropped, 1, memory_order_relaxed);
}
