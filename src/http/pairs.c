/*
 * pairs.c - lists of names and values in an arena, and the parsers that fill them: query strings
 * and forms, cookies.
 */
#include "http/http_internal.h"

#include "base/url.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

perfopt_status perfopt__pairs_add(perfopt__pairs *pairs, perfopt_arena *arena, const char *name,
                                  const char *value)
{
    if (pairs->count == PERFOPT__MAX_PAIRS)
        return PERFOPT_ELIMIT;
    if (pairs->count == pairs->capacity) {
        uint32_t capacity = pairs->capacity ? pairs->capacity * 2 : 8;
        perfopt__pair *items = perfopt_arena_alloc(arena, capacity * sizeof(*items));
        if (!items)
            return PERFOPT_ENOMEM;
        if (pairs->count)
            memcpy(items, pairs->items, pairs->count * sizeof(*items));
        pairs->items = items;
        pairs->capacity = capacity;
    }
    pairs->items[pairs->count++] = (perfopt__pair){name, value};
    return PERFOPT_OK;
}

const char *perfopt__pairs_get(const perfopt__pairs *pairs, const char *name)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].name, name) == 0)
            return pairs->items[i].value;
    }
    return NULL;
}

const char *perfopt__pairs_get_nocase(const perfopt__pairs *pairs, const char *name)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (strcasecmp(pairs->items[i].name, name) == 0)
            return pairs->items[i].value;
    }
    return NULL;
}

/* Decodes in place; a NUL byte in the result is refused, it would cut the string. */
static bool decode(char *text)
{
    if (!strpbrk(text, "%+"))
        return true;
    size_t length = perfopt__percent_decode(text, strlen(text), true);
    if (length == SIZE_MAX || memchr(text, '\0', length))
        return false;
    text[length] = '\0';
    return true;
}

perfopt_status perfopt__pairs_parse_query(perfopt__pairs *pairs, perfopt_arena *arena, char *text)
{
    while (text) {
        char *name = strsep(&text, "&");
        if (!*name)
            continue;
        char *value = strchr(name, '=');
        if (value)
            *value++ = '\0';
        else
            value = name + strlen(name);
        if (!decode(name) || !decode(value))
            return PERFOPT_EINVAL;
        perfopt_status status = perfopt__pairs_add(pairs, arena, name, value);
        if (status != PERFOPT_OK)
            return status == PERFOPT_ELIMIT ? PERFOPT_EINVAL : status;
    }
    return PERFOPT_OK;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

/* RFC 6265 5.4; values are kept as they came, also their quotes. */
perfopt_status perfopt__pairs_parse_cookies(perfopt__pairs *pairs, perfopt_arena *arena, char *text)
{
    while (text) {
        char *name = strsep(&text, ";");
        char *value = strchr(name, '=');
        if (!value)
            continue;
        *value++ = '\0';
        name = trim(name);
        if (!*name)
            continue;
        perfopt_status status = perfopt__pairs_add(pairs, arena, name, trim(value));
        if (status != PERFOPT_OK)
            return status;
    }
    return PERFOPT_OK;
}

bool perfopt__whole_number(const char *text, int64_t *out)
{
    const char *digits = *text == '-' ? text + 1 : text;
    if (*digits < '0' || *digits > '9')
        return false;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *out = number;
    return true;
}
