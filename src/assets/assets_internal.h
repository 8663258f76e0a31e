/*
 * assets_internal.h - what the files of the build and of serving share, grouped by owning file. The
 * minifiers know nothing of this (minify.h).
 *
 *     scan.c --names--> build.c --entries--> manifest.c --snapshot--> names.c, serve.c, stats.c
 *                         |  references.c, order.c, variants.c, parallel.c        |
 *                         v                                                       v
 *                    output folder  <----------------- files ---------------- store.c
 */
#ifndef PERFOPT_SRC_ASSETS_ASSETS_INTERNAL_H
#define PERFOPT_SRC_ASSETS_ASSETS_INTERNAL_H

#include "assets/media_type.h"
#include "base/map.h"
#include "base/strbuf.h"

#include <perfopt/assets.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum { PERFOPT__ASSET_PATH_MAX = 4096 };

typedef enum perfopt__encoding {
    ENCODING_IDENTITY = 0,
    ENCODING_GZIP = 1,
    ENCODING_BROTLI = 2,
    ENCODING_COUNT = 3
} perfopt__encoding;

/* ---- readers.c ---- */

enum { PERFOPT__READER_SLOTS = 16 };

/* Counters of one slot; added up when somebody asks. */
typedef struct perfopt__asset_counts {
    _Atomic uint64_t requests;
    _Atomic uint64_t not_modified;
    _Atomic uint64_t not_found;
    _Atomic uint64_t memory_hits;
    _Atomic uint64_t memory_misses;
    _Atomic uint64_t bytes[ENCODING_COUNT];
    _Atomic uint64_t unknown_names;
} perfopt__asset_counts;

/*
 * A lock for what is read by every request and changed by hardly any. Each thread has one of 16
 * slots and locks only that one to read; a writer locks all of them. Reading costs one lock that
 * nearly always belongs to this thread alone, writing costs 16.
 */
typedef struct perfopt__reader_slot {
    alignas(64) pthread_mutex_t lock;
    perfopt__asset_counts counts;
} perfopt__reader_slot;

typedef struct perfopt__readers {
    perfopt__reader_slot *slots;
    void *memory; /* what the slots were cut from, so that they are aligned */
} perfopt__readers;

perfopt_status perfopt__readers_init(perfopt__readers *readers);
void perfopt__readers_finish(perfopt__readers *readers);
/* Gives the slot to unlock; its counters belong to the calling thread's slot. */
perfopt__reader_slot *perfopt__read_lock(perfopt__readers *readers);
void perfopt__read_unlock(perfopt__reader_slot *slot);
void perfopt__write_lock(perfopt__readers *readers);
void perfopt__write_unlock(perfopt__readers *readers);
/* This thread's slot, for counting without the lock. */
perfopt__reader_slot *perfopt__reader_slot_of_thread(perfopt__readers *readers);

static inline void perfopt__count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ---- scan.c ---- */

/* One file below the root. */
typedef struct perfopt__source {
    char *name; /* below the root */
    uint64_t bytes;
    int64_t mtime_ns;
} perfopt__source;

typedef struct perfopt__source_list {
    perfopt__source *items; /* in order of name */
    size_t count;
    size_t capacity;
    uint32_t refused; /* names that cannot be served or written to a manifest; logged */
} perfopt__source_list;

/* All files below the root but hidden ones, the output folder, and links that leave the root. */
perfopt_status perfopt__scan(const perfopt_assets *assets, perfopt__source_list *out,
                             perfopt_error *err);
void perfopt__source_list_finish(perfopt__source_list *list);
/* True for NULL patterns, and for a name that one of them matches. */
bool perfopt__matches(const char *const *patterns, const char *name);
/* A name that may be asked for: below the root, no empty and no hidden segment. */
bool perfopt__is_servable(const char *name, size_t length);
/* Opens a source for reading. PERFOPT_ENOTFOUND (also for folders, hidden files, and links that
 * leave the root), PERFOPT_EIO. */
perfopt_status perfopt__open_source(const perfopt_assets *assets, const char *name, int *fd,
                                    struct stat *st);
int64_t perfopt__mtime_ns(const struct stat *st);
/* Reads [offset, offset + length) of an open file; PERFOPT_EIO if it is shorter. */
perfopt_status perfopt__read_range(int fd, uint64_t offset, size_t length, perfopt_bytes **out);

/* ---- manifest.c ---- */

