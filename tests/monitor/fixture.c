/*
 * fixture.c - made-up sources and a made-up machine.
 */
#include "monitor/fixture.h"

#include "base/file.h"
#include "support/fake_clock.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void fixture_put(fixture *f, const char *path, const char *text)
{
    char full[512], folder[512];
    snprintf(full, sizeof(full), "%s%s", f->root, path);
    if (!text) {
        unlink(full);
        return;
    }
    snprintf(folder, sizeof(folder), "%s", full);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(perfopt__make_folders(folder, NULL), PERFOPT_OK);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void fixture_make_root(fixture *f)
{
    snprintf(f->root, sizeof(f->root), "/tmp/perfopt-monitor-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    fixture_put(f, "/proc/stat",
                "cpu  1000 0 500 8000 500 0 0 0 0 0\ncpu0 1 1 1 1\ncpu1 1 1 1 1\ncpu2 1 1 1 1\n"
                "cpu3 1 1 1 1\nintr 1 2 3\nctxt 5\nbtime 1700000000\n");
    fixture_put(f, "/proc/meminfo",
                "MemTotal:        1000000 kB\nMemFree:   100000 kB\nMemAvailable:     600000 kB\n");
    fixture_put(f, "/proc/loadavg", "0.50 0.40 0.30 1/100 1234\n");
    fixture_put(f, "/proc/self/stat",
                "42 (odd) name) S 1 42 42 0 -1 4194304 1 0 0 0 200 100 0 0 20 0 7 0 5000 1 1\n");
    fixture_put(f, "/proc/self/status",
                "Name:\todd\nVmRSS:\t   20480 kB\nThreads:\t7\nCpus_allowed_list:\t0-3\n");
    fixture_put(f, "/proc/self/limits",
                "Limit                     Soft Limit           Hard Limit           Units\n"
                "Max open files            1024                 4096                 files\n");
    fixture_put(f, "/proc/self/fd/0", "");
    fixture_put(f, "/proc/self/fd/1", "");
    fixture_put(f, "/proc/pressure/cpu", "some avg10=1.50 avg60=0.00 avg300=0.00 total=0\n");
    fixture_put(f, "/proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
    fixture_put(f, "/proc/pressure/io", "some avg10=0.25 avg60=0.00 avg300=0.00 total=0\n");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void fixture_remove_root(fixture *f)
{
    if (f->root[0])
        nftw(f->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    f->root[0] = '\0';
}

static void read_light(void *user, perfopt__monitor_snapshot *out)
{
    *out = ((fake_source *)user)->details.now;
}

static void read_details(void *user, perfopt__monitor_details *out)
{
    *out = ((fake_source *)user)->details;
}

static bool read_pool(void *user, perfopt_db_stats *out)
{
    const fake_source *source = user;
    *out = source->details.now.db;
    return source->details.now.has_db;
}

static uint32_t active_requests(void *user)
{
    return ((fake_source *)user)->active;
}

perfopt__monitor_setup fixture_setup(fixture *f)
{
    return (perfopt__monitor_setup){
        .routes = f->routes,
        .source = {read_light, read_details, read_pool, active_requests, &f->source},
        .root = f->root,
        .no_thread = true,
    };
}

void fixture_start(fixture *f, const perfopt_monitor_options *options)
{
    fixture_make_root(f);
    assert_int_equal(perfopt__routes_create(0, &f->routes), PERFOPT_OK);
    assert_int_equal(perfopt__routes_intern(f->routes, "GET", "/", 0), 1);
    assert_int_equal(perfopt__routes_intern(f->routes, "GET", "/news/{id}", 0), 2);
    perfopt__monitor_setup setup = fixture_setup(f);
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt__monitor_create_with(options, &setup, &f->monitor, &err), PERFOPT_OK);
}

void fixture_stop(fixture *f)
{
    perfopt_monitor_destroy(f->monitor);
    perfopt__routes_destroy(f->routes);
    fixture_remove_root(f);
    f->monitor = NULL;
    f->routes = NULL;
}

void fixture_record(fixture *f, uint32_t route, int count, int64_t took_ns, int status)
{
    perfopt__route_sample sample = {.took_ns = took_ns, .status = status};
    for (int i = 0; i < count; i++)
        perfopt__routes_record(f->routes, route, &sample);
}

void fixture_run(fixture *f, int64_t seconds)
{
    for (int64_t s = 0; s < seconds; s += 5) {
        test_clock_advance_ms(5000);
        perfopt_monitor_sample(f->monitor);
    }
}
