/*
 * test_tags.c - the logic of stamps and epochs, without a Redis: replies are made up here, also in
 * the wrong order.
 */
#include "cache/cache_internal.h"
#include "helpers.h"

typedef struct fixture {
    perfopt__tags tags;
    perfopt__recovery recovery;
    perfopt__slots slots;
    uint64_t as_of;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    *state = f;
    perfopt__recovery_init(&f->recovery);
    f->slots = (perfopt__slots){2, {10, 20}};
    return perfopt__tags_init(&f->tags);
}

static int tear_down(void **state)
{
    fixture *f = *state;
    perfopt__tags_finish(&f->tags);
    free(f);
    return 0;
}

static perfopt__learned learn(fixture *f, const perfopt__view *sent, uint64_t epoch,
                              uint64_t sequence, uint16_t slot, uint64_t stamp)
{
    perfopt__redis_change change = {stamp, slot};
    perfopt__redis_state reply = {false, epoch, sequence, &change, stamp ? 1 : 0};
    return perfopt__tags_learn(&f->tags, sent, &reply);
}

static bool admit(fixture *f, uint64_t epoch, uint64_t as_of)
{
    return perfopt__tags_admit(&f->tags, &f->recovery, epoch, as_of, &f->slots, &f->as_of);
}

static void test_slots_of_text(void **state)
{
    (void)state;
    perfopt__slots slots;
    perfopt__key key = {"k", 1, 0};
    assert_int_equal(perfopt__slots_read(&slots, &key, "a, b,,c ", 8), PERFOPT_OK);
    assert_int_equal(slots.count, 4);
    assert_int_equal(slots.slot[2], perfopt__slot_of_tag("b", 1));
    assert_int_equal(perfopt__slots_read(&slots, &key, "", 0), PERFOPT_OK);
    assert_int_equal(slots.count, 1);
    char text[400];
    memset(text, 'x', sizeof(text));
    assert_int_equal(perfopt__slots_read(&slots, &key, text, 200), PERFOPT_OK);
    assert_int_equal(perfopt__slots_read(&slots, &key, text, 201), PERFOPT_EINVAL);
    for (size_t i = 0; i < sizeof(text); i += 2)
        text[i] = ',';
    assert_int_equal(perfopt__slots_read(&slots, &key, text, 128), PERFOPT_OK);
    assert_int_equal(slots.count, 65);
    assert_int_equal(perfopt__slots_read(&slots, &key, text, 130), PERFOPT_EINVAL);
}

static void test_local_time(void **state)
{
    fixture *f = *state;
    uint64_t before = perfopt__tags_now(&f->tags);
    assert_true(perfopt__tags_valid(&f->tags, before, f->slots.slot, 2));
    perfopt__tags_invalidate(&f->tags, 20);
    assert_false(perfopt__tags_valid(&f->tags, before, f->slots.slot, 2));
    assert_true(perfopt__tags_valid(&f->tags, before, f->slots.slot, 1));
    uint64_t after = perfopt__tags_now(&f->tags);
    assert_true(perfopt__tags_valid(&f->tags, after, f->slots.slot, 2));
    perfopt__tags_clear(&f->tags);
    assert_false(perfopt__tags_valid(&f->tags, after, f->slots.slot, 0));
}

static void test_learning_invalidates(void **state)
{
    fixture *f = *state;
    perfopt__view view = perfopt__tags_view(&f->tags);
    assert_int_equal(learn(f, &view, 7, 5, 20, 3), PERFOPT__LEARNED);
    assert_true(admit(f, 7, 3));
    assert_false(admit(f, 7, 2)); /* written before stamp 3 */
    assert_false(admit(f, 8, 9)); /* of another epoch */
    assert_false(admit(f, 0, 9));
    uint64_t as_of = perfopt__tags_now(&f->tags);
    view = perfopt__tags_view(&f->tags);
    assert_true(view.synced == 5);
    learn(f, &view, 7, 6, 20, 6);
    assert_false(perfopt__tags_valid(&f->tags, as_of, f->slots.slot, 2));
    as_of = perfopt__tags_now(&f->tags);
    learn(f, &view, 7, 6, 20, 6); /* the same again is no news */
    assert_true(perfopt__tags_valid(&f->tags, as_of, f->slots.slot, 2));
}

