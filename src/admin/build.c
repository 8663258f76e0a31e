/*
 * build.c - maps and lists of one arena.
 */
#include "admin/build.h"

#include "base/clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static void note(perfopt__build *b, perfopt_status status)
{
    if (b->status == PERFOPT_OK)
        b->status = status;
}

perfopt_value perfopt__build_map(perfopt__build *b)
{
    perfopt_value map = perfopt_none();
    note(b, perfopt_map_create(b->arena, &map));
    return map;
}

perfopt_value perfopt__build_list(perfopt__build *b)
{
    perfopt_value list = perfopt_none();
    note(b, perfopt_list_create(b->arena, &list));
    return list;
}

void perfopt__add(perfopt__build *b, perfopt_value list, perfopt_value item)
{
    if (b->status == PERFOPT_OK)
        note(b, perfopt_list_append(list, item));
}

void perfopt__put(perfopt__build *b, perfopt_value map, const char *name, perfopt_value value)
{
    if (b->status == PERFOPT_OK)
        note(b, perfopt_map_set(map, name, value));
}

void perfopt__put_text(perfopt__build *b, perfopt_value map, const char *name, const char *text)
{
    perfopt__put(b, map, name, text && *text ? perfopt_string(text) : perfopt_none());
}

void perfopt__put_copy(perfopt__build *b, perfopt_value map, const char *name, const char *text)
{
    if (!text || !*text) {
        perfopt__put(b, map, name, perfopt_none());
        return;
    }
    size_t length = strlen(text);
    char *copy = perfopt_arena_copy(b->arena, text, length);
    if (!copy)
        note(b, PERFOPT_ENOMEM);
    else
        perfopt__put(b, map, name, perfopt_string_n(copy, length));
}

void perfopt__put_printf(perfopt__build *b, perfopt_value map, const char *name, const char *format,
                         ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    perfopt__put_copy(b, map, name, text);
}

void perfopt__put_int(perfopt__build *b, perfopt_value map, const char *name, uint64_t n)
{
    perfopt__put(b, map, name, perfopt_int(n > INT64_MAX ? INT64_MAX : (int64_t)n));
}

void perfopt__put_number(perfopt__build *b, perfopt_value map, const char *name, double x)
{
    /* Three significant digits behind the unit are plenty, and keep the JSON short. */
    perfopt__put(b, map, name,
                 isfinite(x) ? perfopt_double(fabs(x) < 1e12 ? round(x * 1e5) / 1e5 : x)
                             : perfopt_none());
}

void perfopt__put_ratio(perfopt__build *b, perfopt_value map, const char *name, uint64_t part,
                        uint64_t whole)
{
    perfopt__put_number(b, map, name, whole ? (double)part / (double)whole : NAN);
}

void perfopt__put_ms(perfopt__build *b, perfopt_value map, const char *name, int64_t ns)
{
    perfopt__put_number(b, map, name, (double)ns / 1e6);
}

void perfopt__put_bool(perfopt__build *b, perfopt_value map, const char *name, bool yes)
{
    perfopt__put(b, map, name, perfopt_bool(yes));
}

void perfopt__put_time(perfopt__build *b, perfopt_value map, const char *name, int64_t wall_ms)
{
    char text[25] = "";
    if (wall_ms > 0)
        perfopt__iso_date(wall_ms, text);
    perfopt__put_copy(b, map, name, text);
}

perfopt_value perfopt__at(perfopt_value map, const char *path)
{
    while (*path) {
        size_t length = strcspn(path, ".");
        map = perfopt_value_get(map, path, length);
        path += length + (path[length] == '.');
    }
    return map;
}

double perfopt__number_of(perfopt_value value)
{
    if (value.kind == PERFOPT_INT)
        return (double)value.as.integer;
    return value.kind == PERFOPT_DOUBLE ? value.as.real : NAN;
}

const char *perfopt__text_of(perfopt_arena *arena, perfopt_value value)
{
    char *copy = value.kind == PERFOPT_STRING
                     ? perfopt_arena_copy(arena, value.as.string, value.length)
                     : NULL;
    return copy ? copy : "";
}
