/*
 * admin_server.c - a real site for the browser tests: all parts, a private Redis and PostgreSQL,
 * some traffic, and the dashboards on the site's own daemon and on one of their own.
 *
 *     admin_server [--bare] SITE_PORT ADMIN_PORT
 *
 * It says "ready" on standard output and then obeys commands on standard input, one a line, each
 * answered with "ok": traffic, redis stop, redis start, hostile, many. It ends with the end of its
 * input.
 * --bare: no Redis, no database, no assets, no workers, no traffic.
 */
#include "admin/site.h"
#include "base/file.h"
#include "support/postgres_server.h"
#include "support/redis_server.h"

#include <perfopt/adapters/microhttpd.h>
#include <perfopt/query_cache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct server {
    test_redis *redis;
    test_postgres *postgres;
    char folder[64];
    perfopt_workers *workers;
    perfopt_cache *cache;
    perfopt_db *db;
    perfopt_query_cache *queries;
    perfopt_assets *assets;
    perfopt_frontend *frontend;
    perfopt_ssr *ssr;
    perfopt_http *http;
    perfopt_monitor *monitor;
    perfopt_admin *admin;
    perfopt_router *router;
    struct MHD_Daemon *daemon;
} server;

static void check(perfopt_status status, const perfopt_error *err, const char *what)
{
    if (status == PERFOPT_OK)
        return;
    fprintf(stderr, "admin_server: %s: %s: %s\n", what, perfopt_status_text(status), err->message);
    exit(1);
}

/* ---- the site's pages ---------------------------------------------------------------------- */

static const perfopt_query_spec latest = {
    .struct_size = sizeof(latest),
    .name = "latest_news",
    .sql = "SELECT id, title FROM news ORDER BY id DESC LIMIT 10",
    .tags = "news",
    .invalidate_on = "news_changed"};
static const perfopt_query_spec by_id = {.struct_size = sizeof(by_id),
                                         .name = "article",
                                         .sql = "SELECT id, title, body FROM news WHERE id = $1"};

static perfopt_status home(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)user;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_rows *rows = perfopt_request_cached_query(req, &latest, NULL, 0, &err);
    if (!rows)
        return PERFOPT_EUNAVAILABLE;
    return perfopt_render(req, res, "home.html",
                          PERFOPT_CONTEXT({"news", perfopt_rows_value(rows)}), &err);
}

static perfopt_status article(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)user;
    int64_t id;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (!perfopt_request_param_int(req, "id", &id))
        return PERFOPT_ENOTFOUND;
    perfopt_param param = perfopt_param_int(id);
    perfopt_rows *rows = perfopt_request_cached_query(req, &by_id, &param, 1, &err);
    if (!rows)
        return PERFOPT_EUNAVAILABLE;
    return perfopt_render(req, res, "article.html",
                          PERFOPT_CONTEXT({"rows", perfopt_rows_value(rows)}), &err);
}

static perfopt_status search(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)user;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_param param = perfopt_param_int(7);
    for (int i = 0; i < 6; i++) { /* on purpose: the same statement again and again */
        if (!perfopt_request_query(
                req, "SELECT count(*) FROM news WHERE body LIKE '%' || $1 || '%'", &param, 1, &err))
            return PERFOPT_EUNAVAILABLE;
    }
    return perfopt_response_text(res, 200, "found");
}

static perfopt_status broken(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)req;
    (void)res;
    (void)user;
    return PERFOPT_EFAILED;
}

static void add_pages(server *s)
{
    static const perfopt_handler_def defs[] = {{.name = "home", .fn = home},
                                               {.name = "article", .fn = article},
                                               {.name = "search", .fn = search},
                                               {.name = "broken", .fn = broken}};
    static const char *const paths[] = {"/", "/article/{id}", "/search", "/broken"};
    perfopt_error err = PERFOPT_ERROR_INIT;
    for (size_t i = 0; i < 4; i++)
        check(perfopt_router_add(s->router, "GET", paths[i], &defs[i], NULL, &err), &err, paths[i]);
}

/* ---- parts --------------------------------------------------------------------------------- */

static void write_file(const server *s, const char *name, const char *text)
{
    char path[128];
    perfopt_error err = PERFOPT_ERROR_INIT;
    snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    check(perfopt__file_replace(path, text, strlen(text), &err), &err, path);
}

