#include "duty.h"

#include <stdbool.h>

#include "bytes.h"
#include "camera.h"
#include "frame.h"
#include "hal.h"
#include "inference.h"
#include "input.h"
#include "nap.h"
#include "network.h"
#include "window.h"

#define US_PER_S 1000000u

/* Ticks of each phase, in all frames together. */
typedef struct {
    uint64_t wake, load, infer, read;
} phases_t;

static bool is_valid(const duty_cycle_request_t *request)
{
    const bool deep = request->wait == WAIT_UPM || request->wait == WAIT_STANDBY;
    return request->wait <= WAIT_STANDBY && request->rest <= REST_OFF && request->clock <= CLOCK_ISO
           && (!deep || request->rest >= REST_RETAINED) && request->frames > 0 && request->period_us > 0
           && (uint64_t)request->period_us * request->frames <= (uint64_t)PROTOCOL_DUTY_CYCLE_SECONDS * US_PER_S;
}

static uint64_t lap(uint64_t *phase, uint64_t since)
{
    const uint64_t now = timer_now();
    *phase += now - since;
    return now;
}

static uint32_t logits_crc(void)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < NETWORK_OUTPUTS; i++) {
        uint8_t bytes[4];
        put_u32(bytes, (uint32_t)inference_logit(i));
        crc = frame_crc32(crc, bytes, sizeof bytes);
    }
    return crc;
}

/* One frame, from the accelerator's rest to its rest. */
static bool infer(rest_t rest, bool awake, phases_t *phases, uint32_t *crc)
{
    uint64_t at = timer_now();
    bool good = inference_wake(rest);
    at = lap(&phases->wake, at);
    if (good) {
        input_load();
        at = lap(&phases->load, at);
        good = input_infer(awake);
        at = lap(&phases->infer, at);
    }
    *crc = good ? logits_crc() : 0;
    inference_rest(rest);
    (void)lap(&phases->read, at);
    return good;
}

/* The frames at their times; the accelerator rests before and afterwards. */
static bool run(const duty_cycle_request_t *request, phases_t *phases, duty_cycle_reply_t *reply)
{
    const rest_t rest = (rest_t)request->rest;
    const uint64_t period = (uint64_t)request->period_us * (clock_pclk_hz() / US_PER_S);
    const uint64_t start = timer_now();
    uint64_t due = start;
    for (; reply->frames < request->frames; reply->frames++) {
        uint32_t crc;
        if (!infer(rest, request->wait == WAIT_BUSY, phases, &crc)) {
            return false;
        }
        if (reply->frames == 0) {
            reply->logits_crc = crc;
        }
        reply->differing += crc != reply->logits_crc;
        due += period;
        if (timer_now() > due) {
            reply->late++;
            due = timer_now();
        }
        while (watchdog_feed(), timer_now() < due) {
            nap((wait_t)request->wait, due);
        }
    }
    reply->microseconds = (timer_now() - start) / (clock_pclk_hz() / US_PER_S);
    return true;
}

error_t duty_run(const duty_cycle_request_t *request, duty_cycle_reply_t *reply)
{
    if (!is_valid(request)) {
        return ERROR_BAD_VALUE;
    }
    camera_stop();
    uart_drain(); /* a reply still on its way would take part */
    if ((request->wait >= WAIT_LPM && !power_ready()) || !clock_select(request->clock == CLOCK_ISO ? ISO_HZ : IPO_HZ)) {
        return ERROR_NO_OSCILLATOR;
    }
    uart_listen(false);
    const rest_t rest = (rest_t)request->rest;
    *reply = (duty_cycle_reply_t){0};
    phases_t phases = {0};
    inference_rest(rest);
    window_trigger(true);
    bool good = run(request, &phases, reply);
    window_trigger(false);
    good &= inference_wake(rest);
    const uint32_t ticks_per_us = clock_pclk_hz() / US_PER_S;
    reply->wake_us = phases.wake / ticks_per_us;
    reply->load_us = phases.load / ticks_per_us;
    reply->infer_us = phases.infer / ticks_per_us;
    reply->read_us = phases.read / ticks_per_us;
    while (!clock_select(IPO_HZ)) { /* nothing would work: the watchdog ends it */
    }
    uart_listen(true);
    return good ? NO_ERROR : ERROR_CNN_TIMEOUT;
}
