/*
 * db.h - PostgreSQL: a connection pool, typed queries, transactions, batched eager loading, and the
 * numbers about them.
 *
 * A pool never gives a connection back to a caller that is not idle and clean: a connection that
 * comes back in a transaction, busy or broken is closed and replaced, not repaired. A server that
 * is down makes calls fail with PERFOPT_EUNAVAILABLE within their timeout; the pool heals by
 * itself.
 *
 * What a session keeps besides its transaction cannot be seen when a connection comes back: SET,
 * SET ROLE, advisory locks of the session, LISTEN, temporary tables. Use SET LOCAL and
 * pg_advisory_xact_lock() in a transaction instead. Create a pool after fork(), not before: its
 * connections and its thread belong to one process.
 */
#ifndef PERFOPT_DB_H
#define PERFOPT_DB_H

#include <perfopt/base.h>
#include <perfopt/value.h>

PERFOPT_BEGIN_DECLS

typedef struct perfopt_db perfopt_db;
typedef struct perfopt_tx perfopt_tx;
typedef struct perfopt_rows perfopt_rows;

/* ---- pool --------------------------------------------------------------------------------- */

typedef struct perfopt_db_options {
    size_t struct_size;
    const char *url;               /* any libpq connection string; mandatory; copied, password never
                                      logged */
    uint32_t pool_size;            /* connections kept; 0 = 10 */
    uint32_t max_overflow;         /* more that may exist for a while; 0 = 20, UINT32_MAX = none */
    uint32_t timeout_ms;           /* wait for a connection; 0 = 30,000 */
    uint32_t connect_timeout_ms;   /* 0 = 5000 */
    uint32_t recycle_s;            /* lifetime of a connection, less up to 25 % jitter; 0 = 3600 */
    uint32_t idle_s;               /* overflow and idle connections close after; 0 = 600 */
    perfopt_switch pre_ping;       /* check a connection that was idle longer than 500 ms before it
                                      is lent; default on */
    uint32_t statement_timeout_ms; /* deadline of a query without its own; 0 = 30,000,
                                      UINT32_MAX = none */
    uint32_t slow_query_ms;        /* 0 = 100 */
    uint32_t statement_cache; /* prepared statements per connection; 0 = 256, UINT32_MAX = off */
    const char *application_name; /* NULL = "libperfopt" */
} perfopt_db_options;

#define PERFOPT_DB_OPTIONS(...) PERFOPT_OPTIONS(perfopt_db_options, __VA_ARGS__)
#define PERFOPT_DB_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_db_options)

/**
 * Create a pool. Connects once to find out whether the server is there, at most connect_timeout_ms.
 *
 * @param[out] out Destroy with perfopt_db_destroy(); untouched on failure.
 * @return PERFOPT_OK (also when the server is down or refuses: it is logged once and the pool keeps
 *         trying); PERFOPT_ECONFIG (no URL, or libpq cannot parse it), PERFOPT_EINVAL,
 *         PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: up to connect_timeout_ms.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_db_create(const perfopt_db_options *options, perfopt_db **out,
                                             perfopt_error *err);

/**
 * Close all connections. Calls that wait for one end with PERFOPT_ECLOSED; rows stay valid.
 *
 * @param db NULL is allowed.
 *
 * Thread-safety: owner only.   Blocks: until lent connections are back.   Since: 0.1
 */
PERFOPT_API void perfopt_db_destroy(perfopt_db *db);

/* ---- parameters --------------------------------------------------------------------------- */

typedef enum perfopt_param_type {
    PERFOPT_PARAM_NULL = 0,
    PERFOPT_PARAM_BOOL = 1,
    PERFOPT_PARAM_INT = 2,        /* int8 */
    PERFOPT_PARAM_DOUBLE = 3,     /* float8 */
    PERFOPT_PARAM_TEXT = 4,       /* text */
    PERFOPT_PARAM_BYTES = 5,      /* bytea */
    PERFOPT_PARAM_INT_ARRAY = 6,  /* int8[] */
    PERFOPT_PARAM_TEXT_ARRAY = 7, /* text[], NUL-terminated strings */
    PERFOPT_PARAM_UNTYPED = 8 /* text whose type the server infers: dates, numerics, json, enums */
} perfopt_param_type;

