/* Sends back every byte, plus one. */
#include "board.h"

int main(void)
{
    board_init();
    for (;;) {
        UART_FIFO = receive() + 1u;
    }
}
