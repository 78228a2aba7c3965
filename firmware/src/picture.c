#include "picture.h"

#define VALUES 256u

void picture_luma(const uint8_t *yuv, uint8_t *luma, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        luma[i] = yuv[2u * i];
    }
}

/* Where one of `side` equal parts of `length` pixels begins and ends, in pixels / `side`. */
typedef struct {
    uint32_t begin;
    uint32_t end;
    uint32_t side;
} part_t;

static part_t part(uint32_t number, uint32_t length, uint32_t side)
{
    return (part_t){number * length, (number + 1u) * length, side};
}

static uint32_t first(part_t part)
{
    return part.begin / part.side;
}

static uint32_t last(part_t part)
{
    return (part.end - 1u) / part.side;
}

/* How much of a pixel lies in the part: `side` is all of it. */
static uint32_t share(part_t part, uint32_t pixel)
{
    const uint32_t begin = pixel * part.side;
    const uint32_t end = begin + part.side;
    return (end < part.end ? end : part.end) - (begin > part.begin ? begin : part.begin);
}

/* Of every column of the window, the sum of the pixels of some rows, by their shares. */
static void sum_rows(const uint8_t *luma, picture_window_t window, part_t rows, uint16_t *sums)
{
    for (uint32_t column = 0; column < window.side; column++) {
        sums[column] = 0;
    }
    for (uint32_t row = first(rows); row <= last(rows); row++) {
        const uint8_t *pixel = luma + (window.row + row) * PICTURE_SIDE + window.column;
        const uint32_t weight = share(rows, row);
        for (uint32_t column = 0; column < window.side; column++) {
            sums[column] = (uint16_t)(sums[column] + weight * pixel[column]); /* up to 255 * the window's side */
        }
    }
}

void picture_scale(const uint8_t *luma, picture_window_t window, uint8_t *pixels, uint32_t side)
{
    uint16_t sums[PICTURE_SIDE];
    const uint32_t area = (uint32_t)window.side * window.side; /* of a square, in pixels / side / side */
    for (uint32_t row = 0; row < side; row++) {
        sum_rows(luma, window, part(row, window.side, side), sums);
        for (uint32_t column = 0; column < side; column++) {
            const part_t columns = part(column, window.side, side);
            uint32_t sum = 0;
            for (uint32_t at = first(columns); at <= last(columns); at++) {
                sum += share(columns, at) * sums[at];
            }
            *pixels++ = (uint8_t)((sum + area / 2u) / area);
        }
    }
}

uint32_t picture_sum(const uint8_t *pixels, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += pixels[i];
    }
    return sum;
}

void picture_normalize(uint8_t *pixels, uint32_t count)
{
    uint16_t histogram[VALUES] = {0};
    const uint32_t outliers = count / PICTURE_OUTLIERS;
    for (uint32_t i = 0; i < count; i++) {
        histogram[pixels[i]]++;
    }
    uint32_t dark = 0, bright = VALUES - 1u;
    for (uint32_t below = histogram[dark]; below <= outliers; below += histogram[dark]) {
        dark++;
    }
    for (uint32_t above = histogram[bright]; above <= outliers; above += histogram[bright]) {
        bright--;
    }
    uint32_t span = bright - dark;
    if (span < PICTURE_LEAST_SPAN) {
        span = PICTURE_LEAST_SPAN;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t above = pixels[i] > dark ? pixels[i] - dark : 0;
        const uint32_t value = (above * (VALUES - 1u) + span / 2u) / span;
        pixels[i] = (uint8_t)(value < VALUES ? value : VALUES - 1u);
    }
}
