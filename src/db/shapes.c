/*
 * shapes.c - statistics of statements by shape, at most 500 of them.
 *
 * Finding the shape of a text costs microseconds, so each shard remembers the fingerprints of the
 * texts it saw last, by a seeded hash of the text. A run takes two short locks, neither of which
 * is shared by all threads: the text's shard and the shape's shard.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "db/db_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS     16
#define MAX_SHAPES 500
#define TEXTS      256 /* remembered per shard */

/* Log-linear: 8 buckets per power of two, from 1 us to 137 s. */
#define FIRST_POWER 10
#define LAST_POWER  36
#define BUCKETS     ((LAST_POWER - FIRST_POWER + 1) * 8 + 1)

typedef struct shape {
    uint64_t fingerprint;
    uint64_t calls, errors, rows, slow;
    int64_t total_ns, max_ns, last_seen_ms;
    uint32_t histogram[BUCKETS];
    char sql[];
} shape;

typedef struct shard {
    pthread_mutex_t lock;
    perfopt__map shapes; /* fingerprint -> shape */
    struct {
        uint64_t text, fingerprint;
    } texts[TEXTS];
} shard;

struct perfopt__shapes {
    atomic_uint count;
    shard shards[SHARDS];
    pthread_mutex_t other_lock;
    shape *other; /* what does not fit */
};

/* ---- one shape ---------------------------------------------------------------------------- */

static size_t bucket_of(int64_t ns)
{
    if (ns < (int64_t)1 << FIRST_POWER)
        return 0;
    int power = 63 - __builtin_clzll((unsigned long long)ns);
    if (power > LAST_POWER)
        return BUCKETS - 1;
    return (size_t)(power - FIRST_POWER) * 8 + (((uint64_t)ns >> (power - 3)) & 7) + 1;
}

/* The middle of a bucket. */
static int64_t bucket_ns(size_t bucket)
{
    if (bucket == 0)
        return (int64_t)1 << (FIRST_POWER - 1);
    int power = (int)(bucket - 1) / 8 + FIRST_POWER;
    int64_t width = (int64_t)1 << (power - 3);
    return ((int64_t)1 << power) + (int64_t)((bucket - 1) % 8) * width + width / 2;
}

static int64_t p95_ns(const shape *s)
{
    uint64_t wanted = s->calls - s->calls / 20, seen = 0;
    size_t i = 0;
    while (i < BUCKETS - 1 && (seen += s->histogram[i]) < wanted)
        i++;
    int64_t ns = bucket_ns(i);
    return ns < s->max_ns ? ns : s->max_ns;
}

static shape *shape_new(uint64_t fingerprint, const char *text, size_t length)
{
    size_t most = sizeof(((perfopt_query_shape *)0)->sql) - 1;
    if (length > most) {
        length = most;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--; /* cut before a character, not inside one */
    }
    shape *s = perfopt__calloc(1, sizeof(*s) + length + 1);
    if (!s)
        return NULL;
    s->fingerprint = fingerprint;
    memcpy(s->sql, text, length);
    return s;
}

static void count_run(shape *s, const perfopt__shape_sample *sample, int64_t now_ms)
{
    s->calls++;
    s->errors += sample->failed;
    s->rows += sample->rows;
    s->slow += sample->slow;
    s->total_ns += sample->took_ns;
    s->max_ns = sample->took_ns > s->max_ns ? sample->took_ns : s->max_ns;
    s->last_seen_ms = now_ms;
    s->histogram[bucket_of(sample->took_ns)]++;
}

static void copy_out(const shape *s, perfopt_query_shape *out)
{
    *out = (perfopt_query_shape){
        .fingerprint = s->fingerprint,
        .calls = s->calls,
        .errors = s->errors,
        .rows = s->rows,
        .slow = s->slow,
        .total_ns = s->total_ns,
        .max_ns = s->max_ns,
        .mean_ns = s->calls ? s->total_ns / (int64_t)s->calls : 0,
        .p95_ns = s->calls ? p95_ns(s) : 0,
        .last_seen_ms = s->last_seen_ms,
    };
    memcpy(out->sql, s->sql, strlen(s->sql) + 1);
}

/* ---- all shapes --------------------------------------------------------------------------- */

perfopt__shapes *perfopt__shapes_create(void)
{
    perfopt__shapes *shapes = perfopt__calloc(1, sizeof(*shapes));
    if (!shapes)
        return NULL;
    shapes->other = shape_new(0, "(other)", 7);
    if (!shapes->other) {
        perfopt__free(shapes);
        return NULL;
    }
    pthread_mutex_init(&shapes->other_lock, NULL);
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&shapes->shards[i].lock, NULL);
    return shapes;
}

void perfopt__shapes_destroy(perfopt__shapes *shapes)
{
    if (!shapes)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        perfopt__map_finish(&shapes->shards[i].shapes, perfopt__free);
        pthread_mutex_destroy(&shapes->shards[i].lock);
    }
    pthread_mutex_destroy(&shapes->other_lock);
    perfopt__free(shapes->other);
    perfopt__free(shapes);
}

/* The fingerprint of a text that was seen lately; 0 if it was not. */
static uint64_t recall(shard *home, uint64_t text)
{
    size_t i = (text >> 8) % TEXTS;
    pthread_mutex_lock(&home->lock);
    uint64_t fingerprint = home->texts[i].text == text ? home->texts[i].fingerprint : 0;
    pthread_mutex_unlock(&home->lock);
    return fingerprint;
}

