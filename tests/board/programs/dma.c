/* DMA: memory to memory with an interrupt and a reload, an address that is no memory, into the CRC engine, and an echo of
 * sixteen bytes by two channels. */
#include "board.h"

#define DMA_INTEN REG(0x40028000)
#define CH(n, offset) REG(0x40028100 + 0x20 * (n) + (offset))
#define CTRL 0x00
#define STATUS 0x04
#define SRC 0x08
#define DST 0x0C
#define CNT 0x10
#define EN 1u
#define RLDEN 2u
#define SRCINC (1u << 18)
#define DSTINC (1u << 22)
#define WORDS (2u << 16 | 2u << 20)
#define CTZ_IE (1u << 31)
#define CTZ_IF (1u << 2)
#define UART_DMA REG(0x40042030)

static uint8_t text[] = "123456789abcdefg", copy[32];
static volatile uint32_t ends;

static void on_end(void)
{
    ends++;
    CH(0, STATUS) = CH(0, STATUS);
}

static void report(uint32_t word)
{
    while (!(UART_STATUS & 1u << 6)) { /* a line of true speed takes its time */
    }
    send(word);
}

static void set_up(int n, const volatile void *from, const volatile void *to, uint32_t bytes)
{
    CH(n, SRC) = (uint32_t)from;
    CH(n, DST) = (uint32_t)to;
    CH(n, CNT) = bytes;
}

int main(void)
{
    board_init();
    GCR_PCLKDIS0 &= ~(1u << 5);
    enable_irq(28, on_end);
    DMA_INTEN = 1;
    set_up(0, text, copy, 16);
    CH(0, 0x14) = (uint32_t)text; /* then the first four once more */
    CH(0, 0x18) = (uint32_t)(copy + 16);
    CH(0, 0x1C) = 1u << 31 | 4;
    CH(0, CTRL) = WORDS | SRCINC | DSTINC | CTZ_IE | EN | RLDEN;
    while (ends == 0 || CH(0, CTRL) & EN) { /* the second end may come before the first is handled */
        __asm volatile("" ::: "memory");
    }
    uint32_t wrong = 0;
    for (int n = 0; n < 20; n++) {
        wrong += copy[n] != text[n % 16];
    }
    report(wrong);
    report(CH(0, CTRL) & EN);

    set_up(1, text, (void *)0x30000000, 4);
    CH(1, CTRL) = WORDS | SRCINC | DSTINC | EN;
    while (CH(1, CTRL) & EN) {
    }
    report(CH(1, STATUS));

    REG(0x4000F000) = 3; /* the CRC engine, by DMA */
    REG(0x4000F00C) = ~0u;
    set_up(2, text, 0, 9);
    CH(2, CTRL) = 0x2Cu << 4 | SRCINC | EN;
    while (!(CH(2, STATUS) & CTZ_IF)) {
    }
    report(~REG(0x4000F00C));

    UART_DMA = 1u << 9 | 1u << 5 | 1u << 4 | 4u; /* both ways */
    set_up(2, 0, copy, 16);
    CH(2, STATUS) = CTZ_IF;
    CH(2, CTRL) = 0x04u << 4 | DSTINC | EN;
    while (!(CH(2, STATUS) & CTZ_IF)) {
        __asm volatile("wfe");
    }
    set_up(3, copy, 0, 16);
    CH(3, CTRL) = 0x24u << 4 | SRCINC | EN;
    while (!(CH(3, STATUS) & CTZ_IF)) {
    }
    CH(3, CTRL) = 0x01u << 4 | EN; /* SPI, which nobody answers to */
    for (;;) {
    }
}
