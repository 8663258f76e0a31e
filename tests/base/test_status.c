/*
 * test_status.c - the status table, error messages, options structs and the log hook.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/options.h"
#include "base/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_status_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int s = 0; s >= -24; s--) {
        assert_string_not_equal(perfopt_status_name((perfopt_status)s), "PERFOPT_E?");
        assert_string_not_equal(perfopt_status_text((perfopt_status)s), "unknown status");
    }
    assert_string_equal(perfopt_status_name(PERFOPT_ETIMEOUT), "PERFOPT_ETIMEOUT");
    assert_string_equal(perfopt_status_text(PERFOPT_OK), "success");
    assert_string_equal(perfopt_status_name((perfopt_status)-25), "PERFOPT_E?");
    assert_string_equal(perfopt_status_text((perfopt_status)1), "unknown status");
}

static void an_error_message_is_one_clean_line(void **state)
{
    (void)state;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt__error_set(&err, PERFOPT_EPROTO, "a\nb\x01%s", "c\n"), PERFOPT_EPROTO);
    assert_string_equal(err.message, "a b c");
    assert_int_equal(err.status, PERFOPT_EPROTO);

    assert_int_equal(perfopt__error_os(&err, PERFOPT_EIO, ENOENT, "cannot open %s", "x"),
                     PERFOPT_EIO);
    assert_string_equal(err.message, "cannot open x: No such file or directory");
    assert_int_equal(err.native, ENOENT);
    assert_int_equal(err.origin, PERFOPT_ORIGIN_OS);

    perfopt__error_from(&err, PERFOPT_EDB, PERFOPT_ORIGIN_POSTGRES, 0, "42P01", "no such table");
    assert_string_equal(err.detail, "42P01");
    assert_int_equal(perfopt__error_set(NULL, PERFOPT_EIO, "nobody reads this"), PERFOPT_EIO);
}

static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    perfopt_error err;
    for (size_t lead = 0; lead < 4; lead++) {
        char text[1024];
        memset(text, 'x', lead);
        for (size_t i = lead; i + 2 < sizeof(text); i += 2)
            memcpy(text + i, "\xC3\xA9", 2);
        text[1000 + lead] = '\0';
        perfopt__error_set(&err, PERFOPT_EIO, "%s", text);
        assert_true(perfopt__utf8_valid(err.message, strlen(err.message)));
        assert_true(strlen(err.message) >= sizeof(err.message) - 4);
    }
}

typedef struct options {
    size_t struct_size;
    int first;
    int second;
} options;

static void options_of_every_size_are_read(void **state)
{
    (void)state;
    options own;
    assert_int_equal(perfopt__options_read(&own, sizeof(own), NULL, "X", NULL), PERFOPT_OK);
    assert_int_equal(own.first, 0);

    const options *given = PERFOPT_OPTIONS(options, .first = 1, .second = 2);
    assert_int_equal(perfopt__options_read(&own, sizeof(own), given, "X", NULL), PERFOPT_OK);
    assert_int_equal(own.second, 2);

    options older = {offsetof(options, second), 7, 8};
    assert_int_equal(perfopt__options_read(&own, sizeof(own), &older, "X", NULL), PERFOPT_OK);
    assert_int_equal(own.first, 7);
    assert_int_equal(own.second, 0);
    assert_int_equal(own.struct_size, sizeof(own));

    struct {
        options known;
        char more[64];
    } newer = {{sizeof(newer), 3, 4}, "ignored"};
    assert_int_equal(perfopt__options_read(&own, sizeof(own), &newer, "X", NULL), PERFOPT_OK);
    assert_int_equal(own.second, 4);

    options unset = {0, 1, 1};
    perfopt_error err;
    assert_int_equal(perfopt__options_read(&own, sizeof(own), &unset, "MY_OPTIONS", &err),
                     PERFOPT_EINVAL);
    assert_non_null(strstr(err.message, "MY_OPTIONS"));
}

static int logged;
static char last_logged[256];

static void remember(perfopt_log_level level, const char *module, const char *message, void *user)
{
    assert_ptr_equal(user, &logged);
    logged++;
    snprintf(last_logged, sizeof(last_logged), "%d %s %.200s", (int)level, module, message);
}

static void the_log_goes_to_the_hook_from_its_level_on(void **state)
{
    (void)state;
    perfopt_log_set(PERFOPT_LOG_WARN, remember, &logged);
    perfopt__log(PERFOPT_LOG_INFO, "db", "dropped");
    assert_int_equal(logged, 0);
    perfopt__log(PERFOPT_LOG_ERROR, "db", "line one\nline %d", 2);
    assert_int_equal(logged, 1);
    assert_string_equal(last_logged, "3 db line one line 2");
    perfopt_log_set(PERFOPT_LOG_SILENT, NULL, NULL);
    perfopt__log(PERFOPT_LOG_ERROR, "db", "silent");
    assert_int_equal(logged, 1);
    perfopt_log_set(PERFOPT_LOG_INFO, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_and_a_text),
        cmocka_unit_test(an_error_message_is_one_clean_line),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(options_of_every_size_are_read),
        cmocka_unit_test(the_log_goes_to_the_hook_from_its_level_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
