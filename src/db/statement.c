/*
 * statement.c - the prepared statements of one connection: a map from (parameter types, SQL text)
 * to a name on the server, least recently used first out.
 *
 * The name is made of a hash of the key, so equal names mean equal statements; behind a pooler that
 * gives us another server connection each time, a name that is taken already is therefore as good
 * as prepared, and one that is missing is prepared again.
 */
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "db/db_internal.h"

#include <stdio.h>
#include <string.h>

#define MAX_DROPPED (sizeof(((perfopt__statements *)0)->dropped) / sizeof(char[48]))
/* Evicted names are given up on the server in batches of this many. */
#define DROP_BATCH 16
/* Longer statements are not worth keeping. */
#define MAX_KEY ((size_t)64 << 10)

void perfopt__statements_init(perfopt__statements *statements, uint32_t capacity)
{
    *statements = (perfopt__statements){.capacity = capacity};
}

void perfopt__statements_finish(perfopt__statements *statements)
{
    perfopt__map_finish(&statements->map, perfopt__free);
}

/* ---- the list ----------------------------------------------------------------------------- */

static void unlink_statement(perfopt__statements *all, perfopt__statement *s)
{
    *(s->newer ? &s->newer->older : &all->newest) = s->older;
    *(s->older ? &s->older->newer : &all->oldest) = s->newer;
}

static void push_newest(perfopt__statements *all, perfopt__statement *s)
{
    s->newer = NULL;
    s->older = all->newest;
    *(s->older ? &s->older->newer : &all->oldest) = s;
    all->newest = s;
}

static void forget(perfopt__statements *all, perfopt__statement *s)
{
    unlink_statement(all, s);
    perfopt__map_remove(&all->map, s->key, s->key_length);
    perfopt__free(s);
}

static perfopt__statement *statement_new(const char *sql, const perfopt__params *params)
{
    size_t types = (size_t)params->count * sizeof(Oid);
    size_t text = strlen(sql);
    if (types + text > MAX_KEY)
        return NULL;
    perfopt__statement *s = perfopt__malloc(sizeof(*s) + types + text);
    if (!s)
        return NULL;
    s->newer = s->older = NULL;
    s->key_length = types + text;
    if (types)
        memcpy(s->key, params->types, types);
    memcpy(s->key + types, sql, text);
    return s;
}

static void give_name(const perfopt__statements *all, perfopt__statement *s)
{
    char hex[33];
    perfopt__hash128_hex(perfopt__hash128_stable(s->key, s->key_length), hex);
    snprintf(s->name, sizeof(s->name), "po_%s_%u", hex, all->generation);
}

/* The server shall free it when there is an occasion; one that does not fit stays until the
 * connection ends. Its name is not given again. */
static void drop_later(perfopt__statements *all, const perfopt__statement *s)
{
    all->generation++;
    if (all->dropped_count < MAX_DROPPED)
        memcpy(all->dropped[all->dropped_count++], s->name, sizeof(s->name));
}

static perfopt__statement *find(perfopt__statements *all, const char *sql,
                                const perfopt__params *params)
{
    char key[2048];
    size_t types = (size_t)params->count * sizeof(Oid);
    size_t text = strlen(sql);
    char *whole = key;
    if (types + text > MAX_KEY || all->map.count == 0)
        return NULL;
    if (types + text > sizeof(key) && !(whole = perfopt__malloc(types + text)))
        return NULL;
    if (types)
        memcpy(whole, params->types, types);
    memcpy(whole + types, sql, text);
    perfopt__statement *s = perfopt__map_get(&all->map, whole, types + text);
    if (whole != key)
        perfopt__free(whole);
    if (s) {
        unlink_statement(all, s);
        push_newest(all, s);
    }
    return s;
}

/* ---- evicting ----------------------------------------------------------------------------- */

static bool is_idle(const perfopt__connection *connection)
{
    return PQtransactionStatus(connection->pg) == PQTRANS_IDLE;
}

/* The server frees evicted statements in one round trip per batch, never inside a transaction: an
 * error would end it. A name it does not know any more is as good as freed. */
static perfopt_status deallocate(perfopt__connection *connection, int64_t deadline_ns,
                                 perfopt_error *err)
{
    perfopt__statements *all = &connection->statements;
    if (all->dropped_count < DROP_BATCH || !is_idle(connection))
        return PERFOPT_OK;
    char sql[MAX_DROPPED * 64] = "";
    size_t length = 0;
    for (uint32_t i = 0; i < all->dropped_count; i++)
        length += (size_t)snprintf(sql + length, sizeof(sql) - length, "DEALLOCATE \"%s\";",
                                   all->dropped[i]);
    all->dropped_count = 0;
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__connection_simple(connection, sql, deadline_ns, PERFOPT__CANCEL, &result, err);
    PQclear(result);
    return connection->broken || status == PERFOPT_ETIMEOUT ? status : PERFOPT_OK;
}

