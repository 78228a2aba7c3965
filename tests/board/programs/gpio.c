/* Reports what pins do: an output of its own, then the levels of both buttons, then each press of SW1 (falling edge,
 * asleep in between) and SW2 (level, masked once it is seen). */
#include "board.h"

#define GPIO(n, offset) REG(0x40008000 + 0x1000 * (n) + (offset))
#define EN0_SET 0x04
#define OUTEN_SET 0x10
#define OUT_SET 0x1C
#define OUT_CLR 0x20
#define IN 0x24
#define INTMODE 0x28
#define INTPOL 0x2C
#define INTEN_SET 0x38
#define INTEN_CLR 0x3C
#define INTFL 0x40
#define INTFL_CLR 0x48
#define DUALEDGE 0x5C
#define PADCTRL0 0x60
#define PADCTRL1 0x64
#define SW1 (1u << 2) /* P0.2 */
#define SW2 (1u << 7) /* P1.7 */
#define OWN (1u << 6) /* P1.6 */

enum { FALLS = 1, IS_LOW, RISES, EITHER };

static volatile uint32_t own_kind = RISES;

static void on_port0(void)
{
    if (GPIO(0, INTFL) & SW1) {
        GPIO(0, INTFL_CLR) = SW1;
        send(FALLS);
    }
}

static void on_port1(void)
{
    if (GPIO(1, INTFL) & OWN) {
        GPIO(1, INTFL_CLR) = OWN;
        send(own_kind);
    }
    if (GPIO(1, INTFL) & SW2) {
        GPIO(1, INTEN_CLR) = SW2;
        GPIO(1, INTFL_CLR) = SW2;
        send(IS_LOW);
    }
}

int main(void)
{
    board_init();
    enable_irq(24, on_port0);
    enable_irq(25, on_port1);

    GPIO(1, EN0_SET) = OWN;
    GPIO(1, OUT_CLR) = OWN;
    GPIO(1, OUTEN_SET) = OWN;
    GPIO(1, INTMODE) |= OWN;
    GPIO(1, INTPOL) |= OWN;
    GPIO(1, INTEN_SET) = OWN;
    GPIO(1, OUT_SET) = OWN; /* rises */
    for (volatile int n = 0; n < 1000; n++) {
    }
    GPIO(1, OUT_CLR) = OWN; /* falls: nothing */
    for (volatile int n = 0; n < 1000; n++) {
    }
    own_kind = EITHER;
    GPIO(1, DUALEDGE) |= OWN;
    GPIO(1, OUT_SET) = OWN;
    for (volatile int n = 0; n < 1000; n++) {
    }
    GPIO(1, OUT_CLR) = OWN;
    for (volatile int n = 0; n < 1000; n++) {
    }

    GPIO(0, PADCTRL0) |= SW1;
    GPIO(1, PADCTRL0) |= SW2;
    GPIO(0, PADCTRL1) |= 1u << 3; /* P0.3, which nothing drives: pulled down */
    send((GPIO(0, IN) & SW1 ? 1u : 0u) | (GPIO(1, IN) & SW2 ? 2u : 0u) | (GPIO(0, IN) & 1u << 3 ? 4u : 0u));

    GPIO(0, INTMODE) |= SW1;
    GPIO(0, INTEN_SET) = SW1;
    GPIO(1, INTEN_SET) = SW2; /* level, low */
    for (;;) {
        __asm volatile("wfi");
    }
}