/* One parameter; pointers are borrowed until the call returns. A text NULL pointer is SQL NULL. */
typedef struct perfopt_param {
    perfopt_param_type type;
    size_t length; /* TEXT, BYTES, UNTYPED: bytes; arrays: elements */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const void *bytes;
        const int64_t *integers;
        const char *const *texts;
    } as;
} perfopt_param;

static inline perfopt_param perfopt_param_null(void)
{
    perfopt_param p;
    memset(&p, 0, sizeof(p));
    return p;
}

static inline perfopt_param perfopt_param_bool(bool b)
{
    perfopt_param p = perfopt_param_null();
    p.type = PERFOPT_PARAM_BOOL;
    p.as.boolean = b;
    return p;
}

static inline perfopt_param perfopt_param_int(int64_t i)
{
    perfopt_param p = perfopt_param_null();
    p.type = PERFOPT_PARAM_INT;
    p.as.integer = i;
    return p;
}

static inline perfopt_param perfopt_param_double(double d)
{
    perfopt_param p = perfopt_param_null();
    p.type = PERFOPT_PARAM_DOUBLE;
    p.as.real = d;
    return p;
}

static inline perfopt_param perfopt_param_text_n(const char *text, size_t length)
{
    perfopt_param p = perfopt_param_null();
    if (text) {
        p.type = PERFOPT_PARAM_TEXT;
        p.length = length;
        p.as.bytes = text;
    }
    return p;
}

static inline perfopt_param perfopt_param_text(const char *text)
{
    return perfopt_param_text_n(text, text ? strlen(text) : 0);
}

static inline perfopt_param perfopt_param_untyped(const char *text)
{
    perfopt_param p = perfopt_param_text(text);
    if (text)
        p.type = PERFOPT_PARAM_UNTYPED;
    return p;
}

static inline perfopt_param perfopt_param_bytes(const void *bytes, size_t length)
{
    perfopt_param p = perfopt_param_null();
    if (bytes) {
        p.type = PERFOPT_PARAM_BYTES;
        p.length = length;
        p.as.bytes = bytes;
    }
    return p;
}

static inline perfopt_param perfopt_param_int_array(const int64_t *integers, size_t count)
{
    perfopt_param p = perfopt_param_null();
    p.type = PERFOPT_PARAM_INT_ARRAY;
    p.length = count;
    p.as.integers = integers;
    return p;
}

static inline perfopt_param perfopt_param_text_array(const char *const *texts, size_t count)
{
    perfopt_param p = perfopt_param_null();
    p.type = PERFOPT_PARAM_TEXT_ARRAY;
    p.length = count;
    p.as.texts = texts;
    return p;
}

#ifndef __cplusplus
/* Parameter by C type: PERFOPT_PARAM(limit). Another type is a compile error at the caller's line.
 */
#define PERFOPT_PARAM(x) \
    _Generic((x),                                                                                  \
        bool: perfopt_param_bool,                                                                  \
        short: perfopt_param_int,                                                                  \
        unsigned short: perfopt_param_int,                                                         \
        int: perfopt_param_int,                                                                    \
        unsigned: perfopt_param_int,                                                               \
        long: perfopt_param_int,                                                                   \
        long long: perfopt_param_int,                                                              \
        float: perfopt_param_double,                                                               \
        double: perfopt_param_double,                                                              \
        char *: perfopt_param_text,                                                                \
        const char *: perfopt_param_text)(x)

/* Arguments `params, count` of a query: perfopt_db_query(db, sql,
 * PERFOPT_PARAMS(PERFOPT_PARAM(id)), NULL, &rows, &err). Expands to an array and its length; use it
 * only as arguments. */
#define PERFOPT_PARAMS(...)               \
    (const perfopt_param[]){__VA_ARGS__}, \
        sizeof((const perfopt_param[]){__VA_ARGS__}) / sizeof(perfopt_param)
#define PERFOPT_NO_PARAMS NULL, 0
#endif

/* ---- queries ------------------------------------------------------------------------------ */

typedef struct perfopt_query_options {
    size_t struct_size;
    uint32_t timeout_ms;    /* deadline, waiting for a connection included; 0 = the pool's
                               statement_timeout_ms. On expiry the query is cancelled on the server. */
    perfopt_switch binary;  /* results in binary; default off (text) */
    perfopt_switch prepare; /* use the prepared-statement cache; default on */
} perfopt_query_options;

