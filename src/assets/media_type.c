/*
 * media_type.c - what a file name's extension says: the minifier, the media type to serve, and
 * whether compressing is worth a try.
 */
#include "assets/media_type.h"

#include <string.h>
#include <strings.h>

enum { PACKED = 1 }; /* compressed already */

static const struct {
    const char *extension;
    const char *media_type;
    uint8_t asset_type;
    uint8_t flags;
} known[] = {
    {"css", "text/css; charset=utf-8", PERFOPT_ASSET_CSS, 0},
    {"js", "text/javascript; charset=utf-8", PERFOPT_ASSET_JS, 0},
    {"mjs", "text/javascript; charset=utf-8", PERFOPT_ASSET_JS, 0},
    {"html", "text/html; charset=utf-8", PERFOPT_ASSET_HTML, 0},
    {"htm", "text/html; charset=utf-8", PERFOPT_ASSET_HTML, 0},
    {"svg", "image/svg+xml", PERFOPT_ASSET_SVG, 0},
    {"json", "application/json", PERFOPT_ASSET_JSON, 0},
    {"map", "application/json", PERFOPT_ASSET_JSON, 0},
    {"png", "image/png", 0, PACKED},
    {"jpg", "image/jpeg", 0, PACKED},
    {"jpeg", "image/jpeg", 0, PACKED},
    {"gif", "image/gif", 0, PACKED},
    {"webp", "image/webp", 0, PACKED},
    {"avif", "image/avif", 0, PACKED},
    {"ico", "image/vnd.microsoft.icon", 0, 0},
    {"bmp", "image/bmp", 0, 0},
    {"woff", "font/woff", 0, PACKED},
    {"woff2", "font/woff2", 0, PACKED},
    {"ttf", "font/ttf", 0, 0},
    {"otf", "font/otf", 0, 0},
    {"eot", "application/vnd.ms-fontobject", 0, 0},
    {"txt", "text/plain; charset=utf-8", 0, 0},
    {"md", "text/markdown; charset=utf-8", 0, 0},
    {"csv", "text/csv; charset=utf-8", 0, 0},
    {"xml", "application/xml", 0, 0},
    {"xhtml", "application/xhtml+xml", 0, 0},
    {"webmanifest", "application/manifest+json", 0, 0},
    {"wasm", "application/wasm", 0, 0},
    {"pdf", "application/pdf", 0, PACKED},
    {"zip", "application/zip", 0, PACKED},
    {"gz", "application/gzip", 0, PACKED},
    {"br", "application/octet-stream", 0, PACKED},
    {"zst", "application/zstd", 0, PACKED},
    {"bz2", "application/x-bzip2", 0, PACKED},
    {"xz", "application/x-xz", 0, PACKED},
    {"7z", "application/x-7z-compressed", 0, PACKED},
    {"mp3", "audio/mpeg", 0, PACKED},
    {"ogg", "audio/ogg", 0, PACKED},
    {"m4a", "audio/mp4", 0, PACKED},
    {"wav", "audio/wav", 0, PACKED},
    {"mp4", "video/mp4", 0, PACKED},
    {"webm", "video/webm", 0, PACKED},
    {"mov", "video/quicktime", 0, PACKED},
    {"vtt", "text/vtt; charset=utf-8", 0, 0},
};

enum { KNOWN = sizeof(known) / sizeof(known[0]) };

const char *perfopt__extension(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return dot && dot != base ? dot : path + strlen(path);
}

/* Index in the table, KNOWN if it is not there. */
static size_t find(const char *path)
{
    const char *dot = perfopt__extension(path);
    size_t i = *dot ? 0 : KNOWN;
    while (i < KNOWN && strcasecmp(known[i].extension, dot + 1) != 0)
        i++;
    return i;
}

perfopt_asset_type perfopt_asset_type_of(const char *path)
{
    size_t i = path ? find(path) : KNOWN;
    return i < KNOWN ? (perfopt_asset_type)known[i].asset_type : PERFOPT_ASSET_OTHER;
}

const char *perfopt__media_type(const char *path)
{
    size_t i = find(path);
    return i < KNOWN ? known[i].media_type : "application/octet-stream";
}

bool perfopt__is_compressible(const char *path)
{
    size_t i = find(path);
    return i == KNOWN || !(known[i].flags & PACKED);
}
