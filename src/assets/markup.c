/*
 * markup.c - HTML and XML tokens: where tags, comments, declarations and text begin and end (HTML
 * standard, 13.2.5; XML 1.0). Character references are not decoded.
 */
#include "assets/markup.h"

static bool fail(perfopt__markup *m, size_t at, const char *what)
{
    m->error = what;
    m->error_at = at;
    return false;
}

static char peek(const perfopt__markup *m, size_t at)
{
    return at < m->length ? m->text[at] : '\0';
}

static bool starts_with(const perfopt__markup *m, size_t at, const char *text)
{
    size_t n = strlen(text);
    return at <= m->length && m->length - at >= n && memcmp(m->text + at, text, n) == 0;
}

static bool is_name_start(const perfopt__markup *m, char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (m->xml && (c == '_' || c == ':' || (unsigned char)c >= 0x80));
}

/* Ends the token behind the next `mark`, or fails. */
static bool end_behind(perfopt__markup *m, perfopt__markup_token *t, size_t from, const char *mark,
                       const char *what)
{
    size_t n = strlen(mark);
    const char *found =
        from <= m->length ? memmem(m->text + from, m->length - from, mark, n) : NULL;
    if (!found)
        return fail(m, t->start, what);
    t->end = (size_t)(found - m->text) + n;
    return true;
}

static size_t skip_space(const perfopt__markup *m, size_t at)
{
    while (at < m->length && perfopt__is_space(m->text[at]))
        at++;
    return at;
}

/* ---- attributes --------------------------------------------------------------------------- */

/* Scans one attribute; SIZE_MAX if it has no end, or in XML no quotes. */
static size_t attribute_end(const perfopt__markup *m, size_t at, perfopt__markup_attribute *a)
{
    a->name_start = at++;
    while (at < m->length && !perfopt__is_space(m->text[at]) && !strchr("/>=", m->text[at]))
        at++;
    a->name_end = a->value_start = a->value_end = at;
    size_t equals = skip_space(m, at);
    if (peek(m, equals) != '=')
        return at;
    at = skip_space(m, equals + 1);
    char quote = peek(m, at);
    a->value_start = at;
    if (quote == '"' || quote == '\'') {
        const char *end = memchr(m->text + at + 1, quote, m->length - at - 1);
        if (!end)
            return SIZE_MAX;
        at = (size_t)(end - m->text) + 1;
    } else if (m->xml) {
        return SIZE_MAX;
    } else {
        while (at < m->length && !perfopt__is_space(m->text[at]) && m->text[at] != '>')
            at++;
    }
    a->value_end = at;
    return at;
}

static size_t skip_between(const perfopt__markup *m, size_t at)
{
    while (at < m->length && (perfopt__is_space(m->text[at]) || m->text[at] == '/'))
        at++;
    return at;
}

bool perfopt__markup_next_attribute(const perfopt__markup *m, const perfopt__markup_token *tag,
                                    size_t *at, perfopt__markup_attribute *a)
{
    size_t from = skip_between(m, *at);
    if (from >= tag->end - 1)
        return false;
    *at = attribute_end(m, from, a);
    return true;
}

bool perfopt__markup_attribute_value(const perfopt__markup *m, const perfopt__markup_token *tag,
                                     const char *name, char *value, size_t size)
{
    size_t at = tag->attributes;
    perfopt__markup_attribute a;
    while (perfopt__markup_next_attribute(m, tag, &at, &a)) {
        if (!perfopt__equals_nocase(m->text + a.name_start, a.name_end - a.name_start, name))
            continue;
        size_t start = a.value_start;
        size_t end = a.value_end;
        if (end > start && (m->text[start] == '"' || m->text[start] == '\'')) {
            start++;
            end--;
        }
        size_t n = end - start < size - 1 ? end - start : size - 1;
        memcpy(value, m->text + start, n);
        value[n] = '\0';
        return true;
    }
    return false;
}

