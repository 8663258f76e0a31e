/*
 * bench_assets.c - how small the minifiers make files and how fast, and what serving one from
 * memory costs with 1 and 4 threads, as JSON lines:
 *
 *     bench_assets FILE...
 *
 * Files are minified again and again for a while; the fastest run counts. Sizes are of the minified
 * file, plain and as gzip level 9 and 12, in bytes and in % of the source's.
 */
#include "base/clock.h"
#include "base/compress.h"
#include "base/file.h"
#include "base/memory.h"

#include <ftw.h>
#include <perfopt/assets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINIFY_NS  500000000
#define SERVE_RUNS 200000

static size_t gzip_size(const char *text, size_t length, int level)
{
    char *packed = NULL;
    size_t n = 0;
    if (perfopt__gzip(text, length, level, &packed, &n) != PERFOPT_OK)
        exit(1);
    perfopt__free(packed);
    return n;
}

static void print_sizes(const char *path, const char *text, size_t length, const perfopt_bytes *out,
                        int64_t best_ns)
{
    const char *minified = perfopt_bytes_data(out);
    size_t n = perfopt_bytes_length(out);
    const char *slash = strrchr(path, '/');
    size_t gzip_before = gzip_size(text, length, 9);
    size_t gzip_after = gzip_size(minified, n, 9);
    printf("{\"bench\":\"minify\",\"file\":\"%s\",\"bytes\":%zu,\"minified\":%zu,\"percent\":%.1f,"
           "\"gzip9\":%zu,\"minified_gzip9\":%zu,\"gzip_percent\":%.1f,\"minified_gzip12\":%zu,"
           "\"mb_per_s\":%.0f}\n",
           slash ? slash + 1 : path, length, n, 100.0 * (double)n / (double)length, gzip_before,
           gzip_after, 100.0 * (double)gzip_after / (double)gzip_before, gzip_size(minified, n, 12),
           (double)length * 1e3 / (double)best_ns);
}

static int bench_minify(const char *path)
{
    char *text;
    size_t length;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_bytes *out = NULL;
    if (perfopt__file_read(path, 64 << 20, &text, &length, &err) != PERFOPT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    int64_t best_ns = INT64_MAX;
    int64_t end_ns = perfopt__now_ns() + MINIFY_NS;
    while (perfopt__now_ns() < end_ns) {
        perfopt_bytes_release(out);
        int64_t start_ns = perfopt__now_ns();
        if (perfopt_minify(perfopt_asset_type_of(path), text, length, &out, &err) != PERFOPT_OK) {
            fprintf(stderr, "%s: %s\n", path, err.message);
            perfopt__free(text);
            return 1;
        }
        int64_t took_ns = perfopt__now_ns() - start_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    print_sizes(path, text, length, out, best_ns);
    perfopt_bytes_release(out);
    perfopt__free(text);
    return 0;
}

/* ---- serving ------------------------------------------------------------------------------ */

static void *serve(void *user)
{
    perfopt_asset_request request = {
        .path = "a.css", .path_length = 5, .accept_encoding = "gzip, deflate, br"};
    for (int i = 0; i < SERVE_RUNS; i++) {
        perfopt_asset_response response;
        if (perfopt_assets_serve(user, &request, &response) != PERFOPT_OK || response.status != 200)
            exit(1);
        perfopt_asset_response_finish(&response);
    }
    return NULL;
}

static void bench_serve(perfopt_assets *assets, int threads)
{
    pthread_t running[16];
    int64_t start_ns = perfopt__now_ns();
    for (int i = 0; i < threads; i++)
        pthread_create(&running[i], NULL, serve, assets);
    for (int i = 0; i < threads; i++)
        pthread_join(running[i], NULL);
    int64_t took_ns = perfopt__now_ns() - start_ns;
    printf("{\"bench\":\"serve\",\"threads\":%d,\"ns_per_request\":%.0f,\"requests_per_s\":%.0f}\n",
           threads, (double)took_ns / SERVE_RUNS,
           (double)threads * SERVE_RUNS * 1e9 / (double)took_ns);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int bench_site(void)
{
    char root[] = "/tmp/perfopt-bench-XXXXXX";
    char path[64];
    char text[4096];
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 2] = '{';
    text[sizeof(text) - 1] = '}';
    perfopt_assets *assets = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (!mkdtemp(root))
        return 1;
    snprintf(path, sizeof(path), "%s/a.css", root);
    perfopt_status status = perfopt__file_replace(path, text, sizeof(text), &err);
    if (status == PERFOPT_OK)
        status = perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = root), &assets, &err);
    if (status == PERFOPT_OK)
        status = perfopt_assets_precompile(assets, NULL, NULL, NULL, NULL, &err);
    if (status == PERFOPT_OK) {
        bench_serve(assets, 1);
        bench_serve(assets, 4);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    perfopt_assets_destroy(assets);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return status == PERFOPT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= bench_minify(argv[i]);
    return failed | bench_site();
}
