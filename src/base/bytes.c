/*
 * bytes.c - immutable reference-counted bytes; the count is the only thing that changes.
 */
#include "base/bytes.h"

#include "base/memory.h"

#include <string.h>

perfopt_bytes *perfopt__bytes_new(size_t length)
{
    if (length > SIZE_MAX - sizeof(perfopt_bytes) - 1)
        return NULL;
    perfopt_bytes *bytes = perfopt__malloc(sizeof(*bytes) + length + 1);
    if (!bytes)
        return NULL;
    atomic_init(&bytes->refs, 1);
    atomic_init(&bytes->attachment, NULL);
    bytes->length = length;
    bytes->data[length] = '\0';
    return bytes;
}

perfopt_status perfopt_bytes_create(const void *data, size_t length, perfopt_bytes **out)
{
    perfopt_bytes *bytes = perfopt__bytes_new(length);
    if (!bytes)
        return PERFOPT_ENOMEM;
    if (length)
        memcpy(bytes->data, data, length);
    *out = bytes;
    return PERFOPT_OK;
}

perfopt_bytes *perfopt_bytes_retain(perfopt_bytes *bytes)
{
    atomic_fetch_add_explicit(&bytes->refs, 1, memory_order_relaxed);
    return bytes;
}

void perfopt_bytes_release(perfopt_bytes *bytes)
{
    /* acq_rel: the thread that frees must see what the others did with the bytes before. */
    if (!bytes || atomic_fetch_sub_explicit(&bytes->refs, 1, memory_order_acq_rel) != 1)
        return;
    perfopt__attachment *attachment =
        atomic_load_explicit(&bytes->attachment, memory_order_relaxed);
    if (attachment)
        attachment->free_fn(attachment);
    perfopt__free(bytes);
}

perfopt__attachment *perfopt__bytes_attachment(perfopt_bytes *bytes)
{
    return atomic_load_explicit(&bytes->attachment, memory_order_acquire);
}

perfopt__attachment *perfopt__bytes_attach(perfopt_bytes *bytes, perfopt__attachment *attachment)
{
    perfopt__attachment *expected = NULL;
    if (atomic_compare_exchange_strong_explicit(&bytes->attachment, &expected, attachment,
                                                memory_order_acq_rel, memory_order_acquire))
        return attachment;
    attachment->free_fn(attachment);
    return expected;
}

const char *perfopt_bytes_data(const perfopt_bytes *bytes)
{
    return bytes->data;
}

size_t perfopt_bytes_length(const perfopt_bytes *bytes)
{
    return bytes->length;
}