/* ---- tokens ------------------------------------------------------------------------------- */

static bool scan_tag(perfopt__markup *m, perfopt__markup_token *t)
{
    size_t at = t->name_start;
    while (at < m->length && !perfopt__is_space(m->text[at]) && !strchr("/>", m->text[at]))
        at++;
    t->name_length = at - t->name_start;
    t->attributes = at;
    for (;;) {
        size_t from = at;
        at = skip_between(m, at);
        /* The "/" of <a href=x/> belongs to the value and is not skipped here. */
        t->self_closing = at > from && m->text[at - 1] == '/';
        if (at >= m->length)
            return fail(m, t->start, "tag without end");
        if (m->text[at] == '>')
            break;
        perfopt__markup_attribute a;
        at = attribute_end(m, at, &a);
        if (at == SIZE_MAX)
            return fail(m, a.value_start, m->xml ? "malformed attribute" : "attribute without end");
    }
    t->end = at + 1;
    return true;
}

/* <!-- ... -->; in HTML "--!>" ends one too, and "<!-->" is one already. */
static bool scan_comment(perfopt__markup *m, perfopt__markup_token *t)
{
    t->kind = MARKUP_COMMENT;
    size_t body = t->start + 4;
    if (!m->xml && peek(m, body) == '>') {
        t->end = body + 1;
        return true;
    }
    if (!m->xml && starts_with(m, body, "->")) {
        t->end = body + 2;
        return true;
    }
    for (size_t at = body; at + 2 < m->length; at++) {
        if (m->text[at] != '-' || m->text[at + 1] != '-')
            continue;
        if (m->text[at + 2] != '>' && (m->xml || !starts_with(m, at, "--!>")))
            continue;
        t->end = at + (m->text[at + 2] == '>' ? 3 : 4);
        return true;
    }
    return fail(m, t->start, "comment without end");
}

/* <!DOCTYPE x [ ... ]>: in XML a ">" in brackets or quotes does not end it. */
static bool scan_doctype(perfopt__markup *m, perfopt__markup_token *t)
{
    size_t depth = 0;
    for (size_t at = t->start + 2; at < m->length; at++) {
        char c = m->text[at];
        if (c == '"' || c == '\'') {
            const char *end = memchr(m->text + at + 1, c, m->length - at - 1);
            if (!end)
                break;
            at = (size_t)(end - m->text);
        } else if (c == '[') {
            depth++;
        } else if (c == ']' && depth > 0) {
            depth--;
        } else if (c == '>' && depth == 0) {
            t->end = at + 1;
            return true;
        }
    }
    return fail(m, t->start, "declaration without end");
}

static bool scan_declaration(perfopt__markup *m, perfopt__markup_token *t)
{
    if (starts_with(m, t->start, "<!--"))
        return scan_comment(m, t);
    if ((m->xml || m->cdata) && starts_with(m, t->start, "<![CDATA[")) {
        t->kind = MARKUP_CDATA;
        return end_behind(m, t, t->start + 9, "]]>", "CDATA section without end");
    }
    t->kind = MARKUP_DECLARATION;
    if (m->xml && starts_with(m, t->start, "<!"))
        return scan_doctype(m, t);
    return end_behind(m, t, t->start + 2, m->xml ? "?>" : ">", "declaration without end");
}

/* What begins with "<" here, if it is no text. */
static perfopt__markup_kind kind_at(const perfopt__markup *m, size_t at)
{
    char next = peek(m, at + 1);
    if (is_name_start(m, next))
        return MARKUP_OPEN;
    if (next == '/' && is_name_start(m, peek(m, at + 2)))
        return MARKUP_CLOSE;
    if (next == '!' || next == '?' || (next == '/' && at + 2 < m->length))
        return MARKUP_DECLARATION;
    return MARKUP_TEXT;
}