#define PERFOPT_QUERY_OPTIONS(...) PERFOPT_OPTIONS(perfopt_query_options, __VA_ARGS__)
#define PERFOPT_QUERY_OPTIONS_INIT PERFOPT_OPTIONS_INIT(perfopt_query_options)

/**
 * Run one statement on a connection of the pool.
 *
 * Never retried once it may have reached the server; a connection that proves dead before that is
 * replaced silently. "cached plan must not change result type" is retried once.
 *
 * @param sql      One statement with $1, $2, ... for the parameters.
 * @param[out] out Release with perfopt_rows_release(); may be NULL for statements without result.
 *                 Untouched on failure.
 * @return PERFOPT_OK; PERFOPT_EDB (the server refused it: err->detail is the SQLSTATE, the message
 *         carries no parameter values), PERFOPT_EEXHAUSTED (no connection within timeout_ms; the
 *         message tells total, idle and waiting), PERFOPT_EUNAVAILABLE (server down),
 *         PERFOPT_ETIMEOUT (deadline), PERFOPT_ECLOSED, PERFOPT_EINVAL, PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_db_query(perfopt_db *db, const char *sql,
                                            const perfopt_param *params, size_t param_count,
                                            const perfopt_query_options *options,
                                            perfopt_rows **out, perfopt_error *err);

/**
 * Run one statement and return the number of rows it changed.
 *
 * @param[out] affected May be NULL.
 * @return As perfopt_db_query().
 *
 * Thread-safety: any thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_db_execute(perfopt_db *db, const char *sql,
                                              const perfopt_param *params, size_t param_count,
                                              const perfopt_query_options *options,
                                              uint64_t *affected, perfopt_error *err);

/* ---- transactions ------------------------------------------------------------------------- */

typedef enum perfopt_isolation {
    PERFOPT_READ_COMMITTED = 0,
    PERFOPT_REPEATABLE_READ = 1,
    PERFOPT_SERIALIZABLE = 2
} perfopt_isolation;

/**
 * Begin a transaction: a connection is lent until commit or rollback.
 *
 * @param[out] out End with perfopt_tx_commit() or perfopt_tx_rollback(). Untouched on failure.
 * @return As perfopt_db_query().
 *
 * Thread-safety: any thread; the transaction belongs to one thread at a time.   Blocks: network.
 * Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_tx_begin(perfopt_db *db, perfopt_isolation isolation,
                                            bool read_only, perfopt_tx **out, perfopt_error *err);

/**
 * Run one statement in a transaction. After a failure only perfopt_tx_rollback() makes sense; a
 * commit then rolls back and fails.
 *
 * @return As perfopt_db_query().
 *
 * Thread-safety: the transaction's thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_tx_query(perfopt_tx *tx, const char *sql,
                                            const perfopt_param *params, size_t param_count,
                                            const perfopt_query_options *options,
                                            perfopt_rows **out, perfopt_error *err);

/**
 * Commit and give the connection back; `tx` is gone whatever the result.
 *
 * @return PERFOPT_OK; PERFOPT_EDB (refused or already failed: rolled back); PERFOPT_EUNAVAILABLE
 *         (the connection broke: the outcome is not known).
 *
 * Thread-safety: the transaction's thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_tx_commit(perfopt_tx *tx, perfopt_error *err);

/** Roll back and give the connection back; NULL is allowed.  Blocks: network.  Since: 0.1 */
PERFOPT_API void perfopt_tx_rollback(perfopt_tx *tx);

/**
 * Run a function inside a transaction: commits if it returns PERFOPT_OK, else rolls back.
 *
 * @return What `fn` or the commit returned.
 *
 * Thread-safety: any thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_db_transaction(perfopt_db *db, perfopt_isolation isolation,
                                                  perfopt_status (*fn)(perfopt_tx *tx, void *user,
                                                                       perfopt_error *err),
                                                  void *user, perfopt_error *err);

/* ---- rows --------------------------------------------------------------------------------- */

/*
 * A result: immutable and reference-counted. Cells stay where libpq (or the cache) put them;
 * nothing is copied when they are read.
 */

