/*
 * methods_string.c - methods of strings that change or take apart: upper, strip, split, join...
 * Those of safe strings escape their arguments and stay safe, as MarkupSafe does.
 */
#include "ssr/runtime.h"
#include "ssr/unicode.h"

static bool text_of(perfopt_call *call, perfopt__strbuf *sb, perfopt_value like, perfopt_value *out)
{
    if (!perfopt__ssr_take_text(call->rt, sb, out))
        return false;
    out->flags = like.flags;
    return true;
}

/* An argument that has to be a string; of safe strings it is escaped first. */
static bool string_arg(perfopt_call *call, perfopt_value self, perfopt_value *arg)
{
    if (arg->kind != PERFOPT_STRING)
        return arg->kind == PERFOPT_UNDEFINED
                   ? perfopt__ssr_fail_undefined(call->rt, *arg)
                   : perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "a string is needed, not %s",
                                       perfopt_value_type_name(*arg));
    return !(self.flags & PERFOPT_VALUE_SAFE) || perfopt__ssr_to_markup(call->rt, *arg, arg);
}

static bool given(perfopt_value v)
{
    return perfopt__ssr_given(v) && v.kind != PERFOPT_NONE;
}

/* ---- case ----------------------------------------------------------------------------------- */

static bool method_upper(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt__ssr_put_upper(&sb, perfopt__ssr_chars(args[0]));
    return text_of(call, &sb, args[0], out);
}

static bool method_lower(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_lower(call->rt, args[0], out);
}

static bool method_capitalize(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    ssr_chars s = perfopt__ssr_chars(args[0]);
    size_t n = perfopt__ssr_char_offset(s, 1);
    perfopt__ssr_put_upper(&sb, (ssr_chars){s.text, n});
    perfopt__ssr_put_lower(&sb, (ssr_chars){s.text + n, s.length - n});
    return text_of(call, &sb, args[0], out);
}

static bool is_cased(uint32_t c)
{
    return perfopt__ssr_is_lower(c) || perfopt__ssr_is_upper(c);
}

static bool method_title(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    const char *p = args[0].as.string;
    const char *end = p + args[0].length;
    bool inside = false;
    while (p < end) {
        uint32_t c;
        size_t n = perfopt__ssr_next_char(p, end, &c);
        if (inside)
            perfopt__ssr_put_lower(&sb, (ssr_chars){p, n});
        else
            perfopt__ssr_put_upper(&sb, (ssr_chars){p, n});
        inside = is_cased(c);
        p += n;
    }
    return text_of(call, &sb, args[0], out);
}

static bool method_swapcase(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    const char *p = args[0].as.string;
    const char *end = p + args[0].length;
    while (p < end) {
        uint32_t c;
        size_t n = perfopt__ssr_next_char(p, end, &c);
        if (perfopt__ssr_is_upper(c))
            perfopt__ssr_put_lower(&sb, (ssr_chars){p, n});
        else
            perfopt__ssr_put_upper(&sb, (ssr_chars){p, n});
        p += n;
    }
    return text_of(call, &sb, args[0], out);
}

static bool method_casefold(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    args[0].flags = 0;
    return perfopt__ssr_lower(call->rt, args[0], out);
}

/* ---- trimming and padding ------------------------------------------------------------------- */

static bool strip(perfopt_call *call, perfopt_value *args, bool left, bool right,
                  perfopt_value *out)
{
    if (given(args[1]) && !string_arg(call, args[0], &args[1]))
        return false;
    ssr_chars s = perfopt__ssr_strip(perfopt__ssr_chars(args[0]), given(args[1]) ? &args[1] : NULL,
                                     left, right);
    *out = perfopt__ssr_piece(args[0], s.text, s.length);
    return true;
}

static bool method_strip(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return strip(call, args, true, true, out);
}

static bool method_lstrip(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return strip(call, args, true, false, out);
}

static bool method_rstrip(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return strip(call, args, false, true, out);
}

