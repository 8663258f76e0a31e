/*
 * db_internal.h - what the files of the db module share, grouped by the file that owns it.
 */
#ifndef PERFOPT_SRC_DB_DB_INTERNAL_H
#define PERFOPT_SRC_DB_DB_INTERNAL_H

#include "base/map.h"
#include "base/strbuf.h"
#include "db/pool.h"

#include <libpq-fe.h>
#include <perfopt/db.h>
#include <stdatomic.h>

/* Type numbers of pg_type.dat; they never change. */
#define PERFOPT__OID_BOOL       16
#define PERFOPT__OID_BYTEA      17
#define PERFOPT__OID_INT8       20
#define PERFOPT__OID_INT2       21
#define PERFOPT__OID_INT4       23
#define PERFOPT__OID_TEXT       25
#define PERFOPT__OID_OID        26
#define PERFOPT__OID_FLOAT4     700
#define PERFOPT__OID_FLOAT8     701
#define PERFOPT__OID_TEXT_ARRAY 1009
#define PERFOPT__OID_INT8_ARRAY 1016
#define PERFOPT__OID_JSONB      3802

#define PERFOPT__NO_DEADLINE INT64_MAX

/* ---- cancel.c: asking the server to stop a statement ---------------------------------------- */

typedef struct perfopt__cancel perfopt__cancel;

/* Sends the request from a thread of its own, because libpq's call may block for as long as the
 * server likes. NULL if that is not possible (too many are stuck already, out of memory). */
perfopt__cancel *perfopt__cancel_start(PGconn *pg);
/* True if the request has been delivered by the deadline; gives the reference back. */
bool perfopt__cancel_join(perfopt__cancel *cancel, int64_t deadline_ns);

/* ---- error.c: what went wrong, without values ------------------------------------------------ */

/* From a failed result; PERFOPT_EDB, or PERFOPT_EUNAVAILABLE if the connection went with it. */
perfopt_status perfopt__pg_result_error(const PGresult *result, PGconn *pg, perfopt_error *err);
/* From a connection without a result (connecting, sending). */
perfopt_status perfopt__pg_connection_error(PGconn *pg, perfopt_error *err);
bool perfopt__pg_has_state(const PGresult *result, const char *sqlstate);
/* Copies a server's primary message; what may be a value becomes "?". */
void perfopt__pg_mask(const char *sqlstate, const char *message, char *out, size_t size);

/* ---- statement.c: prepared statements of one connection ---------------------------------------
 */

typedef struct perfopt__statement {
    struct perfopt__statement *newer, *older;
    size_t key_length; /* parameter types and SQL text, compared in full */
    char name[48];
    char key[];
} perfopt__statement;

typedef struct perfopt__statements {
    perfopt__map map; /* key -> perfopt__statement */
    perfopt__statement *newest, *oldest;
    uint32_t capacity;    /* 0 = off */
    char dropped[32][48]; /* names not used any more that the server still knows */
    uint32_t dropped_count;
    uint32_t generation; /* part of the names, so that no dropped one is taken again */
} perfopt__statements;

/* ---- params.c: parameters in libpq's form ------------------------------------------------------
 */

#define PERFOPT__INLINE_PARAMS 16

typedef struct perfopt__params {
    int count;
    Oid *types;
    const char **values;
    int *lengths;
    int *formats;
    void *storage; /* NULL while everything fits into the fields below */
    Oid inline_types[PERFOPT__INLINE_PARAMS];
    const char *inline_values[PERFOPT__INLINE_PARAMS];
    int inline_lengths[PERFOPT__INLINE_PARAMS];
    int inline_formats[PERFOPT__INLINE_PARAMS];
    char inline_bytes[PERFOPT__INLINE_PARAMS * 8];
} perfopt__params;

perfopt_status perfopt__params_init(perfopt__params *out, const perfopt_param *params, size_t count,
                                    perfopt_error *err);
void perfopt__params_finish(perfopt__params *params);

/* ---- connection.c: one connection and waiting for it -------------------------------------------
 */

typedef struct perfopt__connection {
    PGconn *pg;
    bool broken; /* not to be used again */
    perfopt__statements statements;
} perfopt__connection;

extern const perfopt__pool_driver perfopt__connection_driver; /* user = the perfopt_db */

/* How a statement that is over its deadline is ended. */
typedef enum perfopt__on_deadline {
    PERFOPT__CANCEL = 0, /* ask the server, wait a little, keep the connection if it obeys */
    PERFOPT__ABANDON = 1 /* close the connection */
} perfopt__on_deadline;

