/*
 * template_run.c - running functions, blocks and whole templates: extends, include, import.
 */
#include "ssr/ssr_internal.h"

#include <assert.h>

/* ---- frames and functions ------------------------------------------------------------------- */

enum { FRAME_HEADER = 1 }; /* values a frame's own fields take */

static_assert(sizeof(ssr_frame) <= FRAME_HEADER * sizeof(perfopt_value), "frames fit the stack");

ssr_frame *perfopt__ssr_frame_new(ssr_runtime *rt, const ssr_function *fn, ssr_frame *outer)
{
    size_t values = FRAME_HEADER + fn->slot_count;
    ssr_frame *frame = fn->captured ? perfopt__ssr_alloc(rt, values * sizeof(perfopt_value))
                                    : (ssr_frame *)(void *)perfopt__ssr_push(rt, values);
    if (!frame)
        return NULL;
    frame->outer = outer;
    for (uint32_t i = 0; i < fn->slot_count; i++)
        frame->slots[i].kind = SSR_MISSING;
    return frame;
}

void perfopt__ssr_frame_free(ssr_runtime *rt, const ssr_function *fn)
{
    if (!fn->captured)
        perfopt__ssr_pop(rt, FRAME_HEADER + fn->slot_count);
}

bool perfopt__ssr_run_function(ssr_runtime *rt, const ssr_function *fn, ssr_frame *frame,
                               ssr_context *context)
{
    ssr_frame *outer_frame = rt->frame;
    ssr_context *outer_context = rt->context;
    const ssr_template *outer_template = rt->template;
    rt->frame = frame;
    rt->context = context;
    rt->template = fn->template;
    bool ok = true;
    if (fn->self_slot != SSR_NO_SLOT)
        ok = perfopt__ssr_self_value(rt, context, &frame->slots[fn->self_slot]);
    if (ok && fn->super_slot != SSR_NO_SLOT)
        ok = perfopt__ssr_super_value(rt, context, fn, &frame->slots[fn->super_slot]);
    perfopt__ssr_enter_scope(rt, &fn->entry);
    ok = ok && rt->status == PERFOPT_OK && perfopt__ssr_exec_body(rt, &fn->body);
    if (!ok)
        perfopt__ssr_locate(rt, fn->line, 1);
    rt->frame = outer_frame;
    rt->context = outer_context;
    rt->template = outer_template;
    return ok;
}

static bool run_in_new_frame(ssr_runtime *rt, const ssr_function *fn, ssr_context *context)
{
    ssr_frame *frame = perfopt__ssr_frame_new(rt, fn, NULL);
    if (!frame)
        return false;
    bool ok = perfopt__ssr_run_function(rt, fn, frame, context);
    perfopt__ssr_frame_free(rt, fn);
    return ok;
}

bool perfopt__ssr_run_template(ssr_runtime *rt, const ssr_template *template, ssr_context *context)
{
    uint32_t depth = rt->depth;
    bool ok = perfopt__ssr_add_blocks(rt, context, template);
    while (ok && template) {
        if (!perfopt__ssr_enter_call(rt)) {
            ok = false;
            break;
        }
        const ssr_template *outer = context->parent;
        context->parent = NULL;
        ok = run_in_new_frame(rt, template->root, context);
        template = context->parent;
        context->parent = outer;
    }
    rt->depth = depth;
    return ok;
}

/* ---- blocks --------------------------------------------------------------------------------- */

bool perfopt__ssr_run_block(ssr_runtime *rt, ssr_context *context, const ssr_block_stack *stack,
                            uint32_t index)
{
    if (!perfopt__ssr_enter_call(rt))
        return false;
    bool ok = run_in_new_frame(rt, stack->functions[index], context);
    perfopt__ssr_leave_call(rt);
    return ok;
}

