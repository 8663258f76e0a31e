/*
 * error.c - PostgreSQL's errors as perfopt_errors. Only the primary message is used, because detail
 * and context repeat values; and where the primary message itself may repeat one, it is cut there.
 */
#include "base/error.h"

#include "db/db_internal.h"

#include <stdio.h>
#include <string.h>

static bool is_class(const char *sqlstate, const char *class)
{
    return strncmp(sqlstate, class, 2) == 0;
}

/* Where the first quotation begins, in the quotes of the server's languages; or a byte in hex. */
static size_t first_quote(const char *message)
{
    static const char *const marks[] = {"\"",
                                        "'",
                                        "0x",
                                        "\xC2\xAB" /* << */,
                                        "\xC2\xBB" /* >> */,
                                        "\xE2\x80\x9C",
                                        "\xE2\x80\x9D",
                                        "\xE2\x80\x9E",
                                        "\xE3\x80\x8C"};
    size_t first = strlen(message);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        const char *found = strstr(message, marks[i]);
        if (found && (size_t)(found - message) < first)
            first = (size_t)(found - message);
    }
    return first;
}

/* `at or near "FORM"` helps, `at or near "'secret"` tells a literal. */
static bool near_is_harmless(const char *quote)
{
    if (*quote != '"' || strchr(quote, '\''))
        return false;
    char c = quote[1];
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("()=<>,;*", c));
}

void perfopt__pg_mask(const char *sqlstate, const char *message, char *out, size_t size)
{
    bool syntax = strcmp(sqlstate, "42601") == 0;
    if (is_class(sqlstate, "P0")) {
        snprintf(out, size, "a function raised an exception");
        return;
    }
    size_t keep = strlen(message);
    if (syntax || is_class(sqlstate, "22") || is_class(sqlstate, "XX")) {
        size_t quote = first_quote(message);
        if (!syntax || !near_is_harmless(message + quote))
            keep = quote;
    }
    bool cut = message[keep] != '\0';
    snprintf(out, size, "%.*s%s", (int)(keep < 400 ? keep : 400), message, cut ? "\"?\"" : "");
}

perfopt_status perfopt__pg_result_error(const PGresult *result, PGconn *pg, perfopt_error *err)
{
    bool lost = PQstatus(pg) != CONNECTION_OK;
    perfopt_status status = lost ? PERFOPT_EUNAVAILABLE : PERFOPT_EDB;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char masked[430] = "the database failed without a message";
    if (sqlstate && message)
        perfopt__pg_mask(sqlstate, message, masked, sizeof(masked));
    else if (lost)
        snprintf(masked, sizeof(masked), "the connection to the database was lost");
    return perfopt__error_from(err, status, PERFOPT_ORIGIN_POSTGRES, 0, sqlstate, "%s", masked);
}

perfopt_status perfopt__pg_connection_error(PGconn *pg, perfopt_error *err)
{
    const char *message = PQerrorMessage(pg);
    int length = (int)strcspn(message, "\n");
    return perfopt__error_from(err, PERFOPT_EUNAVAILABLE, PERFOPT_ORIGIN_POSTGRES, 0, NULL, "%.*s",
                               length, length ? message : "the connection was lost");
}

bool perfopt__pg_has_state(const PGresult *result, const char *sqlstate)
{
    const char *actual = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return actual && strcmp(actual, sqlstate) == 0;
}
