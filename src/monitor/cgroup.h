/*
 * cgroup.h - what bounds the process: its cgroup (version 2, version 1, or both at once) and the
 * cgroups above it.
 */
#ifndef PERFOPT_SRC_MONITOR_CGROUP_H
#define PERFOPT_SRC_MONITOR_CGROUP_H

#include <perfopt/base.h>

#define PERFOPT__PATH_MAX 1024

/* Reads files below a root folder, so that tests can put recorded ones there. */
typedef struct perfopt__files {
    const char *root; /* "" for the machine itself */
    char text[65536]; /* the last file; longer ones are cut, which is as good for what is read here
                       */
} perfopt__files;

/* NUL-terminated contents, NULL if it cannot be read. */
const char *perfopt__files_read(perfopt__files *files, const char *path);

typedef struct perfopt__cgroup_limits {
    bool has_memory;
    uint64_t memory_limit, memory_used; /* of the cgroup with the lowest limit; used without what
                                           the kernel drops first (inactive_file) */
    char memory_source[16];             /* "cgroup2" or "cgroup1" */
    double cpus;                        /* lowest quota in CPUs; INFINITY = none */
    char pressure_folder[PERFOPT__PATH_MAX]; /* of the process's own cgroup; "" = unknown */
} perfopt__cgroup_limits;

void perfopt__cgroup_read(perfopt__files *files, perfopt__cgroup_limits *out);

#endif
