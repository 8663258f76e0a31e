/*
 * http_internal.h - what the files of this module share, grouped by the file that owns it.
 *
 *     perfopt_request -- owns --> arena, perfopt_response
 *     perfopt_response: either what a handler filled in (headers, bytes)
 *                       or a stored page (page_bytes -> perfopt__page) in one of its variants
 */
#ifndef PERFOPT_SRC_HTTP_INTERNAL_H
#define PERFOPT_SRC_HTTP_INTERNAL_H

#include "base/bytes.h"
#include "base/strbuf.h"
#include "metrics/routes.h"

#include <perfopt/http.h>
#include <pthread.h>
#include <stdatomic.h>

#define PERFOPT__MAX_TARGET      8192
#define PERFOPT__MAX_PAIRS       256
#define PERFOPT__MAX_HEADERS     256
#define PERFOPT__MAX_CALL_DEPTH  8
#define PERFOPT__MAX_EXCLUDED    8
#define PERFOPT__ACTIVE_SHARDS   16
#define PERFOPT__UNCACHEABLE     64 /* slots of a handler's memory of pages that cannot be stored */
#define PERFOPT__MAX_PAGE_ROUTES 64 /* routes of one handler told apart outside a router */

/* A name and value: query arguments, form fields, cookies, headers. */
typedef struct perfopt__pair {
    const char *name;
    const char *value;
} perfopt__pair;

typedef struct perfopt__pairs {
    perfopt__pair *items;
    uint32_t count;
    uint32_t capacity;
} perfopt__pairs;

/* ---- http.c ------------------------------------------------------------------------------- */

/* A counter in a cache line of its own: threads that count do not disturb each other. */
typedef struct perfopt__active {
    _Alignas(64) _Atomic int32_t count;
} perfopt__active;

struct perfopt_http {
    perfopt_http_options options; /* defaults filled in */
    perfopt__routes *routes;      /* NULL = not monitored */
    uint32_t route_other;         /* 404, 405, OPTIONS: what no route answered */
    char *excluded[PERFOPT__MAX_EXCLUDED];
    uint32_t excluded_count;
    perfopt__active active[PERFOPT__ACTIVE_SHARDS];
};

/* Number of the calling thread's shard of `active`. */
uint32_t perfopt__http_shard(void);
bool perfopt__http_is_excluded(const perfopt_http *http, const char *path);

/* ---- response.c --------------------------------------------------------------------------- */

typedef enum perfopt__variant {
    PERFOPT__IDENTITY = 0,
    PERFOPT__GZIP = 1,
    PERFOPT__UNCHANGED = 2,      /* 304 with the ETag of the identity form */
    PERFOPT__UNCHANGED_GZIP = 3, /* 304 with the ETag of the gzip form */
    PERFOPT__VARIANTS = 4
} perfopt__variant;

typedef struct perfopt__page perfopt__page;

struct perfopt_response {
    perfopt_request *req;
    int status;
    bool touched;  /* a handler said something */
    bool no_store; /* never into the page cache */
    bool failed;   /* the body is an error page */
    perfopt__pairs headers;
    perfopt_bytes *bytes; /* NULL = no body */
    const char *tags;     /* NULL = none */
    /* Set when the answer is a stored page; `headers` are then additions to the page's. */
    perfopt_bytes *page_bytes;
    perfopt__page *page;
    perfopt__variant variant;
};

/* Back to an empty 200. */
void perfopt__response_clear(perfopt_response *res);
void perfopt__response_finish(perfopt_response *res);
void perfopt__response_remove_header(perfopt_response *res, const char *name);
/* Adds a header name to Vary unless it is there. */
perfopt_status perfopt__response_vary(perfopt_response *res, const char *name);
bool perfopt__header_is_valid(const char *name, const char *value);

/* ---- pairs.c ------------------------------------------------------------------------------ */

/* Appends; the strings are borrowed. PERFOPT_OK, PERFOPT_ELIMIT (PERFOPT__MAX_PAIRS), ENOMEM. */
perfopt_status perfopt__pairs_add(perfopt__pairs *pairs, perfopt_arena *arena, const char *name,
                                  const char *value);
