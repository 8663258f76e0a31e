/*
 * fuzz_minify_json.c - any bytes as JSON. What comes out is taken again and does not change any
 * more.
 */
#include <perfopt/assets.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    perfopt_bytes *once = NULL;
    perfopt_bytes *twice = NULL;
    if (perfopt_minify(PERFOPT_ASSET_JSON, (const char *)data, size, &once, NULL) != PERFOPT_OK)
        return 0;
    size_t n = perfopt_bytes_length(once);
    if (perfopt_minify(PERFOPT_ASSET_JSON, perfopt_bytes_data(once), n, &twice, NULL) != PERFOPT_OK)
        abort();
    if (perfopt_bytes_length(twice) != n ||
        memcmp(perfopt_bytes_data(once), perfopt_bytes_data(twice), n) != 0)
        abort();
    perfopt_bytes_release(once);
    perfopt_bytes_release(twice);
    return 0;
}