/* One use of another asset: what it was replaced by. */
typedef struct perfopt__reference {
    char *name;  /* logical name */
    char *built; /* NULL = left as it was written */
} perfopt__reference;

/* Requests of one logical name; outlives the manifests it appears in. */
typedef struct perfopt__asset_usage {
    _Atomic uint32_t refs;
    _Atomic uint64_t requests;
    _Atomic uint64_t not_modified;
} perfopt__asset_usage;

typedef struct perfopt__entry {
    char *name;
    char *built;
    char *recipe;    /* settings it was built with; another one means building again */
    char sha256[65]; /* of the built file */
    char source_sha256[65];
    uint64_t source_bytes;
    int64_t source_mtime_ns;
    uint64_t bytes[ENCODING_COUNT]; /* of the built file and its variants, 0 = no variant */
    bool unminified;                /* because of a syntax error */
    perfopt__reference *references;
    size_t reference_count;
    perfopt__asset_usage *usage; /* NULL until the manifest is in use */
} perfopt__entry;

typedef struct perfopt__manifest {
    _Atomic uint32_t refs;
    perfopt__entry **entries; /* in order of name */
    size_t count;
    size_t capacity;
    perfopt__entry **previous; /* of the builds before, newest first: still served */
    size_t previous_count;
    size_t previous_capacity;
    perfopt__map by_name;  /* -> entry */
    perfopt__map by_built; /* -> entry, previous ones too */
    perfopt__map unbuilt;  /* sources without an entry -> their version as a number */
    char version[13];
    int64_t written_s; /* 0 = there is no manifest file */
    int64_t mtime_ns;  /* of the file, to see that it was replaced */
    uint64_t inode;
} perfopt__manifest;

perfopt__manifest *perfopt__manifest_new(void); /* one reference; NULL when out of memory */
perfopt__manifest *perfopt__manifest_retain(perfopt__manifest *manifest);
void perfopt__manifest_release(perfopt__manifest *manifest);
perfopt__entry *perfopt__entry_new(const char *name); /* NULL when out of memory */
perfopt__entry *perfopt__entry_copy(const perfopt__entry *entry);
void perfopt__entry_free(perfopt__entry *entry);
void perfopt__usage_release(perfopt__asset_usage *usage); /* NULL is allowed */
/* Takes the entry (also when it fails: then it is freed). */
perfopt_status perfopt__manifest_add(perfopt__manifest *manifest, perfopt__entry *entry,
                                     bool previous);
/* Sorts, builds the maps and the version: the manifest may be used from now on. */
perfopt_status perfopt__manifest_seal(perfopt__manifest *manifest);
perfopt__entry *perfopt__manifest_by_name(const perfopt__manifest *manifest, const char *name);
perfopt__entry *perfopt__manifest_by_built(const perfopt__manifest *manifest, const char *built);

/* ---- manifest_file.c ---- */

/* Reads <output>/manifest.json; an absent file gives an empty manifest. PERFOPT_EPROTO if it is
 * damaged. The result is sealed. */
perfopt_status perfopt__manifest_load(const char *output, perfopt__manifest **out,
                                      perfopt_error *err);
/* Replaces the file and notes its identity in the manifest. */
perfopt_status perfopt__manifest_save(perfopt__manifest *manifest, const char *output,
                                      perfopt_error *err);
/* Has the file been replaced since this manifest was read or written? */
bool perfopt__manifest_is_outdated(const perfopt__manifest *manifest, const char *output);

/* ---- store.c ---- */

/* A file in memory, or what is known of one. */
typedef struct perfopt__kept {
    perfopt_bytes *bytes[ENCODING_COUNT];
    char tag[33]; /* entity tag of a source */
    uint64_t source_bytes;
    int64_t source_mtime_ns;
    _Atomic int64_t checked_ms; /* when the source was last compared with the file */
    _Atomic bool used;          /* since the clock's hand came by */
    size_t cost;
} perfopt__kept;

typedef struct perfopt__store {
    perfopt__map files; /* "b<built name>" or "s<source name>" -> kept */
    size_t used_bytes;
    size_t max_bytes;
    size_t hand; /* where the clock stands in the map */
} perfopt__store;

