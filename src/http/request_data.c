/*
 * request_data.c - rows that belong to a request: released when its arena is destroyed.
 */
#include "http/http_internal.h"

#include "base/error.h"

static void release_rows(void *user)
{
    perfopt_rows_release(user);
}

/* Ties the rows to the request, or reports why there are none. */
static perfopt_rows *own_rows(perfopt_request *req, perfopt_status status, perfopt_rows *rows,
                              const perfopt_error *own, perfopt_error *err)
{
    if (status != PERFOPT_OK) {
        perfopt__request_failed(req, own, status, err);
        return NULL;
    }
    if (perfopt_arena_defer(req->arena, release_rows, rows) != PERFOPT_OK) {
        perfopt__error_nomem(err);
        return NULL;
    }
    return rows;
}

perfopt_rows *perfopt_request_cached_query(perfopt_request *req, const perfopt_query_spec *spec,
                                           const perfopt_param *params, size_t param_count,
                                           perfopt_error *err)
{
    perfopt_error own = PERFOPT_ERROR_INIT;
    perfopt_rows *rows = NULL;
    perfopt_status status;
    if (req->http->options.queries)
        status = perfopt_query_cache_fetch(req->http->options.queries, spec, params, param_count,
                                           &rows, &own);
    else
        status = perfopt__error_set(&own, PERFOPT_EDISABLED, "the site has no query cache");
    return own_rows(req, status, rows, &own, err);
}

perfopt_rows *perfopt_request_query(perfopt_request *req, const char *sql,
                                    const perfopt_param *params, size_t param_count,
                                    perfopt_error *err)
{
    perfopt_error own = PERFOPT_ERROR_INIT;
    perfopt_rows *rows = NULL;
    perfopt_status status;
    if (req->http->options.db)
        status =
            perfopt_db_query(req->http->options.db, sql, params, param_count, NULL, &rows, &own);
    else
        status = perfopt__error_set(&own, PERFOPT_EDISABLED, "the site has no database");
    return own_rows(req, status, rows, &own, err);
}

perfopt_value perfopt_request_cached_aggregate(perfopt_request *req, const perfopt_query_spec *spec,
                                               const perfopt_param *params, size_t param_count,
                                               perfopt_error *err)
{
    perfopt_error own = PERFOPT_ERROR_INIT;
    perfopt_value value = perfopt_undefined();
    perfopt_status status;
    if (req->http->options.queries)
        status = perfopt_query_cache_aggregate(req->http->options.queries, spec, params,
                                               param_count, req->arena, &value, &own);
    else
        status = perfopt__error_set(&own, PERFOPT_EDISABLED, "the site has no query cache");
    if (status == PERFOPT_OK)
        return value;
    perfopt__request_failed(req, &own, status, err);
    return perfopt_undefined();
}
