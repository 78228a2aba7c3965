#include "inference.h"

#include <string.h>

#include "mxc.h"
/* These follow mxc.h: generated headers use its types. */
#include "cnn.h"
#include "network.h"
#include "sampledata.h"
#include "sampleoutput.h"

#define TIMEOUT_TICKS TIMER_HZ /* one second, hundreds of times what a network takes */

/* Set by CNN_ISR. Our generator defines it in cnn.c; with the vendor's generator the application has to. */
volatile uint32_t cnn_time __attribute__((weak));

/* Of a run that another follows; else 0. */
static struct {
    int32_t logits[NETWORK_OUTPUTS];
    uint32_t cycles;
    uint32_t microseconds;
} before;

static volatile uint32_t *memory(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)address;
}

static bool set_up(bool has_weights)
{
    return cnn_enable(MXC_S_GCR_PCLKDIV_CNNCLKSEL_PCLK, MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1) == CNN_OK
           && cnn_init() == CNN_OK && (has_weights || cnn_load_weights() == CNN_OK) && cnn_load_bias() == CNN_OK
           && cnn_configure() == CNN_OK;
}

bool inference_init(void)
{
    return set_up(false);
}

void inference_rest(rest_t rest)
{
    switch (rest) {
    case REST_ON:
        break;
    case REST_GATED:
        clock_disable(MXC_F_GCR_PCLKDIS0_CNN);
        break;
    case REST_RETAINED:
        accelerator_retain();
        break;
    case REST_OFF:
        cnn_disable();
        break;
    }
}

bool inference_wake(rest_t rest)
{
    switch (rest) {
    case REST_ON:
        return true;
    case REST_GATED:
        clock_enable(MXC_F_GCR_PCLKDIS0_CNN);
        return true;
    default:
        return set_up(rest == REST_RETAINED);
    }
}

bool inference_load_weights(void)
{
    return cnn_load_weights() == CNN_OK;
}

#if NETWORK_INPUT_CHW

/* One channel per group: four consecutive pixels a word. */
static void load_group(const network_input_t *group, const int8_t *image)
{
    volatile uint32_t *word = memory(group->address);
    const int8_t *channel = image + group->channel[0] * NETWORK_INPUT_PIXELS;
    for (uint32_t i = 0; i < group->words; i++) {
        uint32_t value = 0;
        for (uint32_t lane = 0; lane < 4u && 4u * i + lane < NETWORK_INPUT_PIXELS; lane++) {
            value |= (uint32_t)(uint8_t)channel[4u * i + lane] << 8u * lane;
        }
        word[i * group->stride] = value;
    }
}

#else

/* Up to four channels per group: one pixel of each a word. The processor's share of an inference is mostly this loop. */
static void load_group(const network_input_t *group, const int8_t *image)
{
    volatile uint32_t *word = memory(group->address);
    const int8_t *lanes[4];
    for (size_t lane = 0; lane < 4; lane++) {
        const int16_t channel = group->channel[lane];
        lanes[lane] = channel < 0 ? NULL : image + channel * NETWORK_INPUT_PIXELS;
    }
    for (uint32_t i = 0; i < group->words; i++) {
        uint32_t value = 0;
#pragma GCC unroll 4
        for (size_t lane = 0; lane < 4; lane++) {
            if (lanes[lane] != NULL) {
                value |= (uint32_t)(uint8_t)lanes[lane][i] << 8u * lane;
            }
        }
        *word = value;
        word += group->stride;
    }
}

#endif

void inference_load_image(const int8_t *image)
{
    for (size_t i = 0; i < NETWORK_INPUTS; i++) {
        load_group(&network_input[i], image);
    }
}

void inference_load_sample(void)
{
    static const uint32_t sample[] = SAMPLE_INPUT;
    const uint32_t *next = sample;
    for (size_t i = 0; i < NETWORK_INPUTS; i++) {
        volatile uint32_t *word = memory(network_input[i].address);
        for (uint32_t n = 0; n < network_input[i].words; n++) {
            *word = *next++;
            word += network_input[i].stride;
        }
    }
}

static bool run(bool awake)
{
    cnn_time = 0;
    timer_set_alarm(TIMEOUT_TICKS);
    cnn_start();
    while (cnn_time == 0 && !timer_alarm_expired()) {
        if (awake) {
            continue;
        }
        /* While interrupts are held neither flag can change between the test and the sleep, and one that becomes
         * pending there still ends the sleep: it is served on release. */
        cpu_hold_interrupts();
        if (cnn_time == 0 && !timer_alarm_expired()) {
            cpu_wait_for_interrupt();
        }
        cpu_release_interrupts();
    }
    timer_cancel_alarm();
    if (cnn_time == 0) {
        cnn_disable();
        inference_init();
        return false;
    }
    return true;
}

bool inference_run(bool awake)
{
    memset(&before, 0, sizeof before);
    return run(awake);
}

void inference_keep(void)
{
    for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
        before.logits[i] = inference_logit(i);
    }
    before.cycles = inference_cycles();
    before.microseconds = inference_microseconds();
}

bool inference_run_again(bool awake)
{
    return run(awake);
}

bool inference_run_to(uint32_t last)
{
    const uint32_t all = accelerator_last_layer();
    accelerator_set_last_layer(last);
    const bool good = inference_run(false);
    accelerator_set_last_layer(all);
    return good;
}

uint32_t inference_cycles(void)
{
    return before.cycles + timer_stopwatch_ticks();
}

uint32_t inference_microseconds(void)
{
    return before.microseconds + cnn_time;
}

int32_t inference_logit(size_t index)
{
    const uint32_t address = network_output[index];
    const uint32_t word = *memory(address & ~3u);
#if NETWORK_OUTPUT_WIDTH == 8
    return before.logits[index] + (int8_t)(word >> 8u * (address & 3u));
#else
    return before.logits[index] + (int32_t)word;
#endif
}

uint16_t inference_class(void)
{
    uint16_t class = 0;
    for (uint16_t i = 1; i < NETWORK_OUTPUTS; i++) {
        if (inference_logit(i) > inference_logit(class)) {
            class = i;
        }
    }
    return class;
}

inference_mismatch_t inference_check_sample(void)
{
    /* Blocks of address, mask, count and that many words; then 0. */
    static const uint32_t sample[] = SAMPLE_OUTPUT;
    inference_mismatch_t mismatch = {0, 0, 0, 0};
    const uint32_t *next = sample;
    while (*next != 0) {
        uint32_t address = *next++;
        const uint32_t mask = *next++;
        for (uint32_t count = *next++; count > 0; count--, next++, address += 4u) {
            const uint32_t found = *memory(address) & mask;
            if (found == *next) {
                continue;
            }
            if (mismatch.words++ == 0) {
                mismatch.address = address;
                mismatch.expected = *next;
                mismatch.found = found;
            }
        }
    }
    return mismatch;
}
