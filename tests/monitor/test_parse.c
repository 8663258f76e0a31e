/*
 * test_parse.c - the texts of /proc and the cgroup file systems: recorded ones, damaged ones, and
 * random bytes.
 */
#include "monitor/parse.h"

#include "monitor/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void single_numbers(void **state)
{
    (void)state;
    uint64_t n = 5;
    assert_true(perfopt__parse_single("123\n", &n));
    assert_int_equal(n, 123);
    assert_true(perfopt__parse_single("max\n", &n));
    assert_true(n == PERFOPT__UNLIMITED);
    assert_true(perfopt__parse_single("9223372036854771712\n", &n)); /* version 1, no limit */
    assert_true(n == PERFOPT__UNLIMITED);
    assert_true(perfopt__parse_single("-1\n", &n));
    assert_true(n == PERFOPT__UNLIMITED);
    assert_true(perfopt__parse_single("99999999999999999999999999999\n", &n));
    assert_true(n > 1e17);
    n = 5;
    assert_false(perfopt__parse_single("", &n));
    assert_false(perfopt__parse_single("12x\n", &n));
    assert_false(perfopt__parse_single("\n12\n", &n));
    assert_int_equal(n, 5);
}

static void keyed_numbers(void **state)
{
    (void)state;
    static const char stat[] = "anon 10\nfile 20\nxinactive_file 1\ninactive_file 4096\n";
    uint64_t n = 0;
    assert_true(perfopt__parse_keyed(stat, "inactive_file", &n));
    assert_int_equal(n, 4096);
    assert_true(perfopt__parse_keyed("VmPeak:\t 1 kB\nVmRSS:\t  20480 kB\n", "VmRSS", &n));
    assert_int_equal(n, 20480);
    assert_false(perfopt__parse_keyed(stat, "inactive", &n));
    assert_false(perfopt__parse_keyed("key\n", "key", &n));
    assert_false(perfopt__parse_keyed("key x\n", "key", &n));
    assert_false(perfopt__parse_keyed("", "key", &n));
}

static void self_stat_with_a_hostile_name(void **state)
{
    (void)state;
    uint64_t cpu = 0, start = 0;
    assert_true(
        perfopt__parse_self_stat("7 (a) R (b) S 1 7 7 0 -1 4194304 101 0 0 0 11 22 0 0 20 0 "
                                 "1 0 186957 3133440\n",
                                 &cpu, &start));
    assert_int_equal(cpu, 33);
    assert_int_equal(start, 186957);
    assert_false(perfopt__parse_self_stat("7 (a) S 1 7 7 0 -1 4194304 101 0", &cpu, &start));
    assert_false(perfopt__parse_self_stat("7 a S 1 2 3", &cpu, &start));
    assert_false(perfopt__parse_self_stat("", &cpu, &start));
}

static void host_stat(void **state)
{
    (void)state;
    perfopt__host_stat stat;
    assert_true(perfopt__parse_host_stat("cpu  3731 1 1659 740319 1800 2 271 108 5 6\ncpu0 1 "
                                         "2\ncpu1 1 2\nintr 5\nbtime 1700000000\n",
                                         &stat));
    assert_int_equal(stat.cpus, 2);
    assert_int_equal(stat.all_ticks, 3731 + 1 + 1659 + 740319 + 1800 + 2 + 271 + 108);
    assert_int_equal(stat.busy_ticks, 3731 + 1 + 1659 + 2 + 271 + 108);
    assert_int_equal(stat.boot_s, 1700000000);
    assert_false(perfopt__parse_host_stat("cpu0 1 2 3 4\n", &stat));
    assert_false(perfopt__parse_host_stat("cpu  1 2 3\n", &stat));
}

