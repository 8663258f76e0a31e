/*
 * critical_names.c - the set of names that an HTML document uses.
 */
#include "assets/markup.h"
#include "base/error.h"
#include "base/memory.h"
#include "frontend/critical.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Key in the map: the kind's character and the name. Names longer than `key` count as absent in
 * documents and as present in style sheets, so that nothing is lost. */
typedef struct name_key {
    char text[256];
    size_t length;
} name_key;

static bool make_key(perfopt__name_kind kind, const char *text, size_t length, name_key *key)
{
    if (length >= sizeof(key->text))
        return false;
    bool folded = kind == NAME_ELEMENT || kind == NAME_USED;
    key->text[0] = (char)kind;
    for (size_t i = 0; i < length; i++)
        key->text[i + 1] = folded ? lower(text[i]) : text[i];
    key->length = length + 1;
    return true;
}

void perfopt__names_add(perfopt__names *names, perfopt__name_kind kind, const char *text,
                        size_t length)
{
    name_key key;
    if (length == 0 || !make_key(kind, text, length, &key) ||
        perfopt__map_get(&names->map, key.text, key.length))
        return;
    if (perfopt__map_put(&names->map, key.text, key.length, names, NULL) != PERFOPT_OK)
        names->failed = true;
}

bool perfopt__names_have(perfopt__names *names, perfopt__name_kind kind, const char *text,
                         size_t length)
{
    name_key key;
    return !make_key(kind, text, length, &key) ||
           perfopt__map_get(&names->map, key.text, key.length) != NULL;
}

void perfopt__names_finish(perfopt__names *names)
{
    perfopt__map_finish(&names->map, NULL);
}

/* ---- HTML --------------------------------------------------------------------------------- */

/* The character references that occur in class names ("[&amp;>p]:mt-4"); others stay as they are.
 */
static size_t decode_reference(const char *text, size_t length, char *out)
{
    static const struct {
        const char *reference;
        char c;
    } table[] = {{"&amp;", '&'}, {"&lt;", '<'},   {"&gt;", '>'},   {"&quot;", '"'},
                 {"&#34;", '"'}, {"&#39;", '\''}, {"&#x27;", '\''}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        size_t n = strlen(table[i].reference);
        if (length >= n && memcmp(text, table[i].reference, n) == 0) {
            *out = table[i].c;
            return n;
        }
    }
    *out = *text;
    return 1;
}

static void add_decoded(perfopt__names *names, perfopt__name_kind kind, const char *text,
                        size_t length)
{
    char name[256];
    size_t used = 0;
    for (size_t i = 0; i < length && used < sizeof(name);)
        i += decode_reference(text + i, length - i, &name[used++]);
    perfopt__names_add(names, kind, name, used);
}

static void add_classes(perfopt__names *names, const char *text, size_t length)
{
    size_t start = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && !perfopt__is_space(text[i]))
            continue;
        add_decoded(names, NAME_CLASS, text + start, i - start);
        start = i + 1;
    }
}

static void read_tag(perfopt__names *names, const perfopt__markup *markup,
                     const perfopt__markup_token *tag)
{
    perfopt__names_add(names, NAME_ELEMENT, markup->text + tag->name_start, tag->name_length);
    size_t at = tag->attributes;
    perfopt__markup_attribute a;
    while (perfopt__markup_next_attribute(markup, tag, &at, &a)) {
        const char *name = markup->text + a.name_start;
        size_t name_length = a.name_end - a.name_start;
        const char *value = markup->text + a.value_start;
        size_t length = a.value_end - a.value_start;
        if (length >= 2 && (value[0] == '"' || value[0] == '\'')) {
            value++;
            length -= 2;
        }
        if (perfopt__equals_nocase(name, name_length, "class"))
            add_classes(names, value, length);
        else if (perfopt__equals_nocase(name, name_length, "id"))
            add_decoded(names, NAME_ID, value, length);
    }
}

/* Moves behind the text of an element whose content is no markup. */
static void skip_raw_text(perfopt__markup *markup, const perfopt__markup_token *tag)
{
    static const char *const raw[][2] = {{"script", "</script"},
                                         {"style", "</style"},
                                         {"textarea", "</textarea"},
                                         {"title", "</title"}};
    for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
        if (!perfopt__markup_is(markup, tag, raw[i][0]))
            continue;
        const char *end =
            perfopt__find_nocase(markup->text + markup->at, markup->length - markup->at, raw[i][1]);
        markup->at = end ? (size_t)(end - markup->text) : markup->length;
    }
}

perfopt_status perfopt__names_read_html(perfopt__names *names, const char *html, size_t length,
                                        perfopt_error *err)
{
    /* A parser adds these when the text leaves them out. */
    static const char *const implied[] = {"html", "head", "body", "tbody", "colgroup"};
    for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++)
        perfopt__names_add(names, NAME_ELEMENT, implied[i], strlen(implied[i]));
    perfopt__markup markup = {.text = html, .length = length};
    perfopt__markup_token token;
    do {
        if (!perfopt__markup_next(&markup, &token))
            return perfopt__minify_fail(html, length, markup.error_at, markup.error, err);
        if (token.kind != MARKUP_OPEN)
            continue;
        read_tag(names, &markup, &token);
        skip_raw_text(&markup, &token);
    } while (token.kind != MARKUP_END && !names->failed);
    return names->failed ? perfopt__error_nomem(err) : PERFOPT_OK;
}
