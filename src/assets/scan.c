/*
 * scan.c - the source folder: walking it, matching patterns, and opening single files so that
 * nothing outside it, nothing hidden and nothing of the output can be reached.
 */
#include "assets/assets_internal.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static_assert((int)PERFOPT__ASSET_PATH_MAX >= PATH_MAX, "realpath() writes PATH_MAX bytes");

int64_t perfopt__mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

bool perfopt__is_servable(const char *name, size_t length)
{
    if (!perfopt__path_is_inside(name, length))
        return false;
    for (size_t i = 0; i < length; i++) {
        bool first = i == 0 || name[i - 1] == '/';
        if (first && (name[i] == '.' || name[i] == '/'))
            return false;
    }
    return name[length - 1] != '/';
}

bool perfopt__matches(const char *const *patterns, const char *name)
{
    if (!patterns)
        return true;
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    for (; *patterns; patterns++) {
        const char *pattern = *patterns;
        bool whole = strchr(pattern, '/') != NULL;
        /* "**" crosses folders. */
        int flags = strstr(pattern, "**") ? 0 : FNM_PATHNAME;
        if (fnmatch(pattern, whole ? name : base, flags) == 0)
            return true;
    }
    return false;
}

/* True if `path` is `folder` or below it; *below gets what follows the '/'. */
static bool is_below(const char *path, const char *folder, const char **below)
{
    size_t n = strlen(folder);
    if (strncmp(path, folder, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return false;
    *below = path[n] ? path + n + 1 : path + n;
    return true;
}

/* The real path of a source. PERFOPT_EFORBIDDEN if it leads where it must not. */
static perfopt_status real_path(const perfopt_assets *assets, const char *name,
                                char out[PERFOPT__ASSET_PATH_MAX])
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (!perfopt__join(path, assets->root, name, "") || !realpath(path, out))
        return PERFOPT_ENOTFOUND;
    const char *below;
    if (is_below(out, assets->output, &below) || !is_below(out, assets->root, &below) ||
        !perfopt__is_servable(below, strlen(below)))
        return PERFOPT_EFORBIDDEN;
    return PERFOPT_OK;
}

perfopt_status perfopt__open_source(const perfopt_assets *assets, const char *name, int *fd,
                                    struct stat *st)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (real_path(assets, name, path) != PERFOPT_OK)
        return PERFOPT_ENOTFOUND;
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (opened < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? PERFOPT_ENOTFOUND
                                                                     : PERFOPT_EIO;
    if (fstat(opened, st) != 0 || !S_ISREG(st->st_mode)) {
        close(opened);
        return PERFOPT_ENOTFOUND;
    }
    *fd = opened;
    return PERFOPT_OK;
}

perfopt_status perfopt__read_range(int fd, uint64_t offset, size_t length, perfopt_bytes **out)
{
    perfopt_bytes *bytes = perfopt__bytes_new(length);
    if (!bytes)
        return PERFOPT_ENOMEM;
    size_t used = 0;
    while (used < length) {
        ssize_t n = pread(fd, bytes->data + used, length - used, (off_t)(offset + used));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            perfopt_bytes_release(bytes);
            return PERFOPT_EIO;
        }
        used += (size_t)n;
    }
    *out = bytes;
    return PERFOPT_OK;
}

/* ---- walking ------------------------------------------------------------------------------ */

/* The folders that are still to be read, as one text: "css\0img\0". */
typedef struct walk {
    const perfopt_assets *assets;
    perfopt__strbuf folders;
    perfopt__source_list *list;
} walk;

static perfopt_status add_source(walk *w, const char *name, const struct stat *st)
{
    perfopt__source_list *list = w->list;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        perfopt__source *items = perfopt__reallocarray(list->items, capacity, sizeof(*items));
        if (!items)
            return PERFOPT_ENOMEM;
        list->items = items;
        list->capacity = capacity;
    }
    char *copy = perfopt__strdup(name);
    if (!copy)
        return PERFOPT_ENOMEM;
    list->items[list->count++] =
        (perfopt__source){copy, (uint64_t)st->st_size, perfopt__mtime_ns(st)};
    return PERFOPT_OK;
}

