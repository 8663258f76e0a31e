/*
 * exposition_parser.c - the strict reader.
 */
#include "monitor/exposition_parser.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fail(expo *e, const char *what, const char *line)
{
    if (!e->error[0])
        snprintf(e->error, sizeof(e->error), "%s: %.100s", what, line);
    return false;
}

static size_t name_length(const char *text, bool colon)
{
    size_t n = 0;
    while ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z') ||
           text[n] == '_' || (colon && text[n] == ':') ||
           (n > 0 && text[n] >= '0' && text[n] <= '9'))
        n++;
    return n;
}

/* "# HELP name text" opens a family, "# TYPE name type" must follow it. */
static bool parse_comment(expo *e, const char *line, bool *expect_type)
{
    bool help = strncmp(line, "# HELP ", 7) == 0;
    if (!help && strncmp(line, "# TYPE ", 7) != 0)
        return fail(e, "comment that is neither HELP nor TYPE", line);
    if (help == *expect_type)
        return fail(e, "HELP and TYPE out of order", line);
    const char *name = line + 7;
    size_t length = name_length(name, true);
    if (length == 0 || name[length] != ' ')
        return fail(e, "family name", line);
    if (!help) {
        expo_family *family = &e->families[e->family_count - 1];
        if (strlen(family->name) != length || strncmp(family->name, name, length) != 0)
            return fail(e, "TYPE of another family", line);
        static const char *const types[] = {"counter", "gauge", "histogram", "summary"};
        for (int i = 0; i < 4; i++) {
            if (strcmp(types[i], name + length + 1) == 0)
                family->type = strdup(types[i]);
        }
        *expect_type = false;
        return family->type ? true : fail(e, "type", line);
    }
    for (size_t i = 0; i < e->family_count; i++) {
        if (strlen(e->families[i].name) == length &&
            strncmp(e->families[i].name, name, length) == 0)
            return fail(e, "family twice", line);
    }
    e->families = realloc(e->families, (e->family_count + 1) * sizeof(*e->families));
    e->families[e->family_count++] = (expo_family){.name = strndup(name, length)};
    *expect_type = true;
    return true;
}

/* A quoted label value; returns what follows the closing quote. */
static const char *parse_quoted(const char *at, char **out)
{
    char *value = malloc(strlen(at) + 1);
    size_t n = 0;
    for (; *at && *at != '"' && *at != '\n'; at++) {
        if (*at == '\\') {
            at++;
            if (*at != '\\' && *at != '"' && *at != 'n')
                break;
            value[n++] = *at == 'n' ? '\n' : *at;
        } else {
            value[n++] = *at;
        }
    }
    value[n] = '\0';
    *out = value;
    return *at == '"' ? at + 1 : NULL;
}

static const char *parse_labels(expo *e, expo_sample *sample, const char *at, const char *line)
{
    do {
        at++;
        size_t length = name_length(at, false);
        if (length == 0 || at[length] != '=' || at[length + 1] != '"' ||
            sample->label_count == EXPO_MAX_LABELS) {
            fail(e, "label", line);
            return NULL;
        }
        int i = sample->label_count++;
        sample->label_names[i] = strndup(at, length);
        at = parse_quoted(at + length + 2, &sample->label_values[i]);
        if (!at) {
            fail(e, "label value", line);
            return NULL;
        }
        for (int k = 0; k < i; k++) {
            if (strcmp(sample->label_names[k], sample->label_names[i]) == 0)
                fail(e, "label twice", line);
        }
    } while (*at == ',');
    if (*at != '}')
        fail(e, "end of labels", line);
    return at + 1;
}

static bool parse_value(const char *text, double *out)
{
    static const char *const special[] = {"NaN", "+Inf", "-Inf"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, special[i]) == 0) {
            *out = i == 0 ? (double)NAN : i == 1 ? (double)INFINITY : -(double)INFINITY;
            return true;
        }
    }
    if (strspn(text, "0123456789.eE+-") != strlen(text) || *text == '\0')
        return false;
    char *end;
    *out = strtod(text, &end);
    return *end == '\0';
}

/* The family's name, or with a suffix its type allows. */
static bool belongs(const expo_family *family, const char *name)
{
    size_t length = strlen(family->name);
    if (strncmp(name, family->name, length) != 0)
        return false;
    const char *suffix = name + length;
    if (strcmp(family->type, "histogram") == 0)
        return strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_sum") == 0 ||
               strcmp(suffix, "_count") == 0;
    if (strcmp(family->type, "summary") == 0 &&
        (strcmp(suffix, "_sum") == 0 || strcmp(suffix, "_count") == 0))
        return true;
    return *suffix == '\0';
}

