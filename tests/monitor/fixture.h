/*
 * fixture.h - a monitor over made-up sources and a made-up /proc, without a sampler thread, on the
 * fake clock.
 */
#ifndef PERFOPT_TESTS_MONITOR_FIXTURE_H
#define PERFOPT_TESTS_MONITOR_FIXTURE_H

#include "monitor/monitor_internal.h"

#define MS INT64_C(1000000)

/* What the sources say; tests write into it. */
typedef struct fake_source {
    perfopt__monitor_details details;
    uint32_t active;
} fake_source;

typedef struct fixture {
    char root[64]; /* folder with proc/ and sys/ */
    fake_source source;
    perfopt__routes *routes;
    perfopt_monitor *monitor;
} fixture;

/* A folder with a small healthy machine in it: 4 CPUs, 1000 MB of which 40 % are used. */
void fixture_make_root(fixture *f);
void fixture_remove_root(fixture *f);
/* Writes a file below the root, with its folders; NULL text removes it. */
void fixture_put(fixture *f, const char *path, const char *text);

/* Folder, registry and monitor; the routes are 1 = GET /, 2 = GET /news/{id}. */
void fixture_start(fixture *f, const perfopt_monitor_options *options);
void fixture_stop(fixture *f);
perfopt__monitor_setup fixture_setup(fixture *f);

void fixture_record(fixture *f, uint32_t route, int count, int64_t took_ns, int status);
/* Moves the clock on in steps of 5 s and samples after each. */
void fixture_run(fixture *f, int64_t seconds);

#endif
