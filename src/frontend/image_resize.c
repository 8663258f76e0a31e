/*
 * image_resize.c - making an image smaller by area: each pixel of the result is the mean of the
 * source area that it covers, with fractions at the edges. Rows come one at a time, so that a
 * decoder's whole image never has to be in memory. Colours of pixels with alpha are weighted by
 * their alpha, so that what is hidden behind transparent pixels does not bleed out.
 *
 *     row (8 bit) -> input (float, premultiplied) -> across (out_width) -> sums (two out rows)
 */
#include "base/memory.h"
#include "frontend/image.h"

#include <string.h>

/* The source pixels of one result pixel: first..last with weights for both ends. */
typedef struct span {
    uint32_t first, last;
    float first_weight, last_weight;
} span;

struct perfopt__resizer {
    uint32_t in_width, in_height, out_width, out_height, channels;
    uint32_t row;     /* next input row */
    uint32_t out_row; /* output row that is being summed */
    float *input;     /* in_width * channels */
    float *across;    /* out_width * channels */
    float *sums;      /* out_width * channels */
    span *spans;      /* out_width */
    uint8_t *pixels;  /* the result */
};

static void fill_spans(perfopt__resizer *r)
{
    double ratio = (double)r->in_width / r->out_width;
    for (uint32_t x = 0; x < r->out_width; x++) {
        double start = x * ratio;
        double end = (x + 1) * ratio;
        uint32_t first = (uint32_t)start;
        uint32_t last = (uint32_t)end;
        double tail = end - last;
        if (last >= r->in_width || tail < 1e-6) {
            last--;
            tail = 1;
        }
        double head = first == last ? end - start : first + 1 - start;
        r->spans[x] = (span){first, last, (float)(head / ratio), (float)(tail / ratio)};
    }
}

perfopt__resizer *perfopt__resizer_create(uint32_t in_width, uint32_t in_height, uint32_t channels,
                                          uint32_t out_width, uint32_t out_height)
{
    perfopt__resizer *r = perfopt__calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->in_width = in_width;
    r->in_height = in_height;
    r->out_width = out_width;
    r->out_height = out_height;
    r->channels = channels;
    r->pixels = perfopt__calloc((size_t)out_width * out_height, channels);
    r->input = perfopt__calloc(in_width, channels * sizeof(float));
    r->across = perfopt__calloc(out_width, channels * sizeof(float));
    r->sums = perfopt__calloc(out_width, channels * sizeof(float));
    r->spans = perfopt__calloc(out_width, sizeof(span));
    if (!r->pixels || !r->input || !r->across || !r->sums || !r->spans) {
        perfopt__resizer_destroy(r);
        return NULL;
    }
    fill_spans(r);
    return r;
}

static void load_row(perfopt__resizer *r, const uint8_t *row)
{
    size_t samples = (size_t)r->in_width * r->channels;
    float *input = r->input;
    if (r->channels != 4) {
        for (size_t i = 0; i < samples; i++)
            input[i] = row[i];
        return;
    }
    for (size_t i = 0; i < samples; i += 4) {
        float alpha = row[i + 3] * (1.0f / 255.0f);
        input[i] = row[i] * alpha;
        input[i + 1] = row[i + 1] * alpha;
        input[i + 2] = row[i + 2] * alpha;
        input[i + 3] = row[i + 3];
    }
}

/* The mean of every span; the inner pixels all have the weight 1 / ratio. */
static void shrink_row(perfopt__resizer *r)
{
    const uint32_t channels = r->channels;
    const float inner = (float)r->out_width / (float)r->in_width;
    float *out = r->across;
    for (uint32_t x = 0; x < r->out_width; x++, out += channels) {
        const span s = r->spans[x];
        const float *first = r->input + (size_t)s.first * channels;
        const float *last = r->input + (size_t)s.last * channels;
        float sum[4] = {0};
        for (const float *in = first + channels; in < last; in += channels) {
            for (uint32_t c = 0; c < channels; c++)
                sum[c] += in[c];
        }
        const float last_weight = s.last > s.first ? s.last_weight : 0;
        for (uint32_t c = 0; c < channels; c++)
            out[c] = sum[c] * inner + first[c] * s.first_weight + last[c] * last_weight;
    }
}

static void add_row(perfopt__resizer *r, float weight)
{
    size_t samples = (size_t)r->out_width * r->channels;
    for (size_t i = 0; i < samples; i++)
        r->sums[i] += r->across[i] * weight;
}

static uint8_t to_byte(float value)
{
    value += 0.5f;
    return value < 1 ? 0 : value >= 255 ? 255 : (uint8_t)value;
}

static void finish_row(perfopt__resizer *r)
{
    size_t samples = (size_t)r->out_width * r->channels;
    uint8_t *out = r->pixels + r->out_row * samples;
    if (r->channels != 4) {
        for (size_t i = 0; i < samples; i++)
            out[i] = to_byte(r->sums[i]);
    } else {
        for (size_t i = 0; i < samples; i += 4) {
            float alpha = r->sums[i + 3];
            float scale = alpha > 0 ? 255.0f / alpha : 0;
            out[i] = to_byte(r->sums[i] * scale);
            out[i + 1] = to_byte(r->sums[i + 1] * scale);
            out[i + 2] = to_byte(r->sums[i + 2] * scale);
            out[i + 3] = to_byte(alpha);
        }
    }
    memset(r->sums, 0, samples * sizeof(float));
    r->out_row++;
}

static void copy_row(perfopt__resizer *r, const uint8_t *row)
{
    size_t bytes = (size_t)r->in_width * r->channels;
    memcpy(r->pixels + r->row * bytes, row, bytes);
    r->row++;
}

void perfopt__resizer_row(perfopt__resizer *r, const uint8_t *row)
{
    if (r->row >= r->in_height)
        return;
    if (r->in_width == r->out_width && r->in_height == r->out_height) {
        copy_row(r, row);
        return;
    }
    load_row(r, row);
    shrink_row(r);
    /* Row y covers [y, y+1) of the source; an output row ends at (out_row + 1) * ratio. Because
     * nothing grows, a row touches at most two output rows. */
    double ratio = (double)r->in_height / r->out_height;
    double top = r->row;
    double end = (r->out_row + 1) * ratio;
    r->row++;
    bool last = r->row == r->in_height;
    if (r->out_row >= r->out_height)
        return;
    if (top + 1 < end - 1e-6 && !last) {
        add_row(r, (float)(1 / ratio));
        return;
    }
    double here = end - top < 1 ? end - top : 1;
    add_row(r, (float)(here / ratio));
    finish_row(r);
    if (here < 1 - 1e-6 && r->out_row < r->out_height)
        add_row(r, (float)((1 - here) / ratio));
}

void perfopt__resizer_take(perfopt__resizer *r, uint8_t **out)
{
    *out = r->pixels;
    r->pixels = NULL;
    perfopt__resizer_destroy(r);
}

void perfopt__resizer_destroy(perfopt__resizer *r)
{
    if (!r)
        return;
    perfopt__free(r->pixels);
    perfopt__free(r->input);
    perfopt__free(r->across);
    perfopt__free(r->sums);
    perfopt__free(r->spans);
    perfopt__free(r);
}