static bool parse_sample(expo *e, const char *line)
{
    size_t length = name_length(line, true);
    if (length == 0 || e->family_count == 0)
        return fail(e, "sample name", line);
    e->samples = realloc(e->samples, (e->sample_count + 1) * sizeof(*e->samples));
    expo_sample *sample = &e->samples[e->sample_count++];
    *sample = (expo_sample){.name = strndup(line, length), .family = (int)e->family_count - 1};
    const char *at = line + length;
    if (*at == '{')
        at = parse_labels(e, sample, at, line);
    if (!at || *at != ' ' || !parse_value(at + 1, &sample->value))
        return fail(e, "value", line);
    const expo_family *family = &e->families[sample->family];
    if (!belongs(family, sample->name))
        return fail(e, "sample of another family", line);
    if (strcmp(family->type, "counter") == 0 &&
        (strlen(sample->name) < 6 ||
         strcmp(sample->name + strlen(sample->name) - 6, "_total") != 0 || !(sample->value >= 0)))
        return fail(e, "counter", line);
    return true;
}

const char *expo_label(const expo_sample *sample, const char *name)
{
    for (int i = 0; i < sample->label_count; i++) {
        if (strcmp(sample->label_names[i], name) == 0)
            return sample->label_values[i];
    }
    return NULL;
}

static bool same_labels(const expo_sample *a, const expo_sample *b, const char *but)
{
    int compared = 0;
    for (int i = 0; i < a->label_count; i++) {
        if (but && strcmp(a->label_names[i], but) == 0)
            continue;
        const char *other = expo_label(b, a->label_names[i]);
        if (!other || strcmp(other, a->label_values[i]) != 0)
            return false;
        compared++;
    }
    int others = b->label_count - (but && expo_label(b, but) ? 1 : 0);
    return compared == others;
}

static bool is_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n >= s && strcmp(name + n - s, suffix) == 0;
}

/* Buckets rise with their bounds, end with +Inf, and agree with _count; _sum is there. */
static void check_histogram(expo *e, size_t first)
{
    double last_bound = -(double)INFINITY, last = 0;
    size_t i = first;
    for (; i < e->sample_count && is_suffix(e->samples[i].name, "_bucket") &&
           same_labels(&e->samples[i], &e->samples[first], "le");
         i++) {
        const char *le = expo_label(&e->samples[i], "le");
        double bound = 0;
        if (!le || !parse_value(le, &bound) || bound <= last_bound || e->samples[i].value < last)
            fail(e, "bucket", e->samples[i].name);
        last_bound = bound;
        last = e->samples[i].value;
    }
    if (!isinf(last_bound) || i + 1 >= e->sample_count || !is_suffix(e->samples[i].name, "_sum") ||
        !is_suffix(e->samples[i + 1].name, "_count") || e->samples[i + 1].value != last ||
        !same_labels(&e->samples[i], &e->samples[first], "le") ||
        !same_labels(&e->samples[i + 1], &e->samples[first], "le"))
        fail(e, "histogram", e->samples[first].name);
}

static void check_whole(expo *e)
{
    for (size_t i = 0; i < e->sample_count && !e->error[0]; i++) {
        const expo_sample *s = &e->samples[i];
        for (size_t k = i + 1; k < e->sample_count; k++) {
            if (strcmp(s->name, e->samples[k].name) == 0 && same_labels(s, &e->samples[k], NULL))
                fail(e, "series twice", s->name);
        }
        bool first = is_suffix(s->name, "_bucket") &&
                     (i == 0 || !is_suffix(e->samples[i - 1].name, "_bucket") ||
                      !same_labels(s, &e->samples[i - 1], "le"));
        if (first)
            check_histogram(e, i);
    }
}

expo *expo_parse(const char *text, size_t length)
{
    expo *e = calloc(1, sizeof(*e));
    bool expect_type = false;
    if (length == 0 || text[length - 1] != '\n' || strlen(text) != length)
        fail(e, "end of the text", "");
    char *copy = strdup(text);
    char *rest = copy;
    for (char *line; !e->error[0] && (line = strsep(&rest, "\n")) != NULL && rest;) {
        if (*line == '#')
            parse_comment(e, line, &expect_type);
        else if (expect_type)
            fail(e, "sample before TYPE", line);
        else
            parse_sample(e, line);
    }
    free(copy);
    if (!e->error[0])
        check_whole(e);
    return e;
}

void expo_free(expo *e)
{
    for (size_t i = 0; i < e->family_count; i++) {
        free(e->families[i].name);
        free(e->families[i].type);
    }
    for (size_t i = 0; i < e->sample_count; i++) {
        free(e->samples[i].name);
        for (int l = 0; l < e->samples[i].label_count; l++) {
            free(e->samples[i].label_names[l]);
            free(e->samples[i].label_values[l]);
        }
    }
    free(e->families);
    free(e->samples);
    free(e);
}

double expo_value(const expo *e, const char *name, const char *labels)
{
    for (size_t i = 0; i < e->sample_count; i++) {
        const expo_sample *s = &e->samples[i];
        char text[1024] = "";
        for (int l = 0; l < s->label_count; l++) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof(text) - used, "%s%s=%s", l ? "," : "", s->label_names[l],
                     s->label_values[l]);
        }
        if (strcmp(s->name, name) == 0 && strcmp(text, labels) == 0)
            return s->value;
    }
    return (double)NAN;
}
