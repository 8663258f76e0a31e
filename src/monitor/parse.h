/*
 * parse.h - reading the texts of /proc and the cgroup file systems. Every function takes the whole
 * text, NUL-terminated and of any content, writes its outputs only on success, and uses no locale.
 * The formats are those of proc(5) and the kernel's cgroup documentation.
 */
#ifndef PERFOPT_SRC_MONITOR_PARSE_H
#define PERFOPT_SRC_MONITOR_PARSE_H

#include <perfopt/base.h>

#define PERFOPT__UNLIMITED UINT64_MAX

/* A decimal number at `text`, clamped to UINT64_MAX; returns what follows it, NULL if there is
 * none.
 */
const char *perfopt__parse_number(const char *text, uint64_t *out);
/* The one number of a file such as memory.current; "max", "-1" and the page-rounded maximum of
 * version 1 are PERFOPT__UNLIMITED. */
bool perfopt__parse_single(const char *text, uint64_t *out);
/* "key value" on a line of its own, as in memory.stat; also "Key: value", as in status. */
bool perfopt__parse_keyed(const char *text, const char *key, uint64_t *out);
/* /proc/self/stat: ticks of user and system time, ticks from boot to start. */
bool perfopt__parse_self_stat(const char *text, uint64_t *cpu_ticks, uint64_t *start_ticks);

typedef struct perfopt__host_stat {
    uint64_t busy_ticks, all_ticks;
    uint32_t cpus;
    int64_t boot_s; /* wall time; 0 = not given */
} perfopt__host_stat;
bool perfopt__parse_host_stat(const char *text, perfopt__host_stat *out);

/* Number of CPUs in a list such as "0-3,8". */
bool perfopt__parse_cpu_list(const char *text, uint32_t *out);
/* /proc/self/limits: the soft limit of open files. */
bool perfopt__parse_open_files(const char *text, uint64_t *out);
/* "some avg10=1.50 ..." of a pressure file. */
bool perfopt__parse_pressure(const char *text, double *out);
/* The first number of /proc/loadavg. */
bool perfopt__parse_load(const char *text, double *out);
/* "50000 100000" of cpu.max: CPUs; false for "max". */
bool perfopt__parse_cpu_max(const char *text, double *out);
/* /proc/self/cgroup: path of a version 1 controller, or (NULL) in the unified hierarchy. */
bool perfopt__parse_cgroup_path(const char *text, const char *controller, char *out, size_t size);
/* /proc/self/mountinfo: root and mount point of a version 1 controller's hierarchy, or (NULL) of
 * the unified one. */
bool perfopt__parse_cgroup_mount(const char *text, const char *controller, char *root,
                                 char *mount_point, size_t size);

#endif
