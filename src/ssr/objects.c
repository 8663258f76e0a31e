/*
 * objects.c - the small objects templates meet: iterators, views of dictionaries, range, namespace,
 * cycler, joiner.
 */
#include "ssr/runtime.h"

const ssr_class *perfopt__ssr_class_of(perfopt_value value)
{
    if (value.kind != PERFOPT_OBJECT || value.as.object->cls->struct_size != sizeof(ssr_class))
        return NULL;
    return (const ssr_class *)value.as.object->cls;
}

static bool is_a(perfopt_value value, const ssr_class *cls)
{
    return value.kind == PERFOPT_OBJECT && value.as.object->cls == &cls->base;
}

/* ---- iterators ------------------------------------------------------------------------------ */

static size_t sequence_count(const perfopt_object *self, uint32_t index)
{
    const ssr_sequence *s = (const ssr_sequence *)self;
    (void)index;
    return s->list.as.list->count - s->position;
}

static bool sequence_item(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    const ssr_sequence *s = (const ssr_sequence *)self;
    (void)index;
    *out = s->list.as.list->items[s->position + i];
    return true;
}

static const ssr_class sequence_class = {
    .base = {.struct_size = sizeof(ssr_class),
             .name = "generator",
             .count = sequence_count,
             .item = sequence_item},
    .always_true = true,
    .one_shot = true,
};

bool perfopt__ssr_one_shot(ssr_runtime *rt, perfopt_value list, perfopt_value *out)
{
    ssr_sequence *s = perfopt__ssr_alloc(rt, sizeof(*s));
    if (!s)
        return false;
    s->object.cls = &sequence_class.base;
    s->list = list;
    *out = perfopt_object_value(&s->object, 0);
    return true;
}

/* ---- views of dictionaries ------------------------------------------------------------------ */

typedef struct view {
    perfopt_object object;
    ssr_runtime *rt;
    perfopt_map *map;
    ssr_view kind;
} view;

static size_t view_count(const perfopt_object *self, uint32_t index)
{
    (void)index;
    return ((const view *)self)->map->count;
}

static bool view_item(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    const view *v = (const view *)self;
    const perfopt__value_entry *entry = &v->map->entries[i];
    (void)index;
    if (v->kind == VIEW_ITEMS)
        return perfopt__ssr_pair(v->rt, entry->key, entry->value, out);
    *out = v->kind == VIEW_KEYS ? entry->key : entry->value;
    return true;
}

static bool view_print(ssr_runtime *rt, perfopt_value self, perfopt__strbuf *out)
{
    static const char *const names[] = {"dict_keys([", "dict_values([", "dict_items(["};
    const view *v = (const view *)self.as.object;
    perfopt__strbuf_puts(out, names[v->kind]);
    for (size_t i = 0; i < v->map->count; i++) {
        perfopt_value item;
        if (i)
            perfopt__strbuf_puts(out, ", ");
        if (!view_item(self.as.object, 0, i, &item) || !perfopt__ssr_put_repr(rt, item, out))
            return false;
    }
    perfopt__strbuf_puts(out, "])");
    return true;
}

static const ssr_class view_class = {
    .base = {.struct_size = sizeof(ssr_class),
             .name = "dict_view",
             .count = view_count,
             .item = view_item},
    .print = view_print,
    .is_sequence = true,
};

bool perfopt__ssr_view(ssr_runtime *rt, perfopt_value map, ssr_view kind, perfopt_value *out)
{
    view *v = perfopt__ssr_alloc(rt, sizeof(*v));
    if (!v)
        return false;
    *v = (view){{&view_class.base}, rt, map.as.map, kind};
    *out = perfopt_object_value(&v->object, 0);
    return true;
}

perfopt_map *perfopt__ssr_items_of(perfopt_value value)
{
    if (!is_a(value, &view_class))
        return NULL;
    const view *v = (const view *)value.as.object;
    return v->kind == VIEW_ITEMS ? v->map : NULL;
}

/* ---- range ---------------------------------------------------------------------------------- */