/*
 * Waits for the result of what was sent. *out is the last result of the statement (PQclear it),
 * which may be a failed one; PERFOPT_ETIMEOUT and PERFOPT_EUNAVAILABLE leave it alone.
 */
perfopt_status perfopt__connection_collect(perfopt__connection *connection, int64_t deadline_ns,
                                           perfopt__on_deadline on_deadline, PGresult **out,
                                           perfopt_error *err);
/* A statement without parameters through the simple protocol; a failed result is an error. */
perfopt_status perfopt__connection_simple(perfopt__connection *connection, const char *sql,
                                          int64_t deadline_ns, perfopt__on_deadline on_deadline,
                                          PGresult **out, perfopt_error *err);
perfopt__verdict perfopt__connection_verdict(const perfopt__connection *connection);

/* statement.c */
void perfopt__statements_init(perfopt__statements *statements, uint32_t capacity);
void perfopt__statements_finish(perfopt__statements *statements);

typedef struct perfopt__statement_counts {
    _Atomic uint64_t prepared, reused;
} perfopt__statement_counts;

/*
 * Runs a statement through the cache. *out may be a failed result. A plan that went stale and a
 * statement that the server has forgotten are prepared again once, outside of a transaction.
 */
perfopt_status perfopt__statement_run(perfopt__connection *connection, const char *sql,
                                      const perfopt__params *params, bool binary,
                                      int64_t deadline_ns, perfopt__statement_counts *counts,
                                      PGresult **out, perfopt_error *err);

/* ---- lexer.c: PostgreSQL's tokens --------------------------------------------------------------
 */

typedef enum perfopt__token_kind {
    PERFOPT__TOKEN_END = 0,
    PERFOPT__TOKEN_WORD = 1,     /* keyword or identifier */
    PERFOPT__TOKEN_QUOTED = 2,   /* "identifier" */
    PERFOPT__TOKEN_LITERAL = 3,  /* string in any notation, or number */
    PERFOPT__TOKEN_PARAM = 4,    /* $1 */
    PERFOPT__TOKEN_OPERATOR = 5, /* one or more operator characters */
    PERFOPT__TOKEN_OTHER = 6     /* one other byte: ( ) , ; . [ ] : */
} perfopt__token_kind;

typedef struct perfopt__token {
    perfopt__token_kind kind;
    const char *text;
    size_t length;
    bool spaced; /* white space or a comment stood before it */
} perfopt__token;

typedef struct perfopt__lexer {
    const char *at;
    const char *end;
    bool backslash; /* standard_conforming_strings is off */
} perfopt__lexer;

/* Never reads past `end`; an unterminated token ends there. */
perfopt__token perfopt__lexer_next(perfopt__lexer *lexer);

/* ---- shapes.c: statistics by statement shape ----------------------------------------------------
 */

typedef struct perfopt__shapes perfopt__shapes;

typedef struct perfopt__shape_sample {
    int64_t took_ns;
    uint64_t rows;
    bool failed;
    bool slow;
} perfopt__shape_sample;

perfopt__shapes *perfopt__shapes_create(void); /* NULL when out of memory */
void perfopt__shapes_destroy(perfopt__shapes *shapes);
/* Counts one run and returns its fingerprint (never 0). Out of memory counts under "(other)". */
uint64_t perfopt__shapes_record(perfopt__shapes *shapes, const char *sql, bool backslash,
                                const perfopt__shape_sample *sample);
size_t perfopt__shapes_read(perfopt__shapes *shapes, bool slow_only, perfopt_query_shape *out,
                            size_t capacity);
void perfopt__shapes_reset(perfopt__shapes *shapes);
/* Appends the text with every literal replaced; returns the fingerprint of the shape. */
uint64_t perfopt__shape_of(const char *sql, size_t length, bool backslash, perfopt__strbuf *text);

/* ---- query.c: one statement, accounted for
 * ------------------------------------------------------- */

typedef struct perfopt__query_plan {
    const char *sql;
    perfopt__params params;
    int64_t deadline_ns;
    bool binary;
    bool prepare;
} perfopt__query_plan;

/* Checks the arguments and fills a plan; finish it with perfopt__params_finish(). */
perfopt_status perfopt__query_plan_init(perfopt_db *db, perfopt__query_plan *plan, const char *sql,
                                        const perfopt_param *params, size_t count,
                                        const perfopt_query_options *options, int64_t now_ns,
                                        perfopt_error *err);
