/*
 * render_ours.c - renders a corpus with this engine: JSON lines on standard input, one answer for
 * each on standard output, {"output": ...} or {"error": ...}. See oracle.py.
 */
#include "base/strbuf.h"
#include "ssr/ssr_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool flag(perfopt_value options, const char *name)
{
    return perfopt_value_truth(perfopt_value_get(options, name, strlen(name)));
}

static perfopt_undefined_mode undefined_mode(perfopt_value options)
{
    static const char *const names[] = {"default", "chainable", "debug", "strict"};
    perfopt_value mode = perfopt_value_get(options, "undefined", 9);
    for (unsigned i = 0; i < 4; i++) {
        if (mode.kind == PERFOPT_STRING && strlen(names[i]) == mode.length &&
            memcmp(names[i], mode.as.string, mode.length) == 0)
            return (perfopt_undefined_mode)i;
    }
    return PERFOPT_UNDEFINED_DEFAULT;
}

static perfopt_switch on_off(bool on)
{
    return on ? PERFOPT_ON : PERFOPT_OFF;
}

/* All templates of an entry, the one to render under "main.html". */
static perfopt_value sources_of(perfopt_arena *arena, perfopt_value entry)
{
    perfopt_value sources = perfopt_value_get(entry, "templates", 9);
    if (sources.kind != PERFOPT_MAP && perfopt_map_create(arena, &sources) != PERFOPT_OK)
        abort();
    if (perfopt_map_set(sources, "main.html", perfopt_value_get(entry, "template", 8)) !=
        PERFOPT_OK)
        abort();
    return sources;
}

static perfopt_status render(perfopt_arena *arena, perfopt_value entry, perfopt_bytes **out,
                             perfopt_error *err)
{
    perfopt_value options = perfopt_value_get(entry, "options", 7);
    perfopt_context context = {.values = perfopt_value_get(entry, "context", 7)};
    perfopt_ssr *ssr;
    perfopt_ssr_options o = PERFOPT_SSR_OPTIONS_INIT;
    o.autoescape = flag(options, "autoescape") ? PERFOPT_AUTOESCAPE_ON : PERFOPT_AUTOESCAPE_OFF;
    o.undefined = undefined_mode(options);
    o.trim_blocks = on_off(flag(options, "trim_blocks"));
    o.lstrip_blocks = on_off(flag(options, "lstrip_blocks"));
    o.keep_trailing_newline = on_off(flag(options, "keep_trailing_newline"));
    perfopt_status st = perfopt_ssr_create(&o, &ssr, err);
    if (st != PERFOPT_OK)
        return st;
    st =
        perfopt__ssr_render_sources(ssr, "main.html", sources_of(arena, entry), &context, out, err);
    perfopt_ssr_destroy(ssr);
    return st;
}

static void answer(const char *line, size_t length)
{
    perfopt_arena *arena;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_value entry;
    perfopt_bytes *out = NULL;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    if (perfopt_arena_create(0, &arena) != PERFOPT_OK)
        abort();
    perfopt_status st = perfopt_value_from_json(arena, line, length, &entry, &err);
    if (st == PERFOPT_OK)
        st = render(arena, entry, &out, &err);
    if (st == PERFOPT_OK) {
        perfopt__strbuf_puts(&sb, "{\"output\": ");
        perfopt__strbuf_put_json(&sb, perfopt_bytes_data(out), perfopt_bytes_length(out));
    } else {
        perfopt__strbuf_printf(&sb, "{\"error\": \"%s\", \"message\": ", perfopt_status_name(st));
        perfopt__strbuf_put_json(&sb, err.message, strlen(err.message));
    }
    puts(sb.failed ? "" : (perfopt__strbuf_putc(&sb, '}'), sb.data));
    perfopt__strbuf_finish(&sb);
    perfopt_bytes_release(out);
    perfopt_arena_destroy(arena);
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, stdin)) > 0)
        answer(line, (size_t)length);
    free(line);
    return 0;
}
