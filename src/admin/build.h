/*
 * build.h - putting numbers into maps and lists of one arena. A failure is remembered, so a whole
 * snapshot is written without checks in between:
 *
 *     perfopt__build b = {.arena = arena};
 *     perfopt_value map = perfopt__build_map(&b);
 *     perfopt__put_int(&b, map, "hits", stats.hits);
 *     if (b.status != PERFOPT_OK) ...
 */
#ifndef PERFOPT_SRC_ADMIN_BUILD_H
#define PERFOPT_SRC_ADMIN_BUILD_H

#include <perfopt/value.h>

typedef struct perfopt__build {
    perfopt_arena *arena;
    perfopt_status status; /* the first failure */
} perfopt__build;

perfopt_value perfopt__build_map(perfopt__build *b);
perfopt_value perfopt__build_list(perfopt__build *b);
void perfopt__add(perfopt__build *b, perfopt_value list, perfopt_value item);
void perfopt__put(perfopt__build *b, perfopt_value map, const char *name, perfopt_value value);
/* Borrows; NULL and "" become none. */
void perfopt__put_text(perfopt__build *b, perfopt_value map, const char *name, const char *text);
/* Copies; NULL and "" become none. */
void perfopt__put_copy(perfopt__build *b, perfopt_value map, const char *name, const char *text);
void perfopt__put_printf(perfopt__build *b, perfopt_value map, const char *name, const char *format,
                         ...) PERFOPT_PRINTF(4, 5);
void perfopt__put_int(perfopt__build *b, perfopt_value map, const char *name, uint64_t n);
/* Not a number and infinity become none: "no data". */
void perfopt__put_number(perfopt__build *b, perfopt_value map, const char *name, double x);
/* part / whole, none if there is no whole. */
void perfopt__put_ratio(perfopt__build *b, perfopt_value map, const char *name, uint64_t part,
                        uint64_t whole);
/* Nanoseconds as milliseconds. */
void perfopt__put_ms(perfopt__build *b, perfopt_value map, const char *name, int64_t ns);
void perfopt__put_bool(perfopt__build *b, perfopt_value map, const char *name, bool yes);
/* Wall time as ISO 8601; 0 becomes none. */
void perfopt__put_time(perfopt__build *b, perfopt_value map, const char *name, int64_t wall_ms);

/* ---- reading back ------------------------------------------------------------------------- */

/* Value under a dotted path, "tiles.pool.used"; undefined if a part is missing. */
perfopt_value perfopt__at(perfopt_value map, const char *path);
/* A number of any kind; NAN for everything else. */
double perfopt__number_of(perfopt_value value);
/* Text in the arena, never NULL: "" for what is no string. */
const char *perfopt__text_of(perfopt_arena *arena, perfopt_value value);

#endif
