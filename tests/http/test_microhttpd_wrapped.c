/*
 * test_microhttpd_wrapped.c - an MHD_AccessHandlerCallback as one finds them, wrapped: recorded,
 * cached where that is possible, and untouched where it is not.
 */
#define PERFOPT_MHD_REPLACE 1

#include "http/daemon.h"
#include "http/fixture.h"
#include "http/monitor_hooks.h"
#include "support/http_client.h"

#include <perfopt/adapters/microhttpd.h>
#include <perfopt/wrap.h>
#include <stdatomic.h>
#include <unistd.h>

#define PAGE_BYTES 3000

/* ---- the handler: nothing in it knows of the library -------------------------------------- */

typedef struct upload {
    size_t bytes;
} upload;

static atomic_uint runs;
static atomic_uint completions;
static atomic_int uploads_open;
static struct MHD_Response *made_ahead;
/* What *con_cls of a request without a body points to. */
static int seen_once;
static int was_suspended;

static enum MHD_Result reply_with(struct MHD_Connection *connection, unsigned status,
                                  struct MHD_Response *response)
{
    MHD_add_response_header(response, "Content-Type", "text/plain");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status,
                                  const char *text)
{
    char copy[128]; /* reused at once, as MHD_RESPMEM_MUST_COPY allows */
    snprintf(copy, sizeof(copy), "%s", text);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(copy), copy, MHD_RESPMEM_MUST_COPY);
    memset(copy, 'X', sizeof(copy));
    return reply_with(connection, status, response);
}

