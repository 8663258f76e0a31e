/*
 * filters_text.c - filters on strings: case, trimming, replacing, truncating, joining.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"

static bool is_safe(perfopt_value v)
{
    return v.kind == PERFOPT_STRING && v.flags & PERFOPT_VALUE_SAFE;
}

static bool autoescape(const perfopt_call *call)
{
    return call->rt->context && call->rt->context->autoescape;
}

static bool finish_text(perfopt_call *call, perfopt__strbuf *sb, uint8_t flags, perfopt_value *out)
{
    if (!perfopt__ssr_take_text(call->rt, sb, out))
        return false;
    out->flags = flags;
    return true;
}

static bool filter_upper(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_to_string(call->rt, args[0], &args[0]))
        return false;
    perfopt__ssr_put_upper(&sb, perfopt__ssr_chars(args[0]));
    return finish_text(call, &sb, args[0].flags, out);
}

static bool filter_lower(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_to_string(call->rt, args[0], &args[0]) &&
           perfopt__ssr_lower(call->rt, args[0], out);
}

/* The first character in upper case, the rest in lower case. */
static void put_capitalized(perfopt__strbuf *sb, ssr_chars s)
{
    uint32_t c;
    if (!s.length)
        return;
    size_t n = perfopt__ssr_next_char(s.text, s.text + s.length, &c);
    perfopt__ssr_put_upper(sb, (ssr_chars){s.text, n});
    perfopt__ssr_put_lower(sb, (ssr_chars){s.text + n, s.length - n});
}

static bool filter_capitalize(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_to_string(call->rt, args[0], &args[0]))
        return false;
    put_capitalized(&sb, perfopt__ssr_chars(args[0]));
    return finish_text(call, &sb, args[0].flags, out);
}

static bool starts_word(uint32_t c)
{
    return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || perfopt__ssr_is_space(c);
}

/* The result is a plain string, as Jinja's is. */
static bool filter_title(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_to_string(call->rt, args[0], &args[0]))
        return false;
    ssr_chars s = perfopt__ssr_chars(args[0]);
    const char *end = s.text + s.length;
    const char *p = s.text;
    while (p < end) {
        uint32_t c;
        const char *start = p;
        p += perfopt__ssr_next_char(p, end, &c);
        bool separator = starts_word(c);
        for (size_t n; p < end; p += n) {
            n = perfopt__ssr_next_char(p, end, &c);
            if (starts_word(c) != separator)
                break;
        }
        if (separator)
            perfopt__strbuf_append(&sb, start, (size_t)(p - start));
        else
            put_capitalized(&sb, (ssr_chars){start, (size_t)(p - start)});
    }
    return finish_text(call, &sb, 0, out);
}

static bool filter_trim(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    if (!perfopt__ssr_to_string(call->rt, args[0], &args[0]))
        return false;
    bool given = perfopt__ssr_given(args[1]) && args[1].kind != PERFOPT_NONE;
    if (given && args[1].kind != PERFOPT_STRING)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "trim() needs a string");
    ssr_chars s =
        perfopt__ssr_strip(perfopt__ssr_chars(args[0]), given ? &args[1] : NULL, true, true);
    *out = perfopt__ssr_piece(args[0], s.text, s.length);
    return true;
}

static bool filter_string(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_to_string(call->rt, args[0], out);
}

static bool optional_int(perfopt_call *call, perfopt_value v, int64_t fallback, int64_t *out)
{
    *out = fallback;
    return !perfopt__ssr_given(v) || perfopt__ssr_to_index(call->rt, v, out);
}