static void cpu_lists(void **state)
{
    (void)state;
    uint32_t n = 0;
    assert_true(perfopt__parse_cpu_list("0-3,8\n", &n));
    assert_int_equal(n, 5);
    assert_true(perfopt__parse_cpu_list("\t7\n", &n));
    assert_int_equal(n, 1);
    assert_false(perfopt__parse_cpu_list("3-1\n", &n));
    assert_false(perfopt__parse_cpu_list("0-\n", &n));
    assert_false(perfopt__parse_cpu_list("0-99999999999\n", &n));
    assert_false(perfopt__parse_cpu_list("0-65535,0-65535\n", &n));
    assert_false(perfopt__parse_cpu_list("1,\n", &n));
    assert_false(perfopt__parse_cpu_list("", &n));
}

static void limits_pressure_load(void **state)
{
    (void)state;
    uint64_t n = 0;
    double d = 0;
    assert_true(perfopt__parse_open_files("Max cpu time  unlimited\nMax open files     20000  "
                                          "30000   files\n",
                                          &n));
    assert_int_equal(n, 20000);
    assert_true(perfopt__parse_open_files("Max open files unlimited unlimited files\n", &n));
    assert_true(n == PERFOPT__UNLIMITED);
    assert_false(perfopt__parse_open_files("Max open files\n", &n));
    assert_true(perfopt__parse_pressure("some avg10=12.34 avg60=0.00\nfull avg10=1.0\n", &d));
    assert_true(d > 12.339 && d < 12.341);
    assert_false(perfopt__parse_pressure("full avg10=1.00\n", &d));
    assert_false(perfopt__parse_pressure("some avg10=1200.00\n", &d));
    assert_false(perfopt__parse_pressure("some avg10=nan\n", &d));
    assert_true(perfopt__parse_load("0.25 0.1 0.2 1/9 9\n", &d));
    assert_true(d == 0.25);
    assert_false(perfopt__parse_load("-1 0 0\n", &d));
    assert_true(perfopt__parse_cpu_max("150000 100000\n", &d));
    assert_true(d == 1.5);
    assert_false(perfopt__parse_cpu_max("max 100000\n", &d));
    assert_false(perfopt__parse_cpu_max("100 0\n", &d));
}

static void cgroup_paths(void **state)
{
    (void)state;
    static const char hybrid[] = "9:name=systemd:/\n4:memory:/process_api/ab8b\n1:cpu,cpuacct:/a\n"
                                 "0::/user.slice\n";
    char path[64] = "";
    assert_true(perfopt__parse_cgroup_path(hybrid, "memory", path, sizeof(path)));
    assert_string_equal(path, "/process_api/ab8b");
    assert_true(perfopt__parse_cgroup_path(hybrid, "cpuacct", path, sizeof(path)));
    assert_string_equal(path, "/a");
    assert_true(perfopt__parse_cgroup_path(hybrid, NULL, path, sizeof(path)));
    assert_string_equal(path, "/user.slice");
    assert_false(perfopt__parse_cgroup_path(hybrid, "cpua", path, sizeof(path)));
    assert_false(perfopt__parse_cgroup_path(hybrid, "memory", path, 8)); /* does not fit */
    assert_false(perfopt__parse_cgroup_path("0:\n0\n::\n", NULL, path, sizeof(path)));
    assert_false(perfopt__parse_cgroup_path("0::relative\n", NULL, path, sizeof(path)));
}

static void cgroup_mounts(void **state)
{
    (void)state;
    static const char mounts[] =
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
        "35 31 0:32 /docker/x /sys/fs/my\\040cgroup/memory rw shared:1 master:2 - cgroup cgroup "
        "rw,memory\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    char root[64], mount[64];
    assert_true(perfopt__parse_cgroup_mount(mounts, "memory", root, mount, sizeof(root)));
    assert_string_equal(root, "/docker/x");
    assert_string_equal(mount, "/sys/fs/my cgroup/memory");
    assert_true(perfopt__parse_cgroup_mount(mounts, NULL, root, mount, sizeof(root)));
    assert_string_equal(mount, "/sys/fs/cgroup/unified");
    assert_false(perfopt__parse_cgroup_mount(mounts, "cpu", root, mount, sizeof(root)));
    assert_false(
        perfopt__parse_cgroup_mount("1 2 3 - cgroup2\n-\n", NULL, root, mount, sizeof(root)));
}