static void remember(shard *home, uint64_t text, uint64_t fingerprint)
{
    size_t i = (text >> 8) % TEXTS;
    pthread_mutex_lock(&home->lock);
    home->texts[i].text = text;
    home->texts[i].fingerprint = fingerprint;
    pthread_mutex_unlock(&home->lock);
}

/* Adds a shape unless there are enough; lock held. NULL = it does not fit. */
static shape *add_shape(perfopt__shapes *shapes, shard *s, uint64_t fingerprint,
                        const perfopt__strbuf *text)
{
    if (text->failed || !text->data)
        return NULL;
    if (atomic_fetch_add(&shapes->count, 1) < MAX_SHAPES) {
        shape *added = shape_new(fingerprint, text->data, text->length);
        if (added && perfopt__map_put(&s->shapes, (const char *)&fingerprint, sizeof(fingerprint),
                                      added, NULL) == PERFOPT_OK)
            return added;
        perfopt__free(added);
    }
    atomic_fetch_sub(&shapes->count, 1);
    return NULL;
}

static bool record_known(shard *s, uint64_t fingerprint, const perfopt__shape_sample *sample,
                         int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    shape *known = perfopt__map_get(&s->shapes, (const char *)&fingerprint, sizeof(fingerprint));
    if (known)
        count_run(known, sample, now_ms);
    pthread_mutex_unlock(&s->lock);
    return known != NULL;
}

static bool record_new(perfopt__shapes *shapes, shard *s, uint64_t fingerprint,
                       const perfopt__strbuf *text, const perfopt__shape_sample *sample,
                       int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    shape *found = perfopt__map_get(&s->shapes, (const char *)&fingerprint, sizeof(fingerprint));
    if (!found)
        found = add_shape(shapes, s, fingerprint, text);
    if (found)
        count_run(found, sample, now_ms);
    pthread_mutex_unlock(&s->lock);
    return found != NULL;
}

uint64_t perfopt__shapes_record(perfopt__shapes *shapes, const char *sql, bool backslash,
                                const perfopt__shape_sample *sample)
{
    size_t length = strlen(sql);
    uint64_t text_hash = perfopt__hash(sql, length);
    int64_t now_ms = perfopt__wall_ms();
    shard *home = &shapes->shards[text_hash % SHARDS];
    uint64_t fingerprint = recall(home, text_hash);
    if (fingerprint &&
        record_known(&shapes->shards[fingerprint % SHARDS], fingerprint, sample, now_ms))
        return fingerprint;
    perfopt__strbuf text = PERFOPT__STRBUF_INIT;
    fingerprint = perfopt__shape_of(sql, length, backslash, &text);
    remember(home, text_hash, fingerprint);
    if (!record_new(shapes, &shapes->shards[fingerprint % SHARDS], fingerprint, &text, sample,
                    now_ms)) {
        pthread_mutex_lock(&shapes->other_lock);
        count_run(shapes->other, sample, now_ms);
        pthread_mutex_unlock(&shapes->other_lock);
    }
    perfopt__strbuf_finish(&text);
    return fingerprint;
}

/* ---- reading ------------------------------------------------------------------------------ */

typedef struct rank {
    int64_t total_ns;
    uint64_t fingerprint; /* 0 = the others */
} rank;

static int by_total(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    return (x->total_ns < y->total_ns) - (x->total_ns > y->total_ns);
}

static size_t rank_all(perfopt__shapes *shapes, bool slow_only, rank ranks[MAX_SHAPES + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &shapes->shards[i];
        size_t cursor = 0;
        pthread_mutex_lock(&s->lock);
        for (perfopt__map_entry *e;
             count < MAX_SHAPES && (e = perfopt__map_next(&s->shapes, &cursor));) {
            const shape *one = e->value;
            if (one->slow || !slow_only)
                ranks[count++] = (rank){one->total_ns, one->fingerprint};
        }
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_lock(&shapes->other_lock);
    if (shapes->other->calls && (shapes->other->slow || !slow_only))
        ranks[count++] = (rank){shapes->other->total_ns, 0};
    pthread_mutex_unlock(&shapes->other_lock);
    qsort(ranks, count, sizeof(ranks[0]), by_total);
    return count;
}

static bool read_one(perfopt__shapes *shapes, uint64_t fingerprint, perfopt_query_shape *out)
{
    if (!fingerprint) {
        pthread_mutex_lock(&shapes->other_lock);
        copy_out(shapes->other, out);
        pthread_mutex_unlock(&shapes->other_lock);
        return true;
    }
    shard *s = &shapes->shards[fingerprint % SHARDS];
    pthread_mutex_lock(&s->lock);
    const shape *one =
        perfopt__map_get(&s->shapes, (const char *)&fingerprint, sizeof(fingerprint));
    if (one)
        copy_out(one, out);
    pthread_mutex_unlock(&s->lock);
    return one != NULL;
}

size_t perfopt__shapes_read(perfopt__shapes *shapes, bool slow_only, perfopt_query_shape *out,
                            size_t capacity)
{
    rank ranks[MAX_SHAPES + 1];
    size_t ranked = rank_all(shapes, slow_only, ranks), count = 0;
    for (size_t i = 0; i < ranked && count < capacity; i++)
        count += read_one(shapes, ranks[i].fingerprint, &out[count]);
    return count;
}

void perfopt__shapes_reset(perfopt__shapes *shapes)
{
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &shapes->shards[i];
        pthread_mutex_lock(&s->lock);
        atomic_fetch_sub(&shapes->count, (unsigned)s->shapes.count);
        perfopt__map_finish(&s->shapes, perfopt__free);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_lock(&shapes->other_lock);
    shape *other = shapes->other;
    memset(other, 0, sizeof(*other));
    pthread_mutex_unlock(&shapes->other_lock);
}
