/*
 * references.c - where a style sheet or script names other files: url() and @import in CSS, and the
 * source-map comment at the end of CSS and JavaScript. What has a scheme, begins with "/" or "#",
 * or leaves the root is none of our files.
 */
#include "assets/assets_internal.h"
#include "assets/css.h"

#include "base/memory.h"
#include "base/url.h"

/* ---- from URL to logical name ------------------------------------------------------------- */

/* "data:", "https:", ... (RFC 3986, 3.1) */
static bool has_scheme(const char *url, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = url[i];
        if (c == ':')
            return i > 0;
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && !(other && i > 0))
            return false;
    }
    return false;
}

/* Length of the path, without "?query" and "#fragment". */
static size_t path_length(const char *url, size_t length)
{
    size_t n = 0;
    while (n < length && url[n] != '?' && url[n] != '#')
        n++;
    return n;
}

/* Resolves "." and ".." of folder/path in place; 0 if it leaves the root. */
static size_t resolve_dots(char *path, size_t length)
{
    size_t out = 0;
    for (size_t i = 0; i < length;) {
        const char *slash = memchr(path + i, '/', length - i);
        size_t n = slash ? (size_t)(slash - (path + i)) : length - i;
        if (n == 2 && path[i] == '.' && path[i + 1] == '.') {
            if (out == 0)
                return 0;
            out--; /* the '/' */
            while (out > 0 && path[out - 1] != '/')
                out--;
        } else if (!(n == 1 && path[i] == '.')) {
            memmove(path + out, path + i, n);
            out += n;
            if (slash)
                path[out++] = '/';
        }
        i += n + 1;
    }
    return out;
}

/* The logical name that `url` means in asset `base`; NULL if it means none. *status is set only
 * when out of memory. */
static char *name_of_url(const char *base, const char *url, size_t length, perfopt_status *status)
{
    length = path_length(url, length);
    if (length == 0 || url[0] == '/' || has_scheme(url, length) || memchr(url, '\\', length))
        return NULL;
    const char *slash = strrchr(base, '/');
    size_t folder = slash ? (size_t)(slash - base) + 1 : 0;
    char *path = perfopt__malloc(folder + length + 1);
    if (!path) {
        *status = PERFOPT_ENOMEM;
        return NULL;
    }
    memcpy(path, base, folder);
    memcpy(path + folder, url, length);
    path[folder + length] = '\0';
    size_t decoded = perfopt__percent_decode(path + folder, length, false);
    size_t n = decoded == SIZE_MAX ? 0 : resolve_dots(path, folder + decoded);
    path[n] = '\0';
    if (n > 0 && perfopt__is_servable(path, n))
        return path;
    perfopt__free(path);
    return NULL;
}

/* ---- finding ------------------------------------------------------------------------------ */

typedef struct finder {
    const char *name;
    const char *text;
    perfopt__mention_list *list;
    perfopt_status status;
} finder;