/* Value of the first pair with the name, NULL if there is none. */
const char *perfopt__pairs_get(const perfopt__pairs *pairs, const char *name);
const char *perfopt__pairs_get_nocase(const perfopt__pairs *pairs, const char *name);
/* Parses "a=1&b=%20" in place. PERFOPT_EINVAL: malformed escape, NUL byte, too many pairs. */
perfopt_status perfopt__pairs_parse_query(perfopt__pairs *pairs, perfopt_arena *arena, char *text);
/* Parses a Cookie header in place; what is no cookie is skipped. */
perfopt_status perfopt__pairs_parse_cookies(perfopt__pairs *pairs, perfopt_arena *arena,
                                            char *text);
/* A whole decimal number of 64 bits and nothing else. */
bool perfopt__whole_number(const char *text, int64_t *out);

/* ---- target.c ----------------------------------------------------------------------------- */

/* One part of the path between slashes: its place in the decoded path. */
typedef struct perfopt__segment {
    uint32_t offset;
    uint32_t length;
} perfopt__segment;

typedef struct perfopt__target {
    const char *path; /* decoded, begins with '/' */
    const perfopt__segment *segments;
    uint32_t segment_count;
    perfopt__pairs args;
} perfopt__target;

/* PERFOPT_EINVAL: no path, malformed escape, NUL, a ".." segment, too long, too many arguments. */
perfopt_status perfopt__target_parse(perfopt_arena *arena, const char *text, perfopt__target *out);

/* ---- request.c ---------------------------------------------------------------------------- */

struct perfopt_request {
    perfopt_object object; /* what templates see as `request` */
    perfopt_http *http;
    perfopt_arena *arena;
    perfopt_request_source source;
    const char *method;
    perfopt__target target;
    const char *route;     /* template; "" before routing */
    uint32_t route_id;     /* of metrics/routes.h */
    bool routed;           /* route_id is set */
    perfopt__pairs params; /* of the route */
    perfopt__pairs cookies;
    perfopt__pairs form;
    bool cookies_parsed;
    bool form_parsed;
    perfopt__strbuf body;
    perfopt_response response;
    const char *failure; /* why the last render or query failed, for the log; NULL = nothing */
    uint32_t depth;      /* handlers that run inside each other */
    uint32_t shard;      /* of http->active */
    int64_t started_ns;  /* first attempt to answer; 0 = none yet */
    struct perfopt__page_visit *page_visit; /* of page_visit.c; NULL = never begun */
};

const perfopt__pairs *perfopt__request_cookies(perfopt_request *req);
const perfopt__pairs *perfopt__request_form_fields(perfopt_request *req);
bool perfopt__request_is(const perfopt_request *req, const char *method);
bool perfopt__request_is_read(const perfopt_request *req); /* GET or HEAD */
/* Keeps the reason of a failure for the log line of the error page, and hands it to the caller. */
perfopt_status perfopt__request_failed(perfopt_request *req, const perfopt_error *own,
                                       perfopt_status status, perfopt_error *err);
/* Makes `req` what perfopt_request_current() returns; returns what it was before. */
perfopt_request *perfopt__request_enter(perfopt_request *req);

/* ---- negotiate.c -------------------------------------------------------------------------- */

/* RFC 9110 12.5.3; NULL = the header is absent. */
bool perfopt__accepts_gzip(const char *accept_encoding);
/* Is the token, in any case, an element of a comma-separated header? "max-age=1" is "max-age". */
bool perfopt__list_has(const char *list, const char *token);
/* Next name of a list separated by ',' or ' '; false at the end. */
bool perfopt__next_name(const char **cursor, const char **name, size_t *length);
/* Would gzip make it smaller? Decided by media type. */
bool perfopt__is_text_like(const char *content_type);
/* "\"<16 hex digits>\"", with "-gz" before the closing quote for the gzip form. */
void perfopt__make_etag(const void *body, size_t length, bool gzip, char out[32]);
/* Is a header sent with 304 (RFC 9110 15.4.5)? */
bool perfopt__sent_with_304(const char *name);
/* Does the client have what it asks for? etag and last_modified may be NULL. */
bool perfopt__is_unchanged(const perfopt_request *req, const char *etag, const char *last_modified);

