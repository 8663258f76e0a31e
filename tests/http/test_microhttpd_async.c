/*
 * test_microhttpd_async.c - what is special about the event loop: it never waits, and it stops in
 * good order.
 */
#include "http/daemon.h"
#include "http/fixture.h"
#include "http/monitor_hooks.h"
#include "support/http_client.h"

#include <perfopt/adapters/microhttpd.h>
#include <perfopt/wrap.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static perfopt_cache *cache;
static perfopt_http *http;
static perfopt_router *router;
static perfopt_workers *workers;
static perfopt_mhd_async async_;
static struct MHD_Daemon *daemon_;
static uint16_t port;
static sem_t entered; /* a handler is inside */
static sem_t leave;   /* and may go on */

PERFOPT_HANDLER(blocked, PERFOPT_PLAIN())
{
    sem_post(&entered);
    sem_wait(&leave);
    return perfopt_response_text(res, 200, "done");
}

PERFOPT_HANDLER(stored, PERFOPT_CACHE_WITH_ARGS(.timeout_s = 60))
{
    return perfopt_response_text(res, 200, "stored");
}

static int start(void **state)
{
    (void)state;
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    /* One worker and room for one more request. */
    if (perfopt_cache_create(NULL, &cache, NULL) != PERFOPT_OK ||
        perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = cache), &http, NULL) != PERFOPT_OK ||
        perfopt_router_create(http, &router, NULL) != PERFOPT_OK ||
        perfopt_router_add(router, "GET", "/blocked", &blocked, NULL, NULL) != PERFOPT_OK ||
        perfopt_router_add(router, "GET", "/stored", &stored, NULL, NULL) != PERFOPT_OK ||
        perfopt_workers_create(1, 1, &workers, NULL) != PERFOPT_OK)
        return 1;
    perfopt_mhd_async_init(&async_, router, workers);
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
                               NULL, perfopt_mhd_router_async, &async_, PERFOPT_MHD_OPTIONS,
                               TEST_TIMEOUT, MHD_OPTION_SOCK_ADDR, test_any_port(), MHD_OPTION_END);
    port = daemon_ ? test_port_of(daemon_) : 0;
    return daemon_ ? 0 : 1;
}

static int release(void)
{
    assert_int_equal(perfopt__http_active_requests(http), 0);
    perfopt_router_destroy(router);
    perfopt_http_destroy(http);
    perfopt_cache_destroy(cache);
    sem_destroy(&entered);
    sem_destroy(&leave);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    perfopt_mhd_async_stop(&async_, daemon_);
    perfopt_workers_destroy(workers);
    return release();
}

static int send_get(const char *target)
{
    char text[128];
    int length = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    int connection = test_http_connect(port);
    assert_true(test_http_send(connection, text, (size_t)length));
    return connection;
}

static void expect_reply(int connection, int status)
{
    test_http_reply reply;
    test_http_read(connection, false, &reply);
    assert_int_equal(reply.status, status);
    test_http_reply_finish(&reply);
    test_http_close(connection);
}

static void wait_for_requests(uint32_t count)
{
    for (int i = 0; i < 5000 && perfopt__http_active_requests(http) != count; i++)
        usleep(1000); /* until the loop has read them */
    assert_int_equal(perfopt__http_active_requests(http), count);
}

static void hits_go_past_busy_workers(void **state)
{
    (void)state;
    expect_reply(send_get("/stored"), 200);
    int busy = send_get("/blocked");
    sem_wait(&entered);
    for (int i = 0; i < 10; i++)
        expect_reply(send_get("/stored"), 200);
    int waiting = send_get("/blocked"); /* in the queue */
    wait_for_requests(2);
    expect_reply(send_get("/blocked"), 503); /* the queue is full */
    expect_reply(send_get("/stored"), 200);
    sem_post(&leave);
    sem_post(&leave);
    expect_reply(busy, 200);
    expect_reply(waiting, 200);
    sem_wait(&entered);
}

static void *stop_async(void *user)
{
    (void)user;
    perfopt_mhd_async_stop(&async_, daemon_);
    return NULL;
}

/* Requests that wait are answered before the daemon ends; one that comes late is refused. */
static void stopping_waits(void **state)
{
    (void)state;
    pthread_t thread;
    expect_reply(send_get("/stored"), 200);
    int busy = send_get("/blocked");
    sem_wait(&entered);
    assert_int_equal(pthread_create(&thread, NULL, stop_async, NULL), 0);
    for (int closing = 0; !closing; usleep(1000)) { /* until the stop has begun */
        pthread_mutex_lock(&async_.lock);
        closing = async_.closing;
        pthread_mutex_unlock(&async_.lock);
    }
    expect_reply(send_get("/blocked"), 503);
    expect_reply(send_get("/stored"), 200);
    sem_post(&leave);
    expect_reply(busy, 200);
    pthread_join(thread, NULL);
    perfopt_workers_destroy(workers);
    release();
}

/* The pool is gone before the daemon: its waiting tasks are dropped, their clients hear of it. */
static void dropped_tasks_are_answered(void **state)
{
    (void)state;
    int busy = send_get("/blocked");
    sem_wait(&entered);
    int waiting = send_get("/blocked");
    wait_for_requests(2);
    pthread_mutex_lock(&async_.lock);
    async_.closing = 1; /* nothing may be submitted to a pool that is being destroyed */
    pthread_mutex_unlock(&async_.lock);
    sem_post(&leave);
    sem_post(&leave);
    perfopt_workers_destroy(workers);
    expect_reply(busy, 200);
    test_http_reply reply;
    test_http_read(waiting, false, &reply);
    assert_true(reply.status == 503 || reply.status == 200); /* it may just have been taken */
    test_http_reply_finish(&reply);
    test_http_close(waiting);
    perfopt_mhd_async_stop(&async_, daemon_);
    release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hits_go_past_busy_workers, start, stop),
        cmocka_unit_test_setup_teardown(stopping_waits, start, NULL),
        cmocka_unit_test_setup_teardown(dropped_tasks_are_answered, start, NULL),
    };
    return cmocka_run_group_tests_name("microhttpd_async", tests, NULL, NULL);
}
