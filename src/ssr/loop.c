/*
 * loop.c - for loops and the loop variable.
 *
 * A loop whose body does not use `loop` keeps its state in the iterator only. If the body reads
 * loop.index and the like, the state is an object on the C stack; if `loop` itself is handed on
 * (to a macro, an include, a recursive call), the object lives in the arena.
 */
#include "ssr/runtime.h"

typedef struct loop {
    perfopt_object object;
    ssr_iterator it;
    perfopt_value current;
    perfopt_value previous;
    perfopt_value last_changed; /* the arguments of the last loop.changed() */
    size_t index0;
    size_t length;
    bool has_length;
    int64_t depth0;
    const ssr_stmt *stmt; /* recursive loops */
    ssr_frame *outer;     /* the frame around the recursive function */
    ssr_context *context;
} loop;

enum {
    LOOP_INDEX,
    LOOP_INDEX0,
    LOOP_REVINDEX,
    LOOP_REVINDEX0,
    LOOP_FIRST,
    LOOP_LAST,
    LOOP_LENGTH,
    LOOP_DEPTH,
    LOOP_DEPTH0,
    LOOP_PREVITEM,
    LOOP_NEXTITEM
};

int perfopt__ssr_loop_attribute(const char *name, size_t length)
{
    static const char *const names[] = {"index",  "index0",   "revindex", "revindex0",
                                        "first",  "last",     "length",   "depth",
                                        "depth0", "previtem", "nextitem"};
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return i;
    }
    return -1;
}

static size_t length_of(loop *l)
{
    if (!l->has_length) {
        l->length = perfopt__ssr_iterator_length(&l->it);
        l->has_length = true;
    }
    return l->length;
}

static bool neighbour(ssr_runtime *rt, loop *l, bool next, perfopt_value *out)
{
    if (next)
        return perfopt__ssr_peek(rt, &l->it, out) ||
               perfopt__ssr_undefined_hint(rt, out, "there is no next item");
    if (l->index0 == 0)
        return perfopt__ssr_undefined_hint(rt, out, "there is no previous item");
    *out = l->previous;
    return true;
}

static bool get_number(ssr_runtime *rt, loop *l, int which, perfopt_value *out)
{
    perfopt_value ignored;
    switch (which) {
    case LOOP_INDEX:
        *out = perfopt_int((int64_t)l->index0 + 1);
        return true;
    case LOOP_INDEX0:
        *out = perfopt_int((int64_t)l->index0);
        return true;
    case LOOP_REVINDEX:
        *out = perfopt_int((int64_t)(length_of(l) - l->index0));
        return true;
    case LOOP_REVINDEX0:
        *out = perfopt_int((int64_t)(length_of(l) - l->index0) - 1);
        return true;
    case LOOP_FIRST:
        *out = perfopt_bool(l->index0 == 0);
        return true;
    case LOOP_LAST:
        *out = perfopt_bool(!perfopt__ssr_peek(rt, &l->it, &ignored));
        return rt->status == PERFOPT_OK;
    case LOOP_LENGTH:
        *out = perfopt_int((int64_t)length_of(l));
        return true;
    case LOOP_DEPTH:
        *out = perfopt_int(l->depth0 + 1);
        return true;
    case LOOP_DEPTH0:
        *out = perfopt_int(l->depth0);
        return true;
    default:
        return neighbour(rt, l, which == LOOP_NEXTITEM, out);
    }
}

bool perfopt__ssr_eval_loop_attribute(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out)
{
    loop *l = (loop *)rt->frame->slots[e->ref.slot].as.object;
    return get_number(rt, l, e->op, out) || perfopt__ssr_locate(rt, e->line, e->column);
}

/* ---- methods -------------------------------------------------------------------------------- */

static bool loop_cycle(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    const loop *l = (const loop *)args[0].as.object;
    if (!call->count || call->keyword_count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "loop.cycle() needs values");
    *out = call->args[l->index0 % call->count];
    return true;
}

static bool loop_changed(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    loop *l = (loop *)args[0].as.object;
    perfopt_value now;
    if (call->keyword_count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "loop.changed() takes values only");
    if (!perfopt__ssr_list(call->rt, call->count, &now))
        return false;
    now.flags = PERFOPT_VALUE_TUPLE;
    if (call->count)
        memcpy(now.as.list->items, call->args, call->count * sizeof(*call->args));
    now.as.list->count = call->count;
    bool changed =
        l->last_changed.kind == SSR_MISSING || !perfopt_value_equal(l->last_changed, now);
    if (changed)
        l->last_changed = now;
    *out = perfopt_bool(changed);
    return true;
}

