/*
 * invalidate.c - tags, patterns and clear. Each tells Redis first (or notes in the recovery that it
 * was not told) and then invalidates in this process: what was read from Redis before is then in L1
 * or on its way there with an older local time.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "cache/cache_internal.h"

#include <string.h>

/* A server that never ends a SCAN is not followed for ever: this is a thousand million keys. */
#define MAX_SCAN_STEPS 1000000u

perfopt_status perfopt_cache_invalidate_tag(perfopt_cache *cache, const char *tag,
                                            perfopt_error *err)
{
    size_t length = tag ? strlen(tag) : 0;
    if (length == 0 || length > PERFOPT__MAX_TAG || strpbrk(tag, ", "))
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "tag: 1 to %u bytes without ',' and ' ' are needed",
                                  PERFOPT__MAX_TAG);
    uint16_t slot = perfopt__slot_of_tag(tag, length);
    perfopt_status status = PERFOPT_OK;
    uint64_t removed;
    if (cache->redis)
        status = perfopt__level2_stamp(cache, &slot, 1, NULL, &removed, err);
    perfopt__tags_invalidate(&cache->tags, slot);
    atomic_fetch_add(&cache->invalidations, 1);
    return status;
}

perfopt_status perfopt_cache_clear(perfopt_cache *cache, perfopt_error *err)
{
    perfopt_status status = PERFOPT_OK;
    if (cache->redis)
        status = perfopt__level2_reset(cache, err);
    perfopt__tags_clear(&cache->tags);
    atomic_fetch_add(&cache->invalidations, 1);
    /* Nothing is readable any more; now the memory. */
    perfopt__store_sweep(&cache->store, SIZE_MAX, perfopt__now_ms());
    return status;
}

/* ---- patterns ------------------------------------------------------------------------------- */

/* The pattern for names in Redis: the prefix literally, then the caller's pattern. */
static void write_pattern(const perfopt_cache *cache, const char *pattern, perfopt__strbuf *out)
{
    for (const char *p = cache->prefix; *p; p++) {
        if (strchr("*?[]\\^-", *p))
            perfopt__strbuf_putc(out, '\\');
        perfopt__strbuf_putc(out, *p);
    }
    perfopt__strbuf_puts(out, "kv:");
    perfopt__strbuf_puts(out, pattern);
}

/* Removes up to PERFOPT__REDIS_BATCH names with the stamps of their keys. */
static perfopt_status remove_names(perfopt_cache *cache, const perfopt__redis_span *names,
                                   size_t count, uint64_t *removed, perfopt_error *err)
{
    uint16_t slots[PERFOPT__REDIS_BATCH];
    perfopt__redis_stamped stamped;
    size_t before_key = strlen(cache->prefix) + strlen("kv:");
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (names[i].length >= before_key)
            slots[used++] =
                perfopt__slot_of_key(names[i].data + before_key, names[i].length - before_key);
    }
    perfopt_status status =
        perfopt__redis_stamp(cache->redis, cache->state_key, perfopt__new_epoch(), slots, used,
                             names, count, &stamped, err);
    if (status != PERFOPT_OK)
        return status;
    perfopt__tags_told(&cache->tags, slots, used, &stamped);
    *removed += stamped.removed;
    return PERFOPT_OK;
}

static perfopt_status remove_all(perfopt_cache *cache, const perfopt__redis_span *names,
                                 size_t count, uint64_t *removed, perfopt_error *err)
{
    perfopt_status status = PERFOPT_OK;
    for (size_t at = 0; status == PERFOPT_OK && at < count; at += PERFOPT__REDIS_BATCH) {
        size_t batch = count - at < PERFOPT__REDIS_BATCH ? count - at : PERFOPT__REDIS_BATCH;
        status = remove_names(cache, names + at, batch, removed, err);
    }
    return status;
}

static perfopt_status scan_redis(perfopt_cache *cache, const char *pattern, bool dry_run,
                                 uint64_t *count, perfopt_error *err)
{
    if (!perfopt__level2_ready(cache))
        return perfopt__error_set(err, PERFOPT_EUNAVAILABLE, "Redis is down");
    perfopt__strbuf text = PERFOPT__STRBUF_INIT;
    write_pattern(cache, pattern, &text);
    perfopt_status status = text.failed ? perfopt__error_nomem(err) : PERFOPT_OK;
    perfopt__redis_span span = {text.data, text.length};
    uint64_t cursor = 0;
    for (unsigned step = 0; status == PERFOPT_OK && step < MAX_SCAN_STEPS; step++) {
        perfopt__redis_span *names;
        perfopt__redis_reply *reply = NULL;
        size_t found;
        status = perfopt__redis_scan(cache->redis, &cursor, span, &names, &found, &reply, err);
        if (status == PERFOPT_OK && dry_run)
            *count += found;
        else if (status == PERFOPT_OK)
            status = remove_all(cache, names, found, count, err);
        perfopt__redis_reply_release(reply);
        if (cursor == 0)
            break;
    }
    perfopt__strbuf_finish(&text);
    return status;
}

/* Loads of matching keys that run now may still write to Redis: their slots are stamped, which
 * makes what they write void there. */
static perfopt_status stamp_pending(perfopt_cache *cache, const uint64_t *pending,
                                    perfopt_error *err)
{
    uint16_t slots[PERFOPT__REDIS_BATCH];
    size_t count = 0;
    perfopt_status status = PERFOPT_OK;
    for (uint32_t slot = 0; slot < PERFOPT__SLOTS; slot++) {
        if (pending[slot / 64] >> slot % 64 & 1)
            slots[count++] = (uint16_t)slot;
        bool last = slot == PERFOPT__SLOTS - 1;
        if (count == PERFOPT__REDIS_BATCH || (last && count > 0)) {
            uint64_t removed;
            perfopt_status one = perfopt__level2_stamp(cache, slots, count, NULL, &removed, err);
            status = status == PERFOPT_OK ? one : status;
            /* Another reader may have taken such a value from Redis into L1 already. */
            while (count > 0)
                perfopt__tags_invalidate(&cache->tags, slots[--count]);
        }
    }
    return status;
}

perfopt_status perfopt_cache_invalidate_pattern(perfopt_cache *cache, const char *pattern,
                                                bool dry_run, uint64_t *count, perfopt_error *err)
{
    uint64_t in_redis = 0;
    perfopt_status status = PERFOPT_OK;
    if (!pattern || !*pattern)
        return perfopt__error_set(err, PERFOPT_EINVAL, "pattern: empty");
    uint64_t *pending = perfopt__calloc(PERFOPT__SLOTS / 64, sizeof(*pending));
    if (!pending)
        return perfopt__error_nomem(err);
    if (cache->redis) {
        /* First: a load that ends during the scan may write behind its back. */
        if (!dry_run)
            perfopt__store_match_tickets(&cache->store, pattern, strlen(pattern), pending);
        status = scan_redis(cache, pattern, dry_run, &in_redis, err);
        /* Which keys those would have been is not known: nothing in Redis may be read then. */
        if (status != PERFOPT_OK && !dry_run) {
            perfopt__recovery_add_clear(&cache->recovery);
            perfopt__background_wake(cache);
        }
    }
    uint64_t in_l1 = perfopt__store_match(&cache->store, pattern, strlen(pattern), dry_run,
                                          perfopt__now_ms(), pending);
    if (cache->redis && !dry_run && status == PERFOPT_OK)
        status = stamp_pending(cache, pending, err);
    perfopt__free(pending);
    if (!dry_run)
        atomic_fetch_add(&cache->invalidations, 1);
    if (count)
        *count = in_l1 + in_redis;
    return status;
}
