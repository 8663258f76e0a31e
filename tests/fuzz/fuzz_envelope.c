/*
 * fuzz_envelope.c - any bytes as an envelope. The input is also given a right checksum, since no
 * fuzzer would find one; what is accepted must be consistent and must be written back the same.
 */
#include "base/memory.h"
#include "cache/cache_internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *bytes, size_t length)
{
    perfopt__envelope e;
    if (perfopt__envelope_read(bytes, length, &e) != PERFOPT_OK)
        return;
    if (e.key < bytes || e.key + e.key_length > bytes + length || e.tags < bytes ||
        e.tags + e.tags_length > bytes + length || (e.absent && e.length != 0))
        abort();
    perfopt_bytes *value = NULL;
    perfopt_status status = perfopt__envelope_value(bytes, length, &value);
    if (status == PERFOPT_OK && perfopt_bytes_length(value) != e.length)
        abort();
    perfopt__key key = {e.key, e.key_length, 0};
    perfopt__slots slots;
    perfopt__slots_read(&slots, &key, e.tags, e.tags_length);
    if (status == PERFOPT_OK) {
        perfopt__strbuf again = PERFOPT__STRBUF_INIT;
        perfopt__envelope copy;
        e.data = perfopt_bytes_data(value);
        if (perfopt__envelope_write(&e, &again) != PERFOPT_OK ||
            perfopt__envelope_read(again.data, again.length, &copy) != PERFOPT_OK ||
            copy.length != e.length || copy.as_of != e.as_of || copy.expires_ms != e.expires_ms)
            abort();
        perfopt__strbuf_finish(&again);
    }
    perfopt_bytes_release(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of exactly this size, so that a read beyond it is seen. */
    char *bytes = perfopt__memdup(data, size);
    check(bytes, size);
    perfopt__free(bytes);
    if (size < 56)
        return 0;
    bytes = malloc(size);
    memcpy(bytes, data, size);
    memcpy(bytes, "pfC\x01", 4);
    perfopt__envelope_restamp(bytes, size, 7, 8);
    check(bytes, size);
    free(bytes);
    return 0;
}
