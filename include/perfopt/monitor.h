/*
 * monitor.h - what the site does: routes, system, alerts, recommendations, browser timing, and the
 * Prometheus export.
 *
 * Recording costs a few additions in the calling thread's own memory; one sampler thread reads the
 * system and evaluates the alerts every interval.
 */
#ifndef PERFOPT_MONITOR_H
#define PERFOPT_MONITOR_H

#include <perfopt/base.h>
#include <perfopt/metrics.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_monitor perfopt_monitor;

/* ---- options ------------------------------------------------------------------------------ */

typedef enum perfopt_alert_state {
    PERFOPT_ALERT_NO_DATA = 0,
    PERFOPT_ALERT_OK = 1,
    PERFOPT_ALERT_PENDING = 2, /* over the threshold, not long enough yet */
    PERFOPT_ALERT_FIRING = 3
} perfopt_alert_state;

/* One rule as it stands. */
typedef struct perfopt_alert {
    char id[32];  /* "response-time", "cache-hit-rate", "pool-exhausted", "memory" */
    char unit[8]; /* "ms", "%", "" */
    double value; /* NAN = no data */
    double threshold, clear_threshold;
    perfopt_alert_state state;
    int64_t since_ms; /* wall time of the last change of state */
    char message[160];
} perfopt_alert;

/* Called on the sampler thread once per transition to firing, and once back to ok (or to no data,
 * when values cease to come for alert_clear_ms). No lock is held: it may read the monitor, and on
 * the sampler thread it may destroy it. */
typedef void (*perfopt_alert_fn)(const perfopt_alert *alert, void *user);

typedef struct perfopt_monitor_options {
    size_t struct_size;
    perfopt_switch enabled;        /* default on; off = recording is one branch */
    uint32_t interval_ms;          /* between samples; 0 = 5000 */
    uint32_t max_routes;           /* 0 = 200; the rest is one overflow route. With a site among the
                                      sources the site's own max_routes counts */
    uint32_t slow_request_ms;      /* 0 = 1000 */
    double response_time_alert_ms; /* p95 of the last 60 s with at least 20 requests; 0 = 2000;
                                      clears below 80 % of it */
    double
        cache_hit_alert_percent; /* over 5 min with at least 100 lookups; 0 = 70; clears 5 above */
    double memory_alert_percent; /* 0 = 80; clears 5 below */
    uint32_t pool_alert_ms;      /* waiters without an idle connection for this long; 0 = 1000 */
    uint32_t alert_for_ms;       /* how long a rule must hold before it fires; 0 = 30,000 */
    uint32_t alert_clear_ms;     /* how long it must be clear; 0 = 60,000 */
    perfopt_alert_fn on_alert;   /* may be NULL */
    void *on_alert_user;
    const char *const *disk_paths; /* NULL-terminated; NULL = "/" */
} perfopt_monitor_options;

#define PERFOPT_MONITOR_OPTIONS(...) PERFOPT_OPTIONS(perfopt_monitor_options, __VA_ARGS__)
#define PERFOPT_MONITOR_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_monitor_options)

/* The parts a monitor watches; each may be NULL. Borrowed; they must outlive the monitor. */
struct perfopt_cache;
struct perfopt_db;
struct perfopt_query_cache;
struct perfopt_assets;
struct perfopt_ssr;
struct perfopt_http;

typedef struct perfopt_monitor_sources {
    struct perfopt_cache *cache;
    struct perfopt_db *db;
    struct perfopt_query_cache *queries;
    struct perfopt_assets *assets;
    struct perfopt_ssr *ssr;
    struct perfopt_http *http;
} perfopt_monitor_sources;

/**
 * Create a monitor and start its sampler thread.
 *
 * @param[out] out Destroy with perfopt_monitor_destroy(); untouched on failure.
 * @return PERFOPT_OK, PERFOPT_ECONFIG (a threshold that cannot be), PERFOPT_EINVAL, PERFOPT_ENOMEM,
 *         PERFOPT_EFAILED (no thread).
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_monitor_create(const perfopt_monitor_options *options,
                                                  const perfopt_monitor_sources *sources,
                                                  perfopt_monitor **out, perfopt_error *err);

/** Stop the sampler and release; NULL is allowed.  Thread-safety: owner only.   Since: 0.1 */
PERFOPT_API void perfopt_monitor_destroy(perfopt_monitor *monitor);

/**
 * Take a sample and evaluate the alerts now, as the sampler thread does.
 *
 * Thread-safety: any thread.   Blocks: reads /proc and /sys.   Since: 0.1
 */
PERFOPT_API void perfopt_monitor_sample(perfopt_monitor *monitor);

