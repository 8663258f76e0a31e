/*
 * call.c - calls: arguments are evaluated onto the stack of values, then bound by the callee.
 */
#include "base/error.h"
#include "ssr/ssr_internal.h"

#include <assert.h>

/* Arguments of one call on the stack; `pushed` values go away when it is over. */
typedef struct arguments {
    perfopt_call call;
    size_t pushed;
} arguments;

static bool add_star(ssr_runtime *rt, const ssr_args *args, perfopt_call *call)
{
    perfopt_value star;
    perfopt_value list;
    if (!args->star->eval(rt, args->star, &star) || !perfopt__ssr_to_list(rt, star, &star) ||
        !perfopt__ssr_list(rt, call->count + star.as.list->count, &list))
        return false;
    perfopt_value *items = list.as.list->items;
    if (call->count)
        memcpy(items, call->args, call->count * sizeof(*items));
    if (star.as.list->count)
        memcpy(items + call->count, star.as.list->items, star.as.list->count * sizeof(*items));
    call->args = items;
    call->count += star.as.list->count;
    return true;
}

static bool add_star_star(ssr_runtime *rt, const ssr_args *args, perfopt_call *call)
{
    perfopt_value map;
    if (!args->star_star->eval(rt, args->star_star, &map))
        return false;
    if (map.kind != PERFOPT_MAP)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "** needs a dict, not %s",
                                 perfopt_value_type_name(map));
    size_t extra = map.as.map->count;
    ssr_keyword *all =
        perfopt__ssr_alloc(rt, (call->keyword_count + extra + 1) * sizeof(ssr_keyword));
    if (!all)
        return false;
    if (call->keyword_count)
        memcpy(all, call->keywords, call->keyword_count * sizeof(*all));
    for (size_t i = 0; i < extra; i++) {
        const perfopt__value_entry *entry = &map.as.map->entries[i];
        if (entry->key.kind != PERFOPT_STRING)
            return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the keys behind ** have to be strings");
        for (size_t k = 0; k < call->keyword_count; k++) {
            if (all[k].length == entry->key.length &&
                memcmp(all[k].name, entry->key.as.string, all[k].length) == 0)
                return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "argument '%.*s' is given twice",
                                         (int)entry->key.length, entry->key.as.string);
        }
        all[call->keyword_count++] =
            (ssr_keyword){entry->key.as.string, entry->key.length, entry->value};
    }
    call->keywords = all;
    return true;
}

static bool eval_keywords(ssr_runtime *rt, const ssr_args *args, const perfopt_value *caller,
                          arguments *out)
{
    size_t count = args->keyword_count + (caller != NULL);
    if (!count)
        return true;
    size_t room = count * sizeof(ssr_keyword) / sizeof(perfopt_value);
    ssr_keyword *keywords = (ssr_keyword *)(void *)perfopt__ssr_push(rt, room);
    if (!keywords)
        return false;
    out->pushed += room;
    out->call.keywords = keywords;
    for (uint32_t i = 0; i < args->keyword_count; i++) {
        keywords[i].name = args->names[i]->text;
        keywords[i].length = args->names[i]->length;
        if (!args->keywords[i]->eval(rt, args->keywords[i], &keywords[i].value))
            return false;
        out->call.keyword_count++;
    }
    if (caller)
        keywords[out->call.keyword_count++] = (ssr_keyword){"caller", 6, *caller};
    return true;
}

static_assert(sizeof(ssr_keyword) % sizeof(perfopt_value) == 0, "keywords fill stack slots");

/* Evaluates arguments; `subject` (of a filter or test) becomes the first. On failure what was
 * pushed is still to be popped. */