static void test_new_epoch_is_read_from_its_beginning(void **state)
{
    fixture *f = *state;
    perfopt__view view = perfopt__tags_view(&f->tags);
    learn(f, &view, 7, 50, 0, 0);
    uint64_t as_of = perfopt__tags_now(&f->tags);
    view = perfopt__tags_view(&f->tags);
    /* Redis restarted: a reply since 50 has left stamps 1 to 50 of epoch 8 out. */
    assert_int_equal(learn(f, &view, 8, 50, 0, 0), PERFOPT__AGAIN);
    assert_false(perfopt__tags_valid(&f->tags, as_of, f->slots.slot, 0));
    view = perfopt__tags_view(&f->tags);
    assert_true(view.synced == 0 && view.epoch == 8);
    assert_int_equal(learn(f, &view, 8, 4, 20, 4), PERFOPT__LEARNED);
    assert_false(admit(f, 8, 3));
}

/* A reply that was sent before a clear of this process and arrives after it. */
static void test_late_reply_does_not_bring_an_epoch_back(void **state)
{
    fixture *f = *state;
    perfopt__view view = perfopt__tags_view(&f->tags);
    learn(f, &view, 7, 5, 0, 0);
    perfopt__view sent = perfopt__tags_view(&f->tags);
    pthread_mutex_lock(&f->tags.lock);
    perfopt__tags_reset_locked(&f->tags, 9);
    pthread_mutex_unlock(&f->tags.lock);
    assert_int_equal(learn(f, &sent, 7, 5, 0, 0), PERFOPT__OUTDATED);
    assert_false(admit(f, 7, 5));
    assert_true(admit(f, 9, 0));
}

/* Another process stamped a slot, then we did: its stamp is hidden in Redis by ours. */
static void test_hidden_stamp_is_news(void **state)
{
    fixture *f = *state;
    perfopt__view view = perfopt__tags_view(&f->tags);
    learn(f, &view, 7, 5, 0, 0);
    uint64_t as_of = perfopt__tags_now(&f->tags);
    uint16_t slot = 10;
    perfopt__redis_stamped stamped = {.epoch = 7, .stamp = 6, .before = {0}};
    perfopt__tags_told(&f->tags, &slot, 1, &stamped);
    assert_true(perfopt__tags_valid(&f->tags, as_of, f->slots.slot, 2));
    stamped = (perfopt__redis_stamped){.epoch = 7, .stamp = 8, .before = {7}};
    perfopt__tags_told(&f->tags, &slot, 1, &stamped);
    assert_false(perfopt__tags_valid(&f->tags, as_of, f->slots.slot, 2));
    assert_false(admit(f, 7, 7));
    assert_true(admit(f, 7, 8));
}

static void test_untold_is_not_admitted(void **state)
{
    fixture *f = *state;
    perfopt__view view = perfopt__tags_view(&f->tags);
    learn(f, &view, 7, 5, 0, 0);
    perfopt__recovery_add(&f->recovery, 21);
    assert_true(admit(f, 7, 5));
    perfopt__recovery_add(&f->recovery, 20);
    perfopt__recovery_add(&f->recovery, 20);
    assert_false(admit(f, 7, 5));
    assert_true(atomic_load(&f->recovery.waiting) == 2);
    perfopt__recovery_init(&f->recovery);
    perfopt__recovery_add_clear(&f->recovery);
    assert_false(admit(f, 7, 5));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_slots_of_text),
        TEST(test_local_time),
        TEST(test_learning_invalidates),
        TEST(test_new_epoch_is_read_from_its_beginning),
        TEST(test_late_reply_does_not_bring_an_epoch_back),
        TEST(test_hidden_stamp_is_news),
        TEST(test_untold_is_not_admitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
