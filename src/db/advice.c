/*
 * advice.c - index advice from the server's own statistics: foreign keys that no index begins with,
 * and large tables that are mostly read from end to end. Nothing is created.
 */
#include "base/error.h"
#include "base/memory.h"
#include "db/db_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Statements of this process that are searched for filters. */
#define SHAPES 100

/* Columns of both statements; the last one differs. */
enum { TABLE, ROWS, SCANS, COLUMNS, STATEMENT, NAME, SHARE = COLUMNS, BARE_NAME = STATEMENT };

/* An index helps a foreign key if its first columns are those of the key, in any order; partial
 * and invalid ones do not count. */
static const char foreign_keys_sql[] =
    "SELECT format('%I.%I', n.nspname, c.relname), greatest(c.reltuples, 0)::bigint,"
    " coalesce(s.seq_scan, 0), k.columns,"
    " format('CREATE INDEX %sON %I.%I (%s)',"
    "   CASE c.relkind WHEN 'p' THEN '' ELSE 'CONCURRENTLY ' END, n.nspname, c.relname, k.columns),"
    " con.conname"
    " FROM pg_constraint con"
    " JOIN pg_class c ON c.oid = con.conrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid"
    " CROSS JOIN LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.place) AS "
    "columns"
    "   FROM unnest(con.conkey) WITH ORDINALITY u(number, place)"
    "   JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = u.number) k"
    " WHERE con.contype = 'f' AND con.conparentid = 0"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    " AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = con.conrelid AND i.indisvalid"
    "   AND i.indpred IS NULL AND i.indnkeyatts >= cardinality(con.conkey)"
    "   AND (i.indkey::int2[])[0:cardinality(con.conkey) - 1] @> con.conkey)"
    " ORDER BY c.reltuples DESC, con.conname LIMIT 200";

/* PgHero's bar: fewer than 95 % of the scans use an index. With the columns that no index begins
 * with; which of them is filtered by, only statements tell. */
static const char sequential_scans_sql[] =
    "SELECT format('%I.%I', s.schemaname, s.relname), s.n_live_tup, s.seq_scan,"
    " 100 * coalesce(s.idx_scan, 0) / (s.seq_scan + coalesce(s.idx_scan, 0)),"
    " quote_ident(s.relname),"
    " (SELECT string_agg(quote_ident(a.attname), E'\n') FROM pg_attribute a"
    "   WHERE a.attrelid = s.relid AND a.attnum > 0 AND NOT a.attisdropped AND NOT EXISTS"
    "   (SELECT 1 FROM pg_index i WHERE i.indrelid = s.relid AND i.indisvalid"
    "     AND i.indkey[0] = a.attnum))"
    " FROM pg_stat_user_tables s"
    " WHERE s.n_live_tup > 10000 AND s.seq_scan > 0"
    " AND coalesce(s.idx_scan, 0) < 0.95 * (s.seq_scan + coalesce(s.idx_scan, 0))"
    " ORDER BY s.seq_tup_read DESC LIMIT 200";

/* ---- filters of statements ---------------------------------------------------------------- */

static bool is_name(const perfopt__token *token, const char *name, size_t length)
{
    if (token->length != length)
        return false;
    if (token->kind == PERFOPT__TOKEN_WORD)
        return strncasecmp(token->text, name, length) == 0;
    return token->kind == PERFOPT__TOKEN_QUOTED && memcmp(token->text, name, length) == 0;
}

/* Is the token one of the names, one a line? */
static bool is_listed(const perfopt__token *token, const char *names)
{
    while (*names) {
        size_t length = strcspn(names, "\n");
        if (is_name(token, names, length))
            return true;
        names += length + (names[length] == '\n');
    }
    return false;
}

static bool compares(const perfopt__token *token)
{
    if (token->kind == PERFOPT__TOKEN_OPERATOR)
        return token->length <= 2 && strchr("=<>", token->text[0]) && token->text[0];
    return is_name(token, "in", 2) || is_name(token, "between", 7);
}

/* Looks in one statement's text for `column = ...` where the column is a candidate. */
static bool find_filter(const char *sql, const char *table, const char *candidates,
                        perfopt__token *found)
{
    perfopt__lexer lexer = {sql, sql + strlen(sql), false};
    bool has_table = false, filtering = false, has_column = false;
    perfopt__token before = {.kind = PERFOPT__TOKEN_END};
    for (;;) {
        perfopt__token token = perfopt__lexer_next(&lexer);
        if (token.kind == PERFOPT__TOKEN_END)
            return has_table && has_column;
        has_table = has_table || is_name(&token, table, strlen(table));
        filtering = filtering || is_name(&token, "where", 5);
        if (filtering && !has_column && compares(&token) && is_listed(&before, candidates)) {
            *found = before;
            has_column = true;
        }
        before = token;
    }
}

