/*
 * arena.c - bump allocation in chunks:
 *
 *     arena -> [chunk: used|....free....] -> [chunk: full] -> [chunk: one large request] -> NULL
 *
 * A request that does not fit the newest chunk starts a new one; a request larger than a quarter of
 * a chunk gets its own, linked behind the newest so that its free space is not lost.
 */
#include "base/memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t capacity;
    alignas(max_align_t) char data[];
} arena_chunk;

typedef struct arena_deferred {
    struct arena_deferred *next;
    perfopt_free_fn fn;
    void *user;
} arena_deferred;

struct perfopt_arena {
    arena_chunk *newest;
    arena_deferred *deferred;
    size_t chunk_bytes;
};

perfopt_status perfopt_arena_create(size_t chunk_bytes, perfopt_arena **out)
{
    perfopt_arena *arena = perfopt__calloc(1, sizeof(*arena));
    if (!arena)
        return PERFOPT_ENOMEM;
    arena->chunk_bytes = chunk_bytes ? chunk_bytes : 8192;
    *out = arena;
    return PERFOPT_OK;
}

void perfopt_arena_destroy(perfopt_arena *arena)
{
    if (!arena)
        return;
    for (arena_deferred *d = arena->deferred; d; d = d->next)
        d->fn(d->user);
    arena_chunk *chunk = arena->newest;
    while (chunk) {
        arena_chunk *next = chunk->next;
        perfopt__free(chunk);
        chunk = next;
    }
    perfopt__free(arena);
}

static arena_chunk *chunk_new(size_t capacity)
{
    if (capacity > SIZE_MAX - sizeof(arena_chunk))
        return NULL;
    arena_chunk *chunk = perfopt__malloc(sizeof(arena_chunk) + capacity);
    if (!chunk)
        return NULL;
    chunk->next = NULL;
    chunk->used = 0;
    chunk->capacity = capacity;
    return chunk;
}

/* Returns a chunk with room for `size` bytes and links it, or NULL. */
static arena_chunk *chunk_for(perfopt_arena *arena, size_t size)
{
    arena_chunk *newest = arena->newest;
    if (newest && newest->capacity - newest->used >= size)
        return newest;
    bool large = size > arena->chunk_bytes / 4;
    arena_chunk *chunk = chunk_new(large ? size : arena->chunk_bytes);
    if (!chunk)
        return NULL;
    if (large && newest) {
        chunk->next = newest->next;
        newest->next = chunk;
    } else {
        chunk->next = newest;
        arena->newest = chunk;
    }
    return chunk;
}

void *perfopt_arena_alloc(perfopt_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX - align)
        return NULL;
    size_t rounded = (size + align - 1) & ~(align - 1);
    arena_chunk *chunk = chunk_for(arena, rounded ? rounded : align);
    if (!chunk)
        return NULL;
    char *ptr = chunk->data + chunk->used;
    chunk->used += rounded ? rounded : align;
    memset(ptr, 0, rounded);
    return ptr;
}

char *perfopt_arena_copy(perfopt_arena *arena, const void *bytes, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = perfopt_arena_alloc(arena, length + 1);
    if (copy && length)
        memcpy(copy, bytes, length);
    return copy;
}

char *perfopt_arena_printf(perfopt_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : perfopt_arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

perfopt_status perfopt_arena_defer(perfopt_arena *arena, perfopt_free_fn fn, void *user)
{
    arena_deferred *d = perfopt_arena_alloc(arena, sizeof(*d));
    if (!d) {
        fn(user);
        return PERFOPT_ENOMEM;
    }
    *d = (arena_deferred){arena->deferred, fn, user};
    arena->deferred = d;
    return PERFOPT_OK;
}
