/*
 * memory.h - allocation through the process's allocator hook. Every allocation of the library goes
 * through these, so that a test can fail the n-th one.
 */
#ifndef PERFOPT_SRC_BASE_MEMORY_H
#define PERFOPT_SRC_BASE_MEMORY_H

#include <perfopt/base.h>

/* malloc's contract; size 0 gives a valid pointer. */
void *perfopt__malloc(size_t size);
/* calloc's contract, overflow-checked. */
void *perfopt__calloc(size_t count, size_t size);
/* realloc's contract; on NULL the old block stays valid. */
void *perfopt__realloc(void *ptr, size_t size);
/* Grow an array: overflow-checked realloc to count * size. */
void *perfopt__reallocarray(void *ptr, size_t count, size_t size);
/* NULL is allowed. */
void perfopt__free(void *ptr);
/* NULL in, NULL out; NULL also when out of memory. */
char *perfopt__strdup(const char *text);
/* Copies `length` bytes and appends a NUL byte. */
char *perfopt__memdup(const void *bytes, size_t length);
/* Overwrites secrets before they are freed; the compiler does not remove it. */
void perfopt__wipe(void *ptr, size_t size);

#endif
