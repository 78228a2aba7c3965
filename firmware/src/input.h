/* The last image received, for whoever infers it once more. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stdint.h>

extern int8_t input_image[]; /* NETWORK_INPUT_SIZE bytes, channel by channel */
extern bool input_complete;  /* whether there has been one */

/* From NETWORK_INPUT_SIZE grey or colour values 0 to 255, row by row, the channels of a pixel together. */
void input_from_pixels(const uint8_t *pixels);

/* Into the accelerator; without a complete image the stored sample. */
void input_load(void);

/* Runs of the accelerator for an image: 2 in firmware that sees it as it is and as a mirror shows it (`make MIRROR=1`),
 * and adds up the logits. */
#ifndef INPUT_RUNS
#define INPUT_RUNS 1
#endif

/* Infer what `input_load` has loaded. False as `inference_run`. */
bool input_infer(bool awake);

#endif
