/*
 * spans.c - span numbers and the public span functions.
 */
#include "monitor/spans.h"

#include "base/clock.h"
#include "monitor/monitor_internal.h"

void perfopt__spans_init(perfopt__spans *spans, perfopt__routes *routes)
{
    spans->routes = routes;
    spans->overflow = perfopt__routes_intern(routes, "SPAN", "(other)", 0);
}

static uint32_t intern(perfopt__spans *spans, const char *name)
{
    uint32_t number = perfopt__routes_intern(spans->routes, "SPAN", name, 0);
    return number ? number : spans->overflow;
}

/* Two names of equal text at two addresses are interned to the same number. A full table asks the
 * registry each time. */
uint32_t perfopt__spans_number(perfopt__spans *spans, const char *name)
{
    uint64_t start = ((uintptr_t)name >> 3) * UINT64_C(0x9E3779B97F4A7C15) >> 32;
    for (uint32_t i = 0; i < 16; i++) {
        size_t at = (start + i) % PERFOPT__SPAN_NAMES;
        const char *seen = atomic_load_explicit(&spans->seen[at].name, memory_order_relaxed);
        if (!seen && atomic_compare_exchange_strong(&spans->seen[at].name, &seen, name))
            seen = name;
        if (seen != name)
            continue;
        uint32_t number = atomic_load_explicit(&spans->seen[at].number, memory_order_relaxed);
        if (!number) {
            number = intern(spans, name);
            /* Not when only memory was short: the name gets its number later. */
            bool full =
                perfopt__routes_count(spans->routes) == perfopt__routes_render(spans->routes);
            if (number != spans->overflow || full)
                atomic_store_explicit(&spans->seen[at].number, number, memory_order_relaxed);
        }
        return number;
    }
    return intern(spans, name);
}

perfopt_span perfopt_span_begin(perfopt_monitor *monitor, const char *name)
{
    perfopt_span span = {.monitor = monitor, .name = name};
    if (monitor && monitor->enabled && name)
        span.started_ns = perfopt__now_ns();
    else
        span.monitor = NULL;
    return span;
}

void perfopt_span_end(perfopt_span *span)
{
    perfopt_monitor *monitor = span->monitor;
    if (!monitor)
        return;
    span->monitor = NULL; /* ending twice counts once */
    int64_t now_ns = perfopt__now_ns();
    perfopt__route_sample sample = {
        .now_ns = now_ns, .took_ns = now_ns - span->started_ns, .status = span->failed ? 500 : 200};
    perfopt__routes_record(monitor->routes, perfopt__spans_number(&monitor->spans, span->name),
                           &sample);
}
