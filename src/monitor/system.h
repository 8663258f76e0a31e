/*
 * system.h - the machine and the process, sampled from /proc, the cgroup file systems and statvfs.
 * Nothing is executed; a source that cannot be read is named in `missing`.
 */
#ifndef PERFOPT_SRC_MONITOR_SYSTEM_H
#define PERFOPT_SRC_MONITOR_SYSTEM_H

#include "monitor/cgroup.h"

#include <perfopt/monitor.h>

#define PERFOPT__DISKS 4

typedef struct perfopt__system_sampler {
    perfopt__files files;
    perfopt__cgroup_limits limits;
    char disks[PERFOPT__DISKS][128];
    uint32_t disk_count;
    int64_t sampled_ns; /* monotonic; of the CPU numbers below */
    bool have_process, have_host;
    uint64_t process_ticks, host_busy, host_all;
} perfopt__system_sampler;

/* What only exporters want to know. */
typedef struct perfopt__process {
    double cpu_seconds;
    double start_s; /* wall; 0 = unknown */
} perfopt__process;

/* `root` is borrowed, "" for the machine itself. PERFOPT_ECONFIG for more than four disks or a path
 * that is too long. */
perfopt_status perfopt__system_init(perfopt__system_sampler *sampler, const char *root,
                                    const char *const *disk_paths, perfopt_error *err);
/* Fills everything but sampled_ms and uptime_s. */
void perfopt__system_sample(perfopt__system_sampler *sampler, int64_t now_ns, perfopt_system *out,
                            perfopt__process *process);

#endif
