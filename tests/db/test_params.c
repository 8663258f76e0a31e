/*
 * test_params.c - parameters in libpq's form, and messages of the server without values.
 */
#include "db/db_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_bytes(const perfopt__params *p, int i, const char *expected, int length)
{
    assert_int_equal(p->lengths[i], length);
    assert_memory_equal(p->values[i], expected, (size_t)length);
}

static void scalars_are_binary_and_need_no_memory(void **state)
{
    (void)state;
    perfopt_param params[] = {
        perfopt_param_int(-2),     perfopt_param_bool(true),       perfopt_param_double(1.5),
        perfopt_param_text("abc"), perfopt_param_bytes("\0x", 2),  perfopt_param_null(),
        perfopt_param_text(NULL),  perfopt_param_text_n("abc", 2),
    };
    perfopt__params p;
    assert_int_equal(perfopt__params_init(&p, params, 8, NULL), PERFOPT_OK);
    assert_null(p.storage);
    assert_int_equal(p.count, 8);
    assert_int_equal(p.types[0], PERFOPT__OID_INT8);
    assert_bytes(&p, 0, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    assert_int_equal(p.types[1], PERFOPT__OID_BOOL);
    assert_bytes(&p, 1, "\x01", 1);
    assert_bytes(&p, 2, "\x3f\xf8\0\0\0\0\0\0", 8);
    assert_int_equal(p.types[3], PERFOPT__OID_TEXT);
    assert_bytes(&p, 3, "abc", 3);
    assert_bytes(&p, 4, "\0x", 2);
    assert_null(p.values[5]);
    assert_null(p.values[6]);
    assert_bytes(&p, 7, "ab", 2);
    for (int i = 0; i < 5; i++)
        assert_int_equal(p.formats[i], 1);
    perfopt__params_finish(&p);
}

static void arrays_are_binary(void **state)
{
    (void)state;
    int64_t integers[] = {1, -1};
    const char *texts[] = {"a", NULL};
    perfopt_param params[] = {perfopt_param_int_array(integers, 2),
                              perfopt_param_text_array(texts, 2), perfopt_param_int_array(NULL, 0)};
    perfopt__params p;
    assert_int_equal(perfopt__params_init(&p, params, 3, NULL), PERFOPT_OK);
    assert_bytes(&p, 0,
                 "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\2\0\0\0\1\0\0\0\x08\0\0\0\0\0\0\0\1"
                 "\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff",
                 44);
    assert_bytes(&p, 1,
                 "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\1"
                 "a\xff\xff\xff\xff",
                 29);
    assert_bytes(&p, 2, "\0\0\0\0\0\0\0\0\0\0\0\x14", 12);
    assert_int_equal(p.types[0], PERFOPT__OID_INT8_ARRAY);
    assert_int_equal(p.types[1], PERFOPT__OID_TEXT_ARRAY);
    perfopt__params_finish(&p);
}

static void untyped_text_is_left_to_the_server(void **state)
{
    (void)state;
    perfopt_param param = perfopt_param_untyped("2026-01-01");
    param.length = 4;
    perfopt__params p;
    assert_int_equal(perfopt__params_init(&p, &param, 1, NULL), PERFOPT_OK);
    assert_int_equal(p.types[0], 0);
    assert_int_equal(p.formats[0], 0);
    assert_string_equal(p.values[0], "2026");
    perfopt__params_finish(&p);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    perfopt__params p;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_param nul = perfopt_param_untyped("ab");
    nul.length = 3;
    assert_int_equal(perfopt__params_init(&p, &nul, 1, &err), PERFOPT_EINVAL);
    assert_non_null(strstr(err.message, "$1"));
    perfopt_param odd = perfopt_param_null();
    odd.type = (perfopt_param_type)77;
    assert_int_equal(perfopt__params_init(&p, &odd, 1, NULL), PERFOPT_EINVAL);
    assert_int_equal(perfopt__params_init(&p, NULL, 1, NULL), PERFOPT_EINVAL);
    perfopt_param missing = perfopt_param_int_array(NULL, 3);
    assert_int_equal(perfopt__params_init(&p, &missing, 1, NULL), PERFOPT_EINVAL);
    perfopt_param huge = perfopt_param_bytes("x", SIZE_MAX);
    assert_int_equal(perfopt__params_init(&p, &huge, 1, NULL), PERFOPT_EINVAL);
    assert_int_equal(perfopt__params_init(&p, &nul, 65536, NULL), PERFOPT_EINVAL);
    perfopt__params_finish(&p);
}

static void many_parameters_are_fine(void **state)
{
    (void)state;
    perfopt_param params[300];
    for (int i = 0; i < 300; i++)
        params[i] = perfopt_param_int(i);
    perfopt__params p;
    assert_int_equal(perfopt__params_init(&p, params, 300, NULL), PERFOPT_OK);
    assert_bytes(&p, 299, "\0\0\0\0\0\0\x01\x2b", 8);
    perfopt__params_finish(&p);
}

static void assert_masked(const char *sqlstate, const char *message, const char *expected)
{
    char out[430];
    perfopt__pg_mask(sqlstate, message, out, sizeof(out));
    assert_string_equal(out, expected);
}

static void values_are_masked_in_messages(void **state)
{
    (void)state;
    assert_masked("22P02", "invalid input syntax for type integer: \"se\"cret\"",
                  "invalid input syntax for type integer: \"?\"");
    assert_masked("22021", "invalid byte sequence for encoding \"UTF8\": 0xff",
                  "invalid byte sequence for encoding \"?\"");
    assert_masked("22P05", "character with byte sequence 0xe2 0x82",
                  "character with byte sequence "
                  "\"?\"");
    assert_masked("22P02", "ung\xc3\xbcltige Eingabe: \xc2\xbbsecret\xc2\xab",
                  "ung\xc3\xbcltige Eingabe: \"?\"");
    assert_masked("22012", "division by zero", "division by zero");
    assert_masked("42601", "syntax error at or near \"FORM\"", "syntax error at or near \"FORM\"");
    assert_masked("42601", "unterminated quoted string at or near \"'secret\"",
                  "unterminated quoted string at or near \"?\"");
    assert_masked("42601", "syntax error at or near \"4711\"", "syntax error at or near \"?\"");
    assert_masked("42703", "column \"nmae\" does not exist", "column \"nmae\" does not exist");
    assert_masked("P0001", "user bob is secret", "a function raised an exception");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_binary_and_need_no_memory),
        cmocka_unit_test(arrays_are_binary),
        cmocka_unit_test(untyped_text_is_left_to_the_server),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(many_parameters_are_fine),
        cmocka_unit_test(values_are_masked_in_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
