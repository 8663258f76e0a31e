/*
 * filters_html.c - filters for markup and URLs: escape, safe, striptags, urlencode, xmlattr.
 * urlize is in filters_urlize.c.
 */
#include "ssr/html.h"

#include "ssr/unicode.h"

static bool autoescape(const perfopt_call *call)
{
    return call->rt->context && call->rt->context->autoescape;
}

static bool filter_escape(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_to_markup(call->rt, args[0], out);
}

static bool filter_forceescape(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value text;
    return perfopt__ssr_to_string(call->rt, args[0], &text) &&
           perfopt__ssr_escape_text(call->rt, text.as.string, text.length, out);
}

static bool filter_safe(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    if (!perfopt__ssr_to_string(call->rt, args[0], out))
        return false;
    out->flags = PERFOPT_VALUE_SAFE;
    return true;
}

/* ---- striptags ------------------------------------------------------------------------------ */

/* The named characters that occur in practice; numbers are decoded in full. */
static const struct {
    const char *name;
    uint32_t c;
} entities[] = {
    {"amp", '&'},       {"lt", '<'},       {"gt", '>'},       {"quot", '"'},     {"apos", '\''},
    {"nbsp", 0xa0},     {"copy", 0xa9},    {"reg", 0xae},     {"laquo", 0xab},   {"raquo", 0xbb},
    {"hellip", 0x2026}, {"mdash", 0x2014}, {"ndash", 0x2013}, {"lsquo", 0x2018}, {"rsquo", 0x2019},
    {"ldquo", 0x201c},  {"rdquo", 0x201d}, {"bull", 0x2022},  {"middot", 0xb7},  {"euro", 0x20ac},
    {"pound", 0xa3},    {"yen", 0xa5},     {"cent", 0xa2},    {"sect", 0xa7},    {"deg", 0xb0},
    {"times", 0xd7},    {"trade", 0x2122}, {"auml", 0xe4},    {"ouml", 0xf6},    {"uuml", 0xfc},
    {"Auml", 0xc4},     {"Ouml", 0xd6},    {"Uuml", 0xdc},    {"szlig", 0xdf},   {"eacute", 0xe9},
    {"egrave", 0xe8},   {"agrave", 0xe0},  {"ccedil", 0xe7},  {"ntilde", 0xf1},  {"para", 0xb6},
};

static uint32_t numeric_entity(const char *p, size_t length)
{
    bool hex = length && (*p | 0x20) == 'x';
    uint64_t value = 0;
    for (size_t i = hex; i < length; i++) {
        char low = (char)(p[i] | 0x20);
        unsigned digit = p[i] >= '0' && p[i] <= '9'        ? (unsigned)(p[i] - '0')
                         : hex && low >= 'a' && low <= 'f' ? (unsigned)(low - 'a' + 10)
                                                           : 99;
        if (digit == 99)
            return 0;
        if (value < 0x200000)
            value = value * (hex ? 16 : 10) + digit;
    }
    if (length == (size_t)hex)
        return 0;
    bool bad = value == 0 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF);
    return bad ? 0xFFFD : (uint32_t)value;
}

static uint32_t entity_at(const char *p, const char *end, size_t *used)
{
    const char *stop = memchr(p, ';', (size_t)(end - p) < 12 ? (size_t)(end - p) : 12);
    if (!stop)
        return 0;
    size_t length = (size_t)(stop - p) - 1;
    *used = length + 2;
    if (p[1] == '#')
        return numeric_entity(p + 2, length ? length - 1 : 0);
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (strlen(entities[i].name) == length && memcmp(entities[i].name, p + 1, length) == 0)
            return entities[i].c;
    }
    return 0;
}

static void put_unescaped(perfopt__strbuf *out, ssr_chars s)
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    while (p < end) {
        size_t used = 0;
        uint32_t c = *p == '&' ? entity_at(p, end, &used) : 0;
        char bytes[4];
        if (c) {
            perfopt__strbuf_append(out, bytes, perfopt__utf8_encode(c, bytes));
            p += used;
        } else {
            perfopt__strbuf_putc(out, *p++);
        }
    }
}