/* Larger files are read for each request. */
bool perfopt__store_takes(const perfopt__store *store, uint64_t bytes);
/* Under the read lock. NULL if it is not there. */
perfopt__kept *perfopt__store_find(perfopt__store *store, char kind, const char *name);
/* Under the write lock. Puts bytes (retained) in, after making room; *kept gets the file's record,
 * NULL if there is no memory for one. A full or failing store only means no caching. */
void perfopt__store_put(perfopt__store *store, char kind, const char *name,
                        perfopt__encoding encoding, perfopt_bytes *bytes, perfopt__kept **kept);
/* Under the write lock. Forgets built files that this manifest does not name. */
void perfopt__store_keep_built(perfopt__store *store, const perfopt__manifest *manifest);
/* Under the write lock. */
void perfopt__store_remove(perfopt__store *store, char kind, const char *name);
void perfopt__store_clear(perfopt__store *store);

/* ---- variants.c ---- */

void perfopt__sha256_hex(const void *data, size_t length, char out[65]);
const char *perfopt__encoding_suffix(perfopt__encoding encoding); /* "", ".gz", ".br" */
bool perfopt__encoding_is_built_in(perfopt__encoding encoding);
/* Compresses as strongly as possible; *out is NULL if it saves less than 5 %. */
perfopt_status perfopt__compress(perfopt__encoding encoding, const char *data, size_t length,
                                 char **out, size_t *out_length);

/* ---- references.c ---- */

/* A place in a text that names another file. */
typedef struct perfopt__mention {
    size_t start; /* the URL, without quotes */
    size_t end;
    char *name; /* logical name it means; owned */
} perfopt__mention;

typedef struct perfopt__mention_list {
    perfopt__mention *items; /* in order of place */
    size_t count;
    size_t capacity;
} perfopt__mention_list;

/* Finds the mentions of files below the root in the text of asset `name`. */
perfopt_status perfopt__find_mentions(const char *name, const char *text, size_t length,
                                      perfopt__mention_list *out);
void perfopt__mention_list_finish(perfopt__mention_list *list);
/* Appends the URL with its base name replaced by that of `built`. */
void perfopt__put_renamed(perfopt__strbuf *out, const char *url, size_t length, const char *built);
/* <name>-<first 12 digits of sha256><ext>; NULL when out of memory. */
char *perfopt__built_name(const char *name, const char *sha256);

/* ---- order.c ---- */

/* A graph: edges[offsets[i]..offsets[i + 1]) are the nodes that node i needs. */
typedef struct perfopt__graph {
    size_t nodes;
    const size_t *offsets;
    const size_t *edges;
} perfopt__graph;

/* Orders the nodes so that each comes behind those it needs. Nodes that need each other get the
 * same number in group[]. PERFOPT_OK or PERFOPT_ENOMEM. */
perfopt_status perfopt__order(const perfopt__graph *graph, size_t *order, size_t *group);

/* ---- parallel.c ---- */

/* Runs work(0..count-1) on some threads; done(i) on the calling thread after each, in the order in
 * which they end, until it returns false. PERFOPT_OK, PERFOPT_ECANCELED, PERFOPT_ENOMEM. */
perfopt_status perfopt__parallel(size_t count, void (*work)(size_t i, void *user),
                                 bool (*done)(size_t i, void *user), void *user,
                                 perfopt_error *err);

/* ---- build_file.c ---- */

/* One source on its way to a built file. */
typedef struct perfopt__job {
    const perfopt__source *source;
    const perfopt__entry *old; /* what is in the manifest now; may be NULL */
    perfopt__entry *entry;     /* what will be; NULL if it cannot be read and never was */
    char *text;                /* to be written; NULL when it is written or need not be */
    size_t length;
    perfopt__mention_list mentions;
    bool forced;    /* build whatever it looks like */
    bool unchanged; /* the source is the one that `old` was built from */
    bool waits;     /* names other assets, so those come first */
    bool written;
    bool failed; /* unminified or unreadable */
    size_t node; /* in the graph of those that wait */
    perfopt_status status;
    perfopt_error error;
} perfopt__job;

/* Settings that change what is built. */
const char *perfopt__recipe(const perfopt_assets *assets);
/* Decides whether the source has changed; if so reads and minifies it, and writes it unless it has
 * to wait for the names of others. Any thread. */
