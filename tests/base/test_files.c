/*
 * test_files.c - whole files, paths that leave their root, and gzip.
 */
#include "base/compress.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/perfopt-files-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void a_file_is_replaced_whole(void **state)
{
    (void)state;
    char *data;
    size_t length;
    perfopt_error err;
    assert_int_equal(perfopt__file_read(in_folder("a"), 100, &data, &length, &err),
                     PERFOPT_ENOTFOUND);
    assert_int_equal(perfopt__file_replace(in_folder("a"), "one\0two", 7, &err), PERFOPT_OK);
    assert_int_equal(perfopt__file_read(in_folder("a"), 100, &data, &length, &err), PERFOPT_OK);
    assert_int_equal(length, 7);
    assert_memory_equal(data, "one\0two", 8);
    perfopt__free(data);
    assert_int_equal(perfopt__file_replace(in_folder("a"), "", 0, &err), PERFOPT_OK);
    assert_int_equal(perfopt__file_read(in_folder("a"), 0, &data, &length, &err), PERFOPT_OK);
    assert_int_equal(length, 0);
    perfopt__free(data);
}

static void what_cannot_be_read_or_written_is_an_error(void **state)
{
    (void)state;
    char *data;
    size_t length;
    perfopt_error err;
    assert_int_equal(perfopt__file_replace(in_folder("big"), "12345", 5, &err), PERFOPT_OK);
    assert_int_equal(perfopt__file_read(in_folder("big"), 4, &data, &length, &err), PERFOPT_ELIMIT);
    assert_int_equal(perfopt__file_read(folder, 100, &data, &length, &err), PERFOPT_EIO);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(perfopt__file_read(in_folder("fifo"), 100, &data, &length, &err), PERFOPT_EIO);
    assert_int_equal(perfopt__file_replace(in_folder("none/x"), "", 0, &err), PERFOPT_EIO);
    assert_int_equal(perfopt__file_replace("/dev/full/x", "", 0, &err), PERFOPT_EIO);
    assert_int_equal(perfopt__make_folders(in_folder("d/e/f"), &err), PERFOPT_OK);
    assert_int_equal(perfopt__make_folders(in_folder("d/e/f"), &err), PERFOPT_OK);
    assert_int_equal(perfopt__make_folders(in_folder("big/x"), &err), PERFOPT_EIO);
    assert_int_equal(access(in_folder("d/e/f"), F_OK), 0);
}

static void paths_stay_below_their_root(void **state)
{
    (void)state;
    const char *const inside[] = {"a", "a/b.css", "..a/b", "a../b", "a/...", "./a"};
    const char *const outside[] = {"", "/a", "..", "../a", "a/..", "a/../b", "a\\..\\b"};
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
        assert_true(perfopt__path_is_inside(inside[i], strlen(inside[i])));
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        assert_false(perfopt__path_is_inside(outside[i], strlen(outside[i])));
    assert_false(perfopt__path_is_inside("a\0b", 3));
}

/* What zlib itself makes of a gzip stream; the oracle for both implementations. */
static void inflates_to(const char *gz, size_t gz_length, const char *data, size_t length)
{
    z_stream z = {0};
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    unsigned char *out = malloc(length + 1);
    z.next_in = (Bytef *)(uintptr_t)gz;
    z.avail_in = (uInt)gz_length;
    z.next_out = out;
    z.avail_out = (uInt)length + 1;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, length);
    assert_memory_equal(out, data, length);
    inflateEnd(&z);
    free(out);
}

static void gzip_round_trips_and_agrees_with_zlib(void **state)
{
    (void)state;
    static char data[100000];
    const size_t lengths[] = {0, 1, 100, 5000, sizeof(data)};
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)('a' + perfopt__random_below(i < 50000 ? 2 : 26));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (int level = 1; level <= 12; level += i == 4 ? 11 : 5) {
            char *gz;
            char *back;
            size_t gz_length;
            size_t length;
            assert_int_equal(perfopt__gzip(data, lengths[i], level, &gz, &gz_length), PERFOPT_OK);
            inflates_to(gz, gz_length, data, lengths[i]);
            assert_int_equal(perfopt__gunzip(gz, gz_length, lengths[i], &back, &length),
                             PERFOPT_OK);
            assert_int_equal(length, lengths[i]);
            assert_memory_equal(back, data, length);
            perfopt__free(back);
            if (lengths[i] > 0)
                assert_int_equal(perfopt__gunzip(gz, gz_length, lengths[i] - 1, &back, &length),
                                 PERFOPT_EPROTO);
            assert_int_equal(perfopt__gunzip(gz, gz_length - 1, 1 << 20, &back, &length),
                             PERFOPT_EPROTO);
            perfopt__free(gz);
        }
    }
}

static void a_damaged_stream_is_refused(void **state)
{
    (void)state;
    char *gz;
    char *back;
    size_t gz_length;
    size_t length;
    assert_int_equal(perfopt__gzip("some text, some text", 20, 6, &gz, &gz_length), PERFOPT_OK);
    for (size_t i = 10; i < gz_length; i++) {
        gz[i] ^= 0x10;
        /* A flipped bit is seen, unless it is one of the padding bits that mean nothing. */
        if (perfopt__gunzip(gz, gz_length, 1000, &back, &length) == PERFOPT_OK) {
            assert_int_equal(length, 20);
            assert_memory_equal(back, "some text, some text", 20);
            perfopt__free(back);
        }
        gz[i] ^= 0x10;
    }
    perfopt__free(gz);
    assert_int_equal(perfopt__gunzip("", 0, 1000, &back, &length), PERFOPT_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_whole),
        cmocka_unit_test(what_cannot_be_read_or_written_is_an_error),
        cmocka_unit_test(paths_stay_below_their_root),
        cmocka_unit_test(gzip_round_trips_and_agrees_with_zlib),
        cmocka_unit_test(a_damaged_stream_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
