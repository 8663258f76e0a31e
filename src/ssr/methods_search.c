/*
 * methods_search.c - methods of strings that ask: find, count, startswith, isdigit...
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"

static bool fail(perfopt_call *call, const char *message)
{
    return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "%s", message);
}

/* The part of a string between the optional character positions args[2] and args[3]. */
static bool window(perfopt_call *call, perfopt_value *args, ssr_chars *out, size_t *start)
{
    perfopt_value parts[3] = {perfopt_none(), perfopt_none(), perfopt_none()};
    perfopt_value piece;
    for (int i = 0; i < 2; i++) {
        if (perfopt__ssr_given(args[2 + i]))
            parts[i] = args[2 + i];
    }
    if (!perfopt__ssr_slice(call->rt, args[0], parts, &piece))
        return false;
    *out = perfopt__ssr_chars(piece);
    ssr_chars before = {args[0].as.string, (size_t)(out->text - args[0].as.string)};
    *start = perfopt__ssr_char_count(before);
    return true;
}

static const char *search(ssr_chars s, ssr_chars needle, bool last)
{
    if (!last)
        return perfopt__ssr_find(s, needle);
    if (needle.length > s.length)
        return NULL;
    for (const char *p = s.text + (s.length - needle.length); p >= s.text; p--) {
        if (memcmp(p, needle.text, needle.length) == 0)
            return p;
    }
    return NULL;
}

static bool find(perfopt_call *call, perfopt_value *args, bool last, bool must, perfopt_value *out)
{
    ssr_chars s;
    size_t start;
    if (args[1].kind != PERFOPT_STRING)
        return fail(call, "a string is needed");
    if (!window(call, args, &s, &start))
        return false;
    const char *hit = search(s, perfopt__ssr_chars(args[1]), last);
    if (!hit && must)
        return fail(call, "the text is not in the string");
    int64_t at = -1;
    if (hit)
        at =
            (int64_t)(start + perfopt__ssr_char_count((ssr_chars){s.text, (size_t)(hit - s.text)}));
    *out = perfopt_int(at);
    return true;
}

static bool method_find(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return find(call, args, false, false, out);
}

static bool method_rfind(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return find(call, args, true, false, out);
}

static bool method_index(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return find(call, args, false, true, out);
}

static bool method_rindex(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return find(call, args, true, true, out);
}

static bool method_count(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_chars s;
    size_t start;
    int64_t count = 0;
    if (args[1].kind != PERFOPT_STRING)
        return fail(call, "a string is needed");
    if (!window(call, args, &s, &start))
        return false;
    ssr_chars needle = perfopt__ssr_chars(args[1]);
    const char *hit;
    if (!needle.length) {
        *out = perfopt_int((int64_t)perfopt__ssr_char_count(s) + 1);
        return true;
    }
    while ((hit = perfopt__ssr_find(s, needle)) != NULL) {
        size_t used = (size_t)(hit - s.text) + needle.length;
        s = (ssr_chars){s.text + used, s.length - used};
        count++;
    }
    *out = perfopt_int(count);
    return true;
}

static bool has_affix(ssr_chars s, ssr_chars affix, bool end)
{
    return affix.length <= s.length &&
           memcmp(end ? s.text + (s.length - affix.length) : s.text, affix.text, affix.length) == 0;
}

static bool affix(perfopt_call *call, perfopt_value *args, bool end, perfopt_value *out)
{
    ssr_chars s;
    size_t start;
    if (!window(call, args, &s, &start))
        return false;
    *out = perfopt_bool(false);
    if (args[1].kind == PERFOPT_STRING) {
        *out = perfopt_bool(has_affix(s, perfopt__ssr_chars(args[1]), end));
        return true;
    }
    if (args[1].kind != PERFOPT_LIST || !(args[1].flags & PERFOPT_VALUE_TUPLE))
        return fail(call, "a string or a tuple of strings is needed");
    for (size_t i = 0; i < args[1].as.list->count; i++) {
        perfopt_value item = args[1].as.list->items[i];
        if (item.kind != PERFOPT_STRING)
            return fail(call, "a tuple of strings is needed");
        if (has_affix(s, perfopt__ssr_chars(item), end))
            *out = perfopt_bool(true);
    }
    return true;
}

static bool method_startswith(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return affix(call, args, false, out);
}

static bool method_endswith(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return affix(call, args, true, out);
}

