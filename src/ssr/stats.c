/*
 * stats.c - numbers about renders, in total and by template. A render adds to the stripe of its
 * thread with relaxed atomics; readers add the stripes up.
 */
#include "base/memory.h"
#include "ssr/ssr_internal.h"

#include <stdlib.h>
#include <string.h>

unsigned perfopt__ssr_stripe(void)
{
    static _Atomic unsigned next;
    static _Thread_local unsigned mine; /* stripe + 1 */
    if (!mine)
        mine = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % SSR_STRIPES + 1;
    return mine - 1;
}

/* ---- histogram: four buckets for each doubling, from 256 ns on --------------------------------
 */

static unsigned bucket_of(int64_t ns)
{
    uint64_t units = ns <= 0 ? 0 : (uint64_t)ns >> 8;
    if (units < 4)
        return (unsigned)units;
    unsigned top = 63 - (unsigned)__builtin_clzll(units);
    unsigned bucket = (top - 1) * 4 + (unsigned)(units >> (top - 2) & 3);
    return bucket < SSR_BUCKETS ? bucket : SSR_BUCKETS - 1;
}

/* The middle of a bucket. */
static int64_t bucket_value(unsigned bucket)
{
    if (bucket < 4)
        return ((int64_t)bucket << 8) + 128;
    unsigned top = bucket / 4 + 1;
    uint64_t low = (UINT64_C(4) + bucket % 4) << (top - 2);
    uint64_t width = UINT64_C(1) << (top - 2);
    return (int64_t)((low << 8) + (width << 7));
}

typedef struct sums {
    uint64_t renders, errors, cached, bytes, hits, misses, fragment_hits, fragment_misses;
    int64_t total_ns, max_ns;
    uint64_t buckets[SSR_BUCKETS];
    uint64_t in_buckets;
} sums;

static void add_up(const ssr_template_numbers *numbers, sums *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < SSR_STRIPES; i++) {
        const ssr_numbers_stripe *s = &numbers->stripes[i];
        out->renders += s->renders;
        out->errors += s->errors;
        out->cached += s->cached;
        out->bytes += s->output_bytes;
        out->hits += s->template_hits;
        out->misses += s->template_misses;
        out->fragment_hits += s->fragment_hits;
        out->fragment_misses += s->fragment_misses;
        out->total_ns += s->total_ns;
        out->max_ns = s->max_ns > out->max_ns ? s->max_ns : out->max_ns;
        for (unsigned b = 0; b < SSR_BUCKETS; b++) {
            out->buckets[b] += s->buckets[b];
            out->in_buckets += s->buckets[b];
        }
    }
}

static int64_t percentile(const sums *s, unsigned percent)
{
    uint64_t rank = (s->in_buckets * percent + 99) / 100;
    uint64_t seen = 0;
    for (unsigned b = 0; b < SSR_BUCKETS; b++) {
        seen += s->buckets[b];
        if (seen >= rank && rank) {
            int64_t value = bucket_value(b);
            return value > s->max_ns ? s->max_ns : value;
        }
    }
    return 0;
}

/* ---- recording ------------------------------------------------------------------------------ */

static void raise_max(_Atomic int64_t *max, int64_t value)
{
    int64_t seen = atomic_load_explicit(max, memory_order_relaxed);
    while (value > seen && !atomic_compare_exchange_weak_explicit(
                               max, &seen, value, memory_order_relaxed, memory_order_relaxed))
        continue;
}

static void record_in(ssr_template_numbers *numbers, unsigned stripe, int64_t took_ns, size_t bytes,
                      bool cached, bool failed)
{
    ssr_numbers_stripe *s = &numbers->stripes[stripe];
    if (cached) {
        atomic_fetch_add_explicit(&s->cached, 1, memory_order_relaxed);
        return;
    }
    if (failed) {
        atomic_fetch_add_explicit(&s->errors, 1, memory_order_relaxed);
        return;
    }
    atomic_fetch_add_explicit(&s->renders, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->total_ns, took_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->output_bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->buckets[bucket_of(took_ns)], 1, memory_order_relaxed);
    raise_max(&s->max_ns, took_ns);
}

