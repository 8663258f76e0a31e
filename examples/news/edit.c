/*
 * edit.c - the edit form: signed-in editors only, protected against forged requests, and a save
 * that drops just what shows the article.
 */
#include "news.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static unsigned char token_key[crypto_auth_KEYBYTES];

/* Same work for every pair of strings: both are hashed under a random key and the hashes compared.
 */
static bool equal_secret(const char *a, const char *b)
{
    unsigned char hash_a[crypto_auth_BYTES];
    unsigned char hash_b[crypto_auth_BYTES];
    crypto_auth(hash_a, (const unsigned char *)a, strlen(a), token_key);
    crypto_auth(hash_b, (const unsigned char *)b, strlen(b), token_key);
    return sodium_memcmp(hash_a, hash_b, sizeof(hash_a)) == 0;
}

static bool signed_in(perfopt_request *req, const news_options *options)
{
    const char *header = perfopt_request_header(req, "Authorization");
    if (!options->password || !header || strncmp(header, "Basic ", 6) != 0)
        return false;
    char pair[256];
    size_t length;
    if (sodium_base642bin((unsigned char *)pair, sizeof(pair) - 1, header + 6, strlen(header + 6),
                          NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    pair[length] = '\0';
    char expected[256];
    snprintf(expected, sizeof(expected), "%s:%s", options->editor, options->password);
    return equal_secret(pair, expected);
}

static perfopt_status ask_to_sign_in(perfopt_response *res)
{
    perfopt_status status = perfopt_response_set_header(
        res, "WWW-Authenticate", "Basic realm=\"Editors of The Package Post\", charset=\"UTF-8\"");
    return status == PERFOPT_OK ? perfopt_response_text(res, 401, "Editors sign in here.\n")
                                : status;
}

/* The form's token: only a page of this site knows it. */
static void form_token(const char *slug, char out[crypto_auth_BYTES * 2 + 1])
{
    unsigned char hash[crypto_auth_BYTES];
    crypto_auth(hash, (const unsigned char *)slug, strlen(slug), token_key);
    sodium_bin2hex(out, crypto_auth_BYTES * 2 + 1, hash, sizeof(hash));
}

static perfopt_status show_form(perfopt_request *req, perfopt_response *res, const char *slug,
                                const char *message)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_rows *story =
        perfopt_request_query(req, "SELECT id, slug, title, summary FROM articles WHERE slug = $1",
                              PERFOPT_PARAMS(perfopt_param_text(slug)), &err);
    if (!story)
        return err.status;
    if (perfopt_rows_count(story) == 0)
        return PERFOPT_ENOTFOUND;
    char token[crypto_auth_BYTES * 2 + 1];
    form_token(slug, token);
    perfopt_response_no_store(res);
    return perfopt_render(req, res, "edit.html",
                          PERFOPT_CONTEXT({"article", perfopt_rows_row(story, 0)},
                                          {"message", perfopt_string(message)},
                                          {"token", perfopt_string(token)}),
                          &err);
}

PERFOPT_HANDLER(edit_form, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500))
{
    if (!signed_in(req, user))
        return ask_to_sign_in(res);
    return show_form(req, res, perfopt_request_param(req, "slug"), NULL);
}

static perfopt_status save(perfopt_request *req, const char *slug, const char *title,
                           const char *summary, perfopt_error *err)
{
    perfopt *po = perfopt_request_owner(req);
    perfopt_rows *saved = perfopt_request_query(
        req,
        "UPDATE articles SET title = $2, summary = $3, updated_at = now() WHERE slug = $1 "
        "RETURNING id",
        PERFOPT_PARAMS(perfopt_param_text(slug), perfopt_param_text(title),
                       perfopt_param_text(summary)),
        err);
    if (!saved)
        return err->status;
    if (perfopt_rows_count(saved) == 0)
        return PERFOPT_ENOTFOUND;
    /* First the query results, then the pages made from them: a page that is rendered in between is
     * made from the new row. Both reach the other processes through Redis. */
    perfopt_status status =
        perfopt_query_cache_event(perfopt_query_cache_of(po), "article-saved", err);
    char tag[64];
    snprintf(tag, sizeof(tag), "article:%s", perfopt_rows_text(saved, 0, 0, NULL));
    perfopt_status pages = perfopt_cache_invalidate_tag(perfopt_cache_of(po), tag, err);
    return status == PERFOPT_OK || status == PERFOPT_EUNAVAILABLE ? pages : status;
}

PERFOPT_HANDLER(edit_save, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500))
{
    if (!signed_in(req, user))
        return ask_to_sign_in(res);
    const char *slug = perfopt_request_param(req, "slug");
    const char *token = perfopt_request_form(req, "token");
    char expected[crypto_auth_BYTES * 2 + 1];
    form_token(slug, expected);
    if (!token || !equal_secret(token, expected))
        return PERFOPT_EFORBIDDEN;
    const char *title = perfopt_request_form(req, "title");
    const char *summary = perfopt_request_form(req, "summary");
    if (!title || !*title || strlen(title) > 800 || !summary || strlen(summary) > 4000)
        return show_form(req, res, slug, "An article needs a title and a summary of its length.");
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status = save(req, slug, title, summary, &err);
    if (status != PERFOPT_OK && status != PERFOPT_EUNAVAILABLE)
        return status;
    const char *location =
        perfopt_arena_printf(perfopt_request_arena(req), "%s", perfopt_request_path(req));
    if (!location)
        return PERFOPT_ENOMEM;
    /* Back to the article: the path without "/edit". */
    char target[512];
    snprintf(target, sizeof(target), "%.*s", (int)(strlen(location) - strlen("/edit")), location);
    return perfopt_response_redirect(res, 303, target);
}

perfopt_status news_add_edit(perfopt_router *router, const news_options *options,
                             perfopt_error *err)
{
    randombytes_buf(token_key, sizeof(token_key));
    void *user = (void *)(uintptr_t)options;
    perfopt_status status =
        perfopt_router_add(router, "GET", "/article/{slug}/edit", &edit_form, user, err);
    if (status == PERFOPT_OK)
        status = perfopt_router_add(router, "POST", "/article/{slug}/edit", &edit_save, user, err);
    return status;
}
