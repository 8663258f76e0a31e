/*
 * url.h - parsing connection URLs: scheme://[user[:password]@]host[:port][/path][?query], and
 * scheme:///path for unix sockets.
 */
#ifndef PERFOPT_SRC_BASE_URL_H
#define PERFOPT_SRC_BASE_URL_H

#include <perfopt/base.h>

/* All strings live in one allocation; absent parts are NULL. Percent escapes are decoded. */
typedef struct perfopt__url {
    char *scheme; /* lower case */
    char *user;
    char *password;
    char *host;  /* also a list "h1:1,h2:2", as given; IPv6 without brackets */
    int port;    /* 0 = none given */
    char *path;  /* begins with '/' */
    char *query; /* without '?', not decoded */
    char *storage;
    size_t storage_size;
} perfopt__url;

/* PERFOPT_EINVAL with a message that names the fault but never repeats user, password or host. */
perfopt_status perfopt__url_parse(const char *text, perfopt__url *out, perfopt_error *err);
/* Wipes the password. A zeroed struct is allowed. */
void perfopt__url_finish(perfopt__url *url);
/* Decodes percent escapes in place and '+' to a space if `plus`; returns the new length, or
 * SIZE_MAX if an escape is malformed. */
size_t perfopt__percent_decode(char *text, size_t length, bool plus);

#endif
