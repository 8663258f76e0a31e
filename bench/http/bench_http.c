/*
 * bench_http.c - requests per second over loopback, as one JSON line: a page of the page cache
 * through the adapter, against a bare libmicrohttpd handler that queues one static response of the
 * same size. Both daemons run in this process; wrk (which must be installed) asks them in turn, so
 * that other work on the machine hits both. Medians over the rounds are reported; `ratio` is the
 * median of the rounds' ratios.
 *
 *     bench_http [rounds [seconds per round [body bytes]]]
 */
#include <arpa/inet.h>
#include <perfopt/adapters/microhttpd.h>
#include <perfopt/wrap.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ROUNDS 99
#define THREADS    1u /* of each daemon; wrk has two, so that the server is what is measured */

static size_t body_bytes = 5000;
static char *body;

PERFOPT_HANDLER(page, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
                PERFOPT_CACHE_WITH_ARGS(.timeout_s = 3600, .tags = "page"))
{
    perfopt_response_set_header(res, "Content-Type", "text/html; charset=utf-8");
    return perfopt_response_set_body(res, body, body_bytes);
}

static enum MHD_Result bare_handler(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version,
                                    const char *upload_data, size_t *upload_data_size,
                                    void **con_cls)
{
    static int seen;
    (void)url;
    (void)method;
    (void)version;
    (void)upload_data;
    (void)upload_data_size;
    if (!*con_cls) {
        *con_cls = &seen;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, cls);
}

static struct sockaddr *any_port(void)
{
    static struct sockaddr_in address;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return (struct sockaddr *)&address;
}

static unsigned port_of(struct MHD_Daemon *daemon)
{
    return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* One run of wrk; 0 if it failed or any answer was not a success. */
static double measure(unsigned port, int seconds)
{
    char command[160];
    char line[256];
    double rate = 0;
    bool bad = false;
    snprintf(command, sizeof(command), "wrk -t2 -c32 -d%ds http://127.0.0.1:%u/page 2>&1", seconds,
             port);
    FILE *in = popen(command, "r");
    if (!in)
        return 0;
    while (fgets(line, sizeof(line), in)) {
        sscanf(line, "Requests/sec: %lf", &rate);
        bad |= strstr(line, "Non-2xx") || strstr(line, "Socket errors");
    }
    return pclose(in) == 0 && !bad ? rate : 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle(double *rates, int count)
{
    qsort(rates, (size_t)count, sizeof(*rates), compare);
    return rates[count / 2];
}

static int run(struct MHD_Daemon *bare, struct MHD_Daemon *cached, int rounds, int seconds)
{
    double bare_rates[MAX_ROUNDS];
    double cached_rates[MAX_ROUNDS];
    double ratios[MAX_ROUNDS];
    for (int i = 0; i < rounds; i++) {
        bare_rates[i] = measure(port_of(bare), seconds);
        cached_rates[i] = measure(port_of(cached), seconds);
        if (bare_rates[i] <= 0 || cached_rates[i] <= 0) {
            fprintf(stderr, "wrk failed, or not every answer was a success\n");
            return 1;
        }
        ratios[i] = cached_rates[i] / bare_rates[i];
    }
    printf("{\"bench\":\"http_page_hit\",\"body_bytes\":%zu,\"rounds\":%d,"
           "\"bare_per_s\":%.0f,\"cached_per_s\":%.0f,\"ratio\":%.3f}\n",
           body_bytes, rounds, middle(bare_rates, rounds), middle(cached_rates, rounds),
           middle(ratios, rounds));
    return 0;
}

static struct MHD_Daemon *start(MHD_AccessHandlerCallback handler, void *cls, bool adapter)
{
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)perfopt_mhd_uri, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)perfopt_mhd_completed, NULL},
        {MHD_OPTION_END, 0, NULL}};
    if (!adapter)
        options[0] = options[2];
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handler, cls,
                            MHD_OPTION_THREAD_POOL_SIZE, THREADS, MHD_OPTION_SOCK_ADDR, any_port(),
                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    int seconds = argc > 2 ? atoi(argv[2]) : 2;
    body_bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : body_bytes;
    body = malloc(body_bytes + 1);
    perfopt_cache *cache = NULL;
    perfopt_http *http = NULL;
    perfopt_router *router = NULL;
    if (rounds < 1 || rounds > MAX_ROUNDS || !body ||
        perfopt_cache_create(NULL, &cache, NULL) != PERFOPT_OK ||
        perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = cache), &http, NULL) != PERFOPT_OK ||
        perfopt_router_create(http, &router, NULL) != PERFOPT_OK ||
        perfopt_router_add(router, "GET", "/page", &page, NULL, NULL) != PERFOPT_OK)
        return 1;
    memset(body, 'x', body_bytes);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body_bytes, body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "text/html; charset=utf-8");
    struct MHD_Daemon *bare = start(bare_handler, response, false);
    struct MHD_Daemon *cached = start(perfopt_mhd_router_handler, router, true);
    int result = bare && cached ? run(bare, cached, rounds, seconds) : 1;
    if (bare)
        MHD_stop_daemon(bare);
    if (cached)
        MHD_stop_daemon(cached);
    MHD_destroy_response(response);
    perfopt_router_destroy(router);
    perfopt_http_destroy(http);
    perfopt_cache_destroy(cache);
    free(body);
    return result;
}
