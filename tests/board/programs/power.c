/* What becomes of the accelerator's registers and memories without clock and without power, in each power mode; told
 * by orders of a letter. Ends each by sending 1. */
#include "board.h"

#define PM REG(0x4000000C)
#define SCR REG(0xE000ED10)
#define MCR_CTRL REG(0x40006C10)
#define WUT(offset) REG(0x40006400 + (offset))
#define GCFR(n) REG(0x40005800 + 4 * (n))
#define CTL REG(0x50100000)
#define LAYER(r) REG(0x50100010 + 0x80 * (r))
#define BIAS REG(0x50108000)
#define DATA REG(0x50400000)
#define CNN_CLOCK (1u << 25)
#define STANDBY 2u
#define UPM 9u

static volatile bool woken;

static void on_wake_up(void)
{
    WUT(0x0C) = 1;
    woken = true;
}

static void sleep_for(uint32_t counts, uint32_t mode)
{
    WUT(0x10) = 0;
    WUT(0x00) = 1;
    WUT(0x04) = 1 + counts;
    WUT(0x10) = 1u << 7;
    woken = false;
    SCR = 1u << 2;
    PM = 1u << 7 | mode;
    while (!woken) {
        __asm volatile("wfi");
    }
    PM = 0;
    SCR = 0;
}

static void power_on(void)
{
    GCFR(3) = 0xF;
    GCFR(1) = 1;
    GCFR(0) = 1;
    GCFR(2) = 0xE;
    GCFR(3) = 0;
    GCR_PCLKDIS0 &= ~CNN_CLOCK;
}

static void power_off(bool masks_too)
{
    GCR_PCLKDIS0 |= CNN_CLOCK;
    GCFR(3) = 0xF;
    GCFR(2) = 0xF;
    GCFR(0) = 0;
    if (masks_too) {
        GCFR(1) = 0;
    }
    GCFR(3) = 0;
}

static void fill(void)
{
    GCR_PCLKDIV = 4u << 14;
    power_on();
    CTL = 0x00100008;
    REG(0x50100004) = 0x40E;
    LAYER(0) = 3; /* 4 x 4, one channel, 1 x 1: as in cnn.c */
    LAYER(1) = 3;
    LAYER(2) = 1u << 8;
    LAYER(6) = 256;
    LAYER(7) = 1;
    LAYER(8) = 8192;
    LAYER(11) = 0x920;
    LAYER(14) = 0x00010001;
    LAYER(15) = 1u << 13;
    *(volatile uint8_t *)(0x50180000 | 1) = 1;
    REG(0x50180000) = 0;
    REG(0x50180004) = 0;
    REG(0x50180008) = 0x40000000;
    BIAS = 5;
    DATA = 7;
}

/* The accelerator's time of an inference, without its clock for a millisecond in between. */
static uint32_t infer_with_a_pause(void)
{
    const uint32_t begin = TMR_CNT(0);
    CTL = 0x00100808;
    CTL = 0x00100009;
    GCR_PCLKDIS0 |= CNN_CLOCK;
    while (TMR_CNT(0) - begin < 50000) {
    }
    GCR_PCLKDIS0 &= ~CNN_CLOCK;
    while (!(CTL & 1u << 12)) {
    }
    return TMR_CNT(0) - begin;
}

static void obey(char order)
{
    switch (order) {
    case 'g': /* clock off and on */
        GCR_PCLKDIS0 |= CNN_CLOCK;
        GCR_PCLKDIS0 &= ~CNN_CLOCK;
        break;
    case 'c': /* touched without clock: a register read, one written, data read, data written */
    case 'w':
    case 'd':
    case 'D':
        GCR_PCLKDIS0 |= CNN_CLOCK;
        for (volatile int n = 0; n < 1000; n++) {
        }
        if (order == 'c') {
            (void)CTL;
        } else if (order == 'w') {
            LAYER(0) = 1;
        } else if (order == 'd') {
            (void)DATA;
        } else {
            DATA = 1;
        }
        break;
    case 'i': /* isolated */
        GCFR(2) = 0xF;
        (void)CTL;
        break;
    case 'r': /* in reset */
        GCFR(3) = 0x1;
        (void)CTL;
        break;
    case 'p':
        send(infer_with_a_pause());
        break;
    case 'u': /* asleep with power */
        GCR_PCLKDIS0 |= CNN_CLOCK;
        sleep_for(3277, UPM);
        GCR_PCLKDIS0 &= ~CNN_CLOCK;
        break;
    case 'k': /* with power for the masks alone */
    case 'K':
        power_off(false);
        sleep_for(3277, order == 'k' ? UPM : STANDBY);
        power_on();
        break;
    case 'o':
        power_off(true);
        sleep_for(3277, UPM);
        power_on();
        break;
    case 's': /* with power, which standby takes */
        sleep_for(3277, STANDBY);
        break;
    case 'e': /* without the oscillator in deep sleep */
        MCR_CTRL = 0;
        sleep_for(3277, UPM);
        break;
    }
    send(1);
}

int main(void)
{
    board_init();
    enable_irq(53, on_wake_up);
    MCR_CTRL = 1u << 3;
    fill();
    for (;;) {
        if (!(UART_STATUS & RX_EM)) {
            obey((char)UART_FIFO);
        }
    }
}
