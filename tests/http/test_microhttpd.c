/*
 * test_microhttpd.c - the adapter in front of a router, in each threading mode of the daemon.
 */
#include "http/daemon.h"
#include "http/fixture.h"
#include "http/site.h"

#include <perfopt/adapters/microhttpd.h>

static test_site site;
static struct MHD_Daemon *daemon_;
static perfopt_workers *workers;
static perfopt_mhd_async async_;

static int finish(void)
{
    test_site_finish(&site);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    MHD_stop_daemon(daemon_);
    return finish();
}

static int start_loop(void **state)
{
    (void)state;
    test_site_init(&site);
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
                               perfopt_mhd_router_handler, site.router, PERFOPT_MHD_OPTIONS,
                               TEST_TIMEOUT, MHD_OPTION_SOCK_ADDR, test_any_port(), MHD_OPTION_END);
    return daemon_ ? 0 : 1;
}

static int start_pool(void **state)
{
    (void)state;
    test_site_init(&site);
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
                               perfopt_mhd_router_handler, site.router, PERFOPT_MHD_OPTIONS,
                               TEST_TIMEOUT, MHD_OPTION_THREAD_POOL_SIZE, 4u, MHD_OPTION_SOCK_ADDR,
                               test_any_port(), MHD_OPTION_END);
    return daemon_ ? 0 : 1;
}

static int start_threads(void **state)
{
    (void)state;
    test_site_init(&site);
    daemon_ =
        MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL,
                         NULL, perfopt_mhd_router_handler, site.router, PERFOPT_MHD_OPTIONS,
                         TEST_TIMEOUT, MHD_OPTION_SOCK_ADDR, test_any_port(), MHD_OPTION_END);
    return daemon_ ? 0 : 1;
}

static int start_async(void **state)
{
    (void)state;
    test_site_init(&site);
    if (perfopt_workers_create(4, 0, &workers, NULL) != PERFOPT_OK)
        return 1;
    perfopt_mhd_async_init(&async_, site.router, workers);
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
                               NULL, perfopt_mhd_router_async, &async_, PERFOPT_MHD_OPTIONS,
                               TEST_TIMEOUT, MHD_OPTION_SOCK_ADDR, test_any_port(), MHD_OPTION_END);
    return daemon_ ? 0 : 1;
}

static int stop_async(void **state)
{
    (void)state;
    perfopt_mhd_async_stop(&async_, daemon_);
    perfopt_workers_destroy(workers);
    return finish();
}

static void pages(void **state)
{
    (void)state;
    test_site_pages(&site, test_port_of(daemon_));
}

static void methods(void **state)
{
    (void)state;
    test_site_methods(test_port_of(daemon_));
}

static void uploads(void **state)
{
    (void)state;
    test_site_uploads(test_port_of(daemon_));
}

static void bad_requests(void **state)
{
    (void)state;
    test_site_bad_requests(&site, test_port_of(daemon_));
}

static void one_run(void **state)
{
    (void)state;
    test_site_one_run(&site, test_port_of(daemon_));
}

static void load(void **state)
{
    (void)state;
    test_site_load(&site, test_port_of(daemon_));
}

#define MODE(start, stop)                                           \
    cmocka_unit_test_setup_teardown(pages, start, stop),            \
        cmocka_unit_test_setup_teardown(methods, start, stop),      \
        cmocka_unit_test_setup_teardown(uploads, start, stop),      \
        cmocka_unit_test_setup_teardown(bad_requests, start, stop), \
        cmocka_unit_test_setup_teardown(load, start, stop)

int main(void)
{
    /* One loop answers one request at a time, so that waiting there makes no sense: one_run is for
     * the modes with several threads. */
    const struct CMUnitTest tests[] = {
        MODE(start_loop, stop),
        MODE(start_pool, stop),
        MODE(start_threads, stop),
        MODE(start_async, stop_async),
        cmocka_unit_test_setup_teardown(one_run, start_pool, stop),
        cmocka_unit_test_setup_teardown(one_run, start_threads, stop),
        cmocka_unit_test_setup_teardown(one_run, start_async, stop_async),
    };
    return cmocka_run_group_tests_name("microhttpd", tests, NULL, NULL);
}
