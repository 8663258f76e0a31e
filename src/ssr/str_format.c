/*
 * str_format.c - "{:>8.2f}".format(...) and the number formats that "%" uses too.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"
#include "value/number.h"

#include <math.h>

/* ---- padding -------------------------------------------------------------------------------- */

static void put_fill(perfopt__strbuf *out, uint32_t fill, size_t count)
{
    char bytes[4];
    size_t n = perfopt__utf8_encode(fill, bytes);
    if (!perfopt__strbuf_reserve(out, n * count))
        return;
    for (size_t i = 0; i < count; i++)
        perfopt__strbuf_append(out, bytes, n);
}

bool perfopt__ssr_format_pad(ssr_runtime *rt, const char *text, size_t length, size_t prefix,
                             const ssr_spec *spec, char align, perfopt__strbuf *out)
{
    size_t width = spec->width > 0 ? (size_t)spec->width : 0;
    size_t count = perfopt__ssr_char_count((ssr_chars){text, length});
    size_t pad = width > count ? width - count : 0;
    if (pad > rt->max_memory)
        return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the width is too large");
    align = spec->align ? spec->align : align;
    size_t left = align == '>' || align == '=' ? pad : align == '^' ? pad / 2 : 0;
    if (align == '=') {
        perfopt__strbuf_append(out, text, prefix);
        put_fill(out, spec->fill, pad);
        perfopt__strbuf_append(out, text + prefix, length - prefix);
    } else {
        put_fill(out, spec->fill, left);
        perfopt__strbuf_append(out, text, length);
        put_fill(out, spec->fill, pad - left);
    }
    return !out->failed || perfopt__ssr_fail_nomem(rt);
}

static void put_grouped(perfopt__strbuf *out, const char *digits, size_t n, char group)
{
    for (size_t i = 0; i < n; i++) {
        if (group && i && (n - i) % 3 == 0)
            perfopt__strbuf_putc(out, group);
        perfopt__strbuf_putc(out, digits[i]);
    }
}

/* "0" filled numbers are grouped in the filling too: 0,001,234. */
static void put_zeros(perfopt__strbuf *out, const ssr_spec *spec, size_t taken, size_t digits)
{
    if (spec->fill != '0' || spec->align != '=' || !spec->group)
        return;
    size_t width = spec->width > 0 ? (size_t)spec->width : 0;
    size_t grouped = digits + (digits ? (digits - 1) / 3 : 0);
    while (taken + grouped < width) {
        digits++;
        grouped = digits + (digits - 1) / 3;
        perfopt__strbuf_putc(out, '0');
    }
}

static bool put_number(ssr_runtime *rt, bool negative, const char *prefix, const char *digits,
                       size_t n, const char *rest, size_t rest_length, const ssr_spec *spec,
                       perfopt__strbuf *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__strbuf whole = PERFOPT__STRBUF_INIT;
    if (negative)
        perfopt__strbuf_putc(&sb, '-');
    else if (spec->sign == '+' || spec->sign == ' ')
        perfopt__strbuf_putc(&sb, spec->sign);
    perfopt__strbuf_puts(&sb, prefix);
    size_t lead = sb.length;
    put_zeros(&whole, spec, lead + rest_length, n);
    perfopt__strbuf_append(&whole, digits, n);
    put_grouped(&sb, whole.data, whole.length, spec->group);
    perfopt__strbuf_append(&sb, rest, rest_length);
    bool ok = !sb.failed && !whole.failed;
    ok = ok ? perfopt__ssr_format_pad(rt, sb.data, sb.length, lead, spec, '>', out)
            : perfopt__ssr_fail_nomem(rt);
    perfopt__strbuf_finish(&sb);
    perfopt__strbuf_finish(&whole);
    return ok;
}

/* ---- integers ------------------------------------------------------------------------------- */

bool perfopt__ssr_format_int(ssr_runtime *rt, int64_t value, const ssr_spec *spec,
                             perfopt__strbuf *out)
{
    char digits[72];
    size_t n = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char type = spec->type ? spec->type : 'd';
    unsigned base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
    const char *letters = type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char reversed[72];
    do {
        reversed[n++] = letters[rest % base];
        rest /= base;
    } while (rest);
    while (spec->precision > 0 && n < (size_t)spec->precision && n < 64)
        reversed[n++] = '0';
    for (size_t i = 0; i < n; i++)
        digits[i] = reversed[n - 1 - i];
    char prefix[3] = {'0', type, '\0'};
    return put_number(rt, value < 0, spec->alternate && base != 10 ? prefix : "", digits, n, "", 0,
                      spec, out);
}

