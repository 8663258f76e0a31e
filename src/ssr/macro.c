/*
 * macro.c - macros and call blocks: functions of the template, with the variables around them.
 */
#include "ssr/runtime.h"

typedef struct macro {
    perfopt_object object;
    const ssr_function *fn;
    ssr_frame *frame;
    ssr_context *context;
} macro;

static const char *macro_name(const ssr_function *fn)
{
    return fn->name ? fn->name->text : "caller";
}

static bool is_named(const ssr_keyword *keyword, const ssr_name *name)
{
    return keyword->length == name->length && memcmp(keyword->name, name->text, name->length) == 0;
}

/* Keywords for parameters that got no value by position; the others are counted in *rest. */
static bool bind_keywords(ssr_runtime *rt, const ssr_function *fn, const perfopt_call *call,
                          ssr_frame *frame, perfopt_value *rest, bool *caller_found)
{
    uint32_t first =
        call->count < fn->parameter_count ? (uint32_t)call->count : fn->parameter_count;
    for (size_t k = 0; k < call->keyword_count; k++) {
        const ssr_keyword *keyword = &call->keywords[k];
        uint32_t i = first;
        while (i < fn->parameter_count && !is_named(keyword, fn->parameters[i]))
            i++;
        if (i < fn->parameter_count) {
            frame->slots[fn->parameter_slots[i]] = keyword->value;
            continue;
        }
        bool is_caller = keyword->length == 6 && memcmp(keyword->name, "caller", 6) == 0;
        if (is_caller && fn->caller_slot != SSR_NO_SLOT) {
            frame->slots[fn->caller_slot] = keyword->value;
            *caller_found = true;
            continue;
        }
        if (fn->kwargs_slot == SSR_NO_SLOT)
            return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "macro '%s' has no argument '%.*s'",
                                     macro_name(fn), (int)keyword->length, keyword->name);
        if (!perfopt__ssr_map_put(rt, *rest, perfopt_string_n(keyword->name, keyword->length),
                                  keyword->value))
            return false;
    }
    return true;
}

static bool bind_rest(ssr_runtime *rt, const ssr_function *fn, const perfopt_call *call,
                      ssr_frame *frame)
{
    perfopt_value list;
    if (fn->varargs_slot == SSR_NO_SLOT)
        return call->count <= fn->parameter_count ||
               perfopt__ssr_fail(rt, PERFOPT_EFAILED,
                                 "macro '%s' takes at most %u arguments, not %zu", macro_name(fn),
                                 fn->parameter_count, call->count);
    if (!perfopt__ssr_list(rt, 0, &list))
        return false;
    for (size_t i = fn->parameter_count; i < call->count; i++) {
        if (!perfopt__ssr_append(rt, list, call->args[i]))
            return false;
    }
    list.flags = PERFOPT_VALUE_TUPLE;
    frame->slots[fn->varargs_slot] = list;
    return true;
}

static bool bind_arguments(ssr_runtime *rt, const ssr_function *fn, const perfopt_call *call,
                           ssr_frame *frame)
{
    perfopt_value kwargs = perfopt_undefined();
    bool caller_found = false;
    for (uint32_t i = 0; i < fn->parameter_count && i < call->count; i++)
        frame->slots[fn->parameter_slots[i]] = call->args[i];
    if (fn->kwargs_slot != SSR_NO_SLOT && !perfopt__ssr_map(rt, &kwargs))
        return false;
    if (!bind_keywords(rt, fn, call, frame, &kwargs, &caller_found) ||
        !bind_rest(rt, fn, call, frame))
        return false;
    if (fn->kwargs_slot != SSR_NO_SLOT)
        frame->slots[fn->kwargs_slot] = kwargs;
    if (fn->caller_slot != SSR_NO_SLOT && !caller_found)
        return perfopt__ssr_undefined_hint(rt, &frame->slots[fn->caller_slot],
                                           "no caller is defined");
    return true;
}

/* Defaults are evaluated in the macro, so that they see the parameters before them. */
static bool fill_defaults(ssr_runtime *rt, const ssr_function *fn, ssr_frame *frame)
{
    for (uint32_t i = 0; i < fn->parameter_count; i++) {
        perfopt_value *slot = &frame->slots[fn->parameter_slots[i]];
        if (slot->kind != SSR_MISSING)
            continue;
        if (fn->defaults[i]) {
            perfopt_value value;
            if (!fn->defaults[i]->eval(rt, fn->defaults[i], &value))
                return false;
            *slot = value;
        } else if (!perfopt__ssr_undefined_hint(rt, slot, "parameter '%s' was not provided",
                                                fn->parameters[i]->text)) {
            return false;
        }
    }
    return true;
}

