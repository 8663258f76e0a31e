/*
 * exposition.h - writing the Prometheus text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). Numbers do not depend on the locale.
 */
#ifndef PERFOPT_SRC_MONITOR_EXPOSITION_H
#define PERFOPT_SRC_MONITOR_EXPOSITION_H

#include "base/strbuf.h"

typedef struct perfopt__label {
    const char *name;
    const char *value; /* any bytes; what is no UTF-8 becomes U+FFFD */
} perfopt__label;

/* HELP and TYPE of a family; `type` is counter, gauge, histogram or summary. */
void perfopt__expo_family(perfopt__strbuf *out, const char *name, const char *type,
                          const char *help);
/* One line. `labels` ends with a NULL name; NULL = none. */
void perfopt__expo_value(perfopt__strbuf *out, const char *name, const char *suffix,
                         const perfopt__label *labels, double value);
void perfopt__expo_count(perfopt__strbuf *out, const char *name, const char *suffix,
                         const perfopt__label *labels, uint64_t value);
/* A whole histogram: `count` bounds as text, count + 1 buckets that are not cumulative. At most six
 * labels. */
void perfopt__expo_histogram(perfopt__strbuf *out, const char *name, const perfopt__label *labels,
                             const char *const *bounds, size_t count, const uint64_t *buckets,
                             double sum);

#endif
