/*
 * ssr.c - the engine's life, warming and clearing.
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "ssr/ssr_internal.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static bool switched(perfopt_switch value, bool fallback)
{
    return value == PERFOPT_DEFAULT ? fallback : value == PERFOPT_ON;
}

static perfopt_status set_root(perfopt_ssr *ssr, const char *root, perfopt_error *err)
{
    struct stat st;
    if (!root)
        return PERFOPT_OK;
    if (stat(root, &st) != 0 || !S_ISDIR(st.st_mode))
        return perfopt__error_set(err, PERFOPT_ECONFIG, "ssr.root: '%s' is no folder", root);
    ssr->root = perfopt__strdup(root);
    if (!ssr->root)
        return perfopt__error_nomem(err);
    size_t length = strlen(ssr->root);
    while (length > 1 && ssr->root[length - 1] == '/')
        ssr->root[--length] = '\0';
    return PERFOPT_OK;
}

static void set_options(perfopt_ssr *ssr, const perfopt_ssr_options *o)
{
    ssr->cache_templates = switched(o->cache_templates, true);
    ssr->auto_reload = switched(o->auto_reload, false);
    ssr->seo = switched(o->seo, true);
    ssr->autoescape = o->autoescape;
    ssr->undefined = o->undefined;
    ssr->syntax.trim_blocks = switched(o->trim_blocks, false);
    ssr->syntax.lstrip_blocks = switched(o->lstrip_blocks, false);
    ssr->syntax.keep_trailing_newline = switched(o->keep_trailing_newline, false);
    ssr->max_depth = o->max_depth ? o->max_depth : 100;
    ssr->max_output_bytes = o->max_output_bytes ? o->max_output_bytes : UINT64_C(64) << 20;
    ssr->max_steps = o->max_steps ? o->max_steps : 10000000;
    ssr->cache = o->cache;
}

static perfopt_status check_options(const perfopt_ssr_options *o, perfopt_error *err)
{
    if ((unsigned)o->autoescape > PERFOPT_AUTOESCAPE_OFF ||
        (unsigned)o->undefined > PERFOPT_UNDEFINED_STRICT)
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "ssr: autoescape or undefined has an unknown value");
    return PERFOPT_OK;
}

static perfopt_status fill(perfopt_ssr *ssr, const perfopt_ssr_options *own, perfopt_error *err)
{
    set_options(ssr, own);
    perfopt_status st = set_root(ssr, own->root, err);
    if (st != PERFOPT_OK)
        return st;
    uint32_t most = own->max_templates ? own->max_templates : 400;
    if (perfopt__ssr_stats_init(&ssr->stats) != PERFOPT_OK ||
        perfopt__ssr_cache_init(&ssr->templates, most) != PERFOPT_OK ||
        perfopt_arena_create(0, &ssr->globals_arena) != PERFOPT_OK ||
        perfopt_map_create(ssr->globals_arena, &ssr->globals) != PERFOPT_OK)
        return perfopt__error_nomem(err);
    return PERFOPT_OK;
}

perfopt_status perfopt_ssr_create(const perfopt_ssr_options *options, perfopt_ssr **out,
                                  perfopt_error *err)
{
    perfopt_ssr_options own;
    perfopt_status st =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_SSR_OPTIONS", err);
    if (st == PERFOPT_OK)
        st = check_options(&own, err);
    if (st != PERFOPT_OK)
        return st;
    perfopt_ssr *ssr = perfopt__ssr_aligned_new(sizeof(*ssr));
    if (!ssr)
        return perfopt__error_nomem(err);
    st = fill(ssr, &own, err);
    if (st != PERFOPT_OK) {
        perfopt_ssr_destroy(ssr);
        return st;
    }
    *out = ssr;
    return PERFOPT_OK;
}

void perfopt_ssr_destroy(perfopt_ssr *ssr)
{
    if (!ssr)
        return;
    perfopt__ssr_cache_finish(&ssr->templates);
    perfopt__ssr_stats_finish(&ssr->stats);
    while (ssr->registered) {
        ssr_registered *next = ssr->registered->next;
        if (ssr->registered->user_free)
            ssr->registered->user_free(ssr->registered->user);
        perfopt__free(ssr->registered);
        ssr->registered = next;
    }
    perfopt_arena_destroy(ssr->globals_arena);
    perfopt__free(ssr->root);
    perfopt__ssr_aligned_free(ssr);
}

/* ---- warming -------------------------------------------------------------------------------- */

enum { MAX_FOLDERS = 32 }; /* nesting */

typedef struct warming {
    perfopt_ssr *ssr;
    const char *const *patterns;
    size_t count;
    perfopt_status first;
    perfopt_error *err;
} warming;

static bool is_wanted(const warming *w, const char *name)
{
    static const char *const usual[] = {"*.html", "*.xml", NULL};
    for (const char *const *p = w->patterns ? w->patterns : usual; *p; p++) {
        if (fnmatch(*p, name, 0) == 0)
            return true;
    }
    return false;
}

static void warm_file(warming *w, const char *name)
{
    ssr_template *template;
    if (!is_wanted(w, name))
        return;
    perfopt_error *err = w->first == PERFOPT_OK ? w->err : NULL;
    perfopt_status st = perfopt__ssr_load(w->ssr, name, strlen(name), &template, err);
    if (st == PERFOPT_OK) {
        perfopt__ssr_template_release(template);
        w->count++;
    } else if (w->first == PERFOPT_OK) {
        w->first = st;
    }
}

static void warm_folder(warming *w, const char *folder, unsigned depth)
{
    char path[PATH_MAX];
    char name[PATH_MAX];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", w->ssr->root, folder);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        int n = snprintf(name, sizeof(name), "%s%s%s", folder, *folder ? "/" : "", entry->d_name);
        int m = snprintf(path, sizeof(path), "%s/%s", w->ssr->root, name);
        if (n < 0 || (size_t)n >= sizeof(name) || m < 0 || (size_t)m >= sizeof(path) ||
            stat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < MAX_FOLDERS)
            warm_folder(w, name, depth + 1);
        else if (S_ISREG(st.st_mode))
            warm_file(w, name);
    }
    closedir(dir);
}

perfopt_status perfopt_ssr_warm(perfopt_ssr *ssr, const char *const *patterns, size_t *count,
                                perfopt_error *err)
{
    warming w = {ssr, patterns, 0, PERFOPT_OK, err};
    if (ssr->root)
        warm_folder(&w, "", 0);
    if (count)
        *count = w.count;
    return w.first;
}

/* ---- clearing ------------------------------------------------------------------------------- */

static bool is_gone(void *user, const ssr_template *template)
{
    char path[PATH_MAX];
    struct stat st;
    const perfopt_ssr *ssr = user;
    int n = snprintf(path, sizeof(path), "%s/%s", ssr->root, template->name);
    return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) != 0;
}

size_t perfopt_ssr_optimize_cache(perfopt_ssr *ssr)
{
    return perfopt__ssr_cache_optimize(&ssr->templates, is_gone, ssr);
}

size_t perfopt_ssr_clear(perfopt_ssr *ssr, const char *name)
{
    return perfopt__ssr_cache_clear(&ssr->templates, name);
}