typedef struct range {
    perfopt_object object;
    int64_t start;
    int64_t stop;
    int64_t step;
    size_t count;
} range;

static size_t range_count(const perfopt_object *self, uint32_t index)
{
    (void)index;
    return ((const range *)self)->count;
}

static bool range_at(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    const range *r = (const range *)self;
    (void)index;
    *out = perfopt_int((int64_t)((uint64_t)r->start + i * (uint64_t)r->step));
    return true;
}

static bool range_print(ssr_runtime *rt, perfopt_value self, perfopt__strbuf *out)
{
    const range *r = (const range *)self.as.object;
    (void)rt;
    perfopt__strbuf_printf(out, "range(%lld, %lld", (long long)r->start, (long long)r->stop);
    if (r->step != 1)
        perfopt__strbuf_printf(out, ", %lld", (long long)r->step);
    perfopt__strbuf_putc(out, ')');
    return true;
}

static const ssr_class range_class = {
    .base = {.struct_size = sizeof(ssr_class),
             .name = "range",
             .count = range_count,
             .item = range_at},
    .print = range_print,
    .is_sequence = true,
};

bool perfopt__ssr_range(ssr_runtime *rt, int64_t start, int64_t stop, int64_t step,
                        perfopt_value *out)
{
    if (step == 0)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the step of range() cannot be zero");
    range *r = perfopt__ssr_alloc(rt, sizeof(*r));
    if (!r)
        return false;
    *r = (range){.object = {&range_class.base}, .start = start, .stop = stop, .step = step};
    bool empty = step > 0 ? start >= stop : start <= stop;
    if (!empty) {
        uint64_t span =
            step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
        uint64_t size = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
        r->count = (size_t)((span - 1) / size + 1);
    }
    *out = perfopt_object_value(&r->object, 0);
    return true;
}

bool perfopt__ssr_range_parts(perfopt_value value, int64_t parts[3])
{
    if (!is_a(value, &range_class))
        return false;
    const range *r = (const range *)value.as.object;
    parts[0] = r->start;
    parts[1] = r->stop;
    parts[2] = r->step;
    return true;
}

bool perfopt__ssr_range_item(perfopt_value value, int64_t i, perfopt_value *out)
{
    if (!is_a(value, &range_class))
        return false;
    const range *r = (const range *)value.as.object;
    if (i < 0)
        i += (int64_t)r->count;
    return i >= 0 && (uint64_t)i < r->count && range_at(value.as.object, 0, (size_t)i, out);
}

/* ---- namespace ------------------------------------------------------------------------------ */

typedef struct namespace
{
    perfopt_object object;
    perfopt_value attributes; /* a map */
}
namespace;

static bool namespace_get(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                          perfopt_value *out)
{
    const namespace *ns = (const namespace *)self.as.object;
    (void)rt;
    const perfopt__value_entry *entry = perfopt__value_find_name(
        ns->attributes.as.map, name, length, perfopt__value_hash_name(name, length));
    if (entry)
        *out = entry->value;
    return entry != NULL;
}

static bool namespace_print(ssr_runtime *rt, perfopt_value self, perfopt__strbuf *out)
{
    static _Thread_local unsigned depth; /* a namespace can hold itself */
    const namespace *ns = (const namespace *)self.as.object;
    if (depth > 20) {
        perfopt__strbuf_puts(out, "<Namespace ...>");
        return true;
    }
    depth++;
    perfopt__strbuf_puts(out, "<Namespace ");
    bool ok = perfopt__ssr_put_repr(rt, ns->attributes, out);
    perfopt__strbuf_putc(out, '>');
    depth--;
    return ok;
}

static const ssr_class namespace_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "Namespace"},
    .get = namespace_get,
    .print = namespace_print,
    .always_true = true,
};

bool perfopt__ssr_namespace(ssr_runtime *rt, perfopt_value attributes, perfopt_value *out)
{
    namespace *ns = perfopt__ssr_alloc(rt, sizeof(*ns));
    if (!ns)
        return false;
    *ns = (namespace){{&namespace_class.base}, attributes};
    *out = perfopt_object_value(&ns->object, 0);
    return true;
}

