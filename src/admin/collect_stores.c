/*
 * collect_stores.c - cache, Redis, PostgreSQL, statements, query cache and the machine.
 */
#include "admin/collect.h"

#include <math.h>

#define MAX_GROUPS  100
#define MAX_SHAPES  50
#define MAX_QUERIES 60
#define STALE_POLLS 3 /* a sample older than this many intervals is shown as old */

/* ---- states of the sources ----------------------------------------------------------------- */

static perfopt_value source_value(perfopt__build *b, const char *state, int64_t since_ms,
                                  const char *error, const char *where)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_text(b, map, "state", state);
    perfopt__put_time(b, map, "since", since_ms);
    perfopt__put_copy(b, map, "error", error);
    perfopt__put_copy(b, map, "where", where);
    return map;
}

static const char *link_name(perfopt_link_state state)
{
    return state == PERFOPT_LINK_UP ? "up" : state == PERFOPT_LINK_DOWN ? "down" : "off";
}

static perfopt_value redis_source(perfopt__build *b, perfopt_cache *cache)
{
    if (!cache)
        return source_value(b, "off", 0, NULL, NULL);
    perfopt_cache_stats stats;
    perfopt_cache_get_stats(cache, &stats);
    if (stats.redis == PERFOPT_LINK_OFF)
        return source_value(b, "off", 0, "The cache works in this process only. Set REDIS_URL.",
                            NULL);
    return source_value(b, link_name(stats.redis), stats.redis_since_ms, stats.redis_error,
                        stats.redis_where);
}

static perfopt_value postgres_source(perfopt__build *b, perfopt_db *db)
{
    if (!db)
        return source_value(b, "off", 0, "Set DATABASE_URL.", NULL);
    perfopt_db_stats stats;
    perfopt_db_get_stats(db, &stats);
    return source_value(b, stats.up ? "up" : "down", stats.since_ms, stats.error, NULL);
}

void perfopt__collect_sources(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    const perfopt_admin_sources *from = in->sources;
    perfopt_system system;
    perfopt_monitor_get_system(from->monitor, &system);
    perfopt_value all = perfopt__build_map(b);
    perfopt__put(b, all, "cache", source_value(b, from->cache ? "up" : "off", 0, NULL, NULL));
    perfopt__put(b, all, "redis", redis_source(b, from->cache));
    perfopt__put(b, all, "postgres", postgres_source(b, from->db));
    perfopt__put(b, all, "assets",
                 from->assets
                     ? source_value(b, "up", 0, NULL, NULL)
                     : source_value(b, "off", 0,
                                    "Set cfg.assets.root to the folder of the static files.",
                                    NULL));
    perfopt__put(
        b, all, "templates",
        from->ssr
            ? source_value(b, "up", 0, NULL, NULL)
            : source_value(b, "off", 0, "Set cfg.ssr.root to the folder of the templates.", NULL));
    perfopt_value memory =
        source_value(b, system.memory_limit_bytes ? "up" : "down", 0, NULL, NULL);
    perfopt__put_copy(b, memory, "from", system.memory_source);
    perfopt__put(b, all, "memory", memory);
    perfopt__put(b, map, "sources", all);
}

/* ---- connections --------------------------------------------------------------------------- */

static void put_pool_work(perfopt__build *b, perfopt_value map, const perfopt_db_stats *s)
{
    perfopt__put_int(b, map, "queries", s->queries);
    perfopt__put_int(b, map, "errors", s->errors);
    perfopt__put_int(b, map, "deadlines", s->deadlines);
    perfopt__put_int(b, map, "transactions", s->transactions);
    perfopt__put_int(b, map, "rollbacks", s->rollbacks);
    perfopt__put_int(b, map, "rows", s->rows);
    perfopt__put_int(b, map, "prepared", s->statements_prepared);
    perfopt__put_int(b, map, "reused", s->statements_reused);
    perfopt__put_number(b, map, "query_mean_ms",
                        s->queries ? (double)s->query_ns / 1e6 / (double)s->queries : NAN);
    perfopt__put_int(b, map, "slow_queries", s->slow_queries);
}

