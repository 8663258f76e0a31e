/*
 * frontend.h - what pages need from their assets: versioned tags, lazy and progressive images with
 * real resized files, preload hints, critical CSS, and browser timing.
 *
 * Templates see all of it under the same names, see perfopt_frontend_helpers():
 *
 *     {{ asset_url('css/site.css') }}   {{ lazy_image('img/a.jpg', alt='A bridge') }}
 */
#ifndef PERFOPT_FRONTEND_H
#define PERFOPT_FRONTEND_H

#include <perfopt/assets.h>
#include <perfopt/base.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_frontend perfopt_frontend;

typedef struct perfopt_frontend_options {
    size_t struct_size;
    const char *image_root;   /* folder of the source images; NULL = the assets' root; copied */
    const char *image_output; /* folder of the variants; NULL = "<image_root>/.perfopt-images" */
    const char *image_prefix; /* path the variants are served under; NULL = "/images/" */
    uint32_t max_pixels;      /* larger sources are refused; 0 = 50,000,000 */
    uint32_t jpeg_quality;    /* 0 = 75 */
    uint32_t webp_quality;    /* 0 = 75 */
    perfopt_switch rum;       /* browser-timing script and beacon; default on */
    const char *beacon_path;  /* NULL = "/perfopt/beacon" */
} perfopt_frontend_options;

#define PERFOPT_FRONTEND_OPTIONS(...) PERFOPT_OPTIONS(perfopt_frontend_options, __VA_ARGS__)
#define PERFOPT_FRONTEND_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_frontend_options)

/**
 * Create the helpers over an asset folder.
 *
 * @param assets   Borrowed; must outlive the result.
 * @param[out] out Destroy with perfopt_frontend_destroy(); untouched on failure.
 * @return PERFOPT_OK; PERFOPT_ECONFIG (image_root is no folder), PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: file system.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_frontend_create(const perfopt_frontend_options *options,
                                                   perfopt_assets *assets, perfopt_frontend **out,
                                                   perfopt_error *err);

/** Release; NULL is allowed.  Thread-safety: owner only.   Since: 0.1 */
PERFOPT_API void perfopt_frontend_destroy(perfopt_frontend *frontend);

/* ---- images ------------------------------------------------------------------------------- */

typedef struct perfopt_image_info {
    uint32_t width, height; /* after EXIF orientation */
    char media_type[16];    /* "image/jpeg", "image/png", "image/webp" */
} perfopt_image_info;

/**
 * Size and type of a source image, remembered until the file changes (seen within a second).
 *
 * @param name Path below image_root.
 * @return PERFOPT_OK; PERFOPT_ENOTFOUND, PERFOPT_EPROTO (no image, or damaged), PERFOPT_ELIMIT
 *         (max_pixels), PERFOPT_EUNSUPPORTED (format not built in), PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: file system on first use.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_image_get_info(perfopt_frontend *frontend, const char *name,
                                                  perfopt_image_info *out, perfopt_error *err);

typedef struct perfopt_images_result {
    uint32_t images, variants, built, failed;
    uint64_t source_bytes, variant_bytes;
    int64_t took_ms;
} perfopt_images_result;

/**
 * Make the resized variants of all images that match: widths 320, 480, 640, 960, 1280, 1600 and
 * 1920 below the source's own, and the source's own up to 1920, in the source's format and in WebP,
 * without metadata, upright. What is up to date is not made again. A colour profile stays only if
 * it means other colours than sRGB; animated images have no variants. At the source's own width a
 * result that is not smaller holds the source's bytes instead.
 *
 * @param patterns NULL-terminated; NULL = *.jpg *.jpeg *.png *.webp.
 * @param progress May be NULL.
 * @return PERFOPT_OK (damaged images are counted in `failed` and logged), PERFOPT_ECANCELED,
 *         PERFOPT_EBUSY, PERFOPT_EUNSUPPORTED (no codec built in), PERFOPT_EIO, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: CPU, file system.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_images_precompile(perfopt_frontend *frontend,
                                                     const char *const *patterns,
                                                     perfopt_assets_progress_fn progress,
                                                     void *user, perfopt_images_result *result,
                                                     perfopt_error *err);

/**
 * Answer a request below image_prefix: "<name>-<width>w-<hash>.<ext>", <name> being the source's
 * whole name ("img/a.jpg-480w-0123456789ab.webp"). A variant that does not
 * exist yet is made (one maker per variant), if its hash is right: outsiders cannot ask for other
 * widths.
 *
 * @param[out] out Finish with perfopt_asset_response_finish().
 * @return As perfopt_assets_serve().
 *
 * Thread-safety: any thread.   Blocks: CPU on the first request of a variant.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_images_serve(perfopt_frontend *frontend,
                                                const perfopt_asset_request *request,
                                                perfopt_asset_response *out);

/** Path the variants are served under, "/images/" by default.   Since: 0.1 */
PERFOPT_API const char *perfopt_images_prefix(const perfopt_frontend *frontend);

/* ---- tags --------------------------------------------------------------------------------- */

/* Attributes of an image tag; everything is escaped. */
typedef struct perfopt_image_options {
    size_t struct_size;
    const char *alt; /* NULL = "" (decorative) */
    const char *css_class;
    const char *sizes;    /* NULL = "100vw" */
    uint32_t width;       /* shown width in CSS pixels; 0 = the source's */
    uint32_t height;      /* 0 = in proportion */
    perfopt_switch eager; /* on: loading="eager" fetchpriority="high"; default off */
} perfopt_image_options;