/** One more reference; returns `rows`.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_rows *perfopt_rows_retain(perfopt_rows *rows);

/** Give a reference back; NULL is allowed.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API void perfopt_rows_release(perfopt_rows *rows);

/** Number of rows; NULL has none.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API size_t perfopt_rows_count(const perfopt_rows *rows);

/** Number of columns; NULL has none.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API size_t perfopt_rows_columns(const perfopt_rows *rows);

/** Name of a column; NULL past the end.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API const char *perfopt_rows_column_name(const perfopt_rows *rows, size_t column);

/** Number of a column by name, SIZE_MAX if there is none.  Thread-safety: any thread.  Since: 0.1
 */
PERFOPT_API size_t perfopt_rows_column(const perfopt_rows *rows, const char *name);

/**
 * Text of a cell, NUL-terminated, valid as long as the rows.
 *
 * @param[out] length May be NULL.
 * @return NULL for SQL NULL, for a cell past the end and for binary results.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API const char *perfopt_rows_text(const perfopt_rows *rows, size_t row, size_t column,
                                          size_t *length);

/**
 * A cell as an integer (int2, int4, int8, oid, bool, or text that is a whole number).
 *
 * @return False for SQL NULL, past the end, or if it is no integer; *out is untouched then.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API bool perfopt_rows_int(const perfopt_rows *rows, size_t row, size_t column,
                                  int64_t *out);

/**
 * A cell as a value by its SQL type: integers, floats, bool, json and jsonb stay text, NULL is
 * none, everything else is a string. Strings point into the rows.
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_value perfopt_rows_cell(const perfopt_rows *rows, size_t row, size_t column);

/**
 * All rows as a value: a sequence of rows whose attributes are the columns, read in place.
 *
 * @return Valid as long as the rows; NULL gives an empty list-like value (none).
 *
 * Thread-safety: any thread.   Blocks: never.   Complexity: O(1).   Since: 0.1
 */
PERFOPT_API perfopt_value perfopt_rows_value(const perfopt_rows *rows);

/** One row as a value; undefined past the end.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API perfopt_value perfopt_rows_row(const perfopt_rows *rows, size_t row);

/**
 * Serialise a text result for the cache.
 *
 * @param[out] out Release with perfopt_bytes_release().
 * @return PERFOPT_OK, PERFOPT_EUNSUPPORTED (binary result), PERFOPT_ELIMIT (4 GiB), PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Complexity: O(bytes).   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_rows_to_bytes(const perfopt_rows *rows, perfopt_bytes **out);

/**
 * Rows that read a serialised result in place; they keep a reference to the bytes.
 *
 * @return PERFOPT_OK; PERFOPT_EPROTO (damaged: every offset is checked), PERFOPT_ENOMEM.
 *
 * Thread-safety: any thread.   Blocks: never.   Complexity: O(cells).   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_rows_from_bytes(perfopt_bytes *bytes, perfopt_rows **out);

/* ---- batched eager loading ---------------------------------------------------------------- */

/**
 * Load what the rows of a result refer to with one statement instead of one per row.
 *
 * Collects the distinct values of `column` (up to 500 a statement), runs `sql`, whose only
 * parameter is "= ANY($1)", and attaches the results under `name`: `row.author.name` (many = false:
 * the first match or none) or `{% for c in row.comments %}` (many = true).
 *
 * @param rows   Not yet shared with other threads.
 * @param column Column of `rows` with the keys (integers or text).
 * @param key    Column of the loaded rows that holds the key.
 * @param name   Attribute under which rows see it; copied.
 * @return As perfopt_db_query(); PERFOPT_EINVAL if a column does not exist.
 *
 * Thread-safety: any thread; `rows` must not be read meanwhile.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_db_eager_load(perfopt_db *db, perfopt_rows *rows,
                                                 const char *column, const char *sql,
                                                 const char *key, const char *name, bool many,
                                                 perfopt_error *err);

/**
 * Attach rows that were loaded otherwise (for example through the query cache).
 *
 * @param related Referenced, not copied.
 * @return PERFOPT_OK, PERFOPT_EINVAL (a column does not exist), PERFOPT_ENOMEM.
 *
 * Thread-safety: `rows` must not be read meanwhile.   Blocks: never.   Complexity: O(rows).
 * Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_rows_attach(perfopt_rows *rows, const char *column,
                                               perfopt_rows *related, const char *key,
                                               const char *name, bool many, perfopt_error *err);

/* ---- numbers ------------------------------------------------------------------------------ */

