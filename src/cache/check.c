/*
 * check.c - the round trip to Redis that `perfopt doctor` asks for, on a connection of its own, so
 * that it tells the truth also while the link is held to be down.
 */
#include "base/error.h"
#include "cache/cache_internal.h"

perfopt_status perfopt_cache_check_redis(perfopt_cache *cache, int64_t *rtt_us, perfopt_error *err)
{
    if (!cache->redis)
        return perfopt__error_set(err, PERFOPT_EDISABLED, "no Redis is configured");
    perfopt__strbuf name = PERFOPT__STRBUF_INIT;
    /* Two processes that check at the same time must not remove each other's key. */
    perfopt__strbuf_printf(&name, "%sprobe:%016llx", cache->prefix,
                           (unsigned long long)perfopt__new_epoch());
    perfopt_status status;
    if (name.failed)
        status = perfopt__error_nomem(err);
    else
        status = perfopt__redis_probe(cache->redis, (perfopt__redis_span){name.data, name.length},
                                      rtt_us, err);
    perfopt__strbuf_finish(&name);
    return status;
}
