/*
 * commands.c - the cache's commands: written, sent and their replies checked. Nothing in a reply is
 * believed: a wrong type, count or number is an error like a refused command.
 */
#include "base/error.h"
#include "base/memory.h"
#include "cache/redis/redis_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_SLOT 65535u

struct perfopt__redis_reply {
    redisReply *values;
    perfopt__redis_span *spans; /* of a scan */
};

void perfopt__redis_reply_release(perfopt__redis_reply *reply)
{
    if (!reply)
        return;
    if (reply->values)
        freeReplyObject(reply->values);
    perfopt__free(reply->spans);
    perfopt__free(reply);
}

/* ---- parsing -------------------------------------------------------------------------------- */

/* A decimal number below 2^53 (what a score holds exactly). */
static bool parse_number(const redisReply *reply, uint64_t *out)
{
    if (reply->type == REDIS_REPLY_INTEGER) {
        *out = (uint64_t)reply->integer;
        return reply->integer >= 0;
    }
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || reply->len > 16)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < reply->len; i++) {
        if (reply->str[i] < '0' || reply->str[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(reply->str[i] - '0');
    }
    *out = number;
    return number < (uint64_t)1 << 53;
}

/* "e:" and 16 hexadecimal digits; never 0, which stands for "not known". */
static bool parse_epoch(const redisReply *reply, uint64_t *out)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len != 18 || memcmp(reply->str, "e:", 2) != 0)
        return false;
    uint64_t number = 0;
    for (size_t i = 2; i < 18; i++) {
        char c = reply->str[i];
        if (c >= '0' && c <= '9')
            number = number << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *out = number;
    return number != 0;
}

/* One member and its score. False if it is none of ours. */
static bool parse_member(const redisReply *member, const redisReply *score,
                         perfopt__redis_state *state)
{
    uint64_t slot;
    if (parse_epoch(member, &state->epoch))
        return true;
    if (member->type == REDIS_REPLY_STRING && member->len == 1 && member->str[0] == 's')
        return parse_number(score, &state->sequence);
    if (!parse_number(member, &slot) || slot > LAST_SLOT)
        return false;
    perfopt__redis_change *change = &state->changes[state->count++];
    change->slot = (uint16_t)slot;
    return parse_number(score, &change->stamp);
}

/* The reply of ZRANGEBYSCORE state (since +inf WITHSCORES. */
static perfopt_status parse_state(perfopt__redis *redis, const redisReply *reply, uint64_t since,
                                  perfopt__redis_state *state)
{
    *state = (perfopt__redis_state){.sequence = since};
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 0)
        return perfopt__redis_refused(redis, "ZRANGEBYSCORE", reply, NULL);
    if (reply->elements == 0) {
        state->missing = true;
        return PERFOPT_OK;
    }
    state->changes = perfopt__calloc(reply->elements / 2, sizeof(*state->changes));
    if (!state->changes)
        return PERFOPT_ENOMEM;
    bool ok = true;
    for (size_t i = 0; ok && i < reply->elements; i += 2)
        ok = parse_member(reply->element[i], reply->element[i + 1], state);
    if (ok && state->epoch != 0)
        return PERFOPT_OK;
    perfopt__free(state->changes);
    state->changes = NULL;
    return perfopt__redis_refused(redis, "ZRANGEBYSCORE", NULL, NULL);
}

/* ---- reading and writing -------------------------------------------------------------------- */

static void add_span(perfopt__strbuf *out, perfopt__redis_span span)
{
    perfopt__command_add(out, span.data, span.length);
}

static void add_state_read(perfopt__strbuf *out, const char *state_key, uint64_t since)
{
    char from[32];
    snprintf(from, sizeof(from), "(%llu", (unsigned long long)since);
    perfopt__command_begin(out, 5);
    perfopt__command_add_text(out, "ZRANGEBYSCORE");
    perfopt__command_add_text(out, state_key);
    perfopt__command_add_text(out, from);
    perfopt__command_add_text(out, "+inf");
    perfopt__command_add_text(out, "WITHSCORES");
}

