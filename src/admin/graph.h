/*
 * graph.h - small graphics as inline SVG: no style attributes, no script, a <title> that says what
 * the line shows. A point without data interrupts the line.
 */
#ifndef PERFOPT_SRC_ADMIN_GRAPH_H
#define PERFOPT_SRC_ADMIN_GRAPH_H

#include "admin/format.h"
#include "base/strbuf.h"

typedef struct perfopt__graph {
    const double *points;
    const double *second; /* another line; NULL = none */
    size_t count;
    const char *label;
    perfopt__format_fn format;
    double mark; /* threshold, drawn if it is near the line; NAN = none */
} perfopt__graph;

/* A line for a tile; nothing if no point has data. */
void perfopt__graph_spark(const perfopt__graph *graph, perfopt__strbuf *out);
/* A chart with a scale; a sentence instead if no point has data. */
void perfopt__graph_plot(const perfopt__graph *graph, perfopt__strbuf *out);
/* A filled bar; NAN = nothing. */
void perfopt__graph_bar(double ratio, perfopt__strbuf *out);

#endif