static bool filter_center(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t width;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_to_string(call->rt, args[0], &args[0]) ||
        !optional_int(call, args[1], 80, &width))
        return false;
    int64_t count = (int64_t)perfopt__ssr_char_count(perfopt__ssr_chars(args[0]));
    int64_t pad = width > count ? width - count : 0;
    int64_t left = pad / 2 + (pad & width & 1); /* as CPython rounds */
    ssr_spec before = {.fill = ' ', .align = '>', .width = left};
    ssr_spec after = {.fill = ' ', .align = '<', .width = count + pad - left};
    if (!perfopt__ssr_format_pad(call->rt, "", 0, 0, &before, '>', &sb) ||
        !perfopt__ssr_format_pad(call->rt, args[0].as.string, args[0].length, 0, &after, '<',
                                 &sb)) {
        perfopt__strbuf_finish(&sb);
        return false;
    }
    return finish_text(call, &sb, args[0].flags, out);
}

static bool filter_replace(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    int64_t count = -1;
    if (perfopt__ssr_given(args[3]) && args[3].kind != PERFOPT_NONE &&
        !perfopt__ssr_to_index(rt, args[3], &count))
        return false;
    bool markup = autoescape(call) && (is_safe(args[1]) || is_safe(args[2]) || is_safe(args[0]));
    bool escape_subject = is_safe(args[1]) || (is_safe(args[2]) && !is_safe(args[0]));
    if (autoescape(call) && escape_subject) {
        if (!perfopt__ssr_to_markup(rt, args[0], &args[0]))
            return false;
    } else if (!perfopt__ssr_to_string(rt, args[0], &args[0])) {
        return false;
    }
    for (int i = 1; i < 3; i++) {
        bool ok = markup && args[0].flags & PERFOPT_VALUE_SAFE
                      ? perfopt__ssr_to_markup(rt, args[i], &args[i])
                      : perfopt__ssr_to_string(rt, args[i], &args[i]);
        if (!ok)
            return false;
    }
    if (!perfopt__ssr_replace(rt, perfopt__ssr_chars(args[0]), perfopt__ssr_chars(args[1]),
                              perfopt__ssr_chars(args[2]), count, out))
        return false;
    out->flags = autoescape(call) ? args[0].flags : 0;
    return true;
}

static bool filter_truncate(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    int64_t length;
    int64_t leeway;
    bool kill = false;
    perfopt_value end = perfopt__ssr_given(args[3]) ? args[3] : perfopt_string_n("...", 3);
    if (perfopt__ssr_given(args[4]) && args[4].kind == PERFOPT_NONE)
        args[4].kind = SSR_MISSING;
    if (!optional_int(call, args[1], 255, &length) || !optional_int(call, args[4], 5, &leeway) ||
        (perfopt__ssr_given(args[2]) && !perfopt__ssr_truth(rt, args[2], &kill)))
        return false;
    if (args[0].kind != PERFOPT_STRING || end.kind != PERFOPT_STRING)
        return args[0].kind == PERFOPT_UNDEFINED
                   ? (*out = args[0], perfopt__ssr_check_lenient(rt, args[0]))
                   : perfopt__ssr_fail(rt, PERFOPT_EFAILED, "truncate() needs strings");
    ssr_chars s = perfopt__ssr_chars(args[0]);
    int64_t end_length = (int64_t)perfopt__ssr_char_count(perfopt__ssr_chars(end));
    if (length < end_length || leeway < 0)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED,
                                 "truncate(): the length has to hold at least the end mark");
    if ((int64_t)perfopt__ssr_char_count(s) <= length + leeway) {
        *out = args[0];
        return true;
    }
    s.length = perfopt__ssr_char_offset(s, (size_t)(length - end_length));
    const char *space = kill ? NULL : memrchr(s.text, ' ', s.length);
    if (space)
        s.length = (size_t)(space - s.text);
    return perfopt__ssr_binary(rt, TOKEN_ADD, perfopt__ssr_piece(args[0], s.text, s.length), end,
                               out);
}

static bool filter_wordcount(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    if (!perfopt__ssr_to_string(call->rt, args[0], &args[0]))
        return false;
    const char *p = args[0].as.string;
    const char *end = p + args[0].length;
    int64_t count = 0;
    bool inside = false;
    uint32_t c;
    while (p < end) {
        p += perfopt__ssr_next_char(p, end, &c);
        bool word = c == '_' || perfopt__ssr_is_alnum(c);
        count += word && !inside;
        inside = word;
    }
    *out = perfopt_int(count);
    return true;
}

