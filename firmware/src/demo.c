#include "demo.h"

#include <stdbool.h>
#include <stdint.h>

#include "hal.h"
#include "inference.h"

#define PATIENCE_TICKS (5u * (uint64_t)TIMER_HZ) /* from the start until there seems to be no host */
#define HALF_PERIOD_TICKS TIMER_HZ

static bool over, lit;
static uint64_t next = PATIENCE_TICKS;
static led_t led;

static bool infer_sample(void)
{
    inference_load_sample();
    if (!inference_run(false)) {
        return false;
    }
    led = (led_t)(inference_class() % LEDS); /* red, green, blue by turns of the class */
    return true;
}

void demo_end(void)
{
    if (lit) {
        gpio_set_led(led, false);
    }
    lit = false;
    over = true;
}

void demo_run(void)
{
    const uint64_t now = timer_now();
    if (over || now < next) {
        return;
    }
    next = now + HALF_PERIOD_TICKS;
    if (!lit && !infer_sample()) {
        return;
    }
    lit = !lit;
    gpio_set_led(led, lit);
}
