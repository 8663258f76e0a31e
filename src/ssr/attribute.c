/*
 * attribute.c - a.b, a['b'], a[1], a[1:2].
 *
 * a.b looks for an attribute (a method) first and then for an item; a['b'] the other way round, as
 * in Jinja.
 */
#include "ssr/eval.h"
#include "ssr/unicode.h"

/* ---- attributes ----------------------------------------------------------------------------- */

static bool group_attribute(perfopt_value list, const char *name, size_t length, perfopt_value *out)
{
    if (!list.reserved || list.as.list->count != 2)
        return false;
    if (length == 7 && memcmp(name, "grouper", 7) == 0)
        *out = list.as.list->items[0];
    else if (length == 4 && memcmp(name, "list", 4) == 0)
        *out = list.as.list->items[1];
    else
        return false;
    return true;
}

/* True with the value; false: none, or an error (rt->status). */
static bool object_attribute(ssr_runtime *rt, perfopt_value a, const char *name, size_t length,
                             perfopt_value *out)
{
    const ssr_class *cls = perfopt__ssr_class_of(a);
    if (cls && cls->get)
        return cls->get(rt, a, name, length, out);
    const perfopt_object_class *base = a.as.object->cls;
    return base->attribute && base->attribute(a.as.object, a.length, name, length, out);
}

static bool map_item(const perfopt_map *map, const char *name, size_t length, perfopt_value *out)
{
    const perfopt__value_entry *entry =
        perfopt__value_find_name(map, name, length, perfopt__value_hash_name(name, length));
    if (entry)
        *out = entry->value;
    return entry != NULL;
}

static bool undefined_of(ssr_runtime *rt, perfopt_value a, const char *name, size_t length,
                         perfopt_value *out)
{
    if (rt->status != PERFOPT_OK)
        return false;
    if (a.kind == PERFOPT_UNDEFINED) {
        if (perfopt__ssr_undefined_mode(rt, a) != PERFOPT_UNDEFINED_CHAINABLE)
            return perfopt__ssr_fail_undefined(rt, a);
        *out = a;
        return true;
    }
    return perfopt__ssr_undefined_attribute(rt, a, perfopt_string_n(name, length), out);
}

bool perfopt__ssr_getattr(ssr_runtime *rt, perfopt_value a, const char *name, size_t length,
                          perfopt_value *out)
{
    if (a.kind == PERFOPT_OBJECT) {
        if (object_attribute(rt, a, name, length, out))
            return true;
        return undefined_of(rt, a, name, length, out);
    }
    if (a.kind == PERFOPT_LIST && group_attribute(a, name, length, out))
        return true;
    const ssr_method *method = perfopt__ssr_method_of(a, name, length);
    if (method)
        return perfopt__ssr_bind_method(rt, a, method, out);
    if (a.kind == PERFOPT_MAP && map_item(a.as.map, name, length, out))
        return true;
    return undefined_of(rt, a, name, length, out);
}

/* memcmp for names, which are short. */
static inline bool same_bytes(const char *a, const char *b, size_t length)
{
    if (length >= 8 && length <= 16) {
        uint64_t x[2];
        uint64_t y[2];
        memcpy(&x[0], a, 8);
        memcpy(&y[0], b, 8);
        memcpy(&x[1], a + length - 8, 8);
        memcpy(&y[1], b + length - 8, 8);
        return x[0] == y[0] && x[1] == y[1];
    }
    if (length >= 4 && length < 8) {
        uint32_t x[2];
        uint32_t y[2];
        memcpy(&x[0], a, 4);
        memcpy(&y[0], b, 4);
        memcpy(&x[1], a + length - 4, 4);
        memcpy(&y[1], b + length - 4, 4);
        return x[0] == y[0] && x[1] == y[1];
    }
    return memcmp(a, b, length) == 0;
}

/* The item of a map under the node's name. Rows of one result have their keys in one order, so the
 * place of the last hit is tried first. */
