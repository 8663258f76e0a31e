/*
 * advice_data.c - rules about caches, Redis, the database and its queries.
 */
#include "monitor/advice.h"
#include "monitor/text.h"

#include <math.h>
#include <stdio.h>

#define U(x) ((unsigned long long)(x))

#define REASON(item, ...) perfopt__format((item)->reason, sizeof((item)->reason), __VA_ARGS__)
#define ACTION(item, ...) perfopt__format((item)->action, sizeof((item)->action), __VA_ARGS__)

/* ---- caches ------------------------------------------------------------------------------- */

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100 * (double)part / (double)whole : 0;
}

static void cache_hit_rate(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_cache_stats *c = &in->details.now.cache;
    uint64_t hits = c->hits_l1 + c->hits_l2 + c->absent_hits, lookups = hits + c->misses;
    double rate = percent(hits, lookups);
    if (lookups < 100 || rate >= 70)
        return;
    perfopt_recommendation *r =
        perfopt__advice_add(out, "cache-hit-rate", "warn", "Few cache lookups are hits");
    if (!r)
        return;
    REASON(r, "%.1f %% of %llu lookups were hits; %llu entries expired, %llu were evicted.", rate,
           U(lookups), U(c->expirations), U(c->evictions));
    ACTION(r, "Raise the lifetimes of what is read often, and invalidate by tag when it changes "
              "instead of letting it expire.");
}

static void cache_groups(const perfopt__advice_input *in, perfopt__advice *out)
{
    int told = 0;
    for (size_t i = 0; i < in->details.group_count && told < 3; i++) {
        const perfopt_cache_group *g = &in->details.groups[i];
        double rate = percent(g->hits, g->hits + g->misses);
        if (g->hits + g->misses < 100 || rate >= 50)
            continue;
        char title[120];
        snprintf(title, sizeof(title), "Cache keys \"%s\" are rarely hit", g->name);
        perfopt_recommendation *r = perfopt__advice_add(out, "cache-group-hit-rate", "warn", title);
        if (!r)
            return;
        REASON(r, "Group \"%s\": %.1f %% of %llu lookups were hits, %llu writes, %llu evictions.",
               g->name, rate, U(g->hits + g->misses), U(g->writes), U(g->evictions));
        ACTION(r,
               "Leave out of the key of \"%s\" what the value does not depend on, raise its "
               "lifetime, or stop caching it.",
               g->name);
        told++;
    }
}

static void cache_too_small(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_cache_stats *c = &in->details.now.cache;
    if (c->writes < 100 || c->max_bytes == 0 || c->evictions * 10 < c->writes ||
        c->bytes * 10 < c->max_bytes * 9)
        return;
    perfopt_recommendation *r =
        perfopt__advice_add(out, "cache-too-small", "info", "The in-process cache is full");
    if (!r)
        return;
    char used[24], max[24];
    REASON(r, "%llu of %llu writes pushed another entry out; %s of %s are in use.", U(c->evictions),
           U(c->writes), perfopt__format_bytes(c->bytes, used),
           perfopt__format_bytes(c->max_bytes, max));
    ACTION(r, "Set cache max_bytes to %s if memory allows.",
           perfopt__format_bytes(2 * c->max_bytes, max));
}

static void redis_state(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_cache_stats *c = &in->details.now.cache;
    if (c->redis == PERFOPT_LINK_DOWN) {
        perfopt_recommendation *r =
            perfopt__advice_add(out, "redis-down", "high", "Redis is not reachable");
        if (r) {
            REASON(r, "%s: %s; %llu of %llu calls failed. Only this process's cache is used.",
                   c->redis_where, c->redis_error, U(c->redis_errors), U(c->redis_calls));
            ACTION(r, "Start Redis or correct REDIS_URL; `perfopt doctor` shows the details. The "
                      "cache reconnects by itself.");
        }
    } else if (c->redis == PERFOPT_LINK_UP && c->redis_rtt_p95_us > 5000) {
        perfopt_recommendation *r =
            perfopt__advice_add(out, "redis-slow", "warn", "Redis answers slowly");
        if (r) {
            REASON(r, "95 %% of the last calls took up to %.1f ms.",
                   (double)c->redis_rtt_p95_us / 1e3);
            ACTION(r, "Move Redis nearer, use its unix socket on one machine, or look for slow "
                      "commands with SLOWLOG.");
        }
    }
}

static void damaged_values(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_cache_stats *c = &in->details.now.cache;
    if (c->damaged == 0)
        return;
    perfopt_recommendation *r =
        perfopt__advice_add(out, "cache-damaged", "warn", "Redis holds values nobody can read");
    if (!r)
        return;
    REASON(r, "%llu values had a wrong checksum or an unknown form and were taken as misses.",
           U(c->damaged));
    ACTION(r, "Give each application a prefix of its own in Redis, and clear this one once after "
              "changing versions.");
}

static void query_cache(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt__monitor_snapshot *now = &in->details.now;
    if (!now->has_queries || now->db.queries < 1000 || now->queries.hits + now->queries.misses > 0)
        return;
    perfopt_recommendation *r =
        perfopt__advice_add(out, "query-cache-unused", "info", "No query result is cached");
    if (!r)
        return;
    REASON(r, "%llu queries were sent to the database, none through the query cache.",
           U(now->db.queries));
    ACTION(r, "Wrap the reads of busy pages in PERFOPT_CACHE_QUERY_RESULT.");
}

