#include "sensor.h"

#include <stdbool.h>

#include "hal.h"

#define FIRST_ADDRESS 0x40u
#define LAST_ADDRESS 0x4fu
#define SHUNT_MICROOHMS 100000u /* of every common module */

#define REGISTER_CONFIGURATION 0x00u
#define REGISTER_SHUNT 0x01u
#define REGISTER_BUS 0x02u
#define REGISTER_MAKER 0xfeu /* INA226 only */
#define INA226_MAKER 0x5449u
#define INA219_AFTER_RESET 0x399fu

/* Both convert all the time and average over 16 readings, so that nothing between two samples is missed. */
typedef struct {
    uint16_t configuration;
    uint32_t period_us;       /* of one shunt and one bus conversion, averaged */
    uint32_t shunt_nanovolts; /* of one count */
    uint32_t bus_microvolts;  /* of one count */
    uint32_t bus_position;    /* lowest bit of the count */
} chip_t;
static const chip_t chips[] = {
    /* 16 V, ±80 mV across the shunt, 2 × 16 × 532 us */
    [SENSOR_INA219] = {0x0e67u, 17020u, 10000u, 4000u, 3u},
    /* 16 × (1.1 ms + 1.1 ms) */
    [SENSOR_INA226] = {0x4527u, 35200u, 2500u, 1250u, 0u},
};

static sensor_t kind = SENSOR_NONE;
static uint8_t address;

static struct {
    bool failed;
    uint32_t samples;
    uint64_t since; /* the last sample */
    uint64_t next;
    uint64_t ticks; /* of all samples */
    uint64_t volts; /* microvolts × ticks */
    int64_t amperes;
    int64_t picojoules;
} window;

static bool read_register(uint8_t number, uint16_t *value)
{
    uint8_t bytes[2];
    if (!i2c_write(address, &number, 1) || !i2c_read(address, bytes, sizeof bytes)) {
        return false;
    }
    *value = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return true;
}

/* Other chips may stand at these addresses: nothing is written before this one is known. */
static sensor_t identify(void)
{
    uint16_t value;
    if (!read_register(REGISTER_CONFIGURATION, &value)) {
        return SENSOR_NONE;
    }
    if (value == INA219_AFTER_RESET || value == chips[SENSOR_INA219].configuration) {
        return SENSOR_INA219;
    }
    return read_register(REGISTER_MAKER, &value) && value == INA226_MAKER ? SENSOR_INA226 : SENSOR_NONE;
}

void sensor_init(void)
{
    kind = SENSOR_NONE;
    if (!i2c_init()) {
        return;
    }
    for (uint8_t candidate = FIRST_ADDRESS; candidate <= LAST_ADDRESS && kind == SENSOR_NONE; candidate++) {
        address = candidate;
        kind = identify();
    }
}

sensor_t sensor_kind(void)
{
    return kind;
}

static uint64_t period(void)
{
    return (uint64_t)chips[kind].period_us * TIMER_TICKS_PER_US;
}

/* This starts the chip's first conversion of the window, so that none holds what was before. */
static bool configure(void)
{
    const uint16_t configuration = chips[kind].configuration;
    const uint8_t bytes[] = {REGISTER_CONFIGURATION, (uint8_t)(configuration >> 8), (uint8_t)configuration};
    return i2c_write(address, bytes, sizeof bytes);
}

void sensor_begin(void)
{
    if (kind == SENSOR_NONE) {
        sensor_init(); /* it may have been plugged in since */
    }
    if (kind != SENSOR_NONE && !configure()) {
        kind = SENSOR_NONE;
    }
    const uint64_t now = timer_now();
    window = (typeof(window)){.since = now, .next = now + period(), .failed = kind == SENSOR_NONE};
}

static void sample(void)
{
    const chip_t *chip = &chips[kind];
    const uint64_t now = timer_now();
    uint16_t shunt, bus;
    if (!read_register(REGISTER_SHUNT, &shunt) || !read_register(REGISTER_BUS, &bus)) {
        window.failed = true;
        return;
    }
    const int64_t ticks = (int64_t)(now - window.since);
    const int64_t microamperes = (int64_t)(int16_t)shunt * chip->shunt_nanovolts * 1000 / SHUNT_MICROOHMS;
    const int64_t microvolts = (int64_t)(bus >> chip->bus_position) * chip->bus_microvolts;
    window.samples++;
    window.ticks += (uint64_t)ticks;
    window.volts += (uint64_t)(microvolts * ticks);
    window.amperes += microamperes * ticks;
    window.picojoules += microvolts * microamperes / TIMER_TICKS_PER_US * ticks / 1000000;
    window.since = now;
    window.next += period();
    if (window.next < now) { /* what was done between took long */
        window.next = now + period();
    }
}

void sensor_poll(void)
{
    if (!window.failed && timer_now() >= window.next) {
        sample();
    }
}

uint64_t sensor_next(void)
{
    return window.failed ? UINT64_MAX : window.next;
}

sensor_sum_t sensor_end(void)
{
    if (!window.failed) {
        sample(); /* what has passed since the last */
    }
    if (window.failed || window.ticks == 0) {
        kind = SENSOR_NONE;
        return (sensor_sum_t){.sensor = SENSOR_NONE};
    }
    return (sensor_sum_t){
        .sensor = kind,
        .samples = window.samples,
        .microvolts = (uint32_t)(window.volts / window.ticks),
        .microamperes = (int32_t)(window.amperes / (int64_t)window.ticks),
        .nanojoules = window.picojoules / 1000,
        .configuration = chips[kind].configuration,
        .shunt_microohms = SHUNT_MICROOHMS,
    };
}
