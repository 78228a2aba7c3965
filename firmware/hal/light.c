#include "hal.h"

#define PERIOD_TICKS (TIMER_HZ / 100u)

static volatile uint32_t leds, lit_ticks; /* 0 or all of a period: no pulses are needed */
static volatile bool lit, pulsing;

static void set(bool on)
{
    lit = on;
    for (led_t led = LED_RED; led < LEDS; led++) {
        gpio_set_led(led, on && (leds >> led & 1u));
    }
}

static void turn(void)
{
    pulsing = lit_ticks > 0 && lit_ticks < PERIOD_TICKS;
    set(pulsing ? !lit : lit_ticks > 0);
    if (pulsing) {
        timer_call(lit ? lit_ticks : PERIOD_TICKS - lit_ticks, turn);
    }
}

void light_show(uint32_t which, uint32_t percent)
{
    const uint32_t ticks = which == 0 ? 0 : percent >= 100u ? PERIOD_TICKS : percent * (PERIOD_TICKS / 100u);
    if (which == leds && ticks == lit_ticks) {
        return;
    }
    cpu_hold_interrupts();
    leds = which;
    lit_ticks = ticks;
    if (!pulsing) {
        turn();
    } else {
        set(lit); /* the colour at once, the brightness with the next pulse */
    }
    cpu_release_interrupts();
}
