/*
 * fragment.c - cached pieces of output: {% cache key, ttl, tags=[...] %} and
 * perfopt_ssr_render_partial().
 *
 * A key is "fragment:<template>:<digest>:<number>:<what the template gave>". The digest covers the
 * template and everything it includes, extends or imports by a constant name.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "ssr/ssr_internal.h"

#include <perfopt/cache.h>
#include <stdio.h>

enum { DEFAULT_TTL_S = 300, MAX_DEPENDENCIES = 1000 };

/* ---- digest --------------------------------------------------------------------------------- */

typedef struct digest_walk {
    struct perfopt_ssr *ssr;
    const ssr_template *seen[MAX_DEPENDENCIES];
    unsigned count;
    perfopt__strbuf sb;
} digest_walk;

static bool was_seen(const digest_walk *walk, const char *name)
{
    for (unsigned i = 0; i < walk->count; i++) {
        if (strcmp(walk->seen[i]->name, name) == 0)
            return true;
    }
    return false;
}

/* Appends the hashes breadth first; references are given back by the caller. */
static void collect(digest_walk *walk)
{
    for (unsigned at = 0; at < walk->count; at++) {
        const ssr_template *t = walk->seen[at];
        perfopt__strbuf_append(&walk->sb, &t->source_hash, sizeof(t->source_hash));
        for (uint32_t i = 0; i < t->dependency_count; i++) {
            const char *name = t->dependencies[i];
            ssr_template *child;
            if (was_seen(walk, name) || walk->count == MAX_DEPENDENCIES)
                continue;
            if (perfopt__ssr_load(walk->ssr, name, strlen(name), &child, NULL) == PERFOPT_OK)
                walk->seen[walk->count++] = child;
            else
                perfopt__strbuf_puts(&walk->sb, name); /* missing: appears later, digest changes */
        }
    }
}

static perfopt__hash128 compute(struct perfopt_ssr *ssr, const ssr_template *template)
{
    digest_walk walk = {.ssr = ssr, .count = 1, .sb = PERFOPT__STRBUF_INIT};
    walk.seen[0] = template;
    collect(&walk);
    perfopt__hash128 hash =
        perfopt__hash128_stable(walk.sb.data ? walk.sb.data : "", walk.sb.length);
    for (unsigned i = 1; i < walk.count; i++)
        perfopt__ssr_template_release((ssr_template *)walk.seen[i]);
    perfopt__strbuf_finish(&walk.sb);
    return hash;
}

/*
 * The digest is kept with the template until any template changes. Threads may write it at the same
 * time, but for one generation they write the same; a reader takes it only if the stamp is the
 * current one before and after.
 */
perfopt__hash128 perfopt__ssr_digest(struct perfopt_ssr *ssr, const ssr_template *template)
{
    ssr_template *t = (ssr_template *)template;
    if (!t->dependency_count)
        return t->source_hash;
    if (ssr->auto_reload || !ssr->cache_templates)
        return compute(ssr, t);
    uint64_t generation = ssr->templates.generation;
    if (t->digest_stamp == generation) {
        perfopt__hash128 kept = {t->digest_low, t->digest_high};
        if (t->digest_stamp == generation)
            return kept;
    }
    perfopt__hash128 hash = compute(ssr, t);
    if (ssr->templates.generation == generation) { /* nothing changed meanwhile */
        t->digest_stamp = 0;
        t->digest_low = hash.low;
        t->digest_high = hash.high;
        t->digest_stamp = generation;
    }
    return hash;
}

static void put_prefix(struct perfopt_ssr *ssr, const ssr_template *template, const char *number,
                       perfopt__strbuf *out)
{
    char hex[33];
    perfopt__hash128_hex(perfopt__ssr_digest(ssr, template), hex);
    perfopt__strbuf_printf(out, "fragment:%s:%s:%s:", template->name, hex, number);
}

