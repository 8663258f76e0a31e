/*
 * options.h - reading an options struct of any past version into the library's own copy.
 */
#ifndef PERFOPT_SRC_BASE_OPTIONS_H
#define PERFOPT_SRC_BASE_OPTIONS_H

#include <perfopt/base.h>

/*
 * Zeroes `own` and copies as much of the caller's struct as both know. NULL options = all zero.
 * PERFOPT_EINVAL, naming `macro`, if struct_size was never set.
 */
perfopt_status perfopt__options_read(void *own, size_t own_size, const void *options,
                                     const char *macro, perfopt_error *err);

#endif
