/*
 * histogram.c - edges, quantiles and merging of log-linear histograms.
 */
#include "metrics/histogram.h"

#include <math.h>
#include <stdbool.h>

int64_t perfopt__histogram_lower(uint32_t bucket)
{
    uint64_t units = bucket;
    if (bucket >= 16) {
        uint32_t shift = (bucket >> PERFOPT__HISTOGRAM_SUB_BITS) - 1;
        units = (uint64_t)(16 + (bucket & 15)) << shift;
    }
    return (int64_t)(units << PERFOPT__HISTOGRAM_UNIT_BITS);
}

int64_t perfopt__histogram_upper(uint32_t bucket)
{
    return perfopt__histogram_lower(bucket + 1) - 1;
}

void perfopt__histogram_record(perfopt__histogram *histogram, int64_t ns)
{
    int64_t clamped = perfopt__histogram_clamp(ns);
    histogram->out_of_range += clamped != ns;
    histogram->buckets[perfopt__histogram_index(clamped)]++;
    histogram->count++;
    histogram->sum_ns += (uint64_t)clamped;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

void perfopt__histogram_merge(perfopt__histogram *into, const perfopt__histogram *from)
{
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    into->out_of_range += from->out_of_range;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    for (uint32_t i = 0; i < PERFOPT__HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

/* The best that is known of the largest value in a bucket. */
static int64_t edge(const perfopt__histogram *histogram, uint32_t bucket)
{
    int64_t upper = perfopt__histogram_upper(bucket);
    bool holds_max = histogram->max_ns >= perfopt__histogram_lower(bucket);
    return holds_max && histogram->max_ns < upper ? histogram->max_ns : upper;
}

int64_t perfopt__histogram_quantile(const perfopt__histogram *histogram, double q)
{
    double rank = ceil(q * (double)histogram->count);
    uint64_t wanted = rank < 1 ? 1 : (uint64_t)rank;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < PERFOPT__HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted)
            return edge(histogram, i);
    }
    return -1;
}

int64_t perfopt__histogram_max(const perfopt__histogram *histogram)
{
    for (uint32_t i = PERFOPT__HISTOGRAM_BUCKETS; i-- > 0;) {
        if (histogram->buckets[i]) {
            int64_t known = edge(histogram, i);
            return histogram->max_ns > known ? histogram->max_ns : known;
        }
    }
    return -1;
}

void perfopt__histogram_add_cell(perfopt__histogram *into, perfopt__histogram_cell *cell)
{
    into->sum_ns += atomic_load_explicit(&cell->sum_ns, memory_order_relaxed);
    into->out_of_range += atomic_load_explicit(&cell->out_of_range, memory_order_relaxed);
    for (uint32_t i = 0; i < PERFOPT__HISTOGRAM_BUCKETS; i++) {
        uint64_t n = atomic_load_explicit(&cell->buckets[i], memory_order_relaxed);
        into->buckets[i] += n;
        into->count += n;
    }
}

int64_t perfopt__histogram_take_max(perfopt__histogram_cell *cell)
{
    return atomic_exchange_explicit(&cell->max_ns, 0, memory_order_relaxed);
}
