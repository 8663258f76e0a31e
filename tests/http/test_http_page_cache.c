/*
 * test_http_page_cache.c - what is stored and for whom, under which key, and what invalidation
 * does.
 */
#include "http/fixture.h"
#include "http/http_internal.h"
#include "support/fake_clock.h"

#include <stdio.h>
#include <unistd.h>

static perfopt_cache *cache;
static perfopt_http *http;
static perfopt_handler *handler;

/* What the handler does in this test. */
static struct {
    unsigned runs;
    int status;
    const char *header[2];
    const char *tags;
    bool no_store;
    perfopt_status result;
    void (*meanwhile)(perfopt_request *req);
} script;

static perfopt_status play(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)user;
    char text[64];
    snprintf(text, sizeof(text), "run %u %s", ++script.runs, perfopt_request_method(req));
    perfopt_response_text(res, script.status ? script.status : 200, text);
    if (script.header[0])
        perfopt_response_set_header(res, script.header[0], script.header[1]);
    if (script.tags)
        perfopt_response_add_tags(res, script.tags);
    if (script.no_store)
        perfopt_response_no_store(res);
    if (script.meanwhile)
        script.meanwhile(req);
    return script.result;
}

static void use(perfopt_cache_wrapper policy)
{
    perfopt_wrapper wrappers[] = {{.kind = PERFOPT_WRAP_CACHE, .as.cache = policy},
                                  {.kind = PERFOPT_WRAP_END}};
    perfopt_handler_destroy(handler);
    handler = NULL;
    assert_int_equal(perfopt_wrap(http, "page", play, NULL, NULL, wrappers, &handler, NULL),
                     PERFOPT_OK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&script, 0, sizeof(script));
    test_clock_install();
    if (perfopt_cache_create(NULL, &cache, NULL) != PERFOPT_OK ||
        perfopt_http_create(PERFOPT_HTTP_OPTIONS(.cache = cache), &http, NULL) != PERFOPT_OK)
        return 1;
    use((perfopt_cache_wrapper){.timeout_s = 60, .tags = "news"});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    perfopt_handler_destroy(handler);
    handler = NULL;
    perfopt_http_destroy(http);
    perfopt_cache_destroy(cache);
    test_clock_remove();
    return 0;
}

/* Answers one request; returns how often the handler has run since the start. */
static unsigned ask(const char *method, const char *target, const char *headers)
{
    test_exchange ex;
    test_exchange_init(&ex, http, method, target, headers);
    perfopt_handler_call(handler, ex.req, ex.res);
    test_exchange_finish(&ex);
    return script.runs;
}

static void hit(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/a", NULL), 1);
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/a", NULL);
    perfopt_handler_call(handler, ex.req, ex.res);
    test_assert_body(ex.res, "run 1 GET");
    test_assert_header(ex.res, "Content-Type", "text/plain; charset=utf-8");
    test_assert_header(ex.res, "Cache-Control", "no-cache");
    assert_non_null(perfopt_response_get_header(ex.res, "ETag"));
    assert_int_equal(script.runs, 1);
    test_exchange_finish(&ex);
    assert_int_equal(ask("GET", "/b", NULL), 2);
    assert_int_equal(ask("GET", "/a", NULL), 2);
}

static void head_and_get_share_a_page(void **state)
{
    (void)state;
    assert_int_equal(ask("HEAD", "/a", NULL), 1);
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/a", NULL);
    perfopt_handler_call(handler, ex.req, ex.res);
    test_assert_body(ex.res, "run 1 GET"); /* the handler was shown a GET */
    test_exchange_finish(&ex);
    assert_int_equal(ask("HEAD", "/a", NULL), 1);
}

static void expiry(void **state)
{
    (void)state;
    ask("GET", "/a", NULL);
    test_clock_advance_ms(50 * 1000);
    assert_int_equal(ask("GET", "/a", NULL), 1);
    test_clock_advance_ms(11 * 1000);
    assert_int_equal(ask("GET", "/a", NULL), 2);
}

static void other_methods(void **state)
{
    (void)state;
    ask("GET", "/a", NULL);
    assert_int_equal(ask("POST", "/a", NULL), 2);
    assert_int_equal(ask("PUT", "/a", NULL), 3);
    assert_int_equal(ask("GET", "/a", NULL), 3);
}

