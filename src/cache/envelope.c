/*
 * envelope.c - the form of a value in Redis. All numbers are little-endian:
 *
 *      0  "pfC" and the format's version (1)
 *      4  u16 flags: 1 = gzip, 2 = known to be absent    6  u16 number of bytes of tags
 *      8  u64 epoch                                     16  u64 as_of
 *     24  i64 created, wall ms                          32  i64 expires, wall ms
 *     40  u32 length of the key                         44  u32 length of the value
 *     48  the key, the tags, the value (compressed if the flag says so)
 *      n  u64 XXH3 of everything before
 *
 * Whatever is not exactly this (another version, a wrong checksum, an unknown flag, lengths that do
 * not add up) is a miss. The checksum finds accidents, not attackers: who can write to Redis can
 * write valid envelopes.
 */
#include "base/bytes.h"
#include "base/compress.h"
#include "base/hash.h"
#include "base/memory.h"
#include "cache/cache_internal.h"

#include <string.h>

#define HEADER        48u
#define TRAILER       8u
#define FLAG_GZIP     1u
#define FLAG_ABSENT   2u
#define COMPRESS_FROM 1024u
/* Level 1: the writer waits for it, and a page shrinks to little more than at level 6. */
#define COMPRESS_LEVEL 1

static const char magic[4] = {'p', 'f', 'C', 1};

static void put(char *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(number >> (8 * i));
}

static uint64_t get(const char *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return number;
}

/* Formats that are compressed already are not worth trying. */
static bool may_shrink(const char *data, size_t length)
{
    static const struct {
        const char *bytes;
        size_t length;
    } packed[] = {{"\x1f\x8b", 2}, {"\x89PNG", 4},    {"\xff\xd8\xff", 3}, {"\x28\xb5\x2f\xfd", 4},
                  {"RIFF", 4},     {"PK\x03\x04", 4}, {"wOF2", 4}};
    if (length < COMPRESS_FROM)
        return false;
    for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
        if (memcmp(data, packed[i].bytes, packed[i].length) == 0)
            return false;
    }
    return true;
}

/* The compressed value if that saves an eighth; NULL otherwise. */
static char *compress(const char *data, size_t length, size_t *packed_length)
{
    char *packed;
    size_t size;
    if (!may_shrink(data, length) ||
        perfopt__gzip(data, length, COMPRESS_LEVEL, &packed, &size) != PERFOPT_OK)
        return NULL;
    if (size > length - length / 8) {
        perfopt__free(packed);
        return NULL;
    }
    *packed_length = size;
    return packed;
}

static void write_header(const perfopt__envelope *e, uint16_t flags, char header[HEADER])
{
    memcpy(header, magic, sizeof(magic));
    put(header + 4, flags, 2);
    put(header + 6, e->tags_length, 2);
    put(header + 8, e->epoch, 8);
    put(header + 16, e->as_of, 8);
    put(header + 24, (uint64_t)e->created_ms, 8);
    put(header + 32, (uint64_t)e->expires_ms, 8);
    put(header + 40, e->key_length, 4);
    put(header + 44, e->length, 4);
}

static void seal(char *bytes, size_t length)
{
    put(bytes + length - TRAILER, perfopt__hash_stable(bytes, length - TRAILER), TRAILER);
}

perfopt_status perfopt__envelope_write(const perfopt__envelope *envelope, perfopt__strbuf *out)
{
    if (envelope->length > PERFOPT__MAX_L2_VALUE || envelope->tags_length > UINT16_MAX)
        return PERFOPT_ELIMIT;
    size_t packed_length = envelope->length;
    char *packed = compress(envelope->data, envelope->length, &packed_length);
    uint16_t flags = (uint16_t)((packed ? FLAG_GZIP : 0) | (envelope->absent ? FLAG_ABSENT : 0));
    char header[HEADER];
    static const char trailer[TRAILER];
    size_t start = out->length;
    write_header(envelope, flags, header);
    perfopt__strbuf_append(out, header, HEADER);
    perfopt__strbuf_append(out, envelope->key, envelope->key_length);
    perfopt__strbuf_append(out, envelope->tags, envelope->tags_length);
    perfopt__strbuf_append(out, packed ? packed : envelope->data, packed_length);
    perfopt__strbuf_append(out, trailer, TRAILER);
    perfopt__free(packed);
    if (out->failed)
        return PERFOPT_ENOMEM;
    seal(out->data + start, out->length - start);
    return PERFOPT_OK;
}

void perfopt__envelope_restamp(char *bytes, size_t length, uint64_t epoch, uint64_t as_of)
{
    put(bytes + 8, epoch, 8);
    put(bytes + 16, as_of, 8);
    seal(bytes, length);
}

/* Length of what stands between the tags and the checksum. SIZE_MAX if the lengths do not fit. */
static size_t payload_length(const char *bytes, size_t length)
{
    uint64_t before = HEADER + get(bytes + 40, 4) + get(bytes + 6, 2);
    return before + TRAILER <= length ? length - TRAILER - (size_t)before : SIZE_MAX;
}

perfopt_status perfopt__envelope_read(const char *bytes, size_t length, perfopt__envelope *out)
{
    if (length < HEADER + TRAILER || memcmp(bytes, magic, sizeof(magic)) != 0)
        return PERFOPT_EPROTO;
    if (get(bytes + length - TRAILER, TRAILER) != perfopt__hash_stable(bytes, length - TRAILER))
        return PERFOPT_EPROTO;
    uint64_t flags = get(bytes + 4, 2);
    size_t payload = payload_length(bytes, length);
    uint64_t raw = get(bytes + 44, 4);
    if (payload == SIZE_MAX || raw > PERFOPT__MAX_L2_VALUE || flags & ~(FLAG_GZIP | FLAG_ABSENT))
        return PERFOPT_EPROTO;
    if (!(flags & FLAG_GZIP) && payload != raw)
        return PERFOPT_EPROTO;
    if (flags & FLAG_ABSENT && (raw != 0 || flags & FLAG_GZIP))
        return PERFOPT_EPROTO;
    size_t key_length = (size_t)get(bytes + 40, 4);
    size_t tags_length = (size_t)get(bytes + 6, 2);
    if (key_length > PERFOPT__MAX_KEY)
        return PERFOPT_EPROTO;
    *out = (perfopt__envelope){.absent = flags & FLAG_ABSENT,
                               .epoch = get(bytes + 8, 8),
                               .as_of = get(bytes + 16, 8),
                               .created_ms = (int64_t)get(bytes + 24, 8),
                               .expires_ms = (int64_t)get(bytes + 32, 8),
                               .key = bytes + HEADER,
                               .key_length = key_length,
                               .tags = bytes + HEADER + key_length,
                               .tags_length = tags_length,
                               .length = (size_t)raw};
    return PERFOPT_OK;
}

perfopt_status perfopt__envelope_value(const char *bytes, size_t length, perfopt_bytes **out)
{
    size_t payload = payload_length(bytes, length);
    size_t raw = (size_t)get(bytes + 44, 4);
    const char *data = bytes + length - TRAILER - payload;
    if (!(get(bytes + 4, 2) & FLAG_GZIP))
        return perfopt_bytes_create(data, payload, out);
    char *text;
    size_t text_length;
    perfopt_status status = perfopt__gunzip(data, payload, raw, &text, &text_length);
    if (status != PERFOPT_OK)
        return status;
    status = text_length == raw ? perfopt_bytes_create(text, text_length, out) : PERFOPT_EPROTO;
    perfopt__free(text);
    return status;
}
