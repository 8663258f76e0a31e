/*
 * exposition_parser.h - a strict reader of the Prometheus text format, written against its
 * specification and not against the writer: a HELP and a TYPE before each family's samples,
 * families in one piece, no series twice, valid names, escapes and numbers, complete histograms.
 */
#ifndef PERFOPT_TESTS_MONITOR_EXPOSITION_PARSER_H
#define PERFOPT_TESTS_MONITOR_EXPOSITION_PARSER_H

#include <stddef.h>

#define EXPO_MAX_LABELS 8

typedef struct expo_sample {
    char *name;
    char *label_names[EXPO_MAX_LABELS];
    char *label_values[EXPO_MAX_LABELS]; /* unescaped */
    int label_count;
    double value;
    int family;
} expo_sample;

typedef struct expo_family {
    char *name;
    char *type;
} expo_family;

typedef struct expo {
    expo_family *families;
    size_t family_count;
    expo_sample *samples;
    size_t sample_count;
    char error[200]; /* "" = the text is valid */
} expo;

/* Parses; look at `error`. Free with expo_free(). */
expo *expo_parse(const char *text, size_t length);
void expo_free(expo *e);
/* Value of a series whose labels are exactly "name=value,name=value" in the order written; NAN if
 * there is none. */
double expo_value(const expo *e, const char *name, const char *labels);
const char *expo_label(const expo_sample *sample, const char *name);

#endif
