/*
 * test_pool.c - the pool's rules with a driver that opens nothing: order, fairness, limits, what
 * happens when opening fails, and that no slot is ever lost.
 */
#include "base/clock.h"
#include "db/pool.h"
#include "support/fake_clock.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MS ((int64_t)1000000)
#define S  ((int64_t)1000000000)

/* ---- the driver --------------------------------------------------------------------------- */

typedef struct fake_connection {
    int id;
    atomic_bool dead;
} fake_connection;

typedef struct fake_server {
    atomic_int opened, closed, pinged, attempts;
    atomic_bool down;      /* opening fails */
    atomic_bool mute;      /* pings get no answer */
    atomic_int connect_ms; /* how long opening takes */
    atomic_int fail_every; /* n-th attempt; 0 = none */
} fake_server;

static void pause_us(long us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static bool fails_now(fake_server *server, int attempt)
{
    int every = atomic_load(&server->fail_every);
    return every && attempt % every == every - 1;
}

static perfopt_status fake_open(void *user, const atomic_bool *cancelled, void **out,
                                perfopt_error *err)
{
    fake_server *server = user;
    int attempt = atomic_fetch_add(&server->attempts, 1);
    for (int ms = atomic_load(&server->connect_ms); ms > 0 && !*cancelled; ms--)
        pause_us(1000);
    if (atomic_load(&server->down) || fails_now(server, attempt)) {
        if (err)
            snprintf(err->message, sizeof(err->message), "connection refused");
        return PERFOPT_EUNAVAILABLE;
    }
    fake_connection *c = calloc(1, sizeof(*c));
    c->id = atomic_fetch_add(&server->opened, 1);
    *out = c;
    return PERFOPT_OK;
}

static void fake_close(void *user, void *connection)
{
    atomic_fetch_add(&((fake_server *)user)->closed, 1);
    free(connection);
}

static bool fake_peek(void *user, void *connection)
{
    (void)user;
    return !atomic_load(&((fake_connection *)connection)->dead);
}

static bool fake_ping(void *user, void *connection, int64_t deadline_ns)
{
    (void)connection;
    (void)deadline_ns;
    atomic_fetch_add(&((fake_server *)user)->pinged, 1);
    return !atomic_load(&((fake_server *)user)->mute);
}

static perfopt__pool *pool_of(fake_server *server, uint32_t size, uint32_t overflow)
{
    perfopt__pool_settings settings = {size, overflow, 3600 * S, 600 * S, 5 * S, true};
    perfopt__pool_driver driver = {fake_open, fake_close, fake_peek, fake_ping, server};
    perfopt__pool *pool;
    assert_int_equal(perfopt__pool_create(&settings, &driver, &pool, NULL), PERFOPT_OK);
    return pool;
}

static perfopt_status take(perfopt__pool *pool, int64_t timeout_ms, perfopt__slot **out,
                           perfopt_error *err)
{
    int64_t now_ns = perfopt__now_ns();
    return perfopt__pool_acquire(pool, now_ns, now_ns + timeout_ms * MS, out, err);
}

static perfopt__slot *must_take(perfopt__pool *pool)
{
    perfopt__slot *slot;
    assert_int_equal(take(pool, 10000, &slot, NULL), PERFOPT_OK);
    return slot;
}

static int id_of(const perfopt__slot *slot)
{
    return ((fake_connection *)slot->connection)->id;
}

static perfopt__pool_stats stats_of(perfopt__pool *pool)
{
    perfopt__pool_stats stats;
    perfopt__pool_get_stats(pool, &stats);
    return stats;
}

static void wait_for_waiters(perfopt__pool *pool, uint32_t count)
{
    while (stats_of(pool).waiting != count)
        sched_yield();
}

/* ---- lending ------------------------------------------------------------------------------ */

static void lends_the_most_recently_used(void **state)
{
    (void)state;
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 3, 0);
    perfopt__slot *a = must_take(pool), *b = must_take(pool), *c = must_take(pool);
    perfopt__pool_release(pool, a, PERFOPT__CLEAN);
    perfopt__pool_release(pool, c, PERFOPT__CLEAN);
    perfopt__pool_release(pool, b, PERFOPT__CLEAN);
    assert_ptr_equal(must_take(pool), b);
    assert_ptr_equal(must_take(pool), c);
    assert_ptr_equal(must_take(pool), a);
    assert_true(perfopt__pool_check(pool));
    perfopt__pool_release(pool, a, PERFOPT__CLEAN);
    perfopt__pool_release(pool, b, PERFOPT__CLEAN);
    perfopt__pool_release(pool, c, PERFOPT__CLEAN);
    perfopt__pool_destroy(pool);
    assert_int_equal(server.opened, 3);
    assert_int_equal(server.closed, 3);
}

