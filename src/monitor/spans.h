/*
 * spans.h - from a span's name to its number, by the name's address: after the first sight of a
 * name neither a lock nor its text is touched.
 */
#ifndef PERFOPT_SRC_MONITOR_SPANS_H
#define PERFOPT_SRC_MONITOR_SPANS_H

#include "metrics/routes.h"

#define PERFOPT__SPAN_NAMES 512

typedef struct perfopt__spans {
    perfopt__routes *routes;
    uint32_t overflow; /* "SPAN (other)" */
    struct {
        _Atomic(const char *) name; /* written once, by whoever comes first */
        _Atomic uint32_t number;    /* 0 = not known yet */
    } seen[PERFOPT__SPAN_NAMES];    /* open addressing */
} perfopt__spans;

void perfopt__spans_init(perfopt__spans *spans, perfopt__routes *routes);
uint32_t perfopt__spans_number(perfopt__spans *spans, const char *name);

#endif
