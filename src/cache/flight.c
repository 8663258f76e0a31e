/*
 * flight.c - one loader per key: the first caller that misses leads a flight, later ones wait for
 * it. Flights are found in eight lists by the key's hash; a list holds the loads that run now.
 *
 * Who asks after an invalidation must not get a value from before it. A removal or overwrite of the
 * key makes the flight's ticket stale, which is open as long as the flight can be joined: a stale
 * flight is not joined. Invalidated tags are found by the waiter, who compares their stamps when
 * the flight has landed.
 */
#include "base/error.h"
#include "base/memory.h"
#include "cache/cache_internal.h"

#include <string.h>
#include <time.h>

void perfopt__flights_init(perfopt__flights *flights)
{
    memset(flights, 0, sizeof(*flights));
    for (size_t i = 0; i < PERFOPT__FLIGHT_STRIPES; i++)
        pthread_mutex_init(&flights->stripes[i].lock, NULL);
}

void perfopt__flights_finish(perfopt__flights *flights)
{
    for (size_t i = 0; i < PERFOPT__FLIGHT_STRIPES; i++)
        pthread_mutex_destroy(&flights->stripes[i].lock);
}

static perfopt__flight_stripe *stripe_of(perfopt__flights *flights, uint64_t hash)
{
    return &flights->stripes[(hash >> 40) % PERFOPT__FLIGHT_STRIPES];
}

static bool is_for(const perfopt__flight *flight, const perfopt__key *key)
{
    return flight->key->hash == key->hash && flight->key->length == key->length &&
           memcmp(flight->key->bytes, key->bytes, key->length) == 0;
}

static perfopt__flight *take_off(perfopt__flight_stripe *stripe, const perfopt__key *key)
{
    perfopt__flight *flight = perfopt__calloc(1, sizeof(*flight));
    if (!flight)
        return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&flight->done, &attributes);
    pthread_condattr_destroy(&attributes);
    flight->key = key;
    flight->owner = pthread_self();
    flight->refs = 1;
    flight->next = stripe->flights;
    if (stripe->flights)
        stripe->flights->prev = flight;
    stripe->flights = flight;
    return flight;
}

perfopt_status perfopt__flight_join(perfopt__flights *flights, const perfopt__key *key,
                                    perfopt__flight **out)
{
    perfopt__flight_stripe *stripe = stripe_of(flights, key->hash);
    perfopt_status status = PERFOPT_OK;
    perfopt__flight *found = NULL;
    pthread_mutex_lock(&stripe->lock);
    for (perfopt__flight *f = stripe->flights; f; f = f->next) {
        if (!is_for(f, key))
            continue;
        if (pthread_equal(f->owner, pthread_self()))
            status = PERFOPT_EDEADLOCK;
        else if (!atomic_load(&f->ticket.stale))
            found = f;
    }
    if (status == PERFOPT_OK && found) {
        found->refs++;
        status = PERFOPT_EBUSY;
    } else if (status == PERFOPT_OK) {
        found = take_off(stripe, key);
        status = found ? PERFOPT_OK : PERFOPT_ENOMEM;
    }
    pthread_mutex_unlock(&stripe->lock);
    *out = found;
    return status;
}

/* Gives one reference back; the stripe's lock is held. */
static void drop(perfopt__flight *flight)
{
    if (--flight->refs > 0)
        return;
    perfopt_bytes_release(flight->value);
    pthread_cond_destroy(&flight->done);
    perfopt__free(flight);
}

/* The kernel's clock, as pthread_cond_timedwait() needs it. */
static struct timespec after_ms(int64_t ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += (time_t)(ms / 1000);
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

bool perfopt__flight_wait(perfopt__flights *flights, const perfopt__tags *tags,
                          perfopt__flight *flight, uint64_t hash, int64_t wait_ms, bool *timed_out,
                          perfopt_status *status, perfopt_bytes **value, perfopt_error *err)
{
    perfopt__flight_stripe *stripe = stripe_of(flights, hash);
    struct timespec limit = after_ms(wait_ms);
    *timed_out = false;
    pthread_mutex_lock(&stripe->lock);
    while (!flight->finished && !*timed_out)
        *timed_out = pthread_cond_timedwait(&flight->done, &stripe->lock, &limit) != 0;
    if (flight->finished)
        *timed_out = false;
    bool usable =
        flight->finished && flight->usable &&
        (flight->slots.count == 0 ||
         perfopt__tags_valid(tags, flight->as_of, flight->slots.slot, flight->slots.count));
    if (usable) {
        *status = flight->status;
        if (flight->value)
            *value = perfopt_bytes_retain(flight->value);
        if (err && flight->error.status != PERFOPT_OK)
            *err = flight->error;
    }
    drop(flight);
    pthread_mutex_unlock(&stripe->lock);
    return usable;
}

void perfopt__flight_land(perfopt__flights *flights, perfopt__flight *flight, bool usable,
                          perfopt_status status, perfopt_bytes *value, const perfopt_error *err)
{
    perfopt__flight_stripe *stripe = stripe_of(flights, flight->key->hash);
    pthread_mutex_lock(&stripe->lock);
    if (flight->prev)
        flight->prev->next = flight->next;
    else if (stripe->flights == flight)
        stripe->flights = flight->next;
    if (flight->next)
        flight->next->prev = flight->prev;
    perfopt__ticket_close(&flight->ticket); /* now that nobody can join */
    flight->finished = true;
    flight->usable = usable;
    flight->status = status;
    if (value && usable)
        flight->value = perfopt_bytes_retain(value);
    if (err)
        flight->error = *err;
    pthread_cond_broadcast(&flight->done);
    drop(flight);
    pthread_mutex_unlock(&stripe->lock);
}

void perfopt__flights_after_fork(perfopt__flights *flights)
{
    /* The threads that flew them do not exist in the child. */
    for (size_t i = 0; i < PERFOPT__FLIGHT_STRIPES; i++)
        flights->stripes[i].flights = NULL;
}
