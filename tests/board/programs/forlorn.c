/* Waits for ever, in a way that the host chooses. */
#include "board.h"

#define CTL REG(0x50100000)

static void ignore(void)
{
}

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
    uint8_t order = receive();
    if (order == 'f') { /* as a generated start with FIFO has it */
        CTL = 0x0018c809;
    }
    if (order == 'p') {
        while (!(CTL & 1u << 12)) {
        }
    }
    if (order == 'i') {
        enable_irq(CNN_IRQ, ignore);
        enable_irq(TMR0_IRQ + 2, ignore);
    }
    for (;;) {
        if (order == 'e') {
            __asm volatile("wfe");
        } else {
            __asm volatile("wfi");
        }
    }
}