static ssize_t read_nothing(void *cls, uint64_t pos, char *buf, size_t max)
{
    (void)cls;
    (void)max;
    if (pos > 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    memcpy(buf, "stream", 6);
    return 6;
}

static enum MHD_Result reply_page(struct MHD_Connection *connection, bool must_free)
{
    static char page[PAGE_BYTES];
    memset(page, 'p', sizeof(page));
    char *own = must_free ? malloc(PAGE_BYTES) : page;
    memset(own, 'p', PAGE_BYTES);
    return reply_with(connection, MHD_HTTP_OK,
                      MHD_create_response_from_buffer(PAGE_BYTES, own,
                                                      must_free ? MHD_RESPMEM_MUST_FREE
                                                                : MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result reply_freed(struct MHD_Connection *connection)
{
    char *own = malloc(4);
    memcpy(own, "free", 4);
    return reply_with(connection, MHD_HTTP_OK,
                      MHD_create_response_from_buffer_with_free_callback(4, own, free));
}

static enum MHD_Result reply_cookie(struct MHD_Connection *connection)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(1, (void *)(uintptr_t) "c", MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Set-Cookie", "session=1");
    return reply_with(connection, MHD_HTTP_OK, response);
}

static void *resume_later(void *connection)
{
    usleep(20 * 1000); /* until the handler has returned */
    MHD_resume_connection(connection);
    return NULL;
}

static enum MHD_Result suspend(struct MHD_Connection *connection)
{
    pthread_t thread;
    MHD_suspend_connection(connection);
    if (pthread_create(&thread, NULL, resume_later, connection) != 0)
        return MHD_NO;
    pthread_detach(thread);
    return MHD_YES;
}

static enum MHD_Result answer_get(struct MHD_Connection *connection, const char *url, bool resumed)
{
    atomic_fetch_add(&runs, 1);
    if (strcmp(url, "/page") == 0)
        return reply_page(connection, true);
    if (strcmp(url, "/persistent") == 0)
        return reply_page(connection, false);
    if (strcmp(url, "/freed") == 0)
        return reply_freed(connection);
    if (strcmp(url, "/copy") == 0)
        return reply_text(connection, MHD_HTTP_OK, "copied");
    if (strcmp(url, "/cookie") == 0)
        return reply_cookie(connection);
    if (strcmp(url, "/stream") == 0)
        return reply_with(
            connection, MHD_HTTP_OK,
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64, read_nothing, NULL, NULL));
    if (strcmp(url, "/ahead") == 0)
        return MHD_queue_response(connection, MHD_HTTP_OK, made_ahead);
    if (strcmp(url, "/close") == 0)
        return MHD_NO;
    if (strcmp(url, "/suspend") == 0 && !resumed)
        return suspend(connection);
    if (strcmp(url, "/suspend") == 0)
        return reply_text(connection, MHD_HTTP_OK, "resumed");
    if (strcmp(url, "/twice") == 0) {
        enum MHD_Result first = reply_text(connection, MHD_HTTP_OK, "first");
        assert_int_equal(reply_text(connection, MHD_HTTP_OK, "second"), MHD_NO);
        return first;
    }
    return reply_text(connection, MHD_HTTP_NOT_FOUND, "nothing here");
}

static enum MHD_Result take_upload(struct MHD_Connection *connection, const char *url,
                                   size_t *upload_size, void **con_cls)
{
    upload *u = *con_cls;
    if (!u) {
        if (strcmp(url, "/early") == 0)
            return reply_text(connection, MHD_HTTP_UNAUTHORIZED, "no");
        u = calloc(1, sizeof(*u));
        if (!u)
            return MHD_NO;
        atomic_fetch_add(&uploads_open, 1);
        *con_cls = u;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        u->bytes += *upload_size;
        *upload_size = 0;
        return MHD_YES;
    }
    char text[32];
    snprintf(text, sizeof(text), "%zu bytes", u->bytes);
    return reply_text(connection, MHD_HTTP_CREATED, text);
}

static enum MHD_Result existing_handler(void *cls, struct MHD_Connection *connection,
                                        const char *url, const char *method, const char *version,
                                        const char *upload_data, size_t *upload_data_size,
                                        void **con_cls)
{
    (void)cls;
    (void)version;
    (void)upload_data;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return take_upload(connection, url, upload_data_size, con_cls);
    if (!*con_cls) {
        *con_cls = &seen_once;
        return MHD_YES;
    }
    bool resumed = *con_cls == &was_suspended;
    *con_cls = strcmp(url, "/suspend") == 0 ? &was_suspended : &seen_once;
    *upload_data_size = 0;
    return answer_get(connection, url, resumed);
}

static void existing_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                               enum MHD_RequestTerminationCode toe)
{
    (void)connection;
    (void)toe;
    atomic_fetch_add((atomic_uint *)cls, 1);
    if (*con_cls && *con_cls != &seen_once && *con_cls != &was_suspended) {
        free(*con_cls);
        atomic_fetch_sub(&uploads_open, 1);
    }
}

/* ---- the two lines ------------------------------------------------------------------------ */

static perfopt_cache *cache;
static perfopt_http *http;
static perfopt_mhd_wrapped wrapped;
static struct MHD_Daemon *daemon_;
static uint16_t port;

static int start(void **state)
{
    (void)state;
    static const perfopt_wrapper wrappers[] = {
        PERFOPT_CACHE_WITH_ARGS(.timeout_s = 60, .tags = "legacy"), {.kind = PERFOPT_WRAP_END}};
    atomic_store(&runs, 0);
    atomic_store(&completions, 0);
    made_ahead =
        MHD_create_response_from_buffer(5, (void *)(uintptr_t) "ahead", MHD_RESPMEM_PERSISTENT);
    if (perfopt_cache_create(NULL, &cache, NULL) != PERFOPT_OK ||
        perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = cache), &http, NULL) != PERFOPT_OK ||
        perfopt_mhd_wrap(&wrapped, http, "legacy", existing_handler, NULL, wrappers, NULL) !=
            PERFOPT_OK)
        return 1;
    wrapped.completed = existing_completed;
    wrapped.completed_cls = &completions;
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
                               NULL, PERFOPT_MHD_WRAPPED(&wrapped), TEST_TIMEOUT,
                               MHD_OPTION_SOCK_ADDR, test_any_port(), MHD_OPTION_END);
    port = daemon_ ? test_port_of(daemon_) : 0;
    return daemon_ ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    MHD_stop_daemon(daemon_);
    perfopt_mhd_unwrap(&wrapped);
    assert_int_equal(perfopt__http_active_requests(http), 0);
    assert_int_equal(atomic_load(&uploads_open), 0);
    MHD_destroy_response(made_ahead);
    perfopt_http_destroy(http);
    perfopt_cache_destroy(cache);
    return 0;
}

static void expect(const char *method, const char *target, const char *headers, int status,
                   const char *body, unsigned expected_runs)
{
    test_http_reply reply;
    test_http_request(port, method, target, headers, NULL, &reply);
    if (reply.status != status || atomic_load(&runs) != expected_runs)
        fail_msg("%s %s: %d, %u runs", method, target, reply.status, atomic_load(&runs));
    if (body)
        assert_string_equal(reply.body, body);
    test_http_reply_finish(&reply);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void cached(void **state)
{
    (void)state;
    static const char *const targets[] = {"/page", "/persistent", "/freed", "/copy", "/none"};
    unsigned expected = 0;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        int status = strcmp(targets[i], "/none") == 0 ? 404 : 200;
        expected++;
        expect("GET", targets[i], NULL, status, NULL, expected);
        expect("GET", targets[i], NULL, status, NULL, expected);
        expect("HEAD", targets[i], NULL, status, "", expected);
    }
    expect("GET", "/copy", NULL, 200, "copied", expected);
    expect("GET", "/freed", NULL, 200, "free", expected);
    expect("GET", "/copy?x=1", NULL, 200, "copied", expected + 1);
    expect("GET", "/copy", "Cookie: a=1\r\n", 200, "copied", expected + 2);
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "legacy", NULL), PERFOPT_OK);
    expect("GET", "/copy", NULL, 200, "copied", expected + 3);
}

