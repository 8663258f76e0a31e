/*
 * actions.h - what an operator may do, apart from how it was asked for.
 */
#ifndef PERFOPT_SRC_ADMIN_ACTIONS_H
#define PERFOPT_SRC_ADMIN_ACTIONS_H

#include "admin/admin_internal.h"

/* What was asked; strings are never NULL. */
typedef struct perfopt__order {
    const char *by, *value, *confirm;
    bool dry_run;
} perfopt__order;

/* What came of it. */
typedef struct perfopt__outcome {
    int status;        /* HTTP */
    const char *error; /* short code; NULL = it went well */
    int64_t affected;  /* -1 = not known */
    char text[240];
    char confirm[16]; /* what must be typed first; "" = nothing */
    char job[17];     /* "" = none */
} perfopt__outcome;

typedef void (*perfopt__action_fn)(perfopt_admin *admin, const perfopt__order *order,
                                   perfopt__outcome *out);

/* NULL if there is no action of that name. */
perfopt__action_fn perfopt__action_find(const char *name);

#endif
