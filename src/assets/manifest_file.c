/*
 * manifest_file.c - manifest.json: reading it with every field checked, and writing it. It has no
 * time of its own in it, so that the same sources give the same file.
 *
 *     { "format": 1,
 *       "assets": { "css/site.css": { "file": "css/site-1a2b3c4d5e6f.css", "sha256": "...", ... }
 * }, "previous": [ { "name": "css/site.css", "file": "css/site-0123456789ab.css", ... } ] }
 */
#include "assets/assets_internal.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <jansson.h>

enum { FORMAT = 1 };
#define MAX_MANIFEST_BYTES (256u << 20)

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_hash(const json_t *object, const char *field, char out[65])
{
    const char *text = json_string_value(json_object_get(object, field));
    if (!text || strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)
        return false;
    memcpy(out, text, 65);
    return true;
}

static bool read_size(const json_t *object, const char *field, uint64_t *out)
{
    const json_t *value = json_object_get(object, field);
    if (!value) { /* absent = 0 */
        *out = 0;
        return true;
    }
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0)
        return false;
    *out = (uint64_t)number;
    return true;
}

/* A path below the output folder; PERFOPT_ENOMEM or PERFOPT_EPROTO. */
static perfopt_status read_path(const json_t *object, const char *field, char **out)
{
    const json_t *value = json_object_get(object, field);
    if (!json_is_string(value) ||
        !perfopt__is_servable(json_string_value(value), json_string_length(value)))
        return PERFOPT_EPROTO;
    *out = perfopt__strdup(json_string_value(value));
    return *out ? PERFOPT_OK : PERFOPT_ENOMEM;
}

static perfopt_status read_references(const json_t *object, perfopt__entry *e)
{
    json_t *references = json_object_get(object, "references");
    if (!references)
        return PERFOPT_OK;
    size_t count = json_object_size(references);
    if (!json_is_object(references))
        return PERFOPT_EPROTO;
    e->references = perfopt__calloc(count, sizeof(*e->references));
    if (!e->references)
        return PERFOPT_ENOMEM;
    const char *name;
    json_t *built;
    json_object_foreach(references, name, built)
    {
        perfopt__reference *r = &e->references[e->reference_count++];
        if (!json_is_string(built) && !json_is_null(built))
            return PERFOPT_EPROTO;
        r->name = perfopt__strdup(name);
        r->built = perfopt__strdup(json_string_value(built));
        if (!r->name || (json_is_string(built) && !r->built))
            return PERFOPT_ENOMEM;
    }
    return PERFOPT_OK;
}

static perfopt_status read_fields(const json_t *object, perfopt__entry *e)
{
    perfopt_status status = read_path(object, "file", &e->built);
    if (status != PERFOPT_OK)
        return status;
    const char *recipe = json_string_value(json_object_get(object, "recipe"));
    e->recipe = perfopt__strdup(recipe ? recipe : "");
    if (!e->recipe)
        return PERFOPT_ENOMEM;
    uint64_t mtime;
    bool valid = read_hash(object, "sha256", e->sha256) &&
                 read_hash(object, "source_sha256", e->source_sha256) &&
                 read_size(object, "source_bytes", &e->source_bytes) &&
                 read_size(object, "source_mtime_ns", &mtime) &&
                 read_size(object, "bytes", &e->bytes[ENCODING_IDENTITY]) &&
                 read_size(object, "gzip_bytes", &e->bytes[ENCODING_GZIP]) &&
                 read_size(object, "brotli_bytes", &e->bytes[ENCODING_BROTLI]);
    if (!valid)
        return PERFOPT_EPROTO;
    e->source_mtime_ns = (int64_t)mtime;
    e->unminified = json_is_true(json_object_get(object, "unminified"));
    return read_references(object, e);
}

static perfopt_status read_entry(perfopt__manifest *m, const char *name, const json_t *object,
                                 bool previous)
{
    if (!name || !perfopt__is_servable(name, strlen(name)) || !json_is_object(object))
        return PERFOPT_EPROTO;
    perfopt__entry *e = perfopt__entry_new(name);
    if (!e)
        return PERFOPT_ENOMEM;
    perfopt_status status = read_fields(object, e);
    if (status != PERFOPT_OK) {
        perfopt__entry_free(e);
        return status;
    }
    return perfopt__manifest_add(m, e, previous);
}

static perfopt_status read_document(const json_t *root, perfopt__manifest *m)
{
    json_t *assets = json_object_get(root, "assets");
    json_t *previous = json_object_get(root, "previous");
    if (json_integer_value(json_object_get(root, "format")) != FORMAT || !json_is_object(assets) ||
        (previous && !json_is_array(previous)))
        return PERFOPT_EPROTO;
    perfopt_status status = PERFOPT_OK;
    const char *name;
    json_t *object;
    json_object_foreach(assets, name, object)
    {
        status = read_entry(m, name, object, false);
        if (status != PERFOPT_OK)
            return status;
    }
    size_t i;
    json_array_foreach(previous, i, object)
    {
        status = read_entry(m, json_string_value(json_object_get(object, "name")), object, true);
        if (status != PERFOPT_OK)
            return status;
    }
    return status;
}

static void note_identity(perfopt__manifest *m, const struct stat *st)
{
    m->written_s = st->st_mtim.tv_sec;
    m->mtime_ns = perfopt__mtime_ns(st);
    m->inode = (uint64_t)st->st_ino;
}

static perfopt_status read_text(const char *text, size_t length, perfopt__manifest *m)
{
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        return PERFOPT_EPROTO;
    perfopt_status status = read_document(root, m);
    json_decref(root);
    return status == PERFOPT_OK ? perfopt__manifest_seal(m) : status;
}

