/*
 * main.c - a program outside the tree: starts the library, stores and reads a value, renders a
 * template, and stops.
 */
#include <perfopt/perfopt.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what, const perfopt_error *err)
{
    fprintf(stderr, "consumer: %s: %s\n", what, err->message);
    return 1;
}

static int use(perfopt *po, perfopt_error *err)
{
    perfopt_cache *cache = perfopt_cache_of(po);
    if (perfopt_cache_set(cache, "greeting", 8, "hello", 5, NULL) != PERFOPT_OK)
        return fail("set", err);
    perfopt_bytes *value;
    if (perfopt_cache_get(cache, "greeting", 8, &value) != PERFOPT_OK)
        return fail("get", err);
    const char *source = "{{ greeting }}, <{{ name }}>";
    perfopt_bytes *page;
    perfopt_status status = perfopt_ssr_render_string(
        perfopt_ssr_of(po), "page.html", source, strlen(source),
        PERFOPT_CONTEXT({"greeting", perfopt_string(perfopt_bytes_data(value))},
                        {"name", perfopt_string("a&b")}),
        &page, err);
    perfopt_bytes_release(value);
    if (status != PERFOPT_OK)
        return fail("render", err);
    int result = strcmp(perfopt_bytes_data(page), "hello, <a&amp;b>") == 0 ? 0 : fail("page", err);
    perfopt_bytes_release(page);
    return result;
}

int main(void)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_config cfg = PERFOPT_CONFIG_INIT;
    perfopt *po;
    if (perfopt_init(&cfg, &po, &err) != PERFOPT_OK)
        return fail("init", &err);
    int result = use(po, &err);
    perfopt_shutdown(po);
    return result;
}
