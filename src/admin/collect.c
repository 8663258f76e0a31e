/*
 * collect.c - the frame that every dashboard's snapshot has: when, which window, which process.
 */
#include "admin/collect.h"

#include <perfopt/version.h>
#include <unistd.h>

const perfopt__window perfopt__windows[PERFOPT__WINDOWS] = {
    {"5m",
     "5"
     "\xc2\xa0"
     "min",
     "5 minutes", 300},
    {"1h",
     "1"
     "\xc2\xa0"
     "h",
     "1 hour", 3600},
    {"8h",
     "8"
     "\xc2\xa0"
     "h",
     "8 hours", 28800},
    {"72h",
     "72"
     "\xc2\xa0"
     "h",
     "72 hours", 259200},
};

size_t perfopt__window_find(const char *id)
{
    for (size_t i = 0; id && i < PERFOPT__WINDOWS; i++) {
        if (strcmp(perfopt__windows[i].id, id) == 0)
            return i;
    }
    return id ? SIZE_MAX : 0;
}

void *perfopt__collect_array(perfopt__build *b, size_t count, size_t size)
{
    void *array = perfopt_arena_alloc(b->arena, count * size);
    if (!array && b->status == PERFOPT_OK)
        b->status = PERFOPT_ENOMEM;
    return array;
}

static void put_instance(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map,
                         uint64_t uptime_s)
{
    perfopt_value instances = perfopt__build_map(b);
    perfopt_value list = perfopt__build_list(b);
    perfopt_value self = perfopt__build_map(b);
    const char *colon = strrchr(in->instance, ':');
    perfopt__put_copy(b, self, "id", in->instance);
    perfopt__put_printf(b, self, "host", "%.*s", colon ? (int)(colon - in->instance) : 0,
                        in->instance);
    perfopt__put_int(b, self, "pid", (uint64_t)getpid());
    perfopt__put_int(b, self, "uptime_s", uptime_s);
    perfopt__put_int(b, self, "age_ms", 0);
    perfopt__add(b, list, self);
    perfopt__put_int(b, instances, "expected", 1);
    perfopt__put_int(b, instances, "answered", 1);
    perfopt__put(b, instances, "list", list);
    perfopt__put(b, map, "instances", instances);
}

static void put_frame(perfopt__build *b, const perfopt__collect_in *in, perfopt_value map)
{
    perfopt_monitor_self self;
    perfopt_system system;
    perfopt_monitor_get_self(in->sources->monitor, &self);
    perfopt_monitor_get_system(in->sources->monitor, &system);
    perfopt__put_int(b, map, "schema", 1);
    perfopt__put_time(b, map, "generated_at", in->wall_ms);
    perfopt__put_int(b, map, "window_s", in->window->seconds);
    perfopt__put_text(b, map, "window", in->window->id);
    perfopt__put_int(b, map, "epoch", self.epoch);
    perfopt__put_int(b, map, "interval_ms", 5000);
    perfopt_value site = perfopt__build_map(b);
    perfopt__put_copy(b, site, "name", in->site_name);
    perfopt__put_text(b, site, "version", PERFOPT_VERSION_STRING);
    perfopt__put(b, map, "site", site);
    put_instance(b, in, map, system.uptime_s);
    perfopt__collect_sources(b, in, map);
    perfopt__collect_alerts(b, in, map);
}

perfopt_status perfopt__collect(const perfopt__collect_in *in, perfopt__dashboard which,
                                perfopt_arena *arena, perfopt_value *out)
{
    perfopt__build b = {.arena = arena};
    perfopt_value map = perfopt__build_map(&b);
    put_frame(&b, in, map);
    if (which == PERFOPT__OVERVIEW) {
        perfopt__collect_traffic(&b, in, map);
        perfopt__collect_stores(&b, in, map);
        perfopt__collect_system(&b, in, map);
    } else if (which == PERFOPT__ASSETS) {
        perfopt__collect_assets(&b, in, map);
    } else {
        perfopt__collect_ssr(&b, in, map);
    }
    *out = map;
    return b.status;
}
