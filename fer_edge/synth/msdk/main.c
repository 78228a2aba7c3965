/* Known-answer test of a network on the MAX78000, with the vendor's SDK. Written by fer-edge; yours to change.
 * It prints over the board's console what the accelerator made of the sample in sampledata.h, and how long it took. */
#include <stdint.h>
#include <stdio.h>

#include "mxc.h"
/* These follow mxc.h: they use its types. */
#include "cnn.h"
#include "network.h"
#include "sampledata.h"
#include "sampleoutput.h"

static volatile uint32_t *memory(uint32_t address)
{
    return (volatile uint32_t *)(uintptr_t)address;
}

/* The sample is already in words; network.h says how the pixels of another image (pixel - 128) make words. */
static void load_input(void)
{
    static const uint32_t sample[] = SAMPLE_INPUT;
    const uint32_t *next = sample;
    for (int i = 0; i < NETWORK_INPUTS; i++) {
        volatile uint32_t *word = memory(network_input[i].address);
        for (int n = 0; n < network_input[i].words; n++) {
            *word = *next++;
            word += network_input[i].stride;
        }
    }
}

/* Blocks of address, mask, count and that many words; then 0. */
static int check_output(void)
{
    static const uint32_t sample[] = SAMPLE_OUTPUT;
    const uint32_t *next = sample;
    while (*next != 0) {
        uint32_t address = *next++;
        const uint32_t mask = *next++;
        for (uint32_t count = *next++; count > 0; count--, next++, address += 4) {
            const uint32_t found = *memory(address) & mask;
            if (found != *next) {
                printf("0x%08lx: 0x%08lx, expected 0x%08lx\n", (unsigned long)address, (unsigned long)found,
                       (unsigned long)*next);
                return CNN_FAIL;
            }
        }
    }
    return CNN_OK;
}

static void print_logits(void)
{
    static uint32_t logits[CNN_NUM_OUTPUTS];
    const char *names = NETWORK_CLASSES; /* a line feed before each */
    cnn_unload(logits);
    for (int i = 0; i < CNN_NUM_OUTPUTS; i++) {
        printf("[%d] %ld", i, (long)(int32_t)logits[i]);
        if (*names == '\n') {
            putchar(' ');
            names++;
        }
        while (*names != '\0' && *names != '\n') {
            putchar(*names++);
        }
        putchar('\n');
    }
}

static int infer(void)
{
    if (cnn_enable(MXC_S_GCR_PCLKDIV_CNNCLKSEL_PCLK, MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1) != CNN_OK
        || cnn_init() != CNN_OK || cnn_load_weights() != CNN_OK || cnn_load_bias() != CNN_OK
        || cnn_configure() != CNN_OK) {
        return CNN_FAIL;
    }
    load_input();
    cnn_start();
    while (cnn_time == 0) { /* until CNN_ISR sets it */
    }
    return check_output();
}

int main(void)
{
    MXC_ICC_Enable(MXC_ICC0);
    MXC_SYS_Clock_Select(MXC_SYS_CLOCK_IPO); /* 100 MHz: 50 MHz for the accelerator and for cnn_time's timer */
    SystemCoreClockUpdate();
    MXC_Delay(2000000); /* microseconds in which a debugger can take hold: keep them */

    printf("%s\n", NETWORK_NAME);
    const int result = infer();
    print_logits();
    printf("%s, %lu us\n", result == CNN_OK ? "PASS" : "FAIL", (unsigned long)cnn_time);
    cnn_disable();
    for (;;) {
    }
}
