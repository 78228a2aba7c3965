/* SVC, PendSV, WFE and a reset by software. */
#include "board.h"

static volatile uint32_t trace;
static uint32_t keep __attribute__((section(".noinit"))); /* RAM outlives a reset */

static void on_svc(void)
{
    trace = trace * 10 + 1;
    REG(0xE000ED04) = 1u << 28; /* PendSV, of the same priority: after this one */
    trace = trace * 10 + 2;
}

static void on_pendsv(void)
{
    trace = trace * 10 + 3;
}

int main(void)
{
    board_init();
    if (keep == 0xCAFE) {
        send(GCR_CLKCTRL);
        send(REG(0xE000E100));
        for (;;) {
        }
    }
    ram_vectors[11] = on_svc;
    ram_vectors[14] = on_pendsv;
    __asm volatile("svc 7");
    trace = trace * 10 + 4;
    send(trace);
    __asm volatile("sev\n wfe\n wfe\n wfe"); /* WFE may always end without cause, and must not hang */
    keep = 0xCAFE;
    NVIC_ISER(0) = 1u << 3;
    REG(0xE000ED0C) = 0x05FA0004;
    for (;;) {
    }
}
