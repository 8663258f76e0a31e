/*
 * image_serve.c - answering requests for variants. The output folder is served as an asset folder
 * (conditional requests, ranges); a variant that is not there is made if its name says exactly what
 * the library itself would have written into a page.
 */
#include "base/log.h"
#include "base/memory.h"
#include "frontend/frontend_internal.h"

#include <ctype.h>
#include <string.h>

#define IMMUTABLE "public, max-age=31536000, immutable"

/* The parts of "<name>-<width>w-<hash>.<ext>", back to front; name is a copy. */
typedef struct variant_name {
    char *name;
    uint32_t width;
    char hash[13];
    const char *extension; /* inside the request's path */
    size_t extension_length;
} variant_name;

static bool is_hash(const char *text)
{
    for (int i = 0; i < 12; i++) {
        if (!isdigit((unsigned char)text[i]) && (text[i] < 'a' || text[i] > 'f'))
            return false;
    }
    return true;
}

/* Reads "-<digits>w-" before `end`; returns where it begins, SIZE_MAX if it is not there. */
static size_t parse_width(const char *path, size_t end, uint32_t *width)
{
    if (end < 4 || path[end - 1] != '-' || path[end - 2] != 'w')
        return SIZE_MAX;
    size_t at = end - 2;
    uint32_t value = 0;
    uint32_t unit = 1;
    while (at > 0 && isdigit((unsigned char)path[at - 1]) && unit <= 10000) {
        at--;
        value += (uint32_t)(path[at] - '0') * unit;
        unit *= 10;
    }
    if (unit == 1 || at == 0 || path[at - 1] != '-' || path[at] == '0')
        return SIZE_MAX;
    *width = value;
    return at - 1;
}

/* False if the path is no variant's name, or out of memory. Free out->name. */
static bool parse_name(const char *path, size_t length, variant_name *out)
{
    const char *dot = memrchr(path, '.', length);
    if (!dot || (size_t)(dot - path) < 12 || memchr(path, '\0', length))
        return false;
    size_t hash_at = (size_t)(dot - path) - 12;
    if (!is_hash(path + hash_at))
        return false;
    memcpy(out->hash, path + hash_at, 12);
    out->hash[12] = '\0';
    size_t name_length = parse_width(path, hash_at, &out->width);
    if (name_length == SIZE_MAX || name_length == 0)
        return false;
    out->extension = dot + 1;
    out->extension_length = length - (size_t)(dot + 1 - path);
    out->name = perfopt__memdup(path, name_length);
    return out->name != NULL;
}

static bool matches(const variant_name *wanted, const perfopt__variant *variant)
{
    const char *extension = perfopt__image_extension(variant->format);
    return variant->width == wanted->width && strcmp(variant->hash, wanted->hash) == 0 &&
           strlen(extension) == wanted->extension_length &&
           memcmp(extension, wanted->extension, wanted->extension_length) == 0;
}

static bool find_variant(const perfopt__image_source *source, const variant_name *wanted,
                         perfopt__variant *out)
{
    for (uint32_t i = 0; i < source->width_count; i++) {
        for (int webp = 0; webp <= (int)perfopt__image_source_has_webp(source); webp++) {
            *out = perfopt__variant_at(source, i, webp);
            if (matches(wanted, out))
                return true;
        }
    }
    return false;
}

/* PERFOPT_OK if the file is there now; PERFOPT_ENOTFOUND for what does not exist or is no image. */
static perfopt_status make_wanted(perfopt_frontend *frontend, const variant_name *wanted)
{
    perfopt_error error = PERFOPT_ERROR_INIT;
    perfopt__image_source source;
    perfopt__variant variant;
    perfopt_status status = perfopt__image_source_get(frontend, wanted->name, &source, &error);
    if (status == PERFOPT_OK)
        status = find_variant(&source, wanted, &variant) ? PERFOPT_OK : PERFOPT_ENOTFOUND;
    if (status == PERFOPT_OK) {
        status = perfopt__variant_make(frontend, wanted->name, &source, &variant, &error);
        if (status != PERFOPT_OK)
            perfopt__frontend_warn_once(frontend, wanted->name, &error);
    }
    if (status == PERFOPT_OK || status == PERFOPT_ENOMEM || status == PERFOPT_EIO)
        return status;
    return PERFOPT_ENOTFOUND;
}

/* A variant may hold its source's bytes, which can be of another type than its name says. */
static void correct_type(perfopt_asset_response *out)
{
    perfopt__image_header header;
    if (out->status == 200 && out->body &&
        perfopt__image_header_read((const uint8_t *)out->body, out->body_length, &header, NULL) ==
            PERFOPT_OK)
        out->content_type = perfopt__image_media_type(header.format);
}

perfopt_status perfopt_images_serve(perfopt_frontend *frontend,
                                    const perfopt_asset_request *request,
                                    perfopt_asset_response *out)
{
    if (!frontend->variants) {
        *out = (perfopt_asset_response){.status = 404};
        return PERFOPT_OK;
    }
    perfopt_status status = perfopt_assets_serve(frontend->variants, request, out);
    if (status != PERFOPT_OK)
        return status;
    if (out->status == 404) {
        variant_name wanted;
        if (!parse_name(request->path, request->path_length, &wanted))
            return PERFOPT_OK;
        status = make_wanted(frontend, &wanted);
        perfopt__free(wanted.name);
        if (status == PERFOPT_ENOTFOUND)
            return PERFOPT_OK;
        if (status != PERFOPT_OK)
            return status;
        perfopt_asset_response_finish(out);
        status = perfopt_assets_serve(frontend->variants, request, out);
        if (status != PERFOPT_OK)
            return status;
    }
    if (out->status == 200 || out->status == 206 || out->status == 304)
        out->cache_control = IMMUTABLE;
    correct_type(out);
    return PERFOPT_OK;
}