static bool pad(perfopt_call *call, perfopt_value *args, char align, perfopt_value *out)
{
    ssr_spec spec = {.fill = ' ', .align = align};
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (!perfopt__ssr_to_index(call->rt, args[1], &spec.width))
        return false;
    if (perfopt__ssr_given(args[2])) {
        if (!string_arg(call, args[0], &args[2]))
            return false;
        if (perfopt__ssr_char_count(perfopt__ssr_chars(args[2])) != 1)
            return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED,
                                     "the filling has to be one character");
        perfopt__ssr_next_char(args[2].as.string, args[2].as.string + args[2].length, &spec.fill);
    }
    int64_t count = (int64_t)perfopt__ssr_char_count(perfopt__ssr_chars(args[0]));
    if (align == '^' && spec.width > count) {
        /* CPython puts the odd one to the left only for odd widths. */
        int64_t extra = spec.width - count;
        int64_t left = extra / 2 + (extra & spec.width & 1);
        ssr_spec before = {.fill = spec.fill, .align = '>', .width = left};
        if (!perfopt__ssr_format_pad(call->rt, "", 0, 0, &before, '>', &sb)) {
            perfopt__strbuf_finish(&sb);
            return false;
        }
        spec.align = '<';
        spec.width -= left;
    }
    if (!perfopt__ssr_format_pad(call->rt, args[0].as.string, args[0].length, 0, &spec, '<', &sb)) {
        perfopt__strbuf_finish(&sb);
        return false;
    }
    return text_of(call, &sb, args[0], out);
}

static bool method_ljust(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return pad(call, args, '<', out);
}

static bool method_rjust(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return pad(call, args, '>', out);
}

static bool method_center(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return pad(call, args, '^', out);
}

static bool method_zfill(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_spec spec = {.fill = '0', .align = '='};
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    bool sign = args[0].length && strchr("+-", args[0].as.string[0]) && args[0].as.string[0];
    if (!perfopt__ssr_to_index(call->rt, args[1], &spec.width))
        return false;
    if (!perfopt__ssr_format_pad(call->rt, args[0].as.string, args[0].length, sign, &spec, '=',
                                 &sb)) {
        perfopt__strbuf_finish(&sb);
        return false;
    }
    return text_of(call, &sb, args[0], out);
}

/* ---- taking apart --------------------------------------------------------------------------- */

static bool add_piece(perfopt_call *call, perfopt_value self, perfopt_value list, const char *text,
                      size_t length)
{
    return perfopt__ssr_append(call->rt, list, perfopt__ssr_piece(self, text, length));
}

static bool split_space(perfopt_call *call, perfopt_value self, int64_t most, perfopt_value list)
{
    const char *p = self.as.string;
    const char *end = p + self.length;
    size_t n;
    uint32_t c;
    for (;;) {
        while ((n = perfopt__ssr_space_at(p, end)) != 0)
            p += n;
        if (p >= end)
            return true;
        if (most-- == 0) {
            ssr_chars rest =
                perfopt__ssr_strip((ssr_chars){p, (size_t)(end - p)}, NULL, false, true);
            return add_piece(call, self, list, rest.text, rest.length);
        }
        const char *start = p;
        while (p < end && !perfopt__ssr_space_at(p, end))
            p += perfopt__ssr_next_char(p, end, &c);
        if (!add_piece(call, self, list, start, (size_t)(p - start)))
            return false;
    }
}

static bool split_by(perfopt_call *call, perfopt_value self, ssr_chars separator, int64_t most,
                     perfopt_value list)
{
    ssr_chars s = perfopt__ssr_chars(self);
    const char *hit;
    while (most-- != 0 && (hit = perfopt__ssr_find(s, separator)) != NULL) {
        size_t n = (size_t)(hit - s.text);
        if (!add_piece(call, self, list, s.text, n))
            return false;
        s = (ssr_chars){hit + separator.length, s.length - n - separator.length};
    }
    return add_piece(call, self, list, s.text, s.length);
}

static bool split_args(perfopt_call *call, perfopt_value *args, int64_t *most, perfopt_value *list)
{
    *most = -1;
    if (perfopt__ssr_given(args[2]) && !perfopt__ssr_to_index(call->rt, args[2], most))
        return false;
    if (given(args[1])) {
        if (args[1].kind != PERFOPT_STRING || !args[1].length)
            return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED,
                                     "the separator has to be a string that is not empty");
    }
    return perfopt__ssr_list(call->rt, 0, list);
}

