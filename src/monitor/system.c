/*
 * system.c - one sample of the machine.
 */
#include "monitor/system.h"

#include "base/error.h"
#include "monitor/parse.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

perfopt_status perfopt__system_init(perfopt__system_sampler *sampler, const char *root,
                                    const char *const *disk_paths, perfopt_error *err)
{
    static const char *const only_root[] = {"/", NULL};
    memset(sampler, 0, sizeof(*sampler));
    sampler->files.root = root;
    for (const char *const *path = disk_paths ? disk_paths : only_root; *path; path++) {
        if (sampler->disk_count == PERFOPT__DISKS)
            return perfopt__error_set(err, PERFOPT_ECONFIG, "disk_paths: at most %d",
                                      PERFOPT__DISKS);
        if (**path == '\0' || strlen(*path) >= sizeof(sampler->disks[0]))
            return perfopt__error_set(err, PERFOPT_ECONFIG, "disk_paths: empty or too long");
        snprintf(sampler->disks[sampler->disk_count++], sizeof(sampler->disks[0]), "%s", *path);
    }
    return PERFOPT_OK;
}

static void name_missing(perfopt_system *out, const char *what)
{
    size_t used = strlen(out->missing);
    snprintf(out->missing + used, sizeof(out->missing) - used, "%s%s", used ? ", " : "", what);
}

static double clamp_ratio(double ratio)
{
    return ratio < 0 ? 0 : ratio > 1 ? 1 : ratio;
}

static void sample_host_cpu(perfopt__system_sampler *s, perfopt_system *out, int64_t *boot_s)
{
    perfopt__host_stat stat;
    const char *text = perfopt__files_read(&s->files, "/proc/stat");
    out->host_cpu_ratio = NAN;
    if (!text || !perfopt__parse_host_stat(text, &stat)) {
        s->have_host = false;
        name_missing(out, "host cpu");
        return;
    }
    if (s->have_host && stat.all_ticks > s->host_all && stat.busy_ticks >= s->host_busy)
        out->host_cpu_ratio = clamp_ratio((double)(stat.busy_ticks - s->host_busy) /
                                          (double)(stat.all_ticks - s->host_all));
    s->have_host = true;
    s->host_busy = stat.busy_ticks;
    s->host_all = stat.all_ticks;
    *boot_s = stat.boot_s;
    if (stat.cpus && stat.cpus < out->cpu_limit)
        out->cpu_limit = stat.cpus;
}

/* Memory, threads and allowed CPUs of the process. */
static void sample_status(perfopt__system_sampler *s, perfopt_system *out)
{
    uint64_t rss_kib = 0, threads = 0;
    uint32_t allowed;
    const char *text = perfopt__files_read(&s->files, "/proc/self/status");
    if (!text || !perfopt__parse_keyed(text, "VmRSS", &rss_kib) ||
        !perfopt__parse_keyed(text, "Threads", &threads)) {
        name_missing(out, "process");
        return;
    }
    out->rss_bytes = rss_kib * 1024;
    out->threads = (uint32_t)threads;
    const char *list = strstr(text, "\nCpus_allowed_list:");
    if (list && perfopt__parse_cpu_list(strchr(list, ':') + 1, &allowed) &&
        allowed < out->cpu_limit)
        out->cpu_limit = allowed;
}

static void sample_process_cpu(perfopt__system_sampler *s, int64_t now_ns, int64_t boot_s,
                               perfopt_system *out, perfopt__process *process)
{
    uint64_t ticks, start;
    double per_second = (double)sysconf(_SC_CLK_TCK);
    const char *text = perfopt__files_read(&s->files, "/proc/self/stat");
    out->process_cpu_ratio = NAN;
    if (!text || !perfopt__parse_self_stat(text, &ticks, &start)) {
        s->have_process = false;
        name_missing(out, "process cpu");
        return;
    }
    process->cpu_seconds = (double)ticks / per_second;
    process->start_s = boot_s ? (double)boot_s + (double)start / per_second : 0;
    double elapsed_s = (double)(now_ns - s->sampled_ns) / 1e9;
    if (s->have_process && elapsed_s > 0 && ticks >= s->process_ticks)
        out->process_cpu_ratio =
            clamp_ratio((double)(ticks - s->process_ticks) / per_second / elapsed_s /
                        (isfinite(out->cpu_limit) ? out->cpu_limit : 1));
    s->have_process = true;
    s->process_ticks = ticks;
    s->sampled_ns = now_ns;
}

