/*
 * deeds.c - the actions themselves: each calls one or two functions of the parts and says in words
 * what came of it.
 */
#include "admin/actions.h"

#include "admin/format.h"
#include "base/log.h"
#include "base/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONFIRM_ABOVE 1000 /* keys that may go without typing a word */

static void PERFOPT_PRINTF(2, 3) say(perfopt__outcome *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->text, sizeof(out->text), format, args);
    va_end(args);
}

static void fail(perfopt__outcome *out, int status, const char *code, const char *text)
{
    out->status = status;
    out->error = code;
    snprintf(out->text, sizeof(out->text), "%s", text);
}

/* The reason goes to the log under an id; the page shows its kind and the id. */
static void fail_with(perfopt__outcome *out, perfopt_status status, const perfopt_error *err)
{
    unsigned long long id = perfopt__random_u64();
    if (status == PERFOPT_EUNAVAILABLE) {
        fail(out, 503, "redis_down",
             "Done in this process only: Redis cannot be reached. It is told when it is back.");
        return;
    }
    perfopt__log(PERFOPT_LOG_WARN, "admin", "%016llx: an action failed: %s", id,
                 err && *err->message ? err->message : perfopt_status_text(status));
    fail(out, status == PERFOPT_EINVAL ? 422 : 500, status == PERFOPT_EINVAL ? "value" : "failed",
         "");
    say(out, "It failed: %s. In the log: %016llx", perfopt_status_text(status), id);
}

static void missing(perfopt__outcome *out, const char *what)
{
    fail(out, 503, "off", "");
    say(out, "This process has no %s.", what);
}

/* A number with its noun: "1 key", "1,204 keys". */
static const char *counted(int64_t n, const char *noun, char out[64])
{
    char digits[PERFOPT__FORMAT];
    snprintf(out, 64, "%s %s%s", perfopt__format_count((double)n, digits), noun, n == 1 ? "" : "s");
    return out;
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* ---- cache --------------------------------------------------------------------------------- */

static void clear_key(perfopt_cache *cache, const perfopt__order *order, perfopt__outcome *out)
{
    size_t length = strlen(order->value);
    if (order->dry_run) {
        out->affected = perfopt_cache_exists(cache, order->value, length);
        say(out, out->affected ? "The key is stored." : "There is no such key.");
        return;
    }
    perfopt_status status = perfopt_cache_delete(cache, order->value, length);
    if (status != PERFOPT_OK && status != PERFOPT_ENOTFOUND) {
        fail_with(out, status, NULL);
        return;
    }
    out->affected = status == PERFOPT_OK;
    say(out, out->affected ? "Removed the key." : "There was no such key.");
}

static void clear_tag(perfopt_cache *cache, const perfopt__order *order, perfopt__outcome *out)
{
    if (order->dry_run) {
        say(out, "How many entries carry a tag is not known: they are not searched.");
        return;
    }
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt_cache_invalidate_tag(cache, order->value, &err);
    if (status != PERFOPT_OK)
        fail_with(out, status, &err);
    else
        say(out, "Everything with this tag is unreadable now, in all processes.");
}

static void would_remove(perfopt__outcome *out, uint64_t count, bool must_type, const char *word)
{
    char text[64];
    out->affected = count > INT64_MAX ? INT64_MAX : (int64_t)count;
    say(out, "Would remove %s.", counted(out->affected, "key", text));
    if (must_type)
        snprintf(out->confirm, sizeof(out->confirm), "%s", word);
}

static void ask_to_confirm(perfopt__outcome *out, uint64_t count, const char *word)
{
    char text[64];
    fail(out, 422, "confirm", "");
    out->affected = -1;
    say(out, "This would remove %s. Type \"%s\" to go on.", counted((int64_t)count, "key", text),
        word);
    snprintf(out->confirm, sizeof(out->confirm), "%s", word);
}

static void clear_pattern(perfopt_cache *cache, const perfopt__order *order, perfopt__outcome *out)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    uint64_t count = 0;
    char text[64];
    perfopt_status status =
        perfopt_cache_invalidate_pattern(cache, order->value, true, &count, &err);
    bool counted_here_only = status == PERFOPT_EUNAVAILABLE;
    if (status != PERFOPT_OK && !counted_here_only) {
        fail_with(out, status, &err);
        return;
    }
    bool must_type = count > CONFIRM_ABOVE;
    if (order->dry_run) {
        would_remove(out, count, must_type, "remove");
        return;
    }
    if (must_type && !is(order->confirm, "remove")) {
        ask_to_confirm(out, count, "remove");
        return;
    }
    status = perfopt_cache_invalidate_pattern(cache, order->value, false, &count, &err);
    if (status != PERFOPT_OK) {
        fail_with(out, status, &err);
        return;
    }
    out->affected = (int64_t)count;
    say(out, "Removed %s.", counted(out->affected, "key", text));
}