static bool run_scoped_block(ssr_runtime *rt, const ssr_stmt *s, const ssr_block_stack *stack)
{
    bool keep = stack->functions[0]->template->keeps_context;
    ssr_context local;
    ssr_context *context = keep ? perfopt__ssr_alloc(rt, sizeof(*context)) : &local;
    if (!context ||
        !perfopt__ssr_context_include(rt, rt->context->template, s->locals, keep, context))
        return false;
    context->autoescape = rt->context->autoescape;
    context->blocks = rt->context->blocks;
    bool ok = perfopt__ssr_run_block(rt, context, stack, 0);
    return ok;
}

bool perfopt__ssr_exec_block(ssr_runtime *rt, const ssr_stmt *s)
{
    if (s->unless_child && rt->context->parent)
        return true;
    const ssr_block_stack *stack =
        perfopt__ssr_find_block(rt->context, s->name->text, s->name->length);
    if (!stack || (s->flag2 && stack->count <= 1)) {
        perfopt__ssr_record_failure(rt, PERFOPT_EFAILED, "the required block '%s' is not defined",
                                    s->name->text);
        return perfopt__ssr_locate(rt, s->line, s->column);
    }
    bool ok = s->flag ? run_scoped_block(rt, s, stack)
                      : perfopt__ssr_run_block(rt, rt->context, stack, 0);
    return ok || perfopt__ssr_locate(rt, s->line, s->column);
}

/* super() and self.name(): a block of the chain, callable. */
typedef struct block_object {
    perfopt_object object;
    ssr_context *context;
    const ssr_block_stack *stack;
    uint32_t index;
} block_object;

static bool block_call(ssr_runtime *rt, perfopt_value self, perfopt_call *call, perfopt_value *out)
{
    const block_object *b = (const block_object *)self.as.object;
    if (call->count || call->keyword_count)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "a block takes no arguments");
    size_t from = perfopt__ssr_output_length(rt);
    if (!perfopt__ssr_run_block(rt, b->context, b->stack, b->index))
        return false;
    if (call->append && b->context->autoescape == rt->context->autoescape) {
        call->appended = true;
        return true;
    }
    if (!perfopt__ssr_capture(rt, from, out))
        return false;
    out->flags = b->context->autoescape ? PERFOPT_VALUE_SAFE : 0;
    return true;
}

static bool block_get(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                      perfopt_value *out);

static const ssr_class block_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "BlockReference"},
    .call = block_call,
    .get = block_get,
    .always_true = true,
};

static bool block_value(ssr_runtime *rt, ssr_context *context, const ssr_block_stack *stack,
                        uint32_t index, perfopt_value *out)
{
    if (index >= stack->count)
        return perfopt__ssr_undefined_hint(rt, out, "there is no parent block called '%s'",
                                           stack->name->text);
    block_object *b = perfopt__ssr_alloc(rt, sizeof(*b));
    if (!b)
        return false;
    *b = (block_object){{&block_class.base}, context, stack, index};
    *out = perfopt_object_value(&b->object, 0);
    return true;
}

static bool block_get(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                      perfopt_value *out)
{
    const block_object *b = (const block_object *)self.as.object;
    return length == 5 && memcmp(name, "super", 5) == 0 &&
           block_value(rt, b->context, b->stack, b->index + 1, out);
}

bool perfopt__ssr_super_value(ssr_runtime *rt, ssr_context *context, const ssr_function *fn,
                              perfopt_value *out)
{
    const ssr_block_stack *stack =
        perfopt__ssr_find_block(context, fn->name->text, fn->name->length);
    uint32_t index = 0;
    while (stack && index < stack->count && stack->functions[index] != fn)
        index++;
    return stack && block_value(rt, context, stack, index + 1, out);
}

typedef struct self_object {
    perfopt_object object;
    ssr_context *context;
} self_object;

static bool self_get(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                     perfopt_value *out)
{
    ssr_context *context = ((const self_object *)self.as.object)->context;
    const ssr_block_stack *stack = perfopt__ssr_find_block(context, name, length);
    return stack && block_value(rt, context, stack, 0, out);
}

static const ssr_class self_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "TemplateReference"},
    .get = self_get,
    .always_true = true,
};

