/*
 * loader.c - from a template's name to its compiled form: cache, file, lexer, parser, compiler.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "ssr/ssr_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- compiling ------------------------------------------------------------------------------ */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);
    return n >= m && strcasecmp(name + n - m, end) == 0;
}

bool perfopt__ssr_autoescape_for(const struct perfopt_ssr *ssr, const char *name)
{
    if (ssr->autoescape != PERFOPT_AUTOESCAPE_BY_NAME)
        return ssr->autoescape == PERFOPT_AUTOESCAPE_ON;
    return ends_with(name, ".html") || ends_with(name, ".htm") || ends_with(name, ".xml") ||
           ends_with(name, ".xhtml");
}

/* Line ends become \n; one at the very end goes, unless it is to be kept. */
static char *normalise(ssr_compilation *c, const char *source, size_t length, size_t *out)
{
    char *copy = perfopt__ssr_permanent(c, length + 1);
    size_t n = 0;
    if (!copy)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (source[i] == '\r') {
            copy[n++] = '\n';
            i += i + 1 < length && source[i + 1] == '\n';
        } else {
            copy[n++] = source[i];
        }
    }
    if (n && copy[n - 1] == '\n' && !c->syntax.keep_trailing_newline)
        n--;
    *out = n;
    return copy;
}

static perfopt_status compile_into(ssr_compilation *c, const char *source, size_t length)
{
    ssr_ast_list body = {NULL, NULL, 0};
    char *copy = normalise(c, source, length, &c->length);
    if (!copy)
        return c->status;
    c->source = copy;
    bool ok =
        perfopt__ssr_lex(c) && perfopt__ssr_parse(c, &body) && perfopt__ssr_generate(c, &body);
    perfopt__free(c->tokens);
    if (ok && c->status == PERFOPT_OK)
        return PERFOPT_OK;
    return c->status != PERFOPT_OK ? c->status : perfopt__error_nomem(c->err);
}

static ssr_template *template_new(const char *name, bool autoescape)
{
    ssr_template *t = perfopt__calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->refs = 1;
    t->autoescape = autoescape;
    t->name_length = strlen(name);
    t->name = perfopt__strdup(name);
    if (!t->name || perfopt_arena_create(16384, &t->arena) != PERFOPT_OK) {
        perfopt__ssr_template_release(t);
        return NULL;
    }
    return t;
}

static perfopt_status check_source(const char *name, const char *source, size_t length,
                                   perfopt_error *err)
{
    if (length > SSR_MAX_SOURCE)
        return perfopt__error_set(err, PERFOPT_ELIMIT, "template '%.100s' is larger than %d bytes",
                                  name, SSR_MAX_SOURCE);
    if (!perfopt__utf8_valid(source, length))
        return perfopt__error_from(err, PERFOPT_ESYNTAX, PERFOPT_ORIGIN_PERFOPT, 0, "1:1",
                                   "template '%.100s' is not UTF-8", name);
    return PERFOPT_OK;
}

perfopt_status perfopt__ssr_compile(struct perfopt_ssr *ssr, const char *name, const char *source,
                                    size_t length, bool autoescape, ssr_template **out,
                                    perfopt_error *err)
{
    perfopt_status st = check_source(name, source, length, err);
    if (st != PERFOPT_OK)
        return st;
    ssr_template *t = template_new(name, autoescape);
    perfopt_arena *temporary = NULL;
    if (!t || perfopt_arena_create(32768, &temporary) != PERFOPT_OK) {
        perfopt__ssr_template_release(t);
        return perfopt__error_nomem(err);
    }
    int64_t start = perfopt__now_ns();
    ssr_compilation c = {.ssr = ssr,
                         .template = t,
                         .temporary = temporary,
                         .permanent = t->arena,
                         .template_name = t->name,
                         .syntax = ssr->syntax,
                         .err = err};
    st = compile_into(&c, source, length);
    perfopt_arena_destroy(temporary);
    t->compile_ns = perfopt__now_ns() - start;
    t->source_hash = perfopt__hash128_stable(source, length);
    if (st != PERFOPT_OK) {
        perfopt__ssr_template_release(t);
        t = NULL;
    } else {
        *out = t;
    }
    perfopt__ssr_record_compile(&ssr->stats, NULL, t ? t->compile_ns : 0, st != PERFOPT_OK);
    return st;
}

/* ---- files ---------------------------------------------------------------------------------- */

static bool file_path(const struct perfopt_ssr *ssr, const char *name, char *out, size_t size)
{
    int n = snprintf(out, size, "%s/%s", ssr->root, name);
    return n > 0 && (size_t)n < size;
}

static bool file_identity(const char *path, ssr_file_id *out)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    *out = (ssr_file_id){(int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                         (uint64_t)st.st_size, (uint64_t)st.st_ino};
    return true;
}

bool perfopt__ssr_is_stale(const struct perfopt_ssr *ssr, const ssr_template *template)
{
    char path[PATH_MAX];
    ssr_file_id now;
    if (!template->from_file)
        return false;
    if (!file_path(ssr, template->name, path, sizeof(path)) || !file_identity(path, &now))
        return true;
    return now.mtime_ns != template->file.mtime_ns || now.size != template->file.size ||
           now.inode != template->file.inode;
}

