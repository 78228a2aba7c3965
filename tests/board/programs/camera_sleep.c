/* What becomes of the sensor in standby, where its clock stops, and over a reset, where its supply goes on. Sends the
 * address that it is found at: before, just after and a while after half a second of standby; then, after a reset, with
 * nothing but XCLK switched on again, what it was told before. */
#include "camera.h"

#define WUT(offset) REG(0x40006400 + (offset))
#define BEEN_HERE REG(0x2001F000) /* not cleared by a reset */

static volatile bool woken;

static void on_wake_up(void)
{
    WUT(0x0C) = 1;
    woken = true;
}

static void standby(void)
{
    enable_irq(53, on_wake_up);
    WUT(0x00) = 1;
    WUT(0x04) = 16384;
    REG(0x40006C10) |= 1u << 3; /* MCR.CTRL: the wake-up timer's oscillator runs in standby, too */
    WUT(0x10) = 1u << 7; /* one-shot */
    REG(0xE000ED10) = 1u << 2;
    REG(0x4000000C) = 1u << 7 | 2;
    while (!woken) {
        __asm volatile("wfi");
    }
}

int main(void)
{
    board_init();
    sccb_init();
    if (BEEN_HERE == 0xCAFE) {
        xclk_start(true);
        send(sccb_read(0x11));
        for (;;) {
        }
    }
    wait(200 * MILLISECOND);
    i2c_init(1, 3u << 16);
    pmic_ldo2(0x01, 0x13);
    wait(10 * MILLISECOND);
    xclk_start(true);
    send(sccb_scan());
    standby();
    send(sccb_scan());
    wait(150 * MILLISECOND);
    send(sccb_scan());
    sccb_write(0x11, 5);
    BEEN_HERE = 0xCAFE;
    REG(0x40000004) = 1u << 31;
    for (;;) {
    }
}
