/* One network on the accelerator: input in, run, logits out. The layout comes from the generated network.h. */
#ifndef INFERENCE_H
#define INFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

/* Power, clock, weights, bias, registers. False when the generated code reports a failure. */
bool inference_init(void);

/* NETWORK_INPUT_SIZE bytes, channel by channel → data memory. Every word the network reads as input is written, for
 * later layers may have used the same memory. */
void inference_load_image(const int8_t *image);
void inference_load_sample(void);

bool inference_load_weights(void);

/* Between inferences; nothing of the accelerator may be touched until it has been woken from the same rest. Input and
 * outputs are lost where its power goes. False when the generated code reports a failure. */
void inference_rest(rest_t rest);
bool inference_wake(rest_t rest);

/* Start and sleep (or look, `awake`) until done. False when the accelerator did not finish in time; it is then set up
 * afresh. */
bool inference_run(bool awake);
/* The same with the first layers only, numbers 0 to `last`. */
bool inference_run_to(uint32_t last);
/* Once more, with what has been loaded since `inference_keep`, which comes before that, for the image may take the place
 * of the logits: logits, cycles and microseconds are then the sums of both runs. */
void inference_keep(void);
bool inference_run_again(bool awake);
uint32_t inference_cycles(void);       /* in ticks of 20 ns (the accelerator's clock) */
uint32_t inference_microseconds(void); /* the same as cnn_time */

/* Output `index`, in channel, row, column order; not shifted. */
int32_t inference_logit(size_t index);

/* The first of the highest logits. */
uint16_t inference_class(void);

/* How the outputs of the sample differ from what was expected. */
typedef struct {
    uint32_t words; /* that differ; the rest is 0 when there are none */
    uint32_t address;
    uint32_t expected;
    uint32_t found;
} inference_mismatch_t;
inference_mismatch_t inference_check_sample(void);

#endif