void perfopt__job_prepare(const perfopt_assets *assets, perfopt__job *job);
/* Reads and minifies the source of a job that turned out not to be unchanged. */
void perfopt__job_load(const perfopt_assets *assets, perfopt__job *job);
/* Gives the text its hash and name. */
void perfopt__job_name(perfopt__job *job);
/* Writes the built file and its variants. Any thread. */
void perfopt__job_write(const perfopt_assets *assets, perfopt__job *job);
void perfopt__job_finish(perfopt__job *job);
/* Writes one variant of a built file; *bytes = its size, 0 if it is not worth having. */
perfopt_status perfopt__write_variant(const perfopt_assets *assets, const char *built,
                                      perfopt__encoding encoding, const char *data, size_t length,
                                      uint64_t *bytes, perfopt_error *err);

/* ---- link.c ---- */

/* The jobs of one build and what they may refer to. */
typedef struct perfopt__link {
    const perfopt_assets *assets;
    perfopt__job *jobs;
    size_t count;
    const perfopt__map *by_name;      /* -> job */
    const perfopt__manifest *current; /* for assets outside the build */
} perfopt__link;

/* Gives all jobs that wait their texts and names, each after those it names. */
perfopt_status perfopt__link_jobs(const perfopt__link *link, perfopt_error *err);

/* ---- build.c ---- */

typedef struct perfopt__build_options {
    const char *const *patterns;
    bool only_known;           /* only sources that have an entry now */
    const perfopt__map *force; /* names to build whatever they look like; may be NULL */
    perfopt_assets_progress_fn progress;
    void *user;
} perfopt__build_options;

/* Builds, writes and publishes; the caller holds the builder's place. */
perfopt_status perfopt__build(perfopt_assets *assets, const perfopt__build_options *options,
                              perfopt_precompile_result *result, perfopt_error *err);

/* ---- assets.c ---- */

struct perfopt_assets {
    char *root;   /* real path */
    char *output; /* real path once it exists */
    char *url_prefix;
    bool minify;
    bool compress;
    bool watch;
    uint32_t compress_min_bytes;
    uint32_t max_file_bytes;
    perfopt__readers readers;
    perfopt__manifest *manifest;   /* changed under the write lock */
    perfopt__store store;          /* the same */
    pthread_mutex_t builder;       /* one build, compress, clear or check at a time */
    int build_lock_fd;             /* the same between processes; -1 = not held */
    _Atomic int64_t next_check_ms; /* when to look for a new manifest */
    _Atomic int64_t took_ms;       /* of the last precompile */
};

/* The current manifest with a reference of its own. */
perfopt__manifest *perfopt__current_manifest(perfopt_assets *assets);
/* Indexes the sources without an entry and makes the sealed manifest current; takes the reference.
 * Files whose name did not change stay in memory. */
perfopt_status perfopt__publish(perfopt_assets *assets, perfopt__manifest *manifest,
                                perfopt_error *err);
/* Takes the builder's place, or PERFOPT_EBUSY. */
perfopt_status perfopt__builder_enter(perfopt_assets *assets, perfopt_error *err);
void perfopt__builder_leave(perfopt_assets *assets);
/* Joins folder, "/", name and suffix; false if it does not fit. */
bool perfopt__join(char out[PERFOPT__ASSET_PATH_MAX], const char *folder, const char *name,
                   const char *suffix);
/* Version of a source that is not built, from its size and time; never 0. */
uint64_t perfopt__source_version(uint64_t bytes, int64_t mtime_ns);
/* Loads the manifest another process has written; at most once a second. */
void perfopt__refresh_manifest(perfopt_assets *assets, int64_t now_ms);

/* ---- negotiate.c ---- */

/* The best of the encodings that exist (sizes[i] > 0; identity always does). */
perfopt__encoding perfopt__negotiate(const char *accept_encoding,
                                     const uint64_t sizes[ENCODING_COUNT]);
/* Does an If-None-Match list name this tag (weak comparison)? */
bool perfopt__etag_matches(const char *if_none_match, const char *etag);

typedef enum perfopt__range_result {
    RANGE_NONE,         /* no range, several, or not understood: send all */
    RANGE_ONE,          /* [*first, *last] */
    RANGE_UNSATISFIABLE /* 416 */
} perfopt__range_result;

perfopt__range_result perfopt__parse_range(const char *range, uint64_t length, uint64_t *first,
                                           uint64_t *last);
/* May the range be honoured? (RFC 9110, 13.1.5) */
bool perfopt__if_range_holds(const char *if_range, const char *etag, int64_t last_modified_s);

#endif
