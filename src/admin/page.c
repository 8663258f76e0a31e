/*
 * page.c - the three pages: rendered from a snapshot through the library's own template engine, and
 * kept while the snapshot is the newest, so that many viewers cost as much as one.
 */
#include "admin/admin_internal.h"

#include "base/hash.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>

#define MAX_ARGUMENT 200

void perfopt__pages_init(perfopt__pages *pages)
{
    memset(pages, 0, sizeof(*pages));
    pthread_mutex_init(&pages->lock, NULL);
}

void perfopt__pages_finish(perfopt__pages *pages)
{
    for (size_t i = 0; i < PERFOPT__PAGES; i++)
        perfopt_bytes_release(pages->entries[i].html);
    pthread_mutex_destroy(&pages->lock);
}

/* A retained page or NULL. */
static perfopt_bytes *pages_get(perfopt__pages *pages, uint64_t key, uint64_t serial)
{
    perfopt_bytes *html = NULL;
    pthread_mutex_lock(&pages->lock);
    for (size_t i = 0; i < PERFOPT__PAGES && !html; i++) {
        perfopt__page_entry *entry = &pages->entries[i];
        if (entry->html && entry->key == key && entry->serial == serial) {
            entry->used = ++pages->clock;
            html = perfopt_bytes_retain(entry->html);
        }
    }
    pthread_mutex_unlock(&pages->lock);
    return html;
}

static void pages_put(perfopt__pages *pages, uint64_t key, uint64_t serial, perfopt_bytes *html)
{
    pthread_mutex_lock(&pages->lock);
    perfopt__page_entry *slot = &pages->entries[0];
    for (size_t i = 0; i < PERFOPT__PAGES; i++) {
        perfopt__page_entry *entry = &pages->entries[i];
        if (entry->html && entry->key == key) {
            slot = entry;
            break;
        }
        if (entry->used < slot->used)
            slot = entry;
    }
    perfopt_bytes_release(slot->html);
    *slot = (perfopt__page_entry){key, serial, ++pages->clock, perfopt_bytes_retain(html)};
    pthread_mutex_unlock(&pages->lock);
}

/* ---- the address --------------------------------------------------------------------------- */

/* A query argument, NULL if it is absent, empty or too long to be meant. */
static const char *argument(const perfopt__visitor *v, const char *name)
{
    const char *text = perfopt_request_arg(v->req, name);
    return text && *text && strlen(text) <= MAX_ARGUMENT ? text : NULL;
}

/* False if the window is none of ours. */
static bool read_query(const perfopt__visitor *v, perfopt__dashboard which,
                       perfopt__page_query *query)
{
    size_t window = perfopt__window_find(argument(v, "window"));
    const char *dir = argument(v, "dir");
    if (window == SIZE_MAX)
        return false;
    *query = (perfopt__page_query){
        .which = which,
        .window = &perfopt__windows[window],
        .q = argument(v, "q"),
        .sort = argument(v, "sort"),
        .detail = argument(v, "detail"),
        .result = argument(v, "result"),
        .ascending = dir && strcmp(dir, "asc") == 0,
        .page = perfopt_request_arg_int(v->req, "p", 1),
    };
    return true;
}

/* The person is part of the key: the page holds their name and token. */
static uint64_t key_of(const perfopt__visitor *v, const perfopt__page_query *query)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    const char *const parts[] = {v->who.name, query->q, query->sort, query->detail};
    perfopt__strbuf_printf(&sb, "%d %d %s %d %lld", (int)query->which, (int)v->who.role,
                           query->window->id, query->ascending, (long long)query->page);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        perfopt__strbuf_append(&sb, parts[i] ? parts[i] : "", parts[i] ? strlen(parts[i]) + 1 : 1);
    uint64_t key = sb.failed ? 0 : perfopt__hash(sb.data, sb.length);
    perfopt__strbuf_finish(&sb);
    return key;
}

/* ---- rendering ----------------------------------------------------------------------------- */

static perfopt_status render(perfopt__visitor *v, const perfopt__page_query *query,
                             const perfopt__snapshot *snapshot, perfopt_bytes **out,
                             perfopt_error *err)
{
    char name[32];
    size_t length;
    perfopt__build b = {0};
    snprintf(name, sizeof(name), "%s.html", perfopt__dashboard_names[query->which]);
    const char *source = perfopt__template_source(name, &length);
    perfopt_status status = perfopt_arena_create(32 * 1024, &b.arena);
    if (status != PERFOPT_OK)
        return status;
    const perfopt_context context = {.values = perfopt__page_context(&b, v, query, snapshot)};
    status = b.status == PERFOPT_OK ? perfopt_ssr_render_string(v->admin->ssr, name, source, length,
                                                                &context, out, err)
                                    : b.status;
    perfopt_arena_destroy(b.arena);
    return status;
}

/* From the kept pages, or rendered and kept. A page with a result is for one time. */
static perfopt_status html_of(perfopt__visitor *v, const perfopt__page_query *query,
                              const perfopt__snapshot *snapshot, perfopt_bytes **out,
                              perfopt_error *err)
{
    uint64_t key = query->result ? 0 : key_of(v, query);
    *out = key ? pages_get(&v->admin->pages, key, snapshot->serial) : NULL;
    if (*out)
        return PERFOPT_OK;
    perfopt_status status = render(v, query, snapshot, out, err);
    if (status == PERFOPT_OK && key)
        pages_put(&v->admin->pages, key, snapshot->serial, *out);
    return status;
}

perfopt_status perfopt__page_show(perfopt__visitor *v, perfopt__dashboard which)
{
    perfopt__page_query query;
    if (!read_query(v, which, &query))
        return perfopt__respond_message(v->admin, v->res, 400, "No such window",
                                        "The time window is one of 5m, 1h, 8h and 72h.", NULL);
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt__snapshot *snapshot;
    perfopt__collect_in in = perfopt__admin_collect(v->admin, query.window);
    perfopt_status status =
        perfopt__snapshot_get(&v->admin->snapshots, &in, which, v->now_ms, &snapshot);
    if (status != PERFOPT_OK)
        return status;
    perfopt_bytes *html = NULL;
    status = html_of(v, &query, snapshot, &html, &err);
    perfopt__snapshot_release(snapshot);
    if (status == PERFOPT_ENOMEM)
        return status;
    if (status != PERFOPT_OK)
        return perfopt__respond_failure(v->admin, v->res, "rendering a dashboard", err.message);
    status = perfopt__respond_bytes(v->res, "text/html; charset=utf-8", html);
    perfopt_bytes_release(html);
    return status;
}
