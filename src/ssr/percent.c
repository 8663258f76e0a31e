/*
 * percent.c - Python's "format" % values.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"
#include "value/number.h"

#include <math.h>

typedef struct formatter {
    ssr_runtime *rt;
    perfopt__strbuf out;
    const char *p;
    const char *end;
    perfopt_value values; /* a tuple, or the single value, or a map */
    size_t used;
    bool single;
    bool by_name;
    bool markup; /* arguments are escaped */
} formatter;

static bool is_mapping(perfopt_value v)
{
    return v.kind == PERFOPT_MAP || (v.kind == PERFOPT_OBJECT && v.as.object->cls->is_mapping);
}

static bool next_value(formatter *f, perfopt_value *out)
{
    if (f->single) {
        if (f->used++)
            return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "too few values for the format");
        *out = f->values;
        return true;
    }
    if (f->used >= f->values.as.list->count)
        return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "too few values for the format");
    *out = f->values.as.list->items[f->used++];
    return true;
}

static bool named_value(formatter *f, perfopt_value *out)
{
    const char *start = ++f->p;
    int open = 1;
    while (f->p < f->end && open) {
        open += (*f->p == '(') - (*f->p == ')');
        f->p++;
    }
    if (open || !is_mapping(f->values))
        return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "the format needs a dict of values");
    size_t length = (size_t)(f->p - 1 - start);
    *out = perfopt_value_get(f->values, start, length);
    f->by_name = true;
    if (out->kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "the format needs a value '%.*s'",
                                 (int)length, start);
    return true;
}

static bool parse_number(formatter *f, int64_t *out)
{
    if (f->p < f->end && *f->p == '*') {
        perfopt_value value;
        f->p++;
        return next_value(f, &value) && perfopt__ssr_to_index(f->rt, value, out);
    }
    *out = 0;
    while (f->p < f->end && *f->p >= '0' && *f->p <= '9') {
        if (*out > 100000000)
            return perfopt__ssr_fail(f->rt, PERFOPT_ELIMIT, "the width is too large");
        *out = *out * 10 + (*f->p++ - '0');
    }
    return true;
}

static bool parse_spec(formatter *f, ssr_spec *spec, bool *zero)
{
    *spec = (ssr_spec){.fill = ' ', .precision = -1};
    *zero = false;
    bool left = false;
    for (; f->p < f->end && strchr("-+ #0", *f->p) && *f->p; f->p++) {
        left |= *f->p == '-';
        *zero |= *f->p == '0';
        spec->alternate |= *f->p == '#';
        if (*f->p == '+' || (*f->p == ' ' && !spec->sign))
            spec->sign = *f->p;
    }
    if (!parse_number(f, &spec->width))
        return false;
    if (spec->width < 0) {
        left = true;
        spec->width = -spec->width;
    }
    if (f->p < f->end && *f->p == '.') {
        f->p++;
        if (!parse_number(f, &spec->precision))
            return false;
        spec->precision = spec->precision < 0 ? 0 : spec->precision;
    }
    while (f->p < f->end && strchr("hlL", *f->p) && *f->p)
        f->p++;
    spec->align = left ? '<' : '>';
    *zero = *zero && !left;
    return true;
}

static bool put_string(formatter *f, perfopt_value value, ssr_spec *spec, char type)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    bool ok;
    if (type == 's' && f->markup) {
        ok = perfopt__ssr_to_markup(f->rt, value, &value);
        if (ok)
            perfopt__strbuf_append(&sb, value.as.string, value.length);
    } else {
        ok = type == 's' ? perfopt__ssr_put_text(f->rt, value, &sb)
                         : perfopt__ssr_put_repr(f->rt, value, &sb);
        if (ok && f->markup) {
            perfopt_value escaped;
            ok = perfopt__ssr_take_text(f->rt, &sb, &escaped) &&
                 perfopt__ssr_to_markup(f->rt, escaped, &escaped);
            if (ok)
                perfopt__strbuf_append(&sb, escaped.as.string, escaped.length);
        }
    }
    ssr_chars text = {sb.data ? sb.data : "", sb.length};
    if (ok && spec->precision >= 0)
        text.length = perfopt__ssr_char_offset(text, (size_t)spec->precision);
    ok = ok && !sb.failed &&
         perfopt__ssr_format_pad(f->rt, text.text, text.length, 0, spec, '>', &f->out);
    perfopt__strbuf_finish(&sb);
    return ok || (f->rt->status == PERFOPT_OK && perfopt__ssr_fail_nomem(f->rt));
}

