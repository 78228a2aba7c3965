/* What a driver does that looks at the flags of the UART only: sends 24 bytes by the half-empty flag, which it clears
 * after each refill, then takes eight by the threshold flag, four at a time, and sends them back. */
#include "board.h"

#define UART_INT_FL REG(0x4004200C)
#define RX_THD (1u << 4)
#define TX_HE (1u << 6)

static uint32_t room(void)
{
    return 8 - (UART_STATUS >> 12 & 15);
}

int main(void)
{
    board_init();
    UART_CTRL = 4;
    UART_INT_FL = ~0u;
    for (uint8_t n = 0; n < 24;) {
        while (!(UART_INT_FL & TX_HE)) {
        }
        for (uint32_t free = room(); free > 0 && n < 24; free--) {
            UART_FIFO = n++;
        }
        UART_INT_FL = TX_HE;
    }
    for (int n = 0; n < 2; n++) {
        while (!(UART_INT_FL & RX_THD)) {
        }
        uint8_t bytes[4];
        for (int k = 0; k < 4; k++) {
            bytes[k] = (uint8_t)UART_FIFO;
        }
        for (int k = 0; k < 4; k++) {
            while (room() == 0) {
            }
            UART_FIFO = bytes[k];
        }
    }
    for (;;) {
    }
}
