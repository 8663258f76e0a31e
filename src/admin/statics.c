/*
 * statics.c - the dashboards' style sheet, scripts and icon, from the library itself.
 *
 * They are answered without a login: they are the same in every copy of the library and hold no
 * secret, and so browsers and proxies may keep them for ever under the hash in their name.
 */
#include "admin/admin_internal.h"

#include "base/log.h"
#include "frontend/embedded.h"

#include <stdio.h>
#include <string.h>

#define HASH_BYTES 8

/* Made by cmake/embed.cmake: templates joined with the parts they share, and static files. */
extern const perfopt__embedded_file perfopt__admin_files[];

const char *perfopt__template_source(const char *name, size_t *length)
{
    for (const perfopt__embedded_file *f = perfopt__admin_files; f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            *length = f->length;
            return f->data;
        }
    }
    return NULL;
}

static perfopt_status add_static(perfopt_admin *admin, const perfopt__embedded_file *file)
{
    perfopt__static *s = &admin->statics[admin->static_count];
    unsigned char digest[crypto_generichash_BYTES];
    char hex[2 * HASH_BYTES + 1];
    crypto_generichash(digest, sizeof(digest), (const unsigned char *)file->data, file->length,
                       NULL, 0);
    sodium_bin2hex(hex, sizeof(hex), digest, HASH_BYTES);
    const char *dot = strrchr(file->name, '.');
    char path[sizeof(s->path)];
    snprintf(path, sizeof(path), "%.*s-%s%s", (int)(dot - file->name), file->name, hex, dot);
    snprintf(s->url, sizeof(s->url), "%s/static/%s", PERFOPT__ADMIN_ROOT, path);
    memcpy(s->path, path, sizeof(path));
    s->name = file->name;
    s->media_type = file->media_type;
    perfopt_status status = perfopt_bytes_create(file->data, file->length, &s->bytes);
    if (status == PERFOPT_OK)
        admin->static_count++;
    return status;
}

perfopt_status perfopt__statics_init(perfopt_admin *admin)
{
    perfopt_status status = PERFOPT_OK;
    for (const perfopt__embedded_file *f = perfopt__admin_files; f->name && status == PERFOPT_OK;
         f++) {
        const char *dot = strrchr(f->name, '.');
        if (dot && strcmp(dot, ".html") != 0 && admin->static_count < PERFOPT__STATICS)
            status = add_static(admin, f);
    }
    return status;
}

void perfopt__statics_finish(perfopt_admin *admin)
{
    for (size_t i = 0; i < admin->static_count; i++)
        perfopt_bytes_release(admin->statics[i].bytes);
}

const char *perfopt__static_url(const perfopt_admin *admin, const char *name)
{
    for (size_t i = 0; i < admin->static_count; i++) {
        if (strcmp(admin->statics[i].name, name) == 0)
            return admin->statics[i].url;
    }
    return "";
}

perfopt_status perfopt__static_answer(perfopt_admin *admin, perfopt_request *req,
                                      perfopt_response *res, const char *path)
{
    for (size_t i = 0; i < admin->static_count; i++) {
        const perfopt__static *s = &admin->statics[i];
        if (strcmp(s->path, path) != 0)
            continue;
        if (!perfopt__is_read(req)) {
            perfopt_response_set_header(res, "Allow", "GET, HEAD");
            return perfopt__respond_error(res, 405, "method", "This address answers GET only.");
        }
        perfopt_status status = perfopt__respond_bytes(res, s->media_type, s->bytes);
        if (status == PERFOPT_OK)
            status = perfopt_response_set_header(res, "Cache-Control",
                                                 "public, max-age=31536000, immutable");
        return status;
    }
    return perfopt__respond_message(admin, res, 404, "Not found", "There is no such file.", NULL);
}