/* Damaged texts: cut, changed and random bytes must neither crash nor read past the end. */
static void nothing_reads_past_hostile_texts(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "cpu  1 2 3 4 5 6 7 8\ncpu0 1\nbtime 5\n",
        "7 (a b) S 1 7 7 0 -1 4194304 101 0 0 0 11 22 0 0 20 0 1 0 186957 3133440\n",
        "some avg10=1.00 avg60=2\n",
        "0-3,8,10-11\n",
        "Max open files            1024                 4096                 files\n",
        "9:memory:/a\\040b\n0::/c\n",
        "35 31 0:32 /x /sys\\040/m rw - cgroup cgroup rw,memory\n1 2 3 / /u rw - cgroup2 c rw\n",
        "inactive_file 5\nVmRSS:\t5 kB\n",
    };
    unsigned random = 12345;
    int survived = 0;
    for (int round = 0; round < 40000; round++) {
        const char *seed = seeds[round % 8];
        size_t length = strlen(seed);
        random = random * 1103515245 + 12345;
        size_t cut = (random >> 8) % (length + 1);
        char *text = malloc(cut + 1); /* exact, so that ASan sees one byte too far */
        assert_non_null(text);
        memcpy(text, seed, cut);
        text[cut] = '\0';
        for (int change = 0; cut && change < 3; change++) {
            random = random * 1103515245 + 12345;
            char byte = (char)(random >> 16);
            text[(random >> 8) % cut] = byte ? byte : '\n';
        }
        uint64_t a, b;
        uint32_t c;
        double d;
        perfopt__host_stat stat;
        char p[16], q[16];
        (void)perfopt__parse_single(text, &a);
        (void)perfopt__parse_keyed(text, "inactive_file", &a);
        (void)perfopt__parse_self_stat(text, &a, &b);
        (void)perfopt__parse_host_stat(text, &stat);
        (void)perfopt__parse_cpu_list(text, &c);
        (void)perfopt__parse_open_files(text, &a);
        (void)perfopt__parse_pressure(text, &d);
        (void)perfopt__parse_load(text, &d);
        (void)perfopt__parse_cpu_max(text, &d);
        if (perfopt__parse_cgroup_path(text, round & 1 ? "memory" : NULL, p, sizeof(p)))
            assert_true(p[0] == '/' && strlen(p) < sizeof(p));
        if (perfopt__parse_cgroup_mount(text, round & 1 ? "memory" : NULL, p, q, sizeof(p)))
            assert_true(p[0] == '/' && q[0] == '/' && strlen(q) < sizeof(q));
        survived++;
        free(text);
    }
    assert_int_equal(survived, 40000);
}

static void fixed_fields_end_at_a_character(void **state)
{
    (void)state;
    char out[8];
    perfopt__format(out, sizeof(out), "%s", "abcdef\xC3\xA4");
    assert_string_equal(out, "abcdef");
    perfopt__format(out, sizeof(out), "%s", "abcde\xC3\xA4z");
    assert_string_equal(out, "abcde\xC3\xA4");
    perfopt__format(out, sizeof(out), "%s", "abcd\xF0\x9F\x98\x80");
    assert_string_equal(out, "abcd");
    perfopt__format(out, sizeof(out), "%s", "abcdefghij");
    assert_string_equal(out, "abcdefg");
    char bytes[24];
    assert_string_equal(perfopt__format_bytes(512, bytes), "512 B");
    assert_string_equal(perfopt__format_bytes(1536, bytes), "1.5 KiB");
    assert_string_equal(perfopt__format_bytes(UINT64_C(512) << 20, bytes), "512 MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_numbers),
        cmocka_unit_test(keyed_numbers),
        cmocka_unit_test(self_stat_with_a_hostile_name),
        cmocka_unit_test(host_stat),
        cmocka_unit_test(cpu_lists),
        cmocka_unit_test(limits_pressure_load),
        cmocka_unit_test(cgroup_paths),
        cmocka_unit_test(cgroup_mounts),
        cmocka_unit_test(nothing_reads_past_hostile_texts),
        cmocka_unit_test(fixed_fields_end_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
