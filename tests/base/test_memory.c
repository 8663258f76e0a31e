/*
 * test_memory.c - the allocator hook, the arena, reference-counted bytes, and random numbers.
 */
#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t live;
static size_t countdown; /* the allocation that fails; 0 = none */

static void *counting_malloc(size_t size, void *user)
{
    (void)user;
    if (countdown && --countdown == 0)
        return NULL;
    live++;
    return malloc(size);
}

static void *counting_realloc(void *ptr, size_t size, void *user)
{
    (void)user;
    if (countdown && --countdown == 0)
        return NULL;
    live += ptr == NULL;
    return realloc(ptr, size);
}

static void counting_free(void *ptr, void *user)
{
    (void)user;
    live--;
    free(ptr);
}

static int use_counting(void **state)
{
    (void)state;
    const perfopt_allocator counting = {counting_malloc, counting_realloc, counting_free, NULL};
    live = 0;
    countdown = 0;
    return perfopt_allocator_set(&counting) == PERFOPT_OK ? 0 : 1;
}

static int nothing_is_left(void **state)
{
    (void)state;
    perfopt_allocator_set(NULL);
    return live == 0 ? 0 : 1;
}

static void an_incomplete_allocator_is_refused(void **state)
{
    (void)state;
    const perfopt_allocator incomplete = {counting_malloc, NULL, counting_free, NULL};
    assert_int_equal(perfopt_allocator_set(&incomplete), PERFOPT_EINVAL);
}

static void sizes_that_overflow_are_out_of_memory(void **state)
{
    (void)state;
    assert_null(perfopt__calloc(SIZE_MAX, 2));
    assert_null(perfopt__reallocarray(NULL, SIZE_MAX / 2, 3));
    assert_null(perfopt__memdup("", SIZE_MAX));
    assert_null(perfopt__bytes_new(SIZE_MAX - 4));
    assert_null(perfopt__strdup(NULL));
    void *p = perfopt__malloc(0);
    assert_non_null(p);
    perfopt__free(p);
    perfopt__free(NULL);
}

static void an_arena_gives_aligned_zeroed_memory(void **state)
{
    (void)state;
    perfopt_arena *arena;
    assert_int_equal(perfopt_arena_create(256, &arena), PERFOPT_OK);
    for (size_t size = 0; size < 1000; size += 7) {
        char *p = perfopt_arena_alloc(arena, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAB, size);
    }
    assert_null(perfopt_arena_alloc(arena, SIZE_MAX - 3));
    assert_memory_equal(perfopt_arena_copy(arena, "a\0b", 3), "a\0b", 4);
    assert_string_equal(perfopt_arena_copy(arena, NULL, 0), "");
    assert_string_equal(perfopt_arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    perfopt_arena_destroy(arena);
    perfopt_arena_destroy(NULL);
}

static char order[8];

static void note(void *user)
{
    strcat(order, user);
}

static void deferred_functions_run_last_first(void **state)
{
    (void)state;
    perfopt_arena *arena;
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    order[0] = '\0';
    assert_int_equal(perfopt_arena_defer(arena, note, (char[]){"a"}), PERFOPT_OK);
    assert_int_equal(perfopt_arena_defer(arena, note, (char[]){"b"}), PERFOPT_OK);
    assert_string_equal(order, "");
    perfopt_arena_destroy(arena);
    assert_string_equal(order, "ba");

    /* Out of memory: the function runs at once, so that nothing leaks. */
    assert_int_equal(perfopt_arena_create(0, &arena), PERFOPT_OK);
    order[0] = '\0';
    countdown = 1;
    assert_int_equal(perfopt_arena_defer(arena, note, (char[]){"c"}), PERFOPT_ENOMEM);
    assert_string_equal(order, "c");
    perfopt_arena_destroy(arena);
    assert_string_equal(order, "c");
}

static void bytes_are_counted(void **state)
{
    (void)state;
    perfopt_bytes *bytes;
    assert_int_equal(perfopt_bytes_create("a\0b", 3, &bytes), PERFOPT_OK);
    assert_int_equal(perfopt_bytes_length(bytes), 3);
    assert_memory_equal(perfopt_bytes_data(bytes), "a\0b", 4);
    assert_ptr_equal(perfopt_bytes_retain(bytes), bytes);
    perfopt_bytes_release(bytes);
    assert_int_equal(live, 1);
    perfopt_bytes_release(bytes);
    assert_int_equal(live, 0);
    perfopt_bytes_release(NULL);
    countdown = 1;
    bytes = NULL;
    assert_int_equal(perfopt_bytes_create("x", 1, &bytes), PERFOPT_ENOMEM);
    assert_null(bytes);
}

typedef struct tagged {
    perfopt__attachment base;
    int *freed;
} tagged;

static void free_tagged(perfopt__attachment *attachment)
{
    ++*((tagged *)attachment)->freed;
}

static void the_first_attachment_stays_and_dies_with_the_bytes(void **state)
{
    (void)state;
    int first_freed = 0;
    int second_freed = 0;
    tagged first = {{free_tagged}, &first_freed};
    tagged second = {{free_tagged}, &second_freed};
    perfopt_bytes *bytes;
    assert_int_equal(perfopt_bytes_create("", 0, &bytes), PERFOPT_OK);
    assert_null(perfopt__bytes_attachment(bytes));
    assert_ptr_equal(perfopt__bytes_attach(bytes, &first.base), &first.base);
    assert_ptr_equal(perfopt__bytes_attach(bytes, &second.base), &first.base);
    assert_int_equal(second_freed, 1);
    assert_int_equal(first_freed, 0);
    assert_ptr_equal(perfopt__bytes_attachment(bytes), &first.base);
    perfopt_bytes_release(bytes);
    assert_int_equal(first_freed, 1);
}

static void hashes_and_random_numbers(void **state)
{
    (void)state;
    /* XXH3's published value for the empty input with seed 0. */
    assert_true(perfopt__hash_stable("", 0) == 0x2D06800538D394C2u);
    assert_true(perfopt__hash("key", 3) == perfopt__hash("key", 3));
    char hex[33];
    perfopt__hash128_hex((perfopt__hash128){0xFF, 1}, hex);
    assert_string_equal(hex, "000000000000000100000000000000ff");

    uint64_t seen[10] = {0};
    assert_int_equal(perfopt__random_below(0), 0);
    for (int i = 0; i < 10000; i++)
        seen[perfopt__random_below(10)]++;
    for (int i = 0; i < 10; i++)
        assert_in_range(seen[i], 800, 1200);
    assert_true(perfopt__random_u64() != perfopt__random_u64());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incomplete_allocator_is_refused),
        cmocka_unit_test_setup_teardown(sizes_that_overflow_are_out_of_memory, use_counting,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(an_arena_gives_aligned_zeroed_memory, use_counting,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(deferred_functions_run_last_first, use_counting,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(bytes_are_counted, use_counting, nothing_is_left),
        cmocka_unit_test_setup_teardown(the_first_attachment_stays_and_dies_with_the_bytes,
                                        use_counting, nothing_is_left),
        cmocka_unit_test(hashes_and_random_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