static bool eval_arguments(ssr_runtime *rt, const ssr_args *args, const perfopt_value *subject,
                           const perfopt_value *caller, arguments *out)
{
    memset(out, 0, sizeof(*out));
    size_t first = subject != NULL;
    size_t count = first + args->count;
    perfopt_value *values = perfopt__ssr_push(rt, count + 1);
    if (!values)
        return false;
    out->pushed = count + 1;
    out->call.rt = rt;
    out->call.args = values;
    if (subject)
        values[0] = *subject;
    for (uint32_t i = 0; i < args->count; i++) {
        if (!args->positional[i]->eval(rt, args->positional[i], &values[first + i]))
            return false;
    }
    out->call.count = count;
    return eval_keywords(rt, args, caller, out) &&
           (!args->star || add_star(rt, args, &out->call)) &&
           (!args->star_star || add_star_star(rt, args, &out->call));
}

static void pop_arguments(ssr_runtime *rt, const arguments *args)
{
    if (args->pushed)
        perfopt__ssr_pop(rt, args->pushed);
}

bool perfopt__ssr_is_callable(perfopt_value value)
{
    const ssr_class *cls = perfopt__ssr_class_of(value);
    return cls && cls->call;
}

bool perfopt__ssr_call_value(ssr_runtime *rt, perfopt_value callee, perfopt_call *call,
                             perfopt_value *out)
{
    if (callee.kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(rt, callee);
    const ssr_class *cls = perfopt__ssr_class_of(callee);
    if (!cls || !cls->call)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "%s cannot be called",
                                 perfopt_value_type_name(callee));
    return perfopt__ssr_step(rt) && cls->call(rt, callee, call, out);
}

/* The callee of x.name(...): a method of x without making an object for it, if there is one. */
static bool eval_callee(ssr_runtime *rt, const ssr_expr *e, perfopt_value *callee,
                        const ssr_method **method)
{
    *method = NULL;
    if (e->eval != perfopt__ssr_eval_getattr)
        return e->eval(rt, e, callee);
    perfopt_value self;
    if (!e->a->eval(rt, e->a, &self))
        return false;
    *method = self.kind == PERFOPT_STRING ? e->on_string
              : self.kind == PERFOPT_MAP  ? e->on_map
              : self.kind == PERFOPT_LIST
                  ? perfopt__ssr_method_of(self, e->name->text, e->name->length)
                  : NULL;
    if (*method) {
        *callee = self;
        return true;
    }
    return perfopt__ssr_getattr(rt, self, e->name->text, e->name->length, callee) ||
           perfopt__ssr_locate(rt, e->line, e->column);
}

static bool call_expression(ssr_runtime *rt, const ssr_expr *e, const perfopt_value *caller,
                            bool append, bool *appended, perfopt_value *out)
{
    perfopt_value callee;
    const ssr_method *method;
    arguments args = {.pushed = 0};
    if (!eval_callee(rt, e->a, &callee, &method))
        return false;
    bool ok = eval_arguments(rt, e->args, NULL, caller, &args);
    args.call.append = append;
    if (ok && method)
        ok = perfopt__ssr_step(rt) && perfopt__ssr_call_method(method, callee, &args.call, out);
    else if (ok)
        ok = perfopt__ssr_call_value(rt, callee, &args.call, out);
    *appended = args.call.appended;
    pop_arguments(rt, &args);
    return ok || perfopt__ssr_locate(rt, e->line, e->column);
}

bool perfopt__ssr_eval_call(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    bool appended;
    return call_expression(rt, e, NULL, false, &appended, out);
}

/* A macro's text is safe if auto-escaping is on where it is called: then, or if nothing is escaped
 * here, it can write to the output itself. */
static bool call_and_print(ssr_runtime *rt, const ssr_expr *e, const perfopt_value *caller,
                           bool escape)
{
    perfopt_value out;
    bool appended;
    bool append = !escape || rt->context->autoescape;
    if (!call_expression(rt, e, caller, append, &appended, &out))
        return false;
    return appended || perfopt__ssr_print(rt, out, escape) ||
           perfopt__ssr_locate(rt, e->line, e->column);
}

bool perfopt__ssr_call_to_output(ssr_runtime *rt, const ssr_expr *e, bool escape)
{
    return call_and_print(rt, e, NULL, escape);
}

bool perfopt__ssr_call_with_caller(ssr_runtime *rt, const ssr_expr *e, perfopt_value caller)
{
    return call_and_print(rt, e, &caller, false);
}

