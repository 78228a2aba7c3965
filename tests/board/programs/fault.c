/* Does what the first byte received says; '!' before it sets up a handler of faults, '?' one that faults itself. */
#include "board.h"

#define SCB(offset) REG(0xE000ED00 + (offset))

/* Sends what it finds: EXC_RETURN, SP, the PC and LR of the frame, then CFSR, HFSR, BFAR. */
static __attribute__((used, noreturn)) void report(uint32_t link, const uint32_t *frame)
{
    const bool stacked = !(SCB(0x28) & 1u << 12); /* STKERR */
    send(link);
    send((uint32_t)frame);
    send(stacked ? frame[6] : 0);
    send(stacked ? frame[5] : 0);
    send(SCB(0x28));
    send(SCB(0x2C));
    send(SCB(0x38));
    for (;;) {
    }
}

static __attribute__((naked)) void on_fault(void)
{
    __asm volatile("mov r0, lr\n mov r1, sp\n ldr r2, =0x20020000\n mov sp, r2\n b report");
}

static void faulty_handler(void)
{
    REG(0x70000000) = 1;
}

int main(void)
{
    board_init();
    REG(0x4000F000) = 0xABCD; /* a peripheral without a model keeps what is written */
    send(REG(0x4000F000));
    uint8_t order = receive();
    if (order == '!' || order == '?') {
        ram_vectors[3] = order == '!' ? on_fault : faulty_handler;
        order = receive();
    }
    switch (order) {
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
    case 'o': /* the stack runs over the beginning of RAM; the stacked frame finds no place either */
        __asm volatile("mov sp, %0\n 1: push {r0, r1, r2, r3}\n b 1b" : : "r"(0x20000018));
        return 0;
    case 'e': /* not Thumb */
        ((void (*)(void))0x10000000)();
        return 0;
    case 'm': /* no handler: vector 0 */
        REG(0xE000ED08) = 0x20010000;
        __asm volatile("svc 1");
        return 0;
    }
    return 0;
}
