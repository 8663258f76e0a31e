/*
 * routes_read.c - adding the threads' cells up. Readers take no lock that a recording thread takes;
 * each number is exact, numbers of a request that is just being recorded may be apart by that one.
 */
#include "metrics/routes_internal.h"

#include <string.h>

uint32_t perfopt__routes_count(const perfopt__routes *routes)
{
    return atomic_load_explicit(&routes->count, memory_order_acquire);
}

uint32_t perfopt__routes_render(const perfopt__routes *routes)
{
    return routes->max_routes + 1;
}

void perfopt__routes_name(const perfopt__routes *routes, uint32_t route, const char **method,
                          const char **template)
{
    *method = routes->names[route].method;
    *template = routes->names[route].template;
}

uint32_t perfopt__routes_find(perfopt__routes *routes, const char *template, size_t length)
{
    uint32_t count = perfopt__routes_count(routes);
    for (uint32_t i = 1; i < count; i++) {
        if (strlen(routes->names[i].template) == length &&
            memcmp(routes->names[i].template, template, length) == 0 &&
            strcmp(routes->names[i].method, "SPAN") != 0)
            return i;
    }
    return 0;
}

/* The next thread's cell of a route; threads that never saw the route are passed over. */
static perfopt__route_cell *next_cell(perfopt__routes *routes, uint32_t route,
                                      perfopt__shard **shard)
{
    while ((*shard = perfopt__shards_next(&routes->shards, *shard)) != NULL) {
        _Atomic(perfopt__route_cell *) *cells = (void *)(*shard)->block;
        perfopt__route_cell *cell = atomic_load_explicit(&cells[route], memory_order_acquire);
        if (cell)
            return cell;
    }
    return NULL;
}

static uint64_t relaxed(_Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

void perfopt__routes_read(perfopt__routes *routes, uint32_t route, perfopt__route_sums *sums)
{
    perfopt__shard *at = NULL;
    perfopt__route_cell *cell;
    while ((cell = next_cell(routes, route, &at)) != NULL) {
        perfopt__histogram_add_cell(&sums->took, &cell->took);
        for (int i = 0; i < PERFOPT__ROUTE_COUNTERS; i++)
            sums->counters[i] += relaxed(&cell->counters[i]);
    }
}

uint64_t perfopt__routes_counter(perfopt__routes *routes, uint32_t route,
                                 perfopt__route_counter counter)
{
    uint64_t sum = 0;
    perfopt__shard *at = NULL;
    perfopt__route_cell *cell;
    while ((cell = next_cell(routes, route, &at)) != NULL)
        sum += relaxed(&cell->counters[counter]);
    return sum;
}

void perfopt__routes_take_max(perfopt__routes *routes, uint32_t route, perfopt__route_sums *sums)
{
    perfopt__shard *at = NULL;
    perfopt__route_cell *cell;
    while ((cell = next_cell(routes, route, &at)) != NULL) {
        int64_t took = perfopt__histogram_take_max(&cell->took);
        if (took > sums->took.max_ns)
            sums->took.max_ns = took;
        int64_t queries = atomic_exchange_explicit(&cell->most_queries, 0, memory_order_relaxed);
        if ((uint64_t)queries > sums->most_queries)
            sums->most_queries = (uint64_t)queries;
    }
}

uint64_t perfopt__routes_dropped(const perfopt__routes *routes)
{
    return atomic_load_explicit(&routes->dropped, memory_order_relaxed);
}

uint64_t perfopt__routes_bytes(perfopt__routes *routes)
{
    uint64_t bytes = sizeof(*routes) + ((size_t)routes->max_routes + 1) * sizeof(*routes->names);
    perfopt__shard *shard = NULL;
    while ((shard = perfopt__shards_next(&routes->shards, shard)) != NULL) {
        bytes += sizeof(*shard) + routes->shards.block_bytes;
        _Atomic(perfopt__route_cell *) *cells = (void *)shard->block;
        for (uint32_t i = 0; i <= routes->max_routes + 1; i++) {
            perfopt__route_cell *cell = atomic_load_explicit(&cells[i], memory_order_acquire);
            if (!cell)
                continue;
            bytes += sizeof(*cell);
            perfopt__status_cell *s = atomic_load_explicit(&cell->statuses, memory_order_acquire);
            for (; s; s = s->next)
                bytes += sizeof(*s);
        }
    }
    return bytes;
}

/* Finds or inserts a code in the sorted list; when the list is full, the code counts as -1. */
static perfopt__status_sums *sums_of(perfopt__status_sums *out, size_t *count, int status)
{
    size_t i = 0;
    while (i < *count && out[i].status < status)
        i++;
    if (i < *count && out[i].status == status)
        return &out[i];
    bool other_listed = *count > 0 && out[0].status == -1;
    size_t room = PERFOPT__ROUTE_STATUSES - (other_listed || status == -1 ? 0 : 1);
    if (*count >= room)
        return sums_of(out, count, -1);
    memmove(&out[i + 1], &out[i], (*count - i) * sizeof(*out));
    memset(&out[i], 0, sizeof(*out));
    out[i].status = status;
    (*count)++;
    return &out[i];
}

size_t perfopt__routes_statuses(perfopt__routes *routes, uint32_t route,
                                perfopt__status_sums out[PERFOPT__ROUTE_STATUSES])
{
    size_t count = 0;
    perfopt__shard *at = NULL;
    perfopt__route_cell *cell;
    while ((cell = next_cell(routes, route, &at)) != NULL) {
        perfopt__status_cell *s = atomic_load_explicit(&cell->statuses, memory_order_acquire);
        for (; s; s = s->next) {
            perfopt__status_sums *sums = sums_of(out, &count, s->status);
            sums->sum_ns += relaxed(&s->sum_ns);
            for (int i = 0; i <= PERFOPT__DURATION_BOUNDS; i++)
                sums->buckets[i] += relaxed(&s->buckets[i]);
        }
    }
    return count;
}

void perfopt__routes_sizes(perfopt__routes *routes, uint32_t route,
                           uint64_t buckets[PERFOPT__SIZE_BOUNDS + 1], uint64_t *sum)
{
    memset(buckets, 0, (PERFOPT__SIZE_BOUNDS + 1) * sizeof(*buckets));
    *sum = 0;
    perfopt__shard *at = NULL;
    perfopt__route_cell *cell;
    while ((cell = next_cell(routes, route, &at)) != NULL) {
        *sum += relaxed(&cell->counters[PERFOPT__ROUTE_BYTES]);
        for (int i = 0; i <= PERFOPT__SIZE_BOUNDS; i++)
            buckets[i] += relaxed(&cell->sizes[i]);
    }
}
