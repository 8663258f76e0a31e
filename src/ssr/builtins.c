/*
 * builtins.c - finding built-in filters, tests and functions, and binding their arguments.
 */
#include "base/error.h"
#include "ssr/ssr_internal.h"

static const ssr_builtin *find_in(const ssr_builtin *table, const char *name, size_t length)
{
    for (; table->name; table++) {
        if (strlen(table->name) == length && memcmp(table->name, name, length) == 0)
            return table;
    }
    return NULL;
}

static const ssr_builtin *const filter_tables[] = {
    perfopt__ssr_text_filters,     perfopt__ssr_html_filters,  perfopt__ssr_number_filters,
    perfopt__ssr_sequence_filters, perfopt__ssr_order_filters, perfopt__ssr_select_filters,
    perfopt__ssr_wrap_filters,     perfopt__ssr_json_filters,
};

const ssr_builtin *perfopt__ssr_find_filter(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(filter_tables) / sizeof(filter_tables[0]); i++) {
        const ssr_builtin *found = find_in(filter_tables[i], name, length);
        if (found)
            return found;
    }
    return NULL;
}

const ssr_builtin *perfopt__ssr_find_test(const char *name, size_t length)
{
    return find_in(perfopt__ssr_tests, name, length);
}

const ssr_builtin *perfopt__ssr_find_function(const char *name, size_t length)
{
    return find_in(perfopt__ssr_functions, name, length);
}

/* ---- similar names -------------------------------------------------------------------------- */

static const char *nearer(const char *candidate, const char *name, unsigned *best,
                          const char *so_far)
{
    unsigned distance = perfopt__ssr_edit_distance(candidate, name, 2);
    if (distance >= *best)
        return so_far;
    *best = distance;
    return candidate;
}

const char *perfopt__ssr_nearest_callable(struct perfopt_ssr *ssr, bool is_filter, const char *name)
{
    unsigned best = 3;
    const char *found = NULL;
    perfopt_callable_kind kind = is_filter ? PERFOPT_TEMPLATE_FILTER : PERFOPT_TEMPLATE_TEST;
    for (const ssr_registered *r = ssr->registered; r; r = r->next) {
        if (r->kind == kind)
            found = nearer(r->name, name, &best, found);
    }
    if (!is_filter) {
        for (const ssr_builtin *b = perfopt__ssr_tests; b->name; b++)
            found = nearer(b->name, name, &best, found);
        return found;
    }
    for (size_t i = 0; i < sizeof(filter_tables) / sizeof(filter_tables[0]); i++) {
        for (const ssr_builtin *b = filter_tables[i]; b->name; b++)
            found = nearer(b->name, name, &best, found);
    }
    return found;
}

/* ---- binding -------------------------------------------------------------------------------- */

static unsigned parameter_count(const char *const parameters[SSR_MAX_PARAMETERS])
{
    unsigned n = 0;
    while (n < SSR_MAX_PARAMETERS && parameters[n])
        n++;
    return n;
}

static bool bind_keyword(ssr_runtime *rt, const char *function, const ssr_keyword *keyword,
                         const char *const *parameters, unsigned count, perfopt_value *out)
{
    for (unsigned i = 0; i < count; i++) {
        if (strlen(parameters[i]) != keyword->length ||
            memcmp(parameters[i], keyword->name, keyword->length) != 0)
            continue;
        if (out[i].kind != SSR_MISSING)
            return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s() got argument '%s' twice", function,
                                     parameters[i]);
        out[i] = keyword->value;
        return true;
    }
    return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s() has no argument '%.*s'", function,
                             (int)keyword->length, keyword->name);
}

static bool bind(const perfopt_call *call, const char *function, const char *const *parameters,
                 unsigned required, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    unsigned count = parameter_count(parameters);
    if (call->count > count)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s() takes at most %u arguments, not %zu",
                                 function, count, call->count);
    for (unsigned i = 0; i < count; i++) {
        if (i < call->count)
            out[i] = call->args[i];
        else
            out[i].kind = SSR_MISSING;
    }
    for (size_t k = 0; k < call->keyword_count; k++) {
        if (!bind_keyword(rt, function, &call->keywords[k], parameters, count, out))
            return false;
    }
    for (unsigned i = 0; i < required; i++) {
        if (out[i].kind == SSR_MISSING)
            return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s() needs argument '%s'", function,
                                     parameters[i]);
    }
    return true;
}

