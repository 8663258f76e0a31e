/*
 * svg_minify.c - SVG (any XML) without comments and without the white space between tags. Text
 * keeps its white space: inside <text> and its like, inside <style>, <script> and <foreignObject>,
 * and wherever xml:space says so. Tags must match, as XML demands.
 */
#include "assets/markup.h"

#include "base/error.h"

typedef struct svg_name {
    uint32_t start;
    uint32_t length;
} svg_name;

typedef struct svg_minifier {
    perfopt__markup markup;
    perfopt__strbuf *out;
    perfopt__strbuf open; /* an svg_name for each open element */
    size_t keep_from;     /* size of `open` where white space began to count; 0 = it does not */
} svg_minifier;

static bool fail(svg_minifier *s, size_t at, const char *what)
{
    s->markup.error = what;
    s->markup.error_at = at;
    return false;
}

static bool keeps_space(const svg_minifier *s, const perfopt__markup_token *tag)
{
    static const char *const names[] = {"text",   "title",         "desc",    "style",
                                        "script", "foreignObject", "metadata"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (perfopt__markup_is(&s->markup, tag, names[i]))
            return true;
    }
    char space[16];
    return perfopt__markup_attribute_value(&s->markup, tag, "xml:space", space, sizeof(space)) &&
           strcmp(space, "preserve") == 0;
}

static bool put_open(svg_minifier *s, const perfopt__markup_token *tag)
{
    perfopt__markup_put_tag(s->out, &s->markup, tag);
    if (tag->self_closing)
        return true;
    svg_name name = {(uint32_t)tag->name_start, (uint32_t)tag->name_length};
    if (s->open.length >= PERFOPT__MINIFY_MAX_DEPTH * sizeof(name))
        return fail(s, tag->start, "nested too deeply");
    perfopt__strbuf_append(&s->open, &name, sizeof(name));
    if (s->keep_from == 0 && keeps_space(s, tag))
        s->keep_from = s->open.length;
    return !s->open.failed;
}

static bool put_close(svg_minifier *s, const perfopt__markup_token *tag)
{
    svg_name name = {0, 0};
    if (s->open.length >= sizeof(name))
        memcpy(&name, s->open.data + s->open.length - sizeof(name), sizeof(name));
    if (name.length != tag->name_length ||
        memcmp(s->markup.text + name.start, s->markup.text + tag->name_start, name.length) != 0)
        return fail(s, tag->start, "end tag without start tag");
    if (s->open.length == s->keep_from)
        s->keep_from = 0;
    s->open.length -= sizeof(name);
    perfopt__markup_put_tag(s->out, &s->markup, tag);
    return true;
}

static void put_text(svg_minifier *s, const char *text, size_t length)
{
    size_t i = 0;
    while (s->keep_from == 0 && i < length && perfopt__is_space(text[i]))
        i++;
    if (i < length)
        perfopt__strbuf_append(s->out, text, length);
}

static bool put_token(svg_minifier *s, const perfopt__markup_token *t)
{
    const char *text = s->markup.text + t->start;
    switch (t->kind) {
    case MARKUP_END:
        return s->open.length == 0 || fail(s, t->start, "element without end");
    case MARKUP_TEXT:
        put_text(s, text, t->end - t->start);
        return true;
    case MARKUP_OPEN:
        return put_open(s, t);
    case MARKUP_CLOSE:
        return put_close(s, t);
    case MARKUP_COMMENT:
        if (t->end - t->start < 7)
            return fail(s, t->start, "malformed comment");
        /* Behind a "]" it may be what keeps "]]>" apart, which XML forbids in text. */
        if (!perfopt__comment_is_kept(text + 4, t->end - t->start - 7) &&
            (s->out->length == 0 || s->out->data[s->out->length - 1] != ']'))
            return true;
        break;
    default:
        break;
    }
    perfopt__strbuf_append(s->out, text, t->end - t->start);
    return true;
}

static bool put_document(svg_minifier *s)
{
    perfopt__markup_token t;
    do {
        if (!perfopt__markup_next(&s->markup, &t) || !put_token(s, &t))
            return false;
    } while (t.kind != MARKUP_END);
    return true;
}

perfopt_status perfopt__minify_svg(const char *text, size_t length, perfopt__strbuf *out,
                                   perfopt_error *err)
{
    svg_minifier s = {.markup = {.text = text, .length = length, .xml = true},
                      .out = out,
                      .open = PERFOPT__STRBUF_INIT};
    bool ok = put_document(&s);
    bool failed = s.open.failed;
    perfopt__strbuf_finish(&s.open);
    if (failed)
        return perfopt__error_nomem(err);
    return ok ? PERFOPT_OK
              : perfopt__minify_fail(text, length, s.markup.error_at, s.markup.error, err);
}
