/*
 * scope.c - the per-request scope: a thread-local stack of caller-owned structs, so that recording
 * costs an addition and no lock, no allocation and no system call.
 */
#include <perfopt/metrics.h>

#include "base/clock.h"
#include "metrics/operations.h"

static _Thread_local perfopt_scope *innermost;

void perfopt_scope_begin(perfopt_scope *scope)
{
    *scope = (perfopt_scope){.outer = innermost};
    scope->stats.started_ns = perfopt__now_ns();
    innermost = scope;
}

static void count_statement(perfopt_scope *scope, uint64_t fingerprint, uint32_t times)
{
    uint32_t i = 0;
    while (i < scope->seen_count && scope->seen[i].fingerprint != fingerprint)
        i++;
    if (i == sizeof(scope->seen) / sizeof(scope->seen[0]))
        return;
    if (i == scope->seen_count) {
        scope->seen[i].fingerprint = fingerprint;
        scope->seen[i].count = 0;
        scope->seen_count++;
    }
    scope->seen[i].count += times;
    if (scope->seen[i].count > scope->stats.most_repeated) {
        scope->stats.most_repeated = scope->seen[i].count;
        scope->stats.repeated_query = fingerprint;
    }
}

static void add_to_outer(perfopt_scope *outer, const perfopt_scope *inner)
{
    perfopt_scope_stats *sum = &outer->stats;
    const perfopt_scope_stats *part = &inner->stats;
    sum->db_ns += part->db_ns;
    sum->cache_ns += part->cache_ns;
    sum->render_ns += part->render_ns;
    sum->rows += part->rows;
    sum->queries += part->queries;
    sum->queries_saved += part->queries_saved;
    sum->cache_hits += part->cache_hits;
    sum->cache_misses += part->cache_misses;
    sum->renders += part->renders;
    for (uint32_t i = 0; i < inner->seen_count; i++)
        count_statement(outer, inner->seen[i].fingerprint, inner->seen[i].count);
}

static bool is_open(const perfopt_scope *scope)
{
    const perfopt_scope *s = innermost;
    while (s && s != scope)
        s = s->outer;
    return s != NULL;
}

void perfopt_scope_end(perfopt_scope *scope)
{
    if (!is_open(scope))
        return;
    for (perfopt_scope *s = innermost; s; s = s->outer) {
        if (s->outer)
            add_to_outer(s->outer, s);
        if (s == scope)
            break;
    }
    innermost = scope->outer;
}

perfopt_scope *perfopt_scope_current(void)
{
    return innermost;
}

void perfopt_scope_add_query(uint64_t fingerprint, int64_t took_ns, uint64_t rows)
{
    perfopt__operation_record(PERFOPT__OPERATION_POSTGRES, took_ns);
    if (!innermost)
        return;
    innermost->stats.queries++;
    innermost->stats.db_ns += took_ns;
    innermost->stats.rows += rows;
    if (fingerprint)
        count_statement(innermost, fingerprint, 1);
}

void perfopt_scope_add_cache(bool hit, int64_t took_ns)
{
    if (took_ns > 0) /* the second level was asked */
        perfopt__operation_record(PERFOPT__OPERATION_REDIS, took_ns);
    if (!innermost)
        return;
    innermost->stats.cache_hits += hit;
    innermost->stats.cache_misses += !hit;
    innermost->stats.cache_ns += took_ns;
}

void perfopt_scope_add_saved_query(void)
{
    if (innermost)
        innermost->stats.queries_saved++;
}

void perfopt_scope_add_render(int64_t took_ns)
{
    if (!innermost)
        return;
    innermost->stats.renders++;
    innermost->stats.render_ns += took_ns;
}
