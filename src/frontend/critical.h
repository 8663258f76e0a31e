/*
 * critical.h - what the two files of perfopt_critical_css() share.
 */
#ifndef PERFOPT_SRC_FRONTEND_CRITICAL_H
#define PERFOPT_SRC_FRONTEND_CRITICAL_H

#include "base/map.h"

#include <perfopt/base.h>

/* ---- critical_names.c ---------------------------------------------------------------------- */

/* A set of names, each with a kind; a failed insertion marks the set. */
typedef struct perfopt__names {
    perfopt__map map;
    bool failed; /* out of memory */
} perfopt__names;

#define PERFOPT__NAMES_INIT      \
    {                            \
        PERFOPT__MAP_INIT, false \
    }

typedef enum perfopt__name_kind {
    NAME_ELEMENT = 'e', /* without regard to case */
    NAME_CLASS = '.',
    NAME_ID = '#',
    NAME_USED = 'u' /* a word or string in a value; without regard to case */
} perfopt__name_kind;

void perfopt__names_add(perfopt__names *names, perfopt__name_kind kind, const char *text,
                        size_t length);
bool perfopt__names_have(perfopt__names *names, perfopt__name_kind kind, const char *text,
                         size_t length);
/* The elements, classes and ids of a document. PERFOPT_ESYNTAX, PERFOPT_ENOMEM. */
perfopt_status perfopt__names_read_html(perfopt__names *names, const char *html, size_t length,
                                        perfopt_error *err);
void perfopt__names_finish(perfopt__names *names);

#endif