static void negotiated(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        test_http_reply reply;
        test_http_get(port, "/page", "Accept-Encoding: gzip\r\n", &reply);
        assert_string_equal(test_http_header(&reply, "Content-Encoding"), "gzip");
        assert_string_equal(test_http_header(&reply, "Content-Type"), "text/plain");
        assert_in_range(reply.body_length, 10, 200);
        char same[128];
        snprintf(same, sizeof(same), "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n",
                 test_http_header(&reply, "ETag"));
        test_http_reply_finish(&reply);
        expect("GET", "/page", same, 304, "", 1);
    }
}

static void not_cached(void **state)
{
    (void)state;
    expect("GET", "/cookie", NULL, 200, "c", 1);
    expect("GET", "/cookie", NULL, 200, "c", 2);
    expect("GET", "/stream", NULL, 200, "stream", 3);
    expect("GET", "/stream", NULL, 200, "stream", 4);
    expect("GET", "/ahead", NULL, 200, "ahead", 5);
    expect("GET", "/ahead", NULL, 200, "ahead", 6);
    expect("GET", "/close", NULL, 0, NULL, 7);
    expect("GET", "/twice", NULL, 200, "first", 8);
}

static void suspended(void **state)
{
    (void)state;
    expect("GET", "/suspend", NULL, 200, "resumed", 2);
    expect("GET", "/suspend", NULL, 200, "resumed", 4);
}

static void expect_post(const char *target, const char *body, int status, const char *text)
{
    test_http_reply reply;
    test_http_request(port, "POST", target, NULL, body, &reply);
    assert_int_equal(reply.status, status);
    assert_string_equal(reply.body, text);
    test_http_reply_finish(&reply);
}

static void with_bodies(void **state)
{
    (void)state;
    char body[100001];
    memset(body, 'x', sizeof(body));
    body[100000] = '\0';
    expect_post("/upload", "", 201, "0 bytes");
    expect_post("/upload", "12345", 201, "5 bytes");
    expect_post("/upload", body, 201, "100000 bytes");
    expect_post("/early", NULL, 401, "no");
    /* A GET with a body reaches the handler in all its pieces. */
    test_http_reply reply;
    test_http_request(port, "GET", "/copy", NULL, "12345", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "copied");
    test_http_reply_finish(&reply);
    /* Broken off in the middle: the handler's own completion callback frees its upload. */
    const char *half = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf";
    int connection = test_http_connect(port);
    assert_true(test_http_send(connection, half, strlen(half)));
    for (int i = 0; i < 1000 && atomic_load(&uploads_open) == 0; i++)
        usleep(1000); /* until the daemon has read it */
    test_http_close(connection);
}

static uint64_t counter(perfopt__route_counter which)
{
    static perfopt__route_sums sums;
    perfopt__routes *routes = perfopt__http_routes(http);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < perfopt__routes_count(routes); i++) {
        const char *method;
        const char *template;
        perfopt__routes_name(routes, i, &method, &template);
        if (strcmp(template, "legacy") != 0)
            continue;
        memset(&sums, 0, sizeof(sums));
        perfopt__routes_read(routes, i, &sums);
        sum += sums.counters[which];
    }
    return sum;
}

static void recorded(void **state)
{
    (void)state;
    expect("GET", "/copy", NULL, 200, NULL, 1);
    expect("GET", "/copy", NULL, 200, NULL, 1);
    expect("GET", "/none", NULL, 404, NULL, 2);
    expect("GET", "/stream", NULL, 200, NULL, 3);
    expect_post("/upload", "12345", 201, "5 bytes");
    expect_post("/early", NULL, 401, "no");
    assert_int_equal(counter(PERFOPT__ROUTE_2XX), 4);
    assert_int_equal(counter(PERFOPT__ROUTE_4XX), 2);
    assert_int_equal(counter(PERFOPT__ROUTE_PAGE_CACHE), 1);
}

/* The handler's completion callback sees the requests that the handler saw, and no others. */
static void completed(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        expect("GET", "/copy", NULL, 200, NULL, 1);
    for (int i = 0; i < 1000 && atomic_load(&completions) == 0; i++)
        usleep(1000); /* it comes after the last byte of the answer */
    assert_int_equal(atomic_load(&completions), 1);
}

#define BOTH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(cached),      BOTH(negotiated), BOTH(not_cached), BOTH(suspended),
        BOTH(with_bodies), BOTH(recorded),   BOTH(completed),
    };
    return cmocka_run_group_tests_name("microhttpd_wrapped", tests, NULL, NULL);
}
