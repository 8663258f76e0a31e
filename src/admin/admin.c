/*
 * admin.c - creating the dashboards, mounting them, and what all requests share.
 */
#include "admin/admin_internal.h"

#include "admin/filters.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "http/monitor_hooks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool perfopt__admin_is_open(const perfopt_admin *admin)
{
    return perfopt__auth_is_open(&admin->auth);
}

perfopt__collect_in perfopt__admin_collect(perfopt_admin *admin, const perfopt__window *window)
{
    return (perfopt__collect_in){.sources = &admin->sources,
                                 .site_name = admin->site_name,
                                 .instance = admin->instance,
                                 .jobs = admin->jobs,
                                 .window = window,
                                 .wall_ms = perfopt__wall_ms()};
}

/* ---- create -------------------------------------------------------------------------------- */

static perfopt_status check_address(const char *bind, uint32_t port, perfopt_error *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, bind, address) != 1 && inet_pton(AF_INET6, bind, address) != 1)
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "admin.bind (PERFOPT_ADMIN_BIND) is no IPv4 or IPv6 address");
    if (port > UINT16_MAX)
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "admin.port (PERFOPT_ADMIN_PORT) is larger than %d", UINT16_MAX);
    return PERFOPT_OK;
}

static void set_instance(perfopt_admin *admin)
{
    char host[64] = "host";
    if (gethostname(host, sizeof(host)) != 0)
        strcpy(host, "host");
    host[sizeof(host) - 1] = '\0';
    snprintf(admin->instance, sizeof(admin->instance), "%s:%d", host, (int)getpid());
}

static void expire(void *user)
{
    perfopt_admin *admin = user;
    perfopt__snapshots_expire(&admin->snapshots);
}

/* The dashboards' engine is not the site's: their renders are in nobody's numbers. */
static perfopt_status create_engine(perfopt_admin *admin, perfopt_error *err)
{
    const perfopt_ssr_options options = {.struct_size = sizeof(options),
                                         .autoescape = PERFOPT_AUTOESCAPE_ON,
                                         .trim_blocks = PERFOPT_ON,
                                         .lstrip_blocks = PERFOPT_ON,
                                         .max_output_bytes = 4 << 20};
    perfopt_status status = perfopt_ssr_create(&options, &admin->ssr, err);
    if (status == PERFOPT_OK)
        status = perfopt__filters_register(admin->ssr);
    return status == PERFOPT_ENOMEM ? perfopt__error_nomem(err) : status;
}

static perfopt_status copy_strings(perfopt_admin *admin, const perfopt_admin_options *options,
                                   perfopt_error *err)
{
    admin->bind = perfopt__strdup(options->bind ? options->bind : "127.0.0.1");
    admin->site_name = perfopt__strdup(
        options->site_name && *options->site_name ? options->site_name : "libperfopt");
    return admin->bind && admin->site_name ? PERFOPT_OK : perfopt__error_nomem(err);
}

/* What can fail; a failure is cleaned up by perfopt_admin_destroy(). */
static perfopt_status fill(perfopt_admin *admin, const perfopt_admin_options *options,
                           perfopt_error *err)
{
    perfopt_status status = perfopt__auth_init(&admin->auth, options, err);
    if (status == PERFOPT_OK)
        status = copy_strings(admin, options, err);
    if (status == PERFOPT_OK)
        status = check_address(admin->bind, options->port, err);
    if (status == PERFOPT_OK)
        status = create_engine(admin, err);
    if (status != PERFOPT_OK)
        return status;
    status = perfopt__statics_init(admin);
    if (status == PERFOPT_OK)
        status = perfopt__jobs_create(&admin->sources, expire, admin, &admin->jobs);
    return status == PERFOPT_ENOMEM ? perfopt__error_nomem(err) : status;
}

perfopt_status perfopt_admin_create(const perfopt_admin_options *options,
                                    const perfopt_admin_sources *sources, perfopt_admin **out,
                                    perfopt_error *err)
{
    perfopt_admin_options own;
    perfopt_status status =
        perfopt__options_read(&own, sizeof(own), options, "PERFOPT_ADMIN_OPTIONS", err);
    if (status != PERFOPT_OK)
        return status;
    if (!sources || !sources->monitor || !sources->http)
        return perfopt__error_set(err, PERFOPT_EINVAL, "the dashboards need a monitor and a site");
    perfopt_admin *admin = perfopt__calloc(1, sizeof(*admin));
    if (!admin)
        return perfopt__error_nomem(err);
    admin->sources = *sources;
    admin->metrics = own.metrics == PERFOPT_ON;
    admin->port = (uint16_t)own.port;
    perfopt__throttle_init(&admin->throttle);
    perfopt__snapshots_init(&admin->snapshots);
    perfopt__pages_init(&admin->pages);
    perfopt__results_init(&admin->results);
    set_instance(admin);
    status = fill(admin, &own, err);
    if (status != PERFOPT_OK) {
        perfopt_admin_destroy(admin);
        return status;
    }
    *out = admin;
    return PERFOPT_OK;
}

void perfopt_admin_destroy(perfopt_admin *admin)
{
    if (!admin)
        return;
    perfopt__listener_stop(admin->listener);
    perfopt__jobs_destroy(admin->jobs);
    perfopt__statics_finish(admin);
    perfopt_ssr_destroy(admin->ssr);
    perfopt__results_finish(&admin->results);
    perfopt__pages_finish(&admin->pages);
    perfopt__snapshots_finish(&admin->snapshots);
    perfopt__throttle_finish(&admin->throttle);
    perfopt__free(admin->bind);
    perfopt__free(admin->site_name);
    perfopt__auth_finish(&admin->auth);
    perfopt__free(admin);
}

/* ---- mount --------------------------------------------------------------------------------- */

static perfopt_status mount_at(perfopt_admin *admin, perfopt_router *router, const char *path,
                               const perfopt_handler_def *def, perfopt_error *err)
{
    return perfopt_router_add(router, "*", path, def, admin, err);
}

perfopt_status perfopt_admin_mount(perfopt_admin *admin, perfopt_router *router, perfopt_error *err)
{
    static const perfopt_handler_def pages = {.name = "perfopt-admin", .fn = perfopt__admin_handle};
    static const perfopt_handler_def metrics = {.name = "perfopt-metrics",
                                                .fn = perfopt__admin_scrape};
    perfopt_status status = PERFOPT_OK;
    /* What is closed has no route: it is as absent as any other path. */
    if (perfopt__admin_is_open(admin)) {
        status = perfopt__http_exclude(admin->sources.http, PERFOPT__ADMIN_ROOT);
        if (status == PERFOPT_OK)
            status = mount_at(admin, router, PERFOPT__ADMIN_ROOT, &pages, err);
        if (status == PERFOPT_OK)
            status = mount_at(admin, router, PERFOPT__ADMIN_ROOT "/{rest...}", &pages, err);
    }
    if (status == PERFOPT_OK && admin->metrics &&
        (admin->auth.has_token || perfopt__admin_is_open(admin))) {
        status = perfopt__http_exclude(admin->sources.http, "/metrics");
        if (status == PERFOPT_OK)
            status = mount_at(admin, router, "/metrics", &metrics, err);
    }
    return status;
}
