/*
 * test_value.c - lists, maps, truth, equality and hashes as in Python.
 */
#include "value/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static perfopt_arena *arena;

static int setup(void **state)
{
    (void)state;
    return perfopt_arena_create(0, &arena) == PERFOPT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    perfopt_arena_destroy(arena);
    return 0;
}

static perfopt_value list_of(const perfopt_value *items, size_t count, bool tuple)
{
    perfopt_value list;
    assert_int_equal(perfopt_list_create(arena, &list), PERFOPT_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(perfopt_list_append(list, items[i]), PERFOPT_OK);
    list.flags = tuple ? PERFOPT_VALUE_TUPLE : 0;
    return list;
}

static perfopt_value new_map(void)
{
    perfopt_value map;
    assert_int_equal(perfopt_map_create(arena, &map), PERFOPT_OK);
    return map;
}

static void equal_with_equal_hashes(perfopt_value a, perfopt_value b)
{
    uint64_t x;
    uint64_t y;
    assert_true(perfopt_value_equal(a, b));
    assert_true(perfopt_value_equal(b, a));
    assert_true(perfopt__value_hash(a, &x));
    assert_true(perfopt__value_hash(b, &y));
    assert_true(x == y);
}

static void numbers_are_equal_across_kinds(void **state)
{
    (void)state;
    equal_with_equal_hashes(perfopt_int(1), perfopt_double(1.0));
    equal_with_equal_hashes(perfopt_int(1), perfopt_bool(true));
    equal_with_equal_hashes(perfopt_double(0.0), perfopt_double(-0.0));
    equal_with_equal_hashes(perfopt_double(0.0), perfopt_bool(false));
    equal_with_equal_hashes(perfopt_int(INT64_MIN), perfopt_double(-9223372036854775808.0));
    assert_false(
        perfopt_value_equal(perfopt_int(9007199254740993), perfopt_double(9007199254740992.0)));
    assert_false(
        perfopt_value_equal(perfopt_int(INT64_MAX), perfopt_double(9223372036854775808.0)));
    assert_false(perfopt_value_equal(perfopt_double(NAN), perfopt_double(NAN)));
    assert_false(perfopt_value_equal(perfopt_int(1), perfopt_string("1")));
    assert_false(perfopt_value_equal(perfopt_none(), perfopt_bool(false)));
    assert_false(perfopt_value_equal(perfopt_none(), perfopt_undefined()));
}

static void int_and_double_compare_exactly(void **state)
{
    (void)state;
    assert_int_equal(perfopt__value_compare_int_double(3, 3.5), -1);
    assert_int_equal(perfopt__value_compare_int_double(-3, -3.5), 1);
    assert_int_equal(perfopt__value_compare_int_double(9007199254740993, 9007199254740992.0), 1);
    assert_int_equal(perfopt__value_compare_int_double(INT64_MAX, INFINITY), -1);
    assert_int_equal(perfopt__value_compare_int_double(INT64_MIN, -INFINITY), 1);
    assert_int_equal(perfopt__value_compare_int_double(0, NAN), 2);
}

static void strings_ignore_safety(void **state)
{
    (void)state;
    equal_with_equal_hashes(perfopt_string("a<b"), perfopt_safe("a<b"));
    assert_false(perfopt_value_equal(perfopt_string_n("a\0b", 3), perfopt_string_n("a\0c", 3)));
    assert_int_equal(perfopt_string(NULL).kind, PERFOPT_NONE);
}

static void tuples_hash_and_lists_do_not(void **state)
{
    (void)state;
    perfopt_value items[2] = {perfopt_int(1), perfopt_string("x")};
    perfopt_value other[2] = {perfopt_double(1.0), perfopt_string("x")};
    perfopt_value list = list_of(items, 2, false);
    uint64_t hash;
    equal_with_equal_hashes(list_of(items, 2, true), list_of(other, 2, true));
    assert_false(perfopt__value_hash(list, &hash));
    assert_false(perfopt_value_equal(list, list_of(items, 2, true)));
    assert_true(perfopt_value_equal(list, list_of(other, 2, false)));
    assert_int_equal(perfopt_map_set_key(new_map(), list, perfopt_none()), PERFOPT_ETYPE);
    perfopt_value nested = list_of(&list, 1, true);
    assert_false(perfopt__value_hash(nested, &hash));
}

static void equality_ends_in_cycles(void **state)
{
    (void)state;
    perfopt_value a = list_of(NULL, 0, false);
    perfopt_value b = list_of(NULL, 0, false);
    perfopt_list_append(a, a);
    perfopt_list_append(b, b);
    assert_false(perfopt_value_equal(a, b));
    assert_true(perfopt_value_equal(a, a));
}

static void maps_keep_order_and_merge_keys(void **state)
{
    (void)state;
    perfopt_value map = new_map();
    assert_int_equal(perfopt_map_set(map, "b", perfopt_int(1)), PERFOPT_OK);
    assert_int_equal(perfopt_map_set(map, "a", perfopt_int(2)), PERFOPT_OK);
    assert_int_equal(perfopt_map_set(map, "b", perfopt_int(3)), PERFOPT_OK);
    assert_int_equal(perfopt_map_set_key(map, perfopt_int(1), perfopt_int(4)), PERFOPT_OK);
    assert_int_equal(perfopt_map_set_key(map, perfopt_bool(true), perfopt_int(5)), PERFOPT_OK);
    assert_int_equal(perfopt_value_count(map), 3);
    assert_string_equal(perfopt_value_at(map, 0).as.string, "b");
    assert_int_equal(perfopt_value_get(map, "b", 1).as.integer, 3);
    assert_int_equal(perfopt_value_get_key(map, perfopt_double(1.0)).as.integer, 5);
    assert_int_equal(perfopt_value_get(map, "c", 1).kind, PERFOPT_UNDEFINED);
    assert_int_equal(perfopt_value_at(map, 3).kind, PERFOPT_UNDEFINED);
    assert_int_equal(perfopt_map_set(perfopt_int(1), "a", perfopt_none()), PERFOPT_ETYPE);
    assert_int_equal(perfopt_list_append(map, perfopt_none()), PERFOPT_ETYPE);
}

/* Above eight entries there is an index; removal has to keep it right. */
static void large_maps_find_everything(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    perfopt_value map = new_map();
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(perfopt_map_set_key(map, perfopt_int(i * 7), perfopt_int(i)), PERFOPT_OK);
    for (int i = 0; i < COUNT; i += 100) {
        uint64_t hash;
        perfopt__value_hash(perfopt_int(i * 7), &hash);
        perfopt__value_remove(map.as.map,
                              perfopt__value_find(map.as.map, perfopt_int(i * 7), hash));
    }
    assert_int_equal(perfopt_value_count(map), COUNT - COUNT / 100);
    for (int i = 0; i < COUNT; i++) {
        perfopt_value found = perfopt_value_get_key(map, perfopt_int(i * 7));
        assert_int_equal(found.kind, i % 100 ? PERFOPT_INT : PERFOPT_UNDEFINED);
        if (i % 100)
            assert_int_equal(found.as.integer, i);
    }
    assert_int_equal(perfopt_value_at(map, 0).as.integer, 7);
}

static void maps_are_equal_in_any_order(void **state)
{
    (void)state;
    perfopt_value a = new_map();
    perfopt_value b = new_map();
    perfopt_map_set(a, "x", perfopt_int(1));
    perfopt_map_set(a, "y", perfopt_int(2));
    perfopt_map_set(b, "y", perfopt_double(2));
    perfopt_map_set(b, "x", perfopt_int(1));
    assert_true(perfopt_value_equal(a, b));
    perfopt_map_set(b, "y", perfopt_int(3));
    assert_false(perfopt_value_equal(a, b));
}

static void truth_is_pythons(void **state)
{
    (void)state;
    assert_false(perfopt_value_truth(perfopt_undefined()));
    assert_false(perfopt_value_truth(perfopt_none()));
    assert_false(perfopt_value_truth(perfopt_double(-0.0)));
    assert_false(perfopt_value_truth(perfopt_string("")));
    assert_false(perfopt_value_truth(list_of(NULL, 0, true)));
    assert_false(perfopt_value_truth(new_map()));
    assert_true(perfopt_value_truth(perfopt_double(NAN)));
    assert_true(perfopt_value_truth(perfopt_string("0")));
}

static void counts_are_of_characters(void **state)
{
    (void)state;
    assert_int_equal(perfopt_value_count(perfopt_string("a\xC3\xB1\xF0\x9D\x84\x9E")), 3);
    assert_true(perfopt_value_count(perfopt_int(1)) == SIZE_MAX);
    assert_string_equal(perfopt_value_type_name(perfopt_safe("x")), "Markup");
    assert_string_equal(perfopt_value_type_name(list_of(NULL, 0, true)), "tuple");
}

/* ---- objects -------------------------------------------------------------------------------- */

static bool row_attribute(const perfopt_object *self, uint32_t index, const char *name,
                          size_t length, perfopt_value *out)
{
    (void)self;
    if (length != 2 || memcmp(name, "id", 2) != 0)
        return false;
    *out = perfopt_int(index * 10);
    return true;
}

static size_t row_count(const perfopt_object *self, uint32_t index)
{
    (void)self;
    (void)index;
    return 1;
}

static bool row_item(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    (void)self;
    (void)index;
    (void)i;
    *out = perfopt_string("id");
    return true;
}

static void objects_are_read_through_their_class(void **state)
{
    (void)state;
    static const perfopt_object_class row_class = {.struct_size = sizeof(row_class),
                                                   .name = "row",
                                                   .attribute = row_attribute,
                                                   .count = row_count,
                                                   .item = row_item,
                                                   .is_mapping = true};
    static const perfopt_object_class bare_class = {.struct_size = sizeof(bare_class)};
    perfopt_object rows = {&row_class};
    perfopt_object bare = {&bare_class};
    perfopt_value row = perfopt_object_value(&rows, 4);
    assert_int_equal(perfopt_value_get(row, "id", 2).as.integer, 40);
    assert_int_equal(perfopt_value_get(row, "no", 2).kind, PERFOPT_UNDEFINED);
    assert_string_equal(perfopt_value_at(row, 0).as.string, "id");
    assert_int_equal(perfopt_value_at(row, 1).kind, PERFOPT_UNDEFINED);
    assert_string_equal(perfopt_value_type_name(row), "row");
    perfopt_value nothing = perfopt_object_value(&bare, 0);
    assert_int_equal(perfopt_value_get(nothing, "id", 2).kind, PERFOPT_UNDEFINED);
    assert_int_equal(perfopt_value_at(nothing, 0).kind, PERFOPT_UNDEFINED);
    assert_string_equal(perfopt_value_type_name(nothing), "object");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_equal_across_kinds),
        cmocka_unit_test(int_and_double_compare_exactly),
        cmocka_unit_test(strings_ignore_safety),
        cmocka_unit_test(tuples_hash_and_lists_do_not),
        cmocka_unit_test(equality_ends_in_cycles),
        cmocka_unit_test(maps_keep_order_and_merge_keys),
        cmocka_unit_test(large_maps_find_everything),
        cmocka_unit_test(maps_are_equal_in_any_order),
        cmocka_unit_test(truth_is_pythons),
        cmocka_unit_test(counts_are_of_characters),
        cmocka_unit_test(objects_are_read_through_their_class),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
