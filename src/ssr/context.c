/*
 * context.c - where names are looked up that the template does not set itself.
 */
#include "ssr/ssr_internal.h"

/* ---- what the host passed ------------------------------------------------------------------- */

/* Hashes of the entries' names, once per render. */
static bool hash_entries(ssr_runtime *rt)
{
    const perfopt_context *caller = rt->caller;
    rt->caller_hashes = perfopt__ssr_alloc(rt, (caller->count + 1) * sizeof(uint64_t));
    if (!rt->caller_hashes)
        return false;
    for (size_t i = 0; i < caller->count; i++)
        rt->caller_hashes[i] =
            perfopt__value_hash_name(caller->entries[i].name, strlen(caller->entries[i].name));
    return true;
}

static bool resolve_caller(ssr_runtime *rt, const ssr_name *name, perfopt_value *out)
{
    const perfopt_context *caller = rt->caller;
    if (!caller || (caller->count && !rt->caller_hashes && !hash_entries(rt)))
        return false;
    for (size_t i = 0; i < caller->count; i++) {
        if (rt->caller_hashes[i] == name->hash &&
            strcmp(caller->entries[i].name, name->text) == 0) {
            *out = caller->entries[i].value;
            return true;
        }
    }
    perfopt_value values = caller->values;
    if (values.kind == PERFOPT_MAP) {
        const perfopt__value_entry *entry =
            perfopt__value_find_name(values.as.map, name->text, name->length, name->hash);
        if (entry)
            *out = entry->value;
        return entry != NULL;
    }
    return values.kind == PERFOPT_OBJECT && values.as.object->cls->attribute &&
           values.as.object->cls->attribute(values.as.object, values.length, name->text,
                                            name->length, out);
}

/* ---- lookup --------------------------------------------------------------------------------- */

static bool find_in_map(const perfopt_map *map, const ssr_name *name, perfopt_value *out)
{
    const perfopt__value_entry *entry =
        perfopt__value_find_name(map, name->text, name->length, name->hash);
    if (entry)
        *out = entry->value;
    return entry != NULL;
}

static bool same_name(const ssr_name *a, const ssr_name *b)
{
    return a == b || (a->hash == b->hash && a->length == b->length &&
                      memcmp(a->text, b->text, a->length) == 0);
}

/* Variables of the including scope, in place. The innermost scope that sets the name decides. */
static bool find_local(const ssr_context *context, const ssr_name *name, perfopt_value *out)
{
    ssr_frame *frame = context->frame;
    for (const ssr_locals *l = context->locals; l; l = l->outer) {
        for (uint32_t i = 0; i < l->count; i++) {
            if (!same_name(l->items[i].name, name))
                continue;
            *out = frame->slots[l->items[i].slot];
            return out->kind != SSR_MISSING;
        }
        for (uint32_t i = 0; i < l->hops; i++)
            frame = frame->outer;
    }
    return false;
}

bool perfopt__ssr_resolve(ssr_runtime *rt, const ssr_context *context, const ssr_name *name,
                          perfopt_value *out)
{
    if (rt->stateless)
        return false;
    const ssr_context *last = context;
    for (; context; context = context->outer) {
        last = context;
        if (context->vars && find_in_map(context->vars, name, out))
            return true;
        if (context->given && find_in_map(context->given, name, out))
            return true;
        if (context->locals && find_local(context, name, out))
            return true;
    }
    if (last && last->sees_caller && resolve_caller(rt, name, out))
        return true;
    return perfopt__ssr_find_global(rt->ssr, rt, name, out);
}

bool perfopt__ssr_context_set(ssr_runtime *rt, const ssr_name *name, perfopt_value value,
                              bool hidden)
{
    ssr_context *context = rt->context;
    perfopt_value map;
    perfopt_value key = perfopt_string_n(name->text, name->length);
    if (!context->vars) {
        if (!perfopt__ssr_map(rt, &map))
            return false;
        context->vars = map.as.map;
    }
    map = perfopt_undefined();
    map.kind = PERFOPT_MAP;
    map.as.map = context->vars;
    if (!perfopt__ssr_map_put(rt, map, key, value))
        return false;
    if (!context->is_module || (!hidden && !context->hidden))
        return true;
    if (!context->hidden) {
        perfopt_value created;
        if (!perfopt__ssr_map(rt, &created))
            return false;
        context->hidden = created.as.map;
    }
    map.as.map = context->hidden;
    return perfopt__ssr_map_put(rt, map, key, perfopt_bool(hidden));
}

/* ---- contexts of other templates ------------------------------------------------------------ */