static perfopt_status read_values(perfopt__redis *redis, const redisReply *reply, size_t count,
                                  perfopt__redis_span *values)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != count)
        return perfopt__redis_refused(redis, "MGET", reply, NULL);
    for (size_t i = 0; i < count; i++) {
        const redisReply *value = reply->element[i];
        values[i] = (perfopt__redis_span){NULL, 0};
        if (value->type == REDIS_REPLY_STRING)
            values[i] = (perfopt__redis_span){value->str, value->len};
    }
    return PERFOPT_OK;
}

perfopt_status perfopt__redis_read(perfopt__redis *redis, const char *state_key, uint64_t since,
                                   const perfopt__redis_span *names, size_t count,
                                   perfopt__redis_state *state, perfopt__redis_span *values,
                                   perfopt__redis_reply **reply)
{
    perfopt__strbuf commands = PERFOPT__STRBUF_INIT;
    redisReply *replies[2] = {NULL, NULL};
    perfopt__redis_reply *holder = perfopt__calloc(1, sizeof(*holder));
    if (!holder)
        return PERFOPT_ENOMEM;
    add_state_read(&commands, state_key, since);
    if (count > 0) {
        perfopt__command_begin(&commands, 1 + count);
        perfopt__command_add_text(&commands, "MGET");
        for (size_t i = 0; i < count; i++)
            add_span(&commands, names[i]);
    }
    perfopt_status status = perfopt__redis_call(redis, &commands, replies, count > 0 ? 2 : 1, NULL);
    perfopt__strbuf_finish(&commands);
    if (status != PERFOPT_OK) {
        perfopt__free(holder);
        return status;
    }
    holder->values = replies[1];
    status = parse_state(redis, replies[0], since, state);
    freeReplyObject(replies[0]);
    if (status == PERFOPT_OK && count > 0) {
        status = read_values(redis, holder->values, count, values);
        if (status != PERFOPT_OK) {
            perfopt__free(state->changes);
            state->changes = NULL;
        }
    }
    if (status == PERFOPT_OK)
        *reply = holder;
    else
        perfopt__redis_reply_release(holder);
    return status;
}

static void add_set(perfopt__strbuf *out, const perfopt__redis_set *set)
{
    perfopt__command_begin(out, 5);
    perfopt__command_add_text(out, "SET");
    add_span(out, set->name);
    add_span(out, set->value);
    perfopt__command_add_text(out, "PX");
    perfopt__command_add_int(out, set->ttl_ms);
}

perfopt_status perfopt__redis_write(perfopt__redis *redis, const char *state_key, uint64_t since,
                                    perfopt__redis_set *sets, size_t count,
                                    perfopt__redis_state *state)
{
    redisReply **replies = perfopt__calloc(count + 1, sizeof(redisReply *));
    if (!replies)
        return PERFOPT_ENOMEM;
    perfopt__strbuf commands = PERFOPT__STRBUF_INIT;
    for (size_t i = 0; i < count; i++) {
        sets[i].done = false;
        add_set(&commands, &sets[i]);
    }
    add_state_read(&commands, state_key, since);
    perfopt_status status = perfopt__redis_call(redis, &commands, replies, count + 1, NULL);
    perfopt__strbuf_finish(&commands);
    if (status == PERFOPT_OK) {
        for (size_t i = 0; i < count; i++) {
            sets[i].done = replies[i]->type == REDIS_REPLY_STATUS;
            if (!sets[i].done)
                perfopt__redis_refused(redis, "SET", replies[i], NULL);
        }
        status = parse_state(redis, replies[count], since, state);
        for (size_t i = 0; i <= count; i++)
            freeReplyObject(replies[i]);
    }
    perfopt__free(replies);
    return status;
}

/* ---- stamps --------------------------------------------------------------------------------- */

/* A script, because the sequence and the stamps must change in one step: a reader that sees the new
 * sequence without the stamps would believe that it knows them. */
