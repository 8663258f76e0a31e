/*
 * version.h - the library's version; the build reads it from here.
 */
#ifndef PERFOPT_VERSION_H
#define PERFOPT_VERSION_H

#include <perfopt/export.h>

#define PERFOPT_VERSION_MAJOR  0
#define PERFOPT_VERSION_MINOR  1
#define PERFOPT_VERSION_PATCH  0
#define PERFOPT_VERSION_STRING "0.1.0"

PERFOPT_BEGIN_DECLS

/**
 * Version of the library that is linked in, "MAJOR.MINOR.PATCH".
 *
 * @return A constant string.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API const char *perfopt_version(void);

PERFOPT_END_DECLS

#endif