static bool remove_affix(perfopt_call *call, perfopt_value *args, bool end, perfopt_value *out)
{
    ssr_chars s = perfopt__ssr_chars(args[0]);
    if (args[1].kind != PERFOPT_STRING)
        return fail(call, "a string is needed");
    size_t cut = has_affix(s, perfopt__ssr_chars(args[1]), end) ? args[1].length : 0;
    *out = perfopt_string_n(end ? s.text : s.text + cut, s.length - cut);
    return true;
}

static bool method_removeprefix(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return remove_affix(call, args, false, out);
}

static bool method_removesuffix(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return remove_affix(call, args, true, out);
}

static bool all(perfopt_value *args, bool (*test)(uint32_t c), perfopt_value *out)
{
    *out = perfopt_bool(perfopt__ssr_is_all(perfopt__ssr_chars(args[0]), test));
    return true;
}

static bool method_isdigit(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return all(args, perfopt__ssr_is_decimal, out);
}

static bool method_isnumeric(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return all(args, perfopt__ssr_is_numeric, out);
}

static bool method_isalpha(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return all(args, perfopt__ssr_is_alpha, out);
}

static bool method_isalnum(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return all(args, perfopt__ssr_is_alnum, out);
}

static bool method_isspace(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    return all(args, perfopt__ssr_is_space, out);
}

static bool is_ascii(uint32_t c)
{
    return c < 0x80;
}

static bool method_isascii(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    all(args, is_ascii, out);
    out->as.boolean |= args[0].length == 0;
    return true;
}

static bool method_islower(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    *out = perfopt_bool(perfopt__ssr_is_cased(perfopt__ssr_chars(args[0]), false));
    return true;
}

static bool method_isupper(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)call;
    *out = perfopt_bool(perfopt__ssr_is_cased(perfopt__ssr_chars(args[0]), true));
    return true;
}

static bool method_istitle(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    const char *p = args[0].as.string;
    const char *end = p + args[0].length;
    bool inside = false;
    bool any = false;
    (void)call;
    *out = perfopt_bool(false);
    while (p < end) {
        uint32_t c;
        p += perfopt__ssr_next_char(p, end, &c);
        bool upper = perfopt__ssr_is_upper(c);
        bool lower = perfopt__ssr_is_lower(c);
        if ((upper && inside) || (lower && !inside))
            return true;
        inside = upper || lower;
        any |= inside;
    }
    *out = perfopt_bool(any);
    return true;
}

static bool method_isidentifier(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    const char *p = args[0].as.string;
    const char *end = p + args[0].length;
    bool ok = args[0].length > 0;
    bool first = true;
    (void)call;
    while (ok && p < end) {
        uint32_t c;
        p += perfopt__ssr_next_char(p, end, &c);
        ok = c == '_' || perfopt__ssr_is_alpha(c) || (!first && perfopt__ssr_is_decimal(c));
        first = false;
    }
    *out = perfopt_bool(ok);
    return true;
}

const ssr_method perfopt__ssr_string_search_methods[] = {
    {"find", method_find, {"sub", "start", "end"}, 1, false},
    {"rfind", method_rfind, {"sub", "start", "end"}, 1, false},
    {"index", method_index, {"sub", "start", "end"}, 1, false},
    {"rindex", method_rindex, {"sub", "start", "end"}, 1, false},
    {"count", method_count, {"sub", "start", "end"}, 1, false},
    {"startswith", method_startswith, {"prefix", "start", "end"}, 1, false},
    {"endswith", method_endswith, {"suffix", "start", "end"}, 1, false},
    {"removeprefix", method_removeprefix, {"prefix"}, 1, false},
    {"removesuffix", method_removesuffix, {"suffix"}, 1, false},
    {"isdigit", method_isdigit, {NULL}, 0, false},
    {"isdecimal", method_isdigit, {NULL}, 0, false},
    {"isnumeric", method_isnumeric, {NULL}, 0, false},
    {"isalpha", method_isalpha, {NULL}, 0, false},
    {"isalnum", method_isalnum, {NULL}, 0, false},
    {"isspace", method_isspace, {NULL}, 0, false},
    {"isascii", method_isascii, {NULL}, 0, false},
    {"islower", method_islower, {NULL}, 0, false},
    {"isupper", method_isupper, {NULL}, 0, false},
    {"istitle", method_istitle, {NULL}, 0, false},
    {"isidentifier", method_isidentifier, {NULL}, 0, false},
    {NULL, NULL, {NULL}, 0, false},
};
