/*
 * histogram.h - durations in log-linear buckets: 16 buckets per power of two, so that a bucket is
 * at most 6.25 % wide from 1 us up to 73 minutes, and a quantile is known to one bucket.
 *
 *     unit 64 ns:   0 1 2 ... 15 | 16 17 ... 31 | 32 34 ... 62 | 64 68 ... 124 | ...
 *     bucket:       0 1 2 ... 15 | 16 17 ... 31 | 32 33 ... 47 | 48 49 ...  63 | ... 527
 *
 * The layout is the one HdrHistogram uses, with one significant hexadecimal digit. A value outside
 * the range is clamped to the nearest bucket and counted in out_of_range.
 */
#ifndef PERFOPT_SRC_METRICS_HISTOGRAM_H
#define PERFOPT_SRC_METRICS_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define PERFOPT__HISTOGRAM_UNIT_BITS 6
#define PERFOPT__HISTOGRAM_SUB_BITS  4
#define PERFOPT__HISTOGRAM_BUCKETS   528
#define PERFOPT__HISTOGRAM_MAX_NS    ((INT64_C(1) << 42) - 1)

/* The reader's side: plain numbers. */
typedef struct perfopt__histogram {
    uint64_t count;
    uint64_t sum_ns; /* of the clamped values */
    int64_t max_ns;  /* exact, also above the range; 0 without values */
    uint64_t out_of_range;
    uint64_t buckets[PERFOPT__HISTOGRAM_BUCKETS];
} perfopt__histogram;

/* Bucket of a value that lies in the range. */
static inline uint32_t perfopt__histogram_index(int64_t ns)
{
    uint64_t units = (uint64_t)ns >> PERFOPT__HISTOGRAM_UNIT_BITS;
    if (units < (1 << PERFOPT__HISTOGRAM_SUB_BITS))
        return (uint32_t)units;
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(units);
    uint32_t shift = exponent - PERFOPT__HISTOGRAM_SUB_BITS;
    return ((shift + 1) << PERFOPT__HISTOGRAM_SUB_BITS) + ((uint32_t)(units >> shift) & 15);
}

static inline int64_t perfopt__histogram_clamp(int64_t ns)
{
    if (ns < 0)
        return 0;
    return ns > PERFOPT__HISTOGRAM_MAX_NS ? PERFOPT__HISTOGRAM_MAX_NS : ns;
}

/* Smallest and largest value of a bucket, both inside it. */
int64_t perfopt__histogram_lower(uint32_t bucket);
int64_t perfopt__histogram_upper(uint32_t bucket);
/* Not thread-safe: for values that come rarely and under a lock. */
void perfopt__histogram_record(perfopt__histogram *histogram, int64_t ns);
void perfopt__histogram_merge(perfopt__histogram *into, const perfopt__histogram *from);
/* The value that at least the share `q` (0 to 1) of all values do not exceed: the upper edge of its
 * bucket, or the maximum if that lies in this bucket. -1 without values. */
int64_t perfopt__histogram_quantile(const perfopt__histogram *histogram, double q);
/* The maximum; where it was taken together with an earlier part of the values, so that it lies
 * below the highest bucket in use, that bucket's upper edge. -1 without values. */
int64_t perfopt__histogram_max(const perfopt__histogram *histogram);

/* The recorder's side: one thread writes, any thread reads. */
typedef struct perfopt__histogram_cell {
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t out_of_range;
    _Atomic int64_t max_ns; /* since it was last taken */
    _Atomic uint64_t buckets[PERFOPT__HISTOGRAM_BUCKETS];
} perfopt__histogram_cell;

/* Adds to a number that only the calling thread writes: no locked instruction. */
static inline void perfopt__count_up(_Atomic uint64_t *number, uint64_t by)
{
    uint64_t now = atomic_load_explicit(number, memory_order_relaxed);
    atomic_store_explicit(number, now + by, memory_order_relaxed);
}

/* Raises a maximum that a reader may take (set to 0) at the same time; a maximum is rarely new. */
static inline void perfopt__raise_max(_Atomic int64_t *max, int64_t value)
{
    int64_t seen = atomic_load_explicit(max, memory_order_relaxed);
    while (value > seen && !atomic_compare_exchange_weak_explicit(
                               max, &seen, value, memory_order_relaxed, memory_order_relaxed)) {}
}

static inline void perfopt__histogram_cell_record(perfopt__histogram_cell *cell, int64_t ns)
{
    int64_t clamped = perfopt__histogram_clamp(ns);
    if (__builtin_expect(clamped != ns, 0))
        perfopt__count_up(&cell->out_of_range, 1);
    perfopt__count_up(&cell->buckets[perfopt__histogram_index(clamped)], 1);
    perfopt__count_up(&cell->sum_ns, (uint64_t)clamped);
    perfopt__raise_max(&cell->max_ns, ns);
}

/* Adds a cell's numbers, the maximum left out: it is taken, not read. */
void perfopt__histogram_add_cell(perfopt__histogram *into, perfopt__histogram_cell *cell);
/* The largest value since the last call; only one reader may take it. */
int64_t perfopt__histogram_take_max(perfopt__histogram_cell *cell);

#endif
