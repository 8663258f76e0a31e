/*
 * fuzz_glob.c - any pattern on any text: no read beyond either, no exponential time. The first byte
 * tells where the pattern ends.
 */
#include "cache/cache_internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 4096)
        return 0;
    size_t pattern_length = data[0] < size - 1 ? data[0] : size - 1;
    size_t length = size - 1 - pattern_length;
    char *pattern = malloc(pattern_length + 1);
    char *text = malloc(length + 1);
    memcpy(pattern, data + 1, pattern_length);
    memcpy(text, data + 1 + pattern_length, length);
    char *exact = realloc(pattern, pattern_length ? pattern_length : 1);
    perfopt__glob_match(exact, pattern_length, text, length);
    if (!perfopt__glob_match("*", 1, text, length))
        abort();
    free(exact);
    free(text);
    return 0;
}
