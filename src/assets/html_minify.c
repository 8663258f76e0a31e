/*
 * html_minify.c - HTML without comments and without the white space that cannot be seen.
 *
 * A run of white space in text becomes one space (or line break, if it had one). At the edge of a
 * block element it goes away. Which elements are blocks is the browsers' default style sheet, with
 * one exception: <li> is made inline so often that the space between two of them stays. Tags keep
 * their attributes as they are written; <pre>, <textarea> and their like keep everything; scripts
 * and styles go through their own minifiers, and stay as they are if those refuse.
 */
#include "assets/markup.h"

#include "base/error.h"

#include <ctype.h>

enum category {
    OTHER,  /* unknown or replaced: white space on both sides counts */
    INLINE, /* white space before it and just inside it is the same */
    BLOCK,
    ITEM,   /* <li> */
    HIDDEN, /* takes no place */
    RAW     /* its content has no tags */
};

/* What stands before the place in the output, as far as white space is concerned. */
enum edge {
    EDGE_CONTENT, /* a space here would be seen */
    EDGE_SPACE,   /* a space has just been written */
    EDGE_BLOCK    /* the beginning of a block or document */
};

typedef struct html_minifier {
    perfopt__markup markup;
    perfopt__strbuf *out;
    enum edge edge;
    char pending; /* a space or line break that is written unless a block edge follows */
    bool in_head;
    size_t foreign; /* open <svg> and <math> */
    char keep[24];  /* the element whose white space counts, "" = none */
    size_t keep_depth;
    perfopt_status status;
} html_minifier;

static const char *const block_names[] = {
    "address",  "article",    "aside",   "blockquote", "body",   "caption", "center",   "col",
    "colgroup", "dd",         "details", "dialog",     "dir",    "div",     "dl",       "dt",
    "fieldset", "figcaption", "figure",  "footer",     "form",   "frame",   "frameset", "h1",
    "h2",       "h3",         "h4",      "h5",         "h6",     "head",    "header",   "hgroup",
    "hr",       "html",       "legend",  "listing",    "main",   "menu",    "nav",      "ol",
    "optgroup", "option",     "pre",     "p",          "search", "section", "summary",  "table",
    "tbody",    "td",         "tfoot",   "th",         "thead",  "tr",      "ul",
};
static const char *const inline_names[] = {
    "a",     "abbr", "b",      "bdi", "bdo", "cite",  "code", "data", "del", "dfn",
    "em",    "font", "i",      "ins", "kbd", "label", "mark", "q",    "s",   "samp",
    "small", "span", "strong", "sub", "sup", "time",  "tt",   "u",    "var",
};
static const char *const hidden_names[] = {"base", "link", "meta"};
static const char *const raw_names[] = {"script", "style",  "textarea", "title",
                                        "xmp",    "iframe", "noembed",  "noframes"};
static const char *const void_names[] = {"area",  "base",   "br",    "col",  "embed",
                                         "hr",    "img",    "input", "link", "meta",
                                         "param", "source", "track", "wbr"};

#define IS_IN(m, tag, names) is_in(m, tag, names, sizeof(names) / sizeof((names)[0]))

static bool is_in(const perfopt__markup *m, const perfopt__markup_token *tag,
                  const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (perfopt__markup_is(m, tag, names[i]))
            return true;
    }
    return false;
}

static enum category category_of(const html_minifier *h, const perfopt__markup_token *tag)
{
    const perfopt__markup *m = &h->markup;
    if (h->foreign > 0)
        return OTHER;
    if (IS_IN(m, tag, block_names))
        return BLOCK;
    if (IS_IN(m, tag, inline_names))
        return INLINE;
    if (perfopt__markup_is(m, tag, "li"))
        return ITEM;
    if (IS_IN(m, tag, raw_names))
        return RAW;
    return IS_IN(m, tag, hidden_names) ? HIDDEN : OTHER;
}

/* ---- text --------------------------------------------------------------------------------- */