static void count_fragment(struct perfopt_ssr *ssr, const ssr_template *template, bool hit)
{
    unsigned stripe = perfopt__ssr_stripe();
    ssr_numbers_stripe *s = &ssr->stats.total->stripes[stripe];
    atomic_fetch_add_explicit(hit ? &s->fragment_hits : &s->fragment_misses, 1,
                              memory_order_relaxed);
    if (hit && template->numbers)
        atomic_fetch_add_explicit(&template->numbers->stripes[stripe].cached, 1,
                                  memory_order_relaxed);
}

/* ---- {% cache %} ---------------------------------------------------------------------------- */

typedef struct fragment {
    ssr_runtime *rt;
    const ssr_stmt *stmt;
    size_t from; /* where the fragment's text starts in the output */
    bool ran;
} fragment;

static bool run_body(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt__ssr_enter_scope(rt, &s->scope);
    return perfopt__ssr_exec_body(rt, &s->body);
}

/* Renders into the output and hands a copy to the cache. */
static perfopt_status load_fragment(void *user, perfopt_bytes **out, perfopt_store_options *store,
                                    perfopt_error *err)
{
    fragment *f = user;
    ssr_runtime *rt = f->rt;
    (void)store;
    f->ran = true;
    if (!run_body(rt, f->stmt)) {
        if (err)
            *err = rt->err;
        return rt->status;
    }
    const char *text = rt->out.bytes->data + f->from;
    return perfopt_bytes_create(text, perfopt__ssr_output_length(rt) - f->from, out);
}

static bool put_tags(ssr_runtime *rt, perfopt_value tags, perfopt__strbuf *out)
{
    const char *text;
    size_t length;
    if (tags.kind == PERFOPT_STRING) {
        perfopt__strbuf_append(out, tags.as.string, tags.length);
        return true;
    }
    perfopt_value list;
    if (!perfopt__ssr_to_list(rt, tags, &list))
        return false;
    for (size_t i = 0; i < list.as.list->count; i++) {
        if (!perfopt__ssr_text(rt, list.as.list->items[i], &text, &length))
            return false;
        if (i)
            perfopt__strbuf_putc(out, ',');
        perfopt__strbuf_append(out, text, length);
    }
    return true;
}

static bool fragment_options(ssr_runtime *rt, const ssr_stmt *s, perfopt__strbuf *tags,
                             perfopt_store_options *out)
{
    perfopt_value value;
    int64_t ttl_s = DEFAULT_TTL_S;
    if (s->b && (!s->b->eval(rt, s->b, &value) ||
                 (value.kind != PERFOPT_NONE && !perfopt__ssr_to_index(rt, value, &ttl_s))))
        return false;
    if (ttl_s < 0 || ttl_s > INT64_MAX / 1000)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "the lifetime of a fragment is in seconds");
    if (s->c && (!s->c->eval(rt, s->c, &value) ||
                 (value.kind != PERFOPT_NONE && !put_tags(rt, value, tags))))
        return false;
    perfopt__strbuf_putc(tags, '\0');
    if (tags->failed)
        return perfopt__ssr_fail_nomem(rt);
    out->ttl_ms = ttl_s ? ttl_s * 1000 : -1;
    out->tags = tags->length > 1 ? tags->data : NULL;
    return true;
}

static bool fragment_key(ssr_runtime *rt, const ssr_stmt *s, perfopt__strbuf *out)
{
    char number[32];
    perfopt_value key;
    snprintf(number, sizeof(number), "%u%c", s->id, rt->context->autoescape ? 'e' : '-');
    put_prefix(rt->ssr, rt->template, number, out);
    return s->a->eval(rt, s->a, &key) && perfopt__ssr_check_lenient(rt, key) &&
           perfopt__ssr_put_repr(rt, key, out) && (!out->failed || perfopt__ssr_fail_nomem(rt));
}

