/* One 1x1 convolution of a 4x4 map on the accelerator, written by hand: by interrupt, then by polling. */
#include "board.h"

#define GCFR(n) REG(0x40005800 + 4 * (n))
#define CTL REG(0x50100000)
#define LAYER(r) REG(0x50100010 + 0x80 * (r))
#define DATA(n) REG(0x50400000 + 4 * (n))

static volatile bool done;

static void on_cnn(void)
{
    CTL &= ~(1u << 12 | 1u);
    done = true;
}

static void start(void)
{
    CTL = 0x00100808;
    CTL = 0x00100009;
}

static void send_result(uint32_t ticks)
{
    send(ticks);
    for (int n = 0; n < 16; n++) {
        send(DATA(256 + n));
    }
}

int main(void)
{
    board_init();
    GCR_PCLKDIV = 4u << 14;
    GCR_PCLKDIS0 &= ~(1u << 25);
    GCFR(3) = 0xF;
    GCFR(1) = 1;
    GCFR(0) = 1;
    GCFR(2) = 0xE;
    GCFR(3) = 0;
    CTL = 0x00100008;
    REG(0x50100004) = 0x40E; /* memory timing */
    LAYER(0) = 3; /* rows, columns */
    LAYER(1) = 3;
    LAYER(2) = 1u << 8; /* 1x1 */
    LAYER(6) = 256;     /* write pointer */
    LAYER(7) = 1;
    LAYER(8) = 8192;
    LAYER(11) = 0x920;
    LAYER(14) = 0x00010001; /* processor 0 */
    LAYER(15) = 1u << 13;   /* shift 1: weight 64 means one */
    *(volatile uint8_t *)(0x50180000 | 1) = 1;
    REG(0x50180000) = 0;
    REG(0x50180004) = 0;
    REG(0x50180008) = 0x40000000; /* b8 */
    for (uint32_t n = 0; n < 16; n++) {
        DATA(n) = n;
    }

    enable_irq(CNN_IRQ, on_cnn);
    uint32_t begin = TMR_CNT(0);
    start();
    while (!done) {
        __asm volatile("cpsid i" ::: "memory");
        if (!done) {
            __asm volatile("wfi" ::: "memory");
        }
        __asm volatile("cpsie i" ::: "memory");
    }
    send_result(TMR_CNT(0) - begin);

    REG(0xE000E18C) = 1u << 5; /* interrupt off */
    for (uint32_t n = 0; n < 16; n++) {
        DATA(n) = 100 + n;
    }
    begin = TMR_CNT(0);
    start();
    while (!(CTL & 1u << 12)) {
    }
    send_result(TMR_CNT(0) - begin);
    for (;;) {
    }
}
