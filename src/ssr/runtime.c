/*
 * runtime.c - limits, errors and memory of one render.
 *
 * All memory comes from the render's arena and is charged against a budget, because a template can
 * ask for any amount ("x" * 1000000000).
 */
#include "base/error.h"
#include "base/memory.h"
#include "ssr/ssr_internal.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    STACK_CHUNK = 1024,       /* values */
    MAX_C_STACK = 1024 * 1024 /* bytes of the C stack one render may use */
};

void perfopt__ssr_record_failure(ssr_runtime *rt, perfopt_status status, const char *format, ...)
{
    if (rt->status != PERFOPT_OK)
        return;
    rt->status = status;
    rt->located = false;
    rt->err = (perfopt_error)PERFOPT_ERROR_INIT;
    rt->err.status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(rt->err.message, sizeof(rt->err.message) - 96, format, args);
    va_end(args);
}

void perfopt__ssr_record_nomem(ssr_runtime *rt)
{
    if (rt->status == PERFOPT_OK) {
        rt->status = perfopt__error_nomem(&rt->err);
        rt->located = true;
    }
}

void perfopt__ssr_record_place(ssr_runtime *rt, uint32_t line, uint32_t column)
{
    if (rt->status == PERFOPT_OK || rt->located || !rt->template)
        return;
    char message[sizeof(rt->err.message)];
    char where[64];
    rt->located = true;
    memcpy(message, rt->err.message, sizeof(message));
    snprintf(where, sizeof(where), "%.40s:%u:%u", rt->template->name, line, column);
    perfopt__error_from(&rt->err, rt->status, PERFOPT_ORIGIN_PERFOPT, 0, where, "%.80s:%u:%u: %s",
                        rt->template->name, line, column, message);
}

bool perfopt__ssr_step_slow(ssr_runtime *rt)
{
    return perfopt__ssr_fail(rt, PERFOPT_ELIMIT,
                             "more than %llu loop turns and calls in one render",
                             (unsigned long long)rt->max_steps);
}

bool perfopt__ssr_enter_call(ssr_runtime *rt)
{
    const char *here = __builtin_frame_address(0);
    size_t used =
        here < rt->stack_base ? (size_t)(rt->stack_base - here) : (size_t)(here - rt->stack_base);
    if (rt->depth >= rt->max_depth || used > MAX_C_STACK)
        return perfopt__ssr_fail(rt, PERFOPT_ELIMIT,
                                 "includes, macros and blocks are nested more than %u deep",
                                 rt->depth);
    if (!perfopt__ssr_step(rt))
        return false;
    rt->depth++;
    return true;
}

static bool charge(ssr_runtime *rt, size_t size)
{
    if (size <= rt->max_memory - rt->memory) {
        rt->memory += size;
        return true;
    }
    return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the render needs more than %llu bytes of memory",
                             (unsigned long long)rt->max_memory);
}

void *perfopt__ssr_alloc(ssr_runtime *rt, size_t size)
{
    if (!charge(rt, size))
        return NULL;
    void *ptr = perfopt_arena_alloc(rt->arena, size);
    if (!ptr)
        perfopt__ssr_fail_nomem(rt);
    return ptr;
}

char *perfopt__ssr_text_room(ssr_runtime *rt, size_t length)
{
    if (length > UINT32_MAX - 1) {
        perfopt__ssr_record_failure(rt, PERFOPT_ELIMIT, "the string is too long");
        return NULL;
    }
    return perfopt__ssr_alloc(rt, length + 1);
}

bool perfopt__ssr_copy_text(ssr_runtime *rt, const char *text, size_t length, perfopt_value *out)
{
    char *copy = perfopt__ssr_text_room(rt, length);
    if (!copy)
        return false;
    if (length)
        memcpy(copy, text, length);
    *out = perfopt_string_n(copy, length);
    return true;
}

bool perfopt__ssr_take_text(ssr_runtime *rt, perfopt__strbuf *sb, perfopt_value *out)
{
    bool ok = sb->failed ? perfopt__ssr_fail_nomem(rt)
                         : perfopt__ssr_copy_text(rt, sb->data, sb->length, out);
    perfopt__strbuf_finish(sb);
    return ok;
}

bool perfopt__ssr_list(ssr_runtime *rt, size_t capacity, perfopt_value *out)
{
    if (capacity > SIZE_MAX / 64)
        return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the list is too long");
    if (!charge(rt, sizeof(perfopt_list) + capacity * sizeof(perfopt_value)))
        return false;
    if (perfopt_list_create(rt->arena, out) != PERFOPT_OK)
        return perfopt__ssr_fail_nomem(rt);
    if (!capacity)
        return true;
    perfopt_value *items = perfopt_arena_alloc(rt->arena, capacity * sizeof(*items));
    if (!items)
        return perfopt__ssr_fail_nomem(rt);
    out->as.list->items = items;
    out->as.list->capacity = capacity;
    return true;
}

