/*
 * test_json.c - JSON in and out: round trips, hostile input, memory that runs out.
 */
#include "base/bytes.h"
#include "support/failing_alloc.h"
#include "value/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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

static void round_trip(const char *text, unsigned indent, const char *wanted)
{
    perfopt_value value;
    perfopt_bytes *out;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_value_from_json(arena, text, strlen(text), &value, &err), PERFOPT_OK);
    assert_int_equal(perfopt_value_to_json(value, indent, &out, &err), PERFOPT_OK);
    assert_string_equal(perfopt_bytes_data(out), wanted);
    perfopt_bytes_release(out);
}

static void round_trips(void **state)
{
    (void)state;
    round_trip("{\"b\": [1, -2.5, null, true, \"x\"], \"a\": {}}", 0,
               "{\"b\":[1,-2.5,null,true,\"x\"],\"a\":{}}");
    round_trip("[1,{\"a\":2}]", 2, "[\n  1,\n  {\n    \"a\": 2\n  }\n]");
    round_trip("[]", 2, "[]");
    round_trip("9223372036854775807", 0, "9223372036854775807");
    round_trip("1.0", 0, "1.0");
    round_trip("\"\\u00e9\\ud834\\udd1e\\u0000\\n\"", 0, "\"\xC3\xA9\xF0\x9D\x84\x9E\\u0000\\n\"");
    round_trip("0.1", 0, "0.1");
}

static void scripts_cannot_be_closed(void **state)
{
    (void)state;
    round_trip("\"</script><!--\"", 0, "\"<\\/script><!--\"");
    round_trip("{\"</a\":1}", 0, "{\"<\\/a\":1}");
}

static void fails(const char *text, size_t length)
{
    perfopt_value value = perfopt_int(42);
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_value_from_json(arena, text, length, &value, &err), PERFOPT_ESYNTAX);
    assert_int_equal(value.as.integer, 42);
    assert_non_null(strchr(err.detail, ':'));
    assert_true(err.message[0] != '\0');
}

static void refuses_bad_input(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "{",
                               "[1,]",
                               "{\"a\":1,\"a\":2}",
                               "nul",
                               "1 2",
                               "\"\\x\"",
                               "9223372036854775808",
                               "-9223372036854775809",
                               "1e999",
                               "\"\\ud800\"",
                               "{1:2}",
                               "'a'",
                               "[1",
                               "\"\xC3\"",
                               "\"\xED\xA0\x80\"",
                               "\"\n\"",
                               "NaN"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        fails(bad[i], strlen(bad[i]));
    fails("\"\xFF\"", 3);
    fails("[1]\0", 4);
}

static char *nested(size_t depth)
{
    char *text = malloc(depth * 2 + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[depth * 2] = '\0';
    return text;
}

static void depth_is_limited(void **state)
{
    (void)state;
    perfopt_value value;
    char *good = nested(512);
    assert_int_equal(perfopt_value_from_json(arena, good, 1024, &value, NULL), PERFOPT_OK);
    char *deep = nested(513);
    fails(deep, 1026);
    char *deeper = nested(100000);
    fails(deeper, 200000);
    free(good);
    free(deep);
    free(deeper);
}

static void cycles_end_with_a_limit(void **state)
{
    (void)state;
    perfopt_value list;
    perfopt_bytes *out = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_list_create(arena, &list), PERFOPT_OK);
    perfopt_list_append(list, list);
    assert_int_equal(perfopt_value_to_json(list, 0, &out, &err), PERFOPT_ELIMIT);
    assert_null(out);
}

static void keys_become_strings(void **state)
{
    (void)state;
    perfopt_value map;
    perfopt_value tuple;
    perfopt_bytes *out = NULL;
    assert_int_equal(perfopt_map_create(arena, &map), PERFOPT_OK);
    perfopt_map_set_key(map, perfopt_int(1), perfopt_double(NAN));
    perfopt_map_set_key(map, perfopt_none(), perfopt_undefined());
    perfopt_map_set_key(map, perfopt_double(2.5), perfopt_double(-INFINITY));
    assert_int_equal(perfopt_value_to_json(map, 0, &out, NULL), PERFOPT_OK);
    assert_string_equal(perfopt_bytes_data(out), "{\"1\":null,\"null\":null,\"2.5\":null}");
    perfopt_bytes_release(out);
    assert_int_equal(perfopt_list_create(arena, &tuple), PERFOPT_OK);
    tuple.flags = PERFOPT_VALUE_TUPLE;
    perfopt_map_set_key(map, tuple, perfopt_int(1));
    assert_int_equal(perfopt_value_to_json(map, 0, &out, NULL), PERFOPT_ETYPE);
}

/* Every allocation fails once: an error, no crash, nothing lost. */
static void survives_lack_of_memory(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,2,3,4,5,6,\"seven\"],\"b\":{\"c\":null,\"d\":\"</x>\"},"
                               "\"e\":1,\"f\":2,\"g\":3,\"h\":4,\"i\":5,\"j\":6,\"k\":7}";
    size_t live = test_alloc_live();
    unsigned failures = 0;
    for (unsigned n = 1;; n++) {
        perfopt_arena *own = NULL;
        perfopt_value value;
        perfopt_bytes *out = NULL;
        test_alloc_fail(n);
        perfopt_status st = perfopt_arena_create(64, &own);
        if (st == PERFOPT_OK)
            st = perfopt_value_from_json(own, text, strlen(text), &value, NULL);
        if (st == PERFOPT_OK)
            st = perfopt_value_to_json(value, 2, &out, NULL);
        perfopt_bytes_release(out);
        perfopt_arena_destroy(own);
        bool failed = test_alloc_stop();
        assert_int_equal(st, failed ? PERFOPT_ENOMEM : PERFOPT_OK);
        assert_int_equal(test_alloc_live(), live);
        if (!failed)
            break;
        failures++;
    }
    assert_true(failures > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(scripts_cannot_be_closed),
        cmocka_unit_test(refuses_bad_input),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(cycles_end_with_a_limit),
        cmocka_unit_test(keys_become_strings),
        cmocka_unit_test(survives_lack_of_memory),
    };
    test_alloc_install();
    return cmocka_run_group_tests(tests, setup, teardown);
}