static perfopt_value pool_value(perfopt__build *b, perfopt_db *db)
{
    if (!db)
        return perfopt_none();
    perfopt_db_stats s;
    perfopt_db_get_stats(db, &s);
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_text(b, map, "state", s.up ? "up" : "down");
    perfopt__put_int(b, map, "size", s.pool_size);
    perfopt__put_int(b, map, "overflow", s.max_overflow);
    perfopt__put_int(b, map, "total", s.total);
    perfopt__put_int(b, map, "used", s.in_use);
    perfopt__put_int(b, map, "idle", s.idle);
    perfopt__put_int(b, map, "waiting", s.waiting);
    perfopt__put_int(b, map, "acquires", s.acquires);
    perfopt__put_int(b, map, "waits", s.acquire_waits);
    perfopt__put_int(b, map, "timeouts", s.acquire_timeouts);
    perfopt__put_number(b, map, "wait_p95_ms",
                        s.acquire_wait_p95_us ? (double)s.acquire_wait_p95_us / 1e3 : NAN);
    perfopt__put_number(b, map, "oldest_holder_ms",
                        s.oldest_holder_ms ? (double)s.oldest_holder_ms : NAN);
    perfopt__put_int(b, map, "connects", s.connects);
    perfopt__put_int(b, map, "connect_errors", s.connect_errors);
    perfopt__put_int(b, map, "closed_broken", s.closed_broken);
    perfopt__put_int(b, map, "closed_dirty", s.closed_dirty);
    perfopt__put_int(b, map, "recycled", s.recycled);
    put_pool_work(b, map, &s);
    return map;
}

static perfopt_value redis_value(perfopt__build *b, const perfopt_cache_stats *s)
{
    perfopt_value map =
        source_value(b, link_name(s->redis), s->redis_since_ms, s->redis_error, s->redis_where);
    perfopt__put_bool(b, map, "breaker_open", s->breaker_open);
    perfopt__put_number(b, map, "rtt_p95_ms",
                        s->redis_rtt_p95_us ? (double)s->redis_rtt_p95_us / 1e3 : NAN);
    perfopt__put_int(b, map, "calls", s->redis_calls);
    perfopt__put_int(b, map, "errors", s->redis_errors);
    perfopt__put_int(b, map, "reconnects", s->redis_reconnects);
    perfopt__put_int(b, map, "damaged", s->damaged);
    return map;
}

/* ---- cache --------------------------------------------------------------------------------- */

static perfopt_value cache_groups(perfopt__build *b, perfopt_cache *cache)
{
    perfopt_value list = perfopt__build_list(b);
    perfopt_cache_group *groups = perfopt__collect_array(b, MAX_GROUPS, sizeof(*groups));
    size_t count = groups ? perfopt_cache_get_groups(cache, groups, MAX_GROUPS) : 0;
    for (size_t i = 0; i < count; i++) {
        const perfopt_cache_group *g = &groups[i];
        perfopt_value map = perfopt__build_map(b);
        perfopt__put(b, map, "name", perfopt_string(g->name));
        perfopt__put_int(b, map, "hits", g->hits);
        perfopt__put_int(b, map, "misses", g->misses);
        perfopt__put_ratio(b, map, "hit_ratio", g->hits, g->hits + g->misses);
        perfopt__put_int(b, map, "writes", g->writes);
        perfopt__put_int(b, map, "evictions", g->evictions);
        perfopt__put_int(b, map, "entries", g->entries);
        perfopt__put_int(b, map, "bytes", g->bytes);
        perfopt__put_ratio(b, map, "avg_bytes", g->bytes, g->entries);
        perfopt__add(b, list, map);
    }
    return list;
}

