#include "input.h"

#include <stddef.h>

#include "inference.h"
#include "network.h"

#ifndef NETWORK_FOLD
#error "network.h was written by an older fer-edge than this firmware is of; run `fer-edge synth` again"
#endif

#define FOLDED_COLUMNS (NETWORK_IMAGE_COLUMNS / NETWORK_FOLD)

int8_t input_image[NETWORK_INPUT_SIZE];
bool input_complete;

void input_from_pixels(const uint8_t *pixels)
{
    for (size_t row = 0; row < NETWORK_IMAGE_ROWS; row++) {
        for (size_t column = 0; column < NETWORK_IMAGE_COLUMNS; column++) {
            const size_t part = row % NETWORK_FOLD * NETWORK_FOLD + column % NETWORK_FOLD;
            const size_t at = row / NETWORK_FOLD * FOLDED_COLUMNS + column / NETWORK_FOLD;
            for (size_t channel = 0; channel < NETWORK_IMAGE_CHANNELS; channel++) {
                const size_t folded = part * NETWORK_IMAGE_CHANNELS + channel;
                input_image[folded * NETWORK_INPUT_PIXELS + at] = (int8_t)(*pixels++ ^ 0x80); /* less 128 */
            }
        }
    }
    input_complete = true;
}

#if INPUT_RUNS == 2

/* Columns the other way round: in a row of a folded image's part, and parts that hold columns of either side. */
static void mirror(void)
{
    for (size_t plane = 0; plane < NETWORK_INPUT_SIZE / NETWORK_INPUT_PIXELS; plane++) {
        const size_t phase = plane / NETWORK_IMAGE_CHANNELS % NETWORK_FOLD;
        const size_t other = NETWORK_FOLD - 1u - phase;
        if (phase > other) {
            continue; /* exchanged already */
        }
        int8_t *left = input_image + plane * NETWORK_INPUT_PIXELS;
        int8_t *right = left + (other - phase) * NETWORK_IMAGE_CHANNELS * NETWORK_INPUT_PIXELS;
        const size_t columns = phase == other ? FOLDED_COLUMNS / 2u : FOLDED_COLUMNS;
        for (size_t at = 0; at < NETWORK_INPUT_PIXELS; at += FOLDED_COLUMNS) {
            for (size_t column = 0; column < columns; column++) {
                int8_t *const a = left + at + column;
                int8_t *const b = right + at + FOLDED_COLUMNS - 1u - column;
                const int8_t kept = *a;
                *a = *b;
                *b = kept;
            }
        }
    }
}

#endif

bool input_infer(bool awake)
{
    bool good = inference_run(awake);
#if INPUT_RUNS == 2
    if (good) {
        inference_keep();
        mirror();
        input_load(); /* without a complete image the sample again: it takes as long */
        good = inference_run_again(awake);
        mirror();
    }
#endif
    return good;
}

void input_load(void)
{
    if (input_complete) {
        inference_load_image(input_image);
    } else {
        inference_load_sample();
    }
}
