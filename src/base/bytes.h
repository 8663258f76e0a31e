/*
 * bytes.h - the layout of perfopt_bytes, for modules that fill one in place.
 */
#ifndef PERFOPT_SRC_BASE_BYTES_H
#define PERFOPT_SRC_BASE_BYTES_H

#include <perfopt/base.h>
#include <stdatomic.h>

/* What was made from the bytes (a decoded page, parsed rows): lives and dies with them. */
typedef struct perfopt__attachment {
    void (*free_fn)(struct perfopt__attachment *attachment);
} perfopt__attachment;

struct perfopt_bytes {
    _Atomic uint32_t refs;
    perfopt__attachment *_Atomic attachment;
    size_t length;
    char data[]; /* length bytes and a NUL */
};

/* One reference, `length` uninitialised bytes and the closing NUL; NULL when out of memory. */
perfopt_bytes *perfopt__bytes_new(size_t length);

/* The attachment or NULL; borrowed, valid as long as the caller's reference to the bytes. */
perfopt__attachment *perfopt__bytes_attachment(perfopt_bytes *bytes);
/* Attaches once: the first caller wins, a later one's attachment is freed. Returns the one that is
 * attached. There is one slot, so only the module that stores a key may attach to its values. */
perfopt__attachment *perfopt__bytes_attach(perfopt_bytes *bytes, perfopt__attachment *attachment);

#endif
