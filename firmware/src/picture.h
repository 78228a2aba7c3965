/* From what the camera gives to what the network takes: luma, a window of it, its contrast. In integers, bit for bit what
 * fer_edge/faces/camera.py does for training and simulation. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdint.h>

#define PICTURE_SIDE 96u /* rows and columns of the camera's picture */
#define PICTURE_PIXELS (PICTURE_SIDE * PICTURE_SIDE)

/* A square of the picture. */
typedef struct {
    uint8_t row; /* of its first pixel */
    uint8_t column;
    uint8_t side;
} picture_window_t;

/* Bytes Y U Y V of `count` pixels -> their luma. */
void picture_luma(const uint8_t *yuv, uint8_t *luma, uint32_t count);

/* The means of the `side` * `side` equal squares the window divides into, rounded to the nearest, halves up. A pixel that
 * lies in several counts by its share. `side` is no more than the window's. */
void picture_scale(const uint8_t *luma, picture_window_t window, uint8_t *pixels, uint32_t side);

uint32_t picture_sum(const uint8_t *pixels, uint32_t count);

/* Stretch the contrast so that the darkest and the brightest pixels become 0 and 255: a few at either end, one in
 * PICTURE_OUTLIERS, count for nothing, and the span between is taken as PICTURE_LEAST_SPAN at least. */
#define PICTURE_OUTLIERS 256u
#define PICTURE_LEAST_SPAN 32u
void picture_normalize(uint8_t *pixels, uint32_t count);

#endif
