/*
 * undefined.c - undefined values remember what was missing, for messages:
 *
 *     reserved 0: nothing known      1: a name (string, length)      2: points to a detail
 */
#include "ssr/runtime.h"

#include <stdarg.h>
#include <stdio.h>

enum { UNDEFINED_PLAIN, UNDEFINED_NAME, UNDEFINED_DETAIL };

typedef struct undefined_detail {
    const char *message; /* "'dict object' has no attribute 'x'" */
    const char *debug;   /* what DebugUndefined prints inside {{ }} */
} undefined_detail;

perfopt_value perfopt__ssr_undefined_name(const char *name, uint32_t length)
{
    perfopt_value v = perfopt_undefined();
    v.reserved = UNDEFINED_NAME;
    v.length = length;
    v.as.string = name;
    return v;
}

static bool with_detail(ssr_runtime *rt, const char *message, const char *debug, perfopt_value *out)
{
    undefined_detail *detail = perfopt__ssr_alloc(rt, sizeof(*detail));
    if (!detail)
        return false;
    detail->message = message;
    detail->debug = debug;
    *out = perfopt_undefined();
    out->reserved = UNDEFINED_DETAIL;
    out->as.string = (const char *)(const void *)detail;
    return true;
}

static bool object_name(perfopt_value of, char *out, size_t size)
{
    if (of.kind == PERFOPT_NONE)
        snprintf(out, size, "None");
    else if (of.kind == PERFOPT_STRING && of.flags & PERFOPT_VALUE_SAFE)
        snprintf(out, size, "markupsafe.Markup object");
    else
        snprintf(out, size, "%s object", perfopt_value_type_name(of));
    return true;
}

bool perfopt__ssr_undefined_attribute(ssr_runtime *rt, perfopt_value of, perfopt_value key,
                                      perfopt_value *out)
{
    char object[96];
    perfopt__strbuf repr = PERFOPT__STRBUF_INIT;
    if (of.kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(rt, of);
    object_name(of, object, sizeof(object));
    bool ok = perfopt__ssr_put_repr(rt, key, &repr);
    perfopt__strbuf_putc(&repr, '\0');
    if (!ok || repr.failed) {
        perfopt__strbuf_finish(&repr);
        return ok ? perfopt__ssr_fail_nomem(rt) : false;
    }
    bool named = key.kind == PERFOPT_STRING;
    size_t size = strlen(object) + repr.length + 40;
    char *message = perfopt__ssr_alloc(rt, size);
    char *debug = perfopt__ssr_alloc(rt, size);
    if (message && debug) {
        snprintf(message, size, named ? "'%s' has no attribute %s" : "%s has no element %s", object,
                 repr.data);
        snprintf(debug, size, "no such element: %s[%s]", object, repr.data);
    }
    perfopt__strbuf_finish(&repr);
    return message && debug && with_detail(rt, message, debug, out);
}

bool perfopt__ssr_undefined_hint(ssr_runtime *rt, perfopt_value *out, const char *format, ...)
{
    enum { SIZE = 256 };
    char *message = perfopt__ssr_alloc(rt, SIZE);
    char *debug = perfopt__ssr_alloc(rt, SIZE + 32);
    if (!message || !debug)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(message, SIZE, format, args);
    va_end(args);
    snprintf(debug, SIZE + 32, "undefined value printed: %s", message);
    return with_detail(rt, message, debug, out);
}

void perfopt__ssr_record_undefined(ssr_runtime *rt, perfopt_value undefined)
{
    if (undefined.reserved == UNDEFINED_NAME) {
        perfopt__ssr_record_failure(rt, PERFOPT_EFAILED, "'%.*s' is undefined",
                                    (int)(undefined.length > 200 ? 200 : undefined.length),
                                    undefined.as.string);
    } else if (undefined.reserved == UNDEFINED_DETAIL) {
        const undefined_detail *detail = (const void *)undefined.as.string;
        perfopt__ssr_record_failure(rt, PERFOPT_EFAILED, "%s", detail->message);
    } else {
        perfopt__ssr_record_failure(rt, PERFOPT_EFAILED, "the value is undefined");
    }
}

bool perfopt__ssr_undefined_text(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out)
{
    perfopt_undefined_mode mode = perfopt__ssr_undefined_mode(rt, value);
    if (mode == PERFOPT_UNDEFINED_STRICT)
        return perfopt__ssr_fail_undefined(rt, value);
    if (mode != PERFOPT_UNDEFINED_DEBUG)
        return true;
    perfopt__strbuf_puts(out, "{{ ");
    if (value.reserved == UNDEFINED_NAME)
        perfopt__strbuf_append(out, value.as.string, value.length);
    else if (value.reserved == UNDEFINED_DETAIL)
        perfopt__strbuf_puts(out, ((const undefined_detail *)(const void *)value.as.string)->debug);
    else
        perfopt__strbuf_puts(out, "undefined");
    perfopt__strbuf_puts(out, " }}");
    return true;
}