static bool hinted_item(const ssr_expr *e, const perfopt_map *map, perfopt_value *out)
{
    const ssr_name *name = e->name;
    uint32_t hint = atomic_load_explicit(&e->hint, memory_order_relaxed);
    if (hint < map->count) {
        const perfopt__value_entry *entry = &map->entries[hint];
        if (entry->hash == name->hash && entry->key.kind == PERFOPT_STRING &&
            entry->key.length == name->length &&
            same_bytes(entry->key.as.string, name->text, name->length)) {
            *out = entry->value;
            return true;
        }
    }
    const perfopt__value_entry *entry =
        perfopt__value_find_name(map, name->text, name->length, name->hash);
    if (!entry)
        return false;
    *out = entry->value;
    atomic_store_explicit(&((ssr_expr *)e)->hint, (uint32_t)(entry - map->entries),
                          memory_order_relaxed);
    return true;
}

bool perfopt__ssr_eval_getattr(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    perfopt_value a;
    if (e->a->eval == perfopt__ssr_eval_local &&
        rt->frame->slots[e->a->ref.slot].kind != SSR_MISSING)
        a = rt->frame->slots[e->a->ref.slot]; /* the usual case, without a call */
    else if (!e->a->eval(rt, e->a, &a))
        return false;
    if (a.kind == PERFOPT_MAP && !e->on_map && hinted_item(e, a.as.map, out))
        return true;
    return perfopt__ssr_getattr(rt, a, e->name->text, e->name->length, out) ||
           perfopt__ssr_locate(rt, e->line, e->column);
}

/* {{ item.name }}, the most frequent statement: without going through the evaluation of both parts
 * if the item is a map with such a key and the value is a string. */
bool perfopt__ssr_exec_output_attribute(ssr_runtime *rt, const ssr_stmt *s)
{
    const ssr_expr *e = s->a;
    perfopt_value a = rt->frame->slots[e->a->ref.slot];
    perfopt_value value;
    if (a.kind != PERFOPT_MAP || e->on_map || !hinted_item(e, a.as.map, &value) ||
        value.kind != PERFOPT_STRING || s->escape == ESCAPE_VOLATILE)
        return perfopt__ssr_exec_output(rt, s);
    bool escape = s->escape == ESCAPE_ON && !(value.flags & PERFOPT_VALUE_SAFE);
    return perfopt__ssr_print_text(rt, value.as.string, value.length, escape) ||
           perfopt__ssr_locate(rt, s->line, s->column);
}

/* ---- items ---------------------------------------------------------------------------------- */

static bool string_item(perfopt_value s, int64_t i, perfopt_value *out)
{
    ssr_chars chars = perfopt__ssr_chars(s);
    if (i < 0)
        i += (int64_t)perfopt__ssr_char_count(chars);
    if (i < 0)
        return false;
    size_t start = perfopt__ssr_char_offset(chars, (size_t)i);
    if (start >= chars.length)
        return false;
    uint32_t c;
    size_t n = perfopt__ssr_next_char(chars.text + start, chars.text + chars.length, &c);
    *out = perfopt__ssr_piece(s, chars.text + start, n);
    return true;
}

static bool list_item(perfopt_value list, int64_t i, perfopt_value *out)
{
    const perfopt_list *l = list.as.list;
    if (i < 0)
        i += (int64_t)l->count;
    if (i < 0 || (uint64_t)i >= l->count)
        return false;
    *out = l->items[i];
    return true;
}

static bool host_item(perfopt_value a, perfopt_value key, perfopt_value *out)
{
    const perfopt_object_class *cls = a.as.object->cls;
    if (key.kind == PERFOPT_STRING)
        return cls->attribute &&
               cls->attribute(a.as.object, a.length, key.as.string, key.length, out);
    if (!perfopt__ssr_is_int(key) || cls->is_mapping || !cls->count || !cls->item)
        return false;
    int64_t i = perfopt__ssr_int(key);
    size_t count = cls->count(a.as.object, a.length);
    if (i < 0)
        i += (int64_t)count;
    return i >= 0 && (uint64_t)i < count && cls->item(a.as.object, a.length, (size_t)i, out);
}

