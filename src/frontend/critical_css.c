/*
 * critical_css.c - the rules of a style sheet that a document can need. The sheet is walked twice:
 * first to learn which words and strings the values of kept rules use, then to write the kept rules
 * and those @font-face, @keyframes, @property and the like whose name was used. What is kept is
 * copied as it stands and minified at the end.
 */
#include "assets/css.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "frontend/critical.h"

#include <perfopt/frontend.h>

#define MAX_DEPTH 64 /* of @media and the like in each other */

typedef struct walker {
    perfopt__css_lexer lexer;
    perfopt__names *names; /* of the document; also collects NAME_USED */
    perfopt__strbuf *out;
    perfopt__strbuf word; /* an identifier without its escapes */
    bool writing;         /* second walk */
    unsigned depth;
} walker;

typedef struct range {
    size_t start, end;
} range;

static bool fail(walker *w, size_t at, const char *what)
{
    w->lexer.error = what;
    w->lexer.error_at = at;
    return false;
}

static bool is_opening(const perfopt__css_token *t)
{
    return t->kind == CSS_FUNCTION ||
           (t->kind == CSS_DELIM && (t->delim == '(' || t->delim == '[' || t->delim == '{'));
}

static bool is_closing(const perfopt__css_token *t)
{
    return t->kind == CSS_DELIM && (t->delim == ')' || t->delim == ']' || t->delim == '}');
}

static bool is_delim(const perfopt__css_token *t, char c)
{
    return t->kind == CSS_DELIM && t->delim == c;
}

/* The next token of the sheet. A backslash that escapes nothing is refused: without the white space
 * behind it, it would escape what follows. */
static bool next_token(walker *w, perfopt__css_token *t)
{
    if (!perfopt__css_next(&w->lexer, t))
        return false;
    return !is_delim(t, '\\') || fail(w, t->start, "backslash that escapes nothing");
}

static void put_range(walker *w, range r)
{
    perfopt__strbuf_append(w->out, w->lexer.text + r.start, r.end - r.start);
}

/* ---- names in selectors ------------------------------------------------------------------- */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* One escape behind its backslash; returns the bytes read. */
static size_t unescape_one(perfopt__strbuf *out, const char *text, size_t length)
{
    if (length == 0)
        return 0;
    if (!is_hex(text[0])) {
        perfopt__strbuf_putc(out, text[0]);
        return 1;
    }
    uint32_t c = 0;
    size_t n = 0;
    for (; n < 6 && n < length && is_hex(text[n]); n++)
        c = c << 4 | (uint32_t)(text[n] <= '9' ? text[n] - '0' : (text[n] | 0x20) - 'a' + 10);
    char utf8[4];
    perfopt__strbuf_append(out, utf8, perfopt__utf8_encode(c, utf8));
    return n + (n < length && perfopt__is_space(text[n]));
}

/* True if the document has the name of a token, which begins `skip` bytes into it. */
static bool has_name(walker *w, perfopt__name_kind kind, const perfopt__css_token *t, size_t skip)
{
    const char *text = w->lexer.text + t->start + skip;
    size_t length = t->end - t->start - skip;
    if (!memchr(text, '\\', length))
        return perfopt__names_have(w->names, kind, text, length);
    perfopt__strbuf_clear(&w->word);
    for (size_t i = 0; i < length;) {
        if (text[i] == '\\')
            i += 1 + unescape_one(&w->word, text + i + 1, length - i - 1);
        else
            perfopt__strbuf_putc(&w->word, text[i++]);
    }
    return w->word.failed || perfopt__names_have(w->names, kind, w->word.data, w->word.length);
}

/* Is the part of a selector that begins with this token something the document can match? `before`
 * is the character in front of it, if that is a delimiter. */
static bool can_match(walker *w, const perfopt__css_token *t, char before)
{
    if (t->kind == CSS_HASH)
        return has_name(w, NAME_ID, t, 1);
    if (t->kind != CSS_IDENT || before == ':')
        return true;
    bool is_namespace = t->end < w->lexer.length && w->lexer.text[t->end] == '|';
    return is_namespace || has_name(w, before == '.' ? NAME_CLASS : NAME_ELEMENT, t, 0);
}

/* Reads the selectors in [start, end) and writes those that can match; false if there are none.
 * Pseudo-classes with what stands in their brackets, and attributes, are taken to match. */
static bool put_selectors(walker *w, range selectors)
{
    perfopt__css_lexer lexer = {w->lexer.text, selectors.end, selectors.start, NULL, 0};
    perfopt__css_token t;
    bool any = false;
    bool matches = true;
    char before = '\0';
    unsigned brackets = 0;
    size_t start = selectors.start;
    do {
        if (!perfopt__css_next(&lexer, &t))
            return any;
        if (t.kind == CSS_END || (brackets == 0 && is_delim(&t, ','))) {
            if (matches && w->writing && any)
                perfopt__strbuf_putc(w->out, ',');
            if (matches && w->writing)
                put_range(w, (range){start, t.start});
            any |= matches;
            matches = true;
            start = t.end;
        } else if (is_opening(&t)) {
            brackets++;
        } else if (is_closing(&t)) {
            brackets -= brackets > 0;
        } else if (brackets == 0) {
            matches = matches && can_match(w, &t, before);
        }
        before = t.kind == CSS_DELIM ? t.delim : '\0';
    } while (t.kind != CSS_END);
    return any;
}

