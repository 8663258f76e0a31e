/*
 * baseline.c - the server of the baseline: connects for every request, parses its templates for
 * every request, and sends assets and images as they are, without compression or caching headers.
 */
#include "baseline.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void clear_result(void *result)
{
    PQclear(result);
}

PGresult *baseline_query(baseline_page *page, const char *sql, int count, const char *const *params)
{
    double from = now_ms();
    PGresult *result = PQexecParams(page->connection, sql, count, NULL, params, NULL, NULL, 0);
    page->database_ms += now_ms() - from;
    page->queries++;
    if (perfopt_arena_defer(page->arena, clear_result, result) != PERFOPT_OK)
        return NULL;
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    fprintf(stderr, "news: %s", PQerrorMessage(page->connection));
    return NULL;
}

perfopt_value baseline_row(baseline_page *page, PGresult *result, int row)
{
    perfopt_value map;
    if (perfopt_map_create(page->arena, &map) != PERFOPT_OK)
        return perfopt_none();
    for (int c = 0; c < PQnfields(result); c++)
        perfopt_map_set(
            map, PQfname(result, c),
            perfopt_string_n(PQgetvalue(result, row, c), (size_t)PQgetlength(result, row, c)));
    return map;
}

/* ---- templates ---------------------------------------------------------------------------- */

/* The helpers that the templates use, without versions, variants or lazy loading. */

static const char *argument_text(perfopt_call *call, const char *name, size_t position)
{
    const char *text = perfopt_call_text(call, perfopt_call_named(call, name, position), NULL);
    return text ? text : "";
}

static perfopt_status set_tag(perfopt_value *out, const char *tag)
{
    if (!tag)
        return PERFOPT_ENOMEM;
    *out = perfopt_safe(tag);
    return PERFOPT_OK;
}

static perfopt_status stylesheet(perfopt_call *call, perfopt_value *out, void *user,
                                 perfopt_error *err)
{
    (void)user;
    (void)err;
    return set_tag(out, perfopt_arena_printf(perfopt_call_arena(call),
                                             "<link rel=\"stylesheet\" href=\"/static/%s\">",
                                             argument_text(call, "name", 0)));
}

static perfopt_status script(perfopt_call *call, perfopt_value *out, void *user, perfopt_error *err)
{
    (void)user;
    (void)err;
    return set_tag(out, perfopt_arena_printf(perfopt_call_arena(call),
                                             "<script src=\"/static/%s\"></script>",
                                             argument_text(call, "name", 0)));
}

static perfopt_status image(perfopt_call *call, perfopt_value *out, void *user, perfopt_error *err)
{
    (void)user;
    (void)err;
    return set_tag(out, perfopt_arena_printf(perfopt_call_arena(call),
                                             "<img src=\"/static/%s\" alt=\"\" class=\"%s\">",
                                             argument_text(call, "name", 0),
                                             argument_text(call, "css_class", 2)));
}

static perfopt_status no_tag(perfopt_call *call, perfopt_value *out, void *user, perfopt_error *err)
{
    (void)call;
    (void)user;
    (void)err;
    *out = perfopt_safe("");
    return PERFOPT_OK;
}

static perfopt_ssr *make_engine(const news_options *options, perfopt_error *err)
{
    static const struct {
        const char *name;
        perfopt_template_fn fn;
    } helpers[] = {{"stylesheet", stylesheet},
                   {"script", script},
                   {"lazy_image", image},
                   {"progressive_image", image},
                   {"rum_tag", no_tag}};
    perfopt_ssr *engine;
    if (perfopt_ssr_create(
            PERFOPT_SSR_OPTIONS(.root = options->template_root, .cache_templates = PERFOPT_OFF),
            &engine, err) != PERFOPT_OK)
        return NULL;
    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
        if (perfopt_ssr_register(engine, PERFOPT_TEMPLATE_FUNCTION, helpers[i].name, helpers[i].fn,
                                 NULL, NULL) != PERFOPT_OK) {
            perfopt_ssr_destroy(engine);
            return NULL;
        }
    }
    return engine;
}

