/*
 * assets.h - static files made small and cacheable for ever: minification, precompression, content
 * hashes, the manifest, and serving.
 *
 *     static/css/site.css  --precompile-->  static/.perfopt/css/site-1a2b3c4d5e6f.css
 *                                           static/.perfopt/css/site-1a2b3c4d5e6f.css.gz
 *                                           static/.perfopt/manifest.json
 *
 * The sources are never changed. The manifest maps logical names ("css/site.css") to what was
 * built; it is replaced atomically, so a running site sees the old build or the new one.
 */
#ifndef PERFOPT_ASSETS_H
#define PERFOPT_ASSETS_H

#include <perfopt/base.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_assets perfopt_assets;

/* ---- minifiers ---------------------------------------------------------------------------- */

typedef enum perfopt_asset_type {
    PERFOPT_ASSET_OTHER = 0, /* copied as it is */
    PERFOPT_ASSET_CSS = 1,
    PERFOPT_ASSET_JS = 2,
    PERFOPT_ASSET_HTML = 3,
    PERFOPT_ASSET_SVG = 4,
    PERFOPT_ASSET_JSON = 5
} perfopt_asset_type;

/**
 * Minify one document.
 *
 * The result means the same to a browser: strings, regular expressions, template literals, url()s
 * and comments that start with "!" or carry a licence mark ("@license", "@preserve") stay.
 * Identifiers are not renamed. Source-map comments go, because the map describes the text before. A
 * document that cannot be tokenised is an error with its line and column, never a guess; a script
 * or style inside HTML that cannot be stays as it is.
 *
 * @param type       Any but PERFOPT_ASSET_OTHER.
 * @param[out] out   Release with perfopt_bytes_release(); untouched on failure.
 * @return PERFOPT_OK; PERFOPT_ESYNTAX (detail = "line:column"), PERFOPT_EUNSUPPORTED (type),
 *         PERFOPT_ELIMIT (more than 64 MiB), PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Complexity: O(length).   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_minify(perfopt_asset_type type, const char *source,
                                          size_t length, perfopt_bytes **out, perfopt_error *err);

/**
 * Type by file name extension (.css .js .mjs .html .htm .svg .json .map).
 *
 * @return PERFOPT_ASSET_OTHER for any other name.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_asset_type perfopt_asset_type_of(const char *path);

/* ---- options ------------------------------------------------------------------------------ */

typedef struct perfopt_assets_options {
    size_t struct_size;
    const char *root;        /* folder of the sources; mandatory; copied */
    const char *output;      /* folder of the build; NULL = "<root>/.perfopt" */
    const char *url_prefix;  /* path the files are served under; NULL = "/static/" */
    perfopt_switch minify;   /* default on */
    perfopt_switch compress; /* gzip (and brotli when built in) variants; default on
                                (ASSET_COMPRESSION_ENABLED) */
    perfopt_switch watch; /* development: serve sources, re-stat them on every use; default off */
    uint32_t compress_min_bytes; /* smaller files get no variant; 0 = 256 */
    uint32_t max_file_bytes;     /* larger files are served, but not built; 0 = 64 MiB */
    uint32_t memory_bytes;       /* built files kept in memory for serving; 0 = 64 MiB */
} perfopt_assets_options;

#define PERFOPT_ASSETS_OPTIONS(...) PERFOPT_OPTIONS(perfopt_assets_options, __VA_ARGS__)
#define PERFOPT_ASSETS_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_assets_options)

/**
 * Open an asset folder and load its manifest if there is one.
 *
 * Without a manifest, or for names that are not in it, sources are served under their plain names
 * with a short lifetime. A manifest that another process writes later is noticed by
 * perfopt_assets_serve() and perfopt_assets_get_optimization_stats(), at most once a second.
 *
 * @param[out] out Destroy with perfopt_assets_destroy(); untouched on failure.
 * @return PERFOPT_OK; PERFOPT_ECONFIG (no root, root is no folder, output contains root, url_prefix
 *         is no URL), PERFOPT_EPROTO (damaged manifest: the message says to delete it and
 * precompile again), PERFOPT_EIO, PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: file system.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_assets_create(const perfopt_assets_options *options,
                                                 perfopt_assets **out, perfopt_error *err);

/** Release; NULL is allowed.  Thread-safety: owner only.   Blocks: never.   Since: 0.1 */
PERFOPT_API void perfopt_assets_destroy(perfopt_assets *assets);

/* ---- building ----------------------------------------------------------------------------- */

/* Called between files; return false to cancel. done counts from 1 to total. */
typedef bool (*perfopt_assets_progress_fn)(size_t done, size_t total, const char *name, void *user);