static void flush_pending(html_minifier *h)
{
    if (!h->pending)
        return;
    perfopt__strbuf_putc(h->out, h->pending);
    h->pending = '\0';
    h->edge = EDGE_SPACE;
}

static void put_text(html_minifier *h, const char *text, size_t length)
{
    if (h->keep[0]) {
        flush_pending(h);
        perfopt__strbuf_append(h->out, text, length);
        h->edge = EDGE_CONTENT;
        return;
    }
    size_t i = 0;
    while (i < length) {
        size_t start = i;
        while (i < length && perfopt__is_space(text[i])) {
            if (h->edge == EDGE_CONTENT && h->pending != '\n')
                h->pending = text[i] == '\n' ? '\n' : ' ';
            i++;
        }
        if (i > start)
            continue;
        while (i < length && !perfopt__is_space(text[i]))
            i++;
        flush_pending(h);
        perfopt__strbuf_append(h->out, text + start, i - start);
        h->edge = EDGE_CONTENT;
    }
}

/* ---- elements whose content has no tags --------------------------------------------------- */

/* Is `</name` or `<name` at this place, and no longer name? */
static bool tag_at(const perfopt__markup *m, size_t at, const char *open, const char *name,
                   size_t name_length)
{
    size_t n = strlen(open);
    size_t end = at + n + name_length;
    if (end >= m->length || memcmp(m->text + at, open, n) != 0)
        return false;
    if (!perfopt__is_space(m->text[end]) && m->text[end] != '/' && m->text[end] != '>')
        return false;
    char own[24];
    memcpy(own, name, name_length);
    own[name_length] = '\0';
    return perfopt__equals_nocase(m->text + at + n, name_length, own);
}

/* Where the element's end tag begins; SIZE_MAX if there is none. In a script, "<!-- <script>" hides
 * the next "</script>" (HTML standard, script data double escaped state). */
static size_t raw_end(const perfopt__markup *m, const perfopt__markup_token *tag)
{
    const char *name = m->text + tag->name_start;
    size_t n = tag->name_length;
    bool script = perfopt__markup_is(m, tag, "script");
    bool escaped = false;
    bool twice = false;
    for (size_t at = tag->end; at < m->length; at++) {
        char c = m->text[at];
        if (script && c == '-' && m->length - at >= 3 && memcmp(m->text + at, "-->", 3) == 0)
            escaped = twice = false;
        if (c != '<')
            continue;
        if (script && m->length - at >= 4 && memcmp(m->text + at, "<!--", 4) == 0)
            escaped = true;
        else if (escaped && !twice && tag_at(m, at, "<", name, n))
            twice = true;
        else if (tag_at(m, at, "</", name, n) && !twice)
            return at;
        else if (twice && tag_at(m, at, "</", name, n))
            twice = false;
    }
    return SIZE_MAX;
}

static perfopt_asset_type script_type(const perfopt__markup *m, const perfopt__markup_token *tag)
{
    static const char *const js[] = {"", "text/javascript", "application/javascript", "module"};
    static const char *const json[] = {"application/json", "application/ld+json", "importmap",
                                       "speculationrules"};
    char type[40] = "";
    perfopt__markup_attribute_value(m, tag, "type", type, sizeof(type));
    for (size_t i = 0; i < 4; i++) {
        if (perfopt__equals_nocase(type, strlen(type), js[i]))
            return PERFOPT_ASSET_JS;
        if (perfopt__equals_nocase(type, strlen(type), json[i]))
            return PERFOPT_ASSET_JSON;
    }
    return PERFOPT_ASSET_OTHER;
}

static perfopt_asset_type style_type(const perfopt__markup *m, const perfopt__markup_token *tag)
{
    char type[40] = "";
    perfopt__markup_attribute_value(m, tag, "type", type, sizeof(type));
    return type[0] == '\0' || perfopt__equals_nocase(type, strlen(type), "text/css")
               ? PERFOPT_ASSET_CSS
               : PERFOPT_ASSET_OTHER;
}