static bool loop_get(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                     perfopt_value *out)
{
    static const ssr_method cycle = {.name = "cycle", .fn = loop_cycle, .raw = true};
    static const ssr_method changed = {.name = "changed", .fn = loop_changed, .raw = true};
    int which = perfopt__ssr_loop_attribute(name, length);
    if (which >= 0)
        return get_number(rt, (loop *)self.as.object, which, out);
    if (length == 5 && memcmp(name, "cycle", 5) == 0)
        return perfopt__ssr_bind_method(rt, self, &cycle, out);
    if (length == 7 && memcmp(name, "changed", 7) == 0)
        return perfopt__ssr_bind_method(rt, self, &changed, out);
    return false;
}

static size_t loop_count(const perfopt_object *self, uint32_t index)
{
    (void)index;
    return length_of((loop *)self);
}

static bool loop_print(ssr_runtime *rt, perfopt_value self, perfopt__strbuf *out)
{
    loop *l = (loop *)self.as.object;
    (void)rt;
    perfopt__strbuf_printf(out, "<LoopContext %zu/%zu>", l->index0 + 1, length_of(l));
    return true;
}

static bool loop_call(ssr_runtime *rt, perfopt_value self, perfopt_call *call, perfopt_value *out);

static const ssr_class loop_class = {
    .base = {.struct_size = sizeof(ssr_class), .name = "LoopContext", .count = loop_count},
    .call = loop_call,
    .get = loop_get,
    .print = loop_print,
    .always_true = true,
    .is_sequence = true,
};

/* ---- running -------------------------------------------------------------------------------- */

/* Does the item pass "for ... if"? */
static bool passes(ssr_runtime *rt, const ssr_stmt *s, perfopt_value item, bool *yes)
{
    perfopt_value result;
    *yes = true;
    if (!s->c)
        return true;
    perfopt__ssr_enter_scope(rt, &s->test_scope);
    return perfopt__ssr_assign(rt, s->test_target, item) && s->c->eval(rt, s->c, &result) &&
           perfopt__ssr_truth(rt, result, yes);
}

/* The items that pass, so that loop.length and loop.last are known. */
static bool filtered(ssr_runtime *rt, const ssr_stmt *s, perfopt_value *iterable)
{
    ssr_iterator it;
    perfopt_value item;
    perfopt_value list;
    bool more;
    bool yes;
    if (!perfopt__ssr_iterate(rt, *iterable, &it) || !perfopt__ssr_list(rt, 0, &list))
        return false;
    for (;;) {
        if (!perfopt__ssr_next_step(rt, &it, &item, &more))
            return false;
        if (!more)
            break;
        if (!passes(rt, s, item, &yes) || (yes && !perfopt__ssr_append(rt, list, item)))
            return false;
    }
    *iterable = list;
    return true;
}

/* for key, value in map.items(): without a tuple for each. */
static bool run_pairs(ssr_runtime *rt, const ssr_stmt *s, const perfopt_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        perfopt_value key = map->entries[i].key;
        perfopt_value value = map->entries[i].value;
        if (!perfopt__ssr_step(rt) || !perfopt__ssr_assign(rt, &s->target->items[0], key) ||
            !perfopt__ssr_assign(rt, &s->target->items[1], value))
            return perfopt__ssr_locate(rt, s->line, s->column);
        perfopt__ssr_enter_scope(rt, &s->scope);
        if (!perfopt__ssr_exec_body(rt, &s->body))
            return false;
    }
    return true;
}

static bool run_simple(ssr_runtime *rt, const ssr_stmt *s, perfopt_value iterable, bool *any)
{
    ssr_iterator it;
    perfopt_value item;
    bool yes;
    bool more;
    if (!perfopt__ssr_iterate(rt, iterable, &it))
        return perfopt__ssr_locate(rt, s->line, s->column);
    for (;;) {
        if (!perfopt__ssr_next_step(rt, &it, &item, &more))
            return perfopt__ssr_locate(rt, s->line, s->column);
        if (!more)
            return true;
        if (!passes(rt, s, item, &yes) || (yes && !perfopt__ssr_assign(rt, s->target, item)))
            return perfopt__ssr_locate(rt, s->line, s->column);
        if (!yes)
            continue;
        *any = true;
        perfopt__ssr_enter_scope(rt, &s->scope);
        if (!perfopt__ssr_exec_body(rt, &s->body))
            return false;
    }
}