#define PERFOPT_IMAGE_OPTIONS(...) PERFOPT_OPTIONS(perfopt_image_options, __VA_ARGS__)
#define PERFOPT_IMAGE_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_image_options)

/*
 * The functions below return markup or text in the arena, NULL only when out of memory. An image
 * that cannot be read gives a plain <img> of its asset URL, so that a page never breaks; it is
 * logged once.
 */

/** "url 320w, url 640w, ..." of the variants in one format; "" if there are none.
 *  @param media_type "image/webp", or NULL = the source's own.   Since: 0.1 */
PERFOPT_API const char *perfopt_image_srcset(perfopt_frontend *frontend, const char *name,
                                             const char *media_type, perfopt_arena *arena);

/** <picture> with WebP and original sources, width, height, loading="lazy" decoding="async" (or
 * eager) so that nothing jumps.   Since: 0.1 */
PERFOPT_API const char *perfopt_lazy_image(perfopt_frontend *frontend, const char *name,
                                           const perfopt_image_options *options,
                                           perfopt_arena *arena);

/** As perfopt_lazy_image(), with a tiny blurred preview (16 pixels wide, inlined) behind it until
 * it has loaded.   Since: 0.1 */
PERFOPT_API const char *perfopt_progressive_image(perfopt_frontend *frontend, const char *name,
                                                  const perfopt_image_options *options,
                                                  perfopt_arena *arena);

/** The three rules that put the preview of perfopt_progressive_image() behind the image; they
 * belong into the site's style sheet. The preview is a data: URL (img-src in a content security
 * policy).
 *  @return Constant CSS.   Since: 0.1 */
PERFOPT_API
const char *perfopt_progressive_css(void);

/** <link rel="stylesheet"> with versioned URL and integrity.   Since: 0.1 */
PERFOPT_API const char *perfopt_stylesheet_tag(perfopt_frontend *frontend, const char *name,
                                               perfopt_arena *arena);

/** <script defer src> with versioned URL and integrity.   Since: 0.1 */
PERFOPT_API const char *perfopt_script_tag(perfopt_frontend *frontend, const char *name,
                                           perfopt_arena *arena);

/** Value for a Link header: <url>; rel=preload; as=style.   Since: 0.1 */
PERFOPT_API const char *perfopt_preload_header(perfopt_frontend *frontend, const char *name,
                                               perfopt_arena *arena);

/**
 * The rules of a stylesheet that a document can need: rules whose selectors name only elements,
 * classes and ids that occur in the HTML (pseudo-classes are ignored), with the @media, @supports
 * and
 * @layer around them, @font-face and @keyframes that they use, minified.
 *
 * @param[out] out Release with perfopt_bytes_release().
 * @return PERFOPT_OK; PERFOPT_ESYNTAX, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_critical_css(const char *html, size_t html_length,
                                                const char *css, size_t css_length,
                                                perfopt_bytes **out, perfopt_error *err);

/* ---- browser timing ----------------------------------------------------------------------- */

/** The script that measures web vitals and sends them to beacon_path; embedded in the library.
 *  @return Constant JavaScript.   Since: 0.1 */
PERFOPT_API const char *perfopt_rum_script(size_t *length);

/** Path the script is served under, with its hash: "/perfopt/vitals-<hash>.js"; "" when it is
 *  switched off or not built in.   Since: 0.1 */
PERFOPT_API const char *perfopt_rum_script_path(perfopt_frontend *frontend);

/** <script defer src="..." data-beacon="..." data-route="..."></script>, or "" when switched off.
 *  @param route Template of the route, for the numbers.   Since: 0.1 */
PERFOPT_API const char *perfopt_rum_tag(perfopt_frontend *frontend, const char *route,
                                        perfopt_arena *arena);

/** Path beacons are sent to; "" when they are switched off.   Since: 0.1 */
PERFOPT_API const char *perfopt_rum_beacon_path(perfopt_frontend *frontend);

/* ---- templates ---------------------------------------------------------------------------- */

/*
 * How the helpers reach a template engine without knowing it: called once per function with its
 * name; `call` evaluates it. The wiring code (perfopt.c) connects this to perfopt_ssr_register().
 * Arguments come by position or keyword: asset_url(name), asset_version(name),
 * asset_integrity(name), stylesheet(name), script(name), image_srcset(name, type), lazy_image(name,
 * alt, css_class, sizes, width, height, eager), progressive_image(same), rum_tag(route).
 */
typedef struct perfopt_frontend_args {
    const char *(*text)(void *call, const char *name, size_t position); /* NULL = absent */
    int64_t (*integer)(void *call, const char *name, size_t position);  /* 0 = absent */
    bool (*flag)(void *call, const char *name, size_t position);
    perfopt_arena *arena;
    void *call;
} perfopt_frontend_args;

/* One helper: returns markup (safe) or text, NULL when out of memory. */
typedef const char *(*perfopt_frontend_helper_fn)(perfopt_frontend *frontend,
                                                  const perfopt_frontend_args *args);

typedef struct perfopt_frontend_helper {
    const char *name;
    bool is_markup; /* the result must not be escaped again */
    perfopt_frontend_helper_fn fn;
} perfopt_frontend_helper;

/** The table of helpers, ended by a NULL name.   Since: 0.1 */
PERFOPT_API const perfopt_frontend_helper *perfopt_frontend_helpers(void);

PERFOPT_END_DECLS

#endif
