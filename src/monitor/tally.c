/*
 * tally.c - dense tallies and their packed form. Numbers are packed as LEB128: seven bits a byte,
 * the eighth says that more follow.
 *
 *     route+1  mask of non-zero counters  those counters  most_queries  sum  max  out_of_range
 *     number of buckets in use  { distance from the last one, count } ...
 */
#include "monitor/tally.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <string.h>

perfopt_status perfopt__tally_init(perfopt__tally *tally, uint32_t capacity)
{
    *tally = (perfopt__tally){.capacity = capacity};
    tally->routes = perfopt__calloc(capacity, sizeof(*tally->routes));
    return tally->routes ? PERFOPT_OK : PERFOPT_ENOMEM;
}

void perfopt__tally_finish(perfopt__tally *tally)
{
    for (uint32_t i = 0; tally->routes && i < tally->capacity; i++)
        perfopt__free(tally->routes[i]);
    perfopt__free(tally->routes);
    *tally = (perfopt__tally){0};
}

void perfopt__tally_clear(perfopt__tally *tally)
{
    for (uint32_t i = 0; i < tally->capacity; i++) {
        if (tally->routes[i])
            memset(tally->routes[i], 0, sizeof(*tally->routes[i]));
    }
    tally->covered_ms = 0;
    tally->cache_hits = tally->cache_misses = 0;
}

perfopt__route_sums *perfopt__tally_route(perfopt__tally *tally, uint32_t route)
{
    if (route >= tally->capacity)
        return NULL;
    if (!tally->routes[route])
        tally->routes[route] = perfopt__calloc(1, sizeof(perfopt__route_sums));
    return tally->routes[route];
}

uint64_t perfopt__tally_bytes(const perfopt__tally *tally)
{
    uint64_t bytes = tally->capacity * sizeof(*tally->routes);
    for (uint32_t i = 0; i < tally->capacity; i++)
        bytes += tally->routes[i] ? sizeof(*tally->routes[i]) : 0;
    return bytes;
}

void perfopt__route_sums_add(perfopt__route_sums *into, const perfopt__route_sums *from)
{
    perfopt__histogram_merge(&into->took, &from->took);
    for (int i = 0; i < PERFOPT__ROUTE_COUNTERS; i++)
        into->counters[i] += from->counters[i];
    if (from->most_queries > into->most_queries)
        into->most_queries = from->most_queries;
}

/* ---- packing ------------------------------------------------------------------------------ */

static void put(perfopt__strbuf *out, uint64_t number)
{
    char bytes[10];
    size_t length = 0;
    do {
        bytes[length] = (char)(number & 127);
        number >>= 7;
        if (number)
            bytes[length] |= (char)128;
        length++;
    } while (number);
    perfopt__strbuf_append(out, bytes, length);
}

static void put_buckets(perfopt__strbuf *out, const uint64_t *buckets)
{
    uint32_t used = 0, last = 0;
    for (uint32_t i = 0; i < PERFOPT__HISTOGRAM_BUCKETS; i++)
        used += buckets[i] != 0;
    put(out, used);
    for (uint32_t i = 0; i < PERFOPT__HISTOGRAM_BUCKETS; i++) {
        if (!buckets[i])
            continue;
        put(out, i - last);
        put(out, buckets[i]);
        last = i;
    }
}

static void put_route(perfopt__strbuf *out, uint32_t route, const perfopt__route_sums *sums)
{
    uint64_t mask = 0;
    for (int i = 0; i < PERFOPT__ROUTE_COUNTERS; i++)
        mask |= (uint64_t)(sums->counters[i] != 0) << i;
    put(out, (uint64_t)route + 1);
    put(out, mask);
    for (int i = 0; i < PERFOPT__ROUTE_COUNTERS; i++) {
        if (sums->counters[i])
            put(out, sums->counters[i]);
    }
    put(out, sums->most_queries);
    put(out, sums->took.sum_ns);
    put(out, (uint64_t)sums->took.max_ns);
    put(out, sums->took.out_of_range);
    put_buckets(out, sums->took.buckets);
}

perfopt__step *perfopt__step_pack(const perfopt__tally *tally, int64_t slot)
{
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    for (uint32_t i = 0; i < tally->capacity; i++) {
        if (tally->routes[i] && tally->routes[i]->took.count)
            put_route(&out, i, tally->routes[i]);
    }
    perfopt__step *step = out.failed ? NULL : perfopt__malloc(sizeof(*step) + out.length);
    if (step) {
        *step = (perfopt__step){.slot = slot,
                                .covered_ms = tally->covered_ms,
                                .cache_hits = tally->cache_hits,
                                .cache_misses = tally->cache_misses,
                                .length = out.length};
        if (out.length)
            memcpy(step->packed, out.data, out.length);
    }
    perfopt__strbuf_finish(&out);
    return step;
}

/* ---- unpacking ---------------------------------------------------------------------------- */

typedef struct reader {
    const unsigned char *at, *end;
} reader;

/* 0 at the end, which ends the loops that call it. */
static uint64_t take(reader *r)
{
    uint64_t number = 0;
    for (unsigned shift = 0; r->at < r->end && shift < 64; shift += 7) {
        unsigned char byte = *r->at++;
        number |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            break;
    }
    return number;
}

static void take_buckets(reader *r, perfopt__histogram *took)
{
    uint64_t used = take(r);
    uint64_t bucket = 0;
    for (uint64_t i = 0; i < used && r->at < r->end; i++) {
        bucket += take(r);
        uint64_t count = take(r);
        if (bucket >= PERFOPT__HISTOGRAM_BUCKETS)
            return;
        took->buckets[bucket] += count;
        took->count += count;
    }
}

static void take_route(reader *r, perfopt__route_sums *sums)
{
    uint64_t mask = take(r);
    for (int i = 0; i < PERFOPT__ROUTE_COUNTERS; i++) {
        if (mask >> i & 1)
            sums->counters[i] += take(r);
    }
    uint64_t most_queries = take(r);
    if (most_queries > sums->most_queries)
        sums->most_queries = most_queries;
    sums->took.sum_ns += take(r);
    int64_t max_ns = (int64_t)take(r);
    if (max_ns > sums->took.max_ns)
        sums->took.max_ns = max_ns;
    sums->took.out_of_range += take(r);
    take_buckets(r, &sums->took);
}

void perfopt__step_unpack(const perfopt__step *step, perfopt__target_fn target, void *user)
{
    perfopt__route_sums skipped; /* written, never read */
    skipped = (perfopt__route_sums){0};
    reader r = {step->packed, step->packed + step->length};
    while (r.at < r.end) {
        uint64_t route = take(&r);
        perfopt__route_sums *sums = route ? target(user, (uint32_t)(route - 1)) : NULL;
        take_route(&r, sums ? sums : &skipped);
    }
}