static const char stamp_script[] =
    "local s=KEYS[1]\n"
    "if redis.call('EXISTS',s)==0 then redis.call('ZADD',s,'inf','e:'..ARGV[1],0,'s') end\n"
    "local n=redis.call('ZINCRBY',s,1,'s')\n"
    "local r={redis.call('ZRANGE',s,-1,-1)[1],n,0}\n"
    "for i=2,#ARGV do\n"
    " r[#r+1]=redis.call('ZSCORE',s,ARGV[i]) or '0'\n"
    " redis.call('ZADD',s,n,ARGV[i])\n"
    "end\n"
    "if #KEYS>1 then r[3]=redis.call('UNLINK',unpack(KEYS,2)) end\n"
    "return r";

static const char reset_script[] = "redis.call('DEL',KEYS[1])\n"
                                   "redis.call('ZADD',KEYS[1],'inf','e:'..ARGV[1],0,'s')\n"
                                   "return 1";

static void add_epoch(perfopt__strbuf *out, uint64_t epoch)
{
    char text[20];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)epoch);
    perfopt__command_add_text(out, text);
}

static bool parse_stamped(const redisReply *reply, size_t count, perfopt__redis_stamped *out)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 + count ||
        !parse_epoch(reply->element[0], &out->epoch) ||
        !parse_number(reply->element[1], &out->stamp) ||
        !parse_number(reply->element[2], &out->removed))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!parse_number(reply->element[3 + i], &out->before[i]))
            return false;
    }
    return true;
}

perfopt_status perfopt__redis_stamp(perfopt__redis *redis, const char *state_key,
                                    uint64_t new_epoch, const uint16_t *slots, size_t count,
                                    const perfopt__redis_span *names, size_t name_count,
                                    perfopt__redis_stamped *out, perfopt_error *err)
{
    perfopt__strbuf command = PERFOPT__STRBUF_INIT;
    perfopt__command_begin(&command, 5 + name_count + count);
    perfopt__command_add_text(&command, "EVAL");
    perfopt__command_add(&command, stamp_script, sizeof(stamp_script) - 1);
    perfopt__command_add_int(&command, (int64_t)(1 + name_count));
    perfopt__command_add_text(&command, state_key);
    for (size_t i = 0; i < name_count; i++)
        add_span(&command, names[i]);
    add_epoch(&command, new_epoch);
    for (size_t i = 0; i < count; i++)
        perfopt__command_add_int(&command, slots[i]);
    redisReply *reply;
    perfopt_status status = perfopt__redis_call(redis, &command, &reply, 1, err);
    perfopt__strbuf_finish(&command);
    if (status != PERFOPT_OK)
        return status;
    if (!parse_stamped(reply, count, out))
        status = perfopt__redis_refused(redis, "EVAL", reply, err);
    freeReplyObject(reply);
    return status;
}

perfopt_status perfopt__redis_reset(perfopt__redis *redis, const char *state_key,
                                    uint64_t new_epoch, perfopt_error *err)
{
    perfopt__strbuf command = PERFOPT__STRBUF_INIT;
    perfopt__command_begin(&command, 5);
    perfopt__command_add_text(&command, "EVAL");
    perfopt__command_add(&command, reset_script, sizeof(reset_script) - 1);
    perfopt__command_add_int(&command, 1);
    perfopt__command_add_text(&command, state_key);
    add_epoch(&command, new_epoch);
    redisReply *reply;
    perfopt_status status = perfopt__redis_call(redis, &command, &reply, 1, err);
    perfopt__strbuf_finish(&command);
    if (status != PERFOPT_OK)
        return status;
    if (reply->type != REDIS_REPLY_INTEGER)
        status = perfopt__redis_refused(redis, "EVAL", reply, err);
    freeReplyObject(reply);
    return status;
}

/* ---- scan ----------------------------------------------------------------------------------- */

static bool parse_scan(const redisReply *reply, uint64_t *cursor, perfopt__redis_reply *holder,
                       size_t *count)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[0]->len > 20 ||
        reply->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    char *end;
    errno = 0;
    *cursor = strtoull(reply->element[0]->str, &end, 10);
    if (*end || errno)
        return false;
    const redisReply *list = reply->element[1];
    holder->spans = perfopt__calloc(list->elements + 1, sizeof(*holder->spans));
    if (!holder->spans)
        return false;
    *count = 0;
    for (size_t i = 0; i < list->elements; i++) {
        if (list->element[i]->type == REDIS_REPLY_STRING)
            holder->spans[(*count)++] =
                (perfopt__redis_span){list->element[i]->str, list->element[i]->len};
    }
    return true;
}

