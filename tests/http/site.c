/*
 * site.c - the site of the adapter's tests, and what is asked of it in every mode.
 */
#include "http/site.h"

#include "base/compress.h"
#include "base/memory.h"
#include "http/fixture.h"
#include "http/monitor_hooks.h"
#include "support/http_client.h"

#include <perfopt/wrap.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

atomic_uint test_page_runs;
atomic_uint test_slow_runs;

static perfopt_status write_page(perfopt_response *res, const char *id)
{
    char text[TEST_PAGE_BYTES + 1];
    memset(text, '.', TEST_PAGE_BYTES);
    text[TEST_PAGE_BYTES] = '\0';
    memcpy(text, id, strlen(id));
    perfopt_status status =
        perfopt_response_set_header(res, "Content-Type", "text/html; charset=utf-8");
    return status == PERFOPT_OK ? perfopt_response_set_body(res, text, TEST_PAGE_BYTES) : status;
}

PERFOPT_HANDLER(page, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
                PERFOPT_TRACK_DATABASE_QUERIES(.max = 2),
                PERFOPT_CACHE_WITH_ARGS(.timeout_s = 300, .tags = "news"))
{
    atomic_fetch_add(&test_page_runs, 1);
    return write_page(res, perfopt_request_param(req, "id"));
}

PERFOPT_HANDLER(slow, PERFOPT_CACHE_WITH_ARGS(.timeout_s = 300))
{
    atomic_fetch_add(&test_slow_runs, 1);
    usleep(100 * 1000); /* long enough for the other requests to arrive */
    return write_page(res, "slow");
}

/* Large and not stored: compressed for each request. */
PERFOPT_HANDLER(fresh, PERFOPT_PLAIN())
{
    return write_page(res, perfopt_request_remote(req));
}

PERFOPT_HANDLER(form, PERFOPT_PLAIN())
{
    const char *name = perfopt_request_form(req, "name");
    perfopt_response_set_header(res, "Set-Cookie", "a=1");
    perfopt_response_set_header(res, "Set-Cookie", "b=2");
    return perfopt_response_text(res, 200, name ? name : "(none)");
}

PERFOPT_HANDLER(upload, PERFOPT_PLAIN())
{
    size_t length;
    perfopt_request_body(req, &length);
    char text[32];
    snprintf(text, sizeof(text), "%zu", length);
    return perfopt_response_text(res, 201, text);
}

PERFOPT_HANDLER(broken, PERFOPT_PLAIN())
{
    return PERFOPT_EFAILED;
}

/* A status that is no final answer. */
PERFOPT_HANDLER(strange, PERFOPT_PLAIN())
{
    perfopt_response_set_status(res, 101);
    return PERFOPT_OK;
}

void test_site_init(test_site *site)
{
    atomic_store(&test_page_runs, 0);
    atomic_store(&test_slow_runs, 0);
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    assert_int_equal(perfopt_cache_create(NULL, &site->cache, NULL), PERFOPT_OK);
    assert_int_equal(
        perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = site->cache, .max_body_bytes = 200000),
                            &site->http, NULL),
        PERFOPT_OK);
    assert_int_equal(perfopt_router_create(site->http, &site->router, NULL), PERFOPT_OK);
    const struct {
        const char *method;
        const char *path;
        const perfopt_handler_def *def;
    } routes[] = {
        {"GET", "/page/{id}", &page},  {"GET", "/slow", &slow},      {"GET", "/fresh", &fresh},
        {"POST", "/form", &form},      {"POST", "/upload", &upload}, {"GET", "/broken", &broken},
        {"GET", "/strange", &strange},
    };
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        assert_int_equal(perfopt_router_add(site->router, routes[i].method, routes[i].path,
                                            routes[i].def, NULL, NULL),
                         PERFOPT_OK);
}

void test_site_finish(test_site *site)
{
    assert_int_equal(perfopt__http_active_requests(site->http), 0);
    perfopt_router_destroy(site->router);
    perfopt_http_destroy(site->http);
    perfopt_cache_destroy(site->cache);
}

/* ---- pages -------------------------------------------------------------------------------- */

static void expect_gzip_of(const test_http_reply *packed, const test_http_reply *plain)
{
    char *raw;
    size_t length;
    assert_int_equal(perfopt__gunzip(packed->body, packed->body_length, 1 << 20, &raw, &length),
                     PERFOPT_OK);
    assert_int_equal(length, plain->body_length);
    assert_memory_equal(raw, plain->body, length);
    perfopt__free(raw);
}

