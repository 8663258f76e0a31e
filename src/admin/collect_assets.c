/*
 * collect_assets.c - the asset dashboard: totals, findings, files, delivery, jobs.
 */
#include "admin/collect.h"

#include "admin/format.h"
#include "admin/jobs.h"

#include <math.h>
#include <stdio.h>

#define MAX_FILES    400 /* that one snapshot holds; the table says how many there are */
#define MAX_FINDINGS 25
#define LARGE_BYTES  (250 * 1024)

typedef struct file_walk {
    perfopt__build *b;
    perfopt_value rows;
    perfopt_value findings;
    size_t files, finding_count;
    uint64_t sent_bytes, fingerprinted, unminified;
} file_walk;

/* What goes over the wire to a browser that takes every encoding. */
static uint64_t sent_bytes_of(const perfopt_asset_info *info)
{
    uint64_t best = info->minified_bytes ? info->minified_bytes : info->raw_bytes;
    if (info->gzip_bytes && info->gzip_bytes < best)
        best = info->gzip_bytes;
    if (info->brotli_bytes && info->brotli_bytes < best)
        best = info->brotli_bytes;
    return best;
}

/* ---- findings ------------------------------------------------------------------------------ */

static void find(file_walk *walk, const perfopt_asset_info *info, const char *severity,
                 const char *kind, const char *text)
{
    if (walk->finding_count++ >= MAX_FINDINGS)
        return;
    perfopt_value map = perfopt__build_map(walk->b);
    perfopt__put_text(walk->b, map, "severity", severity);
    perfopt__put_text(walk->b, map, "kind", kind);
    perfopt__put_copy(walk->b, map, "name", info->name);
    perfopt__put_copy(walk->b, map, "text", text);
    perfopt__add(walk->b, walk->findings, map);
}

static bool is_text(const char *type)
{
    return strncmp(type, "text/", 5) == 0 || strstr(type, "javascript") || strstr(type, "json") ||
           strstr(type, "svg") || strstr(type, "xml");
}

static void find_all(file_walk *walk, const perfopt_asset_info *info)
{
    char size[PERFOPT__FORMAT], text[160];
    if (strcmp(info->state, "missing") == 0)
        find(walk, info, "high", "missing", "The built file is gone. Precompile it again.");
    if (strcmp(info->state, "stale") == 0)
        find(walk, info, "warn", "stale", "The source changed after it was built.");
    if (strcmp(info->state, "unminified") == 0)
        find(walk, info, "warn", "unminified",
             "It could not be parsed and is served as it was written; the log has the line.");
    if (info->minified_bytes > info->raw_bytes)
        find(walk, info, "warn", "grown", "The built file is larger than its source.");
    if (is_text(info->type) && info->gzip_bytes == 0 && info->minified_bytes >= 1024)
        find(walk, info, "info", "no variant", "Text without a compressed variant.");
    if (sent_bytes_of(info) > LARGE_BYTES) {
        snprintf(text, sizeof(text), "%s to send: more than 250 KiB.",
                 perfopt__format_size((double)sent_bytes_of(info), size));
        find(walk, info, "info", "large", text);
    }
}

/* ---- files --------------------------------------------------------------------------------- */

/* The first 8 digits of the hash in "css/site-1a2b3c4d5e6f.css"; "" without one. */
static void hash_of(const char *built_name, char out[9])
{
    const char *slash = strrchr(built_name, '/');
    const char *dash = strrchr(slash ? slash : built_name, '-');
    out[0] = '\0';
    if (dash && strspn(dash + 1, "0123456789abcdef") >= 12)
        snprintf(out, 9, "%.8s", dash + 1);
}

static perfopt_value file_value(file_walk *walk, const perfopt_asset_info *info, const char *hash)
{
    perfopt__build *b = walk->b;
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_copy(b, map, "name", info->name);
    perfopt__put_copy(b, map, "hash", hash);
    perfopt__put_copy(b, map, "built_name", info->built_name);
    perfopt__put_copy(b, map, "type", info->type);
    perfopt__put_int(b, map, "raw_bytes", info->raw_bytes);
    perfopt__put_int(b, map, "minified_bytes", info->minified_bytes);
    perfopt__put(b, map, "gzip_bytes",
                 info->gzip_bytes ? perfopt_int((int64_t)info->gzip_bytes) : perfopt_none());
    perfopt__put(b, map, "brotli_bytes",
                 info->brotli_bytes ? perfopt_int((int64_t)info->brotli_bytes) : perfopt_none());
    perfopt__put_number(b, map, "saved_ratio",
                        info->raw_bytes ? 1 - (double)sent_bytes_of(info) / (double)info->raw_bytes
                                        : NAN);
    perfopt__put_int(b, map, "requests", info->requests);
    perfopt__put_ratio(b, map, "not_modified_ratio", info->not_modified, info->requests);
    perfopt__put_number(b, map, "weight", (double)info->raw_bytes * (double)info->requests);
    perfopt__put_copy(b, map, "state", info->state);
    return map;
}

