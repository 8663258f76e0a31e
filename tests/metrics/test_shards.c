/*
 * test_shards.c - blocks are handed on when threads end, survive churn and forks, and a destroyed
 * set leaves living threads unharmed.
 */
#include "base/memory.h"
#include "metrics/shards.h"
#include "support/failing_alloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int count_blocks(perfopt__shards *shards, uint64_t *sum)
{
    int count = 0;
    *sum = 0;
    for (perfopt__shard *s = NULL; (s = perfopt__shards_next(shards, s)) != NULL; count++)
        *sum += *(uint64_t *)s->block;
    return count;
}

static void *add_one(void *shards)
{
    uint64_t *mine = perfopt__shards_mine(shards);
    if (!mine)
        return NULL;
    (*mine)++;
    return shards;
}

static void in_new_thread(void *(*fn)(void *), void *user)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fn, user), 0);
    pthread_join(thread, NULL);
}

static void a_thousand_short_threads_share_one_block(void **state)
{
    (void)state;
    perfopt__shards shards;
    perfopt__shards_init(&shards, sizeof(uint64_t));
    in_new_thread(add_one, &shards);
    size_t live = test_alloc_live();
    for (int i = 1; i < 1000; i++)
        in_new_thread(add_one, &shards);
    assert_int_equal(test_alloc_live(), live);
    uint64_t sum;
    assert_int_equal(count_blocks(&shards, &sum), 1);
    assert_int_equal(sum, 1000);
    perfopt__shards_finish(&shards);
}

static void blocks_start_on_their_own_cache_line(void **state)
{
    (void)state;
    perfopt__shards shards;
    perfopt__shards_init(&shards, 24);
    uint64_t *mine = perfopt__shards_mine(&shards);
    assert_non_null(mine);
    assert_int_equal((uintptr_t)mine % PERFOPT__CACHE_LINE, 0);
    assert_ptr_equal(perfopt__shards_mine(&shards), mine);
    perfopt__shards_finish(&shards);
}

static void a_thread_may_use_more_sets_than_it_has_slots(void **state)
{
    (void)state;
    enum { SETS = PERFOPT__SHARD_SLOTS + 3 };
    perfopt__shards sets[SETS];
    for (int i = 0; i < SETS; i++)
        perfopt__shards_init(&sets[i], sizeof(uint64_t));
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < SETS; i++)
            assert_non_null(add_one(&sets[(i * 5 + round) % SETS]));
    }
    for (int i = 0; i < SETS; i++) {
        uint64_t sum;
        assert_int_equal(count_blocks(&sets[i], &sum), 1);
        assert_int_equal(sum, 50);
        perfopt__shards_finish(&sets[i]);
    }
}

struct handshake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int stage;
    perfopt__shards *shards;
};

static void reach(struct handshake *h, int stage)
{
    pthread_mutex_lock(&h->lock);
    h->stage = stage;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

static void await(struct handshake *h, int stage)
{
    pthread_mutex_lock(&h->lock);
    while (h->stage < stage)
        pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

static void *outlive_the_set(void *user)
{
    struct handshake *h = user;
    add_one(h->shards);
    reach(h, 1);
    await(h, 2);
    add_one(h->shards); /* a new set at the same address */
    return NULL;
}

static void a_set_may_be_destroyed_before_its_threads(void **state)
{
    (void)state;
    perfopt__shards shards;
    perfopt__shards_init(&shards, sizeof(uint64_t));
    struct handshake h = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, &shards};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, outlive_the_set, &h), 0);
    await(&h, 1);
    perfopt__shards_finish(&shards);
    perfopt__shards_init(&shards, sizeof(uint64_t));
    reach(&h, 2);
    pthread_join(thread, NULL);
    uint64_t sum;
    assert_int_equal(count_blocks(&shards, &sum), 1);
    assert_int_equal(sum, 1);
    perfopt__shards_finish(&shards);
}

static void out_of_memory_gives_no_block_and_heals(void **state)
{
    (void)state;
    perfopt__shards shards;
    perfopt__shards_init(&shards, sizeof(uint64_t));
    test_alloc_fail(1);
    assert_null(perfopt__shards_mine(&shards));
    assert_true(test_alloc_stop());
    assert_non_null(perfopt__shards_mine(&shards));
    perfopt__shards_finish(&shards);
}

static void *hold_a_block(void *user)
{
    struct handshake *h = user;
    add_one(h->shards);
    reach(h, 1);
    await(h, 2);
    return NULL;
}

static void a_forked_child_frees_the_blocks_of_vanished_threads(void **state)
{
    (void)state;
    perfopt__shards shards;
    perfopt__shards_init(&shards, sizeof(uint64_t));
    assert_non_null(add_one(&shards));
    struct handshake h = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, &shards};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hold_a_block, &h), 0);
    await(&h, 1);
    pid_t child = fork();
    if (child == 0) {
        /* A thread made here would take the free block; TSan allows no threads in a child. */
        uint64_t sum;
        bool ok = add_one(&shards) && count_blocks(&shards, &sum) == 2 && sum == 3;
        int owned = 0;
        for (perfopt__shard *s = NULL; (s = perfopt__shards_next(&shards, s)) != NULL;)
            owned += s->owned;
        ok = ok && owned == 1;
        _exit(ok ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    reach(&h, 2);
    pthread_join(thread, NULL);
    perfopt__shards_finish(&shards);
}

int main(void)
{
    test_alloc_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_short_threads_share_one_block),
        cmocka_unit_test(blocks_start_on_their_own_cache_line),
        cmocka_unit_test(a_thread_may_use_more_sets_than_it_has_slots),
        cmocka_unit_test(a_set_may_be_destroyed_before_its_threads),
        cmocka_unit_test(out_of_memory_gives_no_block_and_heals),
        cmocka_unit_test(a_forked_child_frees_the_blocks_of_vanished_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
