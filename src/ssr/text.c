/*
 * text.c - values as text: Python's str() and repr().
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"
#include "value/number.h"

/* Containers being printed, so that one inside itself prints as "...". */
typedef struct printing {
    const struct printing *outer;
    const void *object;
    unsigned depth;
} printing;

enum { MAX_PRINT_DEPTH = 200 };

static bool put_repr_in(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out,
                        const printing *outer);

static void put_hex_escape(perfopt__strbuf *out, uint32_t c)
{
    if (c < 0x100)
        perfopt__strbuf_printf(out, "\\x%02x", (unsigned)c);
    else if (c < 0x10000)
        perfopt__strbuf_printf(out, "\\u%04x", (unsigned)c);
    else
        perfopt__strbuf_printf(out, "\\U%08x", (unsigned)c);
}

static void put_string_repr(perfopt__strbuf *out, perfopt_value string)
{
    const char *p = string.as.string;
    const char *end = p + string.length;
    char quote = memchr(p, '\'', string.length) && !memchr(p, '"', string.length) ? '"' : '\'';
    perfopt__strbuf_putc(out, quote);
    while (p < end) {
        uint32_t c;
        size_t n = perfopt__ssr_next_char(p, end, &c);
        if (c == (unsigned char)quote || c == '\\') {
            perfopt__strbuf_putc(out, '\\');
            perfopt__strbuf_putc(out, (char)c);
        } else if (c == '\n') {
            perfopt__strbuf_puts(out, "\\n");
        } else if (c == '\r') {
            perfopt__strbuf_puts(out, "\\r");
        } else if (c == '\t') {
            perfopt__strbuf_puts(out, "\\t");
        } else if (!perfopt__ssr_is_printable(c)) {
            put_hex_escape(out, c);
        } else {
            perfopt__strbuf_append(out, p, n);
        }
        p += n;
    }
    perfopt__strbuf_putc(out, quote);
}

static bool put_list(ssr_runtime *rt, perfopt_value list, perfopt__strbuf *out,
                     const printing *self)
{
    bool tuple = list.flags & PERFOPT_VALUE_TUPLE;
    size_t count = perfopt_value_count(list);
    perfopt__strbuf_putc(out, tuple ? '(' : '[');
    for (size_t i = 0; i < count && !out->failed; i++) {
        if (i)
            perfopt__strbuf_puts(out, ", ");
        if (!put_repr_in(rt, perfopt_value_at(list, i), out, self))
            return false;
    }
    if (tuple && count == 1)
        perfopt__strbuf_putc(out, ',');
    perfopt__strbuf_putc(out, tuple ? ')' : ']');
    return true;
}

static bool put_map(ssr_runtime *rt, perfopt_value map, perfopt__strbuf *out, const printing *self)
{
    size_t count = perfopt_value_count(map);
    perfopt__strbuf_putc(out, '{');
    for (size_t i = 0; i < count && !out->failed; i++) {
        perfopt_value key = perfopt_value_at(map, i);
        if (i)
            perfopt__strbuf_puts(out, ", ");
        if (!put_repr_in(rt, key, out, self))
            return false;
        perfopt__strbuf_puts(out, ": ");
        perfopt_value value = map.kind == PERFOPT_MAP ? map.as.map->entries[i].value
                                                      : perfopt_value_get_key(map, key);
        if (!put_repr_in(rt, value, out, self))
            return false;
    }
    perfopt__strbuf_putc(out, '}');
    return true;
}

static bool put_object(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out,
                       const printing *self)
{
    const ssr_class *cls = perfopt__ssr_class_of(value);
    if (cls && cls->print)
        return cls->print(rt, value, out);
    if (!cls && value.as.object->cls->count)
        return value.as.object->cls->is_mapping ? put_map(rt, value, out, self)
                                                : put_list(rt, value, out, self);
    perfopt__strbuf_printf(out, "<%s object>", perfopt_value_type_name(value));
    return true;
}

