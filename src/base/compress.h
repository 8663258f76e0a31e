/*
 * compress.h - gzip through libdeflate where it was found, else zlib; raw size is always bounded by
 * the caller on the way back.
 */
#ifndef PERFOPT_SRC_BASE_COMPRESS_H
#define PERFOPT_SRC_BASE_COMPRESS_H

#include <perfopt/base.h>

/*
 * Compress into a gzip stream without a timestamp (same input, same output).
 *
 * level: 1 to 9 as in zlib; 12 = libdeflate's strongest (zlib: 9). *out is freed with
 * perfopt__free. PERFOPT_OK, PERFOPT_ENOMEM, PERFOPT_EFAILED.
 */
perfopt_status perfopt__gzip(const void *data, size_t length, int level, char **out,
                             size_t *out_length);
/* PERFOPT_EPROTO if the stream is damaged or holds more than max_bytes; PERFOPT_ENOMEM. */
perfopt_status perfopt__gunzip(const void *data, size_t length, size_t max_bytes, char **out,
                               size_t *out_length);

#endif
