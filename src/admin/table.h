/*
 * table.h - the filter, order and pages of a dashboard's main table, from the query string. Every
 * state is an address, so it works without JavaScript.
 */
#ifndef PERFOPT_SRC_ADMIN_TABLE_H
#define PERFOPT_SRC_ADMIN_TABLE_H

#include "admin/build.h"

#define PERFOPT__TABLE_ROWS 25

typedef struct perfopt__column {
    const char *label;
    const char *key; /* field of a row that it sorts by; NULL = cannot be sorted */
    bool number;     /* sorted from the largest first, shown at the right */
} perfopt__column;

typedef struct perfopt__table {
    const perfopt__column *columns;
    size_t column_count;
    const char *const *search; /* fields the filter looks at, NULL-terminated */
    const char *panel;         /* anchor of the table */
    const char *window;        /* id of the window, kept in every address */
    const char *q;             /* filter; NULL = none */
    const char *sort;          /* key asked for; NULL or unknown = by_default */
    const char *by_default;    /* key, largest first; it need not be a column */
    bool ascending;
    int64_t page; /* from 1 */
} perfopt__table;

/* What templates see as `table`; the rows themselves are shared with the list. */
perfopt_value perfopt__table_view(perfopt__build *b, const perfopt__table *table,
                                  perfopt_value rows);

#endif
