/*
 * query.c - one statement from parameters to result: on a connection that is at hand, or on one of
 * the pool; deadlines, errors and the accounts.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/options.h"
#include "db/db_internal.h"

#include <inttypes.h>
#include <perfopt/metrics.h>
#include <string.h>

/* ---- the plan ----------------------------------------------------------------------------- */

static int64_t deadline_of(const perfopt_db *db, uint32_t timeout_ms, int64_t now_ns)
{
    if (timeout_ms == UINT32_MAX || (!timeout_ms && db->statement_timeout_ns == INT64_MAX))
        return PERFOPT__NO_DEADLINE;
    return now_ns + (timeout_ms ? (int64_t)timeout_ms * 1000000 : db->statement_timeout_ns);
}

perfopt_status perfopt__query_plan_init(perfopt_db *db, perfopt__query_plan *plan, const char *sql,
                                        const perfopt_param *params, size_t count,
                                        const perfopt_query_options *options, int64_t now_ns,
                                        perfopt_error *err)
{
    perfopt_query_options own;
    plan->params.storage = NULL;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_QUERY_OPTIONS", err);
    if (status != PERFOPT_OK)
        return status;
    if (!sql)
        return perfopt__error_set(err, PERFOPT_EINVAL, "no SQL text");
    plan->sql = sql;
    plan->deadline_ns = deadline_of(db, own.timeout_ms, now_ns);
    plan->binary = own.binary == PERFOPT_ON;
    plan->prepare = own.prepare != PERFOPT_OFF;
    return perfopt__params_init(&plan->params, params, count, err);
}

/* ---- running ------------------------------------------------------------------------------ */

static perfopt_status run_unprepared(perfopt__connection *connection,
                                     const perfopt__query_plan *plan, PGresult **out,
                                     perfopt_error *err)
{
    const perfopt__params *p = &plan->params;
    if (!PQsendQueryParams(connection->pg, plan->sql, p->count, p->types, p->values, p->lengths,
                           p->formats, plan->binary)) {
        connection->broken = true;
        return perfopt__pg_connection_error(connection->pg, err);
    }
    return perfopt__connection_collect(connection, plan->deadline_ns, PERFOPT__CANCEL, out, err);
}

static perfopt_status accept_result(perfopt__connection *connection, PGresult *result,
                                    perfopt_error *err)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        return PERFOPT_OK;
    case PGRES_EMPTY_QUERY:
        return perfopt__error_set(err, PERFOPT_EINVAL, "the SQL text holds no statement");
    default:
        return perfopt__pg_result_error(result, connection->pg, err);
    }
}

static perfopt_status run(perfopt_db *db, perfopt__connection *connection,
                          const perfopt__query_plan *plan, PGresult **out, perfopt_error *err)
{
    PGresult *result = NULL;
    perfopt_status status =
        plan->prepare
            ? perfopt__statement_run(connection, plan->sql, &plan->params, plan->binary,
                                     plan->deadline_ns, &db->statement_counts, &result, err)
            : run_unprepared(connection, plan, &result, err);
    if (status == PERFOPT_OK)
        status = accept_result(connection, result, err);
    if (status != PERFOPT_OK) {
        PQclear(result);
        return status;
    }
    *out = result;
    return PERFOPT_OK;
}

/* ---- accounts ----------------------------------------------------------------------------- */

static void add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static void account(perfopt_db *db, const char *sql, perfopt_status status, uint64_t rows,
                    int64_t took_ns, int64_t waited_ns)
{
    perfopt__shape_sample sample = {took_ns, rows, status != PERFOPT_OK, took_ns >= db->slow_ns};
    add(&db->queries, 1);
    add(&db->errors, sample.failed);
    add(&db->deadlines, status == PERFOPT_ETIMEOUT);
    add(&db->rows, rows);
    add(&db->slow_queries, sample.slow);
    atomic_fetch_add_explicit(&db->query_ns, took_ns, memory_order_relaxed);
    uint64_t fingerprint =
        perfopt__shapes_record(db->shapes, sql, atomic_load(&db->backslash_strings), &sample);
    perfopt_scope_add_query(fingerprint, waited_ns + took_ns, rows);
}