static void is_exhausted_at_the_deadline_and_says_why(void **state)
{
    (void)state;
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 1, 1);
    perfopt__slot *a = must_take(pool), *b = must_take(pool), *none = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    int64_t start_ns = perfopt__now_ns();
    assert_int_equal(take(pool, 60, &none, &err), PERFOPT_EEXHAUSTED);
    int64_t waited_ns = perfopt__now_ns() - start_ns;
    assert_true(waited_ns >= 60 * MS);
    assert_true(waited_ns < 5 * S);
    assert_null(none);
    assert_non_null(strstr(err.message, "total 2, idle 0, waiting 0"));
    perfopt__pool_stats stats = stats_of(pool);
    assert_int_equal(stats.acquire_timeouts, 1);
    assert_int_equal(stats.total, 2);
    assert_true(stats.acquire_wait_p95_us >= 60000);
    assert_true(stats.oldest_holder_ms >= 60);
    perfopt__pool_release(pool, a, PERFOPT__CLEAN);
    perfopt__pool_release(pool, b, PERFOPT__CLEAN);
    assert_int_equal(stats_of(pool).idle, 2);
    perfopt__pool_destroy(pool);
}

typedef struct queue_test {
    perfopt__pool *pool;
    atomic_int served;
    int order[8];
} queue_test;

typedef struct queue_member {
    queue_test *test;
    int number;
} queue_member;

static void *queue_thread(void *user)
{
    queue_member *member = user;
    perfopt__slot *slot = must_take(member->test->pool);
    member->test->order[atomic_fetch_add(&member->test->served, 1)] = member->number;
    perfopt__pool_release(member->test->pool, slot, PERFOPT__CLEAN);
    return NULL;
}

static void serves_waiters_in_the_order_of_asking(void **state)
{
    (void)state;
    fake_server server = {0};
    queue_test test = {.pool = pool_of(&server, 1, 0)};
    perfopt__slot *slot = must_take(test.pool);
    pthread_t threads[8];
    queue_member members[8];
    for (int i = 0; i < 8; i++) {
        members[i] = (queue_member){&test, i};
        pthread_create(&threads[i], NULL, queue_thread, &members[i]);
        wait_for_waiters(test.pool, (uint32_t)i + 1);
    }
    assert_true(perfopt__pool_check(test.pool));
    perfopt__pool_release(test.pool, slot, PERFOPT__CLEAN);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 8; i++)
        assert_int_equal(test.order[i], i);
    assert_int_equal(stats_of(test.pool).acquire_waits, 8);
    perfopt__pool_destroy(test.pool);
}