static void add_mention(finder *f, size_t start, size_t end)
{
    char *name = name_of_url(f->name, f->text + start, end - start, &f->status);
    if (!name)
        return;
    perfopt__mention_list *list = f->list;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        perfopt__mention *items = perfopt__reallocarray(list->items, capacity, sizeof(*items));
        if (!items) {
            perfopt__free(name);
            f->status = PERFOPT_ENOMEM;
            return;
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = (perfopt__mention){start, end, name};
}

/* The URL in a "sourceMappingURL=..." comment's body. */
static void find_source_map(finder *f, size_t start, size_t end)
{
    static const char mark[] = "sourceMappingURL=";
    const char *body = f->text + start;
    if (end - start < 2 || (body[0] != '#' && body[0] != '@'))
        return;
    const char *found = memmem(body, end - start, mark, sizeof(mark) - 1);
    if (!found)
        return;
    size_t from = (size_t)(found - f->text) + sizeof(mark) - 1;
    size_t to = from;
    while (to < end && !perfopt__is_space(f->text[to]) && f->text[to] != '*')
        to++;
    add_mention(f, from, to);
}

static void take_url_token(finder *f, const perfopt__css_token *t)
{
    size_t start = t->start + 4;
    size_t end = t->end - 1;
    while (start < end && perfopt__is_space(f->text[start]))
        start++;
    while (end > start && perfopt__is_space(f->text[end - 1]))
        end--;
    add_mention(f, start, end);
}

static void find_in_css(finder *f, size_t length)
{
    perfopt__css_lexer lexer = {.text = f->text, .length = length};
    perfopt__css_token t;
    bool expects_url = false; /* a string here is a URL */
    while (f->status == PERFOPT_OK && perfopt__css_next(&lexer, &t) && t.kind != CSS_END) {
        const char *text = f->text + t.start;
        size_t n = t.end - t.start;
        if (t.kind == CSS_COMMENT)
            find_source_map(f, t.start + 2, t.end - 2);
        if (t.kind == CSS_SPACE || t.kind == CSS_COMMENT)
            continue;
        if (t.kind == CSS_URL)
            take_url_token(f, &t);
        else if (t.kind == CSS_STRING && expects_url)
            add_mention(f, t.start + 1, t.end - 1);
        expects_url = (t.kind == CSS_FUNCTION && (perfopt__equals_nocase(text, n, "url(") ||
                                                  perfopt__equals_nocase(text, n, "src("))) ||
                      (t.kind == CSS_AT && perfopt__equals_nocase(text, n, "@import"));
    }
}

/* The last line of a script, if it is a "//" comment. */
static void find_in_js(finder *f, size_t length)
{
    while (length > 0 && perfopt__is_space(f->text[length - 1]))
        length--;
    const char *newline = memrchr(f->text, '\n', length);
    size_t start = newline ? (size_t)(newline - f->text) + 1 : 0;
    if (length - start >= 2 && memcmp(f->text + start, "//", 2) == 0)
        find_source_map(f, start + 2, length);
}

perfopt_status perfopt__find_mentions(const char *name, const char *text, size_t length,
                                      perfopt__mention_list *out)
{
    finder f = {name, text, out, PERFOPT_OK};
    *out = (perfopt__mention_list){0};
    perfopt_asset_type type = perfopt_asset_type_of(name);
    if (type == PERFOPT_ASSET_CSS)
        find_in_css(&f, length);
    else if (type == PERFOPT_ASSET_JS)
        find_in_js(&f, length);
    if (f.status != PERFOPT_OK)
        perfopt__mention_list_finish(out);
    return f.status;
}

void perfopt__mention_list_finish(perfopt__mention_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        perfopt__free(list->items[i].name);
    perfopt__free(list->items);
    *list = (perfopt__mention_list){0};
}

/* ---- replacing ---------------------------------------------------------------------------- */

void perfopt__put_renamed(perfopt__strbuf *out, const char *url, size_t length, const char *built)
{
    size_t path = path_length(url, length);
    size_t folder = path;
    while (folder > 0 && url[folder - 1] != '/')
        folder--;
    const char *slash = strrchr(built, '/');
    const char *base = slash ? slash + 1 : built;
    perfopt__strbuf_append(out, url, folder);
    /* Encoded, because a name may hold a space, a quote or a parenthesis. */
    perfopt__strbuf_put_url(out, base, strlen(base));
    perfopt__strbuf_append(out, url + path, length - path);
}

char *perfopt__built_name(const char *name, const char *sha256)
{
    const char *extension = perfopt__extension(name);
    size_t stem = (size_t)(extension - name);
    size_t tail = strlen(extension);
    char *built = perfopt__malloc(stem + 1 + 12 + tail + 1);
    if (!built)
        return NULL;
    memcpy(built, name, stem);
    built[stem] = '-';
    memcpy(built + stem + 1, sha256, 12);
    memcpy(built + stem + 13, extension, tail + 1);
    return built;
}