perfopt_status perfopt__query_on(perfopt_db *db, perfopt__connection *connection,
                                 const perfopt__query_plan *plan, int64_t began_ns, PGresult **out,
                                 perfopt_error *err)
{
    int64_t start_ns = perfopt__now_ns();
    PGresult *result = NULL;
    perfopt_status status = run(db, connection, plan, &result, err);
    int64_t end_ns = perfopt__now_ns();
    uint64_t rows = status == PERFOPT_OK ? (uint64_t)PQntuples(result) : 0;
    account(db, plan->sql, status, rows, end_ns - start_ns, start_ns - began_ns);
    if (status == PERFOPT_OK)
        *out = result;
    return status;
}

/* ---- on a connection of the pool ---------------------------------------------------------- */

/* The statement's own deadline may come before the pool's: that is a timeout, not exhaustion. */
static perfopt_status acquire(perfopt_db *db, int64_t now_ns, int64_t deadline_ns,
                              perfopt__slot **out, perfopt_error *err)
{
    int64_t until_ns = now_ns + db->timeout_ns;
    bool own = deadline_ns < until_ns;
    perfopt_status status =
        perfopt__pool_acquire(db->pool, now_ns, own ? deadline_ns : until_ns, out, err);
    if (status == PERFOPT_EEXHAUSTED && own) {
        add(&db->deadlines, 1);
        status = PERFOPT_ETIMEOUT;
        if (err)
            err->status = status;
    }
    if (status != PERFOPT_OK)
        add(&db->errors, 1);
    return status;
}

static perfopt_status query_entered(perfopt_db *db, const perfopt__query_plan *plan, int64_t now_ns,
                                    PGresult **out, perfopt_error *err)
{
    perfopt__slot *slot;
    perfopt_status status = acquire(db, now_ns, plan->deadline_ns, &slot, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt__connection *connection = slot->connection;
    status = perfopt__query_on(db, connection, plan, now_ns, out, err);
    perfopt__pool_release(db->pool, slot, perfopt__connection_verdict(connection));
    return status;
}

perfopt_status perfopt__query_pooled(perfopt_db *db, const char *sql, const perfopt_param *params,
                                     size_t count, const perfopt_query_options *options,
                                     PGresult **out, perfopt_error *err)
{
    if (!db)
        return perfopt__error_set(err, PERFOPT_EINVAL, "no database");
    perfopt__query_plan plan;
    int64_t now_ns = perfopt__now_ns();
    perfopt_status status =
        perfopt__query_plan_init(db, &plan, sql, params, count, options, now_ns, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt__pool_enter(db->pool);
    status = query_entered(db, &plan, now_ns, out, err);
    perfopt__pool_leave(db->pool);
    perfopt__params_finish(&plan.params);
    return status;
}

perfopt_status perfopt_db_query(perfopt_db *db, const char *sql, const perfopt_param *params,
                                size_t param_count, const perfopt_query_options *options,
                                perfopt_rows **out, perfopt_error *err)
{
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__query_pooled(db, sql, params, param_count, options, &result, err);
    if (status != PERFOPT_OK)
        return status;
    if (!out) {
        PQclear(result);
        return PERFOPT_OK;
    }
    status = perfopt__rows_from_result(result, out);
    return status == PERFOPT_OK ? status : perfopt__error_nomem(err);
}

perfopt_status perfopt_db_execute(perfopt_db *db, const char *sql, const perfopt_param *params,
                                  size_t param_count, const perfopt_query_options *options,
                                  uint64_t *affected, perfopt_error *err)
{
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__query_pooled(db, sql, params, param_count, options, &result, err);
    if (status != PERFOPT_OK)
        return status;
    if (affected)
        *affected = strtoumax(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return PERFOPT_OK;
}
