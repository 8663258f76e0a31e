/*
 * images.c - what the variants of real photographs cost: CPU milliseconds to decode and resize, and
 * CPU milliseconds and bytes of each encoding. The best of several runs, one thread.
 *
 *     bench_frontend_images FILE...
 */
#include "base/file.h"
#include "base/memory.h"
#include "frontend/image.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define RUNS 5

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double encode_ms(const perfopt__image *image, perfopt__image_format format, size_t *bytes)
{
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        perfopt_bytes *out = NULL;
        double start = cpu_ms();
        if (perfopt__image_encode(image, format, 75, false, &out, NULL) != PERFOPT_OK)
            return -1;
        double took = cpu_ms() - start;
        best = took < best ? took : best;
        *bytes = perfopt_bytes_length(out);
        perfopt_bytes_release(out);
    }
    return best;
}

static double decode_ms(const char *data, size_t length, const perfopt__image_header *header,
                        uint32_t width, perfopt__image *image)
{
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        perfopt__image_finish(image);
        double start = cpu_ms();
        if (perfopt__image_decode((const uint8_t *)data, length, header, width, image, NULL) !=
            PERFOPT_OK)
            return -1;
        double took = cpu_ms() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void measure(const char *path)
{
    static const uint32_t widths[] = {16, 480, 960, 1600};
    char *data;
    size_t length;
    perfopt__image_header header;
    if (perfopt__file_read(path, (size_t)1 << 28, &data, &length, NULL) != PERFOPT_OK)
        return;
    if (perfopt__image_header_read((const uint8_t *)data, length, &header, NULL) == PERFOPT_OK) {
        const char *slash = strrchr(path, '/');
        for (size_t i = 0; i < 4; i++) {
            perfopt__image image = {0};
            size_t jpeg_bytes = 0;
            size_t webp_bytes = 0;
            double decode = decode_ms(data, length, &header, widths[i], &image);
            double jpeg = encode_ms(&image, PERFOPT__IMAGE_JPEG, &jpeg_bytes);
            double webp = encode_ms(&image, PERFOPT__IMAGE_WEBP, &webp_bytes);
            printf("%s\t%zu\t%ux%u\t%.1f\t%zu\t%.1f\t%zu\t%.1f\n", slash ? slash + 1 : path, length,
                   image.width, image.height, decode, jpeg_bytes, jpeg, webp_bytes, webp);
            perfopt__image_finish(&image);
        }
    }
    perfopt__free(data);
}

int main(int argc, char **argv)
{
    printf("file\tbytes\tsize\tdecode_ms\tjpeg_bytes\tjpeg_ms\twebp_bytes\twebp_ms\n");
    for (int i = 1; i < argc; i++)
        measure(argv[i]);
    return 0;
}
