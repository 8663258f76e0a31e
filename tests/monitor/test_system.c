/*
 * test_system.c - the system sampler over made-up machines: cgroup 2, cgroup 1, both, none; and
 * over this one.
 */
#include "monitor/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static perfopt__system_sampler sampler; /* 64 KiB of buffer */

static int make(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof(f));
    fixture_make_root(&f);
    *state = &f;
    return 0;
}

static int clean(void **state)
{
    fixture_remove_root(*state);
    return 0;
}

static perfopt_system sample_at(fixture *f, int64_t now_ns, perfopt__process *process)
{
    perfopt_system out;
    sampler.files.root = f->root;
    perfopt__system_sample(&sampler, now_ns, &out, process);
    return out;
}

static perfopt_system first_sample(fixture *f)
{
    perfopt__process process;
    static const char *const disks[] = {"/proc", NULL};
    assert_int_equal(perfopt__system_init(&sampler, f->root, disks, NULL), PERFOPT_OK);
    return sample_at(f, 1000 * MS, &process);
}

static void a_plain_host(void **state)
{
    perfopt_system s = first_sample(*state);
    assert_string_equal(s.memory_source, "host");
    assert_int_equal(s.memory_limit_bytes, 1000000 * 1024ll);
    assert_int_equal(s.memory_used_bytes, 400000 * 1024ll);
    assert_true(s.cpu_limit == 4);
    assert_true(s.load1 == 0.5);
    assert_true(s.psi_cpu == 1.5 && s.psi_memory == 0 && s.psi_io == 0.25);
    assert_int_equal(s.rss_bytes, 20480 * 1024);
    assert_int_equal(s.threads, 7);
    assert_int_equal(s.open_fds, 2);
    assert_int_equal(s.max_fds, 1024);
    assert_int_equal(s.disk_count, 1);
    assert_true(s.disks[0].total_bytes > 0);
    assert_string_equal(s.missing, "");
    assert_true(isnan(s.process_cpu_ratio) && isnan(s.host_cpu_ratio));
}

static void cpu_ratios_are_differences(void **state)
{
    fixture *f = *state;
    perfopt__process process;
    first_sample(f);
    /* 5 s later: 300 ticks = 3 s of CPU of 4 CPUs x 5 s; the host was busy for a half. */
    fixture_put(f, "/proc/self/stat",
                "42 (odd) name) S 1 42 42 0 -1 4194304 1 0 0 0 400 200 0 0 20 0 7 0 5000 1 1\n");
    fixture_put(f, "/proc/stat",
                "cpu  1600 0 900 8500 1000 0 0 0 0 0\ncpu0 1\ncpu1 1\ncpu2 1\n"
                "cpu3 1\nbtime 1700000000\n");
    perfopt_system s = sample_at(f, 6000 * MS, &process);
    assert_true(fabs(s.process_cpu_ratio - 0.15) < 1e-9);
    assert_true(fabs(s.host_cpu_ratio - 0.5) < 1e-9);
    assert_true(process.cpu_seconds == 6);
    assert_true(process.start_s == 1700000050);
    /* Counters that went back, or no time between: unknown, never negative. */
    fixture_put(f, "/proc/self/stat",
                "42 (odd) name) S 1 42 42 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 7 0 5000 1 1\n");
    fixture_put(f, "/proc/stat", "cpu  1 0 1 1 1\ncpu0 1\n");
    s = sample_at(f, 6000 * MS, &process);
    assert_true(isnan(s.process_cpu_ratio) && isnan(s.host_cpu_ratio));
}

