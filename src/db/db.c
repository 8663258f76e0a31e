/*
 * db.c - creating and destroying a pool of connections to PostgreSQL, its numbers, its identity.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/options.h"
#include "db/db_internal.h"

#include <stdio.h>
#include <string.h>

#define MS ((int64_t)1000000)
#define S  ((int64_t)1000000000)
/* More connections than a server serves well; a larger number is a mistake. */
#define MAX_CONNECTIONS 10000

/* ---- identity ----------------------------------------------------------------------------- */

void perfopt__identity_set(perfopt__identity *identity, const char *role, const char *search_path)
{
    union {
        char text[PERFOPT__IDENTITY_WORDS * 8];
        uint64_t words[PERFOPT__IDENTITY_WORDS];
    } new;
    memset(&new, 0, sizeof(new));
    int length = snprintf(new.text, sizeof(new.text), "%s|%s", role, search_path);
    if (length >= (int)sizeof(new.text)) { /* cut, two paths could become one: take a hash */
        char hex[33];
        perfopt__hash128_hex(perfopt__hash128_stable(search_path, strlen(search_path)), hex);
        memset(&new, 0, sizeof(new));
        snprintf(new.text, sizeof(new.text), "%.128s|#%s", role, hex);
    }
    /* Only the thread that connects writes. */
    uint32_t sequence = atomic_load_explicit(&identity->sequence, memory_order_relaxed);
    atomic_store_explicit(&identity->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < PERFOPT__IDENTITY_WORDS; i++)
        atomic_store_explicit(&identity->words[i], new.words[i], memory_order_relaxed);
    atomic_store_explicit(&identity->sequence, sequence + 2, memory_order_release);
}

void perfopt__identity_get(perfopt__identity *identity, char out[256])
{
    uint64_t words[PERFOPT__IDENTITY_WORDS];
    uint32_t before, after;
    do {
        before = atomic_load_explicit(&identity->sequence, memory_order_acquire);
        for (size_t i = 0; i < PERFOPT__IDENTITY_WORDS; i++)
            words[i] = atomic_load_explicit(&identity->words[i], memory_order_acquire);
        after = atomic_load_explicit(&identity->sequence, memory_order_relaxed);
    } while (before != after || before % 2);
    memcpy(out, words, sizeof(words));
}

void perfopt_db_identity(perfopt_db *db, char out[256])
{
    if (db)
        perfopt__identity_get(&db->identity, out);
    else
        out[0] = '\0';
}

/* ---- create and destroy ------------------------------------------------------------------- */

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static void read_settings(perfopt_db *db, const perfopt_db_options *o)
{
    bool endless = o->statement_timeout_ms == UINT32_MAX;
    db->pool_size = or_default(o->pool_size, 10);
    db->max_overflow = o->max_overflow == UINT32_MAX ? 0 : or_default(o->max_overflow, 20);
    db->timeout_ns = or_default(o->timeout_ms, 30000) * MS;
    db->connect_timeout_ns = or_default(o->connect_timeout_ms, 5000) * MS;
    db->statement_timeout_ns =
        endless ? INT64_MAX : or_default(o->statement_timeout_ms, 30000) * MS;
    db->slow_ns = or_default(o->slow_query_ms, 100) * MS;
    db->statement_cache =
        o->statement_cache == UINT32_MAX ? 0 : or_default(o->statement_cache, 256);
}

static perfopt_status check_options(const perfopt_db_options *o, perfopt_db_info *place,
                                    perfopt_error *err)
{
    if (!o->url || !*o->url)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "the database URL is missing");
    uint64_t most = (uint64_t)o->pool_size +
                    (o->max_overflow == UINT32_MAX ? 0 : or_default(o->max_overflow, 20));
    if (most > MAX_CONNECTIONS)
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "pool_size and max_overflow allow more than %d connections",
                                  MAX_CONNECTIONS);
    return perfopt__info_from_url(o->url, place, err);
}

static void db_free(perfopt_db *db)
{
    perfopt__shapes_destroy(db->shapes);
    if (db->url)
        perfopt__wipe(db->url, strlen(db->url));
    perfopt__free(db->url);
    perfopt__free(db->application_name);
    perfopt__free(db);
}

