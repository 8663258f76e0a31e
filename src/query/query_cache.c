/*
 * query_cache.c - results of SELECTs in the hybrid cache. A miss hands out libpq's own result and
 * stores a serialised copy; a hit reads the stored bytes in place.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "query/query_internal.h"

#include <perfopt/metrics.h>
#include <string.h>

struct perfopt_query_cache {
    perfopt_db *db;
    perfopt_cache *cache;
    bool enabled;
    uint32_t default_timeout_s;
    uint32_t max_result_bytes;
    _Atomic uint64_t events;
    perfopt__specs specs;
};

/* ---- create and destroy ------------------------------------------------------------------- */

perfopt_status perfopt_query_cache_create(const perfopt_query_cache_options *options,
                                          perfopt_db *db, perfopt_cache *cache,
                                          perfopt_query_cache **out, perfopt_error *err)
{
    perfopt_query_cache_options own;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_QUERY_CACHE_OPTIONS", err);
    if (status != PERFOPT_OK)
        return status;
    if (!db || !cache)
        return perfopt__error_set(err, PERFOPT_EINVAL, "a query cache needs a pool and a cache");
    perfopt_query_cache *queries = perfopt__calloc(1, sizeof(*queries));
    if (!queries)
        return perfopt__error_nomem(err);
    queries->db = db;
    queries->cache = cache;
    queries->enabled = own.enabled != PERFOPT_OFF;
    queries->default_timeout_s = own.default_timeout_s ? own.default_timeout_s : 300;
    queries->max_result_bytes = own.max_result_bytes ? own.max_result_bytes : 1u << 20;
    *out = queries;
    return PERFOPT_OK;
}

void perfopt_query_cache_destroy(perfopt_query_cache *queries)
{
    if (!queries)
        return;
    perfopt__specs_finish(&queries->specs);
    perfopt__free(queries);
}

/* ---- one call ----------------------------------------------------------------------------- */

/* Everything about one call; lives on its stack. */
typedef struct call_state {
    perfopt_query_cache *queries;
    perfopt_query_spec spec; /* our copy, of any version */
    perfopt__query_call call;
    perfopt__spec *stats;
    int64_t ttl_ms;
    char tags[PERFOPT__QUERY_TAGS];
    bool asked;         /* this call asked the database */
    perfopt_rows *rows; /* what it got */
} call_state;

static perfopt_status find_ttl(call_state *c, perfopt_error *err)
{
    const perfopt_query_spec *spec = &c->spec;
    uint32_t s = spec->timeout_s ? spec->timeout_s : spec->default_timeout_s_;
    if (spec->timeout_name) {
        s = perfopt_timeout_get(spec->timeout_name);
        if (!s)
            return perfopt__error_set(err, PERFOPT_EINVAL, "query %.60s: no lifetime \"%.31s\"",
                                      spec->name, spec->timeout_name);
    }
    c->ttl_ms = (int64_t)(s ? s : c->queries->default_timeout_s) * 1000;
    return PERFOPT_OK;
}

static perfopt_status begin(call_state *c, perfopt_query_cache *queries,
                            const perfopt_query_spec *spec, const perfopt_param *params,
                            size_t param_count, perfopt_error *err)
{
    c->queries = queries;
    c->asked = false;
    c->rows = NULL;
    if (!queries || !spec)
        return perfopt__error_set(err, PERFOPT_EINVAL, "no query cache or no spec");
    perfopt_status status =
        perfopt__options_read(&c->spec, sizeof(c->spec), spec, "the macros of query_cache.h", err);
    if (status != PERFOPT_OK)
        return status;
    if (!c->spec.name || !c->spec.sql || (param_count && !params))
        return perfopt__error_set(err, PERFOPT_EINVAL, "a query needs a name, SQL and parameters");
    c->call = (perfopt__query_call){&c->spec, params, param_count};
    if (!perfopt__query_tags(&c->spec, c->tags))
        return perfopt__error_set(err, PERFOPT_EINVAL, "query %.60s: name or tags are malformed",
                                  c->spec.name);
    c->stats = perfopt__specs_find(&queries->specs, &c->spec);
    return find_ttl(c, err);
}

/* Asks the database; fills in c->rows. */
static perfopt_status ask(call_state *c, perfopt_error *err)
{
    c->asked = true;
    perfopt_rows_release(c->rows);
    c->rows = NULL;
    perfopt_status status = perfopt_db_query(
        c->queries->db, c->spec.sql, c->call.params, c->call.param_count,
        PERFOPT_QUERY_OPTIONS(.timeout_ms = c->spec.query_timeout_ms), &c->rows, err);
    if (status != PERFOPT_OK)
        perfopt__count(&c->stats->errors);
    return status;
}

static perfopt_status ask_directly(call_state *c, perfopt_rows **out, perfopt_error *err)
{
    perfopt_status status = ask(c, err);
    if (status == PERFOPT_OK)
        *out = c->rows;
    return status;
}

