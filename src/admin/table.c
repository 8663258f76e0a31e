/*
 * table.c - filters, sorts and cuts a list of maps into pages, and makes the addresses that lead
 * from one state of the table to another.
 */
#include "admin/table.h"

#include "base/strbuf.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

/* ---- filter and order ---------------------------------------------------------------------- */

static bool contains(perfopt_value text, const char *needle)
{
    size_t length = strlen(needle);
    if (text.kind != PERFOPT_STRING)
        return false;
    for (size_t i = 0; i + length <= text.length; i++) {
        if (strncasecmp(text.as.string + i, needle, length) == 0)
            return true;
    }
    return false;
}

static bool matches(const perfopt__table *table, perfopt_value row)
{
    if (!table->q || !*table->q)
        return true;
    for (const char *const *field = table->search; *field; field++) {
        if (contains(perfopt__at(row, *field), table->q))
            return true;
    }
    return false;
}

typedef struct ordering {
    const char *key;
    const perfopt__column *column; /* that shows the order; NULL = none */
    bool asked;                    /* by the address, else the default */
    bool ascending;
} ordering;

/* Rows without a value come last in both directions. */
static int compare(const void *a, const void *b, void *user)
{
    const ordering *by = user;
    perfopt_value x = perfopt__at(*(const perfopt_value *)a, by->key);
    perfopt_value y = perfopt__at(*(const perfopt_value *)b, by->key);
    int order;
    if (x.kind == PERFOPT_STRING && y.kind == PERFOPT_STRING) {
        size_t shorter = x.length < y.length ? x.length : y.length;
        order = memcmp(x.as.string, y.as.string, shorter);
        if (order == 0)
            order = (x.length > y.length) - (x.length < y.length);
    } else {
        double m = perfopt__number_of(x), n = perfopt__number_of(y);
        if (isnan(m) || isnan(n))
            return isnan(m) - isnan(n);
        order = (m > n) - (m < n);
    }
    return by->ascending ? order : -order;
}

static const perfopt__column *column_of(const perfopt__table *table, const char *key)
{
    for (size_t i = 0; key && i < table->column_count; i++) {
        if (table->columns[i].key && strcmp(table->columns[i].key, key) == 0)
            return &table->columns[i];
    }
    return NULL;
}

static ordering ordering_of(const perfopt__table *table)
{
    const perfopt__column *asked = column_of(table, table->sort);
    if (asked)
        return (ordering){asked->key, asked, true, table->ascending};
    return (ordering){table->by_default, column_of(table, table->by_default), false, false};
}

/* ---- addresses ----------------------------------------------------------------------------- */

static void put_arg(perfopt__strbuf *sb, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    perfopt__strbuf_printf(sb, "%c%s=", sb->length ? '&' : '?', name);
    perfopt__strbuf_put_url(sb, value, strlen(value));
}

static void put_address(perfopt__build *b, perfopt_value map, const char *name,
                        const perfopt__table *table, const char *q, const ordering *by,
                        int64_t page)
{
    const char *sort = by->asked ? by->key : NULL;
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    put_arg(&sb, "window", table->window);
    put_arg(&sb, "q", q);
    put_arg(&sb, "sort", sort);
    put_arg(&sb, "dir", sort && by->ascending ? "asc" : NULL);
    if (page > 1)
        perfopt__strbuf_printf(&sb, "&p=%lld", (long long)page);
    if (strcmp(name, "here") != 0)
        perfopt__strbuf_printf(&sb, "#%s", table->panel);
    if (sb.failed)
        b->status = b->status == PERFOPT_OK ? PERFOPT_ENOMEM : b->status;
    else
        perfopt__put_copy(b, map, name, sb.data);
    perfopt__strbuf_finish(&sb);
}

/* ---- the view ------------------------------------------------------------------------------ */