static perfopt_status create_pool(perfopt_db *db, const perfopt_db_options *o, perfopt_error *err)
{
    perfopt__pool_settings settings = {
        .size = db->pool_size,
        .max_overflow = db->max_overflow,
        .recycle_ns = or_default(o->recycle_s, 3600) * S,
        .idle_ns = or_default(o->idle_s, 600) * S,
        .ping_timeout_ns = db->connect_timeout_ns,
        .pre_ping = o->pre_ping != PERFOPT_OFF,
    };
    perfopt__pool_driver driver = perfopt__connection_driver;
    driver.user = db;
    return perfopt__pool_create(&settings, &driver, &db->pool, err);
}

perfopt_status perfopt_db_create(const perfopt_db_options *options, perfopt_db **out,
                                 perfopt_error *err)
{
    perfopt_db_options own;
    perfopt_db_info place;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_DB_OPTIONS", err);
    if (status == PERFOPT_OK)
        status = check_options(&own, &place, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt_db *db = perfopt__calloc(1, sizeof(*db));
    if (!db)
        return perfopt__error_nomem(err);
    read_settings(db, &own);
    db->place = place;
    db->url = perfopt__strdup(own.url);
    db->application_name = perfopt__strdup(own.application_name);
    db->shapes = perfopt__shapes_create();
    bool complete = db->url && db->shapes && (db->application_name || !own.application_name);
    status = complete ? create_pool(db, &own, err) : perfopt__error_nomem(err);
    if (status != PERFOPT_OK) {
        db_free(db);
        return status;
    }
    *out = db;
    return PERFOPT_OK;
}

void perfopt_db_destroy(perfopt_db *db)
{
    if (!db)
        return;
    perfopt__pool_destroy(db->pool);
    db_free(db);
}

/* ---- numbers ------------------------------------------------------------------------------ */

static uint64_t read_counter(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void perfopt_db_get_stats(perfopt_db *db, perfopt_db_stats *out)
{
    perfopt__pool_stats pool;
    perfopt__pool_get_stats(db->pool, &pool);
    *out = (perfopt_db_stats){
        .up = pool.up,
        .since_ms = pool.since_ms,
        .pool_size = db->pool_size,
        .max_overflow = db->max_overflow,
        .total = pool.total,
        .in_use = pool.in_use,
        .idle = pool.idle,
        .waiting = pool.waiting,
        .acquires = pool.acquires,
        .acquire_timeouts = pool.acquire_timeouts,
        .acquire_waits = pool.acquire_waits,
        .acquire_wait_p95_us = pool.acquire_wait_p95_us,
        .oldest_holder_ms = pool.oldest_holder_ms,
        .connects = pool.connects,
        .connect_errors = pool.connect_errors,
        .closed_broken = pool.closed_broken,
        .closed_dirty = pool.closed_dirty,
        .recycled = pool.recycled,
        .queries = read_counter(&db->queries),
        .errors = read_counter(&db->errors),
        .deadlines = read_counter(&db->deadlines),
        .transactions = read_counter(&db->transactions),
        .rollbacks = read_counter(&db->rollbacks),
        .rows = read_counter(&db->rows),
        .statements_prepared = read_counter(&db->statement_counts.prepared),
        .statements_reused = read_counter(&db->statement_counts.reused),
        .query_ns = atomic_load_explicit(&db->query_ns, memory_order_relaxed),
        .slow_queries = read_counter(&db->slow_queries),
    };
    memcpy(out->error, pool.error, sizeof(out->error));
}

size_t perfopt_db_get_queries(perfopt_db *db, bool slow_only, perfopt_query_shape *out,
                              size_t capacity)
{
    return perfopt__shapes_read(db->shapes, slow_only, out, capacity);
}

void perfopt_db_reset_stats(perfopt_db *db)
{
    _Atomic uint64_t *counters[] = {
        &db->queries,
        &db->errors,
        &db->deadlines,
        &db->transactions,
        &db->rollbacks,
        &db->rows,
        &db->slow_queries,
        &db->statement_counts.prepared,
        &db->statement_counts.reused,
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        atomic_store_explicit(counters[i], 0, memory_order_relaxed);
    atomic_store_explicit(&db->query_ns, 0, memory_order_relaxed);
    perfopt__pool_reset_stats(db->pool);
    perfopt__shapes_reset(db->shapes);
}
