/* Waits to be let on by a debugger, runs into a BKPT, and behind it into a fault that has no handler. */
#include "board.h"

volatile uint32_t go;

int main(void)
{
    board_init();
    while (!go) {
    }
    __asm volatile("bkpt 0");
    REG(0x60000000) = 1;
    return 0;
}
