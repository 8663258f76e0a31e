/*
 * http.h - requests, responses, handlers, and what is wrapped around them: monitoring, query
 * budgets, page caching, content negotiation.
 *
 * A handler reads a request and fills a response. perfopt_wrap() puts wrappers around it at run
 * time; the macros of wrap.h are sugar for that. An adapter (adapters/microhttpd.h) connects this
 * to a web server.
 *
 *     server -> adapter -> router -> [monitor [query budget [page cache [handler]]]] -> adapter
 */
#ifndef PERFOPT_HTTP_H
#define PERFOPT_HTTP_H

#include <perfopt/assets.h>
#include <perfopt/base.h>
#include <perfopt/cache.h>
#include <perfopt/metrics.h>
#include <perfopt/query_cache.h>
#include <perfopt/ssr.h>
#include <perfopt/value.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_http perfopt_http;
typedef struct perfopt_request perfopt_request;
typedef struct perfopt_response perfopt_response;
typedef struct perfopt_handler perfopt_handler;
typedef struct perfopt_router perfopt_router;

struct perfopt; /* perfopt.h */

/* ---- the site ----------------------------------------------------------------------------- */

/* The parts that requests use; each may be NULL. Borrowed; they must outlive the site. */
typedef struct perfopt_http_options {
    size_t struct_size;
    perfopt_cache *cache;
    perfopt_ssr *ssr;
    perfopt_assets *assets;
    perfopt_query_cache *queries;
    perfopt_db *db;
    struct perfopt *owner;        /* what perfopt_request_owner() returns */
    uint32_t max_routes;          /* told apart in the numbers; 0 = 200 */
    uint32_t max_body_bytes;      /* of a request; 0 = 1 MiB */
    uint32_t gzip_min_bytes;      /* smaller pages are not compressed; 0 = 512 */
    uint32_t gzip_level;          /* 1 to 9 for stored pages; 0 = 6 */
    perfopt_switch server_timing; /* Server-Timing header with database, cache and render time;
                                     default off: it tells outsiders about the inside */
    perfopt_switch monitor;       /* record routes; default on */
} perfopt_http_options;

#define PERFOPT_HTTP_OPTIONS(...) PERFOPT_OPTIONS(perfopt_http_options, __VA_ARGS__)
#define PERFOPT_HTTP_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_http_options)

/**
 * Create what requests are answered with.
 *
 * @param[out] out Destroy with perfopt_http_destroy(); untouched on failure.
 * @return PERFOPT_OK, PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_http_create(const perfopt_http_options *options,
                                               perfopt_http **out, perfopt_error *err);

/** Release; NULL is allowed. Routers and handlers first.  Thread-safety: owner.   Since: 0.1 */
PERFOPT_API void perfopt_http_destroy(perfopt_http *http);

/* ---- request ------------------------------------------------------------------------------ */

/* All strings that a request returns live as long as the request. */

/** The object perfopt_init() made, NULL outside of it.   Since: 0.1 */
PERFOPT_API struct perfopt *perfopt_request_owner(const perfopt_request *req);

/** The parts it is answered with.   Since: 0.1 */
PERFOPT_API perfopt_http *perfopt_request_http(const perfopt_request *req);

/**
 * The request that the calling thread is answering.
 *
 * @return Borrowed; NULL outside of a handler.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_request *perfopt_request_current(void);

/** Memory that lives until the response has been handed to the server.   Since: 0.1 */
PERFOPT_API perfopt_arena *perfopt_request_arena(perfopt_request *req);

/** "GET", "POST", ...   Since: 0.1 */
PERFOPT_API const char *perfopt_request_method(const perfopt_request *req);

/** Path, percent-decoded, beginning with '/'.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_path(const perfopt_request *req);

/** Template of the matched route, such as "/article/{id}"; "" before routing.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_route(const perfopt_request *req);

/** Part of the path that a route's {name} matched, decoded; NULL if there is none.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_param(const perfopt_request *req, const char *name);

/** As perfopt_request_param(), as a number; false if it is no whole number.   Since: 0.1 */
PERFOPT_API bool perfopt_request_param_int(const perfopt_request *req, const char *name,
                                           int64_t *out);

/** Query-string argument, decoded; the first of several; NULL if absent.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_arg(const perfopt_request *req, const char *name);

/** As perfopt_request_arg(), as a number; `fallback` if absent or no whole number.   Since: 0.1 */
PERFOPT_API int64_t perfopt_request_arg_int(const perfopt_request *req, const char *name,
                                            int64_t fallback);

