/*
 * test_envelope.c - the wire format: round trips, and a miss for whatever is not exactly it.
 */
#include "base/memory.h"
#include "cache/cache_internal.h"
#include "helpers.h"

static perfopt__strbuf written(const char *data, size_t length, bool absent)
{
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    perfopt__envelope e = {.absent = absent,
                           .epoch = 0x1122334455667788,
                           .as_of = 42,
                           .created_ms = 1000,
                           .expires_ms = 61000,
                           .key = "k\0ey",
                           .key_length = 4,
                           .tags = "news,home",
                           .tags_length = 9,
                           .data = data,
                           .length = length};
    assert_int_equal(perfopt__envelope_write(&e, &out), PERFOPT_OK);
    return out;
}

static void assert_reads(const perfopt__strbuf *bytes, const char *data, size_t length, bool absent)
{
    perfopt__envelope e;
    assert_int_equal(perfopt__envelope_read(bytes->data, bytes->length, &e), PERFOPT_OK);
    assert_int_equal(e.absent, absent);
    assert_true(e.epoch == 0x1122334455667788 && e.as_of == 42);
    assert_true(e.created_ms == 1000 && e.expires_ms == 61000);
    assert_int_equal(e.key_length, 4);
    assert_memory_equal(e.key, "k\0ey", 4);
    assert_int_equal(e.tags_length, 9);
    assert_memory_equal(e.tags, "news,home", 9);
    assert_int_equal(e.length, length);
    if (absent)
        return;
    perfopt_bytes *value;
    assert_int_equal(perfopt__envelope_value(bytes->data, bytes->length, &value), PERFOPT_OK);
    assert_int_equal(perfopt_bytes_length(value), length);
    assert_memory_equal(perfopt_bytes_data(value), data, length);
    perfopt_bytes_release(value);
}

static void test_round_trip(void **state)
{
    (void)state;
    char large[5000];
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = "<li>news</li>\0"[i % 14];
    perfopt__strbuf small = written("a\0b", 3, false);
    assert_reads(&small, "a\0b", 3, false);
    perfopt__strbuf empty = written("", 0, false);
    assert_reads(&empty, "", 0, false);
    perfopt__strbuf absent = written("", 0, true);
    assert_reads(&absent, "", 0, true);
    perfopt__strbuf packed = written(large, sizeof(large), false);
    assert_reads(&packed, large, sizeof(large), false);
    assert_true(packed.length < 1000); /* compressed */
    perfopt__strbuf_finish(&small);
    perfopt__strbuf_finish(&empty);
    perfopt__strbuf_finish(&absent);
    perfopt__strbuf_finish(&packed);
}

static void test_incompressible_stays_raw(void **state)
{
    (void)state;
    char noise[4096];
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < sizeof(noise); i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        noise[i] = (char)x;
    }
    perfopt__strbuf raw = written(noise, sizeof(noise), false);
    assert_int_equal(raw.length, 48 + 4 + 9 + sizeof(noise) + 8);
    assert_reads(&raw, noise, sizeof(noise), false);
    perfopt__strbuf_finish(&raw);
}

static void assert_every_flip_is_found(perfopt__strbuf *bytes)
{
    perfopt__envelope e;
    for (size_t bit = 0; bit < bytes->length * 8; bit++) {
        bytes->data[bit / 8] ^= (char)(1 << bit % 8);
        if (perfopt__envelope_read(bytes->data, bytes->length, &e) != PERFOPT_EPROTO)
            fail_msg("bit %zu flipped and not found", bit);
        bytes->data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(perfopt__envelope_read(bytes->data, bytes->length, &e), PERFOPT_OK);
}

static void test_every_bit(void **state)
{
    (void)state;
    char large[3000];
    memset(large, 'x', sizeof(large));
    perfopt__strbuf small = written("value", 5, false);
    perfopt__strbuf packed = written(large, sizeof(large), false);
    assert_every_flip_is_found(&small);
    assert_every_flip_is_found(&packed);
    perfopt__strbuf_finish(&small);
    perfopt__strbuf_finish(&packed);
}

static void test_every_length(void **state)
{
    (void)state;
    perfopt__envelope e;
    perfopt__strbuf bytes = written("value", 5, false);
    for (size_t length = 0; length < bytes.length; length++) {
        /* A copy of exactly this size, so that a read beyond it is seen by the sanitizer. */
        char *cut = perfopt__memdup(bytes.data, length);
        assert_int_equal(perfopt__envelope_read(cut, length, &e), PERFOPT_EPROTO);
        perfopt__free(cut);
    }
    perfopt__strbuf_putc(&bytes, 'x');
    assert_int_equal(perfopt__envelope_read(bytes.data, bytes.length, &e), PERFOPT_EPROTO);
    perfopt__strbuf_finish(&bytes);
}

/* Changes bytes and repairs the checksum, as another version or a hostile writer would. */
static perfopt_status read_changed(size_t at, const void *change, size_t length)
{
    perfopt__envelope e;
    perfopt__strbuf bytes = written("value", 5, false);
    uint64_t epoch = 0x1122334455667788;
    memcpy(bytes.data + at, change, length);
    perfopt__envelope_restamp(bytes.data, bytes.length, epoch, 42);
    perfopt_status status = perfopt__envelope_read(bytes.data, bytes.length, &e);
    perfopt__strbuf_finish(&bytes);
    return status;
}

static void test_valid_checksum_is_not_enough(void **state)
{
    (void)state;
    assert_int_equal(read_changed(0, "p", 1), PERFOPT_OK); /* the helper works */
    assert_int_equal(read_changed(0, "P", 1), PERFOPT_EPROTO);
    assert_int_equal(read_changed(3, "\x02", 1), PERFOPT_EPROTO);     /* version */
    assert_int_equal(read_changed(4, "\x08", 1), PERFOPT_EPROTO);     /* unknown flag */
    assert_int_equal(read_changed(4, "\x02", 1), PERFOPT_EPROTO);     /* absent, with value */
    assert_int_equal(read_changed(6, "\xff\xff", 2), PERFOPT_EPROTO); /* tags too long */
    assert_int_equal(read_changed(40, "\xff\xff\xff\xff", 4), PERFOPT_EPROTO); /* key too long */
    assert_int_equal(read_changed(44, "\x04", 1), PERFOPT_EPROTO);             /* value's length */
    assert_int_equal(read_changed(44, "\xff\xff\xff\xff", 4), PERFOPT_EPROTO);
}

static void test_gzip_bomb_and_garbage(void **state)
{
    (void)state;
    char large[5000];
    memset(large, 'x', sizeof(large));
    perfopt__strbuf bytes = written(large, sizeof(large), false);
    perfopt_bytes *value = NULL;
    perfopt__envelope e;
    bytes.data[44] = 100; /* claims to be shorter than what it unpacks to */
    bytes.data[45] = 0;
    perfopt__envelope_restamp(bytes.data, bytes.length, 1, 1);
    assert_int_equal(perfopt__envelope_read(bytes.data, bytes.length, &e), PERFOPT_OK);
    assert_int_equal(perfopt__envelope_value(bytes.data, bytes.length, &value), PERFOPT_EPROTO);
    bytes.data[48 + 4 + 9] ^= 1; /* gzip's own magic */
    perfopt__envelope_restamp(bytes.data, bytes.length, 1, 1);
    assert_int_equal(perfopt__envelope_value(bytes.data, bytes.length, &value), PERFOPT_EPROTO);
    assert_null(value);
    perfopt__strbuf_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_incompressible_stays_raw),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_valid_checksum_is_not_enough),
        cmocka_unit_test(test_gzip_bomb_and_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
