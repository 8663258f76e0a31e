/*
 * timeouts.c - lifetimes by name, changeable at run time. Names are only ever added, so reading
 * takes no lock.
 */
#include "query/query_internal.h"

#include <pthread.h>
#include <string.h>

#define MAX_NAMES 64
#define MAX_NAME  31

typedef struct timeout {
    char name[MAX_NAME + 1];
    _Atomic uint32_t timeout_s;
} timeout;

static timeout timeouts[MAX_NAMES] = {
    {"news_list", PERFOPT_TIMEOUT_NEWS_LIST},
    {"news_detail", PERFOPT_TIMEOUT_NEWS_DETAIL},
    {"categories", PERFOPT_TIMEOUT_CATEGORIES},
    {"images", PERFOPT_TIMEOUT_IMAGES},
    {"analytics", PERFOPT_TIMEOUT_ANALYTICS},
    {"user_data", PERFOPT_TIMEOUT_USER_DATA},
    {"static_content", PERFOPT_TIMEOUT_STATIC_CONTENT},
};
static _Atomic uint32_t count = 7;
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

static timeout *find(const char *name)
{
    uint32_t known = atomic_load_explicit(&count, memory_order_acquire);
    for (uint32_t i = 0; i < known; i++)
        if (strcmp(timeouts[i].name, name) == 0)
            return &timeouts[i];
    return NULL;
}

static perfopt_status add(const char *name, uint32_t timeout_s)
{
    uint32_t next = atomic_load_explicit(&count, memory_order_relaxed);
    if (next == MAX_NAMES)
        return PERFOPT_ELIMIT;
    memcpy(timeouts[next].name, name, strlen(name) + 1);
    atomic_store_explicit(&timeouts[next].timeout_s, timeout_s, memory_order_relaxed);
    atomic_store_explicit(&count, next + 1, memory_order_release);
    return PERFOPT_OK;
}

perfopt_status perfopt_timeout_set(const char *name, uint32_t timeout_s)
{
    if (!name || !*name || strlen(name) > MAX_NAME || timeout_s == 0)
        return PERFOPT_EINVAL;
    pthread_mutex_lock(&adding);
    perfopt_status status = PERFOPT_OK;
    timeout *known = find(name);
    if (known)
        atomic_store_explicit(&known->timeout_s, timeout_s, memory_order_relaxed);
    else
        status = add(name, timeout_s);
    pthread_mutex_unlock(&adding);
    return status;
}

uint32_t perfopt_timeout_get(const char *name)
{
    timeout *known = name ? find(name) : NULL;
    return known ? atomic_load_explicit(&known->timeout_s, memory_order_relaxed) : 0;
}
