/*
 * monitor_hooks.h - what monitor and admin read from the site, and what they ask of it.
 */
#ifndef PERFOPT_SRC_HTTP_MONITOR_HOOKS_H
#define PERFOPT_SRC_HTTP_MONITOR_HOOKS_H

#include "metrics/routes.h"

#include <perfopt/http.h>

/* The numbers of all routes; borrowed. NULL if the site was created with monitor switched off. */
perfopt__routes *perfopt__http_routes(struct perfopt_http *http);
/* Requests between perfopt_request_create() and perfopt_request_destroy() now. */
uint32_t perfopt__http_active_requests(struct perfopt_http *http);
/* Requests whose path is `prefix` or lies below it are not recorded. Copied; call it before
 * requests arrive. PERFOPT_OK, PERFOPT_EINVAL (no path), PERFOPT_ELIMIT (more than 8),
 * PERFOPT_ENOMEM. */
perfopt_status perfopt__http_exclude(struct perfopt_http *http, const char *prefix);

#endif