/* The one who returns a connection and asks again at once must queue behind the waiter. */
static void nobody_barges_in(void **state)
{
    (void)state;
    fake_server server = {0};
    queue_test test = {.pool = pool_of(&server, 1, 0)};
    for (int round = 0; round < 200; round++) {
        atomic_store(&test.served, 0);
        perfopt__slot *slot = must_take(test.pool);
        pthread_t thread;
        queue_member member = {&test, 1};
        pthread_create(&thread, NULL, queue_thread, &member);
        wait_for_waiters(test.pool, 1);
        perfopt__pool_release(test.pool, slot, PERFOPT__CLEAN);
        slot = must_take(test.pool);
        assert_int_equal(atomic_load(&test.served), 1);
        perfopt__pool_release(test.pool, slot, PERFOPT__CLEAN);
        pthread_join(thread, NULL);
    }
    perfopt__pool_destroy(test.pool);
}

/* ---- checking ----------------------------------------------------------------------------- */

static void replaces_a_connection_that_died_at_rest(void **state)
{
    (void)state;
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 2, 0);
    perfopt__slot *slot = must_take(pool);
    int old = id_of(slot);
    atomic_store(&((fake_connection *)slot->connection)->dead, true);
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
    slot = must_take(pool);
    assert_int_not_equal(id_of(slot), old);
    assert_int_equal(stats_of(pool).closed_broken, 1);
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
    perfopt__pool_destroy(pool);
}

static void asks_only_connections_that_rested(void **state)
{
    (void)state;
    test_clock_install();
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 2, 0);
    perfopt__slot *slot = must_take(pool);
    assert_int_equal(server.pinged, 0);
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
    test_clock_advance_ms(400);
    slot = must_take(pool);
    assert_int_equal(server.pinged, 0);
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
    test_clock_advance_ms(501);
    slot = must_take(pool);
    assert_int_equal(server.pinged, 1);
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
    perfopt__pool_destroy(pool);
    test_clock_remove();
}

static void asks_all_after_one_broke(void **state)
{
    (void)state;
    test_clock_install();
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 2, 0);
    perfopt__slot *a = must_take(pool), *b = must_take(pool);
    perfopt__pool_release(pool, a, PERFOPT__CLEAN);
    perfopt__pool_release(pool, b, PERFOPT__BROKEN);
    a = must_take(pool);
    assert_int_equal(server.pinged, 1);
    perfopt__pool_release(pool, a, PERFOPT__CLEAN);
    test_clock_advance_ms(1);
    a = must_take(pool);
    perfopt__pool_release(pool, a, PERFOPT__CLEAN);
    a = must_take(pool);
    perfopt__pool_release(pool, a, PERFOPT__CLEAN);
    assert_true(server.pinged <= 2); /* once it answered it is trusted again */
    perfopt__pool_destroy(pool);
    test_clock_remove();
}

static void closes_what_comes_back_unclean(void **state)
{
    (void)state;
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 2, 0);
    perfopt__pool_release(pool, must_take(pool), PERFOPT__DIRTY);
    perfopt__pool_release(pool, must_take(pool), PERFOPT__BROKEN);
    perfopt__pool_stats stats = stats_of(pool);
    assert_int_equal(stats.closed_dirty, 1);
    assert_int_equal(stats.closed_broken, 1);
    assert_int_equal(stats.in_use, 0);
    assert_true(perfopt__pool_check(pool));
    perfopt__pool_destroy(pool);
    assert_int_equal(server.opened, server.closed);
}

/* ---- age ---------------------------------------------------------------------------------- */

static void recycles_between_three_quarters_and_the_whole_lifetime(void **state)
{
    (void)state;
    test_clock_install();
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 2, 0);
    perfopt__slot *slot = must_take(pool);
    int first = id_of(slot);
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
    test_clock_advance_ms(2699 * 1000);
    slot = must_take(pool);
    assert_int_equal(id_of(slot), first);
    test_clock_advance_ms(902 * 1000);
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN); /* too old: closed on return */
    assert_int_equal(stats_of(pool).recycled, 1);
    slot = must_take(pool);
    assert_int_not_equal(id_of(slot), first);
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
    perfopt__pool_destroy(pool);
    test_clock_remove();
}

