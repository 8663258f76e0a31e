/*
 * alerts.c - the alert state machine, the four rules' settings, and the sampled hit rate.
 */
#include "monitor/alerts.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RATE_STEP_MS   5000
#define RATE_WINDOW_MS 300000

/* ---- settings ----------------------------------------------------------------------------- */

static void init_rule(perfopt__alert_rule *rule, const char *id, const char *unit, double threshold,
                      double clear_threshold)
{
    memset(rule, 0, sizeof(*rule));
    snprintf(rule->now.id, sizeof(rule->now.id), "%s", id);
    snprintf(rule->now.unit, sizeof(rule->now.unit), "%s", unit);
    rule->now.value = NAN;
    rule->now.threshold = threshold;
    rule->now.clear_threshold = clear_threshold;
    rule->evaluated_ms = -1;
}

static double or_default(double value, double otherwise)
{
    return value == 0 ? otherwise : value;
}

static perfopt_status check(double value, double max, const char *option, perfopt_error *err)
{
    if (value >= 0 && value <= max)
        return PERFOPT_OK;
    return perfopt__error_set(err, PERFOPT_ECONFIG, "%s must lie between 0 and %.0f", option, max);
}

perfopt_status perfopt__alerts_init(perfopt__alert_rule rules[PERFOPT__ALERTS],
                                    const perfopt_monitor_options *options, perfopt_error *err)
{
    if (check(options->response_time_alert_ms, 3600000, "response_time_alert_ms", err) ||
        check(options->cache_hit_alert_percent, 100, "cache_hit_alert_percent", err) ||
        check(options->memory_alert_percent, 100, "memory_alert_percent", err))
        return PERFOPT_ECONFIG;
    double ms = or_default(options->response_time_alert_ms, 2000);
    double hit = or_default(options->cache_hit_alert_percent, 70);
    double memory = or_default(options->memory_alert_percent, 80);
    /* Five points away, or half way to the end of the scale: a rule must be able to clear. */
    init_rule(&rules[PERFOPT__ALERT_RESPONSE_TIME], "response-time", "ms", ms, 0.8 * ms);
    init_rule(&rules[PERFOPT__ALERT_CACHE], "cache-hit-rate", "%", hit,
              fmin(hit + 5, (hit + 100) / 2));
    init_rule(&rules[PERFOPT__ALERT_POOL], "pool-exhausted", "", 1, 1);
    init_rule(&rules[PERFOPT__ALERT_MEMORY], "memory", "%", memory, fmax(memory - 5, memory / 2));
    rules[PERFOPT__ALERT_CACHE].low_is_bad = true;
    uint32_t interval_ms = options->interval_ms ? options->interval_ms : 5000;
    for (int i = 0; i < PERFOPT__ALERTS; i++) {
        rules[i].for_ms = options->alert_for_ms ? options->alert_for_ms : 30000;
        rules[i].clear_ms = options->alert_clear_ms ? options->alert_clear_ms : 60000;
        rules[i].max_gap_ms = 3 * (int64_t)interval_ms;
    }
    rules[PERFOPT__ALERT_POOL].for_ms = options->pool_alert_ms ? options->pool_alert_ms : 1000;
    return PERFOPT_OK;
}

/* ---- state machine ------------------------------------------------------------------------ */

static void change(perfopt__alert_rule *rule, perfopt_alert_state state, int64_t wall_ms)
{
    rule->held_ms = 0;
    if (rule->now.state == state)
        return;
    rule->now.state = state;
    rule->now.since_ms = wall_ms;
}

static bool is_bad(const perfopt__alert_rule *rule, double value)
{
    return rule->low_is_bad ? value < rule->now.threshold : value >= rule->now.threshold;
}

static bool is_clear(const perfopt__alert_rule *rule, double value)
{
    if (isnan(value))
        return true;
    if (is_bad(rule, value))
        return false;
    double clear = rule->now.clear_threshold;
    return rule->low_is_bad ? value >= clear : value < clear;
}

static perfopt_alert_state calm(double value)
{
    return isnan(value) ? PERFOPT_ALERT_NO_DATA : PERFOPT_ALERT_OK;
}