/* ---- floats --------------------------------------------------------------------------------- */

typedef struct digits {
    char text[PERFOPT__NUMBER_MAX_DIGITS];
    size_t count;
    int exponent; /* value = 0.text * 10^exponent */
} digits;

static char digit_at(const digits *d, int i)
{
    return i >= 0 && (size_t)i < d->count ? d->text[i] : '0';
}

static void put_fixed(const digits *d, int64_t precision, bool point, perfopt__strbuf *whole,
                      perfopt__strbuf *rest)
{
    if (d->exponent <= 0 || d->count == 0)
        perfopt__strbuf_putc(whole, '0');
    for (int i = 0; d->count && i < d->exponent; i++)
        perfopt__strbuf_putc(whole, digit_at(d, i));
    if (precision > 0 || point)
        perfopt__strbuf_putc(rest, '.');
    for (int64_t i = 0; i < precision && !rest->failed; i++) {
        int at = (d->count ? d->exponent : 0) + (int)i;
        perfopt__strbuf_putc(rest, d->count ? digit_at(d, at) : '0');
    }
}

static void put_scientific(const digits *d, int64_t precision, char e, perfopt__strbuf *whole,
                           perfopt__strbuf *rest)
{
    int exponent = d->count ? d->exponent - 1 : 0;
    perfopt__strbuf_putc(whole, digit_at(d, 0));
    if (precision > 0)
        perfopt__strbuf_putc(rest, '.');
    for (int64_t i = 0; i < precision && !rest->failed; i++)
        perfopt__strbuf_putc(rest, digit_at(d, (int)i + 1));
    perfopt__strbuf_printf(rest, "%c%c%02d", e, exponent < 0 ? '-' : '+',
                           exponent < 0 ? -exponent : exponent);
}

/* %g: significant digits, no trailing zeros, an exponent for the very large and small. */
static void put_general(const digits *d, int64_t precision, char e, bool alternate,
                        perfopt__strbuf *whole, perfopt__strbuf *rest)
{
    int exponent = d->count ? d->exponent - 1 : 0;
    int64_t significant = alternate ? precision : (int64_t)(d->count ? d->count : 1);
    if (exponent < -4 || exponent >= precision) {
        put_scientific(d, significant - 1, e, whole, rest);
        return;
    }
    int64_t places = significant - 1 - exponent;
    put_fixed(d, places < 0 ? 0 : places, alternate, whole, rest);
}

static bool put_special(ssr_runtime *rt, double value, const ssr_spec *spec, perfopt__strbuf *out)
{
    bool upper = spec->type == 'F' || spec->type == 'E' || spec->type == 'G';
    const char *text = isnan(value) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
    return put_number(rt, signbit(value) && !isnan(value), "", text, 3, "", 0, spec, out);
}

bool perfopt__ssr_format_float(ssr_runtime *rt, double value, const ssr_spec *spec,
                               perfopt__strbuf *out)
{
    digits d;
    perfopt__strbuf whole = PERFOPT__STRBUF_INIT;
    perfopt__strbuf rest = PERFOPT__STRBUF_INIT;
    char type = (char)(spec->type | 0x20);
    int64_t precision = spec->precision;
    if (precision > 100000)
        return perfopt__ssr_fail(rt, PERFOPT_ELIMIT, "the precision is too large");
    if (type == '%') {
        value *= 100;
        type = 'f';
    }
    if (!isfinite(value))
        return put_special(rt, value, spec, out);
    perfopt__number_mode mode =
        type == 'f' ? PERFOPT__NUMBER_DECIMALS : PERFOPT__NUMBER_SIGNIFICANT;
    if (type == 'g' && precision == 0)
        precision = 1;
    int count = (int)(type == 'e' ? precision + 1 : precision);
    d.count = perfopt__number_digits(value, mode, count, d.text, &d.exponent);
    char e = spec->type == 'E' || spec->type == 'G' ? 'E' : 'e';
    if (type == 'f')
        put_fixed(&d, precision, spec->alternate, &whole, &rest);
    else if (type == 'e')
        put_scientific(&d, precision, e, &whole, &rest);
    else
        put_general(&d, precision, e, spec->alternate, &whole, &rest);
    if (spec->type == '%')
        perfopt__strbuf_putc(&rest, '%');
    bool ok = !whole.failed && !rest.failed;
    ok = ok ? put_number(rt, signbit(value), "", whole.data, whole.length,
                         rest.data ? rest.data : "", rest.length, spec, out)
            : perfopt__ssr_fail_nomem(rt);
    perfopt__strbuf_finish(&whole);
    perfopt__strbuf_finish(&rest);
    return ok;
}