/* ---- spans -------------------------------------------------------------------------------- */

/* A measured piece of work that is no request: a job, a function (monitor_performance). */
typedef struct perfopt_span {
    perfopt_monitor *monitor;
    const char *name;
    int64_t started_ns;
    bool failed;
} perfopt_span;

/**
 * Begin a span; it is listed among the routes with the method "SPAN".
 *
 * @param name A literal, or a string that stays valid and comes from a small set.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_span perfopt_span_begin(perfopt_monitor *monitor, const char *name);

/** End a span; `failed` counts as an error.  Thread-safety: the beginning thread.   Since: 0.1 */
PERFOPT_API void perfopt_span_end(perfopt_span *span);

#if (defined(__GNUC__) || defined(__clang__)) && !defined(__cplusplus)
/* PERFOPT_SPAN(monitor, "import"); measures until the enclosing block is left, also by return. */
#define PERFOPT_SPAN(monitor, name)           PERFOPT_SPAN_AT_(monitor, name, __LINE__)
#define PERFOPT_SPAN_AT_(monitor, name, line) PERFOPT_SPAN_VAR_(monitor, name, line)
#define PERFOPT_SPAN_VAR_(monitor, name, line)                                               \
    __attribute__((cleanup(perfopt_span_end), unused)) perfopt_span perfopt_span_##line##_ = \
        perfopt_span_begin((monitor), (name))
#endif

/* ---- reading ------------------------------------------------------------------------------ */

/* The windows a reader may ask for: 300, 3600, 28,800 and 259,200 seconds; another number is
 * rounded up to one of them. Series have steps of 10 s, 10 s, 1 min and 10 min; summaries and
 * routes begin at a step of 10 s, 1 min, 10 min and 1 h, and reach up to the last sample. */

typedef struct perfopt_summary {
    uint32_t window_s;
    uint64_t requests, errors;             /* errors: status 5xx and vanished clients */
    double requests_per_s, error_ratio;    /* NAN without requests */
    double p50_ms, p95_ms, p99_ms, max_ms; /* NAN without requests */
    double queries_per_request, page_cache_ratio;
    double cache_hit_ratio; /* NAN without lookups */
    double memory_ratio;    /* of what bounds the process; NAN = unknown */
    double cpu_ratio;       /* of the process's share; NAN before the second sample */
    uint32_t active_requests;
} perfopt_summary;

/** Read the summary of a window.  Thread-safety: any thread.   Blocks: briefly.   Since: 0.1 */
PERFOPT_API void perfopt_monitor_get_summary(perfopt_monitor *monitor, uint32_t window_s,
                                             perfopt_summary *out);

typedef struct perfopt_route_stats {
    char method[16];
    char route[160];
    uint64_t count, status_2xx, status_3xx, status_4xx, status_5xx, aborted, slow;
    double requests_per_s;
    double p50_ms, p95_ms, p99_ms, max_ms, mean_ms;
    double time_share; /* of the time of all requests in the window; NAN for spans */
    double queries_per_request, render_ms_per_request, db_ms_per_request;
    double page_cache_ratio, cache_hit_ratio;
    uint32_t most_queries; /* in one request */
    uint64_t over_query_budget, n_plus_one;
} perfopt_route_stats;

/**
 * Read the routes of a window by total time, most first.
 *
 * @param slow_only Only routes with slow requests.
 * @return Number written.
 *
 * Thread-safety: any thread.   Blocks: briefly.   Since: 0.1
 */
PERFOPT_API size_t perfopt_monitor_get_routes(perfopt_monitor *monitor, uint32_t window_s,
                                              bool slow_only, perfopt_route_stats *out,
                                              size_t capacity);

/* A time series; points without data are NAN. */
typedef enum perfopt_series {
    PERFOPT_SERIES_RPS = 0,
    PERFOPT_SERIES_P50_MS = 1,
    PERFOPT_SERIES_P95_MS = 2,
    PERFOPT_SERIES_ERROR_RATIO = 3,
    PERFOPT_SERIES_CACHE_HIT_RATIO = 4,
    PERFOPT_SERIES_MEMORY_RATIO = 5,
    PERFOPT_SERIES_CPU_RATIO = 6,
    PERFOPT_SERIES_POOL_IN_USE = 7,
    PERFOPT_SERIES_RENDER_P95_MS = 8
} perfopt_series;

/**
 * Read up to `capacity` newest points of a window, oldest first.
 *
 * @param[out] t0_s   Wall time of the first point.
 * @param[out] step_s Seconds between points.
 * @return Number written.
 *
 * Thread-safety: any thread.   Blocks: briefly.   Since: 0.1
 */
