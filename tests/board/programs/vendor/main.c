/* The example that the vendor's generator writes, in our own words. */
#include <stdint.h>
#include <stdio.h>

#include "mxc.h"

#include "cnn.h"
#include "sampledata.h"
#include "sampleoutput.h"
#include "network.h"

#define MCR_CTRL REG(0x40006C10)


static void load_input(void)
{
    static const uint32_t sample[] = SAMPLE_INPUT;
    const uint32_t *next = sample;
    for (int n = 0; n < NETWORK_INPUTS; n++) {
        for (int i = 0; i < network_input[n].words; i++) {
            REG(network_input[n].address + 4u * i * network_input[n].stride) = *next++;
        }
    }
}

static int check_output(void)
{
    static const uint32_t sample[] = SAMPLE_OUTPUT;
    uint32_t address;
    for (const uint32_t *next = sample; (address = *next++) != 0;) {
        const uint32_t mask = *next++;
        for (uint32_t count = *next++; count > 0; count--, address += 4) {
            if ((REG(address) & mask) != *next++) {
                printf("Data mismatch at 0x%08lx\n", (unsigned long)address);
                return CNN_FAIL;
            }
        }
    }
    return CNN_OK;
}

static __attribute__((noreturn)) void fail(void)
{
    printf("\n*** FAIL ***\n\n");
    LED_On(0);
    for (;;) {
    }
}

int main(void)
{
    static uint32_t outputs[CNN_NUM_OUTPUTS];

    MXC_ICC_Enable(MXC_ICC0);
    if (MXC_SYS_Clock_Select(MXC_SYS_CLOCK_IPO) != E_NO_ERROR) {
        fail();
    }
    SystemCoreClockUpdate();
    MCR_CTRL |= 1u << 3;
    printf("Waiting...\n");
    MXC_Delay(2000000); /* so that a debugger can take hold */

    cnn_enable(MXC_S_GCR_PCLKDIV_CNNCLKSEL_PCLK, MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1);
    printf("\n*** CNN Inference Test %s ***\n", NETWORK_NAME);
    cnn_init();
    cnn_load_weights();
    cnn_load_bias();
    cnn_configure();
    load_input();
    cnn_start();
    while (cnn_time == 0) {
        MXC_LP_EnterSleepMode();
    }
    if (check_output() != CNN_OK) {
        fail();
    }
    cnn_unload(outputs);
    printf("\n*** PASS ***\n\n");
    printf("Approximate data loading and inference time: %lu us\n\n", (unsigned long)cnn_time);
    cnn_disable();
    for (int n = 0; n < CNN_NUM_OUTPUTS; n++) {
        printf("[%d] -> %ld\n", n, (long)outputs[n]);
    }
    printf("done\n");
    LED_On(1);
    for (;;) {
        __asm volatile("wfi");
    }
}
