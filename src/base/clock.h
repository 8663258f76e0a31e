/*
 * clock.h - reading the process's clock. Read it once per operation at the edge and pass the result
 * down as now_ms or now_ns.
 */
#ifndef PERFOPT_SRC_BASE_CLOCK_H
#define PERFOPT_SRC_BASE_CLOCK_H

#include <perfopt/base.h>

int64_t perfopt__now_ns(void);  /* monotonic */
int64_t perfopt__now_ms(void);  /* monotonic */
int64_t perfopt__wall_ms(void); /* since the epoch */
int64_t perfopt__wall_s(void);  /* since the epoch */
/* Formats a wall time as RFC 9110 IMF-fixdate into 30 bytes: "Sun, 06 Nov 1994 08:49:37 GMT". */
void perfopt__http_date(int64_t wall_s, char out[30]);
/* Parses an IMF-fixdate, RFC 850 or asctime date; returns -1 if it is none of them. */
int64_t perfopt__http_date_parse(const char *text);
/* Formats as ISO 8601 with milliseconds into 25 bytes: "2026-01-01T12:00:00.000Z". */
void perfopt__iso_date(int64_t wall_ms, char out[25]);

#endif