void baseline_render(baseline_page *page, const char *name, const perfopt_context *context)
{
    double from = now_ms();
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_ssr *engine = make_engine(page->options, &err);
    perfopt_bytes *bytes;
    if (engine && perfopt_ssr_render(engine, name, context, &bytes, &err) == PERFOPT_OK) {
        page->length = perfopt_bytes_length(bytes);
        page->body = malloc(page->length + 1);
        if (page->body)
            memcpy(page->body, perfopt_bytes_data(bytes), page->length);
        page->status = 200;
        perfopt_bytes_release(bytes);
    } else {
        fprintf(stderr, "news: %s\n", err.message);
    }
    perfopt_ssr_destroy(engine);
    page->render_ms += now_ms() - from;
}

/* ---- server ------------------------------------------------------------------------------- */

static const char *argument(void *request, const char *name)
{
    return MHD_lookup_connection_value(request, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status,
                                 const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static const char *media_type(const char *path)
{
    static const char *const types[][2] = {
        {".css", "text/css"}, {".js", "text/javascript"}, {".jpg", "image/jpeg"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    }
    return "application/octet-stream";
}

static enum MHD_Result send_file(struct MHD_Connection *connection, const char *root,
                                 const char *name)
{
    char path[4096];
    struct stat st;
    if (strstr(name, "..") ||
        snprintf(path, sizeof(path), "%s/%s", root, name) >= (int)sizeof(path))
        return send_text(connection, 404, "Not found\n");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return send_text(connection, 404, "Not found\n");
    }
    struct MHD_Response *response = MHD_create_response_from_fd64((uint64_t)st.st_size, fd);
    MHD_add_response_header(response, "Content-Type", media_type(name));
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_page(struct MHD_Connection *connection, const baseline_page *page)
{
    char timing[128];
    snprintf(timing, sizeof(timing), "db;dur=%.3f;desc=\"%u\", render;dur=%.3f", page->database_ms,
             page->queries, page->render_ms);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(page->length, page->body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(page->body);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/html; charset=utf-8");
    MHD_add_response_header(response, "Server-Timing", timing);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_page(const news_options *options, struct MHD_Connection *connection,
                                   const char *path)
{
    baseline_page page = {.options = options};
    if (perfopt_arena_create(0, &page.arena) != PERFOPT_OK)
        return MHD_NO;
    double from = now_ms();
    page.connection = PQconnectdb(options->database_url);
    page.database_ms = now_ms() - from;
    bool found = PQstatus(page.connection) == CONNECTION_OK &&
                 baseline_answer(&page, path, argument, connection);
    bool up = PQstatus(page.connection) == CONNECTION_OK;
    enum MHD_Result result = page.status == 200 && page.body ? send_page(connection, &page)
                             : !up   ? send_text(connection, 503, "No database\n")
                             : found ? send_text(connection, 500, "Failed\n")
                                     : send_text(connection, 404, "Not found\n");
    perfopt_arena_destroy(page.arena);
    PQfinish(page.connection);
    return result;
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    (void)version;
    (void)upload;
    static int seen;
    if (!*state) {
        *state = &seen;
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    const news_options *options = cls;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return send_text(connection, 405, "The baseline only reads\n");
    if (strncmp(url, "/static/", 8) == 0)
        return send_file(connection, options->static_root, url + 8);
    return answer_page(options, connection, url);
}

int news_baseline_run(const news_options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, (void *)(uintptr_t)options,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_THREAD_POOL_SIZE,
        options->threads, MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "news: cannot listen on 127.0.0.1:%u\n", options->port);
        return 1;
    }
    printf("listening on %u\n",
           (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    int signal_number;
    sigwait(&signals, &signal_number);
    MHD_stop_daemon(daemon);
    return 0;
}
