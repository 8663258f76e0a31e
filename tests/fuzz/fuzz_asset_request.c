/*
 * fuzz_asset_request.c - any bytes as the header fields of a request for an asset, and as a style
 * sheet whose references are looked for.
 */
#include "assets/assets_internal.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mentions(const char *text, size_t size)
{
    static const char *const names[] = {"css/a.css", "js/a.js"};
    for (size_t i = 0; i < 2; i++) {
        perfopt__mention_list list;
        if (perfopt__find_mentions(names[i], text, size, &list) != PERFOPT_OK)
            abort();
        size_t before = 0;
        for (size_t j = 0; j < list.count; j++) {
            const perfopt__mention *m = &list.items[j];
            if (m->start < before || m->end < m->start || m->end > size ||
                !perfopt__is_servable(m->name, strlen(m->name)))
                abort();
            before = m->end;
        }
        perfopt__mention_list_finish(&list);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = perfopt__memdup(data, size);
    const uint64_t sizes[ENCODING_COUNT] = {100, 50, 40};
    uint64_t first = 0;
    uint64_t last = 0;
    perfopt__negotiate(text, sizes);
    perfopt__etag_matches(text, "\"0123\"");
    perfopt__if_range_holds(text, "\"0123\"", 0);
    if (perfopt__parse_range(text, 100, &first, &last) == RANGE_ONE && (first > last || last > 99))
        abort();
    check_mentions(text, size);
    perfopt__free(text);
    return 0;
}