bool perfopt__ssr_self_value(ssr_runtime *rt, ssr_context *context, perfopt_value *out)
{
    self_object *self = perfopt__ssr_alloc(rt, sizeof(*self));
    if (!self)
        return false;
    *self = (self_object){{&self_class.base}, context};
    *out = perfopt_object_value(&self->object, 0);
    return true;
}

/* ---- finding templates ---------------------------------------------------------------------- */

static bool not_found(ssr_runtime *rt, perfopt_value name)
{
    if (name.kind != PERFOPT_STRING)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the name of a template is a string, not %s",
                                 perfopt_value_type_name(name));
    return perfopt__ssr_fail(rt, PERFOPT_ENOTFOUND, "template '%.*s' not found",
                             (int)(name.length > 200 ? 200 : name.length), name.as.string);
}

/* One name, or the first of several that exists. *out stays NULL if `missing_ok` and none does. */
static bool find_template(ssr_runtime *rt, perfopt_value name, bool missing_ok, ssr_loaded **out)
{
    bool missing = false;
    *out = NULL;
    if (name.kind == PERFOPT_UNDEFINED)
        return perfopt__ssr_fail_undefined(rt, name);
    if (name.kind == PERFOPT_STRING) {
        if (!perfopt__ssr_load_for(rt, name.as.string, name.length, out, &missing))
            return false;
        return !missing || missing_ok || not_found(rt, name);
    }
    ssr_iterator it;
    perfopt_value item;
    if (!perfopt__ssr_iterate(rt, name, &it))
        return false;
    while (!*out && perfopt__ssr_next(rt, &it, &item)) {
        if (item.kind == PERFOPT_UNDEFINED)
            return perfopt__ssr_fail_undefined(rt, item);
        if (item.kind == PERFOPT_STRING &&
            !perfopt__ssr_load_for(rt, item.as.string, item.length, out, &missing))
            return false;
    }
    if (*out || missing_ok)
        return true;
    return perfopt__ssr_fail(rt, PERFOPT_ENOTFOUND, "none of the templates was found");
}

bool perfopt__ssr_exec_extends(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value name;
    ssr_loaded *loaded;
    if (rt->context->parent) {
        perfopt__ssr_record_failure(rt, PERFOPT_EFAILED, "a template extends only one other");
        return perfopt__ssr_locate(rt, s->line, s->column);
    }
    if (!s->a->eval(rt, s->a, &name))
        return false;
    if (name.kind == PERFOPT_LIST) {
        not_found(rt, name);
        return perfopt__ssr_locate(rt, s->line, s->column);
    }
    if (!find_template(rt, name, false, &loaded) ||
        !perfopt__ssr_add_blocks(rt, rt->context, loaded->template))
        return perfopt__ssr_locate(rt, s->line, s->column);
    perfopt__ssr_note_includer(loaded->template->numbers, rt->template->name);
    rt->context->parent = loaded->template;
    return true;
}

static bool include_template(ssr_runtime *rt, const ssr_stmt *s, const ssr_template *template)
{
    ssr_context local;
    bool keep = template->keeps_context;
    ssr_context *context = keep ? perfopt__ssr_alloc(rt, sizeof(*context)) : &local;
    if (!context)
        return false;
    if (s->flag2) {
        if (!perfopt__ssr_context_include(rt, template, s->locals, keep, context))
            return false;
    } else {
        perfopt__ssr_context_bare(template, context);
    }
    return perfopt__ssr_run_template(rt, template, context);
}

bool perfopt__ssr_exec_include(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value name;
    ssr_loaded *loaded;
    if (!s->a->eval(rt, s->a, &name))
        return false;
    if (!find_template(rt, name, s->flag, &loaded))
        return perfopt__ssr_locate(rt, s->line, s->column);
    if (!loaded)
        return true;
    perfopt__ssr_note_includer(loaded->template->numbers, rt->template->name);
    return include_template(rt, s, loaded->template) || perfopt__ssr_locate(rt, s->line, s->column);
}

/* ---- imports -------------------------------------------------------------------------------- */

