/*
 * filters.h - the filters that the dashboards' templates use, on the dashboards' own engine.
 */
#ifndef PERFOPT_SRC_ADMIN_FILTERS_H
#define PERFOPT_SRC_ADMIN_FILTERS_H

#include <perfopt/ssr.h>

perfopt_status perfopt__filters_register(perfopt_ssr *ssr);

#endif
