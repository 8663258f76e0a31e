/*
 * bench_db.c - what the pool costs, as JSON lines:
 *
 *     lend           acquire and release with the pool's own code, no network, 1 and 2 threads
 *
 * and with a URL as argument (bench_db 'postgresql:///postgres?host=/run/postgresql'):
 *
 *     plain          PQexecPrepared of a statement of one row on one connection
 *     pooled         the same statement through perfopt_db_query()
 *     n_plus_one     100 single-row statements through the pool
 *     any            the same rows with one = ANY($1)
 *
 * The best of several short windows is reported, so that other work on the machine counts little.
 */
#include "base/clock.h"
#include "db/db_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOWS 50
#define LOOKUP  "SELECT oid, typname FROM pg_type WHERE oid = $1::oid"

static void report(const char *name, unsigned threads, double ns)
{
    printf("{\"bench\":\"db\",\"name\":\"%s\",\"threads\":%u,\"ns_per_op\":%.1f}\n", name, threads,
           ns);
    fflush(stdout);
}

/* ---- without a server --------------------------------------------------------------------- */

static perfopt_status open_nothing(void *user, const atomic_bool *cancelled, void **out,
                                   perfopt_error *err)
{
    (void)cancelled;
    (void)err;
    *out = user;
    return PERFOPT_OK;
}

static void close_nothing(void *user, void *connection)
{
    (void)user;
    (void)connection;
}

static bool is_there(void *user, void *connection)
{
    (void)user;
    (void)connection;
    return true;
}

static bool answers(void *user, void *connection, int64_t deadline_ns)
{
    (void)deadline_ns;
    return is_there(user, connection);
}

typedef struct lender {
    perfopt__pool *pool;
    pthread_barrier_t *start;
    double best_ns;
} lender;

static void lend_once(perfopt__pool *pool)
{
    int64_t now_ns = perfopt__now_ns();
    perfopt__slot *slot;
    if (perfopt__pool_acquire(pool, now_ns, now_ns + 1000000000, &slot, NULL) != PERFOPT_OK)
        abort();
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
}

static void *lend_windows(void *user)
{
    lender *l = user;
    l->best_ns = 1e12;
    for (int w = 0; w < WINDOWS; w++) {
        pthread_barrier_wait(l->start);
        int64_t begin_ns = perfopt__now_ns();
        for (int i = 0; i < 20000; i++)
            lend_once(l->pool);
        double ns = (double)(perfopt__now_ns() - begin_ns) / 20000;
        l->best_ns = ns < l->best_ns ? ns : l->best_ns;
    }
    return NULL;
}

static void bench_lend(unsigned threads)
{
    int dummy;
    perfopt__pool_settings settings = {4, 0, INT64_MAX / 4, INT64_MAX / 4, 1000000000, true};
    perfopt__pool_driver driver = {open_nothing, close_nothing, is_there, answers, &dummy};
    perfopt__pool *pool;
    pthread_barrier_t start;
    pthread_t ids[2];
    lender lenders[2];
    if (perfopt__pool_create(&settings, &driver, &pool, NULL) != PERFOPT_OK)
        abort();
    perfopt__slot *slots[2]; /* two connections exist before the clock runs */
    for (int i = 0; i < 2; i++)
        perfopt__pool_acquire(pool, perfopt__now_ns(), INT64_MAX, &slots[i], NULL);
    for (int i = 0; i < 2; i++)
        perfopt__pool_release(pool, slots[i], PERFOPT__CLEAN);
    pthread_barrier_init(&start, NULL, threads);
    double worst_ns = 0;
    for (unsigned i = 0; i < threads; i++) {
        lenders[i] = (lender){pool, &start, 0};
        pthread_create(&ids[i], NULL, lend_windows, &lenders[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        worst_ns = lenders[i].best_ns > worst_ns ? lenders[i].best_ns : worst_ns;
    }
    report("lend", threads, worst_ns);
    pthread_barrier_destroy(&start);
    perfopt__pool_destroy(pool);
}

/* ---- with a server ------------------------------------------------------------------------ */

typedef struct target {
    PGconn *plain;
    perfopt_db *db;
} target;

static void run_plain(target *t)
{
    const char *values[] = {"23"};
    PGresult *result = PQexecPrepared(t->plain, "lookup", 1, values, NULL, NULL, 0);
    if (PQntuples(result) != 1)
        abort();
    PQclear(result);
}

static void run_pooled(target *t)
{
    perfopt_rows *rows;
    perfopt_param param = perfopt_param_int(23);
    if (perfopt_db_query(t->db, LOOKUP, &param, 1, NULL, &rows, NULL) != PERFOPT_OK)
        abort();
    perfopt_rows_release(rows);
}

static void run_n_plus_one(target *t)
{
    for (int i = 0; i < 100; i++)
        run_pooled(t);
}

static void run_any(target *t)
{
    int64_t ids[100];
    for (int i = 0; i < 100; i++)
        ids[i] = 16 + i;
    perfopt_rows *rows;
    perfopt_param param = perfopt_param_int_array(ids, 100);
    if (perfopt_db_query(t->db, "SELECT oid, typname FROM pg_type WHERE oid = ANY($1::oid[])",
                         &param, 1, NULL, &rows, NULL) != PERFOPT_OK)
        abort();
    perfopt_rows_release(rows);
}

static double measure(void (*operation)(target *t), target *t, int calls)
{
    double best_ns = 1e12;
    for (int w = 0; w < WINDOWS; w++) {
        int64_t begin_ns = perfopt__now_ns();
        for (int i = 0; i < calls; i++)
            operation(t);
        double ns = (double)(perfopt__now_ns() - begin_ns) / calls;
        best_ns = ns < best_ns ? ns : best_ns;
    }
    return best_ns;
}

static int bench_server(const char *url)
{
    target t = {PQconnectdb(url), NULL};
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (PQstatus(t.plain) != CONNECTION_OK ||
        perfopt_db_create(PERFOPT_DB_OPTIONS(.url = url), &t.db, &err) != PERFOPT_OK) {
        fprintf(stderr, "bench_db: no connection: %s\n", err.message);
        PQfinish(t.plain);
        return 1;
    }
    PQclear(PQprepare(t.plain, "lookup", LOOKUP, 0, NULL));
    report("plain", 1, measure(run_plain, &t, 200));
    report("pooled", 1, measure(run_pooled, &t, 200));
    report("n_plus_one", 1, measure(run_n_plus_one, &t, 2));
    report("any", 1, measure(run_any, &t, 50));
    perfopt_db_destroy(t.db);
    PQfinish(t.plain);
    return 0;
}

int main(int argc, char **argv)
{
    bench_lend(1);
    bench_lend(2);
    return argc > 1 ? bench_server(argv[1]) : 0;
}
