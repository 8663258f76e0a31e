/*
 * filters_number.c - filters that give numbers, and default values.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"
#include "value/number.h"

#include <math.h>
#include <stdlib.h>

static bool fail(perfopt_call *call, const char *message)
{
    return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "%s", message);
}

static bool filter_abs(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    if (args[0].kind == PERFOPT_DOUBLE) {
        *out = perfopt_double(fabs(args[0].as.real));
        return true;
    }
    if (!perfopt__ssr_is_int(args[0]))
        return args[0].kind == PERFOPT_UNDEFINED ? perfopt__ssr_fail_undefined(call->rt, args[0])
                                                 : fail(call, "abs() needs a number");
    if (perfopt__ssr_int(args[0]) == INT64_MIN)
        return fail(call, "the result is no 64-bit integer");
    *out = perfopt_int(llabs(perfopt__ssr_int(args[0])));
    return true;
}

static bool filter_default(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    bool by_truth = false;
    bool truth = true;
    if (perfopt__ssr_given(args[2]) && !perfopt__ssr_truth(call->rt, args[2], &by_truth))
        return false;
    if (args[0].kind != PERFOPT_UNDEFINED && by_truth &&
        !perfopt__ssr_truth(call->rt, args[0], &truth))
        return false;
    if (args[0].kind != PERFOPT_UNDEFINED && truth)
        *out = args[0];
    else
        *out = perfopt__ssr_given(args[1]) ? args[1] : perfopt_string_n("", 0);
    return true;
}

/* ---- text to numbers ------------------------------------------------------------------------ */

static ssr_chars without_underscores(ssr_chars s, char *buffer, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.length; i++) {
        bool separator = s.text[i] == '_' && i && i + 1 < s.length && s.text[i - 1] != '_' &&
                         s.text[i + 1] != '_';
        if (separator)
            continue;
        if (n == size)
            return (ssr_chars){s.text, 0};
        buffer[n++] = s.text[i];
    }
    return (ssr_chars){buffer, n};
}

static bool text_to_double(perfopt_value text, double *out)
{
    char buffer[1100];
    ssr_chars s = perfopt__ssr_strip(perfopt__ssr_chars(text), NULL, true, true);
    s = without_underscores(s, buffer, sizeof(buffer));
    if (perfopt__number_parse_double(s.text, s.length, out))
        return true;
    bool negative = s.length && *s.text == '-';
    if (s.length && (*s.text == '-' || *s.text == '+'))
        s = (ssr_chars){s.text + 1, s.length - 1};
    bool inf = (s.length == 3 && strncasecmp(s.text, "inf", 3) == 0) ||
               (s.length == 8 && strncasecmp(s.text, "infinity", 8) == 0);
    if (!inf && !(s.length == 3 && strncasecmp(s.text, "nan", 3) == 0))
        return false;
    *out = inf ? (negative ? -INFINITY : INFINITY) : NAN;
    return true;
}

typedef enum parsed { PARSED, NOT_A_NUMBER, TOO_LARGE } parsed;

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'z' ? (unsigned)(low - 'a' + 10) : 99;
}

static bool skip_prefix(ssr_chars *s, int64_t *base)
{
    if (s->length < 2 || s->text[0] != '0')
        return false;
    char kind = (char)(s->text[1] | 0x20);
    int64_t implied = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (!implied || (*base != 0 && *base != implied))
        return false;
    *base = implied;
    *s = (ssr_chars){s->text + 2, s->length - 2};
    if (s->length && *s->text == '_')
        *s = (ssr_chars){s->text + 1, s->length - 1};
    return true;
}

