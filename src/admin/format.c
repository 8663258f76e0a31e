/*
 * format.c - numbers as people read them.
 */
#include "admin/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static char *put(char out[PERFOPT__FORMAT], const char *text)
{
    snprintf(out, PERFOPT__FORMAT, "%s", text);
    return out;
}

static char *append(char out[PERFOPT__FORMAT], const char *text)
{
    size_t used = strlen(out);
    snprintf(out + used, PERFOPT__FORMAT - used, "%s", text);
    return out;
}

static char *dash(char out[PERFOPT__FORMAT])
{
    return put(out, PERFOPT__DASH);
}

/* At most `decimals` digits behind the point, without zeros at the end. */
static char *trimmed(double x, int decimals, char out[PERFOPT__FORMAT])
{
    int length = snprintf(out, PERFOPT__FORMAT - 12, "%.*f", decimals, x);
    if (length >= PERFOPT__FORMAT - 12)
        return put(out, "very many");
    if (strchr(out, '.')) {
        while (out[length - 1] == '0')
            out[--length] = '\0';
        if (out[length - 1] == '.')
            out[--length] = '\0';
    }
    return strcmp(out, "-0") == 0 ? put(out, "0") : out;
}

static char *with_unit(double x, int decimals, const char *unit, char out[PERFOPT__FORMAT])
{
    trimmed(x, decimals, out);
    append(out, PERFOPT__NBSP);
    return append(out, unit);
}

char *perfopt__format_ms(double ms, char out[PERFOPT__FORMAT])
{
    if (!isfinite(ms))
        return dash(out);
    if (ms > 0 && ms < 0.1)
        return with_unit(ms * 1000, ms < 0.01 ? 1 : 0, "\xC2\xB5s", out);
    if (ms < 1000)
        return with_unit(ms, ms < 1 ? 2 : ms < 10 ? 1 : 0, "ms", out);
    return ms < 60000 ? with_unit(ms / 1000, 2, "s", out) : perfopt__format_duration(ms, out);
}

char *perfopt__format_duration(double ms, char out[PERFOPT__FORMAT])
{
    if (!isfinite(ms))
        return dash(out);
    if (ms < 60e3)
        return with_unit(ms / 1e3, 0, "s", out);
    if (ms < 3600e3)
        return with_unit(ms / 60e3, 1, "min", out);
    return ms < 48 * 3600e3 ? with_unit(ms / 3600e3, 1, "h", out)
                            : with_unit(ms / (24 * 3600e3), 1, "days", out);
}

char *perfopt__format_nanos(double ns, char out[PERFOPT__FORMAT])
{
    return isfinite(ns) ? with_unit(ns, 0, "ns", out) : dash(out);
}

char *perfopt__format_percent(double ratio, char out[PERFOPT__FORMAT])
{
    if (!isfinite(ratio))
        return dash(out);
    double percent = ratio * 100;
    /* Near both ends the digits matter: 0.04 % is not none, 99.9 % is not all. */
    int decimals = percent <= 0 || percent >= 100  ? 0
                   : percent < 1 || percent > 99.9 ? 2
                   : percent < 10 || percent > 99  ? 1
                                                   : 0;
    return with_unit(percent, decimals, "%", out);
}

char *perfopt__format_points(double percent, char out[PERFOPT__FORMAT])
{
    return isfinite(percent) ? with_unit(percent, 1, "%", out) : dash(out);
}

char *perfopt__format_count(double n, char out[PERFOPT__FORMAT])
{
    if (!isfinite(n))
        return dash(out);
    if (fabs(n) >= 1e10)
        return with_unit(n / 1e9, 1, "G", out);
    if (fabs(n) >= 1e7)
        return with_unit(n / 1e6, 1, "M", out);
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%.0f", n);
    char *p = out;
    for (int i = 0; i < length; i++) {
        *p++ = digits[i];
        if (digits[i] != '-' && i + 1 < length && (length - i - 1) % 3 == 0)
            *p++ = ',';
    }
    *p = '\0';
    return out;
}

char *perfopt__format_rate(double per_s, char out[PERFOPT__FORMAT])
{
    if (!isfinite(per_s))
        return dash(out);
    if (per_s >= 1000)
        perfopt__format_count(per_s, out);
    else
        trimmed(per_s, per_s < 1 ? 2 : per_s < 100 ? 1 : 0, out);
    return append(out, "/s");
}

char *perfopt__format_size(double bytes, char out[PERFOPT__FORMAT])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    if (!isfinite(bytes))
        return dash(out);
    size_t i = 0;
    while (bytes >= 1024 && i + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024;
        i++;
    }
    return with_unit(bytes, i == 0 || bytes >= 100 ? 0 : 1, units[i], out);
}

char *perfopt__format_decimal(double x, char out[PERFOPT__FORMAT])
{
    return isfinite(x) ? trimmed(x, fabs(x) < 10 ? 2 : 1, out) : dash(out);
}

char *perfopt__format_change(double ratio, char out[PERFOPT__FORMAT])
{
    if (!isfinite(ratio))
        return dash(out);
    double percent = round(ratio * 100);
    if (percent == 0)
        return put(out, "as before");
    if (percent > 999)
        return put(out, "over 10 times as before");
    snprintf(out, PERFOPT__FORMAT, "%s%.0f" PERFOPT__NBSP "%% vs before",
             percent > 0 ? "+" : "\xe2\x88\x92", fabs(percent));
    return out;
}

char *perfopt__format_clock(int64_t wall_s, int64_t now_s, char out[PERFOPT__FORMAT])
{
    time_t then = (time_t)wall_s;
    struct tm tm;
    if (!gmtime_r(&then, &tm))
        return dash(out);
    bool today = wall_s / 86400 == now_s / 86400;
    strftime(out, PERFOPT__FORMAT, today ? "%H:%M:%S" : "%e" PERFOPT__NBSP "%b %H:%M", &tm);
    return out[0] == ' ' ? memmove(out, out + 1, strlen(out)) : out;
}

perfopt__format_fn perfopt__format_named(const char *unit, size_t length)
{
    static const struct {
        const char *name;
        perfopt__format_fn fn;
    } units[] = {
        {"ms", perfopt__format_ms},           {"duration", perfopt__format_duration},
        {"nanos", perfopt__format_nanos},     {"percent", perfopt__format_percent},
        {"points", perfopt__format_points},   {"count", perfopt__format_count},
        {"rate", perfopt__format_rate},       {"bytes", perfopt__format_size},
        {"decimal", perfopt__format_decimal}, {"change", perfopt__format_change},
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) == length && memcmp(units[i].name, unit, length) == 0)
            return units[i].fn;
    }
    return NULL;
}