/* ---- format() ------------------------------------------------------------------------------- */

typedef struct formatter {
    ssr_runtime *rt;
    perfopt__strbuf out;
    const perfopt_call *call;
    bool markup;
    size_t automatic;
    bool numbered;
    unsigned depth;
} formatter;

static bool bad_format(formatter *f, const char *what)
{
    return perfopt__ssr_fail(f->rt, PERFOPT_EFAILED, "format(): %s", what);
}

static bool read_count(ssr_chars *s, int64_t *out)
{
    bool any = false;
    *out = 0;
    while (s->length && *s->text >= '0' && *s->text <= '9' && *out < 100000000) {
        *out = *out * 10 + (*s->text - '0');
        s->text++;
        s->length--;
        any = true;
    }
    return any;
}

static bool take(ssr_chars *s, const char *set, char *out)
{
    if (!s->length || !*s->text || !strchr(set, *s->text))
        return false;
    *out = *s->text++;
    s->length--;
    return true;
}

static bool parse_spec(formatter *f, ssr_chars s, ssr_spec *spec)
{
    char flag;
    *spec = (ssr_spec){.fill = ' ', .precision = -1};
    if (s.length) {
        uint32_t c;
        size_t n = perfopt__ssr_next_char(s.text, s.text + s.length, &c);
        if (n < s.length && strchr("<>=^", s.text[n])) {
            spec->fill = c;
            spec->align = s.text[n];
            s = (ssr_chars){s.text + n + 1, s.length - n - 1};
        } else {
            take(&s, "<>=^", &spec->align);
        }
    }
    take(&s, "+- ", &spec->sign);
    spec->alternate = take(&s, "#", &flag);
    if (take(&s, "0", &flag) && !spec->align) {
        spec->fill = '0';
        spec->align = '=';
    }
    read_count(&s, &spec->width);
    take(&s, ",_", &spec->group);
    if (take(&s, ".", &flag) && !read_count(&s, &spec->precision))
        return bad_format(f, "a precision is missing");
    if (s.length > 1)
        return bad_format(f, "malformed specification");
    spec->type = s.length ? *s.text : '\0';
    return true;
}

static bool format_string(formatter *f, perfopt_value value, const ssr_spec *spec)
{
    const char *text;
    size_t length;
    if ((spec->type && spec->type != 's') || spec->sign || spec->group || spec->align == '=')
        return bad_format(f, "this specification is not for text");
    if (!perfopt__ssr_text(f->rt, value, &text, &length))
        return false;
    ssr_chars s = {text, length};
    if (spec->precision >= 0)
        s.length = perfopt__ssr_char_offset(s, (size_t)spec->precision);
    return perfopt__ssr_format_pad(f->rt, s.text, s.length, 0, spec, '<', &f->out);
}

/* A float without a type prints as str() does, with a precision as "g" but never as an integer. */
static bool format_plain_float(formatter *f, double value, ssr_spec *spec)
{
    char text[32];
    if (spec->precision >= 0) {
        spec->type = 'g';
        perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
        ssr_spec bare = {.fill = ' ', .precision = spec->precision, .type = 'g'};
        bool ok = perfopt__ssr_format_float(f->rt, value, &bare, &sb);
        bool whole = ok && sb.data && !memchr(sb.data, '.', sb.length) &&
                     !memchr(sb.data, 'e', sb.length) && isfinite(value);
        if (whole)
            perfopt__strbuf_puts(&sb, ".0");
        ok = ok && perfopt__ssr_format_pad(f->rt, sb.data, sb.length, signbit(value) != 0, spec,
                                           '>', &f->out);
        perfopt__strbuf_finish(&sb);
        return ok;
    }
    size_t n = perfopt__number_from_double(fabs(value), text);
    size_t whole = 0;
    while (whole < n && text[whole] >= '0' && text[whole] <= '9')
        whole++;
    return put_number(f->rt, signbit(value), "", text, whole, text + whole, n - whole, spec,
                      &f->out);
}