/* a[key] without looking for attributes; false if there is no such item. */
static bool plain_item(perfopt_value a, perfopt_value key, perfopt_value *out)
{
    uint64_t hash;
    switch (a.kind) {
    case PERFOPT_MAP:
        if (!perfopt__value_hash(key, &hash))
            return false;
        const perfopt__value_entry *entry = perfopt__value_find(a.as.map, key, hash);
        if (entry)
            *out = entry->value;
        return entry != NULL;
    case PERFOPT_LIST:
        return perfopt__ssr_is_int(key) && list_item(a, perfopt__ssr_int(key), out);
    case PERFOPT_STRING:
        return perfopt__ssr_is_int(key) && string_item(a, perfopt__ssr_int(key), out);
    case PERFOPT_OBJECT:
        if (!perfopt__ssr_class_of(a))
            return host_item(a, key, out);
        return perfopt__ssr_is_int(key) && perfopt__ssr_range_item(a, perfopt__ssr_int(key), out);
    default:
        return false;
    }
}

bool perfopt__ssr_getitem(ssr_runtime *rt, perfopt_value a, perfopt_value key, perfopt_value *out)
{
    if (a.kind == PERFOPT_UNDEFINED)
        return undefined_of(rt, a, "", 0, out);
    if (plain_item(a, key, out))
        return true;
    if (key.kind == PERFOPT_STRING) {
        if (a.kind == PERFOPT_OBJECT) {
            if (object_attribute(rt, a, key.as.string, key.length, out))
                return true;
        } else {
            if (a.kind == PERFOPT_LIST && group_attribute(a, key.as.string, key.length, out))
                return true;
            const ssr_method *method = perfopt__ssr_method_of(a, key.as.string, key.length);
            if (method)
                return perfopt__ssr_bind_method(rt, a, method, out);
        }
        if (rt->status != PERFOPT_OK)
            return false;
    }
    return perfopt__ssr_undefined_attribute(rt, a, key, out);
}

/* ---- slices --------------------------------------------------------------------------------- */

typedef struct slice {
    int64_t start;
    int64_t stop;
    int64_t step;
    size_t count;
} slice;

static int64_t clamp(int64_t i, int64_t length, int64_t low, int64_t high)
{
    if (i < 0)
        i = i < -length ? low : i + length;
    return i < low ? low : i > high ? high : i;
}

static bool slice_part(ssr_runtime *rt, perfopt_value part, int64_t fallback, int64_t *out)
{
    *out = fallback;
    return part.kind == PERFOPT_NONE || perfopt__ssr_to_index(rt, part, out);
}

/* Python's rules for slices of a sequence of `length` items. */
static bool resolve_slice(ssr_runtime *rt, const perfopt_value parts[3], int64_t length, slice *out)
{
    int64_t step;
    if (!slice_part(rt, parts[2], 1, &step))
        return false;
    if (step == 0)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the step of a slice cannot be zero");
    int64_t low = step < 0 ? -1 : 0;
    int64_t high = step < 0 ? length - 1 : length;
    int64_t start = 0;
    int64_t stop = 0;
    if (!slice_part(rt, parts[0], 0, &start) || !slice_part(rt, parts[1], 0, &stop))
        return false;
    start =
        parts[0].kind == PERFOPT_NONE ? (step < 0 ? high : low) : clamp(start, length, low, high);
    stop = parts[1].kind == PERFOPT_NONE ? (step < 0 ? low : high) : clamp(stop, length, low, high);
    uint64_t span = step > 0 ? (stop > start ? (uint64_t)(stop - start) : 0)
                             : (start > stop ? (uint64_t)(start - stop) : 0);
    uint64_t size = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    *out = (slice){start, stop, step, span ? (size_t)((span - 1) / size + 1) : 0};
    return true;
}

static bool slice_list(ssr_runtime *rt, perfopt_value a, const slice *s, perfopt_value *out)
{
    if (!perfopt__ssr_list(rt, s->count, out))
        return false;
    for (size_t i = 0; i < s->count; i++)
        out->as.list->items[i] = a.as.list->items[s->start + (int64_t)i * s->step];
    out->as.list->count = s->count;
    out->flags = a.flags;
    return true;
}

