/*
 * bench_cache.c - what the cache costs, as JSON lines:
 *
 *     hit        get of keys that are in L1, spread over 1024 keys, 1 and 4 threads
 *     hit_one    get of one key by 4 threads: the worst case of one shard's lock
 *     hit_tags   hit with three tags
 *     set        overwrite in L1
 *     redis_get  get that misses L1 (with a URL as argument: bench_cache unix:///run/redis.sock)
 *     redis_set  set into both levels
 *
 * The best of several short windows is reported, so that other work on the machine counts little.
 */
#include "base/clock.h"

#include <perfopt/cache.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS        1024
#define WINDOWS     200
#define MAX_THREADS 4

typedef struct job {
    perfopt_cache *cache;
    const char *name;
    void (*operation)(perfopt_cache *cache, unsigned i);
    unsigned calls; /* per window */
    double best_ns;
    pthread_barrier_t *start;
} job;

static char keys[KEYS][24];
static char value[1024];

static void get_key(perfopt_cache *cache, unsigned i)
{
    perfopt_bytes *found;
    const char *key = keys[i % KEYS];
    if (perfopt_cache_get(cache, key, strlen(key), &found) == PERFOPT_OK)
        perfopt_bytes_release(found);
}

static void get_one(perfopt_cache *cache, unsigned i)
{
    (void)i;
    get_key(cache, 0);
}

static void set_key(perfopt_cache *cache, unsigned i)
{
    const char *key = keys[i % KEYS];
    perfopt_cache_set(cache, key, strlen(key), value, sizeof(value), NULL);
}

static void set_redis_only(perfopt_cache *cache, unsigned i)
{
    const char *key = keys[i % KEYS];
    perfopt_cache_set(cache, key, strlen(key), value, sizeof(value),
                      PERFOPT_STORE_OPTIONS(.l1 = PERFOPT_OFF));
}

static void *run(void *user)
{
    job *j = user;
    pthread_barrier_wait(j->start);
    for (unsigned w = 0; w < WINDOWS; w++) {
        int64_t started_ns = perfopt__now_ns();
        for (unsigned i = 0; i < j->calls; i++)
            j->operation(j->cache, i * 7 + w);
        double ns = (double)(perfopt__now_ns() - started_ns) / j->calls;
        if (w == 0 || ns < j->best_ns)
            j->best_ns = ns;
    }
    return NULL;
}

static void measure(job pattern, unsigned threads)
{
    pthread_t ids[MAX_THREADS];
    job jobs[MAX_THREADS];
    pthread_barrier_t start;
    double sum_ns = 0;
    pthread_barrier_init(&start, NULL, threads);
    pattern.start = &start;
    for (unsigned i = 0; i < threads; i++) {
        jobs[i] = pattern;
        if (pthread_create(&ids[i], NULL, run, &jobs[i]) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        sum_ns += jobs[i].best_ns;
    }
    pthread_barrier_destroy(&start);
    printf("{\"bench\":\"cache\",\"case\":\"%s\",\"threads\":%u,\"ns\":%.1f}\n", pattern.name,
           threads, sum_ns / threads);
}

static perfopt_cache *make(const perfopt_redis_options *redis)
{
    perfopt_cache *cache;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (perfopt_cache_create(PERFOPT_CACHE_OPTIONS(.redis = redis), &cache, &err) != PERFOPT_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return cache;
}

static void fill(perfopt_cache *cache, const perfopt_store_options *options)
{
    for (unsigned i = 0; i < KEYS; i++)
        perfopt_cache_set(cache, keys[i], strlen(keys[i]), value, sizeof(value), options);
}

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof(keys[i]), "page:%u", i);
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (char)("<p>news</p>"[i % 11]);
    perfopt_cache *cache = make(NULL);
    fill(cache, NULL);
    measure((job){cache, "hit", get_key, 2000, 0, NULL}, 1);
    measure((job){cache, "hit", get_key, 2000, 0, NULL}, MAX_THREADS);
    measure((job){cache, "hit_one", get_one, 2000, 0, NULL}, MAX_THREADS);
    measure((job){cache, "set", set_key, 2000, 0, NULL}, 1);
    fill(cache, PERFOPT_STORE_OPTIONS(.tags = "news,home,section"));
    measure((job){cache, "hit_tags", get_key, 2000, 0, NULL}, 1);
    perfopt_cache_destroy(cache);
    if (argc > 1) {
        cache = make(PERFOPT_REDIS_OPTIONS(.url = argv[1]));
        measure((job){cache, "redis_set", set_redis_only, 100, 0, NULL}, 1);
        /* The reader below keeps nothing in L1, so that each of its gets goes to Redis. */
        fill(cache, PERFOPT_STORE_OPTIONS(.l1 = PERFOPT_OFF, .tags = "news"));
        perfopt_cache_destroy(cache);
        perfopt_cache *reader;
        if (perfopt_cache_create(
                PERFOPT_CACHE_OPTIONS(.max_entry_bytes = 1,
                                      .redis = PERFOPT_REDIS_OPTIONS(.url = argv[1])),
                &reader, NULL) != PERFOPT_OK)
            return 1;
        measure((job){reader, "redis_get", get_key, 100, 0, NULL}, 1);
        measure((job){reader, "redis_get", get_key, 100, 0, NULL}, MAX_THREADS);
        perfopt_cache_destroy(reader);
    }
    return 0;
}
