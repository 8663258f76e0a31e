/*
 * picture.c - image markup: srcset, lazy and progressive images. The browser picks from files that
 * exist or are made on its first request, so a page never waits for an encoder.
 *
 * A progressive image needs neither JavaScript nor style attributes: the preview is an <img> of its
 * own behind the picture, and perfopt_progressive_css() puts them on top of each other.
 *
 *     <span class="perfopt-progressive">
 *       <img class="perfopt-preview" src="data:..." alt="" aria-hidden="true">
 *       <picture>...</picture>
 *     </span>
 */
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "frontend/frontend_internal.h"
#include "frontend/tags.h"

/* ---- pieces ------------------------------------------------------------------------------- */

/*
 * What all variants of an image begin with: the prefix and the percent-encoded name, so that no
 * space or comma can break a srcset. `html`: ready for an attribute. Encoded once per tag, since a
 * picture names it a dozen times.
 */
static void put_url_base(perfopt__strbuf *out, const perfopt_frontend *frontend, const char *name,
                         bool html)
{
    if (html)
        perfopt__strbuf_put_html(out, frontend->prefix, strlen(frontend->prefix));
    else
        perfopt__strbuf_puts(out, frontend->prefix);
    for (const char *part = name; *part;) {
        size_t length = strcspn(part, "/");
        perfopt__strbuf_put_url(out, part, length);
        part += length;
        for (; *part == '/'; part++)
            perfopt__strbuf_putc(out, '/');
    }
}

/* The rest of a variant's name needs no encoding: digits, letters, '-' and '.'. */
static void put_variant_url(perfopt__strbuf *out, const perfopt__strbuf *base,
                            const perfopt__variant *variant)
{
    perfopt__strbuf_append(out, base->data, base->length);
    perfopt__variant_put_suffix(out, variant);
}

static void put_srcset(perfopt__strbuf *out, const perfopt__strbuf *base,
                       const perfopt__image_source *source, bool webp)
{
    for (uint32_t i = 0; i < source->width_count; i++) {
        perfopt__variant variant = perfopt__variant_at(source, i, webp);
        if (i)
            perfopt__strbuf_append(out, ", ", 2);
        put_variant_url(out, base, &variant);
        perfopt__strbuf_putc(out, ' ');
        perfopt__strbuf_put_uint(out, variant.width);
        perfopt__strbuf_putc(out, 'w');
    }
}

static void put_srcset_attribute(perfopt__strbuf *out, const perfopt__strbuf *base,
                                 const perfopt__image_source *source, bool webp)
{
    perfopt__strbuf_puts(out, " srcset=\"");
    put_srcset(out, base, source, webp);
    perfopt__strbuf_putc(out, '"');
}

static const char *without_slash(const char *name)
{
    return *name == '/' ? name + 1 : name;
}

/* True if the source could be read; a fault is logged once. */
static bool find_source(perfopt_frontend *frontend, const char *name, perfopt__image_source *source)
{
    perfopt_error error = PERFOPT_ERROR_INIT;
    if (perfopt__image_source_get(frontend, name, source, &error) == PERFOPT_OK)
        return true;
    perfopt__frontend_warn_once(frontend, name, &error);
    return false;
}

static void put_size(perfopt__strbuf *out, const perfopt__image_source *source,
                     const perfopt_image_options *options)
{
    uint64_t width = options->width;
    uint64_t height = options->height;
    if (source && width == 0)
        width =
            height ? (height * source->width + source->height / 2) / source->height : source->width;
    if (source && height == 0)
        height = (width * source->height + source->width / 2) / source->width;
    if (width)
        perfopt__strbuf_printf(out, " width=\"%llu\"", (unsigned long long)width);
    if (height)
        perfopt__strbuf_printf(out, " height=\"%llu\"", (unsigned long long)height);
}

static void put_common(perfopt__strbuf *out, const perfopt__image_source *source,
                       const perfopt_image_options *options)
{
    put_size(out, source, options);
    perfopt__put_attribute(out, "alt", options->alt ? options->alt : "");
    if (options->css_class)
        perfopt__put_attribute(out, "class", options->css_class);
    perfopt__strbuf_puts(out, options->eager == PERFOPT_ON
                                  ? " loading=\"eager\" fetchpriority=\"high\""
                                  : " loading=\"lazy\"");
    perfopt__strbuf_puts(out, " decoding=\"async\">");
}

/* ---- whole tags --------------------------------------------------------------------------- */

/* An image without variants: its asset URL, with the size if it is known. */
static void put_plain(perfopt__strbuf *out, perfopt_frontend *frontend, const char *name,
                      const perfopt__image_source *source, const perfopt_image_options *options,
                      perfopt_arena *arena)
{
    const char *url = perfopt_asset_url(frontend->assets, name, arena);
    if (!url) {
        out->failed = true;
        return;
    }
    perfopt__strbuf_puts(out, "<img");
    perfopt__put_attribute(out, "src", url);
    put_common(out, source, options);
}

