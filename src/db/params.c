/*
 * params.c - parameters in libpq's form. Numbers, text, bytes and arrays travel in binary, so there
 * is nothing to quote and a NUL byte inside text is the server's error instead of a cut string.
 * Up to 16 scalar parameters need no allocation.
 */
#include "base/error.h"
#include "base/memory.h"
#include "db/db_internal.h"

#include <endian.h>
#include <string.h>

#define MAX_PARAMS 65535
/* The server's own limit of a value (MaxAllocSize). */
#define MAX_VALUE ((size_t)1 << 30)

/* ---- writing ------------------------------------------------------------------------------ */

static char *put_u32(char *at, uint32_t number)
{
    number = htobe32(number);
    memcpy(at, &number, sizeof(number));
    return at + sizeof(number);
}

static char *put_u64(char *at, uint64_t number)
{
    number = htobe64(number);
    memcpy(at, &number, sizeof(number));
    return at + sizeof(number);
}

/* array_recv's format: dimensions, has NULLs, element type, size, lower bound, elements. */
static char *put_array_head(char *at, Oid element, size_t count, bool nulls)
{
    at = put_u32(at, count > 0);
    at = put_u32(at, nulls);
    at = put_u32(at, element);
    if (count == 0)
        return at;
    at = put_u32(at, (uint32_t)count);
    return put_u32(at, 1);
}

static char *put_integers(char *at, const perfopt_param *p)
{
    at = put_array_head(at, PERFOPT__OID_INT8, p->length, false);
    for (size_t i = 0; i < p->length; i++)
        at = put_u64(put_u32(at, 8), (uint64_t)p->as.integers[i]);
    return at;
}

static char *put_texts(char *at, const perfopt_param *p)
{
    bool nulls = false;
    for (size_t i = 0; i < p->length; i++)
        nulls = nulls || !p->as.texts[i];
    at = put_array_head(at, PERFOPT__OID_TEXT, p->length, nulls);
    for (size_t i = 0; i < p->length; i++) {
        const char *text = p->as.texts[i];
        size_t length = text ? strlen(text) : 0;
        at = put_u32(at, text ? (uint32_t)length : UINT32_MAX);
        if (length)
            memcpy(at, text, length);
        at += length;
    }
    return at;
}

/* ---- measuring ---------------------------------------------------------------------------- */

static size_t array_size(const perfopt_param *p)
{
    if (p->length > MAX_VALUE / 8 || (p->length && !p->as.integers))
        return SIZE_MAX;
    size_t size = 20;
    for (size_t i = 0; i < p->length && size <= MAX_VALUE; i++) {
        if (p->type == PERFOPT_PARAM_INT_ARRAY)
            size += 12;
        else
            size += 4 + (p->as.texts[i] ? strlen(p->as.texts[i]) : 0);
    }
    return size;
}

/* Bytes of storage a parameter needs, SIZE_MAX if it is not acceptable. */
static size_t storage_size(const perfopt_param *p)
{
    switch (p->type) {
    case PERFOPT_PARAM_NULL:
        return 0;
    case PERFOPT_PARAM_BOOL:
    case PERFOPT_PARAM_INT:
    case PERFOPT_PARAM_DOUBLE:
        return 8;
    case PERFOPT_PARAM_TEXT:
    case PERFOPT_PARAM_BYTES:
        return p->length > MAX_VALUE ? SIZE_MAX : 0;
    case PERFOPT_PARAM_UNTYPED: /* travels as C string: needs its NUL, must not have another */
        if (p->as.bytes && (p->length > MAX_VALUE || memchr(p->as.bytes, '\0', p->length)))
            return SIZE_MAX;
        return p->as.bytes ? p->length + 1 : 0;
    case PERFOPT_PARAM_INT_ARRAY:
    case PERFOPT_PARAM_TEXT_ARRAY:
        return array_size(p);
    }
    return SIZE_MAX;
}

static perfopt_status measure(const perfopt_param *params, size_t count, size_t *total,
                              perfopt_error *err)
{
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = storage_size(&params[i]);
        if (size > MAX_VALUE)
            return perfopt__error_set(err, PERFOPT_EINVAL,
                                      "parameter $%zu: unknown type, too large, or not allowed "
                                      "to hold a NUL byte",
                                      i + 1);
        *total += size;
    }
    return PERFOPT_OK;
}

