/*
 * auth.c - passwords, the metrics token and CSRF tokens, all as codes under a random key
 * (crypto_auth, HMAC-SHA512/256). Codes are compared in constant time.
 */
#include "admin/auth.h"

#include "base/error.h"
#include "base/memory.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MIN_PASSWORD   12
#define MAX_CREDENTIAL 512 /* user, colon and password, decoded */
#define NONCE_BYTES    8
#define CODE_BYTES     16
#define DAY_S          86400

/* ---- passwords ---------------------------------------------------------------------------- */

static void code_of(const perfopt__auth *auth, const char *text, size_t length,
                    unsigned char out[crypto_auth_BYTES])
{
    crypto_auth(out, (const unsigned char *)text, length, auth->key);
}

/* Code of "user:password", as HTTP Basic sends it. */
static perfopt_status code_of_login(const perfopt__auth *auth, const char *user,
                                    const char *password, const char *setting,
                                    unsigned char out[crypto_auth_BYTES], perfopt_error *err)
{
    char text[MAX_CREDENTIAL];
    size_t user_length = strlen(user);
    size_t length = strlen(password);
    if (length < MIN_PASSWORD)
        return perfopt__error_set(err, PERFOPT_ECONFIG, "%s is shorter than %d characters", setting,
                                  MIN_PASSWORD);
    if (user_length + 1 + length > sizeof(text))
        return perfopt__error_set(err, PERFOPT_ECONFIG, "%s is longer than %zu characters", setting,
                                  sizeof(text) - 1 - user_length);
    memcpy(text, user, user_length);
    text[user_length] = ':';
    memcpy(text + user_length + 1, password, length);
    code_of(auth, text, user_length + 1 + length, out);
    perfopt__wipe(text, sizeof(text));
    return PERFOPT_OK;
}

static perfopt_status read_user(const char *given, const char **user, perfopt_error *err)
{
    *user = given && *given ? given : "admin";
    if (strchr(*user, ':') || strlen(*user) > 60)
        return perfopt__error_set(err, PERFOPT_ECONFIG,
                                  "admin.user (PERFOPT_ADMIN_USER) has a colon or is longer than "
                                  "60 characters");
    return PERFOPT_OK;
}

static perfopt_status read_viewer(perfopt__auth *auth, const char *user, const char *password,
                                  perfopt_error *err)
{
    if (strcmp(user, PERFOPT__ADMIN_VIEWER_NAME) == 0)
        return perfopt__error_set(
            err, PERFOPT_ECONFIG,
            "admin.user (PERFOPT_ADMIN_USER) is \"viewer\", which is the name "
            "that goes with admin.viewer_password");
    auth->has_viewer = true;
    return code_of_login(auth, PERFOPT__ADMIN_VIEWER_NAME, password,
                         "admin.viewer_password (PERFOPT_ADMIN_VIEWER_PASSWORD)", auth->viewer_code,
                         err);
}

static perfopt_status read_token(perfopt__auth *auth, const char *token, perfopt_error *err)
{
    size_t length = strlen(token);
    if (length < MIN_PASSWORD || length > MAX_CREDENTIAL)
        return perfopt__error_set(
            err, PERFOPT_ECONFIG,
            "admin.metrics_token (PERFOPT_ADMIN_METRICS_TOKEN) must have %d to "
            "%d characters",
            MIN_PASSWORD, MAX_CREDENTIAL);
    auth->has_token = true;
    code_of(auth, token, length, auth->token_code);
    return PERFOPT_OK;
}

perfopt_status perfopt__auth_init(perfopt__auth *auth, const perfopt_admin_options *options,
                                  perfopt_error *err)
{
    *auth = (perfopt__auth){.fn = options->auth, .fn_user = options->auth_user};
    if (sodium_init() < 0)
        return perfopt__error_set(err, PERFOPT_EFAILED, "libsodium could not be initialised");
    crypto_auth_keygen(auth->key);
    const char *user;
    perfopt_status status = read_user(options->user, &user, err);
    if (status == PERFOPT_OK && options->password) {
        auth->has_operator = true;
        status = code_of_login(auth, user, options->password,
                               "admin.password (PERFOPT_ADMIN_PASSWORD)", auth->operator_code, err);
    }
    if (status == PERFOPT_OK && options->viewer_password)
        status = read_viewer(auth, user, options->viewer_password, err);
    if (status == PERFOPT_OK && options->metrics_token)
        status = read_token(auth, options->metrics_token, err);
    return status;
}

void perfopt__auth_finish(perfopt__auth *auth)
{
    perfopt__wipe(auth, sizeof(*auth));
}

bool perfopt__auth_is_open(const perfopt__auth *auth)
{
    return auth->fn || auth->has_operator || auth->has_viewer;
}

