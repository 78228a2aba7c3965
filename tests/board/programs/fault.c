/* Does what the first byte received says. */
#include "board.h"

int main(void)
{
    board_init();
    REG(0x40003000) = 0xABCD; /* a peripheral without a model keeps what is written */
    send(REG(0x40003000));
    switch (receive()) {
    case 'r':
        return (int)REG(0x60000000);
    case 'p':
        return (int)REG(0x40050000);
    case 'P':
        REG(0x40050000) = 1;
        return 0;
    case 'w':
        REG(0x10000100) = 1;
        return 0;
    case 'x':
        ((void (*)(void))0x30000001)();
        return 0;
    case 'u':
        __asm volatile("udf 1");
        return 0;
    case 'b':
        __asm volatile("bkpt 1");
        return 0;
    case 's':
        __asm volatile("mov sp, %0\n svc 1" : : "r"(0x20000010));
        return 0;
    case 'm': /* no handler: vector 0 */
        REG(0xE000ED08) = 0x20010000;
        __asm volatile("svc 1");
        return 0;
    }
    return 0;
}