/* The answer of the cache: nothing to do if the body ran, else the stored text. */
static bool take_answer(ssr_runtime *rt, const fragment *f, perfopt_status st, perfopt_bytes *bytes,
                        const perfopt_error *err)
{
    if (rt->status != PERFOPT_OK) {
        if (st == PERFOPT_OK)
            perfopt_bytes_release(bytes);
        return false;
    }
    if (st == PERFOPT_EDEADLOCK)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "a fragment contains itself");
    if (st == PERFOPT_OK) {
        bool ok = f->ran ||
                  perfopt__ssr_write(rt, perfopt_bytes_data(bytes), perfopt_bytes_length(bytes));
        count_fragment(rt->ssr, rt->template, !f->ran);
        perfopt_bytes_release(bytes);
        return ok;
    }
    if (f->ran && st != PERFOPT_ENOMEM)
        return true; /* rendered, but it could not be stored */
    return perfopt__ssr_fail(rt, st, "fragment: %s",
                             err->message[0] ? err->message : perfopt_status_text(st));
}

bool perfopt__ssr_exec_cache(ssr_runtime *rt, const ssr_stmt *s)
{
    perfopt__strbuf key = PERFOPT__STRBUF_INIT;
    perfopt__strbuf tags = PERFOPT__STRBUF_INIT;
    perfopt_store_options options = PERFOPT_STORE_OPTIONS_INIT;
    perfopt_bytes *bytes = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    fragment f = {rt, s, perfopt__ssr_output_length(rt), false};
    bool ok;
    if (!rt->ssr->cache) {
        ok = run_body(rt, s);
    } else {
        ok = fragment_key(rt, s, &key) && fragment_options(rt, s, &tags, &options);
        if (ok) {
            perfopt_status st = perfopt_cache_get_or_compute(
                rt->ssr->cache, key.data, key.length, &options, load_fragment, &f, &bytes, &err);
            ok = take_answer(rt, &f, st, bytes, &err);
        }
    }
    perfopt__strbuf_finish(&key);
    perfopt__strbuf_finish(&tags);
    return ok || perfopt__ssr_locate(rt, s->line, s->column);
}

/* ---- partials ------------------------------------------------------------------------------- */

typedef struct partial {
    perfopt_ssr *ssr;
    ssr_template *template;
    const perfopt_context *context;
    bool ran;
} partial;

static perfopt_status load_partial(void *user, perfopt_bytes **out, perfopt_store_options *store,
                                   perfopt_error *err)
{
    partial *p = user;
    (void)store;
    p->ran = true;
    return perfopt__ssr_render_template(p->ssr, p->template, p->context, NULL, out, err);
}

static perfopt_status cached_partial(partial *p, const perfopt_render_options *options,
                                     perfopt_bytes **out, perfopt_error *err)
{
    perfopt__strbuf key = PERFOPT__STRBUF_INIT;
    perfopt_store_options store = PERFOPT_STORE_OPTIONS_INIT;
    store.ttl_ms =
        (int64_t)(options->cache_timeout_s ? options->cache_timeout_s : DEFAULT_TTL_S) * 1000;
    store.tags = options->tags;
    put_prefix(p->ssr, p->template, "partial", &key);
    perfopt__strbuf_puts(&key, options->key);
    if (key.failed) {
        perfopt__strbuf_finish(&key);
        return perfopt__error_nomem(err);
    }
    perfopt_status st = perfopt_cache_get_or_compute(p->ssr->cache, key.data, key.length, &store,
                                                     load_partial, p, out, err);
    if (st == PERFOPT_EINVAL && !p->ran) /* the key is too long to be stored under */
        st = load_partial(p, out, &store, err);
    perfopt__strbuf_finish(&key);
    if (st == PERFOPT_OK)
        count_fragment(p->ssr, p->template, !p->ran);
    return st;
}

perfopt_status perfopt_ssr_render_partial(perfopt_ssr *ssr, const char *name,
                                          const perfopt_context *context,
                                          const perfopt_render_options *options,
                                          perfopt_bytes **out, perfopt_error *err)
{
    partial p = {ssr, NULL, context, false};
    perfopt_status st = perfopt__ssr_load(ssr, name, strlen(name), &p.template, err);
    if (st != PERFOPT_OK)
        return st;
    if (ssr->cache && options && options->key)
        st = cached_partial(&p, options, out, err);
    else
        st = perfopt__ssr_render_template(ssr, p.template, context, NULL, out, err);
    perfopt__ssr_template_release(p.template);
    return st;
}