/* Writes what is between the tags, minified if its language is known and its syntax is right. */
static void put_embedded(html_minifier *h, perfopt_asset_type type, const char *text, size_t length)
{
    perfopt__strbuf inner = PERFOPT__STRBUF_INIT;
    perfopt_status status = PERFOPT_ESYNTAX;
    if (type == PERFOPT_ASSET_JS)
        status = perfopt__minify_js(text, length, &inner, NULL);
    else if (type == PERFOPT_ASSET_CSS)
        status = perfopt__minify_css(text, length, &inner, NULL);
    else if (type == PERFOPT_ASSET_JSON)
        status = perfopt__minify_json(text, length, &inner, NULL);
    if (status == PERFOPT_ENOMEM || inner.failed)
        h->status = PERFOPT_ENOMEM;
    else if (status == PERFOPT_OK)
        perfopt__strbuf_append(h->out, inner.data, inner.length);
    else
        perfopt__strbuf_append(h->out, text, length);
    perfopt__strbuf_finish(&inner);
}

static bool put_raw_element(html_minifier *h, const perfopt__markup_token *tag)
{
    perfopt__markup *m = &h->markup;
    size_t end = raw_end(m, tag);
    if (end == SIZE_MAX) {
        m->error = "element without end";
        m->error_at = tag->start;
        return false;
    }
    bool script = perfopt__markup_is(m, tag, "script");
    bool style = perfopt__markup_is(m, tag, "style");
    bool title = perfopt__markup_is(m, tag, "title");
    perfopt_asset_type type = script  ? script_type(m, tag)
                              : style ? style_type(m, tag)
                                      : PERFOPT_ASSET_OTHER;
    /* With "<!--" in it, even what a comment says decides where the script ends. */
    if (memmem(m->text + tag->end, end - tag->end, "<!--", 4))
        type = PERFOPT_ASSET_OTHER;
    flush_pending(h);
    perfopt__markup_put_tag(h->out, m, tag);
    put_embedded(h, type, m->text + tag->end, end - tag->end);
    m->at = end;
    perfopt__markup_token close;
    if (!perfopt__markup_next(m, &close))
        return false;
    perfopt__markup_put_tag(h->out, m, &close);
    /* A script in the body may write text, so the space behind it may be seen. */
    if (!style && !title)
        h->edge = script && h->in_head ? EDGE_BLOCK : EDGE_CONTENT;
    return true;
}

/* ---- tags --------------------------------------------------------------------------------- */

static void track_kept(html_minifier *h, const perfopt__markup_token *tag)
{
    perfopt__markup *m = &h->markup;
    bool open = tag->kind == MARKUP_OPEN;
    if (h->keep[0]) {
        if (perfopt__markup_is(m, tag, h->keep))
            h->keep_depth += open ? 1 : (size_t)-1;
        if (h->keep_depth == 0)
            h->keep[0] = '\0';
        return;
    }
    if (!open || tag->name_length >= sizeof(h->keep) || IS_IN(m, tag, void_names))
        return;
    char style[256] = "";
    bool styled = perfopt__markup_attribute_value(m, tag, "style", style, sizeof(style)) &&
                  (strlen(style) == sizeof(style) - 1 ||
                   perfopt__find_nocase(style, strlen(style), "white-space"));
    if (!styled && !perfopt__markup_is(m, tag, "pre") && !perfopt__markup_is(m, tag, "listing"))
        return;
    memcpy(h->keep, m->text + tag->name_start, tag->name_length);
    h->keep[tag->name_length] = '\0';
    h->keep_depth = 1;
}

