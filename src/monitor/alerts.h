/*
 * alerts.h - one alert rule as a state machine over values and times that are passed in.
 *
 *     no data <-> ok -> pending -> firing -> ok
 *
 * A rule fires after its value was bad for for_ms, and clears after it was beyond the clear
 * threshold for clear_ms; in between nothing moves, so a value that swings around the threshold
 * fires once. Only time between evaluations that are close together counts, so neither a suspended
 * machine nor a clock that jumps lets a rule fire.
 */
#ifndef PERFOPT_SRC_MONITOR_ALERTS_H
#define PERFOPT_SRC_MONITOR_ALERTS_H

#include <perfopt/monitor.h>

typedef struct perfopt__alert_rule {
    perfopt_alert now;
    bool low_is_bad; /* bad below the threshold; otherwise from the threshold up */
    int64_t for_ms, clear_ms;
    int64_t max_gap_ms;   /* longest time that counts between two evaluations */
    int64_t evaluated_ms; /* monotonic; -1 = never */
    int64_t held_ms;      /* pending: bad so far; firing: clear so far */
} perfopt__alert_rule;

typedef enum perfopt__alert_number {
    PERFOPT__ALERT_RESPONSE_TIME,
    PERFOPT__ALERT_CACHE,
    PERFOPT__ALERT_POOL,
    PERFOPT__ALERT_MEMORY,
    PERFOPT__ALERTS
} perfopt__alert_number;

/* The four rules with the thresholds of the options. PERFOPT_ECONFIG names an option that cannot
 * be.
 */
perfopt_status perfopt__alerts_init(perfopt__alert_rule rules[PERFOPT__ALERTS],
                                    const perfopt_monitor_options *options, perfopt_error *err);

/* Takes in a value (NAN = no data). `at_once` fires without waiting. True if the rule began to fire
 * or ceased to: then it is to be told, once. While no data come a firing rule clears as if all were
 * well, to "no data". */
bool perfopt__alert_step(perfopt__alert_rule *rule, double value, bool at_once, int64_t now_ms,
                         int64_t wall_ms);

/* ---- hit rate over five minutes, from counters that are sampled --------------------------- */

#define PERFOPT__RATE_SAMPLES 64

typedef struct perfopt__rate {
    struct {
        int64_t at_ms;
        uint64_t hits, misses;
    } samples[PERFOPT__RATE_SAMPLES]; /* ring, at most one each 5 s */
    uint32_t count, next;
} perfopt__rate;

/* Takes in the counters; one that went back means that they were reset: everything is forgotten. */
void perfopt__rate_add(perfopt__rate *rate, int64_t now_ms, uint64_t hits, uint64_t misses);
/* Percent of the lookups in the last five minutes; NAN below `min_lookups`. */
double perfopt__rate_percent(const perfopt__rate *rate, int64_t now_ms, uint64_t hits,
                             uint64_t misses, uint64_t min_lookups, uint64_t *lookups);

#endif