typedef struct perfopt_precompile_result {
    uint32_t files;      /* sources matched */
    uint32_t built;      /* written now; the rest was up to date */
    uint32_t failed;     /* copied unminified because of a syntax error, or unreadable */
    uint32_t compressed; /* files with a gzip variant */
    uint64_t raw_bytes;
    uint64_t minified_bytes;
    uint64_t gzip_bytes; /* of the files that have a variant */
    int64_t took_ms;
} perfopt_precompile_result;

/**
 * Build the files that match any of the patterns, and write the manifest.
 *
 * Minifies, rewrites url() and @import targets and source-map comments that name other assets to
 * their hashed names (a reference to a file that does not exist is left alone and logged), names
 * the result <name>-<first 12 hex digits of its SHA-256><ext>, writes gzip (and brotli) variants
 * when they are at least 5 % smaller, and replaces the manifest at the end. Files whose source did
 * not change are not built again. A pattern without '/' matches the base name at any depth
 * ("*.css"); with '/' it matches the path below root ("**" crosses folders). Entries of files
 * outside the patterns stay; entries of sources that are gone go.
 *
 * Names with ".min." are taken as minified already and keep their source-map comments. Files that
 * name each other in a circle keep the plain names among themselves. The two builds before of each
 * file stay reachable under their hashed names until perfopt_assets_clear_cache().
 *
 * @param patterns NULL-terminated array; NULL = all files.
 * @param progress May be NULL; runs on the calling thread.
 * @param[out] result May be NULL; filled also on PERFOPT_ECANCELED.
 * @return PERFOPT_OK (also when `failed` > 0: details are logged), PERFOPT_ECANCELED (the old build
 *         stays), PERFOPT_EBUSY (another call is running, in this process or another), PERFOPT_EIO,
 *         PERFOPT_EPROTO (another process left a damaged manifest), PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread; readers go on with the old build.   Blocks: file system, CPU.
 * Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_assets_precompile(perfopt_assets *assets,
                                                     const char *const *patterns,
                                                     perfopt_assets_progress_fn progress,
                                                     void *user, perfopt_precompile_result *result,
                                                     perfopt_error *err);

/**
 * Write compressed variants for built files that lack them, without building anything else.
 *
 * @param[out] count Variants written; may be NULL.
 * @return PERFOPT_OK, PERFOPT_EBUSY, PERFOPT_EIO, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: file system, CPU.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_assets_compress(perfopt_assets *assets, uint32_t *count,
                                                   perfopt_error *err);

/**
 * Forget files kept in memory and delete built files that no manifest entry names, those of the
 * builds before too. Files whose names no build writes are never deleted.
 *
 * @param[out] removed Files deleted; may be NULL.
 * @return PERFOPT_OK, PERFOPT_EBUSY, PERFOPT_EIO, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: file system.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_assets_clear_cache(perfopt_assets *assets, uint32_t *removed,
                                                      perfopt_error *err);

/**
 * Compare every built file with its hash and every source with what was built from it.
 *
 * @param rebuild          Build what is stale, missing or damaged again.
 * @param[out] mismatches  Entries that did not match; may be NULL.
 * @return PERFOPT_OK, PERFOPT_EBUSY, PERFOPT_EIO, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: file system, CPU.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_assets_regenerate_hashes(perfopt_assets *assets, bool rebuild,
                                                            uint32_t *mismatches,
                                                            perfopt_error *err);

/* ---- names -------------------------------------------------------------------------------- */

/**
 * URL of an asset: with its content hash if it was built, else the plain path with "?v=<version>".
 *
 * @param name  Logical name such as "css/site.css"; a leading '/' is ignored.
 * @param arena Where the result lives.
 * @return The URL; NULL only when out of memory. A name that leaves the root or is unknown gives
 * the plain path (and is counted in stats.unknown_names), so that a page never breaks.
 *
 * Thread-safety: any thread.   Blocks: never (development: one stat).   Since: 0.1
 */
PERFOPT_API const char *perfopt_asset_url(perfopt_assets *assets, const char *name,
                                          perfopt_arena *arena);

/**
 * Version of one asset or of all (name NULL: of the manifest): 12 hex digits of the content hash,
 * or for a source that is not built of its size and time.
 *
 * @param[out] out 13 bytes, NUL-terminated; "0" if there is none.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void perfopt_asset_version(perfopt_assets *assets, const char *name, char out[13]);

/**
 * Subresource-integrity value of a built asset, "sha256-<base64>".
 *
 * @return PERFOPT_OK or PERFOPT_ENOTFOUND (not built; development, where sources are served).
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_asset_integrity(perfopt_assets *assets, const char *name,
                                                   char out[64]);

/* ---- serving ------------------------------------------------------------------------------ */

