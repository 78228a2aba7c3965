/* The same by receive interrupt, asleep in between; SysTick runs as well, as in an application that keeps time. */
#include "board.h"

static void on_receive(void)
{
    while (!(UART_STATUS & RX_EM)) {
        UART_FIFO = UART_FIFO + 1u;
    }
}

static void on_tick(void)
{
}

int main(void)
{
    board_init();
    ram_vectors[15] = on_tick;
    SYST_RVR = 100000 - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
    UART_CTRL = 1;
    enable_irq(UART0_IRQ, on_receive);
    UART_INT_EN = 1u << 4;
    for (;;) {
        __asm volatile("wfi");
    }
}