/** Header by name in any case; NULL if absent.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_header(const perfopt_request *req, const char *name);

/** Cookie by name, NULL if absent.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_cookie(const perfopt_request *req, const char *name);

/** Field of an application/x-www-form-urlencoded body, decoded; NULL if absent. A body that is
 *  malformed or has more than 256 fields has none.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_form(const perfopt_request *req, const char *name);

/** The body; never NULL.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_body(const perfopt_request *req, size_t *length);

/** Address of the client as the adapter gave it, "" if unknown.   Since: 0.1 */
PERFOPT_API const char *perfopt_request_remote(const perfopt_request *req);

/**
 * Rows of a cached statement that belong to the request: no release needed.
 *
 * @return NULL on failure, with err filled.
 *
 * Thread-safety: the request's thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_rows *perfopt_request_cached_query(perfopt_request *req,
                                                       const perfopt_query_spec *spec,
                                                       const perfopt_param *params,
                                                       size_t param_count, perfopt_error *err);

/**
 * First cell of the first row of a cached aggregate; strings live as long as the request.
 *
 * @return None if there is no row, undefined on failure with err filled.
 *
 * Thread-safety: the request's thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_value perfopt_request_cached_aggregate(perfopt_request *req,
                                                           const perfopt_query_spec *spec,
                                                           const perfopt_param *params,
                                                           size_t param_count, perfopt_error *err);

/**
 * Rows of an uncached statement that belong to the request.
 *
 * @return NULL on failure, with err filled.
 *
 * Thread-safety: the request's thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_rows *perfopt_request_query(perfopt_request *req, const char *sql,
                                                const perfopt_param *params, size_t param_count,
                                                perfopt_error *err);

/* ---- response ----------------------------------------------------------------------------- */

/** Status code; 200 unless set. Outside 100..999 it becomes 500.   Since: 0.1 */
PERFOPT_API void perfopt_response_set_status(perfopt_response *res, int status);

/** Status code now.   Since: 0.1 */
PERFOPT_API int perfopt_response_get_status(const perfopt_response *res);

/**
 * Set a header, replacing one of the same name (except Set-Cookie, which is added).
 *
 * @param name, value Copied. A CR, LF or NUL in either is refused.
 * @return PERFOPT_OK, PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_response_set_header(perfopt_response *res, const char *name,
                                                       const char *value);

/** Header by name in any case, NULL if absent.   Since: 0.1 */
PERFOPT_API const char *perfopt_response_get_header(const perfopt_response *res, const char *name);

/** Set the body to a copy of the bytes.  @return PERFOPT_OK or PERFOPT_ENOMEM.   Since: 0.1 */
PERFOPT_API perfopt_status perfopt_response_set_body(perfopt_response *res, const void *data,
                                                     size_t length);

/** Set the body without copying; takes its own reference.   Since: 0.1 */
PERFOPT_API void perfopt_response_set_bytes(perfopt_response *res, perfopt_bytes *bytes);

/** The body a handler set, borrowed; NULL if there is none, or if the answer is a stored page.
 *  Since: 0.1 */
PERFOPT_API perfopt_bytes *perfopt_response_bytes(const perfopt_response *res);

/** Plain text, UTF-8, as the whole response.  @return PERFOPT_OK or PERFOPT_ENOMEM.  Since: 0.1 */
PERFOPT_API perfopt_status perfopt_response_text(perfopt_response *res, int status,
                                                 const char *text);

/** A value as application/json.  @return As perfopt_value_to_json().   Since: 0.1 */
PERFOPT_API perfopt_status perfopt_response_json(perfopt_response *res, int status,
                                                 perfopt_value value, perfopt_error *err);

/**
 * A redirect with Location.
 *
 * @param status 301, 302, 303, 307 or 308.
 * @return PERFOPT_OK, PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_response_redirect(perfopt_response *res, int status,
                                                     const char *location);

/**
 * Render a template into the response as text/html (or by its extension).
 *
 * The template also sees `request` with method, path, route, args and params.
 *
 * @return As perfopt_ssr_render(); PERFOPT_EDISABLED without an engine.
 *
 * Thread-safety: the request's thread.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_render(perfopt_request *req, perfopt_response *res,
                                          const char *name, const perfopt_context *context,
                                          perfopt_error *err);

/** As perfopt_render(), with the output taken from or put into the fragment cache.   Since: 0.1 */
PERFOPT_API perfopt_status perfopt_render_cached(perfopt_request *req, perfopt_response *res,
                                                 const char *name, const perfopt_context *context,
                                                 const perfopt_render_options *options,
                                                 perfopt_error *err);