static void write_site(server *s)
{
    char path[128];
    perfopt_error err = PERFOPT_ERROR_INIT;
    snprintf(s->folder, sizeof(s->folder), "/tmp/perfopt-browser-XXXXXX");
    if (!mkdtemp(s->folder))
        exit(1);
    snprintf(path, sizeof(path), "%s/static/css", s->folder);
    check(perfopt__make_folders(path, &err), &err, path);
    snprintf(path, sizeof(path), "%s/templates", s->folder);
    check(perfopt__make_folders(path, &err), &err, path);
    static char css[60000];
    for (int i = 0; i < 800; i++)
        snprintf(css + strlen(css), sizeof(css) - strlen(css),
                 ".card-%d {\n    margin: %dpx 0;\n    color: #333333;\n}\n", i, i);
    write_file(s, "static/css/site.css", css);
    write_file(s, "static/app.js", "function twice(x) {\n    // doubles\n    return 2 * x;\n}\n");
    write_file(s, "static/broken.js", "var a = 'never closed\n");
    write_file(s, "templates/layout.html",
               "<!doctype html><title>{% block title %}{% endblock %}</title>"
               "{% block body %}{% endblock %}");
    write_file(s, "templates/home.html",
               "{% extends 'layout.html' %}{% block body %}<ul>{% for n in news %}"
               "<li>{{ n.title }}</li>{% endfor %}</ul>{% endblock %}");
    write_file(s, "templates/article.html",
               "{% extends 'layout.html' %}{% block body %}{% for r in rows %}<h1>{{ r.title }}"
               "</h1>{{ r.body }}{% endfor %}{% endblock %}");
}

static void start_stores(server *s)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    s->redis = test_redis_start(NULL);
    s->postgres = test_postgres_start(NULL);
    test_postgres_sql(s->postgres, "CREATE TABLE news(id int PRIMARY KEY, title text, body text);"
                                   "INSERT INTO news SELECT i, 'Title ' || i, repeat('text ', 200) "
                                   "FROM generate_series(1, 3000) i");
    check(perfopt_workers_create(2, 0, &s->workers, &err), &err, "workers");
    perfopt_redis_options redis = PERFOPT_REDIS_OPTIONS_INIT;
    redis.url = test_redis_url(s->redis);
    check(perfopt_cache_create(PERFOPT_CACHE_OPTIONS(.redis = &redis), &s->cache, &err), &err,
          "cache");
    check(perfopt_db_create(
              PERFOPT_DB_OPTIONS(.url = test_postgres_url(s->postgres), .slow_query_ms = 5), &s->db,
              &err),
          &err, "db");
    check(perfopt_query_cache_create(NULL, s->db, s->cache, &s->queries, &err), &err, "queries");
    char root[100];
    snprintf(root, sizeof(root), "%s/static", s->folder);
    check(perfopt_assets_create(PERFOPT_ASSETS_OPTIONS(.root = root), &s->assets, &err), &err,
          "assets");
    check(perfopt_assets_precompile(s->assets, NULL, NULL, NULL, NULL, &err), &err, "precompile");
    check(perfopt_frontend_create(NULL, s->assets, &s->frontend, &err), &err, "frontend");
}

static void start_site(server *s, bool bare, uint32_t admin_port)
{
    char root[100];
    perfopt_error err = PERFOPT_ERROR_INIT;
    snprintf(root, sizeof(root), "%s/templates", s->folder);
    if (!bare)
        check(
            perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.root = root, .cache = s->cache), &s->ssr, &err),
            &err, "ssr");
    check(perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = s->cache, .ssr = s->ssr, .db = s->db,
                                                   .queries = s->queries, .assets = s->assets),
                              &s->http, &err),
          &err, "http");
    const perfopt_monitor_sources watched = {s->cache,  s->db,  s->queries,
                                             s->assets, s->ssr, s->http};
    check(perfopt_monitor_create(PERFOPT_MONITOR_OPTIONS(.interval_ms = 1000), &watched,
                                 &s->monitor, &err),
          &err, "monitor");
    const perfopt_admin_sources sources = {s->monitor, s->http,     s->cache, s->db,     s->queries,
                                           s->assets,  s->frontend, s->ssr,   s->workers};
    check(perfopt_admin_create(PERFOPT_ADMIN_OPTIONS(.password = SITE_PASSWORD,
                                                     .viewer_password = SITE_VIEWING,
                                                     .metrics = PERFOPT_ON, .port = admin_port,
                                                     .site_name = "Package News"),
                               &sources, &s->admin, &err),
          &err, "admin");
    check(perfopt_router_create(s->http, &s->router, &err), &err, "router");
    add_pages(s);
    check(perfopt_admin_mount(s->admin, s->router, &err), &err, "mount");
    check(perfopt_admin_listen(s->admin, &err), &err, "listen");
}

static void listen_on(server *s, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s->daemon =
        MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, port, NULL, NULL, perfopt_mhd_router_handler,
                         s->router, PERFOPT_MHD_OPTIONS, MHD_OPTION_SOCK_ADDR, &address,
                         MHD_OPTION_THREAD_POOL_SIZE, 4u, MHD_OPTION_END);
    if (!s->daemon)
        exit(1);
}