PERFOPT_API size_t perfopt_monitor_get_series(perfopt_monitor *monitor, perfopt_series series,
                                              uint32_t window_s, double *out, size_t capacity,
                                              int64_t *t0_s, uint32_t *step_s);

/**
 * Read all alert rules.
 *
 * @return Number written.
 *
 * Thread-safety: any thread.   Blocks: briefly.   Since: 0.1
 */
PERFOPT_API size_t perfopt_monitor_get_alerts(perfopt_monitor *monitor, perfopt_alert *out,
                                              size_t capacity);

typedef struct perfopt_system_disk {
    char path[128];
    uint64_t total_bytes, free_bytes;
} perfopt_system_disk;

/* The last sample of the machine; a source that cannot be read is NAN or 0 and named in `missing`.
 */
typedef struct perfopt_system {
    int64_t sampled_ms; /* wall */
    double process_cpu_ratio, host_cpu_ratio;
    double cpu_limit; /* CPUs the process may use */
    double load1;
    uint64_t rss_bytes;
    uint64_t memory_used_bytes, memory_limit_bytes;
    char memory_source[16]; /* "cgroup2", "cgroup1" or "host": whichever bounds the process */
    uint32_t open_fds, max_fds, threads;
    double psi_cpu, psi_memory, psi_io; /* "some" avg10 in percent */
    perfopt_system_disk disks[4];
    uint32_t disk_count;
    uint64_t uptime_s; /* of the process's monitor */
    char missing[128];
} perfopt_system;

/** Read the last sample.  Thread-safety: any thread.   Blocks: never.   Since: 0.1 */
PERFOPT_API void perfopt_monitor_get_system(perfopt_monitor *monitor, perfopt_system *out);

typedef struct perfopt_recommendation {
    char id[40];
    char severity[8]; /* "info", "warn", "high" */
    char title[120];
    char reason[300]; /* with the numbers that led to it */
    char action[300]; /* what to do */
} perfopt_recommendation;

/**
 * What the numbers suggest to change.
 *
 * @return Number written, most severe first.
 *
 * Thread-safety: any thread.   Blocks: briefly.   Since: 0.1
 */
PERFOPT_API size_t perfopt_monitor_get_recommendations(perfopt_monitor *monitor,
                                                       perfopt_recommendation *out,
                                                       size_t capacity);

/* ---- browser timing ----------------------------------------------------------------------- */

/* Web vitals as web-vitals names them. */
typedef struct perfopt_vital_stats {
    char name[8]; /* "LCP", "INP", "CLS", "TTFB", "FCP" */
    uint64_t count;
    double p75;        /* ms; CLS without unit */
    double good, poor; /* thresholds: good up to, poor above */
} perfopt_vital_stats;

/**
 * Take in one beacon body: a JSON object or array of {"name","value","id","route"}.
 *
 * Bodies above 4 KiB, unknown names and values out of range are refused; routes that the site does
 * not have are counted under "(other)".
 *
 * @return PERFOPT_OK, PERFOPT_ELIMIT, PERFOPT_ESYNTAX, PERFOPT_ERANGE.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_monitor_beacon(perfopt_monitor *monitor, const char *body,
                                                  size_t length);

/** Read the vitals since start or reset.  @return Number written (5 at most).   Since: 0.1 */
PERFOPT_API size_t perfopt_monitor_get_vitals(perfopt_monitor *monitor, perfopt_vital_stats *out,
                                              size_t capacity);

/* ---- export ------------------------------------------------------------------------------- */

/**
 * All metrics as Prometheus text (version 0.0.4).
 *
 * @param[out] out Release with perfopt_bytes_release().
 * @return PERFOPT_OK or PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread; recording is never blocked.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_monitor_prometheus(perfopt_monitor *monitor,
                                                      perfopt_bytes **out);

/* What recording itself costs. */
typedef struct perfopt_monitor_self {
    uint64_t bytes;      /* memory of histograms and rings */
    uint64_t dropped;    /* samples lost because of memory */
    uint64_t overflowed; /* requests counted under the overflow route */
    uint32_t epoch;      /* number of resets */
    double record_ns;    /* two clock readings and a record, measured at creation */
} perfopt_monitor_self;

/** Read the monitor's own numbers.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API void perfopt_monitor_get_self(perfopt_monitor *monitor, perfopt_monitor_self *out);

/**
 * Start a new epoch for summaries, routes, series and vitals. Exported counters keep rising.
 *
 * Thread-safety: any thread.   Blocks: briefly.   Since: 0.1
 */
PERFOPT_API void perfopt_monitor_reset(perfopt_monitor *monitor);

PERFOPT_END_DECLS

#endif