static bool filter_format(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value subject;
    perfopt_value values;
    (void)args;
    if (!call->count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "format() needs a string");
    if (call->count > 1 && call->keyword_count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED,
                                 "format() takes values by position or by name, not both");
    if (!perfopt__ssr_to_string(call->rt, call->args[0], &subject))
        return false;
    if (call->keyword_count) {
        if (!perfopt__ssr_map(call->rt, &values))
            return false;
        for (size_t i = 0; i < call->keyword_count; i++) {
            const ssr_keyword *k = &call->keywords[i];
            if (!perfopt__ssr_map_put(call->rt, values, perfopt_string_n(k->name, k->length),
                                      k->value))
                return false;
        }
    } else {
        if (!perfopt__ssr_list(call->rt, call->count, &values))
            return false;
        for (size_t i = 1; i < call->count; i++)
            values.as.list->items[values.as.list->count++] = call->args[i];
        values.flags = PERFOPT_VALUE_TUPLE;
    }
    return perfopt__ssr_percent(call->rt, subject, values, out);
}

/* ---- join ----------------------------------------------------------------------------------- */

static bool join_items(perfopt_call *call, perfopt_value list, perfopt_value separator, bool markup,
                       perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    for (size_t i = 0; i < list.as.list->count; i++) {
        perfopt_value item = list.as.list->items[i];
        bool ok = markup ? perfopt__ssr_to_markup(call->rt, item, &item)
                         : perfopt__ssr_to_string(call->rt, item, &item);
        if (!ok) {
            perfopt__strbuf_finish(&sb);
            return false;
        }
        if (i)
            perfopt__strbuf_append(&sb, separator.as.string, separator.length);
        perfopt__strbuf_append(&sb, item.as.string, item.length);
    }
    return finish_text(call, &sb, markup ? PERFOPT_VALUE_SAFE : 0, out);
}

static bool filter_join(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    perfopt_value list;
    perfopt_value separator = perfopt__ssr_given(args[1]) ? args[1] : perfopt_string_n("", 0);
    ssr_path path;
    if (!perfopt__ssr_path_parse(rt, args[2], &path) || !perfopt__ssr_to_list(rt, args[0], &list))
        return false;
    bool markup = autoescape(call) && is_safe(separator);
    for (size_t i = 0; i < list.as.list->count; i++) {
        perfopt_value *item = &list.as.list->items[i];
        if (path.count && !perfopt__ssr_path_get(rt, &path, *item, NULL, item))
            return false;
        markup |= autoescape(call) && is_safe(*item);
    }
    bool ok = markup ? perfopt__ssr_to_markup(rt, separator, &separator)
                     : perfopt__ssr_to_string(rt, separator, &separator);
    return ok && join_items(call, list, separator, markup, out);
}

const ssr_builtin perfopt__ssr_text_filters[] = {
    {"upper", filter_upper, {"s"}, 1, false},
    {"lower", filter_lower, {"s"}, 1, false},
    {"capitalize", filter_capitalize, {"s"}, 1, false},
    {"title", filter_title, {"s"}, 1, false},
    {"trim", filter_trim, {"value", "chars"}, 1, false},
    {"string", filter_string, {"object"}, 1, false},
    {"center", filter_center, {"value", "width"}, 1, false},
    {"replace", filter_replace, {"s", "old", "new", "count"}, 3, false},
    {"truncate", filter_truncate, {"s", "length", "killwords", "end", "leeway"}, 1, false},
    {"wordcount", filter_wordcount, {"s"}, 1, false},
    {"format", filter_format, {NULL}, 0, false},
    {"join", filter_join, {"value", "d", "attribute"}, 1, false},
    {NULL, NULL, {NULL}, 0, false},
};
