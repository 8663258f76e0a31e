/*
 * error.h - filling a perfopt_error where a failure is discovered. All functions accept err == NULL
 * and return the status, so that `return perfopt__error_set(err, ...)` ends a function.
 */
#ifndef PERFOPT_SRC_BASE_ERROR_H
#define PERFOPT_SRC_BASE_ERROR_H

#include <perfopt/base.h>

void perfopt__error_write(perfopt_error *err, perfopt_status status, const char *format, ...)
    PERFOPT_PRINTF(3, 4);
void perfopt__error_write_os(perfopt_error *err, perfopt_status status, int errnum,
                             const char *format, ...) PERFOPT_PRINTF(4, 5);
void perfopt__error_write_from(perfopt_error *err, perfopt_status status, perfopt_origin origin,
                               int64_t native, const char *detail, const char *format, ...)
    PERFOPT_PRINTF(6, 7);

/* Macros, so that a compiler or analyser sees in the caller that the result is the status. */

/* Origin "perfopt"; the message is cut at the end of a UTF-8 character, newlines become spaces. */
#define perfopt__error_set(err, status, ...)                     \
    ({                                                           \
        const perfopt_status error_status_ = (status);           \
        perfopt__error_write((err), error_status_, __VA_ARGS__); \
        error_status_;                                           \
    })
/* Origin "os": native = errnum; appends ": <strerror>". */
#define perfopt__error_os(err, status, errnum, ...)                                \
    ({                                                                             \
        const int error_number_ = (errnum);                                        \
        const perfopt_status error_status_ = (status);                             \
        perfopt__error_write_os((err), error_status_, error_number_, __VA_ARGS__); \
        error_status_;                                                             \
    })
/* Any origin with a native number and a detail; detail may be NULL. */
#define perfopt__error_from(err, status, origin, native, detail, ...)                 \
    ({                                                                                \
        const perfopt_status error_status_ = (status);                                \
        perfopt__error_write_from((err), error_status_, (origin), (native), (detail), \
                                  __VA_ARGS__);                                       \
        error_status_;                                                                \
    })
/* The standard message of an allocation that failed. */
#define perfopt__error_nomem(err) perfopt__error_set((err), PERFOPT_ENOMEM, "out of memory")

#endif
