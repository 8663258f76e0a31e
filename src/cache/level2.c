/*
 * level2.c - Redis as the cache sees it: names, envelopes, the stamps that come with every command,
 * and what happens when Redis cannot be reached. Nothing here touches L1.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "cache/cache_internal.h"

#include <string.h>

/* A new epoch makes a command be repeated; two in a row are as many as are followed. */
#define TRIES 3

bool perfopt__level2_ready(perfopt_cache *cache)
{
    return cache->redis && perfopt__background_ensure(cache) == PERFOPT_OK &&
           perfopt__redis_up(cache->redis);
}

void perfopt__level2_name(const perfopt_cache *cache, const perfopt__key *key, perfopt__strbuf *out)
{
    perfopt__strbuf_puts(out, cache->prefix);
    if (key->length <= PERFOPT__MAX_REDIS_KEY) {
        perfopt__strbuf_puts(out, "kv:");
        perfopt__strbuf_append(out, key->bytes, key->length);
    } else {
        char hex[33];
        perfopt__hash128_hex(perfopt__hash128_stable(key->bytes, key->length), hex);
        perfopt__strbuf_puts(out, "h:");
        perfopt__strbuf_puts(out, hex);
    }
}

/* ---- many names in one buffer --------------------------------------------------------------- */

typedef struct name_list {
    perfopt__strbuf text;
    perfopt__redis_span *spans;
} name_list;

static void names_finish(name_list *names)
{
    perfopt__strbuf_finish(&names->text);
    perfopt__free(names->spans);
}

/* `stride` is the distance between two pointers to keys. False when out of memory. */
static bool names_init(const perfopt_cache *cache, name_list *names,
                       const perfopt__key *const *first, size_t stride, size_t count)
{
    *names = (name_list){.text = PERFOPT__STRBUF_INIT};
    names->spans = perfopt__calloc(count + 1, sizeof(*names->spans));
    const char *at = (const char *)first;
    for (size_t i = 0; names->spans && i < count; i++, at += stride) {
        size_t start = names->text.length;
        perfopt__level2_name(cache, *(const perfopt__key *const *)at, &names->text);
        names->spans[i].length = names->text.length - start;
    }
    if (!names->spans || names->text.failed) {
        names_finish(names);
        return false;
    }
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        names->spans[i].data = names->text.data + offset;
        offset += names->spans[i].length;
    }
    return true;
}

/* ---- the state ------------------------------------------------------------------------------ */

static void create_state(perfopt_cache *cache)
{
    perfopt__redis_stamped stamped;
    perfopt__redis_stamp(cache->redis, cache->state_key, perfopt__new_epoch(), NULL, 0, NULL, 0,
                         &stamped, NULL);
}

/* Takes what a reply said about invalidations; true if the reply may be used with it. */
static bool take_state(perfopt_cache *cache, const perfopt__view *sent, perfopt__redis_state *state)
{
    perfopt__learned learned = PERFOPT__AGAIN;
    if (state->missing)
        create_state(cache);
    else
        learned = perfopt__tags_learn(&cache->tags, sent, state);
    perfopt__free(state->changes);
    state->changes = NULL;
    return learned == PERFOPT__LEARNED;
}