/* ---- converting --------------------------------------------------------------------------- */

typedef struct cell {
    Oid type;
    const char *value;
    size_t length;
    int format; /* 1 = binary */
} cell;

static cell borrow(Oid type, const perfopt_param *p)
{
    return (cell){type, p->as.bytes, p->length, 1};
}

static cell scalar(Oid type, const char *start, const char *end)
{
    return (cell){type, start, (size_t)(end - start), 1};
}

/* Writes what has to be converted at `at`, which has room for storage_size() bytes. */
static cell convert(const perfopt_param *p, char *at)
{
    uint64_t bits;
    switch (p->type) {
    case PERFOPT_PARAM_BOOL:
        *at = p->as.boolean;
        return scalar(PERFOPT__OID_BOOL, at, at + 1);
    case PERFOPT_PARAM_INT:
        return scalar(PERFOPT__OID_INT8, at, put_u64(at, (uint64_t)p->as.integer));
    case PERFOPT_PARAM_DOUBLE:
        memcpy(&bits, &p->as.real, sizeof(bits));
        return scalar(PERFOPT__OID_FLOAT8, at, put_u64(at, bits));
    case PERFOPT_PARAM_TEXT:
        return borrow(PERFOPT__OID_TEXT, p);
    case PERFOPT_PARAM_BYTES:
        return borrow(PERFOPT__OID_BYTEA, p);
    case PERFOPT_PARAM_INT_ARRAY:
        return scalar(PERFOPT__OID_INT8_ARRAY, at, put_integers(at, p));
    case PERFOPT_PARAM_TEXT_ARRAY:
        return scalar(PERFOPT__OID_TEXT_ARRAY, at, put_texts(at, p));
    case PERFOPT_PARAM_UNTYPED:
        if (!p->as.bytes)
            break;
        memcpy(at, p->as.bytes, p->length);
        at[p->length] = '\0';
        return (cell){0, at, p->length, 0};
    case PERFOPT_PARAM_NULL:
        break;
    }
    return (cell){0, NULL, 0, 0};
}

static bool allocate(perfopt__params *out, size_t count, size_t bytes, char **at)
{
    *at = out->inline_bytes;
    out->types = out->inline_types;
    out->values = out->inline_values;
    out->lengths = out->inline_lengths;
    out->formats = out->inline_formats;
    if (count <= PERFOPT__INLINE_PARAMS && bytes <= sizeof(out->inline_bytes))
        return true;
    size_t each = sizeof(char *) + sizeof(Oid) + 2 * sizeof(int);
    char *storage = perfopt__malloc(count * each + bytes);
    if (!storage)
        return false;
    out->storage = storage;
    out->values = (const char **)(void *)storage;
    out->types = (Oid *)(void *)(out->values + count);
    out->lengths = (int *)(void *)(out->types + count);
    out->formats = out->lengths + count;
    *at = (char *)(out->formats + count);
    return true;
}

perfopt_status perfopt__params_init(perfopt__params *out, const perfopt_param *params, size_t count,
                                    perfopt_error *err)
{
    out->storage = NULL;
    out->count = 0;
    if (count > MAX_PARAMS || (count && !params))
        return perfopt__error_set(err, PERFOPT_EINVAL, "%zu parameters: at most %d", count,
                                  MAX_PARAMS);
    size_t bytes;
    char *at;
    perfopt_status status = measure(params, count, &bytes, err);
    if (status != PERFOPT_OK)
        return status;
    if (!allocate(out, count, bytes, &at))
        return perfopt__error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        cell c = convert(&params[i], at);
        out->types[i] = c.type;
        out->values[i] = c.value;
        out->lengths[i] = (int)c.length;
        out->formats[i] = c.format;
        at += storage_size(&params[i]);
    }
    out->count = (int)count;
    return PERFOPT_OK;
}

void perfopt__params_finish(perfopt__params *params)
{
    perfopt__free(params->storage);
    params->storage = NULL;
}