/* What one response is, and how often the handler runs for two requests. */
static void responses(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *name;
        const char *value;
        perfopt_status result;
        bool no_store;
        bool stored;
    } table[] = {
        {200, NULL, NULL, PERFOPT_OK, false, true},
        {301, "Location", "/x", PERFOPT_OK, false, true},
        {404, NULL, NULL, PERFOPT_OK, false, true},
        {302, "Location", "/x", PERFOPT_OK, false, false},
        {500, NULL, NULL, PERFOPT_OK, false, false},
        {204, NULL, NULL, PERFOPT_OK, false, false},
        {200, "Set-Cookie", "a=1", PERFOPT_OK, false, false},
        {200, "Cache-Control", "no-store", PERFOPT_OK, false, false},
        {200, "Cache-Control", "max-age=5, Private", PERFOPT_OK, false, false},
        {200, "Cache-Control", "max-age=5", PERFOPT_OK, false, true},
        {200, "Cache-Control", "no-cache", PERFOPT_OK, false, true},
        {200, "Vary", "*", PERFOPT_OK, false, false},
        {200, "Vary", "Accept-Language", PERFOPT_OK, false, false},
        {200, "Vary", "accept-encoding", PERFOPT_OK, false, true},
        {200, "Content-Encoding", "br", PERFOPT_OK, false, false},
        {200, "Content-Range", "bytes 0-1/2", PERFOPT_OK, false, false},
        {200, NULL, NULL, PERFOPT_OK, true, false},
        {200, NULL, NULL, PERFOPT_ENOTFOUND, false, false},
        {200, NULL, NULL, PERFOPT_EFAILED, false, false},
    };
    test_log_catch(PERFOPT_LOG_SILENT);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        memset(&script, 0, sizeof(script));
        script.status = table[i].status;
        script.header[0] = table[i].name;
        script.header[1] = table[i].value;
        script.result = table[i].result;
        script.no_store = table[i].no_store;
        char target[32];
        snprintf(target, sizeof(target), "/row%zu", i);
        ask("GET", target, NULL);
        unsigned runs = ask("GET", target, NULL);
        if (runs != (table[i].stored ? 1 : 2))
            fail_msg("row %zu (%d %s: %s) ran %u times", i, table[i].status, table[i].name,
                     table[i].value, runs);
    }
}

/* A page that could not be stored is not tried again at once, but it is found out when it can. */
static void uncacheable_pages_recover(void **state)
{
    (void)state;
    script.header[0] = "Set-Cookie";
    script.header[1] = "a=1";
    assert_int_equal(ask("GET", "/a", NULL), 1);
    assert_int_equal(ask("GET", "/a", NULL), 2);
    script.header[0] = NULL;
    assert_int_equal(ask("GET", "/a", NULL), 3); /* seen to be storable */
    assert_int_equal(ask("GET", "/a", NULL), 4); /* stored */
    assert_int_equal(ask("GET", "/a", NULL), 4);
}

static void configured_statuses(void **state)
{
    (void)state;
    use((perfopt_cache_wrapper){.statuses = {302}});
    ask("GET", "/a", NULL);
    assert_int_equal(ask("GET", "/a", NULL), 2);
    script.status = 302;
    ask("GET", "/b", NULL);
    assert_int_equal(ask("GET", "/b", NULL), 3);
}

static void requests_that_bypass(void **state)
{
    (void)state;
    ask("GET", "/a", NULL);
    assert_int_equal(ask("GET", "/a", "Authorization: Basic eDp5"), 2);
    assert_int_equal(ask("GET", "/a", "Cookie: a=1"), 3);
    /* and they put nothing into the store */
    assert_int_equal(ask("GET", "/new", "Authorization: Basic eDp5"), 4);
    assert_int_equal(ask("GET", "/new2", "Cookie: a=1"), 5);
    assert_int_equal(ask("GET", "/new", NULL), 6);
    assert_int_equal(ask("GET", "/new2", NULL), 7);
    assert_int_equal(ask("GET", "/a", NULL), 7);
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/a", "Cookie: a=1");
    perfopt_handler_call(handler, ex.req, ex.res);
    test_assert_header(ex.res, "Cache-Control", "private, no-cache");
    test_exchange_finish(&ex);
}