static bool method_split(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t most;
    return split_args(call, args, &most, out) &&
           (given(args[1]) ? split_by(call, args[0], perfopt__ssr_chars(args[1]), most, *out)
                           : split_space(call, args[0], most, *out));
}

static const char *find_last(ssr_chars s, ssr_chars needle)
{
    if (needle.length > s.length)
        return NULL;
    for (const char *p = s.text + (s.length - needle.length);; p--) {
        if (memcmp(p, needle.text, needle.length) == 0)
            return p;
        if (p == s.text)
            return NULL;
    }
}

static bool rsplit_by(perfopt_call *call, perfopt_value self, ssr_chars separator, int64_t most,
                      perfopt_value list)
{
    ssr_chars s = perfopt__ssr_chars(self);
    const char *hit;
    while (most-- != 0 && (hit = find_last(s, separator)) != NULL) {
        const char *after = hit + separator.length;
        if (!add_piece(call, self, list, after, s.length - (size_t)(after - s.text)))
            return false;
        s.length = (size_t)(hit - s.text);
    }
    return add_piece(call, self, list, s.text, s.length);
}

static bool rsplit_space(perfopt_call *call, perfopt_value self, int64_t most, perfopt_value list)
{
    ssr_chars s = perfopt__ssr_chars(self);
    for (;;) {
        s = perfopt__ssr_strip(s, NULL, false, true);
        if (!s.length)
            return true;
        if (most-- == 0) {
            s = perfopt__ssr_strip(s, NULL, true, false);
            return add_piece(call, self, list, s.text, s.length);
        }
        const char *end = s.text + s.length;
        const char *p = end;
        while (p > s.text) {
            const char *previous = perfopt__ssr_previous_char(s.text, p);
            if (perfopt__ssr_space_at(previous, p))
                break;
            p = previous;
        }
        if (!add_piece(call, self, list, p, (size_t)(end - p)))
            return false;
        s.length = (size_t)(p - s.text);
    }
}

static bool method_rsplit(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t most;
    if (!split_args(call, args, &most, out) ||
        !(given(args[1]) ? rsplit_by(call, args[0], perfopt__ssr_chars(args[1]), most, *out)
                         : rsplit_space(call, args[0], most, *out)))
        return false;
    perfopt_list *l = out->as.list;
    for (size_t i = 0; i < l->count / 2; i++) {
        perfopt_value swap = l->items[i];
        l->items[i] = l->items[l->count - 1 - i];
        l->items[l->count - 1 - i] = swap;
    }
    return true;
}

static bool method_splitlines(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    bool keep = false;
    ssr_chars line;
    size_t pos = 0;
    size_t length;
    if ((perfopt__ssr_given(args[1]) && !perfopt__ssr_truth(call->rt, args[1], &keep)) ||
        !perfopt__ssr_list(call->rt, 0, out))
        return false;
    while (perfopt__ssr_next_line(perfopt__ssr_chars(args[0]), &pos, &line, &length)) {
        if (!add_piece(call, args[0], *out, line.text, keep ? length : line.length))
            return false;
    }
    return true;
}

static bool partition(perfopt_call *call, perfopt_value *args, bool last, perfopt_value *out)
{
    ssr_chars s = perfopt__ssr_chars(args[0]);
    if (!string_arg(call, args[0], &args[1]) || !perfopt__ssr_list(call->rt, 3, out))
        return false;
    if (!args[1].length)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "the separator is empty");
    ssr_chars needle = perfopt__ssr_chars(args[1]);
    const char *hit = last ? find_last(s, needle) : perfopt__ssr_find(s, needle);
    const char *end = s.text + s.length;
    const char *first = hit ? hit : last ? s.text : end;
    const char *second = hit ? hit + needle.length : first;
    out->flags = PERFOPT_VALUE_TUPLE;
    return add_piece(call, args[0], *out, s.text, (size_t)(first - s.text)) &&
           add_piece(call, args[0], *out, first, (size_t)(second - first)) &&
           add_piece(call, args[0], *out, second, (size_t)(end - second));
}

