/*
 * registry.c - functions, filters, tests and globals of the host.
 */
#include "base/memory.h"
#include "ssr/ssr_internal.h"

#include <string.h>

static bool is_identifier(const char *name)
{
    if (!name || (name[0] >= '0' && name[0] <= '9'))
        return false;
    size_t n = 0;
    for (; name[n]; n++) {
        char low = (char)(name[n] | 0x20);
        bool ok = name[n] == '_' || (low >= 'a' && low <= 'z') ||
                  (name[n] >= '0' && name[n] <= '9') || name[n] == '.';
        if (!ok)
            return false;
    }
    return n > 0 && n < 128;
}

static ssr_registered *find_registered(const struct perfopt_ssr *ssr, perfopt_callable_kind kind,
                                       const char *name, size_t length)
{
    for (ssr_registered *r = ssr->registered; r; r = r->next) {
        if (r->kind == kind && strlen(r->name) == length && memcmp(r->name, name, length) == 0)
            return r;
    }
    return NULL;
}

static perfopt_status refuse(perfopt_status status, void *user, perfopt_free_fn user_free)
{
    if (user_free)
        user_free(user);
    return status;
}

perfopt_status perfopt_ssr_register(perfopt_ssr *ssr, perfopt_callable_kind kind, const char *name,
                                    perfopt_template_fn fn, void *user, perfopt_free_fn user_free)
{
    if (!is_identifier(name) || !fn || (unsigned)kind > PERFOPT_TEMPLATE_TEST)
        return refuse(PERFOPT_EINVAL, user, user_free);
    size_t length = strlen(name);
    ssr_registered *r = find_registered(ssr, kind, name, length);
    if (r) {
        if (r->user_free)
            r->user_free(r->user);
    } else {
        r = perfopt__calloc(1, sizeof(*r) + length + 1);
        if (!r)
            return refuse(PERFOPT_ENOMEM, user, user_free);
        memcpy(r->name, name, length + 1);
        r->builtin.name = r->name;
        r->builtin.uses_context = true;
        r->kind = kind;
        r->next = ssr->registered;
        ssr->registered = r;
    }
    r->fn = fn;
    r->user = user;
    r->user_free = user_free;
    return PERFOPT_OK;
}

perfopt_status perfopt_ssr_set_global(perfopt_ssr *ssr, const char *name, perfopt_value value)
{
    if (!is_identifier(name))
        return PERFOPT_EINVAL;
    return perfopt_map_set(ssr->globals, name, value);
}

const ssr_builtin *perfopt__ssr_find_callable(struct perfopt_ssr *ssr, perfopt_callable_kind kind,
                                              const char *name, size_t length)
{
    const ssr_registered *r = find_registered(ssr, kind, name, length);
    if (r)
        return &r->builtin;
    switch (kind) {
    case PERFOPT_TEMPLATE_FILTER:
        return perfopt__ssr_find_filter(name, length);
    case PERFOPT_TEMPLATE_TEST:
        return perfopt__ssr_find_test(name, length);
    default:
        return perfopt__ssr_find_function(name, length);
    }
}

bool perfopt__ssr_find_global(struct perfopt_ssr *ssr, ssr_runtime *rt, const ssr_name *name,
                              perfopt_value *out)
{
    const perfopt__value_entry *entry =
        perfopt__value_find_name(ssr->globals.as.map, name->text, name->length, name->hash);
    if (entry) {
        *out = entry->value;
        return true;
    }
    const ssr_builtin *function =
        perfopt__ssr_find_callable(ssr, PERFOPT_TEMPLATE_FUNCTION, name->text, name->length);
    return function && perfopt__ssr_function_value(rt, function, out);
}

unsigned perfopt__ssr_edit_distance(const char *a, const char *b, unsigned limit)
{
    enum { MOST = 32 };
    unsigned row[MOST + 1];
    size_t n = strlen(a);
    size_t m = strlen(b);
    if (n > MOST || m > MOST || (n > m ? n - m : m - n) > limit)
        return limit + 1;
    for (size_t k = 0; k <= m; k++)
        row[k] = (unsigned)k;
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= m; k++) {
            unsigned change = diagonal + (a[i - 1] != b[k - 1]);
            diagonal = row[k];
            unsigned shift = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            row[k] = change < shift ? change : shift;
        }
    }
    return row[m];
}
