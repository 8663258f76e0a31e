/*
 * ssr.h - server-side rendering: Jinja templates compiled once, a fragment cache, SEO markup, and
 * numbers about renders.
 *
 * Templates are files below one root, named by their path ("news/home.html"). They are compiled on
 * first use and shared by all threads. Output is HTML-escaped by default for names that end in
 * .html, .htm, .xml or .xhtml, as select_autoescape() does in Jinja2.
 */
#ifndef PERFOPT_SSR_H
#define PERFOPT_SSR_H

#include <perfopt/base.h>
#include <perfopt/cache.h>
#include <perfopt/value.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_ssr perfopt_ssr;

typedef enum perfopt_autoescape {
    PERFOPT_AUTOESCAPE_BY_NAME = 0, /* .html .htm .xml .xhtml */
    PERFOPT_AUTOESCAPE_ON = 1,
    PERFOPT_AUTOESCAPE_OFF = 2
} perfopt_autoescape;

typedef enum perfopt_undefined_mode {
    PERFOPT_UNDEFINED_DEFAULT = 0, /* prints as nothing; attributes of it are an error */
    PERFOPT_UNDEFINED_CHAINABLE = 1,
    PERFOPT_UNDEFINED_DEBUG = 2, /* prints the name in braces */
    PERFOPT_UNDEFINED_STRICT = 3 /* any use is an error */
} perfopt_undefined_mode;

typedef struct perfopt_ssr_options {
    size_t struct_size;
    const char *root;               /* folder of the templates; NULL = only strings; copied */
    perfopt_switch cache_templates; /* compiled templates are kept; default on
                                       (TEMPLATE_CACHE_ENABLED) */
    perfopt_switch auto_reload;     /* a changed file is compiled again; default off (on in
                                       development) */
    perfopt_switch seo;             /* default on (SSR_SEO_OPTIMIZATION) */
    perfopt_autoescape autoescape;
    perfopt_undefined_mode undefined;
    perfopt_switch trim_blocks;           /* default off, as in Jinja2 */
    perfopt_switch lstrip_blocks;         /* default off */
    perfopt_switch keep_trailing_newline; /* default off */
    uint32_t max_templates;               /* compiled templates kept; 0 = 400 */
    uint32_t max_depth;                   /* nested includes, macros and blocks; 0 = 100 */
    uint64_t max_output_bytes;            /* of one render; 0 = 64 MiB */
    uint64_t max_steps;   /* loop iterations and calls of one render; 0 = 10,000,000 */
    perfopt_cache *cache; /* for fragments and whole renders; NULL = none; borrowed */
} perfopt_ssr_options;

#define PERFOPT_SSR_OPTIONS(...) PERFOPT_OPTIONS(perfopt_ssr_options, __VA_ARGS__)
#define PERFOPT_SSR_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_ssr_options)

/**
 * Create an engine.
 *
 * @param[out] out Destroy with perfopt_ssr_destroy(); untouched on failure.
 * @return PERFOPT_OK; PERFOPT_ECONFIG (root is no folder), PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: file system.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_ssr_create(const perfopt_ssr_options *options, perfopt_ssr **out,
                                              perfopt_error *err);

/** Release; NULL is allowed. No render may be running.  Thread-safety: owner only.   Since: 0.1 */
PERFOPT_API void perfopt_ssr_destroy(perfopt_ssr *ssr);

/* ---- context ------------------------------------------------------------------------------ */

typedef struct perfopt_context_entry {
    const char *name;
    perfopt_value value;
} perfopt_context_entry;

/* What a template sees. `entries` come before `values` (a map or mapping object, or undefined). */
typedef struct perfopt_context {
    const perfopt_context_entry *entries;
    size_t count;
    perfopt_value values;
} perfopt_context;

#ifndef __cplusplus
/* PERFOPT_CONTEXT({"news", perfopt_rows_value(news)}, {"page", perfopt_int(1)}): a pointer to a
 * context that lives as long as the enclosing block. */
#define PERFOPT_CONTEXT(...)                                                                  \
    (&(const perfopt_context){.entries = (const perfopt_context_entry[]){__VA_ARGS__},        \
                              .count = sizeof((const perfopt_context_entry[]){__VA_ARGS__}) / \
                                       sizeof(perfopt_context_entry)})
#endif

/* ---- rendering ---------------------------------------------------------------------------- */