perfopt_status perfopt__redis_scan(perfopt__redis *redis, uint64_t *cursor,
                                   perfopt__redis_span pattern, perfopt__redis_span **names,
                                   size_t *count, perfopt__redis_reply **reply, perfopt_error *err)
{
    char from[24];
    snprintf(from, sizeof(from), "%llu", (unsigned long long)*cursor);
    perfopt__redis_reply *holder = perfopt__calloc(1, sizeof(*holder));
    if (!holder)
        return perfopt__error_nomem(err);
    perfopt__strbuf command = PERFOPT__STRBUF_INIT;
    perfopt__command_begin(&command, 6);
    perfopt__command_add_text(&command, "SCAN");
    perfopt__command_add_text(&command, from);
    perfopt__command_add_text(&command, "MATCH");
    add_span(&command, pattern);
    perfopt__command_add_text(&command, "COUNT");
    perfopt__command_add_text(&command, "1000");
    perfopt_status status = perfopt__redis_call(redis, &command, &holder->values, 1, err);
    perfopt__strbuf_finish(&command);
    if (status == PERFOPT_OK && !parse_scan(holder->values, cursor, holder, count))
        status = perfopt__redis_refused(redis, "SCAN", holder->values, err);
    if (status == PERFOPT_OK) {
        *names = holder->spans;
        *reply = holder;
    } else {
        perfopt__redis_reply_release(holder);
    }
    return status;
}

/* ---- probe ---------------------------------------------------------------------------------- */

static const char probe_value[] = "perfopt";

static void add_probe(perfopt__strbuf *out, perfopt__redis_span name)
{
    perfopt__redis_set set = {name, {probe_value, sizeof(probe_value) - 1}, 10000, false};
    add_set(out, &set);
    perfopt__command_begin(out, 2);
    perfopt__command_add_text(out, "GET");
    add_span(out, name);
    perfopt__command_begin(out, 2);
    perfopt__command_add_text(out, "DEL");
    add_span(out, name);
}

static perfopt_status check_probe(perfopt__redis *redis, redisReply **replies, perfopt_error *err)
{
    static const char *const names[3] = {"SET", "GET", "DEL"};
    bool ok[3] = {replies[0]->type == REDIS_REPLY_STATUS,
                  replies[1]->type == REDIS_REPLY_STRING &&
                      replies[1]->len == sizeof(probe_value) - 1 &&
                      memcmp(replies[1]->str, probe_value, sizeof(probe_value) - 1) == 0,
                  replies[2]->type == REDIS_REPLY_INTEGER && replies[2]->integer == 1};
    for (int i = 0; i < 3; i++) {
        if (!ok[i])
            return perfopt__redis_refused(redis, names[i], replies[i], err);
    }
    return PERFOPT_OK;
}

perfopt_status perfopt__redis_probe(perfopt__redis *redis, perfopt__redis_span name,
                                    int64_t *rtt_us, perfopt_error *err)
{
    const perfopt__redis_settings *settings = perfopt__redis_settings_of(redis);
    perfopt__connection connection;
    perfopt_status status = perfopt__connection_open(&connection, settings, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt__strbuf commands = PERFOPT__STRBUF_INIT;
    add_probe(&commands, name);
    redisReply *replies[3];
    int64_t started_us = perfopt__redis_clock_us();
    status = perfopt__connection_call(&connection, settings, &commands, replies, 3,
                                      started_us / 1000 + settings->command_timeout_ms, err);
    if (status == PERFOPT_OK) {
        if (rtt_us)
            *rtt_us = perfopt__redis_clock_us() - started_us;
        status = check_probe(redis, replies, err);
        for (int i = 0; i < 3; i++)
            freeReplyObject(replies[i]);
    }
    perfopt__strbuf_finish(&commands);
    perfopt__connection_close(&connection);
    return status;
}