static void cookies(void **state)
{
    (void)state;
    use((perfopt_cache_wrapper){.cookies = ""});
    ask("GET", "/a", NULL);
    assert_int_equal(ask("GET", "/a", "Cookie: a=1"), 1);
    assert_int_equal(ask("GET", "/a", "Authorization: x"), 2);

    script.runs = 0;
    perfopt_cache_clear(cache, NULL);
    use((perfopt_cache_wrapper){.cookies = "theme,lang"});
    assert_int_equal(ask("GET", "/a", "Cookie: theme=dark; other=1"), 1);
    assert_int_equal(ask("GET", "/a", "Cookie: other=2; theme=dark"), 1);
    assert_int_equal(ask("GET", "/a", "Cookie: theme=light"), 2);
    assert_int_equal(ask("GET", "/a", NULL), 3);
    assert_int_equal(ask("GET", "/a", "Cookie: theme="), 4); /* empty is not absent */
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/a", "Cookie: theme=dark");
    perfopt_handler_call(handler, ex.req, ex.res);
    test_assert_header(ex.res, "Cache-Control", "private, no-cache");
    test_assert_header(ex.res, "Vary", "Cookie");
    test_exchange_finish(&ex);

    script.runs = 0;
    perfopt_cache_clear(cache, NULL);
    use((perfopt_cache_wrapper){.cookies = "*"});
    assert_int_equal(ask("GET", "/a", "Cookie: a=1"), 1);
    assert_int_equal(ask("GET", "/a", "Cookie: a=1"), 1);
    assert_int_equal(ask("GET", "/a", "Cookie: a=2"), 2);
    assert_int_equal(ask("GET", "/a", NULL), 3);
}

static bool has_preview(perfopt_request *req)
{
    return perfopt_request_arg(req, "preview") != NULL;
}

static void unless(void **state)
{
    (void)state;
    use((perfopt_cache_wrapper){.unless = has_preview});
    assert_int_equal(ask("GET", "/a?preview=1", NULL), 1);
    assert_int_equal(ask("GET", "/a?preview=1", NULL), 2);
    assert_int_equal(ask("GET", "/a", NULL), 3);
    assert_int_equal(ask("GET", "/a", NULL), 3);
}

static void browser_lifetime(void **state)
{
    (void)state;
    use((perfopt_cache_wrapper){.browser_max_age_s = 30, .vary = "Accept-Language"});
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/a", NULL);
    perfopt_handler_call(handler, ex.req, ex.res);
    test_assert_header(ex.res, "Cache-Control", "max-age=30");
    test_assert_header(ex.res, "Vary", "Accept-Language, Cookie");
    test_exchange_finish(&ex);
    assert_int_equal(ask("GET", "/a", "Accept-Language: de"), 2);
    assert_int_equal(ask("GET", "/a", "Accept-Language: de"), 2);
}

/* ---- keys --------------------------------------------------------------------------------- */

static void expect_key(const char *target, const char *headers, const char *expected)
{
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", target, headers);
    assert_int_equal(ex.status, PERFOPT_OK);
    const char *key = perfopt_handler_key(handler, ex.req);
    if (expected)
        assert_string_equal(key, expected);
    else
        assert_null(key);
    test_exchange_finish(&ex);
}

static void keys(void **state)
{
    (void)state;
    expect_key("/", NULL, "page:/");
    expect_key("/a/b/", NULL, "page:/a/b/");
    expect_key("/a%62?z=1&a=%41&a=+", NULL, "page:/ab?a=%20&a=A&z=1");
    expect_key("/a?a=%20&z=1&a=A", NULL, "page:/a?a=%20&a=A&z=1");
    /* What was encoded cannot be taken for the key's own marks. */
    expect_key("/a%2Fb", NULL, "page:/a%2Fb");
    expect_key("/a%3Fx=1", NULL, "page:/a%3Fx%3D1");
    expect_key("/a?x=1%26y=2", NULL, "page:/a?x=1%26y%3D2");
    expect_key("/a?x", NULL, "page:/a?x=");
    expect_key("/a", "Cookie: a=1", NULL);
    use((perfopt_cache_wrapper){.key_prefix = "news", .args = "page sort"});
    expect_key("/a?utm=1&sort=x&page=2", NULL, "news:/a?page=2&sort=x");
    use((perfopt_cache_wrapper){.args = "", .vary = "X-A, X-B", .cookies = "c"});
    expect_key("/a?x=1", "X-A: 1#c", "page:/a#X-A=1%23c#X-B#c:c");
    expect_key("/a?x=1", "X-B: \nCookie: c=1", "page:/a#X-A#X-B=#c:c=1");
}

static void long_keys(void **state)
{
    (void)state;
    char target[1024];
    char first[256];
    char second[256];
    memset(target, 'a', sizeof(target));
    target[0] = '/';
    target[1000] = '\0';
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", target, NULL);
    snprintf(first, sizeof(first), "%s", perfopt_handler_key(handler, ex.req));
    test_exchange_finish(&ex);
    target[999] = 'b';
    test_exchange_init(&ex, http, "GET", target, NULL);
    snprintf(second, sizeof(second), "%s", perfopt_handler_key(handler, ex.req));
    test_exchange_finish(&ex);
    assert_in_range(strlen(first), 100, 220);
    assert_string_not_equal(first, second);
    assert_memory_equal(first, second, 100);
}

