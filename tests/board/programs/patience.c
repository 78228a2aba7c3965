/* After a first byte waits 250 ms for a second one. Sends the second, or 0xFF if none came. */
#include "board.h"

int main(void)
{
    board_init();
    for (;;) {
        receive();
        const uint32_t start = TMR_CNT(0);
        while ((UART_STATUS & RX_EM) && TMR_CNT(0) - start < 12500000) {
        }
        UART_FIFO = UART_STATUS & RX_EM ? 0xFF : UART_FIFO;
    }
}