static perfopt_status bypass(call_state *c, perfopt_rows **out, perfopt_error *err)
{
    perfopt__count(&c->stats->bypassed);
    return ask_directly(c, out, err);
}

/* Without an identity nobody knows whose result it would be. */
static bool may_use_cache(const call_state *c, char identity[256])
{
    if (!c->queries->enabled)
        return false;
    if (c->spec.unless && c->spec.unless(c->call.params, c->call.param_count))
        return false;
    perfopt_db_identity(c->queries->db, identity);
    return identity[0] != '\0';
}

/* ---- miss --------------------------------------------------------------------------------- */

/* A result that is not stored is handed to those who wait for it all the same. */
static perfopt_status load(void *user, perfopt_bytes **out, perfopt_store_options *store,
                           perfopt_error *err)
{
    call_state *c = user;
    int64_t start_ns = perfopt__now_ns();
    perfopt_status status = ask(c, err);
    if (status != PERFOPT_OK)
        return status;
    atomic_fetch_add_explicit(&c->stats->miss_ns, perfopt__now_ns() - start_ns,
                              memory_order_relaxed);
    perfopt_bytes *bytes = NULL;
    status = perfopt_rows_to_bytes(c->rows, &bytes);
    if (status == PERFOPT_ENOMEM)
        return perfopt__error_nomem(err);
    bool wanted = status == PERFOPT_OK &&
                  perfopt_bytes_length(bytes) <= c->queries->max_result_bytes &&
                  (!c->spec.condition || c->spec.condition(c->rows));
    if (!wanted) {
        store->ttl_ms = -1;
        perfopt__count(&c->stats->not_stored);
    }
    *out = bytes; /* NULL: cannot be serialised; only this call has the rows */
    return PERFOPT_OK;
}

/* ---- hit ---------------------------------------------------------------------------------- */

/* Bytes that are no result (somebody else's, or damaged) are a miss. */
static perfopt_status read_stored(call_state *c, const char *key, size_t key_length,
                                  perfopt_bytes *bytes, perfopt_rows **out, perfopt_error *err)
{
    perfopt_status status = perfopt_rows_from_bytes(bytes, out);
    if (status == PERFOPT_OK) {
        perfopt__count(&c->stats->hits);
        perfopt_scope_add_saved_query();
        return PERFOPT_OK;
    }
    if (status == PERFOPT_ENOMEM)
        return perfopt__error_nomem(err);
    perfopt_cache_delete(c->queries->cache, key, key_length);
    perfopt__count(&c->stats->misses);
    return ask_directly(c, out, err);
}

static perfopt_status finish(call_state *c, perfopt_status status, const char *key,
                             size_t key_length, perfopt_bytes *bytes, perfopt_rows **out,
                             perfopt_error *err)
{
    if (c->asked) {
        perfopt__count(&c->stats->misses);
        if (status == PERFOPT_OK || status == PERFOPT_EABSENT) {
            *out = c->rows;
            return PERFOPT_OK;
        }
        perfopt_rows_release(c->rows);
        return status;
    }
    if (status == PERFOPT_OK)
        return read_stored(c, key, key_length, bytes, out, err);
    if (status == PERFOPT_EABSENT) { /* waited for a result that could not be handed over */
        perfopt__count(&c->stats->misses);
        return ask_directly(c, out, err);
    }
    perfopt__count(&c->stats->errors);
    return status;
}

static perfopt_status through_cache(call_state *c, const char *key, size_t key_length,
                                    perfopt_rows **out, perfopt_error *err)
{
    perfopt_bytes *bytes = NULL;
    perfopt_store_options store = PERFOPT_STORE_OPTIONS_INIT;
    store.ttl_ms = c->ttl_ms;
    store.tags = c->tags;
    perfopt_status status = perfopt_cache_get_or_compute(c->queries->cache, key, key_length, &store,
                                                         load, c, &bytes, err);
    status = finish(c, status, key, key_length, bytes, out, err);
    perfopt_bytes_release(bytes);
    return status;
}

/* ---- the public ways to ask ---------------------------------------------------------------- */

perfopt_status perfopt_query_cache_fetch(perfopt_query_cache *queries,
                                         const perfopt_query_spec *spec,
                                         const perfopt_param *params, size_t param_count,
                                         perfopt_rows **out, perfopt_error *err)
{
    call_state c;
    char identity[256], key[PERFOPT__QUERY_KEY];
    perfopt_status status = begin(&c, queries, spec, params, param_count, err);
    if (status != PERFOPT_OK)
        return status;
    if (!may_use_cache(&c, identity))
        return bypass(&c, out, err);
    size_t key_length = perfopt__query_key(&c.call, identity, key);
    return through_cache(&c, key, key_length, out, err);
}

/*
 * What is stored is dropped first and the cache's own loader runs, because only that is protected
 * against an invalidation that happens meanwhile. If a loader of before was still running and its
 * result was what came back, the database is asked once more.
 */