static bool run_macro(ssr_runtime *rt, const macro *m, ssr_frame *frame)
{
    ssr_frame *outer_frame = rt->frame;
    ssr_context *outer_context = rt->context;
    const ssr_template *outer_template = rt->template;
    rt->frame = frame;
    rt->context = m->context;
    rt->template = m->fn->template;
    perfopt__ssr_enter_scope(rt, &m->fn->entry);
    bool ok = rt->status == PERFOPT_OK && fill_defaults(rt, m->fn, frame) &&
              perfopt__ssr_exec_body(rt, &m->fn->body);
    if (!ok)
        perfopt__ssr_locate(rt, m->fn->line, 1);
    rt->frame = outer_frame;
    rt->context = outer_context;
    rt->template = outer_template;
    return ok;
}

static bool macro_call(ssr_runtime *rt, perfopt_value self, perfopt_call *call, perfopt_value *out)
{
    const macro *m = (const macro *)self.as.object;
    if (!perfopt__ssr_enter_call(rt))
        return false;
    size_t from = perfopt__ssr_output_length(rt);
    ssr_frame *frame = perfopt__ssr_frame_new(rt, m->fn, m->frame);
    bool ok = frame && bind_arguments(rt, m->fn, call, frame) && run_macro(rt, m, frame);
    if (frame)
        perfopt__ssr_frame_free(rt, m->fn);
    perfopt__ssr_leave_call(rt);
    if (!ok)
        return false;
    if (call->append) {
        call->appended = true;
        return true;
    }
    if (!perfopt__ssr_capture(rt, from, out))
        return false;
    out->flags = rt->context->autoescape ? PERFOPT_VALUE_SAFE : 0;
    return true;
}

static bool macro_get(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                      perfopt_value *out)
{
    const ssr_function *fn = ((const macro *)self.as.object)->fn;
    if (length == 4 && memcmp(name, "name", 4) == 0)
        *out = fn->name ? perfopt_string_n(fn->name->text, fn->name->length) : perfopt_none();
    else if (length == 12 && memcmp(name, "catch_kwargs", 12) == 0)
        *out = perfopt_bool(fn->kwargs_slot != SSR_NO_SLOT);
    else if (length == 13 && memcmp(name, "catch_varargs", 13) == 0)
        *out = perfopt_bool(fn->varargs_slot != SSR_NO_SLOT);
    else if (length == 6 && memcmp(name, "caller", 6) == 0)
        *out = perfopt_bool(fn->caller_slot != SSR_NO_SLOT || fn->explicit_caller);
    else if (length == 9 && memcmp(name, "arguments", 9) == 0) {
        if (!perfopt__ssr_list(rt, fn->parameter_count, out))
            return false;
        for (uint32_t i = 0; i < fn->parameter_count; i++)
            out->as.list->items[i] =
                perfopt_string_n(fn->parameters[i]->text, fn->parameters[i]->length);
        out->as.list->count = fn->parameter_count;
        out->flags = PERFOPT_VALUE_TUPLE;
    } else {
        return false;
    }
    return true;
}

static bool macro_print(ssr_runtime *rt, perfopt_value self, perfopt__strbuf *out)
{
    const ssr_function *fn = ((const macro *)self.as.object)->fn;
    (void)rt;
    if (fn->name)
        perfopt__strbuf_printf(out, "<Macro '%s'>", fn->name->text);
    else
        perfopt__strbuf_puts(out, "<Macro anonymous>");
    return true;
}

static const ssr_class macro_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "Macro"},
    .call = macro_call,
    .get = macro_get,
    .print = macro_print,
    .always_true = true,
};

bool perfopt__ssr_macro_value(ssr_runtime *rt, const ssr_function *fn, perfopt_value *out)
{
    macro *m = perfopt__ssr_alloc(rt, sizeof(*m));
    if (!m)
        return false;
    *m = (macro){{&macro_class.base}, fn, rt->frame, rt->context};
    *out = perfopt_object_value(&m->object, 0);
    return true;
}

bool perfopt__ssr_exec_macro(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value value;
    if (!perfopt__ssr_macro_value(rt, s->function, &value))
        return false;
    *perfopt__ssr_slot(rt, s->loop) = value;
    return !s->exported || perfopt__ssr_context_set(rt, s->name, value, false);
}

bool perfopt__ssr_exec_call_block(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value caller;
    /* The text of the call is written as it is: {% call %} never escapes. */
    return perfopt__ssr_macro_value(rt, s->function, &caller) &&
           perfopt__ssr_call_with_caller(rt, s->a, caller);
}