/**
 * Keep the page of this request out of the page cache, whatever the wrapper says.
 *
 * Since: 0.1
 */
PERFOPT_API void perfopt_response_no_store(perfopt_response *res);

/** Add tags to the page of this request when it is stored.   Since: 0.1 */
PERFOPT_API perfopt_status perfopt_response_add_tags(perfopt_response *res, const char *tags);

/* ---- handlers and wrappers ---------------------------------------------------------------- */

/*
 * Fills the response. Any status but PERFOPT_OK gives a plain error page without details (404 for
 * PERFOPT_ENOTFOUND, 503 for PERFOPT_EUNAVAILABLE, PERFOPT_EEXHAUSTED and PERFOPT_ETIMEOUT, 403 for
 * PERFOPT_EFORBIDDEN, else 500), is logged with an id that the page shows, and is never stored.
 */
typedef perfopt_status (*perfopt_handler_fn)(perfopt_request *req, perfopt_response *res,
                                             void *user);

typedef enum perfopt_wrapper_kind {
    PERFOPT_WRAP_END = 0,
    PERFOPT_WRAP_MONITOR = 1,
    PERFOPT_WRAP_TRACK_QUERIES = 2,
    PERFOPT_WRAP_CACHE = 3,
    PERFOPT_WRAP_RENDERING = 4
} perfopt_wrapper_kind;

/* Record the route's time, status and costs. Every route is recorded; this sets its threshold. */
typedef struct perfopt_monitor_wrapper {
    uint32_t slow_ms; /* 0 = 1000 */
} perfopt_monitor_wrapper;

/* Watch how many statements one request runs. */
typedef struct perfopt_track_wrapper {
    uint32_t max; /* more are counted as over budget and logged once per route and minute; 0 = 8 */
} perfopt_track_wrapper;

/*
 * Store whole pages. Stored are GET and HEAD requests with one of `statuses`, without Set-Cookie,
 * without Cache-Control: no-store or private. Requests with Authorization are never answered from
 * or put into the store; those with a Cookie header neither, unless `cookies` is set. Key: prefix,
 * path, and the query arguments in sorted order.
 */
typedef struct perfopt_cache_wrapper {
    uint32_t timeout_s;       /* 0 = 300 */
    const char *timeout_name; /* lifetime by name (perfopt_timeout_get), overrides timeout_s */
    const char
        *key_prefix;      /* first part of the key, groups statistics; NULL = the handler's name */
    const char *tags;     /* separated by ',' or ' ' */
    const char *args;     /* query arguments that matter, separated by ',' or ' '; NULL = all,
                             "" = none */
    const char *cookies;  /* cookies that are part of the key; "*" = all, "" = none matters (a
                             request with cookies is served all the same); NULL = a request with
                             a Cookie header bypasses the store */
    const char *vary;     /* request headers that are part of the key */
    uint16_t statuses[8]; /* what is stored; all zero = 200, 301, 404 */
    uint32_t browser_max_age_s; /* Cache-Control max-age; 0 = "no-cache" (revalidate with ETag) */
    bool (*unless)(perfopt_request *req); /* true = bypass; NULL = never */
} perfopt_cache_wrapper;

/* As the page cache, and the HTML is minified before it is stored. */
typedef struct perfopt_rendering_wrapper {
    uint32_t cache_timeout_s; /* 0 = 300 */
    const char *key_prefix;
    const char *tags;
    perfopt_switch minify; /* default on */
} perfopt_rendering_wrapper;

typedef struct perfopt_wrapper {
    perfopt_wrapper_kind kind;
    union {
        perfopt_monitor_wrapper monitor;
        perfopt_track_wrapper track;
        perfopt_cache_wrapper cache;
        perfopt_rendering_wrapper rendering;
    } as;
} perfopt_wrapper;

