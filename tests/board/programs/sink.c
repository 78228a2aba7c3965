/* Takes bytes as firmware that reads frames would: the level, then so many bytes. Answers every 65,536th. */
#include "board.h"

int main(void)
{
    uint32_t count = 0, sum = 0;
    board_init();
    for (;;) {
        uint32_t level = UART_STATUS >> 8 & 15;
        while (level-- > 0) {
            sum += UART_FIFO;
            if (++count % 65536 == 0) {
                send(sum);
            }
        }
    }
}