bool perfopt__ssr_append(ssr_runtime *rt, perfopt_value list, perfopt_value item)
{
    perfopt_list *l = list.as.list;
    if (l->count == l->capacity && !charge(rt, (l->capacity * 2 + 4) * sizeof(perfopt_value)))
        return false;
    return perfopt_list_append(list, item) == PERFOPT_OK || perfopt__ssr_fail_nomem(rt);
}

bool perfopt__ssr_map(ssr_runtime *rt, perfopt_value *out)
{
    if (!charge(rt, sizeof(perfopt_map)))
        return false;
    return perfopt_map_create(rt->arena, out) == PERFOPT_OK || perfopt__ssr_fail_nomem(rt);
}

bool perfopt__ssr_map_put(ssr_runtime *rt, perfopt_value map, perfopt_value key,
                          perfopt_value value)
{
    const perfopt_map *m = map.as.map;
    if (!perfopt__ssr_check_lenient(rt, key))
        return false;
    if (m->count == m->capacity && !charge(rt, (m->capacity * 2 + 4) * 56))
        return false;
    switch (perfopt_map_set_key(map, key, value)) {
    case PERFOPT_OK:
        return true;
    case PERFOPT_ETYPE:
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s cannot be a key",
                                 perfopt_value_type_name(key));
    default:
        return perfopt__ssr_fail_nomem(rt);
    }
}

bool perfopt__ssr_pair(ssr_runtime *rt, perfopt_value a, perfopt_value b, perfopt_value *out)
{
    if (!perfopt__ssr_list(rt, 2, out))
        return false;
    out->flags = PERFOPT_VALUE_TUPLE;
    out->as.list->items[0] = a;
    out->as.list->items[1] = b;
    out->as.list->count = 2;
    return true;
}

/* ---- stack of values ------------------------------------------------------------------------ */

perfopt_value *perfopt__ssr_push(ssr_runtime *rt, size_t count)
{
    ssr_stack_chunk *chunk = rt->stack;
    if (!chunk || chunk->capacity - chunk->used < count) {
        size_t capacity = count > STACK_CHUNK ? count : STACK_CHUNK;
        size_t bytes = sizeof(*chunk) + capacity * sizeof(perfopt_value);
        if (!charge(rt, bytes))
            return NULL;
        chunk = perfopt__malloc(bytes);
        if (!chunk) {
            perfopt__ssr_fail_nomem(rt);
            return NULL;
        }
        chunk->previous = rt->stack;
        chunk->used = 0;
        chunk->capacity = capacity;
        rt->stack = chunk;
    }
    perfopt_value *values = chunk->values + chunk->used;
    chunk->used += count;
    return values;
}

void perfopt__ssr_pop(ssr_runtime *rt, size_t count)
{
    ssr_stack_chunk *chunk = rt->stack;
    chunk->used -= count;
    if (chunk->used == 0 && chunk->previous) {
        rt->stack = chunk->previous;
        rt->memory -= sizeof(*chunk) + chunk->capacity * sizeof(perfopt_value);
        perfopt__free(chunk);
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

bool perfopt__ssr_runtime_init(ssr_runtime *rt, struct perfopt_ssr *ssr, perfopt_arena *arena)
{
    memset(rt, 0, sizeof(*rt));
    rt->ssr = ssr;
    rt->arena = arena;
    rt->max_steps = ssr->max_steps;
    rt->max_output = ssr->max_output_bytes;
    rt->max_memory =
        ssr->max_output_bytes > UINT64_MAX / 4 ? UINT64_MAX : ssr->max_output_bytes * 4;
    rt->max_depth = ssr->max_depth;
    rt->undefined = ssr->undefined;
    rt->stack_base = __builtin_frame_address(0);
    rt->captured.kind = SSR_MISSING;
    return true;
}

void perfopt__ssr_runtime_finish(ssr_runtime *rt)
{
    while (rt->stack) {
        ssr_stack_chunk *previous = rt->stack->previous;
        perfopt__free(rt->stack);
        rt->stack = previous;
    }
    for (ssr_loaded *l = rt->loaded; l; l = l->next)
        perfopt__ssr_template_release(l->template);
    rt->loaded = NULL;
    perfopt__free(rt->out.bytes);
    rt->out.bytes = NULL;
}
