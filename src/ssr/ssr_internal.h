/*
 * ssr_internal.h - the engine: what the public functions and the parts around the run time share,
 * grouped by file.
 */
#ifndef PERFOPT_SRC_SSR_SSR_INTERNAL_H
#define PERFOPT_SRC_SSR_SSR_INTERNAL_H

#include "ssr/compile.h"
#include "ssr/eval.h"
#include "ssr/runtime.h"

#include <pthread.h>

/* ---- stats.c ------------------------------------------------------------------------------- */

enum {
    SSR_STRIPES = 8, /* copies of hot counters, so that threads seldom share a cache line */
    SSR_BUCKETS = 112,
    SSR_MAX_NUMBERS = 400
};

typedef struct ssr_numbers_stripe {
    _Alignas(64) _Atomic uint64_t renders;
    _Atomic uint64_t errors, cached;
    _Atomic int64_t total_ns, max_ns;
    _Atomic uint64_t output_bytes;
    _Atomic uint64_t template_hits, template_misses, fragment_hits, fragment_misses;
    _Atomic uint32_t buckets[SSR_BUCKETS]; /* render times, logarithmic */
} ssr_numbers_stripe;

/* Numbers of one template, or of all. */
typedef struct ssr_template_numbers {
    char name[128];
    char included_by[128];
    _Atomic bool has_includer;
    _Atomic int64_t compile_ns;
    _Atomic uint32_t compiles;
    ssr_numbers_stripe stripes[SSR_STRIPES];
} ssr_template_numbers;

typedef struct ssr_stats {
    pthread_mutex_t lock; /* the list of templates only */
    ssr_template_numbers *total;
    ssr_template_numbers *templates[SSR_MAX_NUMBERS];
    uint32_t count;
    _Atomic uint64_t compiles, compile_errors, reloads;
    _Atomic int64_t compile_ns;
} ssr_stats;

unsigned perfopt__ssr_stripe(void);
/* Zeroed memory aligned to cache lines, which the allocator hook does not promise. */
void *perfopt__ssr_aligned_new(size_t size);
void perfopt__ssr_aligned_free(void *block);
perfopt_status perfopt__ssr_stats_init(ssr_stats *stats);
void perfopt__ssr_stats_finish(ssr_stats *stats);
/* The numbers of a template; those of "(other)" when there are too many names, NULL if out of
 * memory. */
ssr_template_numbers *perfopt__ssr_numbers_of(ssr_stats *stats, const char *name);
void perfopt__ssr_record(ssr_stats *stats, ssr_template_numbers *numbers, int64_t took_ns,
                         size_t bytes, bool cached, bool failed);
void perfopt__ssr_record_compile(ssr_stats *stats, ssr_template_numbers *numbers, int64_t took_ns,
                                 bool failed);
void perfopt__ssr_note_includer(ssr_template_numbers *numbers, const char *by);

/* ---- template_cache.c ---------------------------------------------------------------------- */

/*
 * Compiled templates by name. A lookup takes a read lock of the caller's stripe only, so readers on
 * different stripes share no written memory but the template's reference count; a change takes all
 * stripes.
 */
typedef struct ssr_cache_stripe {
    _Alignas(64) pthread_rwlock_t lock;
} ssr_cache_stripe;

typedef struct ssr_template_cache {
    ssr_cache_stripe stripes[SSR_STRIPES];
    struct ssr_cached **buckets;
    size_t bucket_count;
    uint32_t count;
    uint32_t max_templates;
    _Atomic uint64_t tick;       /* advances with each change and each call of optimize */
    _Atomic uint64_t generation; /* advances when the contents change */
    uint64_t optimized_tick;
} ssr_template_cache;

perfopt_status perfopt__ssr_cache_init(ssr_template_cache *cache, uint32_t max_templates);
void perfopt__ssr_cache_finish(ssr_template_cache *cache);
/* A new reference, or NULL. */
ssr_template *perfopt__ssr_cache_get(ssr_template_cache *cache, const char *name, size_t length);
/* Stores one reference of its own; replaces what was there. */
perfopt_status perfopt__ssr_cache_put(ssr_template_cache *cache, ssr_template *template);
size_t perfopt__ssr_cache_clear(ssr_template_cache *cache, const char *name);
/* Drops what was not used since the last call, and what `gone` says. */
size_t perfopt__ssr_cache_optimize(ssr_template_cache *cache,
                                   bool (*gone)(void *user, const ssr_template *template),
                                   void *user);