/* A function of the host: its error gets the template's place. */
static bool call_host(const ssr_builtin *builtin, perfopt_call *call, perfopt_value *out)
{
    const ssr_registered *host = (const ssr_registered *)(const void *)builtin;
    ssr_runtime *rt = call->rt;
    perfopt_error err = PERFOPT_ERROR_INIT;
    *out = perfopt_undefined();
    perfopt_status st = host->fn(call, out, host->user, &err);
    if (rt->status != PERFOPT_OK)
        return false;
    if (st == PERFOPT_OK)
        return true;
    return perfopt__ssr_fail(rt, st == PERFOPT_ENOMEM ? st : PERFOPT_EFAILED, "%s(): %s",
                             host->name, err.message[0] ? err.message : perfopt_status_text(st));
}

bool perfopt__ssr_call_builtin(const ssr_builtin *builtin, perfopt_call *call, perfopt_value *out)
{
    perfopt_value args[SSR_MAX_PARAMETERS];
    if (!builtin->fn)
        return call_host(builtin, call, out);
    if (!builtin->parameters[0])
        return builtin->fn(call, NULL, out);
    return bind(call, builtin->name, builtin->parameters, builtin->required, args) &&
           builtin->fn(call, args, out);
}

bool perfopt__ssr_call_method(const ssr_method *method, perfopt_value self, perfopt_call *call,
                              perfopt_value *out)
{
    perfopt_value args[SSR_MAX_PARAMETERS + 1];
    args[0] = self;
    if (method->raw)
        return method->fn(call, args, out);
    return bind(call, method->name, method->parameters, method->required, args + 1) &&
           method->fn(call, args, out);
}

/* ---- functions and methods as values -------------------------------------------------------- */

typedef struct function_object {
    perfopt_object object;
    const ssr_builtin *builtin;
} function_object;

static bool function_call(ssr_runtime *rt, perfopt_value self, perfopt_call *call,
                          perfopt_value *out)
{
    (void)rt;
    return perfopt__ssr_call_builtin(((const function_object *)self.as.object)->builtin, call, out);
}

static const ssr_class function_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "function"},
    .call = function_call,
    .always_true = true,
};

bool perfopt__ssr_function_value(ssr_runtime *rt, const ssr_builtin *builtin, perfopt_value *out)
{
    function_object *f = perfopt__ssr_alloc(rt, sizeof(*f));
    if (!f)
        return false;
    *f = (function_object){{&function_class.base}, builtin};
    *out = perfopt_object_value(&f->object, 0);
    return true;
}

typedef struct bound_method {
    perfopt_object object;
    const ssr_method *method;
    perfopt_value self;
} bound_method;

static bool bound_call(ssr_runtime *rt, perfopt_value self, perfopt_call *call, perfopt_value *out)
{
    const bound_method *b = (const bound_method *)self.as.object;
    (void)rt;
    return perfopt__ssr_call_method(b->method, b->self, call, out);
}

static const ssr_class bound_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "method"},
    .call = bound_call,
    .always_true = true,
};

bool perfopt__ssr_bind_method(ssr_runtime *rt, perfopt_value self, const ssr_method *method,
                              perfopt_value *out)
{
    bound_method *b = perfopt__ssr_alloc(rt, sizeof(*b));
    if (!b)
        return false;
    *b = (bound_method){{&bound_class.base}, method, self};
    *out = perfopt_object_value(&b->object, 0);
    return true;
}

static const ssr_method *find_method_in(const ssr_method *table, const char *name, size_t length)
{
    for (; table->name; table++) {
        if (strlen(table->name) == length && memcmp(table->name, name, length) == 0)
            return table;
    }
    return NULL;
}

const ssr_method *perfopt__ssr_find_method(uint8_t kind, const char *name, size_t length)
{
    const ssr_method *found = NULL;
    switch (kind) {
    case PERFOPT_STRING:
        found = find_method_in(perfopt__ssr_string_methods, name, length);
        return found ? found : find_method_in(perfopt__ssr_string_search_methods, name, length);
    case PERFOPT_LIST:
        return find_method_in(perfopt__ssr_list_methods, name, length);
    case PERFOPT_MAP:
        return find_method_in(perfopt__ssr_map_methods, name, length);
    case PERFOPT_INT:
    case PERFOPT_BOOL:
    case PERFOPT_DOUBLE:
        found = find_method_in(perfopt__ssr_number_methods, name, length);
        return found && (kind == PERFOPT_DOUBLE) == (found->name[0] == 'i') ? found : NULL;
    default:
        return NULL;
    }
}

const ssr_method *perfopt__ssr_method_of(perfopt_value self, const char *name, size_t length)
{
    if (self.kind == PERFOPT_LIST && self.flags & PERFOPT_VALUE_TUPLE)
        return find_method_in(perfopt__ssr_tuple_methods, name, length);
    return perfopt__ssr_find_method(self.kind, name, length);
}
