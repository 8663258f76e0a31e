/*
 * bytes.h - the layout of perfopt_bytes, for modules that fill one in place.
 */
#ifndef PERFOPT_SRC_BASE_BYTES_H
#define PERFOPT_SRC_BASE_BYTES_H

#include <perfopt/base.h>
#include <stdatomic.h>

struct perfopt_bytes {
    _Atomic uint32_t refs;
    size_t length;
    char data[]; /* length bytes and a NUL */
};

/* One reference, `length` uninitialised bytes and the closing NUL; NULL when out of memory. */
perfopt_bytes *perfopt__bytes_new(size_t length);

#endif
