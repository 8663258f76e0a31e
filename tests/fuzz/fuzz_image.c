/*
 * fuzz_image.c - any bytes as an image: its header, then decoding at several widths. An image that
 * was decoded has the size that was asked for, and can be encoded.
 */
#include "frontend/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, const perfopt__image_header *header,
                  uint32_t width)
{
    perfopt__image image = {0};
    if (perfopt__image_decode(data, size, header, width, &image, NULL) != PERFOPT_OK)
        return;
    uint32_t full_width, full_height;
    perfopt__image_upright_size(header, &full_width, &full_height);
    if (image.width != (width < full_width ? width : full_width) || image.height > full_height)
        abort();
    perfopt_bytes *out = NULL;
    if (image.width <= 64 &&
        perfopt__image_encode(&image, PERFOPT__IMAGE_WEBP, 75, header->palette, &out, NULL) !=
            PERFOPT_OK &&
        image.height <= 16383)
        abort();
    perfopt_bytes_release(out);
    perfopt__image_finish(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    perfopt__image_header header;
    if (perfopt__image_header_read(data, size, &header, NULL) != PERFOPT_OK)
        return 0;
    if ((uint64_t)header.width * header.height > 1000000)
        return 0; /* as max_pixels would */
    check(data, size, &header, 16);
    check(data, size, &header, 50);
    check(data, size, &header, header.width);
    return 0;
}