static bool step_firing(perfopt__alert_rule *rule, double value, int64_t elapsed_ms,
                        int64_t wall_ms)
{
    if (!is_clear(rule, value)) {
        rule->held_ms = 0;
        return false;
    }
    rule->held_ms += elapsed_ms;
    if (rule->held_ms < rule->clear_ms)
        return false;
    change(rule, calm(value), wall_ms);
    return true;
}

/* True when the rule begins to fire. */
static bool step_quiet(perfopt__alert_rule *rule, double value, bool at_once, int64_t elapsed_ms,
                       int64_t wall_ms)
{
    if (at_once) {
        change(rule, PERFOPT_ALERT_FIRING, wall_ms);
        return true;
    }
    if (isnan(value) || !is_bad(rule, value)) {
        change(rule, calm(value), wall_ms);
        return false;
    }
    if (rule->now.state != PERFOPT_ALERT_PENDING) {
        change(rule, PERFOPT_ALERT_PENDING, wall_ms);
        return false;
    }
    rule->held_ms += elapsed_ms;
    if (rule->held_ms < rule->for_ms)
        return false;
    change(rule, PERFOPT_ALERT_FIRING, wall_ms);
    return true;
}

bool perfopt__alert_step(perfopt__alert_rule *rule, double value, bool at_once, int64_t now_ms,
                         int64_t wall_ms)
{
    int64_t elapsed_ms = rule->evaluated_ms < 0 ? 0 : now_ms - rule->evaluated_ms;
    if (elapsed_ms < 0)
        elapsed_ms = 0;
    if (elapsed_ms > rule->max_gap_ms)
        elapsed_ms = rule->max_gap_ms;
    rule->evaluated_ms = now_ms;
    rule->now.value = value;
    if (rule->now.state == PERFOPT_ALERT_FIRING) {
        if (at_once)
            rule->held_ms = 0;
        return !at_once && step_firing(rule, value, elapsed_ms, wall_ms);
    }
    return step_quiet(rule, value, at_once, elapsed_ms, wall_ms);
}

/* ---- hit rate ----------------------------------------------------------------------------- */

static uint32_t newest(const perfopt__rate *rate)
{
    return (rate->next + PERFOPT__RATE_SAMPLES - 1) % PERFOPT__RATE_SAMPLES;
}

void perfopt__rate_add(perfopt__rate *rate, int64_t now_ms, uint64_t hits, uint64_t misses)
{
    if (rate->count) {
        uint32_t last = newest(rate);
        if (hits < rate->samples[last].hits || misses < rate->samples[last].misses ||
            now_ms < rate->samples[last].at_ms)
            rate->count = 0;
        else if (now_ms - rate->samples[last].at_ms < RATE_STEP_MS)
            return;
    }
    rate->samples[rate->next].at_ms = now_ms;
    rate->samples[rate->next].hits = hits;
    rate->samples[rate->next].misses = misses;
    rate->next = (rate->next + 1) % PERFOPT__RATE_SAMPLES;
    if (rate->count < PERFOPT__RATE_SAMPLES)
        rate->count++;
}

double perfopt__rate_percent(const perfopt__rate *rate, int64_t now_ms, uint64_t hits,
                             uint64_t misses, uint64_t min_lookups, uint64_t *lookups)
{
    /* The oldest sample that is not older than the window. */
    uint64_t base_hits = hits, base_misses = misses;
    uint32_t at = newest(rate);
    for (uint32_t i = 0; i < rate->count; i++) {
        if (now_ms - rate->samples[at].at_ms > RATE_WINDOW_MS)
            break;
        base_hits = rate->samples[at].hits;
        base_misses = rate->samples[at].misses;
        at = (at + PERFOPT__RATE_SAMPLES - 1) % PERFOPT__RATE_SAMPLES;
    }
    if (hits < base_hits || misses < base_misses)
        base_hits = base_misses = 0;
    *lookups = hits - base_hits + misses - base_misses;
    if (*lookups < min_lookups || *lookups == 0)
        return NAN;
    return 100 * (double)(hits - base_hits) / (double)*lookups;
}
