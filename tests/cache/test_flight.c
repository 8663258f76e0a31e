/*
 * test_flight.c - joining, waiting and landing, step by step: what a waiter gets must not be older
 * than what was invalidated before it came.
 */
#include "cache/cache_internal.h"
#include "helpers.h"

typedef struct fixture {
    perfopt__flights flights;
    perfopt__tags tags;
    perfopt__key key;
    perfopt__flight *flight; /* led by the main thread */
    pthread_t thread;
    perfopt_status joined; /* of the other thread */
    bool got;
    bool timed_out;
    perfopt_bytes *value;
    int64_t wait_ms;
    atomic_bool waits;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    *state = f;
    perfopt__flights_init(&f->flights);
    assert_int_equal(perfopt__tags_init(&f->tags), PERFOPT_OK);
    perfopt__key_init(&f->key, "k", 1);
    f->wait_ms = 10000;
    assert_int_equal(perfopt__flight_join(&f->flights, &f->key, &f->flight), PERFOPT_OK);
    f->flight->as_of = perfopt__tags_now(&f->tags);
    return perfopt__slots_read(&f->flight->slots, &f->key, "tag", 3);
}

static int tear_down(void **state)
{
    fixture *f = *state;
    perfopt_bytes_release(f->value);
    perfopt__tags_finish(&f->tags);
    perfopt__flights_finish(&f->flights);
    free(f);
    return 0;
}

static void *join_and_wait(void *user)
{
    fixture *f = user;
    perfopt__flight *flight;
    perfopt_status status;
    f->joined = perfopt__flight_join(&f->flights, &f->key, &flight);
    atomic_store(&f->waits, true);
    if (f->joined == PERFOPT_EBUSY)
        f->got = perfopt__flight_wait(&f->flights, &f->tags, flight, f->key.hash, f->wait_ms,
                                      &f->timed_out, &status, &f->value, NULL);
    else if (f->joined == PERFOPT_OK)
        perfopt__flight_land(&f->flights, flight, true, PERFOPT_OK, NULL, NULL);
    return NULL;
}

static void start_waiter(fixture *f)
{
    assert_int_equal(pthread_create(&f->thread, NULL, join_and_wait, f), 0);
    wait_until(atomic_load(&f->waits));
}

static void land(fixture *f)
{
    perfopt_bytes *value;
    assert_int_equal(perfopt_bytes_create("v", 1, &value), PERFOPT_OK);
    perfopt__flight_land(&f->flights, f->flight, true, PERFOPT_OK, value, NULL);
    perfopt_bytes_release(value);
    pthread_join(f->thread, NULL);
}

static void test_waiter_gets_the_value(void **state)
{
    fixture *f = *state;
    start_waiter(f);
    land(f);
    assert_int_equal(f->joined, PERFOPT_EBUSY);
    assert_true(f->got && !f->timed_out);
    assert_string_equal(perfopt_bytes_data(f->value), "v");
}

static void test_tag_invalidated_before_landing(void **state)
{
    fixture *f = *state;
    perfopt__tags_invalidate(&f->tags, perfopt__slot_of_tag("tag", 3));
    start_waiter(f); /* comes after the invalidation, and the tag is not known to it */
    land(f);
    assert_int_equal(f->joined, PERFOPT_EBUSY);
    assert_false(f->got);
    assert_false(f->timed_out);
    assert_null(f->value);
}

static void test_stale_flight_is_not_joined(void **state)
{
    fixture *f = *state;
    atomic_store(&f->flight->ticket.stale, true);
    start_waiter(f);
    land(f);
    assert_int_equal(f->joined, PERFOPT_OK);
}

static void test_impatience(void **state)
{
    fixture *f = *state;
    f->wait_ms = 1;
    start_waiter(f);
    pthread_join(f->thread, NULL);
    assert_true(f->timed_out && !f->got);
    perfopt__flight_land(&f->flights, f->flight, true, PERFOPT_OK, NULL, NULL);
}

static void test_same_thread(void **state)
{
    fixture *f = *state;
    perfopt__flight *again = NULL;
    atomic_store(&f->flight->ticket.stale, true);
    assert_int_equal(perfopt__flight_join(&f->flights, &f->key, &again), PERFOPT_EDEADLOCK);
    perfopt__flight_land(&f->flights, f->flight, true, PERFOPT_OK, NULL, NULL);
    assert_int_equal(perfopt__flight_join(&f->flights, &f->key, &again), PERFOPT_OK);
    perfopt__flight_land(&f->flights, again, true, PERFOPT_OK, NULL, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_waiter_gets_the_value),
        TEST(test_tag_invalidated_before_landing),
        TEST(test_stale_flight_is_not_joined),
        TEST(test_impatience),
        TEST(test_same_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