/* What an HTTP request for an asset says; absent headers are NULL. */
typedef struct perfopt_asset_request {
    const char *path; /* below url_prefix, percent-decoded, as it came otherwise */
    size_t path_length;
    const char *accept_encoding;
    const char *if_none_match;
    const char *if_modified_since;
    const char *range;
    const char *if_range;
} perfopt_asset_request;

/* What to answer. Strings and body live until perfopt_asset_response_finish(). */
typedef struct perfopt_asset_response {
    int status; /* 200, 206, 304, 404, 416 */
    const char *content_type;
    const char *content_encoding; /* NULL, "gzip" or "br" */
    const char *cache_control;    /* "public, max-age=31536000, immutable" for hashed names */
    char etag[48];
    char last_modified[30]; /* "" = none */
    char content_range[80]; /* "" = none */
    bool vary_accept_encoding;
    bool accept_ranges;
    const char *body; /* NULL for 304/404/416 */
    size_t body_length;
    perfopt_bytes *bytes_; /* owns body */
} perfopt_asset_response;

/**
 * Answer a request for a file below the root.
 *
 * RFC 9110: q-values of Accept-Encoding, strong ETags that differ per encoding, If-None-Match lists
 * and weak comparison, one Range with If-Range, 416 with "bytes * / length". Hidden files (a path
 * segment that starts with '.'), links that leave the root, folders and names that leave the root
 * are 404. If no encoding is acceptable, the plain file is sent.
 *
 * The name of a built file gives that build; a logical name gives the same bytes with a short
 * lifetime. A source that is not built is compressed in memory and compared with its file once a
 * second (development: every time).
 *
 * @param[out] out Finish with perfopt_asset_response_finish() whatever the result.
 * @return PERFOPT_OK (look at out->status), PERFOPT_ENOMEM, PERFOPT_EIO.
 *
 * Thread-safety: any thread.   Blocks: file system on the first use of a file.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_assets_serve(perfopt_assets *assets,
                                                const perfopt_asset_request *request,
                                                perfopt_asset_response *out);

/** Release what a response holds; a zeroed one is allowed.  Thread-safety: owner.  Since: 0.1 */
PERFOPT_API void perfopt_asset_response_finish(perfopt_asset_response *response);

/* ---- statistics --------------------------------------------------------------------------- */

typedef struct perfopt_asset_info {
    const char *name; /* logical */
    const char *built_name;
    const char *type; /* media type */
    uint64_t raw_bytes;
    uint64_t minified_bytes;
    uint64_t gzip_bytes;   /* 0 = no variant */
    uint64_t brotli_bytes; /* 0 = no variant */
    uint64_t requests;
    uint64_t not_modified;
    const char *state; /* "ok", "stale", "missing", "unminified" */
} perfopt_asset_info;

typedef struct perfopt_assets_stats {
    uint32_t assets; /* manifest entries */
    uint32_t with_gzip;
    uint32_t with_brotli;
    uint32_t stale;   /* source changed since it was built */
    uint32_t missing; /* built file is gone */
    uint64_t raw_bytes;
    uint64_t minified_bytes;
    uint64_t gzip_bytes;
    uint64_t requests;
    uint64_t not_modified;
    uint64_t not_found;
    uint64_t memory_hits; /* served from memory */
    uint64_t memory_misses;
    uint64_t bytes_identity; /* body bytes sent, by encoding */
    uint64_t bytes_gzip;
    uint64_t bytes_brotli;
    uint64_t unknown_names;    /* perfopt_asset_url of a name that does not exist */
    int64_t last_precompile_s; /* wall time of the manifest, 0 = never */
    int64_t last_took_ms;      /* 0 = not in this process */
    char version[13];
} perfopt_assets_stats;

/**
 * Read the counters; checks the files on disk for stale and missing ones.
 *
 * Thread-safety: any thread.   Blocks: file system (one stat per asset).   Since: 0.1
 */
PERFOPT_API void perfopt_assets_get_optimization_stats(perfopt_assets *assets,
                                                       perfopt_assets_stats *out);

/**
 * Visit every manifest entry in name order.
 *
 * @param fn Return false to stop. The info's strings are valid during the call only.
 *
 * Thread-safety: any thread.   Blocks: file system.   Since: 0.1
 */
PERFOPT_API void perfopt_assets_each(perfopt_assets *assets,
                                     bool (*fn)(const perfopt_asset_info *info, void *user),
                                     void *user);

PERFOPT_END_DECLS

#endif
