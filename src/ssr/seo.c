/*
 * seo.c - what search engines and link previews read in the head of a page.
 */
#include "base/options.h"
#include "ssr/ssr_internal.h"
#include "ssr/unicode.h"

#include <string.h>

enum { MAX_DESCRIPTION = 160 };

/* ---- markup --------------------------------------------------------------------------------- */

static void put_meta(perfopt__strbuf *out, const char *attribute, const char *name,
                     const char *content)
{
    if (!content || !*content)
        return;
    perfopt__strbuf_printf(out, "<meta %s=\"%s\" content=\"", attribute, name);
    perfopt__strbuf_put_html(out, content, strlen(content));
    perfopt__strbuf_puts(out, "\">\n");
}

/* Cut behind a word, with an ellipsis, if it is too long. */
static char *shorten(perfopt_arena *arena, const char *text)
{
    ssr_chars s = {text, strlen(text)};
    if (perfopt__ssr_char_count(s) <= MAX_DESCRIPTION)
        return perfopt_arena_copy(arena, s.text, s.length);
    s.length = perfopt__ssr_char_offset(s, MAX_DESCRIPTION - 1);
    size_t cut = s.length;
    while (cut > 0 && text[cut] != ' ')
        cut--;
    s.length = cut ? cut : s.length;
    s = perfopt__ssr_strip(s, NULL, false, true);
    return perfopt_arena_printf(arena, "%.*s\xE2\x80\xA6", (int)s.length, s.text);
}

static void put_title(perfopt__strbuf *out, const char *title)
{
    if (!title)
        return;
    perfopt__strbuf_puts(out, "<title>");
    perfopt__strbuf_put_html(out, title, strlen(title));
    perfopt__strbuf_puts(out, "</title>\n");
}

static void put_open_graph(perfopt__strbuf *out, const perfopt_seo *seo, const char *description)
{
    bool article = seo->type && strcmp(seo->type, "article") == 0;
    put_meta(out, "property", "og:type", seo->type ? seo->type : "website");
    put_meta(out, "property", "og:title", seo->title);
    put_meta(out, "property", "og:description", description);
    put_meta(out, "property", "og:url", seo->canonical);
    put_meta(out, "property", "og:image", seo->image);
    put_meta(out, "property", "og:site_name", seo->site_name);
    put_meta(out, "property", "og:locale", seo->locale);
    if (article) {
        put_meta(out, "property", "article:published_time", seo->published);
        put_meta(out, "property", "article:modified_time", seo->modified);
        put_meta(out, "property", "article:author", seo->author);
    }
}

static void put_twitter(perfopt__strbuf *out, const perfopt_seo *seo, const char *description)
{
    const char *fallback = seo->image ? "summary_large_image" : "summary";
    put_meta(out, "name", "twitter:card", seo->twitter_card ? seo->twitter_card : fallback);
    put_meta(out, "name", "twitter:title", seo->title);
    put_meta(out, "name", "twitter:description", description);
    put_meta(out, "name", "twitter:image", seo->image);
}

/* ---- JSON-LD -------------------------------------------------------------------------------- */

/* Inside a script element nothing is decoded, so that "<" itself is what has to be avoided. */
static void put_json_text(perfopt__strbuf *out, const char *text)
{
    perfopt__strbuf json = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_put_json(&json, text, strlen(text));
    for (size_t i = 0; i < json.length; i++) {
        if (json.data[i] == '<')
            perfopt__strbuf_puts(out, "\\u003c");
        else if (json.data[i] == '>')
            perfopt__strbuf_puts(out, "\\u003e");
        else if (json.data[i] == '&')
            perfopt__strbuf_puts(out, "\\u0026");
        else
            perfopt__strbuf_putc(out, json.data[i]);
    }
    out->failed |= json.failed;
    perfopt__strbuf_finish(&json);
}

static void put_member(perfopt__strbuf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    perfopt__strbuf_printf(out, ",\"%s\":", name);
    put_json_text(out, value);
}

static void put_named(perfopt__strbuf *out, const char *name, const char *type, const char *value)
{
    if (!value || !*value)
        return;
    perfopt__strbuf_printf(out, ",\"%s\":{\"@type\":\"%s\",\"name\":", name, type);
    put_json_text(out, value);
    perfopt__strbuf_putc(out, '}');
}