static bool put_container(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out,
                          const printing *outer)
{
    printing self = {outer, value.as.object, outer ? outer->depth + 1 : 1};
    if (self.depth > MAX_PRINT_DEPTH)
        return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the value is nested more than %d deep",
                                 MAX_PRINT_DEPTH);
    for (const printing *p = outer; p && value.kind != PERFOPT_OBJECT; p = p->outer) {
        if (p->object == self.object) {
            perfopt__strbuf_puts(out, value.kind == PERFOPT_MAP           ? "{...}"
                                      : value.flags & PERFOPT_VALUE_TUPLE ? "(...)"
                                                                          : "[...]");
            return true;
        }
    }
    if (out->length > rt->max_output)
        return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the text is too long");
    if (value.kind == PERFOPT_LIST)
        return put_list(rt, value, out, &self);
    if (value.kind == PERFOPT_MAP)
        return put_map(rt, value, out, &self);
    return put_object(rt, value, out, &self);
}

static void put_scalar(perfopt_value value, perfopt__strbuf *out)
{
    char number[32];
    switch (value.kind) {
    case PERFOPT_NONE:
        perfopt__strbuf_puts(out, "None");
        break;
    case PERFOPT_BOOL:
        perfopt__strbuf_puts(out, value.as.boolean ? "True" : "False");
        break;
    case PERFOPT_INT:
        perfopt__strbuf_append(out, number, perfopt__number_from_int(value.as.integer, number));
        break;
    case PERFOPT_DOUBLE:
        perfopt__strbuf_append(out, number, perfopt__number_from_double(value.as.real, number));
        break;
    default:
        perfopt__strbuf_puts(out, "Undefined");
    }
}

static bool put_repr_in(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out,
                        const printing *outer)
{
    switch (value.kind) {
    case PERFOPT_STRING:
        if (value.flags & PERFOPT_VALUE_SAFE)
            perfopt__strbuf_puts(out, "Markup(");
        put_string_repr(out, value);
        if (value.flags & PERFOPT_VALUE_SAFE)
            perfopt__strbuf_putc(out, ')');
        return true;
    case PERFOPT_LIST:
    case PERFOPT_MAP:
    case PERFOPT_OBJECT:
        return put_container(rt, value, out, outer);
    default:
        put_scalar(value, out);
        return true;
    }
}

bool perfopt__ssr_put_repr(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out)
{
    return put_repr_in(rt, value, out, NULL);
}

bool perfopt__ssr_put_text(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out)
{
    if (value.kind == PERFOPT_STRING) {
        perfopt__strbuf_append(out, value.as.string, value.length);
        return true;
    }
    if (value.kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_undefined_text(rt, value, out);
    return put_repr_in(rt, value, out, NULL);
}

bool perfopt__ssr_to_string(ssr_runtime *rt, perfopt_value value, perfopt_value *out)
{
    if (value.kind == PERFOPT_STRING) {
        *out = value;
        return true;
    }
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_put_text(rt, value, &sb)) {
        perfopt__strbuf_finish(&sb);
        return false;
    }
    return perfopt__ssr_take_text(rt, &sb, out);
}

bool perfopt__ssr_text(ssr_runtime *rt, perfopt_value value, const char **text, size_t *length)
{
    perfopt_value string;
    if (!perfopt__ssr_to_string(rt, value, &string))
        return false;
    *text = string.as.string;
    *length = string.length;
    return true;
}

bool perfopt__ssr_escape_text(ssr_runtime *rt, const char *text, size_t length, perfopt_value *out)
{
    if (perfopt__ssr_is_plain(text, length)) {
        *out = perfopt_string_n(text, length);
        out->flags = PERFOPT_VALUE_SAFE;
        return true;
    }
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (length > SIZE_MAX / 8 || !perfopt__strbuf_reserve(&sb, length * 6)) {
        perfopt__strbuf_finish(&sb);
        return perfopt__ssr_fail_nomem(rt);
    }
    sb.length = (size_t)(perfopt__ssr_escape(sb.data, text, length) - sb.data);
    if (!perfopt__ssr_take_text(rt, &sb, out))
        return false;
    out->flags = PERFOPT_VALUE_SAFE;
    return true;
}

bool perfopt__ssr_to_markup(ssr_runtime *rt, perfopt_value value, perfopt_value *out)
{
    perfopt_value string;
    if (!perfopt__ssr_to_string(rt, value, &string))
        return false;
    const ssr_class *cls = perfopt__ssr_class_of(value);
    if (string.flags & PERFOPT_VALUE_SAFE || (cls && cls->is_markup)) {
        *out = string;
        out->flags = PERFOPT_VALUE_SAFE;
        return true;
    }
    return perfopt__ssr_escape_text(rt, string.as.string, string.length, out);
}