/**
 * Render a template.
 *
 * @param context  NULL = empty.
 * @param[out] out Release with perfopt_bytes_release(); untouched on failure.
 * @return PERFOPT_OK; PERFOPT_ENOTFOUND (no such template), PERFOPT_ESYNTAX (detail =
 *         "name:line:column"; the message shows the source line), PERFOPT_EFAILED (an error while
 *         rendering, same detail), PERFOPT_ELIMIT (depth, output, steps), PERFOPT_EIO,
 *         PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread; the context must not change meanwhile.   Blocks: file system on first
 * use of a template.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_ssr_render(perfopt_ssr *ssr, const char *name,
                                              const perfopt_context *context, perfopt_bytes **out,
                                              perfopt_error *err);

/**
 * Render template source that has no file. It is compiled each time.
 *
 * @param name For messages and for auto-escaping; NULL = "<string>" (escaped).
 * @return As perfopt_ssr_render().
 *
 * Thread-safety: any thread.   Blocks: as perfopt_ssr_render().   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_ssr_render_string(perfopt_ssr *ssr, const char *name,
                                                     const char *source, size_t length,
                                                     const perfopt_context *context,
                                                     perfopt_bytes **out, perfopt_error *err);

/* How to cache a partial or a whole render. */
typedef struct perfopt_render_options {
    size_t struct_size;
    const char *key;          /* what the output depends on besides the template; NULL = do not
                                 cache */
    uint32_t cache_timeout_s; /* 0 = 300 */
    const char *tags;         /* separated by ',' or ' ' */
} perfopt_render_options;

#define PERFOPT_RENDER_OPTIONS(...) PERFOPT_OPTIONS(perfopt_render_options, __VA_ARGS__)
#define PERFOPT_RENDER_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_render_options)

/**
 * Render a template, or take its output from the cache.
 *
 * The cache key also carries a digest of the template and of every template it includes, extends or
 * imports, so a deployed change never shows old fragments.
 *
 * @param options NULL or key NULL = render without the cache.
 * @return As perfopt_ssr_render().
 *
 * Thread-safety: any thread.   Blocks: as perfopt_ssr_render() and perfopt_cache_get().   Since:
 * 0.1
 */
PERFOPT_API perfopt_status perfopt_ssr_render_partial(perfopt_ssr *ssr, const char *name,
                                                      const perfopt_context *context,
                                                      const perfopt_render_options *options,
                                                      perfopt_bytes **out, perfopt_error *err);

/**
 * Compile templates ahead of their first use.
 *
 * @param patterns   NULL-terminated globs relative to root; NULL = all *.html and *.xml.
 * @param[out] count Templates compiled; may be NULL.
 * @return PERFOPT_OK; or the first failure, after trying the rest.
 *
 * Thread-safety: any thread.   Blocks: file system.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_ssr_warm(perfopt_ssr *ssr, const char *const *patterns,
                                            size_t *count, perfopt_error *err);

/* ---- functions of the host ---------------------------------------------------------------- */

/* One call of a function, filter or test from a template. */
typedef struct perfopt_call perfopt_call;

/** Number of positional arguments; a filter's or test's subject is argument 0.  Since: 0.1 */
PERFOPT_API size_t perfopt_call_count(const perfopt_call *call);

/** Positional argument, undefined past the end.   Since: 0.1 */
PERFOPT_API perfopt_value perfopt_call_arg(const perfopt_call *call, size_t i);

/** Argument by keyword, or else by position, or else undefined.   Since: 0.1 */
PERFOPT_API perfopt_value perfopt_call_named(const perfopt_call *call, const char *name, size_t i);

/** Memory that lives until the render ends.   Since: 0.1 */
PERFOPT_API perfopt_arena *perfopt_call_arena(perfopt_call *call);

/** True where the output is being auto-escaped.   Since: 0.1 */
PERFOPT_API bool perfopt_call_autoescape(const perfopt_call *call);

/**
 * Text of a value as the template would print it, without escaping.
 *
 * @return NUL-terminated, in the call's arena or borrowed; NULL when out of memory.
 *
 * Since: 0.1
 */
PERFOPT_API const char *perfopt_call_text(perfopt_call *call, perfopt_value value, size_t *length);

/* Sets *out (strings in the call's arena, or static). Any status but PERFOPT_OK ends the render
 * with err's message, to which template and line are added. Must be safe to call from several
 * threads. */
typedef perfopt_status (*perfopt_template_fn)(perfopt_call *call, perfopt_value *out, void *user,
                                              perfopt_error *err);

typedef enum perfopt_callable_kind {
    PERFOPT_TEMPLATE_FUNCTION = 0, /* {{ name(x) }} */
    PERFOPT_TEMPLATE_FILTER = 1,   /* {{ x | name }} */
    PERFOPT_TEMPLATE_TEST = 2      /* {% if x is name %} */
} perfopt_callable_kind;

