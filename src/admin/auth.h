/*
 * auth.h - who sends a request: HTTP Basic against keyed hashes of the configured passwords, or the
 * host's own login; the bearer token of /metrics; and the tokens against cross-site requests.
 */
#ifndef PERFOPT_SRC_ADMIN_AUTH_H
#define PERFOPT_SRC_ADMIN_AUTH_H

#include <perfopt/admin.h>
#include <sodium.h>

#define PERFOPT__ADMIN_VIEWER_NAME "viewer"
#define PERFOPT__CSRF_LENGTH       (2 * (8 + 16)) /* hexadecimal: nonce and code */

/* No password is kept: only codes under a key that dies with the process. */
typedef struct perfopt__auth {
    unsigned char key[crypto_auth_KEYBYTES];
    unsigned char operator_code[crypto_auth_BYTES];
    unsigned char viewer_code[crypto_auth_BYTES];
    unsigned char token_code[crypto_auth_BYTES];
    bool has_operator, has_viewer, has_token;
    perfopt_admin_auth_fn fn; /* asked instead of the passwords */
    void *fn_user;
} perfopt__auth;

typedef struct perfopt__identity {
    perfopt_admin_role role;
    char name[64]; /* printable */
} perfopt__identity;

/* PERFOPT_OK, PERFOPT_ECONFIG (names the setting), PERFOPT_EFAILED (libsodium). */
perfopt_status perfopt__auth_init(perfopt__auth *auth, const perfopt_admin_options *options,
                                  perfopt_error *err);
void perfopt__auth_finish(perfopt__auth *auth);
/* Is there any way to sign in? */
bool perfopt__auth_is_open(const perfopt__auth *auth);
/* Checks an Authorization header against both passwords, with equal work for every user name. */
perfopt__identity perfopt__auth_basic(const perfopt__auth *auth, const char *header);
/* Checks "Bearer <token>". */
bool perfopt__auth_bearer(const perfopt__auth *auth, const char *header);

/* A token for one person and day; the nonce makes every one different, so that compressed pages do
 * not give it away piece by piece. */
void perfopt__csrf_make(const perfopt__auth *auth, const perfopt__identity *who, int64_t wall_s,
                        char out[PERFOPT__CSRF_LENGTH + 1]);
/* Today's and yesterday's tokens are good. */
bool perfopt__csrf_check(const perfopt__auth *auth, const perfopt__identity *who, int64_t wall_s,
                         const char *token);
/* Was the request sent by one of our own pages? Sec-Fetch-Site decides where the browser sends it,
 * else Origin must name the same host. Absent headers are NULL. */
bool perfopt__is_same_origin(const char *sec_fetch_site, const char *origin, const char *host);

#endif
