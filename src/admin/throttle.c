/*
 * throttle.c - a table of clients of fixed size: a set of eight per hash, the one seen longest ago
 * makes room.
 */
#include "admin/throttle.h"

#include "base/hash.h"

#include <arpa/inet.h>
#include <string.h>

#define WINDOW_MS       60000
#define GLOBAL_EVERY_MS 1000
#define GLOBAL_BURST_MS 5000 /* five failures at once are not an attack */
#define SIGN_IN_LOG_MS  3600000

void perfopt__throttle_init(perfopt__throttle *throttle)
{
    memset(throttle, 0, sizeof(*throttle));
    pthread_mutex_init(&throttle->lock, NULL);
}

void perfopt__throttle_finish(perfopt__throttle *throttle)
{
    pthread_mutex_destroy(&throttle->lock);
}

/* Never 0. Who has a /64 has all its addresses. */
static uint64_t address_of(const char *remote)
{
    struct in6_addr six;
    size_t length = strlen(remote);
    uint64_t hash = inet_pton(AF_INET6, remote, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six)
                        ? perfopt__hash(&six, 8)
                        : perfopt__hash(remote, length);
    return hash ? hash : 1;
}

static perfopt__client *find(perfopt__throttle *throttle, uint64_t address)
{
    perfopt__client *set = throttle->clients[address % PERFOPT__THROTTLE_SETS];
    for (size_t i = 0; i < PERFOPT__THROTTLE_WAYS; i++) {
        if (set[i].address == address)
            return &set[i];
    }
    return NULL;
}

static perfopt__client *find_or_add(perfopt__throttle *throttle, uint64_t address, int64_t now_ms)
{
    perfopt__client *client = find(throttle, address);
    if (!client) {
        perfopt__client *set = throttle->clients[address % PERFOPT__THROTTLE_SETS];
        client = &set[0];
        for (size_t i = 1; i < PERFOPT__THROTTLE_WAYS; i++) {
            if (set[i].last_seen_ms < client->last_seen_ms)
                client = &set[i];
        }
        *client = (perfopt__client){.address = address};
    }
    client->last_seen_ms = now_ms;
    return client;
}

static void forget_old(perfopt__client *client, int64_t now_ms)
{
    uint32_t old = 0;
    while (old < client->failures && now_ms - client->failed_ms[old] >= WINDOW_MS)
        old++;
    client->failures -= old;
    memmove(client->failed_ms, client->failed_ms + old,
            client->failures * sizeof(client->failed_ms[0]));
}

static uint32_t seconds_until(int64_t then_ms, int64_t now_ms)
{
    return then_ms <= now_ms ? 0 : (uint32_t)((then_ms - now_ms + 999) / 1000);
}

uint32_t perfopt__throttle_wait_s(perfopt__throttle *throttle, const char *remote, int64_t now_ms)
{
    uint32_t wait = 0;
    pthread_mutex_lock(&throttle->lock);
    perfopt__client *client = find(throttle, address_of(remote));
    if (client) {
        forget_old(client, now_ms);
        if (client->failures == PERFOPT__THROTTLE_FAILURES)
            wait = seconds_until(client->failed_ms[0] + WINDOW_MS, now_ms);
        else if (client->failures > 0)
            wait = seconds_until(throttle->global_free_ms - GLOBAL_BURST_MS, now_ms);
    }
    pthread_mutex_unlock(&throttle->lock);
    return wait;
}

void perfopt__throttle_failed(perfopt__throttle *throttle, const char *remote, int64_t now_ms)
{
    pthread_mutex_lock(&throttle->lock);
    perfopt__client *client = find_or_add(throttle, address_of(remote), now_ms);
    forget_old(client, now_ms);
    if (client->failures == PERFOPT__THROTTLE_FAILURES) {
        memmove(client->failed_ms, client->failed_ms + 1,
                (PERFOPT__THROTTLE_FAILURES - 1) * sizeof(client->failed_ms[0]));
        client->failures--;
    }
    client->failed_ms[client->failures++] = now_ms;
    int64_t free_ms = throttle->global_free_ms > now_ms ? throttle->global_free_ms : now_ms;
    throttle->global_free_ms = free_ms + GLOBAL_EVERY_MS;
    pthread_mutex_unlock(&throttle->lock);
}

bool perfopt__throttle_signed_in(perfopt__throttle *throttle, const char *remote, const char *name,
                                 int64_t now_ms)
{
    /* Another name from the same place is another sign-in. */
    uint64_t address = address_of(remote) ^ (perfopt__hash(name, strlen(name)) | 1);
    pthread_mutex_lock(&throttle->lock);
    perfopt__client *client = find_or_add(throttle, address ? address : 1, now_ms);
    bool log = client->logged_ms == 0 || now_ms - client->logged_ms >= SIGN_IN_LOG_MS;
    if (log)
        client->logged_ms = now_ms;
    pthread_mutex_unlock(&throttle->lock);
    return log;
}