static bool run_with_object(ssr_runtime *rt, const ssr_stmt *s, loop *l, bool *any)
{
    perfopt_value item;
    bool more;
    perfopt_value *slot = &rt->frame->slots[s->loop.slot];
    *slot = perfopt_object_value(&l->object, 0);
    for (size_t i = 0;; i++) {
        if (!perfopt__ssr_next_step(rt, &l->it, &item, &more))
            return perfopt__ssr_locate(rt, s->line, s->column);
        if (!more)
            return true;
        *any = true;
        l->index0 = i;
        l->previous = l->current;
        l->current = item;
        if (!perfopt__ssr_assign(rt, s->target, item))
            return perfopt__ssr_locate(rt, s->line, s->column);
        perfopt__ssr_enter_scope(rt, &s->scope);
        if (!perfopt__ssr_exec_body(rt, &s->body))
            return false;
    }
}

static bool loop_init(ssr_runtime *rt, const ssr_stmt *s, perfopt_value iterable, loop *l)
{
    memset(l, 0, sizeof(*l));
    l->object.cls = &loop_class.base;
    l->last_changed.kind = SSR_MISSING;
    if (s->c && !filtered(rt, s, &iterable))
        return false;
    return perfopt__ssr_iterate(rt, iterable, &l->it);
}

static bool run_else(ssr_runtime *rt, const ssr_stmt *s)
{
    if (!s->other.count)
        return true;
    perfopt__ssr_enter_scope(rt, &s->other_scope);
    return perfopt__ssr_exec_body(rt, &s->other);
}

static bool run_loop(ssr_runtime *rt, const ssr_stmt *s, perfopt_value iterable, loop *l)
{
    bool any = false;
    if (!loop_init(rt, s, iterable, l))
        return perfopt__ssr_locate(rt, s->line, s->column);
    return run_with_object(rt, s, l, &any) && (any || run_else(rt, s));
}

bool perfopt__ssr_exec_for(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value iterable;
    bool any = false;
    if (!s->a->eval(rt, s->a, &iterable))
        return false;
    if (s->flag2) {
        loop *l = perfopt__ssr_alloc(rt, sizeof(*l));
        return l && run_loop(rt, s, iterable, l);
    }
    if (s->flag) {
        loop local;
        return run_loop(rt, s, iterable, &local);
    }
    const perfopt_map *pairs =
        s->c || !s->target->items || s->target->count != 2 ? NULL : perfopt__ssr_items_of(iterable);
    if (pairs) {
        any = pairs->count > 0;
        return run_pairs(rt, s, pairs) && (any || run_else(rt, s));
    }
    return run_simple(rt, s, iterable, &any) && (any || run_else(rt, s));
}

/* ---- recursive loops ------------------------------------------------------------------------ */

/* One level: the loop runs in a frame of its own. */
static bool run_level(ssr_runtime *rt, const ssr_stmt *s, ssr_frame *outer, perfopt_value iterable,
                      int64_t depth0)
{
    ssr_frame *before = rt->frame;
    if (!perfopt__ssr_enter_call(rt))
        return false;
    ssr_frame *frame = perfopt__ssr_frame_new(rt, s->function, outer);
    loop *l = frame ? perfopt__ssr_alloc(rt, sizeof(*l)) : NULL;
    bool ok = l != NULL;
    if (ok) {
        rt->frame = frame;
        perfopt__ssr_enter_scope(rt, &s->function->entry);
        ok = loop_init(rt, s, iterable, l);
        l->stmt = s;
        l->outer = outer;
        l->context = rt->context;
        l->depth0 = depth0;
        bool any = false;
        ok = ok && run_with_object(rt, s, l, &any) && (any || run_else(rt, s));
        rt->frame = before;
    }
    if (frame)
        perfopt__ssr_frame_free(rt, s->function);
    perfopt__ssr_leave_call(rt);
    return ok;
}

bool perfopt__ssr_exec_recursive_for(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt_value iterable;
    if (!s->a->eval(rt, s->a, &iterable))
        return false;
    return run_level(rt, s->function->body.statements, rt->frame, iterable, 0) ||
           perfopt__ssr_locate(rt, s->line, s->column);
}

static bool loop_call(ssr_runtime *rt, perfopt_value self, perfopt_call *call, perfopt_value *out)
{
    const loop *l = (const loop *)self.as.object;
    if (!l->stmt)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "only a loop with 'recursive' can be called");
    if (call->count != 1 || call->keyword_count)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "loop() takes the items of the next level");
    size_t from = perfopt__ssr_output_length(rt);
    ssr_context *before = rt->context;
    rt->context = l->context;
    bool ok = run_level(rt, l->stmt, l->outer, call->args[0], l->depth0 + 1);
    rt->context = before;
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