static perfopt_value cache_value(perfopt__build *b, perfopt_cache *cache,
                                 const perfopt_cache_stats *s)
{
    perfopt_value map = perfopt__build_map(b);
    uint64_t hits = s->hits_l1 + s->hits_l2 + s->absent_hits;
    perfopt__put_int(b, map, "hits_l1", s->hits_l1);
    perfopt__put_int(b, map, "hits_l2", s->hits_l2);
    perfopt__put_int(b, map, "absent_hits", s->absent_hits);
    perfopt__put_int(b, map, "misses", s->misses);
    perfopt__put_ratio(b, map, "hit_ratio", hits, hits + s->misses);
    perfopt__put_int(b, map, "writes", s->writes);
    perfopt__put_int(b, map, "deletes", s->deletes);
    perfopt__put_int(b, map, "invalidations", s->invalidations);
    perfopt__put_int(b, map, "evictions", s->evictions);
    perfopt__put_int(b, map, "expirations", s->expirations);
    perfopt__put_int(b, map, "loads", s->loads);
    perfopt__put_int(b, map, "load_errors", s->load_errors);
    perfopt__put_int(b, map, "load_waits", s->load_waits);
    perfopt__put_int(b, map, "discarded", s->discarded);
    perfopt__put_int(b, map, "entries", s->entries);
    perfopt__put_int(b, map, "bytes", s->bytes);
    perfopt__put_int(b, map, "max_bytes", s->max_bytes);
    perfopt__put(b, map, "groups", cache_groups(b, cache));
    return map;
}

/* ---- statements ---------------------------------------------------------------------------- */

static perfopt_value shape_value(perfopt__build *b, const perfopt_query_shape *s, int64_t all_ns)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_printf(b, map, "fingerprint", "%016llx", (unsigned long long)s->fingerprint);
    perfopt__put(b, map, "sql", perfopt_string(s->sql));
    perfopt__put_int(b, map, "calls", s->calls);
    perfopt__put_int(b, map, "errors", s->errors);
    perfopt__put_int(b, map, "slow", s->slow);
    perfopt__put_ms(b, map, "mean_ms", s->mean_ns);
    perfopt__put_ms(b, map, "p95_ms", s->p95_ns);
    perfopt__put_ms(b, map, "max_ms", s->max_ns);
    perfopt__put_ms(b, map, "total_ms", s->total_ns);
    perfopt__put_number(b, map, "db_share",
                        all_ns > 0 ? fmin((double)s->total_ns / (double)all_ns, 1) : NAN);
    perfopt__put_ratio(b, map, "rows_per_call", s->rows, s->calls);
    perfopt__put_time(b, map, "last_seen", s->last_seen_ms);
    return map;
}

static void put_statements(perfopt__build *b, perfopt_db *db, perfopt_value map)
{
    perfopt_value queries = perfopt__build_map(b);
    perfopt_value rows = perfopt__build_list(b);
    perfopt_query_shape *shapes =
        db ? perfopt__collect_array(b, MAX_SHAPES, sizeof(*shapes)) : NULL;
    if (shapes) {
        perfopt_db_stats stats;
        perfopt_db_get_stats(db, &stats);
        size_t count = perfopt_db_get_queries(db, false, shapes, MAX_SHAPES);
        for (size_t i = 0; i < count; i++)
            perfopt__add(b, rows, shape_value(b, &shapes[i], stats.query_ns));
    }
    perfopt__put(b, queries, "rows", rows);
    perfopt__put(b, map, "queries", queries);
}

static perfopt_value query_value(perfopt__build *b, const perfopt_query_cache_stats *s)
{
    perfopt_value map = perfopt__build_map(b);
    perfopt__put_copy(b, map, "name", s->name);
    perfopt__put_copy(b, map, "prefix", s->key_prefix);
    perfopt__put_int(b, map, "hits", s->hits);
    perfopt__put_int(b, map, "misses", s->misses);
    perfopt__put_ratio(b, map, "hit_ratio", s->hits, s->hits + s->misses);
    perfopt__put_int(b, map, "bypassed", s->bypassed);
    perfopt__put_int(b, map, "errors", s->errors);
    perfopt__put_int(b, map, "not_stored", s->not_stored);
    perfopt__put_int(b, map, "invalidations", s->invalidations);
    perfopt__put_ms(b, map, "saved_ms", s->saved_ns);
    return map;
}

