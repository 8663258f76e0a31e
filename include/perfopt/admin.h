/*
 * admin.h - the three dashboards under /admin/performance, their JSON API and their actions.
 *
 * Closed by default: without a password every path below the prefix answers 404. Mount it on the
 * site's own router, or give it a daemon of its own (127.0.0.1 unless told otherwise).
 *
 * Who guesses passwords is slowed down by address: five failures a minute, then 429. Behind a proxy
 * all clients have the proxy's address and share that limit. The style sheet and the scripts are
 * served without a login, because they are the same in every copy of the library. Actions need a
 * browser that sends Sec-Fetch-Site (https or localhost), or one that runs the pages' script.
 *
 *     GET  /admin/performance                       overview
 *     GET  /admin/performance/asset-optimization    assets
 *     GET  /admin/performance/ssr-optimization      templates
 *     GET  /admin/performance/api/v1/...            the same as JSON
 *     POST /admin/performance/api/v1/actions/...    what changes something
 *     GET  /metrics                                 Prometheus text, if switched on
 */
#ifndef PERFOPT_ADMIN_H
#define PERFOPT_ADMIN_H

#include <perfopt/http.h>
#include <perfopt/monitor.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_admin perfopt_admin;

/* What a signed-in person may do. */
typedef enum perfopt_admin_role {
    PERFOPT_ADMIN_NONE = 0,
    PERFOPT_ADMIN_VIEWER = 1,  /* look */
    PERFOPT_ADMIN_OPERATOR = 2 /* look, and use the actions */
} perfopt_admin_role;

/* The host's own login: decides who a request comes from. */
typedef perfopt_admin_role (*perfopt_admin_auth_fn)(perfopt_request *req, void *user);

typedef struct perfopt_admin_options {
    size_t struct_size;
    const char *user; /* PERFOPT_ADMIN_USER; NULL = "admin"; copied */
    const char
        *password; /* PERFOPT_ADMIN_PASSWORD, at least 12 characters; copied as a keyed hash */
    const char *viewer_password; /* PERFOPT_ADMIN_VIEWER_PASSWORD: the user "viewer" may look, not
                                    act; at least 12 characters; NULL = none */
    perfopt_admin_auth_fn auth;  /* asked instead of the passwords; NULL = passwords */
    void *auth_user;
    const char *bind;          /* PERFOPT_ADMIN_BIND, own daemon's address; NULL = "127.0.0.1" */
    uint32_t port;             /* PERFOPT_ADMIN_PORT, own daemon's port; 0 = no own daemon */
    perfopt_switch metrics;    /* PERFOPT_ADMIN_METRICS: serve /metrics; default off */
    const char *metrics_token; /* PERFOPT_ADMIN_METRICS_TOKEN: "Authorization: Bearer ..." for
                                  /metrics, at least 12 characters; NULL = the dashboards' login */
    const char *site_name;     /* shown in the header; NULL = "libperfopt" */
} perfopt_admin_options;

#define PERFOPT_ADMIN_OPTIONS(...) PERFOPT_OPTIONS(perfopt_admin_options, __VA_ARGS__)
#define PERFOPT_ADMIN_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_admin_options)

struct perfopt_frontend;

/* What the dashboards show and act on; each but `monitor` and `http` may be NULL. Borrowed. */
typedef struct perfopt_admin_sources {
    perfopt_monitor *monitor;
    perfopt_http *http;
    perfopt_cache *cache;
    perfopt_db *db;
    perfopt_query_cache *queries;
    perfopt_assets *assets;
    struct perfopt_frontend *frontend;
    perfopt_ssr *ssr;
    perfopt_workers *workers; /* runs precompile jobs; NULL = those actions are off */
} perfopt_admin_sources;

/**
 * Create the dashboards.
 *
 * @param[out] out Destroy with perfopt_admin_destroy(); untouched on failure.
 * @return PERFOPT_OK (also without a password: everything is 404 then); PERFOPT_ECONFIG (password
 *         shorter than 12 characters, malformed address, names the setting), PERFOPT_EINVAL (no
 *         monitor or http), PERFOPT_EFAILED (libsodium), PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_admin_create(const perfopt_admin_options *options,
                                                const perfopt_admin_sources *sources,
                                                perfopt_admin **out, perfopt_error *err);

/** Stop the own daemon, wait for a running job, release; NULL is allowed.   Since: 0.1 */
PERFOPT_API void perfopt_admin_destroy(perfopt_admin *admin);

/**
 * Add the dashboards' routes to a router. Their requests are not counted in the site's numbers.
 *
 * @return As perfopt_router_add().
 *
 * Thread-safety: before requests arrive.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_admin_mount(perfopt_admin *admin, perfopt_router *router,
                                               perfopt_error *err);

/**
 * Start a libmicrohttpd daemon for the dashboards alone, on options.bind and options.port.
 *
 * @return PERFOPT_OK; PERFOPT_EIO (address in use or not there; the message says which),
 *         PERFOPT_EBUSY (already running), PERFOPT_EDISABLED (no port, or no password).
 *
 * Thread-safety: owner only.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_admin_listen(perfopt_admin *admin, perfopt_error *err);

/** Port of the own daemon, 0 if it is not running.   Since: 0.1 */
PERFOPT_API uint16_t perfopt_admin_port(const perfopt_admin *admin);

PERFOPT_END_DECLS

#endif