static size_t text_end(const perfopt__markup *m, size_t at)
{
    while (at < m->length) {
        const char *next = memchr(m->text + at, '<', m->length - at);
        if (!next)
            return m->length;
        at = (size_t)(next - m->text);
        if (m->xml || kind_at(m, at) != MARKUP_TEXT)
            return at;
        at++;
    }
    return m->length;
}

static bool scan_token(perfopt__markup *m, perfopt__markup_token *t)
{
    t->kind = m->text[m->at] == '<' ? kind_at(m, m->at) : MARKUP_TEXT;
    switch (t->kind) {
    case MARKUP_OPEN:
        t->name_start = m->at + 1;
        return scan_tag(m, t);
    case MARKUP_CLOSE:
        t->name_start = m->at + 2;
        return scan_tag(m, t);
    case MARKUP_DECLARATION:
        return scan_declaration(m, t);
    default:
        if (m->xml && m->text[m->at] == '<')
            return fail(m, m->at, "\"<\" in text");
        t->end = text_end(m, m->at);
        return true;
    }
}

bool perfopt__markup_next(perfopt__markup *m, perfopt__markup_token *t)
{
    *t = (perfopt__markup_token){.kind = MARKUP_END, .start = m->at, .end = m->at};
    if (m->at >= m->length)
        return true;
    if (!scan_token(m, t))
        return false;
    m->at = t->end;
    return true;
}

/* ---- writing ------------------------------------------------------------------------------ */

bool perfopt__markup_is(const perfopt__markup *m, const perfopt__markup_token *tag,
                        const char *name)
{
    const char *own = m->text + tag->name_start;
    return m->xml ? strlen(name) == tag->name_length && memcmp(own, name, tag->name_length) == 0
                  : perfopt__equals_nocase(own, tag->name_length, name);
}

void perfopt__markup_put_tag(perfopt__strbuf *out, const perfopt__markup *m,
                             const perfopt__markup_token *tag)
{
    perfopt__strbuf_puts(out, tag->kind == MARKUP_CLOSE ? "</" : "<");
    perfopt__strbuf_append(out, m->text + tag->name_start, tag->name_length);
    size_t at = tag->attributes;
    bool unquoted = false;
    perfopt__markup_attribute a;
    while (tag->kind == MARKUP_OPEN && perfopt__markup_next_attribute(m, tag, &at, &a)) {
        /* A name may begin with "=", which behind a space would be the last name's value. */
        perfopt__strbuf_puts(out, m->text[a.name_start] == '=' ? " /" : " ");
        perfopt__strbuf_append(out, m->text + a.name_start, a.name_end - a.name_start);
        unquoted = false;
        if (a.value_start == a.name_end)
            continue;
        perfopt__strbuf_putc(out, '=');
        perfopt__strbuf_append(out, m->text + a.value_start, a.value_end - a.value_start);
        char first = m->text[a.value_start];
        unquoted = first != '"' && first != '\'';
    }
    if (tag->self_closing && tag->kind == MARKUP_OPEN)
        perfopt__strbuf_puts(out, unquoted ? " /" : "/");
    perfopt__strbuf_putc(out, '>');
}

static bool begins(const char *body, size_t length, const char *text)
{
    size_t n = strlen(text);
    return length >= n && memcmp(body, text, n) == 0;
}

bool perfopt__markup_keeps_comment(const perfopt__markup *m, const perfopt__markup_token *comment)
{
    size_t length = comment->end - comment->start;
    if (length < 7)
        return true;
    const char *body = m->text + comment->start + 4;
    length -= 7;
    if (perfopt__comment_is_kept(body, length))
        return true;
    /* Conditional comments, server-side includes, and the marks that frameworks find their places
     * by: "[" "]" "$" "/$" and an empty comment between two texts. */
    if (length > 0 && strchr("[]$#/?", body[0]) && body[0] != '\0')
        return true;
    while (length > 0 && perfopt__is_space(body[0])) {
        body++;
        length--;
    }
    return length == 0 || begins(body, length, "ko ") || begins(body, length, "/ko") ||
           begins(body, length, "esi");
}