static void clear_all(perfopt_cache *cache, const perfopt__order *order, perfopt__outcome *out)
{
    perfopt_cache_stats stats;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_cache_get_stats(cache, &stats);
    uint64_t count = stats.entries;
    if (order->dry_run) {
        /* With Redis its keys count too; without an answer the number is this process's. */
        perfopt_cache_invalidate_pattern(cache, "*", true, &count, NULL);
        would_remove(out, count, true, "all");
        return;
    }
    if (!is(order->confirm, "all")) {
        ask_to_confirm(out, count, "all");
        return;
    }
    perfopt_status status = perfopt_cache_clear(cache, &err);
    if (status != PERFOPT_OK) {
        fail_with(out, status, &err);
        return;
    }
    out->affected = (int64_t)count;
    say(out, "The cache is empty.");
}

static void do_cache_clear(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    static const struct {
        const char *by;
        void (*fn)(perfopt_cache *, const perfopt__order *, perfopt__outcome *);
    } ways[] = {{"key", clear_key}, {"tag", clear_tag}, {"pattern", clear_pattern}};
    perfopt_cache *cache = admin->sources.cache;
    if (!cache) {
        missing(out, "cache");
        return;
    }
    if (is(order->by, "all")) {
        clear_all(cache, order, out);
        return;
    }
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (!is(order->by, ways[i].by))
            continue;
        if (*order->value)
            ways[i].fn(cache, order, out);
        else
            fail(out, 422, "value", "Say which one.");
        return;
    }
    fail(out, 422, "by", "\"by\" is one of key, tag, pattern and all.");
}

/* ---- query cache --------------------------------------------------------------------------- */

static void do_query_event(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    if (!admin->sources.queries) {
        missing(out, "query cache");
        return;
    }
    if (!*order->value) {
        fail(out, 422, "value", "Say which event.");
        return;
    }
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt_query_cache_event(admin->sources.queries, order->value, &err);
    if (status != PERFOPT_OK)
        fail_with(out, status, &err);
    else
        say(out, "The results of all queries that name this event are dropped.");
}

static void do_query_invalidate(perfopt_admin *admin, const perfopt__order *order,
                                perfopt__outcome *out)
{
    if (!admin->sources.queries || !admin->sources.cache)
        missing(out, "query cache");
    else if (!*order->value)
        fail(out, 422, "value", "Say which tag.");
    else
        clear_tag(admin->sources.cache, order, out);
}

/* ---- statistics ---------------------------------------------------------------------------- */

static void do_stats_reset(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    const perfopt_admin_sources *from = &admin->sources;
    bool all = is(order->by, "all") || !*order->by;
    int64_t parts = 0;
    if (all || is(order->by, "monitor")) {
        perfopt_monitor_reset(from->monitor);
        parts++;
    }
    if (from->cache && (all || is(order->by, "cache"))) {
        perfopt_cache_reset_stats(from->cache);
        parts++;
    }
    if (from->db && (all || is(order->by, "db"))) {
        perfopt_db_reset_stats(from->db);
        parts++;
    }
    if (from->queries && (all || is(order->by, "queries"))) {
        perfopt_query_cache_reset_stats(from->queries);
        parts++;
    }
    if (from->ssr && (all || is(order->by, "templates"))) {
        perfopt_ssr_reset_stats(from->ssr);
        parts++;
    }
    if (parts == 0) {
        fail(out, 422, "by", "This process has no such part.");
        return;
    }
    out->affected = parts;
    say(out, "The dashboards count from now on; exported counters go on.");
}

/* ---- templates ----------------------------------------------------------------------------- */

