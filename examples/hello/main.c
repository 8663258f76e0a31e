/*
 * hello - the smallest site: a page is made once, then served from memory, without Redis or
 * PostgreSQL.    hello [PORT]    curl -i http://127.0.0.1:8080/hello/World
 */
#include <perfopt/adapters/microhttpd.h>
#include <perfopt/perfopt.h>
#include <signal.h>
#include <stdio.h>

PERFOPT_HANDLER(hello, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 100),
                PERFOPT_CACHE_WITH_ARGS(.timeout_s = 60, .tags = "greetings"))
{
    const char *text = perfopt_arena_printf(perfopt_request_arena(req), "Hello, %s!\n",
                                            perfopt_request_param(req, "name"));
    return text ? perfopt_response_text(res, 200, text) : PERFOPT_ENOMEM;
}

/* Serves until Ctrl-C. */
static int serve(perfopt_router *router, const sigset_t *stop, const char *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    here.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, perfopt_mhd_router_handler, router,
        PERFOPT_MHD_OPTIONS, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&here,
        MHD_OPTION_THREAD_POOL_SIZE, 4u, MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
    if (!daemon)
        return perror("cannot listen"), 1;
    printf("http://127.0.0.1:%u/hello/World\n",
           (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(stop, &(int){0});
    MHD_stop_daemon(daemon);
    return 0;
}

int main(int argc, char **argv)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL); /* before there are threads that could be hit */
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_config cfg = PERFOPT_CONFIG_INIT;
    perfopt *po = NULL;
    perfopt_router *router = NULL;
    int result = 1;
    if (perfopt_config_from_env(&cfg, &err) == PERFOPT_OK &&
        perfopt_init(&cfg, &po, &err) == PERFOPT_OK &&
        perfopt_router_of(po, &router, &err) == PERFOPT_OK &&
        perfopt_router_add(router, "GET", "/hello/{name}", &hello, NULL, &err) == PERFOPT_OK)
        result = serve(router, &stop, argc > 1 ? argv[1] : "8080");
    else
        fprintf(stderr, "%s\n", err.message);
    perfopt_router_destroy(router);
    perfopt_shutdown(po);
    return result;
}