static void lifetimes_differ(void **state)
{
    (void)state;
    test_clock_install();
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 20, 0);
    perfopt__slot *slots[20];
    int64_t least = INT64_MAX, most = 0, now_ns = perfopt__now_ns();
    for (int i = 0; i < 20; i++) {
        slots[i] = must_take(pool);
        int64_t life = slots[i]->expires_ns - now_ns;
        least = life < least ? life : least;
        most = life > most ? life : most;
        assert_in_range(life, 2700 * S, 3600 * S);
    }
    assert_true(most - least > 100 * S);
    for (int i = 0; i < 20; i++)
        perfopt__pool_release(pool, slots[i], PERFOPT__CLEAN);
    perfopt__pool_destroy(pool);
    test_clock_remove();
}

static void retires_what_rests_too_long_but_one(void **state)
{
    (void)state;
    test_clock_install();
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 2, 2);
    perfopt__slot *slots[4];
    for (int i = 0; i < 4; i++)
        slots[i] = must_take(pool);
    for (int i = 0; i < 4; i++)
        perfopt__pool_release(pool, slots[i], PERFOPT__CLEAN);
    test_clock_advance_ms(300 * 1000);
    perfopt__slot *used = must_take(pool);
    perfopt__pool_release(pool, used, PERFOPT__CLEAN);
    perfopt__pool_tick(pool, perfopt__now_ns());
    assert_int_equal(stats_of(pool).idle, 4);
    test_clock_advance_ms(301 * 1000);
    perfopt__pool_tick(pool, perfopt__now_ns());
    assert_int_equal(stats_of(pool).idle, 1);
    assert_ptr_equal(must_take(pool), used);
    perfopt__pool_release(pool, used, PERFOPT__CLEAN);
    test_clock_advance_ms(700 * 1000);
    perfopt__pool_tick(pool, perfopt__now_ns());
    assert_int_equal(stats_of(pool).idle, 1);
    assert_true(perfopt__pool_check(pool));
    perfopt__pool_destroy(pool);
    test_clock_remove();
}

/* ---- a server that is down ---------------------------------------------------------------- */

static void fails_fast_while_down_and_heals(void **state)
{
    (void)state;
    fake_server server = {.down = true};
    perfopt__pool *pool = pool_of(&server, 2, 0);
    perfopt__pool_stats stats = stats_of(pool);
    assert_false(stats.up);
    assert_string_equal(stats.error, "connection refused");
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt__slot *slot = NULL;
    int64_t start_ns = perfopt__now_ns();
    assert_int_equal(take(pool, 30000, &slot, &err), PERFOPT_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "connection refused"));
    assert_true(perfopt__now_ns() - start_ns < 5 * S);
    atomic_store(&server.down, false);
    while (take(pool, 30000, &slot, NULL) != PERFOPT_OK)
        sched_yield();
    assert_true(stats_of(pool).up);
    assert_string_equal(stats_of(pool).error, "");
    perfopt__pool_release(pool, slot, PERFOPT__CLEAN);
    assert_true(perfopt__pool_check(pool));
    perfopt__pool_destroy(pool);
}

static void heals_without_anybody_asking(void **state)
{
    (void)state;
    fake_server server = {.down = true};
    perfopt__pool *pool = pool_of(&server, 2, 0);
    atomic_store(&server.down, false);
    while (!stats_of(pool).up)
        sched_yield();
    assert_int_equal(stats_of(pool).idle, 1);
    perfopt__pool_destroy(pool);
}

typedef struct crowd {
    perfopt__pool *pool;
    atomic_int ok, unavailable, closed, other;
} crowd;