/* ---- invalidation ------------------------------------------------------------------------- */

static void invalidation(void **state)
{
    (void)state;
    script.tags = "article:7";
    ask("GET", "/a", NULL);
    ask("GET", "/b", NULL);
    assert_int_equal(perfopt_handler_invalidate(handler, NULL), PERFOPT_OK);
    ask("GET", "/a", NULL);
    assert_int_equal(ask("GET", "/b", NULL), 4);
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "news", NULL), PERFOPT_OK);
    assert_int_equal(ask("GET", "/a", NULL), 5);
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "article:7", NULL), PERFOPT_OK);
    assert_int_equal(ask("GET", "/a", NULL), 6);
    assert_int_equal(perfopt_cache_delete(cache, "page:/a", 7), PERFOPT_OK);
    assert_int_equal(ask("GET", "/a", NULL), 7);
}

static void invalidate_news(perfopt_request *req)
{
    (void)req;
    assert_int_equal(perfopt_cache_invalidate_tag(cache, "news", NULL), PERFOPT_OK);
}

static void invalidated_while_rendering(void **state)
{
    (void)state;
    script.meanwhile = invalidate_news;
    assert_int_equal(ask("GET", "/a", NULL), 1);
    script.meanwhile = NULL;
    assert_int_equal(ask("GET", "/a", NULL), 2);
    assert_int_equal(ask("GET", "/a", NULL), 2);
}

static void refresh_and_bypass(void **state)
{
    (void)state;
    ask("GET", "/a", NULL);
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/a", NULL);
    perfopt_handler_bypass(handler, ex.req, ex.res);
    test_assert_body(ex.res, "run 2 GET");
    test_exchange_finish(&ex);
    assert_int_equal(ask("GET", "/a", NULL), 2);
    test_exchange_init(&ex, http, "GET", "/a", NULL);
    perfopt_handler_refresh(handler, ex.req, ex.res);
    test_assert_body(ex.res, "run 3 GET");
    test_exchange_finish(&ex);
    test_exchange_init(&ex, http, "GET", "/a", NULL);
    perfopt_handler_call(handler, ex.req, ex.res);
    test_assert_body(ex.res, "run 3 GET");
    test_exchange_finish(&ex);
}

