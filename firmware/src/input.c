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

void input_load(void)
{
    if (input_complete) {
        inference_load_image(input_image);
    } else {
        inference_load_sample();
    }
}