/* Runs it on a connection and counts it; `began_ns` is when the caller began to wait. *out is a
 * successful result. */
perfopt_status perfopt__query_on(perfopt_db *db, perfopt__connection *connection,
                                 const perfopt__query_plan *plan, int64_t began_ns, PGresult **out,
                                 perfopt_error *err);
/* As perfopt_db_query(), but with libpq's result. */
perfopt_status perfopt__query_pooled(perfopt_db *db, const char *sql, const perfopt_param *params,
                                     size_t count, const perfopt_query_options *options,
                                     PGresult **out, perfopt_error *err);

/* ---- rows.c
 * -------------------------------------------------------------------------------------- */

typedef struct perfopt__column {
    const char *name;
    uint32_t name_length;
    Oid type;
    bool binary;
} perfopt__column;

typedef struct perfopt__relation perfopt__relation;

/* A result in one of two places: libpq's memory, or serialised bytes. */
struct perfopt_rows {
    perfopt_object list; /* the value of all rows */
    perfopt_object row;  /* the value of one row; the value's index is its number */
    _Atomic uint32_t refs;
    uint32_t row_count;
    uint32_t column_count;
    PGresult *result;     /* either this */
    perfopt_bytes *bytes; /* or this */
    const char *offsets;  /* bytes: u32 little-endian of cell 0, 1, ...; see rows_bytes.c */
    const char *data;     /* bytes: the cells */
    perfopt__relation *relations;
    uint32_t name_mask;   /* size of the hash table of column names, less one */
    uint16_t *name_slots; /* column number + 1; 0 = free */
    perfopt__column columns[];
};

/* Rows without a backing; the caller fills in the columns and calls perfopt__rows_index(). */
perfopt_rows *perfopt__rows_new(uint32_t rows, uint32_t columns);
void perfopt__rows_index(perfopt_rows *rows);
/* Takes the result over, also on failure. */
perfopt_status perfopt__rows_from_result(PGresult *result, perfopt_rows **out);
/* A cell's bytes, NULL for SQL NULL; row and column are in range. */
const char *perfopt__rows_raw(const perfopt_rows *rows, size_t row, size_t column, size_t *length);
/* A cell's offset in serialised rows, 0 <= i <= columns + rows * columns. */
uint32_t perfopt__rows_offset(const perfopt_rows *rows, size_t i);
size_t perfopt__rows_find(const perfopt_rows *rows, const char *name, size_t length);

/* rows_value.c */
extern const perfopt_object_class perfopt__rows_class;
extern const perfopt_object_class perfopt__row_class;

/* ---- related.c: rows that belong to rows
 * ----------------------------------------------------------- */

/* Attribute `name` of row `row`, if rows were attached under it. */
bool perfopt__related_attribute(const perfopt_rows *rows, uint32_t row, const char *name,
                                size_t length, perfopt_value *out);
void perfopt__related_free(perfopt__relation *relations);

/* ---- db.c
 * ------------------------------------------------------------------------------------------ */

#define PERFOPT__IDENTITY_WORDS 32

/* A string that is read without a lock: the sequence is odd while it is being written. */
typedef struct perfopt__identity {
    _Atomic uint32_t sequence;
    _Atomic uint64_t words[PERFOPT__IDENTITY_WORDS];
} perfopt__identity;

struct perfopt_db {
    perfopt__pool *pool;
    perfopt__shapes *shapes;
    char *url;
    char *application_name; /* NULL = none was asked for */
    int64_t timeout_ns;
    int64_t connect_timeout_ns;
    int64_t statement_timeout_ns; /* INT64_MAX = none */
    int64_t slow_ns;
    uint32_t statement_cache;
    uint32_t pool_size, max_overflow;
    perfopt_db_info place; /* what the URL says: host, port, database, user */
    perfopt__identity identity;
    atomic_bool backslash_strings;
    _Atomic uint64_t queries, errors, deadlines, transactions, rollbacks, rows, slow_queries;
    _Atomic int64_t query_ns;
    perfopt__statement_counts statement_counts;
};

void perfopt__identity_set(perfopt__identity *identity, const char *role, const char *search_path);
void perfopt__identity_get(perfopt__identity *identity, char out[256]);

/* info.c: fills host, port, database and user from the connection string. PERFOPT_ECONFIG. */
perfopt_status perfopt__info_from_url(const char *url, perfopt_db_info *out, perfopt_error *err);

#endif
