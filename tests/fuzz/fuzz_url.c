/*
 * fuzz_url.c - connection URLs and settings: no crash, no leak, and an error never repeats its
 * input.
 */
#include "base/clock.h"
#include "base/env.h"
#include "base/memory.h"
#include "base/url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = perfopt__memdup(data, size);
    if (!text)
        return 0;
    perfopt__url url = {0};
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (perfopt__url_parse(text, &url, &err) != PERFOPT_OK && strlen(text) > 24 &&
        strstr(err.message, text))
        abort();
    perfopt__url_finish(&url);
    int64_t number;
    uint64_t bytes;
    perfopt__parse_int("X", text, INT64_MIN, INT64_MAX, &number, &err);
    perfopt__parse_bytes("X", text, &bytes, &err);
    perfopt__parse_duration_ms("X", text, 1000, &number, &err);
    perfopt__http_date_parse(text);
    perfopt__percent_decode(text, size, true);
    perfopt__free(text);
    return 0;
}