/* ---- one piece of advice ------------------------------------------------------------------ */

static void copy_cell(char *out, size_t size, const PGresult *result, int row, int column)
{
    snprintf(out, size, "%s", PQgetvalue(result, row, column));
}

static void read_common(perfopt_index_advice *out, const PGresult *result, int row)
{
    memset(out, 0, sizeof(*out));
    copy_cell(out->table, sizeof(out->table), result, row, TABLE);
    out->table_rows = strtoumax(PQgetvalue(result, row, ROWS), NULL, 10);
    out->seq_scans = strtoumax(PQgetvalue(result, row, SCANS), NULL, 10);
}

static void advise_foreign_key(perfopt_index_advice *out, const PGresult *result, int row)
{
    read_common(out, result, row);
    copy_cell(out->columns, sizeof(out->columns), result, row, COLUMNS);
    copy_cell(out->statement, sizeof(out->statement), result, row, STATEMENT);
    snprintf(out->reason, sizeof(out->reason),
             "the foreign key %.60s has no index that begins with its columns: joins, and deletes "
             "of the rows it refers to, read the whole table",
             PQgetvalue(result, row, NAME));
}

static void advise_scans(perfopt_index_advice *out, const PGresult *result, int row,
                         const perfopt_query_shape *shapes, size_t shape_count)
{
    read_common(out, result, row);
    perfopt__token column = {.length = 0};
    const char *table = PQgetvalue(result, row, BARE_NAME);
    const char *candidates = PQgetvalue(result, row, NAME);
    bool found = false;
    for (size_t i = 0; i < shape_count && !found; i++)
        found = find_filter(shapes[i].sql, table, candidates, &column);
    if (found) {
        snprintf(out->columns, sizeof(out->columns), "%.*s", (int)column.length, column.text);
        snprintf(out->statement, sizeof(out->statement), "CREATE INDEX CONCURRENTLY ON %s (%s)",
                 out->table, out->columns);
    }
    snprintf(out->reason, sizeof(out->reason), "%s %% of the scans of this table use an index; %s",
             PQgetvalue(result, row, SHARE),
             found ? "the statements that took most time here filter by this column"
                   : "no statement of this process shows by which column they filter");
}

/* ---- all of it ---------------------------------------------------------------------------- */

static perfopt_status add_foreign_keys(perfopt_db *db, perfopt_index_advice *out, size_t capacity,
                                       size_t *count, perfopt_error *err)
{
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__query_pooled(db, foreign_keys_sql, NULL, 0, NULL, &result, err);
    for (int row = 0; status == PERFOPT_OK && row < PQntuples(result) && *count < capacity; row++)
        advise_foreign_key(&out[(*count)++], result, row);
    PQclear(result);
    return status;
}

static perfopt_status add_scans(perfopt_db *db, perfopt_index_advice *out, size_t capacity,
                                size_t *count, perfopt_error *err)
{
    perfopt_query_shape *shapes = perfopt__calloc(SHAPES, sizeof(*shapes));
    if (!shapes)
        return perfopt__error_nomem(err);
    size_t shape_count = perfopt_db_get_queries(db, false, shapes, SHAPES);
    PGresult *result = NULL;
    perfopt_status status =
        perfopt__query_pooled(db, sequential_scans_sql, NULL, 0, NULL, &result, err);
    for (int row = 0; status == PERFOPT_OK && row < PQntuples(result) && *count < capacity; row++)
        advise_scans(&out[(*count)++], result, row, shapes, shape_count);
    PQclear(result);
    perfopt__free(shapes);
    return status;
}

perfopt_status perfopt_db_suggest_indexes(perfopt_db *db, perfopt_index_advice *out,
                                          size_t capacity, size_t *count, perfopt_error *err)
{
    size_t found = 0;
    perfopt_status status = add_foreign_keys(db, out, capacity, &found, err);
    if (status == PERFOPT_OK)
        status = add_scans(db, out, capacity, &found, err);
    if (status == PERFOPT_OK)
        *count = found;
    return status;
}
