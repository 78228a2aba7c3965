/* Probabilities from the outputs of the last inference, in integers: the same on every processor, and no FPU. */
#ifndef SOFTMAX_H
#define SOFTMAX_H

#include <stdint.h>

/* NETWORK_OUTPUTS probabilities in thousandths, each rounded to the nearest. */
void softmax(uint16_t *thousandths);

#endif