/* True if there is room for one more. */
static bool make_room(perfopt__statements *all)
{
    if (all->map.count < all->capacity)
        return true;
    if (all->dropped_count == MAX_DROPPED)
        return false; /* a long transaction: nothing can be freed on the server now */
    drop_later(all, all->oldest);
    forget(all, all->oldest);
    return true;
}

/* ---- preparing and running ---------------------------------------------------------------- */

static perfopt_status send_failed(perfopt__connection *connection, perfopt_error *err)
{
    connection->broken = true;
    return perfopt__pg_connection_error(connection->pg, err);
}

/* Prepares a statement and keeps it. *out = NULL without an error: run it unprepared. *refused is
 * the server's answer if it did not like the statement. */
static perfopt_status prepare(perfopt__connection *connection, const char *sql,
                              const perfopt__params *params, int64_t deadline_ns,
                              perfopt__statement **out, PGresult **refused, perfopt_error *err)
{
    perfopt__statements *all = &connection->statements;
    perfopt_status status = deallocate(connection, deadline_ns, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt__statement *s = make_room(all) ? statement_new(sql, params) : NULL;
    if (!s || perfopt__map_put(&all->map, s->key, s->key_length, s, NULL) != PERFOPT_OK) {
        perfopt__free(s);
        return PERFOPT_OK;
    }
    push_newest(all, s);
    give_name(all, s);
    PGresult *result = NULL;
    status =
        PQsendPrepare(connection->pg, s->name, sql, params->count, params->types)
            ? perfopt__connection_collect(connection, deadline_ns, PERFOPT__CANCEL, &result, err)
            : send_failed(connection, err);
    bool failed = status == PERFOPT_OK && PQresultStatus(result) != PGRES_COMMAND_OK;
    if (status != PERFOPT_OK || (failed && !perfopt__pg_has_state(result, "42P05"))) {
        forget(all, s);
        *refused = result;
        return status;
    }
    PQclear(result);
    /* In a transaction the error that told us the name exists has ended it. */
    if (failed && !is_idle(connection))
        return perfopt__error_from(err, PERFOPT_EDB, PERFOPT_ORIGIN_POSTGRES, 0, "42P05",
                                   "a prepared statement exists already: run it again");
    *out = s;
    return PERFOPT_OK;
}

static perfopt_status execute(perfopt__connection *connection, const perfopt__statement *s,
                              const char *sql, const perfopt__params *params, bool binary,
                              int64_t deadline_ns, PGresult **out, perfopt_error *err)
{
    const perfopt__params *p = params;
    int sent = s ? PQsendQueryPrepared(connection->pg, s->name, p->count, p->values, p->lengths,
                                       p->formats, binary)
                 : PQsendQueryParams(connection->pg, sql, p->count, p->types, p->values, p->lengths,
                                     p->formats, binary);
    if (!sent)
        return send_failed(connection, err);
    return perfopt__connection_collect(connection, deadline_ns, PERFOPT__CANCEL, out, err);
}

/* The plan's result type changed under it (found by the server's function, because its message is
 * translated), or the server does not know the name. Both before anything was executed. */
static bool is_stale(const PGresult *result)
{
    if (PQresultStatus(result) != PGRES_FATAL_ERROR)
        return false;
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    return perfopt__pg_has_state(result, "26000") ||
           (perfopt__pg_has_state(result, "0A000") && function &&
            strcmp(function, "RevalidateCachedQuery") == 0);
}

/* Forgets a stale statement; one whose plan changed gets a new name next time. */
static void forget_stale(perfopt__statements *all, perfopt__statement *s, const PGresult *result)
{
    if (!perfopt__pg_has_state(result, "26000"))
        drop_later(all, s);
    forget(all, s);
}

perfopt_status perfopt__statement_run(perfopt__connection *connection, const char *sql,
                                      const perfopt__params *params, bool binary,
                                      int64_t deadline_ns, perfopt__statement_counts *counts,
                                      PGresult **out, perfopt_error *err)
{
    perfopt__statements *all = &connection->statements;
    bool may_retry = is_idle(connection);
    for (;; may_retry = false) {
        PGresult *result = NULL;
        perfopt__statement *s = find(all, sql, params);
        bool reused = s != NULL;
        if (!s && all->capacity) {
            perfopt_status status = prepare(connection, sql, params, deadline_ns, &s, &result, err);
            if (status != PERFOPT_OK || result) {
                *out = result;
                return status;
            }
        }
        if (s)
            atomic_fetch_add_explicit(reused ? &counts->reused : &counts->prepared, 1,
                                      memory_order_relaxed);
        perfopt_status status =
            execute(connection, s, sql, params, binary, deadline_ns, &result, err);
        bool stale = status == PERFOPT_OK && s && is_stale(result);
        if (stale)
            forget_stale(all, s, result);
        if (!stale || !may_retry) {
            *out = result;
            return status;
        }
        PQclear(result);
    }
}