static void put_json_ld(perfopt__strbuf *out, const perfopt_seo *seo, const char *description)
{
    bool article = seo->type && strcmp(seo->type, "article") == 0;
    perfopt__strbuf_printf(out,
                           "<script type=\"application/ld+json\">"
                           "{\"@context\":\"https://schema.org\",\"@type\":\"%s\"",
                           article ? "Article" : "WebSite");
    if (article) {
        put_member(out, "headline", seo->title);
        put_member(out, "mainEntityOfPage", seo->canonical);
        put_member(out, "datePublished", seo->published);
        put_member(out, "dateModified", seo->modified);
        put_named(out, "author", "Person", seo->author);
        put_named(out, "publisher", "Organization", seo->site_name);
    } else {
        put_member(out, "name", seo->site_name ? seo->site_name : seo->title);
        put_member(out, "url", seo->canonical);
    }
    put_member(out, "description", description);
    put_member(out, "image", seo->image);
    put_member(out, "inLanguage", seo->locale);
    perfopt__strbuf_puts(out, "}</script>\n");
}

const char *perfopt_ssr_seo(perfopt_ssr *ssr, const perfopt_seo *options, perfopt_arena *arena)
{
    perfopt_seo seo;
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    if (perfopt__options_read(&seo, sizeof(seo), options, "PERFOPT_SEO", NULL) != PERFOPT_OK)
        return NULL;
    char *description = seo.description ? shorten(arena, seo.description) : NULL;
    if (seo.description && !description)
        return NULL;
    put_title(&out, seo.title);
    put_meta(&out, "name", "description", description);
    if (ssr->seo) {
        if (seo.canonical) {
            perfopt__strbuf_puts(&out, "<link rel=\"canonical\" href=\"");
            perfopt__strbuf_put_html(&out, seo.canonical, strlen(seo.canonical));
            perfopt__strbuf_puts(&out, "\">\n");
        }
        put_meta(&out, "name", "robots", seo.robots);
        put_open_graph(&out, &seo, description);
        put_twitter(&out, &seo, description);
        put_json_ld(&out, &seo, description);
    }
    const char *text = out.failed ? NULL : perfopt_arena_copy(arena, out.data, out.length);
    perfopt__strbuf_finish(&out);
    return text;
}

/* ---- {{ seo(title=...) }} ------------------------------------------------------------------- */

static const char **field_of(perfopt_seo *seo, const char *name, size_t length)
{
    const struct {
        const char *name;
        const char **field;
    } fields[] = {
        {"title", &seo->title},         {"description", &seo->description},
        {"canonical", &seo->canonical}, {"robots", &seo->robots},
        {"image", &seo->image},         {"site_name", &seo->site_name},
        {"type", &seo->type},           {"author", &seo->author},
        {"published", &seo->published}, {"modified", &seo->modified},
        {"locale", &seo->locale},       {"twitter_card", &seo->twitter_card},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strlen(fields[i].name) == length && memcmp(fields[i].name, name, length) == 0)
            return fields[i].field;
    }
    return NULL;
}

static bool set_field(perfopt_call *call, const ssr_keyword *keyword, perfopt_seo *seo)
{
    const char **field = field_of(seo, keyword->name, keyword->length);
    if (!field)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "seo() has no argument '%.*s'",
                                 (int)keyword->length, keyword->name);
    if (keyword->value.kind == PERFOPT_NONE || keyword->value.kind == PERFOPT_UNDEFINED)
        return true;
    *field = perfopt_call_text(call, keyword->value, NULL);
    return *field != NULL;
}

bool perfopt__ssr_function_seo(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_seo seo = PERFOPT_SEO_INIT;
    (void)args;
    if (call->count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "seo() takes named arguments only");
    for (size_t i = 0; i < call->keyword_count; i++) {
        if (!set_field(call, &call->keywords[i], &seo))
            return false;
    }
    const char *text = perfopt_ssr_seo(call->rt->ssr, &seo, call->rt->arena);
    if (!text)
        return perfopt__ssr_fail_nomem(call->rt);
    *out = perfopt_safe(text);
    return true;
}
