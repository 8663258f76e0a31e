/*
 * site.h - the site that the adapter's tests serve in every mode: a stored page, a form, an upload,
 * a slow page, a failing one.
 */
#ifndef PERFOPT_TESTS_HTTP_SITE_H
#define PERFOPT_TESTS_HTTP_SITE_H

#include <perfopt/http.h>
#include <stdatomic.h>

/* 5000 bytes of text that compress well. */
#define TEST_PAGE_BYTES 5000

typedef struct test_site {
    perfopt_cache *cache;
    perfopt_http *http;
    perfopt_router *router;
} test_site;

/* Runs of /page/{id} and of /slow since the start. */
extern atomic_uint test_page_runs;
extern atomic_uint test_slow_runs;

/* Fails the running test if it cannot. */
void test_site_init(test_site *site);
void test_site_finish(test_site *site);

/* What every mode of the adapter must do; the daemon listens on `port`. */
void test_site_pages(const test_site *site, uint16_t port);
void test_site_methods(uint16_t port);
void test_site_uploads(uint16_t port);
void test_site_bad_requests(const test_site *site, uint16_t port);
void test_site_one_run(const test_site *site, uint16_t port);
void test_site_load(const test_site *site, uint16_t port);

#endif