static void stop(server *s)
{
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    perfopt_router_destroy(s->router);
    perfopt_admin_destroy(s->admin);
    perfopt_monitor_destroy(s->monitor);
    perfopt_http_destroy(s->http);
    perfopt_frontend_destroy(s->frontend);
    perfopt_assets_destroy(s->assets);
    perfopt_ssr_destroy(s->ssr);
    perfopt_query_cache_destroy(s->queries);
    perfopt_db_destroy(s->db);
    perfopt_cache_destroy(s->cache);
    perfopt_workers_destroy(s->workers);
    test_redis_destroy(s->redis);
    test_postgres_destroy(s->postgres);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", s->folder);
    if (s->folder[0] && system(command) != 0)
        fprintf(stderr, "admin_server: %s is left\n", s->folder);
}

/* ---- commands ------------------------------------------------------------------------------ */

static const char *no_header(void *transport, const char *name)
{
    (void)transport;
    (void)name;
    return NULL;
}

static void visit(server *s, const char *target)
{
    perfopt_request *req;
    const perfopt_request_source source = {.struct_size = sizeof(source),
                                           .method = "GET",
                                           .target = target,
                                           .remote = "127.0.0.1",
                                           .header = no_header};
    if (perfopt_request_create(s->http, &source, &req) != PERFOPT_OK)
        exit(1);
    perfopt_router_dispatch(s->router, req, perfopt_request_response(req));
    perfopt_request_destroy(req);
}

static void traffic(server *s)
{
    char target[64];
    for (int i = 0; i < 200; i++) {
        visit(s, "/");
        snprintf(target, sizeof(target), "/article/%d", 1 + i * i % 300);
        visit(s, target);
        if (i % 20 == 0)
            visit(s, "/search");
        if (i % 50 == 0)
            visit(s, "/broken");
        snprintf(target, sizeof(target), "/static/%s", i % 2 ? "app.js" : "css/site.css");
        visit(s, target);
    }
    visit(s, "/no/such/page");
    static const char vitals[] = "[{\"name\":\"LCP\",\"value\":1830,\"id\":\"a\",\"route\":\"/\"},"
                                 "{\"name\":\"CLS\",\"value\":0.31,\"id\":\"b\",\"route\":\"/\"}]";
    perfopt_monitor_beacon(s->monitor, vitals, strlen(vitals));
    perfopt_monitor_sample(s->monitor);
}

#define HOSTILE "</script><img src=x onerror=document.title='owned'>\"'"

static void hostile(server *s)
{
    static const char key[] = HOSTILE ":1";
    perfopt_bytes *value = NULL;
    perfopt_cache_set(s->cache, key, sizeof(key) - 1, "x", 1, NULL);
    perfopt_cache_get(s->cache, key, sizeof(key) - 1, &value);
    perfopt_bytes_release(value);
    perfopt_ssr_record_render(s->ssr, HOSTILE, 1000000, 100, false);
    perfopt_span span = perfopt_span_begin(s->monitor, HOSTILE);
    perfopt_span_end(&span);
    perfopt_monitor_sample(s->monitor);
}

static void many_keys(server *s)
{
    for (int i = 0; i < 1500; i++) {
        char key[32];
        int length = snprintf(key, sizeof(key), "many:%d", i);
        perfopt_cache_set(s->cache, key, (size_t)length, "x", 1,
                          PERFOPT_STORE_OPTIONS(.l2 = PERFOPT_OFF));
    }
}

static void obey(server *s, const char *command)
{
    if (strcmp(command, "traffic") == 0)
        traffic(s);
    else if (strcmp(command, "redis stop") == 0)
        test_redis_stop(s->redis);
    else if (strcmp(command, "redis start") == 0)
        test_redis_restart(s->redis);
    else if (strcmp(command, "hostile") == 0)
        hostile(s);
    else if (strcmp(command, "many") == 0)
        many_keys(s);
    else
        exit(2);
}

int main(int argc, char **argv)
{
    static server s;
    bool bare = argc == 4 && strcmp(argv[1], "--bare") == 0;
    if (argc != 3 && !bare) {
        fprintf(stderr, "usage: admin_server [--bare] SITE_PORT ADMIN_PORT\n");
        return 2;
    }
    if (!bare) {
        write_site(&s);
        start_stores(&s);
    }
    start_site(&s, bare, (uint32_t)atoi(argv[argc - 1]));
    listen_on(&s, (uint16_t)atoi(argv[argc - 2]));
    if (!bare)
        traffic(&s);
    puts("ready");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        obey(&s, line);
        puts("ok");
        fflush(stdout);
    }
    stop(&s);
    return 0;
}
