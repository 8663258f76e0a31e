/*
 * env.c - strict parsing of settings.
 */
#include "base/env.h"

#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct unit {
    const char *suffix;
    int64_t factor;
} unit;

const char *perfopt__env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

perfopt_status perfopt__parse_bool(const char *setting, const char *text, bool *out,
                                   perfopt_error *err)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off"};
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *out = true;
            return PERFOPT_OK;
        }
        if (strcasecmp(text, no[i]) == 0) {
            *out = false;
            return PERFOPT_OK;
        }
    }
    return perfopt__error_set(err, PERFOPT_ECONFIG, "%s: \"%.40s\" is neither true nor false",
                              setting, text);
}

/* Parses leading digits; *rest points behind them. False if there are none or they overflow. */
static bool leading_int(const char *text, int64_t *out, const char **rest)
{
    const char *digits = *text == '-' ? text + 1 : text;
    if (!isdigit((unsigned char)*digits))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno == ERANGE)
        return false;
    *out = value;
    *rest = end;
    return true;
}

perfopt_status perfopt__parse_int(const char *setting, const char *text, int64_t min, int64_t max,
                                  int64_t *out, perfopt_error *err)
{
    int64_t value;
    const char *rest;
    if (!leading_int(text, &value, &rest) || *rest)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "%s: \"%.40s\" is not a whole number",
                                  setting, text);
    if (value < min || value > max)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "%s: %lld is not between %lld and %lld",
                                  setting, (long long)value, (long long)min, (long long)max);
    *out = value;
    return PERFOPT_OK;
}

static perfopt_status parse_with_unit(const char *setting, const char *text, const unit *units,
                                      const char *allowed, int64_t *out, perfopt_error *err)
{
    int64_t value;
    const char *rest;
    if (leading_int(text, &value, &rest) && value >= 0) {
        while (*rest == ' ')
            rest++;
        for (const unit *u = units; u->suffix; u++) {
            if (strcasecmp(rest, u->suffix) != 0)
                continue;
            if (__builtin_mul_overflow(value, u->factor, out))
                break;
            return PERFOPT_OK;
        }
    }
    return perfopt__error_set(err, PERFOPT_ECONFIG, "%s: \"%.40s\" is not %s", setting, text,
                              allowed);
}

perfopt_status perfopt__parse_bytes(const char *setting, const char *text, uint64_t *out,
                                    perfopt_error *err)
{
    static const unit units[] = {{"", 1},         {"b", 1},         {"k", 1 << 10},
                                 {"kb", 1 << 10}, {"kib", 1 << 10}, {"m", 1 << 20},
                                 {"mb", 1 << 20}, {"mib", 1 << 20}, {"g", 1 << 30},
                                 {"gb", 1 << 30}, {"gib", 1 << 30}, {NULL, 0}};
    int64_t value = 0;
    perfopt_status status =
        parse_with_unit(setting, text, units, "a size such as 4096, 64k, 16m or 1g", &value, err);
    if (status == PERFOPT_OK)
        *out = (uint64_t)value;
    return status;
}

perfopt_status perfopt__parse_duration_ms(const char *setting, const char *text, int64_t unit_ms,
                                          int64_t *out, perfopt_error *err)
{
    const unit units[] = {{"", unit_ms},  {"ms", 1},       {"s", 1000}, {"m", 60000},
                          {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
    return parse_with_unit(setting, text, units, "a duration such as 200ms, 5s, 10m or 1h", out,
                           err);
}