static void cgroup2_takes_the_lowest_limit_above(void **state)
{
    fixture *f = *state;
    fixture_put(f, "/proc/self/cgroup", "0::/slice/app/worker\n");
    fixture_put(f, "/proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    fixture_put(f, "/sys/fs/cgroup/slice/app/worker/memory.max", "max\n");
    fixture_put(f, "/sys/fs/cgroup/slice/app/worker/memory.current", "1\n");
    fixture_put(f, "/sys/fs/cgroup/slice/app/memory.max", "536870912\n");
    fixture_put(f, "/sys/fs/cgroup/slice/app/memory.current", "400000000\n");
    fixture_put(f, "/sys/fs/cgroup/slice/app/memory.stat", "anon 1\ninactive_file 100000000\n");
    fixture_put(f, "/sys/fs/cgroup/slice/memory.max", "800000000\n");
    fixture_put(f, "/sys/fs/cgroup/slice/memory.current", "700000000\n");
    fixture_put(f, "/sys/fs/cgroup/slice/app/worker/cpu.max", "max 100000\n");
    fixture_put(f, "/sys/fs/cgroup/slice/cpu.max", "150000 100000\n");
    fixture_put(f, "/sys/fs/cgroup/slice/app/worker/cpu.pressure", "some avg10=9.00 avg60=0\n");
    perfopt_system s = first_sample(f);
    assert_string_equal(s.memory_source, "cgroup2");
    assert_int_equal(s.memory_limit_bytes, 536870912);
    assert_int_equal(s.memory_used_bytes, 300000000);
    assert_true(s.cpu_limit == 1.5);
    assert_true(s.psi_cpu == 9 && s.psi_io == 0.25); /* the cgroup's own, else the host's */
}

static void a_container_sees_its_path_from_outside(void **state)
{
    fixture *f = *state;
    fixture_put(f, "/proc/self/cgroup", "5:memory:/docker/abc\n");
    fixture_put(f, "/proc/self/mountinfo",
                "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    fixture_put(f, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
    fixture_put(f, "/sys/fs/cgroup/memory/memory.usage_in_bytes", "100\n");
    fixture_put(f, "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 500\n");
    perfopt_system s = first_sample(f);
    assert_string_equal(s.memory_source, "cgroup1");
    assert_int_equal(s.memory_limit_bytes, 268435456);
    assert_int_equal(s.memory_used_bytes, 0); /* more inactive than used: clamped */
}

static void hybrid_keeps_memory_in_version_1(void **state)
{
    fixture *f = *state;
    fixture_put(f, "/proc/self/cgroup", "4:memory:/process_api/ab\n1:cpu:/\n0::/\n");
    fixture_put(f, "/proc/self/mountinfo",
                "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    fixture_put(f, "/sys/fs/cgroup/unified/cgroup.controllers", "hugetlb\n");
    fixture_put(f, "/sys/fs/cgroup/memory/process_api/ab/memory.limit_in_bytes", "104857600\n");
    fixture_put(f, "/sys/fs/cgroup/memory/process_api/ab/memory.usage_in_bytes", "52428800\n");
    fixture_put(f, "/sys/fs/cgroup/memory/process_api/memory.limit_in_bytes",
                "9223372036854771712\n");
    fixture_put(f, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    fixture_put(f, "/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    perfopt_system s = first_sample(f);
    assert_string_equal(s.memory_source, "cgroup1");
    assert_int_equal(s.memory_limit_bytes, 104857600);
    assert_int_equal(s.memory_used_bytes, 52428800);
    assert_true(s.cpu_limit == 4);
    fixture_put(f, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
    assert_true(first_sample(f).cpu_limit == 0.5);
}

static void a_limit_above_the_machine_does_not_bound(void **state)
{
    fixture *f = *state;
    fixture_put(f, "/proc/self/cgroup", "0::/a\n");
    fixture_put(f, "/proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    fixture_put(f, "/sys/fs/cgroup/a/memory.max", "99999999999999\n");
    fixture_put(f, "/sys/fs/cgroup/a/memory.current", "5\n");
    assert_string_equal(first_sample(f).memory_source, "host");
}

static void an_empty_machine_names_what_is_missing(void **state)
{
    fixture *f = *state;
    static const char *const files[] = {
        "/proc/stat",         "/proc/meminfo",         "/proc/loadavg",
        "/proc/self/stat",    "/proc/self/status",     "/proc/self/limits",
        "/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        fixture_put(f, files[i], NULL);
    perfopt_system s = first_sample(f);
    assert_non_null(strstr(s.missing, "host cpu"));
    assert_non_null(strstr(s.missing, "memory"));
    assert_non_null(strstr(s.missing, "files"));
    assert_non_null(strstr(s.missing, "io pressure"));
    assert_int_equal(s.memory_limit_bytes, 0);
    assert_true(isnan(s.cpu_limit) && isnan(s.load1) && isnan(s.psi_cpu));
}

static void hostile_files_are_missing_files(void **state)
{
    fixture *f = *state;
    static char large[200001];
    memset(large, '9', sizeof(large) - 1);
    static const char *const files[] = {
        "/proc/stat",        "/proc/meminfo",     "/proc/self/stat",
        "/proc/self/status", "/proc/self/cgroup", "/proc/self/mountinfo",
        "/proc/self/limits", "/proc/loadavg",     "/proc/pressure/cpu"};
    static const char *const texts[] = {"", "\n\n\n", "\xff\xfe:::\n- - -", "cpu \nMemTotal: x\n",
                                        large};
    for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
            fixture_put(f, files[i], texts[t]);
        perfopt_system s = first_sample(f);
        assert_non_null(strstr(s.missing, "host cpu"));
        assert_int_equal(s.memory_limit_bytes, 0);
        assert_int_equal(s.rss_bytes, 0);
    }
}

static void too_many_disks_are_refused(void **state)
{
    (void)state;
    static const char *const five[] = {"/a", "/b", "/c", "/d", "/e", NULL};
    static const char *const empty[] = {"", NULL};
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt__system_init(&sampler, "", five, &err), PERFOPT_ECONFIG);
    assert_non_null(strstr(err.message, "disk_paths"));
    assert_int_equal(perfopt__system_init(&sampler, "", empty, &err), PERFOPT_ECONFIG);
}

static void this_machine(void **state)
{
    (void)state;
    perfopt_system s;
    perfopt__process process;
    assert_int_equal(perfopt__system_init(&sampler, "", NULL, NULL), PERFOPT_OK);
    perfopt__system_sample(&sampler, 1, &s, &process);
    assert_true(s.rss_bytes > 0);
    assert_true(s.threads >= 1);
    assert_true(s.open_fds >= 3 && s.open_fds < s.max_fds);
    assert_true(s.cpu_limit > 0 && s.cpu_limit <= 65536);
    assert_true(s.memory_used_bytes > 0 && s.memory_used_bytes <= s.memory_limit_bytes);
    assert_int_equal(s.disk_count, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make, clean)
    const struct CMUnitTest tests[] = {
        CASE(a_plain_host),
        CASE(cpu_ratios_are_differences),
        CASE(cgroup2_takes_the_lowest_limit_above),
        CASE(a_container_sees_its_path_from_outside),
        CASE(hybrid_keeps_memory_in_version_1),
        CASE(a_limit_above_the_machine_does_not_bound),
        CASE(an_empty_machine_names_what_is_missing),
        CASE(hostile_files_are_missing_files),
        CASE(too_many_disks_are_refused),
        CASE(this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