static bool slice_string(ssr_runtime *rt, perfopt_value a, const slice *s, perfopt_value *out)
{
    ssr_chars chars = perfopt__ssr_chars(a);
    if (s->step == 1 || !s->count) {
        size_t from = perfopt__ssr_char_offset(chars, (size_t)s->start);
        ssr_chars rest = {chars.text + from, chars.length - from};
        *out = perfopt__ssr_piece(a, rest.text, perfopt__ssr_char_offset(rest, s->count));
        return true;
    }
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    size_t at = perfopt__ssr_char_offset(chars, (size_t)s->start);
    const char *end = chars.text + chars.length;
    for (size_t i = 0; i < s->count; i++) {
        uint32_t c;
        const char *p = chars.text + at;
        perfopt__strbuf_append(&sb, p, perfopt__ssr_next_char(p, end, &c));
        for (int64_t k = 0; k < s->step && p < end; k++)
            p += perfopt__ssr_next_char(p, end, &c);
        for (int64_t k = 0; k > s->step && p > chars.text; k--)
            p = perfopt__ssr_previous_char(chars.text, p);
        at = (size_t)(p - chars.text);
    }
    if (!perfopt__ssr_take_text(rt, &sb, out))
        return false;
    out->flags = a.flags;
    return true;
}

bool perfopt__ssr_slice(ssr_runtime *rt, perfopt_value a, const perfopt_value parts[3],
                        perfopt_value *out)
{
    slice s = {0};
    int64_t range[3];
    size_t length;
    if (a.kind == PERFOPT_UNDEFINED)
        return undefined_of(rt, a, "", 0, out);
    bool is_range = perfopt__ssr_range_parts(a, range);
    bool is_host =
        a.kind == PERFOPT_OBJECT && !perfopt__ssr_class_of(a) && !a.as.object->cls->is_mapping;
    if ((a.kind != PERFOPT_LIST && a.kind != PERFOPT_STRING && !is_range && !is_host) ||
        !perfopt__ssr_length(a, &length))
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s has no slices",
                                 perfopt_value_type_name(a));
    if (is_host && !perfopt__ssr_to_list(rt, a, &a))
        return false;
    if (!resolve_slice(rt, parts, (int64_t)length, &s))
        return false;
    if (is_range)
        return perfopt__ssr_range(rt, range[0] + s.start * range[2], range[0] + s.stop * range[2],
                                  range[2] * s.step, out);
    return a.kind == PERFOPT_STRING ? slice_string(rt, a, &s, out) : slice_list(rt, a, &s, out);
}

/* ---- paths ---------------------------------------------------------------------------------- */

static bool all_digits(ssr_chars part)
{
    for (size_t i = 0; i < part.length; i++) {
        if (part.text[i] < '0' || part.text[i] > '9')
            return false;
    }
    return part.length > 0 && part.length < 18;
}

bool perfopt__ssr_path_parse(ssr_runtime *rt, perfopt_value attribute, ssr_path *out)
{
    *out = (ssr_path){NULL, 0};
    if (attribute.kind == SSR_MISSING || attribute.kind == PERFOPT_NONE)
        return true;
    size_t count = 1;
    if (attribute.kind == PERFOPT_STRING) {
        for (uint32_t i = 0; i < attribute.length; i++)
            count += attribute.as.string[i] == '.';
    }
    out->parts = perfopt__ssr_alloc(rt, count * sizeof(*out->parts));
    if (!out->parts)
        return false;
    if (attribute.kind != PERFOPT_STRING) {
        out->parts[out->count++] = attribute;
        return true;
    }
    const char *p = attribute.as.string;
    const char *end = p + attribute.length;
    for (;;) {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        ssr_chars part = {p, (size_t)((dot ? dot : end) - p)};
        perfopt_value v = perfopt_string_n(part.text, part.length);
        if (all_digits(part)) {
            v = perfopt_int(0);
            for (size_t i = 0; i < part.length; i++)
                v.as.integer = v.as.integer * 10 + (part.text[i] - '0');
        }
        out->parts[out->count++] = v;
        if (!dot)
            return true;
        p = dot + 1;
    }
}

bool perfopt__ssr_path_get(ssr_runtime *rt, const ssr_path *path, perfopt_value value,
                           const perfopt_value *fallback, perfopt_value *out)
{
    for (size_t i = 0; i < path->count; i++) {
        if (!perfopt__ssr_getitem(rt, value, path->parts[i], &value))
            return false;
        if (fallback && value.kind == PERFOPT_UNDEFINED)
            value = *fallback;
    }
    *out = value;
    return true;
}