static perfopt_value columns_value(perfopt__build *b, const perfopt__table *table,
                                   const ordering *by)
{
    perfopt_value list = perfopt__build_list(b);
    for (size_t i = 0; i < table->column_count; i++) {
        const perfopt__column *c = &table->columns[i];
        perfopt_value map = perfopt__build_map(b);
        /* The first click gives the useful end: large numbers, or A to Z; the second the other. */
        ordering next = {c->key, c, true, c == by->column ? !by->ascending : !c->number};
        perfopt__put_text(b, map, "label", c->label);
        perfopt__put_bool(b, map, "number", c->number);
        perfopt__put_text(b, map, "sorted",
                          c != by->column ? NULL
                          : by->ascending ? "ascending"
                                          : "descending");
        if (c->key)
            put_address(b, map, "href", table, table->q, &next, 1);
        perfopt__add(b, list, map);
    }
    return list;
}

static void put_kept(perfopt__build *b, perfopt_value view, const perfopt__table *table,
                     const ordering *by)
{
    const char *const kept[][2] = {{"window", table->window},
                                   {"sort", by->asked ? by->key : NULL},
                                   {"dir", by->asked && by->ascending ? "asc" : NULL}};
    perfopt_value list = perfopt__build_list(b);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (!kept[i][1])
            continue;
        perfopt_value field = perfopt__build_map(b);
        perfopt__put_text(b, field, "name", kept[i][0]);
        perfopt__put_copy(b, field, "value", kept[i][1]);
        perfopt__add(b, list, field);
    }
    perfopt__put(b, view, "keep", list);
}

static void put_pages(perfopt__build *b, perfopt_value view, const perfopt__table *table,
                      const ordering *by, size_t matched)
{
    int64_t pages = (int64_t)(matched + PERFOPT__TABLE_ROWS - 1) / PERFOPT__TABLE_ROWS;
    int64_t page = table->page < 1 ? 1 : table->page > pages ? (pages ? pages : 1) : table->page;
    size_t first = (size_t)(page - 1) * PERFOPT__TABLE_ROWS;
    size_t last = first + PERFOPT__TABLE_ROWS < matched ? first + PERFOPT__TABLE_ROWS : matched;
    perfopt__put_int(b, view, "pages", (uint64_t)pages);
    perfopt__put_int(b, view, "first", matched ? first + 1 : 0);
    perfopt__put_int(b, view, "last", last);
    if (page > 1)
        put_address(b, view, "previous", table, table->q, by, page - 1);
    if (page < pages)
        put_address(b, view, "next", table, table->q, by, page + 1);
    put_address(b, view, "all_href", table, NULL, by, 1);
    put_address(b, view, "here", table, table->q, by, page);
}

perfopt_value perfopt__table_view(perfopt__build *b, const perfopt__table *table,
                                  perfopt_value rows)
{
    ordering by = ordering_of(table);
    size_t total = rows.kind == PERFOPT_LIST ? perfopt_value_count(rows) : 0;
    perfopt_value view = perfopt__build_map(b);
    perfopt_value shown = perfopt__build_list(b);
    perfopt_value *all = perfopt_arena_alloc(b->arena, (total + 1) * sizeof(*all));
    if (!all) {
        b->status = PERFOPT_ENOMEM;
        return view;
    }
    size_t matched = 0;
    for (size_t i = 0; i < total; i++) {
        perfopt_value row = perfopt_value_at(rows, i);
        if (matches(table, row))
            all[matched++] = row;
    }
    if (by.key)
        qsort_r(all, matched, sizeof(*all), compare, &by);
    put_pages(b, view, table, &by, matched);
    int64_t first = perfopt__at(view, "first").as.integer;
    int64_t last = perfopt__at(view, "last").as.integer;
    for (int64_t i = first; i > 0 && i <= last && b->status == PERFOPT_OK; i++)
        perfopt__add(b, shown, all[i - 1]);
    perfopt__put(b, view, "rows", shown);
    perfopt__put_int(b, view, "total", total);
    perfopt__put_int(b, view, "matched", matched);
    perfopt__put(b, view, "q", perfopt_string(table->q ? table->q : ""));
    perfopt__put(b, view, "columns", columns_value(b, table, &by));
    put_kept(b, view, table, &by);
    return view;
}