/* Identity, gzip, 304 and HEAD of one target, each twice: made, then ready-made. */
static void expect_variants(uint16_t port, const char *target)
{
    for (int i = 0; i < 2; i++) {
        test_http_reply plain;
        test_http_reply packed;
        test_http_reply other;
        char same[128];
        test_http_get(port, target, NULL, &plain);
        assert_int_equal(plain.status, 200);
        assert_int_equal(plain.body_length, TEST_PAGE_BYTES);
        assert_null(test_http_header(&plain, "Content-Encoding"));
        assert_string_equal(test_http_header(&plain, "Content-Type"), "text/html; charset=utf-8");
        assert_string_equal(test_http_header(&plain, "Vary"), "Accept-Encoding");
        test_http_get(port, target, "Accept-Encoding: gzip\r\n", &packed);
        assert_string_equal(test_http_header(&packed, "Content-Encoding"), "gzip");
        expect_gzip_of(&packed, &plain);

        snprintf(same, sizeof(same), "If-None-Match: %s\r\n", test_http_header(&plain, "ETag"));
        test_http_get(port, target, same, &other);
        assert_int_equal(other.status, 304);
        assert_int_equal(other.body_length, 0);
        assert_non_null(test_http_header(&other, "ETag"));
        assert_null(test_http_header(&other, "Content-Type"));
        test_http_reply_finish(&other);

        snprintf(same, sizeof(same), "Accept-Encoding: gzip\r\nIf-None-Match: W/%s\r\n",
                 test_http_header(&packed, "ETag"));
        test_http_get(port, target, same, &other);
        assert_int_equal(other.status, 304);
        test_http_reply_finish(&other);

        test_http_request(port, "HEAD", target, NULL, NULL, &other);
        assert_int_equal(other.status, 200);
        assert_string_equal(test_http_header(&other, "Content-Length"), "5000");
        assert_string_equal(test_http_header(&other, "Content-Type"), "text/html; charset=utf-8");
        test_http_reply_finish(&other);
        test_http_reply_finish(&plain);
        test_http_reply_finish(&packed);
    }
}

void test_site_pages(const test_site *site, uint16_t port)
{
    unsigned before = atomic_load(&test_page_runs);
    expect_variants(port, "/page/7");
    assert_int_equal(atomic_load(&test_page_runs), before + 1);
    assert_int_equal(perfopt_cache_invalidate_tag(site->cache, "news", NULL), PERFOPT_OK);
    expect_variants(port, "/page/7");
    assert_int_equal(atomic_load(&test_page_runs), before + 2);
    expect_variants(port, "/fresh");
    test_http_reply reply;
    test_http_get(port, "/fresh", NULL, &reply);
    assert_memory_equal(reply.body, "127.0.0.1.", 10);
    test_http_reply_finish(&reply);
}

static void expect_status(uint16_t port, const char *method, const char *target, int status)
{
    test_http_reply reply;
    test_http_request(port, method, target, NULL, NULL, &reply);
    if (reply.status != status)
        fail_msg("%s %s: %d", method, target, reply.status);
    test_http_reply_finish(&reply);
}

void test_site_methods(uint16_t port)
{
    expect_status(port, "GET", "/none", 404);
    expect_status(port, "HEAD", "/none", 404);
    expect_status(port, "POST", "/page/7", 405);
    expect_status(port, "OPTIONS", "/page/7", 204);
    expect_status(port, "BREW", "/page/7", 405);
    expect_status(port, "GET", "/broken", 500);
    expect_status(port, "GET", "/strange", 500);
    /* One connection, many requests. */
    int connection = test_http_connect(port);
    for (int i = 0; i < 20; i++) {
        test_http_reply reply;
        test_http_exchange(connection, i % 3 ? "GET" : "HEAD", i % 2 ? "/page/1" : "/none", NULL,
                           NULL, &reply);
        assert_int_equal(reply.status, i % 2 ? 200 : 404);
        test_http_reply_finish(&reply);
    }
    test_http_close(connection);
}

/* ---- bodies ------------------------------------------------------------------------------- */

static void expect_upload(uint16_t port, size_t length, int status)
{
    char *body = malloc(length + 1);
    assert_non_null(body);
    memset(body, 'x', length);
    body[length] = '\0';
    test_http_reply reply;
    test_http_request(port, "POST", "/upload", NULL, body, &reply);
    assert_int_equal(reply.status, status);
    if (status == 201)
        assert_int_equal(strtoul(reply.body, NULL, 10), length);
    test_http_reply_finish(&reply);
    free(body);
}

void test_site_uploads(uint16_t port)
{
    test_http_reply reply;
    test_http_request(port, "POST", "/form", "Content-Type: application/x-www-form-urlencoded\r\n",
                      "x=1&name=a+b%21", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "a b!");
    assert_non_null(strstr(reply.head, "Set-Cookie: a=1"));
    assert_non_null(strstr(reply.head, "Set-Cookie: b=2"));
    test_http_reply_finish(&reply);
    expect_upload(port, 0, 201);
    expect_upload(port, 1, 201);
    expect_upload(port, 200000, 201);
    expect_upload(port, 200001, 413);
    expect_upload(port, 1000000, 413);
    /* In chunks of unknown number. */
    int connection = test_http_connect(port);
    const char *text = "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n";
    assert_true(test_http_send(connection, text, strlen(text)));
    test_http_read(connection, false, &reply);
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply.body, "8");
    test_http_reply_finish(&reply);
    test_http_close(connection);
}

