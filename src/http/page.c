/*
 * page.c - the stored form of a page. Numbers are in the machine's byte order: the pages live in
 * this process or in a Redis whose users are of one kind; a foreign one fails the check of `magic`.
 *
 *     page_header | etag\0 etag_gzip\0 (name\0 value\0)... | body\0 | gzip\0
 *
 * What comes from Redis is not trusted: every length is checked before it is used.
 */
#include "http/http_internal.h"

#include "base/compress.h"
#include "base/memory.h"

#include <strings.h>

#define PAGE_MAGIC 0x31474650u /* "PFG1" */

typedef struct page_header {
    uint32_t magic;
    uint32_t status;
    uint32_t header_count;
    uint32_t strings_length;
    uint64_t body_length;
    uint64_t gzip_length; /* 0 = no gzip form */
} page_header;

/* ---- encoding ----------------------------------------------------------------------------- */

static void put_string(perfopt__strbuf *out, const char *text)
{
    perfopt__strbuf_append(out, text, strlen(text) + 1);
}

/* The gzip form if it is worth it; *data stays NULL if not. */
static perfopt_status gzip_form(const perfopt_response *res, char **data, size_t *length)
{
    const perfopt_http_options *options = &res->req->http->options;
    size_t raw = res->bytes ? perfopt_bytes_length(res->bytes) : 0;
    if (raw < options->gzip_min_bytes ||
        !perfopt__is_text_like(perfopt_response_get_header(res, "Content-Type")))
        return PERFOPT_OK;
    char *packed;
    size_t packed_length;
    perfopt_status status = perfopt__gzip(perfopt_bytes_data(res->bytes), raw,
                                          (int)options->gzip_level, &packed, &packed_length);
    if (status != PERFOPT_OK)
        return status == PERFOPT_ENOMEM ? status : PERFOPT_OK;
    if (packed_length < raw) {
        *data = packed;
        *length = packed_length;
    } else {
        perfopt__free(packed);
    }
    return PERFOPT_OK;
}

/* The two entity tags: the handler's own (weak for gzip), or made from the body of a 200. */
static void put_etags(const perfopt_response *res, bool gzip, perfopt__strbuf *out)
{
    const char *own = perfopt_response_get_header(res, "ETag");
    char made[32] = "";
    char made_gzip[32] = "";
    if (own) {
        put_string(out, own);
        if (gzip && strncmp(own, "W/", 2) != 0)
            perfopt__strbuf_puts(out, "W/");
        put_string(out, gzip ? own : "");
        return;
    }
    if (res->status == 200 && res->bytes) {
        const char *data = perfopt_bytes_data(res->bytes);
        size_t length = perfopt_bytes_length(res->bytes);
        perfopt__make_etag(data, length, false, made);
        if (gzip)
            perfopt__make_etag(data, length, true, made_gzip);
    }
    put_string(out, made);
    put_string(out, made_gzip);
}

static uint32_t put_headers(const perfopt_response *res, perfopt__strbuf *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < res->headers.count; i++) {
        if (strcasecmp(res->headers.items[i].name, "ETag") == 0)
            continue;
        put_string(out, res->headers.items[i].name);
        put_string(out, res->headers.items[i].value);
        count++;
    }
    return count;
}

static perfopt_status assemble(const perfopt_response *res, const char *gzip, size_t gzip_length,
                               perfopt_bytes **out)
{
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    size_t body_length = res->bytes ? perfopt_bytes_length(res->bytes) : 0;
    page_header header = {.magic = PAGE_MAGIC, .status = (uint32_t)res->status};
    perfopt__strbuf_append(&sb, &header, sizeof(header));
    put_etags(res, gzip != NULL, &sb);
    header.header_count = put_headers(res, &sb);
    header.strings_length = (uint32_t)(sb.length - sizeof(header));
    header.body_length = body_length;
    header.gzip_length = gzip_length;
    perfopt__strbuf_append(&sb, res->bytes ? perfopt_bytes_data(res->bytes) : "", body_length + 1);
    perfopt__strbuf_append(&sb, gzip ? gzip : "", gzip_length);
    perfopt__strbuf_putc(&sb, '\0');
    perfopt_status status = PERFOPT_ENOMEM;
    if (!sb.failed) {
        memcpy(sb.data, &header, sizeof(header));
        status = perfopt_bytes_create(sb.data, sb.length, out);
    }
    perfopt__strbuf_finish(&sb);
    return status;
}

perfopt_status perfopt__page_encode(const perfopt_response *res, perfopt_bytes **out)
{
    char *gzip = NULL;
    size_t gzip_length = 0;
    perfopt_status status = gzip_form(res, &gzip, &gzip_length);
    if (status == PERFOPT_OK)
        status = assemble(res, gzip, gzip_length, out);
    perfopt__free(gzip);
    return status;
}

/* ---- decoding ----------------------------------------------------------------------------- */

static void page_free(perfopt__attachment *attachment)
{
    perfopt__page *page = (perfopt__page *)attachment;
    for (size_t i = 0; i < PERFOPT__VARIANTS; i++) {
        perfopt__ready *ready = atomic_load_explicit(&page->ready[i], memory_order_relaxed);
        if (ready)
            ready->free_fn(ready->object);
        perfopt__free(ready);
    }
    perfopt__free(page);
}

