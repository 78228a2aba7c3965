#include "window.h"

#include <stdbool.h>

#include "hal.h"
#include "inference.h"
#include "input.h"
#include "nap.h"
#include "sensor.h"

#define ALL_FLAGS (WINDOW_BUSY_WAIT | WINDOW_SENSOR | WINDOW_LEDS)
#define TICKS_PER_MS (TIMER_HZ / 1000u)

static const mxc_gpio_cfg_t trigger = {MXC_GPIO1, 1u << 6, MXC_GPIO_PAD_NONE, MXC_GPIO_FUNC_OUT}; /* P1.6 */

static bool awake, with_sensor;

void window_init(void)
{
    gpio_clear(&trigger);
    gpio_configure(&trigger);
}

void window_trigger(bool high)
{
    if (high) {
        gpio_set(&trigger);
    } else {
        gpio_clear(&trigger);
    }
}

/* What every round of a window does beside its activity. */
static void attend(void)
{
    watchdog_feed();
    (void)timer_now(); /* a window may outlast the timer */
    if (with_sensor) {
        sensor_poll();
    }
}

/* Rest until `end`, or a byte comes; milliseconds rested. */
static uint32_t idle(uint32_t milliseconds)
{
    const uint64_t start = timer_now();
    const uint64_t end = start + (uint64_t)milliseconds * TICKS_PER_MS;
    uint64_t now = start;
    while (now < end && !uart_has_data()) {
        const uint64_t until = with_sensor && sensor_next() < end ? sensor_next() : end;
        nap(awake ? WAIT_BUSY : WAIT_SLEEP, until);
        attend();
        now = timer_now();
    }
    const uint64_t rested = (now - start) / TICKS_PER_MS;
    return rested < milliseconds ? (uint32_t)rested : milliseconds;
}

static bool act(activity_t activity)
{
    switch (activity) {
    case ACTIVITY_LOAD_WEIGHTS:
        return inference_load_weights();
    case ACTIVITY_LOAD_INPUT:
        input_load();
        return true;
    default:
        input_load();
        return input_infer(awake);
    }
}

error_t window_run(const window_request_t *request, window_reply_t *reply)
{
    const activity_t activity = (activity_t)request->activity;
    const uint32_t count = request->count;
    const uint8_t flags = request->flags;
    if (activity > ACTIVITY_INFER || flags & ~ALL_FLAGS) {
        return ERROR_BAD_VALUE;
    }
    awake = flags & WINDOW_BUSY_WAIT;
    with_sensor = flags & WINDOW_SENSOR;
    const led_t led = activity == ACTIVITY_IDLE ? LED_RED : LED_GREEN; /* as the vendor's energy programs signal */
    uart_drain(); /* a reply still on its way would take part */

    gpio_set_led(led, flags & WINDOW_LEDS);
    if (with_sensor) {
        sensor_begin();
    }
    const uint64_t start = timer_now();
    window_trigger(true);
    uint32_t done = 0;
    bool good = true;
    if (activity == ACTIVITY_IDLE) {
        done = idle(count);
    } else {
        for (; good && done < count && !uart_has_data(); done += good) {
            good = act(activity);
            attend();
        }
    }
    window_trigger(false);
    const uint64_t elapsed = timer_now() - start;
    const sensor_sum_t sum = with_sensor ? sensor_end() : (sensor_sum_t){.sensor = SENSOR_NONE};
    gpio_set_led(led, false);
    if (!good) {
        return ERROR_CNN_TIMEOUT;
    }

    *reply = (window_reply_t){
        .activity = (uint8_t)activity,
        .count = done,
        .microseconds = elapsed / TIMER_TICKS_PER_US,
        .sensor = (uint8_t)sum.sensor,
        .samples = sum.samples,
        .microvolts = sum.microvolts,
        .microamperes = sum.microamperes,
        .nanojoules = sum.nanojoules,
        .configuration = sum.configuration,
        .shunt_microohms = sum.shunt_microohms,
    };
    return NO_ERROR;
}
