/* Firmware of the MAX78000FTHR: bring the board up, then answer the serial port for ever. */
#include "camera.h"
#include "console.h"
#include "hal.h"
#include "inference.h"
#include "protocol.h"
#include "sensor.h"
#include "standalone.h"
#include "text.h"
#include "window.h"

/* Before anything sleeps or switches clocks off, so that a debugger can always get hold of the board again. */
#define BOOT_PAUSE_TICKS (2u * TIMER_HZ)

/* On failure the red LED stays lit until the watchdog starts the next attempt. SW1 held down meanwhile: MLPerf's energy mode. */
static void bring_up(void)
{
    gpio_init_leds();
    gpio_init_button();
    gpio_set_led(LED_RED, true);
    bool up = clock_init() && icc_init() && timer_init() && uart_init(PROTOCOL_BAUD_RATE);
    if (up) {
        window_init();
        power_init();
        timer_wait(BOOT_PAUSE_TICKS);
        watchdog_feed();
        sensor_init();
        simo_init();
        up = inference_init();
    }
    while (!up) {
    }
    if (gpio_button_pressed()) {
        text_set_mode(true);
        standalone_end(); /* nothing but the accelerator draws current */
    }
    gpio_set_led(LED_RED, false); /* dark from here on: a LED draws more than the accelerator */
}

int main(void)
{
    supervisor_init();
    bring_up();
    text_greet();
    for (;;) {
        watchdog_feed();
        supervisor_check_stack();
        standalone_run(camera_run());
        console_run();
    }
}