/* ---- database ----------------------------------------------------------------------------- */

static void database_down(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_db_stats *db = &in->details.now.db;
    if (!in->details.now.has_db || db->up)
        return;
    perfopt_recommendation *r =
        perfopt__advice_add(out, "database-down", "high", "The database is not reachable");
    if (!r)
        return;
    REASON(r, "%s; %llu of %llu connection attempts failed.", db->error, U(db->connect_errors),
           U(db->connects + db->connect_errors));
    ACTION(r, "Start PostgreSQL or correct DATABASE_URL; the pool reconnects by itself.");
}

static void pool_too_small(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_db_stats *db = &in->details.now.db;
    bool waits = db->acquires >= 100 && db->acquire_waits * 20 > db->acquires;
    if (!in->details.now.has_db || (db->acquire_timeouts == 0 && !waits))
        return;
    perfopt_recommendation *r =
        perfopt__advice_add(out, "pool-too-small", db->acquire_timeouts ? "high" : "warn",
                            "Requests wait for a database connection");
    if (!r)
        return;
    REASON(r,
           "%llu of %llu requests for a connection had to wait (95 %% of them up to %.1f ms), "
           "%llu timed out; %u connections are allowed.",
           U(db->acquire_waits), U(db->acquires), (double)db->acquire_wait_p95_us / 1e3,
           U(db->acquire_timeouts), db->pool_size + db->max_overflow);
    ACTION(r,
           "First make slow queries faster and hold connections for a shorter time (the longest "
           "is out for %.1f s); then raise pool_size from %u.",
           (double)db->oldest_holder_ms / 1e3, db->pool_size);
}

static void pool_too_large(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_db_stats *db = &in->details.now.db;
    if (!in->details.now.has_db || in->pool_points < 300 || isnan(in->pool_peak) ||
        db->pool_size < 8 || in->pool_peak * 4 > db->pool_size || db->acquire_waits > 0)
        return;
    perfopt_recommendation *r = perfopt__advice_add(out, "pool-too-large", "info",
                                                    "The connection pool is larger than needed");
    if (!r)
        return;
    double wanted = fmax(2, ceil(2 * in->pool_peak));
    REASON(r, "In the last hour at most %.1f of %u connections were in use, and nobody waited.",
           in->pool_peak, db->pool_size);
    ACTION(r, "pool_size %.0f leaves room for twice this load and frees server memory.", wanted);
}

static void dirty_connections(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_db_stats *db = &in->details.now.db;
    if (db->closed_dirty == 0)
        return;
    perfopt_recommendation *r = perfopt__advice_add(
        out, "connections-dirty", "warn", "Handlers give connections back with work unfinished");
    if (!r)
        return;
    REASON(r,
           "%llu connections came back inside a transaction or with changed settings and had to "
           "be closed (%llu were opened).",
           U(db->closed_dirty), U(db->connects));
    ACTION(r, "End every transaction on every path: commit, or let its scope roll back.");
}

static void statements(const perfopt__advice_input *in, perfopt__advice *out)
{
    const perfopt_db_stats *db = &in->details.now.db;
    if (db->statements_prepared < 500 || db->statements_prepared < db->statements_reused)
        return;
    perfopt_recommendation *r = perfopt__advice_add(out, "statements-not-reused", "warn",
                                                    "Prepared statements are rarely used again");
    if (!r)
        return;
    REASON(r, "%llu statements were prepared, but only %llu times an old one was used again.",
           U(db->statements_prepared), U(db->statements_reused));
    ACTION(r, "Pass values as parameters instead of writing them into the SQL text.");
}

static void slow_queries(const perfopt__advice_input *in, perfopt__advice *out)
{
    for (size_t i = 0; i < in->details.shape_count && i < 3; i++) {
        const perfopt_query_shape *q = &in->details.shapes[i];
        if (q->slow == 0)
            continue;
        perfopt_recommendation *r =
            perfopt__advice_add(out, "slow-query", "warn", "A query is slow");
        if (!r)
            return;
        REASON(r,
               "%llu of %llu calls were slow: mean %.0f ms, 95 %% up to %.0f ms, longest %.0f "
               "ms. %s",
               U(q->slow), U(q->calls), (double)q->mean_ns / 1e6, (double)q->p95_ns / 1e6,
               (double)q->max_ns / 1e6, q->sql);
        ACTION(
            r,
            "Look at EXPLAIN (ANALYZE, BUFFERS) for a missing index (perfopt_db_suggest_indexes() "
            "lists candidates), select fewer columns and rows, or cache the result.");
    }
}

void perfopt__advice_data(const perfopt__advice_input *in, perfopt__advice *out)
{
    redis_state(in, out);
    database_down(in, out);
    pool_too_small(in, out);
    cache_hit_rate(in, out);
    cache_groups(in, out);
    slow_queries(in, out);
    dirty_connections(in, out);
    statements(in, out);
    damaged_values(in, out);
    cache_too_small(in, out);
    pool_too_large(in, out);
    query_cache(in, out);
}
