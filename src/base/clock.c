/*
 * clock.c - the clock hook, and the two date formats the library writes.
 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t system_monotonic(void *user)
{
    (void)user;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall(void *user)
{
    (void)user;
    return read_clock(CLOCK_REALTIME);
}

static const perfopt_clock system_clock = {system_monotonic, system_wall, NULL};
static perfopt_clock current = {system_monotonic, system_wall, NULL};

perfopt_status perfopt_clock_set(const perfopt_clock *clock)
{
    if (!clock) {
        current = system_clock;
        return PERFOPT_OK;
    }
    if (!clock->monotonic_ns || !clock->wall_ns)
        return PERFOPT_EINVAL;
    current = *clock;
    return PERFOPT_OK;
}

int64_t perfopt__now_ns(void)
{
    return current.monotonic_ns(current.user);
}

int64_t perfopt__now_ms(void)
{
    return current.monotonic_ns(current.user) / 1000000;
}

int64_t perfopt__wall_ms(void)
{
    return current.wall_ns(current.user) / 1000000;
}

int64_t perfopt__wall_s(void)
{
    return current.wall_ns(current.user) / 1000000000;
}

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void perfopt__http_date(int64_t wall_s, char out[30])
{
    /* Years outside 0..9999 have no HTTP date; clamp instead of printing a malformed one. */
    if (wall_s < 0)
        wall_s = 0;
    if (wall_s > 253402300799)
        wall_s = 253402300799;
    time_t t = (time_t)wall_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(out, 30, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[tm.tm_wday],
             (unsigned)tm.tm_mday % 100, months[tm.tm_mon], (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

int64_t perfopt__http_date_parse(const char *text)
{
    /* The three formats of RFC 9110, section 5.6.7. Parsed without the locale. */
    struct tm tm = {0};
    char month[4] = "";
    int year = 0;
    int end = 0;
    bool short_year = false;
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) == 6 &&
        end > 0) {
    } else if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
                      &year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) == 6 &&
               end > 0) {
        short_year = true;
    } else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &tm.tm_mday,
                      &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &year, &end) != 6 ||
               end == 0) {
        return -1;
    }
    if (text[end] != '\0')
        return -1;
    tm.tm_mon = -1;
    for (int i = 0; i < 12; i++) {
        if (strcmp(month, months[i]) == 0)
            tm.tm_mon = i;
    }
    if (tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
        tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60 || year < 0)
        return -1;
    if (short_year)
        year += year < 70 ? 2000 : 1900;
    tm.tm_year = year - 1900;
    return (int64_t)timegm(&tm);
}

void perfopt__iso_date(int64_t wall_ms, char out[25])
{
    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > 253402300799999)
        wall_ms = 253402300799999;
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100,
             (unsigned)(wall_ms % 1000));
}