typedef struct perfopt_db_stats {
    bool up;
    int64_t since_ms; /* wall time of the last change of `up` */
    char error[200];  /* why it is down; no password */
    uint32_t pool_size, max_overflow;
    uint32_t total, in_use, idle, waiting; /* connections and waiters now */
    uint64_t acquires, acquire_timeouts, acquire_waits;
    int64_t acquire_wait_p95_us; /* over the last 1024 acquires that waited; 0 = none */
    int64_t oldest_holder_ms;    /* how long the longest-lent connection is out; 0 = none */
    uint64_t connects, connect_errors, closed_broken, closed_dirty, recycled;
    uint64_t queries, errors, deadlines, transactions, rollbacks;
    uint64_t rows;
    uint64_t statements_prepared, statements_reused;
    int64_t query_ns; /* sum */
    uint64_t slow_queries;
} perfopt_db_stats;

/** Read the counters.  Thread-safety: any thread.   Blocks: never.   Since: 0.1 */
PERFOPT_API void perfopt_db_get_stats(perfopt_db *db, perfopt_db_stats *out);

/* One statement shape: text with every literal replaced by '?'. */
typedef struct perfopt_query_shape {
    uint64_t fingerprint;
    char sql[1024]; /* cut at a character; never a literal */
    uint64_t calls, errors, rows, slow;
    int64_t total_ns, max_ns;
    int64_t mean_ns, p95_ns;
    int64_t last_seen_ms; /* wall */
} perfopt_query_shape;

/**
 * Read statement shapes by total time, most first.
 *
 * At most 500 shapes are kept; the rest is counted under the text "(other)".
 *
 * @param slow_only Only shapes that were slow at least once.
 * @param[out] out  Array of `capacity`.
 * @return Number written.
 *
 * Thread-safety: any thread.   Blocks: briefly.   Since: 0.1
 */
PERFOPT_API size_t perfopt_db_get_queries(perfopt_db *db, bool slow_only, perfopt_query_shape *out,
                                          size_t capacity);

/** Set counters and shapes to zero.  Thread-safety: any thread.   Since: 0.1 */
PERFOPT_API void perfopt_db_reset_stats(perfopt_db *db);

/**
 * Run "SELECT 1" on a connection of the pool.
 *
 * @return PERFOPT_OK or as perfopt_db_query().
 *
 * Thread-safety: any thread.   Blocks: up to 5 s.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_db_health_check(perfopt_db *db, int64_t *took_us,
                                                   perfopt_error *err);

/* Where the database is, without the password. "" or 0 while it was never reached. */
typedef struct perfopt_db_info {
    char host[256]; /* host name or socket folder */
    char port[8];
    char database[64];
    char user[64];
    char server_version[64];
    uint64_t size_bytes;
    uint32_t server_connections, server_max_connections;
} perfopt_db_info;

/**
 * Ask the server about itself.
 *
 * @return PERFOPT_OK; PERFOPT_EUNAVAILABLE (host, port, database and user are filled all the same).
 *
 * Thread-safety: any thread.   Blocks: up to 5 s.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_db_get_info(perfopt_db *db, perfopt_db_info *out,
                                               perfopt_error *err);

/* A foreign key or a filter of a busy statement without an index that helps. */
typedef struct perfopt_index_advice {
    char table[130];
    char columns[200];   /* "" if no statement of this process shows what is filtered by */
    char statement[512]; /* CREATE INDEX CONCURRENTLY ... ready to run; "" without columns */
    char reason[300];
    uint64_t table_rows, seq_scans;
} perfopt_index_advice;

/**
 * Suggest indexes from the server's own statistics: foreign keys without an index, and tables of
 * more than 10,000 rows that are mostly read by sequential scans. Nothing is created.
 *
 * @return PERFOPT_OK with *count set; or as perfopt_db_query().
 *
 * Thread-safety: any thread.   Blocks: network.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_db_suggest_indexes(perfopt_db *db, perfopt_index_advice *out,
                                                      size_t capacity, size_t *count,
                                                      perfopt_error *err);

/** Role and search_path of the pool's connections, for cache keys: "role|search_path", "" while the
 *  server was never reached.  Thread-safety: any thread.   Blocks: never.   Since: 0.1 */
PERFOPT_API void perfopt_db_identity(perfopt_db *db, char out[256]);

PERFOPT_END_DECLS

#endif
