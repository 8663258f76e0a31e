/*
 * test_threads.c - threads render while templates change, are cleared and optimised: every page is
 * one of the two valid ones, and nothing races (ThreadSanitizer).
 */
#include "ssr_helpers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, ROUNDS = 150 };

static perfopt_ssr *ssr;
static perfopt_value rows;
static _Atomic bool stop;
static _Atomic unsigned wrong;

static void *render_pages(void *user)
{
    (void)user;
    while (!stop) {
        perfopt_bytes *out = NULL;
        perfopt_error err = PERFOPT_ERROR_INIT;
        if (perfopt_ssr_render(ssr, "page.html", PERFOPT_CONTEXT({"rows", rows}), &out, &err) !=
            PERFOPT_OK) {
            wrong++;
            continue;
        }
        const char *text = perfopt_bytes_data(out);
        wrong += strcmp(text, "[old]1:a 2:b&lt; ") != 0 && strcmp(text, "[new]1:a 2:b&lt; ") != 0;
        perfopt_bytes_release(out);
    }
    return NULL;
}

static void pages_stay_whole(void **state)
{
    (void)state;
    static const char json[] = "[{\"n\": \"a\"}, {\"n\": \"b<\"}]";
    static const char *const bases[] = {"[old]{% block b %}{% endblock %}",
                                        "[new]{% block b %}{% endblock %}"};
    perfopt_arena *arena;
    pthread_t ids[THREADS];
    make_root();
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    assert_int_equal(perfopt_value_from_json(arena, json, strlen(json), &rows, NULL), PERFOPT_OK);
    write_template("base.html", bases[0]);
    write_template("row.html", "{{ loop.index }}:{{ row.n }} ");
    write_template("page.html",
                   "{% extends 'base.html' %}{% block b %}{% for row in rows %}"
                   "{{ '' if loop.first }}{% include 'row.html' %}{% endfor %}{% endblock %}");
    assert_int_equal(
        perfopt_ssr_create(
            PERFOPT_SSR_OPTIONS(.root = test_root, .auto_reload = PERFOPT_ON, .max_templates = 2),
            &ssr, NULL),
        PERFOPT_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, render_pages, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        perfopt_render_stats stats;
        perfopt_template_stats list[4];
        write_template("base.html", bases[i % 2]);
        if (i % 3 == 0)
            perfopt_ssr_clear(ssr, i % 2 ? NULL : "row.html");
        if (i % 5 == 0)
            perfopt_ssr_optimize_cache(ssr);
        perfopt_ssr_get_render_stats(ssr, &stats);
        perfopt_ssr_get_templates(ssr, list, 4);
    }
    stop = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(wrong, 0);
    perfopt_ssr_destroy(ssr);
    perfopt_arena_destroy(arena);
    remove_root();
}

/* The digest of a template with includes is kept and read by all threads. */
static void *render_fragments(void *user)
{
    (void)user;
    while (!stop) {
        perfopt_bytes *out = NULL;
        if (perfopt_ssr_render(ssr, "frag.html", NULL, &out, NULL) != PERFOPT_OK) {
            wrong++;
            continue;
        }
        wrong += strcmp(perfopt_bytes_data(out), "<part>") != 0;
        perfopt_bytes_release(out);
    }
    return NULL;
}

static void fragments_stay_whole(void **state)
{
    (void)state;
    perfopt_cache *cache;
    pthread_t ids[THREADS];
    make_root();
    stop = false;
    wrong = 0;
    write_template("frag.html",
                   "<{% cache 'k', 60, tags='t' %}{% include 'part.html' %}{% endcache %}>");
    write_template("part.html", "part");
    assert_int_equal(perfopt_cache_create(NULL, &cache, NULL), PERFOPT_OK);
    assert_int_equal(
        perfopt_ssr_create(PERFOPT_SSR_OPTIONS(.root = test_root, .cache = cache), &ssr, NULL),
        PERFOPT_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, render_fragments, NULL), 0);
    for (int i = 0; i < ROUNDS * 4; i++) {
        perfopt_ssr_clear(ssr, i % 2 ? "part.html" : NULL);
        perfopt_cache_invalidate_tag(cache, "t", NULL);
        sched_yield();
    }
    stop = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(wrong, 0);
    perfopt_ssr_destroy(ssr);
    perfopt_cache_destroy(cache);
    remove_root();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_stay_whole),
        cmocka_unit_test(fragments_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
