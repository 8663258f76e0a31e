/*
 * baseline.h - the site without the library's help, as many sites are: one database connection per
 * request, one query per thing, templates read and parsed for each request.
 */
#ifndef NEWS_BASELINE_H
#define NEWS_BASELINE_H

#include "news.h"

#include <libpq-fe.h>

/* One request: its own connection, its own memory, and what it cost. */
typedef struct baseline_page {
    const news_options *options;
    PGconn *connection;
    perfopt_arena *arena;
    unsigned queries;
    double database_ms;
    double render_ms;
    int status;
    char *body; /* malloc */
    size_t length;
} baseline_page;

/* Runs a statement with text parameters; the result lives as long as the page. NULL on failure. */
PGresult *baseline_query(baseline_page *page, const char *sql, int count,
                         const char *const *params);
/* One row as a map. */
perfopt_value baseline_row(baseline_page *page, PGresult *result, int row);
/* Renders a template into the page's body. */
void baseline_render(baseline_page *page, const char *name, const perfopt_context *context);

/* Answers a path with a page; false if there is none. `arg` gives query-string arguments. */
bool baseline_answer(baseline_page *page, const char *path,
                     const char *(*arg)(void *request, const char *name), void *request);

#endif