static perfopt_status read_file(const char *path, perfopt__manifest *m, perfopt_error *err)
{
    struct stat st;
    char *text;
    size_t length;
    /* The identity first: if the file is replaced in between, it is only read once more. */
    if (stat(path, &st) != 0)
        return PERFOPT_OK;
    perfopt_status status = perfopt__file_read(path, MAX_MANIFEST_BYTES, &text, &length, err);
    if (status != PERFOPT_OK)
        return status;
    note_identity(m, &st);
    status = read_text(text, length, m);
    perfopt__free(text);
    if (status == PERFOPT_EPROTO)
        return perfopt__error_set(err, PERFOPT_EPROTO,
                                  "damaged manifest %s: delete it and precompile again", path);
    return status == PERFOPT_ENOMEM ? perfopt__error_nomem(err) : status;
}

perfopt_status perfopt__manifest_load(const char *output, perfopt__manifest **out,
                                      perfopt_error *err)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (!perfopt__join(path, output, "manifest.json", ""))
        return perfopt__error_set(err, PERFOPT_ECONFIG, "output path too long");
    perfopt__manifest *m = perfopt__manifest_new();
    if (!m)
        return perfopt__error_nomem(err);
    perfopt_status status = read_file(path, m, err);
    if (status != PERFOPT_OK)
        perfopt__manifest_release(m);
    else
        *out = m;
    return status;
}

bool perfopt__manifest_is_outdated(const perfopt__manifest *m, const char *output)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    struct stat st;
    if (!perfopt__join(path, output, "manifest.json", "") || stat(path, &st) != 0)
        return false;
    return perfopt__mtime_ns(&st) != m->mtime_ns || (uint64_t)st.st_ino != m->inode;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_string(perfopt__strbuf *sb, const char *name, const char *value)
{
    perfopt__strbuf_printf(sb, ", \"%s\": ", name);
    perfopt__strbuf_put_json(sb, value, strlen(value));
}

static void put_size(perfopt__strbuf *sb, const char *name, uint64_t value)
{
    if (value > 0)
        perfopt__strbuf_printf(sb, ", \"%s\": %llu", name, (unsigned long long)value);
}

static void put_references(perfopt__strbuf *sb, const perfopt__entry *e)
{
    if (e->reference_count == 0)
        return;
    perfopt__strbuf_puts(sb, ", \"references\": {");
    for (size_t i = 0; i < e->reference_count; i++) {
        const perfopt__reference *r = &e->references[i];
        perfopt__strbuf_puts(sb, i ? ", " : "");
        perfopt__strbuf_put_json(sb, r->name, strlen(r->name));
        perfopt__strbuf_puts(sb, ": ");
        if (r->built)
            perfopt__strbuf_put_json(sb, r->built, strlen(r->built));
        else
            perfopt__strbuf_puts(sb, "null");
    }
    perfopt__strbuf_putc(sb, '}');
}

static void put_entry(perfopt__strbuf *sb, const perfopt__entry *e)
{
    perfopt__strbuf_puts(sb, "\"file\": ");
    perfopt__strbuf_put_json(sb, e->built, strlen(e->built));
    put_string(sb, "sha256", e->sha256);
    put_size(sb, "bytes", e->bytes[ENCODING_IDENTITY]);
    put_size(sb, "gzip_bytes", e->bytes[ENCODING_GZIP]);
    put_size(sb, "brotli_bytes", e->bytes[ENCODING_BROTLI]);
    put_string(sb, "source_sha256", e->source_sha256);
    put_size(sb, "source_bytes", e->source_bytes);
    put_size(sb, "source_mtime_ns", e->source_mtime_ns > 0 ? (uint64_t)e->source_mtime_ns : 0);
    put_string(sb, "recipe", e->recipe);
    if (e->unminified)
        perfopt__strbuf_puts(sb, ", \"unminified\": true");
    put_references(sb, e);
}

static void put_document(perfopt__strbuf *sb, const perfopt__manifest *m)
{
    perfopt__strbuf_printf(sb, "{\n \"format\": %d,\n \"assets\": {", FORMAT);
    for (size_t i = 0; i < m->count; i++) {
        perfopt__strbuf_puts(sb, i ? ",\n  " : "\n  ");
        perfopt__strbuf_put_json(sb, m->entries[i]->name, strlen(m->entries[i]->name));
        perfopt__strbuf_puts(sb, ": {");
        put_entry(sb, m->entries[i]);
        perfopt__strbuf_putc(sb, '}');
    }
    perfopt__strbuf_puts(sb, "\n },\n \"previous\": [");
    for (size_t i = 0; i < m->previous_count; i++) {
        perfopt__strbuf_puts(sb, i ? ",\n  {\"name\": " : "\n  {\"name\": ");
        perfopt__strbuf_put_json(sb, m->previous[i]->name, strlen(m->previous[i]->name));
        perfopt__strbuf_puts(sb, ", ");
        put_entry(sb, m->previous[i]);
        perfopt__strbuf_putc(sb, '}');
    }
    perfopt__strbuf_puts(sb, "\n ]\n}\n");
}

perfopt_status perfopt__manifest_save(perfopt__manifest *m, const char *output, perfopt_error *err)
{
    char path[PERFOPT__ASSET_PATH_MAX];
    if (!perfopt__join(path, output, "manifest.json", ""))
        return perfopt__error_set(err, PERFOPT_EIO, "output path too long");
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    put_document(&sb, m);
    perfopt_status status = sb.failed ? perfopt__error_nomem(err)
                                      : perfopt__file_replace(path, sb.data, sb.length, err);
    perfopt__strbuf_finish(&sb);
    struct stat st;
    if (status == PERFOPT_OK && stat(path, &st) == 0)
        note_identity(m, &st);
    return status;
}
