/*
 * fixture.c - requests without a server.
 */
#include "http/fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *get_header(void *transport, const char *name)
{
    const test_exchange *exchange = transport;
    for (size_t i = 0; i < exchange->line_count; i++) {
        if (strcasecmp(exchange->lines[i][0], name) == 0)
            return exchange->lines[i][1];
    }
    return NULL;
}

static void cut_lines(test_exchange *exchange)
{
    char *rest = exchange->headers;
    while (rest && *rest) {
        char *line = strsep(&rest, "\n");
        char *colon = strchr(line, ':');
        assert_non_null(colon);
        assert_true(exchange->line_count < 32);
        *colon = '\0';
        exchange->lines[exchange->line_count][0] = line;
        exchange->lines[exchange->line_count++][1] = colon + 1 + strspn(colon + 1, " ");
    }
}

void test_exchange_init(test_exchange *exchange, perfopt_http *http, const char *method,
                        const char *target, const char *headers)
{
    memset(exchange, 0, sizeof(*exchange));
    exchange->headers = strdup(headers ? headers : "");
    cut_lines(exchange);
    perfopt_request_source source = {.struct_size = sizeof(source),
                                     .method = method,
                                     .target = target,
                                     .header = get_header,
                                     .transport = exchange};
    exchange->status = perfopt_request_create(http, &source, &exchange->req);
    exchange->res = exchange->req ? perfopt_request_response(exchange->req) : NULL;
}

void test_exchange_finish(test_exchange *exchange)
{
    perfopt_request_destroy(exchange->req);
    free(exchange->headers);
    memset(exchange, 0, sizeof(*exchange));
}

void test_assert_body(const perfopt_response *res, const char *text)
{
    size_t length;
    const char *body = perfopt_response_body(res, &length);
    assert_string_equal(body, text);
    assert_int_equal(length, strlen(text));
}

typedef struct sought {
    const char *name;
    const char *value;
    unsigned count;
} sought;

static bool compare(const char *name, const char *value, void *user)
{
    sought *header = user;
    if (strcasecmp(name, header->name) == 0) {
        header->value = value;
        header->count++;
    }
    return true;
}

void test_assert_header(const perfopt_response *res, const char *name, const char *value)
{
    sought header = {.name = name};
    perfopt_response_each_header(res, compare, &header);
    if (!value) {
        assert_int_equal(header.count, 0);
        return;
    }
    assert_int_equal(header.count, 1);
    assert_string_equal(header.value, value);
    assert_string_equal(perfopt_response_get_header(res, name), value);
}

/* ---- log ---------------------------------------------------------------------------------- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_last[1024];
static unsigned log_count;

static void catch_log(perfopt_log_level level, const char *module, const char *message, void *user)
{
    (void)level;
    (void)user;
    if (strcmp(module, "http") != 0)
        return;
    pthread_mutex_lock(&log_lock);
    snprintf(log_last, sizeof(log_last), "%s", message);
    log_count++;
    pthread_mutex_unlock(&log_lock);
}

void test_log_catch(perfopt_log_level min_level)
{
    log_last[0] = '\0';
    log_count = 0;
    perfopt_log_set(min_level, catch_log, NULL);
}

const char *test_log_last(void)
{
    return log_last;
}

unsigned test_log_count(void)
{
    return log_count;
}