/* ---- finish.c ----------------------------------------------------------------------------- */

/* Last step of a response that is no stored page: ETag, 304, gzip. */
void perfopt__response_negotiate(perfopt_request *req, perfopt_response *res);

/* ---- page.c ------------------------------------------------------------------------------- */

/* A server's response object that was kept with a page. */
typedef struct perfopt__ready {
    void *object;
    perfopt_free_fn free_fn;
} perfopt__ready;

/* A stored page, decoded: lives as the attachment of its bytes. Strings point into the bytes. */
struct perfopt__page {
    perfopt__attachment attachment;
    int status;
    const char *etag;      /* "" = none */
    const char *etag_gzip; /* "" = none */
    const char *body;
    size_t body_length;
    const char *gzip; /* NULL = there is no gzip form */
    size_t gzip_length;
    perfopt__ready *_Atomic ready[PERFOPT__VARIANTS];
    uint32_t header_count;
    perfopt__pair headers[];
};

/* Serialises a response. PERFOPT_OK, PERFOPT_ELIMIT (headers), PERFOPT_ENOMEM. */
perfopt_status perfopt__page_encode(const perfopt_response *res, perfopt_bytes **out);
/* The decoded page of a value, decoded at most once; NULL if it is damaged or out of memory. */
perfopt__page *perfopt__page_of(perfopt_bytes *bytes);
/* Makes a stored page the answer, in the form that the request wants. Takes its own reference. */
bool perfopt__page_apply(perfopt_request *req, perfopt_response *res, perfopt_bytes *bytes);
/* Makes a stored page the handler's plain answer, as if it had been computed now. */
bool perfopt__page_copy(perfopt_response *res, perfopt_bytes *bytes);

/* ---- page_key.c --------------------------------------------------------------------------- */

/* Is the request kept away from the page store? */
bool perfopt__page_bypassed(const perfopt_handler *handler, perfopt_request *req);
/* Appends the key of the request's page; check key->failed. */
void perfopt__page_key(const perfopt_handler *handler, perfopt_request *req, perfopt__strbuf *key);

/* ---- page_rules.c ------------------------------------------------------------------------- */

/* May this response be stored for others? */
bool perfopt__page_storable(const perfopt_handler *handler, const perfopt_response *res);
/* Minifies, and sets Cache-Control and Vary. PERFOPT_OK or PERFOPT_ENOMEM. */
perfopt_status perfopt__page_prepare(const perfopt_handler *handler, perfopt_response *res);
/* Tags of the page in the request's arena; NULL when out of memory. */
const char *perfopt__page_tags(const perfopt_handler *handler, const perfopt_response *res);
int64_t perfopt__page_ttl_ms(const perfopt_handler *handler);

/* ---- page_cache.c ------------------------------------------------------------------------- */

/* Answers through the page store; true if a stored page was found. */
bool perfopt__page_answer(perfopt_handler *handler, perfopt_request *req, perfopt_response *res);
/* Answers from this process's memory or not at all. */
bool perfopt__page_answer_now(perfopt_handler *handler, perfopt_request *req,
                              perfopt_response *res);

/* ---- handler_routes.c --------------------------------------------------------------------- */

/* Number of a method and template for calls of a handler that did not come through a router. */
struct perfopt__handler_route;
uint32_t perfopt__handler_route(perfopt_handler *handler, const char *method, const char *template);
void perfopt__handler_routes_finish(perfopt_handler *handler);

/* ---- wrap.c ------------------------------------------------------------------------------- */

/* A page whose last rendering could not be stored: until then requests do not queue up for it. */
typedef struct perfopt__uncacheable {
    _Atomic uint64_t key_hash;
    _Atomic int64_t until_ms;
} perfopt__uncacheable;

