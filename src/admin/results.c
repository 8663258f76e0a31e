/*
 * results.c - outcomes of actions that were sent as plain forms: the browser is redirected to the
 * page, and the page shows what happened. They are found by a random id, so an address cannot put
 * words into a page.
 */
#include "admin/admin_internal.h"

#include "base/random.h"

#include <stdio.h>
#include <string.h>

#define KEPT_MS 120000

void perfopt__results_init(perfopt__results *results)
{
    memset(results, 0, sizeof(*results));
    pthread_mutex_init(&results->lock, NULL);
}

void perfopt__results_finish(perfopt__results *results)
{
    pthread_mutex_destroy(&results->lock);
}

void perfopt__results_keep(perfopt__results *results, const perfopt__result *result, int64_t now_ms,
                           char id[17])
{
    snprintf(id, 17, "%016llx", (unsigned long long)perfopt__random_u64());
    pthread_mutex_lock(&results->lock);
    perfopt__result *slot = &results->ring[results->next++ % PERFOPT__RESULTS];
    *slot = *result;
    memcpy(slot->id, id, 17);
    slot->made_ms = now_ms;
    pthread_mutex_unlock(&results->lock);
}

bool perfopt__results_find(perfopt__results *results, const char *id, const char *user,
                           int64_t now_ms, perfopt__result *out)
{
    bool found = false;
    pthread_mutex_lock(&results->lock);
    for (unsigned i = 0; i < PERFOPT__RESULTS && !found; i++) {
        const perfopt__result *r = &results->ring[i];
        found = r->id[0] && strcmp(r->id, id) == 0 && strcmp(r->user, user) == 0 &&
                now_ms - r->made_ms < KEPT_MS;
        if (found)
            *out = *r;
    }
    pthread_mutex_unlock(&results->lock);
    return found;
}
