/*
 * fixture.h - requests without a server, for the unit tests of this module.
 */
#ifndef PERFOPT_TESTS_HTTP_FIXTURE_H
#define PERFOPT_TESTS_HTTP_FIXTURE_H

#include <perfopt/http.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct test_exchange {
    perfopt_request *req; /* NULL if it could not be created */
    perfopt_response *res;
    perfopt_status status; /* of perfopt_request_create() */
    char *headers;
    const char *lines[32][2];
    size_t line_count;
} test_exchange;

/* headers: "Name: value\nName: value"; NULL = none. The exchange must not move. */
void test_exchange_init(test_exchange *exchange, perfopt_http *http, const char *method,
                        const char *target, const char *headers);
void test_exchange_finish(test_exchange *exchange);

/* The body as text; fails the test if it has another length. */
void test_assert_body(const perfopt_response *res, const char *text);
/* NULL = the header must be absent, both when asked for and among those that are sent. */
void test_assert_header(const perfopt_response *res, const char *name, const char *value);

/* Catches log lines from now on; the last one and their number. */
void test_log_catch(perfopt_log_level min_level);
const char *test_log_last(void);
unsigned test_log_count(void);

#endif
