/*
 * key.c - the cache key of a call: a readable prefix and BLAKE2b over everything the result depends
 * on. A cryptographic hash, because parameters come from outsiders: whoever finds two of them with
 * one key could be shown another call's rows. Each part goes in with its kind and length, so that
 * no part can be moved into its neighbour. Nothing is allocated, whatever the size of the
 * parameters.
 */
#include "query/query_internal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Kinds of parts besides the parameter types. */
enum { PART_NAME = 100, PART_SQL, PART_IDENTITY, PART_TAGS, PART_EVENTS, PART_NULL };

enum { DIGEST_BYTES = 16 };

typedef crypto_generichash_state fold_state;

static void fold(fold_state *state, uint64_t kind, const void *bytes, size_t length)
{
    const uint64_t header[2] = {kind, length};
    crypto_generichash_update(state, (const unsigned char *)header, sizeof(header));
    if (length)
        crypto_generichash_update(state, bytes, length);
}

static void fold_text(fold_state *state, uint64_t kind, const char *text)
{
    fold(state, text ? kind : PART_NULL, text, text ? strlen(text) : 0);
}

static void fold_param(fold_state *state, const perfopt_param *p)
{
    switch (p->type) {
    case PERFOPT_PARAM_NULL:
        fold(state, p->type, NULL, 0);
        break;
    case PERFOPT_PARAM_BOOL:
        fold(state, p->type, &p->as.boolean, sizeof(p->as.boolean));
        break;
    case PERFOPT_PARAM_INT:
        fold(state, p->type, &p->as.integer, sizeof(p->as.integer));
        break;
    case PERFOPT_PARAM_DOUBLE:
        fold(state, p->type, &p->as.real, sizeof(p->as.real));
        break;
    case PERFOPT_PARAM_TEXT:
    case PERFOPT_PARAM_BYTES:
    case PERFOPT_PARAM_UNTYPED:
        fold(state, p->as.bytes ? p->type : PERFOPT_PARAM_NULL, p->as.bytes,
             p->as.bytes ? p->length : 0);
        break;
    case PERFOPT_PARAM_INT_ARRAY:
        fold(state, p->type, p->as.integers, p->as.integers ? p->length * sizeof(int64_t) : 0);
        break;
    case PERFOPT_PARAM_TEXT_ARRAY:
        fold(state, p->type, &p->length, sizeof(p->length));
        for (size_t i = 0; p->as.texts && i < p->length; i++)
            fold_text(state, PERFOPT_PARAM_TEXT, p->as.texts[i]);
        break;
    }
}

size_t perfopt__query_key(const perfopt__query_call *call, const char *identity,
                          char out[PERFOPT__QUERY_KEY])
{
    const perfopt_query_spec *spec = call->spec;
    fold_state state;
    crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    fold_text(&state, PART_IDENTITY, identity);
    fold_text(&state, PART_NAME, spec->name);
    fold_text(&state, PART_SQL, spec->sql);
    /* Two specs that differ only in what invalidates them must not share a result. */
    fold_text(&state, PART_TAGS, spec->tags);
    fold_text(&state, PART_EVENTS, spec->invalidate_on);
    for (size_t i = 0; i < call->param_count; i++)
        fold_param(&state, &call->params[i]);
    unsigned char digest[DIGEST_BYTES];
    char hex[DIGEST_BYTES * 2 + 1];
    crypto_generichash_final(&state, digest, sizeof(digest));
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    const char *prefix = spec->key_prefix ? spec->key_prefix : spec->name;
    return (size_t)snprintf(out, PERFOPT__QUERY_KEY, "%.90s:%s", prefix, hex);
}
