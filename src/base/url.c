/*
 * url.c - the URL parser. It works in place on one copy of the text.
 */
#include "base/url.h"

#include "base/env.h"
#include "base/error.h"
#include "base/memory.h"

#include <ctype.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

size_t perfopt__percent_decode(char *text, size_t length, bool plus)
{
    size_t out = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return SIZE_MAX;
            text[out++] = (char)(high << 4 | low);
            i += 2;
        } else {
            text[out++] = plus && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

/* Decodes a NUL-terminated part; a decoded NUL byte is refused. */
static bool decode_part(char *part)
{
    size_t length = strlen(part);
    size_t decoded = perfopt__percent_decode(part, length, false);
    if (decoded == SIZE_MAX || memchr(part, '\0', decoded))
        return false;
    part[decoded] = '\0';
    return true;
}

static bool split_scheme(perfopt__url *url, char **rest)
{
    char *colon = strstr(url->storage, "://");
    if (!colon || colon == url->storage)
        return false;
    for (char *p = url->storage; p < colon; p++) {
        if (!isalnum((unsigned char)*p) && *p != '+' && *p != '-' && *p != '.')
            return false;
        *p = (char)tolower((unsigned char)*p);
    }
    *colon = '\0';
    url->scheme = url->storage;
    *rest = colon + 3;
    return true;
}

/* Splits "user:password@" off the authority. */
static bool split_userinfo(perfopt__url *url, char **authority)
{
    char *at = strrchr(*authority, '@');
    if (!at)
        return true;
    *at = '\0';
    char *colon = strchr(*authority, ':');
    if (colon) {
        *colon = '\0';
        url->password = colon + 1;
        if (!decode_part(url->password))
            return false;
    }
    if (**authority) {
        url->user = *authority;
        if (!decode_part(url->user))
            return false;
    }
    *authority = at + 1;
    return true;
}

static perfopt_status split_host(perfopt__url *url, char *authority, perfopt_error *err)
{
    char *port = NULL;
    if (*authority == '[') {
        char *close = strchr(authority, ']');
        if (!close || (close[1] && close[1] != ':'))
            return perfopt__error_set(err, PERFOPT_EINVAL, "URL: malformed IPv6 address");
        port = close[1] ? close + 2 : NULL;
        *close = '\0';
        authority++;
    } else if (!strchr(authority, ',')) {
        port = strrchr(authority, ':');
        if (port)
            *port++ = '\0';
    }
    if (port) {
        int64_t number;
        if (perfopt__parse_int("URL port", port, 1, 65535, &number, NULL) != PERFOPT_OK)
            return perfopt__error_set(err, PERFOPT_EINVAL,
                                      "URL: the port is not a number from 1 to 65535");
        url->port = (int)number;
    }
    if (*authority)
        url->host = authority;
    return PERFOPT_OK;
}

static perfopt_status parse(perfopt__url *url, perfopt_error *err)
{
    char *rest;
    if (!split_scheme(url, &rest))
        return perfopt__error_set(err, PERFOPT_EINVAL, "URL: no scheme (expected scheme://...)");
    char *query = strchr(rest, '?');
    if (query) {
        *query = '\0';
        url->query = query + 1;
    }
    /* The path keeps its slash, so the authority is moved one byte to the left to end in a NUL. */
    char *slash = strchr(rest, '/');
    if (slash) {
        url->path = slash;
        memmove(rest - 1, rest, (size_t)(slash - rest));
        slash[-1] = '\0';
        rest--;
        if (!decode_part(url->path))
            return perfopt__error_set(err, PERFOPT_EINVAL, "URL: malformed percent escape");
    }
    if (!split_userinfo(url, &rest))
        return perfopt__error_set(err, PERFOPT_EINVAL, "URL: malformed percent escape");
    return split_host(url, rest, err);
}

perfopt_status perfopt__url_parse(const char *text, perfopt__url *out, perfopt_error *err)
{
    perfopt__url url = {0};
    url.storage = perfopt__strdup(text);
    if (!url.storage)
        return perfopt__error_nomem(err);
    url.storage_size = strlen(text) + 1;
    perfopt_status status = parse(&url, err);
    if (status != PERFOPT_OK) {
        perfopt__url_finish(&url);
        return status;
    }
    *out = url;
    return PERFOPT_OK;
}

void perfopt__url_finish(perfopt__url *url)
{
    perfopt__wipe(url->storage, url->storage_size);
    perfopt__free(url->storage);
    *url = (perfopt__url){0};
}