void perfopt__ssr_record(ssr_stats *stats, ssr_template_numbers *numbers, int64_t took_ns,
                         size_t bytes, bool cached, bool failed)
{
    unsigned stripe = perfopt__ssr_stripe();
    record_in(stats->total, stripe, took_ns, bytes, cached, failed);
    if (numbers)
        record_in(numbers, stripe, took_ns, bytes, cached, failed);
}

void perfopt__ssr_record_compile(ssr_stats *stats, ssr_template_numbers *numbers, int64_t took_ns,
                                 bool failed)
{
    if (failed) {
        stats->compile_errors++;
        return;
    }
    stats->compiles++;
    stats->compile_ns += took_ns;
    if (numbers) {
        numbers->compiles++;
        numbers->compile_ns += took_ns;
    }
}

void perfopt__ssr_note_includer(ssr_template_numbers *numbers, const char *by)
{
    bool expected = false;
    if (!numbers || atomic_load_explicit(&numbers->has_includer, memory_order_relaxed))
        return;
    if (!atomic_compare_exchange_strong(&numbers->has_includer, &expected, true))
        return;
    for (size_t i = 0; i + 1 < sizeof(numbers->included_by) && by[i]; i++)
        __atomic_store_n(&numbers->included_by[i], by[i], __ATOMIC_RELAXED);
}

/* ---- templates ------------------------------------------------------------------------------ */

/* The start of the allocation is kept in front of the block. */
void *perfopt__ssr_aligned_new(size_t size)
{
    enum { ALIGN = 64 };
    char *start = perfopt__calloc(1, size + ALIGN + sizeof(void *));
    if (!start)
        return NULL;
    uintptr_t first = (uintptr_t)start + sizeof(void *);
    size_t skip = sizeof(void *) + (ALIGN - first % ALIGN) % ALIGN;
    void *block = start + skip;
    ((void **)block)[-1] = start;
    return block;
}

void perfopt__ssr_aligned_free(void *block)
{
    if (block)
        perfopt__free(((void **)block)[-1]);
}

static ssr_template_numbers *numbers_new(const char *name)
{
    ssr_template_numbers *numbers = perfopt__ssr_aligned_new(sizeof(*numbers));
    if (!numbers)
        return NULL;
    size_t length = strnlen(name, sizeof(numbers->name) - 1);
    memcpy(numbers->name, name, length);
    return numbers;
}

perfopt_status perfopt__ssr_stats_init(ssr_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
    stats->total = numbers_new("");
    if (!stats->total)
        return PERFOPT_ENOMEM;
    pthread_mutex_init(&stats->lock, NULL);
    return PERFOPT_OK;
}

void perfopt__ssr_stats_finish(ssr_stats *stats)
{
    if (!stats->total)
        return;
    for (uint32_t i = 0; i < stats->count; i++)
        perfopt__ssr_aligned_free(stats->templates[i]);
    perfopt__ssr_aligned_free(stats->total);
    pthread_mutex_destroy(&stats->lock);
}

static ssr_template_numbers *find_numbers(ssr_stats *stats, const char *name)
{
    size_t most = sizeof(stats->templates[0]->name) - 1;
    for (uint32_t i = 0; i < stats->count; i++) {
        if (strncmp(stats->templates[i]->name, name, most) == 0)
            return stats->templates[i];
    }
    return NULL;
}

ssr_template_numbers *perfopt__ssr_numbers_of(ssr_stats *stats, const char *name)
{
    pthread_mutex_lock(&stats->lock);
    ssr_template_numbers *numbers = find_numbers(stats, name);
    if (!numbers && stats->count >= SSR_MAX_NUMBERS - 1)
        name = "(other)";
    if (!numbers)
        numbers = find_numbers(stats, name);
    if (!numbers && stats->count < SSR_MAX_NUMBERS) {
        numbers = numbers_new(name);
        if (numbers)
            stats->templates[stats->count++] = numbers;
    }
    pthread_mutex_unlock(&stats->lock);
    return numbers;
}

/* ---- reading -------------------------------------------------------------------------------- */