void perfopt__ssr_context_bare(const ssr_template *template, ssr_context *out)
{
    memset(out, 0, sizeof(*out));
    out->template = template;
    out->autoescape = template->autoescape;
}

/* Copies of the variables that an include sees, the innermost of a name first. */
static bool copy_locals(ssr_runtime *rt, const ssr_locals *locals, ssr_frame *frame,
                        perfopt_map **out)
{
    perfopt_value map;
    if (!perfopt__ssr_map(rt, &map))
        return false;
    for (const ssr_locals *l = locals; l; l = l->outer) {
        for (uint32_t i = 0; i < l->count; i++) {
            const ssr_name *name = l->items[i].name;
            perfopt_value value = frame->slots[l->items[i].slot];
            if (perfopt__value_find_name(map.as.map, name->text, name->length, name->hash))
                continue;
            if (!perfopt__ssr_map_put(rt, map, perfopt_string_n(name->text, name->length), value))
                return false;
        }
        for (uint32_t i = 0; i < l->hops; i++)
            frame = frame->outer;
    }
    /* What is not set yet only hid the names further out. */
    for (size_t i = map.as.map->count; i-- > 0;) {
        if (map.as.map->entries[i].value.kind == SSR_MISSING)
            perfopt__value_remove(map.as.map, &map.as.map->entries[i]);
    }
    *out = map.as.map;
    return true;
}

static bool copy_map(ssr_runtime *rt, const perfopt_map *from, perfopt_map **out)
{
    perfopt_value map;
    if (!perfopt__ssr_map(rt, &map))
        return false;
    for (size_t i = 0; i < from->count; i++) {
        if (!perfopt__ssr_map_put(rt, map, from->entries[i].key, from->entries[i].value))
            return false;
    }
    *out = map.as.map;
    return true;
}

/* A copy of what is known so far: later changes do not show, and nothing in it lies on a stack. */
static bool freeze(ssr_runtime *rt, const ssr_context *context, const ssr_context **out)
{
    if (!context) {
        *out = NULL;
        return true;
    }
    ssr_context *copy = perfopt__ssr_alloc(rt, sizeof(*copy));
    if (!copy)
        return false;
    *copy = *context;
    copy->locals = NULL;
    copy->frame = NULL;
    *out = copy;
    return (!context->vars || copy_map(rt, context->vars, &copy->vars)) &&
           (!context->locals || copy_locals(rt, context->locals, context->frame, &copy->given)) &&
           freeze(rt, context->outer, &copy->outer);
}

bool perfopt__ssr_context_include(ssr_runtime *rt, const ssr_template *template,
                                  const ssr_locals *locals, bool keep, ssr_context *out)
{
    perfopt__ssr_context_bare(template, out);
    out->outer = rt->context;
    if (!keep) {
        out->locals = locals;
        out->frame = rt->frame;
        return true;
    }
    return freeze(rt, rt->context, &out->outer) && copy_locals(rt, locals, rt->frame, &out->given);
}

/* ---- blocks --------------------------------------------------------------------------------- */

ssr_block_stack *perfopt__ssr_find_block(const ssr_context *context, const char *name,
                                         size_t length)
{
    for (ssr_block_stack *b = context->blocks; b; b = b->next) {
        if (b->name->length == length && memcmp(b->name->text, name, length) == 0)
            return b;
    }
    return NULL;
}

static bool push_block(ssr_runtime *rt, ssr_block_stack *stack, const ssr_function *function)
{
    if (stack->count == stack->capacity) {
        uint32_t capacity = stack->capacity ? stack->capacity * 2 : 2;
        const ssr_function **grown = perfopt__ssr_alloc(rt, capacity * sizeof(*grown));
        if (!grown)
            return false;
        if (stack->count)
            memcpy(grown, stack->functions, stack->count * sizeof(*grown));
        stack->functions = grown;
        stack->capacity = capacity;
    }
    stack->functions[stack->count++] = function;
    return true;
}

bool perfopt__ssr_add_blocks(ssr_runtime *rt, ssr_context *context, const ssr_template *template)
{
    for (uint32_t i = 0; i < template->block_count; i++) {
        const ssr_name *name = template->blocks[i].name;
        ssr_block_stack *stack = perfopt__ssr_find_block(context, name->text, name->length);
        if (!stack) {
            stack = perfopt__ssr_alloc(rt, sizeof(*stack));
            if (!stack)
                return false;
            stack->name = name;
            stack->next = context->blocks;
            context->blocks = stack;
        }
        if (!push_block(rt, stack, template->blocks[i].function))
            return false;
    }
    return true;
}
