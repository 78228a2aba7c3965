/* Uses peripherals that the virtual board has no model of, and one register of such a block that has one value. */
#include "board.h"

int main(void)
{
    board_init();
    REG(0x4000440C) = 0x43; /* SIMO: the supply that every program sets */
    for (int n = 0; n < 3; n++) {
        REG(0x40034000) = n; /* ADC */
        (void)REG(0x40034004);
        (void)REG(0x40007400); /* AES */
    }
    for (;;) {
        send(1);
        for (volatile int n = 0; n < 10000; n++) {
        }
    }
}