static perfopt_value query_cache_value(perfopt__build *b, perfopt_query_cache *queries)
{
    perfopt_query_cache_stats *stats =
        queries ? perfopt__collect_array(b, MAX_QUERIES, sizeof(*stats)) : NULL;
    if (!stats)
        return perfopt_none();
    perfopt_query_cache_stats total;
    size_t count = perfopt_query_cache_get_stats(queries, &total, stats, MAX_QUERIES);
    perfopt_value map = perfopt__build_map(b);
    perfopt_value rows = perfopt__build_list(b);
    for (size_t i = 0; i < count; i++)
        perfopt__add(b, rows, query_value(b, &stats[i]));
    perfopt__put(b, map, "total", query_value(b, &total));
    perfopt__put(b, map, "rows", rows);
    return map;
}

void perfopt__collect_stores(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    const perfopt_admin_sources *from = in->sources;
    perfopt_value connections = perfopt__build_map(b);
    perfopt_value cache = perfopt_none();
    perfopt_value redis = perfopt_none();
    if (from->cache) {
        perfopt_cache_stats stats;
        perfopt_cache_get_stats(from->cache, &stats);
        cache = cache_value(b, from->cache, &stats);
        redis = redis_value(b, &stats);
    }
    perfopt__put(b, connections, "pool", pool_value(b, from->db));
    perfopt__put(b, connections, "redis", redis);
    perfopt__put(b, map, "connections", connections);
    perfopt__put(b, map, "cache", cache);
    put_statements(b, from->db, map);
    perfopt__put(b, map, "query_cache", query_cache_value(b, from->queries));
}

/* ---- the machine --------------------------------------------------------------------------- */

static perfopt_value disks_value(perfopt__build *b, const perfopt_system *s)
{
    perfopt_value list = perfopt__build_list(b);
    for (uint32_t i = 0; i < s->disk_count; i++) {
        perfopt_value disk = perfopt__build_map(b);
        perfopt__put_copy(b, disk, "path", s->disks[i].path);
        perfopt__put_int(b, disk, "total_bytes", s->disks[i].total_bytes);
        perfopt__put_int(b, disk, "free_bytes", s->disks[i].free_bytes);
        perfopt__add(b, list, disk);
    }
    return list;
}

/* What could not be read is 0 in the struct and named in `missing`; nothing real is 0. */
static void put_known(perfopt__build *b, perfopt_value map, const char *name, uint64_t n)
{
    perfopt__put(b, map, name, n ? perfopt_int((int64_t)n) : perfopt_none());
}

void perfopt__collect_system(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    perfopt_system s;
    perfopt_monitor_get_system(in->sources->monitor, &s);
    if (s.sampled_ms == 0) {
        perfopt__put(b, map, "system", perfopt_none());
        return;
    }
    int64_t age_ms = in->wall_ms > s.sampled_ms ? in->wall_ms - s.sampled_ms : 0;
    perfopt_value y = perfopt__build_map(b);
    perfopt__put_time(b, y, "sampled_at", s.sampled_ms);
    perfopt__put_int(b, y, "age_ms", (uint64_t)age_ms);
    perfopt__put_bool(b, y, "stale", age_ms > STALE_POLLS * 5000);
    perfopt__put_number(b, y, "process_cpu_ratio", s.process_cpu_ratio);
    perfopt__put_number(b, y, "host_cpu_ratio", s.host_cpu_ratio);
    perfopt__put_number(b, y, "cpu_limit", s.cpu_limit);
    perfopt__put_number(b, y, "load1", s.load1);
    put_known(b, y, "rss_bytes", s.rss_bytes);
    put_known(b, y, "memory_used_bytes", s.memory_used_bytes);
    put_known(b, y, "memory_limit_bytes", s.memory_limit_bytes);
    perfopt__put_copy(b, y, "memory_source", s.memory_source);
    put_known(b, y, "open_fds", s.open_fds);
    put_known(b, y, "max_fds", s.max_fds);
    put_known(b, y, "threads", s.threads);
    perfopt__put_number(b, y, "psi_cpu", s.psi_cpu);
    perfopt__put_number(b, y, "psi_memory", s.psi_memory);
    perfopt__put_number(b, y, "psi_io", s.psi_io);
    perfopt__put(b, y, "disks", disks_value(b, &s));
    perfopt__put_int(b, y, "uptime_s", s.uptime_s);
    perfopt__put_copy(b, y, "missing", s.missing);
    perfopt__put(b, map, "system", y);
}
