/*
 * connection.c - one connection to PostgreSQL: opening it, waiting for results with a deadline, and
 * judging in what state it comes back. libpq's asynchronous calls only, so nothing blocks longer
 * than it should (except name resolution, which libpq does while connecting).
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "db/db_internal.h"
#include "db/wait.h"

#include <poll.h>
#include <string.h>

/* After a cancel request: this long for the server to obey before the connection is closed. */
#define CANCEL_GRACE_NS ((int64_t)1000000000)
/* How soon an attempt to connect notices that the pool is being closed. */
#define CONNECT_SLICE_NS (100 * (int64_t)1000000)

/* ---- waiting for results ------------------------------------------------------------------ */

/* PERFOPT_OK with the next result (NULL = the statement is over) or PERFOPT_ETIMEOUT. */
static perfopt_status next_result(PGconn *pg, int64_t deadline_ns, PGresult **out)
{
    for (;;) {
        /* A failed flush is reported by PQgetResult, after what the server said before it died. */
        short events = PQflush(pg) == 1 ? POLLIN | POLLOUT : POLLIN;
        if (!PQisBusy(pg))
            break;
        int ready = perfopt__socket_wait(PQsocket(pg), events, deadline_ns);
        if (ready == 0)
            return PERFOPT_ETIMEOUT;
        if (ready < 0 || !PQconsumeInput(pg))
            break;
    }
    *out = PQgetResult(pg);
    return PERFOPT_OK;
}

static bool is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* Reads results until the statement is over and keeps the last; a COPY cannot be ended like that
 * and is handed out as it is. PERFOPT_OK or PERFOPT_ETIMEOUT. */
static perfopt_status drain(PGconn *pg, int64_t deadline_ns, PGresult **kept)
{
    for (;;) {
        PGresult *result = NULL;
        perfopt_status status = next_result(pg, deadline_ns, &result);
        if (status != PERFOPT_OK || !result)
            return status;
        PQclear(*kept);
        *kept = result;
        if (is_copy(result) || PQstatus(pg) != CONNECTION_OK)
            return PERFOPT_OK;
    }
}

/*
 * Asks the server to stop and waits for the end. The connection stays usable only if the request
 * has arrived and stopped this very statement: one that arrives late would stop the next one.
 */
static void cancel(perfopt__connection *connection, PGresult **kept)
{
    int64_t grace_ns = perfopt__now_ns() + CANCEL_GRACE_NS;
    perfopt__cancel *request = perfopt__cancel_start(connection->pg);
    bool over = request && drain(connection->pg, grace_ns, kept) == PERFOPT_OK;
    bool delivered = request && perfopt__cancel_join(request, grace_ns);
    if (!over || !delivered || !*kept || !perfopt__pg_has_state(*kept, "57014"))
        connection->broken = true;
    if (!over) {
        PQclear(*kept);
        *kept = NULL;
    }
}

static perfopt_status judge(perfopt__connection *connection, bool late, PGresult *kept,
                            perfopt_error *err)
{
    if (late && (!kept || perfopt__pg_has_state(kept, "57014")))
        return perfopt__error_from(err, PERFOPT_ETIMEOUT, PERFOPT_ORIGIN_POSTGRES, 0, "57014",
                                   "the statement was over its deadline and was cancelled");
    if (!kept) {
        connection->broken = true;
        return perfopt__pg_connection_error(connection->pg, err);
    }
    if (is_copy(kept)) {
        connection->broken = true;
        return perfopt__error_set(err, PERFOPT_EINVAL, "COPY is not supported here");
    }
    return PERFOPT_OK;
}

perfopt_status perfopt__connection_collect(perfopt__connection *connection, int64_t deadline_ns,
                                           perfopt__on_deadline on_deadline, PGresult **out,
                                           perfopt_error *err)
{
    PGresult *kept = NULL;
    bool late = drain(connection->pg, deadline_ns, &kept) == PERFOPT_ETIMEOUT;
    if (late && on_deadline == PERFOPT__CANCEL) {
        cancel(connection, &kept);
    } else if (late) {
        connection->broken = true;
        PQclear(kept);
        kept = NULL;
    }
    perfopt_status status = judge(connection, late, kept, err);
    if (PQstatus(connection->pg) != CONNECTION_OK)
        connection->broken = true;
    if (status != PERFOPT_OK) {
        PQclear(kept);
        return status;
    }
    *out = kept;
    return PERFOPT_OK;
}

