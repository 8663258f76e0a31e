/*
 * bench.c - perfopt bench: the hot operations of this build on this machine, as JSON lines. For
 * comparisons with other libraries see bench/ in the source tree.
 */
#include "cli/cli.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "Usage: perfopt bench [--seconds N] [NAME...]\n"
                           "\n"
                           "Runs each micro-benchmark five times for N seconds in all (default 1) "
                           "and prints a JSON line:\n"
                           "the median and the best nanoseconds per operation.\n"
                           "\n"
                           "Names: cache-get, cache-set, template, minify-css, minify-js, scope\n";

enum { ROUNDS = 5 };

/* What the operations work on. */
typedef struct fixture {
    perfopt_cache *cache;
    perfopt_ssr *ssr;
    perfopt_arena *arena;
    perfopt_value items;
    uint64_t counter;
} fixture;

static void cache_get(fixture *f)
{
    char key[32];
    size_t length = (size_t)snprintf(key, sizeof(key), "key:%u", (unsigned)(f->counter++ % 10000));
    perfopt_bytes *value;
    if (perfopt_cache_get(f->cache, key, length, &value) == PERFOPT_OK)
        perfopt_bytes_release(value);
}

static void cache_set(fixture *f)
{
    char key[32];
    size_t length = (size_t)snprintf(key, sizeof(key), "key:%u", (unsigned)(f->counter++ % 10000));
    perfopt_cache_set(f->cache, key, length, "0123456789012345678901234567890123456789", 40, NULL);
}

static void template(fixture *f)
{
    static const char source[] = "{% for item in items %}<li><a href=\"/{{ item.id }}\">{{ "
                                 "item.title }}</a></li>{% endfor %}";
    perfopt_bytes *page;
    if (perfopt_ssr_render_string(f->ssr, "bench.html", source, sizeof(source) - 1,
                                  PERFOPT_CONTEXT({"items", f->items}), &page, NULL) == PERFOPT_OK)
        perfopt_bytes_release(page);
}

static void minify(perfopt_asset_type type, const char *source)
{
    perfopt_bytes *out;
    if (perfopt_minify(type, source, strlen(source), &out, NULL) == PERFOPT_OK)
        perfopt_bytes_release(out);
}

static void minify_css(fixture *f)
{
    (void)f;
    minify(PERFOPT_ASSET_CSS,
           "/* card */\n.card > .title:hover {\n  color: #AABBCC;\n  margin: 0 "
           "auto 10px;\n}\n@media (min-width: 600px) { .card { width: calc(50% - "
           "10px); } }\n");
}

static void minify_js(fixture *f)
{
    (void)f;
    minify(PERFOPT_ASSET_JS,
           "// adds\nfunction add(first, second) {\n  return first + second / 2;\n}\nvar pattern = "
           "/[a-z]+/g; var text = `sum: ${add(1, 2)}`;\n");
}

static void scope(fixture *f)
{
    (void)f;
    perfopt_scope s;
    perfopt_scope_begin(&s);
    perfopt_scope_add_query(1, 1000, 1);
    perfopt_scope_add_cache(true, 10);
    perfopt_scope_end(&s);
}

static const struct benchmark {
    const char *name;
    void (*run)(fixture *f);
} benchmarks[] = {{"cache-get", cache_get},   {"cache-set", cache_set}, {"template", template},
                  {"minify-css", minify_css}, {"minify-js", minify_js}, {"scope", scope}};

enum { BENCHMARK_COUNT = sizeof(benchmarks) / sizeof(benchmarks[0]) };

static double one_round(const struct benchmark *b, fixture *f, double seconds)
{
    uint64_t count = 0;
    int64_t from = perfopt__now_ns();
    int64_t until = from + (int64_t)(seconds * 1e9);
    int64_t now = from;
    while (now < until) {
        for (int i = 0; i < 64; i++)
            b->run(f);
        count += 64;
        now = perfopt__now_ns();
    }
    return (double)(now - from) / (double)count;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const struct benchmark *b, fixture *f, double seconds)
{
    double ns[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        ns[i] = one_round(b, f, seconds / ROUNDS);
    qsort(ns, ROUNDS, sizeof(ns[0]), compare);
    printf("{\"benchmark\": \"%s\", \"median_ns\": %.1f, \"best_ns\": %.1f}\n", b->name,
           ns[ROUNDS / 2], ns[0]);
}

static perfopt_status fill(fixture *f)
{
    for (int i = 0; i < 10000; i++)
        cache_set(f);
    perfopt_status status = perfopt_list_create(f->arena, &f->items);
    for (int i = 0; i < 20 && status == PERFOPT_OK; i++) {
        perfopt_value item;
        status = perfopt_map_create(f->arena, &item);
        if (status == PERFOPT_OK)
            status = perfopt_map_set(item, "id", perfopt_int(i));
        if (status == PERFOPT_OK)
            status = perfopt_map_set(item, "title", perfopt_string("Bread & butter <fresh>"));
        if (status == PERFOPT_OK)
            status = perfopt_list_append(f->items, item);
    }
    return status;
}

static bool wanted(const char *name, const cli_arguments *given)
{
    for (int i = 0; i < given->rest_count; i++) {
        if (strcmp(given->rest[i], name) == 0)
            return true;
    }
    return given->rest_count == 0;
}

static int check_names(const cli_arguments *given)
{
    for (int i = 0; i < given->rest_count; i++) {
        size_t b = 0;
        while (b < BENCHMARK_COUNT && strcmp(given->rest[i], benchmarks[b].name) != 0)
            b++;
        if (b == BENCHMARK_COUNT)
            return perfopt__cli_fail("bench", 2, "there is no \"%.40s\"; try --help",
                                     given->rest[i]);
    }
    return 0;
}

int perfopt__cli_bench(int argc, char **argv)
{
    static const cli_option options[] = {{"seconds", true}, {NULL, false}};
    cli_arguments given;
    int status = perfopt__cli_read(argc, argv, options, help, &given);
    if (status >= 0)
        return status;
    double seconds = 1;
    char end;
    if (given.values[0] &&
        (sscanf(given.values[0], "%lf%c", &seconds, &end) != 1 || !(seconds > 0) || seconds > 600))
        return perfopt__cli_fail("bench", 2, "--seconds takes a number up to 600");
    status = check_names(&given);
    if (status)
        return status;
    fixture f = {0};
    if (perfopt_cache_create(NULL, &f.cache, NULL) != PERFOPT_OK ||
        perfopt_ssr_create(NULL, &f.ssr, NULL) != PERFOPT_OK ||
        perfopt_arena_create(0, &f.arena) != PERFOPT_OK || fill(&f) != PERFOPT_OK) {
        status = perfopt__cli_fail("bench", 1, "out of memory");
    } else {
        for (size_t i = 0; i < BENCHMARK_COUNT; i++) {
            if (wanted(benchmarks[i].name, &given))
                measure(&benchmarks[i], &f, seconds);
        }
    }
    perfopt_arena_destroy(f.arena);
    perfopt_ssr_destroy(f.ssr);
    perfopt_cache_destroy(f.cache);
    return status;
}
