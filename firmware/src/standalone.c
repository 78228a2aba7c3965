#include "standalone.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "camera.h"
#include "hal.h"
#include "network.h"
#include "protocol.h"
#include "say.h"
#include "softmax.h"

#define PATIENCE_TICKS (3u * (uint64_t)TIMER_HZ) /* from reset until there seems to be no host */
#define RETRY_TICKS (10u * (uint64_t)TIMER_HZ)   /* after the camera failed */
#define BOUNCE_TICKS (TIMER_HZ / 20u)            /* for which the button's contact may chatter */
#define BLINK_TICKS (TIMER_HZ / 4u)
#define PAUSE_BLINKS 4u
#define SMOOTHED 4u /* answers the shown one is the mean of */

#define RED (1u << LED_RED)
#define GREEN (1u << LED_GREEN)
#define BLUE (1u << LED_BLUE)
#define COLOURS (RED | GREEN | BLUE) /* every mix but none */

static const struct {
    const char *name;
    uint32_t leds;
} colours[] = {
    {"angry", RED},         {"disgust", GREEN}, {"fear", RED | BLUE}, {"happy", RED | GREEN},
    {"neutral", RED | GREEN | BLUE}, {"sad", BLUE}, {"surprise", GREEN | BLUE},
};

static enum { WAITING, RUNNING, OFF } state;
static bool was_pressed = true; /* held down at reset it means something else */
static uint64_t bounced, retry_at;
static bool failing; /* that the camera is off has been told */

static uint16_t history[SMOOTHED][NETWORK_OUTPUTS]; /* thousandths */
static uint32_t answers;
static uint16_t shown; /* class */
static uint32_t confidence; /* percent */
static uint32_t leds;       /* its colour */
static bool blinks;

/* The name of a class and its length; 0 where nobody named them. */
static size_t class_name(uint16_t number, const char **name)
{
    const char *at = NETWORK_CLASSES;
    for (; *at != '\0' && number > 0; number--) {
        at += 1u + strcspn(at + 1, "\n");
    }
    *name = *at == '\0' ? at : at + 1;
    return strcspn(*name, "\n");
}

/* Classes without a colour of their own take one by their number, and blink. */
static void choose_colour(void)
{
    const char *name;
    const size_t length = class_name(shown, &name);
    blinks = true;
    leds = 1u + shown % COLOURS;
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        if (length == strlen(colours[i].name) && memcmp(name, colours[i].name, length) == 0) {
            blinks = false;
            leds = colours[i].leds;
        }
    }
}

static void smooth(void)
{
    softmax(history[answers++ % SMOOTHED]);
    const uint32_t count = answers < SMOOTHED ? answers : SMOOTHED;
    uint32_t highest = 0;
    for (uint16_t class = 0; class < NETWORK_OUTPUTS; class++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            sum += history[i][class];
        }
        if (class == 0 || sum > highest) {
            highest = sum;
            shown = class;
        }
    }
    confidence = highest / (10u * count);
}

static void tell(void)
{
    const char *name;
    const size_t length = class_name(shown, &name);
    if (length > 0) {
        uart_write((const uint8_t *)name, length);
    } else {
        say("class ");
        say_number(shown);
    }
    say(", ");
    say_number(confidence);
    say(" %\r\n");
}

static void report(error_t error, uint64_t now)
{
    static const char *const meaning[] = PROTOCOL_ERROR_MEANINGS;
    failing = true;
    retry_at = now + RETRY_TICKS;
    say("error ");
    say_number(error);
    say(": ");
    say(meaning[error]);
    say("\r\n");
}

static void try_camera(void)
{
    answers = 0;
    failing = false;
    const error_t error = camera_start();
    if (error != NO_ERROR) {
        report(error, timer_now());
    }
}

static void look(uint64_t now, bool answered)
{
    if (answered) {
        smooth();
        choose_colour();
        tell();
    } else if (!camera_is_on() && !failing) {
        report(camera_fault(), now); /* it went off by itself */
    } else if (!camera_is_on() && now >= retry_at) {
        try_camera();
    }
}

/* Red, as often as the error's number says, and a pause. */
static void show_fault(uint64_t now)
{
    const uint32_t error = camera_fault();
    const uint32_t times = error < ERROR_CAMERA_NO_SUPPLY ? 1u : error - ERROR_CAMERA_NO_SUPPLY + 1u;
    const uint64_t phase = now / BLINK_TICKS % (2u * times + PAUSE_BLINKS);
    light_show(RED, phase < 2u * times && phase % 2u == 0 ? 100u : 0);
}

static void show(uint64_t now)
{
    if (camera_fault() != NO_ERROR) {
        show_fault(now);
    } else if (state != RUNNING || answers == 0) {
        light_show(0, 0);
    } else {
        const bool dark = blinks && now / BLINK_TICKS % 2u != 0;
        light_show(leds, dark ? 0 : confidence);
    }
}

static void begin(void)
{
    state = RUNNING;
    try_camera();
}

void standalone_end(void)
{
    if (state == RUNNING) {
        camera_stop();
    }
    state = OFF;
    light_show(0, 0);
}

static void watch_button(uint64_t now)
{
    const bool pressed = gpio_button_pressed();
    if (pressed == was_pressed || now - bounced < BOUNCE_TICKS) {
        return;
    }
    was_pressed = pressed;
    bounced = now;
    if (pressed && state == RUNNING) {
        standalone_end();
    } else if (pressed) {
        begin();
    }
}

void standalone_run(bool answered)
{
    const uint64_t now = timer_now();
    watch_button(now);
    if (state == WAITING && now >= PATIENCE_TICKS) {
        begin();
    }
    if (state == RUNNING) {
        look(now, answered);
    }
    show(now);
}
