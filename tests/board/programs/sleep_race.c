/* Sleep without a race: test and sleep with interrupts masked. A pending interrupt ends the sleep all the same, and is
 * served as soon as the mask is lifted, if only for an instruction. The alarm falls everywhere around the test. */
#include "board.h"

static volatile bool done;

static void on_alarm(void)
{
    TMR_INTFL(1) = 1;
    done = true;
}

int main(void)
{
    board_init();
    enable_irq(TMR0_IRQ + 1, on_alarm);
    uint32_t wakes = 0;
    for (uint32_t after = 2; after < 202; after++) {
        done = false;
        TMR_CTRL0(1) = 0;
        TMR_CTRL1(1) = 1u << 31 | 1u << 8;
        TMR_CTRL0(1) = 1u << 14;
        TMR_CNT(1) = 1;
        TMR_CMP(1) = after;
        TMR_CTRL0(1) |= 1u << 15;
        while (!done) {
            __asm volatile("cpsid i" ::: "memory");
            if (!done) {
                __asm volatile("wfi" ::: "memory");
                wakes++;
            }
            __asm volatile("cpsie i" ::: "memory");
        }
    }
    send(wakes);
    for (;;) {
    }
}