/* ---- filters and tests ---------------------------------------------------------------------- */

static bool missing_builtin(ssr_runtime *rt, const char *what, const ssr_name *name)
{
    return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "no %s is named '%s'", what, name->text);
}

static bool eval_builtin(ssr_runtime *rt, const ssr_expr *e, const char *what, perfopt_value *out)
{
    perfopt_value subject;
    arguments args = {.pushed = 0};
    if (!e->builtin)
        return missing_builtin(rt, what, e->name) || perfopt__ssr_locate(rt, e->line, e->column);
    if (!e->a->eval(rt, e->a, &subject))
        return false;
    bool ok = eval_arguments(rt, e->args, &subject, NULL, &args) && perfopt__ssr_step(rt) &&
              perfopt__ssr_call_builtin(e->builtin, &args.call, out);
    pop_arguments(rt, &args);
    return ok || perfopt__ssr_locate(rt, e->line, e->column);
}

bool perfopt__ssr_eval_filter(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    return eval_builtin(rt, e, "filter", out);
}

bool perfopt__ssr_eval_test(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    return eval_builtin(rt, e, "test", out);
}

static bool call_named(ssr_runtime *rt, perfopt_callable_kind kind, perfopt_value name,
                       perfopt_call *call, perfopt_value *out)
{
    const char *what = kind == PERFOPT_TEMPLATE_FILTER ? "filter" : "test";
    const ssr_builtin *builtin = NULL;
    if (name.kind == PERFOPT_STRING)
        builtin = perfopt__ssr_find_callable(rt->ssr, kind, name.as.string, name.length);
    if (!builtin && name.kind == PERFOPT_STRING)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "no %s is named '%.*s'", what,
                                 (int)(name.length > 80 ? 80 : name.length), name.as.string);
    if (!builtin)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the name of a %s is a string, not %s", what,
                                 perfopt_value_type_name(name));
    return perfopt__ssr_step(rt) && perfopt__ssr_call_builtin(builtin, call, out);
}

bool perfopt__ssr_call_filter(ssr_runtime *rt, perfopt_value name, perfopt_call *call,
                              perfopt_value *out)
{
    return call_named(rt, PERFOPT_TEMPLATE_FILTER, name, call, out);
}

bool perfopt__ssr_call_test(ssr_runtime *rt, perfopt_value name, perfopt_call *call, bool *out)
{
    perfopt_value result;
    return call_named(rt, PERFOPT_TEMPLATE_TEST, name, call, &result) &&
           perfopt__ssr_truth(rt, result, out);
}

/* ---- what host functions see ---------------------------------------------------------------- */

size_t perfopt_call_count(const perfopt_call *call)
{
    return call->count;
}

perfopt_value perfopt_call_arg(const perfopt_call *call, size_t i)
{
    return i < call->count ? call->args[i] : perfopt_undefined();
}

perfopt_value perfopt_call_named(const perfopt_call *call, const char *name, size_t i)
{
    size_t length = strlen(name);
    for (size_t k = 0; k < call->keyword_count; k++) {
        if (call->keywords[k].length == length && memcmp(call->keywords[k].name, name, length) == 0)
            return call->keywords[k].value;
    }
    return perfopt_call_arg(call, i);
}

perfopt_arena *perfopt_call_arena(perfopt_call *call)
{
    return call->rt->arena;
}

bool perfopt_call_autoescape(const perfopt_call *call)
{
    return call->rt->context && call->rt->context->autoescape;
}

const char *perfopt_call_text(perfopt_call *call, perfopt_value value, size_t *length)
{
    perfopt_value string;
    if (!perfopt__ssr_to_string(call->rt, value, &string))
        return NULL;
    /* What was a string already may be a piece of something longer, without a NUL behind it. */
    if (value.kind == PERFOPT_STRING &&
        !perfopt__ssr_copy_text(call->rt, string.as.string, string.length, &string))
        return NULL;
    if (length)
        *length = string.length;
    return string.as.string;
}
