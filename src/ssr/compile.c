/*
 * compile.c - what lexer, parser and compiler share: errors with their place, memory, names.
 */
#include "ssr/compile.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "value/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The source line of an error, cut to what fits a message. */
static void copy_line(const ssr_compilation *c, uint32_t line, char out[120])
{
    const char *p = c->source;
    const char *end = c->source + c->length;
    for (uint32_t i = 1; p && i < line; i++) {
        p = memchr(p, '\n', (size_t)(end - p));
        p = p ? p + 1 : NULL;
    }
    out[0] = '\0';
    if (!p || p >= end)
        return;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    size_t length = (size_t)((stop ? stop : end) - p);
    if (length > 119)
        length = 119;
    memcpy(out, p, length);
    out[length] = '\0';
}

bool perfopt__ssr_syntax_error(ssr_compilation *c, uint32_t line, uint32_t column,
                               const char *format, ...)
{
    char message[256];
    char source[120];
    char where[64];
    if (c->status != PERFOPT_OK)
        return false;
    c->status = PERFOPT_ESYNTAX;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    copy_line(c, line, source);
    snprintf(where, sizeof(where), "%.40s:%u:%u", c->template_name, line, column);
    perfopt__error_from(c->err, PERFOPT_ESYNTAX, PERFOPT_ORIGIN_PERFOPT, 0, where,
                        "%s:%u:%u: %s, in: %s", c->template_name, line, column, message, source);
    return false;
}

bool perfopt__ssr_compile_nomem(ssr_compilation *c)
{
    if (c->status == PERFOPT_OK)
        c->status = perfopt__error_nomem(c->err);
    return false;
}

void *perfopt__ssr_permanent(ssr_compilation *c, size_t size)
{
    void *ptr = perfopt_arena_alloc(c->permanent, size);
    if (!ptr)
        perfopt__ssr_compile_nomem(c);
    return ptr;
}

void *perfopt__ssr_temporary(ssr_compilation *c, size_t size)
{
    void *ptr = perfopt_arena_alloc(c->temporary, size);
    if (!ptr)
        perfopt__ssr_compile_nomem(c);
    return ptr;
}

static bool grow_names(ssr_compilation *c)
{
    ssr_names *names = &c->names;
    size_t count = names->bucket_count ? names->bucket_count * 4 : 64;
    ssr_name **buckets = perfopt__ssr_temporary(c, count * sizeof(*buckets));
    if (!buckets)
        return false;
    for (size_t i = 0; i < names->bucket_count; i++) {
        ssr_name *name = names->buckets[i];
        while (name) {
            ssr_name *next = name->next;
            ssr_name **bucket = &buckets[name->hash & (count - 1)];
            name->next = *bucket;
            *bucket = name;
            name = next;
        }
    }
    names->buckets = buckets;
    names->bucket_count = count;
    return true;
}

ssr_name *perfopt__ssr_intern(ssr_compilation *c, const char *text, size_t length)
{
    ssr_names *names = &c->names;
    uint64_t hash = perfopt__value_hash_name(text, length);
    if (names->count >= names->bucket_count && !grow_names(c))
        return NULL;
    ssr_name **bucket = &names->buckets[hash & (names->bucket_count - 1)];
    for (ssr_name *name = *bucket; name; name = name->next) {
        if (name->hash == hash && name->length == length && memcmp(name->text, text, length) == 0)
            return name;
    }
    ssr_name *name = perfopt__ssr_permanent(c, sizeof(*name));
    char *copy = perfopt_arena_copy(c->permanent, text, length);
    if (!name || !copy) {
        perfopt__ssr_compile_nomem(c);
        return NULL;
    }
    *name = (ssr_name){copy, (uint32_t)length, names->count++, hash, *bucket};
    *bucket = name;
    return name;
}