/* ---- words in values ---------------------------------------------------------------------- */

static void collect_words(walker *w, range body)
{
    perfopt__css_lexer lexer = {w->lexer.text, body.end, body.start, NULL, 0};
    perfopt__css_token t;
    while (perfopt__css_next(&lexer, &t) && t.kind != CSS_END) {
        size_t quote = t.kind == CSS_STRING;
        if (t.kind == CSS_IDENT || quote)
            perfopt__names_add(w->names, NAME_USED, w->lexer.text + t.start + quote,
                               t.end - t.start - 2 * quote);
    }
}

/* True if a name was used, as one string or as its words. */
static bool is_used(walker *w, const char *text, size_t length)
{
    if (perfopt__names_have(w->names, NAME_USED, text, length))
        return true;
    size_t start = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && !perfopt__is_space(text[i]))
            continue;
        if (i > start && !perfopt__names_have(w->names, NAME_USED, text + start, i - start))
            return false;
        start = i + 1;
    }
    return length > 0;
}

/* The name in a range of tokens: one string, or everything between the first and last word. */
static bool is_name_used(walker *w, range name)
{
    while (name.start < name.end && perfopt__is_space(w->lexer.text[name.start]))
        name.start++;
    while (name.end > name.start && perfopt__is_space(w->lexer.text[name.end - 1]))
        name.end--;
    const char *text = w->lexer.text + name.start;
    size_t length = name.end - name.start;
    if (length >= 2 && (text[0] == '"' || text[0] == '\''))
        return is_used(w, text + 1, length - 2);
    return is_used(w, text, length);
}

/* Finds "font-family: value" in the body of @font-face. */
static bool is_font_used(walker *w, range body)
{
    perfopt__css_lexer lexer = {w->lexer.text, body.end, body.start, NULL, 0};
    perfopt__css_token t;
    bool found = false;
    range value = {0, 0};
    while (perfopt__css_next(&lexer, &t)) {
        if (found && (t.kind == CSS_END || is_delim(&t, ';')))
            return value.start > 0 && is_name_used(w, (range){value.start, t.start});
        if (t.kind == CSS_END)
            break;
        if (t.kind == CSS_IDENT && !found)
            found = perfopt__equals_nocase(w->lexer.text + t.start, t.end - t.start, "font-family");
        else if (found && value.start == 0 && is_delim(&t, ':'))
            value.start = t.end;
    }
    return false;
}

/* ---- rules -------------------------------------------------------------------------------- */

static bool walk_rules(walker *w, bool nested);

/* Moves behind the "}" that ends a block; *body gets what is inside. */
static bool read_block(walker *w, range *body)
{
    body->start = w->lexer.at;
    unsigned brackets = 1;
    perfopt__css_token t;
    while (brackets > 0) {
        if (!next_token(w, &t))
            return false;
        if (t.kind == CSS_END)
            return fail(w, body->start, "block without end");
        if (is_opening(&t))
            brackets++;
        else if (is_closing(&t))
            brackets--;
    }
    body->end = t.start;
    return true;
}

/* Reads up to the ";" or "{" that ends a prelude; *end_char is that or '\0' at the end. A "}" of
 * the block around is left to be read again. */
static bool read_prelude(walker *w, range *prelude, char *end_char)
{
    unsigned brackets = 0;
    perfopt__css_token t;
    for (;;) {
        if (!next_token(w, &t))
            return false;
        bool ends = brackets == 0 && t.kind == CSS_DELIM && strchr(";{}", t.delim);
        if (t.kind == CSS_END || ends)
            break;
        if (is_opening(&t))
            brackets++;
        else if (is_closing(&t) && brackets > 0)
            brackets--;
    }
    prelude->end = t.start;
    *end_char = t.kind == CSS_END ? '\0' : t.delim;
    if (*end_char == '}')
        w->lexer.at = t.start;
    return true;
}

static bool is_named(const walker *w, range name, const char *const *list)
{
    for (; *list; list++) {
        if (perfopt__equals_nocase(w->lexer.text + name.start, name.end - name.start, *list))
            return true;
    }
    return false;
}

static const char *const group_rules[] = {"@media", "@supports",       "@layer", "@container",
                                          "@scope", "@starting-style", NULL};
static const char *const named_rules[] = {
    "@keyframes", "@-webkit-keyframes", "@-moz-keyframes",      "@-o-keyframes",
    "@property",  "@counter-style",     "@font-palette-values", NULL};
static const char *const kept_statements[] = {"@layer", "@namespace", NULL};
static const char *const layer_rule[] = {"@layer", NULL};
static const char *const font_rule[] = {"@font-face", NULL};