static bool is_failure(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

perfopt_status perfopt__connection_simple(perfopt__connection *connection, const char *sql,
                                          int64_t deadline_ns, perfopt__on_deadline on_deadline,
                                          PGresult **out, perfopt_error *err)
{
    if (!PQsendQuery(connection->pg, sql)) {
        connection->broken = true;
        return perfopt__pg_connection_error(connection->pg, err);
    }
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__connection_collect(connection, deadline_ns, on_deadline, &result, err);
    if (status != PERFOPT_OK)
        return status;
    if (is_failure(result)) {
        status = perfopt__pg_result_error(result, connection->pg, err);
        PQclear(result);
        return status;
    }
    *out = result;
    return PERFOPT_OK;
}

perfopt__verdict perfopt__connection_verdict(const perfopt__connection *connection)
{
    if (connection->broken || PQstatus(connection->pg) != CONNECTION_OK)
        return PERFOPT__BROKEN;
    if (PQtransactionStatus(connection->pg) != PQTRANS_IDLE)
        return PERFOPT__DIRTY;
    return PERFOPT__CLEAN;
}

/* ---- opening ------------------------------------------------------------------------------ */

static perfopt_status connect_step(PGconn *pg, int64_t deadline_ns, const atomic_bool *cancelled,
                                   short events, perfopt_error *err)
{
    for (;;) {
        if (atomic_load(cancelled))
            return perfopt__error_set(err, PERFOPT_ECLOSED, "the database pool is closed");
        int64_t slice_ns = perfopt__now_ns() + CONNECT_SLICE_NS;
        bool last = slice_ns >= deadline_ns;
        int ready = perfopt__socket_wait(PQsocket(pg), events, last ? deadline_ns : slice_ns);
        if (ready == 0 && last)
            return perfopt__error_set(err, PERFOPT_EUNAVAILABLE, "connecting timed out");
        if (ready != 0)
            return PERFOPT_OK; /* an invalid socket is libpq's to report */
    }
}

static perfopt_status finish_connecting(PGconn *pg, int64_t deadline_ns,
                                        const atomic_bool *cancelled, perfopt_error *err)
{
    if (PQstatus(pg) == CONNECTION_BAD)
        return perfopt__pg_connection_error(pg, err);
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    while (wants != PGRES_POLLING_OK) {
        short events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        perfopt_status status = connect_step(pg, deadline_ns, cancelled, events, err);
        if (status != PERFOPT_OK)
            return status;
        wants = PQconnectPoll(pg);
        if (wants == PGRES_POLLING_FAILED)
            return perfopt__pg_connection_error(pg, err);
    }
    return PERFOPT_OK;
}

static void drop_notice(void *user, const PGresult *result)
{
    (void)user;
    (void)result; /* a notice may repeat values, and nobody asked for it */
}

static PGconn *start_connecting(const perfopt_db *db)
{
    /* Later keywords win over those inside the connection string, earlier ones lose to it. */
    const char *keywords[] = {"fallback_application_name", "dbname", "client_encoding",
                              db->application_name ? "application_name" : NULL, NULL};
    const char *values[] = {"libperfopt", db->url, "UTF8", db->application_name, NULL};
    PGconn *pg = PQconnectStartParams(keywords, values, 1);
    PQsetNoticeReceiver(pg, drop_notice, NULL);
    return pg;
}

/* Who we are on this connection: part of every key under which a result is cached. */
static perfopt_status learn_identity(perfopt_db *db, perfopt__connection *connection,
                                     int64_t deadline_ns, perfopt_error *err)
{
    PGresult *result = NULL;
    perfopt_status status = perfopt__connection_simple(
        connection, "SELECT current_user, current_setting('search_path')", deadline_ns,
        PERFOPT__ABANDON, &result, err);
    if (status != PERFOPT_OK)
        return status;
    if (PQntuples(result) == 1 && PQnfields(result) == 2)
        perfopt__identity_set(&db->identity, PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
    PQclear(result);
    const char *conforming = PQparameterStatus(connection->pg, "standard_conforming_strings");
    atomic_store(&db->backslash_strings, conforming && strcmp(conforming, "off") == 0);
    return PERFOPT_OK;
}

static void close_connection(void *user, void *opaque)
{
    (void)user;
    perfopt__connection *connection = opaque;
    perfopt__statements_finish(&connection->statements);
    PQfinish(connection->pg);
    perfopt__free(connection);
}

static perfopt_status open_connection(void *user, const atomic_bool *cancelled, void **out,
                                      perfopt_error *err)
{
    perfopt_db *db = user;
    int64_t deadline_ns = perfopt__now_ns() + db->connect_timeout_ns;
    perfopt__connection *connection = perfopt__calloc(1, sizeof(*connection));
    if (!connection)
        return perfopt__error_nomem(err);
    perfopt__statements_init(&connection->statements, db->statement_cache);
    connection->pg = start_connecting(db);
    perfopt_status status = connection->pg
                                ? finish_connecting(connection->pg, deadline_ns, cancelled, err)
                                : perfopt__error_nomem(err);
    if (status == PERFOPT_OK && PQsetnonblocking(connection->pg, 1) != 0)
        status = perfopt__pg_connection_error(connection->pg, err);
    if (status == PERFOPT_OK)
        status = learn_identity(db, connection, deadline_ns, err);
    if (status != PERFOPT_OK) {
        close_connection(NULL, connection);
        return status;
    }
    *out = connection;
    return PERFOPT_OK;
}

/* ---- checking ----------------------------------------------------------------------------- */

/* An idle server sends nothing but the odd notice or parameter; what stays readable after it was
 * read is the end of the stream. */
static bool peek(void *user, void *opaque)
{
    (void)user;
    PGconn *pg = ((perfopt__connection *)opaque)->pg;
    for (int i = 0; i < 3; i++) {
        int ready = perfopt__socket_wait(PQsocket(pg), POLLIN, 0);
        if (ready == 0)
            return true;
        if (ready < 0 || !PQconsumeInput(pg))
            return false;
        PGnotify *notification;
        while ((notification = PQnotifies(pg)) != NULL)
            PQfreemem(notification);
    }
    return false;
}

static bool ping(void *user, void *opaque, int64_t deadline_ns)
{
    (void)user;
    perfopt__connection *connection = opaque;
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__connection_simple(connection, "", deadline_ns, PERFOPT__ABANDON, &result, NULL);
    PQclear(result);
    return status == PERFOPT_OK && !connection->broken;
}

const perfopt__pool_driver perfopt__connection_driver = {
    .open = open_connection,
    .close = close_connection,
    .peek = peek,
    .ping = ping,
};