struct perfopt_handler {
    perfopt_http *http;
    char *name;
    char *tag; /* "page:<name>" */
    perfopt_handler_fn fn;
    void *user;
    perfopt_free_fn user_free;
    uint32_t slow_ms;
    uint32_t max_queries; /* 0 = not watched */
    bool caches;
    bool minifies;
    perfopt_cache_wrapper policy; /* of the page cache; strings borrowed */
    _Atomic int64_t budget_logged_ms;
    struct perfopt__handler_route *_Atomic routes;
    pthread_mutex_t routes_lock; /* serialises additions; reading takes no lock */
    perfopt__uncacheable uncacheable[PERFOPT__UNCACHEABLE];
};

/* Runs the bare function; a failure becomes an error page. */
void perfopt__handler_run(perfopt_handler *handler, perfopt_request *req, perfopt_response *res);

/* ---- visit.c ------------------------------------------------------------------------------ */

/* One request being answered: its costs, and what perfopt_request_current() was before. */
typedef struct perfopt__visit {
    perfopt_scope scope;
    perfopt_request *outer;
    bool from_page_cache;
} perfopt__visit;

void perfopt__visit_begin(perfopt__visit *visit, perfopt_request *req);
/* Negotiates, checks the query budget (handler may be NULL) and records the route. */
void perfopt__visit_end(perfopt__visit *visit, perfopt_handler *handler, perfopt_request *req,
                        perfopt_response *res);
/* Ends the scope; nothing is recorded. */
void perfopt__visit_cancel(perfopt__visit *visit, perfopt_request *req);

/* ---- error_page.c ------------------------------------------------------------------------- */

/* Replaces the response by an error page for a handler's status; logs it with the page's id. */
void perfopt__error_page(const perfopt_handler *handler, perfopt_request *req,
                         perfopt_response *res, perfopt_status status);
/* Replaces the response by a page that names the status; nothing is logged. */
void perfopt__status_page(perfopt_response *res, int http_status);

/* ---- render.c ----------------------------------------------------------------------------- */

extern const perfopt_object_class perfopt__request_class;

/* ---- serve_assets.c ----------------------------------------------------------------------- */

/* The path that assets are served under; borrowed. */
const char *perfopt__asset_prefix(const perfopt_assets *assets);
/* Answers a GET or HEAD request for a file; `path` is below the prefix. */
void perfopt__serve_asset(perfopt_request *req, perfopt_response *res, const char *path);

/* ---- route_table.c ------------------------------------------------------------------------ */

typedef struct perfopt__route {
    char *method;
    char *template;
    perfopt_handler *handler;
    bool owned; /* the handler is destroyed with the table */
    uint32_t route_id;
    const char **names; /* of the parameters, in order */
    uint32_t name_count;
    char *storage; /* the template cut into segments */
} perfopt__route;

/*
 * The table is a tree of segments; a path is matched from left to right:
 *
 *     root -"article"-> node -{param}-> node (GET, POST)
 *          \-{rest...}-> node (GET)
 */
typedef struct perfopt__node {
    char *literal; /* NULL for the root and parameters' nodes */
    struct perfopt__node **children;
    uint32_t child_count;
    struct perfopt__node *param;
    struct perfopt__node *rest;
    perfopt__route **routes; /* that end here, by method */
    uint32_t route_count;
} perfopt__node;

struct perfopt_router {
    perfopt_http *http;
    perfopt__node root;
    perfopt__route **routes;
    uint32_t route_count;
    char *asset_prefix; /* NULL = none */
    uint32_t asset_route;
};

perfopt_status perfopt__table_add(perfopt_router *router, perfopt__route *route,
                                  perfopt_error *err);
void perfopt__table_finish(perfopt_router *router);

/* What a path leads to. */
typedef struct perfopt__match {
    perfopt__route *route;  /* NULL = none */
    const char *values[64]; /* of the parameters */
    uint32_t value_count;
    perfopt__strbuf allow; /* methods of the path's other routes, for 405 */
} perfopt__match;

/* Finds the route; false when out of memory. Finish match->allow. */
bool perfopt__table_match(const perfopt_router *router, const perfopt_request *req,
                          perfopt__match *match);

#endif