static void put_without(perfopt__strbuf *out, ssr_chars s, const char *open, const char *close)
{
    size_t open_length = strlen(open);
    while (s.length) {
        const char *start = perfopt__ssr_find(s, (ssr_chars){open, open_length});
        if (!start)
            break;
        ssr_chars rest = {start + open_length, s.length - (size_t)(start - s.text) - open_length};
        const char *stop = perfopt__ssr_find(rest, (ssr_chars){close, strlen(close)});
        if (!stop)
            break;
        perfopt__strbuf_append(out, s.text, (size_t)(start - s.text));
        const char *next = stop + strlen(close);
        s = (ssr_chars){next, s.length - (size_t)(next - s.text)};
    }
    perfopt__strbuf_append(out, s.text, s.length);
}

/* Words with one space between them. */
static void put_collapsed(perfopt__strbuf *out, ssr_chars s)
{
    const char *p = s.text;
    const char *end = s.text + s.length;
    bool first = true;
    while (p < end) {
        size_t n;
        while (p < end && (n = perfopt__ssr_space_at(p, end)) != 0)
            p += n;
        const char *start = p;
        while (p < end && !perfopt__ssr_space_at(p, end))
            p++;
        if (p > start && !first)
            perfopt__strbuf_putc(out, ' ');
        if (p > start)
            first = false;
        perfopt__strbuf_append(out, start, (size_t)(p - start));
    }
}

static ssr_chars contents(const perfopt__strbuf *sb)
{
    return (ssr_chars){sb->data ? sb->data : "", sb->length};
}

static bool filter_striptags(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf a = PERFOPT__STRBUF_INIT;
    perfopt__strbuf b = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_to_string(call->rt, args[0], &args[0]))
        return false;
    put_without(&a, perfopt__ssr_chars(args[0]), "<!--", "-->");
    put_without(&b, contents(&a), "<", ">");
    perfopt__strbuf_clear(&a);
    put_collapsed(&a, contents(&b));
    perfopt__strbuf_clear(&b);
    put_unescaped(&b, contents(&a));
    b.failed |= a.failed;
    perfopt__strbuf_finish(&a);
    return perfopt__ssr_take_text(call->rt, &b, out);
}

/* ---- URLs ----------------------------------------------------------------------------------- */

static bool put_quoted(perfopt_call *call, perfopt_value value, bool query, perfopt__strbuf *out)
{
    const char *text;
    size_t length;
    if (!perfopt__ssr_text(call->rt, value, &text, &length))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (query && text[i] == ' ')
            perfopt__strbuf_putc(out, '+');
        else if (!query && text[i] == '/')
            perfopt__strbuf_putc(out, '/');
        else
            perfopt__strbuf_put_url(out, text + i, 1);
    }
    return true;
}

static bool put_query(perfopt_call *call, perfopt_value pairs, perfopt__strbuf *out)
{
    ssr_iterator it;
    perfopt_value pair;
    bool more;
    if (!perfopt__ssr_iterate(call->rt, pairs, &it))
        return false;
    for (size_t i = 0;; i++) {
        perfopt_value list;
        if (!perfopt__ssr_next_step(call->rt, &it, &pair, &more))
            return false;
        if (!more)
            return true;
        if (!perfopt__ssr_to_list(call->rt, pair, &list))
            return false;
        if (list.as.list->count != 2)
            return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "urlencode() needs pairs");
        if (i)
            perfopt__strbuf_putc(out, '&');
        if (!put_quoted(call, list.as.list->items[0], true, out))
            return false;
        perfopt__strbuf_putc(out, '=');
        if (!put_quoted(call, list.as.list->items[1], true, out))
            return false;
    }
}

