/*
 * fuzz_critical_css.c - a document and a style sheet, divided by the first NUL byte. What comes out
 * is a style sheet that can be read again.
 */
#include <perfopt/frontend.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *html = (const char *)data;
    const char *end = memchr(html, '\0', size);
    size_t html_length = end ? (size_t)(end - html) : size;
    const char *css = end ? end + 1 : html;
    size_t css_length = end ? size - html_length - 1 : size;
    perfopt_bytes *first = NULL;
    if (perfopt_critical_css(html, html_length, css, css_length, &first, NULL) != PERFOPT_OK)
        return 0;
    perfopt_bytes *again = NULL;
    if (perfopt_critical_css(html, html_length, perfopt_bytes_data(first),
                             perfopt_bytes_length(first), &again, NULL) != PERFOPT_OK)
        abort();
    perfopt_bytes_release(first);
    perfopt_bytes_release(again);
    return 0;
}
