/*
 * render.c - one render from beginning to end.
 */
#include "base/clock.h"
#include "base/error.h"
#include "ssr/ssr_internal.h"

#include <perfopt/metrics.h>

/* Renders inside renders (a host function that renders) are part of the outermost one. */
static _Thread_local unsigned nesting;

static void keep_error(const ssr_runtime *rt, perfopt_error *err)
{
    if (err && rt->status != PERFOPT_OK)
        *err = rt->err;
}

static bool run(ssr_runtime *rt, ssr_template *template, const ssr_string_loader *strings,
                const perfopt_context *caller)
{
    ssr_context context;
    uint32_t hint = atomic_load_explicit(&template->output_hint, memory_order_relaxed);
    rt->caller = caller;
    rt->strings = (ssr_string_loader *)strings;
    rt->template = template;
    perfopt__ssr_context_bare(template, &context);
    context.sees_caller = true;
    return perfopt__ssr_output_init(rt, (size_t)hint + hint / 8) &&
           perfopt__ssr_run_template(rt, template, &context);
}

/* Remembers how large the output was, so that the next render allocates once. */
static void note_size(ssr_template *template, size_t length)
{
    uint32_t size = length > (1u << 24) ? 1u << 24 : (uint32_t)length;
    uint32_t hint = atomic_load_explicit(&template->output_hint, memory_order_relaxed);
    if (size > hint || size < hint / 2)
        atomic_store_explicit(&template->output_hint, size, memory_order_relaxed);
}

perfopt_status perfopt__ssr_render_template(struct perfopt_ssr *ssr, ssr_template *template,
                                            const perfopt_context *context,
                                            const ssr_string_loader *strings, perfopt_bytes **out,
                                            perfopt_error *err)
{
    ssr_runtime rt;
    perfopt_arena *arena;
    if (perfopt_arena_create(32768, &arena) != PERFOPT_OK)
        return perfopt__error_nomem(err);
    int64_t start = perfopt__now_ns();
    perfopt__ssr_runtime_init(&rt, ssr, arena);
    nesting++;
    bool ok = run(&rt, template, strings, context) && rt.status == PERFOPT_OK;
    nesting--;
    int64_t took = perfopt__now_ns() - start;
    size_t length = ok ? perfopt__ssr_output_length(&rt) : 0;
    if (ok) {
        note_size(template, length);
        *out = perfopt__ssr_output_take(&rt);
    }
    keep_error(&rt, err);
    perfopt_status st = ok ? PERFOPT_OK : rt.status;
    perfopt__ssr_runtime_finish(&rt);
    perfopt_arena_destroy(arena);
    perfopt__ssr_record(&ssr->stats, template->numbers, took, length, false, !ok);
    if (nesting == 0)
        perfopt_scope_add_render(took);
    return st;
}

perfopt_status perfopt_ssr_render(perfopt_ssr *ssr, const char *name,
                                  const perfopt_context *context, perfopt_bytes **out,
                                  perfopt_error *err)
{
    ssr_template *template;
    perfopt_status st = perfopt__ssr_load(ssr, name, strlen(name), &template, err);
    if (st != PERFOPT_OK)
        return st;
    st = perfopt__ssr_render_template(ssr, template, context, NULL, out, err);
    perfopt__ssr_template_release(template);
    return st;
}

static perfopt_status render_source(perfopt_ssr *ssr, const char *name, const char *source,
                                    size_t length, const perfopt_context *context,
                                    const ssr_string_loader *strings, perfopt_bytes **out,
                                    perfopt_error *err)
{
    ssr_template *template;
    bool autoescape =
        name ? perfopt__ssr_autoescape_for(ssr, name) : ssr->autoescape != PERFOPT_AUTOESCAPE_OFF;
    perfopt_status st = perfopt__ssr_compile(ssr, name ? name : "<string>", source, length,
                                             autoescape, &template, err);
    if (st != PERFOPT_OK)
        return st;
    st = perfopt__ssr_render_template(ssr, template, context, strings, out, err);
    perfopt__ssr_template_release(template);
    return st;
}

perfopt_status perfopt_ssr_render_string(perfopt_ssr *ssr, const char *name, const char *source,
                                         size_t length, const perfopt_context *context,
                                         perfopt_bytes **out, perfopt_error *err)
{
    return render_source(ssr, name, source, length, context, NULL, out, err);
}

perfopt_status perfopt__ssr_render_sources(struct perfopt_ssr *ssr, const char *name,
                                           perfopt_value sources, const perfopt_context *context,
                                           perfopt_bytes **out, perfopt_error *err)
{
    ssr_string_loader strings = {sources};
    perfopt_value source = perfopt_value_get(sources, name, strlen(name));
    if (source.kind != PERFOPT_STRING)
        return perfopt__error_set(err, PERFOPT_ENOTFOUND, "template '%.200s' not found", name);
    return render_source(ssr, name, source.as.string, source.length, context, &strings, out, err);
}
