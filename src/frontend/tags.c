/*
 * tags.c - markup and headers that name assets: stylesheets, scripts, preload.
 */
#include "frontend/tags.h"

#include "frontend/frontend_internal.h"

void perfopt__put_attribute(perfopt__strbuf *out, const char *name, const char *value)
{
    perfopt__strbuf_putc(out, ' ');
    perfopt__strbuf_puts(out, name);
    perfopt__strbuf_puts(out, "=\"");
    perfopt__strbuf_put_html(out, value, strlen(value));
    perfopt__strbuf_putc(out, '"');
}

static bool has_extension(const char *name, const char *extension)
{
    size_t length = strlen(name);
    size_t end = strlen(extension);
    return length > end && strcmp(name + length - end, extension) == 0;
}

static bool is_other_origin(const char *url)
{
    return strncmp(url, "//", 2) == 0 || strstr(url, "://") != NULL;
}

/* Integrity of an asset that comes from another origin is checked only with CORS. */
static void put_integrity(perfopt__strbuf *out, perfopt_frontend *frontend, const char *name,
                          const char *url)
{
    char integrity[64];
    if (perfopt_asset_integrity(frontend->assets, name, integrity) != PERFOPT_OK)
        return;
    perfopt__put_attribute(out, "integrity", integrity);
    if (is_other_origin(url))
        perfopt__strbuf_puts(out, " crossorigin=\"anonymous\"");
}

const char *perfopt_stylesheet_tag(perfopt_frontend *frontend, const char *name,
                                   perfopt_arena *arena)
{
    const char *url = perfopt_asset_url(frontend->assets, name, arena);
    if (!url)
        return NULL;
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_puts(&out, "<link rel=\"stylesheet\"");
    perfopt__put_attribute(&out, "href", url);
    put_integrity(&out, frontend, name, url);
    perfopt__strbuf_putc(&out, '>');
    return perfopt__strbuf_to_arena(&out, arena);
}

const char *perfopt_script_tag(perfopt_frontend *frontend, const char *name, perfopt_arena *arena)
{
    const char *url = perfopt_asset_url(frontend->assets, name, arena);
    if (!url)
        return NULL;
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    /* Modules are deferred by themselves. */
    perfopt__strbuf_puts(&out,
                         has_extension(name, ".mjs") ? "<script type=\"module\"" : "<script defer");
    perfopt__put_attribute(&out, "src", url);
    put_integrity(&out, frontend, name, url);
    perfopt__strbuf_puts(&out, "></script>");
    return perfopt__strbuf_to_arena(&out, arena);
}

/* Parameters by extension; fonts are always fetched with CORS. */
static const char *preload_parameters(const char *name)
{
    static const char *const table[][2] = {
        {".css", "rel=preload; as=style"},
        {".js", "rel=preload; as=script"},
        {".mjs", "rel=modulepreload"},
        {".woff2", "rel=preload; as=font; type=\"font/woff2\"; crossorigin"},
        {".woff", "rel=preload; as=font; type=\"font/woff\"; crossorigin"},
        {".jpg", "rel=preload; as=image"},
        {".jpeg", "rel=preload; as=image"},
        {".png", "rel=preload; as=image"},
        {".webp", "rel=preload; as=image"},
        {".avif", "rel=preload; as=image"},
        {".gif", "rel=preload; as=image"},
        {".svg", "rel=preload; as=image"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (has_extension(name, table[i][0]))
            return table[i][1];
    }
    return "rel=preload; as=fetch; crossorigin";
}

/* What would end the <...> of a Link header or the header itself is percent-encoded. */
static void put_link_url(perfopt__strbuf *out, const char *url)
{
    for (const char *p = url; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= ' ' || c >= 0x7F || c == '<' || c == '>' || c == '"')
            perfopt__strbuf_printf(out, "%%%02X", c);
        else
            perfopt__strbuf_putc(out, *p);
    }
}

const char *perfopt_preload_header(perfopt_frontend *frontend, const char *name,
                                   perfopt_arena *arena)
{
    const char *url = perfopt_asset_url(frontend->assets, name, arena);
    if (!url)
        return NULL;
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    perfopt__strbuf_putc(&out, '<');
    put_link_url(&out, url);
    perfopt__strbuf_puts(&out, ">; ");
    perfopt__strbuf_puts(&out, preload_parameters(name));
    return perfopt__strbuf_to_arena(&out, arena);
}
