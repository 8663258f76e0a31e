/*
 * exposition.c - the Prometheus text format.
 */
#include "monitor/exposition.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void put_help(perfopt__strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\')
            perfopt__strbuf_puts(out, "\\\\");
        else if (*text == '\n')
            perfopt__strbuf_puts(out, "\\n");
        else
            perfopt__strbuf_putc(out, *text);
    }
}

void perfopt__expo_family(perfopt__strbuf *out, const char *name, const char *type,
                          const char *help)
{
    perfopt__strbuf_printf(out, "# HELP %s ", name);
    put_help(out, help);
    perfopt__strbuf_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void put_label_value(perfopt__strbuf *out, const char *value)
{
    size_t left = strlen(value);
    while (left > 0) {
        uint32_t character;
        size_t length = perfopt__utf8_decode(value, left, &character);
        if (length == 0)
            perfopt__strbuf_puts(out, "\xEF\xBF\xBD");
        else if (*value == '\\' || *value == '"')
            perfopt__strbuf_printf(out, "\\%c", *value);
        else if (*value == '\n')
            perfopt__strbuf_puts(out, "\\n");
        else
            perfopt__strbuf_append(out, value, length);
        value += length ? length : 1;
        left -= length ? length : 1;
    }
}

static void put_labels(perfopt__strbuf *out, const perfopt__label *labels)
{
    if (!labels || !labels->name)
        return;
    char before = '{';
    for (; labels->name; labels++) {
        perfopt__strbuf_printf(out, "%c%s=\"", before, labels->name);
        put_label_value(out, labels->value);
        perfopt__strbuf_putc(out, '"');
        before = ',';
    }
    perfopt__strbuf_putc(out, '}');
}

static void put_number(perfopt__strbuf *out, double value)
{
    if (isnan(value)) {
        perfopt__strbuf_puts(out, "NaN");
        return;
    }
    if (isinf(value)) {
        perfopt__strbuf_puts(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    char text[40];
    snprintf(text, sizeof(text), "%.15g", value);
    bool point = false; /* a locale's decimal point may be any bytes; one point stands for them */
    for (const char *c = text; *c; c++) {
        bool known = (*c >= '0' && *c <= '9') || *c == '-' || *c == '+' || *c == 'e';
        if (known)
            perfopt__strbuf_putc(out, *c);
        else if (!point)
            perfopt__strbuf_putc(out, '.');
        point |= !known;
    }
}

static void begin_line(perfopt__strbuf *out, const char *name, const char *suffix,
                       const perfopt__label *labels)
{
    perfopt__strbuf_puts(out, name);
    perfopt__strbuf_puts(out, suffix);
    put_labels(out, labels);
    perfopt__strbuf_putc(out, ' ');
}

void perfopt__expo_value(perfopt__strbuf *out, const char *name, const char *suffix,
                         const perfopt__label *labels, double value)
{
    begin_line(out, name, suffix, labels);
    put_number(out, value);
    perfopt__strbuf_putc(out, '\n');
}

void perfopt__expo_count(perfopt__strbuf *out, const char *name, const char *suffix,
                         const perfopt__label *labels, uint64_t value)
{
    begin_line(out, name, suffix, labels);
    perfopt__strbuf_printf(out, "%" PRIu64 "\n", value);
}

void perfopt__expo_histogram(perfopt__strbuf *out, const char *name, const perfopt__label *labels,
                             const char *const *bounds, size_t count, const uint64_t *buckets,
                             double sum)
{
    perfopt__label with_bound[8] = {{NULL, NULL}};
    size_t n = 0;
    while (n < 6 && labels && labels[n].name) {
        with_bound[n] = labels[n];
        n++;
    }
    uint64_t below = 0;
    for (size_t i = 0; i <= count; i++) {
        below += buckets[i];
        with_bound[n] = (perfopt__label){"le", i < count ? bounds[i] : "+Inf"};
        perfopt__expo_count(out, name, "_bucket", with_bound, below);
    }
    perfopt__expo_value(out, name, "_sum", labels, sum);
    perfopt__expo_count(out, name, "_count", labels, below);
}
