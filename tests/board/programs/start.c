#include "board.h"

int main(void);
void reset(void);

static void hang(void)
{
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) void (*const vectors[])(void) = {(void (*)(void))0x20020000, reset};
void (*ram_vectors[120])(void) __attribute__((aligned(512)));

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];

void reset(void)
{
    uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    for (int n = 0; n < 120; n++) {
        ram_vectors[n] = n < 7 ? 0 : hang; /* a fault has no handler, and ends the run */
    }
    REG(0xE000ED08) = (uint32_t)ram_vectors;
    REG(0xE000ED88) |= 0xFu << 20;
    main();
    hang();
}