static bool method_partition(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return partition(call, args, false, out);
}

static bool method_rpartition(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return partition(call, args, true, out);
}

/* ---- putting together ----------------------------------------------------------------------- */

static bool method_join(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    perfopt_value list;
    bool safe = args[0].flags & PERFOPT_VALUE_SAFE;
    if (!perfopt__ssr_to_list(call->rt, args[1], &list))
        return false;
    for (size_t i = 0; i < list.as.list->count; i++) {
        perfopt_value item = list.as.list->items[i];
        if (safe ? !perfopt__ssr_to_markup(call->rt, item, &item)
                 : !string_arg(call, args[0], &item)) {
            perfopt__strbuf_finish(&sb);
            return false;
        }
        if (i)
            perfopt__strbuf_append(&sb, args[0].as.string, args[0].length);
        perfopt__strbuf_append(&sb, item.as.string, item.length);
    }
    return text_of(call, &sb, args[0], out);
}

static bool method_replace(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t count = -1;
    if (!string_arg(call, args[0], &args[1]) || !string_arg(call, args[0], &args[2]) ||
        (perfopt__ssr_given(args[3]) && !perfopt__ssr_to_index(call->rt, args[3], &count)) ||
        !perfopt__ssr_replace(call->rt, perfopt__ssr_chars(args[0]), perfopt__ssr_chars(args[1]),
                              perfopt__ssr_chars(args[2]), count, out))
        return false;
    out->flags = args[0].flags;
    return true;
}

static bool method_format(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    return perfopt__ssr_str_format(call->rt, args[0], call, out);
}

static bool method_expandtabs(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t size = 8;
    int64_t column = 0;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (perfopt__ssr_given(args[1]) && !perfopt__ssr_to_index(call->rt, args[1], &size))
        return false;
    if (size > 1000)
        return perfopt__ssr_fail(call->rt, PERFOPT_ELIMIT, "the tab size is too large");
    const char *p = args[0].as.string;
    const char *end = p + args[0].length;
    while (p < end) {
        uint32_t c;
        size_t n = perfopt__ssr_next_char(p, end, &c);
        if (c == '\t') {
            int64_t spaces = size > 0 ? size - column % size : 0;
            column += spaces;
            while (spaces-- > 0)
                perfopt__strbuf_putc(&sb, ' ');
        } else {
            perfopt__strbuf_append(&sb, p, n);
            column = c == '\n' || c == '\r' ? 0 : column + 1;
        }
        p += n;
    }
    return text_of(call, &sb, args[0], out);
}

const ssr_method perfopt__ssr_string_methods[] = {
    {"upper", method_upper, {NULL}, 0, false},
    {"lower", method_lower, {NULL}, 0, false},
    {"capitalize", method_capitalize, {NULL}, 0, false},
    {"title", method_title, {NULL}, 0, false},
    {"swapcase", method_swapcase, {NULL}, 0, false},
    {"casefold", method_casefold, {NULL}, 0, false},
    {"strip", method_strip, {"chars"}, 0, false},
    {"lstrip", method_lstrip, {"chars"}, 0, false},
    {"rstrip", method_rstrip, {"chars"}, 0, false},
    {"ljust", method_ljust, {"width", "fillchar"}, 1, false},
    {"rjust", method_rjust, {"width", "fillchar"}, 1, false},
    {"center", method_center, {"width", "fillchar"}, 1, false},
    {"zfill", method_zfill, {"width"}, 1, false},
    {"split", method_split, {"sep", "maxsplit"}, 0, false},
    {"rsplit", method_rsplit, {"sep", "maxsplit"}, 0, false},
    {"splitlines", method_splitlines, {"keepends"}, 0, false},
    {"partition", method_partition, {"sep"}, 1, false},
    {"rpartition", method_rpartition, {"sep"}, 1, false},
    {"join", method_join, {"iterable"}, 1, false},
    {"replace", method_replace, {"old", "new", "count"}, 2, false},
    {"format", method_format, {NULL}, 0, true},
    {"expandtabs", method_expandtabs, {"tabsize"}, 0, false},
    {NULL, NULL, {NULL}, 0, false},
};