uint32_t perfopt__ssr_cache_count(ssr_template_cache *cache);
ssr_template *perfopt__ssr_template_retain(ssr_template *template);
void perfopt__ssr_template_release(ssr_template *template);

/* ---- registry.c ---------------------------------------------------------------------------- */

/* What the host registered; `builtin.fn` calls it. Never moves. */
typedef struct ssr_registered {
    ssr_builtin builtin;
    perfopt_template_fn fn;
    void *user;
    perfopt_free_fn user_free;
    struct ssr_registered *next;
    perfopt_callable_kind kind;
    char name[];
} ssr_registered;

const ssr_builtin *perfopt__ssr_find_callable(struct perfopt_ssr *ssr, perfopt_callable_kind kind,
                                              const char *name, size_t length);
/* The most similar name of a filter or test, or NULL. */
const char *perfopt__ssr_nearest_callable(struct perfopt_ssr *ssr, bool is_filter,
                                          const char *name);
/* How many edits apart two names are, at most `limit` + 1. */
unsigned perfopt__ssr_edit_distance(const char *a, const char *b, unsigned limit);
bool perfopt__ssr_find_global(struct perfopt_ssr *ssr, ssr_runtime *rt, const ssr_name *name,
                              perfopt_value *out);

/* ---- the engine ---------------------------------------------------------------------------- */

struct perfopt_ssr {
    char *root; /* without a final '/', or NULL */
    bool cache_templates;
    bool auto_reload;
    bool seo;
    perfopt_autoescape autoescape;
    perfopt_undefined_mode undefined;
    ssr_syntax syntax;
    uint32_t max_depth;
    uint64_t max_output_bytes;
    uint64_t max_steps;
    perfopt_cache *cache;
    ssr_template_cache templates;
    ssr_stats stats;
    ssr_registered *registered;
    perfopt_arena *globals_arena;
    perfopt_value globals; /* a map */
};

/* ---- loader.c ------------------------------------------------------------------------------ */

/* Templates that exist only for one render: name -> source. */
typedef struct ssr_string_loader {
    perfopt_value sources; /* a map of strings */
} ssr_string_loader;

/* Compiles a template. *out holds one reference. */
perfopt_status perfopt__ssr_compile(struct perfopt_ssr *ssr, const char *name, const char *source,
                                    size_t length, bool autoescape, ssr_template **out,
                                    perfopt_error *err);
/* From the cache, or read and compiled. *out holds one reference. */
perfopt_status perfopt__ssr_load(struct perfopt_ssr *ssr, const char *name, size_t length,
                                 ssr_template **out, perfopt_error *err);
bool perfopt__ssr_autoescape_for(const struct perfopt_ssr *ssr, const char *name);
/* Did the template's file change, or vanish? */
bool perfopt__ssr_is_stale(const struct perfopt_ssr *ssr, const ssr_template *template);
/* Loads within a render: the same template for the same name until the render ends. */
bool perfopt__ssr_load_for(ssr_runtime *rt, const char *name, size_t length, ssr_loaded **out,
                           bool *missing);

/* ---- fragment.c ---------------------------------------------------------------------------- */

/* Digest of a template and of everything it names constantly. */
perfopt__hash128 perfopt__ssr_digest(struct perfopt_ssr *ssr, const ssr_template *template);

/* ---- render.c ------------------------------------------------------------------------------ */

perfopt_status perfopt__ssr_render_template(struct perfopt_ssr *ssr, ssr_template *template,
                                            const perfopt_context *context,
                                            const ssr_string_loader *strings, perfopt_bytes **out,
                                            perfopt_error *err);
/* Renders source whose includes come from a map of sources; for tests that need no files. */
perfopt_status perfopt__ssr_render_sources(struct perfopt_ssr *ssr, const char *name,
                                           perfopt_value sources, const perfopt_context *context,
                                           perfopt_bytes **out, perfopt_error *err);

/* ---- seo.c --------------------------------------------------------------------------------- */

bool perfopt__ssr_function_seo(perfopt_call *call, perfopt_value *args, perfopt_value *out);

#endif
