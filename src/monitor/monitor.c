/*
 * monitor.c - making and ending a monitor, and its sampler thread.
 */
#include <perfopt/monitor.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "monitor/monitor_internal.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#define MAX_STEP_BYTES (UINT64_C(16) << 20)

/* ---- what recording costs ----------------------------------------------------------------- */

static int64_t real_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Two clock readings and a record, the least of a few short runs: about half a millisecond. The
 * process's own clock hook is left out, it may stand still. */
static perfopt_status measure(double *record_ns)
{
    enum { RUNS = 8, CALLS = 500 };
    perfopt__routes *scratch;
    perfopt_status status = perfopt__routes_create(1, &scratch);
    if (status != PERFOPT_OK)
        return status;
    int64_t best = INT64_MAX;
    for (int run = 0; run < RUNS; run++) {
        int64_t started = real_ns();
        for (int i = 0; i < CALLS; i++) {
            int64_t began = real_ns();
            int64_t now = real_ns();
            perfopt__route_sample sample = {
                .now_ns = now, .took_ns = now - began, .status = 200, .response_bytes = 1000};
            perfopt__routes_record(scratch, 0, &sample);
        }
        int64_t took = real_ns() - started;
        best = took < best ? took : best;
    }
    bool recorded = perfopt__routes_dropped(scratch) == 0;
    perfopt__routes_destroy(scratch);
    *record_ns = (double)best / CALLS;
    return recorded ? PERFOPT_OK : PERFOPT_ENOMEM;
}

/* ---- sampler thread ----------------------------------------------------------------------- */

static void free_parts(perfopt_monitor *monitor)
{
    perfopt__windows_finish(&monitor->windows);
    perfopt__tally_finish(&monitor->base);
    perfopt__vitals_finish(&monitor->vitals);
    perfopt__map_finish(&monitor->templates, perfopt__free);
    if (monitor->owns_routes)
        perfopt__routes_destroy(monitor->routes);
    perfopt__free(monitor->source_storage);
    pthread_mutex_destroy(&monitor->sampling);
    pthread_mutex_destroy(&monitor->lock);
    pthread_mutex_destroy(&monitor->thread_lock);
    pthread_cond_destroy(&monitor->wake);
    perfopt__free(monitor);
}

/* Waits with thread_lock held; true if it was told to stop. */
static bool wait_until(perfopt_monitor *monitor, int64_t deadline_ns)
{
    struct timespec ts = {deadline_ns / 1000000000, deadline_ns % 1000000000};
    while (!monitor->stop && real_ns() < deadline_ns)
        pthread_cond_timedwait(&monitor->wake, &monitor->thread_lock, &ts);
    return monitor->stop;
}

static void *run_sampler(void *user)
{
    perfopt_monitor *monitor = user;
    int64_t interval_ns = (int64_t)monitor->interval_ms * 1000000;
    int64_t tick_ns = (int64_t)monitor->pool_tick_ms * 1000000;
    int64_t next = real_ns() + interval_ns;
    pthread_mutex_lock(&monitor->thread_lock);
    for (;;) {
        int64_t tick = real_ns() + tick_ns;
        if (wait_until(monitor, tick < next ? tick : next))
            break;
        pthread_mutex_unlock(&monitor->thread_lock);
        if (real_ns() >= next) {
            perfopt_monitor_sample(monitor);
            next += interval_ns;
            if (next < real_ns())
                next = real_ns() + interval_ns;
        } else {
            perfopt__monitor_check_pool(monitor);
        }
        pthread_mutex_lock(&monitor->thread_lock);
    }
    bool destroy = monitor->destroy_at_exit;
    pthread_mutex_unlock(&monitor->thread_lock);
    if (destroy)
        free_parts(monitor);
    return NULL;
}

/* The host's signal handlers must not run on the sampler's stack. */
static perfopt_status start_thread(perfopt_monitor *monitor, perfopt_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&monitor->thread, NULL, run_sampler, monitor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return perfopt__error_os(err, PERFOPT_EFAILED, failed, "cannot start the sampler thread");
    monitor->has_thread = true;
    return PERFOPT_OK;
}

/* ---- lifecycle ---------------------------------------------------------------------------- */

