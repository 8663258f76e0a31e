/*
 * wiring.h - what perfopt.c connects that belongs to two modules which do not know each other: the
 * frontend's helpers as template functions, and the frontend's own paths as routes.
 */
#ifndef PERFOPT_SRC_WIRING_H
#define PERFOPT_SRC_WIRING_H

#include <perfopt/frontend.h>
#include <perfopt/http.h>
#include <perfopt/monitor.h>
#include <perfopt/ssr.h>

/* Makes every helper of perfopt_frontend_helpers() a template function and a filter. */
perfopt_status perfopt__wire_helpers(perfopt_ssr *ssr, perfopt_frontend *frontend,
                                     perfopt_error *err);
/* Adds images, the browser-timing script and its beacon to a router. */
perfopt_status perfopt__wire_frontend_routes(perfopt_router *router, perfopt_frontend *frontend,
                                             perfopt_monitor *monitor, perfopt_error *err);

#endif
