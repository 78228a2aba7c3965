/* The last image received, for whoever infers it once more. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stdint.h>

extern int8_t input_image[]; /* NETWORK_INPUT_SIZE bytes, channel by channel */
extern bool input_complete;  /* whether all of it is there */

/* Into the accelerator; without a complete image the stored sample. */
void input_load(void);

#endif
