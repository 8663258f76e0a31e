/*
 * operations.c - striped histograms of database operations.
 */
#include "metrics/operations.h"

#include <stdalign.h>
#include <stdatomic.h>

#define STRIPES 64

const int64_t perfopt__operation_bounds_ns[PERFOPT__OPERATION_BOUNDS] = {
    1000000,   5000000,    10000000,   50000000,   100000000,
    500000000, 1000000000, 5000000000, 10000000000};

typedef struct stripe {
    alignas(64) struct {
        _Atomic uint64_t sum_ns;
        _Atomic uint64_t buckets[PERFOPT__OPERATION_BOUNDS + 1];
    } of[PERFOPT__OPERATIONS];
} stripe;

static stripe stripes[STRIPES];
static _Atomic uint32_t next_stripe;
static _Thread_local stripe *own;

void perfopt__operation_record(perfopt__operation operation, int64_t took_ns)
{
    if (!own)
        own = &stripes[atomic_fetch_add_explicit(&next_stripe, 1, memory_order_relaxed) % STRIPES];
    if (took_ns < 0)
        took_ns = 0;
    int i = 0;
    while (i < PERFOPT__OPERATION_BOUNDS && took_ns > perfopt__operation_bounds_ns[i])
        i++;
    atomic_fetch_add_explicit(&own->of[operation].buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&own->of[operation].sum_ns, (uint64_t)took_ns, memory_order_relaxed);
}

void perfopt__operation_read(perfopt__operation operation, perfopt__operation_sums *out)
{
    *out = (perfopt__operation_sums){0};
    for (int s = 0; s < STRIPES; s++) {
        out->sum_ns += atomic_load_explicit(&stripes[s].of[operation].sum_ns, memory_order_relaxed);
        for (int i = 0; i <= PERFOPT__OPERATION_BOUNDS; i++)
            out->buckets[i] +=
                atomic_load_explicit(&stripes[s].of[operation].buckets[i], memory_order_relaxed);
    }
}