static bool format_number(formatter *f, perfopt_value value, ssr_spec *spec)
{
    if (spec->type == '\0' && value.kind == PERFOPT_DOUBLE)
        return format_plain_float(f, value.as.real, spec);
    if (spec->type && strchr("eEfFgG%", spec->type)) {
        if (spec->precision < 0)
            spec->precision = 6;
        double number =
            value.kind == PERFOPT_DOUBLE ? value.as.real : (double)perfopt__ssr_int(value);
        return perfopt__ssr_format_float(f->rt, number, spec, &f->out);
    }
    if (value.kind == PERFOPT_DOUBLE || spec->precision >= 0 ||
        (spec->type && !strchr("bdoxXn", spec->type)))
        return bad_format(f, "this specification is not for the number");
    return perfopt__ssr_format_int(f->rt, perfopt__ssr_int(value), spec, &f->out);
}

static bool format_value(formatter *f, perfopt_value value, ssr_chars text)
{
    ssr_spec spec;
    if (!parse_spec(f, text, &spec))
        return false;
    if (value.kind == PERFOPT_INT || value.kind == PERFOPT_DOUBLE ||
        (value.kind == PERFOPT_BOOL && text.length))
        return format_number(f, value, &spec);
    if (value.kind == PERFOPT_STRING || !text.length)
        return format_string(f, value, &spec);
    return bad_format(f, "this value takes no specification");
}

static bool format_escaped(formatter *f, perfopt_value value, ssr_chars spec)
{
    bool safe = value.kind == PERFOPT_STRING && value.flags & PERFOPT_VALUE_SAFE;
    if (!f->markup)
        return format_value(f, value, spec);
    if (safe && spec.length)
        return bad_format(f, "safe text takes no specification");
    formatter inner = *f;
    perfopt_value text;
    inner.out = (perfopt__strbuf)PERFOPT__STRBUF_INIT;
    if (!format_value(&inner, value, spec)) {
        perfopt__strbuf_finish(&inner.out);
        return false;
    }
    if (!perfopt__ssr_take_text(f->rt, &inner.out, &text))
        return false;
    text.flags = safe ? PERFOPT_VALUE_SAFE : 0;
    if (!perfopt__ssr_to_markup(f->rt, text, &text))
        return false;
    perfopt__strbuf_append(&f->out, text.as.string, text.length);
    return true;
}

static bool first_value(formatter *f, ssr_chars name, perfopt_value *out)
{
    int64_t i = 0;
    ssr_chars digits_left = name;
    bool number = read_count(&digits_left, &i) && !digits_left.length;
    if (!name.length) {
        if (f->numbered)
            return bad_format(f, "numbered and automatic fields cannot be mixed");
        i = (int64_t)f->automatic++;
    } else if (!number) {
        for (size_t k = 0; k < f->call->keyword_count; k++) {
            const ssr_keyword *keyword = &f->call->keywords[k];
            if (keyword->length == name.length &&
                memcmp(keyword->name, name.text, name.length) == 0) {
                *out = keyword->value;
                return true;
            }
        }
        return bad_format(f, "a named value is missing");
    } else if (f->automatic) {
        return bad_format(f, "numbered and automatic fields cannot be mixed");
    } else {
        f->numbered = true;
    }
    if ((size_t)i >= f->call->count)
        return bad_format(f, "too few values");
    *out = f->call->args[i];
    return true;
}

/* a.b[0] behind the name of a field. */
static bool follow(formatter *f, ssr_chars rest, perfopt_value *value)
{
    while (rest.length) {
        bool index = *rest.text == '[';
        const char *start = rest.text + 1;
        const char *end = rest.text + rest.length;
        const char *p = start;
        while (p < end && (index ? *p != ']' : (*p != '.' && *p != '[')))
            p++;
        if ((index && p == end) || p == start)
            return bad_format(f, "malformed field");
        ssr_chars name = {start, (size_t)(p - start)};
        int64_t i;
        ssr_chars digits_left = name;
        perfopt_value key = perfopt_string_n(name.text, name.length);
        if (index && read_count(&digits_left, &i) && !digits_left.length)
            key = perfopt_int(i);
        if (!index && value->kind == PERFOPT_MAP)
            return bad_format(f, "a dict has no attributes; use [key]");
        if (!(index ? perfopt__ssr_getitem(f->rt, *value, key, value)
                    : perfopt__ssr_getattr(f->rt, *value, name.text, name.length, value)))
            return false;
        if (value->kind == PERFOPT_UNDEFINED)
            return perfopt__ssr_fail_undefined(f->rt, *value);
        p += index;
        rest = (ssr_chars){p, (size_t)(end - p)};
    }
    return true;
}