/**
 * Wrap a handler.
 *
 * Whatever the order of `wrappers`, monitoring is outermost, then the query budget, then the cache.
 *
 * @param name      For keys, numbers and messages: 1 to 64 printable characters without blanks and
 *                  , : # ?; copied.
 * @param user      Passed to `fn`.
 * @param user_free Called once with `user` when the handler is destroyed or this call fails; NULL =
 *                  nothing.
 * @param wrappers  Array that ends with kind PERFOPT_WRAP_END; NULL = none. Copied; the strings in
 * it must stay valid.
 * @param[out] out  Destroy with perfopt_handler_destroy(); untouched on failure.
 * @return PERFOPT_OK, PERFOPT_EINVAL (two wrappers of one kind, or both caching kinds),
 *         PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_wrap(perfopt_http *http, const char *name, perfopt_handler_fn fn,
                                        void *user, perfopt_free_fn user_free,
                                        const perfopt_wrapper *wrappers, perfopt_handler **out,
                                        perfopt_error *err);

/** Release; NULL is allowed. No request may be running.   Since: 0.1 */
PERFOPT_API void perfopt_handler_destroy(perfopt_handler *handler);

/** Answer a request through the wrappers.  Blocks: as the handler does.   Since: 0.1 */
PERFOPT_API void perfopt_handler_call(perfopt_handler *handler, perfopt_request *req,
                                      perfopt_response *res);

/** Answer a request with the bare function, nothing wrapped around.   Since: 0.1 */
PERFOPT_API void perfopt_handler_bypass(perfopt_handler *handler, perfopt_request *req,
                                        perfopt_response *res);

/** Answer a request with the function, and replace the stored page.   Since: 0.1 */
PERFOPT_API void perfopt_handler_refresh(perfopt_handler *handler, perfopt_request *req,
                                         perfopt_response *res);

/**
 * Key of the page a request would be answered with, in the request's arena.
 *
 * @return NULL if the request bypasses the store, or when out of memory.
 *
 * Since: 0.1
 */
PERFOPT_API const char *perfopt_handler_key(perfopt_handler *handler, perfopt_request *req);

/**
 * Drop all stored pages of a handler.
 *
 * @return As perfopt_cache_invalidate_tag(); PERFOPT_EDISABLED if it stores none.
 *
 * Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_handler_invalidate(perfopt_handler *handler, perfopt_error *err);

/* What PERFOPT_HANDLER() defines: a handler before it is bound to a site. */
typedef struct perfopt_handler_def {
    const char *name;
    perfopt_handler_fn fn;
    const perfopt_wrapper *wrappers;
} perfopt_handler_def;

/* ---- router ------------------------------------------------------------------------------- */

/**
 * Create a route table.
 *
 * It also answers the asset prefix (if the site has assets), OPTIONS, 404 and 405.
 *
 * @param[out] out Destroy with perfopt_router_destroy(); untouched on failure.
 * @return PERFOPT_OK, PERFOPT_ENOMEM.
 *
 * Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_router_create(perfopt_http *http, perfopt_router **out,
                                                 perfopt_error *err);

/** Release the table and the handlers it made; NULL is allowed.   Since: 0.1 */
PERFOPT_API void perfopt_router_destroy(perfopt_router *router);

/**
 * Add a handler defined by PERFOPT_HANDLER().
 *
 * @param method "GET" also answers HEAD; "*" = any.
 * @param path   "/article/{id}": {name} matches one segment, {name...} the rest of the path.
 * Literal segments win over {name}, {name} over {name...}.
 * @param user   Passed to the handler.
 * @return PERFOPT_OK, PERFOPT_EINVAL (malformed, or the pair exists), PERFOPT_ENOMEM.
 *
 * Thread-safety: before requests arrive.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_router_add(perfopt_router *router, const char *method,
                                              const char *path, const perfopt_handler_def *def,
                                              void *user, perfopt_error *err);

/** As perfopt_router_add(), for a handler made by perfopt_wrap(); borrowed.   Since: 0.1 */
PERFOPT_API perfopt_status perfopt_router_add_handler(perfopt_router *router, const char *method,
                                                      const char *path, perfopt_handler *handler,
                                                      perfopt_error *err);

/** Handler of a route by method and path template; NULL if there is none. Borrowed.   Since: 0.1 */
PERFOPT_API perfopt_handler *perfopt_router_find(perfopt_router *router, const char *method,
                                                 const char *path);

/** The site that a router was created for.   Since: 0.1 */
PERFOPT_API perfopt_http *perfopt_router_http(const perfopt_router *router);

/** Answer a request.  Blocks: as the handler does.   Since: 0.1 */
PERFOPT_API void perfopt_router_dispatch(perfopt_router *router, perfopt_request *req,
                                         perfopt_response *res);

/**
 * Answer a request if its page is stored in this process: what an event loop may do itself.
 *
 * @return False: nothing was done; call perfopt_router_dispatch() where waiting is allowed.
 *
 * Thread-safety: any thread.   Blocks: never (the wrapper's `unless` is called).   Since: 0.1
 */