/* Skips a scheme's name in any case and the spaces behind it; NULL if it is another one. */
static const char *after_scheme(const char *header, const char *scheme)
{
    size_t length = strlen(scheme);
    if (!header || strncasecmp(header, scheme, length) != 0 || header[length] != ' ')
        return NULL;
    return header + length + strspn(header + length, " ");
}

/* The user name for the log and the page: printable ASCII, what is not becomes '?'. */
static void set_name(perfopt__identity *who, const char *text, size_t length)
{
    size_t n = 0;
    for (; n < length && n + 1 < sizeof(who->name); n++)
        who->name[n] = isprint((unsigned char)text[n]) && text[n] != '"' ? text[n] : '?';
    who->name[n] = '\0';
}

perfopt__identity perfopt__auth_basic(const perfopt__auth *auth, const char *header)
{
    perfopt__identity who = {PERFOPT_ADMIN_NONE, ""};
    char text[MAX_CREDENTIAL] = "";
    size_t length = 0;
    const char *encoded = after_scheme(header, "Basic");
    if (!encoded || sodium_base642bin((unsigned char *)text, sizeof(text), encoded, strlen(encoded),
                                      " ", &length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        length = 0;
    unsigned char code[crypto_auth_BYTES];
    code_of(auth, text, length, code);
    /* Both comparisons always run: the time does not tell which user exists. */
    bool is_operator = sodium_memcmp(code, auth->operator_code, sizeof(code)) == 0;
    bool is_viewer = sodium_memcmp(code, auth->viewer_code, sizeof(code)) == 0;
    if (is_operator && auth->has_operator)
        who.role = PERFOPT_ADMIN_OPERATOR;
    else if (is_viewer && auth->has_viewer)
        who.role = PERFOPT_ADMIN_VIEWER;
    const char *colon = memchr(text, ':', length);
    set_name(&who, text, colon ? (size_t)(colon - text) : 0);
    perfopt__wipe(text, sizeof(text));
    return who;
}

bool perfopt__auth_bearer(const perfopt__auth *auth, const char *header)
{
    const char *token = after_scheme(header, "Bearer");
    if (!token || !auth->has_token)
        return false;
    unsigned char code[crypto_auth_BYTES];
    code_of(auth, token, strlen(token), code);
    return sodium_memcmp(code, auth->token_code, sizeof(code)) == 0;
}

/* ---- cross-site requests ------------------------------------------------------------------ */

static void csrf_code(const perfopt__auth *auth, const perfopt__identity *who, int64_t day,
                      const unsigned char nonce[NONCE_BYTES], unsigned char out[CODE_BYTES])
{
    struct {
        char purpose[8];
        char name[64];
        int64_t role, day;
        unsigned char nonce[NONCE_BYTES];
    } text = {.purpose = "csrf", .role = who->role, .day = day};
    memcpy(text.name, who->name, strlen(who->name));
    memcpy(text.nonce, nonce, NONCE_BYTES);
    unsigned char code[crypto_auth_BYTES];
    code_of(auth, (const char *)&text, sizeof(text), code);
    memcpy(out, code, CODE_BYTES);
}

void perfopt__csrf_make(const perfopt__auth *auth, const perfopt__identity *who, int64_t wall_s,
                        char out[PERFOPT__CSRF_LENGTH + 1])
{
    unsigned char raw[NONCE_BYTES + CODE_BYTES];
    randombytes_buf(raw, NONCE_BYTES);
    csrf_code(auth, who, wall_s / DAY_S, raw, raw + NONCE_BYTES);
    sodium_bin2hex(out, PERFOPT__CSRF_LENGTH + 1, raw, sizeof(raw));
}

bool perfopt__csrf_check(const perfopt__auth *auth, const perfopt__identity *who, int64_t wall_s,
                         const char *token)
{
    unsigned char raw[NONCE_BYTES + CODE_BYTES];
    size_t length;
    if (!token || strlen(token) != PERFOPT__CSRF_LENGTH ||
        sodium_hex2bin(raw, sizeof(raw), token, PERFOPT__CSRF_LENGTH, NULL, &length, NULL) != 0 ||
        length != sizeof(raw))
        return false;
    bool good = false;
    for (int64_t day = wall_s / DAY_S - 1; day <= wall_s / DAY_S; day++) {
        unsigned char code[CODE_BYTES];
        csrf_code(auth, who, day, raw, code);
        good |= sodium_memcmp(code, raw + NONCE_BYTES, sizeof(code)) == 0;
    }
    return good;
}

bool perfopt__is_same_origin(const char *sec_fetch_site, const char *origin, const char *host)
{
    if (sec_fetch_site)
        return strcmp(sec_fetch_site, "same-origin") == 0;
    if (!origin || !host || !*host)
        return false;
    const char *authority = strstr(origin, "://");
    return authority && strcasecmp(authority + 3, host) == 0;
}