static perfopt_status not_found(const char *name, perfopt_error *err)
{
    return perfopt__error_from(err, PERFOPT_ENOTFOUND, PERFOPT_ORIGIN_PERFOPT, 0, name,
                               "template '%.200s' not found", name);
}

static perfopt_status load_file(struct perfopt_ssr *ssr, const char *name, ssr_template **out,
                                perfopt_error *err)
{
    char path[PATH_MAX];
    ssr_file_id file;
    char *source;
    size_t length;
    bool inside = perfopt__path_is_inside(name, strlen(name));
    if (!ssr->root || !inside || !file_path(ssr, name, path, sizeof(path)) ||
        !file_identity(path, &file))
        return not_found(name, err);
    perfopt_status st = perfopt__file_read(path, SSR_MAX_SOURCE, &source, &length, err);
    if (st == PERFOPT_ENOTFOUND)
        return not_found(name, err);
    if (st != PERFOPT_OK)
        return st;
    st = perfopt__ssr_compile(ssr, name, source, length, perfopt__ssr_autoescape_for(ssr, name),
                              out, err);
    perfopt__free(source);
    if (st != PERFOPT_OK)
        return st;
    ssr_template *t = *out;
    t->from_file = true;
    t->file = file; /* read before the contents: a change in between is seen next time */
    t->numbers = perfopt__ssr_numbers_of(&ssr->stats, name);
    if (t->numbers) {
        t->numbers->compiles++;
        t->numbers->compile_ns += t->compile_ns;
    }
    return PERFOPT_OK;
}

/* ---- loading -------------------------------------------------------------------------------- */

static void count_lookup(struct perfopt_ssr *ssr, bool hit)
{
    ssr_numbers_stripe *s = &ssr->stats.total->stripes[perfopt__ssr_stripe()];
    atomic_fetch_add_explicit(hit ? &s->template_hits : &s->template_misses, 1,
                              memory_order_relaxed);
}

perfopt_status perfopt__ssr_load(struct perfopt_ssr *ssr, const char *name, size_t length,
                                 ssr_template **out, perfopt_error *err)
{
    char copy[PATH_MAX];
    ssr_template *t =
        ssr->cache_templates ? perfopt__ssr_cache_get(&ssr->templates, name, length) : NULL;
    if (t && ssr->auto_reload && perfopt__ssr_is_stale(ssr, t)) {
        perfopt__ssr_template_release(t);
        t = NULL;
        ssr->stats.reloads++;
    }
    count_lookup(ssr, t != NULL);
    if (t) {
        *out = t;
        return PERFOPT_OK;
    }
    if (length >= sizeof(copy) || memchr(name, '\0', length))
        return perfopt__error_set(err, PERFOPT_ENOTFOUND,
                                  "template not found: its name is too long");
    memcpy(copy, name, length);
    copy[length] = '\0';
    perfopt_status st = load_file(ssr, copy, &t, err);
    if (st != PERFOPT_OK)
        return st;
    if (ssr->cache_templates && perfopt__ssr_cache_put(&ssr->templates, t) != PERFOPT_OK) {
        perfopt__ssr_template_release(t);
        return perfopt__error_nomem(err);
    }
    *out = t;
    return PERFOPT_OK;
}

static perfopt_status load_string(ssr_runtime *rt, const char *name, size_t length,
                                  ssr_template **out)
{
    perfopt_value source = perfopt_value_get(rt->strings->sources, name, length);
    if (source.kind != PERFOPT_STRING)
        return PERFOPT_ENOTFOUND;
    perfopt_value copy;
    if (!perfopt__ssr_copy_text(rt, name, length, &copy))
        return PERFOPT_ENOMEM;
    return perfopt__ssr_compile(rt->ssr, copy.as.string, source.as.string, source.length,
                                perfopt__ssr_autoescape_for(rt->ssr, copy.as.string), out,
                                &rt->err);
}

static bool remember(ssr_runtime *rt, const char *name, ssr_template *template, ssr_loaded **out)
{
    ssr_loaded *l = perfopt__ssr_alloc(rt, sizeof(*l));
    if (!l) {
        perfopt__ssr_template_release(template);
        return false;
    }
    l->template = template;
    l->asked = name;
    l->next = rt->loaded;
    rt->loaded = l;
    *out = l;
    return true;
}

bool perfopt__ssr_load_for(ssr_runtime *rt, const char *name, size_t length, ssr_loaded **out,
                           bool *missing)
{
    for (ssr_loaded *l = rt->loaded; l; l = l->next) {
        if (l->template->name_length == length &&
            (l->asked == name || memcmp(l->template->name, name, length) == 0)) {
            *out = l;
            return true;
        }
    }
    ssr_template *t;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status st = PERFOPT_ENOTFOUND;
    if (rt->strings) {
        st = load_string(rt, name, length, &t);
        err = rt->err;
    }
    if (st == PERFOPT_ENOTFOUND)
        st = perfopt__ssr_load(rt->ssr, name, length, &t, &err);
    *missing = st == PERFOPT_ENOTFOUND;
    if (*missing)
        return true;
    if (st == PERFOPT_OK)
        return remember(rt, name, t, out);
    if (rt->status == PERFOPT_OK) { /* the place in the other template is what matters */
        rt->status = st;
        rt->err = err;
        rt->located = true;
    }
    return false;
}
