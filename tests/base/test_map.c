/*
 * test_map.c - the hash table against a plain array as its model, over random operations.
 */
#include "base/map.h"
#include "base/memory.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 300 };

static void it_behaves_like_its_model(void **state)
{
    (void)state;
    perfopt__map map = PERFOPT__MAP_INIT;
    void *model[KEYS] = {NULL};
    static int values[KEYS * 2];
    for (int step = 0; step < 50000; step++) {
        size_t k = perfopt__random_below(KEYS);
        char key[16];
        size_t length = (size_t)snprintf(key, sizeof(key), "key %zu", k);
        void *old;
        switch (perfopt__random_below(3)) {
        case 0: {
            void *value = &values[perfopt__random_below(KEYS * 2)];
            assert_int_equal(perfopt__map_put(&map, key, length, value, &old), PERFOPT_OK);
            assert_ptr_equal(old, model[k]);
            model[k] = value;
            break;
        }
        case 1:
            assert_ptr_equal(perfopt__map_remove(&map, key, length), model[k]);
            model[k] = NULL;
            break;
        default:
            assert_ptr_equal(perfopt__map_get(&map, key, length), model[k]);
        }
    }
    size_t expected = 0;
    for (size_t k = 0; k < KEYS; k++)
        expected += model[k] != NULL;
    assert_int_equal(map.count, expected);
    size_t visited = 0;
    size_t cursor = 0;
    while (perfopt__map_next(&map, &cursor))
        visited++;
    assert_int_equal(visited, expected);
    perfopt__map_finish(&map, NULL);
    assert_int_equal(map.count, 0);
}

static void keys_are_bytes(void **state)
{
    (void)state;
    perfopt__map map = PERFOPT__MAP_INIT;
    int a;
    int b;
    assert_null(perfopt__map_get(&map, "x", 1));
    assert_null(perfopt__map_remove(&map, "x", 1));
    assert_int_equal(perfopt__map_put(&map, "a\0b", 3, &a, NULL), PERFOPT_OK);
    assert_int_equal(perfopt__map_put(&map, "a\0c", 3, &b, NULL), PERFOPT_OK);
    assert_int_equal(perfopt__map_put(&map, "", 0, &b, NULL), PERFOPT_OK);
    assert_ptr_equal(perfopt__map_get(&map, "a\0b", 3), &a);
    assert_ptr_equal(perfopt__map_get(&map, "a\0c", 3), &b);
    assert_ptr_equal(perfopt__map_get(&map, "", 0), &b);
    assert_null(perfopt__map_get(&map, "a", 1));
    perfopt__map_finish(&map, NULL);
}

static void values_are_freed_at_the_end(void **state)
{
    (void)state;
    perfopt__map map = PERFOPT__MAP_INIT;
    for (int i = 0; i < 20; i++) {
        char key = (char)('a' + i);
        assert_int_equal(perfopt__map_put(&map, &key, 1, perfopt__strdup("value"), NULL),
                         PERFOPT_OK);
    }
    perfopt__map_finish(&map, perfopt__free); /* the leak checker sees what is missed */
    assert_null(map.entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_behaves_like_its_model),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(values_are_freed_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