perfopt_status perfopt_query_cache_refresh(perfopt_query_cache *queries,
                                           const perfopt_query_spec *spec,
                                           const perfopt_param *params, size_t param_count,
                                           perfopt_rows **out, perfopt_error *err)
{
    call_state c;
    char identity[256], key[PERFOPT__QUERY_KEY];
    perfopt_status status = begin(&c, queries, spec, params, param_count, err);
    if (status != PERFOPT_OK)
        return status;
    if (!may_use_cache(&c, identity))
        return bypass(&c, out, err);
    size_t key_length = perfopt__query_key(&c.call, identity, key);
    perfopt_cache_delete(queries->cache, key, key_length);
    perfopt_rows *rows = NULL;
    status = through_cache(&c, key, key_length, &rows, err);
    if (status == PERFOPT_OK && !c.asked) {
        perfopt_rows_release(rows);
        return ask_directly(&c, out, err);
    }
    if (status == PERFOPT_OK)
        *out = rows;
    return status;
}

perfopt_status perfopt_query_cache_bypass(perfopt_query_cache *queries,
                                          const perfopt_query_spec *spec,
                                          const perfopt_param *params, size_t param_count,
                                          perfopt_rows **out, perfopt_error *err)
{
    call_state c;
    perfopt_status status = begin(&c, queries, spec, params, param_count, err);
    return status == PERFOPT_OK ? bypass(&c, out, err) : status;
}

perfopt_status perfopt_query_cache_aggregate(perfopt_query_cache *queries,
                                             const perfopt_query_spec *spec,
                                             const perfopt_param *params, size_t param_count,
                                             perfopt_arena *arena, perfopt_value *out,
                                             perfopt_error *err)
{
    perfopt_rows *rows;
    perfopt_status status =
        perfopt_query_cache_fetch(queries, spec, params, param_count, &rows, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt_value value = perfopt_rows_cell(rows, 0, 0);
    if (value.kind == PERFOPT_UNDEFINED)
        value = perfopt_none();
    if (value.kind == PERFOPT_STRING) {
        value.as.string = perfopt_arena_copy(arena, value.as.string, value.length);
        if (!value.as.string)
            status = perfopt__error_nomem(err);
    }
    perfopt_rows_release(rows);
    if (status == PERFOPT_OK)
        *out = value;
    return status;
}

void perfopt_query_cache_key(perfopt_query_cache *queries, const perfopt_query_spec *spec,
                             const perfopt_param *params, size_t param_count, char out[128])
{
    call_state c;
    char identity[256];
    out[0] = '\0';
    if (begin(&c, queries, spec, params, param_count, NULL) != PERFOPT_OK)
        return;
    perfopt_db_identity(queries->db, identity);
    perfopt__query_key(&c.call, identity, out);
}

/* ---- invalidation ------------------------------------------------------------------------- */

perfopt_status perfopt_query_cache_invalidate(perfopt_query_cache *queries,
                                              const perfopt_query_spec *spec,
                                              const perfopt_param *params, size_t param_count)
{
    call_state c;
    char identity[256], key[PERFOPT__QUERY_KEY];
    perfopt_status status = begin(&c, queries, spec, params, param_count, NULL);
    if (status != PERFOPT_OK)
        return status;
    perfopt__count(&c.stats->invalidations);
    perfopt_db_identity(queries->db, identity);
    size_t key_length = perfopt__query_key(&c.call, identity, key);
    return perfopt_cache_delete(queries->cache, key, key_length);
}

perfopt_status perfopt_query_cache_invalidate_all(perfopt_query_cache *queries,
                                                  const perfopt_query_spec *spec,
                                                  perfopt_error *err)
{
    call_state c;
    char tag[256];
    perfopt_status status = begin(&c, queries, spec, NULL, 0, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt__count(&c.stats->invalidations);
    perfopt__query_own_tag(&c.spec, tag);
    return perfopt_cache_invalidate_tag(queries->cache, tag, err);
}

perfopt_status perfopt_query_cache_event(perfopt_query_cache *queries, const char *event,
                                         perfopt_error *err)
{
    char tag[256];
    if (!queries || !perfopt__query_event_tag(event, tag))
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "an event is a name without ',' and ' ' of at most 190 bytes");
    perfopt__count(&queries->events);
    return perfopt_cache_invalidate_tag(queries->cache, tag, err);
}

/* ---- statistics --------------------------------------------------------------------------- */

size_t perfopt_query_cache_get_stats(perfopt_query_cache *queries, perfopt_query_cache_stats *total,
                                     perfopt_query_cache_stats *out, size_t capacity)
{
    size_t count = perfopt__specs_read(&queries->specs, total, out, capacity);
    if (total)
        total->invalidations += atomic_load_explicit(&queries->events, memory_order_relaxed);
    return count;
}

void perfopt_query_cache_reset_stats(perfopt_query_cache *queries)
{
    atomic_store_explicit(&queries->events, 0, memory_order_relaxed);
    perfopt__specs_reset(&queries->specs);
}
