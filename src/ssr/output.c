/*
 * output.c - the buffer a render writes to, and printing values into it.
 */
#include "base/bytes.h"
#include "base/memory.h"
#include "ssr/runtime.h"
#include "value/number.h"

enum { MIN_OUTPUT = 1024 };

bool perfopt__ssr_output_init(ssr_runtime *rt, size_t expected)
{
    size_t capacity = expected < MIN_OUTPUT ? MIN_OUTPUT : expected;
    if (capacity > rt->max_output)
        capacity = rt->max_output;
    rt->out.bytes = perfopt__bytes_new(capacity);
    if (!rt->out.bytes)
        return perfopt__ssr_fail_nomem(rt);
    rt->out.next = rt->out.bytes->data;
    rt->out.end = rt->out.next + capacity;
    return true;
}

/* Doubles the buffer; the copying adds up to less than the final size. */
bool perfopt__ssr_output_grow(ssr_runtime *rt, size_t need)
{
    size_t used = perfopt__ssr_output_length(rt);
    size_t capacity = (size_t)(rt->out.end - rt->out.bytes->data);
    if (need > rt->max_output || used > rt->max_output - need)
        return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the output is larger than %llu bytes",
                                 (unsigned long long)rt->max_output);
    while (capacity - used < need)
        capacity = capacity < MIN_OUTPUT ? MIN_OUTPUT : capacity * 2;
    if (capacity > rt->max_output)
        capacity = rt->max_output;
    perfopt_bytes *bytes = perfopt__realloc(rt->out.bytes, sizeof(*bytes) + capacity + 1);
    if (!bytes)
        return perfopt__ssr_fail_nomem(rt);
    rt->out.bytes = bytes;
    rt->out.next = bytes->data + used;
    rt->out.end = bytes->data + capacity;
    return true;
}

bool perfopt__ssr_capture(ssr_runtime *rt, size_t from, perfopt_value *out)
{
    size_t length = perfopt__ssr_output_length(rt) - from;
    bool ok = perfopt__ssr_copy_text(rt, rt->out.bytes->data + from, length, out);
    rt->out.next = rt->out.bytes->data + from;
    return ok;
}

perfopt_bytes *perfopt__ssr_output_take(ssr_runtime *rt)
{
    perfopt_bytes *bytes = rt->out.bytes;
    size_t length = perfopt__ssr_output_length(rt);
    size_t capacity = (size_t)(rt->out.end - bytes->data);
    rt->out.bytes = NULL;
    if (capacity - length > length / 4 + MIN_OUTPUT) {
        perfopt_bytes *smaller = perfopt__realloc(bytes, sizeof(*bytes) + length + 1);
        bytes = smaller ? smaller : bytes;
    }
    bytes->length = length;
    bytes->data[length] = '\0';
    return bytes;
}

/* ---- printing ------------------------------------------------------------------------------- */

/* In pieces through a small buffer: no room is kept that the text may not need, so that an output
 * of exactly the permitted size is possible. */
static bool print_escaped_slowly(ssr_runtime *rt, const char *text, size_t length)
{
    enum { PIECE = 256 };
    char escaped[PIECE * 6];
    for (size_t done = 0; done < length;) {
        size_t piece = length - done < PIECE ? length - done : PIECE;
        size_t n = (size_t)(perfopt__ssr_escape(escaped, text + done, piece) - escaped);
        if (!perfopt__ssr_write(rt, escaped, n))
            return false;
        done += piece;
    }
    return true;
}

bool perfopt__ssr_print_text(ssr_runtime *rt, const char *text, size_t length, bool escape)
{
    if (!escape)
        return perfopt__ssr_write(rt, text, length);
    if ((size_t)(rt->out.end - rt->out.next) / 6 < length)
        return print_escaped_slowly(rt, text, length);
    rt->out.next = perfopt__ssr_escape(rt->out.next, text, length);
    return true;
}

static bool print_other(ssr_runtime *rt, perfopt_value value, bool escape)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    const ssr_class *cls = perfopt__ssr_class_of(value);
    escape = escape && !(cls && cls->is_markup);
    bool ok = perfopt__ssr_put_text(rt, value, &sb);
    if (ok && sb.failed)
        ok = perfopt__ssr_fail_nomem(rt);
    ok = ok && perfopt__ssr_print_text(rt, sb.data ? sb.data : "", sb.length, escape);
    perfopt__strbuf_finish(&sb);
    return ok;
}

bool perfopt__ssr_print(ssr_runtime *rt, perfopt_value value, bool escape)
{
    char number[32];
    switch (value.kind) {
    case PERFOPT_STRING:
        return perfopt__ssr_print_text(rt, value.as.string, value.length,
                                       escape && !(value.flags & PERFOPT_VALUE_SAFE));
    case PERFOPT_INT:
        return perfopt__ssr_write(rt, number, perfopt__number_from_int(value.as.integer, number));
    case PERFOPT_DOUBLE:
        return perfopt__ssr_write(rt, number, perfopt__number_from_double(value.as.real, number));
    case PERFOPT_BOOL:
        return value.as.boolean ? perfopt__ssr_write(rt, "True", 4)
                                : perfopt__ssr_write(rt, "False", 5);
    case PERFOPT_NONE:
        return perfopt__ssr_write(rt, "None", 4);
    default:
        return print_other(rt, value, escape);
    }
}