static void put_picture(perfopt__strbuf *out, const perfopt_frontend *frontend, const char *name,
                        const perfopt__image_source *source, const perfopt_image_options *options)
{
    const char *sizes = options->sizes ? options->sizes : "100vw";
    perfopt__strbuf base = PERFOPT__STRBUF_INIT;
    put_url_base(&base, frontend, name, true);
    perfopt__strbuf_puts(out, "<picture>");
    if (perfopt__image_source_has_webp(source)) {
        perfopt__strbuf_puts(out, "<source type=\"image/webp\"");
        put_srcset_attribute(out, &base, source, true);
        perfopt__put_attribute(out, "sizes", sizes);
        perfopt__strbuf_putc(out, '>');
    }
    perfopt__variant largest = perfopt__variant_at(source, source->width_count - 1, false);
    perfopt__strbuf_puts(out, "<img src=\"");
    put_variant_url(out, &base, &largest);
    perfopt__strbuf_putc(out, '"');
    put_srcset_attribute(out, &base, source, false);
    perfopt__put_attribute(out, "sizes", sizes);
    put_common(out, source, options);
    perfopt__strbuf_puts(out, "</picture>");
    out->failed |= base.failed;
    perfopt__strbuf_finish(&base);
}

static void put_image(perfopt__strbuf *out, perfopt_frontend *frontend, const char *name,
                      const perfopt__image_source *source, const perfopt_image_options *options,
                      perfopt_arena *arena)
{
    if (source && source->width_count > 0)
        put_picture(out, frontend, name, source, options);
    else
        put_plain(out, frontend, name, source, options, arena);
}

static void read_options(const perfopt_image_options *options, perfopt_image_options *own)
{
    perfopt_error error = PERFOPT_ERROR_INIT;
    if (perfopt__options_read(own, sizeof(*own), options, "PERFOPT_IMAGE_OPTIONS", &error) !=
        PERFOPT_OK) {
        perfopt__log(PERFOPT_LOG_ERROR, "frontend", "%s", error.message);
        *own = (perfopt_image_options)PERFOPT_IMAGE_OPTIONS_INIT;
    }
}

/* ---- public ------------------------------------------------------------------------------- */

const char *perfopt_image_srcset(perfopt_frontend *frontend, const char *name,
                                 const char *media_type, perfopt_arena *arena)
{
    perfopt__image_source source;
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    perfopt__strbuf base = PERFOPT__STRBUF_INIT;
    name = without_slash(name);
    if (find_source(frontend, name, &source)) {
        put_url_base(&base, frontend, name, false);
        const char *own = perfopt__image_media_type(source.header.format);
        if (!media_type || strcmp(media_type, own) == 0)
            put_srcset(&out, &base, &source, false);
        else if (strcmp(media_type, "image/webp") == 0 && perfopt__image_source_has_webp(&source))
            put_srcset(&out, &base, &source, true);
    }
    out.failed |= base.failed;
    perfopt__strbuf_finish(&base);
    return perfopt__strbuf_to_arena(&out, arena);
}

const char *perfopt_lazy_image(perfopt_frontend *frontend, const char *name,
                               const perfopt_image_options *options, perfopt_arena *arena)
{
    perfopt_image_options own;
    read_options(options, &own);
    name = without_slash(name);
    perfopt__image_source source;
    bool found = find_source(frontend, name, &source);
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    put_image(&out, frontend, name, found ? &source : NULL, &own, arena);
    return perfopt__strbuf_to_arena(&out, arena);
}

const char *perfopt_progressive_image(perfopt_frontend *frontend, const char *name,
                                      const perfopt_image_options *options, perfopt_arena *arena)
{
    perfopt_image_options own;
    read_options(options, &own);
    name = without_slash(name);
    perfopt__image_source source;
    bool found = find_source(frontend, name, &source);
    perfopt_bytes *preview = found ? perfopt__image_source_preview(frontend, name, &source) : NULL;
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    if (preview) {
        perfopt__strbuf_puts(&out, "<span class=\"perfopt-progressive\">"
                                   "<img class=\"perfopt-preview\"");
        perfopt__put_attribute(&out, "src", perfopt_bytes_data(preview));
        perfopt__strbuf_puts(&out, " alt=\"\" aria-hidden=\"true\">");
    }
    put_image(&out, frontend, name, found ? &source : NULL, &own, arena);
    if (preview)
        perfopt__strbuf_puts(&out, "</span>");
    perfopt_bytes_release(preview);
    return perfopt__strbuf_to_arena(&out, arena);
}

const char *perfopt_progressive_css(void)
{
    return ".perfopt-progressive{position:relative;display:inline-block;overflow:hidden;"
           "max-width:100%}"
           ".perfopt-progressive picture img{position:relative;display:block;max-width:100%;"
           "height:auto}"
           ".perfopt-preview{position:absolute;inset:0;width:100%;height:100%;object-fit:cover;"
           "filter:blur(12px);transform:scale(1.1)}\n";
}
