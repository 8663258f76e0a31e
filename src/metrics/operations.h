/*
 * operations.h - how long the process waited for its databases, one histogram each, exact below the
 * bounds OpenTelemetry gives for db.client.operation.duration.
 *
 * An operation takes tens of microseconds at least, so an uncontended atomic addition is cheap
 * enough: threads are spread over 64 stripes of static memory. Nothing is allocated.
 */
#ifndef PERFOPT_SRC_METRICS_OPERATIONS_H
#define PERFOPT_SRC_METRICS_OPERATIONS_H

#include <stdint.h>

#define PERFOPT__OPERATION_BOUNDS 9
extern const int64_t perfopt__operation_bounds_ns[PERFOPT__OPERATION_BOUNDS];

typedef enum perfopt__operation {
    PERFOPT__OPERATION_POSTGRES,
    PERFOPT__OPERATION_REDIS,
    PERFOPT__OPERATIONS
} perfopt__operation;

typedef struct perfopt__operation_sums {
    uint64_t sum_ns;
    uint64_t buckets[PERFOPT__OPERATION_BOUNDS + 1]; /* not cumulative; the last one is +Inf */
} perfopt__operation_sums;

void perfopt__operation_record(perfopt__operation operation, int64_t took_ns);
/* Since the process started. */
void perfopt__operation_read(perfopt__operation operation, perfopt__operation_sums *out);

#endif
