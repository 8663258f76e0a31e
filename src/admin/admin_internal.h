/*
 * admin_internal.h - what the files of this module share, grouped by the file that owns it.
 *
 *     request -> dispatch.c -> auth -> page.c | api.c | actions.c | statics.c | scrape.c
 */
#ifndef PERFOPT_SRC_ADMIN_INTERNAL_H
#define PERFOPT_SRC_ADMIN_INTERNAL_H

#include "admin/auth.h"
#include "admin/jobs.h"
#include "admin/snapshot.h"
#include "admin/throttle.h"

#include <perfopt/admin.h>

#define PERFOPT__ADMIN_ROOT     "/admin/performance"
#define PERFOPT__ADMIN_MAX_BODY 4096
#define PERFOPT__RESULTS        32 /* outcomes of forms that wait to be shown */
#define PERFOPT__PAGES          24 /* rendered pages kept while their snapshot is the newest */
#define PERFOPT__STATICS        8

/* ---- admin.c ------------------------------------------------------------------------------- */

struct perfopt__listener;

/* What an action did, until the page that shows it is asked for. */
typedef struct perfopt__result {
    char id[17]; /* "" = free */
    char user[64];
    bool ok;
    char action[32], by[16], value[1024];
    char text[240];
    char confirm[16]; /* what to type to go on; "" = nothing */
    int64_t made_ms;
} perfopt__result;

typedef struct perfopt__results {
    pthread_mutex_t lock;
    perfopt__result ring[PERFOPT__RESULTS];
    unsigned next;
} perfopt__results;

/* A page as it was rendered for one kind of person from one snapshot. */
typedef struct perfopt__page_entry {
    uint64_t key;    /* hash of page, arguments, person; 0 = free */
    uint64_t serial; /* of the snapshot */
    uint64_t used;
    perfopt_bytes *html;
} perfopt__page_entry;

typedef struct perfopt__pages {
    pthread_mutex_t lock;
    perfopt__page_entry entries[PERFOPT__PAGES];
    uint64_t clock;
} perfopt__pages;

/* An embedded file under the name that changes with its content. */
typedef struct perfopt__static {
    char path[64]; /* "dashboard-1a2b3c4d5e6f7a8b.css" */
    char url[112];
    const char *name; /* "dashboard.css" */
    const char *media_type;
    perfopt_bytes *bytes;
} perfopt__static;

struct perfopt_admin {
    perfopt_admin_sources sources;
    perfopt__auth auth;
    perfopt__throttle throttle;
    bool metrics;
    _Atomic int scrapes; /* running now */
    char *bind;
    char *site_name;
    uint16_t port;
    char instance[96];
    perfopt_ssr *ssr; /* the dashboards' own engine */
    perfopt__snapshots snapshots;
    perfopt__pages pages;
    perfopt__results results;
    perfopt__jobs *jobs;
    perfopt__static statics[PERFOPT__STATICS];
    size_t static_count;
    struct perfopt__listener *listener; /* NULL = no own daemon */
};

/* Is anything of the dashboards reachable at all? */
bool perfopt__admin_is_open(const perfopt_admin *admin);
/* What collect.h needs for a window. */
perfopt__collect_in perfopt__admin_collect(perfopt_admin *admin, const perfopt__window *window);

/* ---- dispatch.c ---------------------------------------------------------------------------- */

/* Handlers of the routes; `user` is the admin. */
perfopt_status perfopt__admin_handle(perfopt_request *req, perfopt_response *res, void *user);
perfopt_status perfopt__admin_scrape(perfopt_request *req, perfopt_response *res, void *user);

/* One request that has been let in. */
typedef struct perfopt__visitor {
    perfopt_admin *admin;
    perfopt_request *req;
    perfopt_response *res;
    perfopt__identity who;
    int64_t now_ms, wall_ms;
} perfopt__visitor;

/* ---- respond.c ----------------------------------------------------------------------------- */

/* The headers of every answer: CSP, nosniff, no-store ... PERFOPT_OK or PERFOPT_ENOMEM. */
perfopt_status perfopt__respond_headers(perfopt_response *res);
/* A page that says what is wrong; `id` (may be NULL) is what the log has. */
perfopt_status perfopt__respond_message(perfopt_admin *admin, perfopt_response *res, int status,
                                        const char *title, const char *text, const char *id);
/* {"ok":false,"error":code,"message":text} */
perfopt_status perfopt__respond_error(perfopt_response *res, int status, const char *code,
                                      const char *message);
perfopt_status perfopt__respond_bytes(perfopt_response *res, const char *media_type,
                                      perfopt_bytes *bytes);
/* Logs a failure and answers 500 with the id that the log has. */
perfopt_status perfopt__respond_failure(perfopt_admin *admin, perfopt_response *res,
                                        const char *what, const char *reason);
bool perfopt__is_read(const perfopt_request *req); /* GET or HEAD */

/* ---- page.c -------------------------------------------------------------------------------- */

perfopt_status perfopt__page_show(perfopt__visitor *v, perfopt__dashboard which);
void perfopt__pages_init(perfopt__pages *pages);
void perfopt__pages_finish(perfopt__pages *pages);

/* ---- page_view.c --------------------------------------------------------------------------- */

/* What a page's address says. */
typedef struct perfopt__page_query {
    perfopt__dashboard which;
    const perfopt__window *window;
    const char *q, *sort, *detail, *result; /* NULL = absent */
    bool ascending;
    int64_t page;
} perfopt__page_query;

extern const char *const perfopt__dashboard_names[PERFOPT__DASHBOARDS];
/* Path of a dashboard. */
const char *perfopt__dashboard_path(perfopt__dashboard which);
/* All that the templates see, as one map. */
perfopt_value perfopt__page_context(perfopt__build *b, perfopt__visitor *v,
                                    const perfopt__page_query *query,
                                    const perfopt__snapshot *snapshot);

/* ---- results.c ----------------------------------------------------------------------------- */

void perfopt__results_init(perfopt__results *results);
void perfopt__results_finish(perfopt__results *results);
/* Keeps a result and writes its id. */
void perfopt__results_keep(perfopt__results *results, const perfopt__result *result, int64_t now_ms,
                           char id[17]);
/* False if it is unknown, too old or somebody else's. */
bool perfopt__results_find(perfopt__results *results, const char *id, const char *user,
                           int64_t now_ms, perfopt__result *out);

/* ---- api.c --------------------------------------------------------------------------------- */

/* `rest` is the path behind "api/v1/". */
perfopt_status perfopt__api_answer(perfopt__visitor *v, const char *rest);

/* ---- actions.c ----------------------------------------------------------------------------- */

perfopt_status perfopt__action_answer(perfopt__visitor *v, const char *name);

/* ---- statics.c ----------------------------------------------------------------------------- */

perfopt_status perfopt__statics_init(perfopt_admin *admin);
void perfopt__statics_finish(perfopt_admin *admin);
/* URL of an embedded file by its plain name; "" if it is not built in. */
const char *perfopt__static_url(const perfopt_admin *admin, const char *name);
perfopt_status perfopt__static_answer(perfopt_admin *admin, perfopt_request *req,
                                      perfopt_response *res, const char *path);

/* ---- embedded ------------------------------------------------------------------------------ */

/* Source of a page's template; NULL if there is none of that name. */
const char *perfopt__template_source(const char *name, size_t *length);

/* ---- listen.c ------------------------------------------------------------------------------ */

void perfopt__listener_stop(struct perfopt__listener *listener);

#endif
