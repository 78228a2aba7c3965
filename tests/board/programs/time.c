/* Five ways to wait, each timed with TMR0 (50 MHz). */
#include "board.h"

static volatile uint32_t ticks, alarms;

static void on_tick(void)
{
    ticks++;
}

static void on_alarm(void)
{
    TMR_INTFL(1) = 1;
    alarms++;
}

static void alarm(uint32_t mode, uint32_t compare)
{
    TMR_CTRL0(1) = 0;
    TMR_CTRL1(1) = 1u << 31 | 1u << 8;
    TMR_CTRL0(1) = 1u << 14 | mode;
    TMR_CNT(1) = 1;
    TMR_CMP(1) = compare;
    TMR_CTRL0(1) |= 1u << 15;
}

int main(void)
{
    board_init();
    ram_vectors[15] = on_tick;

    uint32_t start = TMR_CNT(0); /* sleep through ten ticks of 1 ms */
    SYST_RVR = 100000 - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
    while (ticks < 10) {
        __asm volatile("wfi");
    }
    SYST_CSR = 0;
    send(TMR_CNT(0) - start);

    start = TMR_CNT(0); /* poll COUNTFLAG, the vendor's delay: twelve wraps of 2^24, some two seconds */
    SYST_RVR = 0xFFFFFF;
    SYST_CVR = 0;
    SYST_CSR = 5;
    for (int wraps = 0; wraps < 12;) {
        wraps += SYST_CSR >> 16 & 1;
    }
    send(TMR_CNT(0) - start);

    start = TMR_CNT(0); /* poll a timer: two seconds */
    while (TMR_CNT(0) - start < 100000000) {
    }
    send(TMR_CNT(0) - start);

    start = TMR_CNT(0); /* one-shot: sleep 5 ms; it must not come again */
    enable_irq(TMR0_IRQ + 1, on_alarm);
    alarm(0, 250000);
    while (alarms == 0) {
        __asm volatile("wfi");
    }
    send(TMR_CNT(0) - start);
    while (TMR_CNT(0) - start < 5000000) {
    }
    send(alarms << 2 | (TMR_INTFL(1) & 1) << 1 | (TMR_CTRL0(1) >> 15 & 1));

    start = TMR_CNT(0); /* continuous: seven periods of 3 ms */
    alarms = 0;
    alarm(1, 150000);
    while (alarms < 7) {
        __asm volatile("wfi");
    }
    send(TMR_CNT(0) - start);
    for (;;) {
        __asm volatile("wfi");
    }
}