/* int(text, base) as Python reads it. */
static parsed text_to_int(perfopt_value text, int64_t base, int64_t *out)
{
    char buffer[256];
    ssr_chars s = perfopt__ssr_strip(perfopt__ssr_chars(text), NULL, true, true);
    bool negative = s.length && *s.text == '-';
    uint64_t value = 0;
    bool large = false;
    if (s.length && (*s.text == '-' || *s.text == '+'))
        s = (ssr_chars){s.text + 1, s.length - 1};
    bool prefixed = skip_prefix(&s, &base);
    s = without_underscores(s, buffer, sizeof(buffer));
    if (base == 0)
        base = 10;
    else if (!s.length)
        return NOT_A_NUMBER;
    if (!s.length || base < 2 || base > 36)
        return NOT_A_NUMBER;
    (void)prefixed;
    for (size_t i = 0; i < s.length; i++) {
        unsigned digit = digit_of(s.text[i]);
        if (digit >= (unsigned)base)
            return NOT_A_NUMBER;
        large |= __builtin_mul_overflow(value, (uint64_t)base, &value) ||
                 __builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    if (large || value > (uint64_t)INT64_MAX + negative)
        return TOO_LARGE;
    *out = (int64_t)(negative ? 0 - value : value);
    return PARSED;
}

static bool double_to_int(perfopt_call *call, double value, perfopt_value *out)
{
    if (isinf(value))
        return fail(call, "infinity is no integer");
    if (!(value < 9223372036854775808.0 && value >= -9223372036854775808.0))
        return fail(call, "the result is no 64-bit integer");
    *out = perfopt_int((int64_t)value);
    return true;
}

static bool filter_int(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t base = 10;
    int64_t number;
    double real;
    perfopt_value fallback = perfopt__ssr_given(args[1]) ? args[1] : perfopt_int(0);
    if (perfopt__ssr_given(args[2]) && !perfopt__ssr_to_index(call->rt, args[2], &base))
        return false;
    if (args[0].kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(call->rt, args[0]);
    if (perfopt__ssr_is_int(args[0])) {
        *out = perfopt_int(perfopt__ssr_int(args[0]));
        return true;
    }
    *out = fallback;
    if (args[0].kind == PERFOPT_DOUBLE)
        return isnan(args[0].as.real) || double_to_int(call, args[0].as.real, out);
    if (args[0].kind != PERFOPT_STRING)
        return true;
    switch (text_to_int(args[0], base, &number)) {
    case PARSED:
        *out = perfopt_int(number);
        return true;
    case TOO_LARGE:
        return fail(call, "the result is no 64-bit integer");
    default:
        return !text_to_double(args[0], &real) || isnan(real) || double_to_int(call, real, out);
    }
}

static bool filter_float(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    double real;
    if (args[0].kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(call->rt, args[0]);
    if (args[0].kind == PERFOPT_DOUBLE)
        *out = args[0];
    else if (perfopt__ssr_is_int(args[0]))
        *out = perfopt_double((double)perfopt__ssr_int(args[0]));
    else if (args[0].kind == PERFOPT_STRING && text_to_double(args[0], &real))
        *out = perfopt_double(real);
    else
        *out = perfopt__ssr_given(args[1]) ? args[1] : perfopt_double(0);
    return true;
}

/* ---- rounding ------------------------------------------------------------------------------- */

/* round(value, places): the decimal nearest to the exact value of the double. */
static double round_to(double value, int64_t places)
{
    char digits[PERFOPT__NUMBER_MAX_DIGITS];
    char text[PERFOPT__NUMBER_MAX_DIGITS + 32];
    int exponent;
    double result = value;
    if (!isfinite(value) || places > 323)
        return value;
    if (places < -308)
        return copysign(0.0, value);
    size_t n =
        perfopt__number_digits(value, PERFOPT__NUMBER_DECIMALS, (int)places, digits, &exponent);
    if (n == 0)
        return copysign(0.0, value);
    size_t used = 0;
    if (signbit(value))
        text[used++] = '-';
    text[used++] = '0';
    text[used++] = '.';
    memcpy(text + used, digits, n);
    used += n;
    text[used++] = 'e';
    used += perfopt__number_from_int(exponent, text + used);
    perfopt__number_parse_double(text, used, &result);
    return result;
}

/* round() of an integer with negative places: to tens, hundreds..., half to even. */
static bool round_int(perfopt_call *call, int64_t value, int64_t places, perfopt_value *out)
{
    *out = perfopt_int(value);
    if (places >= 0)
        return true;
    __int128 unit = 1;
    for (int64_t i = places; i < 0 && unit < (__int128)INT64_MAX * 10; i++)
        unit *= 10;
    __int128 half = unit / 2;
    __int128 rest = value % unit;
    if (rest < 0)
        rest += unit;
    __int128 low = value - rest;
    bool up = rest > half || (rest == half && (low / unit) % 2 != 0);
    __int128 result = low + (up ? unit : 0);
    if (result > INT64_MAX || result < INT64_MIN)
        return fail(call, "the result is no 64-bit integer");
    *out = perfopt_int((int64_t)result);
    return true;
}

static bool is_word(perfopt_value v, const char *word)
{
    return v.kind == PERFOPT_STRING && v.length == strlen(word) &&
           memcmp(v.as.string, word, v.length) == 0;
}

static bool filter_round(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t places = 0;
    bool common = !perfopt__ssr_given(args[2]) || is_word(args[2], "common");
    bool up = !common && is_word(args[2], "ceil");
    if (!common && !up && !is_word(args[2], "floor"))
        return fail(call, "the method of round() is 'common', 'ceil' or 'floor'");
    if (perfopt__ssr_given(args[1]) && !perfopt__ssr_to_index(call->rt, args[1], &places))
        return false;
    if (args[0].kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(call->rt, args[0]);
    if (args[0].kind != PERFOPT_DOUBLE && !perfopt__ssr_is_int(args[0]))
        return fail(call, "round() needs a number");
    if (common && perfopt__ssr_is_int(args[0]))
        return round_int(call, perfopt__ssr_int(args[0]), places, out);
    double value =
        args[0].kind == PERFOPT_DOUBLE ? args[0].as.real : (double)perfopt__ssr_int(args[0]);
    if (common) {
        *out = perfopt_double(round_to(value, places));
        return true;
    }
    double scale = pow(10, (double)places);
    if (!isfinite(value * scale))
        return fail(call, "round(): the number is too large");
    *out = perfopt_double((up ? ceil(value * scale) : floor(value * scale)) / scale);
    return true;
}

static bool filter_filesizeformat(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    static const char *const units[2][8] = {
        {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"},
        {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}};
    bool binary = false;
    double bytes;
    if (perfopt__ssr_given(args[1]) && !perfopt__ssr_truth(call->rt, args[1], &binary))
        return false;
    if (args[0].kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(call->rt, args[0]);
    if (args[0].kind == PERFOPT_DOUBLE)
        bytes = args[0].as.real;
    else if (perfopt__ssr_is_int(args[0]))
        bytes = (double)perfopt__ssr_int(args[0]);
    else if (args[0].kind != PERFOPT_STRING || !text_to_double(args[0], &bytes))
        return fail(call, "filesizeformat() needs a number");
    double base = binary ? 1024 : 1000;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (bytes == 1) {
        perfopt__strbuf_puts(&sb, "1 Byte");
    } else if (bytes < base) {
        perfopt__strbuf_printf(&sb, "%lld Bytes", (long long)bytes);
    } else {
        int i = 0;
        double unit = base * base;
        while (i < 7 && !(bytes < unit)) {
            unit *= base;
            i++;
        }
        ssr_spec spec = {.fill = ' ', .precision = 1, .type = 'f'};
        if (!perfopt__ssr_format_float(call->rt, base * bytes / unit, &spec, &sb)) {
            perfopt__strbuf_finish(&sb);
            return false;
        }
        perfopt__strbuf_putc(&sb, ' ');
        perfopt__strbuf_puts(&sb, units[binary][i]);
    }
    return perfopt__ssr_take_text(call->rt, &sb, out);
}

const ssr_builtin perfopt__ssr_number_filters[] = {
    {"abs", filter_abs, {"x"}, 1, false},
    {"default", filter_default, {"value", "default_value", "boolean"}, 1, false},
    {"d", filter_default, {"value", "default_value", "boolean"}, 1, false},
    {"int", filter_int, {"value", "default", "base"}, 1, false},
    {"float", filter_float, {"value", "default"}, 1, false},
    {"round", filter_round, {"value", "precision", "method"}, 1, false},
    {"filesizeformat", filter_filesizeformat, {"value", "binary"}, 1, false},
    {NULL, NULL, {NULL}, 0, false},
};