PERFOPT_API bool perfopt_router_try_stored(perfopt_router *router, perfopt_request *req,
                                           perfopt_response *res);

/* ---- for adapters ------------------------------------------------------------------------- */

/* How an adapter shows a server's request. Strings must stay valid until perfopt_request_destroy().
 */
typedef struct perfopt_request_source {
    size_t struct_size;
    const char *method;
    const char *target; /* path and query as they came, not decoded: "/a%20b?x=1" */
    const char *remote; /* NULL = unknown */
    /* Value of a header by name in any case; NULL if absent. */
    const char *(*header)(void *transport, const char *name);
    void *transport;
} perfopt_request_source;

/**
 * Create a request and its response.
 *
 * @param[out] out Destroy with perfopt_request_destroy(); untouched on failure.
 * @return PERFOPT_OK; PERFOPT_EINVAL (target that is no path, malformed escape, NUL byte, longer
 * than 8 KiB: answer 400), PERFOPT_ENOMEM.
 *
 * Thread-safety: one thread at a time.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_request_create(perfopt_http *http,
                                                  const perfopt_request_source *source,
                                                  perfopt_request **out);

/** Append to the body.  @return PERFOPT_OK, PERFOPT_ELIMIT (answer 413), PERFOPT_ENOMEM. Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_request_append_body(perfopt_request *req, const void *data,
                                                       size_t length);

/** perfopt_request_source.transport of a request.   Since: 0.1 */
PERFOPT_API void *perfopt_request_transport(const perfopt_request *req);

/** The response that belongs to a request; borrowed.   Since: 0.1 */
PERFOPT_API perfopt_response *perfopt_request_response(perfopt_request *req);

/** Release the request, its response and its arena; NULL is allowed.   Since: 0.1 */
PERFOPT_API void perfopt_request_destroy(perfopt_request *req);

/**
 * Visit the headers to send, Content-Length excepted.
 *
 * @param fn Return false to stop.
 *
 * Since: 0.1
 */
PERFOPT_API void perfopt_response_each_header(const perfopt_response *res,
                                              bool (*fn)(const char *name, const char *value,
                                                         void *user),
                                              void *user);

/**
 * Body to send after negotiation; length 0 for HEAD's body is the adapter's business.
 *
 * @param[out] length Bytes.
 * @return Never NULL; valid as long as the response, and longer while the owner from
 *         perfopt_response_body_owner() is retained.
 *
 * Since: 0.1
 */
PERFOPT_API const char *perfopt_response_body(const perfopt_response *res, size_t *length);

/** The reference-counted bytes behind perfopt_response_body(); borrowed; NULL if none.  Since: 0.1
 */
PERFOPT_API perfopt_bytes *perfopt_response_body_owner(const perfopt_response *res);

/**
 * The server's ready-made response for a stored page in the form this request gets (identity, gzip,
 * 304), if the adapter kept one.
 *
 * @return What perfopt_response_keep_ready() kept; NULL if nothing, or if this is no stored page.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void *perfopt_response_ready(const perfopt_response *res);

/**
 * Keep a server's response object for a stored page.
 *
 * @param free_fn Called once with `ready`: when the page is dropped, or at once if another thread
 *                was faster or this is no stored page.
 * @return What is kept now, or NULL if nothing is.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API void *perfopt_response_keep_ready(perfopt_response *res, void *ready,
                                              perfopt_free_fn free_fn);

/**
 * Look a page up for a server's own handler (one that is not a perfopt_handler_fn), as the page
 * cache does: call begin before it runs; if it returns true, `res` holds the stored page. Else run
 * the handler and hand what it answered to perfopt_page_end(), which stores it if the rules allow
 * and records the route. Every begin needs one end.
 *
 * @param route Template for the numbers ("/legacy"); NULL = one route for all paths, never the raw
 *              path.
 *
 * Thread-safety: one request in one thread.   Blocks: as perfopt_cache_get().   Since: 0.1
 */
PERFOPT_API bool perfopt_page_begin(perfopt_handler *handler, const char *route,
                                    perfopt_request *req);

/** End of what perfopt_page_begin() began; the response is complete. If nothing was put into it,
 *  nothing is stored or recorded.   Since: 0.1 */
PERFOPT_API void perfopt_page_end(perfopt_request *req);

PERFOPT_END_DECLS

#endif
