/*
 * format.h - numbers as people read them: with their unit behind a no-break space. NAN ("no data")
 * gives a dash.
 */
#ifndef PERFOPT_SRC_ADMIN_FORMAT_H
#define PERFOPT_SRC_ADMIN_FORMAT_H

#include <perfopt/base.h>

#define PERFOPT__NBSP "\xc2\xa0"
#define PERFOPT__DASH "\xe2\x80\x93"

/* Every function writes at most PERFOPT__FORMAT bytes with the closing NUL and returns `out`. */
#define PERFOPT__FORMAT 48
typedef char *(*perfopt__format_fn)(double x, char out[PERFOPT__FORMAT]);

char *perfopt__format_ms(double ms, char out[PERFOPT__FORMAT]);          /* "84 ms", "1.24 s" */
char *perfopt__format_duration(double ms, char out[PERFOPT__FORMAT]);    /* "37 s", "2.3 h" */
char *perfopt__format_nanos(double ns, char out[PERFOPT__FORMAT]);       /* "58 ns" */
char *perfopt__format_percent(double ratio, char out[PERFOPT__FORMAT]);  /* 0.912: "91 %" */
char *perfopt__format_points(double percent, char out[PERFOPT__FORMAT]); /* 4.2: "4.2 %" */
char *perfopt__format_count(double n, char out[PERFOPT__FORMAT]);        /* "1,204", "12.3 M" */
char *perfopt__format_rate(double per_s, char out[PERFOPT__FORMAT]);     /* "41.2/s" */
char *perfopt__format_size(double bytes, char out[PERFOPT__FORMAT]);     /* "31.2 MiB" */
char *perfopt__format_decimal(double x, char out[PERFOPT__FORMAT]);      /* "1.3" */
/* A relative change in words: 0.12 is "+12 % vs before". */
char *perfopt__format_change(double ratio, char out[PERFOPT__FORMAT]);
/* Time of day in UTC; with day and month if it is not the day of `now_s`. */
char *perfopt__format_clock(int64_t wall_s, int64_t now_s, char out[PERFOPT__FORMAT]);
/* The function of a unit's name as templates use it; NULL if there is none. */
perfopt__format_fn perfopt__format_named(const char *unit, size_t length);

#endif