static void sample_memory(perfopt__system_sampler *s, perfopt_system *out)
{
    uint64_t total_kib = 0, available_kib = 0;
    const char *text = perfopt__files_read(&s->files, "/proc/meminfo");
    bool host = text && perfopt__parse_keyed(text, "MemTotal", &total_kib) &&
                perfopt__parse_keyed(text, "MemAvailable", &available_kib) && total_kib > 0 &&
                total_kib <= UINT64_MAX / 1024;
    if (s->limits.has_memory && (!host || s->limits.memory_limit < total_kib * 1024)) {
        out->memory_used_bytes = s->limits.memory_used;
        out->memory_limit_bytes = s->limits.memory_limit;
        memcpy(out->memory_source, s->limits.memory_source, sizeof(out->memory_source));
    } else if (host) {
        uint64_t free_kib = available_kib < total_kib ? available_kib : total_kib;
        out->memory_used_bytes = (total_kib - free_kib) * 1024;
        out->memory_limit_bytes = total_kib * 1024;
        snprintf(out->memory_source, sizeof(out->memory_source), "host");
    } else {
        name_missing(out, "memory");
    }
}

static double pressure(perfopt__system_sampler *s, const char *what, perfopt_system *out)
{
    char path[PERFOPT__PATH_MAX + 32];
    double value;
    const char *text = NULL;
    if (s->limits.pressure_folder[0]) {
        snprintf(path, sizeof(path), "%s/%s.pressure", s->limits.pressure_folder, what);
        text = perfopt__files_read(&s->files, path);
    }
    if (!text || !perfopt__parse_pressure(text, &value)) {
        snprintf(path, sizeof(path), "/proc/pressure/%s", what);
        text = perfopt__files_read(&s->files, path);
        if (!text || !perfopt__parse_pressure(text, &value)) {
            char name[24];
            snprintf(name, sizeof(name), "%s pressure", what);
            name_missing(out, name);
            return NAN;
        }
    }
    return value;
}

static void sample_files(perfopt__system_sampler *s, perfopt_system *out)
{
    char path[PERFOPT__PATH_MAX];
    snprintf(path, sizeof(path), "%s/proc/self/fd", s->files.root);
    DIR *folder = opendir(path);
    uint64_t max;
    const char *text = perfopt__files_read(&s->files, "/proc/self/limits");
    if (!folder || !text || !perfopt__parse_open_files(text, &max)) {
        if (folder)
            closedir(folder);
        name_missing(out, "files");
        return;
    }
    uint32_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    out->open_fds = s->files.root[0] == '\0' && count ? count - 1 : count; /* not this folder's */
    out->max_fds = max > UINT32_MAX ? UINT32_MAX : (uint32_t)max;
}

static void sample_disks(perfopt__system_sampler *s, perfopt_system *out)
{
    for (uint32_t i = 0; i < s->disk_count; i++) {
        char path[PERFOPT__PATH_MAX];
        snprintf(path, sizeof(path), "%s%s", s->files.root, s->disks[i]);
        struct statvfs fs;
        if (statvfs(path, &fs) != 0) {
            name_missing(out, s->disks[i]);
            continue;
        }
        perfopt_system_disk *disk = &out->disks[out->disk_count++];
        memcpy(disk->path, s->disks[i], sizeof(disk->path));
        disk->total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
        disk->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    }
}

void perfopt__system_sample(perfopt__system_sampler *sampler, int64_t now_ns, perfopt_system *out,
                            perfopt__process *process)
{
    memset(out, 0, sizeof(*out));
    memset(process, 0, sizeof(*process));
    perfopt__cgroup_read(&sampler->files, &sampler->limits);
    int64_t boot_s = 0;
    out->cpu_limit = sampler->limits.cpus;
    sample_host_cpu(sampler, out, &boot_s);
    sample_status(sampler, out);
    sample_process_cpu(sampler, now_ns, boot_s, out, process);
    if (!isfinite(out->cpu_limit))
        out->cpu_limit = NAN;
    sample_memory(sampler, out);
    sample_files(sampler, out);
    const char *text = perfopt__files_read(&sampler->files, "/proc/loadavg");
    if (!text || !perfopt__parse_load(text, &out->load1)) {
        out->load1 = NAN;
        name_missing(out, "load");
    }
    out->psi_cpu = pressure(sampler, "cpu", out);
    out->psi_memory = pressure(sampler, "memory", out);
    out->psi_io = pressure(sampler, "io", out);
    sample_disks(sampler, out);
}
