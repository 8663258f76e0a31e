/*
 * compress.c - gzip for pages, assets and cache values.
 */
#include "base/compress.h"

#include "base/memory.h"

#include <zlib.h>
#ifdef PERFOPT_HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#ifdef PERFOPT_HAVE_LIBDEFLATE
static perfopt_status gzip_into(const void *data, size_t length, int level, char *out,
                                size_t capacity, size_t *out_length)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
    if (!c)
        return PERFOPT_ENOMEM;
    *out_length = libdeflate_gzip_compress(c, data, length, out, capacity);
    libdeflate_free_compressor(c);
    return *out_length ? PERFOPT_OK : PERFOPT_EFAILED;
}

static size_t gzip_bound(size_t length)
{
    return libdeflate_gzip_compress_bound(NULL, length);
}
#else
static perfopt_status gzip_into(const void *data, size_t length, int level, char *out,
                                size_t capacity, size_t *out_length)
{
    z_stream z = {0};
    /* 15 + 16: a 32 KiB window with a gzip header. zlib leaves the header's time at zero. */
    if (deflateInit2(&z, level > 9 ? 9 : level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return PERFOPT_ENOMEM;
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)length;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)capacity;
    int result = deflate(&z, Z_FINISH);
    *out_length = z.total_out;
    deflateEnd(&z);
    return result == Z_STREAM_END ? PERFOPT_OK : PERFOPT_EFAILED;
}

static size_t gzip_bound(size_t length)
{
    return compressBound(length) + 32;
}
#endif

perfopt_status perfopt__gzip(const void *data, size_t length, int level, char **out,
                             size_t *out_length)
{
    if (length > UINT32_MAX / 2)
        return PERFOPT_EFAILED;
    size_t capacity = gzip_bound(length);
    char *buffer = perfopt__malloc(capacity);
    if (!buffer)
        return PERFOPT_ENOMEM;
    size_t used;
    perfopt_status status = gzip_into(data, length, level, buffer, capacity, &used);
    if (status != PERFOPT_OK) {
        perfopt__free(buffer);
        return status;
    }
    char *fitted = perfopt__realloc(buffer, used);
    *out = fitted ? fitted : buffer;
    *out_length = used;
    return PERFOPT_OK;
}

/* Inflates until the stream ends, growing the buffer up to max_bytes. */
static perfopt_status inflate_all(z_stream *z, size_t max_bytes, char **out, size_t *out_length)
{
    size_t capacity = 4096;
    char *buffer = perfopt__malloc(capacity + 1);
    size_t used = 0;
    while (buffer) {
        z->next_out = (Bytef *)buffer + used;
        z->avail_out = (uInt)(capacity - used);
        int result = inflate(z, Z_NO_FLUSH);
        used = capacity - z->avail_out;
        if (result == Z_STREAM_END && used <= max_bytes && z->avail_in == 0) {
            buffer[used] = '\0';
            *out = buffer;
            *out_length = used;
            return PERFOPT_OK;
        }
        if (result != Z_OK || z->avail_out > 0 || used > max_bytes) {
            perfopt__free(buffer);
            return result == Z_MEM_ERROR ? PERFOPT_ENOMEM : PERFOPT_EPROTO;
        }
        capacity *= 2;
        char *larger = capacity > UINT32_MAX / 2 ? NULL : perfopt__realloc(buffer, capacity + 1);
        if (!larger)
            perfopt__free(buffer);
        buffer = larger;
    }
    return PERFOPT_ENOMEM;
}

perfopt_status perfopt__gunzip(const void *data, size_t length, size_t max_bytes, char **out,
                               size_t *out_length)
{
    if (length > UINT32_MAX / 2)
        return PERFOPT_EPROTO;
    z_stream z = {0};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return PERFOPT_ENOMEM;
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)length;
    perfopt_status status = inflate_all(&z, max_bytes, out, out_length);
    inflateEnd(&z);
    return status;
}