static bool filter_urlencode(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt_value v = args[0];
    bool ok = true;
    bool pairs = v.kind == PERFOPT_MAP || v.kind == PERFOPT_LIST || v.kind == PERFOPT_UNDEFINED ||
                 (v.kind == PERFOPT_OBJECT && v.as.object->cls->item);
    if (v.kind == PERFOPT_MAP)
        ok = perfopt__ssr_view(call->rt, v, VIEW_ITEMS, &v);
    ok = ok && (pairs ? put_query(call, v, &sb) : put_quoted(call, v, false, &sb));
    if (!ok) {
        perfopt__strbuf_finish(&sb);
        return false;
    }
    return perfopt__ssr_take_text(call->rt, &sb, out);
}

/* ---- xmlattr -------------------------------------------------------------------------------- */

static bool put_attribute(perfopt_call *call, perfopt_value key, perfopt_value value,
                          perfopt__strbuf *out)
{
    ssr_runtime *rt = call->rt;
    if (key.kind != PERFOPT_STRING)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the name of an attribute is a string");
    for (uint32_t i = 0; i < key.length; i++) {
        if (key.as.string[i] && strchr(" \t\n\r\f\v/>=", key.as.string[i]))
            return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "an attribute's name has no '%c'",
                                     key.as.string[i]);
    }
    perfopt_value name;
    perfopt_value text;
    if (!perfopt__ssr_to_markup(rt, key, &name) || !perfopt__ssr_to_markup(rt, value, &text))
        return false;
    if (out->length)
        perfopt__strbuf_putc(out, ' ');
    perfopt__strbuf_append(out, name.as.string, name.length);
    perfopt__strbuf_puts(out, "=\"");
    perfopt__strbuf_append(out, text.as.string, text.length);
    perfopt__strbuf_putc(out, '"');
    return true;
}

static bool filter_xmlattr(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    bool space = true;
    bool ok = true;
    if (perfopt__ssr_given(args[1]) && !perfopt__ssr_truth(call->rt, args[1], &space))
        return false;
    if (args[0].kind != PERFOPT_MAP)
        return args[0].kind == PERFOPT_UNDEFINED
                   ? perfopt__ssr_fail_undefined(call->rt, args[0])
                   : perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "xmlattr() needs a dict");
    const perfopt_map *map = args[0].as.map;
    for (size_t i = 0; ok && i < map->count; i++) {
        perfopt_value value = map->entries[i].value;
        if (value.kind != PERFOPT_NONE && value.kind != PERFOPT_UNDEFINED)
            ok = put_attribute(call, map->entries[i].key, value, &sb);
    }
    perfopt__strbuf whole = PERFOPT__STRBUF_INIT;
    if (ok && space && sb.length)
        perfopt__strbuf_putc(&whole, ' ');
    perfopt__strbuf_append(&whole, sb.data, sb.length);
    whole.failed |= sb.failed;
    perfopt__strbuf_finish(&sb);
    if (!ok) {
        perfopt__strbuf_finish(&whole);
        return false;
    }
    if (!perfopt__ssr_take_text(call->rt, &whole, out))
        return false;
    out->flags = autoescape(call) ? PERFOPT_VALUE_SAFE : 0;
    return true;
}

const ssr_builtin perfopt__ssr_html_filters[] = {
    {"escape", filter_escape, {"s"}, 1, false},
    {"e", filter_escape, {"s"}, 1, false},
    {"forceescape", filter_forceescape, {"value"}, 1, false},
    {"safe", filter_safe, {"value"}, 1, false},
    {"striptags", filter_striptags, {"value"}, 1, false},
    {"urlencode", filter_urlencode, {"value"}, 1, false},
    {"urlize",
     perfopt__ssr_filter_urlize,
     {"value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"},
     1,
     false},
    {"xmlattr", filter_xmlattr, {"d", "autospace"}, 1, false},
    {NULL, NULL, {NULL}, 0, false},
};