/* Looks at one name. Links to folders are not followed, so the walk ends. */
static perfopt_status visit(walk *w, const char *name)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    struct stat st;
    if (!perfopt__join(path, w->assets->root, name, "") || lstat(path, &st) != 0)
        return PERFOPT_OK; /* it went away meanwhile */
    if (S_ISDIR(st.st_mode)) {
        if (strcmp(path, w->assets->output) != 0)
            perfopt__strbuf_append(&w->folders, name, strlen(name) + 1);
        return w->folders.failed ? PERFOPT_ENOMEM : PERFOPT_OK;
    }
    if (S_ISLNK(st.st_mode)) {
        char target[PERFOPT__ASSET_PATH_MAX];
        perfopt_status status = real_path(w->assets, name, target);
        if (status != PERFOPT_OK || stat(target, &st) != 0) {
            w->list->refused++;
            perfopt__log(PERFOPT_LOG_WARN, "assets", "link %s %s: left out", name,
                         status == PERFOPT_EFORBIDDEN ? "leaves the folder" : "leads nowhere");
            return PERFOPT_OK;
        }
    }
    return S_ISREG(st.st_mode) ? add_source(w, name, &st) : PERFOPT_OK;
}

static perfopt_status visit_child(walk *w, const char *folder, const char *child)
{
    if (child[0] == '.')
        return PERFOPT_OK;
    char name[PERFOPT__ASSET_PATH_MAX];
    bool fits = *folder ? perfopt__join(name, folder, child, "") : strlen(child) < sizeof(name);
    if (fits && !*folder)
        memcpy(name, child, strlen(child) + 1);
    if (!fits || !perfopt__is_servable(name, strlen(name)) ||
        !perfopt__utf8_valid(name, strlen(name))) {
        w->list->refused++;
        perfopt__log(PERFOPT_LOG_WARN, "assets",
                     "a name in folder \"%s\" is too long, not UTF-8 or has a backslash: left out",
                     folder);
        return PERFOPT_OK;
    }
    return visit(w, name);
}

static perfopt_status read_folder(walk *w, const char *folder, perfopt_error *err)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (!perfopt__join(path, w->assets->root, folder, ""))
        return perfopt__error_set(err, PERFOPT_EIO, "path too long");
    DIR *dir = opendir(path);
    if (!dir) {
        if (*folder == '\0')
            return perfopt__error_os(err, PERFOPT_EIO, errno, "cannot read folder %s", path);
        w->list->refused++;
        perfopt__log(PERFOPT_LOG_WARN, "assets", "cannot read folder %s: left out", folder);
        return PERFOPT_OK;
    }
    perfopt_status status = PERFOPT_OK;
    struct dirent *child;
    while (status == PERFOPT_OK && (child = readdir(dir)) != NULL)
        status = visit_child(w, folder, child->d_name);
    closedir(dir);
    return status == PERFOPT_ENOMEM ? perfopt__error_nomem(err) : status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const perfopt__source *)a)->name, ((const perfopt__source *)b)->name);
}

/* Takes the last folder off the list into `out`. */
static void pop_folder(perfopt__strbuf *folders, char out[PERFOPT__ASSET_PATH_MAX])
{
    size_t start = folders->length - 1;
    while (start > 0 && folders->data[start - 1] != '\0')
        start--;
    memcpy(out, folders->data + start, folders->length - start);
    folders->length = start;
}

perfopt_status perfopt__scan(const perfopt_assets *assets, perfopt__source_list *out,
                             perfopt_error *err)
{
    *out = (perfopt__source_list){0};
    walk w = {assets, PERFOPT__STRBUF_INIT, out};
    perfopt_status status = read_folder(&w, "", err);
    while (status == PERFOPT_OK && w.folders.length > 0) {
        char folder[PERFOPT__ASSET_PATH_MAX];
        pop_folder(&w.folders, folder);
        status = read_folder(&w, folder, err);
    }
    perfopt__strbuf_finish(&w.folders);
    if (status == PERFOPT_OK && out->count > 0)
        qsort(out->items, out->count, sizeof(*out->items), by_name);
    if (status != PERFOPT_OK)
        perfopt__source_list_finish(out);
    return status;
}

void perfopt__source_list_finish(perfopt__source_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        perfopt__free(list->items[i].name);
    perfopt__free(list->items);
    *list = (perfopt__source_list){0};
}