/**
 * Add a function, filter or test; one of the same name is replaced, built-in ones too.
 *
 * @param name      Copied.
 * @param user_free Called with `user` when it is replaced or the engine is destroyed, or at once if
 *                  this call fails; may be NULL.
 * @return PERFOPT_OK, PERFOPT_EINVAL (name is no identifier), PERFOPT_ENOMEM.
 *
 * Thread-safety: before the first render.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_ssr_register(perfopt_ssr *ssr, perfopt_callable_kind kind,
                                                const char *name, perfopt_template_fn fn,
                                                void *user, perfopt_free_fn user_free);

/**
 * Set a value that every template sees under a name.
 *
 * @param value Must outlive the engine.
 * @return PERFOPT_OK, PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Thread-safety: before the first render.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_ssr_set_global(perfopt_ssr *ssr, const char *name,
                                                  perfopt_value value);

/* ---- SEO ---------------------------------------------------------------------------------- */

/* What search engines and link previews want to know; NULL fields are left out. */
typedef struct perfopt_seo {
    size_t struct_size;
    const char *title;
    const char *description; /* cut at a word after 160 characters */
    const char *canonical;   /* absolute URL */
    const char *robots;      /* "noindex, follow" */
    const char *image;       /* absolute URL */
    const char *site_name;
    const char *type; /* Open Graph type; NULL = "website"; "article" adds JSON-LD Article */
    const char *author;
    const char *published;    /* ISO 8601 */
    const char *modified;     /* ISO 8601 */
    const char *locale;       /* "en_GB" */
    const char *twitter_card; /* NULL = "summary_large_image" with an image, else "summary" */
} perfopt_seo;

#define PERFOPT_SEO(...) PERFOPT_OPTIONS(perfopt_seo, __VA_ARGS__)
#define PERFOPT_SEO_INIT PERFOPT_OPTIONS_INIT(perfopt_seo)

/**
 * Markup for the head: title, description, canonical link, robots, Open Graph, Twitter card and
 * JSON-LD (WebSite, or Article for type "article"), everything escaped for its place.
 *
 * In templates: {{ seo(title=..., description=..., ...) }} with the same names.
 *
 * @return Safe markup in the arena; with SEO switched off only title and description; NULL when out
 *         of memory.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API const char *perfopt_ssr_seo(perfopt_ssr *ssr, const perfopt_seo *seo,
                                        perfopt_arena *arena);

/* ---- numbers ------------------------------------------------------------------------------ */

typedef struct perfopt_render_stats {
    uint64_t renders, render_errors;
    int64_t render_ns, max_ns; /* sum and maximum */
    int64_t p50_ns, p95_ns, p99_ns;
    uint64_t output_bytes;
    uint64_t compiles, compile_errors;
    int64_t compile_ns;
    uint64_t template_hits, template_misses; /* compiled-template cache */
    uint64_t fragment_hits, fragment_misses;
    uint64_t reloads;
    uint32_t templates; /* compiled now */
    bool cache_enabled, auto_reload, seo_enabled;
} perfopt_render_stats;

/* One template. */
typedef struct perfopt_template_stats {
    char name[128];
    uint64_t renders, cached; /* cached: answered by the fragment cache */
    int64_t total_ns, max_ns, p50_ns, p95_ns;
    uint64_t output_bytes;
    int64_t compile_ns;
    uint32_t compiles;
    char included_by[128]; /* one template that includes or extends it; "" = none seen */
} perfopt_template_stats;

/** Read the totals.  Thread-safety: any thread.   Blocks: briefly.   Since: 0.1 */
PERFOPT_API void perfopt_ssr_get_render_stats(perfopt_ssr *ssr, perfopt_render_stats *out);

/**
 * Read per-template numbers, most total time first; at most 400 templates are told apart.
 *
 * @return Number written.
 *
 * Thread-safety: any thread.   Blocks: briefly.   Since: 0.1
 */
PERFOPT_API size_t perfopt_ssr_get_templates(perfopt_ssr *ssr, perfopt_template_stats *out,
                                             size_t capacity);

/**
 * Count a render that happened elsewhere (another engine, a streamed page).
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void perfopt_ssr_record_render(perfopt_ssr *ssr, const char *name, int64_t took_ns,
                                           size_t output_bytes, bool cached);

/** Set the numbers to zero.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API void perfopt_ssr_reset_stats(perfopt_ssr *ssr);

/**
 * Drop compiled templates that were not used since the last call, and those whose file is gone.
 *
 * @return Number dropped.
 *
 * Thread-safety: any thread.   Blocks: file system.   Since: 0.1
 */
PERFOPT_API size_t perfopt_ssr_optimize_cache(perfopt_ssr *ssr);

/**
 * Drop one compiled template, or all.
 *
 * Renders that run finish with what they have.
 *
 * @param name NULL = all.
 * @return Number dropped.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API size_t perfopt_ssr_clear(perfopt_ssr *ssr, const char *name);

PERFOPT_END_DECLS

#endif
