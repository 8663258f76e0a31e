/*
 * wiring_helpers.c - the frontend's helpers as functions and filters of the template engine.
 */
#include "wiring.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

/* One helper bound to its frontend. */
typedef struct bound_helper {
    perfopt_frontend *frontend;
    const perfopt_frontend_helper *helper;
} bound_helper;

static const char *text_argument(void *call, const char *name, size_t position)
{
    perfopt_value v = perfopt_call_named(call, name, position);
    if (v.kind == PERFOPT_UNDEFINED || v.kind == PERFOPT_NONE)
        return NULL;
    return perfopt_call_text(call, v, NULL);
}

static int64_t integer_argument(void *call, const char *name, size_t position)
{
    perfopt_value v = perfopt_call_named(call, name, position);
    if (v.kind == PERFOPT_INT)
        return v.as.integer;
    if (v.kind == PERFOPT_DOUBLE && v.as.real > -1e15 && v.as.real < 1e15)
        return (int64_t)v.as.real;
    return 0;
}

static bool flag_argument(void *call, const char *name, size_t position)
{
    return perfopt_value_truth(perfopt_call_named(call, name, position));
}

static perfopt_status call_helper(perfopt_call *call, perfopt_value *out, void *user,
                                  perfopt_error *err)
{
    const bound_helper *bound = user;
    const perfopt_frontend_args args = {text_argument, integer_argument, flag_argument,
                                        perfopt_call_arena(call), call};
    const char *text = bound->helper->fn(bound->frontend, &args);
    if (!text)
        return perfopt__error_nomem(err);
    *out = bound->helper->is_markup ? perfopt_safe(text) : perfopt_string(text);
    return PERFOPT_OK;
}

/* A filter's subject is the asset's name: {{ 'css/site.css' | asset_url }}. */
static perfopt_status register_helper(perfopt_ssr *ssr, perfopt_callable_kind kind,
                                      perfopt_frontend *frontend,
                                      const perfopt_frontend_helper *helper, perfopt_error *err)
{
    bound_helper *bound = perfopt__malloc(sizeof(*bound));
    if (!bound)
        return perfopt__error_nomem(err);
    *bound = (bound_helper){frontend, helper};
    perfopt_status status =
        perfopt_ssr_register(ssr, kind, helper->name, call_helper, bound, perfopt__free);
    if (status != PERFOPT_OK)
        return perfopt__error_set(err, status, "cannot register the template function %s",
                                  helper->name);
    return PERFOPT_OK;
}

perfopt_status perfopt__wire_helpers(perfopt_ssr *ssr, perfopt_frontend *frontend,
                                     perfopt_error *err)
{
    for (const perfopt_frontend_helper *h = perfopt_frontend_helpers(); h->name; h++) {
        perfopt_status status = register_helper(ssr, PERFOPT_TEMPLATE_FUNCTION, frontend, h, err);
        if (status == PERFOPT_OK)
            status = register_helper(ssr, PERFOPT_TEMPLATE_FILTER, frontend, h, err);
        if (status != PERFOPT_OK)
            return status;
    }
    return PERFOPT_OK;
}