static void init_locks(perfopt_monitor *monitor)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&monitor->sampling, NULL);
    pthread_mutex_init(&monitor->lock, NULL);
    pthread_mutex_init(&monitor->thread_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&monitor->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

static perfopt_status take_options(perfopt_monitor *monitor, const perfopt_monitor_options *options,
                                   const char *root, perfopt_error *err)
{
    uint32_t interval = options->interval_ms ? options->interval_ms : 5000;
    if (interval < 100 || interval > 3600000)
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "interval_ms must lie between 100 and 3600000");
    if ((unsigned)options->enabled > PERFOPT_OFF)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "enabled is no perfopt_switch");
    uint32_t pool_ms = options->pool_alert_ms ? options->pool_alert_ms : 1000;
    monitor->interval_ms = interval;
    monitor->pool_tick_ms = pool_ms / 2 < 100 ? 100 : pool_ms / 2;
    if (!monitor->source.read_pool || monitor->pool_tick_ms > interval)
        monitor->pool_tick_ms = interval;
    monitor->enabled = options->enabled != PERFOPT_OFF;
    monitor->on_alert = options->on_alert;
    monitor->on_alert_user = options->on_alert_user;
    monitor->pool_timeouts = UINT64_MAX;
    perfopt_status status = perfopt__alerts_init(monitor->rules, options, err);
    return status ? status
                  : perfopt__system_init(&monitor->sampler, root ? root : "", options->disk_paths,
                                         err);
}

static perfopt_status make_parts(perfopt_monitor *monitor, const perfopt_monitor_options *options,
                                 perfopt__routes *routes)
{
    monitor->routes = routes;
    if (!routes) {
        if (perfopt__routes_create(options->max_routes, &monitor->routes) != PERFOPT_OK)
            return PERFOPT_ENOMEM;
        monitor->owns_routes = true;
    }
    perfopt__routes_set_enabled(monitor->routes, monitor->enabled);
    perfopt__routes_set_slow_ms(monitor->routes, options->slow_request_ms);
    perfopt__spans_init(&monitor->spans, monitor->routes);
    uint32_t render = perfopt__routes_render(monitor->routes);
    if (perfopt__windows_init(&monitor->windows, render, MAX_STEP_BYTES, perfopt__monitor_is_span,
                              monitor) != PERFOPT_OK ||
        perfopt__tally_init(&monitor->base, render + 1) != PERFOPT_OK ||
        perfopt__vitals_init(&monitor->vitals, render - 1) != PERFOPT_OK)
        return PERFOPT_ENOMEM;
    return monitor->enabled ? measure(&monitor->record_ns) : PERFOPT_OK;
}

perfopt_status perfopt__monitor_create_with(const perfopt_monitor_options *options,
                                            const perfopt__monitor_setup *setup,
                                            perfopt_monitor **out, perfopt_error *err)
{
    perfopt_monitor_options own;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_MONITOR_OPTIONS", err);
    perfopt_monitor *monitor = status ? NULL : perfopt__calloc(1, sizeof(*monitor));
    if (!monitor) {
        perfopt__free(setup->source_storage);
        return status ? status : perfopt__error_nomem(err);
    }
    init_locks(monitor);
    monitor->source = setup->source;
    monitor->source_storage = setup->source_storage;
    status = take_options(monitor, &own, setup->root, err);
    if (status == PERFOPT_OK && make_parts(monitor, &own, setup->routes) != PERFOPT_OK)
        status = perfopt__error_nomem(err);
    if (status == PERFOPT_OK && monitor->enabled) {
        monitor->started_ms = perfopt__now_ms();
        for (int i = 0; i < PERFOPT__ALERTS; i++)
            monitor->rules[i].now.since_ms = perfopt__wall_ms();
        perfopt__monitor_rebase(monitor, monitor->started_ms);
        perfopt_monitor_sample(monitor);
        if (!setup->no_thread)
            status = start_thread(monitor, err);
    }
    if (status != PERFOPT_OK) {
        free_parts(monitor);
        return status;
    }
    *out = monitor;
    return PERFOPT_OK;
}

void perfopt_monitor_destroy(perfopt_monitor *monitor)
{
    if (!monitor)
        return;
    if (!monitor->has_thread) {
        free_parts(monitor);
        return;
    }
    bool inside = pthread_equal(pthread_self(), monitor->thread); /* from an alert callback */
    pthread_mutex_lock(&monitor->thread_lock);
    monitor->stop = true;
    monitor->destroy_at_exit = inside;
    pthread_cond_broadcast(&monitor->wake);
    pthread_t thread = monitor->thread;
    pthread_mutex_unlock(&monitor->thread_lock);
    if (inside) {
        pthread_detach(thread);
        return;
    }
    pthread_join(thread, NULL);
    free_parts(monitor);
}