/* What {% import %} gives: the exported variables of a template that was run. */
typedef struct module_object {
    perfopt_object object;
    ssr_context *context;
    perfopt_value text;
} module_object;

static bool module_get(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                       perfopt_value *out)
{
    const ssr_context *context = ((const module_object *)self.as.object)->context;
    uint64_t hash = perfopt__value_hash_name(name, length);
    (void)rt;
    if (!context->vars || length == 0 || name[0] == '_')
        return false;
    const perfopt__value_entry *entry = perfopt__value_find_name(context->vars, name, length, hash);
    const perfopt__value_entry *hidden =
        context->hidden ? perfopt__value_find_name(context->hidden, name, length, hash) : NULL;
    if (!entry || (hidden && hidden->value.as.boolean))
        return false;
    *out = entry->value;
    return true;
}

static bool module_print(ssr_runtime *rt, perfopt_value self, perfopt__strbuf *out)
{
    const module_object *m = (const module_object *)self.as.object;
    (void)rt;
    perfopt__strbuf_append(out, m->text.as.string, m->text.length);
    return true;
}

static const ssr_class module_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "TemplateModule"},
    .get = module_get,
    .print = module_print,
    .is_markup = true,
    .always_true = true,
};

static bool run_module(ssr_runtime *rt, const ssr_template *template, ssr_context *context,
                       perfopt_value *out)
{
    module_object *m = perfopt__ssr_alloc(rt, sizeof(*m));
    if (!m)
        return false;
    context->is_module = true;
    size_t from = perfopt__ssr_output_length(rt);
    if (!perfopt__ssr_run_template(rt, template, context) ||
        !perfopt__ssr_capture(rt, from, &m->text))
        return false;
    m->object.cls = &module_class.base;
    m->context = context;
    *out = perfopt_object_value(&m->object, 0);
    return true;
}

static bool import_module(ssr_runtime *rt, const ssr_stmt *s, perfopt_value *out)
{
    perfopt_value name;
    ssr_loaded *loaded;
    if (!s->a->eval(rt, s->a, &name))
        return false;
    if (name.kind == PERFOPT_LIST)
        return not_found(rt, name);
    if (!find_template(rt, name, false, &loaded))
        return false;
    if (!s->flag2 && loaded->module.kind == PERFOPT_OBJECT) {
        *out = loaded->module;
        return true;
    }
    perfopt__ssr_note_includer(loaded->template->numbers, rt->template->name);
    ssr_context *context = perfopt__ssr_alloc(rt, sizeof(*context));
    if (!context)
        return false;
    if (!s->flag2)
        perfopt__ssr_context_bare(loaded->template, context);
    else if (!perfopt__ssr_context_include(rt, loaded->template, s->locals, true, context))
        return false;
    if (!run_module(rt, loaded->template, context, out))
        return false;
    if (!s->flag2)
        loaded->module = *out;
    return true;
}

static bool set_imported(ssr_runtime *rt, const ssr_stmt *s, uint32_t i, perfopt_value value)
{
    return perfopt__ssr_assign(rt, &s->targets[i], value) &&
           (!s->exported || perfopt__ssr_context_set(rt, s->targets[i].name, value, true));
}

bool perfopt__ssr_exec_import(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value module;
    return (import_module(rt, s, &module) && set_imported(rt, s, 0, module)) ||
           perfopt__ssr_locate(rt, s->line, s->column);
}

bool perfopt__ssr_exec_from(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value module;
    if (!import_module(rt, s, &module))
        return perfopt__ssr_locate(rt, s->line, s->column);
    for (uint32_t i = 0; i < s->count; i++) {
        const ssr_name *name = s->names[i];
        perfopt_value value;
        if (!module_get(rt, module, name->text, name->length, &value) &&
            !perfopt__ssr_undefined_hint(rt, &value, "the imported template has no '%s'",
                                         name->text))
            return false;
        if (!set_imported(rt, s, i, value))
            return perfopt__ssr_locate(rt, s->line, s->column);
    }
    return true;
}