static void track_places(html_minifier *h, const perfopt__markup_token *tag)
{
    perfopt__markup *m = &h->markup;
    bool open = tag->kind == MARKUP_OPEN;
    if (perfopt__markup_is(m, tag, "head"))
        h->in_head = open;
    else if (perfopt__markup_is(m, tag, "body"))
        h->in_head = false;
    if (!perfopt__markup_is(m, tag, "svg") && !perfopt__markup_is(m, tag, "math"))
        return;
    if (open && !tag->self_closing)
        h->foreign++;
    else if (!open && h->foreign > 0)
        h->foreign--;
    m->cdata = h->foreign > 0;
}

/* The edge behind a tag. */
static enum edge edge_behind(enum category category, bool open, enum edge edge)
{
    switch (category) {
    case BLOCK:
        return EDGE_BLOCK;
    case ITEM:
        return open ? EDGE_BLOCK : EDGE_CONTENT;
    case INLINE:
        return open ? edge : EDGE_CONTENT;
    case HIDDEN:
        return edge;
    default:
        return EDGE_CONTENT;
    }
}

static bool put_tag(html_minifier *h, const perfopt__markup_token *tag)
{
    enum category category = category_of(h, tag);
    bool open = tag->kind == MARKUP_OPEN;
    if (category == RAW && open)
        return put_raw_element(h, tag);
    bool inside_kept = h->keep[0] != '\0';
    if (!inside_kept && (category == BLOCK || (category == ITEM && !open)))
        h->pending = '\0';
    flush_pending(h);
    track_kept(h, tag);
    track_places(h, tag);
    perfopt__markup_put_tag(h->out, &h->markup, tag);
    h->edge = edge_behind(category, open, h->edge);
    return true;
}

/* Would the text before a comment and the text behind it, put together, be a tag or a character
 * reference? */
static bool comment_separates(const perfopt__strbuf *out)
{
    size_t n = out->length;
    if (n > 0 && out->data[n - 1] == '/')
        n--;
    if (n > 0 && out->data[n - 1] == '<')
        return true;
    size_t least = n > 40 ? n - 40 : 0;
    while (n > least && (out->data[n - 1] == '#' || isalnum((unsigned char)out->data[n - 1])))
        n--;
    return n > 0 && out->data[n - 1] == '&';
}

static bool put_token(html_minifier *h, const perfopt__markup_token *t)
{
    const char *text = h->markup.text + t->start;
    size_t length = t->end - t->start;
    switch (t->kind) {
    case MARKUP_TEXT:
        put_text(h, text, length);
        return true;
    case MARKUP_OPEN:
    case MARKUP_CLOSE:
        return put_tag(h, t);
    case MARKUP_COMMENT:
        if (perfopt__markup_keeps_comment(&h->markup, t))
            break;
        if (!h->pending && comment_separates(h->out))
            perfopt__strbuf_puts(h->out, "<!---->");
        return true;
    default:
        break;
    }
    flush_pending(h);
    perfopt__strbuf_append(h->out, text, length);
    if (t->kind == MARKUP_CDATA)
        h->edge = EDGE_CONTENT;
    return true;
}

static bool put_document(html_minifier *h)
{
    perfopt__markup_token t;
    do {
        if (!perfopt__markup_next(&h->markup, &t))
            return false;
        if (t.kind == MARKUP_OPEN && perfopt__markup_is(&h->markup, &t, "plaintext")) {
            flush_pending(h);
            perfopt__strbuf_append(h->out, h->markup.text + t.start, h->markup.length - t.start);
            return true;
        }
        if (t.kind != MARKUP_END && !put_token(h, &t))
            return false;
    } while (t.kind != MARKUP_END && h->status == PERFOPT_OK);
    return true;
}

perfopt_status perfopt__minify_html(const char *text, size_t length, perfopt__strbuf *out,
                                    perfopt_error *err)
{
    html_minifier h = {.markup = {.text = text, .length = length}, .out = out, .edge = EDGE_BLOCK};
    if (!put_document(&h))
        return perfopt__minify_fail(text, length, h.markup.error_at, h.markup.error, err);
    return h.status == PERFOPT_OK ? PERFOPT_OK : perfopt__error_nomem(err);
}
