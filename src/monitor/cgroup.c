/*
 * cgroup.c - finding the process's cgroup and walking up to the mount point, looking for the lowest
 * limits. Machines with both versions mounted (hybrid) keep each controller in one of them.
 */
#include "monitor/cgroup.h"

#include "monitor/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *perfopt__files_read(perfopt__files *files, const char *path)
{
    char full[2 * PERFOPT__PATH_MAX];
    int n = snprintf(full, sizeof(full), "%s%s", files->root, path);
    if (n < 0 || (size_t)n >= sizeof(full))
        return NULL;
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    size_t length = 0;
    ssize_t got = 0;
    while (length < sizeof(files->text) - 1) {
        got = read(fd, files->text + length, sizeof(files->text) - 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    close(fd);
    files->text[length] = '\0';
    return got < 0 ? NULL : files->text;
}

static const char *read_in(perfopt__files *files, const char *folder, const char *name)
{
    char path[PERFOPT__PATH_MAX + 64];
    int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
    return n < 0 || (size_t)n >= sizeof(path) ? NULL : perfopt__files_read(files, path);
}

static bool read_single(perfopt__files *files, const char *folder, const char *name, uint64_t *out)
{
    const char *text = read_in(files, folder, name);
    return text && perfopt__parse_single(text, out);
}

/* A place in a hierarchy: the folder, and how much of it is the mount point. */
typedef struct place {
    char folder[PERFOPT__PATH_MAX];
    size_t top;
} place;

/* The folder of the process's cgroup. In a container the path may be told as seen from outside;
 * then the mount's root is its beginning. */
static bool find(perfopt__files *files, const char *controller, place *out)
{
    char path[PERFOPT__PATH_MAX], root[PERFOPT__PATH_MAX], mount[PERFOPT__PATH_MAX];
    const char *text = perfopt__files_read(files, "/proc/self/cgroup");
    if (!text || !perfopt__parse_cgroup_path(text, controller, path, sizeof(path)))
        return false;
    text = perfopt__files_read(files, "/proc/self/mountinfo");
    if (!text || !perfopt__parse_cgroup_mount(text, controller, root, mount, sizeof(root)))
        return false;
    size_t root_length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    const char *below = path;
    if (strncmp(path, root, root_length) == 0 &&
        (path[root_length] == '/' || path[root_length] == '\0'))
        below = path + root_length;
    if (strcmp(below, "/") == 0 || strstr(below, "/..") != NULL)
        below = "";
    int n = snprintf(out->folder, sizeof(out->folder), "%s%s", mount, below);
    out->top = strlen(mount);
    return n > 0 && (size_t)n < sizeof(out->folder);
}

/* Goes one cgroup up; false at the mount point. */
static bool go_up(place *at)
{
    size_t length = strlen(at->folder);
    while (length > at->top && at->folder[length - 1] != '/')
        length--;
    if (length <= at->top)
        return false;
    at->folder[length - 1] = '\0';
    return length - 1 >= at->top;
}

typedef struct memory_files {
    const char *limit, *used, *inactive_key, *source;
} memory_files;

static const memory_files version1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                      "total_inactive_file", "cgroup1"};
static const memory_files version2 = {"memory.max", "memory.current", "inactive_file", "cgroup2"};

/* Lowest limit from `at` upwards, and the use of the cgroup that sets it. */
static void read_memory(perfopt__files *files, place at, const memory_files *names,
                        perfopt__cgroup_limits *out)
{
    do {
        uint64_t limit, used, inactive = 0;
        if (!read_single(files, at.folder, names->limit, &limit) || limit == PERFOPT__UNLIMITED ||
            limit == 0 || (out->has_memory && limit >= out->memory_limit) ||
            !read_single(files, at.folder, names->used, &used))
            continue;
        const char *stat = read_in(files, at.folder, "memory.stat");
        if (stat)
            (void)perfopt__parse_keyed(stat, names->inactive_key, &inactive);
        out->has_memory = true;
        out->memory_limit = limit;
        out->memory_used = used > inactive ? used - inactive : 0;
        snprintf(out->memory_source, sizeof(out->memory_source), "%s", names->source);
    } while (go_up(&at));
}

static void read_cpus2(perfopt__files *files, place at, double *cpus)
{
    do {
        const char *text = read_in(files, at.folder, "cpu.max");
        double here;
        if (text && perfopt__parse_cpu_max(text, &here) && here < *cpus)
            *cpus = here;
    } while (go_up(&at));
}

static void read_cpus1(perfopt__files *files, place at, double *cpus)
{
    do {
        uint64_t quota, period;
        if (read_single(files, at.folder, "cpu.cfs_quota_us", &quota) &&
            read_single(files, at.folder, "cpu.cfs_period_us", &period) &&
            quota != PERFOPT__UNLIMITED && quota > 0 && period > 0 &&
            (double)quota / (double)period < *cpus)
            *cpus = (double)quota / (double)period;
    } while (go_up(&at));
}

void perfopt__cgroup_read(perfopt__files *files, perfopt__cgroup_limits *out)
{
    memset(out, 0, sizeof(*out));
    out->cpus = INFINITY;
    place at;
    if (find(files, NULL, &at)) {
        memcpy(out->pressure_folder, at.folder, sizeof(out->pressure_folder));
        read_memory(files, at, &version2, out);
        read_cpus2(files, at, &out->cpus);
    }
    if (find(files, "memory", &at))
        read_memory(files, at, &version1, out);
    if (find(files, "cpu", &at))
        read_cpus1(files, at, &out->cpus);
}