static void without_a_cache(void **state)
{
    (void)state;
    perfopt_http *bare;
    perfopt_handler *own;
    const perfopt_wrapper wrappers[] = {{.kind = PERFOPT_WRAP_CACHE}, {.kind = PERFOPT_WRAP_END}};
    assert_int_equal(perfopt_http_create(NULL, &bare, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_wrap(bare, "page", play, NULL, NULL, wrappers, &own, NULL),
                     PERFOPT_OK);
    for (unsigned i = 1; i < 3; i++) {
        test_exchange ex;
        test_exchange_init(&ex, bare, "GET", "/a", NULL);
        perfopt_handler_call(own, ex.req, ex.res);
        assert_int_equal(script.runs, i);
        assert_null(perfopt_handler_key(own, ex.req));
        test_exchange_finish(&ex);
    }
    assert_int_equal(perfopt_handler_invalidate(own, NULL), PERFOPT_EDISABLED);
    perfopt_handler_destroy(own);
    perfopt_http_destroy(bare);
}

/* A value that is no page, under a page's key. */
static void foreign_value(void **state)
{
    (void)state;
    assert_int_equal(perfopt_cache_set(cache, "page:/a", 7, "garbage", 7, NULL), PERFOPT_OK);
    assert_int_equal(ask("GET", "/a", NULL), 1);
    assert_int_equal(ask("GET", "/a", NULL), 2);
    assert_int_equal(ask("GET", "/a", NULL), 2);
    assert_int_equal(perfopt_cache_set_bytes(cache, "page:/b", 7, NULL, NULL), PERFOPT_OK);
    assert_int_equal(ask("GET", "/b", NULL), 3);
}

/* ---- page_begin and page_end -------------------------------------------------------------- */

static bool begin_and_end(const char *method, const char *headers, const char *text)
{
    test_exchange ex;
    test_exchange_init(&ex, http, method, "/legacy", headers);
    bool found = perfopt_page_begin(handler, "/legacy", ex.req);
    if (!found && text)
        perfopt_response_text(ex.res, 200, text);
    if (!found && script.meanwhile)
        script.meanwhile(ex.req);
    perfopt_page_end(ex.req);
    perfopt_page_end(ex.req); /* once too often does no harm */
    if (text)
        assert_int_equal(perfopt_response_get_status(ex.res), 200);
    test_exchange_finish(&ex);
    return found;
}

static void legacy_pages(void **state)
{
    (void)state;
    assert_false(begin_and_end("GET", NULL, "one"));
    assert_true(begin_and_end("GET", NULL, "two"));
    assert_true(begin_and_end("HEAD", NULL, "two"));
    assert_false(begin_and_end("GET", "Authorization: x", "two"));
    assert_false(begin_and_end("POST", NULL, "two"));
    perfopt_handler_invalidate(handler, NULL);
    assert_false(begin_and_end("HEAD", NULL, ""));  /* a HEAD's body is not GET's */
    assert_false(begin_and_end("GET", NULL, NULL)); /* nothing was answered */
    script.meanwhile = invalidate_news;
    assert_false(begin_and_end("GET", NULL, "old"));
    script.meanwhile = NULL;
    assert_false(begin_and_end("GET", NULL, "new")); /* the old one was not stored */
    assert_true(begin_and_end("GET", NULL, NULL));
}

/* ---- one loader --------------------------------------------------------------------------- */

#define THREADS 64

static atomic_uint slow_runs;
static atomic_uint good_answers;
static bool slow_sets_cookie;

static perfopt_status slow_page(perfopt_request *req, perfopt_response *res, void *user)
{
    (void)req;
    (void)user;
    atomic_fetch_add(&slow_runs, 1);
    usleep(100 * 1000); /* long enough for the others to arrive */
    if (slow_sets_cookie)
        perfopt_response_set_header(res, "Set-Cookie", "a=1");
    return perfopt_response_text(res, 200, "slow");
}

static void *ask_slowly(void *user)
{
    test_exchange ex;
    test_exchange_init(&ex, http, "GET", "/slow", NULL);
    perfopt_handler_call(user, ex.req, ex.res);
    size_t length;
    const char *text = perfopt_response_body(ex.res, &length);
    if (perfopt_response_get_status(ex.res) == 200 && length == 4 && memcmp(text, "slow", 4) == 0)
        atomic_fetch_add(&good_answers, 1);
    test_exchange_finish(&ex);
    return NULL;
}

static void run_threads(perfopt_handler *slow)
{
    pthread_t threads[THREADS];
    atomic_store(&slow_runs, 0);
    atomic_store(&good_answers, 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_slowly, slow), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&good_answers), THREADS);
}

static void one_request_renders(void **state)
{
    (void)state;
    perfopt_handler *slow;
    const perfopt_wrapper wrappers[] = {{.kind = PERFOPT_WRAP_CACHE}, {.kind = PERFOPT_WRAP_END}};
    assert_int_equal(perfopt_wrap(http, "slow", slow_page, NULL, NULL, wrappers, &slow, NULL),
                     PERFOPT_OK);
    slow_sets_cookie = false;
    run_threads(slow);
    assert_int_equal(atomic_load(&slow_runs), 1);
    run_threads(slow);
    assert_int_equal(atomic_load(&slow_runs), 0);
    perfopt_handler_destroy(slow);
}

/* An answer for one person is never handed to those who wait. */
static void private_answers_are_not_shared(void **state)
{
    (void)state;
    perfopt_handler *slow;
    const perfopt_wrapper wrappers[] = {{.kind = PERFOPT_WRAP_CACHE}, {.kind = PERFOPT_WRAP_END}};
    assert_int_equal(perfopt_wrap(http, "slow", slow_page, NULL, NULL, wrappers, &slow, NULL),
                     PERFOPT_OK);
    slow_sets_cookie = true;
    run_threads(slow);
    assert_int_equal(atomic_load(&slow_runs), THREADS);
    perfopt_handler_destroy(slow);
}

#define BOTH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(hit),
        BOTH(head_and_get_share_a_page),
        BOTH(expiry),
        BOTH(other_methods),
        BOTH(responses),
        BOTH(uncacheable_pages_recover),
        BOTH(configured_statuses),
        BOTH(requests_that_bypass),
        BOTH(cookies),
        BOTH(unless),
        BOTH(browser_lifetime),
        BOTH(keys),
        BOTH(long_keys),
        BOTH(invalidation),
        BOTH(invalidated_while_rendering),
        BOTH(refresh_and_bypass),
        BOTH(without_a_cache),
        BOTH(foreign_value),
        BOTH(legacy_pages),
        BOTH(one_request_renders),
        BOTH(private_answers_are_not_shared),
    };
    return cmocka_run_group_tests_name("http_page_cache", tests, NULL, NULL);
}
