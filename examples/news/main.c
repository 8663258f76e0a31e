/*
 * main.c - starts the news site: the library from the environment, the assets, the pages, a
 * libmicrohttpd daemon; and stops it all on a signal.
 */
#include "news.h"

#include <netinet/in.h>
#include <perfopt/adapters/microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool show_progress(size_t done, size_t total, const char *name, void *user)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s %zu/%zu %s%s", (const char *)user, done, total, name,
                done == total ? "\n" : "");
    return true;
}

/* Builds what changed since the last start; nothing to do takes a moment. */
static perfopt_status prepare(perfopt *po, perfopt_error *err)
{
    char assets_label[] = "assets";
    char images_label[] = "images";
    perfopt_precompile_result assets;
    perfopt_status status = perfopt_assets_precompile(perfopt_assets_of(po), NULL, show_progress,
                                                      assets_label, &assets, err);
    if (status != PERFOPT_OK)
        return status;
    fprintf(stderr, "news: %u assets, %u built in %lld ms\n", assets.files, assets.built,
            (long long)assets.took_ms);
    perfopt_images_result images;
    status = perfopt_images_precompile(perfopt_frontend_of(po), NULL, show_progress, images_label,
                                       &images, err);
    if (status == PERFOPT_OK)
        fprintf(stderr, "news: %u images, %u variants built in %lld ms\n", images.images,
                images.built, (long long)images.took_ms);
    /* Without codecs the site still works: pages use the original images. */
    return status == PERFOPT_EUNSUPPORTED ? PERFOPT_OK : status;
}

static perfopt_status start(const news_options *options, perfopt **po, perfopt_error *err)
{
    perfopt_config cfg = PERFOPT_CONFIG_INIT;
    perfopt_status status = perfopt_config_from_env(&cfg, err);
    if (status != PERFOPT_OK)
        return status;
    cfg.assets.root = options->static_root;
    cfg.ssr.root = options->template_root;
    cfg.http.server_timing = PERFOPT_ON; /* kpi.sh reads it; a public site leaves it off */
    cfg.admin.site_name = "The Package Post";
    return perfopt_init(&cfg, po, err);
}

static int serve(perfopt *po, const news_options *options, const sigset_t *signals)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_router *router;
    perfopt_status status = perfopt_router_of(po, &router, &err);
    if (status == PERFOPT_OK)
        status = news_add_pages(router, &err);
    if (status == PERFOPT_OK)
        status = news_add_edit(router, options, &err);
    if (status != PERFOPT_OK) {
        fprintf(stderr, "news: %s\n", err.message);
        return 1;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, perfopt_mhd_router_handler,
                         router, PERFOPT_MHD_OPTIONS, MHD_OPTION_SOCK_ADDR,
                         (struct sockaddr *)&address, MHD_OPTION_THREAD_POOL_SIZE, options->threads,
                         MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "news: cannot listen on 127.0.0.1:%u\n", options->port);
        perfopt_router_destroy(router);
        return 1;
    }
    printf("listening on %u\n",
           (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    int signal_number;
    sigwait(signals, &signal_number);
    MHD_stop_daemon(daemon);
    perfopt_router_destroy(router);
    return 0;
}

int main(int argc, char **argv)
{
    news_options options;
    news_options_read(argc, argv, &options);
    if (sodium_init() < 0)
        return 1;
    signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (options.baseline)
        return news_baseline_run(&options);

    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt *po;
    if (start(&options, &po, &err) != PERFOPT_OK) {
        fprintf(stderr, "news: %s\n", err.message);
        return 1;
    }
    int result = 1;
    if (prepare(po, &err) != PERFOPT_OK)
        fprintf(stderr, "news: %s\n", err.message);
    else
        result = options.prepare_only ? 0 : serve(po, &options, &signals);
    perfopt_shutdown(po);
    return result;
}