void perfopt__level2_sync(perfopt_cache *cache)
{
    for (int i = 0; i < TRIES; i++) {
        perfopt__redis_state state;
        perfopt__redis_reply *reply = NULL;
        perfopt__view view = perfopt__tags_view(&cache->tags);
        if (perfopt__redis_read(cache->redis, cache->state_key, view.synced, NULL, 0, &state, NULL,
                                &reply) != PERFOPT_OK)
            return;
        perfopt__redis_reply_release(reply);
        if (take_state(cache, &view, &state))
            return;
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

/* PERFOPT_EPROTO: damaged. PERFOPT_ENOTFOUND: of another key, expired or invalidated. */
static perfopt_status open_envelope(perfopt_cache *cache, perfopt__lookup *lookup,
                                    perfopt__redis_span value, int64_t now_ms)
{
    perfopt__envelope e;
    perfopt_status status = perfopt__envelope_read(value.data, value.length, &e);
    if (status != PERFOPT_OK)
        return status;
    const perfopt__key *key = lookup->key;
    if (e.key_length != key->length || memcmp(e.key, key->bytes, key->length) != 0)
        return PERFOPT_ENOTFOUND;
    if (perfopt__slots_read(&lookup->slots, key, e.tags, e.tags_length) != PERFOPT_OK)
        return PERFOPT_EPROTO;
    /* Two machines' wall clocks may differ: never longer than it was meant to live in all. */
    int64_t left_ms = e.expires_ms - perfopt__wall_ms();
    int64_t ttl_ms = e.expires_ms - e.created_ms;
    if (left_ms > ttl_ms)
        left_ms = ttl_ms;
    if (left_ms <= 0 || ttl_ms > PERFOPT__MAX_TTL_MS)
        return PERFOPT_ENOTFOUND;
    if (!perfopt__tags_admit(&cache->tags, &cache->recovery, e.epoch, e.as_of, &lookup->slots,
                             &lookup->as_of))
        return PERFOPT_ENOTFOUND;
    lookup->expires_ms = perfopt__expiry(now_ms, left_ms);
    if (e.absent)
        return PERFOPT_EABSENT;
    return perfopt__envelope_value(value.data, value.length, &lookup->value);
}

static void open_all(perfopt_cache *cache, perfopt__lookup *lookups, size_t count,
                     const perfopt__redis_span *values, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (!values[i].data)
            continue;
        perfopt_status status = open_envelope(cache, &lookups[i], values[i], now_ms);
        if (status == PERFOPT_EPROTO)
            atomic_fetch_add(&cache->damaged, 1);
        lookups[i].status =
            status == PERFOPT_OK || status == PERFOPT_EABSENT ? status : PERFOPT_ENOTFOUND;
    }
}

void perfopt__level2_read(perfopt_cache *cache, perfopt__lookup *lookups, size_t count,
                          int64_t now_ms, perfopt__fence *fence)
{
    *fence = (perfopt__fence){0, 0};
    for (size_t i = 0; i < count; i++) {
        lookups[i].status = PERFOPT_ENOTFOUND;
        lookups[i].value = NULL;
    }
    name_list names;
    if (!perfopt__level2_ready(cache) ||
        !names_init(cache, &names, &lookups->key, sizeof(*lookups), count))
        return;
    perfopt__redis_span *values = perfopt__calloc(count + 1, sizeof(*values));
    for (int i = 0; values && i < TRIES; i++) {
        perfopt__redis_state state;
        perfopt__redis_reply *reply = NULL;
        perfopt__view view = perfopt__tags_view(&cache->tags);
        if (perfopt__redis_read(cache->redis, cache->state_key, view.synced, names.spans, count,
                                &state, values, &reply) != PERFOPT_OK)
            break;
        bool done = take_state(cache, &view, &state);
        if (done) {
            *fence = (perfopt__fence){state.epoch, state.sequence};
            open_all(cache, lookups, count, values, now_ms);
        }
        perfopt__redis_reply_release(reply);
        if (done)
            break;
    }
    perfopt__free(values);
    names_finish(&names);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* A prepared pipeline of SETs: names and envelopes. */
typedef struct batch {
    name_list names;
    perfopt__strbuf *envelopes;
    perfopt__redis_set *sets;
    size_t count;
} batch;

static void batch_finish(batch *b)
{
    for (size_t i = 0; b->envelopes && i < b->count; i++)
        perfopt__strbuf_finish(&b->envelopes[i]);
    perfopt__free(b->envelopes);
    perfopt__free(b->sets);
    names_finish(&b->names);
}

static perfopt_status wrap(const perfopt__write *w, const perfopt__fence *fence,
                           perfopt__strbuf *out)
{
    int64_t wall_ms = perfopt__wall_ms();
    perfopt__envelope e = {.absent = !w->value,
                           .epoch = fence->epoch,
                           .as_of = fence->as_of,
                           .created_ms = wall_ms,
                           .expires_ms = wall_ms + w->plan->ttl_ms,
                           .key = w->key->bytes,
                           .key_length = w->key->length,
                           .tags = w->plan->tags,
                           .tags_length = w->plan->tags_length};
    if (w->value) {
        e.data = perfopt_bytes_data(w->value);
        e.length = perfopt_bytes_length(w->value);
    }
    return perfopt__envelope_write(&e, out);
}

static bool batch_init(const perfopt_cache *cache, batch *b, const perfopt__write *writes,
                       size_t count, const perfopt__fence *fence)
{
    *b = (batch){.count = count};
    if (!names_init(cache, &b->names, &writes->key, sizeof(*writes), count)) {
        b->names = (name_list){.spans = NULL};
        return false;
    }
    b->envelopes = perfopt__calloc(count, sizeof(*b->envelopes));
    b->sets = perfopt__calloc(count, sizeof(*b->sets));
    if (!b->envelopes || !b->sets)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (wrap(&writes[i], fence, &b->envelopes[i]) != PERFOPT_OK)
            return false;
        b->sets[i] = (perfopt__redis_set){b->names.spans[i],
                                          {b->envelopes[i].data, b->envelopes[i].length},
                                          writes[i].plan->ttl_ms,
                                          false};
    }
    return true;
}

/* Are the envelopes, written at the fence, readable as far as is known now? */
static bool is_current(perfopt_cache *cache, const perfopt__write *writes, size_t count,
                       const perfopt__fence *fence)
{
    perfopt__tags *tags = &cache->tags;
    pthread_mutex_lock(&tags->lock);
    bool current = fence->epoch == tags->epoch;
    for (size_t i = 0; current && i < count; i++) {
        const perfopt__slots *slots = &writes[i].plan->slots;
        for (size_t j = 0; current && j < slots->count; j++)
            current = fence->as_of >= tags->told[slots->slot[j]];
    }
    pthread_mutex_unlock(&tags->lock);
    return current;
}

/* Writes at the newest time known, and once more if the answer shows that it was not the newest. */
static void write_current(perfopt_cache *cache, perfopt__write *writes, batch *b)
{
    for (int i = 0; i < TRIES; i++) {
        perfopt__redis_state state;
        perfopt__view view = perfopt__tags_view(&cache->tags);
        perfopt__fence fence = {view.epoch, view.latest};
        for (size_t j = 0; j < b->count; j++)
            perfopt__envelope_restamp(b->envelopes[j].data, b->envelopes[j].length, fence.epoch,
                                      fence.as_of);
        if (perfopt__redis_write(cache->redis, cache->state_key, view.synced, b->sets, b->count,
                                 &state) != PERFOPT_OK) {
            for (size_t j = 0; j < b->count; j++)
                b->sets[j].done = false;
            return;
        }
        if (take_state(cache, &view, &state) && is_current(cache, writes, b->count, &fence))
            return;
    }
}

void perfopt__level2_overwrite(perfopt_cache *cache, perfopt__write *writes, size_t count)
{
    static const perfopt__fence unknown;
    for (size_t i = 0; i < count; i++)
        writes[i].done = false;
    if (!cache->redis)
        return;
    if (perfopt__level2_ready(cache)) {
        batch b;
        if (batch_init(cache, &b, writes, count, &unknown)) {
            write_current(cache, writes, &b);
            for (size_t i = 0; i < count; i++)
                writes[i].done = b.sets[i].done;
        }
        batch_finish(&b);
    }
    /* What Redis still has under these keys is old now. */
    bool untold = false;
    for (size_t i = 0; i < count; i++) {
        if (!writes[i].done)
            perfopt__recovery_add(&cache->recovery, writes[i].plan->slots.slot[0]);
        untold |= !writes[i].done;
    }
    if (untold)
        perfopt__background_wake(cache);
}

void perfopt__level2_write(perfopt_cache *cache, perfopt__write *write, const perfopt__fence *fence)
{
    write->done = false;
    if (fence->epoch == 0 || !perfopt__level2_ready(cache))
        return;
    batch b;
    if (batch_init(cache, &b, write, 1, fence)) {
        perfopt__redis_state state;
        perfopt__view view = perfopt__tags_view(&cache->tags);
        if (perfopt__redis_write(cache->redis, cache->state_key, view.synced, b.sets, 1, &state) ==
            PERFOPT_OK) {
            take_state(cache, &view, &state);
            write->done = b.sets[0].done;
        }
    }
    batch_finish(&b);
}

/* ---- invalidating --------------------------------------------------------------------------- */

perfopt_status perfopt__level2_stamp(perfopt_cache *cache, const uint16_t *slots, size_t count,
                                     const perfopt__key *key, uint64_t *removed, perfopt_error *err)
{
    perfopt__redis_stamped stamped;
    perfopt__strbuf name = PERFOPT__STRBUF_INIT;
    perfopt_status status = PERFOPT_OK;
    *removed = 0;
    if (key)
        perfopt__level2_name(cache, key, &name);
    if (name.failed)
        status = PERFOPT_ENOMEM;
    else if (!perfopt__level2_ready(cache))
        status = perfopt__error_set(err, PERFOPT_EUNAVAILABLE,
                                    "Redis is down: it will be told when it is back");
    if (status == PERFOPT_OK) {
        perfopt__redis_span span = {name.data, name.length};
        status = perfopt__redis_stamp(cache->redis, cache->state_key, perfopt__new_epoch(), slots,
                                      count, &span, key ? 1 : 0, &stamped, err);
    }
    perfopt__strbuf_finish(&name);
    if (status == PERFOPT_OK) {
        perfopt__tags_told(&cache->tags, slots, count, &stamped);
        *removed = stamped.removed;
        return PERFOPT_OK;
    }
    for (size_t i = 0; i < count; i++)
        perfopt__recovery_add(&cache->recovery, slots[i]);
    perfopt__background_wake(cache);
    /* Without memory the bits above are set all the same: it is told later. */
    return PERFOPT_EUNAVAILABLE;
}

perfopt_status perfopt__level2_reset(perfopt_cache *cache, perfopt_error *err)
{
    uint64_t epoch = perfopt__new_epoch();
    perfopt_status status;
    if (perfopt__level2_ready(cache))
        status = perfopt__redis_reset(cache->redis, cache->state_key, epoch, err);
    else
        status = perfopt__error_set(err, PERFOPT_EUNAVAILABLE,
                                    "Redis is down: it will be told when it is back");
    if (status == PERFOPT_OK) {
        pthread_mutex_lock(&cache->tags.lock);
        perfopt__tags_reset_locked(&cache->tags, epoch);
        pthread_mutex_unlock(&cache->tags.lock);
        return PERFOPT_OK;
    }
    perfopt__recovery_add_clear(&cache->recovery);
    perfopt__background_wake(cache);
    return PERFOPT_EUNAVAILABLE;
}