/* Do the parts add up to exactly the bytes that are there? */
static bool lengths_agree(const page_header *header, size_t length)
{
    if (header->magic != PAGE_MAGIC || header->status < 200 || header->status > 599 ||
        header->header_count > PERFOPT__MAX_HEADERS)
        return false;
    size_t rest = length - sizeof(*header);
    if (header->strings_length > rest)
        return false;
    rest -= header->strings_length;
    if (rest < 2 || header->body_length > rest - 2)
        return false;
    return header->gzip_length == rest - 2 - header->body_length;
}

/* Next NUL-terminated string; NULL if there is none before `end`. */
static const char *take_string(const char **cursor, const char *end)
{
    const char *text = *cursor;
    const char *nul = memchr(text, '\0', (size_t)(end - text));
    if (!nul)
        return NULL;
    *cursor = nul + 1;
    return text;
}

static bool read_strings(perfopt__page *page, const char *cursor, const char *end)
{
    page->etag = take_string(&cursor, end);
    page->etag_gzip = page->etag ? take_string(&cursor, end) : NULL;
    if (!page->etag_gzip || strpbrk(page->etag, "\r\n") || strpbrk(page->etag_gzip, "\r\n"))
        return false;
    for (uint32_t i = 0; i < page->header_count; i++) {
        const char *name = take_string(&cursor, end);
        const char *value = name ? take_string(&cursor, end) : NULL;
        if (!value || !perfopt__header_is_valid(name, value))
            return false;
        page->headers[i] = (perfopt__pair){name, value};
    }
    return cursor == end;
}

static perfopt__page *decode(const char *data, size_t length)
{
    page_header header;
    if (length < sizeof(header))
        return NULL;
    memcpy(&header, data, sizeof(header));
    if (!lengths_agree(&header, length))
        return NULL;
    perfopt__page *page =
        perfopt__calloc(1, sizeof(*page) + header.header_count * sizeof(page->headers[0]));
    if (!page)
        return NULL;
    const char *strings = data + sizeof(header);
    page->attachment.free_fn = page_free;
    page->status = (int)header.status;
    page->header_count = header.header_count;
    page->body = strings + header.strings_length;
    page->body_length = (size_t)header.body_length;
    page->gzip = header.gzip_length ? page->body + page->body_length + 1 : NULL;
    page->gzip_length = (size_t)header.gzip_length;
    if (!read_strings(page, strings, page->body)) {
        perfopt__free(page);
        return NULL;
    }
    return page;
}

perfopt__page *perfopt__page_of(perfopt_bytes *bytes)
{
    perfopt__attachment *attached = perfopt__bytes_attachment(bytes);
    if (!attached) {
        perfopt__page *page = decode(perfopt_bytes_data(bytes), perfopt_bytes_length(bytes));
        attached = page ? perfopt__bytes_attach(bytes, &page->attachment) : NULL;
    }
    /* Another module's attachment means another module's value, under a key that looks like ours.
     */
    return attached && attached->free_fn == page_free ? (perfopt__page *)attached : NULL;
}

/* ---- answering ---------------------------------------------------------------------------- */

static const char *page_header_value(const perfopt__page *page, const char *name)
{
    for (uint32_t i = 0; i < page->header_count; i++) {
        if (strcasecmp(page->headers[i].name, name) == 0)
            return page->headers[i].value;
    }
    return NULL;
}

static perfopt__variant choose(const perfopt_request *req, const perfopt__page *page)
{
    bool gzip = page->gzip && perfopt__accepts_gzip(perfopt_request_header(req, "Accept-Encoding"));
    const char *etag = gzip ? page->etag_gzip : page->etag;
    if (page->status == 200 &&
        perfopt__is_unchanged(req, *etag ? etag : NULL, page_header_value(page, "Last-Modified")))
        return gzip ? PERFOPT__UNCHANGED_GZIP : PERFOPT__UNCHANGED;
    return gzip ? PERFOPT__GZIP : PERFOPT__IDENTITY;
}

bool perfopt__page_apply(perfopt_request *req, perfopt_response *res, perfopt_bytes *bytes)
{
    perfopt__page *page = perfopt__page_of(bytes);
    if (!page)
        return false;
    perfopt__response_clear(res);
    res->touched = true;
    res->page_bytes = perfopt_bytes_retain(bytes);
    res->page = page;
    res->variant = choose(req, page);
    return true;
}

bool perfopt__page_copy(perfopt_response *res, perfopt_bytes *bytes)
{
    const perfopt__page *page = perfopt__page_of(bytes);
    if (!page)
        return false;
    perfopt__response_clear(res);
    perfopt_response_set_status(res, page->status);
    for (uint32_t i = 0; i < page->header_count; i++) {
        if (perfopt_response_set_header(res, page->headers[i].name, page->headers[i].value) !=
            PERFOPT_OK)
            return false;
    }
    return perfopt_response_set_body(res, page->body, page->body_length) == PERFOPT_OK;
}
