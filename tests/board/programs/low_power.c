/* Sleeps a second by the wake-up timer, in each power mode; then by the clock's alarms; then until a pin changes.
 * Sends how far TMR0 (50 MHz) and the real-time clock (1/4096 s) have counted meanwhile. */
#include "board.h"

#define PM REG(0x4000000C)
#define SCR REG(0xE000ED10)
#define WUT(offset) REG(0x40006400 + (offset))
#define RTC(offset) REG(0x40006000 + (offset))
#define LPWKST1 REG(0x4000680C)
#define LPWKEN1 REG(0x40006810)
#define WR_EN (1u << 15)
#define DEEP (1u << 2)
#define STANDBY 2u
#define LPM 8u
#define UPM 9u

static volatile uint32_t wakes;

static void on_wake_up(void)
{
    WUT(0x0C) = 1;
    wakes++;
}

static void on_clock(void)
{
    RTC(0x10) &= ~(1u << 6 | 1u << 7);
    wakes++;
}

static void on_pin(void)
{
    LPWKST1 = ~0u;
    wakes++;
}

static uint32_t subseconds(void)
{
    return RTC(0x00) * 4096 + RTC(0x04);
}

static void sleep(uint32_t mode)
{
    const uint32_t before = wakes, ticks = TMR_CNT(0), time = subseconds();
    SCR = mode ? DEEP : 0;
    PM |= mode;
    while (wakes == before) {
        __asm volatile("wfi");
    }
    send(TMR_CNT(0) - ticks);
    send(subseconds() - time);
}

static void sleep_a_second(uint32_t mode)
{
    WUT(0x10) = 0;
    WUT(0x00) = 1;
    WUT(0x04) = 32769;
    WUT(0x10) = 1u << 7; /* one-shot */
    sleep(mode);
}

int main(void)
{
    board_init();
    enable_irq(53, on_wake_up);
    enable_irq(3, on_clock);
    enable_irq(54, on_pin);
    RTC(0x10) = WR_EN;
    RTC(0x00) = 1000;
    RTC(0x04) = 2048;
    RTC(0x10) |= 1;
    RTC(0x10) &= ~WR_EN;

    PM = 1u << 7; /* the wake-up timer */
    sleep_a_second(0);
    sleep_a_second(LPM);
    sleep_a_second(UPM);
    sleep_a_second(STANDBY);
    send(PM & 15);

    PM = 1u << 5; /* the real-time clock: half a second, then the time of day */
    RTC(0x0C) = -2048u;
    RTC(0x10) |= 1u << 2;
    sleep(UPM);
    RTC(0x10) &= ~(1u << 2);
    RTC(0x08) = RTC(0x00) + 3;
    RTC(0x10) |= 1u << 1;
    sleep(STANDBY);
    send(RTC(0x04));

    PM = 1u << 4; /* SW2 */
    LPWKEN1 = 1u << 7;
    sleep(UPM);
    send(wakes);
    for (;;) {
        __asm volatile("wfi");
    }
}