static bool visit_file(const perfopt_asset_info *info, void *user)
{
    file_walk *walk = user;
    char hash[9];
    hash_of(info->built_name, hash);
    walk->sent_bytes += sent_bytes_of(info);
    walk->fingerprinted += hash[0] != '\0';
    walk->unminified += strcmp(info->state, "unminified") == 0;
    find_all(walk, info);
    if (walk->files++ < MAX_FILES)
        perfopt__add(walk->b, walk->rows, file_value(walk, info, hash));
    return walk->b->status == PERFOPT_OK;
}

/* ---- the page ------------------------------------------------------------------------------ */

static perfopt_value tiles_value(perfopt__build *b, const perfopt_assets_stats *s,
                                 const file_walk *walk)
{
    perfopt_value tiles = perfopt__build_map(b);
    perfopt__put_int(b, tiles, "assets", s->assets);
    perfopt__put_int(b, tiles, "fingerprinted", walk->fingerprinted);
    perfopt__put_ratio(b, tiles, "fingerprinted_ratio", walk->fingerprinted, s->assets);
    perfopt__put_int(b, tiles, "with_gzip", s->with_gzip);
    perfopt__put_int(b, tiles, "with_brotli", s->with_brotli);
    perfopt__put_ratio(b, tiles, "gzip_ratio", s->with_gzip, s->assets);
    perfopt__put_int(b, tiles, "raw_bytes", s->raw_bytes);
    perfopt__put_int(b, tiles, "minified_bytes", s->minified_bytes);
    perfopt__put_int(b, tiles, "gzip_bytes", s->gzip_bytes);
    perfopt__put_int(b, tiles, "sent_bytes", walk->sent_bytes);
    perfopt__put_ratio(b, tiles, "sent_ratio", walk->sent_bytes, s->raw_bytes);
    perfopt__put_number(b, tiles, "saved_ratio",
                        s->raw_bytes ? 1 - (double)walk->sent_bytes / (double)s->raw_bytes : NAN);
    perfopt__put_int(b, tiles, "stale", s->stale);
    perfopt__put_int(b, tiles, "missing", s->missing);
    perfopt__put_int(b, tiles, "unminified", walk->unminified);
    perfopt__put_time(b, tiles, "last_precompile", s->last_precompile_s * 1000);
    perfopt__put_number(b, tiles, "last_took_ms", s->last_took_ms ? (double)s->last_took_ms : NAN);
    perfopt__put_copy(b, tiles, "version", s->version);
    return tiles;
}

static perfopt_value delivery_value(perfopt__build *b, const perfopt_assets_stats *s)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_int(b, map, "requests", s->requests);
    perfopt__put_int(b, map, "not_modified", s->not_modified);
    perfopt__put_ratio(b, map, "not_modified_ratio", s->not_modified, s->requests);
    perfopt__put_int(b, map, "not_found", s->not_found);
    perfopt__put_int(b, map, "memory_hits", s->memory_hits);
    perfopt__put_int(b, map, "memory_misses", s->memory_misses);
    perfopt__put_ratio(b, map, "memory_hit_ratio", s->memory_hits,
                       s->memory_hits + s->memory_misses);
    perfopt__put_int(b, map, "bytes_identity", s->bytes_identity);
    perfopt__put_int(b, map, "bytes_gzip", s->bytes_gzip);
    perfopt__put_int(b, map, "bytes_brotli", s->bytes_brotli);
    perfopt__put_int(b, map, "unknown_names", s->unknown_names);
    return map;
}

static void put_jobs(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    perfopt_value jobs = perfopt__build_map(b);
    perfopt_value list = perfopt__build_list(b);
    const char *current = perfopt__jobs_list(in->jobs, b, list);
    perfopt__put_bool(b, jobs, "available", in->sources->workers != NULL);
    perfopt__put_copy(b, jobs, "current", current);
    perfopt__put(b, jobs, "list", list);
    perfopt__put(b, map, "jobs", jobs);
}

void perfopt__collect_assets(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    perfopt_assets *assets = in->sources->assets;
    file_walk walk = {.b = b};
    walk.rows = perfopt__build_list(b);
    walk.findings = perfopt__build_list(b);
    perfopt_value tiles = perfopt_none();
    perfopt_value delivery = perfopt_none();
    if (assets) {
        perfopt_assets_stats stats;
        perfopt_assets_get_optimization_stats(assets, &stats);
        perfopt_assets_each(assets, visit_file, &walk);
        tiles = tiles_value(b, &stats, &walk);
        delivery = delivery_value(b, &stats);
    }
    perfopt_value files = perfopt__build_map(b);
    perfopt__put_int(b, files, "total", walk.files);
    perfopt__put(b, files, "rows", walk.rows);
    perfopt__put(b, map, "tiles", tiles);
    perfopt__put(b, map, "findings", walk.findings);
    perfopt__put_int(b, map, "findings_more",
                     walk.finding_count > MAX_FINDINGS ? walk.finding_count - MAX_FINDINGS : 0);
    perfopt__put(b, map, "assets", files);
    perfopt__put(b, map, "delivery", delivery);
    perfopt_value images = perfopt__build_map(b);
    perfopt__put_bool(b, images, "available", in->sources->frontend != NULL);
    perfopt__put(b, map, "images", images);
    put_jobs(b, in, map);
}
