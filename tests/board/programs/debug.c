/* Something to debug: counts in memory, calls a function, and sends what it returns. */
#include "board.h"

volatile uint32_t count;

__attribute__((noinline, used)) uint32_t twice(uint32_t number)
{
    __asm volatile("");
    return 2 * number;
}

int main(void)
{
    board_init();
    for (;;) {
        send(twice(count));
        count++;
    }
}
