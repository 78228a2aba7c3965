#include "nap.h"

#include <stdbool.h>

#include "hal.h"

#define NAP_TICKS TIMER_HZ

static void stay_awake(uint64_t until)
{
    while (timer_now() < until && !uart_has_data()) {
    }
}

static void sleep(uint32_t ticks)
{
    timer_set_alarm(ticks);
    cpu_hold_interrupts(); /* so that nothing comes between test and sleep */
    if (!uart_has_data() && !timer_alarm_expired()) {
        cpu_wait_for_interrupt();
    }
    cpu_release_interrupts();
    timer_cancel_alarm();
}

void nap(wait_t wait, uint64_t until)
{
    static const uint32_t modes[] = {[WAIT_LPM] = PM_LPM, [WAIT_UPM] = PM_UPM, [WAIT_STANDBY] = PM_STANDBY};
    const uint64_t now = timer_now();
    if (until <= now) {
        return;
    }
    const uint32_t ticks = until - now < NAP_TICKS ? (uint32_t)(until - now) : NAP_TICKS;
    if (wait == WAIT_BUSY) {
        stay_awake(now + ticks);
        return;
    }
    const uint32_t counts = (uint32_t)((uint64_t)ticks * ERTCO_HZ / clock_pclk_hz());
    if (wait == WAIT_SLEEP || counts == 0) { /* less than the wake-up timer can tell */
        sleep(ticks + 1u);
    } else {
        power_sleep(modes[wait], counts);
    }
}
