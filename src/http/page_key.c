/*
 * page_key.c - under which key a page is stored, and which requests stay away from the store.
 *
 *     home:/news/2024?page=2&sort=new#accept-language=en#c:theme=dark
 *
 * The key is canonical: path and arguments are decoded and encoded again, arguments are sorted by
 * name and value. Whatever came from outside is percent-encoded, so '#', '?' and '&' are the key's
 * own. The host is no part of it: a site answers under one name, or its proxy sees to that.
 */
#include "http/http_internal.h"

#include <sodium.h>
#include <stdlib.h>

#define MAX_KEY   200 /* longer keys end in a hash */
#define KEPT_PART 120 /* of a hashed key, for people and patterns */

/* ---- bypass ------------------------------------------------------------------------------- */

bool perfopt__page_bypassed(const perfopt_handler *handler, perfopt_request *req)
{
    const perfopt_cache_wrapper *policy = &handler->policy;
    if (!handler->caches || !handler->http->options.cache || !perfopt__request_is_read(req))
        return true;
    if (perfopt_request_header(req, "Authorization"))
        return true;
    if (!policy->cookies && perfopt_request_header(req, "Cookie"))
        return true;
    return policy->unless && policy->unless(req);
}

/* ---- key ---------------------------------------------------------------------------------- */

static void put_url(perfopt__strbuf *key, const char *text)
{
    perfopt__strbuf_put_url(key, text, strlen(text));
}

static void put_path(const perfopt_request *req, perfopt__strbuf *key)
{
    const perfopt__target *target = &req->target;
    for (uint32_t i = 0; i < target->segment_count; i++) {
        const perfopt__segment *segment = &target->segments[i];
        perfopt__strbuf_putc(key, '/');
        perfopt__strbuf_put_url(key, target->path + segment->offset, segment->length);
    }
}

/* Is the name in a list separated by ',' or ' '? */
static bool listed(const char *list, const char *name)
{
    size_t own = strlen(name);
    const char *item;
    size_t length;
    while (perfopt__next_name(&list, &item, &length)) {
        if (length == own && memcmp(item, name, own) == 0)
            return true;
    }
    return false;
}

static int compare_pairs(const void *a, const void *b)
{
    const perfopt__pair *x = a;
    const perfopt__pair *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

static void put_args(const perfopt_handler *handler, const perfopt_request *req,
                     perfopt__strbuf *key)
{
    const perfopt__pairs *args = &req->target.args;
    perfopt__pair sorted[PERFOPT__MAX_PAIRS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < args->count; i++) {
        if (!handler->policy.args || listed(handler->policy.args, args->items[i].name))
            sorted[count++] = args->items[i];
    }
    qsort(sorted, count, sizeof(sorted[0]), compare_pairs);
    for (uint32_t i = 0; i < count; i++) {
        perfopt__strbuf_putc(key, i ? '&' : '?');
        put_url(key, sorted[i].name);
        perfopt__strbuf_putc(key, '=');
        put_url(key, sorted[i].value);
    }
}

/* "#name=value", or "#name" if it is absent: absent and empty are two things. */
static void put_part(perfopt__strbuf *key, const char *mark, const char *name, const char *value)
{
    perfopt__strbuf_puts(key, mark);
    put_url(key, name);
    if (!value)
        return;
    perfopt__strbuf_putc(key, '=');
    put_url(key, value);
}

static void put_vary(const perfopt_handler *handler, const perfopt_request *req,
                     perfopt__strbuf *key)
{
    const char *list = handler->policy.vary;
    const char *item;
    size_t length;
    while (perfopt__next_name(&list, &item, &length)) {
        char name[128];
        if (length >= sizeof(name))
            continue; /* refused by perfopt_wrap() */
        memcpy(name, item, length);
        name[length] = '\0';
        put_part(key, "#", name, perfopt_request_header(req, name));
    }
}

static void put_cookies(const perfopt_handler *handler, perfopt_request *req, perfopt__strbuf *key)
{
    const char *list = handler->policy.cookies;
    if (!list || !*list)
        return;
    if (strcmp(list, "*") == 0) {
        put_part(key, "#c", "", perfopt_request_header(req, "Cookie"));
        return;
    }
    const char *item;
    size_t length;
    while (perfopt__next_name(&list, &item, &length)) {
        char name[128];
        if (length >= sizeof(name))
            continue; /* refused by perfopt_wrap() */
        memcpy(name, item, length);
        name[length] = '\0';
        put_part(key, "#c:", name, perfopt_request_cookie(req, name));
    }
}

/* A cryptographic hash: whoever finds two URLs with one key could poison a page. */
static void shorten(perfopt__strbuf *key, size_t start)
{
    unsigned char digest[16];
    size_t length = key->length - start;
    crypto_generichash(digest, sizeof(digest), (const unsigned char *)key->data + start, length,
                       NULL, 0);
    key->length = start + KEPT_PART;
    perfopt__strbuf_putc(key, '~');
    for (size_t i = 0; i < sizeof(digest); i++)
        perfopt__strbuf_printf(key, "%02x", digest[i]);
}

void perfopt__page_key(const perfopt_handler *handler, perfopt_request *req, perfopt__strbuf *key)
{
    const char *prefix = handler->policy.key_prefix ? handler->policy.key_prefix : handler->name;
    perfopt__strbuf_reserve(key, MAX_KEY);
    perfopt__strbuf_puts(key, prefix);
    perfopt__strbuf_putc(key, ':');
    size_t start = key->length;
    put_path(req, key);
    put_args(handler, req, key);
    put_vary(handler, req, key);
    put_cookies(handler, req, key);
    if (!key->failed && key->length - start > MAX_KEY)
        shorten(key, start);
}

const char *perfopt_handler_key(perfopt_handler *handler, perfopt_request *req)
{
    if (perfopt__page_bypassed(handler, req))
        return NULL;
    perfopt__strbuf key = PERFOPT__STRBUF_INIT;
    perfopt__page_key(handler, req, &key);
    const char *copy = key.failed ? NULL : perfopt_arena_copy(req->arena, key.data, key.length);
    perfopt__strbuf_finish(&key);
    return copy;
}