bool perfopt__ssr_namespace_set(ssr_runtime *rt, perfopt_value ns, const ssr_name *name,
                                perfopt_value value)
{
    if (!is_a(ns, &namespace_class))
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "only a namespace has attributes to set");
    namespace *n = (namespace *)ns.as.object;
    return perfopt__ssr_map_put(rt, n->attributes, perfopt_string_n(name->text, name->length),
                                value);
}

/* ---- cycler --------------------------------------------------------------------------------- */

typedef struct cycler {
    perfopt_object object;
    perfopt_value items;
    size_t position;
} cycler;

static bool cycler_next(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    cycler *c = (cycler *)args[0].as.object;
    (void)call;
    *out = c->items.as.list->items[c->position];
    c->position = (c->position + 1) % c->items.as.list->count;
    return true;
}

static bool cycler_reset(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    ((cycler *)args[0].as.object)->position = 0;
    *out = perfopt_none();
    return true;
}

static bool cycler_get(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                       perfopt_value *out)
{
    static const ssr_method next = {.name = "next", .fn = cycler_next};
    static const ssr_method reset = {.name = "reset", .fn = cycler_reset};
    const cycler *c = (const cycler *)self.as.object;
    if (length == 4 && memcmp(name, "next", 4) == 0)
        return perfopt__ssr_bind_method(rt, self, &next, out);
    if (length == 5 && memcmp(name, "reset", 5) == 0)
        return perfopt__ssr_bind_method(rt, self, &reset, out);
    if (length == 5 && memcmp(name, "items", 5) == 0)
        *out = c->items;
    else if (length == 3 && memcmp(name, "pos", 3) == 0)
        *out = perfopt_int((int64_t)c->position);
    else if (length == 7 && memcmp(name, "current", 7) == 0)
        *out = c->items.as.list->items[c->position];
    else
        return false;
    return true;
}

static const ssr_class cycler_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "Cycler"},
    .get = cycler_get,
    .always_true = true,
};

bool perfopt__ssr_cycler(ssr_runtime *rt, const perfopt_value *items, size_t count,
                         perfopt_value *out)
{
    cycler *c = perfopt__ssr_alloc(rt, sizeof(*c));
    if (!c || !perfopt__ssr_list(rt, count, &c->items))
        return false;
    c->object.cls = &cycler_class.base;
    c->items.flags = PERFOPT_VALUE_TUPLE;
    memcpy(c->items.as.list->items, items, count * sizeof(*items));
    c->items.as.list->count = count;
    *out = perfopt_object_value(&c->object, 0);
    return true;
}

/* ---- joiner --------------------------------------------------------------------------------- */

typedef struct joiner {
    perfopt_object object;
    perfopt_value separator;
    bool used;
} joiner;

static bool joiner_call(ssr_runtime *rt, perfopt_value self, perfopt_call *call, perfopt_value *out)
{
    joiner *j = (joiner *)self.as.object;
    if (call->count || call->keyword_count)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "a joiner takes no arguments");
    *out = j->used ? j->separator : perfopt_string_n("", 0);
    j->used = true;
    return true;
}

static const ssr_class joiner_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "Joiner"},
    .call = joiner_call,
    .always_true = true,
};

bool perfopt__ssr_joiner(ssr_runtime *rt, perfopt_value separator, perfopt_value *out)
{
    joiner *j = perfopt__ssr_alloc(rt, sizeof(*j));
    if (!j)
        return false;
    *j = (joiner){{&joiner_class.base}, separator, false};
    *out = perfopt_object_value(&j->object, 0);
    return true;
}

/* ---- groups --------------------------------------------------------------------------------- */

bool perfopt__ssr_group(ssr_runtime *rt, perfopt_value key, perfopt_value list, perfopt_value *out)
{
    if (!perfopt__ssr_pair(rt, key, list, out))
        return false;
    out->reserved = 1; /* has .grouper and .list */
    return true;
}
