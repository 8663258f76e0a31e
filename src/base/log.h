/*
 * log.h - writing to the log sink. `module` is the folder's name.
 */
#ifndef PERFOPT_SRC_BASE_LOG_H
#define PERFOPT_SRC_BASE_LOG_H

#include <perfopt/base.h>

void perfopt__log(perfopt_log_level level, const char *module, const char *format, ...)
    PERFOPT_PRINTF(3, 4);

#endif
