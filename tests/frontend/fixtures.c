/*
 * fixtures.c - images for tests, written with the codec libraries directly.
 */
#include "frontend/fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

void fixture_free(fixture *f)
{
    free(f->data);
    *f = (fixture){NULL, 0};
}

void fixture_pixel(uint32_t width, uint32_t height, uint32_t x, uint32_t y, uint8_t rgb[3])
{
    static const uint8_t colours[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    int quarter = (x >= width / 2) + 2 * (y >= height / 2);
    memcpy(rgb, colours[quarter], 3);
}

/* ---- JPEG --------------------------------------------------------------------------------- */

/* "Exif\0\0", a TIFF header, one directory with two entries. */
static size_t make_exif(uint8_t *out, uint8_t orientation, bool big)
{
    static const uint8_t little_endian[] = {
        'E', 'x', 'i', 'f', 0,   0, 'I',  'I', '*', 0, 8, 0, 0, 0, 2, 0, 0x0F, 1, 2, 0, 4, 0,
        0,   0,   'a', 'b', 'c', 0, 0x12, 1,   3,   0, 1, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0};
    static const uint8_t big_endian[] = {
        'E', 'x', 'i', 'f', 0,   0, 'M', 'M',  0, '*', 0, 0, 0, 8, 0, 2, 1, 0x0F, 0, 2, 0, 0,
        0,   4,   'a', 'b', 'c', 0, 1,   0x12, 0, 3,   0, 0, 0, 1, 0, 0, 0, 0,    0, 0, 0, 0};
    memcpy(out, big ? big_endian : little_endian, sizeof(big_endian));
    out[big ? 37 : 36] = orientation;
    return sizeof(big_endian);
}

static void fill_row(const fixture_jpeg_options *o, uint32_t y, uint8_t *row, int components)
{
    for (uint32_t x = 0; x < o->width; x++) {
        uint8_t rgb[3];
        fixture_pixel(o->width, o->height, x, y, rgb);
        uint8_t *p = row + (size_t)x * (size_t)components;
        if (components == 1) {
            p[0] = (uint8_t)((rgb[0] + rgb[1] + rgb[2]) / 3);
        } else {
            memcpy(p, rgb, 3); /* Adobe's CMYK is inverted: the inks of a colour are the colour */
            if (components == 4)
                p[3] = 255;
        }
    }
}

fixture fixture_jpeg(const fixture_jpeg_options *o)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long length = 0;
    int components = o->colour == FIXTURE_GREY ? 1 : o->colour == FIXTURE_CMYK ? 4 : 3;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &data, &length);
    info.image_width = o->width;
    info.image_height = o->height;
    info.input_components = components;
    info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 95, TRUE);
    if (components == 4)
        info.write_Adobe_marker = TRUE;
    if (o->progressive)
        jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    if (o->orientation) {
        uint8_t exif[64];
        size_t n = make_exif(exif, o->orientation, o->big_endian);
        jpeg_write_marker(&info, JPEG_APP0 + 1, exif, (unsigned)n);
    }
    if (o->icc)
        jpeg_write_icc_profile(&info, o->icc, (unsigned)o->icc_length);
    uint8_t *row = malloc((size_t)o->width * 4);
    while (info.next_scanline < o->height) {
        fill_row(o, info.next_scanline, row, components);
        jpeg_write_scanlines(&info, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return (fixture){data, length};
}

/* ---- PNG ---------------------------------------------------------------------------------- */

static void on_write(png_structp png, png_bytep data, size_t size)
{
    fixture *f = png_get_io_ptr(png);
    f->data = realloc(f->data, f->length + size);
    memcpy(f->data + f->length, data, size);
    f->length += size;
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* Alpha: the left half is opaque, the right half transparent. */
static void png_row(const fixture_png_options *o, uint32_t y, uint8_t *row)
{
    memset(row, 0, (size_t)o->width * 8);
    for (uint32_t x = 0; x < o->width; x++) {
        uint8_t rgb[3];
        fixture_pixel(o->width, o->height, x, y, rgb);
        if (o->colour == PNG_COLOR_TYPE_PALETTE) {
            int index = rgb[0] && rgb[1] ? 3 : rgb[0] ? 0 : rgb[1] ? 1 : 2;
            row[x / 4] |= (uint8_t)(index << (6 - 2 * (x % 4)));
            continue;
        }
        uint8_t samples[4] = {rgb[0], rgb[1], rgb[2], x < o->width / 2 ? 255 : 0};
        int count = o->colour == PNG_COLOR_TYPE_RGB_ALPHA ? 4
                    : o->colour == PNG_COLOR_TYPE_RGB     ? 3
                                                          : 1;
        for (int c = 0; c < count; c++) {
            size_t at = ((size_t)x * (size_t)count + (size_t)c) * (size_t)(o->bits / 8);
            row[at] = samples[c];
            if (o->bits == 16)
                row[at + 1] = samples[c];
        }
    }
}

fixture fixture_png(const fixture_png_options *o)
{
    fixture f = {NULL, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    if (setjmp(png_jmpbuf(png)))
        abort();
    png_set_write_fn(png, &f, on_write, on_flush);
    png_set_IHDR(png, info, o->width, o->height, o->bits, o->colour,
                 o->interlace ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    static const png_color palette[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    if (o->colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 4);
    png_write_info(png, info);
    if (o->animated) {
        static const uint8_t frames[8] = {0, 0, 0, 2, 0, 0, 0, 0};
        png_write_chunk(png, (png_const_bytep) "acTL", frames, 8);
    }
    uint8_t **rows = malloc(o->height * sizeof(*rows));
    for (uint32_t y = 0; y < o->height; y++) {
        rows[y] = malloc((size_t)o->width * 8);
        png_row(o, y, rows[y]);
    }
    png_write_image(png, rows);
    png_write_end(png, NULL);
    for (uint32_t y = 0; y < o->height; y++)
        free(rows[y]);
    free(rows);
    png_destroy_write_struct(&png, &info);
    return f;
}

/* ---- others ------------------------------------------------------------------------------- */

fixture fixture_animated_webp(void)
{
    static const uint8_t bytes[] = {'R', 'I', 'F', 'F', 36,  0,  0, 0, 'W', 'E', 'B',
                                    'P', 'V', 'P', '8', 'X', 10, 0, 0, 0,   2,   0,
                                    0,   0,   99,  0,   0,   49, 0, 0, 'A', 'N', 'I',
                                    'M', 6,   0,   0,   0,   0,  0, 0, 0,   0,   0};
    fixture f = {malloc(sizeof(bytes)), sizeof(bytes)};
    memcpy(f.data, bytes, sizeof(bytes));
    return f;
}

static void put32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

static void put_tag(uint8_t *icc, int index, const char *name, uint32_t offset, uint32_t size)
{
    uint8_t *entry = icc + 132 + 12 * index;
    memcpy(entry, name, 4);
    put32(entry + 4, offset);
    put32(entry + 8, size);
}

static void put_xyz(uint8_t *p, double x, double y, double z)
{
    memcpy(p, "XYZ ", 4);
    put32(p + 8, (uint32_t)(x * 65536));
    put32(p + 12, (uint32_t)(y * 65536));
    put32(p + 16, (uint32_t)(z * 65536));
}

fixture fixture_icc(double red_x)
{
    fixture f = {calloc(1, 300), 300};
    put32(f.data, 300);
    memcpy(f.data + 12, "mntrRGB XYZ ", 12);
    memcpy(f.data + 36, "acsp", 4);
    put32(f.data + 68, 0xF6D6); /* the D50 illuminant, which libpng insists on */
    put32(f.data + 72, 0x10000);
    put32(f.data + 76, 0xD32D);
    put32(f.data + 128, 4);
    put_tag(f.data, 0, "rXYZ", 200, 20);
    put_tag(f.data, 1, "gXYZ", 220, 20);
    put_tag(f.data, 2, "bXYZ", 240, 20);
    put_tag(f.data, 3, "rTRC", 260, 14);
    put_xyz(f.data + 200, red_x, 0.2225, 0.0139);
    put_xyz(f.data + 220, 0.3851, 0.7169, 0.0971);
    put_xyz(f.data + 240, 0.1431, 0.0606, 0.7141);
    memcpy(f.data + 260, "curv", 4);
    put32(f.data + 268, 1);
    f.data[272] = 2; /* gamma 2.2 as u8Fixed8 */
    f.data[273] = 51;
    return f;
}
