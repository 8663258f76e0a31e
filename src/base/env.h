/*
 * env.h - parsing settings from text: environment variables and command-line values. Every function
 * names the setting in its error message and never falls back to a default on nonsense.
 */
#ifndef PERFOPT_SRC_BASE_ENV_H
#define PERFOPT_SRC_BASE_ENV_H

#include <perfopt/base.h>

/* The variable's value, NULL if it is unset or empty. */
const char *perfopt__env(const char *name);
/* 1/true/yes/on and 0/false/no/off in any case. */
perfopt_status perfopt__parse_bool(const char *setting, const char *text, bool *out,
                                   perfopt_error *err);
/* Decimal integer within [min, max]. */
perfopt_status perfopt__parse_int(const char *setting, const char *text, int64_t min, int64_t max,
                                  int64_t *out, perfopt_error *err);
/* Byte count with an optional suffix k, m, g, KiB, MiB, GiB (powers of 1024), or B. */
perfopt_status perfopt__parse_bytes(const char *setting, const char *text, uint64_t *out,
                                    perfopt_error *err);
/* Duration with ms, s, m, h, d; without a suffix it is `unit_ms` milliseconds per unit. */
perfopt_status perfopt__parse_duration_ms(const char *setting, const char *text, int64_t unit_ms,
                                          int64_t *out, perfopt_error *err);

#endif