void perfopt_ssr_get_render_stats(perfopt_ssr *ssr, perfopt_render_stats *out)
{
    sums s;
    add_up(ssr->stats.total, &s);
    *out = (perfopt_render_stats){
        .renders = s.renders,
        .render_errors = s.errors,
        .render_ns = s.total_ns,
        .max_ns = s.max_ns,
        .p50_ns = percentile(&s, 50),
        .p95_ns = percentile(&s, 95),
        .p99_ns = percentile(&s, 99),
        .output_bytes = s.bytes,
        .compiles = ssr->stats.compiles,
        .compile_errors = ssr->stats.compile_errors,
        .compile_ns = ssr->stats.compile_ns,
        .template_hits = s.hits,
        .template_misses = s.misses,
        .fragment_hits = s.fragment_hits,
        .fragment_misses = s.fragment_misses,
        .reloads = ssr->stats.reloads,
        .templates = perfopt__ssr_cache_count(&ssr->templates),
        .cache_enabled = ssr->cache_templates,
        .auto_reload = ssr->auto_reload,
        .seo_enabled = ssr->seo,
    };
}

static void read_template(const ssr_template_numbers *numbers, perfopt_template_stats *out)
{
    sums s;
    add_up(numbers, &s);
    memset(out, 0, sizeof(*out));
    memcpy(out->name, numbers->name, sizeof(out->name));
    for (size_t i = 0; i + 1 < sizeof(out->included_by); i++)
        out->included_by[i] = __atomic_load_n(&numbers->included_by[i], __ATOMIC_RELAXED);
    out->renders = s.renders;
    out->cached = s.cached;
    out->total_ns = s.total_ns;
    out->max_ns = s.max_ns;
    out->p50_ns = percentile(&s, 50);
    out->p95_ns = percentile(&s, 95);
    out->output_bytes = s.bytes;
    out->compile_ns = numbers->compile_ns;
    out->compiles = numbers->compiles;
}

static int slower_first(const void *a, const void *b)
{
    int64_t x = ((const perfopt_template_stats *)a)->total_ns;
    int64_t y = ((const perfopt_template_stats *)b)->total_ns;
    return x < y ? 1 : x > y ? -1 : 0;
}

size_t perfopt_ssr_get_templates(perfopt_ssr *ssr, perfopt_template_stats *out, size_t capacity)
{
    ssr_stats *stats = &ssr->stats;
    pthread_mutex_lock(&stats->lock);
    uint32_t count = stats->count;
    pthread_mutex_unlock(&stats->lock);
    perfopt_template_stats *all = perfopt__calloc(count ? count : 1, sizeof(*all));
    if (!all)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        read_template(stats->templates[i], &all[i]);
    qsort(all, count, sizeof(*all), slower_first);
    size_t n = count < capacity ? count : capacity;
    if (n)
        memcpy(out, all, n * sizeof(*out));
    perfopt__free(all);
    return n;
}

void perfopt_ssr_record_render(perfopt_ssr *ssr, const char *name, int64_t took_ns,
                               size_t output_bytes, bool cached)
{
    perfopt__ssr_record(&ssr->stats, perfopt__ssr_numbers_of(&ssr->stats, name ? name : "(other)"),
                        took_ns, output_bytes, cached, false);
}

static void reset(ssr_template_numbers *numbers)
{
    numbers->compile_ns = 0;
    numbers->compiles = 0;
    for (unsigned i = 0; i < SSR_STRIPES; i++) {
        ssr_numbers_stripe *s = &numbers->stripes[i];
        s->renders = s->errors = s->cached = s->output_bytes = 0;
        s->total_ns = s->max_ns = 0;
        s->template_hits = s->template_misses = s->fragment_hits = s->fragment_misses = 0;
        for (unsigned b = 0; b < SSR_BUCKETS; b++)
            s->buckets[b] = 0;
    }
}

void perfopt_ssr_reset_stats(perfopt_ssr *ssr)
{
    pthread_mutex_lock(&ssr->stats.lock);
    reset(ssr->stats.total);
    for (uint32_t i = 0; i < ssr->stats.count; i++)
        reset(ssr->stats.templates[i]);
    ssr->stats.compiles = ssr->stats.compile_errors = ssr->stats.reloads = 0;
    ssr->stats.compile_ns = 0;
    pthread_mutex_unlock(&ssr->stats.lock);
}
