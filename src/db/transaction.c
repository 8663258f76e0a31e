/*
 * transaction.c - a connection that is lent from BEGIN to COMMIT or ROLLBACK. Whatever happens in
 * between, the connection ends up idle and clean, or closed.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "db/db_internal.h"

#include <string.h>

/* A rollback that takes longer than this is not worth waiting for: the connection is closed. */
#define ROLLBACK_NS (5000 * (int64_t)1000000)

struct perfopt_tx {
    perfopt_db *db;
    perfopt__slot *slot;
};

static perfopt__connection *connection_of(const perfopt_tx *tx)
{
    return tx->slot->connection;
}

/* Gives the connection back and forgets the transaction. */
static void end(perfopt_tx *tx)
{
    perfopt__pool_release(tx->db->pool, tx->slot, perfopt__connection_verdict(connection_of(tx)));
    perfopt__pool_leave(tx->db->pool);
    perfopt__free(tx);
}

static const char *begin_sql(perfopt_isolation isolation, bool read_only)
{
    static const char *const texts[][2] = {
        {"BEGIN ISOLATION LEVEL READ COMMITTED", "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"},
        {"BEGIN ISOLATION LEVEL REPEATABLE READ",
         "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
        {"BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"},
    };
    return (unsigned)isolation < 3 ? texts[isolation][read_only] : NULL;
}

static int64_t statement_deadline(const perfopt_db *db, int64_t now_ns)
{
    bool none = db->statement_timeout_ns == INT64_MAX;
    return none ? PERFOPT__NO_DEADLINE : now_ns + db->statement_timeout_ns;
}

static perfopt_status begin(perfopt_tx *tx, const char *sql, perfopt_error *err)
{
    perfopt_db *db = tx->db;
    int64_t now_ns = perfopt__now_ns();
    perfopt_status status =
        perfopt__pool_acquire(db->pool, now_ns, now_ns + db->timeout_ns, &tx->slot, err);
    if (status != PERFOPT_OK)
        return status;
    PGresult *result = NULL;
    status = perfopt__connection_simple(connection_of(tx), sql, statement_deadline(db, now_ns),
                                        PERFOPT__ABANDON, &result, err);
    PQclear(result);
    if (status != PERFOPT_OK)
        perfopt__pool_release(db->pool, tx->slot, perfopt__connection_verdict(connection_of(tx)));
    return status;
}

perfopt_status perfopt_tx_begin(perfopt_db *db, perfopt_isolation isolation, bool read_only,
                                perfopt_tx **out, perfopt_error *err)
{
    const char *sql = begin_sql(isolation, read_only);
    if (!db || !out || !sql)
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "no database, no place for the result or "
                                  "an unknown isolation level");
    perfopt_tx *tx = perfopt__calloc(1, sizeof(*tx));
    if (!tx)
        return perfopt__error_nomem(err);
    tx->db = db;
    perfopt__pool_enter(db->pool);
    perfopt_status status = begin(tx, sql, err);
    if (status != PERFOPT_OK) {
        perfopt__pool_leave(db->pool);
        perfopt__free(tx);
        return status;
    }
    atomic_fetch_add_explicit(&db->transactions, 1, memory_order_relaxed);
    *out = tx;
    return PERFOPT_OK;
}

perfopt_status perfopt_tx_query(perfopt_tx *tx, const char *sql, const perfopt_param *params,
                                size_t param_count, const perfopt_query_options *options,
                                perfopt_rows **out, perfopt_error *err)
{
    if (!tx)
        return perfopt__error_set(err, PERFOPT_EINVAL, "no transaction");
    if (connection_of(tx)->broken)
        return perfopt__error_set(err, PERFOPT_EUNAVAILABLE,
                                  "the connection of this transaction is gone");
    perfopt__query_plan plan;
    int64_t now_ns = perfopt__now_ns();
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__query_plan_init(tx->db, &plan, sql, params, param_count, options, now_ns, err);
    if (status == PERFOPT_OK)
        status = perfopt__query_on(tx->db, connection_of(tx), &plan, now_ns, &result, err);
    perfopt__params_finish(&plan.params);
    if (status != PERFOPT_OK || !out) {
        PQclear(result);
        return status;
    }
    status = perfopt__rows_from_result(result, out);
    return status == PERFOPT_OK ? status : perfopt__error_nomem(err);
}

/* The server answers COMMIT of a failed transaction with "ROLLBACK" and no error. */
static perfopt_status commit(perfopt_tx *tx, perfopt_error *err)
{
    perfopt__connection *connection = connection_of(tx);
    if (connection->broken)
        return perfopt__error_set(err, PERFOPT_EUNAVAILABLE,
                                  "the connection of this transaction is gone: rolled back");
    PGresult *result = NULL;
    int64_t deadline_ns = statement_deadline(tx->db, perfopt__now_ns());
    perfopt_status status = perfopt__connection_simple(connection, "COMMIT", deadline_ns,
                                                       PERFOPT__ABANDON, &result, err);
    if (status == PERFOPT_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        status = perfopt__error_from(err, PERFOPT_EDB, PERFOPT_ORIGIN_POSTGRES, 0, "40000",
                                     "a statement of the transaction had failed: rolled back");
    else if (status == PERFOPT_ETIMEOUT || status == PERFOPT_EUNAVAILABLE)
        status = perfopt__error_from(err, PERFOPT_EUNAVAILABLE, PERFOPT_ORIGIN_POSTGRES, 0, "08007",
                                     "the connection broke during COMMIT: it is not "
                                     "known whether the transaction took effect");
    PQclear(result);
    return status;
}

static void count_rollback(perfopt_db *db)
{
    atomic_fetch_add_explicit(&db->rollbacks, 1, memory_order_relaxed);
}

perfopt_status perfopt_tx_commit(perfopt_tx *tx, perfopt_error *err)
{
    if (!tx)
        return perfopt__error_set(err, PERFOPT_EINVAL, "no transaction");
    perfopt_status status = commit(tx, err);
    if (status != PERFOPT_OK)
        count_rollback(tx->db);
    end(tx);
    return status;
}

void perfopt_tx_rollback(perfopt_tx *tx)
{
    if (!tx)
        return;
    perfopt__connection *connection = connection_of(tx);
    PGresult *result = NULL;
    if (!connection->broken && PQtransactionStatus(connection->pg) != PQTRANS_IDLE)
        perfopt__connection_simple(connection, "ROLLBACK", perfopt__now_ns() + ROLLBACK_NS,
                                   PERFOPT__ABANDON, &result, NULL);
    PQclear(result);
    count_rollback(tx->db);
    end(tx);
}

perfopt_status perfopt_db_transaction(perfopt_db *db, perfopt_isolation isolation,
                                      perfopt_status (*fn)(perfopt_tx *tx, void *user,
                                                           perfopt_error *err),
                                      void *user, perfopt_error *err)
{
    perfopt_tx *tx;
    perfopt_status status = perfopt_tx_begin(db, isolation, false, &tx, err);
    if (status != PERFOPT_OK)
        return status;
    status = fn(tx, user, err);
    if (status == PERFOPT_OK)
        return perfopt_tx_commit(tx, err);
    perfopt_tx_rollback(tx);
    return status;
}
