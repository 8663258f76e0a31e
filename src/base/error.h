/*
 * error.h - filling a perfopt_error where a failure is discovered. All functions accept err == NULL
 * and return the status, so that `return perfopt__error_set(err, ...)` ends a function.
 */
#ifndef PERFOPT_SRC_BASE_ERROR_H
#define PERFOPT_SRC_BASE_ERROR_H

#include <perfopt/base.h>

/* Origin "perfopt"; the message is cut at the end of a UTF-8 character, newlines become spaces. */
perfopt_status perfopt__error_set(perfopt_error *err, perfopt_status status, const char *format,
                                  ...) PERFOPT_PRINTF(3, 4);
/* Origin "os": native = errnum; appends ": <strerror>". */
perfopt_status perfopt__error_os(perfopt_error *err, perfopt_status status, int errnum,
                                 const char *format, ...) PERFOPT_PRINTF(4, 5);
/* Any origin with a native number and a detail; detail may be NULL. */
perfopt_status perfopt__error_from(perfopt_error *err, perfopt_status status, perfopt_origin origin,
                                   int64_t native, const char *detail, const char *format, ...)
    PERFOPT_PRINTF(6, 7);
/* The standard message of an allocation that failed. */
perfopt_status perfopt__error_nomem(perfopt_error *err);

#endif
