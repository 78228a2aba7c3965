/* Waits that give up after so many reads, as drivers have them, for what never comes; each timed with TMR0 (50 MHz). */
#include "board.h"

#define CTL REG(0x50100000)

static void power_accelerator(void)
{
    GCR_PCLKDIS0 &= ~(1u << 25);
    REG(0x4000580C) = 0xF;
    REG(0x40005804) = 1;
    REG(0x40005800) = 1;
    REG(0x40005808) = 0xE;
    REG(0x4000580C) = 0;
    CTL = 0x00100008;
}

int main(void)
{
    board_init();
    power_accelerator();
    uint32_t start = TMR_CNT(0);
    uint32_t left = 1000000;
    while (!(CTL & 1u << 12) && --left) {
    }
    send(left);
    send(TMR_CNT(0) - start);

    start = TMR_CNT(0); /* nothing counts */
    for (int n = 0; n < 100000; n++) {
        (void)SYST_CSR;
    }
    send(TMR_CNT(0) - start);

    SYST_RVR = 0xFFFFFF; /* one wrap in 168 ms */
    SYST_CVR = 0;
    SYST_CSR = 5;
    uint32_t wraps = 0, seconds = 0;
    uint32_t before = TMR_CNT(0), passed = 0;
    for (int n = 0; n < 100000; n++) {
        if (SYST_CSR >> 16 & 1) {
            wraps++;
            uint32_t now = TMR_CNT(0);
            passed += now - before;
            seconds += passed / 50000000;
            passed %= 50000000;
            before = now;
        }
    }
    send(wraps);
    send(seconds);
    for (;;) {
    }
}
