/*
 * memory.c - the allocator hook and the checked allocation functions over it.
 */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void *libc_malloc(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void *libc_realloc(void *ptr, size_t size, void *user)
{
    (void)user;
    return realloc(ptr, size);
}

static void libc_free(void *ptr, void *user)
{
    (void)user;
    free(ptr);
}

static const perfopt_allocator libc_allocator = {libc_malloc, libc_realloc, libc_free, NULL};
static perfopt_allocator current = {libc_malloc, libc_realloc, libc_free, NULL};

perfopt_status perfopt_allocator_set(const perfopt_allocator *allocator)
{
    if (!allocator) {
        current = libc_allocator;
        return PERFOPT_OK;
    }
    if (!allocator->malloc_fn || !allocator->realloc_fn || !allocator->free_fn)
        return PERFOPT_EINVAL;
    current = *allocator;
    return PERFOPT_OK;
}

void *perfopt__malloc(size_t size)
{
    return current.malloc_fn(size ? size : 1, current.user);
}

void *perfopt__calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *ptr = perfopt__malloc(total);
    if (ptr)
        memset(ptr, 0, total);
    return ptr;
}

void *perfopt__realloc(void *ptr, size_t size)
{
    return current.realloc_fn(ptr, size ? size : 1, current.user);
}

void *perfopt__reallocarray(void *ptr, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return perfopt__realloc(ptr, total);
}

void perfopt__free(void *ptr)
{
    if (ptr)
        current.free_fn(ptr, current.user);
}

char *perfopt__memdup(const void *bytes, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = perfopt__malloc(length + 1);
    if (!copy)
        return NULL;
    if (length)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

char *perfopt__strdup(const char *text)
{
    return text ? perfopt__memdup(text, strlen(text)) : NULL;
}

void perfopt__wipe(void *ptr, size_t size)
{
    if (!ptr)
        return;
    memset(ptr, 0, size);
    __asm__ __volatile__("" : : "r"(ptr) : "memory");
}
