/*
 * filters_urlize.c - {{ text|urlize }}: addresses in text become links.
 *
 * The text is escaped first and split at white space; of each word leading brackets and trailing
 * punctuation stay outside of the link.
 */
#include "ssr/html.h"
#include "ssr/unicode.h"

typedef struct linker {
    ssr_runtime *rt;
    perfopt__strbuf out;
    perfopt_value attributes; /* ' rel="..." target="..."', escaped */
    int64_t limit;            /* shown characters; -1 = all */
    perfopt_value schemes;    /* a list */
} linker;

static bool starts_with(ssr_chars s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.length >= n && memcmp(s.text, prefix, n) == 0;
}

static bool ends_with(ssr_chars s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.length >= n && memcmp(s.text + s.length - n, suffix, n) == 0;
}

static bool has_prefix_ignoring_case(ssr_chars s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.length >= n && strncasecmp(s.text, prefix, n) == 0;
}

static bool is_word_char(uint32_t c)
{
    return c == '_' || perfopt__ssr_is_alnum(c);
}

static bool is_alpha(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* ---- what looks like an address ------------------------------------------------------------- */

/* Length of the host part: up to the port, path, query or fragment. */
static size_t host_length(ssr_chars s)
{
    size_t n = 0;
    int brackets = 0;
    while (n < s.length && (brackets || !strchr(":/?#", s.text[n]) || !s.text[n])) {
        brackets += (s.text[n] == '[') - (s.text[n] == ']');
        n++;
    }
    return n;
}

static bool is_valid_tail(ssr_chars s)
{
    if (s.length && *s.text == ':') {
        size_t n = 1;
        while (n < s.length && n < 6 && s.text[n] >= '0' && s.text[n] <= '9')
            n++;
        if (n == 1)
            return false;
        s = (ssr_chars){s.text + n, s.length - n};
    }
    return !s.length || strchr("/?#", *s.text) != NULL;
}

static bool is_label(ssr_chars s, size_t least)
{
    const char *p = s.text;
    const char *end = p + s.length;
    size_t count = 0;
    uint32_t c;
    while (p < end) {
        p += perfopt__ssr_next_char(p, end, &c);
        if (!is_word_char(c) && c != '%' && c != '-')
            return false;
        count++;
    }
    return count >= least && count <= 2000;
}

static bool labels_are_valid(ssr_chars s, size_t least)
{
    while (s.length) {
        const char *dot = memchr(s.text, '.', s.length);
        size_t n = dot ? (size_t)(dot - s.text) : s.length;
        if (!is_label((ssr_chars){s.text, n}, least))
            return false;
        s = (ssr_chars){s.text + n + (dot != NULL), s.length - n - (dot != NULL)};
    }
    return true;
}

static bool is_top_level(ssr_chars s)
{
    if (has_prefix_ignoring_case(s, "xn--"))
        return s.length >= 6 && s.length <= 63 && is_label(s, 1);
    for (size_t i = 0; i < s.length; i++) {
        if (!is_alpha(s.text[i]))
            return false;
    }
    return s.length >= 2 && s.length <= 63;
}

static bool is_known_top_level(ssr_chars s)
{
    static const char *const known[] = {"com", "net", "int", "edu", "gov", "org", "info", "mil"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i]) == s.length && strncasecmp(known[i], s.text, s.length) == 0)
            return true;
    }
    return false;
}

static bool is_ipv4(ssr_chars s)
{
    int groups = 0;
    size_t i = 0;
    while (i < s.length) {
        size_t start = i;
        while (i < s.length && s.text[i] >= '0' && s.text[i] <= '9')
            i++;
        if (i == start || i - start > 3)
            return false;
        groups++;
        if (i < s.length && s.text[i++] != '.')
            return false;
    }
    return groups == 4;
}

