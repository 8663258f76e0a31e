/*
 * text.h - small pieces of text work that monitor needs in several places.
 */
#ifndef PERFOPT_SRC_MONITOR_TEXT_H
#define PERFOPT_SRC_MONITOR_TEXT_H

#include <perfopt/base.h>

/* snprintf that never ends in the middle of a UTF-8 character. */
void perfopt__format(char *out, size_t size, const char *format, ...) PERFOPT_PRINTF(3, 4);
/* The bytes of a number with a fitting unit: "512 MiB", "1.4 GiB". Returns `out`. */
const char *perfopt__format_bytes(uint64_t bytes, char out[24]);

#endif
