/*
 * info.c - where the database is and how it does, without the password.
 */
#include "base/clock.h"
#include "base/error.h"
#include "db/db_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHECK_TIMEOUT_MS 5000

static void copy_text(char *out, size_t size, const char *text)
{
    if (text && *text)
        snprintf(out, size, "%s", text);
}

/* Takes what a list of libpq's options says; a host wins over its address. */
static void read_place(const PQconninfoOption *options, perfopt_db_info *out)
{
    const char *host = NULL;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (strcmp(o->keyword, "host") == 0 || (strcmp(o->keyword, "hostaddr") == 0 && !host))
            host = o->val && *o->val ? o->val : host;
        else if (strcmp(o->keyword, "port") == 0)
            copy_text(out->port, sizeof(out->port), o->val);
        else if (strcmp(o->keyword, "dbname") == 0)
            copy_text(out->database, sizeof(out->database), o->val);
        else if (strcmp(o->keyword, "user") == 0)
            copy_text(out->user, sizeof(out->user), o->val);
    }
    copy_text(out->host, sizeof(out->host), host);
}

/* libpq's own message may repeat the string, and with it the password. */
static perfopt_status refuse_url(const char *url, perfopt_error *err)
{
    bool uri = strstr(url, "://") != NULL;
    return perfopt__error_set(err, PERFOPT_ECONFIG, "the database URL is malformed: %s",
                              uri ? "not a postgresql:// URI (percent-encode special characters)"
                                  : "not a list of keyword=value");
}

perfopt_status perfopt__info_from_url(const char *url, perfopt_db_info *out, perfopt_error *err)
{
    char *message = NULL;
    PQconninfoOption *given = PQconninfoParse(url, &message);
    PQfreemem(message);
    if (!given)
        return refuse_url(url, err);
    memset(out, 0, sizeof(*out));
    PQconninfoOption *defaults = PQconndefaults();
    if (defaults)
        read_place(defaults, out);
    read_place(given, out);
    PQconninfoFree(defaults);
    PQconninfoFree(given);
    if (strchr(out->host, '@')) /* a part of the password that was not encoded; do not repeat it */
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "the database URL is malformed: the host contains an '@' "
                                  "(percent-encode it in the password)");
    if (!out->database[0])
        copy_text(out->database, sizeof(out->database), out->user);
    return PERFOPT_OK;
}

static uint64_t cell_u64(const PGresult *result, int column)
{
    return strtoumax(PQgetvalue(result, 0, column), NULL, 10);
}

perfopt_status perfopt_db_get_info(perfopt_db *db, perfopt_db_info *out, perfopt_error *err)
{
    *out = db->place;
    PGresult *result = NULL;
    perfopt_status status = perfopt__query_pooled(
        db,
        "SELECT current_setting('server_version'), pg_database_size(current_database()),"
        " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
        " current_setting('max_connections'), current_database(), session_user",
        NULL, 0, PERFOPT_QUERY_OPTIONS(.timeout_ms = CHECK_TIMEOUT_MS), &result, err);
    if (status != PERFOPT_OK)
        return status;
    if (PQntuples(result) == 1) {
        copy_text(out->server_version, sizeof(out->server_version), PQgetvalue(result, 0, 0));
        out->size_bytes = cell_u64(result, 1);
        out->server_connections = (uint32_t)cell_u64(result, 2);
        out->server_max_connections = (uint32_t)cell_u64(result, 3);
        copy_text(out->database, sizeof(out->database), PQgetvalue(result, 0, 4));
        copy_text(out->user, sizeof(out->user), PQgetvalue(result, 0, 5));
    }
    PQclear(result);
    return PERFOPT_OK;
}

perfopt_status perfopt_db_health_check(perfopt_db *db, int64_t *took_us, perfopt_error *err)
{
    int64_t start_ns = perfopt__now_ns();
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__query_pooled(db, "SELECT 1", NULL, 0,
                              PERFOPT_QUERY_OPTIONS(.timeout_ms = CHECK_TIMEOUT_MS), &result, err);
    PQclear(result);
    if (status == PERFOPT_OK && took_us)
        *took_us = (perfopt__now_ns() - start_ns) / 1000;
    return status;
}