static bool is_ipv6(ssr_chars s)
{
    size_t colons = 0;
    if (s.length < 4 || *s.text != '[' || s.text[s.length - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < s.length; i++) {
        if (s.text[i] != ':' && !strchr("0123456789abcdefABCDEF", s.text[i]))
            return false;
        colons += s.text[i] == ':';
    }
    return colons >= 2 && colons <= 8;
}

static bool is_web_address(ssr_chars s)
{
    bool scheme = has_prefix_ignoring_case(s, "http://") || has_prefix_ignoring_case(s, "https://");
    bool www = has_prefix_ignoring_case(s, "www.");
    size_t skip = scheme ? (s.text[4] == ':' ? 7 : 8) : www ? 4 : 0;
    ssr_chars rest = {s.text + skip, s.length - skip};
    size_t n = host_length(rest);
    ssr_chars host = {rest.text, n};
    if (!is_valid_tail((ssr_chars){rest.text + n, rest.length - n}))
        return false;
    if (scheme && (is_ipv4(host) || is_ipv6(host)))
        return true;
    const char *dot = memrchr(host.text, '.', host.length);
    size_t first = dot ? (size_t)(dot - host.text) : 0;
    ssr_chars top = dot ? (ssr_chars){dot + 1, host.length - first - 1} : host;
    ssr_chars names = {host.text, first};
    if (scheme || www)
        return is_top_level(top) && (!dot || (first && labels_are_valid(names, 1)));
    return dot && first && is_known_top_level(top) && labels_are_valid(names, 2);
}

static bool is_mail_address(ssr_chars s)
{
    const char *at = memrchr(s.text, '@', s.length);
    if (!at || at == s.text)
        return false;
    ssr_chars domain = {at + 1, s.length - (size_t)(at - s.text) - 1};
    const char *dot = memrchr(domain.text, '.', domain.length);
    if (!dot || dot == domain.text || dot + 1 == domain.text + domain.length)
        return false;
    const char *p = domain.text;
    const char *end = p + domain.length;
    uint32_t c;
    while (p < end) {
        bool first = p == domain.text;
        bool in_top = p > dot;
        p += perfopt__ssr_next_char(p, end, &c);
        if (!is_word_char(c) && (first || in_top || (c != '.' && c != '-')))
            return false;
    }
    return true;
}

/* ---- a word --------------------------------------------------------------------------------- */

static size_t head_length(ssr_chars s)
{
    size_t n = 0;
    for (;;) {
        ssr_chars rest = {s.text + n, s.length - n};
        if (rest.length && (*rest.text == '(' || *rest.text == '<'))
            n++;
        else if (starts_with(rest, "&lt;"))
            n += 4;
        else
            return n;
    }
}

static size_t tail_length(ssr_chars s)
{
    size_t n = 0;
    for (;;) {
        ssr_chars rest = {s.text, s.length - n};
        if (ends_with(rest, "&gt;"))
            n += 4;
        else if (rest.length && strchr(")>.,\n", rest.text[rest.length - 1]))
            n++;
        else
            return n;
    }
}

static size_t count_of(ssr_chars s, const char *mark)
{
    size_t n = 0;
    const char *hit;
    ssr_chars needle = {mark, strlen(mark)};
    while ((hit = perfopt__ssr_find(s, needle)) != NULL) {
        size_t used = (size_t)(hit - s.text) + needle.length;
        s = (ssr_chars){s.text + used, s.length - used};
        n++;
    }
    return n;
}

/* Closing brackets that balance one inside the address belong to it. */
static void balance(ssr_chars *middle, ssr_chars *tail)
{
    static const char *const pairs[3][2] = {{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
    for (int i = 0; i < 3; i++) {
        size_t opened = count_of(*middle, pairs[i][0]);
        if (opened <= count_of(*middle, pairs[i][1]))
            continue;
        ssr_chars close = {pairs[i][1], strlen(pairs[i][1])};
        for (; opened > 0; opened--) {
            const char *hit = perfopt__ssr_find(*tail, close);
            if (!hit)
                break;
            size_t moved = (size_t)(hit - tail->text) + close.length;
            middle->length += moved;
            *tail = (ssr_chars){tail->text + moved, tail->length - moved};
        }
    }
}

static void put(linker *l, ssr_chars s)
{
    perfopt__strbuf_append(&l->out, s.text, s.length);
}

static void put_link(linker *l, const char *scheme, ssr_chars address, ssr_chars shown,
                     bool attributes, bool limited)
{
    perfopt__strbuf_puts(&l->out, "<a href=\"");
    perfopt__strbuf_puts(&l->out, scheme);
    put(l, address);
    perfopt__strbuf_putc(&l->out, '"');
    if (attributes)
        put(l, perfopt__ssr_chars(l->attributes));
    perfopt__strbuf_putc(&l->out, '>');
    if (limited && l->limit >= 0 && (int64_t)perfopt__ssr_char_count(shown) > l->limit) {
        shown.length = perfopt__ssr_char_offset(shown, (size_t)l->limit);
        put(l, shown);
        perfopt__strbuf_puts(&l->out, "...");
    } else {
        put(l, shown);
    }
    perfopt__strbuf_puts(&l->out, "</a>");
}

static bool put_extra_scheme(linker *l, ssr_chars s)
{
    for (size_t i = 0; i < l->schemes.as.list->count; i++) {
        ssr_chars scheme = perfopt__ssr_chars(l->schemes.as.list->items[i]);
        if (s.length > scheme.length && memcmp(s.text, scheme.text, scheme.length) == 0) {
            put_link(l, "", s, s, true, false);
            return true;
        }
    }
    return false;
}

static void put_word(linker *l, ssr_chars word)
{
    size_t head = head_length(word);
    ssr_chars middle = {word.text + head, word.length - head};
    size_t cut = tail_length(middle);
    ssr_chars tail = {middle.text + middle.length - cut, cut};
    middle.length -= cut;
    balance(&middle, &tail);
    put(l, (ssr_chars){word.text, head});
    ssr_chars behind = {middle.text + 7, middle.length > 7 ? middle.length - 7 : 0};
    if (is_web_address(middle)) {
        bool full = starts_with(middle, "https://") || starts_with(middle, "http://");
        put_link(l, full ? "" : "https://", middle, middle, true, true);
    } else if (starts_with(middle, "mailto:") && is_mail_address(behind)) {
        put_link(l, "", middle, behind, false, false);
    } else if (memchr(middle.text, '@', middle.length) && !starts_with(middle, "www.") &&
               !memchr(middle.text, ':', middle.length) && is_mail_address(middle)) {
        put_link(l, "mailto:", middle, middle, false, false);
    } else if (!put_extra_scheme(l, middle)) {
        put(l, middle);
    }
    put(l, tail);
}

/* ---- the filter ----------------------------------------------------------------------------- */

static bool put_attribute(linker *l, const char *name, perfopt_value value, perfopt__strbuf *out)
{
    perfopt_value text;
    bool truth;
    if (!perfopt__ssr_truth(l->rt, value, &truth) ||
        (truth && !perfopt__ssr_to_markup(l->rt, value, &text)))
        return false;
    if (truth) {
        perfopt__strbuf_printf(out, " %s=\"", name);
        perfopt__strbuf_append(out, text.as.string, text.length);
        perfopt__strbuf_putc(out, '"');
    }
    return true;
}

static bool add_rel(ssr_runtime *rt, perfopt_value map, const char *text, size_t length)
{
    const char *p = text;
    const char *end = text + length;
    while (p < end) {
        size_t n;
        while ((n = perfopt__ssr_space_at(p, end)) != 0)
            p += n;
        const char *start = p;
        while (p < end && !perfopt__ssr_space_at(p, end))
            p++;
        if (p > start && !perfopt__ssr_map_put(
                             rt, map, perfopt_string_n(start, (size_t)(p - start)), perfopt_none()))
            return false;
    }
    return true;
}

/* The words of rel, sorted; "noopener" is always one of them. */
static bool make_rel(ssr_runtime *rt, perfopt_value rel, bool nofollow, perfopt_value *out)
{
    perfopt_value words;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_map(rt, &words) || !add_rel(rt, words, "noopener", 8) ||
        (nofollow && !add_rel(rt, words, "nofollow", 8)))
        return false;
    if (rel.kind == PERFOPT_STRING && !add_rel(rt, words, rel.as.string, rel.length))
        return false;
    perfopt_map *map = words.as.map;
    for (size_t done = 0; done < map->count; done++) {
        size_t least = done;
        for (size_t i = done + 1; i < map->count; i++) {
            int order;
            if (!perfopt__ssr_order(rt, map->entries[i].key, map->entries[least].key, "<", &order))
                return false;
            least = order < 0 ? i : least;
        }
        perfopt_value word = map->entries[least].key;
        map->entries[least].key = map->entries[done].key;
        map->entries[done].key = word;
        if (done)
            perfopt__strbuf_putc(&sb, ' ');
        perfopt__strbuf_append(&sb, word.as.string, word.length);
    }
    return perfopt__ssr_take_text(rt, &sb, out);
}

static bool check_schemes(ssr_runtime *rt, perfopt_value list)
{
    for (size_t i = 0; i < list.as.list->count; i++) {
        perfopt_value scheme = list.as.list->items[i];
        const char *colon =
            scheme.kind == PERFOPT_STRING ? memchr(scheme.as.string, ':', scheme.length) : NULL;
        if (!colon || colon - scheme.as.string < 2)
            return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "urlize(): malformed URI scheme");
    }
    return true;
}

static bool prepare(perfopt_call *call, perfopt_value *args, linker *l)
{
    ssr_runtime *rt = call->rt;
    perfopt_value rel;
    bool nofollow = false;
    l->rt = rt;
    l->limit = -1;
    for (int i = 1; i < 6; i++) {
        if (!perfopt__ssr_given(args[i]))
            args[i] = perfopt_none();
    }
    if ((args[1].kind != PERFOPT_NONE && !perfopt__ssr_to_index(rt, args[1], &l->limit)) ||
        !perfopt__ssr_truth(rt, args[2], &nofollow) || !make_rel(rt, args[4], nofollow, &rel))
        return false;
    if (args[5].kind == PERFOPT_NONE ? !perfopt__ssr_list(rt, 0, &l->schemes)
                                     : !perfopt__ssr_to_list(rt, args[5], &l->schemes))
        return false;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!check_schemes(rt, l->schemes) || !put_attribute(l, "rel", rel, &sb) ||
        !put_attribute(l, "target", args[3], &sb)) {
        perfopt__strbuf_finish(&sb);
        return false;
    }
    return perfopt__ssr_take_text(rt, &sb, &l->attributes);
}

bool perfopt__ssr_filter_urlize(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    linker l = {.out = PERFOPT__STRBUF_INIT};
    perfopt_value text;
    if (!prepare(call, args, &l) || !perfopt__ssr_to_markup(call->rt, args[0], &text))
        return false;
    const char *p = text.as.string;
    const char *end = p + text.length;
    while (p < end) {
        size_t n = perfopt__ssr_space_at(p, end);
        const char *start = p;
        if (n) {
            perfopt__strbuf_append(&l.out, p, n);
            p += n;
            continue;
        }
        while (p < end && !perfopt__ssr_space_at(p, end))
            p++;
        put_word(&l, (ssr_chars){start, (size_t)(p - start)});
    }
    if (!perfopt__ssr_take_text(call->rt, &l.out, out))
        return false;
    out->flags = perfopt_call_autoescape(call) ? PERFOPT_VALUE_SAFE : 0;
    return true;
}