static bool put_integer(formatter *f, perfopt_value value, ssr_spec *spec, char type)
{
    int64_t number;
    if (value.kind == PERFOPT_DOUBLE && strchr("diu", type)) {
        if (!(fabs(value.as.real) < 9.2e18))
            return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "the number is no 64-bit integer");
        number = (int64_t)value.as.real;
    } else if (perfopt__ssr_is_int(value)) {
        number = perfopt__ssr_int(value);
    } else {
        return value.kind == PERFOPT_UNDEFINED
                   ? perfopt__ssr_fail_undefined(f->rt, value)
                   : perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "%%%c needs a number, not %s", type,
                                       perfopt_value_type_name(value));
    }
    spec->type = strchr("diu", type) ? 'd' : type;
    return perfopt__ssr_format_int(f->rt, number, spec, &f->out);
}

static bool put_float(formatter *f, perfopt_value value, ssr_spec *spec, char type)
{
    double number;
    if (value.kind == PERFOPT_DOUBLE)
        number = value.as.real;
    else if (perfopt__ssr_is_int(value))
        number = (double)perfopt__ssr_int(value);
    else
        return value.kind == PERFOPT_UNDEFINED
                   ? perfopt__ssr_fail_undefined(f->rt, value)
                   : perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "%%%c needs a number, not %s", type,
                                       perfopt_value_type_name(value));
    spec->type = type;
    if (spec->precision < 0)
        spec->precision = 6;
    return perfopt__ssr_format_float(f->rt, number, spec, &f->out);
}

static bool put_char(formatter *f, perfopt_value value, ssr_spec *spec)
{
    char bytes[4];
    if (perfopt__ssr_is_int(value)) {
        int64_t c = perfopt__ssr_int(value);
        size_t n = c >= 0 && c <= 0x10FFFF ? perfopt__utf8_encode((uint32_t)c, bytes) : 0;
        if (!n)
            return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "%%c needs a character");
        return perfopt__ssr_format_pad(f->rt, bytes, n, 0, spec, '>', &f->out);
    }
    if (value.kind != PERFOPT_STRING || perfopt__ssr_char_count(perfopt__ssr_chars(value)) != 1)
        return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "%%c needs a character");
    return perfopt__ssr_format_pad(f->rt, value.as.string, value.length, 0, spec, '>', &f->out);
}

static bool put_one(formatter *f)
{
    perfopt_value value = perfopt_undefined();
    bool named = f->p < f->end && *f->p == '(';
    ssr_spec spec;
    bool zero;
    if (named && !named_value(f, &value))
        return false;
    if (!parse_spec(f, &spec, &zero))
        return false;
    if (f->p >= f->end)
        return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "the format ends within a specification");
    char type = *f->p++;
    if (type == '%') {
        perfopt__strbuf_putc(&f->out, '%');
        return true;
    }
    if (!strchr("sradiuoxXeEfFgGc", type))
        return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "the format has an unknown type '%c'",
                                 type);
    if (!named && !next_value(f, &value))
        return false;
    if (strchr("sra", type))
        return put_string(f, value, &spec, type);
    if (type == 'c')
        return put_char(f, value, &spec);
    if (zero) {
        spec.fill = '0';
        spec.align = '=';
    }
    return strchr("diuoxX", type) ? put_integer(f, value, &spec, type)
                                  : put_float(f, value, &spec, type);
}

static bool all_used(formatter *f, perfopt_value value)
{
    size_t count = f->single ? 1 : f->values.as.list->count;
    if (f->by_name || f->used >= count || (f->single && is_mapping(value)))
        return true;
    if (f->single && (value.kind == PERFOPT_LIST || value.kind == PERFOPT_UNDEFINED))
        return true; /* only tuples are counted; whatever can be indexed may stay unused */
    return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "not all values are used by the format");
}

bool perfopt__ssr_percent(ssr_runtime *rt, perfopt_value format, perfopt_value value,
                          perfopt_value *out)
{
    formatter f = {.rt = rt,
                   .out = PERFOPT__STRBUF_INIT,
                   .p = format.as.string,
                   .end = format.as.string + format.length,
                   .values = value,
                   .markup = format.flags & PERFOPT_VALUE_SAFE};
    f.single = !(value.kind == PERFOPT_LIST && value.flags & PERFOPT_VALUE_TUPLE);
    bool ok = true;
    while (ok && f.p < f.end) {
        const char *sign = memchr(f.p, '%', (size_t)(f.end - f.p));
        const char *stop = sign ? sign : f.end;
        perfopt__strbuf_append(&f.out, f.p, (size_t)(stop - f.p));
        f.p = sign ? sign + 1 : f.end;
        ok = !sign || put_one(&f);
    }
    if (!ok || !all_used(&f, value)) {
        perfopt__strbuf_finish(&f.out);
        return false;
    }
    if (!perfopt__ssr_take_text(rt, &f.out, out))
        return false;
    out->flags = format.flags & PERFOPT_VALUE_SAFE;
    return true;
}
