/*
 * bench_ssr.c - renders of list.html per second of processor time; the run.py next to it compares
 * with Jinja2.
 *
 *     bench_ssr TEMPLATES CONTEXT.json SECONDS [THREADS]      0 seconds: prints the page
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <perfopt/ssr.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct job {
    perfopt_ssr *ssr;
    const perfopt_context *context;
    int64_t until_ns;
    uint64_t renders;
    size_t bytes;
} job;

static void die(const char *what, const perfopt_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    exit(1);
}

static void *run(void *user)
{
    job *j = user;
    perfopt_error err = PERFOPT_ERROR_INIT;
    while (perfopt__now_ns() < j->until_ns) {
        perfopt_bytes *out;
        if (perfopt_ssr_render(j->ssr, "list.html", j->context, &out, &err) != PERFOPT_OK)
            die("render", &err);
        j->bytes = perfopt_bytes_length(out);
        perfopt_bytes_release(out);
        j->renders++;
    }
    return NULL;
}

static void measure(perfopt_ssr *ssr, const perfopt_context *context, double seconds, int threads)
{
    enum { MOST = 64 };
    job jobs[MOST] = {0};
    pthread_t ids[MOST];
    int64_t start = perfopt__now_ns();
    uint64_t renders = 0;
    threads = threads < 1 ? 1 : threads > MOST ? MOST : threads;
    for (int i = 0; i < threads; i++) {
        jobs[i] = (job){ssr, context, start + (int64_t)(seconds * 1e9), 0, 0};
        if (pthread_create(&ids[i], NULL, run, &jobs[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        renders += jobs[i].renders;
    }
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    double cpu = (double)used.tv_sec + (double)used.tv_nsec / 1e9;
    double wall = (double)(perfopt__now_ns() - start) / 1e9;
    printf("%.1f\n", (double)renders / cpu);
    fprintf(stderr, "%d threads: %.0f renders/s\n", threads, (double)renders / wall);
}

int main(int argc, char **argv)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_arena *arena;
    perfopt_ssr *ssr;
    perfopt_bytes *out;
    perfopt_context context = {0};
    char *text;
    size_t length;
    if (argc < 4)
        return 2;
    if (perfopt_arena_create(0, &arena) != PERFOPT_OK ||
        perfopt__file_read(argv[2], 1 << 26, &text, &length, &err) != PERFOPT_OK ||
        perfopt_value_from_json(arena, text, length, &context.values, &err) != PERFOPT_OK ||
        perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.root = argv[1]), &ssr, &err) != PERFOPT_OK ||
        perfopt_ssr_render(ssr, "list.html", &context, &out, &err) != PERFOPT_OK)
        die("setup", &err);
    double seconds = strtod(argv[3], NULL);
    if (seconds > 0)
        measure(ssr, &context, seconds, argc > 4 ? atoi(argv[4]) : 1);
    else
        fwrite(perfopt_bytes_data(out), 1, perfopt_bytes_length(out), stdout);
    perfopt_bytes_release(out);
    perfopt_ssr_destroy(ssr);
    perfopt_arena_destroy(arena);
    perfopt__free(text);
    return 0;
}
