/*
 * variants.c - content hashes, and the compressed variants of a file. Same input, same output.
 */
#include "assets/assets_internal.h"

#include "base/compress.h"
#include "base/memory.h"

#include <sodium.h>
#ifdef PERFOPT_HAVE_BROTLI
#include <brotli/encode.h>
#endif

void perfopt__sha256_hex(const void *data, size_t length, char out[65])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, data, length);
    sodium_bin2hex(out, 65, digest, sizeof(digest));
}

const char *perfopt__encoding_suffix(perfopt__encoding encoding)
{
    static const char *const suffixes[ENCODING_COUNT] = {"", ".gz", ".br"};
    return suffixes[encoding];
}

bool perfopt__encoding_is_built_in(perfopt__encoding encoding)
{
#ifdef PERFOPT_HAVE_BROTLI
    return encoding < ENCODING_COUNT;
#else
    return encoding != ENCODING_BROTLI;
#endif
}

#ifdef PERFOPT_HAVE_BROTLI
static perfopt_status brotli(const char *data, size_t length, char **out, size_t *out_length)
{
    size_t capacity = BrotliEncoderMaxCompressedSize(length);
    char *buffer = capacity ? perfopt__malloc(capacity) : NULL;
    if (!buffer)
        return PERFOPT_ENOMEM;
    *out_length = capacity;
    if (!BrotliEncoderCompress(BROTLI_MAX_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, length,
                               (const uint8_t *)data, out_length, (uint8_t *)buffer)) {
        perfopt__free(buffer);
        return PERFOPT_ENOMEM;
    }
    *out = buffer;
    return PERFOPT_OK;
}
#else
static perfopt_status brotli(const char *data, size_t length, char **out, size_t *out_length)
{
    (void)data, (void)length, (void)out, (void)out_length;
    return PERFOPT_EUNSUPPORTED;
}
#endif

perfopt_status perfopt__compress(perfopt__encoding encoding, const char *data, size_t length,
                                 char **out, size_t *out_length)
{
    *out = NULL;
    *out_length = 0;
    /* An empty document has no smaller form. */
    if (length == 0)
        return PERFOPT_OK;
    perfopt_status status = encoding == ENCODING_GZIP
                                ? perfopt__gzip(data, length, 12, out, out_length)
                                : brotli(data, length, out, out_length);
    if (status == PERFOPT_OK && *out_length > length - length / 20) {
        perfopt__free(*out);
        *out = NULL;
        *out_length = 0;
    }
    return status;
}