static void *crowd_thread(void *user)
{
    crowd *c = user;
    perfopt__slot *slot;
    perfopt__pool_enter(c->pool);
    switch (take(c->pool, 30000, &slot, NULL)) {
    case PERFOPT_OK:
        pause_us(1000);
        perfopt__pool_release(c->pool, slot, PERFOPT__CLEAN);
        atomic_fetch_add(&c->ok, 1);
        break;
    case PERFOPT_EUNAVAILABLE:
        atomic_fetch_add(&c->unavailable, 1);
        break;
    case PERFOPT_ECLOSED:
        atomic_fetch_add(&c->closed, 1);
        break;
    default:
        atomic_fetch_add(&c->other, 1);
    }
    perfopt__pool_leave(c->pool);
    return NULL;
}

static void waiters_learn_that_the_server_went_down(void **state)
{
    (void)state;
    fake_server server = {.connect_ms = 1};
    crowd c = {.pool = pool_of(&server, 1, 0)};
    perfopt__slot *slot = must_take(c.pool);
    pthread_t threads[16];
    for (int i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, crowd_thread, &c);
    wait_for_waiters(c.pool, 16);
    atomic_store(&server.down, true);
    perfopt__pool_release(c.pool, slot, PERFOPT__BROKEN);
    for (int i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(c.unavailable, 16);
    assert_true(server.attempts < 10); /* one tries for all */
    assert_true(perfopt__pool_check(c.pool));
    perfopt__pool_destroy(c.pool);
}

/* Others hold connections, so the server is not down for this pool: wait for one to come back. */
static void a_refused_connect_is_not_the_end_while_others_are_out(void **state)
{
    (void)state;
    fake_server server = {0};
    perfopt__pool *pool = pool_of(&server, 4, 0);
    perfopt__slot *a = must_take(pool), *none = NULL;
    atomic_store(&server.down, true);
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(take(pool, 50, &none, &err), PERFOPT_EEXHAUSTED);
    assert_non_null(strstr(err.message, "last connect error: connection refused"));
    assert_true(stats_of(pool).up);
    crowd c = {.pool = pool};
    pthread_t thread;
    pthread_create(&thread, NULL, crowd_thread, &c);
    wait_for_waiters(pool, 1);
    perfopt__pool_release(pool, a, PERFOPT__CLEAN);
    pthread_join(thread, NULL);
    assert_int_equal(c.ok, 1);
    assert_true(perfopt__pool_check(pool));
    perfopt__pool_destroy(pool);
}

static void a_burst_does_not_become_a_burst_of_connects(void **state)
{
    (void)state;
    fake_server server = {.connect_ms = 60};
    crowd c = {.pool = pool_of(&server, 10, 20)};
    pthread_t threads[50];
    for (int i = 0; i < 50; i++)
        pthread_create(&threads[i], NULL, crowd_thread, &c);
    for (int i = 0; i < 50; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(c.ok, 50);
    assert_true(server.attempts <= 6); /* a pool whose callers connect opens 30 */
    perfopt__pool_destroy(c.pool);
    assert_int_equal(server.opened, server.closed);
}

/* ---- the end ------------------------------------------------------------------------------ */

static void *destroy_thread(void *user)
{
    perfopt__pool_destroy(user);
    return NULL;
}

static void destroy_wakes_waiters_and_waits_for_lent_ones(void **state)
{
    (void)state;
    fake_server server = {0};
    crowd c = {.pool = pool_of(&server, 1, 0)};
    perfopt__pool_enter(c.pool);
    perfopt__slot *slot = must_take(c.pool);
    pthread_t threads[4], destroyer;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, crowd_thread, &c);
    wait_for_waiters(c.pool, 4);
    pthread_create(&destroyer, NULL, destroy_thread, c.pool);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(c.closed, 4);
    assert_int_equal(server.closed, 0);
    perfopt__pool_release(c.pool, slot, PERFOPT__CLEAN);
    perfopt__pool_leave(c.pool);
    pthread_join(destroyer, NULL);
    assert_int_equal(server.closed, 1);
}

/* ---- everything at once ------------------------------------------------------------------- */

typedef struct storm {
    perfopt__pool *pool;
    fake_server *server;
    atomic_int lent, most_lent, done;
    atomic_bool stop;
} storm;

static void use(storm *s, perfopt__slot *slot, unsigned *seed)
{
    int lent = atomic_fetch_add(&s->lent, 1) + 1;
    int most = atomic_load(&s->most_lent);
    while (lent > most && !atomic_compare_exchange_weak(&s->most_lent, &most, lent)) {}
    if (rand_r(seed) % 8 == 0)
        sched_yield();
    if (rand_r(seed) % 50 == 0)
        atomic_store(&((fake_connection *)slot->connection)->dead, true);
    atomic_fetch_sub(&s->lent, 1);
    int draw = rand_r(seed) % 40;
    perfopt__verdict verdict = draw == 0   ? PERFOPT__BROKEN
                               : draw == 1 ? PERFOPT__DIRTY
                                           : PERFOPT__CLEAN;
    perfopt__pool_release(s->pool, slot, verdict);
}

static void *storm_thread(void *user)
{
    storm *s = user;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    perfopt__pool_enter(s->pool);
    for (int used = 0; used < 1000;) {
        perfopt__slot *slot;
        if (take(s->pool, rand_r(&seed) % 4 == 0 ? 1 : 2000, &slot, NULL) == PERFOPT_OK) {
            use(s, slot, &seed);
            used++;
        } else {
            pause_us(100);
        }
    }
    perfopt__pool_leave(s->pool);
    atomic_fetch_add(&s->done, 1);
    return NULL;
}

static void no_slot_is_lost_in_a_storm(void **state)
{
    (void)state;
    fake_server server = {.fail_every = 7};
    storm s = {.pool = pool_of(&server, 3, 2), .server = &server};
    pthread_t threads[16];
    for (int i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, storm_thread, &s);
    while (atomic_load(&s.done) < 16) {
        assert_true(perfopt__pool_check(s.pool));
        perfopt__pool_tick(s.pool, perfopt__now_ns());
        pause_us(200);
    }
    for (int i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(s.most_lent, 2, 5);
    atomic_store(&server.fail_every, 0);
    perfopt__slot *slots[5];
    for (int i = 0; i < 5; i++)
        while (take(s.pool, 10000, &slots[i], NULL) != PERFOPT_OK)
            sched_yield();
    for (int i = 0; i < 5; i++)
        perfopt__pool_release(s.pool, slots[i], PERFOPT__CLEAN);
    assert_true(perfopt__pool_check(s.pool));
    assert_int_equal(stats_of(s.pool).in_use, 0);
    perfopt__pool_destroy(s.pool);
    assert_int_equal(server.opened, server.closed);
}

int main(void)
{
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lends_the_most_recently_used),
        cmocka_unit_test(is_exhausted_at_the_deadline_and_says_why),
        cmocka_unit_test(serves_waiters_in_the_order_of_asking),
        cmocka_unit_test(nobody_barges_in),
        cmocka_unit_test(replaces_a_connection_that_died_at_rest),
        cmocka_unit_test(asks_only_connections_that_rested),
        cmocka_unit_test(asks_all_after_one_broke),
        cmocka_unit_test(closes_what_comes_back_unclean),
        cmocka_unit_test(recycles_between_three_quarters_and_the_whole_lifetime),
        cmocka_unit_test(lifetimes_differ),
        cmocka_unit_test(retires_what_rests_too_long_but_one),
        cmocka_unit_test(fails_fast_while_down_and_heals),
        cmocka_unit_test(heals_without_anybody_asking),
        cmocka_unit_test(waiters_learn_that_the_server_went_down),
        cmocka_unit_test(a_refused_connect_is_not_the_end_while_others_are_out),
        cmocka_unit_test(a_burst_does_not_become_a_burst_of_connects),
        cmocka_unit_test(destroy_wakes_waiters_and_waits_for_lent_ones),
        cmocka_unit_test(no_slot_is_lost_in_a_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