static void do_templates_clear(perfopt_admin *admin, const perfopt__order *order,
                               perfopt__outcome *out)
{
    char text[64];
    bool one = is(order->by, "name");
    if (!admin->sources.ssr) {
        missing(out, "template engine");
        return;
    }
    if (one ? !*order->value : !is(order->by, "all")) {
        fail(out, 422, "by", "\"by\" is name (with a value) or all.");
        return;
    }
    out->affected = (int64_t)perfopt_ssr_clear(admin->sources.ssr, one ? order->value : NULL);
    say(out, "Dropped %s.", counted(out->affected, "compiled template", text));
}

static void do_templates_warm(perfopt_admin *admin, const perfopt__order *order,
                              perfopt__outcome *out)
{
    (void)order;
    char text[64];
    size_t count = 0;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (!admin->sources.ssr) {
        missing(out, "template engine");
        return;
    }
    perfopt_status status = perfopt_ssr_warm(admin->sources.ssr, NULL, &count, &err);
    out->affected = (int64_t)count;
    if (status != PERFOPT_OK)
        fail_with(out, status, &err);
    else
        say(out, "%s ready.", counted(out->affected, "template", text));
}

static void do_templates_optimize(perfopt_admin *admin, const perfopt__order *order,
                                  perfopt__outcome *out)
{
    (void)order;
    char text[64];
    if (!admin->sources.ssr) {
        missing(out, "template engine");
        return;
    }
    out->affected = (int64_t)perfopt_ssr_optimize_cache(admin->sources.ssr);
    say(out, "Dropped %s that nobody used.", counted(out->affected, "template", text));
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void start(perfopt_admin *admin, perfopt__job_kind kind, const char *patterns,
                  perfopt__outcome *out)
{
    perfopt_status status = perfopt__jobs_start(admin->jobs, kind, patterns, out->job);
    if (status == PERFOPT_OK) {
        out->status = 202;
        say(out, "Started.");
        return;
    }
    out->job[0] = '\0';
    if (status == PERFOPT_EBUSY)
        fail(out, 409, "job_running", "Another job is running; wait for it or cancel it.");
    else if (status == PERFOPT_EDISABLED)
        fail(out, 503, "off", "This process has no worker threads, or no files, for this.");
    else
        fail_with(out, status, NULL);
}

static void do_precompile(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    start(admin, PERFOPT__JOB_PRECOMPILE, order->value, out);
}

static void do_verify(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    start(admin, is(order->by, "rebuild") ? PERFOPT__JOB_REBUILD : PERFOPT__JOB_VERIFY, NULL, out);
}

static void do_compress(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    (void)order;
    start(admin, PERFOPT__JOB_COMPRESS, NULL, out);
}

static void do_purge(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    (void)order;
    start(admin, PERFOPT__JOB_PURGE, NULL, out);
}

static void do_images(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    (void)order;
    start(admin, PERFOPT__JOB_IMAGES, NULL, out);
}

static void do_cancel(perfopt_admin *admin, const perfopt__order *order, perfopt__outcome *out)
{
    perfopt_status status = perfopt__jobs_cancel(admin->jobs, order->value);
    if (status == PERFOPT_OK)
        say(out, "It ends after the file it is working on.");
    else if (status == PERFOPT_ENOTFOUND)
        fail(out, 409, "job_ended", "No such job is running.");
    else
        fail(out, 422, "job", "This job cannot be cancelled.");
}

perfopt__action_fn perfopt__action_find(const char *name)
{
    static const struct {
        const char *name;
        perfopt__action_fn fn;
    } actions[] = {
        {"cache.clear", do_cache_clear},
        {"queries.event", do_query_event},
        {"queries.invalidate", do_query_invalidate},
        {"stats.reset", do_stats_reset},
        {"templates.clear", do_templates_clear},
        {"templates.warm", do_templates_warm},
        {"templates.optimize", do_templates_optimize},
        {"assets.precompile", do_precompile},
        {"assets.verify", do_verify},
        {"assets.compress", do_compress},
        {"assets.purge", do_purge},
        {"images.precompile", do_images},
        {"job.cancel", do_cancel},
    };
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (is(actions[i].name, name))
            return actions[i].fn;
    }
    return NULL;
}