static void put_rule(walker *w, range head, range body)
{
    put_range(w, head);
    perfopt__strbuf_putc(w->out, '{');
    put_range(w, body);
    perfopt__strbuf_putc(w->out, '}');
}

static bool is_named_layer(const walker *w, range name, range head)
{
    size_t at = name.end;
    while (at < head.end && perfopt__is_space(w->lexer.text[at]))
        at++;
    return at < head.end && is_named(w, name, layer_rule);
}

/* Writes the group only if a rule in it was written; but a named layer keeps its place in the order
 * of layers. */
static bool walk_group(walker *w, range name, range head)
{
    if (w->depth >= MAX_DEPTH)
        return fail(w, head.start, "nested too deeply");
    size_t before = w->out->length;
    if (w->writing) {
        put_range(w, head);
        perfopt__strbuf_putc(w->out, '{');
    }
    size_t inside = w->out->length;
    w->depth++;
    bool good = walk_rules(w, true);
    w->depth--;
    if (!good || !w->writing)
        return good;
    if (w->out->length > inside)
        perfopt__strbuf_putc(w->out, '}');
    else if (is_named_layer(w, name, head) && !w->out->failed)
        w->out->data[w->out->length - 1] = ';';
    else
        w->out->length = before;
    return true;
}

static bool walk_at_rule(walker *w, const perfopt__css_token *at)
{
    range name = {at->start, at->end};
    range head = {at->start, at->end};
    range body;
    char end_char;
    if (!read_prelude(w, &head, &end_char))
        return false;
    if (end_char != '{') {
        if (w->writing && is_named(w, name, kept_statements)) {
            put_range(w, head);
            perfopt__strbuf_putc(w->out, ';');
        }
        return true;
    }
    if (is_named(w, name, group_rules))
        return walk_group(w, name, head);
    if (!read_block(w, &body))
        return false;
    bool kept = is_named(w, name, font_rule)     ? is_font_used(w, body)
                : is_named(w, name, named_rules) ? is_name_used(w, (range){name.end, head.end})
                                                 : false;
    if (w->writing && kept)
        put_rule(w, head, body);
    return true;
}

static bool walk_style_rule(walker *w, size_t start)
{
    range selectors = {start, start};
    range body;
    char end_char;
    w->lexer.at = start;
    if (!read_prelude(w, &selectors, &end_char))
        return false;
    if (end_char != '{')
        return true; /* something without a block: no rule */
    if (!read_block(w, &body))
        return false;
    if (!put_selectors(w, selectors))
        return true;
    if (w->writing)
        put_rule(w, (range){selectors.end, selectors.end}, body);
    else
        collect_words(w, body);
    return true;
}

static bool walk_rules(walker *w, bool nested)
{
    perfopt__css_token t;
    for (;;) {
        if (!next_token(w, &t))
            return false;
        if (t.kind == CSS_END)
            return !nested || fail(w, t.start, "block without end");
        if (is_delim(&t, '}'))
            return nested || fail(w, t.start, "bracket without partner");
        bool skipped = t.kind == CSS_SPACE || t.kind == CSS_COMMENT || t.kind == CSS_MARKER ||
                       is_delim(&t, ';');
        if (skipped)
            continue;
        if (t.kind == CSS_AT ? !walk_at_rule(w, &t) : !walk_style_rule(w, t.start))
            return false;
    }
}

/* ---- both walks --------------------------------------------------------------------------- */

static perfopt_status walk(walker *w, size_t length, bool writing, perfopt_error *err)
{
    const char *text = w->lexer.text;
    bool has_mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
    w->lexer = (perfopt__css_lexer){text, length, has_mark ? 3 : 0, NULL, 0};
    w->writing = writing;
    if (!walk_rules(w, false))
        return perfopt__minify_fail(text, length, w->lexer.error_at, w->lexer.error, err);
    if (w->names->failed || w->word.failed || w->out->failed)
        return perfopt__error_nomem(err);
    return PERFOPT_OK;
}

perfopt_status perfopt_critical_css(const char *html, size_t html_length, const char *css,
                                    size_t css_length, perfopt_bytes **out, perfopt_error *err)
{
    perfopt__names names = PERFOPT__NAMES_INIT;
    perfopt__strbuf kept = PERFOPT__STRBUF_INIT;
    walker w = {.lexer = {.text = css}, .names = &names, .out = &kept};
    perfopt_status status = perfopt__names_read_html(&names, html, html_length, err);
    if (status == PERFOPT_OK)
        status = walk(&w, css_length, false, err);
    if (status == PERFOPT_OK)
        status = walk(&w, css_length, true, err);
    if (status == PERFOPT_OK)
        status =
            perfopt_minify(PERFOPT_ASSET_CSS, kept.data ? kept.data : "", kept.length, out, err);
    perfopt__strbuf_finish(&kept);
    perfopt__strbuf_finish(&w.word);
    perfopt__names_finish(&names);
    return status;
}
