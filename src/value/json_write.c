/*
 * json_write.c - values as JSON text, safe inside an HTML script element.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "value/number.h"
#include "value/value.h"

#include <math.h>

typedef struct writer {
    perfopt__strbuf sb;
    unsigned indent;
    unsigned depth;
    perfopt_status status; /* what stopped the writing */
} writer;

static void put_value(writer *w, perfopt_value value);

static void put_break(writer *w)
{
    if (!w->indent)
        return;
    perfopt__strbuf_putc(&w->sb, '\n');
    for (unsigned i = 0; i < w->indent * w->depth && !w->sb.failed; i++)
        perfopt__strbuf_putc(&w->sb, ' ');
}

static bool enter(writer *w, char bracket)
{
    if (++w->depth > PERFOPT__VALUE_JSON_DEPTH) {
        w->status = PERFOPT_ELIMIT;
        return false;
    }
    perfopt__strbuf_putc(&w->sb, bracket);
    return true;
}

static void leave(writer *w, char bracket, size_t count)
{
    w->depth--;
    if (count)
        put_break(w);
    perfopt__strbuf_putc(&w->sb, bracket);
}

static void put_separator(writer *w, size_t i)
{
    if (i)
        perfopt__strbuf_putc(&w->sb, ',');
    put_break(w);
}

static void put_int(writer *w, int64_t value)
{
    char text[20];
    perfopt__strbuf_append(&w->sb, text, perfopt__number_from_int(value, text));
}

static void put_double(writer *w, double value)
{
    char text[32];
    if (isfinite(value))
        perfopt__strbuf_append(&w->sb, text, perfopt__number_from_double(value, text));
    else
        perfopt__strbuf_puts(&w->sb, "null");
}

/* Keys that are no strings become strings, as Python's json does. */
static void put_key(writer *w, perfopt_value key)
{
    if (key.kind == PERFOPT_STRING) {
        perfopt__strbuf_put_json(&w->sb, key.as.string, key.length);
    } else if (key.kind == PERFOPT_LIST || key.kind == PERFOPT_OBJECT) {
        w->status = PERFOPT_ETYPE;
    } else {
        perfopt__strbuf_putc(&w->sb, '"');
        put_value(w, key);
        perfopt__strbuf_putc(&w->sb, '"');
    }
    perfopt__strbuf_puts(&w->sb, w->indent ? ": " : ":");
}

static void put_items(writer *w, perfopt_value list)
{
    size_t count = perfopt_value_count(list);
    if (!enter(w, '['))
        return;
    for (size_t i = 0; i < count && w->status == PERFOPT_OK && !w->sb.failed; i++) {
        put_separator(w, i);
        put_value(w, perfopt_value_at(list, i));
    }
    leave(w, ']', count);
}

static void put_pairs(writer *w, perfopt_value map)
{
    size_t count = perfopt_value_count(map);
    if (!enter(w, '{'))
        return;
    for (size_t i = 0; i < count && w->status == PERFOPT_OK && !w->sb.failed; i++) {
        perfopt_value key = perfopt_value_at(map, i);
        put_separator(w, i);
        put_key(w, key);
        put_value(w, perfopt_value_get_key(map, key));
    }
    leave(w, '}', count);
}

static void put_value(writer *w, perfopt_value value)
{
    switch (value.kind) {
    case PERFOPT_BOOL:
        perfopt__strbuf_puts(&w->sb, value.as.boolean ? "true" : "false");
        return;
    case PERFOPT_INT:
        put_int(w, value.as.integer);
        return;
    case PERFOPT_DOUBLE:
        put_double(w, value.as.real);
        return;
    case PERFOPT_STRING:
        perfopt__strbuf_put_json(&w->sb, value.as.string, value.length);
        return;
    case PERFOPT_LIST:
        put_items(w, value);
        return;
    case PERFOPT_MAP:
        put_pairs(w, value);
        return;
    case PERFOPT_OBJECT:
        if (!value.as.object->cls->count)
            perfopt__strbuf_puts(&w->sb, "null");
        else if (value.as.object->cls->is_mapping)
            put_pairs(w, value);
        else
            put_items(w, value);
        return;
    default:
        perfopt__strbuf_puts(&w->sb, "null");
    }
}

perfopt_status perfopt_value_to_json(perfopt_value value, unsigned indent, perfopt_bytes **out,
                                     perfopt_error *err)
{
    writer w = {PERFOPT__STRBUF_INIT, indent > 16 ? 16 : indent, 0, PERFOPT_OK};
    put_value(&w, value);
    perfopt_status st = w.sb.failed ? PERFOPT_ENOMEM : w.status;
    if (st == PERFOPT_OK)
        st = perfopt_bytes_create(w.sb.data, w.sb.length, out);
    perfopt__strbuf_finish(&w.sb);
    if (st == PERFOPT_ELIMIT)
        return perfopt__error_set(err, st, "value nested deeper than %d levels",
                                  PERFOPT__VALUE_JSON_DEPTH);
    if (st == PERFOPT_ETYPE)
        return perfopt__error_set(err, st, "a tuple or object cannot be a key in JSON");
    return st == PERFOPT_OK ? st : perfopt__error_nomem(err);
}