/* ---- what goes wrong ---------------------------------------------------------------------- */

static void send_and_close(uint16_t port, const char *text)
{
    int connection = test_http_connect(port);
    test_http_send(connection, text, strlen(text));
    test_http_close(connection);
}

static void wait_until_idle(const test_site *site)
{
    for (int i = 0; i < 1000 && perfopt__http_active_requests(site->http) > 0; i++)
        usleep(10 * 1000); /* the daemon notices closed connections in its own time */
    assert_int_equal(perfopt__http_active_requests(site->http), 0);
}

static void expect_garbage(uint16_t port, const char *text, int status)
{
    int connection = test_http_connect(port);
    test_http_send(connection, text, strlen(text));
    test_http_reply reply;
    test_http_read(connection, false, &reply);
    if (reply.status != status)
        fail_msg("%.40s: %d", text, reply.status);
    test_http_reply_finish(&reply);
    test_http_close(connection);
}

void test_site_bad_requests(const test_site *site, uint16_t port)
{
    static const char *const broken_off[] = {
        "GET /page/1",
        "GET /page/1 HTTP/1.1\r\nHost: x\r\n",
        "GET /page/1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf",
        "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "GET /page/1 HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "\r\n\r\n\r\n",
        "\xff\xfe\x00 garbage",
    };
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < sizeof(broken_off) / sizeof(broken_off[0]); i++)
            send_and_close(port, broken_off[i]);
    }
    expect_garbage(port, "GET /page/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect_garbage(port, "GET /page/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect_garbage(port, "GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect_garbage(port, "GET /page/..%2f..%2fx HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect_garbage(port, "GET nopath HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect_garbage(port, "POST /%zz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 400);
    char *text = malloc(10000);
    assert_non_null(text);
    int length = sprintf(text, "GET /");
    memset(text + length, 'a', 9000);
    strcpy(text + length + 9000, " HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_garbage(port, text, 414);
    free(text);
    /* A good request, then garbage behind it on the same connection. */
    expect_garbage(port, "GET /page/1 HTTP/1.1\r\nHost: x\r\n\r\n\xff\xff\xff\r\n\r\n", 200);
    test_http_reply reply;
    int connection = test_http_connect(port);
    const char *two =
        "GET /page/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_true(test_http_send(connection, two, strlen(two)));
    test_http_read(connection, false, &reply);
    assert_int_equal(reply.status, 200);
    test_http_reply_finish(&reply);
    test_http_read(connection, false, &reply);
    assert_int_equal(reply.status, 404);
    test_http_reply_finish(&reply);
    test_http_close(connection);
    wait_until_idle(site);
}

/* ---- many at once ------------------------------------------------------------------------- */

#define CLIENTS 64

typedef struct client {
    pthread_t thread;
    uint16_t port;
    const char *target;
    unsigned requests;
    unsigned good;
} client;

static void *run_client(void *user)
{
    client *c = user;
    int connection = test_http_connect(c->port);
    for (unsigned i = 0; i < c->requests; i++) {
        test_http_reply reply;
        test_http_exchange(connection, "GET", c->target, i % 2 ? "Accept-Encoding: gzip\r\n" : NULL,
                           NULL, &reply);
        c->good += reply.status == 200 && (i % 2 || reply.body_length == TEST_PAGE_BYTES);
        test_http_reply_finish(&reply);
    }
    test_http_close(connection);
    return NULL;
}

static void run_clients(uint16_t port, const char *target, unsigned requests, unsigned count)
{
    client clients[CLIENTS];
    for (unsigned i = 0; i < count; i++) {
        clients[i] = (client){.port = port, .target = target, .requests = requests};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].good, requests);
    }
}

void test_site_one_run(const test_site *site, uint16_t port)
{
    unsigned before = atomic_load(&test_slow_runs);
    run_clients(port, "/slow", 1, CLIENTS);
    assert_int_equal(atomic_load(&test_slow_runs), before + 1);
    wait_until_idle(site);
}

static void *invalidate_often(void *user)
{
    const test_site *site = user;
    for (int i = 0; i < 50; i++) {
        perfopt_cache_invalidate_tag(site->cache, "news", NULL);
        usleep(1000); /* spread over the run of the clients */
    }
    return NULL;
}

void test_site_load(const test_site *site, uint16_t port)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, invalidate_often, (void *)(uintptr_t)site), 0);
    run_clients(port, "/page/1", 100, 8);
    pthread_join(thread, NULL);
    wait_until_idle(site);
}