static bool format_text(formatter *f, ssr_chars s);

/* The specification may hold fields itself: {:{width}}. */
static bool expand_spec(formatter *f, ssr_chars spec, perfopt_value *out)
{
    formatter inner = *f;
    inner.out = (perfopt__strbuf)PERFOPT__STRBUF_INIT;
    inner.depth++;
    inner.markup = false;
    if (inner.depth > 2)
        return bad_format(f, "fields are nested too deeply");
    if (!format_text(&inner, spec)) {
        perfopt__strbuf_finish(&inner.out);
        return false;
    }
    f->automatic = inner.automatic;
    f->numbered = inner.numbered;
    return perfopt__ssr_take_text(f->rt, &inner.out, out);
}

static bool convert(formatter *f, char conversion, perfopt_value *value)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!conversion)
        return true;
    if (conversion == 's')
        return perfopt__ssr_to_string(f->rt, *value, value);
    if (conversion != 'r' && conversion != 'a')
        return bad_format(f, "unknown conversion");
    if (!perfopt__ssr_put_repr(f->rt, *value, &sb)) {
        perfopt__strbuf_finish(&sb);
        return false;
    }
    return perfopt__ssr_take_text(f->rt, &sb, value);
}

static bool format_field(formatter *f, ssr_chars field)
{
    size_t name = 0;
    int brackets = 0;
    while (name < field.length &&
           (brackets || (field.text[name] != ':' && field.text[name] != '!'))) {
        brackets += (field.text[name] == '[') - (field.text[name] == ']');
        name++;
    }
    size_t first = 0;
    while (first < name && field.text[first] != '.' && field.text[first] != '[')
        first++;
    ssr_chars spec = {field.text + name, field.length - name};
    char conversion = '\0';
    if (spec.length && *spec.text == '!') {
        if (spec.length < 2 || (spec.length > 2 && spec.text[2] != ':'))
            return bad_format(f, "malformed conversion");
        conversion = spec.text[1];
        spec = (ssr_chars){spec.text + 2, spec.length - 2};
    }
    if (spec.length)
        spec = (ssr_chars){spec.text + 1, spec.length - 1};
    perfopt_value value;
    perfopt_value expanded;
    if (!first_value(f, (ssr_chars){field.text, first}, &value) ||
        !follow(f, (ssr_chars){field.text + first, name - first}, &value) ||
        !convert(f, conversion, &value) || !expand_spec(f, spec, &expanded))
        return false;
    return format_escaped(f, value, perfopt__ssr_chars(expanded));
}

static bool format_text(formatter *f, ssr_chars s)
{
    const char *end = s.text + s.length;
    for (const char *p = s.text; p < end;) {
        if (*p != '{' && *p != '}') {
            perfopt__strbuf_putc(&f->out, *p++);
            continue;
        }
        if (p + 1 < end && p[1] == *p) {
            perfopt__strbuf_putc(&f->out, *p);
            p += 2;
            continue;
        }
        if (*p == '}')
            return bad_format(f, "single '}'");
        const char *start = ++p;
        int open = 1;
        while (p < end && open) {
            open += (*p == '{') - (*p == '}');
            p++;
        }
        if (open)
            return bad_format(f, "single '{'");
        if (!format_field(f, (ssr_chars){start, (size_t)(p - 1 - start)}))
            return false;
    }
    return true;
}

bool perfopt__ssr_str_format(ssr_runtime *rt, perfopt_value format, const perfopt_call *call,
                             perfopt_value *out)
{
    formatter f = {.rt = rt,
                   .out = PERFOPT__STRBUF_INIT,
                   .call = call,
                   .markup = format.flags & PERFOPT_VALUE_SAFE};
    if (!format_text(&f, perfopt__ssr_chars(format))) {
        perfopt__strbuf_finish(&f.out);
        return false;
    }
    if (!perfopt__ssr_take_text(rt, &f.out, out))
        return false;
    out->flags = format.flags;
    return true;
}
